--- Applying a plan: the source is asked about each lead, several at once, and what it
-- says goes into the ledger. A failure is one lead's, never the run's.

local breaker = require "oc.civic.breaker"
local civic_options = require "oc.civic.options"
local core = require "oc.core"
local errors = require "oc.errors"
local journal = require "oc.civic.journal"
local ledger = require "oc.civic.ledger"
local log = require "oc.log"
local options = require "oc.options"
local pace = require "oc.civic.pace"
local plan = require "oc.civic.plan"
local protect = require "oc.protect"
local source = require "oc.civic.source"
local values = require "oc.civic.values"

local apply = {}

--- What came of a synchronisation.
---@class oc.civic.Result
---@field synced integer   leads whose addresses were found
---@field unchanged integer   leads that have them already
---@field empty integer   leads of which the source says that there are none
---@field failed integer
---@field skipped integer   leads that nobody was asked about
---@field resumed integer   leads that an earlier run of the journal had dealt with
---@field failures oc.civic.Failure[]
---@field changes oc.civic.Change[]
---@field reasons table<string, integer>   why leads were skipped, with how many
---@field stop_reason "end"|"breaker"|"deadline"|"interrupted"|"dry_run"|"journal"
---@field journal_error oc.Error|nil   with `journal`: an outcome could not be written down
---@field signal integer|nil   with `interrupted`: the signal that was caught
---@field asked integer   how often the source was asked
---@field elapsed_s number

--- What `oc.civic.sync` gives: what came of it, and the plan that it made.
---@class oc.civic.SyncResult: oc.civic.Result
---@field plan oc.civic.Plan
---@field leads oc.Lead[]   all that were given or read

---@class oc.civic.Failure
---@field lead oc.Lead|oc.civic.PlanItem   the lead itself, where leads were given
---@field err oc.civic.SourceError

--- Addresses that were put in place.
---@class oc.civic.Change
---@field id string|nil   of the lead
---@field tenantId string|nil
---@field lead oc.Lead|nil   the lead itself, where leads were given
---@field before oc.CivicAddress[]|nil   the addresses it had
---@field addresses oc.CivicAddress[]   those it has now
---@field resumed boolean|nil   from the journal

---@class oc.civic.Run
local Run = {}
Run.__index = Run

-- --- addresses ----------------------------------------------------------------------

local function shape(what)
  return nil, errors.new("shape", "the source gave " .. what)
end

-- A list, or an empty table, which may be one.
local function may_be_list(value)
  return values.is_list(value) or type(value) == "table" and next(value) == nil
end

-- Its locations, as leads have them: `isDefault` is a text there. nil, what is wrong.
local function settle_locations(address)
  local locations = values.known(address.locations)
  if locations == nil then return true end
  if not may_be_list(locations) or values.no_object(locations) then
    return nil, "an address whose 'locations' is no list of objects"
  end
  for _, location in ipairs(values.array(locations)) do
    if type(location.isDefault) == "boolean" then location.isDefault = tostring(location.isDefault) end
  end
  return true
end

-- What a source gave, as a lead can have it: a copy | nil, err.
local function normal(given)
  if not may_be_list(given) then return shape "no list of addresses" end
  if values.no_object(given) then return shape "an address that is no object" end
  local good, text = pcall(core.encode, given)
  if not good then return shape("what JSON cannot say: " .. tostring(text)) end
  local addresses = values.array(values.copy(given))
  for _, address in ipairs(addresses) do
    local ok, what = settle_locations(address)
    if not ok then return shape(what) end
  end
  return addresses
end

-- --- asking ---------------------------------------------------------------------------

local function worth_another_try(err, now)
  if err.again ~= nil then return err.again end
  if core.retryable(err.kind) or err.kind == "throttle" then return true end -- also behind a status of 200
  return err.kind == "http" and err.status ~= nil and (select(2, core.judge(err.status, nil, now)))
end

function Run:left_s()
  return self.deadline and math.max(self.deadline - self.host.now(), 0)
end

-- Waits before the next attempt: true, or false if there is to be none.
function Run:wait_after(unit, err)
  local host, limits = self.host, self.settings
  local asked_s = err.retry_after_s
  local too_long = asked_s and asked_s > limits.retry_after_cap_s
  if asked_s then self.pace:hold(math.min(asked_s, limits.retry_after_cap_s)) end -- said to one, meant for all
  if unit.attempts >= limits.max_attempts or too_long or not worth_another_try(err, host.time()) then return false end
  local wait_s = asked_s or core.backoff(unit.attempts, limits.backoff_base_s, limits.backoff_cap_s, host.random())
  if self.deadline and host.now() + wait_s >= self.deadline then return false end
  self.log("info", "civic_retry", {lead_id = unit.items[1].id, kind = err.kind, status = err.status,
    attempt = unit.attempts, wait_s = wait_s})
  return host.sleep(wait_s) and true or false
end

-- True, or false where the run stops meanwhile.
function Run:wait_for_probe(seconds)
  if self.deadline and self.host.now() + seconds >= self.deadline then
    self.stop = self.stop or "deadline"
  elseif not self.host.sleep(seconds) then
    self.stop = self.stop or "interrupted"
  end
  return not self.stop
end

-- Asks about a tenant until there is an answer, or no use in asking: into the unit.
function Run:ask(unit, probe_wait_s)
  if probe_wait_s and not self:wait_for_probe(probe_wait_s) then return end
  local ask = {
    left_s = function() return self:left_s() end,
    turn = function() return self.pace:turn(self.deadline) end,
  }
  repeat
    local ok, late = self.pace:turn(self.deadline)
    if not ok then
      self.stop = self.stop or (late.kind == "timeout" and "deadline" or "interrupted")
      return
    end
    self.ledger.result.asked = self.ledger.result.asked + 1
    unit.attempts = unit.attempts + 1
    ask.attempt = unit.attempts
    unit.addresses, unit.err = self.source:fetch(unit.lead, ask)
    if unit.addresses then unit.addresses, unit.err = normal(unit.addresses) end
    if not unit.addresses then unit.err = source.reason(unit.err) end
  until unit.addresses or not self:wait_after(unit, unit.err)
end

-- What a unit has come to, for the breaker.
function Run:judge(unit)
  local err = unit.err
  if not err or err.unknown_tenant or err.inconclusive then -- it has answered
    if not err or unit.probe then self.breaker:succeeded() end
  elseif self.breaker:failed(unit.probe) then
    if err.kind == "auth" then self.breaker.probes = 0 end -- waiting heals no credentials
    local hint = err.kind == "auth" and "credentials are refused: the rest is skipped"
      or "too many failures in a row: only single leads are tried now"
    self.log("warn", "civic_breaker_open", {kind = err.kind, status = err.status, hint = hint})
  end
end

function Run:settle(unit)
  local interrupted = unit.err and unit.err.kind == "cancelled" -- while the source waited for its turn
  if interrupted or unit.attempts == 0 and not unit.err then -- stopped before there could be an answer
    if interrupted then self.stop = self.stop or "interrupted" end
    if unit.probe then self.breaker:withdrawn() end
    table.insert(self.units, unit)
    return
  end
  self:judge(unit)
  for _, item in ipairs(unit.items) do
    if unit.addresses then
      self.ledger:take(item, unit.addresses, unit.attempts)
    else
      self.ledger:fail(item, unit.err, unit.attempts)
    end
  end
  if self.ledger.failed_to_write then self.stop = self.stop or "journal" end
end

-- The next task for the host: what asks, and what is to be done when it has ended.
function Run:next()
  if self.stop or self.at >= #self.units then return nil end
  if self.deadline and self.host.now() >= self.deadline then
    self.stop = "deadline"
    return nil
  end
  local allowed, wait_s = self.breaker:admit()
  if not allowed then return nil end
  self.at = self.at + 1
  local unit = self.units[self.at]
  unit.probe = wait_s ~= nil
  return function() self:ask(unit, wait_s) end, function(ok, raised)
    if not ok then unit.addresses, unit.err = nil, source.raised(raised) end
    self:settle(unit)
  end
end

-- A host that cannot do several things at once does them in turn.
local function together(host, most, next_task)
  if host.together then return host:together(most, next_task) end
  while true do
    local task, ended = next_task()
    if not task then return true end
    ended(pcall(task))
  end
end

-- --- the run --------------------------------------------------------------------------

local function of_tenant(item)
  return item.tenantId and item.tenantId:lower()
end

-- Leads of one tenant are one question, unless the source says otherwise.
local function units_of(items, made)
  local units, by_key = {}, {}
  for _, item in ipairs(items) do
    local key
    if made.key then key = made:key(item) else key = of_tenant(item) end
    local unit = key and by_key[key]
    if not unit then
      unit = {items = {}, attempts = 0}
      units[#units + 1] = unit
      if key then by_key[key] = unit end
    end
    table.insert(unit.items, item)
  end
  return units
end

-- What a source is asked about: the lead, or what the plan has of it.
local function question(run, item)
  return run.ledger:lead_of(item) or {id = item.id, tenantId = item.tenantId, isDirectLead = item.direct}
end

-- Before anybody is asked: what the journal knows, what has come meanwhile, and what nobody can be asked about.
function Run:begin(items)
  self.units = {}
  for _, unit in ipairs(units_of(items, self.source)) do
    local first = unit.items[1]
    if not (first.id or first.tenantId) then
      for _, item in ipairs(unit.items) do self.ledger:fail(item, ledger.nameless(), 0) end
      unit.items = {}
    end
    unit.items = self.ledger:settle_known(unit.items)
    if #unit.items > 0 then
      unit.lead = question(self, unit.items[1])
      table.insert(self.units, unit)
    end
  end
end

-- Nobody was asked about the rest.
function Run:skip_rest()
  if self.at < #self.units and not self.stop then self.stop = "breaker" end
  for i = self.at + 1, #self.units do
    for _, item in ipairs(self.units[i].items) do self.ledger:skip(item, self.stop) end
  end
  self.ledger.result.stop_reason = self.stop or "end"
end

function Run:go()
  local ok, err = together(self.host, self.settings.concurrency, function() return self:next() end)
  if not ok then
    self.stop = self.stop or "interrupted"
    self.ledger.result.signal = err.signal
  end
  self:skip_rest()
end

-- The host that carries what the source asks, and whether it is ours to close.
local function host_of(made, settled)
  local client = made.client or settled.client
  if client then return client.host, false end
  local host, err = require("oc.host.script").new()
  return host, host ~= nil, err
end

local function new_run(settled, made, host, total)
  local client = made.client or settled.client
  local logs = settled.log == nil and client and client.log or log.new(settled.log)
  return setmetatable({
    settings = settled, source = made, host = host, log = logs, at = 0, started = host.now(),
    pace = pace.new(host, settled.rate_per_min or made.rate_per_min),
    breaker = breaker.new(settled.breaker, settled.breaker_wait_s, settled.breaker_probes),
    deadline = settled.deadline_s and host.now() + settled.deadline_s,
    ledger = ledger.new {leads = settled.leads, total = total, source = made.name or "own", time = host.time,
      log = logs, on_outcome = settled.on_outcome},
  }, Run)
end

local function settle_options(given, level)
  local what = "oc.civic.apply"
  local settled = options.check(civic_options.apply, given, what, level + 1)
  options.defaults(civic_options.apply, settled)
  if settled.dry_run then return settled end
  if settled.source == nil then error(what .. ": option 'source' is missing", level + 1) end
  local made, fault = source.of(settled.source)
  if not made then error(("%s: option 'source': %s"):format(what, fault), level + 1) end
  return settled, made
end

-- Nobody is asked, nothing is changed or written.
local function dry_run(items)
  local result = ledger.new({total = #items, source = "none"}).result
  result.skipped, result.stop_reason = #items, "dry_run"
  result.reasons.dry_run = #items > 0 and #items or nil
  return result
end

-- Opens the journal, if there is to be one: true | nil, err.
local function open_journal(run, path, max_age_h)
  if not path then return true end
  local opened, err = journal.open(path, max_age_h, run.host.time())
  if not opened then return nil, err end
  run.ledger.journal = opened
  if opened.bad > 0 then
    run.log("warn", "civic_journal_lines", {
      hint = ("%d lines of the journal could not be read: those leads are asked about again"):format(opened.bad)})
  end
  return true
end

-- The same, whatever is raised on the way: the journal is closed.
local function run_through(run, items, path, max_age_h)
  local ok, err = open_journal(run, path, max_age_h)
  if not ok then return nil, err end
  local raised
  ok, raised = protect.call(function()
    run:begin(items)
    run:go()
  end)
  if run.ledger.journal then run.ledger.journal:close() end
  if not ok then error(raised, 0) end
  run.ledger.result.elapsed_s = run.host.now() - run.started
  return run.ledger.result
end

--- Does what a plan says. Raises for what the program got wrong.
---@param given oc.civic.Plan
---@param given_options oc.civic.ApplyOptions   `source` is needed, but for `dry_run`
---@param level integer   as for error
---@return oc.civic.Result|nil
---@return oc.Error|nil err   kind `io`: the journal cannot be used, and nothing was done
function apply.run(given, given_options, level)
  local fault = plan.fault(given)
  if fault then error("oc.civic.apply: " .. fault, level + 1) end
  local settled, made = settle_options(given_options, level + 1)
  if settled.dry_run then return dry_run(given.items) end
  local host, ours, err = host_of(made, settled)
  if not host then return nil, err end
  local called, result, why = protect.call(run_through, new_run(settled, made, host, #given.items), given.items,
    settled.journal, settled.journal_max_age_h)
  if ours then host:close() end
  if not called then error(result, 0) end
  return result, why
end

return apply

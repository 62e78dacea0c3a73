--- The ledger of a synchronisation: what came of each lead is written down, put in place
-- and counted, in this order and once. Asks nobody.

local conceal = require "oc.conceal"
local core = require "oc.core"
local errors = require "oc.errors"
local journal = require "oc.civic.journal"
local values = require "oc.civic.values"

local ledger = {}

-- What of an error's words gets into the log.
local HINT_BYTES = 200

---@class oc.civic.Ledger
---@field result oc.civic.Result
---@field failed_to_write boolean   the journal cannot be written any more
local Ledger = {}
Ledger.__index = Ledger

local function index_leads(leads)
  local by_key = {}
  for _, lead in ipairs(leads or {}) do
    local key = type(lead) == "table" and journal.key(lead)
    if key then
      by_key[key] = by_key[key] or {}
      table.insert(by_key[key], lead)
    end
  end
  return by_key
end

---@class oc.civic.LedgerOptions
---@field leads table[]|nil   that addresses are put into
---@field total integer
---@field source string   its name
---@field time fun(): number
---@field log oc.Log
---@field on_outcome function|nil
---@field journal oc.civic.Journal|nil

--- An empty ledger.
---@param given oc.civic.LedgerOptions
---@return oc.civic.Ledger
function ledger.new(given)
  local result = {synced = 0, unchanged = 0, empty = 0, failed = 0, skipped = 0, resumed = 0, failures = {},
    changes = {}, reasons = {}, asked = 0, elapsed_s = 0}
  return setmetatable({result = result, by_key = index_leads(given.leads), total = given.total, done = 0,
    source = given.source, time = given.time, log = given.log, on_outcome = given.on_outcome, journal = given.journal,
    failed_to_write = false}, Ledger)
end

local function same_tenant(item, other)
  local a, b = values.text(item.tenantId), values.text(other.tenantId)
  return not a or not b or a:lower() == b:lower()
end

-- The leads of an item that were given; one stands for an item without any. An id that two tenants have is not
-- enough to put the addresses of one into the lead of the other.
function Ledger:leads_of(item)
  local leads = {}
  for _, lead in ipairs(self.by_key[journal.key(item) or false] or {}) do
    if same_tenant(item, lead) then leads[#leads + 1] = lead end
  end
  return #leads > 0 and leads or {false}
end

--- The lead that an item is about, if leads were given.
---@param item oc.civic.PlanItem
---@return table|nil
function Ledger:lead_of(item)
  return self:leads_of(item)[1] or nil
end

-- --- putting in place -------------------------------------------------------------------

-- Does the lead keep its nulls? The service writes all fields, so one that was read so has some.
local function keeps_nulls(lead)
  for _, value in pairs(lead) do
    if value == core.null then return true end
  end
  return false
end

-- Puts addresses into a lead, and notes what that changed.
local function put(self, item, lead, addresses, resumed)
  local strip = lead ~= nil and not keeps_nulls(lead)
  local change = {id = item.id, tenantId = item.tenantId, lead = lead, resumed = resumed or nil,
    addresses = values.copy(addresses, strip)}
  if lead then
    change.before = values.known(lead.civicAddresses)
    lead.civicAddresses = values.copy(addresses, strip) -- its own: what is done to it later is no change of ours
  end
  table.insert(self.result.changes, change)
end

-- Has it addresses by now, where the plan knew of none?
local function has_gained(item, lead)
  return (item.addresses or 0) == 0 and lead and (values.count(lead) or 0) > 0
end

-- What tells whether a lead still has the addresses that it had; nil: it had none.
local function mark_of(lead)
  if not lead or (values.count(lead) or 0) == 0 then return nil end
  return values.digest(lead.civicAddresses)
end

-- --- counting ---------------------------------------------------------------------------

--- What `on_outcome` is told of each lead.
---@class oc.civic.Told
---@field id? string   of the lead
---@field tenantId? string
---@field outcome "synced"|"unchanged"|"empty"|"failed"|"skipped"|"resumed"
---@field err? oc.civic.SourceError   of `failed`
---@field why string   the lead is in the plan
---@field reason? string   of `skipped`: as `stop_reason`
---@field done integer   leads so far
---@field total integer   leads in the plan

local function count(self, item, outcome, err, reason)
  self.result[outcome] = self.result[outcome] + 1
  self.done = self.done + 1
  if not self.on_outcome then return end
  self.on_outcome {id = item.id, tenantId = item.tenantId, outcome = outcome, err = err, why = item.why,
    reason = reason, done = self.done, total = self.total}
end

-- Written down first: what is in the journal is never done twice.
local function write(self, item, outcome, fields)
  local key = journal.key(item)
  if not self.journal or self.failed_to_write or not key then return end
  fields.lead, fields.tenantId, fields.outcome, fields.source = key, item.tenantId, outcome, self.source
  fields.time = values.iso(fields.time or self.time())
  local ok, err = self.journal:write(fields)
  if ok then return end
  self.failed_to_write, self.result.journal_error = true, err
  self.log("error", "civic_journal", {kind = err.kind, hint = err.message})
end

--- The source gave no answer.
---@param item oc.civic.PlanItem
---@param err oc.Error
---@param attempts integer
function Ledger:fail(item, err, attempts)
  write(self, item, "failed", {attempts = attempts, kind = err.kind, message = err.message})
  self.log("warn", "civic_failed", {lead_id = item.id, kind = err.kind, status = err.status, attempts = attempts,
    hint = conceal.contacts(err.message:match "^[^\n]*"):sub(1, HINT_BYTES)})
  table.insert(self.result.failures, {lead = self:lead_of(item) or item, err = err})
  count(self, item, "failed", err)
end

--- The source has said what the addresses are.
---@param item oc.civic.PlanItem
---@param addresses table[]   the ledger's own from now on
---@param attempts integer
---@param time number|nil   when it said so, default now
function Ledger:take(item, addresses, attempts, time)
  local stale = {}
  for _, lead in ipairs(self:leads_of(item)) do
    if not (lead and values.equal(lead.civicAddresses, addresses)) then stale[#stale + 1] = lead end
  end
  if #addresses == 0 or #stale == 0 then
    local outcome = #addresses == 0 and "empty" or "unchanged"
    write(self, item, outcome, {attempts = attempts, time = time})
    return count(self, item, outcome)
  end
  write(self, item, "synced", {addresses = addresses, attempts = attempts, time = time,
    had = mark_of(self:lead_of(item))})
  for _, lead in ipairs(stale) do put(self, item, lead or nil, addresses) end
  count(self, item, "synced")
end

--- Nobody was asked about it.
---@param item oc.civic.PlanItem
---@param reason string
function Ledger:skip(item, reason)
  self.result.reasons[reason] = (self.result.reasons[reason] or 0) + 1
  count(self, item, "skipped", nil, reason)
end

-- --- what need not be asked ---------------------------------------------------------------

-- What an earlier part of the run found is put where nothing newer is: where the lead has
-- no addresses, or still those that it had then.
local function resume(self, item, found)
  local addresses = found.outcome == "synced" and values.known(found.addresses)
  for _, lead in ipairs(addresses and self:leads_of(item) or {}) do
    local has = lead and (values.count(lead) or 0) > 0
    local newer = has and (has_gained(item, lead) or mark_of(lead) ~= values.known(found.had))
    if not newer and not (has and values.equal(lead.civicAddresses, addresses)) then
      put(self, item, lead or nil, addresses, true)
    end
  end
  count(self, item, "resumed")
end

local function all_have_gained(self, item)
  for _, lead in ipairs(self:leads_of(item)) do
    if not has_gained(item, lead) then return false end
  end
  return true
end

-- What the journal knows of an item. That a source had nothing says nothing about another one.
local function known(self, item)
  local key = journal.key(item)
  local found = self.journal and key and self.journal:found(key)
  if found and same_tenant(item, found) and (found.outcome == "synced" or found.source == self.source) then
    return found
  end
end

--- Deals with those items of one question that need no answer; the others.
---@param items oc.civic.PlanItem[]
---@return oc.civic.PlanItem[]
function Ledger:settle_known(items)
  local left, twin = {}, nil
  for _, item in ipairs(items) do
    local found = known(self, item)
    if found then
      resume(self, item, found)
      if found.outcome == "synced" and values.known(found.addresses) then twin = twin or found end
    elseif all_have_gained(self, item) then
      write(self, item, "unchanged", {attempts = 0})
      count(self, item, "unchanged")
    else
      left[#left + 1] = item
    end
  end
  if not twin then return left end
  for _, item in ipairs(left) do self:take(item, twin.addresses, 0, core.instant(twin.time)) end
  return {}
end

--- An error for an item that nobody can be asked about.
---@return oc.Error
function ledger.nameless()
  return errors.new("shape", "the lead has neither id nor tenantId: nobody can be asked about it",
    {unknown_tenant = true})
end

return ledger

--- Leads: the one loop that pulls them along, for every host.
--
-- The consumer asks for a lead; the loop asks the pager, which asks for bytes;
-- the loop gets them from the host. The pager (C) decides everything about pages;
-- the host waits; here they meet, with tokens, prefetch, deadline and result.

local core = require "oc.core"
local errors = require "oc.errors"
local options = require "oc.options"
local resume = require "oc.resume"

local leads = {}

-- A transfer nobody pulled for this long may have been dropped by a server that
-- lost patience: asking again is then not the server's fault.
local UNATTENDED_S = 1

--- Leads, page after page: `for lead in leads do`, or its methods. In a `for` a failure raises the error object.
---@class oc.Leads
---@field protected pager oc.Pager
---@overload fun(): oc.Lead|nil
local Leads = {}
Leads.__index = Leads
Leads.__name = "oc.leads"

--- What came of a run: its pager's result, and what the loop knows besides.
---@class oc.Result: oc.PagerResult
---@field elapsed_s number
---@field resume oc.Resume|nil   nil when the run is complete

--- A page, for `pages` and `on_page`.
---@class oc.PageInfo
---@field number integer
---@field leads? oc.Lead[]   only from `pages`
---@field count integer   leads handed out from it
---@field bytes integer   of its body, unpacked, retries included
---@field attempts integer
---@field elapsed_s number   from its request, or from when it was turned to if that was sent ahead

--- What `on_retry` is told, before a wait.
---@class oc.RetryInfo
---@field page integer
---@field attempt integer   the one that failed
---@field wait_s number   until the next
---@field kind oc.ErrorKind
---@field status? integer   HTTP status
---@field message string

local function settle(client, given, level)
  local settled = options.check(options.leads, given, "leads", level + 1)
  local token = settled.resume
  options.want(settled, "leads", level + 1, true)
  if settled.ms_tenant_id == "" then error("leads: option 'ms_tenant_id': it is empty", level + 1) end
  if settled.ms_tenant_id and #settled.ms_tenant_id > resume.MAX_TENANT_BYTES then
    error(("leads: option 'ms_tenant_id': more than %d bytes"):format(resume.MAX_TENANT_BYTES), level + 1)
  end
  if token then
    resume.check(token, settled, client.settings.origin, level + 1)
    settled.page_size = token.page_size
    settled.ms_tenant_id = token.ms_tenant_id
    settled.check_online = token.check_online or nil
  end
  if settled.page and settled.page < client.settings.page_base then
    error(("leads: option 'page': %d is before the first page, page_base %d"):format(
      settled.page, client.settings.page_base), level + 1)
  end
  return settled
end

local function new_pager(client, settled)
  local all = {}
  for _, option in ipairs(options.pager) do
    local value = settled[option.name]
    if value == nil then value = client.settings[option.name] end
    all[option.name] = value
  end
  if settled.resume then all.page_base = settled.resume.page_base end
  all.now = client.host.time()
  if type(all.where) == "function" then all.where, all.asks = nil, true end
  return core.pager(all)
end

--- See `Client:leads`.
---@param client oc.Client
---@param given oc.LeadsOptions|nil
---@param level integer   of the caller, for errors
---@return oc.Leads
function leads.new(client, given, level)
  local settled = settle(client, given, level + 1)
  for name, value in pairs(client.leads_environment) do
    if settled[name] == nil then settled[name] = value end
  end
  local default_max_pages = settled.max_pages == nil
  local judge = type(settled.where) == "function" and settled.where or nil
  options.defaults(options.leads, settled)
  return setmetatable({
    client = client, host = client.host, settings = settled, pager = new_pager(client, settled),
    ahead = {}, part_size = settled.page_size / (settled.resume and settled.resume.parts or 1),
    judge = judge, decoding = judge and settled.raw and {nulls = settled.nulls,
      max_depth = client.settings.max_depth, max_lead_bytes = client.settings.max_lead_bytes},
    default_max_pages = default_max_pages, started = client.host.now(),
    -- Here from the start: setting them later needs no memory, which may just have run out.
    entry = false, over = false, ended = false, closed = false, page_started = false, page_done = false,
    batch = false, taken = 0, stuck = false, unjudged = false,
    deadline = client.settings.deadline_s and client.host.now() + client.settings.deadline_s,
  }, Leads)
end

-- --- one exchange ---------------------------------------------------------------

-- Opens the request of a page, with the token as it is now. The entry is there before the exchange: that belongs to
-- somebody from its beginning.
local function open(self, request)
  local line, err = self.client:authorization(self.deadline)
  if err then return nil, err, true end
  local headers = self.client:headers(request.headers)
  headers[#headers + 1] = line
  local entry = {url = request.url, x = false, line = line, answered = false}
  -- A page that waits is paused, and over HTTP/2 libcurl goes on taking in what the
  -- window let through: tens of megabytes for nothing.
  entry.x, err = self.client:open {url = request.url, headers = headers, http1_only = true}
  if not entry.x then return nil, err end
  return entry
end

-- How long a wait may be at the most; nil: as long as the timeouts allow.
local function time_left(self)
  return self.deadline and math.max(self.deadline - self.host.now(), 0)
end

local function drop_ahead(self)
  local ahead = self.ahead
  for i = #ahead, 1, -1 do
    if ahead[i] then ahead[i].x:close() end
    ahead[i] = nil
  end
end

-- The exchange for a request: the one that was sent ahead, if it is for that.
local function take_ahead(self, request)
  local first = table.remove(self.ahead, 1)
  if not first or first.url == request.url then return first end
  first.x:close()
  drop_ahead(self)
end

-- Sends for the pages that follow. A failure here is told when its turn comes.
local function send_ahead(self)
  for i = #self.ahead + 1, self.settings.prefetch do
    local request = self.pager:ahead(i)
    if not request then return end
    self.ahead[i] = false -- its place, before there is an exchange that could get lost
    self.ahead[i] = open(self, request)
    if not self.ahead[i] then return end
  end
end

local function drop_exchange(self)
  if self.entry then self.entry.x:close() end
  self.entry = false
end

-- Asks for the page at hand and waits for the head of the answer. A refused token
-- is renewed once between two pages that came well.
-- true | nil, err, whether err is of the credentials and no fault of this page | false: the run is over.
local function ask(self)
  drop_exchange(self) -- one whose head could not be taken
  local request = self.pager:request()
  if not request then return false end
  self.page_number = request.page
  if request.page_size < self.part_size then
    self.client.log("info", "smaller_pages", {page = request.page, page_size = request.page_size})
  end
  self.part_size = request.page_size
  if not self.page_started then
    self.page_count, self.page_attempts, self.page_bytes = 0, 0, self.pager:result().bytes
    self.page_started = self.host.now() -- last: then all of it is there
  end
  self.page_attempts = self.page_attempts + 1
  self.entry = take_ahead(self, request)
  local err, of_credentials
  if not self.entry then
    self.entry, err, of_credentials = open(self, request)
    if not self.entry then return nil, err, of_credentials end
  end
  local status, headers = self.entry.x:head(time_left(self))
  if status == 401 and not self.renewed and self.entry.line and self.client:renew(self.entry.line) then
    self.renewed = true
    drop_exchange(self)
    drop_ahead(self)
    self.entry, err, of_credentials = open(self, request)
    if not self.entry then return nil, err, of_credentials end
    status, headers = self.entry.x:head(time_left(self))
  end
  if not status then return nil, headers end
  self.pager:response(status, headers, self.host.time())
  self.entry.answered = true
  if status == 200 then send_ahead(self) end
  return true
end

-- --- the end of a page ----------------------------------------------------------

local function page_info(self)
  return {
    number = self.page_number, count = self.page_count, attempts = self.page_attempts,
    bytes = self.pager:result().bytes - self.page_bytes,
    elapsed_s = self.host.now() - (self.page_started or self.host.now()),
  }
end

local function fail(self, err)
  drop_exchange(self)
  drop_ahead(self) -- who gives up now leaves nothing open
  self.failed = true
  self.client:conceal(errors.explain(err))
  if err.status == 401 and not self.client.auth then
    err.message = err.message .. "; no credentials were given (auth, or OC_TOKEN in the environment)"
  end
  err.resume = resume.token(self, self.pager:place()) -- err.partial has what pages and all could not hand over
  return nil, err
end

-- Timers may ring a little early.
local SLACK_S = 0.005

local function past_deadline(self, wait_s)
  if not self.deadline or self.host.now() + wait_s + SLACK_S < self.deadline then return nil end
  return errors.new("timeout", ("cannot read page %d: deadline_s (%g s) is over"):format(
    self.page_number or 0, self.client.settings.deadline_s), {page = self.page_number})
end

local function finish_run(self)
  drop_exchange(self)
  drop_ahead(self)
  self.ended = self.host.now()
  self.over = true
  local result, log = self:result(), self.client.log
  if result.forgotten > 0 then
    log("warn", "ids_forgotten", {forgotten = result.forgotten,
      hint = "leads that came twice far apart may have been handed out twice"})
  end
  for _, field in ipairs(result.leads > 0 and self.pager:unknown() or {}) do
    log("warn", "unknown_field", {field = field, option = "where",
      hint = "no lead had this field (of a list's elements: any)"})
  end
  if result.uncertain then
    log("warn", "uncertain", {hint = "not every lead could be checked: a resumed run had lost its place, "
      .. "or cannot verify the pages before it, or leads have no id, or pages grew in mid-run"})
  end
  if result.stop_reason == "max_pages" and self.default_max_pages then
    log("warn", "cut_by_max_pages", {pages = result.pages, leads = result.leads, option = "max_pages",
      hint = "there may be more leads: set max_pages (math.huge for all)"})
  end
end

local function tell_retry(self, wait_s, why)
  self.client:conceal(why)
  local info = {page = self.page_number, attempt = why.attempts, wait_s = wait_s, kind = why.kind,
    status = why.status, message = why.message}
  self.client.log("info", "retry", info)
  if self.client.settings.on_retry then self.client.settings.on_retry(info) end
end

-- The answer is over, well or not. true: go on; false: the run is over; nil, err.
local function finish_page(self, err)
  if err and self.entry then
    local stats = self.entry.x:stats()
    err.unattended = err.kind == "network" and stats.unattended_s > UNATTENDED_S or nil
    err.connecting = stats.connected == false or nil
  end
  drop_exchange(self)
  local late = past_deadline(self, 0)
  if err and late then return fail(self, late) end
  local info = page_info(self)
  local what, more, why = self.pager:finish(err, self.host.random())
  if err then err.unattended, err.connecting = nil, nil end -- were for the pager only
  if what == nil then
    return fail(self, more)
  elseif what == "wait" then
    late = past_deadline(self, more)
    if late then return fail(self, late) end
    if why then tell_retry(self, more, why) end
    if self.closed then return false end -- by the hook
    local slept, stopped = true, nil
    if more > 0 then slept, stopped = self.host.sleep(more) end
    if not slept then return fail(self, stopped) end
    return true
  end
  assert(what == "next" or what == "end", "the pager's answer is unknown")
  if more == "part" then
    self.renewed = nil
    return not self.closed
  end
  self.page_done = info -- for pages(); next() has no use for it
  self.page_started, self.renewed = false, nil
  if what == "end" then finish_run(self) end -- first: a hook may raise
  if self.client.settings.on_page and (what == "next" or self.page_done.count > 0) then
    self.client.settings.on_page(self.page_done)
  end
  return what == "next" and not self.closed
end

-- Gets more bytes into the pager, or deals with the page's end. As finish_page.
local function step(self)
  if not self.entry or not self.entry.answered then
    local ok, err, of_credentials = ask(self)
    if self.closed then -- by who gave the token
      drop_exchange(self)
      drop_ahead(self)
      return false
    end
    if ok then return true end
    if ok == false then return finish_page(self) end -- again: what follows it had not come through
    if of_credentials or err.kind == "cancelled" then return fail(self, err) end
    return finish_page(self, err)
  end
  local late = past_deadline(self, 0)
  if late then return fail(self, late) end
  local bytes, err = self.entry.x:read(time_left(self))
  if bytes then
    self.pager:feed(bytes)
    return true
  end
  if err and err.kind == "cancelled" then return fail(self, err) end
  return finish_page(self, err)
end

-- --- the face -------------------------------------------------------------------

-- What a page or all leads came to before a hook raised: the caller has not had it.
local function take_kept(self)
  local lead = table.remove(self.kept, 1)
  if #self.kept == 0 then self.kept = nil end
  return lead
end

-- A lead that cannot be judged is never passed over: the run ends with it.
local function stick(self, err)
  self.stuck = err
  return fail(self, err)
end

-- The function could not judge the lead at hand: work that is too much stays so; else it
-- is asked about the same lead again, which the pager has though its exchange is closed.
local function leave(self, err)
  if err.kind == "limit" then return stick(self, err) end
  self.unjudged = true
  return fail(self, err)
end

-- The next lead that the pager has and the caller wants: lead | nil | nil, err. It goes
-- into `got`, where that is given, before it counts as had. A function that raises is
-- asked about the same lead again.
local function take(self, got)
  while (self.entry or self.unjudged) and not self.closed do
    local lead, err = self.pager:next()
    if err then return stick(self, err) end
    if not lead then
      self.unjudged = false
      return nil
    end
    if not self.judge then return lead end
    local asked = lead
    if self.decoding then
      asked, err = core.decode(lead, self.decoding)
      if not asked then return leave(self, err) end
    end
    local wanted, why = self.judge(asked)
    if wanted == nil and errors.is(why) then return leave(self, why) end
    if self.closed then return nil end -- by the function
    if wanted and got then got[#got + 1] = lead end
    self.pager:keep(wanted)
    if wanted then return lead end
  end
end

-- Takes the leads that are there, one by one, into self.kept: true | nil, err.
local function take_judged(self)
  while true do
    local lead, err = take(self, self.kept)
    if err then return nil, err end
    if not lead then return true end
    self.page_count = self.page_count + 1
  end
end

-- The same with all at once. One that finds no memory in self.kept is still in self.batch.
local function take_batch(self)
  if self.judge then return take_judged(self) end
  local got = self.kept
  if not self.batch then
    local batch, err = self.pager:read()
    if err then return stick(self, err) end
    self.batch, self.taken = batch, 0
  end
  local n = #got
  for i = self.taken + 1, #self.batch do
    n = n + 1
    got[n] = self.batch[i]
    self.taken = i
  end
  local count = #self.batch
  self.page_count = self.page_count + count
  self.batch = false
  -- Behind them may be one that where cannot judge: it must be told before the page's end.
  if count > 0 and self.settings.where then return take_batch(self) end
  return true
end

--- The next lead.
---@return oc.Lead|nil lead   nil at the end; with `raw` a string
---@return oc.Error|nil err   calling again goes on where it failed
function Leads:next()
  if self.batch and self.kept then take_batch(self) end
  if self.kept and #self.kept > 0 and not self.closed then return take_kept(self) end
  if self.over then return nil end
  if self.stuck then return nil, self.stuck end
  self.failed, self.page_done, self.kept = nil, false, nil
  while true do
    local lead, err = take(self)
    if lead then
      self.page_count = self.page_count + 1
      return lead
    end
    if err then return nil, err end
    if self.over then return nil end
    local going
    if self.pager:over() then
      going, err = finish_page(self)
    else
      going, err = step(self)
    end
    if not going then return nil, err end
  end
end

function Leads:__call()
  local lead, err = self:next()
  if err then error(err, 0) end
  return lead
end

-- Reads to the end of the page at hand, its leads into self.kept, which a hook that
-- raises leaves for the next call. page info | nil at the end of the run | nil, err.
local function read_page(self)
  if not self.kept then
    self.kept_from = self.pager:place()
    self.kept = core.decoder():read()
  end
  while not self.page_done do
    if self.over then return nil end
    if self.stuck then return nil, self.stuck end
    self.failed = nil
    local going, err = true, nil
    if self.entry or self.unjudged then going, err = take_batch(self) end
    if not going then return nil, err end
    if self.over then return nil end -- closed by a function that judges
    local _
    if self.pager:over() then
      _, err = finish_page(self)
    else
      _, err = step(self)
    end
    if err then return nil, err end
  end
  return self.page_done
end

-- The leads of the page at hand as an array, once it is whole; nil at the end of
-- the run. On failure nil, err, and what came of the page in err.partial.
local function next_page(self)
  local page, err = read_page(self)
  local got = self.kept
  if err then err.partial = got end
  if page then page.leads, page.count = got, #got end
  if not page and not err then return nil end -- closed within the page: a resumed run asks for all of it again
  self.kept, self.page_done = nil, false -- last: now the caller has it
  if page and self.over and #got == 0 then return nil end -- the empty page that is the end
  return page, err
end

--- An iterator over pages, each with all its leads. A failure raises; the leads
--- of the page that failed are in err.partial.
---@return fun(): oc.PageInfo|nil
function Leads:pages()
  return function()
    local page, err = next_page(self)
    if err then error(err, 0) end
    return page
  end
end

-- Behind the last lead that came; nil when the run is complete.
local function resume_behind(self)
  if self.pager:result().complete then return nil end
  return resume.token(self, self.pager:place())
end

--- All leads at once.
---@return oc.Lead[]|nil leads   an array
---@return oc.Result|oc.Error result   on failure the error: err.partial holds the leads that came
function Leads:all()
  while true do -- page after page into self.kept
    local page, err = read_page(self)
    self.page_done = false
    if not page then
      local all, result = self.kept, not err and self:result()
      -- What is kept is about to be handed over; not a batch that found no memory, before the run was closed.
      if result and not self.batch then result.resume = resume_behind(self) end
      if err then err.partial = all end
      self.kept = nil -- last: now the caller has it
      if err then return nil, err end
      return all, result
    end
  end
end

--- Where this run has got to: behind the last lead that the caller has had. Leads that
--- `pages` or `all` could not hand over, since a hook raised, are before it.
---@return oc.Resume|nil   nil when the run is complete
function Leads:resume()
  local waiting = self.kept and (#self.kept > 0 or self.batch)
  if waiting then return resume.token(self, self.kept_from) end
  return resume_behind(self)
end

--- What came of the run.
---@return oc.Result
function Leads:result()
  local result = self.pager:result()
  if not result.stop_reason then
    result.stop_reason = self.failed and "error" or self.closed and "closed" or nil
  end
  result.elapsed_s = (self.ended or self.host.now()) - self.started
  result.resume = self:resume()
  return result
end

--- Stops the transfer. What was handed out stays; `result` tells how far it got.
function Leads:close()
  if not self.over then self.closed, self.over = true, true end
  drop_exchange(self)
  drop_ahead(self)
  self.ended = self.ended or self.host.now()
end

Leads.__close = Leads.close

return leads

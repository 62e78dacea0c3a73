--- The one that asks: pages and tokens, as any client would, and how it went. Uses
-- oc.client for all of it, so what the doctor sees is what `list` would see. Knows
-- nothing of what the answers mean.

local client = require "oc.client"
local core = require "oc.core"
local errors = require "oc.errors"
local recorder = require "oc.doctor.recorder"

local ask = {}

-- Whatever the service does, no more requests than this. All is well with ten.
ask.MOST_REQUESTS = 30

-- A fault that a second try heals is no finding.
local MOST_ATTEMPTS = 2

-- Leads that are kept of a page to look into.
local KEPT_LEADS = 500

--- What came of asking for a page.
---@class oc.doctor.Answer
---@field page integer
---@field size integer   as asked for
---@field count integer   leads that came
---@field leads table[]   of these the first, nulls as oc.null
---@field err? oc.Error   nil: the page came whole
---@field record? oc.doctor.Record   its last request
---@field status? integer   of that
---@field elapsed_s number

---@class oc.doctor.Ask
---@field settings table   the client's options, as they act
---@field records oc.doctor.Record[]   all requests
---@field provider oc.Auth|nil   nil: no credentials were given
---@field auth_fault oc.Error|nil   those of the environment are not usable
---@field withheld string|nil   those of the environment are for this origin
---@field page_size integer|nil   the environment's
---@field lifetime_s number|nil   of the token that was fetched last
---@field cancelled oc.Error|nil
local Ask = {}
Ask.__index = Ask

local function copy(given, changes)
  local all = {}
  for name, value in pairs(given) do all[name] = value end
  for name, value in pairs(changes) do all[name] = value end
  return all
end

-- A client as the user would have it, made only to see what it makes of the options.
local function settle(self, given)
  local function log(_, event, fields)
    if event == "credentials_withheld" then self.withheld = fields.origin end
  end
  local found, err = client.new(copy(given, {log = log}))
  if found then return found end
  -- Is it the credentials alone that are unusable? Then there is more to find out.
  found = client.new(copy(given, {log = false, auth = false}))
  if not found then return nil, err end
  self.auth_fault = err
  return found
end

-- The source of tokens, watched: how long is one good for?
local function watched(self, provider)
  return provider and {
    renewable = provider.renewable, hide = provider.hide,
    fetch = function(_, send)
      local token, more = provider:fetch(send)
      self.lifetime_s = token and type(more) == "number" and more or nil
      return token, more
    end,
  }
end

--- Raises for wrong options, as oc.client does.
---@param given table   options of oc.client
---@param on_request? fun(record: oc.doctor.Record, settings: table)   called when a request is over
---@return oc.doctor.Ask|nil
---@return oc.Error|nil err   kind `options`: the environment is unusable
function ask.new(given, on_request)
  local self = setmetatable({}, Ask)
  local settled, err = settle(self, given)
  if not settled then return nil, err end
  self.settings, self.provider = settled.settings, settled.auth
  self.page_size = settled.leads_environment.page_size
  self.inner, self.owns_host = settled.host, not given.host
  self.host, self.records = recorder.new(settled.host, ask.MOST_REQUESTS, function(record)
    if on_request then on_request(record, self.settings) end
  end)
  self.given = copy(given, {
    host = self.host, base_url = self.settings.base_url,
    page_base = 0, -- any page may be asked for
    max_attempts = math.min(self.settings.max_attempts, MOST_ATTEMPTS),
    on_retry = function(info)
      if not self.once and info.status ~= 404 then return end
      self.gave_up = info
      self.running:close()
    end,
    log = function(level, event, fields)
      if given.log and event == "retry" then given.log(level, event, fields) end
    end,
  })
  self.given.on_page = nil
  self.client = assert(client.new(copy(self.given, {auth = watched(self, self.provider) or false})))
  self.stranger = assert(client.new(copy(self.given, {auth = false})))
  return self
end

--- A client that differs from the one of `page` in some options, with the same token.
---@param changes table
---@return oc.Client
function Ask:variant(changes)
  local auth = false
  if self.provider then
    function auth()
      local line, err = self.client:authorization()
      if not line then return nil, err end
      return (line:gsub("^Authorization: Bearer ", ""))
    end
  end
  return assert(client.new(copy(copy(self.given, {auth = auth}), changes)))
end

--- A client without credentials, at another address.
---@param base_url string
---@return oc.Client
function Ask:stranger_at(base_url)
  return assert(client.new(copy(self.given, {auth = false, base_url = base_url})))
end

--- Fetches a token, if there is none yet.
---@return string|nil token
---@return oc.Error|nil err
function Ask:token()
  local line, err = self.client:authorization()
  if err and err.kind == "cancelled" then self.cancelled = err end
  return line and line:gsub("^Authorization: Bearer ", ""), err
end

local function read_leads(leads)
  local kept = {}
  while true do
    local text, err = leads:next()
    if not text then return kept, err end
    if #kept < KEPT_LEADS then kept[#kept + 1] = core.decode(text, {nulls = "null", max_depth = 1000}) end
  end
end

--- Asks for one page and reads it as it streams by.
---@param wanted {page: integer, size: integer, client?: oc.Client, once?: boolean}   once: no second try
---@return oc.doctor.Answer
function Ask:page(wanted)
  local began, before = self.host.now(), #self.records
  local leads = (wanted.client or self.client):leads {
    page = wanted.page, page_size = wanted.size, max_pages = 1, prefetch = 0, raw = true, nulls = "null",
    limit = 10 * wanted.size + 1000, -- some never end
  }
  self.running, self.once, self.gave_up = leads, wanted.once, nil
  local kept, err = read_leads(leads)
  leads:close()
  local info = self.gave_up
  if info then err = errors.new(info.kind, info.message, {status = info.status}) end
  if err and err.kind == "cancelled" then self.cancelled = err end
  local result, record = leads:result(), nil
  for i = before + 1, #self.records do
    if self.records[i].method == "GET" then record = self.records[i] end
  end
  return {
    page = wanted.page, size = wanted.size, leads = kept, count = result.matched + result.duplicates, err = err,
    record = record, status = record and record.status, elapsed_s = self.host.now() - began,
  }
end

--- Closes the connections.
function Ask:close()
  if self.owns_host then self.inner:close() end
end

return ask

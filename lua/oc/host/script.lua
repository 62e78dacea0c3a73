--- The host for scripts: it blocks, in libcurl's own poll.
--
-- A host is what the rest of oc knows of the world: a clock, sleep, chance, and
-- exchanges that it opens. The interface is small on purpose, since every event
-- loop brings its own; nothing above a host knows which one it is.

local core = require "oc.core"
local crew = require "oc.host.crew"
local random = require "oc.host.random"

local script = {}

--- One HTTP exchange under way.
---@class oc.Exchange
--- Waits for status and headers, names in lower case, repeated ones joined by ", "; or nil, err.
---@field head fun(self: oc.Exchange, within_s?: number): integer|nil, table<string, string>|oc.Error
--- Waits for bytes; false at the clean end; or nil, err.
---@field read fun(self: oc.Exchange, within_s?: number): string|false|nil, oc.Error|nil
---@field stats fun(self: oc.Exchange): oc.ExchangeStats
---@field close fun(self: oc.Exchange)   stops the transfer; may be called again

--- Figures of an exchange. A host of one's own need only say `unattended_s`.
---@class oc.ExchangeStats
---@field unattended_s number   the longest stretch in which nobody pulled
---@field connected? boolean   false: a timeout was for the connection
---@field bytes? number   of the body, decoded
---@field wire_bytes? number   of the body, as sent
---@field elapsed_s? number
---@field reused? boolean   an open connection served
---@field paused? boolean   the buffer is full
---@field http_version? "1.0"|"1.1"|"2"|"3"   once it is known

--- What to ask for. Everything but `url` may also stand in the transport
--- options of the host, and here overrides them.
---@class oc.Request
---@field url string   http or https
---@field method? "GET"|"POST"
---@field headers? string[]   "Name: value"; not merged with those of the host
---@field body? string   with POST
---@field connect_timeout_s? number
---@field idle_timeout_s? number
---@field request_timeout_s? number
---@field ca_file? string
---@field ca_path? string
---@field client_cert? string
---@field client_key? string
---@field client_key_password? string
---@field insecure? boolean
---@field proxy? string   "" for none, whatever the environment says
---@field no_proxy? string
---@field compress? boolean
---@field http1_only? boolean   a paused body over HTTP/2 costs libcurl 10 to 32 MB
---@field max_body_bytes? number
---@field buffer_bytes? number   unread bytes above which the transfer pauses
---@field user_agent? string

--- What oc knows of the world: a clock, sleep, chance, and exchanges.
---@class oc.Host
---@field now fun(): number   seconds that only grow
---@field time fun(): number   seconds since 1970 UTC
---@field sleep fun(seconds: number): true|nil, oc.Error|nil   nil, err of kind `cancelled`
---@field random fun(): number   in [0, 1)
---@field open fun(self: oc.Host, request: oc.Request): oc.Exchange|nil, oc.Error|nil   starts, does not wait
---@field pump fun(self: oc.Host)   lets transfers get on, without blocking
--- Runs functions at once, at most so many: `next` gives one and what to call with `ok, err` when it has ended, nil
--- when there are no more. Whatever waits in one lets the others go on. nil, err (`cancelled`): no other was begun. A
--- host may lack it: then one comes after the other.
---@field together? fun(self: oc.Host, most: integer, next: fun(): function|nil, function|nil): true|nil, oc.Error|nil
---@field hold? fun(self: oc.Host, busy: fun(): boolean)   waits while another of those functions is busy
--- Where requests come and go: runs what does not end with whoever asked, once for all who ask with that key
--- meanwhile, and gives them what it returned; nil, err when until_s (by `now`) has come.
---@field apart? fun(self: oc.Host, key: any, run: function, until_s: number|nil): any, any
---@field write_log? fun(line: string)   where warnings go unless the client has a `log`; default: standard error
---@field close fun(self: oc.Host)   ends all exchanges

-- A worker of nginx serves everybody: in there nothing may block. (A thread of
-- its thread pool may; that has no cosockets.)
local function refuse_event_loops()
  local ngx = rawget(_G, "ngx")
  if type(ngx) == "table" and type(ngx.socket) == "table" then
    error("oc.host.script would block this nginx worker: use oc.host.resty", 3)
  end
end

local function cancelled(doing)
  return setmetatable({
    kind = "cancelled",
    message = "interrupted while " .. doing,
  }, core.error_metatable)
end

local function sleep(seconds)
  local until_s = core.now() + seconds
  repeat
    local whole, left = core.sleep(seconds)
    if not whole then return nil, cancelled "waiting" end
    seconds = until_s - core.now()
  until left <= 0
  return true
end

-- Within a task the others go on. No host in here: a trace of LuaJIT that calls it would keep that alive.
local function aside_or(sleep_all)
  return function(seconds)
    local current = crew.current()
    if current then return current:sleep(seconds) end
    return sleep_all(seconds)
  end
end

local sleep_aside = aside_or(sleep)

local Exchange = {}
Exchange.__index = Exchange

-- Each of these asks, and waits for this exchange alone: others that have
-- something to tell will be asked in their turn. within_s: for so long at the most.

-- nil, err when it is no use to ask again.
local function wait(self, until_s)
  local together = self.host.crew
  if together and together:inside() and not (until_s and until_s <= self.host.now()) then
    return together:wait(self.raw, until_s)
  end
  local left = until_s and until_s - self.host.now()
  if left and left <= 0 then
    return nil, setmetatable({kind = "timeout", message = "no answer in the time that was left"}, core.error_metatable)
  end
  local event, err = self.pool:wait(left, self.raw)
  if event == nil then return nil, err end
  return true
end

function Exchange:head(within_s)
  local until_s = within_s and self.host.now() + within_s
  while true do
    local status, headers = self.raw:head()
    if status or headers then return status, headers end
    local ok, err = wait(self, until_s)
    if not ok then return nil, err end
  end
end

function Exchange:read(within_s)
  local until_s = within_s and self.host.now() + within_s
  while true do
    local bytes, err = self.raw:read()
    if bytes ~= nil or err then return bytes, err end
    local ok, why = wait(self, until_s)
    if not ok then return nil, why end
  end
end

function Exchange:stats() return self.raw:stats() end

function Exchange:close() self.raw:close() end

Exchange.__close = Exchange.close

local Host = {}
Host.__index = Host

function Host:open(request)
  local all = {}
  for name, value in pairs(self.options) do all[name] = value end
  for name, value in pairs(request) do all[name] = value end
  local err
  -- First: what starts belongs to it.
  local exchange = setmetatable({raw = false, pool = self.pool, host = self}, Exchange)
  exchange.raw, err = self.pool:start(all)
  if not exchange.raw then return nil, err end
  return exchange
end

function Host:pump() self.pool:perform() end

function Host:together(most, next)
  if self.crew then error("oc.host.script: together within together", 2) end
  self.crew = crew.new(self.pool, {now = self.now, sleep = self.sleep_all})
  local here = self.crew
  local called, ok, err = pcall(here.run, here, most, next)
  self.crew = nil
  if not called then
    here:abandon()
    error(ok, 0)
  end
  return ok, err
end

-- Elsewhere nobody else could be.
function Host:hold(busy)
  if self.crew and self.crew:inside() then self.crew:hold(busy) end
end

function Host:close() self.pool:close() end

Host.__close = Host.close

--- What a host may be given in place of its own, for tests.
---@class oc.HostDeps
---@field now? fun(): number
---@field time? fun(): number
---@field sleep? fun(seconds: number): true|nil, oc.Error|nil
---@field random? fun(): number

--- A host whose calls block.
---@param options? table   transport options for all its requests: see oc.Request
---@param deps? oc.HostDeps
---@return oc.Host|nil
---@return oc.Error|nil err
function script.new(options, deps)
  refuse_event_loops()
  deps = deps or {}
  local pool, err = core.http()
  if not pool then return nil, err end
  return setmetatable({
    options = options or {},
    pool = pool,
    now = deps.now or core.now,
    time = deps.time or core.time,
    sleep_all = deps.sleep or sleep,
    sleep = deps.sleep and aside_or(deps.sleep) or sleep_aside,
    random = deps.random or random.new(),
  }, Host)
end

return script

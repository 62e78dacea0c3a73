--- The host for OpenResty, and for nginx with http-lua: it never blocks its worker.
--
-- Exchanges go over cosockets. Those cannot do all that libcurl can (proxies, a CA
-- file for one client, client certificates); where an option asks for it, the whole
-- exchange is left to a thread of nginx's thread pool, in which libcurl may block.
-- A client may be shared by all requests of a worker: it holds no connection.

local core = require "oc.core"
local cosocket = require "oc.host.resty.cosocket"
local errors = require "oc.errors"
local new_random = require("oc.host.random").new
local thread = require "oc.host.resty.thread"

local ngx = rawget(_G, "ngx")
local semaphore = ngx and require "ngx.semaphore"

local resty = {}

-- Phases of nginx in which something may wait.
local WAITING_PHASES = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true, preread = true,
  ssl_cert = true, ssl_client_hello = true, ssl_session_fetch = true,
}

-- So long, since the worker last looked at its sockets, may Lua go on by itself.
local TURN_S = 0.004

-- A sleep of 0 gives others their turn in OpenResty; without its patch of nginx it is a timer, and logs a warning.
local function nap_s() return ngx.config.nginx_configure():find("openresty", 1, true) and 0 or 0.001 end

-- How long to wait for what another request asked for, before looking again. Nginx begins a timer at once, or drops
-- it when too many run; and what runs in one may be ended from within, without a word.
local LOOK_S, BEGIN_S, FLIGHT_S = 5, 2, 90

local function check_phase()
  local phase = ngx.get_phase()
  if WAITING_PHASES[phase] then return end
  error(("oc.host.resty: nothing can wait in the phase '%s' of nginx; ask from rewrite, access or content, "
    .. "or from a timer (ngx.timer.at)"):format(phase), 0)
end

---@class oc.RestyHost : oc.Host
local Host = {}
Host.__index = Host

--- Gives other requests a turn when Lua has had the worker for long. The time that nginx
--- keeps is that of its last look at the sockets.
function Host:breathe()
  if core.time() - ngx.now() > TURN_S then ngx.sleep(self.nap_s) end
end

-- What in a request only libcurl can do: the names of options.
local function beyond_cosockets(request)
  local names = {}
  for _, name in ipairs {"proxy", "ca_file", "ca_path", "client_cert", "client_key"} do
    if (request[name] or "") ~= "" then names[#names + 1] = name end
  end
  return names
end

local function merged(options, request)
  local all = {}
  for name, value in pairs(options) do all[name] = value end
  for name, value in pairs(request) do all[name] = value end
  return all
end

function Host:open(request)
  check_phase()
  local all = merged(self.options, request)
  local names = beyond_cosockets(all)
  if self.transport == "thread" or (self.transport == "auto" and #names > 0) then
    return thread.open(self, all, names)
  end
  if #names > 0 then
    return nil, errors.new("options", ("option '%s' is beyond cosockets: leave out transport = \"cosocket\", "
      .. "and give nginx a thread_pool"):format(names[1]))
  end
  return cosocket.open(self, all)
end

-- Nothing gets on by being looked at.
function Host.pump() end

function Host.sleep(seconds)
  check_phase()
  ngx.sleep(seconds)
  return true
end

-- One of the light threads that run tasks: takes them until there are no more, or one of them raised.
local function work(next, state)
  while not state.raised do
    local run, ended = next()
    if not run then return end
    ended(pcall(run))
  end
end

local function work_protected(next, state)
  local ok, err = pcall(work, next, state)
  if not ok and not state.raised then state.raised = {err} end
end

function Host.together(_, most, next)
  check_phase()
  local state, threads = {raised = false}, {}
  for i = 1, most do threads[i] = ngx.thread.spawn(work_protected, next, state) end
  for _, one in ipairs(threads) do ngx.thread.wait(one) end
  if state.raised then error(state.raised[1], 0) end
  return true
end

-- Begins what does not end with this request: nil when nginx has no timer for it. It runs in one, so it knows
-- nothing of the request.
local function take_off(self, key, run)
  local flight = {begun = false, done = false, since = core.now(), landed = assert(semaphore.new(0))}
  local function body()
    flight.begun = true
    flight.ok, flight.first, flight.second = pcall(run)
    flight.done = true
    if self.flights[key] == flight then self.flights[key] = nil end
    local waiting = -flight.landed:count()
    if waiting > 0 then flight.landed:post(waiting) end
  end
  if not ngx.timer.at(0, body) then return nil end
  self.flights[key] = flight
  return flight
end

-- Will it not land any more?
local function is_lost(flight)
  return not flight.done and core.now() - flight.since > (flight.begun and FLIGHT_S or BEGIN_S)
end

local function current_flight(self, key, run)
  local flight = self.flights[key]
  if flight and not is_lost(flight) then return flight end
  self.flights[key] = nil
  return take_off(self, key, run)
end

function Host:apart(key, run, until_s)
  local flight
  repeat
    if not flight or is_lost(flight) then flight = current_flight(self, key, run) end
    if not flight then return run() end
    local now = core.now()
    if until_s and now >= until_s then
      return nil, errors.new("timeout", "no answer in the time that was left")
    end
    local left = math.min(flight.begun and LOOK_S or BEGIN_S, (until_s or math.huge) - now)
    if not flight.done then flight.landed:wait(math.max(left, 0.001)) end
  until flight.done
  if not flight.ok then error(flight.first, 0) end
  return flight.first, flight.second
end

--- Where warnings go when the client has no `log`.
---@param line string
function Host.write_log(line) ngx.log(ngx.WARN, line) end

-- Connections belong to requests, and to nginx's own pools.
function Host.close() end

---@class oc.RestyOptions
---@field transport? "auto"|"cosocket"|"thread"   default "auto": cosockets, unless an option needs libcurl
---@field thread_pool? string   a thread_pool of nginx's configuration; default "default"
---@field threads? integer   exchanges in it at once, at most; default 4
---@field request? oc.Request   transport options for all requests

--- A host whose calls wait as nginx wants it. May be made in any phase; no request is made yet.
---@param options? oc.RestyOptions
---@return oc.RestyHost
function resty.new(options)
  options = options or {}
  if type(ngx) ~= "table" or type(ngx.socket) ~= "table" then
    error("oc.host.resty: this is no worker of nginx with http-lua", 2)
  end
  local transport = options.transport or "auto"
  if transport ~= "auto" and transport ~= "cosocket" and transport ~= "thread" then
    error(("oc.host.resty: option 'transport': auto, cosocket or thread expected, got %s"):format(
      tostring(transport)), 2)
  end
  local threads = options.threads or 4
  if type(threads) ~= "number" or threads < 1 or threads % 1 ~= 0 then
    error("oc.host.resty: option 'threads': an integer of at least 1 expected, got " .. tostring(threads), 2)
  end
  return setmetatable({
    threads = assert(semaphore.new(threads)), options = options.request or {},
    transport = transport, thread_pool = options.thread_pool or "default",
    now = core.now, time = core.time, random = new_random(),
    flights = {}, nap_s = nap_s(),
  }, Host)
end

return resty

--- One exchange in a thread of nginx's thread pool, by libcurl.
--
-- The thread returns the whole answer at once, in memory, so it is for what cosockets
-- cannot do. It cannot be stopped, but its clocks are those of every request. It is
-- waited for in a timer: a request that goes leaves nothing behind, and nginx, which
-- knows nothing of threads when it ends, waits for who waits.

local core = require "oc.core"
local errors = require "oc.errors"

local ngx = rawget(_G, "ngx")
local semaphore = ngx and require "ngx.semaphore"

local thread = {}

-- More than this of an answer is refused: it is in memory some three times at once.
local MAX_BODY_BYTES = 64 * 1024 * 1024

-- Handed out at once.
local READ_BYTES = 64 * 1024

-- The longest single wait for what has no limit.
local LONG_S = 24 * 3600

-- nginx begins a timer at once, or drops it when too many run, and tells its log only.
local BEGIN_S = 2

---@class oc.ThreadExchange : oc.Exchange
local Exchange = {}
Exchange.__index = Exchange

local function no_thread(self, why)
  if not tostring(why):find("thread pool", 1, true) then
    return errors.new("network", "the thread of nginx failed: " .. tostring(why))
  end
  local need = #self.names > 0 and ("option '%s' needs a thread of nginx"):format(self.names[1])
    or "transport = \"thread\" needs a thread of nginx"
  return errors.new("options", ("%s, and there is none: %s (nginx.conf: thread_pool %s threads=4;)"):format(
    need, tostring(why), self.host.thread_pool))
end

local function time_is_up() return errors.new("timeout", "no answer in the time that was left") end

-- In a timer: has the thread do it, and tells who waits.
local function run(self)
  if self.given_up then return end -- nginx had no timer for so long that nobody waits any more
  self.begun = true
  local host = self.host
  local called, ok, answer = pcall(ngx.run_worker_thread, host.thread_pool, "oc.host.resty.worker", "exchange",
    self.request)
  host.threads:post(1)
  if not called then ok, answer = false, ok end
  if not ok then
    self.fault = self.fault or no_thread(self, answer)
  else
    self.answer = answer
    if answer.fault then setmetatable(answer.fault, core.error_metatable) end
  end
  self.done = true
  self.landed:post(1)
end

-- Starts once there is a thread to be had: more at once than the pool's queue takes end nginx's worker.
local function start(self, until_s)
  local got = self.host.threads:wait(until_s and math.max(until_s - core.now(), 0.001) or LONG_S)
  if not got then return nil, time_is_up() end
  local ok, why = ngx.timer.at(0, function() run(self) end)
  if not ok then
    self.host.threads:post(1)
    return nil, errors.new("network", "nginx has no timer left: " .. tostring(why))
  end
  self.started_at = core.now()
  return true
end

-- Waits until the answer is there: nil, err when it is not in time, which is not for good.
local function await(self, until_s)
  if not self.started_at then
    local ok, err = start(self, until_s)
    if not ok then return nil, err end
  end
  while not self.done do
    local now = core.now()
    if until_s and now >= until_s then return nil, time_is_up() end
    if not self.begun and now - self.started_at >= BEGIN_S then
      self.given_up = true
      self.host.threads:post(1)
      self.fault = errors.new("network", "nginx began no timer: lua_max_running_timers is too small")
      break
    end
    local left = math.min(until_s and until_s - now or LONG_S, self.begun and LONG_S or BEGIN_S)
    self.landed:wait(math.max(left, 0.001))
  end
  return true
end

function Exchange:head(within_s)
  local ok, err = await(self, within_s and core.now() + within_s)
  if not ok then return nil, err end
  if self.fault then return nil, self.fault end
  if not self.answer.status then return nil, self.answer.fault end
  return self.answer.status, self.answer.headers
end

function Exchange:read(within_s)
  local ok, err = await(self, within_s and core.now() + within_s)
  if not ok then return nil, err end
  if self.fault then return nil, self.fault end
  self.host:breathe()
  local body, at = self.answer.body, self.at
  if at <= #body then
    self.at = at + READ_BYTES
    return body:sub(at, at + READ_BYTES - 1)
  end
  if self.answer.fault then return nil, self.answer.fault end
  return false
end

function Exchange:stats()
  return self.answer and self.answer.stats or {bytes = 0, wire_bytes = 0, elapsed_s = 0, unattended_s = 0,
    reused = false, paused = false, connected = false}
end

function Exchange:close()
  self.fault = self.fault or errors.new("cancelled", "the exchange is closed")
  if self.answer then self.answer.body = "" end
end

--- Opens an exchange: `head` starts it, and waits.
---@param host oc.RestyHost
---@param request oc.Request
---@param names string[]   the options that call for it, if any
---@return oc.Exchange|nil, oc.Error|nil
function thread.open(host, request, names)
  if not ngx.run_worker_thread then
    return nil, errors.new("options", "this nginx has no worker threads (http-lua 0.10.21 with --with-threads)")
  end
  request.max_body_bytes = math.min(request.max_body_bytes or MAX_BODY_BYTES, MAX_BODY_BYTES)
  return setmetatable({host = host, request = request, names = names, landed = assert(semaphore.new(0)), at = 1,
    begun = false, done = false, given_up = false, started_at = false, fault = false, answer = false}, Exchange)
end

return thread

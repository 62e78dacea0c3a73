--- One exchange in a thread of nginx's thread pool, by libcurl.
--
-- The thread returns the whole answer at once, in memory, so it is for what cosockets
-- cannot do. It cannot be stopped, but its clocks are those of every request.

local core = require "oc.core"
local errors = require "oc.errors"

local ngx = rawget(_G, "ngx")

local thread = {}

-- More than this of an answer is refused: it is all in memory, twice for a moment.
local MAX_BODY_BYTES = 256 * 1024 * 1024

-- Handed out at once.
local READ_BYTES = 64 * 1024

---@class oc.ThreadExchange : oc.Exchange
local Exchange = {}
Exchange.__index = Exchange

local function no_thread(self, why)
  local names = self.names
  local need = #names > 0 and ("option '%s' needs a thread of nginx"):format(names[1])
    or "transport = \"thread\" needs a thread of nginx"
  return errors.new("options", ("%s, and there is none: %s (nginx.conf: thread_pool %s threads=4; "
    .. "and not from a timer)"):format(need, tostring(why), self.host.thread_pool))
end

-- Has the thread do it, and waits.
local function run(self, within_s)
  self.begun = true
  local called, ok, answer = pcall(ngx.run_worker_thread, self.host.thread_pool, "oc.host.resty.worker", "exchange",
    self.request, within_s)
  if not called then ok, answer = false, ok end
  if not ok then
    self.fault = no_thread(self, answer)
    return
  end
  self.answer = answer
  if answer.fault then setmetatable(answer.fault, core.error_metatable) end
end

function Exchange:head(within_s)
  if not self.begun then run(self, within_s) end
  local answer = self.answer
  if self.fault then return nil, self.fault end
  if not answer.status then return nil, answer.fault end
  return answer.status, answer.headers
end

function Exchange:read(within_s)
  if not self.begun then run(self, within_s) end
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
  return setmetatable({host = host, request = request, names = names, begun = false, at = 1, fault = false,
    answer = false}, Exchange)
end

return thread

--- The host for luv, and for Neovim, which has it built in: clients in coroutines
-- of a libuv loop.

local loop = require "oc.host.loop"
local protect = require "oc.protect"

local luv = {}

-- luv, and where coroutines go on: in the loop's callbacks Neovim refuses most of its API.
local function find_luv()
  local editor = rawget(_G, "vim")
  if type(editor) == "table" and (editor.uv or editor.loop) then return editor.uv or editor.loop, editor.schedule end
  local uv = require "luv"
  return uv, nil
end

local Watch = {}
Watch.__index = Watch

function Watch:set(what)
  self.what = what
  assert(self.poll:start(what, self.callback))
end

function Watch:close()
  self.what = nil
  self.poll:stop()
  self.poll:close()
end

-- libuv stops at a socket with an error (and luv writes EBADF to stderr, whatever it was); libcurl knows what it means.
local function on_poll(self, err, what)
  self.on_ready(self.fd, not err and what or nil)
  if err and self.what then self:set(self.what) end
end

local Timer = {}
Timer.__index = Timer

function Timer:set(seconds, keeps)
  local uv = self.uv
  uv.update_time() -- a timer counts from when the loop last looked at the clock
  assert(self.timer:start(math.ceil(seconds * 1000), 0, self.callback))
  if keeps then uv.ref(self.timer) else uv.unref(self.timer) end
end

function Timer:close()
  self.timer:stop()
  self.timer:close()
end

local Waiter = {}
Waiter.__index = Waiter

function Waiter.wait() coroutine.yield() end

function Waiter:wake()
  local thread = self.thread
  if coroutine.status(thread) ~= "suspended" then return nil end -- its owner has ended it
  local ok, err = coroutine.resume(thread)
  if ok then return nil end
  if self.on_error then
    self.on_error(err, thread)
    return nil
  end
  return debug.traceback(thread, tostring(err))
end

-- The coroutine that runs; nil: none, or the program itself.
local function current()
  local thread, main = coroutine.running()
  if not thread or main then return nil end
  return protect.base(thread)
end

local function new_adapter(uv, schedule, on_error)
  return {
    name = "oc.host.luv",
    hint = "run it in one: coroutine.wrap(function() ... end)()",
    signals = false,
    schedule = schedule,
    current = current,
    inside = function() return current() ~= nil end,
    -- Sockets alone do not keep the loop from ending: whoever waits does, by the timer.
    watch = function(fd, on_ready)
      local poll = assert(uv.new_poll(fd))
      uv.unref(poll)
      local watch = setmetatable({poll = poll, fd = fd, on_ready = on_ready, what = nil}, Watch)
      watch.callback = function(err, what) on_poll(watch, err, what) end
      return watch
    end,
    timer = function(on_time)
      return setmetatable({uv = uv, timer = assert(uv.new_timer()), callback = on_time}, Timer)
    end,
    waiter = function() return setmetatable({thread = current(), on_error = on_error}, Waiter) end,
    start = function(f) coroutine.wrap(f)() end,
  }
end

local known = {uv = "table", schedule = "function", on_error = "function"}

--- A host for clients in coroutines of luv's loop. The loop is the program's to run: `uv.run()`.
---@param options? {uv?: table, schedule?: fun(f: fun()), on_error?: fun(err: any, thread: thread)}
--- `uv`: the luv module (default: Neovim's, else `require "luv"`); `schedule`: where coroutines go on (default: in
--- Neovim vim.schedule, so that they may use its API; else in the loop's callbacks); `on_error`: told of an error that
--- ended a coroutine (default: it is raised in the loop's callback, with a traceback, after the others' turn)
---@return oc.LoopHost|nil, oc.Error|nil err
function luv.new(options)
  options = options or {}
  for name, value in pairs(options) do
    if type(value) ~= known[name] then
      error(("oc.host.luv: option '%s': %s"):format(tostring(name), known[name]
        and ("%s expected, got %s"):format(known[name], type(value)) or "there is no such option"), 2)
    end
  end
  local uv, schedule = options.uv, nil
  if not uv then uv, schedule = find_luv() end
  return loop.new(new_adapter(uv, options.schedule or schedule, options.on_error))
end

return luv

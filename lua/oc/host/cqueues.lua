--- The host for cqueues: clients in coroutines of a controller.

local condition = require "cqueues.condition"
local core = require "oc.core"
local cq = require "cqueues"
local loop = require "oc.host.loop"
local protect = require "oc.protect"

local cqueues = {}

-- A descriptor that a coroutine of the controller polls for as long as it is watched.
local Watch = {}
Watch.__index = Watch

local function poll_on(self)
  while self.events do
    cq.poll(self)
    local what = self.events
    -- Of two the pool finds out itself which it was; of none: it was called off.
    if what then self.on_ready(self.pollfd, what ~= "rw" and what or nil) end
  end
  self.polled = false
end

function Watch:set(what)
  if self.events == what then return end
  self.events = what
  if self.polled then
    self.controller:cancel(self.pollfd) -- wakes the coroutine, which polls for the other
  else
    self.polled = true
    self.controller:wrap(poll_on, self)
  end
end

function Watch:close()
  self.events = nil
  self.controller:cancel(self.pollfd)
end

local Timer = {}
Timer.__index = Timer

local function ring(self)
  while self.at do
    local left = self.at - core.now()
    if left > 0 then
      cq.poll(self.changed, left)
    else
      self.at = nil
      self.on_time()
    end
  end
  self.runs = false
end

function Timer:set(seconds)
  local at = core.now() + seconds
  local earlier = self.at and at < self.at
  self.at = at
  if not self.runs then
    self.runs = true
    self.controller():wrap(ring, self)
  elseif earlier then
    self.changed:signal()
  end
end

function Timer:close()
  self.at = nil
  self.changed:signal()
end

local Waiter = {}
Waiter.__index = Waiter

function Waiter:wait() cq.poll(self.woken) end

function Waiter:wake() self.woken:signal() end

local function new_adapter()
  local last
  -- Where nothing runs, it is the one that ran last.
  local function controller()
    last = cq.running() or last
    return last
  end
  return {
    name = "oc.host.cqueues",
    hint = "run it in one of a controller: cqueues.new():wrap(function() ... end):loop()",
    signals = true,
    current = function() return protect.base(coroutine.running()) end,
    inside = function() return controller() ~= nil and cq.running() ~= nil end,
    watch = function(fd, on_ready)
      return setmetatable({pollfd = fd, events = nil, polled = false, on_ready = on_ready,
        controller = assert(controller(), "no controller runs")}, Watch)
    end,
    timer = function(on_time)
      return setmetatable({at = nil, runs = false, changed = condition.new(), on_time = on_time,
        controller = controller}, Timer)
    end,
    waiter = function() return setmetatable({woken = condition.new()}, Waiter) end,
    start = function(f) controller():wrap(f) end,
  }
end

--- A host for clients in coroutines of cqueues. Controllers are the program's: the host uses the one it is called in.
---@return oc.LoopHost|nil, oc.Error|nil err
function cqueues.new()
  return loop.new(new_adapter())
end

return cqueues

--- What drives a pool by an event loop: tells the loop what to watch, the pool what
-- came of it, and wakes who waits. Knows no particular loop: an adapter brings that.
--
-- Coroutines run only out of the loop's own calls, never in the middle of another
-- one's call, and what the loop is to watch is settled before any of them runs.

local core = require "oc.core"

local driver = {}

-- A timer that only says that somebody waits.
local LONG_S = 3600

-- Who waits for another coroutine's work looks at least so often: it may end where nobody here sees it.
local HOLD_CHECK_S = 1

--- An event loop, as the driver sees it.
---@class oc.LoopAdapter
---@field name string   for messages
---@field hint string   how one gets into a coroutine of it
---@field current fun(): thread|nil   the coroutine that runs
---@field inside fun(): boolean   is it one of the loop, that may wait?
---@field watch fun(fd: integer, on_ready: fun(fd: integer, what?: string)): oc.LoopWatch
---@field timer fun(on_time: fun()): oc.LoopTimer
---@field waiter fun(): oc.LoopWaiter   for the coroutine that runs
---@field start fun(f: fun())   runs it in a coroutine of the loop, at once or soon
---@field signals boolean   `wake` only marks: the loop resumes the coroutine by itself
---@field schedule? fun(f: fun())   where coroutines are to run, if not in the loop's callbacks

---@class oc.LoopWatch
---@field set fun(self, what: "r"|"w"|"rw")
---@field close fun(self)   the loop has forgotten the descriptor when it returns

---@class oc.LoopTimer
---@field set fun(self, seconds: number, keeps: boolean)   rings once; keeps: the loop is not to end before
---@field close fun(self)

---@class oc.LoopWaiter
---@field wait fun(self)   until `wake`; may come back without
---@field wake fun(self): string|nil   where the coroutine is resumed at once and fails: its error

---@class oc.Driver
local Driver = {}
Driver.__index = Driver

-- Waking --------------------------------------------------------------------------

-- From now on it does not wait; it runs when the loop gets to it.
local function wake(self, waiter)
  if waiter.woken then return end
  waiter.woken = true
  self.waits[waiter], self.holders[waiter] = nil, nil
  self.waiting = self.waiting - 1
  if waiter.until_s then
    self.timed = self.timed - 1
    if self.timed == 0 then self.due = math.huge end
  end
  if waiter.number then
    self.by_number[waiter.number] = nil
    waiter.raw:watch(false)
  end
  if self.adapter.signals then
    waiter.handle:wake()
    return
  end
  self.ready[#self.ready + 1] = waiter
  self.hurry = not self.running
end

local function wake_who_is_due(self)
  local now, due = core.now(), math.huge
  if now < self.due then return end
  local late = {}
  for waiter in pairs(self.waits) do
    if waiter.until_s and waiter.until_s <= now then
      late[#late + 1] = waiter
    elseif waiter.until_s then
      due = math.min(due, waiter.until_s)
    end
  end
  self.due = due
  for _, waiter in ipairs(late) do wake(self, waiter) end
end

local function wake_holders(self)
  if not next(self.holders) then return end
  local free = {}
  for waiter in pairs(self.holders) do
    if not waiter.busy() then free[#free + 1] = waiter end
  end
  for _, waiter in ipairs(free) do wake(self, waiter) end
end

-- The loop ------------------------------------------------------------------------

local function watch_sockets(self)
  while true do
    local fd, what = self.pool:next_event()
    if not fd then return end
    local watch = self.watches[fd]
    if not what then
      self.watches[fd] = nil
      if watch then watch:close() end
    else
      if not watch then
        watch = self.adapter.watch(fd, self.on_ready)
        self.watches[fd] = watch
      end
      watch:set(what)
    end
  end
end

-- Seconds until the driver has to do something | nil.
local function time_left(self)
  if self.hurry then return 0 end
  local left = not self.closed and self.pool:timeout() or math.huge
  left = math.min(left, self.due - core.now())
  if next(self.holders) then left = math.min(left, HOLD_CHECK_S) end
  return left < math.huge and math.max(left, 0) or nil
end

-- A timer that rings too early does no harm, so only an earlier time is set anew.
local function set_timer(self)
  local keeps = self.waiting > 0 or self.ready[1] ~= nil
  local left = time_left(self) or keeps and LONG_S
  if not left then
    if self.timer then self.timer:close() end
    self.timer, self.rings_at = false, math.huge
    return
  end
  local at = core.now() + left
  if at >= self.rings_at - 0.0005 and keeps == self.timer_keeps then return end
  self.timer = self.timer or self.adapter.timer(self.on_time)
  self.rings_at, self.timer_keeps = at, keeps
  self.timer:set(left, keeps)
end

--- To be called after whatever may have changed something in the pool.
function Driver:settle()
  if not self.closed then watch_sockets(self) end
  -- Not asked here: they would ask about the coroutine that runs.
  if next(self.holders) then self.hurry = true end
  set_timer(self)
end

-- Those who wait no longer. An error in one is told when the others have had their turn.
local function run_ready(self)
  local failed
  self.running = true
  while self.ready[1] do
    local waiter = table.remove(self.ready, 1)
    if waiter.suspended then failed = waiter.handle:wake() or failed end
  end
  self.running, self.hurry = false, false
  if next(self.holders) then self.hurry = true end
  set_timer(self)
  if failed then error(failed, 0) end
end

-- Something has come, or time has passed.
local function turn(self, fd, what)
  if not self.closed then
    self.turns = self.turns + 1
    self.pool:action(fd, what)
    local number = self.pool:next_done()
    while number do
      if self.by_number[number] then wake(self, self.by_number[number]) end
      number = self.pool:next_done()
    end
  end
  wake_who_is_due(self)
  wake_holders(self)
  self.hurry = false -- they run now
  if not self.closed then watch_sockets(self) end
  set_timer(self)
  if not self.ready[1] then return end
  if self.adapter.schedule then
    self.adapter.schedule(self.run)
  else
    self.run()
  end
end

-- Waiting -------------------------------------------------------------------------

--- Raises where nobody can wait.
---@param level integer
function Driver:expect_inside(level)
  if self.adapter.inside() then return end
  error(("%s: outside of a coroutine nothing can be waited for; %s"):format(self.adapter.name, self.adapter.hint),
    level + 1)
end

-- Waits until it is woken. A task that was given up ends here.
local function wait(self, waiter)
  waiter.handle = self.adapter.waiter()
  waiter.task = self.task_of[self.adapter.current()]
  if waiter.task and waiter.task.given_up then error("the task was given up", 0) end
  if waiter.raw then self.by_number[waiter.number] = waiter end
  if waiter.busy then self.holders[waiter] = true end
  waiter.woken, waiter.suspended = false, false
  self.waits[waiter] = true
  self.waiting = self.waiting + 1
  if waiter.until_s then
    self.timed = self.timed + 1
    self.due = math.min(self.due, waiter.until_s)
  end
  self:settle()
  waiter.suspended = true
  while not waiter.woken do waiter.handle:wait() end
  waiter.suspended = false
  if waiter.task and waiter.task.given_up then error("the task was given up", 0) end
end

--- Waits until an exchange has something to tell, or that time has come.
---@param raw userdata
---@param until_s number|nil
function Driver:wait_for(raw, until_s)
  self:expect_inside(3)
  if self.closed then return end
  local number = raw:watch(true)
  if self.by_number[number] then error("another coroutine waits for this exchange", 3) end
  wait(self, {raw = raw, number = number, until_s = until_s})
end

--- Waits for a while: false if the driver was closed meanwhile.
---@param seconds number
---@return boolean
function Driver:sleep(seconds)
  self:expect_inside(3)
  if not self.closed then wait(self, {until_s = core.now() + seconds}) end
  return not self.closed
end

--- Waits while it is busy.
---@param busy fun(): boolean
function Driver:hold(busy)
  self:expect_inside(3)
  while not self.closed and busy() do
    wait(self, {busy = busy})
  end
end

--- Waits for `wake` with the same table.
---@param waiter table   of the caller's
function Driver:rest(waiter)
  wait(self, waiter)
end

--- Wakes who rests.
---@param waiter table
function Driver:wake(waiter)
  wake(self, waiter)
  set_timer(self)
end

--- Nobody is to wait any longer for that exchange, which was closed.
---@param number number
function Driver:let_go(number)
  local waiter = self.by_number[number]
  if waiter then wake(self, waiter) end
  self:settle()
end

--- Ends the waits of a task, and what it waits for.
---@param task table
function Driver:give_up(task)
  task.given_up = true
  local its = {}
  for waiter in pairs(self.waits) do
    if waiter.task == task then its[#its + 1] = waiter end
  end
  for _, waiter in ipairs(its) do
    wake(self, waiter)
    if waiter.raw then waiter.raw:close() end
  end
  self:settle()
end

--- Ends everything: whoever waits is woken.
function Driver:close()
  if self.closed then return end
  self.closed = true
  for _, watch in pairs(self.watches) do watch:close() end
  self.watches = {}
  self.pool:close()
  local all = {}
  for waiter in pairs(self.waits) do all[#all + 1] = waiter end
  for _, waiter in ipairs(all) do wake(self, waiter) end
  self.due = math.huge
  set_timer(self)
end

--- A driver for a pool of core.http(true).
---@param pool userdata
---@param adapter oc.LoopAdapter
---@return oc.Driver
function driver.new(pool, adapter)
  local self = setmetatable({
    pool = pool, adapter = adapter,
    watches = {},    -- by descriptor
    waits = {},      -- who waits, whatever for
    waiting = 0,     -- how many
    by_number = {},  -- those who wait for an exchange
    holders = {},    -- those who wait for another coroutine
    ready = {},      -- those who are to run
    running = false, -- that is going on
    hurry = false,   -- the loop is to come in at once
    timed = 0,       -- those who wait for a time, or until a time at the most
    due = math.huge, -- none of them is due before
    timer = false, timer_keeps = false, rings_at = math.huge,
    task_of = setmetatable({}, {__mode = "k"}),
    turns = 0,       -- how often the loop came in
    closed = false,
  }, Driver)
  self.on_ready = function(fd, what) turn(self, fd, what) end
  self.on_time = function()
    self.rings_at = math.huge
    turn(self)
  end
  self.run = function() run_ready(self) end
  return self
end

return driver

--- Tasks at once over one pool, for the host of scripts. Each task is a coroutine;
-- where one would block, it steps aside, and the others go on. One wait serves all.
--
-- Knows exchanges only by their pool, and nothing of what tasks are about.

local core = require "oc.core"
local errors = require "oc.errors"

local crew = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- Which crew a thread is a task of, while it is one.
local crew_of = setmetatable({}, {__mode = "k"})

--- The crew that what runs now is a task of.
---@return oc.Crew|nil
function crew.current()
  local thread = coroutine.running()
  return thread and crew_of[thread]
end

---@class oc.Crew
local Crew = {}
Crew.__index = Crew

--- A crew, which ends with `run`.
---@param pool userdata   whose exchanges the tasks wait for
---@param deps {now: function, sleep: function}
---@return oc.Crew
function crew.new(pool, deps)
  return setmetatable({pool = pool, now = deps.now, sleep_all = deps.sleep, waiting = {}, count = 0, stopped = false},
    Crew)
end

--- Is it a task of this crew that runs?
---@return boolean
function Crew:inside()
  return crew.current() == self
end

-- What a task waits for, as it tells whoever resumes it.
local Wish = {}

local function step_aside(wish)
  coroutine.yield(setmetatable(wish, Wish))
end

--- Waits for an exchange: true, whether or not something came of it.
---@param raw userdata
---@param until_s number|nil
function Crew.wait(_, raw, until_s)
  step_aside {raw = raw, until_s = until_s}
  return true
end

--- Waits for a while: true | nil, err when the crew is to come to its end.
---@param seconds number
---@return true|nil, oc.Error|nil
function Crew:sleep(seconds)
  if self.stopped then return nil, self.stopped end
  step_aside {until_s = self.now() + seconds, sleeps = true}
  if self.stopped then return nil, self.stopped end
  return true
end

--- Waits while another task is busy.
---@param busy fun(): boolean
function Crew.hold(_, busy)
  while busy() do step_aside {busy = busy} end
end

-- Runs a task up to where it waits again, or ends.
local function resume(self, thread)
  local task = self.waiting[thread]
  local ok, wish = coroutine.resume(thread)
  if coroutine.status(thread) ~= "dead" then
    if getmetatable(wish) == Wish then
      task.wish = wish
      return
    end
    ok, wish = false, "it yielded, and nobody here knows what for"
  end
  self.waiting[thread], crew_of[thread] = nil, nil
  self.count = self.count - 1
  task.ended(ok, wish)
end

local function begin(self, run, ended)
  local thread = coroutine.create(run)
  self.waiting[thread], crew_of[thread] = {ended = ended}, self
  self.count = self.count + 1
  resume(self, thread)
end

-- The threads that need not wait any longer.
local function ready(self, event)
  local list, now = {}, self.now()
  for thread, task in pairs(self.waiting) do
    local wish = task.wish
    local due = wish.until_s and wish.until_s <= now
    local free = wish.busy and not wish.busy()
    if due or free or event and wish.raw or wish.sleeps and self.stopped then list[#list + 1] = thread end
  end
  return list
end

local function stop(self, err)
  err.signal = core.take_interrupt() -- from now on waits go on: what is under way comes to its end
  self.stopped = self.stopped or err
end

-- Waits until one of them may have something to do, or, when some have, only looks: was it an exchange?
local function wait(self, none_ready)
  local exchanges, until_s = {}, math.huge
  for _, task in pairs(self.waiting) do
    exchanges[#exchanges + 1] = task.wish.raw
    until_s = math.min(until_s, task.wish.until_s or math.huge)
  end
  local left = none_ready and math.max(until_s - self.now(), 0) or 0
  local ok, err = true, nil
  if #exchanges > 0 then
    ok, err = self.pool:wait(left, unpack(exchanges))
  elseif left == math.huge then
    error("oc.host.crew: the tasks wait for one another", 0)
  elseif none_ready then
    ok, err = self.sleep_all(left)
  end
  if ok == nil then stop(self, err) end
  return #exchanges > 0 and ok == true
end

-- Takes in tasks while there is room for them. Where nothing waits, nobody else sees an interrupt.
local function fill(self, most, next)
  while self.count < most and not self.stopped do
    if core.interrupted() then
      return stop(self, errors.new("cancelled", ("interrupted by signal %d"):format(core.interrupted())))
    end
    local run, ended = next()
    if not run then return end
    begin(self, run, ended)
  end
end

--- Runs tasks, so many at once at the most, until there are no more.
---@param most integer
---@param next fun(): function|nil, fun(ok: boolean, err: any)|nil   a task, and what to call when it has ended
---@return true|nil
---@return oc.Error|nil err   kind `cancelled`: those under way have ended, no other was begun
function Crew:run(most, next)
  while true do
    fill(self, most, next)
    if self.count == 0 then break end
    local list = ready(self, wait(self, #ready(self, false) == 0))
    for _, thread in ipairs(list) do resume(self, thread) end
  end
  if self.stopped then return nil, self.stopped end
  return true
end

--- Leaves off in the middle, when what was called raised: no task goes on, and what they waited for is closed.
function Crew:abandon()
  for thread, task in pairs(self.waiting) do
    crew_of[thread] = nil
    if task.wish and task.wish.raw then task.wish.raw:close() end
  end
  self.waiting, self.count = {}, 0
end

return crew

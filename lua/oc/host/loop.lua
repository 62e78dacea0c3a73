--- The host for event loops: exchanges that coroutines wait for, many at once, while
-- the loop goes on. `luv.lua` and `cqueues.lua` bring their loops to it.
--
-- Whatever may wait must run in a coroutine. Nothing here calls pcall around it,
-- since Lua 5.1 could not yield out of that.

local core = require "oc.core"
local driver = require "oc.host.driver"
local errors = require "oc.errors"
local protect = require "oc.protect"
local random = require "oc.host.random"

local loop = {}

local Exchange = {}
Exchange.__index = Exchange

-- nil, err when it is no use to ask again.
local function wait(self, until_s)
  if until_s and until_s <= core.now() then
    return nil, errors.new("timeout", "no answer in the time that was left")
  end
  self.driver:wait_for(self.raw, until_s)
  return true
end

function Exchange:head(within_s)
  local until_s = within_s and core.now() + within_s
  while true do
    local status, headers = self.raw:head()
    if status or headers then return status, headers end
    local ok, err = wait(self, until_s)
    if not ok then return nil, err end
  end
end

function Exchange:read(within_s)
  local until_s = within_s and core.now() + within_s
  while true do
    local bytes, err = self.raw:read()
    if bytes then self.driver:settle() end -- there is room again: libcurl may want to read on
    if bytes ~= nil or err then return bytes, err end
    local ok, why = wait(self, until_s)
    if not ok then return nil, why end
  end
end

function Exchange:stats() return self.raw:stats() end

function Exchange:close()
  self.raw:close()
  self.driver:let_go(self.number)
end

Exchange.__close = Exchange.close

---@class oc.LoopHost: oc.Host
local Host = {}
Host.__index = Host

function Host:open(request)
  self.driver:expect_inside(2)
  -- First: what starts belongs to it.
  local exchange = setmetatable({raw = false, number = 0, driver = self.driver}, Exchange)
  local err
  exchange.raw, err = self.pool:start(request)
  self.driver:settle()
  if not exchange.raw then return nil, err end
  exchange.number = exchange.raw:watch(false)
  return exchange
end

function Host:pump()
  self.pool:perform()
  self.driver:settle()
end

function Host:hold(busy) self.driver:hold(busy) end

-- Tasks at once ---------------------------------------------------------------------

-- Begins a task: when it has ended, that is put on the list, and the caller of `together` hears of it.
local function begin(self, crew, run, ended)
  local task = {given_up = false}
  crew.tasks[task] = true
  crew.count = crew.count + 1
  self.adapter.start(function()
    self.driver.task_of[self.adapter.current()] = task
    local ok, err = true, nil
    if not task.given_up then ok, err = protect.call(run) end
    self.driver.task_of[self.adapter.current()] = nil
    crew.tasks[task] = nil
    crew.count = crew.count - 1
    if task.given_up then return end
    crew.over[#crew.over + 1] = {ended = ended, ok = ok, err = err}
    if crew.waiter then self.driver:wake(crew.waiter) end
  end)
end

-- Tells of those that have ended, and begins others while there is room.
local function attend(self, crew, most, next)
  while crew.over[1] do
    local task = table.remove(crew.over, 1)
    task.ended(task.ok, task.err)
  end
  while crew.more and crew.count < most and not crew.over[1] do
    local run, ended = next()
    crew.more = run ~= nil
    if run then begin(self, crew, run, ended) end
  end
end

--- See oc.Host. Several coroutines may do so at once.
function Host:together(most, next)
  self.driver:expect_inside(2)
  local crew = {tasks = {}, count = 0, over = {}, more = true, waiter = false}
  while crew.more or crew.count > 0 or crew.over[1] do
    local called, raised = pcall(attend, self, crew, most, next)
    if not called then
      for task in pairs(crew.tasks) do self.driver:give_up(task) end
      error(raised, 0)
    end
    if not crew.over[1] and crew.count > 0 then
      crew.waiter = {}
      local rested, given_up = protect.call(self.driver.rest, self.driver, crew.waiter)
      crew.waiter = false
      if not rested then
        for task in pairs(crew.tasks) do self.driver:give_up(task) end
        error(given_up, 0)
      end
    end
  end
  return true
end

-- -------------------------------------------------------------------------------------

--- Ends all exchanges. Who waits gets an error of kind `cancelled`.
function Host:close() self.driver:close() end

Host.__close = Host.close

--- A host on an event loop.
---@param adapter oc.LoopAdapter
---@return oc.LoopHost|nil, oc.Error|nil err
function loop.new(adapter)
  local pool, err = core.http(true)
  if not pool then return nil, err end
  local drives = driver.new(pool, adapter)
  return setmetatable({
    adapter = adapter, driver = drives, pool = pool,
    now = core.now, time = core.time, random = random.new(),
    sleep = function(seconds)
      if drives:sleep(seconds) then return true end
      return nil, errors.new("cancelled", "the host was closed while waiting")
    end,
  }, Host)
end

return loop

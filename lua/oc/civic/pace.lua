--- The pace of requests: so many a minute, evenly, and none while the far side asked for a pause.

local errors = require "oc.errors"

local pace = {}

local function late()
  return nil, errors.new("timeout", "the time of the run is over before it is this request's turn")
end

---@class oc.civic.Pace
local Pace = {}
Pace.__index = Pace

--- A pace by a host's clock.
---@param host oc.Host
---@param rate_per_min number|nil   nil: as fast as it goes
---@return oc.civic.Pace
function pace.new(host, rate_per_min)
  return setmetatable({host = host, gap_s = rate_per_min and 60 / rate_per_min or 0, free_at = 0, held_until = 0}, Pace)
end

--- Waits until one more request is allowed.
---@param deadline number|nil   by the host's clock: a turn that comes later is none
---@return true|nil
---@return oc.Error|nil err   kind `cancelled`, or `timeout`
function Pace:turn(deadline)
  local now = self.host.now()
  local mine = math.max(now, self.free_at)
  if deadline and math.max(mine, self.held_until) >= deadline then return late() end
  self.free_at = mine + self.gap_s
  while true do
    local wait_s = math.max(mine, self.held_until) - self.host.now()
    if wait_s <= 0 then return true end
    if deadline and self.host.now() + wait_s >= deadline then return late() end
    local ok, err = self.host.sleep(wait_s)
    if not ok then return nil, err end
  end
end

--- Nobody asks for so long.
---@param seconds number
function Pace:hold(seconds)
  self.held_until = math.max(self.held_until, self.host.now() + seconds)
end

return pace

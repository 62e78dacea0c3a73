--- A circuit breaker: after so many failures in a row nobody is asked any more, but
-- for single probes with growing pauses; one that succeeds lets all go on.

local breaker = {}

---@class oc.civic.Breaker
---@field open boolean
local Breaker = {}
Breaker.__index = Breaker

--- A closed breaker.
---@param most integer|false   failures in a row; false: it never opens
---@param wait_s number   before the first probe
---@param probes integer   how many
---@return oc.civic.Breaker
function breaker.new(most, wait_s, probes)
  return setmetatable({most = most or math.huge, wait_s = wait_s, probes = probes, failures = 0, open = false,
    probed = 0, probing = false}, Breaker)
end

--- May the next one be asked?
---@return boolean allowed
---@return number|nil wait_s   only as a probe, after so many seconds
function Breaker:admit()
  if not self.open then return true end
  if self.probing or self.probed >= self.probes then return false end
  self.probing = true
  self.probed = self.probed + 1
  return true, self.wait_s * 2 ^ (self.probed - 1)
end

--- The far side has answered, as a probe or otherwise.
function Breaker:succeeded()
  self.failures, self.open, self.probing, self.probed = 0, false, false, 0
end

--- A probe has ended without telling anything.
function Breaker:withdrawn()
  self.probing, self.probed = false, self.probed - 1
end

--- It has not answered. Does that open the breaker?
---@param probe boolean|nil   it was one
---@return boolean opens
function Breaker:failed(probe)
  self.failures = self.failures + 1
  if probe then self.probing = false end
  if self.open or self.failures < self.most then return false end
  self.open = true
  return true
end

return breaker

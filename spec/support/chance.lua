-- Chance for property tests: the same seed gives the same numbers on every Lua.

local chance = {}
chance.__index = chance

--- @param seed integer   1 to 2147483646
function chance.new(seed)
  return setmetatable({state = seed % 2147483646 + 1}, chance)
end

--- A whole number from low to high.
function chance:from(low, high)
  self.state = self.state * 16807 % 2147483647 -- below 2^53: exact everywhere
  return low + math.floor(self.state / 2147483647 * (high - low + 1))
end

--- True once in `n` times.
function chance:once_in(n)
  return self:from(1, n) == 1
end

function chance:one_of(list)
  return list[self:from(1, #list)]
end

return chance

-- Medians, and how far measured values lie apart.

local stats = {}

local function sorted(list)
  local copy = {}
  for i, value in ipairs(list) do copy[i] = value end
  table.sort(copy)
  return copy
end

function stats.median(list)
  local s, n = sorted(list), #list
  if n % 2 == 1 then return s[(n + 1) / 2] end
  return (s[n / 2] + s[n / 2 + 1]) / 2
end

--- How many times slower a peer is, and the least and most of it in one round: the two
--- of a round ran beside each other, so what slowed the machine slowed both.
---@param ours number[]   one for each round
---@param theirs number[]
---@return number ratio   of the medians
---@return number least
---@return number most
function stats.ratio(ours, theirs)
  local ratios = {}
  for i = 1, #ours do ratios[i] = theirs[i] / ours[i] end
  local s = sorted(ratios)
  return stats.median(theirs) / stats.median(ours), s[1], s[#s]
end

return stats

--- Chance, for hosts. Not math.random: it belongs to the program, and before 5.4
-- starts the same in every process, so that all would retry at once.

local core = require "oc.core"

local random = {}

local function new_seed()
  local address = tonumber(tostring({}):match("0x(%x+)") or "0", 16) % 2 ^ 31
  return math.floor(core.time() * 1e6) + math.floor(address / 16)
end

--- A generator of its own.
---@param seed? number
---@return fun(): number   in [0, 1)
function random.new(seed)
  local state = (seed or new_seed()) % 2147483646 + 1
  return function()
    state = state * 16807 % 2147483647 -- Park and Miller; exact in a double
    return (state - 1) / 2147483646
  end
end

return random

--- Chance for hosts, from a generator of its own.
--
-- Not math.random: it belongs to the program, and before 5.4 starts the same in
-- every process, so that all would retry at once.

local core = require "oc.core"

local random = {}

local function new_seed()
  local address = tonumber(tostring({}):match("0x(%x+)") or "0", 16) % 2 ^ 31
  return math.floor(core.time() * 1e6) + math.floor(address / 16)
end

--- A generator of numbers in [0, 1). It is seeded when it is first asked: a server
--- may fork between the two, and its children shall differ.
---@param seed? number
---@return fun(): number
function random.new(seed)
  local state
  return function()
    state = state or (seed or new_seed()) % 2147483646 + 1
    state = state * 16807 % 2147483647 -- Park and Miller; exact in a double
    return (state - 1) / 2147483646
  end
end

return random

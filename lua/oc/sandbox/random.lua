-- Numbers that look random and are the same on every Lua: exact arithmetic below 2^53, no math.random.
-- Knows nothing about leads.

local random = {}

local floor = math.floor

-- Park and Miller's generator: next = state * 16807 mod (2^31 - 1). The product stays below 2^46.
local MULTIPLIER, MODULUS = 16807, 2147483647
local WORD = 4294967296

-- Odd, so that multiplying modulo 2^32 can be undone.
local SCRAMBLE, SEED_STEP = 2654435769, 2246822519

--- The next state of a generator.
---@param state integer 1 .. 2^31-2
---@return integer state
function random.next(state)
  return state * MULTIPLIER % MODULUS
end

--- A state to start from, one for each purpose (`salt`) of each numbered thing under a seed.
---@param seed integer 0 .. 2^31-1
---@param index integer 0 .. 2^32-1
---@param salt integer small
---@return integer state
function random.start(seed, index, salt)
  local state = (seed * 48271 + index * 69621 + salt * 40692) % MODULUS
  if state == 0 then state = 1 end
  return random.next(random.next(state))
end

--- A state out of a text, to choose by names as `start` does by numbers.
---@param seed integer 0 .. 2^31-1
---@param text string
---@param salt integer small
---@return integer state
function random.of_text(seed, text, salt)
  local state = seed
  for i = 1, #text do state = random.start(state, text:byte(i), salt) end
  return state
end

-- In two halves: a whole product of two words would not be exact in a double.
local function multiply(a, b)
  local low = b % 65536
  local high = floor((b - low) / 65536)
  return ((a * high % WORD) * 65536 + a * low) % WORD
end

local function inverse(odd)
  local guess = odd
  for _ = 1, 5 do
    guess = multiply(guess, (2 - multiply(odd, guess)) % WORD)
  end
  return guess
end

local UNSCRAMBLE = inverse(SCRAMBLE)

--- Spreads an index over 32 bits; different indexes give different words.
---@param seed integer 0 .. 2^31-1
---@param index integer 0 .. 2^32-1
---@return integer word 0 .. 2^32-1
function random.scramble(seed, index)
  return (multiply(index, SCRAMBLE) + multiply(seed, SEED_STEP)) % WORD
end

--- Undoes `scramble`.
---@param seed integer
---@param word integer
---@return integer index
function random.unscramble(seed, word)
  return multiply((word - multiply(seed, SEED_STEP)) % WORD, UNSCRAMBLE)
end

return random

--- Which element of one list is which of another, when neither has an id to go by. Knows no fields by itself.

local values = require "oc.civic.values"

local pairing = {}

-- Beyond so many pairs nobody is compared with everybody.
local MOST_PAIRS = 250000

local function left_over(list, taken)
  local left = {}
  for i = 1, #list do
    if not taken[i] then left[#left + 1] = i end
  end
  return left
end

local function result(old, new, pairs_of, taken_old, taken_new)
  table.sort(pairs_of, function(a, b) return a[2] < b[2] end)
  return pairs_of, left_over(old, taken_old), left_over(new, taken_new)
end

--- Pairs by tests, one after the other: an element goes with the first of the others for which a test holds.
---@param old any[]
---@param new any[]
---@param tests fun(a: any, b: any): boolean[]
---@return integer[][] pairs   {place in old, place in new}, in the order of new
---@return integer[] gone   places in old
---@return integer[] come   places in new
function pairing.by(old, new, tests)
  local pairs_of, taken_old, taken_new = {}, {}, {}
  local function find(i, test)
    for k = 1, #new do
      if not taken_new[k] and test(old[i], new[k]) then return k end
    end
  end
  for _, test in ipairs(tests) do
    for i = 1, #old do
      local k = not taken_old[i] and find(i, test)
      if k then
        taken_old[i], taken_new[k] = true, true
        pairs_of[#pairs_of + 1] = {i, k}
      end
    end
  end
  return result(old, new, pairs_of, taken_old, taken_new)
end

local function same_text(a, b)
  if a == nil or b == nil then return false end
  return tostring(a):lower() == tostring(b):lower()
end

local function likeness(a, b, fields, must)
  if values.equal(a, b) then return math.huge end
  if must and not same_text(a[must], b[must]) then return 0 end
  local n = 0
  for _, name in ipairs(fields) do
    if same_text(a[name], b[name]) then n = n + 1 end
  end
  return n
end

-- All pairs that are alike enough, the most alike first.
local function candidates(old, new, fields, least, must)
  local found = {}
  for i, a in ipairs(old) do
    for k, b in ipairs(new) do
      local alike = likeness(a, b, fields, must)
      if alike >= least then found[#found + 1] = {i, k, alike} end
    end
  end
  table.sort(found, function(a, b)
    if a[3] ~= b[3] then return a[3] > b[3] end
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  return found
end

--- Pairs objects by how many of some fields they share, the most alike first; exactly equal ones before all.
---@param old table[]
---@param new table[]
---@param fields string[]
---@param least integer   fields that have to be equal, and filled
---@param must? string   a field that has to be
---@return integer[][] pairs
---@return integer[] gone
---@return integer[] come
function pairing.alike(old, new, fields, least, must)
  local pairs_of, taken_old, taken_new = {}, {}, {}
  local found = #old * #new <= MOST_PAIRS and candidates(old, new, fields, least, must) or {}
  for _, pair in ipairs(found) do
    if not taken_old[pair[1]] and not taken_new[pair[2]] then
      taken_old[pair[1]], taken_new[pair[2]] = true, true
      pairs_of[#pairs_of + 1] = {pair[1], pair[2]}
    end
  end
  return result(old, new, pairs_of, taken_old, taken_new)
end

return pairing

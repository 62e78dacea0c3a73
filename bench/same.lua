-- Did two works do the same job? Compares what they made, as far as both can say it.

local cjson = require "cjson"

local same = {}

-- An empty array and an empty object are one thing to lua-cjson 2.1.0, and a null is
-- absent in ours unless asked for.
local function equal(a, b)
  if a == cjson.null then a = nil end
  if b == cjson.null then b = nil end
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then return false end
  end
  for key, value in pairs(b) do
    if a[key] == nil and value ~= cjson.null then return false end
  end
  return true
end

--- Values: leads, counts.
function same.values(a, b) return equal(a, b) end

--- Arrays of texts that say the same in JSON.
function same.lines(a, b)
  if #a ~= #b then return false end
  for i, line in ipairs(a) do
    if not equal(cjson.decode(line), cjson.decode(b[i])) then return false end
  end
  return true
end

return same

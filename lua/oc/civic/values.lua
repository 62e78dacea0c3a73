--- What may stand in a lead where addresses are expected: absent, null, [], {} or a
-- list. These say which it is, so that nobody else has to think of all of them.

local core = require "oc.core"
local postcodes = require "oc.civic.postcodes"

local values = {}

local null = core.null

--- A field's value; nil for a JSON null, however the lead was read.
---@param value any
---@return any
function values.known(value)
  if value == null then return nil end
  return value
end

--- The text of a field, nil where it is none or empty.
---@param value any
---@return string|nil
function values.text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

--- The elements of a list that are tables; none of anything else.
---@param value any
---@return table[]
function values.objects(value)
  local objects = {}
  for _, item in ipairs(type(value) == "table" and value or {}) do
    if type(item) == "table" then objects[#objects + 1] = item end
  end
  return objects
end

--- How many addresses are known of a lead.
---@param lead table
---@return integer|nil count   nil: nobody has ever known; 0: it is known that there are none
function values.count(lead)
  local list = values.known(lead.civicAddresses)
  return type(list) == "table" and #list or nil
end

--- Is it a list, in a document that was read with nulls? An empty object is none.
---@param value any
---@return boolean
function values.is_list(value)
  if type(value) ~= "table" then return false end
  return value[1] ~= nil or next(value) == nil and getmetatable(value) == core.array_metatable
end

--- Where a list of addresses has an element that is no object.
---@param list any[]
---@return integer|nil at
function values.no_object(list)
  for i, item in ipairs(list) do
    if type(item) ~= "table" or values.is_list(item) then return i end
  end
end

--- Marks a list, so that it is written as one when it is empty.
---@generic T
---@param list T[]
---@return T[] list the same table
function values.array(list)
  return setmetatable(list, core.array_metatable)
end

--- Is an address validated, in whatever of the words for it?
---@param address table
---@return boolean
function values.is_validated(address)
  local status = tostring(address.validationStatus):lower()
  return status == "validated" or status == "valid"
end

--- A country's code as ISO 3166 has it, for comparing.
---@param code any
---@return string|nil
function values.country(code)
  local text = type(code) == "string" and code:match "^%s*(.-)%s*$" or ""
  return text ~= "" and postcodes.country(text) or nil
end

--- A copy of plain data. `strip`: without JSON nulls in objects.
---@param value any
---@param strip? boolean
---@return any
function values.copy(value, strip)
  if type(value) ~= "table" then return value end
  local copied, list = {}, value[1] ~= nil
  for key, item in pairs(value) do
    if list or not strip or item ~= null then copied[key] = values.copy(item, strip) end
  end
  return setmetatable(copied, getmetatable(value))
end

-- Only the gateway knows these: an address without them is the same.
local OF_THE_GATEWAY = {latitude = true, longitude = true}

local function one_way(a, b)
  for key, item in pairs(a) do
    local other = values.known(b[key])
    if not (OF_THE_GATEWAY[key] and other == nil) and not values.equal(item, other) then return false end
  end
  return true
end

-- The service writes "" where others write null or nothing.
local function settled(value)
  if value == null or value == "" then return nil end
  return value
end

--- Is it the same content? A null and an empty text are as good as absent.
---@param a any
---@param b any
---@return boolean
function values.equal(a, b)
  if settled(a) == settled(b) then return true end
  return type(a) == "table" and type(b) == "table" and one_way(a, b) and one_way(b, a)
end

local PRIMES = {2147483647, 2147483629} -- products with a byte's factor are exact in a double

--- A short text for the content of plain data, the same whatever nulls it has and on every Lua.
---@param value any   that JSON can say
---@return string
function values.digest(value)
  local text, a, b = core.encode(values.copy(value, true)), 7, 11
  for i = 1, #text do
    local byte = text:byte(i)
    a, b = (a * 131 + byte) % PRIMES[1], (b * 257 + byte) % PRIMES[2]
  end
  return ("%08x%08x"):format(a, b)
end

--- A time as ISO 8601 in UTC, in whole seconds.
---@param seconds number   since 1970
---@return string
function values.iso(seconds)
  return (os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds)))
end

return values

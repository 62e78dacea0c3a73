--- The order of a report's rows: by kinds of values, nothing last, and the same on every Lua.

local core = require "oc.core"

local order = {}

local function size_of(value)
  return type(value) == "string" and tonumber((value:match "^L(%d+)_U")) or nil
end

local function instant_of(value)
  return type(value) == "string" and core.instant(value) or nil
end

local READERS = {size = size_of, date = instant_of}

-- What a value is compared by: the kind's own order where it has one, else itself.
local function rank(value, kind)
  local read = READERS[kind]
  return read and read(value) or value
end

-- -1, 0, 1. Numbers go before texts, texts before the rest.
local function compare(a, b)
  if a == b then return 0 end
  local kind_a, kind_b = type(a), type(b)
  if kind_a ~= kind_b or (kind_a ~= "number" and kind_a ~= "string") then
    return tostring(kind_a .. tostring(a)) < tostring(kind_b .. tostring(b)) and -1 or 1
  end
  if kind_a == "string" then
    local lower_a, lower_b = a:lower(), b:lower()
    if lower_a ~= lower_b then a, b = lower_a, lower_b end
  end
  return a < b and -1 or 1
end

local function keys_of(sort)
  if sort == nil then return {} end
  return type(sort) == "table" and sort or {sort}
end

--- What is wrong with an order.
---@param sort any
---@param titles table<string, integer>
---@return string|nil fault
function order.fault(sort, titles)
  for _, key in ipairs(keys_of(sort)) do
    if type(key) ~= "string" then return "'sort': titles of columns expected, got " .. type(key) end
    if not titles[(key:gsub("^%-", ""))] then return ("'sort': there is no column %s"):format(key) end
  end
end

--- Sorts rows; those that are equal stay in their order.
---@param rows table[]
---@param sort string|string[]|nil
---@param columns {title: string, kind: string|nil}[]
function order.sort(rows, sort, columns)
  local keys, place = {}, {}
  for i, key in ipairs(keys_of(sort)) do
    for k, column in ipairs(columns) do
      if column.title == key:gsub("^%-", "") then
        keys[i] = {at = k, kind = column.kind, falling = key:find "^%-" ~= nil}
      end
    end
  end
  if #keys == 0 then return end
  for i, row in ipairs(rows) do place[row] = i end
  table.sort(rows, function(a, b)
    for _, key in ipairs(keys) do
      local x, y = rank(a[key.at], key.kind), rank(b[key.at], key.kind)
      if x == nil and y ~= nil then return false end
      if y == nil and x ~= nil then return true end
      local result = x == nil and 0 or compare(x, y)
      if result ~= 0 then return (result < 0) ~= key.falling end
    end
    return place[a] < place[b]
  end)
end

--- Sorts the keys of groups: the largest first, equal ones by their key, the group without a key last among them.
---@param keys any[]
---@param groups table<any, {count: integer}>
function order.by_count(keys, groups)
  table.sort(keys, function(a, b)
    if groups[a].count ~= groups[b].count then return groups[a].count > groups[b].count end
    if a == false or b == false then return b == false and a ~= false end
    return compare(a, b) < 0
  end)
end

return order

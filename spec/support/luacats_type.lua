--- Types as LuaCATS writes them: text to a tree, and whether a value is of one. Only what this project uses:
-- names, "texts", 1, unions, T[], T?, table<K, V>, {name: T}, fun(a: T): T, (T).
--
-- A tree is {kind = "name"|"literal"|"union"|"array"|"map"|"record"|"fun", ...}. Knows no files.

local types = {}

local parse_type

local function skip(text, at)
  return text:find("[^ ]", at) or #text + 1
end

-- What `pattern` finds at a place, behind blanks: the text and the place behind it.
local function take(text, at, pattern)
  local from, to, got = text:find("^(" .. pattern .. ")", skip(text, at))
  if from then return got, to + 1 end
end

local function expect(text, at, pattern)
  local got, behind = take(text, at, pattern)
  if not got then error({fault = ("%s expected at %q"):format(pattern, text:sub(at))}, 0) end
  return behind, got
end

-- Items separated by commas up to a closing character.
local function list(text, at, close, item)
  local items, behind = {}, select(2, take(text, at, close))
  if behind then return items, behind end
  repeat
    items[#items + 1], at = item(text, at)
    local comma = select(2, take(text, at, ","))
    at = comma or expect(text, at, close)
  until not comma
  return items, at
end

-- name: T, name?: T, ...: T or [K]: T
local function member(text, at)
  local made = {}
  local behind = select(2, take(text, at, "%["))
  if behind then
    made.key, at = parse_type(text, behind)
    at = expect(text, at, "%]")
  else
    at, made.name = expect(text, at, "[%a_.][%w_.]*")
    behind = select(2, take(text, at, "%?"))
    made.optional, at = behind ~= nil, behind or at
  end
  behind = select(2, take(text, at, ":"))
  if behind then made.of, at = parse_type(text, behind) end
  return made, at
end

local function fun(text, at)
  local made = {kind = "fun", returns = {}}
  made.params, at = list(text, expect(text, at, "%("), "%)", member)
  local behind = select(2, take(text, at, ":"))
  while behind do
    made.returns[#made.returns + 1], at = parse_type(text, behind)
    behind = select(2, take(text, at, ","))
  end
  return made, at
end

local function named(text, at)
  local behind, found = expect(text, at, "[%a_][%w_.]*")
  if found == "fun" and take(text, behind, "%(") then return fun(text, behind) end
  if found == "true" or found == "false" then return {kind = "literal", value = found == "true"}, behind end
  local inner = select(2, take(text, behind, "<"))
  if not inner then return {kind = "name", name = found}, behind end
  local made = {kind = "map"}
  made.key, inner = parse_type(text, inner)
  made.of, inner = parse_type(text, expect(text, inner, ","))
  return made, expect(text, inner, ">")
end

local function primary(text, at)
  local behind = select(2, take(text, at, "%("))
  if behind then
    local made
    made, behind = parse_type(text, behind)
    return made, expect(text, behind, "%)")
  end
  behind = select(2, take(text, at, "{"))
  if behind then
    local made = {kind = "record"}
    made.fields, at = list(text, behind, "}", member)
    return made, at
  end
  local quoted
  quoted, behind = take(text, at, '"[^"]*"')
  if quoted then return {kind = "literal", value = quoted:sub(2, -2)}, behind end
  quoted, behind = take(text, at, "%d+")
  if quoted then return {kind = "literal", value = tonumber(quoted)}, behind end
  return named(text, at)
end

local function suffixed(text, at)
  local made, behind = primary(text, at)
  while true do
    local suffix = text:match("^%[%]", behind) or text:match("^%?", behind)
    if suffix == "[]" then
      made = {kind = "array", of = made}
    elseif suffix then
      made = {kind = "union", made, {kind = "name", name = "nil"}}
    else
      return made, behind
    end
    behind = behind + #suffix
  end
end

function parse_type(text, at)
  local first, behind = suffixed(text, at)
  local made = {kind = "union", first}
  local bar = select(2, text:find("^ *|", behind))
  while bar do
    made[#made + 1], behind = suffixed(text, bar + 1)
    bar = select(2, text:find("^ *|", behind))
  end
  return made[2] and made or first, behind
end

--- The type that a text begins with.
---@param text string
---@param at? integer
---@return table|nil tree
---@return integer|string behind   the place behind it; or what is wrong
function types.parse(text, at)
  local ok, made, behind = pcall(parse_type, text, at or 1)
  if ok then return made, behind end
  return nil, type(made) == "table" and made.fault or made
end

--- Calls `visit` with each node of a tree.
---@param tree table
---@param visit fun(node: table)
function types.walk(tree, visit)
  visit(tree)
  for _, part in ipairs(tree) do types.walk(part, visit) end
  for _, key in ipairs {"of", "key"} do
    if tree[key] then types.walk(tree[key], visit) end
  end
  for _, members in ipairs {tree.fields or {}, tree.params or {}} do
    for _, one in ipairs(members) do
      if one.of then types.walk(one.of, visit) end
      if one.key then types.walk(one.key, visit) end
    end
  end
  for _, part in ipairs(tree.returns or {}) do types.walk(part, visit) end
end

-- --- values ------------------------------------------------------------------------------

--- What needs no definition: name -> does the value fit.
types.builtin = {
  any = function() return true end,
  integer = function(value) return type(value) == "number" and value % 1 == 0 end,
  lightuserdata = function(value) return type(value) == "userdata" end,
}
for _, kind in ipairs {"nil", "boolean", "number", "string", "table", "function", "userdata", "thread"} do
  types.builtin[kind] = function(value) return type(value) == kind end
end

local fault_of

local function shown(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function each(value, of, defs, place)
  for key, item in pairs(value) do
    local fault = fault_of(of, item, defs, place .. "[" .. shown(key) .. "]")
    if fault then return fault end
  end
end

local function fault_of_array(tree, value, defs, place)
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key > #value then return place .. ": has the key " .. shown(key) end
  end
  return each(value, tree.of, defs, place)
end

local function fault_of_map(tree, value, defs, place)
  for key in pairs(value) do
    local fault = fault_of(tree.key, key, defs, place .. ": key")
    if fault then return fault end
  end
  return each(value, tree.of, defs, place)
end

-- Whether nil will do is in the type, or beside it.
local function fault_of_field(field, value, defs, place)
  if value == nil and field.optional then return nil end
  return fault_of(field.of, value, defs, place)
end

local function fault_of_record(tree, value, defs, place)
  local known = {}
  for _, field in ipairs(tree.fields) do
    local name = field.name or field.key.value
    known[name] = true
    local fault = fault_of_field(field, value[name], defs, place .. "." .. name)
    if fault then return fault end
  end
  for key in pairs(value) do
    if not known[key] then return ("%s: %s is not defined"):format(place, shown(key)) end
  end
end

-- Objects have more than is anybody's business; plain data has not. An open class, `@field [string] any`, may have
-- more, unless defs.strict is set; defs.null is a value that stands for nothing.
local function is_object(value)
  local metatable = getmetatable(value)
  return type(value) ~= "table" or type(metatable) == "table" and metatable.__index ~= nil
end

local function fault_of_class(class, value, defs, place)
  local kind = class.userdata and getmetatable(value) ~= nil and "userdata" or "table" -- oc.null has no metatable
  if type(value) ~= kind or class.userdata and kind == "table" then
    return ("%s: %s expected, got %s"):format(place, class.name, shown(value))
  end
  local fields = defs:fields(class.name)
  if next(fields) == nil then return nil end -- a filter, which can only be called
  for name, field in pairs(fields) do
    local item = value[name]
    if item ~= nil then defs:note(class.name, name) end
    if item == defs.null then item = nil end
    local fault = fault_of_field(field, item, defs, place .. "." .. name)
    if fault then return fault end
  end
  if is_object(value) then return nil end
  for key in pairs(value) do
    if not fields[key] and not (class.open and not defs.strict) then
      return ("%s: %s is no field of %s"):format(place, shown(key), class.name)
    end
  end
end

local function fault_of_name(tree, value, defs, place)
  local alias, class = defs.aliases[tree.name], defs.classes[tree.name]
  if alias then return fault_of(alias.of, value, defs, place) end
  if class then return fault_of_class(class, value, defs, place) end
  local fits = assert(types.builtin[tree.name], "no type " .. tree.name)
  if not fits(value) then return ("%s: %s expected, got %s"):format(place, tree.name, shown(value)) end
end

local function is_kind(tree, value)
  if tree.kind == "literal" then return value == tree.value end
  if tree.kind == "fun" then return type(value) == "function" end
  return type(value) == "table"
end

function fault_of(tree, value, defs, place)
  if tree.kind == "name" then return fault_of_name(tree, value, defs, place) end
  if tree.kind == "union" then
    local faults = {}
    for i, part in ipairs(tree) do
      faults[i] = fault_of(part, value, defs, place)
      if not faults[i] then return nil end
    end
    return table.concat(faults, "; or ")
  end
  if not is_kind(tree, value) then
    return ("%s: %s expected, got %s"):format(place, tree.value and shown(tree.value) or tree.kind, shown(value))
  end
  if tree.kind == "array" then return fault_of_array(tree, value, defs, place) end
  if tree.kind == "record" then return fault_of_record(tree, value, defs, place) end
  if tree.kind == "map" then return fault_of_map(tree, value, defs, place) end
end

--- What is wrong with a value; nil where it is of the type.
---@param tree table
---@param value any
---@param defs table   of support.luacats
---@param place string   what the value is called
---@return string|nil
function types.fault(tree, value, defs, place)
  return fault_of(tree, value, defs, place)
end

return types

-- JSON for the sandbox's own small texts, white space for `pretty`, and lists taken apart.
-- Written here because Debian's lua-cjson cannot write an empty array; knows nothing about what the values mean.

local json = {}

local find, format, gsub, sub = string.find, string.format, string.gsub, string.sub
local concat = table.concat

local array_mt = {}

--- Marks a list, so that it is written as an array also when empty.
---@generic T
---@param list T[]
---@return T[] list the same table
function json.array(list)
  return setmetatable(list, array_mt)
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(char)
  return ESCAPES[char] or format("\\u%04x", char:byte())
end

-- Replaces well-formed sequences by a space; high bytes that are left are not UTF-8.
local SEQUENCES = {
  "[\194-\223][\128-\191]",
  "\224[\160-\191][\128-\191]",
  "\237[\128-\159][\128-\191]",
  "[\225-\236\238\239][\128-\191][\128-\191]",
  "\240[\144-\191][\128-\191][\128-\191]",
  "[\241-\243][\128-\191][\128-\191][\128-\191]",
  "\244[\128-\143][\128-\191][\128-\191]",
}

local function is_utf8(text)
  for _, pattern in ipairs(SEQUENCES) do
    text = gsub(text, pattern, " ")
  end
  return not find(text, "[\128-\255]")
end

--- A JSON string; bytes that are not UTF-8 become U+FFFD, since clients send what they like.
---@param text string
---@return string
function json.string(text)
  if find(text, "[\128-\255]") and not is_utf8(text) then
    text = gsub(text, "[\128-\255]", "\239\191\189")
  end
  return '"' .. gsub(text, '[%c"\\]', escape) .. '"'
end

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  if value % 1 == 0 and value > -2 ^ 53 and value < 2 ^ 53 then return format("%d", value) end
  return (gsub(format("%.14g", value), ",", "."))
end

local encode

local function encode_list(list)
  local parts = {}
  for i = 1, #list do parts[i] = encode(list[i]) end
  return "[" .. concat(parts, ",") .. "]"
end

local function encode_object(object)
  local keys, parts = {}, {}
  for key in pairs(object) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = json.string(key) .. ":" .. encode(object[key])
  end
  return "{" .. concat(parts, ",") .. "}"
end

--- Compact JSON; keys of objects are strings and come sorted. What JSON has no word for is null.
---@param value any
---@return string
function encode(value)
  local kind = type(value)
  if kind == "string" then return json.string(value) end
  if kind == "number" then return number(value) end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "table" then return "null" end
  if getmetatable(value) == array_mt or value[1] ~= nil then return encode_list(value) end
  return encode_object(value)
end

json.encode = encode

local function string_end(text, start)
  local last = start
  repeat
    last = find(text, '["\\]', last + 1)
    local closing = sub(text, last, last) == '"'
    if not closing then last = last + 1 end
  until closing
  return last
end

--- The elements of a list, each as its text.
---@param text string well-formed compact JSON
---@param position integer where the list's bracket opens
---@return string[]
function json.elements(text, position)
  local found, depth, first = {}, 0, position + 1
  while true do
    local at = find(text, '["%[%]{},]', position)
    local char, last = sub(text, at, at), at
    if char == '"' then
      last = string_end(text, at)
    elseif char == "[" or char == "{" then
      depth = depth + 1
    elseif char ~= "," then
      depth = depth - 1
    end
    if at > first and (depth == 0 or depth == 1 and char == ",") then
      found[#found + 1] = sub(text, first, at - 1)
      first = at + 1
    end
    if depth == 0 then return found end
    position = last + 1
  end
end

--- The same document with two spaces of indent a level.
---@param text string well-formed compact JSON
---@return string
function json.pretty(text)
  local out, depth, position = {}, 0, 1
  local function put(piece) out[#out + 1] = piece end
  local function newline() put("\n" .. ("  "):rep(depth)) end
  while position <= #text do
    local char, last = sub(text, position, position), position
    if char == '"' then
      last = string_end(text, position)
      put(sub(text, position, last))
    elseif find(text, "^%[%]", position) or find(text, "^{}", position) then
      last = position + 1
      put(sub(text, position, last))
    elseif char == "{" or char == "[" then
      depth = depth + 1
      put(char)
      newline()
    elseif char == "}" or char == "]" then
      depth = depth - 1
      newline()
      put(char)
    elseif char == "," then
      put(char)
      newline()
    elseif char == ":" then
      put(": ")
    else
      last = select(2, find(text, '^[^%[%]{},:"]+', position))
      put(sub(text, position, last))
    end
    position = last + 1
  end
  return concat(out)
end

return json

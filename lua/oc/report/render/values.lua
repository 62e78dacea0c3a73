--- What stands in a cell, as text: for people, who want 12.3 % and a day, and for programs, which want 0.123 and the
-- instant. Knows values one by one, no format. The same on every Lua and in every locale.

local core = require "oc.core"
local lpeg = require "lpeg"

local values = {}

-- Beyond it a whole number is not exact, so its digits are not all known.
local EXACT = 2 ^ 53
local SHOWN_DECIMALS = 3

-- --- UTF-8 -------------------------------------------------------------------------

local P, R, Cs = lpeg.P, lpeg.R, lpeg.Cs
local tail = R "\128\191"
local character = R "\0\127" + R "\194\223" * tail
  -- U+FFFE and U+FFFF are no characters
  + P "\239\191" * R "\128\189" + (P "\239" - P "\239\191") * tail * tail
  + P "\224" * R "\160\191" * tail + P "\237" * R "\128\159" * tail + R("\225\236", "\238\238") * tail * tail
  + P "\240" * R "\144\191" * tail * tail + R "\241\243" * tail * tail * tail + P "\244" * R "\128\143" * tail * tail
local repaired = Cs((character + P(1) / "\239\191\189") ^ 0)

--- A text that is UTF-8: U+FFFD stands for each byte that was not.
---@param text string
---@return string
function values.utf8(text)
  if not text:find "[\128-\255]" then return text end
  return repaired:match(text)
end

-- --- numbers -----------------------------------------------------------------------

-- As programs read it: 2, not 2.0, which other Luas would not write.
local function number_text(number)
  if number == 0 then return "0" end
  if number % 1 == 0 and math.abs(number) <= EXACT then return ("%.0f"):format(number) end
  return core.encode(number)
end

local function grouped(digits)
  local text, changed = digits, 1
  while changed > 0 do text, changed = text:gsub("^(%-?%d+)(%d%d%d)", "%1,%2") end
  return text
end

-- A number to so many decimals, without a locale's comma; zeros at the end only if they are `kept`.
local function rounded(number, decimals, kept)
  local scale = 10 ^ decimals
  local scaled = math.floor(math.abs(number) * scale + 0.5)
  local whole = math.floor(scaled / scale)
  local text = grouped(("%.0f"):format(whole))
  local rest = ("%0" .. decimals .. ".0f"):format(scaled - whole * scale)
  if not kept then rest = rest:gsub("0+$", "") end
  if rest ~= "" then text = text .. "." .. rest end
  return (number < 0 and scaled > 0 and "-" or "") .. text
end

local function shown_number(number)
  if math.abs(number) > EXACT / 10 ^ SHOWN_DECIMALS then return grouped(number_text(number)) end
  return rounded(number, SHOWN_DECIMALS)
end

-- --- cells -------------------------------------------------------------------------

local function list_text(list)
  local texts = {}
  for i, value in ipairs(list) do
    if type(value) == "table" then return nil end
    texts[i] = values.plain(value) or ""
  end
  return #list > 0 and table.concat(texts, ", ") or next(list) == nil and "" or nil
end

-- A report should not give tables; where one does, it is to be seen what is in them.
local function table_text(value)
  local text = list_text(value)
  if text then return text end
  local ok, json = pcall(core.encode, value)
  return ok and json or "?"
end

--- A value as it is kept: a number that is one, UTF-8, a boolean; nil for nothing.
---@param value any
---@return string|number|boolean|nil
function values.settled(value)
  local kind = type(value)
  if value == nil or value == core.null then return nil end
  if kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then return nil end
    return value
  end
  if kind == "boolean" then return value end
  return values.utf8(kind == "string" and value or kind == "table" and table_text(value) or "?")
end

--- What a program reads; nil for nothing.
---@param value string|number|boolean|nil settled
---@return string|nil
function values.plain(value)
  if value == nil or value == core.null then return nil end
  if type(value) == "number" then return number_text(value) end
  return tostring(value)
end

--- What a person reads; nil for nothing.
---@param value string|number|boolean|nil settled
---@param kind "text"|"number"|"percent"|"date"|"id"
---@return string|nil
function values.shown(value, kind)
  if value == nil or value == "" then return nil end
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" then
    if kind == "percent" then return rounded(value * 100, 1, true) .. " %" end
    return kind == "id" and number_text(value) or shown_number(value)
  end
  return kind == "date" and value:match "^(%d%d%d%d%-%d%d%-%d%d)T%d%d:%d%d" or value
end

--- An instant, to the minute where it is one of UTC; anything else as it is.
---@param text string
---@return string
function values.instant(text)
  local day, minute = text:match "^(%d%d%d%d%-%d%d%-%d%d)T(%d%d:%d%d):[%d.]+Z$"
  return day and day .. " " .. minute .. " UTC" or text
end

return values

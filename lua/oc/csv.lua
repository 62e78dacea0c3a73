--- CSV as RFC 4180 has it, safe to open in a spreadsheet: what would be taken for a
-- formula gets an apostrophe before it. Knows texts, not leads.

local csv = {}

-- The longest text that Excel takes within a formula.
local EXCEL_LITERAL_CHARACTERS = 255

-- = + - @ as East Asian keyboards write them; some spreadsheets take them for the same.
local WIDE_SIGN = "^\239\188[\139\141\157\160]"

local MONTHS = {jan = true, feb = true, mar = true, apr = true, may = true, jun = true, jul = true, aug = true,
  sep = true, oct = true, nov = true, dec = true}

-- A number or a telephone number is no formula, whatever its first character.
local function is_formula(text)
  if text:find "^[\t\r\n]" or text:find(WIDE_SIGN) then return true end
  return text:find "^ *[=+%-@]" and not text:find "^[+-]?[%d ().,/-]*%d$"
end

-- What follows these begins a cell, where the reader's separator is another than ours.
local function disarmed(separator, text)
  return is_formula(text) and separator .. "'" .. text or nil
end

-- Digits, dates, 1E5, MAR1: all that Excel reads as something else than what is written.
local function is_rewritten(text)
  if #text > EXCEL_LITERAL_CHARACTERS then return false end
  if text:find "%d" and text:find "^[%d +%-().,:/eE%%]+$" then return true end
  local month = text:match "^(%a%a%a)%a*[ ./-]?%d+$" or text:match "^%d+[ ./-]?(%a%a%a)%a*[ ./-]?%d*$"
  return MONTHS[(month or ""):lower()] or false
end

local function quoted(text)
  return '"' .. text:gsub('"', '""') .. '"'
end

local function cell(text, as_text)
  if as_text and is_rewritten(text) then return quoted('="' .. text .. '"') end
  if is_formula(text) then text = "'" .. text end
  text = text:gsub("([;\t\r\n])([^;\t\r\n]+)", disarmed)
  if text:find '[",\r\n]' or text:find "^%s" or text:find "%s$" then return quoted(text) end
  return text
end

--- A line.
---@param texts (string|nil)[]
---@param n integer   how many cells it has
---@param as_text? boolean[]   for Excel: the columns whose digits it is to show as they stand, not as a number
---@return string
function csv.line(texts, n, as_text)
  local cells = {}
  for i = 1, n do cells[i] = cell(texts[i] or "", as_text and as_text[i]) end
  return table.concat(cells, ",") .. "\r\n"
end

return csv

--- CSV as RFC 4180 has it, safe to open in a spreadsheet: what would be taken for a
-- formula gets an apostrophe before it. Knows texts, not leads.

local csv = {}

-- A number or a telephone number is no formula, whatever its first character.
local function is_formula(text)
  return text:find "^[=+%-@\t\r]" and not text:find "^[+-]?[%d%s().,/-]*%d$"
end

local function cell(text)
  if is_formula(text) then text = "'" .. text end
  if text:find '[",\r\n]' or text:find "^%s" or text:find "%s$" then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

--- A line.
---@param texts (string|nil)[]
---@param n integer   how many cells it has
---@return string
function csv.line(texts, n)
  local cells = {}
  for i = 1, n do cells[i] = cell(texts[i] or "") end
  return table.concat(cells, ",") .. "\r\n"
end

return csv

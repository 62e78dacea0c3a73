--- A report as CSV: a line of titles, a line a row. Values are those of programs (0.123, not 12.3 %; whole instants).
-- For Excel there is a byte order mark, so that it reads UTF-8, and ="…" around digits that are no number.

local csv = require "oc.csv"
local values = require "oc.report.render.values"

local render = {}

local BYTE_ORDER_MARK = "\239\187\191"
local IS_TEXT = {text = true, id = true}

local function text_columns(columns)
  local as_text = {}
  for i, column in ipairs(columns) do as_text[i] = IS_TEXT[column.kind] or column.pii or false end
  return as_text
end

--- The text of a page.
---@param page oc.report.Page
---@param options oc.report.RenderOptions
---@return string
function render.text(page, options)
  local columns, titles = page.columns, {}
  if #columns == 0 then return "" end
  for i, column in ipairs(columns) do titles[i] = column.title end
  local as_text = options.excel and text_columns(columns) or nil
  local lines = {(options.excel and BYTE_ORDER_MARK or "") .. csv.line(titles, #columns, as_text)}
  for r, row in ipairs(page.rows) do
    local texts = {}
    for i = 1, #columns do texts[i] = values.plain(row[i]) end
    lines[r + 1] = csv.line(texts, #columns, as_text)
  end
  return table.concat(lines)
end

return render

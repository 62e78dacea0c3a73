--- Leads, or what was found out about them, as a table that fits a width, row by row: what a person looks at.
--
-- The first rows decide how wide the columns are, so a million rows take no more
-- memory than a hundred. Knows columns, not where the text goes.

local width = require "oc.width"

local tables = {}

-- Rows that are looked at before the first is shown.
local ROWS_TO_MEASURE = 200

local function as_text(value)
  if value == nil or value == "" then return "-" end
  if type(value) == "table" then return "?" end
  return width.clean(tostring(value))
end

local function grow(columns, widths, room)
  for i, column in ipairs(columns) do
    local more = math.min((column.usual or 0) - widths[i], room - width.total(widths))
    if more > 0 then widths[i] = widths[i] + more end
  end
end

local function measure(columns, rows, room)
  local widths = {}
  for i, column in ipairs(columns) do
    widths[i] = column.whole and 0 or width.of(column.title)
    for _, row in ipairs(column.whole and {} or rows) do widths[i] = math.max(widths[i], width.of(row[i])) end
  end
  width.shrink(widths, function(i) return columns[i].least end, room)
  width.shrink(widths, function() return 1 end, room)
  grow(columns, widths, room)
  return widths
end

---@class oc.cli.Table
local Table = {}
Table.__index = Table

--- A table to be filled.
---@param room integer columns of the terminal
---@param columns oc.cli.Column[]
---@return oc.cli.Table
function tables.new(room, columns)
  local titles = {}
  for i, column in ipairs(columns) do titles[i] = width.clean(column.title) end
  return setmetatable({room = room, columns = columns, rows = {titles}}, Table)
end

local function line(self, row)
  local cells = {}
  for i, text in ipairs(row) do cells[i] = self.columns[i].whole and text or width.fit(text, self.widths[i]) end
  return (table.concat(cells, width.GAP):gsub(" +$", "")) .. "\n"
end

--- A lead more.
---@param lead table
---@return string text lines that are ready now, or ""
function Table:add(lead)
  local row = {}
  for i, column in ipairs(self.columns) do row[i] = as_text(column.value(lead)) end
  if self.widths then return line(self, row) end
  self.rows[#self.rows + 1] = row
  return #self.rows > ROWS_TO_MEASURE and self:flush() or ""
end

--- What waits to be measured, without waiting for more.
---@param ended? boolean the titles are wanted even if there was no lead
---@return string text
function Table:flush(ended)
  if self.widths or (#self.rows == 1 and not ended) then return "" end
  self.widths = measure(self.columns, self.rows, self.room)
  local lines = {}
  for i, row in ipairs(self.rows) do lines[i] = line(self, row) end
  self.rows = {}
  return table.concat(lines)
end

return tables

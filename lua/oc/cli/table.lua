--- Leads as a table that fits a width, row by row: what a person looks at.
--
-- The first rows decide how wide the columns are, so a million rows take no more
-- memory than a hundred. Knows leads and columns, not where the text goes.

local width = require "oc.cli.width"

local tables = {}

-- Rows that are looked at before the first is shown.
local ROWS_TO_MEASURE = 200
local GAP = "  "

local function is_filled(value)
  return type(value) == "string" and value ~= ""
end

local function of_contact(lead, name)
  return type(lead.contactDetails) == "table" and lead.contactDetails[name] or nil
end

local function countries(lead)
  if type(lead.consentedCountries) ~= "table" then return nil end
  local list = {}
  for i, code in ipairs(lead.consentedCountries) do list[i] = tostring(code) end
  table.sort(list)
  return table.concat(list, ",")
end

local function direct(lead)
  if type(lead.isDirectLead) ~= "boolean" then return nil end
  return lead.isDirectLead and "yes" or "no"
end

-- Never known, known to be none, and some are three different things.
local function addresses(lead)
  if type(lead.civicAddresses) ~= "table" then return "unknown" end
  return tostring(#lead.civicAddresses)
end

local function changed(lead)
  local text = lead.lastModifiedOn
  return type(text) == "string" and (text:match "^%d%d%d%d%-%d%d%-%d%d" or text) or nil
end

--- The columns. `least`: what they may be shortened to; `usual`: what they have
--- when the first rows are shorter and there is room.
local COLUMNS = {
  {title = "COMPANY", least = 12, usual = 24, value = function(lead) return of_contact(lead, "companyName") end},
  {title = "STATUS", least = 6, usual = 9, value = function(lead) return lead.status end},
  {title = "DIRECT", least = 6, value = direct},
  {title = "COUNTRIES", least = 5, usual = 11, value = countries},
  {title = "ADDRESSES", least = 7, value = addresses},
  {title = "LICENSED", least = 4, value = function(lead) return is_filled(lead.umpCustomerGuid) and "yes" or "no" end},
  {title = "CHANGED", least = 10, value = changed},
  {title = "TENANT ID", least = 36, value = function(lead) return lead.tenantId end},
}

local function as_text(value)
  if value == nil or value == "" then return "-" end
  if type(value) == "table" then return "?" end
  return width.clean(tostring(value))
end

local function total(widths)
  local sum = #GAP * (#widths - 1)
  for _, columns in ipairs(widths) do sum = sum + columns end
  return sum
end

-- Takes columns from whoever has most above `least`, until all fit.
local function shrink(widths, least, room)
  while total(widths) > room do
    local widest, slack = nil, 0
    for i, columns in ipairs(widths) do
      if columns - least(i) > slack then widest, slack = i, columns - least(i) end
    end
    if not widest then return end
    widths[widest] = widths[widest] - 1
  end
end

local function grow(widths, room)
  for i, column in ipairs(COLUMNS) do
    local more = math.min((column.usual or 0) - widths[i], room - total(widths))
    if more > 0 then widths[i] = widths[i] + more end
  end
end

local function measure(rows, room)
  local widths = {}
  for i, column in ipairs(COLUMNS) do
    widths[i] = width.of(column.title)
    for _, row in ipairs(rows) do widths[i] = math.max(widths[i], width.of(row[i])) end
  end
  shrink(widths, function(i) return COLUMNS[i].least end, room)
  shrink(widths, function() return 1 end, room)
  grow(widths, room)
  return widths
end

---@class oc.cli.Table
local Table = {}
Table.__index = Table

--- A table to be filled.
---@param room integer columns of the terminal
---@return oc.cli.Table
function tables.new(room)
  local titles = {}
  for i, column in ipairs(COLUMNS) do titles[i] = column.title end
  return setmetatable({room = room, rows = {titles}}, Table)
end

local function line(self, row)
  local cells = {}
  for i, text in ipairs(row) do cells[i] = width.fit(text, self.widths[i]) end
  return (table.concat(cells, GAP):gsub(" +$", "")) .. "\n"
end

--- A lead more.
---@param lead table
---@return string text lines that are ready now, or ""
function Table:add(lead)
  local row = {}
  for i, column in ipairs(COLUMNS) do row[i] = as_text(column.value(lead)) end
  if self.widths then return line(self, row) end
  self.rows[#self.rows + 1] = row
  return #self.rows > ROWS_TO_MEASURE and self:flush() or ""
end

--- What waits to be measured, without waiting for more.
---@param ended? boolean the titles are wanted even if there was no lead
---@return string text
function Table:flush(ended)
  if self.widths or (#self.rows == 1 and not ended) then return "" end
  self.widths = measure(self.rows, self.room)
  local lines = {}
  for i, row in ipairs(self.rows) do lines[i] = line(self, row) end
  self.rows = {}
  return table.concat(lines)
end

return tables

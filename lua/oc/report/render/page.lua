--- A report result made ready for any format: checked, every cell settled, columns with their keys and kinds, personal
-- data masked where it is to be. What comes after need not doubt what it is given.

local mask = require "oc.report.render.mask"
local values = require "oc.report.render.values"

local page = {}

-- As they are shown; sizes of companies differ only in how they are sorted.
local KINDS = {text = "text", number = "number", percent = "percent", date = "date", id = "id", size = "text"}
local CHARTS = {bar = true, line = true, funnel = true}

--- A column, ready.
---@class oc.report.PageColumn
---@field title string
---@field kind "text"|"number"|"percent"|"date"|"id"   where none is given: number if all cells are some, else text
---@field pii true|"row"|nil   personal data; "row": in rows that say so by `pii`
---@field key string   its name in JSON: the given one, or made of the title

--- An oc.report.Result, ready: what a result is, oc.report.engine says.
---@class oc.report.Page
---@field title string
---@field made string|nil
---@field source string|nil
---@field complete boolean|nil
---@field columns oc.report.PageColumn[]
---@field rows table[]   settled; as many cells as columns
---@field chart table|nil
---@field notes string[]
---@field masked boolean   are there columns that were masked?

local function refuse(what, ...)
  error("oc.report.render: " .. what:format(...), 0)
end

local function text_or_nil(value, name)
  if value == nil then return nil end
  if type(value) ~= "string" then refuse("%s: a string expected, got %s", name, type(value)) end
  return values.utf8(value)
end

-- "Licensed, %" is licensed; letters beyond ASCII stay.
local function key_of(title)
  return (title:gsub("%u", string.lower):gsub("[%z\1-\47\58-\96\123-\127]+", "_"):gsub("^_+", ""):gsub("_+$", ""))
end

local function unused_key(wanted, i, taken)
  if wanted == "" then wanted = "column_" .. i end
  local key, number = wanted, 1
  while taken[key] do
    number = number + 1
    key = wanted .. "_" .. number
  end
  taken[key] = true
  return key
end

local function kind_of(column, rows, i)
  if column.kind then
    if not KINDS[column.kind] then refuse("column %d: no kind '%s'", i, tostring(column.kind)) end
    return KINDS[column.kind]
  end
  local numbers = false
  for _, row in ipairs(rows) do
    if row[i] ~= nil and type(row[i]) ~= "number" then return "text" end
    numbers = numbers or row[i] ~= nil
  end
  return numbers and "number" or "text"
end

local function columns_of(given, rows)
  local columns, taken = {}, {}
  for i, column in ipairs(given) do
    local title = text_or_nil(column.title, "title of column " .. i) or ""
    local pii = column.pii == "row" and "row" or column.pii and true or nil
    columns[i] = {title = title, kind = kind_of(column, rows, i), pii = pii,
      key = unused_key(column.key and text_or_nil(column.key, "key") or key_of(title), i, taken)}
  end
  return columns
end

local function rows_of(given, columns, masks)
  local rows = {}
  for r, row in ipairs(given) do
    local cells = {}
    for i, column in ipairs(columns) do
      cells[i] = values.settled(row[i])
      if masks and (column.pii == true or column.pii and row.pii) then cells[i] = mask.value(cells[i]) end
    end
    rows[r] = cells
  end
  return rows
end

local function chart_of(chart, columns)
  if chart == nil then return nil end
  if not CHARTS[chart.kind] then refuse("chart: no kind '%s'", tostring(chart.kind)) end
  for _, name in ipairs {"label", "value"} do
    if not columns[chart[name]] then refuse("chart: %s is no column: %s", name, tostring(chart[name])) end
  end
  return {kind = chart.kind, label = chart.label, value = chart.value, title = text_or_nil(chart.title, "chart.title")}
end

local function notes_of(given, masked)
  local notes = {}
  for i, note in ipairs(given or {}) do notes[i] = text_or_nil(note, "note " .. i) end
  if masked then notes[#notes + 1] = "Personal data is masked." end
  return notes
end

local function has_personal(columns)
  for _, column in ipairs(columns) do
    if column.pii then return true end
  end
  return false
end

--- Makes a result ready. Raises where it is none.
---@param result oc.report.Result
---@param masks boolean   mask personal data
---@return oc.report.Page
function page.of(result, masks)
  if type(result) ~= "table" or type(result.columns) ~= "table" or type(result.rows) ~= "table" then
    refuse "a report result expected: a table with columns and rows"
  end
  local rows = rows_of(result.rows, result.columns, masks)
  local columns = columns_of(result.columns, rows)
  local masked = masks and has_personal(columns)
  return {
    title = text_or_nil(result.title, "title") or "Report", made = text_or_nil(result.made, "made"),
    source = text_or_nil(result.source, "source"), complete = result.complete, columns = columns, rows = rows,
    chart = chart_of(result.chart, columns), notes = notes_of(result.notes, masked), masked = masked,
  }
end

return page

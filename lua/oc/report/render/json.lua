--- A report as JSON: one object, whose rows are objects by the columns' keys; or NDJSON, such a row a line. Keys stand
-- in the order of the columns, and nothing is null, so that each row has every key.

local core = require "oc.core"
local values = require "oc.report.render.values"

local json = {}

local function encoded(value)
  if value == nil then return "null" end
  if type(value) == "number" then return values.plain(value) end
  return core.encode(value)
end

local function row_text(keys, row)
  local members = {}
  for i, key in ipairs(keys) do members[i] = key .. encoded(row[i]) end
  return "{" .. table.concat(members, ",") .. "}"
end

-- Each with its colon, made once for all rows.
local function keys_of(columns)
  local keys = {}
  for i, column in ipairs(columns) do keys[i] = core.encode(column.key) .. ":" end
  return keys
end

local function list_text(texts)
  if #texts == 0 then return "[]" end
  return "[\n    " .. table.concat(texts, ",\n    ") .. "\n  ]"
end

local function column_text(column)
  return ('{"key":%s,"title":%s,"kind":%s,"pii":%s}'):format(core.encode(column.key), core.encode(column.title),
    core.encode(column.kind), tostring(column.pii or false))
end

local function chart_text(page)
  local chart = page.chart
  if not chart then return "null" end
  return ('{"kind":%s,"label":%s,"value":%s,"title":%s}'):format(core.encode(chart.kind),
    core.encode(page.columns[chart.label].key), core.encode(page.columns[chart.value].key), encoded(chart.title))
end

local function mapped(list, f, ...)
  local texts = {}
  for i, item in ipairs(list) do texts[i] = f(item, ...) end
  return list_text(texts)
end

local function row_of(row, keys)
  return row_text(keys, row)
end

--- One object.
---@param page oc.report.Page
---@return string
function json.text(page)
  local members = {
    '"title": ' .. core.encode(page.title), '"made": ' .. encoded(page.made), '"source": ' .. encoded(page.source),
    '"complete": ' .. encoded(page.complete), '"masked": ' .. tostring(page.masked),
    '"columns": ' .. mapped(page.columns, column_text), '"rows": ' .. mapped(page.rows, row_of, keys_of(page.columns)),
    '"chart": ' .. chart_text(page), '"notes": ' .. mapped(page.notes, core.encode),
  }
  return "{\n  " .. table.concat(members, ",\n  ") .. "\n}\n"
end

--- An object a row, each on its line.
---@param page oc.report.Page
---@return string
function json.lines(page)
  local keys, lines = keys_of(page.columns), {}
  for i, row in ipairs(page.rows) do lines[i] = row_text(keys, row) .. "\n" end
  return table.concat(lines)
end

return json

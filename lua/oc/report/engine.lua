--- The engine of reports: a definition and leads, one by one, become a table of rows.
--
-- A definition is data with a few functions in it; what is wrong with one is said
-- before the first lead. Knows neither where leads come from nor how rows are shown.

local core = require "oc.core"
local errors = require "oc.errors"
local filter = require "oc.filter"
local order = require "oc.report.order"
local paths = require "oc.paths"
local values = require "oc.civic.values"

local engine = {}

--- A report's definition; a report script returns one.
---@class oc.report.Definition
---@field title string
---@field help? string   one line, for lists
---@field options? table<string, any>   what can be set, with defaults: {days = 90}
---@field where? string|oc.Filter|fun(options: table, now: number): string   only leads for which this holds
---@field select? string[]   fields that are needed; default: all
---@field columns? oc.report.Column[]
---@field group? string|fun(lead: oc.Lead): any   a row for each value instead of each lead; of a list, for each element
---@field none? string   what a group without a value is called, default "none"
---@field sort? string|string[]   titles of columns, "-" before one for falling; default: as leads come, groups by count
---@field limit? integer   rows at the most, behind sorting
---@field chart? {kind: "bar"|"line"|"funnel", label: string, value: string, title?: string}   titles of columns
---@field notes? string[]
---@field start? fun(context: oc.report.Context): oc.report.Collector   instead of columns and group

--- A column: `field` or `value` for a lead; `group`, `count` or `share` where leads are grouped.
---@class oc.report.Column
---@field title string
---@field field? string   a path
---@field value? fun(lead: oc.Lead): any
---@field group? boolean   the group's value
---@field count? true|string|oc.Filter|fun(lead: oc.Lead): any   leads of the group; those for which it holds
---@field share? boolean   of all leads, the group's part
---@field kind? "text"|"number"|"percent"|"date"|"size"|"id"
---@field pii? boolean   a person's data; fields of contacts are without saying so

--- What a definition with `start` gives: it is handed each lead, and asked for rows at the end.
---@class oc.report.Collector
---@field add fun(lead: oc.Lead)
---@field finish fun(): table[], string[]|nil   rows, more notes

--- What a report is run with.
---@class oc.report.Context
---@field options table   as they were set
---@field now number   seconds since 1970

--- A column of a result.
---@class oc.report.ResultColumn
---@field title string
---@field kind? "text"|"number"|"percent"|"date"|"size"|"id"
---@field pii? boolean|"row"   a person's data; "row": in rows that have `pii` themselves

--- What a report comes to.
---@class oc.report.Result
---@field title string
---@field columns oc.report.ResultColumn[]
---@field rows table[]   a list of values for each; nil for nothing
---@field chart? {kind: "bar"|"line"|"funnel", label: integer, value: integer, title?: string}   numbers of columns
---@field notes string[]
---@field leads integer   looked at
---@field made string   ISO 8601, UTC
---@field complete boolean|nil   false: the leads were not all there are
---@field source string|nil   where they came from

-- --- what is wrong with a definition ---------------------------------------------------

local FIELDS = {title = "string", help = "string", options = "table", where = "any", select = "table",
  columns = "table", group = "any", none = "string", sort = "any", limit = "number", chart = "table", notes = "table",
  start = "function"}

local COLUMN_FIELDS = {title = "string", field = "string", value = "function", group = "boolean", count = "any",
  share = "boolean", kind = "string", pii = "boolean"}

local KINDS = {text = true, number = true, percent = true, date = true, size = true, id = true}
local CHARTS = {bar = true, line = true, funnel = true}

local function fault_of_fields(given, known, what)
  for name, value in pairs(given) do
    local wanted = known[name]
    if not wanted then return ("%sunknown field '%s'"):format(what, tostring(name)) end
    if wanted ~= "any" and type(value) ~= wanted then
      return ("%s'%s': a %s expected, got %s"):format(what, name, wanted, type(value))
    end
  end
end

local function fault_of_column(column, i, grouped)
  local what = ("columns[%d]: "):format(i)
  if type(column) ~= "table" then return what .. "a table expected, got " .. type(column) end
  local fault = fault_of_fields(column, COLUMN_FIELDS, what)
  if fault then return fault end
  if not column.title then return what .. "'title' is missing" end
  if column.kind and not KINDS[column.kind] then
    return what .. "'kind' is none of text, number, percent, date, size, id"
  end
  local has = 0
  for _, name in ipairs(grouped and {"group", "count", "share"} or {"field", "value"}) do
    has = has + (column[name] ~= nil and 1 or 0)
  end
  if has ~= 1 then
    return what .. (grouped and "one of group, count and share expected" or "field or value expected")
  end
  if type(column.count) == "string" then
    local _, why = filter.of(column.count)
    if why then return what .. "'count': " .. why end
  end
end

local function fault_of_columns(given)
  if given.start and given.group then return "'group' goes without 'start'" end
  if type(given.columns) ~= "table" or #given.columns == 0 then return "'columns': a list expected" end
  local titles = {}
  for i, column in ipairs(given.columns) do
    local fault = not given.start and fault_of_column(column, i, given.group ~= nil)
    if fault then return fault end
    titles[column.title] = i
  end
  for _, name in ipairs {"label", "value"} do
    local title = given.chart and tostring(given.chart[name])
    if title and not titles[title] then return ("'chart': '%s' is no column's title"):format(title) end
  end
  if given.chart and not CHARTS[given.chart.kind] then return "'chart': 'kind' is none of bar, line, funnel" end
  return order.fault(given.sort, titles)
end

--- What is wrong with a definition.
---@param given any
---@return string|nil fault   nil: nothing
function engine.fault(given)
  if type(given) ~= "table" then return "a table or a function expected, got " .. type(given) end
  local fault = fault_of_fields(given, FIELDS, "")
  if fault then return fault end
  if not given.title then return "'title' is missing" end
  if type(given.where) == "string" then
    local _, why = filter.of(given.where)
    if why then return "'where': " .. why end
  end
  local limit = given.limit
  if limit and not (limit >= 1 and limit % 1 == 0 and limit < math.huge) then
    return "'limit': an integer of at least 1 expected"
  end
  if given.group ~= nil and type(given.group) ~= "string" and type(given.group) ~= "function" then
    return "'group': a path or a function expected, got " .. type(given.group)
  end
  return fault_of_columns(given)
end

-- --- collecting --------------------------------------------------------------------------

local PERSONAL = {"^contacts%.", "^contacts$", "^contactDetails$", "^contactDetails%.fullName$",
  "^contactDetails%.email$", "^contactDetails%.phoneNumber$"}

local function is_personal(column)
  if column.pii ~= nil then return column.pii end
  for _, pattern in ipairs(PERSONAL) do
    if (column.field or ""):find(pattern) then return true end
  end
  return nil
end

local function is_no_number(value)
  return type(value) == "number" and (value ~= value or value == math.huge or value == -math.huge)
end

-- Lists are one value in a row.
local function as_cell(value)
  if value == nil or value == core.null or is_no_number(value) then return nil end
  if type(value) ~= "table" then return value end
  if not paths.is_list(value) then return core.encode(value) end
  local texts = {}
  for _, item in pairs(value) do texts[#texts + 1] = tostring(as_cell(item) or "") end
  return table.concat(texts, ", ")
end

local function row_collector(definition)
  local rows, readers = {}, {}
  for i, column in ipairs(definition.columns) do readers[i] = column.value or paths.reader(column.field) end
  return {
    add = function(lead)
      local row = {}
      for i, read in ipairs(readers) do row[i] = as_cell(read(lead)) end
      rows[#rows + 1] = row
    end,
    finish = function() return rows end,
  }
end

-- The values that a lead counts for: of a list, each of its different elements.
local function keys_of(value)
  if value == nil or value == core.null or is_no_number(value) then return {false} end
  if type(value) ~= "table" then return {value} end
  local keys, seen = {}, {}
  for _, item in pairs(value) do
    if not seen[item] and type(item) ~= "table" then
      seen[item] = true
      keys[#keys + 1] = item
    end
  end
  if #keys == 0 then keys[1] = false end
  return keys
end

local function counters_of(columns)
  local counters = {}
  for i, column in ipairs(columns) do
    local count = column.count
    counters[i] = type(count) == "string" and filter.of(count) or count ~= true and count or nil
  end
  return counters
end

local function group_collector(definition)
  local groups, keys, total = {}, {}, 0
  local read = type(definition.group) == "function" and definition.group or paths.reader(definition.group)
  local counters = counters_of(definition.columns)
  local function group_of(key)
    local group = groups[key]
    if not group then
      group = {count = 0, counts = {}}
      groups[key] = group
      keys[#keys + 1] = key
    end
    return group
  end
  local function cell(column, i, key, group)
    if column.group then return key == false and (definition.none or "none") or key end
    if column.share then return total > 0 and group.count / total or 0 end
    return column.count == true and group.count or group.counts[i] or 0
  end
  return {
    add = function(lead)
      total = total + 1
      for _, key in ipairs(keys_of(read(lead))) do
        local group = group_of(key)
        group.count = group.count + 1
        for i, holds in pairs(counters) do
          if holds(lead) then group.counts[i] = (group.counts[i] or 0) + 1 end
        end
      end
    end,
    finish = function()
      local rows = {}
      order.by_count(keys, groups)
      for n, key in ipairs(keys) do
        rows[n] = {}
        for i, column in ipairs(definition.columns) do rows[n][i] = cell(column, i, key, groups[key]) end
      end
      return rows
    end,
  }
end

local function collector_of(definition, context)
  if definition.start then
    local made = definition.start(context)
    if type(made) ~= "table" or type(made.add) ~= "function" or type(made.finish) ~= "function" then
      error("'start' gave no {add = function, finish = function}", 0)
    end
    return made
  end
  return definition.group ~= nil and group_collector(definition) or row_collector(definition)
end

-- --- the result --------------------------------------------------------------------------

local NUMBERS = {count = "number", share = "percent"}

local function shown_columns(definition)
  local shown = {}
  for i, column in ipairs(definition.columns) do
    local kind = column.kind
    for name, usual in pairs(NUMBERS) do kind = kind or column[name] ~= nil and usual or nil end
    shown[i] = {title = column.title, kind = kind, pii = is_personal(column)}
  end
  return shown
end

local function shown_chart(definition)
  local chart = definition.chart
  if not chart then return nil end
  local at = {}
  for i, column in ipairs(definition.columns) do at[column.title] = i end
  return {kind = chart.kind, label = at[chart.label], value = at[chart.value], title = chart.title}
end

local function all_notes(definition, more)
  local notes = {}
  for _, list in ipairs {definition.notes or {}, more or {}} do
    for _, note in ipairs(list) do notes[#notes + 1] = note end
  end
  return notes
end

--- Rows and notes as a script gave them: raises, as text, what is none. Cells that are no numbers are nothing.
---@param rows any
---@param notes any
---@param columns table[]
function engine.check_rows(rows, notes, columns)
  if type(rows) ~= "table" then error("a list of rows expected, got " .. type(rows), 0) end
  for i, row in ipairs(rows) do
    if type(row) ~= "table" then error(("rows[%d]: a list expected, got %s"):format(i, type(row)), 0) end
    for k = 1, #columns do
      if is_no_number(row[k]) then row[k] = nil end
    end
  end
  if notes ~= nil and type(notes) ~= "table" then error("a list of notes expected, got " .. type(notes), 0) end
  for i, note in ipairs(notes or {}) do
    if type(note) ~= "string" then error(("notes[%d]: a text expected, got %s"):format(i, type(note)), 0) end
  end
end

--- The filter of a definition, for options; nil: all leads.
---@param definition oc.report.Definition
---@param options table
---@param now number   seconds since 1970
---@return oc.Filter|function|nil
function engine.where(definition, options, now)
  local where = definition.where
  if type(where) == "function" then where = where(options, now) end
  if where == nil then return nil end
  local made, fault = filter.of(where)
  if not made then error("'where': " .. fault, 0) end
  return made
end

--- A run: hand it leads that its filter holds for, then ask for the result.
---@param definition oc.report.Definition   without fault
---@param context oc.report.Context
---@return {add: fun(lead: oc.Lead), finish: fun(): oc.report.Result}
function engine.start(definition, context)
  local collector, leads = collector_of(definition, context), 0
  return {
    add = function(lead)
      leads = leads + 1
      collector.add(lead)
    end,
    finish = function()
      local rows, more = collector.finish()
      local columns = shown_columns(definition)
      engine.check_rows(rows, more, columns)
      order.sort(rows, definition.sort, columns)
      for i = #rows, (definition.limit or math.huge) + 1, -1 do rows[i] = nil end
      return {title = definition.title, columns = columns, rows = rows, chart = shown_chart(definition),
        notes = all_notes(definition, more), leads = leads, made = values.iso(context.now)}
    end,
  }
end

--- A definition's options as they were set: raises for unknown ones, as text.
---@param definition oc.report.Definition
---@param given table|nil
---@return table
function engine.options(definition, given)
  local settled = {}
  for name, value in pairs(definition.options or {}) do settled[name] = value end
  for name, value in pairs(given or {}) do
    if settled[name] == nil then error(("the report has no option '%s'"):format(tostring(name)), 0) end
    if type(value) ~= type(settled[name]) then
      error(("option '%s': a %s expected, got %s"):format(name, type(settled[name]), type(value)), 0)
    end
    settled[name] = value
  end
  return settled
end

--- An error of a report, whatever was raised in it.
---@param title string
---@param raised any
---@return oc.Error
function engine.raised(title, raised)
  if errors.is(raised) then return raised end
  local words = type(raised) == "table" and rawget(raised, "message") or raised
  if type(words) == "table" then words = "it raised a table without a message" end
  return errors.new("options", ("report %s: %s"):format(title, tostring(words)))
end

return engine

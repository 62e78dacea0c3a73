--- The formats: leads as they come become text in a sink. NDJSON and JSON take the
-- leads' own text, so nothing is lost; where only some fields are wanted, and for
-- table and CSV, leads are Lua tables.

local columns = require "oc.cli.columns"
local csv = require "oc.cli.csv"
local oc = require "oc"
local tables = require "oc.cli.table"

local output = {}

--- Writes leads in a format.
---@class oc.cli.Output
---@field lead fun(self: oc.cli.Output, lead: string|table): true|nil, oc.Error|nil
---@field flush fun(self: oc.cli.Output): true|nil, oc.Error|nil what came so far is to be seen
---@field finish fun(self: oc.cli.Output): true|nil, oc.Error|nil no more leads will come

local makers = {}

local function as_json(lead)
  return type(lead) == "string" and lead or oc.encode(lead)
end

function makers.ndjson(sink)
  return {
    lead = function(_, lead) return sink:add(as_json(lead), "\n") end,
    flush = function() return sink:flush() end,
    finish = function() return sink:flush() end,
  }
end

-- A run that stops leaves the array open, so that nobody takes it for all there is.
function makers.json(sink)
  local before = "[\n"
  return {
    lead = function(_, lead)
      local opening = before
      before = ",\n"
      return sink:add(opening, as_json(lead))
    end,
    flush = function() return sink:flush() end,
    finish = function()
      sink:add(before == ",\n" and "\n]\n" or "[]\n")
      return sink:flush()
    end,
  }
end

function makers.csv(sink, _, paths)
  local wanted = columns.of(paths or columns.plain)
  local titles = {}
  for i, column in ipairs(wanted) do titles[i] = column.title end
  local head = csv.line(titles, #titles)
  local function flush()
    sink:add(head)
    head = ""
    return sink:flush()
  end
  return {
    lead = function(_, lead)
      local texts = {}
      for i, column in ipairs(wanted) do texts[i] = column.value(lead) end
      local opening = head
      head = ""
      return sink:add(opening, csv.line(texts, #wanted))
    end,
    flush = function() return sink:flush() end,
    finish = flush,
  }
end

function makers.table(sink, room, paths)
  local rows = tables.new(room, paths and columns.of(paths) or columns.overview)
  local function flush(ended)
    sink:add(rows:flush(ended))
    return sink:flush()
  end
  return {
    lead = function(_, lead) return sink:add(rows:add(lead)) end,
    flush = function() return flush(false) end,
    finish = function() return flush(true) end,
  }
end

--- The names of the formats, for flags.
output.formats = {"ndjson", "json", "table", "csv"}

--- Does the format want the leads' own text?
---@param format string
---@return boolean
function output.is_raw(format) return format == "ndjson" or format == "json" end

--- The fields that a format shows, where none are asked for; nil: all.
---@param format string
---@return string[]|nil
function output.fields(format)
  if format == "csv" then return columns.plain end
  return format == "table" and columns.overview_fields or nil
end

--- Can what it wrote be appended to?
---@param format string
---@return boolean
function output.continues(format) return format == "ndjson" end

--- A writer.
---@param format "ndjson"|"json"|"table"|"csv"
---@param sink oc.cli.Sink
---@param room integer columns of the terminal, for the table
---@param paths string[]|nil the fields that were asked for, for table and CSV
---@return oc.cli.Output
function output.new(format, sink, room, paths)
  return makers[format](sink, room, paths)
end

return output

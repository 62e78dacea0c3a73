--- The formats: leads, or what was found out about them, become text in a sink as they come. NDJSON and JSON take
-- leads' own text, so nothing is lost; where only some fields are wanted, and for table and CSV, they are Lua tables.

local columns = require "oc.cli.columns"
local core = require "oc.core"
local csv = require "oc.csv"
local oc = require "oc"
local tables = require "oc.cli.table"

local output = {}

local TERMINAL_COLUMNS, OTHER_COLUMNS = 80, 120

--- Writes leads, or other rows, in a format.
---@class oc.cli.Output
---@field add fun(self: oc.cli.Output, row: string|table): true|nil, oc.Error|nil
---@field flush fun(self: oc.cli.Output): true|nil, oc.Error|nil what came so far is to be seen
---@field finish fun(self: oc.cli.Output): true|nil, oc.Error|nil no more will come

local makers = {}

local function as_json(row)
  return type(row) == "string" and row or oc.encode(row)
end

function makers.ndjson(sink)
  return {
    add = function(_, row) return sink:add(as_json(row), "\n") end,
    flush = function() return sink:flush() end,
    finish = function() return sink:flush() end,
  }
end

-- A run that stops leaves the array open, so that nobody takes it for all there is.
function makers.json(sink)
  local before = "[\n"
  return {
    add = function(_, row)
      local opening = before
      before = ",\n"
      return sink:add(opening, as_json(row))
    end,
    flush = function() return sink:flush() end,
    finish = function()
      sink:add(before == ",\n" and "\n]\n" or "[]\n")
      return sink:flush()
    end,
  }
end

function makers.csv(sink, _, wanted)
  wanted = wanted or columns.of(columns.plain)
  local titles = {}
  for i, column in ipairs(wanted) do titles[i] = column.title end
  local head = csv.line(titles, #titles)
  local function flush()
    sink:add(head)
    head = ""
    return sink:flush()
  end
  return {
    add = function(_, row)
      local texts = {}
      for i, column in ipairs(wanted) do texts[i] = column.value(row) end
      local opening = head
      head = ""
      return sink:add(opening, csv.line(texts, #wanted))
    end,
    flush = function() return sink:flush() end,
    finish = flush,
  }
end

function makers.table(sink, room, wanted)
  local rows = tables.new(room, wanted or columns.overview)
  local function flush(ended)
    sink:add(rows:flush(ended))
    return sink:flush()
  end
  return {
    add = function(_, row) return sink:add(rows:add(row)) end,
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

--- How wide a table may be.
---@param terminal integer|nil|false columns of the terminal it goes to, 0 if they are unknown; nil: it goes elsewhere
---@return integer
function output.room(terminal)
  local told = tonumber((os.getenv "COLUMNS" or ""):match "^%d+$" or 0)
  if terminal and terminal > 0 then return terminal end
  if told > 0 then return told end
  return terminal and TERMINAL_COLUMNS or OTHER_COLUMNS
end

--- The format, where none was given.
---@param parsed table of argparse, with `format` and `output`
---@return string format
---@return integer|nil|false to_terminal columns of the terminal that data goes to
function output.choose(parsed)
  local to_terminal = not parsed.output and core.terminal(1)
  return parsed.format or (to_terminal and "table" or "ndjson"), to_terminal
end

--- A writer.
---@param format "ndjson"|"json"|"table"|"csv"
---@param sink oc.cli.Sink
---@param room integer as `room` gives it, for the table
---@param wanted oc.cli.Column[]|nil for table and CSV; default: those of leads
---@return oc.cli.Output
function output.new(format, sink, room, wanted)
  return makers[format](sink, room, wanted)
end

return output

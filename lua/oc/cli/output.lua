--- The formats: leads as they come become text in a sink. NDJSON and JSON take the
-- leads' own text, so nothing is lost; the table takes Lua tables.

local tables = require "oc.cli.table"

local output = {}

--- Writes leads in a format.
---@class oc.cli.Output
---@field lead fun(self: oc.cli.Output, lead: string|table): true|nil, oc.Error|nil
---@field flush fun(self: oc.cli.Output): true|nil, oc.Error|nil what came so far is to be seen
---@field finish fun(self: oc.cli.Output): true|nil, oc.Error|nil no more leads will come

local makers = {}

function makers.ndjson(sink)
  return {
    lead = function(_, lead) return sink:add(lead, "\n") end,
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
      return sink:add(opening, lead)
    end,
    flush = function() return sink:flush() end,
    finish = function()
      sink:add(before == ",\n" and "\n]\n" or "[]\n")
      return sink:flush()
    end,
  }
end

function makers.table(sink, columns)
  local rows = tables.new(columns)
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
output.formats = {"ndjson", "json", "table"}

--- Does the format want the leads' own text?
---@param format string
---@return boolean
function output.is_raw(format) return format ~= "table" end

--- Can what it wrote be appended to?
---@param format string
---@return boolean
function output.continues(format) return format == "ndjson" end

--- A writer.
---@param format "ndjson"|"json"|"table"
---@param sink oc.cli.Sink
---@param columns integer for the table
---@return oc.cli.Output
function output.new(format, sink, columns)
  return makers[format](sink, columns)
end

return output

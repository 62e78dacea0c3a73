--- Report results as text in any format. Plain data comes in, a string goes out: nothing here knows leads, files or
-- terminals, and the same result gives the same bytes, on every Lua.

local csv = require "oc.report.render.csv"
local html = require "oc.report.render.html"
local json = require "oc.report.render.json"
local markdown = require "oc.report.render.markdown"
local page = require "oc.report.render.page"
local tables = require "oc.report.render.table"

local render = {}

--- Options of `oc.report.render.text`.
---@class oc.report.RenderOptions
---@field width? integer   table: columns of the terminal; nil: as wide as is needed
---@field colour? boolean   table: with ANSI colours
---@field pii? "mask"|"show"   personal data; default: masked in html and markdown, shown elsewhere
---@field excel? boolean   csv: for Excel

--- The formats there are.
---@type string[]
render.formats = {"table", "csv", "json", "ndjson", "markdown", "html"}

local makers = {table = tables.text, csv = csv.text, json = json.text, ndjson = json.lines, markdown = markdown.text,
  html = html.text}

-- What people send on, by mail or in a wiki.
local MASKED = {markdown = true, html = true}

local TYPES = {width = "number", colour = "boolean", pii = "string", excel = "boolean"}

local function check(options)
  if type(options) ~= "table" then return "options: a table expected, got " .. type(options) end
  for name, value in pairs(options) do
    if not TYPES[name] then return ("no option '%s'"):format(tostring(name)) end
    if type(value) ~= TYPES[name] then
      return ("option '%s': a %s expected, got %s"):format(name, TYPES[name], type(value))
    end
  end
  if options.pii and options.pii ~= "mask" and options.pii ~= "show" then
    return "option 'pii': 'mask' or 'show' expected"
  end
end

--- Does a format mask personal data?
---@param format string
---@param pii? "mask"|"show"
---@return boolean
function render.masks(format, pii)
  if pii then return pii == "mask" end
  return MASKED[format] or false
end

--- A result as text. Raises for an unknown format or option, and for what is no result.
---@param result oc.report.Result
---@param format "table"|"csv"|"json"|"ndjson"|"markdown"|"html"
---@param options? oc.report.RenderOptions
---@return string
function render.text(result, format, options)
  options = options or {}
  local make = makers[format]
  local problem = not make and ("no format '%s'"):format(tostring(format)) or check(options)
  if problem then error("oc.report.render: " .. problem, 2) end
  local ok, ready = pcall(page.of, result, render.masks(format, options.pii))
  if not ok then error(ready, 2) end
  return make(ready, options)
end

return render

--- Reports: leads become a table with a title, notes and perhaps a chart.
--
-- Built-in ones have a file each below builtin/; a user's is a Lua file of the same form,
-- or a function. Here they meet leads: from a client, where what they need is asked for
-- in C, or from a list.

local core = require "oc.core"
local engine = require "oc.report.engine"
local errors = require "oc.errors"
local filter = require "oc.filter"
local protect = require "oc.protect"

local report = {}

--- The names of the built-in reports.
---@type string[]
report.names = {"summary", "status", "countries", "sizes", "consents", "civic", "unlicensed", "stale", "unattached",
  "duplicates", "audit"}

report.diff = require "oc.report.diff"
report.render = require "oc.report.render"

local builtin = {}
for _, name in ipairs(report.names) do builtin[name] = require("oc.report.builtin." .. name) end

--- The definition of a built-in report.
---@param name string
---@return oc.report.Definition|nil   nil: there is none of this name
function report.get(name)
  return builtin[name]
end

-- A definition, from whatever was given as one: definition | nil, fault.
local function definition_of(given)
  if type(given) == "string" then
    if builtin[given] then return builtin[given] end
    return nil, ("there is no report %s: %s are those"):format(given, table.concat(report.names, ", "))
  end
  if type(given) == "function" then return {title = "report", run = given} end
  local fault = engine.fault(given)
  if fault then return nil, fault end
  return given
end

--- Reads a report script: Lua, which is run, so it must be trusted like any program.
---@param path string
---@return oc.report.Definition|function|nil
---@return oc.Error|nil err   kind `io`, or `options` with the script's own line
function report.load(path)
  local file, why = io.open(path, "r")
  if not file then return nil, errors.new("io", "cannot read the report " .. why) end
  file:close()
  local chunk, syntax = loadfile(path)
  if not chunk then return nil, errors.new("options", "report " .. syntax) end
  local ok, made = pcall(chunk)
  if not ok then return nil, engine.raised(path, made) end
  if type(made) == "function" then return made end
  local fault = engine.fault(made)
  if fault then return nil, errors.new("options", ("report %s: %s"):format(path, fault)) end
  return made
end

-- --- leads for a report ------------------------------------------------------------------

--- Options of `oc.report.run`.
---@class oc.report.RunOptions
---@field options? table   of the report: {days = 30}
---@field where? oc.Where   only these leads
---@field leads? oc.LeadsOptions   of `client:leads`, where a client is given
---@field filtered? boolean   the leads are those that `wants` asks for, and need not be asked about again
---@field now? number   seconds since 1970; default: now
---@field complete? boolean   of a list: are these all leads there are?
---@field source? string   of a list: where it is from

--- What a report needs of leads, as options of `client:leads`: then most is not even built.
---@param given string|oc.report.Definition|function
---@param run? oc.report.RunOptions
---@return {where: oc.Where|nil, select: string[]|nil}
function report.wants(given, run)
  run = run or {}
  local definition, fault = definition_of(given)
  if not definition then error("oc.report.wants: " .. fault, 2) end
  if definition.run then return {where = run.where} end
  local own = engine.where(definition, engine.options(definition, run.options), run.now or core.time())
  local both = own and run.where and filter.all {own, run.where} or own or run.where
  return {where = both, select = definition.select}
end

local function is_client(given)
  return type(given) == "table" and type(given.leads) == "function" and type(given.authorization) == "function"
end

-- All that can be asked for leads one by one: next, and what is known at the end.
local function open(given, definition, run)
  if is_client(given) then
    local asked = {}
    for name, value in pairs(run.leads or {}) do asked[name] = value end
    local wants = report.wants(definition.run or definition, run)
    asked.where, asked.select, asked.raw = wants.where, wants.select, nil
    local leads = given:leads(asked)
    return {next = function() return leads:next() end, source = given.settings.origin, filtered = true,
      complete = function() return leads:result().complete end, close = function() leads:close() end}
  end
  local i = 0
  local object = type(given.next) == "function"
  return {
    next = function()
      if object then return given:next() end
      i = i + 1
      return given[i]
    end,
    complete = function()
      if run.complete ~= nil or not object or type(given.result) ~= "function" then return run.complete end
      return given:result().complete
    end,
    source = run.source, filtered = run.filtered, close = function() end,
  }
end

-- The leads that the report is about, one by one: lead | nil | nil, err.
local function wanted(source, where)
  if source.filtered or not where then return source.next end
  return function()
    while true do
      local lead, err = source.next()
      if not lead then return nil, err end
      local holds, fault = where(lead)
      if fault then return nil, fault end
      if holds then return lead end
    end
  end
end

-- A report that is a function gets an iterator, which raises where reading fails.
local function run_function(definition, next_lead, context)
  local result = definition.run(function()
    local lead, err = next_lead()
    if err then error(err, 0) end
    return lead
  end, context)
  if type(result) ~= "table" or type(result.columns) ~= "table" or type(result.rows) ~= "table" then
    error("the function gave no {title, columns, rows}", 0)
  end
  engine.check_rows(result.rows, result.notes, result.columns)
  result.title, result.notes = result.title or definition.title, result.notes or {}
  return result
end

local function run_definition(definition, next_lead, context)
  local run = engine.start(definition, context)
  while true do
    local lead, err = next_lead()
    if err then error(err, 0) end
    if not lead then return run.finish() end
    run.add(lead)
  end
end

--- Runs a report.
---@param given string|oc.report.Definition|function   a name, a definition, or what a report script returned
---@param leads oc.Client|oc.Leads|oc.Lead[]   a client: leads are fetched, and only what the report needs of them
---@param run? oc.report.RunOptions
---@return oc.report.Result|nil
---@return oc.Error|nil err   of reading leads; kind `options`: the report itself failed
function report.run(given, leads, run)
  run = run or {}
  local definition, fault = definition_of(given)
  if not definition then error("oc.report.run: " .. fault, 2) end
  if type(leads) ~= "table" then
    error("oc.report.run: a client, client:leads or a list of leads expected, got " .. type(leads), 2)
  end
  local source
  local ok, result = protect.call(function()
    local context = {options = engine.options(definition, run.options), now = run.now or core.time()}
    source = open(leads, definition, run)
    local where = not definition.run and report.wants(definition, run).where or definition.run and run.where
    if type(where) == "string" then where = filter(where) end
    local next_lead = wanted(source, where)
    local made = (definition.run and run_function or run_definition)(definition, next_lead, context)
    made.complete, made.source = source.complete(), source.source
    return made
  end)
  if source then source.close() end
  if not ok then return nil, engine.raised(definition.title, result) end
  return result
end

return report

--- `oc-leads report`: leads become a table, a page or a file to send to colleagues.
--
-- Reads leads for a report, and writes what it comes to; which rows and how they look
-- is the business of oc.report.

local core = require "oc.core"
local files = require "oc.cli.files"
local input = require "oc.cli.input"
local messages = require "oc.cli.messages"
local output = require "oc.cli.output"
local progress = require "oc.cli.progress"
local render = require "oc.report.render"
local report = require "oc.report"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"

local command = {}

local EXIT_FAILED = 1
local EXIT_CUT = 3
local EXIT_BROKEN_PIPE = 141 -- as of a process that SIGPIPE ended

-- What the name of a file says about its format.
local BY_NAME = {csv = "csv", json = "json", ndjson = "ndjson", md = "markdown", html = "html", htm = "html"}

local function names_and_help()
  local lines = {}
  for i, name in ipairs(report.names) do lines[i] = ("  %-12s %s"):format(name, report.get(name).help) end
  return table.concat(lines, "\n")
end

function command.describe(parser)
  parser:summary "Make a report of leads."
  parser:epilog("Reports:\n" .. names_and_help() .. [[


A report of your own is a Lua file, which is run: docs/REPORTS.md tells how one is written.
Credentials come from the environment or from --token-file, never from flags.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 cut by the default --max-pages;
130 interrupted.

Examples:
  oc-leads report summary --max-pages all
  oc-leads report civic --max-pages all --output coverage.html
  oc-leads report stale --set days=90 --from leads.ndjson --format csv
  oc-leads report path/to/my.lua --where 'consentedCountries has "IL"' --output mine.md]])
  parser:argument("report", "a name from the list below, or a Lua file"):args "?"
  parser:flag("--list", "print the names of reports, and read no lead")
  parser:option("--set", "set an option of the report"):argname "NAME=VALUE":count "*"
  parser:option("-f --format",
    "table, csv, json, ndjson, markdown or html (default: by the name of --output, else table)")
    :choices(render.formats):argname "FORMAT"
  parser:option("-o --output", "write to FILE, whole or not at all"):argname "FILE"
  parser:option("--pii", "show or mask personal data (default: mask in html and markdown)"):choices {"show", "mask"}
    :argname "show|mask"
  parser:flag("--excel", "CSV for Excel")
  input.describe(parser, {select = true})
end

-- --- before the first request -------------------------------------------------------------

-- A name, or a file: which of them is told by its form.
local function find_report(word)
  if not word then return settings.usage "a report expected: oc-leads report --list has their names" end
  if report.get(word) then return word end
  if word:find "[./]" then return report.load(word) end
  return settings.usage(("there is no report %s; --list has their names, and a file has a dot or a slash in its name")
    :format(word))
end

local function value_of(text)
  if text == "true" or text == "false" then return text == "true" end
  return tonumber(text) or text
end

-- The options of --set NAME=VALUE.
local function options_of(words)
  local options = {}
  for _, word in ipairs(words) do
    local name, value = word:match "^([%w_]+)=(.*)$"
    if not name then return settings.usage(("--set %s: NAME=VALUE expected"):format(word)) end
    options[name] = value_of(value)
  end
  return options
end

local function format_of(parsed)
  return parsed.format or BY_NAME[(parsed.output or ""):match "%.(%w+)$" or ""] or "table"
end

-- What the report wants of leads: its own filter and fields go to C with the user's --where.
local function wants_of(run)
  local ok, wants = pcall(report.wants, run.report, run.options)
  if ok then return wants end
  return settings.usage((tostring(wants):gsub("^.-:%d+: ", ""):gsub("^oc%.report%.wants: ", "")))
end

-- Everything that can be wrong before the first request: true | nil, err.
local function prepare(run)
  local parsed, err = run.parsed
  if parsed.output == "" then return settings.usage "--output: a file name expected" end
  local apart, clash = files.check {
    {flag = "--from", path = parsed.from, reads = true},
    {flag = "--token-file", path = parsed.token_file, reads = true}, {flag = "--log-file", path = parsed.log_file},
    {flag = "--output", path = parsed.output, beside = ".part"},
  }
  if not apart then return nil, clash end
  run.report, err = find_report(parsed.report)
  if not run.report then return nil, err end
  run.options = {now = core.time(), where = parsed.where, filtered = true}
  run.options.options, err = options_of(parsed.set)
  if not run.options.options then return nil, err end
  local wants
  wants, err = wants_of(run)
  if not wants then return nil, err end
  parsed.where = wants.where
  run.input, err = input.open(parsed, run.say, {select = wants.select, nulls = "null"})
  if not run.input then return nil, err end
  if not parsed.output then
    run.sink = sink.stdout()
    return true
  end
  run.sink, err = sink.file(parsed.output)
  return run.sink ~= nil, err
end

-- --- the run ------------------------------------------------------------------------------

local function text_of(run, result)
  local parsed, format = run.parsed, format_of(run.parsed)
  local terminal = not parsed.output and core.terminal(1)
  return render.text(result, format, {
    width = format == "table" and output.room(terminal) or nil,
    colour = (terminal or false) ~= false and (os.getenv "NO_COLOR" or "") == "" and os.getenv "TERM" ~= "dumb",
    pii = parsed.pii, excel = parsed.excel,
  })
end

local function fail(run, err)
  run.input:clear_progress()
  run.sink:stop()
  return run.say:stop(err, run.input, "interrupted; no report was written")
end

local function go(run)
  run.input:show_progress(run.sink, not run.parsed.output and core.terminal(1))
  local result, err = report.run(run.report, run.input, run.options)
  if not result then return fail(run, err) end
  run.input:clear_progress()
  result.source = run.input:origin()
  result.complete = run.input:result().complete
  if result.complete == false then run.say:say("not all leads are in this report", "warn") end
  local ok
  ok, err = run.sink:add(text_of(run, result))
  if ok then ok, err = run.sink:finish() end
  if not ok then return fail(run, err) end
  run.say:note(("%s: %s of %s"):format(result.title, progress.counted(#result.rows, "row"),
    progress.counted(run.input.matched, "lead")))
  if run.parsed.output then run.say:say(("written to %s"):format(run.parsed.output)) end
  if not run.input:is_cut() then return 0 end
  run.input:say_cut()
  return EXIT_CUT
end

local function list_reports()
  local ok, _, broken_pipe = core.write(1, names_and_help():gsub("^  ", ""):gsub("\n  ", "\n") .. "\n")
  if ok then return 0 end
  return broken_pipe and EXIT_BROKEN_PIPE or EXIT_FAILED
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  if parsed.list then return list_reports() end
  local say, status = messages.of(parsed)
  if not say then return status end
  local run = {say = say, parsed = parsed}
  local ok, err = prepare(run)
  if not ok then
    if run.input then run.input:close() end
    return say:refuse(err)
  end
  local code = go(run)
  run.input:close()
  say:close()
  core.release_interrupt()
  return code
end

return command

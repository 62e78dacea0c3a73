--- `oc-leads audit`: what is wrong with the civic addresses of all leads, a line a finding.
--
-- Knows findings and how a run ends; the rules and where leads come from are the business of others.

local audit = require "oc.civic.audit"
local columns = require "oc.cli.columns"
local core = require "oc.core"
local files = require "oc.cli.files"
local input = require "oc.cli.input"
local messages = require "oc.cli.messages"
local oc = require "oc"
local output = require "oc.cli.output"
local progress = require "oc.cli.progress"
local rules = require "oc.civic.rules"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"

local command = {}

local EXIT_FAILED = 1
local EXIT_CUT = 3
local EXIT_FINDINGS = 5
local EXIT_BROKEN_PIPE = 141 -- as of a process that SIGPIPE ended

local function column(title, field, least, whole)
  return {title = title, least = least, whole = whole, value = function(row)
    local value = row[field]
    if value ~= oc.null then return value end
  end}
end

---@type oc.cli.Column[]
local FINDING_COLUMNS = {
  column("SEVERITY", "severity", 7), column("RULE", "rule", 10), column("COMPANY", "company", 8),
  column("TENANT ID", "tenantId", 36), column("PATH", "path", 33), column("MESSAGE", "message", 20, true),
}
local FINDING_FIELDS = {"severity", "rule", "company", "tenantId", "leadId", "path", "message"}

---@type oc.cli.Column[]
local RULE_COLUMNS = {
  column("SEVERITY", "severity", 7), column("RULE", "id", 28), column("OF", "of", 4),
  column("MEANING", "text", 20, true),
}
local RULE_FIELDS = {"severity", "id", "of", "countries", "text"}

function command.describe(parser)
  parser:summary "Say what is wrong with the civic addresses of all leads."
  parser:epilog [[
Leads come from the service, or with --from from what list wrote. A rules file is Lua and is run:
docs/AUDIT.md tells how one is written.

Credentials come from the environment (OC_TOKEN, or OC_TENANT_ID, OC_CLIENT_ID,
OC_CLIENT_SECRET and OC_SCOPE) or from --token-file, never from flags.

Exit status: 0 done, whatever was found; 1 failed; 2 wrong usage; 3 cut by the default
--max-pages; 5 with --check, something was found; 130 interrupted.

Examples:
  oc-leads audit --max-pages all
  oc-leads audit --from leads.ndjson --check --severity error
  oc-leads list --max-pages all | oc-leads audit --from - -f csv -o findings.csv
  oc-leads audit --rules rules_of_my_own.lua --skip country-uncovered --where 'status == "Active"']]
  parser:flag("--check", "exit with 5 when there are findings")
  parser:option("--rules", "ask the rules of FILE, too; one with the id of another takes its place"):argname "FILE"
    :count "*"
  parser:option("--skip", "do not ask the rule ID"):argname "ID":count "*"
  parser:option("--severity", "least severity: error, warning or info (default)"):choices(rules.severities)
    :argname "SEVERITY"
  parser:flag("--list-rules", "print the rules that would be asked, and read no lead")
  parser:option("-f --format", "ndjson, json, table or csv (default: table on a terminal, else ndjson)")
    :choices(output.formats):argname "FORMAT"
  parser:option("-o --output", "write to FILE, whole or not at all; a stopped run leaves FILE.part"):argname "FILE"
  input.describe(parser, {select = true})
end

-- The rules of all files, behind one another: a list | nil, err.
local function extra_rules(parsed)
  local extra = {}
  for _, path in ipairs(parsed.rules) do
    local list, err = rules.load(path)
    if not list then return nil, err end
    extra = rules.extend(extra, list)
  end
  return extra
end

-- The options of an audit | nil, err.
local function audit_options(parsed)
  local extra, err = extra_rules(parsed)
  if not extra then return nil, err end
  local known = {}
  for _, rule in ipairs(rules.extend(rules.builtin, extra)) do known[rule.id] = true end
  for _, id in ipairs(parsed.skip) do
    if not known[id] then return settings.usage(("--skip: there is no rule %s; --list-rules has them"):format(id)) end
  end
  return {extra = extra, skip = parsed.skip, severity = parsed.severity}
end

-- Everything that can be wrong before the first request: a run | nil, err.
local function prepare(parsed, say)
  local err
  local run = {say = say, parsed = parsed, counts = {error = 0, warning = 0, info = 0}, found = 0}
  if parsed.output == "" then return settings.usage "--output: a file name expected" end
  local apart, clash = files.check {
    {flag = "--from", path = parsed.from, reads = true},
    {flag = "--token-file", path = parsed.token_file, reads = true}, {flag = "--log-file", path = parsed.log_file},
    {flag = "--output", path = parsed.output, beside = ".part"},
  }
  if not apart then return nil, clash end
  run.options, err = audit_options(parsed)
  if not run.options then return nil, err end
  run.format, run.to_terminal = output.choose(parsed)
  if not parsed.list_rules then
    run.input, err = input.open(parsed, say, {on_page = function() run.sink:flush() end})
    if not run.input then return nil, err end
  end
  if not parsed.output then
    run.sink = sink.stdout()
    return run
  end
  run.sink, err = sink.file(parsed.output)
  if run.sink then return run end
  if run.input then run.input:close() end
  return nil, err
end

local function row_of(lead, finding)
  local contact = type(lead.contactDetails) == "table" and lead.contactDetails or {}
  return {leadId = lead.id, tenantId = lead.tenantId, company = contact.companyName, severity = finding.severity,
    rule = finding.rule, path = finding.path, message = finding.message}
end

-- All findings into the format: true | nil, err.
local function write_all(run)
  local examine = audit.with(run.options)
  while true do
    local lead, err = run.input:next()
    if err then return nil, err end
    if not lead then return true end
    for _, finding in ipairs(examine(lead)) do
      run.found, run.counts[finding.severity] = run.found + 1, run.counts[finding.severity] + 1
      local ok, fault = run.out:add(row_of(lead, finding))
      if not ok then return nil, fault end
    end
  end
end

-- "10 leads, 18 findings: 6 errors, 12 warnings"
local function summary(run)
  local parts = {}
  for _, entry in ipairs {{"error", "errors"}, {"warning", "warnings"}, {"info", "info"}} do
    local n = run.counts[entry[1]]
    if n > 0 then parts[#parts + 1] = progress.grouped(n) .. " " .. (n == 1 and entry[1] or entry[2]) end
  end
  return ("%s, %s%s"):format(progress.counted(run.input.matched, "lead"), progress.counted(run.found, "finding"),
    #parts > 0 and ": " .. table.concat(parts, ", ") or "")
end

-- The run stopped early: what was found stays in FILE.part.
local function stop(run, err)
  if not run.sink.failed then run.out:flush() end
  local part, fault = run.sink:stop()
  run.input:clear_progress()
  if err.broken_pipe then return EXIT_BROKEN_PIPE end -- nobody is there to be told
  local signal = err.kind == "cancelled" and core.interrupted()
  if not signal then run.say:fail(err) end
  if fault and fault ~= err then run.say:fail(fault) end
  if not signal and not fault then run.input:say_doctor(err) end
  run.say:say((signal and "interrupted after " or "stopped after ") .. summary(run), "warn")
  if part then run.say:say("what was found so far is in " .. part) end
  return signal and not fault and 128 + signal or EXIT_FAILED
end

-- All that was found is out; what a cut run found is not all there is. part | nil, err.
local function put_away(run, cut)
  if cut and run.sink.part then
    run.out:flush()
    return run.sink:stop()
  end
  local ok, err = run.out:finish()
  if ok then ok, err = run.sink:finish() end
  return nil, not ok and err or nil
end

local function done(run)
  local cut = run.input:is_cut()
  local part, err = put_away(run, cut)
  if err then return stop(run, err) end
  run.input:clear_progress()
  run.say:say(summary(run))
  if cut then
    run.input:say_cut()
    if part then run.say:say("what was found so far is in " .. part) end
    return EXIT_CUT
  end
  return run.parsed.check and run.found > 0 and EXIT_FINDINGS or 0
end

-- A writer of rows that have these fields; a table has columns of its own.
local function writer(run, fields, of_table)
  return output.new(run.format, run.sink, output.room(run.to_terminal), run.format == "csv" and columns.of(fields)
    or of_table)
end

-- The rules instead of findings.
local function list_rules(run)
  run.out = writer(run, RULE_FIELDS, RULE_COLUMNS)
  for _, rule in ipairs(audit.rules(run.options)) do
    run.out:add {id = rule.id, severity = rule.severity, of = rule.of, countries = rule.countries, text = rule.text}
  end
  local _, err = put_away(run)
  if not err then return 0 end
  run.sink:stop()
  if err.broken_pipe then return EXIT_BROKEN_PIPE end
  run.say:fail(err)
  return EXIT_FAILED
end

local function examine_all(run)
  run.out = writer(run, FINDING_FIELDS, FINDING_COLUMNS)
  run.input:show_progress(run.sink, run.to_terminal)
  local ok, err = write_all(run)
  local code = ok and done(run) or stop(run, err)
  run.input:close()
  return code
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  local say, status = messages.of(parsed)
  if not say then return status end
  local run, err = prepare(parsed, say)
  if not run then return say:refuse(err) end
  local code
  if parsed.list_rules then
    code = list_rules(run)
  else
    code = examine_all(run)
  end
  say:close()
  core.release_interrupt()
  return code
end

return command

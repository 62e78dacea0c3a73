--- `oc-leads sync`: civic addresses of leads that lack them, found and told, a line a lead.
--
-- Reads leads, plans, applies, and writes what came of it; each of these is somebody else's business.

local civic_options = require "oc.civic.options"
local columns = require "oc.cli.columns"
local core = require "oc.core"
local files = require "oc.cli.files"
local flags = require "oc.cli.flags"
local input = require "oc.cli.input"
local journal = require "oc.civic.journal"
local messages = require "oc.cli.messages"
local oc = require "oc"
local options = require "oc.options"
local output = require "oc.cli.output"
local plan = require "oc.civic.plan"
local plan_file = require "oc.cli.plan_file"
local progress = require "oc.cli.progress"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"
local sync_choice = require "oc.cli.sync_choice"
local values = require "oc.civic.values"

local command = {}

local EXIT_FAILED = 1
local EXIT_CUT = 3
local EXIT_PARTLY = 4

local FIELDS = {"outcome", "company", "tenantId", "leadId", "addresses", "why", "error"}

local ONLY = {"synced", "unchanged", "empty", "failed", "skipped", "resumed", "planned"}

local function column(title, field, least, whole)
  return {title = title, least = least, whole = whole, value = function(row) return row[field] end}
end

---@type oc.cli.Column[]
local COLUMNS = {
  column("OUTCOME", "outcome", 9), column("COMPANY", "company", 12), column("TENANT ID", "tenantId", 36),
  column("ADDRESSES", "addresses", 7), column("WHY", "told", 20, true),
}

function command.describe(parser)
  parser:summary "Find civic addresses of leads that lack them."
  parser:epilog [[
Leads come from the service, from a file (--from), or from a plan (--plan). Addresses that are
found go into --leads-out; what came of each lead is printed. What is known is never erased.
A journal makes it a run that goes on: what an earlier part found is not asked about again.

Policies: direct-missing (default), missing, unvalidated, uncovered, stale:DAYS, all, or a filter
expression; of several, one has to hold. Sources: platform (default), gateway, or a file
(.json, .ndjson, .csv). The gateway's address is OC_GATEWAY_URL, its credentials OC_GATEWAY_TOKEN, or
OC_GATEWAY_TENANT_ID, OC_GATEWAY_CLIENT_ID, OC_GATEWAY_CLIENT_SECRET, OC_GATEWAY_SCOPE and, for
national clouds, OC_GATEWAY_AUTHORITY.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 cut by the default --max-pages; 4 done, but some
leads failed or were skipped; 130 interrupted.

Examples:
  oc-leads sync --max-pages all --dry-run
  oc-leads sync --max-pages all --journal civic.journal --leads-out leads.ndjson
  oc-leads sync --from leads.ndjson --source addresses.csv --leads-out leads2.ndjson
  oc-leads sync --policy missing --policy stale:30 --journal civic.journal --source gateway]]
  parser:option("--policy", "which leads: a name, or a filter expression"):argname "POLICY":count "*"
  parser:option("--source", "where addresses come from: platform, gateway, or a file"):argname "SOURCE"
  parser:option("--plan", "apply the plan in FILE, and read no leads"):argname "FILE"
  parser:option("--plan-out", "write the plan to FILE, whole or not at all"):argname "FILE"
  parser:option("--leads-out", "write all leads, with what was found, to FILE as NDJSON"):argname "FILE"
  parser:option("--only", "print only this outcome: synced, unchanged, empty, failed, skipped, resumed, planned")
    :choices(ONLY):argname "OUTCOME":count "*"
  parser:option("-f --format", "ndjson, json, table or csv (default: table on a terminal, else ndjson)")
    :choices(output.formats):argname "FORMAT"
  parser:option("-o --output",
    "write outcomes to FILE, whole or not at all; a run that fails or is cut leaves FILE.part"):argname "FILE"
  flags.add(parser, civic_options.apply)
  input.describe(parser, {select = true, resume = true})
end

-- --- before anything is asked ---------------------------------------------------------

local function uses_of(parsed)
  local source = (parsed.source or ""):find "[./]" and parsed.source or nil
  return {
    {flag = "--from", path = parsed.from, reads = true}, {flag = "--source", path = source, reads = true},
    {flag = "--plan", path = parsed.plan, reads = true},
    {flag = "--token-file", path = parsed.token_file, reads = true}, {flag = "--log-file", path = parsed.log_file},
    {flag = "--journal", path = parsed.journal}, {flag = "--output", path = parsed.output, beside = ".part"},
    {flag = "--leads-out", path = parsed.leads_out, beside = ".part"},
    {flag = "--plan-out", path = parsed.plan_out, beside = ".part"},
  }
end

-- A plan has its leads: what would choose them goes without it.
local function check_words(parsed)
  for _, name in ipairs {"output", "leads_out", "plan_out", "plan", "journal"} do
    if parsed[name] == "" then
      return settings.usage(("--%s: a file name expected"):format((name:gsub("_", "-"))))
    end
  end
  local ok, err = files.check(uses_of(parsed))
  if not ok then return nil, err end
  if not parsed.plan then return true end
  local chosen = next(flags.given(options.leads, parsed))
  if chosen then
    return settings.usage(("%s goes without --plan: that has its leads"):format(flags.name_of(chosen)))
  end
  for _, name in ipairs {"from", "leads_out", "plan_out"} do
    if parsed[name] then
      return settings.usage(("--%s goes without --plan: that has its leads"):format((name:gsub("_", "-"))))
    end
  end
  if #parsed.policy > 0 then return settings.usage "--policy goes without --plan: that has its leads" end
  return true
end

-- The options of apply that are flags, and those of the client that serve for both.
local SHARED = {"max_attempts", "backoff_base_s", "backoff_cap_s", "retry_after_cap_s", "deadline_s"}

local function apply_options(run)
  local given = flags.given(civic_options.apply, run.parsed)
  for _, name in ipairs(SHARED) do given[name] = run.parsed[name] end
  if given.deadline_s then -- of the whole run: reading has had its part
    given.deadline_s = math.max(given.deadline_s - (core.now() - run.started), 0.001)
  end
  given.log = function(level, event, fields)
    if event == "civic_failed" then level = "info" end -- it is told as an outcome, too
    run.say:log(level, event, fields)
  end
  return given
end

-- Files that are written are opened before anybody is asked: true | nil, err.
local function open_sinks(run)
  local err
  for name, path in pairs {out = run.parsed.output, leads_sink = run.parsed.leads_out,
    plan_sink = run.parsed.plan_out} do
    run.sinks[name], err = sink.file(path)
    if not run.sinks[name] then return nil, err end
  end
  run.sinks.out = run.sinks.out or sink.stdout()
  return true
end

-- The outcomes to print: all, unless --only says which.
local function wanted_outcomes(only)
  local wanted = {}
  for _, outcome in ipairs(#only > 0 and only or ONLY) do wanted[outcome] = true end
  return wanted
end

-- Everything that can be wrong before the first request: true | nil, err.
local function prepare(run)
  local parsed, say = run.parsed, run.say
  run.wanted = wanted_outcomes(parsed.only)
  local ok, err = check_words(parsed)
  if not ok then return nil, err end
  run.format, run.to_terminal = output.choose(parsed)
  run.policy, err = sync_choice.policy(parsed.policy, parsed.journal)
  if not run.policy then return nil, err end
  if parsed.journal and not parsed.dry_run then
    ok, err = journal.check(parsed.journal)
    if not ok then return nil, err end
  end
  if parsed.plan then
    run.plan, err = plan_file.read(parsed.plan)
    if not run.plan then return nil, err end
  else
    run.input, err = input.open(parsed, say)
    if not run.input then return nil, err end
  end
  if not parsed.dry_run then
    run.source, err = sync_choice.source(parsed, say, run.input and run.input.client)
    if not run.source then return nil, err end
  end
  return open_sinks(run)
end

-- --- what came of leads -----------------------------------------------------------------

local function company_of(lead)
  local contact = lead and lead.contactDetails
  return type(contact) == "table" and values.text(contact.companyName) or nil
end

-- Why nobody was asked about a lead.
local REASONS = {
  breaker = "not asked about: too many failures in a row", deadline = "not asked about: the time was over",
  interrupted = "not asked about: interrupted", journal = "not asked about: the journal cannot be written",
}

local function row_of(run, item, outcome, err, reason)
  local lead = run.by_key and run.by_key[journal.key(item) or false]
  local row = {outcome = outcome, leadId = item.id, tenantId = item.tenantId, company = company_of(lead),
    why = item.why}
  row.addresses = lead and values.count(lead) or not lead and item.addresses or nil
  row.error = err and tostring(err) or reason and REASONS[reason] or nil
  row.told = err and ("%s (%s)"):format(row.error, err.kind) or row.error or row.why
  return row
end

-- The table alone has a column for both.
local function add_row(run, item, outcome, err, reason)
  if run.broken or not run.wanted[outcome] then return end
  local row = row_of(run, item, outcome, err, reason)
  if run.format ~= "table" then row.told = nil end
  local ok, fault = run.out:add(row)
  if ok and run.to_terminal then ok, fault = run.out:flush() end
  if not ok then run.broken = fault end
end

local function index(run)
  run.by_key = {}
  for _, lead in ipairs(run.picked) do run.by_key[journal.key(lead) or false] = lead end
end

-- --- the stages -------------------------------------------------------------------------

-- Reads the leads and plans: true | nil, err.
local function make_plan(run)
  if run.plan then return true end
  local keeps_all = run.parsed.leads_out ~= nil
  run.input:show_progress(run.sinks.out, run.to_terminal)
  local function log(...) run.say:log(...) end
  local made, err = plan.new(run.input, {policy = run.policy}, core.time(), log, function(lead, picked)
    if keeps_all then run.leads[#run.leads + 1] = lead end
    if picked then run.picked[#run.picked + 1] = lead end
  end)
  run.input:clear_progress()
  if not made then return nil, err end
  run.plan = made
  index(run)
  return true
end

-- All of it is there; of a cut run, what came, as FILE.part: it replaces nothing that was whole.
local function put_away(run, name)
  local one = run.sinks[name]
  local ok, err
  if run.input and run.input:is_cut() and one.part then
    local part
    part, err = one:stop()
    if part and not err then run.say:say("what came so far is in " .. part) end
    ok = not err
  else
    ok, err = one:finish()
  end
  if ok then run.sinks[name] = nil end
  return ok, err
end

local function write_plan(run)
  if not run.sinks.plan_sink then return true end
  local ok, err = run.sinks.plan_sink:add(oc.encode(run.plan), "\n")
  if not ok then return nil, err end
  return put_away(run, "plan_sink")
end

local function write_leads(run)
  local leads_sink = run.sinks.leads_sink
  if not leads_sink then return true end
  for _, lead in ipairs(run.leads) do
    local ok, err = leads_sink:add(oc.encode(lead), "\n")
    if not ok then return nil, err end
  end
  return put_away(run, "leads_sink")
end

local function show_plan(run)
  for _, item in ipairs(run.plan.items) do add_row(run, item, "planned") end
end

-- Does it: the result | nil, err.
local function apply_plan(run)
  local given = apply_options(run)
  given.source, given.leads = run.source, run.picked
  given.client = run.source.client or run.input and run.input.client
  given.on_outcome = function(outcome) add_row(run, outcome, outcome.outcome, outcome.err, outcome.reason) end
  return settings.checked(oc.civic.apply, run.plan, given)
end

local OUTCOMES = {{"synced", "found"}, {"unchanged", "unchanged"}, {"empty", "have none"}, {"failed", "failed"},
  {"resumed", "from the journal"}, {"skipped", "skipped"}}

local function summary(run, result)
  local text = ("%s of %s to synchronise"):format(progress.grouped(#run.plan.items),
    progress.counted(run.plan.leads or #run.plan.items, "lead"))
  local parts = {}
  for _, entry in ipairs(result and OUTCOMES or {}) do
    local n = result[entry[1]]
    if n > 0 then parts[#parts + 1] = progress.grouped(n) .. " " .. entry[2] end
  end
  return #parts > 0 and text .. ": " .. table.concat(parts, ", ") or text
end

local STOPPED = {
  breaker = "too many failures in a row: the rest was skipped; with --journal the next run goes on",
  deadline = "the time was over (--deadline): the rest was skipped; with --journal the next run goes on",
  interrupted = "interrupted: what was under way has ended, the rest was skipped; with --journal the next run goes on",
}

-- --- the end ----------------------------------------------------------------------------

-- What was opened stays as FILE.part, or goes if nothing is in it.
local function put_aside(run)
  for _, one in pairs(run.sinks) do
    local part = one:stop()
    if part then run.say:say("what came so far is in " .. part) end
  end
end

local function fail(run, err)
  if run.input then run.input:clear_progress() end
  if run.out and not run.broken then run.out:flush() end
  put_aside(run)
  return run.say:stop(err, run.input, "interrupted before anything was done")
end

-- Everything is out: the exit status.
local function conclude(run, result)
  local ok, err = run.out:finish()
  if ok then ok, err = put_away(run, "out") end
  if ok and run.broken then ok, err = nil, run.broken end
  if not ok then return fail(run, err) end
  run.say:say(summary(run, result))
  local stopped = result and result.skipped > 0 and STOPPED[result.stop_reason]
  if stopped then run.say:say(stopped, "warn") end
  if result and result.journal_error then
    run.say:fail(result.journal_error)
    return EXIT_FAILED
  end
  if result and result.signal then return 128 + result.signal end
  if run.input and run.input:is_cut() then
    run.input:say_cut()
    return EXIT_CUT
  end
  return result and result.failed + result.skipped > 0 and EXIT_PARTLY or 0
end

local function go(run)
  run.out = output.new(run.format, run.sinks.out, output.room(run.to_terminal),
    run.format == "csv" and columns.of(FIELDS) or COLUMNS)
  local ok, err = make_plan(run)
  if ok then ok, err = write_plan(run) end
  if not ok then return fail(run, err) end
  if run.parsed.dry_run then
    show_plan(run)
    ok, err = write_leads(run)
    if not ok then return fail(run, err) end
    return conclude(run)
  end
  local result
  result, err = apply_plan(run)
  if not result then return fail(run, err) end
  ok, err = write_leads(run)
  if not ok then return fail(run, err) end
  return conclude(run, result)
end

local function close(run)
  if run.input then run.input:close() end
  if run.source and run.source.client then run.source.client:close() end
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  local say, status = messages.of(parsed)
  if not say then return status end
  local run = {say = say, parsed = parsed, sinks = {}, leads = {}, picked = {}, started = core.now()}
  local ok, err = prepare(run)
  local code
  if ok then code = go(run) else put_aside(run) end
  close(run)
  if not ok then return say:refuse(err) end
  say:close()
  core.release_interrupt()
  return code
end

return command

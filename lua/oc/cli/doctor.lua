--- `oc-leads doctor`: is the service set up right? Prints what the checks of
-- oc.doctor found, and which flag or variable to set.

local core = require "oc.core"
local doctor = require "oc.doctor"
local flags = require "oc.cli.flags"
local messages = require "oc.cli.messages"
local oc = require "oc"
local options = require "oc.options"
local progress = require "oc.cli.progress"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"
local transcript = require "oc.doctor.transcript"
local width = require "oc.width"

local command = {}

local EXIT_FAILED = 1
local EXIT_USAGE = 2
local EXIT_BROKEN_PIPE = 141 -- as of a process that SIGPIPE ended
local COLUMNS, NARROWEST = 100, 60

local page_size = {
  {name = "page_size", type = "integer", default = doctor.LARGEST_PAGE, min = 1, max = doctor.LARGEST_PAGE,
    flag = "page-size", help = "leads to ask for in the large page"},
}

function command.describe(parser)
  parser:summary "Check address, TLS, token, clock and pages of a service, and say what to set."
  parser:epilog(([[
It asks for leads as list does, a few at a time and once for a large page: ten requests or fewer
when all is well, never more than %d, each within the timeouts. It never sends checkOnline.

Credentials come from the environment (OC_TOKEN, or OC_TENANT_ID, OC_CLIENT_ID,
OC_CLIENT_SECRET and OC_SCOPE) or from --token-file, never from flags.

Exit status: 0 nothing failed, though there may be warnings; 1 something failed; 2 wrong usage;
130 interrupted.

Examples:
  oc-leads doctor --base-url https://sp.example.com/tenantui
  oc-leads doctor --page-size 2000 --report doctor.txt]]):format(doctor.MOST_REQUESTS))
  parser:option("-f --format", "text (default) or json"):choices {"text", "json"}:argname "FORMAT":default "text"
    :show_default(false)
  parser:option("--report", "write what was asked and how it was answered to FILE, without hosts, tokens, ids "
    .. "and any value of a lead"):argname "FILE"
  parser:option("--token-file", "read the bearer token from FILE, which nobody else may read"):argname "FILE"
  parser:flag("-v --verbose", "say on standard error what happens")
  parser:option("--log-file", "append what happens to FILE, with times"):argname "FILE"
  flags.add(parser, page_size)
  flags.add(parser, options.client)
end

-- An option that is to be set, as flag and as variable.
local function option_to_set(entry)
  for _, list in ipairs {options.client, options.leads} do
    for _, option in ipairs(list) do
      if option.name == entry.name then return flags.name_of(option.name), option.env end
    end
  end
  return nil, entry.env
end

local function words_to_set(entry)
  local flag, variable = option_to_set(entry)
  if entry.value == nil then return variable end
  if not variable then return flags.word(flag, entry.value) end
  return flags.word(flag, entry.value) .. " or " .. flags.assignment(variable, entry.value)
end

local LEFT = ("%-8s %-13s "):format("", "")

-- What was found, why or what to do, what to set: each begins on a line of its own.
local function parts_of(finding)
  local parts, hint, set = {finding.found}, finding.hint, finding.set or {}
  -- without a value, the hint is about what it is to be
  if #set == 1 and set[1].value == nil and hint then
    return {finding.found, ("set %s: %s"):format(words_to_set(set[1]), hint)}
  end
  parts[2] = hint
  for _, entry in ipairs(set) do parts[#parts + 1] = "set " .. words_to_set(entry) end
  return parts
end

local function as_text(finding, columns)
  local left, lines = ("%-8s %-13s "):format(finding.status, finding.title), {}
  for _, part in ipairs(parts_of(finding)) do
    for _, line in ipairs(width.wrap(width.clean(part), math.max(columns, NARROWEST) - #LEFT)) do
      lines[#lines + 1] = left .. line .. "\n"
      left = LEFT
    end
  end
  return table.concat(lines)
end

local function as_json(result)
  local checks = oc.array()
  for i, finding in ipairs(result.findings) do
    local set = oc.array()
    for k, entry in ipairs(finding.set or {}) do
      local flag, variable = option_to_set(entry)
      set[k] = {flag = flag, environment = variable, value = entry.value}
    end
    checks[i] = {id = finding.id, status = finding.status, found = finding.found, hint = finding.hint, set = set}
  end
  return oc.encode {ok = result.ok, requests = result.requests, checks = checks} .. "\n"
end

local function columns_of(terminal)
  if terminal and terminal > 0 then return terminal end
  return tonumber((os.getenv "COLUMNS" or ""):match "^%d+$") or COLUMNS
end

-- Everything that can be wrong before the first request: a run | nil, err.
local function prepare(parsed, say)
  local run, err = {say = say, parsed = parsed, out = sink.stdout(), columns = columns_of(core.terminal(1))}
  run.given, err = settings.client(parsed)
  if not run.given then return nil, err end
  run.given.log = function(level, event, fields) say:log(level, event, fields) end
  if parsed.report == "" then return settings.usage "--report: a file name expected" end
  if not parsed.report then return run end
  run.report, err = sink.file(parsed.report)
  if not run.report then return nil, err end
  return run
end

-- A line on the terminal while a check goes on, gone when there is more to say.
local function show_progress(run)
  if not core.terminal(2) or os.getenv "TERM" == "dumb" then return end
  local shown = false
  local function clear()
    if shown then core.write(2, "\r\27[K") end
    shown = false
  end
  run.say.before, run.out.before = clear, clear
  function run.on_check(title)
    clear()
    shown = core.write(2, "checking: " .. title)
  end
end

local function tell_request(run, record, client_settings)
  local stats, err = record.stats or {}, record.err
  local text = ("%s -> %s, %.0f bytes, %.2f s"):format(transcript.request(record, client_settings),
    record.status and "HTTP " .. record.status or err and err.kind or "nothing", stats.bytes or 0, stats.elapsed_s or 0)
  if run.parsed.verbose then
    run.say:say(text)
  else
    run.say:note(text)
  end
end

-- Prints each line when it is known: a check may take minutes.
local function examine(run)
  local function show(finding)
    if run.parsed.format ~= "text" then return end
    run.out:add(as_text(finding, run.columns))
    run.out:flush()
  end
  return settings.checked(doctor.examine, run.given, {
    page_size = run.parsed.page_size, on_finding = show, on_check = run.on_check,
    on_request = function(record, client_settings) tell_request(run, record, client_settings) end,
    name_option = function(name) return name == "auth" and "--token-file" or flags.name_of(name) end,
  })
end

local function summary(result)
  local counts = {fail = 0, warn = 0, unknown = 0}
  for _, finding in ipairs(result.findings) do counts[finding.status] = (counts[finding.status] or 0) + 1 end
  return ("%d failed, %s, %d unknown, %d not checked; %s"):format(counts.fail, progress.counted(counts.warn, "warning"),
    counts.unknown, counts.skipped or 0, progress.counted(result.requests, "request"))
end

-- true | nil, err
local function write_out(run, result)
  if run.parsed.format == "json" then run.out:add(as_json(result)) end
  local ok, err = run.out:finish()
  if not ok then return nil, err end
  if not run.report then return true end
  run.report:add(transcript.write(result, core.time()))
  return run.report:finish()
end

-- No result, or one that could not be written.
local function stop(run, err)
  if run.report then run.report:stop() end
  if err.broken_pipe then return EXIT_BROKEN_PIPE end -- nobody is there to be told
  local signal = err.kind == "cancelled" and core.interrupted()
  if signal then
    run.say:say("interrupted, with checks left to do", "warn")
    return 128 + signal
  end
  if err.kind == "options" then
    run.say:say(err.message, "error")
    return EXIT_USAGE
  end
  run.say:fail(err)
  return EXIT_FAILED
end

local function examine_and_write(run)
  local result, err = examine(run)
  if not result then return stop(run, err) end
  local ok
  ok, err = write_out(run, result)
  if not ok then return stop(run, err) end
  if run.parsed.verbose or core.terminal(2) then
    run.say:say(summary(result))
  else
    run.say:note(summary(result))
  end
  return result.ok and 0 or EXIT_FAILED
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  local say, err = messages.new {verbose = parsed.verbose, log_file = parsed.log_file}
  if not say then
    core.write(2, "oc-leads: " .. err.message .. "\n")
    return EXIT_FAILED
  end
  local run, code
  run, err = prepare(parsed, say)
  if run then
    show_progress(run)
    code = examine_and_write(run)
  else
    say:say(err.message, "error")
    code = err.kind == "options" and EXIT_USAGE or EXIT_FAILED
  end
  say:close()
  core.release_interrupt()
  return code
end

return command

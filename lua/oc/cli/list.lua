--- `oc-leads list`: all leads of the service, as data on standard output or in a file.
--
-- The run that can be stopped anywhere and continued: a lead counts for the resume
-- token only when its bytes are out.

local core = require "oc.core"
local flags = require "oc.cli.flags"
local messages = require "oc.cli.messages"
local oc = require "oc"
local options = require "oc.options"
local output = require "oc.cli.output"
local progress = require "oc.cli.progress"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"
local token = require "oc.cli.token"

local command = {}

local EXIT_FAILED = 1
local EXIT_USAGE = 2
local EXIT_CUT = 3
local EXIT_BROKEN_PIPE = 141 -- as of a process that SIGPIPE ended
local TERMINAL_COLUMNS, OTHER_COLUMNS = 80, 120

function command.describe(parser)
  parser:summary "Print all leads of the service."
  parser:epilog [[
Credentials come from the environment (OC_TOKEN, or OC_TENANT_ID, OC_CLIENT_ID,
OC_CLIENT_SECRET and OC_SCOPE) or from --token-file, never from flags.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 cut by the default --max-pages;
130 interrupted.

Examples:
  oc-leads list --base-url https://sp.example.com/tenantui
  oc-leads list --max-pages all --output leads.ndjson
  oc-leads list --where 'status == "Active" and empty(civicAddresses)' --select id,tenantId -f csv
  oc-leads list --ms-tenant-id 2aa6292d-f096-4445-a0b3-ae6783d1b47b --check-online -f json]]
  parser:option("-f --format", "ndjson, json, table or csv (default: table on a terminal, else ndjson)")
    :choices(output.formats):argname "FORMAT"
  parser:option("-o --output", "write to FILE, whole or not at all; a stopped run leaves FILE.part"):argname "FILE"
  parser:option("--resume", "go on where a stopped run printed TOKEN; with --output it continues FILE.part")
    :argname "TOKEN"
  parser:option("--token-file", "read the bearer token from FILE, which nobody else may read"):argname "FILE"
  parser:flag("-v --verbose", "say on standard error what happens")
  parser:option("--log-file", "append what happens to FILE, with times"):argname "FILE"
  flags.add(parser, options.leads)
  flags.add(parser, options.client)
end

local function new_client(run)
  local given, err = settings.client(run.parsed)
  if not given then return nil, err end
  given.log = function(level, event, fields)
    if event ~= "cut_by_max_pages" then run.say:log(level, event, fields) end -- said better at the end
  end
  -- All leads of the page are in the sink: who reads them need not wait for the next.
  given.on_page = function()
    if run.progress then run.progress:page() end
    run.sink:flush()
  end
  given.on_retry = function(info) if run.progress then run.progress:retry(info) end end
  return settings.checked(oc.client, given)
end

local function table_columns(terminal)
  local told = tonumber((os.getenv "COLUMNS" or ""):match "^%d+$" or 0)
  if terminal and terminal > 0 then return terminal end
  if told > 0 then return told end
  return terminal and TERMINAL_COLUMNS or OTHER_COLUMNS
end

-- Everything that can be wrong before the first request: a run | nil, err.
local function prepare(parsed, say)
  local run = {say = say, parsed = parsed, terminal = os.getenv "TERM" ~= "dumb" and core.terminal(2)}
  local resume, part_bytes, err
  if parsed.output == "" then return settings.usage "--output: a file name expected" end
  if parsed.resume then
    resume, part_bytes = token.read(parsed.resume)
    if not resume then return nil, part_bytes end
  end
  run.to_terminal = not parsed.output and core.terminal(1)
  run.columns = table_columns(run.to_terminal)
  run.format = parsed.format or (run.to_terminal and "table" or "ndjson")
  if parsed.output and (part_bytes or 0) > 0 and not output.continues(run.format) then
    return settings.usage(("--resume: only ndjson can be continued in a file, not %s"):format(run.format))
  end
  if parsed.output and resume and not part_bytes and core.file_mode(parsed.output) then
    return settings.usage(("--output %s: it is there, and the rest of a run would replace it; give another name")
      :format(parsed.output))
  end
  run.client, err = new_client(run)
  if not run.client then return nil, err end
  local leads_options = flags.given(options.leads, parsed)
  leads_options.resume, run.paths = resume, leads_options.select
  if output.is_raw(run.format) then
    leads_options.raw, leads_options.nulls = not run.paths, "null"
  else
    leads_options.select = run.paths or output.fields(run.format)
  end
  run.leads, err = settings.checked(run.client.leads, run.client, leads_options)
  if not run.leads then return nil, err end
  if not parsed.output then
    run.sink = sink.stdout()
    return run
  end
  run.sink, err = sink.file(parsed.output, part_bytes)
  if not run.sink then return nil, err end
  return run
end

local function show_progress(run)
  if not run.terminal then return end
  local columns = run.terminal > 0 and run.terminal or TERMINAL_COLUMNS
  run.progress = progress.new(function(text) core.write(2, text) end, columns, core.now)
  run.say.before = function() run.progress:clear() end
  if run.to_terminal then run.sink.before = run.say.before end -- data comes to the same place
end

-- Remembers, whenever bytes are out, where a run would go on behind them.
local function keep_place(run)
  local function keep() run.place, run.place_bytes = run.leads:resume(), run.sink.written end
  keep()
  run.first_page = run.place.page
  run.sink.after = keep
end

-- All leads into the format: true | nil, err; or the signal that stopped it.
local function write_all(run)
  local out, leads, n = output.new(run.format, run.sink, run.columns, run.paths), run.leads, 0
  run.out = out
  while true do
    local lead, err = leads:next()
    if not lead then
      if err and err.kind == "cancelled" and core.interrupted() then return nil, nil, core.interrupted() end
      if err then return nil, err end
      -- cut: the file is not all there is, so it does not end as if it were
      if leads:result().stop_reason == "max_pages" and leads.default_max_pages and run.sink.part then
        return out:flush()
      end
      return out:finish()
    end
    n = n + 1
    local ok, fault = out:lead(lead)
    if not ok then return nil, fault end
    if run.progress then run.progress:update(n) end
    local signal = core.interrupted()
    if signal then return nil, nil, signal end
  end
end

-- The flags that the command which continues this run has, too.
local function words_to_repeat(parsed, leads_options)
  local words = flags.words(options.client, flags.given(options.client, parsed))
  for _, option in ipairs(options.leads) do
    if option.name ~= "page" and option.name ~= "page_size" then -- those are in the token
      for _, word in ipairs(flags.words({option}, leads_options)) do words[#words + 1] = word end
    end
  end
  for _, name in ipairs {"format", "token_file", "log_file"} do
    if parsed[name] then words[#words + 1] = flags.word("--" .. name:gsub("_", "-"), parsed[name]) end
  end
  if parsed.verbose then words[#words + 1] = "--verbose" end
  return words
end

-- The command that continues the run, in the same file if that can be continued.
-- `counts`: limit and max_pages, if they are to differ.
local function say_resume(run, what, counts)
  local place = run.place
  if not place or place.skip == 0 then return end -- nothing came: there is nothing to go on from
  local leads_options = flags.given(options.leads, run.parsed)
  for name, count in pairs(counts) do leads_options[name] = count end
  local words, in_file = words_to_repeat(run.parsed, leads_options), run.sink.part and output.continues(run.format)
  if in_file then words[#words + 1] = flags.word("--output", run.sink.path) end
  words[#words + 1] = flags.word("--resume", token.write(place, in_file and run.place_bytes or nil))
  run.say:say(what .. ": " .. flags.program() .. " list " .. table.concat(words, " "))
end

-- What is left of the counts that were given as flags.
local function counts_left(run, result)
  local limit, max_pages = run.parsed.limit, run.parsed.max_pages
  local pages = run.place and run.place.page - run.first_page or 0
  return {
    limit = limit and math.max(limit - result.matched, 1),
    max_pages = max_pages and math.max(max_pages - pages, 1),
  }
end

-- Nothing came at all: as likely as not something is set wrong, and the doctor says what.
local DOCTOR_KNOWS = {network = true, tls = true, timeout = true, auth = true, http = true, json = true, shape = true}

local function say_doctor(run, err)
  if not DOCTOR_KNOWS[err.kind] or run.parsed.resume or run.leads:result().leads > 0 then return end
  local words = flags.words(options.client, flags.given(options.client, run.parsed))
  if run.parsed.token_file then words[#words + 1] = flags.word("--token-file", run.parsed.token_file) end
  run.say:say(table.concat({"to find out what is wrong:", flags.program(), "doctor", table.concat(words, " ")}, " "))
end

-- The run stopped early: what came stays in FILE.part.
local function stop(run, err, signal)
  if not run.sink.failed then run.out:flush() end
  local part, fault = run.sink:stop()
  run.leads:close()
  if run.progress then run.progress:clear() end
  err = err or fault
  if err and err.broken_pipe then return EXIT_BROKEN_PIPE end -- nobody is there to be told
  if err then run.say:fail(err) end
  if fault and fault ~= err then run.say:fail(fault) end
  if err and not fault and not signal then say_doctor(run, err) end
  local result = run.leads:result()
  if signal then run.say:say("interrupted after " .. progress.counted(result.matched, "lead"), "warn") end
  if part then run.say:say("what came so far is in " .. part) end
  -- Of what failed half written, only a file can be cut back to the place.
  if not run.sink.failed or part then say_resume(run, "resume with", counts_left(run, result)) end
  return not fault and signal and 128 + signal or EXIT_FAILED
end

local function summary(result)
  local text = ("%s, %s, %.1f s"):format(progress.counted(result.matched, "lead"),
    progress.counted(result.pages, "page"), result.elapsed_s)
  if result.duplicates > 0 then
    text = ("%s, %s left out"):format(text, progress.counted(result.duplicates, "duplicate"))
  end
  if result.late > 0 then text = ("%s, %s found by --verify"):format(text, progress.grouped(result.late)) end
  return text
end

local function done(run)
  local result = run.leads:result()
  local cut = result.stop_reason == "max_pages" and run.leads.default_max_pages
  local part, err, _
  if cut and run.sink.part then
    part, err = run.sink:stop()
  else
    _, err = run.sink:finish()
  end
  if err then return stop(run, err) end
  run.place = result.resume
  if run.progress then run.progress:clear() end
  if run.parsed.verbose or run.terminal then
    run.say:say(summary(result))
  else
    run.say:note(summary(result))
  end
  if not cut then return 0 end
  run.say:say(("stopped at the default of %s; there may be more leads: --max-pages all reads every page")
    :format(progress.counted(result.pages, "page")), "warn")
  if part then run.say:say("what came so far is in " .. part) end
  local counts = counts_left(run, result)
  counts.max_pages = math.huge
  say_resume(run, "the rest comes with", counts)
  return EXIT_CUT
end

local function fail_early(say, err)
  for line in err.message:gmatch "[^\n]+" do say:say(line, "error") end -- a filter's fault shows where
  say:close()
  return err.kind == "options" and EXIT_USAGE or EXIT_FAILED
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
  local run
  run, err = prepare(parsed, say)
  if not run then return fail_early(say, err) end
  show_progress(run)
  keep_place(run)
  local ok, why, signal = write_all(run)
  local code = ok and done(run) or stop(run, why, signal)
  run.client:close()
  say:close()
  core.release_interrupt()
  return code
end

return command

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
local secrets = require "oc.cli.secrets"
local sink = require "oc.cli.sink"
local token = require "oc.cli.token"

local command = {}

local EXIT_CUT = 3
local COLUMNS_WITHOUT_TERMINAL = 120

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
  oc-leads list --ms-tenant-id 2aa6292d-f096-4445-a0b3-ae6783d1b47b --check-online -f json]]
  parser:option("-f --format", "ndjson, json or table (default: table on a terminal, else ndjson)")
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

-- What a program would have got wrong is here a wrong flag: without the place in
-- the code, and by the name of the flag.
local function usage_fault(raised)
  if oc.is_error(raised) then return raised.message end
  local text = tostring(raised):gsub("^[^:]*:%d+: ", ""):gsub("^oc%.client: ", ""):gsub("^leads: ", "")
  return (text:gsub("option '([%w_]+)':?", flags.name_of))
end

-- Calls what raises for wrong options: values | nil, fault.
local function checked(f, ...)
  local ok, value, err = pcall(f, ...)
  if not ok then return nil, usage_fault(value) end
  if value == nil then return nil, usage_fault(err) end
  return value
end

-- The flags that the command which continues this run has, too.
local function words_to_repeat(parsed, client_options, leads_options)
  local words = flags.words(options.client, client_options)
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

-- Everything that can be wrong before the first request: a run | nil, fault.
local function prepare(parsed, say)
  local run = {say = say, terminal = core.terminal(2)}
  local resume, part_bytes
  if parsed.resume then
    resume, part_bytes = token.read(parsed.resume)
    if not resume then return nil, part_bytes.message end
  end
  if parsed.output == "" then return nil, "--output: a file name expected" end
  local to_terminal = not parsed.output and core.terminal(1)
  run.to_terminal = to_terminal
  run.format = parsed.format or (to_terminal and "table" or "ndjson")
  if parsed.output and (part_bytes or 0) > 0 and not output.continues(run.format) then
    return nil, ("--resume: only ndjson can be continued in a file, not %s"):format(run.format)
  end
  if parsed.output and resume and not part_bytes and core.file_mode(parsed.output) then
    return nil, ("--output %s: it is there, and the rest of a run would replace it; give another name")
      :format(parsed.output)
  end
  local client_options, leads_options = flags.given(options.client, parsed), flags.given(options.leads, parsed)
  run.words = words_to_repeat(parsed, client_options, leads_options)
  local fault
  if parsed.token_file then
    client_options.auth, fault = secrets.token_file(parsed.token_file)
    if fault then return nil, fault end
  end
  client_options.log = function(level, event, fields)
    if event ~= "cut_by_max_pages" then say:log(level, event, fields) end -- said better at the end
  end
  client_options.on_page = function() if run.progress then run.progress:page() end end
  client_options.on_retry = function(info) if run.progress then run.progress:retry(info) end end
  run.client, fault = checked(oc.client, client_options)
  if not run.client then return nil, fault end
  leads_options.resume, leads_options.raw = resume, output.is_raw(run.format)
  run.leads, fault = checked(run.client.leads, run.client, leads_options)
  if not run.leads then return nil, fault end
  run.columns = to_terminal and to_terminal > 0 and to_terminal or tonumber(os.getenv "COLUMNS" or "")
    or COLUMNS_WITHOUT_TERMINAL
  local err
  if parsed.output then
    run.sink, err = sink.file(parsed.output, part_bytes)
  else
    run.sink = sink.stdout()
  end
  if not run.sink then return nil, err.message, err.kind == "io" end
  return run
end

local function show_progress(run)
  if not run.terminal then return end
  run.progress = progress.new(function(text) core.write(2, text) end, run.terminal > 0 and run.terminal or 80, core.now)
  run.say.before = function() run.progress:clear() end
  if run.to_terminal then run.sink.before = run.say.before end -- data comes to the same place
end

-- Remembers, whenever bytes are out, where a run would go on behind them.
local function keep_place(run)
  local function keep() run.place, run.place_bytes = run.leads:resume(), run.sink.written end
  keep()
  run.sink.after = keep
end

-- All leads into the format: true | nil, err; or the signal that stopped it.
local function write_all(run)
  local out, leads, n = output.new(run.format, run.sink, run.columns), run.leads, 0
  run.out = out
  while true do
    local lead, err = leads:next()
    if not lead then
      if err and err.kind == "cancelled" then return nil, nil, core.interrupted() or 2 end
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

-- The command that continues the run, in the same file if that can be continued.
local function say_resume(run, what, more)
  local place = run.place
  if not place or place.skip == 0 then return end -- nothing came: there is nothing to go on from
  local words, in_file = {"oc-leads", "list"}, run.sink.part and output.continues(run.format)
  for _, word in ipairs(run.words) do words[#words + 1] = word end
  words[#words + 1] = more
  if in_file then words[#words + 1] = flags.word("--output", run.sink.path) end
  words[#words + 1] = flags.word("--resume", token.write(place, in_file and run.place_bytes or nil))
  run.say:say(what .. ": " .. table.concat(words, " "))
end

-- The run stopped early: what came stays in FILE.part.
local function stop(run, err, signal)
  if not (err and err.kind == "io") then run.out:flush() end
  local part, fault = run.sink:stop()
  run.leads:close()
  if err and err.broken_pipe then return 141 end -- as if by the signal: nobody is there to be told
  if err then run.say:fail(err) end
  if fault and fault ~= err then run.say:fail(fault) end
  if signal then
    run.say:say(("interrupted after %s"):format(progress.counted(run.leads:result().matched, "lead")), "warn")
  end
  if part then run.say:say("what came so far is in " .. part) end
  say_resume(run, "resume with")
  return signal and 128 + signal or 1
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

local function done(run, verbose)
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
  if verbose or run.terminal then run.say:say(summary(result)) end
  if not cut then return 0 end
  run.say:say(("stopped at the default of %s; there may be more leads: --max-pages all reads every page")
    :format(progress.counted(result.pages, "page")), "warn")
  if part then run.say:say("what came so far is in " .. part) end
  say_resume(run, "the rest comes with", "--max-pages all")
  return EXIT_CUT
end

function command.run(parsed)
  local say, err = messages.new {verbose = parsed.verbose, log_file = parsed.log_file}
  if not say then
    core.write(2, "oc-leads: " .. err.message .. "\n")
    return 1
  end
  local run, fault, failed = prepare(parsed, say)
  if not run then
    say:say(fault, "error")
    say:close()
    return failed and 1 or 2
  end
  show_progress(run)
  keep_place(run)
  local ok, why, signal = write_all(run)
  local code
  if ok then code = done(run, parsed.verbose) else code = stop(run, why, signal) end
  run.client:close()
  say:close()
  core.release_interrupt()
  return code
end

return command

--- `oc-leads list`: all leads of the service, as data on standard output or in a file.
--
-- The run that can be stopped anywhere and continued: a lead counts for the resume
-- token only when its bytes are out.

local columns = require "oc.cli.columns"
local core = require "oc.core"
local files = require "oc.cli.files"
local flags = require "oc.cli.flags"
local input = require "oc.cli.input"
local messages = require "oc.cli.messages"
local options = require "oc.options"
local output = require "oc.cli.output"
local progress = require "oc.cli.progress"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"
local snapshot_out = require "oc.cli.snapshot_out"
local token = require "oc.cli.token"

local command = {}

local EXIT_FAILED = 1
local EXIT_CUT = 3
local EXIT_BROKEN_PIPE = 141 -- as of a process that SIGPIPE ended

function command.describe(parser)
  parser:summary "Print all leads of the service, or of a file."
  parser:epilog [[
Credentials come from the environment (OC_TOKEN, or OC_TENANT_ID, OC_CLIENT_ID,
OC_CLIENT_SECRET and OC_SCOPE) or from --token-file, never from flags.

Exit status: 0 done; 1 failed; 2 wrong usage; 3 cut by the default --max-pages;
130 interrupted.

Examples:
  oc-leads list --base-url https://sp.example.com/tenantui
  oc-leads list --max-pages all --output leads.ndjson
  oc-leads list --max-pages all --snapshot --output monday.ndjson
  oc-leads list --where 'status == "Active" and empty(civicAddresses)' --select id,tenantId -f csv
  oc-leads list --from leads.ndjson.gz --where isDirectLead -f csv -o direct.csv
  oc-leads list --ms-tenant-id 2aa6292d-f096-4445-a0b3-ae6783d1b47b --check-online -f json]]
  parser:option("-f --format", "ndjson, json, table or csv (default: table on a terminal, else ndjson)")
    :choices(output.formats):argname "FORMAT"
  parser:option("-o --output", "write to FILE, whole or not at all; a stopped run leaves FILE.part"):argname "FILE"
  parser:flag("--snapshot", "write ndjson that says when and from where it is, and whether it is all: for diff")
  parser:option("--resume", "go on where a stopped run printed TOKEN; with --output it continues FILE.part")
    :argname "TOKEN"
  input.describe(parser)
end

-- What is wanted of the service. JSON takes the leads' own text, a table and CSV some of their fields.
local function wanted_by(run, resume)
  -- All leads of the page are in the sink: who reads them need not wait for the next.
  local wanted = {resume = resume, on_page = function() run.sink:flush() end}
  if output.is_raw(run.format) then
    wanted.raw = not run.paths
  else
    wanted.nulls, wanted.select = "nil", run.paths or output.fields(run.format)
  end
  return wanted
end

-- Everything that can be wrong before the first request: a run | nil, err.
local function prepare(parsed, say)
  local run = {say = say, parsed = parsed, paths = parsed.select}
  local resume, part_bytes, err
  if parsed.output == "" then return settings.usage "--output: a file name expected" end
  local apart, clash = files.check {
    {flag = "--from", path = parsed.from, reads = true},
    {flag = "--token-file", path = parsed.token_file, reads = true}, {flag = "--log-file", path = parsed.log_file},
    {flag = "--output", path = parsed.output, beside = ".part"},
  }
  if not apart then return nil, clash end
  for _, name in ipairs {"resume", "snapshot"} do
    if parsed.from and parsed[name] then
      return settings.usage(("--%s is for what the service says: it goes without --from"):format(name))
    end
  end
  if parsed.resume then
    resume, part_bytes = token.read(parsed.resume)
    if not resume then return nil, part_bytes end
  end
  run.format, run.to_terminal = output.choose(parsed)
  if parsed.snapshot and not parsed.format then run.format = "ndjson" end
  if parsed.output and (part_bytes or 0) > 0 and not output.continues(run.format) then
    return settings.usage(("--resume: only ndjson can be continued in a file, not %s"):format(run.format))
  end
  if parsed.output and resume and not part_bytes and core.file_mode(parsed.output) then
    return settings.usage(("--output %s: it is there, and the rest of a run would replace it; give another name")
      :format(parsed.output))
  end
  run.wanted_snapshot, err = snapshot_out.wanted(parsed, run.format, part_bytes)
  if err then return nil, err end
  run.input, err = input.open(parsed, say, wanted_by(run, resume))
  if not run.input then return nil, err end
  run.leads = run.input.leads
  if not parsed.output then
    run.sink = sink.stdout()
    return run
  end
  run.sink, err = sink.file(parsed.output, part_bytes)
  if not run.sink then return nil, err end
  return run
end

-- Remembers, whenever bytes are out, where a run would go on behind them.
local function keep_place(run)
  if not run.leads then return end -- a file is read again from its beginning
  local function keep() run.place, run.place_bytes = run.leads:resume(), run.sink.written end
  keep()
  run.first_page = run.place.page
  run.sink.after = keep
end

-- All leads into the format: true | nil, err; or the signal that stopped it.
local function write_all(run)
  local out = run.wanted_snapshot and snapshot_out.new(run)
    or output.new(run.format, run.sink, output.room(run.to_terminal), run.paths and columns.of(run.paths))
  run.out = out
  while true do
    local lead, err = run.input:next()
    if not lead then
      if err and err.kind == "cancelled" and core.interrupted() then return nil, nil, core.interrupted() end
      if err then return nil, err end
      -- cut: the file is not all there is, so it does not end as if it were
      if run.sink.part and run.input:is_cut() then return out:flush() end
      return out:finish()
    end
    local ok, fault = out:add(lead)
    if not ok then return nil, fault end
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
  for _, name in ipairs {"format", "profile", "token_file", "log_file"} do
    if parsed[name] then words[#words + 1] = flags.word("--" .. name:gsub("_", "-"), parsed[name]) end
  end
  if parsed.verbose then words[#words + 1] = "--verbose" end
  if parsed.snapshot then words[#words + 1] = "--snapshot" end
  return words
end

-- The command that continues the run, in the same file if that can be continued.
-- `counts`: limit and max_pages, if they are to differ.
local function say_resume(run, what, counts)
  local place = run.place
  if not place or place.skip == 0 then return end -- nothing came: there is nothing to go on from
  if run.wanted_snapshot and not run.sink.part then return end -- the rest of a snapshot is none
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

-- The run stopped early: what came stays in FILE.part.
local function stop(run, err, signal)
  if not run.sink.failed then run.out:flush() end
  local part, fault = run.sink:stop()
  if run.leads then run.leads:close() end
  run.input:clear_progress()
  err = err or fault
  if err and err.broken_pipe then return EXIT_BROKEN_PIPE end -- nobody is there to be told
  if err then run.say:fail(err) end
  if fault and fault ~= err then run.say:fail(fault) end
  if err and not fault and not signal then run.input:say_doctor(err) end
  local result = run.input:result()
  if signal then run.say:say("interrupted after " .. progress.counted(result.matched, "lead"), "warn") end
  if part then run.say:say("what came so far is in " .. part) end
  -- Of what failed half written, only a file can be cut back to the place.
  if not run.sink.failed or part then say_resume(run, "resume with", counts_left(run, result)) end
  return not fault and signal and 128 + signal or EXIT_FAILED
end

local function summary(result)
  local pages = result.pages and progress.counted(result.pages, "page") .. ", " or ""
  local text = ("%s, %s%.1f s"):format(progress.counted(result.matched, "lead"), pages, result.elapsed_s)
  if (result.duplicates or 0) > 0 then
    text = ("%s, %s left out"):format(text, progress.counted(result.duplicates, "duplicate"))
  end
  if (result.late or 0) > 0 then text = ("%s, %s found by --verify"):format(text, progress.grouped(result.late)) end
  return text
end

local function done(run)
  local result, cut = run.input:result(), run.input:is_cut()
  local part, err, _
  if cut and run.sink.part then
    part, err = run.sink:stop()
  else
    _, err = run.sink:finish()
  end
  if err then return stop(run, err) end
  run.place = result.resume
  run.input:clear_progress()
  if run.parsed.verbose or run.input.terminal then
    run.say:say(summary(result))
  else
    run.say:note(summary(result))
  end
  if not cut then return 0 end
  run.input:say_cut()
  if part then run.say:say("what came so far is in " .. part) end
  local counts = counts_left(run, result)
  counts.max_pages = math.huge
  say_resume(run, "the rest comes with", counts)
  return EXIT_CUT
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  local say, status = messages.of(parsed)
  if not say then return status end
  local run, err = prepare(parsed, say)
  if not run then return say:refuse(err) end
  run.input:show_progress(run.sink, run.to_terminal)
  keep_place(run)
  local ok, why, signal = write_all(run)
  local code = ok and done(run) or stop(run, why, signal)
  run.input:close()
  say:close()
  core.release_interrupt()
  return code
end

return command

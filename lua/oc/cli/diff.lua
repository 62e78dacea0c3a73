--- `oc-leads diff OLD NEW`: what has changed between two fetches, a line a difference.
--
-- Knows where the two come from and how a run ends; what a difference is, is the business of oc.report.diff.

local columns = require "oc.cli.columns"
local core = require "oc.core"
local diff = require "oc.report.diff"
local errors = require "oc.errors"
local files = require "oc.cli.files"
local flags = require "oc.cli.flags"
local input = require "oc.cli.input"
local messages = require "oc.cli.messages"
local oc = require "oc"
local options = require "oc.options"
local output = require "oc.cli.output"
local progress = require "oc.cli.progress"
local render = require "oc.report.render"
local settings = require "oc.cli.settings"
local sink = require "oc.cli.sink"
local values = require "oc.civic.values"

local command = {}

local EXIT_CUT = 3
local EXIT_FINDINGS = 5

local function column(title, field, least, whole)
  return {title = title, least = least, whole = whole, value = function(row) return row[field] end}
end

---@type oc.cli.Column[]
local COLUMNS = {
  column("CHANGE", "change", 7), column("COMPANY", "company", 8), column("TENANT ID", "tenantId", 36),
  column("FIELD", "field", 20), column("OLD", "old", 10), column("NEW", "new", 10, true),
}
local FIELDS = {"change", "company", "tenantId", "leadId", "path", "address", "old", "new"}

-- Pages to send on are those of reports.
local PAGES = {markdown = true, html = true}
local FORMATS = {"ndjson", "json", "table", "csv", "markdown", "html"}

-- What a comparison is not asked: which leads, since what only one side was asked for would look new or gone.
local NOT_HERE = {select = true, resume = true, where = true, limit = true, page = true}

function command.describe(parser)
  parser:summary "Say what has changed between two fetches."
  parser:epilog [[
OLD and NEW are files: snapshots of list --snapshot, or JSON or NDJSON of leads; packed by gzip or
not; - is standard input. NEW may be the word live: then the service is read, by the flags of list.
A snapshot says whether it is all; what is not all there makes nothing removed.

Credentials come from the environment (OC_TOKEN, or OC_TENANT_ID, OC_CLIENT_ID,
OC_CLIENT_SECRET and OC_SCOPE) or from --token-file, never from flags.

Exit status: 0 done, whatever changed; 1 failed; 2 wrong usage; 3 cut by the default
--max-pages; 5 with --check, something changed; 130 interrupted.

Examples:
  oc-leads list --max-pages all --snapshot --output monday.ndjson
  oc-leads diff monday.ndjson live --max-pages all
  oc-leads diff monday.ndjson.gz tuesday.ndjson.gz --ignore lastModifiedOn --ignore contacts
  oc-leads diff old.ndjson new.ndjson --only status --check -f csv -o changes.csv]]
  parser:argument("old", "a file of leads, - for standard input"):args(1)
  parser:argument("new", "likewise, or live: the service"):args(1)
  parser:flag("--check", "exit with 5 when something changed")
  parser:option("--ignore", "leave out changes of the field PATH and what is within it"):argname "PATH":count "*"
  parser:option("--only", "tell changes of the field PATH alone, besides leads added and removed"):argname "PATH"
    :count "*"
  parser:option("-f --format",
    "ndjson, json, table, csv, markdown or html (default: table on a terminal, else ndjson)")
    :choices(FORMATS):argname "FORMAT"
  parser:option("-o --output", "write to FILE, whole or not at all"):argname "FILE"
  parser:option("--pii", "show or mask personal data in markdown and html (default: mask)"):choices {"show", "mask"}
    :argname "show|mask"
  input.describe_service(parser, NOT_HERE)
end

-- --- where the leads come from -----------------------------------------------------------

local function check_words(parsed)
  for _, name in ipairs {"old", "new", "output"} do
    if parsed[name] == "" then
      return settings.usage(("%s: a file name expected"):format(name == "output" and "--output" or name:upper()))
    end
  end
  if parsed.old == "live" then return settings.usage "OLD: only NEW can be live; a file of that name is ./live" end
  if parsed.old == "-" and parsed.new == "-" then return settings.usage "only one of OLD and NEW can be -" end
  if parsed.new ~= "live" then
    local name = next(flags.given(options.leads, parsed)) -- of a profile there are none then
    if name then return settings.usage(("%s asks the service: it goes with live"):format(flags.name_of(name))) end
  end
  for _, name in ipairs {"ignore", "only"} do
    for _, path in ipairs(parsed[name]) do
      if path == "" then return settings.usage(("--%s: a path expected"):format(name)) end
    end
  end
  return true
end

-- The flags of one side alone: a file, or the service, asked what the old snapshot had been asked.
local function flags_of(parsed, path, header)
  local given = {}
  for name, value in pairs(parsed) do
    if not NOT_HERE[name] then given[name] = value end -- a profile may have them
  end
  if path ~= "live" then
    for _, option in ipairs(options.leads) do given[option.name] = nil end
    given.from = path
  elseif header then
    given.where = header.where
    given.ms_tenant_id = given.ms_tenant_id or header.ms_tenant_id
  end
  return given
end

-- What a snapshot says in its first line | false: it is none | nil, err. A file that was cut to nothing is no list of
-- no leads.
local function header_of(opened)
  local file = opened.source
  local ok, err = file:begin()
  if not ok then return nil, err end
  if file.empty then
    return nil, errors.new("shape", ("cannot read %s: it is empty; of a service without leads there is a snapshot "
      .. "(oc-leads list --snapshot)"):format(file.name))
  end
  return file.snapshot and file.snapshot.header or false
end

local function open_side(run, path, old_header)
  local opened, err = input.open(flags_of(run.parsed, path, old_header), run.say, {nulls = "nil"})
  if not opened then return nil, err end
  run.opened[#run.opened + 1] = opened
  local header = {made = values.iso(core.time())}
  if opened.leads then
    header.source, header.where = opened.client.settings.origin, opened.parsed.where
    header.ms_tenant_id = opened.parsed.ms_tenant_id
    return {name = "live", input = opened, header = header, knows_all = true}
  end
  header, err = header_of(opened)
  if err then return nil, err end
  return {name = opened.source.name, input = opened, header = header or {}, knows_all = header ~= false}
end

-- A side as the report wants it.
local function source_of(run, side)
  local header, opened, begun = side.header, side.input, false
  local source = {name = side.name, made = header.made, source = header.source, where = header.where,
    ms_tenant_id = header.ms_tenant_id}
  function source.next()
    if not begun then
      begun, run.input = true, opened
      opened:show_progress(run.sink, run.to_terminal)
    end
    local lead, err = opened:next()
    if lead then return lead end
    opened:clear_progress()
    if not err and side.knows_all then source.complete = opened:result().complete end
    return nil, err
  end
  return source
end

local function open_sink(run)
  local err
  if run.parsed.output then
    run.sink, err = sink.file(run.parsed.output)
  else
    run.sink = sink.stdout()
  end
  return run.sink, err
end

-- Everything that can be wrong before the first lead: true | nil, err.
local function prepare(run)
  local parsed = run.parsed
  local ok, err = check_words(parsed)
  if not ok then return nil, err end
  local apart, clash = files.check {
    {flag = "OLD", path = parsed.old, reads = true}, {flag = "NEW", path = parsed.new, reads = true},
    {flag = "--token-file", path = parsed.token_file, reads = true}, {flag = "--log-file", path = parsed.log_file},
    {flag = "--output", path = parsed.output, beside = ".part"},
  }
  if not apart then return nil, clash end
  run.format, run.to_terminal = output.choose(parsed)
  run.old, err = open_side(run, parsed.old)
  if not run.old then return nil, err end
  run.new, err = open_side(run, parsed.new, run.old.header)
  if not run.new then return nil, err end
  return open_sink(run)
end

-- --- writing -------------------------------------------------------------------------------

local function entry(change, lead)
  local row = {change = change}
  for name, value in pairs(lead) do row[name] = value end
  return row
end

-- A line for each lead that differs.
local function lead_rows(result, add)
  for _, list in ipairs {{"added", result.added}, {"removed", result.removed}, {"changed", result.changed}} do
    for _, lead in ipairs(list[2]) do
      local ok, err = add(entry(list[1], lead))
      if not ok then return nil, err end
    end
  end
  return true
end

-- A line for each field that differs.
local function field_rows(result, add)
  return lead_rows(result, function(row)
    local shown = {change = row.uncertain and "added?" or row.change, company = row.company, tenantId = row.tenantId,
      leadId = row.id}
    if row.change ~= "changed" then
      shown[row.change == "added" and "new" or "old"] = row.status
      return add(shown)
    end
    for _, change in ipairs(row.changes) do
      shown.path, shown.address = change.path, change.address
      shown.field, shown.old, shown.new = diff.texts(change)
      local ok, err = add(shown)
      if not ok then return nil, err end
    end
    return true
  end)
end

local function write_json(run, result)
  local made = {}
  for _, name in ipairs {"complete", "old", "new", "counts"} do made[name] = result[name] end
  for _, name in ipairs {"notes", "added", "removed", "changed"} do made[name] = oc.array(result[name]) end
  return run.sink:add(oc.encode(made), "\n")
end

local function write_all(run, result)
  if run.format == "json" then return write_json(run, result) end
  if PAGES[run.format] then return run.sink:add(render.text(result, run.format, {pii = run.parsed.pii})) end
  local out = output.new(run.format, run.sink, output.room(run.to_terminal),
    run.format == "csv" and columns.of(FIELDS) or COLUMNS)
  local rows = run.format == "ndjson" and lead_rows or field_rows
  local ok, err = rows(result, function(row) return out:add(row) end)
  if not ok then return nil, err end
  return out:finish()
end

-- --- the end -------------------------------------------------------------------------------

local function fail(run, err)
  if run.input then run.input:clear_progress() end
  run.sink:stop()
  return run.say:stop(err, run.input, "interrupted before anything could be told")
end

-- "1 added, 0 removed, 2 changed, 7 unchanged"
local function summary(counts)
  local text = ("%s added, %s removed, %s changed, %s unchanged"):format(progress.grouped(counts.added),
    progress.grouped(counts.removed), progress.grouped(counts.changed), progress.grouped(counts.unchanged))
  if counts.not_seen > 0 then text = ("%s, %s not seen"):format(text, progress.grouped(counts.not_seen)) end
  return text
end

-- The first two notes say what was compared.
local function say_all(run, result)
  for i, note in ipairs(result.notes) do
    if i > 2 then
      run.say:say(note, "warn")
    elseif run.parsed.verbose then
      run.say:say(note)
    else
      run.say:note(note)
    end
  end
  run.say:say(summary(result.counts))
end

-- What a cut run found is not all there is: part | nil, err.
local function put_away(run, cut)
  if cut and run.sink.part then return run.sink:stop() end
  return nil, select(2, run.sink:finish())
end

local function done(run, result)
  local cut = run.new.input:is_cut()
  local part, err = put_away(run, cut)
  if err then return fail(run, err) end
  say_all(run, result)
  if cut then
    run.new.input:say_cut()
    if part then run.say:say("what was found so far is in " .. part) end
    return EXIT_CUT
  end
  local counts = result.counts
  return run.parsed.check and counts.added + counts.removed + counts.changed > 0 and EXIT_FINDINGS or 0
end

local function compare(run)
  local parsed = run.parsed
  local result, err = diff(source_of(run, run.old), source_of(run, run.new), {
    ignore = parsed.ignore, only = #parsed.only > 0 and parsed.only or nil,
  })
  if not result then return fail(run, err) end
  local ok
  ok, err = write_all(run, result)
  if not ok then return fail(run, err) end
  return done(run, result)
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  local say, status = messages.of(parsed)
  if not say then return status end
  local run = {say = say, parsed = parsed, opened = {}}
  local ok, err = prepare(run)
  local code = ok and compare(run)
  for _, opened in ipairs(run.opened) do opened:close() end
  if not ok then return say:refuse(err) end
  say:close()
  core.release_interrupt()
  return code
end

return command

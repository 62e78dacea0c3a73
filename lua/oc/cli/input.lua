--- Where a command's leads come from: the service, or a file (`--from`). Both give them one by one, then a result.
--
-- Knows flags, options and the progress line, not what a command does with leads.

local core = require "oc.core"
local errors = require "oc.errors"
local flags = require "oc.cli.flags"
local lead_file = require "oc.cli.lead_file"
local oc = require "oc"
local options = require "oc.options"
local progress = require "oc.cli.progress"
local settings = require "oc.cli.settings"

local input = {}

local TERMINAL_COLUMNS = 80

--- Leads for a command.
---@class oc.cli.Input
---@field leads oc.Leads|nil   the run, where they come from the service
---@field matched integer   leads that `next` gave
---@field progress oc.cli.Progress|nil   from `show_progress` on, where there is a terminal
local Input = {}
Input.__index = Input

--- What a command wants.
---@class oc.cli.Wanted
---@field select? string[]   only these fields; default: as --select says, where there is such a flag
---@field raw? boolean   of the service: each lead as its own text
---@field nulls? "nil"|"null"   default "null"
---@field resume? oc.Resume   of the service
---@field on_page? fun()   of the service: all leads of a page have been given

-- --- flags ---------------------------------------------------------------------------

local function without(list, except)
  local kept = {}
  for _, option in ipairs(list) do
    if not (except and except[option.name]) then kept[#kept + 1] = option end
  end
  return kept
end

--- Gives a command the flags of the service: those of client and leads, --token-file, and where messages go.
---@param parser table   of argparse
---@param except? table<string, boolean>   options of leads that it has no flag for
function input.describe_service(parser, except)
  parser:option("--token-file", "read the bearer token from FILE, which nobody else may read"):argname "FILE"
  parser:flag("-v --verbose", "say on standard error what happens")
  parser:option("--log-file", "append what happens to FILE, with times"):argname "FILE"
  flags.add(parser, without(options.leads, except))
  flags.add(parser, options.client)
end

--- Gives a command the flags of the service, and --from.
---@param parser table   of argparse
---@param except? table<string, boolean>   options of leads that it has no flag for
function input.describe(parser, except)
  parser:option("--from", "read leads from FILE (- is standard input) instead of the service: JSON, NDJSON, a "
    .. "snapshot; packed by gzip or not"):argname "FILE"
  input.describe_service(parser, except)
end

-- --- the service ---------------------------------------------------------------------

local function new_client(self, wanted)
  local given, err = settings.client(self.parsed)
  if not given then return nil, err end
  given.log = function(level, event, fields)
    if event ~= "cut_by_max_pages" then self.say:log(level, event, fields) end -- said better at the end
  end
  given.on_page = function()
    if self.progress then self.progress:page() end
    if wanted.on_page then wanted.on_page() end
  end
  given.on_retry = function(info) if self.progress then self.progress:retry(info) end end
  return settings.checked(oc.client, given)
end

local function open_service(self, wanted)
  local err
  local given = flags.given(options.leads, self.parsed)
  given.select, given.raw, given.resume = wanted.select or given.select, wanted.raw, wanted.resume
  given.nulls = wanted.nulls or "null"
  self.client, err = new_client(self, wanted)
  if not self.client then return nil, err end
  self.leads, err = settings.checked(self.client.leads, self.client, given)
  if not self.leads then
    self.client:close()
    return nil, err
  end
  self.source = self.leads
  return self
end

-- --- a file --------------------------------------------------------------------------

-- What a file can be asked; other flags of leads would be heeded by nobody.
local OF_FILES = {where = true, select = true, limit = true}

local function file_options(self, wanted)
  local given = flags.given(options.leads, self.parsed)
  for name in pairs(given) do
    if not OF_FILES[name] then
      return settings.usage(("%s asks the service: it goes without --from; --where and --limit go with both"):format(
        flags.name_of(name)))
    end
  end
  local made = flags.given(options.client, self.parsed)
  for name in pairs(made) do
    if not name:find "^max_.*bytes$" and name ~= "max_depth" then made[name] = nil end
  end
  made.where, made.select = given.where, wanted.select or given.select
  local settled, err = options.from_environment(options.decoder, made, os.getenv)
  if not settled then return nil, err end
  settled.nulls, self.limit = wanted.nulls or "null", given.limit or math.huge
  err = select(2, settings.checked(options.want, settled, "leads", 2))
  if err then return nil, err end
  return settled
end

local function open_file(self, wanted)
  if self.parsed.from == "" then return settings.usage "--from: a file name expected" end
  local given, err = file_options(self, wanted)
  if not given then return nil, err end
  self.source, err = lead_file.open(self.parsed.from, given)
  if not self.source then return nil, err end
  return self
end

-- --- the face ------------------------------------------------------------------------

--- Opens what the flags name. No lead is read yet.
---@param parsed table   of argparse
---@param say oc.cli.Messages
---@param wanted? oc.cli.Wanted
---@return oc.cli.Input|nil
---@return oc.Error|nil err   kind `options`; `io` for a file
function input.open(parsed, say, wanted)
  local self = setmetatable({parsed = parsed, say = say, matched = 0, started = core.now(), limit = math.huge,
    terminal = os.getenv "TERM" ~= "dumb" and core.terminal(2)}, Input)
  if parsed.from then return open_file(self, wanted or {}) end
  return open_service(self, wanted or {})
end

--- Shows on the terminal how far it has got, if there is one.
---@param sink oc.cli.Sink
---@param to_terminal any   data comes to the same place
function Input:show_progress(sink, to_terminal)
  if not self.terminal then return end
  local columns = self.terminal > 0 and self.terminal or TERMINAL_COLUMNS
  local made = progress.new(function(text) core.write(2, text) end, columns, core.now)
  if not self.leads then made.pages = nil end -- a file has none
  self.progress = made
  self.say.before = function() made:clear() end
  if to_terminal then sink.before = self.say.before end
end

--- Takes the progress line away.
function Input:clear_progress()
  if self.progress then self.progress:clear() end
end

-- What a snapshot says of itself, once its end has been read.
local function ending_of(self)
  return self.source.snapshot and self.source.snapshot.ending
end

-- The end of a file, or of its part that was wanted.
local function end_of_file(self, reason)
  self.stop_reason = reason
  local ending = reason == "end" and ending_of(self)
  if ending and not ending.complete then
    self.say:say(("%s is an incomplete snapshot (%s): there may be more leads"):format(self.source.name,
      ending.stop_reason or "not said"), "warn")
  end
  for _, field in ipairs(self.source:unknown()) do
    self.say:log("warn", "unknown_field", {field = field, option = "where", hint = "no lead had this field"})
  end
end

local function next_of_file(self)
  if self.stop_reason then return nil end
  if self.matched >= self.limit then return end_of_file(self, "limit") end
  local lead, err = self.source:next()
  if err then
    self.stop_reason = "error"
  elseif not lead then
    end_of_file(self, "end")
  end
  return lead, err
end

--- The next lead.
---@return table|string|nil lead   nil at the end
---@return oc.Error|nil err   of kind `cancelled` when a signal came
function Input:next()
  if core.interrupted() then return nil, errors.new("cancelled", "interrupted") end
  local lead, err
  if self.leads then
    lead, err = self.leads:next()
  else
    lead, err = next_of_file(self)
  end
  if not lead then return nil, err end
  self.matched = self.matched + 1
  if self.progress then self.progress:update(self.matched) end
  return lead
end

--- What came of it: an oc.Result; of a file only `complete`, `stop_reason`, `matched`, and `leads` where there was no
--- --where.
---@return table
function Input:result()
  if self.leads then return self.leads:result() end
  local ending = ending_of(self)
  return {
    complete = self.stop_reason == "end" and not (ending and not ending.complete), stop_reason = self.stop_reason,
    matched = self.matched,
    leads = self.parsed.where == nil and self.matched or nil, elapsed_s = core.now() - self.started,
  }
end

--- Where the leads are from: the service's address without its path; nil: a file.
---@return string|nil
function Input:origin()
  return self.client and self.client.settings.origin
end

--- Was it cut by the default --max-pages?
---@return boolean
function Input:is_cut()
  return self.leads ~= nil and self.leads.default_max_pages and self.leads:result().stop_reason == "max_pages"
end

--- Says that it was, and what to do.
function Input:say_cut()
  self.say:say(("stopped at the default of %s; there may be more leads: --max-pages all reads every page")
    :format(progress.counted(self:result().pages, "page")), "warn")
end

-- Nothing came at all: as likely as not something is set wrong, and the doctor says what.
local DOCTOR_KNOWS = {network = true, tls = true, timeout = true, auth = true, http = true, json = true, shape = true}

--- Says which command finds out why no lead came from the service, where it can.
---@param err oc.Error
function Input:say_doctor(err)
  if not self.leads or not DOCTOR_KNOWS[err.kind] or self.parsed.resume or self:result().leads > 0 then return end
  local words = flags.words(options.client, flags.given(options.client, self.parsed))
  if self.parsed.profile then words[#words + 1] = flags.word("--profile", self.parsed.profile) end
  if self.parsed.token_file then words[#words + 1] = flags.word("--token-file", self.parsed.token_file) end
  self.say:say(table.concat({"to find out what is wrong:", flags.program(), "doctor", table.concat(words, " ")}, " "))
end

--- Stops a transfer, closes the file.
function Input:close()
  self.source:close()
  if self.client then self.client:close() end
end

return input

--- Leads from a file or standard input: one JSON document of a shape that the decoder reads, NDJSON, a lead a line, or
-- a snapshot, which is NDJSON that knows whether it is whole. Any of them may be packed by gzip.
--
-- Reads block by block, so memory does not grow with the file. Knows the decoder, not what is done with leads.

local core = require "oc.core"
local errors = require "oc.errors"
local gunzip = require "oc.cli.gunzip"
local oc = require "oc"
local snapshot = require "oc.snapshot"

local lead_file = {}

local BLOCK_BYTES = 65536
-- So much is looked at to know what it is; a pipe or gzip may give less at first.
local LOOK_BYTES = 512
-- A snapshot's first line, which has a filter in it, is not longer.
local MOST_HEADER_BYTES = 1048576

---@class oc.cli.LeadFile: oc.diff.Source
---@field name string   for messages
---@field snapshot oc.SnapshotReader|nil   from `begin` or the first `next` on, where it is one
---@field empty boolean|nil   likewise: there is nothing in it
local LeadFile = {}
LeadFile.__index = LeadFile

local function fail(self, kind, why, fields)
  self.failed = errors.new(kind, ("cannot read %s%s"):format(self.name, why), fields)
  return nil, self.failed
end

-- A block as it is in the file; nil at its end; nil, err.
local function read_bytes(self)
  local block, why = self.file:read(BLOCK_BYTES)
  if block then return block end
  if not why then return nil end
  if core.interrupted() then return fail(self, "cancelled", ": interrupted") end
  return fail(self, "io", ": " .. why)
end

-- A block, unpacked; nil at the end; nil, err.
local function read_block(self)
  if not self.packed then return read_bytes(self) end
  local block, err = self.packed:next()
  if type(err) == "string" then return fail(self, "io", ": " .. err) end
  return block, err
end

-- --- which of them it is -------------------------------------------------------------

local BOM = "\239\187\191"

-- An object alone is a page in an envelope, if there is a list of leads in it; else it is the first line of NDJSON. So
-- much of the file is read as it takes to know. Gives what was read, and whether it is NDJSON | nil, err.
local function look_into(self, text)
  local probe, at = oc.decoder {select = {"id"}, max_lead_bytes = self.options.max_lead_bytes}, 1
  while true do
    local fed, err = probe:feed(text:sub(at))
    local lead, fault = nil, err
    if fed then lead, fault = probe:next() end
    if lead then return text, false end
    if fault then
      local alone = fault.kind == "shape" and fault.message:find("an object without a list", 1, true)
      -- a problem document of the service is no lead
      return text, alone and not text:find '^[^\n]*"status"%s*:%s*%d' or false
    end
    at = #text + 1
    local block
    block, err = read_block(self)
    if err then return nil, err end
    if not block then return text, false end
    text = text .. block
  end
end

local function is_ndjson_name(path)
  local lower = path:lower():gsub("%.gz$", "")
  return lower:find "%.ndjson$" ~= nil or lower:find "%.jsonl$" ~= nil
end

-- As much as it takes to know what the file is: the text | nil, err.
local function read_beginning(self)
  local text, err = read_bytes(self)
  if err then return nil, err end
  if text and gunzip.is_packed(text) then
    local fault
    self.packed, fault = gunzip.new(text, function() return read_bytes(self) end)
    if not self.packed then return fail(self, "io", ": " .. fault) end
    text = ""
  end
  text = text or ""
  while #text < LOOK_BYTES do
    local block
    block, err = read_block(self)
    if err then return nil, err end
    if not block then break end
    text = text .. block
  end
  self.empty = text == ""
  return text
end

-- Reads the first line of a snapshot: what is behind it | nil, err.
local function begin_snapshot(self, text)
  local stop = text:find("\n", 1, true)
  while not stop and #text <= MOST_HEADER_BYTES do
    local block, err = read_block(self)
    if err then return nil, err end
    if not block then break end
    text = text .. block
    stop = text:find("\n", 1, true)
  end
  local fault
  self.snapshot, fault = snapshot.reader(text:sub(1, (stop or 0) - 1))
  if not self.snapshot then return fail(self, "shape", ": " .. fault) end
  self.lines, self.line, self.line_at = true, 2, self.line_at + (stop or #text)
  return stop and text:sub(stop + 1) or ""
end

-- Fields of which every lead of the service has all, and no other object of ours has one.
local LEAD_FIELDS = {"id", "status", "civicAddresses", "isDirectLead", "contactDetails", "consentedOn"}

-- Is the first line a lead? A journal, or what sync printed, would be leads without addresses, and nothing wrong with
-- them. A line that is no object at all is the decoder's business.
local function looks_like_lead(line)
  local value = oc.decode(line, {nulls = "null"})
  if type(value) ~= "table" then return true end
  for _, name in ipairs(LEAD_FIELDS) do
    if value[name] ~= nil then return true end
  end
  return next(value) == nil
end

-- Reads the beginning: true | nil, err.
local function begin(self)
  local text, err = read_beginning(self)
  if not text then return nil, err end
  local from = text:sub(1, 3) == BOM and 4 or 1
  self.lines = is_ndjson_name(self.path)
  if snapshot.is_header(text:sub(from, LOOK_BYTES)) then
    self.line_at = from - 1
    text, err = begin_snapshot(self, text:sub(from))
    if not text then return nil, err end
    from = 1
  elseif not self.lines and text:find("^%s*{", from) then
    text, self.lines = look_into(self, text)
    if not text then return nil, self.lines end
  end
  if self.lines and from == 4 then
    text, self.line_at = text:sub(4), 3
  end
  if self.lines and not self.snapshot and not looks_like_lead(text:match "^[^\n]*") then
    return fail(self, "shape", (", line 1: no lead: it has none of %s"):format(table.concat(LEAD_FIELDS, ", ")))
  end
  self.rest, self.begun = text, true
  return true
end

-- --- one document --------------------------------------------------------------------

local function document_fault(self, err)
  return fail(self, err.kind, ": " .. err.message, {offset = err.offset, cut = err.cut})
end

-- Feeds more: true; nil at the end; nil, err.
local function feed_document(self)
  local block, err = self.rest, nil
  self.rest = nil
  if not block then block, err = read_block(self) end
  if err then return nil, err end
  local ok, fault
  if block then
    ok, fault = self.decoder:feed(block)
  else
    ok, fault = self.decoder:finish()
    self.ended = ok
  end
  if not ok then return document_fault(self, fault) end
  return not self.ended or nil
end

-- --- a lead a line -------------------------------------------------------------------

-- A line is read as a list: [ before it, ] behind it. So a byte that the decoder counts from 0 is one of the line,
-- counted from 1.
local function line_fault(self, err)
  local hint = self.line == 1 and " (NDJSON has a lead on each line)" or ""
  return fail(self, err.kind, (", line %d: %s%s"):format(self.line, err.message, hint),
    {offset = err.offset and math.max(self.line_at + err.offset - 1, 0)})
end

-- The line is over: true | nil, err.
local function close_line(self)
  local ok, err = self.decoder:finish()
  if not ok then return line_fault(self, err) end
  self.decoder:reset()
  self.closing = false
  if self.snapshot then self.snapshot:count() end
  return true
end

local function count_line(self, bytes)
  self.line_at, self.line, self.open = self.line_at + bytes, self.line + 1, false
end

-- Feeds a part of a line, or all of it: true | nil, err.
local function feed_part(self, part, is_end)
  if not self.open then
    if not part:find "%S" then return true end
    part, self.open = "[" .. part, true
  end
  self.closing = is_end
  local ok, err = self.decoder:feed(is_end and part .. "]" or part)
  if not ok then return line_fault(self, err) end
  return true
end

-- Of a snapshot: a line is at hand from its beginning, as much of it as was read. Is it the last one, or behind it?
-- true: it was dealt with | false | nil, err.
local function judge_line(self, part, is_whole)
  local is_end, fault = snapshot.is_end(part), nil
  if self.snapshot.ending then
    if not part:find "%S" then return true end
    fault = snapshot.BEHIND
  elseif is_end then
    fault = select(2, self.snapshot:close(is_whole and part or "")) -- as long as that, it is none
  end
  if fault then return fail(self, "shape", (", line %d: %s"):format(self.line, fault)) end
  return is_end
end

-- The end of the file: nil; nil, err; true where a last line without its end is still to be closed.
local function end_lines(self)
  if self.snapshot then
    local ok, fault = self.snapshot:finish()
    if not ok then return fail(self, "shape", ": " .. fault) end
  end
  self.ended = not self.open
  if self.ended then return nil end
  return feed_part(self, "", true)
end

-- There is something at hand, and of a snapshot enough of a line to know it: true; nil at the end; nil, err.
local function have_rest(self)
  local err
  if not self.rest then
    self.rest, err = read_block(self)
    self.from = 1
    if not self.rest then return nil, err end
  end
  while self.snapshot and not self.open and not self.rest:find("\n", self.from, true)
    and #self.rest - self.from < snapshot.END_BYTES do
    local block
    block, err = read_block(self)
    if err then return nil, err end
    if not block then
      self.at_end = true
      return true
    end
    self.rest, self.from = self.rest:sub(self.from) .. block, 1
  end
  return true
end

-- Takes a line, or a part of it, from what is at hand, with its length and whether its end is among it.
local function take_part(self)
  local stop = self.rest:find("\n", self.from, true)
  local part = self.rest:sub(self.from, (stop or 0) - 1)
  self.from = stop and stop + 1
  if not stop then self.rest = nil end
  self.line_bytes = self.line_bytes + #part + (stop and 1 or 0)
  return part, stop ~= nil
end

-- Feeds more: true; nil at the end; nil, err.
local function feed_line(self)
  local ok, err
  if self.closing then
    ok, err = close_line(self)
    if not ok then return nil, err end
    count_line(self, self.line_bytes)
    self.line_bytes = 0
  end
  ok, err = have_rest(self)
  if err then return nil, err end
  if not ok then return end_lines(self) end -- the last line may do without its end
  local part, has_end = take_part(self)
  local judged = false
  if self.snapshot and not self.open then
    judged, err = judge_line(self, part, has_end or self.at_end)
    if err then return nil, err end
  end
  if not judged then
    ok, err = feed_part(self, part, has_end)
    if not ok then return nil, err end
  end
  if has_end and not self.open then
    count_line(self, self.line_bytes)
    self.line_bytes = 0
  end
  return true
end

-- --- the face ------------------------------------------------------------------------

--- Opens a file of leads. What is in it is looked at by `next` only.
---@param path string   "-": standard input
---@param options oc.DecoderOptions
---@return oc.cli.LeadFile|nil
---@return oc.Error|nil err   kind `io`
function lead_file.open(path, options)
  local self = setmetatable({
    path = path, name = path == "-" and "standard input" or path, options = options, begun = false, ended = false,
    decoder = oc.decoder(options), line = 1, line_at = 0, line_bytes = 0, from = 1, open = false, closing = false,
  }, LeadFile)
  if path == "-" then
    self.file = io.stdin
    return self
  end
  local file, why = io.open(path, "rb")
  if not file then return fail(self, "io", ": " .. why:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", "")) end
  self.file = file
  return self
end

--- Looks at the beginning, without which `snapshot` is not known. `next` does it of itself.
---@return true|nil ok
---@return oc.Error|nil err   as from `next`
function LeadFile:begin()
  if self.failed then return nil, self.failed end
  if self.begun then return true end
  return begin(self)
end

--- The next lead.
---@return table|nil lead   nil at the end
---@return oc.Error|nil err   kind `io`, `json`, `shape`, `limit` or `cancelled`; the same one from then on
function LeadFile:next()
  local ok, begun_err = self:begin()
  if not ok then return nil, begun_err end
  local feed, fault = self.lines and feed_line or feed_document, self.lines and line_fault or document_fault
  while not self.ended do
    local lead, err = self.decoder:next()
    if lead then return lead end
    if err then return fault(self, err) end
    local fed
    fed, err = feed(self)
    if not fed then return nil, err end
  end
  return nil
end

--- Fields in `where` that no lead had so far.
---@return string[]
function LeadFile:unknown()
  return self.decoder:unknown()
end

--- Closes the file.
function LeadFile:close()
  if self.file and self.file ~= io.stdin then self.file:close() end
  self.file, self.ended = nil, true
end

return lead_file

--- Snapshots: leads as NDJSON between a line that says when and from where they are, and one that says whether that is
-- all. So a file that lost its end, or a part of itself, is told from one that is whole.
--
--   {"snapshot":"oc.leads","version":1,"made":"2026-01-31T06:00:00Z","source":"https://sp.example.com"}
--   {"id":...}
--   {"snapshot_end":"oc.leads","leads":1,"complete":true,"stop_reason":"end","ended":"2026-01-31T06:00:07Z"}
--
-- The first line is written before anything is known of the end; hence two. Knows nothing of files.

local core = require "oc.core"

local snapshot = {}

local NAME, VERSION = "oc.leads", 1

--- What the first line says.
---@class oc.SnapshotHeader
---@field snapshot? string   "oc.leads"
---@field version? integer   1
---@field made string   when the run began, ISO 8601
---@field source? string   origin of the service: https://sp.example.com
---@field where? string   only leads for which this held were asked for
---@field ms_tenant_id? string   only leads of this customer tenant were
---@field page? integer   the run began there, behind the service's first page: it is never complete

--- What the last line says.
---@class oc.SnapshotEnd
---@field snapshot_end? string   "oc.leads"
---@field leads? integer   how many lines of leads there are
---@field complete boolean   the service was read from its first page to its end
---@field stop_reason? string   as in a result
---@field uncertain? boolean   as in a result
---@field ended? string   ISO 8601

-- --- writing -------------------------------------------------------------------------

--- Writes a snapshot, line by line.
---@class oc.SnapshotWriter
local Writer = {}
Writer.__index = Writer

--- A writer; nothing is written before the first lead, or the end.
---@param write fun(text: string): true|nil, any   true | nil, err
---@param header oc.SnapshotHeader
---@param leads? integer   so many are in the file already, behind its first line: they are continued
---@return oc.SnapshotWriter
function snapshot.writer(write, header, leads)
  if type(write) ~= "function" then error("snapshot.writer: a function expected, got " .. type(write), 2) end
  if type(header) ~= "table" or type(header.made) ~= "string" then
    error("snapshot.writer: a header with 'made' expected", 2)
  end
  return setmetatable({write = write, header = header, leads = leads or 0, begun = leads ~= nil}, Writer)
end

-- A line of JSON whose first key is `name`, whatever order the encoder has.
local function line_of(name, fields)
  local rest = {}
  for key, value in pairs(fields) do
    if key ~= name then rest[key] = value end
  end
  local text = core.encode(rest)
  return ('{"%s":"%s"%s%s\n'):format(name, NAME, text == "{}" and "" or ",", text:sub(2))
end

local function begin(self)
  if self.begun then return true end
  self.begun = true
  local header = {version = VERSION}
  for name, value in pairs(self.header) do header[name] = value end
  return self.write(line_of("snapshot", header))
end

--- A lead more.
---@param text string   its JSON, without a line end
---@return true|nil ok
---@return any err   as `write` gave it
function Writer:add(text)
  local ok, err = begin(self)
  if not ok then return nil, err end
  self.leads = self.leads + 1
  return self.write(text .. "\n")
end

--- No more will come. Without this the snapshot is torn.
---@param ending oc.SnapshotEnd   the result of a run will do
---@return true|nil ok
---@return any err   as `write` gave it
function Writer:finish(ending)
  local ok, err = begin(self)
  if not ok then return nil, err end
  local fields = {leads = self.leads, complete = ending.complete == true and self.header.page == nil,
    stop_reason = ending.stop_reason, uncertain = ending.uncertain or nil, ended = ending.ended}
  return self.write(line_of("snapshot_end", fields))
end

-- --- reading -------------------------------------------------------------------------

--- Does a text begin as a snapshot does?
---@param text string
---@return boolean
function snapshot.is_header(text)
  return text:find '^%s*{%s*"snapshot"%s*:' ~= nil
end

--- Does a line begin as the last one of a snapshot does?
---@param line string
---@return boolean
function snapshot.is_end(line)
  return line:find '^%s*{%s*"snapshot_end"%s*:' ~= nil
end

--- How much of a line it takes to know, and how long a last line is at the most.
---@type integer
snapshot.END_BYTES = 4096

--- Counts the lines of a snapshot and judges its ends.
---@class oc.SnapshotReader
---@field header oc.SnapshotHeader
---@field ending oc.SnapshotEnd|nil   from its last line on
---@field leads integer   lines of leads so far
local Reader = {}
Reader.__index = Reader

local AGAIN = "; take it again (oc-leads list --snapshot), or go on with a FILE.part by --resume"

local function is_text_or_nil(value) return value == nil or type(value) == "string" end

local function counted(leads)
  return ("%d lead%s"):format(leads, leads == 1 and "" or "s")
end

--- A reader, of a first line.
---@param line string
---@return oc.SnapshotReader|nil
---@return string|nil fault
function snapshot.reader(line)
  local header = core.decode(line, {})
  if type(header) ~= "table" then return nil, "the snapshot is torn within its first line" .. AGAIN end
  if header.snapshot ~= NAME then return nil, "a snapshot, but not of leads" end
  if header.version ~= VERSION then
    return nil, ("a snapshot of version %s; this oc-leads knows version %d"):format(tostring(header.version), VERSION)
  end
  for _, name in ipairs {"made", "source", "where", "ms_tenant_id"} do
    if not is_text_or_nil(header[name]) then return nil, ("the snapshot's first line: '%s' is no text"):format(name) end
  end
  return setmetatable({header = header, leads = 0}, Reader)
end

--- A line with a lead has been read.
function Reader:count()
  self.leads = self.leads + 1
end

--- The last line: true | nil, what is wrong with it or with what came before.
---@param line string
---@return true|nil ok
---@return string|nil fault
function Reader:close(line)
  local ending = core.decode(line, {})
  if type(ending) ~= "table" then return self:finish() end
  if ending.snapshot_end ~= NAME or type(ending.leads) ~= "number" or type(ending.complete) ~= "boolean" then
    return nil, "the snapshot's last line is not one" .. AGAIN
  end
  if ending.leads ~= self.leads then
    return nil, ("the snapshot has %s, its last line counts %.0f: it is damaged%s"):format(counted(self.leads),
      ending.leads, AGAIN)
  end
  self.ending = ending
  return true
end

--- No more will come: was it whole?
---@return true|nil ok
---@return string|nil fault
function Reader:finish()
  if self.ending then return true end
  return nil, ("the snapshot is torn: it ends behind %s, without its last line%s"):format(counted(self.leads), AGAIN)
end

--- What is wrong with anything but white space behind the last line.
---@type string
snapshot.BEHIND = "the snapshot goes on behind its last line: are they several in one file?"

return snapshot

--- The journal of synchronising: what became of each lead, one JSON object a line, so
-- that a run that stopped, however it stopped, goes on where it was.
--
-- Lines are only ever appended. A journal past its age is replaced by a new one that
-- keeps, of each lead, when it was last tried and when its addresses were last found.
-- Knows nothing of sources and policies.

local core = require "oc.core"
local errors = require "oc.errors"
local values = require "oc.civic.values"

local journal = {}

local KIND, VERSION = "oc.civic", 1
local HEAD = '{"journal":"oc.civic"' -- how such a file begins
local BLOCK_BYTES = 65536

-- So much of its age may be missing: a nightly run that starts some minutes early
-- is a new run all the same.
local GRACE = 1 / 20

local HOUR_S = 3600

local PRIVATE = 384 -- 0600: nobody but the owner

-- Between opening and locking a file another run may have replaced it.
local MAX_OPENINGS = 10

--- What became of a lead, as a journal keeps it.
---@class oc.civic.Outcome
---@field lead string   key of the lead: its id, or "tenant:" and its tenant's
---@field tenantId string|nil
---@field outcome "synced"|"unchanged"|"empty"|"failed"
---@field addresses oc.CivicAddress[]|nil   of `synced`
---@field attempts integer   how often the source was asked
---@field time string   ISO 8601, UTC
---@field source string   its name
---@field kind oc.ErrorKind|nil   of `failed`
---@field message string|nil   of `failed`

---@class oc.civic.History
---@field attempt number|nil   when it was last tried, in seconds since 1970
---@field success number|nil   when its addresses were last found

local IS_SUCCESS = {synced = true, unchanged = true}
local OUTCOMES = {synced = true, unchanged = true, empty = true, failed = true}
local IS_DONE = {synced = true, unchanged = true, empty = true}

--- What a lead is called in a journal.
---@param lead oc.Lead|oc.civic.PlanItem   or an item of a plan
---@return string|nil
function journal.key(lead)
  local tenant = values.text(lead.tenantId)
  return values.text(lead.id) or tenant and "tenant:" .. tenant
end

-- --- reading ----------------------------------------------------------------------

local function fault(path, what)
  return errors.new("io", ("cannot use the journal %s: %s"):format(path, what))
end

-- A later attempt counts for both; a success never goes back.
local function remember(history, key, attempt, success)
  local known = history[key] or {}
  known.attempt = attempt or known.attempt
  known.success = success or known.success
  history[key] = known
end

-- What can be put into a lead: it was found, so it is not empty.
local function are_addresses(value)
  return values.is_list(value) and value[1] ~= nil and not values.no_object(value)
end

local function take_line(state, record)
  if record.journal then
    state.started = core.instant(tostring(record.started))
    return state.started ~= nil
  end
  if type(record.before) == "string" then
    remember(state.history, record.before, core.instant(tostring(record.attempt)),
      record.success and core.instant(tostring(record.success)))
    return true
  end
  local at = type(record.time) == "string" and core.instant(record.time)
  if type(record.lead) ~= "string" or not OUTCOMES[record.outcome] or not at then return false end
  if record.outcome == "synced" and not are_addresses(record.addresses) then return false end
  remember(state.history, record.lead, at, IS_SUCCESS[record.outcome] and at)
  state.done[record.lead] = IS_DONE[record.outcome] and record or nil
  return true
end

-- The first line says what it is: nil, err for anything else, of which nothing is changed.
local function check_head(path, record)
  if type(record) ~= "table" or record.journal ~= KIND then
    return nil, fault(path, "it is none; give another path")
  end
  if record.version ~= VERSION then
    return nil, fault(path, "it is of another version of oc; give another path")
  end
  return true
end

-- Hands each whole line to take(line); what is behind the last line end | nil, err of take's.
local function each_line(file, take)
  local open = {} -- pieces of a line that has not ended
  for block in function() return file:read(BLOCK_BYTES) end do
    local from = 1
    for at in block:gmatch "()\n" do
      open[#open + 1] = block:sub(from, at - 1)
      local ok, err = take(table.concat(open))
      if not ok then return nil, err end
      open, from = {}, at + 1
    end
    open[#open + 1] = block:sub(from)
  end
  return table.concat(open)
end

-- All that a file says. Its last line may be torn, by whatever ended its run.
local function read(path, file)
  local begins = file:read(#HEAD) or ""
  if begins ~= HEAD:sub(1, #begins) then return check_head(path) end
  file:seek "set"
  local state = {done = {}, history = {}, bytes = 0, bad = 0}
  local rest, err = each_line(file, function(line)
    local record = core.decode(line, {nulls = "null"})
    if state.bytes == 0 then
      local ok, why = check_head(path, record)
      if not ok then return nil, why end
    end
    if not (type(record) == "table" and take_line(state, record)) then state.bad = state.bad + 1 end
    state.bytes = state.bytes + #line + 1
    return true
  end)
  if not rest then return nil, err end
  return state
end

-- Is there a file? false, err where there is something else.
local function is_there(path)
  local mode, kind = core.file_mode(path)
  if mode and kind ~= "file" then return false, fault(path, "it is no file") end
  return mode ~= nil
end

local function read_at(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, fault(path, why) end
  local state, err = read(path, file)
  file:close()
  return state, err
end

--- What a journal knows of each lead, whatever its age; nothing when there is none.
---@param path string
---@return table<string, oc.civic.History>|nil history   by key
---@return oc.Error|nil err   kind `io`
function journal.history(path)
  local there, err = is_there(path)
  if err then return nil, err end
  if not there then return {} end
  local state
  state, err = read_at(path)
  if not state then return nil, err end
  return state.history
end

-- --- writing ----------------------------------------------------------------------

---@class oc.civic.Journal
---@field path string
---@field resumed boolean   an earlier run goes on
---@field bad integer   lines that could not be read, and were passed over
local Journal = {}
Journal.__index = Journal

local function write_fault(self, why)
  return errors.new("io", ("cannot write the journal %s: %s"):format(self.path, tostring(why)))
end

local function append(self, record)
  local ok, why = core.write(self.file, core.encode(record) .. "\n")
  if not ok then return nil, write_fault(self, why) end
  return true
end

local function write_head(self, now)
  return append(self, {journal = KIND, version = VERSION, started = values.iso(now)})
end

-- The file at path, ours alone: file | nil, err.
local function open_locked(path)
  local _, err = is_there(path)
  if err then return nil, err end
  for _ = 1, MAX_OPENINGS do
    local file, why = io.open(path, "a+b")
    if not file then return nil, fault(path, why) end
    local locked
    locked, why = core.lock(file)
    if not locked then
      file:close()
      return nil, fault(path, ("another run is writing it (%s)"):format(why))
    end
    if core.is_at(file, path) then return file end
    file:close()
  end
  return nil, fault(path, "it is replaced all the time")
end

-- What is to be remembered of an earlier run: true | nil, err.
local function write_memory(self, history, now)
  local ok, err = write_head(self, now)
  for key, known in pairs(history) do
    if not ok then break end
    ok, err = append(self, {before = key, attempt = known.attempt and values.iso(known.attempt),
      success = known.success and values.iso(known.success)})
  end
  return ok, err
end

-- All that was written is on the disk, and the file in its place.
local function put_in_place(file, path, target)
  local ok, why = core.sync(file)
  if ok then ok, why = os.rename(path, target) end
  if not ok then return nil, fault(target, tostring(why)) end
  return true
end

-- A file beside, which nobody else made and nobody else can read: its path | nil, err.
local function create_beside(path)
  for i = 1, MAX_OPENINGS do
    local name = ("%s.new-%d-%d"):format(path, math.floor(core.time()), i)
    local ok, why, exists = core.create(name, PRIVATE)
    if ok then return name end
    if not exists then return nil, fault(name, why) end
  end
  return nil, fault(path, "there are too many files beside it whose names begin alike")
end

-- A new file with what is to be remembered, in place of the old one and for nobody else's eyes: true | nil, err.
local function start_afresh(self, history, now)
  local old = self.file
  local path, made = create_beside(self.path)
  if not path then return nil, made end
  local file, why = io.open(path, "r+b")
  if not file then return nil, fault(path, why) end
  core.set_mode(file, core.file_mode(self.path) or PRIVATE)
  core.lock(file) -- nobody else has it: they would have the old one
  self.file = file
  local ok, err = write_memory(self, history, now)
  if ok then ok, err = put_in_place(file, path, self.path) end
  if not ok then
    self.file = old
    file:close()
    os.remove(path)
    return nil, err
  end
  old:close()
  return true
end

-- A start that cannot be read, or lies ahead since a clock was set back, says nothing about age.
local function is_past(state, now, max_age_h)
  local age_s = state.started and now - state.started
  return not age_s or age_s < -HOUR_S or age_s >= max_age_h * HOUR_S * (1 - GRACE)
end

-- Makes the file ready for more: true | nil, err.
local function prepare(self, max_age_h, now)
  local state, err = read_at(self.path)
  if not state then return nil, err end
  self.done, self.bad = state.done, state.bad
  if state.bytes > 0 and is_past(state, now, max_age_h) then
    self.done = {}
    return start_afresh(self, state.history, now)
  end
  if self.file:seek "end" > state.bytes then
    local ok, why = core.truncate(self.path, state.bytes)
    if not ok then return nil, fault(self.path, why) end
  end
  self.file:seek "end"
  if state.bytes == 0 then
    core.set_mode(self.file, PRIVATE) -- it will hold addresses
    return write_head(self, now)
  end
  self.resumed = true
  return true
end

--- Opens a journal for a run, which is then the only one that writes it: an earlier
--- run goes on, unless it is past its age.
---@param path string
---@param max_age_h number   counted from the start of the run; a twentieth less will do
---@param now number   seconds since 1970
---@return oc.civic.Journal|nil
---@return oc.Error|nil err   kind `io`
function journal.open(path, max_age_h, now)
  path = core.real_path(path) or path -- a link stays one
  local file, err = open_locked(path)
  if not file then return nil, err end
  local self = setmetatable({path = path, file = file, done = {}, bad = 0, resumed = false}, Journal)
  local ok
  ok, err = prepare(self, max_age_h, now)
  if not ok then
    self:close()
    return nil, err
  end
  return self
end

--- Can it be used, as far as that can be told without changing it? For whoever has much to do before.
---@param path string
---@return true|nil
---@return oc.Error|nil err   kind `io`
function journal.check(path)
  local there, err = is_there(path)
  if err then return nil, err end
  if not there then
    local _, kind = core.file_mode(path:match "^(.*/)[^/]*$" or ".")
    if kind == "directory" then return true end
    return nil, fault(path, "there is no such folder")
  end
  local file
  file, err = open_locked(path)
  if not file then return nil, err end
  file:close()
  local state
  state, err = read_at(path)
  return state and true, err
end

--- What an earlier part of this run has come to for a lead; nil: it is to be tried.
---@param key string
---@return oc.civic.Outcome|nil
function Journal:found(key)
  return self.done[key]
end

--- Writes an outcome; it is with the system when this returns.
---@param outcome oc.civic.Outcome
---@return true|nil
---@return oc.Error|nil err   kind `io`
function Journal:write(outcome)
  return append(self, outcome)
end

--- Closes it; safe to call twice.
function Journal:close()
  if self.file then self.file:close() end
  self.file = nil
end

return journal

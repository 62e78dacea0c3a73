--- The report of what has changed between two fetches: leads added, removed, changed.
--
-- Holds a text for each lead of the old fetch, and reads the new one lead by lead. What a fetch that is not all there
-- is cannot prove is said, never claimed. Knows neither files nor how rows are shown.

local changes = require "oc.diff.changes"
local content = require "oc.diff.content"
local core = require "oc.core"
local values = require "oc.civic.values"

---@alias oc.diff.Given oc.diff.Source|oc.Leads|oc.Lead[]

--- `oc.report.diff`: call it, as `of`.
---@class oc.diff.Module
---@overload fun(old: oc.diff.Given, new: oc.diff.Given, options?: oc.diff.Options): oc.diff.Result|nil, oc.Error|nil
local diff = {}

--- Leads and what is known of them: an array, or an object with `next`, as `client:leads` and a file of leads are.
---@class oc.diff.Source
---@field next? fun(self: oc.diff.Source): oc.Lead|nil, oc.Error|nil
---@field result? fun(self: oc.diff.Source): table   with `complete`, at the end; else:
---@field snapshot? oc.SnapshotReader   of a file of leads that is one: it knows all the rest; else:
---@field complete? boolean   looked at behind the last lead; nil: nobody knows
---@field made? string   when it was fetched, ISO 8601
---@field source? string   from where: https://sp.example.com
---@field where? string   which leads were asked for; nil: all
---@field ms_tenant_id? string   likewise
---@field name? string   what notes call it, default "the old leads", "the new leads"

--- Options of `oc.report.diff`.
---@class oc.diff.Options
---@field ignore? string[]   paths whose changes do not count: {"lastModifiedOn", "contacts"}
---@field only? string[]   paths whose changes alone count; leads added and removed are told all the same
---@field now? number   seconds since 1970, for `made` where the new leads do not say

--- A lead that came or went.
---@class oc.diff.Lead
---@field id string|nil
---@field tenantId string|nil
---@field company string|nil
---@field status string|nil
---@field uncertain? boolean   of one that was added: the old leads were not all, it may have been there

--- A lead of which something has changed.
---@class oc.diff.ChangedLead
---@field id string|nil
---@field tenantId string|nil
---@field company string|nil
---@field changes oc.diff.Change[]

--- How many of each.
---@class oc.diff.Counts
---@field old integer   leads
---@field new integer
---@field added integer   those that are uncertain included
---@field uncertain integer
---@field removed integer
---@field changed integer
---@field unchanged integer
---@field not_seen integer   old leads that the new ones, which are not all, do not have
---@field duplicates integer   leads that came twice in one fetch; the first counts
---@field changes integer   fields

--- What is known of one of the two fetches.
---@class oc.diff.Side
---@field name? string
---@field made? string   ISO 8601
---@field source? string
---@field where? string   which leads were asked for; nil: all
---@field ms_tenant_id? string   likewise
---@field leads integer
---@field complete? boolean   nil: nobody knows

--- What has changed: a report, and the same as data.
---@class oc.diff.Result: oc.report.Result
---@field added oc.diff.Lead[]
---@field removed oc.diff.Lead[]
---@field changed oc.diff.ChangedLead[]   those whose status changed first
---@field counts oc.diff.Counts
---@field old oc.diff.Side
---@field new oc.diff.Side

-- --- options -----------------------------------------------------------------------------

local OPTIONS = {ignore = "table", only = "table", now = "number"}

local function check(options)
  for name, value in pairs(options) do
    local wanted = OPTIONS[name]
    if not wanted then error(("diff: unknown option '%s'"):format(tostring(name)), 3) end
    if type(value) ~= wanted then
      error(("diff: option '%s': a %s expected, got %s"):format(name, wanted, type(value)), 3)
    end
  end
  for _, name in ipairs {"ignore", "only"} do
    for _, path in ipairs(options[name] or {}) do
      if type(path) ~= "string" or path == "" then error(("diff: option '%s': paths expected"):format(name), 3) end
    end
  end
end

-- A path is meant by itself and by those it is within.
local function is_among(path, list)
  path = path:gsub("%[%d+%]", "")
  for _, wanted in ipairs(list) do
    if path == wanted or path:sub(1, #wanted + 1) == wanted .. "." then return true end
  end
  return false
end

local function wanted_changes(list, options)
  local kept = {}
  for _, change in ipairs(list) do
    local counts = not options.only or is_among(change.path, options.only)
    if counts and not is_among(change.path, options.ignore or {}) then kept[#kept + 1] = change end
  end
  return kept
end

-- --- sources -----------------------------------------------------------------------------

-- An iterator over either kind: lead | nil | nil, err.
local function reader(source, name)
  if type(source) ~= "table" then
    error(("diff: the %s leads: a table expected, got %s"):format(name, type(source)), 3)
  end
  if type(source.next) == "function" then return function() return source:next() end end
  local i = 0
  return function()
    i = i + 1
    return source[i]
  end
end

-- Is it all there is? nil: nobody knows.
local function completeness(source)
  if type(source.result) == "function" then return source:result().complete end
  if source.snapshot then return source.snapshot.ending.complete end
  return source.complete
end

-- What is known of a source that has been read.
local function told(source, leads)
  local header = source.snapshot and source.snapshot.header or source
  return {name = source.name, made = header.made, source = header.source, where = header.where,
    ms_tenant_id = header.ms_tenant_id, leads = leads, complete = completeness(source)}
end

-- Keys for matching. A lead without an id is known by its tenant, one without either by its content; several of one
-- tenant, or content, are the first, the second, and so on.
local function keys()
  local times, seen = {}, {}
  return function(lead, text)
    local id = values.known(lead.id)
    if id ~= nil and id ~= "" then
      local key = tostring(id):lower()
      local again = seen[key]
      seen[key] = true
      return key, again
    end
    local tenant = values.text(lead.tenantId)
    local base = tenant and "\1" .. tenant:lower() or "\2" .. text
    times[base] = (times[base] or 0) + 1
    return base .. "\1" .. times[base], false
  end
end

-- All old leads: texts by key, keys in order.
local function read_old(run, next_lead)
  local key_of = keys()
  while true do
    local lead, err = next_lead()
    if err then return nil, err end
    if not lead then return true end
    local text = content.pack(lead)
    local key, again = key_of(lead, text)
    run.counts.old = run.counts.old + 1
    if again then
      run.counts.duplicates = run.counts.duplicates + 1
    else
      run.texts[key] = text
      run.keys[#run.keys + 1] = key
    end
  end
end

-- --- leads -------------------------------------------------------------------------------

local function company_of(fields)
  local details = fields.contactDetails
  return type(details) == "table" and values.text(details.companyName) or nil
end

local function entry_of(fields)
  return {id = values.known(fields.id), tenantId = values.known(fields.tenantId), company = company_of(fields)}
end

local function lead_entry(fields)
  local entry = entry_of(fields)
  entry.status = values.text(fields.status)
  return entry
end

local function compare(run, lead, old, new)
  local list = old == new and {} or wanted_changes(changes.between(old, new), run.options)
  if #list == 0 then
    run.counts.unchanged = run.counts.unchanged + 1
    return
  end
  local entry = entry_of(lead)
  entry.changes = list
  run.changed[#run.changed + 1] = entry
  run.counts.changes = run.counts.changes + #list
end

local function take_new(run, key_of, lead)
  local text = content.pack(lead)
  local key, again = key_of(lead, text)
  run.counts.new = run.counts.new + 1
  if again then
    run.counts.duplicates = run.counts.duplicates + 1
    return
  end
  local old = run.texts[key]
  if not old then
    run.added[#run.added + 1] = lead_entry(lead)
    return
  end
  run.texts[key] = nil
  compare(run, lead, old, text)
end

local function read_new(run, next_lead)
  local key_of = keys()
  while true do
    local lead, err = next_lead()
    if err then return nil, err end
    if not lead then return true end
    take_new(run, key_of, lead)
  end
end

-- Old leads that did not come: gone, or only not seen.
local function find_removed(run, is_all)
  for _, key in ipairs(run.keys) do
    local text = run.texts[key]
    if text and is_all then
      run.removed[#run.removed + 1] = lead_entry((content.unpack(text)))
    elseif text then
      run.counts.not_seen = run.counts.not_seen + 1
    end
  end
end

-- Stable, since equal ones keep their order.
local function status_first(changed)
  local first, rest = {}, {}
  for _, entry in ipairs(changed) do
    local list = entry.changes[1].path == "status" and first or rest
    list[#list + 1] = entry
  end
  for _, entry in ipairs(rest) do first[#first + 1] = entry end
  return first
end

-- --- rows --------------------------------------------------------------------------------

local COLUMNS = {
  {title = "CHANGE", kind = "text"}, {title = "COMPANY", kind = "text"}, {title = "TENANT ID", kind = "id"},
  {title = "FIELD", kind = "text"}, {title = "OLD", kind = "text", pii = "row"},
  {title = "NEW", kind = "text", pii = "row"},
}

local function count_text(list)
  if #list == 0 then return "none" end
  return #list == 1 and "1 address" or #list .. " addresses"
end

-- A side of a change as one line.
local function side(change, value, countries)
  if change.added then return #countries > 0 and table.concat(countries, ", ") or nil end
  if change.path == "civicAddresses" then
    if change.address then return value and change.address or nil end
    return value and count_text(value) or "unknown"
  end
  if change.path == "civicAddresses.locations" then return value and change.location or nil end
  if type(value) ~= "table" then
    if value == nil then return nil end
    return tostring(value)
  end
  if change.path:find "^contacts%[" then
    return values.text(value.fullName) or values.text(value.email) or "a contact"
  end
  return core.encode(value)
end

-- "civicAddresses.postalOrZipCode (Yarden 1, 70000 Lod, IL)"
local function field_of(change)
  if not change.address or change.path == "civicAddresses" then return change.path end
  return ("%s (%s)"):format(change.path, change.address)
end

--- A change as a row has it.
---@param change oc.diff.Change
---@return string field
---@return string|nil old
---@return string|nil new
function diff.texts(change)
  return field_of(change), side(change, change.old, change.removed), side(change, change.new, change.added)
end

local function rows_of(result)
  local rows = {}
  local function add(what, entry, field, old, new, personal)
    rows[#rows + 1] = {what, entry.company, entry.tenantId, field, old, new, pii = personal}
  end
  for _, entry in ipairs(result.added) do
    add(entry.uncertain and "added?" or "added", entry, nil, nil, entry.status)
  end
  for _, entry in ipairs(result.removed) do add("removed", entry, nil, entry.status, nil) end
  for _, entry in ipairs(result.changed) do
    for _, change in ipairs(entry.changes) do
      local field, old, new = diff.texts(change)
      add("changed", entry, field, old, new, change.personal)
    end
  end
  return rows
end

-- --- notes -------------------------------------------------------------------------------

local function counted(n)
  return n == 1 and "1 lead" or ("%d leads"):format(n)
end

local function about(side_told, usual)
  local text = ("%s: %s"):format(side_told.name or usual, counted(side_told.leads))
  if side_told.source then text = text .. " of " .. side_told.source end
  if side_told.made then text = text .. ", fetched " .. side_told.made end
  return text
end

local function is_other_question(old, new)
  return old.where ~= new.where or old.ms_tenant_id ~= new.ms_tenant_id
end

local function question(side_told)
  local parts = {}
  if side_told.where then parts[1] = "where " .. side_told.where end
  if side_told.ms_tenant_id then parts[#parts + 1] = "of tenant " .. side_told.ms_tenant_id end
  return #parts > 0 and table.concat(parts, ", ") or "all leads"
end

local function notes_of(old, new, counts, other)
  local notes = {about(old, "the old leads"), about(new, "the new leads")}
  local function note(text, ...) notes[#notes + 1] = text:format(...) end
  if other then
    note("they were asked for different leads (%s; %s): what only one of them has proves nothing", question(old),
      question(new))
  elseif old.where or old.ms_tenant_id then
    note("both hold only some leads (%s): added and removed mean among those", question(old))
  end
  if old.source and new.source and old.source ~= new.source then note "they are of different services" end
  if old.complete == false then
    note("the old leads are not all there were: %d added may have been there (added?)", counts.uncertain)
  end
  if new.complete == false then
    note("the new leads are not all there are: %s of the old ones not seen, which does not mean removed",
      counted(counts.not_seen))
  end
  if old.complete == nil or new.complete == nil then
    note "whether all leads are there is not known of both; a snapshot says (oc-leads list --snapshot)"
  end
  if counts.duplicates > 0 then note("%s came twice; the first counts", counted(counts.duplicates)) end
  return notes
end

local function both_complete(old, new)
  if old.complete == false or new.complete == false then return false end
  return (old.complete and new.complete) or nil
end

local function result_of(run, old, new)
  local other = is_other_question(old, new)
  find_removed(run, new.complete ~= false and not other)
  local uncertain = old.complete == false or other
  for _, entry in ipairs(run.added) do entry.uncertain = uncertain or nil end
  local counts = run.counts
  counts.added, counts.removed, counts.changed = #run.added, #run.removed, #run.changed
  counts.uncertain = uncertain and counts.added or 0
  local result = {
    title = "Changes", columns = {}, added = run.added, removed = run.removed, changed = status_first(run.changed),
    counts = counts, old = old, new = new, leads = counts.new, source = new.source,
    made = new.made or values.iso(run.options.now or core.time()), complete = not other and both_complete(old, new),
  }
  for i, column in ipairs(COLUMNS) do
    result.columns[i] = {title = column.title, kind = column.kind, pii = column.pii}
  end
  result.rows, result.notes = rows_of(result), notes_of(old, new, counts, other)
  return result
end

--- What has changed between two fetches.
---@param old oc.diff.Given
---@param new oc.diff.Given
---@param options? oc.diff.Options
---@return oc.diff.Result|nil
---@return oc.Error|nil err   as a source gave it
function diff.of(old, new, options)
  options = options or {}
  check(options)
  local next_old, next_new = reader(old, "old"), reader(new, "new")
  local run = {options = options, texts = {}, keys = {}, added = {}, removed = {}, changed = {},
    counts = {old = 0, new = 0, unchanged = 0, not_seen = 0, duplicates = 0, changes = 0}}
  local ok, err = read_old(run, next_old)
  if ok then ok, err = read_new(run, next_new) end
  if not ok then return nil, err end
  return result_of(run, told(old, run.counts.old), told(new, run.counts.new))
end

return setmetatable(diff, {__call = function(_, ...) return diff.of(...) end})

-- What has changed since the last run, for cron: compares the service with the snapshot in FILE,
-- then puts the new one in its place.
local oc = require "oc"
local diff, lead_file, snapshot = require "oc.report.diff", require "oc.cli.lead_file", require "oc.snapshot"

local path = arg[1]
if not os.getenv "OC_BASE_URL" or not path then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/weekly_changes.lua FILE\n"
  os.exit(2)
end

local leads = assert(oc.client()):leads {max_pages = math.huge, nulls = "null"}
local file = assert(io.open(path .. ".new", "wb"))
local writer = snapshot.writer(function(text) return file:write(text) end, {made = os.date "!%Y-%m-%dT%H:%M:%SZ"})
local now = {result = function() return leads:result() end}
function now.next()
  local lead, err = leads:next()
  if lead then assert(writer:add(oc.encode(lead))) end
  return lead, err
end

local changes, err = diff(lead_file.open(path, {}) or {}, now, {ignore = {"lastModifiedOn", "contacts"}})
if not changes then error(tostring(err), 0) end
for _, row in ipairs(changes.rows) do
  print(row[1], row[2] or "-", row[4] or "-", row[5] or "-", row[6] or "-")
end
print(("%d added, %d removed, %d changed"):format(#changes.added, #changes.removed, #changes.changed))
assert(writer:finish(leads:result()))
assert(file:close() and os.rename(path .. ".new", path))

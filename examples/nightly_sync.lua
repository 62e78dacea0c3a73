-- Finds missing civic addresses, for cron: one journal, night after night. A run that was
-- stopped goes on; what failed is tried again; exit status 4 says that something did.
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/nightly_sync.lua JOURNAL\n"
  os.exit(2)
end

local client = assert(oc.client())
local missing = oc.filter.any {oc.civic.policy.direct_missing, oc.civic.policy.missing}
local leads = assert(client:leads {where = missing, max_pages = math.huge, nulls = "null"}:all())
local result = assert(oc.civic.sync(leads, {
  policy = missing, source = oc.civic.source.platform(client), journal = arg[1], deadline_s = 4 * 3600,
}))

print(("%d leads lack addresses: %d found, %d found before, %d have none, %d failed, %d not asked about"):format(
  #leads, result.synced, result.resumed, result.empty, result.failed, result.skipped))
for _, failure in ipairs(result.failures) do
  print(("lead %s: %s"):format(failure.lead.id, tostring(failure.err)))
end
if result.stop_reason ~= "end" then print("stopped early: " .. result.stop_reason) end
os.exit(result.failed + result.skipped == 0 and 0 or 4)

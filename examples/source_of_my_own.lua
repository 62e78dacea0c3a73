-- A source of one's own: a function that is given a lead and returns its addresses, or
-- nil and a reason. Requests through the client given as `client` run several at once.
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/source_of_my_own.lua\n"
  os.exit(2)
end

local client = assert(oc.client())

-- Addresses of the same tenant's other leads, as the service has them now.
local function source(lead)
  local others = client:leads {ms_tenant_id = lead.tenantId, max_pages = 1, prefetch = 0}
  while true do
    local other, err = others:next()
    if err then return nil, err end
    if not other then return {} end
    if other.id ~= lead.id and other.civicAddresses and #other.civicAddresses > 0 then return other.civicAddresses end
  end
end

local leads = assert(client:leads {max_pages = math.huge}:all())
local result = assert(oc.civic.sync(leads, {source = source, client = client, policy = "empty(civicAddresses)"}))
for _, change in ipairs(result.changes) do print(change.id, #change.addresses .. " addresses of a sister lead") end
print(("%d of %d leads without addresses have a sister with some"):format(result.synced, #result.plan.items))

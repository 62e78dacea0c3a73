-- A policy of one's own: larger customers with an address whose postcode cannot be right,
-- or a consented country without any. Prints the plan, which nobody has applied yet.
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/policy_of_my_own.lua\n"
  os.exit(2)
end

local policy = oc.filter.all {
  'lower(status) == "active" and contactDetails.companySize >= L250_U999',
  oc.filter.any {
    'any(civicAddresses, postalOrZipCode matches "^%d%d?$")',
    oc.civic.policy.uncovered,
    function(lead) return lead.comments == "check again" end,
  },
}

local client = assert(oc.client())
local plan = assert(oc.civic.plan(client:leads {max_pages = math.huge}, {policy = policy}))
for _, item in ipairs(plan.items) do print(item.tenantId, item.addresses or "unknown", item.why) end
print(("%d of %d leads, by %s"):format(#plan.items, plan.leads, plan.policy))

-- The first leads, a line each. To try it, start a service to ask, and name it:
--   script/oc sandbox --port 8080
--   OC_BASE_URL=http://127.0.0.1:8080 script/lua examples/list.lua
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/list.lua\n"
  os.exit(2)
end

local client = assert(oc.client())
local leads = client:leads {limit = 10}

print(("%-32s %-8s %-9s %s"):format("COMPANY", "STATUS", "COUNTRIES", "CONSENTED"))
for lead in leads do
  print(("%-32s %-8s %-9s %s"):format(
    lead.contactDetails.companyName or "-",
    lead.status,
    table.concat(lead.consentedCountries, ","),
    lead.consentedOn and lead.consentedOn:sub(1, 10) or "-"))
end

local result = leads:result()
print(("%d leads, stopped by: %s"):format(result.matched, result.stop_reason))

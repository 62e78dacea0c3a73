-- Active leads without a usable address, and what is wrong with each: "unknown" (never
-- asked for), "none" (known to have none) and "not validated" are three different things.
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/without_addresses.lua\n"
  os.exit(2)
end

local function trouble_of(addresses)
  if type(addresses) ~= "table" then return "unknown" end -- oc.null
  if #addresses == 0 then return "none" end
  for _, address in ipairs(addresses) do
    if tostring(address.validationStatus):lower() == "validated" then return nil end
  end
  return "not validated"
end

local client = assert(oc.client())
local count = 0
for lead in client:leads {max_pages = math.huge, nulls = "null"} do
  local trouble = lead.status == "Active" and trouble_of(lead.civicAddresses)
  if trouble then
    count = count + 1
    print(("%-14s %s  %s"):format(trouble, lead.tenantId, tostring(lead.contactDetails.companyName)))
  end
end
print(count .. " active leads without a usable address")

--- The report `duplicates`: tenants with several leads.

local values = require "oc.civic.values"

local function brief(lead)
  local contact = type(lead.contactDetails) == "table" and lead.contactDetails or {}
  return {values.text(lead.tenantId), values.text(contact.companyName), values.text(lead.status),
    lead.isDirectLead == true, values.text(lead.consentedOn), values.text(lead.id)}
end

local function start()
  local first, rows = {}, {}
  return {
    add = function(lead)
      local tenant = values.text(lead.tenantId)
      tenant = tenant and tenant:lower()
      if not tenant then return end
      local known = first[tenant]
      if known == nil then
        first[tenant] = brief(lead)
        return
      end
      if known then rows[#rows + 1] = known end
      first[tenant] = false -- the first one has its row
      rows[#rows + 1] = brief(lead)
    end,
    finish = function() return rows end,
  }
end

return {
  title = "Tenants with several leads",
  help = "leads whose tenant has another one: usually a direct and a consented lead",
  select = {"id", "tenantId", "status", "isDirectLead", "consentedOn", "contactDetails.companyName"},
  columns = {
    {title = "Tenant id", kind = "id"},
    {title = "Company"},
    {title = "Status"},
    {title = "Direct"},
    {title = "Consented", kind = "date"},
    {title = "Lead id", kind = "id"},
  },
  start = start,
  sort = {"Tenant id", "Consented"},
}

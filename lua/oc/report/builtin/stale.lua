--- The report `stale`: active leads that nobody has changed for long.

local values = require "oc.civic.values"

local DAY_S = 86400

return {
  title = "Active leads without a change",
  help = "active leads that nobody has changed for so many days",
  options = {days = 180},
  where = function(options, now)
    return ('lower(status) == "active" and not lastModifiedOn >= date("%s")'):format(
      values.iso(now - options.days * DAY_S))
  end,
  select = {"tenantId", "umpCustomerGuid", "consentedOn", "lastModifiedOn", "contactDetails"},
  columns = {
    {title = "Changed", field = "lastModifiedOn", kind = "date"},
    {title = "Company", field = "contactDetails.companyName"},
    {title = "Size", field = "contactDetails.companySize", kind = "size"},
    {title = "Licensed", value = function(lead) return values.text(lead.umpCustomerGuid) ~= nil end},
    {title = "Consented", field = "consentedOn", kind = "date"},
    {title = "Contact", field = "contactDetails.fullName"},
    {title = "E-mail", field = "contactDetails.email"},
    {title = "Tenant id", field = "tenantId", kind = "id"},
  },
  sort = "Changed",
}

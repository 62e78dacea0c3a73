--- The report `unattached`: active leads without a channel.

local values = require "oc.civic.values"

return {
  title = "Active leads attached to no channel",
  help = "active leads whose ovocChannelId is 0 or missing",
  where = 'lower(status) == "active" and ovocChannelId in (0, null)',
  select = {"tenantId", "umpCustomerGuid", "ovocChannelId", "lastModifiedOn", "contactDetails.companyName",
    "contactDetails.companySize"},
  columns = {
    {title = "Company", field = "contactDetails.companyName"},
    {title = "Size", field = "contactDetails.companySize", kind = "size"},
    {title = "Channel", value = function(lead) return lead.ovocChannelId == 0 and "0" or "none" end},
    {title = "Licensed", value = function(lead) return values.text(lead.umpCustomerGuid) ~= nil end},
    {title = "Changed", field = "lastModifiedOn", kind = "date"},
    {title = "Tenant id", field = "tenantId", kind = "id"},
  },
  sort = {"-Size", "Company"},
  notes = {"What the channel number 0 means is not documented; it is taken for none."},
}

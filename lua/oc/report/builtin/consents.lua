--- The report `consents`: consents, month by month.

local function month_of(lead)
  return type(lead.consentedOn) == "string" and lead.consentedOn:match "^%d%d%d%d%-%d%d" or nil
end

return {
  title = "Consents by month",
  help = "when leads consented, month by month",
  select = {"consentedOn", "status", "isDirectLead"},
  group = month_of,
  none = "unknown",
  columns = {
    {title = "Month", group = true},
    {title = "Consents", count = true},
    {title = "Still active", count = 'lower(status) == "active"'},
    {title = "Direct", count = "isDirectLead"},
  },
  sort = "Month",
  chart = {kind = "line", label = "Month", value = "Consents"},
}

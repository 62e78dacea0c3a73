--- The report `status`: leads by status.

return {
  title = "Leads by status",
  help = "how many leads have which status, and how many of them are licensed",
  select = {"status", "umpCustomerGuid", "isDirectLead"},
  group = "status",
  none = "unknown",
  columns = {
    {title = "Status", group = true},
    {title = "Leads", count = true},
    {title = "Share", share = true},
    {title = "Licensed", count = "not empty(umpCustomerGuid)"},
    {title = "Direct", count = "isDirectLead"},
  },
  chart = {kind = "bar", label = "Status", value = "Leads"},
}

--- The report `sizes`: company sizes, by their low bounds.

return {
  title = "Leads by company size",
  help = "how large the companies are, and how many of them are active and licensed",
  select = {"status", "umpCustomerGuid", "contactDetails.companySize"},
  group = "contactDetails.companySize",
  none = "unknown",
  columns = {
    {title = "Company size", group = true, kind = "size"},
    {title = "Leads", count = true},
    {title = "Share", share = true},
    {title = "Active", count = 'lower(status) == "active"'},
    {title = "Licensed", count = "not empty(umpCustomerGuid)"},
  },
  sort = "Company size",
  chart = {kind = "bar", label = "Company size", value = "Leads"},
}

--- The report `unlicensed`: active leads without a licence.

return {
  title = "Active leads without a licence",
  help = "active leads to which no Live Platform licence is applied",
  where = 'lower(status) == "active" and empty(umpCustomerGuid)',
  select = {"tenantId", "isDirectLead", "consentedOn", "lastModifiedOn", "contactDetails"},
  columns = {
    {title = "Company", field = "contactDetails.companyName"},
    {title = "Size", field = "contactDetails.companySize", kind = "size"},
    {title = "Direct", field = "isDirectLead"},
    {title = "Consented", field = "consentedOn", kind = "date"},
    {title = "Changed", field = "lastModifiedOn", kind = "date"},
    {title = "Contact", field = "contactDetails.fullName"},
    {title = "E-mail", field = "contactDetails.email"},
    {title = "Phone", field = "contactDetails.phoneNumber"},
    {title = "Tenant id", field = "tenantId", kind = "id"},
  },
  sort = {"-Size", "Consented"},
}

-- A report script: active leads that consented some time ago and have no licence yet, with
-- whom to call. Not a program: to try it,
--   script/oc report examples/onboarding_follow_up.lua --from spec/fixtures/leads-sample.json
local DAY_S = 86400

return {
  title = "Onboarding to follow up",
  help = "consented some days ago, active, and still without a licence",
  options = {days = 14},
  where = function(options, now)
    local before = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(now - options.days * DAY_S))
    return ('lower(status) == "active" and empty(umpCustomerGuid) and consentedOn < date("%s")'):format(before)
  end,
  select = {"consentedOn", "consentedCountries", "contactDetails", "tenantId"},
  columns = {
    {title = "Company", field = "contactDetails.companyName"},
    {title = "Size", field = "contactDetails.companySize", kind = "size"},
    {title = "Consented", field = "consentedOn", kind = "date"},
    {title = "Countries", field = "consentedCountries"},
    {title = "Contact", field = "contactDetails.fullName"},
    {title = "Phone", field = "contactDetails.phoneNumber"},
    {title = "Tenant id", field = "tenantId", kind = "id"},
  },
  sort = {"-Size", "Consented"},
}

-- A report script: for each country that active customers consented to, how many of them
-- have no address there. Not a program: to try it,
--   script/oc report examples/emergency_coverage.lua --from spec/fixtures/leads-sample.json
local function uncovered(lead)
  local has, missing = {}, {}
  for _, address in ipairs(type(lead.civicAddresses) == "table" and lead.civicAddresses or {}) do
    has[address.country] = true
  end
  for _, country in ipairs(lead.consentedCountries) do
    if not has[country] then missing[#missing + 1] = country end
  end
  return missing
end

return {
  title = "Customers without an address, by country",
  where = 'lower(status) == "active" and count(consentedCountries) > 0',
  select = {"status", "consentedCountries", "civicAddresses.country", "contactDetails.companySize"},
  group = uncovered,
  none = "(covered everywhere)",
  columns = {
    {title = "Country", group = true},
    {title = "Customers", count = true},
    {title = "Large ones", count = "contactDetails.companySize >= L250_U999"},
  },
  chart = {kind = "bar", label = "Country", value = "Customers"},
}

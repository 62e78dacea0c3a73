--- The report `countries`: emergency coverage, country by country.

local values = require "oc.civic.values"

-- Is there an address in the country, and a validated one?
local function address_in(lead, country)
  local some, validated = false, false
  for _, address in ipairs(values.objects(lead.civicAddresses)) do
    if values.country(address.country) == country then
      some, validated = true, validated or values.is_validated(address)
    end
  end
  return some, validated
end

local function consented(lead)
  local countries, seen = {}, {}
  local list = values.known(lead.consentedCountries)
  for _, code in ipairs(type(list) == "table" and list or {}) do
    local country = values.country(code)
    if country and not seen[country] then
      seen[country] = true
      countries[#countries + 1] = country
    end
  end
  return countries
end

local function start()
  local rows, by_country = {}, {}
  local function row_of(country)
    local row = by_country[country]
    if not row then
      row = {country, 0, 0, 0, 0, nil}
      by_country[country], rows[#rows + 1] = row, row
    end
    return row
  end
  return {
    add = function(lead)
      local active = type(lead.status) == "string" and lead.status:lower() == "active"
      for _, country in ipairs(consented(lead)) do
        local row, some, validated = row_of(country), address_in(lead, country)
        row[2] = row[2] + 1
        row[3] = row[3] + (active and 1 or 0)
        row[4] = row[4] + (active and some and 1 or 0)
        row[5] = row[5] + (active and validated and 1 or 0)
      end
    end,
    finish = function()
      for _, row in ipairs(rows) do row[6] = row[3] > 0 and row[5] / row[3] or nil end
      return rows
    end,
  }
end

return {
  title = "Emergency coverage by country",
  help = "leads that consented to each country, and which of the active ones have an address there",
  select = {"status", "consentedCountries", "civicAddresses.country", "civicAddresses.validationStatus"},
  columns = {
    {title = "Country"},
    {title = "Consented", kind = "number"},
    {title = "Active", kind = "number"},
    {title = "With an address", kind = "number"},
    {title = "Validated", kind = "number"},
    {title = "Covered", kind = "percent"},
  },
  start = start,
  sort = {"-Consented", "Country"},
  chart = {kind = "bar", label = "Country", value = "Consented"},
  notes = {"With an address, validated and covered count active leads with an address in that country."},
}

-- Leads out of (seed, index), each on its own, so that any page can be built alone; the first ten are the samples.
-- Knows nothing about pages, requests or what happened to a lead after it was made.

local pools = require "oc.sandbox.pools"
local random = require "oc.sandbox.random"
local samples = require "oc.sandbox.samples"

local data = {}

local format, gsub = string.format, string.gsub
local concat = table.concat

-- Purposes a lead draws numbers for; each has its own stream, so that one does not move the others.
local SALT_LEAD, SALT_TENANT, SALT_CIVIC = 1, 2, 3

-- One lead in this many shares its tenant with the lead before it: a consentless and a consented one.
local TWIN_EVERY = 32
local DIRECT_PERCENT = 13
local EXTRA_KEY_PERCENT = 3

local OPERATOR = '"7a4e58a1-8348-4fa5-8d36-4e19125e4ac3"'
local NO_PARTNER = "00000000-0000-0000-0000-000000000000"

local LEAD = '{"civicAddresses":%s,"comments":%s,"umpCustomerGuid":%s,"isNotActive":%s,"channelId":null,'
  .. '"ovocChannelId":%s,"isDirectLead":%s,"id":"%s","tenantId":"%s","tenantOrigin":null,"operatorId":%s,'
  .. '"status":"%s","consentedOn":"%s","lastModifiedOn":"%s","consentedCountries":[%s],"contactDetails":%s,'
  .. '"contacts":%s%s}'

local CONTACT = '{"fullName":"%s %s","email":"%s.%s%d@example.com","phoneNumber":"+5550100%03d","companyName":"%s",'
  .. '"companySize":%s}'

local DIRECT_CONTACT = '{"fullName":null,"email":null,"phoneNumber":null,"companyName":"%s","companySize":null}'

local ADDRESS = '{"id":"%s","country":"%s","houseNumber":"%d%s","houseNumberSuffix":"%s","preDirectional":"%s",'
  .. '"streetName":"%s","streetSuffix":"%s","postDirectional":"","stateOrProvince":"%s","countyOrDistrict":"%s",'
  .. '"cityOrTown":"%s","cityOrTownAlias":"","postalOrZipCode":"%s","description":"%s","companyName":"%s",'
  .. '"companyId":"%s","defaultLocationId":"%s","validationStatus":"%s","tenantId":"%s","partnerId":"'
  .. NO_PARTNER .. '","locations":[%s]}'

local LOCATION = '{"id":"%s","civicAddressId":"%s","description":"%s","additionalInfo":%s,"isDefault":"%s","elin":null}'

-- The stream numbers are drawn from. A lead is made in one go, so one is enough.
local state

local function draw(below)
  state = state * 16807 % 2147483647
  return state % below
end

local function pick(list)
  return list[draw(#list) + 1]
end

local function guid_after(first)
  local a, b, c, d = draw(65536), draw(268435456), draw(16777216), draw(16777216)
  local e = b % 65536
  return format("%08x-%04x-4%03x-%04x-%06x%06x", first, a, (b - e) / 65536, 32768 + e % 16384, c, d)
end

local function guid()
  return guid_after(draw(2147483647))
end

-- Every day leads may come from, up to the point where the last is modified.
local DAYS = {}
local CONSENT_DAYS = 1300
local MONTH_LENGTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
for year = 2021, 2025 do
  for month = 1, 12 do
    local leap = year == 2024 and month == 2
    for day = 1, MONTH_LENGTHS[month] + (leap and 1 or 0) do
      DAYS[#DAYS + 1] = format("%04d-%02d-%02dT", year, month, day)
    end
  end
end

local FRACTIONS = {}
for digits = 1, 7 do FRACTIONS[digits] = ".%0" .. digits .. "d" end
local POWERS = { 10, 100, 1000, 10000, 100000, 1000000, 10000000 }

-- The service prints .NET dates: up to seven digits, trailing zeros dropped, no point when none is left.
local function fraction()
  local digits = draw(16)
  if digits == 0 then return "" end
  if digits > 7 then digits = 7 end
  local value = draw(POWERS[digits])
  if value == 0 then return "" end
  local text = format(FRACTIONS[digits], value)
  if value % 10 ~= 0 then return text end
  return (gsub(text, "0+$", ""))
end

local function stamp(day)
  local second = draw(86400)
  local in_hour, in_minute = second % 3600, second % 60
  return format("%s%02d:%02d:%02d%sZ", DAYS[day], (second - in_hour) / 3600, (in_hour - in_minute) / 60, in_minute,
    fraction())
end

local function dates()
  local day = 1 + draw(CONSENT_DAYS)
  local consented = stamp(day)
  if draw(5) == 0 then return consented, consented end
  return consented, stamp(day + 1 + draw(500))
end

local function status()
  local roll = draw(100)
  if roll < 60 then return "Active" end
  if roll < 82 then return "Removed" end
  if roll < 91 then return "Suspended" end
  return "Not Active"
end

local function company()
  local name = pick(pools.companies)
  if draw(3) == 0 then return name end
  return name .. " " .. draw(100000)
end

local function contact(company_name)
  local first, last = pick(pools.first_names), pick(pools.last_names)
  local mail = draw(1000)
  return format(CONTACT, first, last, first:lower(), last:lower(), mail, draw(1000), company_name, pick(pools.sizes))
end

-- Distinct and unsorted: the pool is walked with a stride.
local function consented_countries()
  local pool = pools.countries
  local roll = draw(20)
  local count = roll < 10 and 1 or roll < 15 and 2 or roll < 18 and 3 or 4
  -- The frequent countries stand first, where most places are known.
  local at, stride = draw(2) == 0 and draw(8) or draw(#pool), 1 + draw(5)
  local codes = {}
  for i = 1, count do
    codes[i] = pool[at % #pool + 1]
    at = at + stride
  end
  return codes
end

local function contacts_of(direct, company_name)
  if direct then return format(DIRECT_CONTACT, company_name), "null" end
  local main = contact(company_name)
  local roll = draw(20)
  if roll == 0 then return main, "[]" end
  if roll == 1 then return main, "[" .. main .. "," .. contact(company_name) .. "]" end
  return main, "[" .. main .. "]"
end

local function licence(active)
  local licensed = draw(100) < (active and 40 or 8)
  if not licensed then
    local channel = draw(10) == 0 and "0" or "null"
    return "null", draw(100) < 15 and "true" or "null", channel
  end
  local channel = draw(3) == 0 and "907" or "0"
  return '"' .. guid() .. '"', "null", channel
end

local function locations(address_id)
  local roll = draw(100)
  local count = roll < 78 and 1 or roll < 94 and 2 or 3
  local parts, default = {}, nil
  for i = 1, count do
    local id = guid()
    default = default or id
    local info = i > 1 and pick(pools.additional_info) or "null"
    parts[i] = format(LOCATION, id, address_id, pick(pools.descriptions), info, i == 1 and "true" or "false")
  end
  return concat(parts, ","), default
end

-- What users report: validated addresses whose parts contradict each other. One in eight has one such fault.
local function blemish(place, postcode)
  local roll = draw(32)
  if roll == 0 then return place.suffix, "", postcode:sub(1, 2) end
  if roll == 1 then return place.suffix, place.country, postcode end
  if roll == 2 then return place.street, "", postcode end
  if roll == 3 then return place.suffix, place.country, postcode:sub(1, 2) end
  return place.suffix, "", postcode
end

local function address(tenant, company_name, country)
  local place = pick(draw(10) > 0 and pools.places_in[country] or pools.places)
  local postcode = place.postcode
  if place.postcode_digits then postcode = format("%s%02d", postcode, draw(100)) end
  local suffix, county
  suffix, county, postcode = blemish(place, postcode)
  local id = guid()
  local location_list, default = locations(id)
  local house = draw(999) + 1
  local street = place.street
  if place.suffix ~= "" then street = street .. " " .. place.suffix end
  if suffix ~= place.street then suffix = "" end
  return format(ADDRESS, id, place.country, house, house % 40 == 0 and "D" or "", house % 50 == 1 and "A" or "",
    house % 60 == 7 and "N" or "", street, suffix, place.state, county, place.city, postcode,
    pick(pools.descriptions), company_name, house % 10 == 3 and "12345" or "", default,
    pick(pools.validation_statuses), tenant, location_list)
end

local function address_list(tenant, company_name, countries)
  local roll = draw(100)
  local count = roll < 72 and 1 or roll < 90 and 2 or roll < 97 and 3 or 4
  local parts = {}
  for i = 1, count do
    parts[i] = address(tenant, company_name, countries[i] or countries[1] or "IL")
  end
  return "[" .. concat(parts, ",") .. "]"
end

local MISSING_PERCENT = { Active = 28, Removed = 62, Suspended = 40, ["Not Active"] = 55 }

-- What is known of a lead's addresses before anybody synchronises: never known, known empty, or a list.
local function known_civic(direct, lead_status)
  local roll = draw(100)
  if roll < (direct and 52 or MISSING_PERCENT[lead_status]) then return "null" end
  if draw(8) == 0 then return "[]" end
  return nil
end

local function tenant_of(seed, index)
  local owner = index % TWIN_EVERY == 0 and index - 1 or index
  state = random.start(seed, owner, SALT_TENANT)
  return guid_after(random.scramble(seed, owner))
end

local function sample(index, text)
  text = text or samples[index]
  -- A sample's own ids stand at its top level, after the addresses, which name the tenant too.
  local id, tenant = text:match('"isDirectLead":%a+,"id":"([^"]+)","tenantId":"([^"]+)"')
  return text, id, tenant, false
end

--- How many leads are the samples.
data.sample_count = #samples

--- The addresses Microsoft knows of a lead that has none here.
---@param seed integer
---@param index integer
---@param tenant string
---@param company_name string a piece of JSON string text
---@param countries string[] ISO codes, may be empty
---@return string json a list of one to four addresses
function data.addresses(seed, index, tenant, company_name, countries)
  state = random.start(seed, index, SALT_CIVIC)
  return address_list(tenant, company_name, countries)
end

-- The endpoint never synchronises a sample, but Microsoft knows its tenant as it knows others.
local function sample_with_addresses(seed, index)
  local text = samples[index]
  local nothing, rest = text:match('^{"civicAddresses":([%a%[%]]+)(,.*)$')
  if not nothing then return text end
  local _, _, tenant = sample(index)
  local countries = {}
  for code in text:match('"consentedCountries":(%b[])'):gmatch "%a+" do countries[#countries + 1] = code end
  local company_name = text:match('"contactDetails":{.-"companyName":"([^"]*)"')
  return '{"civicAddresses":' .. data.addresses(seed, index, tenant, company_name, countries) .. rest
end

--- One lead as compact JSON.
---@param seed integer 0 .. 2^31-1
---@param index integer 1 .. 2^32-1; up to `sample_count` the samples
---@param civic? "present"|"empty" what a synchronisation has found meanwhile; nil = as first made
---@param tenant? string tenant id to use in place of its own
---@return string json
---@return string id
---@return string tenant_id
---@return boolean missing it is a direct lead without civic addresses
function data.lead(seed, index, civic, tenant)
  if index <= data.sample_count and not tenant then
    return sample(index, civic == "present" and sample_with_addresses(seed, index))
  end
  tenant = tenant or tenant_of(seed, index)
  state = random.start(seed, index, SALT_LEAD)
  local turn = index % TWIN_EVERY
  local direct = turn == 0 or (turn ~= TWIN_EVERY - 1 and draw(100) < DIRECT_PERCENT)
  local id = guid_after(random.scramble(seed + 1, index))
  local lead_status = status()
  local ump, not_active, ovoc = licence(lead_status == "Active")
  local consented, modified = dates()
  local company_name = company()
  local details, contacts = contacts_of(direct, company_name)
  local countries = direct and {} or consented_countries()
  local country_text = direct and "" or '"' .. concat(countries, '","') .. '"'
  local comments = draw(3) == 0 and "[]" or "null"
  local extra = draw(100) < EXTRA_KEY_PERCENT and pick(pools.extra_keys) or ""
  local addresses = known_civic(direct, lead_status)
  local missing = direct and addresses ~= nil
  if civic == "empty" then addresses = "[]" end
  if civic == "present" or not addresses then
    addresses = data.addresses(seed, index, tenant, company_name, countries)
  end
  local text = format(LEAD, addresses, comments, ump, not_active, ovoc, direct and "true" or "false", id, tenant,
    direct and "null" or OPERATOR, lead_status, consented, modified, country_text, details, contacts, extra)
  return text, id, tenant, missing and civic ~= "present"
end

--- Indexes whose lead may belong to a tenant; the caller makes them and looks.
---@param seed integer
---@param tenant string lower case
---@return integer[] indexes ascending
function data.indexes_of_tenant(seed, tenant)
  local found = {}
  for index = 1, data.sample_count do
    local _, _, sample_tenant = sample(index)
    if sample_tenant == tenant then found[#found + 1] = index end
  end
  local first = tenant:match("^(%x%x%x%x%x%x%x%x)%-")
  if not first then return found end
  local owner = random.unscramble(seed, tonumber(first, 16))
  if owner <= data.sample_count then return found end
  found[#found + 1] = owner
  found[#found + 1] = owner + 1
  return found
end

return data

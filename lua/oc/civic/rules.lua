--- The rules of an audit: what can be wrong with a lead's civic addresses, as a list that users extend.
--
-- A rule sees one lead or one address, in memory, and reports. Which rules are asked, and what becomes of what they
-- report, is the business of audit.lua.

local errors = require "oc.errors"
local postcodes = require "oc.civic.postcodes"

local rules = {}

--- A rule.
---@class oc.civic.Rule
---@field id string   small letters, digits, hyphens: "postcode-missing"
---@field severity "error"|"warning"|"info"
---@field of "lead"|"address"   what it is asked about
---@field countries? string[]   of an address: only about those in these countries
---@field text string   what a finding of it means, one line
--- value: the address, or the lead itself.
---@field check fun(value: oc.Lead|oc.CivicAddress, lead: oc.Lead, report: oc.civic.Report)

--- What a rule calls for each thing that is wrong: what it is and what to do, without anybody's data; and the field, as
--- a path below the address or lead: "postalOrZipCode", "locations[2].isDefault".
---@alias oc.civic.Report fun(message: string, field?: string)

--- Severities, the worst first.
---@type string[]
rules.severities = {"error", "warning", "info"}

-- --- for rules: values that bear nulls ----------------------------------------------

--- A field's text, without white space around it; nil for null, "" and what is no text.
---@param value any
---@return string|nil
function rules.text(value)
  if type(value) == "number" then value = tostring(value) end
  local text = type(value) == "string" and value:match "^%s*(.-)%s*$"
  return text and text ~= "" and text or nil
end

--- A field's list; an empty one for null and what is no list.
---@param value any
---@return table
function rules.list(value)
  return type(value) == "table" and value or {}
end

--- A field's country, as `postcodes.country` has it; nil for null and "".
---@param value any
---@return string|nil
function rules.country(value)
  local text = rules.text(value)
  return text and postcodes.country(text)
end

--- Is the lead's status Active, whatever its case?
---@param lead oc.Lead
---@return boolean
function rules.is_active(lead)
  local status = rules.text(lead.status)
  return status ~= nil and status:lower() == "active"
end

local text, list, country, is_active = rules.text, rules.list, rules.country, rules.is_active

-- --- what the built-in rules share ---------------------------------------------------

local IN_TEAMS = "the customer corrects it in the Teams admin center"

-- For comparing: small letters, single blanks; "" for nothing.
local function plain(value)
  return ((text(value) or ""):lower():gsub("%s+", " "))
end

-- A code from elsewhere in a message, if it may be a code.
local function shown(code)
  return code:find "^%a%a%a?$" and code or "the code"
end

-- A text in a message by its shape alone: "D-12345" is "A-NNNNN".
local function shape_of(value)
  local shape = value:sub(1, 12):gsub("[^%w%p ]", "?"):gsub("%a", "A"):gsub("%d", "N")
  return #value > 12 and shape .. "..." or shape
end

-- The first shapes, for a message.
local function shapes_of(code)
  local names, shapes = {}, postcodes.shapes(code)
  for shape in (shapes .. " or "):gmatch "(.-) or " do names[#names + 1] = shape end
  local key = shapes:find "X" and "N digit, A letter, X either" or shapes:find "A" and "N digit, A letter" or "N digit"
  if #names <= 3 then return ("%s (%s)"):format(table.concat(names, " or "), key) end
  return ("%s and the like (%s)"):format(table.concat(names, ", ", 1, 3), key)
end

-- The countries consented to, as a set; nil if there are none.
local function consented(lead)
  local set
  for _, code in ipairs(list(lead.consentedCountries)) do
    local name = country(code)
    if name then
      set = set or {}
      set[name] = true
    end
  end
  return set
end

-- The addresses that are there, as index, address.
local function each_address(lead)
  local all, i = list(lead.civicAddresses), 0
  return function()
    repeat i = i + 1 until all[i] == nil or type(all[i]) == "table"
    if all[i] ~= nil then return i, all[i] end
  end
end

-- The locations of an address that are there: {index, location}.
local function locations_of(address)
  local found = {}
  for i, location in ipairs(list(address.locations)) do
    if type(location) == "table" then found[#found + 1] = {index = i, location = location} end
  end
  return found
end

-- Those that are flagged: isDefault is a boolean, or its name as text.
local function default_locations(address)
  local found = {}
  for _, entry in ipairs(locations_of(address)) do
    local flag = entry.location.isDefault
    if flag == true or plain(flag) == "true" then found[#found + 1] = entry end
  end
  return found
end

local function same_id(a, b)
  return plain(a) == plain(b)
end

local CONTENT = {"country", "houseNumber", "houseNumberSuffix", "preDirectional", "streetName", "streetSuffix",
  "postDirectional", "stateOrProvince", "cityOrTown", "postalOrZipCode"}

-- What an address says, whatever its ids; nil if it says nothing.
local function content(address)
  local parts = {}
  for i, field in ipairs(CONTENT) do parts[i] = plain(address[field]) end
  parts[1] = (country(address.country) or ""):lower()
  local joined = table.concat(parts, "\n")
  return joined:find "[^\n]" and joined or nil
end

-- A rule for a field that is to be there.
local function wants(id, severity, field, what)
  return {
    id = id, severity = severity, of = "address", text = ("an address has no %s (%s)"):format(what, field),
    check = function(address, _, report)
      if not text(address[field]) then report(("no %s: %s"):format(what, IN_TEAMS), field) end
    end,
  }
end

-- --- the rules -----------------------------------------------------------------------

--- The built-in rules, in the order in which they are asked. Not to be changed: make a list of your own.
---@type oc.civic.Rule[]
rules.builtin = {
  {
    id = "addresses-unknown", severity = "warning", of = "lead",
    text = "an active lead whose addresses were never known (civicAddresses is null)",
    check = function(lead, _, report)
      if is_active(lead) and type(lead.civicAddresses) ~= "table" then
        report("addresses were never known: synchronise this lead, or ask the customer", "civicAddresses")
      end
    end,
  },
  {
    id = "addresses-none", severity = "error", of = "lead",
    text = "an active lead that is known to have no address (civicAddresses is [])",
    check = function(lead, _, report)
      if is_active(lead) and type(lead.civicAddresses) == "table" and next(lead.civicAddresses) == nil then
        report("known to have no address: the customer adds one in the Teams admin center", "civicAddresses")
      end
    end,
  },
  {
    id = "country-uncovered", severity = "warning", of = "lead",
    text = "a consented country without any address in it, of an active lead that has addresses",
    check = function(lead, _, report)
      if not is_active(lead) or not each_address(lead)() then return end
      local done = {}
      for _, address in each_address(lead) do done[country(address.country) or ""] = true end
      for i, code in ipairs(list(lead.consentedCountries)) do
        local name = country(code)
        if name and not done[name] then
          done[name] = true
          report(("no address in %s, where the customer consented: one is needed before calls start there"):format(
            shown(name)), ("consentedCountries[%d]"):format(i))
        end
      end
    end,
  },
  {
    id = "address-duplicate", severity = "info", of = "lead",
    text = "an address that says the same as one before it, under another id",
    check = function(lead, _, report)
      local first = {}
      for i, address in each_address(lead) do
        local said = content(address)
        if said and first[said] then
          report(("says the same as civicAddresses[%d]: the customer keeps one of them"):format(first[said]),
            ("civicAddresses[%d]"):format(i))
        elseif said then
          first[said] = i
        end
      end
    end,
  },
  {
    id = "not-validated", severity = "error", of = "address",
    text = "validationStatus is neither Validated nor Valid",
    check = function(address, _, report)
      local status = plain(address.validationStatus)
      if status ~= "validated" and status ~= "valid" then
        report("not validated: the customer validates it in the Teams admin center", "validationStatus")
      end
    end,
  },
  wants("country-missing", "error", "country", "country"),
  {
    id = "country-unknown", severity = "error", of = "address",
    text = "country is no code of ISO 3166 (UK and EL count as GB and GR)",
    check = function(address, _, report)
      local code = country(address.country)
      if code and not postcodes.is_country(code) then
        report(("%s is no country code of two letters (ISO 3166): %s"):format(shown(code), IN_TEAMS), "country")
      end
    end,
  },
  {
    id = "country-not-consented", severity = "warning", of = "address",
    text = "country is not among the lead's consentedCountries, where it has any",
    check = function(address, lead, report)
      local code, allowed = country(address.country), consented(lead)
      if code and allowed and postcodes.is_country(code) and not allowed[code] then
        report(("the customer has not consented to calling in %s: ask for consent, or take the address away"):format(
          code), "country")
      end
    end,
  },
  wants("city-missing", "error", "cityOrTown", "city"),
  wants("street-missing", "error", "streetName", "street"),
  wants("house-number-missing", "warning", "houseNumber", "house number"),
  {
    id = "street-repeated", severity = "warning", of = "address",
    text = "streetSuffix repeats streetName",
    check = function(address, _, report)
      local street = plain(address.streetName)
      if street ~= "" and street == plain(address.streetSuffix) then
        report("the street's suffix repeats its name: " .. IN_TEAMS, "streetSuffix")
      end
    end,
  },
  {
    id = "county-is-country", severity = "warning", of = "address",
    text = "countyOrDistrict is the country's code",
    check = function(address, _, report)
      local county, code = country(address.countyOrDistrict), country(address.country)
      if county and county == code then
        report("the county is the country's code: " .. IN_TEAMS, "countyOrDistrict")
      end
    end,
  },
  {
    id = "postcode-missing", severity = "warning", of = "address",
    text = "no postalOrZipCode, in a country where every address has one",
    check = function(address, _, report)
      local code = country(address.country)
      if code and postcodes.expected(code) and not text(address.postalOrZipCode) then
        report(("no postcode; those of %s are %s: %s"):format(code, shapes_of(code), IN_TEAMS), "postalOrZipCode")
      end
    end,
  },
  {
    id = "postcode-impossible", severity = "error", of = "address",
    text = "postalOrZipCode cannot be a postcode of the country",
    check = function(address, _, report)
      local code, postcode = country(address.country), text(address.postalOrZipCode)
      if code and postcode and not postcodes.possible(code, postcode) then
        report(("a postcode of the form %s; those of %s are %s: %s"):format(shape_of(postcode), code, shapes_of(code),
          IN_TEAMS), "postalOrZipCode")
      end
    end,
  },
  {
    id = "tenant-mismatch", severity = "error", of = "address",
    text = "tenantId is not the lead's",
    check = function(address, lead, report)
      if text(address.tenantId) and text(lead.tenantId) and not same_id(address.tenantId, lead.tenantId) then
        report("belongs to another tenant than the lead: do not use it, and ask the service's support", "tenantId")
      end
    end,
  },
  {
    id = "default-location-missing", severity = "error", of = "address",
    text = "defaultLocationId is empty, or is the id of none of the locations",
    check = function(address, _, report)
      if not text(address.defaultLocationId) then
        report("no default location: the customer sets one in the Teams admin center", "defaultLocationId")
      elseif type(address.locations) == "table" then
        for _, entry in ipairs(locations_of(address)) do
          if same_id(entry.location.id, address.defaultLocationId) then return end
        end
        report("the default location is none of the locations: synchronise the address, or " .. IN_TEAMS,
          "defaultLocationId")
      end
    end,
  },
  {
    id = "default-location-several", severity = "warning", of = "address",
    text = "more than one location is flagged isDefault",
    check = function(address, _, report)
      local found = default_locations(address)
      for i = 2, #found do
        report(("a default location beside locations[%d]: the customer leaves one"):format(found[1].index),
          ("locations[%d].isDefault"):format(found[i].index))
      end
    end,
  },
  {
    id = "default-location-unflagged", severity = "warning", of = "address",
    text = "there are locations, and none is flagged isDefault",
    check = function(address, _, report)
      if #locations_of(address) > 0 and #default_locations(address) == 0 then
        report("no location is the default: the customer sets one in the Teams admin center", "locations")
      end
    end,
  },
  {
    id = "default-location-disagrees", severity = "warning", of = "address",
    text = "the location flagged isDefault is not that of defaultLocationId",
    check = function(address, _, report)
      local found = default_locations(address)
      if #found == 1 and text(address.defaultLocationId)
        and not same_id(found[1].location.id, address.defaultLocationId) then
        report("flagged as default, but defaultLocationId names another: synchronise the address again",
          ("locations[%d].isDefault"):format(found[1].index))
      end
    end,
  },
  {
    id = "location-foreign", severity = "error", of = "address",
    text = "a location's civicAddressId is not the address's id",
    check = function(address, _, report)
      if not text(address.id) then return end
      for _, entry in ipairs(locations_of(address)) do
        local owner = entry.location.civicAddressId
        if text(owner) and not same_id(owner, address.id) then
          report("a location of another address: do not use it, and synchronise the address again",
            ("locations[%d].civicAddressId"):format(entry.index))
        end
      end
    end,
  },
}

-- --- lists of rules ------------------------------------------------------------------

local FIELDS = {id = "string", severity = "string", of = "string", text = "string", check = "function"}

local function one_of(value, ...)
  for _, allowed in ipairs {...} do
    if value == allowed then return nil end
  end
  return ("one of %s expected, got '%s'"):format(table.concat({...}, ", "), value)
end

local function fault_of_countries(rule)
  if rule.countries == nil then return nil end
  if rule.of ~= "address" then return "countries: only for rules of an address" end
  if type(rule.countries) ~= "table" or #rule.countries == 0 then return "countries: a list of codes expected" end
  for i, code in ipairs(rule.countries) do
    if type(code) ~= "string" or not postcodes.is_country(code) then
      return ("countries: [%d]: a code of ISO 3166 such as IL expected, got '%s'"):format(i, tostring(code))
    end
  end
end

local function fault_of(rule)
  if type(rule) ~= "table" then return "a table expected, got " .. type(rule) end
  for _, name in ipairs {"id", "severity", "of", "text", "check"} do
    if type(rule[name]) ~= FIELDS[name] then
      return ("%s: a %s expected, got %s"):format(name, FIELDS[name], type(rule[name]))
    end
  end
  for name in pairs(rule) do
    if not FIELDS[name] and name ~= "countries" then return ("unknown field '%s'"):format(tostring(name)) end
  end
  if not rule.id:find "^%l[%l%d-]*$" then return "id: small letters, digits and hyphens expected" end
  if rule.text == "" or rule.text:find "%c" then return "text: one line expected" end
  local fault = one_of(rule.severity, "error", "warning", "info")
  if fault then return "severity: " .. fault end
  fault = one_of(rule.of, "lead", "address")
  if fault then return "of: " .. fault end
  return fault_of_countries(rule)
end

--- What is wrong with a list of rules; nil: nothing.
---@param given any
---@return string|nil fault   "rule 2 (phone-missing): severity: ..."
---@return integer|nil line   where the check of that rule begins, if it has one
function rules.fault(given)
  if type(given) ~= "table" then return "a list of rules expected, got " .. type(given) end
  local seen = {}
  for key in pairs(given) do
    if type(key) ~= "number" or key < 1 or key > #given or key % 1 ~= 0 then
      return ("a list of rules expected, and it has the key '%s'"):format(tostring(key))
    end
  end
  for i, rule in ipairs(given) do
    local fault = fault_of(rule)
    if not fault and seen[rule.id] then fault = ("rule %d has the same id"):format(seen[rule.id]) end
    if fault then
      local id = type(rule) == "table" and type(rule.id) == "string" and (" (%s)"):format(rule.id) or ""
      local check = type(rule) == "table" and type(rule.check) == "function" and rule.check
      return ("rule %d%s: %s"):format(i, id, fault), check and debug.getinfo(check, "S").linedefined or nil
    end
    seen[rule.id] = i
  end
end

--- A list and more rules behind it, as a new list. One with the id of an earlier rule takes its place.
---@param base oc.civic.Rule[]
---@param more oc.civic.Rule[]
---@return oc.civic.Rule[]
function rules.extend(base, more)
  local made, place = {}, {}
  for _, part in ipairs {base, more} do
    for _, rule in ipairs(part) do
      place[rule.id] = place[rule.id] or #made + 1
      made[place[rule.id]] = rule
    end
  end
  return made
end

local function refuse(message)
  return nil, errors.new("options", message)
end

-- A file of Lua text as a function: precompiled code is refused, since it can harm whoever runs it.
local function compile(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local source, fault = file:read "*a"
  file:close()
  if not source then return nil, path .. ": " .. tostring(fault) end
  if source:sub(1, 1) == "\27" then return nil, path .. ": Lua text expected, not compiled code" end
  return (rawget(_G, "loadstring") or load)(source:gsub("^#[^\n]*", "", 1), "@" .. path)
end

--- The rules of a file: Lua text that returns a list of rules. It is run, so it must be trusted.
---@param path string
---@return oc.civic.Rule[]|nil
---@return oc.Error|nil err   kind `options`, with the file and the line where that is known
function rules.load(path)
  local chunk, why = compile(path)
  if not chunk then return refuse("cannot read rules: " .. why) end
  local ok, given = pcall(chunk)
  if not ok then
    if given == "not enough memory" then error(given, 0) end
    return refuse("cannot read rules: " .. (type(given) == "string" and given or path .. ": it raised no text"))
  end
  local fault, line = rules.fault(given)
  if fault then return refuse(("cannot read rules: %s:%s %s"):format(path, line and line .. ":" or "", fault)) end
  return given
end

return rules

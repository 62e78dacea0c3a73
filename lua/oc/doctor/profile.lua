--- What leads look like, without what they say: keys, types, forms of texts, and how
-- often. A value never gets in here, so none can get out.

local oc = require "oc"

local profile = {}

-- The keys that are known; others are of interest.
local KNOWN = {}
for name in ([[civicAddresses comments umpCustomerGuid isNotActive channelId ovocChannelId isDirectLead id tenantId
  tenantOrigin operatorId status consentedOn lastModifiedOn consentedCountries contactDetails contacts fullName email
  phoneNumber companyName companySize country houseNumber houseNumberSuffix preDirectional streetName streetSuffix
  postDirectional stateOrProvince countyOrDistrict cityOrTown cityOrTownAlias postalOrZipCode description companyId
  defaultLocationId validationStatus partnerId locations civicAddressId additionalInfo isDefault elin]]):gmatch "%S+" do
  KNOWN[name] = true
end

-- Objects in which a key that is not known must stand before its name is shown; half
-- of them where the object itself is not known: its keys may be data (a map by
-- customer, say).
local SEEN_IN = 2
local LONGEST_KEY = 40

-- More different keys than this are no object but a map.
local MOST_PATHS = 500

-- Beyond this depth nothing is looked at.
local MOST_DEPTH = 16

local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
local DATE = "^(%d%d%d%d)%-%d%d%-%d%dT%d%d:%d%d:%d%d(%.?%d*)(.*)$"

-- Texts that are a choice of few, none of them personal.
local CHOICES = {
  status = {"Active", "Removed", "Suspended", "Not Active"},
  validationStatus = {"Validated", "validated", "notValidated", "NotValidated", "Notvalidated", "Valid", "Invalid"},
  isDefault = {"true", "false"},
}

-- The form of a date: how many digits its fraction has, and how its zone is written.
local function form_of_date(year, fraction, zone)
  local how = zone == "Z" and "Z" or zone == "" and "no zone" or zone:find "^[+-]%d%d:%d%d$" and "+00:00"
    or zone:find "^[+-]%d%d%d%d$" and "+0000"
  if not how or fraction == "." then return nil end
  return ("date, %s, %d digits%s"):format(how, math.max(#fraction - 1, 0), year == "0001" and ", year 1" or "")
end

local function form_of_text(key, text)
  if text == "" then return "empty text" end
  for _, choice in ipairs(CHOICES[key] or {}) do
    if text == choice then return ("%q"):format(choice) end
  end
  if text == "00000000-0000-0000-0000-000000000000" then return "GUID of zeros" end
  if text:find(GUID) then return "GUID" end
  if key == "companySize" and text:find "^L%d+_U%w+$" then return "size L…_U…" end
  if key == "consentedCountries" and text:find "^%u%u$" then return "two capitals" end
  local year, fraction, zone = text:match(DATE)
  return year and form_of_date(year, fraction, zone) or "text"
end

local function form_of_number(value)
  if value == 0 then return "0" end
  return value % 1 == 0 and "integer" or "number"
end

local function is_array(value)
  return getmetatable(value) ~= nil or value[1] ~= nil
end

local function form_of(key, value)
  if value == oc.null then return "null" end
  local kind = type(value)
  if kind == "string" then return form_of_text(key, value) end
  if kind == "number" then return form_of_number(value) end
  if kind == "boolean" then return tostring(value) end
  if is_array(value) then return #value == 0 and "empty array" or "array" end
  return next(value) == nil and "empty object" or "object"
end

local function may_be_shown(key)
  return KNOWN[key] or #key <= LONGEST_KEY and key:find "^%l[%w_]*$" ~= nil and not key:find "%d%d%d"
end

-- Counts a value at a place. A place is a key within a place; `objects` says how
-- often the thing that holds the key was there.
local function visit(self, place, key, value, depth)
  local form = form_of(key, value)
  place.forms[form] = (place.forms[form] or 0) + 1
  place.count = place.count + 1
  if depth > MOST_DEPTH or type(value) ~= "table" then return end
  if is_array(value) then
    for _, element in ipairs(value) do
      place.elements = place.elements or {forms = {}, count = 0, keys = {}}
      visit(self, place.elements, key, element, depth + 1)
    end
    return
  end
  for name, member in pairs(value) do
    local inner = type(name) == "string" and place.keys[name]
    if not inner and self.paths < MOST_PATHS then
      inner = {forms = {}, count = 0, keys = {}}
      place.keys[name], self.paths = inner, self.paths + 1
    end
    if inner then
      visit(self, inner, name, member, depth + 1)
    else
      place.hidden = (place.hidden or 0) + 1
    end
  end
end

-- The rows of a place and those within it, sorted by path.
local function add_rows(rows, place, path, known)
  local forms = {}
  for form, count in pairs(place.forms) do forms[#forms + 1] = {form = form, count = count} end
  table.sort(forms, function(a, b) return a.form < b.form end)
  local row = {path = path, count = place.count, forms = forms, known = known}
  rows[#rows + 1] = row
  if place.elements then add_rows(rows, place.elements, path .. "[]", known) end
  local names, hidden = {}, place.hidden or 0
  local often = known and SEEN_IN or math.max(SEEN_IN, (place.forms.object or 0) / 2)
  for name, inner in pairs(place.keys) do
    if may_be_shown(name) and (KNOWN[name] or inner.count >= often) then
      names[#names + 1] = name
    else
      hidden = hidden + 1
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    add_rows(rows, place.keys[name], path == "" and name or path .. "." .. name, KNOWN[name] ~= nil)
  end
  if hidden > 0 then row.hidden = hidden end
end

-- Dates compare as texts once their fractions are equally long; others not at all.
local function comparable(lead, key)
  local text = type(lead) == "table" and lead[key]
  if type(text) ~= "string" then return nil end
  if key == "id" then return text:lower() end
  local second, fraction, zone = text:match "^(%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d)%.?(%d*)(.*)$"
  if zone ~= "Z" then return nil end
  return second .. "." .. (fraction .. "000000000"):sub(1, 9)
end

-- How leads stand by a key: "rising", "falling", "neither"; nil when too few have it.
local function order_by(leads, key)
  local rises, falls, compared, last = true, true, 0, nil
  for _, lead in ipairs(leads) do
    local this = comparable(lead, key)
    if this and last then
      compared = compared + 1
      rises, falls = rises and last <= this, falls and last >= this
    end
    last = this or last
  end
  if compared < 2 then return nil end
  return rises and falls and "equal" or rises and "rising" or falls and "falling" or "neither"
end

---@class oc.doctor.Profile
---@field leads integer
---@field rows table[]   {path, count, known, hidden, forms = {{form, count}, …}}; hidden: keys that are not shown
---@field order table<string, string>   by id, consentedOn, lastModifiedOn

--- The profile of leads that were read with nulls.
---@param leads table[]
---@return oc.doctor.Profile
function profile.of(leads)
  local self, top = {paths = 0}, {forms = {}, count = 0, keys = {}}
  for _, lead in ipairs(leads) do visit(self, top, "", lead, 1) end
  local rows, order = {}, {}
  if #leads > 0 then add_rows(rows, top, "", true) end
  for _, key in ipairs {"id", "consentedOn", "lastModifiedOn"} do order[key] = order_by(leads, key) end
  return {leads = #leads, rows = rows, order = order}
end

return profile

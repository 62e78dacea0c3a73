--- What has changed between two states of a lead, field by field. Knows contents, not where leads come from.

local content = require "oc.diff.content"
local core = require "oc.core"
local pairing = require "oc.diff.pairing"
local values = require "oc.civic.values"

local changes = {}

--- A field that has changed.
---@class oc.diff.Change
---@field path string   "status", "contacts[1].email", "civicAddresses.postalOrZipCode"
---@field old any   nil: nothing was there; of an address its content
---@field new any
---@field address? string   of a civic address: where it is, in one line
---@field location? string   of one of its locations: what it is called
---@field added? string[]   of consentedCountries
---@field removed? string[]
---@field personal? boolean   data of a person

-- --- single values -----------------------------------------------------------------------

-- A date-time as a text that all ways to write it share; nil for anything else.
local function instant(text)
  local whole, rest = text:match "^(%d%d%d%d%-%d%d%-%d%d[Tt ]%d%d:%d%d:%d%d)(.*)$"
  if not whole then return nil end
  local fraction, zone = rest:match "^%.(%d+)(.*)$"
  local seconds = core.instant(whole .. (zone or rest))
  return seconds and ("%.0f.%s"):format(seconds, ((fraction or ""):gsub("0+$", "")))
end

local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
local WITHOUT_CASE = {status = true, validationStatus = true, tenantId = true}

-- A number and its text are the same: the service documents one and sends the other.
local function same(a, b, name)
  if a == b then return true end
  if type(a) == "number" and type(b) == "string" or type(a) == "string" and type(b) == "number" then
    return tostring(a) == tostring(b)
  end
  if type(a) ~= "string" or type(b) ~= "string" then return false end
  if a:lower() == b:lower() and (WITHOUT_CASE[name] or a:find(GUID)) then return true end
  local at = instant(a)
  return at ~= nil and at == instant(b)
end

local function is_object(value)
  return type(value) == "table" and value[1] == nil
end

-- --- objects -----------------------------------------------------------------------------

-- All names of both, those of `first` before the rest, which is sorted; those of `last` behind them.
local function names_of(a, b, first, last)
  local rank, names, seen = {}, {}, {}
  for i, name in ipairs(first) do rank[name] = i end
  for _, object in ipairs {a, b} do
    for name in pairs(object) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  local function rank_of(name) return rank[name] or (last[name] and math.huge) or #first + 1 end
  table.sort(names, function(x, y)
    local rank_x, rank_y = rank_of(x), rank_of(y)
    if rank_x ~= rank_y then return rank_x < rank_y end
    return tostring(x) < tostring(y)
  end)
  return names
end

local CONTACT_ORDER = {"companyName", "companySize", "fullName", "email", "phoneNumber"}

-- Compares what may be objects: those by their fields, anything else whole.
local function compare(add, path, old, new, name)
  if is_object(old or new) and is_object(new or old) then
    old, new = old or {}, new or {}
    for _, key in ipairs(names_of(old, new, CONTACT_ORDER, {})) do
      compare(add, path .. "." .. tostring(key), old[key], new[key], key)
    end
  elseif not same(old, new, name) and not values.equal(old, new) then
    add {path = path, old = old, new = new}
  end
end

-- --- contacts and countries ------------------------------------------------------------

local function email_of(contact)
  return type(contact) == "table" and values.text(contact.email) and contact.email:lower() or nil
end

local function same_person(a, b)
  return email_of(a) ~= nil and email_of(a) == email_of(b)
end

local function compare_contacts(add, _, old, new)
  old, new = values.objects(old), values.objects(new)
  local pairs_of, gone, come = pairing.by(old, new, {values.equal, same_person, function() return true end})
  for _, pair in ipairs(pairs_of) do
    compare(add, ("contacts[%d]"):format(pair[2]), old[pair[1]], new[pair[2]])
  end
  for _, i in ipairs(gone) do add {path = ("contacts[%d]"):format(i), old = old[i]} end
  for _, i in ipairs(come) do add {path = ("contacts[%d]"):format(i), new = new[i]} end
end

local function set_of(list)
  local set = {}
  for _, code in ipairs(type(list) == "table" and list or {}) do
    if values.text(code) then set[code:upper()] = true end
  end
  return set
end

local function missing_in(set, other)
  local missing = {}
  for code in pairs(set) do
    if not other[code] then missing[#missing + 1] = code end
  end
  table.sort(missing)
  return values.array(missing)
end

local function compare_countries(add, path, old, new)
  local had, has = set_of(old), set_of(new)
  local added, removed = missing_in(has, had), missing_in(had, has)
  if #added + #removed > 0 then
    add {path = path, old = missing_in(had, {}), new = missing_in(has, {}), added = added, removed = removed}
  end
end

-- --- addresses -------------------------------------------------------------------------

local function joined(parts, separator)
  local filled = {}
  for i = 1, parts.n do
    local text = parts[i]
    if type(text) == "number" then text = tostring(text) end
    if values.text(text) then filled[#filled + 1] = text end
  end
  return table.concat(filled, separator)
end

--- Where an address is, in one line.
---@param address table
---@return string
function changes.label(address)
  local house = joined({address.houseNumber, address.houseNumberSuffix, n = 2}, "")
  local street = joined({address.streetName, house, n = 2}, " ")
  local town = joined({address.postalOrZipCode, address.cityOrTown, n = 2}, " ")
  local label = joined({street, town, address.country, n = 3}, ", ")
  return label ~= "" and label or values.text(address.description) or "an address"
end

local function location_label(location)
  local label = joined({location.description, location.additionalInfo, n = 2}, ", ")
  return label ~= "" and label or "a location"
end

local LOCATION_FIELDS = {"additionalInfo", "elin", "description"}
local ADDRESS_FIELDS = {"streetName", "houseNumber", "cityOrTown", "postalOrZipCode", "description"}

local function compare_locations(add, old, new, label)
  old, new = old or {}, new or {}
  local pairs_of, gone, come = pairing.alike(old, new, LOCATION_FIELDS, 1)
  local path = "civicAddresses.locations"
  for _, pair in ipairs(pairs_of) do
    compare(function(change)
      change.address, change.location = label, location_label(new[pair[2]])
      add(change)
    end, path, old[pair[1]], new[pair[2]])
  end
  for _, i in ipairs(gone) do add {path = path, address = label, location = location_label(old[i]), old = old[i]} end
  for _, i in ipairs(come) do add {path = path, address = label, location = location_label(new[i]), new = new[i]} end
end

local function compare_address(add, old, new)
  local label = changes.label(new)
  local old_locations, new_locations = old.locations, new.locations
  old.locations, new.locations = nil, nil
  compare(function(change)
    change.address = label
    add(change)
  end, "civicAddresses", old, new)
  compare_locations(add, old_locations, new_locations, label)
end

-- What two sorted lists of texts do not share.
local function unshared(old, new)
  local count, gone, come = {}, {}, {}
  for _, text in ipairs(new) do count[text] = (count[text] or 0) + 1 end
  for _, text in ipairs(old) do
    if (count[text] or 0) > 0 then count[text] = count[text] - 1 else gone[#gone + 1] = content.address(text) end
  end
  for _, text in ipairs(new) do
    if count[text] > 0 then
      count[text] = count[text] - 1
      come[#come + 1] = content.address(text)
    end
  end
  return gone, come
end

local function decoded(texts)
  local list = values.array {}
  for i, text in ipairs(texts) do list[i] = content.address(text) end
  return list
end

local function compare_addresses(add, old, new)
  if not old and not new then return end
  if not new or (not old and #new == 0) then -- nobody knows any more; it is known now that there is none
    return add {path = "civicAddresses", old = old and decoded(old), new = new and decoded(new)}
  end
  local gone, come = unshared(old or {}, new)
  local pairs_of, rest_gone, rest_come = pairing.alike(gone, come, ADDRESS_FIELDS, 2, "country")
  for _, pair in ipairs(pairs_of) do compare_address(add, gone[pair[1]], come[pair[2]]) end
  for _, i in ipairs(rest_gone) do add {path = "civicAddresses", address = changes.label(gone[i]), old = gone[i]} end
  for _, i in ipairs(rest_come) do add {path = "civicAddresses", address = changes.label(come[i]), new = come[i]} end
end

-- --- leads -------------------------------------------------------------------------------

local FIRST = {"status", "isDirectLead", "isNotActive", "umpCustomerGuid", "tenantId", "operatorId", "tenantOrigin",
  "channelId", "ovocChannelId", "consentedOn", "consentedCountries", "contactDetails", "contacts", "civicAddresses",
  "comments"}
local LAST = {lastModifiedOn = true}

local WAYS = {contacts = compare_contacts, consentedCountries = compare_countries}

local NOT_PERSONAL = {["contactDetails.companyName"] = true, ["contactDetails.companySize"] = true}

local function is_personal(path)
  return (path:find "^contacts" or path:find "^contactDetails") ~= nil and not NOT_PERSONAL[path] or nil
end

--- What has changed between two texts of `content.pack`: the status first, when it was modified last.
---@param old string
---@param new string
---@return oc.diff.Change[]
function changes.between(old, new)
  local list = {}
  if old == new then return list end
  local function add(change)
    change.personal = is_personal(change.path)
    list[#list + 1] = change
  end
  local had, old_addresses = content.unpack(old)
  local has, new_addresses = content.unpack(new)
  had.id, has.id = nil, nil -- they were matched by it
  had.civicAddresses, has.civicAddresses = old_addresses, new_addresses
  for _, name in ipairs(names_of(had, has, FIRST, LAST)) do
    if name == "civicAddresses" then
      compare_addresses(add, old_addresses, new_addresses)
    else
      (WAYS[name] or compare)(add, tostring(name), had[name], has[name], name)
    end
  end
  return list
end

return changes

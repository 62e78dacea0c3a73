--- What a lead says, without what it happens to be written like: one text for each lead, the same where nothing that a
-- person would call a change is different. Addresses and locations are in it without their ids, in an order of their
-- own, since the service makes new ids. Knows nothing of comparing.

local core = require "oc.core"
local values = require "oc.civic.values"

local content = {}

local NO_GUID = "00000000-0000-0000-0000-000000000000"

local clean

local function is_clean(value)
  for _, item in pairs(value) do
    if clean(item) ~= item then return false end
  end
  return true
end

-- An empty text and an empty list are as good as nothing; of the list of addresses alone that is not so. What is clean
-- is not copied: there are many leads.
function clean(value)
  if value == core.null or value == "" then return nil end
  if type(value) ~= "table" then return value end
  if next(value) == nil then return nil end
  if is_clean(value) then return value end
  local cleaned, is_list = {}, value[1] ~= nil
  for key, item in pairs(value) do
    local kept = clean(item)
    if kept == nil and is_list then kept = core.null end -- its place counts
    cleaned[key] = kept
  end
  return next(cleaned) ~= nil and cleaned or nil
end

local function is_true(value)
  return value == true or (type(value) == "string" and value:lower() == "true")
end

-- --- addresses -------------------------------------------------------------------------

local NOT_OF_LOCATIONS = {id = true, civicAddressId = true, isDefault = true}
-- Only the gateway knows where an address is on the map.
local NOT_OF_ADDRESSES = {id = true, defaultLocationId = true, locations = true, latitude = true, longitude = true}

local function without(object, except)
  local kept = {}
  for key, item in pairs(object) do
    if not except[key] then kept[key] = clean(item) end
  end
  return kept
end

local function locations_of(address)
  local made, texts = {}, {}
  for i, location in ipairs(values.objects(address.locations)) do
    local kept = without(location, NOT_OF_LOCATIONS)
    local id = values.text(location.id)
    local default = is_true(location.isDefault)
      or (values.known(location.isDefault) == nil and id ~= nil and id == address.defaultLocationId)
    kept.isDefault = default or nil
    made[i], texts[kept] = kept, core.encode(kept)
  end
  table.sort(made, function(a, b) return texts[a] < texts[b] end)
  return #made > 0 and made or nil
end

-- Ids of whom it belongs to are left out where they say nothing.
local function address_text(address, lead)
  local kept = without(address, NOT_OF_ADDRESSES)
  if type(kept.tenantId) == "string" and type(lead.tenantId) == "string"
    and kept.tenantId:lower() == lead.tenantId:lower() then
    kept.tenantId = nil
  end
  if kept.partnerId == NO_GUID then kept.partnerId = nil end
  kept.locations = locations_of(address)
  return core.encode(kept)
end

local function address_texts(lead)
  local texts = {}
  for i, address in ipairs(values.objects(lead.civicAddresses)) do texts[i] = address_text(address, lead) end
  table.sort(texts)
  return texts
end

-- --- a lead ------------------------------------------------------------------------------

-- The service's contacts repeat the contact details: a 0 in their place.
local function contacts_of(contacts, details)
  if type(contacts) ~= "table" or contacts[1] == nil then return contacts end
  local short = {}
  for i, contact in ipairs(contacts) do
    short[i] = type(contact) == "table" and values.equal(contact, details) and 0 or contact
  end
  return short
end

--- The text of a lead: its fields on a line; behind it, if addresses are known, each on a line of its own.
---@param lead table
---@return string
function content.pack(lead)
  local fields = {}
  for name, value in pairs(lead) do
    if name ~= "civicAddresses" then fields[name] = clean(value) end
  end
  fields.contacts = contacts_of(fields.contacts, fields.contactDetails)
  local text = core.encode(fields)
  if values.count(lead) == nil then return text end
  return text .. "\n" .. table.concat(address_texts(lead), "\n")
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

--- The fields of a text, without the addresses.
---@param text string
---@return table fields
---@return string[]|nil addresses   a text of each, sorted; nil: nobody has ever known
function content.unpack(text)
  local stop = text:find("\n", 1, true)
  local fields = core.decode(text:sub(1, (stop or 0) - 1), {})
  for i, contact in ipairs(type(fields.contacts) == "table" and fields.contacts or {}) do
    if contact == 0 then fields.contacts[i] = fields.contactDetails end
  end
  return fields, stop and lines_of(text:sub(stop + 1)) or nil
end

--- An address of its text.
---@param text string
---@return table
function content.address(text)
  return (core.decode(text, {}))
end

return content

--- What stands in the columns of tables and CSV: a title, and the text a lead has
-- there. Knows leads, not how rows are laid out.

local oc = require "oc"

local columns = {}

--- A column.
---@class oc.cli.Column
---@field title string
---@field value fun(lead: table): any   nil: nothing
---@field least? integer   of a table: what it may be shortened to
---@field usual? integer   of a table: what it has when the first rows are shorter
---@field whole? boolean   of a table, its last column: never cut, it may run over the edge

local function is_filled(value)
  return type(value) == "string" and value ~= ""
end

local function of_contact(lead, name)
  return type(lead.contactDetails) == "table" and lead.contactDetails[name] or nil
end

local function countries(lead)
  if type(lead.consentedCountries) ~= "table" then return nil end
  local list = {}
  for i, code in ipairs(lead.consentedCountries) do list[i] = tostring(code) end
  table.sort(list)
  return table.concat(list, ",")
end

local function direct(lead)
  if type(lead.isDirectLead) ~= "boolean" then return nil end
  return lead.isDirectLead and "yes" or "no"
end

-- Never known, known to be none, and some are three different things.
local function addresses(lead)
  if type(lead.civicAddresses) ~= "table" then return "unknown" end
  return tostring(#lead.civicAddresses)
end

local function changed(lead)
  local text = lead.lastModifiedOn
  return type(text) == "string" and (text:match "^%d%d%d%d%-%d%d%-%d%d" or text) or nil
end

--- What a person looks at.
---@type oc.cli.Column[]
columns.overview = {
  {title = "COMPANY", least = 12, usual = 24, value = function(lead) return of_contact(lead, "companyName") end},
  {title = "STATUS", least = 6, usual = 9, value = function(lead) return lead.status end},
  {title = "DIRECT", least = 6, value = direct},
  {title = "COUNTRIES", least = 5, usual = 11, value = countries},
  {title = "ADDRESSES", least = 7, value = addresses},
  {title = "LICENSED", least = 4, value = function(lead) return is_filled(lead.umpCustomerGuid) and "yes" or "no" end},
  {title = "CHANGED", least = 10, value = changed},
  {title = "TENANT ID", least = 36, value = function(lead) return lead.tenantId end},
}

--- The fields that takes.
columns.overview_fields = {"contactDetails.companyName", "status", "isDirectLead", "consentedCountries",
  "civicAddresses.id", "umpCustomerGuid", "lastModifiedOn", "tenantId"}

--- The fields that each lead has once, for a CSV file of whole leads.
columns.plain = {
  "id", "tenantId", "status", "isDirectLead", "isNotActive", "umpCustomerGuid", "operatorId", "tenantOrigin",
  "channelId", "ovocChannelId", "consentedOn", "lastModifiedOn", "consentedCountries", "contactDetails.companyName",
  "contactDetails.companySize", "contactDetails.fullName", "contactDetails.email", "contactDetails.phoneNumber",
  "civicAddresses.country", "civicAddresses.validationStatus",
}

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

local text_of

local function texts_of(list)
  local texts = {}
  for i, value in ipairs(list) do texts[i] = text_of(value) or "" end
  return table.concat(texts, ", ")
end

-- nil for null.
function text_of(value)
  if value == nil or value == oc.null then return nil end
  if type(value) == "string" then return value end
  if is_list(value) then return texts_of(value) end
  return oc.encode(value)
end

-- The value at the end of a path; through a list, those of all its elements.
local function find(value, keys, from)
  for i = from, #keys do
    if type(value) ~= "table" then return nil end
    if is_list(value) then
      local found = {}
      for k, element in ipairs(value) do found[k] = text_of(find(element, keys, i)) or "" end
      return found
    end
    value = value[keys[i]]
  end
  return value
end

--- The columns of fields.
---@param paths string[]
---@return oc.cli.Column[]
function columns.of(paths)
  local made = {}
  for i, path in ipairs(paths) do
    local keys = {}
    for key in path:gmatch "[^.]+" do keys[#keys + 1] = key end
    made[i] = {title = path, least = 6, value = function(lead) return text_of(find(lead, keys, 1)) end}
  end
  return made
end

return columns

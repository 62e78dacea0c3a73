--- CSV as people export it: addresses, a row each. RFC 4180, with whatever separator
-- the first line uses, a byte order mark or none, and line ends of either kind.

local lpeg = require "lpeg"

local csv = {}

local P, S, C, Cs, Ct, Cp = lpeg.P, lpeg.S, lpeg.C, lpeg.Cs, lpeg.Ct, lpeg.Cp

local line_end = P "\r\n" + P "\n"

-- A record and where the next begins, for one separator.
local function record_of(separator)
  local quoted = P '"' * Cs((P '""' / '"' + (1 - P '"')) ^ 0) * P '"'
  local plain = C((1 - S(separator .. '"\r\n')) ^ 0)
  local field = quoted + plain
  return Ct(field * (P(separator) * field) ^ 0) * (line_end + -P(1)) * Cp()
end

local SEPARATORS = {",", ";", "\t"}

-- The separator that the first line has most of.
local function separator_of(text)
  local head, best, most = text:match "^[^\r\n]*", ",", 0
  for _, separator in ipairs(SEPARATORS) do
    local _, count = head:gsub(separator, "")
    if count > most then best, most = separator, count end
  end
  return best
end

local function lines_in(text)
  local _, count = text:gsub("\n", "")
  return count
end

--- All records of a text.
---@param text string
---@return {line: integer, [integer]: string}[]|nil records   with the line each begins in
---@return integer|nil line   of the fault
---@return string|nil fault
function csv.read(text)
  text = text:gsub("^\239\187\191", "")
  local record, records, at, line = record_of(separator_of(text)), {}, 1, 1
  while at <= #text do
    local fields, behind = record:match(text, at)
    if not fields then return nil, line, "a quote is not closed, or stands in the middle of a field" end
    if #fields > 1 or fields[1] ~= "" then
      fields.line = line
      records[#records + 1] = fields
    end
    line = line + lines_in(text:sub(at, behind - 1))
    at = behind
  end
  return records
end

-- Names as the service spells them, by their lower case.
local FIELDS, LOCATION_FIELDS = {}, {}
for name in ([[id country houseNumber houseNumberSuffix preDirectional streetName streetSuffix postDirectional
    stateOrProvince countyOrDistrict cityOrTown cityOrTownAlias postalOrZipCode description companyName companyId
    defaultLocationId validationStatus tenantId partnerId latitude longitude]]):gmatch "%w+" do
  FIELDS[name:lower()] = name
end
for name in ("id civicAddressId description additionalInfo isDefault elin"):gmatch "%w+" do
  LOCATION_FIELDS["location." .. name:lower()] = name
end

-- What each column is: {field = name} or {location = name}.
local function columns_of(head)
  local columns, has_tenant = {}, false
  for i, title in ipairs(head) do
    local lower = title:lower():gsub("%s", "")
    columns[i] = LOCATION_FIELDS[lower] and {location = LOCATION_FIELDS[lower]} or {field = FIELDS[lower] or title}
    has_tenant = has_tenant or columns[i].field == "tenantId"
  end
  if not has_tenant then return nil, "no column tenantId" end
  return columns
end

-- A row as an address, and its location, if it has any.
local function address_of(row, columns)
  local address, location = {}, nil
  for i, column in ipairs(columns) do
    if column.field then
      address[column.field] = row[i]
    elseif row[i] ~= "" then
      location = location or {}
      location[column.location] = row[i]
    end
  end
  return address, location
end

--- A text's rows as addresses. Rows with the same `id` and tenant are one address with
--- several locations (columns location.id, location.description and so on).
---@param text string
---@return table[]|nil addresses
---@return integer|nil line   of the fault
---@return string|nil fault
function csv.addresses(text)
  local records, line, what = csv.read(text)
  if not records then return nil, line, what end
  if #records == 0 then return nil, 1, "it is empty" end
  local columns
  columns, what = columns_of(records[1])
  if not columns then return nil, 1, what end
  local addresses, by_id = {}, {}
  for i = 2, #records do
    local row = records[i]
    if #row ~= #columns then
      return nil, row.line, ("%d fields, where the first line has %d"):format(#row, #columns)
    end
    local address, location = address_of(row, columns)
    if address.tenantId == "" then return nil, row.line, "no tenantId" end
    local key = (address.id or "") ~= "" and address.tenantId:lower() .. " " .. address.id
    local known = key and by_id[key]
    if not known then
      known, address.locations = address, {}
      addresses[#addresses + 1] = address
      if key then by_id[key] = address end
    end
    known.locations[#known.locations + 1] = location
  end
  return addresses
end

return csv

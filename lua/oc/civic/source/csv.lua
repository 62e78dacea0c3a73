--- CSV as people export it: addresses, a row each. RFC 4180, with whatever separator
-- the first line uses, a byte order mark or none, and line ends of any kind.

local lpeg = require "lpeg"

local csv = {}

local P, R, S, C, Cs, Ct, Cp = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Cs, lpeg.Ct, lpeg.Cp

local line_end = P "\r\n" + P "\n"

-- A record and where the next begins, for one separator.
local function record_of(separator)
  local quoted = P '"' * Cs((P '""' / '"' + (1 - P '"')) ^ 0) * P '"'
  local plain = C((1 - S(separator .. '"\r\n')) ^ 0)
  local field = quoted + plain
  return Ct(field * (P(separator) * field) ^ 0) * (line_end + -P(1)) * Cp()
end

-- In this order, should the first line have as many of one as of another.
local SEPARATORS = {",", ";", "\t"}

-- Whole UTF-8 characters, and where they end.
local function characters()
  local rest = R "\128\191"
  return (R "\0\127" + R "\194\223" * rest + P "\224" * R "\160\191" * rest
    + (R "\225\236" + R "\238\239") * rest * rest + P "\237" * R "\128\159" * rest
    + P "\240" * R "\144\191" * rest * rest + R "\241\243" * rest * rest * rest
    + P "\244" * R "\128\143" * rest * rest) ^ 0 * Cp()
end

-- The separator that the first line has most of.
local function separator_of(text)
  local head, best, most = text:match("^[\r\n]*([^\n]*)"):gsub('"[^"]*"', ""), ",", 0
  for _, separator in ipairs(SEPARATORS) do
    local _, count = head:gsub(separator, "")
    if count > most then best, most = separator, count end
  end
  return best
end

-- How many lines end in a part of the text.
local function line_ends(text, from, to)
  local count, at = 0, text:find("\n", from, true)
  while at and at <= to do
    count, at = count + 1, text:find("\n", at + 1, true)
  end
  return count
end

local function is_blank(fields)
  for _, field in ipairs(fields) do
    if field ~= "" then return false end
  end
  return true
end

--- All records of a text but blank ones.
---@param text string
---@return {line: integer, [integer]: string}[]|nil records   with the line each begins in
---@return integer|nil line   of the fault
---@return string|nil fault
function csv.read(text)
  text = text:gsub("^\239\187\191", ""):gsub("^sep=.\r?\n", "")
  if not text:find("\n", 1, true) then text = text:gsub("\r", "\n") end -- as old Macs end lines
  local good_until = characters():match(text)
  if good_until <= #text then return nil, line_ends(text, 1, good_until) + 1, "bytes that are not UTF-8" end
  local record, records, at, line = record_of(separator_of(text)), {}, 1, 1
  while at <= #text do
    local fields, behind = record:match(text, at)
    if not fields then return nil, line, "a quote is not closed, or stands in the middle of a field" end
    if not is_blank(fields) then
      fields.line = line
      records[#records + 1] = fields
    end
    line = line + line_ends(text, at, behind - 1)
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
  LOCATION_FIELDS[name:lower()] = name
end

-- What a column is: {field = name}, {location = name}, or {}: a remark of somebody's. nil: it is misspelt, as likely as
-- not, and an emergency address without its city is worse than none.
local function column_of(title)
  local name = title:gsub("%s", ""):lower()
  if name == "" or name:find "^x%-" then return {} end
  local of_location = name:match "^location%.(.+)$"
  if of_location then return LOCATION_FIELDS[of_location] and {location = LOCATION_FIELDS[of_location]} end
  return FIELDS[name] and {field = FIELDS[name]}
end

-- What each column is; one without a title is passed over.
local function columns_of(head)
  local columns, seen = {}, {}
  for i, title in ipairs(head) do
    local column = column_of(title)
    if not column then
      return nil, ("'%s' is no field of an address (docs/CIVIC.md has them); begin the title of a column of your own "
        .. "with x-, and it is left out"):format(title)
    end
    local name = column.location and "location." .. column.location or column.field
    if name and seen[name] then return nil, ("two columns %s"):format(name) end
    columns[i], seen[name or ""] = column, true
  end
  if not seen.tenantId then return nil, "no column tenantId" end
  return columns
end

local TRUTH = {}
for word in ("true wahr vrai verdadero vero waar sand sann"):gmatch "%w+" do TRUTH[word] = "true" end
for word in ("false falsch faux falso onwaar usand falskt"):gmatch "%w+" do TRUTH[word] = "false" end

-- A row as an address, and its location, if it has any. The service writes "" for what an
-- address has not, and null for what a location has not.
local function address_of(row, columns)
  local address, location = {}, nil
  for i, column in ipairs(columns) do
    if column.field then
      address[column.field] = row[i]
    elseif column.location and row[i] ~= "" then
      location = location or {}
      location[column.location] = row[i]
    end
  end
  address.tenantId = address.tenantId:match "^%s*(.-)%s*$"
  if location and location.isDefault then
    local default = TRUTH[location.isDefault:lower()] -- spreadsheets shout, in their own language
    if not default then return nil, "location.isDefault is neither true nor false" end
    location.isDefault = default
  end
  return address, location
end

-- Rows as addresses, by the columns.
local function collect(records, columns)
  local addresses, by_id = {}, {}
  for i = 2, #records do
    local row = records[i]
    if #row ~= #columns then
      return nil, row.line, ("%d fields, where the first line has %d"):format(#row, #columns)
    end
    local address, location = address_of(row, columns)
    if not address then return nil, row.line, location end
    if address.tenantId == "" then return nil, row.line, "no tenantId" end
    local key = (address.id or "") ~= "" and address.tenantId:lower() .. " " .. address.id:lower()
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
  if not columns then return nil, records[1].line, what end
  return collect(records, columns)
end

return csv

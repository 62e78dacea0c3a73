--- A file as a source: addresses that somebody exported, JSON, NDJSON or CSV. It is read
-- once, when the source is made, so that a fault in it is found before anything is done.

local core = require "oc.core"
local csv = require "oc.civic.source.csv"
local errors = require "oc.errors"
local values = require "oc.civic.values"

local file = {}

---@class oc.civic.FileSource: oc.civic.Source
local File = {name = "file"}
File.__index = File

local MAX_DOCUMENT_BYTES = 1024 * 1024 * 1024

local function fault(path, what, kind, offset)
  return errors.new(kind or "io", ("cannot take addresses from %s: %s"):format(path, what), {offset = offset})
end

-- What an address has and a lead has not. Of its fields only these can tell one from a lead that was
-- written without nulls, so without `civicAddresses`.
local ADDRESS_FIELDS = {"country", "locations", "defaultLocationId", "houseNumber", "streetName", "cityOrTown",
  "stateOrProvince", "countyOrDistrict", "postalOrZipCode", "validationStatus", "latitude", "longitude"}

local function is_address(record)
  for _, name in ipairs(ADDRESS_FIELDS) do
    if record[name] ~= nil then return true end
  end
  return false
end

-- Addresses by lead and by tenant, while a file is read. Keys are compared without case: they are GUIDs.
local Index = {}
Index.__index = Index

-- Leads of one tenant have the same addresses: those that are there already stay single.
function Index:add(key, addresses)
  key = key:lower()
  local list, by_id = self.lists[key] or values.array {}, self.ids[key] or {}
  self.lists[key], self.ids[key] = list, by_id
  for _, address in ipairs(addresses) do
    local id = values.text(address.id)
    if not (id and by_id[id] and values.equal(by_id[id], address)) then
      list[#list + 1] = address
      if id then by_id[id] = address end
    end
  end
end

-- What is wrong with what stands where a list of addresses is expected.
local function fault_of_list(list, name)
  if not values.is_list(list) then return ("%s is no list"):format(name) end
  local at = values.no_object(list)
  return at and ("%s[%d] is no object"):format(name, at)
end

-- A lead, which has its addresses, or an address, which has its tenant: true | nil, what is wrong.
function Index:add_record(record)
  if type(record) ~= "table" or values.is_list(record) then return nil, "a lead or an address expected" end
  local tenant, list = values.text(record.tenantId), values.known(record.civicAddresses)
  if list == nil then
    if not is_address(record) then return true end -- a lead whose addresses are not known says nothing
    if not tenant then return nil, "the address has no tenantId" end
    self:add(tenant, {record})
    return true
  end
  local what = fault_of_list(list, "civicAddresses")
  if what then return nil, what end
  local id = values.text(record.id)
  if not (id or tenant) then return nil, "the lead has neither id nor tenantId" end
  if id then self:add(id, list) end
  if tenant then self:add(tenant, list) end
  return true
end

-- {tenantId: [addresses]}: true | nil, what is wrong.
function Index:add_by_tenant(document)
  for tenant, list in pairs(document) do
    list = values.known(list)
    if list ~= nil then
      if type(list) ~= "table" then
        return nil, "a list of leads, a list of addresses, or an object of lists by tenant expected"
      end
      local what = fault_of_list(list, ("[%q]"):format(tenant))
      if what then return nil, what end
      self:add(tenant, list)
    end
  end
  return true
end

local function decode(text)
  return core.decode(text, {nulls = "null", max_lead_bytes = MAX_DOCUMENT_BYTES})
end

local function add_json(index, path, text)
  local document, err = decode(text)
  if err then return nil, fault(path, err.message, err.kind, err.offset) end
  if type(document) ~= "table" then return nil, fault(path, "it holds no list", "shape") end
  if not values.is_list(document) then
    -- One lead, or one address, stands for itself.
    local one = document.civicAddresses ~= nil or document.tenantId ~= nil
    local ok, what = index[one and "add_record" or "add_by_tenant"](index, document)
    if not ok then return nil, fault(path, what, "shape") end
    return true
  end
  for i, record in ipairs(document) do
    local ok, what = index:add_record(record)
    if not ok then return nil, fault(path, ("[%d]: %s"):format(i, what), "shape") end
  end
  return true
end

-- A lead or an address in each line; blank ones are passed over.
local function add_ndjson(index, path, text)
  local number = 0
  for from, line in (text .. "\n"):gmatch "()([^\n]*)\n" do
    number = number + 1
    if line:find "%S" then
      local record, err = decode(line)
      if err then
        return nil, fault(path, ("line %d: %s"):format(number, err.message), err.kind,
          err.offset and from - 1 + err.offset)
      end
      local ok, what = index:add_record(record)
      if not ok then return nil, fault(path, ("line %d: %s"):format(number, what), "shape") end
    end
  end
  return true
end

local function add_csv(index, path, text)
  local addresses, line, what = csv.addresses(text)
  if not addresses then return nil, fault(path, ("line %d: %s"):format(line, what), "shape") end
  for _, address in ipairs(addresses) do
    values.array(address.locations)
    index:add(address.tenantId, {address})
  end
  return true
end

local READERS = {csv = add_csv, ndjson = add_ndjson, jsonl = add_ndjson}

-- Nobody is asked, so leads of one tenant need not share an answer.
function File.key(_, item)
  return values.text(item.id) or item.tenantId
end

function File:fetch(lead)
  local id, tenant = values.text(lead.id), values.text(lead.tenantId)
  local by_id, by_tenant = id and self.lists[id:lower()], tenant and self.lists[tenant:lower()]
  -- Addresses are the tenant's: a lead without any may have a twin with some.
  local found = by_id and (by_id[1] or not by_tenant) and by_id or by_tenant
  if found then return values.copy(found) end
  return nil, errors.new("io", "the file has nothing about this lead", {unknown_tenant = true})
end

--- Takes addresses from a file: JSON (a list of leads, a list of addresses with their
--- `tenantId`, or an object of lists by tenant); where its name ends in .ndjson or .jsonl,
--- a lead or an address in each line; where it ends in .csv, a row for each address: see
--- docs/CIVIC.md.
---@param path string
---@return oc.civic.Source|nil
---@return oc.Error|nil err   kind `io`, `json` or `shape`
function file.new(path)
  if type(path) ~= "string" then error("oc.civic.source.file: a file's path expected, got " .. type(path), 2) end
  local handle, why = io.open(path, "rb")
  if not handle then return nil, errors.new("io", "cannot take addresses from " .. why) end
  local text
  text, why = handle:read "*a"
  handle:close()
  if not text then return nil, fault(path, tostring(why)) end -- a folder
  local index = setmetatable({lists = {}, ids = {}}, Index)
  local ending = path:lower():match "%.(%w+)$"
  local ok, err = (READERS[ending] or add_json)(index, path, text)
  if not ok then return nil, err end
  return setmetatable({lists = index.lists}, File)
end

return file

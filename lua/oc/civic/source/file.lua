--- A file as a source: addresses that somebody exported, JSON or CSV. It is read once,
-- when the source is made, so that a fault in it is found before anything is done.

local core = require "oc.core"
local csv = require "oc.civic.source.csv"
local errors = require "oc.errors"
local values = require "oc.civic.values"

local file = {}

---@class oc.civic.FileSource: oc.civic.Source
local File = {name = "file"}
File.__index = File

local function fault(path, what, kind)
  return errors.new(kind or "io", ("cannot take addresses from %s: %s"):format(path, what))
end

-- Keys are compared without case: they are GUIDs.
local function add(self, key, addresses)
  local list = self.by_key[key:lower()] or {}
  for _, address in ipairs(addresses) do list[#list + 1] = address end
  self.by_key[key:lower()] = list
end

-- A lead, which has its addresses, or an address, which has its tenant: true | nil, what is wrong.
local function add_record(self, record)
  if type(record) ~= "table" then return nil, "a lead or an address expected" end
  local tenant, list = values.text(record.tenantId), values.known(record.civicAddresses)
  if record.civicAddresses ~= nil then
    if list == nil then return true end -- a lead whose addresses are not known says nothing
    if type(list) ~= "table" then return nil, "'civicAddresses' is no list" end
    local id = values.text(record.id)
    if not (id or tenant) then return nil, "the lead has neither id nor tenantId" end
    if id then add(self, id, list) end
    if tenant then add(self, tenant, list) end
    return true
  end
  if not tenant then return nil, "the address has no tenantId" end
  add(self, tenant, {record})
  return true
end

-- {tenantId: [addresses]}: true | nil, what is wrong.
local function add_by_tenant(self, document)
  for tenant, list in pairs(document) do
    if type(tenant) ~= "string" or type(list) ~= "table" then
      return nil, "a list of leads, a list of addresses, or an object of lists by tenant expected"
    end
    add(self, tenant, list)
  end
  return true
end

local function add_json(self, path, text)
  local document, err = core.decode(text, {nulls = "null", max_lead_bytes = 1073741824})
  if err then return nil, fault(path, err.message, err.kind) end
  if type(document) ~= "table" then return nil, fault(path, "it holds no list", "shape") end
  if document[1] == nil then
    local ok, what = add_by_tenant(self, document)
    if not ok then return nil, fault(path, what, "shape") end
    return true
  end
  for i, record in ipairs(document) do
    local ok, what = add_record(self, record)
    if not ok then return nil, fault(path, ("[%d]: %s"):format(i, what), "shape") end
  end
  return true
end

local function add_csv(self, path, text)
  local addresses, line, what = csv.addresses(text)
  if not addresses then return nil, fault(path, ("line %d: %s"):format(line, what), "shape") end
  for _, address in ipairs(addresses) do add(self, address.tenantId, {address}) end
  return true
end

function File:fetch(lead)
  local id, tenant = values.text(lead.id), values.text(lead.tenantId)
  local found = id and self.by_key[id:lower()] or tenant and self.by_key[tenant:lower()]
  if found then return values.copy(found) end
  return nil, errors.new("io", "the file has nothing about this lead", {unknown_tenant = true})
end

--- Takes addresses from a file: JSON (a list of leads, a list of addresses with their
--- `tenantId`, or an object of lists by tenant), or, where its name ends in .csv, CSV
--- with a row for each address: see docs/CIVIC.md.
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
  local self = setmetatable({by_key = {}}, File)
  local ok, err = (path:lower():find "%.csv$" and add_csv or add_json)(self, path, text)
  if not ok then return nil, err end
  return self
end

return file

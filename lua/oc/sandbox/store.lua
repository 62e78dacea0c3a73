-- The leads as the service holds them: which stand at which position, whose they are, and what synchronising has
-- changed. Knows nothing about pages or HTTP.

local data = require "oc.sandbox.data"
local json = require "oc.sandbox.json"
local random = require "oc.sandbox.random"

local store = {}

-- Leads that came from Microsoft by `checkOnline` are numbered from here.
local ONLINE_BASE = 2147483648
local SALT_OUTCOME, SALT_ONLINE = 7, 8
local DEFAULT_PERCENT = 10

local REASONS = {
  "the Operator Connect API answered 504",
  "the Operator Connect API answered 403: the tenant has not granted access",
  "no answer within 30 s",
}

---@class oc.sandbox.Tally what synchronising did while some leads were read
---@field ok integer
---@field failed integer
---@field empty integer
---@field failures {lead: string, tenant: string, why: string}[]
---@field recovers boolean a lead that failed would succeed the next time

--- An empty tally.
---@return oc.sandbox.Tally
function store.tally()
  return { ok = 0, failed = 0, empty = 0, failures = {}, recovers = false }
end

local Store = {}
Store.__index = Store

--- The leads of one configuration.
---@param options oc.sandbox.Options
function store.new(options)
  return setmetatable({
    options = options, seed = options.seed, leads = options.leads,
    inserted = 0, removed = 0, drifted = false, generation = 0,
    online = {}, online_by_index = {}, civic = {}, failed_once = {},
  }, Store)
end

---@class oc.sandbox.View where the leads stand at one moment
---@field generation integer positions are comparable within one
---@field inserted integer
---@field removed integer
---@field local_leads integer
---@field total integer

--- The order of the leads as it is now; later drift does not change a view.
---@return oc.sandbox.View
function Store:view()
  local local_leads = self.inserted + math.max(0, self.leads - self.removed)
  return {
    generation = self.generation, inserted = self.inserted, removed = self.removed,
    local_leads = local_leads, total = local_leads + #self.online,
  }
end

--- The lead at a position.
---@param view oc.sandbox.View
---@param position integer 1 .. view.total
---@return integer index
function Store:index_at(view, position)
  if position > view.local_leads then return self.online[position - view.local_leads].index end
  -- Inserted rows are leads nobody has seen: they are numbered after the last one.
  if position <= view.inserted then return self.leads + position end
  return position - view.inserted + view.removed
end

--- To be told of each page that is answered; moves the rows once, when the time has come.
---@param number integer
function Store:page_answered(number)
  local drift = self.options.drift
  if not drift or self.drifted or number ~= drift.after_page then return end
  self.drifted = true
  self.inserted, self.removed = drift.insert or 0, drift.remove or 0
  self.generation = self.generation + 1
end

local function render(self, index, civic)
  local online = self.online_by_index[index]
  if online then return online.render(civic) end
  return data.lead(self.seed, index, civic)
end

local function outcome_of(self, index, id)
  local chosen = self.options.civic_outcomes[id]
  if chosen then return chosen end
  local percent = self.options.civic_sync
  if not percent then return "ok" end
  local roll = random.start(self.seed, index, SALT_OUTCOME) % 100
  roll = roll - (percent.fail_percent or DEFAULT_PERCENT)
  if roll < 0 then return "fail" end
  roll = roll - (percent.once_percent or DEFAULT_PERCENT)
  if roll < 0 then return "once" end
  roll = roll - (percent.empty_percent or DEFAULT_PERCENT)
  return roll < 0 and "empty" or "ok"
end

-- Asks "Microsoft" for a lead's addresses; gives what is known of them now.
local function synchronise(self, index, id, tenant, tally)
  local outcome = outcome_of(self, index, id)
  if outcome == "once" and self.failed_once[index] then outcome = "ok" end
  if outcome == "ok" then
    tally.ok = tally.ok + 1
    self.civic[index] = "present"
  elseif outcome == "empty" then
    tally.empty = tally.empty + 1
    self.civic[index] = "empty"
  else
    tally.failed = tally.failed + 1
    tally.failures[#tally.failures + 1] = { lead = id, tenant = tenant, why = REASONS[index % #REASONS + 1] }
    if outcome == "once" then
      self.failed_once[index] = true
      tally.recovers = true
    end
  end
  return self.civic[index]
end

--- Reads one lead as the GET does: a direct lead without addresses is synchronised on the way.
---@param index integer
---@param tally oc.sandbox.Tally
---@return string json
function Store:read(index, tally)
  local known = self.civic[index]
  local text, id, tenant, missing = render(self, index, known)
  if not missing or self.options.civic_sync == false then return text end
  local now = synchronise(self, index, id, tenant, tally)
  if now == known then return text end
  return (render(self, index, now))
end

--- The leads of one tenant.
---@param view oc.sandbox.View
---@param tenant string
---@return integer[] indexes
function Store:find_tenant(view, tenant)
  tenant = tenant:lower()
  local found = {}
  for _, index in ipairs(data.indexes_of_tenant(self.seed, tenant)) do
    local here = index > view.removed and index <= self.leads
      or index > self.leads and index <= self.leads + view.inserted
    if here and select(3, data.lead(self.seed, index)) == tenant then found[#found + 1] = index end
  end
  for _, lead in ipairs(self.online) do
    if lead.tenant == tenant then found[#found + 1] = lead.index end
  end
  return found
end

-- Where the list of a lead's addresses opens, if it has any.
local function list_of_addresses(text)
  return select(2, text:find('^{"civicAddresses":%[%f[{]'))
end

---@class oc.sandbox.Known what Microsoft knows of a tenant
---@field outcome "ok"|"fail"|"once"|"empty" how asking it ends
---@field why string the reason, should it fail
---@field index integer of the lead that decided
---@field addresses string[] each as JSON; those of all its leads as first made, else what is found by asking

--- What another system that asks Microsoft finds out about a tenant; nothing here changes by it, nor has what was
--- synchronised meanwhile a part in it.
---@param tenant string
---@return oc.sandbox.Known|nil known none: no lead is this tenant's
function Store:known_of_tenant(tenant)
  local addresses, decides, chosen = {}, nil, nil
  -- Rows that have drifted away from the pages are customers still.
  for _, index in ipairs(self:find_tenant({ removed = 0, inserted = self.inserted }, tenant)) do
    local text, id, _, missing = render(self, index)
    local list = list_of_addresses(text)
    if list then
      for _, address in ipairs(json.elements(text, list)) do addresses[#addresses + 1] = address end
    end
    chosen = chosen or not list and self.options.civic_outcomes[id]
    -- Of several, the one that the endpoint would synchronise.
    if not decides or missing then decides = { index = index, id = id } end
  end
  if not decides then return nil end
  local index = decides.index
  local outcome = chosen or #addresses > 0 and "ok" or outcome_of(self, index, decides.id)
  if #addresses == 0 then
    local text = render(self, index, "present")
    addresses = json.elements(text, list_of_addresses(text))
  end
  return { outcome = outcome, why = REASONS[index % #REASONS + 1], index = index, addresses = addresses }
end

local FIELDS = {
  "civicAddresses", "comments", "umpCustomerGuid", "isNotActive", "channelId", "ovocChannelId", "isDirectLead", "id",
  "tenantId", "tenantOrigin", "operatorId", "status", "consentedOn", "lastModifiedOn", "consentedCountries",
  "contactDetails", "contacts",
}
local IS_FIELD = {}
for _, name in ipairs(FIELDS) do IS_FIELD[name] = true end

-- An empty Lua table does not say which of the two it is; for these the service does.
local LISTS = { "civicAddresses", "comments", "consentedCountries", "contacts" }

local function encode_lead(fields, civic_text)
  local parts = {}
  for _, name in ipairs(LISTS) do
    if type(fields[name]) == "table" then json.array(fields[name]) end
  end
  for i, name in ipairs(FIELDS) do
    local value = name == "civicAddresses" and civic_text or json.encode(fields[name])
    parts[i] = json.string(name) .. ":" .. value
  end
  local others = {}
  for name in pairs(fields) do
    if not IS_FIELD[name] then others[#others + 1] = name end
  end
  table.sort(others)
  for _, name in ipairs(others) do parts[#parts + 1] = json.string(name) .. ":" .. json.encode(fields[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- How a lead given by its fields is written, in the manner of `data.lead`.
local function renderer_of_fields(self, index, tenant, given)
  local fields = {
    isDirectLead = false, status = "Active", consentedCountries = {}, tenantId = tenant,
    consentedOn = "2024-05-01T08:00:00Z", lastModifiedOn = "2024-05-01T08:00:00Z",
    id = select(2, data.lead(self.seed, index, nil, tenant)),
  }
  for name, value in pairs(given) do fields[name] = value end
  local known = fields.civicAddresses
  local missing = fields.isDirectLead == true and (known == nil or next(known) == nil)
  local details = fields.contactDetails
  local company = json.string(type(details) == "table" and details.companyName or "Contoso"):sub(2, -2)
  return function(civic)
    local text
    if civic == "empty" then text = "[]" end
    if civic == "present" then
      text = data.addresses(self.seed, index, tenant, company, fields.consentedCountries)
    end
    return encode_lead(fields, text), fields.id, tenant, missing and civic ~= "present"
  end
end

local function even_guid(tenant)
  return tenant:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x[02468ace]$")
end

local function free_index(self, tenant)
  local index = ONLINE_BASE + random.of_text(1, tenant, SALT_ONLINE)
  while self.online_by_index[index] do index = index + 1 end
  return index
end

local function fields_online(self, tenant)
  for name, fields in pairs(self.options.online) do
    if name:lower() == tenant then return fields end
  end
end

--- Asks "Microsoft" for the lead of a tenant that is not known here, and keeps it from then on.
---@param tenant string
---@return integer|nil index
function Store:fetch_online(tenant)
  tenant = tenant:lower()
  local fields = self.options.online and fields_online(self, tenant)
  if not fields and (self.options.online or not even_guid(tenant)) then return nil end
  local index = free_index(self, tenant)
  local lead = { index = index, tenant = tenant }
  if fields then
    lead.render = renderer_of_fields(self, index, tenant, fields)
  else
    lead.render = function(civic) return data.lead(self.seed, index, civic, tenant) end
  end
  self.online[#self.online + 1] = lead
  self.online_by_index[index] = lead
  self.generation = self.generation + 1
  return index
end

return store

--- A plan: what would be done for which leads, and why. Plain data: it can be printed,
-- stored as JSON, and applied later by another process.

local civic_options = require "oc.civic.options"
local options = require "oc.options"
local policy = require "oc.civic.policy"
local values = require "oc.civic.values"

local plan = {}

local VERSION = 1

--- Which leads are to be synchronised, and why: plain data.
---@class oc.civic.Plan
---@field version integer   1
---@field made string   ISO 8601, UTC
---@field policy string   its name
---@field leads? integer   looked at
---@field items oc.civic.PlanItem[]   the leads to synchronise, in their order

---@class oc.civic.PlanItem
---@field id string|nil   of the lead
---@field tenantId string|nil
---@field direct boolean|nil   isDirectLead
---@field addresses integer|nil   how many it has; nil: nobody has ever known
---@field why string

-- Hands each lead to take: true | nil, err. A leads object is read to its end.
local function each_lead(leads, take)
  local next_lead = type(leads.next) == "function" and function() return leads:next() end
  local i = 0
  while true do
    local lead, err
    if next_lead then
      lead, err = next_lead()
    else
      i = i + 1
      lead = leads[i]
    end
    if err then return nil, err end
    if lead == nil then return true end
    local ok, fault = take(lead)
    if not ok then return nil, fault end
  end
end

local function item_of(lead, made, why)
  return {
    id = values.text(lead.id), tenantId = values.text(lead.tenantId), addresses = values.count(lead),
    direct = lead.isDirectLead == true or nil, why = type(why) == "string" and why or policy.why(made, lead),
  }
end

-- Fields that every lead has, null or not; who leaves nulls out does not see them all.
local USUAL = {}
for name in ([[civicAddresses comments umpCustomerGuid isNotActive channelId ovocChannelId isDirectLead id tenantId
    tenantOrigin operatorId status consentedOn lastModifiedOn consentedCountries contactDetails contacts]])
    :gmatch "%w+" do
  USUAL[name] = true
end

-- What a policy names that leads may not have: misspelt, as likely as not.
local function unusual_fields(made)
  local fields = policy.fields(made)
  for name in pairs(USUAL) do fields[name] = nil end
  return fields
end

-- An array of leads, or what gives them one by one.
local function is_source_of_leads(leads)
  if type(leads) ~= "table" or type(leads.leads) == "function" then return false end -- a client is none
  return type(leads.next) == "function" or leads[1] ~= nil or next(leads) == nil
end

--- Finds out which leads are to be synchronised. Asks nobody.
---@param leads oc.Lead[]|oc.Leads   an array, or what client:leads gives
---@param given? oc.civic.PlanOptions
---@param now number   seconds since 1970
---@param log oc.Log
---@param seen? fun(lead: oc.Lead, picked: boolean)   told of each lead
---@return oc.civic.Plan|nil
---@return oc.Error|nil err   of reading leads, or of a policy
function plan.new(leads, given, now, log, seen)
  if not is_source_of_leads(leads) then
    error("oc.civic.plan: a list of leads, or client:leads {...}, expected, got "
      .. (type(leads) == "table" and "another table" or type(leads)), 3)
  end
  local settled = options.check(civic_options.plan, given, "oc.civic.plan", 3)
  local made, fault = policy.of(settled.policy == nil and policy.direct_missing or settled.policy)
  if not made then error("oc.civic.plan: option 'policy': " .. fault, 3) end
  local self = {version = VERSION, made = values.iso(now), policy = policy.name(made), leads = 0, items = {}}
  local fields = unusual_fields(made)
  local ok, err = each_lead(leads, function(lead)
    local holds, more = made(lead)
    if holds == nil and more then return nil, more end
    self.leads = self.leads + 1
    if holds then self.items[#self.items + 1] = item_of(lead, made, more) end
    for name in pairs(fields) do
      if lead[name] ~= nil then fields[name] = nil end
    end
    if seen then seen(lead, holds and true or false) end
    return true
  end)
  if not ok then return nil, err end
  for name in pairs(fields) do
    log("warn", "unknown_field", {field = name, option = "policy", hint = "no lead had this field"})
  end
  return self
end

local ITEM = {id = "string", tenantId = "string", why = "string", addresses = "number", direct = "boolean"}

local function fault_of_item(item)
  if type(item) ~= "table" then return "no object" end
  for name, kind in pairs(ITEM) do
    if item[name] ~= nil and type(item[name]) ~= kind then
      return ("'%s' is no %s"):format(name, kind == "string" and "text" or kind)
    end
  end
end

--- What is wrong with a plan that was stored.
---@param given any
---@return string|nil fault   nil: nothing
function plan.fault(given)
  if type(given) ~= "table" then return "a plan expected, got " .. type(given) end
  if given.version ~= VERSION then return "it is no plan of this version (version = 1)" end
  local items, leads = given.items, given.leads
  if type(items) ~= "table" or items[1] == nil and next(items) ~= nil then return "it has no list 'items'" end
  if leads ~= nil and (type(leads) ~= "number" or leads < 0 or leads > 2 ^ 53 or leads % 1 ~= 0) then
    return "'leads' is no number of leads"
  end
  for i, item in ipairs(given.items) do
    local fault = fault_of_item(item)
    if fault then return ("items[%d]: %s"):format(i, fault) end
  end
end

return plan

--- A plan: what would be done for which leads, and why. Plain data: it can be printed,
-- stored as JSON, and applied later by another process.

local civic_options = require "oc.civic.options"
local options = require "oc.options"
local policy = require "oc.civic.policy"
local values = require "oc.civic.values"

local plan = {}

local VERSION = 1

---@class oc.civic.Plan
---@field version integer   1
---@field made string   ISO 8601, UTC
---@field policy string   its name
---@field leads integer   looked at
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

local function item_of(lead, made)
  return {
    id = values.text(lead.id), tenantId = values.text(lead.tenantId), addresses = values.count(lead),
    direct = lead.isDirectLead == true or nil, why = policy.why(made, lead),
  }
end

--- Finds out which leads are to be synchronised. Asks nobody.
---@param leads table[]|oc.Leads   an array, or what client:leads gives
---@param given? {policy?: oc.civic.Policy|string}
---@param now number   seconds since 1970
---@param seen? fun(lead: table, picked: boolean)   told of each lead
---@return oc.civic.Plan|nil
---@return oc.Error|nil err   of reading leads, or of a policy
function plan.new(leads, given, now, seen)
  if type(leads) ~= "table" then
    error("oc.civic.plan: a list of leads, or client:leads, expected, got " .. type(leads), 3)
  end
  local settled = options.check(civic_options.plan, given, "oc.civic.plan", 3)
  local made, fault = policy.of(settled.policy == nil and policy.direct_missing or settled.policy)
  if not made then error("oc.civic.plan: option 'policy': " .. fault, 3) end
  local self = {version = VERSION, made = values.iso(now), policy = policy.name(made), leads = 0, items = {}}
  local ok, err = each_lead(leads, function(lead)
    local holds, err_of_policy = made(lead)
    if err_of_policy then return nil, err_of_policy end
    self.leads = self.leads + 1
    if holds then self.items[#self.items + 1] = item_of(lead, made) end
    if seen then seen(lead, holds and true or false) end
    return true
  end)
  if not ok then return nil, err end
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
  if type(given.items) ~= "table" then return "it has no list 'items'" end
  if given.leads ~= nil and type(given.leads) ~= "number" then return "'leads' is no number" end
  for i, item in ipairs(given.items) do
    local fault = fault_of_item(item)
    if fault then return ("items[%d]: %s"):format(i, fault) end
  end
end

return plan

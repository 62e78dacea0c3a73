--- The service itself as a source: it is asked for the leads of one tenant, with
-- `checkOnline`, and synchronises direct leads without addresses while it answers.
-- What it does not say, whether that failed, is told from what it gives.

local errors = require "oc.errors"
local values = require "oc.civic.values"

local platform = {}

-- Of one tenant: a consentless lead and a consented one are usual.
local PAGE_SIZE = 200

local FIELDS = {"id", "tenantId", "isDirectLead", "civicAddresses"}

---@class oc.civic.PlatformSource: oc.civic.Source
local Platform = {name = "platform"}
Platform.__index = Platform

-- GUIDs are written in either case.
local function same_id(a, b)
  a, b = values.text(a), values.text(b)
  return a ~= nil and b ~= nil and a:lower() == b:lower()
end

-- The leads of the lead's tenant, its own first: whoever plays the service may ignore the parameter.
local function of_tenant(lead, all)
  local own = {}
  for _, other in ipairs(all) do
    if same_id(other.tenantId, lead.tenantId) then
      table.insert(own, same_id(other.id, lead.id) and 1 or #own + 1, other)
    end
  end
  return own
end

-- The addresses that the tenant's leads have: those of the first that has any.
local function known_addresses(own)
  local none
  for _, other in ipairs(own) do
    local count = values.count(other)
    if count and count > 0 then return other.civicAddresses end
    none = none or count and other.civicAddresses
  end
  return none
end

-- The service synchronises direct leads, for whichever of the tenant's it was asked.
local function has_direct(own)
  for _, other in ipairs(own) do
    if other.isDirectLead == true then return true end
  end
  return false
end

local function unknown_tenant()
  return errors.new("http", "the service has no lead of this tenant", {unknown_tenant = true})
end

-- None of the tenant's among those that came, if any did.
local function others_only()
  return errors.new("shape", "the service gave leads of other tenants only: does it know the parameter msTenantId "
    .. "by another name?")
end

-- That nothing came of synchronising a direct lead is not told.
local function in_silence()
  return errors.new("shape", "no addresses (null) for a direct lead: the service's own synchronisation failed, or has "
    .. "not ended", {again = true, inconclusive = true})
end

-- HTML does not come from the service: the address is wrong.
local function is_unknown(err)
  return err.status == 404 and not (err.body or ""):find "^%s*<"
end

function Platform:fetch(lead, ask)
  if not values.text(lead.tenantId) then
    return nil, errors.new("shape", "the lead has no tenantId to ask about", {unknown_tenant = true})
  end
  local asking = self.client:with {max_attempts = 1, deadline_s = ask.left_s(), on_page = false, on_retry = false}
  local leads = asking:leads {ms_tenant_id = lead.tenantId, check_online = true, nulls = "null", select = FIELDS,
    page_size = PAGE_SIZE, max_pages = 1, prefetch = 0}
  local all, err = leads:all()
  if not all then
    if is_unknown(err) then return nil, unknown_tenant() end
    err.partial, err.resume = nil, nil
    return nil, err
  end
  local own = of_tenant(lead, all)
  if #own == 0 then return nil, #all == 0 and unknown_tenant() or others_only() end
  local addresses = known_addresses(own)
  if addresses then return addresses end
  if has_direct(own) then return nil, in_silence() end
  return {} -- not a lead that the service asks Microsoft about
end

--- Asks the service again, tenant by tenant.
---@param client oc.Client
---@return oc.civic.Source
function platform.new(client)
  if type(client) ~= "table" or type(client.leads) ~= "function" or type(client.with) ~= "function" then
    error("oc.civic.source.platform: a client expected, got " .. type(client), 2)
  end
  return setmetatable({client = client}, Platform)
end

return platform

--- Civic (emergency) addresses: the service synchronises those of direct leads in
-- silence, and hides its failures. Here that is planned, done where it can be seen,
-- written down, and can be done again.

local apply = require "oc.civic.apply"
local audit = require "oc.civic.audit"
local core = require "oc.core"
local log = require "oc.log"
local plan = require "oc.civic.plan"
local source = require "oc.civic.source"

local civic = {}

civic.audit = audit
civic.rules = require "oc.civic.rules"

civic.policy = require "oc.civic.policy"

civic.source = {platform = source.platform, gateway = source.gateway, file = source.file}

--- Finds out which leads are to be synchronised, and why. Asks nobody. The plan is plain
--- data: `oc.encode` stores it, `oc.decode` brings it back.
---@param leads oc.Lead[]|oc.Leads   an array, or what client:leads gives
---@param given? oc.civic.PlanOptions
---@return oc.civic.Plan|nil
---@return oc.Error|nil err
function civic.plan(leads, given)
  local made, err = plan.new(leads, given, core.time(), log.new(nil))
  return made, err
end

--- Does what a plan says: asks the source about each lead, puts what it finds into the
--- leads given, and says what came of each. A failure never ends the run.
---@param given oc.civic.Plan
---@param given_options oc.civic.ApplyOptions   `source` is needed, but for `dry_run`
---@return oc.civic.Result|nil
---@return oc.Error|nil err   kind `io`: the journal cannot be used, and nothing was done
function civic.apply(given, given_options)
  local result, err = apply.run(given, given_options, 2)
  return result, err
end

-- A leads object is read to its end: all leads | nil, err.
local function all_of(leads)
  if type(leads) == "table" and type(leads.all) == "function" then
    local all, err = leads:all()
    if not all then return nil, err end
    return all
  end
  return leads
end

--- Plans and applies at once; with client:leads all leads are read first.
---@param leads oc.Lead[]|oc.Leads
---@param given oc.civic.SyncOptions
---@return oc.civic.SyncResult|nil result
---@return oc.Error|nil err
function civic.sync(leads, given)
  if type(given) ~= "table" then error("oc.civic.sync: a table of options expected, got " .. type(given), 2) end
  local all, err = all_of(leads)
  if not all then return nil, err end
  local rest = {}
  for name, value in pairs(given) do rest[name] = value end
  rest.policy, rest.leads = nil, all
  local made
  made, err = plan.new(all, {policy = given.policy}, core.time(), log.new(given.log))
  if not made then return nil, err end
  local result
  result, err = apply.run(made, rest, 2)
  if not result then return nil, err end
  result.plan, result.leads = made, all
  return result
end

return civic

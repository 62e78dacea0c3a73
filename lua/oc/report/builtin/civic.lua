--- The report `civic`: the funnel from active leads to addresses that pass the audit.

local audit = require "oc.civic.audit"
local values = require "oc.civic.values"

local STAGES = {"Active", "Has an address", "Has a validated address", "Passes the audit"}

-- How far a lead gets: the number of its stage, 0 when it is not active.
local function stage_of(lead, examine)
  if type(lead.status) ~= "string" or lead.status:lower() ~= "active" then return 0 end
  local addresses = values.objects(lead.civicAddresses)
  if #addresses == 0 then return 1 end
  local validated = false
  for _, address in ipairs(addresses) do validated = validated or values.is_validated(address) end
  if not validated then return 2 end
  return #examine(lead) > 0 and 3 or 4
end

local function start()
  local counts, direct, unknown, none = {0, 0, 0, 0}, 0, 0, 0
  local examine = audit.with {severity = "error"}
  return {
    add = function(lead)
      local stage = stage_of(lead, examine)
      for i = 1, stage do counts[i] = counts[i] + 1 end
      if stage ~= 1 then return end
      direct = direct + (lead.isDirectLead == true and 1 or 0)
      if values.count(lead) then none = none + 1 else unknown = unknown + 1 end
    end,
    finish = function()
      local rows = {}
      for i, stage in ipairs(STAGES) do
        rows[i] = {stage, counts[i], counts[1] > 0 and counts[i] / counts[1] or nil,
          i > 1 and counts[i - 1] - counts[i] or nil}
      end
      return rows, {("Without an address: %d never known, %d known to have none; %d of them are direct leads.")
        :format(unknown, none, direct)}
    end,
  }
end

return {
  title = "Emergency address coverage",
  help = "how many active leads have an address, a validated one, and one that passes the audit",
  select = {"id", "tenantId", "status", "isDirectLead", "consentedCountries", "civicAddresses"},
  columns = {
    {title = "Stage"},
    {title = "Leads", kind = "number"},
    {title = "Of the active", kind = "percent"},
    {title = "Lost", kind = "number"},
  },
  start = start,
  chart = {kind = "funnel", label = "Stage", value = "Leads"},
}

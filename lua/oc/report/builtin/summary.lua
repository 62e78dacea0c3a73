--- The report `summary`: the numbers of all leads, in flat memory.

local filter = require "oc.filter"
local values = require "oc.civic.values"

local DAY_S = 86400

local ACTIVE = 'lower(status) == "active"'

-- What is counted, in the order of the rows; {days} is the instant so many days ago.
local COUNTED = {
  {"Leads", "true"},
  {"Active", ACTIVE},
  {"Active and licensed", ACTIVE .. " and not empty(umpCustomerGuid)"},
  {"Active without a licence", ACTIVE .. " and empty(umpCustomerGuid)"},
  {"Licensed, not active", 'lower(status) != "active" and not empty(umpCustomerGuid)'},
  {"Direct", "isDirectLead"},
  {"Active without any address", ACTIVE .. " and empty(civicAddresses)"},
  {"Active without a validated address", ACTIVE .. ' and not any(civicAddresses, '
    .. 'lower(validationStatus) in ("validated", "valid"))'},
  {"Active, attached to no channel", ACTIVE .. " and ovocChannelId in (0, null)"},
  {"New in the last 30 days", "consentedOn > {30}"},
  {"Changed in the last 7 days", "lastModifiedOn > {7}"},
}

local function filters_at(now)
  local filters = {}
  for i, entry in ipairs(COUNTED) do
    filters[i] = filter((entry[2]:gsub("{(%d+)}", function(days)
      return ("date(%q)"):format(values.iso(now - tonumber(days) * DAY_S))
    end)))
  end
  return filters
end

local function start(context)
  local filters, counts = filters_at(context.now), {}
  for i in ipairs(COUNTED) do counts[i] = 0 end
  return {
    add = function(lead)
      for i, holds in ipairs(filters) do
        if holds(lead) then counts[i] = counts[i] + 1 end
      end
    end,
    finish = function()
      local rows = {}
      for i, entry in ipairs(COUNTED) do
        rows[i] = {entry[1], counts[i], counts[1] > 0 and counts[i] / counts[1] or nil}
      end
      return rows
    end,
  }
end

return {
  title = "Summary",
  help = "the numbers of all leads on one page",
  select = {"status", "umpCustomerGuid", "isDirectLead", "ovocChannelId", "consentedOn", "lastModifiedOn",
    "civicAddresses.validationStatus"},
  columns = {
    {title = "What"},
    {title = "Leads", kind = "number"},
    {title = "Share", kind = "percent"},
  },
  start = start,
}

--- The report `consents`: consents, month by month, also those without any.

local MAX_MONTHS = 1200 -- between the first and the last; a year 1 among them is no month to begin with

local function month_of(lead)
  local year, month = tostring(lead.consentedOn):match "^(%d%d%d%d)%-(%d%d)"
  month = tonumber(month)
  if not month or month < 1 or month > 12 then return nil end
  return tonumber(year) * 12 + month - 1
end

local function name_of(number)
  return ("%04d-%02d"):format(math.floor(number / 12), number % 12 + 1)
end

-- The months to show: all from the first to the last, if those are not too many.
local function months_in(counts)
  local first, last, list = math.huge, -math.huge, {}
  for month in pairs(counts) do first, last = math.min(first, month), math.max(last, month) end
  if last - first <= MAX_MONTHS then
    for month = first, last do list[#list + 1] = month end
    return list
  end
  for month in pairs(counts) do list[#list + 1] = month end
  table.sort(list)
  return list
end

local function start()
  local counts, unknown = {}, {"unknown", 0, 0, 0}
  return {
    add = function(lead)
      local month = month_of(lead)
      local row = unknown
      if month then
        row = counts[month] or {name_of(month), 0, 0, 0}
        counts[month] = row
      end
      local active = type(lead.status) == "string" and lead.status:lower() == "active"
      row[2] = row[2] + 1
      row[3] = row[3] + (active and 1 or 0)
      row[4] = row[4] + (lead.isDirectLead == true and 1 or 0)
    end,
    finish = function()
      local rows = {}
      for i, month in ipairs(months_in(counts)) do rows[i] = counts[month] or {name_of(month), 0, 0, 0} end
      if unknown[2] > 0 then rows[#rows + 1] = unknown end
      return rows
    end,
  }
end

return {
  title = "Consents by month",
  help = "when leads consented, month by month",
  select = {"consentedOn", "status", "isDirectLead"},
  columns = {
    {title = "Month"},
    {title = "Consents", kind = "number"},
    {title = "Still active", kind = "number"},
    {title = "Direct", kind = "number"},
  },
  start = start,
  chart = {kind = "line", label = "Month", value = "Consents"},
}

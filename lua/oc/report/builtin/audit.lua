--- The report `audit`: findings of the audit, rule by rule.

local audit = require "oc.civic.audit"

local function start()
  local rows, by_rule = {}, {}
  for i, rule in ipairs(audit.rules()) do
    rows[i] = {rule.severity, rule.id, 0, 0, rule.text}
    by_rule[rule.id] = rows[i]
  end
  return {
    add = function(lead)
      local seen = {}
      for _, finding in ipairs(audit(lead)) do
        local row = by_rule[finding.rule]
        row[3] = row[3] + 1
        row[4] = row[4] + (seen[row] and 0 or 1)
        seen[row] = true
      end
    end,
    finish = function()
      local found = {}
      for _, row in ipairs(rows) do
        if row[3] > 0 then found[#found + 1] = row end
      end
      return found, #found == 0 and {"The audit found nothing."} or nil
    end,
  }
end

return {
  title = "Findings of the audit",
  help = "what is wrong with civic addresses, rule by rule",
  select = {"id", "tenantId", "status", "isDirectLead", "consentedCountries", "civicAddresses"},
  columns = {
    {title = "Severity"},
    {title = "Rule"},
    {title = "Findings", kind = "number"},
    {title = "Leads", kind = "number"},
    {title = "Meaning"},
  },
  start = start,
  sort = {"Severity", "-Findings"},
  chart = {kind = "bar", label = "Rule", value = "Findings"},
  notes = {"oc-leads audit lists each finding."},
}

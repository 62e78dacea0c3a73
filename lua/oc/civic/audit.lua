--- An audit: rules asked about a lead and each of its civic addresses. Gives what they found, and never loses that
-- because one of them failed.
--
-- Knows neither what the rules look for nor where leads come from.

local conceal = require "oc.conceal"
local options = require "oc.options"
local rules = require "oc.civic.rules"

--- `oc.civic.audit`: call it with a lead. It gives findings about the lead first, then address by address.
---@class oc.civic.Audit
---@overload fun(lead: oc.Lead, given?: oc.civic.AuditOptions): oc.civic.Finding[]
local audit = {}

--- What is wrong with a lead.
---@class oc.civic.Finding
---@field rule string   the rule's id
---@field severity "error"|"warning"|"info"
---@field path string   "civicAddresses[2].postalOrZipCode", from 1; "": the lead itself
---@field message string   what is wrong and what to do, without anybody's data

--- Options of `oc.civic.audit`.
---@class oc.civic.AuditOptions
---@field rules? oc.civic.Rule[]   default: the built-in ones
---@field extra? oc.civic.Rule[]   more; one with the id of another takes its place
---@field skip? string[]   ids of rules that are not asked
---@field severity? "error"|"warning"|"info"   least severity of rules that are asked, default info

---@type oc.Option[]
local LIST = {
  {name = "rules", type = "table", help = "a list of rules; default: the built-in ones"},
  {name = "extra", type = "table", help = "more rules"},
  {name = "skip", type = "table", help = "ids of rules that are not asked"},
  {name = "severity", type = "string", one_of = rules.severities, help = "least severity of rules that are asked"},
}

-- The start of a rule's fault is told, so much of it.
local FAULT_BYTES = 200

local function skipped(list, ids, level)
  local known, skip = {}, {}
  for _, rule in ipairs(list) do known[rule.id] = true end
  for _, id in ipairs(ids or {}) do
    if not known[id] then
      error(("oc.civic.audit: option 'skip': there is no rule '%s'"):format(tostring(id)), level + 1)
    end
    skip[id] = true
  end
  return skip
end

local function ranks()
  local rank = {}
  for i, severity in ipairs(rules.severities) do rank[severity] = i end
  return rank
end

local RANK = ranks()

--- The rules that are asked under these options. Raises for wrong options.
---@param given oc.civic.AuditOptions|nil
---@param level? integer   as for error
---@return oc.civic.Rule[]
function audit.rules(given, level)
  level = (level or 1) + 1
  local settled = options.check(LIST, given, "oc.civic.audit", level)
  for _, name in ipairs {"rules", "extra"} do
    local fault = settled[name] and rules.fault(settled[name])
    if fault then error(("oc.civic.audit: option '%s': %s"):format(name, fault), level) end
  end
  local all = rules.extend(settled.rules or rules.builtin, settled.extra or {})
  local skip, least = skipped(all, settled.skip, level), RANK[settled.severity or "info"]
  local wanted = {}
  for _, rule in ipairs(all) do
    if not skip[rule.id] and RANK[rule.severity] <= least then wanted[#wanted + 1] = rule end
  end
  return wanted
end

-- The rules by what they are asked about: entries {rule, countries}, countries a set or nil.
local function sorted(list)
  local by_kind = {lead = {}, address = {}}
  for _, rule in ipairs(list) do
    local countries = rule.countries and {}
    for _, code in ipairs(rule.countries or {}) do countries[rules.country(code)] = true end
    local entries = by_kind[rule.of]
    entries[#entries + 1] = {rule = rule, countries = countries}
  end
  return by_kind
end

local function words_of(fault)
  local ok, text = pcall(tostring, fault)
  text = ok and type(text) == "string" and text:match "^[^\n]*" or "it raised what is no text"
  return conceal.contacts(text:sub(1, FAULT_BYTES))
end

-- All findings of a lead.
local function examine(by_kind, lead)
  local findings, rule, place = {}, nil, ""
  local function add(severity, path, message)
    findings[#findings + 1] = {rule = rule.id, severity = severity, path = path, message = message}
  end
  local function report(message, field)
    if type(message) ~= "string" then error("report: a message expected, got " .. type(message), 2) end
    if type(field or "") ~= "string" then error("report: a field's path expected, got " .. type(field), 2) end
    add(rule.severity, place .. (field and place ~= "" and "." or "") .. (field or ""), message)
  end
  local function ask(entry, value)
    rule = entry.rule
    local ok, fault = pcall(rule.check, value, lead, report)
    if ok then return end
    if fault == "not enough memory" then error(fault, 0) end
    add("error", place, "the rule itself failed, and has to be repaired: " .. words_of(fault))
  end
  for _, entry in ipairs(by_kind.lead) do ask(entry, lead) end
  for i, address in ipairs(rules.list(lead.civicAddresses)) do
    if type(address) == "table" then
      place = ("civicAddresses[%d]"):format(i)
      local country = rules.country(address.country)
      for _, entry in ipairs(by_kind.address) do
        if not entry.countries or entry.countries[country or ""] then ask(entry, address) end
      end
    end
  end
  return findings
end

--- A function that audits leads, for many of them: the options are checked once.
---@param given? oc.civic.AuditOptions
---@return fun(lead: oc.Lead): oc.civic.Finding[]
function audit.with(given)
  local by_kind = sorted(audit.rules(given, 2))
  return function(lead)
    if type(lead) ~= "table" then error("oc.civic.audit: a lead expected, got " .. type(lead), 2) end
    return examine(by_kind, lead)
  end
end

local usual = sorted(rules.builtin)

return setmetatable(audit, {
  --- What is wrong with a lead: lead-wide findings first, then address by address.
  __call = function(_, lead, given)
    if type(lead) ~= "table" then error("oc.civic.audit: a lead expected, got " .. type(lead), 2) end
    if given == nil then return examine(usual, lead) end
    return examine(sorted(audit.rules(given, 2)), lead)
  end,
})

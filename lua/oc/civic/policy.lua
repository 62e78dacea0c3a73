--- Policies: which leads are to be synchronised, and why.
--
-- A policy is a filter, or a function on leads where the language of filters has no
-- words for it; so oc.filter.all, any and none combine them. What is kept here
-- besides is how each explains itself.

local core = require "oc.core"
local filter = require "oc.filter"
local journal = require "oc.civic.journal"
local values = require "oc.civic.values"

local policy = {}

--- Which leads are to be synchronised. The second value of a function is why it picks the lead, or an error.
---@alias oc.civic.Policy oc.Filter|fun(lead: oc.Lead): boolean|nil, string|oc.Error|nil

-- By policy: {name, why = function(lead) or text}.
local explained = setmetatable({}, {__mode = "k"})

local DAY_S = 86400
local MAX_DAYS = 36500

local function explain(made, name, why)
  explained[made] = {name = name, why = why}
  return made
end

local function counted(n, one, many)
  return n == 1 and "1 " .. one or ("%d %s"):format(n, many or one .. "s")
end

local function why_missing(lead)
  return values.count(lead) and "it is known to have no addresses" or "its addresses were never known"
end

--- The rule that the service documents: direct leads without addresses.
---@type oc.civic.Policy
policy.direct_missing = explain(filter "isDirectLead and empty(civicAddresses)", "direct_missing", function(lead)
  return "direct lead, " .. why_missing(lead)
end)

--- Active leads without addresses, direct or not.
---@type oc.civic.Policy
policy.missing = explain(filter 'lower(status) == "active" and empty(civicAddresses)', "missing", function(lead)
  return "active lead, " .. why_missing(lead)
end)

local is_unvalidated = filter 'any(civicAddresses, not (lower(validationStatus) in ("validated", "valid")))'

--- Leads with an address that is not validated.
---@type oc.civic.Policy
policy.unvalidated = explain(is_unvalidated, "unvalidated", function(lead)
  local bad, addresses = 0, values.objects(lead.civicAddresses)
  for _, address in ipairs(addresses) do
    if is_unvalidated {civicAddresses = {address}} then bad = bad + 1 end
  end
  return ("%d of %s not validated"):format(bad, counted(#addresses, "address", "addresses"))
end)

-- The consented countries of a lead in which it has no address, as the lead has them.
local function countries_without(lead)
  local has, without = {}, {}
  for _, address in ipairs(values.objects(lead.civicAddresses)) do
    has[values.country(address.country) or ""] = true
  end
  local consented = values.known(lead.consentedCountries)
  for _, code in ipairs(type(consented) == "table" and consented or {}) do
    local country = values.country(code)
    if country and not has[country] then without[#without + 1] = code end
  end
  return without
end

--- Leads with a consented country in which they have no address.
---@type oc.civic.Policy
policy.uncovered = explain(function(lead)
  return #countries_without(lead) > 0
end, "uncovered", function(lead)
  return "no address in " .. table.concat(countries_without(lead), ", ")
end)

--- All leads.
---@type oc.civic.Policy
policy.all = explain(filter "true", "all", "all leads")

local function check_stale(given)
  if type(given) ~= "table" then error("oc.civic.policy.stale: a table expected, got " .. type(given), 3) end
  for name in pairs(given) do
    if name ~= "days" and name ~= "journal" and name ~= "now" then
      error(("oc.civic.policy.stale: unknown option '%s'"):format(tostring(name)), 3)
    end
  end
  local days = given.days
  if type(days) ~= "number" or days < 0 or days > MAX_DAYS or days ~= days then
    error(("oc.civic.policy.stale: 'days': a number from 0 to %d expected, got %s"):format(MAX_DAYS,
      type(days) == "number" and days or type(days)), 3)
  end
  if given.journal ~= nil and type(given.journal) ~= "string" then
    error("oc.civic.policy.stale: 'journal': a file's path expected, got " .. type(given.journal), 3)
  end
  if given.now ~= nil and type(given.now) ~= "number" then
    error("oc.civic.policy.stale: 'now': seconds since 1970 expected, got " .. type(given.now), 3)
  end
end

-- When the addresses of a lead were last found, by the journal.
local function last_success(history, lead)
  local known = history[journal.key(lead)]
  return known and known.success
end

--- Leads whose addresses were last found longer ago than so many days: by the journal
--- that `apply` keeps, counted from the last success, whatever was tried since. A lead
--- without one counts as stale. Without a journal it is `lastModifiedOn` that counts.
---@param given {days: number, journal?: string, now?: number}
---@return oc.civic.Policy
function policy.stale(given)
  check_stale(given)
  local now = given.now or core.time()
  local before = now - given.days * DAY_S
  if not given.journal then
    local made = filter(("lastModifiedOn < date(%q) or lastModifiedOn == null"):format(values.iso(before)))
    return explain(made, "stale", ("not changed for %g days"):format(given.days))
  end
  local history, fault -- read when the first lead is asked about
  return explain(function(lead)
    if not history and not fault then history, fault = journal.history(given.journal) end
    if fault then return nil, fault end
    local success = last_success(history, lead)
    return not success or success < before or success > now + DAY_S -- a clock that was ahead proves nothing
  end, "stale", function(lead)
    local success = last_success(history or {}, lead)
    if not success then return "its addresses were never found by a run of this journal" end
    return "its addresses were last found on " .. values.iso(success):sub(1, 10)
  end)
end

--- What was given as a policy, as one: a policy or its name, a filter, an expression, or a
--- function, whose second value is why it picks the lead.
---@param given any
---@return oc.civic.Policy|nil
---@return string|nil fault
function policy.of(given)
  local named = type(given) == "string" and rawget(policy, (given:gsub("%-", "_")))
  if named and explained[named] then return named end
  return filter.of(given)
end

local why_parts

-- Why it picks the lead, which it does.
local function why(made, lead)
  local own = explained[made]
  if own then return type(own.why) == "function" and own.why(lead) or own.why end
  local how, parts = filter.parts(made)
  if how then return why_parts(how, parts, lead) end
  if filter.is(made) then return core.filter_fields(made).text end
  return "a function says so"
end

function why_parts(how, parts, lead)
  local reasons = {}
  for _, part in ipairs(parts) do
    if how == "none" then
      reasons[#reasons + 1] = "not " .. policy.name(part)
    elseif part(lead) then
      reasons[#reasons + 1] = why(part, lead)
    end
  end
  return #reasons > 0 and table.concat(reasons, how == "any" and "; " or ", ") or "all leads"
end

--- Why a policy picked a lead, in words without personal data.
---@param made oc.civic.Policy   that picked it
---@param lead oc.Lead
---@return string
function policy.why(made, lead)
  return why(made, lead)
end

--- A policy's name: its own, the expression, or how it is combined.
---@param made oc.civic.Policy
---@return string
function policy.name(made)
  if explained[made] then return explained[made].name end
  local how, parts = filter.parts(made)
  if not how then return filter.is(made) and core.filter_fields(made).text or "a function" end
  local names = {}
  for i, part in ipairs(parts) do names[i] = policy.name(part) end
  return how .. "(" .. table.concat(names, ", ") .. ")"
end

--- The fields of leads that a policy's expressions name, as far as they can be told.
---@param made oc.civic.Policy
---@return table<string, boolean>
function policy.fields(made)
  local names = {}
  local function walk(tree)
    if type(tree) ~= "table" then return end
    if tree[1] == "path" then
      if tree[2] == 0 and tree[3] then names[tree[3]] = true end
      return
    end
    for _, part in ipairs(tree) do walk(part) end
  end
  local function visit(one)
    local _, parts = filter.parts(one)
    for _, part in ipairs(parts or {}) do visit(part) end
    if not parts and filter.is(one) then walk(core.filter_fields(one).tree) end
  end
  visit(made)
  return names
end

-- A misspelt policy would be nil, and so the default.
return setmetatable(policy, {__index = function(_, name)
  error(("oc.civic.policy has no '%s': direct_missing, missing, unvalidated, uncovered, stale and all are there")
    :format(tostring(name)), 2)
end})

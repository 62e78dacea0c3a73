-- The parameters of the lead endpoint: read as ASP.NET binds them, refused as it refuses them.
-- Knows nothing about leads.

local json = require "oc.sandbox.json"
local random = require "oc.sandbox.random"

local query = {}

local DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 10, 20000
local MAX_INTEGER = 2147483647

local refusals = 0

local function refusal(errors)
  refusals = refusals + 1
  local trace = random.start(1, refusals, 9)
  return {
    status = 400,
    content_type = "application/problem+json; charset=utf-8",
    body = json.encode {
      type = "https://tools.ietf.org/html/rfc9110#section-15.5.1",
      title = "One or more validation errors occurred.",
      status = 400,
      traceId = ("00-%08x%08x%08x%08x-%08x%08x-00"):format(trace, refusals, trace, trace, trace, refusals),
      errors = errors,
    },
  }
end

-- Names bind without case, unless they are to be exact; the first of several counts; an empty value is none.
local function value_of(pairs_given, name)
  for _, pair in ipairs(pairs_given) do
    if pair.name == name or not pairs_given.exact and pair.name:lower() == name:lower() then
      if pair.value == "" then return nil end
      return pair.value
    end
  end
end

local function integer(pairs_given, errors, name, default, low, high)
  local text = value_of(pairs_given, name)
  if not text then return default end
  local value = text:find("^%s*[+-]?%d+%s*$") and tonumber((text:gsub("[%s+]", "")))
  if not value or value > MAX_INTEGER then
    errors[name] = json.array { ("The value '%s' is not valid for %s."):format(text, name) }
  elseif value < low or value > high then
    errors[name] = json.array { ("The field %s must be between %d and %d."):format(name, low, high) }
  end
  return value
end

local function boolean(pairs_given, errors, name)
  local text = (value_of(pairs_given, name) or "false"):lower()
  if text == "true" or text == "false" then return text == "true" end
  errors[name] = json.array { ("The value '%s' is not valid for %s."):format(text, name) }
end

---@class oc.sandbox.Asked
---@field page integer
---@field size integer
---@field tenant? string lower case
---@field check_online boolean

--- Reads the parameters of a lead request.
---@param pairs_given {name: string, value: string}[]
---@param settings oc.sandbox.Options of which page_base is the default page, and page_base and page_zero say the lowest
---@return oc.sandbox.Asked|nil
---@return oc.sandbox.Answer? refusal 400
function query.lead(pairs_given, settings)
  local errors, page_base = {}, settings.page_base
  local lowest = settings.page_zero == "refuse" and page_base or 0
  pairs_given.exact = settings.exact_names
  local asked = {
    page = integer(pairs_given, errors, "PageNumber", page_base, lowest, MAX_INTEGER),
    size = integer(pairs_given, errors, "PageSize", DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE),
    check_online = boolean(pairs_given, errors, "checkOnline"),
    tenant = value_of(pairs_given, "msTenantId"),
  }
  if next(errors) then return nil, refusal(errors) end
  if asked.tenant then asked.tenant = asked.tenant:lower() end
  return asked
end

return query

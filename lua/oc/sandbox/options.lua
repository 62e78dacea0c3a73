-- What a sandbox can be told: one list as data, and the check that both `sandbox.new` and `/_sandbox/configure` use.
-- Knows the shape of each option, not what is done with it.

local faults = require "oc.sandbox.faults"

local options = {}

---@class oc.sandbox.Options
---@field port? integer 0 = any free one (default)
---@field exit_on_stdin_eof? boolean end when standard input ends, so that a test's child is never orphaned
---@field log? fun(line: string) default: none
---@field leads? integer how many there are, 0 .. 1,000,000, default 10; the first ten are the samples
---@field seed? integer 0 .. 2^31-1, default 1; same seed, same bytes
---@field token? string a bearer token that is valid from the start
---@field client_id? string what the token endpoint accepts; default anything
---@field client_secret? string what the token endpoint accepts; default anything
---@field token_lifetime_s? number default 3599
---@field token_uses? integer a token is good for this many lead requests; default: no end
---@field gzip? boolean compress for clients that accept it, default true
---@field page_base? integer number of the first page, 0 or 1 (default)
---@field page_zero? "refuse"|"clamp"|"empty" what page 0 is where pages begin at 1: a 400 (default), page 1, or `[]`
---@field page_cap? integer never more leads a page than this
---@field shape? "array"|"nested"|"data"|"items"|"value" default "array"
---@field pretty? boolean JSON with white space
---@field end_status? integer 404 past the end instead of `[]`
---@field ignore_page? boolean always give page one
---@field exact_names? boolean parameter names count only as documented; default: whatever their case
---@field base_path? string the leads are below this path only, such as /tenantui; default: below any
---@field drift? {after_page: integer, insert: integer?, remove: integer?} rows move once that page has been answered
--- By tenant id: fields of the lead Microsoft knows of; default: one is invented for every GUID that ends in an even
--- digit.
---@field online? table<string, table>
---@field civic_sync? oc.sandbox.CivicSync|false
---@field civic_outcomes? table<string, "ok"|"fail"|"once"|"empty"> by lead id, before the percentages
---@field civic_latency_s? number for each lead synchronised, default 0
---@field gateway_page_size? integer addresses a page of the gateway, default 10
---@field gateway_etag? boolean the gateway's answers have an ETag and heed If-None-Match, default true
---@field gateway_rate_per_min? integer requests let through in any 60 s, further ones get a 429; default: no end
---@field gateway_latency_s? number for each answer of the gateway but a 429 and a 401, default 0
---@field faults? oc.sandbox.FaultRule[]

---@class oc.sandbox.CivicSync percentages of the leads that need it; the rest succeed
---@field fail_percent? integer always fail, default 10
---@field once_percent? integer fail the first time, succeed from the second on, default 10
---@field empty_percent? integer answer with no address, default 10

local MAX_LEADS = 1000000
local MAX_INTEGER = 2147483647

local SHAPES = { array = true, nested = true, data = true, items = true, value = true }
local OUTCOMES = { ok = true, fail = true, once = true, empty = true }

local function is_integer(value, low, high)
  return type(value) == "number" and value % 1 == 0 and value >= low and value <= high
end

local function check_table(value, keys, name)
  if type(value) ~= "table" then return nil, name .. " must be a table" end
  for key, amount in pairs(value) do
    if not keys[key] then return nil, ("unknown option %s.%s"):format(name, tostring(key)) end
    if not is_integer(amount, 0, keys[key]) then
      return nil, ("%s.%s must be an integer of 0 to %d"):format(name, key, keys[key])
    end
  end
  return true
end

local function check_civic_sync(value)
  if value == false then return true end
  local keys = { fail_percent = 100, once_percent = 100, empty_percent = 100 }
  return check_table(value, keys, "civic_sync")
end

local function check_drift(value)
  local ok, problem = check_table(value, { after_page = MAX_INTEGER, insert = MAX_LEADS, remove = MAX_LEADS }, "drift")
  if not ok then return nil, problem end
  if not value.after_page then return nil, "drift.after_page is missing" end
  if (value.insert == nil) == (value.remove == nil) then return nil, "drift must have one of insert and remove" end
  return true
end

local function check_outcomes(value)
  if type(value) ~= "table" then return nil, "civic_outcomes must be a table" end
  for id, outcome in pairs(value) do
    if not OUTCOMES[outcome] then
      return nil, ('civic_outcomes[%s] must be "ok", "fail", "once" or "empty"'):format(tostring(id))
    end
  end
  return true
end

local function check_online(value)
  if type(value) ~= "table" then return nil, "online must be a table" end
  for tenant, lead in pairs(value) do
    if type(tenant) ~= "string" or type(lead) ~= "table" then
      return nil, "online must map tenant ids to tables of lead fields"
    end
  end
  return true
end

local function check_shape(value)
  if not SHAPES[value] then return nil, 'shape must be "array", "nested", "data", "items" or "value"' end
  return true
end

local PAGE_ZERO = { refuse = true, clamp = true, empty = true }

local function check_page_zero(value)
  if not PAGE_ZERO[value] then return nil, 'page_zero must be "refuse", "clamp" or "empty"' end
  return true
end

local function check_base_path(value)
  if type(value) == "string" and value:find "^/[^?#]*[^/?#]$" then return true end
  return nil, "base_path must be a path that begins with a slash and ends without one"
end

local function integer(low, high)
  return function(value, name)
    if not is_integer(value, low, high) then
      return nil, ("%s must be an integer of %d to %d"):format(name, low, high)
    end
    return true
  end
end

local function number(value, name)
  if type(value) == "number" and value >= 0 then return true end
  return nil, name .. " must be a number of 0 or more"
end

local function of_type(wanted)
  return function(value, name)
    if type(value) ~= wanted then return nil, ("%s must be a %s"):format(name, wanted) end
    return true
  end
end

-- `fixed`: belongs to the server, not to what it plays, and so cannot be configured later.
local LIST = {
  { name = "port", check = integer(0, 65535), default = 0, fixed = true },
  { name = "exit_on_stdin_eof", check = of_type "boolean", default = false, fixed = true },
  { name = "log", check = of_type "function", fixed = true },
  { name = "leads", check = integer(0, MAX_LEADS), default = 10 },
  { name = "seed", check = integer(0, MAX_INTEGER), default = 1 },
  { name = "token", check = of_type "string" },
  { name = "client_id", check = of_type "string" },
  { name = "client_secret", check = of_type "string" },
  { name = "token_lifetime_s", check = number, default = 3599 },
  { name = "token_uses", check = integer(0, MAX_INTEGER) },
  { name = "gzip", check = of_type "boolean", default = true },
  { name = "page_base", check = integer(0, 1), default = 1 },
  { name = "page_zero", check = check_page_zero, default = "refuse" },
  { name = "page_cap", check = integer(1, MAX_INTEGER) },
  { name = "shape", check = check_shape, default = "array" },
  { name = "pretty", check = of_type "boolean", default = false },
  { name = "end_status", check = integer(404, 404) },
  { name = "ignore_page", check = of_type "boolean", default = false },
  { name = "exact_names", check = of_type "boolean", default = false },
  { name = "base_path", check = check_base_path },
  { name = "drift", check = check_drift },
  { name = "online", check = check_online },
  { name = "civic_sync", check = check_civic_sync, default = {} },
  { name = "civic_outcomes", check = check_outcomes, default = {} },
  { name = "civic_latency_s", check = number, default = 0 },
  { name = "gateway_page_size", check = integer(1, MAX_INTEGER), default = 10 },
  { name = "gateway_etag", check = of_type "boolean", default = true },
  { name = "gateway_rate_per_min", check = integer(1, MAX_INTEGER) },
  { name = "gateway_latency_s", check = number, default = 0 },
  { name = "faults", check = faults.check, default = {} },
}

local BY_NAME = {}
for _, option in ipairs(LIST) do BY_NAME[option.name] = option end

-- Our own copy, so that the caller's later changes stay his. A JSON reader may give 3.0 for 3, where the generator
-- wants an integer, and its own null, where we want nothing.
local function copy(value)
  if type(value) == "number" and value % 1 == 0 then return math.floor(value) end
  if type(value) == "userdata" then return nil end
  if type(value) ~= "table" then return value end
  local copied = {}
  for key, item in pairs(value) do copied[copy(key)] = copy(item) end
  return copied
end

--- Checks options and fills in the defaults.
---@param given table
---@param later? boolean only what can be configured while the server runs
---@return table|nil settings
---@return string? problem what is wrong, naming the option
function options.check(given, later)
  if type(given) ~= "table" then return nil, "options must be a table" end
  local settings = {}
  for name, value in pairs(copy(given)) do
    local option = BY_NAME[name]
    if not option then return nil, "unknown option " .. tostring(name) end
    if later and option.fixed then return nil, ("option %s cannot be changed while running"):format(name) end
    local ok, problem = option.check(value, name)
    if not ok then return nil, problem end
    settings[name] = value
  end
  for _, option in ipairs(LIST) do
    if settings[option.name] == nil then settings[option.name] = option.default end
  end
  return settings
end

return options

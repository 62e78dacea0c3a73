--- Every option there is, once: name, type, default, environment variable, flag
-- and a line of help. The checks, the reference table and `--help` come from here.
--
-- Knows what a value may look like, not what it is for.

local core = require "oc.core"
local errors = require "oc.errors"
local filter = require "oc.filter"

local options = {}

--- One option.
---@class oc.Option
---@field name string   snake_case, with the unit
---@field type "string"|"number"|"integer"|"count"|"boolean"|"table"|"function"|"any"   count: integer or math.huge
---@field default? any   as it acts when it is not given; nil: none
---@field min? number
---@field max? number
---@field one_of? string[]
---@field any_text? boolean   of a string: control characters are allowed
---@field pattern? string   that a string must match
---@field pattern_help? string   what that means
---@field list? boolean   of a table: a list, as text separated by commas
---@field keys? string[]   of a table: what it may hold, each a string
---@field env? string   environment variable
---@field flag? string   of oc-leads, without the dashes; none for secrets
---@field fault? fun(value: any): string|nil   what is wrong with it, where the above cannot say
---@field parse? fun(text: string): any   reads it from text, where its type does not say how
---@field argname? string   what help calls its value
---@field secret? boolean   hidden wherever options are shown
---@field help string   one line

local huge = math.huge

--- Options of `oc.client`.
---@type oc.Option[]
options.client = {
  {name = "base_url", type = "string", env = "OC_BASE_URL", flag = "base-url",
    help = "address of the service, with its path: https://sp.example.com/tenantui"},
  {name = "auth", type = "any", secret = true,
    help = "oc.auth.bearer, oc.auth.client_credentials, a function giving token, expires_in_s; false: none"},
  {name = "page_base", type = "integer", default = 1, min = 0, max = 1, env = "OC_PAGE_BASE",
    flag = "page-base", help = "number of the service's first page"},
  {name = "lead_path", type = "string", default = "/api/v2/oc/lead", env = "OC_LEAD_PATH",
    flag = "lead-path", pattern = "^[%w%-._~!$&'()*+,;=:@/%%]+$",
    pattern_help = "a path, its odd characters as %20,", help = "path of the leads below base_url"},
  {name = "param_names", type = "table", keys = {"ms_tenant_id", "page", "page_size", "check_online"},
    help = "the service's parameter names, by ours: ms_tenant_id, page, page_size, check_online"},
  {name = "connect_timeout_s", type = "number", default = 10, min = 0.001, env = "OC_CONNECT_TIMEOUT_S",
    flag = "connect-timeout", help = "seconds until a connection must stand"},
  {name = "idle_timeout_s", type = "number", default = 120, min = 0.001, env = "OC_IDLE_TIMEOUT_S",
    flag = "idle-timeout", help = "seconds without a byte before a request fails"},
  {name = "request_timeout_s", type = "number", default = 600, min = 0.001, env = "OC_REQUEST_TIMEOUT_S",
    flag = "request-timeout", help = "seconds a request may take in all"},
  {name = "deadline_s", type = "number", min = 0.001, env = "OC_DEADLINE_S", flag = "deadline",
    help = "seconds a whole run may take, waits included"},
  {name = "max_attempts", type = "integer", default = 5, min = 1, max = 1000, env = "OC_MAX_ATTEMPTS",
    flag = "max-attempts", help = "how often a page is asked for before the run fails"},
  {name = "backoff_base_s", type = "number", default = 0.5, min = 0, env = "OC_BACKOFF_BASE_S",
    flag = "backoff-base", help = "longest wait behind the first failure, in seconds; doubles each time"},
  {name = "backoff_cap_s", type = "number", default = 30, min = 0, env = "OC_BACKOFF_CAP_S",
    flag = "backoff-cap", help = "longest wait between attempts, in seconds"},
  {name = "retry_after_cap_s", type = "number", default = 120, min = 0, env = "OC_RETRY_AFTER_CAP_S",
    flag = "retry-after-cap", help = "longest Retry-After that is obeyed, in seconds; beyond it the run stops"},
  {name = "ca_file", type = "string", env = "OC_CA_FILE", flag = "ca-file",
    help = "certificates to trust, a PEM file"},
  {name = "ca_path", type = "string", env = "OC_CA_PATH", flag = "ca-path",
    help = "certificates to trust, a folder of hashed PEM files"},
  {name = "client_cert", type = "string", env = "OC_CLIENT_CERT", flag = "client-cert",
    help = "certificate of this client, a PEM file"},
  {name = "client_key", type = "string", env = "OC_CLIENT_KEY", flag = "client-key",
    help = "its private key, a PEM file"},
  {name = "client_key_password", type = "string", env = "OC_CLIENT_KEY_PASSWORD", secret = true,
    help = "password of the private key"},
  {name = "insecure", type = "boolean", default = false, flag = "insecure",
    help = "do not verify certificates, allow plain http: for experiments only, warns each time"},
  {name = "proxy", type = "string", env = "OC_PROXY", secret = true,
    help = "proxy address, with its credentials; \"\" for none"},
  {name = "no_proxy", type = "string", env = "OC_NO_PROXY", flag = "no-proxy",
    help = "hosts to reach without the proxy, separated by commas"},
  {name = "headers", type = "table", secret = true, help = "more request headers, by name"},
  {name = "user_agent", type = "string", env = "OC_USER_AGENT", flag = "user-agent",
    help = "User-Agent to send; default oc/VERSION"},
  {name = "compress", type = "boolean", default = true, flag = "compress",
    help = "ask for gzip"},
  {name = "max_lead_bytes", type = "integer", default = 8388608, min = 1, max = 1073741824,
    env = "OC_MAX_LEAD_BYTES", flag = "max-lead-bytes", help = "largest lead, in bytes"},
  {name = "max_depth", type = "integer", default = 64, min = 1, max = 1000, env = "OC_MAX_DEPTH",
    flag = "max-depth", help = "deepest nesting within a lead"},
  {name = "max_body_bytes", type = "integer", default = 4294967296, min = 1, max = 2 ^ 53,
    env = "OC_MAX_BODY_BYTES", flag = "max-body-bytes", help = "largest page, in bytes, unpacked"},
  {name = "log", type = "any", help = "function(level, event, fields); false: none; default: warnings to stderr"},
  {name = "on_page", type = "function", help = "function(page), after each page"},
  {name = "on_retry", type = "function", help = "function(info), before each wait"},
  {name = "host", type = "table",
    help = "what carries requests and keeps time: see oc.Host; default: blocking, on libcurl; in nginx, cosockets"},
}

--- Options of `client:leads`.
---@type oc.Option[]
options.leads = {
  {name = "page_size", type = "integer", default = 200, min = 1, max = 20000, env = "OC_PAGE_SIZE",
    flag = "page-size", help = "leads to ask for in a page, 1 to 20000"},
  {name = "page", type = "integer", min = 0, max = 2 ^ 53, flag = "page",
    help = "first page to read; default: page_base"},
  {name = "max_pages", type = "count", default = 10, min = 1, env = "OC_MAX_PAGES", flag = "max-pages",
    help = "pages to read at the most; all, in Lua math.huge, for every page"},
  {name = "limit", type = "count", default = huge, min = 1, flag = "limit",
    help = "leads to hand out at the most"},
  {name = "ms_tenant_id", type = "string", any_text = true, flag = "ms-tenant-id",
    help = "only leads of this customer tenant"},
  {name = "check_online", type = "boolean", default = false, flag = "check-online",
    help = "let the service ask Microsoft for a lead it has no record of"},
  {name = "where", type = "any", flag = "where",
    help = "only leads for which this holds: a filter expression (in Lua also a filter or a function)"},
  {name = "select", type = "table", list = true, flag = "select",
    help = "only these fields of each lead: id,contactDetails.companyName (in Lua a list of paths)"},
  {name = "prefetch", type = "integer", default = 1, min = 0, max = 16, env = "OC_PREFETCH",
    flag = "prefetch", help = "pages to ask for ahead"},
  {name = "nulls", type = "string", default = "nil", one_of = {"nil", "null"},
    help = "what a JSON null is: \"nil\" (absent) or \"null\" (oc.null)"},
  {name = "raw", type = "boolean", default = false,
    help = "each lead as its exact JSON text, without white space"},
  {name = "verify", type = "boolean", default = false, flag = "verify",
    help = "read all pages once more after the end, for leads that moved meanwhile"},
  {name = "resume", type = "table",
    help = "where an earlier run stopped: err.resume or result.resume"},
}

--- Options of `oc.decoder` and `oc.decode`.
---@type oc.Option[]
options.decoder = {}

--- Options of `oc.pager`: what to ask and what to hand out, without any I/O.
---@type oc.Option[]
options.pager = {}

local function share(list, from, ...)
  local wanted = {}
  for _, name in ipairs {...} do wanted[name] = true end
  for _, option in ipairs(from) do
    if wanted[option.name] then list[#list + 1] = option end
  end
end

share(options.decoder, options.client, "max_lead_bytes", "max_depth", "max_body_bytes")
share(options.decoder, options.leads, "nulls", "where", "select")
share(options.pager, options.client, "base_url", "lead_path", "param_names", "page_base", "max_attempts",
  "backoff_base_s", "backoff_cap_s", "retry_after_cap_s", "max_lead_bytes", "max_depth", "max_body_bytes")
share(options.pager, options.leads, "page_size", "page", "max_pages", "limit", "ms_tenant_id",
  "check_online", "where", "select", "nulls", "raw", "verify", "resume")

local function shown(option, value)
  if option.secret then return "a " .. type(value) end
  return type(value) == "string" and (string.format("%q", value):gsub("%c", "?")) or tostring(value)
end

local function range(option)
  local what = option.type == "count" and "integer (or math.huge)" or option.type
  if not option.min then return what end
  if not option.max then return ("%s of at least %g"):format(what, option.min) end
  return ("%s from %.16g to %.16g"):format(what, option.min, option.max)
end

local function fault_of_table(option, value)
  local known = {}
  for _, key in ipairs(option.keys) do known[key] = true end
  for key, text in pairs(value) do
    if not known[key] then
      return ("'%s' is none of %s"):format(tostring(key), table.concat(option.keys, ", "))
    end
    if type(text) ~= "string" or text == "" then return ("'%s' is no text"):format(key) end
    if text:find "[%z\1-\31\127]" then return ("'%s' holds a control character"):format(key) end
  end
end

-- What is wrong with the value; nil if nothing is.
local function fault_of(option, value)
  local whole = option.type == "integer" or option.type == "count" and value ~= huge
  local wanted = (option.type == "integer" or option.type == "count") and "number" or option.type
  if wanted ~= "any" and type(value) ~= wanted then
    return ("%s expected, got %s"):format(range(option), type(value))
  end
  local outside = wanted == "number" and not (value >= (option.min or -huge) and value <= (option.max or huge))
  if outside or whole and value ~= math.floor(value) then
    return ("%s expected, got %s"):format(range(option), shown(option, value))
  end
  if option.type == "string" and value:find(option.any_text and "%z" or "[%z\1-\31\127]") then
    return "a string without control characters (a line end?) expected"
  end
  if option.pattern and not value:find(option.pattern) then
    return ("%s expected, got %s"):format(option.pattern_help, shown(option, value))
  end
  if option.keys then return fault_of_table(option, value) end
  if option.fault then return option.fault(value) end
  if not option.one_of then return nil end
  for _, allowed in ipairs(option.one_of) do
    if value == allowed then return nil end
  end
  return ("one of %s expected, got %s"):format(table.concat(option.one_of, ", "), shown(option, value))
end

local function closest(list, name)
  local flat = tostring(name):lower():gsub("[^%a]", "")
  for _, option in ipairs(list) do
    if option.name:gsub("_", "") == flat or option.name:gsub("_%a+$", "") == name then
      return (" (did you mean '%s'?)"):format(option.name)
    end
  end
  return ""
end

--- Checks what the programmer gave: raises, naming the argument.
---@param list oc.Option[]
---@param given table?
---@param what string   the function's name, for the message
---@param level integer   as for error
---@return table   a copy
function options.check(list, given, what, level)
  if given == nil then given = {} end
  if type(given) ~= "table" then
    error(("%s: a table of options expected, got %s"):format(what, type(given)), level + 1)
  end
  local known, copy = {}, {}
  for _, option in ipairs(list) do known[option.name] = option end
  for name, value in pairs(given) do
    local option = known[name]
    if not option then
      error(("%s: unknown option '%s'%s"):format(what, tostring(name), closest(list, name)), level + 1)
    end
    local fault = fault_of(option, value)
    if fault then error(("%s: option '%s': %s"):format(what, name, fault), level + 1) end
    copy[name] = value
  end
  return copy
end

--- Makes of `where` and `select` what the core takes: a filter (or a function) and
--- checked paths. Raises, naming the option.
---@param given table   changed
---@param what string
---@param level integer   as for error
---@param functions boolean|nil   where may be a function
function options.want(given, what, level, functions)
  if given.where ~= nil then
    local made, fault = filter.of(given.where)
    if type(made) == "function" and not functions then
      made, fault = nil, "an expression or a filter expected: ask a function yourself, lead by lead"
    end
    if not made then error(("%s: option 'where': %s"):format(what, fault), level + 1) end
    given.where = made
  end
  if given.select == nil then return end
  if given.raw then error(("%s: option 'select' goes without 'raw'"):format(what), level + 1) end
  for key, path in pairs(given.select) do
    if type(key) ~= "number" or key < 1 or key > #given.select then
      error(("%s: option 'select': a list of paths expected"):format(what), level + 1)
    end
    if type(path) ~= "string" or path == "" or ("." .. path .. "."):find("..", 1, true) then
      error(("%s: option 'select': [%d]: a field or a path (contactDetails.companyName) expected"):format(
        what, key), level + 1)
    end
  end
end

--- Reads a value that came as text, from the environment or a flag.
---@param option oc.Option
---@param text string
---@return any value   nil when it cannot be read
---@return string|nil fault
function options.read(option, text)
  local value = text
  if option.parse then
    value = option.parse(text)
  elseif option.list then
    value = {}
    for part in (text .. ","):gmatch "%s*(.-)%s*," do value[#value + 1] = part end
  elseif option.type == "number" or option.type == "integer" or option.type == "count" then
    value = text == "all" and option.type == "count" and huge or tonumber(text)
    if not value or text:find "^%s*[-+]?%s*0[xX]" or text:find "[nN]" then
      return nil, ("%s expected, got %s"):format(range(option), shown(option, text))
    end
  end
  local fault = fault_of(option, value)
  if fault then return nil, fault end
  return value
end

--- Fills what was not given: from the environment.
---@param list oc.Option[]
---@param given table   changed
---@param getenv fun(name: string): string|nil
---@return table|nil given, oc.Error|nil err   kind `options`
function options.from_environment(list, given, getenv)
  for _, option in ipairs(list) do
    local text = option.env and given[option.name] == nil and getenv(option.env)
    if text and text ~= "" then
      local value, fault = options.read(option, text)
      if fault then
        return nil, errors.new("options", ("environment variable %s: %s"):format(option.env, fault))
      end
      given[option.name] = value
    end
  end
  return given
end

--- Fills what is left: the defaults.
---@param list oc.Option[]
---@param given table   changed
---@return table given
function options.defaults(list, given)
  for _, option in ipairs(list) do
    if given[option.name] == nil then given[option.name] = option.default end
  end
  return given
end

--- Checks an address that credentials may go to: https, or http on this machine.
---@param url string
---@param insecure boolean|nil   plain http is allowed
---@return table|nil address   {origin, https, loopback}
---@return string|nil fault
function options.address(url, insecure)
  local address, why = core.address(url)
  if not address then return nil, why end
  if not address.bare then return nil, "has parameters or a fragment; give the address without them" end
  if not (address.https or address.loopback or insecure) then
    return nil, "is plain http: everybody on the way could read the token; use https"
  end
  return address
end

return options

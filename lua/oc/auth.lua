--- Credentials: where a token comes from. Tokens are kept and renewed by the
-- client; here one is fetched. What is secret lives in closures, so that printing
-- a provider, or walking through its fields, shows nothing.

local cjson = require "cjson.safe"
local conceal = require "oc.conceal"
local core = require "oc.core"
local errors = require "oc.errors"
local options = require "oc.options"

local auth = {}

--- Gives status, body; or nil, err.
---@alias oc.AuthSend fun(request: oc.Request): integer|nil, string|oc.Error

--- A source of tokens. A plain function `() -> token, expires_in_s | nil, err`
--- serves as well, wherever a provider is asked for.
---@class oc.Auth
--- token, expires_in_s; or nil, err. `send` makes a request, with retries.
---@field fetch fun(self: oc.Auth, send: oc.AuthSend): string|nil, number|oc.Error|nil
---@field renewable boolean   asking again may give another token
---@field detached? boolean   fetching needs nothing of the request it is for, where a host has such
---@field hide? fun(text: string): string   the text without the secrets that only the provider knows

local function provider(name, renewable, fetch, secrets)
  return setmetatable({renewable = renewable, fetch = fetch, hide = conceal.new(secrets or {})}, {
    __tostring = function() return "oc.auth." .. name .. "(hidden)" end,
    __name = "oc.auth",
  })
end

local function check_text(what, name, value)
  if type(value) ~= "string" or value == "" then
    error(("%s: '%s': a string that is not empty expected, got %s"):format(what, name,
      value == "" and "an empty one" or type(value)), 3)
  end
  if value:find "[%z\1-\31\127]" then
    error(("%s: '%s' holds a control character (a line end?)"):format(what, name), 3)
  end
  return value
end

--- A token that is there already. It cannot be renewed: the first 401 is an error.
---@param token string   without "Bearer"
---@return oc.Auth
function auth.bearer(token)
  check_text("oc.auth.bearer", "token", token)
  if token:find "^[Bb]earer " then
    error("oc.auth.bearer: 'token' begins with Bearer: give what comes behind it", 2)
  end
  if token:find "[^\33-\126]" then
    error("oc.auth.bearer: 'token' holds what cannot be sent in a header (a blank?)", 2)
  end
  return provider("bearer", false, function() return token end, {token})
end

--- What `oc.auth.client_credentials` needs.
---@class oc.ClientCredentials
---@field tenant_id string   of your own tenant
---@field client_id string
---@field client_secret string
---@field scope string   api://<id>/.default
---@field authority? string   default https://login.microsoftonline.com; national clouds differ

local credentials_fields = {"tenant_id", "client_id", "client_secret", "scope", "authority"}

-- Its codes are words and GUIDs; anything longer is none.
local MAX_WORD_BYTES = 64

-- Entra says what is wrong in prose, with a code that can be looked up. The prose
-- may quote what was sent; the code does not.
local function refusal(status, body)
  local answer = cjson.decode(body)
  if type(answer) ~= "table" then answer = {} end
  local code = type(answer.error_description) == "string" and answer.error_description:match "AADSTS%d+"
  local word = type(answer.error) == "string" and #answer.error <= MAX_WORD_BYTES and answer.error:match "^[%w_.-]+$"
  local trace = type(answer.trace_id) == "string" and #answer.trace_id <= MAX_WORD_BYTES and answer.trace_id or nil
  local said = table.concat({code or "", word or ""}, " "):gsub("^ ", ""):gsub(" $", "")
  return errors.new("auth", ("cannot get a token: %s (HTTP %d)"):format(
    said ~= "" and said or "refused", status), {
    status = status,
    trace_id = trace and conceal.contacts(trace),
  })
end

local function read_answer(body)
  local answer = cjson.decode(body)
  local token = type(answer) == "table" and answer.access_token
  if type(token) ~= "string" or token == "" or token:find "[^\33-\126]" then
    return nil, errors.new("auth", "cannot get a token: the answer holds no usable access_token")
  end
  return token, tonumber(answer.expires_in) or 0
end

--- Microsoft Entra's client credentials: a token for the application itself.
--- Raises for missing or wrong fields, and for an authority that is not https.
---@param credentials oc.ClientCredentials
---@return oc.Auth
function auth.client_credentials(credentials)
  local what = "oc.auth.client_credentials"
  if type(credentials) ~= "table" then error(what .. ": a table expected, got " .. type(credentials), 2) end
  local given = {authority = "https://login.microsoftonline.com"}
  local known = {}
  for _, name in ipairs(credentials_fields) do known[name] = true end
  for name, value in pairs(credentials) do
    if not known[name] then error(("%s: unknown field '%s'"):format(what, tostring(name)), 2) end
    given[name] = value
  end
  for _, name in ipairs(credentials_fields) do check_text(what, name, given[name]) end
  if given.tenant_id:find "^%.%.?$" then error(what .. ": 'tenant_id' is no tenant", 2) end -- but a way out of the path
  local address, fault = options.address(given.authority)
  if not address then error(("%s: authority %s"):format(what, fault), 2) end

  local url = core.join(given.authority, core.encode_form(given.tenant_id) .. "/oauth2/v2.0/token")
  local form = ("grant_type=client_credentials&client_id=%s&client_secret=%s&scope=%s"):format(
    core.encode_form(given.client_id), core.encode_form(given.client_secret), core.encode_form(given.scope))
  local made = provider("client_credentials", true, function(_, send)
    local status, body = send {
      url = url, method = "POST", body = form,
      headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"},
    }
    if not status then return nil, body end
    if status ~= 200 then return nil, refusal(status, body) end
    return read_answer(body)
  end, {given.client_secret})
  made.detached = true
  return made
end

local environment_names = {tenant_id = "TENANT_ID", client_id = "CLIENT_ID", client_secret = "CLIENT_SECRET",
  scope = "SCOPE", authority = "AUTHORITY"}

-- The credentials that are there, and the names of those that are not; none when there are none at all.
local function credentials_in(prefix, getenv)
  local credentials, missing, any = {}, {}, false
  for field, name in pairs(environment_names) do
    local value = getenv(prefix .. name)
    if value and value ~= "" then
      credentials[field] = value
      any = any or field ~= "authority"
    elseif field ~= "authority" then
      missing[#missing + 1] = prefix .. name
    end
  end
  table.sort(missing)
  return any and credentials or nil, missing
end

--- What the environment has: a token, or else client credentials.
---@param prefix string   of the variables: "OC_"
---@param getenv? fun(name: string): string|nil   default: os.getenv
---@return oc.Auth|nil   nil also when there is nothing
---@return oc.Error|nil err   kind `options`
function auth.from_environment(prefix, getenv)
  getenv = getenv or os.getenv
  local token = getenv(prefix .. "TOKEN")
  if (token or "") ~= "" then
    local ok, made = pcall(auth.bearer, token)
    if ok then return made end
    return nil, errors.new("options", ("environment variable %sTOKEN: not usable as a token; it is the token "
      .. "alone, in one line, without spaces and without 'Bearer'"):format(prefix))
  end
  local credentials, missing = credentials_in(prefix, getenv)
  if not credentials then return nil end
  if #missing > 0 then
    return nil, errors.new("options", "environment: credentials are incomplete, missing " ..
      table.concat(missing, ", "))
  end
  local ok, made = pcall(auth.client_credentials, credentials)
  if ok then return made end
  return nil, errors.new("options", "environment: " .. tostring(made):gsub("^.-:%d+: ", ""))
end

-- What a function of the caller's gave: a token and its life, or nil, err.
local function taken(token, more)
  if token == nil or token == false then
    if errors.is(more) then return nil, more end
    return nil, errors.new("auth", "cannot get a token: " .. tostring(more or "the function gave none"))
  end
  if type(token) ~= "string" or token == "" or token:find "[^\33-\126]" then
    return nil, errors.new("auth", "cannot get a token: the function gave what cannot be sent in a header")
  end
  return token, tonumber(more) or math.huge
end

--- A provider whose tokens are kept where others find them too: other processes, workers of nginx.
--- `keep` is called when a token is wanted. It returns what it has, and its life in seconds, unless that
--- is `refused`; else what `fetch` gives, which it may first store, and allow only one at a time.
--- Raises for what is no provider.
---@param provider_given oc.Auth   of oc.auth.client_credentials
---@param keep fun(fetch: fun(), refused: string|nil): string|nil, number|oc.Error|nil
---@return oc.Auth
function auth.shared(provider_given, keep)
  if type(provider_given) ~= "table" or type(provider_given.fetch) ~= "function" then
    error("oc.auth.shared: a provider expected, got " .. type(provider_given), 2)
  end
  if type(keep) ~= "function" then error("oc.auth.shared: a function expected, got " .. type(keep), 2) end
  local last -- asking again means that it was refused, or is about to expire
  local made = provider("shared", provider_given.renewable, function(_, send)
    local token, more = taken(keep(function() return provider_given:fetch(send) end, last))
    last = token
    return token, more
  end)
  made.hide, made.detached = provider_given.hide, provider_given.detached
  return made
end

--- Makes a provider of what the user gave as `auth`.
---@param given oc.Auth|function
---@return oc.Auth|nil
function auth.of(given)
  if type(given) == "table" and type(given.fetch) == "function" then return given end
  if type(given) ~= "function" then return nil end
  return provider("function", true, function() return taken(given()) end)
end

return auth

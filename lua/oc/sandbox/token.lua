-- Microsoft Entra's token endpoint as far as client credentials go, and the check of bearer tokens.
-- Knows nothing about leads.

local http = require "oc.sandbox.http"
local json = require "oc.sandbox.json"
local random = require "oc.sandbox.random"

local token = {}

local Tokens = {}
Tokens.__index = Tokens

--- The tokens of one configuration.
---@param options oc.sandbox.Options
---@param clock fun(): number seconds
function token.new(options, clock)
  local self = setmetatable({ options = options, clock = clock, known = {}, issued = 0, refused = 0 }, Tokens)
  if options.token then self:remember(options.token, math.huge) end
  return self
end

function Tokens:remember(text, expires_at)
  self.known[text] = { expires_at = expires_at, uses_left = self.options.token_uses or math.huge }
end

--- Whether requests need a token at all.
---@return boolean
function Tokens:required()
  local options = self.options
  return (options.token or options.client_id or options.client_secret) ~= nil
end

--- Checks an Authorization header and uses the token up by one request.
---@param authorization? string
---@return boolean valid
function Tokens:accept(authorization)
  local text = authorization and authorization:match("^[Bb]earer +(.+)$")
  local found = text and self.known[text]
  if not found or self.clock() >= found.expires_at or found.uses_left < 1 then return false end
  found.uses_left = found.uses_left - 1
  return true
end

--- Every token known so far stops being valid.
function Tokens:expire_all()
  self.known = {}
end

-- Nothing is guarded here, so a token has to be new rather than unguessable.
local function new_token(self)
  self.issued = self.issued + 1
  local part = random.start(self.options.seed, self.issued, 4)
  return ("sandbox.%d.%08x%08x"):format(self.issued, part, random.next(part))
end

local function guid(seed, number, salt)
  local a = random.start(seed, number, salt)
  local b = random.next(a)
  return ("%08x-%04x-4%03x-%04x-%08x%04x"):format(a, b % 65536, a % 4096, 32768 + b % 16384, random.next(b), a % 65536)
end

local function refusal(self, status, kind, code, text)
  self.refused = self.refused + 1
  local trace = guid(self.options.seed, self.refused, 5)
  local correlation = guid(self.options.seed, self.refused, 6)
  local now = os.date("!%Y-%m-%d %H:%M:%SZ", math.floor(self.clock()))
  return {
    status = status,
    content_type = "application/json; charset=utf-8",
    headers = { ["Cache-Control"] = "no-store, no-cache" },
    body = json.encode {
      error = kind,
      error_description = ("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s")
        :format(code, text, trace, correlation, now),
      error_codes = { code }, timestamp = now, trace_id = trace, correlation_id = correlation,
      error_uri = ("https://login.microsoftonline.com/error?code=%d"):format(code),
    },
  }
end

local function fields_of(body)
  local fields = {}
  for _, pair in ipairs(http.form(body)) do fields[pair.name] = pair.value end
  return fields
end

local function is_tenant(name)
  return name:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$")
    or name:find("^[%w%-]+%.[%w%-%.]+$")
end

-- nil, or the status, kind, code and text Entra refuses with, checked in its order.
local function fault_of(options, tenant, fields)
  if not is_tenant(tenant) then
    return 400, "invalid_request", 900023,
      ("Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain."):format(tenant)
  end
  for _, name in ipairs { "grant_type", "client_id", "scope" } do
    if not fields[name] or fields[name] == "" then
      return 400, "invalid_request", 900144,
        ("The request body must contain the following parameter: '%s'."):format(name)
    end
  end
  if fields.grant_type ~= "client_credentials" then
    return 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
  end
  if not fields.scope:find("/%.default$") then
    return 400, "invalid_scope", 1002012,
      ("The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default "
        .. "suffixed to the resource identifier (application ID URI)."):format(fields.scope)
  end
  if options.client_id and fields.client_id ~= options.client_id then
    return 400, "unauthorized_client", 700016,
      ("Application with identifier '%s' was not found in the directory '%s'."):format(fields.client_id, tenant)
  end
  if not fields.client_secret or fields.client_secret == "" then
    return 401, "invalid_client", 7000218,
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
  end
  if options.client_secret and fields.client_secret ~= options.client_secret then
    return 401, "invalid_client", 7000215,
      "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        .. ("not the client secret ID, for a secret added to app '%s'."):format(fields.client_id)
  end
  return nil
end

--- Answers a token request.
---@param tenant string as in the path
---@param body string the form
---@return oc.sandbox.Answer
---@return boolean issued
function Tokens:answer(tenant, body)
  local status, kind, code, text = fault_of(self.options, tenant, fields_of(body))
  if status then return refusal(self, status, kind, code, text), false end
  local lifetime_s = self.options.token_lifetime_s
  local issued = new_token(self)
  self:remember(issued, self.clock() + lifetime_s)
  return {
    status = 200,
    content_type = "application/json; charset=utf-8",
    headers = { ["Cache-Control"] = "no-store, no-cache" },
    body = json.encode {
      token_type = "Bearer", expires_in = lifetime_s, ext_expires_in = lifetime_s, access_token = issued,
    },
  }, true
end

return token

--- The client: one service, one set of credentials, one pool of connections.
--
-- Checks and keeps the options, holds the token, and sends single requests with
-- retries. Pages of leads are oc.leads' business.

local auth = require "oc.auth"
local conceal = require "oc.conceal"
local core = require "oc.core"
local default_host = require "oc.host"
local errors = require "oc.errors"
local leads = require "oc.leads"
local log = require "oc.log"
local options = require "oc.options"
local protect = require "oc.protect"
local version = require "oc.version"

local client = {}

-- Renewed this long before it expires, or a tenth of its life if that is less.
local TOKEN_MARGIN_S = 60

-- More of a token endpoint's answer than this is no token.
local MAX_ANSWER_BYTES = 256 * 1024

---@class oc.Client
local Client = {}
Client.__index = Client

local transport_names = {
  "connect_timeout_s", "idle_timeout_s", "request_timeout_s", "ca_file", "ca_path", "client_cert",
  "client_key", "client_key_password", "insecure", "proxy", "no_proxy", "compress", "user_agent",
  "max_body_bytes",
}

-- Credentials of the environment belong to the service of the environment.
local function auth_from_environment(given, getenv, warn)
  local made, err = auth.from_environment("OC_", getenv)
  if not made and not err then return nil end
  local home_url = getenv "OC_BASE_URL" or ""
  local home = core.address(home_url)
  if home_url ~= "" and not home then
    return nil, errors.new("options", "environment variable OC_BASE_URL is no address: the credentials beside it "
      .. "are for its origin only")
  end
  if home and home.origin ~= core.address(given.base_url).origin then
    warn("warn", "credentials_withheld", {origin = home.origin,
      hint = "those in the environment are for the origin of OC_BASE_URL; give `auth`"})
    return nil
  end
  return made, err
end

-- Headers that are not the caller's, and why.
local not_headers = {
  authorization = "comes from 'auth'",
  ["accept-encoding"] = "comes from 'compress'",
  ["user-agent"] = "comes from 'user_agent'",
  host = "is that of the address",
  ["content-length"] = "is libcurl's business",
  ["transfer-encoding"] = "is libcurl's business",
  connection = "is libcurl's business",
}

local function header_lines(given, level)
  local lines = {}
  for name, value in pairs(given or {}) do
    if type(name) ~= "string" or not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then
      error(("oc.client: option 'headers': %q is no header name"):format(tostring(name)), level + 1)
    end
    if type(value) ~= "string" or not value:find "%S" or value:find "[%z\1-\8\10-\31\127]" then
      error(("oc.client: option 'headers': the value of %s is no line of text"):format(name), level + 1)
    end
    local instead = not_headers[name:lower()]
    if instead then error(("oc.client: option 'headers': %s %s"):format(name, instead), level + 1) end
    lines[#lines + 1] = name .. ": " .. value
  end
  table.sort(lines)
  return lines
end

-- What the programmer may have got wrong: raises. Environment: nil, err.
local function settle(given, level, getenv)
  local settled = options.check(options.client, given, "oc.client", level + 1)
  if settled.auth and not auth.of(settled.auth) then
    error(("oc.client: option 'auth': oc.auth.bearer, oc.auth.client_credentials, a function or false "
      .. "expected, got %s"):format(type(settled.auth)), level + 1)
  end
  if settled.log ~= nil and settled.log ~= false and type(settled.log) ~= "function" then
    error(("oc.client: option 'log': a function or false expected, got %s"):format(type(settled.log)), level + 1)
  end
  local base_given = settled.base_url ~= nil
  local filled, err = options.from_environment(options.client, settled, getenv)
  if not filled then return nil, err end
  options.defaults(options.client, settled)
  if not settled.base_url then
    error("oc.client: option 'base_url' is missing (or environment variable OC_BASE_URL)", level + 1)
  end
  local address, fault = options.address(settled.base_url, settled.insecure)
  if not address and base_given then error("oc.client: option 'base_url' " .. fault, level + 1) end
  if not address then return nil, errors.new("options", "environment variable OC_BASE_URL " .. fault) end
  settled.origin = address.origin
  settled.header_lines = header_lines(settled.headers, level + 1)
  return settled
end

-- User and password of a proxy: the password as it is given, as it is meant, and as it is sent.
local function proxy_secrets(proxy, secrets)
  local userinfo = (proxy or ""):match "^[^/]*//([^/]*)@" or (proxy or ""):match "^([^/]*)@"
  if not userinfo then return end
  local meant = userinfo:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  secrets[#secrets + 1] = userinfo:match ":(.*)"
  secrets[#secrets + 1] = meant:match ":(.*)"
  secrets[#secrets + 1] = conceal.base64(meant)
end

-- Shorter values of headers are words, and no keys.
local MIN_HEADER_BYTES = 8

-- The secrets among the options.
local function secrets_of(settled)
  local secrets = {settled.client_key_password}
  for name, value in pairs(settled.headers or {}) do
    if #value >= MIN_HEADER_BYTES and not name:lower():find "^accept" then secrets[#secrets + 1] = value end
  end
  proxy_secrets(settled.proxy, secrets)
  return secrets
end

--- A client of one service. No request is made yet. Raises for what the program
--- got wrong, naming the option.
---@param given? oc.ClientOptions   what is missing comes from the environment
---@return oc.Client|nil client
---@return oc.Error|nil err   kind `options`: an environment variable is unusable
function client.new(given)
  local settled, err = settle(given, 2, os.getenv)
  if not settled then return nil, err end
  local leads_environment
  leads_environment, err = options.from_environment(options.leads, {}, os.getenv)
  if not leads_environment then return nil, err end
  local host = settled.host
  if not host then
    host, err = default_host.new()
    if not host then return nil, err end
  end
  local self = setmetatable({settings = settled, host = host, log = log.new(settled.log, host.write_log),
    session = {fetching = false}, leads_environment = leads_environment}, Client)
  if settled.insecure then
    self.log("warn", "insecure", {origin = settled.origin,
      hint = "certificates are not verified: anybody on the way can read and change everything"})
  end
  local provider = settled.auth and auth.of(settled.auth)
  if settled.auth == nil then
    provider, err = auth_from_environment(settled, os.getenv, self.log)
    if err then return nil, err end
  end
  self.auth, settled.auth = provider or nil, nil
  self.hide = conceal.new(secrets_of(settled))
  self.transport = {}
  for _, name in ipairs(transport_names) do self.transport[name] = settled[name] end
  self.transport.user_agent = settled.user_agent or "oc/" .. version
  return self
end

Client.__tostring = function(self) return "oc.client(" .. self.settings.origin .. ")" end
Client.__name = "oc.client"

--- The lines given and those of the option `headers`, which win.
---@param lines string[]   "Name: value"
---@return string[]
function Client:headers(lines)
  local all, ours = {}, self.settings.header_lines
  for _, line in ipairs(lines) do
    local name, taken = line:match("^[^:]+"):lower(), false
    for _, own in ipairs(ours) do taken = taken or own:match("^[^:]+"):lower() == name end
    if not taken then all[#all + 1] = line end
  end
  for _, line in ipairs(ours) do all[#all + 1] = line end
  return all
end

--- Opens an exchange under this client's transport options.
---@param request oc.Request   what it says goes before them
---@return oc.Exchange|nil
---@return oc.Error|nil err
function Client:open(request)
  local all = {}
  for name, value in pairs(self.transport) do all[name] = value end
  for name, value in pairs(request) do all[name] = value end
  if all.proxy == nil then
    local address = core.address(all.url)
    if address and address.loopback then all.proxy = "" end -- no proxy reaches this machine's own
  end
  return self.host:open(all)
end

-- One request, its whole answer: status, body, headers | nil, err.
local function exchange_once(self, request, deadline)
  local function left() return deadline and math.max(deadline - self.host.now(), 0) end
  local x, err = self:open(request)
  if not x then return nil, err end
  local status, headers = x:head(left())
  if not status then
    x:close()
    return nil, headers
  end
  local parts = {}
  while true do
    local bytes
    bytes, err = x:read(left())
    if not bytes then break end
    parts[#parts + 1] = bytes
  end
  x:close()
  if err then return nil, err end
  return status, table.concat(parts), headers
end

-- A single request with retries, for what is not a page: status, body | nil, err.
local function send(self, what, request, deadline)
  local settings, host = self.settings, self.host
  request.max_body_bytes = MAX_ANSWER_BYTES
  for attempt = 1, settings.max_attempts do
    local status, body, headers = exchange_once(self, request, deadline)
    local err, again, after
    if status then
      local kind, retryable, wait_s = core.judge(status, headers["retry-after"], host.time())
      if not retryable then return status, body end
      err = errors.new(kind, ("%s: HTTP %d"):format(what, status), {status = status, retry_after_s = wait_s})
      again, after = true, wait_s
    else
      err = body
      again = core.retryable(err.kind)
      err.message = what .. ": " .. err.message
    end
    err.attempts = attempt
    local wait_s = after or core.backoff(attempt, settings.backoff_base_s, settings.backoff_cap_s, host.random())
    if not again or attempt == settings.max_attempts or (after or 0) > settings.retry_after_cap_s or
        (deadline and host.now() + wait_s > deadline) then
      return nil, err
    end
    self.log("info", "retry", {kind = err.kind, status = err.status, attempt = attempt, wait_s = wait_s})
    local slept, stopped = host.sleep(wait_s)
    if not slept then return nil, stopped end
  end
end

-- Another task of the host is fetching a token. One whose task or crew is gone is not.
local function others_fetch(self)
  local session = self.session
  local who = session.fetching
  return type(who) == "thread" and who ~= coroutine.running() and coroutine.status(who) == "suspended"
    and session.fetching_in == self.host.crew
end

local function ask_for_token(self, deadline)
  local session = self.session
  local token, more = self.auth:fetch(function(request)
    return send(self, "cannot get a token", request, deadline)
  end)
  if not token then
    if errors.is(more) then self:conceal(more) end
    return nil, more
  end
  local life = type(more) == "number" and more or math.huge
  session.hide = conceal.new {token, session.newest_token}
  session.newest_token = token
  session.token_until = life == math.huge and life or self.host.now() + life - math.min(TOKEN_MARGIN_S, life / 10)
  session.token = token -- last: memory may run out before
  return token
end

-- Where requests come and go, one that fetches may be gone before it has the token for all. What
-- needs nothing of that request is fetched apart from it; a function of the caller's is asked by each.
local function fetch_token(self, deadline)
  local session, host = self.session, self.host
  if not host.apart then
    session.fetching, session.fetching_in = coroutine.running() or false, host.crew
    local called, token, more = protect.call(ask_for_token, self, deadline)
    session.fetching = false -- else others would wait for a function that raised
    if not called then error(token, 0) end
    return token, more
  end
  if not self.auth.detached then return ask_for_token(self, deadline) end
  local token, more = host:apart(session, function() return ask_for_token(self) end, deadline)
  if errors.is(more) then more = errors.new(more.kind, more.message, more) end -- each its own
  return token, more
end

--- The header that goes with a request; fetches a token when there is none or it
--- is about to expire: once, however many tasks wait for it.
---@param deadline number|nil   by the host's clock
---@return string|nil line   nil also when no authorisation is asked for
---@return oc.Error|nil err
function Client:authorization(deadline)
  if not self.auth then return nil end
  local session = self.session
  if others_fetch(self) and self.host.hold then
    self.host:hold(function() return others_fetch(self) end)
  end
  local token = session.token
  if not token or self.host.now() >= session.token_until then
    local err
    token, err = fetch_token(self, deadline)
    if not token then return nil, err end
  end
  return "Authorization: Bearer " .. token
end

--- The token was refused. Is it worth asking for another?
---@param line string   the header that was refused
---@return boolean
function Client:renew(line)
  if not self.auth or not self.auth.renewable then return false end
  if line == "Authorization: Bearer " .. tostring(self.session.token) then self.session.token = nil end
  return true
end

--- One GET with this client's credentials, and its whole answer. No retries and no
--- redirects: who asks decides about those. A refused token is renewed once.
---@param url string   of the client's origin: whoever asks has made sure
---@param lines string[]   headers, "Name: value"
---@param max_body_bytes number
---@param deadline number|nil   by the host's clock
---@return integer|nil status
---@return string|oc.Error body
---@return table|nil headers   names in lower case
function Client:get(url, lines, max_body_bytes, deadline)
  local renewed = false
  while true do
    local line, err = self:authorization(deadline)
    if err then return nil, err end
    local headers = self:headers(lines)
    headers[#headers + 1] = line
    local status, body, answered = exchange_once(self,
      {url = url, headers = headers, max_body_bytes = max_body_bytes}, deadline)
    if not status then return nil, self:conceal(body) end
    if status ~= 401 or renewed or not line or not self:renew(line) then return status, body, answered end
    renewed = true
  end
end

--- The same client with some options otherwise: one token and one pool of connections for both.
---@param changes table   options as they are settled
---@return oc.Client
function Client:with(changes)
  return setmetatable({settings = setmetatable(changes, {__index = self.settings})},
    {__index = self, __tostring = Client.__tostring, __name = Client.__name})
end

--- Takes the secrets this client knows out of what a server made of an error.
---@param err oc.Error   changed
---@return oc.Error
function Client:conceal(err)
  errors.conceal(err, self.hide)
  if self.auth and self.auth.hide then errors.conceal(err, self.auth.hide) end
  if self.session.hide then errors.conceal(err, self.session.hide) end
  return err
end

--- All leads that match, page after page.
---
--- The object is also an iterator: `for lead in client:leads() do`. In a `for`, a
--- failure raises the error object. Raises for unknown or wrong options.
---@param given? oc.LeadsOptions
---@return oc.Leads leads
---@return nil
---@return nil
---@return oc.Leads leads   so that a Lua 5.4 `for` closes it on `break`
function Client:leads(given)
  local new = leads.new(self, given, 2)
  return new, nil, nil, new
end

--- Ends all transfers and closes the connections.
function Client:close()
  self.session.token = nil
  if not self.settings.host then self.host:close() end
end

Client.__close = Client.close

return client

--- Azure Communications Gateway's provisioning API as a source: the Teams civic
-- addresses of one account, page by page. It has credentials and a rate of its own.

local core = require "oc.core"
local errors = require "oc.errors"
local values = require "oc.civic.values"

local gateway = {}

local API_VERSION = "2024-02-29-preview"
local RATE_PER_MIN = 100 -- as Microsoft documents it

local MAX_ANSWER_BYTES = 64 * 1024 * 1024
local MAX_PAGES = 1000
local MAX_CACHED = 1000 -- accounts whose answer is kept, to ask only whether it has changed

---@class oc.civic.GatewaySource: oc.civic.Source
local Gateway = {name = "gateway"}
Gateway.__index = Gateway

---@class oc.civic.GatewayOptions
---@field base_url string   https://provapi.<base domain>
---@field auth oc.Auth|function|false   its own: the environment's is the service's
---@field account? fun(lead: table): string   the account's name; default: the lead's tenantId
---@field api_version? string   default 2024-02-29-preview
---@field rate_per_min? number   default 100
--- and whatever `oc.client` takes of time, TLS and network

local function escape(text)
  return (text:gsub("[^%w._~-]", function(char) return ("%%%02X"):format(char:byte()) end))
end

-- What the API says of its own errors: a code that can be looked up; its message may quote what was sent.
local function code_of(body, headers)
  local answer, code = core.decode(body), headers["x-ms-error-code"]
  if type(answer) == "table" and type(answer.error) == "table" then code = answer.error.code end
  return type(code) == "string" and #code <= 64 and code:match "^[%w_.-]+$" or nil
end

local function refusal(self, status, body, headers)
  local kind, again, wait_s = core.judge(status, headers["retry-after"], self.client.host.time())
  local code = code_of(body, headers)
  local message = ("cannot read addresses from the gateway: HTTP %d%s"):format(status, code and " " .. code or "")
  return errors.new(status < 300 and "shape" or kind, message, {
    status = status, title = code, retry_after_s = wait_s, again = again, unknown_tenant = status == 404 or nil,
  })
end

local function shape(what)
  return errors.new("shape", "cannot read addresses from the gateway: " .. what)
end

-- One page: answer {value, nextLink} | nil, err; or true, where it has not changed.
local function read_page(self, url, etag, ask)
  local lines = {"Accept: application/json", etag and "If-None-Match: " .. etag or nil}
  local left_s = ask.left_s()
  local status, body, headers = self.client:get(url, lines, MAX_ANSWER_BYTES,
    left_s and self.client.host.now() + left_s)
  if not status then
    body.message = "cannot read addresses from the gateway: " .. body.message
    return nil, body
  end
  if status == 304 and etag then return true end
  if status ~= 200 then return nil, refusal(self, status, body, headers) end
  local answer, err = core.decode(body, {nulls = "null"})
  if err then
    err.message = "cannot read addresses from the gateway: " .. err.message
    return nil, err
  end
  if type(answer) ~= "table" or type(answer.value) ~= "table" then
    return nil, shape "the answer has no list 'value'"
  end
  return answer, headers.etag
end

-- The address of the page that follows, which must be the gateway's; nil: none follows.
local function next_url(self, answer, seen)
  local url = values.text(answer.nextLink)
  if not url then return nil end
  local address = core.address(url)
  if not address or address.origin ~= self.client.settings.origin then
    return nil, shape "'nextLink' leads elsewhere"
  end
  if seen[url] then return nil, shape "'nextLink' leads in a circle" end
  seen[url], seen.count = true, seen.count + 1
  if seen.count > MAX_PAGES then return nil, shape(("more than %d pages"):format(MAX_PAGES)) end
  return url
end

local function remember(self, url, etag, addresses)
  if not self.cache[url] then self.cached = self.cached + 1 end
  if self.cached > MAX_CACHED then self.cache, self.cached = {}, 1 end
  self.cache[url] = {etag = etag, addresses = addresses}
end

function Gateway:fetch(lead, ask)
  local account = self.account(lead)
  if not values.text(account) then
    return nil, errors.new("options", "the gateway has no account for this lead", {unknown_tenant = true})
  end
  local first = core.join(self.client.settings.base_url, "accounts/" .. escape(account) .. "/teamsCivicAddresses")
    .. "?api-version=" .. escape(self.api_version)
  local known, addresses, url, seen = self.cache[first], {}, first, {count = 1, [first] = true}
  while url do
    local answer, more = read_page(self, url, url == first and known and known.etag, ask)
    if answer == true then return values.copy(known.addresses) end
    if not answer then return nil, more end
    for _, address in ipairs(answer.value) do addresses[#addresses + 1] = address end
    local following, err = next_url(self, answer, seen)
    if err then return nil, err end
    -- An ETag speaks of one page: only an answer of one page is known by it.
    if url == first and not following and more then remember(self, first, more, values.copy(addresses)) end
    if following then
      local ok, stopped = ask.turn()
      if not ok then return nil, stopped end
    end
    url = following
  end
  return addresses
end

local function tenant_of(lead) return lead.tenantId end

-- Takes what is the gateway's own out of the options; the rest is a client's.
local function split(given)
  local own, rest = {account = tenant_of, api_version = API_VERSION, rate_per_min = RATE_PER_MIN}, {}
  for name, value in pairs(given) do
    if own[name] ~= nil then own[name] = value else rest[name] = value end
  end
  return own, rest
end

local function check(own, rest)
  local what = "oc.civic.source.gateway: option "
  if type(rest.base_url) ~= "string" then error(what .. "'base_url' is missing: https://provapi.<base domain>", 3) end
  if rest.auth == nil then
    error(what .. "'auth' is missing: the gateway has credentials of its own (false: none)", 3)
  end
  if type(own.account) ~= "function" then
    error(what .. "'account': a function expected, got " .. type(own.account), 3)
  end
  if not values.text(own.api_version) then error(what .. "'api_version': a string expected", 3) end
  if type(own.rate_per_min) ~= "number" or own.rate_per_min <= 0 then
    error(what .. "'rate_per_min': a number above 0 expected", 3)
  end
end

--- Asks Azure Communications Gateway for the addresses of an account. Raises for what
--- the program got wrong.
---@param given oc.civic.GatewayOptions
---@return oc.civic.Source|nil
---@return oc.Error|nil err   as of `oc.client`
function gateway.new(given)
  if type(given) ~= "table" then error("oc.civic.source.gateway: a table expected, got " .. type(given), 2) end
  local own, rest = split(given)
  check(own, rest)
  local client, err = require("oc.client").new(rest)
  if not client then return nil, err end
  return setmetatable({client = client, account = own.account, api_version = own.api_version,
    rate_per_min = own.rate_per_min, cache = {}, cached = 0}, Gateway)
end

return gateway

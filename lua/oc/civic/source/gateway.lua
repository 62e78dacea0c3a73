--- Azure Communications Gateway's provisioning API as a source: the Teams civic
-- addresses of one account, page by page. It has credentials and a rate of its own.

local core = require "oc.core"
local errors = require "oc.errors"
local options = require "oc.options"
local values = require "oc.civic.values"

local gateway = {}

local API_VERSION = "2024-02-29-preview"
local RATE_PER_MIN = 100 -- as Microsoft documents it

local MAX_ANSWER_BYTES = 64 * 1024 * 1024
local MAX_PAGES = 1000
local MAX_CACHED = 1000 -- accounts whose answer is kept, to ask only whether it has changed

local DOING = "cannot read addresses from the gateway: "

---@class oc.civic.GatewaySource: oc.civic.Source
local Gateway = {name = "gateway"}
Gateway.__index = Gateway

--- Options of `oc.civic.source.gateway`, and those of `oc.client`.
---@class oc.civic.GatewayOptions: oc.ClientOptions
---@field base_url string   https://provapi.<base domain>
---@field auth oc.AuthGiven   its own: the environment's is the service's
---@field account? fun(lead: oc.Lead): string   the account's name; default: the lead's tenantId
---@field api_version? string   default 2024-02-29-preview
---@field rate_per_min? number   default 100

local function escape(text)
  return (text:gsub("[^%w._~-]", function(char) return ("%%%02X"):format(char:byte()) end))
end

-- What the API says of its own errors: a code that can be looked up; its message may quote what was sent.
local function code_of(body, headers)
  local answer, code = core.decode(body), headers["x-ms-error-code"]
  if type(answer) == "table" and type(answer.error) == "table" then code = answer.error.code or code end
  return type(code) == "string" and #code <= 64 and code:match "^[%w_.-]+$" or nil
end

-- `first`: of an account, and not of a page that follows. A page of HTML does not come from the API.
local function refusal(self, status, body, headers, first)
  local kind, again, wait_s = core.judge(status, headers["retry-after"], self.client.host.time())
  local code = code_of(body, headers)
  local message = ("%sHTTP %d%s"):format(DOING, status, code and " " .. code or "")
  return errors.new(status < 300 and "shape" or kind, message, {
    status = status, title = code, retry_after_s = wait_s, again = again,
    unknown_tenant = status == 404 and first and not body:find "^%s*<" or nil,
  })
end

local function shape(what)
  return errors.new("shape", DOING .. what)
end

-- A copy: whoever made it may tell it again.
local function told_by_others(err)
  return errors.new(err.kind, DOING .. err.message, err)
end

-- What a page holds: {value, nextLink} | nil, err.
local function decode_page(body)
  local answer, err = core.decode(body, {nulls = "null", max_lead_bytes = MAX_ANSWER_BYTES})
  if err then return nil, told_by_others(err) end
  if type(answer) ~= "table" or not values.is_list(answer.value) then
    return nil, shape "the answer has no list 'value'"
  end
  local at = values.no_object(answer.value)
  if at then return nil, shape(("value[%d] is no object"):format(at)) end
  return answer
end

-- A tag that can be sent back: RFC 9110's, and not too long for a header.
local function usable_tag(etag)
  return etag and #etag <= 1024 and etag:match '^W?/?"[%w%p ]*"$'
end

-- One page: answer, etag | nil, err; or true, where it has not changed.
local function read_page(self, url, etag, ask, first)
  local lines = {"Accept: application/json", etag and "If-None-Match: " .. etag or nil}
  local left_s = ask.left_s()
  local status, body, headers = self.client:get(url, lines, MAX_ANSWER_BYTES,
    left_s and self.client.host.now() + left_s)
  if not status then return nil, told_by_others(body) end
  if status == 304 and etag then return true end
  if status ~= 200 then return nil, self.client:conceal(refusal(self, status, body, headers, first)) end
  local answer, err = decode_page(body)
  if not answer then return nil, err end
  return answer, usable_tag(headers.etag)
end

-- The address of the page that follows, which must be the gateway's; nil: none follows.
local function next_url(self, url, answer, seen)
  local link = values.known(answer.nextLink)
  if link == nil or link == "" then return nil end
  local following = type(link) == "string" and core.resolve(url, link)
  if not following then return nil, shape "'nextLink' is no address" end
  if core.address(following).origin ~= self.client.settings.origin then
    return nil, shape "'nextLink' leads elsewhere"
  end
  if seen[following] then return nil, shape "'nextLink' leads in a circle" end
  seen[following], seen.count = true, seen.count + 1
  if seen.count > MAX_PAGES then return nil, shape(("more than %d pages"):format(MAX_PAGES)) end
  return following
end

local function remember(self, url, etag, addresses)
  if not self.cache[url] then self.cached = self.cached + 1 end
  if self.cached > MAX_CACHED then self.cache, self.cached = {}, 1 end
  self.cache[url] = {etag = etag, addresses = addresses}
end

-- The address of an account's first page.
local function first_url(self, lead)
  local account = self.account(lead)
  -- "." and ".." would be a way out of the path, escaped or not.
  if not values.text(account) or account:find "^%.%.?$" then
    return nil, errors.new("options", "the gateway has no account for this lead", {unknown_tenant = true})
  end
  return core.join(self.client.settings.base_url, "accounts/" .. escape(account) .. "/teamsCivicAddresses")
    .. "?api-version=" .. escape(self.api_version)
end

function Gateway:fetch(lead, ask)
  local first, fault = first_url(self, lead)
  if not first then return nil, fault end
  local known, addresses, url, seen = self.cache[first], {}, first, {count = 1, [first] = true}
  while url do
    local answer, more = read_page(self, url, url == first and known and known.etag, ask, url == first)
    if answer == true then return values.copy(known.addresses) end
    if not answer then return nil, more end
    for _, address in ipairs(answer.value) do addresses[#addresses + 1] = address end
    local following, err = next_url(self, url, answer, seen)
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

local WHAT = "oc.civic.source.gateway"

local function tenant_of(lead) return lead.tenantId end

-- Its own options, and those of its client.
local OWN = {
  {name = "account", type = "function", default = tenant_of},
  {name = "api_version", type = "string", default = API_VERSION},
  {name = "rate_per_min", type = "number", min = 0.001, default = RATE_PER_MIN},
}
local ALL = {}
for _, list in ipairs {OWN, options.client} do
  for _, option in ipairs(list) do ALL[#ALL + 1] = option end
end

-- Takes what is the gateway's own out of the options; the rest is a client's.
local function split(settled)
  local own = {}
  for _, option in ipairs(OWN) do
    own[option.name], settled[option.name] = settled[option.name], nil
    if own[option.name] == nil then own[option.name] = option.default end
  end
  return own, settled
end

-- A client, whose complaints about its options are said in the gateway's name.
local function new_client(given)
  local called, client, err = pcall(require("oc.client").new, given)
  if called then return client, err end
  if type(client) == "string" then client = client:gsub("^.-oc%.client: ", WHAT .. ": ") end
  error(client, 3)
end

--- Asks Azure Communications Gateway for the addresses of an account. Raises for what
--- the program got wrong.
---@param given oc.civic.GatewayOptions
---@return oc.civic.Source|nil
---@return oc.Error|nil err   as of `oc.client`
function gateway.new(given)
  if type(given) ~= "table" then error(WHAT .. ": a table expected, got " .. type(given), 2) end
  local own, rest = split(options.check(ALL, given, WHAT, 2))
  if not rest.base_url then
    error(WHAT .. ": option 'base_url' is missing: https://provapi.<base domain>", 2)
  end
  if rest.auth == nil then
    error(WHAT .. ": option 'auth' is missing: the gateway has credentials of its own (false: none)", 2)
  end
  if own.api_version == "" then error(WHAT .. ": option 'api_version' is empty", 2) end
  local client, err = new_client(rest)
  if not client then return nil, err end
  return setmetatable({client = client, account = own.account, api_version = own.api_version,
    rate_per_min = own.rate_per_min, cache = {}, cached = 0}, Gateway)
end

return gateway

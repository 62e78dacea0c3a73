-- Azure Communications Gateway's provisioning API, as far as the civic addresses of one customer go.
-- Another system than the lead endpoint: what is asked here changes nothing there. Knows neither sockets nor how leads
-- are made; the store says what Microsoft knows of a tenant.

local faults = require "oc.sandbox.faults"
local json = require "oc.sandbox.json"
local pools = require "oc.sandbox.pools"
local random = require "oc.sandbox.random"

local gateway = {}

local JSON_TYPE = "application/json; charset=utf-8"
local API_VERSION = "2024-02-29-preview"
-- The rate is kept over any stretch of so long.
local WINDOW_S = 60
local SALT_PLACE, SALT_ETAG = 11, 12
-- How far an address lies from its country's coordinates at the most, in ten-thousandths of a degree: some 5 km.
local SPREAD = 500

local Gateway = {}
Gateway.__index = Gateway

--- The gateway of one configuration.
---@param options oc.sandbox.Options
---@param leads table the store
---@param clock fun(): number seconds
function gateway.new(options, leads, clock)
  return setmetatable({
    options = options, leads = leads, clock = clock, attempts = {}, failed_once = {}, passed = 0, passed_at = {},
  }, Gateway)
end

---@param status integer
---@param code string
---@param message string
---@param more? {target: string?, inner: string?, headers: table<string, string|integer>?}
---@return oc.sandbox.Answer
local function refusal(status, code, message, more)
  more = more or {}
  local headers = { ["x-ms-error-code"] = code }
  for name, value in pairs(more.headers or {}) do headers[name] = value end
  return {
    status = status, content_type = JSON_TYPE, headers = headers,
    body = ('{"error":{"code":%s,"message":%s,"target":%s,"details":[],"innererror":%s}}'):format(json.string(code),
      json.string(message), json.encode(more.target), more.inner and json.encode { code = more.inner } or "null"),
  }
end

-- Lets a request through, or says in how many seconds the next will be. Of those let through, as many as the rate
-- allows are kept, in a ring: the one that is about to be overwritten must have left the window.
local function seconds_to_wait(self)
  local most = self.options.gateway_rate_per_min
  if not most then return nil end
  local now, slot = self.clock(), self.passed % most + 1
  local oldest = self.passed_at[slot]
  if oldest and oldest + WINDOW_S > now then return math.ceil(oldest + WINDOW_S - now) end
  self.passed_at[slot], self.passed = now, self.passed + 1
  return nil
end

-- Names bind without case.
local function value_of(query, name)
  for _, pair in ipairs(query) do
    if pair.name:lower() == name then return pair.value end
  end
end

-- How many addresses come before those asked for; nil if that is not said by a number.
local function skipped(request)
  local text = value_of(request.query, "$skip") or "0"
  return text:find "^%d%d?%d?%d?%d?%d?%d?%d?%d?$" and tonumber(text) or nil
end

local function degrees(value)
  local size = math.abs(value)
  local part = size % 10000
  return ("%s%d.%04d"):format(value < 0 and "-" or "", (size - part) / 10000, part)
end

-- An address as the gateway writes it: booleans are booleans, and the place has coordinates.
local function address_here(self, text)
  text = text:gsub('("isDefault":)"(true)"', "%1%2"):gsub('("isDefault":)"(false)"', "%1%2")
  local near = pools.coordinates[text:match '"country":"(%u%u)"']
  if not near or text:find('"latitude":', 1, true) then return text end
  local state = random.of_text(self.options.seed, text:match '"id":"([^"]*)"' or "", SALT_PLACE)
  local north, east = state % (2 * SPREAD + 1) - SPREAD, random.next(state) % (2 * SPREAD + 1) - SPREAD
  return ('%s,"latitude":"%s","longitude":"%s"}'):format(text:sub(1, -2), degrees(near[1] + north),
    degrees(near[2] + east))
end

local function page_text(self, request, addresses, skip)
  local size, parts = self.options.gateway_page_size, {}
  local last = math.min(#addresses, skip + size)
  for i = skip + 1, last do parts[#parts + 1] = address_here(self, addresses[i]) end
  local value = '{"value":[' .. table.concat(parts, ",") .. "]"
  if last >= #addresses then return value .. "}" end
  -- An old client names no host; relative to what it asked for, this is the same address.
  local origin = request.headers.host and "http://" .. request.headers.host or ""
  local next_link = ("%s%s?api-version=%s&%%24skip=%d"):format(origin, request.path, API_VERSION, last)
  return value .. ',"nextLink":' .. json.string(next_link) .. "}"
end

local function is_known(request, etag)
  local tags = request.headers["if-none-match"] or ""
  return tags == "*" or tags:find(etag, 1, true) ~= nil
end

local function answer_with(self, request, entry, text)
  if not self.options.gateway_etag then return { status = 200, content_type = JSON_TYPE, body = text } end
  local state = random.of_text(self.options.seed, text, SALT_ETAG)
  local etag = ('"%08x%08x"'):format(state, #text)
  if is_known(request, etag) then
    entry.outcome = "not_modified"
    return { status = 304, body = "", headers = { ETag = etag } }
  end
  return { status = 200, content_type = JSON_TYPE, body = text, headers = { ETag = etag } }
end

local function failure(known)
  if known.index % 2 == 0 then
    return refusal(503, "ServiceUnavailable", "The service is unavailable: " .. known.why, { inner = "UpstreamFailed" })
  end
  return refusal(500, "InternalServerError", "The request failed: " .. known.why, { inner = "UpstreamFailed" })
end

local function fault_of(request, skip)
  local version = value_of(request.query, "api-version")
  if not version or version == "" then
    return refusal(400, "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.", { target = "api-version" })
  end
  if version ~= API_VERSION then
    return refusal(400, "UnsupportedApiVersion",
      ("The api-version '%s' is not supported. The supported version is '%s'."):format(version, API_VERSION),
      { target = "api-version" })
  end
  if not skip then
    return refusal(400, "InvalidQueryParameterValue", "The value of $skip is not a number.", { target = "$skip" })
  end
end

local function look_up(self, request, account, entry, skip)
  local problem = fault_of(request, skip)
  if problem then return problem end
  local known = self.leads:known_of_tenant(account)
  if not known then
    entry.outcome = "unknown"
    return refusal(404, "AccountNotFound", ("The account '%s' was not found."):format(account), { target = "account" })
  end
  if known.outcome == "fail" or known.outcome == "once" and not self.failed_once[account] then
    self.failed_once[account] = true
    entry.outcome = "fail"
    return failure(known)
  end
  entry.outcome = known.outcome == "empty" and "empty" or "ok"
  local addresses = entry.outcome == "ok" and known.addresses or {}
  return answer_with(self, request, entry, page_text(self, request, addresses, skip))
end

local function next_attempt(self, account, page)
  local key = ("%d %s"):format(page, account)
  self.attempts[key] = (self.attempts[key] or 0) + 1
  return self.attempts[key]
end

--- Answers a request for the civic addresses of an account.
---@param request oc.sandbox.Request
---@param account string lower case
---@param entry table of the journal: gets account, page, attempt, authorized, outcome
---@param state oc.sandbox.State of which faults and tokens are used
---@return oc.sandbox.Answer
---@return oc.sandbox.FaultRule rule
function Gateway:answer(request, account, entry, state)
  local skip, size = skipped(request), self.options.gateway_page_size
  entry.account, entry.page = account, skip and math.floor(skip / size) + 1
  entry.attempt = next_attempt(self, account, entry.page or 0)
  local wait_s = seconds_to_wait(self)
  if wait_s then
    entry.outcome = "limited"
    return refusal(429, "TooManyRequests", ("The rate limit is exceeded. Try again in %d seconds."):format(wait_s),
      { headers = { ["Retry-After"] = wait_s } }), {}
  end
  local rule = state.faults:meet("gateway", entry.attempt, { page = entry.page, size = size, tenant = account })
  if rule.expire_token then state.tokens:expire_all() end
  if state.tokens:required() then
    entry.authorized = state.tokens:accept(request.headers.authorization)
    if not entry.authorized then
      return refusal(401, "Unauthorized", "The access token is missing, expired or not known.",
        { headers = { ["WWW-Authenticate"] = 'Bearer error="invalid_token"' } }), rule
    end
  end
  -- What a rule answers in its place is not looked up, so an outcome "once" is not used up.
  local answer = faults.replaces_answer(rule) and { status = 200, body = "" }
    or look_up(self, request, account, entry, skip)
  answer.latency_s = self.options.gateway_latency_s
  return answer, rule
end

return gateway

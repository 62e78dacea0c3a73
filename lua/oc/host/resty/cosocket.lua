--- One HTTP/1.1 exchange over a cosocket of nginx.
--
-- The answer is read by `core.answer` (C), which does no I/O; here are the connection,
-- the request's text, and the clocks. Time in which nobody pulls counts for none of them.

local core = require "oc.core"
local errors = require "oc.errors"

local ngx = rawget(_G, "ngx")
local semaphore = ngx and require "ngx.semaphore"

local cosocket = {}

-- Read at once: small, since decoding it is what other requests have to wait for.
local READ_BYTES = 16 * 1024

-- Idle connections that nginx keeps for the next request, a worker and origin.
local KEEP_S, KEEP_COUNT = 60, 16

-- nginx counts milliseconds in 31 bits.
local MAX_MS = 2 ^ 31 - 1

---@class oc.CosocketExchange : oc.Exchange
local Exchange = {}
Exchange.__index = Exchange

local function ms(seconds) return math.min(math.max(math.ceil(seconds * 1000), 1), MAX_MS) end

-- A timeout as an option gives it: nil, 0 and math.huge mean none.
local function limit(seconds) return seconds and seconds > 0 and seconds or math.huge end

local function fault(kind, ...) return errors.new(kind, string.format(...)) end

-- For good: every later call gives the same.
local function fail(self, err)
  err.url = err.url or self.shown_url
  self.fault = self.fault or err
  self:drop()
  return nil, self.fault
end

-- --- the request ----------------------------------------------------------------

local function named(lines, name)
  for _, line in ipairs(lines) do
    if line:match("^[^:]*"):lower() == name then return true end
  end
  return false
end

local function request_text(self, request)
  local given = request.headers or {}
  local method, body = request.method or "GET", request.body or ""
  local lines = {("%s %s HTTP/1.1"):format(method, self.target), "Host: " .. self.peer}
  if request.user_agent then lines[#lines + 1] = "User-Agent: " .. request.user_agent end
  if not named(given, "accept") then lines[#lines + 1] = "Accept: */*" end
  if request.compress then lines[#lines + 1] = "Accept-Encoding: gzip" end
  if method == "POST" then lines[#lines + 1] = "Content-Length: " .. #body end
  for _, line in ipairs(given) do lines[#lines + 1] = line end
  for _, line in ipairs(lines) do
    if line:find "[\r\n%z]" then error("oc.host.resty: CR, LF or NUL in a request", 0) end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (method == "POST" and body or "")
end

-- --- the connection ---------------------------------------------------------------

local CANNOT_FIND = {"could not be resolved", "no resolver defined", "failed to parse host", "host not found"}

local function connect_fault(self, err)
  if err == "timeout" then
    return fault("timeout", "no connection to %s in %g s (connect_timeout_s)", self.peer, self.connect_timeout_s)
  end
  for _, text in ipairs(CANNOT_FIND) do
    if err:find(text, 1, true) then
      local hint = err:find("no resolver", 1, true) and " (nginx.conf needs a 'resolver' to find names)" or ""
      return fault("network", "cannot find the host %s: %s%s", self.peer, err, hint)
    end
  end
  return fault("network", "cannot connect to %s: %s", self.peer, err)
end

local function tls_fault(self, err)
  if err == "timeout" then return connect_fault(self, err) end
  if err == "closed" or err:find("reset by peer", 1, true) then
    return fault("network", "the TLS handshake with %s was cut: %s", self.peer, err)
  end
  if err == "handshake failed" then
    return fault("tls", "TLS handshake with %s failed (nginx's error log says why)", self.peer)
  end
  return fault("tls", "cannot trust %s: %s (nginx.conf says who is trusted: lua_ssl_trusted_certificate, "
    .. "lua_ssl_verify_depth)", self.peer, err)
end

-- http-lua (up to 0.10.29) loses what is wrong with a certificate when the handshake is over at once: it says
-- true, and the socket is closed. Asked for a session, it notices, and raises.
local function handshake(self)
  local called, session, err = pcall(self.socket.sslhandshake, self.socket, nil, self.host_name, not self.insecure)
  if not called then return nil, "the certificate does not hold" end
  if session == nil and err then return nil, err end
  return true
end

-- An answer that nobody asked for would be taken for that of the next request. Nginx closes kept connections on which
-- something is to be read, but only when it looks; so it has to look once between two requests.
local kept_at = 0

local function let_nginx_look(self)
  if ngx.now() <= kept_at then ngx.sleep(self.host.nap_s) end
end

-- A connection, new or kept: true | nil, err.
local function connect(self)
  let_nginx_look(self)
  self.socket = assert(ngx.socket.tcp())
  self.socket:settimeouts(ms(self.connect_timeout_s), ms(self.idle_timeout_s), ms(self.idle_timeout_s))
  local ok, err = self.socket:connect(self.host_name, self.port, {pool = self.pool})
  if not ok then
    self.socket = false
    return nil, connect_fault(self, err)
  end
  self.reused = self.socket:getreusedtimes() > 0
  if self.https and not self.reused then
    ok, err = handshake(self)
    if not ok then return nil, tls_fault(self, err) end
  end
  self.connected = true
  return true
end

-- Connects, and sends: nil, err when that is how the exchange fails.
local function start(self)
  while true do
    local ok, err = connect(self)
    if not ok then return nil, err end
    ok, err = self.socket:send(self.text)
    if ok then return true end
    if not self.reused then
      return nil, fault("network", "the connection to %s broke while sending: %s", self.peer, err)
    end
    self:drop() -- a kept one that the server has closed meanwhile
  end
end

-- --- starting -----------------------------------------------------------------------

-- Connects and sends in a light thread, so that who opens the next page need not wait for it.
local function begin(self)
  self.starting, self.starting_at = semaphore.new(0), core.now()
  self.thread = ngx.thread.spawn(function()
    local ok, err = start(self)
    if not ok then fail(self, err) end
    local starting = self.starting
    self.starting, self.attended_at = false, core.now()
    starting:post(1)
  end)
end

-- Stops it in the middle. Only who began it may; else it comes to its end by itself.
local function stop_starting(self)
  if self.starting then pcall(ngx.thread.kill, self.thread) end
end

-- Waits until the request is sent: true | nil, err.
local function await_start(self, until_s)
  local from = core.now()
  local starting = self.starting
  if not starting then return true end
  local left = self.connect_timeout_s - (from - self.starting_at)
  local within = until_s and until_s - from < left
  if within then left = until_s - from end
  local ok = left > 0 and starting:wait(math.min(math.max(left, 0.001), MAX_MS / 1000))
  self.waited_s = self.waited_s + core.now() - from
  if ok or not self.starting then return true end
  if within then return nil, fault("timeout", "no answer in the time that was left") end
  stop_starting(self)
  return fail(self, connect_fault(self, "timeout"))
end

-- Nothing of an answer came over a kept connection: as a rule the server had closed it before. Asking for leads or a
-- token again changes nothing, so it does no harm if the request was seen.
local function start_again(self, until_s)
  self:drop()
  self.ended_at = false
  self.answer = core.answer(self.peer, self.unpack, self.max_body_bytes)
  begin(self)
  return await_start(self, until_s)
end

-- --- waiting ------------------------------------------------------------------------

local function time_is_up(self, within)
  if within then return nil, fault("timeout", "no answer in the time that was left") end
  if self.waited_s >= self.request_timeout_s then
    return fail(self, fault("timeout", "%s did not finish in %g s (request_timeout_s)", self.peer,
      self.request_timeout_s))
  end
  return fail(self, fault("timeout", "no byte from %s for %g s (idle_timeout_s)", self.peer, self.idle_timeout_s))
end

-- Waits for bytes, and feeds them: true | nil, err.
local function more(self, until_s)
  local now = core.now()
  local left = math.min(self.idle_timeout_s, self.request_timeout_s - self.waited_s)
  local within = until_s and until_s - now < left
  if within then left = until_s - now end
  if left <= 0 then return time_is_up(self, within) end
  self.socket:settimeout(ms(left))
  local bytes, err = self.socket:receiveany(READ_BYTES)
  self.attended_at = core.now()
  self.waited_s = self.waited_s + self.attended_at - now
  if bytes then
    self.answer:feed(bytes)
    return true
  end
  if err == "timeout" then return time_is_up(self, within) end
  if self.reused and not self.answer:begun() then return start_again(self, until_s) end
  if err ~= "closed" then
    return fail(self, fault("network", "the connection to %s broke: %s", self.peer, err))
  end
  self.answer:finish()
  return true
end

-- Who asks has been away until now.
local function attend(self)
  local now = core.now()
  if self.ended_at then return end
  self.unattended_s = math.max(self.unattended_s, now - self.attended_at)
  self.attended_at = now
end

-- --- the face -----------------------------------------------------------------------

function Exchange:head(within_s)
  local until_s = within_s and core.now() + within_s
  local started, why_not = await_start(self, until_s)
  if not started then return nil, why_not end
  attend(self)
  while true do
    if self.fault then return nil, self.fault end
    local status, headers = self.answer:head()
    if status then return status, headers end
    if headers then return fail(self, headers) end
    local ok, err = more(self, until_s)
    if not ok then return nil, err end
  end
end

function Exchange:read(within_s)
  local until_s = within_s and core.now() + within_s
  self.host:breathe()
  local started, why_not = await_start(self, until_s)
  if not started then return nil, why_not end
  attend(self)
  while true do
    if self.fault then return nil, self.fault end
    local bytes, err = self.answer:read()
    if bytes then return bytes end
    if err then return fail(self, err) end
    if bytes == false then
      self:keep()
      return false
    end
    local ok, why = more(self, until_s)
    if not ok then return nil, why end
  end
end

function Exchange:stats()
  local bytes, wire_bytes, version = self.answer:counts()
  local now = self.ended_at or core.now()
  return {
    bytes = bytes, wire_bytes = wire_bytes, http_version = version, reused = self.reused, paused = false,
    connected = self.connected, elapsed_s = now - self.started_at,
    unattended_s = math.max(self.unattended_s, now - self.attended_at),
  }
end

-- Gives the connection to the next request, if it can serve one.
function Exchange:keep()
  local socket = self.socket
  if not socket or not self.answer:reusable() then return self:drop() end
  self.socket, self.ended_at = false, core.now()
  kept_at = core.time()
  socket:setkeepalive(KEEP_S * 1000, KEEP_COUNT)
end

function Exchange:drop()
  local socket = self.socket
  self.ended_at = self.ended_at or core.now()
  self.socket = false
  -- A socket of a request that is over is closed already, and says so by raising.
  if socket then pcall(socket.close, socket) end
end

function Exchange:close()
  stop_starting(self)
  self.fault = self.fault or fault("cancelled", "the exchange with %s is closed", self.peer)
  self:drop()
end

-- Who may share a kept connection: the same rules of trust, and the same credentials, lest an answer that came late
-- be read by another client.
local function pool_of(origin, request)
  local credentials = ""
  for _, line in ipairs(request.headers or {}) do
    if line:lower():find "^authorization:" then credentials = ngx.md5(line) end
  end
  return ("oc:%s:%s:%s"):format(origin, request.insecure and "insecure" or "", credentials)
end

--- Opens an exchange: the connection is made and the request sent meanwhile. What fails
--- there is told by `head`.
---@param host oc.RestyHost
---@param request oc.Request
---@return oc.Exchange|nil, oc.Error|nil
function cosocket.open(host, request)
  local address, why = core.address(request.url)
  if not address then return nil, errors.new("options", "not a usable URL: it " .. tostring(why)) end
  local peer = address.origin:match "//(.*)$"
  local name, port = peer:match "^(.-):(%d+)$"
  local target = request.url:match "^%a+://[^/?#]*([^#]*)"
  local now = core.now()
  local self = setmetatable({
    host = host, peer = peer, https = address.https, host_name = name or peer,
    port = tonumber(port) or (address.https and 443 or 80), target = target:find "^/" and target or "/" .. target,
    shown_url = request.url:match "^[^?#]*", insecure = request.insecure or false,
    pool = pool_of(address.origin, request),
    connect_timeout_s = limit(request.connect_timeout_s), idle_timeout_s = limit(request.idle_timeout_s),
    request_timeout_s = limit(request.request_timeout_s), waited_s = 0, unattended_s = 0,
    starting = false, thread = false,
    started_at = now, attended_at = now, ended_at = false, connected = false, reused = false, fault = false,
    socket = false, unpack = request.compress or false, max_body_bytes = request.max_body_bytes or 0,
  }, Exchange)
  if peer:find "^%[" then self.host_name = (peer:match "^(%b[])") end
  self.text = request_text(self, request)
  self.answer = core.answer(peer, self.unpack, self.max_body_bytes)
  begin(self)
  return self
end

return cosocket

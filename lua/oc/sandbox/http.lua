-- The server side of HTTP/1.1 on one non-blocking connection: reads requests, sends bytes, waits.
-- Everything runs in the connection's coroutine and yields to the server's loop; knows nothing about leads.

local socket = require "socket"

local http = {}

local MAX_HEAD_BYTES = 16384
local MAX_BODY_BYTES = 1048576
-- A connection that asks nothing for so long is closed; a browser may keep one open for ever.
local IDLE_S = 120
-- How long to listen to a client whose request was refused, so that it can read why.
local LINGER_S = 2
local READ_BYTES = 8192

---@class oc.sandbox.Request
---@field method string
---@field path string as sent, without query
---@field query {name: string, value: string}[] decoded
---@field headers table<string, string> names in lower case
---@field body string
---@field keep_alive boolean

---@class oc.sandbox.Connection
---@field socket table
---@field want_read boolean what the loop is to wait for
---@field want_write boolean
---@field deadline number? seconds on socket.gettime's clock
---@field reset boolean? the connection is to end with a reset
---@field send_timeout_s number? how long the client may take in nothing before we hang up
local Connection = {}
Connection.__index = Connection

--- Wraps an accepted socket.
---@param client table LuaSocket TCP client
---@return oc.sandbox.Connection
function http.connection(client)
  client:settimeout(0)
  client:setoption("tcp-nodelay", true)
  return setmetatable({ socket = client, buffer = "", want_read = true, want_write = false }, Connection)
end

-- The one place that yields. Gives back "read", "write" or "time".
function Connection:wait(want_read, want_write, deadline)
  self.want_read, self.want_write, self.deadline = want_read, want_write, deadline
  return coroutine.yield()
end

--- Lets the other connections have a turn.
function Connection:pause()
  self:wait(false, false, 0)
end

-- Takes what has arrived into the buffer: true, or nil and "timeout" (nothing there) or "closed".
function Connection:receive()
  local data, problem, partial = self.socket:receive(READ_BYTES)
  data = data or partial
  if data and data ~= "" then
    self.buffer = self.buffer .. data
    return true
  end
  return nil, problem
end

function Connection:read_more(deadline)
  while true do
    local ok, problem = self:receive()
    if ok then return true end
    if problem ~= "timeout" then return nil end
    if self:wait(true, false, deadline) == "time" then return nil end
  end
end

--- Waits, but no longer than the client does.
---@param seconds number math.huge = until the client leaves
---@return boolean there the client is still there, and does not flood us
function Connection:sleep(seconds)
  local deadline = seconds < math.huge and socket.gettime() + seconds or nil
  while #self.buffer <= MAX_HEAD_BYTES do
    if self:wait(true, false, deadline) == "time" then return true end
    local ok, problem = self:receive()
    if not ok and problem ~= "timeout" then return false end
  end
  return false
end

--- Sends data[first..last] without copying it; gives up when the client takes in nothing for `send_timeout_s`.
---@param data string
---@param first? integer
---@param last? integer
---@return boolean sent all of it
---@return integer last_sent index of the last byte that went out
function Connection:send(data, first, last)
  first, last = first or 1, last or #data
  while first <= last do
    local done, problem, partial = self.socket:send(data, first, last)
    if done then return true, done end
    first = partial + 1
    if problem ~= "timeout" then return false, partial end
    local deadline = self.send_timeout_s and socket.gettime() + self.send_timeout_s
    if self:wait(false, true, deadline) == "time" then return false, partial end
  end
  return true, last
end

--- Decodes %XX.
---@param text string
---@return string
function http.unescape(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Decodes `a=1&b=2`, in order.
---@param text string
---@return {name: string, value: string}[]
function http.form(text)
  local pairs_found = {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:gsub("%+", " "):match("^([^=]*)=?(.*)$")
    pairs_found[#pairs_found + 1] = { name = http.unescape(name), value = http.unescape(value) }
  end
  return pairs_found
end

local function parse_headers(text)
  local headers = {}
  for line in text:gmatch("[^\n]+") do
    local name, value = line:match("^([^%s:]+):[ \t]*(.-)[ \t]*\r?$")
    if not name then return nil end
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return headers
end

local function parse_head(head)
  local line, rest = head:match("^([^\r\n]*)\r?\n(.*)$")
  local method, target, version = line:match("^(%u+) (%S+) HTTP/(1%.[01])$")
  if not method then return nil end
  -- Asked through a proxy, the target is a whole URL.
  target = target:gsub("^[Hh][Tt][Tt][Pp]://[^/?]*", "")
  local path, query = target:match("^(/[^?#]*)%??([^#]*)")
  local headers = parse_headers(rest)
  if not path or not headers then return nil end
  local asked = (headers.connection or ""):lower()
  local keep_alive = asked ~= "close" and (version == "1.1" or asked == "keep-alive")
  return { method = method, path = path, query = http.form(query), headers = headers, keep_alive = keep_alive }
end

-- Gives the head's text up to the empty line; nil and a status when it is refused, nil alone when the client left.
function Connection:read_head()
  local deadline = socket.gettime() + IDLE_S
  while true do
    self.buffer = self.buffer:gsub("^[\r\n]+", "")
    local first, last = self.buffer:find("\r?\n\r?\n")
    if last and last <= MAX_HEAD_BYTES then
      local head = self.buffer:sub(1, first - 1) .. "\n"
      self.buffer = self.buffer:sub(last + 1)
      return head
    end
    if #self.buffer >= MAX_HEAD_BYTES then return nil, 431 end
    if self.buffer:find "^%U" then return nil, 400 end -- TLS, say, whose client would wait for us as we for it
    if not self:read_more(deadline) then return nil end
  end
end

function Connection:read_body(request)
  if request.headers["transfer-encoding"] then return nil, 411 end
  local length = request.headers["content-length"] or "0"
  if not length:find("^%d+$") then return nil, 400 end
  length = tonumber(length)
  if length > MAX_BODY_BYTES then return nil, 413 end
  if (request.headers.expect or ""):lower() == "100-continue" then self:send("HTTP/1.1 100 Continue\r\n\r\n") end
  local deadline = socket.gettime() + IDLE_S
  while #self.buffer < length do
    if not self:read_more(deadline) then return nil end
  end
  local body = self.buffer:sub(1, length)
  self.buffer = self.buffer:sub(length + 1)
  return body
end

--- Reads the next request.
---@return oc.sandbox.Request|nil
---@return integer? status why it is refused; none when the client just left
function Connection:read_request()
  local head, status = self:read_head()
  if not head then return nil, status end
  local request = parse_head(head)
  if not request then return nil, 400 end
  request.body, status = self:read_body(request)
  if not request.body then return nil, status end
  return request
end

local REASONS = {
  [200] = "OK", [301] = "Moved Permanently", [302] = "Found", [303] = "See Other", [304] = "Not Modified",
  [307] = "Temporary Redirect", [308] = "Permanent Redirect", [400] = "Bad Request", [401] = "Unauthorized",
  [403] = "Forbidden", [404] = "Not Found", [408] = "Request Timeout", [411] = "Length Required",
  [413] = "Content Too Large", [429] = "Too Many Requests", [431] = "Request Header Fields Too Large",
  [500] = "Internal Server Error", [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
}

--- The text of a reply's head.
---@param status integer
---@param headers {[1]: string, [2]: string|number}[]
---@return string
function http.head(status, headers)
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASONS[status] or "Unknown") }
  for _, header in ipairs(headers) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Closing with unread bytes would reset the connection and take the reply with it.
function Connection:refuse(status)
  self:send(http.head(status, { { "Content-Length", 0 }, { "Connection", "close" } }))
  self.socket:shutdown("send")
  local deadline = socket.gettime() + LINGER_S
  repeat self.buffer = "" until not self:read_more(deadline)
end

--- Serves a connection to its end; the body of its coroutine.
---@param handle fun(connection: oc.sandbox.Connection, request: oc.sandbox.Request): boolean whether to go on
function Connection:serve(handle)
  while true do
    local request, refused = self:read_request()
    if refused then return self:refuse(refused) end
    if not request or not handle(self, request) then return end
  end
end

--- Ends the connection, in order or by a reset.
function Connection:close()
  if self.reset then self.socket:setoption("linger", { on = true, timeout = 0 }) end
  self.socket:close()
end

return http

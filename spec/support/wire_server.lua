-- An HTTP server in the test's own process that a blocking client can be run against: it is played on whenever the
-- client waits. What it answers are the bytes a function of the spec gives; what it was sent is kept, byte for byte.
--
--     local server = wire_server.new(function(request) return wire_server.ok "[]", "close" end)
--     local host = wire_server.host({server})      -- goes into oc.client {host = host}
--
-- An answer is `bytes, ending`: "close" (after the bytes), "reset", "hold" (nothing more comes), "drip" (`bytes`, then
-- a byte each time anybody waits); no ending: the connection serves again.

local socket = require "socket"
local world = require "support.world"

local wire_server = {}

-- So long a client sleeps at the most before the servers are looked after again.
local TURN_S = 0.004

---@class WireServer
---@field url string
---@field port integer
---@field requests table[] what came: {bytes, head, body, method, target, page, headers}
---@field connections integer how many were ever taken
local Server = {}
Server.__index = Server

--- A server that holds a port; it takes connections at once, unless `shut` is given: then they are refused until
--- `listen` is called.
---@param answer fun(request: table, number: integer): string, string|nil
---@param options? {shut: boolean, any: boolean, address: string}   any: whatever bytes come are answered
---@return WireServer
function wire_server.new(answer, options)
  options = options or {}
  local address = options.address or "127.0.0.1"
  local listener = assert(socket.tcp4())
  assert(listener:setoption("reuseaddr", true))
  assert(listener:bind(address, 0))
  local _, port = assert(listener:getsockname())
  local self = setmetatable({
    answer = answer, listener = listener, any = options.any, open = {}, requests = {}, connections = 0,
    port = tonumber(port), url = ("http://%s:%d"):format(address, port),
  }, Server)
  if not options.shut then self:listen() end
  return self
end

function Server:listen()
  self.listener = assert(self.listener:listen(64)) and self.listener
  self.listener:settimeout(0)
  self.listening = true
end

-- The request at the front of what came, once it is whole; of a server for `any` bytes, whatever came.
local function take_request(self, c)
  if self.any and c.input ~= "" then return {bytes = c.input} end
  local head, rest = c.input:match "^(.-\r\n\r\n)(.*)$"
  if not head then return nil end
  local length = tonumber(head:match "\n[Cc]ontent%-[Ll]ength: *(%d+)" or 0)
  if #rest < length then return nil end
  local method, target = head:match "^(%u+) (%S+) HTTP/1%.1\r\n"
  local request = {
    bytes = head .. rest:sub(1, length), head = head, body = rest:sub(1, length), method = method, target = target,
    page = target and tonumber(target:match "PageNumber=(%d+)"), headers = {},
  }
  for name, value in head:gmatch "\n([^:\r\n]+): ?([^\r\n]*)" do request.headers[name:lower()] = value end
  c.input = rest:sub(length + 1)
  return request
end

local function finish(self, c)
  if c.ending == "reset" then c.socket:setoption("linger", {on = true, timeout = 0}) end
  c.socket:close()
  self.open[c] = nil
end

local function write(self, c)
  local last, problem, partial = c.socket:send(c.output)
  c.output = c.output:sub((last or partial or 0) + 1)
  if problem and problem ~= "timeout" then return finish(self, c) end
  if c.output ~= "" then return end
  if c.ending == "close" or c.ending == "reset" then return finish(self, c) end
  if c.ending == "drip" then c.output = " " end
end

local function read(self, c)
  local bytes, problem, partial = c.socket:receive(65536)
  c.input = c.input .. (bytes or partial or "")
  local request = not c.ending and take_request(self, c)
  if request then
    self.requests[#self.requests + 1] = request
    local text, ending = self.answer(request, #self.requests)
    c.output, c.ending = c.output .. text, ending
  elseif problem == "closed" then
    c.socket:close()
    self.open[c] = nil
  end
end

--- Gets on with everything, without waiting.
function Server:step()
  local taken = self.listening and self.listener:accept()
  while taken do
    taken:settimeout(0)
    self.connections = self.connections + 1
    self.open[{socket = taken, input = "", output = ""}] = true
    taken = self.listener:accept()
  end
  local now = {}
  for c in pairs(self.open) do now[#now + 1] = c end
  for _, c in ipairs(now) do
    read(self, c)
    if self.open[c] and (c.output ~= "" or c.ending) then write(self, c) end
  end
end

function Server:close()
  for c in pairs(self.open) do c.socket:close() end
  self.open, self.listening = {}, false
  self.listener:close()
end

--- A host as of world.host, whose waiting plays the servers.
---@param servers WireServer[]
---@param deps? table as for world.host
---@return table
function wire_server.host(servers, deps)
  local host = world.host(deps)
  local pool = host.pool
  local function play()
    for _, server in ipairs(servers) do server:step() end
  end
  host.pool = {
    start = function(_, request) return pool:start(request) end,
    perform = function() return pool:perform() end,
    counts = function() return pool:counts() end,
    close = function() return pool:close() end,
    wait = function(_, seconds, ...)
      play()
      return pool:wait(math.min(seconds or TURN_S, TURN_S), ...)
    end,
  }
  host.play = play
  return host
end

--- An answer with a length.
---@param status string "200 OK"
---@param body string
---@param headers? string lines
---@return string bytes
function wire_server.reply(status, body, headers)
  return "HTTP/1.1 " .. status .. "\r\nContent-Length: " .. #body .. "\r\n" .. (headers or "") .. "\r\n" .. body
end

--- 200 with a length.
---@param body string
---@param headers? string
---@return string bytes
function wire_server.ok(body, headers)
  return wire_server.reply("200 OK", body, headers)
end

return wire_server

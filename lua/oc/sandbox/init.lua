-- The sandbox: the lead endpoint played on 127.0.0.1, for first steps and for tests.
-- This file is the server's loop: one select, a coroutine for each connection. What is answered is routes.lua's.

local socket = require "socket"

local http = require "oc.sandbox.http"
local options = require "oc.sandbox.options"
local routes = require "oc.sandbox.routes"

local sandbox = {}

-- select() bears descriptors up to 1023 only; further clients wait to be accepted.
local MAX_CONNECTIONS = 512
-- How often `run` looks at `should_stop` when nothing happens.
local STOP_CHECK_S = 0.25

---@class oc.sandbox.Server
---@field url string "http://127.0.0.1:PORT"
---@field port integer
---@field state oc.sandbox.State
local Server = {}
Server.__index = Server

-- In the form select takes for a socket. Unbuffered, so that select sees all that there is.
local STDIN = {
  getfd = function() return 0 end,
  dirty = function() return false end,
}

--- Binds 127.0.0.1 and is ready to serve; nothing is answered before `step` or `run`.
--- Raises on an unknown option or one of the wrong type.
---@param given? oc.sandbox.Options
---@return oc.sandbox.Server|nil
---@return string? err the port cannot be bound
function sandbox.new(given)
  local settings, problem = options.check(given == nil and {} or given)
  if not settings then error("oc.sandbox.new: " .. problem, 2) end
  local listener, err = socket.bind("127.0.0.1", settings.port, MAX_CONNECTIONS)
  if not listener then return nil, ("cannot bind 127.0.0.1:%d: %s"):format(settings.port, err) end
  listener:settimeout(0)
  local _, port = listener:getsockname()
  port = math.floor(tonumber(port))
  if settings.exit_on_stdin_eof then io.stdin:setvbuf("no") end
  return setmetatable({
    url = ("http://127.0.0.1:%d"):format(port), port = port,
    listener = listener, connections = {}, open = 0, accepted = 0, stopped = false,
    watches_stdin = settings.exit_on_stdin_eof,
    log = settings.log or function() end,
    clock = socket.gettime,
    state = routes.state(settings, socket.gettime),
  }, Server)
end

local function drop(server, connection)
  server.connections[connection] = nil
  server.open = server.open - 1
  connection:close()
end

-- Runs a connection up to where it waits again. A fault of ours costs that connection only.
local function resume(server, connection, why)
  local ok, problem = coroutine.resume(connection.thread, why)
  if not ok then server.log("internal error: " .. debug.traceback(connection.thread, tostring(problem))) end
  if coroutine.status(connection.thread) == "dead" then drop(server, connection) end
end

-- Takes in whoever waits. They get their turn in the next round: a client that keeps coming must not go before those
-- who are here already.
local function accept(server)
  while server.open < MAX_CONNECTIONS do
    local client = server.listener:accept()
    if not client then return end
    local connection = http.connection(client)
    connection.thread = coroutine.create(function()
      connection:serve(function(_, request) return routes.handle(server, connection, request) end)
    end)
    server.connections[connection] = true
    server.open = server.open + 1
    server.accepted = server.accepted + 1
    connection.number = server.accepted
  end
end

-- What to wait for, and how long: nil = until something happens.
local function interests(server, timeout_s)
  local reads, writes = {}, {}
  if server.open < MAX_CONNECTIONS then reads[1] = server.listener end
  if server.watches_stdin then reads[#reads + 1] = STDIN end
  local deadline = math.huge
  for connection in pairs(server.connections) do
    if connection.want_read then reads[#reads + 1] = connection.socket end
    if connection.want_write then writes[#writes + 1] = connection.socket end
    deadline = math.min(deadline, connection.deadline or math.huge)
  end
  local wait_s = math.min(timeout_s or math.huge, math.max(0, deadline - server.clock()))
  if wait_s == math.huge then wait_s = nil end
  return reads, writes, wait_s
end

local function reason_to_resume(connection, readable, writable, now)
  if connection.want_read and readable[connection.socket] then return "read" end
  if connection.want_write and writable[connection.socket] then return "write" end
  if connection.deadline and connection.deadline <= now then return "time" end
end

-- Who is to run, the oldest connection first: so a test that sees one end and then asks about it is not told too early.
local function turns(server, readable, writable)
  local now, list = server.clock(), {}
  for connection in pairs(server.connections) do
    local why = reason_to_resume(connection, readable, writable, now)
    if why then list[#list + 1] = { connection = connection, why = why } end
  end
  table.sort(list, function(a, b) return a.connection.number < b.connection.number end)
  return list
end

--- Waits for one round of events and deals with them.
---@param timeout_s? number how long to wait for any; nil = until there is one
---@return boolean serving false once the server has been stopped
function Server:step(timeout_s)
  if self.stopped then return false end
  local reads, writes, wait_s = interests(self, timeout_s)
  local readable, writable = socket.select(reads, writes, wait_s)
  if readable[STDIN] and not io.stdin:read(1) then self:stop() end
  for _, turn in ipairs(turns(self, readable, writable)) do resume(self, turn.connection, turn.why) end
  if readable[self.listener] then accept(self) end
  return not self.stopped
end

--- Serves until `stop`, POST /_sandbox/stop, the end of standard input (if watched), or `should_stop` says so; then
--- closes.
---@param should_stop? fun(): boolean
function Server:run(should_stop)
  local timeout_s = should_stop and STOP_CHECK_S or nil
  while not (should_stop and should_stop()) do
    if not self:step(timeout_s) then break end
  end
  self:close()
end

--- Makes `run` end after the current round.
function Server:stop()
  self.stopped = true
end

--- Closes the port and every connection; safe to call twice.
function Server:close()
  self.stopped = true
  self.listener:close()
  for connection in pairs(self.connections) do drop(self, connection) end
end

return sandbox

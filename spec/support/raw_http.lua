-- Plays an HTTP server by hand, in the very process of the test: the kernel takes the connection, the test reads
-- the request and writes the answer, so nothing has to be waited for by sleeping. `finish` after each test.

local assert = require "luassert"
local core = require "oc.core"
local process = require "support.process"
local socket = require "socket"

local raw_http = {}

-- Before a test gives up; nothing is expected to take long.
local PATIENCE_S = 20
raw_http.PATIENCE_S = PATIENCE_S

function raw_http.unhex(hex)
  return (hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local servers, pools, connections = {}, {}, {}

function raw_http.listen()
  local server = assert(socket.bind("127.0.0.1", 0))
  server:settimeout(PATIENCE_S)
  servers[#servers + 1] = server
  local _, port = server:getsockname()
  return server, ("http://127.0.0.1:%d"):format(port)
end

function raw_http.new_pool()
  local pool = assert(core.http())
  pools[#pools + 1] = pool
  return pool
end

-- Runs step() and the pool in turn until step gives something.
function raw_http.together(pool, step)
  local deadline = core.now() + PATIENCE_S
  while core.now() < deadline do
    local result = step()
    if result then return result end
    pool:perform() -- wait alone does nothing while there is something to fetch
    pool:wait(0.005)
  end
  error("nothing happens", 2)
end

-- Reads a request on a connection: its head, and its body if it has one.
function raw_http.receive(pool, connection)
  connection:settimeout(0)
  local text = ""
  return raw_http.together(pool, function()
    local data, _, partial = connection:receive(65536)
    text = text .. (data or partial)
    local head, body = text:match("^(.-\r\n\r\n)(.*)$")
    local length = head and tonumber(head:match("[Cc]ontent%-[Ll]ength: (%d+)") or 0)
    if head and #body >= length then return {head = head, body = body} end
  end)
end

--- Takes a client's connection. It stays open, held or not, until the test ends.
function raw_http.accept(server)
  local connection = assert(server:accept())
  connections[#connections + 1] = connection
  return connection
end

-- Plays one answer on a new connection; the connection stays open unless `ending`.
function raw_http.answer(pool, server, text, ending)
  local connection = raw_http.accept(server)
  local request = raw_http.receive(pool, connection)
  connection:settimeout(PATIENCE_S)
  assert(connection:send(text))
  if ending == "reset" then
    -- Bytes on their way would be lost with a reset, so let them arrive first.
    repeat until pool:wait(PATIENCE_S)
    connection:setoption("linger", {on = true, timeout = 0})
  end
  if ending then connection:close() else connection:settimeout(0) end
  return request, connection
end

-- Waits for one exchange; a wait may end early for nothing.
function raw_http.await(pool, exchange)
  local deadline = core.now() + PATIENCE_S
  repeat until pool:wait(PATIENCE_S, exchange) or core.now() > deadline and error "nothing happens"
end

-- Everything up to the end: body, and the error or nil.
function raw_http.drain(pool, exchange)
  local parts = {}
  while true do
    local bytes, err = exchange:read()
    if bytes == false then return table.concat(parts) end
    if err then return table.concat(parts), err end
    if bytes then
      parts[#parts + 1] = bytes
    else
      raw_http.await(pool, exchange)
    end
  end
end

function raw_http.head(pool, exchange)
  while true do
    local status, headers = exchange:head()
    if status or headers then return status, headers end
    raw_http.await(pool, exchange)
  end
end

-- One request, one answer played as given; gives body, err, exchange, request.
function raw_http.fetch(text, ending, options)
  local server, url = raw_http.listen()
  local pool = raw_http.new_pool()
  local all = {url = url .. "/some/path?secret=1"}
  for name, value in pairs(options or {}) do all[name] = value end
  local exchange = assert(pool:start(all))
  local request = raw_http.answer(pool, server, text, ending)
  local body, err = raw_http.drain(pool, exchange)
  return body, err, exchange, request
end

function raw_http.ok(headers, body)
  return "HTTP/1.1 200 OK\r\n" .. headers .. "\r\n" .. (body or "")
end

function raw_http.sized(body, headers)
  return raw_http.ok(("Content-Length: %d\r\n%s"):format(#body, headers or ""), body)
end

function raw_http.assert_fault(err, kind, pattern)
  assert.is_table(err)
  assert.are.equal(core.error_metatable, getmetatable(err))
  assert.are.equal(kind, err.kind)
  assert.matches(pattern, err.message)
  assert.are.equal(err.message, tostring(err))
end

-- A child process of the same Lua; its first line of output is its process id.
function raw_http.child(code, ...)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local command = ("echo $$; exec %s %s %s 2>&1"):format(process.interpreter(), path, table.concat({...}, " "))
  local pipe = assert(io.popen(command))
  local pid = assert(pipe:read "*l")
  return {
    pid = pid,
    line = function() return pipe:read "*l" end,
    kill = function(signal) os.execute(("kill -%s %s"):format(signal, pid)) end,
    finish = function()
      local rest = pipe:read "*a"
      pipe:close()
      os.remove(path)
      return rest
    end,
  }
end

--- Ends what the test has left.
function raw_http.finish()
  for _, pool in ipairs(pools) do pool:close() end
  for _, server in ipairs(servers) do server:close() end
  for _, connection in ipairs(connections) do connection:close() end
  pools, servers, connections = {}, {}, {}
end

return raw_http

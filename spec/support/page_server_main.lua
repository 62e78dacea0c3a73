-- A web server for a browser: the files of its folder, with the headers in the file `headers`. A program of its own;
-- says `ready PORT`, and what it was asked for at /_asked. Connections that say nothing, as browsers open them ahead,
-- keep nobody waiting.

local socket = require "socket"

local listener = assert(socket.bind("127.0.0.1", 0))
local _, port = listener:getsockname()
local asked, open, input = {}, {listener}, {}

local function read_file(name)
  local file = io.open(name, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local function answer(path)
  if path == "/_asked" then return "200 OK", "text/plain", table.concat(asked, "\n") end
  asked[#asked + 1] = path
  local name = path:match "^/([%w_]+%.html)$"
  local body = name and read_file(name)
  if not body then return "404 Not Found", "text/plain", "" end
  -- what looks at the page from outside has no policy of its own
  return "200 OK", "text/html; charset=utf-8", body, name:find "^probe" and "" or read_file "headers"
end

local function drop(connection)
  for i, other in ipairs(open) do
    if other == connection then table.remove(open, i) end
  end
  input[connection] = nil
  connection:close()
end

local function read(connection)
  local bytes, problem, partial = connection:receive(65536)
  input[connection] = input[connection] .. (bytes or partial or "")
  local path = input[connection]:match "^GET (%S+) HTTP/1%.1\r\n.*\r\n\r\n"
  if path then
    local status, kind, body, headers = answer(path)
    connection:settimeout(20)
    connection:send(("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s"):format(
      status, kind, #body, headers or "", body))
  end
  if path or problem == "closed" then drop(connection) end
end

print("ready " .. port)
io.stdout:flush()
while true do
  for _, ready in ipairs((socket.select(open))) do
    if ready == listener then
      local connection = assert(listener:accept())
      connection:settimeout(0)
      open[#open + 1], input[connection] = connection, ""
    else
      read(ready)
    end
  end
end

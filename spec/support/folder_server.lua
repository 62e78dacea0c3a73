-- folder_server.lua FOLDER - the files of a folder over HTTP, on a free port of 127.0.0.1. Says its address, and ends
-- with its standard input.

local socket = require "socket"

local folder = assert(arg[1], "usage: folder_server.lua FOLDER")
local STDIN = {getfd = function() return 0 end}
local PATIENCE_S = 10 -- for one client

local function read(name)
  if not name or name:find("..", 1, true) then return nil end
  local file = io.open(folder .. "/" .. name, "rb")
  local text = file and file:read "*a" -- nil of a folder
  if file then file:close() end
  return text
end

local function answer(client)
  local method, name = (client:receive "*l" or ""):match "^(%u+) /([^ ?]*)[^ ]* HTTP/1%.[01]$"
  repeat local line = client:receive "*l" until not line or line == ""
  local text = read(name)
  local head = ("HTTP/1.0 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"):format(
    text and "200 OK" or "404 Not Found", #(text or ""))
  client:send(head .. (method ~= "HEAD" and text or ""))
end

local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
io.write(("http://127.0.0.1:%d\n"):format(port))
io.stdout:flush()

while true do
  local ready = socket.select({server, STDIN}, nil)
  if ready[STDIN] then break end
  local client = server:accept()
  if client then
    client:settimeout(PATIENCE_S)
    answer(client)
    client:close()
  end
end
server:close()

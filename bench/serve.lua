-- Pages from memory, as fast as one socket takes them: what a measured client asks.
-- The sandbox makes its pages while it serves them, and would be what is measured.
--
--   serve.lua FOLDER     says its port on a line; ends when it is killed
--
-- The address says what it plays: /LEADS/PAGES/MILLISECONDS/... has so many pages of
-- so many leads, and gives each answer so much later. Gzip for whom asks for it.

local pages = require "bench.pages"
local socket = require "socket"

local folder = arg[1]

local listener = assert(socket.bind("127.0.0.1", 0, 64))
listener:settimeout(0)
local _, port = listener:getsockname()
io.stdout:write(port, "\n")
io.stdout:flush()

local bodies = {}

local function body(number, size, packed)
  local path = (packed and pages.packed or pages.page)(folder, number, size)
  bodies[path] = bodies[path] or pages.read(path)
  return bodies[path]
end

local function answer(text)
  local size, count, latency_ms = text:match "^GET /(%d+)/(%d+)/(%d+)/"
  local number = tonumber(text:match "[?&]PageNumber=(%d+)")
  if not (size and number) then return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "", 0 end
  local packed = text:lower():find "\r\naccept%-encoding:[^\r]*gzip" ~= nil
  local there = number <= tonumber(count)
  local content = there and body(number, tonumber(size), packed) or "[]"
  return ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"):format(#content,
    packed and there and "Content-Encoding: gzip\r\n" or ""), content, tonumber(latency_ms) / 1000
end

-- By socket: {text: what came, parts: what is to be sent, at: which byte of the first, due: not before}
local open, sockets = {}, {listener}

local function accept()
  local client = listener:accept()
  if not client then return end
  client:settimeout(0)
  client:setoption("tcp-nodelay", true)
  open[client] = {text = ""}
  sockets[#sockets + 1] = client
end

local function close(client)
  open[client] = nil
  for i = #sockets, 1, -1 do
    if sockets[i] == client then table.remove(sockets, i) end
  end
  client:close()
end

local function hear(client)
  local state = open[client]
  local text, err, rest = client:receive(65536)
  state.text = state.text .. (text or rest or "")
  if err == "closed" then return close(client) end
  local request, after = state.text:match "^(.-\r\n\r\n)(.*)$"
  if not request or state.parts then return end
  state.text = after
  local head, content, latency_s = answer(request)
  state.parts, state.at, state.due = {head, content}, 1, socket.gettime() + latency_s
  state.last = request:find "^GET %S+ HTTP/1%.0" or request:lower():find "\r\nconnection: close"
end

local function say(client)
  local state = open[client]
  while state.parts[1] do
    local sent, err, partial = client:send(state.parts[1], state.at)
    if err == "timeout" then
      state.at = partial + 1
      return
    elseif not sent then
      return close(client)
    end
    table.remove(state.parts, 1)
    state.at = 1
  end
  state.parts = nil
  if state.last then close(client) end
end

while true do
  local now, waiting, first = socket.gettime(), {}, nil
  for client, state in pairs(open) do
    if state.parts and state.due <= now then
      waiting[#waiting + 1] = client
    elseif state.parts then
      first = math.min(first or state.due, state.due)
    end
  end
  local readable, writable = socket.select(sockets, waiting, first and math.max(0, first - now))
  for _, client in ipairs(writable) do say(client) end
  for _, client in ipairs(readable) do
    if client == listener then accept() elseif open[client] then hear(client) end
  end
end

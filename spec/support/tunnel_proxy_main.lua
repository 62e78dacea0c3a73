-- tunnel_proxy_main.lua CREDENTIALS - a proxy that knows CONNECT only, for specs; prints its port. Every name leads to
-- this machine, but what begins with "forbidden." is refused with 403 and "unavailable." with 503. CREDENTIALS is what
-- Proxy-Authorization must hold behind Basic, or - for none. GET /asked and /carried tell what it saw.

local socket = require "socket"

local credentials = arg[1]
local CARRIED_MAX_BYTES = 65536

local asked, carried = {}, ""
local pairs_of = {}   -- socket -> the state of its connection
local sockets = {}

local function add(connection, state)
  connection:settimeout(0)
  state.socket, state.out = connection, ""
  pairs_of[connection] = state
  sockets[#sockets + 1] = connection
  return state
end

local function drop(state)
  if not pairs_of[state.socket] then return end
  pairs_of[state.socket] = nil
  for i, connection in ipairs(sockets) do
    if connection == state.socket then table.remove(sockets, i) break end
  end
  state.socket:close()
end

-- Writes what can be written; a side whose far end is gone goes when it is empty.
local function flush(state)
  local sent, problem, partly = state.socket:send(state.out)
  state.out = state.out:sub((sent or partly or 0) + 1)
  if problem == "closed" or state.out == "" and state.ending then drop(state) end
end

local function answer(state, status, headers, body)
  state.out = ("HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(
    status, headers or "", #(body or ""), body or "")
  state.ending = true
end

-- The status for a CONNECT, and the connection if it is 200.
local function judge(head, target)
  local given = head:match "\r\n[Pp]roxy%-[Aa]uthorization: Basic ([^\r]*)"
  if credentials ~= "-" and given ~= credentials then return 407 end
  if target:find "^forbidden%." then return 403 end
  if target:find "^unavailable%." then return 503 end
  local far = socket.connect("127.0.0.1", tonumber(target:match ":(%d+)$"))
  return far and 200 or 502, far
end

local function connect(state, head, target)
  local status, far = judge(head, target)
  asked[#asked + 1] = ("%s %d\n"):format(target, status)
  if status == 407 then return answer(state, "407 Who are you", "Proxy-Authenticate: Basic realm=\"spec\"\r\n") end
  if status ~= 200 then return answer(state, status .. " No") end
  state.far = add(far, {far = state})
  state.out = "HTTP/1.1 200 Connected\r\n\r\n"
end

local function open(state, bytes)
  state.head = (state.head or "") .. bytes
  local head = state.head:match "^.-\r\n\r\n"
  if not head then return end
  carried = carried .. head
  local target = head:match "^CONNECT (%S+)"
  if target then return connect(state, head, target) end
  local told = {["/asked"] = table.concat(asked), ["/carried"] = carried}
  answer(state, "200 OK", nil, told[head:match "^GET (%S+)"] or "")
end

local function receive(state)
  local bytes, problem, partly = state.socket:receive(8192)
  bytes = bytes or partly
  if bytes ~= "" then
    if state.far then
      state.far.out = state.far.out .. bytes
      if state.client and #carried < CARRIED_MAX_BYTES then carried = carried .. bytes end
    elseif not state.ending then
      open(state, bytes)
    end
  end
  if problem ~= "closed" then return end
  if state.far then state.far.ending = true end
  drop(state)
  if state.far and state.far.out == "" then drop(state.far) end
end

local listener = assert(socket.bind("127.0.0.1", 0, 128))
local _, port = listener:getsockname()
io.write("listening on ", port, "\n")
io.flush()

while true do
  local reading, writing = {listener}, {}
  for _, connection in ipairs(sockets) do
    local state = pairs_of[connection]
    if state.out ~= "" then writing[#writing + 1] = connection end
    -- Back-pressure: what the far end has not taken is not followed by more.
    if not state.far or #state.far.out < 65536 then reading[#reading + 1] = connection end
  end
  local readable, writable = socket.select(reading, writing)
  for _, connection in ipairs(writable) do
    if pairs_of[connection] then flush(pairs_of[connection]) end
  end
  for _, connection in ipairs(readable) do
    if connection == listener then
      add(assert(listener:accept()), {client = true})
    elseif pairs_of[connection] then
      receive(pairs_of[connection])
    end
  end
end

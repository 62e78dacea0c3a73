-- HTTP as bytes, for specs of the sandbox: an HTTP library would hide just the faults they look for.
-- Knows the sandbox's paths, not how it works.

local assert = require "luassert"
local cjson = require "cjson"
local socket = require "socket"
local zlib = require "zlib"

local wire = {}

wire.LEADS = "/api/v2/oc/lead"
wire.GIVE_UP_S = 20

function wire.read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function wire.port_of(url)
  return tonumber(url:match(":(%d+)$"))
end

function wire.connect(child)
  local client = assert(socket.connect("127.0.0.1", wire.port_of(child.url)))
  client:settimeout(wire.GIVE_UP_S)
  return client
end

-- All that comes until the far end closes, and how it did. LuaSocket calls both "closed"; but only after an orderly
-- close can one still send.
function wire.read_to_end(client)
  local parts = {}
  while true do
    local bytes, problem, partial = client:receive(65536)
    parts[#parts + 1] = bytes or partial
    if problem == "timeout" then error("the sandbox neither sends nor closes") end
    if problem then return table.concat(parts), client:send("?") and "closed" or "reset" end
  end
end

function wire.parse_head(text)
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  if not head then return { bytes = text } end
  local reply = { status = tonumber(head:match("^HTTP/1%.1 (%d+)")), headers = {}, body = body }
  for name, value in head:gmatch("\n([^:\r\n]+): ([^\r\n]*)") do reply.headers[name:lower()] = value end
  return reply
end

function wire.request_text(method, path, headers, body)
  local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: sandbox" }
  for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

-- One request on its own connection.
function wire.ask(child, path, options)
  options = options or {}
  local headers = { Connection = "close" }
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  local client = wire.connect(child)
  client:send(wire.request_text(options.method or "GET", path, headers, options.body))
  local bytes, ending = wire.read_to_end(client)
  client:close()
  local reply = wire.parse_head(bytes)
  reply.ending = ending
  return reply
end

function wire.leads_of(child, query, options)
  local reply = wire.ask(child, wire.LEADS .. (query or ""), options)
  assert.equal(200, reply.status)
  return cjson.decode(reply.body), reply
end

function wire.ids_of(child, query, options)
  local ids = {}
  for i, lead in ipairs((wire.leads_of(child, query, options))) do ids[i] = lead.id end
  return ids
end

function wire.slice(list, first, last)
  local part = {}
  for i = first, last do part[#part + 1] = list[i] end
  return part
end

function wire.gunzip(bytes)
  return (zlib.inflate()(bytes))
end

function wire.unchunk(body)
  local parts, position = {}, 1
  while true do
    local first, last, size = body:find("^(%x+)\r\n", position)
    if not first then return table.concat(parts), false end
    size = tonumber(size, 16)
    if size == 0 then return table.concat(parts), true end
    parts[#parts + 1] = body:sub(last + 1, last + size)
    position = last + size + 3
  end
end

function wire.form(fields)
  local parts = {}
  for name, value in pairs(fields) do
    parts[#parts + 1] = name .. "=" .. value:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
  end
  return table.concat(parts, "&")
end

wire.TENANT = "9a1b2c3d-0000-4000-8000-00000000abcd"
wire.TOKEN_PATH = "/" .. wire.TENANT .. "/oauth2/v2.0/token"
wire.GOOD_FORM = {
  grant_type = "client_credentials", client_id = "an-app", client_secret = "s+cr&t=/ ?", scope = "api://x/.default",
}

function wire.ask_token(child, changes, path)
  local fields = {}
  for name, value in pairs(wire.GOOD_FORM) do fields[name] = value end
  for name, value in pairs(changes or {}) do fields[name] = value or nil end
  local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
  return wire.ask(child, path or wire.TOKEN_PATH, { method = "POST", body = wire.form(fields), headers = headers })
end

function wire.bearer(token)
  return { headers = { Authorization = "Bearer " .. token } }
end

return wire

-- An nginx whose worker runs Lua that a spec sends it, with the tree's oc: for what only the real host can show.

local cjson = require "cjson"
local ltn12 = require "ltn12"
local nginx = require "support.nginx"
local http = require "socket.http"
local other_lua = require "support.other_lua"
local socket = require "socket"

local nginx_lua = {}

-- Runs the body of a request, a chunk, and answers with what it returns.
local APP = [[
local cjson = require "cjson"
cjson.encode_sparse_array(true, 1, 1)
local app = {}
function app.run()
  ngx.req.read_body()
  local asked = cjson.decode(ngx.req.get_body_data())
  for i = 1, asked.n do
    if asked.args[i] == cjson.null then asked.args[i] = nil end
  end
  local ok, result = xpcall(function() return assert(loadstring(asked.code))(unpack(asked.args, 1, asked.n)) end,
    function(err) return type(err) == "string" and debug.traceback(err, 2) or err end)
  if not ok then
    ngx.status = 500
    return ngx.print(tostring(result))
  end
  ngx.print(cjson.encode(result == nil and cjson.null or result))
end
return app
]]

local SERVER = [[
lua_package_path "$prefix?.lua;%s;;"; lua_package_cpath "%s;;";
client_max_body_size 10m; client_body_buffer_size 10m; lua_socket_log_errors off;
%s
server {
  listen 127.0.0.1:@1;
  location = /run { content_by_lua_block { require("app").run() } }
  location = /ping { return 200 pong; }
  %s
}
%s
]]

---@class NginxLua
---@field nginx Nginx
---@field url string
local Server = {}
Server.__index = Server

--- Starts one.
---@param more? {http?: string, locations?: string, servers?: string, main?: string, files?: table}
---@return NginxLua
function nginx_lua.start(more)
  more = more or {}
  local path, cpath = other_lua.build "5.1"
  local files = {["app.lua"] = APP}
  for name, text in pairs(more.files or {}) do files[name] = text end
  local config = SERVER:format(path, cpath, more.http or "", more.locations or "", more.servers or "")
  local server = nginx.start(config, files, {main = nginx.LUA .. (more.main or "")})
  return setmetatable({nginx = server, url = ("http://127.0.0.1:%d"):format(server.ports[1])}, Server)
end

--- Begins to have a chunk run, for a spec that plays the other side meanwhile: give the connection to `finish`.
function Server:begin(code, ...)
  local body = cjson.encode {code = code, args = {...}, n = select("#", ...)}
  local connection = assert(socket.connect("127.0.0.1", self.nginx.ports[1]))
  connection:settimeout(20)
  connection:send(("POST /run HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
  return connection
end

--- What it returned. Raises what it raised.
function Server.finish(_, connection)
  local text = assert(connection:receive "*a")
  connection:close()
  local status, body = text:match "^HTTP/1.1 (%d+).-\r\n\r\n(.*)$"
  if status ~= "200" then error(text, 2) end
  return cjson.decode("[" .. body .. "]")[1]
end

--- Has a chunk run in a request, with these arguments: what it returned. Raises what it raised.
function Server:run(code, ...)
  local body = cjson.encode {code = code, args = {...}, n = select("#", ...)}
  local parts = {}
  local ok, status = http.request {url = self.url .. "/run", method = "POST", source = ltn12.source.string(body),
    sink = ltn12.sink.table(parts), headers = {["content-length"] = #body}}
  assert(ok, status)
  local text = table.concat(parts)
  if status ~= 200 then error(text, 2) end
  local result = cjson.decode("[" .. text .. "]")[1]
  if result ~= cjson.null then return result end
end

--- GET: body, status.
function Server:get(path)
  local body, status = http.request(self.url .. path)
  return body, status
end

--- What nginx wrote into its log.
function Server:log()
  local file = assert(io.open(self.nginx.folder .. "/error.log"))
  local text = file:read "*a"
  file:close()
  return text
end

function Server:stop() self.nginx:stop() end

return nginx_lua

-- A proxy for https in a process of its own, for specs: see tunnel_proxy_main.lua.

local daemon = require "support.daemon"
local http = require "socket.http"
local mime = require "mime"
local process = require "support.process"

local tunnel_proxy = {}

---@class TunnelProxy
---@field host string   127.0.0.1 and its port
local TunnelProxy = {}
TunnelProxy.__index = TunnelProxy

--- "name:port status" for each CONNECT, in order.
---@return string[]
function TunnelProxy:asked()
  local lines = {}
  local told = assert(http.request(("http://%s/asked"):format(self.host)))
  for line in told:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

--- All it could read of what clients sent, up to 64 KiB.
---@return string
function TunnelProxy:carried() return (assert(http.request(("http://%s/carried"):format(self.host)))) end

function TunnelProxy:stop()
  self.daemon:stop()
  daemon.remove(self.folder)
end

--- Starts one.
---@param credentials? string   "user:password" that it demands
---@return TunnelProxy
function tunnel_proxy.start(credentials)
  local here = debug.getinfo(1, "S").source:match "^@(.*)tunnel_proxy%.lua$" or ""
  if not here:find "^/" then -- it is started elsewhere
    local pipe = io.popen "pwd"
    here = pipe:read "*l" .. "/" .. here
    pipe:close()
  end
  local folder = daemon.folder()
  local started = daemon.start(folder, ("exec %s %s %s"):format(process.quote(process.interpreter()),
    process.quote(here .. "tunnel_proxy_main.lua"), credentials and mime.b64(credentials) or "-"))
  local port, said = started:await "^listening on (%d+)$"
  if not port then error("the proxy does not start: " .. said, 2) end
  return setmetatable({daemon = started, folder = folder, host = "127.0.0.1:" .. port}, TunnelProxy)
end

return tunnel_proxy

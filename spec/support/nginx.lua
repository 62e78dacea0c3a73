-- A real nginx on loopback, for specs: unprivileged, in one process, with everything it writes in a folder of its own.
-- Knows nothing of leads.

local daemon = require "support.daemon"
local http = require "socket.http"
local socket = require "socket"

local nginx = {}

-- Between looking for a free port and binding it, somebody else may take it.
local TRIES = 20

-- Port @0 is for us: it says the number of the connection, and has nothing logged.
local CONFIG = [[
%s daemon off; master_process off; pid nginx.pid; error_log stderr notice; error_log error.log info;
events {}
http {
  log_format seen '$server_port|$ssl_protocol|$server_protocol|$status|$request_uri|$http_authorization'
    '|$http_proxy_authorization|$host|$sent_http_content_encoding';
  access_log seen.log seen; root .; default_type application/json; keepalive_timeout 60s;
  client_body_temp_path body_temp; proxy_temp_path proxy_temp; fastcgi_temp_path fastcgi_temp;
  uwsgi_temp_path uwsgi_temp; scgi_temp_path scgi_temp;
  server { listen 127.0.0.1:@0; access_log off; location / { return 200 "$connection $connections_active"; } }
  %s
}
]]

local FIELDS = {"port", "tls", "version", "status", "uri", "authorization", "proxy_authorization", "host", "encoding"}

local function free_port()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return tonumber(port)
end

---@class Nginx
---@field folder string
---@field ports table<integer, integer>   what stood for @1, @2 … in the configuration
local Nginx = {}
Nginx.__index = Nginx

local function is_root()
  local pipe = io.popen "id -u"
  local id = pipe:read "*l"
  pipe:close()
  return id == "0"
end

-- One try with the ports as they are: true | nil, what it said.
local function run(self)
  local text = self.whole and self.config or CONFIG:format(self.main, self.config)
  daemon.write(self.folder, "nginx.conf", (text:gsub("@(%d)", self.ports)))
  -- Where only root's PATH goes, as a rule.
  local command = self.environment .. ' PATH="$PATH:/usr/sbin" nginx -p . -c nginx.conf -e stderr'
  if self.whole then
    -- Workers of a master that is root are nobody, who may not be able to read this tree.
    local as_root = is_root() and "user root; " or ""
    command = command .. (" -g '%s%s'"):format(as_root, nginx.LUA)
  end
  self.daemon = daemon.start(self.folder, command, self.whole and "TERM" or nil)
  -- What comes first once all ports are bound; or last, when one is not.
  local what, said = self.daemon:await "(using the \".-\" event method)"
  if what then return true end
  self.daemon:stop()
  return nil, said
end

--- How many connections it has taken until now, and how many are open, this question's own included.
---@return integer taken, integer open
function Nginx:connections()
  local told = assert(http.request(("http://127.0.0.1:%d/"):format(self.ports["0"])))
  local taken, open = told:match "^(%d+) (%d+)$"
  return tonumber(taken), tonumber(open)
end

--- What it was asked, in order, each field a text: see FIELDS.
---@return table[]
function Nginx:requests()
  self:connections() -- one process: having answered this, it has written down what was before
  local found = {}
  for line in io.lines(self.folder .. "/seen.log") do
    local request, n = {}, 0
    for text in (line .. "|"):gmatch "([^|]*)|" do
      n = n + 1
      request[FIELDS[n]] = text
    end
    found[#found + 1] = request
  end
  return found
end

--- Forgets what it was asked. (It appends, so the file may be cut.)
function Nginx:forget() daemon.write(self.folder, "seen.log", "") end

function Nginx:write(name, text) daemon.write(self.folder, name, text) end

--- Ends it as `kill -9` would.
function Nginx:kill() self.daemon:stop() end

--- Starts it again, on the same ports.
---@param config? string   another one
function Nginx:restart(config)
  self.config = config or self.config
  assert(run(self))
end

--- Ends it, and takes its folder away.
function Nginx:stop()
  self.daemon:stop()
  daemon.remove(self.folder)
end

-- How an nginx whose modules are files (Debian's) is told of its Lua; OpenResty has it built in.
local DEBIAN_MODULES = "/usr/lib/nginx/modules/"

local function load_modules()
  local text = ""
  for _, name in ipairs {"ndk_http_module.so", "ngx_http_lua_module.so"} do
    local file = io.open(DEBIAN_MODULES .. name)
    if file then
      file:close()
      text = text .. ("load_module %s%s; "):format(DEBIAN_MODULES, name)
    end
  end
  return text
end

--- For `main`.
nginx.LUA = load_modules()

--- Starts one, and waits until it listens.
---@param config string   for `http { }`; @1 to @9 become free ports
---@param files? table<string, string>   to put into its folder, by name
---@param more? {main?: string, environment?: string, whole?: boolean}   `main` stands before all else; `environment`
--- is words for the shell; with `whole`, config is all of it, and it may have several processes
---@return Nginx
function nginx.start(config, files, more)
  more = more or {}
  local self = setmetatable({folder = daemon.folder(), config = config, main = more.main or "",
    environment = more.environment or "", whole = more.whole or false}, Nginx)
  for name, text in pairs(files or {}) do self:write(name, text) end
  local said
  for _ = 1, TRIES do
    self.ports = {}
    for n = 0, 9 do self.ports[tostring(n)] = free_port() end
    local ok
    ok, said = run(self)
    if ok then
      for n = 1, 9 do self.ports[n] = self.ports[tostring(n)] end
      return self
    end
    if not said:find "bind%(%)" then break end
  end
  daemon.remove(self.folder)
  error("nginx does not start: " .. said, 2)
end

return nginx

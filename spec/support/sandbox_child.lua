-- A sandbox in a child process of the same Lua, for specs: one child serves many, configured anew for each.
-- Leaves nothing behind: no files are used, and the child ends with its standard input, so with us, however we end.

local socket = require "socket"
local http = require "socket.http"
local ltn12 = require "ltn12"
local cjson = require "cjson"
local process = require "support.process"

local sandbox_child = {}

local START_TIMEOUT_S = 20

local function main_file()
  local here = debug.getinfo(1, "S").source:match("^@(.*)sandbox_child%.lua$")
  return (here or "") .. "sandbox_main.lua"
end

-- Without the collector of script/test --gc: the sandbox has nothing of the core, and would only be slow.
-- Descriptors we have open would be the child's too, and keep the far ends of our connections waiting.
local CLOSE_INHERITED = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; "

local function call(url, method, body)
  local chunks = {}
  local ok, status = http.request {
    url = url, method = method, sink = ltn12.sink.table(chunks),
    source = body and ltn12.source.string(body) or nil,
    headers = { ["Content-Length"] = body and #body or 0 },
  }
  assert(ok, status)
  local text = table.concat(chunks)
  if status ~= 200 then error(("%s %s: HTTP %s %s"):format(method, url, status, text), 3) end
  return text
end

---@class SandboxChild
---@field url string
local Child = {}
Child.__index = Child

--- Plays something else from now on; see oc.sandbox.Options. Raises what the sandbox refuses.
---@param options? table
function Child:configure(options)
  call(self.url .. "/_sandbox/configure", "POST", cjson.encode(options or {}))
end

--- What was asked since it was configured or emptied.
---@return table
function Child:journal()
  return cjson.decode(call(self.url .. "/_sandbox/journal", "GET"))
end

function Child:empty_journal()
  call(self.url .. "/_sandbox/journal", "DELETE")
end

--- Ends the child and waits for it.
function Child:close()
  if not self.stdin then return end
  self.stdin:close()
  self.stdin = nil
end

--- Starts a child and waits until it listens.
---@param options? table as for `configure`
---@return SandboxChild
function sandbox_child.start(options)
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(START_TIMEOUT_S)
  local _, port = listener:getsockname()
  local command = ("%sLUA_INIT= exec %s %s %s"):format(CLOSE_INHERITED,
    process.quote(process.interpreter()), process.quote(main_file()), port)
  local stdin = assert(io.popen(command, "w"))
  local connection = assert(listener:accept(), "the sandbox does not start")
  listener:close()
  connection:settimeout(START_TIMEOUT_S)
  local url = assert(connection:receive("*l"))
  connection:close()
  if not url:find("^http:") then error(url, 2) end
  local child = setmetatable({ url = url, stdin = stdin }, Child)
  if options then child:configure(options) end
  return child
end

return sandbox_child

-- The child process of sandbox_child.lua: a sandbox that ends with its standard input.
-- Says where it listens, or why it cannot, on a connection to the port given as its argument.

local socket = require "socket"

local parent = assert(socket.connect("127.0.0.1", tonumber(arg[1])))

local ok, server, err = pcall(function()
  return require("oc.sandbox").new { exit_on_stdin_eof = true }
end)
local problem = not ok and server or err
parent:send((problem and "error " .. tostring(problem):gsub("\n", " ") or server.url) .. "\n")
parent:close()
if problem then os.exit(1) end

server:run()

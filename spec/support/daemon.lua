-- A server program in a folder of its own, for specs. What it says comes to us by a FIFO, so that "it is ready" is a
-- line to read and nothing to sleep for. It ends with the pipe that we hold, so with us, however we end.

local process = require "support.process"

local daemon = {}

-- Descriptors we have open would be the server's too, and keep the far ends of our connections waiting.
local CLOSE_INHERITED = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; "

-- The shell stays until our end of its standard input closes.
local RUN = "cd %s && exec 3>said && { %s >&3 2>&3 3>&- </dev/null & } && exec 3>&- && cat >/dev/null; "
  .. "kill -%s $! 2>/dev/null; wait"

--- A new folder for files of a test.
---@return string path
function daemon.folder()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir -m 755 " .. process.quote(path)))
  return path
end

function daemon.remove(folder)
  os.execute("rm -rf " .. process.quote(folder))
end

function daemon.write(folder, name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

---@class Daemon
local Daemon = {}
Daemon.__index = Daemon

--- The next line it says; nil when it has ended.
function Daemon:line() return self.said:read "*l" end

--- Reads what it says up to a line with this pattern: what that captures | nil, all it said before it ended.
---@return string|nil, string|nil
function Daemon:await(pattern)
  local lines = {}
  for line in self.said:lines() do
    local found = line:match(pattern)
    if found then return found end
    lines[#lines + 1] = line
  end
  return nil, table.concat(lines, "\n")
end

--- Ends it, as a rule as `kill -9` would, and waits until it is gone.
function Daemon:stop()
  if not self.life then return end
  self.life:close()
  self.said:close()
  self.life = nil
end

--- Starts a command (words for the shell) in a folder.
---@param ending? string   the signal that ends it and whatever it started; default: KILL
---@return Daemon
function daemon.start(folder, command, ending)
  local said = process.quote(folder .. "/said")
  os.execute("rm -f " .. said .. " && mkfifo " .. said)
  local life = assert(io.popen(CLOSE_INHERITED .. RUN:format(process.quote(folder), command, ending or "KILL"), "w"))
  return setmetatable({life = life, said = assert(io.open(folder .. "/said", "r"))}, Daemon)
end

return daemon

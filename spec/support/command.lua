-- `oc-leads` as a process of its own, in a folder of its own: its exit code and its two streams.

local lfs = require "lfs"
local process = require "support.process"
local tree = require "support.tree"

local command = {}

local quote = process.quote

--- The root of the tree, absolute.
command.root = tree.root:find "^/" and tree.root or lfs.currentdir() .. "/" .. tree.root

--- A whole file; nil if there is none.
---@param path string
---@return string|nil
function command.read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

local Place = {}
Place.__index = Place

--- A new folder to run in. `remove` it at the end.
function command.place()
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. quote(folder)))
  return setmetatable({folder = folder}, Place)
end

--- The words of a shell that run it.
---@param words string
---@return string
function command.line(words)
  return ("%s %s/script/oc-leads %s"):format(quote(process.interpreter()), quote(command.root), words)
end

--- Runs it.
---@param words string
---@param before? string   NAME=value ... before the command
---@return integer code
---@return string out
---@return string err
function Place:run(words, before)
  local out, err, code = self.folder .. "/out", self.folder .. "/err", self.folder .. "/code"
  os.execute(("cd %s && { %s %s; } >%s 2>%s; echo $? >%s"):format(quote(self.folder), before or "",
    command.line(words), quote(out), quote(err), quote(code)))
  return tonumber(command.read_file(code)), command.read_file(out), command.read_file(err)
end

function Place:remove()
  os.execute("rm -rf " .. quote(self.folder))
end

return command

-- The core for a host whose Lua is not the one that runs the specs: nginx has LuaJIT, for instance, which takes what is
-- built for 5.1. Never with sanitizers, since such a host does not preload them.

local process = require "support.process"
local tree = require "support.tree"

local other_lua = {}

--- The root of the tree, as an absolute path.
---@return string
function other_lua.root()
  local root = tree.root
  if root:find "^/" then return root end
  local pipe = io.popen("cd " .. process.quote(root) .. " && pwd -P")
  root = pipe:read "*l"
  pipe:close()
  return root
end

--- Builds it, when it is not there yet.
---@param version "5.1"|"5.3"
---@return string path, string cpath   templates for package.path and package.cpath, of absolute paths
function other_lua.build(version)
  local root = other_lua.root()
  local command = ("cd %s && env -u LD_PRELOAD make -s -C src LUA=%s SAN= 2>&1"):format(process.quote(root), version)
  local pipe = io.popen(command .. "; echo \"exit $?\"")
  local said = pipe:read "*a"
  pipe:close()
  assert(said:find "exit 0\n$", said)
  return ("%s/lua/?.lua;%s/lua/?/init.lua"):format(root, root), ("%s/build/%s/?.so"):format(root, version)
end

return other_lua

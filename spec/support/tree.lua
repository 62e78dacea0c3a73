-- tree.lua - the files of this checkout, for specs that look at the source itself.
-- Paths are relative to the root, sorted, with `/` between names.

local lfs = require "lfs"

local tree = {}

-- <root>/spec/support/tree.lua
tree.root = debug.getinfo(1, "S").source:gsub("^@", ""):match("^(.*)/?spec/support/tree%.lua$")
if tree.root == "" then tree.root = "." end
tree.root = tree.root:gsub("(.)/$", "%1")

function tree.read(path)
  local file = assert(io.open(tree.root .. "/" .. path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

function tree.exists(path)
  return lfs.attributes(tree.root .. "/" .. path, "mode") ~= nil
end

-- All files below `folder` (none when it is not there) whose path matches `pattern`.
function tree.files(folder, pattern)
  local found = {}
  local function walk(path)
    local full = tree.root .. "/" .. path
    if lfs.attributes(full, "mode") ~= "directory" then return end
    for name in lfs.dir(full) do
      local child = path .. "/" .. name
      if name ~= "." and name ~= ".." then
        if lfs.attributes(tree.root .. "/" .. child, "mode") == "directory" then
          walk(child)
        elseif child:find(pattern or "") then
          found[#found + 1] = child
        end
      end
    end
  end
  walk(folder)
  table.sort(found)
  return found
end

return tree

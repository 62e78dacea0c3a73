-- scratch.lua - files for one test.

local scratch = {}

local paths = {}

-- The path of a new file with this text, whose name ends with `ending`.
function scratch.file(text, ending)
  local name = os.tmpname()
  local path = name .. ending
  paths[#paths + 1], paths[#paths + 2] = name, path
  local handle = assert(io.open(path, "wb"))
  handle:write(text)
  handle:close()
  return path
end

-- Removes all of them: for after_each.
function scratch.clear()
  for _, path in ipairs(paths) do os.remove(path) end
  paths = {}
end

return scratch

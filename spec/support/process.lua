-- Other processes, for specs: which Lua this is, and words that a shell leaves alone.

local process = {}

--- The interpreter that runs the specs.
function process.interpreter()
  local lowest = 0
  while arg and arg[lowest - 1] do lowest = lowest - 1 end
  return os.getenv "OC_LUA" or lowest < 0 and arg[lowest] or "lua5.4"
end

function process.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

return process

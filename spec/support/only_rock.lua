-- LUA_INIT of what rocks_spec.lua runs: a module of oc is in the tree OC_ROCK, for LUA_VERSION_DIR, or it is an error,
-- wherever else on this machine there may be one.

local tree, version = assert(os.getenv "OC_ROCK"), _VERSION:match "%d%.%d"
local PLACES = {"/share/lua/%s/%s.lua", "/share/lua/%s/%s/init.lua", "/lib/lua/%s/%s.so"}

local function is_there(name)
  for _, place in ipairs(PLACES) do
    local file = io.open(tree .. place:format(version, (name:gsub("%.", "/"))), "rb")
    if file then return file:close() end
  end
  return false
end

local searchers = rawget(package, "searchers") or rawget(package, "loaders")
table.insert(searchers, 1, function(name)
  if name:find "^oc%f[%.%z]" and not is_there(name) then error(("%s is not in the rock"):format(name), 0) end
end)

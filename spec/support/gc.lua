-- Makes the collector run all the time, so that what nothing holds is gone at once. `script/test --gc` has each
-- interpreter load this first (LUA_INIT), the children of specs too. Tiny steps without a pause between cycles, and
-- whole collections around calls of the core's functions: the first calls of each function, then ever more rarely.

local here = debug.getinfo(1, "S").source:match "^@(.*)gc%.lua$" or ""
local core_hooks = dofile(here .. "core_hooks.lua")

-- Steps of 1 KiB, where that can be said; elsewhere the pause does it.
local STEP_BYTES_LOG2 = 10
local STEP_MULTIPLIER = 100
local OFTEN = 3

collectgarbage("setpause", 1)
collectgarbage("setstepmul", STEP_MULTIPLIER)
pcall(collectgarbage, "incremental", 1, STEP_MULTIPLIER, STEP_BYTES_LOG2)

-- Some Luas would start a collector that was stopped.
local can_tell = pcall(collectgarbage, "isrunning")
local function collect()
  if not can_tell or collectgarbage "isrunning" then collectgarbage() end
end

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local wrapped = setmetatable({}, {__mode = "k"})

local function keep(...) return select("#", ...), {...} end

-- Collects before the call, when only the caller holds the arguments, and after it, when only we hold the results.
local function with_collections(f)
  local calls, next_one = 0, 1
  local function g(...)
    calls = calls + 1
    if calls < next_one then return f(...) end
    next_one = calls < OFTEN and calls + 1 or calls * 2
    collect()
    local n, results = keep(f(...))
    collect()
    return unpack(results, 1, n)
  end
  wrapped[g] = true
  return g
end

local function wrap(functions)
  for name, f in pairs(functions) do
    if type(f) == "function" and type(name) == "string" and not name:find "^__" and not wrapped[f] then
      functions[name] = with_collections(f)
    end
  end
end

local function methods_of(object)
  return debug.getmetatable(object).__index
end

core_hooks.add(function(core)
  local pool = core.http()
  wrap(methods_of(pool))
  local started = pool:start {url = "http://127.0.0.1:1/"}
  if started then wrap(methods_of(started)) end
  pool:close()
  wrap(methods_of(core.pager {base_url = "http://127.0.0.1:1"}))
  wrap(core.decoder_methods)
  wrap(core)
end)

-- What a test has left behind: pools with open connections, descriptors, child processes.
-- Knows nothing of busted; run.lua looks before and after each test, and each file.

local lfs = require "lfs"
local core_hooks = require "support.core_hooks"

local leftovers = {}

local pools = setmetatable({}, {__mode = "k"})

core_hooks.add(function(core)
  local new = core.http
  core.http = function(...)
    local pool, err = new(...)
    if pool then pools[pool] = true end
    return pool, err
  end
end)

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

-- How many descriptors go where. A system without /proc has none to tell.
local function descriptors(found)
  if not lfs.attributes("/proc/self/fd", "mode") then return end
  for fd in lfs.dir "/proc/self/fd" do
    local target = fd:find "^%d" and lfs.symlinkattributes("/proc/self/fd/" .. fd, "target")
    -- our own look at the folder is one, too
    if target and not target:find "^/proc/%d+/fd$" then
      local what = "descriptor to " .. target
      found[what] = (found[what] or 0) + 1
    end
  end
end

local function children(found)
  local self = read "/proc/self/stat"
  local pid = self and self:match "^%d+"
  local list = pid and read(("/proc/%s/task/%s/children"):format(pid, pid)) or ""
  for child in list:gmatch "%d+" do
    local command = (read(("/proc/%s/cmdline"):format(child)) or ""):gsub("%z", " ")
    found[("child process %s: %s"):format(child, command ~= "" and command or "(ended, nobody waited for it)")] = 1
  end
end

local function open_pools(found)
  for pool in pairs(pools) do
    if pcall(pool.perform, pool) then -- a closed one raises
      local counts = pool:counts()
      found[("%s with %d exchanges, %d of them open"):format(tostring(pool), counts.exchanges, counts.open)] = 1
    end
  end
end

--- What there is now, each with how often.
---@return table<string, integer>
function leftovers.look()
  local found = {}
  descriptors(found)
  children(found)
  open_pools(found)
  return found
end

local function more(before)
  local list = {}
  for what, count in pairs(leftovers.look()) do
    if count > (before[what] or 0) then list[#list + 1] = what end
  end
  table.sort(list)
  return list
end

--- What is there now and was not before, garbage aside.
---@param before table<string, integer> from `look`
---@return string[]
function leftovers.since(before)
  if #more(before) == 0 then return {} end -- collecting takes its time
  local jit = rawget(_G, "jit")
  if jit then jit.flush() end -- what it compiled holds what it was compiled for
  collectgarbage()
  collectgarbage()
  return more(before)
end

return leftovers

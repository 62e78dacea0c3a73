--- Values in a shared dict, made once however many workers and requests ask for them.
local shared_cache = {}

local dict = ngx.shared.leads

local LOOK_S = 0.05 -- a shared dict cannot wake who waits

-- The lock is ours as long as it says so: when we took too long, somebody else has it.
local function unlock(lock, mine)
  if dict:get(lock) == mine then dict:delete(lock) end
end

--- What is kept under that key; else what `make` returns, kept for as long as it says.
--- While one makes it, all others wait. A failure is kept for nobody: the next one tries,
--- and so it is when whoever makes it goes away.
---@param key string
---@param max_make_s number   after which whoever makes it is taken for gone
---@param make fun(): string|nil, number|any   the value, and for how many seconds | nil, err
---@param not_this? string   a value that is of no use any more
---@return string|nil value
---@return number|any seconds_left   nil, err when `make` failed
function shared_cache.get(key, max_make_s, make, not_this)
  local lock, mine = key .. ":lock", ("%d %s"):format(ngx.worker.pid(), tostring(coroutine.running()))
  while true do
    local value = dict:get(key)
    if value and value ~= not_this then return value, dict:ttl(key) end
    if dict:add(lock, mine, max_make_s) then break end
    ngx.sleep(LOOK_S)
  end
  pcall(ngx.on_abort, function() -- where there is a client that may go
    unlock(lock, mine)
    ngx.exit(499)
  end)
  local ok, value, seconds = pcall(make)
  if ok and value and seconds > 0 then dict:set(key, value, seconds) end
  unlock(lock, mine)
  if not ok then error(value, 0) end
  return value, seconds
end

return shared_cache

--- Values in a shared dict, made once however many workers and requests ask for them.
local shared_cache = {}

local dict = ngx.shared.leads

local LOOK_S = 0.05 -- a shared dict cannot wake who waits

--- What is kept under that key; else what `make` returns, kept for as long as it says.
--- While one makes it, all others wait. A failure is kept for nobody: the next one tries.
---@param key string
---@param max_make_s number   after which whoever makes it is taken for gone
---@param make fun(): string|nil, number|any   the value, and for how many seconds | nil, err
---@param not_this? string   a value that is of no use any more
---@return string|nil value
---@return number|any seconds_left   nil, err when `make` failed
function shared_cache.get(key, max_make_s, make, not_this)
  local lock = key .. ":lock"
  while true do
    local value = dict:get(key)
    if value and value ~= not_this then return value, dict:ttl(key) end
    if dict:add(lock, true, max_make_s) then break end
    ngx.sleep(LOOK_S)
  end
  local ok, value, seconds = pcall(make)
  if ok and value then dict:set(key, value, seconds) end
  dict:delete(lock)
  if not ok then error(value, 0) end
  return value, seconds
end

return shared_cache

--- What runs in a thread of nginx's thread pool: one exchange by libcurl, which may
-- block there. What it returns is copied into nginx's worker, so it is plain data.

local script = require "oc.host.script"

local worker = {}

-- A thread keeps its Lua for the next one: connections stay open.
local host

local function plain(err)
  local copy = {}
  for name, value in pairs(err) do copy[name] = value end
  return copy
end

--- One exchange, whole.
---@param request oc.Request
---@return {status: integer|nil, headers: table|nil, body: string, fault: table|nil, stats: table|nil}
function worker.exchange(request)
  local err, x
  if not host then host, err = script.new() end
  if not host then return {body = "", fault = plain(err)} end
  x, err = host:open(request)
  if not x then return {body = "", fault = plain(err)} end
  local status, headers = x:head()
  if not status then
    x:close()
    return {body = "", fault = plain(headers), stats = x:stats()}
  end
  local parts, bytes = {}, ""
  while bytes do
    parts[#parts + 1] = bytes
    bytes, err = x:read()
  end
  x:close()
  return {status = status, headers = headers, body = table.concat(parts), fault = err and plain(err) or nil,
    stats = x:stats()}
end

return worker

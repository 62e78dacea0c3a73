--- The host that a client gets when its caller names none: that of OpenResty within
-- nginx, where nothing may block, else the one for scripts.

-- A worker of nginx; a thread of its thread pool has no cosockets, and may block.
local function in_nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.socket) == "table"
end

return require(in_nginx() and "oc.host.resty" or "oc.host.script")

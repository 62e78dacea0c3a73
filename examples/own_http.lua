-- Pages by another HTTP library, here LuaSocket: oc.pager says what to ask, takes the
-- answer, and decides what it means. It does no I/O, so any event loop can do this.
local http, ltn12, socket = require "socket.http", require "ltn12", require "socket"
local oc = require "oc"

local base_url = os.getenv "OC_BASE_URL"
if not base_url then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/own_http.lua\n"
  os.exit(2)
end

local pager = oc.pager {base_url = base_url, page_size = 500, max_pages = math.huge}
for request in pager.request, pager do
  local parts, headers = {}, {} -- here one would add Authorization
  for _, line in ipairs(request.headers) do headers[line:match "^(.-):"] = line:match ": (.*)$" end
  local ok, status, answered = http.request {url = request.url, headers = headers,
    redirect = false, sink = ltn12.sink.table(parts)}
  if ok then pager:response(status, answered) end
  for _, bytes in ipairs(ok and parts or {}) do
    pager:feed(bytes)
    for lead in pager.next, pager do print(lead.id, lead.status) end
  end
  local what, more = pager:finish(not ok and status or nil)
  if what == nil then error(tostring(more)) end
  if what == "wait" then socket.sleep(more) end
end
local result = pager:result()
print(result.leads .. " leads, stopped by: " .. result.stop_reason)

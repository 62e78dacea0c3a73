-- A program that reads all leads of a service, as a user would write it, for bench/run.
--
--   fetch.lua oc|curl|socket drop|filter URL [gzip] [PREFETCH]
--
-- Says how many leads it had and which the last was, so that one can see they are the same.

local works = require "bench.works"

local who, work, url, gzip, prefetch = arg[1], arg[2], arg[3], arg[4] == "gzip", tonumber(arg[5]) or 1

local SIZE = 20000

local count, last = 0, "none"

local function take(lead)
  count, last = count + 1, lead.id
end

local function with_oc()
  local client = assert(require("oc").client {base_url = url, auth = false, log = false, compress = gzip})
  local leads = client:leads {page_size = SIZE, max_pages = math.huge, prefetch = prefetch,
    where = work == "filter" and works.FILTER or nil}
  for lead in leads do take(lead) end
  assert(leads:result().complete)
  client:close()
end

local function by_curl(address)
  local pipe = assert(io.popen(("curl -sS -f %s '%s'"):format(gzip and "--compressed" or "", address)))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

-- It would read a body as a whole by itself, in pieces of 2 KiB.
local function by_socket(address)
  local body, status = require("socket.http").request(address)
  assert(status == 200, status)
  return body
end

local function page_by_page(get)
  local decode = require("cjson").decode
  local number = 1
  while true do
    local leads = decode(get(("%s/api/v2/oc/lead?PageNumber=%d&PageSize=%d"):format(url, number, SIZE)))
    if #leads == 0 then return end
    for _, lead in ipairs(leads) do
      if work ~= "filter" or works.wanted(lead) then take(lead) end
    end
    number = number + 1
  end
end

if who == "oc" then with_oc() else page_by_page(who == "curl" and by_curl or by_socket) end
print(count, last)

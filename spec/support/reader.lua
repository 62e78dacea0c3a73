-- A process that does nothing but read leads, for load_spec and bench/load.lua: what it says of its memory is the
-- reading's alone. Says "name value" lines: memory in KiB, where the system tells it.
--
--   reader.lua URL pages PAGE_SIZE EVERY     all leads; memory after every so many
--   reader.lua URL fetches N                 N clients one after the other, then one client N times

local lfs = require "lfs"
local oc = require "oc"

local url, job, first, second = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])

local function status(name)
  local file = io.open "/proc/self/status"
  if not file then return "unknown" end
  local text = file:read "*a"
  file:close()
  return text:match(name .. ":%s*(%d+)") or "unknown"
end

local function descriptors()
  if not lfs.attributes("/proc/self/fd", "mode") then return "unknown" end
  local n = 0
  for _ in lfs.dir "/proc/self/fd" do n = n + 1 end
  return n
end

local function say(name, value) print(name .. " " .. tostring(value)) end

local function new_client()
  return assert(oc.client {base_url = url, auth = false, log = false})
end

local function read_pages(page_size, every)
  local client, count = new_client(), 0
  local leads = client:leads {page_size = page_size, max_pages = math.huge}
  for lead in leads do
    count = count + 1
    -- garbage must not pass for growth, nor hide it
    if count % every == 0 then
      collectgarbage()
      say("peak", status "VmHWM")
      say("last", lead.id)
    end
  end
  local result = leads:result()
  say("count", count)
  say("duplicates", result.duplicates)
  say("complete", result.complete)
  client:close()
end

local function fetch(client)
  local count = 0
  for _ in client:leads {limit = 3} do count = count + 1 end
  assert(count == 3, "three leads expected")
end

local function fetch_often(n)
  local function measured(name, work)
    for i = 1, n do
      work()
      if i == math.floor(n / 5) or i == n then
        collectgarbage()
        collectgarbage()
        say(name .. "_memory", status "VmRSS")
        say(name .. "_descriptors", descriptors())
      end
    end
  end
  measured("clients", function()
    local client = new_client()
    fetch(client)
    client:close()
  end)
  local client = new_client()
  measured("runs", function() fetch(client) end)
  client:close()
end

if job == "pages" then read_pages(first, second) else fetch_often(first) end

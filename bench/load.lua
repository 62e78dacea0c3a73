-- How oc bears a great deal: leads, clients, runs, slow consumers. spec/load_spec.lua has all this scaled down.
--
--   script/lua bench/load.lua [leads|clients|fetches|slow]...
--
-- Without words all of it, some ten minutes. Prints figures; memory is that of a process which does only the reading.

local core = require "oc.core"
local data = require "oc.sandbox.data"
local oc = require "oc"
local reading = require "support.reading"
local sandbox_child = require "support.sandbox_child"

local PAGE = 20000

local server = sandbox_child.start()

local function say(...) print((...):format(select(2, ...))) end

local function new_client(given)
  local all = {base_url = server.url, auth = false, log = false}
  for name, value in pairs(given or {}) do all[name] = value end
  return assert(oc.client(all))
end

local function memory()
  local file = io.open "/proc/self/status"
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return tonumber(text:match "VmRSS:%s*(%d+)") or 0
end

local works = {}

function works.leads()
  local leads = 1000000
  server:configure {leads = leads}
  local from = core.now()
  local said = reading.run(server.url, "pages", PAGE, 100000)
  say("leads: %d of %d in pages of %d, %d twice, complete: %s, %.0f s with the server's work", said.count[1], leads,
    PAGE, said.duplicates[1], said.complete[1], core.now() - from)
  for i, id in ipairs(said.last) do assert(id == select(2, data.lead(1, i * 100000)), "another lead expected") end
  say("  peak memory after 100,000: %s KiB; after %d: %s KiB", said.peak[1], leads, said.peak[#said.peak])
end

function works.clients()
  local n, before = 200, memory()
  server:configure {leads = 30, faults = {{page = 2, latency_s = 1}}}
  local clients, runs, counts = {}, {}, {}
  local from, going = core.now(), n
  for i = 1, n do
    clients[i] = new_client()
    runs[i], counts[i] = clients[i]:leads {page_size = 15}, 0
  end
  while going > 0 do
    going = 0
    for i, leads in ipairs(runs) do
      if assert(leads:next() or leads:result().complete) ~= true then
        going, counts[i] = going + 1, counts[i] + 1
      end
    end
  end
  for i = 1, n do assert(counts[i] == 30, "30 leads expected") end
  say("clients: %d at once, 30 leads each, %.1f s; %d requests open at once, %.0f KiB a client", n, core.now() - from,
    server:journal().max_open, (memory() - before) / n)
  for _, client in ipairs(clients) do client:close() end
end

function works.fetches()
  local n = 10000
  server:configure {leads = 5}
  local from = core.now()
  local said = reading.run(server.url, "fetches", n)
  for _, name in ipairs {"clients", "runs"} do
    local open, kib = said[name .. "_descriptors"], said[name .. "_memory"]
    say("fetches: %d %s, after a fifth and at the end: %s and %s descriptors, %s and %s KiB", n, name, open[1], open[2],
      kib[1], kib[2])
  end
  say("  %.0f s", core.now() - from)
end

-- 50 ms of work a lead against idle_timeout_s 120 and request_timeout_s 600, all at 1/200.
function works.slow()
  server:configure {leads = PAGE, civic_sync = false} -- a page that synchronised would be built anew
  for _, compress in ipairs {false, true} do
    local first = new_client {compress = compress}
    for _ in first:leads {page_size = PAGE} do end -- luacheck: ignore 542
    first:close()
    local client = new_client {compress = compress, idle_timeout_s = 0.6, request_timeout_s = 3, max_attempts = 1}
    local leads, count = client:leads {page_size = PAGE}, 0
    for _ in leads do
      count = count + 1
      core.sleep(0.00025)
    end
    local result = leads:result()
    say("slow: %d of %d leads, %s, in %.1f s with idle_timeout_s 0.6 and request_timeout_s 3; %d requests", count, PAGE,
      compress and "gzip" or "plain", result.elapsed_s, result.attempts)
    client:close()
  end
end

local order = {"leads", "clients", "fetches", "slow"}
local chosen = arg[1] and arg or order
for _, name in ipairs(chosen) do
  if not works[name] then error(("there is no %q: %s"):format(name, table.concat(order, ", "))) end
end
local ok, err = pcall(function()
  for _, name in ipairs(chosen) do works[name]() end
end)
server:close()
if not ok then error(err, 0) end

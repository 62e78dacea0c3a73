-- How long a worker of nginx lets others wait while it fetches leads: twenty runs at once, and a ping beside them.
--
--   script/lua bench/ping.lua [SECONDS]
--
-- Pages come from another nginx, as files and as fast as they can: 20,000 leads in four pages, gzipped when asked.
-- One worker does all the work. Figures are of the wall, on whatever else this machine does.

local core = require "oc.core"
local http = require "socket.http"
local nginx = require "support.nginx"
local nginx_lua = require "support.nginx_lua"
local sandbox_child = require "support.sandbox_child"
local socket = require "socket"

local SECONDS = tonumber(arg[1]) or 5
local RUNS, LEADS, PAGE = 20, 20000, 5000

local APP = [[
local oc = require "oc"
local clients = {}
local function fetch()
  local how = ngx.var.arg_how
  clients[how] = clients[how] or assert(oc.client {base_url = "http://127.0.0.1:" .. ngx.var.arg_port, auth = false,
    log = false, host = require("oc.host.resty").new {transport = how:match "^(%a+)"}})
  local asked = {page_size = 5000, max_pages = math.huge}
  if how:find "filter" then asked.where = "count(civicAddresses) > 3" end
  if how:find "raw" then asked.raw = true end
  local count, leads = 0, clients[how]:leads(asked)
  for lead in leads do count = count + 1 end
  ngx.say(leads:result().leads)
end
return {fetch = fetch}
]]

local function pages()
  local files = {["none.json"] = "[]"}
  local server = sandbox_child.start {leads = LEADS, civic_sync = false}
  for page = 1, LEADS / PAGE do
    files[("page%d.json"):format(page)] = assert(http.request(
      ("%s/api/v2/oc/lead?PageSize=%d&PageNumber=%d"):format(server.url, PAGE, page)))
  end
  server:close()
  return files
end

local function start_runs(worker, port, how)
  local runs = {}
  for i = 1, RUNS do
    local connection = assert(socket.connect("127.0.0.1", worker.nginx.ports[1]))
    connection:send(("GET /fetch?how=%s&port=%d HTTP/1.0\r\n\r\n"):format(how, port))
    connection:settimeout(0)
    runs[i] = {connection = connection, text = ""}
  end
  return runs
end

-- Takes away runs that are done; each must have had all leads.
local function finish(runs)
  for i = #runs, 1, -1 do
    local run = runs[i]
    local text, err, part = run.connection:receive "*a"
    run.text = run.text .. (text or part)
    if err ~= "timeout" then
      assert(run.text:find("^HTTP/1.1 200.*\n" .. LEADS .. "\n$"), run.text)
      run.connection:close()
      table.remove(runs, i)
    end
  end
end

local function ping(worker)
  local from = core.now()
  local connection = assert(socket.connect("127.0.0.1", worker.nginx.ports[1]))
  connection:send "GET /ping HTTP/1.0\r\n\r\n"
  assert(connection:receive "*a")
  connection:close()
  return (core.now() - from) * 1000
end

local function measure(worker, port, how)
  local runs, times, fetched, from = {}, {}, 0, core.now()
  while core.now() - from < SECONDS do
    if how and #runs == 0 then
      runs = start_runs(worker, port, how)
      fetched = fetched + RUNS
    end
    times[#times + 1] = ping(worker)
    finish(runs)
  end
  while #runs > 0 do finish(runs) end
  local took = core.now() - from
  table.sort(times)
  local function share(of) return times[math.max(1, math.ceil(#times * of))] end
  print(("| %s | %d | %.1f | %.1f | %.1f | %.0f |"):format(how or "nothing", #times, share(0.5), share(0.99),
    times[#times], fetched * LEADS / took / 1000))
end

local service = nginx.start([[server { listen 127.0.0.1:@1; gzip on; gzip_types application/json; gzip_comp_level 1;
  location = /api/v2/oc/lead { try_files /page$arg_PageNumber.json /none.json; } }]], pages())
local worker = nginx_lua.start {main = "thread_pool default threads=4;",
  locations = [[location = /fetch { content_by_lua_block { require("bench_app").fetch() } }]],
  files = {["bench_app.lua"] = APP}}

print "| twenty runs at once | pings | median ms | 99 of 100 ms | worst ms | thousand leads a second |"
print "|---|---|---|---|---|---|"
measure(worker, service.ports[1])
for _, how in ipairs {"cosocket-filter", "cosocket-raw", "cosocket-tables", "thread-filter", "thread-tables"} do
  measure(worker, service.ports[1], how)
end
worker:stop()
service:stop()

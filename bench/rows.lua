-- What is measured, as data. A row is one work; of its peers each does the same job.
--
--   name, title   for --only, and for people
--   work          a function of works.lua: measured within one process, processor time
--   run           or a command (words for the shell; @NAME@ as stage.lua has it): measured as a
--                 process, by its `clock`: "cpu" or "wall"
--   peers         {name, work or run, needs, reach, aim}: who else; what must be there for
--                 it; how many times slower than oc it is to be at least, and better. A
--                 peer that is a limit and no competitor has goals below 1
--   leads         how many, for the time of each; a number or @NAME@
--   memory        say peak memory; `memory_reach` in MB
--   same          how results are compared: see same.lua; of commands "files"
--   slow          not with --quick

local works = require "bench.works"

local rows = {}

local CJSON = "lua-cjson"

local function add(group, list)
  for _, row in ipairs(list) do
    row.group = group
    rows[#rows + 1] = row
  end
end

rows.groups = {
  {name = "decode", title = "Decoding and encoding",
    text = [[
One page of @SIZE@ leads, @MB@ MB of text, in memory; processor time within one process, which gives free memory
back to the system before each work (`warm`: keeps it). `replay` makes the same tables by the Lua calls that takes,
and reads no text: the limit of every decoder that keeps all.]]},
  {name = "fetch", title = "End to end",
    text = [[
From a server on the same machine that sends pages of @SIZE@ leads out of memory; time by the clock, and peak
memory, of a process that starts, reads all, and ends. Peers get a page by curl (the program) or LuaSocket, and
decode it by lua-cjson.]]},
  {name = "gzip", title = "Packed pages",
    text = [[
Processor time of the whole process, against a program that only unpacks the same pages from files, by zlib.]]},
  {name = "files", title = "Files",
    text = [[
@SIZE@ leads in a file, leads to a file, `oc-leads` against jq; time by the clock of the whole command.]]},
  {name = "start", title = "Start-up", text = "A program that does nothing else; time by the clock."},
  {name = "civic", title = "Civic addresses",
    text = [[
Addresses of @CIVIC@ leads, asked for lead by lead of a sandbox that takes 20 ms for each answer: one at a time and
eight at once. The time is that of the asking.]]},
  {name = "report", title = "Reports",
    text = [[
`oc-leads report status` over a file of @REPORT@ leads, a lead on each line; time by the clock.]]},
  {name = "growth", title = "As work grows",
    text = [[
All leads of a service in packed pages of 20,000 at most, from one page to many; processor time of the whole
process, and its peak memory.]]},
}

-- Who else keeps all; with the goals of a whole page.
local function keepers(goals)
  return {{name = CJSON, work = "kept", reach = goals and 2 or nil, aim = goals and 2.5 or nil},
    {name = "replay", aim = goals and 0.85 or nil}}
end

add("decode", {
  {name = "kept", title = "all leads, kept, read in pieces of 64 KiB", work = "kept", peers = keepers(true)},
  {name = "kept-whole", title = "all leads, kept, read at once", work = "kept_whole", peers = keepers(true)},
  {name = "kept-warm", title = "all leads, kept, read at once, warm", work = "kept_whole", warm = true,
    slow = true, peers = keepers(true)},
  {name = "kept-nulls", title = "all leads, kept, nulls too", work = "kept_nulls", slow = true,
    peers = keepers(false)},
  {name = "dropped", title = "all leads, each dropped", work = "dropped", peers = {{name = CJSON}}},
  {name = "filter", title = "a filter that takes 5 %", work = "filter", peers = {{name = CJSON, reach = 12, aim = 20}}},
  {name = "fields", title = "four fields of all leads", work = "fields",
    peers = {{name = CJSON, reach = 10, aim = 15}}},
  {name = "raw", title = "each lead as text", work = "raw", same = "lines", peers = {{name = CJSON}}},
  {name = "encode", title = "leads to text", work = "encode", needs_leads = true, same = "lines",
    peers = {{name = CJSON}}},
})

-- Rows of fetching, all alike: one page and many, plain and packed, near and far.
local FETCH = "@LUA@ bench/fetch.lua %s %s @URL@/%s/%s/%d %s %d"
local FETCH_GOALS = {drop = {plain = {3, 4}, gzip = {3, 4}}, filter = {plain = {15, 20}, gzip = {6, 12}}}

local function fetch_row(work, many, how, latency_ms)
  local pages, near = many and "@PAGES@" or "1", latency_ms == 0
  local function run(who, prefetch) return FETCH:format(who, work, "@SIZE@", pages, latency_ms, how, prefetch) end
  local row = {
    name = ("%s-%s-%s%s"):format(work, many and "pages" or "page", how, near and "" or "-far"),
    title = ("%s, %s, %s%s"):format(work == "drop" and "each lead dropped" or "filter 5 %",
      many and "@PAGES@ pages" or "one page", how, near and "" or (", %d ms"):format(latency_ms)),
    clock = "wall", memory = true, run = run("oc", 1),
    slow = not (many and near) or work == "drop" and how == "gzip",
    peers = {{name = "curl + " .. CJSON, needs = "curl", run = run("curl", 1)}},
  }
  if how == "plain" then row.peers[2] = {name = "LuaSocket + " .. CJSON, run = run("socket", 1)} end
  if many and near then
    row.peers[1].reach, row.peers[1].aim = FETCH_GOALS[work][how][1], FETCH_GOALS[work][how][2]
    row.memory_reach = 32
  elseif many then
    row.peers[#row.peers + 1] = {name = "oc, prefetch = 0", run = run("oc", 0), reach = work == "filter" and 1.7 or nil}
  end
  return row
end

for _, work in ipairs {"drop", "filter"} do
  for _, many in ipairs {false, true} do
    for _, how in ipairs {"plain", "gzip"} do
      for _, latency_ms in ipairs {0, 100} do add("fetch", {fetch_row(work, many, how, latency_ms)}) end
    end
  end
end

add("fetch", {
  {name = "server", title = "the server alone: @PAGES@ pages, plain, thrown away", clock = "wall", needs = "curl",
    as = "curl",
    run = "curl -sS -f -o /dev/null '@URL@/@SIZE@/@PAGES@/0/?PageNumber=[1-@PAGES@]'", peers = {}},
})

add("gzip", {
  {name = "inflate", title = "filter 5 %, @PAGES@ pages", clock = "cpu", differ = true,
    run = FETCH:format("oc", "filter", "@SIZE@", "@PAGES@", 0, "gzip", 1),
    peers = {{name = "zlib alone", needs = "zlib", run = "@LUA@ bench/inflate.lua @PACKED@"}}},
})

local OC = "@LUA@ script/oc-leads "
local JQ_FILTER = 'select(.status == "Active" and any(.civicAddresses[]?; .country == "US"))'
local JQ_FIELDS = "[.id, .tenantId, .status, .contactDetails.companyName] | @csv"
local JQ_COUNT = 'reduce inputs as $lead ({}; .[$lead.status] += 1) | to_entries[] | "\\(.key),\\(.value)"'

-- What oc-leads and jq do with a file, output and all.
local function file_row(name, title, ours, theirs)
  return {name = name, title = title, clock = "wall", memory = true, same = "files", differ = name == "file-csv",
    run = OC .. ours, peers = {{name = "jq", needs = "jq", run = "jq " .. theirs}}}
end

add("files", {
  file_row("file-filter", "NDJSON, a filter that takes 5 %",
    ("list --from @LINES@ --format ndjson --where '%s'"):format(works.FILTER), ("-c '%s' @LINES@"):format(JQ_FILTER)),
  file_row("file-raw", "JSON to NDJSON", "list --from @PAGE@ --format ndjson", "-c '.[]' @PAGE@"),
  file_row("file-csv", "NDJSON, four fields as CSV",
    ("list --from @LINES@ --format csv --select %s"):format(table.concat(works.FIELDS, ",")),
    ("-r '%s' @LINES@"):format(JQ_FIELDS)),
})

add("start", {
  {name = "require", title = "`require \"oc\"`", clock = "wall", memory = true, run = "@LUA@ -e 'require \"oc\"'",
    peers = {{name = CJSON .. " and LuaSocket", run = "@LUA@ -e 'require \"cjson\" require \"socket.http\"'"},
      {name = "Lua alone", run = "@LUA@ -e ''"}}},
  {name = "command", title = "`oc-leads version`", clock = "wall", memory = true, differ = true, run = OC .. "version",
    peers = {{name = "jq", needs = "jq", run = "jq --version"},
      {name = "curl", needs = "curl", run = "curl --version"}}},
})

add("civic", {
  {name = "civic", title = "eight at once", clock = "wall", leads = "@CIVIC@", needs = "sandbox",
    run = "@LUA@ bench/sync.lua 8 @SANDBOX@",
    peers = {{name = "one by one", run = "@LUA@ bench/sync.lua 1 @SANDBOX@"}}},
})

add("report", {
  {name = "report", title = "leads by status", clock = "wall", memory = true, leads = "@REPORT@", slow = true,
    run = OC .. "report status --from @MANY@ --format csv | tail -n +2 | cut -d, -f1,2 | sort",
    peers = {{name = "jq", needs = "jq", run = ("jq -nr '%s' @MANY@ | sort"):format(JQ_COUNT)},
      {name = CJSON .. " by lines", run = "@LUA@ bench/by_status.lua @MANY@ | sort"}}},
})

for _, leads in ipairs {1000, 10000, 20000, 100000, 200000, 1000000} do
  local pages = math.max(1, math.floor(leads / 20000))
  for _, work in ipairs {"drop", "filter"} do
    add("growth", {
      {name = ("grow-%s-%d"):format(work, leads),
        title = ("%d leads, %s"):format(leads, work == "drop" and "each dropped" or "filter 5 %"),
        clock = "cpu", memory = true, leads = leads, peers = {}, slow = leads > 20000, memory_reach = 32,
        run = FETCH:format("oc", work, math.min(leads, 20000), pages, 0, "gzip", 1)},
    })
  end
end

--- The row of that name. Raises where there is none.
function rows.find(name)
  for _, row in ipairs(rows) do
    if row.name == name then return row end
  end
  error(("there is no row %q"):format(name), 0)
end

return rows

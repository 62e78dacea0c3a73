-- Synchronising civic addresses of many leads, with failing, slow and empty answers
-- mixed: what came of it against what the sandbox says happened, and how much sooner
-- eight at once are done than one by one, run in turn.
--
--   script/lua bench/civic.lua [LEADS] [ROUNDS]
--
-- The sandbox is a child process on 127.0.0.1; one answer in five fails, one in five
-- takes 50 ms longer.

local oc = require "oc"
local core = require "oc.core"
local sandbox_child = require "support.sandbox_child"

local LEADS, ROUNDS = tonumber(arg[1]) or 10000, tonumber(arg[2]) or 1
local SLOW_S = 0.05

local FAULTS = {
  {percent = 20, status = 503},
  {percent = 20, percent_from = 20, latency_s = SLOW_S},
}

-- What the sandbox says: by tenant, its last answer.
local function said(requests)
  local last, counts = {}, {answered = 0, failed = 0}
  for _, request in ipairs(requests) do
    if request.tenant then last[request.tenant] = request end
  end
  for _, request in pairs(last) do
    local good = request.status == 200
    counts[good and "answered" or "failed"] = counts[good and "answered" or "failed"] + 1
  end
  return counts
end

-- One run: its result, the sandbox's counts, and seconds.
local function run(server, concurrency, leads_count)
  server:configure {leads = leads_count, civic_sync = false}
  local client = assert(oc.client {base_url = server.url, auth = false, log = false, backoff_base_s = 0.001})
  local leads = assert(client:leads {page_size = 20000, max_pages = math.huge, nulls = "null"}:all())
  server:configure {leads = leads_count, faults = FAULTS,
    civic_sync = {fail_percent = 0, once_percent = 0, empty_percent = 20}}
  local tenants, single = {}, {}
  for _, lead in ipairs(leads) do tenants[lead.tenantId] = (tenants[lead.tenantId] or 0) + 1 end
  for _, lead in ipairs(leads) do
    if tenants[lead.tenantId] == 1 then single[#single + 1] = lead end
  end
  local from = core.now()
  local result = assert(oc.civic.sync(single, {policy = oc.civic.policy.all, concurrency = concurrency,
    source = oc.civic.source.platform(client), breaker = false, backoff_base_s = 0.001}))
  local took = core.now() - from
  local journal = server:journal()
  client:close()
  return result, said(journal.requests), took, journal.max_open
end

local server = sandbox_child.start()
local result, counts, _, open = run(server, 8, LEADS)
print(("%d leads of as many tenants: %d synced, %d unchanged, %d empty, %d failed, %d skipped; "
  .. "%d requests, %d open at once"):format(#result.plan.items, result.synced, result.unchanged, result.empty,
    result.failed, result.skipped, result.asked, open))
print(("the sandbox: %d answered, %d failed"):format(counts.answered, counts.failed))
assert(counts.failed == result.failed, "the counts differ")
assert(counts.answered == result.synced + result.unchanged + result.empty, "the counts differ")

local few = math.min(LEADS, 1000)
for _ = 1, ROUNDS do
  local _, _, one = run(server, 1, few)
  local _, _, eight = run(server, 8, few)
  print(("%d leads: one by one %.1f s, eight at once %.1f s: %.1fx"):format(few, one, eight, one / eight))
end
server:close()

-- Many leads, many clients, many runs, and consumers that take their time: scaled down, bench/load.lua has the full
-- sizes. Bounds are of memory and counts; time is only slept through as the consumer's work.

local core = require "oc.core"
local data = require "oc.sandbox.data"
local oc = require "oc"
local reading = require "support.reading"
local sandbox_child = require "support.sandbox_child"

-- Before a test gives up; nothing is expected to take long.
local PATIENCE_S = 60

-- What a sanitizer keeps of freed memory says nothing about ours.
local memory_is_ours = not os.getenv "OC_SAN"

describe("under load", function()
  local server, clients

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  before_each(function() clients = {} end)
  after_each(function()
    for _, client in ipairs(clients) do client:close() end
    clients = nil
  end)

  local function new_client(given)
    local all = {base_url = server.url .. "/tenantui", auth = false, log = false}
    for name, value in pairs(given or {}) do all[name] = value end
    local client = assert(oc.client(all))
    clients[#clients + 1] = client
    return client
  end

  -- Leads counted by id; none may come twice.
  local function new_tally()
    local tally = {count = 0, seen = {}}
    function tally.add(lead)
      assert(not tally.seen[lead.id], "a lead came twice: " .. lead.id)
      tally.seen[lead.id] = true
      tally.count = tally.count + 1
    end
    return tally
  end

  it("memory stays flat over the pages of a run", function()
    server:configure {leads = 9000}
    local said = reading.run(server.url, "pages", 1500, 3000)
    assert.same({{9000}, {0}, {"true"}}, {said.count, said.duplicates, said.complete})
    for i, id in ipairs(said.last) do assert.equal((select(2, data.lead(1, i * 3000))), id) end
    if memory_is_ours and said.peak[1] ~= "unknown" then
      local growth = said.peak[#said.peak] - said.peak[1]
      assert.is_true(growth < 6 * 1024, ("it grew by %d KiB over 6,000 leads of 8 MB"):format(growth))
    end
  end)

  it("200 clients at once each get all their leads", function()
    server:configure {leads = 30, faults = {{page = 2, latency_s = 0.5}}}
    local runs, tallies = {}, {}
    for i = 1, 200 do
      runs[i], tallies[i] = new_client():leads {page_size = 15}, new_tally()
    end
    local going = 200
    while going > 0 do
      going = 0
      for i, leads in ipairs(runs) do
        local lead, err = leads:next()
        assert.is_nil(err)
        if lead then
          going = going + 1
          tallies[i].add(lead)
        end
      end
    end
    for i, leads in ipairs(runs) do
      assert.same({30, true, 0}, {tallies[i].count, leads:result().complete, leads:result().duplicates})
    end
    local journal = server:journal()
    assert.is_true(#journal.requests >= 600)
    assert.is_true(journal.max_open > 10, "not at once: " .. journal.max_open)
  end)

  it("a thousand clients and a thousand runs leave no descriptor and no memory", function()
    server:configure {leads = 5}
    local said = reading.run(server.url, "fetches", 1000)
    for _, name in ipairs {"clients", "runs"} do
      local open, memory = said[name .. "_descriptors"], said[name .. "_memory"]
      if open[1] ~= "unknown" then -- a connection more or less may be idle
        assert.is_true(open[2] <= open[1] + 10, ("%d open, %d before"):format(open[2], open[1]))
      end
      if memory_is_ours and memory[1] ~= "unknown" then
        assert.is_true(memory[2] - memory[1] < 2 * 1024,
          ("800 %s took %d KiB"):format(name, memory[2] - memory[1]))
      end
    end
  end)

  describe("slow consumers", function()
    -- A page of 4 MB: more than our buffer holds, so that transfers stand still.
    local LEADS, PAGE = 6000, 3000

    it("neither time out nor lose a lead, plain and gzip", function()
      server:configure {leads = LEADS, civic_sync = false} -- a page that synchronised would be built anew
      for _, given in ipairs {{compress = false}, {}} do -- so that the pages stand ready
        for _ in new_client(given):leads {page_size = PAGE} do end -- luacheck: ignore 542
      end
      server:empty_journal()
      local runs, tallies = {}, {}
      for i, given in ipairs {{compress = false}, {}} do
        given.idle_timeout_s, given.request_timeout_s, given.max_attempts = 1, 2, 1
        runs[i], tallies[i] = new_client(given):leads {page_size = PAGE}, new_tally()
      end
      -- one time longer than idle_timeout_s in one piece, all together longer than request_timeout_s, a page
      local work = {[PAGE / 2] = 1.2, [PAGE + PAGE / 2] = 1.2}
      for i = 1, LEADS do
        for j, leads in ipairs(runs) do
          local lead, err = leads:next()
          assert.is_nil(err)
          tallies[j].add(lead)
        end
        if i % 100 == 0 then core.sleep(0.01) end
        if work[i] then core.sleep(work[i]) end
      end
      for j, leads in ipairs(runs) do
        assert.is_nil((leads:next()))
        local result = leads:result()
        assert.same({LEADS, true, 0, 3}, {tallies[j].count, result.complete, result.duplicates, result.attempts})
        assert.is_true(result.elapsed_s > 3)
      end
    end)

    -- Reads to the end, with pauses as a consumer's work. The server's patience is for one try only: in the next one
    -- a load of this machine could wear it out, which would be an attempt like any other.
    local function read_with_pauses(leads, at)
      local tally = new_tally()
      while true do
        local lead, err = leads:next()
        assert.is_nil(err)
        if not lead then return tally end
        tally.add(lead)
        if at[tally.count] then core.sleep(1.3) end -- longer than the server waits
      end
    end

    local function hung_up(page)
      local n = 0
      for _, entry in ipairs(server:journal().requests) do
        if entry.page == page and entry.aborted then n = n + 1 end
      end
      return n
    end

    -- What the kernel takes in on both sides is up to some 10 MB: 14,000 leads are 20.
    it("whose server hangs up ask again, without a lead twice or an attempt used up", function()
      server:configure {leads = 14000, faults = {{page = 1, times = 1, send_timeout_s = 0.2}}}
      local leads = new_client({compress = false, max_attempts = 1}):leads {page_size = 14000}
      local tally = read_with_pauses(leads, {[100] = true})
      local result = leads:result()
      assert.same({14000, true, 0}, {tally.count, result.complete, result.duplicates})
      assert.equal(1, hung_up(1), "the server never had to wait")
      assert.equal(3, result.attempts)
    end)

    it("whose server hangs up on the page asked ahead lose nothing either", function()
      server:configure {leads = 28000,
        faults = {{page = 1, body = '[{"id":"first"}]'}, {page = 2, times = 1, send_timeout_s = 0.2}}}
      local client = new_client {compress = false, max_attempts = 1}
      local leads, tally = client:leads {page_size = 14000}, new_tally()
      tally.add(assert(leads:next()))
      local patience = core.now() + PATIENCE_S
      repeat -- the consumer works; the transfer ahead fills its buffer and stands still
        assert(core.now() < patience, "the server never hangs up")
        core.sleep(0.05)
        client.host:pump()
      until hung_up(2) == 1
      core.sleep(1.1)
      for lead in leads do tally.add(lead) end
      local result = leads:result()
      assert.same({14001, true, 0}, {tally.count, result.complete, result.duplicates})
    end)

    it("that had half a page when it broke get the other half", function()
      server:configure {leads = 300, faults = {{page = 1, times = 1, gzip = false, cut_after = 200000}}}
      local leads = new_client({backoff_base_s = 0}):leads {page_size = 300}
      local tally = read_with_pauses(leads, {})
      assert.same({300, 3}, {tally.count, leads:result().attempts})
    end)
  end)
end)

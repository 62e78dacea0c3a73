-- Applying a plan: what becomes of each lead, whatever the source does.

local command = require "support.command"
local core = require "oc.core"
local errors = require "oc.errors"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local world = require "support.world"

local function lead(i, fields)
  local made = {id = "lead-" .. i, tenantId = "tenant-" .. i, status = "Active", isDirectLead = true}
  for name, value in pairs(fields or {}) do made[name] = value end
  return made
end

local function leads_of(n)
  local leads = {}
  for i = 1, n do leads[i] = lead(i) end
  return leads
end

local function address(i)
  return {id = "address-" .. i, country = "IL", locations = {{id = "l" .. i, isDefault = true}}}
end

describe("oc.civic.apply", function()
  local path, logged, host

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    logged = {}
    host = world.host()
  end)
  after_each(function()
    os.remove(path)
    host:close()
  end)

  local function log(level, event, fields)
    logged[#logged + 1] = {level = level, event = event, fields = fields}
  end

  -- What was slept, in whole hundredths.
  local function slept()
    local list = {}
    for i, seconds in ipairs(host.slept) do list[i] = math.floor(seconds * 100 + 0.5) / 100 end
    return list
  end

  -- sync of these leads, all of them, with a host whose time is ours.
  local function sync(leads, source, more)
    local given = {policy = oc.civic.policy.all, source = source, log = log, client = {host = host}}
    for name, value in pairs(more or {}) do given[name] = value end
    return oc.civic.sync(leads, given)
  end

  local function counts(result)
    return {synced = result.synced, unchanged = result.unchanged, empty = result.empty, failed = result.failed,
      skipped = result.skipped, resumed = result.resumed}
  end

  local function tally(given)
    local all = {synced = 0, unchanged = 0, empty = 0, failed = 0, skipped = 0, resumed = 0}
    for name, n in pairs(given) do all[name] = n end
    return all
  end

  it("puts what is found in place, and lists it", function()
    local leads = leads_of(3)
    leads[2].civicAddresses = {address(7)}
    local result = assert(sync(leads, function(asked) return {address(asked.id:match "%d+")} end))
    assert.same(tally {synced = 3}, counts(result))
    assert.equal("end", result.stop_reason)
    assert.equal(3, result.asked)
    for i, made in ipairs(leads) do
      assert.equal("address-" .. i, made.civicAddresses[1].id)
      assert.equal("true", made.civicAddresses[1].locations[1].isDefault)
    end
    local changed = {}
    for _, change in ipairs(result.changes) do changed[change.id] = change end
    assert.equal(leads[2], changed["lead-2"].lead)
    assert.equal("address-7", changed["lead-2"].before[1].id)
    assert.is_nil(changed["lead-1"].before)
    assert.equal("address-2", changed["lead-2"].addresses[1].id)
    assert.equal(3, #result.plan.items)
    assert.equal(leads, result.leads)
  end)

  it("lists changes also without leads, from a plan that was stored", function()
    local plan = oc.decode(oc.encode(oc.civic.plan(leads_of(2), {policy = oc.civic.policy.all})))
    local asked = {}
    local result = assert(oc.civic.apply(plan, {client = {host = host}, log = false, source = function(stub)
      asked[#asked + 1] = stub
      return {address(1)}
    end}))
    assert.same({id = "lead-1", tenantId = "tenant-1", isDirectLead = true}, asked[1])
    assert.same(tally {synced = 2}, counts(result))
    assert.is_nil(result.changes[1].lead)
    assert.equal("lead-1", result.changes[1].id)
  end)

  it("erases nothing: not by an empty answer, not by a failed one", function()
    local leads = leads_of(3)
    for i = 1, 3 do leads[i].civicAddresses = {address(i)} end
    local result = assert(sync(leads, function(asked)
      if asked.id == "lead-1" then return {} end
      if asked.id == "lead-2" then return nil, "no" end
      error "broken"
    end, {max_attempts = 1}))
    assert.same(tally {empty = 1, failed = 2}, counts(result))
    for i = 1, 3 do assert.equal("address-" .. i, leads[i].civicAddresses[1].id) end
    assert.same({}, result.changes)
  end)

  it("takes a failure for that lead's only, also one that is raised", function()
    local leads = leads_of(9)
    local result = assert(sync(leads, function(asked)
      local i = tonumber(asked.id:match "%d+")
      if i == 2 then error("oops", 0) end
      if i == 3 then error {code = 3} end
      if i == 4 then return nil end
      if i == 5 then return "no list" end
      if i == 6 then return {7} end
      if i == 7 then error(errors.new("tls", "bad certificate")) end
      if i == 8 then return {x = 1} end
      return {address(i)}
    end))
    assert.same(tally {synced = 2, failed = 7}, counts(result))
    local by_id = {}
    for _, failure in ipairs(result.failures) do by_id[failure.lead.id] = failure.err end
    assert.equal("the source raised: oops", by_id["lead-2"].message)
    assert.matches("^the source raised: table", by_id["lead-3"].message)
    assert.equal("the source failed: it gave neither addresses nor a reason", by_id["lead-4"].message)
    assert.equal("the source gave no list of addresses", by_id["lead-5"].message)
    assert.equal("the source gave an address that is no object", by_id["lead-6"].message)
    assert.equal("bad certificate", by_id["lead-7"].message)
    assert.equal("the source gave no list of addresses", by_id["lead-8"].message)
    for _, err in pairs(by_id) do assert.is_true(oc.is_error(err)) end
    assert.equal(leads[2], result.failures[1].lead)
    local failed = 0
    for _, entry in ipairs(logged) do
      if entry.event == "civic_failed" then
        failed = failed + 1
        assert.matches("^lead%-%d$", entry.fields.lead_id)
      end
    end
    assert.equal(7, failed)
  end)

  it("asks again what may pass, with backoff, and obeys Retry-After", function()
    local tries = {}
    local result = assert(sync(leads_of(4), function(asked)
      local i = tonumber(asked.id:match "%d+")
      tries[i] = (tries[i] or 0) + 1
      if i == 1 and tries[i] < 3 then return nil, errors.new("network", "reset") end
      if i == 2 and tries[i] < 2 then return nil, errors.new("throttle", "slow down", {retry_after_s = 100}) end
      if i == 3 then return nil, errors.new("http", "HTTP 400", {status = 400}) end
      if i == 4 then return nil, errors.new("http", "HTTP 503", {status = 503, retry_after_s = 121}) end
      return {address(i)}
    end, {concurrency = 1}))
    assert.same(tally {synced = 2, failed = 2}, counts(result))
    assert.same({3, 2, 1, 1}, tries)
    assert.same({0.25, 0.5, 100}, slept())
    assert.equal(7, result.asked)
  end)

  it("asks nobody while one was asked to wait", function()
    local at, held = {}, nil
    assert(sync(leads_of(4), function(asked)
      local i = tonumber(asked.id:match "%d+")
      if i == 2 and not held then
        held = host.now()
        return nil, errors.new("throttle", "HTTP 429", {status = 429, retry_after_s = 50})
      end
      at[i] = host.now()
      assert(host.sleep(1))
      return {address(i)}
    end, {concurrency = 2}))
    assert.is_true(at[2] - held >= 50)
    assert.is_true(at[3] - held >= 50)
  end)

  it("keeps to its rate", function()
    local at = {}
    assert(sync(leads_of(6), function() at[#at + 1] = host.now() return {address(1)} end, {rate_per_min = 30}))
    for i = 2, 6 do
      local gap = at[i] - at[i - 1]
      assert.is_true(gap > 1.9 and gap < 2.2, gap)
    end
  end)

  it("gives up at its deadline also where the rate leaves no time before", function()
    local from = host.now()
    local result = assert(sync(leads_of(20), function() return {address(1)} end, {rate_per_min = 1, deadline_s = 90}))
    assert.same(tally {synced = 2, skipped = 18}, counts(result))
    assert.equal("deadline", result.stop_reason)
    assert.is_true(host.now() - from < 91)
  end)

  it("gives up at its deadline also before a probe", function()
    local from = host.now()
    local result = assert(sync(leads_of(20), function() return nil, errors.new("tls", "no") end,
      {concurrency = 1, breaker = 3, deadline_s = 20}))
    assert.same(tally {failed = 3, skipped = 17}, counts(result))
    assert.is_true(host.now() - from < 21)
  end)

  it("that ends behind its deadline with nothing left has ended", function()
    local result = assert(sync(leads_of(1), function()
      host.sleep(10)
      return {address(1)}
    end, {deadline_s = 5}))
    assert.equal("end", result.stop_reason)
  end)

  it("obeys Retry-After for all, also when this lead is not asked about again", function()
    local at = {}
    assert(sync(leads_of(3), function()
      at[#at + 1] = host.now()
      return nil, errors.new("throttle", "HTTP 429", {status = 429, retry_after_s = 50})
    end, {concurrency = 1, max_attempts = 1}))
    assert.is_true(at[2] - at[1] >= 49.9 and at[3] - at[2] >= 49.9)
  end)

  it("a lead without id and tenantId fails, and nobody else does; it opens no breaker", function()
    local leads = {}
    for i = 1, 15 do leads[i] = {isDirectLead = true} end
    leads[16] = lead(16)
    local result = assert(sync(leads, function() return {address(1)} end, {journal = path}))
    assert.same(tally {failed = 15, synced = 1}, counts(result))
    assert.matches("neither id nor tenantId", result.failures[1].err.message)
  end)

  it("changes are copies: what is done to a lead later is none", function()
    local one = lead(1)
    local result = assert(sync({one}, function() return {address(1)} end))
    one.civicAddresses[1].id = "mine"
    assert.equal("address-1", result.changes[1].addresses[1].id)
  end)

  it("asks a file about each lead of a tenant", function()
    local file = assert(io.open(path, "w"))
    file:write('[{"id":"lead-1","tenantId":"t","civicAddresses":[{"id":"A"}]},'
      .. '{"id":"lead-2","tenantId":"t","civicAddresses":[{"id":"B"}]}]')
    file:close()
    local leads = {lead(1, {tenantId = "t"}), lead(2, {tenantId = "t"})}
    assert(sync(leads, assert(oc.civic.source.file(path))))
    assert.same({"A", "B"}, {leads[1].civicAddresses[1].id, leads[2].civicAddresses[1].id})
  end)

  it("is interrupted while a source waits for its turn: nobody has failed", function()
    local result = assert(sync(leads_of(4), {name = "pages", fetch = function(_, one)
      if one.id == "lead-2" then return nil, errors.new("cancelled", "interrupted") end
      return {address(1)}
    end}, {concurrency = 1}))
    assert.same(tally {synced = 1, skipped = 3}, counts(result))
    assert.same({"interrupted", {interrupted = 3}}, {result.stop_reason, result.reasons})
  end)

  it("takes nothing that a lead cannot have: that lead has failed", function()
    local odd = {{{1}}, {{locations = "x"}}, {{locations = {1}}}, {{street = print}}, {{n = 0 / 0}}, {{city = "\255"}}}
    local result = assert(sync(leads_of(#odd), function(one) return odd[tonumber(one.id:match "%d")] end,
      {journal = path, max_attempts = 1}))
    assert.same(tally {failed = #odd}, counts(result))
    for _, failure in ipairs(result.failures) do
      assert.equal("shape", failure.err.kind)
      assert.matches("^the source gave ", failure.err.message)
      assert.is_nil(failure.lead.civicAddresses)
    end
  end)

  it("takes for the same what differs in empty texts, nulls and what only the gateway knows", function()
    local one = lead(1, {channelId = oc.null, civicAddresses = {{id = "a", streetSuffix = "", country = "IL",
      locations = {{id = "l", elin = oc.null, isDefault = "true"}}}}})
    local result = assert(sync({one}, function()
      return {{id = "a", country = "IL", latitude = "1", longitude = "2", locations = {{id = "l", isDefault = true}}}}
    end))
    assert.same(tally {unchanged = 1}, counts(result))
  end)

  it("takes no longer than its deadline for beginning", function()
    local result = assert(sync(leads_of(10), function()
      host.sleep(10)
      return {address(1)}
    end, {concurrency = 1, deadline_s = 35}))
    assert.same(tally {synced = 4, skipped = 6}, counts(result))
    assert.equal("deadline", result.stop_reason)
    assert.same({deadline = 6}, result.reasons)
  end)

  describe("the breaker", function()
    local function broken() return nil, errors.new("network", "connection refused") end

    it("opens after so many failures in a row, tries single leads, and skips the rest", function()
      local result = assert(sync(leads_of(30), broken, {concurrency = 1, max_attempts = 1, breaker = 5}))
      assert.same(tally {failed = 8, skipped = 22}, counts(result))
      assert.same({"breaker", 22}, {result.stop_reason, result.reasons.breaker})
      assert.same({30, 60, 120}, slept())
      assert.equal("civic_breaker_open", logged[5].event == "civic_failed" and logged[6].event or logged[5].event)
    end)

    it("closes when a probe succeeds", function()
      local n = 0
      local result = assert(sync(leads_of(30), function()
        n = n + 1
        if n <= 6 then return broken() end
        return {address(n)}
      end, {concurrency = 1, max_attempts = 1, breaker = 5}))
      assert.same(tally {failed = 6, synced = 24}, counts(result))
      assert.equal("end", result.stop_reason)
    end)

    it("does not count unknown tenants, nor what was answered in between", function()
      local n = 0
      local result = assert(sync(leads_of(60), function()
        n = n + 1
        if n % 5 == 0 then return {} end
        if n % 2 == 0 then return broken() end
        return nil, errors.new("http", "unknown", {unknown_tenant = true})
      end, {concurrency = 1, max_attempts = 1, breaker = 4}))
      assert.equal("end", result.stop_reason)
      assert.equal(0, result.skipped)
    end)

    it("can be left out, and lets one probe go at a time", function()
      local result = assert(sync(leads_of(30), broken, {max_attempts = 1, breaker = false}))
      assert.same(tally {failed = 30}, counts(result))
      local open, most, n = 0, 0, 0
      result = assert(sync(leads_of(40), function()
        n = n + 1
        local probing = n > 8
        open = open + 1
        if probing then most = math.max(most, open) end
        host.sleep(1)
        open = open - 1
        return broken()
      end, {concurrency = 4, max_attempts = 1, breaker = 5, breaker_probes = 4}))
      assert.equal("breaker", result.stop_reason)
      assert.equal(1, most)
    end)
  end)

  it("is asked once for the leads of one tenant, and each has its own copy", function()
    local leads = {lead(1, {tenantId = "T"}), lead(2), lead(3, {tenantId = "t"})}
    local asked = 0
    local result = assert(sync(leads, function()
      asked = asked + 1
      return {address(1)}
    end))
    assert.equal(2, asked)
    assert.same(tally {synced = 3}, counts(result))
    assert.same(leads[1].civicAddresses, leads[3].civicAddresses)
    assert.are_not.equal(leads[1].civicAddresses, leads[3].civicAddresses)
    assert.are_not.equal(leads[1].civicAddresses[1], leads[3].civicAddresses[1])
  end)

  it("leaves alone what has gained an address meanwhile, and what is the same", function()
    local leads = leads_of(3)
    leads[3].civicAddresses = {{id = "address-3", country = "IL", elin = oc.null,
      locations = {{id = "l3", isDefault = "true"}}}}
    local plan = oc.civic.plan(leads, {policy = oc.civic.policy.all})
    leads[1].civicAddresses = {address(9)}
    local asked = {}
    local result = assert(oc.civic.apply(plan, {leads = leads, client = {host = host}, source = function(one)
      asked[#asked + 1] = one.id
      return {address(one.id:match "%d+")}
    end}))
    assert.same({"lead-2", "lead-3"}, asked)
    assert.same(tally {synced = 1, unchanged = 2}, counts(result))
    assert.equal("address-9", leads[1].civicAddresses[1].id)
    assert.equal(1, #result.changes)
  end)

  it("writes nulls where the lead has them, and none where it has not", function()
    local plain, full = lead(1), lead(2, {channelId = oc.null})
    assert(sync({plain, full}, function() return {{id = "x", elin = oc.null, locations = oc.array {}}} end))
    assert.is_nil(plain.civicAddresses[1].elin)
    assert.equal(oc.null, full.civicAddresses[1].elin)
    assert.equal('[{"id":"x","locations":[]}]', oc.encode(plain.civicAddresses))
  end)

  it("a dry run asks nobody, and changes and writes nothing", function()
    local result = assert(sync(leads_of(4), nil, {dry_run = true, journal = path}))
    assert.same(tally {skipped = 4}, counts(result))
    assert.same({"dry_run", {dry_run = 4}}, {result.stop_reason, result.reasons})
    assert.is_nil(core.file_mode(path))
  end)

  it("tells of each outcome as it comes", function()
    local told = {}
    assert(sync(leads_of(3), function(one)
      if one.id == "lead-2" then return nil, errors.new("tls", "no") end
      return {address(1)}
    end, {concurrency = 1, on_outcome = function(outcome) told[#told + 1] = outcome end}))
    assert.same({"synced", "failed", "synced"}, {told[1].outcome, told[2].outcome, told[3].outcome})
    assert.same({"lead-2", "tenant-2", "all leads", 2, 3},
      {told[2].id, told[2].tenantId, told[2].why, told[2].done, told[2].total})
    assert.equal("tls", told[2].err.kind)
  end)

  describe("with a journal", function()
    it("goes on where it stopped: puts in place what it knows, tries the failed again", function()
      local down = true
      local function source(one)
        local i = tonumber(one.id:match "%d+")
        if down and i % 3 == 0 then return nil, errors.new("tls", "no") end
        if i % 3 == 1 then return {} end
        return {address(i)}
      end
      local first = assert(sync(leads_of(9), source, {journal = path}))
      assert.same(tally {synced = 3, empty = 3, failed = 3}, counts(first))
      down = false
      local leads, asked = leads_of(9), {}
      local second = assert(sync(leads, function(one)
        asked[#asked + 1] = one.id
        return source(one)
      end, {journal = path, concurrency = 1}))
      assert.same(tally {resumed = 6, synced = 3}, counts(second))
      assert.same({"lead-3", "lead-6", "lead-9"}, asked)
      for i = 1, 9 do
        local known = leads[i].civicAddresses
        assert.equal(i % 3 ~= 1 and "address-" .. i or nil, known and known[1].id)
      end
      assert.equal(6, #second.changes)
      local third = assert(sync(leads_of(9), source, {journal = path}))
      assert.same(tally {resumed = 9}, counts(third))
    end)

    it("leaves alone what has gained newer addresses since", function()
      assert(sync({lead(1)}, function() return {address(1)} end, {journal = path}))
      local leads = {lead(1)}
      local plan = oc.civic.plan(leads, {policy = oc.civic.policy.all})
      leads[1].civicAddresses = {address(2)}
      local result = assert(oc.civic.apply(plan, {leads = leads, source = print, journal = path,
        client = {host = host}}))
      assert.same({tally {resumed = 1}, {}}, {counts(result), result.changes})
      assert.equal("address-2", leads[1].civicAddresses[1].id)
    end)

    it("leaves alone what has other addresses by now, and puts in place where it has those of then", function()
      local function at_first(n) return {{id = "old-" .. n, country = "IL"}} end
      local function two()
        return {lead(1, {civicAddresses = at_first(1)}), lead(2, {civicAddresses = at_first(2)})}
      end
      assert(sync(two(), function(one) return {address(one.id:match "%d")} end, {journal = path}))
      local leads = two()
      leads[2].civicAddresses = {{id = "newer", country = "IL"}}
      local result = assert(sync(leads, print, {journal = path}))
      assert.same({"address-1", "newer"}, {leads[1].civicAddresses[1].id, leads[2].civicAddresses[1].id})
      assert.same({2, 1}, {result.resumed, #result.changes})
    end)

    it("leaves alone what was corrected in place, ids or none", function()
      for _, id in ipairs {"a", false} do
        local function one(city) return {lead(1, {civicAddresses = {{id = id or nil, cityOrTown = city}}})} end
        assert(sync(one "then", function() return {address(1)} end, {journal = path}))
        local leads = one "corrected"
        assert(sync(leads, print, {journal = path}))
        assert.equal("corrected", leads[1].civicAddresses[1].cityOrTown)
        leads = one "then"
        assert(sync(leads, print, {journal = path}))
        assert.equal("address-1", leads[1].civicAddresses[1].id)
        os.remove(path)
      end
    end)

    it("puts nothing of one tenant into the lead of another that has the same id", function()
      local leads = {lead(1, {tenantId = "A"}), lead(1, {tenantId = "B"})}
      local result = assert(sync(leads, function(one)
        if one.tenantId == "A" then return {address(1)} end
        return nil, errors.new("io", "unknown", {unknown_tenant = true})
      end, {journal = path}))
      assert.same(tally {synced = 1, failed = 1}, counts(result))
      assert.is_nil(leads[2].civicAddresses)
    end)

    it("takes it for no answer that another source had none", function()
      local first = {name = "first", fetch = function() return {} end}
      local second = {name = "second", fetch = function() return {address(1)} end}
      assert(sync({lead(1)}, first, {journal = path}))
      assert.same(tally {resumed = 1}, counts(assert(sync({lead(1)}, first, {journal = path}))))
      assert.same(tally {synced = 1}, counts(assert(sync({lead(1)}, second, {journal = path}))))
    end)

    it("uses what it knows of a tenant for the other lead of it", function()
      assert(sync({lead(1, {tenantId = "T"})}, function() return {address(1)} end, {journal = path}))
      local leads = {lead(1, {tenantId = "T"}), lead(2, {tenantId = "T"})}
      local result = assert(sync(leads, function() error "nobody is to be asked" end, {journal = path}))
      assert.same(tally {resumed = 1, synced = 1}, counts(result))
      assert.same(leads[1].civicAddresses, leads[2].civicAddresses)
    end)

    it("stale counts from success: a failed attempt makes nothing fresh", function()
      local now = core.time()
      assert(sync(leads_of(2), function(one)
        if one.id == "lead-1" then return {address(1)} end
        return nil, errors.new("tls", "no")
      end, {journal = path}))
      local function stale(days, at)
        local made, ids = oc.civic.policy.stale {days = days, journal = path, now = at}, {}
        for _, item in ipairs(assert(oc.civic.plan(leads_of(3), {policy = made})).items) do ids[#ids + 1] = item.id end
        return ids
      end
      assert.same({"lead-2", "lead-3"}, stale(7, now + 86400))
      assert.same({"lead-1", "lead-2", "lead-3"}, stale(7, now + 8 * 86400))
    end)

    it("nothing is done when another run has it", function()
      local held = assert(require("oc.civic.journal").open(path, 24, core.time()))
      local result, err = sync(leads_of(2), function() error "nobody is to be asked" end, {journal = path})
      assert.is_nil(result)
      assert.equal("io", err.kind)
      held:close()
      local raised = select(2, pcall(sync, leads_of(2), function() return {address(1)} end,
        {journal = path, on_outcome = function() error("hook", 0) end}))
      assert.equal("hook", raised)
      assert(sync(leads_of(2), function() return {address(1)} end, {journal = path})) -- it was closed
    end)

    it("ends the run, and tells, when an outcome cannot be written down", function()
      local journal = require "oc.civic.journal"
      local open = journal.open
      local real
      journal.open = function(...)
        local j = assert(open(...))
        real, j.file = j.file, assert(io.open("/dev/full", "w"))
        return j
      end
      finally(function()
        journal.open = open
        if real then real:close() end
      end)
      local leads = leads_of(20)
      local result = assert(sync(leads, function(one) return {address(one.id)} end, {journal = path, concurrency = 1}))
      assert.same(tally {synced = 1, skipped = 19}, counts(result))
      assert.same({"journal", "io"}, {result.stop_reason, result.journal_error.kind})
      assert.truthy(leads[1].civicAddresses)
      assert.equal("civic_journal", logged[1].event)
    end)
  end)

  it("sees an interrupt also where nothing ever waits", function()
    local place = command.place()
    local file = assert(io.open(place.folder .. "/run.lua", "w"))
    file:write [[
      local core, oc = require "oc.core", require "oc"
      core.catch_interrupt()
      local leads = {}
      for i = 1, 10 do leads[i] = {id = tostring(i), tenantId = tostring(i)} end
      local result = oc.civic.sync(leads, {policy = "true", concurrency = 1, source = function(lead)
        if lead.id == "3" then os.execute("kill -TERM " .. io.open("/proc/self/stat"):read "*n") end
        return {}
      end})
      io.write(result.stop_reason, " ", result.empty, " ", result.skipped, " ", result.signal)
    ]]
    file:close()
    local pipe = assert(io.popen(("cd %s && LUA_INIT= %s run.lua 2>&1"):format(place.folder,
      require("support.process").interpreter())))
    assert.equal("interrupted 3 7 15", pipe:read "*a")
    pipe:close()
    place:remove()
  end)

  it("raises for what the program got wrong", function()
    local plan = oc.civic.plan {}
    local function fault(...) return select(2, pcall(oc.civic.apply, ...)) end
    assert.matches("oc.civic.apply: option 'source' is missing", fault(plan, {}))
    assert.matches("oc.civic.apply: option 'source': a source %(oc.civic.source%) or a function expected, got number",
      fault(plan, {source = 7}))
    assert.matches("option 'breaker': an integer of at least 1, or off %(in Lua false%), expected", fault(plan,
      {source = print, breaker = 0}))
    assert.matches("unknown option 'conc'", fault(plan, {source = print, conc = 1}))
    assert.matches("civic_apply_spec", select(2, pcall(function() oc.civic.apply(plan, {}) end)))
    assert.matches("civic_apply_spec", select(2, pcall(function() oc.civic.apply({}, {}) end)))
    assert.matches("oc.civic.sync: a table of options", select(2, pcall(oc.civic.sync, {})))
    assert.matches("a client expected", select(2, pcall(oc.civic.source.platform, {})))
  end)

  describe("against the sandbox", function()
    local server, client

    setup(function() server = sandbox_child.start() end)
    teardown(function() server:close() end)
    after_each(function()
      assert.equal(0, client.host.pool:counts().open, "an exchange is still open")
      client.host:close()
    end)

    -- What the sandbox says became of the leads it was asked about.
    local function by_journal(requests)
      local last, said = {}, {ok = 0, failed = 0, empty = 0}
      for _, request in ipairs(requests) do
        if request.tenant then last[request.tenant] = request end
      end
      for _, request in pairs(last) do
        if request.status ~= 200 or request.bytes_sent <= 10 then -- refused, dropped or cut
          said.failed = said.failed + 1
        elseif request.civic and request.civic.failed > 0 then
          said.failed = said.failed + 1
        elseif request.civic and request.civic.empty > 0 then
          said.empty = said.empty + 1
        else
          said.ok = said.ok + 1
        end
      end
      return said
    end

    it("comes to what the sandbox says happened, with failures of all kinds mixed", function()
      server:configure {leads = 4000, civic_sync = false}
      client = world.client(server.url, {log = false})
      local leads = assert(client:leads {page_size = 2000}:all())
      server:configure {leads = 4000, civic_sync = {fail_percent = 10, once_percent = 10, empty_percent = 10},
        faults = {{percent = 5, status = 503}, {percent = 5, percent_from = 5, drop_before_head = true},
          {percent = 5, percent_from = 10, cut_after = 10, times = 8}}}
      -- A tenant's other lead may have the addresses that are missing here, and where `[]` was known before, one
      -- cannot tell from the answer that synchronising failed.
      local of_tenant = {}
      for _, one in ipairs(leads) do of_tenant[one.tenantId] = (of_tenant[one.tenantId] or 0) + 1 end
      local single = function(one) return of_tenant[one.tenantId] == 1 end
      local result = assert(oc.civic.sync(leads, {source = oc.civic.source.platform(client), breaker = false,
        policy = oc.filter.all {oc.civic.policy.direct_missing, "civicAddresses == null", single}}))
      local journal = server:journal()
      local said = by_journal(journal.requests)
      assert.is_true(result.failed > 10 and result.empty > 5 and result.synced > 60)
      local total = 0
      for _, n in pairs(counts(result)) do total = total + n end
      assert.equal(#result.plan.items, total)
      assert.equal(said.ok + said.empty + said.failed, total)
      assert.same(said, {ok = result.synced, empty = result.empty, failed = result.failed})
      assert.is_true(result.asked <= #journal.requests) -- libcurl asks again by itself where a kept connection drops
      assert.is_true(journal.max_open > 1 and journal.max_open <= 8)
      local known = {}
      local all = assert(client:leads {page_size = 4000, max_pages = 1, prefetch = 0}:all())
      for _, one in ipairs(all) do known[one.id] = one end
      for _, change in ipairs(result.changes) do
        assert.same(known[change.id].civicAddresses, change.lead.civicAddresses)
      end
    end)

    it("kill -9 in the middle: the next run does nothing twice and leaves nothing out", function()
      server:configure {leads = 3000, civic_sync = false}
      client = world.client(server.url, {log = false})
      local leads = assert(client:leads {page_size = 3000, where = "isDirectLead and empty(civicAddresses)"}:all())
      server:configure {leads = 3000, civic_sync = {fail_percent = 0, once_percent = 0, empty_percent = 20},
        faults = {{percent = 100, latency_s = 0.005}}}
      local plan = assert(oc.civic.plan(leads))
      local total = #plan.items
      assert.is_true(total > 100)
      local place = command.place()
      local file = assert(io.open(place.folder .. "/plan.json", "w"))
      file:write(oc.encode(plan))
      file:close()
      file = assert(io.open(place.folder .. "/run.lua", "w"))
      file:write(([[
        local oc = require "oc"
        local file = io.open("plan.json")
        local plan = oc.decode(file:read "*a")
        file:close()
        local client = oc.client {base_url = %q, auth = false, log = false}
        oc.civic.apply(plan, {source = oc.civic.source.platform(client), journal = %q, on_outcome = function(outcome)
          if outcome.done == %d then os.execute("kill -9 " .. io.open("/proc/self/stat"):read "*n") end
        end})
      ]]):format(server.url, path, math.floor(total / 2)))
      file:close()
      os.execute(("cd %s && LUA_INIT= %s run.lua 2>/dev/null"):format(place.folder,
        require("support.process").interpreter()))
      place:remove()
      local lines = select(2, command.read_file(path):gsub("\n", "")) - 1
      assert.is_true(lines >= math.floor(total / 2) and lines < total, lines .. " of " .. total)
      server:empty_journal()
      local result = assert(oc.civic.apply(plan, {leads = leads, source = oc.civic.source.platform(client),
        journal = path, log = false}))
      assert.equal(lines, result.resumed)
      assert.equal(total - lines, result.synced + result.empty + result.unchanged)
      assert.equal(0, result.failed + result.skipped)
      local known = {}
      for _, one in ipairs(assert(client:leads {page_size = 3000}:all())) do known[one.id] = one end
      for _, one in ipairs(leads) do
        local now = known[one.id].civicAddresses
        if now and #now > 0 then assert.same(now, one.civicAddresses) end
      end
    end)
  end)
end)

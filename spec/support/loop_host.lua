-- What every host on an event loop has to do: one list of tests, for a stage that has the loop. The same scenarios run
-- on the blocking host, and what comes of them must be the same.
--
-- A stage has: new_host(); run(functions), each in a coroutine of a loop, until the loop ends by itself, → a list of
-- {ok, err}; sleep(seconds), the loop's own; left(), what is still open in the loop.

local assert = require "luassert"
local errors = require "oc.errors"
local oc = require "oc"
local protect = require "oc.protect"
local sandbox_child = require "support.sandbox_child"
local script_host = require "oc.host.script"
local world = require "support.world"

local loop_host = {}

-- What two hosts must agree about.
local FIELDS = {"kind", "message", "status", "attempts", "page", "url", "retry_after_s", "curl_code"}
local COUNTS = {"complete", "stop_reason", "pages", "leads", "matched", "duplicates", "attempts"}

local function pick(from, names)
  local picked = {}
  for _, name in ipairs(names) do picked[name] = from[name] end
  return picked
end

-- All leads, and what came of it.
local function read(client, options)
  local leads, ids = client:leads(options), {}
  while true do
    local lead, err = leads:next()
    if err then
      leads:close()
      return {count = #ids, ids = table.concat(ids, " "), err = pick(err, FIELDS)}
    end
    if not lead then break end
    ids[#ids + 1] = lead.id
  end
  return {count = #ids, ids = table.concat(ids, " "), result = pick(leads:result(), COUNTS)}
end

local function define(stage, busted)
  local describe, it, setup, teardown = busted.describe, busted.it, busted.setup, busted.teardown
  local before_each, after_each = busted.before_each, busted.after_each
  local server, host, clients

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  before_each(function() clients = {} end)
  after_each(function()
    local mine = host
    host = nil
    if not mine then return end
    local counts, left = mine.pool:counts(), stage.left()
    mine:close()
    assert.same({exchanges = 0, open = 0}, counts, "an exchange is still there")
    assert.same({}, left, "before the host was closed")
    assert.same({}, stage.left())
  end)

  local function new_host()
    host = assert(stage.new_host())
    return host
  end

  local function new_client(given)
    local all = {host = host or new_host(), backoff_base_s = 0.001}
    for name, value in pairs(given or {}) do all[name] = value end
    local client, logged = world.client(all.base_url or server.url, all)
    clients[#clients + 1] = client
    return client, logged
  end

  -- Runs functions, each in a coroutine; an error in one is the spec's.
  local function run(...)
    for _, outcome in ipairs(stage.run {...}) do
      if not outcome[1] then error(outcome[2], 0) end
    end
  end

  -- The same on the blocking host and on this one.
  local function same(options, scenario)
    local blocking = assert(script_host.new())
    server:configure(options)
    local expected = scenario(function(given)
      local all = {host = blocking, backoff_base_s = 0.001}
      for name, value in pairs(given or {}) do all[name] = value end
      return world.client(all.base_url or server.url, all)
    end)
    blocking:close()
    server:configure(options)
    local got
    run(function() got = scenario(new_client) end)
    assert.same(expected, got)
    return got
  end

  it("gives all leads once, over pages, with prefetch", function()
    local got = same({leads = 1234}, function(client) return read(client(), {page_size = 100, max_pages = 20}) end)
    assert.equal(1234, got.count)
    assert.is_true(got.result.complete)
    for _, options in ipairs {{prefetch = 0, where = "isDirectLead"}, {prefetch = 4, limit = 120}, {page = 2}} do
      options.page_size = 50
      same({leads = 300}, function(client) return read(client(), options) end)
    end
  end)

  it("gives pages, all of them, and a lead's own text", function()
    same({leads = 500}, function(client)
      local all, result = client():leads({page_size = 200, raw = true}):all()
      return {all, pick(result, COUNTS)}
    end)
  end)

  it("asks again after a 503, a cut body and a reset", function()
    local got = same({leads = 500, faults = {{page = 1, attempt = 1, status = 503}, {page = 2, attempt = 1,
      cut_after = 5000}, {page = 3, attempt = 1, drop_before_head = "reset"}}}, function(client)
      local retries = {}
      local one = client {on_retry = function(info)
        retries[#retries + 1] = {info.page, info.attempt, info.kind, info.message}
      end}
      return {read(one, {page_size = 100, prefetch = 0}), retries}
    end)
    assert.equal(500, got[1].count)
    assert.equal("1 2", got[2][1][1] .. " " .. got[2][2][1]) -- a reset of a used connection libcurl mends itself
  end)

  it("gives up as the blocking host does", function()
    same({leads = 500, faults = {{page = 3, status = 400, body = "no"}}}, function(client)
      return read(client(), {page_size = 100})
    end)
    local got = same({leads = 500, faults = {{page = 2, status = 502}}}, function(client)
      return read(client {max_attempts = 2}, {page_size = 100})
    end)
    assert.equal(2, got.err.attempts)
    same({leads = 50, faults = {{page = 1, body = "[["}}}, function(client) return read(client(), {}) end)
    same({leads = 50, faults = {{page = 1, corrupt_gzip = true}}}, function(client)
      return read(client {max_attempts = 1}, {})
    end)
  end)

  it("tells of a connection that is refused, and of a name that nobody knows", function()
    local socket = require "socket"
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    listener:close()
    local got = same({}, function(client)
      return read(client {base_url = "http://127.0.0.1:" .. math.floor(port), max_attempts = 2}, {})
    end)
    assert.equal("network", got.err.kind)
    got = same({}, function(client) -- no resolver is asked for so long a label, but libcurl's thread
      return read(client {base_url = "http://" .. ("x"):rep(64) .. ".invalid", proxy = "", insecure = true,
        max_attempts = 3}, {})
    end)
    assert.matches("cannot find the host", got.err.message)
  end)

  it("connects to the second address of a name", function() -- whose socket may have the number of the first one's
    local port = server.url:match ":(%d+)$"
    local got = same({leads = 30}, function(client)
      return read(client {base_url = "http://localhost:" .. port}, {page_size = 10, prefetch = 0})
    end)
    assert.equal(30, got.count)
  end)

  it("has the clocks of the blocking host", function()
    local got = same({leads = 10, faults = {{latency_s = 30}}}, function(client)
      return read(client {max_attempts = 1, idle_timeout_s = 0.05}, {})
    end)
    assert.matches("no byte from .* for 0.05 s", got.err.message)
    got = same({leads = 10, faults = {{drip = {bytes = 20, every_s = 0.01}, gzip = false}}}, function(client)
      return read(client {max_attempts = 1, request_timeout_s = 0.1, idle_timeout_s = 30}, {})
    end)
    assert.matches("did not finish in 0.1 s", got.err.message)
    got = same({leads = 10, faults = {{latency_s = 30}}}, function(client)
      return read(client {max_attempts = 1, deadline_s = 0.05}, {})
    end)
    assert.matches("deadline_s %(0.05 s%) is over", got.err.message)
    got = same({leads = 10, faults = {{status = 503}}}, function(client)
      return read(client {backoff_base_s = 50, backoff_cap_s = 100, deadline_s = 10}, {})
    end)
    assert.equal("timeout", got.err.kind)
    assert.same({}, stage.left())
  end)

  it("counts no time in which nobody waits", function()
    server:configure {leads = 40, faults = {{page = 2, drip = {bytes = 4000, every_s = 0.01}, gzip = false}}}
    run(function()
      local leads = new_client {max_attempts = 1, idle_timeout_s = 0.2, request_timeout_s = 0.4}:leads {page_size = 20}
      for _ = 1, 20 do assert(leads:next()) end
      -- Page 2 is under way; what it takes meanwhile is nobody's time.
      stage.sleep(0.5)
      for _ = 1, 20 do assert(leads:next()) end
      leads:close()
    end)
  end)

  it("closes the connection when it is left in mid-stream", function()
    server:configure {leads = 5000, faults = {{drip = {bytes = 20000, every_s = 0.005}, gzip = false}}}
    run(function()
      local leads = new_client():leads {page_size = 1000, prefetch = 0}
      for _ = 1, 10 do assert(leads:next()) end
      leads:close()
      assert.equal("closed", leads:result().stop_reason)
    end)
    assert.same({exchanges = 0, open = 0}, host.pool:counts())
    local entry
    repeat entry = server:journal().requests[1] until entry.aborted -- it sees that at its next piece
    assert.is_true(entry.bytes_sent < 500000)
  end)

  it("runs fifty clients at once", function()
    server:configure {leads = 200, faults = {{latency_s = 0.2, page = 1}}}
    new_host()
    local functions, counts = {}, {}
    for i = 1, 50 do
      functions[i] = function()
        counts[i] = read(new_client(), {page_size = 100, prefetch = 0}).count
      end
    end
    run((rawget(table, "unpack") or rawget(_G, "unpack"))(functions))
    for i = 1, 50 do assert.equal(200, counts[i]) end
    assert.equal(50, server:journal().max_open)
  end)

  it("lets the loop go on while leads are pulled", function()
    server:configure {leads = 500, faults = {{latency_s = 0.05}}}
    local story, done = {}, false
    run(function()
      local leads = new_client():leads {page_size = 100, prefetch = 0}
      for _ = 1, 500 do
        assert(leads:next())
        if story[#story] ~= "leads" then story[#story + 1] = "leads" end
      end
      leads:close()
      done = true
    end, function()
      while not done do
        stage.sleep(0.001)
        if story[#story] ~= "ticks" then story[#story + 1] = "ticks" end
      end
    end)
    local turns = 0
    for i, what in ipairs(story) do
      assert.equal(i % 2 == 1 and "ticks" or "leads", what)
      if what == "leads" then turns = turns + 1 end
    end
    assert.is_true(turns >= 5, "it ticked while each of five pages was on its way")
  end)

  it("wakes up only when there is something to do", function()
    -- One page in 50 pieces, and each answer late.
    server:configure {leads = 100, civic_sync = false,
      faults = {{drip = {bytes = 2000, every_s = 0.01}, latency_s = 0.2, gzip = false}}}
    run(function()
      assert.equal(100, read(new_client(), {page_size = 200, prefetch = 0}).count)
    end)
    local pieces = 0
    for _, request in ipairs(server:journal().requests) do pieces = pieces + math.ceil(request.bytes_sent / 2000) end
    assert.is_true(pieces > 50)
    assert.is_true(host.driver.turns <= pieces + 20, host.driver.turns .. " turns for " .. pieces)
    -- And while nothing comes, never.
    local before = host.driver.turns
    server:configure {leads = 10, faults = {{latency_s = 0.5}}}
    run(function() assert.equal(10, read(new_client(), {prefetch = 0}).count) end)
    assert.is_true(host.driver.turns - before <= 12, host.driver.turns - before .. " turns for two late answers")
  end)

  local BARE = {leads = 150, civic_sync = false}
  local SYNCS = {leads = 150, civic_sync = {fail_percent = 20, once_percent = 10, empty_percent = 10},
    civic_latency_s = 0.05}

  it("synchronises civic addresses, several at once", function()
    local function scenario(client)
      local one = client()
      local leads, failed = assert(one:leads({page_size = 200}):all()), {}
      server:configure(SYNCS)
      local result = assert(oc.civic.sync(leads, {policy = "missing", source = oc.civic.source.platform(one),
        concurrency = 6, backoff_base_s = 0.001, log = false}))
      for i, failure in ipairs(result.failures) do failed[i] = failure.lead.id .. " " .. failure.err.kind end
      table.sort(failed)
      return {pick(result, {"synced", "unchanged", "empty", "failed", "skipped", "stop_reason"}), failed}
    end
    local got = same(BARE, scenario)
    assert.is_true(got[1].synced > 3 and got[1].failed > 0)
    local most = server:journal().max_open
    assert.is_true(most > 1 and most <= 6, "at once: " .. most)
  end)

  it("synchronises leads as they come, and leaves no journal locked", function()
    server:configure(BARE)
    run(function()
      local client = new_client()
      local result = assert(oc.civic.sync(client:leads {page_size = 100}, {policy = "missing", client = client,
        source = function(lead)
          stage.sleep(0.001)
          return {{country = "US", tenant = lead.tenantId}}
        end}))
      assert.is_true(result.synced > 0)
      assert.equal(0, result.failed)
    end)
  end)

  it("makes reports of leads as they come", function()
    same({leads = 300}, function(client)
      local result = assert(oc.report.run("status", client():leads {page_size = 100}))
      return result.rows
    end)
  end)

  it("fetches one token for all who wait for it", function()
    server:configure {leads = 100, client_id = "the id", client_secret = "s3cr3t",
      faults = {{path = "token", latency_s = 0.05}}}
    local client = new_client {auth = oc.auth.client_credentials {authority = server.url,
      tenant_id = "contoso.example", client_id = "the id", client_secret = "s3cr3t", scope = "api://x/.default"}}
    local functions, count = {}, 0
    local function add(page) count = count + page.count end
    for i = 1, 20 do
      functions[i] = function() add(read(client, {page_size = 100})) end
    end
    run((rawget(table, "unpack") or rawget(_G, "unpack"))(functions))
    assert.equal(2000, count)
    assert.equal(1, server:journal().tokens_issued)
  end)

  it("lets the others go on when the one that fetches a token fails", function()
    server:configure {leads = 100}
    local calls = 0
    local client = new_client {auth = function()
      calls = calls + 1
      stage.sleep(0.01)
      if calls == 1 then error("no luck", 0) end
      return "token"
    end}
    local function one()
      local leads = client:leads()
      assert(leads:next())
      leads:close()
    end
    local outcomes = stage.run {one, one}
    if outcomes[1][1] then outcomes[1], outcomes[2] = outcomes[2], outcomes[1] end -- either may have been first
    assert.same({{false, "no luck"}, {true}}, outcomes)
  end)

  it("lets the others go on when the one whose function for tokens raised lives on", function()
    server:configure {leads = 10}
    local calls = 0
    local client = new_client {auth = function()
      calls = calls + 1
      if calls == 1 then
        stage.sleep(0.005)
        error("no luck", 0)
      end
      return "token"
    end}
    local raised, done = 0, 0
    local function one()
      local leads = client:leads()
      if protect.call(leads.next, leads) then
        done = done + 1
        return leads:close()
      end
      raised = raised + 1
      while done == 0 do stage.sleep(0.001) end -- for ever, if that is what holds the other one
    end
    run(one, one) -- either may be first
    assert.same({1, 1}, {raised, done})
  end)

  it("leaves nothing open when a coroutine fails", function()
    server:configure {leads = 1000, faults = {{latency_s = 0.02}}}
    local client = new_client()
    local outcomes = stage.run {function()
      local leads = client:leads {page_size = 50, prefetch = 2}
      assert(leads:next())
      error("in the middle", 0)
    end}
    assert.same({false, "in the middle"}, outcomes[1])
    -- The loop has ended. What nobody holds is gone, and the loop hears of it with the next that is done.
    collectgarbage()
    collectgarbage()
    assert.equal(0, host.pool:counts().exchanges)
    host:pump()
  end)

  it("ends everything when the host is closed in mid-flight", function()
    server:configure {leads = 1000, faults = {{page = 1, latency_s = 30}}}
    local client, told, held = new_client(), {}, true
    run(function() told.leads = read(client, {}) end,
      function() told.slept = {host.sleep(30)} end,
      function()
        host:hold(function() return held end)
        told.held = true
      end,
      function()
        assert(host:together(2, (function()
          local n = 0
          return function()
            n = n + 1
            if n > 3 then return nil end
            return function()
              local ok, err = host.sleep(30)
              if not ok then error(err, 0) end
            end, function(ok, err) told[#told + 1] = {ok, errors.is(err) and err.kind} end
          end
        end)()))
      end,
      function()
        stage.sleep(0.02)
        host:close()
      end)
    assert.equal("cancelled", told.leads.err.kind)
    assert.is_nil(told.slept[1])
    assert.equal("cancelled", told.slept[2].kind)
    assert.is_true(told.held)
    for i = 1, 3 do assert.same({false, "cancelled"}, told[i]) end
    assert.same({}, stage.left())
    host:close()
  end)

  it("is collected with everything that belongs to it", function()
    server:configure {leads = 1000}
    local gone = setmetatable({}, {__mode = "k"})
    do
      local mine = assert(stage.new_host())
      local client = world.client(server.url, {host = mine})
      gone[mine], gone[mine.pool], gone[mine.driver] = true, true, true
      run(function()
        local leads = client:leads {page_size = 300, prefetch = 2}
        for _ = 1, 10 do assert(leads:next()) end
      end)
    end
    -- Nobody has closed anything. The loop may run on.
    local jit, rounds = rawget(_G, "jit"), 0
    repeat
      rounds = rounds + 1
      if jit then jit.flush() end
      collectgarbage()
      run(function() stage.sleep(0.001) end)
    until not next(gone) or rounds > 500
    assert.is_nil(next(gone))
    assert.same({}, stage.left())
  end)

  it("says where it may be used", function()
    local client = new_client()
    local ok, raised = pcall(function() client:leads():next() end)
    assert.is_false(ok)
    assert.matches("outside of a coroutine nothing can be waited for; run it in one", tostring(raised))
    ok, raised = pcall(host.sleep, 1)
    assert.is_false(ok)
    assert.matches("outside of a coroutine", raised)
    assert.same({exchanges = 0, open = 0}, host.pool:counts())
  end)

  it("has one coroutine wait for an exchange, and tells it when another one closes it", function()
    server:configure {leads = 10, faults = {{latency_s = 30}}}
    new_host()
    local x, told
    local outcomes = stage.run {
      function()
        x = assert(host:open {url = server.url .. "/api/v2/oc/lead", proxy = ""})
        told = {x:head()}
      end,
      function()
        stage.sleep(0.01)
        x:head()
      end,
      function()
        stage.sleep(0.02)
        x:close()
      end,
    }
    assert.is_true(outcomes[1][1])
    assert.is_nil(told[1])
    assert.equal("cancelled", told[2].kind)
    assert.matches("another coroutine waits", outcomes[2][2])
  end)

  it("waits no longer than it is told", function()
    server:configure {leads = 10, faults = {{latency_s = 30}}}
    new_host()
    run(function()
      local x = assert(host:open {url = server.url .. "/api/v2/oc/lead", proxy = ""})
      local status, err = x:head(0.02)
      assert.is_nil(status)
      assert.same({"timeout", "no answer in the time that was left"}, {err.kind, err.message})
      x:close()
    end)
  end)

  describe("together", function()
    -- Runs tasks: what each ended with.
    local function together(most, functions)
      local at, ends = 0, {}
      local ok, err = host:together(most, function()
        at = at + 1
        local mine = at
        return functions[mine], function(good, what) ends[mine] = {good, what} end
      end)
      return ok, err, ends
    end

    it("has so many requests open at once, and no more", function()
      server:configure {leads = 100, faults = {{latency_s = 0.05}}}
      local client, functions, counts = new_client(), {}, {}
      for i = 1, 12 do
        functions[i] = function()
          counts[i] = read(client, {page_size = i, max_pages = 1, prefetch = 0}).count
        end
      end
      run(function() assert.is_true((together(4, functions))) end)
      assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, counts)
      assert.equal(4, server:journal().max_open)
    end)

    it("tells of an error in one of them, and goes on with the others", function()
      server:configure {leads = 100}
      local client = new_client()
      run(function()
        local ok, _, ends = together(2, {
          function()
            stage.sleep(0.001)
            error {code = 7}
          end,
          function() error("no", 0) end,
          function() read(client, {page_size = 5, max_pages = 1}) end,
          function() end,
        })
        assert.is_true(ok)
        assert.same({false, {code = 7}}, ends[1])
        assert.same({false, "no"}, ends[2])
        assert.is_true(ends[3][1])
        assert.is_true(ends[4][1])
      end)
    end)

    it("leaves nothing open when what was called raises", function()
      server:configure {leads = 100, faults = {{latency_s = 30}}}
      local client, cleaned, went_on = new_client(), 0, false
      local outcomes = stage.run {function()
        local n = 0
        host:together(3, function()
          n = n + 1
          local function ended() cleaned = cleaned + 1 end
          if n > 2 then return function() stage.sleep(0.01) end, function() error("hook", 0) end end
          return function()
            if n == 1 then read(client, {}) else host.sleep(30) end
            went_on = true
          end, ended
        end)
      end}
      assert.same({false, "hook"}, outcomes[1])
      assert.equal(0, cleaned) -- they were given up, not ended
      assert.is_false(went_on)
      assert.equal(0, host.pool:counts().open)
      collectgarbage()
      collectgarbage()
      server:configure {leads = 10}
      run(function() assert.equal(10, read(client, {}).count) end)
    end)

    it("gives up what is within what is given up, and keeps its books over it", function()
      server:configure {leads = 100, faults = {{latency_s = 30}}}
      local client, went_on, slept = new_client(), false, false
      local outcomes = stage.run {function()
        local n = 0
        host:together(2, function()
          n = n + 1
          if n > 2 then return nil end
          if n == 2 then return function() stage.sleep(0.01) end, function() error("hook", 0) end end
          return function()
            -- A task within, and one that does not care that it is given up.
            protect.call(host.together, host, 1, (function()
              local given = false
              return function()
                if given then return nil end
                given = true
                return function()
                  read(client, {})
                  went_on = true
                end, function() went_on = true end
              end
            end)())
            local exchange = assert(host:open {url = server.url .. "/api/v2/oc/lead"})
            protect.call(exchange.head, exchange)
            exchange:close()
            protect.call(host.hold, host, function() return true end)
          end, function() end
        end)
      end, function()
        assert.is_true(host.sleep(0.05))
        slept = true
      end}
      assert.same({false, "hook"}, outcomes[1])
      assert.same({true}, outcomes[2])
      assert.is_true(slept)
      assert.is_false(went_on)
      assert.equal(0, host.pool:counts().open)
      slept = false
      run(function() slept = host.sleep(0.01) end)
      assert.is_true(slept)
    end)

    it("may be within itself, and in several coroutines", function()
      server:configure {leads = 100}
      local client, count = new_client(), 0
      local function add(page) count = count + page.count end
      local function some()
        local functions = {}
        for i = 1, 3 do functions[i] = function() add(read(client, {page_size = 100})) end end
        assert.is_true((together(2, functions)))
      end
      run(some, function() assert.is_true((together(2, {some, some}))) end)
      assert.equal(900, count)
    end)
  end)

  it("calls protected where Lua 5.1 could not wait", function()
    for _, call in ipairs {protect.call, protect.by_coroutine} do
      local seen = {}
      run(function()
        seen[1] = {call(function(a, b)
          stage.sleep(0.001)
          return a, b
        end, 1, nil)}
        seen[2] = {call(function()
          stage.sleep(0.001)
          error("no", 0)
        end)}
      end)
      assert.same({{true, 1}, {false, "no"}}, seen)
    end
  end)
end

--- Defines the tests.
---@param name string
---@param stage table
---@param busted table   its functions, which only a spec file sees
function loop_host.define(name, stage, busted)
  busted.describe(name, function() define(stage, busted) end)
end

return loop_host

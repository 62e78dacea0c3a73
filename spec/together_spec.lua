-- Tasks at once on the blocking host: what waits in one lets the others go on.

local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local world = require "support.world"

describe("host:together", function()
  local server, client, logged

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  after_each(function()
    if not client then return end
    assert.equal(0, client.host.pool:counts().open, "an exchange is still open")
    client.host:close()
    client = nil
  end)

  local function play(options, given)
    server:configure(options)
    client, logged = world.client(server.url .. "/tenantui", given)
    return client.host
  end

  -- Runs the functions; what each ended with.
  local function run(host, most, functions)
    local at, ends = 0, {}
    local ok, err = host:together(most, function()
      at = at + 1
      local mine = at
      return functions[mine], function(good, what) ends[mine] = {good, what} end
    end)
    return ok, err, ends
  end

  local function count_of_page(size)
    local leads = client:leads {page_size = size, max_pages = 1, prefetch = 0}
    local n = 0
    while true do
      local lead, err = leads:next()
      if err then return nil, err end
      if not lead then return n end
      n = n + 1
    end
  end

  it("has so many requests open at once, and no more", function()
    local host = play {leads = 100, faults = {{latency_s = 0.05}}}
    local functions, counts = {}, {}
    for i = 1, 12 do functions[i] = function() counts[i] = assert(count_of_page(i)) end end
    assert.is_true((run(host, 4, functions)))
    assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, counts)
    local journal = server:journal()
    assert.equal(12, #journal.requests)
    assert.equal(4, journal.max_open)
    assert.is_true(journal.connections <= 4)
  end)

  it("fetches one token, however many wait for it", function()
    local host = play({leads = 100, client_id = "the id", client_secret = "s3cr3t",
      faults = {{path = "token", latency_s = 0.05}}},
      {auth = oc.auth.client_credentials {authority = server.url, tenant_id = "contoso.example", client_id = "the id",
        client_secret = "s3cr3t", scope = "api://x/.default"}})
    local functions = {}
    for i = 1, 8 do functions[i] = function() assert(count_of_page(i)) end end
    local ok, _, ends = run(host, 8, functions)
    assert.is_true(ok)
    for i = 1, 8 do assert.is_true(ends[i][1], tostring(ends[i][2])) end
    assert.equal(1, server:journal().tokens_issued)
  end)

  it("tells of an error in one of them, and goes on with the others", function()
    local host = play {leads = 100}
    local ok, _, ends = run(host, 2, {
      function() error {code = 7} end,
      function() error("no", 0) end,
      function() assert(count_of_page(5)) end,
      function() coroutine.yield "something" end,
    })
    assert.is_true(ok)
    assert.same({false, {code = 7}}, ends[1])
    assert.same({false, "no"}, ends[2])
    assert.is_true(ends[3][1])
    assert.is_false(ends[4][1])
    assert.matches("it yielded", ends[4][2])
  end)

  it("sleeps in all of them at once", function()
    local host = play {leads = 10}
    local functions, order = {}, {}
    for i = 1, 3 do
      functions[i] = function()
        assert(host.sleep(10 * (4 - i)))
        order[#order + 1] = i
      end
    end
    assert.is_true((run(host, 3, functions)))
    assert.same({3, 2, 1}, order)
    local sum = 0
    for _, seconds in ipairs(host.slept) do sum = sum + seconds end
    assert.is_true(sum > 29 and sum < 31, tostring(sum))
  end)

  it("stops when a sleep is interrupted: who sleeps is told, what is under way ends, nothing else begins", function()
    server:configure {leads = 100, faults = {{latency_s = 0.05}}}
    local host = world.host {sleep = function() return nil, setmetatable({kind = "cancelled", message = "interrupted"},
      require("oc.core").error_metatable) end}
    client, logged = world.client(server.url, {host = host})
    local told, began = {}, 0
    local functions = {}
    for i = 1, 6 do
      functions[i] = function()
        began = began + 1
        told[i] = {host.sleep(1)}
        if i == 1 then told.count = count_of_page(3) end
      end
    end
    local ok, err = run(host, 2, functions)
    assert.is_nil(ok)
    assert.equal("cancelled", err.kind)
    assert.equal(2, began)
    assert.is_nil(told[1][1])
    assert.equal("cancelled", told[1][2].kind)
    assert.equal(3, told.count)
    assert.same({}, logged)
  end)

  it("lets requests get on while another task never waits long", function()
    local host = play {leads = 100}
    local done, spins = false, 0
    assert.is_true((run(host, 2, {
      function()
        assert(count_of_page(3))
        done = true
      end,
      function()
        while not done do
          spins = spins + 1
          assert(host.sleep(0))
          if spins > 1000000 then error "the other one never gets on" end
        end
      end,
    })))
    assert.is_true(done)
  end)

  it("leaves nothing open when what was called raises, and the client goes on", function()
    local credentials = oc.auth.client_credentials {authority = server.url, tenant_id = "contoso.example",
      client_id = "the id", client_secret = "s3cr3t", scope = "api://x/.default"}
    local host = play({leads = 100, client_id = "the id", client_secret = "s3cr3t",
      faults = {{path = "token", latency_s = 0.05}}}, {auth = credentials})
    local n = 0
    local ok, raised = pcall(host.together, host, 3, function()
      n = n + 1
      if n == 1 then return function() assert(count_of_page(3)) end, function() end end -- fetches the token
      if n == 2 then return function() end, function() error("hook", 0) end end
    end)
    assert.same({false, "hook"}, {ok, raised})
    assert.equal(0, host.pool:counts().open)
    local _, _, ends = run(host, 2, {function() assert(count_of_page(3)) end, function() assert(count_of_page(4)) end})
    assert.is_true(ends[1][1] and ends[2][1])
  end)

  it("says so when tasks wait for one another", function()
    local host = play {leads = 10}
    local ok, raised = pcall(run, host, 1, {function() host:hold(function() return true end) end})
    assert.is_false(ok)
    assert.matches("wait for one another", raised)
  end)

  it("refuses to be within itself", function()
    local host = play {leads = 10}
    local _, _, ends = run(host, 1, {function() host:together(1, function() end) end})
    assert.is_false(ends[1][1])
    assert.matches("within together", ends[1][2])
    assert.is_nil(host.crew)
  end)
end)

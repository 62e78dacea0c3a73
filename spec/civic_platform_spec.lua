-- The service itself, and a function, as sources of addresses: what they are asked, and what is made of each answer.

local errors = require "oc.errors"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local wire_server = require "support.wire_server"
local world = require "support.world"

local ALL_FOUND = {fail_percent = 0, once_percent = 0, empty_percent = 0}

-- What a run lets a source know.
local function ask(left_s)
  return {attempt = 1, left_s = function() return left_s end, turn = function() return true end}
end

local function error_of(source, lead)
  local addresses, err = source:fetch(lead, ask())
  assert.is_nil(addresses)
  assert.is_true(errors.is(err))
  return err
end

describe("oc.civic.source.platform", function()
  local server, client, logged, direct, consented, twins

  -- Leads of the sandbox: direct ones without addresses, others without, and pairs of one tenant.
  local function sort_out()
    client = world.client(server.url)
    local by_tenant = {}
    direct, consented, twins = {}, {}, {}
    for _, lead in ipairs(assert(client:leads {page_size = 400, max_pages = math.huge}:all())) do
      local first = by_tenant[lead.tenantId]
      by_tenant[lead.tenantId] = first or lead
      if first then twins[#twins + 1] = {first, lead} end
    end
    local is_twin = {}
    for _, pair in ipairs(twins) do is_twin[pair[1].tenantId] = true end
    for tenant, lead in pairs(by_tenant) do
      if not is_twin[tenant] and not (lead.civicAddresses and lead.civicAddresses[1]) then
        table.insert(lead.isDirectLead and direct or consented, lead)
      end
    end
    table.sort(direct, function(a, b) return a.id < b.id end)
    table.sort(consented, function(a, b) return a.id < b.id end)
    client.host:close()
  end

  setup(function()
    server = sandbox_child.start {leads = 400, civic_sync = false}
    sort_out()
  end)
  teardown(function() server:close() end)
  after_each(function()
    if not client then return end
    assert.equal(0, client.host.pool:counts().open, "an exchange is still open")
    client.host:close()
    client = nil
  end)

  local function platform(options, given)
    options.leads = options.leads or 400
    server:configure(options)
    client, logged = world.client(server.url .. "/tenantui", given)
    return oc.civic.source.platform(client)
  end

  -- A source before a server that is played by hand.
  local function played(answer)
    local raw = wire_server.new(answer)
    client, logged = world.client(raw.url, {host = wire_server.host {raw}})
    return oc.civic.source.platform(client), raw
  end

  it("asks one page of the tenant, online, and gives what was found", function()
    local lead = direct[1]
    local source = platform {civic_sync = ALL_FOUND}
    local addresses = assert(source:fetch(lead, ask()))
    assert.truthy(#addresses > 0)
    assert.equal(lead.tenantId, addresses[1].tenantId)
    local requests = server:journal().requests
    assert.equal(1, #requests)
    local query = requests[1].query
    assert.same({lead.tenantId, "true"}, {query.msTenantId, query.checkOnline})
    assert.same({1, lead.tenantId, {ok = 1, failed = 0, empty = 0}},
      {requests[1].page, requests[1].tenant, requests[1].civic})
    assert.equal("", world.events(logged))
  end)

  it("gives an empty list for a tenant that is known to have none", function()
    local source = platform {civic_outcomes = {[direct[1].id] = "empty"}}
    local addresses = assert(source:fetch(direct[1], ask()))
    assert.same({}, addresses)
    assert.equal("[]", oc.encode(addresses))
  end)

  it("tells of a direct lead of which nothing came, which may help to be asked again", function()
    local source = platform {civic_outcomes = {[direct[1].id] = "once"}}
    local err = error_of(source, direct[1])
    assert.same({"shape", true, true}, {err.kind, err.inconclusive, err.again})
    assert.matches("own synchronisation failed", err.message)
    assert.is_nil(err.unknown_tenant)
    assert.truthy(#assert(source:fetch(direct[1], ask())) > 0)
  end)

  it("gives an empty list for a lead that the service asks Microsoft nothing about", function()
    local source = platform {civic_sync = ALL_FOUND}
    assert.same({}, source:fetch(consented[1], ask()))
  end)

  it("knows a tenant that nobody knows, also as a 404, but not where a page of HTML says so", function()
    local odd = {id = "x", tenantId = "0c0c0c0c-0000-4000-8000-000000000001"}
    local err = error_of(platform {}, odd)
    assert.same({"http", true}, {err.kind, err.unknown_tenant})
    client.host:close()
    err = error_of(platform {faults = {{status = 404}}}, odd)
    assert.same({"http", true}, {err.kind, err.unknown_tenant})
    client.host:close()
    err = error_of(platform {faults = {{status = 404, body = " <html>not here</html>"}}}, odd)
    assert.same({"http", 404}, {err.kind, err.status})
    assert.is_nil(err.unknown_tenant)
  end)

  it("finds a tenant that only Microsoft knows", function()
    local tenant = "0c0c0c0c-0000-4000-8000-0000000000aa"
    local source = platform {leads = 10, civic_sync = ALL_FOUND}
    assert.is_table(source:fetch({id = "none", tenantId = tenant:upper()}, ask()))
    assert.equal(tenant, server:journal().requests[1].tenant)
  end)

  it("renews a token that is refused, without another attempt", function()
    local source = platform({client_id = "the id", client_secret = "s3cr3t", civic_sync = ALL_FOUND,
      faults = {{attempt = 1, expire_token = true}}},
      {auth = oc.auth.client_credentials {authority = server.url, tenant_id = "contoso.example", client_id = "the id",
        client_secret = "s3cr3t", scope = "api://x/.default"}})
    assert.truthy(#assert(source:fetch(direct[1], ask())) > 0)
    local journal = server:journal()
    assert.equal(2, journal.tokens_issued)
  end)

  it("makes one attempt, and says how long the service wants to be left alone", function()
    local source = platform {faults = {{status = 503, headers = {["Retry-After"] = "7"}}}}
    local err = error_of(source, direct[1])
    assert.same({"throttle", 503, 7}, {err.kind, err.status, err.retry_after_s})
    assert.is_nil(err.partial or err.resume)
    assert.equal(1, #server:journal().requests)
    assert.same({}, client.host.slept)
    assert.equal("", world.events(logged))
  end)

  it("tells the faults of the way as any client does", function()
    local kinds = {
      {fault = {body = "<html>sign in</html>", content_type = "text/html"}, kind = "json"},
      {fault = {cut_after = 40}, kind = "network"},
      {fault = {drop_before_head = "close"}, kind = "network"},
      {fault = {status = 500}, kind = "http"},
      {fault = {status = 403}, kind = "auth"},
      {fault = {body = '{"title":"no"}'}, kind = "shape"},
    }
    for _, case in ipairs(kinds) do
      local source = platform {faults = {case.fault}}
      local err = error_of(source, direct[1])
      assert.equal(case.kind, err.kind, err.message)
      assert.is_nil(err.unknown_tenant or err.inconclusive)
      client.host:close()
    end
  end)

  it("never takes the addresses of another tenant from a server that ignores the parameter", function()
    local other = '{"id":"1","tenantId":"t-1","isDirectLead":true,"civicAddresses":[{"id":"a","country":"IL"}]}'
    local mine = '{"id":"2","tenantId":"T-2","isDirectLead":true,"civicAddresses":[{"id":"b","country":"US"}]}'
    local answer = "[" .. other .. "," .. mine .. "]"
    local source, raw = played(function() return wire_server.ok(answer) end)
    assert.same({{id = "b", country = "US"}}, source:fetch({id = "2", tenantId = "t-2"}, ask()))
    local err = error_of(source, {id = "3", tenantId = "t-3"})
    assert.equal("shape", err.kind)
    assert.matches("other tenants only", err.message)
    assert.is_nil(err.unknown_tenant)
    assert.equal(2, #raw.requests)
    raw:close()
  end)

  it("gives addresses whose lead's id is written in another case", function()
    local answer = '[{"id":"AB","tenantId":"t","civicAddresses":[{"id":"twin"}]},'
      .. '{"id":"CD","tenantId":"t","civicAddresses":[{"id":"own"}]}]'
    local source, raw = played(function() return wire_server.ok(answer) end)
    assert.same({{id = "own"}}, source:fetch({id = "cd", tenantId = "T"}, ask()))
    assert.same({{id = "twin"}}, source:fetch({id = "ab", tenantId = "T"}, ask()))
    assert.same({{id = "twin"}}, source:fetch({tenantId = "T"}, ask()))
    raw:close()
  end)

  it("takes the addresses of a twin where a lead has none", function()
    local answer
    local source, raw = played(function() return wire_server.ok(answer) end)
    local function of(own, twin, twin_is_direct)
      answer = ('[{"id":"1","tenantId":"t","civicAddresses":%s},{"id":"2","tenantId":"t","isDirectLead":%s,'
        .. '"civicAddresses":%s}]'):format(own, tostring(twin_is_direct or false), twin)
      return source:fetch({id = "1", tenantId = "t"}, ask())
    end
    assert.same({{id = "x"}}, of("null", '[{"id":"x"}]'))
    assert.same({{id = "x"}}, of("[]", '[{"id":"x"}]'))
    assert.same({}, of("null", "[]"))
    assert.same({}, of("null", "null"))
    -- Whichever was asked about: the service asked Microsoft about the tenant, in vain.
    local addresses, err = of("null", "null", true)
    assert.is_nil(addresses)
    assert.is_true(err.inconclusive)
    raw:close()
  end)

  it("serves the twins of the sandbox, once for both", function()
    assert.truthy(#twins > 0)
    local source = platform {civic_sync = ALL_FOUND}
    local leads = {}
    for _, pair in ipairs(twins) do
      for _, lead in ipairs(pair) do leads[#leads + 1] = {id = lead.id:upper(), tenantId = lead.tenantId:upper()} end
    end
    local result = assert(oc.civic.sync(leads, {policy = oc.civic.policy.all, source = source}))
    assert.equal(#twins, result.asked)
    assert.same({}, result.failures)
    for i = 1, #leads, 2 do assert.same(leads[i].civicAddresses, leads[i + 1].civicAddresses) end
  end)

  it("does not take longer than the run may", function()
    local source = platform {faults = {{stall_after = 10}}}
    local addresses, err = source:fetch(direct[1], ask(0.05))
    assert.is_nil(addresses)
    assert.equal("timeout", err.kind)
  end)

  it("gives what can be told of a lead without a tenant, and refuses what is no client", function()
    local source = platform {}
    for _, tenant in ipairs {"", oc.null, 7, false} do
      assert.equal("shape", error_of(source, {id = "1", tenantId = tenant}).kind)
    end
    assert.equal(0, #server:journal().requests)
    for _, wrong in ipairs {false, "http://x", 7} do
      assert.error_matches(function() oc.civic.source.platform(wrong) end,
        "^oc.civic.source.platform: a client expected, got ")
    end
  end)
end)

describe("a function as a source", function()
  local host

  before_each(function() host = world.host() end)
  after_each(function() host:close() end)

  -- What becomes of one lead, and how often the function was called.
  local function outcome(call, given)
    local calls, lead = 0, {id = "1", tenantId = "t", isDirectLead = true}
    local options = {policy = oc.civic.policy.all, log = false, client = {host = host}, max_attempts = 3,
      source = function(...)
        calls = calls + 1
        return call(...)
      end}
    for name, value in pairs(given or {}) do options[name] = value end
    local result = assert(oc.civic.sync({lead}, options))
    local failure = result.failures[1]
    return result, failure and failure.err, calls, lead
  end

  it("gets the lead, and gives addresses, which are copied", function()
    local given, seen = {{id = "a", locations = {{id = "l", isDefault = true}}}}, nil
    local result, err, calls, lead = outcome(function(asked)
      seen = asked
      return given
    end)
    assert.is_nil(err)
    assert.equal(lead, seen)
    assert.same({1, 1}, {result.synced, calls})
    assert.same({{id = "a", locations = {{id = "l", isDefault = "true"}}}}, lead.civicAddresses)
    assert.is_true(given[1].locations[1].isDefault)
    assert.not_equal(given, lead.civicAddresses)
  end)

  it("that gives nothing, and no reason or one in words, is asked again", function()
    local _, err, calls = outcome(function() return nil end)
    assert.same({"io", "the source failed: it gave neither addresses nor a reason", 3}, {err.kind, err.message, calls})
    _, err, calls = outcome(function() return nil, "the database sleeps" end)
    assert.same({"io", "the source failed: the database sleeps", 3}, {err.kind, err.message, calls})
    _, err = outcome(function() return nil, {message = "no rows", code = 7} end)
    assert.equal("the source failed: no rows", err.message)
    _, err = outcome(function() return false end)
    assert.matches("neither addresses nor a reason", err.message)
  end)

  it("that gives an error of oc's is asked again as that says", function()
    local _, err, calls = outcome(function() return nil, errors.new("network", "no way") end)
    assert.same({"no way", 3}, {err.message, calls})
    _, err, calls = outcome(function() return nil, errors.new("auth", "no", {status = 403}) end)
    assert.same({"no", 1}, {err.message, calls})
    _, _, calls = outcome(function() return nil, errors.new("auth", "no", {status = 403, again = true}) end)
    assert.equal(3, calls)
  end)

  it("that raises fails its lead, once", function()
    local _, err, calls = outcome(function() error("broken", 0) end)
    assert.same({"io", "the source raised: broken", 1}, {err.kind, err.message, calls})
    _, err = outcome(function() error {message = "as a table"} end)
    assert.equal("the source raised: as a table", err.message)
    _, err = outcome(function() error {code = 7} end)
    assert.matches("^the source raised: table", err.message)
    _, err = outcome(function() error(setmetatable({}, {__tostring = function() return "I am odd" end})) end)
    assert.equal("the source raised: I am odd", err.message)
    _, err = outcome(function() error(errors.new("limit", "too much")) end)
    assert.same({"limit", "too much"}, {err.kind, err.message})
    _, err = outcome(function() error() end)
    assert.matches("^the source raised: ", err.message)
  end)

  it("that gives no list of addresses fails its lead, once, and changes nothing", function()
    for _, wrong in ipairs {"text", 7, true, {address = "x"}, {1, 2}, {{id = "a"}, "b"}, {oc.null}} do
      local _, err, calls, lead = outcome(function() return wrong end)
      assert.same({"shape", 1}, {err and err.kind, calls}, oc.encode {wrong})
      assert.is_nil(lead.civicAddresses)
    end
  end)
end)

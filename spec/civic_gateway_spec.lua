-- Azure Communications Gateway as a source of addresses: pages, tags, credentials, pace, and all that can go wrong.

local errors = require "oc.errors"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local wire_server = require "support.wire_server"
local world = require "support.world"

local ALL_FOUND = {fail_percent = 0, once_percent = 0, empty_percent = 0}

local turns

local function bare(lead) return {id = lead.id, tenantId = lead.tenantId} end

-- What a run lets a source know; how often a turn was waited for is counted.
local function ask(left_s)
  return {attempt = 1, left_s = function() return left_s end, turn = function()
    turns = turns + 1
    return true
  end}
end

describe("oc.civic.source.gateway", function()
  local server, leads, raw, host

  setup(function()
    server = sandbox_child.start {leads = 300, civic_sync = false}
    local client = world.client(server.url)
    leads = assert(client:leads {page_size = 300, max_pages = math.huge}:all())
    client.host:close()
  end)
  teardown(function() server:close() end)
  before_each(function() turns = 0 end)
  after_each(function()
    if raw then raw:close() end
    if host then
      assert.equal(0, host.pool:counts().open, "an exchange is still open")
      host:close()
    end
    raw, host = nil, nil
  end)

  local function gateway(given)
    local all = {auth = false, log = false, host = host}
    for name, value in pairs(given) do all[name] = value end
    return assert(oc.civic.source.gateway(all))
  end

  -- A source before the sandbox's gateway.
  local function sandboxed(options, given)
    options.leads = options.leads or 300
    options.civic_sync = options.civic_sync or ALL_FOUND
    server:configure(options)
    if host then host:close() end
    host = world.host()
    local all = {base_url = server.url}
    for name, value in pairs(given or {}) do all[name] = value end
    return gateway(all)
  end

  -- A source before a gateway that is played by hand: by a function, or by one answer for all.
  local function played(answer, given)
    if raw then raw:close() end
    if host then host:close() end
    raw = wire_server.new(type(answer) == "function" and answer or function() return answer end)
    host = wire_server.host {raw}
    local all = {base_url = raw.url}
    for name, value in pairs(given or {}) do all[name] = value end
    return gateway(all)
  end

  local LEAD = {id = "1", tenantId = "t"}

  local function error_of(source, lead)
    local addresses, err = source:fetch(lead or LEAD, ask())
    assert.is_nil(addresses)
    assert.is_true(errors.is(err))
    return err
  end

  local function page(ids, link)
    local parts = {}
    for i, id in ipairs(ids) do parts[i] = ('{"id":"%s"}'):format(id) end
    return ('{"value":[%s]%s}'):format(table.concat(parts, ","), link and ',"nextLink":' .. link or "")
  end

  local function ids_of(addresses)
    local ids = {}
    for i, address in ipairs(addresses) do ids[i] = address.id end
    return table.concat(ids, " ")
  end

  describe("pages", function()
    it("are all read, each in its turn, and give what leads have", function()
      local source = sandboxed {gateway_page_size = 1}
      local lead = bare(leads[8]) -- has four
      local result = assert(oc.civic.sync({lead}, {policy = oc.civic.policy.all, source = source, log = false}))
      assert.same({1, 0}, {result.asked, result.failed})
      local found = lead.civicAddresses
      assert.equal(4, #found)
      for _, address in ipairs(found) do
        assert.is_string(address.latitude)
        for _, location in ipairs(address.locations) do assert.is_string(location.isDefault) end
      end
      local requests = server:journal().requests
      assert.equal(4, #requests)
      for i, request in ipairs(requests) do
        assert.same({i, "2024-02-29-preview", lead.tenantId}, {request.page, request.query["api-version"],
          request.account})
      end
    end)

    it("take a turn each but the first, which has been given", function()
      local source = sandboxed {gateway_page_size = 1}
      assert.equal(4, #assert(source:fetch(leads[8], ask())))
      assert.equal(3, turns)
    end)

    it("end where the run is stopped", function()
      local source = sandboxed {gateway_page_size = 1}
      local stopped = errors.new("cancelled", "stopped")
      local addresses, err = source:fetch(leads[8],
        {left_s = function() end, turn = function() return nil, stopped end})
      assert.is_nil(addresses)
      assert.equal(stopped, err)
      assert.equal(1, #server:journal().requests)
    end)

    it("are followed by links as they are written: whole, or without an origin", function()
      local links = {"/accounts/t/x?p=2", "?p=3", "other?p=4", "//HOST/q?p=5", "http://HOST/q?p=6#part"}
      local source = played(function(_, number)
        local link = links[number] and '"' .. links[number]:gsub("HOST", "127.0.0.1:" .. raw.port) .. '"'
        return wire_server.ok(page({tostring(number)}, link))
      end)
      assert.equal("1 2 3 4 5 6", ids_of(assert(source:fetch(LEAD, ask()))))
      local targets = {}
      for i, request in ipairs(raw.requests) do targets[i] = request.target end
      assert.same({"/accounts/t/teamsCivicAddresses?api-version=2024-02-29-preview", "/accounts/t/x?p=2",
        "/accounts/t/x?p=3", "/accounts/t/other?p=4", "/q?p=5", "/q?p=6"}, targets)
    end)

    it("end with no link, null or an empty one", function()
      for _, link in ipairs {false, "null", '""'} do
        assert.equal("a", ids_of(assert(played(wire_server.ok(page({"a"}, link or nil))):fetch(LEAD, ask()))))
      end
    end)

    it("are not followed elsewhere, nor is half an answer given", function()
      for _, link in ipairs {'"http://example.com/x"', '"https://127.0.0.1:PORT/x"', '"//example.com/x"',
        '"http://localhost:PORT/x"', '"http://127.0.0.1:1/x"'} do
        local source = played(function() return wire_server.ok(page({"a"}, (link:gsub("PORT", raw.port)))) end)
        local err = error_of(source)
        assert.same({"shape", "cannot read addresses from the gateway: 'nextLink' leads elsewhere"},
          {err.kind, err.message}, link)
        assert.equal(1, #raw.requests)
      end
      for _, link in ipairs {"7", "true", "{}", '["/x"]', '"ftp://127.0.0.1/x"', '"http://user:word@127.0.0.1/x"',
        '"/with blank"', '"/line\\nend"', '"http:"'} do
        local err = error_of(played(wire_server.ok(page({"a"}, link))))
        assert.same({"shape", "cannot read addresses from the gateway: 'nextLink' is no address"},
          {err.kind, err.message}, link)
      end
    end)

    it("are not followed in a circle, nor for ever", function()
      local err = error_of(played(wire_server.ok(page({"a"}, '"/x?p=2"'))))
      assert.matches("'nextLink' leads in a circle", err.message)
      assert.equal(2, #raw.requests)
      err = error_of(played(function(request) return wire_server.ok(page({"a"}, ('"%s"'):format(request.target))) end))
      assert.matches("in a circle", err.message)
      assert.equal(1, #raw.requests)
      local source = played(function(_, number) return wire_server.ok(page({"a"}, ('"/x?p=%d"'):format(number))) end)
      err = error_of(source)
      assert.same({"shape", "cannot read addresses from the gateway: more than 1000 pages"}, {err.kind, err.message})
      assert.equal(1000, #raw.requests)
    end)
  end)

  describe("a tag", function()
    it("is sent the second time, and an answer that has not changed is used again", function()
      local source = sandboxed {}
      local first = assert(source:fetch(leads[2], ask()))
      first[1].country = "changed by whoever got it"
      local second = assert(source:fetch(leads[2], ask()))
      assert.equal("IL", second[1].country)
      second[1].country = "changed too"
      assert.equal("IL", source:fetch(leads[2], ask())[1].country)
      assert.truthy(#assert(source:fetch(leads[4], ask())) > 0)
      local outcomes = {}
      for i, request in ipairs(server:journal().requests) do outcomes[i] = request.outcome end
      assert.same({"ok", "not_modified", "not_modified", "ok"}, outcomes)
    end)

    it("serves a second run of the same source", function()
      local source = sandboxed {}
      local some = {bare(leads[2]), bare(leads[4]), bare(leads[7]), bare(leads[8]), bare(leads[10])}
      local options = {policy = oc.civic.policy.all, source = source, log = false}
      assert.equal(5, assert(oc.civic.sync(some, options)).synced)
      assert.equal(5, assert(oc.civic.sync(some, options)).unchanged)
      local not_modified = 0
      for _, request in ipairs(server:journal().requests) do
        if request.outcome == "not_modified" then not_modified = not_modified + 1 end
      end
      assert.equal(5, not_modified)
    end)

    it("is kept of an empty answer too", function()
      local lead = leads[2]
      local source = played(function(request)
        if request.headers["if-none-match"] == 'W/"7"' then return "HTTP/1.1 304 Not Modified\r\n\r\n" end
        return wire_server.ok('{"value":[]}', 'ETag: W/"7"\r\n')
      end)
      assert.same({}, source:fetch(lead, ask()))
      assert.same({}, source:fetch(lead, ask()))
      assert.equal('W/"7"', raw.requests[2].headers["if-none-match"])
    end)

    it("that was not sent makes a 304 an error", function()
      local err = error_of(played "HTTP/1.1 304 Not Modified\r\n\r\n")
      assert.same({"http", 304, false}, {err.kind, err.status, err.again})
    end)

    it("of a first page of several is not used, nor one on a page that follows", function()
      local source = played(function(request, number)
        local tag = 'ETag: "t"\r\n'
        if request.target:find "p=2" then return wire_server.ok(page {"b"}, tag) end
        return wire_server.ok(page({"a" .. number}, '"/x?p=2"'), tag)
      end)
      assert.equal("a1 b", ids_of(source:fetch(LEAD, ask())))
      assert.equal("a3 b", ids_of(source:fetch(LEAD, ask())))
      for _, request in ipairs(raw.requests) do assert.is_nil(request.headers["if-none-match"]) end
      source = played(function(request)
        if request.target:find "p=2" then return "HTTP/1.1 304 Not Modified\r\n\r\n" end
        return wire_server.ok(page({"a"}, '"/x?p=2"'))
      end)
      assert.equal(304, error_of(source).status)
    end)

    it("is renewed with what it stands for", function()
      local source = played(function(request, number)
        if request.headers["if-none-match"] == '"2"' then return "HTTP/1.1 304 Not Modified\r\n\r\n" end
        return wire_server.ok(page {"a" .. number}, ('ETag: "%d"\r\n'):format(number))
      end)
      assert.equal("a1", ids_of(source:fetch(LEAD, ask())))
      assert.equal("a2", ids_of(source:fetch(LEAD, ask())))
      assert.equal("a2", ids_of(source:fetch(LEAD, ask())))
    end)

    it("that could not be sent back is none", function()
      for _, tag in ipairs {"no quotes", '"a\tb"', '"' .. ("x"):rep(2000) .. '"', '"\1"'} do
        local source = played(wire_server.ok(page {"a"}, "ETag: " .. tag .. "\r\n"))
        assert.equal("a", ids_of(assert(source:fetch(LEAD, ask()))))
        assert.equal("a", ids_of(assert(source:fetch(LEAD, ask()))))
        assert.is_nil(raw.requests[2].headers["if-none-match"])
      end
    end)
  end)

  describe("an account", function()
    it("is the tenant, or what a function says, escaped", function()
      local lead = {tenantId = "a b/c?d#e%f&g=h+ü'\"", id = "1"}
      local source = played(wire_server.ok(page {}))
      assert.same({}, source:fetch(lead, ask()))
      assert.equal("/accounts/a%20b%2Fc%3Fd%23e%25f%26g%3Dh%2B%C3%BC%27%22/teamsCivicAddresses?api-version="
        .. "2024-02-29-preview", raw.requests[1].target)
      local asked
      source = played(wire_server.ok(page {}), {api_version = "v&1", account = function(given)
        asked = given
        return "contoso..x"
      end})
      assert.same({}, source:fetch(lead, ask()))
      assert.equal("/accounts/contoso..x/teamsCivicAddresses?api-version=v%261", raw.requests[1].target)
      assert.equal(lead, asked)
    end)

    it("that there is none of is an unknown tenant, and nobody is asked", function()
      for _, account in ipairs {"", ".", "..", false, 7} do
        local source = played(wire_server.ok(page {}), {account = function() return account or nil end})
        local err = error_of(source)
        assert.same({"options", "the gateway has no account for this lead", true},
          {err.kind, err.message, err.unknown_tenant})
        assert.equal(0, #raw.requests)
      end
      assert.is_true(error_of(played(wire_server.ok(page {})), {id = "1", tenantId = oc.null}).unknown_tenant)
    end)

    it("whose function raises fails its lead only", function()
      local source = sandboxed({}, {account = function(lead)
        if lead.id == leads[4].id then error "no idea" end
        return lead.tenantId
      end})
      local some = {bare(leads[2]), bare(leads[4]), bare(leads[8])}
      local result = assert(oc.civic.sync(some, {policy = oc.civic.policy.all, source = source, log = false}))
      assert.same({2, 1}, {result.synced, result.failed})
      assert.equal(some[2], result.failures[1].lead)
      assert.matches("^the source raised: .*no idea", result.failures[1].err.message)
    end)
  end)

  it("keeps its pace of 100 a minute, each page counted", function()
    local some, by_tenant = {}, {}
    for i, lead in ipairs(leads) do
      if #some < 250 and not by_tenant[lead.tenantId] then
        by_tenant[lead.tenantId] = true
        some[#some + 1] = {id = ("%03d"):format(i), tenantId = lead.tenantId}
      end
    end
    assert.equal(250, #some)
    local source = sandboxed {gateway_page_size = 1, gateway_etag = false}
    local started = host.now()
    local result = assert(oc.civic.sync(some, {policy = oc.civic.policy.all, source = source, log = false,
      concurrency = 16}))
    assert.same({0, 250}, {result.failed, result.asked})
    local requests = #server:journal().requests
    assert.truthy(requests > 250)
    local took = host.now() - started
    local wanted = (requests - 1) * 60 / 100
    assert.truthy(took >= wanted - 0.01 and took < wanted + 10, ("%g s for %d requests"):format(took, requests))
  end)
end)

-- The sandbox's gateway, through real sockets: whose addresses it gives, how it fails, what it leaves alone.

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local socket = require "socket"

local data = require "oc.sandbox.data"
local gateway = require "oc.sandbox.gateway"
local json = require "oc.sandbox.json"
local options = require "oc.sandbox.options"
local store = require "oc.sandbox.store"
local sandbox_child = require "support.sandbox_child"
local wire = require "support.sandbox_wire"

local LEADS, GOOD_FORM, TENANT = wire.LEADS, wire.GOOD_FORM, wire.TENANT
local ask, leads_of, ask_token, bearer = wire.ask, wire.leads_of, wire.ask_token, wire.bearer

local VERSION = "api-version=2024-02-29-preview"
local ALL_FOUND = { fail_percent = 0, once_percent = 0, empty_percent = 0 }
local WHOLE = "?PageSize=300"

local function path_of(account, query)
  return ("/accounts/%s/teamsCivicAddresses?%s"):format(account, query or VERSION)
end

local function is_bare(lead)
  return lead.civicAddresses == cjson.null or #lead.civicAddresses == 0
end

describe("the sandbox's gateway", function()
  local child
  local leads, bare_direct, bare_consented, with_addresses

  -- Tenants of one lead, so that nothing is decided by another.
  local function sort_out()
    local count = {}
    for _, lead in ipairs(leads) do count[lead.tenantId] = (count[lead.tenantId] or 0) + 1 end
    for i, lead in ipairs(leads) do
      local list = not is_bare(lead) and with_addresses or lead.isDirectLead and bare_direct or bare_consented
      if count[lead.tenantId] == 1 and i > data.sample_count then list[#list + 1] = lead end
    end
  end

  setup(function()
    bare_direct, bare_consented, with_addresses = {}, {}, {}
    child = sandbox_child.start { leads = 300, civic_sync = false }
    leads = leads_of(child, WHOLE)
    sort_out()
  end)
  teardown(function() child:close() end)
  before_each(function() child:configure { leads = 300, civic_sync = ALL_FOUND } end)

  local function ask_for(account, given)
    local reply = ask(child, path_of(account), given)
    return reply.status, reply, reply.body ~= "" and cjson.decode(reply.body) or nil
  end

  local function addresses_of(account)
    local status, _, answer = ask_for(account)
    assert.equal(200, status)
    return answer.value
  end

  local function assert_refused(reply, status, code)
    local answer = cjson.decode(reply.body).error
    assert.same({ status, code, code }, { reply.status, answer.code, reply.headers["x-ms-error-code"] })
    assert.equal("application/json; charset=utf-8", reply.headers["content-type"])
    assert.truthy(#answer.message > 0)
    assert.same({}, answer.details)
    assert.truthy(answer.innererror and answer.target)
    assert.truthy(reply.body:find('"details":[]', 1, true))
    return answer
  end

  -- The address as a lead has it, of one that the gateway gave.
  local function as_in_lead(address)
    local same = {}
    for name, value in pairs(address) do same[name] = value end
    same.latitude, same.longitude, same.locations = nil, nil, {}
    for i, location in ipairs(address.locations) do
      assert.is_boolean(location.isDefault)
      same.locations[i] = {}
      for name, value in pairs(location) do same.locations[i][name] = value end
      same.locations[i].isDefault = tostring(location.isDefault)
    end
    return same
  end

  local function all_as_in_lead(addresses)
    local same = {}
    for i, address in ipairs(addresses) do same[i] = as_in_lead(address) end
    return same
  end

  describe("addresses", function()
    it("are those that a lead has, whatever the case of the account", function()
      for _, lead in ipairs { with_addresses[1], with_addresses[2], leads[2], leads[4], leads[8], leads[10] } do
        local addresses = addresses_of(lead.tenantId:upper())
        assert.same(lead.civicAddresses, all_as_in_lead(addresses))
        assert.same(addresses, addresses_of(lead.tenantId))
      end
    end)

    it("have coordinates near their country, alike each time", function()
      local address = addresses_of(leads[2].tenantId)[1]
      local north, east = tonumber(address.latitude), tonumber(address.longitude)
      assert.same({ "string", "string" }, { type(address.latitude), type(address.longitude) })
      assert.truthy(north > 31.8 and north < 32 and east > 34.7 and east < 35)
      for _, lead in ipairs(with_addresses) do
        for _, one in ipairs(addresses_of(lead.tenantId)) do
          assert.truthy(one.latitude:find "^%-?%d+%.%d%d%d%d$" and one.longitude:find "^%-?%d+%.%d%d%d%d$")
        end
      end
      child:configure()
      assert.same(address, addresses_of(leads[2].tenantId)[1])
    end)

    it("of a lead without any are those that the lead endpoint would find", function()
      for i = 1, 5 do
        local lead = bare_direct[i]
        local found = addresses_of(lead.tenantId)
        assert.truthy(#found > 0)
        assert.same(leads_of(child, "?msTenantId=" .. lead.tenantId)[1].civicAddresses, all_as_in_lead(found))
      end
    end)

    it("are known of consented leads and samples without any, too", function()
      for _, lead in ipairs { bare_consented[1], bare_consented[2], leads[1], leads[3], leads[9] } do
        local found = addresses_of(lead.tenantId)
        assert.truthy(#found > 0)
        assert.equal(lead.tenantId, found[1].tenantId)
        assert.equal(200, (ask_for(lead.tenantId)))
      end
      assert.equal(leads[1].contactDetails.companyName, addresses_of(leads[1].tenantId)[1].companyName)
    end)

    it("of a tenant with two leads are those of either", function()
      local seen = 0
      for i = 1, 299 do
        local one, other = leads[i], leads[i + 1]
        if one.tenantId == other.tenantId then
          local expected = {}
          for _, lead in ipairs { one, other } do
            for _, address in ipairs(is_bare(lead) and {} or lead.civicAddresses) do
              expected[#expected + 1] = address
            end
          end
          local found = all_as_in_lead(addresses_of(one.tenantId))
          if #expected > 0 then assert.same(expected, found) else assert.truthy(#found > 0) end
          seen = seen + 1
        end
      end
      assert.truthy(seen > 3)
    end)

    it("are given also of rows that drifted away, and of leads that came from Microsoft", function()
      local even = TENANT:gsub("d$", "e")
      child:configure { leads = 300, drift = { after_page = 1, remove = 20 }, civic_sync = ALL_FOUND }
      assert.equal(404, (ask_for(even)))
      leads_of(child, "?checkOnline=true&msTenantId=" .. even)
      leads_of(child)
      assert.equal(even, addresses_of(even)[1].tenantId)
      assert.same(leads[2].civicAddresses, all_as_in_lead(addresses_of(leads[2].tenantId)))
    end)

    it("from the option online may be anything", function()
      local address = { id = "a-1", note = '"isDefault":"true", {[,]}', country = "Q\\Q" }
      local given = { id = "x-1", civicAddresses = { address } }
      child:configure { online = { [TENANT] = given } }
      leads_of(child, "?checkOnline=true&msTenantId=" .. TENANT)
      assert.same(given.civicAddresses, addresses_of(TENANT))
      child:configure { online = { [TENANT] = { id = "x-1" } }, civic_sync = ALL_FOUND }
      leads_of(child, "?checkOnline=true&msTenantId=" .. TENANT)
      assert.equal(TENANT, addresses_of(TENANT)[1].tenantId)
    end)
  end)

  describe("outcomes", function()
    it("follow civic_outcomes, for leads without addresses", function()
      local a, b, c, d = bare_direct[1], bare_direct[2], bare_consented[1], with_addresses[1]
      child:configure { leads = 300, civic_sync = ALL_FOUND,
        civic_outcomes = { [a.id] = "fail", [b.id] = "once", [c.id] = "empty", [d.id] = "fail" } }
      for _ = 1, 2 do
        local status, reply = ask_for(a.tenantId)
        assert.truthy(status == 500 or status == 503)
        local code = status == 500 and "InternalServerError" or "ServiceUnavailable"
        assert.equal("UpstreamFailed", assert_refused(reply, status, code).innererror.code)
      end
      assert.not_equal(200, (ask_for(b.tenantId)))
      assert.truthy(#addresses_of(b.tenantId) > 0)
      local _, empty = ask_for(c.tenantId)
      assert.same({ 200, '{"value":[]}' }, { empty.status, empty.body })
      assert.same(d.civicAddresses, all_as_in_lead(addresses_of(d.tenantId)))
      local outcomes = {}
      for i, entry in ipairs(child:journal().requests) do outcomes[i] = entry.outcome end
      assert.same({ "fail", "fail", "fail", "ok", "empty", "ok" }, outcomes)
    end)

    it("follow the percentages of civic_sync", function()
      local statuses = {}
      child:configure { leads = 300, civic_sync = { fail_percent = 100 } }
      for _, lead in ipairs(bare_direct) do
        local status = ask_for(lead.tenantId)
        statuses[status] = true
      end
      assert.same({ [500] = true, [503] = true }, statuses)
      assert.equal(200, (ask_for(with_addresses[1].tenantId)))
      child:configure { leads = 300, civic_sync = { fail_percent = 0, once_percent = 0, empty_percent = 100 } }
      assert.equal(0, #addresses_of(bare_direct[1].tenantId))
      child:configure { leads = 300, civic_sync = false }
      assert.truthy(#addresses_of(bare_direct[1].tenantId) > 0)
    end)

    it("of two leads of a tenant: the one that is named decides", function()
      local function twins(first_is_bare)
        for i = 1, 299 do
          if leads[i].tenantId == leads[i + 1].tenantId and is_bare(leads[i]) == first_is_bare
            and is_bare(leads[i + 1]) then return leads[i], leads[i + 1] end
        end
      end
      local consented, direct = twins(true)
      child:configure { leads = 300, civic_outcomes = { [consented.id] = "empty" }, civic_sync = ALL_FOUND }
      assert.equal(0, #addresses_of(direct.tenantId))
      child:configure { leads = 300, civic_sync = ALL_FOUND }
      assert.same(leads_of(child, "?msTenantId=" .. direct.tenantId)[2].civicAddresses,
        all_as_in_lead(addresses_of(direct.tenantId)))
      consented, direct = twins(false)
      child:configure { leads = 300, civic_sync = { fail_percent = 100 } }
      assert.same(consented.civicAddresses, all_as_in_lead(addresses_of(direct.tenantId)))
      child:configure { leads = 300, civic_outcomes = { [direct.id] = "fail" }, civic_sync = ALL_FOUND }
      assert.not_equal(200, (ask_for(direct.tenantId)))
    end)

    it("leave the lead endpoint as it is, and it them", function()
      local settings = { leads = 300, civic_outcomes = { [bare_direct[1].id] = "once", [bare_direct[2].id] = "empty" },
        civic_sync = ALL_FOUND }
      child:configure(settings)
      local untouched = ask(child, LEADS .. WHOLE).body
      child:configure(settings)
      for _, lead in ipairs(leads) do ask_for(lead.tenantId) end
      child:empty_journal()
      assert.equal(untouched, ask(child, LEADS .. WHOLE).body)
      assert.equal(1, child:journal().requests[1].civic.failed)
      child:configure(settings)
      leads_of(child, WHOLE)
      leads_of(child, WHOLE)
      assert.not_equal(200, (ask_for(bare_direct[1].tenantId)))
      assert.equal(0, #addresses_of(bare_direct[2].tenantId))
    end)
  end)

  describe("a request", function()
    it("for an unknown account gets a 404", function()
      local _, reply = ask_for "nobody%20%22here"
      assert.equal("account", assert_refused(reply, 404, "AccountNotFound").target)
      assert.same({ 'nobody "here', "unknown" },
        { child:journal().requests[1].account, child:journal().requests[1].outcome })
    end)

    it("without the api-version, or with another, gets a 400", function()
      local tenant = leads[2].tenantId
      for _, query in ipairs { "", "api-version=", "version=2024-02-29-preview" } do
        assert_refused(ask(child, path_of(tenant, query)), 400, "MissingApiVersionParameter")
      end
      assert_refused(ask(child, path_of(tenant, "api-version=2024-02-29")), 400, "UnsupportedApiVersion")
      assert_refused(ask(child, path_of(tenant, VERSION .. "&$skip=-1")), 400, "InvalidQueryParameterValue")
      assert.equal(200, ask(child, path_of(tenant, "API-Version=2024-02-29-preview")).status)
      assert.is_nil(child:journal().requests[1].outcome)
    end)

    it("elsewhere, or of another method, is none of the gateway's", function()
      assert.equal(404, ask(child, "/accounts/teamsCivicAddresses?" .. VERSION).status)
      assert.equal(404, ask(child, "/x" .. path_of(leads[2].tenantId)).status)
      assert.equal(404, ask(child, path_of(leads[2].tenantId), { method = "POST", body = "" }).status)
      assert.is_nil(child:journal().requests[1].account)
    end)

    it("needs the tokens of the leads", function()
      child:configure { client_id = GOOD_FORM.client_id, client_secret = GOOD_FORM.client_secret, token_uses = 2,
        faults = { { path = "gateway", attempt = 4, expire_token = true } } }
      local account = leads[2].tenantId
      local _, refused = ask_for(account)
      assert_refused(refused, 401, "Unauthorized")
      assert.equal('Bearer error="invalid_token"', refused.headers["www-authenticate"])
      local token = bearer(cjson.decode(ask_token(child).body).access_token)
      assert.equal(200, (ask_for(account, token)))
      assert.equal(200, ask(child, LEADS, token).status)
      assert.equal(401, (ask_for(account, token)))
      token = bearer(cjson.decode(ask_token(child).body).access_token)
      assert.equal(401, (ask_for(account, token))) -- the fourth: all tokens have just expired
      local requests = child:journal().requests
      assert.same({ false, true }, { requests[1].authorized, requests[3].authorized })
      assert.is_nil(requests[1].outcome)
    end)
  end)

  describe("pages", function()
    it("follow one another by nextLink, on the host that was asked", function()
      child:configure { gateway_page_size = 3 }
      local lead = leads[8]
      assert.truthy(#lead.civicAddresses > 3)
      local url, found, links = child.url .. path_of(lead.tenantId), {}, 0
      while url do
        assert.equal(child.url, url:sub(1, #child.url))
        local chunks = {}
        assert.equal(200, select(2, http.request { url = url, sink = ltn12.sink.table(chunks) }))
        local answer = cjson.decode(table.concat(chunks))
        for _, address in ipairs(answer.value) do found[#found + 1] = as_in_lead(address) end
        url, links = answer.nextLink, links + 1
      end
      assert.same(lead.civicAddresses, found)
      assert.equal(math.ceil(#found / 3), links)
      local pages = {}
      for i, entry in ipairs(child:journal().requests) do pages[i] = { entry.page, entry.attempt } end
      assert.same({ { 1, 1 }, { 2, 1 } }, { pages[1], pages[2] })
    end)

    it("hold ten addresses by default, and one that is past the end none", function()
      local _, _, answer = ask_for(leads[8].tenantId)
      assert.is_nil(answer.nextLink)
      assert.equal('{"value":[]}', ask(child, path_of(leads[8].tenantId, VERSION .. "&$skip=500")).body)
    end)

    it("are linked relatively for a client that names no host", function()
      child:configure { gateway_page_size = 1 }
      local client = wire.connect(child)
      client:send("GET " .. path_of(leads[8].tenantId) .. " HTTP/1.0\r\n\r\n")
      local answer = cjson.decode(wire.parse_head((wire.read_to_end(client))).body)
      client:close()
      assert.equal("/accounts/" .. leads[8].tenantId, answer.nextLink:match "^(.-)/teamsCivicAddresses%?")
    end)
  end)

  describe("an ETag", function()
    it("spares the body to whoever has it", function()
      local account = leads[2].tenantId
      local _, first = ask_for(account)
      local etag = first.headers.etag
      assert.truthy(etag:find '^"%x+"$')
      for _, tags in ipairs { etag, "W/" .. etag, '"other", ' .. etag, "*" } do
        local _, reply = ask_for(account, { headers = { ["If-None-Match"] = tags } })
        assert.same({ 304, "", etag }, { reply.status, reply.body, reply.headers.etag })
        assert.is_nil(reply.headers["content-length"])
      end
      assert.equal(200, (ask_for(account, { headers = { ["If-None-Match"] = '"other"' } })))
      assert.not_equal(etag, select(2, ask_for(leads[4].tenantId)).headers.etag)
      local requests = child:journal().requests
      assert.same({ "ok", "not_modified", 304, 2 },
        { requests[1].outcome, requests[2].outcome, requests[2].status, requests[2].attempt })
    end)

    it("is there unless it is switched off", function()
      child:configure { gateway_etag = false }
      local _, reply = ask_for(leads[2].tenantId, { headers = { ["If-None-Match"] = "*" } })
      assert.equal(200, reply.status)
      assert.is_nil(reply.headers.etag)
    end)
  end)

  describe("the rate", function()
    it("once exceeded, is told by a 429 with Retry-After", function()
      child:configure { gateway_rate_per_min = 2, faults = { { path = "gateway", attempt = 3, status = 500 } } }
      local account = leads[2].tenantId
      assert.equal(200, (ask_for(account)))
      assert.equal(200, (ask_for(account)))
      local _, reply = ask_for(account)
      assert_refused(reply, 429, "TooManyRequests")
      local seconds = tonumber(reply.headers["retry-after"])
      assert.truthy(reply.headers["retry-after"]:find "^%d+$" and seconds > 30 and seconds <= 60)
      assert.equal(200, ask(child, LEADS).status)
      local entry = child:journal().requests[3]
      assert.same({ account, 3, 429, "limited" }, { entry.account, entry.attempt, entry.status, entry.outcome })
    end)

    it("holds for any minute, by the server's clock", function()
      local now = 1000
      local settings = options.check { gateway_rate_per_min = 3 }
      local subject = gateway.new(settings, store.new(settings), function() return now end)
      local nothing = {
        faults = { meet = function() return {} end },
        tokens = { required = function() return false end },
      }
      local function at(second)
        now = 1000 + second
        local request = { path = "/", headers = {}, query = { { name = "api-version", value = "2024-02-29-preview" } } }
        local answer = subject:answer(request, leads[2].tenantId, {}, nothing)
        return answer.status == 429 and answer.headers["Retry-After"] or answer.status
      end
      assert.same({ 200, 200, 200 }, { at(0), at(10), at(50) })
      assert.same({ 10, 1, 1 }, { at(50), at(59), at(59.5) }) -- those refused do not count
      assert.same({ 200, 10, 200 }, { at(60), at(60), at(70) })
      assert.same({ 40, 200, 10 }, { at(70), at(110), at(110) })
    end)
  end)

  it("takes gateway_latency_s to answer", function()
    child:configure { gateway_latency_s = 0.05, gateway_rate_per_min = 1 }
    local started = socket.gettime()
    assert.equal(200, (ask_for(leads[2].tenantId)))
    assert.truthy(socket.gettime() - started >= 0.05)
    assert.equal(429, (ask_for(leads[2].tenantId)))
  end)

  it("is counted with what else is open", function()
    child:configure { gateway_latency_s = 600 }
    local clients = {}
    for i = 1, 3 do
      clients[i] = wire.connect(child)
      clients[i]:send(wire.request_text("GET", path_of(leads[i].tenantId)))
    end
    local before = child:journal()
    while #before.requests < 3 do before = child:journal() end
    for _, client in ipairs(clients) do client:close() end
    ask(child, LEADS)
    local journal = child:journal()
    assert.equal(3, journal.requests[3].open)
    assert.truthy(journal.max_open >= 3)
    assert.is_true(journal.requests[1].aborted)
  end)

  describe("faults", function()
    it("meet it only when they say so, by account, page and attempt", function()
      local a, b = leads[8].tenantId, leads[2].tenantId
      child:configure { gateway_page_size = 1, faults = {
        { status = 502 },
        { path = "gateway", tenant = a:upper(), page = 2, attempt = 1, status = 503 },
        { path = "gateway", tenant = b, attempt = 2, drop_before_head = "close" },
      } }
      local second = path_of(a, VERSION .. "&%24skip=1")
      assert.equal(200, (ask_for(a)))
      assert.equal(503, ask(child, second).status)
      assert.equal(200, ask(child, second).status)
      assert.equal(200, (ask_for(b)))
      assert.equal("", ask(child, path_of(b:upper())).bytes)
      assert.equal(200, (ask_for(b)))
      local requests, attempts = child:journal().requests, {}
      for i, entry in ipairs(requests) do attempts[i] = entry.attempt end
      assert.same({ 1, 1, 2, 1, 2, 3 }, attempts)
      assert.is_nil(requests[2].outcome or requests[5].outcome)
      assert.equal(b, requests[5].account)
    end)

    it("meet the same share of accounts as of tenants", function()
      local function statuses(path, path_of_tenant)
        child:configure { leads = 300, faults = { { path = path, percent = 30, percent_from = 40, status = 418 } } }
        local found, met = {}, 0
        for i = 1, 60 do
          found[i] = ask(child, path_of_tenant(leads[i].tenantId)).status == 418
          met = met + (found[i] and 1 or 0)
        end
        assert.truthy(met > 6 and met < 30, met)
        return found
      end
      assert.same(statuses("lead", function(tenant) return LEADS .. "?msTenantId=" .. tenant:upper() end),
        statuses("gateway", path_of))
    end)

    it("that answer in its place do not use up the outcome once", function()
      local lead = bare_direct[1]
      child:configure { leads = 300, civic_outcomes = { [lead.id] = "once" }, civic_sync = ALL_FOUND,
        faults = { { path = "gateway", times = 1, status = 502 } } }
      assert.equal(502, (ask_for(lead.tenantId)))
      assert.not_equal(200, (ask_for(lead.tenantId)))
      assert.equal(200, (ask_for(lead.tenantId)))
    end)
  end)

  it("is told about in the log", function()
    local lines = {}
    local server = assert(require("oc.sandbox").new { log = function(line) lines[#lines + 1] = line end })
    local client = wire.connect(server)
    client:send(wire.request_text("GET", path_of "nobody", { Connection = "close" }))
    client:settimeout(0)
    repeat
      server:step(wire.GIVE_UP_S)
      local _, problem = client:receive "*a"
    until problem ~= "timeout"
    client:close()
    server:close()
    assert.truthy(lines[1]:find "^GET /accounts/nobody/teamsCivicAddresses: unknown %-> 404, %d+ bytes$")
  end)
end)

describe("the elements of a list", function()
  it("are found whatever is in them", function()
    local cases = {
      ["[]"] = {}, ["[1]"] = { "1" }, ['["a,]",{"b":[1,{}]},[],null]'] = { '"a,]"', '{"b":[1,{}]}', "[]", "null" },
      ['["\\"]","\\\\",[[2,3],{"[":"}"}]]'] = { '"\\"]"', '"\\\\"', '[[2,3],{"[":"}"}]' },
    }
    for text, elements in pairs(cases) do
      assert.same(elements, json.elements(text, 1))
      assert.same(elements, json.elements('{"x":' .. text .. ',"y":[9]}', 6))
    end
  end)
end)

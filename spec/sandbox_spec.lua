-- What the sandbox answers, through real sockets: leads, switches, tokens, tenants, civic synchronisation.

local cjson = require "cjson"
local socket = require "socket"

local data = require "oc.sandbox.data"
local sandbox_child = require "support.sandbox_child"
local wire = require "support.sandbox_wire"

local LEADS, TENANT, GOOD_FORM, ask = wire.LEADS, wire.TENANT, wire.GOOD_FORM, wire.ask
local leads_of, ids_of, slice, gunzip = wire.leads_of, wire.ids_of, wire.slice, wire.gunzip
local ask_token, bearer, read_file = wire.ask_token, wire.bearer, wire.read_file

describe("the sandbox", function()
  local child

  setup(function() child = sandbox_child.start() end)
  teardown(function() child:close() end)
  before_each(function() child:configure() end)

  describe("leads", function()
    it("begin with the ten samples, byte for byte", function()
      child:configure { pretty = true }
      local sample = read_file("spec/fixtures/leads-sample.json"):gsub("%s+$", "")
      assert.equal(sample, ask(child, LEADS).body)
    end)

    it("are the first samples when fewer are asked for, and none for 0", function()
      child:configure { leads = 3 }
      assert.equal(3, #leads_of(child))
      child:configure { leads = 0 }
      assert.equal("[]", ask(child, LEADS).body)
    end)

    -- The number is what every Lua must come to; it changes only when the generator does.
    it("have the same bytes on every Lua for one seed", function()
      local sum = 0
      for index = 1, 500 do
        local text = data.lead(1, index)
        for i = 1, #text, 7 do sum = (sum * 31 + text:byte(i)) % 2147483647 end
      end
      assert.equal(1465374777, sum)
      child:configure { leads = 200, seed = 5 }
      local first = ask(child, LEADS .. "?PageSize=200").body
      child:configure { leads = 200, seed = 5 }
      assert.equal(first, ask(child, LEADS .. "?PageSize=200").body)
      child:configure { leads = 200, seed = 6 }
      assert.not_equal(first, ask(child, LEADS .. "?PageSize=200").body)
    end)

    it("are the same whichever page they are read on", function()
      child:configure { leads = 100, civic_sync = false }
      local all = ids_of(child, "?PageSize=100")
      assert.same(slice(all, 43, 49), ids_of(child, "?PageSize=7&PageNumber=7"))
      assert.same(slice(all, 99, 100), ids_of(child, "?PageSize=7&PageNumber=15"))
    end)

    it("are spread as the service's are, with the sample's keys in its order", function()
      local statuses, civic, ids, direct, bytes = {}, {}, {}, 0, 0
      for index = 1, 4000 do
        local text, id, tenant, missing = data.lead(3, index)
        local lead = cjson.decode(text)
        local addresses = lead.civicAddresses
        assert.truthy(text:find('^{"civicAddresses":.*,"comments":.*,"umpCustomerGuid":.*,"contacts":'))
        assert.same({ lead.id, lead.tenantId }, { id, tenant })
        assert.is_nil(ids[id])
        ids[id] = true
        bytes = bytes + #text
        statuses[lead.status] = (statuses[lead.status] or 0) + 1
        local known = addresses == cjson.null and "null" or #addresses
        civic[known] = (civic[known] or 0) + 1
        if lead.isDirectLead then
          direct = direct + 1
          assert.equal(cjson.null, lead.operatorId)
          assert.equal(cjson.null, lead.contacts)
          assert.equal(cjson.null, lead.contactDetails.email)
          assert.same({}, lead.consentedCountries)
        end
        assert.equal(lead.isDirectLead and (known == "null" or known == 0), missing)
      end
      assert.truthy(statuses.Active > 2200 and statuses.Active < 2600)
      assert.truthy(statuses.Removed and statuses.Suspended and statuses["Not Active"])
      assert.truthy(direct > 500 and direct < 700)
      for _, known in ipairs { "null", 0, 1, 2, 3, 4 } do assert.truthy(civic[known], known) end
      assert.truthy(bytes / 4000 > 1300 and bytes / 4000 < 1500)
    end)

    it("of a million can be read at the far end", function()
      child:configure { leads = 1000000 }
      assert.equal(10, #leads_of(child, "?PageNumber=100000"))
      assert.equal("[]", ask(child, LEADS .. "?PageNumber=100001").body)
    end)
  end)

  describe("the lead route", function()
    it("answers below any base path, binds names without case, gives ten by default", function()
      child:configure { leads = 30 }
      assert.equal(10, #leads_of(child))
      local reply = ask(child, "/tenantui" .. LEADS .. "?pagenumber=3&PAGESIZE=13")
      assert.equal(4, #cjson.decode(reply.body))
      assert.equal("application/json; charset=utf-8", reply.headers["content-type"])
      assert.equal(tostring(#reply.body), reply.headers["content-length"])
    end)

    it("answers [] past the end", function()
      assert.equal("[]", ask(child, LEADS .. "?PageNumber=2").body)
      assert.equal("[]", ask(child, LEADS .. "?PageNumber=2147483647&PageSize=20000").body)
    end)

    it("refuses bad values as ASP.NET does", function()
      local bad = { "PageSize=0", "PageSize=20001", "PageSize=ten", "PageNumber=0", "PageNumber=-1", "PageNumber=1.5",
        "PageNumber=99999999999", "checkOnline=maybe" }
      for _, query in ipairs(bad) do
        local reply = ask(child, LEADS .. "?" .. query)
        local problem = cjson.decode(reply.body)
        assert.equal(400, reply.status, query)
        assert.equal("application/problem+json; charset=utf-8", reply.headers["content-type"])
        assert.equal(400, problem.status)
        assert.truthy(problem.type and problem.title and problem.traceId)
        assert.equal(1, #problem.errors[query:match("^%a+")], query)
      end
    end)

    it("compresses for those who accept it", function()
      local plain = ask(child, LEADS)
      local packed = ask(child, LEADS, { headers = { ["Accept-Encoding"] = "deflate, gzip" } })
      assert.is_nil(plain.headers["content-encoding"])
      assert.equal("gzip", packed.headers["content-encoding"])
      assert.equal(plain.body, gunzip(packed.body))
      child:configure { gzip = false }
      local unpacked = ask(child, LEADS, { headers = { ["Accept-Encoding"] = "gzip" } })
      assert.equal(plain.body, unpacked.body)
    end)

    it("answers anything else with a bare JSON string", function()
      for _, path in ipairs { "/", "/api/v2/oc/leads", "/_sandbox/nothing" } do
        local reply = ask(child, path)
        assert.equal(404, reply.status)
        assert.equal('"Not Found"', reply.body)
      end
      assert.equal(404, ask(child, LEADS, { method = "POST", body = "x" }).status)
    end)
  end)

  describe("switches", function()
    it("page_base = 0 counts pages from zero", function()
      child:configure { leads = 20, page_base = 0 }
      local all = ids_of(child, "?PageSize=20")
      assert.same(slice(all, 1, 5), ids_of(child, "?PageSize=5&PageNumber=0"))
      assert.same(slice(all, 6, 10), ids_of(child, "?PageSize=5&PageNumber=1"))
    end)

    it("page_cap makes every page smaller", function()
      child:configure { leads = 20, page_cap = 4 }
      assert.equal(4, #leads_of(child, "?PageSize=100"))
      assert.equal(0, #leads_of(child, "?PageSize=100&PageNumber=6"))
      assert.same(ids_of(child, "?PageSize=4&PageNumber=5"), ids_of(child, "?PageSize=100&PageNumber=5"))
    end)

    it("shape = nested wraps lists into the list", function()
      child:configure { shape = "nested", leads = 11 }
      local ids = {}
      local chunks = leads_of(child, "?PageSize=11")
      assert.equal(2, #chunks)
      for _, chunk in ipairs(chunks) do
        for _, lead in ipairs(chunk) do ids[#ids + 1] = lead.id end
      end
      child:configure { leads = 11 }
      assert.same(ids_of(child, "?PageSize=11"), ids)
      child:configure { shape = "nested", leads = 1 }
      assert.equal(1, #leads_of(child)[1])
      assert.equal("[]", ask(child, LEADS .. "?PageNumber=2").body)
    end)

    it("shape = data, items or value puts the list into an object", function()
      child:configure { shape = "data", leads = 25 }
      local reply = ask(child, LEADS .. "?PageNumber=3")
      local opening = '{"currentPage":3,"pageSize":10,"totalPages":3,"totalRecords":25,"data":[{'
      assert.equal(opening, reply.body:sub(1, #opening))
      assert.equal(5, #cjson.decode(reply.body).data)
      for _, shape in ipairs { "items", "value" } do
        child:configure { shape = shape }
        assert.equal(10, #cjson.decode(ask(child, LEADS).body)[shape])
        assert.equal('{"' .. shape .. '":[]}', ask(child, LEADS .. "?PageNumber=2").body)
      end
    end)

    it("end_status = 404 ends the pages with an error", function()
      child:configure { end_status = 404 }
      assert.equal(200, ask(child, LEADS).status)
      assert.equal(404, ask(child, LEADS .. "?PageNumber=2").status)
    end)

    it("ignore_page always gives the first", function()
      child:configure { leads = 30, ignore_page = true }
      assert.same(ids_of(child), ids_of(child, "?PageNumber=3"))
    end)

    it("page_zero says what comes before the first page", function()
      local function status_of(page) return ask(child, LEADS .. "?PageNumber=" .. page).status end
      child:configure { leads = 30 }
      assert.equal(400, status_of(0))
      child:configure { leads = 30, page_zero = "clamp" }
      assert.same(ids_of(child), ids_of(child, "?PageNumber=0"))
      assert.equal(400, status_of(-1))
      child:configure { leads = 30, page_zero = "empty" }
      assert.equal("[]", ask(child, LEADS .. "?PageNumber=0").body)
      child:configure { leads = 30, page_zero = "empty", page_base = 0 }
      assert.equal(10, #ids_of(child, "?PageNumber=0"))
    end)

    it("exact_names makes other spellings count for nothing", function()
      child:configure { leads = 30, exact_names = true }
      assert.equal(7, #leads_of(child, "?PageSize=7"))
      assert.equal(10, #leads_of(child, "?pagesize=7"))
    end)

    it("base_path is where the leads are, and nowhere else", function()
      child:configure { base_path = "/tenantui" }
      assert.equal(404, ask(child, LEADS).status)
      assert.equal(404, ask(child, "/x/tenantui" .. LEADS).status)
      assert.equal(200, ask(child, "/tenantui" .. LEADS).status)
    end)

    it("drift inserts rows in front once a page was answered", function()
      child:configure { leads = 30 }
      local all = ids_of(child, "?PageSize=30")
      child:configure { leads = 30, drift = { after_page = 1, insert = 3 } }
      assert.same(slice(all, 1, 10), ids_of(child))
      assert.same(slice(all, 8, 17), ids_of(child, "?PageNumber=2"))
      local front = ids_of(child)
      assert.same(slice(all, 1, 7), slice(front, 4, 10))
      assert.same(slice(all, 28, 30), ids_of(child, "?PageNumber=4"))
    end)

    it("drift removes the first rows once a page was answered", function()
      child:configure { leads = 30, drift = { after_page = 2, remove = 4 } }
      local first, second = ids_of(child), ids_of(child, "?PageNumber=2")
      local third = ids_of(child, "?PageNumber=3")
      assert.equal(6, #third)
      assert.same(slice(first, 5, 10), slice(ids_of(child), 1, 6))
      assert.same(slice(second, 1, 4), slice(ids_of(child), 7, 10))
      child:configure { leads = 30 }
      assert.same(slice(ids_of(child, "?PageNumber=3"), 5, 10), third)
    end)
  end)

  describe("bearer tokens", function()
    local function refused(reply)
      assert.equal(401, reply.status)
      assert.equal("", reply.body)
      assert.equal('Bearer error="invalid_token"', reply.headers["www-authenticate"])
    end

    it("are not needed unless configured", function()
      assert.equal(200, ask(child, LEADS).status)
    end)

    it("are needed when a token is set", function()
      child:configure { token = "abc" }
      refused(ask(child, LEADS))
      refused(ask(child, LEADS, bearer "abcd"))
      refused(ask(child, LEADS, { headers = { Authorization = "Basic abc" } }))
      assert.equal(200, ask(child, LEADS, bearer "abc").status)
    end)

    it("are issued for client credentials, and each is valid", function()
      child:configure { client_id = GOOD_FORM.client_id, client_secret = GOOD_FORM.client_secret }
      refused(ask(child, LEADS))
      local reply = ask_token(child)
      local issued = cjson.decode(reply.body)
      assert.same({ 200, "Bearer", 3599 }, { reply.status, issued.token_type, issued.expires_in })
      assert.not_equal(issued.access_token, cjson.decode(ask_token(child).body).access_token)
      assert.equal(200, ask(child, LEADS, bearer(issued.access_token)).status)
      assert.equal(2, child:journal().tokens_issued)
    end)

    it("expire after token_lifetime_s", function()
      child:configure { client_id = "an-app", token_lifetime_s = 0 }
      local issued = cjson.decode(ask_token(child).body)
      assert.equal(0, issued.expires_in)
      refused(ask(child, LEADS, bearer(issued.access_token)))
    end)

    it("are used up after token_uses requests", function()
      child:configure { token = "abc", token_uses = 2 }
      assert.equal(200, ask(child, LEADS, bearer "abc").status)
      assert.equal(200, ask(child, LEADS, bearer "abc").status)
      refused(ask(child, LEADS, bearer "abc"))
      local issued = cjson.decode(ask_token(child).body)
      assert.equal(200, ask(child, LEADS, bearer(issued.access_token)).status)
    end)

    it("are refused as Entra refuses", function()
      child:configure { client_id = GOOD_FORM.client_id, client_secret = GOOD_FORM.client_secret }
      local cases = {
        { { client_secret = "wrong" }, 401, "invalid_client", 7000215 },
        { { client_secret = false }, 401, "invalid_client", 7000218 },
        { { client_id = "other" }, 400, "unauthorized_client", 700016 },
        { { client_id = false }, 400, "invalid_request", 900144 },
        { { grant_type = false }, 400, "invalid_request", 900144 },
        { { scope = false }, 400, "invalid_request", 900144 },
        { { grant_type = "password" }, 400, "unsupported_grant_type", 70003 },
        { { scope = "api://x" }, 400, "invalid_scope", 1002012 },
        { {}, 400, "invalid_request", 900023, "/no%20tenant/oauth2/v2.0/token" },
      }
      for _, case in ipairs(cases) do
        local reply = ask_token(child, case[1], case[5])
        local problem = cjson.decode(reply.body)
        assert.same({ case[2], case[3], { case[4] } }, { reply.status, problem.error, problem.error_codes })
        assert.truthy(problem.error_description:find(("^AADSTS%d: .*\r\nTrace ID: "):format(case[4])))
        assert.truthy(problem.trace_id and problem.correlation_id)
        assert.is_nil(reply.body:find(GOOD_FORM.client_secret, 1, true))
      end
      assert.equal(0, child:journal().tokens_issued)
    end)
  end)

  describe("msTenantId and checkOnline", function()
    local UNKNOWN_EVEN, UNKNOWN_ODD = TENANT:gsub("d$", "e"), TENANT

    it("finds a tenant's leads, also where it has two", function()
      child:configure { leads = 200, civic_sync = false }
      local all = leads_of(child, "?PageSize=200")
      for _, position in ipairs { 1, 10, 11, 63, 150 } do
        local found = leads_of(child, "?msTenantId=" .. all[position].tenantId:upper())
        assert.equal(all[position].id, found[1].id)
      end
      assert.equal(all[63].tenantId, all[64].tenantId)
      local both = leads_of(child, "?mstenantid=" .. all[64].tenantId)
      assert.same({ all[63].id, all[64].id }, { both[1].id, both[2].id })
      assert.same({ all[64].id }, ids_of(child, "?PageSize=1&PageNumber=2&msTenantId=" .. all[64].tenantId))
      assert.same({}, ids_of(child, "?msTenantId=nobody"))
    end)

    it("invents a lead for an even GUID and keeps it", function()
      assert.same({}, ids_of(child, "?msTenantId=" .. UNKNOWN_EVEN))
      local found = leads_of(child, "?checkOnline=true&msTenantId=" .. UNKNOWN_EVEN)
      assert.equal(1, #found)
      assert.equal(UNKNOWN_EVEN, found[1].tenantId)
      assert.same({ found[1].id }, ids_of(child, "?msTenantId=" .. UNKNOWN_EVEN))
      assert.same({ found[1].id }, ids_of(child, "?PageNumber=2"))
      assert.same({}, ids_of(child, "?checkOnline=true&msTenantId=" .. UNKNOWN_ODD))
      assert.same({}, ids_of(child, "?checkOnline=true&msTenantId=0"))
    end)

    it("takes leads from the option online", function()
      local lead = { id = "x-1", contactDetails = { companyName = 'A "B"' }, consentedCountries = {}, zebra = 1.5 }
      child:configure { online = { [UNKNOWN_ODD] = lead } }
      local found, reply = leads_of(child, "?checkOnline=true&msTenantId=" .. UNKNOWN_ODD:upper())
      assert.same({ "x-1", 'A "B"', UNKNOWN_ODD, 1.5 },
        { found[1].id, found[1].contactDetails.companyName, found[1].tenantId, found[1].zebra })
      assert.truthy(reply.body:find('^%[{"civicAddresses":null,"comments":null,'))
      assert.truthy(reply.body:find('"consentedCountries":%[%],.*"zebra":1%.5}'))
      assert.same({}, ids_of(child, "?checkOnline=true&msTenantId=" .. UNKNOWN_EVEN))
    end)

    it("synchronises addresses of what came from the option online", function()
      local lead = { id = "x-1", isDirectLead = true }
      child:configure { online = { [UNKNOWN_ODD] = lead }, civic_outcomes = { ["x-1"] = "ok" } }
      local found = leads_of(child, "?checkOnline=true&msTenantId=" .. UNKNOWN_ODD)
      assert.equal(UNKNOWN_ODD, found[1].civicAddresses[1].tenantId)
    end)
  end)

  describe("civic synchronisation", function()
    local WHOLE = "?PageSize=300"
    local missing, untouched

    setup(function()
      missing, untouched = {}, {}
      child:configure { leads = 300, civic_sync = false }
      for _, lead in ipairs((leads_of(child, WHOLE))) do
        local bare = lead.civicAddresses == cjson.null or #lead.civicAddresses == 0
        if lead.isDirectLead and bare then missing[#missing + 1] = lead end
        if bare and not lead.isDirectLead then untouched[#untouched + 1] = lead.id end
      end
    end)

    local function by_id()
      local found = {}
      for _, lead in ipairs((leads_of(child, WHOLE))) do found[lead.id] = lead end
      return found
    end

    it("puts addresses into direct leads without any, during the GET, for good", function()
      child:configure { leads = 300, civic_sync = { fail_percent = 0, once_percent = 0, empty_percent = 0 } }
      local found = by_id()
      assert.truthy(#missing > 10)
      for _, lead in ipairs(missing) do
        assert.truthy(#found[lead.id].civicAddresses > 0)
        assert.equal(lead.tenantId, found[lead.id].civicAddresses[1].tenantId)
        assert.equal(lead.status, found[lead.id].status)
      end
      for _, id in ipairs(untouched) do
        local addresses = found[id].civicAddresses
        assert.truthy(addresses == cjson.null or #addresses == 0)
      end
      by_id()
      local journal = child:journal()
      assert.same({ ok = #missing, failed = 0, empty = 0 }, journal.requests[1].civic)
      assert.same({ ok = 0, failed = 0, empty = 0 }, journal.requests[2].civic)
    end)

    it("shows what it found on pages that were kept", function()
      child:configure { leads = 300, civic_outcomes = { [missing[1].id] = "ok" },
        civic_sync = { fail_percent = 100, once_percent = 0, empty_percent = 0 } }
      by_id()
      local alone = leads_of(child, "?msTenantId=" .. missing[1].tenantId)
      assert.same(alone[#alone].civicAddresses, by_id()[alone[#alone].id].civicAddresses)
    end)

    it("does as each lead's outcome says", function()
      local a, b, c, d = missing[1].id, missing[2].id, missing[3].id, missing[4].id
      child:configure { leads = 300, civic_outcomes = { [a] = "ok", [b] = "fail", [c] = "empty", [d] = "once" },
        civic_sync = { fail_percent = 100, once_percent = 0, empty_percent = 0 } }
      local first, second = by_id(), by_id()
      assert.truthy(#first[a].civicAddresses > 0)
      assert.same(missing[2], first[b])
      assert.same({}, first[c].civicAddresses)
      assert.same(missing[4], first[d])
      assert.truthy(#second[d].civicAddresses > 0)
      assert.same(missing[2], second[b])
      local journal = child:journal()
      assert.same({ ok = 1, failed = #missing - 2, empty = 1 }, journal.requests[1].civic)
      assert.same({ ok = 1, failed = #missing - 3, empty = 1 }, journal.requests[2].civic)
      local failures = {}
      for _, failure in ipairs(journal.civic_failures) do failures[failure.lead] = failure end
      assert.equal(missing[2].tenantId, failures[b].tenant)
      assert.truthy(#failures[b].why > 0)
      assert.is_nil(failures[a] or failures[c])
    end)

    it("is spread by the percentages, alike each time", function()
      child:configure { leads = 300 }
      by_id()
      local once = child:journal().requests[1].civic
      assert.truthy(once.ok > 0 and once.failed > 0)
      assert.equal(#missing, once.ok + once.failed + once.empty)
      child:configure { leads = 300 }
      by_id()
      assert.same(once, child:journal().requests[1].civic)
      child:configure { leads = 300, civic_sync = { fail_percent = 0, once_percent = 0, empty_percent = 100 } }
      by_id()
      assert.same({ ok = 0, failed = 0, empty = #missing }, child:journal().requests[1].civic)
    end)

    it("takes civic_latency_s for each lead", function()
      child:configure { leads = 300, civic_latency_s = 0.05 }
      local started = socket.gettime()
      local found = leads_of(child, "?msTenantId=" .. missing[1].tenantId)
      assert.truthy(#found > 0)
      assert.truthy(socket.gettime() - started >= 0.05)
    end)
  end)
end)

-- The sandbox through real sockets: its routes, its data, its options, its faults, its end.

local cjson = require "cjson"
local socket = require "socket"
local zlib = require "zlib"

local data = require "oc.sandbox.data"
local sandbox = require "oc.sandbox"
local sandbox_child = require "support.sandbox_child"

local LEADS = "/api/v2/oc/lead"
local GIVE_UP_S = 20

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function port_of(url)
  return tonumber(url:match(":(%d+)$"))
end

local function connect(child)
  local client = assert(socket.connect("127.0.0.1", port_of(child.url)))
  client:settimeout(GIVE_UP_S)
  return client
end

-- All that comes until the far end closes, and how it did. LuaSocket calls both "closed"; but only after an orderly
-- close can one still send.
local function read_to_end(client)
  local parts = {}
  while true do
    local bytes, problem, partial = client:receive(65536)
    parts[#parts + 1] = bytes or partial
    if problem == "timeout" then error("the sandbox neither sends nor closes") end
    if problem then return table.concat(parts), client:send("?") and "closed" or "reset" end
  end
end

local function parse_head(text)
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  if not head then return { bytes = text } end
  local reply = { status = tonumber(head:match("^HTTP/1%.1 (%d+)")), headers = {}, body = body }
  for name, value in head:gmatch("\n([^:\r\n]+): ([^\r\n]*)") do reply.headers[name:lower()] = value end
  return reply
end

local function request_text(method, path, headers, body)
  local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: sandbox" }
  for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

-- One request on its own connection.
local function ask(child, path, options)
  options = options or {}
  local headers = { Connection = "close" }
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  local client = connect(child)
  client:send(request_text(options.method or "GET", path, headers, options.body))
  local bytes, ending = read_to_end(client)
  client:close()
  local reply = parse_head(bytes)
  reply.ending = ending
  return reply
end

local function leads_of(child, query, options)
  local reply = ask(child, LEADS .. (query or ""), options)
  assert.equal(200, reply.status)
  return cjson.decode(reply.body), reply
end

local function ids_of(child, query, options)
  local ids = {}
  for i, lead in ipairs((leads_of(child, query, options))) do ids[i] = lead.id end
  return ids
end

local function slice(list, first, last)
  local part = {}
  for i = first, last do part[#part + 1] = list[i] end
  return part
end

local function gunzip(bytes)
  return (zlib.inflate()(bytes))
end

local function unchunk(body)
  local parts, position = {}, 1
  while true do
    local first, last, size = body:find("^(%x+)\r\n", position)
    if not first then return table.concat(parts), false end
    size = tonumber(size, 16)
    if size == 0 then return table.concat(parts), true end
    parts[#parts + 1] = body:sub(last + 1, last + size)
    position = last + size + 3
  end
end

local function form(fields)
  local parts = {}
  for name, value in pairs(fields) do
    parts[#parts + 1] = name .. "=" .. value:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
  end
  return table.concat(parts, "&")
end

local TENANT = "9a1b2c3d-0000-4000-8000-00000000abcd"
local TOKEN_PATH = "/" .. TENANT .. "/oauth2/v2.0/token"
local GOOD_FORM = {
  grant_type = "client_credentials", client_id = "an-app", client_secret = "s+cr&t=/ ?", scope = "api://x/.default",
}

local function ask_token(child, changes, path)
  local fields = {}
  for name, value in pairs(GOOD_FORM) do fields[name] = value end
  for name, value in pairs(changes or {}) do fields[name] = value or nil end
  return ask(child, path or TOKEN_PATH, {
    method = "POST", body = form(fields), headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
  })
end

local function bearer(token)
  return { headers = { Authorization = "Bearer " .. token } }
end

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
      assert.truthy(reply.body:find('{"currentPage":3,"pageSize":10,"totalPages":3,"totalRecords":25,"data":[{', 1, true))
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
      assert.truthy(reply.body:find('^%[{"civicAddresses":null,"comments":null,.*"consentedCountries":%[%],.*"zebra":1%.5}'))
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

  describe("the journal", function()
    it("lists what was asked, without secrets", function()
      child:configure { client_id = GOOD_FORM.client_id, client_secret = GOOD_FORM.client_secret }
      local token = cjson.decode(ask_token(child).body).access_token
      ask(child, "/tenantui" .. LEADS .. "?PageNumber=1&PageSize=3&x=%C3%A9+1&access_token=" .. token, {
        headers = { Authorization = "Bearer " .. token, ["User-Agent"] = "spec\255", ["Accept-Encoding"] = "br" },
      })
      ask(child, LEADS)
      ask(child, "/nowhere")
      local raw = ask(child, "/_sandbox/journal").body
      assert.is_nil(raw:find(token, 1, true))
      assert.is_nil(raw:find("s+cr&t", 1, true))
      local journal = cjson.decode(raw)
      local first, second = journal.requests[2], journal.requests[3]
      assert.same({ 4, 4, 1, 1 }, { #journal.requests, journal.connections, journal.tokens_issued, journal.max_open })
      assert.same({ "POST", TOKEN_PATH, 200, 1 },
        { journal.requests[1].method, journal.requests[1].path, journal.requests[1].status, journal.requests[1].attempt })
      assert.same({ PageNumber = "1", PageSize = "3", x = "\195\169 1", access_token = "***" }, first.query)
      assert.same({ 2, 1, 3, 1, 200, 1 }, { first.n, first.page, first.page_size, first.attempt, first.status, first.open })
      assert.same({ true, true, "br", "spec\239\191\189" },
        { first.authorized, first.has_authorization, first.accept_encoding, first.user_agent })
      assert.truthy(first.bytes_sent > 1000)
      assert.is_false(first.aborted)
      assert.same({ false, false, 401, 2 }, { second.authorized, second.has_authorization, second.status, second.attempt })
      assert.equal(404, journal.requests[4].status)
    end)

    it("can be emptied, and does not list the controls", function()
      ask(child, LEADS)
      child:empty_journal()
      local raw = ask(child, "/_sandbox/journal").body
      assert.truthy(raw:find('"requests":[]', 1, true))
      assert.truthy(raw:find('"civic_failures":[]', 1, true))
      assert.equal(0, child:journal().connections)
    end)

    it("counts connections, and requests that are open at once", function()
      child:configure { faults = { { page = 1, stall_after = 5 } } }
      local clients = {}
      for i = 1, 3 do
        clients[i] = connect(child)
        clients[i]:send(request_text("GET", LEADS))
        assert(clients[i]:receive("*l"))
      end
      ask(child, LEADS .. "?PageNumber=2")
      for _, client in ipairs(clients) do client:close() end
      local journal = child:journal()
      assert.same({ 4, 4 }, { journal.max_open, journal.connections })
      assert.equal(4, journal.requests[4].open)
      assert.is_false(journal.requests[4].aborted)
      for i = 1, 3 do
        assert.same({ true, 5 }, { journal.requests[i].aborted, journal.requests[i].bytes_sent })
      end
    end)

    it("says when the client went away in the middle of a long body", function()
      child:configure { leads = 20000, civic_sync = false }
      local client = connect(child)
      client:send(request_text("GET", LEADS .. "?PageSize=20000"))
      assert(client:receive("*l"))
      client:close()
      local entry = child:journal().requests[1]
      assert.is_true(entry.aborted)
      assert.truthy(entry.bytes_sent < 27000000)
    end)

    it("counts attempts for each page and tenant", function()
      for _, query in ipairs { "", "?PageNumber=2", "", "?msTenantId=a", "?msTenantId=A&PageSize=3" } do
        ask(child, LEADS .. query)
      end
      local attempts = {}
      for i, entry in ipairs(child:journal().requests) do attempts[i] = entry.attempt end
      assert.same({ 1, 1, 2, 1, 2 }, attempts)
    end)
  end)

  describe("configuring", function()
    local function configure(body)
      return ask(child, "/_sandbox/configure", { method = "POST", body = body })
    end

    it("replaces everything", function()
      child:configure { token = "abc", leads = 3 }
      ask(child, LEADS)
      child:configure {}
      assert.equal(0, #child:journal().requests)
      assert.equal(10, #leads_of(child))
    end)

    it("refuses what it does not know, by name, and changes nothing", function()
      child:configure { leads = 4 }
      local cases = {
        ['{"lead":1}'] = "unknown option lead",
        ['{"port":1}'] = "option port cannot be changed while running",
        ['{"leads":-1}'] = "leads must be an integer of 0 to 1000000",
        ['{"shape":"round"}'] = 'shape must be \\"array\\"',
        ['{"pretty":1}'] = "pretty must be a boolean",
        ['{"drift":{"insert":1}}'] = "drift.after_page is missing",
        ['{"drift":{"after_page":1}}'] = "drift must have one of insert and remove",
        ['{"drift":{"after_page":1,"up":1}}'] = "unknown option drift.up",
        ['{"civic_sync":{"fail":1}}'] = "unknown option civic_sync.fail",
        ['{"civic_outcomes":{"a":"maybe"}}'] = "civic_outcomes[a] must be",
        ['{"online":{"a":1}}'] = "online must map",
        ['{"faults":{"page":1}}'] = "faults must be a list of rules",
        ['{"faults":[{},{"pages":1}]}'] = "unknown option faults[2].pages",
        ['{"faults":[{"page":"1"}]}'] = "faults[1].page must be an integer",
        ['{"faults":[{"cut_after":1,"stall_after":1}]}'] = "faults[1] must have one of",
        ['{"faults":[{"chunked":true,"no_length":true}]}'] = "faults[1]: chunked excludes",
        ['{"token_lifetime_s":-1}'] = "token_lifetime_s must be a number",
        ["{"] = "the body is not a JSON object",
      }
      for body, message in pairs(cases) do
        local reply = configure(body)
        assert.equal(400, reply.status, body)
        assert.truthy(reply.body:find(message, 1, true), body .. ": " .. reply.body)
      end
      assert.equal(4, #leads_of(child))
    end)

    it("takes null for not given", function()
      assert.equal(200, configure('{"leads":null,"faults":null}').status)
      assert.equal(10, #leads_of(child))
    end)
  end)

  describe("HTTP", function()
    local function read_reply(client)
      local reply = { headers = {} }
      reply.status = tonumber(assert(client:receive("*l")):match("^HTTP/1%.1 (%d+)"))
      while true do
        local line = assert(client:receive("*l"))
        if line == "" then break end
        local name, value = line:match("^([^:]+): (.*)$")
        reply.headers[name:lower()] = value
      end
      reply.body = assert(client:receive(tonumber(reply.headers["content-length"])))
      return reply
    end

    it("keeps a connection for many requests, also sent ahead, also in small pieces", function()
      local client = connect(child)
      local one = request_text("GET", LEADS .. "?PageSize=1")
      client:send(one)
      local first = read_reply(client)
      client:send(one .. "\r\n" .. one)
      assert.equal(first.body, read_reply(client).body)
      assert.equal(first.body, read_reply(client).body)
      for byte in one:gmatch(".") do client:send(byte) end
      assert.equal(first.body, read_reply(client).body)
      client:close()
      assert.equal(1, child:journal().connections)
    end)

    it("closes when asked to, and for HTTP/1.0", function()
      local client = connect(child)
      client:send("GET " .. LEADS .. " HTTP/1.0\n\n")
      local bytes = read_to_end(client)
      assert.truthy(bytes:find("^HTTP/1.1 200 OK\r\n"))
      assert.truthy(bytes:find("\r\nConnection: close\r\n", 1, true))
    end)

    it("takes a whole URL as target, as a proxy does", function()
      assert.equal(200, ask(child, "http://elsewhere.example" .. LEADS).status)
    end)

    it("asks for the body that a client holds back", function()
      local client = connect(child)
      client:send("POST /_sandbox/configure HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
      assert.equal("HTTP/1.1 100 Continue", client:receive("*l"))
      assert.equal("", client:receive("*l"))
      client:send('{"leads":3}')
      assert.equal(200, read_reply(client).status)
      client:close()
      assert.equal(3, #leads_of(child))
    end)

    it("refuses what is not a request, or is too large, and lives on", function()
      local filler = ("x"):rep(20000)
      local cases = {
        [400] = { "nonsense\r\n\r\n", "GET nowhere HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "\0\1\2\255\r\n\r\n",
          "GET / HTTP/1.1\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          "GET / HTTP/1.1\r\n folded: 1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n" },
        [411] = { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        [413] = { "POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n" .. filler },
        [431] = { "GET / HTTP/1.1\r\nLong: " .. filler .. "\r\n\r\n", "GET /" .. filler },
      }
      for status, requests in pairs(cases) do
        for _, text in ipairs(requests) do
          local client = connect(child)
          client:send(text)
          client:shutdown("send")
          assert.equal(status, parse_head((read_to_end(client))).status, text:sub(1, 40))
          client:close()
        end
      end
      assert.equal(200, ask(child, LEADS).status)
    end)

    it("bears clients that leave at any point", function()
      local whole = request_text("POST", TOKEN_PATH, {}, form(GOOD_FORM))
      for length = 0, #whole, 5 do
        local client = connect(child)
        client:send(whole:sub(1, length))
        client:close()
      end
      assert.equal(200, ask(child, LEADS).status)
    end)
  end)

  describe("a fault", function()
    local whole

    setup(function()
      child:configure()
      whole = ask(child, LEADS).body
    end)

    local function with(rule)
      child:configure { faults = { rule } }
    end

    it("meets pages, attempts and times", function()
      child:configure { leads = 40, faults = {
        { page = 2, attempt = 2, status = 500 },
        { page = 3, times = 2, status = 502 },
        { page = 4, status = 503 },
      } }
      local seen = {}
      for _, page in ipairs { 1, 2, 2, 2, 3, 3, 3, 4, 4, 4 } do
        seen[#seen + 1] = ask(child, LEADS .. "?PageNumber=" .. page).status
      end
      assert.same({ 200, 200, 500, 200, 502, 502, 200, 503, 503, 503 }, seen)
    end)

    it("meets the token endpoint only when it says so", function()
      child:configure { faults = { { path = "token", attempt = 1, status = 503, headers = { ["Retry-After"] = 1 } } } }
      assert.equal(200, ask(child, LEADS).status)
      local reply = ask_token(child)
      assert.same({ 503, "1" }, { reply.status, reply.headers["retry-after"] })
      assert.equal(200, ask_token(child).status)
    end)

    it("answers a status with headers and body", function()
      with { status = 429, body = "<html>slow</html>", content_type = "text/html", headers = { ["Retry-After"] = 7 } }
      local reply = ask(child, LEADS)
      assert.same({ 429, "<html>slow</html>", "text/html", "7" },
        { reply.status, reply.body, reply.headers["content-type"], reply.headers["retry-after"] })
      with { status = 500 }
      assert.equal("", ask(child, LEADS).body)
      with { body = '{"error":"no"}' }
      assert.same({ 200, '{"error":"no"}' }, { ask(child, LEADS).status, ask(child, LEADS).body })
      with { headers = { ["content-type"] = "text/plain" } }
      local plain = ask(child, LEADS)
      assert.same({ whole, "text/plain" }, { plain.body, plain.headers["content-type"] })
    end)

    it("synchronises and moves nothing when it answers in the leads' place", function()
      child:configure { leads = 30, drift = { after_page = 1, insert = 5 }, faults = { { times = 1, status = 500 } } }
      ask(child, LEADS)
      local first = ids_of(child)
      assert.equal("f825e66a-0e07-4d58-9fb3-271f092ceadc", first[1])
      assert.is_nil(child:journal().requests[1].civic)
    end)

    it("waits before the head, and lets others through meanwhile", function()
      with { page = 1, latency_s = 0.1 }
      local slow = connect(child)
      local started = socket.gettime()
      slow:send(request_text("GET", LEADS, { Connection = "close" }))
      assert.equal(200, ask(child, LEADS .. "?PageNumber=2").status)
      assert.truthy(socket.gettime() - started < 0.1)
      assert.equal(whole, parse_head((read_to_end(slow))).body)
      assert.truthy(socket.gettime() - started >= 0.1)
    end)

    it("notes who leaves while it waits", function()
      with { page = 1, latency_s = 600 }
      local client = connect(child)
      client:send(request_text("GET", LEADS))
      ask(child, LEADS .. "?PageNumber=2")
      client:close()
      local entry = child:journal().requests[1]
      assert.same({ true, 0 }, { entry.aborted, entry.bytes_sent })
      assert.is_nil(entry.status)
    end)

    it("drips", function()
      with { drip = { bytes = 4000, every_s = 0.01 } }
      local started = socket.gettime()
      assert.equal(whole, ask(child, LEADS).body)
      assert.truthy(socket.gettime() - started >= math.floor(#whole / 4000) * 0.01)
      with { chunked = true, drip = { bytes = 4000, every_s = 0 } }
      local body, complete = unchunk(ask(child, LEADS).body)
      assert.same({ whole, true }, { body, complete })
    end)

    it("stalls until the client leaves", function()
      with { stall_after = 100 }
      local client = connect(child)
      client:send(request_text("GET", LEADS))
      repeat until assert(client:receive("*l")) == ""
      assert.equal(whole:sub(1, 100), client:receive(100))
      client:settimeout(0)
      assert.equal("timeout", select(2, client:receive(1)))
      client:close()
    end)

    it("cuts a body that promised more", function()
      with { cut_after = 100 }
      local reply = ask(child, LEADS)
      assert.same({ whole:sub(1, 100), tostring(#whole), "closed" },
        { reply.body, reply.headers["content-length"], reply.ending })
      local entry = child:journal().requests[1]
      assert.same({ 100, false }, { entry.bytes_sent, entry.aborted })
    end)

    it("cuts a chunked body before its last chunk", function()
      with { cut_after = 100, chunked = true }
      local reply = ask(child, LEADS)
      local body, complete = unchunk(reply.body)
      assert.same({ whole:sub(1, 100), false, "chunked" }, { body, complete, reply.headers["transfer-encoding"] })
      assert.is_nil(reply.headers["content-length"])
    end)

    it("cuts a body that has no length", function()
      with { cut_after = 100, no_length = true }
      local reply = ask(child, LEADS)
      assert.same({ whole:sub(1, 100), "close" }, { reply.body, reply.headers.connection })
      assert.is_nil(reply.headers["content-length"] or reply.headers["transfer-encoding"])
    end)

    it("resets the connection", function()
      with { reset_after = 100 }
      local client = connect(child)
      client:send(request_text("GET", LEADS))
      local bytes, ending = read_to_end(client)
      assert.equal("reset", ending)
      assert.truthy(#(parse_head(bytes).body or "") <= 100)
      client:close()
    end)

    it("drops the connection before the head", function()
      for _, how in ipairs { true, "close", "reset" } do
        with { drop_before_head = how }
        local reply = ask(child, LEADS)
        assert.equal("", reply.bytes)
        assert.equal(how == "reset" and "reset" or "closed", reply.ending)
      end
    end)

    it("declares another length", function()
      with { length_delta = 5 }
      local longer = ask(child, LEADS)
      assert.same({ whole, tostring(#whole + 5) }, { longer.body, longer.headers["content-length"] })
      with { length_delta = -5 }
      local shorter = ask(child, LEADS)
      assert.same({ whole, tostring(#whole - 5) }, { shorter.body, shorter.headers["content-length"] })
    end)

    it("sends chunks, or without a length", function()
      with { chunked = true }
      assert.equal(whole, (unchunk(ask(child, LEADS).body)))
      with { no_length = true }
      local reply = ask(child, LEADS, { headers = { Connection = "keep-alive" } })
      assert.same({ whole, "close" }, { reply.body, reply.headers.connection })
    end)

    it("compresses whatever is accepted, or never", function()
      with { gzip = true }
      assert.equal(whole, gunzip(ask(child, LEADS).body))
      with { gzip = false }
      assert.equal(whole, ask(child, LEADS, { headers = { ["Accept-Encoding"] = "gzip" } }).body)
      with { gzip = true, status = 500, body = "no" }
      assert.equal("no", gunzip(ask(child, LEADS).body))
    end)

    it("cuts the gzip with a length that fits", function()
      with { gzip = true }
      local packed = ask(child, LEADS).body
      with { cut_gzip = 0.5 }
      local half = ask(child, LEADS)
      assert.same({ packed:sub(1, math.floor(#packed / 2)), tostring(math.floor(#packed / 2)), "gzip" },
        { half.body, half.headers["content-length"], half.headers["content-encoding"] })
      with { cut_gzip = 30 }
      assert.equal(packed:sub(1, 30), ask(child, LEADS).body)
    end)

    it("spoils the gzip", function()
      with { gzip = true }
      local packed = ask(child, LEADS).body
      with { corrupt_gzip = true }
      local spoilt = ask(child, LEADS)
      assert.equal(tostring(#packed), spoilt.headers["content-length"])
      local ok, text = pcall(gunzip, spoilt.body)
      assert.truthy(not ok or text ~= whole)
    end)

    it("expires every token", function()
      child:configure { client_id = "an-app", faults = { { page = 1, attempt = 2, expire_token = true } } }
      local token = cjson.decode(ask_token(child).body).access_token
      assert.equal(200, ask(child, LEADS, bearer(token)).status)
      assert.equal(401, ask(child, LEADS, bearer(token)).status)
      token = cjson.decode(ask_token(child).body).access_token
      assert.equal(200, ask(child, LEADS, bearer(token)).status)
    end)
  end)
end)

describe("oc.sandbox", function()
  it("raises on options it does not know or of the wrong type", function()
    assert.has_error(function() sandbox.new { leeds = 3 } end, "oc.sandbox.new: unknown option leeds")
    assert.has_error(function() sandbox.new { log = true } end, "oc.sandbox.new: log must be a function")
    assert.has_error(function() sandbox.new(3) end, "oc.sandbox.new: options must be a table")
    assert.has_error(function() sandbox.new { faults = { { oops = 1 } } } end,
      "oc.sandbox.new: unknown option faults[1].oops")
  end)

  it("says when the port is taken", function()
    local first = assert(sandbox.new())
    local second, err = sandbox.new { port = first.port }
    assert.is_nil(second)
    assert.truthy(err:find("cannot bind 127.0.0.1:" .. first.port, 1, true))
    first:close()
  end)

  it("runs step by step within a process, and logs", function()
    local lines = {}
    local server = assert(sandbox.new { leads = 300, log = function(line) lines[#lines + 1] = line end })
    assert.equal("http://127.0.0.1:" .. server.port, server.url)
    local client = assert(socket.connect("127.0.0.1", server.port))
    client:send(request_text("GET", LEADS .. "?PageSize=300", { Connection = "close" }))
    client:settimeout(0)
    local bytes, problem = {}, nil
    repeat
      assert.is_true(server:step(GIVE_UP_S))
      local got, partial
      got, problem, partial = client:receive("*a")
      bytes[#bytes + 1] = got or partial
    until problem ~= "timeout"
    assert.equal(300, #cjson.decode(parse_head(table.concat(bytes)).body))
    assert.truthy(lines[1]:find("^civic synchronisation failed: lead %x+%-"))
    assert.truthy(lines[#lines]:find("^GET /api/v2/oc/lead %-> 200, %d+ bytes$"))
    server:close()
    server:close()
    assert.is_false(server:step(0))
  end)

  it("runs until it is told to stop", function()
    local server = assert(sandbox.new())
    local asked = 0
    server:run(function()
      asked = asked + 1
      return asked == 2
    end)
    assert.is_nil((socket.connect("127.0.0.1", server.port)))
    server = assert(sandbox.new())
    server:stop()
    server:run()
    assert.is_nil((socket.connect("127.0.0.1", server.port)))
  end)

  it("ends by POST /_sandbox/stop", function()
    local child = sandbox_child.start()
    local client = connect(child)
    client:send(request_text("POST", "/_sandbox/stop", {}, ""))
    assert.equal('{"ok":true}', parse_head((read_to_end(client))).body)
    child:close()
    assert.is_nil((socket.connect("127.0.0.1", port_of(child.url))))
  end)

  it("ends with its standard input", function()
    local child = sandbox_child.start()
    local idle = connect(child)
    child:close()
    assert.equal("closed", select(2, idle:receive(1)))
    assert.is_nil((socket.connect("127.0.0.1", port_of(child.url))))
  end)
end)

-- Leads over real HTTP: every option, every way to read them, every way to stop.

local cjson = require "cjson"
local core = require "oc.core"
local oc = require "oc"
local script_host = require "oc.host.script"
local sandbox_child = require "support.sandbox_child"
local world = require "support.world"

describe("leads", function()
  local server, client, logged

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)

  local function play(options, given)
    server:configure(options)
    client, logged = world.client(server.url .. "/tenantui", given)
    return client
  end

  after_each(function()
    local counts = client.host.pool:counts()
    assert.equal(0, counts.open, "an exchange is still open")
    client.host:close()
  end)

  local function ids_of(leads)
    local got = {}
    for lead in leads do got[#got + 1] = lead end
    return world.ids(got), got
  end

  local function reference()
    local plain = world.client(server.url)
    local all = assert(plain:leads {page_size = 20000, max_pages = math.huge, prefetch = 0}:all())
    plain.host:close()
    return world.ids(all), all
  end

  describe("read", function()
    it("come one by one, all of them, in the order sent", function()
      play {leads = 1000}
      local leads = client:leads()
      local ids = ids_of(leads)
      assert.same(reference(), ids)
      local result = leads:result()
      assert.is_true(result.complete)
      assert.equal("end", result.stop_reason)
      assert.equal(5, result.pages)
      assert.equal(1000, result.leads)
      assert.equal(1000, result.matched)
      assert.equal(0, result.duplicates)
      assert.is_nil(result.resume)
    end)

    it("are the sample's, field by field", function()
      play {leads = 10, civic_sync = false}
      local file = assert(io.open "spec/fixtures/leads-sample.json")
      local text = file:read "*a"
      file:close()
      local all = assert(client:leads {nulls = "null"}:all())
      assert.same(assert(oc.decode(text, {nulls = "null"})), all)
      assert.equal("Dana Levi", all[1].contactDetails.fullName)
    end)

    it("are plain tables that cjson writes", function()
      play {leads = 30}
      for lead in client:leads() do
        assert.equal("table", type(lead))
        local back = cjson.decode(cjson.encode(lead))
        assert.equal(lead.id, back.id)
        if cjson.empty_array_mt then assert.is_nil(cjson.encode(lead):find '"consentedCountries":{}') end
      end
    end)

    it("come with next, whose end can be asked for again", function()
      play {leads = 10}
      local leads, n = client:leads(), 0
      while leads:next() do n = n + 1 end
      assert.equal(10, n)
      assert.is_nil(leads:next())
      assert.is_nil((leads:next()))
    end)

    it("come by pages", function()
      play {leads = 25}
      local seen = {}
      for page in client:leads {page_size = 10}:pages() do
        seen[#seen + 1] = page.number .. ":" .. page.count .. ":" .. #page.leads .. ":" .. page.attempts
        assert.is_true(page.bytes > 1000)
        assert.is_true(page.elapsed_s >= 0)
      end
      assert.same({"1:10:10:1", "2:10:10:1", "3:5:5:1"}, seen)
    end)

    it("come all at once, with the result", function()
      play {leads = 25}
      local all, result = client:leads {page_size = 10}:all()
      assert.equal(25, #all)
      assert.equal("end", result.stop_reason)
    end)

    it("are none where there are none", function()
      play {leads = 0}
      local all, result = client:leads():all()
      assert.equal("[]", oc.encode(all))
      assert.is_true(result.complete)
      assert.equal(0, result.pages)
    end)

    for _, shape in ipairs {"array", "nested", "data", "items", "value"} do
      it("come in the shape " .. shape, function()
        play {leads = 450, shape = shape}
        assert.same(reference(), (ids_of(client:leads())))
      end)
    end

    it("come pretty or compact, packed or not", function()
      for _, compress in ipairs {true, false} do
        play({leads = 450, pretty = true}, {compress = compress})
        assert.same(reference(), (ids_of(client:leads())))
        client.host:close()
      end
      play {leads = 10}
    end)
  end)

  describe("options", function()
    it("page_size, page and ms_tenant_id are sent, whatever their characters", function()
      play {leads = 30}
      client:leads {page_size = 7, page = 2, ms_tenant_id = "a b&c=d/é", prefetch = 0}:all()
      local query = server:journal().requests[1].query
      assert.same({PageNumber = "2", PageSize = "7", msTenantId = "a b&c=d/é"}, query)
    end)

    it("ms_tenant_id gives that tenant's leads", function()
      play {leads = 30}
      local _, everything = reference()
      local all = assert(client:leads {ms_tenant_id = everything[20].tenantId}:all())
      assert.equal(everything[20].id, all[1].id)
      assert.equal(everything[20].tenantId, all[#all].tenantId)
    end)

    it("check_online goes with the first page only", function()
      play {leads = 30}
      client:leads {page_size = 10, check_online = true}:all()
      local asked = {}
      for i, request in ipairs(server:journal().requests) do asked[i] = request.query.checkOnline or "-" end
      assert.same({"true", "-", "-", "-"}, {asked[1], asked[2], asked[3], asked[4]})
    end)

    it("check_online finds what the service did not know", function()
      play {leads = 10}
      local unknown = "12345678-1234-1234-1234-123456789abc"
      assert.equal(0, #client:leads {ms_tenant_id = unknown}:all())
      local found = client:leads {ms_tenant_id = unknown, check_online = true}:all()
      assert.equal(1, #found)
      assert.equal(unknown, found[1].tenantId)
    end)

    it("page_base 0 reads a server that counts from 0", function()
      play({leads = 30, page_base = 0}, {page_base = 0})
      assert.equal(30, #client:leads {page_size = 10}:all())
      assert.equal("0", server:journal().requests[1].query.PageNumber)
    end)

    it("param_names and lead_path are the caller's", function()
      play({leads = 30}, {param_names = {page = "pagenumber", page_size = "PAGESIZE"}, lead_path = "x/api/v2/oc/lead"})
      assert.equal(30, #client:leads {page_size = 10}:all())
      local request = server:journal().requests[1]
      assert.equal("10", request.query.PAGESIZE)
      assert.equal("/tenantui/x/api/v2/oc/lead", request.path)
    end)

    it("headers are sent, and win over ours", function()
      play({leads = 10}, {headers = {Accept = "application/json;v=2"}})
      assert.equal(10, #client:leads():all())
    end)

    it("raw gives each lead's exact text", function()
      for _, pretty in ipairs {true, false} do
        play {leads = 50, pretty = pretty, civic_sync = false}
        local texts = {}
        for text in client:leads {raw = true} do texts[#texts + 1] = text end
        assert.equal(50, #texts)
        for i, text in ipairs(texts) do
          local lead = assert(oc.decode(text, {nulls = "null"}))
          assert.is_nil(text:find "\n")
          if i <= 10 then assert.equal(text, oc.encode(lead)) end
        end
        client.host:close()
      end
      play {leads = 10}
    end)

    it("prefetch asks for pages ahead, and only for those", function()
      play {leads = 600}
      local leads = client:leads {page_size = 100, prefetch = 3}
      leads:next()
      client.host:pump()
      leads:close()
      local most = 0
      for _, request in ipairs(server:journal().requests) do most = math.max(most, request.page) end
      assert.is_true(most <= 4)
      assert.same(reference(), (ids_of(client:leads {page_size = 100, prefetch = 3})))
      server:empty_journal()
      assert.equal(600, #client:leads {page_size = 100, prefetch = 0}:all())
      assert.equal(7, #server:journal().requests)
    end)

    it("unknown or wrong ones raise, naming them", function()
      play {leads = 10}
      local function message(given)
        return select(2, pcall(function() client:leads(given) end))
      end
      assert.matches("unknown option 'pagesize' %(did you mean 'page_size'%?%)", message {pagesize = 1})
      assert.matches("'page_size': integer from 1 to 20000 expected, got 0", message {page_size = 0})
      assert.matches("'page_size': integer from 1 to 20000 expected, got 1.5", message {page_size = 1.5})
      assert.matches("'limit'.* got string", message {limit = "5"})
      assert.matches("'max_pages': integer %(or math.huge%) of at least 1 expected, got 1.5", message {max_pages = 1.5})
      assert.matches("'nulls': one of nil, null expected, got \"x\"", message {nulls = "x"})
      assert.matches("'ms_tenant_id': it is empty", message {ms_tenant_id = ""})
      assert.matches("0 is before the first page, page_base 1", message {page = 0})
      assert.matches("leads_spec.lua", message {max_pages = -1})
    end)
  end)

  describe("stop", function()
    it("at limit", function()
      play {leads = 500}
      local leads = client:leads {limit = 250}
      assert.equal(250, #ids_of(leads))
      local result = leads:result()
      assert.equal("limit", result.stop_reason)
      assert.equal(2, result.pages)
      assert.is_false(result.complete)
      assert.equal(2, result.resume.page)
      assert.equal(50, result.resume.skip)
    end)

    it("at max_pages, saying so only when it is the default", function()
      play {leads = 500}
      local leads = client:leads {max_pages = 2}
      assert.equal(400, #ids_of(leads))
      assert.equal("max_pages", leads:result().stop_reason)
      assert.equal("", world.events(logged))
      leads = client:leads {page_size = 20}
      assert.equal(200, #ids_of(leads))
      assert.equal("max_pages", leads:result().stop_reason)
      assert.equal("cut_by_max_pages", world.events(logged))
      assert.equal("max_pages", logged[1].fields.option)
    end)

    it("at close, and nothing is asked for afterwards", function()
      play {leads = 500}
      local leads = client:leads {page_size = 100}
      leads:next()
      leads:close()
      leads:close()
      assert.is_nil(leads:next())
      local result = leads:result()
      assert.equal("closed", result.stop_reason)
      assert.equal(1, result.resume.skip)
    end)

    it("at the break of a for, where the language closes", function()
      play {leads = 500}
      local n = 0
      for _ in client:leads {page_size = 100} do
        n = n + 1
        if n == 3 then break end
      end
      assert.equal(3, n)
      collectgarbage()
      collectgarbage()
      assert.equal(0, client.host.pool:counts().open)
    end)

    it("at the end of a block with <close>, where the language has it", function()
      if _VERSION ~= "Lua 5.4" then return end
      play {leads = 500}
      local chunk = assert(load [[
        local client, raise = ...
        local leads <close> = client:leads {page_size = 100}
        leads:next()
        if raise then error("mine", 0) end
        return leads]])
      assert.equal("closed", chunk(client):result().stop_reason)
      assert.is_false(pcall(chunk, client, true))
      assert.equal(0, client.host.pool:counts().open)
    end)

    it("goes on after a smaller page than asked for", function()
      play {leads = 500, page_cap = 100}
      assert.equal(500, #ids_of(client:leads {page_size = 200}))
    end)

    it("at a 404 above the first page, asked for twice", function()
      play {leads = 30, end_status = 404}
      local all, result = client:leads {page_size = 10, prefetch = 0}:all()
      assert.equal(30, #all)
      assert.is_true(result.complete)
      assert.equal(5, #server:journal().requests)
    end)

    it("not at a 404 before any lead has come: a wrong path looks the same", function()
      play {leads = 30, faults = {{status = 404, body = "Not found"}}}
      local all, err = client:leads {page_size = 10, page = 2}:all()
      assert.is_nil(all)
      assert.equal("http", err.kind)
      assert.equal(404, err.status)
    end)

    for name, rule in pairs {
      ["behind a byte order mark"] = {body = "\239\187\191<html>no</html>"},
      ["behind blanks"] = {body = (" "):rep(3000) .. "<html>"},
      ["behind words"] = {body = "Error <HTML>"},
      ["by its type"] = {body = "", content_type = "text/html"},
    } do
      it("not at a 404 that is HTML " .. name, function()
        rule.page, rule.status = 2, 404
        play {leads = 30, faults = {rule}}
        local all, err = client:leads {page_size = 10, prefetch = 0}:all()
        assert.is_nil(all)
        assert.equal(404, err.status)
      end)
    end
  end)

  describe("failures", function()
    it("do not heal for ever: kind, page and attempts are told, and next goes on", function()
      play({leads = 30, faults = {{page = 2, times = 3, status = 502, body = "down"}}}, {max_attempts = 3})
      local leads = client:leads {page_size = 10}
      local got, err = {}
      repeat
        local lead
        lead, err = leads:next()
        got[#got + 1] = lead
      until not lead
      assert.equal(10, #got)
      assert.equal("http", err.kind)
      assert.equal(502, err.status)
      assert.equal(2, err.page)
      assert.equal(3, err.attempts)
      assert.equal("down", err.body)
      assert.matches("^cannot read page 2: HTTP 502 from 127.0.0.1", tostring(err))
      assert.is_nil(tostring(err):find "down")
      assert.matches("/tenantui/api/v2/oc/lead$", err.url)
      assert.equal("error", leads:result().stop_reason)
      for lead in leads do got[#got + 1] = lead end
      assert.same(reference(), world.ids(got))
      assert.is_true(leads:result().complete)
    end)

    it("raise in a for", function()
      play {leads = 30, faults = {{status = 400}}}
      local ok, err = pcall(function() for _ in client:leads() do end end)
      assert.is_false(ok)
      assert.is_true(oc.is_error(err))
      assert.equal("http", err.kind)
      local leads = client:leads()
      assert.is_false(pcall(function() for _ in leads, nil, nil, leads do end end))
      leads:close()
      assert.equal("error", leads:result().stop_reason)
    end)

    it("bad JSON in a transfer that then fails is a fault of the transfer", function()
      local body = "[}" .. (" "):rep(5000)
      play {leads = 30, faults = {{page = 1, attempt = 1, body = body, cut_after = 4000}}}
      assert.equal(30, #client:leads():all())
    end)

    it("deadline_s counts time in which nobody pulled, too", function()
      play({leads = 30, faults = {{page = 2, stall_after = 100}}}, {deadline_s = 0.4, host = script_host.new()})
      local leads = client:leads {page_size = 10}
      leads:next()
      local from = core.now()
      core.sleep(0.3) -- the consumer's work
      local err
      repeat
        local lead, e = leads:next()
        err = e
      until not lead
      assert.equal("timeout", err.kind)
      assert.matches("deadline_s", err.message)
      assert.is_true(core.now() - from < 0.3 + 0.3)
    end)

    it("deadline_s ends a wait for bytes that do not come", function()
      play({leads = 30, faults = {{page = 1, stall_after = 100}}}, {deadline_s = 0.2})
      local _, err = client:leads {prefetch = 0}:all()
      assert.equal("timeout", err.kind)
      assert.matches("deadline_s %(0.2 s%)", err.message)
      assert.equal(1, #server:journal().requests)
    end)

    it("a ceiling is told at once, without reading on", function()
      play({leads = 30, faults = {{page = 1, stall_after = 9000, gzip = false}}}, {max_lead_bytes = 500})
      local _, err = client:leads():all()
      assert.equal("limit", err.kind)
      assert.matches("larger than max_lead_bytes", err.message)
    end)

    for _, case in ipairs {{500}, {429}, {404, 2}} do
      it("a long error page is one try, not all: HTTP " .. case[1], function()
        play {leads = 30, faults = {{page = case[2] or 1, attempt = 1, status = case[1], body = ("e"):rep(300000)}}}
        local all, result = client:leads {page_size = 10, prefetch = 0}:all()
        assert.equal(30, #assert(all))
        assert.equal(5, result.attempts)
        assert.equal(5, #server:journal().requests)
        assert.equal(1, #client.host.slept)
      end)
    end

    it("next asks again after a ceiling was passed", function()
      play({leads = 30, faults = {{page = 1, attempt = 1, body = '[{"id":"' .. ("x"):rep(9000) .. '"}]'}}},
        {max_lead_bytes = 8000})
      local leads = client:leads()
      assert.equal("limit", select(2, leads:next()).kind)
      assert.is_table(leads:next())
      leads:close()
    end)

    it("an endless error page is not read to its end", function()
      play {leads = 30, faults = {{page = 1, status = 400, body = ("x"):rep(400000), stall_after = 300000}}}
      local _, err = client:leads():all()
      assert.equal("http", err.kind)
      assert.equal(2048, #err.body)
    end)
  end)

  describe("drift", function()
    it("rows that moved down come once", function()
      play {leads = 100, drift = {after_page = 1, insert = 5}}
      local leads = client:leads {page_size = 20, prefetch = 0}
      assert.equal(100, #ids_of(leads))
      assert.equal(5, leads:result().duplicates)
    end)

    it("verify finds the rows that moved up past us", function()
      play {leads = 100, drift = {after_page = 1, remove = 5}}
      local leads = client:leads {page_size = 20, prefetch = 0}
      assert.equal(95, #ids_of(leads))
      client.host:close()
      play {leads = 100, drift = {after_page = 1, remove = 5}}
      leads = client:leads {page_size = 20, prefetch = 0, verify = true}
      assert.equal(100, #ids_of(leads))
      local result = leads:result()
      assert.equal(5, result.late)
      assert.is_true(result.complete)
      assert.equal(0, result.duplicates)
    end)
  end)

  describe("resume", function()
    local function read(leads, n)
      local got = {}
      for i = 1, n do got[i] = assert(leads:next()) end
      return got
    end

    it("goes on from anywhere without losing or doubling a lead", function()
      play {leads = 95}
      local all = reference()
      for _, n in ipairs {0, 1, 19, 20, 21, 40, 94, 95} do
        local leads = client:leads {page_size = 20}
        local got = read(leads, n)
        leads:close()
        local token = leads:result().resume
        for name, value in pairs(token) do
          assert.is_truthy(({string = true, number = true, boolean = true})[type(value)], name)
        end
        assert.is_true(#oc.encode(token) < 1024)
        local rest = client:leads {resume = oc.decode(oc.encode(token))}
        for lead in rest do got[#got + 1] = lead end
        assert.same(all, world.ids(got))
        assert.is_true(rest:result().complete)
        assert.is_false(rest:result().uncertain)
      end
    end)

    it("with verify hands out nothing of the earlier run again", function()
      play {leads = 95}
      local leads = client:leads {page_size = 20}
      local got = read(leads, 45)
      leads:close()
      local rest = client:leads {resume = leads:result().resume, verify = true}
      for lead in rest do got[#got + 1] = lead end
      assert.same(reference(), world.ids(got))
      assert.is_true(rest:result().uncertain)
    end)

    it("goes on where an error stopped it", function()
      play({leads = 95, faults = {{page = 3, times = 1, cut_after = 5000, gzip = false}}}, {max_attempts = 1})
      local got, err = client:leads {page_size = 20, prefetch = 0}:all()
      assert.is_nil(got)
      assert.is_true(#err.partial > 40)
      got = err.partial
      for lead in client:leads {resume = err.resume} do got[#got + 1] = lead end
      assert.same(reference(), world.ids(got))
    end)

    it("notices that its place has moved, and loses nothing", function()
      for _, drift in ipairs {{after_page = 2, remove = 3}, {after_page = 2, insert = 3}} do
        play {leads = 95}
        local all = reference()
        server:configure {leads = 95, drift = drift}
        local leads = client:leads {page_size = 20, prefetch = 0}
        local got = read(leads, 25)
        leads:close()
        local seen = {}
        for _, lead in ipairs(got) do seen[lead.id] = true end
        local rest = client:leads {resume = leads:result().resume}
        for lead in rest do seen[lead.id] = true end
        assert.is_true(rest:result().uncertain)
        for _, id in ipairs(all) do assert.is_true(seen[id], "lost: " .. id) end
        client.host:close()
      end
      play {leads = 10}
    end)

    it("gets on with max_pages = 1 each time", function()
      play {leads = 50}
      local got, token = {}, nil
      for _ = 1, 20 do
        local leads = client:leads {page_size = token == nil and 20 or nil, max_pages = 1, resume = token}
        for lead in leads do got[#got + 1] = lead end
        token = leads:result().resume
        if not token then break end
      end
      assert.is_nil(token)
      assert.same(reference(), world.ids(got))
    end)

    it("is behind what all() hands over, and none when that was complete", function()
      play {leads = 50}
      local got, result = client:leads {page_size = 20, max_pages = 2}:all()
      local rest, last = client:leads {resume = result.resume}:all()
      for _, lead in ipairs(rest) do got[#got + 1] = lead end
      assert.same(reference(), world.ids(got))
      assert.is_nil(last.resume)
    end)

    it("is refused for other questions, versions and origins", function()
      play {leads = 50}
      local leads = client:leads {page_size = 20}
      leads:next()
      leads:close()
      local token = leads:result().resume
      local function message(change, given)
        local copy = {}
        for name, value in pairs(token) do copy[name] = value end
        for name, value in pairs(change) do copy[name] = value end
        given = given or {}
        given.resume = copy
        return select(2, pcall(client.leads, client, given))
      end
      assert.matches("version 1 expected, got 2", message {version = 2})
      assert.matches("it is of https://other, this client is of http://127", message {origin = "https://other"})
      assert.matches("'ms_tenant_id' is no string", message {ms_tenant_id = 5})
      assert.matches("'page_size' is not from 1 to 20000", message {page_size = 0})
      assert.matches("'more' is unknown", message {more = {}})
      assert.matches("'page_base' is not 0 or 1", message {page_base = 5})
      assert.matches("'ms_tenant_id' is not usable", message {ms_tenant_id = ""})
      assert.matches("'skip' is no whole number", message {skip = "x"})
      assert.matches("'page' is no whole number", message {page = -1})
      assert.matches("'page_size' was 20, not 30", message({}, {page_size = 30}))
      assert.matches("'ms_tenant_id' was nil, not x", message({}, {ms_tenant_id = "x"}))
      assert.matches("goes without 'page'", message({}, {page = 2}))
      assert.equal("oc.leads", getmetatable(message({}, {page_size = 20})).__name)
    end)
  end)

  describe("hooks", function()
    it("that raise stop nothing: the run goes on, and its end is an end", function()
      play({leads = 25}, {on_page = function() error("mine", 0) end})
      local leads, n, raised = client:leads {page_size = 10}, 0, 0
      while true do
        local ok, lead = pcall(leads.next, leads)
        if ok and not lead then break end
        if ok then n = n + 1 else raised = raised + 1 end
      end
      assert.equal(25, n)
      assert.equal(3, raised)
      assert.is_true(leads:result().complete)
    end)

    it("that close the leads end the run", function()
      for _, hook in ipairs {"on_page", "on_retry"} do
        local leads
        play({leads = 25, faults = {{page = 1, attempt = 1, status = 502}}}, {[hook] = function() leads:close() end})
        leads = client:leads {page_size = 10}
        local n = 0
        while leads:next() do n = n + 1 end
        assert.equal(hook == "on_page" and 10 or 0, n)
        assert.equal("closed", leads:result().stop_reason)
        assert.equal(0, client.host.pool:counts().open)
        client.host:close()
      end
      play {leads = 10}
    end)

    it("that close the leads of pages and all leave what had come", function()
      for _, way in ipairs {"pages", "all"} do
        local leads
        play({leads = 25}, {on_page = function() leads:close() end})
        leads = client:leads {page_size = 10}
        local got = {}
        if way == "all" then got = assert(leads:all()) end
        for page in leads:pages() do
          for _, lead in ipairs(page.leads) do got[#got + 1] = lead end
        end
        assert.equal(10, #world.ids(got))
        assert.is_nil(leads:next())
        assert.equal("closed", leads:result().stop_reason)
        client.host:close()
      end
      play {leads = 10}
    end)

    it("that close the leads within a page leave a resume token before what pages could not hand over", function()
      local leads, got = nil, {}
      play({leads = 25, faults = {{page = 2, attempt = 1, cut_after = 5000, gzip = false}}},
        {on_retry = function() leads:close() end})
      leads = client:leads {page_size = 10, prefetch = 0}
      for page in leads:pages() do
        for _, lead in ipairs(page.leads) do got[#got + 1] = lead end
      end
      assert.equal(10, #got)
      assert.is_true(leads:result().matched > 10)
      local token = leads:result().resume
      client.host:close()
      play({leads = 25})
      for lead in client:leads {resume = token} do got[#got + 1] = lead end
      assert.same(reference(), world.ids(got))
    end)

    it("that raise lose no lead of pages and all either", function()
      for _, hook in ipairs {"on_page", "on_retry"} do
        for _, way in ipairs {"pages", "all", "next"} do
          local times = 0
          play({leads = 25, faults = {{page = 2, attempt = 1, cut_after = 5000, gzip = false}}}, {
            [hook] = function()
              times = times + 1
              if times == 1 or times == 3 then error("mine", 0) end
            end})
          local leads, got = client:leads {page_size = 10, prefetch = 0}, {}
          local next_page = leads:pages()
          for _ = 1, 50 do
            local ok, more
            if way == "all" then ok, more = pcall(leads.all, leads) else ok, more = pcall(next_page) end
            if ok and not more then break end
            if ok then
              for _, lead in ipairs(more.leads or more) do got[#got + 1] = lead end
              if way == "all" then break end
            elseif way == "next" then -- picks up what the page had
              for lead in leads do
                got[#got + 1] = lead
                if #got % 7 == 0 then break end
              end
            end
          end
          assert.equal(25, #world.ids(got), hook .. " " .. way)
          assert.is_true(leads:result().complete)
          client.host:close()
        end
      end
      play {leads = 10}
    end)

    it("that raise leave a resume token before what pages and all could not hand over", function()
      for _, way in ipairs {"pages", "all"} do
        local times = 0
        play({leads = 35}, {on_page = function()
          times = times + 1
          if times == 2 then error("mine", 0) end
        end})
        local leads, got = client:leads {page_size = 10, prefetch = 0}, {}
        assert.is_false(pcall(function()
          if way == "all" then leads:all() end
          for page in leads:pages() do
            for _, lead in ipairs(page.leads) do got[#got + 1] = lead end
          end
        end))
        local rest = client:leads {resume = leads:result().resume}
        leads:close()
        for lead in rest do got[#got + 1] = lead end
        assert.same(reference(), world.ids(got))
        client.host:close()
      end
      play {leads = 10}
    end)

    it("on_page and on_retry tell what happens", function()
      local told = {}
      play({leads = 25, faults = {{page = 2, attempt = 1, status = 502}}}, {
        on_page = function(page) told[#told + 1] = ("page %d: %d"):format(page.number, page.count) end,
        on_retry = function(info) told[#told + 1] = ("retry %d: %s %d"):format(info.page, info.kind, info.status) end,
      })
      client:leads {page_size = 10}:all()
      assert.same({"page 1: 10", "retry 2: http 502", "page 2: 10", "page 3: 5"}, told)
      assert.equal("retry", world.events(logged))
    end)
  end)
end)

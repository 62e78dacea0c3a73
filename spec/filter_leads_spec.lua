-- `where` over whole runs: which leads come, what happens to the others, and that
-- nothing is lost when one cannot be judged.

local errors = require "oc.errors"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local world = require "support.world"

describe("leads with where", function()
  local server, client, logged

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  after_each(function()
    assert.equal(0, client.host.pool:counts().open, "an exchange is still open")
    client.host:close()
  end)

  local function play(options, given)
    server:configure(options)
    client, logged = world.client(server.url .. "/tenantui", given)
    return client
  end

  -- The ids of all leads for which judge holds, read without where.
  local function reference(judge)
    local plain, ids = world.client(server.url), {}
    for lead in plain:leads {page_size = 20000, max_pages = math.huge, prefetch = 0} do
      if judge(lead) then ids[#ids + 1] = lead.id end
    end
    plain.host:close()
    return ids
  end

  local function ids_of(leads)
    local got = {}
    for lead in leads do got[#got + 1] = lead end
    return world.ids(got)
  end

  local function is_active(lead) return lead.status == "Active" end
  local ACTIVE = 'status == "Active"'

  it("gives those, by an expression, a filter or a function, in every way of reading", function()
    play {leads = 1000}
    local wanted = reference(is_active)
    assert.is_true(#wanted > 100 and #wanted < 900)
    for _, where in ipairs {ACTIVE, oc.filter(ACTIVE), is_active} do
      local leads = client:leads {where = where, page_size = 150}
      assert.same(wanted, ids_of(leads))
      local result = leads:result()
      assert.same({true, 1000, #wanted, 7},
        {result.complete, result.leads, result.matched, result.pages})
      assert.same(wanted, world.ids(assert(client:leads {where = where, page_size = 150}:all())))
      local ids, count = {}, 0
      for page in client:leads {where = where, page_size = 150}:pages() do
        assert.equal(#page.leads, page.count)
        count = count + 1
        for _, lead in ipairs(page.leads) do ids[#ids + 1] = lead.id end
      end
      assert.same(wanted, ids)
      assert.equal(7, count)
    end
  end)

  it("takes a page without a match for a page, not for the end", function()
    play {leads = 100}
    local all, result = client:leads {where = "false", page_size = 10, max_pages = math.huge}:all()
    assert.same({}, all)
    assert.same({"end", 10, 100, 0}, {result.stop_reason, result.pages, result.leads, result.matched})
  end)

  it("counts to limit what it hands out, to max_pages what it reads", function()
    play {leads = 300}
    local wanted = reference(is_active)
    for _, where in ipairs {ACTIVE, is_active} do
      local leads = client:leads {where = where, limit = 7, page_size = 50}
      local got = ids_of(leads)
      assert.equal(7, #got)
      for i, id in ipairs(got) do assert.equal(wanted[i], id) end
      assert.equal("limit", leads:result().stop_reason)
      leads = client:leads {where = where, max_pages = 2, page_size = 50}
      ids_of(leads)
      assert.same({"max_pages", 100}, {leads:result().stop_reason, leads:result().leads})
    end
  end)

  it("resumes behind what was passed over as well", function()
    play {leads = 200}
    local wanted = reference(is_active)
    for _, where in ipairs {ACTIVE, is_active} do
      for stop = 1, #wanted, 13 do
        local first = client:leads {where = where, page_size = 30}
        local ids = {}
        for _ = 1, stop do ids[#ids + 1] = first:next().id end
        first:close()
        local token = first:resume()
        local rest = client:leads {where = where, resume = token}
        for lead in rest do ids[#ids + 1] = lead.id end
        assert.same(wanted, ids)
        assert.is_false(rest:result().uncertain)
      end
    end
    local leads = client:leads {where = 'id == "none of them"', page_size = 30, max_pages = 2}
    assert.is_nil(leads:next())
    assert.same({2, 30}, {leads:resume().page, leads:resume().skip})
  end)

  it("moves its place over leads that do not match", function()
    play {leads = 50}
    local last = reference(function() return true end)[40]
    local leads = client:leads {where = ('id == "%s"'):format(last), page_size = 50}
    assert.equal(last, leads:next().id)
    assert.same({1, 40, last}, {leads:resume().page, leads:resume().skip, leads:resume().last_id})
    leads:close()
  end)

  it("goes with duplicates, drift and verify", function()
    play {leads = 100, drift = {after_page = 1, insert = 5}}
    local leads = client:leads {page_size = 20, prefetch = 0, where = "true"}
    assert.equal(100, #ids_of(leads))
    assert.equal(5, leads:result().duplicates)
    client.host:close()
    for _, where in ipairs {ACTIVE, is_active} do
      play {leads = 100, drift = {after_page = 1, remove = 5}}
      leads = client:leads {page_size = 20, prefetch = 0, verify = true, where = where}
      local got = ids_of(leads)
      local result = leads:result()
      assert.equal(100, result.leads)
      assert.equal(5, result.late)
      assert.equal(#got, result.matched)
      server:configure {leads = 100}
      assert.equal(#reference(is_active), #got)
      if where == ACTIVE then client.host:close() end
    end
  end)

  it("retries a page without handing out a match twice", function()
    play {leads = 300, faults = {{page = 2, times = 2, cut_after = 5000}}}
    local leads = client:leads {where = ACTIVE, page_size = 100}
    local got = ids_of(leads)
    assert.is_true(leads:result().attempts > 4)
    server:configure {leads = 300}
    assert.same(reference(is_active), got)
  end)

  it("goes with raw and with select", function()
    play {leads = 100}
    local wanted = reference(is_active)
    for _, where in ipairs {ACTIVE, is_active} do
      local ids = {}
      for text in client:leads {where = where, raw = true} do
        assert.equal("string", type(text))
        ids[#ids + 1] = assert(oc.decode(text)).id
      end
      assert.same(wanted, ids)
    end
    for lead in client:leads {where = ACTIVE .. " and consentedOn < now", select = {"id"}} do
      assert.equal("id", (next(lead)))
      assert.is_nil(next(lead, "id"))
    end
    -- A function is asked about what select leaves.
    local seen
    client:leads {where = function(lead) seen = lead end, select = {"status"}}:next()
    assert.is_string(seen.status)
    assert.is_nil(seen.id)
  end)

  it("logs each field that no lead had, once", function()
    play {leads = 30}
    ids_of(client:leads {where = 'stauts == "a" or stauts == "b" or contactDetails.emial == "c" or status == "x"'})
    local fields = {}
    for _, entry in ipairs(logged) do
      if entry.event == "unknown_field" then
        assert.equal("warn", entry.level)
        assert.equal("where", entry.fields.option)
        fields[#fields + 1] = entry.fields.field
      end
    end
    table.sort(fields)
    assert.same({"contactDetails.emial", "stauts"}, fields)
  end)

  it("logs each field that was looked for in a list, a text or a number, once", function()
    play {leads = 30}
    ids_of(client:leads {where = 'civicAddresses.country == "US" or status.x.y or ovocChannelId.z'
      .. ' or umpCustomerGuid.q.q or any(consentedCountries, code == 1)'})
    local fields = {}
    for _, entry in ipairs(logged) do
      if entry.event == "unknown_field" then fields[#fields + 1] = entry.fields.field end
    end
    table.sort(fields)
    assert.same({"civicAddresses.country", "consentedCountries.code", "ovocChannelId.z", "status.x",
      "umpCustomerGuid.q"}, fields)
  end)

  it("logs no field that was null, in a list, or not looked for", function()
    play {leads = 30}
    ids_of(client:leads {where = "channelId or any(civicAddresses, any(locations, elin)) or false and gone"})
    assert.is_nil(world.events(logged):find "unknown_field")
  end)

  it("fixes now when the run starts", function()
    server:configure {leads = 10}
    local clock = 1700000000
    client = world.client(server.url, {host = world.host {time = function() return clock end}})
    local leads = client:leads {where = 'now == date("2023-11-14T22:13:20Z")', page_size = 5, prefetch = 0}
    assert.is_table(leads:next())
    clock = clock + 1000
    assert.equal(9, #assert(leads:all()))
  end)

  describe("by a function", function()
    it("that raises is asked about the same lead again", function()
      play {leads = 60}
      local wanted = reference(is_active)
      local asked = {}
      local where = function(lead)
        asked[lead.id] = (asked[lead.id] or 0) + 1
        if asked[lead.id] == 1 then error "not yet" end
        return is_active(lead)
      end
      local leads, got = client:leads {where = where, page_size = 25}, {}
      local raised = 0
      while true do
        local ok, lead = pcall(leads.next, leads)
        if ok and not lead then break end
        if ok then got[#got + 1] = lead.id else raised = raised + 1 end
      end
      assert.same(wanted, got)
      assert.equal(60, raised)
    end)

    it("that raises loses nothing in pages and all", function()
      play {leads = 60}
      local wanted, calls = reference(is_active), 0
      local leads = client:leads {page_size = 25, where = function(lead)
        calls = calls + 1
        if calls == 40 then error "not yet" end
        return is_active(lead)
      end}
      assert.is_false((pcall(leads.all, leads)))
      assert.same(wanted, world.ids(assert(leads:all())))
    end)

    it("that answers nil, err is asked about the same lead again, and nothing is left open", function()
      play {leads = 60}
      local wanted, asked = reference(is_active), {}
      local where = function(lead)
        asked[lead.id] = (asked[lead.id] or 0) + 1
        if asked[lead.id] == 1 then return nil, errors.new("network", "cannot look it up") end
        return is_active(lead)
      end
      for _, way in ipairs {"next", "all", "pages"} do
        local leads, got, failures = client:leads {where = where, page_size = 25}, {}, 0
        local page_of = leads:pages()
        asked = {}
        local function take(list)
          for _, lead in ipairs(list) do got[#got + 1] = lead.id end
        end
        while true do
          local lead, err
          if way == "pages" then
            local ok, page = pcall(page_of)
            if ok and not page then break end
            err = not ok and page
            take(ok and page.leads or err.partial)
          else
            lead, err = leads[way](leads)
            if way == "all" and lead then err = nil end -- it is the result
            take(way == "next" and {lead} or lead or err.partial)
            if not err and (way == "all" or not lead) then break end
          end
          if err then
            failures = failures + 1
            assert.is_true(failures <= 60)
            assert.equal("network", err.kind)
            assert.equal(0, client.host.pool:counts().open)
            local token = leads:resume()
            assert.same({token.page, token.skip}, {err.resume.page, err.resume.skip})
          end
        end
        assert.same(wanted, got, way)
        assert.equal(60, failures)
        assert.same({true, 60, #wanted, 0}, {leads:result().complete, leads:result().leads, leads:result().matched,
          leads:result().duplicates})
      end
    end)

    it("judges raw leads as deep and large as the client takes", function()
      local deep = ("["):rep(100) .. ("]"):rep(100)
      local body = ('[{"id":"1","status":"Active","x":%s},{"id":"2","x":null,"status":"Active"}]'):format(deep)
      play({leads = 2, faults = {{page = 1, times = 100, status = 200, body = body}}}, {max_depth = 200})
      local got, seen = {}, {}
      for text in client:leads {raw = true, nulls = "null", max_pages = 1, where = function(lead)
        seen[#seen + 1] = lead
        return lead.status == "Active"
      end} do got[#got + 1] = text end
      assert.equal(2, #got)
      assert.same({"table", "table", oc.null}, {type(seen[1]), type(seen[1].x), seen[2].x})
    end)

    it("may yield", function()
      play {leads = 30}
      local wanted = reference(is_active)
      local got = {}
      local run = coroutine.wrap(function()
        local leads = client:leads {where = function(lead) return coroutine.yield(lead) end}
        local lead = leads:next()
        while lead do
          got[#got + 1] = lead.id
          lead = leads:next()
        end
      end)
      local asked = run()
      while asked do asked = run(is_active(asked)) end
      assert.same(wanted, got)
    end)

    it("may close the run", function()
      play {leads = 30}
      local leads
      leads = client:leads {where = function() leads:close() return true end}
      assert.is_nil(leads:next())
      assert.equal("closed", leads:result().stop_reason)
    end)

    it("may be a combination of filters and functions", function()
      play {leads = 100}
      local wanted = reference(function(lead) return lead.status == "Active" and not lead.isDirectLead end)
      local where = oc.filter.all {ACTIVE, function(lead) return not lead.isDirectLead end}
      assert.same(wanted, ids_of(client:leads {where = where}))
    end)
  end)

  describe("that exhausts its work", function()
    local HARD = 'contactDetails.companyName matches "' .. ("a*"):rep(30) .. 'b"'

    -- Three leads of one page, the second of which is hard.
    local function answer(p)
      p:response(200, {})
      p:feed('[{"id":"a","contactDetails":{"companyName":"b"}},{"id":"b","contactDetails":{"companyName":"'
        .. ("a"):rep(40) .. '"}},{"id":"c","contactDetails":{"companyName":"b"}}]')
    end

    it("is an error at that lead, which sticks", function()
      play {leads = 10}
      for _, way in ipairs {"next", "read"} do
        local p = oc.pager {base_url = server.url, where = HARD}
        p:request()
        answer(p)
        local first = p[way](p)
        assert.equal("a", (first[1] or first).id)
        for _ = 1, 2 do
          local got, err = p[way](p)
          assert.is_nil(got)
          assert.equal("limit", err.kind)
          assert.equal("cannot read page 1: where needs too much work on this lead", err.message)
          assert.equal(1, err.page)
        end
        -- The pager stays there, so that nobody passes the lead over: resume points at it.
        for _, call in ipairs {"finish", "request", way} do
          local got, err = p[call](p)
          assert.is_nil(got)
          assert.same({"limit", 1}, {err.kind, err.page}, call)
        end
        assert.same({"limit"}, {select(2, p:finish("connection lost")).kind})
        assert.same({1, 1, "a"}, {p:place().page, p:place().skip, p:place().last_id})
      end
    end)

    it("ends the run there, in every way of reading, and resume points at it", function()
      play {leads = 40}
      local all = reference(function() return true end)
      -- any lead whose id has a hex digit takes all the work there is; the first to be judged so is the 21st
      local where = ('id != "%s" or id matches "%sX"'):format(all[21], ("[%x-]*"):rep(12))
      for _, way in ipairs {"next", "all", "pages"} do
        local leads = client:leads {where = where, page_size = 15}
        local got, err = {}
        if way == "next" then
          local lead
          repeat
            lead, err = leads:next()
            got[#got + 1] = lead
          until not lead
        elseif way == "all" then
          got, err = leads:all()
          got = got or err.partial
        else
          local ok
          ok, err = pcall(function()
            for page in leads:pages() do
              for _, lead in ipairs(page.leads) do got[#got + 1] = lead end
            end
          end)
          assert.is_false(ok)
          for _, lead in ipairs(err.partial) do got[#got + 1] = lead end
        end
        assert.equal(20, #got)
        assert.equal("limit", err.kind)
        assert.equal(all[20], err.resume.last_id)
        assert.equal("error", leads:result().stop_reason)
        assert.equal(err, select(2, leads:next()))
        local rest = world.ids(assert(client:leads {resume = err.resume}:all()))
        assert.equal(20, #rest)
        assert.equal(all[21], rest[1])
      end
    end)

    it("is the function's own answer nil, err too", function()
      play {leads = 10}
      local where = oc.filter.all {function() return true end, 'id matches "' .. ("[%x-]*"):rep(12) .. 'X"'}
      local lead, err = client:leads {where = where}:next()
      assert.is_nil(lead)
      assert.equal("limit", err.kind)
      assert.equal(0, err.resume.skip)
    end)
  end)

  it("is refused where it is no filter, by its name", function()
    play {leads = 1}
    local function fault(given) return select(2, pcall(client.leads, client, given)) end
    assert.matches("leads: option 'where': a value expected, at position 5\n  a ==\n      ^", fault {where = "a =="})
    assert.matches("leads: option 'where': an expression, a filter or a function expected, got number",
      fault {where = 5})
    assert.matches("leads: option 'select' goes without 'raw'", fault {select = {"id"}, raw = true})
    assert.matches("leads: option 'select': %[2%]: a field or a path", fault {select = {"id", "a..b"}})
    assert.matches("leads: option 'select': %[1%]: a field or a path", fault {select = {5}})
    assert.matches("leads: option 'select': a list of paths expected", fault {select = {a = "id"}})
    assert.matches("oc.pager: option 'where': an expression or a filter expected: ask a function yourself",
      select(2, pcall(oc.pager, {base_url = "https://sp.example.com", where = print})))
    assert.matches("oc.decoder: option 'where': an expression or a filter expected: ask a function yourself",
      select(2, pcall(oc.decoder, {where = print})))
    for _, name in ipairs {"where", "select"} do
      assert.matches("oc.decode: option '" .. name .. "' is for oc.decoder only",
        select(2, pcall(oc.decode, "[]", {[name] = name == "where" and "a" or {"a"}})))
    end
  end)
end)

-- The LuaCATS definitions against what the code gives: leads, results, errors, plans, reports of runs against the
-- sandbox, arguments and results of calls. Whatever a value has is defined, and whatever is defined some value has.

local cjson = require "cjson"
local doctor = require "oc.doctor"
local lead_file = require "oc.cli.lead_file"
local luacats = require "support.luacats"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local scratch = require "support.scratch"
local tree = require "support.tree"
local world = require "support.world"

local NOW = 1680307200 -- 2023-04-01

local defs

-- Fails unless the value is of the type.
local function is(type_text, value, place)
  assert.equal("", defs:fault(type_text, value, place) or "")
end

-- Fails unless each field that the class defines was there in some value, but for those named.
local function saw_all_of(class, but)
  assert.equal(table.concat(but or {}, " "), table.concat(defs:unseen(class), " "), class .. ": not seen")
end

describe("the defined shape of", function()
  local server, client, logged

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)

  before_each(function()
    defs = luacats.read(tree.files("lua/oc", "%.lua$"))
    defs.null = oc.null
  end)

  local function play(options, given)
    server:configure(options)
    client, logged = world.client(server.url, given)
    return client
  end

  after_each(function()
    if client then client.host:close() end
    client = nil
    scratch.clear()
  end)

  describe("leads is that of", function()
    it("the sample, null for null", function()
      defs.strict = true
      is("oc.Lead[]", assert(oc.decode(tree.read "spec/fixtures/leads-sample.json", {nulls = "null"})))
      saw_all_of "oc.Lead"
      saw_all_of "oc.Contact"
      saw_all_of("oc.CivicAddress", {"latitude", "longitude"})
      saw_all_of "oc.Location"
    end)

    it("a thousand others, and of those that the service invents", function()
      play {leads = 1000}
      is("oc.Lead[]", (defs:call(client.leads, client, {page_size = 1000}):all()))
      local asked = {ms_tenant_id = "11111111-2222-4333-8444-555555555552", check_online = true}
      local one = assert(client:leads(asked):all())
      assert.equal(1, #one)
      is("oc.Lead[]", one)
    end)

    it("the gateway, whose addresses have degrees", function()
      defs.strict = true
      play {leads = 200, civic_sync = {fail_percent = 0, once_percent = 0, empty_percent = 0}}
      local source = assert(defs:call(oc.civic.source.gateway, {base_url = server.url, auth = false, log = false,
        host = client.host}))
      local found = 0
      for lead in client:leads() do
        local addresses = defs:send("oc.civic.Source", source, "fetch", {id = lead.id, tenantId = lead.tenantId}, {
          attempt = 1, left_s = function() return nil end, turn = function() return true end})
        found = found + #(addresses or {})
      end
      assert.is_true(found > 0)
      saw_all_of "oc.CivicAddress"
      saw_all_of "oc.civic.Ask"
    end)
  end)

  describe("leads objects:", function()
    it("what they give, on every way through", function()
      local pages, retries = {}, {}
      play({leads = 1000, faults = {{page = 2, attempt = 1, status = 503}}},
        {on_page = function(page) table.insert(pages, page) end,
          on_retry = function(info) table.insert(retries, info) end})
      local leads = client:leads {page_size = 100}
      defs:call(leads.next, leads)
      defs:call(leads.result, leads)
      defs:call(leads.resume, leads)
      for page in defs:call(leads.pages, leads) do is("oc.PageInfo", page) end
      defs:call(leads.result, leads)
      defs:call(leads.close, leads)
      is("oc.PageInfo[]", pages)
      is("oc.RetryInfo[]", retries)
      assert.is_true(#pages > 5 and #retries == 1)
      saw_all_of "oc.PageInfo"
      saw_all_of "oc.RetryInfo"
      for _, entry in ipairs(logged) do is("table<string, any>", entry.fields) end
      local all = client:leads {limit = 150, max_pages = math.huge, ms_tenant_id = "none", check_online = true}
      defs:call(all.all, all)
      local cut = client:leads {limit = 150, page_size = 200}
      local _, result = defs:call(cut.all, cut)
      assert.equal("limit", result.stop_reason)
      saw_all_of "oc.Result"
    end)

    it("resume tokens, of each kind", function()
      play {leads = 1000, faults = {{page_size_over = 100, status = 504}}}
      local leads = client:leads {page_size = 200, ms_tenant_id = "x", check_online = true}
      defs:call(leads.all, leads)
      local token = defs:call(leads.resume, leads)
      assert.is_nil(token) -- an unknown tenant has no leads: that is the end
      leads = client:leads {page_size = 200, limit = 450}
      leads:all()
      token = defs:call(leads.resume, leads)
      assert.is_true(token.parts > 1)
      local other = client:leads {ms_tenant_id = "x", check_online = true}
      is("oc.Resume", defs:call(other.resume, other))
      other:close()
      saw_all_of "oc.Resume"
    end)
  end)

  it("errors, of each field", function()
    local body = cjson.encode {title = "One or more validation errors", status = 400, traceId = "00-1",
      errors = {PageSize = {"too large"}}}
    play({leads = 1000, faults = {{page = 2, status = 429, body = body, headers = {["Retry-After"] = "999"}},
      {page = 3, drop_before_head = "reset"}}}, {max_attempts = 2})
    local leads = client:leads {page_size = 100}
    local _, err = defs:call(leads.all, leads)
    assert.equal("throttle", err.kind)
    leads = client:leads {page = 3, page_size = 100}
    _, err = defs:call(leads.next, leads)
    assert.equal("network", err.kind)
    for _, text in ipairs {"[1]", "[{", "[", '{"error":"x"}', "<html>"} do
      local decoder = defs:call(oc.decoder)
      defs:send("oc.Decoder", decoder, "feed", text)
      defs:send("oc.Decoder", decoder, "next")
      _, err = defs:send("oc.Decoder", decoder, "finish")
      is("oc.Error", err)
    end
    defs:call(oc.decode, "{")
    -- A signal would end the specs; spec/interrupt_spec.lua sends one to a child.
    saw_all_of("oc.Error", {"signal"})
  end)

  it("the decoder and the pager, without I/O", function()
    local decoder = defs:call(oc.decoder, {where = "nowhere == 1"})
    defs:send("oc.Decoder", decoder, "feed", '[{"id": "1"},')
    defs:send("oc.Decoder", decoder, "waiting")
    assert.same({}, (defs:send("oc.Decoder", decoder, "read", 1)))
    assert.same({"nowhere"}, (defs:send("oc.Decoder", decoder, "unknown")))
    defs:send("oc.Decoder", decoder, "reset")

    local pager = defs:call(oc.pager, {base_url = "https://sp.example.com/tenantui", page_size = 2, where = "id"})
    local function say(name, ...) return defs:send("oc.Pager", pager, name, ...) end
    local function page(text, status, headers)
      say "request"
      say("response", status or 200, headers or {}, NOW)
      say("feed", text)
      return function(err) return say("finish", err, 0.5) end
    end
    local finish = page '[{"id": "1"}, {"id": "2"}]'
    assert.equal("1", say("next").id)
    assert.equal(1, #say("read", 5))
    say "over"
    say("ahead", 1)
    say "unknown"
    assert.equal("next", (finish()))
    assert.equal("wait", (page("", 503, {["retry-after"] = "3"})()))
    assert.equal("wait", (page "["("the host's own words")))
    is("oc.PagerPlace", say "place")
    is("oc.PagerResult", say "result")
    assert.equal("end", (page "[]"()))
    assert.equal("end", say("result").stop_reason)
    assert.is_nil((say "request"))
    is("oc.PagerPlace|oc.Resume", {page = 1, skip = 0, last_id = "", parts = 2, full = true})
    assert.is_nil(say("place").parts)
    pager = oc.pager {base_url = "https://sp.example.com", max_attempts = 1}
    assert.is_nil((page("", 400)()))
    saw_all_of "oc.PageRequest"
    saw_all_of "oc.PagerResult"
    saw_all_of "oc.PagerPlace"
  end)

  it("the host and its exchanges", function()
    play {leads = 10}
    local host = defs:call(require("oc.host.script").new)
    for _, name in ipairs {"now", "time", "random"} do
      is("number", host[name]())
    end
    local exchange = defs:send("oc.Host", host, "open", {url = server.url .. "/api/v2/oc/lead?PageSize=10"})
    defs:send("oc.Exchange", exchange, "head")
    defs:send("oc.Host", host, "pump")
    while defs:send("oc.Exchange", exchange, "read") do end
    defs:send("oc.Exchange", exchange, "stats")
    defs:send("oc.Exchange", exchange, "close")
    saw_all_of "oc.ExchangeStats"
    local left = 2
    defs:send("oc.Host", host, "together", 2, function()
      left = left - 1
      if left >= 0 then return function() end, function() end end
    end)
    defs:send("oc.Host", host, "close")
  end)

  it("a client's own methods, and of credentials", function()
    play({leads = 10, client_id = "c", client_secret = "s"}, {auth = defs:call(oc.auth.client_credentials, {
      tenant_id = "contoso.example", client_id = "c", client_secret = "s", scope = "api://x/.default",
      authority = server.url})})
    is("oc.Auth", client.auth)
    local line, err = defs:call(client.authorization, client)
    assert.is_nil(err)
    assert.is_true(defs:call(client.renew, client, line))
    local url = server.url .. "/api/v2/oc/lead?PageSize=10"
    local status = defs:call(client.get, client, url, defs:call(client.headers, client, {"Accept: text/plain"}), 1e6)
    assert.equal(200, status)
    defs:send("oc.Exchange", defs:call(client.open, client, {url = url}), "close")
    defs:call(client.with, client, {max_attempts = 1})
    is("oc.Auth", defs:call(oc.auth.bearer, "x"))
    is("oc.Auth", defs:call(oc.auth.of, function() return "x", 1 end))
    saw_all_of "oc.Auth"
    saw_all_of "oc.ClientCredentials"
  end)

  describe("synchronising:", function()
    local function leads_of(options)
      play(options)
      return assert(client:leads {page_size = 400}:all())
    end

    it("plans, results, and what is told on the way", function()
      local told = {}
      local leads = leads_of {leads = 400, civic_sync = {fail_percent = 20, once_percent = 0, empty_percent = 20}}
      for _, lead in ipairs(leads) do lead.civicAddresses = nil end
      leads[2].civicAddresses, leads[2].status = oc.array {}, "Active"
      local plan = assert(defs:call(oc.civic.plan, leads, {policy = "missing"}))
      local path = scratch.file("", ".ndjson")
      os.remove(path)
      local given = {source = oc.civic.source.platform(client), leads = leads, max_attempts = 1, breaker = false,
        journal = path, log = false, on_outcome = function(outcome)
          is("oc.civic.Told", outcome)
          told[outcome.outcome] = true
        end}
      local result = assert(defs:call(oc.civic.apply, plan, given))
      assert.is_true(result.failed > 0 and result.synced > 0)
      leads[1].civicAddresses = oc.array {}
      assert(defs:call(oc.civic.apply, plan, given))
      assert.is_true(told.synced and told.failed and told.resumed)
      defs:call(oc.civic.apply, plan, {dry_run = true})
      for line in io.lines(path) do
        local record = oc.decode(line)
        if not record.journal then is("oc.civic.Outcome", record) end
      end
      saw_all_of "oc.civic.Plan"
      saw_all_of "oc.civic.PlanItem"
      saw_all_of("oc.civic.Result", {"journal_error", "signal"})
      saw_all_of "oc.civic.Outcome"
    end)

    it("all that sync gives; what is skipped; why a source fails", function()
      local leads = leads_of {leads = 400}
      leads[1].civicAddresses = {{country = "IL"}}
      local result = assert(defs:call(oc.civic.sync, leads, {policy = "all", breaker = 2, breaker_probes = 0,
        concurrency = 1, max_attempts = 1, log = false,
        on_outcome = function(outcome) is("oc.civic.Told", outcome) end,
        source = function(lead)
          if lead == leads[1] then return {{country = "NL", streetName = "x"}} end
          return nil, "no"
        end}))
      assert.is_true(result.skipped > 0)
      local platform = oc.civic.source.platform(client)
      assert(defs:call(oc.civic.sync, leads, {policy = "missing", source = platform, log = false, max_attempts = 1}))
      local file = defs:call(oc.civic.source.file, scratch.file("[]", ".json"))
      assert(defs:call(oc.civic.sync, leads, {source = file, log = false}))
      saw_all_of "oc.civic.Told"
      saw_all_of("oc.civic.SyncResult", {"journal_error", "signal"})
      saw_all_of "oc.civic.Failure"
    end)

    it("audits", function()
      local audit = oc.civic.audit
      local findings, list = 0, assert(oc.decode(tree.read "spec/fixtures/leads-sample.json"))
      for _, lead in ipairs(list) do
        for _, finding in ipairs(audit(lead)) do
          is("oc.civic.Finding", finding)
          findings = findings + 1
        end
      end
      assert.is_true(findings > 0)
      is("oc.civic.Rule[]", defs:call(audit.rules, {skip = {}, severity = "error"}))
      is("function", defs:call(audit.with))
      saw_all_of("oc.civic.Rule", {"countries"})
      saw_all_of "oc.civic.Finding"
    end)
  end)

  describe("reports:", function()
    local samples

    before_each(function() samples = assert(oc.decode(tree.read "spec/fixtures/leads-sample.json")) end)

    it("definitions and results", function()
      for _, name in ipairs(oc.report.names) do
        is("oc.report.Definition", (defs:call(oc.report.get, name)))
        defs:call(oc.report.wants, name)
        assert(defs:call(oc.report.run, name, samples, {now = NOW, complete = true, source = "here"}))
      end
      saw_all_of "oc.report.Result"
      is("oc.report.Column", {title = "t", field = "x", pii = true})
      saw_all_of "oc.report.Column"
      saw_all_of "oc.report.ResultColumn"
      assert(defs:call(oc.report.run, {title = "t", columns = {{title = "n"}}, start = function(context)
        is("oc.report.Context", context)
        local collector = {add = function() end, finish = function() return {{1}}, {"a note"} end}
        is("oc.report.Collector", collector)
        return collector
      end}, samples))
      for _, format in ipairs(oc.report.render.formats) do
        defs:call(oc.report.render.text, oc.report.run("summary", samples), format, {pii = "mask"})
      end
    end)

    it("diffs", function()
      local old = defs:call(lead_file.open, "spec/fixtures/week-1.ndjson", {})
      local new = defs:call(lead_file.open, "spec/fixtures/week-2.ndjson", {})
      local result = assert(defs:call(oc.report.diff.of, old, new, {ignore = {"comments"}}))
      old:close()
      new:close()
      is("oc.diff.Result", result)
      for _, lead in ipairs(result.changed) do
        for _, change in ipairs(lead.changes) do defs:call(oc.report.diff.texts, change) end
      end
      local none = {complete = false, where = "id", ms_tenant_id = "x", next = function() end}
      result = assert(oc.report.diff(none, {samples[1]}))
      is("oc.diff.Result", result)
      saw_all_of("oc.diff.Result", {"chart"})
      for _, class in ipairs {"Lead", "ChangedLead", "Counts", "Side"} do saw_all_of("oc.diff." .. class) end
    end)
  end)

  it("snapshots", function()
    local reader
    for line in io.lines "spec/fixtures/week-1.ndjson" do
      local snapshot = require "oc.snapshot"
      if not reader then
        reader = assert(defs:call(snapshot.reader, line))
      elseif defs:call(snapshot.is_end, line) then
        assert(defs:call(reader.close, reader, line))
      else
        reader:count()
      end
    end
    is("oc.SnapshotReader", reader)
    is("oc.SnapshotHeader", reader.header)
    is("oc.SnapshotEnd", reader.ending)
  end)

  it("the doctor's findings", function()
    play {leads = 30}
    local result = assert(defs:call(doctor.examine, {base_url = server.url, auth = false, log = false}, {page_size = 20,
      on_finding = function(finding) is("oc.doctor.Finding", finding) end,
      on_request = function(record) is("oc.doctor.Record", record) end}))
    is("oc.doctor.Examination", result)
    saw_all_of "oc.doctor.Examination"
  end)
end)

-- `oc-leads sync`, as a process: outcomes, files, and how it ends.

local cjson = require "cjson"
local command_line = require "support.command"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local quote, read_file = process.quote, command_line.read_file

local SILENT = {fail_percent = 100, once_percent = 0, empty_percent = 0}
local FOUND = {fail_percent = 0, once_percent = 0, empty_percent = 0}

describe("oc-leads sync", function()
  local server, place

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  before_each(function() place = command_line.place() end)
  after_each(function() place:remove() end)

  local function run(words, before) return place:run("sync " .. words, before) end

  local function sync(words, before)
    return run(("--base-url %s --backoff-base 0.001 %s"):format(server.url, words), before)
  end

  local function objects_of(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do list[#list + 1] = assert(oc.decode(line)) end
    return list
  end

  local function write(name, text)
    local file = assert(io.open(place.folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
    return name
  end

  local function read(name) return read_file(place.folder .. "/" .. name) end

  -- The leads as they are when nobody has synchronised, in a file.
  local function leads_file(n)
    server:configure {leads = n, civic_sync = false}
    local code = place:run(("list --max-pages all --page-size 2000 --base-url %s -o leads.ndjson"):format(server.url))
    assert.equal(0, code)
    return "leads.ndjson"
  end

  -- Outcomes by lead.
  local function by_lead(out)
    local outcomes = {}
    for _, row in ipairs(objects_of(out)) do
      assert.is_nil(outcomes[row.leadId])
      outcomes[row.leadId] = row
    end
    return outcomes
  end

  it("prints what came of each lead, and puts what was found into --leads-out", function()
    leads_file(500)
    server:configure {leads = 500, civic_sync = FOUND}
    local code, out, err = sync "--from leads.ndjson --leads-out found.ndjson"
    assert.equal(0, code, err)
    local n, outcomes = 0, by_lead(out)
    local before, after = objects_of(read "leads.ndjson"), objects_of(read "found.ndjson")
    assert.equal(500, #after)
    for i, lead in ipairs(after) do
      assert.equal(before[i].id, lead.id)
      local row = outcomes[lead.id]
      if row then
        n = n + 1
        assert.equal("synced", row.outcome)
        assert.equal(#lead.civicAddresses, row.addresses)
        assert.equal(lead.contactDetails.companyName, row.company)
        assert.is_true(lead.isDirectLead and #(before[i].civicAddresses or {}) == 0)
        lead.civicAddresses = before[i].civicAddresses
      end
      assert.same(before[i], lead)
    end
    assert.is_true(n > 20)
    assert.equal(("oc-leads: %d of 500 leads to synchronise: %d found\n"):format(n, n), err)
  end)

  it("exits with 4 when some failed, says why, and erases nothing", function()
    leads_file(200)
    server:configure {leads = 200, civic_sync = SILENT}
    local code, out, err = sync "--from leads.ndjson --leads-out after.ndjson --policy all --max-attempts 1"
    assert.equal(4, code)
    assert.matches("oc%-leads: 200 of 200 leads to synchronise: .*%d+ failed\n", err)
    assert.is_nil(err:find "civic_failed")
    for _, row in pairs(by_lead(out)) do
      if row.outcome == "failed" then assert.matches("no addresses %(null%) for a direct lead", row.error) end
    end
    local before, after = objects_of(read "leads.ndjson"), objects_of(read "after.ndjson")
    local outcomes = by_lead(out)
    for i, lead in ipairs(before) do
      if outcomes[lead.id].outcome ~= "synced" then assert.same(lead, after[i]) end -- a sister lead had addresses
    end
  end)

  it("reads the service, and is cut by the default --max-pages only with 3", function()
    server:configure {leads = 100, civic_sync = FOUND}
    local code, out, err = sync "--page-size 5 --policy all"
    assert.equal(3, code)
    assert.equal(50, #objects_of(out))
    assert.matches("stopped at the default of 10 pages", err)
    code, out = sync "--page-size 5 --policy all --max-pages all"
    assert.equal(0, code)
    assert.equal(100, #objects_of(out))
  end)

  it("prints tables, CSV and JSON", function()
    server:configure {leads = 40, civic_sync = FOUND}
    local _, out = sync "--policy all -f table"
    assert.matches("^OUTCOME +COMPANY +TENANT ID +ADDRESSES +WHY\n", out)
    _, out = sync "--policy all -f csv"
    assert.matches("^outcome,company,tenantId,leadId,addresses,why,error\r\n", out)
    assert.equal(41, select(2, out:gsub("\r\n", "")))
    _, out = sync "--policy all -f json"
    assert.equal(40, #cjson.decode(out))
    assert.is_nil(cjson.decode(out)[1].told)
  end)

  it("a dry run says what would be done, and asks nobody", function()
    leads_file(300)
    server:empty_journal()
    local code, out, err = sync "--from leads.ndjson --dry-run --journal j --plan-out plan.json"
    assert.equal(0, code)
    assert.same({}, server:journal().requests)
    assert.is_nil(read "j")
    local rows, plan = objects_of(out), oc.decode(read "plan.json")
    assert.equal(#plan.items, #rows)
    assert.equal("planned", rows[1].outcome)
    assert.matches("direct lead", rows[1].why)
    assert.equal(("oc-leads: %d of 300 leads to synchronise\n"):format(#rows), err)

    server:configure {leads = 300, civic_sync = FOUND}
    code, out, err = sync "--plan plan.json -v"
    assert.equal(0, code, err)
    assert.equal(#rows, #objects_of(out))
    for _, request in ipairs(server:journal().requests) do assert.is_truthy(request.tenant) end
  end)

  it("goes on with a journal, and tells what it knew", function()
    leads_file(300)
    server:configure {leads = 300, civic_sync = {fail_percent = 30, once_percent = 0, empty_percent = 0}}
    local code, _, err = sync "--from leads.ndjson --journal j --leads-out one.ndjson"
    assert.equal(4, code, err)
    local done = tonumber(err:match "(%d+) found") + tonumber(err:match "(%d+) have none" or 0)
    server:configure {leads = 300, civic_sync = FOUND}
    code, _, err = sync "--from leads.ndjson --journal j --leads-out two.ndjson"
    assert.equal(0, code, err)
    assert.matches((", %d from the journal"):format(done), err)
    for i, lead in ipairs(objects_of(read "two.ndjson")) do
      local before = objects_of(read "one.ndjson")[i]
      if before.civicAddresses and #before.civicAddresses > 0 then assert.same(before, lead) end
    end
  end)

  it("asks the gateway, with credentials of its own", function()
    leads_file(100)
    server:configure {leads = 100, civic_sync = FOUND, client_id = "gate", client_secret = "s3cr3t-gate"}
    local environment = ("OC_GATEWAY_URL=%s OC_GATEWAY_TENANT_ID=contoso.example OC_GATEWAY_CLIENT_ID=gate "
      .. "OC_GATEWAY_CLIENT_SECRET=s3cr3t-gate OC_GATEWAY_SCOPE=s/.default OC_GATEWAY_AUTHORITY=%s"):format(server.url,
      server.url)
    local code, out, err = run("--from leads.ndjson --source gateway --rate-per-min 100000", environment)
    assert.equal(0, code, err)
    assert.is_true(#objects_of(out) > 3)
    local journal = server:journal()
    assert.equal(1, journal.tokens_issued)
    for _, request in ipairs(journal.requests) do
      assert.is_truthy(request.account or request.path:find "token")
    end
    code, out, err = run("--from leads.ndjson --source gateway", environment:gsub("CLIENT_SECRET=%S+", "X=1"))
    assert.equal(2, code)
    assert.equal("oc-leads: environment: credentials are incomplete, missing OC_GATEWAY_CLIENT_SECRET\n", err)
    assert.is_nil((out .. err):find "s3cr3t")
  end)

  it("takes addresses from a file", function()
    write("leads.ndjson", '{"id":"1","tenantId":"a","isDirectLead":true,"channelId":null}\n'
      .. '{"id":"2","tenantId":"b","isDirectLead":true}\n')
    write("addresses.csv", "tenantId;country;cityOrTown;location.description\r\nA;IL;Haifa;lobby\r\n")
    local code, out, err = run "--from leads.ndjson --source addresses.csv --leads-out after.ndjson"
    assert.equal(4, code, err)
    assert.equal("synced", by_lead(out)["1"].outcome)
    assert.equal("the file has nothing about this lead", by_lead(out)["2"].error)
    assert.equal('{"civicAddresses":[{"country":"IL","cityOrTown":"Haifa","tenantId":"A","locations":'
      .. '[{"description":"lobby"}]}],"channelId":null,"isDirectLead":true,"id":"1","tenantId":"a"}\n'
      .. '{"isDirectLead":true,"id":"2","tenantId":"b"}\n', read "after.ndjson")
  end)

  it("a cut run replaces no file that was whole", function()
    server:configure {leads = 100, civic_sync = FOUND}
    assert.equal(0, (sync "--policy all --max-pages all --page-size 5 --leads-out all.ndjson -o out.ndjson"))
    local whole = read "all.ndjson"
    local code, _, err = sync "--policy all --page-size 5 --leads-out all.ndjson -o out.ndjson"
    assert.equal(3, code)
    assert.equal(whole, read "all.ndjson")
    assert.equal(50, #objects_of(read "all.ndjson.part"))
    assert.equal(50, #objects_of(read "out.ndjson.part"))
    assert.matches("what came so far is in all.ndjson.part", err)
  end)

  it("bears leads without ids, and says why each was skipped", function()
    write("leads.ndjson", '{"isDirectLead":true}\n{"id":null,"tenantId":"a","isDirectLead":true}\n')
    server:configure {leads = 10}
    local code, out, err = sync "--from leads.ndjson"
    assert.equal(4, code, err)
    assert.matches("neither id nor tenantId", out)
    assert.is_nil(err:find "internal error")
    leads_file(40)
    server:configure {leads = 40, faults = {{status = 400}}}
    code, out, err = sync "--from leads.ndjson --policy all --breaker 2 --breaker-probes 0 --concurrency 1"
    assert.equal(4, code, err)
    local skipped = 0
    for _, row in ipairs(objects_of(out)) do
      if row.outcome == "skipped" then
        skipped = skipped + 1
        assert.equal("not asked about: too many failures in a row", row.error)
      end
    end
    assert.is_true(skipped > 30)
    assert.matches("too many failures in a row: the rest was skipped", err)
  end)

  it("refuses wrong words before anything is asked, and leaves no file", function()
    server:configure {leads = 10}
    for words, fault in pairs {
      ["--policy mising"] = "one of direct%-missing, missing",
      ["--policy 'a = 1'"] = "compares nothing",
      ["--policy stale:x"] = "a number of days",
      ["--source nowhere"] = "platform, gateway or a file expected",
      ["--source gateway"] = "OC_GATEWAY_URL",
      ["--breaker 0"] = "%-%-breaker: an integer of at least 1, or off",
      ["--concurrency 0"] = "%-%-concurrency",
      ["--plan p --policy all"] = "goes without %-%-plan",
      ["--plan p --from x"] = "goes without %-%-plan",
      ["--leads-out ''"] = "a file name expected",
      ["--select id"] = "unknown option",
      ["--plan p --limit 1"] = "%-%-limit goes without %-%-plan",
      ["--leads-out ./out"] = "%-%-output and %-%-leads%-out: ./out would be used for both",
      ["--leads-out out.part"] = "%-%-output and %-%-leads%-out: out.part would be used for both",
      ["--journal out"] = "%-%-journal and %-%-output: out would be used for both",
      ["--source ./out --from x"] = "%-%-source and %-%-output: out would be used for both",
      ["--policy stale:1e300"] = "from 0 to 36500",
    } do
      local code, out, err = sync("-o out " .. words)
      assert.equal(2, code, words .. err)
      assert.equal("", out)
      assert.matches(fault, err)
      assert.is_nil(err:find "traceback")
      assert.is_nil(read "out.part")
    end
    local code, _, err = sync("--source gateway", "OC_GATEWAY_URL=http://gateway.example OC_GATEWAY_TOKEN=x")
    assert.equal(2, code)
    assert.matches("environment variable OC_GATEWAY_URL is plain http", err)
    code, _, err = sync("--source gateway", "OC_GATEWAY_URL=https://gateway.example")
    assert.equal(2, code)
    assert.matches("its credentials are missing: OC_GATEWAY_TOKEN", err)
    write("bad.json", "{}")
    assert.equal(2, (sync "--plan bad.json"))
    assert.equal(1, (sync "--plan nowhere.json"))
    assert.equal(1, (sync "--source nowhere.csv -o out"))
    assert.is_nil(read "out.part")
    assert.same({}, server:journal().requests)
  end)

  it("says what it cannot write, whichever file it is", function()
    local full = io.open("/dev/full")
    if not full then return pending "no /dev/full here" end
    full:close()
    server:configure {leads = 20, civic_sync = FOUND}
    for _, flag in ipairs {"--plan-out", "--leads-out", "-o", "--journal"} do
      local code, _, err = sync("--policy all " .. flag .. " /dev/full")
      assert.equal(1, code, flag .. err)
      assert.is_nil(err:find "internal error", flag)
    end
  end)

  it("fails with 1 when leads cannot be read, or the journal not be used", function()
    server:configure {leads = 100, faults = {{page = 1, status = 400}}}
    local code, out, err = sync "--leads-out after.ndjson"
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("HTTP 400", err)
    assert.is_nil(read "after.ndjson")
    assert.is_nil(read "after.ndjson.part")
    server:configure {leads = 100}
    server:empty_journal()
    write("j", "no journal\n")
    code, out, err = sync "--journal j --policy all"
    assert.equal("", out)
    assert.equal(1, code)
    assert.matches("cannot use the journal j: it is none", err)
    assert.same({}, server:journal().requests)
  end)

  it("stops at Ctrl-C after what is under way, and loses no outcome", function()
    leads_file(60)
    local tenant
    for _, lead in ipairs(objects_of(read "leads.ndjson")) do
      if lead.isDirectLead and not lead.civicAddresses then tenant = tenant or lead.tenantId end
    end
    server:configure {leads = 60, civic_sync = FOUND, faults = {
      {tenant = tenant, status = 503, headers = {["Retry-After"] = "100"}}}}
    local words = command_line.line("sync --from leads.ndjson --policy all --journal j --leads-out after.ndjson "
      .. "--concurrency 2 -v --base-url " .. server.url)
    local pipe = assert(io.popen(("cd %s && { sh -c %s; echo exit $?; } 2>&1"):format(quote(place.folder),
      quote("echo pid $$; exec " .. words))))
    local pid = assert(pipe:read("*l"):match "^pid (%d+)$")
    local lines = {}
    for line in pipe:lines() do
      lines[#lines + 1] = line
      if line:find "wait_s=100" then os.execute("kill -INT " .. pid) end
    end
    pipe:close()
    local text = table.concat(lines, "\n")
    assert.matches("exit 130$", text)
    assert.matches("interrupted: what was under way has ended, the rest was skipped", text)
    local outcomes = {}
    for outcome in text:gmatch '"outcome":"(%l+)"' do outcomes[outcome] = (outcomes[outcome] or 0) + 1 end
    assert.is_true(outcomes.failed >= 1)
    assert.is_true((outcomes.skipped or 0) > 5)
    local written = select(2, read("j"):gsub("\n", "")) - 1
    local total = 0
    for _, n in pairs(outcomes) do total = total + n end
    assert.equal(60, total)
    assert.equal(60 - outcomes.skipped, written)
    assert.equal(60, #objects_of(read "after.ndjson"))
    server:configure {leads = 60, civic_sync = FOUND}
    local code, _, err = sync "--from leads.ndjson --policy all --journal j"
    assert.equal(0, code)
    assert.matches((", %d from the journal"):format(written - outcomes.failed), err)
  end)
end)

-- The examples, each run as a stranger would: another process, a sandbox, and what it
-- prints. A sandbox has few leads, so that every number can be known. Those in folders
-- are hosts, each with a spec of its own.

local cjson = require "cjson"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"

local interpreter, quote = process.interpreter, process.quote

local MOST_LINES = 30

-- Rules, which spec/audit_doc_spec.lua runs, and reports, see below.
-- (neovim_leads is Neovim's, see spec/host_neovim_spec.lua.)
local IS_NO_PROGRAM = {neovim_leads = true, emergency_coverage = true, onboarding_follow_up = true,
  rules_of_my_own = true}

-- What the caller's shell has set must not matter, and no descriptor of ours be inherited.
-- (A sanitized run preloads its library, which is for Lua, not for the shell's tools.)
local CLEAN = "preload=${LD_PRELOAD-}; unset LD_PRELOAD; "
  .. "for name in $(env | sed -n 's/^\\(OC_[A-Z_]*\\)=.*/\\1/p'); do "
  .. "case $name in OC_LUA | OC_SAN) ;; *) unset $name ;; esac; done; "
  .. "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; "

-- Runs an example: what it printed, on both, and its exit status.
local function run(name, url, argument)
  local command = CLEAN .. "cd " .. quote(tree.root) .. " && "
    .. "LD_PRELOAD=\"$preload\" "
    .. (url and "OC_BASE_URL=" .. quote(url) .. " OC_BACKOFF_BASE_S=0.001 " or "")
    .. quote(interpreter()) .. " examples/" .. name .. ".lua " .. (argument and quote(argument) or "")
    .. " 2>&1 </dev/null; echo \"exit $?\""
  local pipe = assert(io.popen(command))
  local output = pipe:read "*a"
  pipe:close()
  local printed, status = output:match "^(.*)exit (%d+)\n$"
  return printed, tonumber(status)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

describe("the examples", function()
  local server

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)

  -- The leads as the service has them, by a route of our own.
  local function leads_of(options)
    local http = require "socket.http"
    server:configure(options)
    local text = assert(http.request(server.url .. "/api/v2/oc/lead?PageSize=20000"))
    server:configure(options)
    return cjson.decode(text)
  end

  local names = {}
  for _, path in ipairs(tree.files("examples", "^examples/[^/]+%.lua$")) do
    names[#names + 1] = path:match "([^/]+)%.lua$"
  end

  it("are all run here", function()
    assert.same({"count_by_status", "cqueues_leads", "emergency_coverage", "list", "luv_many_clients", "neovim_leads",
      "nightly_sync", "onboarding_follow_up", "own_http", "policy_of_my_own", "retry_and_log", "rules_of_my_own",
      "source_of_my_own", "to_ndjson", "weekly_changes", "without_addresses"}, names)
  end)

  for _, name in ipairs(names) do
    it(name .. " fits on a screen, and says how it is used", function()
      local text = tree.read("examples/" .. name .. ".lua")
      assert.is_true(#lines_of(text) <= MOST_LINES, name .. " is longer than 30 lines")
      assert.matches("^%-%- ", text)
      if IS_NO_PROGRAM[name] then return end
      local printed, status = run(name)
      assert.equal(2, status)
      assert.matches("^usage: OC_BASE_URL=ADDRESS script/lua examples/" .. name .. "%.lua[ A-Z]*\n$", printed)
    end)
  end

  it("list prints the first leads as a table", function()
    local leads = leads_of {leads = 25}
    local printed, status = run("list", server.url)
    local lines = lines_of(printed)
    assert.equal(0, status)
    assert.equal(12, #lines)
    assert.matches("^COMPANY +STATUS +COUNTRIES +CONSENTED$", lines[1])
    assert.equal("FabrikamOC444062xxxxx1           Active   AF,IL,NL  2022-01-09", lines[3])
    for i = 1, 10 do
      assert.is_truthy(lines[i + 1]:find(leads[i].contactDetails.companyName, 1, true))
    end
    assert.equal("10 leads, stopped by: limit", lines[12])
  end)

  it("count_by_status counts every page's leads", function()
    local expected = {}
    for _, lead in ipairs(leads_of {leads = 2500}) do
      expected[lead.status] = (expected[lead.status] or 0) + 1
    end
    server:configure {leads = 2500, page_cap = 300}
    local printed, status = run("count_by_status", server.url)
    local lines = lines_of(printed)
    assert.equal(0, status)
    for i = 1, #lines - 1 do
      local count, name = lines[i]:match "^ *(%d+) (.+)$"
      assert.equal(expected[name], tonumber(count), lines[i])
      expected[name] = nil
    end
    assert.is_nil(next(expected))
    assert.equal("2500 leads on 9 pages, read to the end", lines[#lines])
  end)

  it("luv_many_clients and cqueues_leads let the loop go on", function()
    local function active()
      local count = 0
      for _, lead in ipairs(leads_of {leads = 700}) do
        if lead.status == "Active" then count = count + 1 end
      end
      return count
    end
    local expected = active()
    server:configure {leads = 700, faults = {{latency_s = 0.02}}}
    local printed, status = run("cqueues_leads", server.url)
    assert.equal(("%d active leads; the other went on\n"):format(expected), printed)
    assert.equal(0, status)
    server:configure {leads = 990, faults = {{latency_s = 0.05}}}
    printed, status = run("luv_many_clients", server.url)
    assert.equal("990 leads; the timer went on\n", (printed:gsub("oc: warn: cut_by_max_pages [^\n]*\n", "")))
    assert.equal(0, status)
    assert.is_true(server:journal().max_open >= 20)
  end)

  local function trouble_of(addresses)
    if addresses == cjson.null then return "unknown" end
    if #addresses == 0 then return "none" end
    for _, address in ipairs(addresses) do
      if address.validationStatus:lower() == "validated" then return nil end
    end
    return "not validated"
  end

  it("without_addresses tells the three states apart", function()
    local expected, count = {}, 0
    for _, lead in ipairs(leads_of {leads = 60, civic_sync = false}) do
      local why = trouble_of(lead.civicAddresses)
      if lead.status == "Active" and why then
        count = count + 1
        expected[count] = ("%-14s %s  %s"):format(why, lead.tenantId, lead.contactDetails.companyName)
      end
    end
    expected[count + 1] = count .. " active leads without a usable address"
    local printed, status = run("without_addresses", server.url)
    assert.equal(0, status)
    assert.same(expected, lines_of(printed))
    for _, why in ipairs {"unknown", "none", "not validated"} do
      assert.is_truthy(printed:find("\n" .. why, 1, true) or printed:find("^" .. why), why)
    end
  end)

  it("emergency_coverage and onboarding_follow_up are reports", function()
    local oc = require "oc"
    local leads = oc.decode(tree.read "spec/fixtures/leads-sample.json")
    local function rows(name, more)
      local definition = assert(oc.report.load(tree.root .. "/examples/" .. name .. ".lua"))
      local list = {}
      local result = assert(oc.report.run(definition, leads, more))
      for i, row in ipairs(result.rows) do list[i] = table.concat(row, "|", 1, 2) end
      return list
    end
    assert.same({"AF|1", "AU|1", "BG|1", "CA|1", "IL|1", "NL|1", "RO|1", "(covered everywhere)|1"},
      rows "emergency_coverage")
    assert.same({"Contoso-at|L1000_U2999", "Trnkpck-es-cust!@#$%^&*()_+TestLongName|L250_U999",
      "FabrikamOC444062xxxxx1|L50_U249"}, rows("onboarding_follow_up", {now = 1680307200}))
    assert.same({}, rows("onboarding_follow_up", {now = 1680307200, options = {days = 3000}}))
  end)

  it("nightly_sync says what came of it, and goes on with its journal", function()
    local journal = os.tmpname()
    os.remove(journal)
    server:configure {leads = 400, civic_sync = {fail_percent = 20, once_percent = 0, empty_percent = 0}}
    local printed, status = run("nightly_sync", server.url, journal)
    local all, found, before, none, failed = printed:match(
      "(%d+) leads lack addresses: (%d+) found, (%d+) found before, (%d+) have none, (%d+) failed, 0 not asked about\n")
    assert.equal(4, status)
    assert.equal("0", before)
    assert.is_true(tonumber(none) > 0 and tonumber(failed) > 0)
    assert.equal(tonumber(all), found + none + failed)
    assert.equal(tonumber(failed), select(2, printed:gsub("\nlead %x+%-[%x-]+: no addresses %(null%)", "")))
    server:empty_journal()
    printed = run("nightly_sync", server.url, journal)
    assert.equal(("%d leads lack addresses: 0 found, %d found before"):format(all, found + none),
      printed:match "%d+ leads lack addresses: %d+ found, %d+ found before")
    os.remove(journal)
  end)

  it("weekly_changes compares with the week before, and keeps what it saw", function()
    local path = os.tmpname()
    os.remove(path)
    server:configure {leads = 300, civic_sync = false}
    local printed, status = run("weekly_changes", server.url, path)
    assert.equal(0, status)
    assert.equal(300, select(2, printed:gsub("added\t", "")))
    assert.matches("\n300 added, 0 removed, 0 changed\n$", printed)
    server:configure {leads = 302, civic_sync = false}
    printed, status = run("weekly_changes", server.url, path)
    assert.equal(0, status)
    assert.matches("^added\t[^\n]+\nadded\t[^\n]+\n2 added, 0 removed, 0 changed\n$", printed)
    server:configure {leads = 302, civic_sync = false, faults = {{page = 2, status = 400}}}
    printed, status = run("weekly_changes", server.url, path)
    assert.equal(1, status)
    assert.matches("cannot read page 2: HTTP 400", printed)
    server:configure {leads = 302, civic_sync = false} -- what failed has replaced nothing
    assert.equal("0 added, 0 removed, 0 changed\n", (run("weekly_changes", server.url, path)))
    os.remove(path)
    os.remove(path .. ".new")
  end)

  it("policy_of_my_own prints the plan of a combined policy", function()
    server:configure {leads = 400, civic_sync = false}
    local printed, status = run("policy_of_my_own", server.url)
    assert.equal(0, status)
    local lines = lines_of(printed)
    assert.equal(("%d of 400 leads"):format(#lines - 1), lines[#lines]:match "^%d+ of 400 leads")
    assert.is_true(#lines > 20)
    for i = 1, #lines - 1 do
      assert.matches("^%x+%-[%x-]+\t[%du]%a*\tlower%(status%) == \"active\" and .*, .*", lines[i])
    end
    assert.is_truthy(printed:find(", no address in ", 1, true))
  end)

  it("source_of_my_own finds the addresses of sister leads", function()
    server:configure {leads = 400, civic_sync = false}
    local printed, status = run("source_of_my_own", server.url)
    assert.equal(0, status)
    local lines = lines_of(printed)
    assert.equal(("%d of "):format(#lines - 1), lines[#lines]:match "^%d+ of ")
    assert.is_true(#lines > 3)
    assert.is_true(server:journal().max_open > 1)
  end)

  it("own_http prints each lead, and gets over a failure", function()
    local leads = leads_of {leads = 700}
    server:configure {leads = 700, faults = {{page = 2, attempt = 1, status = 503}}}
    local printed, status = run("own_http", server.url)
    local lines = lines_of(printed)
    assert.equal(0, status)
    assert.equal(701, #lines)
    for i, lead in ipairs(leads) do assert.equal(lead.id .. "\t" .. lead.status, lines[i]) end
    assert.equal("700 leads, stopped by: end", lines[701])
    assert.equal(2, server:journal().requests[3].attempt)

    server:configure {leads = 700, faults = {{page = 2, status = 404, body = "<html>"}}}
    printed, status = run("own_http", server.url)
    assert.equal(1, status)
    assert.matches("cannot read page 2: HTTP 404 from 127%.0%.0%.1", printed)
  end)

  it("retry_and_log tells of pages, retries and the end", function()
    server:configure {leads = 250, faults = {{page = 2, attempt = 1, status = 502}}}
    local printed, status = run("retry_and_log", server.url)
    assert.equal(0, status)
    -- Standard error may come before what standard output had first.
    assert.matches("page 1: 100 leads\n", printed)
    assert.matches("info retry\n", printed)
    assert.matches("\npage 2: http, attempt 2 follows in 0%.0 s\n", printed)
    assert.matches("\npage 3: 50 leads\n250 leads, in 5 requests\n$", printed)
  end)

  it("retry_and_log says what went wrong and where to go on", function()
    server:configure {leads = 250, faults = {{page = 2, status = 401}}}
    local printed, status = run("retry_and_log", server.url)
    assert.equal(1, status)
    assert.matches("auth\tcannot read page 2: HTTP 401 from 127%.0%.0%.1", printed)
    assert.matches("\n100 leads came; the next is on page 1, behind 100\n", printed)
    assert.matches("\ncheck the credentials\n$", printed)
  end)

  describe("to_ndjson", function()
    local path

    before_each(function() path = os.tmpname() end)
    after_each(function()
      os.remove(path)
      os.remove(path .. ".resume")
    end)

    local function read(name)
      local file = io.open(name, "rb")
      local text = file and file:read "*a"
      if file then file:close() end
      return text
    end

    it("writes every lead's own text", function()
      server:configure {leads = 450, civic_sync = false}
      local text = assert(require("socket.http").request(server.url .. "/api/v2/oc/lead?PageSize=20000"))
      local printed, status = run("to_ndjson", server.url, path)
      assert.equal(0, status)
      assert.equal(("450 leads written to %s, all there are\n"):format(path), printed)
      assert.equal(text, "[" .. read(path):sub(1, -2):gsub("\n", ",") .. "]")
      assert.is_nil(read(path .. ".resume"))
    end)

    it("goes on where it was stopped", function()
      server:configure {leads = 1000, civic_sync = false}
      run("to_ndjson", server.url, path)
      local whole = read(path)
      os.remove(path)

      server:configure {leads = 1000, civic_sync = false, faults = {{page = 4, times = 1, status = 400}}}
      local printed, status = run("to_ndjson", server.url, path)
      assert.equal(1, status)
      assert.matches("cannot read page 4: HTTP 400", printed)
      local part = read(path)
      assert.equal(whole:sub(1, #part), part)
      assert.equal(600, select(2, part:gsub("\n", "")))

      -- Killed while it wrote: half a page is there that the token does not count.
      local file = assert(io.open(path, "ab"))
      file:write(whole:sub(#part + 1, #part + 5000))
      file:close()
      server:empty_journal()
      printed, status = run("to_ndjson", server.url, path)
      assert.equal(0, status)
      assert.equal(("400 leads written to %s, all there are\n"):format(path), printed)
      assert.equal(whole, read(path))
      assert.equal(3, server:journal().requests[1].page)
      assert.is_nil(read(path .. ".resume"))
    end)
  end)
end)

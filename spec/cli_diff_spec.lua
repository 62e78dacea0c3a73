-- `oc-leads diff`, as a process: files against files and against the service, formats, and how it ends.

local cjson = require "cjson"
local command_line = require "support.command"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local quote = process.quote
local SAMPLE = command_line.root .. "/spec/fixtures/leads-sample.json"
local UNKNOWN = "oc-leads: whether all leads are there is not known of both; a snapshot says "
  .. "(oc-leads list --snapshot)\n"

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\r\n]+" do lines[#lines + 1] = line end
  return lines
end

describe("oc-leads diff", function()
  local server, place

  local function write(name, text)
    local file = assert(io.open(place.folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
    return name
  end

  -- The samples, but: the first is gone, the second was suspended, an address has a new postcode, one lead is new.
  local function edited()
    local leads = assert(oc.decode(command_line.read_file(SAMPLE), {nulls = "null"}))
    table.remove(leads, 1)
    leads[1].status, leads[1].contactDetails.email = "Suspended", "=eli@example.com"
    leads[7].civicAddresses[4].postalOrZipCode = "1322 AB"
    leads[7].civicAddresses[1].id = "another"
    leads[10] = {id = "new", tenantId = "t", status = "Active", contactDetails = {companyName = "Nova"}}
    return oc.encode(leads)
  end

  setup(function()
    server = sandbox_child.start()
    place = command_line.place()
    write("new.json", edited())
  end)
  teardown(function()
    server:close()
    place:remove()
  end)

  local function diff(words, before) return place:run("diff " .. words, before) end

  local function of_files(words) return diff(quote(SAMPLE) .. " new.json " .. words) end

  local function list(words)
    return assert.equal(0, (place:run("list --max-pages all --base-url " .. server.url .. " " .. words)))
  end

  describe("of files", function()
    it("prints a lead on a line, and a summary on standard error", function()
      local code, out, err = of_files ""
      assert.equal(0, code)
      assert.equal(UNKNOWN .. "oc-leads: 1 added, 1 removed, 2 changed, 7 unchanged\n", err)
      local rows = {}
      for i, line in ipairs(lines_of(out)) do rows[i] = cjson.decode(line) end
      assert.same({change = "added", id = "new", tenantId = "t", company = "Nova", status = "Active"}, rows[1])
      assert.same({"removed", "qa-int-GolanCDX&-!"}, {rows[2].change, rows[2].company})
      assert.same({{path = "status", old = "Active", new = "Suspended"},
        {path = "contactDetails.email", old = "eli.cohen@example.com", new = "=eli@example.com", personal = true}},
        rows[3].changes)
      assert.same({{path = "civicAddresses.postalOrZipCode", old = "1322", new = "1322 AB",
        address = "Versterkerstraat 3D, 1322 AB Almere, NL"}}, rows[4].changes)
      assert.equal(4, #rows)
    end)

    it("prints one document as json", function()
      local code, out = of_files "-f json"
      assert.equal(0, code)
      local result = cjson.decode(out)
      assert.same({1, 1, 2, 7, 3}, {result.counts.added, result.counts.removed, result.counts.changed,
        result.counts.unchanged, result.counts.changes})
      assert.same({10, "new.json", nil}, {result.new.leads, result.new.name, result.complete})
      assert.same({1, 1, 2, 3}, {#result.added, #result.removed, #result.changed, #result.notes})
      local _, same = diff("new.json new.json -f json")
      assert.is_truthy(same:find('"added":[]', 1, true) and same:find('"changed":[]', 1, true))
    end)

    it("prints a field on a line as table and CSV", function()
      local code, out = of_files "-f table"
      assert.equal(0, code)
      local lines = lines_of(out)
      assert.matches("^CHANGE   COMPANY +TENANT ID +FIELD +OLD +NEW$", lines[1])
      assert.matches("^added    Nova +t +%- +%- +Active$", lines[2])
      assert.matches("^removed  qa%-int%-Golan.*  Removed +%-$", lines[3])
      assert.matches("^changed  Fabrikam.* status +Active +Suspended$", lines[4])
      assert.equal(6, #lines)
      out = select(2, of_files "-f csv")
      lines = lines_of(out)
      assert.equal("change,company,tenantId,leadId,path,address,old,new", lines[1])
      assert.equal("added,Nova,t,new,,,,Active", lines[2])
      assert.matches(",contactDetails.email,,eli.cohen@example.com,'=eli@example.com$", lines[5])
      assert.matches(',civicAddresses.postalOrZipCode,"Versterkerstraat 3D, 1322 AB Almere, NL",1322,1322 AB$',
        lines[6])
    end)

    it("makes pages to send on, with persons' data masked and the rest not", function()
      for format, pattern in pairs {html = "^<!DOCTYPE html>", markdown = "^# "} do
        local code, out, err = of_files("-f " .. format)
        assert.equal(0, code, err)
        assert.matches(pattern, out)
        assert.truthy(out:find("Suspended", 1, true))
        assert.is_nil(out:find("eli@example", 1, true))
        assert.truthy(select(2, of_files("--pii show -f " .. format)):find("eli@example", 1, true))
      end
    end)

    it("--check exits with 5 when something changed", function()
      assert.equal(5, (of_files "--check"))
      assert.equal(0, (diff("new.json new.json --check")))
      assert.equal(0, (diff(quote(SAMPLE) .. " " .. quote(SAMPLE) .. " --check -f table")))
      write("changed.json", (command_line.read_file(SAMPLE):gsub('"Removed"', '"Gone"')))
      assert.equal(5, (diff(quote(SAMPLE) .. " changed.json --check --only status")))
      assert.equal(0, (diff(quote(SAMPLE) .. " changed.json --check --ignore status")))
      assert.equal(0, (diff(quote(SAMPLE) .. " changed.json --check --only contacts --only civicAddresses")))
    end)

    it("reads NDJSON, packed files, standard input", function()
      server:configure {leads = 300, civic_sync = false}
      list "-o a.ndjson"
      list "-f json -o a.json"
      list "--snapshot -o s.ndjson"
      os.execute("cd " .. quote(place.folder) .. " && gzip -kf s.ndjson a.json")
      for _, words in ipairs {"a.ndjson a.json", "a.json.gz s.ndjson.gz", "- s.ndjson <a.ndjson",
        "s.ndjson.gz - <a.json.gz"} do
        local code, out, err = diff(words .. " --check")
        assert.equal(0, code, words .. err)
        assert.equal("", out)
        assert.equal(UNKNOWN .. "oc-leads: 0 added, 0 removed, 0 changed, 300 unchanged\n", err)
      end
      local code, _, err = diff "s.ndjson s.ndjson.gz --check -v"
      assert.equal(0, code)
      assert.matches("^oc%-leads: s.ndjson: 300 leads of http://127.0.0.1:%d+, fetched %d+.-Z\n", err)
      assert.matches("\noc%-leads: 0 added, 0 removed, 0 changed, 300 unchanged\n$", err)
      assert.is_nil(err:find("not known", 1, true))
    end)

    it("takes nothing that an incomplete snapshot lacks for removed, or for added", function()
      server:configure {leads = 300, civic_sync = false}
      list "--snapshot -o all.ndjson"
      list "--snapshot --limit 100 -o some.ndjson"
      local code, out, err = diff "all.ndjson some.ndjson --check"
      assert.equal(0, code)
      assert.equal("", out)
      assert.equal("oc-leads: some.ndjson is an incomplete snapshot (limit): there may be more leads\n"
        .. "oc-leads: the new leads are not all there are: 200 leads of the old ones not seen, which does not mean "
        .. "removed\noc-leads: 0 added, 0 removed, 0 changed, 100 unchanged, 200 not seen\n", err)
      code, out, err = diff "some.ndjson all.ndjson --check -f csv"
      assert.equal(5, code)
      assert.equal(201, #lines_of(out))
      assert.matches("\nadded%?,", out)
      assert.matches("200 added may have been there", err)
    end)

    it("refuses what is torn, damaged or empty, and writes nothing", function()
      server:configure {leads = 300, civic_sync = false}
      list "--snapshot -o all.ndjson"
      local text = command_line.read_file(place.folder .. "/all.ndjson")
      write("torn.ndjson", text:sub(1, -150))
      write("empty.ndjson", "")
      write("half.json", '[{"id":"1"},{"id"')
      for _, case in ipairs {{"all.ndjson torn.ndjson", "torn.ndjson: the snapshot is torn: it ends behind 2"},
        {"torn.ndjson all.ndjson", "torn"}, {"all.ndjson empty.ndjson", "empty.ndjson: it is empty"},
        {"empty.ndjson all.ndjson", "empty"}, {"- all.ndjson </dev/null", "standard input: it is empty"},
        {"half.json all.ndjson", "half.json: "}, {"all.ndjson none.json", "none.json: No such file"}} do
        local code, out, err = diff(case[1] .. " -o out.csv -f csv")
        assert.equal(1, code, case[1])
        assert.equal("", out)
        assert.matches("^oc%-leads: cannot read [^\n]*" .. case[2]:gsub("%-", "%%-"), err)
        assert.is_nil(command_line.read_file(place.folder .. "/out.csv"))
        assert.is_nil(command_line.read_file(place.folder .. "/out.csv.part"))
      end
    end)

    it("writes a file, whole or not at all", function()
      local code, out = of_files "-o out.ndjson"
      assert.same({0, ""}, {code, out})
      assert.equal(select(2, of_files ""), command_line.read_file(place.folder .. "/out.ndjson"))
      assert.equal(1, (of_files "-o no/such/folder"))
    end)
  end)

  describe("of the service", function()
    it("compares a snapshot with what is there now", function()
      server:configure {leads = 300, civic_sync = false}
      list "--snapshot -o before.ndjson"
      server:configure {leads = 310, civic_sync = false}
      local code, out, err = diff("before.ndjson live --max-pages all --check --base-url " .. server.url)
      assert.equal(5, code)
      assert.equal("oc-leads: 10 added, 0 removed, 0 changed, 300 unchanged\n", err)
      assert.equal(10, #lines_of(out))
    end)

    it("cut by the default --max-pages exits with 3, and makes nothing removed", function()
      server:configure {leads = 300, civic_sync = false}
      list "--snapshot -o before.ndjson"
      local code, out, err = diff("before.ndjson live --page-size 20 --check --base-url " .. server.url)
      assert.equal(3, code)
      assert.equal("", out)
      assert.matches("0 removed, 0 changed, 200 unchanged, 100 not seen", err)
      assert.matches("stopped at the default of 10 pages; there may be more leads: %-%-max%-pages all", err)
    end)

    it("asks what the old snapshot had been asked", function()
      server:configure {leads = 300, civic_sync = false}
      list [[--snapshot --where 'status == "Removed"' -o removed.ndjson]]
      local code, out, err = diff("removed.ndjson live --max-pages all --check --base-url " .. server.url)
      assert.equal(0, code)
      assert.equal("", out)
      assert.matches('both hold only some leads %(where status == "Removed"%)', err)
      list "--snapshot -o all.ndjson"
      code, out, err = diff "removed.ndjson all.ndjson"
      assert.equal(0, code)
      assert.is_true(#out > 0)
      assert.matches('asked for different leads %(where status == "Removed"; all leads%)', err)
    end)

    it("takes a profile, but nothing of it that chooses leads or fields", function()
      server:configure {leads = 300, civic_sync = false}
      list "--snapshot -o all.ndjson"
      write("config", ("[p]\nbase_url = %s\npage_size = 150\nselect = id\nlimit = 3\nmax_pages = all\n"):format(
        server.url))
      for _, words in ipairs {"all.ndjson live", "all.ndjson all.ndjson"} do
        local code, out, err = diff(words .. " --check", "OC_PROFILE=p OC_CONFIG=config")
        assert.equal(0, code, err)
        assert.same({"", "oc-leads: 0 added, 0 removed, 0 changed, 300 unchanged\n"}, {out, err})
      end
      assert.equal(0, (diff("all.ndjson live --check --profile p", "OC_CONFIG=config")))
    end)

    it("fails as it does, and says what to do", function()
      server:configure {leads = 300, token = "abc"}
      local code, out, err = diff(quote(SAMPLE) .. " live --base-url " .. server.url)
      assert.equal(1, code)
      assert.equal("", out)
      assert.matches("HTTP 401", err)
      assert.matches("oc%-leads doctor %-%-base%-url", err)
    end)

    it("stops at Ctrl-C with 130", function()
      server:configure {leads = 20, civic_sync = false, faults = {{page = 2, latency_s = 600}}}
      local line = command_line.line(("diff %s live -v --base-url %s --page-size 10"):format(quote(SAMPLE), server.url))
      local pipe = io.popen(("cd %s && { %s 2>&1 & echo $!; wait $!; echo \"exit $?\"; }"):format(quote(place.folder),
        line))
      local pid, lines = pipe:read "*l", {}
      for _ = 1, 100000 do
        if #server:journal().requests >= 2 then break end
      end
      os.execute("kill -INT " .. pid)
      for text in pipe:lines() do lines[#lines + 1] = text end
      pipe:close()
      assert.same({"oc-leads: interrupted before anything could be told", "exit 130"}, {lines[#lines - 1],
        lines[#lines]})
    end)
  end)

  it("says what is wrong with its words", function()
    for _, case in ipairs {{"a.json", "missing argument"}, {"live a.json", "OLD: only NEW can be live"},
      {"- -", "only one of OLD and NEW can be %-"}, {"'' a", "OLD: a file name expected"},
      {"a b -o ''", "%-%-output: a file name expected"}, {"a b --max-pages all", "%-%-max%-pages asks the service"},
      {"a b --only ''", "%-%-only: a path expected"}, {"a b --where x", "unknown option"},
      {"a b --select x", "unknown option"}, {"a b -f xml", "must be one of"}} do
      local code, out, err = diff(case[1])
      assert.equal(2, code, case[1])
      assert.equal("", out)
      assert.matches(case[2], err)
    end
    local code, _, err = diff(quote(SAMPLE) .. " live", "OC_BASE_URL=")
    assert.equal(2, code)
    assert.matches("base%-url", err)
  end)
end)

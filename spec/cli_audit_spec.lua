-- `oc-leads audit`, as a process: findings from the service and from files, and how it ends.

local cjson = require "cjson"
local command_line = require "support.command"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local quote = process.quote
local SAMPLE = command_line.root .. "/spec/fixtures/leads-sample.json"
local SUMMARY = "oc-leads: 10 leads, 18 findings: 6 errors, 12 warnings\n"

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

describe("oc-leads audit", function()
  local server, place

  setup(function()
    server = sandbox_child.start()
    place = command_line.place()
  end)
  teardown(function()
    server:close()
    place:remove()
  end)

  local function audit(words, before) return place:run("audit " .. words, before) end

  local function of_service(words) return audit("--base-url " .. server.url .. " " .. words) end

  local function write(name, text)
    local file = assert(io.open(place.folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
    return name
  end

  local function of_sample(words) return audit("--from " .. quote(SAMPLE) .. " " .. words) end

  it("refuses what is NDJSON, but no leads: outcomes and journals of sync", function()
    server:configure {leads = 30}
    assert.equal(0, (place:run(("sync --base-url %s --policy all --journal j.ndjson -o outcomes.ndjson"):format(
      server.url))))
    for _, name in ipairs {"j.ndjson", "outcomes.ndjson"} do
      local code, out, err = audit("--from " .. name)
      assert.equal(1, code)
      assert.equal("", out)
      assert.matches(name .. ", line 1: no lead: it has none of id, status", err)
    end
  end)

  describe("of the service", function()
    it("prints findings, with a summary on standard error", function()
      server:configure {leads = 10, civic_sync = false}
      local code, out, err = of_service ""
      assert.equal(0, code)
      assert.equal(SUMMARY, err)
      local lines = lines_of(out)
      assert.equal(18, #lines)
      assert.same({severity = "error", rule = "postcode-impossible", company = "ai0logics",
        leadId = "479de1fc-0310-4c35-bf5f-742baa5c67bd", tenantId = "daf09efd-f31e-41e4-a86c-bd65bf821e25",
        path = "civicAddresses[1].postalOrZipCode", message = "a postcode of the form NN; those of IL are NNNNN or "
          .. "NNNNNNN (N digit): the customer corrects it in the Teams admin center"}, cjson.decode(lines[4]))
      local _, from_file = of_sample ""
      assert.equal(from_file, out)
    end)

    it("takes the flags of list, but for --select and --resume", function()
      server:configure {leads = 300, civic_sync = false}
      local code, _, err = of_service [[--page-size 100 --where 'status == "Active"' --limit 20 -v]]
      assert.equal(0, code)
      assert.matches("\noc%-leads: 20 leads, %d+ findings", "\n" .. err)
      for _, flag in ipairs {"--select id", "--resume x"} do
        code, _, err = of_service(flag)
        assert.equal(2, code)
        assert.matches("unknown option", err)
      end
    end)

    it("--check exits with 5 for findings of at least that severity", function()
      server:configure {leads = 10, civic_sync = false}
      assert.equal(5, (of_service "--check"))
      local code, out, err = of_service "--check --severity error"
      assert.equal(5, code)
      assert.equal(6, #lines_of(out))
      assert.equal("oc-leads: 10 leads, 6 findings: 6 errors\n", err)
      code, out, err = of_service "--check --severity error --skip addresses-none --skip postcode-impossible"
      assert.equal(0, code)
      assert.equal("", out)
      assert.equal("oc-leads: 10 leads, 0 findings\n", err)
    end)

    it("cut by the default --max-pages exits with 3, --check or not, found or not", function()
      server:configure {leads = 50, civic_sync = false}
      for _, words in ipairs {"", "--check", "--check --where 'id == \"x\"'"} do
        local code, _, err = of_service("--page-size 2 " .. words)
        assert.equal(3, code)
        assert.matches("stopped at the default of 10 pages; there may be more leads: %-%-max%-pages all", err)
      end
      local code, _, err = of_service "--page-size 2 -o cut.ndjson"
      assert.equal(3, code)
      assert.matches("what was found so far is in cut.ndjson.part\n", err)
      assert.is_nil(command_line.read_file(place.folder .. "/cut.ndjson"))
      assert.is_truthy(command_line.read_file(place.folder .. "/cut.ndjson.part"))
      assert.equal(0, (of_service "--page-size 2 --max-pages 3"))
      assert.equal(5, (of_service "--page-size 2 --max-pages all --check"))
    end)

    it("exits with 1 when the service fails, and keeps what was found", function()
      server:configure {leads = 50, civic_sync = false, faults = {{page = 2, status = 400}}}
      local code, out, err, _ = of_service "--page-size 10 --check"
      assert.equal(1, code)
      assert.equal(18, #lines_of(out))
      assert.matches("cannot read page 2: HTTP 400", err)
      assert.matches("stopped after 10 leads, 18 findings", err)
      server:configure {leads = 50, token = "abc"}
      code, _, err = of_service ""
      assert.equal(1, code)
      assert.matches("to find out what is wrong: oc%-leads doctor %-%-base%-url", err)
    end)

    it("stops at Ctrl-C with 130, and says what it had found", function()
      server:configure {leads = 20, civic_sync = false, faults = {{page = 2, latency_s = 600}}}
      local line = command_line.line("audit --base-url " .. server.url .. " --page-size 10")
      local pipe = io.popen(("cd %s && { %s 2>err & echo $!; wait $!; echo \"exit $?\"; }"):format(quote(place.folder),
        line))
      local pid, n, last = pipe:read "*l", 0, nil
      for text in pipe:lines() do
        n, last = n + 1, text
        if n == 18 then os.execute("kill -INT " .. pid) end -- the page is out, the next does not come
      end
      pipe:close()
      assert.equal("exit 130", last)
      assert.equal("oc-leads: interrupted after 10 leads, 18 findings: 6 errors, 12 warnings\n",
        command_line.read_file(place.folder .. "/err"))
    end)
  end)

  describe("of a file", function()
    it("asks no service, and needs none", function()
      local code, out, err = of_sample "-f json"
      assert.equal(0, code)
      assert.equal(18, #cjson.decode(out))
      assert.equal(SUMMARY, err)
    end)

    it("reads JSON of every shape, NDJSON, standard input", function()
      local text = assert(command_line.read_file(SAMPLE))
      local leads, lines = oc.decode(text, {nulls = "null"}), {}
      for i, lead in ipairs(leads) do lines[i] = oc.encode(lead) end
      local ndjson = table.concat(lines, "\n")
      local _, expected = of_sample ""
      local texts = {
        ["nested.json"] = "[" .. text .. ",[]]", ["value.json"] = '{"next":1,"value":' .. text .. "}",
        ["data.json"] = '{\n"data":' .. text .. "}", ["leads.ndjson"] = ndjson .. "\n", ["leads.jsonl"] = ndjson,
        ["crlf.txt"] = "\n" .. ndjson:gsub("\n", "\r\n\r\n"), ["bom.ndjson"] = "\239\187\191" .. ndjson,
        ["bom.json"] = "\239\187\191" .. text, ["bom.txt"] = "\239\187\191" .. ndjson,
      }
      for name, content in pairs(texts) do
        local code, out, err = audit("--from " .. write(name, content))
        assert.equal(0, code, name .. ": " .. err)
        assert.equal(expected, out, name)
        code, out = audit("--from - <" .. name)
        assert.equal(0, code, name)
        assert.equal(expected, out, name)
      end
    end)

    it("reads what list wrote, block after block", function()
      server:configure {leads = 2000, civic_sync = false}
      assert.equal(0, (place:run("list --max-pages all --base-url " .. server.url .. " -o all.ndjson")))
      assert.equal(0, (place:run("list --max-pages all --base-url " .. server.url .. " -f json -o all.json")))
      local _, expected, err = of_service "--max-pages all"
      assert.matches("^oc%-leads: 2,000 leads, ", err)
      for _, from in ipairs {"all.ndjson", "all.json", "- <all.ndjson"} do
        local _, out, said = audit("--from " .. from)
        assert.equal(err, said)
        assert.is_true(expected == out, from)
      end
    end)

    it("takes --where and --limit, and no flag that asks the service", function()
      local code, out, err, _ = of_sample [[--where 'consentedCountries has "RO"' --limit 5]]
      assert.equal(0, code)
      assert.equal(4, #lines_of(out))
      assert.matches("^oc%-leads: 1 lead, ", err)
      _, _, err = of_sample "--limit 4"
      assert.matches("^oc%-leads: 4 leads, ", err)
      _, _, err = of_sample "--where 'statuss == 1'"
      assert.matches("^oc%-leads: warn: unknown_field field=statuss", err)
      write("two.ndjson", '{"id":1,"a":1}\n{"id":2}\n')
      _, _, err = audit "--from two.ndjson --where 'a == 1 or b == 2'"
      assert.matches("field=b", err)
      assert.is_nil(err:find "field=a")
      for _, flag in ipairs {"--page 2", "--ms-tenant-id x", "--max-pages all", "--check-online"} do
        code, _, err = of_sample(flag)
        assert.equal(2, code)
        assert.matches("^oc%-leads: " .. flag:match "%S+":gsub("%-", "%%-") .. " asks the service", err)
      end
      code, _, err = of_sample "--where 'a ='"
      assert.equal(2, code)
      assert.matches("^oc%-leads: %-%-where = compares nothing", err)
      assert.equal(2, (audit "--from ''"))
    end)

    it("that is not whole, or no leads, is an error, never a shorter list", function()
      local long = ('{"id":"%s"}\n'):format(("x"):rep(1000)):rep(100)
      for _, case in ipairs {
        {"cut.json", '[{"id":"1"},{"id":"2"}', "cut.json: .*at byte 22 %(json%)\n.*stopped after 2 leads"},
        {"cut.ndjson", '{"id":"1"}\n{"id":"2"', "cut.ndjson, line 2: .*at byte 10 %(json%)\n.*stopped after 1 lead,"},
        {"bad.json", '[{"id":"1"},{"id":}]', "bad.json: expected a value, at byte 18 %(json%)"},
        {"bad.ndjson", '{"id":"1"}\n\n{"id":}\n', "bad.ndjson, line 3: expected a value, at byte 7 %(json%)"},
        {"far.ndjson", long .. "nonsense", "far.ndjson, line 101: .*at byte 1 %(json%)\n.*stopped after 100 leads"},
        {"two.ndjson", '{"id":"1"} {"id":"2"}\n', "two.ndjson, line 1: .*NDJSON has a lead on each line"},
        {"number.ndjson", '{"id":"1"}\n7\n', "number.ndjson, line 2: an element that is not a lead.*%(shape%)"},
        {"utf.ndjson", '{"id":"\255"}\n', "utf.ndjson, line 1: .*%(json%)"},
        {"empty.json", "", "empty.json: the body is empty, at byte 0 %(json%)"},
        {"blank.json", " \n", "blank.json: .*%(json%)"},
        {"problem.json", '{"title":"Validation failed","status":400}', "problem.json: an object without a list"},
        {"error.json", '{"error":"no"}', "error.json: an object that tells of an error"},
        {"pretty.json", '{\n"id":"1"\n}\n', "pretty.json, line 1: .*NDJSON has a lead on each line"},
        {"packed.json", "\31\139\8\0", "packed.json: the compressed data ends too early: the file is not whole %(io%)"},
        {"html.json", "<html>", "html.json: .*%(json%)"},
      } do
        local code, _, err = audit("--check --from " .. write(case[1], case[2]))
        assert.equal(1, code, case[1])
        assert.matches("oc%-leads: cannot read " .. case[3], err)
      end
      local code, _, err = audit "--from none.json"
      assert.equal(1, code)
      assert.equal("oc-leads: cannot read none.json: No such file or directory\n", err)
      code, _, err = audit "--from ."
      assert.equal(1, code)
      assert.matches("cannot read %.: Is a directory", err)
      code, _, err = audit "--from - </dev/null"
      assert.equal(1, code)
      assert.matches("cannot read standard input: the body is empty", err)
      code, _, err = audit("--max-lead-bytes 5 --from " .. write("large.ndjson", '{"id":"123456789"}\n'))
      assert.equal(1, code)
      assert.matches("large.ndjson, line 1: .*%(limit%)", err)
    end)

    it("empty, of NDJSON by its name, has no leads", function()
      local code, out, err = audit("--check --from " .. write("none.ndjson", ""))
      assert.equal(0, code)
      assert.equal("", out)
      assert.equal("oc-leads: 0 leads, 0 findings\n", err)
      code, out = audit("-f json --from " .. write("none.json", "[]"))
      assert.equal(0, code)
      assert.equal("[]\n", out)
    end)
  end)

  describe("formats", function()
    it("table has a column for each part, messages whole", function()
      local code, out = of_sample "-f table"
      assert.equal(0, code)
      local lines = lines_of(out)
      assert.equal(19, #lines)
      assert.matches("^SEVERITY  RULE +COMPANY +TENANT ID +PATH +MESSAGE$", lines[1])
      assert.matches("^error     addresses%-none +Contoso +2aa6292d%-f096%-4445%-a0b3%-ae6783d1b47b  civicAddresses +"
        .. "known to have no address: the customer adds one in the Teams admin center$", lines[16])
    end)

    it("csv has the lead's id too", function()
      local _, out = of_sample "-f csv"
      assert.equal("severity,rule,company,tenantId,leadId,path,message\r\n", out:match "^.-\r\n")
      assert.equal(19, select(2, out:gsub("\r\n", "")))
    end)

    it("an output file is there whole or not at all", function()
      local code, out = of_sample "-f csv -o found.csv"
      assert.equal(0, code)
      assert.equal("", out)
      assert.equal(select(2, of_sample "-f csv"), command_line.read_file(place.folder .. "/found.csv"))
      assert.equal(1, (audit("-o broken.ndjson --from " .. write("broken.json", "["))))
      assert.is_nil(command_line.read_file(place.folder .. "/broken.ndjson"))
      assert.equal(2, (of_sample "-o ''"))
      assert.equal(1, (of_sample "-o no/such/folder"))
    end)

    it("bears leads without anything", function()
      local code, out = audit("-f table --from " .. write("bare.json",
        '[{"status":"active"},{"status":"active","contactDetails":null,"id":null,"tenantId":null}]'))
      assert.equal(0, code)
      assert.equal(3, #lines_of(out))
      assert.matches("\nwarning   addresses%-unknown  %-        %-  ", out)
    end)
  end)

  describe("rules", function()
    local OWN = [[
return {
  {id = "always", severity = "info", of = "lead", text = "each lead",
    check = function(lead, _, report) report("it is " .. lead.status, "status") end},
  {id = "addresses-none", severity = "info", of = "lead", text = "never", check = function() end},
}]]

    it("of files are asked, too, and take the place of others", function()
      write("own.lua", OWN)
      write("other.lua", 'return {{id = "broken", severity = "info", of = "lead", text = "t", '
        .. 'check = function() error "boom" end}}')
      local code, out, err, _ = of_sample "--rules own.lua"
      assert.equal(0, code)
      assert.equal("oc-leads: 10 leads, 27 findings: 5 errors, 12 warnings, 10 info\n", err)
      assert.equal(27, #lines_of(out))
      _, _, err = of_sample "--rules own.lua --rules other.lua --skip always"
      assert.equal("oc-leads: 10 leads, 27 findings: 15 errors, 12 warnings\n", err)
    end)

    it("that are wrong exit with 2, naming file and line", function()
      write("wrong.lua", "return {\n  {id = 'a', severity = 'bad', of = 'lead', text = 't', check = function() end}}")
      local code, out, err, _ = of_sample "--rules wrong.lua"
      assert.equal(2, code)
      assert.equal("", out)
      assert.equal("oc-leads: cannot read rules: wrong.lua:2: rule 1 (a): severity: one of error, warning, info "
        .. "expected, got 'bad'\n", err)
      code, _, err = of_sample "--rules none.lua"
      assert.equal(2, code)
      assert.matches("cannot read rules: none.lua: No such file", err)
      code, _, err = of_sample "--skip no-such-rule"
      assert.equal(2, code)
      assert.equal("oc-leads: --skip: there is no rule no-such-rule; --list-rules has them\n", err)
      assert.equal(2, (of_sample "--severity bad"))
    end)

    it("--list-rules prints those that would be asked, without a service", function()
      write("own.lua", OWN)
      local code, out, err, _ = audit "--list-rules"
      assert.equal(0, code)
      assert.equal("", err)
      local first = cjson.decode(lines_of(out)[1])
      assert.same({id = "addresses-unknown", severity = "warning", of = "lead",
        text = "an active lead whose addresses were never known (civicAddresses is null)"}, first)
      _, out = audit "--list-rules --rules own.lua -f table --severity info --skip always"
      assert.matches("\ninfo      addresses%-none +lead     never\n", out)
      assert.is_nil(out:find "always")
      _, out = audit "--list-rules --severity error -f csv"
      assert.is_nil(out:find "warning")
    end)
  end)
end)

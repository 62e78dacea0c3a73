-- `oc-leads report`, as a process: from the service, from files, in every format, and how it ends.

local cjson = require "cjson"
local command_line = require "support.command"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local SAMPLE = process.quote(command_line.root .. "/spec/fixtures/leads-sample.json")

describe("oc-leads report", function()
  local server, place

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  before_each(function() place = command_line.place() end)
  after_each(function() place:remove() end)

  local function run(words, before) return place:run("report " .. words, before) end

  local function of_service(words) return run(("--base-url %s --page-size 50 %s"):format(server.url, words)) end

  local function read(name) return command_line.read_file(place.folder .. "/" .. name) end

  it("makes each built-in report, in each format", function()
    for _, name in ipairs(oc.report.names) do
      local code, out, err = run(("%s --from %s"):format(name, SAMPLE))
      assert.equal(0, code, err)
      assert.equal("", err)
      assert.equal(oc.report.get(name).title, out:match "^[^\n]*")
    end
    for format, pattern in pairs {csv = "^Status,Leads,", json = "^{", ndjson = '^{', markdown = "^# Leads by status",
      html = "^<!DOCTYPE html>", table = "^Leads by status"} do
      local code, out, err = run(("status --from %s -f %s"):format(SAMPLE, format))
      assert.equal(0, code, err)
      assert.matches(pattern, out)
      assert.equal(0, (run(("status --from %s -o report.%s"):format(SAMPLE, format == "markdown" and "md" or format))))
      assert.matches(pattern, read("report." .. (format == "markdown" and "md" or format)))
    end
  end)

  it("asks the service for what it needs, and is about those that --where says", function()
    server:configure {leads = 300, civic_sync = false}
    local code, out, err = of_service "status --max-pages all -f json"
    assert.equal(0, code, err)
    local whole = cjson.decode(out)
    assert.is_true(whole.complete)
    assert.equal(server.url, whole.source)
    code, out, err = of_service [[status --max-pages all -f json --where 'status == "Active"']]
    assert.equal(0, code, err)
    local rows = cjson.decode(out).rows
    assert.equal(1, #rows)
    local active
    for _, row in ipairs(whole.rows) do active = row.status == "Active" and row.leads or active end
    assert.equal(active, rows[1].leads)
  end)

  it("says when the leads were not all there are, and exits with 3", function()
    server:configure {leads = 600}
    local code, out, err = of_service "summary"
    assert.equal(3, code)
    assert.matches("INCOMPLETE: the leads were not all there are", out)
    assert.matches("not all leads are in this report", err)
    assert.matches("stopped at the default of 10 pages", err)
  end)

  it("writes nothing when reading fails", function()
    server:configure {leads = 300, faults = {{page = 3, status = 400}}}
    local code, out, err = of_service "summary -o report.html"
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("cannot read page 3: HTTP 400", err)
    assert.is_nil(read "report.html")
    assert.is_nil(read "report.html.part")
  end)

  it("masks persons' data where it is sent on, unless told otherwise", function()
    local function of(words) return select(2, run(("unlicensed --from %s %s"):format(SAMPLE, words))) end
    assert.is_nil(of("-f html"):find("rivka", 1, true))
    assert.is_nil(of("-f markdown"):find("Rivka", 1, true))
    assert.is_truthy(of("-f html --pii show"):find("rivka.tal@example.com", 1, true))
    assert.is_truthy(of("-f csv"):find("rivka.tal@example.com", 1, true))
    assert.is_nil(of("-f csv --pii mask"):find("rivka", 1, true))
  end)

  it("runs a script, and tells its own lines", function()
    local function script(text)
      local file = assert(io.open(place.folder .. "/my.lua", "w"))
      file:write(text)
      file:close()
    end
    script [[return {title = "Mine", where = 'status == "Active"', group = "consentedCountries", options = {least = 2},
      columns = {{title = "Country", group = true}, {title = "Leads", count = true}}}]]
    local code, out, err = run("./my.lua --from " .. SAMPLE .. " -f csv")
    assert.equal(0, code, err)
    assert.equal("Country,Leads\r\nIL,6\r\n", out:match "^[^\n]*\n[^\n]*\n")
    script "return {\n  title = 'Mine', columns = {{title = 'X', value = function(lead)\n return lead.no.such end}}}"
    code, out, err = run("my.lua --from " .. SAMPLE)
    assert.equal(1, code)
    assert.equal("", out)
    assert.matches("my.lua:3: attempt to index", err)
    script "return {"
    code, out, err = run("my.lua --from " .. SAMPLE)
    assert.equal(2, code)
    assert.matches("my.lua:1: ", err .. out)
  end)

  it("refuses wrong words", function()
    for words, fault in pairs {
      [""] = "a report expected",
      ["nothing"] = "there is no report nothing",
      ["stale --set days"] = "NAME=VALUE expected",
      ["stale --set days=x"] = "'days': a number expected",
      ["stale --set other=1"] = "has no option 'other'",
      ["status --where 'a = 1'"] = "compares nothing",
      ["status -f pdf"] = "must be one of",
      ["status --select id"] = "unknown option",
    } do
      local code, out, err = run(words .. " --from " .. SAMPLE)
      assert.equal(2, code, words .. err)
      assert.equal("", out)
      assert.matches(fault, err)
    end
    assert.equal(1, (run "nowhere.lua --from x"))
    local code, out = run "--list"
    assert.equal(0, code)
    assert.equal(#oc.report.names, select(2, out:gsub("\n", "")))
  end)
end)

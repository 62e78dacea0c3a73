-- `oc-leads list --where --select`, and its formats of some fields.

local cjson = require "cjson"
local columns = require "oc.cli.columns"
local command_line = require "support.command"
local csv = require "oc.csv"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"

local EXPRESSION = [[status == "Active" and any(civicAddresses, country == 'IL')]]

describe("oc-leads list", function()
  local server, place, sample

  setup(function()
    server = sandbox_child.start()
    place = command_line.place()
    local text = command_line.read_file(command_line.root .. "/spec/fixtures/leads-sample.json")
    sample = oc.decode(text, {nulls = "null"})
  end)
  teardown(function()
    server:close()
    place:remove()
  end)

  local function list(words) return place:run("list --base-url " .. server.url .. " " .. words) end

  local function quoted(text) return "'" .. text:gsub("'", [['\'']]) .. "'" end

  -- The sample leads for which it holds, as lines.
  local function expected(expression)
    local holds, lines = oc.filter(expression), {}
    for _, lead in ipairs(sample) do
      if holds(lead) then lines[#lines + 1] = oc.encode(lead) .. "\n" end
    end
    return table.concat(lines), #lines
  end

  it("--where prints the leads for which it holds, as they were sent", function()
    server:configure {leads = 10, civic_sync = false}
    local text, n = expected(EXPRESSION)
    assert.is_true(n > 1 and n < 10)
    local code, out, err = list("--where " .. quoted(EXPRESSION))
    assert.equal(0, code)
    assert.equal("", err)
    assert.equal(text, out)
  end)

  it("--limit counts what --where left, and the printed command goes on with both", function()
    server:configure {leads = 300, civic_sync = false}
    local _, all = list("--where " .. quoted(EXPRESSION))
    local code, first, err = list("--max-pages 1 --page-size 100 --limit 3 -v --where " .. quoted(EXPRESSION))
    assert.equal(0, code)
    assert.equal(3, select(2, first:gsub("\n", "")))
    assert.matches("3 leads", err)
    code, first, err = list("--page-size 10 --where " .. quoted(EXPRESSION))
    assert.equal(3, code)
    local words = err:match "the rest comes with: oc%-leads (list[^\n]+)"
    local rest
    code, rest, err = place:run(words)
    assert.equal("", err)
    assert.equal(0, code)
    assert.is_true(all == first .. rest)
  end)

  it("--where that is none exits with 2, and shows where", function()
    local code, out, err = list [[--where 'status = "Active"']]
    assert.equal(2, code)
    assert.equal("", out)
    assert.equal([[
oc-leads: --where = compares nothing: write ==, at position 8
oc-leads:   status = "Active"
oc-leads:          ^
]], err)
  end)

  it("warns about a field that no lead has", function()
    server:configure {leads = 10}
    local code, _, err = list [[--where 'statuss == "Active"']]
    assert.equal(0, code)
    assert.matches("^oc%-leads: warn: unknown_field field=statuss", err)
  end)

  it("--select prints these fields only, as JSON", function()
    server:configure {leads = 10, civic_sync = false}
    local code, out = list "--select id,umpCustomerGuid,contactDetails.companyName,civicAddresses.country"
    assert.equal(0, code)
    local lines = {}
    for line in out:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal(10, #lines)
    assert.equal('{"civicAddresses":null,"umpCustomerGuid":null,"id":"' .. sample[1].id
      .. '","contactDetails":{"companyName":"' .. sample[1].contactDetails.companyName .. '"}}', lines[1])
    code, out = list "--select id --format json"
    assert.equal(0, code)
    assert.same({id = sample[10].id}, cjson.decode(out)[10])
  end)

  it("--select in a table and in CSV makes the columns", function()
    server:configure {leads = 10, civic_sync = false}
    local _, out = list "-f table --select status,civicAddresses.country --limit 2"
    assert.equal("status   civicAddresses.country\nRemoved  -\nActive   IL\n", out)
    _, out = list "-f csv --select status,consentedCountries --limit 3"
    assert.equal('status,consentedCountries\r\nRemoved,IL\r\nActive,"AF, IL, NL"\r\nRemoved,"AU, AX, DZ, US"\r\n', out)
  end)

  it("--format csv has a line for each lead, the head even when there is none", function()
    server:configure {leads = 200}
    local code, out = list "-f csv"
    assert.equal(0, code)
    assert.equal(201, select(2, out:gsub("\r\n", "")))
    assert.equal(table.concat(columns.plain, ",") .. "\r\n", out:match "^.-\r\n")
    server:configure {leads = 0}
    code, out = list "-f csv"
    assert.equal(0, code)
    assert.equal(table.concat(columns.plain, ",") .. "\r\n", out)
  end)

  it("--select of what is no path exits with 2", function()
    for _, fields in ipairs {"", "id,,status", "a..b", ".a", "id,"} do
      local code, _, err = list("--select '" .. fields .. "'")
      assert.equal(2, code, fields)
      assert.matches("^oc%-leads: %-%-select %[%d%]: a field or a path", err)
    end
  end)

  it("cuts a run at max_pages in CSV too, and says so", function()
    server:configure {leads = 50}
    local code, out, err = list "-f csv --page-size 2"
    assert.equal(3, code)
    assert.equal(21, select(2, out:gsub("\r\n", "")))
    assert.matches("%-%-format csv", err)
  end)
end)

describe("csv", function()
  local function cell(text) return csv.line({text}, 1) end

  it("quotes what needs it", function()
    assert.equal('a,"b,c","d ""e""","f\ng",\r\n', csv.line({"a", "b,c", 'd "e"', "f\ng"}, 5))
    assert.equal('" a "\r\n', cell " a ")
  end)

  it("disarms formulas, and leaves numbers whole", function()
    for _, text in ipairs {"=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd", "\tx", "+a"} do
      assert.is_truthy(cell(text):find("'" .. text, 1, true), text)
    end
    for _, text in ipairs {"+972541234567", "-5", "+1 (425) 555-0100", "-1.5", "4255550100", "a=b", ""} do
      assert.equal(text .. "\r\n", cell(text))
    end
    for _, sign in ipairs {"＝", "＋", "－", "＠"} do assert.equal("'" .. sign .. "1\r\n", cell(sign .. "1")) end
    assert.equal("' =1\r\n", cell " =1")
    assert.equal("'\t5\r\n", cell "\t5")
    assert.equal("×\r\n", cell "×")
  end)

  it("disarms formulas behind what others take for a separator", function()
    assert.equal("a;'=1+1;b\r\n", cell "a;=1+1;b")
    assert.equal('"a\n\'@b"\r\n', cell "a\n@b")
    assert.equal("a;+972541234567;-5\r\n", cell "a;+972541234567;-5")
  end)

  it("keeps for Excel what it would take for a number or a date", function()
    local function excel(text) return (csv.line({text}, 1, {true}):gsub("\r\n$", "")) end
    for _, text in ipairs {"+972-54-1234567", "0123", "12345678901234567890", "1E5", "1/2",
      "MAR1", "1-Dec", "Sept 2"} do
      assert.equal(('"=""%s"""'):format(text), excel(text))
    end
    for _, text in ipairs {"Contoso 365", "a5", "x1", "", "Marcus", "(", "dd7e", ("1"):rep(256)} do
      assert.equal(text, excel(text))
    end
    assert.equal("'=1+1", excel "=1+1")
    assert.equal("5\r\n", csv.line({"5"}, 1, {}))
  end)
end)

describe("columns", function()
  it("find values below lists, lists of lists and nulls", function()
    local function text(path, lead) return columns.of({path})[1].value(lead) end
    assert.equal("IL, US", text("a.c", {a = {{c = "IL"}, {c = "US"}}}))
    assert.equal("IL, ", text("a.c", {a = {{c = "IL"}, oc.null}}))
    assert.equal("1, 2, 3", text("a.b.c", {a = {{b = {{c = 1}, {c = 2}}}, {b = {{c = 3}}}}}))
    assert.is_nil(text("a.c", {a = oc.null}))
    assert.is_nil(text("a.c", {a = "x"}))
    assert.equal("true", text("a", {a = true}))
    assert.equal('{"b":1}', text("a", {a = {b = 1}}))
    assert.equal("", text("a", {a = oc.array {}}))
  end)
end)

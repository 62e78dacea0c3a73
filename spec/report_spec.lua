-- The engine of reports, and the built-in ones: over leads whose answers are known.

local command_line = require "support.command"
local oc = require "oc"
local report = require "oc.report"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"
local world = require "support.world"

local NOW = 1680307200 -- 2023-04-01

local function samples(nulls)
  return assert(oc.decode(tree.read "spec/fixtures/leads-sample.json", {nulls = nulls}))
end

-- The rows as texts, a column each: "a|b".
local function texts(result)
  local lines = {}
  for i, row in ipairs(result.rows) do
    local cells = {}
    for k = 1, #result.columns do
      local value = row[k]
      cells[k] = type(value) == "number" and ("%.3g"):format(value) or value == nil and "-" or tostring(value)
    end
    lines[i] = table.concat(cells, "|")
  end
  return lines
end

local function run(definition, leads, options)
  options = options or {}
  options.now = options.now or NOW
  return assert(report.run(definition, leads or samples(), options))
end

describe("a report", function()
  it("is the same with nulls and without, and from a client", function()
    local server = sandbox_child.start {leads = 300, civic_sync = false}
    local client = world.client(server.url)
    local all = assert(client:leads {page_size = 300}:all())
    for _, name in ipairs(report.names) do
      assert.same(texts(run(name)), texts(run(name, samples "null")), name)
      local from_list = run(name, all)
      local from_client = run(name, client, {leads = {page_size = 100}})
      assert.same(texts(from_list), texts(from_client), name)
      assert.is_true(from_client.complete)
      assert.equal(server.url, from_client.source)
      assert.is_nil(from_list.complete)
    end
    local some = run("status", client, {leads = {page_size = 100}, where = 'status == "Active"'})
    assert.equal(1, #some.rows)
    some = run("status", all, {where = 'status == "Active"'})
    assert.equal(1, #some.rows)
    local cut = run("status", client, {leads = {page_size = 100, max_pages = 1}})
    assert.is_false(cut.complete)
    client.host:close()
    server:close()
  end)

  it("asks a client for what it needs, and no more", function()
    local wants = report.wants("unlicensed", {where = "isDirectLead", now = NOW})
    assert.matches("umpCustomerGuid.*isDirectLead", tostring(wants.where))
    assert.truthy(#wants.select > 3)
    assert.is_nil(report.wants(function() end).select)
  end)

  it("says what the ten sample leads come to", function()
    assert.same({"Leads|10|1", "Active|6|0.6", "Active and licensed|3|0.3", "Active without a licence|3|0.3",
      "Licensed, not active|0|0", "Direct|0|0", "Active without any address|1|0.1",
      "Active without a validated address|1|0.1", "Active, attached to no channel|5|0.5",
      "New in the last 30 days|1|0.1", "Changed in the last 7 days|2|0.2"}, texts(run "summary"))
    assert.same({"Active|6|0.6|3|0", "Removed|4|0.4|0|0"}, texts(run "status"))
    assert.same({"IL|7|6|5|5|0.833", "AU|3|1|0|0|0", "US|3|0|0|0|-"}, {texts(run "countries")[1],
      texts(run "countries")[2], texts(run "countries")[3]})
    assert.same({"L2_U4|2|0.2|1|1", "L25_U49|1|0.1|1|1", "L50_U249|2|0.2|2|1", "L250_U999|2|0.2|1|0",
      "L1000_U2999|2|0.2|1|0", "L3000_UInfinity|1|0.1|0|0"}, texts(run "sizes"))
    local months = texts(run "consents")
    assert.same({"2021-12|1|0|0", "2022-01|3|1|0", "2022-02|1|0|0", "2022-03|0|0|0"},
      {months[1], months[2], months[3], months[4]})
    assert.same({16, "2023-03|1|1|0"}, {#months, months[#months]})
    assert.same({"0001-01|1|0|0", "2024-05|1|0|0", "unknown|2|0|0"}, texts(run("consents",
      {{consentedOn = "2024-05-01"}, {consentedOn = "0001-01-01T00:00:00"}, {}, {consentedOn = "2024-13-01"}})))
    assert.same({"Active|6|1|-", "Has an address|5|0.833|1", "Has a validated address|5|0.833|0",
      "Passes the audit|1|0.167|4"}, texts(run "civic"))
    assert.same({"Without an address: 0 never known, 1 known to have none; 0 of them are direct leads."},
      run("civic").notes)
    assert.equal(3, #run("unlicensed").rows)
    assert.equal(2, #run("stale", nil, {options = {days = 180}}).rows)
    assert.equal(0, #run("stale", nil, {options = {days = 5000}}).rows)
    assert.equal(5, #run("unattached").rows)
    assert.same({}, run("duplicates").rows)
    assert.same({"error|postcode-impossible|5|4|postalOrZipCode cannot be a postcode of the country"},
      {texts(run "audit")[1]})
  end)

  it("finds tenants with several leads, whatever their case", function()
    local rows = texts(run("duplicates", {{id = "1", tenantId = "AB"}, {id = "2", tenantId = "c"},
      {id = "3", tenantId = "ab", isDirectLead = true}, {id = "4", tenantId = "ab"}, {id = "5"}}))
    assert.equal(3, #rows)
    assert.is_nil(table.concat(rows):find "|2")
  end)

  it("bears leads of any shape", function()
    local odd = {1, "x", true, {}, {1}, {x = 1}, oc.null, oc.array()}
    local leads = {}
    for _, field in ipairs {"status", "civicAddresses", "consentedCountries", "contactDetails", "consentedOn",
      "lastModifiedOn", "ovocChannelId", "umpCustomerGuid", "tenantId", "id"} do
      for _, value in ipairs(odd) do
        local lead = {status = "Active"}
        lead[field] = value
        leads[#leads + 1] = lead
      end
    end
    for _, name in ipairs(report.names) do run(name, leads) end
  end)

  it("marks persons' data, and knows kinds", function()
    local columns = run("unlicensed").columns
    local marked = {}
    for _, column in ipairs(columns) do marked[column.title] = column.pii or column.kind or false end
    assert.same({Company = false, Size = "size", Direct = false, Consented = "date", Changed = "date", Contact = true,
      ["E-mail"] = true, Phone = true, ["Tenant id"] = "id"}, marked)
  end)

  it("groups by a path, a list or a function; sorts by kinds; cuts", function()
    local leads = {{a = "x", l = {"p", "q", "p"}}, {a = "y", l = {"q"}}, {a = "y"}, {l = {}}}
    local function grouped(definition)
      definition.title = "t"
      definition.columns = definition.columns or {{title = "K", group = true}, {title = "N", count = true}}
      return texts(run(definition, leads))
    end
    assert.same({"y|2", "x|1", "none|1"}, grouped {group = "a"})
    assert.same({"q|2", "?|2", "p|1"}, grouped {group = "l", none = "?"})
    assert.same({"yes|3", "no|1"}, grouped {group = function(lead) return lead.a and "yes" or "no" end})
    assert.same({"x|1"}, grouped {group = "a", sort = {"N", "-K"}, limit = 1})
    assert.same({"y|2|0.5|1"}, grouped {group = "a", limit = 1, columns = {{title = "K", group = true},
      {title = "N", count = true}, {title = "S", share = true}, {title = "Q", count = "l has 'q'"}}})
    local rows = texts(run({title = "t", sort = {"D", "-S"}, columns = {
      {title = "D", field = "d", kind = "date"}, {title = "S", field = "s", kind = "size"}}}, {
      {d = "2024-01-01T01:00:00+02:00", s = "L2_U4"}, {d = "2023-12-31T23:00:00Z", s = "L25_U49"},
      {s = "L1000_U2999"}, {d = "2023-12-31", s = "L1_U1"}}))
    assert.same({"2023-12-31|L1_U1", "2023-12-31T23:00:00Z|L25_U49", "2024-01-01T01:00:00+02:00|L2_U4",
      "-|L1000_U2999"}, rows)
  end)

  it("hands on what reading leads failed with, and closes them", function()
    local server = sandbox_child.start {leads = 300, faults = {{page = 2, status = 400}}}
    local client = world.client(server.url)
    local result, err = report.run("status", client, {leads = {page_size = 100}})
    assert.is_nil(result)
    assert.equal("http", err.kind)
    assert.equal(0, client.host.pool:counts().open)
    client.host:close()
    server:close()
  end)

  it("takes functions, and says when they fail", function()
    local result = assert(report.run(function(leads, context)
      local n = 0
      for _ in leads do n = n + 1 end
      return {title = "mine", columns = {{title = "N"}}, rows = {{n}, {context.now}}}
    end, samples(), {now = NOW, where = 'status == "Active"'}))
    assert.same({"mine", 6, NOW}, {result.title, result.rows[1][1], result.rows[2][1]})
    local _, err = report.run(function() return 7 end, {})
    assert.same({"options", "report report: the function gave no {title, columns, rows}"}, {err.kind, err.message})
    _, err = report.run({title = "x", columns = {{title = "A", value = function(one) return one.a.b end}}}, {{}})
    assert.equal("options", err.kind)
    assert.matches("^report x: .*report_spec.lua:%d+: ", err.message)
  end)

  it("takes numbers that are none for nothing, and says what a script gave wrong", function()
    local n = 0
    local result = run({title = "x", sort = "-A", columns = {{title = "A", value = function()
      n = n + 1
      return n % 3 == 0 and 0 / 0 or n
    end}}})
    assert.same({10, 8, 7, 5, 4, 2, 1}, {result.rows[1][1], result.rows[2][1], result.rows[3][1], result.rows[4][1],
      result.rows[5][1], result.rows[6][1], result.rows[7][1]})
    assert.same({"none|10"}, texts(run {title = "x", group = function() return 0 / 0 end,
      columns = {{title = "A", group = true}, {title = "N", count = true}}}))
    local function fault(definition) return select(2, report.run(definition, {{}})).message end
    local columns = {{title = "A"}}
    local function with(start) return {title = "x", columns = columns, start = start} end
    assert.matches("'start' gave no", fault(with(function() end)))
    local function finishing(...)
      local given = {...}
      return with(function() return {add = function() end, finish = function() return given[1], given[2] end} end)
    end
    assert.matches("report x: a list of rows expected, got number", fault(finishing(5)))
    assert.matches("rows%[2%]: a list expected, got number", fault(finishing({{1}, 5})))
    assert.matches("notes%[1%]: a text expected, got number", fault(finishing({}, {5})))
    assert.matches("rows%[1%]: a list expected", fault(function() return {columns = columns, rows = {5}} end))
    assert.matches("a table without a message", fault(function() error {code = 1} end))
  end)

  it("refuses definitions that are none, before the first lead", function()
    local column = {title = "A", field = "a"}
    for fault, definition in pairs {
      ["'title' is missing"] = {columns = {column}},
      ["'columns': a list expected"] = {title = "x"},
      ["unknown field 'colums'"] = {title = "x", colums = {}},
      ["columns%[1%]: field or value expected"] = {title = "x", columns = {{title = "A"}}},
      ["columns%[1%]: one of group, count and share"] = {title = "x", group = "a", columns = {column}},
      ["columns%[1%]: 'kind' is none of"] = {title = "x", columns = {{title = "A", field = "a", kind = "colour"}}},
      ["'sort': there is no column %-B"] = {title = "x", columns = {column}, sort = "-B"},
      ["'chart': 'B' is no column's title"] = {title = "x", columns = {column},
        chart = {kind = "bar", label = "A", value = "B"}},
      ["'where': = compares nothing"] = {title = "x", columns = {column}, where = "a = 1"},
      ["'limit': an integer of at least 1"] = {title = "x", columns = {column}, limit = 0 / 0},
      ["'limit': a number expected"] = {title = "x", columns = {column}, limit = "1"},
    } do
      assert.matches("^.*oc.report.run: " .. fault, select(2, pcall(report.run, definition, {})))
    end
    assert.matches("there is no report nothing: summary, status", select(2, pcall(report.run, "nothing", {})))
    local _, err = report.run("stale", {}, {options = {day = 1}})
    assert.matches("the report has no option 'day'", err.message)
    _, err = report.run("stale", {}, {options = {days = "x"}})
    assert.matches("option 'days': a number expected, got string", err.message)
  end)

  it("loads scripts, and tells their own lines", function()
    local place = command_line.place()
    local function load(text)
      local path = place.folder .. "/my.lua"
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
      return report.load(path)
    end
    local made = assert(load 'return {title = "mine", columns = {{title = "Id", field = "id"}}}')
    assert.equal(10, #run(made).rows)
    assert.equal("function", type(load "return function() end"))
    for fault, text in pairs {
      ["my.lua:2: "] = "\nreturn {",
      ["my.lua:3: attempt to "] = "\n\nlocal x = nil + 1",
      ["my.lua: unknown field 'titel'"] = "return {titel = 1}",
      ["my.lua: a table or a function expected, got nil"] = "",
    } do
      local _, err = load(text)
      assert.equal("options", err.kind)
      assert.matches(fault, err.message)
    end
    local _, err = report.load(place.folder .. "/nowhere.lua")
    assert.equal("io", err.kind)
    place:remove()
  end)
end)

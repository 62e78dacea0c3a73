-- Filters as values: combined, printed, told apart, asked about tables; and in a
-- decoder and a pager, where text that is not wanted is still checked.

local oc = require "oc"
local core = require "oc.core"
local filter = require "oc.filter"

local function drained(decoder)
  local ids = {}
  for lead in decoder.next, decoder do ids[#ids + 1] = lead.id end
  return table.concat(ids, " ")
end

local function fault_of(f, ...)
  local ok, fault = pcall(f, ...)
  assert(not ok, "it is taken")
  return fault
end

describe("filters combined", function()
  local active, direct = 'status == "Active"', oc.filter "isDirectLead"
  local function odd(lead) return lead.odd end

  it("hold when all, any or none of them do", function()
    for status = 0, 1 do
      for is_direct = 0, 1 do
        for is_odd = 0, 1 do
          local lead = {status = status == 1 and "Active" or "", isDirectLead = is_direct == 1, odd = is_odd == 1}
          assert.equal(status + is_direct == 2, oc.filter.all {active, direct} (lead))
          assert.equal(status + is_direct > 0, oc.filter.any {active, direct} (lead))
          assert.equal(status + is_direct == 0, oc.filter.none {active, direct} (lead))
          assert.equal(status + is_direct + is_odd == 3, oc.filter.all {active, odd, direct} (lead))
          assert.equal(status + is_direct + is_odd > 0, oc.filter.any {active, direct, odd} (lead))
          assert.equal(status + is_direct + is_odd == 0, oc.filter.none {odd, active, direct} (lead))
          assert.equal(status == 1 and is_direct + is_odd < 1,
            oc.filter.all {active, oc.filter.none {direct, odd}} (lead))
        end
      end
    end
  end)

  it("of nothing: all and none hold, any does not", function()
    assert.is_true(oc.filter.all {} {})
    assert.is_false(oc.filter.any {} {})
    assert.is_true(oc.filter.none {} {})
  end)

  it("stay filters as long as there is no function among them", function()
    assert.is_true(filter.is(oc.filter.all {active, direct}))
    assert.is_true(filter.is(oc.filter.none {active, oc.filter.any {direct, "x"}}))
    assert.equal("function", type(oc.filter.any {active, odd}))
    assert.equal("function", type(oc.filter.none {odd}))
    assert.is_false(filter.is(odd))
    assert.is_false(filter.is {})
    assert.is_false(filter.is(io.stdout))
  end)

  it("keep each part's own meaning, whatever it has at its ends", function()
    local f = oc.filter.all {"a or b", "c"}
    assert.is_false(f {a = true})
    assert.is_true(f {a = true, c = true})
    assert.is_true(oc.filter.none {"a and b"} {a = true})
    assert.is_true(oc.filter.any {"not a and b", "a"} {a = true})
  end)

  it("print as expressions that mean the same", function()
    assert.equal('oc.filter(status == "Active")', tostring(oc.filter(active)))
    local combined = oc.filter.none {oc.filter.any {active, "a or b"}, direct}
    assert.equal('oc.filter(not (((status == "Active") or (a or b)) or (isDirectLead)))', tostring(combined))
    local again = oc.filter(tostring(combined):match "^oc%.filter(%b())$")
    for _, lead in ipairs {{}, {a = true}, {b = 1}, {status = "Active"}, {isDirectLead = true}} do
      assert.equal(combined(lead), again(lead))
    end
    assert.equal("oc.filter(true)", tostring(oc.filter.all {}))
    assert.equal("oc.filter(not (false))", tostring(oc.filter.none {}))
    assert.equal(oc.filter(direct), direct)
  end)

  it("pass on a function's nil, err, and a filter's", function()
    local problem = {kind = "limit"}
    local function undecided() return nil, problem end
    for _, name in ipairs {"all", "any", "none"} do
      local answer, err = oc.filter[name] {undecided, odd} {}
      assert.is_nil(answer)
      assert.equal(problem, err)
      local hard = 'a matches "' .. ("a*"):rep(30) .. 'b"'
      answer, err = oc.filter[name] {hard, odd} {a = ("a"):rep(100)}
      assert.is_nil(answer)
      assert.equal("limit", err.kind)
    end
  end)

  it("name the argument that is none", function()
    assert.equal("oc.filter.all: a list expected, got nil", (fault_of(oc.filter.all):gsub("^.-: oc", "oc")))
    assert.matches("oc.filter.any: %[2%]: a value expected, at position 5\n  b ==\n      ^$", fault_of(oc.filter.any,
      {"a", "b =="}))
    assert.matches("oc.filter.none: %[1%]: an expression, a filter or a function expected, got boolean",
      fault_of(oc.filter.none, {true}))
    local parts = {}
    for i = 1, 11000 do parts[i] = "a" end
    for _, name in ipairs {"all", "any", "none"} do
      assert.matches("oc.filter." .. name .. ": the expression is too large: more than 20000 parts",
        fault_of(oc.filter[name], parts))
    end
  end)

  it("have a ceiling for how deep they are combined, and no crash", function()
    for _, name in ipairs {"all", "any", "none"} do
      local f = oc.filter "a"
      for _ = 1, 200 do f = oc.filter[name] {f} end
      assert.is_true(f {a = true})
      assert.matches("oc.filter." .. name .. ": filters are combined too deep: more than 500 within one another",
        fault_of(function()
          for _ = 1, 400 do f = oc.filter[name] {f} end
        end))
    end
  end)

  it("are asked about tables only", function()
    assert.matches("filter: a lead %(a table%) expected, got string", fault_of(direct, "text"))
    assert.matches("filter: a lead %(a table%) expected, got nil", fault_of(direct, nil))
    assert.equal("oc.filter", getmetatable(direct))
    assert.is_false(pcall(function() direct.field = 1 end))
  end)

  it("look at tables raw, and change nothing", function()
    local lead = setmetatable({a = {}}, {__index = function() error "asked" end, __len = function() error "asked" end})
    assert.is_false(oc.filter "b or any(a, it) or empty(lead) or a.x" (lead))
    assert.is_true(oc.filter 'all(l, it in ("x", "y")) and count(l) == 2' {l = {"x", "y"}})
    assert.is_true(oc.filter "empty(l) and all(l, false)" {l = oc.array {}})
    assert.is_true(oc.filter "empty(l) and l == null" {l = oc.null})
    assert.is_true(oc.filter "empty(l)" {l = {a = oc.null}})
    assert.is_false(oc.filter "f == f or f < 1 or f >= 1" {f = 0 / 0})
  end)

  it("bear lists of many tables, and many paths in a row", function()
    local list, paths, lead = {}, {}, {}
    for i = 1, 10000 do list[i] = {i} end
    for i = 1, 5000 do paths[i], lead["t" .. i] = "t" .. i .. ".x", {} end
    list[#list + 1] = "last"
    lead.l, lead.t5000.x = list, "x"
    assert.is_true(oc.filter 'l has "last" and not l has "none"' (lead))
    assert.is_true(oc.filter("any(l, it == 'last') and 'x' in (" .. table.concat(paths, ",") .. ")") (lead))
  end)

  it("have the current time as now, on tables at the call", function()
    assert.is_true(oc.filter "at < now + 1h and at > now - 1h" {at = os.date("!%Y-%m-%dT%H:%M:%SZ")})
  end)
end)

describe("a filter's tree", function()
  local function nested(depth)
    local tree = {"truth", {"path", depth}}
    for level = depth - 1, 0, -1 do tree = {"any", {"path", level, "a"}, tree} end
    return tree
  end

  it("is checked where it becomes a program, whoever made it", function()
    assert.is_userdata(core.filter(nested(16), {}))
    local ring = {"not"}
    ring[2] = ring
    local x = {"truth", {"path", 0, "x"}}
    local no = "filter: no such tree: "
    for wanted, trees in pairs {
      [no .. "any and all more than 16 deep"] = {nested(17), nested(60)},
      [no .. "a path from an element that is not around it"] = {{"truth", {"path", 1, "x"}}, {"truth", {"path", -1}},
        {"truth", {"path", 99999999, "x"}}, {"truth", {"path", 0 / 0, "x"}}, {"any", {"path", 1}, x},
        {"and", {"any", {"path", 0, "a"}, x}, {"truth", {"path", 1}}}},
      [no .. "a path expected"] = {{"any", {"null"}, x}, {"any", x, x}, {"all", {"lower", {"path", 0}}, x}},
      [no .. "a condition expected"] = {{"null"}, {"path", 0}, {"not", {"path", 0}}, {"and", x, {"number", 1}},
        {"and", {"text", "a"}, x}, {"any", {"path", 0}, {"path", 1}}},
      [no .. "a value expected"] = {{"==", x, {"null"}}, {"in", {"path", 0}, x}, {"truth", x}, {"matches", x, "a"},
        {"truth", {"shift", x, 1}}, {"truth", {"count", x}}},
      [no .. "a text expected"] = {{"truth", {"path", 0, 5}}, {"truth", {"path", 0, {}}}, {"matches", {"path", 0}},
        {"truth", {"text"}}, {"truth", {"date", {}, 1}}},
      [no .. "a shift of so many seconds"] = {{"truth", {"shift", {"now"}, 1e300}},
        {"truth", {"shift", {"now"}, 0 / 0}}},
      ["table expected"] = {{"not"}, {"and"}, {"or"}, {"in"}, {"any"}, {"any", {"path", 0}}, {"==", {"null"}}},
      ["string expected"] = {{}, {{}}},
      ["more than 500 within one another"] = {ring},
    } do
      for i, tree in ipairs(trees) do
        local ok, fault = pcall(core.filter, tree, {})
        assert(not ok and tostring(fault):find(wanted, 1, true), ("%s, %d: %s"):format(wanted, i, tostring(fault)))
      end
    end
  end)
end)

describe("a decoder with where", function()
  it("gives the leads that are wanted, by next and by read", function()
    local body = '[{"id":"a","n":1},{"id":"b"},{"id":"c","n":3},{"id":"d","n":null}]'
    local decoder = oc.decoder {where = "n"}
    decoder:feed(body)
    assert.equal("a c", drained(decoder))
    assert.is_true(decoder:finish())
    decoder:reset()
    decoder:feed(body)
    assert.equal(2, #decoder:read())
    assert.is_true(decoder:finish())
    decoder:reset()
    decoder:feed(body)
    assert.equal("a", decoder:read(1)[1].id)
    assert.equal("c", decoder:read(1)[1].id)
  end)

  it("still checks the text of what is not wanted", function()
    for _, bad in ipairs {'{"id":"a","x":tru}', '{"id":"a","x":"\255"}', '{"id":"a","x":"\\q"}', '{"id":"a","x":01}',
      '{"id":"a",}', '{"id":"a","x":[1}'} do
      local decoder = oc.decoder {where = "false", select = {"id"}}
      decoder:feed('[{"id":"0"},' .. bad .. "]")
      local lead, err = decoder:next()
      assert.is_nil(lead)
      assert.equal("json", err.kind, bad)
    end
    local decoder = oc.decoder {where = "false", max_lead_bytes = 10}
    decoder:feed '[{"id":"0123456789"}]'
    assert.equal("limit", select(2, decoder:next()).kind)
  end)

  it("stops for good at a lead that takes too much work, and gives what came before", function()
    local hard = '{"a":"' .. ("a"):rep(100) .. '"}'
    for _, way in ipairs {"next", "read"} do
      local decoder = oc.decoder {where = 'not a matches "' .. ("a*"):rep(30) .. 'b"'}
      decoder:feed('[{"a":"b"},{"a":"x"},' .. hard .. ',{"a":"x"}]')
      local first = decoder[way](decoder)
      assert.equal("x", (first[1] or first).a)
      for _ = 1, 2 do
        local got, err = decoder[way](decoder)
        assert.is_nil(got)
        assert.equal("limit", err.kind)
        assert.equal(21, err.offset)
        assert.matches("^where needs too much work on this lead", err.message)
      end
      assert.equal("limit", select(2, decoder:finish()).kind)
    end
  end)

  it("shares a filter with others", function()
    local f = oc.filter "n == 1 or lower(s) == \"x\""
    local a, b = oc.decoder {where = f}, oc.decoder {where = f}
    a:feed '[{"id":"1","n":1},'
    b:feed '[{"id":"2","s":"\\u0058"},'
    a:feed '{"id":"3","s":"X"}]'
    b:feed '{"id":"4"}]'
    assert.equal("1 3", drained(a))
    assert.equal("2", drained(b))
    assert.is_true(f {n = 1})
  end)

  it("outlives whoever has its filter", function()
    local decoder = oc.decoder {where = oc.filter 'id == "b"'}
    collectgarbage()
    collectgarbage()
    decoder:feed '[{"id":"a"},{"id":"b"}]'
    assert.equal("b", drained(decoder))
  end)

  it("refuses a now that is no time", function()
    for _, now in ipairs {-1, 1e300, -1e300, 0 / 0, 1 / 0, 2e15} do
      assert.matches("option 'now': seconds since 1970 expected",
        fault_of(core.decoder, {where = oc.filter "a", now = now}))
    end
    for _, now in ipairs {0, 1.5, 1e15} do assert.is_userdata(core.decoder {where = oc.filter "now > b", now = now}) end
  end)

  it("learns no more of keys than it can", function()
    local parts = {}
    for i = 1, 5000 do parts[i] = ("k%d"):format(i) end
    assert.matches("option 'where': a field's name is too long, or there are too many", fault_of(oc.decoder,
      {where = table.concat(parts, " or ")}))
    assert.matches("option 'select': .* too many", fault_of(oc.decoder, {select = parts}))
  end)
end)

describe("a pager with where", function()
  local function pager(given)
    given.base_url = "https://sp.example.com"
    local p = oc.pager(given)
    p:request()
    p:response(200, {})
    return p
  end

  it("gives the leads that are wanted, and counts the others", function()
    local p = pager {where = "n > 1", select = {"n"}}
    p:feed '[{"id":"a","n":1},{"id":"b","n":2},{"id":"b","n":2},{"id":"c"}]'
    assert.same({n = 2}, p:next())
    assert.is_nil(p:next())
    local result = p:result()
    assert.same({3, 1, 1}, {result.leads, result.matched, result.duplicates})
    assert.same({1, 4, "c"}, {p:place().page, p:place().skip, p:place().last_id})
    assert.equal("next", (p:finish()))
  end)

  it("refuses a page whose unwanted leads are bad", function()
    local p = pager {where = "false"}
    p:feed '[{"id":"a"},{"id":tru}]'
    assert.is_nil(p:next())
    local what, err = p:finish()
    assert.is_nil(what)
    assert.equal("json", err.kind)
  end)

  it("says which fields no lead had", function()
    local p = pager {where = "a == 1 or a == 2 or b.c == 1 or any(l, x.y) or n or z.q"}
    p:feed '[{"id":"1","b":{"d":1},"l":[{"w":1},{"x":{}}],"n":null,"z":null}]'
    p:next()
    local unknown = p:unknown()
    table.sort(unknown)
    assert.same({"a", "b.c", "l.x.y"}, unknown)
    p:feed ""
    assert.same({}, core.pager({base_url = "https://sp.example.com"}):unknown())
  end)
end)

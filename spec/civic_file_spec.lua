-- JSON and NDJSON files as sources of addresses.

local oc = require "oc"
local errors = require "oc.errors"
local scratch = require "support.scratch"
local tree = require "support.tree"

local function samples(nulls)
  return assert(oc.decode(tree.read "spec/fixtures/leads-sample.json", {nulls = nulls}))
end

local ASK = {attempt = 1, left_s = function() end, turn = function() return true end}

describe("oc.civic.source.file", function()
  after_each(scratch.clear)

  local function path_of(text, ending) return scratch.file(text, ending or ".json") end

  local function source_of(text, ending)
    return assert(oc.civic.source.file(path_of(text, ending)))
  end

  -- What is wrong with a file: the error's message behind its path.
  local function fault_of(text, ending)
    local path = path_of(text, ending)
    local source, err = oc.civic.source.file(path)
    assert.is_nil(source)
    assert.is_true(errors.is(err))
    local start = "cannot take addresses from " .. path .. ": "
    assert.equal(start, err.message:sub(1, #start))
    return err.message:sub(#start + 1), err
  end

  local function ids_of(source, lead)
    local ids = {}
    for i, address in ipairs(assert(source:fetch(lead, ASK))) do ids[i] = address.id or "?" end
    return table.concat(ids, " ")
  end

  local function nothing_about(source, lead)
    local addresses, err = source:fetch(lead, ASK)
    assert.is_nil(addresses)
    assert.same({"io", "the file has nothing about this lead", true}, {err.kind, err.message, err.unknown_tenant})
  end

  -- The leads without their addresses, synchronised from a source: what became of them.
  local function put_back(source, leads)
    local bare = {}
    for i, lead in ipairs(leads) do
      bare[i] = {}
      for name, value in pairs(lead) do bare[i][name] = value end
      bare[i].civicAddresses = nil
    end
    local result = assert(oc.civic.sync(bare, {policy = oc.civic.policy.all, source = source, log = false}))
    return bare, result
  end

  for _, nulls in ipairs {"null", "nil"} do
    describe("of leads as oc.encode writes them, nulls as " .. nulls, function()
      local function check(source)
        local leads = samples(nulls)
        local put, result = put_back(source, leads)
        assert.same({5, 1, 4}, {result.synced, result.empty, result.failed})
        for i, lead in ipairs(leads) do
          local known = type(lead.civicAddresses) == "table" and lead.civicAddresses[1] ~= nil
          assert.equal(known and oc.encode(lead.civicAddresses) or "null", oc.encode(put[i].civicAddresses))
          if not known and lead.civicAddresses == nil then nothing_about(source, lead) end
        end
        result = assert(oc.civic.sync(leads, {policy = oc.civic.policy.all, source = source, log = false}))
        assert.same({0, 5, 1}, {result.synced, result.unchanged, result.empty})
      end

      it("as one list", function() check(source_of(oc.encode(samples(nulls)))) end)

      it("a line each", function()
        local lines = {}
        for i, lead in ipairs(samples(nulls)) do lines[i] = oc.encode(lead) end
        check(source_of(table.concat(lines, "\n"), ".ndjson"))
        check(source_of("\239\187\191" .. table.concat(lines, "\r\n\r\n") .. "\r\n", ".JSONL"))
      end)
    end)
  end

  it("finds by the lead, else by the tenant, whatever the case", function()
    local source = source_of [[ [{"id":"L1","tenantId":"T1","civicAddresses":[{"id":"a"}]},
      {"id":"L2","tenantId":"t1","civicAddresses":[{"id":"b"}]},
      {"id":"L3","civicAddresses":[{"id":"c"}]}, {"tenantId":"T4","civicAddresses":[]}] ]]
    assert.equal("a", ids_of(source, {id = "l1", tenantId = "other"}))
    assert.equal("b", ids_of(source, {id = "l2", tenantId = "t1"}))
    assert.equal("a b", ids_of(source, {id = "l9", tenantId = "t1"}))
    assert.equal("c", ids_of(source, {id = "L3"}))
    assert.equal("", ids_of(source, {id = "L4", tenantId = "t4"}))
    nothing_about(source, {id = "l9", tenantId = "t9"})
    nothing_about(source, {id = oc.null, tenantId = oc.null})
    nothing_about(source, {})
  end)

  it("has addresses of twins once, and gives them to the one that has none", function()
    local source = source_of [[ [
      {"id":"1","tenantId":"t","civicAddresses":[{"id":"a","country":"IL"},{"id":"b"},{"country":"x"}]},
      {"id":"2","tenantId":"t","civicAddresses":[{"id":"a","country":"IL"},{"id":"b","country":"US"}]},
      {"id":"3","tenantId":"t","civicAddresses":[]}, {"id":"4","tenantId":"t","civicAddresses":null}] ]]
    assert.equal("a b", ids_of(source, {id = "2", tenantId = "t"}))
    for _, id in ipairs {"3", "4", "5"} do assert.equal("a b ? b", ids_of(source, {id = id, tenantId = "t"})) end
  end)

  it("gives copies", function()
    local source = source_of [[ {"t":[{"id":"a"}]} ]]
    source:fetch({tenantId = "t"}, ASK)[1].id = "changed"
    assert.equal("a", ids_of(source, {tenantId = "t"}))
  end)

  it("takes a list of addresses, and an object of lists by tenant", function()
    local source = source_of [[ [{"id":"a","tenantId":"T","country":"IL"}, {"tenantId":"u","locations":[]},
      {"id":"b","tenantId":"t","defaultLocationId":"l"}] ]]
    assert.equal("a b", ids_of(source, {tenantId = "t"}))
    assert.equal("?", ids_of(source, {tenantId = "U"}))
    source = source_of [[ {"T":[{"id":"a"}], "u":[], "v":null} ]]
    assert.equal("a", ids_of(source, {tenantId = "t"}))
    assert.equal("", ids_of(source, {tenantId = "U"}))
    nothing_about(source, {tenantId = "v"})
  end)

  it("takes one lead, and one address", function()
    assert.equal("a", ids_of(source_of '{"id":"L","tenantId":"t","civicAddresses":[{"id":"a"}]}', {id = "L"}))
    assert.equal("a", ids_of(source_of '{"id":"a","tenantId":"t","country":"IL"}', {tenantId = "t"}))
  end)

  it("may hold nothing", function()
    for _, text in ipairs {"[]", "{}", " [ ] "} do nothing_about(source_of(text), {id = "1", tenantId = "t"}) end
    nothing_about(source_of("", ".ndjson"), {id = "1", tenantId = "t"})
    nothing_about(source_of("\n \r\n\n", ".ndjson"), {id = "1", tenantId = "t"})
  end)

  it("writes lists as lists, empty ones too", function()
    local leads = {{id = "1", tenantId = "t"}}
    local source = source_of [[ [{"id":"a","tenantId":"t","country":"IL","locations":[]}] ]]
    local written = oc.encode(put_back(source, leads)[1])
    assert.truthy(written:find('"locations":[]', 1, true), written)
    local given = assert(source_of('{"t":[]}'):fetch({tenantId = "t"}, ASK))
    assert.equal("[]", oc.encode(given))
  end)

  it("tells where it is no JSON", function()
    local what, err = fault_of '[{"id":"a"},'
    assert.same({"the body ends within the document, at byte 12", "json", 12}, {what, err.kind, err.offset})
    what, err = fault_of '[{"id":"\255"}]'
    assert.same({"bytes that are not UTF-8, at byte 8", "json", 8}, {what, err.kind, err.offset})
    assert.matches("^the body is empty", (fault_of ""))
    assert.matches("^HTML or XML, not JSON", (fault_of "<html>"))
    what, err = fault_of('{"id":"1"}\n\n{"id":"2",}\n', ".ndjson")
    assert.matches("^line 3: .*at byte 10", what)
    assert.same({"json", 22}, {err.kind, err.offset})
    assert.matches("^line 2: the body ends within", (fault_of('{"id":"1"}\n{"id":', ".ndjson")))
    assert.matches("^line 1: text behind the end", (fault_of('{"id":"1"}{"id":"2"}', ".ndjson")))
  end)

  it("tells where it has no leads", function()
    local cases = {
      ['"text"'] = "it holds no list", ["7"] = "it holds no list", ["null"] = "it holds no list",
      ["[1]"] = "[1]: a lead or an address expected", ["[null]"] = "[1]: a lead or an address expected",
      ['[{"id":"1","civicAddresses":[]},[]]'] = "[2]: a lead or an address expected",
      ['[{"country":"IL"}]'] = "[1]: the address has no tenantId",
      ['[{"civicAddresses":[]}]'] = "[1]: the lead has neither id nor tenantId",
      ['[{"id":"1","civicAddresses":{}}]'] = "[1]: civicAddresses is no list",
      ['[{"id":"1","civicAddresses":"x"}]'] = "[1]: civicAddresses is no list",
      ['[{"id":"1","civicAddresses":[{},null]}]'] = "[1]: civicAddresses[2] is no object",
      ['[{"id":"1","civicAddresses":[[]]}]'] = "[1]: civicAddresses[1] is no object",
      ['{"t":"x"}'] = "a list of leads, a list of addresses, or an object of lists by tenant expected",
      ['{"t":{"id":"a"}}'] = '["t"] is no list', ['{"t":{}}'] = '["t"] is no list',
      ['{"t":[7]}'] = '["t"][1] is no object',
      ['{"tenantId":"t","civicAddresses":7}'] = "civicAddresses is no list",
    }
    for text, wanted in pairs(cases) do
      local what, err = fault_of(text)
      assert.same({wanted, "shape"}, {what, err.kind}, text)
    end
    assert.equal("line 2: the address has no tenantId", (fault_of('\n{"country":"IL"}', ".ndjson")))
    assert.equal("line 1: a lead or an address expected", (fault_of('[{"id":"1"}]', ".ndjson")))
  end)

  it("tells of a file that is not there, and of a folder", function()
    local path = os.tmpname()
    os.remove(path)
    local source, err = oc.civic.source.file(path .. "/none.json")
    assert.is_nil(source)
    assert.equal("io", err.kind)
    assert.matches("^cannot take addresses from " .. path:gsub("%p", "%%%0") .. "/none.json: No such file", err.message)
    source, err = oc.civic.source.file "/tmp"
    assert.is_nil(source)
    assert.same({"io", "cannot take addresses from /tmp: Is a directory"}, {err.kind, err.message})
    assert.error_matches(function() oc.civic.source.file() end, "oc.civic.source.file: a file's path expected, got nil")
  end)

  it("of 30,000 leads of one tenant is read in a moment", function()
    local parts = {}
    for i = 1, 30000 do
      parts[i] = ('{"id":"%d","tenantId":"t","civicAddresses":[{"id":"a%d"},{"id":"same"}]}'):format(i, i)
    end
    local began = os.clock()
    local source = source_of(table.concat(parts, "\n"), ".ndjson")
    assert.truthy(os.clock() - began < 10)
    assert.equal(30001, #assert(source:fetch({tenantId = "t"}, ASK)))
  end)
end)

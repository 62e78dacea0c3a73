-- `select`: only these fields are built, held against a projection written in Lua.

local oc = require "oc"
local tree = require "support.tree"

local function leads(body, options, piece)
  local decoder, found = oc.decoder(options), {}
  for at = 1, #body, piece or #body do
    assert(decoder:feed(body:sub(at, at + (piece or #body) - 1)))
    for lead in decoder.next, decoder do found[#found + 1] = lead end
  end
  assert(decoder:finish())
  return found
end

local function selected(json, paths, nulls)
  return oc.encode(leads("[" .. json .. "]", {select = paths, nulls = nulls})[1])
end

-- --- the projection in Lua ------------------------------------------------------------

-- {a = true, b = {c = true}} of {"a", "b.c"}
local function wanted_of(paths)
  local wanted = {}
  for _, path in ipairs(paths) do
    local at = wanted
    for name, dot in path:gmatch "([^.]+)(%.?)" do
      if at[name] == true then break end
      if dot == "" then
        at[name] = true
      else
        at[name] = at[name] or {}
        at = at[name]
      end
    end
  end
  return wanted
end

local function is_list(value)
  return #value > 0 or getmetatable(value) == getmetatable(oc.array())
end

local function project(value, wanted)
  if wanted == true then return value end
  if value == oc.null then return value end
  if type(value) ~= "table" then return nil end
  if is_list(value) then
    local list = oc.array()
    for i, element in ipairs(value) do
      local part = project(element, wanted)
      list[i] = part == nil and oc.null or part
    end
    return #list > 0 and setmetatable(list, nil) or list
  end
  local part = {}
  for name, member in pairs(value) do
    if wanted[name] then part[name] = project(member, wanted[name]) end
  end
  return part
end

describe("select", function()
  it("builds fields, and fields of fields", function()
    local lead = '{"id":"1","a":{"b":{"c":1,"d":2},"e":3},"f":[1,2]}'
    assert.equal('{"id":"1"}', selected(lead, {"id"}))
    assert.equal('{"a":{"b":{"c":1}}}', selected(lead, {"a.b.c"}))
    assert.equal('{"a":{"b":{"c":1,"d":2}},"f":[1,2]}', selected(lead, {"f", "a.b"}))
    assert.equal('{"a":{"b":{"c":1},"e":3}}', selected(lead, {"a.e", "a.b.c"}))
  end)

  it("knows nothing of what is not there", function()
    local lead = '{"id":"1","a":{"b":1},"n":null,"t":"x"}'
    assert.equal("{}", selected(lead, {"gone"}))
    assert.equal("{}", selected(lead, {}))
    assert.equal('{"a":{}}', selected(lead, {"a.gone"}))
    assert.equal("{}", selected(lead, {"id.x", "t.x.y"}))
    assert.equal("{}", selected(lead, {"n.x", "n"}))
    assert.equal('{"n":null}', selected(lead, {"n.x"}, "null"))
    assert.equal('{"n":null}', selected(lead, {"n"}, "null"))
    assert.equal("{}", selected("{}", {"id", "a.b"}))
  end)

  it("goes through lists, whose other elements keep their places", function()
    local lead = '{"l":[{"a":1,"b":2},{"b":3},null,4,{"a":null},[{"a":5,"b":6}]],"e":[],"o":{}}'
    assert.equal('{"l":[{"a":1},{},null,null,{},[{"a":5}]]}', selected(lead, {"l.a"}))
    assert.equal('{"l":[{"a":1},{},null,null,{"a":null},[{"a":5}]]}', selected(lead, {"l.a"}, "null"))
    assert.equal('{"e":[],"o":{}}', selected(lead, {"e.a", "o.a"}))
  end)

  it("of a path and of its parent is the parent, in any order", function()
    local lead = '{"a":{"b":{"c":1},"d":2}}'
    for _, paths in ipairs {{"a", "a.b"}, {"a.b", "a"}, {"a.b.c", "a", "a.d"}, {"a", "a"}} do
      assert.equal('{"a":{"b":{"c":1},"d":2}}', selected(lead, paths))
    end
    assert.equal('{"a":{"b":{"c":1}}}', selected(lead, {"a.b", "a.b.c", "a.b"}))
  end)

  it("has the last of equal keys count", function()
    assert.equal('{"a":2}', selected('{"a":1,"b":0,"a":2}', {"a"}))
    assert.equal("{}", selected('{"a":1,"a":null}', {"a"}))
    assert.equal("{}", selected('{"a":{"b":1},"a":null}', {"a.b"}))
    assert.equal("{}", selected('{"a":{"b":1},"a":5}', {"a.b"}))
    assert.equal('{"a":{}}', selected('{"a":{"b":1},"a":{"c":1}}', {"a.b"}))
    assert.equal('{"a":{"b":2}}', selected('{"\\u0061":{"b":1},"a":{"\\u0062":2}}', {"a.b"}))
  end)

  it("takes keys that are not learned for what they are: not asked for", function()
    local parts = {}
    for i = 1, 6000 do parts[i] = ('"k%d":{"id":%d}'):format(i, i) end
    parts[#parts + 1] = '"' .. ("x"):rep(300) .. '":[{"id":1}]'
    parts[#parts + 1] = '"id":"1"'
    assert.equal('{"id":"1"}', selected("{" .. table.concat(parts, ",") .. "}", {"id"}))
  end)

  it("names only what a path may be", function()
    for _, path in ipairs {"", ".", "a.", ".a", "a..b"} do
      assert.matches("oc.decoder: option 'select': %[1%]: a field or a path %(contactDetails.companyName%) expected",
        select(2, pcall(oc.decoder, {select = {path}})))
    end
    assert.matches("name is longer than 128 bytes", select(2, pcall(oc.decoder, {select = {("x"):rep(129)}})))
    assert.matches("option 'select': table expected, got string", select(2, pcall(oc.decoder, {select = "id"})))
  end)

  it("goes with where on other fields, whatever the pieces", function()
    local body = '[{"id":"1","n":1,"a":{"b":1,"c":2}},{"id":"2","n":2},{"id":"3","n":3,"a":{"c":4}}]'
    for piece = 1, #body do
      local found = leads(body, {where = "n != 2 and a.c > 1", select = {"id", "a.b"}}, piece)
      assert.equal('[{"id":"1","a":{"b":1}},{"id":"3","a":{}}]', oc.encode(found))
    end
  end)

  it("is the projection of the sample's leads, in pieces of any size", function()
    local body = tree.read "spec/fixtures/leads-sample.json"
    local lists = {
      {"id"}, {"id", "contactDetails.companyName"}, {"civicAddresses.country", "civicAddresses.locations.isDefault"},
      {"civicAddresses"}, {"civicAddresses.locations", "civicAddresses.id", "umpCustomerGuid", "nothing.at.all"},
      {"contacts.fullName", "consentedCountries", "status.x", "comments.text", "consentedCountries.x"},
    }
    for _, paths in ipairs(lists) do
      local all = assert(oc.decode(body, {nulls = "null"}))
      for i, lead in ipairs(all) do all[i] = project(lead, wanted_of(paths)) end
      for _, piece in ipairs {1, 7, 1000, #body} do
        assert.equal(oc.encode(all), oc.encode(leads(body, {select = paths, nulls = "null"}, piece)))
      end
    end
  end)
end)

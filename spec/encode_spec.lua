-- oc.encode: values back into JSON.

local oc = require "oc"
local tree = require "support.tree"

local HAS_INTEGERS = _VERSION >= "Lua 5.3"

-- JSON text without the white space between its tokens.
local function compact(text)
  local strings = {}
  text = text:gsub('"[^"\\]*"', function(s)
    strings[#strings + 1] = s
    return '"'
  end)
  local i = 0
  return (text:gsub("%s+", ""):gsub('"', function()
    i = i + 1
    return strings[i]
  end))
end

local function raises(value, ...)
  local ok, message = pcall(oc.encode, value)
  assert.is_false(ok)
  for _, words in ipairs {...} do
    assert.is_truthy(message:find(words, 1, true), message)
  end
end

describe("oc.encode", function()
  it("writes each kind of value", function()
    assert.equal("null", oc.encode(oc.null))
    assert.equal("null", oc.encode(nil))
    assert.equal("true", oc.encode(true))
    assert.equal("false", oc.encode(false))
    assert.equal('"x"', oc.encode "x")
    assert.equal("[1,2,3]", oc.encode {1, 2, 3})
    assert.equal('{"a":1}', oc.encode {a = 1})
    assert.equal("[null,1]", oc.encode {oc.null, 1})
    assert.equal("{}", oc.encode {})
    assert.equal("[]", oc.encode(oc.array()))
    assert.equal("[1]", oc.encode(oc.array {1}))
    assert.equal('{"a":[{}]}', oc.encode {a = {{}}})
    assert.has_error(function() oc.encode() end)
  end)

  it("writes integers as such, and floats so that they stay floats", function()
    assert.equal("[0,-7,9007199254740992]", oc.encode {0, -7, 9007199254740992})
    assert.equal("[0.1,-2.5,1e+100]", oc.encode {0.1, -2.5, 1e100})
    assert.equal("[1e999,-1e999]", oc.encode {math.huge, -math.huge})
    if HAS_INTEGERS then
      local mininteger = rawget(math, "mininteger")
      assert.equal("-9223372036854775808", oc.encode(mininteger))
      assert.equal("[1.0,-0.0,1e+15]", oc.encode {1.0, -0.0, 1e15})
    else
      assert.equal("[1,1000000000000000]", oc.encode {1.0, 1e15})
      assert.equal("-0", oc.encode(tonumber "-0"))
    end
  end)

  it("escapes what must be escaped, and nothing else", function()
    assert.equal([["\"\\/\b\f\n\r\t"]], oc.encode '"\\/\8\12\10\13\9')
    assert.equal([["\u0000\u0001\u001f ]] .. "\127\"", oc.encode "\0\1\31 \127")
    assert.equal('"\195\169\226\130\172\240\157\132\158"', oc.encode "\195\169\226\130\172\240\157\132\158")
    assert.equal([[{"a\nb":1}]], oc.encode {["a\nb"] = 1})
    local every = {}
    for code = 0, 127 do every[code + 1] = string.char(code) end
    every = table.concat(every)
    assert.equal(every, oc.decode(oc.encode(every)))
  end)

  it("writes the service's keys in its order, others sorted behind", function()
    assert.equal('{"isDirectLead":true,"id":"x","tenantId":"t","status":"s","contacts":[],"B":1,"a":2,"b":3,"ba":4}',
      oc.encode {ba = 4, b = 3, a = 2, B = 1, contacts = oc.array(), status = "s", tenantId = "t", id = "x",
        isDirectLead = true})
  end)

  it("gives the service's sample page back byte for byte", function()
    local sample = compact(tree.read "spec/fixtures/leads-sample.json")
    assert.equal(sample, oc.encode(oc.decode(sample, {nulls = "null"})))
  end)

  it("writes the same text whatever order the keys came in", function()
    local forward, backward = {}, {}
    for i = 1, 200 do forward["key" .. i] = i end
    for i = 200, 1, -1 do backward["key" .. i] = i end
    assert.equal(oc.encode(forward), oc.encode(backward))
  end)

  it("writes objects of any size", function()
    for _, count in ipairs {0, 1, 2, 43, 44, 45, 62, 63, 64, 65, 66, 200, 5000} do
      local value, keys = {}, {}
      for n = 1, count do
        keys[n] = ("key%05d"):format(n)
        value[keys[n]] = n
      end
      local parts = {}
      for n, key in ipairs(keys) do parts[n] = ('"%s":%d'):format(key, n) end
      assert.equal("{" .. table.concat(parts, ",") .. "}", oc.encode(value))
      value.tenantId, value.id = {id = {status = "x"}}, true -- known ones come first
      assert.equal('{"id":true,"tenantId":{"id":{"status":"x"}}' .. (count > 0 and "," or "")
        .. table.concat(parts, ",") .. "}", oc.encode(value))
    end
  end)

  it("writes large objects within large objects", function()
    local value, text = {}, "{}"
    for level = 1, 150 do
      local outer, parts = {inner = value}, {'"inner":' .. text}
      for n = 1, 70 do
        outer[("k%02d"):format(n)] = level
        parts[n + 1] = ('"k%02d":%d'):format(n, level)
      end
      value, text = outer, "{" .. table.concat(parts, ",") .. "}"
    end
    assert.equal(text, oc.encode(value))
  end)

  it("knows a key by what it says, wherever it comes from", function()
    local value = {}
    for _, name in ipairs {"status", "id", "consentedCountries"} do value[(name .. "x"):sub(1, -2)] = 1 end
    assert.equal('{"id":1,"status":1,"consentedCountries":1}', oc.encode(value))
  end)

  it("goes on after an error as if there had been none", function()
    local text = oc.encode {id = "1", list = {1, 2, {3}}}
    for _ = 1, 3 do
      raises({id = "1", list = {1, 2, {a = {b = print}}}}, "function", "value.list[3].a.b")
      assert.equal(text, oc.encode {id = "1", list = {1, 2, {3}}})
    end
    assert.equal(200002, #oc.encode(("x"):rep(200000))) -- more than is kept for the next call
    assert.equal(text, oc.encode {id = "1", list = {1, 2, {3}}})
  end)

  it("may be called while it is at work, by a finalizer", function()
    if _VERSION == "Lua 5.1" then return end -- tables have none
    local inner, seen = {id = "inner", list = {("x"):rep(50)}}, {}
    local want = oc.encode(inner)
    local function waste()
      setmetatable({}, {__gc = function() seen[oc.encode(inner)] = true end})
    end
    local outer = {id = "outer"}
    for n = 1, 300 do outer["k" .. n] = ("value %d"):format(n):rep(20) end
    local text = oc.encode(outer)
    for _ = 1, 200 do
      waste()
      collectgarbage "step"
      assert.equal(text, oc.encode(outer))
    end
    collectgarbage() -- steps alone may not get round a large heap
    assert.same({[want] = true}, seen)
  end)

  it("runs no metamethod", function()
    local trap = setmetatable({a = 1}, {
      __index = function() error "touched" end, __len = function() error "touched" end,
      __pairs = function() error "touched" end, __tostring = function() error "touched" end})
    assert.equal('{"a":1}', oc.encode(trap))
  end)

  it("writes as deep as the decoder reads", function()
    local text = ("["):rep(1000) .. "1" .. ("]"):rep(1000)
    assert.equal(text, oc.encode(oc.decode(text, {max_depth = 1000})))
  end)

end)

describe("oc.encode raises for", function()
  it("lists with holes: oc.null is what stands for nothing", function()
    raises(oc.array {1, nil, 3}, "neither a list nor an object", "value")
    raises({1, nil, 3}, "neither a list nor an object", "value")
    assert.equal("[1,null,3]", oc.encode {1, oc.null, 3})
  end)

  it("what JSON has no word for, naming the place", function()
    raises({a = {b = {1, print}}}, "function", "value.a.b[2]")
    raises(io.stdout, "userdata", "value")
    raises({coroutine.create(function() end)}, "thread", "value[1]")
    raises({a = 0 / 0}, "NaN", "value.a")
  end)

  it("tables within themselves", function()
    local t = {}
    t.self = t
    raises(t, "nested too deep", "value.self.self")
    local list = {}
    list[1] = list
    raises(list, "nested too deep", "value[1][1]")
  end)

  it("tables that are neither list nor object", function()
    local mixed = "neither a list nor an object"
    raises({a = {1, x = 2}}, mixed, "value.a")
    raises({{[0] = 1}}, mixed, "value[1]")
    raises({[1.5] = 1}, mixed)
    raises({[true] = 1}, mixed)
    raises({1, nil, 3}, mixed)
    raises({[-1] = 1}, mixed)
    raises({[2] = 1}, mixed)
    local holes = {1, nil, 3}
    holes.x = 1 -- as many members as the list is long
    raises(holes, mixed)
  end)

  it("a marked list with other members, which would be lost", function()
    raises(oc.array {x = 1}, "neither a list nor an object")
    raises({a = oc.array {1, 2, n = 2}}, "neither a list nor an object", "value.a")
  end)

  it("text that is not UTF-8, in values and keys", function()
    for _, bad in ipairs {"\255", "a\128", "\195", "\195(", "\237\160\128", "\192\128", "\244\144\128\128"} do
      raises({a = bad}, "not UTF-8", "value.a")
      raises({[bad] = 1}, "not UTF-8", "value")
    end
  end)

  it("a place with odd keys, and says it all the same", function()
    raises({[""] = {["a.b"] = {["[1]"] = print}}}, "value..a.b[1]")
    raises({["a\0b"] = print}, "value")
  end)
end)

describe("lua-cjson", function()
  local cjson = require "cjson"

  it("writes our leads, and shares our null", function()
    local lead = oc.decode('{"id":"x","n":null,"list":[1,null],"empty":[],"o":{"a":1.5}}', {nulls = "null"})
    assert.equal(cjson.null, oc.null)
    local back = oc.decode(cjson.encode(lead), {nulls = "null"})
    assert.equal("x", back.id)
    assert.equal(oc.null, back.n)
    assert.same({1, oc.null}, back.list)
    assert.equal(1.5, back.o.a)
    -- lua-cjson before 2.1.0.9 has no mark for empty arrays, and writes {}
    assert.equal(cjson.empty_array_mt and "[]" or "{}", oc.encode(back.empty))
  end)

  it("writes every lead of the sample page as we do, but for the order", function()
    local text = tree.read "spec/fixtures/leads-sample.json"
    for _, lead in ipairs(oc.decode(text, {nulls = "null"})) do
      if cjson.empty_array_mt or not oc.encode(lead):find("[]", 1, true) then
        assert.equal(oc.encode(lead), oc.encode(oc.decode(cjson.encode(lead), {nulls = "null"})))
      end
    end
  end)

  it("reads what we write", function()
    local lead = oc.decode(tree.read "spec/fixtures/leads-sample.json", {nulls = "null"})[2]
    assert.same(lead, cjson.decode(oc.encode(lead)))
  end)
end)

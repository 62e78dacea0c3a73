-- oc.decoder and oc.decode: bytes in, leads out, held against the contract.

local oc = require "oc"
local tree = require "support.tree"

local HAS_INTEGERS = _VERSION >= "Lua 5.3"
local PIECES = {1, 2, 3, 7, 64, 4096}
local FFFD = "\239\191\189"

-- All leads of a body fed in pieces, or nil and the error.
local function leads(body, options, piece)
  local decoder, found = oc.decoder(options), {}
  piece = piece or math.max(#body, 1)
  for at = 1, #body, piece do
    local ok, err = decoder:feed(body:sub(at, at + piece - 1))
    if not ok then return nil, err, found end
    while true do
      local lead, fault = decoder:next()
      if fault then return nil, fault, found end
      if not lead then break end
      found[#found + 1] = lead
    end
  end
  local ok, err = decoder:finish()
  if not ok then return nil, err, found end
  return found
end

-- The field `v` of a lead that is this text.
local function field(text, options)
  local found, err = leads('[{"v":' .. text .. "}]", options)
  if not found then return nil, err end
  return found[1].v
end

local function refused(text, kind, offset)
  local value, err = oc.decode(text)
  assert.is_nil(value)
  assert.equal(kind, err.kind)
  assert.equal(offset, err.offset)
  return err
end

local function is_float(v) return not HAS_INTEGERS or rawget(math, "type")(v) == "float" end

describe("oc.decoder", function()
  it("gives leads one after the other, then nil", function()
    local decoder = oc.decoder()
    assert.is_true(decoder:feed '[{"a":1},{"a":')
    assert.same({a = 1}, decoder:next())
    assert.is_nil(decoder:next())
    assert.is_nil(decoder:next())
    assert.is_true(decoder:feed "2}]")
    assert.same({a = 2}, decoder:next())
    assert.is_nil(decoder:next())
    assert.is_true(decoder:finish())
    assert.is_true(decoder:finish())
  end)

  it("reads several at once", function()
    local decoder = oc.decoder()
    decoder:feed '[{"a":1},{"a":2},{"a":3},{"a"'
    assert.same({{a = 1}, {a = 2}}, decoder:read(2))
    assert.same({{a = 3}}, decoder:read())
    assert.same({}, decoder:read())
    assert.equal("[]", oc.encode(decoder:read()))
    decoder:feed ":4}]"
    assert.same({{a = 4}}, decoder:read(math.huge))
    assert.has_error(function() decoder:read(0) end)
  end)

  it("hands out what came before a fault, and the fault then", function()
    local decoder = oc.decoder()
    decoder:feed '[{"a":1},x'
    assert.same({{a = 1}}, decoder:read())
    local found, err = decoder:read()
    assert.is_nil(found)
    assert.equal("json", err.kind)
  end)

  it("will not finish while leads are waiting", function()
    local decoder = oc.decoder()
    decoder:feed '[{"a":1}]'
    assert.has_error(function() decoder:finish() end, "finish: leads are waiting; call next until it gives nil")
    assert.same({a = 1}, decoder:next())
    assert.is_true(decoder:finish())
  end)

  it("sticks to its first fault", function()
    local decoder = oc.decoder()
    decoder:feed "[x"
    local _, first = decoder:next()
    for _, call in ipairs {"next", "finish", "read"} do
      local value, err = decoder[call](decoder)
      assert.is_nil(value)
      assert.equal(first.message, err.message)
    end
    local fed, err = decoder:feed "]"
    assert.is_nil(fed)
    assert.equal(first.message, err.message)
  end)

  it("starts anew when reset, whatever happened", function()
    local decoder = oc.decoder {nulls = "null"}
    for _, before in ipairs {"[x", '[{"a":[1,"', '{"error":1', '[{"b":1}]', "\239\187", ""} do
      decoder:feed(before)
      decoder:next()
      decoder:reset()
      assert.is_true(decoder:feed '[{"a":null}]')
      assert.same({a = oc.null}, decoder:next())
      assert.is_nil(decoder:next())
      assert.is_true(decoder:finish())
      decoder:reset()
    end
  end)

  it("is the same to an empty feed as to none", function()
    local decoder = oc.decoder()
    decoder:feed ""
    assert.is_nil(decoder:next())
    decoder:feed "[]"
    decoder:feed ""
    assert.is_nil(decoder:next())
    assert.is_true(decoder:finish())
  end)

  it("raises for what it is not given rightly", function()
    assert.has_error(function() oc.decoder {max_depth = 0} end)
    assert.has_error(function() oc.decoder {max_depth = 1001} end)
    assert.has_error(function() oc.decoder {max_depth = "64"} end)
    assert.has_error(function() oc.decoder {nulls = "none"} end)
    assert.has_error(function() oc.decoder {max_lead_bytes = 0} end)
    assert.has_error(function() oc.decoder {colour = "red"} end)
    assert.has_error(function() oc.decoder(1) end)
    assert.has_error(function() oc.decoder():feed() end)
    assert.has_error(function() oc.decoder().feed({}, "x") end)
    assert.has_error(function() oc.decode(1) end)
    assert.has_error(function() oc.decode() end)
  end)
end)

describe("the shape of a page", function()
  local a = {{a = 1}, {a = 2}}

  it("may be a list, pages within a list, or an envelope", function()
    assert.same(a, leads '[{"a":1},{"a":2}]')
    assert.same(a, leads '[[{"a":1}],[],[{"a":2}]]')
    for _, name in ipairs {"data", "items", "value"} do
      assert.same(a, leads('{"' .. name .. '":[{"a":1},{"a":2}]}'))
      assert.same(a, leads('{"n":[1,{"data":[]}],"' .. name .. '":[[{"a":1}],[{"a":2}]],"next":null}'))
    end
    assert.same({}, leads "[]")
    assert.same({}, leads " [ [ ] ] ")
    assert.same({}, leads '{"value":[]}')
  end)

  it("is no other", function()
    for _, body in ipairs {"{}", '{"a":1}', "null", "7", '"x"', "[1]", '["x"]', "[[[]]]", "[{},null]",
      '{"data":{}}', '{"data":[],"value":[]}', '{"error":"x"}', '{"error":{"code":1},"data":[]}',
      '{"data":[],"errors":["x"]}'} do
      local found, err = leads(body)
      assert.is_nil(found, body)
      assert.equal("shape", err.kind, body)
      assert.equal("number", type(err.offset))
    end
  end)

  it("is refused as JSON when it is none", function()
    local rows = {{"[[{]", 3}, {"[{}]]", 4}, {"[{}}", 3}, {"[{}] x", 5}, {"[{}][{}]", 4}, {"<html>", 0}, {"[{},]", 4}}
    for _, row in ipairs(rows) do
      local found, err = leads(row[1])
      assert.is_nil(found)
      assert.equal("json", err.kind, row[1])
      assert.equal(row[2], err.offset, row[1])
      assert.is_nil(err.cut)
    end
    assert.matches("HTML", select(2, leads "  <!DOCTYPE html>").message)
  end)

  it("is cut when the body ends early", function()
    for _, body in ipairs {"", " ", "[", "[{}", "[[{}]", '[{"a":1', '{"data":[]', "\239\187\191"} do
      local found, err = leads(body)
      assert.is_nil(found)
      assert.equal("json", err.kind)
      assert.is_true(err.cut)
      assert.equal(#body, err.offset)
    end
    assert.matches("empty", select(2, leads "").message)
  end)
end)

describe("however a body is cut, the decoder", function()
  local sample = tree.read "spec/fixtures/leads-sample.json"

  it("gives the same leads of the sample page", function()
    local whole = oc.encode(leads(sample, {nulls = "null"}))
    for _, piece in ipairs(PIECES) do
      assert.equal(whole, oc.encode(leads(sample, {nulls = "null"}, piece)))
    end
  end)

  it("fails at the same place with the same words", function()
    for _, body in ipairs {'[{"a":nul}]', '[{"a":"\\ud83x"}]', '[{"a":"\195("}]', '[{"a":01}]', '[{"a":1}{',
      "[{}] x", '{"data":[{}]', '[{"a":"\\', '[{"a":-', "\239\187[", '[{"a":"\237\160\128"}]', '{"a":1}'} do
      local _, whole, before = leads(body)
      for _, piece in ipairs(PIECES) do
        local _, err, found = leads(body, nil, piece)
        assert.equal(whole.message, err.message)
        assert.equal(whole.offset, err.offset)
        assert.equal(whole.kind, err.kind)
        assert.same(before, found)
      end
    end
  end)
end)

describe("text", function()
  it("keeps what it stands for", function()
    assert.equal('\8\12\10\13\9"\\/', field [["\b\f\n\r\t\"\\\/"]])
    assert.equal("a\0b", field [["a\u0000b"]])
    assert.equal("\195\169\226\130\172", field [["\u00e9\u20AC"]])
    assert.equal("\240\157\132\158", field [["\uD834\uDD1E"]])
    assert.equal("\240\157\132\158", field '"\240\157\132\158"')
    assert.equal("", field '""')
    assert.equal(("x"):rep(100000), field('"' .. ("x"):rep(100000) .. '"'))
    assert.equal(("\n"):rep(10000), field('"' .. ("\\n"):rep(10000) .. '"'))
  end)

  it("has U+FFFD for half a surrogate pair", function()
    assert.equal(FFFD, field [["\uD834"]])
    assert.equal(FFFD .. FFFD, field [["\uDD1E\uD834"]])
    assert.equal(FFFD .. "\240\157\132\158", field [["\uD834\uD834\uDD1E"]])
    assert.same({[FFFD] = 1}, field [[{"\uD834":1}]])
  end)

  it("is UTF-8 or refused, at the first bad byte", function()
    for _, bad in ipairs {"\128", "\192\175", "\224\128\128", "\237\160\128", "\244\144\128\128",
      "\248\136\128\128\128", "\255", "\195", "\226\130", "\240\157\132"} do
      assert.equal(6, refused('{"a":"' .. bad .. '"}', "json", 6).offset)
      refused('{"' .. bad .. '":1}', "json", 2)
    end
  end)

  it("has no control characters and no other escapes", function()
    for code = 0, 31 do refused('["' .. string.char(code) .. '"]', "json", 2) end
    assert.same({"\127"}, oc.decode '["\127"]')
    for _, bad in ipairs {"\\x", "\\u12", "\\u12G4", "\\'", "\\U0041", "\\\n", "\\0"} do
      refused('["' .. bad .. '"]', "json", 2)
    end
  end)

  it("may have a byte order mark before it, once", function()
    assert.same({1}, oc.decode "\239\187\191[1]")
    refused("\239\187\191\239\187\191[1]", "json", 3)
    refused(" \239\187\191[1]", "json", 1)
    assert.same({{}}, leads("\239\187\191[{}]", nil, 1))
  end)
end)

describe("keys with escapes", function()
  it("are not taken for others that look alike without", function()
    assert.same({{["a\\"] = 1}, {['a"b'] = 1}}, oc.decode [[ [{"a\\":1},{"a\"b":1}] ]])
    refused('[{"a\\nb":1},{"a\nb":1}]', "json", 15)
  end)
end)

describe("the last of duplicate keys", function()
  it("wins", function()
    assert.same({a = 2}, oc.decode '{"a":1,"a":2}')
    assert.same({a = {b = 2}}, oc.decode '{"a":{"x":1},"a":{"b":1,"b":2}}')
    assert.same({a = 3}, oc.decode [[{"a":1,"\u0061":2,"a":3}]])
    assert.same({a = 2}, oc.decode [[{"\u0061":1,"\u0061":2}]])
    assert.same({a = 2, b = 1}, oc.decode '{"a":1,"b":1,"a":2}')
  end)

  it("wins when it is null, too", function()
    assert.same({}, oc.decode '{"a":1,"a":null}')
    assert.same({a = 2}, oc.decode '{"a":1,"a":null,"a":2}')
    assert.same({a = 1}, oc.decode '{"a":null,"a":1}')
    assert.same({a = oc.null}, oc.decode('{"a":1,"a":null}', {nulls = "null"}))
  end)

  it("wins in lead after lead", function()
    local body = ('{"a":1,"b":{"c":1,"c":null},"a":null,"a":3},'):rep(20)
    for _, lead in ipairs(leads("[" .. body .. "{}]")) do
      if next(lead) then assert.same({a = 3, b = {}}, lead) end
    end
  end)

  it("wins among keys too many or too long to be learned", function()
    local members, want = {}, {}
    for i = 1, 6000 do
      members[i], want["k" .. i] = ('"k%d":%d'):format(i, i), i
    end
    local long = ("k"):rep(200)
    members[6001], want[long] = '"' .. long .. '":1,"' .. long .. '":2', 2
    members[6002], want.k5999 = '"k5999":null', nil
    members[6003], want.k1 = [["\u006b1":"one"]], "one"
    members[6004], want.k6000 = [["\u006b6000":"last"]], "last"
    local text = "{" .. table.concat(members, ",") .. "}"
    assert.same(want, oc.decode(text))
    assert.same({want, want}, leads("[" .. text .. "," .. text .. "]", nil, 1000))
  end)
end)

describe("a number", function()
  it("is an integer where it is one", function()
    for _, text in ipairs {"0", "7", "-7", "9007199254740992", "-9007199254740992"} do
      assert.equal(text, ("%.0f"):format(field(text)))
      if HAS_INTEGERS then assert.is_false(is_float(field(text))) end
    end
  end)

  it("is exact to the last digit, or a float beyond 2^63", function()
    if not HAS_INTEGERS then return end
    for _, text in ipairs {"9007199254740993", "9223372036854775807", "-9223372036854775807",
      "-9223372036854775808"} do
      assert.equal(text, tostring(field(text)))
    end
    for _, text in ipairs {"9223372036854775808", "-9223372036854775809", "18446744073709551616"} do
      assert.is_true(is_float(field(text)))
      assert.equal(tonumber(text .. ".0"), field(text))
    end
  end)

  it("is a string beyond 2^53 where there are no integers", function()
    if HAS_INTEGERS then return end
    for _, text in ipairs {"9007199254740993", "-9007199254740993", "9007199254740994", "9223372036854775807",
      "123456789012345678901234567890"} do
      assert.equal(text, field(text))
    end
    assert.equal(2 ^ 60, field "1152921504606846976.0")
  end)

  it("is a float with a fraction or an exponent", function()
    local rows = {{"0.1", 0.1}, {"1.0", 1}, {"1e2", 100}, {"-2.5E-1", -0.25}, {"5e-324", 5e-324}, {"1e-400", 0},
      {"1e400", math.huge}, {"-1e400", -math.huge}, {"123456789.123456789", 123456789.123456789}}
    for _, row in ipairs(rows) do
      assert.equal(row[2], field(row[1]))
      assert.is_true(is_float(field(row[1])))
    end
  end)

  it("keeps the sign of zero", function()
    assert.equal(-math.huge, 1 / field "-0")
    assert.equal(-math.huge, 1 / field "-0.0")
    assert.equal(math.huge, 1 / field "0")
  end)

  it("may have any number of digits", function()
    assert.equal(1, field("0." .. ("9"):rep(1000)))
    assert.equal(math.huge, field(("9"):rep(1000) .. ".5"))
    assert.equal(1e20, field("1" .. ("0"):rep(20) .. "." .. ("0"):rep(500)))
  end)

  it("is no other text", function()
    for _, bad in ipairs {"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "1,5",
      "1 2", "--1", "1.2.3", "1e5.5"} do
      local value, err = field(bad)
      assert.is_nil(value)
      assert.equal("json", err.kind, bad)
    end
  end)

  it("stands by itself as a document", function()
    assert.equal(12, oc.decode "12")
    assert.equal(-0.5, oc.decode " -0.5 ")
    refused("-", "json", 1)
    refused("1.", "json", 2)
    refused("1 2", "json", 2)
  end)

  it("is read and written alike under a locale with another decimal point", function()
    local folder = os.tmpname()
    os.remove(folder)
    local made = os.execute(("mkdir %s && LD_PRELOAD= localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1")
      :format(folder, folder))
    if made ~= true and made ~= 0 then
      os.execute("rm -rf " .. folder)
      return pending "no locale with a decimal comma can be made here"
    end
    local program = [[
      local oc = require "oc"
      assert(os.setlocale("de_DE.UTF-8"))
      assert(rawget(_G, "jit") or not tostring(0.5):find(".", 1, true)) -- LuaJIT writes numbers by itself
      local text = "[0.5,-12345678901234567890.5,1.5e-7,1234567890123456789.25,1e+300]"
      io.write(oc.encode(assert(oc.decode(text))))]]
    local file = assert(io.open(folder .. "/program.lua", "w"))
    file:write(program)
    file:close()
    -- ASAN_OPTIONS: what is found leaked there is glibc's own
    local child = io.popen(("ASAN_OPTIONS=detect_leaks=0 LOCPATH=%s %s %s/program.lua 2>&1")
      :format(folder, arg[-1] or "lua5.4", folder))
    local said = child:read "*a"
    child:close()
    os.execute("rm -rf " .. folder)
    assert.equal("[0.5,-1.2345678901234567e+19,1.5e-07,1.2345678901234568e+18,1e+300]", said)
  end)
end)

describe("a null", function()
  it("is absent, unless oc.null is asked for", function()
    assert.same({b = 1}, oc.decode '{"a":null,"b":1,"c":null}')
    assert.same({a = oc.null, b = 1}, oc.decode('{"a":null,"b":1}', {nulls = "null"}))
    assert.is_true(oc.null ~= nil)
    assert.equal("userdata", type(oc.null))
  end)

  it("stays in its place within a list", function()
    assert.same({1, oc.null, 3}, oc.decode "[1,null,3]")
    assert.same({oc.null}, oc.decode "[null]")
    assert.same({{}, {a = {oc.null}}}, oc.decode '[{"b":null},{"a":[null]}]')
  end)
end)

describe("a list", function()
  local function is_array(t) return getmetatable(t) == getmetatable(oc.array()) end

  it("that is empty is told from an empty object", function()
    local value = oc.decode '{"list":[],"object":{},"full":[1],"deep":[[],{}]}'
    assert.is_true(is_array(value.list))
    assert.is_false(is_array(value.object))
    assert.is_true(is_array(value.deep[1]))
    assert.is_nil(getmetatable(value.deep[2]))
    assert.equal("[]", oc.encode(oc.decode "[]"))
    assert.equal("{}", oc.encode(oc.decode "{}"))
  end)
end)

describe("a ceiling", function()
  local function limit(body, options, offset)
    for _, piece in ipairs {#body, 1, 7} do
      local _, err = leads(body, options, piece)
      assert.is_table(err)
      assert.equal("limit", err.kind)
      assert.equal(offset, err.offset)
    end
  end

  it("on depth counts what is nested within a lead", function()
    local function nested(n) return '[{"a":' .. ("["):rep(n - 1) .. ("]"):rep(n - 1) .. "}]" end
    assert.equal(1, #leads(nested(64)))
    limit(nested(65), nil, 6 + 63)
    assert.equal(1, #leads(nested(3), {max_depth = 3}))
    limit(nested(4), {max_depth = 3}, 8)
    assert.equal(1, #leads(nested(1000), {max_depth = 1000}))
    limit('[{"a":{}}]', {max_depth = 1}, 6)
  end)

  it("on a lead's size holds to the byte", function()
    local lead = '{"a":"' .. ("x"):rep(100) .. '"}'
    local body = "[" .. lead .. "," .. lead .. "]"
    for _, piece in ipairs {#body, 1, 7} do
      assert.equal(2, #leads(body, {max_lead_bytes = #lead}, piece))
    end
    limit(body, {max_lead_bytes = #lead - 1}, 1)
    assert.equal(8388600, #leads('[{"a":"' .. ("x"):rep(8388600) .. '"}]')[1].a)
    assert.equal("limit", select(2, leads('[{"a":"' .. ("x"):rep(8388601) .. '"}]')).kind)
  end)

  it("on a body's size holds to the byte", function()
    local body = '[{"a":1}] '
    for _, piece in ipairs {#body, 1, 7} do
      assert.equal(1, #leads(body, {max_body_bytes = #body}, piece))
    end
    limit(body, {max_body_bytes = #body - 1}, #body - 1)
    assert.same({1}, oc.decode("[1]", {max_body_bytes = 3}))
    assert.equal(12, oc.decode("12", {max_body_bytes = 2, max_lead_bytes = 2}))
  end)

  it("is told before the shape", function()
    local _, err = leads('[[[{"a":[]}]]]', {max_depth = 2})
    assert.equal("limit", err.kind)
  end)
end)

describe("oc.decode", function()
  it("reads any one document", function()
    assert.same({a = {1, 2}}, oc.decode ' {"a":[1,2]} ')
    assert.equal("x", oc.decode '"x"')
    assert.is_true(oc.decode "true")
    assert.is_false(oc.decode "false")
    assert.equal(oc.null, oc.decode "null")
    assert.same({error = 1}, oc.decode '{"error":1}')
  end)

  it("tells faults with the offset within the text", function()
    assert.equal("the body is empty, at byte 0", refused("", "json", 0).message)
    assert.is_true(refused("[1", "json", 2).cut)
    assert.equal("json", refused("[1]]", "json", 3).kind)
    assert.is_true(oc.is_error(refused("nul", "json", 3)))
  end)

  it("leaves nothing behind that the collector cannot take", function()
    local weak = setmetatable({}, {__mode = "k"})
    for _ = 1, 100 do
      local decoder = oc.decoder()
      decoder:feed '[{"a":[1,2,'
      decoder:next()
      weak[decoder] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)
end)

-- Random documents, each with the value that it stands for, so that no other parser is needed to judge.
describe("random documents", function()
  local seed = tonumber(os.getenv "OC_SEED") or os.time() % 1000000 + 1
  local state = seed

  local function random(n)  -- 1 to n; the same on every Lua
    state = (state * 16807) % 2147483647
    return state % n + 1
  end

  local function pick(list) return list[random(#list)] end

  local function space() return random(4) == 1 and pick {" ", "\n", "\t", "\r\n", "  "} or "" end

  -- Spellings of one character each, and what they are.
  local CHARACTERS = {{"a", "a"}, {"Z", "Z"}, {" ", " "}, {"\\n", "\n"}, {"\\u0000", "\0"}, {"\195\169", "\195\169"},
    {"\\u00e9", "\195\169"}, {"\\\"", '"'}, {"\\\\", "\\"}, {"\\/", "/"}, {"\226\130\172", "\226\130\172"},
    {"\\uD834\\uDD1E", "\240\157\132\158"}, {"\\uDD1E", FFFD}, {"\\u0061", "a"}, {"{", "{"}, {"]", "]"}}

  local function text()
    local source, value = {'"'}, {}
    for i = 1, random(12) - 1 do
      local character = pick(CHARACTERS)
      source[i + 1], value[i] = character[1], character[2]
    end
    return table.concat(source) .. '"', table.concat(value)
  end

  local KEYS = {"id", "status", "a", "b", "c", "civicAddresses", "", "x y"}

  local function key()
    if random(3) == 1 then return text() end
    local k = pick(KEYS)
    return '"' .. k .. '"', k
  end

  local function number()
    local kind = random(4)
    if kind == 1 then
      local n = random(2147483646) - 1073741823
      return ("%d"):format(n), n
    elseif kind == 2 then
      local n = (random(2000001) - 1000001) / pick {8, 10, 1000, 3}
      local source = ("%.17g"):format(n)
      if not source:find "[.e]" then source = source .. ".0" end
      return source, n + 0.0
    end
    local source = ("%d.%de%d"):format(random(9), random(999999), random(40) - 20)
    return source, tonumber(source)
  end

  local value

  local function object(depth, nulls)
    local source, t = {}, {}
    for i = 1, random(6) - 1 do
      local k_source, k = key()
      local v_source, v = value(depth + 1, nulls)
      source[i] = space() .. k_source .. space() .. ":" .. v_source
      if v == oc.null and nulls == "nil" then v = nil end
      t[k] = v
    end
    return "{" .. table.concat(source, ",") .. space() .. "}", t
  end

  local function list(depth, nulls)
    local source, t = {}, oc.array()
    for i = 1, random(6) - 1 do source[i], t[i] = value(depth + 1, nulls) end
    return "[" .. table.concat(source, ",") .. space() .. "]", t
  end

  function value(depth, nulls)
    local kind = random(depth > 5 and 5 or 8)
    local source, v
    if kind == 1 then source, v = "null", oc.null
    elseif kind == 2 then source, v = "true", true
    elseif kind == 3 then source, v = "false", false
    elseif kind == 4 then source, v = number()
    elseif kind == 5 then source, v = text()
    elseif kind == 6 then source, v = list(depth, nulls)
    else source, v = object(depth, nulls) end
    return space() .. source .. space(), v
  end

  -- Equal in every value, in integer or float, and in list or object where empty.
  local function equal(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
      return a == b and type(a) == type(b) and (type(a) ~= "number" or is_float(a) == is_float(b))
    end
    for k, v in pairs(a) do if not equal(v, b[k]) then return false end end
    for k in pairs(b) do if a[k] == nil then return false end end
    return next(a) ~= nil or getmetatable(a) == getmetatable(b)
  end

  local function where(source) return ("OC_SEED=%d: %s"):format(seed, source) end

  it("are what they stand for", function()
    for _ = 1, 3000 do
      local nulls = pick {"nil", "null"}
      local source, want = value(1, nulls)
      local got, err = oc.decode(source, {nulls = nulls})
      assert.is_nil(err, where(source))
      assert.is_true(equal(want, got), where(source))
    end
  end)

  it("are the same in pieces, with keys learned or not", function()
    local decoder = oc.decoder {nulls = "null"}
    for _ = 1, 300 do
      local body, want = {}, {}
      for i = 1, random(8) do body[i], want[i] = object(1, "null") end
      local source = "[" .. table.concat(body, ",") .. "]"
      local at, got = 1, {}
      while at <= #source do
        local n = random(40)
        assert.is_true(decoder:feed(source:sub(at, at + n - 1)), where(source))
        local some, err = decoder:read()
        assert.is_nil(err, where(source))
        for _, lead in ipairs(some) do got[#got + 1] = lead end
        at = at + n
      end
      assert.is_true(decoder:finish(), where(source))
      assert.is_true(equal(want, got), where(source))
      decoder:reset()
    end
  end)

  it("are written and read back the same", function()
    for _ = 1, 1000 do
      local source, want = value(1, "null")
      local written = oc.encode(want)
      local back = oc.decode(written, {nulls = "null"})
      assert.is_true(equal(want, back), where(source))
      assert.equal(written, oc.encode(back), where(source))
      assert.equal(written, oc.encode(oc.decode(source, {nulls = "null"})), where(source))
    end
  end)

  it("that are damaged are read or refused, but alike in pieces", function()
    for _ = 1, 1000 do
      local source = object(1, "null")
      local at = random(#source)
      local body = "[" .. source:sub(1, at - 1) .. pick {"", "x", '"', "\\", "}", "]", ",", "\0", "\255", "1"}
        .. source:sub(at + 1) .. "]"
      local whole, err = leads(body, {nulls = "null"})
      local pieces, piece_err = leads(body, {nulls = "null"}, random(5))
      assert.equal(err and err.message, piece_err and piece_err.message, where(body))
      if whole then assert.is_true(equal(whole, pieces), where(body)) end
    end
  end)
end)

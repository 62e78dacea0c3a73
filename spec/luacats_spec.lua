-- The reader of LuaCATS comments, which two specs rely on: what it reads, and that it finds fault.

local luacats = require "support.luacats"
local types = require "support.luacats_type"

local defs = luacats.read({"a.lua"}, function()
  return [[
--- A thing.
---@class oc.Thing
---@field name string   what it is called
---@field size? integer
--- described above
---@field kind "small"|"large"|nil
local Thing = {}

---@class oc.Open: oc.Thing
---@field [string] any

---@class oc.Core: userdata

---@alias oc.Word
---| "yes"   # agreed
---| "no"

--- Joins.
---@param first string
---@param more? oc.Thing[]
---@return string|nil joined, oc.Word|nil word
function Thing:join(first, more) return first, more end

---@class oc.Wrong
---@field name string   beside
--- above
---@field other string   and beside
---@field name string
---@field
---@field bad fun(
--- of nobody

---@nonsense
local x = 1
]]
end)

local function fault(text, value)
  return types.fault(assert(types.parse(text)), value, defs, "it")
end

describe("the reader of LuaCATS comments", function()
  it("reads classes, fields, aliases and functions", function()
    local thing = defs.classes["oc.Thing"]
    assert.same({"name", "size", "kind"}, thing.order)
    assert.same("what it is called", thing.fields.name.description)
    assert.same("described above", thing.fields.kind.description)
    assert.is_true(thing.fields.size.optional)
    local join = thing.methods.join
    assert.is_true(join.method)
    assert.same({"first", "more"}, join.params)
    assert.same("more", join.doc.params[2].name)
    assert.is_true(join.doc.params[2].optional)
    assert.equal(2, #join.doc.returns)
    assert.is_true(defs.classes["oc.Open"].open)
    assert.is_true(defs.classes["oc.Core"].userdata)
  end)

  it("tells what it cannot read, with the line", function()
    assert.same({
      "a.lua:27: other is described above and beside it",
      "a.lua:28: name is defined twice",
      "a.lua:29: no name: ",
      "a.lua:30: [%a_.][%w_.]* expected at \"\"",
      "a.lua:31: a text behind the last field of oc.Wrong belongs to none",
      "a.lua:33: no tag @nonsense",
    }, defs.faults)
  end)

  it("knows whether a value is of a type", function()
    for _, case in ipairs {
      {"integer", 1}, {"number", 1.5}, {"string|nil", nil}, {"string?", nil}, {"string[]", {"a"}}, {"any", false},
      {"table<string, integer>", {a = 1}}, {"{a: string, b?: integer}", {a = "x"}}, {"oc.Word", "yes"},
      {"fun(a: string, ...): integer|nil, string", print}, {"(string|integer)[]", {"a", 1}}, {"{[1]: string}", {"a"}},
      {"oc.Thing", {name = "n", size = 2, kind = "small"}}, {"oc.Open", {name = "n", other = 1}},
      {"true|\"close\"", true}, {"oc.Thing[]|string", {{name = "n"}}}, {"fun()|false", false},
    } do
      assert.is_nil(fault(case[1], case[2]), case[1])
    end
  end)

  it("knows when it is not", function()
    for _, case in ipairs {
      {"integer", 1.5}, {"number", "1"}, {"string", nil}, {"string[]", {1}}, {"string[]", {a = "x"}},
      {"string[]", {[3] = "x"}}, {"table<string, integer>", {a = "x"}}, {"table<string, integer>", {1}},
      {"{a: string}", {}}, {"{a: string}", {a = "x", b = 1}}, {"oc.Word", "perhaps"}, {"fun()", {}},
      {"{[1]: string}", {1}}, {"oc.Thing", {}}, {"oc.Thing", {name = 1}}, {"oc.Thing", {name = "n", size = "2"}},
      {"oc.Thing", {name = "n", more = 1}}, {"oc.Thing", "n"}, {"oc.Open", {other = 1}}, {"oc.Core", {}},
      {"oc.Core", require("oc").null}, {"true|\"close\"", false}, {"oc.Thing[]", {{name = 1}}},
    } do
      assert.is_string(fault(case[1], case[2]), case[1])
    end
    defs.strict = true
    assert.is_string(fault("oc.Open", {name = "n", other = 1}))
  end)

  it("remembers which fields were there", function()
    fault("oc.Thing", {name = "n", size = 1})
    local fresh = luacats.read({}, nil)
    fresh.classes["oc.Thing"] = defs.classes["oc.Thing"]
    types.fault(assert(types.parse "oc.Thing"), {name = "n"}, fresh, "it")
    assert.same({"kind", "size"}, fresh:unseen "oc.Thing")
  end)

  it("refuses what is no type", function()
    for _, text in ipairs {"", "|", "fun(", "{a: }", "table<string", "string[", "(string"} do
      local made, behind = types.parse(text)
      assert.is_true(made == nil or behind <= #text, text)
    end
  end)
end)

-- The page about the audit is run: its table of rules is the code's, its commands print what it says, and its rules
-- file is the example's.

local audit = require "oc.civic.audit"
local command_line = require "support.command"
local oc = require "oc"
local rules = require "oc.civic.rules"
local process = require "support.process"
local postcodes = require "oc.civic.postcodes"
local doc = require "support.doc"
local tree = require "support.tree"

local PATH = "docs/AUDIT.md"
local SAMPLE = "spec/fixtures/leads-sample.json"

-- What stands between <!-- name --> and <!-- end -->.
local function section(name)
  return assert(tree.read(PATH):match("<!%-%- " .. name .. " %-%->\n\n(.-)\n\n<!%-%- end %-%->"), name)
end

-- The fenced blocks: {language, text}.
local function blocks()
  local list = {}
  for language, text in tree.read(PATH):gmatch "\n```(%l+)\n(.-\n)```\n" do
    list[#list + 1] = {language = language, text = text}
  end
  return list
end

local function rule_table()
  local lines = {"| rule | severity | of | what |", "|---|---|---|---|"}
  for i, rule in ipairs(rules.builtin) do
    lines[i + 2] = ("| `%s` | %s | %s | %s |"):format(rule.id, rule.severity, rule.of, rule.text)
  end
  return table.concat(lines, "\n")
end

local function printed(code)
  return doc.printed(PATH, code, {leads = assert(oc.decode(tree.read(SAMPLE)))})
end

describe("the page about the audit", function()
  it("has the table of rules", function()
    local made = rule_table()
    assert(section "audit rules" == made, ("%s, <!-- audit rules -->: is to be\n\n%s\n"):format(PATH, made))
  end)

  it("has every field of a rule", function()
    local documented = {}
    for name in section("rule fields"):gmatch "\n| `([%w_]+)`" do documented[name] = true end
    local class = tree.read("lua/oc/civic/rules.lua"):match "%-%-%-@class oc.civic.Rule\n(.-)\n\n"
    local fields = {}
    for name in class:gmatch "@field ([%w_]+)" do fields[name] = true end
    assert.same(fields, documented)
  end)

  local list = blocks()
  for i, block in ipairs(list) do
    if block.language == "sh" then
      it("prints as it says: " .. block.text:match "[^\n]+", function()
        local place = command_line.place()
        local words = block.text:match "^oc%-leads (.-)\n$"
        local code, out = place:run(words, "unset COLUMNS; cd " .. process.quote(command_line.root) .. ";")
        place:remove()
        assert.equal(0, code)
        assert.equal("text", list[i + 1].language)
        assert.equal(list[i + 1].text, out)
      end)
    elseif block.language == "lua" and list[i + 1].language == "text" then
      it("prints as it says, block " .. i, function() assert.equal(list[i + 1].text, printed(block.text)) end)
    elseif block.language == "lua" then
      it("has the example, block " .. i, function()
        assert.equal(tree.read "examples/rules_of_my_own.lua", block.text)
      end)
    end
  end

  it("counts what it counts", function()
    local n, findings = 0, 0
    for code in tree.read("lua/oc/civic/postcodes.lua"):match("local SHAPES = (%b{})"):gmatch "%f[%w](%u%u) = " do
      if postcodes.shapes(code) then n = n + 1 end
    end
    assert.is_truthy(tree.read(PATH):find(n .. " countries that have them", 1, true), n .. " countries have them")
    for _, lead in ipairs(oc.decode(tree.read(SAMPLE))) do findings = findings + #audit(lead) end
    assert.is_truthy(tree.read(PATH):find("10 leads, " .. findings .. " findings", 1, true))
  end)
end)

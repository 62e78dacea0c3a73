-- docs/REPORTS.md is run: its programs over the sample leads, for what they print; its tables are the code's.

local command_line = require "support.command"
local oc = require "oc"
local doc = require "support.doc"
local tree = require "support.tree"

local PATH = "docs/REPORTS.md"
local SAMPLE = "spec/fixtures/leads-sample.json"
local NOW = 1680307200 -- 2023-04-01, as the page says

local function section(name)
  return assert(tree.read(PATH):match("<!%-%- " .. name .. " %-%->\n\n(.-)\n?\n<!%-%- end %-%->"), name)
end

local function blocks()
  local list = {}
  -- What is said of two fetches is spec/diff_doc_spec.lua's.
  local whole = tree.read(PATH):match "^(.-)\n## Changes between two fetches\n"
  for language, text in whole:gmatch "\n```(%l*)\n(.-\n)```\n" do
    list[#list + 1] = {language = language, text = text}
  end
  return list
end

-- What a piece of Lua prints; it is given the sample as `leads`, and the time as `now`.
local function printed(code)
  return doc.printed(PATH, code, {leads = assert(oc.decode(tree.read(SAMPLE))), now = NOW})
end

local function fields_of(class)
  local text = tree.read("lua/oc/report/engine.lua"):match("%-%-%-@class " .. class .. "\n(.-)\n\n")
  local names = {}
  for name in text:gmatch "@field ([%w_]+)" do names[name] = true end
  return names
end

local function named(text)
  local names = {}
  for name in text:gmatch "\n| `([%w_]+)` |" do names[name] = true end
  return names
end

describe("docs/REPORTS.md", function()
  it("has the table of reports", function()
    local lines = {"| report | what |", "|---|---|"}
    for i, name in ipairs(oc.report.names) do
      local definition, options = oc.report.get(name), {}
      for option, value in pairs(definition.options or {}) do
        options[#options + 1] = ("`%s`, %s"):format(option, value)
      end
      table.sort(options)
      lines[i + 2] = ("| `%s` | %s%s |"):format(name, definition.help,
        #options > 0 and "; options: " .. table.concat(options, "; ") or "")
    end
    local made = table.concat(lines, "\n")
    assert(section "reports" == made, ("%s, <!-- reports -->: is to be\n\n%s\n"):format(PATH, made))
  end)

  it("has every field of definitions and columns", function()
    assert.same(fields_of "oc.report.Definition", named("\n" .. section "definition"))
    assert.same(fields_of "oc.report.Column", named("\n" .. section "column"))
  end)

  it("has commands that print what it says", function()
    local place, list, run = command_line.place(), blocks(), 0
    local file = assert(io.open(place.folder .. "/leads.json", "w"))
    file:write(tree.read(SAMPLE))
    file:close()
    for i, block in ipairs(list) do
      if block.language == "sh" then
        run = run + 1
        local code, out, err = place:run(assert(block.text:match "^oc%-leads (.*)\n$"))
        assert.equal(0, code, err)
        local expected = list[i + 1] and list[i + 1].language == "text" and list[i + 1].text or ""
        for line in expected:gmatch "[^\n]+" do
          assert.is_truthy(line == "..." or ("\n" .. out):find("\n" .. line .. "\n", 1, true), line .. " in\n" .. out)
        end
      end
    end
    assert.equal(2, run)
    assert.matches("^<!DOCTYPE html>", command_line.read_file(place.folder .. "/coverage.html"))
    place:remove()
  end)

  it("prints what it says", function()
    local list, run = blocks(), 0
    for i, block in ipairs(list) do
      if block.language == "lua" then
        run = run + 1
        assert.equal(list[i + 1].text, (printed(block.text):gsub("0%.7000*%d*", "0.7"):gsub("0%.3000*%d*", "0.3")))
      end
    end
    assert.is_true(run >= 3)
  end)
end)

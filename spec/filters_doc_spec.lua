-- docs/FILTERS.md is run: each row of its tables over the sample leads, each block of
-- Lua for what it prints, each fault for its words.

local oc = require "oc"
local core = require "oc.core"
local doc = require "support.doc"
local tree = require "support.tree"

local PATH = "docs/FILTERS.md"
local SAMPLE = tree.read "spec/fixtures/leads-sample.json"
local NOW = 1680307200 -- 2023-04-01, as the page says

-- Which of the sample's leads an expression selects, by their places: "2 4", "none".
local function scanned(expression)
  local places = {}
  for i, lead in ipairs(assert(oc.decode(SAMPLE))) do places[lead.id] = i end
  local decoder = core.decoder {where = oc.filter(expression), select = {"id"}, now = NOW}
  assert(decoder:feed(SAMPLE))
  local found = {}
  for lead in decoder.next, decoder do found[#found + 1] = places[lead.id] end
  assert(decoder:finish())
  return #found > 0 and table.concat(found, " ") or "none"
end

local function on_tables(expression)
  local filter, found = oc.filter(expression), {}
  for i, lead in ipairs(assert(oc.decode(SAMPLE))) do
    if filter(lead) then found[#found + 1] = i end
  end
  return #found > 0 and table.concat(found, " ") or "none"
end

-- The fenced blocks: {language, text}.
local function blocks()
  local list, block = {}, nil
  for line in tree.read(PATH):gmatch "([^\n]*)\n" do
    if block and line == "```" then
      list[#list + 1] = {language = block.language, text = table.concat(block, "\n") .. "\n"}
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line:find "^```" then
      block = {language = line:match "^```(.*)$"}
    end
  end
  return list
end

-- What a piece of Lua prints; it is given the sample as `leads`.
local function printed(code)
  return doc.printed(PATH, code, {leads = assert(oc.decode(SAMPLE))})
end

describe("docs/FILTERS.md", function()
  local rows, columns = 0, {}

  for line in tree.read(PATH):gmatch "[^\n]+" do
    local expression, leads = line:match "^| `(.-)` | ([%d ]+) |"
    if not expression then expression, leads = line:match "^| `(.-)` | (none) |" end
    if expression then
      rows = rows + 1
      columns[leads] = true
      it("selects as it says: " .. expression, function()
        assert.equal(leads, scanned(expression))
        if not expression:find "%f[%w]now%f[%W]" then assert.equal(leads, on_tables(expression)) end
      end)
    end
  end

  it("has rows, and none that is not run", function()
    assert.is_true(rows > 50)
    local headed = 0
    for part in tree.read(PATH):gmatch "| expression | leads | |\n|%-%-%-|%-%-%-|%-%-%-|\n(.-)\n\n" do
      for _ in (part .. "\n"):gmatch "[^\n]+\n" do headed = headed + 1 end
    end
    assert.equal(headed, rows)
    assert.is_truthy(columns.none)
  end)

  local list = blocks()
  for i, block in ipairs(list) do
    if block.language == "lua" then
      it("prints as it says, block " .. i, function()
        assert.equal("text", list[i + 1].language)
        assert.equal(list[i + 1].text, printed(block.text))
      end)
    elseif block.language == "text" and list[i - 1].language ~= "lua" then
      it("is refused as it says: " .. block.text:match "[^\n]+", function()
        local expression, fault = block.text:match "^([^\n]+)\n(.*)\n$"
        local ok, err = pcall(oc.filter, expression)
        assert.is_false(ok)
        assert.equal("oc.filter: " .. fault, err)
      end)
    end
  end

  it("names the ceilings there are", function()
    local text = tree.read(PATH):gsub(",", "")
    local grammar, where = tree.read "lua/oc/filter/grammar.lua", tree.read "src/oc_where.h"
    local patterns = {
      ["an expression | %d+ bytes (%d+) parts"] = where:match "OC_WHERE_MAX_NODES (%d+)",
      ["an expression | (%d+) bytes"] = grammar:match "MAX_BYTES = (%d+)",
      ["parentheses within one another | (%d+)"] = grammar:match "MAX_PARENTHESES = (%d+)",
      ["`any` and `all` within one another | (%d+)"] = where:match "OC_WHERE_MAX_DEPTH (%d+)",
      ["filters combined within one another | (%d+)"] = tree.read("src/oc_filter.c"):match "MAX_NESTED (%d+)",
      ["a field's name | (%d+) bytes"] = grammar:match "MAX_KEY_BYTES = (%d+)",
      ["a pattern | (%d+) bytes"] = tree.read("src/oc_match.h"):match "OC_MATCH_MAX_BYTES (%d+)",
      ["a pattern | %d+ bytes (%d+) captures"] = tree.read("src/oc_match.h"):match "OC_MATCH_CAPTURES (%d+)",
    }
    for pattern, value in pairs(patterns) do assert.equal(value, text:match(pattern), pattern) end
    -- The grammar refuses, with a caret, what the core would refuse as well.
    assert.equal(where:match "OC_WHERE_MAX_DEPTH (%d+)", grammar:match "MAX_QUANTIFIERS = (%d+)")
    assert.equal(tree.read("src/oc_keys.h"):match "OC_KEYS_MAX_LEN (%d+)", grammar:match "MAX_KEY_BYTES = (%d+)")
    assert.equal("1000000", where:match "OC_WHERE_WORK (%d+)")
    assert.equal("8", where:match "OC_WHERE_WORK_PER_BYTE (%d+)")
  end)
end)

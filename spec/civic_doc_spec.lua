-- docs/CIVIC.md is run: its commands and its programs, one after the other, against one sandbox, for what they print.

local command_line = require "support.command"
local civic_options = require "oc.civic.options"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"

local PATH = "docs/CIVIC.md"
local quote = process.quote

-- The fenced blocks: {language, text}.
local function blocks()
  local list = {}
  for language, text in tree.read(PATH):gmatch "\n```(%l*)\n(.-\n)```\n" do
    list[#list + 1] = {language = language, text = text}
  end
  return list
end

-- Without what is different each time, and CSV's line ends.
local function settled(text)
  return (text:gsub("\r", ""):gsub("%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ", "…"))
end

describe("docs/CIVIC.md", function()
  local server, place

  setup(function()
    server = sandbox_child.start {leads = 1000}
    place = command_line.place()
  end)
  teardown(function()
    place:remove()
    server:close()
  end)

  local function environment() return "OC_BASE_URL=" .. server.url .. " OC_BACKOFF_BASE_S=0.001" end

  -- A program, as a process of its own.
  local function run_lua(code)
    local file = assert(io.open(place.folder .. "/program.lua", "w"))
    file:write(code)
    file:close()
    local pipe = assert(io.popen(("cd %s && %s LUA_INIT= %s program.lua 2>err"):format(quote(place.folder),
      environment(), quote(process.interpreter()))))
    local printed = pipe:read "*a"
    pipe:close()
    return printed
  end

  it("prints what it says", function()
    local list, run = blocks(), 0
    for i, block in ipairs(list) do
      local expected = list[i + 1] and list[i + 1].language == "text" and list[i + 1].text
      local printed
      if block.language == "sh" then
        local words = assert(block.text:match "^oc%-leads (.*)\n$", block.text)
        local code, out, err = place:run(words .. " --backoff-base 0.001", environment())
        assert.is_true(code == 0 or code == 4, block.text .. out .. err)
        printed = out .. err
      elseif block.language == "lua" then
        printed = run_lua(block.text)
      end
      if printed and expected then
        run = run + 1
        assert.equal(expected, settled(printed))
      end
    end
    assert.is_true(run > 7)
  end)

  it("names every policy, source, outcome and file of examples", function()
    local text = tree.read(PATH)
    for name in pairs(oc.civic.policy) do
      local found = text:find("oc.civic.policy." .. name .. "%f[^%w_]")
      assert.is_truthy(found or name == "of" or name == "name" or name == "fields", name)
    end
    for name in pairs(oc.civic.source) do assert.is_truthy(text:find("oc.civic.source." .. name, 1, true), name) end
    for _, outcome in ipairs {"synced", "unchanged", "empty", "failed", "skipped", "resumed"} do
      assert.is_truthy(text:find("| `" .. outcome .. "` |", 1, true), outcome)
    end
    for path in text:gmatch "`(examples/[%w_]+%.lua)`" do assert.is_truthy(tree.read(path)) end
  end)

  it("gives the defaults there are", function()
    local text, defaults = tree.read(PATH), {}
    for _, option in ipairs(civic_options.apply) do defaults[option.name] = option.default end
    for _, name in ipairs {"concurrency", "max_attempts", "breaker", "journal_max_age_h"} do
      local told = text:match("`" .. name .. "`[^(`;]-%((%d+)%f[%D]")
      assert.equal(defaults[name], tonumber(told), name)
    end
  end)
end)

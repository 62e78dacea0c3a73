-- What the documents say of changes between two fetches is run: commands and Lua print what stands below them.

local command_line = require "support.command"
local process = require "support.process"
local tree = require "support.tree"

local PATH = "docs/REPORTS.md"

-- The fenced blocks with a language: {language, text}.
local function blocks()
  local list = {}
  local text = ("\n" .. tree.read(PATH) .. "\n## "):match "\n## Changes between two fetches(\n.-)\n## "
  for language, block in text:gmatch "\n```(%l+)\n(.-)```\n" do
    list[#list + 1] = {language = language, text = block}
  end
  return list
end

local function printed(code)
  local line = ("cd %s && %s - <<'END'\n%sEND\n"):format(process.quote(command_line.root),
    process.quote(process.interpreter()), code)
  local pipe = assert(io.popen(line))
  local out = pipe:read "*a"
  pipe:close()
  return out
end

describe("what the documents say of changes", function()
  local list = blocks()
  for i, block in ipairs(list) do
    if block.language == "sh" then
      it("is printed: " .. block.text:match "[^\n]+", function()
        local place = command_line.place()
        local words = block.text:match "^oc%-leads (.-)\n$"
        local code, out = place:run(words, "unset COLUMNS; cd " .. process.quote(command_line.root) .. ";")
        place:remove()
        assert.equal(0, code)
        assert(list[i + 1].text == out, ("%s: below `%s` is to be\n\n%s"):format(PATH, words, out))
      end)
    elseif block.language == "lua" then
      it("is printed, block " .. i, function()
        local out = printed(block.text)
        assert(list[i + 1].text == out, ("%s: below block %d is to be\n\n%s"):format(PATH, i, out))
      end)
    end
  end

  it("are all there", function() assert.equal(6, #list) end)
end)

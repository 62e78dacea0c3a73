-- Completions and the manual page, as their readers take them.

local command_line = require "support.command"

describe("oc-leads completion", function()
  local place

  setup(function() place = command_line.place() end)
  teardown(function() place:remove() end)

  it("is a script that its shell can read, with all commands and flags", function()
    for _, shell in ipairs {"bash", "zsh", "fish"} do
      local code, out, err = place:run("completion " .. shell .. " | tee script")
      assert.equal(0, code, err)
      for _, word in ipairs {"sync", "audit", "max-pages", "leads-out", "profile"} do
        assert.is_truthy(out:find(word, 1, true), shell .. " " .. word)
      end
    end
    if os.execute "command -v bash >/dev/null" then
      place:run "completion bash >script"
      assert.equal("", select(3, place:run("version >/dev/null; bash -n script")))
    end
  end)

  it("has a manual page with every command's help, and nothing in it that is an instruction by mistake", function()
    local code, out = place:run "completion man"
    assert.equal(0, code)
    local known = {TH = true, SH = true, SS = true, B = true, I = true, nf = true, fi = true}
    for line in out:gmatch "[^\n]+" do
      local request = line:match "^%.(%a+)"
      assert.is_true(not line:find "^[.']" or known[request] == true, line)
    end
    for _, word in ipairs {".SS sync", ".SS list", "\\-\\-max\\-pages", "Exit status: 0 done"} do
      assert.is_truthy(out:find(word, 1, true), word)
    end
  end)

  it("refuses other shells", function()
    local code, _, err = place:run "completion tcsh"
    assert.equal(2, code)
    assert.matches("must be one of .bash", err)
  end)
end)

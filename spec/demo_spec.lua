-- The demo, as a newcomer runs it.

local tree = require "support.tree"

describe("script/demo", function()
  it("lists leads over real HTTP, counts them, and leaves nothing running", function()
    local pipe = assert(io.popen(("cd / && env -u LD_PRELOAD sh '%s/script/demo' 2>&1; echo exit $?"):format(
      tree.root:find "^/" and tree.root or os.getenv "PWD")))
    local text = pipe:read "*a"
    pipe:close()
    assert.matches("exit 0\n$", text)
    assert.matches("COMPANY +STATUS", text)
    assert.matches("Contoso US M365 +Active", text)
    assert.matches("5,000 leads, 25 pages", text)
    assert.matches("%d+ Active\n", text)
    assert.matches("\nOUTCOME +COMPANY ", text)
    assert.matches("leads to synchronise: %d+ found", text)
    assert.matches("postcode%-impossi", text)
    local page = assert(text:match "written to ([^\n]+%.html)\n")
    local file = assert(io.open(page))
    assert.matches("^<!DOCTYPE html>", file:read "*l")
    file:close()
    local url = text:match "http://127.0.0.1:%d+"
    local host, port = url:match "//(.-):(%d+)"
    local socket = require "socket".tcp()
    socket:settimeout(5)
    -- the sandbox ends with the script: its port is closed, or closes at once
    if socket:connect(host, tonumber(port)) then
      assert.equal("closed", select(2, socket:receive(1)))
    end
    socket:close()
  end)
end)

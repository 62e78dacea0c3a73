-- The luv host in a real Neovim: its loop goes on, its API may be used, and leads are all there.

local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"

-- A Neovim with LuaJIT, a core built for it, and no sanitizer, for which it would have to be another program.
local function why_not()
  if os.getenv "OC_SAN" then return "Neovim is not sanitized" end
  local pipe = assert(io.popen(("cd %s && LUA_PATH= LUA_CPATH= OC_LUA=luajit sh -c '"
    .. "command -v nvim >/dev/null || { echo no nvim here; exit; }; . script/env 2>/dev/null && oc_build 2>/dev/null"
    .. " && echo built' 2>&1"):format(process.quote(tree.root))))
  local said = pipe:read "*l"
  pipe:close()
  if said == "built" then return nil end
  return said or "no LuaJIT here to build for"
end

local COMMAND = "cd %s && LUA_INIT= LUA_PATH= LUA_CPATH= OC_LUA=luajit OC_BASE_URL=%s sh -c "
  .. "'. script/env && exec timeout 60 nvim --headless -u NONE -n -i NONE %s' 3>&- 4>&- 5>&- 6>&- 2>&1 </dev/null; "
  .. "echo status $?"

describe("oc.host.luv in Neovim", function()
  local server, reason

  setup(function()
    reason = why_not()
    if not reason then server = sandbox_child.start() end
  end)
  teardown(function() if server then server:close() end end)

  local function nvim(words)
    local pipe = assert(io.popen(COMMAND:format(process.quote(tree.root), process.quote(server.url), words)))
    local output = pipe:read "*a"
    pipe:close()
    return output
  end

  it("reads leads while timers and scheduled functions go on", function()
    if reason then pending(reason) end
    server:configure {leads = 100, faults = {{page = 99, status = 404, body = "no"}, {latency_s = 0.03}}}
    local output = nvim [[-c "luafile spec/support/neovim_main.lua"]]
    assert.matches("oc: outside oc%.host%.luv: outside of a coroutine nothing can be waited for", output)
    local pages, ticked = output:match "oc: pages (%d+) ticked (%d+) end\n"
    assert.equal("5", pages, output)
    assert.equal("5", ticked)
    assert.matches("oc: failed http cannot read page 99: HTTP 404 from 127%.0%.0%.1", output)
    assert.matches("oc: nested true\n", output)
    assert.matches("oc: lines 100\n", output)
    assert.matches("status 0\n$", output)
  end)

  it("runs the example", function()
    if reason then pending(reason) end
    server:configure {leads = 120}
    local output = nvim([[-c "autocmd User LeadsRead call writefile(getline(1, \"$\"), \"/dev/stdout\") | qall!" ]]
      .. [[-c "luafile examples/neovim_leads.lua"]])
    assert.equal(120, select(2, output:gsub("\n", "")) - 1)
    assert.matches("FabrikamOC444062xxxxx1           Active", output)
    assert.matches("status 0\n$", output)
  end)
end)

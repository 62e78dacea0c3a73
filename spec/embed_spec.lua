-- examples/embed: a C program with oc in it, linked statically and loaded; what it
-- prints, how it ends, and that it gives back what it took.

local cjson = require "cjson"
local command = require "support.command"
local daemon = require "support.daemon"
local http = require "socket.http"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local quote = process.quote

local version = rawget(_G, "jit") and "jit" or _VERSION:match "%d%.%d"
local built = command.root .. "/build/" .. version

-- A sanitized run preloads its library, which is for Lua.
local function shell(words)
  local pipe = assert(io.popen("unset LD_PRELOAD; exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; { " .. words
    .. "; } 2>&1 </dev/null; echo \"exit $?\""))
  local printed, status = pipe:read("*a"):match "^(.*)exit (%d+)\n$"
  pipe:close()
  return printed, tonumber(status)
end

local function made(words)
  local printed, status = shell(words)
  assert(status == 0, printed)
  return printed
end

local function make(more)
  return made(("make -s -C %s/examples/embed LUA=%s %s"):format(quote(command.root), version, more or ""))
end

local function has(program) return select(2, shell("command -v " .. program)) == 0 end

-- A search path without this tree: the programs have to find oc by themselves.
local function foreign(path)
  local kept = {}
  for template in path:gmatch "[^;]+" do
    if template:sub(1, #command.root) ~= command.root then kept[#kept + 1] = template end
  end
  return table.concat(kept, ";")
end

-- Runs a program with nothing else in its environment.
local function run(program, addresses, settings)
  return shell(("env -i LUA_PATH=%s LUA_CPATH=%s %s %s %s"):format(quote(foreign(package.path)),
    quote(foreign(package.cpath)), settings or "", program, addresses))
end

describe("examples/embed", function()
  local server, folder

  setup(function()
    make()
    server = sandbox_child.start()
  end)
  teardown(function() server:close() end)

  before_each(function() folder = daemon.folder() end)
  after_each(function() daemon.remove(folder) end)

  -- What it is to print for all leads of the sandbox.
  local function expected()
    local leads, active = cjson.decode((assert(http.request(server.url .. "/api/v2/oc/lead?PageSize=20000")))), 0
    for _, lead in ipairs(leads) do
      if lead.status == "Active" then active = active + 1 end
    end
    return ("%s: %d leads, %d active\n"):format(server.url, #leads, active)
  end

  local function moved(script)
    made(("cp -R %s/embed %s/moved"):format(quote(built), quote(folder)))
    if script then daemon.write(folder, "moved/leads.lua", script) end
    return folder .. "/moved/"
  end

  for _, name in ipairs {"static", "dynamic"} do
    describe("the " .. name .. " program", function()
      local program = quote(built .. "/embed/" .. name)

      it("is given every lead", function()
        server:configure {leads = 2500}
        local line = expected()
        server:empty_journal()
        local printed, status = run(program, server.url)
        assert.equal(line, printed)
        assert.equal(0, status)
        local asked = {}
        for _, request in ipairs(server:journal().requests) do asked[request.page] = (asked[request.page] or 0) + 1 end
        assert.same({1, 1, 1, 1}, {asked[1], asked[2], asked[3], asked[4]})
      end)

      it("reads several addresses, each in a state of its own", function()
        server:configure {leads = 1200}
        local line = expected()
        local printed, status = run(program, (server.url .. " "):rep(4))
        assert.equal(line:rep(4), printed)
        assert.equal(0, status)
      end)

      it("shows where an error came from, without secrets", function()
        server:configure {leads = 30, token = "the right one"}
        local printed, status = run(program, server.url, "OC_TOKEN=a-wrong-one")
        assert.equal(1, status)
        local first, trace = printed:match "^([^\n]+)\n(stack traceback:\n.*)$"
        assert.equal(server.url .. ": cannot read page 1: HTTP 401 from " .. server.url:match "//(.*)", first)
        assert.matches("/embed/leads%.lua:7:", trace)
        assert.is_nil(printed:find("a-wrong-one", 1, true))
      end)

      it("fails for one address and not for the other", function()
        server:configure {leads = 30}
        local printed, status = run(program, "http://127.0.0.1:1 " .. server.url, "OC_MAX_ATTEMPTS=1")
        assert.equal(1, status)
        assert.matches("^http://127%.0%.0%.1:1: cannot read page 1: cannot connect to 127%.0%.0%.1:1: ", printed)
        assert.equal(expected(), printed:match "([^\n]+\n)$")
      end)

      it("says how it is called", function()
        local printed, status = run(program, "")
        assert.equal(2, status)
        assert.matches("^usage: [^\n]*/" .. name .. " ADDRESS%.%.%.\n$", printed)
      end)

      it("may be moved, with what is beside it", function()
        local there = moved [[local oc = require "oc"; print(debug.getinfo(oc.client, "S").source)
          for name, why in pairs(package.loaded) do
            if name == "oc.core" then print(package.preload[name] ~= nil, why ~= nil) end
          end]]
        local printed, status = run(quote(there .. name), "http://127.0.0.1:1")
        assert.equal(("@%soc/client.lua\n%s\ttrue\nhttp://127.0.0.1:1: 0 leads, 0 active\n")
          :format(there, tostring(name == "static")), printed)
        assert.equal(0, status)
      end)

      it("survives what is no error of ours", function()
        for script, text in pairs {
          ["error {}"] = "an error without a text\n",
          ["error 'plain'"] = "[^\n]*leads%.lua:1: plain\nstack traceback:\n.*",
          ["x ="] = "[^\n]*leads%.lua:1: unexpected symbol near .*",
          ["local _, on_lead = ... on_lead(1)"] = "[^\n]*bad argument #1 to 'on_lead' %(table expected.*",
        } do
          local there = moved(script)
          local printed, status = run(quote(there .. name), "x")
          assert.equal(1, status)
          assert.matches("^x: " .. text .. "$", printed)
          daemon.remove(there)
        end
      end)

      it("gives all memory back, from the middle of a page, too", function()
        if not has "valgrind" then
          pending "no valgrind here"
          return
        end
        server:configure {leads = 300}
        local stopped = moved [[local base_url = ...
          for lead in require "oc".client {base_url = base_url}:leads() do error(lead.id) end]]
        for path, text in pairs {[built .. "/embed/"] = ": 300 leads, ", [stopped] = "stack traceback"} do
          local printed = run("valgrind --leak-check=full --undef-value-errors=no " .. quote(path .. name),
            server.url .. " " .. server.url, 'PATH="$PATH"')
          assert.is_truthy(printed:find(text, 1, true), printed)
          assert.matches("ERROR SUMMARY: 0 errors", printed)
          if not printed:find("All heap blocks were freed", 1, true) then
            assert.matches("definitely lost: 0 bytes", printed)
            assert.matches("indirectly lost: 0 bytes", printed)
          end
        end
      end)
    end)
  end

  it("finds its files in LUA_DIR", function()
    local there = moved()
    make(("out=%s LUA_DIR=%s"):format(quote(folder .. "/programs"), quote(there:sub(1, -2))))
    daemon.remove(folder .. "/programs/oc")
    server:configure {leads = 30}
    for _, name in ipairs {"static", "dynamic"} do
      local printed, status = run(quote(folder .. "/programs/" .. name), server.url)
      assert.equal(expected(), printed)
      assert.equal(0, status)
    end
  end)

  -- A program that has all of the core's inner names for itself.
  it("links an archive of which only one name is to be seen", function()
    if not has "nm" then
      pending "no nm here"
      return
    end
    local seen = made(("nm -g --defined-only %s/liboc.a | sed -n 's/^[0-9a-f]* [A-Z] //p'"):format(quote(built)))
    assert.equal("luaopen_oc_core\n", seen)
    local names, source = 0, {"int luaopen_oc_core(void *L);", "int main(void) { return luaopen_oc_core == 0; }"}
    for name in made(("cd %s/obj && ls oc_*.o | grep -vx oc_whole.o | xargs nm -g --defined-only "
      .. "| sed -n 's/^[0-9a-f]* [A-Z] //p'"):format(quote(built))):gmatch "oc_[%w_]+" do
      names = names + 1
      source[#source + 1] = "int " .. name .. ";"
    end
    assert.is_true(names > 100)
    daemon.write(folder, "clash.c", table.concat(source, "\n") .. "\n")
    local libraries = version == "jit" and "-lluajit-5.1" or "-llua" .. version
    made(("cd %s && cc -o clash clash.c %s/liboc.a %s -lcurl -lm -ldl -pthread && ./clash")
      :format(quote(folder), quote(built), libraries))
  end)

  it("has a Makefile, a README and files that fit on a screen or two", function()
    local most = {["host.c"] = 160, ["leads.lua"] = 15, Makefile = 50, ["README.md"] = 40}
    for name, lines in pairs(most) do
      local text = assert(command.read_file(command.root .. "/examples/embed/" .. name), name)
      assert.is_true(select(2, text:gsub("\n", "")) <= lines, name)
    end
  end)
end)

-- The rock, as somebody gets it who has LuaRocks and not this tree: script/rock makes, packs, serves and installs it
-- in a folder of its own, and what lies there is then run from there.

local command = require "support.command"
local daemon = require "support.daemon"
local lfs = require "lfs"
local process = require "support.process"
local tree = require "support.tree"

local quote, read_file, root = process.quote, command.read_file, command.root

local LUA = _VERSION:match "%d%.%d" -- LuaJIT's too
local VERSION = tree.read("lua/oc/version.lua"):match 'return "(.-)"'
local TREES = {"made", "alone", "whole", "packed"}

-- What runs a program, with its standard error to standard output; and what it printed, and its exit status.
local function outcome(words)
  local pipe = assert(io.popen(("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; { %s; } 2>&1 </dev/null; echo \"exit $?\"")
    :format(words)))
  local output = pipe:read "*a"
  pipe:close()
  local printed, status = output:match "^(.*)exit (%d+)\n$"
  return printed, tonumber(status)
end

-- Where other modules are: all but this tree, and the folder one happens to be in.
local function elsewhere(path)
  local kept = {}
  for template in path:gmatch "[^;]+" do
    if template:sub(1, #root + 1) ~= root .. "/" and template:sub(1, 1) ~= "." then kept[#kept + 1] = template end
  end
  return table.concat(kept, ";")
end

describe("the rock", function()
  local folder, work, said, status, server

  -- A program's whole environment; `more` are words NAME=value. The modules of the rock are found by LUA_PATH if it is
  -- to be set, as `luarocks path` would, or else by what LuaRocks wrote into the command.
  local function with(name, sets_path, more)
    local place = work .. "/" .. name
    local share, lib = place .. "/share/lua/" .. LUA, place .. "/lib/lua/" .. LUA
    local path, cpath = elsewhere(package.path), elsewhere(package.cpath)
    if sets_path then
      path, cpath = ("%s/?.lua;%s/?/init.lua;%s"):format(share, share, path), ("%s/?.so;%s"):format(lib, cpath)
    end
    return ("env -i PATH=\"$PATH\" HOME=%s LUAROCKS_CONFIG=%s LUA_PATH=%s LUA_CPATH=%s %s "):format(quote(work),
      quote(work .. "/alone.lua"), quote(path), quote(cpath), more or "")
  end

  -- Nothing of oc from anywhere but the rock that is alone.
  local function strictly(more)
    return with("alone", true, ("OC_ROCK=%s LUA_INIT=%s OC_BACKOFF_BASE_S=0.001 %s"):format(quote(work .. "/alone"),
      quote("@" .. root .. "/spec/support/only_rock.lua"), more or ""))
  end

  local function oc_leads(name) return quote(("%s/%s/bin/oc-leads"):format(work, name)) end

  setup(function()
    folder = daemon.folder()
    work = folder .. "/work"
    said, status = outcome(("OC_LUA=%s CFLAGS=-O0 %s %s"):format(quote(process.interpreter()),
      quote(root .. "/script/rock"), quote(work)))
    if status ~= 0 then return end
    server = daemon.start(folder, strictly() .. oc_leads "alone" .. " sandbox --leads 300")
    server.url = server:line()
  end)

  teardown(function()
    if server then server:stop() end
    daemon.remove(folder)
  end)

  it("is made, packed, served, installed and tested", function()
    assert.equal(0, status, said)
  end)

  it("has a rockspec that differs from the newest state's in nothing but its source", function()
    local name = ("rockspec/oc-%s-1.rockspec"):format(VERSION)
    assert.is_true(tree.exists(name), "script/rock --rockspec writes " .. name)
    local expected = tree.read "rockspec/oc-scm-1.rockspec"
      :gsub('version = "scm%-1"', ('version = "%s-1"'):format(VERSION), 1)
      :gsub('branch = "main"', ('tag = "v%s"'):format(VERSION), 1)
    assert.is_true(expected == tree.read(name), "script/rock --rockspec writes it anew")
    assert.is_truthy(tree.read "CHANGELOG.md":find(VERSION, 1, true), "the changelog does not name " .. VERSION)
  end)

  for _, name in ipairs(TREES) do
    it("installs every module, and nothing else: " .. name, function()
      local share, expected, found = ("%s/%s/share/lua/%s"):format(work, name, LUA), {}, {}
      for i, path in ipairs(tree.files("lua", "")) do
        expected[i] = path:match "^lua/(.*)$"
        assert.is_true(read_file(share .. "/" .. expected[i]) == tree.read(path), path)
      end
      local pipe = io.popen("cd " .. quote(share) .. " && find . -type f")
      for path in pipe:lines() do found[#found + 1] = path:sub(3) end
      pipe:close()
      table.sort(found)
      assert.same(expected, found)
      assert.equal("file", lfs.attributes(("%s/%s/lib/lua/%s/oc/core.so"):format(work, name, LUA), "mode"))
    end)

    it("has a command that runs: " .. name, function()
      -- LuaRocks 3.8 tells the command nothing of its tree where dependencies are left aside.
      local without_dependencies = name == "alone" or name == "packed"
      local printed, code = outcome(with(name, without_dependencies) .. oc_leads(name) .. " version")
      assert.equal(0, code, printed)
      assert.equal("oc " .. VERSION, printed:match "^[^\n]*")
    end)
  end

  it("brings its dependencies from the server", function()
    local names = tree.read "rockspec/oc-scm-1.rockspec":match "\ndependencies = (%b{})"
    local count = 0
    for name in names:gmatch '"([%w-]+)' do
      if name ~= "lua" then
        local place = ("%s/whole/lib/luarocks/rocks-%s/%s"):format(work, LUA, name)
        assert.equal("directory", lfs.attributes(place, "mode"), name)
        count = count + 1
      end
    end
    assert.is_true(count > 0)
  end)

  it("lists the leads of its own sandbox", function()
    local printed, code = outcome(with "whole" .. oc_leads "whole" .. " list --limit 3 --base-url " .. server.url)
    assert.equal(0, code, printed)
    assert.equal(3, select(2, printed:gsub('{"[^\n]*"id":"[^\n]*}\n', "")))
  end)

  it("is looked at without this tree, whose modules do not fill its gaps", function()
    local module = ("%s/alone/share/lua/%s/oc/csv.lua"):format(work, LUA)
    local program = ("package.path = package.path .. ';%s/lua/?.lua' require 'oc' require 'oc.csv'"):format(root)
    local run = strictly() .. quote(process.interpreter()) .. " -e " .. quote(program)
    assert.same({"", 0}, {outcome(run)})
    assert(os.rename(module, module .. ".away"))
    local printed, code = outcome(run)
    assert(os.rename(module .. ".away", module))
    assert.equal(1, code)
    assert.matches("oc%.csv is not in the rock", printed)
  end)

  -- As its first lines, or what it says about its usage, have it: with the rock's own command and modules.
  local function run_example(path)
    local text = tree.read(path)
    local arguments = text:match("usage: OC_BASE_URL=ADDRESS script/lua " .. path:gsub("%p", "%%%0") .. "([ %u]*)\\n")
    local words = arguments and arguments:gsub("%u+", quote(work .. "/" .. path:match "[^/]+$" .. ".%0"))
    local start = "cd " .. quote(work .. "/clone") .. " && " .. strictly("OC_BASE_URL=" .. quote(server.url))
    if words then return outcome(start .. quote(process.interpreter()) .. " " .. path .. words) end
    words = assert(text:match "\n%-%- +script/oc ([^\n]*)\n", path .. " does not say how to run it")
    return outcome(start .. oc_leads "alone" .. " " .. words)
  end

  for _, path in ipairs(tree.files("examples", "^examples/[^/]+%.lua$")) do
    it("runs " .. path, function()
      if tree.read(path):find("nvim -c", 1, true) then return end -- spec/host_neovim_spec.lua does
      local printed, code = run_example(path)
      assert.is_true(code == 0 or code == 4, printed) -- 4: the sandbox has let some synchronisations fail
      assert.matches("%S", printed)
    end)
  end
end)

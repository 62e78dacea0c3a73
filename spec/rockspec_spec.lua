-- The rockspec names every file of the module, and no other: LuaRocks' builtin
-- build has no wildcards.

local tree = require "support.tree"

local PATH = "rockspec/oc-scm-1.rockspec"

local function load_rockspec()
  local rockspec = {}
  local chunk, err
  if rawget(_G, "setfenv") then
    chunk, err = rawget(_G, "loadstring")(tree.read(PATH), "@" .. PATH)
    if chunk then rawget(_G, "setfenv")(chunk, rockspec) end
  else
    chunk, err = load(tree.read(PATH), "@" .. PATH, "t", rockspec)
  end
  assert(chunk, err)()
  return rockspec
end

-- lua/oc/init.lua is oc, lua/oc/civic/plan.lua is oc.civic.plan.
local function module_name(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

-- What to write into the rockspec and what to take out of it.
local function differences(want, got)
  local changes = {}
  for line in pairs(want) do
    if not got[line] then changes[#changes + 1] = "add     " .. line end
  end
  for line in pairs(got) do
    if not want[line] then changes[#changes + 1] = "remove  " .. line end
  end
  table.sort(changes)
  return table.concat(changes, "\n")
end

describe("the rockspec", function()
  local rockspec = load_rockspec()
  local modules = rockspec.build.modules

  it("lists every Lua module", function()
    local want, got = {}, {}
    for _, path in ipairs(tree.files("lua", "%.lua$")) do
      want[('["%s"] = "%s",'):format(module_name(path), path)] = true
    end
    for name, path in pairs(modules) do
      if type(path) == "string" then got[('["%s"] = "%s",'):format(name, path)] = true end
    end
    assert.equal("", differences(want, got))
  end)

  it("lists every C source", function()
    local want, got = {}, {}
    for _, path in ipairs(tree.files("src", "%.c$")) do want[('"%s",'):format(path)] = true end
    for _, path in ipairs(modules["oc.core"].sources) do got[('"%s",'):format(path)] = true end
    assert.equal("", differences(want, got))
  end)

  it("keeps both lists in order, so that a diff stays small", function()
    local paths, last = {}, ""
    for path in tree.read(PATH):gmatch '"(src/[^"]+%.c)"' do paths[#paths + 1] = path end
    for _, path in ipairs(paths) do
      assert.is_true(last < path, path .. " comes after " .. last)
      last = path
    end
  end)

  it("installs what exists", function()
    for _, path in pairs(rockspec.build.install.bin) do
      assert.is_true(tree.exists(path), path)
    end
    assert.is_true(tree.exists(rockspec.test.command))
  end)
end)

-- The rules of the house that one grep can hold.

local tree = require "support.tree"

-- The lines of `paths` in which any of `patterns` is found, as "path:line: text".
local function hits(paths, patterns, prepare)
  local found = {}
  for _, path in ipairs(paths) do
    local text, number = tree.read(path), 0
    if prepare then text = prepare(text) end
    for line in (text .. "\n"):gmatch("(.-)\n") do
      number = number + 1
      for _, pattern in ipairs(patterns) do
        if line:find(pattern) then
          found[#found + 1] = ("%s:%d: %s"):format(path, number, line)
        end
      end
    end
  end
  return found
end

-- C without its comments; the lines stay where they are.
local function without_comments(text)
  return (text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", "")) end))
end

-- What a file of src/ includes, also through the headers beside it.
local function included(path, seen)
  seen = seen or {}
  for name in ("\n" .. tree.read(path)):gmatch('\n[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)') do
    if not seen[name] then
      seen[name] = true
      if tree.exists("src/" .. name) then included("src/" .. name, seen) end
    end
  end
  return seen
end

-- The core that `require "oc.core"` finds.
local function core_path()
  for template in package.cpath:gmatch "[^;]+" do
    local path = template:gsub("%?", "oc/core")
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path
    end
  end
end

describe("the house", function()
  local sources = tree.files("src", "%.[ch]$")

  it("has C to look at", function()
    assert.is_true(#sources > 0)
  end)

  it("keeps Lua and libcurl in different C files", function()
    local both = {}
    for _, path in ipairs(sources) do
      local names = included(path)
      if (names["lua.h"] or names["lauxlib.h"]) and names["curl/curl.h"] then both[#both + 1] = path end
    end
    assert.same({}, both)
  end)

  it("never calls Lua from C", function()
    assert.same({}, hits(sources, {
      "%f[%w_]lua_p?callk?%s*%(",
      "%f[%w_]lua_resume%s*%(",
      "%f[%w_]luaL_do%a+%s*%(",
      "%f[%w_]luaL_callmeta%s*%(",
    }, without_comments))
  end)

  it("exports one symbol", function()
    local core = assert(core_path(), "oc.core is not built")
    local pipe = io.popen("command -v nm && nm -D --defined-only '" .. core .. "'")
    local names = {}
    if not pipe:read "*l" then
      pipe:close()
      pending "no nm here"
      return
    end
    for line in pipe:lines() do
      local name = line:match "(%S+)$"
      -- What a sanitizer or the linker adds of its own.
      if not name:find "^_" then names[#names + 1] = name end
    end
    pipe:close()
    assert.same({"luaopen_oc_core"}, names)
  end)

  it("runs its scripts with sh alone", function()
    local paths = tree.files("script")
    for _, folder in ipairs {".ci", "spec", "examples"} do
      for _, path in ipairs(tree.files(folder, "%.sh$")) do paths[#paths + 1] = path end
    end
    for _, path in ipairs {".ci/run", "bench/run", "bench/gate"} do paths[#paths + 1] = path end
    assert.same({}, hits(paths, {"^#!.*bash", "^#!.*zsh", "^#!.*ksh"}))
  end)

  it("never sleeps in a test", function()
    assert.same({}, hits(tree.files("spec", "%.lua$"), {
      "os%.execute%s*%(?%s*[\"']%s*sleep",
      "io%.popen%s*%(?%s*[\"']%s*sleep",
      "socket%.sleep%s*%(",
    }))
    assert.same({}, hits(tree.files("spec", "%.[ch]$"), {
      "%f[%w_]u?sleep%s*%(",
      "%f[%w_]nanosleep%s*%(",
    }, without_comments))
  end)

  it("opens every file by saying its job", function()
    local silent = {}
    local function look(paths, opening)
      for _, path in ipairs(paths) do
        local first = tree.read(path):gsub("^#![^\n]*\n", "")
        if not first:find(opening) then silent[#silent + 1] = path end
      end
    end
    look(tree.files("lua", "%.lua$"), "^%-%-")
    look(tree.files("spec", "%.lua$"), "^%-%-")
    look(tree.files("bench", "%.lua$"), "^%-%-")
    look(tree.files("bench", "%.c$"), "^/%*")
    look(sources, "^/%*")
    look(tree.files("spec", "%.[ch]$"), "^/%*")
    assert.same({}, silent)
  end)
end)

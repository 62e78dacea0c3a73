-- Memory that runs out, at each allocation in turn: Lua's, libcurl's and our own. spec/oom/sweep.lua says what is to
-- come of it; here it is built and run, two at a time, each with a sandbox of its own.
--
--   OC_OOM=1 script/test spec/oom_spec.lua    every allocation of everything, and the figures (some minutes)

local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"

local everything = os.getenv "OC_OOM" ~= nil
local sanitized = os.getenv "OC_SAN" ~= nil and os.getenv "OC_SAN" ~= ""

-- The sanitizers' runtime is preloaded into us; make and the compiler are better off without.
local ENVIRONMENT = "cd " .. process.quote(tree.root) .. " && env -u LD_PRELOAD "

local version = rawget(_G, "jit") and "jit" or _VERSION:match "%d%.%d"
local program = ("build/%s%s/oom/main"):format(version, sanitized and "-san" or "")

local function build()
  local pipe = io.popen(ENVIRONMENT .. ("make -s -C src oom LUA=%s SAN=%s 2>&1 && echo built"):format(
    version, sanitized and 1 or ""))
  local said = pipe:read "*a"
  pipe:close()
  assert.matches("built\n$", said)
end

-- Starts the program with these arguments; `URL` among them is the sandbox's.
local function start(arguments)
  local child = sandbox_child.start {leads = 10, civic_sync = false}
  local command = ENVIRONMENT .. program .. " " .. arguments:gsub("URL", child.url) .. " 2>&1"
  return {child = child, pipe = io.popen(command)}
end

-- All it says, once it has ended.
local function finish(running)
  local said = running.pipe:read "*a"
  running.pipe:close()
  running.child:close()
  if everything then io.write("\n", said) end
  return said
end

-- Runs two, and sees that each came to its end with nothing wrong and nothing left.
local function sweep(first, second)
  local running = {start(first), start(second)}
  for _, one in ipairs(running) do
    local said = finish(one)
    assert.matches("all clean\n$", said)
    local tried, wrong = said:match "(%d+) [%a ]*allocations failed, (%d+) wrong\nall clean\n$"
    if not tried then tried, wrong = said:match "(%d+) of %d+ allocations failed, (%d+) wrong\nall clean\n$" end
    assert.equal("0", wrong, said)
    assert.is_true(tonumber(tried) >= 20, said)
  end
end

-- From one k to the next, where not everything is asked for.
local function step(n) return everything and 1 or sanitized and n * 6 or n end

describe("Running out of memory", function()
  setup(build)

  it("is told, and loses nothing: each allocation of a fetch, of a refusal, and without a network", function()
    sweep(("spec/oom/sweep.lua URL one %d next"):format(step(1)),
      ("spec/oom/sweep.lua URL one %d refused close decode encode 'decoder next' 'decoder read' batch pager")
        :format(step(1)))
  end)

  it("is told, and loses nothing: other ways to read, retries, resuming", function()
    sweep(("spec/oom/sweep.lua URL one %d all pages verify collect"):format(step(6)),
      ("spec/oom/sweep.lua URL one %d retry resume raw parts"):format(step(6)))
  end)

  it("for good, until the caller hears of it, is no worse", function()
    sweep(("spec/oom/sweep.lua URL all %d next all pages verify raw batch"):format(step(29)),
      ("spec/oom/sweep.lua URL all %d resume retry parts refused close collect decode encode 'decoder next' pager")
        :format(step(23)))
  end)

  it("while modules are loaded, too, and a state that ends leaves nothing", function()
    sweep(("--fresh %d spec/oom/sweep.lua URL one"):format(step(31)),
      ("--fresh %d spec/oom/sweep.lua URL all"):format(step(67)))
  end)
end)

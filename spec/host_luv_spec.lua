-- The luv host: clients in coroutines of a libuv loop.

local loop_host = require "support.loop_host"
local luv_host = require "oc.host.luv"
local process = require "support.process"
local protect = require "oc.protect"
local tree = require "support.tree"
local has_luv, uv = pcall(require, "luv")

local stage = {}

function stage.new_host() return luv_host.new() end

function stage.run(functions)
  local outcomes = {}
  for i, f in ipairs(functions) do
    coroutine.wrap(function() outcomes[i] = {protect.call(f)} end)()
  end
  uv.run()
  return outcomes
end

function stage.sleep(seconds)
  local thread = protect.base(coroutine.running())
  local timer = uv.new_timer()
  timer:start(math.ceil(seconds * 1000), 0, function()
    timer:close()
    assert(coroutine.resume(thread))
  end)
  coroutine.yield()
end

function stage.left()
  uv.run "nowait" -- what was closed
  local left = {}
  uv.walk(function(handle) left[#left + 1] = tostring(handle) end)
  return left
end

describe("oc.host.luv", function()
  if not has_luv then
    it("is a host", function() pending "no luv for this Lua" end)
    return
  end

  teardown(function() assert.equal(0, uv.loop_close()) end)

  loop_host.define("is a host", stage, {describe = describe, it = it, setup = setup, teardown = teardown,
    before_each = before_each, after_each = after_each})

  it("does not hold the program up for an exchange that nobody waits for", function()
    local server = require("support.sandbox_child").start {leads = 10, faults = {{latency_s = 30}}}
    local host = assert(luv_host.new())
    local x
    coroutine.wrap(function()
      x = assert(host:open {url = server.url .. "/api/v2/oc/lead", proxy = ""})
      local _, err = x:head(0.05)
      assert.equal("timeout", err.kind)
    end)()
    uv.run()
    assert.equal(1, host.pool:counts().open)
    host:close()
    server:close()
    assert.is_nil((x:head()))
  end)

  it("refuses options it does not know", function()
    assert.has_error(function() luv_host.new {shedule = print} end,
      "oc.host.luv: option 'shedule': there is no such option")
    assert.has_error(function() luv_host.new {on_error = "x"} end,
      "oc.host.luv: option 'on_error': function expected, got string")
  end)

  it("tells of an error that ends a coroutine", function()
    local told = {}
    local host = assert(luv_host.new {on_error = function(err, thread) told[#told + 1] = {err, type(thread)} end})
    coroutine.wrap(function()
      assert(host.sleep(0.001))
      error("oh", 0)
    end)()
    coroutine.wrap(function()
      assert(host.sleep(0.001))
      told[#told + 1] = "the other"
    end)()
    uv.run()
    host:close()
    assert.same({["oh"] = "thread", ["the other"] = true}, (function()
      local seen = {}
      for _, item in ipairs(told) do
        if type(item) == "table" then seen[item[1]] = item[2] else seen[item] = true end
      end
      return seen
    end)())
  end)

  it("runs coroutines where it is told to", function()
    local scheduled, done = {}, false
    local host = assert(luv_host.new {schedule = function(f) scheduled[#scheduled + 1] = f end})
    coroutine.wrap(function()
      assert(host.sleep(0.001))
      done = true
    end)()
    repeat uv.run "once" until scheduled[1]
    assert.is_false(done)
    scheduled[1]()
    assert.is_true(done)
    uv.run()
    host:close()
  end)

  it("raises an error of a coroutine in the loop, when the others have had their turn", function()
    local command = ("cd %s && LUA_INIT= %s -e %s 2>&1; echo status $?"):format(process.quote(tree.root),
      process.quote(process.interpreter()), process.quote [[
        local host = require("oc.host.luv").new()
        for i = 1, 3 do
          coroutine.wrap(function()
            host.sleep(0)
            if i == 1 then error({}) end
            print("turn of " .. i)
          end)()
        end
        require("luv").run()]])
    local pipe = assert(io.popen(command))
    local output = pipe:read "*a"
    pipe:close()
    assert.matches("turn of 2", output)
    assert.matches("turn of 3", output)
    assert.matches("Uncaught Error", output)
    assert.matches("stack traceback", output)
    assert.is_nil(output:find "status 0")
  end)
end)

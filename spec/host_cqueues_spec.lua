-- The cqueues host: clients in coroutines of a controller.

local has_cqueues, cqueues = pcall(require, "cqueues")
local cqueues_host = has_cqueues and require "oc.host.cqueues"
local loop_host = require "support.loop_host"
local protect = require "oc.protect"

local stage = {}

local controller

function stage.new_host() return cqueues_host.new() end

function stage.run(functions)
  local outcomes = {}
  controller = cqueues.new()
  for i, f in ipairs(functions) do
    controller:wrap(function() outcomes[i] = {protect.call(f)} end)
  end
  assert(controller:loop())
  local left = controller:count()
  controller:close()
  controller = nil
  assert.equal(0, left)
  return outcomes
end

function stage.sleep(seconds) cqueues.sleep(seconds) end

-- The loop ends when no coroutine is left, and is closed then.
function stage.left() return controller and {controller} or {} end

describe("oc.host.cqueues", function()
  if not has_cqueues then
    it("is a host", function() pending "no cqueues for this Lua" end)
    return
  end

  loop_host.define("is a host", stage, {describe = describe, it = it, setup = setup, teardown = teardown,
    before_each = before_each, after_each = after_each})

  it("gives an error of a coroutine to the loop", function()
    local host = assert(cqueues_host.new())
    local loop = cqueues.new()
    loop:wrap(function()
      assert(host.sleep(0.001))
      error("oh", 0)
    end)
    local ok, err = loop:loop()
    assert.is_false(ok)
    assert.equal("oh", err)
    assert.is_true(loop:loop())
    loop:close()
    host:close()
  end)
end)

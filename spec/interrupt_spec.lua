-- Signals: caught ones, and those of the host. Each in a child process.

local core = require "oc.core"
local http = require "support.raw_http"

local child = http.child
local listen = http.listen

describe("core.http", function()
  after_each(http.finish)

  describe("an interrupt", function()
    local WAITING = [[
      local core = require "oc.core"
      core.catch_interrupt()
      local pool = core.http()
      local x = pool:start {url = arg[1]}
      print "waiting"
      io.stdout:flush()
      local event, err = pool:wait()
      while event == false do event, err = pool:wait() end
      print(event, err.kind, core.interrupted(), (select(2, pool:wait())).kind, core.sleep(60))
      core.release_interrupt()
      print(core.interrupted())
    ]]

    it("wakes a wait", function()
      for name, number in pairs {INT = 2, TERM = 15} do
        local _, url = listen()
        local run = child(WAITING, url)
        assert.are.equal("waiting", run.line())
        run.kill(name)
        local out = run.finish()
        assert.matches(("^nil%%s+cancelled%%s+%d%%s+cancelled%%s+false"):format(number), out)
        assert.matches("\nnil\n$", out)
      end
    end)

    it("wakes a sleep, and a second one ends the process", function()
      local run = child [[
        local core = require "oc.core"
        core.catch_interrupt()
        print "sleeping"
        io.stdout:flush()
        print(core.sleep(60))
        io.stdout:flush()
        core.release_interrupt()
        core.catch_interrupt()
        print "again"
        io.stdout:flush()
        core.sleep(60)
        print "caught"
        io.stdout:flush()
        while true do end
      ]]
      assert.are.equal("sleeping", run.line())
      run.kill "INT"
      assert.matches("^false%s", run.line())
      assert.are.equal("again", run.line())
      run.kill "TERM"
      assert.are.equal("caught", run.line())
      run.kill "INT"
      assert.are.equal("", run.finish())
    end)

    it("of the host's own gets its turn", function()
      local _, url = listen()
      local run = child([[
        local core = require "oc.core"
        local pool = core.http()
        local x = pool:start {url = arg[1]}
        print "waiting"
        io.stdout:flush()
        repeat local event, err = pool:wait(60) until event or err
      ]], url)
      assert.are.equal("waiting", run.line())
      run.kill "INT"
      assert.matches("interrupted!", run.finish())
    end)

    it("is not there otherwise", function()
      assert.is_nil(core.interrupted())
      assert.is_true((core.sleep(0)))
      assert.is_true((core.sleep(-1)))
    end)
  end)
end)

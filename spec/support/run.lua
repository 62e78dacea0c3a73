-- run.lua ROOT... - busted under the Lua that runs this file (the launcher in a
-- distribution may pick another one). A line for each spec file, failures in full
-- at the end, and as last line `N passed, N failed`; errors count as failed. What a
-- test leaves behind, or a file with its setup and teardown, is an error of its own.

local leftovers = require "support.leftovers"

-- libuv makes a pipe when it is loaded, and keeps it as long as the process lives. No spec is to blame.
pcall(require, "luv")

local function refuse_leftovers(before, who)
  local left = leftovers.since(before)
  if #left > 0 then error(("%s left behind:\n  %s"):format(who, table.concat(left, "\n  ")), 0) end
end

-- Around everything else: before_each of the outermost block comes first, its after_each last.
local function watch_tests(busted, name_of)
  local before, test, before_file
  busted.before_each(function() before = leftovers.look() end)
  busted.subscribe({"test", "start"}, function(element)
    test = name_of(element)
    return nil, true
  end)
  busted.after_each(function() refuse_leftovers(before, test) end)
  busted.subscribe({"file", "start"}, function()
    before_file = leftovers.look()
    return nil, true
  end)
  busted.subscribe({"file", "end"}, function(file)
    refuse_leftovers(before_file, file.name)
    return nil, true
  end)
end

package.preload["busted.outputHandlers.oc"] = function()
  return function(options)
    local busted = require "busted"
    options.deferPrint = true -- no dots
    options.verbose = true    -- tracebacks
    local handler = require "busted.outputHandlers.plainTerminal"(options)
    local before

    local function failed() return handler.failuresCount + handler.errorsCount end

    busted.subscribe({"file", "start"}, function(file)
      before = {handler.successesCount, failed(), handler.pendingsCount}
      io.write(file.name, " ")
      io.flush() -- so that a crash tells where
      return nil, true
    end)

    if os.getenv "OC_TEST_VERBOSE" then
      busted.subscribe({"test", "start"}, function(test)
        io.write("\n  ", handler.getFullName(test), " ")
        io.flush()
        return nil, true
      end)
    end

    busted.subscribe({"file", "end"}, function()
      local bad, pending = failed() - before[2], handler.pendingsCount - before[3]
      io.write(handler.successesCount - before[1])
      if bad > 0 then io.write(", ", bad, " FAILED") end
      if pending > 0 then io.write(", ", pending, " pending") end
      io.write "\n"
      return nil, true
    end)

    watch_tests(busted, handler.getFullName)

    -- Subscribed last, so after the failures are shown.
    busted.subscribe({"suite", "end"}, function()
      io.write(("\n%d passed, %d failed\n"):format(handler.successesCount, failed()))
      io.flush()
      return nil, true
    end)

    return handler
  end
end

require "busted.runner" {standalone = false, output = "oc"}

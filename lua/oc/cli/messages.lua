--- What the command line says besides data: lines on standard error, and in a log
-- file with their time. Data never comes here, nor anything that is secret.

local core = require "oc.core"
local errors = require "oc.errors"
local width = require "oc.width"

local messages = {}

local EXIT_FAILED = 1
local EXIT_USAGE = 2
local EXIT_BROKEN_PIPE = 141 -- as of a process that SIGPIPE ended

---@class oc.cli.Messages
---@field before fun() called before each line on standard error: the progress line makes room
local Messages = {}
Messages.__index = Messages

--- Where messages go.
---@param options {verbose: boolean|nil, log_file: string|nil}
---@return oc.cli.Messages|nil
---@return oc.Error|nil err kind `io`: the log file cannot be opened
function messages.new(options)
  local self = setmetatable({verbose = options.verbose, before = function() end}, Messages)
  if options.log_file then
    local file, why = io.open(options.log_file, "a")
    if not file then return nil, errors.new("io", "cannot open the log file " .. why) end
    file:setvbuf "no" -- a buffer would lose, unsaid, what a full disk refuses
    self.file, self.file_name = file, options.log_file
  end
  return self
end

--- Where the messages of a command go, by its flags --verbose and --log-file. Says why not.
---@param parsed table of argparse
---@return oc.cli.Messages|nil
---@return integer|nil code exit status
function messages.of(parsed)
  local say, err = messages.new {verbose = parsed.verbose, log_file = parsed.log_file}
  if say then return say end
  core.write(2, "oc-leads: " .. err.message .. "\n")
  return nil, EXIT_FAILED
end

local function to_stderr(self, text)
  self.before()
  core.write(2, "oc-leads: " .. text .. "\n")
end

-- A log that cannot be written is no reason to stop, but one to say so, once.
local function to_file(self, level, text)
  if not self.file then return end
  local line = ("%s %s %s\n"):format(os.date "!%Y-%m-%dT%H:%M:%SZ", level, text)
  local ok, why = self.file:write(line) -- whole, as other runs may append to the same file
  if ok then return end
  self.file = nil
  to_stderr(self, ("warn: cannot write the log file %s: %s"):format(self.file_name, tostring(why)))
end

--- Says a line to whoever watches, and to the log file.
---@param text string
---@param level? "info"|"warn"|"error" for the log file; default info
function Messages:say(text, level)
  text = width.clean(text)
  to_stderr(self, text)
  to_file(self, level or "info", text)
end

--- Says a line to the log file alone.
---@param text string
function Messages:note(text)
  to_file(self, "info", width.clean(text))
end

local function fields_as_text(fields)
  local names, parts = {}, {}
  for name in pairs(fields or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = fields[name]
    local text = type(value) == "number" and ("%.6g"):format(value) or tostring(value)
    parts[i] = (" %s=%s"):format(name, text:find "[ =]" and ("%q"):format(text) or text)
  end
  return table.concat(parts)
end

--- A log event: warnings and errors for whoever watches, the rest with `verbose`.
---@param level "debug"|"info"|"warn"|"error"
---@param event string
---@param fields table|nil
function Messages:log(level, event, fields)
  local text = width.clean(event .. fields_as_text(fields))
  if level == "warn" or level == "error" or self.verbose then to_stderr(self, level .. ": " .. text) end
  to_file(self, level, text)
end

--- An error of the world, with what helps to find its cause.
---@param err oc.Error
function Messages:fail(err)
  self:say(("%s (%s)"):format(tostring(err), err.kind), "error")
  if err.title then self:say("  the service says: " .. err.title, "error") end
  if err.trace_id then self:say("  trace id: " .. err.trace_id, "error") end
  local lines = {}
  for name, faults in pairs(type(err.fields) == "table" and err.fields or {}) do
    for _, fault in ipairs(type(faults) == "table" and faults or {faults}) do
      if type(fault) == "string" then lines[#lines + 1] = ("  %s: %s"):format(tostring(name), fault) end
    end
  end
  table.sort(lines)
  for _, line in ipairs(lines) do self:say(line, "error") end
end

--- Says why a command stops halfway.
---@param err oc.Error
---@param input oc.cli.Input|nil whom to ask for the `doctor` command that finds out why; nil: nothing was opened yet
---@param interrupted string what to say if a signal is the reason
---@return integer code exit status
function Messages:stop(err, input, interrupted)
  if err.broken_pipe then return EXIT_BROKEN_PIPE end -- nobody is there to be told
  local signal = err.kind == "cancelled" and core.interrupted()
  if signal then
    self:say(interrupted, "warn")
    return 128 + signal
  end
  self:fail(err)
  if input then input:say_doctor(err) end
  return EXIT_FAILED
end

--- Says why a command does not even begin, and closes the log file.
---@param err oc.Error
---@return integer code exit status
function Messages:refuse(err)
  for line in err.message:gmatch "[^\n]+" do self:say(line, "error") end -- a filter's fault shows where
  self:close()
  return err.kind == "options" and EXIT_USAGE or EXIT_FAILED
end

--- Closes the log file.
function Messages:close()
  local file = self.file
  self.file = nil
  if not file then return end
  local ok, why = file:close()
  if not ok then
    to_stderr(self, ("warn: cannot write the log file %s: %s"):format(self.file_name, tostring(why)))
  end
end

return messages

--- Where warnings go: a function of the caller's, standard error, or nowhere.
--
-- Only fields on the list below pass, so that no body, token or person gets into
-- a log by an oversight at one of the places that write it.

local log = {}

local allowed = {
  page = true, page_size = true, attempt = true, attempts = true, wait_s = true, kind = true, status = true,
  option = true, pages = true, leads = true, duplicates = true, forgotten = true, late = true,
  origin = true, stop_reason = true, field = true, elapsed_s = true, hint = true, lead_id = true,
}

local function pass(fields)
  local passed = {}
  for name, value in pairs(fields or {}) do
    if allowed[name] then passed[name] = value end
  end
  return passed
end

local function write_to_stderr(line) io.stderr:write("oc: ", line, "\n") end

local function as_line(level, event, fields)
  local names, parts = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    parts[i] = name .. "=" .. (tostring(fields[name]):gsub("[%c]", "?"))
  end
  return ("%s: %s%s%s"):format(level, event, #parts > 0 and " " or "", table.concat(parts, " "))
end

-- Warnings only, a line each.
local function warnings_by(write)
  return function(level, event, fields)
    if level == "warn" or level == "error" then write(as_line(level, event, fields)) end
  end
end

--- Where log events go.
---@alias oc.Log fun(level: "debug"|"info"|"warn"|"error", event: string, fields: table<string, any>)

--- The log of a client. Levels are debug, info, warn, error.
---@param option oc.Log|false|nil   nil: warnings, a line each; false: none
---@param write? fun(line: string)   where those go; default: standard error
---@return oc.Log
function log.new(option, write)
  local sink = option or warnings_by(write or write_to_stderr)
  if option == false then return function() end end
  return function(level, event, fields) sink(level, event, pass(fields)) end
end

return log

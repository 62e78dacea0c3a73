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

local function to_stderr(level, event, fields)
  if level ~= "warn" and level ~= "error" then return end
  local names, parts = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    parts[i] = name .. "=" .. (tostring(fields[name]):gsub("[%c]", "?"))
  end
  io.stderr:write("oc: ", level, ": ", event, #parts > 0 and " " or "", table.concat(parts, " "), "\n")
end

--- Where log events go.
---@alias oc.Log fun(level: "debug"|"info"|"warn"|"error", event: string, fields: table<string, any>)

--- The log of a client. Levels are debug, info, warn, error.
---@param option oc.Log|false|nil   nil: warnings to standard error, a line each; false: none
---@return oc.Log
function log.new(option)
  local sink = option or to_stderr
  if option == false then return function() end end
  return function(level, event, fields) sink(level, event, pass(fields)) end
end

return log

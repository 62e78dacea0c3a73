--- A plan in a file, as `sync --plan-out` writes it.

local errors = require "oc.errors"
local oc = require "oc"
local plan = require "oc.civic.plan"

local plan_file = {}

--- Reads it.
---@param path string
---@return oc.civic.Plan|nil
---@return oc.Error|nil err   kind `io`, or `options`: it is no plan
function plan_file.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, errors.new("io", "--plan: cannot read " .. why) end
  local text
  text, why = file:read "*a"
  file:close()
  if not text then return nil, errors.new("io", ("--plan: cannot read %s: %s"):format(path, tostring(why))) end
  local made, err = oc.decode(text, {max_lead_bytes = 1073741824})
  if err then return nil, errors.new("options", ("--plan %s: %s"):format(path, err.message)) end
  local fault = plan.fault(made)
  if fault then return nil, errors.new("options", ("--plan %s: %s"):format(path, fault)) end
  return made
end

return plan_file

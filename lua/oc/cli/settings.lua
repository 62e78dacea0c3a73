--- What flags and files say, as options of the library; and what is wrong with them,
-- in the words of flags.

local errors = require "oc.errors"
local flags = require "oc.cli.flags"
local options = require "oc.options"
local secrets = require "oc.cli.secrets"

local settings = {}

--- A wrong usage.
---@param message string
---@return nil
---@return oc.Error err kind `options`
function settings.usage(message) return nil, errors.new("options", message) end

-- What a program would have got wrong is here a wrong flag: without the place in
-- the code, and by the name of the flag. Anything else is a fault of ours.
local function usage_fault(raised)
  local text = tostring(raised):gsub("^[^:]*:%d+: ", "")
  local found = text:match "^oc%.client: (.*)" or text:match "^leads: (.*)" or text:match "^oc%.civic%.[%w.]+: (.*)"
  if not found then error(raised, 0) end
  return settings.usage((found:gsub("option '([%w_]+)':?", function(name)
    return name == "resume" and "--resume:" or flags.name_of(name)
  end)))
end

--- Calls what raises for wrong options.
---@param f function
---@param ... any
---@return any value nil when an option was wrong
---@return oc.Error|nil err
function settings.checked(f, ...)
  local ok, value, err = pcall(f, ...)
  if not ok then return usage_fault(value) end
  return value, err
end

--- The options of the client that were given as flags, and the token of --token-file.
---@param parsed table of argparse
---@return table|nil given
---@return oc.Error|nil err kind `options`
function settings.client(parsed)
  local given = flags.given(options.client, parsed)
  given.auth = parsed.profile_auth
  if not parsed.token_file then return given end
  local fault
  given.auth, fault = secrets.token_file(parsed.token_file)
  if fault then return settings.usage(fault) end
  return given
end

return settings

--- Files that a command was given: each has one use, however its name is spelt, since
-- what is written replaces what was there.

local core = require "oc.core"
local settings = require "oc.cli.settings"

local files = {}

-- The one name of a file, also of one that is not there yet.
local function real(path)
  local found = core.real_path(path)
  if found then return found end
  local folder, name = path:match "^(.*/)([^/]*)$"
  folder = core.real_path(folder or ".")
  return folder and folder .. "/" .. (name or path) or path
end

--- What a flag names.
---@class oc.cli.FileUse
---@field flag string
---@field path string|nil
---@field reads? boolean   it is only read: others may read it, too
---@field beside? string   what is written besides, by this ending: ".part"

--- Are they different files? Devices may be named twice.
---@param uses oc.cli.FileUse[]
---@return true|nil ok
---@return oc.Error|nil err   kind `options`
function files.check(uses)
  local taken = {}
  for _, use in ipairs(uses) do
    local _, kind = core.file_mode(use.path or "")
    for _, ending in ipairs(use.path and use.path ~= "-" and kind ~= "other" and {"", use.beside} or {}) do
      local name = real(use.path) .. ending
      local other = taken[name]
      if other and not (other.reads and use.reads) then
        return settings.usage(("%s and %s: %s would be used for both"):format(other.flag, use.flag,
          use.path .. ending))
      end
      taken[name] = use
    end
  end
  return true
end

return files

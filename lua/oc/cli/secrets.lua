--- Secrets from files: only from files that nobody else can read.

local auth = require "oc.auth"
local core = require "oc.core"

local secrets = {}

-- One of the permission bits, as in octal 0040.
local function has(mode, bit) return math.floor(mode / bit) % 2 == 1 end

--- A bearer token out of a file.
---@param path string
---@return oc.Auth|nil
---@return string|nil fault
function secrets.token_file(path)
  local mode, kind = core.file_mode(path)
  if not mode then return nil, ("--token-file %s: %s"):format(path, kind) end
  if kind == "file" and (has(mode, 32) or has(mode, 4)) then
    return nil, ("--token-file %s: others can read it; chmod 600 it first"):format(path)
  end
  local file, why = io.open(path, "r")
  if not file then return nil, "--token-file " .. why end
  local text = file:read "*l"
  file:close()
  local ok, made = pcall(auth.bearer, text and text:match "^%s*(.-)%s*$")
  if not ok then return nil, ("--token-file %s: its first line is no token"):format(path) end
  return made
end

return secrets

--- Profiles: options and credentials of a service in a file, by name. Plain text, never
-- Lua: a section in brackets, then names as of options, with their values.
--
--   [prod]
--   base_url = https://sp.example.com/tenantui
--   tenant_id = 11111111-2222-3333-4444-555555555555

local auth = require "oc.auth"
local core = require "oc.core"
local errors = require "oc.errors"
local options = require "oc.options"
local settings = require "oc.cli.settings"

local profile = {}

local CREDENTIALS = {token = true, tenant_id = true, client_id = true, client_secret = true, scope = true,
  authority = true}

-- Whoever reads these can read everything.
local SECRETS = {token = true, client_secret = true, client_key_password = true, proxy = true}

local OTHERS_READ = {32, 4} -- 0040, 0004

--- Where profiles are: the variable OC_CONFIG, else as XDG has it.
---@return string|nil path   nil: there is no home
function profile.path()
  local named = os.getenv "OC_CONFIG" or ""
  if named ~= "" then return named end
  local base = os.getenv "XDG_CONFIG_HOME" or ""
  if base ~= "" then return base .. "/oc/config" end
  local home = os.getenv "HOME" or ""
  return home ~= "" and home .. "/.config/oc/config" or nil
end

local function fault(path, line, what)
  return nil, errors.new("options", ("%s, line %d: %s"):format(path, line, what))
end

-- The sections of a file: {name = {{key, value, line}, ...}} | nil, err.
local function read(path, lines)
  local sections, current, number = {}, nil, 0
  for line in lines do
    number = number + 1
    local text = line:match "^%s*(.-)%s*$"
    local name = text:match "^%[%s*([%w_.-]+)%s*%]$"
    local key, value = text:match "^([%w_]+)%s*=%s*(.-)$"
    if name then
      if sections[name] then return fault(path, number, ("the profile %s is there twice"):format(name)) end
      current = {}
      sections[name] = current
    elseif key and current then
      current[#current + 1] = {key = key, value = value, line = number}
    elseif text ~= "" and not text:find "^[#;]" then
      return fault(path, number, key and "a [profile] has to come first" or "NAME = VALUE or [PROFILE] expected")
    end
  end
  return sections
end

local function names_of(sections)
  local names = {}
  for name in pairs(sections) do names[#names + 1] = name end
  table.sort(names)
  return #names > 0 and "it has " .. table.concat(names, ", ") or "it has none"
end

local function can_be_read_by_others(mode)
  for _, bit in ipairs(OTHERS_READ) do
    if math.floor(mode / bit) % 2 == 1 then return true end
  end
  return false
end

local function find_option(name)
  for kind, list in pairs {client = options.client, leads = options.leads} do
    for _, option in ipairs(list) do
      if option.name == name and (option.flag or option.secret) and option.type ~= "any" then return option, kind end
    end
  end
end

local BOOLEAN = {["true"] = true, ["false"] = false}

local function value_of(option, text)
  if option.type ~= "boolean" then return options.read(option, text) end
  if BOOLEAN[text] == nil then return nil, "true or false expected" end
  return BOOLEAN[text]
end

-- Puts an option where a flag would have: the flag of a boolean says that it is not the default.
local function set_option(parsed, option, value)
  if parsed[option.name] ~= nil then return end -- a flag says otherwise
  if option.type == "boolean" then value = value ~= option.default or nil end
  parsed[option.name] = value
end

local function credentials_of(path, found)
  local getenv = function(name) return found[name:lower()] end
  local made, err = auth.from_environment("", getenv)
  if err then
    return nil, errors.new("options", ("%s: %s"):format(path, (err.message:gsub("environment variable ", "")
      :gsub("environment: ", "") :gsub("[%u_][%u_]+", string.lower))))
  end
  return made
end

-- Fills parsed: true | nil, err.
local function apply(path, mode, entries, parsed)
  local found = {}
  local reads_leads = not (parsed.from or parsed.plan or parsed.old and parsed.new ~= "live")
  for _, entry in ipairs(entries) do
    if SECRETS[entry.key] and can_be_read_by_others(mode) then
      return fault(path, entry.line, ("%s is a secret, and others can read this file; chmod 600 it first"):format(
        entry.key))
    end
    local option, kind = find_option(entry.key)
    if CREDENTIALS[entry.key] then
      found[entry.key] = entry.value
    elseif not option then
      return fault(path, entry.line, ("there is no option %s"):format(entry.key))
    else
      local value, why = value_of(option, entry.value)
      if why then return fault(path, entry.line, ("%s: %s"):format(entry.key, why)) end
      if kind == "client" or reads_leads then set_option(parsed, option, value) end
    end
  end
  local err
  parsed.profile_auth, err = credentials_of(path, found)
  if err then return nil, err end
  return true
end

--- Takes what the profile of --profile or OC_PROFILE says for what no flag says.
---@param parsed table   of argparse; changed: options, and `profile_auth`
---@return true|nil
---@return oc.Error|nil err   kind `options`
function profile.apply(parsed)
  if parsed.profile == "" then return settings.usage "--profile: a name expected" end
  local name = parsed.profile or os.getenv "OC_PROFILE" or ""
  if name == "" then return true end
  local path = profile.path()
  if not path then return settings.usage "--profile: there is no HOME to look for profiles in; set OC_CONFIG" end
  local mode, kind = core.file_mode(path)
  if not mode then return settings.usage(("--profile %s: %s: %s"):format(name, path, kind)) end
  local file, why = io.open(path, "r")
  if not file then return settings.usage(("--profile %s: %s"):format(name, why)) end
  local sections, err = read(path, file:lines())
  file:close()
  if not sections then return nil, err end
  if not sections[name] then
    return settings.usage(("--profile %s: %s has no such profile; %s"):format(name, path, names_of(sections)))
  end
  return apply(path, mode, sections[name], parsed)
end

return profile

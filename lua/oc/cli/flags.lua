--- Flags out of the list of options, and values out of flags: so that an option is
-- described once. Knows the parser, not what a command does.

local civic_options = require "oc.civic.options"
local options = require "oc.options"

local flags = {}

local function describe(option)
  local parts = {}
  local default = option.default
  if default ~= nil and option.type ~= "boolean" then
    parts[#parts + 1] = "default " .. (default == math.huge and "all" or ("%s"):format(tostring(default)))
  end
  if option.env then parts[#parts + 1] = "environment " .. option.env end
  if #parts == 0 then return option.help end
  return option.help .. " (" .. table.concat(parts, "; ") .. ")"
end

local function flag_name(option)
  return (option.type == "boolean" and option.default and "--no-" or "--") .. option.flag
end

local function reader(option)
  return function(text)
    local value, fault = options.read(option, text)
    if value == nil then return nil, ("%s: %s"):format(flag_name(option), (fault:gsub("math%.huge", "all"))) end
    return value
  end
end

local argument_names = {number = "SECONDS", integer = "N", count = "N|all", string = "TEXT", any = "EXPRESSION",
  table = "FIELDS"}

--- Gives a command a flag for each option of the list that has one.
---@param command table   of argparse
---@param list oc.Option[]
function flags.add(command, list)
  for _, option in ipairs(list) do
    if option.flag and option.type == "boolean" then
      local help = option.default and "do not " .. option.help or option.help
      command:flag(flag_name(option), help):target(option.name)
    elseif option.flag then
      command:option(flag_name(option), describe(option)):target(option.name)
        :argname(option.argname or argument_names[option.type]):convert(reader(option))
    end
  end
end

--- The flag of an option, by the option's name; nil if it has none.
---@param name string
---@return string|nil
function flags.name_of(name)
  for _, list in ipairs {options.client, options.leads, civic_options.apply} do
    for _, option in ipairs(list) do
      if option.name == name and option.flag then return flag_name(option) end
    end
  end
end

--- The options that were given as flags.
---@param list oc.Option[]
---@param parsed table   of argparse
---@return table
function flags.given(list, parsed)
  local given = {}
  for _, option in ipairs(list) do
    local value = option.flag and parsed[option.name]
    if value and option.type == "boolean" then value = not option.default end
    if value ~= nil and value ~= false or value == false and option.default then given[option.name] = value end
  end
  return given
end

local function as_word(value)
  if value == math.huge then return "all" end
  if type(value) == "table" then value = table.concat(value, ",") end
  local text = type(value) == "number" and ("%.17g"):format(value) or value
  return text:find "^[%w_./:@%%+=,-]+$" and text or "'" .. text:gsub("'", "'\\''") .. "'"
end

--- A flag and its value as words for a shell.
---@param flag string
---@param value string|number
---@return string
function flags.word(flag, value)
  return flag .. " " .. as_word(value)
end

--- What runs this command line, as a word for a shell: a checkout's script says how it was called.
---@return string
function flags.program()
  local name = os.getenv "OC_COMMAND" or ""
  return name == "" and "oc-leads" or as_word(name)
end

--- A variable set for one command of a shell.
---@param name string
---@param value string
---@return string
function flags.assignment(name, value)
  return name .. "=" .. as_word(value)
end

--- Options as the flags that would give them.
---@param list oc.Option[]
---@param given table
---@return string[] words
function flags.words(list, given)
  local words = {}
  for _, option in ipairs(list) do
    local value = option.flag and given[option.name]
    if value ~= nil and option.type == "boolean" then
      words[#words + 1] = value ~= option.default and flag_name(option) or nil
    elseif value then
      words[#words + 1] = flags.word(flag_name(option), value)
    end
  end
  return words
end

return flags

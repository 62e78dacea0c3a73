--- The command line: which command, what exit code. Each command has a file of its
-- own; this one parses, and says what was wrong with the words.

local argparse = require "argparse"
local core = require "oc.core"

local cli = {}

local EXIT_FAILED = 1
local EXIT_USAGE = 2

local names = {"list", "sandbox", "version"}

local known = {}
for _, name in ipairs(names) do known[name] = true end

local function new_parser()
  local parser = argparse("oc-leads", "Leads of Operator Connect customers from AudioCodes Live Platform.")
    :help_max_width(100):usage_max_width(100)
    :epilog [[
Data goes to standard output, everything else to standard error.

Examples:
  oc-leads sandbox --leads 1000
  oc-leads list --base-url http://127.0.0.1:8080]]
  parser:command_target "command"
  for _, name in ipairs(names) do
    require("oc.cli." .. name).describe(parser:command(name):help_max_width(100):usage_max_width(100))
  end
  return parser
end

local function refuse(text)
  core.write(2, "oc-leads: " .. text .. "\n")
  return EXIT_USAGE
end

--- Runs a command.
---@param words string[]   without the program's name
---@return integer code   0 done; 1 failed; 2 wrong usage; 3 cut by the default
---  --max-pages; 128 + signal interrupted
function cli.main(words)
  if not core.standard_streams() then -- first: whatever is opened takes a free descriptor
    core.write(2, "oc-leads: standard output is closed\n")
    return EXIT_FAILED
  end
  core.catch_interrupt()
  local parser = new_parser()
  if #words == 0 then
    core.write(2, parser:get_help() .. "\n")
    return EXIT_USAGE
  end
  if words[1] == "--version" then words = {"version"} end
  local ok, parsed = parser:pparse(words)
  if not ok then
    local command = known[words[1]] and words[1] .. " " or ""
    return refuse(("%s (oc-leads %s--help tells more)"):format(parsed:gsub("\n.*", ""), command))
  end
  return require("oc.cli." .. parsed.command).run(parsed)
end

return cli

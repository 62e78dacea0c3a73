--- The command line: which command, what exit code. Each command has a file of its
-- own; this one parses, and says what was wrong with the words.

local argparse = require "argparse"
local core = require "oc.core"
local flags = require "oc.cli.flags"
local profile = require "oc.cli.profile"
local width = require "oc.width"

local cli = {}

local EXIT_FAILED = 1
local EXIT_USAGE = 2

local names = {"audit", "completion", "diff", "doctor", "list", "report", "sandbox", "sync", "version"}

local known = {}
for _, name in ipairs(names) do known[name] = true end

-- Those that a profile says something to.
local asks_service = {audit = true, diff = true, doctor = true, list = true, report = true, sync = true}

-- What many a command line has, and this one on purpose has not.
local credentials = {["--token"] = true, ["--tenant-id"] = true, ["--client-id"] = true, ["--client-secret"] = true,
  ["--scope"] = true}

-- Commands and the whole have the same --help, which does not end the process: what
-- is printed may not arrive. It leaves by an error that `asked` tells from others.
local function add_help(parser, asked)
  parser:help_max_width(100):usage_max_width(100):add_help {
    action = function()
      asked.help = parser:get_help()
      error("help", 0)
    end,
  }
end

local function new_parser(asked)
  local parser = argparse("oc-leads", "Leads of Operator Connect customers from AudioCodes Live Platform.")
    :epilog [[
Data goes to standard output, everything else to standard error.

Examples:
  oc-leads sandbox --leads 1000
  oc-leads list --base-url http://127.0.0.1:8080]]
  add_help(parser, asked)
  parser:command_target "command"
  for _, name in ipairs(names) do
    local command = parser:command(name)
    add_help(command, asked)
    require("oc.cli." .. name).describe(command)
    if asks_service[name] then
      command:option("--profile", "take options and credentials from this profile of the configuration file")
        :argname "NAME"
    end
  end
  return parser
end

local function refuse(text)
  core.write(2, "oc-leads: " .. width.clean(text) .. "\n")
  return EXIT_USAGE
end

local function print_out(text)
  local ok, why, broken_pipe = core.write(1, text)
  if ok or broken_pipe then return 0 end
  core.write(2, "oc-leads: cannot write standard output: " .. why .. "\n")
  return EXIT_FAILED
end

-- What a command raises is a fault of ours: all there is to know goes into a report.
local function run(parsed, parser)
  local command = require("oc.cli." .. parsed.command)
  local found, err = profile.apply(parsed)
  if not found then return refuse(err.message) end
  local ok, code = xpcall(function() return command.run(parsed, parser) end, function(raised)
    return debug.traceback(tostring(raised), 2)
  end)
  if ok then return code end
  core.write(2, "oc-leads: internal error, please report it: " .. tostring(code) .. "\n")
  return EXIT_FAILED
end

--- Runs a command.
---@param words string[]   without the program's name
---@param has_output boolean   there is a standard output; interrupts are caught already
---@return integer code   0 done; 1 failed; 2 wrong usage; 3 cut by the default
---  --max-pages; 5 findings or differences, with --check; 128 + signal interrupted
function cli.main(words, has_output)
  if not has_output then
    core.write(2, "oc-leads: standard output is closed\n")
    return EXIT_FAILED
  end
  local asked = {}
  local parser = new_parser(asked)
  if #words == 0 then
    core.write(2, parser:get_help() .. "\n")
    return EXIT_USAGE
  end
  if words[1] == "--version" then words = {"version"} end
  local called, ok, parsed = pcall(parser.pparse, parser, words)
  if asked.help then return print_out(asked.help .. "\n") end
  if not called then error(ok, 0) end
  if not ok then
    if credentials[parsed:match "^unknown option '(%S+)'"] then
      parsed = parsed:match "^[^\n]*" .. ": credentials come from the environment or --token-file, never from flags"
    end
    local command = known[words[1]] and words[1] .. " " or ""
    return refuse(("%s (%s %s--help tells more)"):format((parsed:gsub("\n", ". ")), flags.program(), command))
  end
  return run(parsed, parser)
end

return cli

--- `oc-leads completion`: what a shell needs to complete commands and flags, and the
-- manual page; both made from the parser, so that they are what it takes.

local core = require "oc.core"

local command = {}

local EXIT_FAILED = 1

local MAKERS = {
  bash = function(parser) return parser:get_bash_complete() end,
  zsh = function(parser) return parser:get_zsh_complete() end,
  fish = function(parser) return parser:get_fish_complete() end,
}

function command.describe(parser)
  parser:summary "Print completions for a shell, or the manual page."
  parser:epilog [[
Examples:
  oc-leads completion bash > /etc/bash_completion.d/oc-leads
  oc-leads completion zsh > ~/.zsh/completions/_oc-leads
  oc-leads completion fish > ~/.config/fish/completions/oc-leads.fish
  oc-leads completion man > /usr/local/share/man/man1/oc-leads.1]]
  parser:argument("shell", "bash, zsh, fish or man"):choices {"bash", "zsh", "fish", "man"}
end

-- --- the manual page ------------------------------------------------------------------------

-- Text for troff: nothing of it is an instruction.
local function plain(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("\n(['.])", "\n\\&%1"):gsub("^(['.])", "\\&%1"))
end

local function verbatim(text)
  return ".nf\n" .. plain(text) .. "\n.fi\n"
end

local function command_page(parser)
  return (".SS %s\n%s\n"):format(plain(parser._name), verbatim(parser:get_help()))
end

local function manual(parser)
  local parts = {
    ".TH OC\\-LEADS 1\n.SH NAME\noc\\-leads \\- leads of Operator Connect customers from AudioCodes Live Platform\n",
    ".SH SYNOPSIS\n.B oc\\-leads\n.I COMMAND\n[flags]\n",
    ".SH DESCRIPTION\n", verbatim(parser:get_help()), ".SH COMMANDS\n",
  }
  for _, one in ipairs(parser._commands) do parts[#parts + 1] = command_page(one) end
  return table.concat(parts)
end

--- Runs it.
---@param parsed table of argparse
---@param parser table   the whole one
---@return integer code
function command.run(parsed, parser)
  local text = parsed.shell == "man" and manual(parser) or MAKERS[parsed.shell](parser)
  local ok, why, broken_pipe = core.write(1, text)
  if ok or broken_pipe then return 0 end
  core.write(2, "oc-leads: cannot write standard output: " .. why .. "\n")
  return EXIT_FAILED
end

return command

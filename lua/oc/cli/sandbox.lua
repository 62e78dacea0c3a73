--- `oc-leads sandbox`: the service played on this machine, until it is interrupted.

local core = require "oc.core"
local oc = require "oc"
local sandbox = require "oc.sandbox"

local command = {}

-- Flag, option, and how the text is read.
local flags = {
  {"--port", "port", tonumber, "N", "port to listen on; 0 (default) picks a free one"},
  {"--leads", "leads", tonumber, "N", "how many leads there are, up to 1000000 (default 10: the samples)"},
  {"--seed", "seed", tonumber, "N", "seed of the generated leads (default 1); same seed, same leads"},
  {"--page-base", "page_base", tonumber, "N", "number of the first page, 0 or 1 (default)"},
  {"--page-cap", "page_cap", tonumber, "N", "never give more leads a page than this"},
  {"--shape", "shape", nil, "SHAPE", "array (default), nested, data, items or value"},
  {"--end-status", "end_status", tonumber, "404", "answer this past the last page, in place of an empty page"},
  {"--token", "token", nil, "TEXT", "want this bearer token"},
  {"--client-id", "client_id", nil, "TEXT", "what the token endpoint accepts"},
  {"--client-secret", "client_secret", nil, "TEXT", "what the token endpoint accepts"},
  {"--token-lifetime", "token_lifetime_s", tonumber, "SECONDS", "how long a token is good (default 3599)"},
}

function command.describe(parser)
  parser:summary "Play the service on 127.0.0.1, for first steps and tests."
  parser:epilog [[
Prints its address, and a command to try. Ends with Ctrl-C.

Examples:
  oc-leads sandbox --leads 5000
  oc-leads sandbox --port 8080 --faults faults.json -v]]
  for _, flag in ipairs(flags) do
    parser:option(flag[1], flag[5]):target(flag[2]):convert(flag[3] or tostring):argname(flag[4])
  end
  parser:option("--faults", "a JSON list of what is to go wrong: see docs/REFERENCE.md"):argname "FILE"
  parser:flag("--exit-on-eof", "end when standard input ends, for use by other programs")
  parser:flag("-v --verbose", "print each request to standard error")
end

local function say(text) core.write(2, "oc-leads: " .. text .. "\n") end

local function read_faults(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, "--faults " .. why end
  local text = file:read "*a"
  file:close()
  local rules, err = oc.decode(text)
  if rules == nil then return nil, ("--faults %s: %s"):format(path, tostring(err)) end
  return rules
end

local function settings(parsed)
  local given = {exit_on_stdin_eof = parsed.exit_on_eof}
  for _, flag in ipairs(flags) do given[flag[2]] = parsed[flag[2]] end
  if parsed.faults then
    local rules, fault = read_faults(parsed.faults)
    if fault then return nil, fault end
    given.faults = rules
  end
  if parsed.verbose then given.log = say end
  return given
end

function command.run(parsed)
  local given, fault = settings(parsed)
  if not given then
    say(fault)
    return 2
  end
  local ok, server, err = pcall(sandbox.new, given)
  if not ok then
    say((tostring(server):gsub("^[^:]*:%d+: ", "")))
    return 2
  end
  if not server then
    say(tostring(err))
    return 1
  end
  core.write(1, ("%s\n\nTry, in another terminal:\n  oc-leads list --base-url %s\n"):format(server.url, server.url))
  server:run(core.interrupted)
  core.release_interrupt()
  return 0
end

return command

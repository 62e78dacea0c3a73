--- `oc-leads sandbox`: the service played on this machine, until it is interrupted.

local core = require "oc.core"
local flags = require "oc.cli.flags"
local oc = require "oc"

local command = {}

-- Any that have the form the token endpoint insists on.
local TENANT, SCOPE = "contoso.example", "api://any/.default"

local function number(text)
  local value = tonumber(text)
  if not value then return nil, ("a number expected, got '%s'"):format(text) end
  return value
end

-- Flag, option, and how the text is read.
local settable = {
  {"--port", "port", number, "N", "port to listen on; 0 (default) picks a free one"},
  {"--leads", "leads", number, "N", "how many leads there are, up to 1000000 (default 10: the samples)"},
  {"--seed", "seed", number, "N", "seed of the generated leads (default 1); same seed, same leads"},
  {"--page-base", "page_base", number, "N", "number of the first page, 0 or 1 (default)"},
  {"--page-zero", "page_zero", nil, "HOW", "page 0 where pages begin at 1: refuse (default), clamp or empty"},
  {"--page-cap", "page_cap", number, "N", "never give more leads a page than this"},
  {"--shape", "shape", nil, "SHAPE", "array (default), nested, data, items or value"},
  {"--end-status", "end_status", number, "404", "answer this past the last page, in place of an empty page"},
  {"--base-path", "base_path", nil, "PATH", "the leads are below this path only, such as /tenantui"},
  {"--token", "token", nil, "TEXT", "want this bearer token"},
  {"--client-id", "client_id", nil, "TEXT", "what the token endpoint accepts"},
  {"--client-secret", "client_secret", nil, "TEXT", "what the token endpoint accepts"},
  {"--token-lifetime", "token_lifetime_s", number, "SECONDS", "how long a token is good (default 3599)"},
  {"--gateway-rate", "gateway_rate_per_min", number, "N", "requests a minute to the gateway (default: any number)"},
  {"--gateway-latency", "gateway_latency_s", number, "SECONDS", "how long the gateway takes to answer (default 0)"},
}

function command.describe(parser)
  parser:summary "Play the service on 127.0.0.1, for first steps and tests."
  parser:epilog [[
Prints its address, and a command to try. Ends with Ctrl-C.

Examples:
  oc-leads sandbox --leads 5000
  oc-leads sandbox --port 8080 --faults faults.json -v]]
  for _, flag in ipairs(settable) do
    local read = flag[3] or tostring
    parser:option(flag[1], flag[5]):target(flag[2]):argname(flag[4]):convert(function(text)
      local value, fault = read(text)
      return value, fault and flag[1] .. ": " .. fault
    end)
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
  for _, flag in ipairs(settable) do given[flag[2]] = parsed[flag[2]] end
  if parsed.faults then
    local rules, fault = read_faults(parsed.faults)
    if fault then return nil, fault end
    given.faults = rules
  end
  given.log = function(line)
    if parsed.verbose or line:find "^internal error" then say(line) end
  end
  return given
end

-- The command that lists its leads, with the credentials it asks for.
local function example(url, parsed)
  local secret = ""
  if parsed.token then
    secret = flags.assignment("OC_TOKEN", parsed.token)
  elseif parsed.client_id or parsed.client_secret then
    secret = table.concat({
      flags.assignment("OC_AUTHORITY", url), "OC_TENANT_ID=" .. TENANT, "OC_SCOPE=" .. SCOPE,
      flags.assignment("OC_CLIENT_ID", parsed.client_id or "any"),
      flags.assignment("OC_CLIENT_SECRET", parsed.client_secret or "any"),
    }, " ")
  end
  local base_url = url .. (parsed.base_path or "")
  local base = parsed.page_base == 0 and " --page-base 0" or ""
  if secret == "" then return ("%s list --base-url %s%s"):format(flags.program(), base_url, base) end
  return ("OC_BASE_URL=%s %s %s list%s"):format(base_url, secret, flags.program(), base)
end

local function serve(server, parsed)
  local ok, why, broken_pipe = core.write(1, ("%s\n\nTry, in another terminal:\n  %s\n"):format(server.url,
    example(server.url, parsed)))
  if not ok and not broken_pipe then
    say("cannot write standard output: " .. why)
    return 1
  end
  server:run(core.interrupted)
  return 0 -- being stopped is how it ends
end

--- Runs it.
---@param parsed table of argparse
---@return integer code
function command.run(parsed)
  local found, sandbox = pcall(require, "oc.sandbox")
  if not found then
    say("the sandbox needs luasocket: " .. tostring(sandbox):match "^[^\n]*")
    return 1
  end
  local given, fault = settings(parsed)
  if not given then
    say(fault)
    return 2
  end
  local ok, server, err = pcall(sandbox.new, given)
  if not ok then
    say((tostring(server):gsub("^[^:]*:%d+: ", ""):gsub("^oc%.sandbox%.new: ", "")))
    return 2
  end
  if not server then
    say(tostring(err))
    return 1
  end
  local code = serve(server, parsed)
  server:close()
  core.release_interrupt()
  return code
end

return command

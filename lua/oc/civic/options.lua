--- What can be said about a synchronisation: one list as data, in the form of oc.options,
-- for the checks, the reference and the flags of the command line.

local options = {}

local function breaker_fault(value)
  if value == false then return nil end
  if type(value) == "number" and value >= 1 and value % 1 == 0 then return nil end
  return "an integer of at least 1, or off (in Lua false), expected"
end

local function parse_breaker(text)
  if text == "off" then return false end
  return tonumber(text)
end

--- Options of `oc.civic.plan`.
---@type oc.Option[]
options.plan = {
  {name = "policy", type = "any", help = "which leads: a policy, a filter, an expression or a function; "
    .. "default: oc.civic.policy.direct_missing"},
}

--- Options of `oc.civic.apply`. Those about attempts and time have no flags here: the
--- client's serve for both.
---@type oc.Option[]
options.apply = {
  {name = "source", type = "any", help = "where addresses come from: a source or a function"},
  {name = "leads", type = "table", help = "leads that addresses are put into; default: none, see changes"},
  {name = "client", type = "table", help = "whose connections a function that is the source uses"},
  {name = "concurrency", type = "integer", default = 8, min = 1, max = 256, flag = "concurrency",
    help = "leads to ask about at once"},
  {name = "rate_per_min", type = "number", min = 0.001, flag = "rate-per-min", argname = "N",
    help = "requests a minute at the most; default: what the source bears"},
  {name = "max_attempts", type = "integer", default = 3, min = 1, max = 1000,
    help = "how often to ask about a lead before it has failed"},
  {name = "backoff_base_s", type = "number", default = 0.5, min = 0,
    help = "seconds of the first wait before asking again, doubled each time, with full jitter"},
  {name = "backoff_cap_s", type = "number", default = 30, min = 0, help = "longest such wait, in seconds"},
  {name = "retry_after_cap_s", type = "number", default = 120, min = 0,
    help = "longest Retry-After that is obeyed, in seconds; beyond it the lead has failed"},
  {name = "deadline_s", type = "number", min = 0.001,
    help = "seconds the run may take; what was not begun by then is skipped"},
  {name = "dry_run", type = "boolean", default = false, flag = "dry-run", help = "ask nobody and change nothing"},
  {name = "breaker", type = "any", default = 10, fault = breaker_fault, parse = parse_breaker,
    flag = "breaker", argname = "N|off",
    help = "failures in a row after which the rest is skipped; off, in Lua false: never"},
  {name = "breaker_wait_s", type = "number", default = 30, min = 0, flag = "breaker-wait",
    help = "seconds before one lead is tried again when that happens, doubled each time"},
  {name = "breaker_probes", type = "integer", default = 3, min = 0, max = 100, flag = "breaker-probes",
    help = "how many leads are tried so"},
  {name = "journal", type = "string", flag = "journal", argname = "FILE",
    help = "file that remembers outcomes, to go on from"},
  {name = "journal_max_age_h", type = "number", default = 24, min = 0, flag = "journal-max-age", argname = "HOURS",
    help = "hours after which a journal's run is over and a new one begins"},
  {name = "log", type = "any", help = "function(level, event, fields); false: none; default: that of the client"},
  {name = "on_outcome", type = "function", help = "function(outcome), after each lead"},
}

return options

--- What `sync` is told to use: words of flags and variables as a policy and a source.

local auth = require "oc.auth"
local flags = require "oc.cli.flags"
local oc = require "oc"
local options = require "oc.options"
local settings = require "oc.cli.settings"

local choice = {}

local NAMES = {["direct-missing"] = "direct_missing", missing = "missing", unvalidated = "unvalidated",
  uncovered = "uncovered", all = "all"}

-- One word: a name, stale:DAYS, or an expression.
local function policy_of(word, journal)
  if NAMES[word] then return oc.civic.policy[NAMES[word]] end
  local days = word:match "^stale:(.*)$"
  if days then
    local ok, made = pcall(oc.civic.policy.stale, {days = tonumber(days), journal = journal})
    if ok then return made end
    return settings.usage(("--policy stale:%s: a number of days, from 0 to 36500, expected"):format(days))
  end
  if word:find "^[%w_-]+$" then -- a field by itself would be an expression, but more likely a name is misspelt
    return settings.usage(("--policy %s: one of direct-missing, missing, unvalidated, uncovered, stale:DAYS, all, or "
      .. "an expression (such as 'isDirectLead and empty(civicAddresses)') expected"):format(word))
  end
  local made, fault = oc.civic.policy.of(word)
  if made then return made end
  return settings.usage("--policy: " .. fault)
end

--- The policy of some words, of which one has to hold.
---@param words string[]
---@param journal string|nil   what stale:DAYS looks into
---@return oc.civic.Policy|nil
---@return oc.Error|nil err   kind `options`
function choice.policy(words, journal)
  if #words == 0 then return oc.civic.policy.direct_missing end
  local parts = {}
  for i, word in ipairs(words) do
    local part, err = policy_of(word, journal)
    if not part then return nil, err end
    parts[i] = part
  end
  return #parts == 1 and parts[1] or oc.filter.any(parts)
end

-- Transport and time are as the flags say; address and credentials are the gateway's own.
local function gateway(parsed, say)
  local url = os.getenv "OC_GATEWAY_URL"
  if (url or "") == "" then
    return settings.usage "--source gateway: its address is missing: environment variable OC_GATEWAY_URL"
  end
  local _, fault = options.address(url, parsed.insecure)
  if fault then return settings.usage("environment variable OC_GATEWAY_URL " .. fault) end
  local made, err = auth.from_environment "OC_GATEWAY_"
  if err then return nil, err end
  if not made then
    return settings.usage("--source gateway: its credentials are missing: OC_GATEWAY_TOKEN, or OC_GATEWAY_TENANT_ID, "
      .. "OC_GATEWAY_CLIENT_ID, OC_GATEWAY_CLIENT_SECRET and OC_GATEWAY_SCOPE in the environment")
  end
  local given = flags.given(options.client, parsed)
  given.base_url, given.auth, given.lead_path, given.page_base = url, made, nil, nil
  given.log = function(level, event, fields) say:log(level, event, fields) end
  return settings.checked(oc.civic.source.gateway, given)
end

local function platform(parsed, say, client)
  if client then return oc.civic.source.platform(client) end
  local given, err = settings.client(parsed)
  if not given then return nil, err end
  given.log = function(level, event, fields) say:log(level, event, fields) end
  client, err = settings.checked(oc.client, given)
  if not client then return nil, err end
  return oc.civic.source.platform(client)
end

--- The source that --source names.
---@param parsed table   of argparse
---@param say oc.cli.Messages
---@param client oc.Client|nil   of the leads, if they come from the service
---@return oc.civic.Source|nil
---@return oc.Error|nil err
function choice.source(parsed, say, client)
  local word = parsed.source or "platform"
  if word == "platform" then return platform(parsed, say, client) end
  if word == "gateway" then return gateway(parsed, say) end
  if not word:find "[./]" then
    return settings.usage(("--source %s: platform, gateway or a file expected"):format(word))
  end
  return oc.civic.source.file(word)
end

return choice

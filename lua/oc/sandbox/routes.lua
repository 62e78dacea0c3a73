-- Which answer a request gets: leads, tokens, the gateway's, the sandbox's own controls, or a 404.
-- Decides and delegates; knows neither sockets nor how leads are made.

local faults = require "oc.sandbox.faults"
local gateway = require "oc.sandbox.gateway"
local http = require "oc.sandbox.http"
local journal = require "oc.sandbox.journal"
local json = require "oc.sandbox.json"
local options = require "oc.sandbox.options"
local pages = require "oc.sandbox.pages"
local query = require "oc.sandbox.query"
local reply = require "oc.sandbox.reply"
local store = require "oc.sandbox.store"
local token = require "oc.sandbox.token"

local has_cjson, cjson = pcall(require, "cjson.safe")

local routes = {}

local JSON_TYPE = "application/json; charset=utf-8"
local CONTROL = "/_sandbox/"
local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

---@class oc.sandbox.State everything that `configure` replaces
---@field options oc.sandbox.Options
---@field leads table the store
---@field pages table
---@field tokens table
---@field faults table
---@field gateway table
---@field journal table
---@field attempts table<string, integer> requests by endpoint, page and tenant

--- A fresh state for a configuration.
---@param settings oc.sandbox.Options checked
---@param clock fun(): number seconds
---@return oc.sandbox.State
function routes.state(settings, clock)
  local leads = store.new(settings)
  return {
    options = settings,
    leads = leads,
    pages = pages.new(leads, settings),
    tokens = token.new(settings, clock),
    faults = faults.new(settings.faults, settings.seed),
    gateway = gateway.new(settings, leads, clock),
    journal = journal.new(),
    attempts = {},
  }
end

local function not_found(request)
  if request.method == "HEAD" then return { status = 404, body = "" } end
  return { status = 404, content_type = JSON_TYPE, body = '"Not Found"' }
end

local function next_attempt(state, key)
  local attempt = (state.attempts[key] or 0) + 1
  state.attempts[key] = attempt
  return attempt
end

local function page_of(state, asked, pause)
  local settings, leads = state.options, state.leads
  local size = math.min(asked.size, settings.page_cap or asked.size)
  local clamped = asked.page < settings.page_base and settings.page_zero == "clamp"
  local number = (settings.ignore_page or clamped) and settings.page_base or asked.page
  if not asked.tenant then
    local view = leads:view()
    -- Told before it is built: whoever asks for the next page meanwhile finds the rows moved already.
    leads:page_answered(asked.page)
    return state.pages:get(view, number, size, pause)
  end
  local indexes = leads:find_tenant(leads:view(), asked.tenant)
  if #indexes == 0 and asked.check_online then indexes = { leads:fetch_online(asked.tenant) } end
  return state.pages:of_list(indexes, number, size, pause)
end

local function note_civic(state, entry, tally, log)
  entry.civic = { ok = tally.ok, failed = tally.failed, empty = tally.empty }
  for _, failure in ipairs(tally.failures) do
    state.journal:civic_failure(failure)
    log(("civic synchronisation failed: lead %s, tenant %s: %s"):format(failure.lead, failure.tenant, failure.why))
  end
  return (tally.ok + tally.failed + tally.empty) * state.options.civic_latency_s
end

local function answer_with_leads(state, asked, entry, pause, log)
  local page = page_of(state, asked, pause)
  local latency_s = note_civic(state, entry, page.tally, log)
  if page.count == 0 and state.options.end_status and asked.page > state.options.page_base then
    return { status = state.options.end_status, content_type = JSON_TYPE, body = '"No leads found"' }
  end
  local answer = { status = 200, content_type = JSON_TYPE, body = page.text, latency_s = latency_s }
  if state.options.gzip then
    function answer.compressed() return pages.compress(page, pause) end
  end
  return answer
end

local UNAUTHORIZED = { status = 401, body = "", headers = { ["WWW-Authenticate"] = 'Bearer error="invalid_token"' } }

local function answer_lead(state, request, entry, pause, log)
  local asked, problem = query.lead(request.query, state.options)
  entry.page, entry.page_size = asked and asked.page, asked and asked.size
  entry.tenant = asked and asked.tenant and asked.tenant:match(GUID)
  local key = asked and ("%d %s"):format(asked.page, asked.tenant or "") or "refused"
  entry.attempt = next_attempt(state, key)
  local rule = state.faults:meet("lead", entry.attempt, asked)
  if rule.expire_token then state.tokens:expire_all() end
  if state.tokens:required() then
    entry.authorized = state.tokens:accept(request.headers.authorization)
    if not entry.authorized then return UNAUTHORIZED, rule end
  end
  if not asked then return problem, rule end
  -- What a rule answers in their place is not read, so nothing is synchronised and no row moves.
  if faults.replaces_answer(rule) then return { status = 200, body = "" }, rule end
  return answer_with_leads(state, asked, entry, pause, log), rule
end

local function answer_token(state, request, entry, tenant)
  entry.attempt = next_attempt(state, "token")
  local rule = state.faults:meet("token", entry.attempt)
  if rule.expire_token then state.tokens:expire_all() end
  local answer, issued = state.tokens:answer(tenant, request.body)
  if issued then state.journal:token_issued() end
  return answer, rule
end

local function answer_of(state, request, entry, pause, log)
  local path = request.path:lower()
  local base = state.options.base_path
  local below = not base or path == base:lower() .. "/api/v2/oc/lead"
  if request.method == "GET" and below and path:find("/api/v2/oc/lead$") then
    return answer_lead(state, request, entry, pause, log)
  end
  local tenant = path:match("/([^/]+)/oauth2/v2%.0/token$")
  if request.method == "POST" and tenant then
    return answer_token(state, request, entry, http.unescape(tenant))
  end
  local account = path:match("^/accounts/([^/]+)/teamscivicaddresses$")
  if request.method == "GET" and account then
    return state.gateway:answer(request, http.unescape(account):lower(), entry, state)
  end
  return not_found(request), {}
end

local function done()
  return { status = 200, content_type = JSON_TYPE, body = '{"ok":true}' }
end

local function configure(server, request)
  if not has_cjson then return nil, "this sandbox cannot be configured: lua-cjson is missing" end
  local given = cjson.decode(request.body)
  if type(given) ~= "table" then return nil, "the body is not a JSON object" end
  local settings, problem = options.check(given, true)
  if not settings then return nil, problem end
  server.state = routes.state(settings, server.clock)
  return true
end

local CONTROLS = {
  ["GET journal"] = function(server)
    return { status = 200, content_type = JSON_TYPE, body = server.state.journal:encode() }
  end,
  ["DELETE journal"] = function(server)
    server.state.journal:empty()
    return done()
  end,
  ["POST configure"] = function(server, request)
    local ok, problem = configure(server, request)
    if ok then return done() end
    return { status = 400, content_type = JSON_TYPE, body = json.string(problem) }
  end,
  ["POST stop"] = done,
}

local function handle_control(server, connection, request)
  local name = request.method .. " " .. request.path:sub(#CONTROL + 1)
  local control = CONTROLS[name]
  local answer = control and control(server, request) or not_found(request)
  local keep_alive = reply.send(connection, request, answer, {}, {})
  if name == "POST stop" then server:stop() end
  return keep_alive
end

local function log_request(log, entry)
  local path = entry.path:gsub("%c", "?")
  local page = entry.page_size and (" page %d of %d leads"):format(entry.page, entry.page_size)
    or entry.outcome and ": " .. entry.outcome or ""
  log(("%s %s%s -> %s, %d bytes%s"):format(entry.method, path, page, entry.status or "no reply", entry.bytes_sent,
    entry.aborted and ", the client left" or ""))
end

--- Answers one request, in the connection's coroutine.
---@param server oc.sandbox.Server
---@param connection oc.sandbox.Connection
---@param request oc.sandbox.Request
---@return boolean keep_alive
function routes.handle(server, connection, request)
  if request.path:sub(1, #CONTROL) == CONTROL then return handle_control(server, connection, request) end
  -- Kept for the whole request: `configure` may put another in its place meanwhile.
  local state = server.state
  local entry = state.journal:begin(request, connection)
  local function pause() connection:pause() end
  local answer, rule = answer_of(state, request, entry, pause, server.log)
  local keep_alive = reply.send(connection, request, answer, rule, entry)
  state.journal:finish()
  log_request(server.log, entry)
  return keep_alive
end

return routes

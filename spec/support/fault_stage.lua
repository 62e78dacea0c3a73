-- Plays a row of the table of faults: a server that does it, and a client whose time and chance are the spec's.
-- Knows nothing of what is to come of it.

local faults = require "support.faults"
local http = require "socket.http"
local oc = require "oc"
local wire_server = require "support.wire_server"
local world = require "support.world"

local fault_stage = {}

local LEADS_PATH = "/api/v2/oc/lead"
local GOOD_TOKEN = '{"token_type":"Bearer","access_token":"a-good-token","expires_in":3600}'

local function copy(t, more)
  local all = {}
  for name, value in pairs(t or {}) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

--- The bodies of the pages of a sandbox, the empty one at the end included.
function fault_stage.pages(child)
  child:configure {leads = faults.LEADS, civic_sync = false}
  local bodies = {}
  for page = 1, faults.LEADS / faults.PAGE_SIZE + 1 do
    local body, status = http.request(("%s%s?PageNumber=%d&PageSize=%d"):format(
      child.url, LEADS_PATH, page, faults.PAGE_SIZE))
    assert(status == 200, status)
    bodies[page] = body
  end
  return bodies
end

--- The ids in those bodies, in order.
function fault_stage.ids(bodies)
  local ids = {}
  for _, body in ipairs(bodies) do
    for _, lead in ipairs(oc.decode(body)) do ids[#ids + 1] = lead.id end
  end
  return ids
end

-- What the sandbox is to do: the row's rules, for its page, once or always.
local function sandbox_options(row, once)
  local rules = {}
  for i, rule in ipairs(row.rules or {row.rule}) do
    rules[i] = copy({page = row.page}, rule)
    if once and not row.rules then rules[i].attempt = 1 end
    if once and row.rules and not rule.attempt then rules[i].attempt = 2 end
  end
  return copy({leads = faults.LEADS, civic_sync = false, faults = rules}, row.server)
end

-- A server that answers by hand: with pages as they are, but for the row's. `stage.healed` ends the fault.
local function by_hand(row, bodies, stage, once)
  local function fault(f, ...)
    if not f or stage.healed or once and stage.played then return nil end
    stage.played = true
    return f(...)
  end
  return function(request)
    if row.tls then return row.answer() end
    if request.target:find "/oauth2/" then
      local text, ending = fault(row.token, GOOD_TOKEN, request)
      if text then return text, ending end
      return wire_server.ok(GOOD_TOKEN)
    end
    local page = request.page or row.page
    local body = bodies[page] or "[]"
    if page == row.page then
      local text, ending = fault(row.answer, body, request)
      if text then return text, ending end
    end
    return wire_server.ok(body)
  end
end

local function auth_of(row, url)
  if row.token then
    return oc.auth.client_credentials {tenant_id = "contoso.example", client_id = "app", client_secret = "s3cr3t",
      scope = "api://x/.default", authority = url}
  elseif row.auth == "bearer" then
    return oc.auth.bearer "abc"
  elseif row.auth == "renewable" then
    return function() return "abc", 3600 end
  end
  return false
end

-- A server that was busy elsewhere for a second is not what is played here.
local function never_unattended(host)
  local open = host.open
  host.open = function(...)
    local x, err = open(...)
    if not x then return nil, err end
    local stats = x.stats
    x.stats = function(self)
      local figures = stats(self)
      figures.unattended_s = 0
      return figures
    end
    return x
  end
  return host
end

--- Sets the stage for a row.
---@param child SandboxChild
---@param bodies string[] of fault_stage.pages
---@param row table of faults.groups
---@param how? {once: boolean, given: table}   once: it happens once only; given: more options of the client,
--- for a row of tokens `auth` is a function of the server's address
---@return table stage   {client, logged, retries, page_infos, host, slept, url, heal(), second(), close()}
function fault_stage.set(child, bodies, row, how)
  how = how or {}
  local stage = {retries = {}, page_infos = {}, clients = {}}
  local servers = {}
  stage.url = child.url
  if row.answer or row.token then
    stage.server = wire_server.new(by_hand(row, bodies, stage, how.once), {shut = row.shut, any = row.tls})
    servers[1], stage.url = stage.server, stage.server.url
  else
    child:configure(sandbox_options(row, how.once))
  end
  local base_url = row.tls and stage.url:gsub("^http", "https") or stage.url

  local function client(given, deps)
    local all = copy({
      max_attempts = faults.MAX_ATTEMPTS, auth = auth_of(row, stage.url),
      on_retry = function(info) stage.retries[#stage.retries + 1] = info end,
      on_page = function(info) stage.page_infos[#stage.page_infos + 1] = info end,
    }, given)
    all.host = never_unattended(wire_server.host(servers, deps))
    local made, logged = world.client(base_url, all)
    stage.clients[#stage.clients + 1] = made
    return made, logged, all.host
  end

  local deps = copy(row.deps)
  if row.shut and how.once then -- somebody starts the server meanwhile
    deps.sleep = function()
      stage.heal()
      return true
    end
  end
  function stage.heal()
    stage.healed = true
    if row.shut and not stage.server.listening then stage.server:listen() end
    if not stage.server then child:configure {leads = faults.LEADS, civic_sync = false} end
  end
  --- A client without what the row gives to its own.
  function stage.second() return (client {auth = row.given and row.given.auth and false or nil}) end
  function stage.close()
    for _, one in ipairs(stage.clients) do
      assert(one.host.pool:counts().open == 0, "an exchange is still open")
      one.host:close()
    end
    if stage.server then stage.server:close() end
  end
  local given = copy(row.given, how.given)
  if row.token and type(given.auth) == "function" then given.auth = given.auth(stage.url) end
  stage.client, stage.logged, stage.host = client(given, deps)
  stage.slept = stage.host.slept
  return stage
end

return fault_stage

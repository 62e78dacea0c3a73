--- Leads in nginx: a stream, a page, and a job. One client serves all requests of a worker.
local oc = require "oc"
local shared_cache = require "shared_cache"

local app = {}

local TOKEN_FETCH_S, PAGE_MAKE_S = 60, 600 -- so long one worker may take before another tries
local PAGE_LIFE_S = 300
local BATCH_BYTES = 32 * 1024

-- Client credentials whose token all workers share; else what the environment has.
local function auth()
  local get = os.getenv
  if not get "OC_CLIENT_ID" then return nil end
  local credentials = oc.auth.client_credentials {
    tenant_id = get "OC_TENANT_ID", client_id = get "OC_CLIENT_ID", client_secret = get "OC_CLIENT_SECRET",
    scope = get "OC_SCOPE", authority = get "OC_AUTHORITY",
  }
  return oc.auth.shared(credentials, function(fetch, refused)
    return shared_cache.get("token", TOKEN_FETCH_S, fetch, refused)
  end)
end

local client

--- Makes the client of this worker, and on one worker the job. For init_worker_by_lua.
function app.start()
  client = assert(oc.client {auth = auth()})
  local interval_s = tonumber(os.getenv "SYNC_INTERVAL_S")
  if interval_s and ngx.worker.id() == 0 then app.sync_every(interval_s) end
end

local function refuse(status, message)
  if status >= 500 then ngx.log(ngx.ERR, message) end
  ngx.status = status
  ngx.header.content_type = "text/plain; charset=utf-8"
  ngx.say(message)
end

-- Sends what is there, and waits until it is on its way: nil when nobody is at the other end.
local function send(lines)
  if not ngx.print(lines) then return nil end
  return ngx.flush(true)
end

--- GET /leads?where=EXPRESSION: NDJSON, a lead a line, as the service sent it. A stream that
--- fails is cut, so that nobody takes a part for all.
function app.ndjson()
  local where = ngx.var.arg_where and ngx.unescape_uri(ngx.var.arg_where)
  local ok, leads = pcall(client.leads, client, {where = where, raw = true, max_pages = math.huge, page_size = 5000})
  if not ok then return refuse(400, tostring(leads)) end
  ngx.on_abort(function()
    leads:close()
    ngx.exit(499)
  end)
  ngx.header.content_type = "application/x-ndjson"
  local lines, bytes, sent = {}, 0, false
  while true do
    local lead, err = leads:next()
    if err and not sent then return refuse(502, tostring(err)) end
    if err then
      ngx.log(ngx.ERR, tostring(err))
      return ngx.exit(444)
    end
    if not lead then break end
    lines[#lines + 1] = lead .. "\n"
    bytes = bytes + #lead
    if bytes > BATCH_BYTES then
      if not send(lines) then return leads:close() end
      lines, bytes, sent = {}, 0, true
    end
  end
  ngx.print(lines)
end

local function coverage_page()
  local result, err = oc.report.run("civic", client, {leads = {max_pages = math.huge, page_size = 5000}})
  if not result then return nil, err end
  return oc.report.render.text(result, "html"), PAGE_LIFE_S
end

--- GET /coverage: who can be found in an emergency, as a page. Made once for all workers.
function app.coverage()
  local page, err = shared_cache.get("coverage", PAGE_MAKE_S, coverage_page)
  if not page then return refuse(502, tostring(err)) end
  ngx.header.content_type = "text/html; charset=utf-8"
  ngx.print(page)
end

local function sync()
  local leads, err = client:leads {where = oc.civic.policy.direct_missing, max_pages = math.huge, nulls = "null"}:all()
  if not leads then return ngx.log(ngx.ERR, "sync: ", tostring(err)) end
  local result
  result, err = oc.civic.sync(leads, {source = oc.civic.source.platform(client), journal = os.getenv "SYNC_JOURNAL"})
  if not result then return ngx.log(ngx.ERR, "sync: ", tostring(err)) end
  ngx.log(ngx.NOTICE, ("sync: %d found, %d found before, %d have none, %d failed, %d not asked about"):format(
    result.synced, result.resumed, result.empty, result.failed, result.skipped))
end

--- Looks for missing addresses, again and again, never twice at once. A worker that dies is
--- replaced by one with its number, which goes on by the journal.
---@param interval_s number
function app.sync_every(interval_s)
  local function turn(premature)
    if premature then return end -- nginx is about to end
    local ok, err = pcall(sync)
    if not ok then ngx.log(ngx.ERR, "sync: ", tostring(err)) end
    assert(ngx.timer.at(interval_s, turn))
  end
  assert(ngx.timer.at(0, turn))
end

return app

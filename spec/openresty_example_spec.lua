-- examples/openresty in a real nginx with two workers: its stream, its page, its job, and what the workers share.

local daemon = require "support.daemon"
local http = require "socket.http"
local nginx = require "support.nginx"
local oc = require "oc"
local other_lua = require "support.other_lua"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local socket = require "socket"
local tree = require "support.tree"

local PATIENCE = 20000 -- questions, each of which takes a moment
local TENANT = "11111111-2222-4333-8444-555555555555"

-- The configuration as it is, on another port, without what reaches outside.
local function configuration()
  local text = tree.read "examples/openresty/nginx.conf"
  local function replace(what, with)
    local count
    text, count = text:gsub(what, with)
    assert(count == 1, what)
  end
  replace("127%.0%.0%.1:8081", "127.0.0.1:@1")
  replace("resolver 127%.0%.0%.53 ipv6=off;", "")
  replace("lua_ssl_trusted_certificate [^;]*;", "")
  replace("http {", "http { client_body_temp_path bt; proxy_temp_path pt; fastcgi_temp_path ft; uwsgi_temp_path ut; "
    .. "scgi_temp_path st; server { listen 127.0.0.1:@0; location / { return 200 \"0 0\"; } }")
  return text
end

describe("examples/openresty", function()
  local sandbox, server, url, path, cpath

  setup(function()
    path, cpath = other_lua.build "5.1"
    sandbox = sandbox_child.start()
  end)

  teardown(function() sandbox:close() end)

  after_each(function()
    if server then server:stop() end
    server = nil
  end)

  local function start(more)
    local environment = {LUA_PATH = path .. ";;", LUA_CPATH = cpath .. ";;", OC_BASE_URL = sandbox.url,
      OC_TENANT_ID = TENANT, OC_CLIENT_ID = "c", OC_CLIENT_SECRET = "s", OC_SCOPE = "api://x/.default",
      OC_AUTHORITY = sandbox.url}
    for name, value in pairs(more or {}) do environment[name] = value end
    local words = {}
    for name, value in pairs(environment) do words[#words + 1] = name .. "=" .. process.quote(value) end
    server = nginx.start(configuration(), {
      ["leads_app.lua"] = tree.read "examples/openresty/leads_app.lua",
      ["shared_cache.lua"] = tree.read "examples/openresty/shared_cache.lua",
    }, {whole = true, environment = table.concat(words, " ")})
    url = "http://127.0.0.1:" .. server.ports[1]
  end

  local function get(path_and_query)
    local body, status, headers = http.request(url .. path_and_query)
    return status, body, headers
  end

  -- Requests at once: how many of them, each of which must have this status line and body.
  local function at_once(count, target)
    local open, bodies = {}, {}
    for i = 1, count do
      open[i] = assert(socket.connect("127.0.0.1", server.ports[1]))
      open[i]:send("GET " .. target .. " HTTP/1.0\r\n\r\n")
    end
    for i, connection in ipairs(open) do
      local text = connection:receive "*a"
      connection:close()
      assert.matches("^HTTP/1.1 200", text)
      bodies[i] = text:match "\r\n\r\n(.*)$"
    end
    return bodies
  end

  it("streams the leads that pass a filter, as they are", function()
    sandbox:configure {leads = 300, client_id = "c", client_secret = "s", civic_sync = false}
    start()
    local status, body, headers = get "/leads?where=isDirectLead"
    assert.equal(200, status)
    assert.equal("application/x-ndjson", headers["content-type"])
    local auth = oc.auth.client_credentials {tenant_id = TENANT, client_id = "c", client_secret = "s",
      scope = "api://x/.default", authority = sandbox.url}
    local client = oc.client {base_url = sandbox.url, log = false, auth = auth}
    local want = assert(client:leads {where = "isDirectLead", raw = true, page_size = 5000}:all())
    client:close()
    assert.is_true(#want > 10)
    assert.equal(table.concat(want, "\n") .. "\n", body)
  end)

  it("says what is wrong with a filter, and with the service", function()
    sandbox:configure {leads = 30, client_id = "c", client_secret = "s",
      faults = {{page = 1, status = 400, body = '{"title": "no such thing"}'}}}
    start()
    local status, body = get "/leads?where=status%20is"
    assert.equal(400, status)
    assert.matches("%^", body)
    status, body = get "/leads"
    assert.equal(502, status)
    assert.matches("cannot read page 1: HTTP 400", body)
    assert.equal(502, (get "/coverage"))
  end)

  it("cuts a stream that failed in its middle", function()
    sandbox:configure {leads = 300, client_id = "c", client_secret = "s", page_cap = 100,
      faults = {{page = 2, status = 400}}}
    start()
    local connection = assert(socket.connect("127.0.0.1", server.ports[1]))
    connection:send "GET /leads HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    local text = connection:receive "*a"
    connection:close()
    assert.matches("^HTTP/1.1 200", text)
    assert.is_nil(text:find "\r\n0\r\n\r\n$") -- no end of chunks: who reads this knows that it is cut
  end)

  it("stops fetching when its client has gone", function()
    sandbox:configure {leads = 2000, client_id = "c", client_secret = "s",
      faults = {{page = 1, gzip = false, drip = {bytes = 20000, every_s = 0.01}}}}
    start()
    local connection = assert(socket.connect("127.0.0.1", server.ports[1]))
    connection:send "GET /leads HTTP/1.1\r\nHost: x\r\n\r\n"
    assert(connection:receive "*l")
    connection:close()
    local request
    for _ = 1, PATIENCE do
      for _, one in ipairs(sandbox:journal().requests) do request = one.query.PageNumber == "1" and one or request end
      if request.aborted then break end
    end
    assert.is_true(request.aborted)
    assert.is_true(request.bytes_sent < 2000000)
  end)

  it("fetches one token for both workers, and makes the page once for all who ask", function()
    sandbox:configure {leads = 500, client_id = "c", client_secret = "s", faults = {{path = "token", latency_s = 0.1}}}
    start()
    local pages = at_once(12, "/coverage")
    for _, page in ipairs(pages) do assert.equal(pages[1], page) end
    assert.matches("^<!DOCTYPE html>", pages[1])
    local journal, first_pages = sandbox:journal(), 0
    for _, request in ipairs(journal.requests) do
      if request.query.PageNumber == "1" then first_pages = first_pages + 1 end
    end
    assert.equal(1, first_pages)
    at_once(12, "/leads")
    assert.equal(1, sandbox:journal().tokens_issued)
  end)

  it("gets another token when the shared one is refused", function()
    sandbox:configure {leads = 50, client_id = "c", client_secret = "s"}
    start()
    assert.equal(200, (get "/leads"))
    sandbox:configure {leads = 50, client_id = "c", client_secret = "s"} -- knows no tokens now
    at_once(8, "/leads")
    assert.is_true(sandbox:journal().tokens_issued <= 2)
  end)

  it("synchronises on one worker only, and goes on by the journal", function()
    sandbox:configure {leads = 200, client_id = "c", client_secret = "s",
      civic_sync = {fail_percent = 0, once_percent = 0}}
    local folder = daemon.folder()
    start {SYNC_INTERVAL_S = "3600", SYNC_JOURNAL = folder .. "/journal.ndjson"}
    local line
    repeat line = assert(server.daemon:line()) until line:find "sync: " or line:find "%[error%]"
    assert.matches("sync: %d+ found, 0 found before", line)
    local asked = {}
    for _, request in ipairs(sandbox:journal().requests) do
      if request.tenant then asked[request.tenant] = (asked[request.tenant] or 0) + 1 end
    end
    server:stop()
    for tenant, times in pairs(asked) do assert.equal(1, times, tenant) end
    assert.is_not_nil(next(asked))
    daemon.remove(folder)
    server = nil
  end)
end)

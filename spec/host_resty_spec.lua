-- The host for OpenResty, in a real nginx: the same leads, results and errors as the blocking host, and nobody waits
-- for anybody else.

local certificates = require "support.certificates"
local daemon = require "support.daemon"
local lead_pages = require "support.lead_pages"
local nginx_lua = require "support.nginx_lua"
local other_lua = require "support.other_lua"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local socket = require "socket"

-- A run, as plain data: the same text runs here and in nginx.
local RUN = [[
local url, client_options, leads_options, transport = ...
local oc = require "oc"
local given = {base_url = url, auth = false, log = false, backoff_base_s = 0.001, proxy = ""}
for name, value in pairs(client_options or {}) do given[name] = value end
if transport then given.host = require("oc.host.resty").new {transport = transport} end
if given.token then given.auth, given.token = oc.auth.bearer(given.token), nil end
local client = assert(oc.client(given))
local leads = client:leads(leads_options or {})
local ids, failure = {}, nil
while true do
  local lead, err = leads:next()
  if not lead then failure = err break end
  ids[#ids + 1] = type(lead) == "table" and lead.id or lead
end
local result = leads:result()
result.elapsed_s, result.resume = nil, nil
if failure then
  failure = {kind = failure.kind, status = failure.status, message = tostring(failure), attempts = failure.attempts,
    page = failure.page, retry_after_s = failure.retry_after_s, url = failure.url, body = failure.body}
end
client:close()
return {count = #ids, ids = table.concat(ids, " "), result = result, failure = failure}
]]

-- What the server does, and what is asked of it: a name, faults, options of the client and of leads. Of `message`,
-- libcurl tells more; with `loose`, how many attempts or leads there were depends on who was quicker.
local SMALL = {page_size = 40}
local CASES = {
  {"pages, packed"},
  {"pages, as they are", client = {compress = false}},
  {"chunks", faults = {{chunked = true}}},
  {"chunks, as they are", faults = {{chunked = true, gzip = false}}},
  {"bodies that end with the connection", faults = {{no_length = true}}},
  {"one big page", leads = {page_size = 1000}},
  {"a filter and a selection", leads = {where = "isDirectLead", select = {"id"}, page_size = 50}},
  {"raw", leads = {raw = true, page_size = 50, limit = 7}},
  {"pages ahead", leads = {page_size = 30, prefetch = 3}},
  {"nothing ahead", leads = {page_size = 30, prefetch = 0}},
  {"a token", client = {token = "t0ken"}, leads = {page_size = 100}},
  {"503, then well", faults = {{page = 2, times = 2, status = 503}}},
  {"503 for ever", faults = {{page = 2, status = 503}}, client = {max_attempts = 3}},
  {"429 that says when", faults = {{page = 2, status = 429, headers = {["Retry-After"] = "1000"}}}},
  {"a problem", faults = {{page = 1, status = 400, body = '{"title": "no", "traceId": "00-1"}'}}},
  {"HTML", faults = {{page = 2, body = "<html>"}}},
  {"a cut body", faults = {{page = 2, attempt = 1, cut_after = 1000}}},
  {"cut chunks", faults = {{page = 2, attempt = 1, cut_after = 1000, chunked = true}}},
  {"cut for ever", faults = {{page = 2, cut_after = 1000}}, client = {max_attempts = 2}, message = "ended early"},
  {"a cut gzip", faults = {{page = 2, attempt = 1, cut_gzip = 0.5}}},
  {"a spoilt gzip", faults = {{page = 2, corrupt_gzip = true}}, client = {max_attempts = 2}, message = "page 2"},
  {"a wrong length", faults = {{page = 2, attempt = 1, length_delta = 10}}},
  {"a reset", faults = {{page = 2, attempt = 1, reset_after = 500}}, loose = true},
  {"no head", faults = {{page = 2, attempt = 1, drop_before_head = true}}, loose = true},
  {"a reset before the head", faults = {{page = 2, attempt = 1, drop_before_head = "reset"}}, loose = true},
  {"a stall", faults = {{page = 2, attempt = 1, stall_after = 500}}, client = {idle_timeout_s = 0.1}},
  {"stalls for ever", faults = {{page = 2, stall_after = 500}}, client = {idle_timeout_s = 0.05, max_attempts = 2}},
  {"a drip beyond the time of a request", faults = {{page = 2, drip = {bytes = 100, every_s = 0.01}}},
    client = {request_timeout_s = 0.1, max_attempts = 1}, loose = true},
  {"a deadline", faults = {{page = 2, latency_s = 5}}, client = {deadline_s = 0.3}},
  {"too much", client = {max_body_bytes = 10000}, message = "max_body_bytes"},
}

-- Leads of a run that is left in its middle, and what was asked of the server.
local LEAVE = [[
local url = ...
local client = require("oc").client {base_url = url, auth = false, log = false}
local leads = client:leads {page_size = 100, max_pages = math.huge}
local lead = leads:next()
leads:close()
return lead ~= nil
]]

local PATIENCE = 20000 -- questions, each of which takes a moment

describe("the host for OpenResty", function()
  local server, sandbox

  setup(function()
    sandbox = sandbox_child.start()
    server = nginx_lua.start {main = "thread_pool default threads=2;"}
  end)

  teardown(function()
    server:stop()
    sandbox:close()
  end)

  -- Asks the sandbox until that holds of what it was asked.
  local function await(holds)
    for _ = 1, PATIENCE do
      if holds(sandbox:journal().requests) then return end
    end
    error("it never came about", 2)
  end

  local here = assert((rawget(_G, "loadstring") or load)(RUN))

  local function play(case, transport)
    local options = {leads = 100, faults = case.faults}
    sandbox:configure(options)
    local want = here(sandbox.url, case.client, case.leads or SMALL)
    sandbox:configure(options)
    local got = server:run(RUN, sandbox.url, case.client, case.leads or SMALL, transport)
    if case.message then
      assert.matches(case.message, want.failure.message)
      assert.matches(case.message, got.failure.message)
    end
    for _, run in ipairs {want, got} do
      run.result.bytes = nil -- a try that was cut counts too, up to where it was
      if case.message then run.failure.message = nil end
      if case.loose then run.result.attempts = nil end
      if case.loose and run.failure then run.count, run.ids, run.result = nil, nil, nil end
    end
    assert.same(want, got)
  end

  for _, case in ipairs(CASES) do
    it("gives the same as the blocking one: " .. case[1], function() play(case) end)
    it("gives the same by a thread: " .. case[1], function() play(case, "thread") end)
  end

  it("tells who cannot be reached, as the blocking one does", function()
    local closed = assert(socket.bind("127.0.0.1", 0))
    local _, port = closed:getsockname()
    closed:close()
    local url = "http://127.0.0.1:" .. port
    local want = here(url, {max_attempts = 2}, {})
    local got = server:run(RUN, url, {max_attempts = 2}, {})
    assert.matches("Connection refused", want.failure.message)
    assert.equal(want.failure.message:lower(), got.failure.message:lower())
    assert.equal("network", got.failure.kind)
  end)

  it("keeps connections for the next request", function()
    sandbox:configure {leads = 10}
    for _ = 1, 5 do server:run(RUN, sandbox.url, nil, {prefetch = 0}) end
    assert.equal(1, sandbox:journal().connections)
  end)

  it("asks again when a kept connection was closed meanwhile", function()
    -- The sandbox closes what it is told to forget: each run finds its kept connection dead.
    for _ = 1, 3 do
      sandbox:configure {leads = 10, faults = {{page = 2, headers = {Connection = "close"}, no_length = true}}}
      local got = server:run(RUN, sandbox.url, {max_attempts = 1}, {prefetch = 0})
      assert.is_nil(got.failure)
      assert.equal(10, got.count)
    end
  end)

  it("takes nothing from a kept connection that was not asked for", function()
    local first_answers = {
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\n\r\n",
      "HTTP/1.1 101 Go\r\n\r\n",
    }
    for _, first in ipairs(first_answers) do
      local listener = assert(socket.bind("127.0.0.1", 0))
      listener:settimeout(10)
      local _, port = listener:getsockname()
      local run = server:begin([=[
        local url = ...
        local host = require("oc.host.resty").new()
        local function get(path)
          local x = assert(host:open {url = url .. path})
          local status, err = x:head()
          local body = x:read()
          while x:read() do end
          x:close()
          return {status or tostring(err), body}
        end
        local first = get "/first"
        ngx.sleep(0.02)
        return {first, get "/second"}
      ]=], "http://127.0.0.1:" .. port)
      local connection = assert(listener:accept())
      assert.equal("GET /first HTTP/1.1", connection:receive "*l")
      while connection:receive "*l" ~= "" do end
      connection:send(first)
      connection:send "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTALE"
      local another = assert(listener:accept())
      assert.equal("GET /second HTTP/1.1", another:receive "*l")
      another:send "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nB"
      assert.same({200, "B"}, server:finish(run)[2])
      connection:close()
      another:close()
      listener:close()
    end
  end)

  it("waits for a connection no longer than it may", function()
    -- Somebody listens, and says nothing to who wants TLS.
    local silent = assert(socket.bind("127.0.0.1", 0))
    local _, port = silent:getsockname()
    local url = "https://127.0.0.1:" .. port
    local got = server:run(RUN, url, {connect_timeout_s = 0.1, max_attempts = 1}, {})
    assert.equal("timeout", got.failure.kind)
    assert.matches("no connection to 127.0.0.1:%d+ in 0.1 s %(connect_timeout_s%)", got.failure.message)
    got = server:run(RUN, url, {connect_timeout_s = 30, deadline_s = 0.1}, {})
    assert.equal("timeout", got.failure.kind)
    assert.matches("deadline_s %(0.1 s%) is over", got.failure.message)
    silent:close()
  end)

  it("has no more exchanges in threads than it is told, and none waits beyond its deadline", function()
    sandbox:configure {leads = 20, faults = {{page = 1, latency_s = 0.05}}}
    local got = server:run([=[
      local url = ...
      local oc = require "oc"
      local host = require("oc.host.resty").new {transport = "thread", threads = 1}
      local client = assert(oc.client {base_url = url, auth = false, log = false, host = host})
      local hasty = assert(oc.client {base_url = url, auth = false, log = false, host = host, deadline_s = 0.02})
      local counts, threads, late = {}, {}, nil
      for i = 1, 6 do
        threads[i] = ngx.thread.spawn(function() counts[i] = #assert(client:leads {page_size = 20}:all()) end)
      end
      local _, err = hasty:leads():all()
      for _, one in ipairs(threads) do assert(ngx.thread.wait(one)) end
      return {counts, err.kind}
    ]=], sandbox.url)
    assert.same({{20, 20, 20, 20, 20, 20}, "timeout"}, got)
    assert.equal(1, sandbox:journal().max_open)
  end)

  it("stops the transfer with the leads", function()
    sandbox:configure {leads = 200, faults = {{page = 1, gzip = false, drip = {bytes = 3000, every_s = 0.01}}}}
    assert.is_true(server:run(LEAVE, sandbox.url))
    await(function(requests) return requests[1].aborted end)
  end)

  it("lets other requests through while leads are fetched", function()
    -- The page waits for the ping, so a worker that waited for the page would never answer.
    sandbox:configure {leads = 100, faults = {{page = 1, stall_after = 100}}}
    local slow = assert(socket.connect("127.0.0.1", server.nginx.ports[1]))
    local body = require("cjson").encode {code = RUN, n = 2, args = {sandbox.url, {idle_timeout_s = 30}}}
    slow:send("POST /run HTTP/1.0\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body)
    await(function(requests) return #requests >= 1 end)
    for _ = 1, 20 do assert.equal("pong", (server:get "/ping")) end
    slow:close()
  end)

  it("serves twenty runs at once, from one client, each whole", function()
    sandbox:configure {leads = 300, faults = {{page = 1, latency_s = 0.05}}}
    local counts = server:run([[
      local url = ...
      local oc = require "oc"
      local client = assert(oc.client {base_url = url, auth = false, log = false})
      local counts, threads = {}, {}
      for i = 1, 20 do
        threads[i] = ngx.thread.spawn(function()
          local all = assert(client:leads {page_size = 50}:all())
          counts[i] = #all
        end)
      end
      for _, one in ipairs(threads) do assert(ngx.thread.wait(one)) end
      return counts
    ]], sandbox.url)
    assert.equal(20, #counts)
    for _, count in ipairs(counts) do assert.equal(300, count) end
    assert.is_true(sandbox:journal().max_open > 5)
  end)

  it("fetches one token for all requests, and again when one was refused", function()
    local function configure(faults)
      sandbox:configure {leads = 20, client_id = "c", client_secret = "s", faults = faults}
    end
    configure {{path = "token", latency_s = 0.05}}
    local code = [[
      local url = ...
      local oc = require "oc"
      package.loaded.shared_client = package.loaded.shared_client or assert(oc.client {base_url = url, log = false,
        auth = oc.auth.client_credentials {tenant_id = "11111111-2222-4333-8444-555555555555", client_id = "c",
          client_secret = "s", scope = "api://x/.default", authority = url}})
      local client, counts, threads = package.loaded.shared_client, {}, {}
      for i = 1, 8 do
        threads[i] = ngx.thread.spawn(function() counts[i] = #assert(client:leads {page_size = 10}:all()) end)
      end
      for _, one in ipairs(threads) do assert(ngx.thread.wait(one)) end
      return counts
    ]]
    assert.same({20, 20, 20, 20, 20, 20, 20, 20}, server:run(code, sandbox.url))
    assert.equal(1, sandbox:journal().tokens_issued)
    configure() -- it knows none of the tokens of before
    assert.same({20, 20, 20, 20, 20, 20, 20, 20}, server:run(code, sandbox.url))
    assert.is_true(sandbox:journal().tokens_issued < 8)
  end)

  it("has the token for others though who asked for it has gone", function()
    sandbox:configure {leads = 20, client_id = "c", client_secret = "s",
      faults = {{path = "token", latency_s = 0.1}}}
    local failures = server:run([[
      local url = ...
      local oc = require "oc"
      local client = assert(oc.client {base_url = url, log = false, idle_timeout_s = 0.2, backoff_base_s = 0.001,
        auth = oc.auth.client_credentials {tenant_id = "11111111-2222-4333-8444-555555555555", client_id = "c",
          client_secret = "s", scope = "api://x/.default", authority = url}})
      local first = ngx.thread.spawn(function() client:leads():all() end)
      ngx.thread.kill(first) -- it waits for the token
      local all, err = client:leads {page_size = 10}:all()
      return {all and #all, tostring(err)}
    ]], sandbox.url)
    assert.equal(20, failures[1])
    assert.equal(1, sandbox:journal().tokens_issued)
  end)

  it("runs tasks at once, and ends them all when one raises", function()
    local got = server:run [[
      local host = require("oc.host.resty").new()
      local open, most, done, left = 0, 0, 0, 9
      host:together(3, function()
        if left == 0 then return nil end
        left = left - 1
        return function()
          open = open + 1
          most = math.max(most, open)
          host.sleep(0.001)
          open = open - 1
        end, function(ok) done = done + (ok and 1 or 0) end
      end)
      local raised = {pcall(host.together, host, 2, function()
        return function() error("of a task", 0) end, function(ok, err) if not ok then error("ended: " .. err, 0) end end
      end)}
      return {most, done, raised}
    ]]
    assert.same({3, 9, {false, "ended: of a task"}}, got)
  end)

  it("synchronises civic addresses, several at once", function()
    sandbox:configure {leads = 100, civic_sync = false}
    local got = server:run([[
      local url = ...
      local oc = require "oc"
      local client = assert(oc.client {base_url = url, auth = false, log = false})
      local leads = assert(client:leads {page_size = 100, nulls = "null"}:all())
      local result = assert(oc.civic.sync(leads, {policy = oc.civic.policy.all, concurrency = 4,
        source = oc.civic.source.platform(client)}))
      return {asked = result.asked, sum = result.synced + result.unchanged + result.empty + result.failed,
        items = #result.plan.items, skipped = result.skipped}
    ]], sandbox.url)
    assert.is_true(got.items > 4)
    assert.equal(got.items, got.sum + got.skipped)
    assert.is_true(sandbox:journal().max_open > 1)
  end)

  it("says in which phases nothing can wait, and lets a client be made in any", function()
    local other = nginx_lua.start {
      http = [[init_by_lua_block { client = require("oc").client {base_url = "http://127.0.0.1:1", auth = false} }]],
      locations = [[location = /late {
        return 200 late;
        header_filter_by_lua_block {
          local ok, err = pcall(function() return client:leads():all() end)
          ngx.header["X-Said"] = tostring(err)
        }
      }]],
    }
    local _, _, headers = require("socket.http").request(other.url .. "/late")
    other:stop()
    assert.matches("nothing can wait in the phase 'header_filter' of nginx", headers["x-said"])
    assert.matches("ngx.timer.at", headers["x-said"])
  end)

  it("refuses the blocking host in a worker", function()
    assert.has_error(function() server:run [[return require("oc.host.script").new()]] end)
    local ok, err = pcall(server.run, server, [[return require("oc.host.script").new()]])
    assert.is_false(ok)
    assert.matches("would block this nginx worker: use oc.host.resty", err)
  end)

  it("leaves to a thread what cosockets cannot do, and says so where there is none", function()
    sandbox:configure {leads = 20}
    -- This proxy is the sandbox itself, which takes whole URLs as well.
    local got = server:run(RUN, "http://elsewhere.test:1", {proxy = sandbox.url, insecure = true}, {})
    assert.equal(20, got.count)
    local refused = server:run(RUN, sandbox.url, {proxy = sandbox.url}, {}, "cosocket")
    assert.equal("options", refused.failure.kind)
    assert.matches("option 'proxy' is beyond cosockets", refused.failure.message)
    local other = nginx_lua.start()
    local without = other:run(RUN, sandbox.url, {proxy = sandbox.url}, {})
    other:stop()
    assert.equal("options", without.failure.kind)
    assert.matches("option 'proxy' needs a thread of nginx, and there is none: thread pool default not found",
      without.failure.message)
    assert.matches("thread_pool default threads=4", without.failure.message)
  end)

  it("writes warnings into nginx's log", function()
    sandbox:configure {leads = 30}
    server:run([[
      local url = ...
      local client = require("oc").client {base_url = url, auth = false}
      assert(client:leads {page_size = 2}:all())
    ]], sandbox.url)
    assert.matches("%[warn%][^\n]*warn: cut_by_max_pages", server:log())
  end)

  describe("with TLS and names", function()
    local made, secure, names, folder

    setup(function()
      made = certificates.make()
      folder = daemon.folder()
      names = daemon.start(folder, ("%s %s"):format(process.quote(process.interpreter()),
        process.quote(other_lua.root() .. "/spec/support/dns_main.lua")))
      local port = names:line()
      secure = nginx_lua.start {
        http = ("resolver 127.0.0.1:%s ipv6=off; lua_ssl_trusted_certificate %s; lua_ssl_verify_depth 5;"):format(
          port, made:path "ca.pem"),
        servers = ("server { listen 127.0.0.1:@2 ssl; ssl_certificate %s; ssl_certificate_key %s; %s }"):format(
          made:path "good.pem", made:path "server.key", lead_pages.LOCATION),
        files = lead_pages.files(),
      }
    end)

    teardown(function()
      secure:stop()
      names:stop()
      daemon.remove(folder)
      made:remove()
    end)

    local function ask(name, options)
      return secure:run(RUN, ("https://%s:%d/tenantui"):format(name, secure.nginx.ports[2]), options, {})
    end

    it("trusts whom nginx trusts, under the right name", function()
      local got = ask "localhost"
      assert.is_nil(got.failure)
      assert.equal(lead_pages.COUNT, got.count)
      assert.is_true(got.result.complete)
    end)

    it("refuses another name, and an address, for good", function()
      for _, name in ipairs {"other.test", "127.0.0.1"} do
        local got = ask(name)
        assert.equal("tls", got.failure.kind)
        assert.matches("cannot trust " .. name:gsub("%p", "%%%0") .. ":%d+: certificate host mismatch",
          got.failure.message)
        assert.equal(1, got.failure.attempts)
      end
    end)

    it("takes anything with insecure", function()
      assert.equal(lead_pages.COUNT, ask("other.test", {insecure = true}).count)
      assert.equal("tls", ask("other.test").failure.kind) -- and its connections are not for others
    end)

    it("has a thread use a CA file of its own", function()
      local got = server:run(RUN, ("https://localhost:%d/tenantui"):format(secure.nginx.ports[2]),
        {ca_file = made:path "ca.pem"}, {})
      assert.is_nil(got.failure)
      assert.equal(lead_pages.COUNT, got.count)
    end)

    it("says that nginx needs a resolver, and whom it does not trust", function()
      local url = ("https://localhost:%d/tenantui"):format(secure.nginx.ports[2])
      local nobody = server:run(RUN, url, {max_attempts = 1}, {})
      assert.equal("network", nobody.failure.kind)
      assert.matches("cannot find the host localhost:%d+: no resolver defined.*nginx.conf needs a 'resolver'",
        nobody.failure.message)
      local untrusted = server:run(RUN, ("https://127.0.0.1:%d/tenantui"):format(secure.nginx.ports[2]), {}, {})
      assert.equal("tls", untrusted.failure.kind)
      assert.matches("lua_ssl_trusted_certificate", untrusted.failure.message)
    end)
  end)
end)

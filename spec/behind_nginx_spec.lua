-- A service behind nginx: connections that it closes, what it packs, its own error pages, and its sudden end.

local certificates = require "support.certificates"
local lead_pages = require "support.lead_pages"
local nginx = require "support.nginx"
local oc = require "oc"
local socket = require "socket"
local world = require "support.world"

local COUNT = lead_pages.COUNT
local PATIENCE = 20000 -- questions, each of which takes a moment

describe("behind nginx", function()
  local made, server, client, logged

  setup(function() made = certificates.make() end)
  teardown(function() made:remove() end)

  after_each(function()
    if client then client:close() end
    if server then server:stop() end
    client, server = nil, nil
  end)

  -- nginx with the pages, over https at @1.
  local function with(directives, location)
    return ([[server {
      listen 127.0.0.1:@1 ssl http2; ssl_certificate %s; ssl_certificate_key %s; %s
      %s }]]):format(made:path "good.pem", made:path "server.key", directives, location or lead_pages.LOCATION)
  end

  local function start(directives, location) server = nginx.start(with(directives, location), lead_pages.files()) end

  local function connect(given)
    local all = {ca_file = made:path "ca.pem", proxy = "", max_attempts = 3}
    for name, value in pairs(given or {}) do all[name] = value end
    client, logged = world.client(("https://localhost:%d/tenantui"):format(server.ports[1]), all)
    return client
  end

  local function assert_smooth(leads)
    local result = leads:result()
    assert.is_true(result.complete)
    assert.equal(COUNT, result.leads)
    assert.equal(3, result.attempts)
    assert.equal("", world.events(logged))
  end

  it("a connection for each page is no failure", function()
    start "keepalive_requests 1;"
    for _, prefetch in ipairs {0, 1} do
      local leads = connect():leads {prefetch = prefetch}
      assert.equal(COUNT, #assert(leads:all()))
      assert_smooth(leads)
    end
  end)

  it("connections that it closed while we were busy are no failure", function()
    start "keepalive_timeout 1ms;"
    local leads, pages = connect():leads {prefetch = 0}, 0
    local before = server:connections()
    for _ in leads:pages() do
      pages = pages + 1
      -- until nobody but us, who ask this, is connected
      for asked = 1, PATIENCE do
        if select(2, server:connections()) == 1 then break end
        assert(asked < PATIENCE, "nginx keeps the connection")
        before = before + 1
      end
      before = before + 1
    end
    assert.equal(2, pages)
    assert_smooth(leads)
    assert.equal(before + 4, (server:connections())) -- one for each page, and this question's
  end)

  it("HTTP/2 that goes away after each request is no failure", function()
    local token = [[location /tenant/ { return 200 '{"token_type":"Bearer","expires_in":0,"access_token":"t"}'; }]]
    start("keepalive_requests 1;", token .. lead_pages.LOCATION)
    local leads = connect {auth = oc.auth.client_credentials {tenant_id = "tenant", client_id = "id",
      client_secret = "secret", scope = "s", authority = ("https://localhost:%d"):format(server.ports[1])}}
      :leads {prefetch = 0}
    assert.equal(COUNT, #assert(leads:all()))
    assert_smooth(leads)
    local versions = {}
    for i, request in ipairs(server:requests()) do versions[i] = request.version end
    -- a token that is out of date at once, so one for each page
    assert.same({"HTTP/2.0", "HTTP/1.1", "HTTP/2.0", "HTTP/1.1", "HTTP/2.0", "HTTP/1.1"}, versions)
  end)

  it("pages come packed, when that is wanted", function()
    start "gzip on; gzip_types application/json; gzip_min_length 1;"
    local bytes
    for _, compress in ipairs {true, false} do
      local leads = connect {compress = compress}:leads {prefetch = 0}
      assert.equal(COUNT, #assert(leads:all()))
      assert_smooth(leads)
      assert.equal(compress and "gzip" or "-", server:requests()[1].encoding)
      bytes = bytes or leads:result().bytes
      assert.equal(bytes, leads:result().bytes)
      server:forget()
    end
  end)

  describe("its sudden end", function()
    -- The first leads, and then nothing for hours.
    local HALTING = "limit_rate_after 6k; limit_rate 1;"

    it("is the network's failure, and the run goes on elsewhere", function()
      start(HALTING)
      local leads = connect {max_attempts = 1}:leads {prefetch = 0}
      local found = {assert(leads:next())}
      server:kill()
      local lead, err
      repeat
        lead, err = leads:next()
        found[#found + 1] = lead
      until not lead
      assert.equal("network", err.kind)
      assert.matches("^cannot read page 1: ", err.message)
      assert.matches("localhost", err.message)
      assert.is_true(#found < 10)
      leads:close()
      server:restart(with "")
      local rest = client:leads {resume = err.resume}
      for _, more in ipairs(assert(rest:all())) do found[#found + 1] = more end
      assert.equal(COUNT, #world.ids(found))
      assert.is_true(rest:result().complete)
    end)

    it("is got over when it comes back in time", function()
      start(HALTING)
      local retried = {}
      local leads = connect {on_retry = function(info)
        retried[#retried + 1] = info.kind
        if #retried == 2 then server:restart(with "") end -- the first retry meets nobody
      end}:leads {prefetch = 0}
      local found = {assert(leads:next())}
      server:kill()
      for lead in leads do found[#found + 1] = lead end
      assert.equal(COUNT, #world.ids(found))
      assert.same({"network", "network"}, retried)
      assert.equal(5, leads:result().attempts)
      assert.equal(0, leads:result().duplicates)
    end)
  end)

  describe("a service", function()
    local other

    after_each(function() other:close() end)

    local function assert_gateway_error(status)
      local leads = connect():leads {prefetch = 0}
      local _, err = leads:next()
      assert.equal("http", err.kind)
      assert.equal(status, err.status)
      assert.equal(3, err.attempts)
      assert.matches("^cannot read page 1", err.message)
      assert.matches((": HTTP %d from localhost:%d$"):format(status, server.ports[1]), err.message)
      assert.matches("<html>", err.body)
      assert.is_nil(tostring(err):find "<")
      assert.equal(3, #server:requests())
      assert.matches("^retry retry", world.events(logged))
    end

    local function start_before(address)
      start("", ("location / { proxy_pass http://%s; proxy_read_timeout 50ms; }"):format(address))
    end

    it("that is gone is 502, and asked again", function()
      other = assert(socket.tcp())
      assert(other:bind("127.0.0.1", 0)) -- and does not listen
      start_before(("%s:%d"):format(other:getsockname()))
      assert_gateway_error(502)
    end)

    it("that is too slow is 504, and asked again", function()
      other = assert(socket.bind("127.0.0.1", 0)) -- and never answers
      start_before(("%s:%d"):format(other:getsockname()))
      assert_gateway_error(504)
    end)
  end)
end)

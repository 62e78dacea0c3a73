-- The transport over TLS: handshakes that fail, files that are unusable, HTTP/2. What users see of it: tls_spec.

local certificates = require "support.certificates"
local daemon = require "support.daemon"
local http = require "support.raw_http"
local nginx = require "support.nginx"

local assert_fault = http.assert_fault
local drain = http.drain
local head = http.head
local listen = http.listen
local new_pool = http.new_pool
local together = http.together

describe("core.http", function()
  local made

  setup(function() made = certificates.make() end)
  teardown(function() made:remove() end)
  after_each(http.finish)

  describe("TLS", function()
    local server, port

    setup(function()
      server = daemon.start(made.folder,
        "openssl s_server -accept 127.0.0.1:0 -cert good.pem -key server.key -www -no_tls1_3")
      port = assert(server:await "^ACCEPT .*:(%d+)$")
    end)

    teardown(function() server:stop() end)

    local function ask(options)
      local pool = new_pool()
      options.url = ("https://%s:%s/"):format(options.url or "localhost", port)
      local x = assert(pool:start(options))
      local status, err = head(pool, x)
      if not status then return nil, err end
      return drain(pool, x)
    end

    it("refuses whom nobody vouches for", function()
      local body, err = ask {}
      assert.is_nil(body)
      assert_fault(err, "tls", "^cannot trust localhost:%d+: no authority that is trusted here .*ca_file.*%(.+%)$")
      assert.are.equal(60, err.curl_code)
    end)

    it("trusts a given authority, for the right name", function()
      assert.matches("TLSv1.2", (ask {ca_file = made:path "ca.pem"}))
      local _, err = ask {ca_file = made:path "ca.pem", url = "127.0.0.2"}
      assert_fault(err, "network", "^cannot connect to 127%.0%.0%.2:%d+: ")
    end)

    it("trusts anyone when told to", function()
      assert.matches("TLSv1.2", (ask {insecure = true}))
    end)

    it("says which file is unusable", function()
      assert_fault(select(2, ask {ca_file = made:path "none.pem"}), "tls", "CA certificates %(ca_file, ca_path%)")
      local _, err = ask {insecure = true, client_cert = made:path "none.pem", client_key_password = "hidden"}
      assert_fault(err, "tls", "client certificate")
      assert.is_nil(err.message:find "hidden")
    end)

    it("with somebody who does not speak it fails", function()
      local other, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url:gsub("http", "https")}
      local connection = other:accept()
      connection:send "HTTP/1.1 400 Bad Request\r\n\r\n"
      assert_fault(select(2, drain(pool, x)), "tls", "^TLS handshake with 127%.0%.0%.1:%d+ failed: .*plain http%?")
    end)

    it("cut in its handshake is the network's fault", function()
      for _, linger in ipairs {false, true} do
        local other, url = listen()
        local pool = new_pool()
        local x = pool:start {url = url:gsub("http", "https")}
        local connection = other:accept()
        connection:settimeout(0)
        together(pool, function() return connection:receive(5) end)
        if linger then connection:setoption("linger", {on = true, timeout = 0}) end
        connection:close()
        assert_fault(select(2, drain(pool, x)), "network", "handshake with 127%.0%.0%.1:%d+ was cut")
      end
    end)
  end)

  describe("HTTP/2", function()
    local server, body

    setup(function()
      local lines = {}
      for i = 1, 100000 do lines[i] = ("%031d\n"):format(i) end
      body = table.concat(lines)
      server = nginx.start(("server { listen 127.0.0.1:@1 ssl http2; ssl_certificate %s; ssl_certificate_key %s; }")
        :format(made:path "good.pem", made:path "server.key"), {body = body})
    end)

    teardown(function() server:stop() end)

    local function request(options)
      local all = {url = ("https://localhost:%d/body"):format(server.ports[1]), ca_file = made:path "ca.pem"}
      for name, value in pairs(options or {}) do all[name] = value end
      return all
    end

    it("brings bodies whole, one connection for all", function()
      local pool = new_pool()
      local first, second = pool:start(request()), pool:start(request())
      assert.is_true((drain(pool, second)) == body)
      assert.is_true((drain(pool, first)) == body)
      assert.are.equal("2", first:stats().http_version)
      assert.is_false(first:stats().reused)
      assert.is_true(second:stats().reused)
      assert.are.equal(#body, first:stats().wire_bytes)
    end)

    it("lets others go on while one is paused", function()
      local pool = new_pool()
      local paused = pool:start(request {buffer_bytes = 10000, idle_timeout_s = 5})
      together(pool, function() return paused:stats().paused end)
      assert.is_true((drain(pool, pool:start(request()))) == body)
      assert.is_true(paused:stats().paused)
      assert.is_true((drain(pool, paused)) == body)
    end)

    it("leaves others alone when one is closed in its middle", function()
      local pool = new_pool()
      local closed, other = pool:start(request()), pool:start(request())
      assert.are.equal(200, (head(pool, closed)))
      closed:close()
      assert.is_true((drain(pool, other)) == body)
    end)

    it("is not spoken when it is unwanted, nor with a connection that speaks it at hand", function()
      local pool = new_pool()
      local with = pool:start(request())
      assert.is_true((drain(pool, with)) == body)
      local without = pool:start(request {http1_only = true})
      assert.is_true((drain(pool, without)) == body)
      assert.are.equal("2", with:stats().http_version)
      assert.are.equal("1.1", without:stats().http_version)
    end)
  end)
end)

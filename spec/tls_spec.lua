-- TLS as users of `client:leads` meet it: whom we trust, whom we do not, who we say we are. Against real servers.

local certificates = require "support.certificates"
local core = require "oc.core"
local daemon = require "support.daemon"
local lead_pages = require "support.lead_pages"
local nginx = require "support.nginx"
local oc = require "oc"
local process = require "support.process"
local world = require "support.world"

-- It says less: not which certificate, not which file.
local GNUTLS = core.versions().ssl:find "GnuTLS"

local PASSWORD = certificates.PASSWORD

local TOKEN_LOCATION = [[
  location /tenant/oauth2/v2.0/token {
    return 200 '{"token_type":"Bearer","expires_in":3599,"access_token":"fresh-token"}';
  }
]]

-- What each port of nginx is: @1 as it should be, the others wrong in one thing.
local SERVERS = {
  good = 1, wrong_host = 2, expired = 3, not_yet = 4, self_signed = 5, unknown = 6,
  -- with the good certificate
  old_versions = 7, old_ciphers = 8, other_name = 9,
}

local function config(made)
  local text = {("ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate_key %s;"):format(made:path "server.key")}
  local extra = {
    [7] = "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;",
    [8] = "ssl_protocols TLSv1.2; ssl_ciphers AES128-SHA;",
    [9] = "ssl_reject_handshake on;",
  }
  for name, n in pairs(SERVERS) do
    text[#text + 1] = ("server { listen 127.0.0.1:@%d ssl; ssl_certificate %s; %s %s }"):format(
      n, made:path(n < 7 and name .. ".pem" or "good.pem"), extra[n] or "", lead_pages.LOCATION)
  end
  return table.concat(text, "\n")
end

describe("TLS", function()
  local made, server, logged, client

  setup(function()
    made = certificates.make()
    server = nginx.start(config(made), lead_pages.files())
  end)

  teardown(function()
    server:stop()
    made:remove()
  end)

  before_each(function() server:forget() end)

  after_each(function()
    if client then client:close() end
    client = nil
  end)

  -- All leads: count, or nil, err; on whatever server the base URL says.
  local function fetch(base_url, given)
    local all = {ca_file = made:path "ca.pem", auth = oc.auth.bearer "secret-token", max_attempts = 3, proxy = ""}
    for name, value in pairs(given or {}) do all[name] = value end
    if all.ca_path then all.ca_file = nil end
    client, logged = world.client(base_url, all)
    local leads, err = client:leads {prefetch = 0}:all()
    return leads and #leads, err
  end

  local function url(name, host)
    return ("https://%s:%d%s"):format(host or "localhost", server.ports[SERVERS[name]], lead_pages.BASE_PATH)
  end

  -- Fails at once: one connection, no request, nothing that is retried, no secret.
  local function refused(name, pattern, given, host)
    local before = server:connections()
    local count, err = fetch(url(name, host), given)
    assert.is_nil(count)
    assert.equal("tls", err.kind)
    assert.matches("^cannot read page 1: ", err.message)
    assert.matches(pattern, err.message)
    assert.matches((host or "localhost"):gsub("%p", "%%%0"), err.message)
    assert.equal(1, err.attempts)
    assert.equal("", world.events(logged))
    assert.equal(2, (server:connections()) - before) -- this question's is one of them
    assert.same({}, server:requests())
    for _, secret in ipairs {PASSWORD, "secret-token"} do
      assert.is_nil(tostring(err):find(secret, 1, true))
    end
  end

  describe("that is not to be trusted", function()
    local cases = {
      wrong_host = "cannot trust .*for another name; is the address right %(base_url",
      expired = "cannot trust .*has expired.*, or this machine's clock is wrong",
      not_yet = "cannot trust .*is not valid yet, or this machine's clock is wrong",
      self_signed = GNUTLS and "cannot trust .*ca_file" or "cannot trust .*is self%-signed; give it as ca_file",
      unknown = "cannot trust .*no authority that is trusted here vouches .*ca_file",
      old_versions = "handshake with .*TLS 1%.2 is needed at least",
      old_ciphers = "handshake with .*no cipher in common",
      other_name = "handshake with .*knows no host of that name",
    }
    for name, pattern in pairs(cases) do
      it("is refused at once: " .. name, function() refused(name, pattern) end)
    end

    it("is refused under an address that the certificate does not hold", function()
      refused("wrong_host", "for another name", nil, "127.0.0.1")
    end)

    it("is refused when the authority is another than ours", function()
      refused("good", "no authority", {ca_file = made:path "other_ca.pem"})
    end)

    it("is refused by the system's authorities, which do not know ours", function()
      refused("good", "no authority", {ca_path = "/etc/ssl/certs"})
    end)
  end)

  describe("that is trusted", function()
    it("by ca_file and ca_path, as name and as number", function()
      assert.equal(lead_pages.COUNT, fetch(url "good"))
      assert.equal(lead_pages.COUNT, fetch(url("good", "127.0.0.1")))
      assert.equal(lead_pages.COUNT, fetch(url "good", {ca_path = made:path "hashed"}))
      assert.equal(lead_pages.COUNT, fetch(url "self_signed", {ca_file = made:path "self_signed.pem"}))
      for _, request in ipairs(server:requests()) do
        assert.equal("Bearer secret-token", request.authorization)
        assert.equal("TLSv1.3", request.tls)
        assert.equal("HTTP/1.1", request.version)
      end
    end)

    it("by nobody, as insecure, with a warning for each client", function()
      for _, name in ipairs {"wrong_host", "expired", "self_signed"} do
        assert.equal(lead_pages.COUNT, fetch(url(name), {insecure = true, ca_path = made:path "hashed"}))
        assert.equal("insecure", world.events(logged))
        assert.equal("warn", logged[1].level)
        assert.matches("^https://localhost:", logged[1].fields.origin)
      end
    end)

    it("but insecure does not make old versions good", function()
      refused("old_versions", "TLS 1%.2 is needed", {insecure = true, log = false})
    end)
  end)

  describe("files that cannot be used", function()
    it("fail at once, with the name of the option", function()
      local client_cert = made:path "client.pem"
      local cases = {
        {GNUTLS and "ca_file" or "ca_file.*none%.pem", {ca_file = made:path "none.pem"}},
        {GNUTLS and "client certificate" or "client certificate .*none%.pem", {client_cert = made:path "none.pem"}},
        {"see client_key", {client_cert = client_cert}},
        {"see client_key", {client_cert = client_cert, client_key = made:path "none.key"}},
        {"belong together", {client_cert = client_cert, client_key = made:path "server.key"}},
        {"client_key_password", {client_cert = client_cert, client_key = made:path "client_locked.key"}},
        {"client_key_password", {client_cert = client_cert, client_key = made:path "client_locked.key",
          client_key_password = PASSWORD .. "x"}},
      }
      for _, case in ipairs(cases) do
        local count, err = fetch(url "good", case[2])
        assert.is_nil(count)
        assert.equal("tls", err.kind)
        assert.matches(case[1], err.message)
        assert.equal(1, err.attempts)
        assert.is_nil(tostring(err):find(PASSWORD, 1, true))
        assert.is_nil(oc.encode(err.resume):find(PASSWORD, 1, true))
      end
      assert.same({}, server:requests())
    end)
  end)

  it("never asks for a password at the terminal", function()
    local code = ([[
      local oc = require "oc"
      local client = oc.client {base_url = %q, auth = false, client_cert = %q, client_key = %q}
      print(select(2, client:leads():next()).kind)]]):format(
      url "good", made:path "client.pem", made:path "client_locked.key")
    local pipe = io.popen(("%s -e %s 2>&1 </dev/null"):format(
      process.quote(process.interpreter()), process.quote(code)))
    assert.equal("tls\n", pipe:read "*a")
    pipe:close()
  end)

  describe("of a server that asks who we are", function()
    local strict

    setup(function()
      local text = {("ssl_certificate %s; ssl_certificate_key %s; ssl_client_certificate %s; ssl_verify_client on;")
        :format(made:path "good.pem", made:path "server.key", made:path "ca.pem")}
      for n, version in ipairs {"TLSv1.2", "TLSv1.3"} do
        text[n + 1] = ("server { listen 127.0.0.1:@%d ssl; ssl_protocols %s; %s }"):format(
          n, version, lead_pages.LOCATION)
      end
      strict = nginx.start(table.concat(text, "\n"), lead_pages.files())
    end)

    teardown(function() strict:stop() end)

    local function strict_url(n) return ("https://localhost:%d%s"):format(strict.ports[n], lead_pages.BASE_PATH) end

    local ways = {
      ["a certificate and its key"] = {client_cert = "client.pem", client_key = "client.key"},
      ["a key with a password"] = {client_cert = "client.pem", client_key = "client_locked.key",
        client_key_password = PASSWORD},
      ["both in one file"] = {client_cert = "client_both.pem"},
    }
    for name, way in pairs(ways) do
      it("is answered with " .. name, function()
        local given = {client_key_password = way.client_key_password}
        given.client_cert = made:path(way.client_cert)
        given.client_key = way.client_key and made:path(way.client_key)
        for n, version in ipairs {"TLSv1.2", "TLSv1.3"} do
          strict:forget()
          assert.equal(lead_pages.COUNT, fetch(strict_url(n), given))
          assert.equal(version, strict:requests()[1].tls)
        end
      end)
    end

    local function wrong()
      return {client_cert = made:path "wrong_client.pem", client_key = made:path "wrong_client.key"}
    end

    -- nginx shakes hands with anybody, and says no in HTTP.
    it("may say no in HTTP", function()
      for n = 1, 2 do
        local _, err = fetch(strict_url(n))
        assert.equal("http", err.kind)
        assert.equal(400, err.status)
        assert.equal(1, err.attempts)
        assert.matches("No required SSL certificate", err.body)
        _, err = fetch(strict_url(n), wrong())
        assert.matches("SSL certificate error", err.body)
        assert.equal(1, err.attempts)
      end
    end)

    -- openssl says it in TLS; each takes one connection, so another attempt would be another error.
    local function against_openssl(options, given)
      local one = daemon.start(made.folder, ("openssl s_server -accept 127.0.0.1:0 -naccept 1 -www -cert good.pem "
        .. "-key server.key -CAfile ca.pem -Verify 1 -verify_return_error %s"):format(options))
      local port = assert(one:await "^ACCEPT .*:(%d+)$")
      local _, err = fetch(("https://localhost:%s"):format(port), given)
      one:stop()
      assert.equal("tls", err.kind)
      assert.equal(1, err.attempts)
      return err.message
    end

    it("may say no in TLS", function()
      assert.matches("wants a client certificate", against_openssl "-no_tls1_3")
      assert.matches("does not take our client certificate", against_openssl("-no_tls1_3", wrong()))
      local wanted = GNUTLS and "want a client certificate" or "the server wants a client certificate"
      local refused_ours = GNUTLS and "or another one" or "the server does not take our client certificate"
      assert.matches("broke TLS off: .*" .. wanted, against_openssl "-tls1_3")
      assert.matches("broke TLS off: .*" .. refused_ours, against_openssl("-tls1_3", wrong()))
    end)
  end)

  describe("of the token endpoint", function()
    local login

    setup(function()
      local text = ([[
        ssl_certificate_key %s;
        server { listen 127.0.0.1:@1 ssl http2; ssl_certificate %s; %s }
        server { listen 127.0.0.1:@2 ssl http2; ssl_certificate %s; %s }
        server { listen 127.0.0.1:@3 ssl http2; ssl_certificate %s; %s %s }]]):format(
        made:path "server.key", made:path "token.pem", TOKEN_LOCATION, made:path "good.pem", lead_pages.LOCATION,
        made:path "good.pem", lead_pages.LOCATION, TOKEN_LOCATION)
      login = nginx.start(text, lead_pages.files())
    end)

    teardown(function() login:stop() end)
    before_each(function() login:forget() end)

    local function auth(host, n)
      return oc.auth.client_credentials {tenant_id = "tenant", client_id = "id", client_secret = "hidden-secret",
        scope = "s", authority = ("https://%s:%d"):format(host, login.ports[n])}
    end

    it("is verified by its own certificate", function()
      assert.equal(lead_pages.COUNT, fetch(("https://localhost:%d/tenantui"):format(login.ports[2]),
        {auth = auth("login.localhost", 1)}))
      local requests = login:requests()
      assert.equal(tostring(login.ports[1]), requests[1].port)
      assert.equal("-", requests[1].authorization)
      assert.equal("Bearer fresh-token", requests[2].authorization)
    end)

    it("gets no secret when it is not trusted", function()
      local _, err = fetch(("https://localhost:%d/tenantui"):format(login.ports[2]), {auth = auth("localhost", 1)})
      assert.equal("tls", err.kind)
      assert.matches("cannot get a token: cannot trust localhost.*another name.*authority", err.message)
      assert.equal(1, err.attempts)
      assert.same({}, login:requests())
      assert.is_nil(tostring(err):find "hidden%-secret")
    end)

    it("is asked over HTTP/2, pages over HTTP/1.1, at one origin too", function()
      for n = 2, 3 do
        login:forget()
        assert.equal(lead_pages.COUNT, fetch(("https://localhost:%d/tenantui"):format(login.ports[n]),
          {auth = auth(n == 2 and "login.localhost" or "localhost", n == 2 and 1 or 3)}))
        local versions = {}
        for i, request in ipairs(login:requests()) do versions[i] = request.version end
        assert.same({"HTTP/2.0", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1"}, versions)
      end
    end)
  end)
end)

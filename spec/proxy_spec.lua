-- Proxies as users of `client:leads` meet them: nginx for plain http, a proxy that knows CONNECT for https; what they
-- see, and what they never see.

local certificates = require "support.certificates"
local lead_pages = require "support.lead_pages"
local mime = require "mime"
local nginx = require "support.nginx"
local oc = require "oc"
local process = require "support.process"
local socket = require "socket"
local tunnel_proxy = require "support.tunnel_proxy"
local world = require "support.world"

-- As it is, and as it stands in an address.
local CREDENTIALS, IN_ADDRESS = "us@er:pass:wörd/?#", "us%40er:pass%3Aw%C3%B6rd%2F%3F%23"
local COUNT = lead_pages.COUNT

-- The service over https at @1; at @2 and @3 a proxy for plain http, over http and https, which says 407 to others.
local CONFIG = [[
  ssl_certificate %s; ssl_certificate_key %s;
  server { listen 127.0.0.1:@1 ssl; %s }
  map $http_proxy_authorization $who { default stranger; "Basic %s" friend; }
  server {
    listen 127.0.0.1:@2; listen 127.0.0.1:@3 ssl;
    if ($who = stranger) { return 407; }
    add_header Proxy-Authenticate 'Basic realm="spec"' always;
    %s
  }
]]

describe("a proxy", function()
  local made, server, tunnel, client, logged

  setup(function()
    made = certificates.make()
    server = nginx.start(CONFIG:format(made:path "good.pem", made:path "server.key", lead_pages.LOCATION,
      mime.b64(CREDENTIALS), lead_pages.LOCATION), lead_pages.files())
    tunnel = tunnel_proxy.start(CREDENTIALS)
  end)

  teardown(function()
    tunnel:stop()
    server:stop()
    made:remove()
  end)

  before_each(function() server:forget() end)

  after_each(function()
    if client then client:close() end
    client = nil
  end)

  local function fetch(base_url, given)
    local all = {ca_file = made:path "ca.pem", auth = oc.auth.bearer "secret-token", max_attempts = 3}
    for name, value in pairs(given) do all[name] = value end
    client, logged = world.client(base_url, all)
    local leads, err = client:leads {prefetch = 0}:all()
    return leads and #leads, err
  end

  local function plain_proxy(userinfo, scheme, n)
    return ("%s://%s127.0.0.1:%d"):format(scheme or "http", userinfo or "", server.ports[n or 2])
  end

  -- The service as seen from behind the tunnel, under any name.
  local function service(name) return ("https://%s:%d/tenantui"):format(name, server.ports[1]) end

  -- What tunnel:asked has beyond what it had.
  local function asked_since(before)
    local all, new = tunnel:asked(), {}
    for i = before + 1, #all do new[#new + 1] = all[i] end
    return new
  end

  -- The address of a port where nobody listens: bound, so that nobody else takes it, but deaf.
  local deaf = {}
  local function dead_address()
    local one = assert(socket.tcp())
    assert(one:bind("127.0.0.1", 0))
    deaf[#deaf + 1] = one
    local _, port = one:getsockname()
    return ("http://hidden-user:hidden-password@127.0.0.1:%d"):format(port)
  end

  after_each(function()
    for _, one in ipairs(deaf) do one:close() end
    deaf = {}
  end)

  local function assert_no_secret(err)
    for _, text in ipairs {tostring(err), oc.encode(err.resume), err.url or "", tostring(client)} do
      for _, secret in ipairs {"secret", "hidden", "pass:", "pass%%3A", "us@er", "us%%40", mime.b64(CREDENTIALS)} do
        assert.is_nil(text:find(secret), text)
      end
    end
    for _, entry in ipairs(logged) do
      for _, value in pairs(entry.fields) do assert.is_nil(tostring(value):find "hidden") end
    end
  end

  describe("for plain http", function()
    it("is told who we are", function()
      assert.equal(COUNT, fetch("http://sp.example.com/tenantui",
        {insecure = true, log = false, proxy = plain_proxy(IN_ADDRESS .. "@")}))
      local requests = server:requests()
      assert.equal(3, #requests)
      for _, request in ipairs(requests) do
        assert.equal("sp.example.com", request.host)
        assert.equal("Basic " .. mime.b64(CREDENTIALS), request.proxy_authorization)
      end
    end)

    it("may itself be asked over TLS, trusted by the same rules", function()
      assert.equal(COUNT, fetch("http://127.0.0.1/tenantui", {proxy = plain_proxy(IN_ADDRESS .. "@", "https", 3)}))
      assert.equal(tostring(server.ports[3]), server:requests()[1].port)
      server:forget()
      local _, err = fetch("http://127.0.0.1/tenantui", {proxy = plain_proxy(IN_ADDRESS .. "@", "https", 3),
        ca_file = made:path "other_ca.pem"})
      assert.equal("tls", err.kind)
      assert.same({}, server:requests())
    end)

    it("that does not know us is asked once", function()
      for _, userinfo in ipairs {"", "us%40er:hidden@"} do
        server:forget()
        local _, err = fetch("http://127.0.0.1/tenantui", {proxy = plain_proxy(userinfo)})
        assert.equal("http", err.kind)
        assert.equal(407, err.status)
        assert.equal(1, err.attempts)
        assert.matches("cannot read page 1: HTTP 407 from the proxy for 127%.0%.0%.1: it wants other credentials",
          err.message)
        assert.equal(1, #server:requests())
        assert_no_secret(err)
      end
    end)
  end)

  describe("for https", function()
    it("is told who we are, and sees nothing else", function()
      local before = #tunnel:asked()
      assert.equal(COUNT, fetch(service "sp.example.com", {proxy = ("http://%s@%s"):format(IN_ADDRESS, tunnel.host)}))
      assert.same({("sp.example.com:%d 200"):format(server.ports[1])}, asked_since(before))
      assert.equal("Bearer secret-token", server:requests()[1].authorization)
      assert.equal("-", server:requests()[1].proxy_authorization)
      local carried = tunnel:carried()
      assert.matches("\r\nProxy%-Authorization: Basic " .. mime.b64(CREDENTIALS):gsub("%p", "%%%0"), carried)
      for _, word in ipairs {"secret%-token", "Bearer", "tenantui", "\r\nAuthorization"} do
        assert.is_nil(carried:find(word))
      end
    end)

    it("does not vouch for the service", function()
      local _, err = fetch(service "sp.example.org", {proxy = ("http://%s@%s"):format(IN_ADDRESS, tunnel.host)})
      assert.equal("tls", err.kind)
      assert.matches("cannot trust sp%.example%.org:%d+: .*another name", err.message)
      assert.same({}, server:requests())
    end)

    it("that refuses is asked once, whatever it refuses", function()
      local cases = {
        {"sp.example.com", "", 407, "the proxy for sp%.example%.com:%d+ answered 407: it wants other credentials"},
        {"sp.example.com", "us%40er:hidden@", 407, "it wants other credentials %(proxy%)"},
        {"forbidden.example.com", IN_ADDRESS .. "@", 403, "the proxy for forbidden%.example%.com:%d+ answered 403"},
      }
      for _, case in ipairs(cases) do
        local before = #tunnel:asked()
        local _, err = fetch(service(case[1]), {proxy = ("http://%s%s"):format(case[2], tunnel.host)})
        assert.equal("http", err.kind)
        assert.equal(case[3], err.status)
        assert.matches(case[4], err.message)
        assert.equal(1, err.attempts)
        assert.equal(1, #asked_since(before))
        assert_no_secret(err)
      end
      assert.same({}, server:requests())
    end)

    it("that does not get there is asked again", function()
      local before = #tunnel:asked()
      local _, err = fetch(service "unavailable.example.com",
        {proxy = ("http://%s@%s"):format(IN_ADDRESS, tunnel.host)})
      assert.equal("network", err.kind)
      assert.equal(503, err.status)
      assert.equal(3, err.attempts)
      assert.equal(3, #asked_since(before))
      assert_no_secret(err)
    end)

    it("serves the token endpoint too", function()
      local before = #tunnel:asked()
      local _, err = fetch(service "sp.example.com", {
        proxy = ("http://us%%40er:hidden@%s"):format(tunnel.host),
        auth = oc.auth.client_credentials {tenant_id = "t", client_id = "c", client_secret = "hidden", scope = "s",
          authority = "https://login.example.com"},
      })
      assert.equal("http", err.kind)
      assert.equal(407, err.status)
      assert.matches("cannot get a token: the proxy for login%.example%.com answered 407", err.message)
      assert.same({"login.example.com:443 407"}, asked_since(before))
      assert_no_secret(err)
    end)
  end)

  it("that is not there says so", function()
    for _, base_url in ipairs {service "sp.example.com", "http://127.0.0.1/tenantui"} do
      local _, err = fetch(base_url, {proxy = dead_address()})
      assert.equal("network", err.kind)
      assert.matches("cannot connect to the proxy for [%w.:]+: Connection refused", err.message)
      assert.equal(3, err.attempts)
      assert_no_secret(err)
    end
    local _, err = fetch(service "sp.example.com", {proxy = "http://u:hidden@" .. ("x"):rep(64) .. ".invalid:3128",
      max_attempts = 1})
    assert.equal("network", err.kind)
    assert.matches("cannot find the proxy's host, for sp%.example%.com", err.message)
    assert_no_secret(err)
  end)

  it("is passed by for the names in no_proxy", function()
    for name, hosts in pairs {
      ["localhost"] = {"localhost", "a.example,localhost", "*", ".localhost,localhost"},
      ["127.0.0.1"] = {"127.0.0.1", "*"},
    } do
      for _, no_proxy in ipairs(hosts) do
        assert.equal(COUNT, fetch(service(name), {proxy = dead_address(), no_proxy = no_proxy}))
      end
    end
    for _, no_proxy in ipairs {"calhost", "example.com", "localhost:" .. server.ports[1], ""} do
      local _, err = fetch(service "localhost", {proxy = dead_address(), no_proxy = no_proxy, max_attempts = 1})
      assert.matches("cannot connect to the proxy", err.message)
    end
  end)

  it("that is passed by is not blamed", function()
    local one = dead_address()
    local dead = one:gsub("^.*@", "")
    for _, base_url in ipairs {"https://" .. dead, "http://" .. dead} do
      local _, err = fetch(base_url, {proxy = dead_address(), no_proxy = "127.0.0.1", max_attempts = 1})
      assert.equal(("cannot read page 1: cannot connect to %s: Connection refused"):format(dead), err.message)
    end
  end)

  it("is passed by for what is below a name in no_proxy", function()
    for _, no_proxy in ipairs {"localhost", ".localhost"} do
      -- libcurl itself knows that such names are this machine; the certificate is for others
      local _, err = fetch(service "sp.localhost", {proxy = dead_address(), no_proxy = no_proxy})
      assert.equal("tls", err.kind)
      assert.matches("cannot trust sp%.localhost:%d+: .*another name", err.message)
    end
  end)

  describe("of the environment", function()
    -- What a program says that lists leads, with these variables.
    local function run(variables, base_url, options)
      local words = {}
      for _, name in ipairs {"http_proxy", "https_proxy", "all_proxy", "no_proxy"} do
        words[#words + 1] = ("-u %s -u %s"):format(name, name:upper())
      end
      for name, value in pairs(variables) do words[#words + 1] = process.quote(name .. "=" .. value) end
      local code = ([[
        local oc = require "oc"
        local client = oc.client {base_url = %q, ca_file = %q, auth = oc.auth.bearer "secret-token", max_attempts = 1,
          log = false, insecure = %s, %s}
        local leads, err = client:leads {prefetch = 0}:all()
        print(leads and #leads or err.kind .. " " .. err.message)]]):format(
        base_url, made:path "ca.pem", tostring(base_url:find "^http:" ~= nil), options or "")
      local pipe = io.popen(("env %s %s -e %s 2>&1"):format(
        table.concat(words, " "), process.quote(process.interpreter()), process.quote(code)))
      local said = pipe:read "*a"
      pipe:close()
      return (said:gsub("\n$", ""))
    end

    local function tunnel_address() return ("http://%s@%s"):format(IN_ADDRESS, tunnel.host) end

    it("is used for names that are not this machine's", function()
      for _, name in ipairs {"https_proxy", "HTTPS_PROXY", "all_proxy"} do
        local before = #tunnel:asked()
        assert.equal(tostring(COUNT), run({[name] = tunnel_address()}, service "sp.example.com"))
        assert.equal(1, #asked_since(before))
      end
      assert.equal(tostring(COUNT),
        run({http_proxy = plain_proxy(IN_ADDRESS .. "@")}, "http://sp.example.com/tenantui"))
    end)

    it("that is not there says so", function()
      assert.matches("^network .*: cannot connect to the proxy for sp%.example%.com:%d+: Connection refused$",
        run({https_proxy = dead_address()}, service "sp.example.com"))
    end)

    it("is passed by for no_proxy, for this machine, and when proxy is empty", function()
      assert.equal(tostring(COUNT), run({https_proxy = dead_address()}, service "localhost"))
      assert.equal(tostring(COUNT), run({https_proxy = dead_address()}, service "127.0.0.1"))
      -- a name that only libcurl knows to be this machine, so that it is reached, and not believed
      for _, no_proxy in ipairs {"sp.localhost", ".localhost", "*"} do
        assert.matches("^tls .*cannot trust sp%.localhost",
          run({https_proxy = dead_address(), no_proxy = no_proxy}, service "sp.localhost"))
      end
      assert.matches("^tls .*cannot trust sp%.localhost",
        run({https_proxy = dead_address()}, service "sp.localhost", 'proxy = ""'))
      assert.matches("cannot connect to the proxy", run({https_proxy = dead_address()}, service "sp.localhost"))
    end)

    it("gives way to the option", function()
      assert.equal(tostring(COUNT), run({https_proxy = dead_address()}, service "sp.example.com",
        ("proxy = %q"):format(tunnel_address())))
      assert.equal(tostring(COUNT), run({https_proxy = tunnel_address(), no_proxy = "*"}, service "sp.example.com",
        'no_proxy = "other.example"'))
    end)
  end)
end)

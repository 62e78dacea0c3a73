-- The transport over TLS, against `openssl s_server`; HTTP/2 against nginx, where there is one.

local core = require "oc.core"
local http = require "support.raw_http"
local socket = require "socket"

local assert_fault = http.assert_fault
local drain = http.drain
local head = http.head
local listen = http.listen
local new_pool = http.new_pool
local together = http.together

-- A folder with a certificate for localhost that nobody vouches for.
local function make_certificate()
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir -m 755 " .. folder))
  os.execute(([[cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null]]):format(folder))
  return folder
end

-- A server in the folder, and its process id. `timeout`, so that nothing is left should this process be killed.
local function start(folder, command)
  local process = assert(io.popen(("cd %s && echo $$ && exec timeout 300 %s 2>&1"):format(folder, command)))
  return process, process:read "*l"
end

local function stop(folder, process, pid)
  os.execute("kill " .. pid)
  process:close()
  os.execute("rm -r " .. folder)
end

describe("core.http", function()
  after_each(http.finish)

  describe("TLS", function()
    local folder, process, port, pid

    setup(function()
      folder = make_certificate()
      process, pid = start(folder, "openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -www -no_tls1_3")
      repeat
        local line = assert(process:read "*l", "openssl s_server does not start")
        port = line:match "^ACCEPT .*:(%d+)$"
      until port
    end)

    teardown(function() stop(folder, process, pid) end)

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
      assert_fault(err, "tls", "^cannot trust localhost:%d+: ")
      assert.are.equal(60, err.curl_code)
    end)

    it("trusts a given authority, for the right name", function()
      assert.matches("TLSv1.2", (ask {ca_file = folder .. "/cert.pem"}))
      local _, err = ask {ca_file = folder .. "/cert.pem", url = "127.0.0.1"}
      assert_fault(err, "tls", "^cannot trust 127%.0%.0%.1")
    end)

    it("trusts anyone when told to", function()
      assert.matches("TLSv1.2", (ask {insecure = true}))
    end)

    it("says which file is unusable", function()
      assert_fault(select(2, ask {ca_file = folder .. "/none.pem"}), "tls", "CA certificates .*none%.pem")
      local _, err = ask {insecure = true, client_cert = folder .. "/none.pem", client_key_password = "hidden"}
      assert_fault(err, "tls", "client certificate")
      assert.is_nil(err.message:find "hidden")
    end)

    it("with somebody who does not speak it fails", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url:gsub("http", "https")}
      local connection = server:accept()
      connection:send "HTTP/1.1 400 Bad Request\r\n\r\n"
      assert_fault(select(2, drain(pool, x)), "tls", "^TLS handshake with 127%.0%.0%.1:%d+ failed")
    end)

    it("cut in its handshake is the network's fault", function()
      for _, linger in ipairs {false, true} do
        local server, url = listen()
        local pool = new_pool()
        local x = pool:start {url = url:gsub("http", "https")}
        local connection = server:accept()
        connection:settimeout(0)
        together(pool, function() return connection:receive(5) end)
        if linger then connection:setoption("linger", {on = true, timeout = 0}) end
        connection:close()
        assert_fault(select(2, drain(pool, x)), "network", "handshake with 127%.0%.0%.1:%d+ was cut")
      end
    end)
  end)

  describe("HTTP/2", function()
    local NGINX = [[
      daemon off; pid nginx.pid; error_log stderr crit; events {}
      http {
        access_log off; root .; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
        uwsgi_temp_path u; scgi_temp_path s;
        server { listen 127.0.0.1:%d ssl http2; ssl_certificate cert.pem; ssl_certificate_key key.pem; }
      }]]
    local folder, process, pid, port, body

    local function write(name, text)
      local file = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
      file:close()
    end

    local function free_port()
      local server = assert(socket.bind("127.0.0.1", 0))
      local _, number = server:getsockname()
      server:close()
      return tonumber(number)
    end

    setup(function()
      local pipe = io.popen "command -v nginx || ls /usr/sbin/nginx 2>/dev/null"
      local nginx = pipe:read "*l"
      pipe:close()
      if not nginx or not core.versions().http2 then return end
      folder, port = make_certificate(), free_port()
      local lines = {}
      for i = 1, 100000 do lines[i] = ("%031d\n"):format(i) end
      body = table.concat(lines)
      write("body", body)
      write("nginx.conf", NGINX:format(port))
      process, pid = start(folder, nginx .. " -p . -c nginx.conf")
      -- It does not say when it is ready.
      for _ = 1, 500 do
        local connection = socket.connect("127.0.0.1", port)
        if connection then return connection:close() end
        core.sleep(0.02)
      end
      error(process:read "*a")
    end)

    teardown(function()
      if process then stop(folder, process, pid) end
    end)

    local function request(options)
      local all = {url = ("https://localhost:%d/body"):format(port), ca_file = folder .. "/cert.pem"}
      for name, value in pairs(options or {}) do all[name] = value end
      return all
    end

    local function with_nginx(name, test)
      it(name, function()
        if not process then return pending "no nginx" end
        test(new_pool())
      end)
    end

    with_nginx("brings bodies whole, one connection for all", function(pool)
      local first, second = pool:start(request()), pool:start(request())
      assert.is_true((drain(pool, second)) == body)
      assert.is_true((drain(pool, first)) == body)
      assert.are.equal("2", first:stats().http_version)
      assert.is_false(first:stats().reused)
      assert.is_true(second:stats().reused)
      assert.are.equal(#body, first:stats().wire_bytes)
    end)

    with_nginx("lets others go on while one is paused", function(pool)
      local paused = pool:start(request {buffer_bytes = 10000, idle_timeout_s = 5})
      together(pool, function() return paused:stats().paused end)
      assert.is_true((drain(pool, pool:start(request()))) == body)
      assert.is_true(paused:stats().paused)
      assert.is_true((drain(pool, paused)) == body)
    end)

    with_nginx("leaves others alone when one is closed in its middle", function(pool)
      local closed, other = pool:start(request()), pool:start(request())
      assert.are.equal(200, (head(pool, closed)))
      closed:close()
      assert.is_true((drain(pool, other)) == body)
    end)

    with_nginx("is not spoken when it is unwanted", function(pool)
      local x = pool:start(request {http1_only = true})
      assert.is_true((drain(pool, x)) == body)
      assert.are.equal("1.1", x:stats().http_version)
    end)
  end)
end)

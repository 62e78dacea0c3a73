-- The transport: src/oc_http.c and below. Most servers here are plain sockets in this very process: the kernel
-- takes the connection, the test plays the server by hand, and nothing has to be waited for by sleeping.

local core = require "oc.core"
local socket = require "socket"

local PATIENCE_S = 20 -- before a test gives up; nothing is expected to take long

local function unhex(hex)
  return (hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

-- "one two three " twenty times
local TEXT = ("one two three "):rep(20)
local GZIPPED = unhex "1f8b08000000000002ffcbcf4b552829cf5728c9284a4d55c81fe5417900b495178818010000"
local ZLIB = unhex "789ccbcf4b552829cf5728c9284a4d55c81fe5417900dd316591"
local DEFLATED = unhex "cbcf4b552829cf5728c9284a4d55c81fe5417900"

local servers, pools = {}, {}

local function listen()
  local server = assert(socket.bind("127.0.0.1", 0))
  server:settimeout(PATIENCE_S)
  servers[#servers + 1] = server
  local _, port = server:getsockname()
  return server, ("http://127.0.0.1:%d"):format(port)
end

local function new_pool()
  local pool = assert(core.http())
  pools[#pools + 1] = pool
  return pool
end

-- Runs step() and the pool in turn until step gives something.
local function together(pool, step)
  local deadline = core.now() + PATIENCE_S
  while core.now() < deadline do
    local result = step()
    if result then return result end
    pool:perform() -- wait alone does nothing while there is something to fetch
    pool:wait(0.005)
  end
  error("nothing happens", 2)
end

-- Reads a request on a connection: its head, and its body if it has one.
local function receive(pool, connection)
  connection:settimeout(0)
  local text = ""
  return together(pool, function()
    local data, _, partial = connection:receive(65536)
    text = text .. (data or partial)
    local head, body = text:match("^(.-\r\n\r\n)(.*)$")
    local length = head and tonumber(head:match("[Cc]ontent%-[Ll]ength: (%d+)") or 0)
    if head and #body >= length then return {head = head, body = body} end
  end)
end

-- Plays one answer on a new connection; the connection stays open unless `ending`.
local function answer(pool, server, text, ending)
  local connection = assert(server:accept())
  local request = receive(pool, connection)
  connection:settimeout(PATIENCE_S)
  assert(connection:send(text))
  if ending == "reset" then
    -- Bytes on their way would be lost with a reset, so let them arrive first.
    pool:wait(PATIENCE_S)
    connection:setoption("linger", {on = true, timeout = 0})
  end
  if ending then connection:close() else connection:settimeout(0) end
  return request, connection
end

-- Waits for one exchange; a wait may end early for nothing.
local function await(pool, exchange)
  local deadline = core.now() + PATIENCE_S
  repeat until pool:wait(PATIENCE_S, exchange) or core.now() > deadline and error "nothing happens"
end

-- Everything up to the end: body, and the error or nil.
local function drain(pool, exchange)
  local parts = {}
  while true do
    local bytes, err = exchange:read()
    if bytes == false then return table.concat(parts) end
    if err then return table.concat(parts), err end
    if bytes then
      parts[#parts + 1] = bytes
    else
      await(pool, exchange)
    end
  end
end

local function head(pool, exchange)
  while true do
    local status, headers = exchange:head()
    if status or headers then return status, headers end
    await(pool, exchange)
  end
end

-- One request, one answer played as given; gives body, err, exchange, request.
local function fetch(text, ending, options)
  local server, url = listen()
  local pool = new_pool()
  local all = {url = url .. "/some/path?secret=1"}
  for name, value in pairs(options or {}) do all[name] = value end
  local exchange = assert(pool:start(all))
  local request = answer(pool, server, text, ending)
  local body, err = drain(pool, exchange)
  return body, err, exchange, request
end

local function ok(headers, body)
  return "HTTP/1.1 200 OK\r\n" .. headers .. "\r\n" .. (body or "")
end

local function sized(body, headers)
  return ok(("Content-Length: %d\r\n%s"):format(#body, headers or ""), body)
end

local function assert_fault(err, kind, pattern)
  assert.is_table(err)
  assert.are.equal(core.error_metatable, getmetatable(err))
  assert.are.equal(kind, err.kind)
  assert.matches(pattern, err.message)
  assert.are.equal(err.message, tostring(err))
end

local function interpreter()
  if os.getenv "OC_LUA" then return os.getenv "OC_LUA" end
  local lowest = 0
  while arg and arg[lowest - 1] do lowest = lowest - 1 end
  return lowest < 0 and arg[lowest] or "lua5.4"
end

-- A child process of the same Lua; its first line of output is its process id.
local function child(code, ...)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local command = ("echo $$; exec %s %s %s 2>&1"):format(interpreter(), path, table.concat({...}, " "))
  local pipe = assert(io.popen(command))
  local pid = assert(pipe:read "*l")
  return {
    pid = pid,
    line = function() return pipe:read "*l" end,
    kill = function(signal) os.execute(("kill -%s %s"):format(signal, pid)) end,
    finish = function()
      local rest = pipe:read "*a"
      pipe:close()
      os.remove(path)
      return rest
    end,
  }
end

describe("core.http", function()
  after_each(function()
    for _, pool in ipairs(pools) do pool:close() end
    for _, server in ipairs(servers) do server:close() end
    pools, servers = {}, {}
  end)

  describe("an answer", function()
    it("is handed over: status, headers, body, end", function()
      local body, err, x = fetch(sized("hello", "X-One: a\r\nx-one:  b \r\nEmpty:\r\n"))
      assert.is_nil(err)
      assert.are.equal("hello", body)
      local status, headers = x:head()
      assert.are.equal(200, status)
      assert.are.same({["content-length"] = "5", ["x-one"] = "a, b", empty = ""}, headers)
      assert.is_false(x:read())
      assert.is_false(x:read())
    end)

    it("may have any status, and redirects are not followed", function()
      local body, err, x = fetch("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 2\r\n\r\nno")
      assert.is_nil(err)
      assert.are.equal("no", body)
      local status, headers = x:head()
      assert.are.equal(302, status)
      assert.are.equal("/there", headers.location)
    end)

    it("is what comes after answers of 1xx", function()
      local early = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
      local body, _, x = fetch(early .. early .. sized("hello", "X: y\r\n"))
      assert.are.equal("hello", body)
      local status, headers = x:head()
      assert.are.equal(200, status)
      assert.are.same({["content-length"] = "5", x = "y"}, headers)
    end)

    it("keeps trailers out of the headers", function()
      local body, _, x = fetch(ok("Transfer-Encoding: chunked\r\nA: b\r\n",
        "5\r\nhello\r\n0\r\nA: c\r\nHTTP/1.1 500: x\r\nLate: yes\r\n\r\n"))
      assert.are.equal("hello", body)
      local status, headers = x:head()
      assert.are.equal(200, status)
      assert.are.same({["transfer-encoding"] = "chunked", a = "b"}, headers)
    end)

    it("joins folded header lines", function()
      local _, _, x = fetch(sized("", "Long: one\r\n  two\r\n\tthree\r\n"))
      local _, headers = x:head()
      assert.matches("^one +two%s+three$", headers.long)
    end)

    it("may be empty", function()
      local body, err, x = fetch("HTTP/1.1 204 No Content\r\n\r\n")
      assert.is_nil(err)
      assert.are.equal("", body)
      assert.are.equal(204, (x:head()))
    end)

    it("shows its head before its body is there", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url}
      assert.is_nil((x:head()))
      assert.is_nil((x:read()))
      local _, connection = answer(pool, server, ok "Content-Length: 5\r\n")
      assert.are.equal(200, (head(pool, x)))
      assert.is_nil((x:read()))
      connection:send "hello"
      assert.are.equal("hello", (drain(pool, x)))
    end)

    it("is decoded from gzip and deflate, if asked for", function()
      for encoding, bytes in pairs {gzip = GZIPPED, deflate = ZLIB} do
        local text = sized(bytes, "Content-Encoding: " .. encoding .. "\r\n")
        local body, err, x, request = fetch(text, nil, {compress = true})
        assert.is_nil(err)
        assert.are.equal(TEXT, body)
        assert.matches("\r\nAccept%-Encoding: gzip, deflate\r\n", request.head)
        assert.are.equal(#TEXT, x:stats().bytes)
        assert.are.equal(#bytes, x:stats().wire_bytes)
      end
      assert.are.equal(TEXT, (fetch(sized(DEFLATED, "Content-Encoding: deflate\r\n"), nil, {compress = true})))
    end)

    it("is left alone otherwise", function()
      local body, _, x, request = fetch(sized(GZIPPED, "Content-Encoding: gzip\r\n"))
      assert.are.equal(GZIPPED, body)
      assert.is_nil(request.head:find "Accept%-Encoding")
      assert.are.equal(#GZIPPED, x:stats().bytes)
    end)
  end)

  describe("a request", function()
    it("carries what it was told to", function()
      local _, _, _, request = fetch(sized "", nil, {
        headers = {"X-One: a", "X-Empty: ", "Authorization: Bearer abc"},
        user_agent = "oc/1",
      })
      assert.matches("^GET /some/path%?secret=1 HTTP/1.1\r\n", request.head)
      assert.matches("\r\nX%-One: a\r\n", request.head)
      assert.matches("\r\nX%-Empty:\r\n", request.head)
      assert.matches("\r\nAuthorization: Bearer abc\r\n", request.head)
      assert.matches("\r\nUser%-Agent: oc/1\r\n", request.head)
    end)

    it("posts any bytes", function()
      local bytes = "a=1&b=\0\r\n" .. ("x"):rep(100000)
      local body, err, _, request = fetch(sized "done", nil, {method = "POST", body = bytes})
      assert.is_nil(err)
      assert.are.equal("done", body)
      assert.matches("^POST ", request.head)
      assert.are.equal(bytes, request.body)
      assert.are.equal("", select(4, fetch(sized "", nil, {method = "POST"})).body)
    end)

    it("goes by a proxy that is named", function()
      local body, err, _, request = fetch(sized "by proxy", nil, nil)
      assert.is_nil(err)
      assert.are.equal("by proxy", body)
      assert.matches("^GET /", request.head)
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = "http://sp.example.com/a", proxy = url:gsub("//", "//u:p@")}
      request = answer(pool, server, sized "by proxy")
      assert.are.equal("by proxy", (drain(pool, x)))
      assert.matches("^GET http://sp.example.com/a ", request.head)
      assert.matches("\r\nProxy%-Authorization: Basic dTpw\r\n", request.head)
    end)

    it("is refused with the option's name", function()
      local pool = new_pool()
      local function refused(pattern, options)
        local fine, problem = pcall(pool.start, pool, options)
        assert.is_false(fine)
        assert.matches(pattern, problem)
      end
      refused("missing option 'url'", {})
      refused("unknown option 'uri'", {url = "http://a/", uri = "x"})
      refused("unknown option 'number'", {"http://a/"})
      refused("'url' %(string expected, got number%)", {url = 1})
      refused("'compress' %(boolean expected, got string%)", {url = "http://a/", compress = "yes"})
      refused("'idle_timeout_s' %(number expected", {url = "http://a/", idle_timeout_s = "1"})
      refused("'idle_timeout_s' %(not negative", {url = "http://a/", idle_timeout_s = -1})
      refused("'idle_timeout_s' %(not negative", {url = "http://a/", idle_timeout_s = 0 / 0})
      refused("'method'", {url = "http://a/", method = "PUT"})
      refused("'body' %(only with", {url = "http://a/", body = "x"})
      refused("'url' %(CR, LF or NUL", {url = "http://a/\r\nX: y"})
      refused("'user_agent' %(CR, LF or NUL", {url = "http://a/", user_agent = "a\nb"})
      refused("'ca_file' %(CR, LF or NUL", {url = "http://a/", ca_file = "a\0b"})
      for _, line in ipairs {"A: b\r\nC: d", "A: b\nC: d", "A: b\0", "no colon", ": x", "A : b", "A"} do
        refused("'headers'", {url = "http://a/", headers = {"Fine: yes", line}})
      end
      refused("'headers'", {url = "http://a/", headers = {1}})
      assert.are.same({exchanges = 0, open = 0}, pool:counts())
    end)

    it("is for http and https URLs", function()
      local pool = new_pool()
      for _, url in ipairs {"ftp://a/", "file:///etc/passwd", "nonsense", "http://", "http://a b/"} do
        local x, err = pool:start {url = url}
        assert.is_nil(x)
        assert_fault(err, "options", "URL")
      end
    end)

    it("treats math.huge as no limit", function()
      local body = fetch(sized "x", nil, {
        idle_timeout_s = math.huge, connect_timeout_s = math.huge, max_body_bytes = math.huge,
      })
      assert.are.equal("x", body)
    end)
  end)

  describe("a connection", function()
    it("is used again", function()
      local server, url = listen()
      local pool = new_pool()
      local first = pool:start {url = url}
      local _, connection = answer(pool, server, sized "one")
      assert.are.equal("one", (drain(pool, first)))
      assert.is_false(first:stats().reused)
      assert.are.equal("1.1", first:stats().http_version)
      local second = pool:start {url = url}
      receive(pool, connection)
      connection:send(sized "two")
      assert.are.equal("two", (drain(pool, second)))
      assert.is_true(second:stats().reused)
    end)

    it("that was refused is a network error", function()
      local server, url = listen()
      server:close()
      local pool = new_pool()
      local x = pool:start {url = (url:gsub("//", "//user:pw@")) .. "/a?token=1#f"}
      local status, err = head(pool, x)
      assert.is_nil(status)
      assert_fault(err, "network", "^cannot connect to 127%.0%.0%.1:%d+: Connection refused$")
      assert.are.equal(7, err.curl_code)
      assert.are.equal(url .. "/a", err.url)
      assert.are.equal(err.message, select(2, x:read()).message)
      assert.are.equal(err.message, select(2, x:head()).message)
    end)

    it("to a host that is not there is a network error", function()
      local pool = new_pool()
      local _, err = head(pool, pool:start {url = "http://no-such-host.invalid/", proxy = ""})
      assert_fault(err, "network", "^cannot find the host no%-such%-host.invalid")
    end)

    it("to a proxy that is not there gives away no secret", function()
      local server, url = listen()
      server:close()
      for _, proxy in ipairs {(url:gsub("//", "//user:hidden@")), "nonsense://user:hidden@127.0.0.1:1"} do
        local pool = new_pool()
        local x, err = pool:start {url = "http://sp.example.com/", proxy = proxy}
        if x then err = select(2, head(pool, x)) end
        assert.is_nil(err.message:find "hidden")
        assert.matches("sp%.example%.com", err.message)
      end
    end)
  end)

  describe("a broken answer", function()
    it("cut short by its length", function()
      local body, err = fetch(ok("Content-Length: 100\r\n", "only this"), "close")
      assert.are.equal("only this", body)
      assert_fault(err, "network", "^the answer of 127%.0%.0%.1:%d+ ended early")
      assert.are.equal(18, err.curl_code)
    end)

    it("without its last chunk", function()
      local body, err = fetch(ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"), "close")
      assert.are.equal("hello", body)
      assert_fault(err, "network", "ended early")
    end)

    it("with nonsense for a chunk", function()
      local body, err = fetch(ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nzz\r\n"))
      assert.are.equal("hello", body)
      assert_fault(err, "network", "")
    end)

    it("ended by a reset: what came before is there", function()
      local body, err = fetch(ok("Content-Length: 100\r\n", "only this"), "reset")
      assert.are.equal("only this", body)
      assert_fault(err, "network", "^the connection to 127%.0%.0%.1:%d+ broke")
      assert.are.equal(56, err.curl_code)
    end)

    it("not begun", function()
      local body, err, x = fetch("", "close")
      assert.are.equal("", body)
      assert_fault(err, "network", "closed the connection without an answer")
      assert.are.equal(err.message, select(2, x:head()).message)
    end)

    it("that is not HTTP", function()
      local _, err = fetch("220 smtp.example.com ready\r\n", "close")
      assert_fault(err, "network", "does not speak HTTP")
    end)

    it("with spoilt gzip", function()
      local bytes = GZIPPED:sub(1, 12) .. "\255\255\255\255" .. GZIPPED:sub(17)
      local _, err = fetch(sized(bytes, "Content-Encoding: gzip\r\n"), nil, {compress = true})
      assert_fault(err, "network", "cannot be decoded")
    end)

    it("with cut gzip, or gzip twice, never looks better than it is", function()
      -- libcurl may call a cut body a success; whoever reads JSON will notice
      local body, err = fetch(sized(GZIPPED:sub(1, -9), "Content-Encoding: gzip\r\n"), nil, {compress = true})
      assert.are.equal(TEXT:sub(1, #body), body)
      if err then assert_fault(err, "network", "") end
      body, err = fetch(sized(GZIPPED .. GZIPPED, "Content-Encoding: gzip\r\n"), nil, {compress = true})
      assert.are.equal(TEXT, body:sub(1, #TEXT))
      assert_fault(err, "network", "cannot be decoded")
    end)

    it("with too many headers", function()
      local _, err = fetch(ok(("X: y\r\n"):rep(1001)), "close")
      assert_fault(err, "limit", "headers of 127%.0%.0%.1:%d+ are more than")
      _, err = fetch(ok(("X: " .. ("y"):rep(60000) .. "\r\n"):rep(5)), "close")
      assert_fault(err, "limit", "headers of 127%.0%.0%.1:%d+ are more than")
    end)

    it("larger than allowed", function()
      local body, err = fetch(sized(("x"):rep(1000)), nil, {max_body_bytes = 999})
      assert_fault(err, "limit", "more than 999 bytes %(max_body_bytes%)")
      assert.is_true(#body <= 999)
      body, err = fetch(sized(("x"):rep(1000)), nil, {max_body_bytes = 1000})
      assert.is_nil(err)
      assert.are.equal(1000, #body)
      body, err = fetch(sized(GZIPPED, "Content-Encoding: gzip\r\n"), nil, {max_body_bytes = 100, compress = true})
      assert.is_true(#body <= 100)
      assert_fault(err, "limit", "more than 100 bytes")
    end)
  end)

  describe("time", function()
    it("to connect is limited", function()
      local server, url = listen() -- takes connections, but says nothing of TLS
      local pool = new_pool()
      local x = pool:start {url = url:gsub("http", "https"), connect_timeout_s = 0.1, idle_timeout_s = 30}
      assert(server:accept())
      local _, err = drain(pool, x)
      assert_fault(err, "timeout", "^no connection to 127%.0%.0%.1:%d+ in 0.1 s %(connect_timeout_s%)$")
    end)

    it("without a byte is limited", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url, idle_timeout_s = 0.1, connect_timeout_s = 30}
      answer(pool, server, ok("Content-Length: 100\r\n", "only this"))
      local body, err = drain(pool, x)
      assert.are.equal("only this", body)
      assert_fault(err, "timeout", "^no byte from 127%.0%.0%.1:%d+ for 0.1 s %(idle_timeout_s%)$")
    end)

    it("for the whole is limited, also when bytes keep dripping", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url, request_timeout_s = 0.3, idle_timeout_s = 30}
      local _, connection = answer(pool, server, ok "Content-Length: 1000000\r\n")
      local err = together(pool, function()
        connection:send "x"
        return select(2, x:read())
      end)
      assert_fault(err, "timeout", "^127%.0%.0%.1:%d+ did not finish in 0.3 s %(request_timeout_s%)$")
    end)

    it("does not run while nobody pulls", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url, request_timeout_s = 0.2, idle_timeout_s = 0.2, connect_timeout_s = 0.2}
      core.sleep(0.3) -- the consumer works
      answer(pool, server, sized "hello")
      core.sleep(0.3)
      assert.are.equal("hello", (drain(pool, x)))
      assert.is_true(x:stats().unattended_s >= 0.3)
    end)

    it("does not run while paused, though others are waited for", function()
      local server, url = listen()
      local silent, silent_url = listen()
      local pool = new_pool()
      local x = pool:start {url = url, idle_timeout_s = 0.2, request_timeout_s = 0.4, buffer_bytes = 1000}
      answer(pool, server, sized(("x"):rep(100000)))
      together(pool, function() return x:stats().paused end)
      local other = pool:start {url = silent_url, idle_timeout_s = 0.6}
      assert(silent:accept())
      local _, err = drain(pool, other)
      assert_fault(err, "timeout", "idle_timeout_s")
      assert.is_true(x:stats().paused)
      assert.are.equal(100000, #drain(pool, x))
      assert.is_true(x:stats().unattended_s >= 0.5)
    end)
  end)

  describe("back-pressure", function()
    -- 28 MB in which each place can be told
    local function large()
      local lines = {}
      for i = 1, 28 * 1024 * 1024 / 32 do lines[i] = ("%031d\n"):format(i) end
      return table.concat(lines)
    end

    it("stops the server while nobody reads, and loses nothing", function()
      local body = large()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url}
      local _, connection = answer(pool, server, ok(("Content-Length: %d\r\n"):format(#body)))
      connection:settimeout(0)
      local sent = 0
      local function push()
        while sent < #body do
          local last, _, partial = connection:send(body, sent + 1, math.min(sent + 65536, #body))
          local now = last or partial
          if now == sent then return end
          sent = now
        end
      end
      local calm = 0
      together(pool, function()
        local before = sent
        push()
        calm = x:stats().paused and sent == before and calm + 1 or 0
        return calm > 20
      end)
      assert.is_true(sent < 16 * 1024 * 1024, "the server could send " .. sent)
      assert.is_true(x:stats().bytes <= 1024 * 1024 + 65536)

      local parts = {}
      together(pool, function()
        push()
        local bytes, err
        repeat
          bytes, err = x:read()
          assert.is_nil(err)
          if bytes then parts[#parts + 1] = bytes end
        until not bytes
        return bytes == false
      end)
      assert.is_true(table.concat(parts) == body)
      assert.are.equal(#body, x:stats().bytes)
    end)

    it("works with a buffer of a single byte", function()
      local body = fetch(sized(("abc"):rep(30000)), nil, {buffer_bytes = 1})
      assert.is_true(body == ("abc"):rep(30000))
    end)

    it("works when little gzip becomes much", function()
      local pipe = io.popen("head -c 3000000 /dev/zero | gzip -9 | od -An -v -tx1")
      local bytes = unhex((pipe:read("*a"):gsub("%s", "")))
      pipe:close()
      local body, err = fetch(sized(bytes, "Content-Encoding: gzip\r\n"), nil, {compress = true, buffer_bytes = 5000})
      assert.is_nil(err)
      assert.is_true(body == ("\0"):rep(3000000))
    end)
  end)

  describe("wait", function()
    it("is over at once when there is nothing to wait for", function()
      local pool = new_pool()
      assert.is_false(pool:wait())
      assert.is_false(pool:perform())
    end)

    it("ends when its time is up", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url}
      assert(server:accept())
      while pool:counts().open == 1 and pool:wait(0.05) do end
      assert.is_nil((x:head()))
      assert.has_error(function() pool:wait(-1) end)
    end)

    it("tells of each event until it was fetched", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url}
      answer(pool, server, sized "hello")
      together(pool, function() return pool:counts().open == 0 end)
      assert.is_true(pool:wait())
      assert.is_true(pool:perform())
      assert.are.equal(200, (x:head()))
      assert.is_true(pool:wait())
      assert.are.equal("hello", (x:read()))
      assert.is_true(pool:wait())
      assert.is_false(x:read())
      assert.is_false(pool:wait())
    end)

    it("for some does not wake for others", function()
      local server, url = listen()
      local silent, silent_url = listen()
      local pool = new_pool()
      local x, other = pool:start {url = url}, pool:start {url = silent_url}
      answer(pool, server, sized "hello")
      assert(silent:accept())
      together(pool, function() return pool:counts().open == 1 end)
      assert.is_true(pool:wait(PATIENCE_S))
      assert.is_false(pool:wait(0.05, other))
      assert.is_true(pool:wait(PATIENCE_S, other, x))
    end)
  end)

  describe("closing", function()
    it("stops the transfer, as often as one likes", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url}
      local _, connection = answer(pool, server, ok("Content-Length: 100\r\n", "only this"))
      head(pool, x)
      assert.are.same({exchanges = 1, open = 1}, pool:counts())
      x:close()
      x:close()
      assert.are.same({exchanges = 0, open = 0}, pool:counts())
      connection:settimeout(PATIENCE_S)
      assert.are.equal("closed", select(2, connection:receive(1)))
      local bytes, err = x:read()
      assert.is_nil(bytes)
      assert_fault(err, "cancelled", "closed")
      assert.is_number(x:stats().elapsed_s)
    end)

    it("with unread bytes is no clean end", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url}
      answer(pool, server, sized "hello")
      together(pool, function() return pool:counts().open == 0 end)
      x:close()
      assert_fault(select(2, x:read()), "cancelled", "closed")
    end)

    it("the pool ends its exchanges", function()
      local server, url = listen()
      local pool = new_pool()
      local x, done = pool:start {url = url}, pool:start {url = url}
      answer(pool, server, sized "hello")
      together(pool, function() return pool:counts().open == 1 end)
      pool:close()
      pool:close()
      local errors = 0
      for _, exchange in ipairs {x, done} do
        local bytes, err = exchange:read()
        assert.is_nil(bytes)
        assert_fault(err, "cancelled", "closed")
        errors = errors + 1
        exchange:stats()
        exchange:close()
      end
      assert.are.equal(2, errors)
      assert.are.same({exchanges = 0, open = 0}, pool:counts())
      assert.has_error(function() pool:wait(0) end, "attempt to use a closed pool")
      assert.has_error(function() pool:start {url = url} end, "attempt to use a closed pool")
    end)

    it("happens to what is collected; an exchange keeps its pool", function()
      local server, url = listen()
      local pool = assert(core.http())
      local x = pool:start {url = url}
      pool:start {url = url}
      collectgarbage()
      collectgarbage()
      assert.are.same({exchanges = 1, open = 1}, pool:counts())
      answer(pool, server, sized "hello")
      together(pool, function() return pool:counts().open == 0 end)
      pool = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      assert.are.equal("hello", (x:read()))
    end)

    it("may be left to the end of the state, in any order", function()
      local server, url = listen()
      for order = 1, 3 do
        local run = child([[
          local core = require "oc.core"
          local order, url = tonumber(arg[1]), arg[2]
          local pool = core.http()
          kept = {}
          for i = 1, 5 do kept[i] = pool:start {url = url} end
          if order == 1 then kept.pool = pool end
          if order == 2 then pool:close() end
          if order == 3 then kept[2] = nil; collectgarbage(); kept[3]:close() end
          pool = nil
          if order ~= 1 then collectgarbage() end
          print "fine"
        ]], order, url)
        assert.are.equal("fine\n", run.finish())
      end
      server:close()
    end)
  end)

  it("leaks no descriptors over a thousand fetches", function()
    local server, url = listen()
    local stat = assert(io.open "/proc/self/stat")
    local pid = stat:read "*n"
    stat:close()
    local function descriptors()
      local pipe = io.popen(("ls /proc/%d/fd | wc -l"):format(pid))
      local n = pipe:read "*n"
      pipe:close()
      return n
    end
    collectgarbage()
    collectgarbage()
    local before = descriptors()
    local pool = new_pool()
    local connection
    for i = 1, 1000 do
      local x = pool:start {url = url}
      if connection then
        receive(pool, connection)
        connection:settimeout(PATIENCE_S)
        connection:send(sized "hello")
      else
        connection = select(2, answer(pool, server, sized "hello"))
      end
      if i % 10 == 0 then -- left in the middle
        x:close()
        connection:close()
        connection = nil
      else
        assert.are.equal("hello", (drain(pool, x)))
        if i % 2 == 0 then x:close() end
      end
    end
    if connection then connection:close() end
    pool:close()
    collectgarbage()
    collectgarbage()
    local after = descriptors()
    assert.is_true(after <= before, after .. " open, before " .. before) -- fewer: what earlier tests left to the collector
  end)

  describe("TLS", function()
    local folder, process, port, pid

    setup(function()
      folder = os.tmpname()
      os.remove(folder)
      assert(os.execute("mkdir " .. folder))
      os.execute(([[cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null]]):format(folder))
      -- `timeout`, so that nothing is left should this process be killed
      process = assert(io.popen(([[cd %s && echo $$ && exec timeout 300 openssl s_server -accept 127.0.0.1:0 \
        -cert cert.pem -key key.pem -www -no_tls1_3 2>&1]]):format(folder)))
      pid = process:read "*l"
      repeat
        local line = assert(process:read "*l", "openssl s_server does not start")
        port = line:match "^ACCEPT .*:(%d+)$"
      until port
    end)

    teardown(function()
      os.execute("kill " .. pid)
      process:close()
      os.execute("rm -r " .. folder)
    end)

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

  describe("an interrupt", function()
    local WAITING = [[
      local core = require "oc.core"
      core.catch_interrupt()
      local pool = core.http()
      local x = pool:start {url = arg[1]}
      print "waiting"
      io.stdout:flush()
      local event, err = pool:wait()
      while event == false do event, err = pool:wait() end
      print(event, err.kind, core.interrupted(), (select(2, pool:wait())).kind, core.sleep(60))
      core.release_interrupt()
      print(core.interrupted())
    ]]

    it("wakes a wait", function()
      for name, number in pairs {INT = 2, TERM = 15} do
        local _, url = listen()
        local run = child(WAITING, url)
        assert.are.equal("waiting", run.line())
        run.kill(name)
        local out = run.finish()
        assert.matches(("^nil%%s+cancelled%%s+%d%%s+cancelled%%s+false"):format(number), out)
        assert.matches("\nnil\n$", out)
      end
    end)

    it("wakes a sleep, and a second one ends the process", function()
      local run = child [[
        local core = require "oc.core"
        core.catch_interrupt()
        print "sleeping"
        io.stdout:flush()
        print(core.sleep(60))
        io.stdout:flush()
        core.release_interrupt()
        core.catch_interrupt()
        print "again"
        io.stdout:flush()
        core.sleep(60)
        print "caught"
        io.stdout:flush()
        while true do end
      ]]
      assert.are.equal("sleeping", run.line())
      run.kill "INT"
      assert.matches("^false%s", run.line())
      assert.are.equal("again", run.line())
      run.kill "TERM"
      assert.are.equal("caught", run.line())
      run.kill "INT"
      assert.are.equal("", run.finish())
    end)

    it("of the host's own gets its turn", function()
      local _, url = listen()
      local run = child([[
        local core = require "oc.core"
        local pool = core.http()
        local x = pool:start {url = arg[1]}
        print "waiting"
        io.stdout:flush()
        repeat local event, err = pool:wait(60) until event or err
      ]], url)
      assert.are.equal("waiting", run.line())
      -- once more if it came just before the poll
      local out
      for _ = 1, 50 do
        run.kill "INT"
        core.sleep(0.1)
        if os.execute("kill -0 " .. run.pid .. " 2>/dev/null") ~= true then break end
      end
      out = run.finish()
      assert.matches("interrupted!", out)
    end)

    it("is not there otherwise", function()
      assert.is_nil(core.interrupted())
      assert.is_true((core.sleep(0)))
      assert.is_true((core.sleep(-1)))
    end)
  end)

  it("says what is linked", function()
    local versions = core.versions()
    assert.matches("^%d+%.%d+", versions.curl)
    assert.is_string(versions.ssl)
    assert.is_boolean(versions.http2)
  end)

  it("knows the time", function()
    assert.is_true(math.abs(core.time() - os.time()) < 5)
    assert.is_true(core.now() <= core.now())
  end)
end)

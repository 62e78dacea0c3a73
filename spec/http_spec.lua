-- The transport: src/oc_http.c and below. What is asked and what is answered.

local core = require "oc.core"
local http = require "support.raw_http"

local answer = http.answer
local assert_fault = http.assert_fault
local drain = http.drain
local fetch = http.fetch
local head = http.head
local listen = http.listen
local new_pool = http.new_pool
local ok = http.ok
local receive = http.receive
local sized = http.sized
local unhex = http.unhex

-- "one two three " twenty times
local TEXT = ("one two three "):rep(20)
local GZIPPED = unhex "1f8b08000000000002ffcbcf4b552829cf5728c9284a4d55c81fe5417900b495178818010000"
local ZLIB = unhex "789ccbcf4b552829cf5728c9284a4d55c81fe5417900dd316591"

describe("core.http", function()
  after_each(http.finish)

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

    it("may be 101, which nobody asked for, and is then the answer", function()
      local body, _, x = fetch("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n[]", "close")
      assert.are.equal(101, (x:head()))
      assert.are.equal("[]", body)
    end)

    it("has ceilings that trailers count towards, too", function()
      local late = {}
      for i = 1, 1200 do late[i] = ("X-T%d: %s\r\n"):format(i, ("b"):rep(20)) end
      local _, err = fetch(ok("Transfer-Encoding: chunked\r\n",
        "2\r\n[]\r\n0\r\n" .. table.concat(late) .. "\r\n"))
      assert_fault(err, "limit", "headers of .* are more than 1000 lines")
    end)

    it("with a line that libcurl does not take is a matter of ceilings", function()
      local _, err = fetch("HTTP/1.1 200 OK\r\nX: " .. ("a"):rep(300000) .. "\r\n\r\n", "close")
      assert.are.equal("limit", err.kind)
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

    it("folded onto an empty one is its value", function()
      local _, _, x = fetch(sized("", "A: b\r\nLocation:\r\n  /there\r\n"))
      assert.are.equal("/there", (select(2, x:head())).location)
    end)

    it("may have several blanks before its status, where libcurl takes them", function()
      -- the body is more than the buffer holds: nobody reads it before there is a head
      local body, err, x = fetch("HTTP/1.1  200 OK\r\nContent-Length: 3000\r\n\r\n" .. ("x"):rep(3000), nil,
        {buffer_bytes = 1})
      if err then -- later ones do not: an end all the same
        assert.are.equal("network", err.kind)
        return assert.matches("does not speak HTTP$", err.message)
      end
      assert.are.equal(200, (x:head()))
      assert.are.equal(3000, #body)
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

    it("is decoded from gzip, if asked for, and from zlib", function()
      for encoding, bytes in pairs {gzip = GZIPPED, deflate = ZLIB} do
        local text = sized(bytes, "Content-Encoding: " .. encoding .. "\r\n")
        local body, err, x, request = fetch(text, nil, {compress = true})
        assert.is_nil(err)
        assert.are.equal(TEXT, body)
        assert.matches("\r\nAccept%-Encoding: gzip\r\n", request.head)
        assert.are.equal(#TEXT, x:stats().bytes)
        assert.are.equal(#bytes, x:stats().wire_bytes)
      end
      -- gzip may come in several members
      local twice = fetch(sized(GZIPPED .. GZIPPED, "Content-Encoding: gzip\r\n"), nil, {compress = true})
      assert.are.equal(TEXT .. TEXT, twice)
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

    it("to a host that is not there is a network error", function() -- no resolver is asked for so long a label
      local pool = new_pool()
      local _, err = head(pool, pool:start {url = "http://" .. ("x"):rep(64) .. ".invalid/", proxy = ""})
      assert_fault(err, "network", "^cannot find the host x+%.invalid")
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

    it("with cut gzip", function() -- which libcurl itself calls a success
      for _, kept in ipairs {1, 9, #GZIPPED - 9, #GZIPPED - 1} do
        local body, err = fetch(sized(GZIPPED:sub(1, kept), "Content-Encoding: gzip\r\n"), nil, {compress = true})
        assert.are.equal(TEXT:sub(1, #body), body)
        assert_fault(err, "network", "ended early: its gzip is cut")
      end
    end)

    it("with something behind its gzip", function()
      local body, err = fetch(sized(GZIPPED .. "junk", "Content-Encoding: gzip\r\n"), nil, {compress = true})
      assert.are.equal(TEXT, body)
      assert_fault(err, "network", "cannot be decoded")
    end)

    it("packed as nobody asked for", function()
      for _, encoding in ipairs {"br", "gzip, gzip", "deflate, gzip"} do
        local _, err = fetch(sized(GZIPPED, "Content-Encoding: " .. encoding .. "\r\n"), nil, {compress = true})
        assert_fault(err, "network", "cannot be decoded: it is packed, and not by gzip")
      end
    end)

    it("with more gzip than is allowed", function()
      local text = sized(GZIPPED, "Content-Encoding: gzip\r\n")
      local _, err = fetch(text, nil, {compress = true, max_body_bytes = #TEXT - 1})
      assert_fault(err, "limit", "max_body_bytes")
      assert.are.equal(TEXT, (fetch(text, nil, {compress = true, max_body_bytes = #TEXT})))
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

  it("says what is linked", function()
    local versions = core.versions()
    assert.matches("^%d+%.%d+", versions.curl)
    assert.is_string(versions.ssl)
    assert.is_boolean(versions.http2)
    assert.is_true(versions.gzip == "ISA-L" or versions.gzip:find "^zlib %d" ~= nil)
  end)

  it("knows the time", function()
    assert.is_true(math.abs(core.time() - os.time()) < 5)
    assert.is_true(core.now() <= core.now())
  end)
end)

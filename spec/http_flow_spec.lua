-- The transport: time, back-pressure, waiting, and the end of things.

local core = require "oc.core"
local http = require "support.raw_http"

local PATIENCE_S = http.PATIENCE_S
local accept = http.accept
local answer = http.answer
local assert_fault = http.assert_fault
local child = http.child
local drain = http.drain
local fetch = http.fetch
local head = http.head
local listen = http.listen
local new_pool = http.new_pool
local ok = http.ok
local receive = http.receive
local sized = http.sized
local together = http.together
local unhex = http.unhex

describe("core.http", function()
  after_each(http.finish)

  describe("time", function()
    it("to connect is limited", function()
      local server, url = listen() -- takes connections, but says nothing of TLS
      local pool = new_pool()
      local x = pool:start {url = url:gsub("http", "https"), connect_timeout_s = 0.1, idle_timeout_s = 30}
      accept(server)
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

    it("is attended by whoever keeps reading, though each wait ends in a pause", function()
      local server, url = listen()
      local pool = new_pool()
      local x = pool:start {url = url, buffer_bytes = 1}
      local _, connection = answer(pool, server, ok "Content-Length: 200000\r\n")
      connection:settimeout(PATIENCE_S)
      for _ = 1, 20 do
        assert(connection:send(("x"):rep(10000)))
        local got = 0
        together(pool, function()
          local bytes = x:read()
          got = got + (bytes and #bytes or 0)
          return got == 10000
        end)
        pool:wait(0.01, x) -- nothing to come
      end
      assert.is_nil((select(2, drain(pool, x))))
      assert.is_true(x:stats().unattended_s < x:stats().elapsed_s / 2)
    end)

    it("does not run while paused, though others are waited for", function()
      local server, url = listen()
      local silent, silent_url = listen()
      local pool = new_pool()
      local x = pool:start {url = url, idle_timeout_s = 0.2, request_timeout_s = 0.4, buffer_bytes = 1000}
      answer(pool, server, sized(("x"):rep(100000)))
      together(pool, function() return x:stats().paused end)
      local other = pool:start {url = silent_url, idle_timeout_s = 0.6}
      accept(silent)
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
      accept(server)
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
      accept(silent)
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
    -- Not by popen: its parent's end of the pipe may still be open when the child looks.
    local function descriptors()
      local path = os.tmpname()
      os.execute(("ls /proc/%d/fd | wc -l > %s"):format(pid, path))
      local file = assert(io.open(path))
      local n = file:read "*n"
      file:close()
      os.remove(path)
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
    -- fewer is fine: what earlier tests had left to the collector
    assert.is_true(after <= before, after .. " open, before " .. before)
  end)
end)

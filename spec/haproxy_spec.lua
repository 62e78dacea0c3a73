-- examples/haproxy in a real haproxy: leads through its HTTP client and oc.pager, what
-- comes of failures, and that others are served meanwhile.

local cjson = require "cjson"
local command = require "support.command"
local daemon = require "support.daemon"
local http = require "socket.http"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local socket = require "socket"

local quote = process.quote

local TOKEN = "token-of-the-haproxy-spec"
local PATH = 'PATH="$PATH:/usr/sbin"' -- where only root's PATH goes, as a rule
local TRIES = 20 -- between looking for a free port and binding it, somebody else may take it
local PATIENCE_S = 20 -- nothing is expected to take long

-- One thread, so that what blocks is noticed, and a word when it serves.
local MORE = [[
global
  nbthread 1
  lua-load ready.lua
]]
local READY = [[core.register_task(function() io.stderr:write "ready\n" end)]]

local function output(words)
  local pipe = assert(io.popen("unset LD_PRELOAD; " .. PATH .. "; { " .. words .. "; } 2>&1 </dev/null"))
  local said = pipe:read "*a"
  pipe:close()
  return said
end

-- The Lua that haproxy has; nil where there is no haproxy, or one without Lua.
local version = output("haproxy -vv"):match "Built with Lua version : Lua (5%.%d)"

local function free_port()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return tonumber(port)
end

local function start(base_url)
  local folder = daemon.folder()
  daemon.write(folder, "more.cfg", MORE)
  daemon.write(folder, "ready.lua", READY)
  local said
  for _ = 1, TRIES do
    local port = free_port()
    local child = daemon.start(folder, ("%s OC_ROOT=%s OC_BASE_URL=%s OC_TOKEN=%s OC_PORT=%d OC_LUA_VERSION=%s "
      .. "env -u LD_PRELOAD -u LUA_PATH -u LUA_CPATH haproxy -db -f %s/examples/haproxy/haproxy.cfg -f more.cfg")
      :format(PATH, quote(command.root), base_url, TOKEN, port, version, quote(command.root)))
    local ready
    ready, said = child:await "^ready$"
    if ready then return {folder = folder, daemon = child, port = port, url = "http://127.0.0.1:" .. port} end
    child:stop()
    if not said:find "cannot bind" then break end
  end
  daemon.remove(folder)
  error("haproxy does not start: " .. said, 2)
end

local function stop(running)
  running.daemon:stop()
  daemon.remove(running.folder)
end

describe("examples/haproxy", function()
  if not version then
    pending "no haproxy with Lua here"
    return
  end

  local server, proxy

  setup(function()
    assert.equal("built\n", output(("make -s -C %s/src LUA=%s && echo built"):format(quote(command.root), version)))
    server = sandbox_child.start()
    proxy = start(server.url)
  end)
  teardown(function()
    if proxy then stop(proxy) end
    server:close()
  end)

  local function configure(faults, leads)
    server:configure {leads = leads or 1200, token = TOKEN, civic_sync = false, faults = faults}
  end

  -- As the service has them, a line each.
  local function expected()
    server:configure {leads = 1200, civic_sync = false}
    local text = assert(http.request(server.url .. "/api/v2/oc/lead?PageSize=20000"))
    configure()
    return text
  end

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
    return lines
  end

  local function as_document(text) return "[" .. text:sub(1, -2):gsub("\n", ",") .. "]" end

  -- How often each page was asked for.
  local function asked()
    local pages = {}
    for i, request in ipairs(server:journal().requests) do pages[i] = ("%d"):format(request.page) end
    return table.concat(pages, " ")
  end

  it("serves every lead once, in order, as the service has it", function()
    local document = expected()
    local text, status, headers = http.request(proxy.url .. "/leads")
    assert.equal(200, status)
    assert.equal("application/x-ndjson", headers["content-type"])
    assert.equal(1200, #lines_of(text))
    assert.is_true(document == as_document(text))
    assert.equal("1 2 3 4", asked())
    for _, request in ipairs(server:journal().requests) do
      assert.is_true(request.has_authorization)
      assert.equal(500, request.page_size)
    end
  end)

  it("filters, by an expression in the query", function()
    local count = 0
    for _, lead in ipairs(cjson.decode(expected())) do
      if lead.status == "Active" and lead.contactDetails.companySize == "L1_U1" then count = count + 1 end
    end
    assert.is_true(count > 0 and count < 1200)
    local text, status = http.request(proxy.url
      .. "/leads?x=1&where=status+%3d%3D%20%22Active%22+and+contactDetails.companySize+==%20L1_U1")
    assert.equal(200, status)
    assert.equal(count, #lines_of(text))
    text, status = http.request(proxy.url .. "/leads?where=status==%22nobody%27s%22")
    assert.equal(200, status)
    assert.equal("", text)
  end)

  it("asks nobody about what is no filter", function()
    configure()
    local text, status, headers = http.request(proxy.url .. "/leads?where=status+=+1")
    assert.equal(400, status)
    assert.equal("application/problem+json", headers["content-type"])
    assert.matches("= compares nothing: write ==, at position 8", cjson.decode(text).title)
    assert.equal("", asked())
  end)

  it("does not start for an address that is none", function()
    local ok, said = pcall(start, "not-an-address")
    assert.is_false(ok)
    assert.matches("oc.pager: option 'base_url'", said)
  end)

  for what, given in pairs {
    ["a refusal for a moment"] = {{page = 2, times = 1, status = 503, headers = {["Retry-After"] = "0"}}, "1 2 2 3 4"},
    ["a body cut short of its length"] = {{page = 2, times = 1, cut_after = 5000}, "1 2 2 3 4"},
    ["a reset in mid body"] = {{page = 2, times = 1, reset_after = 5000}, "1 2 2 3 4"},
    ["a body without its last chunks"] = {{page = 2, times = 1, cut_after = 5000, chunked = true}, "1 2 2 3 4"},
    ["a cut behind the first piece"] = {{page = 1, times = 1, cut_after = 100000}, "1 1 2 3 4"},
    ["an end before the head"] = {{page = 3, times = 1, drop_before_head = "close"}, "1 2 3 3 4"},
    ["chunks"] = {{chunked = true}, "1 2 3 4"},
    ["a body that ends with the connection"] = {{no_length = true}, "1 2 3 4"},
  } do
    it("loses and doubles nothing by " .. what, function()
      local document = expected()
      configure {given[1]}
      local text, status = http.request(proxy.url .. "/leads")
      assert.equal(200, status)
      assert.is_true(document == as_document(text))
      assert.equal(given[2], asked())
    end)
  end

  local function refusal(fault)
    configure {fault}
    local text, status, headers = http.request(proxy.url .. "/leads")
    assert.equal(502, status)
    assert.equal("application/problem+json", headers["content-type"])
    assert.is_nil(text:find(TOKEN, 1, true))
    return cjson.decode(text)
  end

  it("says that the token was refused, and not which", function()
    local problem = refusal {status = 401, content_type = "application/problem+json",
      body = cjson.encode {title = "no " .. TOKEN, status = 401}}
    assert.equal("auth", problem.kind)
    assert.equal("cannot read page 1: HTTP 401 from " .. server.url:match "//(.*)", problem.title)
    assert.equal("1", asked())
  end)

  it("does not wait for an hour", function()
    assert.equal("throttle", refusal({status = 503, headers = {["Retry-After"] = "3600"}}).kind)
    assert.equal("1", asked())
  end)

  it("gives up on a body that is always cut", function()
    local problem = refusal {cut_after = 10}
    assert.equal("network", problem.kind)
    assert.matches("^cannot read page 1: the answer ended early", problem.title)
    assert.equal("1 1 1", asked())
  end)

  -- A connection of our own, which sees more than a library tells.
  local function connect(port, path)
    local connection = assert(socket.connect("127.0.0.1", port))
    connection:settimeout(PATIENCE_S)
    assert(connection:send(("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):format(path)))
    return connection
  end

  it("does not pass off half of the leads as all of them", function()
    configure {{page = 3, status = 401}}
    local connection = connect(proxy.port, "/leads")
    local text = assert(connection:receive "*a")
    connection:close()
    assert.matches("^HTTP/1.1 200 OK\r\n", text)
    assert.matches("\r\ntransfer%-encoding: chunked\r\n", text)
    assert.equal(1000, select(2, text:gsub("}\n", "")))
    assert.is_nil(text:find("\r\n0\r\n\r\n$"))
    configure() -- and whole answers do have an end
    connection = connect(proxy.port, "/leads")
    assert.matches("\r\n0\r\n\r\n$", (assert(connection:receive "*a")))
    connection:close()
  end)

  describe("with a service that takes its time", function()
    local listener, slow, open

    before_each(function()
      open = {}
      listener = assert(socket.bind("127.0.0.1", 0))
      listener:settimeout(PATIENCE_S)
      slow = start(("http://127.0.0.1:%d/tenantui"):format((select(2, listener:getsockname()))))
    end)
    after_each(function()
      for _, connection in ipairs(open) do connection:close() end
      listener:close()
      stop(slow)
    end)

    local function ask()
      local client = connect(slow.port, "/leads")
      open[#open + 1] = client
      return client
    end

    -- Takes a request of haproxy's, and leaves it without an answer.
    local function taken()
      local connection = assert(listener:accept())
      connection:settimeout(PATIENCE_S)
      open[#open + 1] = connection
      local head = {}
      repeat head[#head + 1] = assert(connection:receive "*l") until head[#head] == ""
      return connection, table.concat(head, "\n")
    end

    -- It would come again on the same connection.
    local HEAD = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"

    local function answer(connection, body) assert(connection:send(HEAD:format(#body) .. body)) end

    it("serves others meanwhile", function()
      local first, second = ask(), ask()
      local one, head = taken()
      assert.matches("^GET /tenantui/api/v2/oc/lead%?PageNumber=1&PageSize=500 HTTP/1.1\n", head)
      assert.is_truthy(head:find("\nauthorization: Bearer " .. TOKEN .. "\n", 1, true))
      assert.is_nil(head:lower():find("accept-encoding", 1, true))
      local two = taken()
      assert.equal("pong", (http.request(slow.url .. "/ping"))) -- before the head
      assert(one:send(HEAD:format(12) .. '[{"id":'))
      assert.equal("pong", (http.request(slow.url .. "/ping"))) -- and in mid body
      assert(one:send '"1"}]')
      answer(two, '[{"id":"2"}]')
      for _ = 1, 2 do answer(taken(), "[]") end
      local ids = {}
      for id in (first:receive "*a" .. second:receive "*a"):gmatch '\n{"id":"(%d)"}\n' do ids[#ids + 1] = id end
      table.sort(ids)
      assert.same({"1", "2"}, ids)
    end)

    it("asks for a page when the one before is gone through", function()
      local client = ask()
      answer(taken(), '[{"id":"1"}]')
      local second = taken()
      repeat local line = assert(client:receive "*l") until line == '{"id":"1"}' -- while page 2 is awaited
      answer(second, "[]")
      assert.matches("\r\n0\r\n\r\n$", "\r\n" .. client:receive "*a")
    end)
  end)
end)

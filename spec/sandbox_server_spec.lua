-- The sandbox as a server, through real sockets: its journal, its configuration, its HTTP, its end.

local cjson = require "cjson"
local socket = require "socket"

local new_journal = require("oc.sandbox.journal").new
local sandbox = require "oc.sandbox"
local sandbox_child = require "support.sandbox_child"
local wire = require "support.sandbox_wire"

local LEADS, GIVE_UP_S, TOKEN_PATH, GOOD_FORM = wire.LEADS, wire.GIVE_UP_S, wire.TOKEN_PATH, wire.GOOD_FORM
local ask, leads_of, ask_token, form = wire.ask, wire.leads_of, wire.ask_token, wire.form
local connect, port_of, read_to_end = wire.connect, wire.port_of, wire.read_to_end
local parse_head, request_text = wire.parse_head, wire.request_text

describe("the sandbox as a server", function()
  local child

  setup(function() child = sandbox_child.start() end)
  teardown(function() child:close() end)
  before_each(function() child:configure() end)

  describe("the journal", function()
    it("lists what was asked, without secrets", function()
      child:configure { client_id = GOOD_FORM.client_id, client_secret = GOOD_FORM.client_secret }
      local token = cjson.decode(ask_token(child).body).access_token
      ask(child, "/tenantui" .. LEADS .. "?PageNumber=1&PageSize=3&x=%C3%A9+1&access_token=" .. token, {
        headers = { Authorization = "Bearer " .. token, ["User-Agent"] = "spec\255", ["Accept-Encoding"] = "br" },
      })
      ask(child, LEADS)
      ask(child, "/nowhere")
      local raw = ask(child, "/_sandbox/journal").body
      assert.is_nil(raw:find(token, 1, true))
      assert.is_nil(raw:find("s+cr&t", 1, true))
      local journal = cjson.decode(raw)
      local issued, first, second = journal.requests[1], journal.requests[2], journal.requests[3]
      assert.same({ 4, 4, 1, 1 }, { #journal.requests, journal.connections, journal.tokens_issued, journal.max_open })
      assert.same({ "POST", TOKEN_PATH, 200, 1 }, { issued.method, issued.path, issued.status, issued.attempt })
      assert.same({ PageNumber = "1", PageSize = "3", x = "\195\169 1", access_token = "***" }, first.query)
      assert.same({ 2, 1, 3, 1 }, { first.n, first.page, first.page_size, first.attempt })
      assert.same({ 200, 1 }, { first.status, first.open })
      assert.same({ true, true, "br", "spec\239\191\189" },
        { first.authorized, first.has_authorization, first.accept_encoding, first.user_agent })
      assert.truthy(first.bytes_sent > 1000)
      assert.is_false(first.aborted)
      assert.same({ false, false }, { second.authorized, second.has_authorization })
      assert.same({ 401, 2 }, { second.status, second.attempt })
      assert.equal(404, journal.requests[4].status)
    end)

    it("can be emptied, and does not list the controls", function()
      ask(child, LEADS)
      child:empty_journal()
      local raw = ask(child, "/_sandbox/journal").body
      assert.truthy(raw:find('"requests":[]', 1, true))
      assert.truthy(raw:find('"civic_failures":[]', 1, true))
      assert.equal(0, child:journal().connections)
    end)

    it("counts connections, and requests that are open at once", function()
      child:configure { faults = { { page = 1, stall_after = 5 } } }
      local clients = {}
      for i = 1, 3 do
        clients[i] = connect(child)
        clients[i]:send(request_text("GET", LEADS))
        assert(clients[i]:receive("*l"))
      end
      ask(child, LEADS .. "?PageNumber=2")
      for _, client in ipairs(clients) do client:close() end
      local journal = child:journal()
      assert.same({ 4, 4 }, { journal.max_open, journal.connections })
      assert.equal(4, journal.requests[4].open)
      assert.is_false(journal.requests[4].aborted)
      for i = 1, 3 do
        assert.same({ true, 5 }, { journal.requests[i].aborted, journal.requests[i].bytes_sent })
      end
    end)

    it("says when the client went away in the middle of a long body", function()
      child:configure { leads = 20000, civic_sync = false }
      local client = connect(child)
      client:send(request_text("GET", LEADS .. "?PageSize=20000"))
      assert(client:receive("*l"))
      client:close()
      local entry = child:journal().requests[1]
      assert.is_true(entry.aborted)
      assert.truthy(entry.bytes_sent < 27000000)
    end)

    it("says which tenant was asked for, if it is one", function()
      local tenant = "a1a1f1aa-e7c1-4ffc-81e3-7b98e119324a"
      for _, query in ipairs { "", "?msTenantId=" .. tenant:upper(), "?mstenantid=a-secret" } do
        ask(child, LEADS .. query)
      end
      local requests = child:journal().requests
      assert.same({ tenant, 3 }, { requests[2].tenant, #requests })
      assert.is_nil(requests[1].tenant or requests[3].tenant)
    end)

    it("lets the oldest go when it is full, and keeps order", function()
      local small, connection = new_journal(3), {}
      local function numbers()
        local found = {}
        for i, entry in ipairs(cjson.decode(small:encode()).requests) do found[i] = entry.n end
        return found
      end
      local seen = {}
      for i = 1, 8 do
        small:begin({ method = "GET", path = "/", query = {}, headers = {} }, connection)
        small:finish()
        seen[i] = numbers()
      end
      assert.same({ { 1 }, { 1, 2 }, { 1, 2, 3 }, { 2, 3, 4 } }, { seen[1], seen[2], seen[3], seen[4] })
      assert.same({ { 5, 6, 7 }, { 6, 7, 8 } }, { seen[7], seen[8] })
      small:empty()
      assert.same({}, numbers())
    end)

    it("keeps a hundred thousand", function()
      local whole, connection = new_journal(), {}
      local request = { method = "GET", path = "/", query = {}, headers = {} }
      local first = whole:begin(request, connection)
      for _ = 2, 100000 do whole:begin(request, connection) end
      assert.equal(first, whole.requests.items[1])
      assert.equal(whole:begin(request, connection), whole.requests.items[1])
      assert.equal(100000, #whole.requests.items)
    end)

    it("counts attempts for each page and tenant", function()
      for _, query in ipairs { "", "?PageNumber=2", "", "?msTenantId=a", "?msTenantId=A&PageSize=3" } do
        ask(child, LEADS .. query)
      end
      local attempts = {}
      for i, entry in ipairs(child:journal().requests) do attempts[i] = entry.attempt end
      assert.same({ 1, 1, 2, 1, 2 }, attempts)
    end)
  end)

  describe("configuring", function()
    local function configure(body)
      return ask(child, "/_sandbox/configure", { method = "POST", body = body })
    end

    it("replaces everything", function()
      child:configure { token = "abc", leads = 3 }
      ask(child, LEADS)
      child:configure {}
      assert.equal(0, #child:journal().requests)
      assert.equal(10, #leads_of(child))
    end)

    it("refuses what it does not know, by name, and changes nothing", function()
      child:configure { leads = 4 }
      local cases = {
        ['{"lead":1}'] = "unknown option lead",
        ['{"port":1}'] = "option port cannot be changed while running",
        ['{"leads":-1}'] = "leads must be an integer of 0 to 1000000",
        ['{"shape":"round"}'] = 'shape must be \\"array\\"',
        ['{"pretty":1}'] = "pretty must be a boolean",
        ['{"drift":{"insert":1}}'] = "drift.after_page is missing",
        ['{"drift":{"after_page":1}}'] = "drift must have one of insert and remove",
        ['{"drift":{"after_page":1,"up":1}}'] = "unknown option drift.up",
        ['{"civic_sync":{"fail":1}}'] = "unknown option civic_sync.fail",
        ['{"civic_outcomes":{"a":"maybe"}}'] = "civic_outcomes[a] must be",
        ['{"online":{"a":1}}'] = "online must map",
        ['{"faults":{"page":1}}'] = "faults must be a list of rules",
        ['{"faults":[{},{"pages":1}]}'] = "unknown option faults[2].pages",
        ['{"faults":[{"page":"1"}]}'] = "faults[1].page must be an integer",
        ['{"faults":[{"cut_after":1,"stall_after":1}]}'] = "faults[1] must have one of",
        ['{"faults":[{"chunked":true,"no_length":true}]}'] = "faults[1]: chunked excludes",
        ['{"faults":[{"path":"civic"}]}'] = 'faults[1].path must be \\"lead\\", \\"token\\" or \\"gateway\\"',
        ['{"faults":[{"tenant":1}]}'] = "faults[1].tenant must be a string",
        ['{"faults":[{"percent":101}]}'] = "faults[1].percent must be an integer of 0 to 100",
        ['{"faults":[{"percent_from":-1}]}'] = "faults[1].percent_from must be an integer of 0 to 100",
        ['{"faults":[{"percent_from":5}]}'] = "faults[1].percent_from must have a percent",
        ['{"faults":[{"percent_from":60,"percent":41}]}'] = "faults[1].percent_from must have a percent",
        ['{"token_lifetime_s":-1}'] = "token_lifetime_s must be a number",
        ["{"] = "the body is not a JSON object",
      }
      for body, message in pairs(cases) do
        local reply = configure(body)
        assert.equal(400, reply.status, body)
        assert.truthy(reply.body:find(message, 1, true), body .. ": " .. reply.body)
      end
      assert.equal(4, #leads_of(child))
    end)

    it("takes null for not given", function()
      assert.equal(200, configure('{"leads":null,"faults":null}').status)
      assert.equal(10, #leads_of(child))
    end)
  end)

  describe("HTTP", function()
    local function read_reply(client)
      local reply = { headers = {} }
      reply.status = tonumber(assert(client:receive("*l")):match("^HTTP/1%.1 (%d+)"))
      while true do
        local line = assert(client:receive("*l"))
        if line == "" then break end
        local name, value = line:match("^([^:]+): (.*)$")
        reply.headers[name:lower()] = value
      end
      reply.body = assert(client:receive(tonumber(reply.headers["content-length"])))
      return reply
    end

    it("keeps a connection for many requests, also sent ahead, also in small pieces", function()
      local client = connect(child)
      local one = request_text("GET", LEADS .. "?PageSize=1")
      client:send(one)
      local first = read_reply(client)
      client:send(one .. "\r\n" .. one)
      assert.equal(first.body, read_reply(client).body)
      assert.equal(first.body, read_reply(client).body)
      for byte in one:gmatch(".") do client:send(byte) end
      assert.equal(first.body, read_reply(client).body)
      client:close()
      assert.equal(1, child:journal().connections)
    end)

    it("closes when asked to, and for HTTP/1.0", function()
      local client = connect(child)
      client:send("GET " .. LEADS .. " HTTP/1.0\n\n")
      local bytes = read_to_end(client)
      assert.truthy(bytes:find("^HTTP/1.1 200 OK\r\n"))
      assert.truthy(bytes:find("\r\nConnection: close\r\n", 1, true))
    end)

    it("takes a whole URL as target, as a proxy does", function()
      assert.equal(200, ask(child, "http://elsewhere.example" .. LEADS).status)
    end)

    it("asks for the body that a client holds back", function()
      local client = connect(child)
      client:send("POST /_sandbox/configure HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
      assert.equal("HTTP/1.1 100 Continue", client:receive("*l"))
      assert.equal("", client:receive("*l"))
      client:send('{"leads":3}')
      assert.equal(200, read_reply(client).status)
      client:close()
      assert.equal(3, #leads_of(child))
    end)

    it("refuses what is not a request, or is too large, and lives on", function()
      local filler = ("x"):rep(20000)
      local cases = {
        [400] = { "nonsense\r\n\r\n", "GET nowhere HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "\0\1\2\255\r\n\r\n",
          "GET / HTTP/1.1\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          "GET / HTTP/1.1\r\n folded: 1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n\r\n" },
        [411] = { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        [413] = { "POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n" .. filler },
        [431] = { "GET / HTTP/1.1\r\nLong: " .. filler .. "\r\n\r\n", "GET /" .. filler },
      }
      for status, requests in pairs(cases) do
        for _, text in ipairs(requests) do
          local client = connect(child)
          client:send(text)
          client:shutdown("send")
          assert.equal(status, parse_head((read_to_end(client))).status, text:sub(1, 40))
          client:close()
        end
      end
      assert.equal(200, ask(child, LEADS).status)
    end)

    it("refuses at once what cannot become a request, as TLS", function()
      local client = connect(child)
      client:send "\22\3\1\2\0"
      assert.equal(400, parse_head((read_to_end(client))).status)
      client:close()
    end)

    it("bears clients that leave at any point", function()
      local whole = request_text("POST", TOKEN_PATH, {}, form(GOOD_FORM))
      for length = 0, #whole, 5 do
        local client = connect(child)
        client:send(whole:sub(1, length))
        client:close()
      end
      assert.equal(200, ask(child, LEADS).status)
    end)
  end)
end)

describe("oc.sandbox", function()
  it("raises on options it does not know or of the wrong type", function()
    assert.has_error(function() sandbox.new { leeds = 3 } end, "oc.sandbox.new: unknown option leeds")
    assert.has_error(function() sandbox.new { log = true } end, "oc.sandbox.new: log must be a function")
    assert.has_error(function() sandbox.new(3) end, "oc.sandbox.new: options must be a table")
    assert.has_error(function() sandbox.new { faults = { { oops = 1 } } } end,
      "oc.sandbox.new: unknown option faults[1].oops")
  end)

  it("says when the port is taken", function()
    local first = assert(sandbox.new())
    local second, err = sandbox.new { port = first.port }
    assert.is_nil(second)
    assert.truthy(err:find("cannot bind 127.0.0.1:" .. first.port, 1, true))
    first:close()
  end)

  it("runs step by step within a process, and logs", function()
    local lines = {}
    local server = assert(sandbox.new { leads = 300, log = function(line) lines[#lines + 1] = line end })
    assert.equal("http://127.0.0.1:" .. server.port, server.url)
    local client = assert(socket.connect("127.0.0.1", server.port))
    client:send(request_text("GET", LEADS .. "?PageSize=300", { Connection = "close" }))
    client:settimeout(0)
    local bytes = {}
    repeat
      assert.is_true(server:step(GIVE_UP_S))
      local got, problem, partial = client:receive("*a")
      bytes[#bytes + 1] = got or partial
    until problem ~= "timeout"
    assert.equal(300, #cjson.decode(parse_head(table.concat(bytes)).body))
    assert.truthy(lines[1]:find("^civic synchronisation failed: lead %x+%-"))
    assert.truthy(lines[#lines]:find("^GET /api/v2/oc/lead page 1 of 300 leads %-> 200, %d+ bytes$"))
    server:close()
    server:close()
    assert.is_false(server:step(0))
  end)

  it("runs until it is told to stop", function()
    local server = assert(sandbox.new())
    local asked = 0
    server:run(function()
      asked = asked + 1
      return asked == 2
    end)
    assert.is_nil((socket.connect("127.0.0.1", server.port)))
    server = assert(sandbox.new())
    server:stop()
    server:run()
    assert.is_nil((socket.connect("127.0.0.1", server.port)))
  end)

  it("ends by POST /_sandbox/stop", function()
    local child = sandbox_child.start()
    local client = connect(child)
    client:send(request_text("POST", "/_sandbox/stop", {}, ""))
    assert.equal('{"ok":true}', parse_head((read_to_end(client))).body)
    child:close()
    assert.is_nil((socket.connect("127.0.0.1", port_of(child.url))))
  end)

  it("ends with its standard input", function()
    local child = sandbox_child.start()
    local idle = connect(child)
    child:close()
    assert.equal("closed", select(2, idle:receive(1)))
    assert.is_nil((socket.connect("127.0.0.1", port_of(child.url))))
  end)
end)

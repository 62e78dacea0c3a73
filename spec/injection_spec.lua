-- Injection: whatever is in an option, a credential or a server's answer, a request is what it would be without it. A
-- server keeps the exact bytes it was sent, and these are compared.

local core = require "oc.core"
local oc = require "oc"
local options = require "oc.options"
local wire_server = require "support.wire_server"
local world = require "support.world"

local AGENT = "oc/" .. oc._VERSION

local function each_byte(first, last, f)
  for code = first, last do f(string.char(code), code) end
end

local function encoded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local NASTY = {"a&PageSize=1", "a#b", "a?b=c", "a%26b", "a b+c", "a=b;c", "\"'<>\\^`{|}", "a\r\nX-Evil: b",
  "\t\v\27[2J",
  "a HTTP/1.1\r\n\r\nGET /evil HTTP/1.1", "../../evil", "@evil.example", "é😀", "\255\254", "\127"}

describe("a request", function()
  local server, client

  before_each(function()
    server = wire_server.new(function(request)
      if request.target:find "/oauth2/" then return wire_server.ok '{"access_token":"t0ken","expires_in":3600}' end
      return wire_server.ok "[]"
    end)
  end)
  after_each(function()
    if client then client.host:close() end
    server:close()
    client = nil
  end)

  local function lines(target, more)
    return ("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: %s\r\nAccept-Encoding: gzip\r\n")
      :format(target, server.port, AGENT) .. (more or "Accept: application/json\r\n") .. "\r\n"
  end

  -- The bytes of all requests of a run; or nil, and what was raised or given instead.
  local function run(given, leads_options)
    if client then client.host:close() end
    server.requests, client = {}, nil
    local all = {host = wire_server.host {server}, prefetch = nil}
    for name, value in pairs(given or {}) do all[name] = value end
    local ok, made = pcall(world.client, all.base_url or server.url, all)
    if not ok then return nil, made end
    client = made
    local raised
    ok, raised = pcall(function() return assert(client:leads(leads_options):all()) end)
    local sent = {}
    for i, request in ipairs(server.requests) do sent[i] = request.bytes end
    if ok then return sent end
    assert.same({}, sent, "something was sent")
    return nil, tostring(raised)
  end

  local function refused(pattern, given, leads_options)
    local before = server.connections
    local sent, why = run(given, leads_options)
    assert.is_nil(sent, sent and sent[1])
    assert.matches(pattern, why)
    assert.equal(before, server.connections)
  end

  it("holds ms_tenant_id as one encoded value", function()
    local every = {}
    each_byte(1, 255, function(c, code) every[code] = c end)
    local values = {table.concat(every), ("é"):rep(1024), "."}
    for i, value in ipairs(NASTY) do values[3 + i] = value end
    for _, value in ipairs(values) do
      local sent = assert(run({}, {ms_tenant_id = value, prefetch = 0}))
      assert.same({lines("/api/v2/oc/lead?msTenantId=" .. encoded(value) .. "&PageNumber=1&PageSize=200")}, sent)
    end
    refused("'ms_tenant_id'", {}, {ms_tenant_id = "a\0b"})
    refused("'ms_tenant_id': more than 2048 bytes", {}, {ms_tenant_id = ("x"):rep(2049)})
  end)

  it("holds ms_tenant_id of a resume token as one encoded value", function()
    for _, value in ipairs(NASTY) do
      local token = {version = 1, origin = server.url, page = 3, skip = 0, last_id = value, page_size = 5,
        page_base = 1, ms_tenant_id = value}
      local sent = assert(run({}, {resume = token, prefetch = 0}))
      assert.equal(lines("/api/v2/oc/lead?msTenantId=" .. encoded(value) .. "&PageNumber=3&PageSize=5"), sent[1])
    end
  end)

  it("holds param_names as encoded names", function()
    for _, value in ipairs(NASTY) do
      if value:find "%c" then
        refused("'param_names': 'page' holds a control character", {param_names = {page = value}})
      else
        local sent = assert(run({param_names = {page = value}}, {prefetch = 0}))
        assert.same({lines("/api/v2/oc/lead?" .. encoded(value) .. "=1&PageSize=200")}, sent)
      end
    end
    refused("'param_names'", {param_names = {page = "a\0b"}})
    refused("'param_names'", {param_names = {page = ""}})
  end)

  it("goes to base_url and nowhere else", function()
    for _, tail in ipairs {"/a\r\nX-Evil: b", "/a\nb", "/a\0b", "/a b", "/a\\b", "/é", "/a\127", "/?a=b", "/a?", "/a#b",
      "/\27[2J", "@evil.example", ":evil@127.0.0.1", "/\t"} do
      refused("'base_url'", {base_url = server.url .. tail})
    end
    for _, whole in ipairs {"", "/tenantui", "//evil.example", "javascript:alert(1)", "file:///etc/passwd",
      "ftp://127.0.0.1/", "http:127.0.0.1", "http:///x", "http://", "http://127.0.0.1:0", "http://127.0.0.1:99999",
      "http://[::1", "http://127.0.0.1\\@evil.example/", "http://evil.example", "http://127.0.0.1.evil.example"} do
      refused("'base_url'", {base_url = whole})
    end
    for tail, target in pairs {["/a&b=c;d"] = "/a&b=c;d", ["/a%0d%0ab"] = "/a%0d%0ab", ["/"] = "", ["///"] = "",
      ["/@evil.example"] = "/@evil.example", ["/a//b"] = "/a//b", ["/" .. ("x"):rep(8000)] = "/" .. ("x"):rep(8000)} do
      local sent = assert(run({base_url = server.url .. tail}, {prefetch = 0}))
      assert.same({lines(target .. "/api/v2/oc/lead?PageNumber=1&PageSize=200")}, sent)
    end
  end)

  it("goes to lead_path below it", function()
    for _, value in ipairs {"/a\r\nX-Evil: b", "/a b", "/a?b=c", "/a#b", "/a\\b", "/é", "/a\0b", "/<x>", "\"",
      "/a\127"} do
      refused("'lead_path'", {lead_path = value})
    end
    for value, target in pairs {["a"] = "/a", ["//evil.example/a"] = "/evil.example/a", ["/a%0d%0aX:b"] = "/a%0d%0aX:b",
      ["@evil.example"] = "/@evil.example", ["http://evil.example"] = "/http://evil.example"} do
      local sent = assert(run({lead_path = value}, {prefetch = 0}))
      assert.same({lines(target .. "?PageNumber=1&PageSize=200")}, sent)
    end
  end)

  it("has headers of one line each", function()
    each_byte(0, 127, function(c)
      if not c:find "[\t\32-\126]" then
        refused("the value of X%-A is no line of text", {headers = {["X-A"] = "a" .. c .. "b"}})
        refused("the value of X%-A is no line of text", {headers = {["X-A"] = "a" .. c}})
      end
      if not c:find "[%w!#$%%&'*+.^_`|~-]" then
        refused("is no header name", {headers = {["X" .. c .. "A"] = "b"}})
        refused("is no header name", {headers = {["X-A" .. c] = "b"}})
      end
    end)
    for _, name in ipairs {"", "X-É", "X:", " X"} do refused("is no header name", {headers = {[name] = "b"}}) end
    for _, name in ipairs {"Host", "HOST", "Authorization", "content-length", "Transfer-Encoding", "Connection",
      "Accept-Encoding", "User-Agent"} do
      refused("option 'headers'", {headers = {[name] = "b"}})
    end
    for _, value in ipairs {" ", "\t", ""} do refused("is no line of text", {headers = {["X-A"] = value}}) end
    local accept = "Accept: application/json\r\n"
    for _, value in ipairs {"é😀\255", "a;b,c:d", "@/etc/passwd", "a\tb", ("x"):rep(60000)} do
      local sent = assert(run({headers = {["X-A"] = value}}, {prefetch = 0}))
      assert.same({lines("/api/v2/oc/lead?PageNumber=1&PageSize=200", accept .. "X-A: " .. value .. "\r\n")}, sent)
    end
  end)

  it("has a User-Agent of one line", function()
    each_byte(0, 127, function(c)
      if not c:find "[\32-\126]" then refused("'user_agent'", {user_agent = "a" .. c .. "b"}) end
    end)
    local sent = assert(run({user_agent = "é: @x;y"}, {prefetch = 0}))
    assert.equal(lines("/api/v2/oc/lead?PageNumber=1&PageSize=200"):gsub("oc/[%d.]+", "é: @x;y"), sent[1])
  end)

  it("has a token of one word, or none is sent", function()
    each_byte(0, 255, function(c)
      if c:find "[\33-\126]" then return end
      assert.is_false(pcall(oc.auth.bearer, "a" .. c .. "b"))
      refused("cannot be sent in a header", {auth = function() return "a" .. c .. "b" end})
    end)
    for _, value in ipairs {"", 5, {}, true} do refused("cannot get a token", {auth = function() return value end}) end
    local all = {}
    each_byte(33, 126, function(c) all[#all + 1] = c end)
    for _, token in ipairs {table.concat(all), ("x"):rep(60000)} do
      for _, auth in ipairs {oc.auth.bearer(token), function() return token end} do
        local sent = assert(run({auth = auth}, {prefetch = 0}))
        assert.same({lines("/api/v2/oc/lead?PageNumber=1&PageSize=200",
          "Accept: application/json\r\nAuthorization: Bearer " .. token .. "\r\n")}, sent)
      end
    end
  end)

  it("for a token holds client credentials as encoded fields", function()
    local function credentials(value)
      return oc.auth.client_credentials {tenant_id = value, client_id = value, client_secret = value, scope = value,
        authority = server.url .. "/x"}
    end
    each_byte(0, 127, function(c)
      if c:find "[\32-\126]" then return end
      assert.is_false(pcall(credentials, "a" .. c .. "b"))
    end)
    for _, value in ipairs {".", ".."} do
      local ok, why = pcall(credentials, value)
      assert.is_false(ok)
      assert.matches("'tenant_id' is no tenant", why)
    end
    for _, value in ipairs(NASTY) do
      if not value:find "%c" then
        local sent = assert(run({auth = credentials(value)}, {prefetch = 0}))
        local e = encoded(value)
        local form = ("grant_type=client_credentials&client_id=%s&client_secret=%s&scope=%s"):format(e, e, e)
        assert.equal(("POST /x/%s/oauth2/v2.0/token HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: %s\r\n"
          .. "Accept-Encoding: gzip\r\n"
          .. "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"
          .. "Content-Length: %d\r\n\r\n%s"):format(e, server.port, AGENT, #form, form), sent[1])
        assert.equal(2, #sent)
      end
    end
    for _, authority in ipairs {"http://evil.example", "https://u:p@login.example", "https://login.example/?a",
      "https://login.example/#a", "https://login.example\\evil", "https://login.example/\r\nX: y", "login.example"} do
      assert.is_false(pcall(oc.auth.client_credentials, {tenant_id = "a", client_id = "b", client_secret = "c",
        scope = "d", authority = authority}))
    end
  end)

  it("is not made with what the environment has of control characters", function()
    local real, name, value = os.getenv, nil, nil
    -- luacheck: push ignore 122
    os.getenv = function(asked) return asked == name and value or not asked:find "^OC_" and real(asked) or nil end
    local ok, problem = pcall(function()
      for _, option in ipairs(options.client) do
        for _, text in ipairs {"a\r\nX-Evil: b", "a\nb", "a\127", "\27[2J"} do
          if option.env then
            name, value = option.env, text
            local made, err = oc.client {auth = false, base_url = option.name ~= "base_url" and server.url or nil}
            assert.is_nil(made, option.env)
            assert.equal("options", err.kind)
            assert.matches(option.env, err.message)
            assert.is_nil(err.message:find "[\r\n\27]")
          end
        end
      end
    end)
    os.getenv = real
    -- luacheck: pop
    assert(ok, problem)
  end)
end)

describe("an answer's", function()
  local server, client

  after_each(function()
    client.host:close()
    server:close()
  end)

  -- The error of a run whose first answer has these header lines, and what was asked afterwards.
  local function answered(status, header)
    if client then
      client.host:close()
      server:close()
    end
    server = wire_server.new(function(_, number)
      if number == 1 then return wire_server.reply(status, "", header) end
      return wire_server.ok "[]"
    end)
    client = world.client(server.url, {host = wire_server.host {server}, auth = oc.auth.bearer "t0ken"})
    local all, err = client:leads {prefetch = 0}:all()
    return all, err, server.requests[2]
  end

  it("Retry-After makes nobody wait longer than the cap, nor crash", function()
    local waits = {["7"] = 7, [" 7 "] = 7, ["0"] = 0, ["120"] = 120, ["007"] = 7}
    for value, wait_s in pairs(waits) do
      assert(answered("429 Busy", "Retry-After: " .. value .. "\r\n"))
      assert.same({wait_s > 0 and wait_s or nil}, client.host.slept)
    end
    for _, value in ipairs {"-1", "+7", "7.5", "1e9", "0x10", "nan", "inf", "7, 9", "7 \r\n 9", "", "soon",
      "Tue, 99 Foo 2023 99:99:99 GMT", ("x"):rep(8000)} do
      assert(answered("429 Busy", "Retry-After: " .. value .. "\r\n"))
      assert.same({0.25}, client.host.slept)
    end
    for _, value in ipairs {"121", "99999999999999999999999999", ("9"):rep(8000), "Fri, 31 Dec 9999 23:59:59 GMT"} do
      local all, err = answered("429 Busy", "Retry-After: " .. value .. "\r\n")
      assert.is_nil(all)
      assert.equal("throttle", err.kind)
      assert.is_true(err.retry_after_s > 120 and err.retry_after_s < math.huge)
      assert.same({}, client.host.slept)
    end
  end)

  it("Location is followed as the bytes it is, within the origin", function()
    local long = "/" .. ("x"):rep(8000)
    for value, target in pairs {["/there"] = "/there", ["there?a=b"] = "/api/v2/oc/there?a=b", ["?a=b"] =
      "/api/v2/oc/lead?a=b", ["../x"] = "/api/v2/x", ["/a/../../../b"] = "/b", ["/x%0d%0aX-Evil:%20y"] =
      "/x%0d%0aX-Evil:%20y", ["/x#frag"] = "/x", [long] = long, [" /x "] = "/x", ["/javascript:x"] = "/javascript:x",
      ["/@evil.example"] = "/@evil.example", ["/?u=//evil.example"] = "/?u=//evil.example",
      [""] = "/api/v2/oc/lead?PageNumber=1&PageSize=200"} do
      local all, _, request = answered("302 Found", "Location: " .. value .. "\r\n")
      assert.equal("[]", oc.encode(all))
      assert.equal("GET " .. target .. " HTTP/1.1\r\n", request.bytes:match "^.-\r\n")
      assert.equal(("127.0.0.1:%d"):format(server.port), request.headers.host)
      assert.equal("Bearer t0ken", request.headers.authorization)
      assert.is_nil(request.head:find "X%-Evil: ")
      assert.equal(2, #server.requests)
    end
  end)

  it("Location that is no plain address is refused, and nothing more is sent", function()
    for _, value in ipairs {"javascript:alert(1)", "file:///etc/passwd", "ftp://127.0.0.1/", "data:text/plain,x",
      "http://", "http:///x", "http:x", "http:/x", "//", "///x", "\\\\evil.example", "/\\evil.example", "/a\\b",
      "http:\\\\evil.example", "/a b", "/a\rX-Evil: b", "/a\127b", "/é", "/a\tb", "http://u:p@127.0.0.1:%d/",
      "http://127.0.0.1:%d@evil.example/", "//u@127.0.0.1:%d/x", "/" .. ("x"):rep(20000), "http://127.0.0.1:%dx/",
      "/a, /b c"} do
      local all, err = answered("302 Found", "Location: " .. value .. "\r\n")
      local port = server.port
      if value:find("%d", 1, true) then
        client.host:close()
        server:close()
        server = wire_server.new(function() return wire_server.reply("302 Found", "",
          "Location: " .. value:gsub("%%d", tostring(server.port)) .. "\r\n") end)
        client = world.client(server.url, {host = wire_server.host {server}})
        all, err = client:leads {prefetch = 0}:all()
      end
      assert.is_nil(all, value .. port)
      assert.equal("http", err.kind)
      assert.matches("redirect", err.message)
      assert.equal(1, #server.requests, value)
    end
  end)

  it("title is said on one line of a terminal", function()
    local width = require "oc.width"
    assert.is_nil(width.clean("a\27[2J\r\nb\7"):find "%c")
    assert.is_nil((core.address "http://a\27b"))
  end)
end)

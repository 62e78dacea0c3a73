-- What goes wrong at Azure Communications Gateway, and what the program may get wrong about it.

local errors = require "oc.errors"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local wire_server = require "support.wire_server"
local world = require "support.world"

local ALL_FOUND = {fail_percent = 0, once_percent = 0, empty_percent = 0}
local DOING = "cannot read addresses from the gateway: "
local LEAD = {id = "1", tenantId = "t"}
local SAMPLE = "a1a1f1aa-e7c1-4ffc-81e3-7b98e119324a" -- the tenant of the second sample lead

local function ask(left_s)
  return {attempt = 1, left_s = function() return left_s end, turn = function() return true end}
end

local function error_of(source, lead, left_s)
  local addresses, err = source:fetch(lead or LEAD, ask(left_s))
  assert.is_nil(addresses)
  assert.is_true(errors.is(err))
  assert.equal(DOING, tostring(err):sub(1, #DOING))
  return err
end

describe("the gateway as a source", function()
  local server, raw, host

  setup(function() server = sandbox_child.start {} end)
  teardown(function() server:close() end)
  after_each(function()
    if raw then raw:close() end
    if host then
      assert.equal(0, host.pool:counts().open, "an exchange is still open")
      host:close()
    end
    raw, host = nil, nil
  end)

  local function gateway(url, given)
    local all = {auth = false, log = false, host = host, base_url = url}
    for name, value in pairs(given or {}) do all[name] = value end
    return assert(oc.civic.source.gateway(all))
  end

  local function sandboxed(options, given)
    options.civic_sync = ALL_FOUND
    server:configure(options)
    if host then host:close() end
    host = world.host()
    return gateway(server.url, given)
  end

  local function played(answer, given)
    if raw then raw:close() end
    if host then host:close() end
    raw = wire_server.new(type(answer) == "function" and answer or function() return answer end)
    host = wire_server.host {raw}
    return gateway(raw.url, given)
  end

  describe("tells of an answer", function()
    it("by its code, and not by the words beside it", function()
      local body = '{"error":{"code":"AccountBroken","message":"Contoso of Jane Doe","target":"x","details":[],'
        .. '"innererror":{"code":"Inner"}}}'
      local err = error_of(played(wire_server.reply("400 Bad Request", body, "x-ms-error-code: Other\r\n")))
      assert.same({"http", 400, "AccountBroken", DOING .. "HTTP 400 AccountBroken", false},
        {err.kind, err.status, err.title, err.message, err.again})
      err = error_of(played(wire_server.reply("400 Bad Request", "", "x-ms-error-code: Other\r\n")))
      assert.equal(DOING .. "HTTP 400 Other", err.message)
      err = error_of(played(wire_server.reply("400 Bad Request", '{"error":{}}', "x-ms-error-code: Other\r\n")))
      assert.equal(DOING .. "HTTP 400 Other", err.message)
      for _, code in ipairs {'"two words"', "7", "null", '"' .. ("x"):rep(65) .. '"', "{}", '""'} do
        err = error_of(played(wire_server.reply("400 Bad Request", ('{"error":{"code":%s}}'):format(code))))
        assert.equal(DOING .. "HTTP 400", err.message)
      end
      for _, odd in ipairs {"[]", "7", '{"error":7}', "<html>", "{"} do
        assert.equal(DOING .. "HTTP 400", error_of(played(wire_server.reply("400 Bad Request", odd))).message)
      end
    end)

    it("without an account: an unknown tenant; but not where HTML, or a page that follows, says so", function()
      local err = error_of(sandboxed {})
      assert.same({"http", 404, true, DOING .. "HTTP 404 AccountNotFound"},
        {err.kind, err.status, err.unknown_tenant, err.message})
      assert.is_true(error_of(played(wire_server.reply("404 Not Found", ""))).unknown_tenant)
      assert.is_nil(error_of(played(wire_server.reply("404 Not Found", "\n<!DOCTYPE html>"))).unknown_tenant)
      err = error_of(played(function(_, number)
        if number == 1 then return wire_server.ok '{"value":[],"nextLink":"?p=2"}' end
        return wire_server.reply("404 Not Found", "{}")
      end))
      assert.same({404}, {err.status, err.unknown_tenant})
    end)

    it("that asks to wait", function()
      local err = error_of(played(wire_server.reply("429 Too Many Requests", "", "Retry-After: 17\r\n")))
      assert.same({"throttle", 429, 17, true}, {err.kind, err.status, err.retry_after_s, err.again})
      err = error_of(played(wire_server.reply("503 Service Unavailable", "", "Retry-After: 3\r\n")))
      assert.same({"throttle", 503, 3, true}, {err.kind, err.status, err.retry_after_s, err.again})
      assert.same({}, host.slept)
      assert.equal(1, #raw.requests)
    end)

    it("that is a fault: worth another try, or not", function()
      local cases = {["500 x"] = {"http", true}, ["502 x"] = {"http", true}, ["503 x"] = {"http", true},
        ["501 x"] = {"http", false}, ["403 x"] = {"auth", false}, ["401 x"] = {"auth", false},
        ["302 x"] = {"http", false}, ["204 x"] = {"shape", false}}
      for status, wanted in pairs(cases) do
        local text = "HTTP/1.1 " .. status .. "\r\n" .. (status == "204 x" and "" or "Content-Length: 0\r\n")
          .. "Location: /elsewhere\r\n\r\n"
        local err = error_of(played(text))
        assert.same({wanted[1], wanted[2], 1}, {err.kind, err.again, #raw.requests}, status)
      end
    end)

    it("that is no list of addresses", function()
      local cases = {
        ["<html>sign in</html>"] = {"json", "HTML or XML, not JSON"},
        [""] = {"json", "the body is empty"},
        ['{"value":[{"id":"a"}'] = {"json", "ends within the document"},
        ["[]"] = {"shape", "the answer has no list 'value'"},
        ["7"] = {"shape", "no list 'value'"},
        ["{}"] = {"shape", "no list 'value'"},
        ['{"error":{"code":"x"}}'] = {"shape", "no list 'value'"},
        ['{"value":null}'] = {"shape", "no list 'value'"},
        ['{"value":{}}'] = {"shape", "no list 'value'"},
        ['{"value":{"id":"a"}}'] = {"shape", "no list 'value'"},
        ['{"value":"[]"}'] = {"shape", "no list 'value'"},
        ['{"value":[{"id":"a"},null]}'] = {"shape", "value%[2%] is no object"},
        ['{"value":["a"]}'] = {"shape", "value%[1%] is no object"},
        ['{"value":[[]]}'] = {"shape", "value%[1%] is no object"},
      }
      for body, wanted in pairs(cases) do
        local err = error_of(played(wire_server.ok(body, 'ETag: "t"\r\n')))
        assert.equal(wanted[1], err.kind, body)
        assert.matches(wanted[2], err.message)
        assert.is_nil(err.unknown_tenant)
      end
    end)

    it("that is cut off, and the second time is not", function()
      local source = sandboxed {faults = {{path = "gateway", attempt = 1, cut_after = 30}}}
      assert.equal("network", error_of(source, {tenantId = SAMPLE}).kind)
      assert.equal(1, #assert(source:fetch({tenantId = SAMPLE}, ask())))
    end)

    it("that is longer than a lead may be", function()
      local long = ("x"):rep(9 * 1024 * 1024)
      local source = played(wire_server.ok('{"value":[{"id":"' .. long .. '"}]}'))
      assert.equal(#long, #assert(source:fetch(LEAD, ask()))[1].id)
    end)
  end)

  it("does not take longer than the run may", function()
    local source = sandboxed {faults = {{path = "gateway", stall_after = 10}}}
    assert.equal("timeout", error_of(source, {tenantId = SAMPLE}, 0.05).kind)
    assert.equal("timeout", error_of(source, {tenantId = SAMPLE}, 0).kind)
  end)

  it("waits as long as the gateway asks, and is asked again", function()
    local source = sandboxed {leads = 10, faults = {{path = "gateway", attempt = 1, status = 429,
      headers = {["Retry-After"] = "20"}}}}
    local lead = {id = "1", tenantId = SAMPLE}
    local result = assert(oc.civic.sync({lead}, {policy = oc.civic.policy.all, source = source, log = false}))
    assert.same({1, 2}, {result.synced, result.asked})
    assert.truthy(result.elapsed_s >= 20 and result.elapsed_s < 30)
  end)

  describe("has credentials of its own", function()
    local function credentials(secret)
      return oc.auth.client_credentials {authority = server.url, tenant_id = "contoso.example", client_id = "the id",
        client_secret = secret or "s3cr3t-of-the-gateway", scope = "api://gateway/.default"}
    end
    local options = {client_id = "the id", client_secret = "s3cr3t-of-the-gateway"}

    it("which get it a token, kept for the next", function()
      local source = sandboxed(options, {auth = credentials()})
      for _ = 1, 3 do assert.equal(1, #assert(source:fetch({tenantId = SAMPLE}, ask()))) end
      local journal = server:journal()
      assert.equal(1, journal.tokens_issued)
      assert.is_true(journal.requests[#journal.requests].authorized)
    end)

    it("which are renewed once when they are refused", function()
      local given = {client_id = options.client_id, client_secret = options.client_secret,
        faults = {{path = "gateway", attempt = 1, expire_token = true}}}
      local source = sandboxed(given, {auth = credentials()})
      assert.equal(1, #assert(source:fetch({tenantId = SAMPLE}, ask())))
      assert.equal(2, server:journal().tokens_issued)
      given.faults = {{path = "gateway", expire_token = true}}
      local err = error_of(sandboxed(given, {auth = credentials()}), {tenantId = SAMPLE})
      assert.same({"auth", 401, "Unauthorized"}, {err.kind, err.status, err.title})
      assert.equal(2, server:journal().tokens_issued)
      err = error_of(sandboxed({token = "right"}, {auth = oc.auth.bearer "wrong-token"}), {tenantId = SAMPLE})
      assert.same({"auth", 401, 1}, {err.kind, err.status, #server:journal().requests})
    end)

    it("which may be wrong", function()
      local err = error_of(sandboxed(options, {auth = credentials "another one"}), {tenantId = SAMPLE})
      assert.equal("auth", err.kind)
      assert.matches("cannot get a token: AADSTS%d+", err.message)
    end)

    it("whose fault, told again and again, does not grow", function()
      local fault = errors.new("auth", "no token today")
      local source = played("", {auth = function() return nil, fault end})
      for _ = 1, 3 do assert.equal(DOING .. "no token today", error_of(source).message) end
      assert.equal("no token today", fault.message)
    end)

    it("which no error shows, whatever the gateway sends back", function()
      local token = "secret-token.of_the-gateway"
      local err = error_of(played(function(request)
        local sent = request.headers.authorization:match "Bearer (.*)"
        return wire_server.reply("400 Bad Request", ('{"error":{"code":"x.%s"}}'):format(sent))
      end, {auth = function() return token end}))
      assert.equal("x.(hidden)", err.title)
      assert.equal(DOING .. "HTTP 400 x.(hidden)", err.message)
      for _, value in pairs(err) do assert.is_nil(tostring(value):find(token, 1, true)) end
      err = error_of(played(function(request)
        return wire_server.reply("500 x", "", "x-ms-error-code: " .. request.headers["x-key"] .. "\r\n")
      end, {headers = {["X-Key"] = "key-of-somebody"}}))
      assert.equal(DOING .. "HTTP 500 (hidden)", err.message)
    end)
  end)

  describe("raises", function()
    local function raises(given, pattern)
      local ok, raised = pcall(function()
        local made = oc.civic.source.gateway(given)
        return made -- no tail call: who called is to be named
      end)
      assert.is_false(ok)
      assert.matches("civic_gateway_faults_spec.lua:%d+: oc.civic.source.gateway: ", raised)
      assert.matches(pattern, raised)
      assert.is_nil(raised:find("oc.client", 1, true), raised)
    end
    local URL = "https://provapi.example.com"

    it("for what it does not know, and names what was meant", function()
      raises({base_url = URL, auth = false, acount = tostring}, "unknown option 'acount'")
      raises({base_url = URL, auth = false, ratePerMin = 3}, "'ratePerMin' %(did you mean 'rate_per_min'%?%)")
      raises({base_url = URL, auth = false, timeout = 3}, "unknown option 'timeout'")
    end)

    it("for what is missing, or no option of its kind", function()
      raises(nil, "a table expected, got nil")
      raises(URL, "a table expected, got string")
      raises({auth = false}, "option 'base_url' is missing: https://provapi.<base domain>")
      raises({base_url = URL}, "option 'auth' is missing: the gateway has credentials of its own")
      raises({base_url = 7, auth = false}, "option 'base_url': string expected, got number")
      raises({base_url = "http://provapi.example.com", auth = false}, "option 'base_url' is plain http")
      raises({base_url = "provapi", auth = false}, "option 'base_url' has no scheme")
      raises({base_url = URL, auth = "token"}, "option 'auth': oc.auth.bearer, ")
      raises({base_url = URL, auth = false, account = "x"}, "option 'account': function expected, got string")
      raises({base_url = URL, auth = false, account = false}, "option 'account': function expected, got boolean")
      raises({base_url = URL, auth = false, api_version = ""}, "option 'api_version' is empty")
      raises({base_url = URL, auth = false, api_version = 1}, "option 'api_version': string expected")
      for _, rate in ipairs {0, -1, 0 / 0} do
        raises({base_url = URL, auth = false, rate_per_min = rate}, "option 'rate_per_min': number of at least")
      end
      raises({base_url = URL, auth = false, headers = {["a b"] = "c"}}, 'option \'headers\': "a b" is no header name')
    end)
  end)
end)

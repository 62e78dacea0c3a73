-- What the doctor finds, check by check, against a sandbox that is set up wrong in each way.

local core = require "oc.core"
local doctor = require "oc.doctor"
local oc = require "oc"
local profile = require "oc.doctor.profile"
local raw_http = require "support.raw_http"
local sandbox_child = require "support.sandbox_child"
local socket = require "socket"
local transcript = require "oc.doctor.transcript"
local world = require "support.world"

local TENANT = "9a1b2c3d-0000-4000-8000-00000000abcd"

describe("the doctor", function()
  local server

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)

  -- The findings by id, and the examination.
  local function examine(settings, given, more)
    server:configure(settings)
    local all = {base_url = server.url, auth = false, host = world.host(), log = false}
    for name, value in pairs(given or {}) do all[name] = value end
    local result = assert(doctor.examine(all, more))
    local by_id = {}
    for _, finding in ipairs(result.findings) do by_id[finding.id] = finding end
    return by_id, result
  end

  local function assert_found(finding, status, pattern)
    assert.equal(status, finding.status, finding.found)
    assert.matches(pattern, finding.found)
  end

  local function credentials(changes)
    local fields = {authority = server.url, tenant_id = TENANT, client_id = "app", client_secret = "s3cr3t-value",
      scope = "api://x/.default"}
    for name, value in pairs(changes or {}) do fields[name] = value end
    return oc.auth.client_credentials(fields)
  end

  -- A host whose request number n fails.
  local function host_failing_at(n, kind)
    local host, opened = world.host(), 0
    local open = host.open
    function host.open(self, request)
      opened = opened + 1
      if opened ~= n then return open(self, request) end
      return nil, setmetatable({kind = kind, message = kind .. " at request " .. n}, core.error_metatable)
    end
    return host
  end

  it("finds nothing wrong where nothing is, by few requests that change nothing", function()
    local found, result = examine({leads = 3000, page_cap = 500}, {}, {page_size = 1000})
    assert.is_true(result.ok)
    for _, check in ipairs(doctor.checks) do
      assert.is_true(found[check.id].status == "ok" or check.id == "page_size", check.id)
    end
    local asked = server:journal().requests
    assert.equal(result.requests, #asked)
    assert.is_true(#asked <= 10)
    for _, request in ipairs(asked) do
      assert.equal("GET", request.method)
      assert.is_nil(request.query.checkOnline)
      assert.is_nil(request.query.msTenantId)
    end
  end)

  it("tells each finding as it is made, in order", function()
    local told = {}
    local _, result = examine({}, {}, {on_finding = function(finding) told[#told + 1] = finding end})
    assert.same(result.findings, told)
    assert.equal(#doctor.checks, #told)
  end)

  it("raises for wrong options at the place of the call, and gives unusable environments", function()
    local ok, err = pcall(doctor.examine, {base_url = "http://127.0.0.1:1", bogus = 1})
    assert.is_false(ok)
    assert.matches("oc%.client: unknown option 'bogus'", err)
    assert.matches("oc%.client: option 'base_url' is missing", select(2, pcall(doctor.examine, {})))
    assert.matches("'page_size': integer from 1 to 20000", select(2, pcall(doctor.examine, {}, {page_size = 0})))
    local _, place = pcall(function() doctor.examine({base_url = "http://127.0.0.1:1", bogus = 1}) end)
    assert.matches("^[^:]*doctor_spec%.lua:%d+: ", place)
  end)

  describe("address", function()
    local function all_skipped(result, from)
      for i = from or 2, #result.findings do
        assert.equal("skipped", result.findings[i].status)
        assert.equal("not checked, because of address", result.findings[i].found)
      end
    end

    it("is told when it cannot be one", function()
      for text, pattern in pairs {
        ["sp.example.com/tenantui"] = "has no scheme", ["http://sp.example.com"] = "is plain http",
        ["https://sp.example.com?x=1"] = "has parameters", ["https://me:hidden@sp.example.com"] = "user",
      } do
        local found, result = examine({}, {base_url = text})
        assert_found(found.address, "fail", pattern)
        assert.equal("base_url", found.address.set[1].name)
        assert.is_nil(found.address.found:find "hidden")
        assert.is_false(result.ok)
        assert.equal(0, result.requests)
        all_skipped(result)
      end
    end)

    it("is told when nobody is there", function()
      local closed = assert(socket.bind("127.0.0.1", 0))
      local _, port = closed:getsockname()
      closed:close()
      local found, result = examine({}, {base_url = "http://127.0.0.1:" .. port})
      assert_found(found.address, "fail", "cannot connect to 127.0.0.1:%d+: Connection refused")
      assert.matches("host and port", found.address.hint)
      all_skipped(result)
    end)

    it("is told when a proxy stands in the way", function()
      local found = examine({}, {proxy = "http://127.0.0.1:1"})
      assert_found(found.address, "fail", "cannot connect to the proxy for 127.0.0.1:%d+")
      assert.matches("check OC_PROXY", found.address.hint)
      found = examine {faults = {{status = 407}}}
      assert_found(found.address, "fail", "407 from the proxy for 127.0.0.1")
      assert.matches("check OC_PROXY", found.address.hint)
    end)

    it("is told when the name is unknown", function()
      -- libcurl answers for .onion itself, and asks nobody
      local found = examine({}, {base_url = "https://nowhere.onion"})
      assert_found(found.address, "fail", "nowhere%.onion")
    end)

    it("is told when it redirects elsewhere", function()
      local function redirected(to)
        return examine {faults = {{status = 302, headers = {Location = to}}}}.address
      end
      local finding = redirected "https://other.example.com/tenantui/api/v2/oc/lead?PageNumber=1&code=hidden"
      assert_found(finding, "fail", "HTTP 302, a redirect to https://other%.example%.com")
      assert.same({{name = "base_url", value = "https://other.example.com/tenantui"}}, finding.set)
      finding = redirected "https://login.example.com/common/oauth2/authorize?client_id=hidden"
      assert_found(finding, "fail", "a redirect to a sign%-in page at https://login%.example%.com")
      assert.matches("a portal for people", finding.hint)
      assert.is_nil((finding.found .. finding.hint):find "hidden")
      assert_found(redirected "ftp://x/", "fail", "^HTTP 302: the server sent a redirect without a usable address")
      assert_found(redirected "/api/v2/oc/lead?again", "fail", "^HTTP 302: more than 5 redirects")
    end)

    it("is told when the documented path was forgotten", function()
      local found = examine {base_path = "/tenantui"}
      assert_found(found.address, "fail", "HTTP 404: nothing at http://127.0.0.1:%d+/api/v2/oc/lead")
      assert.matches("/tenantui the service answers", found.address.hint)
      assert.same({{name = "base_url", value = server.url .. "/tenantui"}}, found.address.set)
      found = examine({base_path = "/tenantui"}, {base_url = server.url .. "/tenantui/"})
      assert_found(found.address, "ok", "answers")
      found = examine({base_path = "/elsewhere"})
      assert.matches("there is none at http://127.0.0.1:%d+/tenantui either", found.address.hint)
      assert.is_nil(found.address.set)
      found = examine({base_path = "/elsewhere"}, {base_url = server.url .. "/tenantui"})
      assert_found(found.address, "fail", "HTTP 404")
      assert.matches("check host and path of base_url", found.address.hint)
    end)

    it("is told when a web page comes", function()
      for _, status in ipairs {200, 404, 502} do
        local found = examine {faults = {{status = status, body = "\239\187\191\n<!DOCTYPE html><p>Sign in</p>",
          content_type = "text/html"}}}
        assert_found(found.address, "fail", ("HTTP %d with a web page for people"):format(status))
      end
    end)

    it("is told when the service is out of order", function()
      local found = examine {faults = {{status = 503}}}
      assert_found(found.address, "fail", "HTTP 503 from http://127")
      found = examine {faults = {{times = 1, status = 503}}}
      assert_found(found.address, "ok", "answers") -- a second try heals
      found = examine {faults = {{body = '{"error":"no licence"}'}}}
      assert_found(found.address, "fail", "HTTP 200, but ")
    end)

    it("is no wrong path where pages begin at 0 and one lead is all there is", function()
      local found = examine {leads = 1, page_base = 0, end_status = 404}
      assert_found(found.address, "ok", "answers with leads")
      assert_found(found.page_base, "fail", "^0, but page_base is 1")
    end)
  end)

  describe("TLS", function()
    local folder

    setup(function()
      folder = os.tmpname()
      os.remove(folder)
      assert(os.execute("mkdir " .. folder))
      -- good.pem; old.pem is of the year 2020
      os.execute(([[cd %s && touch index && echo 01 >serial && printf '%%s\n' '[ca]' default_ca=d '[d]' database=index \
        serial=serial new_certs_dir=. default_md=sha256 policy=p x509_extensions=e '[p]' commonName=supplied '[e]' \
        subjectAltName=DNS:localhost >ca.cnf && { openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out good.pem && openssl req -new \
        -key key.pem -subj /CN=localhost -out request && openssl ca -batch -config ca.cnf -selfsign -keyfile key.pem \
        -in request -startdate 20200101000000Z -enddate 20200102000000Z -out old.pem; } 2>/dev/null]]):format(folder))
    end)
    teardown(function() os.execute("rm -r " .. folder) end)

    -- What f(port) gives, while a server with these flags runs. `timeout`, so that nothing is left should we be killed.
    local function with_server(flags, f)
      local process = assert(io.popen(("cd %s && echo $$ && exec timeout 300 openssl s_server -accept 127.0.0.1:0 "
        .. "-key key.pem -www %s 2>&1"):format(folder, flags)))
      local pid = process:read "*l"
      local port
      repeat
        local line = assert(process:read "*l", "openssl s_server does not start")
        port = line:match "^ACCEPT .*:(%d+)$"
      until port
      local ok, result = pcall(f, port)
      os.execute("kill " .. pid)
      process:close()
      return assert(ok and result, result)
    end

    local function tls_with(flags, given, host)
      return with_server(flags, function(port)
        given.base_url = ("https://%s:%s/tenantui"):format(host or "localhost", port)
        return examine({}, given)
      end)
    end

    local function examine_with_flags(flags)
      return with_server(flags, function(port)
        return (examine({}, {base_url = ("https://localhost:%s/tenantui"):format(port)}, {
          name_option = function(name) return "--" .. name:gsub("_", "-") end,
        }))
      end)
    end

    it("is not used on this machine", function()
      assert_found(examine().tls, "ok", "^not used: plain http on this machine$")
    end)

    it("is verified, also where the answer is of no service", function()
      local found = tls_with("-cert good.pem", {ca_file = folder .. "/good.pem"})
      assert_found(found.tls, "ok", "^verified by the given authority")
      assert_found(found.address, "fail", "web page")
      assert_found(found.clock, "unknown", "no Date") -- s_server sends none
      assert_found(found.token, "skipped", "because of address")
    end)

    it("fails, with the reason and the option", function()
      local found = tls_with("-cert good.pem", {})
      assert_found(found.address, "ok", "is there$")
      assert_found(found.tls, "fail", "^cannot trust localhost:%d+: ")
      assert.same({{name = "ca_file", value = "FILE"}}, found.tls.set)
      assert_found(found.clock, "skipped", "because of TLS")
      assert_found(found.token, "skipped", "because of TLS")
      local good = folder .. "/good.pem"
      found = tls_with("-cert good.pem", {ca_file = good}, "127.0.0.1")
      assert_found(found.tls, "fail", "its certificate is for another name; is the address right %(base_url")
      found = tls_with("-cert old.pem", {ca_file = folder .. "/old.pem"})
      assert_found(found.tls, "fail", "its certificate has expired, or this machine's clock is wrong")
      found = tls_with("-cert good.pem", {ca_file = folder .. "/none.pem"})
      assert_found(found.tls, "fail", "CA certificates .*none%.pem")
      assert.same({{name = "ca_file", value = "FILE"}}, found.tls.set)
      found = tls_with("-cert old.pem", {ca_file = good})
      assert_found(found.tls, "fail", "^cannot trust")
      found = examine_with_flags("-cert good.pem")
      assert_found(found.tls, "fail", "give it as %-%-ca%-file, if it is the right one")
    end)

    it("is too old", function()
      local found = tls_with("-cert good.pem -tls1_1 -cipher ALL:@SECLEVEL=0", {insecure = true})
      assert_found(found.tls, "fail", "^TLS handshake with localhost:%d+ failed")
      assert_found(found.tls, "fail", "TLS 1.2 is needed at least")
    end)

    it("is not spoken there", function()
      local plain = raw_http.child [[
        local server = require("socket").bind("127.0.0.1", 0)
        print((select(2, server:getsockname())))
        io.stdout:flush()
        local client = server:accept()
        client:send "HTTP/1.1 400 Bad Request\r\n\r\n"
        client:receive "*a"
      ]]
      local found = examine({}, {base_url = "https://127.0.0.1:" .. plain.line()})
      plain.finish()
      assert_found(found.tls, "fail", "^TLS handshake with")
      assert_found(found.tls, "fail", "what answers there speaks no TLS")
    end)

    it("is not verified when that is wanted", function()
      local found = tls_with("-cert good.pem", {insecure = true})
      assert_found(found.tls, "warn", "not verified, because of insecure")
    end)
  end)

  describe("clock", function()
    local function found_with(offset_s)
      local host = world.host {time = function() return core.time() + offset_s end}
      return examine({}, {host = host}).clock
    end

    it("is the same within what a Date can tell", function()
      assert_found(found_with(0), "ok", "^the same as the service's, within %d+ s$")
    end)

    it("may differ by a minute", function()
      assert_found(found_with(-30), "ok", "^ours is %d+ s behind the service's")
      assert_found(found_with(-7200), "warn", "^ours is %d+ min behind the service's")
      assert_found(found_with(864000), "warn", "^ours is 10 days ahead of the service's")
      assert.matches("NTP", found_with(7200).hint)
    end)

    it("cannot be told without a usable Date", function()
      for _, headers in ipairs {{Date = "yesterday"}, {Age = "600"}} do
        assert_found(examine({faults = {{headers = headers}}}).clock, "unknown", "no Date")
      end
    end)
  end)

  describe("token", function()
    it("is missing", function()
      local found, result = examine {token = "abc"}
      assert_found(found.address, "ok", "wants a token %(HTTP 401%)")
      assert_found(found.token, "fail", "none given, and the service wants one")
      assert.matches("OC_TOKEN, or OC_TENANT_ID", found.token.set[1].env)
      assert_found(found.page_base, "skipped", "not checked, because of token")
      assert.equal(1, result.requests)
    end)

    it("is refused by Entra, and the code says what to check", function()
      local function refused(changes)
        return examine({client_id = "app", client_secret = "s3cr3t-value"}, {auth = credentials(changes)}).token
      end
      local finding = refused {client_secret = "wr0ng"}
      assert_found(finding, "fail", "^Entra refuses: AADSTS7000215 invalid_client %(HTTP 401%)$")
      assert.same({{env = "OC_CLIENT_SECRET"}}, finding.set)
      assert.is_nil((finding.found .. finding.hint):find "wr0ng")
      assert.same({{env = "OC_CLIENT_ID"}}, refused({client_id = "else"}).set)
      assert.same({{env = "OC_SCOPE"}}, refused({scope = "api://x"}).set)
      assert.same({{env = "OC_TENANT_ID"}}, refused({tenant_id = "_"}).set)
      assert.equal("AADSTS7000215", finding.facts.entra)
    end)

    it("is refused in words that hold the secret, which nobody is shown", function()
      local finding = examine({client_id = "app", faults = {{path = "token", status = 400,
        body = '{"error":"s3cr3t-value"}'}}}, {auth = credentials()}).token
      assert_found(finding, "fail", "^Entra refuses: %(hidden%) %(HTTP 400%)$")
    end)

    it("cannot be asked for", function()
      local found = examine({client_id = "app"}, {auth = credentials {authority = "http://127.0.0.1:1"}})
      assert_found(found.token, "fail", "^cannot ask for a token: cannot connect")
      assert.matches("OC_AUTHORITY", found.token.hint)
      found = examine({client_id = "app", faults = {{path = "token", status = 503}}}, {auth = credentials()})
      assert_found(found.token, "fail", "^cannot ask for a token: HTTP 503")
      found = examine({token = "x"}, {auth = function() return nil, "the vault is locked" end})
      assert_found(found.token, "fail", "^the vault is locked")
    end)

    it("is fresh, and refused by the service", function()
      local found = examine({client_id = "app", token_uses = 0}, {auth = credentials()})
      assert_found(found.token, "fail", "^Entra gives one, but the service refuses it %(HTTP 401%)")
      assert.same({{env = "OC_SCOPE"}}, found.token.set)
      local challenge = 'Bearer error="invalid_token", error_description="The audience is invalid"'
      found = examine({client_id = "app", faults = {{status = 401, headers = {["WWW-Authenticate"] = challenge}}}},
        {auth = credentials()})
      assert_found(found.token, "fail", "%(HTTP 401%): it is for another audience$")
      found = examine({client_id = "app", faults = {{attempt = 2, status = 403}}}, {auth = credentials()})
      assert_found(found.token, "fail", "forbids the leads %(HTTP 403%)")
    end)

    it("is given, and refused", function()
      local found = examine({token = "abc"}, {auth = oc.auth.bearer "abd"})
      assert_found(found.token, "fail", "^the service refuses it %(HTTP 401%)$")
      assert.same({{env = "OC_TOKEN"}}, found.token.set)
      -- {"exp":1000000000} and {"exp":4102444800}
      local old, new = "e30.eyJleHAiOjEwMDAwMDAwMDB9.c2ln", "e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"
      found = examine({token = "abc"}, {auth = oc.auth.bearer(old)})
      assert_found(found.token, "fail", "^it expired %d+ days ago %(HTTP 401%)")
      found = examine({token = new}, {auth = oc.auth.bearer(new)})
      assert_found(found.token, "ok", "^works, and is good for %d+ days$")
    end)

    it("works, with its lifetime", function()
      local found, result = examine({client_id = "app", leads = 50, token_lifetime_s = 3599}, {auth = credentials()})
      assert_found(found.token, "ok", "^works, and is good for 60 min$")
      assert.is_true(result.ok)
      assert.equal(1, server:journal().tokens_issued) -- one for all requests
      assert_found(examine({}, {auth = oc.auth.bearer "abc"}).token, "ok", "^works; the service asks for none$")
      assert_found(examine().token, "ok", "^none given, and none is needed$")
    end)

    it("says when what comes with it is no page of leads", function()
      local found = examine({token = "abc", faults = {{attempt = 2, status = 404, body = "<html>",
        content_type = "text/html"}}}, {auth = oc.auth.bearer "abc"})
      assert_found(found.token, "fail", "^cannot tell: HTTP 404 with a web page")
      found = examine({token = "abc", faults = {{attempt = 2, status = 400, body = '{"title":"Bad tenant"}'}}},
        {auth = oc.auth.bearer "abc"})
      assert_found(found.token, "fail", "^cannot tell: HTTP 400 from [%d.:]+ %(Bad tenant%)")
    end)
  end)

  describe("first page", function()
    local function base(settings, page_base)
      settings.leads = settings.leads or 50
      return examine(settings, {page_base = page_base}).page_base
    end

    local cases = {
      {"is refused at 0", {}, 1, "page 0 is refused %(HTTP 400%)"},
      {"is clamped", {page_zero = "clamp"}, 1, "page 0 is answered with page 1"},
      {"is empty at 0", {page_zero = "empty"}, 1, "page 0 is empty, page 1 is not"},
      {"is 0", {page_base = 0}, 0, "page 0 holds leads of its own"},
      {"is 0 with one page only", {page_base = 0, leads = 3}, 0, "page 0 holds leads, page 1 none %(empty%)"},
      {"is 0 with a 404 behind it", {page_base = 0, leads = 3, end_status = 404}, 0,
        "page 0 holds leads, page 1 none %(HTTP 404%)"},
      {"is clamped with one page only", {page_zero = "clamp", leads = 1}, 1, "page 0 is answered with page 1"},
      {"fails at 0", {page_zero = "clamp", faults = {{page = 0, status = 500}}}, 1, "page 0 is refused %(HTTP 500%)"},
    }
    for _, case in ipairs(cases) do
      it(case[1], function()
        local finding = base(case[2], case[3])
        assert_found(finding, "ok", ("^%d: "):format(case[3]) .. case[4])
        finding = base(case[2], 1 - case[3])
        assert_found(finding, "fail", ("^%d, but page_base is %d: every run "):format(case[3], 1 - case[3]))
        assert.same({{name = "page_base", value = case[3]}}, finding.set)
      end)
    end

    it("says what a wrong number costs", function()
      assert.matches("misses the first page, without a word", base({page_base = 0}, 1).found)
      assert.matches("fails at page 0", base({}, 0).found)
      assert.matches("reads the first page twice", base({page_zero = "clamp"}, 0).found)
      assert.matches("ends at page 0 with nothing", base({page_zero = "empty"}, 0).found)
    end)

    it("cannot be told without leads, unless page 0 is refused", function()
      local finding = base({leads = 0, page_base = 0}, 1)
      assert_found(finding, "unknown", "there are no leads to tell by")
      assert.matches("page_base is 1 now", finding.hint)
      assert_found(base({leads = 0}, 1), "ok", "^1: page 0 is refused")
    end)

    it("cannot be told when a page does not come, or the order changes", function()
      local found = examine {leads = 50, page_zero = "clamp", faults = {{page = 2, times = 2, status = 500}}}
      assert_found(found.page_base, "unknown", "page 2: HTTP 500")
      found = examine {page_zero = "clamp", faults = {{page = 0, body = '[{"id":"a"},{"id":"b"}]'},
        {page = 1, body = '[{"id":"b"},{"id":"c"}]'}}}
      assert_found(found.page_base, "unknown", "some of the same leads")
    end)

    it("is not taken for 0 because page 0 is something else", function()
      for _, ids in ipairs {"ab", "abcdef"} do
        local body = "[" .. ids:gsub(".", '{"id":"%0"},'):sub(1, -2) .. "]"
        local found = examine {leads = 50, page_zero = "clamp", faults = {{page = 0, body = body}}}
        assert_found(found.page_base, "unknown", "pages 0 and 1 hold different leads, but together")
      end
      local found = examine {leads = 50, page_base = 0, page_cap = 3}
      assert_found(found.page_base, "fail", "^0, but")
    end)

    it("is no question when the page number is ignored", function()
      local found, result = examine {leads = 50, ignore_page = true, page_zero = "clamp"}
      assert_found(found.page_base, "fail", "pages 0, 1 and 2 hold the same 5 leads: the service ignores")
      assert.matches("param_names", found.page_base.hint)
      assert_found(found.page_size, "skipped", "because of first page")
      assert.is_false(result.ok)
    end)

    it("is compared by whole leads where they have no id", function()
      local function body(...)
        local texts = {}
        for i, name in ipairs {...} do texts[i] = ('{"name":"%s"}'):format(name) end
        return "[" .. table.concat(texts, ",") .. "]"
      end
      local found = examine {page_zero = "empty", faults = {{page = 0, body = body("a", "b")},
        {page = 1, body = body("c", "d")}}}
      assert_found(found.page_base, "fail", "^0, but")
    end)
  end)

  describe("largest page", function()
    it("is capped", function()
      local found = examine({leads = 500, page_cap = 100}).page_size
      assert_found(found, "warn", "^at most 100 leads, whatever is asked for")
      assert.same({{name = "page_size", value = 100}}, found.set)
      found = examine({leads = 500, page_cap = 300}).page_size
      assert_found(found, "ok", "^at most 300 leads")
      found = examine({leads = 500, page_cap = 100, page_base = 0}).page_size
      assert_found(found, "warn", "^at most 100 leads")
    end)

    it("is not capped, or there are too few leads to tell", function()
      local found, result = examine({leads = 500}, {}, {page_size = 300})
      assert_found(found.page_size, "ok", "^no cap up to 300: as many came")
      assert.equal(300, #result.sample)
      assert_found(examine({leads = 500}).page_size, "ok", "^no cap is seen: there are 500 leads")
      assert_found(examine({leads = 500, end_status = 404}).page_size, "ok", "^no cap is seen: there are 500 leads")
      assert_found(examine({leads = 0}).page_size, "unknown", "there are no leads")
    end)

    it("does not come in time, and a smaller one does", function()
      local gateway = {page = 1, attempt = 3, status = 504, body = "<html>", content_type = "text/html"}
      local found, result = examine {leads = 3000, faults = {gateway}}
      assert_found(found.page_size, "warn", "^no page of 20,000 leads: a gateway gave up waiting %(HTTP 504%) after")
      assert.matches("when 2,000 leads were asked for, 2,000 leads came", found.page_size.hint)
      assert.same({{name = "page_size", value = 2000}}, found.page_size.set)
      assert.is_true(result.ok)
      found = examine({leads = 3000, faults = {gateway}}, {}, {page_size = 1000})
      assert_found(found.page_size, "fail", "^no page of 1,000 leads")
      assert.same({{name = "page_size", value = 100}}, found.page_size.set)
      gateway.attempt, gateway.times = nil, nil
      found = examine {leads = 3000, faults = {{page = 1, attempt = 1}, {page = 1, attempt = 2}, gateway}}
      assert_found(found.page_size, "warn", "HTTP 504")
      assert.matches("one of 2,000 leads did not come either", found.page_size.hint)
      assert.same({{name = "page_size", value = 200}}, found.page_size.set)
      assert.equal(2, server:journal().requests[#server:journal().requests].page) -- later checks go on
    end)

    it("is refused, and the service says how much it gives", function()
      local refusal = {page = 1, attempt = 3, status = 400,
        body = '{"title":"x","errors":{"PageSize":["The field PageSize must be between 1 and 1000."]}}'}
      local found = examine {leads = 3000, faults = {refusal}}
      assert_found(found.page_size, "warn", "no page of 20,000 leads: HTTP 400 after [%d.]+ s %(The field PageSize")
      assert.same({{name = "page_size", value = 1000}}, found.page_size.set)
      assert.matches("when 1,000 leads were asked for, 1,000 leads came", found.page_size.hint)
    end)

    it("runs into a timeout of ours", function()
      local found = examine({leads = 300}, {host = host_failing_at(4, "timeout")}).page_size
      assert_found(found, "warn", "^no page of 20,000 leads: time ran out %(timeout at request 4%) after")
      found = examine({leads = 300, faults = {{page = 1, attempt = 3, status = 408}}}).page_size
      assert_found(found, "warn", "^no page of 20,000 leads: HTTP 408 after")
    end)

    it("is larger than asked for", function()
      local found = examine({leads = 50, faults = {{page = 1, attempt = 3,
        body = "[" .. ('{"a":1},'):rep(20) .. '{"a":1}]'}}}, {}, {page_size = 20}).page_size
      assert_found(found, "warn", "21 leads came when 20 were asked for: the service ignores the page size")
    end)

    it("is counted without being kept", function()
      local _, result = examine({leads = 2000}, {}, {page_size = 2000})
      assert.equal(500, #result.sample)
      assert.equal(2000, result.findings[6].facts.count)
    end)
  end)

  describe("past the end", function()
    it("is an empty page, a 404, the last page again, or a fault", function()
      assert_found(examine({leads = 50}).past_end, "ok", "^an empty page$")
      assert_found(examine({leads = 50, end_status = 404}).past_end, "ok", "^HTTP 404")
      local again = '[{"id":"x"}]'
      local found = examine {leads = 500, page_cap = 100, faults = {{page = 1000000, body = again}}}
      assert_found(found.past_end, "warn", "the last page is given again")
      found = examine {leads = 500, page_cap = 100, faults = {{page = 1000000, status = 500}}}
      assert_found(found.past_end, "warn", "neither an empty page nor HTTP 404: HTTP 500")
    end)
  end)

  it("parameters bind in other spellings, or do not", function()
    assert_found(examine({leads = 50}).names, "ok", "^bind whatever their case$")
    assert_found(examine({leads = 50, exact_names = true}).names, "ok", "^bind only as they are documented")
    assert_found(examine({leads = 50, page_base = 0}).names, "ok", "^bind whatever their case$")
    assert_found(examine({leads = 2}).names, "unknown", "too few leads")
    assert_found(examine({leads = 50}, {param_names = {page_size = "Size"}}).names, "warn", "ignores the page size")
  end)

  it("body has a shape, compressed or not", function()
    for shape, pattern in pairs {
      array = "^an array of leads$", nested = "^lists of leads within an array$", items = "leads in items$",
      data = "leads in data; before it currentPage, pageSize, totalPages, totalRecords$", value = "leads in value$",
    } do
      assert_found(examine({leads = 50, shape = shape, pretty = true}).body, "ok", pattern)
    end
    assert_found(examine({leads = 50}).compression, "ok", "^gzip: [%d,]+ bytes came as [%d,]+$")
    assert_found(examine({leads = 50, gzip = false}).compression, "ok", "^none, though it was asked for")
    assert_found(examine({leads = 50}, {compress = false}).compression, "ok", "^not asked for")
  end)

  it("sends no more requests than it says, whatever happens", function()
    local _, result = examine({token = "abc", faults = {{status = 307, headers = {Location = "/api/v2/oc/lead"}}}})
    assert.is_true(result.requests <= doctor.MOST_REQUESTS)
    assert.is_false(result.ok)
    local recorder = require "oc.doctor.recorder"
    local host = recorder.new(world.host(), 2)
    for _ = 1, 2 do assert(host:open {url = server.url}):close() end
    local opened, err = host:open {url = server.url}
    assert.is_nil(opened)
    assert.equal("limit", err.kind)
  end)

  it("stops when it is interrupted, with no finding made of it", function()
    server:configure {leads = 50}
    local told, host = 0, host_failing_at(3, "cancelled")
    local result, err = doctor.examine({base_url = server.url, auth = false, host = host, log = false},
      {on_finding = function() told = told + 1 end})
    assert.is_nil(result)
    assert.equal("cancelled", err.kind)
    assert.equal(4, told)
  end)

  describe("profile", function()
    local function rows_of(text)
      local rows = {}
      for _, row in ipairs(profile.of(assert(oc.decode(text, {nulls = "null"}))).rows) do
        local forms = {}
        for i, form in ipairs(row.forms) do forms[i] = form.form .. " " .. form.count end
        rows[row.path] = table.concat(forms, ", ")
        if row.hidden then rows[row.path .. " hidden"] = row.hidden end
        if not row.known then rows[row.path .. " unknown"] = true end
      end
      return rows
    end

    it("tells null, empty and there apart, and the forms of texts", function()
      local rows = rows_of [==[[
        {"comments":null,"consentedOn":"2021-12-21T13:50:02.7271943Z","ovocChannelId":0,"isDirectLead":false},
        {"comments":[],"consentedOn":"0001-01-01T00:00:00","ovocChannelId":907,
          "id":"f825e66a-0e07-4d58-9fb3-271f092ceadc"},
        {"comments":["x"],"consentedOn":"2021-12-21T13:50:02+00:00","ovocChannelId":1.5,"status":"Active"},
        {"comments":{},"consentedOn":"soon","status":"Contoso"}]]==]
      assert.equal("array 1, empty array 1, empty object 1, null 1", rows.comments)
      assert.equal("date, +00:00, 0 digits 1, date, Z, 7 digits 1, date, no zone, 0 digits, year 1 1, text 1",
        rows.consentedOn)
      assert.equal("0 1, integer 1, number 1", rows.ovocChannelId)
      assert.equal("GUID 1", rows.id)
      assert.equal('"Active" 1, text 1', rows.status)
      assert.equal("false 1", rows.isDirectLead)
      assert.equal("text 1", rows["comments[]"])
    end)

    it("names unknown keys, but none that may be data", function()
      local rows = rows_of [==[[
        {"tags":{"contoso":1,"kind":1},"a@b.example":1,"f825e66a-0e07-4d58-9fb3-271f092ceadc":1,"once":1},
        {"tags":{"fabrikam":1,"kind":1},"a@b.example":1,"4255550100":1},
        {"tags":{"litware":1,"kind":1},"Contoso Ltd":1},{"tags":{"contoso":1}, "Contoso Ltd":1},
        {"tags":{"northwind":1}}]]==]
      assert.is_true(rows["tags unknown"])
      assert.equal("integer 3", rows["tags.kind"])
      assert.equal(4, rows["tags hidden"])
      assert.equal(5, rows[" hidden"])
      for path in pairs(rows) do
        assert.is_nil(path:find "contoso" or path:find "Contoso" or path:find "@" or path:find "%d%d%d")
      end
    end)

    it("says how leads stand", function()
      local function order(...)
        local leads = {}
        for i, text in ipairs {...} do leads[i] = {consentedOn = text, id = text} end
        return profile.of(leads).order.consentedOn
      end
      assert.equal("rising", order("2021-01-01T00:00:00Z", "2021-01-01T00:00:00.05Z", "2021-01-01T00:00:00.1Z"))
      assert.equal("falling", order("2022-01-01T00:00:00Z", "2021-01-01T00:00:00.5Z", "2021-01-01T00:00:00.1Z"))
      assert.equal("neither", order("2022-01-01T00:00:00Z", "2021-01-01T00:00:00.5Z", "2023-01-01T00:00:00.1Z"))
      assert.is_nil(order("2022-01-01T00:00:00Z"))
    end)
  end)

  describe("transcript", function()
    local SECRETS = {
      "s3cr3t%-value", "t0k3n", "127%.0%.0%.1", "%x%x%x%x%x%x%x%x%-%x%x%x%x", "@", "4255550", "5550100", "Contoso",
      "Fabrikam", "Dana", "Levi", "Mapo", "mapo", "c0ntoso", "Secretary", "hidden", "api://", "abcd",
    }

    local function assert_clean(text)
      for _, secret in ipairs(SECRETS) do
        local from = text:find(secret)
        assert.is_nil(from, from and secret .. " in: " .. text:sub(math.max(from - 80, 1), from + 80))
      end
    end

    it("holds nothing that is secret or personal, wherever it is planted", function()
      local planted = ([==[[{"id":"f825e66a-0e07-4d58-9fb3-271f092ceadc","tenantId":"Contoso","status":"c0ntoso",
        "consentedOn":"2021-12-21T13:50:02.1Z Dana","companySize":"L1_UContoso","c0ntoso":{"Dana Levi":1},
        "dana@example.com":"dana@example.com","contactDetails":{"fullName":"Dana","4255550100":"+4255550100",
        "hidden":"hidden"},"civicAddresses":[{"description":"Secretary","Secretary":["Levi"]}],
        "consentedCountries":["Contoso","IL"]}]]==]):gsub("\n%s*", "")
      local headers = {Server = "Contoso-gw01", ["Set-Cookie"] = "hidden=s3cr3t-value", ["X-Customer"] = "Contoso",
        ["WWW-Authenticate"] = 'Bearer realm="Contoso", error_description="Dana Levi"', ETag = "Dana",
        ["Content-Type"] = "application/json; Contoso", Link = "<https://Contoso/?t0k3n>", ["Cache-Control"] = "Dana"}
      local _, result = examine({client_id = "app-t0k3n", client_secret = "s3cr3t-value", leads = 2000, page_cap = 1000,
        page_zero = "clamp", faults = {{page = 2, headers = headers},
          {page = 0, status = 302, headers = {Location = "https://Contoso.example/hidden"}},
          {page = 1, attempt = 3, status = 400, body = '{"title":"Dana Levi","errors":{"Contoso":["Secretary"]}}',
            headers = headers}, {page = 1000000, body = planted, headers = headers}}},
        {auth = credentials {client_id = "app-t0k3n"}, lead_path = "/c0ntoso/api/v2/oc/lead",
          headers = {["X-Hidden"] = "hidden-t0k3n"}, param_names = {ms_tenant_id = "hidden"}, user_agent = "Contoso"})
      local text = transcript.write(result, core.time())
      assert_clean(text)
      assert.matches("GET leads, PageNumber=1 PageSize=1, without a token", text)
      assert.matches("POST token endpoint", text)
      assert.matches("with a token", text)
      assert.matches("location: %(there%)", text)
      -- planted in what is looked at closely, too
      local _, odd = examine({faults = {{body = planted, headers = headers}}}, {base_url = server.url .. "/c0ntoso"})
      assert.equal(1, #odd.sample)
      text = transcript.write(odd, core.time())
      assert_clean(text)
      assert.matches("server: %(another%)", text)
      assert.matches("keys that are not shown: 2", text)
      for _, status in ipairs {302, 400, 401, 404, 500} do
        local _, refused = examine({faults = {{status = status, body = "<html>Dana Levi Contoso",
          headers = {Location = "https://Contoso.example/hidden", ["WWW-Authenticate"] = "Contoso"}}}})
        assert_clean(transcript.write(refused, core.time()))
      end
    end)

    it("settles what the documentation leaves open", function()
      local _, result = examine {leads = 1000, page_base = 0, end_status = 404, shape = "data"}
      local text = transcript.write(result, 0)
      for _, pattern in ipairs {
        "doctor " .. oc._VERSION:gsub("%p", "%%%0") .. ", 1970%-01%-01", "first_page=0", "page_0=5 page_1=5",
        "past the end: count=0 page=1000 status=404", "page_in_lower_case=true", "shape=data",
        "keys_before=currentPage,pageSize,totalPages,totalRecords", "gzip", "begins with {",
        "civicAddresses: array %d+, empty array %d+, null %d+", "date, Z, 7 digits", "not documented",
        "order by id: neither",
        "ovocChannelId: 0 %d+, integer %d+, null %d+", 'isDefault: "false" %d+, "true" %d+', "size L…_U…",
      } do
        assert.matches(pattern, text)
      end
    end)

    it("is there when there was nothing to ask", function()
      local _, result = examine({}, {base_url = "Contoso t0k3n"})
      local text = transcript.write(result, 0)
      assert_clean(text)
      assert.matches("fail    address", text)
    end)
  end)
end)

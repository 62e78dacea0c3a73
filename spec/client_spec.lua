-- Clients: options, environment, tokens, and what must stay hidden.

local cjson = require "cjson"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local world = require "support.world"

local SECRET = "s3cr3t+&=/ %~x"
local TENANT = "11111111-2222-3333-4444-555555555555"

describe("oc.client", function()
  local real_getenv, environment = os.getenv, nil

  before_each(function()
    environment = {}
    os.getenv = function(name) -- luacheck: ignore 122
      if name:find "^OC_" then return environment[name] end
      return real_getenv(name)
    end
  end)
  after_each(function()
    os.getenv = real_getenv -- luacheck: ignore 122
  end)

  local function message(options)
    local ok, err = pcall(function()
      local client = oc.client(options)
      return client
    end)
    assert.is_false(ok)
    return err
  end

  it("raises for what the program got wrong, naming it", function()
    assert.matches("client_spec.lua:%d+: oc.client: option 'base_url' is missing", message {})
    assert.matches("a table of options expected, got string", message "x")
    assert.matches("unknown option 'base'", message {base = "x"})
    assert.matches("unknown option 'timeout'", message {timeout = 1})
    assert.matches("did you mean 'idle_timeout_s'%?", message {idle_timeout = 1})
    assert.matches("'base_url' has no scheme", message {base_url = "sp.example.com"})
    assert.matches("'base_url' is plain http", message {base_url = "http://sp.example.com"})
    assert.matches("'base_url'", message {base_url = "https://u:p@sp.example.com"})
    assert.matches("parameters or a fragment", message {base_url = "https://sp.example.com/?a=b"})
    assert.matches("'idle_timeout_s': number of at least 0.001 expected, got 0",
      message {base_url = "https://a.example", idle_timeout_s = 0})
    assert.matches("'max_attempts': integer from 1 to 1000 expected",
      message {base_url = "https://a.example", max_attempts = 0})
    assert.matches("'param_names': 'pages' is none of ms_tenant_id, page",
      message {base_url = "https://a.example", param_names = {pages = "p"}})
    assert.matches("'param_names': 'page' is no text",
      message {base_url = "https://a.example", param_names = {page = 1}})
    assert.matches("'user_agent': a string without control characters",
      message {base_url = "https://a.example", user_agent = "a\nb"})
    assert.matches("'lead_path': a path, .* expected, got \"a#b\"",
      message {base_url = "https://a.example", lead_path = "a#b"})
    assert.matches("'auth': .* expected, got string", message {base_url = "https://a.example", auth = "token"})
    assert.matches("'log': a function or false expected", message {base_url = "https://a.example", log = 1})
    assert.matches("'headers': \"a b\" is no header name",
      message {base_url = "https://a.example", headers = {["a b"] = "x"}})
    assert.matches("the value of X is no line of text",
      message {base_url = "https://a.example", headers = {X = "a\r\nY: b"}})
    assert.matches("Content%-Length is libcurl's business",
      message {base_url = "https://a.example", headers = {["Content-Length"] = "5"}})
    assert.matches("authorization comes from 'auth'",
      message {base_url = "https://a.example", headers = {authorization = "Bearer x"}})
  end)

  it("takes plain http on this machine, and elsewhere only as insecure, with a warning", function()
    assert(oc.client {base_url = "http://127.0.0.1:1", auth = false}):close()
    assert(oc.client {base_url = "http://localhost:1/x", auth = false}):close()
    local logged = {}
    assert(oc.client {base_url = "http://sp.example.com", auth = false, insecure = true,
      log = function(_, event) logged[#logged + 1] = event end}):close()
    assert.same({"insecure"}, logged)
  end)

  it("leaves the environment's proxy out for this machine, whichever address is the service's", function()
    local asked = {}
    local host = {open = function(_, request) asked[request.url] = request end}
    local client = assert(oc.client {base_url = "http://127.0.0.1:1", auth = false, host = host})
    client:open {url = "http://127.0.0.1:1/a"}
    client:open {url = "https://login.example.com/b"}
    client.transport.proxy = "http://proxy.example.com:3128"
    client:open {url = "http://localhost:1/c"}
    assert.equal("", asked["http://127.0.0.1:1/a"].proxy)
    assert.is_nil(asked["https://login.example.com/b"].proxy)
    assert.equal("http://proxy.example.com:3128", asked["http://localhost:1/c"].proxy)
  end)

  it("takes what is not given from the environment", function()
    environment = {OC_BASE_URL = "https://sp.example.com/tenantui", OC_IDLE_TIMEOUT_S = "7", OC_PAGE_SIZE = "50"}
    local client = assert(oc.client {auth = false})
    assert.equal("oc.client(https://sp.example.com)", tostring(client))
    assert.equal(7, client.settings.idle_timeout_s)
    assert.equal(50, client:leads().settings.page_size)
    assert.equal(60, client:leads({page_size = 60}).settings.page_size)
    client:close()
  end)

  it("gives an error for an unusable environment", function()
    local cases = {
      {"OC_BASE_URL", "http://sp.example.com"}, {"OC_IDLE_TIMEOUT_S", "soon"}, {"OC_PAGE_SIZE", "0"},
      {"OC_PAGE_SIZE", "0x10"}, {"OC_TOKEN", "a\nb"}, {"OC_USER_AGENT", "a\nb"}, {"OC_CLIENT_ID", "only"},
    }
    for _, case in ipairs(cases) do
      environment = {OC_BASE_URL = "https://sp.example.com"}
      environment[case[1]] = case[2]
      local client, err = oc.client {}
      assert.is_nil(client)
      assert.equal("options", err.kind)
      assert.matches(case[1] == "OC_CLIENT_ID" and "OC_CLIENT_SECRET" or case[1], err.message)
    end
  end)

  it("keeps credentials of the environment for the service of the environment", function()
    environment = {OC_BASE_URL = "https://sp.example.com/tenantui", OC_TOKEN = "t0ken"}
    local logged = {}
    local function open(base_url)
      return assert(oc.client {base_url = base_url, log = function(_, event) logged[#logged + 1] = event end})
    end
    assert.is_truthy(open("https://SP.example.com:443/other").auth)
    assert.same({}, logged)
    assert.is_nil(open("https://sp.example.com:8443/tenantui").auth)
    assert.is_nil(open("http://127.0.0.1:1").auth)
    assert.same({"credentials_withheld", "credentials_withheld"}, logged)
    environment.OC_BASE_URL = nil
    assert.is_truthy(open("https://other.example.com").auth)
    for _, unusable in ipairs {"sp.example.com", "https://u@sp.example.com", "://"} do
      environment.OC_BASE_URL = unusable
      local client, err = oc.client {base_url = "https://other.example.com"}
      assert.is_nil(client)
      assert.equal("options", err.kind)
      assert.matches("OC_BASE_URL", err.message)
    end
  end)
end)

describe("oc.auth", function()
  local server, client

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  after_each(function() client.host:close() end)

  local function play(options, given)
    server:configure(options)
    client = world.client(server.url, given)
  end

  local function credentials(change)
    local all = {tenant_id = TENANT, client_id = "the id", client_secret = SECRET,
      scope = "api://x/.default", authority = server.url}
    for name, value in pairs(change or {}) do all[name] = value end
    return oc.auth.client_credentials(all)
  end

  it("a bearer token is sent", function()
    play({leads = 10, token = "abc"}, {auth = oc.auth.bearer "abc"})
    assert.equal(10, #client:leads():all())
  end)

  it("a wrong bearer token is an error of kind auth, at once", function()
    play({leads = 10, token = "abc"}, {auth = oc.auth.bearer "other"})
    local _, err = client:leads {prefetch = 0}:all()
    assert.equal("auth", err.kind)
    assert.equal(401, err.status)
    assert.equal(1, #server:journal().requests)
  end)

  it("client credentials fetch one token for a run", function()
    play({leads = 50, client_id = "the id", client_secret = SECRET}, {auth = credentials()})
    assert.equal(50, #client:leads {page_size = 10, prefetch = 2}:all())
    assert.equal(50, #client:leads {page_size = 10}:all())
    local journal = server:journal()
    assert.equal(1, journal.tokens_issued)
    assert.matches("^/" .. TENANT:gsub("%-", "%%-") .. "/oauth2/v2.0/token$", journal.requests[1].path)
  end)

  it("a token that expires in mid-run is renewed, and the page repeated", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET,
      faults = {{page = 3, attempt = 1, expire_token = true}}}, {auth = credentials()})
    local leads = client:leads {page_size = 10}
    local got = assert(leads:all())
    assert.equal(60, #world.ids(got))
    assert.equal(2, server:journal().tokens_issued)
    assert.same({}, client.host.slept)
  end)

  it("twenty runs at once, each with pages asked for ahead, fetch one token, and one more when it expires", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET,
      faults = {{page = 3, attempt = 1, expire_token = true}}}, {auth = credentials()})
    local runs, got = {}, {}
    for i = 1, 20 do runs[i], got[i] = client:leads {page_size = 10, prefetch = 2}, {} end
    for _ = 1, 61 do
      for i, leads in ipairs(runs) do
        local lead, err = leads:next()
        assert.is_nil(err)
        got[i][#got[i] + 1] = lead
      end
    end
    for i, leads in ipairs(runs) do
      assert.equal(60, #world.ids(got[i]))
      assert.is_true(leads:result().complete)
    end
    assert.equal(2, server:journal().tokens_issued)
  end)

  it("a token that is always refused is an error after one renewal", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET,
      faults = {{page = 3, expire_token = true}}}, {auth = credentials()})
    local _, err = client:leads {page_size = 10, prefetch = 0}:all()
    assert.equal("auth", err.kind)
    assert.equal(3, err.page)
    assert.equal(20, #err.partial)
    assert.equal(2, server:journal().tokens_issued)
  end)

  it("a token is renewed before it expires", function()
    local ahead = 0
    local host = world.host {now = function() return 1000 + ahead end}
    play({leads = 60, client_id = "the id", client_secret = SECRET, token_lifetime_s = 100},
      {auth = credentials(), host = host})
    assert.equal(60, #client:leads():all())
    ahead = 89
    assert.equal(60, #client:leads():all())
    assert.equal(1, server:journal().tokens_issued)
    ahead = 91
    assert.equal(60, #client:leads():all())
    assert.equal(2, server:journal().tokens_issued)
  end)

  it("deadline_s bounds a token endpoint that does not answer", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET, faults = {{path = "token", latency_s = 30}}},
      {auth = credentials(), deadline_s = 0.2})
    local _, err = client:leads():all()
    assert.equal("timeout", err.kind)
    assert.matches("^cannot get a token: ", err.message)
    assert.equal(1, #server:journal().requests)
  end)

  it("a token that another request has renewed meanwhile is not renewed again", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET}, {auth = credentials()})
    local old = assert(client:authorization())
    client.session.token = nil
    local new = assert(client:authorization())
    assert.are_not.equal(old, new)
    assert.is_true(client:renew(old))
    assert.equal(new, client:authorization())
    assert.equal(2, server:journal().tokens_issued)
  end)

  it("retry_after_cap_s does not bound our own waits for a token", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET,
      faults = {{path = "token", times = 1, status = 500}}}, {auth = credentials(), retry_after_cap_s = 0})
    assert.equal(60, #client:leads():all())
  end)

  it("Entra's code is in the message, and the secret is nowhere", function()
    play({leads = 60, client_id = "the id", client_secret = "another"}, {auth = credentials()})
    local _, err = client:leads():all()
    assert.equal("auth", err.kind)
    assert.matches("AADSTS7000215", err.message)
    assert.equal(401, err.status)
    assert.is_string(err.trace_id)
    local text = tostring(err) .. tostring(client) .. tostring(client.auth)
    for name, value in pairs(err) do text = text .. name .. tostring(value) end
    assert.is_nil(text:find("s3cr3t", 1, true))
  end)

  it("the token endpoint's passing faults are retried", function()
    play({leads = 60, client_id = "the id", client_secret = SECRET,
      faults = {{path = "token", times = 1, status = 503}}}, {auth = credentials()})
    assert.equal(60, #client:leads():all())
    assert.equal(1, #client.host.slept)
    client.host:close()
    play({leads = 60, client_id = "the id", client_secret = SECRET, faults = {{path = "token", status = 503}}},
      {auth = credentials(), max_attempts = 2})
    local _, err = client:leads():all()
    assert.equal("http", err.kind)
    assert.equal(2, err.attempts)
    assert.matches("^cannot get a token: HTTP 503", err.message)
  end)

  it("a function gives tokens too, and its failure is told", function()
    local calls = 0
    play({leads = 60, token = "abc"}, {auth = function()
      calls = calls + 1
      return "abc", 3600
    end})
    assert.equal(60, #client:leads {page_size = 10}:all())
    assert.equal(1, calls)
    client.host:close()
    play({leads = 60, token = "abc"}, {auth = function() return nil, "the vault is shut" end})
    local _, err = client:leads():all()
    assert.equal("auth", err.kind)
    assert.matches("cannot get a token: the vault is shut", err.message)
    client.host:close()
    play({leads = 60, token = "abc"}, {auth = function() return "a\r\nX: b" end})
    assert.matches("cannot be sent in a header", select(2, client:leads():all()).message)
  end)

  it("raises for what the program got wrong, and shows no secret", function()
    play {leads = 10}
    local function message(f, ...) return select(2, pcall(f, ...)) end
    assert.matches("'token': a string that is not empty", message(oc.auth.bearer, ""))
    assert.matches("what cannot be sent in a header", message(oc.auth.bearer, " "))
    assert.matches("begins with Bearer", message(oc.auth.bearer, "Bearer abc"))
    assert.matches("'token' holds a control character", message(oc.auth.bearer, "abc\n"))
    assert.matches("'client_secret': a string that is not empty expected, got nil",
      message(oc.auth.client_credentials, {tenant_id = "a", client_id = "b", scope = "c"}))
    assert.matches("unknown field 'secret'", message(credentials, {secret = SECRET}))
    assert.matches("authority is plain http", message(credentials, {authority = "http://login.example.com"}))
    assert.equal("oc.auth.bearer(hidden)", tostring(oc.auth.bearer("s3cr3t")))
    assert.equal("oc.auth.client_credentials(hidden)", tostring(credentials()))
    assert.is_nil(cjson.encode({tostring(credentials())}):find("s3cr3t", 1, true))
  end)
end)

-- Secrets: planted in every option that may hold one, in every row of the table of faults and before servers that send
-- back all they were sent; then looked for in everything that a program, a log or a terminal gets to see.

local cjson = require "cjson"
local conceal = require "oc.conceal"
local fault_stage = require "support.fault_stage"
local faults = require "support.faults"
local http = require "support.raw_http"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local wire_server = require "support.wire_server"
local world = require "support.world"

local TOKEN = "eyJ0b2tlbg.QmVhcmVy-t0k3n~planted+/x=="
local CLIENT_SECRET = "cl13nt s3cr3t/&<\"'+=%~planted"
local HEADER_VALUE = "api-k3y-planted/1"
local PROXY_PASSWORD = "pr0xy-p&ss-planted"
local KEY_PASSWORD = "k3y-p4ss-planted"
local EMAIL, PHONE = "dana.levi@contoso.example", "+972 54 123 4567"
local BASIC = conceal.base64("user:" .. PROXY_PASSWORD)

-- Each ends, or holds, what no other text does.
local TRACES = {"planted", "t0k3n", "s3cr3t", "k3y", "pr0xy", "p4ss", BASIC:sub(1, 12), "UGxhbnRlZA"}

-- All texts of a value, keys included, each with where it was.
local function walk(value, where, seen, visit)
  if type(value) == "string" then return visit(value, where) end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  for name, inner in pairs(value) do
    walk(name, where .. " key", seen, visit)
    walk(inner, where .. "." .. tostring(name), seen, visit)
  end
end

local function assert_clean(value, where)
  walk(value, where, {}, function(text, at)
    for _, trace in ipairs(TRACES) do
      assert(not text:lower():find(trace:lower(), 1, true), ("%s gives a secret away: %s"):format(at, text))
    end
  end)
end

-- Where people may be: in leads, and in the body of an error.
local function assert_no_persons(value, where)
  walk(value, where, {}, function(text, at)
    if at:find "^err%.partial" or at:find "^err%.body" then return end
    for _, person in ipairs {"@contoso", "@fabrikam", "54 123", "Dana"} do
      assert(not text:find(person, 1, true), ("%s gives a person away: %s"):format(at, text))
    end
  end)
end

-- What was written to standard error meanwhile.
local function with_stderr(f)
  local real, lines = io.stderr, {}
  -- luacheck: push ignore 122
  io.stderr = {write = function(_, ...) lines[#lines + 1] = table.concat {...} end}
  local ok, problem = pcall(f)
  io.stderr = real
  -- luacheck: pop
  if not ok then error(problem, 0) end
  return lines
end

local function credentials(url)
  return oc.auth.client_credentials {tenant_id = "contoso.example", client_id = "app", client_secret = CLIENT_SECRET,
    scope = "api://x/.default", authority = url}
end

local HEADERS = {["X-Api-Key"] = HEADER_VALUE, Accept = "application/json"}

describe("secrets in fault", function()
  local child, bodies, stage

  setup(function()
    child = sandbox_child.start()
    bodies = fault_stage.pages(child)
  end)
  teardown(function() child:close() end)
  after_each(function()
    if stage then stage.close() end
    stage = nil
  end)

  faults.each(function(row, title)
    if row.outcome then return end
    it(title .. ": " .. row.name .. ", stay hidden", function()
      local given = {headers = HEADERS, client_key_password = KEY_PASSWORD}
      if not row.token and not row.auth and not (row.given or {}).auth then given.auth = oc.auth.bearer(TOKEN) end
      if row.token then given.auth = credentials end
      stage = fault_stage.set(child, bodies, row, {given = given})
      local err
      local lines = with_stderr(function()
        err = select(2, stage.client:leads {page_size = faults.PAGE_SIZE, prefetch = 0}:all())
      end)
      assert.equal(row.kind, err.kind)
      assert_clean({tostring(err), tostring(stage.client), tostring(stage.client.auth)}, "tostring")
      assert_clean(err, "err")
      assert_clean(stage.logged, "log")
      assert_clean(stage.retries, "on_retry")
      assert_clean(stage.page_infos, "on_page")
      assert_clean(lines, "standard error")
      assert_no_persons(err, "err")
      assert_no_persons({tostring(err), stage.logged, stage.retries, stage.page_infos, lines}, "the rest")
    end)
  end)
end)

describe("a server that sends back what it was sent", function()
  local server, client

  after_each(function()
    client.host:close()
    server:close()
    http.finish()
  end)

  -- What `echo` makes of a request, to a client with all the secrets; the error, retries, log.
  local function fail_with(echo, given)
    local seen = {}
    server = wire_server.new(function(request)
      seen[#seen + 1] = request.bytes
      return echo(request)
    end)
    local retries = {}
    local all = {auth = oc.auth.bearer(TOKEN), headers = HEADERS, client_key_password = KEY_PASSWORD, max_attempts = 2,
      host = wire_server.host {server}, on_retry = function(info) retries[#retries + 1] = info end}
    for name, value in pairs(given or {}) do all[name] = value end
    if all.auth == credentials then all.auth = credentials(server.url) end
    local made, logged = world.client(all.base_url or server.url, all)
    client = made
    local _, err = client:leads {prefetch = 0}:all()
    assert(oc.is_error(err))
    assert_clean({tostring(err), tostring(client), tostring(client.auth), retries, logged}, "the rest")
    assert_clean(err, "err")
    assert(all.proxy or table.concat(seen):find("planted", 1, true), "nothing was planted")
    return err
  end

  local function json_escaped(text) return (text:gsub("[^%w]", function(c) return ("\\u%04x"):format(c:byte()) end)) end
  local function url_escaped(text) return (text:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end)) end
  local function html_escaped(text) return (text:gsub("[^%w]", function(c) return ("&#%d;"):format(c:byte()) end)) end

  local function echo_as(status, escape)
    return function(request) return wire_server.reply(status, escape(request.bytes)) end
  end

  for name, escape in pairs {
    ["as it was"] = function(text) return text end,
    ["as JSON"] = cjson.encode,
    ["as JSON with escapes"] = json_escaped,
    ["as an address"] = url_escaped,
    ["as HTML"] = html_escaped,
    ["in capitals behind a form"] = function(text) return "a=b&" .. url_escaped(text):gsub("%%%x%x", string.upper) end,
  } do
    it(name .. ", in a body, gets it hidden", function()
      for _, status in ipairs {"400 Bad", "503 Busy", "401 No"} do
        local err = fail_with(echo_as(status, escape))
        assert.matches("%(hidden%)", err.body)
        client.host:close()
        server:close()
      end
      fail_with(echo_as("400 Bad", escape))
    end)
  end

  it("in a body that ends in the middle of it, gets what there is hidden", function()
    for cut = 1, #TOKEN do
      local err = fail_with(function() return wire_server.reply("400 Bad", ("x"):rep(2048 - cut) .. TOKEN) end)
      assert.equal(cut >= 4 and "(hidden)" or TOKEN:sub(1, cut), err.body:sub(2048 - cut + 1))
      client.host:close()
      server:close()
    end
    fail_with(echo_as("400 Bad", json_escaped))
  end)

  it("in a text that ends in the middle of one character's escape, gets what there is hidden", function()
    for _, escape in ipairs {json_escaped, url_escaped, html_escaped} do
      local text, hide = escape(TOKEN), conceal.new {TOKEN}
      for cut = #escape(TOKEN:sub(1, 4)), #text do assert.equal("(hidden)", hide(text:sub(1, cut))) end
    end
    assert.equal("eyJ0 %", conceal.new {TOKEN} "eyJ0 %")
  end)

  it("in problem JSON, gets it hidden in title, trace and fields, names of fields too", function()
    local err = fail_with(function(request)
      local token = request.headers.authorization
      return wire_server.reply("400 Bad", cjson.encode {title = "no " .. token .. " for " .. EMAIL .. ", " .. PHONE,
        traceId = token, errors = {[token] = {token, HEADER_VALUE, {deep = token}}, Name = {"ask " .. EMAIL}}})
    end)
    assert.equal("no Bearer (hidden) for (hidden), (hidden)", err.title)
    assert.equal("Bearer (hidden)", err.trace_id)
    assert.same({["Bearer (hidden)"] = {"Bearer (hidden)", "(hidden)", {deep = "Bearer (hidden)"}},
      Name = {"ask (hidden)"}}, err.fields)
  end)

  it("in headers and their names, is not heard", function()
    fail_with(function() return wire_server.reply("400 Bad", "no", ("%s: %s\r\nRetry-After: %s\r\n"):format(
      TOKEN:gsub("[^%w]", "-"), TOKEN, TOKEN)) end)
    client.host:close()
    server:close()
    fail_with(function() return "HTTP/1.1 400 " .. TOKEN .. "\r\nContent-Length: 0\r\n\r\n" end)
    client.host:close()
    server:close()
    fail_with(function() return "HTTP/1.1 200 OK\r\nContent-Length: " .. TOKEN .. "\r\n\r\n[]", "close" end)
    client.host:close()
    server:close()
    fail_with(function() return "HTTP/1.1 200 OK\r\nContent-Encoding: " .. TOKEN .. "\r\n\r\n[]", "close" end)
    client.host:close()
    server:close()
    fail_with(function() return TOKEN .. "\r\n", "close" end)
  end)

  it("in the path of a redirect, gets it hidden in the address", function()
    local err = fail_with(function(request)
      if request.target:find "planted" then return wire_server.reply("400 Bad", "no") end
      return wire_server.reply("302 Found", "", "Location: /" .. TOKEN .. "/" .. HEADER_VALUE .. "\r\n")
    end)
    assert.equal(server.url .. "/(hidden)/(hidden)", err.url)
    client.host:close()
    server:close()
    fail_with(function() return wire_server.reply("302 Found", "", "Location: https://" .. TOKEN .. "@x/\r\n") end)
  end)

  it("loses no word that is only the short value of a header", function()
    local err = fail_with(function() return wire_server.reply("400 Bad", "no page") end,
      {headers = {["X-Team"] = "page", ["X-Key"] = HEADER_VALUE, ["Accept-Language"] = "planted-page"}})
    assert.matches("^cannot read page 1: HTTP 400", err.message)
    assert.equal("no page", err.body)
  end)

  it("and is the token endpoint, gets it hidden", function()
    local err = fail_with(function(request)
      local secret = request.body:match "client_secret=([^&]*)"
      return wire_server.reply("400 Bad", cjson.encode {error = CLIENT_SECRET, trace_id = CLIENT_SECRET,
        error_description = "AADSTS7000215: " .. CLIENT_SECRET .. secret})
    end, {auth = credentials})
    assert.equal("cannot get a token: AADSTS7000215 (HTTP 400)", err.message)
    assert.equal("(hidden)", err.trace_id)
    client.host:close()
    server:close()
    err = fail_with(function() return wire_server.reply("400 Bad", cjson.encode {error = ("e"):rep(100),
      trace_id = ("t"):rep(100)}) end, {auth = credentials})
    assert.equal("cannot get a token: refused (HTTP 400)", err.message)
    assert.is_nil(err.trace_id)
  end)

  it("and is the leads' endpoint of client credentials, gets the token hidden, the one before too", function()
    local issued, first = 0, nil
    local err = fail_with(function(request)
      if request.target:find "/oauth2/" then
        issued = issued + 1
        return wire_server.ok(cjson.encode {access_token = "planted-" .. issued .. "-" .. TOKEN, expires_in = 3600})
      end
      first = first or request.headers.authorization
      return wire_server.reply("401 No", first .. " " .. request.headers.authorization .. " " .. CLIENT_SECRET)
    end, {auth = credentials})
    assert.equal(2, issued)
    assert.equal("Bearer (hidden) Bearer (hidden) (hidden)", err.body)
  end)

  it("and is a proxy, gets its password hidden, however it is written", function()
    for _, password in ipairs {PROXY_PASSWORD, (PROXY_PASSWORD:gsub("&", "%%26"))} do
      local held = wire_server.new(function(request)
        return wire_server.reply("407 Who", request.bytes .. PROXY_PASSWORD)
      end)
      local err = fail_with(function() return wire_server.ok "planted" end, {
        base_url = "http://sp.example.com", insecure = true, host = wire_server.host {held},
        proxy = "http://user:" .. password .. "@" .. held.url:match "//(.*)",
      })
      assert.matches("Basic %(hidden%)", err.body)
      held:close()
      client.host:close()
      server:close()
    end
    fail_with(echo_as("400 Bad", json_escaped))
  end)
end)

describe("secrets", function()
  it("are in nothing that is printed of a provider or a client", function()
    for _, provider in ipairs {oc.auth.bearer(TOKEN), credentials "https://login.example.com",
      oc.auth.of(function() return TOKEN end)} do
      assert_clean(tostring(provider), "provider")
      assert_clean(provider, "provider")
      assert_clean(getmetatable(provider), "provider")
    end
    local client = assert(oc.client {base_url = "https://sp.example.com", auth = oc.auth.bearer(TOKEN),
      headers = HEADERS, proxy = "http://user:" .. PROXY_PASSWORD .. "@127.0.0.1:1",
      client_key_password = KEY_PASSWORD})
    assert_clean(tostring(client), "client")
    client:close()
  end)

  it("are in no message about wrong options", function()
    local base = "https://sp.example.com"
    for _, given in ipairs {
      {base_url = "https://user:" .. KEY_PASSWORD .. "@sp.example.com"},
      {base_url = "https://sp.example.com/?key=" .. KEY_PASSWORD},
      {base_url = base, auth = TOKEN},
      {base_url = base, proxy = 5}, {base_url = base, proxy = "http://user:" .. PROXY_PASSWORD .. "\n@x"},
      {base_url = base, client_key_password = KEY_PASSWORD .. "\n"},
      {base_url = base, headers = {["X-Key"] = HEADER_VALUE .. "\r\n"}},
      {base_url = base, headers = {HEADER_VALUE}},
      {base_url = base, headers = {Authorization = "Bearer " .. TOKEN}},
      {base_url = base, headers = HEADER_VALUE},
    } do
      local ok, problem = pcall(function() local c = oc.client(given) return c end)
      assert.is_false(ok)
      assert_clean(problem, "message")
    end
    for _, given in ipairs {{client_secret = CLIENT_SECRET}, {client_secret = CLIENT_SECRET .. "\n", tenant_id = "a"},
      {CLIENT_SECRET}, CLIENT_SECRET} do
      local ok, problem = pcall(oc.auth.client_credentials, given)
      assert.is_false(ok)
      assert_clean(problem, "message")
    end
    for _, token in ipairs {"Bearer " .. TOKEN, TOKEN .. "\n", TOKEN .. "\228"} do
      assert_clean(select(2, pcall(oc.auth.bearer, token)), "message")
    end
  end)

  it("are hidden whole, the longer first, and nothing else is", function()
    local hide = conceal.new {"abcd", "abcdefgh", "no", "x y/z"}
    assert.equal("(hidden) (hidden) abc no", hide "abcdefgh abcd abc no")
    assert.equal("<(hidden)> (hidden)", hide "<x+y%2fz> x%20y\\/z")
    assert.equal("(hidden)", hide "\\u0061bcd")
    assert.equal("& %zz \\u12 ab", hide "& %zz \\u12 ab")
    assert.equal("50 % of a & b", hide "50 % of a & b")
    assert.equal("", hide "")
    assert.equal("unchanged", conceal.new {} "unchanged")
  end)

  it("are not all that is hidden: addresses and telephone numbers of people are, too", function()
    assert.equal("2024-01-31T10:00:00+02:00 a+b 1 + 2", conceal.contacts "2024-01-31T10:00:00+02:00 a+b 1 + 2")
    assert.equal("(hidden): (hidden)", conceal.contacts(EMAIL .. ": " .. PHONE))
  end)

  it("are coded for Basic authentication as everybody does", function()
    for text, coded in pairs {[""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", ["user:p"] = "dXNlcjpw"} do
      assert.equal(coded, conceal.base64(text))
    end
  end)
end)

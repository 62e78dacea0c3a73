-- Where credentials go: to the origin they are for, whatever a server, a resume token or the environment says. Second
-- listeners, on another port and another address, say whether anybody called.

local oc = require "oc"
local options = require "oc.options"
local tree = require "support.tree"
local wire_server = require "support.wire_server"
local world = require "support.world"

local SECRET = "s3cr3t-planted"
local REDIRECTS = {"301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"}

describe("credentials", function()
  local server, others, clients
  local real_getenv, environment = os.getenv, nil

  before_each(function()
    clients, environment, others = {}, {}, {}
    local function listen(address)
      others[#others + 1] = wire_server.new(function() return wire_server.ok "[]" end, {address = address})
    end
    listen "127.0.0.1"
    listen "127.0.0.2"
    os.getenv = function(name) -- luacheck: ignore 122
      if name:find "^OC_" then return environment[name] end
      return real_getenv(name)
    end
  end)
  after_each(function()
    os.getenv = real_getenv -- luacheck: ignore 122
    for _, client in ipairs(clients) do
      assert.equal(0, client.host.pool:counts().open)
      client.host:close()
    end
    for _, other in ipairs(others) do other:close() end
    if server then server:close() end
    server = nil
  end)

  local function serve(answer)
    server = wire_server.new(answer)
    return server
  end

  local function new_client(given)
    local all = {host = wire_server.host {server or others[1], others[1], others[2]}}
    for name, value in pairs(given or {}) do all[name] = value end
    local client, logged = world.client(all.base_url or server.url, all)
    clients[#clients + 1] = client
    return client, logged
  end

  -- Nobody called; after a last look, since a call may still be in the kernel.
  local function assert_nobody_called()
    for _, other in ipairs(others) do
      other:step()
      assert.equal(0, other.connections)
    end
  end

  local function credentials(authority)
    return oc.auth.client_credentials {tenant_id = "contoso.example", client_id = "app", client_secret = SECRET,
      scope = "api://x/.default", authority = authority}
  end

  -- What points to somebody else, though some of it looks like the server.
  local function addresses()
    local one, two = others[1], others[2]
    return {
      one.url .. "/api/v2/oc/lead", two.url .. "/api/v2/oc/lead", "//127.0.0.1:" .. one.port .. "/x",
      "//127.0.0.2:" .. two.port, "http://localhost:" .. server.port .. "/x", "http://localhost:" .. one.port .. "/x",
      "http://127.0.0.1." .. ":" .. server.port .. "/x", "http://127.1:" .. server.port .. "/x",
      "http://127.0.0.2:" .. server.port .. "/x", "https://127.0.0.1:" .. server.port .. "/x",
      "http://[::1]:" .. server.port .. "/x", "http://[::ffff:127.0.0.1]:" .. server.port .. "/x",
      "http://127.0.0.1:" .. server.port .. "@127.0.0.2:" .. two.port .. "/x",
      "http://127.0.0.1:" .. server.port .. "#@127.0.0.2:" .. two.port .. "/x\\",
      "http://127.0.0.2:" .. two.port .. "\\@127.0.0.1:" .. server.port .. "/x",
    }
  end

  it("do not follow a page's redirect to another origin", function()
    local location, status
    serve(function() return wire_server.reply(status, "", "Location: " .. location .. "\r\n") end)
    for _, each_status in ipairs(REDIRECTS) do
      for _, address in ipairs(addresses()) do
        location, status = address, each_status
        local before = #server.requests
        local all, err = new_client {auth = oc.auth.bearer(SECRET)}:leads():all()
        assert.is_nil(all)
        assert.equal("http", err.kind, address)
        assert.matches("redirect", err.message)
        assert.equal(1, #server.requests - before, address)
        assert_nobody_called()
      end
    end
  end)

  it("go along within the origin, also by a chain that would then leave it", function()
    serve(function(_, number)
      return wire_server.reply("307 Go", "", "Location: " .. (number < 3 and "/step/" .. number
        or others[1].url .. "/leak") .. "\r\n")
    end)
    local _, err = new_client {auth = oc.auth.bearer(SECRET), headers = {["X-Key"] = SECRET}}:leads():all()
    assert.matches("another origin", err.message)
    assert.equal(3, #server.requests)
    for _, request in ipairs(server.requests) do assert.equal("Bearer " .. SECRET, request.headers.authorization) end
    assert_nobody_called()
  end)

  it("do not follow a token endpoint's redirect, not even within its origin", function()
    local location, status
    serve(function() return wire_server.reply(status, "", "Location: " .. location .. "\r\n") end)
    for _, each_status in ipairs(REDIRECTS) do
      local there = addresses()
      there[#there + 1] = "/elsewhere"
      there[#there + 1] = server.url .. "/elsewhere"
      for _, address in ipairs(there) do
        location, status = address, each_status
        local before = #server.requests
        local all, err = new_client {auth = credentials(server.url)}:leads():all()
        assert.is_nil(all)
        assert.equal("auth", err.kind)
        assert.matches("^cannot get a token: refused %(HTTP 30%d%)$", err.message)
        assert.equal(1, #server.requests - before)
        assert_nobody_called()
      end
    end
  end)

  it("of the token endpoint stay there: the leads' server gets only the token", function()
    serve(function() return wire_server.ok "[]" end)
    local authority = wire_server.new(function()
      return wire_server.ok '{"access_token":"the-token","expires_in":3600}'
    end)
    local client = new_client {auth = credentials(authority.url), headers = {["X-Key"] = "k3y-planted"},
      host = wire_server.host {server, authority}}
    assert(client:leads {prefetch = 0}:all())
    assert.equal(1, #authority.requests)
    assert.is_nil(authority.requests[1].bytes:find("k3y", 1, true)) -- the option is for the pages
    assert.equal(1, #server.requests)
    assert.is_nil(server.requests[1].bytes:find(SECRET, 1, true))
    assert.equal("Bearer the-token", server.requests[1].headers.authorization)
    authority:close()
  end)

  it("do not follow a resume token of another origin", function()
    serve(function(request)
      if request.page == 1 then return wire_server.ok '[{"id":"1"}]' end
      return wire_server.reply("400 Bad", "no")
    end)
    local _, err = new_client {auth = oc.auth.bearer(SECRET)}:leads():all()
    assert.equal(server.url, err.resume.origin)
    for _, other in ipairs(others) do
      local client = new_client {base_url = other.url, auth = oc.auth.bearer(SECRET)}
      assert.error_matches(function() client:leads {resume = err.resume} end, "it is of http://127")
      local changed = {}
      for name, value in pairs(err.resume) do changed[name] = value end
      changed.origin = other.url
      local own = new_client {auth = oc.auth.bearer(SECRET)}
      assert.error_matches(function() own:leads {resume = changed} end, "it is of http://127")
    end
    assert_nobody_called()
  end)

  it("of the environment are for its own service", function()
    serve(function() return wire_server.ok '{"access_token":"the-token","expires_in":3600}' end)
    for _, set in ipairs {
      {OC_TOKEN = SECRET},
      {OC_TENANT_ID = "contoso.example", OC_CLIENT_ID = "app", OC_CLIENT_SECRET = SECRET, OC_SCOPE = "x",
        OC_AUTHORITY = server.url},
    } do
      environment = set
      environment.OC_BASE_URL = server.url .. "/tenantui"
      local logged = {}
      local client = assert(oc.client {base_url = others[1].url, host = wire_server.host {server, others[1]},
        log = function(level, event, fields) logged[#logged + 1] = {level, event, fields.origin} end})
      clients[#clients + 1] = client
      assert(client:leads {prefetch = 0}:all())
      assert.same({{"warn", "credentials_withheld", server.url}}, logged)
      assert.equal(0, server.connections) -- nor is a token asked for
      for _, request in ipairs(others[1].requests) do
        assert.is_nil(request.headers.authorization)
        assert.is_nil(request.bytes:find(SECRET, 1, true))
      end
    end
    assert.equal(2, #others[1].requests)
  end)

  it("are warned about for each client that verifies nothing", function()
    serve(function() return wire_server.ok "[]" end)
    for _ = 1, 3 do
      local _, logged = new_client {insecure = true}
      assert.equal("insecure", world.events(logged))
      assert.equal("warn", logged[1].level)
      assert.equal(server.url, logged[1].fields.origin)
    end
    local _, logged = new_client()
    assert.equal("", world.events(logged))
  end)
end)

describe("secrets have no flag", function()
  it("in the list of options", function()
    for _, list in ipairs {options.client, options.leads} do
      for _, option in ipairs(list) do
        local sounds = option.name:find "secret" or option.name:find "password" or option.name:find "^auth$"
          or option.name:find "key_" or option.name:find "^proxy$" or option.name:find "^headers$"
        if sounds then assert.is_true(option.secret, option.name) end
        if option.secret then assert.is_nil(option.flag, option.name) end
      end
    end
  end)

  it("of any command", function()
    local function help_of(words)
      local pipe = assert(io.popen("unset LD_PRELOAD; cd '" .. tree.root .. "' && script/oc " .. words
        .. " --help 2>/dev/null </dev/null"))
      local text = pipe:read "*a"
      pipe:close()
      assert.matches("%-%-help", text)
      return text
    end
    local commands, flags = {}, 0
    for name in tree.read("lua/oc/cli/init.lua"):match("local names = (%b{})"):gmatch '"(%l+)"' do
      commands[#commands + 1] = name
    end
    assert.is_true(#commands >= 3)
    for _, command in ipairs(commands) do
      for flag in help_of(command):gmatch "%-%-([%l-]+)" do
        flags = flags + 1
        local sounds = flag:find "secret" or flag:find "passw" or flag:find "^token$" or flag:find "^proxy$"
          or flag:find "^header" or flag:find "auth"
        -- The sandbox's are what it is to take, on this machine; nobody's.
        assert(not sounds or command == "sandbox", command .. " --" .. flag)
      end
    end
    assert.is_true(flags > 40)
  end)
end)

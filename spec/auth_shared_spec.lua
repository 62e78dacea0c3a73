-- oc.auth.shared: one token for many, and what the function that keeps it may get wrong.

local oc = require "oc"
local sandbox_child = require "support.sandbox_child"

describe("oc.auth.shared", function()
  local server

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)

  local function credentials()
    return oc.auth.client_credentials {tenant_id = "11111111-2222-4333-8444-555555555555", client_id = "c",
      client_secret = "secret", scope = "api://x/.default", authority = server.url}
  end

  local function client(keep)
    return assert(oc.client {base_url = server.url, auth = oc.auth.shared(credentials(), keep), log = false,
      backoff_base_s = 0.001})
  end

  local function count(one)
    local all, err = one:leads {page_size = 50}:all()
    return all and #all, err
  end

  it("gives one token to all who keep it in one place", function()
    server:configure {leads = 20, client_id = "c", client_secret = "secret"}
    local kept
    local function keep(fetch, refused)
      if kept and kept ~= refused then return kept, 100 end
      local token, life = fetch()
      kept = token
      return token, life
    end
    local one, other = client(keep), client(keep)
    assert.equal(20, count(one))
    assert.equal(20, count(other))
    assert.equal(1, server:journal().tokens_issued)
    server:configure {leads = 20, client_id = "c", client_secret = "secret"} -- it knows no token now
    assert.equal(20, count(one))
    assert.equal(20, count(other))
    assert.equal(1, server:journal().tokens_issued)
    one:close()
    other:close()
  end)

  it("sends nothing but a token, and says what else there was", function()
    server:configure {leads = 20, client_id = "c", client_secret = "secret"}
    for _, wrong in ipairs {{nil, nil}, {false}, {nil, "out of order"}, {""}, {"two words"}, {"a\r\nb"}, {7}, {{}}} do
      local one = client(function() return wrong[1], wrong[2] end)
      local got, err = count(one)
      assert.is_nil(got)
      assert.equal("auth", err.kind)
      assert.matches("cannot get a token: ", err.message)
      if wrong[2] then assert.matches(wrong[2], err.message) end
      one:close()
    end
    assert.equal(0, #server:journal().requests)
  end)

  it("hands on what went wrong, without the secret", function()
    server:configure {leads = 20, client_id = "other", client_secret = "secret"}
    local one = client(function(fetch) return fetch() end)
    local _, err = count(one)
    assert.equal("auth", err.kind)
    assert.is_nil(tostring(err):find("secret", 1, true))
    assert.is_nil(tostring(oc.auth.shared(credentials(), print)):find("secret", 1, true))
    one:close()
  end)

  it("raises for what is no provider, or no function", function()
    assert.has_error(function() oc.auth.shared("t", print) end, "oc.auth.shared: a provider expected, got string")
    assert.has_error(function() oc.auth.shared(credentials()) end, "oc.auth.shared: a function expected, got nil")
  end)
end)

-- The blocking host, over the sandbox in a child process.

local cjson = require "cjson"
local core = require "oc.core"
local sandbox_child = require "support.sandbox_child"
local script = require "oc.host.script"

local PATH = "/api/v2/oc/lead?pageNumber=%d&pageSize=%d"

local function whole(exchange)
  local parts = {}
  while true do
    local bytes, err = exchange:read()
    if not bytes then return table.concat(parts), err end
    parts[#parts + 1] = bytes
  end
end

describe("oc.host.script", function()
  local sandbox, host

  setup(function() sandbox = sandbox_child.start() end)
  teardown(function() sandbox:close() end)
  after_each(function()
    if host then host:close() end
    host = nil
  end)

  local function new_host(options)
    host = assert(script.new(options))
    return host
  end

  local function url_of(page, size) return sandbox.url .. PATH:format(page, size) end

  it("waits for head, bytes and end", function()
    sandbox:configure {leads = 500}
    new_host {compress = true}
    local x = assert(host:open {url = url_of(1, 300)})
    local status, headers = x:head()
    assert.are.equal(200, status)
    assert.are.equal("gzip", headers["content-encoding"])
    local body, err = whole(x)
    assert.is_nil(err)
    assert.are.equal(300, #cjson.decode(body))
    assert.is_false(x:read())
    assert.are.equal(#body, x:stats().bytes)
    assert.is_true(x:stats().wire_bytes < #body)
    assert.are.equal("1.1", x:stats().http_version)
    x:close()
  end)

  it("needs no call of head before read", function()
    sandbox:configure {leads = 20}
    new_host()
    assert.are.equal(20, #cjson.decode((whole(host:open {url = url_of(1, 50)}))))
  end)

  it("keeps one connection for requests in a row", function()
    sandbox:configure {leads = 30}
    new_host()
    for page = 1, 3 do
      local x = host:open {url = url_of(page, 10)}
      whole(x)
      assert.are.equal(page > 1, x:stats().reused)
      x:close()
    end
    assert.are.equal(1, sandbox:journal().connections)
  end)

  it("has requests under way at once, and waits for the one that is asked", function()
    sandbox:configure {leads = 30, faults = {{page = 1, latency_s = 0.2}}}
    new_host()
    local slow, fast = host:open {url = url_of(1, 10)}, host:open {url = url_of(2, 10)}
    assert.are.equal(200, (slow:head()))
    host:pump()
    assert.are.equal(10, #cjson.decode((whole(fast))))
    assert.are.equal(10, #cjson.decode((whole(slow))))
    assert.are.equal(2, sandbox:journal().max_open)
  end)

  it("lets a request override the host's options", function()
    sandbox:configure {leads = 10}
    new_host {compress = true, user_agent = "host/1", headers = {"X: y"}}
    whole(host:open {url = url_of(1, 10)})
    whole(host:open {url = url_of(1, 10), compress = false, user_agent = "request/1"})
    local asked = sandbox:journal().requests
    assert.are.equal("gzip", asked[1].accept_encoding)
    assert.are.equal("host/1", asked[1].user_agent)
    assert.is_nil(asked[2].accept_encoding)
    assert.are.equal("request/1", asked[2].user_agent)
  end)

  it("posts", function()
    sandbox:configure {}
    new_host()
    local x = host:open {
      url = sandbox.url .. "/00000000-0000-4000-8000-000000000001/oauth2/v2.0/token", method = "POST",
      body = "grant_type=client_credentials&client_id=a&client_secret=b&scope=c%2F.default",
    }
    assert.are.equal(200, (x:head()))
    assert.are.equal("Bearer", cjson.decode((whole(x))).token_type)
  end)

  it("gives the world's faults back, and the bytes before them", function()
    sandbox:configure {leads = 100, faults = {
      {page = 1, cut_after = 1000, gzip = false},
      {page = 2, reset_after = 1000, chunked = true, gzip = false},
      {page = 3, stall_after = 1000, gzip = false},
      {page = 4, latency_s = 60},
      {page = 5, corrupt_gzip = true},
      {page = 6, drop_before_head = "reset"},
      {page = 7, drip = {bytes = 10, every_s = 0.05}},
    }}
    new_host {idle_timeout_s = 0.3, request_timeout_s = 1, compress = true}
    local kinds = {"network", "network", "timeout", "timeout", "network", "network", "timeout"}
    for page, kind in ipairs(kinds) do
      local x = assert(host:open {url = url_of(page, 10)})
      local body, err = whole(x)
      assert.are.equal(kind, err and err.kind, "page " .. page)
      if page <= 3 then assert.are.equal(1000, #body) end
      assert.are.equal(err, select(2, whole(x)) and err)
      assert.are.equal(url_of(page, 10):match "^[^?]*", err.url)
      x:close()
    end
  end)

  it("says at once what cannot be asked", function()
    new_host()
    local x, err = host:open {url = "ftp://localhost/"}
    assert.is_nil(x)
    assert.are.equal("options", err.kind)
    assert.has_error(function() host:open {url = "http://localhost/", nonsense = 1} end)
  end)

  it("ends its exchanges when it is closed", function()
    sandbox:configure {leads = 10, faults = {{latency_s = 60}}}
    new_host()
    local x = host:open {url = url_of(1, 10)}
    host:close()
    local status, err = x:head()
    assert.is_nil(status)
    assert.are.equal("cancelled", err.kind)
    x:close()
    x:close()
  end)

  it("knows time and chance", function()
    new_host()
    assert.is_true(host.now() <= host.now())
    assert.is_true(math.abs(host.time() - os.time()) < 5)
    assert.is_true(host.sleep(0.001))
    assert.is_true(host.sleep(0))
    local low, high = 1, 0
    for _ = 1, 1000 do
      local n = host.random()
      assert.is_true(n >= 0 and n < 1)
      low, high = math.min(low, n), math.max(high, n)
    end
    assert.is_true(low < 0.1 and high > 0.9)
  end)

  it("takes another clock, sleep and chance", function()
    local deps = {now = function() return 1 end, time = function() return 2 end,
      sleep = function(seconds) return seconds end, random = function() return 0.5 end}
    host = script.new(nil, deps)
    assert.same({1, 2, 3, 0.5}, {host.now(), host.time(), host.sleep(3), host.random()})
  end)

  it("is interrupted in a sleep, with an error of oc", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write [[
      local core = require "oc.core"
      core.catch_interrupt()
      local host = require "oc.host.script".new()
      print "sleeping"
      io.stdout:flush()
      local ok, err = host.sleep(60)
      print(ok, err.kind, tostring(err))
    ]]
    file:close()
    local pipe = io.popen(("echo $$; exec %s %s 2>&1"):format(require("support.process").interpreter(), path))
    local pid = pipe:read "*l"
    assert.are.equal("sleeping", pipe:read "*l")
    os.execute("kill -TERM " .. pid)
    assert.are.equal("nil\tcancelled\tinterrupted while waiting", pipe:read "*l")
    pipe:close()
    os.remove(path)
  end)

  it("refuses to block an nginx worker", function()
    rawset(_G, "ngx", {socket = {}})
    local ok, problem = pcall(script.new)
    rawset(_G, "ngx", nil)
    assert.is_false(ok)
    assert.matches("would block this nginx worker", problem)
  end)

  it("uses the error objects of oc", function()
    new_host()
    local _, err = host:open({url = "http://127.0.0.1:1/"}):head()
    assert.are.equal(core.error_metatable, getmetatable(err))
  end)
end)

-- The module itself, and what it does to the process around it.

local cjson = require "cjson"
local core = require "oc.core"
local errors = require "oc.errors"
local log = require "oc.log"
local oc = require "oc"
local process = require "support.process"

-- Runs Lua code in another process of the same Lua: all it prints, on both streams.
local function child(code)
  local pipe = assert(io.popen(("%s -e %s 2>&1"):format(process.quote(process.interpreter()), process.quote(code))))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe("oc", function()
  it("has cjson's null", function()
    assert.equal(cjson.null, oc.null)
    assert.equal('{"a":null}', oc.encode {a = oc.null})
  end)

  it("makes arrays that stay arrays when they are empty", function()
    assert.equal("[]", oc.encode(oc.array()))
    local t = {1, 2}
    assert.equal(t, oc.array(t))
    assert.equal("[1,2]", oc.encode(t))
    assert.matches("oc_spec.lua:%d+: oc.array: a table expected, got string",
      select(2, pcall(function() oc.array "x" end)))
  end)

  it("marks empty arrays as cjson does, where it does", function()
    local code = [[
      package.preload.cjson = function() return {empty_array_mt = {mark = "cjson's"}} end
      package.preload["cjson.safe"] = function() return {} end
      local oc = require "oc"
      io.write(getmetatable(oc.decode('{"a":[]}').a).mark, ",", getmetatable(oc.array()).mark)]]
    assert.equal("cjson's,cjson's", child(code))
  end)

  it("knows its own errors", function()
    local _, err = oc.decode "["
    assert.is_true(oc.is_error(err))
    assert.is_true(oc.is_error(errors.new("io", "x")))
    assert.is_false(oc.is_error {kind = "io"})
    assert.is_false(oc.is_error "io")
    assert.is_false(oc.is_error(nil))
    assert.equal(err.message, tostring(err))
  end)

  it("keeps the collector as it was: stopped or running", function()
    if not pcall(collectgarbage, "isrunning") then return end
    collectgarbage()
    local count = math.max(2000, math.ceil(collectgarbage "count")) -- of KiB: the page is as large as the heap
    local lead = '{"id":"' .. ("x"):rep(1024) .. '"}'
    local page = "[" .. (lead .. ","):rep(count - 1) .. lead .. "]"
    local asked, real = {}, collectgarbage
    local decoder = oc.decoder()
    decoder:feed(page)
    collectgarbage() -- of what made the page
    _G.collectgarbage = function(what, ...)
      if what == "stop" or what == "restart" then asked[#asked + 1] = what end
      return real(what, ...)
    end
    local ok, leads = pcall(decoder.read, decoder)
    _G.collectgarbage = real
    assert.is_true(ok, leads)
    assert.equal(count, #leads)
    assert.is_true(collectgarbage "isrunning")
    assert.equal("stop restart", table.concat(asked, " "))
    collectgarbage "stop"
    decoder:reset()
    decoder:feed(page)
    local n, running = #decoder:read(), collectgarbage "isrunning"
    collectgarbage "restart"
    assert.equal(count, n)
    assert.is_false(running)
  end)

  it("lets the collector run while batches are small beside the heap", function()
    if not pcall(collectgarbage, "isrunning") then return end
    local ballast = ("x"):rep(8 * 1024 * 1024)
    local lead = '{"id":"' .. ("x"):rep(1000) .. '"}'
    local decoder, asked, real = oc.decoder(), {}, collectgarbage
    decoder:feed("[" .. (lead .. ","):rep(1100) .. lead .. "]")
    _G.collectgarbage = function(what, ...)
      asked[what or "collect"] = true
      return real(what, ...)
    end
    local ok, leads = pcall(decoder.read, decoder)
    _G.collectgarbage = real
    assert.is_true(ok, leads)
    assert.equal(1101, #leads)
    assert.is_nil(asked.stop)
    assert.equal(8 * 1024 * 1024, #ballast)
  end)

  it("leaves no global behind", function()
    assert.equal("", child [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      require "oc"
      for name in pairs(_G) do if not before[name] then io.write(name, " ") end end]])
  end)
end)

describe("log", function()
  it("writes warnings to standard error, a line each, other levels nowhere", function()
    local text = child [[
      local log = require("oc.log").new()
      log("info", "retry", {page = 1})
      log("warn", "cut", {pages = 2, hint = "a\nb"})]]
    assert.equal("oc: warn: cut hint=a?b pages=2\n", text)
  end)

  it("passes only fields that are on its list", function()
    local got
    log.new(function(_, _, fields) got = fields end)("warn", "x", {page = 1, token = "t", email = "e"})
    assert.same({page = 1}, got)
  end)

  it("is silent when it is false", function()
    assert.is_nil(log.new(false)("warn", "x", {}))
  end)
end)

describe("core", function()
  it("judges addresses", function()
    assert.same({origin = "https://a.example", https = true, loopback = false, bare = true},
      core.address "HTTPS://A.example:443/x")
    assert.same({origin = "http://[::1]:8080", https = false, loopback = true, bare = false},
      core.address "http://[::1]:8080/?a")
    local address, why = core.address "ftp://a"
    assert.is_nil(address)
    assert.is_string(why)
    assert.equal("https://a/b/c", core.join("https://a/b//", "/c"))
    assert.equal("https://a/b?d", core.resolve("https://a/b?c", "?d"))
    assert.equal("http://a/e", core.resolve("http://a/b/c?d", "../e#f"))
    assert.equal("http://b/", core.resolve("http://a/c", "//b/"))
    assert.equal("http://a/" .. ("x"):rep(9999), core.resolve("http://a/c", ("x"):rep(9999)))
    for _, link in ipairs {"ftp://a/", "http://u:p@a/", "a b", "http:", "//"} do
      assert.is_nil(core.resolve("http://a/", link))
    end
    assert.equal("a%20b%26%C3%A9", core.encode_form "a b&é")
  end)

  it("judges statuses", function()
    assert.same({"http", true}, {core.judge(502, nil, 0)})
    assert.same({"throttle", true, 5}, {core.judge(429, "5", 0)})
    assert.same({"auth", false}, {core.judge(401, nil, 0)})
    assert.same({"none", false}, {core.judge(200, nil, 0)})
  end)
end)

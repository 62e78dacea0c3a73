-- The pager alone, as a host that brings its own HTTP uses it: no server, no clock.

local oc = require "oc"
local process = require "support.process"
local tree = require "support.tree"

local function pager(given)
  local all = {base_url = "https://sp.example.com/tenantui/", page_size = 2}
  for name, value in pairs(given or {}) do all[name] = value end
  return oc.pager(all)
end

local function page(...)
  local leads = {}
  for i, id in ipairs {...} do leads[i] = ('{"id":"%s"}'):format(id) end
  return "[" .. table.concat(leads, ",") .. "]"
end

-- Answers the page at hand with a body: the ids handed out, and what finish says.
local function answer(p, body, status, headers)
  local request = assert(p:request())
  p:response(status or 200, headers or {})
  p:feed(body)
  local ids = {}
  for lead in function() return p:next() end do ids[#ids + 1] = lead.id end
  return table.concat(ids, " "), request, p:finish(nil, 0.5)
end

describe("oc.pager", function()
  it("asks page after page until one is empty", function()
    local p = pager()
    local ids, request, what, _
    ids, request, what = answer(p, page("a", "b"))
    assert.equal("a b", ids)
    assert.equal("https://sp.example.com/tenantui/api/v2/oc/lead?PageNumber=1&PageSize=2", request.url)
    assert.same({"Accept: application/json"}, request.headers)
    assert.equal("next", what)
    ids, request, what = answer(p, page("c"))
    assert.equal("c", ids)
    assert.matches("PageNumber=2", request.url)
    assert.equal("next", what)
    ids, _, what = answer(p, "[]")
    assert.equal("", ids)
    assert.equal("end", what)
    assert.is_nil(p:request())
    assert.is_true(p:over())
    assert.is_true(p:result().complete)
  end)

  it("raises for wrong options", function()
    assert.matches("'base_url' is missing", select(2, pcall(oc.pager, {})))
    assert.matches("unknown option 'auth'", select(2, pcall(oc.pager, {auth = 1})))
    assert.matches("'base_url' has no scheme", select(2, pcall(oc.pager, {base_url = "x"})))
    assert.matches("'resume': 'skip' is no whole number", select(2, pcall(pager, {resume = {page = 1, skip = -1}})))
    assert.matches("'resume': 'page' is no whole number", select(2, pcall(pager, {resume = {page = 1.5, skip = 0}})))
    assert.matches("'resume': 'skip' is no whole number", select(2, pcall(pager, {resume = {page = 1, skip = 0.5}})))
    assert.matches("'resume': 'parts' does not divide", select(2, pcall(pager,
      {page_size = 10, resume = {page = 1, skip = 0, parts = 2.5}})))
  end)

  it("retries with Retry-After as a date, counted from the host's clock", function()
    local p = pager()
    p:request()
    p:response(503, {["retry-after"] = "Fri, 31 Dec 1999 23:59:59 GMT"}, 946684799 - 9)
    p:feed "busy"
    local what, wait_s, err = p:finish()
    assert.equal("wait", what)
    assert.equal(9, wait_s)
    assert.equal("throttle", err.kind)
    assert.equal("busy", err.body)
  end)

  it("waits with full jitter, doubling, capped", function()
    local p = pager {max_attempts = 9, backoff_base_s = 1, backoff_cap_s = 10}
    local waits = {}
    for i = 1, 6 do
      p:request()
      local what, wait_s = p:finish("connection reset", 0.5)
      assert.equal("wait", what)
      waits[i] = wait_s
    end
    assert.same({0.5, 1, 2, 4, 5, 5}, waits)
  end)

  it("hands out what a page had not, after a failure in its middle", function()
    local p = pager()
    p:request()
    p:response(200, {})
    p:feed '[{"id":"a"},{"n":1},{"id":"b"},{"n":2}'
    local seen = {}
    for lead in function() return p:next() end do seen[#seen + 1] = lead.id or lead.n end
    assert.same({"a", 1, "b", 2}, seen)
    assert.equal("wait", (p:finish "reset"))
    p:request()
    p:response(200, {})
    p:feed '[{"id":"a"},{"n":1},{"id":"b"},{"n":2},{"id":"c"},{"n":3}]'
    seen = {}
    for lead in function() return p:next() end do seen[#seen + 1] = lead.id or lead.n end
    assert.same({"c", 3}, seen)
    assert.equal("next", (p:finish()))
    assert.equal(0, p:result().duplicates)
    assert.equal(6, p:result().leads)
  end)

  it("takes the host's error object as it is, and says which page", function()
    local p = pager {max_attempts = 1}
    p:request()
    local what, err = p:finish {kind = "timeout", message = "no byte for 5 s", extra = 1}
    assert.is_nil(what)
    assert.equal("timeout", err.kind)
    assert.equal("cannot read page 1: no byte for 5 s", err.message)
    assert.equal(1, err.extra)
    assert.equal(1, err.attempts)
  end)

  it("asks for less after a timeout, but not after one for connecting", function()
    for _, case in ipairs {
      {{kind = "timeout", message = "slow"}, "page 5000"}, {"reset", "page 20000"},
      {{kind = "timeout", message = "no connection", connecting = true}, "page 20000"},
    } do
      local p = pager {page_size = 20000}
      p:request()
      assert.equal("wait", (p:finish(case[1])))
      local request = p:request()
      assert.equal(case[2], "page " .. request.page_size)
      assert.matches("PageSize=" .. request.page_size, request.url)
    end
  end)

  it("says that a part is no page's end", function()
    local p = pager {page_size = 20}
    for _ = 1, 2 do
      p:request()
      p:response(504, {})
      p:finish()
    end
    p:request()
    p:response(200, {})
    p:feed(page("a", "b"))
    p:read()
    assert.same({"next", "part"}, {p:finish()})
    assert.equal(0, p:result().pages)
  end)

  it("stops in mid-page at limit, and says how to go on", function()
    local p = pager {limit = 3}
    assert.equal("a b", (answer(p, page("a", "b"))))
    assert.equal("c", (answer(p, page("c", "d"))))
    assert.is_true(p:over())
    assert.equal("limit", p:result().stop_reason)
    assert.same({page = 2, skip = 1, last_id = "c", full = true}, p:place())
    local q = pager {resume = p:place()}
    assert.equal("d", (answer(q, page("c", "d"))))
  end)

  it("matches ids without case where they are GUIDs, and as text where not", function()
    local p = pager()
    local guid = "f825e66a-0e07-4d58-9fb3-271f092ceadc"
    assert.equal(guid .. " x", (answer(p, page(guid, "x"))))
    assert.equal("X", (answer(p, page(guid:upper(), "X"))))
    assert.equal(1, p:result().duplicates)
  end)

  it("does not take the GUID of zeros, or no id, for one lead", function()
    local p = pager()
    local zero = "00000000-0000-0000-0000-000000000000"
    assert.equal(zero .. " " .. zero, (answer(p, page(zero, zero))))
    local _, _, what = answer(p, '[{"id":null},{"id":""},{"id":7},{"id":7},{"id":"7"}]')
    assert.equal("next", what)
    assert.equal(6, p:result().leads)
    assert.equal(1, p:result().duplicates)
  end)

  it("gives no lead of a page that is refused as a whole, but tells", function()
    local p = pager()
    local _, _, what, err = answer(p, "{}")
    assert.is_nil(what)
    assert.equal("shape", err.kind)
    assert.equal(1, err.page)
  end)

  it("raises when it is used out of order", function()
    local p = pager()
    assert.matches("response comes before feed", select(2, pcall(p.feed, p, "x")))
    p:request()
    p:response(200, {})
    p:feed(page("a"))
    assert.matches("leads are waiting", select(2, pcall(p.finish, p)))
    assert.equal("a", p:next().id)
    assert.equal("next", (p:finish()))
  end)

  it("asks ahead without changing anything", function()
    local p = pager {max_pages = 3}
    p:request()
    assert.matches("PageNumber=2", p:ahead(1).url)
    assert.matches("PageNumber=3", p:ahead(2).url)
    assert.is_nil(p:ahead(3))
    p:response(200, {})
    p:feed "[]"
    assert.equal("end", (p:finish()))
    assert.is_nil(p:ahead(1))
  end)

  it("loses no lead when an error is raised while one is built", function()
    if not _VERSION:find "5%.[34]" then return end -- the others end their stacks elsewhere
    local pipe = io.popen(("'%s' '%s/spec/support/broken_off.lua' 2>&1"):format(
      process.interpreter(), tree.root))
    local text = pipe:read "*a"
    pipe:close()
    assert.equal("place\t1\tA\tB\tC\t3\nread\tA B C\n" ..
      "next\tfinish: leads are waiting; call next until it gives nil\tA\tB\tC\tnil\n", text)
  end)
end)

-- Pages that a gateway finds too slow: asked for again in parts, and no lead is lost or doubled.

local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local world = require "support.world"

describe("a page that is too slow", function()
  local server, client, logged

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  after_each(function()
    assert.equal(0, client.host.pool:counts().open, "an exchange is still open")
    client.host:close()
  end)

  local function play(options, given)
    server:configure(options)
    client, logged = world.client(server.url .. "/tenantui", given)
    return client
  end

  local function reference()
    local plain = world.client(server.url)
    local all = assert(plain:leads {page_size = 250, max_pages = math.huge, prefetch = 0}:all())
    plain.host:close()
    return world.ids(all)
  end

  -- "PageNumber/PageSize" of each request.
  local function asked()
    local list = {}
    for i, request in ipairs(server:journal().requests) do
      list[i] = request.query.PageNumber .. "/" .. request.query.PageSize
    end
    return table.concat(list, " ")
  end

  for _, status in ipairs {502, 504, 408} do
    it("is asked for in parts after a " .. status, function()
      play {leads = 5000, faults = {{page_size_over = 500, status = status}}}
      local leads = client:leads {page_size = 2000, prefetch = 0}
      local all, result = leads:all()
      assert.equal("1/2000 1/500 2/500 3/500 4/500 5/500 6/500 7/500 8/500 9/500 10/500 11/500 12/500 13/500 14/500",
        asked())
      assert.equal(3, result.pages)
      assert.equal(5000, result.leads)
      assert.equal(0, result.duplicates)
      assert.is_true(result.complete)
      assert.same(reference(), world.ids(all))
      assert.equal("retry smaller_pages", world.events(logged))
      assert.same({page = 1, page_size = 500}, logged[2].fields)
    end)
  end

  it("stays one page for who reads pages", function()
    play {leads = 5000, faults = {{page_size_over = 500, page = 2, status = 504}}}
    local seen = {}
    for page in client:leads {page_size = 2000}:pages() do
      seen[#seen + 1] = ("%d:%d:%d"):format(page.number, #page.leads, page.attempts)
    end
    assert.same({"1:2000:1", "2:2000:6", "3:1000:4"}, seen)
  end)

  it("gives only what it had not, when half of it had come", function()
    for _, prefetch in ipairs {0, 3} do
      play({leads = 3000, faults = {{page_size_over = 500, stall_after = 900000, gzip = false}}},
        {idle_timeout_s = 0.3})
      local leads = client:leads {page_size = 2000, prefetch = prefetch}
      local got = {}
      for lead in leads do got[#got + 1] = lead end
      assert.same(reference(), world.ids(got))
      local result = leads:result()
      assert.equal(0, result.duplicates)
      assert.is_true(result.complete)
      client.host:close()
    end
    play {leads = 10}
  end)

  it("is read to its end, though one of its parts is empty", function()
    play {leads = 5000, faults = {{page_size_over = 500, status = 504}, {page = 3, times = 1, body = "[]"}}}
    local all, result = client:leads {page_size = 2000, prefetch = 0}:all()
    assert.equal(4500, #world.ids(all))
    assert.equal(3, result.pages)
  end)

  it("is asked for in the same parts when another process goes on", function()
    play {leads = 5000, faults = {{page_size_over = 500, status = 504}, {page = 7, status = 501}}}
    local all, err = client:leads {page_size = 2000, prefetch = 0}:all()
    assert.is_nil(all)
    assert.equal("cannot read page 2 (in parts of 500 leads): HTTP 501 from " .. server.url:sub(8), tostring(err))
    assert.equal(2, err.resume.page)
    assert.equal(1000, err.resume.skip)
    assert.equal(4, err.resume.parts)
    local ids = world.ids(err.partial)
    client.host:close()
    play {leads = 5000, faults = {{page_size_over = 500, status = 504}}}
    local rest, result = client:leads {
      resume = oc.decode(oc.encode(err.resume)), page_size = 2000, prefetch = 0}:all()
    assert.equal("6/500 7/500 8/500 9/500 10/500 11/500 12/500 13/500 14/500", asked())
    for _, id in ipairs(world.ids(rest)) do ids[#ids + 1] = id end
    assert.same(reference(), ids)
    assert.is_true(result.complete)
    assert.is_false(result.uncertain)
    assert.equal("", world.events(logged))
  end)

  it("keeps its size where the server has a ceiling: its boundaries are not ours", function()
    play({leads = 1000, page_cap = 300, faults = {{page = 3, times = 2, status = 504}}})
    local leads = client:leads {page_size = 2000, prefetch = 0}
    local got = {}
    for lead in leads do got[#got + 1] = lead end
    assert.equal("1/2000 2/2000 3/2000 3/2000 3/2000 4/2000 5/2000", asked())
    assert.equal(1000, #world.ids(got))
  end)

  it("keeps its size where nothing is known of the pages before", function()
    play({leads = 5000, faults = {{page = 2, times = 2, status = 504}}})
    local all = assert(client:leads {page_size = 2000, page = 2, prefetch = 0}:all())
    assert.equal("2/2000 2/2000 2/2000 3/2000 4/2000", asked())
    assert.equal(3000, #all)
  end)

  it("ends where a part of it does not exist, the first page too", function()
    play({leads = 900, end_status = 404, faults = {{page_size_over = 500, status = 504}}})
    local all, result = client:leads {page_size = 2000, prefetch = 0}:all()
    assert.equal("1/2000 1/500 2/500 3/500 3/500", asked())
    assert.equal(900, #all)
    assert.is_true(result.complete)
  end)

  it("stays whole where the server ignores the size", function()
    play {leads = 900, faults = {{page = 2, times = 2, status = 504}}}
    client.host:close()
    client = world.client(server.url, {param_names = {page_size = "rows"}})
    local all, result = client:leads {page_size = 10, page = 1, prefetch = 0, max_pages = math.huge}:all()
    assert.equal(900, #world.ids(all))
    assert.is_true(result.complete)
    for _, request in ipairs(server:journal().requests) do assert.equal("10", request.query.rows) end
  end)

  it("that is not large is asked for once more as it is", function()
    play {leads = 450, faults = {{page = 2, times = 1, status = 502}, {page = 3, times = 2, status = 502}}}
    assert.equal(450, #client:leads {page_size = 200, prefetch = 0}:all())
    assert.equal("1/200 2/200 2/200 3/200 3/200 8/50 9/50 10/50 11/50 12/50 13/50", asked())
  end)

  it("gets a new token where it needs one", function()
    play({leads = 3000, client_id = "app", client_secret = "secret", token_uses = 2,
      faults = {{page_size_over = 250, status = 504}}}, {
      auth = oc.auth.client_credentials {
        tenant_id = "9a1b2c3d-0000-4000-8000-00000000abcd", client_id = "app", client_secret = "secret",
        scope = "api://x/.default", authority = server.url}})
    local all, result = client:leads {page_size = 1000, prefetch = 0}:all()
    assert.equal(3000, #world.ids(all))
    assert.is_true(result.complete)
    assert.is_true(server:journal().tokens_issued >= 6)
  end)

  it("is verified in parts", function()
    play {leads = 2500, drift = {after_page = 1, remove = 5}, faults = {{page_size_over = 500, status = 504}}}
    local all, result = client:leads {page_size = 2000, prefetch = 0, verify = true}:all()
    assert.equal(2500, #world.ids(all))
    assert.equal(5, result.late)
  end)

  it("resumes from no token with other parts", function()
    play {leads = 10}
    local leads = client:leads {page_size = 2000}
    leads:next()
    local token = leads:result().resume
    leads:close()
    for _, parts in ipairs {0, 1.5, 3, -2, 4000, "4", false} do
      token.parts = parts
      local ok, message = pcall(client.leads, client, {resume = token})
      assert.is_false(ok)
      assert.matches("option 'resume': 'parts' does not divide page_size", message)
    end
    token.parts, token.full = 4, 1
    assert.matches("'full' is no boolean", select(2, pcall(client.leads, client, {resume = token})))
  end)
end)

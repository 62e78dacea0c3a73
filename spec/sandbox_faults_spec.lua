-- The sandbox's faults by script, seen as bytes on real sockets.

local cjson = require "cjson"
local socket = require "socket"

local data = require "oc.sandbox.data"
local faults = require "oc.sandbox.faults"
local sandbox_child = require "support.sandbox_child"
local wire = require "support.sandbox_wire"

local LEADS, ask, ids_of, gunzip = wire.LEADS, wire.ask, wire.ids_of, wire.gunzip
local unchunk, ask_token, bearer, connect = wire.unchunk, wire.ask_token, wire.bearer, wire.connect
local read_to_end, parse_head, request_text = wire.read_to_end, wire.parse_head, wire.request_text

local SAMPLE_TENANT, OTHER_TENANT = "f889d778-d028-49e0-8056-b5d24abb7ca7", "a1a1f1aa-e7c1-4ffc-81e3-7b98e119324a"

describe("the sandbox", function()
  local child

  setup(function() child = sandbox_child.start() end)
  teardown(function() child:close() end)
  before_each(function() child:configure() end)

  describe("a fault", function()
    local whole

    setup(function()
      child:configure()
      whole = ask(child, LEADS).body
    end)

    local function with(rule)
      child:configure { faults = { rule } }
    end

    it("meets pages, attempts and times", function()
      child:configure { leads = 40, faults = {
        { page = 2, attempt = 2, status = 500 },
        { page = 3, times = 2, status = 502 },
        { page = 4, status = 503 },
      } }
      local seen = {}
      for _, page in ipairs { 1, 2, 2, 2, 3, 3, 3, 4, 4, 4 } do
        seen[#seen + 1] = ask(child, LEADS .. "?PageNumber=" .. page).status
      end
      assert.same({ 200, 200, 500, 200, 502, 502, 200, 503, 503, 503 }, seen)
    end)

    it("meets one tenant, in whatever case", function()
      with { tenant = SAMPLE_TENANT:upper(), status = 503 }
      assert.equal(200, ask(child, LEADS).status)
      assert.equal(200, ask(child, LEADS .. "?msTenantId=" .. OTHER_TENANT).status)
      assert.equal(503, ask(child, LEADS .. "?msTenantId=" .. SAMPLE_TENANT).status)
      assert.equal(503, ask(child, LEADS .. "?msTenantId=" .. SAMPLE_TENANT:upper() .. "&PageNumber=2").status)
      with { path = "token", tenant = SAMPLE_TENANT, status = 500 }
      assert.equal(200, ask_token(child).status)
    end)

    -- Which rule of a list each of 2,000 tenants meets.
    local function met(rules, seed)
      local script, found, counts = faults.new(rules, seed), {}, { [0] = 0, 0, 0 }
      for index = 1, 2000 do
        local rule = script:meet("lead", 1, { page = 1, size = 1, tenant = select(3, data.lead(1, index)) })
        found[index] = rule == rules[1] and 1 or rule == rules[2] and 2 or 0
        counts[found[index]] = counts[found[index]] + 1
      end
      return found, counts
    end

    it("meets a share of the tenants, always the same for a seed", function()
      local found, counts = met({ { percent = 10 } }, 1)
      assert.truthy(counts[1] > 160 and counts[1] < 240, counts[1])
      assert.same(found, (met({ { percent = 10 } }, 1)))
      assert.not_same(found, (met({ { percent = 10 } }, 2)))
      assert.same({ [0] = 2000, 0, 0 }, select(2, met({ { percent = 0 } }, 1)))
      assert.same({ [0] = 0, 2000, 0 }, select(2, met({ { percent = 100 } }, 1)))
      local sum = 0
      for index = 1, 2000 do sum = (sum * 31 + found[index]) % 2147483647 end
      assert.equal(1537957953, sum) -- on every Lua
    end)

    it("meets shares that do not overlap", function()
      local low, high = { percent = 20 }, { percent = 30, percent_from = 20 }
      local first, one = met({ low }, 1)
      local second, two = met({ high }, 1)
      local both, counts = met({ low, high }, 1)
      assert.same({ one[1], two[1] }, { counts[1], counts[2] })
      for index = 1, 2000 do assert.equal(first[index] + 2 * second[index], both[index]) end
      assert.same({ [0] = 0, one[1], 2000 - one[1] }, select(2, met({ low, { percent = 80, percent_from = 20 } }, 1)))
    end)

    it("meets a share of the pages where no tenant is asked for", function()
      local function statuses()
        child:configure { faults = { { percent = 50, attempt = 1, status = 503 } } }
        local found, failed = {}, 0
        for page = 1, 40 do
          found[page] = ask(child, LEADS .. "?PageNumber=" .. page).status
          failed = failed + (found[page] == 503 and 1 or 0)
          assert.equal(200, ask(child, LEADS .. "?PageNumber=" .. page).status)
        end
        assert.truthy(failed > 8 and failed < 32, failed)
        return found
      end
      assert.same(statuses(), statuses())
      with { path = "token", percent = 100, status = 500 }
      assert.equal(200, ask_token(child).status)
    end)

    it("meets the token endpoint only when it says so", function()
      child:configure { faults = { { path = "token", attempt = 1, status = 503, headers = { ["Retry-After"] = 1 } } } }
      assert.equal(200, ask(child, LEADS).status)
      local reply = ask_token(child)
      assert.same({ 503, "1" }, { reply.status, reply.headers["retry-after"] })
      assert.equal(200, ask_token(child).status)
    end)

    it("answers a status with headers and body", function()
      with { status = 429, body = "<html>slow</html>", content_type = "text/html", headers = { ["Retry-After"] = 7 } }
      local reply = ask(child, LEADS)
      assert.same({ 429, "<html>slow</html>", "text/html", "7" },
        { reply.status, reply.body, reply.headers["content-type"], reply.headers["retry-after"] })
      with { status = 500 }
      assert.equal("", ask(child, LEADS).body)
      with { body = '{"error":"no"}' }
      assert.same({ 200, '{"error":"no"}' }, { ask(child, LEADS).status, ask(child, LEADS).body })
      with { headers = { ["content-type"] = "text/plain" } }
      local plain = ask(child, LEADS)
      assert.same({ whole, "text/plain" }, { plain.body, plain.headers["content-type"] })
    end)

    it("synchronises and moves nothing when it answers in the leads' place", function()
      child:configure { leads = 30, drift = { after_page = 1, insert = 5 }, faults = { { times = 1, status = 500 } } }
      ask(child, LEADS)
      local first = ids_of(child)
      assert.equal("f825e66a-0e07-4d58-9fb3-271f092ceadc", first[1])
      assert.is_nil(child:journal().requests[1].civic)
    end)

    it("waits before the head", function()
      with { latency_s = 0.05 }
      local started = socket.gettime()
      assert.equal(whole, ask(child, LEADS).body)
      assert.truthy(socket.gettime() - started >= 0.05)
    end)

    it("lets others through while it waits, and notes who leaves", function()
      with { page = 1, latency_s = 600 }
      local client = connect(child)
      client:send(request_text("GET", LEADS))
      ask(child, LEADS .. "?PageNumber=2")
      client:close()
      local entry = child:journal().requests[1]
      assert.same({ true, 0 }, { entry.aborted, entry.bytes_sent })
      assert.is_nil(entry.status)
    end)

    it("drips", function()
      with { drip = { bytes = 4000, every_s = 0.01 } }
      local started = socket.gettime()
      assert.equal(whole, ask(child, LEADS).body)
      assert.truthy(socket.gettime() - started >= math.floor(#whole / 4000) * 0.01)
      with { chunked = true, drip = { bytes = 4000, every_s = 0 } }
      local body, complete = unchunk(ask(child, LEADS).body)
      assert.same({ whole, true }, { body, complete })
    end)

    it("stalls until the client leaves", function()
      with { stall_after = 100 }
      local client = connect(child)
      client:send(request_text("GET", LEADS))
      repeat until assert(client:receive("*l")) == ""
      assert.equal(whole:sub(1, 100), client:receive(100))
      client:settimeout(0)
      assert.equal("timeout", select(2, client:receive(1)))
      client:close()
    end)

    it("cuts a body that promised more", function()
      with { cut_after = 100 }
      local reply = ask(child, LEADS)
      assert.same({ whole:sub(1, 100), tostring(#whole), "closed" },
        { reply.body, reply.headers["content-length"], reply.ending })
      local entry = child:journal().requests[1]
      assert.same({ 100, false }, { entry.bytes_sent, entry.aborted })
    end)

    it("cuts a chunked body before its last chunk", function()
      with { cut_after = 100, chunked = true }
      local reply = ask(child, LEADS)
      local body, complete = unchunk(reply.body)
      assert.same({ whole:sub(1, 100), false, "chunked" }, { body, complete, reply.headers["transfer-encoding"] })
      assert.is_nil(reply.headers["content-length"])
    end)

    it("cuts a body that has no length", function()
      with { cut_after = 100, no_length = true }
      local reply = ask(child, LEADS)
      assert.same({ whole:sub(1, 100), "close" }, { reply.body, reply.headers.connection })
      assert.is_nil(reply.headers["content-length"] or reply.headers["transfer-encoding"])
    end)

    it("resets the connection", function()
      with { reset_after = 100 }
      local client = connect(child)
      client:send(request_text("GET", LEADS))
      local bytes, ending = read_to_end(client)
      assert.equal("reset", ending)
      assert.truthy(#(parse_head(bytes).body or "") <= 100)
      client:close()
    end)

    it("drops the connection before the head", function()
      for _, how in ipairs { true, "close", "reset" } do
        with { drop_before_head = how }
        local reply = ask(child, LEADS)
        assert.equal("", reply.bytes)
        assert.equal(how == "reset" and "reset" or "closed", reply.ending)
      end
    end)

    it("declares another length", function()
      with { length_delta = 5 }
      local longer = ask(child, LEADS)
      assert.same({ whole, tostring(#whole + 5) }, { longer.body, longer.headers["content-length"] })
      with { length_delta = -5 }
      local shorter = ask(child, LEADS)
      assert.same({ whole, tostring(#whole - 5) }, { shorter.body, shorter.headers["content-length"] })
    end)

    it("sends chunks, or without a length", function()
      with { chunked = true }
      assert.equal(whole, (unchunk(ask(child, LEADS).body)))
      with { no_length = true }
      local reply = ask(child, LEADS, { headers = { Connection = "keep-alive" } })
      assert.same({ whole, "close" }, { reply.body, reply.headers.connection })
    end)

    it("compresses whatever is accepted, or never", function()
      with { gzip = true }
      assert.equal(whole, gunzip(ask(child, LEADS).body))
      with { gzip = false }
      assert.equal(whole, ask(child, LEADS, { headers = { ["Accept-Encoding"] = "gzip" } }).body)
      with { gzip = true, status = 500, body = "no" }
      assert.equal("no", gunzip(ask(child, LEADS).body))
    end)

    it("cuts the gzip with a length that fits", function()
      with { gzip = true }
      local packed = ask(child, LEADS).body
      with { cut_gzip = 0.5 }
      local half = ask(child, LEADS)
      assert.same({ packed:sub(1, math.floor(#packed / 2)), tostring(math.floor(#packed / 2)), "gzip" },
        { half.body, half.headers["content-length"], half.headers["content-encoding"] })
      with { cut_gzip = 30 }
      assert.equal(packed:sub(1, 30), ask(child, LEADS).body)
    end)

    it("spoils the gzip", function()
      with { gzip = true }
      local packed = ask(child, LEADS).body
      with { corrupt_gzip = true }
      local spoilt = ask(child, LEADS)
      assert.equal(tostring(#packed), spoilt.headers["content-length"])
      local ok, text = pcall(gunzip, spoilt.body)
      assert.truthy(not ok or text ~= whole)
    end)

    it("expires every token", function()
      child:configure { client_id = "an-app", faults = { { page = 1, attempt = 2, expire_token = true } } }
      local token = cjson.decode(ask_token(child).body).access_token
      assert.equal(200, ask(child, LEADS, bearer(token)).status)
      assert.equal(401, ask(child, LEADS, bearer(token)).status)
      token = cjson.decode(ask_token(child).body).access_token
      assert.equal(200, ask(child, LEADS, bearer(token)).status)
    end)
  end)
end)

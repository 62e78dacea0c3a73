-- The table of faults, each over a real socket: what the caller gets when it lasts, and that no lead is lost or doubled
-- when it does not. docs/FAULTS.md says the same, and is held to it.

local fault_stage = require "support.fault_stage"
local faults = require "support.faults"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"
local world = require "support.world"

local DOCUMENT = "docs/FAULTS.md"

describe("fault", function()
  local child, bodies, all_ids, stage

  setup(function()
    child = sandbox_child.start()
    bodies = fault_stage.pages(child)
    all_ids = fault_stage.ids(bodies)
    assert.equal(faults.LEADS, #all_ids)
  end)
  teardown(function() child:close() end)
  after_each(function()
    if stage then stage.close() end
    stage = nil
  end)

  local function play(row, once)
    stage = fault_stage.set(child, bodies, row, {once = once})
    return stage.client:leads {page_size = faults.PAGE_SIZE, prefetch = 0}
  end

  -- Leads that came before the error: those of the pages before, and of the page at hand what the row says.
  local function assert_came(row, n)
    local before = (row.page - 1) * faults.PAGE_SIZE
    if row.server then before = faults.PAGE_SIZE end
    local most, came = before + faults.PAGE_SIZE, row.came or "none"
    if came == "none" then
      assert.equal(before, n)
    elseif came == "all" then
      assert.equal(most, n)
    else
      assert.is_true(n >= before and n <= most, n .. " leads came")
      assert.is_true(came == "perhaps" or n > before and n < most, n .. " leads came")
    end
  end

  local function assert_error(row, err)
    assert.equal(row.kind, err.kind, err.message)
    assert.matches(row.says, err.message)
    assert.matches(row.token and "^cannot get a token: " or row.kind ~= "cancelled" and not (row.given or {}).auth
      and "^cannot read page " .. row.page .. ": " or "", err.message)
    assert.equal(err.message, tostring(err))
    if row.status or err.status ~= 200 then assert.equal(row.status, err.status) end
    if row.attempts ~= false then
      assert.equal(row.attempts or row.again and faults.MAX_ATTEMPTS or 1, err.attempts)
    end
    for name, value in pairs(row.fields or {}) do assert.same(value, err[name]) end
    if err.status == 200 or not err.status then assert.is_nil(err.body) end
    local json = (row.kind == "json" or row.kind == "shape") and not row.again and not row.server
    assert.equal(json, err.offset ~= nil and row.kind ~= "limit" and not row.again, "offset " .. tostring(err.offset))
  end

  local function assert_waits(row)
    local waits = row.waits
    if not waits then
      waits = {}
      for attempt = 1, row.again and faults.MAX_ATTEMPTS - 1 or 0 do waits[attempt] = 0.25 * 2 ^ (attempt - 1) end
    end
    if row.deps and row.deps.sleep then return end
    assert.same(waits, stage.slept)
    assert.equal(row.token and 0 or #waits, #stage.retries)
    assert.equal(#waits, select(2, world.events(stage.logged):gsub("retry", "")))
  end

  -- Another client goes on from the error, once the fault is over.
  local function assert_goes_on(row, err)
    stage.heal()
    local got = err.partial
    local rest, result = stage.second():leads({resume = err.resume}):all()
    assert(rest, result)
    for _, lead in ipairs(rest) do got[#got + 1] = lead end
    assert.same(all_ids, world.ids(got))
    assert.is_true(result.complete)
    assert.equal(row.uncertain or false, result.uncertain)
  end

  faults.each(function(row, title)
    if not row.outcome then
      it(title .. ": " .. row.name .. ", for good", function()
        local leads = play(row)
        local all, err = leads:all()
        assert.is_nil(all)
        assert_error(row, err)
        assert_came(row, #err.partial)
        assert_waits(row)
        assert.equal("error", leads:result().stop_reason)
        assert.is_false(leads:result().complete)
        if not row.tls then assert_goes_on(row, err) end
      end)
    end

    if row.outcome == "fine" then
      it(title .. ": " .. row.name .. ", is none", function()
        local all, result = play(row, row.once):all()
        assert(all, result)
        assert.same(all_ids, world.ids(all))
        assert.is_true(result.complete)
        assert.equal(0, result.duplicates)
      end)
    elseif row.outcome == "end" then
      it(title .. ": " .. row.name .. ", is the end", function()
        local all, result = play(row):all()
        assert.equal((row.page - 1) * faults.PAGE_SIZE, #world.ids(assert(all, result)))
        assert.is_true(result.complete)
        assert.equal("end", result.stop_reason)
      end)
    elseif row.again then
      it(title .. ": " .. row.name .. ", once", function()
        local leads, got = play(row, true), {}
        for lead in leads do got[#got + 1] = lead end
        assert.same(all_ids, world.ids(got))
        local result = leads:result()
        assert.is_true(result.complete)
        assert.equal(0, result.duplicates)
        assert.is_false(result.uncertain)
        -- libcurl itself asks again on a connection that was dropped between two requests
        assert.is_true(#stage.slept <= (row.failures or 1))
        assert.equal(#all_ids / faults.PAGE_SIZE + 1 + (row.token and 0 or #stage.retries), result.attempts)
      end)
    elseif not (row.given or row.deps or row.server or row.tls or row.auth or row.lasting) then
      it(title .. ": " .. row.name .. ", once, and next called again", function()
        local leads, got, errors = play(row, true), {}, 0
        repeat
          local lead, err = leads:next()
          got[#got + 1] = lead
          if err then errors = errors + 1 end
          assert.is_true(errors <= 1, tostring(err))
        until not lead and not err
        assert.equal(1, errors)
        assert.same(all_ids, world.ids(got))
        assert.is_true(leads:result().complete)
        assert.equal(0, leads:result().duplicates)
      end)
    end
  end)
end)

it("docs/FAULTS.md is the table of faults", function()
  local text = tree.read(DOCUMENT)
  local made = faults.document()
  assert(text:match "<!%-%- faults %-%->\n\n(.-)\n\n<!%-%- end %-%->" == made,
    ("%s, <!-- faults -->: is to be\n\n%s\n"):format(DOCUMENT, made))
end)

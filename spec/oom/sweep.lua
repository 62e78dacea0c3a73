-- sweep.lua - run by oom_main: what comes of it when allocation k fails, for each k.
-- Knows what is to come of it in any case: every lead once, as it was sent, and nothing left behind.
--
--   oom_main sweep.lua URL [MODE [STEP [SCENARIO...]]]     URL: of a sandbox with ten leads
--   oom_main --fresh STEP sweep.lua URL [MODE]             loading the modules too, and lua_close; a new sandbox
--
-- MODE: `one` (allocation k fails), `all` (from k on all fail, until the caller hears of it). STEP: from one k to the
-- next. For each scenario it says how many k there were, whose allocations, and what the caller got.

local k_of_fresh, url, mode, step = ...
local for_good = mode == "all"
local chosen = {select(5, ...)}
local oom = _G.oom

-- LuaJIT (2.1.0-beta3) itself crashes when memory runs out in what it has compiled.
local jit = rawget(_G, "jit")
if jit then jit.off() end

local oc, core, script_host -- loaded by load_modules, which is part of the sweep with --fresh

local function load_modules()
  core = require "oc.core"
  oc = require "oc"
  script_host = require "oc.host.script"
end

-- --- one run ---------------------------------------------------------------------

-- What runs while allocations fail is a function of a task, and goes on where it stopped when it is called again:
-- only oc may lose anything. So all it needs of its own is there before.

local MOST_LEADS = 64

local function new_task()
  local task = {got = {}, n = 0, done = false, host = false, client = false, leads = false, iterator = false,
    failure = false, result = false, all = false, open = false, exchanges = false, at = 1, value = false,
    retries = 0, stage = 1}
  for i = 1, MOST_LEADS do task.got[i] = false end
  return task
end

local function no_sleep() return true end
local function no_chance() return 0.5 end
local function no_log() end

local deps = {sleep = no_sleep, random = no_chance}

local function open_client(task, given)
  if task.client then return true end
  local err
  if not task.host then
    task.host, err = script_host.new({}, deps)
    if not task.host then
      task.failure = err
      return false
    end
  end
  local all = {base_url = url, auth = false, host = task.host, log = no_log}
  for name, value in pairs(given.client or {}) do all[name] = value end
  if given.hook then all.on_retry = given.hook(task) end
  task.client, err = oc.client(all)
  task.failure = err or false
  return task.client ~= nil
end

local function close_all(task)
  if task.leads then task.leads:close() end
  if not task.open then task.open = task.host.pool:counts().open end
  task.client:close()
  task.host:close()
end

-- The three ways to read.

local function by_next(task)
  while not task.done do
    local lead, err = task.leads:next()
    if err then
      task.failure = err
      return
    end
    if lead then
      task.n = task.n + 1
      task.got[task.n] = lead
    else
      task.done = true
    end
  end
end

local function by_all(task)
  local all, more = task.leads:all()
  if not all then
    task.failure = more
    return
  end
  task.all, task.result, task.done = all, more, true
end

local function by_pages(task)
  task.iterator = task.iterator or task.leads:pages()
  while not task.done do
    local page = task.iterator()
    if page then
      for i = 1, #page.leads do
        task.n = task.n + 1
        task.got[task.n] = page.leads[i]
      end
    else
      task.done = true
    end
  end
end

local function reading(read, given)
  return function(task)
    if not open_client(task, given) then return end
    task.leads = task.leads or task.client:leads(given.leads)
    if not task.done then read(task) end
    if not task.done then return end
    task.result = task.result or task.leads:result()
    close_all(task)
    return true
  end
end

-- What was handed out with an error belongs to what was got.
local function take_partial(task, err)
  if type(err) ~= "table" or not err.partial then return end
  for _, lead in ipairs(err.partial) do
    task.n = task.n + 1
    task.got[task.n] = lead
  end
end

-- --- what is expected --------------------------------------------------------------

local CREDENTIALS = {tenant_id = "9a1b2c3d-0000-4000-8000-00000000abcd", client_id = "an-app", client_secret = "s",
  scope = "api://x/.default"}

local LEADS = {leads = 10, civic_sync = false}

local PROBLEM = '{"type":"' .. ("x"):rep(600) .. '","title":"One or more validation errors","status":400,'
  .. '"traceId":"00-1","errors":{"PageSize":["too \\u0022large\\u0022"]}}'

local SAMPLE = [==[{"id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","tenantId":null,"isDirectLead":true,
"civicAddresses":[],
"n":[1,-2.5,1e300,123456789012345678,null],"comment":"a \"quoted\" \u00e9 line\n]==] .. ("long "):rep(60) ..
  [==[","nested":{"b":{"c":[[],{}]}},"id2":1234567890123456789012345678901234567890.5}]==]

local function sample_page()
  local leads = {}
  for i = 1, 12 do leads[i] = '{"id":"' .. i .. '","k' .. i .. '":"v",' .. SAMPLE:sub(2) end
  return "[" .. table.concat(leads, ",") .. "]"
end

local function client_options()
  return {auth = oc.auth.client_credentials {tenant_id = CREDENTIALS.tenant_id, client_id = CREDENTIALS.client_id,
    client_secret = CREDENTIALS.client_secret, scope = CREDENTIALS.scope, authority = url}}
end

-- Sends one request while nothing fails: the sandbox's own.
local function configure(options)
  local cjson = require "cjson"
  local client = assert(oc.client {base_url = url, auth = false, log = false})
  local x = assert(client:open {url = url .. "/_sandbox/configure", method = "POST", body = cjson.encode(options)})
  local status = assert(x:head())
  local problem = x:read()
  x:close()
  client:close()
  assert(status == 200, problem)
end

local scenarios = {}

-- The leads of the sandbox as texts, once.
local reference

local function texts(leads)
  local written = {}
  for i, lead in ipairs(leads) do
    if type(lead) == "string" then lead = assert(oc.decode(lead, {nulls = "null"})) end -- of `raw`
    written[i] = oc.encode(lead)
  end
  return written
end

local function got_by(task)
  if not task.all then
    local got = {}
    for i = 1, task.n do got[i] = task.got[i] end
    return got
  end
  local got = {}
  for i = 1, task.n do got[i] = task.got[i] end -- of an all() that failed
  for _, lead in ipairs(task.all) do got[#got + 1] = lead end
  return got
end

local function check_leads(task)
  local got = texts(got_by(task))
  if #got ~= #reference then return ("%d leads, not %d"):format(#got, #reference) end
  for i, text in ipairs(got) do
    if text ~= reference[i] then return ("lead %d is not as it was sent: %s"):format(i, text) end
  end
  if not task.result.complete or task.result.stop_reason ~= "end" then return "not complete" end
  if task.result.duplicates ~= 0 then return "duplicates" end
  if task.result.resume then return "complete, and yet a resume token" end
  return nil
end

local function check_closed(task)
  if task.open ~= 0 then return ("%s exchanges open after close"):format(tostring(task.open)) end
  if task.host.pool:counts().exchanges ~= 0 then return "the pool still has exchanges" end
  return nil
end

local function scenario(name, s)
  s.name = name
  scenarios[#scenarios + 1] = s
end

local function fetching(name, read, given)
  scenario(name, {
    sandbox = given.sandbox or LEADS, each = given.each, fetches = true,
    prepare = function() if given.credentials then given.client = client_options() end end,
    go = reading(read, given), after = given.after or take_partial,
    check = function(task) return given.check and given.check(task) or check_leads(task) or check_closed(task) end,
  })
end

fetching("next", by_next, {
  credentials = true, sandbox = {leads = 10, civic_sync = false, client_id = "an-app"},
  leads = {page_size = 4, nulls = "null"},
})
fetching("all", by_all, {leads = {page_size = 4, nulls = "null", prefetch = 2}})
fetching("pages", by_pages, {leads = {page_size = 4, nulls = "null", prefetch = 0}})
fetching("verify", by_next, {leads = {page_size = 4, nulls = "null", verify = true}})
fetching("raw", by_next, {leads = {page_size = 4, raw = true}})

-- A run that failed is closed, and another goes on from where it says.
local function resume_elsewhere(task, problem)
  if not task.leads then return end
  local result = task.leads:result()
  local token = type(problem) == "table" and problem.resume or result.resume
  if result.complete then return end
  task.leads:close()
  task.leads = task.client:leads {resume = token, nulls = "null"}
end

fetching("resume", by_next, {leads = {page_size = 4, nulls = "null"}, after = resume_elsewhere})

-- Every kind of fault that is healed by asking again, a token that expires, a hook that raises.
fetching("retry", by_next, {credentials = true, each = true,
  check = function(task) return task.retries < 1 and "the hook was never called" end,
  sandbox = {leads = 10, civic_sync = false, client_id = "an-app", faults = {
    {path = "token", attempt = 1, status = 500, body = "<html>"},
    {page = 1, attempt = 1, status = 503, headers = {["Retry-After"] = 1}, body = PROBLEM},
    {page = 2, attempt = 1, cut_after = 700},
    {page = 2, attempt = 2, expire_token = true},
    {page = 3, attempt = 1, drop_before_head = "reset"},
    {page = 3, attempt = 2, status = 307, headers = {Location = "lead?PageNumber=3&PageSize=4&again=1"}},
  }},
  hook = function(task)
    return function()
      task.retries = task.retries + 1
      if task.retries == 2 then error("the hook's own", 0) end
    end
  end,
  leads = {page_size = 4, nulls = "null"},
})

-- A page that is too slow is asked for in parts.
fetching("parts", by_pages, {each = true, leads = {page_size = 20, nulls = "null"}, sandbox = {
  leads = 10, civic_sync = false, faults = {
    {page = 1, attempt = 1, status = 504}, {page = 1, attempt = 2, status = 504},
  },
}})

-- A refusal with a body: that error and no other.
local function is_refusal(err)
  if err.kind ~= "http" or err.status ~= 400 or err.page ~= 1 or err.resume.page ~= 1 then return false end
  if err.body ~= PROBLEM then return err.body == nil and err.title == nil end -- no memory for it, but a refusal it is
  return err.title == "One or more validation errors" and err.trace_id == "00-1"
    and err.fields.PageSize[1] == 'too "large"'
end

scenario("refused", {
  sandbox = {leads = 10, faults = {{status = 400, body = PROBLEM, content_type = "application/problem+json"}}},
  prepare = function() end,
  go = function(task)
    if not open_client(task, {}) then return end
    task.leads = task.leads or task.client:leads {page_size = 4}
    if not task.done then
      local _, err = task.leads:next()
      if err.kind ~= "http" then
        task.failure = err
        return
      end
      task.done, task.value = true, err
    end
    close_all(task)
    return true
  end,
  check = function(task)
    if not is_refusal(task.value) then return "another error: " .. tostring(task.value) end
    return check_closed(task)
  end,
})

-- Stopped in the middle, a page asked ahead: by close, and by the collector.
local function stopping(stop)
  return function(task)
    if not open_client(task, {}) then return end
    if task.stage == 1 then
      task.leads = task.leads or task.client:leads {page_size = 4, prefetch = 2, nulls = "null"}
      while task.n < 2 do
        local lead, err = task.leads:next()
        if err then
          task.failure = err
          return
        end
        task.n = task.n + 1
        task.got[task.n] = lead
      end
      task.stage = 2
    end
    stop(task)
    close_all(task)
    return true
  end
end

local function check_stopped(task)
  for i = 1, 2 do
    if oc.encode(task.got[i]) ~= reference[i] then return "the leads are not those that were sent" end
  end
  return check_closed(task)
end

scenario("close", {sandbox = LEADS, prepare = no_log, check = check_stopped, go = stopping(function(task)
  task.leads:close()
end)})

scenario("collect", {sandbox = LEADS, prepare = no_log, check = check_stopped, go = stopping(function(task)
  task.leads = false
  collectgarbage()
  collectgarbage()
end)})

-- Without any network.
local page_text = sample_page()
local page_values, page_chunks

local function prepare_page()
  page_values = assert(oc.decode(page_text, {nulls = "null"}))
  page_chunks = {}
  for at = 1, #page_text, 301 do page_chunks[#page_chunks + 1] = page_text:sub(at, at + 300) end
end

local function offline(name, go, check)
  scenario(name, {prepare = prepare_page, go = go, check = check})
end

local function check_value(task)
  if oc.encode(task.value) ~= oc.encode(page_values) then return "another value" end
  return nil
end

offline("decode", function(task)
  task.value, task.failure = oc.decode(page_text, {nulls = "null"})
  task.failure = task.failure or false
  return task.value ~= nil
end, check_value)

offline("encode", function(task)
  task.value = oc.encode(page_values)
  return true
end, function(task)
  if task.value ~= oc.encode(page_values) then return "another text" end
  return nil
end)

-- A fault sticks in a decoder, so after one it begins anew; an error that Lua raised leaves it where it was.
local function decoding(take)
  return function(task)
    task.value = task.value or oc.decoder {nulls = "null"}
    local decoder, err = task.value
    if task.stage == 3 then
      decoder:reset()
      task.at, task.n, task.stage = 1, 0, 1
    end
    while task.at <= #page_chunks do
      if task.stage == 1 then
        err = select(2, decoder:feed(page_chunks[task.at]))
        if err then break end
        task.stage = 2
      end
      err = take(task, decoder)
      if err then break end
      task.at, task.stage = task.at + 1, 1
    end
    if not err then err = select(2, decoder:finish()) end
    if not err then return true end
    task.failure, task.stage = err, 3
  end
end

local function check_decoded(task)
  task.all, task.value = false, got_by(task)
  return check_value(task)
end

offline("decoder next", decoding(function(task, decoder)
  while true do
    local lead, err = decoder:next()
    if not lead then return err end
    task.n = task.n + 1
    task.got[task.n] = lead
  end
end), check_decoded)

offline("decoder read", decoding(function(task, decoder)
  local leads, err = decoder:read()
  if not leads then return err end
  for i = 1, #leads do
    task.n = task.n + 1
    task.got[task.n] = leads[i]
  end
end), check_decoded)

-- So large that it is read with the collector stopped; `sweep` sees that it is not left so.
local batch = {}
for i = 1, 60 do batch[i] = ('{"id":"%d","text":"%s"}'):format(i, ("long "):rep(16000)) end
local batch_text = "[" .. table.concat(batch, ",") .. "]"

offline("batch", function(task)
  local leads, err
  task.value = task.value or oc.decoder()
  if task.stage == 1 then err = select(2, task.value:feed(batch_text)) end
  if not err then
    task.stage = 2
    leads, err = task.value:read()
  end
  if leads and #leads == #batch then
    task.all = leads
    return true
  end
  if not err then err = select(2, task.value:read()) end -- what stopped it in the middle is told then
  task.value:reset()
  task.failure, task.stage = err, 1
end, function(task)
  for i = 1, #batch do
    if oc.encode(task.all[i]) ~= batch[i] then return "another lead" end
  end
  return #task.all ~= #batch and "leads are missing"
end)

local problem_pieces = {}
for at = 1, #PROBLEM, 100 do problem_pieces[#problem_pieces + 1] = PROBLEM:sub(at, at + 99) end

-- The loop cannot feed a piece of a body twice: what it got from the exchange is fed or gone.
offline("pager", function(task)
  task.value = task.value or oc.pager {base_url = "https://example.com", max_attempts = 1}
  if task.stage == 1 then
    assert(task.value:request())
    task.value:response(400, {})
    task.stage = 2
  end
  while task.at <= #problem_pieces do
    local at = task.at
    task.at = at + 1
    task.value:feed(problem_pieces[at])
  end
  if task.stage == 2 then
    local what, err = task.value:finish()
    assert(not what)
    task.result, task.stage = err, 3
  end
  return true
end, function(task)
  return task.result.body ~= PROBLEM and "the body has a hole"
end)

-- --- the sweep -----------------------------------------------------------------------

local MOST_CALLS = 8

local function new_tally()
  return {lua = 0, curl = 0, oc = 0, raised = 0, told = 0, either = 0, hook = 0, healed = 0, wrong = 0}
end

local function is_memory(problem)
  if type(problem) ~= "string" then return false end
  return problem == "not enough memory" or problem:find "Memory allocation error in CJSON" -- lua-cjson's words for it
    or problem:find "^error loading module .*not enough memory$"
end

-- libcurl before 8.6 has one code for memory that ran out over a header line, and for one that is too long.
local function is_ambiguous(problem)
  local major, minor = core.versions().curl:match "^(%d+)%.(%d+)"
  return type(problem) == "table" and problem.kind == "limit" and problem.curl_code == 27
    and tonumber(major) + tonumber(minor) / 100 < 8.06 and problem.message:find("memory ran out", 1, true)
end

-- Calls go until it is through; the first time allocation k fails. What the caller got, or what is wrong.
local function run(s, task, k, tally)
  local who, ok, through = oom.try(k, for_good, s.go, task)
  for _ = 1, MOST_CALLS do
    if ok and through then return who end
    local problem = not ok and through or task.failure
    task.failure = false
    if is_memory(problem) then
      tally.raised = tally.raised + 1
    elseif type(problem) == "table" and problem.kind == "memory" then
      tally.told = tally.told + 1
    elseif who == "curl" and is_ambiguous(problem) then
      tally.either = tally.either + 1
    elseif problem == "the hook's own" then
      tally.hook = tally.hook + 1
    else
      local what = type(problem) == "table" and ("%s %s: %s"):format(problem.kind, tostring(problem.curl_code),
        problem.message) or tostring(problem)
      return who, "wrong kind: " .. what
    end
    if s.after then s.after(task, problem) end
    ok, through = pcall(s.go, task)
  end
  return who, "it does not come through"
end

local WRONG_SHOWN = 20

local can_tell = pcall(collectgarbage, "isrunning") -- not in Lua 5.1 and LuaJIT

local function is_collector_stopped() return can_tell and not collectgarbage "isrunning" end

local function sweep(s)
  local tally = new_tally()
  local k, stride = 0, tonumber(step) or 1
  if s.sandbox then configure(s.sandbox) end
  s.prepare()
  while true do
    if s.each then configure(s.sandbox) end
    local task, descriptors = new_task(), oom.descriptors()
    local before = tally.raised + tally.told + tally.either
    local who, wrong = run(s, task, k, tally)
    wrong = wrong or s.check(task)
    if oom.descriptors() ~= descriptors then
      collectgarbage() -- a pool of which nobody has heard
      collectgarbage()
    end
    if not wrong and oom.descriptors() ~= descriptors then wrong = "descriptors are left open" end
    if is_collector_stopped() then wrong = "the collector is left stopped" end
    if wrong then
      tally.wrong = tally.wrong + 1
      if tally.wrong <= WRONG_SHOWN then
        print(("%s, k = %d of %s: %s"):format(s.name, k, tostring(who), wrong))
      end
      if task.host then task.host:close() end
    end
    if not who then break end
    tally[who] = tally[who] + 1
    if tally.raised + tally.told + tally.either == before and not wrong then tally.healed = tally.healed + 1 end
    k = k + stride
  end
  local tried = tally.lua + tally.curl + tally.oc
  print(("%s: %d of %d allocations failed (lua %d, libcurl %d, oc %d): %d errors of kind memory, %d that may be a "
    .. "long header line, %d Lua errors, %d healed, %d wrong"):format(s.name, tried, k, tally.lua, tally.curl, tally.oc,
    tally.told, tally.either, tally.raised, tally.healed, tally.wrong))
  return tried, tally.wrong
end

local function wanted(name)
  if #chosen == 0 then return true end
  for _, one in ipairs(chosen) do
    if one == name then return true end
  end
  return false
end

local function fetch_reference()
  configure(LEADS)
  local client = assert(oc.client {base_url = url, auth = false, log = false})
  reference = texts(assert(client:leads({page_size = 4, nulls = "null"}):all()))
  client:close()
  assert(#reference == 10)
end

-- A whole life in a state of its own: the modules, the reference behind it.
local function live_once(k)
  local task = new_task()
  local go = reading(by_next, {leads = {page_size = 4, nulls = "null"}})
  local life = {go = function()
    if not script_host then load_modules() end
    return go(task)
  end, after = function()
    -- Lua 5.1 would take a module that failed for one under way; its mark is a userdata, in LuaJIT even a number.
    for name, value in pairs(package.loaded) do
      local marked = type(value) == "userdata" or type(value) == "number"
      if marked and (name:find "^oc" or name:find "^cjson") then package.loaded[name] = nil end
    end
    -- There LPeg is in package.loaded before its functions are in it.
    if type(package.loaded["oc.filter.grammar"]) ~= "table" then package.loaded.lpeg = nil end
  end}
  local who, wrong = run(life, task, k, new_tally())
  if not wrong then
    fetch_reference()
    wrong = check_leads(task) or check_closed(task)
  end
  if wrong then error(("k = %d of %s, in a state of its own: %s"):format(k, tostring(who), wrong), 0) end
  return who ~= nil
end

-- oom_main sees to it that libcurl does not start the first time.
local function check_start()
  local host, err = script_host.new({}, deps)
  if host or err.kind ~= "memory" then error("libcurl did not start, and nobody said so", 0) end
end

local function main()
  if k_of_fresh >= 0 then return live_once(k_of_fresh) end
  load_modules()
  check_start()
  fetch_reference()
  local tried, wrong = 0, 0
  for _, s in ipairs(scenarios) do
    if wanted(s.name) then
      local k, bad = sweep(s)
      tried, wrong = tried + k, wrong + bad
    end
  end
  print(("%d allocations failed, %d wrong"):format(tried, wrong))
  if wrong > 0 then error("see above", 0) end
end

return main()

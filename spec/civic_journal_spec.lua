-- The journal: what it keeps, what it survives, and that one run at a time writes it.

local command = require "support.command"
local core = require "oc.core"
local journal = require "oc.civic.journal"
local oc = require "oc"
local process = require "support.process"

local HOUR_S = 3600
local NOW = 1700000000

describe("the journal", function()
  local path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)
  after_each(function()
    os.remove(path)
    os.remove(path .. ".new")
  end)

  local function write(text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end

  local function open(max_age_h, now)
    return journal.open(path, max_age_h or 24, now or NOW)
  end

  local function outcome(lead, what, more)
    local made = {lead = lead, outcome = what, attempts = 1, time = "2023-11-14T22:13:20Z"}
    for name, value in pairs(more or {}) do made[name] = value end
    return made
  end

  it("goes on where it stopped", function()
    local j = assert(open())
    assert.is_false(j.resumed)
    assert(j:write(outcome("a", "synced", {addresses = {{id = "x", elin = oc.null}}})))
    assert(j:write(outcome("b", "failed", {kind = "http", message = "HTTP 502"})))
    assert(j:write(outcome("c", "empty")))
    assert(j:write(outcome("d", "unchanged")))
    j:close()
    j:close()
    j = assert(open(24, NOW + 22 * HOUR_S))
    assert.is_true(j.resumed)
    assert.same({{id = "x", elin = oc.null}}, j:found("a").addresses)
    assert.is_nil(j:found "b")
    assert.equal("empty", j:found("c").outcome)
    assert.equal("unchanged", j:found("d").outcome)
    assert(j:write(outcome("b", "synced", {addresses = {{id = "y"}}})))
    j:close()
    j = assert(open())
    assert.equal("synced", j:found("b").outcome)
    j:close()
    assert.same({}, (assert(journal.history(path .. ".nowhere"))))
  end)

  it("takes the last word of a lead: a failure after a success is tried again", function()
    local j = assert(open())
    assert(j:write(outcome("a", "synced", {addresses = {{}}})))
    assert(j:write(outcome("a", "failed", {time = "2023-11-15T00:00:00Z"})))
    j:close()
    j = assert(open())
    assert.is_nil(j:found "a")
    j:close()
    local known = journal.history(path).a
    assert.same({attempt = core.instant "2023-11-15", success = NOW}, known)
  end)

  it("begins afresh past its age, and remembers when leads were last tried and last found", function()
    local j = assert(open(24, NOW))
    assert(j:write(outcome("a", "synced", {addresses = {{}}})))
    assert(j:write(outcome("b", "failed")))
    j:close()
    j = assert(open(24, NOW + 23.5 * HOUR_S)) -- a nightly run that starts early
    assert.is_false(j.resumed)
    assert.is_nil(j:found "a")
    assert(j:write(outcome("a", "failed", {time = "2023-11-15T21:43:20Z"})))
    j:close()
    local history = assert(journal.history(path))
    assert.same({attempt = core.instant "2023-11-15T21:43:20Z", success = NOW}, history.a)
    assert.same({attempt = NOW}, history.b)
    j = assert(open(24, NOW + 60 * HOUR_S))
    j:close()
    assert.same(history, (assert(journal.history(path))))
    assert.is_nil(core.file_mode(path .. ".new"))
  end)

  it("is its owner's alone, and stays what it was when it begins afresh; a link stays a link", function()
    assert(open(24, NOW)):close()
    assert.equal(384, (core.file_mode(path)))
    os.execute("chmod 640 " .. path)
    local link = path .. ".link"
    os.execute(("ln -s %s %s"):format(path, link))
    finally(function() os.remove(link) end)
    local j = assert(journal.open(link, 24, NOW + 90 * HOUR_S))
    assert(j:write(outcome("a", "empty")))
    j:close()
    assert.equal(416, (core.file_mode(path)))
    assert.matches('"lead":"a"', command.read_file(path))
  end)

  it("whose start lies ahead, or cannot be read, is over", function()
    for _, started in ipairs {"2099-01-01T00:00:00Z", "never"} do
      write(('{"journal":"oc.civic","started":"%s","version":1}\n'):format(started)
        .. '{"lead":"a","outcome":"empty","time":"2023-11-14T22:13:20Z"}\n')
      local j = assert(open())
      assert.is_false(j.resumed)
      assert.is_nil(j:found "a")
      j:close()
    end
  end)

  it("can be checked before it is used, without being changed", function()
    assert.is_true(journal.check(path))
    assert.is_nil(core.file_mode(path))
    local j = assert(open())
    local ok, err = journal.check(path)
    assert.is_nil(ok)
    assert.matches("another run", err.message)
    j:close()
    assert.is_true(journal.check(path))
    write "no journal"
    assert.is_nil(journal.check(path))
    assert.is_nil((journal.check "/nowhere/at/all"))
  end)

  it("refuses a large file that is none at once", function()
    write(("x"):rep(30000000))
    local from = os.clock()
    assert.is_nil(open())
    assert.is_true(os.clock() - from < 1)
    write('{"journal":"oc.civic","started":"2023-11-14T22:13:20Z","version":1}\n' .. ("x"):rep(30000000))
    from = os.clock()
    local j = assert(open())
    assert.is_true(os.clock() - from < 5)
    j:close()
  end)

  it("survives a torn last line, at each byte of it", function()
    local j = assert(open())
    assert(j:write(outcome("a", "synced", {addresses = {{id = "x"}}})))
    j:close()
    local whole = command.read_file(path)
    local head = whole:match "^[^\n]*\n"
    for bytes = 0, #whole - 1 do
      write(whole:sub(1, bytes))
      j = assert(open())
      assert.is_nil(j:found "a")
      assert(j:write(outcome("b", "empty")))
      j:close()
      local text = command.read_file(path)
      assert.equal(head, text:match "^[^\n]*\n")
      assert.matches('^[^\n]*"lead":"b"[^\n]*\n$', text:sub(#head + 1))
    end
    write(whole .. ("\0"):rep(5000)) -- what a power failure may leave
    j = assert(open())
    assert.equal("synced", j:found("a").outcome)
    j:close()
    assert.equal(whole, command.read_file(path))
  end)

  it("passes over lines it cannot read, and counts them", function()
    local j = assert(open())
    assert(j:write(outcome("a", "empty")))
    j:close()
    write(command.read_file(path) .. 'nonsense\n{"lead":1}\n[]\n\n{"lead":"z","outcome":"empty","time":"never"}\n'
      .. '{"lead":"b","outcome":"empty","time":"2023-11-14T22:13:20Z"}\n')
    j = assert(open())
    assert.equal(5, j.bad)
    assert.truthy(j:found "a" and j:found "b")
    j:close()
  end)

  it("takes nothing for found that no lead can have", function()
    for _, value in ipairs {'"text"', "5", "true", '{"a":1}', '["x"]', "[null]", "[]", "null"} do
      write(('{"journal":"oc.civic","started":"2023-11-14T22:13:20Z","version":1}\n{"lead":"a","outcome":"synced",'
        .. '"addresses":%s,"time":"2023-11-14T22:13:20Z"}\n'):format(value))
      local j = assert(open())
      assert.is_nil(j:found "a")
      assert.equal(1, j.bad)
      j:close()
    end
  end)

  it("leaves files of others beside it alone", function()
    assert(open(24, NOW)):close()
    local beside = path .. ".new"
    local file = assert(io.open(beside, "w"))
    file:write "precious"
    file:close()
    assert(open(24, NOW + 90 * HOUR_S)):close()
    assert.is_true(journal.check(path))
    assert.equal("precious", command.read_file(beside))
  end)

  it("refuses what is no journal, and leaves it alone", function()
    for _, text in ipairs {"x", "{}\n", "id,tenantId\n1,2\n", '{"journal":"oc.civic","version":2}\n',
      '{"journal":"b"}\n', '[\n', "\0\0"} do
      write(text)
      local j, err = open()
      assert.is_nil(j)
      assert.equal("io", err.kind)
      assert.matches("cannot use the journal " .. path:gsub("%p", "%%%0"), err.message)
      assert.equal(text, command.read_file(path))
      if text:find "\n" then
        j, err = journal.history(path)
        assert.is_nil(j)
        assert.equal("io", err.kind)
      end
    end
    local j, err = journal.open("spec", 24, NOW)
    assert.is_nil(j)
    assert.equal("io", err.kind)
    j, err = journal.open("/nowhere/at/all", 24, NOW)
    assert.is_nil(j)
    assert.matches("No such file", err.message)
  end)

  it("is one run's: another is refused, in this process and elsewhere, until it has ended", function()
    local j = assert(open())
    local second, err = open()
    assert.is_nil(second)
    assert.matches("another run is writing it", err.message)
    local script = ([[
      local journal = require "oc.civic.journal"
      local j, err = journal.open(%q, 24, %d)
      io.write(j and "opened" or err.message)
    ]]):format(path, NOW)
    local function elsewhere()
      local file = os.tmpname()
      local handle = assert(io.open(file, "w"))
      handle:write(script)
      handle:close()
      local pipe = assert(io.popen(process.quote(process.interpreter()) .. " " .. file))
      local printed = pipe:read "*a"
      pipe:close()
      os.remove(file)
      return printed
    end
    assert.matches("another run is writing it", elsewhere())
    j:close()
    assert.equal("opened", elsewhere())
  end)

  it("says what it cannot write", function()
    local full = io.open("/dev/full", "r")
    if not full then return pending "no /dev/full here" end
    full:close()
    local j = assert(open())
    local real = j.file
    j.file = assert(io.open("/dev/full", "w"))
    local ok, err = j:write(outcome("a", "empty"))
    assert.is_nil(ok)
    assert.equal("io", err.kind)
    assert.matches("cannot write the journal", err.message)
    j:close()
    real:close()
  end)
end)

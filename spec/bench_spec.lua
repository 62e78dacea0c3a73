-- The measuring itself: that it compares what it says, and that the gate closes. No figure is looked at.

local daemon = require "support.daemon"
local pages = require "bench.pages"
local process = require "support.process"

-- With the usual build: what script/test --san preloads for Lua would be for jq, the compiler and the shell, too.
local function run(command)
  local pipe = assert(io.popen("unset LD_PRELOAD OC_SAN; { " .. command .. "\n} 2>&1; echo \"status $?\""))
  local text = pipe:read "*a"
  pipe:close()
  local said, status = text:match "^(.*)status (%d+)\n$"
  return tonumber(status), said
end

describe("stats", function()
  local stats = require "bench.stats"

  it("has the middle, of even counts too", function()
    assert.equal(2, stats.median {3, 1, 2})
    assert.equal(2.5, stats.median {4, 1, 3, 2})
  end)

  it("has the ratio of the medians, and the ends of what a round had", function()
    local ratio, least, most = stats.ratio({1, 2, 3}, {4, 2, 9})
    assert.same({2, 1, 4}, {ratio, least, most})
  end)
end)

describe("whether two did the same", function()
  local cjson = require "cjson"
  local same = require "bench.same"

  it("sees what differs", function()
    assert.is_true(same.values({{a = 1, b = {"x"}}}, {{a = 1.0, b = {"x"}}}))
    assert.is_false(same.values({{a = 1}}, {{a = 2}}))
    assert.is_false(same.values({{a = 1}}, {{a = 1, b = 1}}))
    assert.is_false(same.values({{a = 1, b = 1}}, {{a = 1}}))
    assert.is_false(same.values({1, 2}, {1}))
    assert.is_true(same.values({{a = cjson.null}}, {{}}))
    assert.is_false(same.values({{a = cjson.null}}, {{a = false}}))
  end)

  it("reads lines of JSON", function()
    assert.is_true(same.lines({'{"a":1,"b":"\\u00e9"}'}, {'{"b":"é","a":1.0}'}))
    assert.is_false(same.lines({'{"a":1}'}, {'{"a":2}'}))
    assert.is_false(same.lines({'{"a":1}'}, {}))
  end)
end)

describe("rows", function()
  local rows = require "bench.rows"
  local works = require "bench.works"

  it("have names of their own, and belong to a group", function()
    local seen, groups = {}, {}
    for _, group in ipairs(rows.groups) do groups[group.name] = true end
    for _, row in ipairs(rows) do
      assert.is_nil(seen[row.name], row.name)
      assert.is_true(groups[row.group], row.name)
      seen[row.name] = row
    end
  end)

  it("have works that are there, for every peer", function()
    for _, row in ipairs(rows) do
      assert.is_true((row.work and works.oc[row.work] or row.run) ~= nil, row.name)
      for _, peer in ipairs(row.peers) do
        local there = peer.run or peer.name == "replay" or works.cjson[peer.work or row.work]
        assert.is_truthy(there, row.name .. ", " .. peer.name)
      end
    end
  end)
end)

describe("bench/run", function()
  local function bench(words)
    local status, said = run("bench/run " .. words)
    assert(status == 0, said)
    return said
  end

  it("compares works of one process, the limit among them", function()
    local said = bench "--only kept --rounds 1"
    for _, who in ipairs {"oc", "lua%-cjson", "replay"} do assert.matches("\n  " .. who .. " +[%d.]+ m?s", said) end
  end)

  it("compares programs, and writes a table between marks", function()
    local folder = daemon.folder()
    local path = folder .. "/TABLES.md"
    daemon.write(folder, "TABLES.md", "before\n<!-- measured -->\nold\n<!-- end of what was measured -->\nafter\n")
    bench("--only require --only grow-filter-1000 --rounds 1 --markdown " .. process.quote(path))
    local text = pages.read(path)
    daemon.remove(folder)
    assert.matches("^before\n", text)
    assert.matches("\n%- lua%-cjson: %d", text)
    assert.matches("\n| `require \"oc\"` | oc | [%d.]+ ms | %d+ MB |", text)
    assert.matches("\n| 1,000 leads, filter 5 %% | oc |", text)
    assert.matches("\n<!%-%- end of what was measured %-%->\nafter\n$", text)
    assert.is_nil(text:find("old", 1, true))
  end)

  it("says what it does not know", function()
    local status, said = run "bench/run --only nothing"
    assert.equal(2, status)
    assert.matches('no row or group "nothing"', said)
  end)
end)

describe("bench/gate", function()
  -- In place of valgrind: a work has so many instructions, of which `nothing` and `leads` come before.
  local VALGRIND = [[
#!/bin/sh
for word in "$@"; do name=$last last=$word; done
case $name in
  nothing) n=1000 ;;
  leads) n=3000 ;;
  encode) n=13000 ;;
  *) n=11000 ;;
esac
echo "==1== Collected : $n"
]]

  local WORKS = {"kept", "dropped", "filter", "fields", "raw", "encode"}
  local folder, platform

  -- Bounds of these counts, by work; `default` for the rest.
  local function bounds(counts, of)
    local lines = {"# a remark"}
    for _, work in ipairs(WORKS) do
      lines[#lines + 1] = ("%s %s %d 2"):format(of or platform, work, counts[work] or 10000)
    end
    daemon.write(folder, "bounds", table.concat(lines, "\n") .. "\n")
  end

  local function gate(words)
    return run(("OC_LUA=lua5.4 PATH=%s:$PATH bench/gate --bounds %s %s"):format(
      process.quote(folder), process.quote(folder .. "/bounds"), words or ""))
  end

  local function skipped(said) return said:match "bench/gate: skipped: ([^\n]+)" end

  setup(function()
    folder = daemon.folder()
    daemon.write(folder, "valgrind", VALGRIND)
    os.execute("chmod +x " .. process.quote(folder .. "/valgrind"))
    daemon.write(folder, "bounds", "# a remark\n")
    local _, said = gate "--update"
    platform = pages.read(folder .. "/bounds"):match "\n(lua%-%S+ gcc%-%S+) kept 10000 2\n" or skipped(said)
  end)

  teardown(function() daemon.remove(folder) end)

  it("is open where counts are as they were", function()
    bounds {}
    local status, said = gate()
    if skipped(said) then return pending(skipped(said)) end
    assert.equal(0, status)
    assert.matches("\n6 passed, 0 failed\n$", said)
    bounds {raw = 9900}
    assert.equal(0, (gate()))
  end)

  it("closes for a work that became slower", function()
    bounds {raw = 9700, encode = 9700}
    local status, said = gate()
    if skipped(said) then return pending(skipped(said)) end
    assert.equal(1, status)
    assert.matches("\nraw [^\n]+%+3.1 %% of the bound, 2 %% allowed: SLOWER\n", said)
    assert.matches("\n4 passed, 2 failed\n$", said)
  end)

  it("closes for a work without a bound, and remarks on one that became faster", function()
    bounds {raw = 20000}
    daemon.write(folder, "bounds", (pages.read(folder .. "/bounds"):gsub("[^\n]+ filter [^\n]+\n", "")))
    local status, said = gate()
    if skipped(said) then return pending(skipped(said)) end
    assert.equal(1, status)
    assert.matches("\nfilter: no bound stored\n", said)
    assert.matches("\nraw [^\n]+%-50.0 %%[^\n]+better; bench/gate %-%-update", said)
  end)

  it("holds another platform's bounds with more to spare, until it has its own", function()
    bounds({raw = 9000, kept = 8000}, "lua-5.4.0 gcc-1")
    local _, said = gate()
    if skipped(said) then return pending(skipped(said)) end
    assert.matches("\nkept [^\n]+SLOWER\n", said)
    assert.matches("\nraw [^\n]+%+11.1 %% of the bound, 15 %% allowed\n", said)
    assert.equal(0, (gate "--update"))
    local text = pages.read(folder .. "/bounds")
    assert.matches("^# a remark\nlua%-5%.4%.0 gcc%-1 kept 8000 2\n", text)
    local status = gate()
    assert.equal(0, status)
  end)

  it("has a bound for each work in its own file", function()
    local text = pages.read "bench/gate.txt"
    for _, work in ipairs(WORKS) do assert.matches("\nlua%-%S+ gcc%-%S+ " .. work .. " %d+ %d+\n", text) end
  end)
end)

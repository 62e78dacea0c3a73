-- bench/run: chooses rows, has them measured, prints them and writes Markdown.

local facts = require "bench.facts"
local measure = require "bench.measure"
local pages = require "bench.pages"
local rows = require "bench.rows"
local stage = require "bench.stage"
local tables = require "bench.tables"

local QUICK = {rounds = 3, SIZE = 20000, PAGES = 3, CIVIC = 100, REPORT = 20000}
local FULL = {rounds = 7, SIZE = 20000, PAGES = 10, CIVIC = 1000, REPORT = 200000}

-- Between these a file is written anew.
local FROM, TO = "<!-- measured -->\n", "<!-- end of what was measured -->"

local function usage(message)
  io.stderr:write("bench/run: ", message, "\nbench/run --help says how it is called\n")
  os.exit(2)
end

local function parse(words)
  local given = {only = {}}
  local i = 1
  while words[i] do
    local word, value = words[i], words[i + 1]
    if word == "--quick" then given.quick = true
    elseif word == "--list" then given.list = true
    elseif word == "--only" or word == "--markdown" or word == "--rounds" then
      if not value then usage(word .. " needs a value") end
      if word == "--only" then given.only[#given.only + 1] = value
      elseif word == "--markdown" then given.markdown = value
      else given.rounds = tonumber(value) or usage "--rounds needs a number" end
      i = i + 1
    else usage("what is " .. word .. "?") end
    i = i + 1
  end
  return given
end

-- Rows by name or by group, in their order; with --quick only what is quick, unless named.
local function chosen(given)
  local list, wanted = {}, {}
  for _, name in ipairs(given.only) do wanted[name] = "not found" end
  for _, row in ipairs(rows) do
    local named = wanted[row.name] or wanted[row.group]
    if wanted[row.name] then wanted[row.name] = "found" end
    if wanted[row.group] then wanted[row.group] = "found" end
    if named or #given.only == 0 and not (given.quick and row.slow) then list[#list + 1] = row end
  end
  for name, found in pairs(wanted) do
    if found == "not found" then usage(("there is no row or group %q; --list has them"):format(name)) end
  end
  return list
end

-- 20000 as 20,000.
local function with_commas(text)
  return (text:gsub("%d%d%d%d+", function(digits)
    return (digits:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
  end))
end

-- Titles and counts with their numbers in place.
local function settled(at, row)
  local copy = {}
  for key, value in pairs(row) do copy[key] = value end
  copy.title = with_commas(at:fill(row.title))
  if row.leads then copy.leads = tonumber(at:fill(tostring(row.leads))) end
  return copy
end

local function markdown(path, at, results, how)
  local text = pages.read(path)
  local _, begins = text:find(FROM, 1, true)
  local ends = begins and text:find(TO, begins, true)
  if not ends then error(("%s has no %s and %s to write between"):format(path, FROM:sub(1, -2), TO), 0) end
  local out = {("Measured on %s, %s."):format(os.date "%Y-%m-%d", how), ""}
  for _, fact in ipairs(facts.gather()) do out[#out + 1] = "- " .. fact end
  for _, group in ipairs(rows.groups) do
    local of_group = {}
    for _, result in ipairs(results) do
      if result.row.group == group.name then of_group[#of_group + 1] = result end
    end
    if #of_group > 0 then
      out[#out + 1] = ("\n### %s\n\n%s\n"):format(group.title, with_commas(at:fill(group.text)))
      out[#out + 1] = tables.markdown(of_group)
    end
  end
  local file = assert(io.open(path, "wb"))
  file:write(text:sub(1, begins), "\n", table.concat(out, "\n"), text:sub(ends))
  file:close()
end

local function run(at, list, rounds, results)
  local group
  for _, row in ipairs(list) do
    local shown = settled(at, row)
    if row.group ~= group then
      group = row.group
      print("\n== " .. group)
    end
    local sides, absent = measure.row(at, shown, rounds)
    for _, name in ipairs(absent) do print("  without " .. name) end
    if sides[1] then
      print(tables.text(shown, sides))
      results[#results + 1] = {row = shown, sides = sides}
    end
    io.stdout:flush()
  end
end

local given = parse(arg)
local list = chosen(given)
if given.list then
  for _, row in ipairs(list) do print(("%-8s %s"):format(row.group, row.name)) end
  return
end

local size = given.quick and QUICK or FULL
local rounds = given.rounds or size.rounds
local folder = assert(os.getenv "OC_BENCH_DATA", "OC_BENCH_DATA is not set: start bench/run")
local names = {SIZE = size.SIZE, PAGES = size.PAGES, CIVIC = size.CIVIC, REPORT = size.REPORT}
names.MB = ("%.0f"):format(#pages.read(pages.page(folder, 1, size.SIZE)) / 1e6)
local at = stage.new(assert(os.getenv "OC_BENCH_ROOT"), folder, names)
at.watch = assert(os.getenv "OC_BENCH_WATCH")

local how = rounds .. " rounds" .. (given.quick and ", with --quick: a look, no more" or "")
print(("%d rows, %s"):format(#list, how))
for _, fact in ipairs(facts.gather()) do print("  " .. fact) end
local results = {}
local ok, err = xpcall(function() run(at, list, rounds, results) end, function(message)
  return type(message) == "string" and message or debug.traceback(tostring(message))
end)
at:close()
if not ok then
  io.stderr:write("bench/run: ", tostring(err), "\n")
  os.exit(1)
end
if given.markdown then markdown(given.markdown, at, results, how) end

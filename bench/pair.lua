-- Works of one process, run alternately: `pair.lua ROW ROUNDS FILE`, started by bench/run.
-- Says "sample ROUND WHO SECONDS" lines, seconds of processor time. Each row has a
-- process of its own, so that none runs on the heap another left.

local native = require "bench.native"
local oc = require "oc"
local pages = require "bench.pages"
local rows = require "bench.rows"
local same = require "bench.same"
local works = require "bench.works"

local row, rounds = rows.find(arg[1]), tonumber(arg[2])
local bag = works.bag(pages.read(arg[3]))

if row.needs_leads then works.with_leads(bag) end

-- Who takes part, in order: ours first.
local sides = {{name = "oc", run = works.oc[row.work]}}
for _, peer in ipairs(row.peers) do
  local run = works.cjson[peer.work or row.work]
  if peer.name == "replay" then
    local record = native.record(works.oc[row.work](bag), getmetatable(oc.array()))
    run = function() return native.replay(record) end
  end
  sides[#sides + 1] = {name = peer.name, run = run}
end

local ours = sides[1].run(bag)
for i = 2, #sides do
  if not same[row.same or "values"](ours, sides[i].run(bag)) then
    error(("%s: oc and %s do not make the same"):format(row.name, sides[i].name), 0)
  end
end
ours = nil -- luacheck: ignore 311

-- Each pays for the memory it takes: the heap that the one before has freed would be a
-- gift, now and then. With `warm` everybody gets it.
local function seconds(run)
  collectgarbage()
  collectgarbage()
  if not row.warm then native.trim() end
  local from = os.clock()
  local made = run(bag)
  return os.clock() - from, made
end

-- Round 0 warms up. Every other round goes backwards, so that nobody always comes behind
-- the same.
for round = 0, rounds do
  for i = 1, #sides do
    local side = sides[round % 2 == 0 and i or #sides + 1 - i]
    local took = seconds(side.run)
    if round > 0 then print(("sample %d %s %.6f"):format(round, side.name, took)) end
  end
end

-- Runs one row's sides alternately, and gathers what each round took.

local pages = require "bench.pages"
local process = require "support.process"
local same = require "bench.same"

local measure = {}

---@class bench.Side
---@field name string
---@field seconds number[]   one for each round
---@field peaks number[]   MB

local function new_side(name) return {name = name, seconds = {}, peaks = {}} end

-- What a command prints, or an error with it.
local function output(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1"))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

-- Is what a peer needs here? The name of what is missing, or nil.
local function missing(needs)
  for name in (needs or ""):gmatch "%S+" do
    local there = true
    if name == "zlib" then there = require("bench.native").inflate
    elseif name == "curl" or name == "jq" then there = output("command -v " .. name) ~= "" end
    if not there then return name end
  end
end

-- -- Within one process ---------------------------------------------------------------

-- What is freed stays with the process.
local WARM = "MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_MMAP_THRESHOLD_=1073741824"

local function works(stage, row, sides, rounds)
  local text = output(("%s %s bench/pair.lua %s %d %s"):format(row.warm and WARM or "", stage:fill "@LUA@", row.name,
    rounds, stage:fill "@PAGE@"))
  local by_name = {}
  for _, side in ipairs(sides) do by_name[side.name] = side end
  for round, who, seconds in text:gmatch "sample (%d+) (%S+) ([%d.]+)" do
    if by_name[who] then by_name[who].seconds[tonumber(round)] = tonumber(seconds) end
  end
  for _, side in ipairs(sides) do
    if #side.seconds ~= rounds then error(row.name .. ": " .. text, 0) end
  end
end

-- -- As processes -----------------------------------------------------------------------

-- One run: wall, cpu, MB, what it printed.
local function watched(stage, row, command, to)
  if row.needs == "sandbox" then stage:reset_sandbox() end
  local words = to and ("{ %s\n} >%s"):format(command, process.quote(to)) or command
  local text = output(("%s sh -c %s"):format(process.quote(stage.watch), process.quote(words)))
  local said, wall, cpu, kib, status = text:match "^(.-)watch (%S+) (%S+) (%d+) (%d+)\n$"
  if status ~= "0" then error(("%s: `%s` failed:\n%s"):format(row.name, command, text), 0) end
  local own = said:match "seconds ([%d.]+)\n"
  return tonumber(own or wall), tonumber(cpu), tonumber(kib) * 1024 / 1e6, (said:gsub("seconds [%d.]+\n", ""))
end

-- Raises when two sides did not do the same.
local function compare(row, first, other, name)
  if row.differ then return end
  local equal = first == other
  if row.same == "files" and not equal and first:sub(1, 1) == "{" then
    local function lines(text)
      local list = {}
      for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
      return list
    end
    equal = same.lines(lines(first), lines(other))
  end
  if not equal then
    error(("%s: oc and %s do not say the same:\n%s\n%s"):format(row.name, name, first:sub(1, 200),
      other:sub(1, 200)), 0)
  end
end

local function commands(stage, row, sides, rounds)
  local to = row.same == "files" and stage.folder .. "/out" or nil
  for _, side in ipairs(sides) do side.command = stage:fill(side.run) end
  local first
  for round = 0, rounds do -- round 0 warms up, and is where results are compared
    for i = 1, #sides do
      local side = sides[round % 2 == 0 and i or #sides + 1 - i]
      local wall, cpu, peak, said = watched(stage, row, side.command, to)
      if round == 0 then
        if to then said = pages.read(to) end
        first = first or said
        compare(row, first, said, side.name)
      else
        side.seconds[round], side.peaks[round] = row.clock == "cpu" and cpu or wall, peak
      end
    end
    if round == 0 then first = nil collectgarbage() end
  end
  if to then os.remove(to) end
end

--- A row's sides, oc first, and who could not take part.
---@return bench.Side[] sides
---@return string[] absent
function measure.row(stage, row, rounds)
  local sides, absent = {new_side(row.as or "oc")}, {}
  sides[1].run = row.run
  if missing(row.needs) then return {}, {("%s (no %s here)"):format(row.title, missing(row.needs))} end
  for _, peer in ipairs(row.peers) do
    local lacking = missing(peer.needs)
    if lacking then
      absent[#absent + 1] = ("%s (no %s here)"):format(peer.name, lacking)
    else
      local side = new_side(peer.name)
      side.run, side.reach, side.aim = peer.run, peer.reach, peer.aim
      sides[#sides + 1] = side
    end
  end
  if row.work then works(stage, row, sides, rounds) else commands(stage, row, sides, rounds) end
  return sides, absent
end

return measure

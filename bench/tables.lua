-- What was measured, as lines for a terminal and as Markdown.

local stats = require "bench.stats"

local tables = {}

local function time(seconds)
  if seconds >= 10 then return ("%.1f s"):format(seconds) end
  if seconds >= 1 then return ("%.2f s"):format(seconds) end
  if seconds >= 0.1 then return ("%.0f ms"):format(seconds * 1000) end
  if seconds >= 0.001 then return ("%.1f ms"):format(seconds * 1000) end
  return ("%.1f us"):format(seconds * 1e6)
end

local function times(ratio) return ("%.2fx"):format(ratio) end

local function plain(number) return (("%.2f"):format(number):gsub("%.?0+$", "")) end

local function goal(side)
  if not (side.reach or side.aim) then return nil end
  local words = {}
  if side.reach then words[#words + 1] = plain(side.reach) .. "x" end
  if side.aim then words[#words + 1] = "aim " .. plain(side.aim) .. "x" end
  return table.concat(words, ", ")
end

local function verdict(side, ratio)
  if side.aim and ratio >= side.aim then return "aim met" end
  if side.reach then return ratio >= side.reach and "reached" or "missed" end
  return side.aim and "below the aim" or nil
end

-- What stands in the columns for oc itself.
local function our_cells(row, side)
  local cells = {title = row.title, who = side.name, time = time(stats.median(side.seconds))}
  if row.leads then cells.each = time(stats.median(side.seconds) / row.leads) .. " a lead" end
  if row.memory_reach then
    cells.goal = ("%d MB"):format(row.memory_reach)
    cells.verdict = stats.median(side.peaks) <= row.memory_reach and "reached" or "missed"
  end
  return cells
end

local function peer_cells(ours, side)
  local ratio, least, most = stats.ratio(ours.seconds, side.seconds)
  return {who = side.name, time = time(stats.median(side.seconds)), ratio = times(ratio),
    spread = ("%s to %s"):format(times(least), times(most)), goal = goal(side), verdict = verdict(side, ratio)}
end

-- What stands in the columns: a line for oc, and one for each peer.
local function lines(row, sides)
  local list = {}
  for i, side in ipairs(sides) do
    list[i] = i == 1 and our_cells(row, side) or peer_cells(sides[1], side)
    if row.memory then list[i].memory = ("%.0f MB"):format(stats.median(side.peaks)) end
  end
  return list
end

--- One row for the terminal.
---@return string
function tables.text(row, sides)
  local out = {row.title}
  for _, cells in ipairs(lines(row, sides)) do
    local words = {}
    local function say(text) if text then words[#words + 1] = text end end
    say(cells.time)
    say(cells.memory)
    say(cells.each)
    say(cells.ratio)
    say(cells.spread and "(" .. cells.spread .. ")")
    say(cells.goal and ("goal %s: %s"):format(cells.goal, cells.verdict))
    out[#out + 1] = ("  %-24s %s"):format(cells.who, table.concat(words, "  "))
  end
  return table.concat(out, "\n")
end

local COLUMNS = {{"title", "work"}, {"who", "by"}, {"time", "time"}, {"each", "a lead"}, {"memory", "peak memory"},
  {"ratio", "slower than oc"}, {"spread", "in one round"}, {"goal", "goal"}, {"verdict", ""}}

--- A group's results as a Markdown table, without columns that nobody filled.
---@param results {row: table, sides: bench.Side[]}[]
function tables.markdown(results)
  local all = {}
  for _, result in ipairs(results) do
    for _, cells in ipairs(lines(result.row, result.sides)) do all[#all + 1] = cells end
  end
  local columns = {}
  for _, column in ipairs(COLUMNS) do
    local used = false
    for _, cells in ipairs(all) do used = used or cells[column[1]] ~= nil end
    if used then columns[#columns + 1] = column end
  end
  local out = {}
  local function put(get)
    local cells = {}
    for i, column in ipairs(columns) do cells[i] = get(column) end
    out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  put(function(column) return column[2] end)
  out[#out + 1] = (("|---"):rep(#columns)) .. "|"
  for _, cells in ipairs(all) do put(function(column) return cells[column[1]] or "" end) end
  return table.concat(out, "\n") .. "\n"
end

return tables

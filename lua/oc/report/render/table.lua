--- A report for a terminal: columns that fit a width, numbers to the right, bars beside the rows or a line of sparks
-- below. Nothing that a terminal would obey gets through.

local chart = require "oc.report.render.chart"
local values = require "oc.report.render.values"
local width = require "oc.width"

local tables = {}

-- Columns of bars: fewer say nothing, more say no more.
local LEAST_BAR, MOST_BAR, USUAL_BAR = 8, 40, 30
local NARROWEST = 20
-- What columns are shortened to, in turn, until all fit. Numbers and days are never cut, only titles above them.
local DAY = #"2026-11-28"
local LEAST = {{text = 12, date = DAY}, {text = 12, date = DAY, id = 8}, {text = 3, date = DAY, id = 3}}

local EIGHTHS = {"▏", "▎", "▍", "▌", "▋", "▊", "▉"}
local SPARKS = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
local COLOURS = {bold = "\27[1m", dim = "\27[2m", bar = "\27[36m", warning = "\27[33m"}
local RIGHT = {number = true, percent = true}

local function painter(colour)
  return function(name, text)
    if not colour or text == "" then return text end
    return COLOURS[name] .. text .. "\27[0m"
  end
end

-- --- cells and widths --------------------------------------------------------------

-- As those of the command line are; letters beyond ASCII have no such form everywhere.
local function title_text(title)
  title = width.clean(title)
  return title:find "[\128-\255]" and title or title:upper()
end

local function texts_of(page)
  local lines = {{}}
  for i, column in ipairs(page.columns) do lines[1][i] = title_text(column.title) end
  for r, row in ipairs(page.rows) do
    local texts = {}
    for i, column in ipairs(page.columns) do
      local text = values.shown(row[i], column.kind)
      texts[i] = text and width.clean(text) or "-"
    end
    lines[r + 1] = texts
  end
  return lines
end

local function measure(lines, page, room)
  local widths, numbers = {}, {}
  for i in ipairs(page.columns) do
    widths[i], numbers[i] = 1, 1
    for r, texts in ipairs(lines) do
      local columns = width.of(texts[i])
      widths[i] = math.max(widths[i], columns)
      if r > 1 and type(page.rows[r - 1][i]) == "number" then numbers[i] = math.max(numbers[i], columns) end
    end
  end
  for _, least in ipairs(room and LEAST or {}) do
    width.shrink(widths, function(i)
      local kind = page.columns[i].kind
      return math.max(numbers[i], least[kind] or not RIGHT[kind] and math.huge or 3)
    end, room)
  end
  return widths
end

local function cell(text, columns, kind)
  if RIGHT[kind] then
    local blanks = columns - width.of(text)
    if blanks >= 0 then return (" "):rep(blanks) .. text end
  end
  return width.fit(text, columns)
end

-- --- pictures ----------------------------------------------------------------------

local function bar_text(value, full, room)
  if type(value) ~= "number" or value <= 0 or full <= 0 then return "" end
  local eighths = math.max(1, math.floor(value / full * room * 8 + 0.5))
  return ("█"):rep(math.floor(eighths / 8)) .. (EIGHTHS[eighths % 8] or "")
end

-- How wide bars may be; nil for none.
local function bar_room(page, widths, room)
  if not page.chart or page.chart.kind == "line" then return nil end
  local left = room and math.min(room - width.total(widths) - #width.GAP, MOST_BAR) or USUAL_BAR
  return left >= LEAST_BAR and left or nil
end

local function lowest_and_highest(points)
  local low, high = math.huge, -math.huge
  for _, point in ipairs(points) do low, high = math.min(low, point.value), math.max(high, point.value) end
  return math.min(low, 0), high
end

local function sparkline(page, room, paint)
  local drawn = page.chart and page.chart.kind == "line" and chart.of(page)
  if not drawn then return "" end
  local points, sparks = drawn.points, {}
  local low, high = lowest_and_highest(points)
  local title = width.clean(drawn.title)
  local most = room and math.max(LEAST_BAR, room - width.of(title) - #width.GAP) or #points
  for i = math.max(1, #points - most + 1), #points do
    local share = high > low and (points[i].value - low) / (high - low) or 0
    sparks[#sparks + 1] = SPARKS[1 + math.floor(share * (#SPARKS - 1) + 0.5)]
  end
  return "\n" .. title .. width.GAP .. paint("bar", table.concat(sparks)) .. "\n"
end

-- --- lines -------------------------------------------------------------------------

local function table_lines(page, room, paint)
  local lines, out = texts_of(page), {}
  local widths = measure(lines, page, room)
  local bars = bar_room(page, widths, room)
  local full = bars and chart.full(page)
  for r, texts in ipairs(lines) do
    local cells = {}
    for i, column in ipairs(page.columns) do cells[i] = cell(texts[i], widths[i], column.kind) end
    local text = table.concat(cells, width.GAP)
    local bar = bars and r > 1 and bar_text(page.rows[r - 1][page.chart.value], full, bars) or ""
    if bar == "" then text = text:gsub(" +$", "") else text = text .. width.GAP .. paint("bar", bar) end
    out[r] = (r == 1 and paint("bold", text) or text) .. "\n"
  end
  return table.concat(out)
end

local function wrapped(text, room)
  text = width.clean(text)
  return room and width.wrap(text, math.max(room, NARROWEST)) or {text}
end

local function add(out, lines, style, paint, before)
  for i, line in ipairs(lines) do out[#out + 1] = (i == 1 and before or "") .. paint(style, line) .. "\n" end
end

local function add_head(out, page, room, paint)
  add(out, wrapped(page.title, room), "bold", paint)
  local origin = {}
  if page.made then origin[#origin + 1] = values.instant(page.made) end
  if page.source then origin[#origin + 1] = "from " .. page.source end
  if #origin > 0 then add(out, wrapped(table.concat(origin, ", "), room), "dim", paint) end
  if page.complete == false then
    add(out, wrapped("INCOMPLETE: the leads were not all there are", room), "warning", paint)
  end
  out[#out + 1] = "\n"
end

--- The text of a page.
---@param page oc.report.Page
---@param options oc.report.RenderOptions
---@return string
function tables.text(page, options)
  local out, room, paint = {}, options.width, painter(options.colour)
  add_head(out, page, room, paint)
  if #page.columns > 0 then out[#out + 1] = table_lines(page, room, paint) end
  if #page.rows == 0 or #page.columns == 0 then out[#out + 1] = "There is nothing to show.\n" end
  out[#out + 1] = sparkline(page, room, paint)
  for i, note in ipairs(page.notes) do
    add(out, wrapped(note, room), "dim", paint, i == 1 and "\n" or nil)
  end
  return table.concat(out)
end

return tables

--- A chart as an inline SVG, without a viewBox: places are shares of its width, so that letters keep their size on a
-- telephone. Looks come from the page's style sheet, by class. Knows points, not reports.

local escape = require "oc.report.render.escape"
local width = require "oc.width"

local svg = {}

-- In pixels. A bar has its label and value above it.
local BAR_STEP, BAR_TOP, BAR_HEIGHT = 44, 22, 12
local LINE_HEIGHT, LINE_TOP, LINE_BOTTOM = 260, 28, 32
-- In the coordinates of the line, which is stretched.
local ACROSS, DOWN = 1000, 100
-- Columns of a label, so that its value fits beside it on a narrow page; the whole of it is in the tooltip.
local MOST_LABEL = 30

-- A share of 1 as a percentage, without a locale's comma.
local function percent(share)
  local hundredths = math.floor(share * 10000 + 0.5)
  return ("%d.%02d%%"):format(math.floor(hundredths / 100), hundredths % 100)
end

local function coordinate(value)
  local tenths = math.floor(value * 10 + 0.5)
  return ("%d.%d"):format(math.floor(tenths / 10), tenths % 10)
end

local function clipped(label)
  label = label:gsub("%s+", " ")
  return width.of(label) > MOST_LABEL and width.fit(label, MOST_LABEL):gsub(" +$", "") or label
end

local function text(class, x, y, anchor, content)
  return ('<text class="%s" x="%s" y="%d"%s>%s</text>\n'):format(class, x, y,
    anchor and (' text-anchor="%s"'):format(anchor) or "", escape.html(content))
end

local function bar(drawn, point, i)
  local top = (i - 1) * BAR_STEP
  local share = drawn.full > 0 and math.max(0, point.value) / drawn.full or 0
  local y = top + BAR_TOP
  return table.concat {
    "<g>\n<title>", escape.html(point.label .. ": " .. point.text), "</title>\n",
    text("label", "0", top + 15, nil, clipped(point.label)), text("value", "100%", top + 15, "end", point.text),
    ('<rect class="track" x="0" y="%d" width="100%%" height="%d" rx="3"/>\n'):format(y, BAR_HEIGHT),
    share > 0 and ('<rect class="%s" x="0" y="%d" width="%s" height="%d" rx="3"/>\n'):format(
      point.others and "others" or "bar", y, percent(share), BAR_HEIGHT) or "",
    "</g>\n",
  }
end

local function bars(drawn)
  local parts = {}
  for i, point in ipairs(drawn.points) do parts[i] = bar(drawn, point, i) end
  return table.concat(parts), #parts * BAR_STEP - (BAR_STEP - BAR_TOP - BAR_HEIGHT)
end

-- --- lines -------------------------------------------------------------------------

local function bounds(points)
  local low, high = 0, 0
  for _, point in ipairs(points) do low, high = math.min(low, point.value), math.max(high, point.value) end
  return low, high > low and high or low + 1
end

local function places(points)
  local low, high = bounds(points)
  local list = {}
  for i, point in ipairs(points) do
    local x = #points > 1 and (i - 1) / (#points - 1) or 0.5
    list[i] = {x = x, y = 1 - (point.value - low) / (high - low)}
  end
  return list, 1 - (0 - low) / (high - low)
end

local function stretched(list, zero)
  local coordinates = {}
  for i, place in ipairs(list) do
    coordinates[i] = coordinate(place.x * ACROSS) .. "," .. coordinate(place.y * DOWN)
  end
  local path = table.concat(coordinates, " ")
  local base = coordinate(zero * DOWN)
  local area = ('<polygon class="area" points="%s,%s %s %s,%s"/>\n'):format(coordinate(list[1].x * ACROSS), base, path,
    coordinate(list[#list].x * ACROSS), base)
  return ('<svg x="0" y="%d" width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">\n'):format(
    LINE_TOP, LINE_HEIGHT - LINE_TOP - LINE_BOTTOM, ACROSS, DOWN)
    .. ('<line class="axis" x1="0" y1="%s" x2="%d" y2="%s"/>\n'):format(base, ACROSS, base)
    .. (#list > 1 and area or "") .. ('<polyline class="trace" points="%s"/>\n'):format(path) .. "</svg>\n"
end

local function dot(point, place)
  local y = LINE_TOP + place.y * (LINE_HEIGHT - LINE_TOP - LINE_BOTTOM)
  return ('<circle class="dot" cx="%s" cy="%s" r="3.5"><title>%s</title></circle>\n'):format(percent(place.x),
    coordinate(y), escape.html(point.label .. ": " .. point.text))
end

-- The first, the last and the highest are named; the table has them all.
local function names(points)
  local highest = points[1]
  for _, point in ipairs(points) do
    if point.value > highest.value then highest = point end
  end
  local bottom = LINE_HEIGHT - 8
  local first, last = points[1], points[#points]
  return text("label", "0", 15, nil, clipped("highest: " .. highest.label)) .. text("value", "100%", 15, "end",
    highest.text) .. text("tick", "0", bottom, nil, clipped(first.label))
    .. (#points > 1 and text("tick", "100%", bottom, "end", clipped(last.label)) or "")
end

local function line(drawn)
  local list, zero = places(drawn.points)
  local parts = {stretched(list, zero)}
  for i, point in ipairs(drawn.points) do parts[#parts + 1] = dot(point, list[i]) end
  return table.concat(parts) .. names(drawn.points), LINE_HEIGHT
end

-- --- the whole ---------------------------------------------------------------------

local KINDS = {bar = "Bar chart", funnel = "Funnel, from the first step to the last", line = "Line chart"}

local function description(drawn)
  local parts = {}
  for i, point in ipairs(drawn.points) do parts[i] = point.label .. " " .. point.text end
  return ("%s of %s by %s: %s."):format(KINDS[drawn.kind], drawn.value, drawn.label, table.concat(parts, "; "))
end

--- The element.
---@param drawn oc.report.Chart
---@return string
function svg.text(drawn)
  local content, height = (drawn.kind == "line" and line or bars)(drawn)
  return ('<svg class="chart %s" role="img" aria-labelledby="chart-title chart-desc" width="100%%" height="%d">\n')
    :format(drawn.kind, height)
    .. '<title id="chart-title">' .. escape.html(drawn.title) .. '</title>\n<desc id="chart-desc">'
    .. escape.html(description(drawn)) .. "</desc>\n" .. content .. "</svg>\n"
end

return svg

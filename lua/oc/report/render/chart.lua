--- What a chart shows: points with labels, values and what is written beside them. Knows nothing of how it is drawn.

local values = require "oc.report.render.values"

local chart = {}

-- More bars than these nobody reads; of a line, more points than these nobody sees.
local MOST_BARS, MOST_POINTS = 30, 400

---@class oc.report.Chart
---@field kind "bar"|"line"|"funnel"
---@field title string
---@field label string   title of that column
---@field value string   title of that column
---@field value_kind string   kind of that column
---@field points {label: string, value: number, text: string, others: boolean|nil}[]
---@field full number   the value of a bar of full length
---@field note string|nil   what is left out, or summed

--- How long the longest bar is, as a value.
---@param page oc.report.Page
---@return number
function chart.full(page)
  local column = page.chart.value
  local most = page.columns[column].kind == "percent" and 1 or 0
  for _, row in ipairs(page.rows) do
    local value = row[column]
    if type(value) == "number" and value > most then most = value end
  end
  return most
end

local function points_of(page)
  local label, value = page.columns[page.chart.label], page.columns[page.chart.value]
  local points = {}
  for _, row in ipairs(page.rows) do
    local number = row[page.chart.value]
    if type(number) == "number" then
      points[#points + 1] = {label = values.shown(row[page.chart.label], label.kind) or "–", value = number,
        text = values.shown(number, value.kind)}
    end
  end
  return points
end

-- Those with the largest values, in the order they stand in.
local function largest(points, n)
  local order = {}
  for i in ipairs(points) do order[i] = i end
  table.sort(order, function(a, b)
    if points[a].value ~= points[b].value then return points[a].value > points[b].value end
    return a < b
  end)
  local chosen = {}
  for i = 1, n do chosen[order[i]] = true end
  return chosen
end

local function with_others(points, kind)
  local chosen, kept, others, count = largest(points, MOST_BARS - 1), {}, 0, 0
  for i, point in ipairs(points) do
    if chosen[i] then
      kept[#kept + 1] = point
    else
      others, count = others + point.value, count + 1
    end
  end
  kept[#kept + 1] = {label = "others", value = others, text = values.shown(others, kind), others = true}
  return kept, ("The picture has the %d largest; the other %s are summed as 'others'."):format(#kept - 1,
    values.shown(count, "number"))
end

-- Shares of different things have no sum, steps of a funnel neither.
local function without_others(points, most, which)
  local kept, first = {}, which == "last" and #points - most or 0
  for i = 1, most do kept[i] = points[first + i] end
  return kept, ("The picture has the %s %d of %s rows."):format(which, most, values.shown(#points, "number"))
end

local function fewer(points, page)
  local kind, value_kind = page.chart.kind, page.columns[page.chart.value].kind
  if kind == "line" then
    if #points <= MOST_POINTS then return points end
    return without_others(points, MOST_POINTS, "last")
  end
  if #points <= MOST_BARS then return points end
  if kind == "bar" and value_kind ~= "percent" then return with_others(points, value_kind) end
  return without_others(points, MOST_BARS, "first")
end

-- Within a title a label begins small, unless it is an abbreviation.
local function title_of(value, label)
  return value .. " by " .. label:gsub("^%u%f[%l]", string.lower)
end

-- A step of a funnel is also a share of the first.
local function add_shares(points)
  local first = points[1].value
  for i, point in ipairs(points) do
    if i > 1 and first > 0 then
      point.text = ("%s · %s"):format(point.text, values.shown(point.value / first, "percent"))
    end
  end
end

--- The chart of a page; nil where it has none, or nothing to draw.
---@param page oc.report.Page
---@return oc.report.Chart|nil
function chart.of(page)
  if not page.chart then return nil end
  local points = points_of(page)
  if #points == 0 then return nil end
  local kept, note = fewer(points, page)
  local label, value = page.columns[page.chart.label], page.columns[page.chart.value]
  local full = value.kind == "percent" and 1 or 0
  for _, point in ipairs(kept) do full = math.max(full, point.value) end
  if page.chart.kind == "funnel" and value.kind ~= "percent" then add_shares(kept) end
  return {kind = page.chart.kind, title = page.chart.title or title_of(value.title, label.title), label = label.title,
    value = value.title, value_kind = value.kind, points = kept, full = full, note = note}
end

return chart

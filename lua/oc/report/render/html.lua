--- A report as one HTML file: the chart as inline SVG, its data as a table, no script, nothing from elsewhere. It
-- declares the policy that holds it to that. Texts never stand in attributes.

local chart = require "oc.report.render.chart"
local escape = require "oc.report.render.escape"
local style = require "oc.report.render.style"
local svg = require "oc.report.render.svg"
local values = require "oc.report.render.values"

local html = {}

local isolated = escape.isolated

local CLASSES = {number = "number", percent = "number", date = "date", id = "id"}
-- A no-break space, so that 12.3 % stays together.
local NO_BREAK = "\194\160"
local NOTHING = '<span class="none">–</span>'

local HEAD = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="%s">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<style>%s</style>
</head>
<body>
<main>
]]

-- The day that is shown, and the instant for machines.
local function date_cell(shown, value)
  if shown == value or not value:find "^%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z?[+-]?[%d:]*$" then return isolated(shown) end
  return ('<time datetime="%s">%s</time>'):format(value, shown)
end

local function cell(value, kind)
  local shown = values.shown(value, kind)
  if not shown then return NOTHING end
  if kind == "date" and type(value) == "string" then return date_cell(shown, value) end
  if type(value) == "number" then return (shown:gsub(" ", NO_BREAK)) end
  return isolated(shown)
end

-- By column, so that it is found out once.
local function classes_of(page)
  local classes = {}
  for i, column in ipairs(page.columns) do
    local name = column.pii and page.masked and "masked" or CLASSES[column.kind]
    classes[i] = name and (' class="%s"'):format(name) or ""
  end
  return classes
end

local function row_text(row, columns, classes)
  local cells = {"<tr>"}
  for i, column in ipairs(columns) do
    if i == 1 then
      cells[2] = ('<th scope="row"%s>%s</th>'):format(classes[1], cell(row[i], column.kind))
    else
      cells[i + 1] = ("<td%s>%s</td>"):format(classes[i], cell(row[i], column.kind))
    end
  end
  cells[#cells + 1] = "</tr>\n"
  return table.concat(cells)
end

local function count_text(rows)
  return #rows == 1 and "1 row" or values.shown(#rows, "number") .. " rows"
end

local function add_table(out, page)
  out[#out + 1] = '<section>\n<div class="scroll" role="region" aria-labelledby="caption" tabindex="0">\n<table>\n'
  out[#out + 1] = ('<caption id="caption">%s <span class="rows">%s</span></caption>\n<thead>\n<tr>'):format(
    isolated(page.title), count_text(page.rows))
  local classes = classes_of(page)
  for i, column in ipairs(page.columns) do
    out[#out + 1] = ('<th scope="col"%s>%s</th>'):format(classes[i], isolated(column.title))
  end
  out[#out + 1] = "</tr>\n</thead>\n<tbody>\n"
  for _, row in ipairs(page.rows) do out[#out + 1] = row_text(row, page.columns, classes) end
  out[#out + 1] = "</tbody>\n</table>\n</div>\n"
  if #page.rows == 0 then out[#out + 1] = "<p>There is nothing to show.</p>\n" end
  out[#out + 1] = "</section>\n"
end

local function add_chart(out, page)
  local drawn = chart.of(page)
  if not drawn then return end
  local title = drawn.title == page.title and "At a glance" or drawn.title
  out[#out + 1] = '<section aria-labelledby="chart">\n<h2 id="chart">' .. isolated(title) .. "</h2>\n<figure>\n"
  out[#out + 1] = svg.text(drawn)
  if drawn.note then out[#out + 1] = "<figcaption>" .. isolated(drawn.note) .. "</figcaption>\n" end
  out[#out + 1] = "</figure>\n</section>\n"
end

local function add_notes(out, page)
  if #page.notes == 0 then return end
  out[#out + 1] = '<section aria-labelledby="notes">\n<h2 id="notes">Notes</h2>\n<ul>\n'
  for _, note in ipairs(page.notes) do out[#out + 1] = "<li>" .. isolated(note) .. "</li>\n" end
  out[#out + 1] = "</ul>\n</section>\n"
end

local function add_head(out, page)
  out[#out + 1] = HEAD:format(style.policy, escape.html(page.title), style.css)
  out[#out + 1] = "<header>\n<h1>" .. isolated(page.title) .. "</h1>\n"
  local origin = {}
  if page.made then origin[#origin + 1] = "Made " .. isolated(values.instant(page.made)) end
  if page.source then origin[#origin + 1] = "Source " .. isolated(page.source) end
  if #origin > 0 then out[#out + 1] = '<p class="origin">' .. table.concat(origin, " · ") .. "</p>\n" end
  if page.complete == false then
    out[#out + 1] = '<p class="warning"><strong>Incomplete.</strong> The leads were not all there are, '
      .. "so numbers may be too low.</p>\n"
  end
  out[#out + 1] = "</header>\n"
end

--- The text of a page.
---@param page oc.report.Page
---@return string
function html.text(page)
  local out = {}
  add_head(out, page)
  add_chart(out, page)
  if #page.columns > 0 then
    add_table(out, page)
  else
    out[#out + 1] = "<section>\n<p>There is nothing to show.</p>\n</section>\n"
  end
  add_notes(out, page)
  out[#out + 1] = "</main>\n</body>\n</html>\n"
  return table.concat(out)
end

return html

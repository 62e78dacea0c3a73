--- A report as Markdown (GitHub's): a title, a pipe table, notes. No text of a lead becomes markup or HTML.

local values = require "oc.report.render.values"

local markdown = {}

local ENTITIES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;"}
local RIGHT = {number = true, percent = true}

local function escaped(text, line_break)
  text = text:gsub("[\r\n\t]*\r?\n[\r\n\t]*", "\n"):gsub("[%z\1-\9\11-\31\127]", " ")
  text = text:gsub("[\\`*_%[%]~|$]", "\\%0"):gsub("[&<>]", ENTITIES)
  return (text:gsub("\n", line_break))
end

-- What would begin a heading, a list or a rule does not.
local function line_text(text)
  return (escaped(text, " "):gsub("^%s*([#+=-])", "\\%1"):gsub("^%s*(%d+)([.)])", "%1\\%2"))
end

local function table_line(cells)
  return "| " .. table.concat(cells, " | ") .. " |\n"
end

local function add_table(lines, page)
  local titles, rules = {}, {}
  for i, column in ipairs(page.columns) do
    titles[i] = escaped(column.title, " ")
    rules[i] = RIGHT[column.kind] and "---:" or "---"
  end
  lines[#lines + 1] = table_line(titles)
  lines[#lines + 1] = table_line(rules)
  for _, row in ipairs(page.rows) do
    local cells = {}
    for i, column in ipairs(page.columns) do cells[i] = escaped(values.shown(row[i], column.kind) or "–", "<br>") end
    lines[#lines + 1] = table_line(cells)
  end
end

local function add_head(lines, page)
  lines[#lines + 1] = "# " .. escaped(page.title, " ") .. "\n\n"
  if page.complete == false then
    lines[#lines + 1] = "> **Incomplete:** the leads were not all there are.\n\n"
  end
  local origin = {}
  if page.made then origin[#origin + 1] = "made " .. escaped(values.instant(page.made), " ") end
  if page.source then origin[#origin + 1] = "from " .. escaped(page.source, " ") end
  if #origin > 0 then lines[#lines + 1] = table.concat(origin, ", ") .. "\n\n" end
end

--- The text of a page.
---@param page oc.report.Page
---@return string
function markdown.text(page)
  local lines = {}
  add_head(lines, page)
  if #page.columns > 0 then add_table(lines, page) end
  if #page.rows == 0 or #page.columns == 0 then lines[#lines + 1] = "\nThere is nothing to show.\n" end
  for i, note in ipairs(page.notes) do
    lines[#lines + 1] = (i == 1 and "\n" or "") .. "- " .. line_text(note) .. "\n"
  end
  return table.concat(lines)
end

return markdown

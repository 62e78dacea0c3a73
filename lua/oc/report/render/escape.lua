--- Texts of others within HTML and SVG: as content and as attributes. Nothing of them becomes markup.

local values = require "oc.report.render.values"

local escape = {}

local ENTITIES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;"}
local UNKNOWN = "\239\191\189"

--- Text as content or in a quoted attribute; control characters become U+FFFD.
---@param text string
---@return string
function escape.html(text)
  text = values.utf8(text):gsub("\r\n?", "\n"):gsub("[&<>\"']", ENTITIES):gsub("[%z\1-\8\11-\31\127]", UNKNOWN)
  return (text:gsub("\194[\128-\159]", UNKNOWN))
end

--- The same, by itself: letters written from right to left, and marks that turn them, end with it.
---@param text string
---@return string
function escape.isolated(text)
  if not text:find "[\128-\255]" then return escape.html(text) end
  return "<bdi>" .. escape.html(text) .. "</bdi>"
end

return escape

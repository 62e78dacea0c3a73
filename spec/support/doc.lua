-- doc.lua - the Lua in a page of docs/, run as a reader would run it.

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local doc = {}

-- What `code`, a block of the page at `path`, prints; it sees `values` as locals by their names.
function doc.printed(path, code, values)
  local lines, names, given = {}, {"print"}, {}
  given[1] = function(...)
    local parts = {...}
    for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
    lines[#lines + 1] = table.concat(parts, "\t") .. "\n"
  end
  for name, value in pairs(values) do names[#names + 1], given[#given + 1] = name, value end
  local compile = rawget(_G, "loadstring") or load
  local head = ("local %s = ...\n"):format(table.concat(names, ", "))
  assert(compile(head .. code, "=" .. path))(unpack(given))
  return table.concat(lines)
end

return doc

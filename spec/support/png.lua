-- Pixels of a PNG as browsers write it: eight bits, RGB or RGBA, not interlaced. Enough to tell what is on a picture.

local zlib = require "zlib"

local png = {}

local function number(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function chunks(text)
  local data, at, head = {}, 9, nil
  while at < #text do
    local length, kind = number(text, at), text:sub(at + 4, at + 7)
    local content = text:sub(at + 8, at + 7 + length)
    if kind == "IHDR" then head = content elseif kind == "IDAT" then data[#data + 1] = content end
    at = at + 12 + length
  end
  return head, table.concat(data)
end

local function paeth(a, b, c)
  local p = a + b - c
  local pa, pb, pc = math.abs(p - a), math.abs(p - b), math.abs(p - c)
  if pa <= pb and pa <= pc then return a end
  return pb <= pc and b or c
end

local predictions = {
  [0] = function() return 0 end,
  function(left) return left end,
  function(_, up) return up end,
  function(left, up) return math.floor((left + up) / 2) end,
  paeth,
}

--- @return table picture   {width, height, at(x, y) → "r,g,b", colours: how many different ones}
function png.read(text)
  assert(text:sub(1, 8) == "\137PNG\r\n\26\n", "no PNG")
  local head, packed = chunks(text)
  local across, down = number(head, 1), number(head, 5)
  local depth, kind, _, _, interlace = head:byte(9, 13)
  assert(depth == 8 and (kind == 2 or kind == 6) and interlace == 0, "a PNG of another kind")
  local size, bytes = kind == 2 and 3 or 4, zlib.inflate()(packed)
  local rows, before, colours, count = {}, {}, {}, 0
  for y = 1, down do
    local start, row = (y - 1) * (across * size + 1) + 1, {}
    local predict = predictions[bytes:byte(start)]
    for i = 1, across * size do
      row[i] = (bytes:byte(start + i) + predict(row[i - size] or 0, before[i] or 0, before[i - size] or 0)) % 256
    end
    for x = 1, across * size, size do
      local colour = (row[x] * 256 + row[x + 1]) * 256 + row[x + 2]
      if not colours[colour] then colours[colour], count = true, count + 1 end
    end
    rows[y], before = row, row
  end
  return {width = across, height = down, colours = count, at = function(x, y)
    local i = (x - 1) * size
    return ("%d,%d,%d"):format(rows[y][i + 1], rows[y][i + 2], rows[y][i + 3])
  end}
end

return png

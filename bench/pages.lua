-- The data that is measured with: pages of leads, made from a seed, as files. The same
-- bytes with every Lua, so that figures can be compared.

local data = require "oc.sandbox.data"

local pages = {}

pages.SEED = 1

--- One page as text: leads from number `from` on, or a lead a line.
---@param from integer
---@param count integer
---@param lines? boolean
function pages.text(from, count, lines)
  local leads = {}
  for i = 1, count do leads[i] = (data.lead(pages.SEED, from + i - 1)) end
  if lines then return table.concat(leads, "\n") .. "\n" end
  return "[" .. table.concat(leads, ",") .. "]"
end

function pages.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- Under another name first, so that a run that is stopped leaves no half.
local function write(path, text)
  local file = assert(io.open(path .. ".new", "wb"))
  assert(file:write(text))
  file:close()
  assert(os.rename(path .. ".new", path))
end

--- The path of a page, made where it is not there: page `number` of so many leads.
function pages.page(folder, number, size)
  local path = ("%s/page-%d-%d.json"):format(folder, size, number)
  if not exists(path) then write(path, pages.text((number - 1) * size + 1, size)) end
  return path
end

--- The same, packed.
function pages.packed(folder, number, size)
  local path = ("%s/page-%d-%d.json.gz"):format(folder, size, number)
  if exists(path) then return path end
  local zlib = require "zlib"
  local text = pages.text((number - 1) * size + 1, size)
  write(path, (zlib.deflate(6, 15 + 16)(text, "finish")))
  return path
end

--- So many leads, a lead a line.
function pages.lines(folder, count)
  local path = ("%s/leads-%d.ndjson"):format(folder, count)
  if exists(path) then return path end
  local block = 10000
  local file = assert(io.open(path .. ".new", "wb"))
  for from = 1, count, block do
    assert(file:write(pages.text(from, math.min(block, count - from + 1), true)))
  end
  file:close()
  assert(os.rename(path .. ".new", path))
  return path
end

return pages

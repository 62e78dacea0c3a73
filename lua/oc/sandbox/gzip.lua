-- gzip, in slices so that a long text does not hold up the other connections; absent where lua-zlib is.
-- Knows nothing about HTTP or pages.

local has_zlib, zlib = pcall(require, "zlib")

local gzip = {}

-- Level 1: the sandbox is to be fast, not small. 31 = the largest window plus a gzip header.
local LEVEL, WINDOW = 1, 31
local SLICE_BYTES = 262144

--- Whether this machine can compress at all.
gzip.available = has_zlib

--- Compresses a text.
---@param text string
---@param pause? fun() called between slices
---@return string
function gzip.compress(text, pause)
  local deflate = zlib.deflate(LEVEL, WINDOW)
  local parts = {}
  for first = 1, #text, SLICE_BYTES do
    parts[#parts + 1] = deflate(text:sub(first, first + SLICE_BYTES - 1))
    if pause then pause() end
  end
  parts[#parts + 1] = deflate("", "finish")
  return table.concat(parts)
end

return gzip

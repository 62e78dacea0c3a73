--- Unpacks gzip as it comes, block by block; by lua-zlib, where that is. Knows no files.

local gunzip = {}

-- Packed bytes that are unpacked at once: at most some thousand times as many come of them.
local SLICE_BYTES = 8192
-- 31 = the largest window, with a gzip header.
local WINDOW = 31
local MAGIC = "\31\139"

--- Does a text begin as gzip does?
---@param text string
---@return boolean
function gunzip.is_packed(text)
  return text:sub(1, 2) == MAGIC
end

---@class oc.cli.Gunzip
---@field read fun(): string|nil, any   packed bytes; nil at their end; nil, err
local Gunzip = {}
Gunzip.__index = Gunzip

--- An unpacker.
---@param first string   packed bytes that have been read already
---@param read fun(): string|nil, any   more of them; nil at the end; nil, err
---@return oc.cli.Gunzip|nil
---@return string|nil fault   lua-zlib is missing
function gunzip.new(first, read)
  local has_zlib, zlib = pcall(require, "zlib")
  if not has_zlib then
    return nil, "it is compressed, and the Lua package lua-zlib, which would unpack it, is not installed; "
      .. "install it, or unpack the file: gzip -dc FILE | ... -"
  end
  return setmetatable({zlib = zlib, packed = first, at = 1, read = read}, Gunzip)
end

-- The next packed bytes | nil at their end | nil, err.
local function slice(self)
  while self.at > #self.packed do
    local more, err = self.read()
    if not more then return nil, err end
    self.packed, self.at = more, 1
  end
  local bytes = self.packed:sub(self.at, self.at + SLICE_BYTES - 1)
  self.at = self.at + #bytes
  return bytes
end

-- A file may be several packed ones, one behind the other.
local function begin_member(self)
  self.inflate, self.taken = self.zlib.inflate(WINDOW), 0
end

local function unpack_slice(self, bytes)
  if not self.inflate then begin_member(self) end
  local before = self.taken
  local ok, text, ended, taken = pcall(self.inflate, bytes)
  if not ok then return nil, "the compressed data is damaged" end
  self.taken = taken
  if ended then
    self.inflate = nil
    self.at = self.at - (#bytes - (taken - before)) -- what is behind it is of the next
  end
  return text
end

--- More of the text: nil at the end; nil, err: a string, or what `read` gave.
---@return string|nil text   never empty
---@return any err
function Gunzip:next()
  while true do
    local bytes, err = slice(self)
    if err then return nil, err end
    if not bytes then
      if self.inflate then return nil, "the compressed data ends too early: the file is not whole" end
      return nil
    end
    local text, fault = unpack_slice(self, bytes)
    if not text then return nil, fault end
    if text ~= "" then return text end
  end
end

return gunzip

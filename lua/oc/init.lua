--- oc: leads of a Teams calling operator from AudioCodes Live Platform, as Lua
-- tables. The module itself: what users reach by `require "oc"`.

local core = require "oc.core"
local errors = require "oc.errors"
local options = require "oc.options"

local oc = {}

-- One mark for empty arrays in the whole process, so that what oc reads, lua-cjson
-- writes well, where it has such a mark.
local cjson_mark = require("cjson").empty_array_mt
local array_metatable = type(cjson_mark) == "table" and cjson_mark or {__name = "oc.array"}
core.set_array_metatable(array_metatable)
core.array_metatable = array_metatable

--- "0.1.0".
---@type string
oc._VERSION = require "oc.version"

--- What a JSON null is with `nulls = "null"`; also `cjson.null` and `ngx.null`.
---@type lightuserdata
oc.null = core.null

oc.auth = require "oc.auth"
oc.filter = require "oc.filter"
oc.client = require("oc.client").new
oc.civic = require "oc.civic"
oc.report = require "oc.report"

--- Marks a table as an array, so that it is written as `[]` when it is empty.
---@param t? table   default: a new one
---@return table t
function oc.array(t)
  if t ~= nil and type(t) ~= "table" then error("oc.array: a table expected, got " .. type(t), 2) end
  return setmetatable(t or {}, array_metatable)
end

--- Writes a value as compact JSON: keys in the service's order, unknown ones
--- sorted behind. Lossless for leads fetched with `nulls = "null"`, but for numbers
--- that Lua itself cannot hold: see docs/REFERENCE.md. Raises for what JSON cannot
--- say, naming the place.
---@type fun(value: any): string
oc.encode = core.encode

--- Reads one JSON document, strictly.
---@param text string
---@param given? oc.DecodeOptions
---@return any value   a JSON null on its own is oc.null
---@return oc.Error|nil err   kind `json` or `limit`, with `offset`
function oc.decode(text, given)
  if type(text) ~= "string" then error("oc.decode: a string expected, got " .. type(text), 2) end
  local settled = options.check(options.decoder, given, "oc.decode", 2)
  for _, name in ipairs {"where", "select"} do -- of leads, not of a document
    if settled[name] ~= nil then error(("oc.decode: option '%s' is for oc.decoder only"):format(name), 2) end
  end
  return core.decode(text, settled)
end

-- A large batch is built with the collector stopped: all of it is handed over at
-- once, so that a collection in the middle would find nothing. But a restart begins a
-- collection at once, however long it would have waited. So only a batch that is large
-- beside the heap: after others, which would walk the whole heap each time, it is due.
local BATCH_BYTES = 1024 * 1024
local function is_large(bytes) return bytes >= BATCH_BYTES and bytes >= collectgarbage "count" * 256 end
local can_tell = pcall(collectgarbage, "isrunning") -- not in Lua 5.1 and LuaJIT

local function with_collector_stopped(read)
  if not can_tell then return read end
  return function(decoder, n)
    if not is_large(decoder:waiting()) or not collectgarbage "isrunning" then return read(decoder, n) end
    collectgarbage "stop"
    local ok, leads, err = pcall(read, decoder, n)
    collectgarbage "restart"
    if not ok then error(leads, 0) end
    return leads, err
  end
end

if not core.paced then -- this module may be loaded twice; once is enough
  core.decoder_methods.read = with_collector_stopped(core.decoder_methods.read)
  core.paced = true
end

--- A decoder of one page of leads. Raises for unknown or wrong options.
---@param given? oc.DecoderOptions
---@return oc.Decoder decoder
function oc.decoder(given)
  local settled = options.check(options.decoder, given, "oc.decoder", 2)
  options.want(settled, "oc.decoder", 2)
  return core.decoder(settled)
end

--- Pages of leads without any I/O, for a program with its own HTTP. Raises for wrong options, or without base_url.
---@param given oc.PagerOptions
---@return oc.Pager pager
function oc.pager(given)
  local settled = options.check(options.pager, given, "oc.pager", 2)
  if not settled.base_url then error("oc.pager: option 'base_url' is missing", 2) end
  options.want(settled, "oc.pager", 2)
  local address, fault = core.address(settled.base_url)
  if not address then error("oc.pager: option 'base_url' " .. fault, 2) end
  return core.pager(options.defaults(options.pager, settled))
end

--- Is this one of oc's error objects?
oc.is_error = errors.is

return oc

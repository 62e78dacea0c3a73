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
---@param value any
---@return string json
oc.encode = core.encode

--- Reads one JSON document, strictly.
---@param text string
---@param given? oc.DecoderOptions
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

---@class oc.DecoderOptions
---@field nulls? "nil"|"null"   what a JSON null is: absent (default) or oc.null
---@field max_depth? integer   deepest nesting, default 64
---@field max_lead_bytes? integer   default 8 MiB
---@field max_body_bytes? integer   default 4 GiB
---@field where? string|oc.Filter   which leads; of a decoder only
---@field select? string[]   which fields of them; of a decoder only

--- A decoder of one page, without any I/O: `feed` bytes, take leads with `next`.
---@class oc.Decoder
---@field feed fun(self: oc.Decoder, bytes: string): true|nil, oc.Error|nil
---@field next fun(self: oc.Decoder): table|nil, oc.Error|nil   nil: feed more, or the end
---@field read fun(self: oc.Decoder, n?: integer): table[]|nil, oc.Error|nil   the leads that are complete now
---@field finish fun(self: oc.Decoder): true|nil, oc.Error|nil   was it one complete document?
---@field unknown fun(self: oc.Decoder): string[]   fields in where that no lead had so far
---@field reset fun(self: oc.Decoder)   ready for another page

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

---@param given? oc.DecoderOptions
---@return oc.Decoder
function oc.decoder(given)
  local settled = options.check(options.decoder, given, "oc.decoder", 2)
  options.want(settled, "oc.decoder", 2)
  return core.decoder(settled)
end

--- Pages without any I/O, for hosts that bring their own HTTP.
---@class oc.Pager
---@field request fun(self: oc.Pager): oc.PageRequest|nil   nil at the end
---@field response fun(self: oc.Pager, status: integer, headers: table, now?: number)   lower-case names
---@field feed fun(self: oc.Pager, bytes: string): true
---@field next fun(self: oc.Pager): table|string|nil   nil: feed more, or finish
---@field read fun(self: oc.Pager, n?: integer): table[]
---@field finish fun(self: oc.Pager, err?: oc.Error|string, random?: number): string|nil, number|oc.Error|nil
---@field over fun(self: oc.Pager): boolean   no more bytes are needed
---@field ahead fun(self: oc.Pager, n: integer): oc.PageRequest|nil   n pages later, for asking ahead
---@field result fun(self: oc.Pager): table
---@field place fun(self: oc.Pager): table   {page, skip, last_id}

--- What to ask for; the host adds Authorization.
---@class oc.PageRequest
---@field url string
---@field headers string[]   "Name: value"
---@field page integer

---@param given table   see docs/REFERENCE.md; base_url is needed
---@return oc.Pager
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

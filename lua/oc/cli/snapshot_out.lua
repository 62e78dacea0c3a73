--- A run's leads as a snapshot: what its first line says of the flags, and how FILE.part goes on. The lines themselves
-- are the business of oc.snapshot.

local core = require "oc.core"
local settings = require "oc.cli.settings"
local snapshot = require "oc.snapshot"
local values = require "oc.civic.values"

local snapshot_out = {}

-- The lines of FILE.part up to the token's count: the first one, and how many follow | nil.
local function look_at(path, bytes)
  local file = io.open(path, "rb")
  if not file then return nil end
  local first = file:read "*l" or ""
  if not snapshot.is_header(first) then
    file:close()
    return first, 0
  end
  local left, lines = bytes - #first - 1, 0
  while left > 0 do
    local block = file:read(math.min(left, 65536))
    if not block then break end
    lines, left = lines + select(2, block:gsub("\n", "")), left - #block
  end
  file:close()
  return first, lines
end

-- The snapshot in FILE.part that this run is to continue: it with how many leads it has | false: what is there is none
-- | nil, err.
local function continued(parsed, bytes)
  local first, leads = look_at(parsed.output .. ".part", bytes)
  if not first then return false end -- the sink says so
  if not snapshot.is_header(first) then
    if not parsed.snapshot then return false end
    return settings.usage(("--snapshot: %s.part is none; --resume goes on with it without that flag"):format(
      parsed.output))
  end
  local reader, fault = snapshot.reader(first)
  if not reader then return settings.usage(("--resume: %s.part: %s"):format(parsed.output, fault)) end
  if reader.header.where ~= parsed.where then
    return settings.usage(("--where: the run that wrote %s.part had %s"):format(parsed.output,
      reader.header.where and "--where " .. reader.header.where or "none"))
  end
  return {header = reader.header, leads = leads}
end

local function check(parsed, format)
  if parsed.format and format ~= "ndjson" then
    return settings.usage(("--snapshot is ndjson: it goes without --format %s"):format(format))
  end
  if parsed.select then return settings.usage "--snapshot holds whole leads: it goes without --select" end
  if parsed.resume then
    return settings.usage "--snapshot: the rest of a run is no snapshot; one that wrote FILE.part can be continued"
  end
  return true
end

--- What snapshot a run is to write.
---@param parsed table   of argparse
---@param format string
---@param part_bytes integer|nil   of FILE.part, which it continues
---@return {header: oc.SnapshotHeader|nil, leads: integer|nil}|nil|false wanted   false: none
---@return oc.Error|nil err   kind `options`
function snapshot_out.wanted(parsed, format, part_bytes)
  if parsed.output and (part_bytes or 0) > 0 then return continued(parsed, part_bytes) end
  if not parsed.snapshot then return false end
  local ok, err = check(parsed, format)
  if not ok then return nil, err end
  return {}
end

local function header_of(run)
  local parsed, client = run.parsed, run.leads.client.settings
  return {
    made = values.iso(core.time()), source = client.origin, where = parsed.where,
    ms_tenant_id = parsed.ms_tenant_id, page = parsed.page ~= client.page_base and parsed.page or nil,
  }
end

--- The format of a run that writes a snapshot.
---@param run table   with `wanted_snapshot`, `parsed`, `leads`, `sink`
---@return oc.cli.Output
function snapshot_out.new(run)
  local wanted, sink = run.wanted_snapshot, run.sink
  local writer = snapshot.writer(function(text) return sink:add(text) end, wanted.header or header_of(run),
    wanted.leads)
  return {
    add = function(_, lead) return writer:add(lead) end,
    flush = function() return sink:flush() end,
    finish = function()
      local ok, err = sink:flush()
      if not ok then return nil, err end
      sink.after = function() end -- a run that goes on does so before the last line
      local result = run.leads:result()
      writer:finish {complete = result.complete, stop_reason = result.stop_reason, uncertain = result.uncertain,
        ended = values.iso(core.time())}
      return sink:flush()
    end,
  }
end

return snapshot_out

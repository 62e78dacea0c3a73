--- A host that writes down what passes through another one: what was asked, heads,
-- sizes, times. Keeps the first bytes of a page at most, and judges nothing.

local errors = require "oc.errors"

local recorder = {}

-- Enough to see brackets, an envelope's keys, or that it is HTML.
local START_BYTES = 1024

--- One request and what became of it.
---@class oc.doctor.Record
---@field url string
---@field method "GET"|"POST"
---@field authorized boolean   it carried an Authorization line
---@field asked_at number   seconds since 1970
---@field answered_at? number
---@field status? integer
---@field headers? table<string, string>
---@field start? string   the first bytes of the body; never of a token endpoint's answer
---@field stats? table   see oc.Exchange
---@field head_s? number   seconds until the head
---@field err? oc.Error

local Exchange = {}
Exchange.__index = Exchange

function Exchange:head(within_s)
  local record = self.record
  local status, headers = self.inner:head(within_s)
  if not status then
    record.err = headers
    return status, headers
  end
  record.answered_at = self.host.time()
  record.head_s = self.host.now() - self.began
  record.status, record.headers = status, headers
  return status, headers
end

function Exchange:read(within_s)
  local bytes, err = self.inner:read(within_s)
  local record = self.record
  if bytes and record.start and #record.start < START_BYTES then
    record.start = (record.start .. bytes):sub(1, START_BYTES)
  end
  if not bytes then
    record.err = record.err or err
    record.stats = self.inner:stats()
  end
  return bytes, err
end

function Exchange:stats() return self.inner:stats() end

function Exchange:close()
  self.record.stats = self.record.stats or self.inner:stats()
  self.inner:close()
  if not self.closed and self.on_request then self.on_request(self.record) end
  self.closed = true
end

local function is_authorized(request)
  for _, line in ipairs(request.headers or {}) do
    if line:lower():find "^authorization:" then return true end
  end
  return false
end

--- A host around another one. After `most` requests it opens no more.
---@param host oc.Host
---@param most integer
---@param on_request? fun(record: oc.doctor.Record)   called when a request is over
---@return oc.Host
---@return oc.doctor.Record[] records   grows
function recorder.new(host, most, on_request)
  local records = {}
  local outer = setmetatable({}, {__index = host})
  function outer.open(_, request)
    if #records >= most then
      return nil, errors.new("limit", ("no more than %d requests are sent"):format(most))
    end
    local method = request.method or "GET"
    local record = {
      url = request.url, method = method, authorized = is_authorized(request), asked_at = host.time(),
      start = method == "GET" and "" or nil,
    }
    records[#records + 1] = record
    local inner, err = host:open(request)
    if not inner then
      record.err = err
      return nil, err
    end
    return setmetatable({inner = inner, record = record, host = host, began = host.now(), on_request = on_request},
      Exchange)
  end
  function outer.pump() host:pump() end
  function outer.close() host:close() end
  return outer, records
end

return recorder

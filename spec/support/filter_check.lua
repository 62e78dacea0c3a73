-- A filter asked about one lead in every way there is: scanned, byte by byte, and as
-- tables. All must say the same.

local oc = require "oc"
local core = require "oc.core"

local filter_check = {}

local function scanned(filter, json, piece, now)
  local decoder = core.decoder {where = filter, now = now}
  local body, found, err = "[" .. json .. "]", nil, nil
  for at = 1, #body, piece do
    assert(decoder:feed(body:sub(at, at + piece - 1)))
    if not found then found, err = decoder:next() end
    assert(not err, tostring(err))
  end
  assert(decoder:finish())
  return found ~= nil
end

--- Does the expression (or filter) hold for the lead, which is JSON?
---@return boolean
function filter_check.holds(expression, json)
  local filter = oc.filter(expression)
  local told = scanned(filter, json, #json + 2)
  assert(scanned(filter, json, 1) == told, "byte by byte it is another: " .. tostring(filter))
  for _, nulls in ipairs {"nil", "null"} do
    local lead = assert(oc.decode(json, {nulls = nulls}))
    assert(filter(lead) == told, ("on tables with nulls = %q it is another: %s"):format(nulls, tostring(filter)))
  end
  return told
end

return filter_check

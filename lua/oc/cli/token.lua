--- Resume tokens as text: what `list` prints when it stops, and `--resume` takes.
-- URL-safe base64 of JSON, so that no shell touches it. What the fields mean is the
-- business of oc.leads; one is ours, how long FILE.part was.

local errors = require "oc.errors"
local oc = require "oc"

local token = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local values = {}
for i = 1, #ALPHABET do values[ALPHABET:byte(i)] = i - 1 end

local function to_base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for shown = 1, c and 4 or b and 3 or 2 do
      local value = math.floor(bits / 64 ^ (4 - shown)) % 64
      out[#out + 1] = ALPHABET:sub(value + 1, value + 1)
    end
  end
  return table.concat(out)
end

-- nil for what is no base64.
local function from_base64(text)
  if #text % 4 == 1 then return nil end
  local out = {}
  for at = 1, #text, 4 do
    local bits, taken = 0, 0
    for i = at, at + 3 do
      local value = values[text:byte(i)]
      if i <= #text and not value then return nil end
      bits, taken = bits * 64 + (value or 0), taken + (value and 1 or 0)
    end
    local bytes = string.char(math.floor(bits / 65536) % 256, math.floor(bits / 256) % 256, bits % 256)
    out[#out + 1] = bytes:sub(1, taken - 1)
  end
  return table.concat(out)
end

--- A token as text.
---@param resume oc.Resume
---@param part_bytes integer|nil bytes of FILE.part that it counts
---@return string
function token.write(resume, part_bytes)
  local fields = {part_bytes = part_bytes}
  for name, value in pairs(resume) do fields[name] = value end
  return to_base64(oc.encode(fields))
end

--- A token read.
---@param text string
---@return oc.Resume|nil resume
---@return integer|oc.Error|nil part_bytes nil: it was not written to a file
function token.read(text)
  local json = from_base64(text)
  local fields = json and oc.decode(json)
  local plain = type(fields) == "table"
  for name, value in pairs(plain and fields or {}) do
    plain = plain and type(name) == "string" and type(value) ~= "table"
  end
  local part_bytes = plain and fields.part_bytes
  if not plain or (part_bytes and (type(part_bytes) ~= "number" or part_bytes < 0 or part_bytes % 1 ~= 0)) then
    return nil, errors.new("options", "--resume: that is no token of oc-leads list, or not all of it")
  end
  fields.part_bytes = nil
  return fields, part_bytes or nil
end

return token

--- When a token says that it expires, if it is a JWT. Nothing is verified: that is
-- the service's business. Gives nothing else away.

local cjson = require "cjson.safe"

local jwt = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local values = {}
for i = 1, #ALPHABET do values[ALPHABET:sub(i, i)] = i - 1 end

local function decode(text)
  local bits, held, out = 0, 0, {}
  for char in text:gmatch "." do
    if not values[char] then return nil end
    bits, held = bits * 64 + values[char], held + 6
    if held >= 8 then
      held = held - 8
      local unit = 2 ^ held
      out[#out + 1] = string.char(math.floor(bits / unit))
      bits = bits % unit
    end
  end
  return table.concat(out)
end

--- Seconds since 1970; nil if the token does not say.
---@param token string
---@return number|nil
function jwt.expires_at(token)
  local payload = token:match "^[%w_-]+%.([%w_-]+)%.[%w_-]*$"
  local text = payload and decode(payload)
  local claims = text and cjson.decode(text)
  local at = type(claims) == "table" and claims.exp
  return type(at) == "number" and at or nil
end

return jwt

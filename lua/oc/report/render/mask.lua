--- Personal data made unrecognisable, but not useless: who knows the person sees that it is they.
--
-- An address of mail keeps its first letter and its domain, a telephone number its country code and last two digits,
-- a name its initials, any other text its first letter. Always the same for the same value, without a key: a mask
-- keeps a report from telling, not from being guessed by who has the leads.

local values = require "oc.report.render.values"
local width = require "oc.width"

local mask = {}

local MOST_INITIALS = 3
-- Fewer digits than these tell too much by two of them.
local FEWEST_DIGITS = 7

local CHARACTER = "[%z\1-\127\192-\255][\128-\191]*"

-- Country codes of one and two digits; all others have three.
local SHORT_CODES = {}
for code in ([[1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66
  81 82 84 86 90 91 92 93 94 95 98]]):gmatch "%d+" do SHORT_CODES[code] = true end

-- The letter a word begins with; nothing where a character is a word, and could be a whole name.
local function first_letter(word)
  local letter = word:match("^" .. CHARACTER) or ""
  if letter:find "^[%z\1-\47\58-\64\91-\96\123-\127]" or width.of(letter) ~= 1 then return "" end
  return letter
end

local function mail(text)
  local name, domain = text:match "^([^%s@]+)@([^%s@]+)$"
  return name and first_letter(name) .. "…@" .. domain
end

local function country_code(digits)
  for length = 1, 2 do
    if SHORT_CODES[digits:sub(1, length)] then return digits:sub(1, length) end
  end
  return digits:sub(1, 3)
end

local function phone(text)
  if not text:find "^%s*%+?[%d%s().,/-]+$" then return nil end
  if text:find "^%s*%d%d%d%d%-%d%d?%-%d%d?%s*$" then return "…" end -- a day
  local digits = text:gsub("%D", "")
  if #digits < FEWEST_DIGITS then return "…" end
  local abroad = text:find "^%s*%+" and digits or digits:match "^00(.*)$"
  local last = digits:sub(-2)
  if not abroad or #abroad < FEWEST_DIGITS then return "…" .. last end
  return "+" .. country_code(abroad) .. "…" .. last
end

local function initials(text)
  if text:find "%d" then return nil end
  local letters = {}
  for word in text:gmatch "%S+" do
    local letter = first_letter(word)
    if letter ~= "" and #letters < MOST_INITIALS then letters[#letters + 1] = letter .. "." end
  end
  return #letters > 1 and table.concat(letters, " ") or nil
end

--- A value without what tells who it is; nothing stays nothing.
---@param value string|number|boolean|nil
---@return string|nil
function mask.value(value)
  local text = values.plain(value)
  if text == nil or text == "" then return text end
  if type(value) == "boolean" then return "…" end
  return mail(text) or phone(text) or initials(text) or first_letter(text) .. "…"
end

return mask

--- Takes secrets out of texts that others have made: a server may send back what it was sent, in its error's body, in
-- a title, in the path of a redirect, whole or cut, as it was or escaped.
--
-- Knows characters, not what the secrets are for.

local conceal = {}

-- Stands where a secret was.
local HIDDEN = "(hidden)"

-- A shorter one is in every other word.
local MIN_BYTES = 4

local entities = {amp = "&", lt = "<", gt = ">", quot = '"', apos = "'"}

local function char_of(digits, base)
  local code = tonumber(digits, base)
  return code and code < 256 and string.char(code) or nil
end

-- The character that is written at a place, and how many bytes that takes: as in a form or an address, in JSON, in
-- HTML, or as it is.
local function read_char(text, at)
  local first = text:sub(at, at)
  if first == "%" then
    local hex = text:match("^%x%x", at + 1)
    if hex then return char_of(hex, 16), 3 end
  elseif first == "\\" then
    local hex = text:match("^u00(%x%x)", at + 1)
    if hex then return char_of(hex, 16), 6 end
    local escaped = text:match("^[\"'/\\]", at + 1)
    if escaped then return escaped, 2 end
  elseif first == "&" then
    local name = text:match("^(#?%w+);", at + 1)
    local char = name and (entities[name] or name:find "^#[xX]" and char_of(name:sub(3), 16)
      or name:find "^#%d" and char_of(name:sub(2), 10))
    if char then return char, #name + 2 end
  end
  return first, 1
end

-- Does the text end within what stands for one character?
local function is_cut_char(text, at)
  return text:find("^%%%x?$", at) or text:find("^\\u?0?0?%x?$", at) or text:find("^&#?%w*$", at)
end

-- Where a secret that begins at a place ends; nil if it is not there. One that the text's end cuts counts.
local function find_end(text, at, secret)
  local n = 0
  while n < #secret do
    if at > #text then return n >= MIN_BYTES and at - 1 or nil end
    local wanted = secret:sub(n + 1, n + 1)
    local char, bytes = read_char(text, at)
    if text:sub(at, at) == wanted then
      bytes = 1
    elseif char ~= wanted and not (wanted == " " and text:sub(at, at) == "+") then
      return n >= MIN_BYTES and is_cut_char(text, at) and #text or nil
    end
    at, n = at + bytes, n + 1
  end
  return at - 1
end

-- Where a secret may begin: at its first character, or at what may stand for it.
local function starts_of(secret)
  local first = secret:sub(1, 1)
  return "[" .. first:gsub("%W", "%%%0") .. "%%\\&" .. (first == " " and "+" or "") .. "]"
end

local function hide_one(text, secret)
  local parts, from, at = {}, 1, 1
  local start = starts_of(secret)
  while true do
    at = text:find(start, at)
    if not at then break end
    local last = find_end(text, at, secret)
    if last then
      parts[#parts + 1] = text:sub(from, at - 1) .. HIDDEN
      from = last + 1
    end
    at = (last or at) + 1
  end
  if from == 1 then return text end
  return table.concat(parts) .. text:sub(from)
end

--- What hides these secrets in a text. Longer ones go first: one may hold another.
---@param secrets string[]
---@return fun(text: string): string
function conceal.new(secrets)
  local kept, seen = {}, {}
  for _, secret in ipairs(secrets) do
    if #secret >= MIN_BYTES and not seen[secret] then
      kept[#kept + 1], seen[secret] = secret, true
    end
  end
  table.sort(kept, function(a, b) return #a > #b end)
  return function(text)
    for _, secret in ipairs(kept) do text = hide_one(text, secret) end
    return text
  end
end

--- As credentials are sent in Basic authentication.
---@param text string
---@return string
function conceal.base64(text)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  return (text:gsub("..?.?", function(group)
    local a, b, c = group:byte(1, 3)
    local n, written = a * 65536 + (b or 0) * 256 + (c or 0), ""
    for i = 1, #group + 1 do
      local digit = math.floor(n / 64 ^ (4 - i)) % 64
      written = written .. alphabet:sub(digit + 1, digit + 1)
    end
    return written .. ("="):rep(3 - #group)
  end))
end

--- Hides what looks like an e-mail address or a telephone number.
---@param text string
---@return string
function conceal.contacts(text)
  text = text:gsub("[^%s\"'<>(),;:]+@[^%s\"'<>(),;:]+", HIDDEN)
  return (text:gsub("%+%d[%d ().%-]+%d", function(number)
    return #number >= 8 and HIDDEN or nil
  end))
end

--- Changes all texts in a table, keys included, however deep.
---@param t table   changed; no circles
---@param hide fun(text: string): string
function conceal.within(t, hide)
  local renamed = {}
  for name, value in pairs(t) do
    if type(value) == "string" then
      t[name] = hide(value)
    elseif type(value) == "table" then
      conceal.within(value, hide)
    end
    local better = type(name) == "string" and hide(name) or name
    if better ~= name then renamed[name] = better end
  end
  for name, better in pairs(renamed) do
    t[better], t[name] = t[name], nil
  end
end

return conceal

-- `matches` against string.find: random patterns over random texts must say the same,
-- and what is refused must be malformed by a check of its own.

local oc = require "oc"
local chance = require "support.chance"

local PATTERNS = tonumber(os.getenv "OC_FILTER_PATTERNS" or "") or 8000
local TEXTS = 6
local OLD = _VERSION == "Lua 5.1" -- LuaJIT too

local CLASSES = {"a", "c", "d", "l", "p", "s", "u", "w", "x", "A", "C", "D", "L", "P", "S", "U", "W", "X", ".", "%",
  "-", "]"}
if not OLD then
  CLASSES[#CLASSES + 1] = "g"
  CLASSES[#CLASSES + 1] = "G"
end
local LETTERS = {"a", "b", "a", "b", "A", "1", " ", ",", "\t", "\195\169", "\255", "-", "]", "^", "$", ")", "%%", "%."}
if not OLD then LETTERS[#LETTERS + 1] = "\0" end
local TEXT_LETTERS = {"a", "b", "a", "b", "A", "B", "1", " ", "(", ")", "-", "]", "^", "$", "%", ".", "\t", "\195\169",
  "\255", "\0"}

local function set(c)
  local parts = {c:once_in(3) and "[^" or "["}
  for _ = 1, c:from(1, 3) do
    local what = c:from(1, 4)
    if what == 1 then parts[#parts + 1] = "%" .. c:one_of(CLASSES)
    elseif what == 2 then parts[#parts + 1] = c:one_of {"a-b", "b-a", "A-z", "0-9", "a-", "-a", "%a-z", "]-a", "\1-\31"}
    else parts[#parts + 1] = c:one_of {"a", "b", "1", "^", "]", "[", "%]", "-", ".", "\255"} end
  end
  return table.concat(parts) .. (c:once_in(30) and "" or "]")
end

local function single(c)
  local what = c:from(1, 8)
  if what == 1 then return "%" .. c:one_of(CLASSES) end
  if what == 2 then return set(c) end
  if what == 3 then return "." end
  return c:one_of(LETTERS)
end

local function item(c)
  local what = c:from(1, 24)
  if what == 1 then return "%b" .. c:one_of {"()", "ab", "aa", "-]"} end
  if what == 2 then return "%f" .. set(c) end
  if what == 3 then return "%" .. c:from(1, 3) end
  if what <= 5 then return "()" end
  if what <= 8 then return "(" end
  if what <= 11 then return ")" end
  if what == 12 then return c:one_of {"%", "%b", "%ba", "%f", "%0", "%9", "[", "$", "^", "*", "%b()*", "+"} end
  return single(c) .. c:one_of {"", "", "", "*", "+", "-", "?"}
end

local function pattern_of(c)
  local parts, open = {c:once_in(5) and "^" or ""}, 0
  for _ = 1, c:from(0, 6) do
    local part = item(c)
    if part == ")" and open == 0 and not c:once_in(10) then part = "(" end
    open = open + (part == "(" and 1 or part == ")" and -1 or 0)
    parts[#parts + 1] = part
  end
  if not c:once_in(10) then parts[#parts + 1] = (")"):rep(open) end
  if c:once_in(5) then parts[#parts + 1] = "$" end
  return table.concat(parts)
end

local function text_of(c)
  local parts = {}
  for i = 1, c:one_of {0, 1, 2, 3, 5, 8, 12} do parts[i] = c:one_of(TEXT_LETTERS) end
  return table.concat(parts)
end

-- Behind the set that begins at the bracket; nil: it does not end.
local function behind_set(pattern, at)
  at = at + (pattern:sub(at + 1, at + 1) == "^" and 2 or 1)
  repeat -- the first belongs to it in any case
    if at > #pattern then return nil end
    at = at + (pattern:sub(at, at) == "%" and 2 or 1)
  until pattern:sub(at, at) == "]"
  return at + 1
end

-- What string.find finds out when it comes there.
local function is_well_formed(pattern)
  if not pattern:find "[%^%$%*%+%?%.%(%[%%%-]" then return true end -- plain, ) too
  local at, open, captures = pattern:sub(1, 1) == "^" and 2 or 1, {}, {}
  while at <= #pattern do
    local one, two = pattern:sub(at, at), pattern:sub(at, at + 1)
    if one == "(" then
      captures[#captures + 1] = false
      open[#open + 1] = #captures
      at = at + 1
    elseif one == ")" then
      if #open == 0 then return false end
      captures[table.remove(open)] = true
      at = at + 1
    elseif two == "%b" then
      if at + 3 > #pattern then return false end
      at = at + 4
    elseif two == "%f" then
      if pattern:sub(at + 2, at + 2) ~= "[" then return false end
      at = behind_set(pattern, at + 2)
    elseif two:find "^%%%d$" then
      if not captures[tonumber(two:sub(2))] then return false end
      at = at + 2
    elseif one == "[" then
      at = behind_set(pattern, at)
    elseif one == "%" then
      if two == "%" then return false end
      at = at + 2
    else
      at = at + 1
    end
    if not at then return false end
  end
  return #open == 0
end

local function quoted(pattern)
  return '"' .. pattern:gsub(".", function(byte) return ("\\%03d"):format(byte:byte()) end) .. '"'
end

describe("matches", function()
  it("says what string.find says", function()
    local c, refused, found, missed = chance.new(5), 0, 0, 0
    for _ = 1, PATTERNS do
      local pattern = pattern_of(c)
      local well_formed = is_well_formed(pattern)
      local ok, filter = pcall(oc.filter, "t matches " .. quoted(pattern))
      if ok ~= well_formed then
        error(("%q: well formed %s, taken %s"):format(pattern, tostring(well_formed), tostring(ok)))
      end
      if not ok then refused = refused + 1 end
      for _ = 1, ok and TEXTS or 0 do
        local text = text_of(c)
        local expected = text:find(pattern) ~= nil
        if filter {t = text} ~= expected then
          error(("%q in %q: expected %s"):format(pattern, text, tostring(expected)))
        end
        if expected then found = found + 1 else missed = missed + 1 end
      end
    end
    -- All must come often, or the test says little.
    for _, n in ipairs {refused * TEXTS, found, missed} do assert.is_true(n > PATTERNS / 4) end
  end)

  it("knows every class and every byte as string.find does", function()
    for _, class in ipairs(CLASSES) do
      local filter = oc.filter("t matches " .. quoted("^%" .. class .. "$"))
      for byte = 0, 255 do
        local text = string.char(byte)
        assert(filter {t = text} == (text:find("^%" .. class .. "$") ~= nil), ("%%%s of byte %d"):format(class, byte))
      end
    end
  end)

  it("bears patterns and texts that would take for ever", function()
    local texts = {("a"):rep(2000), ("(a)"):rep(1000), ("("):rep(3000)}
    local all = {"limit", "limit", "limit"}
    for pattern, expected in pairs {
      [("a*"):rep(400) .. "b"] = all, [("a-"):rep(400) .. "b"] = all, [("a?"):rep(400) .. "b"] = all,
      [("(.-)"):rep(32) .. "b"] = all, [(".+"):rep(300) .. "$b"] = all,
      [("%b()"):rep(200) .. "b"] = {false, false, "limit"}, -- only what is never balanced is read to its end each time
    } do
      local filter = oc.filter("t matches " .. quoted(pattern))
      for i, text in ipairs(texts) do
        local answer, err = filter {t = text}
        if err then answer = err.kind end
        assert.equal(expected[i], answer, ("%s, text %d"):format(pattern, i))
      end
    end
  end)
end)

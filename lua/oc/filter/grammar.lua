--- The filter language: text to a tree. Knows what may stand where, and says where
-- it does not; not what any of it means for a lead (that is oc_where.c's).
--
-- A tree is {tag, ...}: {"and", x, y, ...}, {"==", value, value}, {"path", frame,
-- key, ...}; src/oc_filter.c lists them. Frame 0 is the lead, 1 the element of the
-- outermost any or all, and so on.

local core = require "oc.core"
local had_lpeg = rawget(_G, "lpeg") ~= nil
local lpeg = require "lpeg"
if not had_lpeg then rawset(_G, "lpeg", nil) end -- in Lua 5.1 and LuaJIT it leaves a global

local C, Cc, Cf, Cg, Cmt, Cp, Cs, Ct = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Cmt, lpeg.Cp, lpeg.Cs, lpeg.Ct
local P, R, S, V = lpeg.P, lpeg.R, lpeg.S, lpeg.V

local grammar = {}

local MAX_BYTES = 65536
local MAX_PARENTHESES = 50 -- within one another; LPeg's own stack bears some more
local MAX_QUANTIFIERS = 16 -- as src/oc_where.h
local MAX_KEY_BYTES = 128 -- as src/oc_keys.h
local MAX_SECONDS = 1e12 -- far more than there are years

-- What could have stood at the furthest place that was looked at.
local furthest, wanted

local function note(name)
  return Cmt(P(true), function(_, at)
    if at > furthest then furthest, wanted = at, {} end
    if at == furthest then wanted[name] = true end
    return false
  end) * P(false) -- for LPeg to see that it fails
end

-- A fault that no other reading mends: raised, and caught by `parse`.
local function refuse(at, why)
  error({at = at, why = why}, 0)
end

-- --- words ----------------------------------------------------------------------

local space = S " \t\r\n\v\f" ^ 0
local letter = R("az", "AZ") + P "_"
local word_end = -(letter + R "09")
local name = letter * (letter + R "09") ^ 0

local function token(pattern, described)
  return pattern * space + note(described)
end

local function symbol(text) return token(P(text), "'" .. text .. "'") end
local function word(text, described) return token(P(text) * word_end, described or text) end

-- --- strings --------------------------------------------------------------------

local plain_escapes = {
  a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v", ["\\"] = "\\", ['"'] = '"', ["'"] = "'",
  ["\n"] = "\n",
}

local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  local bytes, first = {}, 0x40
  while code >= first do
    table.insert(bytes, 1, string.char(0x80 + code % 64))
    code, first = math.floor(code / 64), first > 0x20 and 0x20 or first / 2
  end
  return string.char(256 - 2 * first + code) .. table.concat(bytes)
end

local function bad_escape(_, at) refuse(at - 1, "no escape of a string") end

local hex = R("09", "af", "AF")
local escape = P "\\" / "" * (
  S "abfnrtv\\\"'\n" / plain_escapes
  + P "x" * C(hex * hex) / function(digits) return string.char(tonumber(digits, 16)) end
  + Cp() * C(R "09" * R "09" ^ -2) / function(at, digits)
    if tonumber(digits) > 255 then refuse(at - 1, "an escape beyond \\255") end
    return string.char(tonumber(digits))
  end
  + Cp() * "u{" * C(hex ^ 1) * "}" / function(at, digits)
    local code = #digits <= 8 and tonumber(digits, 16)
    if not code or code > 0x10FFFF then refuse(at - 1, "an escape beyond \\u{10FFFF}") end
    return utf8_of(code)
  end
  + P "z" * S " \t\r\n\v\f" ^ 0 / ""
  + Cmt(P(true), bad_escape))

local function quoted(quote)
  local open = P(quote)
  local body = Cs((escape + (P(1) - S("\n\\" .. quote))) ^ 0)
  return open * body * (P(quote) + Cmt(P(true), function(_, at) refuse(at, "a string without its closing quote") end))
end

local string_text = token(quoted '"' + quoted "'", "a string")

-- --- values ---------------------------------------------------------------------

local digits = R "09" ^ 1
-- Under a locale with a decimal comma Lua 5.1 reads none with a point; the core does.
local function number_of(text)
  return tonumber(text) or core.decode((text:gsub("^(-?)0+(%d)", "%1%2")), {})
end

local number = token(C(P "-" ^ -1 * digits * (P "." * digits) ^ -1 * (S "eE" * S "+-" ^ -1 * digits) ^ -1) * word_end
  / number_of, "a number")

local unit_seconds = {w = 604800, d = 86400, h = 3600, m = 60, s = 1}
-- In floating point: integers would go round and come out small.
local amount = C(digits) * C(S "wdhms") * word_end
  / function(count, unit) return (tonumber(count) + 0.0) * unit_seconds[unit] end
local duration = token(Cp() * Ct((amount * space) ^ 1) / function(at, list)
  local seconds = 0
  for _, part in ipairs(list) do seconds = seconds + part end
  if seconds > MAX_SECONDS then refuse(at, "a duration of more than 30,000 years") end
  return seconds
end, "a duration (90d 12h 30m)")

local size = C(P "L" * digits * "_U" * (digits + P "Infinity")) * word_end

local reserved = P(false)
for _, text in ipairs {"and", "or", "not", "in", "true", "false", "null", "now"} do
  reserved = reserved + P(text) * word_end
end

local key = C(letter * (letter + R "09") ^ (1 - MAX_KEY_BYTES)) * word_end
  + Cmt(Cp() * name, function(_, _, at) refuse(at, "a field's name of more than 128 bytes") end)
local path = token(Ct(Cc "path" * Cp() * (key - reserved) * (space * "." * space * (key + note "a field's name")) ^ 0),
  "a field")

local function node(tag) return function(...) return {tag, ...} end end

local function shifted(value, direction, seconds)
  if value[1] ~= "shift" then value = {"shift", value, 0} end
  value[3] = direction == "-" and value[3] - seconds or value[3] + seconds
  return value
end

-- --- conditions -----------------------------------------------------------------

-- Rows are folded: thousands of arguments would be too many for older Luas, and
-- lists would be captures within captures, of which LPeg bears 200.

-- {tag, ...}, which a row in parentheses at its front becomes part of.
local function row(tag)
  return function(first, x)
    if first[1] ~= tag then return {tag, first, x} end
    first[#first + 1] = x
    return first
  end
end

-- "not", "not", ..., a condition: two of them cancel out.
local function negated(nots, x)
  if x == "not" then return nots == "" and "not" or "" end
  return nots == "not" and {"not", x} or x
end

local no_conditions = {text = "a string", number = "a number", date = "a date", now = "a date", shift = "a date",
  count = "a number", lower = "a text"}

-- `status == "Active" or "Suspended"` is a mistake that would select everything.
local function alone(at, value)
  local what = no_conditions[value[1]]
  if what then
    refuse(at, what .. " by itself is no condition (for one of several, write: status in (\"A\", \"B\"))")
  end
  return {"truth", value}
end

local comparison_signs = {["~="] = "!="}
local sign = token(C(P "==" + "!=" + "~=" + "<=" + ">=" + "<" + ">"), "a comparison") / function(text)
  return comparison_signs[text] or text
end

-- `=` is what SQL says.
local assignment = P "=" * -P "=" * Cmt(P(true), function(_, at) refuse(at - 1, "= compares nothing: write ==") end)

local function compared(at, left, ...)
  local tag, right, where = ...
  if not tag then return alone(at, left) end
  if tag == "in" then
    table.insert(right, 1, left)
    table.insert(right, 1, "in")
    return right
  end
  if tag == "within" then return {"has", right, left} end
  return {tag, left, right, where}
end

local functions = {any = true, all = true, count = true, empty = true, lower = true, date = true}

local language = P {
  "all",
  all = space * V "either" * (token(-P(1), "the end")),
  either = Cf(V "both" * (word "or" * V "both") ^ 0, row "or"),
  both = Cf(V "negation" * (word "and" * V "negation") ^ 0, row "and"),
  negation = Cf((word "not" * Cc "not") ^ 0 * V "condition", negated),
  condition = symbol "(" * V "either" * symbol ")"
    + Cp() * C(P "any" + "all") * space * "(" * space * V "list" * symbol "," * V "either" * symbol ")"
      / function(at, tag, list, x) return {tag, list, x, at} end
    + P "empty" * space * "(" * space * V "value" * symbol ")" / node "empty"
    + Cp() * V "value" * (V "relation") ^ -1 / compared,
  list = path + note "a list",
  relation = assignment
    + sign * V "value"
    + word "in" * Cc "in" * symbol "(" * Ct(V "value" * (symbol "," * V "value") ^ 0) * symbol ")"
    + word "in" * Cc "within" * path
    + word "has" * Cc "has" * V "value"
    + word "contains" * Cc "contains" * V "value"
    + word "starts" * Cc "starts" * V "value"
    + word "ends" * Cc "ends" * V "value"
    + word "matches" * Cc "matches" * Cp() * string_text / function(tag, at, text) return tag, text, at end,
  value = Cf(V "atom" * Cg(token(C(S "+-"), "'+' or '-'") * duration) ^ 0, shifted),
  atom = string_text / node "text"
    + Cmt(Cp() * amount, function(_, _, at)
      refuse(at, "a duration by itself: write now - 90d, or date(\"...\") + 12h")
    end)
    + number / node "number"
    + word("true", "a value") / function() return {"true"} end
    + word("false", "a value") / function() return {"false"} end
    + word("null", "a value") / function() return {"null"} end
    + word("now", "a value") / function() return {"now"} end
    + P "date" * space * "(" * space * (Cp() * string_text * symbol ")")
      / function(at, text) return {"date", text, at} end
    + P "lower" * space * "(" * space * V "value" * symbol ")" / node "lower"
    + P "count" * space * "(" * space * V "value" * symbol ")" / node "count"
    + Cmt(Cp() * C(name) * space * "(", function(_, _, at, text)
      if functions[text] then return false end
      refuse(at, ("there is no function %s: any, all, count, empty, lower and date are those"):format(text))
    end)
    + token(size, "a company size") / node "text"
    + path,
}

-- --- places ---------------------------------------------------------------------

-- Gives paths their frame: what `it`, `lead` and names stand for depends on where.
local resolve

local function resolve_path(tree, depth)
  local at, first = tree[2], tree[3]
  local resolved, from = {"path", depth}, 3
  if first == "lead" then
    resolved[2], from = 0, 4
  elseif first == "it" then
    if depth == 0 then refuse(at, "'it' is the element within any and all") end
    from = 4
  end
  for i = from, #tree do resolved[#resolved + 1] = tree[i] end
  return resolved
end

function resolve(tree, depth)
  local tag = tree[1]
  if tag == "path" then return resolve_path(tree, depth) end
  local resolved = {tag}
  for i = 2, #tree do
    local part = tree[i]
    local deeper = (tag == "any" or tag == "all") and i == 3
    if deeper and depth == MAX_QUANTIFIERS then refuse(tree[4], "any and all more than 16 deep") end
    resolved[i] = type(part) == "table" and resolve(part, deeper and depth + 1 or depth) or part
  end
  return resolved
end

-- LPeg would give up with words of its own.
local function check_depth(text)
  local depth, at = 0, 1
  while true do
    local found = text:find("[\"'()]", at)
    if not found then return end
    local c = text:sub(found, found)
    at = found + 1
    if c == "(" then
      depth = depth + 1
      if depth > MAX_PARENTHESES then refuse(found, "parentheses more than 50 deep") end
    elseif c == ")" then
      depth = depth - 1
    else
      repeat
        local stop = text:find("[\\" .. c .. "]", at)
        if not stop then return end
        at = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      until text:sub(stop, stop) == c
    end
  end
end

local order = {"a field", "a value", "a string", "a number", "a duration (90d 12h 30m)", "a list", "a comparison",
  "in", "has", "contains", "starts", "ends", "matches", "and", "or", "the end"}

-- What could have stood there, the most telling first.
local function expectation()
  local names, listed = {}, {}
  if wanted["a value"] then -- these are some
    for _, part in ipairs {"a string", "a number", "a company size", "a field", "not", "'('"} do wanted[part] = nil end
  end
  for _, part in ipairs(order) do
    if wanted[part] then names[#names + 1], listed[part] = part, true end
  end
  local rest = {}
  for part in pairs(wanted) do
    if not listed[part] and part ~= "'+' or '-'" then rest[#rest + 1] = part end
  end
  table.sort(rest)
  for _, part in ipairs(rest) do table.insert(names, 1, part) end
  if #names == 1 then return names[1] end
  return table.concat(names, ", ", 1, #names - 1) .. " or " .. names[#names]
end

local function parse(text)
  if #text > MAX_BYTES then refuse(1, "an expression of more than 65536 bytes") end
  check_depth(text)
  furthest, wanted = 0, {}
  local tree = language:match(text)
  if not tree then refuse(furthest, expectation() .. " expected") end
  return resolve(tree, 0)
end

--- Parses an expression.
---@param text string
---@return table|nil tree
---@return integer|nil at   byte of the fault, from 1
---@return string|nil why
function grammar.parse(text)
  local ok, tree = pcall(parse, text)
  if ok then return tree end
  if type(tree) == "table" and tree.why then return nil, tree.at, tree.why end
  if tostring(tree):find "not enough memory$" then error("not enough memory", 0) end -- LPeg puts a place before it
  error(tree, 0)
end

-- LPeg compiles a pattern when it is first asked, and one for which memory ran out
-- meanwhile is broken for good. So it is asked while this module is loaded: or not.
grammar.parse "true"

return grammar

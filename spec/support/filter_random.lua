-- Random expressions and random leads for the property test of filters: trees for
-- filter_reference.lua, and the same as text, each way of writing taken at random.

local random = {}

-- --- what both are made of ----------------------------------------------------------

local UTF8 = {"\195\169", "\215\169", "\226\130\172", "\240\159\152\128"} -- é ש € and one beyond 16 bits

local pools = {
  word = {"Active", "active", "Removed", "", "A", "IL", "US", "uk", "contoso", "Contoso US", "validated", "Validated",
    "10", "true", "null", "L1_U", "l1_u1", "a\"b'c\\d", "tab\tline\n", "nul\0here", "/\127", UTF8[1] .. "E" .. UTF8[4],
    "\195\137", UTF8[2] .. UTF8[3]},
  date = {"2014-01-31", "2014-01-31T00:00:00Z", "2014-01-31T00:00:00.0000000Z", "2014-01-31T00:00:00.0000001Z",
    "2014-01-31T00:00:00.5Z", "2014-01-31T00:00:00.50Z", "2014-01-31T02:00:00+02:00", "2014-01-31T02:30:00.5+0230",
    "2014-01-30T22:00:00-02", "2014-01-31T00:00", "2014-01-31 00:00:00", "2014-01-31t00:00:00z", "2012-02-29",
    "2013-02-29", "2014-13-01", "2014-01-31T24:00:00Z", "2014-01-31T00:00:00.Z", "2014-01-31x", "20140131",
    "0001-01-01T00:00:00Z", "1969-12-31T23:59:59.9Z", "1970-01-01", "2090-06-30T12:00:00.1234567Z", "2000-03-01",
    "2014-01-31T00:00:00+24:00", "9999-12-31T23:59:59.9999999Z"},
  size = {"L1_U1", "L2_U4", "L25_U49", "L250_U999", "L1000_U2999", "L3000_UInfinity", "L250_U1", "L007_U9", "L10_",
    "L_U5", "L5_Uinfinity", "L3000_UInfinityx", "L99999999999999999999_U1"},
  number = {0, 1, -1, 2, 907, 0.5, -2.25, 1e15, 9007199254740991, -9007199254740991, 2147483648},
}
local KINDS = {"word", "date", "size", "number"}

-- What a field mostly holds. Names that mean something in the language are fields as well.
local FIELDS = {
  {"status", "word"}, {"companySize", "size"}, {"consentedOn", "date"}, {"lastModifiedOn", "date"},
  {"ovocChannelId", "number"}, {"isDirectLead", "boolean"}, {"contactDetails", "object"},
  {"consentedCountries", "words"}, {"civicAddresses", "objects"}, {"lists", "lists"}, {"has", "word"},
  {"date", "number"}, {"any", "words"}, {"lead", "object"}, {"it", "word"}, {"unknown", "none"}, {"L1", "object"},
  {"mixed", "mixed"},
}
-- These only behind a dot.
local DEEPER = {"and", "null", "now", "in"}
local KIND_OF = {}
for _, field in ipairs(FIELDS) do KIND_OF[field[1]] = field[2] end

local function field_name(c, first)
  if not first and c:once_in(8) then return c:one_of(DEEPER) end
  return c:one_of(FIELDS)[1]
end

-- --- leads -----------------------------------------------------------------------------
-- A value is JSON text, and what the reference takes for it.

local json

local function space(c)
  if not c:once_in(6) then return "" end
  return c:one_of {" ", "\n", "\t", "\r", "  \n\t"}
end

local function code_unit(c, unit)
  return (c:once_in(2) and "\\u%04x" or "\\u%04X"):format(unit)
end

local function escaped_utf8(c, character)
  local a, b, d, e = character:byte(1, 4)
  if not b then return code_unit(c, a) end
  if not d then return code_unit(c, a % 32 * 64 + b % 64) end
  if not e then return code_unit(c, a % 16 * 4096 + b % 64 * 64 + d % 64) end
  local code = a % 8 * 262144 + b % 64 * 4096 + d % 64 * 64 + e % 64 - 65536
  return code_unit(c, 0xD800 + math.floor(code / 1024)) .. code_unit(c, 0xDC00 + code % 1024)
end

local SHORT = {["\""] = "\\\"", ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["/"] = "\\/"}

local function json_text(c, text)
  local often = c:one_of {2, 20, 1000}
  return '"' .. text:gsub("[%z\1-\127\194-\244][\128-\191]*", function(character)
    if c:once_in(often) then return escaped_utf8(c, character) end
    if character == "/" and not c:once_in(3) then return nil end
    if SHORT[character] then return SHORT[character] end
    if character < " " then return escaped_utf8(c, character) end
  end) .. '"'
end

local function json_number(c, n)
  if n ~= math.floor(n) then return c:once_in(3) and ("%.2fe0"):format(n) or ("%.2f"):format(n) end
  local digits = ("%.0f"):format(n)
  return digits .. c:one_of {"", "", "", ".0", "e0", ".00E+0"}
end

-- {"key": value, ...}; sometimes a key twice, of which the last counts.
local function json_object(c, members)
  local parts, kept = {}, {}
  for _, member in ipairs(members) do
    local key = member[1]
    if c:once_in(15) then
      parts[#parts + 1] = json_text(c, key) .. space(c) .. ":" .. space(c) .. (json(c, "mixed", 1))
    end
    local text, value = member[2], member[3]
    parts[#parts + 1] = space(c) .. json_text(c, key) .. space(c) .. ":" .. space(c) .. text .. space(c)
    kept[key] = value
  end
  return "{" .. table.concat(parts, ",") .. "}", {members = kept}
end

local function json_list(c, kind, depth)
  local parts, list, n = {}, {}, c:one_of {0, 1, 1, 2, 3, 5}
  for i = 1, n do parts[i], list[i] = json(c, kind, depth) end
  return "[" .. space(c) .. table.concat(parts, space(c) .. "," .. space(c)) .. "]", {list = list, n = n}
end

local function random_members(c, depth)
  local members, used = {}, {}
  for _ = 1, c:one_of {0, 1, 2, 4, 6} do
    local name = field_name(c)
    if not used[name] then
      used[name] = true
      local text, value = json(c, KIND_OF[name] or "word", depth)
      members[#members + 1] = {name, text, value}
    end
  end
  return members
end

local ODD = {"word", "date", "size", "number", "boolean", "null", "words", "object"}
local ELEMENTS = {words = "word", objects = "object", lists = "words"}

function json(c, kind, depth)
  if kind == "mixed" or c:once_in(8) then kind = c:one_of(ODD) end
  if kind == "none" or kind == "null" or c:once_in(12) then return "null", nil end
  if kind == "boolean" then
    local yes = c:once_in(2)
    return tostring(yes), yes
  end
  if kind == "number" then
    local n = c:one_of(pools.number)
    return json_number(c, n), n
  end
  if pools[kind] then
    local text = c:one_of(pools[kind])
    return json_text(c, text), text
  end
  if depth == 0 then
    if c:once_in(2) then return "[]", {list = {}, n = 0} end
    return "{}", {members = {}}
  end
  if kind == "object" then return json_object(c, random_members(c, depth - 1)) end
  return json_list(c, ELEMENTS[kind], depth - 1)
end

--- A lead: its JSON, and what the reference takes. `number` is its member "#".
function random.lead(c, number)
  local members = {{"#", tostring(number), number}}
  for _, field in ipairs(FIELDS) do
    if not c:once_in(7) then
      local text, value = json(c, field[2], 3)
      table.insert(members, c:from(1, #members + 1), {field[1], text, value})
    end
  end
  return json_object(c, members)
end

-- --- trees -----------------------------------------------------------------------------

local condition

-- frames: how many there are; a path's first name is no keyword.
local function random_path(c, frames, longest)
  local frame = c:once_in(3) and c:from(1, frames) or frames
  local names = {}
  for i = 1, c:one_of {0, 1, 1, 1, 1, 2, 2, 3} do names[i] = field_name(c, i == 1) end
  if #names == 0 and frame == 1 and not c:once_in(10) then names[1] = field_name(c, true) end
  if frame > 1 and frame < frames then frame = frames end -- only the outermost and the innermost can be named
  if longest and #names > longest then names[longest + 1] = nil end
  return {tag = "path", frame = frame, names = names}
end

local SECONDS = {0, 1, 60, 3599, 7200, 86400, 604800, 7776000, 788645}

local function random_value(c, frames, kind, depth)
  local what = c:from(1, 20)
  if kind == "date" and what <= 5 then
    local text
    repeat text = c:one_of(pools.date) until random.is_date(text)
    return {tag = "date", text = text}
  elseif kind == "date" and what <= 7 then
    return {tag = "now"}
  elseif what <= 9 and depth > 0 then
    if kind == "date" then
      local seconds = c:one_of(SECONDS) * (c:once_in(2) and 1 or -1)
      return {tag = "shift", seconds = seconds, of = random_value(c, frames, kind, depth - 1)}
    elseif kind == "number" then
      return {tag = "count", of = random_value(c, frames, "words", depth - 1)}
    end
    return {tag = "lower", of = random_value(c, frames, kind, depth - 1)}
  elseif what <= 11 or not pools[kind] and what <= 13 then
    return {tag = "constant", value = c:one_of {true, false}}
  elseif what == 12 then
    return {tag = "constant", value = nil}
  elseif what <= 17 and pools[kind] then
    return {tag = "constant", value = c:one_of(pools[kind])}
  end
  local path = random_path(c, frames)
  if #path.names > 0 and c:once_in(2) then -- mostly a field of that kind
    for _, field in ipairs(FIELDS) do
      if field[2] == kind and c:once_in(2) then path.names[#path.names] = field[1] end
    end
  end
  return path
end

-- One that is a value where the language wants one.
local function path_to(c, frames, kinds)
  local path = random_path(c, frames)
  if #path.names > 0 and not c:once_in(4) then
    local names = {}
    for _, field in ipairs(FIELDS) do
      if kinds[field[2]] then names[#names + 1] = field[1] end
    end
    path.names[#path.names] = c:one_of(names)
  end
  return path
end

local LISTS = {words = true, objects = true, lists = true}
local ORDERS = {"==", "==", "!=", "<", "<=", ">", ">="}
local PATTERNS = {"^A", "%d+", "t.*e$", "[%w_]+$", "%u%l", "", "^$", "L%d+_U", "^(.)%1", "%bsa", "[^%s]-e", "%f[%w]c",
  "\\", "\""}

local makers = {
  function(c, frames, depth)
    local node = {tag = c:once_in(2) and "and" or "or"}
    for i = 1, c:from(2, 4) do node[i] = condition(c, frames, depth - 1) end
    return node
  end,
  function(c, frames, depth) return {tag = "not", of = condition(c, frames, depth - 1)} end,
  function(c, frames, depth)
    if frames == 5 then return nil end
    local path = path_to(c, frames, LISTS)
    return {tag = c:once_in(2) and "any" or "all", list = path, body = condition(c, frames + 1, depth - 1)}
  end,
}

local leaves = {
  function(c, frames)
    local v = c:once_in(8) and {tag = "constant", value = c:one_of {true, false}} or random_path(c, frames)
    return {tag = "truth", of = v}
  end,
  function(c, frames) return {tag = "empty", of = random_value(c, frames, c:one_of {"words", "word", "object"}, 1)} end,
  function(c, frames)
    local kind = c:one_of(KINDS)
    return {tag = "relation", sign = c:one_of(ORDERS), left = random_value(c, frames, kind, 2),
      right = random_value(c, frames, kind, 2)}
  end,
  function(c, frames)
    local kind, items = c:one_of(KINDS), {}
    for i = 1, c:from(1, 4) do items[i] = random_value(c, frames, kind, 1) end
    return {tag = "in", of = random_value(c, frames, kind, 1), items = items}
  end,
  function(c, frames)
    local list, one = path_to(c, frames, LISTS), random_value(c, frames, "word", 1)
    if c:once_in(2) then return {tag = "relation", sign = "within", left = one, right = list} end
    return {tag = "relation", sign = "has", left = list, right = one}
  end,
  function(c, frames)
    local right = random_value(c, frames, "word", 1)
    if right.tag == "constant" and type(right.value) == "string" and c:once_in(2) then
      right = {tag = "constant", value = right.value:match "^[^\128-\255]?[^\128-\255]?"}
    end
    return {tag = "relation", sign = c:one_of {"contains", "starts", "ends"}, left = random_value(c, frames, "word", 1),
      right = right}
  end,
  function(c, frames)
    return {tag = "relation", sign = "matches", left = random_value(c, frames, c:one_of {"word", "size"}, 1),
      right = {tag = "constant", value = c:one_of(PATTERNS)}}
  end,
}

function condition(c, frames, depth)
  local made = depth > 0 and not c:once_in(3) and c:one_of(makers)(c, frames, depth)
  return made or c:one_of(leaves)(c, frames)
end

--- A random condition.
function random.condition(c) return condition(c, 1, 3) end

--- A date that the language takes, of those above.
function random.is_date(text)
  if text:find "x$" or text:find "%.Z" or text:find "24:00" then return false end
  return text:find "^%d%d%d%d%-" ~= nil and text ~= "2013-02-29" and text ~= "2014-13-01"
end

-- --- trees as text ------------------------------------------------------------------------

local function gap(c)
  return c:one_of {" ", " ", " ", "  ", "\n", "\t"}
end

local function maybe_gap(c) return c:once_in(4) and gap(c) or "" end

local LETTERS = {["\n"] = "\\n", ["\t"] = "\\t", ["\\"] = "\\\\"}

local function quoted(c, text)
  local quote = c:one_of {'"', "'"}
  local often = c:one_of {3, 30, 1000}
  return quote .. text:gsub(".", function(byte)
    if byte == quote then return "\\" .. byte end
    if LETTERS[byte] then return LETTERS[byte] end
    if byte == "\0" or c:once_in(often) then
      return (c:one_of {"\\%03d", "\\x%02X", "\\x%02x"}):format(byte:byte())
    end
  end):gsub("^(.-)\195\169", c:once_in(2) and "%1\\u{e9}" or "%0") .. quote
end

local UNITS = {{"w", 604800}, {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}

local function duration(c, seconds)
  local parts = {}
  for _, unit in ipairs(UNITS) do
    local n = math.floor(seconds / unit[2])
    if n > 0 and not c:once_in(4) or unit[2] == 1 and (n > 0 or #parts == 0) then
      parts[#parts + 1] = ("%d%s"):format(n, unit[1])
      seconds = seconds - n * unit[2]
    end
  end
  return table.concat(parts, " ")
end

local function number(c, n)
  if n ~= math.floor(n) then return ("%.2f"):format(n) end
  return ("%.0f"):format(n) .. c:one_of {"", "", ".0", "e0", "E+0"}
end

local print_value

local value_printers = {
  path = function(c, e, frames)
    local names = {}
    for i, name in ipairs(e.names) do names[i] = name end
    local first = names[1]
    local outer = e.frame == 1
    local needs = first == nil or first == "lead" or first == "it" or outer and frames > 1
    if needs or c:once_in(6) then table.insert(names, 1, outer and "lead" or "it") end
    return table.concat(names, c:once_in(10) and " . " or ".")
  end,
  constant = function(c, e)
    local v = e.value
    if type(v) == "string" then
      local bare = v:find "^L%d+_U%d+$" or v:find "^L%d+_UInfinity$"
      return bare and c:once_in(2) and v or quoted(c, v)
    end
    return type(v) == "number" and number(c, v) or v == nil and "null" or tostring(v)
  end,
  date = function(c, e)
    return "date" .. maybe_gap(c) .. "(" .. maybe_gap(c) .. quoted(c, e.text) .. maybe_gap(c) .. ")"
  end,
  now = function() return "now" end,
  shift = function(c, e, frames)
    return print_value(c, e.of, frames) .. gap(c) .. (e.seconds < 0 and "-" or "+") .. maybe_gap(c)
      .. duration(c, math.abs(e.seconds))
  end,
  lower = function(c, e, frames)
    return "lower" .. maybe_gap(c) .. "(" .. print_value(c, e.of, frames) .. maybe_gap(c) .. ")"
  end,
  count = function(c, e, frames) return "count(" .. maybe_gap(c) .. print_value(c, e.of, frames) .. ")" end,
}

function print_value(c, e, frames) return value_printers[e.tag](c, e, frames) end

local RANK = {["or"] = 1, ["and"] = 2, ["not"] = 3}
local print_condition

local function row(c, e, frames)
  local parts = {}
  for i, part in ipairs(e) do parts[i] = print_condition(c, part, frames, RANK[e.tag] + 1) end
  return table.concat(parts, gap(c) .. e.tag .. gap(c))
end

local function quantified(c, e, frames)
  return e.tag .. maybe_gap(c) .. "(" .. maybe_gap(c) .. print_value(c, e.list, frames) .. maybe_gap(c) .. ","
    .. maybe_gap(c) .. print_condition(c, e.body, frames + 1, 1) .. maybe_gap(c) .. ")"
end

local printers = {
  ["and"] = row, ["or"] = row, any = quantified, all = quantified,
  ["not"] = function(c, e, frames) return "not" .. gap(c) .. print_condition(c, e.of, frames, 3) end,
  truth = function(c, e, frames) return print_value(c, e.of, frames) end,
  empty = function(c, e, frames) return "empty(" .. print_value(c, e.of, frames) .. maybe_gap(c) .. ")" end,
  ["in"] = function(c, e, frames)
    local items = {}
    for i, item in ipairs(e.items) do items[i] = print_value(c, item, frames) end
    return print_value(c, e.of, frames) .. gap(c) .. "in" .. maybe_gap(c) .. "("
      .. table.concat(items, maybe_gap(c) .. "," .. maybe_gap(c)) .. ")"
  end,
  relation = function(c, e, frames)
    local sign = e.sign == "within" and "in" or e.sign == "!=" and c:one_of {"!=", "~="} or e.sign
    return print_value(c, e.left, frames) .. gap(c) .. sign .. gap(c) .. print_value(c, e.right, frames)
  end,
}

-- rank: what may stand there without parentheses, and anything tighter.
function print_condition(c, e, frames, rank)
  local text = printers[e.tag](c, e, frames)
  if (RANK[e.tag] or 4) < rank or c:once_in(10) then
    return "(" .. maybe_gap(c) .. text .. maybe_gap(c) .. ")"
  end
  return text
end

--- The condition as an expression.
function random.print(c, tree)
  return maybe_gap(c) .. print_condition(c, tree, 1, 1) .. maybe_gap(c)
end

return random

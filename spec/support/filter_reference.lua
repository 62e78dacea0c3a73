-- What filters mean, naively: the tree of an expression over a lead. For the property
-- test, so it shares nothing with lua/oc/filter and src/oc_where.c, not even a helper.
--
-- Trees and leads are those of filter_random.lua. A lead's values are nil (null),
-- booleans, numbers, texts, {list = {...}, n = n} and {members = {...}}; an instant is
-- {s = seconds, ns = nanoseconds}.

local reference = {}

-- --- texts that say more ----------------------------------------------------------

local MONTH_DAYS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

local function days_in_month(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or MONTH_DAYS[month]
end

local days_before_year = {[1970] = 0}

local function days_since_1970(year, month, day)
  if not days_before_year[year] then -- year by year, from one that is known
    local step = year > 1970 and 1 or -1
    local days, at = 0, 1970
    while at ~= year do
      local counted = step == 1 and at or at - 1
      days = days + step * (days_in_month(counted, 2) == 29 and 366 or 365)
      at = at + step
    end
    days_before_year[year] = days
  end
  local days = days_before_year[year]
  for m = 1, month - 1 do days = days + days_in_month(year, m) end
  return days + day - 1
end

local function zone_seconds(zone)
  if zone == "" or zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)$"
  if not sign then
    sign, hours = zone:match "^([+-])(%d%d)$"
    minutes = "0"
  end
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  return (sign == "-" and -1 or 1) * (tonumber(hours) * 3600 + tonumber(minutes) * 60)
end

local function instant_of_text(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$"
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if not year or year < 1 or month < 1 or month > 12 or day < 1 or day > days_in_month(year, month) then return nil end
  local seconds = days_since_1970(year, month, day) * 86400
  if rest == "" then return {s = seconds, ns = 0} end
  local hour, minute, tail = rest:match "^[Tt ](%d%d):(%d%d)(.*)$"
  if not hour then return nil end
  local second, fraction = "0", ""
  if tail:find "^:%d%d" then
    second, tail = tail:match "^:(%d%d)(.*)$"
    if tail:find "^%.%d" then fraction, tail = tail:match "^%.(%d+)(.*)$" end
  end
  local zone = zone_seconds(tail)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if not zone or hour > 23 or minute > 59 or second > 59 then return nil end
  local ns = tonumber((fraction .. "000000000"):sub(1, 9))
  return {s = seconds + hour * 3600 + minute * 60 + second - zone, ns = ns}
end

local function size_of_text(text)
  local low, high = text:match "^L(%d+)_U(%w+)$"
  if low and (high == "Infinity" or high:find "^%d+$") then return tonumber(low) end
end

-- --- comparing --------------------------------------------------------------------

local function is_instant(v) return type(v) == "table" and v.s ~= nil end

local function as_instant(v)
  if is_instant(v) then return v end
  if type(v) == "string" then return instant_of_text(v) end
end

-- a before b: -1, at b: 0, behind it: 1
local function instant_order(a, b)
  if a.s ~= b.s then return a.s < b.s and -1 or 1 end
  return a.ns == b.ns and 0 or a.ns < b.ns and -1 or 1
end

local function plain_order(a, b) return a == b and 0 or a < b and -1 or 1 end

-- nil: there is no order between them
local function order(a, b)
  if type(a) == "number" and type(b) == "number" then return plain_order(a, b) end
  if type(a) == "string" and type(b) == "string" then
    local x, y = instant_of_text(a), instant_of_text(b)
    if x and y then return instant_order(x, y) end
    x, y = size_of_text(a), size_of_text(b)
    if x and y then return plain_order(x, y) end
    return plain_order(a, b)
  end
  if is_instant(a) or is_instant(b) then
    local x, y = as_instant(a), as_instant(b)
    if x and y then return instant_order(x, y) end
  end
end

local function equal(a, b)
  if a == nil or b == nil then return a == nil and b == nil end
  if is_instant(a) or is_instant(b) then return order(a, b) == 0 end
  if type(a) == "table" or type(b) == "table" then return false end
  return type(a) == type(b) and a == b
end

-- --- values -----------------------------------------------------------------------

local function lower(text)
  return (text:gsub("[A-Z]", function(c) return string.char(c:byte() + 32) end))
end

local function is_list(v) return type(v) == "table" and v.list ~= nil end

-- frames[1] is the lead, the last is the element; a path is {frame = i, names...}
local value

local values = {
  constant = function(e) return e.value end,
  date = function(e) return instant_of_text(e.text) end,
  now = function(_, _, now) return {s = now, ns = 0} end,
  path = function(e, frames)
    local v = frames[e.frame]
    if v == reference.null then v = nil end
    for _, name in ipairs(e.names) do
      if type(v) ~= "table" or not v.members then return nil end
      v = v.members[name]
    end
    return v
  end,
  shift = function(e, frames, now)
    local at = as_instant(value(e.of, frames, now))
    return at and {s = at.s + e.seconds, ns = at.ns}
  end,
  lower = function(e, frames, now)
    local v = value(e.of, frames, now)
    return type(v) == "string" and lower(v) or v
  end,
  count = function(e, frames, now)
    local v = value(e.of, frames, now)
    return is_list(v) and v.n or 0
  end,
}

-- An element that is null keeps its place among the frames.
reference.null = {}

function value(e, frames, now) return values[e.tag](e, frames, now) end

-- --- conditions -------------------------------------------------------------------

local holds

local function is_empty(v)
  if v == nil or v == "" then return true end
  if type(v) ~= "table" or is_instant(v) then return false end
  if v.list then return v.n == 0 end
  return next(v.members) == nil
end

-- Of how many elements it holds, of how many; nil for no list.
local function count_holding(e, frames, now)
  local v = value(e.list, frames, now)
  if not is_list(v) then return nil end
  local inner, n = {}, 0
  for i, frame in ipairs(frames) do inner[i] = frame end
  for i = 1, v.n do
    local element = v.list[i]
    inner[#frames + 1] = element == nil and reference.null or element
    if holds(e.body, inner, now) then n = n + 1 end
  end
  return n, v.n
end

local function texts(test)
  return function(a, b)
    return type(a) == "string" and type(b) == "string" and test(lower(a), lower(b))
  end
end

local function has(list, v)
  if not is_list(list) then return false end
  for i = 1, list.n do
    if equal(list.list[i], v) then return true end
  end
  return false
end

local relations = {
  ["=="] = equal,
  ["!="] = function(a, b) return not equal(a, b) end,
  ["<"] = function(a, b) return order(a, b) == -1 end,
  [">"] = function(a, b) return order(a, b) == 1 end,
  ["<="] = function(a, b) return order(a, b) == -1 or order(a, b) == 0 end,
  [">="] = function(a, b) return order(a, b) == 1 or order(a, b) == 0 end,
  has = has,
  within = function(a, b) return has(b, a) end,
  contains = texts(function(a, b) return a:find(b, 1, true) ~= nil end),
  starts = texts(function(a, b) return a:sub(1, #b) == b end),
  ends = texts(function(a, b) return #a >= #b and a:sub(#a - #b + 1) == b end),
  matches = function(a, b) return type(a) == "string" and a:find(b) ~= nil end,
}

local conditions = {
  ["and"] = function(e, frames, now)
    local all = true
    for _, part in ipairs(e) do all = holds(part, frames, now) and all end
    return all
  end,
  ["or"] = function(e, frames, now)
    local some = false
    for _, part in ipairs(e) do some = holds(part, frames, now) or some end
    return some
  end,
  ["not"] = function(e, frames, now) return not holds(e.of, frames, now) end,
  truth = function(e, frames, now)
    local v = value(e.of, frames, now)
    return v ~= nil and v ~= false
  end,
  empty = function(e, frames, now) return is_empty(value(e.of, frames, now)) end,
  any = function(e, frames, now)
    local n = count_holding(e, frames, now)
    return n ~= nil and n > 0
  end,
  all = function(e, frames, now)
    local n, of = count_holding(e, frames, now)
    return n == of -- of nothing, and of no list, too
  end,
  ["in"] = function(e, frames, now)
    local v, found = value(e.of, frames, now), false
    for _, item in ipairs(e.items) do found = equal(v, value(item, frames, now)) or found end
    return found
  end,
  relation = function(e, frames, now)
    return relations[e.sign](value(e.left, frames, now), value(e.right, frames, now))
  end,
}

function holds(e, frames, now) return conditions[e.tag](e, frames, now) end

--- Does the condition hold for the lead?
---@param tree table
---@param lead table
---@param now integer   seconds since 1970
---@return boolean
function reference.holds(tree, lead, now)
  return holds(tree, {lead}, now)
end

return reference

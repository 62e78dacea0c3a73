--- Filters: expressions that say which leads are wanted.
--
-- An expression is parsed here (grammar.lua), made into a program, and asked in C,
-- about scanned leads and about tables alike. This file has the face: `oc.filter`,
-- its combinations, and errors with a caret.

local core = require "oc.core"
local grammar = require "oc.filter.grammar"

--- `oc.filter`: call it with an expression.
---@class oc.filter.Module
---@overload fun(given: string|oc.Filter): oc.Filter
local filter = {}

local NO_MEMORY = "not enough memory" -- as Lua says it: no fault of the expression

--- A filter: call it with a lead.
---@class oc.Filter: userdata
---@overload fun(lead: oc.Lead): boolean|nil, oc.Error|nil   nil, err of kind `limit`: too much work

local metatable = core.filter_metatable
metatable.__index = {}
metatable.__name = "oc.filter"
metatable.__metatable = "oc.filter"

function metatable:__tostring()
  return "oc.filter(" .. core.filter_fields(self).text .. ")"
end

--- Is it a filter?
---@param value any
---@return boolean
function filter.is(value)
  return type(value) == "userdata" and getmetatable(value) == "oc.filter"
end

local SHOWN_BYTES = 60 -- of a long line, on either side of the caret

-- The line that has byte `at`, and under it a caret.
local function point(text, at)
  local from, to = at, at
  while from > 1 and text:sub(from - 1, from - 1) ~= "\n" and at - from < SHOWN_BYTES do from = from - 1 end
  while to <= #text and text:sub(to, to) ~= "\n" and to - at < SHOWN_BYTES do to = to + 1 end
  while from > 1 and text:find("^[\128-\191]", from) do from = from + 1 end
  local line = text:sub(from, to - 1):gsub("%c", " ")
  local before = text:sub(from, at - 1):gsub("[\128-\191]", "")
  return ("  %s\n  %s^"):format(line, (" "):rep(#before))
end

local function describe(text, at, why)
  return ("%s, at position %d\n%s"):format(why, at, point(text, at))
end

--- Makes a filter of an expression; nil, fault for one that is none.
---@param text string
---@return oc.Filter|nil
---@return string|nil fault   what is wrong, the line, and a caret under it
function filter.compile(text)
  local tree, at, why = grammar.parse(text)
  if not tree then return nil, describe(text, at, why) end
  local ok, made = pcall(core.filter, tree, {text = text, tree = tree})
  if ok then return made end
  if made == NO_MEMORY then error(made, 0) end
  if type(made) ~= "table" then return nil, tostring(made) end
  return nil, describe(text, made.position, made.why)
end

--- What was given as a filter, as one: an expression, a filter or a function.
---@param given any
---@return oc.Filter|function|nil
---@return string|nil fault
function filter.of(given)
  if type(given) == "string" then return filter.compile(given) end
  if type(given) == "function" or filter.is(given) then return given end
  return nil, "an expression, a filter or a function expected, got " .. type(given)
end

-- What combinations are made of, for whoever wants to say which part held.
local combined = setmetatable({}, {__mode = "k"})

--- What a combination was made of.
---@param given oc.Filter|function
---@return "all"|"any"|"none"|nil how   nil: it is no combination
---@return (oc.Filter|function)[]|nil parts
function filter.parts(given)
  local made = combined[given]
  if made then return made.how, made.parts end
end

local function keep_parts(made, how, parts)
  combined[made] = {how = how, parts = parts}
  return made
end

local function parts_of(what, list)
  if type(list) ~= "table" then error(("oc.filter.%s: a list expected, got %s"):format(what, type(list)), 3) end
  local parts, functions = {}, false
  for i = 1, #list do
    local part, fault = filter.of(list[i])
    if not part then error(("oc.filter.%s: [%d]: %s"):format(what, i, fault), 3) end
    parts[i] = part
    functions = functions or type(part) == "function"
  end
  return parts, functions
end

-- A filter of a combined tree. what, level: the combination and its caller, for an error.
local function made_of(what, tree, text, level)
  local ok, made = pcall(core.filter, tree, {text = text, tree = tree})
  if not ok and made == NO_MEMORY then error(made, 0) end
  if not ok then error(("oc.filter.%s: %s"):format(what, tostring(made)), level + 1) end
  return made
end

-- tag over all parts: a filter, or, where one of them is a function, a function.
local function combine(what, parts, functions, tag)
  if functions then
    local stop = tag == "or"
    return function(lead)
      for _, part in ipairs(parts) do
        local holds, err = part(lead)
        if holds == nil and err then return nil, err end
        if (holds and true or false) == stop then return stop end
      end
      return not stop
    end
  end
  local tree, texts = {tag}, {}
  for i, part in ipairs(parts) do
    local fields = core.filter_fields(part)
    tree[i + 1], texts[i] = fields.tree, "(" .. fields.text .. ")"
  end
  local text = table.concat(texts, " " .. tag .. " ")
  if #parts == 0 then
    text = tag == "and" and "true" or "false"
    tree = {"truth", {text}}
  end
  local made = made_of(what, tree, text, 3)
  return made
end

--- Holds when each of the parts does.
---@param list (string|oc.Filter|function)[]
---@return oc.Filter|function
function filter.all(list)
  local parts, functions = parts_of("all", list)
  local made = combine("all", parts, functions, "and")
  return keep_parts(made, "all", parts)
end

--- Holds when one of the parts does.
---@param list (string|oc.Filter|function)[]
---@return oc.Filter|function
function filter.any(list)
  local parts, functions = parts_of("any", list)
  local made = combine("any", parts, functions, "or")
  return keep_parts(made, "any", parts)
end

--- Holds when none of the parts does.
---@param list (string|oc.Filter|function)[]
---@return oc.Filter|function
function filter.none(list)
  local parts, functions = parts_of("none", list)
  local some = combine("none", parts, functions, "or")
  if functions then
    return keep_parts(function(lead)
      local holds, err = some(lead)
      if holds == nil and err then return nil, err end
      return not holds
    end, "none", parts)
  end
  local fields = core.filter_fields(some)
  local made = made_of("none", {"not", fields.tree}, "not (" .. fields.text .. ")", 2)
  return keep_parts(made, "none", parts)
end

return setmetatable(filter, {
  __call = function(_, given)
    if type(given) ~= "string" and not filter.is(given) then
      error("oc.filter: an expression expected, got " .. type(given), 2)
    end
    local made, fault = filter.of(given)
    if not made then error("oc.filter: " .. fault, 2) end
    return made
  end,
})

--- A pcall across which one may wait, on every Lua. Lua 5.1 cannot yield out of pcall;
-- there the function gets a coroutine of its own, whose yields are handed on.

local protect = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

-- Which coroutine hands on the yields of which.
local outer_of = setmetatable({}, {__mode = "k"})

-- Not found out by trying: within nginx a coroutine cannot be run while a module is loaded.
local function can_yield() return rawget(_G, "jit") ~= nil or _VERSION ~= "Lua 5.1" end

local function hand_on(inner, ok, ...)
  if coroutine.status(inner) == "dead" then return ok, ... end
  return hand_on(inner, coroutine.resume(inner, coroutine.yield(...)))
end

--- As pcall, where that cannot be yielded from.
---@param f function
---@return boolean ok
---@return any ...
function protect.by_coroutine(f, ...)
  local outer = coroutine.running()
  if not outer then return pcall(f, ...) end
  local arguments, count = {...}, select("#", ...)
  local inner = coroutine.create(function() return f(unpack(arguments, 1, count)) end)
  outer_of[inner] = outer
  return hand_on(inner, coroutine.resume(inner))
end

--- As pcall, and whatever f calls may yield.
---@type fun(f: function, ...): boolean, any
protect.call = can_yield() and pcall or protect.by_coroutine

--- The coroutine that is to be resumed when this one has yielded: itself, but within `call` on Lua 5.1.
---@param thread thread
---@return thread
function protect.base(thread)
  while outer_of[thread] do thread = outer_of[thread] end
  return thread
end

return protect

-- Errors raised in the middle of building a lead, for pager_spec: a Lua stack that is
-- almost full stands for memory that is. A process of its own, since busted's own
-- globals take stack. Prints what the pager gives afterwards.

local core = require "oc.core"

local unpack = rawget(table, "unpack")
local full = {}
for i = 1, 999990 do full[i] = 0 end

local function filled()
  local p = core.pager {base_url = "https://sp.example.com"}
  p:request()
  p:response(200, {})
  p:feed('[{"id":"A"},{"id":"B","x":' .. ('{"a":'):rep(40) .. "1" .. ("}"):rep(41) .. ',{"id":"C"}]')
  return p
end

-- Calls f(p) with ever less stack left until it raises in a lead; p then.
local function broken_off(f, prepare)
  for n = 999800, 999990 do
    local p = filled()
    prepare(p)
    local _, ok, err = coroutine.resume(coroutine.create(function()
      local function deep(...) return pcall(f, p) end -- luacheck: ignore 212
      return deep(unpack(full, 1, n))
    end))
    if ok == false and tostring(err):find "lead" then return p end
  end
  error "nothing was broken off"
end

local function ids(list)
  local found = {}
  for i, lead in ipairs(list) do found[i] = lead.id end
  return table.concat(found, " ")
end

local p = broken_off(function(pager) return pager:next() end, function(pager) pager:next() end)
print("place", p:place().skip, p:place().last_id, p:next().id, p:next().id, p:place().skip)
p = broken_off(function(pager) return pager:read() end, function() end)
print("read", ids(p:read()))
p = broken_off(function(pager) return pager:read() end, function() end)
local refused = select(2, pcall(p.finish, p)):gsub("^%S+:%d+: ", "") -- with a place when something wraps it
print("next", refused, p:next().id, p:next().id, p:next().id, p:next())

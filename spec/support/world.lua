-- A client whose world is in the spec's hand: time that sleeping moves, chance that
-- is always one half, a log that is kept, and the real blocking host for the rest.

local oc = require "oc"
local core = require "oc.core"
local script_host = require "oc.host.script"

local world = {}

--- A host that never sleeps in earnest: `host.slept` lists what it was asked for.
function world.host(deps)
  deps = deps or {}
  local slept, skipped = {}, 0
  local host = assert(script_host.new({}, {
    sleep = deps.sleep or function(seconds)
      slept[#slept + 1] = seconds
      skipped = skipped + seconds
      return true
    end,
    now = deps.now or function() return core.now() + skipped end,
    time = deps.time,
    random = function() return 0.5 end,
  }))
  host.slept = slept
  return host
end

--- A client of the sandbox at `url` and what it logged.
---@param url string
---@param given? table   more options
function world.client(url, given)
  local logged = {}
  local all = {
    base_url = url, auth = false, host = world.host(),
    log = function(level, event, fields)
      logged[#logged + 1] = {level = level, event = event, fields = fields}
    end,
  }
  for name, value in pairs(given or {}) do all[name] = value end
  local client = assert(oc.client(all))
  return client, logged
end

--- The events of a log, joined.
function world.events(logged)
  local names = {}
  for i, entry in ipairs(logged) do names[i] = entry.event end
  return table.concat(names, " ")
end

--- The ids of leads, and whether one came twice.
function world.ids(leads)
  local ids, seen = {}, {}
  for i, lead in ipairs(leads) do
    ids[i] = lead.id
    assert(not seen[lead.id], "a lead came twice: " .. tostring(lead.id))
    seen[lead.id] = true
  end
  return ids
end

return world

-- Leads in a coroutine of cqueues, while another one does something else. `leads:next()` waits without
-- keeping the other from running, on every Lua; a `for` does so on all but 5.1. See list.lua for a service to ask.
local cqueues = require "cqueues"
local oc = require "oc"
local cqueues_host = require "oc.host.cqueues"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/cqueues_leads.lua\n"
  os.exit(2)
end

local host = assert(cqueues_host.new())
local client = assert(oc.client {host = host})
local leads, turns = client:leads {where = 'status == "Active"', page_size = 100, max_pages = math.huge}, 0

local loop = cqueues.new()
loop:wrap(function()
  while not leads:result().stop_reason do
    cqueues.sleep(0.001)
    turns = turns + 1
  end
end)
loop:wrap(function()
  local lead, err
  repeat lead, err = leads:next() until not lead
  if err then error(tostring(err), 0) end
end)
assert(loop:loop())
host:close()
print(("%d active leads; %s"):format(leads:result().matched, turns > 0 and "the other went on" or "it stood still"))

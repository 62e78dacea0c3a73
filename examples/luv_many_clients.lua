-- Twenty fetches at once in one thread, on luv's event loop, while a timer of the program's goes on.
-- Each runs in a coroutine; the loop ends when all of them have. See list.lua for a service to ask.
local uv = require "luv"
local oc = require "oc"
local luv_host = require "oc.host.luv"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/luv_many_clients.lua\n"
  os.exit(2)
end

local host = assert(luv_host.new())
local client = assert(oc.client {host = host})
local running, count, ticks, timer = 20, 0, 0, uv.new_timer()
timer:start(0, 10, function() ticks = ticks + 1 end)

for page = 1, running do
  coroutine.wrap(function()
    local leads, err = client:leads({page = page, page_size = 50, max_pages = 1}):all()
    if not leads then print(("page %d: %s"):format(page, err)) end
    count = count + #(leads or err.partial)
    running = running - 1
    if running == 0 then timer:close() end
  end)()
end

uv.run()
host:close()
print(("%d leads; the timer %s"):format(count, ticks > 0 and "went on" or "stood still"))

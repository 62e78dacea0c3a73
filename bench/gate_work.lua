-- One work of bench/gate, to be run with its instructions counted:
--
--   gate_work.lua make FILE      writes the page
--   gate_work.lua WORK FILE      does one work of works.lua with it; `nothing`: only what
--                                comes before it

local pages = require "bench.pages"
local works = require "bench.works"

local LEADS = 2000

local name, path = arg[1], arg[2]

if name == "make" then
  local file = assert(io.open(path, "wb"))
  assert(file:write(pages.text(1, LEADS)))
  file:close()
  return
end

local bag = works.bag(pages.read(path))
if name == "encode" or name == "leads" then works.with_leads(bag) end
-- From the same state of the collector, whatever came before.
collectgarbage()
collectgarbage()
if name ~= "nothing" and name ~= "leads" then works.oc[name](bag) end
-- Not counted for or against anybody: taking down what was made.
os.exit(0, false)

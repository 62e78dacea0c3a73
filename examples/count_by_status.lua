-- How many leads there are in each status. Leads are counted as they come, and none
-- is kept: a million takes no more memory than a page. See list.lua for a service to ask.
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/count_by_status.lua\n"
  os.exit(2)
end

local client = assert(oc.client())
local leads = client:leads {page_size = 1000, max_pages = math.huge}

local counts, statuses = {}, {}
for lead in leads do
  local status = lead.status or "(none)"
  if not counts[status] then statuses[#statuses + 1] = status end
  counts[status] = (counts[status] or 0) + 1
end

table.sort(statuses)
for _, status in ipairs(statuses) do print(("%8d %s"):format(counts[status], status)) end

local result = leads:result()
print(("%d leads on %d pages, %s"):format(result.leads, result.pages,
  result.complete and "read to the end" or "cut: " .. result.stop_reason))

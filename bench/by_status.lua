-- Leads of a file by status, as one would write it without oc: `by_status.lua FILE`,
-- for bench/run.

local cjson = require "cjson"

local counts = {}
for line in io.lines(arg[1]) do
  local status = cjson.decode(line).status
  counts[status] = (counts[status] or 0) + 1
end
for status, count in pairs(counts) do print(("%s,%d"):format(status, count)) end

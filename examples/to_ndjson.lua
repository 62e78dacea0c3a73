-- All leads into FILE, each its exact JSON, a line each. After each page the place is
-- stored in FILE.resume; stopped anyhow (Ctrl-C, a failure), the same command goes on.
local oc = require "oc"
local path = arg[1]
if not (path and os.getenv "OC_BASE_URL") then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/to_ndjson.lua FILE\n"
  os.exit(2)
end

local stored = io.open(path .. ".resume")
local from = stored and assert(oc.decode(stored:read "*a")) or {bytes = 0}
if stored then stored:close() end
local file = assert(io.open(path, stored and "r+b" or "wb"))
assert(file:seek("set", from.bytes)) -- what was written behind it comes again

local leads = assert(oc.client()):leads {raw = true, max_pages = math.huge, resume = from.resume}
local ok, err = pcall(function()
  for page in leads:pages() do
    for _, text in ipairs(page.leads) do assert(file:write(text, "\n")) end
    assert(file:flush())
    local new = assert(io.open(path .. ".resume.new", "w"))
    assert(new:write(oc.encode {bytes = file:seek(), resume = leads:resume()}))
    assert(new:close() and os.rename(path .. ".resume.new", path .. ".resume"))
  end
end)
if not ok then error(tostring(err), 0) end
os.remove(path .. ".resume")
print(("%d leads written to %s, all there are"):format(leads:result().matched, path))

-- What happens when the service is in trouble: hooks tell of pages and retries, the run
-- has a deadline, and the error says what went wrong and where to go on.
local oc = require "oc"

if not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS script/lua examples/retry_and_log.lua\n"
  os.exit(2)
end

local client = assert(oc.client {
  deadline_s = 300, max_attempts = 3,
  log = function(level, event) io.stderr:write(level, " ", event, "\n") end,
  on_page = function(page) print(("page %d: %d leads"):format(page.number, page.count)) end,
  on_retry = function(info)
    print(("page %d: %s, attempt %d follows in %.1f s"):format(info.page, info.kind, info.attempt + 1, info.wait_s))
  end,
})

local all, result = client:leads {page_size = 100, max_pages = math.huge}:all()
if all then
  print(#all .. " leads, in " .. result.attempts .. " requests")
else
  local err = result
  print(err.kind, tostring(err))
  print(#err.partial .. " leads came; the next is on page " .. err.resume.page .. ", behind " .. err.resume.skip)
  local advice = {auth = "check the credentials", throttle = "come back later", shape = "check base_url"}
  print(advice[err.kind] or "try again with resume = err.resume")
  os.exit(1)
end

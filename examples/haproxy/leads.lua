-- Leads as NDJSON: GET /leads?where=EXPRESSION. HAProxy's own HTTP client asks, and
-- oc.pager says what to ask and what the answers mean. Nothing here blocks HAProxy.
local oc = require "oc"

-- HAProxy hands a body over whole, so pages are to be small. It asks three times more by
-- itself where it got no answer.
local OPTIONS = {page_size = 500, max_pages = math.huge, max_attempts = 3, raw = true,
  base_url = os.getenv "OC_BASE_URL" or error "OC_BASE_URL is not set"}
oc.pager(OPTIONS) -- raises now, when HAProxy starts, if the address is none
local TOKEN = os.getenv "OC_TOKEN"

local TIMEOUT_MS = 120000 -- without a byte
local PIECE = 64 * 1024 -- bytes to decode until others get their turn

local function get(request)
  local headers = {}
  for _, line in ipairs(request.headers) do
    local name, value = line:match "^(.-): (.*)$"
    headers[name] = {value}
  end
  if TOKEN then headers.Authorization = {"Bearer " .. TOKEN} end
  return core.httpclient():get {url = request.url, headers = headers, timeout = TIMEOUT_MS}
end

-- Gives the leads of an answer to `each`: nil, or what was wrong with its transfer.
local function take(pager, answer, each)
  local headers = {}
  for name, values in pairs(answer.headers) do headers[name] = values[0] end
  pager:response(answer.status, headers)
  for at = 1, #answer.body, PIECE do
    pager:feed(answer.body:sub(at, at + PIECE - 1))
    for lead in pager.next, pager do each(lead) end
    core.yield()
  end
  -- HAProxy does not tell when a body was cut.
  local length = tonumber(headers["content-length"])
  if length and #answer.body < length then return "the answer ended early" end
end

-- Reads all pages: nil, or the error.
local function read(pager, each)
  while true do
    local request, err = pager:request()
    if not request then return err end
    local ok, answer = pcall(get, request)
    local fault = not ok and "HAProxy cannot ask" or take(pager, answer, each)
    local what, more = pager:finish(fault)
    if not what then return more end
    if what == "wait" then core.msleep(math.ceil(more * 1000)) end
  end
end

local function start(applet, status, kind)
  applet:set_status(status)
  applet:add_header("Content-Type", kind)
  applet:start_response()
end

-- An error's own words hold nothing that the service said, and no token.
local function refuse(applet, status, err)
  start(applet, status, "application/problem+json")
  applet:send(oc.encode {title = tostring(err), kind = oc.is_error(err) and err.kind or nil} .. "\n")
end

-- A parameter of the query, unescaped; nil if it is not there, or empty.
local function parameter(applet, name)
  local value = ("&" .. applet.qs):match("&" .. name .. "=([^&]+)")
  if not value then return nil end
  return (value:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

core.register_service("leads", "http", function(applet)
  local options = {where = parameter(applet, "where")}
  for name, value in pairs(OPTIONS) do options[name] = value end
  local fine, pager = pcall(oc.pager, options)
  if not fine then return refuse(applet, 400, pager) end

  local started
  local function begin()
    if not started then start(applet, 200, "application/x-ndjson") end
    started = true
  end
  local err = read(pager, function(lead)
    begin()
    applet:send(lead .. "\n")
  end)
  if err and not started then return refuse(applet, 502, err) end
  -- HAProxy then leaves out the last chunk: nobody takes the answer for a whole one.
  if err then error(tostring(err), 0) end
  begin()
end)

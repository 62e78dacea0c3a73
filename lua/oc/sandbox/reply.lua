-- Sends one reply, with whatever a fault rule does to it.
-- Knows bytes and framing; what is in the body, and which rule applies, was decided before.

local gzip = require "oc.sandbox.gzip"
local http = require "oc.sandbox.http"

local reply = {}

local CHUNK_BYTES = 65536

---@class oc.sandbox.Answer
---@field status integer
---@field body string
---@field content_type? string
---@field headers? table<string, string>
---@field latency_s? number
---@field compressed? fun(): string the body gzipped; only called when it is sent so

local function accepts_gzip(request)
  return (request.headers["accept-encoding"] or ""):lower():find("gzip", 1, true) ~= nil
end

-- Spoils eight bytes in the middle; the checksum at the end makes sure that nobody can miss it.
local function spoil(body)
  local middle = math.floor(#body / 2)
  local bytes = body:sub(middle, middle + 7):gsub(".", function(char)
    return string.char((char:byte() + 85) % 256)
  end)
  return body:sub(1, middle - 1) .. bytes .. body:sub(middle + #bytes)
end

local function cut(body, keep)
  if keep < 1 then keep = math.floor(#body * keep) end
  return body:sub(1, keep)
end

-- The bytes to send, and whether they are gzip.
local function encode(answer, request, rule)
  local overridden = rule.body or (rule.status and rule.status ~= 200 and "")
  local body = overridden or answer.body
  local forced = rule.gzip or rule.cut_gzip or rule.corrupt_gzip
  local offered = not overridden and answer.compressed and accepts_gzip(request)
  if not gzip.available or rule.gzip == false or not (forced or offered) then return body, false end
  body = not overridden and answer.compressed and answer.compressed() or gzip.compress(body)
  if rule.corrupt_gzip then body = spoil(body) end
  if rule.cut_gzip then body = cut(body, rule.cut_gzip) end
  return body, true
end

local function set(headers, name, value)
  for _, header in ipairs(headers) do
    if header[1]:lower() == name:lower() then
      header[2] = value
      return
    end
  end
  headers[#headers + 1] = { name, value }
end

local function head_of(answer, rule, length, compressed, keep_alive)
  local status = rule.status or answer.status
  local headers = { { "Date", os.date("!%a, %d %b %Y %H:%M:%S GMT") }, { "Server", "oc-sandbox" } }
  local content_type = rule.content_type or answer.content_type
  if content_type then set(headers, "Content-Type", content_type) end
  if compressed then set(headers, "Content-Encoding", "gzip") end
  if rule.chunked then
    set(headers, "Transfer-Encoding", "chunked")
  elseif not rule.no_length and status ~= 304 then -- whose length would be that of the body it spares
    set(headers, "Content-Length", ("%d"):format(length + (rule.length_delta or 0)))
  end
  if not keep_alive then set(headers, "Connection", "close") end
  for name, value in pairs(answer.headers or {}) do set(headers, name, value) end
  for name, value in pairs(rule.headers or {}) do set(headers, name, tostring(value)) end
  return http.head(status, headers), status
end

local function send_piece(connection, body, first, last, rule, entry)
  if rule.chunked and not connection:send(("%x\r\n"):format(last - first + 1)) then return false end
  local ok, sent = connection:send(body, first, last)
  entry.bytes_sent = sent
  if not ok then return false end
  return not rule.chunked or connection:send("\r\n")
end

-- Sends body[1..stop] at the rule's pace; false when the client left.
local function send_pieces(connection, body, stop, rule, entry)
  local size = rule.drip and rule.drip.bytes or rule.chunked and CHUNK_BYTES or stop
  local first = 1
  while first <= stop do
    if rule.drip and first > 1 and not connection:sleep(rule.drip.every_s) then return false end
    local last = math.min(first + size - 1, stop)
    if not send_piece(connection, body, first, last, rule, entry) then return false end
    first = last + 1
  end
  return true
end

local function send_body(connection, body, rule, entry)
  local stop = math.min(#body, rule.cut_after or rule.stall_after or rule.reset_after or #body)
  if not send_pieces(connection, body, stop, rule, entry) then return false end
  if rule.stall_after then
    connection:sleep(math.huge)
    return false
  end
  connection.reset = rule.reset_after ~= nil
  if rule.chunked and not rule.cut_after and not rule.reset_after then return connection:send("0\r\n\r\n") end
  return true
end

local function wait_before(connection, answer, rule)
  local seconds = (answer.latency_s or 0) + (rule.latency_s or 0)
  return seconds == 0 or connection:sleep(seconds)
end

--- Sends an answer as a rule would have it, and writes into the entry what became of it.
---@param connection oc.sandbox.Connection
---@param request oc.sandbox.Request
---@param answer oc.sandbox.Answer
---@param rule oc.sandbox.FaultRule
---@param entry table gets status, bytes_sent (body bytes handed to the kernel), aborted (the client left first)
---@return boolean keep_alive
function reply.send(connection, request, answer, rule, entry)
  if not wait_before(connection, answer, rule) then
    entry.aborted = true
    return false
  end
  if rule.drop_before_head then
    connection.reset = rule.drop_before_head == "reset"
    return false
  end
  local body, compressed = encode(answer, request, rule)
  local closes = rule.no_length or rule.length_delta or rule.cut_after or rule.reset_after
  local keep_alive = request.keep_alive and not rule.no_length
  local head, status = head_of(answer, rule, #body, compressed, keep_alive)
  entry.status = status
  connection.send_timeout_s = rule.send_timeout_s
  local ok = connection:send(head) and send_body(connection, body, rule, entry)
  entry.aborted = not ok
  return ok and keep_alive and not closes
end

return reply

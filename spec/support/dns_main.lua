-- A name server for nginx, as a child process: every name is this machine. Says its port on standard output, and ends
-- with its standard input. Knows of DNS just what is asked of it: one question, an address of IPv4.

local socket = require "socket"

local udp = assert(socket.udp())
assert(udp:setsockname("127.0.0.1", 0))
local _, port = udp:getsockname()
io.stdout:write(port, "\n")
io.stdout:flush()

-- The name and what is asked of it: up to its zero length, and four bytes.
local function question_of(query)
  local at = 13
  while query:byte(at) and query:byte(at) > 0 do at = at + query:byte(at) + 1 end
  return query:sub(13, at + 4), query:byte(at + 2)
end

while true do
  local query, address, from = udp:receivefrom()
  if query and #query > 16 then
    local question, kind = question_of(query)
    local answers = kind == 1 and 1 or 0
    udp:sendto(query:sub(1, 2) .. "\129\128\0\1\0" .. string.char(answers) .. "\0\0\0\0" .. question
      .. (answers == 1 and "\192\12\0\1\0\1\0\0\0\60\0\4\127\0\0\1" or ""), address, from)
  end
end

-- Starts reader.lua and hears what it says.

local process = require "support.process"

local reading = {}

local function file_beside_this()
  return (debug.getinfo(1, "S").source:match("^@(.*)reading%.lua$") or "") .. "reader.lua"
end

--- Runs the reader to its end. Values of a name in the order they came; numbers where they are some.
---@return table<string, table>
function reading.run(...)
  local words = {}
  for i, word in ipairs {process.interpreter(), file_beside_this(), ...} do words[i] = process.quote(tostring(word)) end
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
  local text = pipe:read "*a"
  pipe:close()
  local said = {}
  for name, value in text:gmatch "(%S+) ([^\n]*)\n" do
    said[name] = said[name] or {}
    said[name][#said[name] + 1] = tonumber(value) or value
  end
  if not (said.complete or said.runs_memory) then error("the reader did not come to its end:\n" .. text) end
  return said
end

return reading

-- What the works of bench/run need around them, each made when first asked for: pages,
-- a server of pages, a sandbox. All of it ends with stage:close().

local daemon = require "support.daemon"
local pages = require "bench.pages"
local process = require "support.process"

local stage = {}

local LATENCY_S = 0.02

---@class bench.Stage
---@field folder string   for data
---@field names table<string, any>   for rows.fill
local Stage = {}
Stage.__index = Stage

-- What stands for a name in a command. Files are made on the way, not while measuring.
local made = {}

function made.LUA() return process.quote(process.interpreter()) end
function made.PAGE(self) return pages.page(self.folder, 1, self.names.SIZE) end
function made.LINES(self) return pages.lines(self.folder, self.names.SIZE) end
function made.MANY(self) return pages.lines(self.folder, self.names.REPORT) end

function made.PACKED(self)
  local paths = {}
  for i = 1, self.names.PAGES do paths[i] = pages.packed(self.folder, i, self.names.SIZE) end
  return table.concat(paths, " ")
end

function made.URL(self)
  local root = process.quote(self.root)
  self.scratch = daemon.folder()
  self.server = daemon.start(self.scratch, ("cd %s && exec %s bench/serve.lua %s"):format(root,
    process.quote(process.interpreter()), process.quote(self.folder)))
  local port, said = self.server:await "^(%d+)$"
  if not port then error("the server of pages does not start: " .. said, 0) end
  return "http://127.0.0.1:" .. port
end

function made.SANDBOX(self)
  self.sandbox = require("support.sandbox_child").start()
  return self.sandbox.url
end

--- A row's text with its names filled in.
function Stage:fill(text)
  return (text:gsub("@(%u+)@", function(name)
    if self.names[name] == nil then
      if not made[name] then error("nothing stands for @" .. name .. "@") end
      self.names[name] = made[name](self)
    end
    return tostring(self.names[name])
  end))
end

--- The service of the civic rows, as it was at first.
function Stage:reset_sandbox()
  if not self.sandbox then return end
  self.sandbox:configure {leads = self.names.CIVIC, faults = {{latency_s = LATENCY_S}},
    civic_sync = {fail_percent = 0, once_percent = 0, empty_percent = 20}}
end

function Stage:close()
  if self.server then
    self.server:stop()
    daemon.remove(self.scratch)
  end
  if self.sandbox then self.sandbox:close() end
end

---@param root string   of the tree
---@param folder string   for data
---@param names table   SIZE, PAGES, CIVIC, REPORT
function stage.new(root, folder, names)
  return setmetatable({root = root, folder = folder, names = names}, Stage)
end

return stage

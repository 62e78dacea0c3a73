--- Where data goes: standard output, or a file that is there whole or not at all.
--
-- Keeps what it is given until there is a good deal of it, and says honestly when
-- it could not be written. Knows no format.

local core = require "oc.core"
local errors = require "oc.errors"

local sink = {}

-- As much as a pipe takes at once on Linux.
local BATCH_BYTES = 65536

---@class oc.cli.Sink
---@field path string|nil the file that will be there; nil: standard output
---@field part string|nil FILE.part; nil: what is written cannot be taken back or continued
---@field written integer bytes that are surely out, those of the run that is continued included
---@field before fun() called before something is written
---@field after fun() called after something was written
local Sink = {}
Sink.__index = Sink

local function new(fields)
  fields.batch, fields.count, fields.size = {}, 0, 0
  fields.written = fields.written or 0
  fields.before, fields.after = function() end, function() end
  return setmetatable(fields, Sink)
end

local function io_error(path, why, broken_pipe)
  return errors.new("io", ("cannot write %s: %s"):format(path, (why:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", ""))),
    {broken_pipe = broken_pipe})
end

--- Standard output.
---@return oc.cli.Sink
function sink.stdout()
  return new {put = function(text)
    local ok, why, broken_pipe = core.write(1, text)
    if not ok then return nil, io_error("standard output", why, broken_pipe) end
    return true
  end}
end

-- FILE.part as the earlier run left it: what it wrote behind the token's count is cut off.
local function continue_part(part, file, bytes)
  local size = file:seek "end"
  if size < bytes then
    return nil, errors.new("options", ("--resume: %s has %.0f bytes, the token counts %.0f: it is of another run")
      :format(part, size, bytes))
  end
  file:seek("set", bytes - 1)
  if file:read(1) ~= "\n" then
    return nil, errors.new("options", ("--resume: %s has no line end where the token's run stopped"):format(part))
  end
  local ok, why = core.truncate(part, bytes)
  if not ok then return nil, io_error(part, why) end
  file:seek "end"
  return true
end

-- FILE.part, ours alone while it is open: empty, or as an earlier run left it.
local function open_part(part, continued)
  if continued > 0 and not core.file_mode(part) then
    return nil, errors.new("options", ("--resume: there is no %s to go on with"):format(part))
  end
  local file, why = io.open(part, "a+b")
  if not file then return nil, io_error(part, why) end
  local ok, err
  ok, why = core.lock(file)
  if not ok then return nil, io_error(part, "another run is writing it (" .. why .. ")") end
  if continued > 0 then
    ok, err = continue_part(part, file, continued)
  else
    ok, why = core.truncate(part, 0)
    err = not ok and io_error(part, why) or nil
  end
  if not ok then return nil, err end
  return file
end

--- A file, through FILE.part. A device or pipe is written to as it is.
---@param path string
---@param continued integer|nil bytes of FILE.part to keep
---@return oc.cli.Sink|nil
---@return oc.Error|nil err
function sink.file(path, continued)
  local _, kind = core.file_mode(path)
  if kind == "directory" then return nil, io_error(path, "it is a directory") end
  local is_file = kind ~= "other"
  local part = is_file and path .. ".part" or path
  local file, err
  if is_file then
    file, err = open_part(part, continued or 0)
    if not file then return nil, err end
  else
    continued = nil
    file, err = io.open(path, "wb")
    if not file then return nil, io_error(path, err) end
  end
  file:setvbuf "no"
  return new {path = path, part = is_file and part or nil, file = file, written = continued, put = function(text)
    local ok, fault = file:write(text)
    if not ok then return nil, io_error(part, fault) end
    return true
  end}
end

--- Takes text.
---@param text string
---@param more? string
---@return true|nil ok
---@return oc.Error|nil err kind `io`; the same one from then on
function Sink:add(text, more)
  if self.failed then return nil, self.failed end
  local count = self.count + 1
  self.batch[count], self.size = text, self.size + #text
  if more then
    count = count + 1
    self.batch[count], self.size = more, self.size + #more
  end
  self.count = count
  if self.size >= BATCH_BYTES then return self:flush() end
  return true
end

--- Writes what was taken.
---@return true|nil ok
---@return oc.Error|nil err as from `add`
function Sink:flush()
  if self.failed then return nil, self.failed end
  if self.count == 0 then return true end
  local text, size = table.concat(self.batch, "", 1, self.count), self.size
  self.batch, self.count, self.size = {}, 0, 0
  self.before()
  local ok, err = self.put(text)
  if not ok then
    self.failed = err
    return nil, err
  end
  self.written = self.written + size
  self.after()
  return true
end

-- Closing may be what tells that something could not be written.
local function close(self)
  local file = self.file
  self.file = nil
  if not file then return true end
  local ok, why = file:close()
  if not ok then return nil, io_error(self.part or self.path, tostring(why)) end
  return true
end

--- All is there: FILE.part becomes FILE.
---@return true|nil ok
---@return oc.Error|nil err
function Sink:finish()
  local ok, err = self:flush()
  if not ok then return nil, err end
  ok, err = close(self)
  if not ok or not self.part then return ok, err end
  local renamed, why = os.rename(self.part, self.path)
  if not renamed then return nil, io_error(self.path, why) end
  return true
end

--- Not all is there: FILE.part stays, unless it is empty.
---@return string|nil part its name, if it was left
---@return oc.Error|nil err what was taken last could not be written
function Sink:stop()
  local ok, err = self:flush()
  local closed, fault = close(self)
  err = not ok and err or not closed and fault or nil
  if not self.part then return nil, err end
  if self.written == 0 and not err then
    os.remove(self.part)
    return nil
  end
  return self.part, err
end

return sink

--- The LuaCATS comments of Lua files: classes, aliases, functions with their parameters. Only what this project uses:
-- @class @field @alias @param @return @type @overload @generic. Of code only the names of functions and of their
-- parameters are read.

local tree = require "support.tree"
local types = require "support.luacats_type"

local luacats = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local Defs = {}
Defs.__index = Defs

local function fault(self, path, line, text)
  self.faults[#self.faults + 1] = ("%s:%d: %s"):format(path, line, text)
end

local function parse(self, path, line, text, at)
  local made, behind = types.parse(text, at)
  if made then return made, behind end
  fault(self, path, line, behind)
  return {kind = "name", name = "any"}, #text + 1
end

-- --- tags ----------------------------------------------------------------------------------

local tags = {}

function tags.class(self, block, text, path, line)
  local name, parents = text:match "^([%w_.]+)(.*)"
  local class = {name = name, path = path, line = line, parents = {}, fields = {}, order = {}, methods = {},
    overloads = {}}
  for parent in (parents:match "^%s*:%s*([%w_., ]+)" or ""):gmatch "[%w_.]+" do
    if parent == "userdata" then class.userdata = true else class.parents[#class.parents + 1] = parent end
  end
  if self.classes[name] then fault(self, path, line, name .. " is defined twice") end
  self.classes[name], block.class = class, class
end

-- `name type`, `name? type` or `[string] any`; what stands behind, or on lines before, describes it.
function tags.field(self, block, text, path, line)
  if not block.class then return fault(self, path, line, "a field of no class") end
  if text:find "^%[string%] any" then
    block.class.open = true
    return
  end
  local scope = text:match "^private%s+()" or text:match "^protected%s+()" or text:match "^package%s+()"
  local name, optional, at = text:match("^([%w_]+)(%??)%s+()", scope)
  if not name then return fault(self, path, line, "no name: " .. text) end
  local of, behind = parse(self, path, line, text, at)
  local beside = text:match("^%s*(.-)$", behind)
  if block.before and beside ~= "" then fault(self, path, line, name .. " is described above and beside it") end
  if block.class.fields[name] then fault(self, path, line, name .. " is defined twice") end
  block.class.fields[name] = {name = name, optional = optional == "?", of = of, line = line, private = scope ~= nil,
    type = text:sub(at, behind - 1), description = block.before or beside}
  table.insert(block.class.order, name)
end

function tags.alias(self, block, text, path, line)
  local name, at = text:match "^([%w_.]+)%s*()"
  if self.aliases[name] then fault(self, path, line, name .. " is defined twice") end
  block.alias = {name = name, of = {kind = "union"}, path = path, line = line}
  self.aliases[name] = block.alias
  if at <= #text then block.alias.of = parse(self, path, line, text, at) end
end

function tags.param(self, block, text, path, line)
  local name, optional, at = text:match "^([%w_.]+)(%??)%s+()"
  if not name then return fault(self, path, line, "no type: " .. text) end
  table.insert(block.params, {name = name, optional = optional == "?", of = parse(self, path, line, text, at)})
end

tags["return"] = function(self, block, text, path, line)
  local at = 1
  repeat
    local of, behind = parse(self, path, line, text, at)
    table.insert(block.returns, {of = of})
    at = text:match("^ *[%a_]*[%w_]*,()", behind)
  until not at
end

function tags.overload(self, block, text, path, line)
  local of = parse(self, path, line, text, 1)
  table.insert(block.class and block.class.overloads or block.overloads, of)
end

function tags.type(self, block, text, path, line)
  block.type = parse(self, path, line, text, 1)
end

function tags.generic(self, _, text)
  self.generics[text:match "^[%w_]+"] = true
end

for _, name in ipairs {"meta", "diagnostic", "cast"} do tags[name] = function() end end

local function new_block()
  return {params = {}, returns = {}, overloads = {}}
end

local function read_comment(self, block, comment, path, line)
  local tag, text = comment:match "^%-%-%-@(%a+)%s*(.*)"
  local value = comment:match '^%-%-%-| "([^"]*)"'
  if value and block.alias then
    table.insert(block.alias.of, {kind = "literal", value = value})
  elseif tag and tags[tag] then
    tags[tag](self, block, text, path, line)
  elseif tag then
    fault(self, path, line, "no tag @" .. tag)
  end
  -- In the eyes of editors a text belongs to the field that follows.
  block.before = not tag and block.class and (block.before and block.before .. " " or "")
    .. comment:gsub("^%-%-%-%s*", "") or nil
end

-- --- code ----------------------------------------------------------------------------------

-- The function that a line begins: its name and parameters.
local function function_at(lines, number)
  local line = lines[number]
  if not line:find "function[ %w_.:]*%(" then return nil end
  local from = number
  while not line:find("function[ %w_.:]*%b()") and number < from + 5 do
    number = number + 1
    line = line .. " " .. (lines[number] or "")
  end
  local name, list = line:match "function ([%w_.:]+)(%b())"
  if not name then name, list = line:match "([%w_.]+) = function(%b())" end
  if not list then list = line:match "function%s*(%b())" end
  local params = {}
  for param in (list or ""):gmatch "[%w_.]+" do params[#params + 1] = param end
  return {name = name or "", params = params, method = (name or ""):find(":", 1, true) ~= nil}
end

-- What a comment is about: the line right behind it.
local function attach(file, block, line, number)
  local name = line:match "^local ([%w_]+) ="
  if name and block.class then file.bound[name] = block.class end
  name = line:match "^%s*([%w_.]+) ="
  if name then file.values[name] = block end
  if file.functions[number] then file.functions[number].doc = block end
end

local function bind_methods(file)
  for _, found in pairs(file.functions) do
    local object, name = found.name:match "^([%w_]+)[:.]([%w_]+)$"
    local class = object and file.bound[object]
    if class then class.methods[name] = found end
  end
end

local function read_file(self, path, text)
  local lines, file = {}, {path = path, functions = {}, values = {}, bound = {}}
  self.files[path] = file
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  local block
  for number, line in ipairs(lines) do
    local comment = line:match "^%s*(%-%-%-.*)"
    if comment and not comment:find "^%-%-%-%-" then
      block = block or new_block()
      read_comment(self, block, comment, path, number)
    else
      file.functions[number] = function_at(lines, number)
      if block then
        if block.before and next(block.class.fields) then
          fault(self, path, number - 1, "a text behind the last field of " .. block.class.name .. " belongs to none")
        end
        attach(file, block, line, number)
      end
      block = nil
    end
  end
  bind_methods(file)
end

-- --- what was read ---------------------------------------------------------------------------

--- Reads files.
---@param paths string[]
---@param read? fun(path: string): string   default: of this checkout
---@return table defs   classes, aliases, files, and faults, what could not be read
function luacats.read(paths, read)
  local self = setmetatable({classes = {}, aliases = {}, files = {}, faults = {}, seen = {}, generics = {}}, Defs)
  for _, path in ipairs(paths) do read_file(self, path, (read or tree.read)(path)) end
  return self
end

--- The fields of a class and of its parents, by name.
function Defs:fields(name)
  local class, all = assert(self.classes[name], "no class " .. name), {}
  for _, parent in ipairs(class.parents) do
    for field, of in pairs(self:fields(parent)) do all[field] = of end
  end
  for field, of in pairs(class.fields) do all[field] = of end
  return all
end

--- Where a Lua function is defined: its name, parameters and doc.
function Defs:function_of(f)
  local info = debug.getinfo(f, "S")
  local file = self.files[info.source:match "(lua/oc/.*)$" or ""]
  return file and file.functions[info.linedefined], file
end

-- A value had this field.
function Defs:note(class, field)
  self.seen[class] = self.seen[class] or {}
  self.seen[class][field] = true
end

--- Fields that no value of a class had so far.
function Defs:unseen(class)
  local names = {}
  for name in pairs(self:fields(class)) do
    if not (self.seen[class] or {})[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- What is wrong with a value; nil where it is of the type.
function Defs:fault(text, value, place)
  return types.fault(assert(types.parse(text)), value, self, place or text)
end

local function parts_of(doc)
  local params, returns = {}, {}
  for i, param in ipairs(doc.params) do params[i] = param end
  for i, one in ipairs(doc.returns) do returns[i] = one.kind and one or one.of end
  return params, returns
end

-- Calls f, and raises where an argument or a result is not of the type that it is said to be.
local function call(self, name, params, returns, f, ...)
  local given, wrong = {n = select("#", ...), ...}, {}
  for i = 1, math.max(given.n, #params) do
    local param = params[i]
    wrong[#wrong + 1] = not param and i <= given.n and ("%s: no parameter %d"):format(name, i)
      or param and param.of and not (given[i] == nil and param.optional)
        and types.fault(param.of, given[i], self, name .. ": " .. param.name) or nil
  end
  local function judge(...)
    local got = {n = select("#", ...), ...}
    for i = 1, math.max(got.n, #returns) do
      wrong[#wrong + 1] = types.fault(returns[i] or {kind = "name", name = "nil"}, got[i], self,
        ("%s: result %d"):format(name, i))
    end
    if #wrong > 0 then error(table.concat(wrong, "\n"), 3) end
    return unpack(got, 1, got.n)
  end
  return judge(f(...))
end

--- Calls a function with arguments, and raises where one, or a result, is not as its annotations say.
function Defs:call(f, ...)
  local found = assert(self:function_of(f), "no Lua function of oc")
  local params, returns = parts_of(found.doc)
  if found.method then table.insert(params, 1, {name = "self"}) end
  return call(self, found.name, params, returns, f, ...)
end

--- The same with a method that is a field of a class.
function Defs:send(class, object, name, ...)
  local field = assert(self:fields(class)[name], name)
  local params, returns = parts_of(field.of)
  return call(self, class .. "." .. name, params, returns, object[name], object, ...)
end

--- Calls `visit` with each node of each type, and where it stands.
function Defs:walk(visit)
  local function walk(of, place) types.walk(of, function(node) visit(node, place) end) end
  for name, class in pairs(self.classes) do
    for _, parent in ipairs(class.parents) do visit({kind = "name", name = parent}, name) end
    for field, one in pairs(class.fields) do walk(one.of, name .. "." .. field) end
    for _, one in ipairs(class.overloads) do walk(one, name) end
  end
  for name, alias in pairs(self.aliases) do walk(alias.of, name) end
  for path, file in pairs(self.files) do
    for number, found in pairs(file.functions) do
      local doc = found.doc or new_block()
      for _, list in ipairs {doc.params, doc.returns} do
        for _, one in ipairs(list) do walk(one.of, ("%s:%d"):format(path, number)) end
      end
    end
    for name, doc in pairs(file.values) do
      if doc.type then walk(doc.type, path .. ": " .. name) end
    end
  end
end

return luacats

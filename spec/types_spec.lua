-- The LuaCATS definitions against the code, both ways: each public name, its parameters, each method, each option, each
-- kind of error. (What values have, spec/types_shape_spec.lua finds out.)

local civic_options = require "oc.civic.options"
local luacats = require "support.luacats"
local oc = require "oc"
local options = require "oc.options"
local tree = require "support.tree"
local types = require "support.luacats_type"

local defs = luacats.read(tree.files("lua/oc", "%.lua$"))

-- What a program reaches by `require`, as the reference says.
local ROOTS = {"oc", "oc.sandbox", "oc.host.script", "oc.snapshot", "oc.doctor", "oc.civic.postcodes",
  "oc.cli.lead_file", "oc.version"}

local function sorted(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = tostring(key) end
  table.sort(list)
  return table.concat(list, "\n")
end

local function same(exists, defined)
  local wrong = {}
  for name in pairs(exists) do
    if not defined[name] then wrong["not defined: " .. name] = true end
  end
  for name in pairs(defined) do
    if not exists[name] then wrong["does not exist: " .. name] = true end
  end
  assert.equal("", sorted(wrong))
end

-- --- functions -----------------------------------------------------------------------------

local function names_of(params)
  local names = {}
  for _, param in ipairs(params) do
    local name = type(param) == "table" and param.name or param
    if not name:find "^_" then names[#names + 1] = name end
  end
  return table.concat(names, ", ")
end

local function body_of(f)
  local info = debug.getinfo(f, "S")
  local lines, number = {}, 0
  for line in tree.read(info.source:match "(lua/oc/.*)$"):gmatch "([^\n]*)\n" do
    number = number + 1
    if number >= info.linedefined and number <= info.lastlinedefined then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n")
end

-- What the annotations of a Lua function lack; nil: nothing.
local function fault_of_function(f)
  local found = defs:function_of(f)
  if not found or not found.doc then return "has no annotations" end
  local given = names_of(found.doc.params)
  if given ~= names_of(found.params) then
    return ("has the parameters (%s), its annotations have (%s)"):format(names_of(found.params), given)
  end
  local returns = (" " .. body_of(f)):find "%f[%w_]return +[^ ;]"
  if returns and #found.doc.returns == 0 then return "returns something, and has no @return" end
  if not returns and #found.doc.returns > 0 then return "returns nothing, and has a @return" end
  local known = debug.getinfo(f, "u").nparams -- not in Lua 5.1
  local read = #found.params + (found.method and 1 or 0) - (found.params[#found.params] == "..." and 1 or 0)
  if known and known ~= read then return ("has %d parameters, %d were read"):format(known, read) end
end

-- --- modules -------------------------------------------------------------------------------

local function path_of(module)
  local path = "lua/" .. module:gsub("%.", "/")
  return tree.exists(path .. ".lua") and path .. ".lua" or path .. "/init.lua"
end

local module_of = {}
for name, value in pairs(package.loaded) do
  if name:find "^oc%f[%z.]" and type(value) == "table" then module_of[value] = name end
end

-- What a module's file says of a name in it.
local function value_doc(module, key)
  for name, doc in pairs(defs.files[path_of(module)].values) do
    if name:match "[^.]+$" == key then return doc end
  end
end

local function is_group(value)
  for _, item in pairs(value) do
    if type(item) ~= "function" then return false end
  end
  return next(value) ~= nil
end

-- A module that can be called says so by an overload, with the parameters of its __call.
local function fault_of_call(module, name)
  local metatable = getmetatable(module)
  local call = type(metatable) == "table" and metatable.__call
  if not call then return nil end
  local found, file = defs:function_of(call)
  local wanted, has = names_of(found.params), {}
  if wanted == "..." then wanted = names_of((defs:function_of(module.of)).params) end
  for _, class in pairs(file.bound) do
    if class.overloads[1] then has[names_of(class.overloads[1].params)] = true end
  end
  if not has[wanted] then
    return ("%s is called with (%s), its overloads have (%s)"):format(name, wanted, sorted(has))
  end
end

local function look(module, name, visit, seen)
  if seen[module] then return end
  seen[module] = true
  visit(module, name, nil)
  for key, value in pairs(module) do
    local full = name .. "." .. tostring(key)
    if type(value) == "table" and (module_of[value] or is_group(value)) then
      look(value, module_of[value] or name, visit, seen)
    else
      visit(module, full, key, value, name)
    end
  end
end

local function each_public(visit)
  local seen = {}
  for _, name in ipairs(ROOTS) do
    local module = require(name)
    if type(module) == "table" then look(module, name, visit, seen) end
  end
end

describe("the definitions", function()
  it("can be read, each class once", function()
    assert.equal("", table.concat(defs.faults, "\n"))
  end)

  it("name no type that there is not", function()
    local unknown = {}
    defs:walk(function(node, place)
      local name = node.kind == "name" and node.name
      if name and not (types.builtin[name] or defs.classes[name] or defs.aliases[name] or defs.generics[name]) then
        unknown[place .. ": " .. name] = true
      end
    end)
    assert.equal("", sorted(unknown))
  end)

  it("have no class of their own that nothing mentions", function()
    local mentioned, idle = {}, {}
    defs:walk(function(node)
      if node.kind == "name" then mentioned[node.name] = true end
    end)
    for _, list in ipairs {defs.classes, defs.aliases} do
      for name, one in pairs(list) do
        if one.path == "lua/oc/types.lua" and not mentioned[name] then idle[name] = true end
      end
    end
    assert.equal("", sorted(idle))
  end)

  it("have every public name, with its parameters in order, and what it returns", function()
    local wrong, count = {}, 0
    each_public(function(module, name, key, value, home)
      local fault
      local doc = key ~= nil and value_doc(home, key)
      if key == nil then
        fault = fault_of_call(module, name)
      elseif doc and doc.type then
        fault = types.fault(doc.type, value, defs, "it")
      elseif type(value) ~= "function" then
        fault = "has no @type"
      else
        fault = fault_of_function(value)
      end
      count = count + 1
      if fault then wrong[name .. " " .. fault] = true end
    end)
    assert.equal("", sorted(wrong))
    assert.is_true(count > 80, "only " .. count .. " names were found")
  end)
end)

-- --- objects -------------------------------------------------------------------------------

describe("the definitions have every method of", function()
  local client = assert(oc.client {base_url = "http://127.0.0.1:1", auth = false, log = false})
  local server = assert(require("oc.sandbox").new())
  local exchange = assert(client:open {url = client.settings.base_url})
  local snapshot = require "oc.snapshot"
  teardown(function()
    exchange:close()
    client:close()
    server:close()
  end)

  local objects = {
    ["oc.Client"] = client,
    ["oc.Leads"] = (client:leads()),
    ["oc.Host"] = client.host,
    ["oc.Exchange"] = exchange,
    ["oc.Decoder"] = oc.decoder(),
    ["oc.Pager"] = oc.pager {base_url = client.settings.base_url},
    ["oc.sandbox.Server"] = server,
    ["oc.SnapshotWriter"] = snapshot.writer(print, {made = "2026-01-01T00:00:00Z"}),
    ["oc.SnapshotReader"] = assert(snapshot.reader '{"snapshot":"oc.leads","version":1,"made":"x"}'),
    ["oc.cli.LeadFile"] = assert(require("oc.cli.lead_file").open("spec/fixtures/week-1.ndjson", {})),
    ["oc.civic.Source"] = assert(oc.civic.source.file "spec/fixtures/leads-sample.json"),
    ["oc.civic.GatewaySource"] = assert(oc.civic.source.gateway {base_url = "http://127.0.0.1:1", auth = false,
      log = false}),
    ["oc.civic.PlatformSource"] = oc.civic.source.platform(client),
  }
  teardown(function()
    objects["oc.civic.GatewaySource"].client:close()
    objects["oc.cli.LeadFile"]:close()
  end)

  for name, object in pairs(objects) do
    it(name, function()
      local class, exists, defined, wrong = defs.classes[name], {}, {}, {}
      for key, value in pairs(getmetatable(object).__index) do
        if type(value) == "function" and not key:find "^__" then exists[key] = value end
      end
      for key in pairs(class.methods) do
        if not key:find "^__" then defined[key] = true end
      end
      local fields = defs:fields(name)
      for key, field in pairs(fields) do
        if field.of.kind == "fun" and (object[key] ~= nil or not field.optional) then
          defined[key] = true
          exists[key] = exists[key] or object[key]
        end
      end
      same(exists, defined)
      for key, value in pairs(exists) do
        if not fields[key] then wrong[key] = fault_of_function(value) end
      end
      assert.same({}, wrong)
      assert.equal("", defs:fault(name, object) or "")
    end)
  end
end)

-- --- options -------------------------------------------------------------------------------

-- How a field of an option reads; its type, where the list cannot say, is taken from the definition.
local function line_of(option, field, required)
  local of = option.one_of and '"' .. table.concat(option.one_of, '"|"') .. '"'
  local free = option.type == "any" or option.type == "table" or option.type == "function"
  of = of or free and field and field.type or option.type == "count" and "number" or option.type
  local help, default = option.help, option.default
  if default ~= nil and not help:find("default", 1, true) then
    default = default == math.huge and "math.huge" or type(default) == "number" and ("%.16g"):format(default)
      or type(default) == "string" and ("%q"):format(default) or tostring(default)
    help = help .. "; default " .. default
  end
  local tag = ("---@field %s%s %s"):format(option.name, required and "" or "?", of)
  if #tag + #help + 3 <= 120 then return tag .. "   " .. help end
  return "--- " .. help .. "\n" .. tag
end

-- The source lines of a class's fields, a text above its field with it.
local function lines_of(class)
  local lines, number = {}, 0
  for line in tree.read(class.path):gmatch "([^\n]*)\n" do
    number = number + 1
    if number > class.line then
      if not line:find "^%-%-%-" then break end
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

local function part_of(list, wanted)
  local part = {}
  for _, option in ipairs(list) do
    if wanted == nil or wanted == (option.name == "where" or option.name == "select") then part[#part + 1] = option end
  end
  return part
end

describe("the options of", function()
  local lists = {
    ["oc.ClientOptions"] = options.client,
    ["oc.LeadsOptions"] = options.leads,
    ["oc.DecodeOptions"] = part_of(options.decoder, false),
    ["oc.DecoderOptions"] = part_of(options.decoder, true),
    ["oc.PagerOptions"] = options.pager,
    ["oc.civic.PlanOptions"] = civic_options.plan,
    ["oc.civic.ApplyOptions"] = civic_options.apply,
  }
  for name, list in pairs(lists) do
    it(name .. " are those of the list, word for word", function()
      local class, made = defs.classes[name], {}
      for i, option in ipairs(list) do
        made[i] = line_of(option, class.fields[option.name], list == options.pager and option.name == "base_url")
      end
      made = table.concat(made, "\n")
      assert(lines_of(class) == made, ("%s: %s is to have\n\n%s\n"):format(class.path, name, made))
    end)

    it(name .. " have types that can be: a table for a table, a function for a function", function()
      for _, option in ipairs(list) do
        local field = defs.classes[name].fields[option.name]
        local of = defs.aliases[field.type] and defs.aliases[field.type].of or field.of
        local kind = of.kind == "name" and defs.classes[of.name] and "class" or of.kind
        if of.kind == "union" and option.type == "table" then kind = "class" end
        local fits = option.type == "table" and (kind == "class" or kind == "array" or kind == "map")
          or option.type == "function" and kind == "fun" or option.type == "any" and of.name ~= "any"
          or option.type ~= "table" and option.type ~= "function" and option.type ~= "any"
        assert.is_true(fits, ("%s.%s: %s"):format(name, option.name, field.type))
      end
    end)
  end

  -- What the code takes and refuses, for options of which its list says "any".
  local client = assert(oc.client {base_url = "http://127.0.0.1:1", auth = false, log = false})
  teardown(function() client:close() end)
  local empty = {version = 1, items = {}}
  local calls = {
    ["oc.ClientOptions"] = function(given)
      given.base_url = "http://127.0.0.1:1"
      if given.log == nil then given.log = false end
      assert(oc.client(given)):close()
    end,
    ["oc.LeadsOptions"] = function(given) client:leads(given) end,
    ["oc.DecoderOptions"] = oc.decoder,
    ["oc.PagerOptions"] = function(given)
      given.base_url = "http://127.0.0.1:1"
      oc.pager(given)
    end,
    ["oc.civic.PlanOptions"] = function(given) oc.civic.plan({}, given) end,
    ["oc.civic.ApplyOptions"] = function(given)
      if given.source == nil then given.source = function() return {} end end
      assert(oc.civic.apply(empty, given))
    end,
  }
  local function call() return {} end
  local tried = {false, true, 1, "id", {}, call, oc.filter "id", oc.null}
  local any = {["oc.ClientOptions"] = {"auth", "log"}, ["oc.LeadsOptions"] = {"where"},
    ["oc.DecoderOptions"] = {"where"}, ["oc.PagerOptions"] = {"where"}, ["oc.civic.PlanOptions"] = {"policy"},
    ["oc.civic.ApplyOptions"] = {"source", "breaker"}}
  for class, names in pairs(any) do
    for _, name in ipairs(names) do
      it(("%s: %s may be what its type says, and nothing else"):format(class, name), function()
        local field = defs.classes[class].fields[name]
        for _, value in ipairs(tried) do
          local taken, why = pcall(calls[class], {[name] = value})
          local fault = types.fault(field.of, value, defs, name)
          assert.equal(taken, fault == nil, ("%s = %s: %s"):format(name, tostring(value), tostring(fault or why)))
        end
        if name == "auth" then assert.is_nil(types.fault(field.of, oc.auth.bearer "x", defs, name)) end
      end)
    end
  end

  -- Options whose list is not data.
  local result = {title = "t", columns = {{title = "a"}}, rows = {}, notes = {}}
  local others = {
    ["oc.civic.AuditOptions"] = function(given) oc.civic.audit({}, given) end,
    ["oc.civic.GatewayOptions"] = oc.civic.source.gateway,
    ["oc.report.RenderOptions"] = function(given) oc.report.render.text(result, "csv", given) end,
    ["oc.diff.Options"] = function(given) oc.report.diff({}, {}, given) end,
    ["oc.sandbox.Options"] = require("oc.sandbox").new,
    ["oc.ClientCredentials"] = oc.auth.client_credentials,
    ["oc.DecodeOptions"] = function(given) oc.decode("1", given) end,
  }
  local needed = {
    ["oc.civic.GatewayOptions"] = {base_url = "http://127.0.0.1:1", auth = false},
    ["oc.ClientCredentials"] = {tenant_id = "t", client_id = "c", client_secret = "s", scope = "x"},
  }
  for name, take in pairs(others) do
    -- What the code says when a field is `value`.
    local function fault_of(field, value)
      local given = {}
      for key, usual in pairs(needed[name] or {}) do given[key] = usual end
      given[field] = value
      return tostring(select(2, pcall(take, given)))
    end

    it(name .. " are known to the code, and refused when their type is wrong", function()
      for field in pairs(defs:fields(name)) do
        local why = fault_of(field, coroutine.create(call))
        assert.truthy(why:find(field, 1, true), field .. " = a thread: " .. why)
        assert.is_nil(why:find("unknown", 1, true) or why:find("no option", 1, true), why)
      end
      local why = fault_of("no_such_option", 1)
      assert.truthy(why:find("no_such_option", 1, true), why)
    end)

    if needed[name] then
      it(name .. " are as needed as they say", function()
        for field, one in pairs(defs:fields(name)) do
          local refused = needed[name][field] ~= nil and fault_of(field, nil):find(field, 1, true)
          assert.equal(one.optional, not refused, field)
        end
      end)
    end
  end
end)

-- --- what the code knows by lists of its own ---------------------------------------------------

describe("the names that the code lists are those of", function()
  local lists = {
    ["oc.sandbox.Options"] = {"lua/oc/sandbox/options.lua", "LIST", '{ name = "([%w_]+)"'},
    ["oc.sandbox.FaultRule"] = {"lua/oc/sandbox/faults.lua", "CHECKS", "\n  ([%w_]+) = {"},
    ["oc.civic.AuditOptions"] = {"lua/oc/civic/audit.lua", "LIST", '{name = "([%w_]+)"'},
    ["oc.report.RenderOptions"] = {"lua/oc/report/render/init.lua", "TYPES", '([%w_]+) = "'},
    ["oc.report.Definition"] = {"lua/oc/report/engine.lua", "FIELDS", '([%w_]+) = "'},
    ["oc.report.Column"] = {"lua/oc/report/engine.lua", "COLUMN_FIELDS", '([%w_]+) = "'},
    ["oc.diff.Options"] = {"lua/oc/report/diff.lua", "OPTIONS", '([%w_]+) = "'},
    ["oc.civic.PlanItem"] = {"lua/oc/civic/plan.lua", "ITEM", '([%w_]+) = "'},
  }
  for class, from in pairs(lists) do
    it(class, function()
      local exists, path, name, pattern = {}, from[1], from[2], from[3]
      local list = assert(tree.read(path):match("\nlocal " .. name .. " = (%b{})"), name)
      for key in list:gmatch(pattern) do exists[key] = true end
      same(exists, defs:fields(class))
    end)
  end
end)

-- --- kinds of errors -------------------------------------------------------------------------

describe("the kinds of errors", function()
  local alias = {}
  for _, node in ipairs(defs.aliases["oc.ErrorKind"].of) do alias[node.value] = true end

  it("are those that C knows", function()
    local kinds = {}
    local list = tree.read("src/oc_retry.c"):match "fault_names%[.-%] = (%b{})"
    for name in list:gmatch '"(%l+)"' do kinds[name] = name ~= "none" or nil end
    same(kinds, alias)
  end)

  it("are those that Lua makes", function()
    local unknown = {}
    for _, path in ipairs(tree.files("lua/oc", "%.lua$")) do
      local source = tree.read(path)
      for _, pattern in ipairs {'errors%.new%("(%l+)"', 'kind = "(%l+)", message', 'kind = "(%l+)",\n%s*message'} do
        for kind in source:gmatch(pattern) do
          if not alias[kind] then unknown[path .. ": " .. kind] = true end
        end
      end
    end
    assert.equal("", sorted(unknown))
  end)
end)

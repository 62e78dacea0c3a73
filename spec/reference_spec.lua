-- docs/REFERENCE.md against the code: a table of options is compared with the one made
-- here from the list in lua/oc/options.lua (and printed when they differ, to be pasted);
-- of everything else, what exists must be named there, and what is named must exist.

local cjson = require "cjson"
local oc = require "oc"
local civic_options = require "oc.civic.options"
local luacats = require "support.luacats"
local options = require "oc.options"
local tree = require "support.tree"

local PATH = "docs/REFERENCE.md"
local text = tree.read(PATH)

-- What stands between <!-- name --> and <!-- end -->.
local function section(name)
  local found = text:match("<!%-%- " .. name:gsub("%-", "%%-") .. " %-%->\n\n?(.-)\n?\n<!%-%- end %-%->")
  return assert(found, PATH .. " has no section <!-- " .. name .. " -->")
end

-- What stands below a heading.
local function section_of(heading)
  return assert(text:match("\n## " .. heading .. "\n(.-)\n## "), PATH .. " has no heading " .. heading)
end

-- --- tables that are made ----------------------------------------------------------

local function code(value)
  return "`" .. value .. "`"
end

local function type_of(option)
  if option.one_of then
    local values = {}
    for i, value in ipairs(option.one_of) do values[i] = code(('"%s"'):format(value)) end
    return table.concat(values, ", ")
  end
  local name = option.type == "any" and "see there" or option.type == "count" and "integer or `math.huge`"
    or option.type
  if not option.min then return name end
  if not option.max then return ("%s, from %.16g"):format(name, option.min) end
  return ("%s, %.16g to %.16g"):format(name, option.min, option.max)
end

local function default_of(option)
  local value = option.default
  if value == nil then return "" end
  if value == math.huge then return "`math.huge`" end
  if type(value) == "number" then return code(("%.16g"):format(value)) end
  return code(type(value) == "string" and ('"%s"'):format(value) or tostring(value))
end

local function flag_of(option)
  if not option.flag then return "" end
  return code((option.type == "boolean" and option.default and "--no-" or "--") .. option.flag)
end

local function row(cells)
  for i, cell in ipairs(cells) do cells[i] = cell == "" and " |" or " " .. cell .. " |" end
  return "|" .. table.concat(cells)
end

-- The decoder and the pager know neither environment nor flags.
local function option_table(list, from_outside)
  local lines = {from_outside and row {"option", "type", "default", "environment", "flag", "meaning"}
    or row {"option", "type", "default", "meaning"}}
  lines[2] = from_outside and "|---|---|---|---|---|---|" or "|---|---|---|---|"
  for i, option in ipairs(list) do
    local cells = {code(option.name), type_of(option), default_of(option)}
    if from_outside then
      cells[4], cells[5] = option.env and code(option.env) or "", flag_of(option)
    end
    cells[#cells + 1] = option.help
    lines[i + 2] = row(cells)
  end
  return table.concat(lines, "\n")
end

-- --- names that are compared -------------------------------------------------------

-- The names in the first column of a section's tables, or that its headings give,
-- behind `prefix`.
local function named(where, prefix)
  local names = {}
  prefix = prefix:gsub("%p", "%%%0")
  for line in (where .. "\n"):gmatch "([^\n]*)\n" do
    local cell = line:match "^| (.-) |" or line:match "^#+ (.*)" or ""
    for name in cell:gmatch("`" .. prefix .. "([%w_-]+)") do names[name] = true end
  end
  return names
end

local function keys_of(t, wanted)
  local set = {}
  for name, value in pairs(t) do
    if not name:find "^__" and (not wanted or type(value) == wanted) then set[name] = true end
  end
  return set
end

local function differences(exists, documented)
  local lines = {}
  for name in pairs(exists) do
    if not documented[name] then lines[#lines + 1] = "not documented: " .. name end
  end
  for name in pairs(documented) do
    if not exists[name] then lines[#lines + 1] = "does not exist: " .. name end
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- The names in a text, wherever they stand.
local function names_in(line)
  local set = {}
  for name in line:gmatch "`([%l_]+)`" do set[name] = true end
  return set
end

local defs = luacats.read(tree.files("lua/oc", "%.lua$"))

-- The fields that LuaCATS comments give a class.
local function fields_of(class)
  local set = {}
  for name in pairs(defs:fields(class)) do set[name] = true end
  return set
end

-- What a pattern finds in files.
local function found(paths, pattern)
  local set = {}
  for _, path in ipairs(paths) do
    for name in tree.read(path):gmatch(pattern) do set[name] = true end
  end
  return set
end

-- --- the command line --------------------------------------------------------------

-- The environment of whoever runs this must not matter. (A sanitized run preloads its library; script/oc does itself.)
local CLEAN = "unset LD_PRELOAD; for name in $(env | sed -n 's/^\\(OC_[A-Z_]*\\)=.*/\\1/p'); do "
  .. "case $name in OC_LUA | OC_SAN) ;; *) unset $name ;; esac; done; "

-- What the command prints on standard output, and its exit status.
local function run_command(words)
  local pipe = assert(io.popen(CLEAN .. "cd '" .. tree.root .. "' && script/oc " .. words
    .. " 2>/dev/null </dev/null; echo \"exit $?\""))
  local printed, status = pipe:read("*a"):match "^(.*)exit (%d+)\n$"
  pipe:close()
  return printed, tonumber(status)
end

-- The long flags that --help lists.
local function flags_of(command)
  local set = {}
  local usage = run_command(command .. " --help"):match "^(.-)\n\nOptions:" or ""
  local list = run_command(command .. " --help"):match "\n\nOptions:(.-)\n\n" or ""
  for _, found_in in ipairs {usage, list} do
    for flag in found_in:gmatch "[%s%[](%-%-[%l-]+)" do set[flag] = true end
  end
  assert(set["--help"], "oc-leads " .. command .. " --help says nothing")
  return set
end

describe("the reference", function()
  for name, list in pairs {["client options"] = options.client, ["leads options"] = options.leads,
    ["decoder options"] = options.decoder, ["pager options"] = options.pager,
    ["civic options"] = civic_options.apply} do
    it("has the table of " .. name, function()
      local made = option_table(list, list ~= options.decoder and list ~= options.pager)
      assert(section(name) == made, ("%s, <!-- %s -->: is to be\n\n%s\n"):format(PATH, name, made))
    end)
  end

  it("has every public name of the module", function()
    assert.equal("", differences(keys_of(oc), named(text, "oc.")))
    assert.equal("", differences(keys_of(oc.auth), named(text, "oc.auth.")))
  end)

  local client = assert(oc.client {base_url = "http://127.0.0.1:1", auth = false, log = false})
  teardown(function() client:close() end)
  local objects = {
    client = getmetatable(client).__index,
    leads = getmetatable((client:leads())).__index,
    decoder = getmetatable(oc.decoder()).__index,
    pager = getmetatable(oc.pager {base_url = "http://127.0.0.1:1"}).__index,
  }
  for name, methods in pairs(objects) do
    it("has every method of a " .. name, function()
      assert.equal("", differences(keys_of(methods, "function"), named(text, name .. ":")))
    end)
  end

  it("has every kind of error, as C and Lua know them", function()
    local documented = named(section "error kinds", "")
    local in_c = tree.read("src/oc_retry.c"):match "fault_names%[.-%] = (%b{})"
    local kinds = {}
    for name in in_c:gmatch '"(%l+)"' do kinds[name] = name ~= "none" or nil end
    assert.equal("", differences(kinds, documented))
    assert.equal("", differences(found({"lua/oc/errors.lua"}, '%-%-%-| "(%l+)"'), documented))
  end)

  it("has every field of errors, results, pages and resume tokens", function()
    assert.equal("", differences(fields_of("oc.Error"), named(section "error fields", "")))
    assert.equal("", differences(fields_of("oc.Result"), named(section "result fields", "")))
    assert.equal("", differences(fields_of("oc.PageInfo"), named(section "page fields", "")))
    assert.equal("", differences(fields_of("oc.Resume"), named(section "resume fields", "")))
    assert.equal("", differences(fields_of("oc.RetryInfo"), named(section "retry fields", "")))
  end)

  it("has what there is of civic addresses", function()
    assert.equal("", differences(keys_of(oc.civic), named(section_of "Civic addresses", "civic.")))
    for _, name in ipairs {"policy", "source"} do
      local row_of = section_of("Civic addresses"):match("\n| `civic%." .. name .. "` |([^\n]*)")
      for key in pairs(oc.civic[name]) do
        assert.truthy(row_of:find("[`.]" .. key .. "%f[^%w_]") or key == "of", name .. "." .. key)
      end
    end
    assert.equal("", differences(fields_of("oc.civic.Result"), named(section "civic result", "")))
    assert.equal("", differences(fields_of("oc.civic.Plan"), named(section "civic plan", "")))
    assert.equal("", differences(fields_of("oc.civic.PlanItem"), named(section "civic item", "")))
  end)

  it("has what there is of reports", function()
    assert.equal("", differences(keys_of(oc.report), named(section_of "Reports", "report.")))
    assert.equal("", differences(fields_of("oc.report.Result"), named(section "report result", "")))
  end)

  it("has what a host and an exchange are asked for", function()
    assert.equal("", differences(fields_of("oc.Host"), named(section "host", "")))
    assert.equal("", differences(fields_of("oc.Exchange"), named(section "exchange", "")))
    assert.equal("", differences(fields_of("oc.Request"), named(section "request", "")))
  end)

  it("has every log event, and every field that passes", function()
    local events = found(tree.files("lua/oc", "%.lua$"), '%(%s*"[dwie][%l]+",%s*"([%l_]+)"')
    assert.equal("", differences(events, named(section "log events", "")))
    local allowed = tree.read("lua/oc/log.lua"):match "local allowed = (%b{})"
    local listed = {}
    for name in section("log fields"):gmatch "`([%w_]+)`" do listed[name] = true end
    local passing = {}
    for name in allowed:gmatch "([%w_]+) = true" do passing[name] = true end
    assert.equal("", differences(passing, listed))
  end)

  it("has every environment variable", function()
    local files = tree.files("lua/oc", "%.lua$")
    for _, path in ipairs(tree.files "script") do files[#files + 1] = path end
    local known, documented = found(files, "%f[%w_](OC_[%u_]*%u)%f[^%u_]"), {}
    for name in text:gmatch "`(OC_[%u_]*%u)`" do documented[name] = true end
    for name in text:gmatch "`(OC_[%u_]*%u)=" do documented[name] = true end
    assert.equal("", differences(known, documented))
  end)

  it("has every option and every fault of the sandbox", function()
    local list = tree.read("lua/oc/sandbox/options.lua"):match "local LIST = (%b{})"
    local names = {}
    for name in list:gmatch '{ name = "([%w_]+)"' do names[name] = true end
    assert.equal("", differences(names, named(section "sandbox options", "")))
    assert.equal("", differences(fields_of("oc.sandbox.FaultRule"), named(section "sandbox faults", "")))
    local server = assert(require("oc.sandbox").new())
    local methods = keys_of(getmetatable(server).__index, "function")
    server:close()
    assert.equal("", differences(methods, named(text, "server:")))
    assert.equal("", differences(keys_of(require "oc.sandbox"), named(text, "sandbox.")))
  end)

  it("has every command and every flag", function()
    local commands = {}
    for name in tree.read("lua/oc/cli/init.lua"):match("local names = (%b{})"):gmatch '"([%w-]+)"' do
      commands[name] = true
    end
    assert.equal("", differences(commands, named(section "commands", "")))

    local list = named(section "list flags", "")
    for _, name in ipairs {"client options", "leads options"} do
      for flag in section(name):gmatch "`(%-%-[%l-]+)` |" do list[flag] = true end
    end
    local function long(set)
      local flags = {}
      for flag in pairs(set) do flags[flag] = flag:find "^%-%-" and true or nil end
      return flags
    end
    assert.equal("", differences(flags_of "list", long(list)))
    assert.equal("", differences(flags_of "sandbox", long(named(section "sandbox flags", ""))))
    local sync = named(section "sync flags", "")
    for _, name in ipairs {"client options", "leads options", "civic options"} do
      for flag in section(name):gmatch "`(%-%-[%l-]+)` |" do sync[flag] = flag ~= "--select" or nil end
    end
    assert.equal("", differences(flags_of "sync", long(sync)))
    for _, command in ipairs {"audit", "report"} do
      local known = named(section(command .. " flags"), "")
      for _, name in ipairs {"client options", "leads options"} do
        for flag in section(name):gmatch "`(%-%-[%l-]+)` |" do known[flag] = flag ~= "--select" or nil end
      end
      assert.equal("", differences(flags_of(command), long(known)))
    end
    local doctor = named(section "doctor flags", "")
    for flag in section("client options"):gmatch "`(%-%-[%l-]+)` |" do doctor[flag] = true end
    assert.equal("", differences(flags_of "doctor", long(doctor)))
  end)

  it("has every flag, option and function of the audit", function()
    local documented = named(section "audit flags", "")
    for _, name in ipairs {"client options", "leads options"} do
      for flag in section(name):gmatch "`(%-%-[%l-]+)` |" do documented[flag] = flag ~= "--select" or nil end
    end
    for flag in pairs(documented) do documented[flag] = flag:find "^%-%-" and true or nil end
    assert.equal("", differences(flags_of "audit", documented))
    assert.equal("", differences(fields_of("oc.civic.AuditOptions"), named(section "audit options", "")))
    for _, name in ipairs {"audit", "rules", "postcodes"} do
      assert.equal("", differences(keys_of((require("oc.civic." .. name))), named(text, name .. ".")))
    end
  end)

  it("has every flag, option and field of a diff, and what snapshots have", function()
    local documented = named(section "diff flags", "")
    local not_here = {["--select"] = true, ["--where"] = true, ["--page"] = true, ["--limit"] = true}
    for _, name in ipairs {"client options", "leads options"} do
      for flag in section(name):gmatch "`(%-%-[%l-]+)` |" do documented[flag] = not not_here[flag] or nil end
    end
    for flag in pairs(documented) do documented[flag] = flag:find "^%-%-" and true or nil end
    assert.equal("", differences(flags_of "diff", documented))
    assert.equal("", differences(fields_of("oc.diff.Options"), named(section "diff options", "")))
    assert.equal("", differences(fields_of("oc.diff.Counts"),
      names_in(section("diff result"):match "\n| `counts` |([^\n]*)")))
    assert.equal("", differences({added = true, removed = true, changed = true, counts = true, old = true, new = true},
      named(section "diff result", "")))
    local lines = section_of("The command line"):match "\n### Snapshots\n(.-)\n### "
    for _, class in ipairs {"oc.SnapshotHeader", "oc.SnapshotEnd"} do
      for name in pairs(fields_of(class)) do
        assert.truthy(lines:find("`" .. name .. "`", 1, true), class .. ": " .. name)
      end
    end
    for name, value in pairs(require "oc.snapshot") do
      assert.truthy(type(value) ~= "function" or lines:find("`snapshot." .. name .. "(", 1, true), name)
    end
  end)

  it("has every check of the doctor", function()
    local doctor, checks = require "oc.doctor", {}
    for _, check in ipairs(doctor.checks) do checks[check.id] = true end
    assert.equal("", differences(checks, named(section "doctor checks", "")))
    assert.truthy(text:find("never more than " .. doctor.MOST_REQUESTS, 1, true))
  end)

  it("has every exit status", function()
    local known = {}
    for _, path in ipairs(tree.files("lua/oc/cli", "%.lua$")) do
      local source = tree.read(path)
      for number in source:gmatch "local EXIT_[%u_]+ = (%d+)" do known[number] = true end
      for number in source:gmatch "[\n ]return (%d+)%f[^%d]%s*\n" do known[number] = true end
      for number in source:gmatch "then return (%d+) end" do known[number] = true end
      if source:find("128 + signal", 1, true) then known["130"], known["143"] = true, true end
      if source:find("and 1 or 2", 1, true) or source:find("or 1\n", 1, true) then known["1"] = true end
    end
    assert.equal("", differences(known, named(section "exit codes", "")))
    assert.equal(0, select(2, run_command "version"))
    assert.equal(1, select(2, run_command "list --base-url http://127.0.0.1:1 --max-attempts 1"))
    assert.equal(2, select(2, run_command "list --no-such-flag"))
    assert.equal(2, select(2, run_command "list"))
  end)

  it("and the tour name every file", function()
    local tour = tree.read "docs/ARCHITECTURE.md"
    local missing = {}
    for _, path in ipairs(tree.files("src", "/oc_[%w_]+%.c$")) do
      if not tour:find(path:match "/(oc_[%w_]+)%.c$", 1, true) then missing[#missing + 1] = path end
    end
    for _, path in ipairs(tree.files("lua/oc", "%.lua$")) do
      if not tour:find(path:match "[^/]+%.lua$", 1, true) then missing[#missing + 1] = path end
    end
    assert.same({}, missing)
  end)

  it("gives the values that encode and decode have", function()
    for json, written in section("numbers"):gmatch "\n| `([^`]+)` | [^|]+ | `([^`]+)` |" do
      if rawget(math, "type") then
        assert.equal(written, oc.encode(assert(oc.decode(json))), json)
      end
    end
    assert.equal(cjson.null, oc.null)
  end)

  it("names every ceiling with its value in C", function()
    local values = {OC_PAGER_REDIRECTS = "5", OC_PAGE_GUARD_LEADS = "10", OC_SEEN_MAX = "1048576u",
      OC_PAGER_ERROR_BODY_BYTES = "2048", OC_PAGE_ID_BYTES = "128"}
    for name, value in pairs(values) do
      local defined = next(found(tree.files("src", "%.h$"), "#define " .. name .. "%s+(%w+)"))
      assert.equal(value, defined, name .. " has changed: so must " .. PATH)
    end
  end)
end)

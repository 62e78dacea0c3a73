-- On what it was measured: the machine and the versions, without its name.

local facts = {}

local function first_line(command)
  local pipe = io.popen(command .. " 2>&1")
  local line = pipe and pipe:read "*l" or nil
  if pipe then pipe:close() end
  return line
end

local function from_file(path, pattern)
  local file = io.open(path)
  if not file then return nil end
  local found = file:read("*a"):match(pattern)
  file:close()
  return found
end

---@return string[] each "name: value"
function facts.gather()
  local list = {}
  local function add(name, value) list[#list + 1] = name .. ": " .. (value or "unknown") end
  add("processor", ("%s, %s cores"):format(from_file("/proc/cpuinfo", "model name%s*:%s*([^\n]+)") or "unknown",
    first_line "getconf _NPROCESSORS_ONLN" or "?"))
  add("memory", (from_file("/proc/meminfo", "MemTotal:%s*(%d+)") or ""):gsub("^(%d+)$", function(kib)
    return ("%.0f GB"):format(kib * 1024 / 1e9)
  end))
  add("system", from_file("/etc/os-release", 'PRETTY_NAME="([^"]+)"'))
  local jit = rawget(_G, "jit")
  add("Lua", jit and jit.version or first_line((os.getenv "OC_BENCH_LUA" or "lua5.4") .. " -v"))
  add("lua-cjson", require("cjson")._VERSION)
  add("LuaSocket", (require("socket")._VERSION:gsub("^LuaSocket%s*", "")))
  add("compiler", first_line((os.getenv "CC" or "cc") .. " --version"))
  local curl = first_line "curl --version"
  add("libcurl", curl and curl:match "libcurl/%S+" or first_line "curl-config --version")
  add("zlib", curl and curl:match "zlib/(%S+)")
  add("oc unpacks by", require("oc.core").versions().gzip)
  add("jq", first_line "jq --version")
  add("load before", from_file("/proc/loadavg", "^(%S+)"))
  return list
end

return facts

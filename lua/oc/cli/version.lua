--- `oc-leads version`: what is at work here.

local core = require "oc.core"
local version = require "oc.version"

local command = {}

function command.describe(parser)
  parser:summary "Print the versions of oc and of what it is built on."
end

function command.run()
  local versions = core.versions()
  local lua = rawget(_G, "jit") and rawget(_G, "jit").version or _VERSION
  local lines = {"oc " .. version, lua, "libcurl " .. versions.curl}
  if versions.ssl then lines[#lines + 1] = versions.ssl end
  lines[#lines + 1] = "gzip by " .. versions.gzip
  if versions.nghttp2 then lines[#lines + 1] = "nghttp2 " .. versions.nghttp2 end
  local ok, why = core.write(1, table.concat(lines, "\n") .. "\n")
  if ok then return 0 end
  core.write(2, "oc-leads: cannot write standard output: " .. why .. "\n")
  return 1
end

return command

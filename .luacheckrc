-- Modules keep to what every Lua from 5.1 to 5.4 and LuaJIT has.
std = "min"
max_line_length = 120
cache = false

files["spec"] = {std = "min+busted"}
-- The hosts bring globals of their own.
files["examples/openresty"] = {globals = {"ngx"}}
files["lua/oc/host"] = {read_globals = {"ngx", "core", "vim"}}
files["examples/haproxy"] = {read_globals = {"core"}}

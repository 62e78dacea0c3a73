-- For LuaRocks on Debian and Ubuntu, which does not see packages: these bring what oc
-- depends on (apt-get install lua-cjson lua-lpeg lua-argparse lua-socket lua-zlib). With
--   LUAROCKS_CONFIG=rockspec/debian.lua luarocks make
-- it looks for none of them, and takes the versions as they stand here.
rocks_provided = {
  ["lua-cjson"] = "2.1.0-1",
  lpeg = "1.0.2-1",
  argparse = "0.7.1-1",
  luasocket = "3.1.0-1",
  ["lua-zlib"] = "1.2-1",
}

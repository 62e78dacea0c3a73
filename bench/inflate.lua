-- Unpacks gzip files and keeps nothing: `inflate.lua FILE...`, for bench/run.

local native = require "bench.native"
local pages = require "bench.pages"

local bytes = 0
for _, path in ipairs(arg) do bytes = bytes + native.inflate(pages.read(path)) end
print(bytes)

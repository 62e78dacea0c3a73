-- Asks a sandbox for the civic addresses of all its leads: `sync.lua CONCURRENCY URL`, for
-- bench/run. "seconds N" is the asking alone.

local core = require "oc.core"
local oc = require "oc"

local client = assert(oc.client {base_url = arg[2], auth = false, log = false})
local leads = assert(client:leads {page_size = 20000, max_pages = math.huge}:all())
local from = core.now()
local result = assert(oc.civic.sync(leads, {policy = oc.civic.policy.all, concurrency = tonumber(arg[1]),
  source = oc.civic.source.platform(client)}))
print(("seconds %.6f"):format(core.now() - from))
print(result.synced + result.unchanged, result.empty, result.failed, result.skipped)
client:close()

--- The doctor: is this service set up right, and what is to be set? Runs the checks
-- in order and hands out what each found. Prints nothing, changes nothing.

local ask = require "oc.doctor.ask"
local address = require "oc.doctor.address"
local extras = require "oc.doctor.extras"
local options = require "oc.options"
local page_base = require "oc.doctor.page_base"
local page_size = require "oc.doctor.page_size"
local token = require "oc.doctor.token"

local doctor = {}

--- It never asks more often.
---@type integer
doctor.MOST_REQUESTS = ask.MOST_REQUESTS

--- Most leads a page, as documented.
---@type integer
doctor.LARGEST_PAGE = 20000

-- Leads that are asked for where a few will do: fewer than any default page size.
local SMALL_PAGE = 5

--- What a check found.
---@class oc.doctor.Finding
---@field id string
---@field title string
---@field status "ok"|"warn"|"fail"|"unknown"|"skipped"
---@field found string   one line, with the names of options
---@field hint? string   what to do, or why
---@field set? {name: string|nil, env: string|nil, value: any}[]   options to set, and to what
---@field facts? table<string, number|boolean|string>   the same for machines; nothing of it is personal
---@field blocks? boolean   later checks make no sense
---@field answered? boolean   of the address: somebody is there, though not the service

--- What an examination may be told besides.
---@class oc.doctor.More
---@field page_size? integer   of the large page; default 20000
---@field on_finding? fun(finding: oc.doctor.Finding)   called as each check is done
---@field on_check? fun(title: string)   called before each check
---@field on_request? fun(record: oc.doctor.Record, settings: table)   called when a request is over
---@field name_option? fun(name: string): string|nil   what texts call an option; default: its name

--- What came of it.
---@class oc.doctor.Examination
---@field findings oc.doctor.Finding[]   in the order of the checks
---@field ok boolean   nothing failed; there may be warnings
---@field requests integer   that were sent
---@field records oc.doctor.Record[]
---@field sample oc.Lead[]   leads that were looked at, nulls as oc.null
---@field settings? table   options of the client, as they act; nil: there was no usable address

--- One check, as data. `needs`: checks without which it makes no sense; with
--- `any_answer` it is enough that something answered at the address.
---@class oc.doctor.Check
---@field id string
---@field title string
---@field needs? string[]
---@field any_answer? boolean
---@field run fun(x: table): oc.doctor.Finding

---@type oc.doctor.Check[]
doctor.checks = {
  address.address, address.tls, address.clock, token.check, page_base.check, page_size.check,
  extras.past_end, extras.names, extras.body, extras.compression,
}

-- The check that stands in the way, if one does.
local function obstacle(check, by_id)
  for _, id in ipairs(check.needs or {}) do
    local needed = by_id[id]
    if needed.status == "skipped" then return needed.because end
    if needed.blocks and not (check.any_answer and needed.answered) then return needed.title end
  end
end

-- The texts of checks name options in braces; who shows them may have flags instead.
local function named(x, text)
  return text and (text:gsub("{([%l_]+)}", function(name) return x.name_option(name) end))
end

local function run_check(check, x, by_id)
  local because = obstacle(check, by_id)
  local finding = because and {status = "skipped", because = because, found = "not checked, because of " .. because}
    or check.run(x)
  finding.id, finding.title = check.id, check.title
  finding.found, finding.hint = named(x, finding.found), named(x, finding.hint)
  return finding
end

-- The leads that tell most: those of the large page.
local function sample(x)
  for _, answer in ipairs {x.large or false, x.first or false, x.page_one or false} do
    if answer and #answer.leads > 0 then return answer.leads end
  end
  return {}
end

local function run_all(x, more)
  local result, by_id = {findings = {}, ok = true}, {}
  for _, check in ipairs(doctor.checks) do
    if more.on_check then more.on_check(check.title) end
    local finding = run_check(check, x, by_id)
    if x.ask and x.ask.cancelled then return nil, x.ask.cancelled end
    by_id[check.id] = finding
    result.findings[#result.findings + 1] = finding
    result.ok = result.ok and finding.status ~= "fail"
    if more.on_finding then more.on_finding(finding) end
  end
  result.records = x.ask and x.ask.records or {}
  result.requests = #result.records
  result.settings = x.ask and x.ask.settings
  result.sample = sample(x)
  return result
end

-- An address that cannot be used is a finding, not a fault of the program.
local function fault_of_address(given)
  local base_url = type(given) == "table" and given.base_url
  if base_url == nil then base_url = os.getenv "OC_BASE_URL" end
  if type(base_url) ~= "string" or base_url == "" then return nil end
  local found, fault = options.address(base_url, given.insecure)
  return not found and fault or nil
end

-- The programmer's fault is told at the place of the call.
local function new_ask(given, on_request, level)
  local ok, made, err = pcall(ask.new, given, on_request)
  if ok then return made, err end
  error((tostring(made):gsub("^[^:]*:%d+: ", "")), level + 1)
end

local function check_page_size(given, level)
  if given == nil then return end
  if type(given) ~= "number" or given < 1 or given > doctor.LARGEST_PAGE or given % 1 ~= 0 then
    error(("oc.doctor: option 'page_size': integer from 1 to %d expected, got %s"):format(doctor.LARGEST_PAGE,
      tostring(given)), level + 1)
  end
end

--- Examines a service. It asks for leads, by ten requests or fewer when all is well and never
--- more than doctor.MOST_REQUESTS; it never sends checkOnline.
---
--- Raises for unknown or wrong options, as oc.client does.
---@param given? oc.ClientOptions
---@param more? oc.doctor.More
---@return oc.doctor.Examination|nil
---@return oc.Error|nil err   kind `options`: the environment is unusable; `cancelled`: interrupted
function doctor.examine(given, more)
  more = more or {}
  check_page_size(more.page_size, 2)
  local function name_option(name)
    return more.name_option and more.name_option(name) or name
  end
  local x = {SMALL_PAGE = SMALL_PAGE, name_option = name_option, address_fault = fault_of_address(given)}
  if x.address_fault then return run_all(x, more) end
  local err
  x.ask, err = new_ask(given, more.on_request, 2)
  if not x.ask then return nil, err end
  x.page_size_given = more.page_size ~= nil
  x.asked_page_size = more.page_size or doctor.LARGEST_PAGE
  x.effective_page_size = more.page_size or x.ask.page_size or doctor.default_page_size
  local ok, result, why = xpcall(function() return run_all(x, more) end, function(raised)
    return type(raised) == "string" and debug.traceback(raised, 2) or raised
  end)
  x.ask:close()
  if not ok then error(result, 0) end
  return result, why
end

local function default_of(name)
  for _, option in ipairs(options.leads) do
    if option.name == name then return option.default end
  end
end

--- The page size of a run that is not told another.
---@type integer
doctor.default_page_size = default_of "page_size"

return doctor

-- Faults by script: the table of rules, its check, and which rule a request meets.
-- Says what is to go wrong; how it is done to the bytes is reply.lua's.

local random = require "oc.sandbox.random"

local faults = {}

local SALT_PERCENT = 10

--- One rule. A request meets the first rule in the list whose matchers all fit and which may still fire.
--- The actions of a rule combine, except that a body ends in one way only (`stall_after`, `cut_after`, `reset_after`).
--- Bytes are counted in the body as encoded (after gzip, before chunking).
---
---     faults = {
---       { page = 2, attempt = 1, status = 503, headers = { ["Retry-After"] = "1" } },
---       { page = 3, times = 2, cut_after = 1000, chunked = true },
---       { path = "token", times = 1, status = 500 },
---       { path = "gateway", percent = 5, status = 503 },
---       { path = "gateway", percent = 10, percent_from = 5, attempt = 1, drop_before_head = "reset" },
---     }
---@class oc.sandbox.FaultRule
---@field path? "lead"|"token"|"gateway" which endpoint, default "lead"
---@field tenant? string only requests with this msTenantId, on the gateway for this account; in any case
---@field percent? integer 0 .. 100, only this share of the tenants (of the pages, where none is asked for)
---@field percent_from? integer the share begins here, default 0: so that shares of several rules need not overlap
---@field page? integer the page asked for; absent = any
---@field page_size_over? integer only requests for more leads than this
---@field attempt? integer which request for this page (and tenant or account) since configuring, from 1; absent = each
---@field times? integer how often this rule may fire; absent = always
---@field status? integer answer with this status; without `body` any other than 200 has an empty one
---@field headers? table<string, string|number> set or replace headers, computed ones included
---@field body? string answer with this body
---@field content_type? string
---@field expire_token? boolean every token known so far stops being valid before this request is checked
---@field latency_s? number wait before the head
---@field drop_before_head? true|"close"|"reset" end the connection before any byte of the reply
---@field gzip? boolean true: compress whatever the client accepts; false: never
---@field cut_gzip? number keep this part (below 1) or so many bytes (1 and more) of the gzip; Content-Length fits
---@field corrupt_gzip? boolean spoil bytes in the middle of the compressed body
---@field chunked? boolean chunked transfer encoding
---@field no_length? boolean neither length nor chunks: the body ends with the connection
---@field length_delta? integer Content-Length is off by this; the connection closes after the body
---@field drip? {bytes: integer, every_s: number} send the body in pieces with pauses between
---@field send_timeout_s? number hang up on a client that takes in nothing for so long
---@field stall_after? integer send so many bytes of body, then nothing until the client leaves
---@field cut_after? integer send so many bytes of body, then close in order
---@field reset_after? integer send so many bytes of body, then reset the connection

local function is_whole(value)
  return type(value) == "number" and value % 1 == 0
end

local function is_percent(value)
  return is_whole(value) and value >= 0 and value <= 100
end

local PATHS = { lead = true, token = true, gateway = true }

local CHECKS = {
  path = { function(v) return PATHS[v] end, '"lead", "token" or "gateway"' },
  tenant = { function(v) return type(v) == "string" end, "a string" },
  percent = { is_percent, "an integer of 0 to 100" },
  percent_from = { is_percent, "an integer of 0 to 100" },
  page = { is_whole, "an integer" },
  page_size_over = { is_whole, "an integer" },
  attempt = { is_whole, "an integer" },
  times = { is_whole, "an integer" },
  status = { function(v) return is_whole(v) and v >= 200 and v <= 599 end, "an integer of 200 to 599" },
  headers = { function(v) return type(v) == "table" end, "a table" },
  body = { function(v) return type(v) == "string" end, "a string" },
  content_type = { function(v) return type(v) == "string" end, "a string" },
  expire_token = { function(v) return type(v) == "boolean" end, "a boolean" },
  latency_s = { function(v) return type(v) == "number" and v >= 0 end, "a number of 0 or more" },
  drop_before_head = {
    function(v) return v == true or v == "close" or v == "reset" end, 'true, "close" or "reset"',
  },
  gzip = { function(v) return type(v) == "boolean" end, "a boolean" },
  cut_gzip = { function(v) return type(v) == "number" and v >= 0 end, "a number of 0 or more" },
  corrupt_gzip = { function(v) return type(v) == "boolean" end, "a boolean" },
  chunked = { function(v) return type(v) == "boolean" end, "a boolean" },
  no_length = { function(v) return type(v) == "boolean" end, "a boolean" },
  length_delta = { is_whole, "an integer" },
  drip = {
    function(v)
      return type(v) == "table" and is_whole(v.bytes) and v.bytes > 0 and type(v.every_s) == "number" and v.every_s >= 0
    end,
    "{bytes = 1 or more, every_s = 0 or more}",
  },
  send_timeout_s = { function(v) return type(v) == "number" and v > 0 end, "a number above 0" },
  stall_after = { function(v) return is_whole(v) and v >= 0 end, "an integer of 0 or more" },
  cut_after = { function(v) return is_whole(v) and v >= 0 end, "an integer of 0 or more" },
  reset_after = { function(v) return is_whole(v) and v >= 0 end, "an integer of 0 or more" },
}

local ENDINGS = { "stall_after", "cut_after", "reset_after" }

local function check_rule(rule, name)
  if type(rule) ~= "table" then return nil, name .. " must be a table" end
  for key, value in pairs(rule) do
    local check = CHECKS[key]
    if not check then return nil, ("unknown option %s.%s"):format(name, tostring(key)) end
    if not check[1](value) then return nil, ("%s.%s must be %s"):format(name, key, check[2]) end
  end
  local endings = 0
  for _, key in ipairs(ENDINGS) do
    if rule[key] then endings = endings + 1 end
  end
  if endings > 1 then return nil, name .. " must have one of stall_after, cut_after and reset_after only" end
  if rule.percent_from and rule.percent_from + (rule.percent or 101) > 100 then
    return nil, name .. ".percent_from must have a percent with which it comes to 100 at the most"
  end
  if rule.chunked and (rule.no_length or rule.length_delta) then
    return nil, name .. ": chunked excludes no_length and length_delta"
  end
  return true
end

--- Checks a list of rules.
---@param rules any
---@return boolean|nil ok
---@return string? problem
function faults.check(rules)
  if type(rules) ~= "table" then return nil, "faults must be a list of rules" end
  for key in pairs(rules) do
    if not is_whole(key) then return nil, ("faults must be a list of rules, it has a key %s"):format(tostring(key)) end
  end
  for i = 1, #rules do
    local ok, problem = check_rule(rules[i], ("faults[%d]"):format(i))
    if not ok then return nil, problem end
  end
  return true
end

local Script = {}
Script.__index = Script

--- The rules at work: counts how often each has fired.
---@param rules oc.sandbox.FaultRule[]
---@param seed integer decides with the tenant's text which share it belongs to
function faults.new(rules, seed)
  return setmetatable({ rules = rules, seed = seed, fired = {} }, Script)
end

local NO_RULE = {}

-- A tenant is the same one of a hundred for every rule and endpoint.
local function is_in_share(self, rule, asked)
  if not rule.percent then return true end
  if not asked then return false end
  local roll = random.of_text(self.seed, asked.tenant or ("%d"):format(asked.page), SALT_PERCENT) % 100
  local from = rule.percent_from or 0
  return roll >= from and roll < from + rule.percent
end

local function fits(self, rule, path, attempt, asked)
  return (rule.path or "lead") == path
    and (rule.page == nil or asked and rule.page == asked.page)
    and (rule.page_size_over == nil or asked and asked.size > rule.page_size_over)
    and (rule.tenant == nil or asked and rule.tenant:lower() == asked.tenant)
    and (rule.attempt == nil or rule.attempt == attempt)
    and is_in_share(self, rule, asked)
end

--- The rule a request meets, an empty one when none does.
---@param path "lead"|"token"|"gateway"
---@param attempt integer
---@param asked? {page: integer?, size: integer, tenant: string?} the tenant in lower case; a page or a tenant is there
---@return oc.sandbox.FaultRule
function Script:meet(path, attempt, asked)
  for i, rule in ipairs(self.rules) do
    local fired = self.fired[i] or 0
    if fits(self, rule, path, attempt, asked) and (rule.times == nil or fired < rule.times) then
      self.fired[i] = fired + 1
      return rule
    end
  end
  return NO_RULE
end

--- Whether a rule answers in the endpoint's place, so that nothing is to be read there.
---@param rule oc.sandbox.FaultRule
---@return boolean
function faults.replaces_answer(rule)
  return (rule.body or rule.drop_before_head or rule.status and rule.status ~= 200) and true or false
end

return faults

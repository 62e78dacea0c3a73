--- Resume tokens: where a run goes on, and whether that is a place of this service and
-- this question. Knows what is in a token, not how pages are read.

local resume = {}

local VERSION = 1

-- It goes into the address, and servers take 8 KiB of that; each byte may become three.
resume.MAX_TENANT_BYTES = 2048

--- Where a run goes on: strings, numbers and booleans only, under 1 KiB. Store it
--- as you like; `client:leads{resume = ...}` takes it, in another process too.
---@class oc.Resume
---@field version integer
---@field origin string
---@field page integer
---@field skip integer   leads of that page, as sent, that were handed out or filtered
---@field last_id string   id of the last of them, "" if it had none
---@field page_size integer
---@field page_base integer
---@field parts? integer   requests that a page is read in, when the service is too slow for one
---@field full? boolean   every page until then came full
---@field ms_tenant_id? string
---@field check_online? boolean

--- Checks a token that `client:leads` was given. Raises, naming what is wrong.
---@param token table
---@param given table   the other options
---@param origin string   of the client
---@param level integer   as for error
function resume.check(token, given, origin, level)
  local function refuse(why) error("leads: option 'resume': " .. why, level + 2) end
  if token.version ~= VERSION then
    refuse(("a token of version %d expected, got %s"):format(VERSION, tostring(token.version)))
  end
  local known = {version = true, ms_tenant_id = true, check_online = true, origin = true, last_id = true,
    parts = true, full = true}
  for _, name in ipairs {"page", "skip", "page_size", "page_base"} do
    known[name] = true
    local value = token[name]
    if type(value) ~= "number" or value < 0 or value ~= math.floor(value) or value > 2 ^ 53 then
      refuse(("'%s' is no whole number"):format(name))
    end
  end
  local types = {last_id = "string", origin = "string", ms_tenant_id = "string", check_online = "boolean",
    full = "boolean"}
  for name, wanted in pairs(types) do
    local needed = name == "last_id" or name == "origin"
    if type(token[name]) ~= wanted and (needed or token[name] ~= nil) then
      refuse(("'%s' is no %s"):format(name, wanted))
    end
  end
  if token.page_size < 1 or token.page_size > 20000 then refuse "'page_size' is not from 1 to 20000" end
  if token.page_base > 1 then refuse "'page_base' is not 0 or 1" end
  local parts = token.parts == nil and 1 or token.parts
  local whole = type(parts) == "number" and parts >= 1 and parts % 1 == 0
  if not whole or token.page_size % parts ~= 0 or token.page * parts > 2 ^ 53 then
    refuse "'parts' does not divide page_size"
  end
  local tenant = token.ms_tenant_id
  if tenant and (tenant == "" or tenant:find "%z" or #tenant > resume.MAX_TENANT_BYTES) then
    refuse "'ms_tenant_id' is not usable"
  end
  for name in pairs(token) do
    if not known[name] then refuse(("'%s' is unknown"):format(tostring(name))) end
  end
  if token.origin ~= origin then
    refuse(("it is of %s, this client is of %s"):format(token.origin, origin))
  end
  if given.page then refuse "goes without 'page'" end
  for _, name in ipairs {"page_size", "ms_tenant_id", "check_online"} do
    if given[name] ~= nil and given[name] ~= (token[name] or false) then
      refuse(("'%s' was %s, not %s"):format(name, tostring(token[name]), tostring(given[name])))
    end
  end
end

--- A resume token of a place.
---@param leads oc.Leads
---@param place table   of the pager: page, skip, last_id, parts, full
---@return oc.Resume
function resume.token(leads, place)
  local token, settled = {}, leads.settings
  for name, value in pairs(place) do token[name] = value end
  token.version = VERSION
  token.origin = leads.client.settings.origin
  token.page_size = settled.page_size
  token.page_base = settled.resume and settled.resume.page_base or leads.client.settings.page_base
  token.ms_tenant_id = settled.ms_tenant_id
  token.check_online = settled.check_online or nil
  return token
end

return resume

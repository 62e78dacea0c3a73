--- Sources: from where the addresses of a lead come. This file says what a source is,
-- and makes one of what was given.

local errors = require "oc.errors"

local source = {}

--- A source. `fetch` may wait by its client's host, and then others are asked meanwhile.
---@class oc.civic.Source
---@field name? string   for the journal; default "own"
--- The addresses, an empty list where there are none; nil, err when that cannot be told.
---@field fetch fun(self: oc.civic.Source, lead: oc.Lead, ask: oc.civic.Ask): oc.CivicAddress[]|nil, oc.Error|nil
--- Leads with one key are one question; default: the tenant.
---@field key? fun(self: oc.civic.Source, item: oc.civic.PlanItem): string|nil
---@field client? oc.Client   whose host and connections it uses
---@field rate_per_min? number   requests a minute that it bears

--- A source as a function; what it gives besides an error object is taken for the words of one.
---@alias oc.civic.SourceFunction fun(lead: oc.Lead): oc.CivicAddress[]|nil, any

--- Why a source gave nothing: an error, with a run is to make of it.
---@class oc.civic.SourceError: oc.Error
---@field again? boolean   asking again may help; default: by kind and status
---@field unknown_tenant? boolean   it answers, but does not know this lead
---@field inconclusive? boolean   it answers, but not whether there are addresses

--- What a run lets a source know.
---@class oc.civic.Ask
---@field attempt integer   from 1
---@field left_s fun(): number|nil   seconds until the run's deadline; nil: there is none
---@field turn fun(): true|nil, oc.Error|nil   waits until one more request is allowed; the first is

-- What was given or raised, in words: those of a table are its message.
local function words(said)
  local message = type(said) == "table" and rawget(said, "message")
  return type(message) == "string" and message or tostring(said)
end

--- Why a source gave nothing, as an error: its own, or its words.
---@param why any
---@return oc.Error
function source.reason(why)
  if errors.is(why) then return why end
  return errors.new("io", "the source failed: " .. words(why or "it gave neither addresses nor a reason"),
    {again = true})
end

local Function = {name = "function"}
Function.__index = Function

function Function:fetch(lead)
  return self.call(lead)
end

--- Makes a source of what was given as one.
---@param given any   a source, or a function: lead -> addresses | nil, err
---@return oc.civic.Source|nil
---@return string|nil fault
function source.of(given)
  if type(given) == "function" then return setmetatable({call = given}, Function) end
  if type(given) == "table" and type(given.fetch) == "function" then return given end
  return nil, "a source (oc.civic.source) or a function expected, got " .. type(given)
end

--- What a source raised, as an error: it is the fault of one lead only.
---@param raised any
---@return oc.Error
function source.raised(raised)
  if errors.is(raised) then return raised end
  return errors.new("io", "the source raised: " .. words(raised))
end

source.platform = require("oc.civic.source.platform").new
source.gateway = require("oc.civic.source.gateway").new
source.file = require("oc.civic.source.file").new

return source

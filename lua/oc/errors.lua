--- Error objects: the one shape in which oc tells of the world's faults.
--
-- C makes most of them; this makes those that Lua finds, and reads what a
-- service says about its own errors. Knows nothing of retries.

local conceal = require "oc.conceal"
local core = require "oc.core"
local cjson = require "cjson.safe"

local errors = {}

--- An error of the world. `tostring` gives the message; no field holds a secret.
---@class oc.Error
---@field kind oc.ErrorKind
---@field message string   begins with what was being done
---@field status? integer   HTTP status
---@field title? string   the service's own words (`title` of its problem JSON)
---@field trace_id? string   the service's own trace id
---@field fields? table<string, string[]>   parameters the service found fault with
---@field page? integer   the page that could not be read
---@field attempts? integer   how often it was asked for
---@field offset? integer   byte in the body
---@field retry_after_s? number   how long the service asked to wait
---@field url? string   without userinfo and parameters
---@field body? string   start of an error's body, at most 2 KiB; may hold personal data
---@field partial? oc.Lead[]   leads handed to `all` or `pages` before the fault
---@field resume? oc.Resume   where `client:leads{resume = ...}` goes on
---@field cut? boolean   from a decoder: the document was not complete
---@field curl_code? integer   libcurl's own number
---@field signal? integer   with `cancelled`, of tasks at once: the signal that was caught

---@alias oc.ErrorKind
---| "options"   # a value from environment, file or flag is unusable
---| "network"   # connect, reset, short or undecodable transfer
---| "tls"       # verification or handshake
---| "timeout"   # 408 and all our clocks, deadline_s included
---| "auth"      # 401, 403, a refused token
---| "throttle"  # 429, or a 503 with Retry-After, after all attempts
---| "http"      # any other status, a refused redirect, a redirect loop
---| "json"      # not JSON or not UTF-8; HTML
---| "shape"     # JSON, but not leads; pages that bring nothing new
---| "limit"     # one of our ceilings
---| "memory"    # allocation failed
---| "cancelled" # cancelled, interrupted
---| "io"        # local file

--- A new error object.
---@param kind oc.ErrorKind
---@param message string
---@param fields? table   copied into it
---@return oc.Error
function errors.new(kind, message, fields)
  local err = {}
  for name, value in pairs(fields or {}) do err[name] = value end
  err.kind, err.message = kind, message
  return setmetatable(err, core.error_metatable)
end

--- Is it one of ours?
---@param value any
---@return boolean
function errors.is(value)
  return type(value) == "table" and getmetatable(value) == core.error_metatable
end

local function words_or_nil(value)
  return type(value) == "string" and conceal.contacts(value) or nil
end

--- Adds what the body of an error says, where it is the service's problem JSON:
--- `title`, `trace_id` and `fields`, without e-mail addresses and telephone numbers.
---@param err oc.Error
---@return oc.Error
function errors.explain(err)
  local problem = err.body and cjson.decode(err.body)
  if type(problem) ~= "table" then return err end
  err.title = err.title or words_or_nil(problem.title)
  err.trace_id = err.trace_id or words_or_nil(problem.traceId)
  if type(problem.errors) == "table" then
    err.fields = problem.errors
    conceal.within(err.fields, conceal.contacts)
  end
  return err
end

--- Hides secrets in all that others have said: a server may send back what it was sent.
---@param err oc.Error
---@param hide fun(text: string): string
---@return oc.Error
function errors.conceal(err, hide)
  for _, name in ipairs {"message", "title", "trace_id", "url", "body"} do
    if type(err[name]) == "string" then err[name] = hide(err[name]) end
  end
  if type(err.fields) == "table" then conceal.within(err.fields, hide) end
  return err
end

return errors

--- What an answer that is no page of leads says about the address: a portal's own
-- page, a wrong path, a redirect. In words, and with the option to set.

local core = require "oc.core"

local place = {}

-- Where the service is on its host, as documented.
place.DOCUMENTED_PATH = "/tenantui"

--- An error's words without what was being done.
---@param err oc.Error
---@return string
function place.words(err)
  return (err.message:gsub("^cannot read page %d+: ", ""):gsub("^cannot get a token: ", ""))
end

-- Of the service's own words.
local LONGEST_QUOTE = 200

--- The service's own words, safe to show wherever they came from.
---@param text string
---@return string
function place.quoted(text)
  return (text:sub(1, LONGEST_QUOTE):gsub("[^\32-\126]", "?"))
end

--- The address as it may be shown: without parameters.
---@param url string
---@return string
function place.shown(url)
  return (url:gsub("[?#].*$", ""))
end

--- Did a web page come, for people?
---@param answer oc.doctor.Answer
---@return boolean
function place.is_html(answer)
  local record = answer.record
  if not record or not record.headers then return false end
  local start = (record.start or ""):gsub("^\239\187\191", ""):gsub("^%s+", "")
  if start:find "^<" then return true end
  return start == "" and (record.headers["content-type"] or ""):lower():find("html", 1, true) ~= nil
    and answer.status ~= 200
end

local function looks_like_sign_in(url)
  local text = url:lower()
  return (text:find("login", 1, true) or text:find("signin", 1, true) or text:find("sign-in", 1, true)
    or text:find("/oauth2/", 1, true)) ~= nil
end

-- The base_url that an address of leads would mean; nil when it is not one of leads.
local function base_of(url, settings)
  local text, tail = place.shown(url), settings.lead_path:gsub("^/?", "/")
  if text:sub(-#tail) ~= tail then return nil end
  return text:sub(1, -#tail - 1)
end

local function redirect(answer, settings)
  local to = answer.record.headers.location or ""
  if to:find "^//" then to = settings.base_url:match "^%a+:" .. to end
  local target = core.address(place.shown(to))
  if not target then return {found = ("HTTP %d: %s"):format(answer.status, place.words(answer.err))} end
  if looks_like_sign_in(to) then
    return {
      found = ("HTTP %d, a redirect to a sign-in page at %s"):format(answer.status, target.origin),
      hint = "this is a portal for people, not the service: ask its operator for the address of the API, "
        .. "as documented https://HOST" .. place.DOCUMENTED_PATH,
      set = {{name = "base_url", value = "https://HOST" .. place.DOCUMENTED_PATH}},
    }
  end
  local base = base_of(to, settings)
  return {
    found = ("HTTP %d, a redirect to %s"):format(answer.status, target.origin),
    hint = "redirects to another origin are not followed, since the token would go along",
    set = {{name = "base_url", value = base or target.origin}},
  }
end

local function missing_path(settings)
  return not settings.base_url:lower():find(place.DOCUMENTED_PATH, 1, true)
end

local function wrong_path(found, settings)
  if not missing_path(settings) then
    return {found = found,
      hint = ("check host and path of {base_url}, and {lead_path} (%s)"):format(settings.lead_path)}
  end
  return {
    found = found, path_is_missing = true,
    hint = "the documented address ends in " .. place.DOCUMENTED_PATH,
    set = {{name = "base_url", value = settings.base_url:gsub("/+$", "") .. place.DOCUMENTED_PATH}},
  }
end

local BAD_CONNECTION = {
  [6] = "check the host's name in {base_url}; does this machine find other names?",
  [7] = "check host and port in {base_url}; a firewall, or a proxy that is needed (OC_PROXY)?",
  [52] = "is this the port for https?",
}

local BAD_PROXY = "check OC_PROXY, or the variables https_proxy and no_proxy"

local TIMED_OUT = "are host, port and http or https right? {connect_timeout_s} and {idle_timeout_s} are the time it has"

--- What is wrong with the place where this answer came from; nil: a service is there.
---@param answer oc.doctor.Answer
---@param settings table
---@return {found: string, hint?: string, set?: table[], path_is_missing?: boolean}|nil
function place.fault(answer, settings)
  local err, status = answer.err, answer.status
  if not err then return nil end
  if err.kind == "tls" then return nil end
  if err.message:find "%f[%a]the proxy%f[%A]" then return {found = place.words(err), hint = BAD_PROXY} end
  if not status then
    local timed_out = err.kind == "timeout" and TIMED_OUT or nil
    return {found = place.words(err), hint = BAD_CONNECTION[err.curl_code] or timed_out}
  end
  if status >= 300 and status < 400 then return redirect(answer, settings) end
  if status == 401 or status == 403 then return nil end
  if place.is_html(answer) then
    return wrong_path(("HTTP %d with a web page for people, not leads"):format(status), settings)
  end
  if status == 404 then
    return wrong_path(("HTTP 404: nothing at %s"):format(place.shown(answer.record.url)), settings)
  end
  if status >= 500 then
    return {found = ("HTTP %d from %s"):format(status, settings.origin),
      hint = "the service, or what stands before it, is out of order: try again later"}
  end
  if status == 200 then return {found = "HTTP 200, but " .. place.words(err)} end
  return nil
end

return place

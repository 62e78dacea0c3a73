--- Checks that need no credentials: address, TLS, clock. The one request they look
-- at carries no token, so none goes where it should not.

local core = require "oc.core"
local place = require "oc.doctor.place"

local address = {}

-- Tokens are valid from and until a time, and Retry-After may be one.
local MOST_SKEW_S = 60

-- The documented path was left out. Is it what is missing?
local function try_documented_path(x, fault)
  local base = fault.set[1].value
  local answer = x.ask:page {page = 1, size = 1, once = true, client = x.ask:stranger_at(base)}
  local there = not answer.err or answer.status == 401 or answer.status == 403
  if there then
    fault.hint = ("at %s the service answers"):format(place.shown(base))
    return
  end
  fault.hint = ("there is none at %s either, as documented: is it the right host?"):format(place.shown(base))
  fault.set = nil
end

-- Nothing at page 1: where pages begin at 0 and leads are few, that is the end and no wrong path.
local function try_page_zero(x, fault)
  if x.hello.status ~= 404 or place.is_html(x.hello) then return fault end
  local zero = x.ask:page {page = 0, size = 1, once = true, client = x.ask.stranger}
  if zero.err then return fault end
  x.hello = zero
end

address.address = {
  id = "address", title = "address",
  run = function(x)
    if x.address_fault then
      return {status = "fail", blocks = true, found = "{base_url} " .. x.address_fault,
        set = {{name = "base_url", value = "https://HOST" .. place.DOCUMENTED_PATH}}}
    end
    local settings = x.ask.settings
    x.hello = x.ask:page {page = 1, size = 1, client = x.ask.stranger}
    local fault = place.fault(x.hello, settings)
    if fault then fault = try_page_zero(x, fault) end
    local shown = place.shown(settings.base_url)
    if fault then
      if fault.path_is_missing then try_documented_path(x, fault) end
      fault.status, fault.blocks, fault.answered = "fail", true, x.hello.status ~= nil
      fault.facts = {status = x.hello.status, path_was_missing = fault.path_is_missing}
      return fault
    end
    local status = x.hello.status
    local found = not status and "%s is there"
      or status == 200 and "%s answers with leads, without a token"
      or status < 404 and status > 400 and "%s answers, and wants a token (HTTP " .. status .. ")"
      or "%s answers (HTTP " .. status .. ")"
    return {status = "ok", found = found:format(shown), facts = {status_without_token = status}}
  end,
}

-- Options that the words of a fault may name; the first that is there is the one to set.
local NAMED = {"ca_file", "client_cert", "ca_path", "client_key_password", "client_key", "base_url"}

--- What is wrong with TLS, as a finding. The transport's words say why, and which option helps.
---@param err oc.Error
---@param settings table
---@return table
function address.tls_fault(err, settings)
  local words = place.words(err)
  local finding = {status = "fail", blocks = true, facts = {curl_code = err.curl_code}}
  for _, name in ipairs {NAMED[1], NAMED[2]} do
    if not finding.set and words:find("%f[%w_]" .. name .. "%f[^%w_]") then
      finding.set = {{name = name, value = "FILE"}}
    end
  end
  if finding.set and finding.set[1].name == "ca_file" and settings.ca_file and words:find "cannot trust" then
    finding.hint = "{ca_file} is given, and does not hold the authority that signed it"
  end
  for _, name in ipairs(NAMED) do
    words = words:gsub("%f[%w_]" .. name .. "%f[^%w_]", "{" .. name .. "}")
  end
  finding.found = words
  return finding
end

address.tls = {
  id = "tls", title = "TLS", needs = {"address"}, any_answer = true,
  run = function(x)
    local settings, hello = x.ask.settings, x.hello
    local own = core.address(settings.base_url)
    if not own.https then
      if own.loopback then return {status = "ok", found = "not used: plain http on this machine"} end
      return {status = "warn", found = "not used, because of {insecure}: everybody on the way can read token and leads",
        hint = "use https"}
    end
    if hello.err and hello.err.kind == "tls" then return address.tls_fault(hello.err, settings) end
    if settings.insecure then
      return {status = "warn", found = "in use, but not verified, because of {insecure}: anybody can be the service",
        hint = "leave {insecure} out, and give {ca_file} if the certificate is of your own authority"}
    end
    local trusted = (settings.ca_file or settings.ca_path) and "by the given authority" or "by the system's authorities"
    return {status = "ok", found = ("verified %s; TLS 1.2 or later"):format(trusted)}
  end,
}

-- How far the service's clock may be from ours, as seen in one answer: from, to.
-- A Date is cut to whole seconds, and made at some time between question and answer.
local function difference(record)
  local date = record.headers and not record.headers.age and record.headers.date
  local at = date and core.http_date(date, record.answered_at)
  if not at then return nil end
  return at - record.answered_at, at + 1 - record.asked_at
end

-- The narrowest of what all answers of the service say.
local function narrowest(records)
  local from, to
  for _, record in ipairs(records) do
    if record.method == "GET" and record.status then
      local a, b = difference(record)
      if a and (not from or b - a < to - from) then from, to = a, b end
    end
  end
  return from, to
end

local function in_words(seconds)
  if seconds < 120 then return ("%.0f s"):format(seconds) end
  if seconds < 7200 then return ("%.0f min"):format(seconds / 60) end
  if seconds < 172800 then return ("%.1f h"):format(seconds / 3600) end
  return ("%.0f days"):format(seconds / 86400)
end
address.duration = in_words

address.clock = {
  id = "clock", title = "clock", needs = {"address", "tls"}, any_answer = true,
  run = function(x)
    local from, to = narrowest(x.ask.records)
    if not from then return {status = "unknown", found = "the answers carry no Date to compare with"} end
    if from <= 0 and to >= 0 then
      return {status = "ok", found = ("the same as the service's, within %s"):format(in_words(math.max(-from, to, 1))),
        facts = {ahead_s_from = from, ahead_s_to = to}}
    end
    local off, way = from > 0 and from or -to, from > 0 and "behind" or "ahead of"
    local finding = {facts = {ahead_s_from = from, ahead_s_to = to},
      found = ("ours is %s %s the service's"):format(in_words(off), way)}
    finding.status = off > MOST_SKEW_S and "warn" or "ok"
    if off > MOST_SKEW_S then
      finding.hint = "set this machine's clock (NTP): tokens may count as expired, and dates in Retry-After are "
        .. "misunderstood. If it is right, tell the service's operator"
    end
    return finding
  end,
}

return address

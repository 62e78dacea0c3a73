--- The transcript of an examination, to be shown to others: what was asked and what
-- kind of answer came. Nothing in it is a value of the service's or the user's: each
-- part is a word of ours, a number, or text that was looked up in a list of ours.

local core = require "oc.core"
local profile = require "oc.doctor.profile"
local version = require "oc.version"

local transcript = {}

local function number_of(text) return text:match "^%d+$" end

-- One of these, or that it is another one.
local function one_of(...)
  local list = {...}
  return function(text)
    local lower = text:lower()
    for _, known in ipairs(list) do
      if lower:find(known:lower(), 1, true) then return known end
    end
    return "(another)"
  end
end

local function there() return "(there)" end

-- Headers that are told, and how: never as they came.
local HEADERS = {
  {"content-type", one_of("application/problem+json", "application/json", "text/json", "text/html", "text/plain")},
  {"content-encoding", one_of("gzip", "deflate", "br", "zstd", "identity")},
  {"content-length", number_of},
  {"transfer-encoding", one_of "chunked"},
  {"retry-after", function(text) return number_of(text) or "(a date)" end},
  {"www-authenticate", function(text)
    return one_of("Bearer", "Negotiate", "Basic", "NTLM")(text)
      .. (text:find 'error="invalid_token"' and ' error="invalid_token"' or "")
  end},
  {"server", one_of("nginx", "kestrel", "microsoft-iis", "apache", "cloudflare", "envoy", "oc-sandbox")},
  {"cache-control", one_of("no-store", "no-cache", "private", "public", "max-age")},
  {"age", number_of},
  {"location", there},
  {"set-cookie", there},
  {"etag", there},
  {"link", there},
  {"x-total-count", there},
  {"x-pagination", there},
}

local function headers_of(record)
  local told = {}
  for _, header in ipairs(HEADERS) do
    local text = record.headers[header[1]]
    local shown = text and header[2](text)
    if shown then told[#told + 1] = header[1] .. ": " .. shown end
  end
  return #told > 0 and table.concat(told, "; ") or "no header of interest"
end

local PARAMETERS = {"PageNumber", "PageSize", "msTenantId", "checkOnline"}

-- A parameter as sent: its name if it is one of the documented, however spelt; its
-- value if it is a number.
local function parameter(name, value)
  local shown = "(another parameter)"
  for _, known in ipairs(PARAMETERS) do
    if known:lower() == name:lower() then shown = name end
  end
  return shown .. "=" .. (value:find "^%d%d?%d?%d?%d?%d?%d?$" and value or "(hidden)")
end

--- A request in words, without host, token and ids.
---@param record oc.doctor.Record
---@param settings table   the client's options, as they act
---@return string
function transcript.request(record, settings)
  if record.method == "POST" then return "POST token endpoint" end
  local words, query = {}, record.url:match "%?(.*)$" or ""
  for name, value in query:gmatch "([^&=]+)=([^&]*)" do words[#words + 1] = parameter(name, value) end
  local path = record.url:gsub("%?.*$", "")
  local tail = core.join(settings.base_url, settings.lead_path)
  local where = path == tail and "leads" or path:find("/tenantui/", 1, true) and "leads below /tenantui"
    or "another path"
  return ("GET %s, %s, %s"):format(where, table.concat(words, " "), record.authorized and "with a token"
    or "without a token")
end

local function kind_of_body(record)
  local start = record.start and record.start:gsub("^\239\187\191", ""):gsub("^%s+", "")
  if not start then return "" end
  if start == "" then return ", no body" end
  if start:find "^<" then return ", HTML" end
  local brackets = start:match "^[%[{][%s%[{]*"
  return brackets and (", begins with " .. brackets:gsub("%s+", ""):sub(1, 3)) or ", other text"
end

local function answer_of(record)
  local stats = record.stats or {}
  local lines = {}
  if record.status then
    lines[1] = ("  HTTP %d, head after %.3f s, whole after %.3f s, %.0f bytes (%.0f on the wire), HTTP/%s%s"):format(
      record.status, record.head_s, stats.elapsed_s or 0, stats.bytes or 0, stats.wire_bytes or 0,
      stats.http_version or "?", kind_of_body(record))
    lines[2] = "  " .. headers_of(record)
  end
  if record.err then
    local code = record.err.curl_code
    lines[#lines + 1] = ("  failed: %s%s"):format(record.err.kind, code and (" (libcurl %d)"):format(code) or "")
  end
  return lines
end

local function facts_of(finding)
  local names, words = {}, {}
  for name in pairs(finding.facts or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = finding.facts[name]
    words[i] = ("%s=%s"):format(name, type(value) == "number" and ("%.10g"):format(value) or tostring(value))
  end
  return #words > 0 and ": " .. table.concat(words, " ") or ""
end

local function add_profile(lines, leads)
  local found = profile.of(leads)
  local function add(text, ...) lines[#lines + 1] = text:format(...) end
  add("")
  add("%d leads were looked at. What stands at each place, and how often:", found.leads)
  for _, row in ipairs(found.rows) do
    local forms = {}
    for i, form in ipairs(row.forms) do forms[i] = ("%s %d"):format(form.form, form.count) end
    add("  %s%s: %s", row.path == "" and "a lead" or row.path, row.known and "" or " (not documented)",
      table.concat(forms, ", "))
    if row.hidden then add("  %s: keys that are not shown: %d", row.path == "" and "a lead" or row.path, row.hidden) end
  end
  for _, key in ipairs {"id", "consentedOn", "lastModifiedOn"} do
    if found.order[key] then add("  order by %s: %s", key, found.order[key]) end
  end
end

local function date(seconds) return os.date("!%Y-%m-%d", math.floor(seconds)) end

local function add_settings(lines, settings)
  local path = settings.base_url:match "^%a+://[^/]*(.*)$"
  lines[#lines + 1] = ("base_url: %s, path %s; lead_path: %s; page_base: %d; compress: %s; insecure: %s"):format(
    settings.base_url:match "^(%a+):", path == "" and "none" or path == "/tenantui" and path or "another",
    settings.lead_path == "/api/v2/oc/lead" and "as documented" or "another", settings.page_base,
    tostring(settings.compress), tostring(settings.insecure))
end

--- The transcript as text.
---@param examination oc.doctor.Examination
---@param now number   seconds since 1970
---@return string
function transcript.write(examination, now)
  local lines = {
    ("oc-leads doctor %s, %s, libcurl %s"):format(version, date(now), core.versions().curl),
    "Hosts, tokens, ids and every value of a lead are left out.",
  }
  if examination.settings then add_settings(lines, examination.settings) end
  lines[#lines + 1] = ""
  for _, finding in ipairs(examination.findings) do
    lines[#lines + 1] = ("%-7s %s%s"):format(finding.status, finding.title, facts_of(finding))
  end
  for i, record in ipairs(examination.records) do
    lines[#lines + 1] = ""
    lines[#lines + 1] = ("%d. %s"):format(i, transcript.request(record, examination.settings))
    for _, line in ipairs(answer_of(record)) do lines[#lines + 1] = line end
  end
  add_profile(lines, examination.sample)
  return table.concat(lines, "\n") .. "\n"
end

return transcript

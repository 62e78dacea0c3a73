-- The table of faults, as data: what goes wrong, and what the caller gets. faults_spec plays each row, secrets_spec
-- plays it with secrets planted, and docs/FAULTS.md is made of it. How a row is played is fault_stage.lua's.
--
--   name      what happens, for the document
--   rule      a fault of the sandbox for page `page` (2; 1 for tokens); `rules`: several, one after the other
--   server    options of the sandbox
--   answer    function(body, request) -> bytes, ending: what page `page` is answered with by hand (see wire_server)
--   token     the same for the token endpoint, with the body of a good answer
--   given, leads, deps   options of the client, of leads; what the host is made with
--   outcome   "error", "fine" (no fault: all leads come), "end" (the run is over, and complete)
--   kind, status, says, fields   of the error; `says` is a pattern, `fields` what else it has
--   again     asked for again, up to max_attempts
--   attempts  if it is neither 1 nor max_attempts; false: not told
--   came      leads of that page that came before: "none" (default), "some", "all", "perhaps" (some)
--   failures  tries that it may spoil when it happens once, if not 1
--   waits     seconds slept, one after the other
--   lasting   once is no fault
--   uncertain  who goes on from it has lost the place
--   shut, tls   nobody listens; the client asks by https
--   advice    what to do about it, for the document

local errors = require "oc.errors"
local gzip = require "oc.sandbox.gzip"
local oc = require "oc"
local wire_server = require "support.wire_server"

local ok, reply = wire_server.ok, wire_server.reply

local faults = {}

faults.PAGE_SIZE, faults.LEADS, faults.MAX_ATTEMPTS = 10, 30, 3

-- 2023-11-14 22:13:20 UTC
local NOW = 1700000000

local HTML = "<!DOCTYPE html><html><body>Bad Gateway</body></html>"
local REFUSED = '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\\r\\n'
  .. 'Trace ID: 3f1c-9a","error_codes":[7000215],"trace_id":"3f1c-9a","correlation_id":"77-b"}'
local PROBLEM = '{"type":"x","title":"One or more validation errors occurred.","status":400,"traceId":"00-abc-01",'
  .. '"errors":{"PageSize":["too large"]}}'

local function half(body) return body:sub(1, math.floor(#body / 2)) end

-- The first lead of a page, as its text.
local function first_lead(body) return (oc.encode(oc.decode(body, {nulls = "null"})[1])) end

local function redirect(status, location)
  return function() return reply(status, "", location and "Location: " .. location .. "\r\n" or "") end
end

local function interrupted() return nil, errors.new("cancelled", "interrupted while waiting") end

local NETWORK = "the network, a proxy, the service's health; go on from `err.resume`"
local SERVICE = "the service's log, by `err.trace_id` and time; go on from `err.resume`"
local CREDENTIALS = "the credentials, and what they are allowed to read"
local NOT_LEADS = "`base_url` and `lead_path`: something else answers there, or a gateway before it"
local BROKEN = "tell the service's maker, with `err.page` and `err.offset`"

faults.groups = {
  {title = "The connection", rows = {
    {name = "refused", shut = true, page = 1, answer = ok, kind = "network", again = true,
      says = "cannot connect to 127%.0%.0%.1:%d+: Connection refused$", advice = NETWORK},
    {name = "closed without an answer", rule = {drop_before_head = "close"}, kind = "network", again = true,
      says = "127%.0%.0%.1:%d+ closed the connection without an answer$", advice = NETWORK},
    {name = "reset before the answer", rule = {drop_before_head = "reset"}, kind = "network", again = true,
      says = "127%.0%.0%.1", advice = NETWORK},
    {name = "reset in mid-body", rule = {reset_after = 8000, gzip = false}, kind = "network", again = true,
      came = "some", says = "the connection to 127%.0%.0%.1:%d+ broke", advice = NETWORK},
    {name = "a short body", rule = {cut_after = 8000, gzip = false}, kind = "network", again = true, came = "some",
      says = "the answer of 127%.0%.0%.1:%d+ ended early", advice = NETWORK},
    {name = "the last chunk is missing", rule = {cut_after = 10000000, chunked = true, gzip = false},
      kind = "network", again = true, came = "all", says = "ended early", advice = NETWORK},
    {name = "a chunk of nonsense", kind = "network", again = true, came = "none",
      answer = function(body)
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n" .. body:sub(1, 2) .. "\r\nzz\r\n", "close"
      end, says = "127%.0%.0%.1", advice = NETWORK},
    {name = "no length, and closed early", rule = {cut_after = 8000, no_length = true, gzip = false},
      kind = "network", again = true, came = "some", says = "at byte 8000$", advice = NETWORK},
    {name = "no length, and closed in time", rule = {no_length = true}, outcome = "fine"},
    {name = "Content-Length is too long", rule = {length_delta = 100, gzip = false}, kind = "network", again = true,
      came = "all", says = "ended early", advice = NETWORK},
    -- What is over may be taken for the next answer of the connection: the words differ, the kind does not.
    {name = "Content-Length is too short", failures = 2, rule = {length_delta = -100, gzip = false},
      kind = "network", again = true, came = "some", says = "", advice = NETWORK},
    {name = "gzip cut short, with a length that fits", rule = {cut_gzip = 0.5}, kind = "network", again = true,
      came = "perhaps", says = "", advice = NETWORK},
    {name = "gzip with spoilt bytes", rule = {corrupt_gzip = true}, kind = "network", again = true, came = "perhaps",
      says = "cannot be decoded", advice = NETWORK},
    {name = "not HTTP", answer = function() return "220 smtp.example.com ready\r\n", "close" end,
      kind = "network", again = true, says = "does not speak HTTP", advice = "`base_url`: host and port"},
    {name = "https asked of a port that speaks http", page = 1, tls = true,
      answer = function() return "HTTP/1.1 400 Bad Request\r\n\r\n", "close" end, kind = "tls",
      says = "TLS handshake with 127%.0%.0%.1:%d+ failed", advice = "the scheme and the port of `base_url`"},
  }},
  {title = "Time", rows = {
    {name = "no byte for `idle_timeout_s`", given = {idle_timeout_s = 0.2}, kind = "timeout", again = true,
      came = "some", answer = function(body) return ok(body):sub(1, 8000), "hold" end,
      says = "no byte from 127%.0%.0%.1:%d+ for 0%.2 s %(idle_timeout_s%)$",
      advice = "a larger `idle_timeout_s`, if the service works that long; a smaller `page_size`"},
    {name = "not done in `request_timeout_s`, though bytes keep coming", given = {request_timeout_s = 0.2},
      kind = "timeout", again = true, answer = function() return ok((" "):rep(100000)):sub(1, 200), "drip" end,
      says = "127%.0%.0%.1:%d+ did not finish in 0%.2 s %(request_timeout_s%)$",
      advice = "a larger `request_timeout_s`, or a smaller `page_size`"},
    {name = "`deadline_s` is over, or would be after the wait", given = {deadline_s = 40}, kind = "timeout",
      attempts = false, rule = {status = 503, headers = {["Retry-After"] = "50"}},
      says = "deadline_s %(40 s%) is over$", advice = "go on from `err.resume` in the next run"},
    {name = "interrupted while waiting", deps = {sleep = interrupted}, rule = {status = 502}, kind = "cancelled",
      attempts = false, says = "interrupted while waiting", advice = "go on from `err.resume`"},
  }},
  {title = "Statuses", rows = {
    {name = "400 with problem JSON", rule = {status = 400, body = PROBLEM}, kind = "http", status = 400,
      says = "HTTP 400 from 127%.0%.0%.1:%d+$", fields = {title = "One or more validation errors occurred.",
      trace_id = "00-abc-01", fields = {PageSize = {"too large"}}}, advice = "what `err.title` and `err.fields` say"},
    {name = "401, once, credentials that can be renewed", page = 2, auth = "renewable", outcome = "fine", once = true,
      rule = {status = 401}, advice = ""},
    {name = "401 again behind the renewal", auth = "renewable", rule = {status = 401}, kind = "auth", status = 401,
      says = "HTTP 401", advice = CREDENTIALS},
    {name = "401 to a bearer token", auth = "bearer", rule = {status = 401}, kind = "auth", status = 401,
      says = "HTTP 401", advice = "another token: it has expired, or is not for this service"},
    {name = "401, and there were no credentials", rule = {status = 401}, kind = "auth", status = 401,
      says = "HTTP 401 .*no credentials were given %(auth, or OC_TOKEN in the environment%)$", advice = "give `auth`"},
    {name = "403", rule = {status = 403}, kind = "auth", status = 403, says = "HTTP 403", advice = CREDENTIALS},
    {name = "404 for the first page", page = 1, rule = {status = 404, body = '"Not found"'}, kind = "http",
      status = 404, says = "HTTP 404", advice = "`base_url` and `lead_path`"},
    {name = "404 for a later page, once", rule = {status = 404}, outcome = "fine", once = true},
    {name = "404 for a later page, twice", rule = {status = 404, body = "Not found"}, outcome = "end"},
    {name = "404 in HTML", rule = {status = 404, body = HTML}, kind = "http", status = 404, says = "HTTP 404",
      advice = NOT_LEADS},
    {name = "404 for a page that had leads", kind = "http", status = 404, again = true, came = "some",
      failures = 2, says = "HTTP 404", rules = {{attempt = 1, cut_after = 8000, gzip = false}, {status = 404}},
      advice = SERVICE},
    {name = "408", rule = {status = 408}, kind = "timeout", status = 408, again = true, says = "HTTP 408",
      advice = SERVICE},
    {name = "429 without Retry-After", rule = {status = 429}, kind = "throttle", status = 429, again = true,
      says = "HTTP 429", advice = "ask less often; `backoff_base_s`"},
    {name = "429, Retry-After in seconds", rule = {status = 429, headers = {["Retry-After"] = "7"}}, kind = "throttle",
      status = 429, again = true, waits = {7, 7}, says = "HTTP 429", fields = {retry_after_s = 7},
      advice = "ask less often"},
    {name = "429, Retry-After as a date", kind = "throttle", status = 429, again = true, waits = {7, 7},
      rule = {status = 429, headers = {["Retry-After"] = "Tue, 14 Nov 2023 22:13:27 GMT"}},
      deps = {time = function() return NOW end}, says = "HTTP 429", fields = {retry_after_s = 7},
      advice = "ask less often"},
    {name = "429, Retry-After beyond `retry_after_cap_s`", kind = "throttle", status = 429,
      rule = {status = 429, headers = {["Retry-After"] = "121"}}, says = "HTTP 429", fields = {retry_after_s = 121},
      advice = "wait `err.retry_after_s`, then go on from `err.resume`"},
    {name = "429, Retry-After of nonsense", rule = {status = 429, headers = {["Retry-After"] = "-5; soon"}},
      kind = "throttle", status = 429, again = true, waits = {0.25, 0.5}, says = "HTTP 429", advice = "ask less often"},
    {name = "500", rule = {status = 500, body = "oops"}, kind = "http", status = 500, again = true, says = "HTTP 500",
      fields = {body = "oops"}, advice = SERVICE},
    {name = "501", rule = {status = 501}, kind = "http", status = 501, says = "HTTP 501", advice = NOT_LEADS},
    {name = "502 in HTML", rule = {status = 502, body = HTML}, kind = "http", status = 502, again = true,
      says = "HTTP 502", advice = NETWORK},
    {name = "503 without Retry-After", rule = {status = 503}, kind = "http", status = 503, again = true,
      says = "HTTP 503", advice = SERVICE},
    {name = "503 with Retry-After", rule = {status = 503, headers = {["Retry-After"] = "3"}}, kind = "throttle",
      status = 503, again = true, waits = {3, 3}, says = "HTTP 503", fields = {retry_after_s = 3},
      advice = "ask less often, or later"},
    {name = "504", rule = {status = 504}, kind = "http", status = 504, again = true, says = "HTTP 504",
      advice = "a smaller `page_size`; " .. SERVICE},
    {name = "204", rule = {status = 204}, kind = "http", status = 204, says = "HTTP 204", advice = NOT_LEADS},
    {name = "304", rule = {status = 304}, kind = "http", status = 304, says = "HTTP 304", advice = NOT_LEADS},
    {name = "a status that is none", answer = function() return reply("999 What", "") end, kind = "http",
      status = 999, says = "HTTP 999", advice = NOT_LEADS},
  }},
  {title = "What came with 200", rows = {
    {name = "another Content-Type than JSON", rule = {content_type = "text/html"}, outcome = "fine"},
    {name = "HTML", rule = {body = HTML}, kind = "json", says = "at byte 0$", advice = NOT_LEADS},
    {name = "an error object", rule = {body = '{"error":{"code":"x","message":"y"}}'}, kind = "shape",
      says = "error", advice = SERVICE},
    {name = "a message object", rule = {body = '{"message":"no"}'}, kind = "shape", says = "", advice = SERVICE},
    {name = "a list of what is no lead", rule = {body = "[1,2]"}, kind = "shape", says = "", advice = NOT_LEADS},
    {name = "brackets `[[…]` that do not match", kind = "network", again = true, came = "some",
      answer = function(body) return ok("[[" .. first_lead(body) .. "]") end, says = "at byte %d+$", advice = BROKEN},
    {name = "JSON that ends early, in a whole body", kind = "network", again = true, came = "some",
      answer = function(body) return ok(half(body)) end, says = "at byte %d+$", advice = BROKEN},
    {name = "JSON with a fault in its middle", kind = "json", came = "some",
      answer = function(body) return ok("[" .. first_lead(body) .. ",}]") end, says = "at byte %d+$", advice = BROKEN},
    {name = "text behind the JSON", kind = "json", came = "some",
      answer = function(body) return ok("[" .. first_lead(body) .. "] x") end, says = "at byte %d+$", advice = BROKEN},
    {name = "bytes that are not UTF-8", kind = "json", came = "some",
      answer = function(body) return ok("[" .. first_lead(body) .. ',{"id":"\255"}]') end, says = "UTF%-8",
      advice = BROKEN},
    {name = "gzip that is not called so", kind = "json", answer = function(body) return ok(gzip.compress(body)) end,
      says = "at byte 0$", advice = "a gateway that drops Content-Encoding; `compress = false`"},
    {name = "nothing", rule = {body = ""}, kind = "network", again = true, says = "", advice = SERVICE},
    {name = "no leads, though the page had some", failures = 2, kind = "shape", again = true, came = "some",
      rules = {{attempt = 1, cut_after = 8000, gzip = false}, {body = "[]"}}, says = "had leads when it was asked for",
      advice = SERVICE},
    {name = "the first page again: the page number is ignored", server = {ignore_page = true}, page = 3, kind = "shape",
      uncertain = true, says = "ignore the page number", advice = "`param_names` and `page_base`"},
  }},
  {title = "Redirects", rows = {
    {name = "within the origin", outcome = "fine", rule = {attempt = 1, status = 307,
      headers = {Location = "/moved/api/v2/oc/lead?PageNumber=2&PageSize=10"}}},
    {name = "to another origin", answer = redirect("302 Found", "https://sp.example.com/api/v2/oc/lead"), kind = "http",
      status = 302, says = "a redirect to another origin was refused: set base_url to where the service is$",
      advice = "`base_url`: where the service really is"},
    {name = "without an address, or one that cannot be used", answer = redirect "302 Found", kind = "http",
      status = 302, says = "a redirect without a usable address$", advice = NOT_LEADS},
    {name = "more than five for one page", lasting = true, answer = redirect("302 Found", "?again"),
      kind = "http", status = 302, attempts = 6, says = "more than 5 redirects for one page$",
      advice = "`base_url`: where the service really is"},
  }},
  {title = "Ceilings", rows = {
    {name = "a page larger than `max_body_bytes`", page = 1, given = {max_body_bytes = 5000}, kind = "limit",
      came = "perhaps", says = "more than 5000 bytes %(max_body_bytes%)$",
      advice = "a smaller `page_size`, or a larger `max_body_bytes`"},
    {name = "a lead larger than `max_lead_bytes`", page = 1, given = {max_lead_bytes = 500}, kind = "limit",
      says = "larger than max_lead_bytes", advice = "a larger `max_lead_bytes`"},
    {name = "a lead deeper than `max_depth`", page = 1, given = {max_depth = 1}, kind = "limit", says = "max_depth",
      advice = "a larger `max_depth`"},
    {name = "more than 1000 header lines", answer = function() return ok("[]", ("X: y\r\n"):rep(1200)) end,
      kind = "limit", says = "headers of 127%.0%.0%.1:%d+ are more than", advice = NOT_LEADS},
    {name = "headers of more than 256 KiB",
      answer = function() return ok("[]", ("X: " .. ("y"):rep(60000) .. "\r\n"):rep(5)) end,
      kind = "limit", says = "headers of 127%.0%.0%.1:%d+ are more than", advice = NOT_LEADS},
    {name = "a header line that libcurl does not take",
      answer = function() return ok("[]", "X: " .. ("y"):rep(300000) .. "\r\n") end, kind = "limit",
      says = "header", advice = NOT_LEADS},
  }},
  {title = "Tokens", rows = {
    {name = "refused by Entra", token = function() return reply("401 Unauthorized", REFUSED) end, kind = "auth",
      status = 401, attempts = false, says = "cannot get a token: AADSTS7000215 invalid_client %(HTTP 401%)$",
      fields = {trace_id = "3f1c-9a"}, advice = "look the AADSTS code up"},
    {name = "a token endpoint that fails", token = function() return reply("500 Oops", HTML) end, kind = "http",
      status = 500, again = true, says = "cannot get a token: HTTP 500$", advice = "Entra's health; `authority`"},
    {name = "a token endpoint that is busy", kind = "throttle", status = 429, again = true, waits = {7, 7},
      token = function() return reply("429 Busy", "", "Retry-After: 7\r\n") end, says = "cannot get a token: HTTP 429$",
      fields = {retry_after_s = 7}, advice = "one client for all runs: it keeps its token"},
    {name = "a token endpoint that hangs up", token = function() return "", "close" end, kind = "network",
      again = true, says = "cannot get a token: .*closed the connection", advice = NETWORK},
    {name = "a token endpoint that answers HTML", token = function() return ok(HTML) end, kind = "auth",
      attempts = false, says = "cannot get a token: the answer holds no usable access_token$", advice = "`authority`"},
    {name = "a token endpoint that answers garbage", token = function() return ok "\0\255[" end, kind = "auth",
      attempts = false, says = "no usable access_token$", advice = "`authority`"},
    {name = "a token that cannot be sent", kind = "auth", attempts = false, says = "no usable access_token$",
      token = function() return ok '{"access_token":"a\\r\\nX-Evil: b","expires_in":3600}' end, advice = "`authority`"},
    {name = "a token endpoint's answer of more than 256 KiB", token = function() return ok((" "):rep(300000)) end,
      kind = "limit", attempts = 1, says = "cannot get a token: .*more than 262144 bytes", advice = "`authority`"},
    {name = "a redirect of the token endpoint", kind = "auth", status = 307, attempts = false,
      token = function() return reply("307 There", "", "Location: https://sp.example.com/token\r\n") end,
      says = "cannot get a token: refused %(HTTP 307%)$", advice = "`authority`: its redirects are not followed"},
    {name = "an `auth` function that gives none", given = {auth = function() return nil, "the vault is shut" end},
      page = 1, kind = "auth", attempts = false, says = "cannot get a token: the vault is shut$",
      advice = "what the message says"},
    {name = "an `auth` function whose token cannot be sent", given = {auth = function() return "a\r\nX-Evil: b" end},
      page = 1, kind = "auth", attempts = false, says = "gave what cannot be sent in a header$",
      advice = "the function"},
  }},
}

for _, group in ipairs(faults.groups) do
  for _, row in ipairs(group.rows) do row.page = row.page or row.token and 1 or 2 end
end

--- Calls f with each row, and the title of its group.
function faults.each(f)
  for _, group in ipairs(faults.groups) do
    for _, row in ipairs(group.rows) do f(row, group.title) end
  end
end

-- --- the document ---------------------------------------------------------------

local CAME = {none = "none", some = "some", all = "all", perhaps = "perhaps some"}

local function outcome(row)
  if row.outcome == "fine" then return "no error: all leads come, each once" end
  if row.outcome == "end" then return "the end: `complete` is true" end
  return ("`%s`%s, %s"):format(row.kind, row.status and " " .. row.status or "",
    row.again and "after `max_attempts`" or "at once")
end

--- The tables of docs/FAULTS.md.
---@return string markdown
function faults.document()
  local lines = {}
  for _, group in ipairs(faults.groups) do
    lines[#lines + 1] = "## " .. group.title .. "\n"
    lines[#lines + 1] = "| what happens | what the caller gets | leads of that page before | what to look at |"
    lines[#lines + 1] = "|---|---|---|---|"
    for _, row in ipairs(group.rows) do
      local bad = not row.outcome
      lines[#lines + 1] = ("| %s | %s | %s | %s |"):format(row.name, outcome(row),
        bad and CAME[row.came or "none"] or "", bad and row.advice or "")
    end
    lines[#lines + 1] = ""
  end
  lines[#lines] = nil
  return (table.concat(lines, "\n"):gsub("  |", " |"))
end

return faults

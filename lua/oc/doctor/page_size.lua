--- The check of the largest page: what comes when the documented maximum is asked
-- for. Leads are counted as they stream by.

local place = require "oc.doctor.place"

local page_size = {}

-- After a failure one smaller page is tried, and if that fails too this is advised.
local SMALLER = 10
local SURE_SIZE = 200

--- A whole number with commas.
---@param number integer
---@return string
function page_size.grouped(number)
  local text, changed = ("%d"):format(number), 1
  while changed > 0 do text, changed = text:gsub("^(%d+)(%d%d%d)", "%1,%2") end
  return text
end
local grouped = page_size.grouped

local function leads(n) return n == 1 and "1 lead" or grouped(n) .. " leads" end

local function volume(answer)
  local stats = answer.record and answer.record.stats or {}
  if not stats.bytes or stats.bytes < 1e5 then return ("%.1f s"):format(answer.elapsed_s) end
  return ("%.1f MB in %.1f s"):format(stats.bytes / 1e6, answer.elapsed_s)
end

local function why(answer)
  local status, err = answer.status, answer.err
  if status == 504 or err.kind == "timeout" then
    local what = status == 504 and "a gateway gave up waiting (HTTP 504)" or status == 408 and "HTTP 408"
      or "time ran out (" .. place.words(err) .. ")"
    return ("%s after %.1f s"):format(what, answer.elapsed_s)
  end
  if status and status ~= 200 then return ("HTTP %d after %.1f s"):format(status, answer.elapsed_s) end
  return ("%s (after %s)"):format(place.words(err), leads(answer.count))
end

-- What the service itself says of the page size, and the largest it names.
local function told(answer, asked)
  for name, faults in pairs(type(answer.err.fields) == "table" and answer.err.fields or {}) do
    local text = type(faults) == "table" and faults[1] or faults
    if tostring(name):lower() == "pagesize" and type(text) == "string" then
      local most = tonumber((text:match "(%d+)%D*$"))
      return place.quoted(text), most and most >= 1 and most < asked and most or nil
    end
  end
end

-- The large page did not come. Does a smaller one?
local function smaller(x, answer, asked)
  local text, most = told(answer, asked)
  local facts = {asked = asked, status = answer.status, kind = answer.err.kind, elapsed_s = answer.elapsed_s}
  local size = most or math.max(1, math.floor(asked / SMALLER))
  local finding = {
    status = x.page_size_given and "fail" or "warn", facts = facts,
    found = ("no page of %s: %s%s"):format(leads(asked), why(answer), text and " (" .. text .. ")" or ""),
    set = {{name = "page_size", value = math.min(size, SURE_SIZE)}},
    hint = "a page that size is worth trying",
  }
  if answer.err.kind == "cancelled" or size == asked then return finding end
  local second = x.ask:page {page = x.first_page, size = size, once = true}
  facts.second_asked, facts.second_count, facts.second_s = size, second.count, second.elapsed_s
  if second.err then
    finding.hint = ("one of %s did not come either (%s); %s"):format(leads(size), why(second), finding.hint)
    return finding
  end
  x.large = second
  finding.hint = ("when %s were asked for, %s came: %s"):format(leads(size), leads(second.count), volume(second))
  finding.set = {{name = "page_size", value = size}}
  return finding
end

-- Fewer leads came than were asked for. Are there more?
local function capped(x, answer, asked)
  local count = answer.count
  -- The lead behind those that came, as a page of its own.
  x.behind = x.ask:page {page = x.first_page + count, size = 1}
  local facts = {asked = asked, count = count, elapsed_s = answer.elapsed_s}
  if x.behind.err and x.behind.status ~= 404 then
    return {status = "unknown", facts = facts, found = ("%s came of %s; whether there are more cannot be told: %s")
      :format(leads(count), grouped(asked), place.words(x.behind.err))}
  end
  if x.behind.err or x.behind.count == 0 then
    return {status = "ok", facts = facts,
      found = ("no cap is seen: there are %s, and all came in one page, %s"):format(leads(count), volume(answer))}
  end
  facts.cap = count
  local finding = {facts = facts,
    found = ("at most %s, whatever is asked for; %s"):format(leads(count), volume(answer))}
  if x.effective_page_size <= count then
    finding.status = "ok"
    return finding
  end
  finding.status = "warn"
  finding.hint = ("{page_size} is %s now: more than come, so nothing is gained"):format(grouped(x.effective_page_size))
  finding.set = {{name = "page_size", value = count}}
  return finding
end

page_size.check = {
  id = "page_size", title = "largest page", needs = {"page_base"},
  run = function(x)
    local asked = x.asked_page_size
    local answer = x.ask:page {page = x.first_page, size = asked, once = true}
    if answer.err then return smaller(x, answer, asked) end
    x.large = answer
    local facts = {asked = asked, count = answer.count, elapsed_s = answer.elapsed_s}
    if answer.count == 0 then
      return {status = "unknown", facts = facts, found = "cannot tell of a cap: there are no leads"}
    end
    if answer.count > asked then
      return {status = "warn", facts = facts,
        found = ("%s came when %s were asked for: the service ignores the page size"):format(leads(answer.count),
          grouped(asked)),
        hint = "its parameter may have another name: see {param_names}, which has no flag"}
    end
    if answer.count < asked then return capped(x, answer, asked) end
    return {status = "ok", facts = facts,
      found = ("no cap up to %s: as many came, %s"):format(grouped(asked), volume(answer))}
  end,
}

return page_size

--- The check of the first page's number: 0 or 1. A wrong one loses the first page
-- without a word, so nothing is guessed here: pages are compared by their leads.

local oc = require "oc"
local place = require "oc.doctor.place"

local page_base = {}

-- What tells a lead from others: its id, else all of it.
local function key_of(lead)
  if type(lead) ~= "table" then return tostring(lead) end
  if type(lead.id) == "string" and lead.id ~= "" then return lead.id:lower() end
  return oc.encode(lead)
end

--- How the leads of two pages lie: "same", "apart", "overlap"; "empty" if one has none.
---@param a oc.doctor.Answer
---@param b oc.doctor.Answer
---@return "same"|"apart"|"overlap"|"empty"
function page_base.compare(a, b)
  if #a.leads == 0 or #b.leads == 0 then return "empty" end
  local seen, shared = {}, 0
  for _, lead in ipairs(a.leads) do seen[key_of(lead)] = true end
  for _, lead in ipairs(b.leads) do
    if seen[key_of(lead)] then shared = shared + 1 end
  end
  if shared == 0 then return "apart" end
  return shared == #b.leads and #a.leads == #b.leads and "same" or "overlap"
end

local function describe(answer)
  if answer.err then
    return answer.status and answer.status ~= 200 and ("HTTP %d"):format(answer.status) or place.words(answer.err)
  end
  return answer.count == 0 and "empty" or answer.count == 1 and "1 lead" or answer.count .. " leads"
end

local function has_leads(answer) return not answer.err and answer.count > 0 end

-- Both pages have the same leads: the third tells what that means.
local function judge_same(x, zero)
  x.page_two = x.ask:page {page = 2, size = x.SMALL_PAGE}
  local two = x.page_two
  if two.err and two.status ~= 404 then return nil, "page 2: " .. describe(two) end
  if page_base.compare(zero, two) ~= "same" then return 1, "page 0 is answered with page 1" end
  return nil, nil, ("pages 0, 1 and 2 hold the same %s: the service ignores the page number"):format(describe(two))
end

-- Two pages that lie apart are the first two only if together they are one of twice the size.
local function judge_apart(x, zero, one)
  local both = x.ask:page {page = 0, size = 2 * x.SMALL_PAGE}
  if both.err then return nil, ("page 0 of %d leads: %s"):format(2 * x.SMALL_PAGE, describe(both)) end
  local capped = #both.leads == #zero.leads and #zero.leads == #one.leads
  local expected, matches = {}, capped or #both.leads > #zero.leads
  for _, answer in ipairs {zero, one} do
    for _, lead in ipairs(answer.leads) do expected[#expected + 1] = key_of(lead) end
  end
  for i, lead in ipairs(both.leads) do
    matches = matches and (expected[i] == nil or expected[i] == key_of(lead))
  end
  if matches then return 0, "page 0 holds leads of its own, page 1 those behind them" end
  return nil, "pages 0 and 1 hold different leads, but together they are not one larger page 0"
end

-- Which page is the first: its number and why; nil and why not; nil, nil and what is wrong.
local function judge(x, zero, one)
  if zero.err and not zero.status then return nil, "page 0: " .. describe(zero) end
  if has_leads(zero) and has_leads(one) then
    local how = page_base.compare(zero, one)
    if how == "apart" then return judge_apart(x, zero, one) end
    if how == "same" then return judge_same(x, zero) end
    return nil, "pages 0 and 1 hold some of the same leads: the order changes, or page 0 is something else"
  end
  if has_leads(zero) then return 0, ("page 0 holds leads, page 1 none (%s)"):format(describe(one)) end
  if has_leads(one) then
    return 1, zero.err and ("page 0 is refused (%s)"):format(describe(zero)) or "page 0 is empty, page 1 is not"
  end
  if zero.status == 404 and one.status == 404 then return nil, nil, "no page is found: HTTP 404 for pages 0 and 1" end
  if one.err then return nil, "page 1: " .. describe(one) end
  if zero.status == 400 then return 1, "page 0 is refused (HTTP 400)" end
  return nil, ("there are no leads to tell by (page 0: %s, page 1: %s)"):format(describe(zero), describe(one))
end

-- What a run does that begins at the wrong page.
local function consequence(base, zero)
  if base == 0 then return "every run misses the first page, without a word" end
  if zero.err then return "every run fails at page 0" end
  return zero.count == 0 and "every run ends at page 0 with nothing" or "every run reads the first page twice"
end

-- With no leads to tell by, the documented number has to do for the other checks.
local function cannot_tell(x, why)
  x.first_page = x.ask.settings.page_base
  return {status = "unknown", found = "cannot tell whether it is 0 or 1: " .. why,
    hint = ("{page_base} is %d now; ask again when there are leads"):format(x.first_page)}
end

page_base.check = {
  id = "page_base", title = "first page", needs = {"token"},
  run = function(x)
    local settings, one = x.ask.settings, x.page_one
    local zero = x.ask:page {page = 0, size = x.SMALL_PAGE}
    x.page_zero = zero
    local base, why, wrong = judge(x, zero, one)
    local finding = {facts = {page_0 = zero.err and (zero.status or zero.err.kind) or zero.count,
      page_1 = one.err and one.status or one.count, first_page = base, page_base_option = settings.page_base}}
    if wrong then
      finding.status, finding.blocks, finding.found = "fail", true, wrong
      finding.hint = one.err and ("check host and path of {base_url}, and {lead_path} (%s)"):format(settings.lead_path)
        or "its parameter may have another name: see {param_names}, which has no flag"
      return finding
    end
    if not base then
      local unknown = cannot_tell(x, why)
      unknown.facts = finding.facts
      return unknown
    end
    x.first_page, x.first = base, base == 0 and zero or one
    if base == settings.page_base then
      finding.status, finding.found = "ok", ("%d: %s"):format(base, why)
      return finding
    end
    finding.status = "fail"
    finding.found = ("%d, but {page_base} is %d: %s"):format(base, settings.page_base, consequence(base, zero))
    finding.hint, finding.set = why, {{name = "page_base", value = base}}
    return finding
  end,
}

return page_base

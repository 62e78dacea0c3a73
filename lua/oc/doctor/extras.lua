--- Checks of what the documentation leaves open: what stands behind the last page,
-- how parameters may be spelt, what a body looks like and whether it is compressed.

local page_base = require "oc.doctor.page_base"
local page_size = require "oc.doctor.page_size"
local place = require "oc.doctor.place"

local extras = {}

-- Behind the last page of any service.
local FAR_PAGE = 1000000

extras.past_end = {
  id = "past_end", title = "past the end", needs = {"page_base"},
  run = function(x)
    local answer = x.behind
    if not answer or answer.count > 0 then
      answer = x.ask:page {page = FAR_PAGE, size = x.SMALL_PAGE, once = true}
    end
    local facts = {page = answer.page, status = answer.status, count = answer.count}
    if not answer.err and answer.count == 0 then
      return {status = "ok", found = "an empty page", facts = facts}
    end
    if answer.status == 404 and not place.is_html(answer) then
      return {status = "ok", found = "HTTP 404, which counts as the end when it comes twice", facts = facts}
    end
    if not answer.err then
      return {status = "warn", facts = facts,
        found = ("page %d has leads: the last page is given again, so a run cannot see the end"):format(answer.page),
        hint = "runs stop with an error of kind shape when two pages bring nothing new; {max_pages} ends them before"}
    end
    return {status = "warn", facts = facts,
      found = ("neither an empty page nor HTTP 404: %s"):format(place.words(answer.err)),
      hint = "a run that gets there fails instead of being complete; {max_pages} ends it before"}
  end,
}

local DOCUMENTED = {page = "PageNumber", page_size = "PageSize"}

-- The first page in pages of two: is the second of them what stands third and fourth?
local function judge_names(x, answer, names)
  local spelt = names.page .. ", " .. names.page_size
  local third = {leads = {x.first.leads[3], x.first.leads[4]}}
  if answer.err then return ("%s: %s"):format(spelt, place.words(answer.err)), false, false end
  local size = answer.count == #third.leads or answer.count == 2
  local page = size and page_base.compare(answer, third) == "same"
  if page then return "bind whatever their case", true, true end
  if size then return "the page size binds whatever its case, the page number only as documented", false, true end
  return ("bind only as they are documented (not as %s)"):format(spelt), false, false
end

extras.names = {
  id = "names", title = "parameters", needs = {"page_base"},
  run = function(x)
    if not x.first or x.first.count < 3 then
      return {status = "unknown", found = "too few leads to tell how names may be spelt"}
    end
    local given = x.ask.settings.param_names or {}
    if x.first.count > x.SMALL_PAGE then
      return {status = "warn", facts = {asked = x.SMALL_PAGE, count = x.first.count},
        found = ("%d leads came when %d were asked for: the service ignores the page size"):format(x.first.count,
          x.SMALL_PAGE),
        hint = "its parameter may have another name: see {param_names}, which has no flag"}
    end
    local names = {}
    for name, text in pairs(given) do names[name] = text end
    for name, text in pairs(DOCUMENTED) do names[name] = (given[name] or text):lower() end
    local answer = x.ask:page {page = x.first_page + 1, size = 2, once = true,
      client = x.ask:variant {param_names = names}}
    local found, page, size = judge_names(x, answer, names)
    return {status = "ok", found = found, facts = {page_in_lower_case = page, page_size_in_lower_case = size}}
  end,
}

-- Keys beside the list of an envelope that are no data.
local ENVELOPE = {}
for name in ([[currentPage pageNumber page pageSize totalPages pageCount totalRecords totalCount totalItems total count
  hasNext hasMore hasNextPage nextLink continuationToken]]):gmatch "%S+" do ENVELOPE[name] = true end

-- "an array", "lists within an array", "an object with its leads in data", from the first bytes.
local function shape_of(start)
  local text = start:gsub("^\239\187\191", ""):gsub("%s+", "")
  if text:find "^%[%[" then return "lists of leads within an array", "nested" end
  if text:find "^%[" then return "an array of leads", "array" end
  local before = text:match "^(%b{})" or text
  local list = text:match '"(data)":%[' or text:match '"(items)":%[' or text:match '"(value)":%['
  if not list then return "of a shape that is not known" end
  local keys = {}
  for key in (before:match('^(.-)"' .. list .. '":%[') or ""):gmatch '"(%a[%w]*)":' do
    if ENVELOPE[key] then keys[#keys + 1] = key end
  end
  local beside = #keys > 0 and ("; before it %s"):format(table.concat(keys, ", ")) or ""
  return ("an object with its leads in %s%s"):format(list, beside), list, #keys > 0 and table.concat(keys, ",") or nil
end

extras.body = {
  id = "body", title = "body", needs = {"page_base"},
  run = function(x)
    local answer = x.first or x.page_one
    if answer.err then return {status = "unknown", found = "no page came to look at"} end
    local found, shape, beside = shape_of(answer.record.start)
    return {status = shape and "ok" or "unknown", found = found, facts = {shape = shape, keys_before = beside}}
  end,
}

extras.compression = {
  id = "compression", title = "compression", needs = {"page_base"},
  run = function(x)
    local answer = x.large or x.first or x.page_one
    if answer.err then return {status = "unknown", found = "no page came to look at"} end
    if not x.ask.settings.compress then return {status = "ok", found = "not asked for: see {compress}"} end
    local coding, stats = answer.record.headers["content-encoding"], answer.record.stats or {}
    local facts = {wire_bytes = stats.wire_bytes, bytes = stats.bytes}
    if coding and coding ~= "identity" then
      return {status = "ok", facts = facts, found = ("%s: %s bytes came as %s"):format(
        coding:lower():find "^[%w, -]+$" and coding:lower() or "yes", page_size.grouped(stats.bytes),
        page_size.grouped(stats.wire_bytes))}
    end
    return {status = "ok", facts = facts,
      found = ("none, though it was asked for: %s bytes on the wire"):format(page_size.grouped(stats.bytes))}
  end,
}

return extras

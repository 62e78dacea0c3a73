-- Puts leads together into the text of a page, in whatever shape is asked for, and keeps the last few built.
-- Knows nothing about requests; the store knows which leads there are.

local gzip = require "oc.sandbox.gzip"
local json = require "oc.sandbox.json"
local store = require "oc.sandbox.store"

local pages = {}

-- A page of 20,000 leads is 28 MB: so many are kept, whatever the number of leads.
local MAX_KEPT = 4
-- Leads built between two turns of the other connections.
local LEADS_A_TURN = 256

---@class oc.sandbox.Page
---@field text string
---@field count integer leads on it
---@field compressed? string
---@field tally oc.sandbox.Tally what synchronising did when it was read this time
---@field again? oc.sandbox.Tally what it will do when this text is read once more

local Pages = {}
Pages.__index = Pages

--- A builder for the leads of one store.
---@param leads table the store
---@param options oc.sandbox.Options
function pages.new(leads, options)
  return setmetatable({ leads = leads, options = options, kept = {} }, Pages)
end

local function envelope(self, total, number, size)
  local shape = self.options.shape
  if shape == "items" or shape == "value" then return ('{"%s":['):format(shape), "]}" end
  if shape ~= "data" then return "[", "]" end
  return ('{"currentPage":%d,"pageSize":%d,"totalPages":%d,"totalRecords":%d,"data":[')
    :format(number, size, math.ceil(total / size), total), "]}"
end

-- Two lists within the list; an empty page stays `[]`.
local function nest(parts)
  local half = math.ceil(#parts / 2)
  if half == 0 then return end
  parts[1] = "[" .. parts[1]
  if half < #parts then
    parts[half] = parts[half] .. "]"
    parts[half + 1] = "[" .. parts[half + 1]
  end
  parts[#parts] = parts[#parts] .. "]"
end

-- The brackets go onto the first and last lead: joining them afterwards would copy the whole page.
local function join(parts, opening, closing)
  if #parts == 0 then return opening .. closing end
  parts[1] = opening .. parts[1]
  parts[#parts] = parts[#parts] .. closing
  return table.concat(parts, ",")
end

-- The page of those among `total` leads that its number says; `index_at` knows which lead stands where.
local function build(self, total, index_at, number, size, pause)
  local before = (number - self.options.page_base) * size
  local count = before < 0 and 0 or math.max(0, math.min(size, total - before))
  local tally, parts = store.tally(), {}
  for i = 1, count do
    parts[i] = self.leads:read(index_at(before + i), tally)
    if i % LEADS_A_TURN == 0 then pause() end
  end
  if self.options.shape == "nested" then nest(parts) end
  local text = join(parts, envelope(self, total, number, size))
  if self.options.pretty then text = json.pretty(text) end
  return { text = text, count = count, tally = tally, first = before + 1, last = before + count }
end

local function find_kept(self, generation, number, size)
  for i, page in ipairs(self.kept) do
    if page.generation == generation and page.number == number and page.size == size then
      table.remove(self.kept, i)
      self.kept[#self.kept + 1] = page
      return page
    end
  end
end

local function overlap(a, b)
  return a.first <= b.last and b.first <= a.last
end

-- A synchronised lead makes older texts that hold it wrong.
local function keep(self, page)
  local kept = {}
  for _, other in ipairs(self.kept) do
    local stale = page.tally.ok + page.tally.empty > 0 and overlap(page, other)
    if not stale then kept[#kept + 1] = other end
  end
  -- Reading it again would give another text.
  if not page.tally.recovers then kept[#kept + 1] = page end
  if #kept > MAX_KEPT then table.remove(kept, 1) end
  self.kept = kept
end

local function tally_of_reading_again(tally)
  return { ok = 0, failed = tally.failed, empty = tally.empty, failures = tally.failures, recovers = false }
end

--- A page of all leads.
---@param view oc.sandbox.View
---@param number integer the page's number, from options.page_base
---@param size integer leads a page
---@param pause fun() gives the other connections a turn
---@return oc.sandbox.Page
function Pages:get(view, number, size, pause)
  local page = find_kept(self, view.generation, number, size)
  if page then
    page.tally = page.again
    return page
  end
  page = build(self, view.total, function(position)
    return self.leads:index_at(view, position)
  end, number, size, pause)
  page.again = tally_of_reading_again(page.tally)
  page.generation, page.number, page.size = view.generation, number, size
  if page.count > 0 then keep(self, page) end
  return page
end

--- A page of some leads; it is not kept.
---@param indexes integer[]
---@param number integer
---@param size integer
---@param pause fun()
---@return oc.sandbox.Page
function Pages:of_list(indexes, number, size, pause)
  local page = build(self, #indexes, function(position) return indexes[position] end, number, size, pause)
  if page.tally.ok + page.tally.empty > 0 then self.kept = {} end
  return page
end

--- The page's gzip, kept with it.
---@param page oc.sandbox.Page
---@param pause fun()
---@return string
function pages.compress(page, pause)
  page.compressed = page.compressed or gzip.compress(page.text, pause)
  return page.compressed
end

return pages

-- One meaning: random expressions over random leads, where C over JSON, the same
-- filter on tables, and a naive reference must agree. A run is the same each time;
-- OC_FILTER_EXPRESSIONS and OC_FILTER_SEED in the environment make it longer or another.

local oc = require "oc"
local core = require "oc.core"
local chance = require "support.chance"
local random = require "support.filter_random"
local reference = require "support.filter_reference"

local EXPRESSIONS = tonumber(os.getenv "OC_FILTER_EXPRESSIONS" or "") or 2500
local SEED = tonumber(os.getenv "OC_FILTER_SEED" or "") or 20240131
local LEADS = 5
local EXPRESSIONS_OF_PAGE = 40

-- A page of leads: as text, as tables of both kinds, and as the reference takes them.
local function new_page(c)
  local texts, page = {}, {model = {}}
  for i = 1, LEADS do texts[i], page.model[i] = random.lead(c, i) end
  page.texts = texts
  page.json = "[" .. table.concat(texts, c:one_of {",", " , ", "\n,\n"}) .. "]"
  page.absent = assert(oc.decode(page.json))
  page.kept = assert(oc.decode(page.json, {nulls = "null"}))
  return page
end

-- The expression as a filter, sometimes by way of the combinations.
local function new_filter(c, tree)
  if c:once_in(5) and (tree.tag == "and" or tree.tag == "or" or tree.tag == "not") then
    local parts = {}
    for i, part in ipairs(tree) do parts[i] = random.print(c, part) end
    if tree.tag == "not" then return oc.filter.none {random.print(c, tree.of)} end
    return oc.filter[tree.tag == "and" and "all" or "any"](parts)
  end
  return oc.filter(random.print(c, tree))
end

-- Which leads of the page come out of a decoder, fed in pieces: a set of numbers.
local function decoded(c, page, filter, now)
  local most = c:one_of {1, 3, 40, 1000, 100000}
  local decoder = core.decoder {where = filter, select = c:once_in(2) and {"#"} or nil, now = now}
  local found, at = {}, 1
  while at <= #page.json do
    local size = c:from(1, most)
    decoder:feed(page.json:sub(at, at + size - 1)) -- what it minds, finish tells
    at = at + size
    for lead in decoder.next, decoder do found[lead["#"]] = true end
  end
  assert(decoder:finish())
  return found
end

local function complain(number, filter, page, i, told)
  error(("expression %d (seed %d): %s\nlead: %s\nreference %s, scanned %s, table %s, table with nulls %s"):format(
    number, SEED, tostring(filter), page.texts[i], tostring(told[1]), tostring(told[2]), tostring(told[3]),
    tostring(told[4])))
end

describe("filters", function()
  it("mean the same in C, on tables, and by the reference", function()
    local c, page = chance.new(SEED), nil
    local outcomes = {[true] = 0, [false] = 0}
    for number = 1, EXPRESSIONS do
      if number % EXPRESSIONS_OF_PAGE == 1 then page = new_page(c) end
      local tree = random.condition(c)
      local filter = new_filter(c, tree)
      local now = os.time()
      local scanned = decoded(c, page, filter, now)
      for i = 1, LEADS do
        local wanted = reference.holds(tree, page.model[i], now)
        local told = {wanted, scanned[i] == true, filter(page.absent[i]), filter(page.kept[i])}
        if told[2] ~= wanted or told[3] ~= wanted or told[4] ~= wanted then complain(number, filter, page, i, told) end
        outcomes[wanted] = outcomes[wanted] + 1
      end
    end
    -- Both must come often, or the test says little.
    assert.is_true(outcomes[true] > EXPRESSIONS * LEADS / 5)
    assert.is_true(outcomes[false] > EXPRESSIONS * LEADS / 5)
  end)
end)

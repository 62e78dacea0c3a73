-- What is measured of the decoder and the encoder: each work of oc, and beside it what
-- a user would write with lua-cjson. For bench/run and bench/gate; knows nothing of time.
--
-- A work is a function of a bag of texts (see works.bag) that returns what it made.

local cjson = require "cjson"
local oc = require "oc"

local works = {oc = {}, cjson = {}}

local CHUNK = 65536

works.FILTER = 'status == "Active" and any(civicAddresses, country == "US")'
works.FIELDS = {"id", "tenantId", "status", "contactDetails.companyName"}

--- A page: its text, and the pieces of it as a transfer brings them.
function works.bag(text)
  local pieces = {}
  for from = 1, #text, CHUNK do pieces[#pieces + 1] = text:sub(from, from + CHUNK - 1) end
  return {text = text, pieces = pieces}
end

-- -- oc ---------------------------------------------------------------------------------

-- Reading behind each piece; all that comes, kept.
local function in_pieces(bag, options)
  local decoder, kept = oc.decoder(options), {}
  for _, piece in ipairs(bag.pieces) do
    assert(decoder:feed(piece))
    for _, lead in ipairs(assert(decoder:read())) do kept[#kept + 1] = lead end
  end
  assert(decoder:finish())
  return kept
end

function works.oc.kept(bag) return in_pieces(bag) end

function works.oc.kept_nulls(bag) return in_pieces(bag, {nulls = "null"}) end

--- Leads with their nulls, for the works that write.
function works.with_leads(bag)
  bag.leads = works.oc.kept_nulls(bag)
end

-- All that was fed is read at once.
function works.oc.kept_whole(bag)
  local decoder = oc.decoder()
  assert(decoder:feed(bag.text))
  local kept = assert(decoder:read())
  assert(decoder:finish())
  return kept
end

function works.oc.dropped(bag)
  local decoder, count = oc.decoder(), 0
  for _, piece in ipairs(bag.pieces) do
    assert(decoder:feed(piece))
    while decoder:next() do count = count + 1 end
  end
  assert(decoder:finish())
  return count
end

function works.oc.filter(bag) return in_pieces(bag, {where = works.FILTER}) end

function works.oc.fields(bag) return in_pieces(bag, {select = works.FIELDS}) end

-- Only a pager gives leads as text; it does no I/O either.
function works.oc.raw(bag)
  local pager, lines = oc.pager {base_url = "http://127.0.0.1", raw = true, page_size = 20000}, {}
  pager:request()
  pager:response(200, {})
  for _, piece in ipairs(bag.pieces) do
    assert(pager:feed(piece))
    for _, lead in ipairs(assert(pager:read())) do lines[#lines + 1] = lead end
  end
  return lines
end

function works.oc.encode(bag)
  local lines = {}
  for i, lead in ipairs(bag.leads) do lines[i] = oc.encode(lead) end
  return lines
end

-- -- lua-cjson ----------------------------------------------------------------------------

function works.cjson.kept(bag) return cjson.decode(bag.text) end

function works.cjson.dropped(bag)
  local count = 0
  for _ in ipairs(cjson.decode(bag.text)) do count = count + 1 end
  return count
end

--- What works.FILTER says, in Lua.
function works.wanted(lead)
  if lead.status ~= "Active" or lead.civicAddresses == cjson.null then return false end
  for _, address in ipairs(lead.civicAddresses) do
    if address.country == "US" then return true end
  end
  return false
end

function works.cjson.filter(bag)
  local kept = {}
  for _, lead in ipairs(cjson.decode(bag.text)) do
    if works.wanted(lead) then kept[#kept + 1] = lead end
  end
  return kept
end

--- What works.FIELDS says, in Lua.
function works.projected(lead)
  return {id = lead.id, tenantId = lead.tenantId, status = lead.status,
    contactDetails = {companyName = lead.contactDetails.companyName}}
end

function works.cjson.fields(bag)
  local kept = {}
  for i, lead in ipairs(cjson.decode(bag.text)) do kept[i] = works.projected(lead) end
  return kept
end

function works.cjson.raw(bag)
  local lines = {}
  for i, lead in ipairs(cjson.decode(bag.text)) do lines[i] = cjson.encode(lead) end
  return lines
end

function works.cjson.encode(bag)
  local lines = {}
  for i, lead in ipairs(bag.leads) do lines[i] = cjson.encode(lead) end
  return lines
end

return works

-- Decoding a page of leads: oc against lua-cjson, alternately in one run.
--
--   script/lua bench/decode.lua [LEADS] [ROUNDS]
--
-- Prints the processor time of each, and the ratio round by round as median and
-- range: quote those. Both decode the same text, made from a fixed seed: ours in
-- pieces, as a transfer brings them; lua-cjson, which takes no pieces, as a whole,
-- and the time to put it together is not counted.

local cjson = require "cjson"
local data = require "oc.sandbox.data"
local oc = require "oc"

local LEADS, ROUNDS = tonumber(arg[1]) or 20000, tonumber(arg[2]) or 11
local CHUNK = 65536

local function page()
  local leads = {}
  for i = 1, LEADS do leads[i] = (data.lead(1, i)) end
  return "[" .. table.concat(leads, ",") .. "]"
end

local text = page()
local pieces = {}
for from = 1, #text, CHUNK do pieces[#pieces + 1] = text:sub(from, from + CHUNK - 1) end

-- All that a decoder makes of the text, kept.
local function read(options)
  local d, kept = oc.decoder(options), {}
  for _, piece in ipairs(pieces) do
    d:feed(piece)
    for _, lead in ipairs(d:read()) do kept[#kept + 1] = lead end
  end
  assert(d:finish())
  return kept
end

local FILTER = 'status == "Active" and any(civicAddresses, country == "US")'
local FIELDS = {"id", "tenantId", "status", "contactDetails.companyName"}

local function wanted(lead)
  if lead.status ~= "Active" or lead.civicAddresses == cjson.null then return false end
  for _, address in ipairs(lead.civicAddresses) do
    if address.country == "US" then return true end
  end
  return false
end

local works = {
  {
    name = "decode, all leads kept",
    oc = function() return read() end,
    cjson = function() return cjson.decode(text) end,
  },
  {
    name = "filter, 5 % of the leads",
    oc = function() return read {where = FILTER} end,
    cjson = function()
      local kept = {}
      for _, lead in ipairs(cjson.decode(text)) do
        if wanted(lead) then kept[#kept + 1] = lead end
      end
      return kept
    end,
  },
  {
    name = "four fields of all leads",
    oc = function() return read {select = FIELDS} end,
    cjson = function()
      local kept = {}
      for i, lead in ipairs(cjson.decode(text)) do
        kept[i] = {id = lead.id, tenantId = lead.tenantId, status = lead.status,
          contactDetails = {companyName = lead.contactDetails.companyName}}
      end
      return kept
    end,
  },
  {
    name = "iterate and drop",
    oc = function()
      local d = oc.decoder()
      for _, piece in ipairs(pieces) do
        d:feed(piece)
        while d:next() do end
      end
      assert(d:finish())
    end,
    cjson = function()
      for _ in ipairs(cjson.decode(text)) do end
    end,
  },
}

local function seconds(work)
  collectgarbage()
  collectgarbage()
  local from = os.clock()
  local kept = work()
  return os.clock() - from, kept
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

print(("%d leads, %.1f MB in pieces of %d KiB, %d rounds, %s"):format(LEADS, #text / 1e6, CHUNK / 1024, ROUNDS, _VERSION))
for _, work in ipairs(works) do
  local ours, theirs, ratios = {}, {}, {}
  for round = 0, ROUNDS do -- round 0 warms up
    local a, b = seconds(work.oc), seconds(work.cjson)
    if round > 0 then
      ours[round], theirs[round], ratios[round] = a, b, b / a
    end
  end
  local middle = median(ratios)
  print(("%-34s oc %.3f s, cjson %.3f s: %.2fx (%.2f to %.2f)"):format(
    work.name, median(ours), median(theirs), middle, ratios[1], ratios[#ratios]))
end

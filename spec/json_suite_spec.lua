-- JSON's own test suite (github.com/nst/JSONTestSuite, test_parsing): every y_ is read, every n_ refused, and what
-- the standard leaves open (i_) is decided here, with the reason. Each document is read by oc.decode, and as a field
-- of a lead by oc.decoder, whole and byte by byte.
--
-- The suite is not part of this tree: it is looked for in OC_JSON_SUITE, else in ../shared/json-test-suite.

local lfs = require "lfs"
local oc = require "oc"
local tree = require "support.tree"

local folder = os.getenv "OC_JSON_SUITE" or tree.root .. "/../shared/json-test-suite"

-- Text of the value as oc.encode writes it, or `false`: refused.
local DECIDED = {
  -- Beyond a double's range: what strtod says, as most parsers do. A number is no reason to lose a lead.
  ["number_double_huge_neg_exp"] = "[0.0]",
  ["number_huge_exp"] = "[1e999]",
  ["number_neg_int_huge_exp"] = "[-1e999]",
  ["number_pos_double_huge_exp"] = "[1e999]",
  ["number_real_neg_overflow"] = "[-1e999]",
  ["number_real_pos_overflow"] = "[1e999]",
  ["number_real_underflow"] = "[0.0]",
  -- Integers beyond 2^63: floats, rather than wrong integers.
  ["number_too_big_neg_int"] = "[-1.2312312312312312e+29]",
  ["number_too_big_pos_int"] = "[1e+20]",
  ["number_very_big_negative_int"] = "[-2.374623746732769e+47]",
  -- Half a surrogate pair: U+FFFD for each, and what follows it stays.
  ["object_key_lone_2nd_surrogate"] = '{"\239\191\189":0}',
  ["string_1st_surrogate_but_2nd_missing"] = '["\239\191\189"]',
  ["string_1st_valid_surrogate_2nd_invalid"] = '["\239\191\189\225\136\180"]',
  ["string_incomplete_surrogate_and_escape_valid"] = '["\239\191\189\\n"]',
  ["string_incomplete_surrogate_pair"] = '["\239\191\189a"]',
  ["string_incomplete_surrogates_escape_valid"] = '["\239\191\189\239\191\189\\n"]',
  ["string_invalid_lonely_surrogate"] = '["\239\191\189"]',
  ["string_invalid_surrogate"] = '["\239\191\189abc"]',
  ["string_inverted_surrogates_U+1D11E"] = '["\239\191\189\239\191\189"]',
  ["string_lone_second_surrogate"] = '["\239\191\189"]',
  -- Not UTF-8: refused, since nobody could write it back.
  ["string_UTF-16LE_with_BOM"] = false,
  ["string_UTF-8_invalid_sequence"] = false,
  ["string_UTF8_surrogate_U+D800"] = false,
  ["string_invalid_utf-8"] = false,
  ["string_iso_latin_1"] = false,
  ["string_lone_utf8_continuation_byte"] = false,
  ["string_not_in_unicode_range"] = false,
  ["string_overlong_sequence_2_bytes"] = false,
  ["string_overlong_sequence_6_bytes"] = false,
  ["string_overlong_sequence_6_bytes_null"] = false,
  ["string_truncated-utf-8"] = false,
  ["string_utf16BE_no_BOM"] = false,
  ["string_utf16LE_no_BOM"] = false,
  -- Beyond max_depth: a ceiling, not a fault of the document.
  ["structure_500_nested_arrays"] = false,
  -- A byte order mark at the very start is skipped.
  ["structure_UTF-8_BOM_empty_object"] = "{}",
}

-- Integers beyond 2^53 are strings where Lua has no integers.
if _VERSION < "Lua 5.3" then
  DECIDED.number_too_big_neg_int = '["-123123123123123123123123123123"]'
  DECIDED.number_too_big_pos_int = '["100000000000000000000"]'
  DECIDED.number_very_big_negative_int = '["-237462374673276894279832749832423479823246327846"]'
  DECIDED.number_double_huge_neg_exp, DECIDED.number_real_underflow = "[0]", "[0]"
end

-- Within another document there is no start to skip a mark at.
local DECIDED_WITHIN = setmetatable({["structure_UTF-8_BOM_empty_object"] = false}, {__index = DECIDED})

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function is_here() return lfs.attributes(folder, "mode") == "directory" end

-- The documents of one kind: list of {name, text}.
local function documents(kind)
  local found = {}
  for file in lfs.dir(folder) do
    local name = file:match("^" .. kind .. "_(.+)%.json$")
    if name then found[#found + 1] = {name, read(folder .. "/" .. file)} end
  end
  return found
end

-- The leads of a body fed in pieces, as JSON, or nil and the error.
local function leads(body, piece)
  local decoder, found = oc.decoder {nulls = "null"}, oc.array()
  for at = 1, #body, piece do
    local ok, err = decoder:feed(body:sub(at, at + piece - 1))
    if not ok then return nil, err end
    repeat
      local lead, fault = decoder:next()
      if fault then return nil, fault end
      found[#found + 1] = lead
    until not lead
  end
  local ok, err = decoder:finish()
  if not ok then return nil, err end
  return oc.encode(found)
end

local function decode(text)
  local value, err = oc.decode(text, {nulls = "null"})
  if err then return nil, err end
  return oc.encode(value)
end

local function within(text)
  local body = '[{"v":' .. text .. "}]"
  local whole, err = leads(body, #body)
  local cut, cut_err = leads(body, 1)
  assert.equal(whole, cut)
  assert.equal(err and err.message, cut_err and cut_err.message)
  return whole and whole:match('^%[{"v":(.*)}%]$'), err
end

local function wrong(kind, judge)
  local list, count = {}, 0
  for _, document in ipairs(documents(kind)) do
    local name, text = document[1], document[2]
    count = count + 1
    for _, reader in ipairs {decode, within} do
      local value, err = reader(text)
      if not judge(name, value, err, reader) then
        list[#list + 1] = ("%s_%s: %s"):format(kind, name, value or tostring(err))
      end
    end
  end
  return list, count
end

describe("JSON's own test suite", function()
  local function it_all(what, test)
    it(what, function()
      if not is_here() then return pending("no suite in " .. folder .. "; OC_JSON_SUITE names another place") end
      test()
    end)
  end

  it_all("has all y_ documents read", function()
    local list, count = wrong("y", function(_, value) return value ~= nil end)
    assert.same({}, list)
    assert.is_true(count >= 90)
  end)

  it_all("has all n_ documents refused, with an offset", function()
    local list, count = wrong("n", function(_, value, err)
      return value == nil and (err.kind == "json" or err.kind == "limit") and err.offset >= 0
    end)
    assert.same({}, list)
    assert.is_true(count >= 180)
  end)

  it_all("has all i_ documents decided", function()
    local list, count = wrong("i", function(name, value, _, reader)
      local decided = DECIDED
      if reader == within then decided = DECIDED_WITHIN end
      return decided[name] == (value or false)
    end)
    assert.same({}, list)
    assert.is_true(count >= 30)
  end)
end)

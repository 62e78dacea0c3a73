--- What postcodes look like, country by country: could this text be one?
--
-- Shapes only: whether a postcode is in use, or belongs to the town beside it, is not known here. Where customs
-- differ the lenient one counts, since a false alarm costs more than a miss.
--
-- Sources: ISO 3166-1 for the countries; for the shapes the postal code data of Unicode's CLDR (supplemental data,
-- postalCodeData), and where those are older than the country's present system, or silent, the addressing sheets of
-- the Universal Postal Union (Postal addressing systems), which also say where there are none.

local postcodes = {}

-- N is a digit, A a letter, X either. Blanks and hyphens may be left out or added, and the country's code may stand
-- before it (LV-1010). false: the country has none, none that everybody uses, or none that is known here.
local SHAPES = {
  AD = "NNN", AE = false, AF = "NNNN", AG = false, AI = "NNNN", AL = "NNNN", AM = "NNNN or NNNNNN", AO = false,
  AQ = false, AR = "NNNN or ANNNN or ANNNN AAA", AS = "NNNNN or NNNNN-NNNN", AT = "NNNN", AU = "NNNN", AW = false,
  AX = "NNNNN", AZ = "NNNN",
  BA = "NNNNN", BB = "NNNNN", BD = "NNNN", BE = "NNNN", BF = false, BG = "NNNN", BH = "NNN or NNNN", BI = false,
  BJ = false, BL = "NNNNN", BM = "AA NN or AA AA", BN = "AA NNNN", BO = false, BQ = false, BR = "NNNNN-NNN",
  BS = false, BT = "NNNNN", BV = false, BW = false, BY = "NNNNNN", BZ = false,
  CA = "ANA NAN", CC = "NNNN", CD = false, CF = false, CG = false, CH = "NNNN", CI = false, CK = "NNNN",
  CL = "NNN NNNN", CM = false, CN = "NNNNNN", CO = "NNNNNN", CR = "NNNNN or NNNN or NNN-NNNN", CU = "NNNNN",
  CV = "NNNN", CW = false, CX = "NNNN", CY = "NNNN or NNNNN", CZ = "NNN NN",
  DE = "NNNNN", DJ = false, DK = "NNNN", DM = false, DO = "NNNNN", DZ = "NNNNN",
  EC = "NNNNNN", EE = "NNNNN", EG = "NNNNN or NNNNNNN", EH = "NNNNN", ER = false, ES = "NNNNN", ET = "NNNN",
  FI = "NNNNN", FJ = false, FK = "AAAA NAA", FM = "NNNNN or NNNNN-NNNN", FO = "NNN", FR = "NNNNN",
  GA = false, GD = false, GE = "NNNN", GF = "NNNNN", GH = false, GI = "AANN NAA", GL = "NNNN", GM = false,
  GB = "AN NAA or ANN NAA or AAN NAA or AANN NAA or ANA NAA or AANA NAA or AAA NAA or AAAA N or AAAA NN or AAAA NNN"
    .. " or AAAA NNNN",
  GG = "AAN NAA or AANN NAA", GN = "NNN", GP = "NNNNN", GQ = false, GR = "NNN NN", GS = "AAAA NAA", GT = "NNNNN",
  GU = "NNNNN or NNNNN-NNNN", GW = "NNNN", GY = false,
  HK = false, HM = "NNNN", HN = "NNNNN or AANNNN", HR = "NNNNN", HT = "NNNN", HU = "NNNN",
  ID = "NNNNN", IE = "ANN XXXX or ANA XXXX", IL = "NNNNN or NNNNNNN", IM = "AAN NAA or AANN NAA", IN = "NNN NNN",
  IO = "AAAA NAA", IQ = "NNNNN", IR = "NNNNN-NNNNN", IS = "NNN", IT = "NNNNN",
  JE = "AAN NAA or AANN NAA", JM = false, JO = "NNNNN", JP = "NNN-NNNN",
  KE = "NNNNN", KG = "NNNNNN", KH = "NNNNN or NNNNNN", KI = false, KM = false, KN = false, KP = false,
  KR = "NNNNN or NNN-NNN", KW = "NNNNN", KY = "N-NNNN", KZ = "NNNNNN or ANNANAN",
  LA = "NNNNN", LB = "NNNN or NNNN NNNN", LC = "NN NNN", LI = "NNNN", LK = "NNNNN", LR = "NNNN", LS = "NNN",
  LT = "NNNNN", LU = "NNNN", LV = "NNNN", LY = false,
  MA = "NNNNN", MC = "NNNNN", MD = "NNNN", ME = "NNNNN", MF = "NNNNN", MG = "NNN", MH = "NNNNN or NNNNN-NNNN",
  MK = "NNNN", ML = false, MM = "NNNNN or NNNNNNN", MN = "NNNNN or NNNNNN", MO = false, MP = "NNNNN or NNNNN-NNNN",
  MQ = "NNNNN", MR = false, MS = "NNNN", MT = "AAA NNNN or AAA NNN or AAA NN", MU = "NNNNN or NNNAANNN",
  MV = "NNNNN", MW = false, MX = "NNNNN", MY = "NNNNN", MZ = "NNNN or NNNN-NN",
  NA = "NNNNN", NC = "NNNNN", NE = "NNNN", NF = "NNNN", NG = "NNNNNN", NI = "NNNNN or NNN-NNN-N", NL = "NNNN AA",
  NO = "NNNN", NP = "NNNNN", NR = false, NU = false, NZ = "NNNN",
  OM = "NNN",
  PA = "NNNN", PE = "NNNNN", PF = "NNNNN", PG = "NNN", PH = "NNNN", PK = "NNNNN", PL = "NN-NNN", PM = "NNNNN",
  PN = "AAAA NAA", PR = "NNNNN or NNNNN-NNNN", PS = false, PT = "NNNN-NNN or NNNN", PW = "NNNNN or NNNNN-NNNN",
  PY = "NNNN or NNNNNN",
  QA = false,
  RE = "NNNNN", RO = "NNNNNN", RS = "NNNNN or NNNNNN", RU = "NNNNNN", RW = false,
  SA = "NNNNN or NNNNN-NNNN", SB = false, SC = false, SD = "NNNNN", SE = "NNN NN", SG = "NNNNNN", SH = "AAAA NAA",
  SI = "NNNN", SJ = "NNNN", SK = "NNN NN", SL = false, SM = "NNNNN", SN = "NNNNN", SO = "NNNNN or AA NNNNN",
  SR = false, SS = false, ST = false, SV = "NNNN", SX = false, SY = false, SZ = "ANNN",
  TC = "AAAA NAA", TD = false, TF = false, TG = false, TH = "NNNNN", TJ = "NNNNNN", TK = false, TL = false,
  TM = "NNNNNN", TN = "NNNN", TO = false, TR = "NNNNN", TT = "NNNNNN", TV = false, TW = "NNN or NNNNN or NNNNNN",
  TZ = "NNNNN",
  UA = "NNNNN", UG = false, UM = false, US = "NNNNN or NNNNN-NNNN", UY = "NNNNN", UZ = "NNNNNN",
  VA = "NNNNN", VC = "NNNN", VE = "NNNN or NNNN-A", VG = "NNNN", VI = "NNNNN or NNNNN-NNNN", VN = "NNNNN or NNNNNN",
  VU = false,
  WF = "NNNNN", WS = false,
  XK = "NNNNN", -- Kosovo, which ISO leaves to users
  YE = false, YT = "NNNNN",
  ZA = "NNNN", ZM = "NNNNN", ZW = false,
}

-- Here postcodes exist, and many an address does without.
local SELDOM = "AF AI AM BB BH BT CC CK CL CO CR CU CV DO EC EG EH ET FK GE GN GS GT GW HM HN HT IO IQ IR JO KE KH KW "
  .. "KY LA LB LC LK LR LS MG MM MN MS MU MV MZ NA NE NG NI NP OM PA PE PG PK PN PY SD SH SN SO SV SZ TC TT TZ UY VC "
  .. "VE VG VN ZM"

-- Codes that come in place of ISO's.
local ALIASES = {UK = "GB", EL = "GR"}

-- What is written before a postcode, besides the country's code: D-12345.
local PREFIXES = {AT = "A", BE = "B", DE = "D", ES = "E", FI = "FIN", FR = "F", HU = "H", IT = "I", LI = "FL", LU = "L",
  MS = "MSR", NO = "N", PT = "P", SE = "S", SI = "SLO", OM = "PC"}

-- Digits of other scripts, and what stands for a blank, a hyphen or "postcode" in them.
local FOREIGN = {
  {"\239\188([\144-\153])", 144}, -- full width
  {"\217([\160-\169])", 160}, {"\219([\176-\185])", 176}, -- Arabic, Persian
}
local FOREIGN_MARKS = {"\194\160", "\227\128\128", "\227\128\146", "\226\128[\144-\149]", "\239\188\141"}

local classes = {N = "%d", A = "%u", X = "[%u%d]"}

-- The text without what may be left out.
local function bare(text)
  if text:find "[\128-\255]" then
    for _, digits in ipairs(FOREIGN) do
      text = text:gsub(digits[1], function(byte) return string.char(48 + byte:byte() - digits[2]) end)
    end
    for _, mark in ipairs(FOREIGN_MARKS) do text = text:gsub(mark, "") end
  end
  return (text:gsub("[%s-]", "")):upper()
end

local patterns, seldom = {}, {}

for code, shapes in pairs(SHAPES) do
  local list = {}
  for shape in ((shapes or "") .. " or "):gmatch "(.-) or " do
    if shape ~= "" then list[#list + 1] = "^" .. bare(shape):gsub("%u", classes) .. "$" end
  end
  patterns[code] = list
end
for code in SELDOM:gmatch "%u+" do seldom[code] = true end

--- A country's code for comparing: in capitals, aliases (UK, EL) as ISO has them. Whether it is one, `is_country` says.
---@param code string
---@return string
function postcodes.country(code)
  local upper = code:upper()
  return ALIASES[upper] or upper
end

--- Is it a code of ISO 3166-1 (alpha-2), an alias of one, or XK?
---@param code string
---@return boolean
function postcodes.is_country(code)
  return SHAPES[postcodes.country(code)] ~= nil
end

--- Does every address of the country have a postcode?
---@param code string
---@return boolean
function postcodes.expected(code)
  local country = postcodes.country(code)
  return SHAPES[country] and not seldom[country] or false
end

--- What postcodes of the country look like, N for a digit, A for a letter, X for either: "NNNNN or NNNNN-NNNN".
---@param code string
---@return string|nil   nil: it has none, or they are not known
function postcodes.shapes(code)
  return SHAPES[postcodes.country(code)] or nil
end

local function matches(list, text)
  for _, pattern in ipairs(list) do
    if text:find(pattern) then return true end
  end
  return false
end

--- Could the text be a postcode of the country?
---@param code string
---@param text string
---@return boolean   true also where nothing is known
function postcodes.possible(code, text)
  local country = postcodes.country(code)
  local list = patterns[country]
  if not list or #list == 0 then return true end
  text = bare(text)
  if matches(list, text) then return true end
  for _, prefix in ipairs {country, PREFIXES[country]} do
    if text:sub(1, #prefix) == prefix and matches(list, text:sub(#prefix + 1)) then return true end
  end
  return false
end

return postcodes

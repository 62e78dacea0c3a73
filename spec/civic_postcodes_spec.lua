-- Postcodes: what each country's look like, and what cannot be one.

local postcodes = require "oc.civic.postcodes"
local tree = require "support.tree"

local POSSIBLE = {
  ["the European Union"] = {AT = "1010", BE = "1000", BG = "1000", CY = "1010", CZ = "110 00", DE = "10115",
    DK = "1050", EE = "10111", ES = "28013", FI = "00100", FR = "75001", GR = "104 31", HR = "10000", HU = "1051",
    IE = "D02 X285", IT = "00184", LT = "01100", LU = "1009", LV = "1010", MT = "VLT 1117", NL = "1012 AB",
    PL = "00-950", PT = "1000-205", RO = "010011", SE = "111 20", SI = "1000", SK = "811 01"},
  ["the rest of Europe"] = {AD = "AD500", AL = "1001", AX = "22100", BA = "71000", BY = "220030", CH = "8001",
    FO = "100", GB = "SW1A 1AA", GG = "GY1 1AA", GI = "GX11 1AA", IM = "IM1 1AA", IS = "101", JE = "JE2 3AB",
    LI = "9490", MC = "98000", MD = "MD-2012", ME = "81000", MK = "1000", NO = "0150", RS = "11000", RU = "101000",
    SM = "47890", TR = "34110", UA = "01001", VA = "00120", XK = "10000"},
  ["the Americas"] = {AR = "C1425CLA", BR = "01310-100", CA = "K1A 0B1", CL = "8320000", CO = "110111", CR = "10101",
    MX = "06000", PE = "15001", PR = "00901", US = "20500-0003", UY = "11000", VE = "1010", PY = "1209", EC = "170150"},
  ["Asia and the Pacific"] = {AM = "0010", AU = "2000", AZ = "AZ1000", BD = "1000", BN = "BS8811", CN = "100000",
    GE = "0105", ID = "10110", IL = "6357704", IN = "110 001", IR = "11369-13311", JO = "11118", JP = "100-0001",
    KR = "03051", KZ = "010000", LB = "1107 2810", LK = "00100", MY = "50000", NP = "44600", NZ = "6011", PH = "1000",
    PK = "44000", SA = "11564-1234", SG = "018956", TH = "10200", TW = "100", UZ = "100000", VN = "100000"},
  Africa = {DZ = "16000", EG = "11511", ET = "1000", KE = "00100", MA = "10000", MU = "11328", NG = "100001",
    SN = "10200", SZ = "H100", TN = "1000", TZ = "11101", ZA = "0001", ZM = "10101"},
}

local IMPOSSIBLE = {
  AT = {"101", "10100", "A"}, AU = {"200", "20000", "NSW"}, BR = {"0131010", "SP"}, CA = {"K1A", "11A 0B1"},
  CH = {"801"}, CZ = {"1100"}, DE = {"1011", "101155", "Berlin"}, ES = {"2801"}, FR = {"7500", "750011"},
  GB = {"SW1A", "SW1A 1A", "12345", "SW1A 11A"}, IE = {"D02", "12345"}, IL = {"26", "84", "60", "72", "123456"},
  IN = {"11000"}, IT = {"0018"}, JP = {"100-001"}, KR = {"0305"}, MT = {"1117"}, MX = {"600"}, NL = {"1322", "AB 1012"},
  NZ = {"601"}, PL = {"0095"}, PT = {"1000-20"}, SE = {"1112"}, SG = {"01895"}, TR = {"3411"}, UA = {"0100"},
  US = {"2050", "205000", "20500-003", "AR"}, ZA = {"00011"},
}

describe("postcodes", function()
  for group, examples in pairs(POSSIBLE) do
    it("may be what they are in " .. group, function()
      for code, text in pairs(examples) do
        assert.is_true(postcodes.possible(code, text), code .. ": " .. text)
        assert.is_true(postcodes.possible(code:lower(), (text:gsub("[ -]", "")):lower()), code .. ": " .. text)
        if not text:find("^" .. code) then
          assert.is_true(postcodes.possible(code, code .. "-" .. text), code .. "-" .. text)
        end
        assert.is_string(postcodes.shapes(code))
      end
    end)
  end

  it("cannot be what they are nowhere in the country", function()
    for code, texts in pairs(IMPOSSIBLE) do
      for _, text in ipairs(texts) do assert.is_false(postcodes.possible(code, text), code .. ": " .. text) end
    end
  end)

  it("have other forms by custom", function()
    for _, pair in ipairs {{"DE", "D-10115"}, {"AT", "A-1010"}, {"FI", "FIN-00100"}, {"SE", "S-111 20"},
      {"LU", "L - 1009"}, {"US", "20500"}, {"IL", "63577"}, {"IL", "6357 704"}, {"KR", "110-043"}, {"PT", "1000"},
      {"GB", "M1 1AE"}, {"GB", "B33 8TH"}, {"GB", "CR2 6XH"}, {"GB", "DN55 1PT"}, {"GB", "W1A 0AX"},
      {"GB", "EC1A1BB"}, {"GB", "GIR 0AA"}, {"GB", "BFPO 57"}, {"IE", "D6W AB12"}, {"KZ", "A10A5T4"},
      {"JP", "〒１００－０００１"},
      {"EG", "١١٥١١"},
      {"FR", "75\194\160001"}} do
      assert.is_true(postcodes.possible(pair[1], pair[2]), pair[1] .. ": " .. pair[2])
    end
  end)

  it("may be anything where there are none, or nothing is known", function()
    for _, code in ipairs {"AE", "HK", "QA", "BW", "ZZ", "USA", ""} do
      assert.is_true(postcodes.possible(code, "00000"))
      assert.is_nil(postcodes.shapes(code))
      assert.is_false(postcodes.expected(code))
    end
  end)

  it("are expected where everybody has one", function()
    for _, code in ipairs {"IL", "US", "GB", "UK", "de", "EL"} do assert.is_true(postcodes.expected(code), code) end
    for _, code in ipairs {"CL", "LB", "PE", "AE"} do assert.is_false(postcodes.expected(code), code) end
  end)

  it("of UK and EL are those of GB and GR", function()
    assert.equal("GB", postcodes.country "uk")
    assert.equal("GR", postcodes.country "EL")
    assert.is_true(postcodes.possible("UK", "SW1A 1AA"))
    assert.is_false(postcodes.possible("UK", "12345"))
    assert.is_true(postcodes.possible("EL", "104 31"))
    assert.is_true(postcodes.is_country "UK")
  end)

  it("know all of ISO 3166-1, and most of the shapes", function()
    local countries, shapes = 0, 0
    for code in tree.read("lua/oc/civic/postcodes.lua"):match("local SHAPES = (%b{})"):gmatch "%f[%w](%u%u) = " do
      assert.is_true(postcodes.is_country(code), code)
      countries = countries + 1
      if postcodes.shapes(code) then shapes = shapes + 1 end
    end
    assert.equal(249 + 1, countries) -- and XK
    assert.is_true(shapes >= 150)
    for _, code in ipairs {"UK", "AA", "ZZ", "EU", "IL "} do
      assert.equal(code == "UK", postcodes.is_country(code))
    end
  end)

  it("bear any text", function()
    for _, text in ipairs {"", " ", ("9"):rep(100000), "\0\1\255", "%d+", "[", "-"} do
      assert.is_boolean(postcodes.possible("US", text))
    end
  end)
end)

-- The words generated leads are made of: places, people, names, sizes. All invented, all at example.com.
-- Holds data only. Every string is a piece of JSON string text already: escaped, without its quotes.

local pools = {}

-- A prime number of them, so that any stride visits all.
pools.countries = {
  "IL", "US", "NL", "GB", "DE", "FR", "RO", "AU", "CA", "JP", "IN", "BR",
  "ES", "IT", "SE", "PL", "CH", "SG", "ZA", "UK", "BG", "AX", "DZ",
}

pools.sizes = {
  '"L1_U1"', '"L2_U4"', '"L25_U49"', '"L50_U249"', '"L250_U999"', '"L1000_U2999"', '"L3000_UInfinity"', "null",
}

pools.first_names = {
  "Dana", "Eli", "Femi", "Golan", "Hana", "Roy", "Gila", "Roi", "Gad", "Rivka", "Ana", "Bruno", "Chen", "Yuki", "Olu",
  "Petra",
}

pools.last_names = {
  "Levi", "Cohen", "Ade", "Katz", "Rao", "Peer", "Mor", "Demo", "Shem", "Tal", "Silva", "Novak", "Wei", "Sato", "Berg",
  "Klein",
}

pools.companies = {
  "Contoso", "Contoso Corp", "Fabrikam", "FabrikamOC", "Contoso US M365", "ai0logics", "Adventure Works",
  "Northwind Traders", "Tailspin Toys", "Wingtip", "Litware, Inc.", "Proseware", "qa-int-Golan&-!",
  "Trnkpck-es-cust!@#$%^&*()_+TestLongName", "Graphic \\\"Design\\\" Institute",
  "C:\\\\Lucerne\\\\Publishing",
  "Caf\195\169 Z\195\188rich S\195\160rl", "\215\151\215\145\215\168\215\170 \215\147\215\149\215\146\215\158\215\148",
  "\230\160\170\229\188\143\228\188\154\231\164\190\227\130\181\227\131\179\227\131\151\227\131\171",
  "\229\140\151\228\186\172\231\164\186\228\190\139", "Fourth Coffee \240\159\143\162", "Sm\\u00f8rrebr\\u00f8d ApS",
  "Building \\ud83c\\udfe2 Group", "Alpine Ski House\\t& Co", "Blue Yonder / Airlines", "Munson's Pickles",
}

pools.descriptions = {
  "Emergency1", "Head office", "check", "IL-Emergency", "HQ", "Branch \\\"North\\\"", "Warehouse & yard", "2nd site",
}

pools.additional_info = { '"1st floor"', '"Reception"', '"Room 204, east"', '"\215\167\215\149\215\158\215\148 3"' }

pools.validation_statuses = {
  "Validated", "Validated", "Validated", "Validated", "Validated", "Validated", "Validated", "NotValidated",
  "notValidated", "Invalid",
}

pools.extra_keys = {
  ',"teamsDomain":"contoso.example.com"',
  ',"migration":{"wave":3,"done":false,"notes":[]}',
  ',"labels":["vip","pilot"]',
  ',"score":0.75',
}

-- country, street, suffix, state, city, start of the postcode, whether two digits follow it
local PLACES = {
  { "IL", "Habarzel", "Street", "Tel Aviv District", "Tel aviv", "63577", true },
  { "IL", "Hayarden", "Street", "Central District", "Ramle", "72103", true },
  { "IL", "Shitrit", "Street", "Haifa District", "Haifa", "26110", true },
  { "IL", "\215\148\215\168\215\166\215\156", "", "Southern District", "Beer Sheva", "84200", true },
  { "US", "Rocky", "Road", "OH", "Springfield", "455", true },
  { "US", "Main", "Street", "AR", "Departee", "720", true },
  { "US", "Evergreen", "Terrace", "OR", "Portland", "972", true },
  { "NL", "Versterkerstraat", "", "Flevoland", "Almere", "13", true },
  { "NL", "Keizersgracht", "", "Noord-Holland", "Amsterdam", "10", true },
  { "GB", "Baker", "Street", "", "London", "NW1 6XE", false },
  { "DE", "Hauptstra\195\159e", "", "Bayern", "M\195\188nchen", "803", true },
  { "FR", "Rue de l'\195\137glise", "", "\195\142le-de-France", "Paris", "750", true },
  { "RO", "Strada Aviatorilor", "", "Bucure\200\153ti", "Bucure\200\153ti", "0118", true },
  { "AU", "George", "Street", "NSW", "Sydney", "20", true },
  { "CA", "Queen", "Street", "ON", "Toronto", "M5H 2N2", false },
  { "JP", "\228\184\184\227\129\174\229\134\133", "", "\230\157\177\228\186\172\233\131\189",
    "\229\141\131\228\187\163\231\148\176\229\140\186", "100-00", true },
  { "IN", "MG", "Road", "Karnataka", "Bengaluru", "5600", true },
  { "BR", "Rua S\195\163o Bento", "", "SP", "S\195\163o Paulo", "010110", true },
  { "ES", "Calle Mayor", "", "Madrid", "Madrid", "280", true },
  { "IT", "Via Roma", "", "Lazio", "Roma", "001", true },
  { "SE", "Storgatan", "", "Stockholms l\195\164n", "Stockholm", "111", true },
  { "PL", "ulica D\197\130uga", "", "Mazowieckie", "Warszawa", "00-2", true },
  { "CH", "Bahnhofstrasse", "", "ZH", "Z\195\188rich", "80", true },
  { "SG", "Orchard", "Road", "", "Singapore", "2388", true },
}

--- Latitude and longitude of some place in each of their countries, in ten-thousandths of a degree.
pools.coordinates = {
  IL = { 319000, 348500 }, US = { 399242, -838088 }, NL = { 523508, 52647 }, GB = { 515237, -1585 },
  DE = { 481351, 115820 }, FR = { 488566, 23522 }, RO = { 444268, 261025 }, AU = { -338688, 1511500 },
  CA = { 436532, -793832 }, JP = { 356940, 1397536 }, IN = { 129716, 775946 }, BR = { -235505, -466333 },
  ES = { 404168, -37038 }, IT = { 419028, 124964 }, SE = { 593293, 180686 }, PL = { 522297, 210122 },
  CH = { 473769, 85417 }, SG = { 13521, 1038198 },
}

local function place(row)
  return {
    country = row[1], street = row[2], suffix = row[3], state = row[4], city = row[5],
    postcode = row[6], postcode_digits = row[7],
  }
end

pools.places = {}
pools.places_in = {}
for i, row in ipairs(PLACES) do
  local it = place(row)
  pools.places[i] = it
  local same_country = pools.places_in[it.country] or {}
  same_country[#same_country + 1] = it
  pools.places_in[it.country] = same_country
end

return pools

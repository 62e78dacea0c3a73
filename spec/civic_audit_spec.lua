-- The audit: each rule over a lead that trips it and one that does not, nulls everywhere, rules of one's own.

local audit = require "oc.civic.audit"
local command_line = require "support.command"
local oc = require "oc"
local rules = require "oc.civic.rules"

local NULL = oc.null

-- An active lead with nothing wrong with it. change: function(lead, address), before it is audited.
local function good_lead(change)
  local address = {
    id = "A1", country = "IL", houseNumber = "4", houseNumberSuffix = "", preDirectional = "", streetName = "Mapo",
    streetSuffix = "", postDirectional = "", stateOrProvince = "", countyOrDistrict = "", cityOrTown = "Tel Aviv",
    postalOrZipCode = "6357704", defaultLocationId = "L1", validationStatus = "Validated", tenantId = "T1",
    locations = {
      {id = "L1", civicAddressId = "A1", isDefault = "true"},
      {id = "L2", civicAddressId = "A1", isDefault = "false"},
    },
  }
  local lead = {id = "1", tenantId = "T1", status = "Active", consentedCountries = {"IL"}, civicAddresses = {address}}
  if change then change(lead, address) end
  return lead
end

-- Another address, in a lead.
local function add(lead, fields)
  local address = good_lead().civicAddresses[1]
  address.id, address.defaultLocationId, address.locations = "A9", "L9", {{id = "L9", isDefault = true}}
  for name, value in pairs(fields) do address[name] = value end
  lead.civicAddresses[#lead.civicAddresses + 1] = address
end

local function found(lead, options)
  local list = {}
  for i, finding in ipairs(audit(lead, options)) do list[i] = finding.rule .. " " .. finding.path end
  return table.concat(list, "; ")
end

-- Each: what a lead is changed to, and what is found then; "": nothing.
local function set(field, value) return function(_, address) address[field] = value end end
local function on_lead(field, value) return function(lead) lead[field] = value end end

local CASES = {
  ["addresses-unknown"] = {
    {on_lead("civicAddresses", nil), "addresses-unknown civicAddresses"},
    {on_lead("civicAddresses", NULL), "addresses-unknown civicAddresses"},
    {function(lead) lead.civicAddresses, lead.status = NULL, " ACTIVE" end, "addresses-unknown civicAddresses"},
    {function(lead) lead.civicAddresses, lead.status = NULL, "Removed" end, ""},
    {function(lead) lead.civicAddresses, lead.status = NULL, NULL end, ""},
  },
  ["addresses-none"] = {
    {on_lead("civicAddresses", oc.array {}), "addresses-none civicAddresses"},
    {on_lead("civicAddresses", {}), "addresses-none civicAddresses"},
    {function(lead) lead.civicAddresses, lead.status = {}, "Suspended" end, ""},
  },
  ["country-uncovered"] = {
    {on_lead("consentedCountries", {"IL", "NL", "nl", "US"}),
      "country-uncovered consentedCountries[2]; country-uncovered consentedCountries[4]"},
    {function(lead) lead.status, lead.consentedCountries = "Removed", {"IL", "NL"} end, ""},
    {function(lead, address)
      address.country, address.postalOrZipCode, lead.consentedCountries = "GB", "SW1A 1AA", {"UK"}
    end, ""},
    {function(lead, address)
      address.country, address.postalOrZipCode, lead.consentedCountries = "GR", "104 31", {"EL"}
    end, ""},
    {on_lead("consentedCountries", {"il", NULL, "", 7.5}), "country-uncovered consentedCountries[4]"},
  },
  ["address-duplicate"] = {
    {function(lead) add(lead, {streetName = " mapo ", country = "il"}) end, "address-duplicate civicAddresses[2]"},
    {function(lead) add(lead, {houseNumber = "5"}) end, ""},
    {function(lead) lead.civicAddresses[2] = NULL end, ""},
  },
  ["not-validated"] = {
    {set("validationStatus", "notValidated"), "not-validated civicAddresses[1].validationStatus"},
    {set("validationStatus", "Invalid"), "not-validated civicAddresses[1].validationStatus"},
    {set("validationStatus", NULL), "not-validated civicAddresses[1].validationStatus"},
    {set("validationStatus", "VALIDATED"), ""}, {set("validationStatus", "Valid"), ""},
  },
  ["country-missing"] = {
    {function(lead, address) address.country, lead.consentedCountries = "", nil end,
      "country-missing civicAddresses[1].country"},
    {function(lead, address) address.country, lead.consentedCountries = NULL, {} end,
      "country-missing civicAddresses[1].country"},
  },
  ["country-unknown"] = {
    {function(lead, address) address.country, lead.consentedCountries = "ZZ", {"ZZ"} end,
      "country-unknown civicAddresses[1].country"},
    {function(lead, address) address.country, lead.consentedCountries = "Israel", {} end,
      "country-unknown civicAddresses[1].country"},
    {set("country", " il "), ""},
  },
  ["country-not-consented"] = {
    {function(lead) add(lead, {country = "NL", postalOrZipCode = "1012 AB"}) end,
      "country-not-consented civicAddresses[2].country"},
    {function(lead) lead.consentedCountries = {} end, ""}, {function(lead) lead.consentedCountries = NULL end, ""},
    {function(lead) lead.consentedCountries = {NULL} end, ""},
  },
  ["city-missing"] = {{set("cityOrTown", " "), "city-missing civicAddresses[1].cityOrTown"}},
  ["street-missing"] = {{set("streetName", NULL), "street-missing civicAddresses[1].streetName"}},
  ["house-number-missing"] = {
    {set("houseNumber", ""), "house-number-missing civicAddresses[1].houseNumber"}, {set("houseNumber", 4), ""},
  },
  ["street-repeated"] = {
    {set("streetSuffix", " MAPO"), "street-repeated civicAddresses[1].streetSuffix"}, {set("streetSuffix", "St"), ""},
  },
  ["county-is-country"] = {
    {set("countyOrDistrict", "il"), "county-is-country civicAddresses[1].countyOrDistrict"},
    {set("countyOrDistrict", "Tel Aviv"), ""},
    {function(lead, address)
      address.country, address.postalOrZipCode, address.countyOrDistrict = "GB", "SW1A 1AA", "UK"
      lead.consentedCountries = {"GB"}
    end, "county-is-country civicAddresses[1].countyOrDistrict"},
  },
  ["postcode-missing"] = {
    {set("postalOrZipCode", ""), "postcode-missing civicAddresses[1].postalOrZipCode"},
    {set("postalOrZipCode", NULL), "postcode-missing civicAddresses[1].postalOrZipCode"},
    {function(lead, address)
      address.country, address.postalOrZipCode, lead.consentedCountries = "AE", "", {"AE"}
    end, ""},
  },
  ["postcode-impossible"] = {
    {set("postalOrZipCode", "26"), "postcode-impossible civicAddresses[1].postalOrZipCode"},
    {set("postalOrZipCode", "63577"), ""}, {set("postalOrZipCode", 6357704), ""},
    {function(lead, address)
      address.country, address.postalOrZipCode, lead.consentedCountries = "UK", "12345", {"GB"}
    end, "postcode-impossible civicAddresses[1].postalOrZipCode"},
  },
  ["tenant-mismatch"] = {
    {set("tenantId", "T2"), "tenant-mismatch civicAddresses[1].tenantId"},
    {set("tenantId", "t1"), ""}, {set("tenantId", NULL), ""}, {on_lead("tenantId", NULL), ""},
  },
  ["default-location-missing"] = {
    {set("defaultLocationId", ""), "default-location-missing civicAddresses[1].defaultLocationId"},
    {function(_, address) address.defaultLocationId, address.locations = NULL, NULL end,
      "default-location-missing civicAddresses[1].defaultLocationId"},
    {function(_, address) address.locations = {} end, "default-location-missing civicAddresses[1].defaultLocationId"},
    {function(_, address) address.locations = NULL end, ""}, -- not known, so not to be judged
    {set("defaultLocationId", "l1"), ""},
  },
  ["default-location-several"] = {
    {function(_, address) address.locations[2].isDefault = true end,
      "default-location-several civicAddresses[1].locations[2].isDefault"},
    {function(_, address) address.locations[2].isDefault = NULL end, ""},
  },
  ["default-location-unflagged"] = {
    {function(_, address) address.locations[1].isDefault = "False" end,
      "default-location-unflagged civicAddresses[1].locations"},
    {function(_, address) address.locations[1].isDefault = "TRUE" end, ""},
  },
  ["default-location-disagrees"] = {
    {set("defaultLocationId", "L2"), "default-location-disagrees civicAddresses[1].locations[1].isDefault"},
  },
  ["location-foreign"] = {
    {function(_, address) address.locations[2].civicAddressId = "A2" end,
      "location-foreign civicAddresses[1].locations[2].civicAddressId"},
    {function(_, address) address.locations[2].civicAddressId = NULL end, ""}, {set("id", NULL), ""},
  },
}

describe("oc.civic.audit", function()
  for _, rule in ipairs(rules.builtin) do
    it("knows " .. rule.id, function()
      assert.is_table(CASES[rule.id], "no case for it")
      assert.equal("", found(good_lead()))
      local tripped, spared = false, false
      for i, case in ipairs(CASES[rule.id]) do
        assert.equal(case[2], found(good_lead(case[1])), ("case %d"):format(i))
        tripped, spared = tripped or case[2] ~= "", true
      end
      assert.is_true(tripped and spared)
    end)
  end

  it("has no case for a rule that is not there", function()
    local n = 0
    for _ in pairs(CASES) do n = n + 1 end
    assert.equal(#rules.builtin, n)
    assert.is_nil(rules.fault(rules.builtin))
  end)

  it("gives the rule's severity, and messages that say what and what to do", function()
    local finding = audit(good_lead(set("postalOrZipCode", "26")))[1]
    assert.same({rule = "postcode-impossible", severity = "error", path = "civicAddresses[1].postalOrZipCode",
      message = "a postcode of the form NN; those of IL are NNNNN or NNNNNNN (N digit): "
        .. "the customer corrects it in the Teams admin center"}, finding)
    local gb = audit(good_lead(function(lead, address)
      address.country, address.postalOrZipCode, lead.consentedCountries = "GB", "Dana, 4", {"GB"}
    end))[1]
    assert.equal("a postcode of the form AAAA, N; those of GB are AN NAA, ANN NAA, AAN NAA and the like "
      .. "(N digit, A letter): the customer corrects it in the Teams admin center", gb.message)
  end)

  it("says nothing of the data in its messages", function()
    local secret = "Dana Levi 0541234567"
    local lead = good_lead(function(lead, address)
      for name in pairs(address) do if name ~= "locations" then address[name] = secret end end
      address.postalOrZipCode, address.country = secret, secret
      lead.consentedCountries, lead.tenantId = {"IL", secret}, "T1"
      add(lead, {postalOrZipCode = secret})
    end)
    local findings = audit(lead)
    assert.is_true(#findings > 5)
    for _, finding in ipairs(findings) do
      assert.is_nil(finding.message:find "[Dd]ana", finding.message)
      assert.is_nil(finding.message:find "1234", finding.message)
    end
  end)

  it("goes on when a rule raises, and keeps what that had reported", function()
    local broken = {
      {id = "broken", severity = "info", of = "address", text = "x", check = function(_, _, report)
        report("before", "country")
        error "dana@example.com: boom"
      end},
      {id = "broken-lead", severity = "info", of = "lead", text = "x", check = function() error({}) end},
      {id = "wrong-report", severity = "info", of = "lead", text = "x", check = function(_, _, report) report(7) end},
      {id = "odd", severity = "info", of = "lead", text = "x",
        check = function() error(setmetatable({}, {__tostring = function() error "again" end})) end},
    }
    local findings = audit(good_lead(set("cityOrTown", "")), {extra = broken})
    local by_rule = {}
    for _, finding in ipairs(findings) do by_rule[finding.rule] = finding end
    assert.equal(6, #findings)
    assert.equal("error", by_rule.broken.severity)
    assert.equal("civicAddresses[1]", by_rule.broken.path)
    assert.matches("^the rule itself failed, and has to be repaired: .*civic_audit_spec.lua:%d+: .*boom",
      by_rule.broken.message)
    assert.is_nil(by_rule.broken.message:find("dana@", 1, true))
    assert.equal("", by_rule["broken-lead"].path)
    assert.matches("a message expected, got number", by_rule["wrong-report"].message)
    assert.matches("raised what is no text", by_rule.odd.message)
    assert.is_table(by_rule["city-missing"])
    assert.has_error(function()
      audit(good_lead(), {rules = {{id = "x", severity = "info", of = "lead", text = "x",
        check = function() error("not enough memory", 0) end}}})
    end, "not enough memory")
  end)

  it("takes rules, extra rules, ids to skip and a least severity", function()
    local only = {id = "only", severity = "info", of = "lead", text = "x",
      check = function(lead, again, report)
        assert(lead == again)
        report("seen", "status")
        report "here"
      end}
    local trouble = good_lead(function(_, address)
      address.cityOrTown, address.houseNumber = "", ""
    end)
    assert.equal("only status; only ", found(trouble, {rules = {only}}))
    assert.equal("only status; only ; city-missing civicAddresses[1].cityOrTown; "
      .. "house-number-missing civicAddresses[1].houseNumber", found(trouble, {extra = {only}}))
    assert.equal("city-missing civicAddresses[1].cityOrTown", found(trouble, {skip = {"house-number-missing"}}))
    assert.equal("city-missing civicAddresses[1].cityOrTown", found(trouble, {severity = "error", extra = {only}}))
    local other = {id = "city-missing", severity = "info", of = "address", text = "x", check = function() end}
    assert.equal("house-number-missing civicAddresses[1].houseNumber", found(trouble, {extra = {other}}))
    local with = audit.with {skip = {"house-number-missing"}}
    assert.equal(1, #with(trouble))
    assert.equal(0, #with(good_lead()))
    assert.equal(#rules.builtin, #audit.rules())
  end)

  it("asks a rule of some countries in those alone", function()
    local british = {id = "british", severity = "info", of = "address", text = "x", countries = {"UK", "IE"},
      check = function(_, _, report) report "x" end}
    assert.equal("", found(good_lead(), {rules = {british}}))
    assert.equal("british civicAddresses[1]", found(good_lead(set("country", "gb")), {rules = {british}}))
    assert.equal("", found(good_lead(set("country", NULL)), {rules = {british}}))
  end)

  it("raises for wrong options, at the caller", function()
    local function raises(text, options)
      for _, call in ipairs {function() audit(good_lead(), options) end, function() audit.with(options) end} do
        local ok, raised = pcall(call)
        assert.is_false(ok)
        assert.equal(text, (raised:gsub("^.*civic_audit_spec%.lua:%d+: ", "")))
        assert.matches("civic_audit_spec%.lua:%d+: ", raised)
      end
    end
    raises("oc.civic.audit: unknown option 'skips'", {skips = {}})
    raises("oc.civic.audit: option 'skip': there is no rule 'x'", {skip = {"x"}})
    raises("oc.civic.audit: option 'severity': one of error, warning, info expected, got \"bad\"", {severity = "bad"})
    raises("oc.civic.audit: option 'rules': rule 1: a table expected, got number", {rules = {7}})
    for _, lead in ipairs {"x", NULL, 7} do
      assert.has_error(function() audit(lead) end)
      assert.has_error(function() audit.with()(lead) end)
    end
  end)

  it("finds the same whatever nulls are, in the sample leads", function()
    local text = command_line.read_file(command_line.root .. "/spec/fixtures/leads-sample.json")
    local counts = {}
    local plain, nulls = oc.decode(text), oc.decode(text, {nulls = "null"})
    for i, lead in ipairs(plain) do
      assert.same(audit(lead), audit(nulls[i]))
      for _, finding in ipairs(audit(lead)) do counts[finding.rule] = (counts[finding.rule] or 0) + 1 end
    end
    assert.same({["addresses-none"] = 1, ["country-not-consented"] = 3, ["country-uncovered"] = 6,
      ["county-is-country"] = 2, ["postcode-impossible"] = 5, ["street-repeated"] = 1}, counts)
  end)

  it("bears nulls in every place", function()
    local function holes(value, at)
      local list = {}
      for name, inner in pairs(value) do
        for _, empty in ipairs {NULL, "", oc.array {}, {}, true, 0, "x"} do
          list[#list + 1] = function() value[name] = empty return function() value[name] = inner end end
        end
        list[#list + 1] = function() value[name] = nil return function() value[name] = inner end end
        if type(inner) == "table" and at < 5 then
          for _, hole in ipairs(holes(inner, at + 1)) do list[#list + 1] = hole end
        end
      end
      return list
    end
    local lead = good_lead()
    local all = holes(lead, 1)
    assert.is_true(#all > 200)
    for _, hole in ipairs(all) do
      local back = hole()
      for _, finding in ipairs(audit(lead)) do assert.is_nil(finding.message:find("rule itself", 1, true)) end
      back()
    end
    assert.equal("", found(lead))
  end)

  it("never raises, whatever a lead holds", function()
    local state = 7
    local function chance(n)
      state = (state * 16807) % 2147483647
      return state % n + 1
    end
    local names = {"civicAddresses", "consentedCountries", "status", "tenantId", "country", "locations", "isDefault",
      "defaultLocationId", "postalOrZipCode", "id", "civicAddressId", "streetName", "countyOrDistrict", 1, 2, 3}
    local texts = {"IL", "Active", "", "true", "26", "T1", "\0", ("x"):rep(300), "%d[", "UK"}
    local function any(depth)
      local kind = chance(depth > 5 and 4 or 8)
      if kind == 1 then return NULL end
      if kind == 2 then return texts[chance(#texts)] end
      if kind == 3 then return chance(2) == 1 end
      if kind == 4 then return ({0, -1, 0.5, 1 / 0, 0 / 0})[chance(5)] end
      local made = {}
      for _ = 1, chance(6) - 1 do made[names[chance(#names)]] = any(depth + 1) end
      return made
    end
    for _ = 1, 3000 do
      local lead = {status = "active"}
      for _, name in ipairs(names) do if chance(2) == 1 then lead[name] = any(1) end end
      for _, finding in ipairs(audit(lead)) do
        assert.is_nil(finding.message:find("rule itself", 1, true), finding.message)
      end
    end
  end)
end)

describe("oc.civic.rules", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function load_text(text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    local list, err = rules.load(path)
    if list then return list end
    assert.is_true(oc.is_error(err))
    assert.equal("options", err.kind)
    return nil, (err.message:gsub(path:gsub("%p", "%%%0"), "FILE"))
  end

  it("load reads a file", function()
    local list = load_text [[#!/usr/bin/lua
      return {{id = "a", severity = "info", of = "lead", text = "t", check = function() end}}]]
    assert.equal("a", list[1].id)
    assert.same({}, load_text "return {}")
  end)

  it("load refuses what is no list of rules, and says where", function()
    local function says(pattern, source)
      local list, message = load_text(source)
      assert.is_nil(list)
      assert.matches("^cannot read rules: FILE:" .. pattern, message)
    end
    says("2: ", "return {\n}}")
    says("2: no such thing", "\nerror 'no such thing'")
    says(" it raised no text", "error {}")
    says(" a list of rules expected, got nil", "local x = 1")
    says(" a list of rules expected, and it has the key 'id'", "return {id = 1}")
    says(" Lua text expected, not compiled code", "\27Lua")
    says(" rule 1: a table expected, got number", "return {1}")
    local function rule(fields)
      return "local rule = {\nid = 'a', severity = 'info', of = 'lead', text = 't', check =\nfunction() end}\n"
        .. "for name, value in pairs {" .. fields .. "} do rule[name] = value end return {rule}"
    end
    says("3: rule 1 %(a%): severity: one of error, warning, info expected, got 'fatal'", rule "severity = 'fatal'")
    says("3: rule 1 %(a%): of: one of lead, address expected, got 'page'", rule "of = 'page'")
    says("3: rule 1 %(A b%): id: small letters, digits and hyphens expected", rule "id = 'A b'")
    says("3: rule 1 %(a%): text: one line expected", rule "text = 'a\\nb'")
    says("3: rule 1 %(a%): text: a string expected, got number", rule "text = 7")
    says(" rule 1 %(a%): check: a function expected, got number", rule "check = 7")
    says("3: rule 1 %(a%): unknown field 'sevrity'", rule "sevrity = 'info'")
    says("3: rule 1 %(a%): countries: only for rules of an address", rule "countries = {'IL'}")
    says("3: rule 1 %(a%): countries: a list of codes expected", rule "of = 'address', countries = 'IL'")
    says("3: rule 1 %(a%): countries: %[1%]: a code of ISO 3166 such as IL expected, got 'ISR'",
      rule "of = 'address', countries = {'ISR'}")
    says("1: rule 2 %(a%): rule 1 has the same id",
      "local r = {id = 'a', severity = 'info', of = 'lead', text = 't', check = function() end} return {r, r}")
    os.remove(path)
    local list, err = rules.load(path)
    assert.is_nil(list)
    assert.equal("options", err.kind)
    assert.matches("No such file", err.message)
    list, err = rules.load "."
    assert.is_nil(list)
    assert.matches("^cannot read rules: %.: ", err.message)
  end)

  it("give what rules need to bear nulls", function()
    assert.equal("a b", rules.text " a b ")
    assert.equal("4", rules.text(4))
    for _, value in ipairs {NULL, "", " ", {}, true} do assert.is_nil(rules.text(value)) end
    assert.is_nil(rules.text(nil))
    assert.same({}, rules.list(NULL))
    assert.same({1}, rules.list {1})
    assert.equal("GB", rules.country " uk")
    assert.is_nil(rules.country(NULL))
    assert.is_true(rules.is_active {status = "ACTIVE"})
    assert.is_false(rules.is_active {status = NULL})
  end)

  it("extend leaves the lists as they were", function()
    local function named(id) return {id = id} end
    local base, more = {named "a", named "b"}, {named "b", named "c"}
    local made = rules.extend(base, more)
    assert.same({"a", "b", "c"}, {made[1].id, made[2].id, made[3].id})
    assert.equal(more[1], made[2])
    assert.equal(2, #base)
  end)
end)

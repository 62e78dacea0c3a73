-- Policies and plans: who is picked, why, and what a plan keeps.

local cjson = require "cjson"
local oc = require "oc"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"
local world = require "support.world"

local policy = oc.civic.policy

local function samples(nulls)
  return assert(oc.decode(tree.read "spec/fixtures/leads-sample.json", {nulls = nulls}))
end

local function address(fields)
  local made = {id = "a", country = "IL", validationStatus = "Validated"}
  for name, value in pairs(fields or {}) do made[name] = value end
  return made
end

-- The places of those that a policy picks.
local function picked(made, leads)
  local places = {}
  for i, lead in ipairs(leads) do
    if assert(made)(lead) then places[#places + 1] = i end
  end
  return places
end

describe("oc.civic.policy", function()
  it("direct_missing is the documented rule", function()
    local leads = {
      {isDirectLead = true}, {isDirectLead = true, civicAddresses = {}},
      {isDirectLead = true, civicAddresses = oc.null},
      {isDirectLead = true, civicAddresses = {address()}}, {isDirectLead = false}, {isDirectLead = oc.null}, {},
    }
    assert.same({1, 2, 3}, picked(policy.direct_missing, leads))
    assert.equal("direct lead, its addresses were never known", policy.why(policy.direct_missing, leads[1]))
    assert.equal("direct lead, it is known to have no addresses", policy.why(policy.direct_missing, leads[2]))
    assert.equal("direct lead, its addresses were never known", policy.why(policy.direct_missing, leads[3]))
  end)

  it("missing is for active leads of any kind, whatever their case", function()
    local leads = {{status = "Active"}, {status = "ACTIVE", civicAddresses = {}}, {status = "Removed"},
      {status = "Active", civicAddresses = {address()}}, {}}
    assert.same({1, 2}, picked(policy.missing, leads))
    assert.equal("active lead, it is known to have no addresses", policy.why(policy.missing, leads[2]))
    assert.same({9}, picked(policy.missing, samples()))
  end)

  it("unvalidated counts those that are not", function()
    local leads = {{civicAddresses = {address(), address {validationStatus = "NotValidated"}}},
      {civicAddresses = {address {validationStatus = "valid"}}}, {civicAddresses = {}}, {},
      {civicAddresses = {address {validationStatus = oc.null}}}}
    assert.same({1, 5}, picked(policy.unvalidated, leads))
    assert.equal("1 of 2 addresses not validated", policy.why(policy.unvalidated, leads[1]))
    assert.equal("1 of 1 address not validated", policy.why(policy.unvalidated, leads[5]))
  end)

  it("uncovered names the countries, and knows their other names", function()
    local leads = {
      {consentedCountries = {"IL", "US"}, civicAddresses = {address()}},
      {consentedCountries = {"UK"}, civicAddresses = {address {country = "gb"}}},
      {consentedCountries = {"RO"}}, {consentedCountries = {}}, {consentedCountries = oc.null}, {},
    }
    assert.same({1, 3}, picked(policy.uncovered, leads))
    assert.equal("no address in US", policy.why(policy.uncovered, leads[1]))
    assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, picked(policy.all, samples()))
  end)

  it("stale, without a journal, goes by lastModifiedOn", function()
    local now = 1675209600 -- 2023-02-01
    local made = policy.stale {days = 30, now = now}
    assert.same({1, 3}, picked(made, {{lastModifiedOn = "2022-12-31T00:00:00Z"},
      {lastModifiedOn = "2023-01-31T12:00:00.5Z"}, {}}))
    assert.equal("not changed for 30 days", policy.why(made, {}))
  end)

  it("stale refuses what it does not know", function()
    for _, given in ipairs {{}, {days = -1}, {days = "x"}, {days = 0 / 0}, {days = 1, journal = 3},
      {days = 1, day = 2}} do
      assert.is_false((pcall(policy.stale, given)))
    end
    assert.is_false((pcall(policy.stale)))
  end)

  it("is combined as filters are, and says why all the same", function()
    local both = oc.filter.all {policy.missing, 'consentedCountries has "IL"', policy.uncovered}
    local lead = {status = "Active", consentedCountries = {"IL"}}
    assert.is_true(both(lead))
    assert.equal('active lead, its addresses were never known, consentedCountries has "IL", no address in IL',
      policy.why(both, lead))
    assert.equal('all(missing, consentedCountries has "IL", uncovered)', policy.name(both))
    local either = oc.filter.any {policy.unvalidated, policy.missing, function() return true end}
    assert.equal("active lead, its addresses were never known; a function says so", policy.why(either, lead))
    local none = oc.filter.none {policy.unvalidated, "isDirectLead"}
    assert.is_true(none(lead))
    assert.equal("not unvalidated, not isDirectLead", policy.why(none, lead))
    assert.equal("none(unvalidated, isDirectLead)", policy.name(none))
  end)

  it("bears leads of any shape", function()
    local odd = {1, "x", true, {}, {1}, {x = 1}, oc.null, oc.array()}
    for _, name in ipairs {"direct_missing", "missing", "unvalidated", "uncovered", "all"} do
      for _, field in ipairs {"civicAddresses", "consentedCountries", "status", "isDirectLead"} do
        for _, value in ipairs(odd) do
          local lead = {[field] = value, isDirectLead = field ~= "isDirectLead" and true or value}
          if policy[name](lead) then assert.equal("string", type(policy.why(policy[name], lead))) end
        end
      end
    end
  end)
end)

describe("oc.civic.plan", function()
  it("has for each lead what is to be done and why, and no more", function()
    local leads = samples()
    local plan = assert(oc.civic.plan(leads, {policy = policy.missing}))
    assert.equal(10, plan.leads)
    assert.equal("missing", plan.policy)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", plan.made)
    assert.same({{id = leads[9].id, tenantId = leads[9].tenantId, addresses = 0,
      why = "active lead, it is known to have no addresses"}}, plan.items)
  end)

  it("is the same with nulls, and takes expressions and functions", function()
    assert.same(oc.civic.plan(samples(), {policy = policy.missing}).items,
      oc.civic.plan(samples "null", {policy = policy.missing}).items)
    local plan = oc.civic.plan(samples(), {policy = 'consentedCountries has "RO"'})
    assert.equal('consentedCountries has "RO"', plan.items[1].why)
    plan = oc.civic.plan(samples(), {policy = function(lead) return lead.status == "Removed" end})
    assert.same({4, "a function"}, {#plan.items, plan.policy})
    assert.is_nil(plan.items[1].addresses)
    assert.same({0, "direct_missing"}, {#oc.civic.plan(samples()).items, oc.civic.plan({}).policy})
  end)

  it("survives being stored", function()
    local plan = oc.civic.plan(samples "null", {policy = policy.all})
    local back = assert(oc.decode(oc.encode(plan)))
    assert.same(plan, back)
    assert.is_nil(oc.encode(plan):find "example.com")
  end)

  it("reads leads as they come, and stops where reading fails", function()
    local server = sandbox_child.start {leads = 300, faults = {{page = 2, status = 400}}}
    local client = world.client(server.url)
    local plan, err = oc.civic.plan(client:leads {page_size = 100}, {policy = policy.all})
    assert.is_nil(plan)
    assert.equal("http", err.kind)
    server:configure {leads = 300}
    plan = assert(oc.civic.plan(client:leads {page_size = 100}, {policy = policy.direct_missing}))
    assert.equal(300, plan.leads)
    assert.is_true(#plan.items > 3)
    client.host:close()
    server:close()
  end)

  it("hands on the error of a policy", function()
    local plan, err = oc.civic.plan(samples(), {policy = policy.stale {days = 1, journal = "spec"}})
    assert.is_nil(plan)
    assert.equal("io", err.kind)
  end)

  it("raises for what the program got wrong", function()
    assert.matches("oc.civic.plan: a list of leads", select(2, pcall(oc.civic.plan, "x")))
    assert.matches("oc.civic.plan: unknown option 'polcy'", select(2, pcall(oc.civic.plan, {}, {polcy = 1})))
    assert.matches("oc.civic.plan: option 'policy': .*compares nothing",
      select(2, pcall(oc.civic.plan, {}, {policy = "a = 1"})))
    assert.matches("civic_plan_spec", select(2, pcall(function() oc.civic.plan({}, {policy = 7}) end)))
    for fault, plan in pairs {["no plan of this version"] = {}, ["no list 'items'"] = {version = 1},
      ["items%[1%]: 'why' is no text"] = {version = 1, items = {{why = 1}}},
      ["'leads' is no number of leads"] = {version = 1, leads = "x", items = {}},
      ["items%[2%]: 'tenantId' is no text"] = {version = 1, items = {{id = "x"}, {id = "y", tenantId = cjson.null}}}} do
      assert.matches(fault, select(2, pcall(oc.civic.apply, plan, {source = print})))
    end
  end)
end)

-- What has changed between two fetches: each kind of change alone, what is none, and random leads that were edited.

local chance = require "support.chance"
local data = require "oc.sandbox.data"
local diff = require "oc.report.diff"
local oc = require "oc"

local function lead_of(index, civic)
  return assert(oc.decode((data.lead(5, index, civic)), {nulls = "null"}))
end

-- The lead with four addresses, twice.
local function two() return lead_of(8), lead_of(8) end

local function changes_of(old, new, options)
  local result = assert(diff({old}, {new}, options))
  assert.same({0, 0}, {#result.added, #result.removed})
  return result.changed[1] and result.changed[1].changes or {}, result
end

-- The changes as "path: old -> new", with what rows show.
local function shown(list)
  local lines = {}
  for i, change in ipairs(list) do
    local field, old, new = diff.texts(change)
    lines[i] = ("%s: %s -> %s"):format(field, tostring(old), tostring(new))
  end
  return lines
end

local function after(edit, options)
  local old, new = two()
  edit(new, old)
  return shown((changes_of(old, new, options)))
end

local function new_ids(lead)
  for i, address in ipairs(lead.civicAddresses) do
    address.id, address.defaultLocationId = "new-" .. i, "location-1"
    for k, location in ipairs(address.locations) do
      location.id, location.civicAddressId = "location-" .. k, address.id
    end
  end
end

describe("a diff", function()
  describe("of a lead", function()
    it("tells single fields, the status first and the time last", function()
      assert.same({"status: Active -> Suspended", "umpCustomerGuid: bb9fac5f-6b72-4e33-8bd6-8e6ef8342bc3 -> nil",
        "ovocChannelId: 907 -> 12", "extra: nil -> true",
        "lastModifiedOn: 2023-03-19T12:14:44.9624543Z -> 2024-01-01T00:00:00Z"}, after(function(lead)
        lead.lastModifiedOn, lead.status, lead.umpCustomerGuid = "2024-01-01T00:00:00Z", "Suspended", oc.null
        lead.ovocChannelId, lead.extra = 12, true
      end))
    end)

    it("takes null, absent, empty texts and empty lists for the same", function()
      assert.same({}, after(function(lead, old)
        lead.channelId, lead.isNotActive, lead.tenantOrigin = nil, "", nil
        lead.comments, old.operatorId, lead.operatorId = nil, "", oc.null
        old.consentedCountries, lead.consentedCountries = oc.null, oc.array()
        old.contactDetails.companySize, lead.contactDetails.companySize = nil, oc.null
        old.contactDetails.email, lead.contactDetails.email = "", oc.null
      end))
    end)

    it("takes instants, GUIDs, states and numbers for the same, however they are written", function()
      assert.same({}, after(function(lead, old)
        old.consentedOn, lead.consentedOn = "2023-03-19T12:14:44.9Z", "2023-03-19T14:14:44.9000000+02:00"
        old.lastModifiedOn, lead.lastModifiedOn = "2023-03-19T12:14:44Z", "2023-03-19T12:14:44.000"
        lead.status, lead.tenantId, lead.id = "ACTIVE", lead.tenantId:upper(), lead.id:upper()
        lead.ovocChannelId = "907"
        lead.civicAddresses[1].validationStatus = "validated"
      end))
      assert.equal(1, #after(function(lead) lead.consentedOn = "2023-03-19T12:14:44.9624544Z" end))
    end)

    it("compares contacts field by field, by person, and marks them", function()
      local old, new = two()
      old.contacts[2] = {fullName = "Ada", email = "ada@example.com", phoneNumber = "+1"}
      new.contacts = {{fullName = "Ada", email = "ADA@example.com", phoneNumber = "+2"},
        {fullName = "Roi Demo", email = "roi.demo@example.com", phoneNumber = "+5550100049",
          companyName = "Contoso US M365", companySize = "L2_U4"}, {fullName = "Bo", email = "bo@example.com"}}
      new.contactDetails.fullName, new.contactDetails.companyName = "Somebody", "Contoso"
      local list, result = changes_of(old, new)
      assert.same({"contactDetails.companyName: Contoso US M365 -> Contoso",
        "contactDetails.fullName: Roi Demo -> Somebody", "contacts[1].email: ada@example.com -> ADA@example.com",
        "contacts[1].phoneNumber: +1 -> +2", "contacts[3]: nil -> Bo"}, shown(list))
      for i, change in ipairs(list) do
        assert.equal(i > 1 or nil, change.personal)
        assert.equal(i > 1 or nil, result.rows[i].pii)
      end
      assert.same({"row", "row"}, {result.columns[5].pii, result.columns[6].pii})
      assert.same({"contacts[1]: Roi Demo -> nil"}, after(function(lead) lead.contacts = oc.null end))
    end)

    it("compares details that came or went by their fields", function()
      assert.same({"contactDetails.companyName: Contoso US M365 -> nil", "contactDetails.companySize: L2_U4 -> nil",
        "contactDetails.fullName: Roi Demo -> nil", "contactDetails.email: roi.demo@example.com -> nil",
        "contactDetails.phoneNumber: +5550100049 -> nil"}, after(function(lead, old)
        lead.contactDetails, lead.contacts, old.contacts = oc.null, oc.null, oc.null
      end))
    end)

    it("compares countries as sets", function()
      local old, new = two()
      old.consentedCountries, new.consentedCountries = {"IL", "US", "RO"}, {"us", "DE", "IL", "AT"}
      local list = changes_of(old, new)
      assert.same({"consentedCountries: RO -> AT, DE"}, shown(list))
      assert.same({{"AT", "DE"}, {"RO"}}, {list[1].added, list[1].removed})
      assert.same({{"IL", "RO", "US"}, {"AT", "DE", "IL", "US"}}, {list[1].old, list[1].new})
    end)
  end)

  describe("of addresses", function()
    it("goes by content: neither new ids nor another order are a change", function()
      assert.same({}, after(function(lead)
        new_ids(lead)
        local list = lead.civicAddresses
        list[1], list[4], list[2], list[3] = list[4], list[1], list[3], list[2]
        list[1].locations[1], list[1].locations[2] = list[1].locations[2], list[1].locations[1]
      end))
    end)

    it("takes what sources write differently for the same", function()
      assert.same({}, after(function(lead)
        for _, address in ipairs(lead.civicAddresses) do
          address.latitude, address.tenantId, address.partnerId, address.preDirectional = "51.2", nil, oc.null, nil
          for _, location in ipairs(address.locations) do
            location.isDefault = location.isDefault == "true"
          end
        end
      end))
      assert.same({}, after(function(lead)
        for _, address in ipairs(lead.civicAddresses) do
          for _, location in ipairs(address.locations) do location.isDefault = nil end
        end
      end))
    end)

    it("tells which came, went and changed", function()
      assert.same({"civicAddresses.validationStatus (Yarden 1, 70000 Lod, IL): Validated -> Invalid",
        "civicAddresses.postalOrZipCode (Versterkerstraat 3D, 1322 AB Almere, NL): 1322 -> 1322 AB",
        "civicAddresses: Rocky Road 700, 45601 Springfield, US -> nil",
        "civicAddresses: nil -> Ring 1, 1010 Wien, AT"}, after(function(lead)
        new_ids(lead)
        local list = lead.civicAddresses
        list[1].validationStatus, list[4].postalOrZipCode = "Invalid", "1322 AB"
        list[3] = {id = "x", country = "AT", streetName = "Ring", houseNumber = "1", cityOrTown = "Wien",
          postalOrZipCode = "1010"}
      end))
    end)

    it("pairs the most alike; another country is another address", function()
      assert.same({"civicAddresses.cityOrTown (Rocky Road 700, 72020 Newtown, US): Departee -> Newtown",
        "civicAddresses: Yarden 1, 70000 Lod, IL -> nil", "civicAddresses: nil -> Yarden 1, 70000 Lod, PS"},
        after(function(lead)
          new_ids(lead)
          lead.civicAddresses[2].cityOrTown, lead.civicAddresses[1].country = "Newtown", "PS"
        end))
    end)

    it("counts equal ones", function()
      assert.same({"civicAddresses: nil -> Yarden 1, 70000 Lod, IL"}, after(function(lead)
        lead.civicAddresses[5] = lead.civicAddresses[1]
      end))
    end)

    it("compares locations by content", function()
      assert.same({"civicAddresses.locations.elin (Versterkerstraat 3D, 1322 Almere, NL): nil -> 7",
        "civicAddresses.locations (Versterkerstraat 3D, 1322 Almere, NL): nil -> Basement"}, after(function(lead)
        new_ids(lead)
        local locations = lead.civicAddresses[4].locations
        locations[2].elin = "7"
        locations[3] = {id = "y", description = "Basement", isDefault = "false"}
      end))
      assert.same({"civicAddresses.locations (Versterkerstraat 3D, 1322 Almere, NL): NL Almere, 1st floor -> nil"},
        after(function(lead) lead.civicAddresses[4].locations[2] = nil end))
      assert.equal(2, #after(function(lead)
        local locations = lead.civicAddresses[4].locations
        locations[1].isDefault, locations[2].isDefault = "false", "true"
      end))
    end)

    it("keeps never known, known to be none, and some apart", function()
      local function states(old_state, new_state)
        return after(function(new, old) old.civicAddresses, new.civicAddresses = old_state, new_state end)
      end
      local one = {{country = "IL", streetName = "Yarden", houseNumber = "1"}}
      assert.same({}, states(nil, oc.null))
      assert.same({"civicAddresses: unknown -> none"}, states(oc.null, oc.array()))
      assert.same({"civicAddresses: none -> unknown"}, states(oc.array(), nil))
      assert.same({"civicAddresses: nil -> Yarden 1, IL"}, states(oc.null, one))
      assert.same({"civicAddresses: nil -> Yarden 1, IL"}, states(oc.array(), one))
      assert.same({"civicAddresses: Yarden 1, IL -> nil"}, states(one, oc.array()))
      assert.same({"civicAddresses: 1 address -> unknown"}, states(one, oc.null))
    end)

    it("of very many is told without comparing each with each", function()
      local lines = after(function(new, old)
        old.civicAddresses, new.civicAddresses = {}, {}
        for i = 1, 600 do
          old.civicAddresses[i] = {country = "US", streetName = "Old", houseNumber = tostring(i)}
          new.civicAddresses[i] = {country = "US", streetName = "New", houseNumber = tostring(i)}
        end
      end)
      assert.equal(1200, #lines)
    end)
  end)

  describe("of leads", function()
    local function lead(id, more)
      local made = {id = id, tenantId = "t-" .. tostring(id), status = "Active",
        contactDetails = {companyName = "C" .. tostring(id)}}
      for name, value in pairs(more or {}) do made[name] = value end
      return made
    end

    it("tells which came and went, in the order of each fetch", function()
      local result = assert(diff({lead "1", lead "2", lead "3"}, {lead "4", lead "2", lead "0"}))
      assert.same({{id = "4", tenantId = "t-4", company = "C4", status = "Active"},
        {id = "0", tenantId = "t-0", company = "C0", status = "Active"}}, result.added)
      assert.same({"1", "3"}, {result.removed[1].id, result.removed[2].id})
      assert.same({old = 3, new = 3, added = 2, uncertain = 0, removed = 2, changed = 0, unchanged = 1, not_seen = 0,
        duplicates = 0, changes = 0}, result.counts)
      assert.same({"added", "C4", "t-4", nil, nil, "Active"}, result.rows[1])
      assert.same({"removed", "C1", "t-1", nil, "Active"}, result.rows[3])
    end)

    it("puts those whose status changed before the others", function()
      local result = assert(diff({lead "1", lead "2", lead "3"}, {lead("1", {operatorId = "x"}), lead "2",
        lead("3", {status = "Removed"})}))
      assert.same({"3", "1"}, {result.changed[1].id, result.changed[2].id})
    end)

    it("matches leads without an id by tenant, one after the other, and without either by content", function()
      local function nameless(tenant, status) return {id = oc.null, tenantId = tenant, status = status} end
      local result = assert(diff({nameless("a", "Active"), nameless("a", "Removed"), nameless(nil, "x")},
        {nameless("A", "Active"), nameless("a", "Suspended"), nameless(nil, "x"), nameless("a", "Active")}))
      assert.same({1, 0, 1, 2}, {result.counts.added, result.counts.removed, result.counts.changed,
        result.counts.unchanged})
      assert.same({"status: Removed -> Suspended"}, shown(result.changed[1].changes))
    end)

    it("takes the first of leads that come twice, and says so", function()
      local result = assert(diff({lead "1", lead("1", {status = "x"})}, {lead "1", lead("1", {status = "y"}), lead "2",
        lead "2"}))
      assert.same({1, 0, 0, 3}, {result.counts.added, result.counts.removed, result.counts.changed,
        result.counts.duplicates})
      assert.equal("3 leads came twice; the first counts", result.notes[#result.notes])
    end)

    local function source(list, more)
      local i = 0
      local made = {next = function()
        i = i + 1
        return list[i]
      end}
      for name, value in pairs(more) do made[name] = value end
      return made
    end

    it("of which the new are not all, says of none that it was removed", function()
      local result = assert(diff(source({lead "1", lead "2", lead "3"}, {complete = true}),
        source({lead "2"}, {complete = false})))
      assert.same({0, 2, false}, {result.counts.removed, result.counts.not_seen, result.complete})
      assert.same({}, result.rows)
      assert.equal("the new leads are not all there are: 2 leads of the old ones not seen, which does not mean removed",
        result.notes[3])
    end)

    it("of which the old are not all, marks those that seem added", function()
      local result = assert(diff(source({lead "1"}, {complete = false}), source({lead "1", lead "2"},
        {complete = true})))
      assert.same({1, 1, true, "added?", false}, {result.counts.added, result.counts.uncertain,
        result.added[1].uncertain, result.rows[1][1], result.complete})
    end)

    it("that were asked for differently prove nothing by being there", function()
      local result = assert(diff(source({lead "1", lead "2"}, {complete = true, where = "a"}),
        source({lead "2", lead "3"}, {complete = true})))
      assert.same({1, 0, 1, false}, {result.counts.uncertain, result.counts.removed, result.counts.not_seen,
        result.complete})
      assert.matches("different leads %(where a; all leads%)", result.notes[3])
      result = assert(diff(source({lead "1"}, {complete = true, where = "a"}), source({lead "3"},
        {complete = true, where = "a"})))
      assert.same({0, 1, true}, {result.counts.uncertain, result.counts.removed, result.complete})
    end)

    it("tells from where and when they are", function()
      local result = assert(diff(source({}, {complete = true, made = "A", source = "https://a"}),
        source({}, {complete = true, made = "B", source = "https://b", name = "b.ndjson"})))
      assert.same({"the old leads: 0 leads of https://a, fetched A", "b.ndjson: 0 leads of https://b, fetched B",
        "they are of different services"}, result.notes)
      assert.same({"B", "https://b", "Changes", 6}, {result.made, result.source, result.title, #result.columns})
      assert.equal("1970-01-01T00:01:40Z", diff({}, {}, {now = 100}).made)
      assert.is_nil(diff({}, {}).complete)
    end)

    it("asks an object with a result whether that is all", function()
      local new = source({}, {complete = true, result = function() return {complete = false} end})
      assert.is_false(diff(source({}, {complete = true}), new).complete)
    end)

    it("fails as a source does", function()
      local result, err = diff({lead "1"}, {next = function() return nil, "broken" end})
      assert.same({nil, "broken"}, {result, err})
      assert.same({nil, "broken"}, {diff({next = function() return nil, "broken" end}, {})})
    end)
  end)

  describe("takes paths", function()
    local function edit(lead)
      lead.status, lead.lastModifiedOn, lead.contacts[1].email = "x", "2024-01-01T00:00:00Z", "y"
      lead.civicAddresses[1].validationStatus = "Invalid"
    end
    local function paths(options)
      local list = {}
      for i, line in ipairs(after(edit, options)) do list[i] = line:match "^[^: ]+" end
      return list
    end

    it("that do not count, and that alone do", function()
      assert.same({"status", "contacts[1].email", "civicAddresses.validationStatus", "lastModifiedOn"}, paths())
      assert.same({"status", "civicAddresses.validationStatus"}, paths {ignore = {"contacts", "lastModifiedOn"}})
      assert.same({"contacts[1].email"}, paths {only = {"contacts.email"}})
      assert.same({"civicAddresses.validationStatus"}, paths {only = {"civicAddresses", "status"}, ignore = {"status"}})
      assert.same({}, paths {only = {"stat", "civic"}})
    end)

    it("and raises for what it does not know", function()
      for _, case in ipairs {{{ignored = {}}, "unknown option 'ignored'"}, {{ignore = "a"}, "a table expected"},
        {{only = {""}}, "paths expected"}} do
        local ok, err = pcall(diff, {}, {}, case[1])
        assert.is_false(ok)
        assert.matches(case[2], err)
      end
      assert.has_error(function() diff(nil, {}) end)
    end)
  end)

  describe("of random leads", function()
    -- Each edit changes one field, to a value that it never had, and says what is to be told.
    local edits = {
      function(lead, n) lead.status = "New" .. n return "status" end,
      function(lead, n) lead.umpCustomerGuid = "guid " .. n return "umpCustomerGuid" end,
      function(lead, n) lead.unknownField = {deep = n} return "unknownField.deep" end,
      function(lead, n)
        if type(lead.contactDetails) ~= "table" then return end
        lead.contactDetails.companyName = "Company " .. n
        return "contactDetails.companyName"
      end,
      function(lead)
        if #lead.consentedCountries == 0 then return end
        table.remove(lead.consentedCountries)
        return "consentedCountries"
      end,
      function(lead, n)
        local address = type(lead.civicAddresses) == "table" and lead.civicAddresses[1]
        if not address then return end
        address.countyOrDistrict = "County " .. n
        return "civicAddresses.countyOrDistrict"
      end,
      function(lead, n)
        if type(lead.civicAddresses) ~= "table" then return end
        table.insert(lead.civicAddresses, 1, {id = "n" .. n, country = "AQ", streetName = "Ice " .. n})
        return "civicAddresses"
      end,
    }

    local function shuffle(random, list)
      for i = #list, 2, -1 do
        local k = random:from(1, i)
        list[i], list[k] = list[k], list[i]
      end
    end

    -- What is no change: new ids, another order.
    local function churn(random, lead)
      if type(lead.civicAddresses) ~= "table" then return end
      new_ids(lead)
      for _, address in ipairs(lead.civicAddresses) do shuffle(random, address.locations) end
      shuffle(random, lead.civicAddresses)
    end

    local function draw(seed)
      local random = chance.new(seed)
      local old, new, expected = {}, {}, {}
      for i = 1, 60 do
        local index = random:from(11, 5000) + i * 10000
        local civic = random:one_of {"present", "present", "empty", false}
        local kept, edited = lead_of(index, civic or nil), lead_of(index, civic or nil)
        local fate = random:from(1, 10)
        churn(random, edited)
        if fate ~= 1 then old[#old + 1] = kept end
        if fate ~= 2 then new[#new + 1] = edited end
        if fate <= 2 then expected[kept.id] = {fate == 1 and "added" or "removed"} end
        for k, edit in ipairs(fate > 5 and edits or {}) do
          local path = random:once_in(3) and edit(edited, i .. "-" .. k)
          if path then
            expected[kept.id] = expected[kept.id] or {}
            table.insert(expected[kept.id], path)
          end
        end
      end
      shuffle(random, new)
      return old, new, expected
    end

    local function found(result)
      local by_id = {}
      for _, entry in ipairs(result.added) do by_id[entry.id] = {"added"} end
      for _, entry in ipairs(result.removed) do by_id[entry.id] = {"removed"} end
      for _, entry in ipairs(result.changed) do
        local list = {}
        for i, change in ipairs(entry.changes) do list[i] = change.path end
        by_id[entry.id] = list
      end
      return by_id
    end

    local function sorted(by_id)
      for _, list in pairs(by_id) do table.sort(list) end
      return by_id
    end

    it("tells exactly what was edited", function()
      for seed = 1, 25 do
        local old, new, expected = draw(seed)
        assert.same(sorted(expected), sorted(found(assert(diff(old, new)))), "seed " .. seed)
      end
    end)

    it("changes neither fetch, and is the other way round what it is", function()
      local old, new = draw(77)
      local before = oc.encode {old, new}
      local there, back = assert(diff(old, new)), assert(diff(new, old))
      assert.equal(before, oc.encode {old, new})
      assert.same({there.counts.added, there.counts.removed, there.counts.changed, there.counts.changes},
        {back.counts.removed, back.counts.added, back.counts.changed, back.counts.changes})
      assert.same(0, #diff(old, old).rows)
    end)
  end)
end)

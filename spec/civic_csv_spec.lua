-- CSV files as sources of addresses.

local oc = require "oc"
local scratch = require "support.scratch"
local tree = require "support.tree"

local ASK = {attempt = 1, left_s = function() end, turn = function() return true end}

describe("oc.civic.source.file of CSV", function()
  after_each(scratch.clear)

  local function path_of(text, ending) return scratch.file(text, ending or ".csv") end

  local function addresses_of(text, tenant, ending)
    local source = assert(oc.civic.source.file(path_of(text, ending)))
    return assert(source:fetch({tenantId = tenant or "t"}, ASK))
  end

  local function fault_of(text)
    local path = path_of(text)
    local source, err = oc.civic.source.file(path)
    assert.is_nil(source)
    assert.equal("shape", err.kind)
    local start = "cannot take addresses from " .. path .. ": "
    assert.equal(start, err.message:sub(1, #start))
    return err.message:sub(#start + 1)
  end

  local WANTED = {{tenantId = "t", id = "a", country = "IL", locations = {}},
    {tenantId = "t", id = "b", country = "US", locations = {}}}

  it("reads any separator, line end and mark, and an ending of either case", function()
    for _, separator in ipairs {",", ";", "\t"} do
      for _, line_end in ipairs {"\n", "\r\n", "\r"} do
        for _, mark in ipairs {"", "\239\187\191"} do
          for _, last in ipairs {"", line_end, line_end .. line_end} do
            local text = ("tenantId,id,country|t,a,IL|t,b,US"):gsub(",", separator):gsub("|", line_end)
            text = mark .. text .. last
            assert.same(WANTED, addresses_of(text, "T", ".CSV"))
          end
        end
      end
    end
  end)

  it("reads what stands in quotes", function()
    local text = 'tenantId,"id","description"\r\n"t","1","x ""y"", z"\r\nt,2,"two\r\nlines"\r\nt,3,""\r\nt,4,""""'
    local found = {}
    for i, address in ipairs(addresses_of(text)) do found[i] = address.description end
    assert.same({'x "y", z', "two\r\nlines", "", '"'}, found)
  end)

  it("takes the separator from outside of quotes, the comma if there are as many", function()
    assert.equal("IL", addresses_of('"x-a,b,c,d";tenantId;country\nx;t;IL')[1].country)
    assert.equal("IL", addresses_of("tenantId,x-a;b,country\nt,x,IL")[1].country)
  end)

  it("knows columns whatever their case, and leaves out those that are somebody's own", function()
    local address = addresses_of("TENANTID,House Number,postalorzipcode,X-My Own,LOCATION.ISDEFAULT,Location.Elin\n"
      .. "t,7,1234,x,WAHR,2")[1]
    assert.same({tenantId = "t", houseNumber = "7", postalOrZipCode = "1234",
      locations = {{isDefault = "true", elin = "2"}}}, address)
  end)

  it("passes over the line in which Excel names its separator", function()
    assert.equal("IL", addresses_of("\239\187\191sep=;\r\ntenantId;country\r\nt;IL\r\n")[1].country)
  end)

  it("passes over rows and columns that are empty", function()
    assert.same(WANTED, addresses_of("\n\ntenantId;id;country;;\n;;;;\nt;a;IL;;\n\nt;b;US;x;\n;;;;\n"))
  end)

  it("makes one address with several locations of rows with its id", function()
    local text = "tenantId,id,location.id,location.description,location.isDefault\n"
      .. "t,a,l1,one,true\nT,A,l2,two,false\nt,b,,,\nu,a,l3,three,true\nt,,l4,,\nt,,l5,,"
    assert.same({
      {tenantId = "t", id = "a", locations = {{id = "l1", description = "one", isDefault = "true"},
        {id = "l2", description = "two", isDefault = "false"}}},
      {tenantId = "t", id = "b", locations = {}},
      {tenantId = "t", id = "", locations = {{id = "l4"}}},
      {tenantId = "t", id = "", locations = {{id = "l5"}}},
    }, addresses_of(text))
    assert.equal("l3", addresses_of(text, "u")[1].locations[1].id)
  end)

  it("takes a tenant with blanks around it", function()
    assert.equal("a", addresses_of("tenantId,id\n  t ,a")[1].id)
  end)

  -- The addresses of the sample leads as rows, with a column for every field they have.
  local function exported(leads)
    local fields = {"tenantId", "id", "country", "houseNumber", "houseNumberSuffix", "preDirectional", "streetName",
      "streetSuffix", "postDirectional", "stateOrProvince", "countyOrDistrict", "cityOrTown", "cityOrTownAlias",
      "postalOrZipCode", "description", "companyName", "companyId", "defaultLocationId", "validationStatus",
      "partnerId"}
    local of_location = {"id", "civicAddressId", "description", "additionalInfo", "isDefault", "elin"}
    local head, rows = {}, {}
    for _, name in ipairs(fields) do head[#head + 1] = name end
    for _, name in ipairs(of_location) do head[#head + 1] = "location." .. name end
    rows[1] = table.concat(head, ",")
    for _, lead in ipairs(leads) do
      for _, address in ipairs(lead.civicAddresses or {}) do
        for _, location in ipairs(address.locations) do
          local row = {}
          for _, name in ipairs(fields) do row[#row + 1] = '"' .. address[name]:gsub('"', '""') .. '"' end
          for _, name in ipairs(of_location) do
            row[#row + 1] = '"' .. (location[name] or ""):gsub('"', '""') .. '"'
          end
          rows[#rows + 1] = table.concat(row, ",")
        end
      end
    end
    return table.concat(rows, "\r\n")
  end

  it("gives what the service would have, so nothing changes by it", function()
    local leads = assert(oc.decode(tree.read "spec/fixtures/leads-sample.json"))
    local before = oc.encode(leads)
    local source = assert(oc.civic.source.file(path_of(exported(leads))))
    local options = {policy = oc.civic.policy.all, source = source, log = false}
    local result = assert(oc.civic.sync(leads, options))
    assert.same({0, 5, 5}, {result.synced, result.unchanged, result.failed})
    assert.equal(before, oc.encode(leads))
    for _, lead in ipairs(leads) do lead.civicAddresses = nil end
    assert.equal(5, assert(oc.civic.sync(leads, options)).synced)
    leads[9].civicAddresses = oc.array {} -- of it the file knows nothing
    assert.equal(before, oc.encode(leads))
  end)

  it("writes an address without locations with an empty list", function()
    local lead = {id = "1", tenantId = "t"}
    local source = assert(oc.civic.source.file(path_of "tenantId,id\nt,a"))
    assert(oc.civic.sync({lead}, {policy = oc.civic.policy.all, source = source, log = false}))
    local written = oc.encode(lead)
    assert.truthy(written:find('"locations":[]', 1, true), written)
    assert.equal("[]", oc.encode(source:fetch(lead, ASK)[1].locations))
  end)

  it("tells in which line something is wrong", function()
    local cases = {
      [""] = "line 1: it is empty", ["\n\r\n"] = "line 1: it is empty", ["\239\187\191"] = "line 1: it is empty",
      ["id,country\na,IL"] = "line 1: no column tenantId",
      ["\n\nid,country\na,IL"] = "line 3: no column tenantId",
      ["tenantId,id\nt"] = "line 2: 1 fields, where the first line has 2",
      ["tenantId,id\nt,a\n\n\"t\",\"x\ny\"\nt,a,b"] = "line 6: 3 fields, where the first line has 2",
      ["tenantId,id\n ,a"] = "line 2: no tenantId",
      ["tenantId,id\r\nt,a\r\nt,\"b\r\n\r\nt,c"] = "line 3: a quote is not closed, or stands in the middle of a field",
      ["tenantId,id\nt,a\"b\""] = "line 2: a quote is not closed, or stands in the middle of a field",
      ["tenantId,id\nt,\"a\"b"] = "line 2: a quote is not closed, or stands in the middle of a field",
      ["tenantId,id,ID\nt,a,b"] = "line 1: two columns id",
      ["tenantId,Stadt\nt,a"] = "line 1: 'Stadt' is no field of an address (docs/CIVIC.md has them); begin the "
        .. "title of a column of your own with x-, and it is left out",
      ["tenantId,location.floor\nt,a"] = "line 1: 'location.floor' is no field of an address (docs/CIVIC.md has them); "
        .. "begin the title of a column of your own with x-, and it is left out",
      ["tenantId,location.isDefault\nt,maybe"] = "line 2: location.isDefault is neither true nor false",
      ["tenantId,id\nt,a\nt,M\252nchen"] = "line 3: bytes that are not UTF-8",
      ["\255\254t\0e\0n\0"] = "line 1: bytes that are not UTF-8",
      ["tenantId\nt\237\160\128"] = "line 2: bytes that are not UTF-8",
      ["tenantId\nt\192\128"] = "line 2: bytes that are not UTF-8",
      ["tenantId\nt\244\144\128\128"] = "line 2: bytes that are not UTF-8",
    }
    for text, wanted in pairs(cases) do assert.equal(wanted, fault_of(text), (text:gsub("%c", "."))) end
  end)

  it("takes every character there is", function()
    local text = "\0\127\194\128\223\191\224\160\128\237\159\191\238\128\128\239\191\191"
      .. "\240\144\128\128\244\143\191\191"
    assert.equal(text, addresses_of("tenantId,id\nt," .. text)[1].id)
  end)

  it("of 10 MB is read in seconds, however its quotes and lines are", function()
    local function timed(text)
      local path = path_of(text)
      local began = os.clock()
      local source, err = oc.civic.source.file(path)
      assert.truthy(os.clock() - began < 10, "it took " .. os.clock() - began)
      return source, err
    end
    local row = ',a,IL,"Some street of a town, with a ""name""","two\nlines",12345,Contoso of the lake\n'
    local rows = {"tenantId,id,country,streetName,description,postalOrZipCode,companyName\n"}
    for i = 1, 130000 do rows[#rows + 1] = "t" .. i .. row end
    local text = table.concat(rows)
    assert.truthy(#text > 10 * 1024 * 1024)
    local source = assert(timed(text))
    assert.equal("two\nlines", source:fetch({tenantId = "T77777"}, ASK)[1].description)
    local _, err = timed(text .. '"not closed')
    assert.matches("line 260002: a quote is not closed", err.message)
    -- One field of it all, and one record of a field a byte.
    source = assert(timed('tenantId,description\nt,"' .. ('""'):rep(2500000) .. ("\n"):rep(5000000) .. '"'))
    assert.equal(7500000, #source:fetch({tenantId = "t"}, ASK)[1].description)
    _, err = timed("tenantId\nt" .. (","):rep(3000000))
    assert.matches("line 2: 3000001 fields", err.message)
    _, err = timed("tenantId\n" .. ("\n"):rep(1000000) .. "t,t")
    assert.matches("line 1000002: 2 fields", err.message)
  end)
end)

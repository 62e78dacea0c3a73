-- Report results as text, in every format: what is shown, what is escaped, what is masked, and that it never changes.

local oc = require "oc"
local core = require "oc.core"
local mask = require "oc.report.render.mask"
local process = require "support.process"
local render = require "oc.report.render"
local results = require "support.report_results"
local style = require "oc.report.render.style"
local values = require "oc.report.render.values"
local width = require "oc.width"

local text = render.text

local function table_of(columns, rows)
  return {title = "T", columns = columns, rows = rows}
end

describe("render", function()
  it("knows its formats", function()
    assert.same({"table", "csv", "json", "ndjson", "markdown", "html"}, render.formats)
    for _, format in ipairs(render.formats) do assert.equal("string", type(text(results.bar(), format))) end
  end)

  it("raises for what the program got wrong, where it did", function()
    local cases = {
      {"no format 'pdf'", results.bar(), "pdf"},
      {"no option 'color'", results.bar(), "table", {color = true}},
      {"option 'width': a number expected, got string", results.bar(), "table", {width = "80"}},
      {"option 'pii': 'mask' or 'show' expected", results.bar(), "csv", {pii = "hide"}},
      {"a report result expected", {rows = {}}, "csv"},
      {"column 1: no kind 'money'", table_of({{title = "a", kind = "money"}}, {}), "csv"},
      {"title of column 1: a string expected, got number", table_of({{title = 1}}, {}), "csv"},
      {"chart: value is no column: 2", {columns = {{title = "a"}}, rows = {}, chart = {kind = "bar", label = 1,
        value = 2}}, "html"},
      {"chart: no kind 'pie'", {columns = {{title = "a"}}, rows = {}, chart = {kind = "pie"}}, "html"},
    }
    for _, case in ipairs(cases) do
      local ok, err = pcall(text, case[2], case[3], case[4])
      assert.is_false(ok)
      assert.truthy(err:find(case[1], 1, true), err)
    end
  end)

  it("takes the built-in reports in every format", function()
    local report = require "oc.report"
    local leads = {{id = "a", status = "Active", tenantId = "t", contactDetails = {companySize = "U50"}}}
    for _, name in ipairs(report.names) do
      local result = assert(report.run(name, leads, {now = 1795852800}))
      for _, format in ipairs(render.formats) do assert.equal("string", type(text(result, format, {width = 80}))) end
    end
  end)

  it("gives the same bytes each time, and leaves what it was given alone", function()
    for _, format in ipairs(render.formats) do
      local given, again = results.hostile(), results.hostile()
      assert.equal(text(given, format, {pii = "mask"}), text(again, format, {pii = "mask"}))
      assert.same(results.hostile(), given)
    end
  end)

  it("bears results with nothing in them", function()
    for _, format in ipairs(render.formats) do
      for _, result in ipairs {table_of({}, {}), table_of({}, {{}, {}}), table_of({{title = ""}}, {}),
        table_of({{title = "a", kind = "number", pii = true}, {title = "b"}}, {{}, {nil, "x"}, {oc.null, oc.null}})} do
        result.chart = result.columns[2] and {kind = "bar", label = 2, value = 1} or nil
        assert.equal("string", type(text(result, format)))
      end
    end
    assert.equal("", text(table_of({}, {}), "csv"))
    assert.matches("There is nothing to show", text(table_of({}, {}), "html"))
    assert.matches("There is nothing to show", text(table_of({{title = "a"}}, {}), "markdown"))
  end)

  it("takes 10,000 rows in a few seconds", function()
    local many = results.many(10000)
    for _, format in ipairs(render.formats) do
      local started = core.now()
      local made = text(many, format, {width = format == "table" and 100 or nil})
      assert.is_true(core.now() - started < 10, format)
      assert.truthy(made:find("Contoso Ltd 10000", 1, true), format)
    end
  end)

  it("says that leads are missing, where people read it", function()
    for _, format in ipairs {"table", "markdown", "html"} do
      assert.truthy(text(results.funnel(), format):lower():find("incomplete", 1, true), format)
      assert.is_nil(text(results.bar(), format):lower():find("incomplete", 1, true))
    end
    assert.is_false(oc.decode(text(results.funnel(), "json")).complete)
  end)
end)

describe("values", function()
  it("are numbers in any locale, for people and for programs", function()
    local cases = {
      {1234567, "number", "1,234,567", "1234567"}, {-1234.5, "number", "-1,234.5", "-1234.5"},
      {0.1 + 0.2, "number", "0.3", "0.30000000000000004"}, {2.0, "number", "2", "2"}, {-0.0, "number", "0", "0"},
      {-0.0001, "number", "0", "-0.0001"}, {999.9996, "number", "1,000", "999.9996"},
      {2 ^ 53, "number", "9,007,199,254,740,992", "9007199254740992"},
      {0.1234, "percent", "12.3 %", "0.1234"}, {1, "percent", "100.0 %", "1"}, {-0.05, "percent", "-5.0 %", "-0.05"},
      {1234, "id", "1234", "1234"},
    }
    local before = os.setlocale(nil, "numeric")
    for _, locale in ipairs {"C", "de_DE.UTF-8"} do
      os.setlocale(locale, "numeric")
      for _, case in ipairs(cases) do
        assert.equal(case[3], values.shown(case[1], case[2]))
        assert.equal(case[4], values.plain(case[1]))
      end
    end
    os.setlocale(before, "numeric")
  end)

  it("are nothing where they are no number, and text where they are a table", function()
    for _, nothing in ipairs {0 / 0, math.huge, -math.huge, oc.null} do assert.is_nil(values.settled(nothing)) end
    assert.equal("IL, US", values.settled {"IL", "US"})
    assert.equal("", values.settled {})
    assert.equal('{"a":1}', values.settled {a = 1})
    assert.equal("?", values.settled(print))
  end)

  it("are UTF-8, whatever came", function()
    for bad, good in pairs {["\255a"] = "�a", ["\192\128"] = "��", ["\237\160\128"] = "���", ["é\226\130"] = "é��",
      ["日本😀"] = "日本😀", ["\239\191\191"] = "���", ["\239\191\189"] = "�", ["\244\144\128\128"] = "����"} do
      assert.equal(good, values.utf8(bad))
    end
  end)

  it("are days and minutes of instants", function()
    assert.equal("2026-11-28", values.shown("2026-11-28T08:00:00.1234567Z", "date"))
    assert.equal("soon", values.shown("soon", "date"))
    assert.equal("2026-11-28 08:00 UTC", values.instant "2026-11-28T08:00:12Z")
    assert.equal("2026-11-28T08:00:12+02:00", values.instant "2026-11-28T08:00:12+02:00")
  end)
end)

describe("the mask", function()
  it("leaves what reminds and takes what tells", function()
    local cases = {
      ["dana.levi@example.com"] = "d…@example.com", ["+972-50-123-4567"] = "+972…67", ["+1 (425) 555-0100"] = "+1…00",
      ["004930123456"] = "+49…56", ["(425) 555-0100"] = "…00", ["110"] = "…", ["1980-01-31"] = "…",
      ["Dana Levi"] = "D. L.", ["Anne-Marie de la Tour"] = "A. d. l.", ["Élodie Ünal"] = "É. Ü.", ["דנה לוי"] = "ד. ל.",
      ["Dana"] = "D…", ["Room 5"] = "R…", ["山田太郎"] = "…", ["김민준"] = "…", ["山田 太郎"] = "…", ["<b> x"] = "…",
      ["@"] = "…", ["a@b@c"] = "a…", ["x@y.z w"] = "x. w.", [""] = "", ["\0"] = "…",
    }
    for plain, masked in pairs(cases) do assert.equal(masked, mask.value(plain), plain) end
    assert.equal("…67", mask.value(972501234567))
    assert.equal("…", mask.value(true))
    assert.is_nil(mask.value(nil))
  end)

  it("is for the rows that say so, where a column leaves it to them", function()
    local result = {title = "t", columns = {{title = "Field"}, {title = "New", pii = "row"}}, rows = {
      {"status", "Active"}, {"phone", "+972-50-123-4567", pii = true}}}
    local page = render.text(result, "markdown")
    assert.truthy(page:find("Active", 1, true))
    assert.truthy(page:find("+972…67", 1, true))
    assert.is_nil(page:find("4567", 1, true))
    assert.truthy(render.text(result, "markdown", {pii = "show"}):find("4567", 1, true))
  end)

  it("is on in HTML and Markdown, and nothing of the original gets round it", function()
    for _, format in ipairs(render.formats) do
      local made = text(results.personal(), format, {pii = "mask"})
      for _, secret in ipairs {"Dana", "Levi", "dana.levi", "4567", "555", "secretly", "Room", "דנה", "山"} do
        assert.is_nil(made:gsub(style.css:gsub("%p", "%%%0"), ""):gsub(style.hash:gsub("%p", "%%%0"), "")
          :find(secret, 1, true), format .. " has " .. secret)
      end
      assert.truthy(made:find("D. L.", 1, true), format)
      assert.equal(render.masks(format), not text(results.personal(), format):find("Dana", 1, true))
      assert.truthy(text(results.personal(), format, {pii = "show"}):find("Dana Levi", 1, true))
    end
    assert.matches("Personal data is masked", text(results.personal(), "html"))
    assert.is_true(oc.decode(text(results.personal(), "json", {pii = "mask"})).masked)
  end)
end)

describe("the table", function()
  it("has numbers to the right, and bars beside them", function()
    assert.equal([[
Coverage
INCOMPLETE: the leads were not
all there are

STEP            LEADS
Active            200  ██████████
Has an address    100  █████
Passes             50  ██▌
]], text(results.funnel(), "table", {width = 33}))
    assert.equal("Active            200\n", text(results.funnel(), "table", {width = 28}):match "Active[^\n]*\n")
    assert.matches("\nConsents  ▁▁▁▂▂▃▃▄▅▆▇█\n", text(results.line(), "table", {width = 80}))
  end)

  it("fits, whatever is in it, and never cuts a number", function()
    for columns = 30, 120, 7 do
      for _, result in ipairs {results.bar(), results.hostile(), results.personal()} do
        result.notes = nil
        local made = text(result, "table", {width = columns, colour = false})
        for line in made:gmatch "[^\n]+" do
          assert.is_true(width.of(line) <= columns or columns < 70, columns .. ": " .. line)
        end
        assert.is_nil(made:find "[%z\1-\9\11-\31\127]")
      end
      assert.matches("3,120", text(results.bar(), "table", {width = columns}))
    end
    assert.matches("a930840b%-8a4a%-47d7%-bc17%-aa370e04b375", text(results.bar(), "table"))
  end)

  it("has colours when asked", function()
    assert.is_nil(text(results.bar(), "table"):find("\27", 1, true))
    local coloured = text(results.bar(), "table", {colour = true, width = 120})
    assert.equal(text(results.bar(), "table", {width = 120}), (coloured:gsub("\27%[%d+m", "")))
    assert.matches("\27%[36m█", coloured)
  end)
end)

describe("CSV of a report", function()
  it("has values for programs", function()
    local made = text(results.bar(), "csv")
    assert.matches("^Status,Leads,Share,Last change,Tenant\r\n", made)
    assert.truthy(made:find("Active,3120,0.624,2026-11-27T22:14:03Z,a930840b-8a4a-47d7-bc17-aa370e04b375\r\n", 1, true))
    assert.truthy(made:find("\r\nUnknown,,,,\r\n", 1, true))
  end)

  it("disarms formulas and keeps phones and negative numbers", function()
    local made = text(table_of({{title = "=x"}, {title = "n"}}, {{"=cmd|' /C calc'!A0", -5}, {"+972-50-123-4567", 1},
      {"@a", 2}, {'say "hi"\n', 3}}), "csv")
    assert.equal("'=x,n\r\n'=cmd|' /C calc'!A0,-5\r\n+972-50-123-4567,1\r\n'@a,2\r\n\"say \"\"hi\"\"\n\",3\r\n", made)
  end)

  it("is for Excel when asked", function()
    local made = text(table_of({{title = "Phone"}, {title = "Id", kind = "id"}, {title = "n", kind = "number"}},
      {{"+972501234567", "00123", -5}}), "csv", {excel = true})
    assert.equal('\239\187\191Phone,Id,n\r\n"=""+972501234567""","=""00123""",-5\r\n', made)
  end)
end)

describe("JSON of a report", function()
  it("has rows as objects, by keys made of the titles", function()
    local made = oc.decode(text(table_of({{title = "Lead count"}, {title = "lead-count"}, {title = "%"},
      {title = "Größe"}, {title = "x", key = "own"}}, {{1, nil, "a", true, 0 / 0}}), "json"), {nulls = "null"})
    local keys = {}
    for i, column in ipairs(made.columns) do keys[i] = column.key end
    assert.same({"lead_count", "lead_count_2", "column_3", "größe", "own"}, keys)
    assert.same({lead_count = 1, lead_count_2 = oc.null, column_3 = "a", ["größe"] = true, own = oc.null}, made.rows[1])
  end)

  it("survives everything, also as lines", function()
    local hostile = results.hostile()
    local whole, n = oc.decode(text(hostile, "json")), 0
    assert.equal(#hostile.rows, #whole.rows)
    assert.equal(#hostile.notes, #whole.notes)
    for line in text(hostile, "ndjson"):gmatch "[^\n]+" do
      n = n + 1
      assert.same(whole.rows[n], oc.decode(line))
    end
    assert.equal(#hostile.rows, n)
    assert.same({}, oc.decode(text(table_of({}, {}), "json")).rows)
  end)
end)

describe("Markdown of a report", function()
  it("is a pipe table with notes", function()
    assert.equal("# Leads by status\n\nmade 2026-11-28 08:00 UTC, from https://sp.example.com\n\n"
      .. "| Status | Leads | Share | Last change | Tenant |\n| --- | ---: | ---: | --- | --- |\n"
      .. "| Active | 3,120 | 62.4 % | 2026-11-27 | a930840b-8a4a-47d7-bc17-aa370e04b375 |\n"
      .. "| Consented | 1,204 | 24.1 % | 2026-11-28 | – |\n| Suspended | 431.5 | 8.6 % | – | – |\n"
      .. "| Unknown | – | – | – | – |\n\n- Shares are of all 5,000 leads.\n", text(results.bar(), "markdown"))
  end)

  it("lets nothing become markup", function()
    local made = text(results.hostile(), "markdown")
    assert.is_nil(made:gsub("<br>", ""):find "[<>]")
    assert.truthy(made:find("a\\|b\\\\\\|c<br>d \\`e\\` \\*f\\* \\[g\\](javascript:h)", 1, true))
    for line in made:gmatch "\n(|[^\n]*)" do
      assert.equal(5, select(2, line:gsub("\\\\", ""):gsub("\\|", ""):gsub("|", "")), line)
    end
    made = text({columns = {}, rows = {}, notes = {"# a", "1. b"}}, "markdown")
    assert.truthy(made:find("- \\# a\n- 1\\. b\n", 1, true))
  end)
end)

describe("HTML of a report", function()
  it("is let in by the hash of its style sheet", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(style.css)
    file:close()
    local pipe = io.popen("openssl dgst -sha256 -binary " .. process.quote(path) .. " | openssl base64")
    local hash = pipe:read "*l"
    pipe:close()
    os.remove(path)
    assert.equal("sha256-" .. hash, style.hash, "lua/oc/report/render/style.lua: the hash is to be that")
    local made = text(results.bar(), "html")
    assert.truthy(made:find("<style>" .. style.css .. "</style>", 1, true))
    local policy = "default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'"
    assert.truthy(made:find('content="' .. policy:format(style.hash) .. '"', 1, true))
  end)

  -- A little reader: every tag closed where it should be, and only the tags and attributes that we know.
  local TAGS = {html = "lang", head = "", meta = "charset http-equiv content name", title = "id", style = "", body = "",
    main = "", header = "", h1 = "", h2 = "id", p = "class", strong = "", section = "aria-labelledby", figure = "",
    figcaption = "", svg = "class role aria-labelledby width height x y viewBox preserveAspectRatio", desc = "id",
    g = "", text = "class x y text-anchor", rect = "class x y width height rx",
    line = "class x1 x2 y1 y2",
    polygon = "class points", polyline = "class points", circle = "class cx cy r",
    div = "class role aria-labelledby tabindex", table = "",
    caption = "id", span = "class", thead = "", tbody = "", tr = "", th = "scope class", td = "class", bdi = "",
    time = "datetime", ul = "", li = ""}

  local function check_markup(made)
    local open = {}
    for slash, name, attributes, ending in made:gsub("^<!DOCTYPE html>", ""):gmatch "<(/?)([^%s>/]*)([^>]-)(/?)>" do
      assert.is_string(TAGS[name], "a tag " .. name)
      for attribute in attributes:gsub('"[^"]*"', ""):gmatch "[^%s=]+" do
        assert.truthy((" " .. TAGS[name] .. " "):find(" " .. attribute .. " ", 1, true), name .. " has " .. attribute)
      end
      if slash == "/" then
        assert.equal(table.remove(open), name)
      elseif ending == "" and name ~= "meta" then
        open[#open + 1] = name
      end
    end
    assert.same({}, open)
    assert.is_nil(made:find "[%z\1-\9\11-\31\127]")
    assert.equal(values.utf8(made), made)
  end

  it("has no markup but its own", function()
    for _, name in ipairs {"bar", "funnel", "line", "hostile", "personal"} do
      check_markup(text(results[name](), "html"))
    end
    check_markup(text(results.many(100), "html", {pii = "show"}))
    check_markup(text(table_of({}, {}), "html"))
    local negative = results.line()
    negative.rows[3][2], negative.rows[4][2] = -50, nil
    check_markup(text(negative, "html"))
    assert.is_nil(text(negative, "html"):find("nan", 1, true))
  end)

  it("draws at most 30 bars, and says what became of the rest", function()
    local made = text(results.many(100), "html")
    assert.equal(30, select(2, made:gsub('<rect class="track"', "")))
    assert.matches("The picture has the 29 largest; the other 71 are summed as &#39;others&#39;", made)
    assert.equal(100, select(2, made:gsub('<th scope="row"', "")))
    local shares = results.many(100)
    shares.columns[2].kind = "percent"
    assert.matches("The picture has the first 30 of 100 rows", text(shares, "html"))
  end)

  it("isolates letters that run from the right, and keeps instants for machines", function()
    local made = text(results.hostile(), "html")
    assert.truthy(made:find("<bdi>קונטוסו בע״מ</bdi>", 1, true))
    assert.truthy(made:find("<bdi>\226\128\174turned</bdi>", 1, true))
    assert.truthy(text(results.bar(), "html"):find('<time datetime="2026-11-27T22:14:03Z">2026-11-27</time>', 1, true))
  end)
end)

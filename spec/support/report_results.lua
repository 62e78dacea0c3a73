-- Report results for specs: what reports give, and what hostile leads would make of them.

local report_results = {}

report_results.HOSTILE = {
  "<script>document.title='pwned'</script>", '"><img src=x onerror=alert(1)>', "]]>", "</title></style></svg>",
  "=cmd|' /C calc'!A0", "+972-50-123-4567", "😀 family 👨‍👩‍👧", "קונטוסו בע״מ",
  "日本語株式会社", "a|b\\|c\nd `e` *f* [g](javascript:h)",
  "\226\128\174turned", "\0\27[31m\7\194\155x", "\255\254\192\128", "&amp;<!--", "' onmouseover='x", ("long"):rep(60),
}

--- Leads by status, with everything a result may have.
function report_results.bar()
  return {
    title = "Leads by status", made = "2026-11-28T08:00:00Z", complete = true, source = "https://sp.example.com",
    columns = {{title = "Status"}, {title = "Leads", kind = "number"}, {title = "Share", kind = "percent"},
      {title = "Last change", kind = "date"}, {title = "Tenant", kind = "id"}},
    rows = {{"Active", 3120, 0.624, "2026-11-27T22:14:03Z", "a930840b-8a4a-47d7-bc17-aa370e04b375"},
      {"Consented", 1204, 0.2408, "2026-11-28T06:01:00Z"}, {"Suspended", 431.5, 0.0863}, {"Unknown"}},
    chart = {kind = "bar", label = 1, value = 2}, notes = {"Shares are of all 5,000 leads."},
  }
end

function report_results.funnel()
  return {
    title = "Coverage", complete = false, columns = {{title = "Step"}, {title = "Leads", kind = "number"}},
    rows = {{"Active", 200}, {"Has an address", 100}, {"Passes", 50}}, chart = {kind = "funnel", label = 1, value = 2},
  }
end

function report_results.line()
  local result = {title = "Consents by month", columns = {{title = "Month", kind = "date"}, {title = "Consents"}},
    rows = {}, chart = {kind = "line", label = 1, value = 2, title = "Consents"}}
  for i = 1, 12 do result.rows[i] = {("2026-%02d"):format(i), i * i} end
  return result
end

--- Every hostile text in every place.
function report_results.hostile()
  local texts = report_results.HOSTILE
  local result = {title = texts[1], made = texts[2], source = texts[14], rows = {}, notes = texts,
    columns = {{title = texts[2]}, {title = texts[4], kind = "number"}, {title = texts[15]},
      {title = texts[10], kind = "date"}},
    chart = {kind = "bar", label = 1, value = 2, title = texts[4]}}
  for i, text in ipairs(texts) do result.rows[i] = {text, i, text, text} end
  return result
end

--- A person's data in columns of its own, as the label of a chart too.
function report_results.personal()
  return {
    title = "Contacts", columns = {{title = "Name", pii = true}, {title = "E-mail", pii = true},
      {title = "Phone", pii = true, kind = "id"}, {title = "Remark", pii = true}, {title = "Leads"}},
    rows = {{"Dana Levi", "dana.levi@example.com", "+972-50-123-4567", "Room 5, call first", 3},
      {"דנה לוי", "x@example.org", "(425) 555-0100", "secretly", 2}, {"山田太郎", nil, "110", "", 1}},
    chart = {kind = "bar", label = 1, value = 5},
  }
end

--- Many rows.
function report_results.many(n)
  local result = {title = "Many", columns = {{title = "Company"}, {title = "Leads"}, {title = "Tenant", kind = "id"}},
    rows = {}, chart = {kind = "bar", label = 1, value = 2}}
  for i = 1, n do
    result.rows[i] = {"Contoso Ltd " .. i, i * 7 % 100, ("a930840b-8a4a-47d7-bc17-%012d"):format(i)}
  end
  return result
end

return report_results

-- HTML reports in a real browser: the page's own policy and a strict one of a server let everything through that it
-- needs and nothing else, light and dark are two pictures, every text has contrast, the table is a table.

local browser = require "support.browser"
local command = require "support.command"
local daemon = require "support.daemon"
local http = require "socket.http"
local png = require "support.png"
local process = require "support.process"
local render = require "oc.report.render"
local results = require "support.report_results"
local style = require "oc.report.render.style"

local STRICT = "Content-Security-Policy: " .. style.policy .. "; frame-ancestors 'self'; require-trusted-types-for "
  .. "'script'\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"

-- Looks at a report in a frame, whose own policy it does not touch: how far it runs over a narrow window, and the
-- worst contrast of a text with what is behind it.
local PROBE = [[
<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark"></head><body>
<iframe src="%s" width="%d" height="800"></iframe><p id="found"></p>
<script>
function parts(colour) { var n = colour.match(/[\d.]+/g).map(Number); return n.length < 4 ? n.concat([1]) : n; }
function over(top, below) { return [0, 1, 2].map(function(i) { return top[i] * top[3] + below[i] * (1 - top[3]); }); }
function light(c) {
  var l = c.slice(0, 3).map(function(v) {
    v /= 255;
    return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4);
  });
  return .2126 * l[0] + .7152 * l[1] + .0722 * l[2];
}
function behind(e, view) {
  if (!e) return [255, 255, 255];
  return over(parts(view.getComputedStyle(e).backgroundColor), behind(e.parentElement, view));
}
function contrast(e, view) {
  var s = view.getComputedStyle(e), back = behind(e, view);
  var a = light(over(parts(e.ownerSVGElement ? s.fill : s.color), back)), b = light(back);
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}
window.onload = function() {
  var view = document.querySelector('iframe').contentWindow, root = view.document.documentElement;
  var worst = 99, who = '', n = 0;
  view.document.querySelectorAll('body *').forEach(function(e) {
    var has = Array.prototype.some.call(e.childNodes, function(c) { return c.nodeType === 3 && c.data.trim(); });
    if (!has || e.localName === 'title' || e.localName === 'desc') return;
    var c = contrast(e, view);
    n++;
    if (c < worst) { worst = c; who = e.localName + '.' + e.getAttribute('class'); }
  });
  document.getElementById('found').textContent = 'over ' + (root.scrollWidth - root.clientWidth) + ' texts ' + n +
    ' contrast ' + worst.toFixed(2) + ' of ' + who + ' scheme ' +
    (view.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
};
</script></body></html>
]]

describe("an HTML report in Chromium", function()
  local folder, server, url

  local function put(name, text)
    daemon.write(folder, name, text)
    return "file://" .. folder .. "/" .. name, url .. "/" .. name
  end

  setup(function()
    browser.find()
    folder = daemon.folder()
    daemon.write(folder, "headers", STRICT)
    server = daemon.start(folder, ("%s %s/spec/support/page_server_main.lua"):format(
      process.quote(process.interpreter()), process.quote(command.root)))
    url = "http://127.0.0.1:" .. assert(server:await "^ready (%d+)")
  end)

  teardown(function()
    if server then server:stop() end
    if folder then daemon.remove(folder) end
  end)

  it("is refused to be tested without one", function()
    assert.has_error(function() browser.find "/nowhere" end,
      "no Chromium here, and HTML reports are tested in a real one: script/setup --browser installs it")
  end)

  for _, name in ipairs {"bar", "funnel", "line"} do
    it("has a table and a described chart, and nothing in the console: " .. name, function()
      local dom, console = browser.document((put("report.html", render.text(results[name](), "html"))))
      assert.same({}, console)
      assert.matches('<caption id="caption">%a.-</caption>', dom)
      assert.matches('<thead>%s*<tr><th scope="col"[^>]*>%a+</th>', dom)
      assert.matches('<tbody>%s*<tr><th scope="row"[^>]*>%w.-</th><td', dom)
      assert.matches('<svg [^>]*role="img" aria%-labelledby="chart%-title chart%-desc"', dom)
      assert.matches('<title id="chart%-title">%a.-</title>%s*<desc id="chart%-desc">%a.-</desc>', dom)
    end)
  end

  it("shows hostile texts as texts", function()
    local dom, console = browser.document((put("report.html", render.text(results.hostile(), "html"))))
    assert.same({}, console)
    assert.matches("<title>&lt;script&gt;document.title='pwned'&lt;/script&gt;</title>", dom)
    assert.is_nil(dom:lower():find "<script" or dom:find "<img" or dom:find " onerror=\"" or dom:find " onmouseover=\"")
    local _, rows = dom:gsub('<th scope="row"', "")
    assert.equal(#results.HOSTILE, rows)
  end)

  it("would be heard if it broke the policy", function()
    local page = render.text(results.bar(), "html")
    local _, console = browser.document((put("report.html", page:gsub("</main>", "<script>1</script>%0"))))
    assert.matches("Content Security Policy", table.concat(console, "\n"))
    _, console = browser.document((put("report.html", page:gsub("<style>", "%0 "))))
    assert.matches("Content Security Policy", table.concat(console, "\n"))
  end)

  it("is the same under a server's strict policy, and asks for nothing else", function()
    local file, served = put("strict.html", render.text(results.bar(), "html"))
    local dom, console = browser.document(served)
    assert.same({}, console)
    assert.equal((browser.document(file)), dom)
    assert.is_true(browser.picture(file, "light", 500, 300) == browser.picture(served, "light", 500, 300))
    for path in http.request(url .. "/_asked"):gmatch "[^\n]+" do
      assert.is_true(path == "/strict.html" or path == "/favicon.ico", path)
    end
  end)

  it("is light or dark, as its reader likes, and never blank", function()
    local file = put("report.html", render.text(results.bar(), "html"))
    local light = png.read(browser.picture(file, "light", 500, 300))
    local dark = png.read(browser.picture(file, "dark", 500, 300))
    assert.equal("244,246,248", light.at(2, 2))
    assert.equal("15,20,25", dark.at(2, 2))
    assert.is_true(light.colours > 20, light.colours)
    assert.is_true(dark.colours > 20, dark.colours)
  end)

  for _, scheme in ipairs {"light", "dark"} do
    it("has contrast by WCAG AA, and stays within a telephone: " .. scheme, function()
      local personal = results.personal()
      personal.complete, personal.notes = false, {("long"):rep(200)}
      put("report.html", render.text(personal, "html"))
      local _, probe = put("probe.html", PROBE:format("report.html", 360))
      local dom = browser.document(probe, browser.scheme(scheme))
      local over, texts, contrast, who, found = dom:match(
        "over (%d+) texts (%d+) contrast ([%d.]+) of (%S+) scheme (%l+)")
      assert.equal(scheme, found, dom)
      assert.equal("0", over)
      assert.is_true(tonumber(texts) > 20)
      assert.is_true(tonumber(contrast) >= 4.5, who .. " " .. contrast)
    end)
  end

  it("prints on as many pages as it takes", function()
    local file = put("report.html", render.text(results.many(200), "html"))
    local _, _, pdf = browser.run("--no-pdf-header-footer --print-to-pdf=printed.pdf", file, "printed.pdf")
    assert.equal("%PDF", pdf:sub(1, 4))
    local _, pages = pdf:gsub("/Type /Page%f[^%w]", "")
    assert.is_true(pages >= 4, pages)
  end)
end)

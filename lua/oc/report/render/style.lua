--- The one style sheet of an HTML report, and its hash, by which the page's own policy lets it in. Colours have the
-- contrast that WCAG AA asks for, in light and dark; spec/html_browser_spec.lua measures it.

local style = {}

style.css = [[
:root{color-scheme:light dark;--page:#f4f6f8;--card:#ffffff;--text:#1a2129;--muted:#556270;--rule:#d9dfe5;
--accent:#0f62ac;--track:#e6ebf0;--warn-text:#6b4300;--warn-page:#fff3d6;--warn-rule:#e2b04a;
--stripe:rgba(20,50,80,.035);--shade:rgba(15,30,50,.25)}
@media (prefers-color-scheme:dark){:root{--page:#0f1419;--card:#171e26;--text:#e4eaf0;--muted:#a1aebb;--rule:#2c3742;
--accent:#62aef5;--track:#26303b;--warn-text:#ffdf9e;--warn-page:#3a2c0c;--warn-rule:#8c6a1c;
--stripe:rgba(220,235,255,.035);--shade:rgba(0,0,0,.7)}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Noto Sans",Arial,sans-serif}
main{max-width:76rem;margin:0 auto;padding:2.5rem 1.5rem 3rem}
h1{margin:0;font-size:1.9rem;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0 0 1rem;font-size:1.1rem;line-height:1.3;overflow-wrap:anywhere}
p{margin:0}
header{margin-bottom:1.75rem}
.origin{margin-top:.5rem;color:var(--muted);font-size:.925rem;overflow-wrap:anywhere}
.warning{margin-top:1.25rem;padding:.75rem 1rem;border:1px solid var(--warn-rule);border-left-width:.35rem;
border-radius:.4rem;background:var(--warn-page);color:var(--warn-text)}
section{margin-top:1.25rem;padding:1.5rem;background:var(--card);border:1px solid var(--rule);border-radius:.6rem}
figure{margin:0}
figcaption{margin-top:.75rem;color:var(--muted);font-size:.875rem}
.chart{display:block;overflow:visible;font-size:14px}
.chart text{fill:var(--text)}
.chart .label,.chart .tick{unicode-bidi:isolate}
.chart .value{font-weight:600;font-variant-numeric:tabular-nums}
.chart .tick{fill:var(--muted);font-size:13px}
.track{fill:var(--track)}
.bar{fill:var(--accent)}
.others{fill:var(--muted)}
.axis{stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke}
.area{fill:var(--accent);fill-opacity:.12}
.trace{fill:none;stroke:var(--accent);stroke-width:2.5;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.dot{fill:var(--accent)}
.scroll{margin:0 -1.5rem;padding:0 1.5rem;overflow-x:auto;background:no-repeat local left/3rem 100%
linear-gradient(to right,var(--card) 40%,transparent),no-repeat local right/3rem 100%
linear-gradient(to left,var(--card) 40%,transparent),no-repeat scroll left/.8rem 100%
linear-gradient(to right,var(--shade),transparent),no-repeat scroll right/.8rem 100%
linear-gradient(to left,var(--shade),transparent)}
.scroll:focus-visible{outline:3px solid var(--accent);outline-offset:-3px}
table{width:100%;border-collapse:collapse;font-size:.9375rem}
caption{padding:0 0 .75rem;text-align:left;font-weight:600;font-size:1.1rem;line-height:1.3;overflow-wrap:anywhere}
caption .rows{margin-left:.5rem;color:var(--muted);font-weight:400;font-size:.875rem;white-space:nowrap}
th,td{padding:.5rem 1rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top;font-weight:400;
white-space:pre-line;overflow-wrap:break-word;max-width:26rem}
th:first-child,td:first-child{padding-left:.5rem}
th:last-child,td:last-child{padding-right:.5rem}
thead th{border-bottom:2px solid var(--rule);color:var(--muted);font-weight:600;font-size:.85rem;vertical-align:bottom}
tbody tr:nth-child(even){background:var(--stripe)}
tbody tr:last-child>*{border-bottom:0}
tbody th{min-width:8rem;font-weight:500}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.date{white-space:nowrap;font-variant-numeric:tabular-nums}
tbody .id{font:.8125rem/1.7 ui-monospace,SFMono-Regular,Consolas,"DejaVu Sans Mono",monospace}
tbody .id,tbody .masked{white-space:nowrap}
.none{color:var(--muted)}
ul{margin:0;padding-left:1.25rem}
li{overflow-wrap:anywhere}
li+li{margin-top:.35rem}
@media (max-width:40rem){main{padding:1.5rem .75rem 2rem}section{padding:1rem}h1{font-size:1.5rem}
.scroll{margin:0 -1rem;padding:0 1rem}th,td{padding:.5rem .6rem}}
@media print{
:root{color-scheme:light;--page:#fff;--card:#fff;--text:#000;--muted:#444;--rule:#bbb;--accent:#0f62ac;--track:#eee;
--warn-text:#000;--warn-page:#fff;--warn-rule:#000;--stripe:#fff;--shade:transparent}
@page{margin:16mm}
body{font-size:10.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:none;padding:0}
section{padding:0;border:0;margin-top:1.5rem}
.scroll{margin:0;padding:0;overflow:visible;background:none}
th,td{overflow-wrap:anywhere}
tbody .id,tbody .masked{white-space:normal}
thead{display:table-header-group}
tr,figure,.chart g{break-inside:avoid}
h2,caption{break-after:avoid}
}
]]

--- SHA-256 of it, as policies write it: printf %s CSS | openssl dgst -sha256 -binary | base64
style.hash = "sha256-OFtUMAvDrcEuK1/fQ5SDAzk/UEH5ILH2ZmShwUEa6bs="

--- The policy that a page declares, and that a server may send as well.
style.policy = ("default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'"):format(style.hash)

return style

-- `oc-leads doctor` as an operator meets it: a process, its two streams, its exit code, its report.

local cjson = require "cjson"
local command_line = require "support.command"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local quote = process.quote

local read_file = command_line.read_file

describe("oc-leads doctor", function()
  local server, place, folder

  setup(function()
    server = sandbox_child.start()
    place = command_line.place()
    folder = place.folder
  end)
  teardown(function()
    server:close()
    place:remove()
  end)

  local command = command_line.line
  local function run(words, before) return place:run(words, before) end

  local function doctor(words, before)
    return run("doctor --base-url " .. server.url .. " " .. words, before)
  end

  it("prints a line for each check, and exits with 0 when nothing is wrong", function()
    server:configure {leads = 500}
    local code, out, err = doctor ""
    assert.equal(0, code)
    assert.equal("", err)
    assert.matches("^ok       address       http://127.0.0.1:%d+ answers", out)
    for _, title in ipairs {"TLS", "clock", "token", "first page", "largest page", "past the end", "parameters", "body",
      "compression"} do
      assert.matches("\nok +" .. title .. " +%S", out)
    end
  end)

  it("says which flag and which variable to set, and exits with 1", function()
    server:configure {leads = 500, page_base = 0}
    local code, out, err = doctor ""
    assert.equal(1, code)
    assert.equal("", err)
    assert.matches("\nfail     first page    0, but %-%-page%-base is 1: every run misses the first page,", out)
    assert.matches("\n                       set %-%-page%-base 0 or OC_PAGE_BASE=0\n", out)
    assert.equal(0, (doctor "--page-base 0"))
    assert.equal(0, (doctor("", "OC_PAGE_BASE=0")))
  end)

  it("says what broke where no answer came, also when there is no advice", function()
    server:configure {faults = {{drop_before_head = "reset"}}}
    local code, out, err = doctor ""
    assert.equal(1, code)
    assert.equal("", err)
    assert.matches("^fail     address       the connection to 127%.0%.0%.1:%d+ broke", out)
    assert.equal(0, (select(2, out:gsub("\nfail", ""))))
  end)

  it("exits with 0 when there are only warnings", function()
    server:configure {leads = 500, page_cap = 50}
    local code, out = doctor ""
    assert.equal(0, code)
    assert.matches("\nwarn     largest page  at most 50 leads", out)
    assert.matches("%-%-page%-size is 200 now", out)
    assert.matches("set %-%-page%-size 50 or OC_PAGE_SIZE=50\n", out)
    assert.matches("\nok       largest page  at most 50 leads", select(2, doctor("", "OC_PAGE_SIZE=50")))
    assert.matches("\nok       largest page  no cap up to 40", select(2, doctor "--page-size 40"))
  end)

  it("takes an address that cannot be one for a finding", function()
    local code, out = run "doctor --base-url sp.example.com"
    assert.equal(1, code)
    assert.matches("^fail     address       %-%-base%-url has no scheme", out)
    assert.matches("set %-%-base%-url https://HOST/tenantui or OC_BASE_URL=https://HOST/tenantui\n", out)
    assert.matches("\nskipped  token         not checked, because of address\n", out)
    assert.equal(1, (run("doctor", "OC_BASE_URL=nonsense")))
  end)

  it("names what is missing of the credentials", function()
    server:configure {leads = 50, client_id = "app"}
    local code, out = doctor ""
    assert.equal(1, code)
    assert.matches("fail     token         none given, and the service wants one", out)
    assert.matches("set OC_TOKEN, or OC_TENANT_ID", out)
    code, out = doctor("", "OC_CLIENT_ID=app")
    assert.equal(1, code)
    assert.matches("missing OC_CLIENT_SECRET,%s+OC_SCOPE,%s+OC_TENANT_ID", out)
    code, out = doctor("", "OC_BASE_URL=https://other.example.com OC_TOKEN=s3cr3t")
    assert.equal(1, code)
    assert.matches("those in the environment are for another origin", out)
    assert.matches("give the token by%s+%-%-token%-file", out)
    assert.is_nil(out:find "s3cr3t")
  end)

  local function entra(secret)
    return ("OC_AUTHORITY=%s OC_TENANT_ID=contoso.example OC_CLIENT_ID=app OC_CLIENT_SECRET=%s "
      .. "OC_SCOPE=api://x/.default"):format(server.url, secret)
  end

  it("takes credentials as list does, and shows none of them", function()
    server:configure {leads = 50, client_id = "app", client_secret = "r1ght"}
    local code, out, err = doctor("-v --log-file log --report report", entra "wr0ng")
    assert.equal(1, code)
    assert.matches("Entra refuses: AADSTS7000215", out)
    assert.matches("set OC_CLIENT_SECRET: it must be the secret's value, not its id\n", out)
    local all = out .. err .. read_file(folder .. "/log") .. read_file(folder .. "/report")
    assert.is_nil(all:find "wr0ng")
    code, out, err = doctor("-v", entra "r1ght")
    assert.equal(0, code, out)
    assert.matches("works, and is good for 60 min", out)
    assert.matches("oc%-leads: POST token endpoint %-> HTTP 200, %d+ bytes", err)
    assert.matches("oc%-leads: GET leads, PageNumber=1 PageSize=5, with a token %-> HTTP 200, %d+ bytes", err)
    assert.matches("oc%-leads: 0 failed, 0 warnings, 0 unknown, 0 not checked; %d+ requests\n$", err)
    server:configure {leads = 50, token = "abc"}
    os.execute(("cd %s && umask 077 && echo abc > token && cp token shown && chmod 644 shown"):format(quote(folder)))
    assert.equal(0, (doctor "--token-file token"))
    assert.equal(2, (doctor "--token-file shown"))
  end)

  it("prints JSON, too", function()
    server:configure {leads = 500, page_base = 0}
    local code, out = doctor "-f json"
    assert.equal(1, code)
    local result = cjson.decode(out)
    assert.is_false(result.ok)
    local by_id = {}
    for _, check in ipairs(result.checks) do by_id[check.id] = check end
    assert.equal("fail", by_id.page_base.status)
    assert.same({{flag = "--page-base", environment = "OC_PAGE_BASE", value = 0}}, by_id.page_base.set)
    assert.equal("ok", by_id.tls.status)
  end)

  it("writes a report, whole or not at all", function()
    server:configure {leads = 500}
    assert.equal(0, (doctor "--report report.txt"))
    local text = read_file(folder .. "/report.txt")
    assert.matches("^oc%-leads doctor ", text)
    assert.matches("1%. GET leads, PageNumber=1 PageSize=1, without a token\n  HTTP 200", text)
    assert.matches("\n500 leads were looked at", text)
    for _, secret in ipairs {"127%.0%.0%.1", "@", "%x%x%x%x%x%x%x%x%-", "Contoso", "%+555"} do
      assert.is_nil(text:find(secret), secret)
    end
    assert.is_nil(read_file(folder .. "/report.txt.part"))
    local code, out, err = doctor "--report /nowhere/x"
    assert.equal(1, code)
    assert.equal("", out) -- told before the first request
    assert.matches("cannot write /nowhere/x.part: No such file", err)
  end)

  local wrong = {
    {"--bogus", "unknown option '%-%-bogus'"},
    {"--page-size 0", "%-%-page%-size: integer from 1 to 20000 expected, got 0"},
    {"-f xml", "'%-f' must be one of 'text', 'json'"},
    {"--report ''", "%-%-report: a file name expected"},
    {"--max-pages 3", "unknown option '%-%-max%-pages'"},
  }
  for _, case in ipairs(wrong) do
    it("exits with 2: " .. case[1], function()
      local code, out, err = doctor(case[1])
      assert.equal(2, code)
      assert.equal("", out)
      assert.matches(case[2], err)
      assert.is_nil(err:find "traceback")
    end)
  end

  it("exits with 2 without an address, and with an unusable environment", function()
    local code, _, err = run "doctor"
    assert.equal(2, code)
    assert.matches("%-%-base%-url is missing", err)
    code, _, err = doctor("", "OC_IDLE_TIMEOUT_S=soon")
    assert.equal(2, code)
    assert.matches("OC_IDLE_TIMEOUT_S", err)
  end)

  it("helps, with what it sends and examples", function()
    local code, out = run "doctor --help"
    assert.equal(0, code)
    assert.matches("never more than 30", out)
    assert.matches("Examples:", out)
  end)

  it("stops cleanly at Ctrl-C, and leaves no report", function()
    server:configure {leads = 50, faults = {{page = 1, attempt = 3, latency_s = 1000}}}
    local pipe = assert(io.popen(("cd %s && { sh -c %s; echo exit $?; } 2>&1"):format(quote(folder),
      quote("echo pid $$; exec " .. command("doctor --report stopped --base-url " .. server.url)))))
    local pid, lines = assert(pipe:read("*l"):match "^pid (%d+)$"), {}
    for line in pipe:lines() do
      lines[#lines + 1] = line
      -- the line before the one that will not come: each is out as soon as it is known
      if line:find "first page" then os.execute("kill -INT " .. pid) end
    end
    pipe:close()
    local text = table.concat(lines, "\n")
    assert.matches("oc%-leads: interrupted, with checks left to do\nexit 130$", text)
    assert.is_nil(text:find "largest page")
    assert.is_nil(text:find "traceback")
    assert.is_nil(read_file(folder .. "/stopped"))
    assert.is_nil(read_file(folder .. "/stopped.part"))
  end)

  it("is quiet when nobody reads on, and says when it cannot write", function()
    server:configure {leads = 50}
    local code, _, err = doctor "| head -n 1"
    assert.equal(0, code)
    assert.equal("", err)
    local device = io.open("/dev/full", "w")
    if not device then return end -- not on this system
    device:close()
    code, _, err = doctor ">/dev/full"
    assert.equal(1, code)
    assert.matches("cannot write standard output: No space left", err)
  end)

  it("fits its lines to the width it is told", function()
    local width = require "oc.width"
    server:configure {base_path = "/tenantui"}
    for _, columns in ipairs {70, 120} do
      local _, out = doctor("", "COLUMNS=" .. columns)
      for line in out:gmatch "[^\n]+" do
        local word = line:sub(24):find " " ~= nil
        assert.is_true(width.of(line) <= columns or not word, line)
      end
    end
  end)
end)

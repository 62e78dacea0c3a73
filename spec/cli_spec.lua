-- The command line as a user meets it: a process, its two streams, its exit code.

local cjson = require "cjson"
local command_line = require "support.command"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

local quote = process.quote

local read_file, root = command_line.read_file, command_line.root

describe("oc-leads", function()
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

  local function list(words, before)
    return run("list --base-url " .. server.url .. " " .. words, before)
  end

  local function ids_of(text)
    local ids = {}
    for line in text:gmatch "[^\n]+" do ids[#ids + 1] = assert(oc.decode(line)).id end
    return ids
  end

  describe("list", function()
    it("writes NDJSON, lossless, a line a lead", function()
      server:configure {leads = 10, civic_sync = false}
      local code, out, err = list ""
      assert.equal(0, code)
      assert.equal("", err)
      local sample = oc.decode(read_file(root .. "/spec/fixtures/leads-sample.json"), {nulls = "null"})
      local lines = {}
      for _, lead in ipairs(sample) do lines[#lines + 1] = oc.encode(lead) .. "\n" end
      assert.equal(table.concat(lines), out)
    end)

    it("takes leads from a file, with filters, fields and formats", function()
      local sample = quote(root .. "/spec/fixtures/leads-sample.json")
      server:configure {leads = 10, civic_sync = false}
      local _, of_service = list ""
      local code, out, err = run("list --from " .. sample)
      assert.equal(0, code, err)
      assert.equal(of_service, out)
      for _, words in ipairs {"-f table", "-f csv --select id,status", "-f json --limit 3", "--where isNotActive"} do
        assert.equal(select(2, list(words)), select(2, run(("list --from %s %s"):format(sample, words))), words)
      end
      code = run("list --from " .. sample .. " -o copy.ndjson -v")
      assert.equal(0, code)
      assert.equal(out, read_file(folder .. "/copy.ndjson"))
      code, out, err = run "list --from /dev/null -f json"
      assert.same({1, ""}, {code, out})
      assert.is_nil(err:find "internal error")
      for _, words in ipairs {"--resume x", "--snapshot", "--page 2"} do
        code, out, err = run(("list --from %s %s"):format(sample, words))
        assert.same({2, ""}, {code, out}, err)
      end
    end)

    it("writes JSON, one array", function()
      server:configure {leads = 30}
      local code, out = list "-f json"
      assert.equal(0, code)
      assert.equal(30, #cjson.decode(out))
      server:configure {leads = 0}
      code, out = list "-f json"
      assert.equal(0, code)
      assert.equal("[]\n", out)
    end)

    it("writes a table as wide as it is told, wide characters right", function()
      server:configure {leads = 40}
      local width = require "oc.width"
      for _, columns in ipairs {80, 132} do
        local code, out = list("-f table", "COLUMNS=" .. columns)
        assert.equal(0, code)
        local n = 0
        for line in out:gmatch "[^\n]+" do
          n = n + 1
          assert.is_true(width.of(line) <= columns, line)
        end
        assert.equal(41, n)
        assert.matches("^COMPANY +STATUS +DIRECT", out)
        assert.matches("Contoso +Active +no +IL +0 +yes", out)
      end
    end)

    it("takes options from flags and the environment", function()
      local _, out
      server:configure {leads = 50}
      assert.equal(0, (run("list --page-size 20", "OC_BASE_URL=" .. server.url)))
      assert.equal("20", server:journal().requests[1].query.PageSize)
      _, out = list "--limit 7"
      assert.equal(7, #ids_of(out))
      local tenant = oc.decode(out:match "[^\n]+").tenantId
      _, out = list("--ms-tenant-id " .. tenant .. " --check-online")
      assert.equal(tenant, oc.decode(out:match "[^\n]+").tenantId)
      server:empty_journal()
      list "--no-compress"
      assert.is_nil(server:journal().requests[1].accept_encoding)
    end)

    it("exits with 3 when the default --max-pages cut it, not when the user did", function()
      server:configure {leads = 50}
      local code, out, err, rest, _
      code, out, err = list "--page-size 2"
      assert.equal(3, code)
      assert.equal(20, #ids_of(out))
      assert.matches("%-%-max%-pages all reads every page", err)
      assert.matches("oc%-leads list %-%-base%-url %S+ %-%-max%-pages all %-%-resume %S+\n", err)
      local token = err:match "%-%-resume (%S+)"
      code, rest, err = list("--max-pages all --resume " .. token)
      assert.equal(0, code)
      assert.equal("", err)
      local all = select(2, list "--page-size 50")
      assert.equal(all, out .. rest)
      code, _, err = list "--page-size 2 --max-pages 3"
      assert.equal(0, code)
      assert.equal("", err)
    end)

    it("exits with 1 and says why when the service fails", function()
      server:configure {leads = 50, faults = {{page = 2, status = 400,
        body = '{"title":"Validation failed","traceId":"00-ab","errors":{"PageSize":["too large"]}}'}}}
      local code, out, err = list "--page-size 10"
      assert.equal(1, code)
      assert.equal(10, #ids_of(out))
      assert.matches("cannot read page 2: HTTP 400 from 127.0.0.1:%d+ %(http%)", err)
      assert.matches("the service says: Validation failed", err)
      assert.matches("trace id: 00%-ab", err)
      assert.matches("PageSize: too large", err)
      assert.matches("resume with: oc%-leads list %-%-base%-url http://%S+ %-%-resume %S+\n", err)
    end)

    it("names the doctor when nothing came, with the flags of the run", function()
      server:configure {leads = 50, token = "abc"}
      local code, _, err = list "--page-size 10 --no-compress"
      assert.equal(1, code)
      assert.matches("no credentials were given %(auth, or OC_TOKEN in the environment%)", err)
      local words = assert(err:match "\noc%-leads: to find out what is wrong: oc%-leads (doctor %-%-base%-url [^\n]+)")
      assert.matches(" %-%-no%-compress$", words)
      local found
      code, found = run(words)
      assert.equal(1, code)
      assert.matches("fail +token +none given, and the service wants one", found)
      for _, rule in ipairs {{status = 400, page = 2}, {status = 429, headers = {["Retry-After"] = "600"}}} do
        server:configure {leads = 50, faults = {rule}}
        code, _, err = list "--page-size 10"
        assert.equal(1, code)
        assert.is_nil(err:find("doctor", 1, true), err)
      end
    end)

    it("says what is wrong with OC_TOKEN", function()
      local code, _, err = list("", "OC_TOKEN='Bearer abc'")
      assert.equal(2, code)
      assert.matches("OC_TOKEN: not usable as a token; .* without 'Bearer'", err)
    end)

    it("names itself as the script of a checkout was called", function()
      server:configure {leads = 50}
      local code, _, err = list("--page-size 1", "OC_COMMAND='./a b/oc'")
      assert.equal(3, code)
      assert.matches("the rest comes with: './a b/oc' list %-%-base%-url ", err)
      local pipe = assert(io.popen(("unset LD_PRELOAD; cd %s && OC_LUA=%s script/oc list --nonsense 2>&1"):format(
        quote(root), quote(process.interpreter()))))
      assert.matches("%(script/oc list %-%-help tells more%)", pipe:read "*a")
      pipe:close()
    end)

    local wrong = {
      {"--bogus", "unknown option '%-%-bogus'"},
      {"--client-secret x", "unknown option '%-%-client%-secret': credentials come from the environment or"},
      {"--page-size 0", "%-%-page%-size: integer from 1 to 20000 expected, got 0"},
      {"--limit 1.5", "%-%-limit: integer %(or all%) of at least 1 expected, got 1.5"},
      {"--page-size x", "%-%-page%-size: .*got \"x\""},
      {"-f xml", "'%-f' must be one of 'ndjson', 'json', 'table'"},
      {"--resume AAAA", "%-%-resume: that is no token"},
      {"--token-file /nowhere/token", "%-%-token%-file /nowhere/token: No such file"},
      {"extra", "too many arguments"},
      {"-o ''", "%-%-output: a file name expected"},
    }
    for _, case in ipairs(wrong) do
      it("exits with 2: " .. case[1], function()
        local code, out, err = list(case[1])
        assert.equal(2, code)
        assert.equal("", out)
        assert.matches(case[2], err)
        assert.is_nil(err:find "traceback")
      end)
    end

    it("exits with 2 without an address, with an unusable one or environment", function()
      local code, _, err = run "list"
      assert.equal(2, code)
      assert.matches("%-%-base%-url is missing", err)
      code, _, err = run "list --base-url http://sp.example.com"
      assert.equal(2, code)
      assert.matches("%-%-base%-url is plain http", err)
      code, _, err = list("", "OC_IDLE_TIMEOUT_S=soon")
      assert.equal(2, code)
      assert.matches("OC_IDLE_TIMEOUT_S", err)
    end)

    it("takes the token from a file that nobody else can read", function()
      server:configure {leads = 5, token = "abc"}
      os.execute(("cd %s && umask 077 && echo abc > token && cp token shown && chmod 644 shown"):format(quote(folder)))
      assert.equal(0, (list "--token-file token"))
      local code, _, err = list "--token-file shown"
      assert.equal(2, code)
      assert.matches("others can read it", err)
      os.execute(("cd %s && chmod 640 shown"):format(quote(folder)))
      assert.equal(2, (list "--token-file shown"))
      code, _, err = list("", "OC_TOKEN=s3cr3t OC_BASE_URL=" .. server.url)
      assert.equal(1, code)
      assert.matches("HTTP 401", err)
      assert.is_nil(err:find "s3cr3t")
    end)

    it("writes a file whole or not at all", function()
      server:configure {leads = 50}
      local code, out = list "-o whole.ndjson"
      assert.equal(0, code)
      assert.equal("", out)
      assert.equal(50, #ids_of(read_file(folder .. "/whole.ndjson")))
      assert.is_nil(read_file(folder .. "/whole.ndjson.part"))
      server:configure {leads = 50, faults = {{page = 2, status = 400}}}
      code = list "--page-size 10 -o broken.ndjson"
      assert.equal(1, code)
      assert.is_nil(read_file(folder .. "/broken.ndjson"))
      assert.equal(10, #ids_of(read_file(folder .. "/broken.ndjson.part")))
    end)

    it("leaves FILE.part when the default --max-pages cut it, and the printed command completes it", function()
      server:configure {leads = 50}
      local all = select(2, list "")
      local code, _, err = list "--page-size 2 --max-attempts 7 --user-agent 'a b' -o default.ndjson"
      assert.equal(3, code)
      assert.is_nil(read_file(folder .. "/default.ndjson"))
      local words = err:match "the rest comes with: oc%-leads (.-)\n"
      assert.matches("%-%-max%-attempts 7 ", words)
      assert.matches("%-%-user%-agent 'a b' ", words)
      assert.equal(0, (run(words)))
      assert.equal(all, read_file(folder .. "/default.ndjson"))
    end)

    it("prints no --output for formats that cannot be continued, and replaces no file by a rest", function()
      server:configure {leads = 50}
      local _, _, err = list "--page-size 2 -f json -o default.json"
      local words = err:match "the rest comes with: oc%-leads (.-)\n"
      assert.is_nil(words:find "%-%-output")
      os.execute("touch " .. quote(folder .. "/there.ndjson"))
      local code
      code, _, err = run(words:gsub("json", "ndjson") .. " -o there.ndjson")
      assert.equal(2, code)
      assert.matches("it is there, and the rest of a run would replace it", err)
    end)

    -- Interrupts a run whose second page came half, while it waits to ask again.
    local function interrupted(words, signal)
      server:configure {leads = 95, faults = {
        {page = 2, attempt = 1, cut_after = 20000, gzip = false},
        {page = 2, attempt = 2, status = 503, headers = {["Retry-After"] = "100"}},
      }}
      local line = ("cd %s && { sh -c %s; echo exit $?; } 2>&1"):format(quote(folder),
        quote("echo pid $$; exec " .. command("list -v --prefetch 0 --page-size 20 --base-url " ..
          server.url .. " " .. words)))
      local pipe = assert(io.popen(line))
      local pid = assert(pipe:read("*l"):match "^pid (%d+)$")
      local lines = {}
      for text in pipe:lines() do
        lines[#lines + 1] = text
        if text:find "wait_s=100" then os.execute("kill -" .. signal .. " " .. pid) end
      end
      pipe:close()
      return table.concat(lines, "\n")
    end

    it("stops cleanly at Ctrl-C, and goes on to the very same file", function()
      server:configure {leads = 95}
      local all = select(2, list "")
      local text = interrupted("-o cut.ndjson", "INT")
      assert.matches("exit 130$", text)
      assert.matches("interrupted after %d+ leads", text)
      assert.is_nil(text:find "traceback")
      assert.is_nil(read_file(folder .. "/cut.ndjson"))
      local part = read_file(folder .. "/cut.ndjson.part")
      assert.is_true(#ids_of(part) > 20)
      local token = text:match "%-%-output cut.ndjson %-%-resume (%S+)"
      -- what was written behind the token's count, by a crash say, does not stay
      local file = io.open(folder .. "/cut.ndjson.part", "ab")
      file:write '{"id":"torn'
      file:close()
      local code, _, err = list("-o cut.ndjson --resume " .. token)
      assert.equal(0, code, err)
      assert.equal(all, read_file(folder .. "/cut.ndjson"))
      assert.is_nil(read_file(folder .. "/cut.ndjson.part"))
      code, _, err = list("-o cut.ndjson --resume " .. token)
      assert.equal(2, code)
      assert.matches("there is no cut.ndjson.part", err)
    end)

    it("stops at SIGTERM the same way", function()
      local text = interrupted("-o term.ndjson", "TERM")
      assert.matches("exit 143$", text)
      assert.matches("%-%-resume %S+", text)
    end)

    it("continues only NDJSON in a file", function()
      local text = interrupted("-o again.ndjson", "INT")
      local code, _, err = list("-f json -o again.ndjson --resume " .. text:match "%-%-resume (%S+)")
      assert.equal(2, code)
      assert.matches("only ndjson can be continued", err)
    end)

    -- Runs it in a pipe: `each` gets the lines of standard output and the process id. Gives exit code, lines, and
    -- what was said.
    local function piped(words, each)
      local pipe = assert(io.popen(("cd %s && { sh -c %s 2>said; echo exit $?; }"):format(quote(folder),
        quote("echo pid $$; exec " .. command(words)))))
      local pid, lines = assert(pipe:read("*l"):match "^pid (%d+)$"), {}
      for line in pipe:lines() do
        lines[#lines + 1] = line
        each(#lines, pid)
      end
      pipe:close()
      return tonumber(table.remove(lines):match "^exit (%d+)$"), lines, read_file(folder .. "/said")
    end

    it("loses nothing when it is stopped while the reader is slow", function()
      server:configure {leads = 3000, civic_sync = false}
      local all = select(2, list "--max-pages all")
      -- 4 MB do not fit into a pipe: at the first line the command is, or soon will be, waiting for us
      local code, lines, err = piped("list --max-pages all --base-url " .. server.url, function(n, pid)
        if n == 1 then os.execute("kill -INT " .. pid) end
      end)
      assert.equal(130, code)
      assert.is_true(#lines > 0 and #lines < 3000)
      local rest = select(2, list("--max-pages all --resume " .. err:match "%-%-resume (%S+)"))
      assert.is_true(all == table.concat(lines, "\n") .. "\n" .. rest)
    end)

    it("gives a page away before the next has come", function()
      server:configure {leads = 30, faults = {{page = 2, latency_s = 1000}}}
      local code, lines = piped("list --page-size 10 --base-url " .. server.url, function(n, pid)
        if n == 10 then os.execute("kill -INT " .. pid) end -- nothing more comes before the request ends
      end)
      assert.equal(130, code)
      assert.equal(10, #lines)
    end)

    it("prints a command that does the rest, with the same flags", function()
      server:configure {leads = 50, civic_sync = false, faults = {{page = 3, times = 1, status = 400}}}
      local _, out, err = list "--page-size 10 --limit 40 --max-pages 4 --no-compress --user-agent 'a b'"
      local words = err:match "resume with: oc%-leads (.-)\n"
      assert.matches("^list %-%-base%-url %S+ %-%-user%-agent 'a b' %-%-no%-compress " ..
        "%-%-max%-pages 3 %-%-limit 20 %-%-resume %S+$", words)
      local code, rest = run(words)
      assert.equal(0, code)
      assert.is_true(select(2, list "--limit 40") == out .. rest)
    end)

    it("prints a command that keeps to what is left of --limit when the default --max-pages cut it", function()
      server:configure {leads = 50, civic_sync = false}
      local code, out, err = list "--page-size 2 --limit 30"
      assert.equal(3, code)
      local words = err:match "the rest comes with: oc%-leads (.-)\n"
      assert.matches("%-%-max%-pages all %-%-limit 10 %-%-resume ", words)
      local rest
      code, rest = run(words)
      assert.equal(0, code)
      assert.is_true(select(2, list "--limit 30") == out .. rest)
    end)

    it("continues no file that its format cannot continue", function()
      for _, format in ipairs {"json", "table"} do
        server:configure {leads = 50, faults = {{page = 2, times = 1, status = 400}}}
        local _, _, err = list("--page-size 10 -o stopped -f " .. format)
        assert.matches("what came so far is in stopped.part", err)
        local words = err:match "resume with: oc%-leads (.-)\n"
        assert.is_nil(words:find "output")
        local code, rest = run(words)
        assert.equal(0, code)
        if format == "json" then assert.equal(40, #cjson.decode(rest)) end
      end
    end)

    it("shows no table when there was nothing to show", function()
      local code, out = run "list -f table --max-attempts 1 --base-url http://127.0.0.1:1"
      assert.equal(1, code)
      assert.equal("", out)
      server:configure {leads = 0}
      code, out = list "-f table"
      assert.equal(0, code)
      assert.matches("^COMPANY[^\n]+\n$", out)
    end)

    it("takes OC_MAX_PAGES for what the user said", function()
      server:configure {leads = 50}
      local code, out = list("--page-size 10", "OC_MAX_PAGES=2")
      assert.equal(0, code)
      assert.equal(20, #ids_of(out))
    end)

    it("writes to a device as it is", function()
      server:configure {leads = 5}
      local code, out = list "-o /dev/stdout | cat"
      assert.equal(0, code)
      assert.equal(5, #ids_of(out))
      assert.is_nil(read_file "/dev/stdout.part")
    end)

    it("is quiet when nobody reads on", function()
      server:configure {leads = 1000}
      local code, out, err, _
      code, out, err = run(("list --base-url %s | head -n 1"):format(server.url))
      assert.equal(0, code)
      assert.equal(1, #ids_of(out))
      assert.equal("", err)
      code, _, err = run(("list --base-url %s | head -n 1"):format(server.url), "trap '' PIPE;")
      assert.equal(0, code)
      assert.equal("", err)
    end)

    it("says when the output cannot be written", function()
      local device = io.open("/dev/full", "w")
      if not device then return end -- not on this system
      device:close()
      server:configure {leads = 1000}
      local code, _, err = list "> /dev/full"
      assert.equal(1, code)
      assert.matches("cannot write standard output: No space left on device %(io%)", err)
      code, _, err = list "-o /nowhere/x.ndjson"
      assert.equal(1, code)
      assert.matches("cannot write /nowhere/x.ndjson.part: No such file", err)
    end)

    it("writes nowhere else when its standard output is closed", function()
      server:configure {leads = 1000}
      local code, _, err = list ">&-"
      assert.equal(1, code)
      assert.matches("standard output is closed", err)
      code = list "-o quiet.ndjson <&- 2>&-"
      assert.equal(0, code)
      assert.equal(1000, #ids_of(read_file(folder .. "/quiet.ndjson")))
    end)

    it("does not write a file that another run is writing", function()
      server:configure {leads = 50,
        faults = {{page = 1, attempt = 1, status = 503, headers = {["Retry-After"] = "100"}}}}
      local pipe = assert(io.popen(("cd %s && sh -c %s 2>&1"):format(quote(folder), quote("echo $$; exec " ..
        command("list -v -o one.ndjson --base-url " .. server.url)))))
      local pid = pipe:read "*l"
      repeat until pipe:read("*l"):find "wait_s=100"
      local code, _, err = list "-o one.ndjson"
      os.execute("kill -INT " .. pid)
      pipe:read "*a"
      pipe:close()
      assert.equal(1, code)
      assert.matches("another run is writing it", err)
    end)

    it("goes on to the very same file when the disk was full", function()
      server:configure {leads = 300, civic_sync = false}
      local all = select(2, list "")
      -- no file may have more than 200 KiB: writing fails in the middle of a lead
      local code, _, err = list("-o full.ndjson", "trap '' XFSZ; ulimit -f 400;")
      assert.equal(1, code)
      assert.matches("cannot write full.ndjson.part: File too large %(io%)", err)
      assert.is_nil(read_file(folder .. "/full.ndjson"))
      local words = err:match "resume with: oc%-leads (.-)\n"
      assert.equal(0, (run(words)))
      assert.is_true(all == read_file(folder .. "/full.ndjson"))
      local device = io.open("/dev/full", "w")
      if not device then return end -- not on this system
      device:close()
      code, _, err = list "-o /dev/full"
      assert.equal(1, code)
      assert.matches("cannot write /dev/full: No space left on device %(io%)", err)
      assert.is_nil(err:find "resume with")
    end)

    it("keeps a log with times", function()
      server:configure {leads = 50, faults = {{page = 1, attempt = 1, status = 503, headers = {["Retry-After"] = "0"}}}}
      local code, _, err = list "--log-file log"
      assert.equal(0, code)
      assert.equal("", err)
      local log = read_file(folder .. "/log")
      assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ info retry attempt=1 kind=throttle page=1 status=503 wait_s=0\n",
        log)
      assert.matches("Z info 50 leads, 1 page, [%d.]+ s\n$", log)
    end)

    it("says once that its log cannot be written, and goes on", function()
      local device = io.open("/dev/full", "w")
      if not device then return pending "no /dev/full here" end
      device:close()
      server:configure {leads = 50, faults = {{page = 1, attempt = 1, status = 503, headers = {["Retry-After"] = "0"}}}}
      local code, out, err = list "--log-file /dev/full"
      assert.equal(0, code)
      assert.equal(50, select(2, out:gsub("\n", "")))
      assert.equal("oc-leads: warn: cannot write the log file /dev/full: No space left on device\n", err)
    end)
  end)

  it("version says what is at work", function()
    local code, out, err = run "version"
    assert.equal(0, code)
    assert.equal("", err)
    assert.matches("^oc " .. oc._VERSION:gsub("%.", "%%.") .. "\n", out)
    assert.matches("libcurl %d", out)
    assert.equal(out, select(2, run "--version"))
  end)

  it("helps, with examples, and exits with 2 when it is asked nothing", function()
    for _, words in ipairs {"--help", "list --help", "sandbox --help", "version --help"} do
      local code, out, err = run(words)
      assert.equal(0, code)
      assert.equal("", err)
      assert.matches("Usage: oc%-leads", out)
    end
    assert.matches("Examples:", select(2, run "list --help"))
    local code, out, err = run ""
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches("Usage: oc%-leads", err)
    local _
    code, _, err = run "nonsense"
    assert.equal(2, code)
    assert.matches("%(oc%-leads %-%-help tells more%)", err)
    assert.matches("%(oc%-leads list %-%-help tells more%)", select(3, run "list --nonsense"))
    local device = io.open("/dev/full", "w")
    if not device then return end
    device:close()
    for _, words in ipairs {"list --help", "version"} do
      code, _, err = run(words .. " >/dev/full")
      assert.equal(1, code)
      assert.matches("cannot write standard output: No space left", err)
    end
  end)

  describe("sandbox", function()
    it("prints its address and serves until its input ends", function()
      local script = ("%s sandbox --leads 12 --exit-on-eof < gate > address & exec 9>gate; " ..
        "read -r url < address; %s list --base-url $url -f json; exec 9>&-; wait $!; echo exit $?")
      os.execute("cd " .. quote(folder) .. " && mkfifo gate address")
      -- address is a FIFO: reading it waits for the line, or for the end of a sandbox that did not start
      local code, out, err = run("version >/dev/null; " .. script:format(command "", command ""))
      assert.equal(0, code, err)
      assert.equal(12, #cjson.decode(out:match "^%b[]"))
      assert.matches("exit 0\n$", out)
    end)

    it("prints a command that can be typed as it is, and is done at Ctrl-C", function()
      for flags, variables in pairs {
        ["--token 'a$b'"] = "^OC_BASE_URL=%S+ OC_TOKEN='a%$b' oc%-leads list$",
        ["--client-secret x"] = "^OC_BASE_URL=%S+ OC_AUTHORITY=%S+ .*OC_CLIENT_SECRET=x oc%-leads list$",
      } do
        local pipe = assert(io.popen(("{ sh -c %s; echo exit $?; } 2>&1"):format(
          quote("echo pid $$; exec " .. command("sandbox -v " .. flags)))))
        local pid = assert(pipe:read("*l"):match "^pid (%d+)$")
        pipe:read "*l"
        pipe:read "*l"
        pipe:read "*l"
        local words = pipe:read("*l"):match "^  (.*)$"
        assert.matches(variables, words)
        local before, after = words:match "^(.*) oc%-leads (.*)$"
        assert.equal(0, (run(after, before)))
        os.execute("kill -INT " .. pid)
        local text = pipe:read "*a"
        pipe:close()
        assert.matches("oc%-leads: GET /api/v2/oc/lead page 1 of 200 leads %-> 200", text)
        assert.matches("exit 0\n$", text)
      end
    end)

    it("refuses what it cannot play", function()
      local code, _, err = run "sandbox --shape round"
      assert.equal(2, code)
      assert.matches("shape", err)
      code, _, err = run "sandbox --faults /nowhere"
      assert.equal(2, code)
      assert.matches("%-%-faults /nowhere", err)
    end)
  end)

  describe("width", function()
    local width = require "oc.width"

    local columns = {
      [""] = 0, ["abc"] = 3, ["é"] = 1, ["e\204\129"] = 1, ["日本語"] = 6, ["ｶﾅ"] = 2, ["한국"] = 4,
      ["\225\132\146\225\133\161\225\134\171"] = 2, ["שָׁלוֹם"] = 4, ["مَرْحَبًا"] = 5, ["नमस्ते"] = 4, ["ไทยดี"] = 4,
      ["😀"] = 2, ["a\226\128\139b"] = 2, ["Ａ"] = 2, ["→"] = 1, ["…"] = 1,
    }
    for text, wanted in pairs(columns) do
      it(("of %q is %d"):format(text, wanted), function() assert.equal(wanted, width.of(text)) end)
    end

    it("fits texts to exactly so many columns", function()
      assert.equal("日本…", width.fit("日本語テスト", 5))
      assert.equal("日本… ", width.fit("日本語テスト", 6))
      assert.equal("e\204\129…", width.fit("e\204\129fgh", 2))
      assert.equal("😀   ", width.fit("😀", 5))
      for n = 1, 12 do
        assert.equal(n, width.of(width.fit("a日e\204\129😀שָׁלוֹם", n)))
      end
    end)

    it("leaves nothing that a terminal obeys", function()
      assert.equal("a?[31mb?c?d?e", width.clean "a\27[31mb\nc\194\155d\226\128\174e")
    end)
  end)

  describe("table", function()
    local columns, tables, width = require "oc.cli.columns", require "oc.cli.table", require "oc.width"

    it("puts every column in its place, whatever is in it", function()
      local rows = tables.new(100, columns.overview)
      local text = ""
      for i, name in ipairs {"日本語株式会社", "Café e\204\129", "😀😀", ("long "):rep(20), "a\27[2Jb", ""} do
        text = text .. rows:add {contactDetails = {companyName = name}, status = "S" .. i, tenantId = "t"}
      end
      text = text .. rows:add {contactDetails = false, status = {}, consentedCountries = "x", civicAddresses = {}}
      text = text .. rows:flush(true)
      local where
      for line in text:gmatch "[^\n]+" do
        local before = line:match "^(.-  )S[T%d]"
        if before then
          where = where or width.of(before)
          assert.equal(where, width.of(before), line)
        end
        assert.is_true(width.of(line) <= 100)
      end
      assert.is_nil(text:find "\27")
    end)

    it("keeps no row once the columns are known", function()
      local rows = tables.new(80, columns.overview)
      for _ = 1, 1000 do rows:add {} end
      assert.equal(0, #rows.rows)
    end)
  end)

  describe("progress", function()
    local progress = require "oc.cli.progress"

    it("rewrites one line, not too often, and takes it away", function()
      local written, now = {}, 0
      local line = progress.new(function(text) written[#written + 1] = text end, 100, function() return now end)
      line:clear()
      assert.same({}, written)
      now = 2
      line:page()
      line:update(1000)
      line:update(1002)
      assert.same({"\r1,000 leads, 1 page, 500 leads/s\27[K"}, written)
      line:retry {page = 3, wait_s = 1.5, kind = "throttle", status = 503, attempt = 1}
      assert.equal("\r1,002 leads, 1 page, 501 leads/s, 1 retry; page 3: HTTP 503, again in 1.5 s (attempt 2)\27[K",
        written[2])
      line:clear()
      line:clear()
      assert.equal("\r\27[K", written[3])
      assert.equal(3, #written)
    end)
  end)
end)

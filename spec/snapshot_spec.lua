-- Snapshots: written, read back, and refused when they are torn, wherever that is.

local command_line = require "support.command"
local gunzip = require "oc.cli.gunzip"
local lead_file = require "oc.cli.lead_file"
local oc = require "oc"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local snapshot = require "oc.snapshot"
local zlib = require "zlib"

local quote = process.quote
local HEADER = {made = "2026-01-31T06:00:00Z", source = "https://sp.example.com"}

-- A snapshot of n leads as text.
local function written(n, ending, header)
  local parts = {}
  local writer = snapshot.writer(function(text)
    parts[#parts + 1] = text
    return true
  end, header or HEADER)
  for i = 1, n do writer:add(('{"id":"%d","status":"Active"}'):format(i)) end
  if ending ~= false then writer:finish(ending or {complete = true, stop_reason = "end"}) end
  return table.concat(parts)
end

local function packed(text)
  return (zlib.deflate(6, 31)(text, "finish"))
end

describe("a snapshot", function()
  local place
  setup(function() place = command_line.place() end)
  teardown(function() place:remove() end)

  local function put(text, name)
    local path = place.folder .. "/" .. (name or "file")
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  -- How many leads a text has as a file, the error, and the file.
  local function read(text, name, options)
    local file = assert(lead_file.open(put(text, name), options or {}))
    local n = 0
    while true do
      local lead, err = file:next()
      if not lead then
        file:close()
        return n, err, file
      end
      n = n + 1
    end
  end

  describe("written", function()
    it("stands between a line that says from where and one that says whether that is all", function()
      local lines = {}
      for line in written(2):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
      assert.equal(4, #lines)
      assert.matches('^{"snapshot":"oc%.leads",', lines[1])
      assert.same({snapshot = "oc.leads", version = 1, made = HEADER.made, source = HEADER.source},
        oc.decode(lines[1]))
      assert.equal('{"id":"1","status":"Active"}', lines[2])
      assert.matches('^{"snapshot_end":"oc%.leads",', lines[4])
      assert.same({snapshot_end = "oc.leads", leads = 2, complete = true, stop_reason = "end"}, oc.decode(lines[4]))
    end)

    it("has both lines without a lead, and none before the first", function()
      assert.equal("", written(0, false))
      local n, err, file = read(written(0))
      assert.same({0, true}, {n, err == nil})
      assert.is_true(file.snapshot.ending.complete)
    end)

    it("is never complete when it began behind the first page", function()
      local _, err, file = read(written(1, nil, {made = "x", page = 3}))
      assert.is_nil(err)
      assert.is_false(file.snapshot.ending.complete)
    end)

    it("goes on with what a file has, and says what write says", function()
      local parts = {}
      local writer = snapshot.writer(function(text)
        parts[#parts + 1] = text
        return #parts < 3 or nil, "full"
      end, HEADER, 7)
      assert.is_true(writer:add "{}")
      assert.is_true((writer:finish {complete = false}))
      assert.equal(8, oc.decode(parts[2]).leads)
      assert.same({nil, "full"}, {writer:add "{}"})
      assert.has_error(function() snapshot.writer(nil, HEADER) end)
      assert.has_error(function() snapshot.writer(print, {}) end)
    end)
  end)

  describe("read", function()
    it("torn at any byte is refused, under any name, packed or not", function()
      local text = written(3)
      for _, name in ipairs {"a.ndjson", "a.json", "a"} do
        assert.equal(3, (read(text, name)))
        for n = 1, #text - 2 do -- a missing last line end is no harm
          local leads, err = read(text:sub(1, n), name)
          assert.is_truthy(err, n)
          assert.is_true(leads <= 3)
        end
        assert.is_nil(select(2, read(text:sub(1, -2), name)))
      end
      local small = packed(text)
      for n = 3, #small - 1 do
        local _, err = read(small:sub(1, n), "a.ndjson.gz")
        assert.is_truthy(err, n)
      end
      local n, err = read(small, "a.ndjson.gz")
      assert.same({3, true}, {n, err == nil})
    end)

    it("torn says what to do", function()
      local _, err = read(written(2, false))
      assert.equal("shape", err.kind)
      assert.equal(("cannot read %s/file: the snapshot is torn: it ends behind 2 leads, without its last line; take it "
        .. "again (oc-leads list --snapshot), or go on with a FILE.part by --resume"):format(place.folder), err.message)
    end)

    it("with a lead too many or too few, or anything behind its last line, is refused", function()
      local text = written(3)
      local lines = {}
      for line in text:gmatch "[^\n]*\n" do lines[#lines + 1] = line end
      for _, case in ipairs {
        {lines[1] .. lines[2] .. lines[4] .. lines[5], "line 4: the snapshot has 2 leads, its last line counts 3"},
        {lines[1] .. lines[2] .. lines[2] .. lines[3] .. lines[4] .. lines[5], "has 4 leads, its last line counts 3"},
        {text .. text, "line 6: the snapshot goes on behind its last line"},
        {text .. "x", "goes on behind its last line"},
        {text .. lines[2], "goes on behind its last line"},
        {lines[1] .. '{"snapshot_end":"other","leads":0,"complete":true}\n', "last line is not one"},
        {lines[1] .. '{"snapshot_end":"oc.leads","leads":0}\n', "last line is not one"},
        {lines[1] .. "7\n" .. lines[5], "not a lead"},
        {'{"snapshot":"oc.other","version":1}\n', "not of leads"},
        {'{"snapshot":"oc.leads","version":2}\n', "of version 2; this oc%-leads knows version 1"},
        {'{"snapshot":"oc.leads","version":1,"where":7}\n', "'where' is no text"},
      } do
        local _, err = read(case[1], "x.ndjson")
        assert.matches(case[2], tostring(err))
      end
    end)

    it("bears blank lines, CRLF, a BOM, and white space behind", function()
      local text = written(3)
      for _, other in ipairs {(text:gsub("\n", "\r\n")), (text:gsub("\n", "\n\n")), text .. " \n\n",
        "\239\187\191" .. text} do
        local n, err = read(other, "a.ndjson")
        assert.same({3, true}, {n, err == nil}, tostring(err))
      end
    end)

    it("counts lines, not the leads that a filter lets through", function()
      local n, err = read(written(5), "a.ndjson", {where = 'id == "2"'})
      assert.same({1, true}, {n, err == nil})
    end)

    it("is read however blocks fall", function()
      for pad = 65400, 65700, 7 do
        local parts = {}
        local writer = snapshot.writer(function(text)
          parts[#parts + 1] = text
          return true
        end, HEADER)
        writer:add(('{"id":"1","x":"%s"}'):format(("x"):rep(pad)))
        writer:add '{"id":"2"}'
        writer:finish {complete = true}
        local n, err = read(table.concat(parts))
        assert.same({2, true}, {n, err == nil}, pad)
      end
    end)
  end)

  describe("packed", function()
    it("is any file of leads", function()
      for _, case in ipairs {{'[{"id":1},{"id":2}]', "a.json.gz"}, {'{"id":1}\n{"id":2}\n', "a.ndjson.gz"},
        {'{"id":1}\n{"id":2}', "a.gz"}, {'{"value":[{"id":1},{"id":2}]}', "a"}} do
        assert.equal(2, (read(packed(case[1]), case[2])))
      end
      assert.equal(2, (read(packed '{"id":1}\n' .. packed '{"id":2}\n', "several.ndjson.gz")))
      assert.equal(0, (read(packed "", "none.ndjson.gz")))
    end)

    it("damaged is an error", function()
      local text = packed(written(100))
      local damaged = text:sub(1, 40) .. "xxxxxxxx" .. text:sub(49)
      assert.matches("the compressed data is damaged", tostring(select(2, read(damaged))))
      assert.matches("the compressed data is damaged", tostring(select(2, read(text .. "garbage behind it"))))
      assert.matches("ends too early", tostring(select(2, read(text:sub(1, -2)))))
    end)

    it("comes in pieces, whatever it unpacks to", function()
      local text = ("\n"):rep(30 * 1024 * 1024)
      local small, most, total = packed(text), 0, 0
      local unpacker = assert(gunzip.new(small, function() return nil end))
      while true do
        local piece = unpacker:next()
        if not piece then break end
        most, total = math.max(most, #piece), total + #piece
      end
      assert.equal(#text, total)
      assert.is_true(most < 9 * 1024 * 1024)
    end)

    it("says which package is missing", function()
      put('error "not here"', "zlib.lua")
      put(packed '[{"id":1}]', "a.json.gz")
      local code, _, err = place:run("audit --from a.json.gz", "env -u LUA_PATH_5_4 -u LUA_PATH_5_3 LUA_PATH="
        .. quote(place.folder .. "/?.lua;" .. package.path))
      assert.equal(1, code)
      assert.matches("cannot read a.json.gz: it is compressed, and the Lua package lua%-zlib, which would unpack it, "
        .. "is not installed; install it, or unpack the file: gzip %-dc FILE", err)
      os.remove(place.folder .. "/zlib.lua")
    end)
  end)

  describe("of oc-leads list", function()
    local server
    setup(function() server = sandbox_child.start() end)
    teardown(function() server:close() end)
    before_each(function()
      os.remove(place.folder .. "/s.ndjson")
      os.remove(place.folder .. "/s.ndjson.part")
    end)

    local function list(words) return place:run("list --base-url " .. server.url .. " " .. words) end
    local function text_of(name) return command_line.read_file(place.folder .. "/" .. name) end

    it("is the service's leads, whole", function()
      server:configure {leads = 450, civic_sync = false}
      local code, out = list "--snapshot"
      assert.equal(0, code)
      local _, plain = list "-f ndjson"
      assert.equal(plain, out:match "^[^\n]*\n(.*\n)[^\n]*\n$")
      local header = oc.decode(out:match "^[^\n]*")
      assert.equal(server.url:match "^http://[^/]*", header.source)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", header.made)
      assert.equal(0, (list "--snapshot -o s.ndjson"))
      local n, err, file = read(text_of "s.ndjson")
      assert.same({450, true}, {n, err == nil})
      assert.same({true, "end"}, {file.snapshot.ending.complete, file.snapshot.ending.stop_reason})
    end)

    it("says what was asked for, and that it is not all", function()
      server:configure {leads = 450, civic_sync = false}
      for _, case in ipairs {{"--max-pages 1", "max_pages", 200}, {"--limit 7", "limit", 7},
        {"--page 2", "end", 250}} do
        local code, out = list("--snapshot " .. case[1])
        assert.equal(0, code)
        local n, err, file = read(out)
        assert.same({case[3], true}, {n, err == nil})
        assert.same({false, case[2]}, {file.snapshot.ending.complete, file.snapshot.ending.stop_reason})
      end
      local code, out = list [[--snapshot --where 'status == "Active"']]
      assert.equal(0, code)
      local header = oc.decode(out:match "^[^\n]*")
      assert.equal('status == "Active"', header.where)
      code, out = list "--snapshot --page-size 20 --max-pages 2 -o s.ndjson"
      assert.same({0, ""}, {code, out})
      local _, _, err = place:run "audit --from s.ndjson"
      assert.matches("s.ndjson is an incomplete snapshot %(max_pages%): there may be more leads", err)
    end)

    it("that was cut goes on in FILE.part, and counts all", function()
      server:configure {leads = 450, civic_sync = false}
      local code, _, err = list "--snapshot --page-size 20 -o s.ndjson"
      assert.equal(3, code)
      assert.matches("torn", tostring(select(2, read(text_of "s.ndjson.part"))))
      local words = err:match "comes with: oc%-leads (list [^\n]*)"
      assert.matches("%-%-snapshot", words)
      -- Killed while it wrote: a part of a page is there that the token does not count.
      local file = io.open(place.folder .. "/s.ndjson.part", "ab")
      file:write '{"id":"half'
      file:close()
      assert.equal(0, (place:run(words)))
      local n, fault, whole = read(text_of "s.ndjson")
      assert.same({450, true}, {n, fault == nil}, tostring(fault))
      assert.is_true(whole.snapshot.ending.complete)
    end)

    it("goes on without being told that it is one; another --where does not", function()
      server:configure {leads = 450, civic_sync = false, faults = {{page = 3, times = 1, status = 400}}}
      local code, _, err = list [[--snapshot -o s.ndjson --where 'status != "x"']]
      assert.equal(1, code)
      local words = err:match "resume with: oc%-leads (list [^\n]*)"
      local other, _, why = place:run((words:gsub("%-%-where '[^']*'", "")))
      assert.equal(2, other)
      assert.matches('^oc%-leads: %-%-where: the run that wrote s.ndjson.part had %-%-where status != "x"', why)
      assert.equal(0, (place:run((words:gsub("%-%-snapshot ", "")))))
      assert.equal(450, (read(text_of "s.ndjson")))
    end)

    it("is none of what was begun as something else", function()
      server:configure {leads = 450, civic_sync = false}
      local _, _, err = list "--page-size 20 -o s.ndjson -f ndjson"
      local words = err:match "comes with: oc%-leads (list [^\n]*)"
      local code, _, why = place:run(words .. " --snapshot")
      assert.equal(2, code)
      assert.matches("%-%-snapshot: s.ndjson.part is none", why)
    end)

    it("on standard output has no rest, and goes with what is whole only", function()
      server:configure {leads = 450, civic_sync = false, faults = {{page = 2, status = 400}}}
      local code, out, err = list "--snapshot"
      assert.equal(1, code)
      assert.is_nil(err:find("--resume", 1, true))
      assert.matches("torn", tostring(select(2, read(out))))
      for _, words in ipairs {"-f json", "-f csv", "--select id"} do
        code, _, err = list("--snapshot " .. words)
        assert.equal(2, code)
        assert.matches("^oc%-leads: %-%-snapshot ", err)
      end
    end)
  end)
end)

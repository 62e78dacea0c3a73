-- The blocks of README.md, and of the reference, are run: each ```lua block as a file, each ```sh block line by
-- line, against a sandbox with the ten sample leads. A ```text block that follows is what it prints; a line of
-- three dots in it stands for any lines.

local process = require "support.process"
local sandbox_child = require "support.sandbox_child"
local tree = require "support.tree"

local interpreter, quote = process.interpreter, process.quote

local DOCUMENTS = {"README.md", "docs/REFERENCE.md"}

-- Commands of ```sh blocks that change the machine, or only this shell: not run.
local NOT_RUN = {"^script/setup", "^luarocks ", "^apt%-get ", "^export "}

-- What the caller's shell has set must not matter, and no descriptor of ours be inherited.
-- (A sanitized run preloads its library, which is for Lua, not for the shell's tools.)
local CLEAN = "preload=${LD_PRELOAD-}; unset LD_PRELOAD; "
  .. "for name in $(env | sed -n 's/^\\(OC_[A-Z_]*\\)=.*/\\1/p'); do "
  .. "case $name in OC_LUA | OC_SAN) ;; *) unset $name ;; esac; done; unset COLUMNS; "
  .. "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; "

-- What a shell command prints, on both, and its exit status. It runs in a folder of its own; $root is the tree.
local function run(command, url)
  local pipe = assert(io.popen(CLEAN .. "root=$(cd " .. quote(tree.root) .. " && pwd); folder=$(mktemp -d); "
    .. "cd \"$folder\" && OC_BASE_URL=" .. quote(url) .. " && export OC_BASE_URL && { " .. command
    .. "\n} 2>&1 </dev/null; echo \"exit $?\"; cd / && rm -rf \"$folder\""))
  local output = pipe:read "*a"
  pipe:close()
  local printed, status = output:match "^(.*)exit (%d+)\n$"
  return printed, tonumber(status)
end

local function write_file(name, text)
  local file = assert(io.open(name, "wb"))
  assert(file:write(text))
  assert(file:close())
end

-- The fenced blocks of a document: {language, text, line, expected}.
local function blocks_of(path)
  local blocks, block, number = {}, nil, 0
  for line in tree.read(path):gmatch "([^\n]*)\n" do
    number = number + 1
    if block and line == "```" then
      block.text = table.concat(block, "\n") .. "\n"
      local before = blocks[#blocks]
      if block.language == "text" and before and before.runs then
        before.expected = block.text
      end
      block.runs = block.language == "lua" or block.language == "sh"
      blocks[#blocks + 1] = block
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif line:find "^```" then
      block = {language = line:match "^```(.*)$", line = number}
    end
  end
  assert(not block, path .. ": a block is not closed")
  return blocks
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

-- Are the lines as expected? "..." is any number of lines.
local function fits(expected, printed, i, k)
  i, k = i or 1, k or 1
  if i > #expected then return k > #printed end
  if expected[i] == "..." then
    for from = k, #printed + 1 do
      if fits(expected, printed, i + 1, from) then return true end
    end
    return false
  end
  return expected[i] == printed[k] and fits(expected, printed, i + 1, k + 1)
end

local function check_output(block, printed)
  if not block.expected then return end
  if not fits(lines_of(block.expected), lines_of(printed)) then
    assert.equal(block.expected, printed)
  end
end

local function is_not_run(line)
  for _, pattern in ipairs(NOT_RUN) do
    if line:find(pattern) then return true end
  end
  return false
end

describe("the documents", function()
  local server

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  before_each(function() server:configure {} end)

  for _, path in ipairs(DOCUMENTS) do
    local seen = {}
    for _, block in ipairs(blocks_of(path)) do
      local title = ("%s:%d "):format(path, block.line)
      seen[block.language] = (seen[block.language] or 0) + 1

      if block.language == "lua" then
        it(title .. "runs", function()
          local name = os.tmpname()
          write_file(name, block.text)
          local printed, status = run("LD_PRELOAD=\"$preload\" " .. quote(interpreter()) .. " " .. name, server.url)
          os.remove(name)
          assert.equal(0, status, printed)
          check_output(block, printed)
        end)
      end

      for _, line in ipairs(block.language == "sh" and lines_of(block.text) or {}) do
        local command = line:gsub("^oc%-leads ", "script/oc "):gsub("^script/", '"$root"/script/')
        if command:find "/script/oc sandbox" then
          it(title .. line, function()
            -- It serves for ever: here on any port, until standard input ends, which it does at once.
            command = command:gsub("%-%-port %d+", "--port 0") .. " --exit-on-eof"
            local printed, status = run(command, server.url)
            assert.equal(0, status, printed)
            assert.matches("http://127%.0%.0%.1:%d+", printed)
          end)
        elseif command ~= line and not is_not_run(line) then
          it(title .. line, function()
            local printed, status = run(command, server.url)
            assert.equal(0, status, printed)
            check_output(block, printed)
          end)
        elseif line ~= "" then
          it(title .. line .. " (not run)", function() assert.is_true(is_not_run(line)) end)
        end
      end
    end

    it(path .. " has blocks to run", function() assert.is_true((seen.lua or 0) > 0) end)
  end

  it("README.md begins with a program of about twenty lines", function()
    for _, block in ipairs(blocks_of "README.md") do
      if block.language == "lua" then
        assert.is_true(#block <= 22)
        return
      end
    end
  end)

  it("have links that lead somewhere", function()
    local paths = tree.files("docs", "%.md$")
    for _, name in ipairs {"README.md", "CHANGELOG.md", "CONTRIBUTING.md"} do paths[#paths + 1] = name end
    local function anchors_of(path)
      local anchors = {}
      for heading in ("\n" .. tree.read(path)):gmatch "\n#+ ([^\n]+)" do
        anchors[heading:lower():gsub("[^%w%- ]", ""):gsub(" ", "-")] = true
      end
      return anchors
    end
    for _, path in ipairs(paths) do
      local folder = path:match "^(.*/)[^/]*$" or ""
      for target, anchor in tree.read(path):gmatch "%]%(([^)#]*)#?([^)]*)%)" do
        local file = target == "" and path or (folder .. target):gsub("[^/]+/%.%./", "")
        assert.is_true(tree.exists(file), path .. ": there is no " .. file)
        local known = anchor == "" or anchors_of(file)[anchor]
        assert.is_true(known, ("%s: no heading #%s in %s"):format(path, anchor, file))
      end
    end
  end)
end)

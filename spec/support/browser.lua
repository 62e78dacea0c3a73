-- A real browser without a window, for specs: Chromium, started anew for each look, with a profile of its own, told to
-- reach nothing. It has ended, with all its processes, when a function here returns.

local command = require "support.command"
local daemon = require "support.daemon"
local process = require "support.process"

local browser = {}

local quote = process.quote

local NAMES = {"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}
local PATIENCE_S = 60

local FLAGS = table.concat({
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
  "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1", "--no-proxy-server",
  -- no name but ours means anything to it
  "'--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'", "--enable-logging=stderr", "--v=0",
}, " ")

--- The browser that is here. Raises, with advice, where there is none: these specs are never skipped.
---@param path? string   PATH to look in
---@return string
function browser.find(path)
  local look = path and ("PATH=%s; "):format(quote(path)) or ""
  for _, name in ipairs(NAMES) do
    local pipe = io.popen(look .. "command -v " .. name)
    local found = pipe:read "*l"
    pipe:close()
    if found then return found end
  end
  error("no Chromium here, and HTML reports are tested in a real one: script/setup --browser installs it", 2)
end

-- What it says goes through a pipe that all its processes hold, so the pipe's end is theirs. `timeout` leads a group of
-- its own, and who lingers in that is ended.
local RUN = "unset LD_PRELOAD; exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; cd %s && HOME=. TMPDIR=. "
  .. "timeout -k 1 %d %s %s --user-data-dir=%s %s %s 2>&1 >out </dev/null & "
  .. "wait $!; status=$?; kill -KILL -$! 2>/dev/null; echo; echo status $status"

--- Runs it on a page.
---@param words string   flags, beside those it always has
---@param url string
---@param name? string   a file it is to write, and whose content is wanted
---@return string out   what it gave: the document, after --dump-dom
---@return string said   its log
---@return string|nil content   of that file
function browser.run(words, url, name)
  local folder = daemon.folder()
  local pipe = assert(io.popen(RUN:format(quote(folder), PATIENCE_S, quote(browser.find()), FLAGS,
    quote(folder .. "/profile"), words, quote(url))))
  local said = pipe:read "*a"
  pipe:close()
  local out, content = command.read_file(folder .. "/out"), name and command.read_file(folder .. "/" .. name)
  daemon.remove(folder)
  if not said:find "status 0\n$" or name and not content then
    error("Chromium failed on " .. url .. ":\n" .. said:sub(-2000), 2)
  end
  return out, said, content
end

--- The lines of its console: errors of scripts, and what a policy refused.
---@param said string
---@return string[]
function browser.console(said)
  local lines = {}
  for line in said:gmatch "[^\n]+" do
    if line:find("CONSOLE", 1, true) or line:find("Content Security Policy", 1, true) then lines[#lines + 1] = line end
  end
  return lines
end

--- The document as it stands once read.
---@param url string
---@param words? string
---@return string dom
---@return string[] console
function browser.document(url, words)
  local dom, said = browser.run("--dump-dom " .. (words or ""), url)
  return dom, browser.console(said)
end

--- The flag for who likes it dark, or light.
---@param scheme "dark"|"light"
---@return string
function browser.scheme(scheme)
  return "--blink-settings=preferredColorScheme=" .. (scheme == "dark" and 0 or 1)
end

--- A picture of it, as PNG.
---@param url string
---@param scheme "dark"|"light"
---@param across integer
---@param down integer
---@return string
function browser.picture(url, scheme, across, down)
  local words = ("--window-size=%d,%d %s --screenshot=picture.png"):format(across, down, browser.scheme(scheme))
  return (select(3, browser.run(words, url, "picture.png")))
end

return browser

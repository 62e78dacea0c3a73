--- The progress line of a run: one line on the terminal, rewritten, gone at the end.
--
-- Knows numbers, and a function that writes; whether there is a terminal is decided
-- by who makes it.

local width = require "oc.width"

local progress = {}

-- Redrawn at most so often.
local INTERVAL_S = 0.1

---@class oc.cli.Progress
---@field pages integer|nil   nil: there are none to tell of
local Progress = {}
Progress.__index = Progress

--- A whole number with commas: 12,345.
---@param number number
---@return string
function progress.grouped(number)
  local text = ("%.0f"):format(number)
  while true do
    local longer, changed = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
    if changed == 0 then return text end
    text = longer
  end
end

--- "1 page", "2,000 leads".
---@param number number
---@param noun string
---@return string
function progress.counted(number, noun)
  return progress.grouped(number) .. " " .. noun .. (number == 1 and "" or "s")
end

--- A line that is not drawn before something is to be told.
---@param write fun(text: string)
---@param columns integer
---@param now fun(): number seconds
---@return oc.cli.Progress
function progress.new(write, columns, now)
  return setmetatable({
    write = write, columns = columns, now = now, started = now(), drawn_at = -math.huge,
    leads = 0, pages = 0, retries = 0, drawn = false,
  }, Progress)
end

local function draw(self, text)
  self.write("\r" .. width.fit(text, self.columns - 1):gsub(" +$", "") .. "\27[K")
  self.drawn, self.drawn_at = true, self.now()
end

local function counts(self)
  local elapsed_s = math.max(self.now() - self.started, 0.001)
  local pages = self.pages and progress.counted(self.pages, "page") .. ", " or ""
  local text = ("%s, %s%s leads/s"):format(progress.counted(self.leads, "lead"), pages,
    progress.grouped(self.leads / elapsed_s))
  if self.retries == 0 then return text end
  return text .. ", " .. (self.retries == 1 and "1 retry" or progress.grouped(self.retries) .. " retries")
end

--- So many leads have come.
---@param leads integer
function Progress:update(leads)
  self.leads = leads
  if self.now() - self.drawn_at >= INTERVAL_S then draw(self, counts(self)) end
end

--- A page has been read whole.
function Progress:page()
  self.pages = self.pages + 1
end

--- A page is about to be asked for again.
---@param info {page: integer, wait_s: number, kind: string, status: integer|nil, attempt: integer}
function Progress:retry(info)
  self.retries = self.retries + 1
  draw(self, ("%s; page %d: %s, again in %.1f s (attempt %d)"):format(counts(self), info.page,
    info.status and "HTTP " .. info.status or info.kind, info.wait_s, info.attempt + 1))
end

--- Takes the line away, for others to write in its place.
function Progress:clear()
  if not self.drawn then return end
  self.write "\r\27[K"
  self.drawn = false
end

return progress

-- What host_neovim_spec.lua has Neovim do; it tells on standard output, a line each.

local vim = rawget(_G, "vim")

local function tell(...) io.stdout:write("oc: ", table.concat({...}, " "), "\n") end

local function finish(ok, err)
  if not ok then tell("error", tostring(err)) end
  io.stdout:flush()
  vim.cmd "qa!"
end

local function main()
  local oc = require "oc"
  local host = assert(require("oc.host.luv").new())
  local client = assert(oc.client {base_url = os.getenv "OC_BASE_URL", auth = false, host = host, log = false})
  tell("outside", (select(2, pcall(host.sleep, 1))))

  local ticks, scheduled = 0, 0
  local timer = vim.loop.new_timer()
  timer:start(0, 1, function()
    ticks = ticks + 1
    vim.schedule(function() scheduled = scheduled + 1 end)
  end)

  local buffer = vim.api.nvim_get_current_buf()
  local running = 3
  local function done()
    running = running - 1
    if running > 0 then return end
    timer:close()
    host:close()
    tell("lines", #vim.api.nvim_buf_get_lines(buffer, 0, -1, false) - 1)
    finish(true)
  end

  coroutine.wrap(function()
    local leads = client:leads {page_size = 20}
    local seen_ticks, seen_scheduled, pages, waited = 0, 0, 0, 0
    for page in leads:pages() do
      for _, lead in ipairs(page.leads) do
        vim.api.nvim_buf_set_lines(buffer, 0, 0, false, {lead.id}) -- refused in the loop's own callbacks
      end
      pages = pages + 1
      if ticks > seen_ticks and scheduled > seen_scheduled then waited = waited + 1 end
      seen_ticks, seen_scheduled = ticks, scheduled
    end
    tell("pages", pages, "ticked", waited, leads:result().stop_reason)
    done()
  end)()

  coroutine.wrap(function()
    local _, err = client:leads({page = 99, page_size = 10}):next()
    tell("failed", err.kind, err.message)
    done()
  end)()

  -- The program runs the loop itself in the middle of a coroutine; the others go on in there.
  coroutine.wrap(function()
    host.sleep(0.001)
    tell("nested", tostring(vim.wait(20000, function() return running == 1 end, 1)))
    done()
  end)()
end

local ok, err = pcall(main)
if not ok then finish(false, err) end

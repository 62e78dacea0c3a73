-- Leads into a buffer of Neovim, line by line, while one goes on editing. See list.lua for a service to ask.
-- Neovim has to find oc, built for LuaJIT; from this tree:
--   OC_BASE_URL=ADDRESS OC_LUA=luajit sh -c '. script/env && oc_build && nvim -c "luafile examples/neovim_leads.lua"'
local vim = rawget(_G, "vim")
if not vim or not os.getenv "OC_BASE_URL" then
  io.stderr:write "usage: OC_BASE_URL=ADDRESS nvim -c 'luafile examples/neovim_leads.lua'\n"
  os.exit(2)
end

local oc = require "oc"
local host = assert(require("oc.host.luv").new())
local client = assert(oc.client {host = host})

vim.cmd "enew | setlocal buftype=nofile"
local buffer = vim.api.nvim_get_current_buf()

coroutine.wrap(function()
  local count, leads = 0, client:leads {page_size = 50, limit = 500}
  while true do
    local lead, err = leads:next()
    if err then vim.notify(tostring(err), vim.log.levels.ERROR) end
    if not lead then break end
    local line = ("%-32s %s"):format(lead.contactDetails.companyName or "-", lead.status)
    vim.api.nvim_buf_set_lines(buffer, count, -1, false, {line})
    count = count + 1
  end
  host:close()
  vim.api.nvim_exec_autocmds("User", {pattern = "LeadsRead"})
end)()

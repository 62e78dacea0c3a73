-- Pages of leads as files, for an nginx that plays the service: two pages of the fixture's leads and an empty one.

local tree = require "support.tree"

local lead_pages = {}

lead_pages.COUNT = 20
lead_pages.BASE_PATH = "/tenantui"

--- For a `server { }` of nginx.
lead_pages.LOCATION = [[
  location = /tenantui/api/v2/oc/lead { try_files /page$arg_PageNumber.json /none.json; }
]]

--- The files, by name.
function lead_pages.files()
  local page = tree.read "spec/fixtures/leads-sample.json"
  return {
    ["page1.json"] = page,
    -- Other leads: each GUID with another first digit.
    ["page2.json"] = (page:gsub('("id": ")%x', "%1z")),
    ["none.json"] = "[]",
  }
end

return lead_pages

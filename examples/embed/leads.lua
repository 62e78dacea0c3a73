-- What host.c runs: hands each lead to the function that the host gives.
local base_url, on_lead = ...
local oc = require "oc"

-- Credentials come from the environment: OC_TOKEN, or OC_TENANT_ID and its like.
local client = assert(oc.client {base_url = base_url})
for lead in client:leads {page_size = 1000, max_pages = math.huge, select = {"id", "status"}} do
  on_lead(lead)
end
client:close()

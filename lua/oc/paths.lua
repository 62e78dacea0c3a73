--- Paths into leads: "contactDetails.companyName", and through lists: "civicAddresses.country".

local core = require "oc.core"

local paths = {}

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

--- Is it a list? An empty table counts as one.
---@param value any
---@return boolean
paths.is_list = is_list

local function find(value, keys, from)
  for i = from, #keys do
    if type(value) ~= "table" then return nil end
    if is_list(value) then
      local found = {}
      for k, element in ipairs(value) do found[k] = find(element, keys, i) end
      return found
    end
    value = value[keys[i]]
  end
  if value == core.null then return nil end
  return value
end

--- A path, ready to be followed.
---@param path string
---@return fun(lead: table): any   the value, nil for null; through a list, what its elements have, with holes
function paths.reader(path)
  local keys = {}
  for key in path:gmatch "[^.]+" do keys[#keys + 1] = key end
  return function(lead) return find(lead, keys, 1) end
end

return paths

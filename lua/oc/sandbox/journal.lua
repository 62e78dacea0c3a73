-- What was asked of the sandbox, for tests to read: never tokens, secrets or bodies.
-- Only writes down; knows nothing about how requests are answered.

local json = require "oc.sandbox.json"

local journal = {}

-- A sandbox may run for days; the oldest entries go first. Ten thousand tenants, asked several times each, have room.
local MAX_ENTRIES = 100000

-- A list whose oldest items make room for new ones where they stand.
local function new_ring()
  return { items = {}, added = 0 }
end

local Journal = {}
Journal.__index = Journal

--- An empty journal.
---@param max_entries? integer how many requests, and failures, are kept
function journal.new(max_entries)
  return setmetatable({
    max_entries = max_entries or MAX_ENTRIES,
    requests = new_ring(), failures = new_ring(),
    numbered = 0, open = 0, max_open = 0, connections = 0, tokens_issued = 0,
    seen = setmetatable({}, { __mode = "k" }),
  }, Journal)
end

local function append(self, ring, item)
  ring.items[ring.added % self.max_entries + 1] = item
  ring.added = ring.added + 1
end

-- The items of a ring as a list, the oldest first.
local function in_order(self, ring)
  local list, count = {}, #ring.items
  local before = ring.added - count
  for i = 1, count do list[i] = ring.items[(before + i - 1) % self.max_entries + 1] end
  return json.array(list)
end

-- Whoever puts a credential into the query must not find it here.
local function shown(name, value)
  local lower = name:lower()
  if lower:find("token", 1, true) or lower:find("secret", 1, true) then return "***" end
  return value
end

--- Writes down that a request begins. In the entry, `open` counts the requests open at that moment, itself included;
--- `authorized` is there where a token was needed; `bytes_sent` are those of the body; `tenant` is what a lead request
--- asked for, if it is a GUID; `account` and `outcome` are the gateway's.
---@param request oc.sandbox.Request
---@param connection table
---@return table entry to be filled in while it is answered
function Journal:begin(request, connection)
  if not self.seen[connection] then
    self.seen[connection] = true
    self.connections = self.connections + 1
  end
  self.numbered = self.numbered + 1
  self.open = self.open + 1
  if self.open > self.max_open then self.max_open = self.open end
  local query = {}
  for _, pair in ipairs(request.query) do query[pair.name] = shown(pair.name, pair.value) end
  local entry = {
    n = self.numbered, method = request.method, path = request.path, query = query, open = self.open,
    bytes_sent = 0, aborted = false,
    has_authorization = request.headers.authorization ~= nil,
    accept_encoding = request.headers["accept-encoding"],
    user_agent = request.headers["user-agent"],
  }
  append(self, self.requests, entry)
  return entry
end

--- A request is over, whatever became of it.
function Journal:finish()
  self.open = self.open - 1
end

--- Writes down a civic synchronisation that failed.
---@param failure {lead: string, tenant: string, why: string}
function Journal:civic_failure(failure)
  append(self, self.failures, failure)
end

function Journal:token_issued()
  self.tokens_issued = self.tokens_issued + 1
end

--- Forgets what is over; requests that are open stay counted as open.
function Journal:empty()
  self.requests, self.failures = new_ring(), new_ring()
  self.numbered, self.max_open, self.connections, self.tokens_issued = 0, self.open, 0, 0
  self.seen = setmetatable({}, { __mode = "k" })
end

---@return string json
function Journal:encode()
  return json.encode {
    requests = in_order(self, self.requests), civic_failures = in_order(self, self.failures),
    max_open = self.max_open, connections = self.connections, tokens_issued = self.tokens_issued,
  }
end

return journal

--- The check of the token: is there one, does Entra give one, does the service take
-- it. The token itself is never part of what is found.

local address = require "oc.doctor.address"
local jwt = require "oc.doctor.jwt"
local place = require "oc.doctor.place"

local token = {}

local CREDENTIALS = "OC_TOKEN, or OC_TENANT_ID, OC_CLIENT_ID, OC_CLIENT_SECRET and OC_SCOPE"

-- What Entra's codes mean for us: what to check, and the variable that holds it.
local ENTRA = {
  AADSTS7000215 = {"it must be the secret's value, not its id", "OC_CLIENT_SECRET"},
  AADSTS7000222 = {"the secret has expired: make a new one for the application", "OC_CLIENT_SECRET"},
  AADSTS7000218 = {"the secret is missing", "OC_CLIENT_SECRET"},
  AADSTS700016 = {"there is no such application in that tenant: check it, and OC_TENANT_ID", "OC_CLIENT_ID"},
  AADSTS7000112 = {"the application is disabled: its owner must enable it", "OC_CLIENT_ID"},
  AADSTS900023 = {"that is neither a tenant's id nor its domain", "OC_TENANT_ID"},
  AADSTS90002 = {"there is no such tenant (in this cloud: see OC_AUTHORITY)", "OC_TENANT_ID"},
  AADSTS1002012 = {"it must end in /.default", "OC_SCOPE"},
  AADSTS70011 = {"it must be api://<id>/.default of the service", "OC_SCOPE"},
  AADSTS500011 = {"the service it names is unknown in that tenant: ask its operator for the right one, and for "
    .. "admin consent", "OC_SCOPE"},
  AADSTS501051 = {"the application is not assigned to the service: the tenant's administrator must grant it", nil},
  AADSTS50105 = {"the application is not assigned to the service: the tenant's administrator must grant it", nil},
  AADSTS53003 = {"conditional access forbids it: ask the tenant's administrator", nil},
  AADSTS900144 = {"one of the four credentials is empty", nil},
}

local function refused_by_entra(err)
  local code = err.message:match "AADSTS%d+"
  local known = ENTRA[code or ""] or {"check tenant, client id, secret and scope"
    .. (code and (", and look the code up: " .. code) or "")}
  return {status = "fail", blocks = true, found = "Entra refuses: " .. place.words(err), hint = known[1],
    set = known[2] and {{env = known[2]}}, facts = {entra = code, status = err.status}}
end

local function no_token(x, err)
  if err.kind == "auth" and err.status then return refused_by_entra(err) end
  if err.kind == "auth" then return {status = "fail", blocks = true, found = place.words(err)} end
  if err.kind == "tls" then
    local finding = address.tls_fault(err, x.ask.settings)
    finding.found = "cannot ask for a token: " .. finding.found
    return finding
  end
  return {status = "fail", blocks = true, found = "cannot ask for a token: " .. place.words(err),
    hint = "can this machine reach it? OC_AUTHORITY names another one, for national clouds; OC_PROXY a proxy",
    facts = {kind = err.kind}}
end

-- No credentials are at hand: why, and do they have to be?
local function without_credentials(x)
  local ask, status = x.ask, x.hello.status
  local wanted = status == 401 or status == 403
  if ask.auth_fault then
    return {status = "fail", blocks = wanted, found = ask.auth_fault.message, set = {{env = CREDENTIALS}}}
  end
  if wanted and ask.withheld then
    return {status = "fail", blocks = true,
      found = "those in the environment are for another origin, and stay at home",
      hint = "OC_BASE_URL is at " .. ask.withheld .. ", {base_url} at " .. ask.settings.origin
        .. ": let them agree, or give the token by {auth}"}
  end
  if wanted then
    return {status = "fail", blocks = true, found = "none given, and the service wants one",
      set = {{env = CREDENTIALS}}}
  end
  return {status = "ok", found = "none given, and none is needed"}
end

-- The words of WWW-Authenticate that tell why.
local function why_refused(answer)
  local told = (answer.record and answer.record.headers or {})["www-authenticate"] or ""
  local text = told:lower()
  if text:find("audience", 1, true) then return "it is for another audience" end
  if text:find("issuer", 1, true) then return "it is of another issuer: see OC_TENANT_ID" end
  if text:find("expired", 1, true) or text:find("lifetime", 1, true) then return "it counts as expired" end
  if text:find("insufficient_scope", 1, true) then return "its scope is not enough" end
end

local function refused_by_service(x, answer, expires_at)
  local finding = {status = "fail", blocks = true, facts = {status = answer.status}}
  local why = why_refused(answer)
  local tail = why and ": " .. why or ""
  if answer.status == 403 then
    finding.found = "the service knows it, but forbids the leads (HTTP 403)" .. tail
    finding.hint = "the application needs a right on the service: an app role with admin consent, say"
    return finding
  end
  local now = x.ask.host.time()
  if expires_at and expires_at <= now then
    finding.found = ("it expired %s ago (HTTP 401)"):format(address.duration(now - expires_at))
    finding.hint = "a new one is needed; or let oc get them itself, by OC_TENANT_ID, OC_CLIENT_ID, OC_CLIENT_SECRET "
      .. "and OC_SCOPE"
    finding.set = {{env = "OC_TOKEN"}}
    return finding
  end
  if not x.ask.provider.renewable then
    finding.found = "the service refuses it (HTTP 401)" .. tail
    finding.hint = "the one at hand is of another tenant, for another service, or expired"
    finding.set = {{env = "OC_TOKEN"}}
    return finding
  end
  finding.found = "Entra gives one, but the service refuses it (HTTP 401)" .. tail
  finding.hint = "it must be api://<id>/.default of this very service: ask its operator; is the tenant right, too?"
  finding.set = {{env = "OC_SCOPE"}}
  return finding
end

local function works(x, expires_at)
  local left = x.ask.lifetime_s or expires_at and expires_at - x.ask.host.time()
  local found = "works"
  if left and left < math.huge then
    found = ("works, and is good for %s"):format(address.duration(math.max(left, 0)))
  end
  if not x.hello.err then
    return {status = "ok", found = found .. "; the service asks for none", facts = {lifetime_s = left}}
  end
  return {status = "ok", found = found, facts = {lifetime_s = left}}
end

-- The service took the token, if there is one, but gave no leads.
local function no_leads(x, answer)
  local fault = place.fault(answer, x.ask.settings) or {found = place.words(answer.err)}
  fault.status, fault.blocks = "fail", true
  fault.found = "cannot tell: " .. fault.found
  if answer.err.title then fault.found = ("%s (%s)"):format(fault.found, place.quoted(answer.err.title)) end
  fault.facts = {status = answer.status, kind = answer.err.kind}
  return fault
end

token.check = {
  id = "token", title = "token", needs = {"address", "tls"},
  run = function(x)
    local finding, expires_at
    if not x.ask.provider then
      finding = without_credentials(x)
      if finding.blocks then return finding end
    else
      local text, err = x.ask:token()
      if not text then return no_token(x, err) end
      expires_at = jwt.expires_at(text)
    end
    x.page_one = x.ask:page {page = 1, size = x.SMALL_PAGE}
    local status = x.page_one.status
    if x.page_one.err and (status == 401 or status == 403) and x.ask.provider then
      return refused_by_service(x, x.page_one, expires_at)
    end
    if x.page_one.err and status ~= 404 then return no_leads(x, x.page_one) end
    if x.page_one.err and place.is_html(x.page_one) then return no_leads(x, x.page_one) end
    return finding or works(x, expires_at)
  end,
}

return token

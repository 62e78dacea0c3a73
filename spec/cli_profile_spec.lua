-- Profiles: options and credentials of a service from a file.

local command_line = require "support.command"
local process = require "support.process"
local sandbox_child = require "support.sandbox_child"

describe("oc-leads --profile", function()
  local server, place

  setup(function() server = sandbox_child.start() end)
  teardown(function() server:close() end)
  before_each(function() place = command_line.place() end)
  after_each(function() place:remove() end)

  -- A configuration file, and what a shell needs to find it.
  local function configure(text, mode)
    local path = place.folder .. "/config"
    local file = assert(io.open(path, "w"))
    file:write((text:gsub("URL", server.url)))
    file:close()
    os.execute(("chmod %s %s"):format(mode or "600", process.quote(path)))
    return "OC_CONFIG=config"
  end

  local function list(words, environment) return place:run("list " .. words, environment) end

  it("takes options and credentials from it; flags say otherwise", function()
    server:configure {leads = 30, client_id = "app", client_secret = "s3cr3t-value"}
    local environment = configure [[
# of this machine
[test]
base_url = URL/tenantui
page_size = 7
compress = false
tenant_id = contoso.example
client_id = app
client_secret = s3cr3t-value
scope = api://x/.default
authority = URL

[other]
base_url = http://127.0.0.1:1
]]
    local code, out, err = list("--profile test", environment)
    assert.equal(0, code, err)
    assert.equal(30, select(2, out:gsub("\n", "")))
    local lead
    for _, request in ipairs(server:journal().requests) do lead = request.page and request or lead end
    assert.equal(7, lead.page_size)
    assert.is_nil(lead.accept_encoding)
    assert.is_true(lead.authorized)
    server:empty_journal()
    assert.equal(0, (list("--profile test --page-size 9", environment)))
    for _, request in ipairs(server:journal().requests) do lead = request.page and request or lead end
    assert.equal(9, lead.page_size)
    assert.equal(0, (list("", environment .. " OC_PROFILE=test")))
    code, out, err = place:run("audit --profile test --from /dev/null", environment)
    assert.equal(1, code, out .. err) -- its page_size is no flag: the empty file is what is wrong
    assert.matches("/dev/null", err)
  end)

  it("prints commands that name it, and no secret", function()
    server:configure {leads = 100, token = "s3cr3t-token"}
    local environment = configure "[test]\nbase_url = URL\ntoken = s3cr3t-token\npage_size = 5\n"
    local code, _, err = list("--profile test", environment)
    assert.equal(3, code)
    assert.matches("%-%-profile test", err)
    assert.is_nil(err:find "s3cr3t")
    local words = err:match "oc%-leads list (.-)\n"
    code = list(words, environment)
    assert.equal(0, code)
  end)

  it("refuses secrets that others can read, and says which", function()
    for key, value in pairs {token = "x", client_secret = "x", proxy = "http://a:b@c", client_key_password = "x"} do
      local environment = configure(("[test]\nbase_url = URL\n%s = %s\n"):format(key, value), "640")
      local code, _, err = list("--profile test", environment)
      assert.equal(2, code)
      assert.equal(("oc-leads: config, line 3: %s is a secret, and others can read this file; chmod 600 it first\n")
        :format(key), err)
    end
    server:configure {leads = 3}
    assert.equal(0, (list("--profile test", configure("[test]\nbase_url = URL\n", "644"))))
  end)

  it("says what is wrong, and where", function()
    for fault, text in pairs {
      ["config has no such profile; it has a, b"] = "[b]\n[a]\n",
      ["config has no such profile; it has none"] = "",
      ["config, line 1: a %[profile%] has to come first"] = "base_url = x\n[test]",
      ["config, line 2: NAME = VALUE or %[PROFILE%] expected"] = "[test]\nbase_url\n",
      ["config, line 2: there is no option base"] = "[test]\nbase = x\n",
      ["config, line 2: page_size: integer from 1 to 20000 expected"] = "[test]\npage_size = many\n",
      ["config, line 2: compress: true or false expected"] = "[test]\ncompress = yes\n",
      ["config, line 3: the profile test is there twice"] = "[test]\n\n[test]\n",
      ["credentials are incomplete, missing client_id"] = "[test]\nclient_secret = s\ntenant_id = t\nscope = s\n",
    } do
      local code, _, err = list("--profile test", configure(text))
      assert.equal(2, code, err)
      assert.matches(fault, err)
      assert.is_nil(err:find "traceback")
    end
    assert.equal(2, (list("--profile ''", configure "[a]\n")))
    local code, _, err = list("--profile test", "OC_CONFIG=nowhere")
    assert.equal(2, code)
    assert.matches("%-%-profile test: nowhere: No such file", err)
  end)

  it("finds it where XDG has it, or in .config", function()
    server:configure {leads = 3}
    local text = ("[test]\nbase_url = %s\n"):format(server.url)
    for folder, environment in pairs {["xdg/oc"] = "XDG_CONFIG_HOME=xdg", [".config/oc"] = "XDG_CONFIG_HOME= HOME=."} do
      os.execute(("mkdir -p %s/%s"):format(process.quote(place.folder), folder))
      local file = assert(io.open(place.folder .. "/" .. folder .. "/config", "w"))
      file:write(text)
      file:close()
      local code, _, err = list("--profile test", environment)
      assert.equal(0, code, err)
    end
  end)
end)

-- Rules of an audit of one's own: a file that returns a list. Not a program: to try it,
--   script/oc audit --rules examples/rules_of_my_own.lua --from spec/fixtures/leads-sample.json
local rules = require "oc.civic.rules"

return {
  {
    id = "state-missing", severity = "warning", of = "address", countries = {"US", "CA", "AU"},
    text = "an address without a state, where places of one name are in several",
    check = function(address, _, report)
      if not rules.text(address.stateOrProvince) then
        report("no state: the customer adds it in the Teams admin center", "stateOrProvince")
      end
    end,
  },
  {
    id = "unlicensed", severity = "info", of = "lead",
    text = "an active lead without a Live Platform licence",
    check = function(lead, _, report)
      if rules.is_active(lead) and not rules.text(lead.umpCustomerGuid) then
        report("active, but no licence is applied", "umpCustomerGuid")
      end
    end,
  },
  -- One with the id of a built-in rule takes its place: here duplicates are no matter.
  {id = "address-duplicate", severity = "info", of = "lead", text = "never", check = function() end},
}

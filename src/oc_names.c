/*
** oc_names.c - the service's field names, in the order in which it writes them.
*/
#include "oc_names.h"

#include <stdio.h>
#include <string.h>

/*
** One list serves leads, addresses, locations and contacts: names that several of them
** have stand in the same order in each.
*/
static const char *const order[OC_NAMES_KNOWN] = {
  "civicAddresses", "comments", "umpCustomerGuid", "isNotActive", "channelId", "ovocChannelId",
  "isDirectLead", "id", "civicAddressId", "country", "houseNumber", "houseNumberSuffix",
  "preDirectional", "streetName", "streetSuffix", "postDirectional", "stateOrProvince",
  "countyOrDistrict", "cityOrTown", "cityOrTownAlias", "postalOrZipCode", "description",
  "additionalInfo", "isDefault", "elin", "fullName", "email", "phoneNumber", "companyName",
  "companySize", "companyId", "defaultLocationId", "validationStatus", "tenantId", "partnerId",
  "locations", "tenantOrigin", "operatorId", "status", "consentedOn", "lastModifiedOn",
  "consentedCountries", "contactDetails", "contacts"};

void oc_names_push(lua_State *L) {
  oc_names *known = oc_newuserdata(L, sizeof *known);
  size_t i;
  memset(known, 0, sizeof *known);
  lua_createtable(L, OC_NAMES_KNOWN, 0);
  for (i = 0; i < OC_NAMES_KNOWN; i++) {
    size_t slot;
    lua_pushstring(L, order[i]);
    slot = oc_names_slot(lua_tostring(L, -1));
    while (known->text[slot] != NULL)
      slot = (slot + 1) & (OC_NAMES_SLOTS - 1);
    known->text[slot] = lua_tostring(L, -1);
    known->rank[slot] = (unsigned char)i;
    known->label_n[i] = (unsigned char)snprintf(known->label[i], OC_NAMES_LABEL_BYTES, ",\"%s\":", order[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  oc_setuservalue(L, -2);
}

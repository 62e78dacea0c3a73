-- A little certificate authority, for specs: who is to be trusted, who is not, and who we are. Made by openssl, in a
-- folder that `remove` takes away. Elliptic curves, since their keys take no time.

local daemon = require "support.daemon"
local process = require "support.process"

local certificates = {}

certificates.PASSWORD = "hidden-key-password"

local CONFIG = [[
[ca]
default_ca = little
[little]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
default_days = 2
policy = any
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = names
prompt = no
[names]
CN = unused
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
]]

-- authority NAME SUBJECT; request NAME SUBJECT SAN; signed NAME AUTHORITY [DATES]
local SCRIPT = [[
set -e
export OPENSSL_CONF=ca.cnf
: >index.txt
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
authority() {
  new_key $1.key
  openssl req -x509 -new -key $1.key -days 2 -subj "/CN=$2" -extensions authority -out $1.pem
}
request() { openssl req -new -key server.key -subj "/CN=$2" -addext "subjectAltName=$3" -out $1.csr; }
signed() {
  name=$1 by=$2; shift 2
  openssl ca -batch -config ca.cnf -notext -keyfile $by.key -cert $by.pem -in $name.csr -out $name.pem "$@"
}
authority ca "oc test authority"
authority other_ca "another authority"
new_key server.key
LOCAL=DNS:localhost,IP:127.0.0.1
request good localhost $LOCAL,DNS:*.example.com
signed good ca
request token localhost DNS:login.localhost
signed token ca
request wrong_host elsewhere.example.org DNS:elsewhere.example.org,IP:192.0.2.1
signed wrong_host ca
request expired localhost $LOCAL
signed expired ca -startdate 20200101000000Z -enddate 20200201000000Z
request not_yet localhost $LOCAL
signed not_yet ca -startdate 20980101000000Z -enddate 20990101000000Z
request unknown localhost $LOCAL
signed unknown other_ca
openssl req -x509 -new -key server.key -days 2 -subj /CN=localhost -addext subjectAltName=$LOCAL -out self_signed.pem
for name in client wrong_client; do
  new_key $name.key
  openssl req -new -key $name.key -subj /CN=$name -out $name.csr
done
signed client ca
signed wrong_client other_ca
cat client.pem client.key >client_both.pem
openssl pkcs8 -topk8 -in client.key -passout "pass:$PASSWORD" -out client_locked.key
mkdir hashed
cp ca.pem "hashed/$(openssl x509 -hash -noout -in ca.pem).0"
]]

---@class Certificates
---@field folder string
local Certificates = {}
Certificates.__index = Certificates

--- The path of one of them: `ca.pem`, `good.pem`, `server.key` (of every server) …
function Certificates:path(name) return self.folder .. "/" .. name end

function Certificates:remove() daemon.remove(self.folder) end

---@return Certificates
function certificates.make()
  local folder = daemon.folder()
  daemon.write(folder, "ca.cnf", CONFIG)
  daemon.write(folder, "make.sh", SCRIPT)
  local pipe = io.popen(("cd %s && PASSWORD=%s sh make.sh 2>&1 && echo made"):format(
    process.quote(folder), certificates.PASSWORD))
  local said = pipe:read "*a"
  pipe:close()
  if not said:find "made\n$" then error("openssl made no certificates: " .. said, 2) end
  return setmetatable({folder = folder}, Certificates)
end

return certificates

#!/bin/sh
# Makes the certificates of this folder anew, with OpenSSL 3. The keys of the authorities are thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/ca.cnf" <<EOF
[ca]
default_ca = issuing
[issuing]
database = $work/index
rand_serial = yes
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
[elsewhere]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.example,DNS:*.localhost,IP:127.0.0.1
[nameless]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
[client]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = DNS:localhost
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
EOF
: >"$work/index"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
# root KEY COMMON-NAME EXTENSIONS CERTIFICATE
root() {
  openssl req -new -key "$1" -subj "/CN=$2" -out "$work/request"
  openssl ca -batch -notext -selfsign -config "$work/ca.cnf" -extensions "$3" -startdate 20200101000000Z \
    -enddate 21200101000000Z -keyfile "$1" -in "$work/request" -out "$4" 2>/dev/null
}
# issue NAME COMMON-NAME EXTENSIONS FROM TO [authority's certificate and key] [digest] [key of the subject]
issue() {
  openssl req -new -key "${9:-key.pem}" -subj "/CN=$2" -out "$work/request"
  openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$3" -startdate "$4" -enddate "$5" \
    -cert "${6:-ca.pem}" -keyfile "${7:-$work/ca.key}" -md "${8:-sha256}" -in "$work/request" -out "$1" 2>/dev/null
}
always='20200101000000Z 21200101000000Z'

key key.pem
key "$work/ca.key"
key "$work/stranger.key"
key "$work/below.key"
root "$work/ca.key" 'an authority of the tests' authority ca.pem
root "$work/stranger.key" 'an authority that nobody knows' authority "$work/stranger.pem"
# shellcheck disable=SC2086
{
  issue good.pem localhost server $always
  issue expired.pem localhost server 20200101000000Z 20210101000000Z
  issue early.pem localhost server 21000101000000Z 21200101000000Z
  issue elsewhere.pem elsewhere.example elsewhere $always
  issue nameless.pem localhost nameless $always
  issue client.pem localhost client $always
  issue sha1.pem localhost server $always ca.pem "$work/ca.key" sha1
  issue stranger.pem localhost server $always "$work/stranger.pem" "$work/stranger.key"
  issue "$work/below.pem" 'an authority below' authority $always ca.pem "$work/ca.key" sha256 "$work/below.key"
  issue chainless.pem localhost server $always "$work/below.pem" "$work/below.key"
  issue "$work/leaf.pem" localhost server $always good.pem key.pem
}
cat "$work/leaf.pem" good.pem >below-leaf.pem
root key.pem localhost server self-signed.pem

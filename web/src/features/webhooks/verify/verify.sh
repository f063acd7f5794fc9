#!/bin/sh
# Usage: CLOUDHUB_SECRET=whsec_… sh verify.sh ID TIMESTAMP SIGNATURE <body
#        CLOUDHUB_SECRET=whsec_… sh verify.sh send URL <body
# "send" tries your receiver: it must take a delivery that is signed, and refuse
# it changed. openssl gets the key as an argument, which others on this machine
# can see: use the secret of a test.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "$1" >&2; exit 1; }

key=$(printf %s "${CLOUDHUB_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
[ -n "$key" ] || fail "not a secret of a webhook"
hmac() { openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" "$@"; }
# v1 ID TIMESTAMP FILE prints the signature of what the file has.
v1() { printf 'v1,%s' "$({ printf '%s.%s.' "$1" "$2"; cat "$3"; } | hmac -binary | openssl base64 -A)"; }
sha256() { printf 'sha256=%s' "$(hmac -r "$1" | cut -d' ' -f1)"; }

cat >"$dir/body"
now=${CLOUDHUB_NOW:-$(date +%s)}

if [ "${1:-}" = send ]; then
  id=msg_$(openssl rand -hex 12)
  signature=$(v1 "$id" "$now" "$dir/body")
  simple=$(sha256 "$dir/body")
  post() {
    curl -sS -o /dev/null -w '%{http_code}' --data-binary "@$1" -H 'content-type: application/json' \
      -H "webhook-id: $id" -H "webhook-timestamp: $now" -H "webhook-signature: $signature" \
      -H "x-cloudhub-signature: $simple" "$url"
  }
  url=$2
  status=$(post "$dir/body")
  case $status in 2*) ;; *) fail "it refuses what is signed: $status" ;; esac
  { cat "$dir/body"; echo; } >"$dir/changed"
  status=$(post "$dir/changed")
  case $status in 2*) fail "it takes what was changed: $status" ;; esac
elif [ $# = 1 ]; then
  # X-CloudHub-Signature alone, which also fits what was recorded and sent again.
  [ "$1" = "$(sha256 "$dir/body")" ] || fail "wrong signature"
elif [ $# = 3 ]; then
  case $2 in '' | *[!0-9]*) fail "a header is missing" ;; esac
  [ "$((now - $2))" -le 300 ] && [ "$(($2 - now))" -le 300 ] || fail "too old, or from the future"
  wanted=$(v1 "$1" "$2" "$dir/body")
  # While a secret is being changed there are two signatures.
  case " $3 " in *" $wanted "*) ;; *) fail "wrong signature" ;; esac
else
  fail "give id, timestamp and signature"
fi
echo ok

# Usage: CLOUDHUB_SECRET=whsec_… python3 verify.py ID TIMESTAMP SIGNATURE <body
import base64
import hashlib
import hmac
import os
import sys
import time

# How old, or how far ahead, a delivery may be, in seconds.
TOLERANCE = 5 * 60


def verify(secret, headers, body, now=None):
    """Raises ValueError unless CloudHub sent body, the raw bytes of the request, at about now.

    headers has webhook-id, webhook-timestamp and webhook-signature.
    """
    id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not id or not timestamp.isdecimal():
        raise ValueError("a header is missing")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        raise ValueError("too old, or from the future")
    signed = f"{id}.{timestamp}.".encode() + body
    mac = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    wanted = b"v1," + base64.b64encode(mac)
    # While a secret is being changed there are two signatures.
    signatures = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(one.encode(), wanted) for one in signatures):
        raise ValueError("wrong signature")


def verify_body(secret, signature, body):
    """Checks X-CloudHub-Signature alone, which also fits what was recorded and
    sent again by somebody else: prefer verify."""
    mac = hmac.new(key_of(secret), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), b"sha256=" + mac.encode()):
        raise ValueError("wrong signature")


def key_of(secret):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    if not key:
        raise ValueError("not a secret of a webhook")
    return key


if __name__ == "__main__":
    secret = os.environ.get("CLOUDHUB_SECRET", "")
    now = os.environ.get("CLOUDHUB_NOW")
    body = sys.stdin.buffer.read()
    try:
        if len(sys.argv) == 4:
            names = ("webhook-id", "webhook-timestamp", "webhook-signature")
            verify(secret, dict(zip(names, sys.argv[1:])), body, int(now) if now else None)
        elif len(sys.argv) == 2:
            verify_body(secret, sys.argv[1], body)
        else:
            raise ValueError("give id, timestamp and signature")
    except ValueError as error:
        sys.exit(str(error))
    print("ok")

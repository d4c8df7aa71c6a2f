# SPDX-License-Identifier: MIT
"""OCI request signature version 1: signing strings, verification, and a signer for tests.

Written from the published description (draft-cavage-http-signatures-08, RSA-SHA256). The verifier
says why it refuses; the service's answer does not.
"""
import base64
import calendar
import hashlib
import re
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

SKEW_SECONDS = 300
BASE_HEADERS = ("(request-target)", "host")
BODY_HEADERS = ("content-length", "content-type", "x-content-sha256")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PARAMETER = re.compile(r'\s*([A-Za-z]+)="([^"]*)"\s*(?:,|$)')
DATE = re.compile(r"^(%s), (\d\d) (%s) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$"
                  % ("|".join(DAYS), "|".join(MONTHS)))


class Refused(Exception):
    """The request is not authenticated; the text says why."""


def signing_string(method, target, headers, names):
    """headers: mapping of lower-case name to value; names: the signed names in order."""
    lines = []
    for name in names:
        value = f"{method.lower()} {target}" if name == "(request-target)" else headers.get(name)
        if value is None:
            raise Refused(f"signed header {name} is not in the request")
        lines.append(f"{name}: {value}")
    return "\n".join(lines)


def parse_authorization(value):
    scheme, _, rest = (value or "").partition(" ")
    if scheme != "Signature":
        raise Refused("no Signature authorization")
    parameters, position = {}, 0
    while position < len(rest):
        match = PARAMETER.match(rest, position)
        if not match or match.group(1) in parameters:
            raise Refused("malformed Authorization header")
        parameters[match.group(1)] = match.group(2)
        position = match.end()
    for name in ("version", "headers", "keyId", "algorithm", "signature"):
        if name not in parameters:
            raise Refused(f"Authorization lacks {name}")
    if parameters["version"] != "1" or parameters["algorithm"] != "rsa-sha256":
        raise Refused("only version 1 with rsa-sha256 is known")
    return parameters


def parse_date(text):
    """Seconds since 1970 of an RFC 1123 date in GMT; the week day must be right."""
    match = DATE.match(text or "")
    if not match:
        raise Refused(f"malformed date {text!r}")
    day, month, year, hour, minute, second = (
        int(match.group(2)), MONTHS.index(match.group(3)) + 1, *map(int, match.group(4, 5, 6, 7)))
    if not (1 <= day <= calendar.monthrange(year, month)[1]) or hour > 23 or minute > 59 or second > 60:
        raise Refused(f"impossible date {text!r}")
    if calendar.weekday(year, month, day) != DAYS.index(match.group(1)):
        raise Refused(f"wrong week day in {text!r}")
    return calendar.timegm((year, month, day, hour, minute, second))


def format_date(seconds):
    moment = time.gmtime(seconds)
    return "%s, %02d %s %04d %02d:%02d:%02d GMT" % (
        DAYS[moment.tm_wday], moment.tm_mday, MONTHS[moment.tm_mon - 1], moment.tm_year,
        moment.tm_hour, moment.tm_min, moment.tm_sec)


def verify(method, target, headers, keys, now, body_headers):
    """Checks everything but the body's digest.

    keys maps keyId to a public key. body_headers: "required" (POST, PATCH, PUT of JSON) or
    "optional" (PutObject and UploadPart). Returns {"key_id", "signed"}; raises Refused.
    """
    parameters = parse_authorization(headers.get("authorization"))
    # Oracle's own JavaScript client lists some names in mixed case: case does not count here.
    names = parameters["headers"].lower().split(" ")
    if len(set(names)) != len(names):
        raise Refused("a header is signed twice")
    if "x-date" not in names and "date" not in names:
        raise Refused("neither date nor x-date is signed")
    required = list(BASE_HEADERS)
    if method in ("POST", "PUT", "PATCH") and body_headers == "required":
        required += BODY_HEADERS
    for name in required:
        if name not in names:
            raise Refused(f"{name} is not signed")
    key = keys.get(parameters["keyId"])
    if key is None:
        raise Refused("unknown keyId")
    try:
        signature = base64.b64decode(parameters["signature"], validate=True)
        key.verify(signature, signing_string(method, target, headers, names).encode("latin-1"),
                   padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        raise Refused("the signature does not fit") from None
    moment = parse_date(headers.get("x-date" if "x-date" in names else "date"))
    if abs(now - moment) > SKEW_SECONDS:
        raise Refused(f"clock skew of {int(moment - now)} s")
    return {"key_id": parameters["keyId"], "signed": names}


def content_digest(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def sign(method, target, headers, private_key, key_id, body=None, now=None):
    """Adds date and authorization to headers (lower-case names, host included); for tests."""
    headers["date"] = format_date(time.time() if now is None else now)
    names = ["date", "(request-target)", "host"]
    if body is not None:
        headers["content-length"] = str(len(body))
        headers.setdefault("content-type", "application/json")
        headers["x-content-sha256"] = content_digest(body)
        names += BODY_HEADERS
    text = signing_string(method, target, headers, names).encode("latin-1")
    signature = base64.b64encode(private_key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    headers["authorization"] = (f'Signature version="1",headers="{" ".join(names)}",keyId="{key_id}",'
                                f'algorithm="rsa-sha256",signature="{signature}"')
    return headers


def load_public_key(path):
    """A public key from a PEM file: a public key, or (for convenience in tests) a plain private one."""
    with open(path, "rb") as file:
        pem = file.read()
    if b"PRIVATE KEY" in pem:
        return serialization.load_pem_private_key(pem, None).public_key()
    return serialization.load_pem_public_key(pem)


def fingerprint(public_key):
    """MD5 of the DER SubjectPublicKeyInfo as colon-separated hexadecimal."""
    der = public_key.public_bytes(serialization.Encoding.DER,
                                  serialization.PublicFormat.SubjectPublicKeyInfo)
    return ":".join(f"{byte:02x}" for byte in hashlib.md5(der).digest())

# SPDX-License-Identifier: MIT
"""An issuer of access tokens: JWTs and JWK Sets by python3-cryptography, which shares no code with the
host. Also makes what no issuer would: other algorithms, other curves, headers as they are given.
"""
import base64
import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

CURVES = {"secp256r1": "P-256", "secp256k1": "secp256k1", "secp384r1": "P-384"}


def encode(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def jwk(key, **members):
    public = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": number(public.n), "e": number(public.e), **members}
    size = key.curve.key_size // 8
    return {"kty": "EC", "crv": CURVES[key.curve.name], "x": number(public.x, size),
            "y": number(public.y, size), **members}


def key_set(*keys):
    return json.dumps({"keys": list(keys)})


# Signers: functions from the text to the signature.
def rs(key, digest=hashes.SHA256()):
    return lambda text: key.sign(text, padding.PKCS1v15(), digest)


def pss(key):
    return lambda text: key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def es(key, change=lambda r, s: (r, s)):
    size = key.curve.key_size // 8

    def sign(text):
        r, s = change(*utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256()))))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return sign


def hs(secret):
    return lambda text: hmac.new(secret, text, hashlib.sha256).digest()


def token(header, claims, sign):
    """header, claims: what JSON can say, or bytes as they are."""
    def part(value):
        return encode(value if isinstance(value, bytes) else json.dumps(value).encode())
    text = part(header) + "." + part(claims)
    return text + "." + encode(sign(text.encode()))

# SPDX-License-Identifier: MIT
"""Writes jwt_vectors.json: tokens with the verdict that each must get, made by python3-cryptography,
which shares no code with the host. The keys are made anew and thrown away.

Usage: make_jwt_vectors.py > jwt_vectors.json
"""
import base64
import json
import os
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "peers"))
from token_issuer import encode, es, hs, jwk, key_set, number, pss, rs, token  # noqa: E402

NOW = 1700000000
SKEW = 60
ISSUER, AUDIENCE = "https://issuer.example/", "https://sluice.example"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "dacs", "exp": NOW + 600, "iat": NOW - 5}

# RFC 7515 appendix A.2 and A.3
A2_N = ("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
        "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
        "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
        "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")
A2_SIGNATURE = (
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG"
    "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
    "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")
A3_X, A3_Y = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
A3_SIGNATURE = ("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
A_PAYLOAD = ("eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
             "lfQ")

rsa_key, rsa_bare, rsa_stranger = (rsa.generate_private_key(65537, 2048) for _ in range(3))
rsa_odd = rsa.generate_private_key(65537, 2056)  # a length that is no power of two
ec_key, ec_stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ec_k1 = ec.generate_private_key(ec.SECP256K1())  # as long as P-256, another curve
ec_384 = ec.generate_private_key(ec.SECP384R1())


RS, ES = {"alg": "RS256", "kid": "rsa"}, {"alg": "ES256", "kid": "ec"}
GOOD = token(RS, CLAIMS, rs(rsa_key))
GOOD_ES = token(ES, CLAIMS, es(ec_key))
public_pem = rsa_key.public_key().public_bytes(serialization.Encoding.PEM,
                                               serialization.PublicFormat.SubjectPublicKeyInfo)


def with_claims(**changes):
    claims = {**CLAIMS, **changes}
    return token(RS, {name: value for name, value in claims.items() if value is not None}, rs(rsa_key))


def header(base, **members):
    return {**base, **members}


def resigned(text, change):
    """The same text with another signature."""
    head, _, signature = text.rpartition(".")
    padded = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    return head + "." + encode(change(padded))


def other_last_digit(text):
    """The same bytes, written with an unused bit that is not zero."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + digits[digits.index(text[-1]) + 1]


def bare(head):
    """A header with neither "typ" nor "kid"."""
    return token({"alg": head}, CLAIMS, rs(rsa_bare) if head == "RS256" else es(ec_key))


VECTORS = [
    ("RS256", "GOOD", GOOD),
    ("ES256", "GOOD", GOOD_ES),
    ("no kid: every key of the algorithm is tried", "GOOD", bare("RS256")),
    ("no kid, ES256", "GOOD", bare("ES256")),
    ("a kid, and a key without one made it", "GOOD", token(header(RS, kid="new"), CLAIMS, rs(rsa_bare))),
    ("modulus of 257 bytes", "GOOD", token(header(RS, kid="odd"), CLAIMS, rs(rsa_odd))),
    ("typ JWT", "GOOD", token(header(RS, typ="JWT"), CLAIMS, rs(rsa_key))),
    ("typ at+jwt", "GOOD", token(header(RS, typ="at+JWT"), CLAIMS, rs(rsa_key))),
    ("typ application/at+jwt", "GOOD", token(header(RS, typ="application/at+jwt"), CLAIMS, rs(rsa_key))),
    ("audience in a list", "GOOD", with_claims(aud=["https://other.example", AUDIENCE])),
    ("tok_type AT", "GOOD", with_claims(tok_type="AT")),
    ("exp with a fraction", "GOOD", with_claims(exp=NOW - SKEW + 0.5)),
    ("last second of exp", "GOOD", with_claims(exp=NOW - SKEW + 1)),
    ("first second of nbf", "GOOD", with_claims(nbf=NOW + SKEW)),
    ("first second of iat", "GOOD", with_claims(iat=NOW + SKEW)),
    ("no iat", "GOOD", with_claims(iat=None)),
    ("jku, x5u, jwk and x5c of others are not looked at", "GOOD", token(header(
        RS, jku="https://evil.example/jwks", x5u="https://evil.example/x5u", jwk=jwk(rsa_stranger),
        x5c=["AAAA"], x5t="AAAA"), CLAIMS, rs(rsa_key))),

    ("alg none without signature", "MALFORMED", token({"alg": "none"}, CLAIMS, lambda text: b"")),
    ("alg none", "ALGORITHM", token({"alg": "none"}, CLAIMS, lambda text: b"x")),
    ("alg None", "ALGORITHM", token({"alg": "None"}, CLAIMS, lambda text: b"x")),
    ("HS256 with the public key as secret", "ALGORITHM", token(header(RS, alg="HS256"), CLAIMS,
                                                               hs(public_pem))),
    ("RS384", "ALGORITHM", token(header(RS, alg="RS384"), CLAIMS, rs(rsa_key, hashes.SHA384()))),
    ("PS256", "ALGORITHM", token(header(RS, alg="PS256"), CLAIMS, pss(rsa_key))),
    ("ES384", "ALGORITHM", token(header(ES, alg="ES384"), CLAIMS, es(ec_384))),
    ("rs256 in small letters", "ALGORITHM", token(header(RS, alg="rs256"), CLAIMS, rs(rsa_key))),
    ("no alg", "MALFORMED", token({"kid": "rsa"}, CLAIMS, rs(rsa_key))),
    ("alg is a number", "MALFORMED", token(header(RS, alg=256), CLAIMS, rs(rsa_key))),
    ("kid is a number", "MALFORMED", token(header(RS, kid=1), CLAIMS, rs(rsa_key))),
    ("crit", "CRITICAL", token(header(RS, crit=["exp"]), CLAIMS, rs(rsa_key))),
    ("crit with b64 (RFC 7797)", "CRITICAL", token(header(RS, crit=["b64"], b64=False), CLAIMS, rs(rsa_key))),
    ("crit that is empty", "CRITICAL", token(header(RS, crit=[]), CLAIMS, rs(rsa_key))),
    ("typ of an identity token's kind", "TYPE", token(header(RS, typ="logout+jwt"), CLAIMS, rs(rsa_key))),
    ("typ is no text", "TYPE", token(header(RS, typ=["JWT"]), CLAIMS, rs(rsa_key))),

    ("key of another kid", "SIGNATURE", token(header(RS, kid="odd"), CLAIMS, rs(rsa_key))),
    ("kid of nobody, with ES256", "KEY_UNKNOWN", token(header(ES, kid="nobody"), CLAIMS, es(ec_key))),
    ("alg ES256 with the kid of an RSA key", "KEY_UNKNOWN", token(header(ES, kid="rsa"), CLAIMS, es(ec_key))),
    ("RSA signature under alg ES256", "SIGNATURE", token(ES, CLAIMS, lambda text: rs(rsa_key)(text)[:64])),
    ("a stranger's key", "SIGNATURE", token(RS, CLAIMS, rs(rsa_stranger))),
    ("a stranger's key, which it brings along", "SIGNATURE",
     token({"alg": "RS256", "jwk": jwk(rsa_stranger)}, CLAIMS, rs(rsa_stranger))),
    ("a stranger's EC key", "SIGNATURE", token(ES, CLAIMS, es(ec_stranger))),
    ("key of another curve of the same size", "SIGNATURE", token(ES, CLAIMS, es(ec_k1))),
    ("key of a larger curve", "SIGNATURE", token(ES, CLAIMS, es(ec_384))),
    ("PSS under alg RS256", "SIGNATURE", token(RS, CLAIMS, pss(rsa_key))),
    ("SHA-1 under alg RS256", "SIGNATURE", token(RS, CLAIMS, rs(rsa_key, hashes.SHA1()))),
    ("SHA-512 under alg RS256", "SIGNATURE", token(RS, CLAIMS, rs(rsa_key, hashes.SHA512()))),
    ("RSA signature one byte short", "SIGNATURE", resigned(GOOD, lambda s: s[:-1])),
    ("RSA signature one byte long", "SIGNATURE", resigned(GOOD, lambda s: b"\0" + s)),
    ("RSA signature of zeros", "SIGNATURE", resigned(GOOD, lambda s: bytes(len(s)))),
    ("RSA signature one", "SIGNATURE", resigned(GOOD, lambda s: bytes(len(s) - 1) + b"\1")),
    ("RSA signature plus modulus", "SIGNATURE", resigned(GOOD, lambda s: b"\xff" * len(s))),
    ("RSA signature beyond the largest key", "MALFORMED", resigned(GOOD, lambda s: s * 3)),
    ("one bit of the signature", "SIGNATURE", resigned(GOOD, lambda s: s[:9] + bytes([s[9] ^ 1]) + s[10:])),
    ("ECDSA in DER", "SIGNATURE", token(ES, CLAIMS, lambda text: ec_key.sign(text, ec.ECDSA(hashes.SHA256())))),
    ("ECDSA one byte short", "SIGNATURE", resigned(GOOD_ES, lambda s: s[:-1])),
    ("ECDSA one byte long", "SIGNATURE", resigned(GOOD_ES, lambda s: s + b"\0")),
    ("ECDSA halves with a zero before each", "SIGNATURE",
     resigned(GOOD_ES, lambda s: b"\0" + s[:32] + b"\0" + s[32:])),
    ("ECDSA all zero (CVE-2022-21449)", "SIGNATURE", resigned(GOOD_ES, lambda s: bytes(64))),
    ("ECDSA r zero", "SIGNATURE", resigned(GOOD_ES, lambda s: bytes(32) + s[32:])),
    ("ECDSA s zero", "SIGNATURE", resigned(GOOD_ES, lambda s: s[:32] + bytes(32))),
    ("ECDSA r is the order", "SIGNATURE", resigned(GOOD_ES, lambda s: ORDER.to_bytes(32, "big") + s[32:])),
    ("ECDSA s is the order", "SIGNATURE", resigned(GOOD_ES, lambda s: s[:32] + ORDER.to_bytes(32, "big"))),
    ("ECDSA r and s are the order", "SIGNATURE", resigned(GOOD_ES, lambda s: ORDER.to_bytes(32, "big") * 2)),
    ("ECDSA r and s all ones", "SIGNATURE", resigned(GOOD_ES, lambda s: b"\xff" * 64)),
    ("ECDSA r and s one", "SIGNATURE", resigned(GOOD_ES, lambda s: (bytes(31) + b"\1") * 2)),
    ("ECDSA r and s exchanged", "SIGNATURE", resigned(GOOD_ES, lambda s: s[32:] + s[:32])),
    ("ECDSA with the other s, which is as good", "GOOD", token(ES, CLAIMS, es(
        ec_key, lambda r, s: (r, ORDER - s)))),

    ("empty", "MALFORMED", ""),
    ("dots", "MALFORMED", ".."),
    ("one part", "MALFORMED", GOOD.partition(".")[0]),
    ("two parts", "MALFORMED", GOOD.rpartition(".")[0]),
    ("no signature", "MALFORMED", GOOD.rpartition(".")[0] + "."),
    ("four parts", "MALFORMED", GOOD + ".AAAA"),
    ("five parts (JWE)", "MALFORMED", GOOD + ".AAAA.AAAA"),
    ("padding behind the signature", "MALFORMED", GOOD_ES + "=="),
    ("padding in the header", "MALFORMED", GOOD.replace(".", "=.", 1)),
    ("unused bit set in the signature", "MALFORMED", other_last_digit(GOOD_ES)),
    ("other alphabet", "MALFORMED", "+" + GOOD[1:]),
    ("blank at the end", "MALFORMED", GOOD + " "),
    ("line end inside", "MALFORMED", GOOD[:9] + "\n" + GOOD[9:]),
    ("header is a list", "MALFORMED", token(b'["RS256"]', CLAIMS, rs(rsa_key))),
    ("header is not JSON", "MALFORMED", token(b'{"alg":"RS256"', CLAIMS, rs(rsa_key))),
    ("header with two algs", "MALFORMED", token(b'{"alg":"none","alg":"RS256","kid":"rsa"}', CLAIMS,
                                                rs(rsa_key))),
    ("payload is a list", "MALFORMED", token(RS, b"[]", rs(rsa_key))),
    ("payload is not UTF-8", "MALFORMED", token(RS, b'{"sub":"\xff"}', rs(rsa_key))),
    ("payload with two subs", "MALFORMED", token(
        RS, json.dumps(CLAIMS).encode()[:-1] + b', "sub": "root"}', rs(rsa_key))),
    ("payload with a NUL in a name", "MALFORMED", with_claims(sub="dacs\0evil")),
    ("payload nested deeply", "MALFORMED", with_claims(x=json.loads("[" * 70 + "]" * 70))),

    ("no iss", "CLAIMS", with_claims(iss=None)),
    ("iss is a list", "CLAIMS", with_claims(iss=[ISSUER])),
    ("another issuer", "ISSUER", with_claims(iss="https://issuer.example")),
    ("no aud", "AUDIENCE", with_claims(aud=None)),
    ("another audience", "AUDIENCE", with_claims(aud="https://other.example")),
    ("audience with something behind", "AUDIENCE", with_claims(aud=AUDIENCE + "/x")),
    ("audience in a list of a list", "AUDIENCE", with_claims(aud=[[AUDIENCE]])),
    ("an empty list of audiences", "AUDIENCE", with_claims(aud=[])),
    ("no exp", "CLAIMS", with_claims(exp=None)),
    ("exp is text", "CLAIMS", with_claims(exp=str(NOW + 600))),
    ("exp is null", "CLAIMS", token(RS, {**CLAIMS, "exp": None}, rs(rsa_key))),
    ("exp beyond all numbers", "MALFORMED", token(
        RS, json.dumps(CLAIMS).replace(str(NOW + 600), "1e400").encode(), rs(rsa_key))),
    ("expired this second", "EXPIRED", with_claims(exp=NOW - SKEW)),
    ("expired long ago", "EXPIRED", with_claims(exp=0)),
    ("one second before nbf", "EARLY", with_claims(nbf=NOW + SKEW + 1)),
    ("nbf is text", "CLAIMS", with_claims(nbf=str(NOW))),
    ("one second before iat", "EARLY", with_claims(iat=NOW + SKEW + 1)),
    ("identity token of an identity domain", "TYPE", with_claims(tok_type="IT")),
]

AT_JWT_VECTORS = [
    ("typ at+jwt where it is demanded", "GOOD", token(header(RS, typ="at+jwt"), CLAIMS, rs(rsa_key))),
    ("typ JWT where at+jwt is demanded", "TYPE", token(header(RS, typ="JWT"), CLAIMS, rs(rsa_key))),
    ("no typ where at+jwt is demanded", "TYPE", GOOD),
]

RSA_1024 = rsa.generate_private_key(65537, 1024)
RSA_2047 = rsa.generate_private_key(65537, 2047)
RSA_4096 = rsa.generate_private_key(65537, 4096)
RSA_4104 = rsa.generate_private_key(65537, 4104)
RSA_3 = rsa.generate_private_key(3, 2048)
private = rsa_key.private_numbers()


# what each set is, how many keys it gives (0: refused), a part of the error
KEY_SETS = [
    ("an RSA key", 1, "", key_set(jwk(rsa_key))),
    ("two algorithms with one kid", 2, "", key_set(jwk(rsa_key, kid="a"), jwk(ec_key, kid="a"))),
    ("the members that Oracle's identity domains add", 1, "", key_set(jwk(
        rsa_key, kid="SIGNING_KEY", alg="RS256", key_ops=["encrypt", "verify", "wrapKey"], x5t="AA",
        x5c=["AAAA"], **{"x5t#S256": "AA"}))),
    ("a modulus with a zero before it", 1, "", key_set({**jwk(rsa_key), "n": number(
        rsa_key.public_key().public_numbers().n, 257)})),
    ("4096 bits", 1, "", key_set(jwk(RSA_4096))),
    ("exponent 3", 1, "", key_set(jwk(RSA_3))),
    ("keys for other purposes are passed over", 1, "", key_set(
        jwk(rsa_key, use="enc"), jwk(rsa_key, alg="RS512"), jwk(rsa_key, key_ops=["encrypt"]),
        jwk(rsa_key, key_ops=["sign"]), jwk(ec_384), jwk(ec_k1), {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, jwk(ec_key, use="sig"))),
    ("none is left", 0, "none of its 1 keys", key_set(jwk(rsa_key, use="enc"))),
    ("no keys", 0, "none of its 0 keys", key_set()),
    ("1024 bits", 0, "keys[1] is an RSA key below 2048 bits", key_set(jwk(ec_key), jwk(RSA_1024))),
    ("2047 bits", 0, "below 2048 bits", key_set(jwk(RSA_2047))),
    ("4104 bits", 0, "no usable modulus", key_set(jwk(RSA_4104))),
    ("an even modulus", 0, "no usable modulus", key_set({**jwk(rsa_key), "n": number(
        rsa_key.public_key().public_numbers().n - 1)})),
    ("no modulus", 0, "no usable modulus", key_set({"kty": "RSA", "e": "AQAB"})),
    ("padded modulus", 0, "no usable modulus", key_set({**jwk(rsa_key), "n": jwk(rsa_key)["n"] + "=="})),
    ("exponent 1", 0, "no usable exponent", key_set({**jwk(rsa_key), "e": "AQ"})),
    ("exponent 0", 0, "no usable exponent", key_set({**jwk(rsa_key), "e": "AA"})),
    ("exponent 2", 0, "no usable exponent", key_set({**jwk(rsa_key), "e": "Ag"})),
    ("exponent of 32 bits", 1, "", key_set({**jwk(rsa_key), "e": number(2**32 - 1)})),
    ("exponent of 33 bits", 0, "no usable exponent", key_set({**jwk(rsa_key), "e": number(2**32 + 1)})),
    ("a private RSA key", 0, "is a private key", key_set(jwk(rsa_key, d=number(private.d)))),
    ("a private EC key", 0, "is a private key", key_set(jwk(ec_key, d="AAAA"))),
    ("a point that is not on the curve", 0, "not a point of the curve", key_set({**jwk(ec_key), "y": number(
        ec_key.public_key().public_numbers().y ^ 1, 32)})),
    ("the point zero", 0, "not a point of the curve", key_set({**jwk(ec_key), "x": number(0, 32),
                                                              "y": number(0, 32)})),
    ("a coordinate beyond the field", 0, "not a point of the curve", key_set({**jwk(ec_key), "x": encode(
        b"\xff" * 32)})),
    ("a short coordinate", 0, "no usable", key_set({**jwk(ec_key), "x": encode(b"\1" * 31)})),
    ("a long coordinate", 0, "no usable", key_set({**jwk(ec_key), "x": encode(b"\1" * 33)})),
    ("one kid twice", 0, "keys[1] has the \"kid\" of a key before it",
     key_set(jwk(rsa_key, kid="a"), jwk(rsa_bare, kid="a"))),
    ("a kid of 256 bytes", 1, "", key_set(jwk(ec_key, kid="k" * 256))),
    ("a kid of 257 bytes", 0, "1 to 256 bytes", key_set(jwk(ec_key, kid="k" * 257))),
    ("an empty kid", 0, "1 to 256 bytes", key_set(jwk(ec_key, kid=""))),
    ("a kid that is a number", 0, "1 to 256 bytes", key_set(jwk(ec_key, kid=1))),
    ("16 keys", 16, "", key_set(*(jwk(ec_key, kid=str(i)) for i in range(16)))),
    ("17 keys", 0, "more than 16 keys", key_set(*(jwk(ec_key, kid=str(i)) for i in range(17)))),
    ("a key alone", 0, "not a JWK Set", json.dumps(jwk(rsa_key))),
    ("a list", 0, "not a JWK Set", "[]"),
    ("keys is an object", 0, "not a JWK Set", '{"keys": {}}'),
    ("a key that is text", 0, "is not a key", '{"keys": ["RSA"]}'),
    ("a key without kty", 0, "is not a key", '{"keys": [{}]}'),
    ("a member twice", 0, "given twice", '{"keys": [], "keys": []}'),
    ("not JSON", 0, "expected a JSON value", "-----BEGIN PUBLIC KEY-----"),
]

print(json.dumps({
    "now_s": NOW, "skew_s": SKEW, "issuer": ISSUER, "audience": AUDIENCE,
    "jwks": {"keys": [jwk(rsa_key, kid="rsa"), jwk(rsa_bare), jwk(rsa_odd, kid="odd"),
                      jwk(ec_key, kid="ec")]},
    "tokens": [dict(zip(("why", "verdict", "token"), row)) for row in VECTORS],
    "at_jwt_tokens": [dict(zip(("why", "verdict", "token"), row)) for row in AT_JWT_VECTORS],
    "key_sets": [dict(zip(("why", "count", "error", "text"), row)) for row in KEY_SETS],
    "rfc7515": {
        "now_s": 1300819379, "issuer": "joe",
        "jwks": {"keys": [{"kty": "RSA", "n": A2_N, "e": "AQAB"},
                          {"kty": "EC", "crv": "P-256", "x": A3_X, "y": A3_Y}]},
        "tokens": [f"eyJhbGciOiJSUzI1NiJ9.{A_PAYLOAD}.{A2_SIGNATURE}",
                   f"eyJhbGciOiJFUzI1NiJ9.{A_PAYLOAD}.{A3_SIGNATURE}"]},
}, indent=1))

# SPDX-License-Identifier: MIT
"""Who may call, through the real program: tokens and users, roles, new keys, how often, the audit trail.

Usage: test_auth.py SLUICE [unittest arguments]
"""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
import test_serve  # noqa: E402
from test_serve import ADDRESS, DACS, USER, credentials  # noqa: E402
from token_issuer import es, hs, jwk, key_set, rs, token  # noqa: E402

ISSUER, AUDIENCE = "https://identity.oraclecloud.com/", "https://sluice.example"
CLIENT = "7a1fe3c2b4d54f0c9d1e"  # of an identity domain: "sub" of its own tokens
RSA, NEW_RSA, STRANGER = (rsa.generate_private_key(65537, 2048) for _ in range(3))
EC = ec.generate_private_key(ec.SECP256R1())
ROLES = {"invoke": {"scope": [AUDIENCE + "/invoke"], "client_id": [CLIENT]},
         "monitor": {"groups": ["Operations"]}, "administer": {"groups": ["Owners"]}}
TOKEN_SIZE_MAX = 16384


def bearer(text):
    return {"Authorization": "Bearer " + text}


def claims(**changes):
    """Of a client of an identity domain; None takes one out."""
    now = int(time.time())
    made = {"iss": ISSUER, "aud": [AUDIENCE, "urn:opc:resource:x"], "sub": CLIENT, "client_id": CLIENT,
            "sub_type": "client", "tok_type": "AT", "iat": now, "exp": now + 3600, **changes}
    return {name: value for name, value in made.items() if value is not None}


def rs_token(key=RSA, head=None, **changes):
    return token({"alg": "RS256", "kid": "one", "x5t": "AA", **(head or {})}, claims(**changes), rs(key))


class AuthTest(test_serve.ServeTest):
    settings = {"request_s": 10, "stop_s": 20}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("oauth.json", {"issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys.json",
                                 "roles": ROLES})

    def setUp(self):
        self.sent = []
        self.save_keys(jwk(RSA, kid="one", alg="RS256"), jwk(EC, kid="two"))
        super().setUp()

    def save_keys(self, *keys):
        with open(os.path.join(self.workspace, "keys.json"), "w", encoding="utf-8") as file:
            file.write(key_set(*keys))

    def call(self, text, status):
        """Acknowledges with a token; gives the challenges and the fault's detail."""
        self.sent.append(text)
        connection = self.connect()
        body = json.dumps(dacs.acknowledgement(f"{7:014d}"))
        connection.request("POST", ADDRESS, body, bearer(text))
        answer = connection.getresponse()
        body = answer.read()
        self.assertEqual(answer.status, status, body)
        challenges = answer.headers.get_all("WWW-Authenticate") or []
        return challenges, "" if status == 200 else self.check_fault(body, status)

    def said(self):
        text = super().said()
        for sent in self.sent:
            if len(sent) > 20:
                self.assertNotIn(sent[-20:], text)
        return text

    def sluice(self, *arguments, text="", status=0):
        done = subprocess.run([test_serve.SLUICE, "-w", self.workspace, "--json", *arguments], input=text,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if done.stdout else None

    def audit(self, *arguments):
        return self.sluice("audit", "--limit", "0", *arguments)["records"]

    def audit_of(self, count, *arguments):
        """So many records, as soon as there are: the server writes them in groups."""
        deadline = time.monotonic() + 30
        while len(found := self.audit(*arguments)) < count:
            self.assertLess(time.monotonic(), deadline, self.said())
            time.sleep(0.05)
        return found

    def reload(self, outcome):
        """SIGHUP, and waits until the trail tells how it went."""
        before = len(self.audit("--action", "reload"))
        self.process.send_signal(signal.SIGHUP)
        newest = self.audit_of(before + 1, "--action", "reload")[0]
        self.assertEqual(newest["outcome"], outcome, newest)
        return newest

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=30), 0, self.said())


class Tokens(AuthTest):
    def test_good_tokens_are_taken(self):
        for text in (rs_token(), rs_token(head={"typ": "at+jwt"}), rs_token(aud=AUDIENCE),
                     token({"alg": "ES256", "kid": "two"}, claims(), es(EC)),
                     token({"alg": "ES256"}, claims(), es(EC)),
                     rs_token(client_id=None, sub="ann@example.com", scope=f"openid {AUDIENCE}/invoke")):
            for _ in range(3):  # verified once, remembered then
                self.call(text, 200)
        (newest,) = self.sluice("instances", "--limit", "1")["instances"]
        self.assertEqual(newest["invoked_by"], "ann@example.com")

    def test_bad_tokens_are_refused_with_the_reason(self):
        pem = RSA.public_key().public_bytes(serialization.Encoding.PEM,
                                            serialization.PublicFormat.SubjectPublicKeyInfo)
        now = int(time.time())
        for text, reason in (
                (rs_token(exp=now - 61), "the token has expired"),
                (rs_token(nbf=now + 3600), "the token is not valid yet"),
                (rs_token(aud="https://other.example"), "the token is for another audience"),
                (rs_token(iss="https://evil.example"), "the token is of another issuer"),
                (rs_token(tok_type="IT"), "the token is not an access token"),
                (rs_token(exp=None), "a claim of the token is missing or unusable"),
                (rs_token(head={"crit": ["x"], "x": 1}), "the token demands an extension (crit) that is "
                                                         "not known here"),
                (rs_token(head={"kid": "nobody"}), "the token's key is not among those of the issuer"),
                (rs_token(STRANGER, {"jwk": jwk(STRANGER)}), "the token's signature is wrong"),
                (token({"alg": "none"}, claims(), lambda text: b"x"),
                 "the token is not signed with RS256 or ES256"),
                (token({"alg": "HS256", "kid": "one"}, claims(), hs(pem)),
                 "the token is not signed with RS256 or ES256"),
                ("x", "the token is malformed"), (rs_token() + "=", "the token is malformed"),
                ("x" * (TOKEN_SIZE_MAX + 1), "the token is too large")):
            with self.subTest(reason=reason):
                challenges, detail = self.call(text, 401)
                self.assertEqual(detail, reason)
                self.assertEqual(challenges, [
                    'Basic realm="sluice", charset="UTF-8"',
                    f'Bearer realm="sluice", error="invalid_token", error_description="{reason}"'])
        self.check_said(f"refused: the token has expired: user '{CLIENT}' at 127.0.0.1")

    def of_size(self, size):
        """base64url has no text of 4 n + 1 digits: header and payload share what is to be filled."""
        for head in range(4):
            missing = size - len(rs_token(head={"p": "p" * head}, x=""))
            for filler in range(missing * 3 // 4 - 2, missing * 3 // 4 + 3):
                text = rs_token(head={"p": "p" * head}, x="x" * filler)
                if len(text) == size:
                    return text
        return self.fail("no token of that size")

    def test_the_largest_token_and_one_byte_more(self):
        self.call(self.of_size(TOKEN_SIZE_MAX), 200)
        _, detail = self.call(self.of_size(TOKEN_SIZE_MAX + 1), 401)
        self.assertEqual(detail, "the token is too large")

    def test_who_brings_nothing_learns_what_is_taken(self):
        status, _, body = self.ask(body="{}", headers={})
        self.assertEqual(status, 401, body)
        connection = self.connect()
        connection.request("POST", ADDRESS, "{}", {})
        answer = connection.getresponse()
        answer.read()
        self.assertEqual(answer.headers.get_all("WWW-Authenticate"),
                         ['Basic realm="sluice", charset="UTF-8"', 'Bearer realm="sluice"'])

    def test_roles_come_from_claims(self):
        reader = dict(sub="ann", client_id=None, groups=["Operations"])
        challenges, detail = self.call(rs_token(**reader), 403)
        self.assertEqual(challenges, ['Bearer realm="sluice", error="insufficient_scope"'])
        self.assertEqual(detail, "the caller does not have the role invoke")
        self.call(rs_token(sub="ann", client_id=None), 403)
        self.call(rs_token(sub="ann", client_id=None, scope=AUDIENCE + "/invoke2"), 403)
        self.call(rs_token(sub="ann", client_id=None, groups=["Owners"]), 200)

    def test_keys_change_while_it_runs(self):
        old, new = rs_token(), rs_token(NEW_RSA, {"kid": "three"})
        self.call(old, 200)
        self.call(new, 401)
        self.save_keys(jwk(RSA, kid="one"), jwk(NEW_RSA, kid="three"))
        self.reload("done")
        self.call(old, 200)
        self.call(new, 200)
        self.save_keys()
        self.assertIn("none of its 0 keys", self.reload("failed")["detail"])
        self.call(old, 200)
        self.save_keys(jwk(NEW_RSA, kid="three"))
        self.reload("done")
        _, detail = self.call(old, 401)  # remembered before, and not any more
        self.assertEqual(detail, "the token's key is not among those of the issuer")
        self.call(new, 200)

    def test_wrong_signatures_lock_out_but_not_who_is_known(self):
        good, unknown = rs_token(), rs_token(jti="another")
        self.call(good, 200)
        for number in range(20):
            self.call(rs_token(STRANGER, jti=str(number)), 401)
        self.call(unknown, 429)
        self.assertEqual(self.ack(42)[0], 429)
        self.call(good, 200)


class Users(AuthTest):
    def test_one_account_with_several_roles(self):
        password = "several-roles-secret"
        for roles, status in ((["monitor"], 403), (["monitor", "invoke"], 200), (["administer"], 200)):
            options = [word for role in roles for word in ("--role", role)]
            self.sluice("users", "add", "several", *options, text=password + "\n")
            self.reload("done")
            self.assertEqual(self.ack(1, headers=credentials("several", password))[0], status)
        listed = {user["name"]: user["roles"] for user in self.sluice("users", "list")["users"]}
        self.assertEqual(listed["several"], ["administer"])
        self.assertEqual(listed[USER], ["invoke"])
        self.sluice("users", "remove", "several")
        self.reload("done")
        self.assertEqual(self.ack(1, headers=credentials("several", password))[0], 401)
        changes = [(row["action"], row["subject"], row["outcome"], row["detail"])
                   for row in self.audit() if row["subject"] == "several"]
        self.assertEqual(changes, [("users.remove", "several", "done", None),
                                   ("users.add", "several", "done", "roles administer"),
                                   ("users.add", "several", "done", "roles invoke, monitor"),
                                   ("users.add", "several", "done", "roles monitor")])
        self.assertNotIn(password, json.dumps(self.audit()))

    def test_mistakes_change_nothing(self):
        before = self.audit()
        for arguments, part in ((("remove", "dac"), "did you mean 'dacs'?"),
                                (("add", "x", "--role", "invoker"), "legal are \"invoke\""),
                                (("add", "x"), "needs --role"), (("remove",), "usage: sluice users remove NAME"),
                                (("list", "x"), "usage: sluice users list"),
                                (("drop", "x"), "it knows add, remove and list")):
            with self.subTest(arguments=arguments):
                answer = self.sluice("users", *arguments, text="long-enough\n", status=2)
                self.assertIn(part, answer["error"]["message"])
        self.assertEqual(self.audit(), before)


class Trail(AuthTest):
    def test_refusals_are_recorded_and_a_flood_is_counted(self):
        before = len(self.audit("--action", "call"))
        for _ in range(40):
            self.assertEqual(self.ask(body="{}", headers={})[0], 401)
        self.assertEqual(self.ack(1, headers=credentials("trail", "wrong-password"))[0], 401)
        self.call(rs_token(sub="ann", client_id=None), 403)
        refused = self.audit_of(before + 3, "--action", "call", "--since", "1h")
        self.assertEqual([(row["actor"], row["address"], row["outcome"], row["subject"], row["detail"])
                          for row in refused[:3]], [
            ("ann", "127.0.0.1", "refused", "POST " + ADDRESS, "403: the role is missing"),
            ("trail", "127.0.0.1", "refused", "POST " + ADDRESS, "401: wrong user or password"),
            ("", "127.0.0.1", "refused", "POST " + ADDRESS,
             "401: no credentials, or not in a form that is taken here")])
        self.stop()
        (newest,) = self.sluice("audit", "--limit", "1")["records"]
        self.assertRegex(newest["detail"], r"^no credentials, or not in a form that is taken here: "
                                           r"39 more in \d+ seconds$")
        self.assertEqual(self.audit("--actor", "trail")[0]["detail"], "401: wrong user or password")
        text = json.dumps(self.audit())
        for secret in ("wrong-password", *(sent[-20:] for sent in self.sent)):
            self.assertNotIn(secret, text)

    def test_the_trail_for_people(self):
        self.assertEqual(self.ack(1, headers=credentials("people", "wrong-password"))[0], 401)
        self.audit_of(1, "--actor", "people")
        done = subprocess.run([test_serve.SLUICE, "-w", self.workspace, "audit", "--actor", "people"],
                              capture_output=True, text=True, timeout=60, check=True)
        self.assertRegex(done.stdout, r"AT +ACTOR +ADDRESS +ACTION +OUTCOME +SUBJECT +DETAIL\n"
                                      r"\S+Z +people +127\.0\.0\.1 +call +refused +POST \S+ +401: wrong")
        self.assertEqual(self.sluice("audit", "--since", "yesterday", status=2)["error"]["kind"],
                         "invalid")

    def test_old_records_are_purged(self):
        self.assertEqual(self.ack(1, headers=credentials("purged", "wrong-password"))[0], 401)
        self.audit_of(1, "--actor", "purged")
        self.assertEqual(self.sluice("purge")["audit_records"], 0)
        time.sleep(0.01)  # older than 0 days: before this millisecond
        counted = self.sluice("purge", "--older-than", "0", "--dry-run")["audit_records"]
        self.assertGreaterEqual(counted, 1)
        self.assertEqual(self.sluice("purge", "--older-than", "0")["audit_records"], counted)
        self.assertEqual(self.audit("--actor", "purged"), [])


class Often(AuthTest):
    settings = {"request_s": 10, "stop_s": 20, "account_rate": 1, "rate_burst_s": 2}

    def test_an_account_that_calls_too_often_waits(self):
        connection = self.connect()
        for _ in range(200):  # one token comes each second, however slow this is
            status, headers, body = self.ask("GET", "/nothing", connection=connection)
            if status == 429:
                break
            self.assertEqual(status, 404, body)
        self.assertEqual((status, headers["retry-after"]), (429, "1"), body)
        self.check_fault(body, 429)
        self.call(rs_token(), 200)  # another account
        deadline = time.monotonic() + 30
        while self.ask("GET", "/nothing", connection=connection)[0] == 429:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(1)
        self.check_said(f"refused: too many requests: user '{USER}'")
        self.assertEqual(self.audit_of(1, "--actor", USER)[0]["detail"], "429: too many requests")


class OftenByAddress(AuthTest):
    settings = {"request_s": 10, "stop_s": 20, "address_rate": 1}

    def test_an_address_that_calls_too_often_waits(self):
        connection = self.connect()
        statuses = set()
        for number in range(200):
            headers = DACS if number % 2 else {}
            statuses.add(self.ask("GET", "/nothing", headers=headers, connection=connection)[0])
            if statuses >= {401, 429} or statuses >= {404, 429}:
                break
        self.assertIn(429, statuses)
        self.assertEqual(self.ask("GET", "/health/live", headers={})[0], 200)  # is no call


if __name__ == "__main__":
    test_serve.SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

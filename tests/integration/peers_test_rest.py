# SPDX-License-Identifier: MIT
"""The CCS stand-in, the DACS sender and the extract generator."""
import json
import subprocess
import unittest
import urllib.parse
import zipfile

from peers_common import PEERS, PeerTest, curl

import ccs
import dacs
import extracts
from common import read_records

ID = "48213377120455"
NEGATIVE = {"syncRequestId": ID, "hasError": True, "exceptionInfo": [
    {"sequence": 1, "messageCategory": 11114, "messageNumber": 11001,
     "messageParameters": [{"parameterSequence": 1, "messageParameterValue": "text"}]}]}
POSITIVE = {"syncRequestId": ID, "hasError": False, "externalIds": {
    "entityIdList": [{"entity": "CONTACT", "externalPk1": "98765432101234"}]}}


class Table(unittest.TestCase):
    """Every bound of the published table at n and n + 1."""

    def check(self, value, problem=None):
        if problem is None:
            self.assertEqual(ccs.parse_update(json.dumps(value).encode())[0], value)
            return
        with self.assertRaisesRegex(ccs.Invalid, problem):
            ccs.parse_update(json.dumps(value).encode())

    def test_samples(self):
        self.check(POSITIVE)
        self.check(NEGATIVE)
        self.assertEqual(ccs.parse_update(json.dumps({ccs.WRAPPER: POSITIVE}).encode()), (POSITIVE, True))

    def test_lengths(self):
        self.check({"syncRequestId": "1" * 14})
        self.check({"syncRequestId": "1" * 15}, "14")
        for member, limit in (("comments", 254),):
            self.check({"exceptionInfo": [{member: "é" * limit}]})
            self.check({"exceptionInfo": [{member: "é" * (limit + 1)}]}, member)
        deep = lambda size: {"exceptionInfo": [{"messageParameters": [{"messageParameterValue": "x" * size}]}]}
        self.check(deep(2000))
        self.check(deep(2001), "2000")
        for member in ("entity", "externalPk1", "externalPk5"):
            self.check({"externalIds": {"entityIdList": [{member: "x" * 60}]}})
            self.check({"externalIds": {"entityIdList": [{member: "x" * 61}]}}, member)

    def test_numbers_and_types(self):
        for member, bound in (("sequence", 999), ("messageCategory", 99999), ("messageNumber", 99999)):
            for value in (bound, -bound):
                self.check({"exceptionInfo": [{member: value}]})
            for value in (bound + 1, -bound - 1, "1", 1.5, True, None):
                self.check({"exceptionInfo": [{member: value}]}, member)
        for value in ("true", 1, None):
            self.check({"hasError": value}, "hasError")
        for value in ([], "x", None, {"unknown": 1}, {"exceptionInfo": {}}, {"externalIds": []}):
            self.check(value, ".")

    def test_not_json(self):
        for body in (b"", b"{", b"\xff{}", b'{"hasError":true,"hasError":false}', b'{"hasError":NaN}'):
            with self.assertRaisesRegex(ccs.Invalid, "not JSON"):
                ccs.parse_update(body)


class Ccs(PeerTest):
    def setUp(self):
        super().setUp()
        self.peer = self.start(ccs.CcsPeer, self.path("ccs"), "--id", ID, "--token-lifetime", "0.2")
        self.target = f"{self.peer.url}/rest/apis/common/sync/syncRequest/"

    def send(self, body, *more, identifier=ID, method="PATCH", kind="application/json",
             login=("-u", "ccsuser:ccs-password")):
        data = body if isinstance(body, str) else json.dumps(body)
        status, out = curl("-X", method, "-H", f"Content-Type: {kind}", "--data-binary", data, "-w",
                           "\n%{http_code}", *login, *more, self.target + identifier)
        self.assertEqual(status, 0)
        text, _, code = out.decode().rpartition("\n")
        return int(code), json.loads(text)

    def test_update(self):
        self.assertEqual(self.send(POSITIVE), (200, POSITIVE))
        self.assertEqual(self.send({ccs.WRAPPER: NEGATIVE}, method="POST"), (200, {ccs.WRAPPER: NEGATIVE}))
        states = [record["state"] for record in read_records(self.peer.received)]
        self.assertEqual(states, ["DEFAULT_NEXT", "EXCEPTION"])
        self.assertNotIn("ccs-password", self.read(self.peer.received).decode())

    def test_refusals(self):
        other = {"syncRequestId": "1" * 14}
        self.assertEqual(self.send(POSITIVE, login=("-u", "ccsuser:wrong"))[0], 401)
        self.assertEqual(self.send(POSITIVE, login=())[0], 401)
        self.assertEqual(self.send(other, identifier="1" * 14)[0], 404)
        self.assertEqual(self.send(other)[0], 400)
        self.assertEqual(self.send("{")[0], 400)
        self.assertEqual(self.send("<a/>", kind="application/xml")[0], 415)
        self.assertEqual(self.send(POSITIVE, method="PUT")[0], 405)

    def token(self, *how):
        _, out = curl("-d", "grant_type=client_credentials", *how, self.peer.token_url)
        return json.loads(out)

    def test_oauth(self):
        for how in (("-u", "ccsclient:ccs-client-secret"),
                    ("-d", "client_id=ccsclient&client_secret=ccs-client-secret")):
            bearer = ("-H", "Authorization: Bearer " + self.token(*how)["access_token"])
            self.assertEqual(self.send(POSITIVE, login=bearer)[0], 200)
        self.assertEqual(self.token("-u", "ccsclient:wrong"), {"error": "invalid_client"})
        status = 200
        while status == 200:  # ends when the token of 0.2 s has expired
            status, _ = self.send(POSITIVE, login=bearer)
        self.assertEqual(status, 401)

    def test_fault(self):
        root = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(self.peer.url))
        curl("--data", '{"match":{"method":"PATCH"},"action":"status","status":503}', root + "/_faults")
        self.assertEqual(self.send(POSITIVE)[0], 503)
        self.assertEqual(self.send(POSITIVE)[0], 200)


class Dacs(PeerTest):
    def test_shapes(self):
        for wrapper in dacs.WRAPPERS:
            for name in dacs.ID_NAMES:
                for polarity in dacs.POLARITIES:
                    body = dacs.acknowledgement(ID, False, wrapper, name, polarity, "errorMessage")
                    inner = body.get("sendDetails", body)
                    self.assertEqual((inner[name], inner["errorMessage"]), (ID, dacs.DEFAULT_ERROR))
        with self.assertRaises(ValueError):
            dacs.acknowledgement(ID, wrapper="envelope")

    def test_command_line(self):
        out = subprocess.run(["/usr/bin/python3", PEERS + "/dacs.py", "body", "--positive", "--id", ID],
                             check=True, stdout=subprocess.PIPE).stdout
        self.assertEqual(json.loads(out), dacs.acknowledgement(ID))

    def test_send(self):
        peer = self.start(ccs.CcsPeer, self.path("ccs"))
        url = f"{peer.url}/rest/apis/common/sync/syncRequest/{ID}"
        self.assertEqual(dacs.send(url, POSITIVE, "ccsuser", "ccs-password")[0], 200)
        self.assertEqual(dacs.send(url, b"no json", "ccsuser", "ccs-password")[0], 400)
        self.assertEqual(dacs.send(url, POSITIVE)[0], 401)


class Extracts(PeerTest):
    COLUMNS = {"contact": 13, "service_point": 25, "metered_service": 13}

    def test_columns_and_names(self):
        for kind, count in self.COLUMNS.items():
            for incremental in (True, False):
                facts = extracts.generate(self.root, kind, incremental, 33, 0, records=50)
                self.assertEqual(facts["name"], f"{extracts.KINDS[kind][incremental]}_0033_00.csv")
                lines = self.read(facts["path"]).decode().split("\n")
                self.assertEqual((len(lines), lines[-1]), (51, ""))
                for line in lines[:-1]:
                    fields = line.split("\t")
                    self.assertEqual(len(fields), count)
                    self.assertEqual(fields[2], "F1IC" if incremental else "F1IL")
                    self.assertRegex(fields[0], "^[0-9]{14}$" if incremental else "^$")
                    self.assertRegex(fields[3], "^[0-9]{10}$")

    def test_deterministic(self):
        one = self.read(extracts.generate(self.path("a"), records=100, seed=7)["path"])
        two = self.read(extracts.generate(self.path("b"), records=100, seed=7)["path"])
        other = self.read(extracts.generate(self.path("c"), records=100, seed=8)["path"])
        self.assertEqual(one, two)
        self.assertNotEqual(one, other)

    def test_sizes(self):
        for size in (0, 1, 1000, 1 << 20, (5 << 20) + 17):
            data = self.read(extracts.generate(self.root, size=size)["path"])
            self.assertTrue(size - 300 <= len(data) <= size, (size, len(data)))
            self.assertTrue(data == b"" or data.endswith(b"\n"))

    def test_zip(self):
        facts = extracts.generate(self.root, size=3 << 20, zipped=True)
        plain = extracts.generate(self.root, size=3 << 20)
        self.assertEqual(facts["name"], "C1-DCTEX_0001_00.csv.zip")
        with zipfile.ZipFile(facts["path"]) as archive:
            self.assertEqual(archive.namelist(), ["C1-DCTEX_0001_00.csv"])
            self.assertEqual(archive.read("C1-DCTEX_0001_00.csv"), self.read(plain["path"]))
        self.assertLess(facts["size"], plain["size"] // 2)


if __name__ == "__main__":
    unittest.main()

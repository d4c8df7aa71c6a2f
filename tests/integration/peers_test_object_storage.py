# SPDX-License-Identifier: MIT
"""The Object Storage stand-in: Oracle's own client, conditions, faults, clock, races, large bodies."""
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import os
import subprocess
import unittest
import urllib.parse

from peers_common import PEERS, REPOSITORY, PeerTest, curl

import compare_requests
import oci_signature
from certificates import Authority, oci_key
from common import read_records
from cryptography.hazmat.primitives import serialization
from object_storage import ObjectStoragePeer

BUCKET = "CCSDACS_CustomerSync"


class Client:
    """A minimal signing client; one connection a request unless kept."""

    def __init__(self, peer, key):
        self.peer, self.facts = peer, key
        with open(key["pkcs8"], "rb") as pem:
            self.key = serialization.load_pem_private_key(pem.read(), None)
        self.base = f"/n/{peer.namespace}/b/{BUCKET}"

    def request(self, method, path, body=None, sign_body=False, now=None, connection=None, **headers):
        target = path if path.startswith("/n") else self.base + path
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["host"] = f"127.0.0.1:{self.peer.port}"
        signed = body if sign_body or (body is not None and method == "POST") else None
        oci_signature.sign(method, target, headers, self.key, self.facts["key_id"], signed, now)
        used = connection or http.client.HTTPConnection("127.0.0.1", self.peer.port, timeout=20)
        try:
            used.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            if body is not None:
                headers["content-length"] = str(len(body))
            for name, value in headers.items():
                used.putheader(name, value)
            used.endheaders(body)
            answer = used.getresponse()
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()
        finally:
            if not connection:
                used.close()

    def admin(self, method, path, value=None):
        used = http.client.HTTPConnection("127.0.0.1", self.peer.port, timeout=20)
        with contextlib.closing(used):
            used.request(method, path, None if value is None else json.dumps(value))
            answer = used.getresponse()
            return answer.status, json.loads(answer.read())


class StorageTest(PeerTest):
    def setUp(self):
        super().setUp()
        self.key = oci_key(self.path("keys"))
        self.peer = self.start(ObjectStoragePeer, self.path("storage"), "--bucket", BUCKET, "--key",
                               f"{self.key['key_id']}={self.key['public']}")
        self.client = Client(self.peer, self.key)

    def call(self, *arguments, expect=200, code=None, **options):
        status, headers, body = self.client.request(*arguments, **options)
        self.assertEqual(status, expect, body)
        if code:
            self.assertEqual(json.loads(body)["code"], code)
        return headers, body


class Conformance(StorageTest):
    def modules(self):
        for folder in (os.environ.get("NODE_MODULES_AT"), REPOSITORY):
            if folder and os.path.isdir(os.path.join(folder, "node_modules", "oci-objectstorage")):
                return folder
        return self.skipTest("npm package oci-objectstorage is not installed")

    def test_oracles_client(self):
        facts = {"url": self.peer.url, "namespace": self.peer.namespace, "bucket": BUCKET,
                 "key": self.key["pkcs8"], **{k: self.key[k] for k in ("tenancy", "user", "fingerprint")}}
        given = self.path("facts.json", json.dumps(facts).encode())
        done = subprocess.run(["node", os.path.join(PEERS, "sdk", "conformance.mjs"), given], check=False,
                              env={**os.environ, "NODE_MODULES_AT": self.modules()}, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(b"all steps passed", done.stdout)
        mine = compare_requests.service_requests(self.peer.requests)
        self.assertGreater(len(mine), 30)
        self.assertEqual(compare_requests.compare(mine, mine), [])
        changed = [{**mine[0], "signed": ["date", "host"]}, *mine[1:]]
        self.assertEqual(list(compare_requests.compare(mine, changed)[0]["differences"]), ["signed"])

    def test_our_own_requests_compare_equal(self):
        self.test_oracles_client()
        reference = compare_requests.service_requests(self.peer.requests)
        self.call("PUT", "/o/a%20b%2Fc.csv", b"x", content_type="text/csv")
        self.call("GET", "/o?prefix=a&limit=2&fields=name,size")
        self.call("POST", "/actions/renameObject", json.dumps(
            {"sourceName": "a b/c.csv", "newName": "d", "newObjIfNoneMatchETag": "*",
             "srcObjIfMatchETag": json.loads(self.call("GET", "/o?fields=etag&prefix=a")[1])
             ["objects"][0]["etag"]}).encode())
        ours = compare_requests.service_requests(self.peer.requests)[len(reference):]
        self.assertEqual(compare_requests.compare_by_operation(reference, ours), [])


class Behaviour(StorageTest):
    def test_authentication(self):
        self.call("PUT", "/o/x", b"1")
        self.call("PUT", "/o/x", b"1", sign_body=True)
        stranger = {**self.key, "key_id": "a/b/c"}
        self.client.facts = stranger
        self.call("GET", "/o", expect=401, code="NotAuthenticated")
        self.assertEqual(read_records(self.peer.requests)[-1]["refused"], "unknown keyId")

    def test_clock_skew(self):
        self.client.admin("POST", "/_clock", {"skew": 301})
        self.call("GET", "/n", expect=401, code="NotAuthenticated")
        self.client.admin("POST", "/_clock", {"skew": 250})
        self.call("GET", "/n")

    def test_body_that_was_changed_after_signing(self):
        headers = {"host": f"127.0.0.1:{self.peer.port}"}
        target = self.client.base + "/actions/renameObject"
        oci_signature.sign("POST", target, headers, self.client.key, self.key["key_id"], b'{"a":1}')
        used = http.client.HTTPConnection("127.0.0.1", self.peer.port, timeout=10)
        with contextlib.closing(used):
            used.request("POST", target, b'{"a":2}', headers)
            self.assertEqual(used.getresponse().status, 401)

    def test_listing_pages(self):
        names = [f"C1-DCTEX_{n:04d}_00.csv" for n in range(25)] + ["D", "in/a", "in/b", "in2/c"]
        for name in names:
            self.call("PUT", "/o/" + urllib.parse.quote(name, safe=""), name.encode())
        seen, start, pages = [], "", 0
        while start is not None:
            query = "/o?limit=10&prefix=C1-&fields=size" + (f"&start={start}" if start else "")
            page = json.loads(self.call("GET", query)[1])
            seen += [one["name"] for one in page["objects"]]
            start, pages = page.get("nextStartWith"), pages + 1
        self.assertEqual((seen, pages), (names[:25], 3))
        page = json.loads(self.call("GET", "/o?delimiter=/&startAfter=D")[1])
        self.assertEqual((page["prefixes"], page["objects"]), (["in/", "in2/"], []))
        page = json.loads(self.call("GET", "/o?start=D&end=in/b")[1])
        self.assertEqual([one["name"] for one in page["objects"]], ["D", "in/a"])
        for limit, expected in ((1, 200), (1000, 200), (0, 400), (1001, 400)):
            self.call("GET", f"/o?limit={limit}", expect=expected)
        self.call("GET", "/o?fields=colour", expect=400, code="InvalidParameter")

    def test_racing_create_only_puts_have_one_winner(self):
        def put(number):
            return self.client.request("PUT", "/o/one", b"%d" % number * 1000, if_none_match="*")[0]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(put, range(16)))
        self.assertEqual(sorted(statuses), [200] + [412] * 15)

    def test_ranges(self):
        self.call("PUT", "/o/r", b"0123456789")
        for value, status, body in (("bytes=0-0", 206, b"0"), ("bytes=3-", 206, b"3456789"),
                                    ("bytes=-2", 206, b"89"), ("bytes=8-99", 206, b"89"),
                                    ("bytes=10-", 416, None), ("bytes=0-1,3-4", 400, None)):
            headers, got = self.call("GET", "/o/r", range=value, expect=status)
            if body is not None:
                self.assertEqual(got, body, value)
        self.assertEqual(headers.get("content-range"), None)

    def test_multipart_rules(self):
        created = json.loads(self.call("POST", "/u", b'{"object":"m"}')[1])
        part = f"/u/m?uploadId={created['uploadId']}&uploadPartNum="
        etag = self.call("PUT", part + "1", b"a" * 10)[0]["etag"]
        for number in ("0", "10001", "x", ""):
            self.call("PUT", part + number, b"a", expect=400)
        self.call("PUT", part + "10000", b"b")
        commit = f"/u/m?uploadId={created['uploadId']}"
        one = json.dumps({"partsToCommit": [{"partNum": 1, "etag": etag}]}).encode()
        self.call("POST", commit, one, expect=400, code="InvalidUploadPart")
        both = json.dumps({"partsToCommit": [{"partNum": 1, "etag": etag}], "partsToExclude": [10000]}).encode()
        self.call("POST", commit, both)
        self.assertEqual(self.call("GET", "/o/m")[1], b"a" * 10)
        self.call("POST", commit, both, expect=404, code="NoSuchUpload")

    def test_expect_100_and_early_refusal(self):
        self.call("PUT", "/o/taken", b"x")
        big = self.path("big", os.urandom(3 << 20))
        status, out = curl("-T", big, "-H", "Expect: 100-continue", "-o", self.path("answer"), "-w",
                           "%{http_code} %{size_upload}", self.peer.url + self.client.base + "/o/new")
        self.assertEqual((status, out), (0, b"401 0"))

    def test_survives_a_restart(self):
        self.call("PUT", "/o/kept", b"data")
        self.peer.stop()
        self.peer = self.start(ObjectStoragePeer, self.path("storage"), "--key",
                               f"{self.key['key_id']}={self.key['public']}")
        self.client.peer = self.peer
        self.assertEqual(self.call("GET", "/o/kept")[1], b"data")

    def test_large_object(self):
        size = 64 << 20
        block = os.urandom(1 << 20)
        path = self.path("large", block * (size >> 20))
        status, _ = curl("-T", path, f"{self.peer.url}/_objects/{BUCKET}/large")
        self.assertEqual(status, 0)
        facts = self.client.admin("GET", f"/_objects/{BUCKET}")[1][0]
        self.assertEqual(facts["size"], size)
        self.assertEqual(hashlib.md5(self.call("GET", "/o/large")[1]).digest(),
                         hashlib.md5(self.read(path)).digest())


class Faults(StorageTest):
    def fault(self, action, method="PUT", **fields):
        status, _ = self.client.admin("POST", "/_faults", {
            "match": {"method": method, "path_regex": "/o/"}, "action": action, **fields})
        self.assertEqual(status, 200)

    def test_status_then_success(self):
        self.fault("status", status=503, headers={"Retry-After": "1"})
        headers, _ = self.call("PUT", "/o/f", b"x", expect=503)
        self.assertEqual(headers["retry-after"], "1")
        self.call("PUT", "/o/f", b"x")

    def test_dropped_reply_has_done_its_work(self):
        self.fault("drop_reply")
        with self.assertRaises((http.client.HTTPException, ConnectionError)):
            self.client.request("PUT", "/o/f", b"x")
        self.assertEqual(self.call("GET", "/o/f")[1], b"x")
        self.assertEqual(read_records(self.peer.requests)[0]["outcome"], "drop_reply")

    def test_reset_leaves_nothing(self):
        self.fault("reset", after_bytes=1 << 20)
        with self.assertRaises(ConnectionError):
            self.client.request("PUT", "/o/f", b"x" * (8 << 20))
        self.call("GET", "/o/f", expect=404, code="ObjectNotFound")

    def test_short_and_corrupt_bodies(self):
        self.call("PUT", "/o/f", b"x" * 1000)
        self.fault("short_body", "GET", bytes=10)
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.client.request("GET", "/o/f")
        self.assertEqual(len(caught.exception.partial), 10)
        self.fault("corrupt", "GET")
        self.assertEqual(self.call("GET", "/o/f")[1], b"y" + b"x" * 999)

    def test_malformed_fault(self):
        self.assertEqual(self.client.admin("POST", "/_faults", {"action": "explode"})[0], 400)
        self.assertEqual(self.client.admin("GET", "/_faults"), (200, []))


class Tls(PeerTest):
    def test_https(self):
        authority = Authority(self.path("ca"))
        for kind, expected in (("good", 0), ("expired", 60), ("wrong_host", 60), ("self_signed", 60)):
            with self.subTest(kind):
                peer = self.start(ObjectStoragePeer, self.path(kind), "--no-authentication", "--tls",
                                  *authority.server(kind))
                status, out = curl("--cacert", authority.path, peer.url + "/n")
                self.assertEqual(status, expected)
                if expected == 0:
                    self.assertEqual(out, b'"testnamespace"')


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""Object Storage through the transfer layer, judged by the stand-in's own objects and records."""
import base64
import hashlib
import json
import os
import subprocess
import time

from peers_common import REPOSITORY
from web_common import WebTest, admin, main, object_bytes

import compare_requests
from certificates import oci_key
from common import read_records
from http_peer import Answer, HttpPeer
from oci_signature import format_date
from object_storage import ObjectStoragePeer

BUCKET = "CCSDACS_CustomerSync"
FOLDER = f"testnamespace/{BUCKET}"
OTHER = "testnamespace/other"
MIB = 1 << 20
OBJECT_ANSWER_SIZE_MAX = 4 * MIB  # object_http.h
RETRY_NEVER, RETRY_ONCE, RETRY_FEW, RETRY_LATER = 0, 1, 2, 3  # enum error_retry


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class StorageTest(WebTest):
    def setUp(self):
        super().setUp()
        self.key = oci_key(self.path("keys"))
        self.peer = self.start(ObjectStoragePeer, self.path("storage"), "--bucket", BUCKET, "--bucket", "other",
                               "--key", f"{self.key['key_id']}={self.key['public']}")
        self.connect("OS")

    def connect(self, name, **more):
        self.connections[name] = {
            "type": "object_storage", "url": self.peer.url, "tls": "none", "tenancy": self.key["tenancy"],
            "user": self.key["user"], "fingerprint": self.key["fingerprint"],
            "private_key": self.key["pkcs8"], "settle_ms": 0, "request_timeout_s": 10,
            "stall_timeout_s": 10, **more}

    def fault(self, *faults):
        admin(self.peer, "POST", "/_faults", list(faults))

    def objects(self, bucket=BUCKET):
        return {one["name"]: one for one in admin(self.peer, "GET", f"/_objects/{bucket}")}

    def seed(self, name, data, bucket=BUCKET):
        process = self.start_driver([self.storing(name, data, folder=f"testnamespace/{bucket}")])
        self.assertTrue(self.finish_driver(process)[0]["ok"])

    def requests(self, operation=None):
        records = read_records(self.peer.requests)
        return [one for one in records if operation in (None, one.get("operation"))]

    def storing(self, name, data, folder=FOLDER, connection="OS", **more):
        return {"do": "store", "connection": connection, "folder": folder, "name": name,
                "source": {"local": self.path(f"source-{hashlib.md5(data).hexdigest()}", data)}, **more}

    def bad_store(self, kind, *words, data=b"content", name="x.csv", **more):
        return self.bad(kind, *words, **self.storing(name, data, **more))


class Listing(StorageTest):
    def test_prefix_order_and_info(self):
        for name in ("b.csv", "a.csv", "z.csv", "ä 1+2%.csv"):
            self.seed(name, name.encode())
        admin(self.peer, "PUT", f"/_objects/{BUCKET}/a%2Fb.csv", 1)
        answer = self.good(do="list", connection="OS", folder=FOLDER, prefix="")
        names = [one["name"] for one in answer["files"]]
        self.assertEqual(names, sorted(names, key=str.encode))
        self.assertEqual(len(names), 5)
        by_name = {one["name"]: one for one in answer["files"]}
        self.assertEqual(by_name["b.csv"]["size"], 5)
        self.assertGreater(by_name["b.csv"]["modified"], 1700000000)
        self.assertEqual(by_name["a/b.csv"]["flags"], 2)
        self.assertEqual(by_name["ä 1+2%.csv"]["flags"], 0)
        answer = self.good(do="list", connection="OS", folder=FOLDER, prefix="ä 1+")
        self.assertEqual([one["name"] for one in answer["files"]], ["ä 1+2%.csv"])

    def test_2500_objects_in_three_pages(self):
        for number in range(2500):
            path = f"/_objects/{BUCKET}/n{number:05}.csv"
            admin(self.peer, "PUT", path, number)
        answer = self.good(do="list", connection="OS", folder=FOLDER, prefix="n")
        self.assertEqual([one["name"] for one in answer["files"]], [f"n{n:05}.csv" for n in range(2500)])
        self.assertEqual(len(self.requests("list_objects")), 3)

    def test_empty_and_missing_buckets_differ(self):
        self.assertEqual(self.good(do="list", connection="OS", folder=FOLDER)["files"], [])
        self.bad("not_found", "not there", "permission", do="list", connection="OS", folder="testnamespace/absent")
        self.bad("invalid", "<namespace>/<bucket>", do="list", connection="OS", folder="justabucket")

    def test_a_bucket_that_is_not_found_is_worth_asking_once_more(self):
        for code, retry in (("BucketNotFound", RETRY_ONCE), ("NamespaceNotFound", RETRY_NEVER)):
            self.fault({"match": {"method": "GET"}, "action": "status", "status": 404,
                        "body": {"code": code, "message": "x"}})
            answer = self.bad("not_found", code, do="list", connection="OS", folder=FOLDER)
            self.assertEqual(answer["retry"], retry)

    def test_a_listing_that_does_not_advance(self):
        page = {"objects": [{"name": "b", "size": 1}], "nextStartWith": "b"}
        self.fault({"match": {"method": "GET"}, "times": 0, "action": "status", "status": 200, "body": page})
        self.bad("broken", "does not advance", do="list", connection="OS", folder=FOLDER)

    def test_a_cut_listing_is_no_listing(self):
        for number in range(50):
            admin(self.peer, "PUT", f"/_objects/{BUCKET}/n{number:05}.csv", number)
        self.fault({"match": {"method": "GET"}, "action": "short_body", "bytes": 300})
        answer = self.step(do="list", connection="OS", folder=FOLDER)
        self.assertFalse(answer["ok"])
        self.assertEqual(answer["kind"], "broken", answer["message"])
        self.fault({"match": {"method": "GET"}, "action": "status", "status": 200, "body": '{"objects":['})
        self.bad("broken", do="list", connection="OS", folder=FOLDER)


    def test_a_page_at_the_limit(self):
        class Padded(HttpPeer):
            size = 0

            def handle(self, request):
                return Answer(200, b'{"objects":[]}'.ljust(self.size))
        peer = Padded(self.path("padded"))
        self.addCleanup(peer.close)
        self.connections["PADDED"] = {**self.connections["OS"], "url": peer.url}
        Padded.size = OBJECT_ANSWER_SIZE_MAX
        self.good(do="list", connection="PADDED", folder=FOLDER)
        Padded.size += 1
        self.bad("limit", "4194304", do="list", connection="PADDED", folder=FOLDER)


class Reading(StorageTest):
    def test_open_tells_size_etag_and_digest(self):
        self.seed("a b.csv", b"hello")
        answer = self.good(do="open", connection="OS", folder=FOLDER, name="a b.csv")
        self.assertEqual((answer["size"], answer["digest"]), (5, md5(b"hello")))
        self.assertEqual(answer["etag"], self.objects()["a b.csv"]["etag"])
        self.bad("not_found", "absent.csv", do="open", connection="OS", folder=FOLDER, name="absent.csv")

    def test_bucket_to_bucket(self):
        data = os.urandom(3 * MIB + 17)
        self.seed("large.csv", data)
        self.good(do="store", connection="OS", folder=OTHER, name="copy.csv",
                  source={"connection": "OS", "folder": FOLDER, "name": "large.csv"})
        self.assertEqual(object_bytes(self.peer, "other", "copy.csv"), data)
        get = self.requests("get_object")[-1]
        self.assertEqual(get["headers"]["if-match"], self.objects()["large.csv"]["etag"])

    def test_source_replaced_after_it_was_looked_at(self):
        self.seed("a.csv", b"old")
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        process = self.start_driver([{
            "do": "store", "connection": "OS", "folder": OTHER, "name": "a.csv", "pause": pipe,
            "source": {"connection": "OS", "folder": FOLDER, "name": "a.csv"}}])
        with open(pipe, "w", encoding="ascii"):
            admin(self.peer, "PUT", f"/_objects/{BUCKET}/a.csv", "new")
        answer = self.finish_driver(process)[0]
        self.assertEqual((answer["ok"], answer["kind"]), (False, "broken"), answer)
        self.assertIn("changed since", answer["message"])
        self.assertEqual(self.objects("other"), {})

    def copying(self, name="x.csv", connection="OS"):
        return {"do": "store", "connection": "OS", "folder": OTHER, "name": name,
                "source": {"connection": connection, "folder": FOLDER, "name": "a.csv"}}

    def test_refusals_say_what_is_worth_asking_again(self):
        self.seed("a.csv", b"content")
        cases = (("GET", 503, "ServiceUnavailable", RETRY_LATER), ("HEAD", 503, "ServiceUnavailable", RETRY_LATER),
                 ("GET", 429, "TooManyRequests", RETRY_LATER), ("HEAD", 429, "TooManyRequests", RETRY_LATER),
                 ("GET", 409, "IncorrectState", RETRY_LATER), ("HEAD", 409, "IncorrectState", RETRY_FEW),
                 ("GET", 409, "Other", RETRY_NEVER), ("GET", 404, "BucketNotFound", RETRY_ONCE),
                 ("GET", 404, "ObjectNotFound", RETRY_NEVER))
        for method, status, code, retry in cases:
            with self.subTest(method=method, status=status, code=code):
                self.fault({"match": {"method": method, "path_regex": "/o/"}, "action": "status", "status": status,
                            "headers": {"Retry-After": "120"}, "body": {"code": code, "message": "m"}})
                answer = self.step(**self.copying())
                self.assertEqual((answer["ok"], answer["code"], answer["retry"], answer["retry_after_ms"]),
                                 (False, status, retry, 120000), answer)
                self.assertEqual(code in answer["message"], method == "GET", answer)
        self.assertEqual(self.objects("other"), {})

    def test_clock_skew_is_named_where_an_object_is_read(self):
        self.seed("a.csv", b"content")
        for method in ("GET", "HEAD"):
            self.fault({"match": {"method": method, "path_regex": "/o/"}, "action": "status", "status": 401,
                        "headers": {"Date": format_date(time.time() - 1000)},
                        "body": {"code": "NotAuthenticated", "message": "x"}})
            self.bad("denied", "clock skew", **self.copying())

    def test_overload_at_a_read_opens_the_circuit(self):
        self.seed("a.csv", b"content")
        for method in ("GET", "HEAD"):
            name = "OS" + method
            self.connect(name, retry={"circuit_failures": 1, "circuit_open_s": 60})
            self.fault({"match": {"method": method, "path_regex": "/o/"}, "action": "status", "status": 503})
            steps = [self.copying(f"{n}.csv", name) for n in range(2)]
            answers = self.finish_driver(self.start_driver(steps))
            self.assertEqual([one["ok"] for one in answers], [False, False], answers)
            self.assertIn("left alone", answers[1]["message"])

    def test_an_endless_refusal_ends(self):
        class Endless(HttpPeer):
            def handle(self, request):
                if request.method == "HEAD":
                    return Answer(200, b"content", [("etag", "e")])
                return Answer(503, b"x" * (OBJECT_ANSWER_SIZE_MAX + 1), [("Retry-After", "7")])
        peer = Endless(self.path("endless"))
        self.addCleanup(peer.close)
        self.connections["ENDLESS"] = {**self.connections["OS"], "url": peer.url}
        answer = self.step(**self.copying(connection="ENDLESS"))
        self.assertIn("HTTP 503", answer["message"])
        self.assertEqual((answer["code"], answer["retry"], answer["retry_after_ms"]), (503, RETRY_LATER, 7000), answer)

    def test_short_and_corrupt_bodies_are_not_published(self):
        for action, size in (("short_body", 100000), ("corrupt", 100000), ("short_body", 5 * MIB)):
            data = os.urandom(size)
            name = f"{action}-{size}.csv"
            self.seed(name, data)
            self.fault({"match": {"method": "GET", "path_regex": "/o/"}, "action": action, "bytes": size // 2})
            answer = self.step(do="store", connection="OS", folder=OTHER, name=name,
                               source={"connection": "OS", "folder": FOLDER, "name": name})
            self.assertEqual((answer["ok"], answer["kind"]), (False, "broken"), answer)
            self.assertEqual(self.objects("other"), {})


class Storing(StorageTest):
    def test_sizes_around_the_limits_of_one_put(self):
        self.connect("OS", multipart_threshold="1MiB", part_size="1MiB")
        for size in (0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 1):
            data = os.urandom(size)
            answer = self.good(**self.storing(f"n{size}.csv", data))
            self.assertEqual(object_bytes(self.peer, BUCKET, f"n{size}.csv"), data)
            self.assertEqual(answer["etag"], self.objects()[f"n{size}.csv"]["etag"])
            self.assertEqual(answer["size"], size)
            self.assertEqual(answer["progress"], size)
            parts = -(-size // MIB)
            if size <= MIB:
                self.assertEqual(answer["digest"], md5(data))
            else:
                self.assertTrue(answer["digest"].endswith(f"-{parts}"), answer["digest"])
        self.assertEqual(len(self.requests("create_upload")), 3)
        self.assertEqual(len(self.requests("upload_part")), 2 + 2 + 3)

    def test_names(self):
        for name in ("ä ö+ü%41&?#.csv", "-leading", "a'b\"c.csv", "日本.csv.zip"):
            self.good(**self.storing(name, name.encode()))
            self.assertEqual(object_bytes(self.peer, BUCKET, name), name.encode())
        before = len(self.requests())
        for name in ("a\nb.csv", "", ".."):
            answer = self.step(**self.storing(name, b"x"))
            self.assertEqual((answer["ok"], answer["kind"]), (False, "invalid"), answer)
        answer = self.step(**self.storing("n" * 1025, b"x"))
        self.assertIn(answer["kind"], ("invalid", "limit"), answer)
        self.assertEqual(len(self.requests()), before)

    def test_a_taken_name_is_a_conflict(self):
        self.seed("x.csv", b"before")
        for data in (b"after!", os.urandom(3 * MIB)):
            answer = self.bad_store("exists", "taken", data=data)
            self.assertEqual(answer["code"], 412)
            self.assertEqual(object_bytes(self.peer, BUCKET, "x.csv"), b"before")

    def test_the_same_content_again_is_success(self):
        self.connect("PARTS", multipart_threshold="1MiB", part_size="1MiB")
        for connection, data in (("OS", b"same"), ("PARTS", os.urandom(3 * MIB + 5))):
            name = connection + ".csv"
            first = self.good(**self.storing(name, data, connection=connection))
            again = self.good(**self.storing(name, data, connection=connection))
            self.assertEqual((again["etag"], again["digest"]), (first["etag"], first["digest"]))

    def test_numbered_and_overwritten(self):
        self.connect("NUMBER", on_conflict="number")
        self.connect("OVER", on_conflict="overwrite")
        for data, name in ((b"1", "x.csv"), (b"2", "x-2.csv"), (b"3", "x-3.csv"), (b"2", "x-2.csv")):
            self.assertEqual(self.good(**self.storing("x.csv", data, connection="NUMBER"))["name"], name)
            self.assertEqual(object_bytes(self.peer, BUCKET, name), data)
        self.good(**self.storing("x.csv", b"over", connection="OVER"))
        self.assertEqual(object_bytes(self.peer, BUCKET, "x.csv"), b"over")

    def test_a_body_that_arrives_changed_is_taken_back(self):
        # The answer claims another digest than ours; the object must not stay.
        self.fault({"match": {"method": "PUT"}, "action": "status", "status": 200, "body": "",
                    "headers": {"opc-content-md5": md5(b"other"), "etag": "nobody"}})
        self.bad_store("broken", "MD5")
        self.assertEqual(self.requests("delete_object")[-1]["headers"]["if-match"], "nobody")
        self.assertEqual(self.objects(), {})

    def test_refusals(self):
        for status, code, kind, words in (
                (503, "ServiceUnavailable", "unavailable", "come back later"), (429, "TooManyRequests", "unavailable", "come back"),
                (500, "InternalServerError", "unavailable", "try again later"),
                (400, "UnmatchedContentMD5", "broken", "bytes that arrived"), (413, "RequestEntityTooLarge", "limit", "larger"),
                (403, "NotAllowed", "denied", "policies"), (409, "ConcurrentObjectUpdate", "unavailable", "someone else"),
                (307, "Redirect", "refused", "redirects are not followed")):
            self.fault({"match": {"method": "PUT"}, "action": "status", "status": status,
                        "headers": {"Location": "http://127.0.0.1:1/"} if status == 307 else {},
                        "body": {"code": code, "message": "words of the service"}})
            answer = self.bad_store(kind, words)
            self.assertEqual(answer["code"], status)
        self.assertEqual(self.objects(), {})

    def test_lost_replies_are_settled_by_a_look(self):
        self.fault({"match": {"method": "PUT", "path_regex": "/o/"}, "action": "drop_reply"})
        answer = self.good(**self.storing("lost.csv", b"published"))
        self.assertEqual(answer["etag"], self.objects()["lost.csv"]["etag"])
        self.fault({"match": {"method": "PUT", "path_regex": "/o/"}, "action": "reset"})
        self.bad_store("unavailable", name="never.csv")
        self.fault({"match": {"method": "PUT", "path_regex": "/o/"}, "action": "drop_reply"},
                   {"match": {"method": "HEAD"}, "action": "status", "status": 503})
        self.bad_store("unknown", "not known", name="doubt.csv")
        # Later, the same file again: it is there already.
        self.good(**self.storing("doubt.csv", b"content"))

    def test_answers_may_take_longer_than_silence_within_a_body(self):
        self.connect("OS", multipart_threshold="1MiB", part_size="1MiB", stall_timeout_s=2, request_timeout_s=60)
        for match in ({"method": "PUT", "path_regex": "/o/"}, {"method": "PUT", "path_regex": "/u/"},
                      {"method": "POST", "query_regex": "uploadId"}, {"method": "GET", "query_regex": "limit"}):
            self.fault({"match": match, "action": "delay", "seconds": 5})
        self.good(**self.storing("small.csv", b"content"))
        self.good(**self.storing("large.csv", b"x" * (MIB + 1)))
        self.good(do="list", connection="OS", folder=FOLDER)

    def test_clock_skew_is_named(self):
        admin(self.peer, "POST", "/_clock", {"skew": 1000})
        self.bad("denied", "API keys", do="list", connection="OS", folder=FOLDER)
        for seconds, words in ((-1000, "ahead of"), (1000, "behind"), (-290, "API keys")):
            self.fault({"action": "status", "status": 401, "headers": {"Date": format_date(time.time() + seconds)},
                        "body": {"code": "NotAuthenticated", "message": "x"}})
            self.bad("denied", words, do="list", connection="OS", folder=FOLDER)


class Parts(StorageTest):
    def setUp(self):
        super().setUp()
        self.connect("OS", multipart_threshold="1MiB", part_size="1MiB")
        self.data = os.urandom(3 * MIB + 100)

    def uploads(self):
        root = os.path.join(self.peer.root, "buckets", BUCKET)
        return [one for one in self.requests("create_upload")], root

    def test_failure_at_every_step_aborts(self):
        for where in ("upload_part", "commit"):
            match = {"method": "PUT", "path_regex": "/u/"} if where == "upload_part" else \
                {"method": "POST", "query_regex": "uploadId"}
            self.fault({"match": match, "skip": 1 if where == "upload_part" else 0, "action": "status",
                        "status": 503})
            aborts = len(self.requests("abort_upload"))
            self.bad_store("unavailable", data=self.data, name=where)
            self.assertEqual(len(self.requests("abort_upload")), aborts + 1)
            self.assertEqual(self.requests("abort_upload")[-1]["status"], 204)
        self.assertEqual(self.objects(), {})

    def test_a_part_that_arrives_changed(self):
        self.fault({"match": {"method": "PUT", "path_regex": "/u/"}, "skip": 2, "action": "status", "status": 200,
                    "headers": {"etag": "e", "opc-content-md5": md5(b"other")}, "body": ""})
        self.bad_store("broken", "part 3", data=self.data)
        self.assertEqual(self.requests("abort_upload")[-1]["status"], 204)
        self.assertEqual(self.objects(), {})

    def test_lost_commit(self):
        self.fault({"match": {"method": "POST", "query_regex": "uploadId"}, "action": "drop_reply"})
        answer = self.good(**self.storing("x.csv", self.data))
        self.assertEqual(answer["etag"], self.objects()["x.csv"]["etag"])
        self.assertEqual(object_bytes(self.peer, BUCKET, "x.csv"), self.data)

    def test_an_upload_that_is_forgotten_is_not_taken_for_stored(self):
        gone = {"match": {"method": "GET", "path_regex": "/u/"}, "action": "status", "status": 404,
                "body": {"code": "NoSuchUpload", "message": "x"}}
        commit = {"match": {"method": "POST", "query_regex": "uploadId"}}
        self.fault({**commit, "action": "status", "status": 500}, gone)
        self.bad_store("unknown", "given up", "nothing has its name", data=self.data)
        self.assertEqual(self.objects(), {})
        self.connect("OS", multipart_threshold="1MiB", part_size="1MiB", on_conflict="overwrite")
        admin(self.peer, "PUT", f"/_objects/{BUCKET}/x.csv", "other")
        self.fault({**commit, "action": "status", "status": 500}, gone)
        self.bad_store("unknown", "given up", "another object", data=self.data)
        self.fault({**commit, "action": "drop_reply"}, gone)
        self.good(**self.storing("x.csv", self.data))

    def test_a_commit_that_is_said_to_have_failed_is_settled_by_a_look(self):
        for status in (500, 502, 504):
            with self.subTest(status=status):
                name = f"not-{status}.csv"
                self.fault({"match": {"method": "POST", "query_regex": "uploadId"}, "action": "status",
                            "status": status})
                answer = self.bad_store("unavailable", str(status), data=self.data, name=name)
                self.assertEqual(answer["retry"], RETRY_LATER)
                self.assertEqual(self.requests("abort_upload")[-1]["status"], 204)
                self.assertNotIn(name, self.objects())
                self.fault({"match": {"method": "POST", "query_regex": "uploadId"}, "action": "status",
                            "status": status},
                           {"match": {"method": "GET", "path_regex": "/u/"}, "action": "status", "status": 503})
                self.bad_store("unknown", "not known", data=self.data, name=f"doubt-{status}.csv")

    def test_name_taken_while_parts_were_sent(self):
        self.fault({"match": {"method": "POST", "query_regex": "uploadId"}, "action": "status", "status": 412,
                    "body": {"code": "IfNoneMatchFailed", "message": "x"}})
        self.bad_store("exists", "taken", data=self.data)
        self.assertEqual(self.requests("abort_upload")[-1]["status"], 204)

    def test_cut_source_publishes_nothing(self):
        self.good(**self.storing("src.csv", self.data, folder=OTHER))
        self.fault({"match": {"method": "GET", "path_regex": "/o/"}, "action": "short_body", "bytes": 2 * MIB})
        answer = self.step(do="store", connection="OS", folder=FOLDER, name="x.csv",
                           source={"connection": "OS", "folder": OTHER, "name": "src.csv"})
        self.assertEqual((answer["ok"], answer["kind"]), (False, "broken"), answer)
        self.assertEqual(self.objects(), {})
        self.assertEqual(self.requests("abort_upload")[-1]["status"], 204)

    def test_memory_does_not_grow_with_the_file(self):
        peaks = []
        for size in (4, 64):
            path = self.path(f"big{size}")
            with open(path, "wb") as file:
                file.truncate(size * MIB)
            answer = self.good(do="store", connection="OS", folder=FOLDER, name=f"big{size}",
                               source={"local": path})
            peaks.append(answer["peak_kib"])
        self.assertLess(peaks[1] - peaks[0], 4096, peaks)


class Renaming(StorageTest):
    def renaming(self, name="a.csv", to=None, connection="OS"):
        return {"do": "rename", "connection": connection, "folder": FOLDER, "from": name, "to": to or "SENT-" + name}

    def test_rename(self):
        self.seed("a.csv", b"1")
        etag = self.objects()["a.csv"]["etag"]
        self.assertEqual(self.good(**self.renaming())["name"], "SENT-a.csv")
        self.assertEqual(set(self.objects()), {"SENT-a.csv"})
        body = self.requests("rename_object")[-1]["body"]
        self.assertEqual(body["srcObjIfMatchETag"], etag)
        self.assertEqual(body["newObjIfNoneMatchETag"], "*")
        self.bad("not_found", "a.csv", **self.renaming())

    def test_a_taken_name(self):
        self.seed("a.csv", b"1")
        self.seed("SENT-a.csv", b"2")
        self.bad("exists", "SENT-a.csv", **self.renaming())
        self.assertEqual(object_bytes(self.peer, BUCKET, "SENT-a.csv"), b"2")
        self.connect("NUMBER", on_conflict="number")
        self.assertEqual(self.good(**self.renaming(connection="NUMBER"))["name"], "SENT-a-2.csv")
        self.assertEqual(set(self.objects()), {"SENT-a.csv", "SENT-a-2.csv"})

    def test_lost_replies(self):
        self.seed("a.csv", b"1")
        # Before any byte of the body libcurl may ask again by itself: nothing can have happened then.
        self.fault({"match": {"method": "POST"}, "action": "reset", "after_bytes": 1})
        self.bad("unavailable", **self.renaming())
        self.assertEqual(set(self.objects()), {"a.csv"})
        self.fault({"match": {"method": "POST"}, "action": "drop_reply"})
        self.good(**self.renaming())
        self.assertEqual(set(self.objects()), {"SENT-a.csv"})
        self.seed("b.csv", b"2")
        self.fault({"match": {"method": "POST"}, "action": "drop_reply"},
                   {"match": {"method": "HEAD"}, "skip": 1, "times": 2, "action": "status", "status": 503})
        self.bad("unknown", "not known", **self.renaming("b.csv"))

    def test_changed_since(self):
        self.seed("a.csv", b"1")
        self.fault({"match": {"method": "POST"}, "action": "status", "status": 412,
                    "body": {"code": "IfMatchFailed", "message": "x"}})
        self.bad("broken", "changed since", **self.renaming())


class Wire(StorageTest):
    def test_requests_like_those_of_the_sdk(self):
        modules = os.environ.get("NODE_MODULES_AT", REPOSITORY)
        if not os.path.isdir(os.path.join(modules, "node_modules", "oci-objectstorage")):
            self.skipTest("oci-objectstorage is not installed")
        reference = self.start(ObjectStoragePeer, self.path("reference"), "--bucket", BUCKET, "--key",
                               f"{self.key['key_id']}={self.key['public']}")
        facts = self.path("facts.json", json.dumps({
            "url": reference.url, "namespace": reference.namespace, "bucket": BUCKET, "key": self.key["pkcs8"],
            **{name: self.key[name] for name in ("tenancy", "user", "fingerprint")}}).encode())
        script = os.path.join(REPOSITORY, "tests", "peers", "sdk", "conformance.mjs")
        subprocess.run(["node", script, facts], check=True, timeout=120, stdout=subprocess.DEVNULL)
        self.connect("PARTS", multipart_threshold="1MiB", part_size="1MiB")
        answers = self.run_steps(
            self.storing("in/ü 1+1%.csv".replace("/", "-"), b"abc"),
            self.storing("large.csv", os.urandom(2 * MIB + 1), connection="PARTS"),
            {"do": "list", "connection": "OS", "folder": FOLDER, "prefix": "in"},
            {"do": "store", "connection": "OS", "folder": OTHER, "name": "copy.csv",
             "source": {"connection": "OS", "folder": FOLDER, "name": "large.csv"}},
            {"do": "rename", "connection": "OS", "folder": FOLDER, "from": "large.csv", "to": "SENT-large.csv"})
        self.assertEqual([one["ok"] for one in answers], [True] * 5, answers)
        self.fault({"match": {"method": "POST", "query_regex": "uploadId"}, "action": "status", "status": 503})
        self.bad_store("unavailable", name="aborted", data=os.urandom(2 * MIB), connection="PARTS")
        comparison = os.path.join(REPOSITORY, "tests", "peers", "compare_requests.py")
        done = subprocess.run(["/usr/bin/python3", comparison, reference.requests, self.peer.requests,
                               "--by-operation"], stdout=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, ""))
        self.assertGreaterEqual({one.get("operation") for one in self.requests()}, {
            "put_object", "list_objects", "get_object", "create_upload", "upload_part", "commit_upload",
            "abort_upload", "rename_object"})


class Keys(StorageTest):
    def refused(self, kind, *words):
        self.bad(kind, *words, do="list", connection="OS", folder=FOLDER)
        self.assertEqual(self.requests(), [])

    def test_every_form_of_key(self):
        self.environment["PHRASE"] = self.key["pass_phrase"]
        for form in ("pkcs1", "pkcs8", "pkcs1_locked", "pkcs8_locked"):
            more = {"passphrase": {"env": "PHRASE"}} if "locked" in form else {}
            self.connect("OS", private_key=self.key[form], **more)
            self.good(do="list", connection="OS", folder=FOLDER)

    def test_pass_phrase(self):
        self.environment["PHRASE"] = "wrong horse"
        self.connect("OS", private_key=self.key["pkcs8_locked"], passphrase={"env": "PHRASE"})
        self.refused("denied", "does not open it")
        self.connect("OS", private_key=self.key["pkcs8_locked"])
        self.refused("denied", "sets no \"passphrase\"")

    def test_files(self):
        self.connect("OS", private_key=self.path("absent.pem"))
        self.refused("invalid", "absent.pem")
        self.connect("OS", private_key=self.path("text.pem", b"hello"))
        self.refused("invalid", "holds no PEM private key")
        self.connect("OS", private_key=self.key["public"])
        self.refused("invalid", "PUBLIC KEY")
        short = oci_key(self.path("short"), bits=1024)
        self.connect("OS", private_key=short["pkcs8"], fingerprint=short["fingerprint"])
        self.refused("invalid", "1024 bits")

    def test_fingerprint(self):
        other = oci_key(self.path("other"))
        self.connect("OS", fingerprint=other["fingerprint"])
        self.refused("invalid", other["fingerprint"], self.key["fingerprint"])

    def test_a_key_the_service_does_not_know(self):
        other = oci_key(self.path("other"))
        self.connect("OS", private_key=other["pkcs8"], fingerprint=other["fingerprint"])
        self.bad("denied", "401", "API keys", do="list", connection="OS", folder=FOLDER)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""REST requests through the transfer layer: login, OAuth 2.0, limits, lost answers, attachments."""
import email
import email.policy
import json
import os

from web_common import SECRET, WebTest, admin, main

from ccs import CcsPeer
from certificates import Authority
from common import read_records
from http_peer import Answer, HttpPeer
from scripted_http import ScriptedHttp

MIB = 1 << 20
LIMIT = 8 * MIB  # HTTP_RESPONSE_SIZE_MAX
HTTP_HEADERS_SIZE_MAX = OAUTH_ANSWER_SIZE_MAX = 65536
RETRY_NEVER = 0  # enum error_retry
ID = "12345678901234"
PATH = "/rest/apis/common/sync/syncRequest/" + ID
BODY = json.dumps({"syncRequestId": ID, "hasError": False})


class Collector(HttpPeer):
    """Keeps each body in a file and answers 202; stands for another host that runs child flows."""

    def handle(self, request):
        with open(os.path.join(self.root, "body"), "wb") as file:
            for block in request.blocks():
                file.write(block)
        return Answer.json(202, {"taken": request.received}, [("X-Mixed-Case", "Value")])


def raw_header(part, name):
    return next(value for key, value in part.raw_items() if key.lower() == name)


class RestTest(WebTest):
    def setUp(self):
        super().setUp()
        self.start_ccs()

    def start_ccs(self, *options):
        self.peer = self.start(CcsPeer, self.path("ccs"), "--user", "integration", "--password", SECRET,
                               "--client-id", "client:1", "--client-secret", SECRET, *options)
        self.base = f"http://127.0.0.1:{self.peer.port}"
        self.connect("BASIC", auth="basic", user="integration", password={"env": "WEB_SECRET"})
        self.connect("OAUTH", auth="oauth2_client_credentials", token_url=self.base + "/oauth/token",
                     client_id="client:1", client_secret={"env": "WEB_SECRET"}, scope="a b")

    def connect(self, name, **more):
        self.connections[name] = {"type": "rest", "url": self.base + "/ouaf", "tls": "none",
                                  "request_timeout_s": 5, "connect_timeout_s": 5, **more}

    def patch(self, connection="BASIC", **more):
        return {"do": "http", "connection": connection, "method": "PATCH", "path": PATH,
                "content_type": "application/json", "body": BODY, **more}

    def fault(self, *faults):
        admin(self.peer, "POST", "/_faults", list(faults))

    def requests(self):
        return read_records(os.path.join(self.peer.root, "received.jsonl"))


class Requests(RestTest):
    def test_basic(self):
        answer = self.good(**self.patch())
        self.assertEqual((answer["status"], json.loads(answer["body"])), (200, json.loads(BODY)))
        self.assertIn("content-type: application/json\n", answer["headers"])
        record = self.requests()[-1]
        self.assertEqual((record["security"], record["method"]), ("basic", "PATCH"))
        self.assertNotIn("expect", record["headers"])

    def test_every_status_is_an_answer(self):
        self.connect("WRONG", auth="basic", user="integration", password={"env": "OTHER"})
        self.environment["OTHER"] = "wrong-password"
        self.assertEqual(self.good(**self.patch("WRONG"))["status"], 401)
        self.assertEqual(self.good(**self.patch(body="{}x"))["status"], 400)
        self.assertEqual(self.good(**self.patch(method="GET", body="", content_type=""))["status"], 405)
        self.fault({"action": "status", "status": 302, "headers": {"Location": self.base + "/elsewhere"}})
        before = len(self.requests())
        answer = self.good(**self.patch())
        self.assertEqual(answer["status"], 302)
        self.assertEqual(len(self.requests()), before + 1)
        self.fault({"action": "status", "status": 503, "headers": {"Retry-After": "7"}})
        self.assertIn("retry-after: 7\n", self.good(**self.patch())["headers"])

    def test_methods_without_a_body(self):
        answers = self.run_steps(*({"do": "http", "connection": "BASIC", "method": method, "path": PATH}
                                   for method in ("GET", "HEAD", "DELETE", "POST")))
        self.assertTrue(all(one["ok"] for one in answers), answers)
        records = {one["method"]: one for one in self.requests()}
        self.assertEqual(set(records), {"GET", "HEAD", "DELETE", "POST"})
        self.assertEqual(records["POST"]["headers"].get("content-length"), "0")
        for record in records.values():
            self.assertNotIn("content-type", record["headers"])

    def test_what_is_refused_before_anything_is_sent(self):
        for change in ({"method": "get"}, {"method": "GE T"}, {"method": ""}, {"method": "CONNECT"},
                       {"path": "rest"}, {"path": ""}, {"path": "/a b"}, {"path": "/a\r\nX: y"}, {"path": "/ä"},
                       {"content_type": "a\r\nX: y"}):
            self.bad("invalid", **self.patch(**change))
        self.bad("limit", **self.patch(path="/" + "a" * 16384))
        self.assertEqual(self.requests(), [])

    def test_answers_at_the_limit(self):
        for size in (LIMIT, LIMIT + 1):
            # The stand-in's administration refuses bodies that large: the answer comes from a file.
            peer = self.serve(size)
            self.connections["BIG"] = {"type": "rest", "url": peer.url, "tls": "none", "auth": "none"}
            step = {"do": "http", "connection": "BIG", "method": "GET", "path": "/"}
            if size == LIMIT:
                self.assertEqual(self.good(**step)["body_size"], LIMIT)
            else:
                self.bad("limit", "8388608", **step)

    def test_header_fields_at_the_limit(self):
        def answer(size):
            self.fault({"action": "status", "status": 200, "headers": {"X": "y" * size}})
            return self.patch()
        room = HTTP_HEADERS_SIZE_MAX - len(self.good(**answer(1))["headers"])
        self.assertEqual(len(self.good(**answer(1 + room))["headers"]), HTTP_HEADERS_SIZE_MAX)
        self.bad("unknown", "65536", **answer(2 + room))

    def serve(self, size):
        class Big(HttpPeer):
            def handle(self, request):
                return Answer(200, b"x" * size)
        peer = Big(self.path(f"big{size}"))
        self.addCleanup(peer.close)
        return peer

    def test_lost_answers(self):
        warm = self.patch(method="GET", body="", content_type="")
        without_body = self.patch(method="DELETE", body="", content_type="")
        for steps in ([self.patch()], [warm, self.patch()], [without_body], [warm, without_body]):
            self.fault({"match": {"method": steps[-1]["method"]}, "action": "drop_reply"})
            before = len(self.requests())
            answer = self.run_steps(*steps)[-1]
            self.assertEqual((answer["ok"], answer["kind"]), (False, "unknown"), answer)
            self.assertEqual(len(self.requests()), before + len(steps), "sent once")
        self.fault({"match": {"method": "PATCH"}, "action": "delay", "seconds": 10})
        self.connect("BASIC", auth="basic", user="integration", password={"env": "WEB_SECRET"},
                     request_timeout_s=1)
        self.bad("timeout", **self.patch())

    ODD_ANSWERS = {
        "a coding that is another": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n{}garbage",
        "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\nConnection: close\r\n\r\n{}",
        "no HTTP": b"garbage\r\n\r\n",
        "another version of HTTP": b"HTTP/1.7 200\r\n\r\n",
        "a newer version of HTTP": b"HTTP/3 200\r\n\r\n",
        "a long field": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200000 + b"\r\n\r\n",
        "many fields": b"HTTP/1.1 200 OK\r\n" + b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 9000 + b"\r\n",
        "a long body": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"a" * (LIMIT + 1),
        "a chunk without a size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    }

    def test_answers_that_cannot_be_read(self):
        """What libcurl makes of them differs; that the peer may have acted does not."""
        for what, answer in self.ODD_ANSWERS.items():
            for method in ("PATCH", "POST", "DELETE"):
                with self.subTest(what, method=method):
                    peer = ScriptedHttp(answer)
                    self.connections["ODD"] = {"type": "rest", "url": peer.url, "tls": "none", "auth": "none"}
                    body = {} if method == "DELETE" else {"content_type": "application/json", "body": BODY}
                    failed = self.bad("unknown", "whether it took effect is not known", do="http",
                                      connection="ODD", method=method, path="/", **body)
                    peer.close()
                    self.assertEqual(peer.count, 1)
                    self.assertTrue(method == "DELETE" or failed["retry"] == RETRY_NEVER, failed)
            with self.subTest(what, method="GET"):
                peer = ScriptedHttp(answer)
                self.connections["ODD"]["url"] = peer.url
                failed = self.step(do="http", connection="ODD", method="GET", path="/")
                peer.close()
                self.assertIn(failed["kind"], ("broken", "limit", "unavailable"), failed)
                self.assertNotIn("libcurl was built", failed["message"])
                self.assertNotIn("give the host more memory", failed["message"])

    def test_what_was_not_sent_is_not_in_doubt(self):
        """The name, the connection, and a handshake with one that speaks no TLS."""
        plain = ScriptedHttp(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.addCleanup(plain.close)
        for url in ("http://no-such-host.invalid", "http://127.0.0.1:1", plain.url.replace("http:", "https:")):
            with self.subTest(url):
                self.connections["GONE"] = {"type": "rest", "url": url, "auth": "none", "connect_timeout_s": 2,
                                            **({"tls": "none"} if url.startswith("http:") else {})}
                failed = self.step(do="http", connection="GONE", method="POST", path="/", body=BODY,
                                   content_type="application/json")
                self.assertNotEqual(failed["kind"], "unknown", failed)
                self.assertGreater(failed["retry"], RETRY_NEVER, failed)
        self.assertEqual(plain.count, 0)

    def test_nobody_listens(self):
        self.connections["GONE"] = {"type": "rest", "url": "http://127.0.0.1:1", "tls": "none", "auth": "none"}
        self.bad("unavailable", "cannot connect", do="http", connection="GONE", method="GET", path="/")
        self.connections["GONE"]["url"] = "http://no-such-host.invalid"
        self.bad("unavailable", "resolve", do="http", connection="GONE", method="GET", path="/")


class OAuth(RestTest):
    def tokens(self):
        return [one for one in self.requests() if one["path"] == "/oauth/token"]

    def test_one_token_for_many_requests(self):
        answers = self.run_steps(*[self.patch("OAUTH")] * 5)
        self.assertEqual([one["status"] for one in answers], [200] * 5)
        self.assertEqual(len(self.tokens()), 1)
        self.assertEqual(self.tokens()[0]["form"], {"grant_type": "client_credentials", "scope": "a b"})
        self.assertEqual(self.requests()[-1]["security"], "bearer")

    def test_a_token_that_ended_is_renewed_once(self):
        self.fault({"match": {"method": "PATCH"}, "skip": 1, "action": "status", "status": 401})
        answers = self.run_steps(*[self.patch("OAUTH")] * 3)
        self.assertEqual([one["status"] for one in answers], [200] * 3)
        self.assertEqual(len(self.tokens()), 2)
        admin(self.peer, "DELETE", "/_faults")
        self.fault({"match": {"method": "PATCH"}, "times": 0, "action": "status", "status": 401})
        self.assertEqual(self.step(**self.patch("OAUTH"))["status"], 401)
        self.assertEqual(len(self.tokens()), 4)

    def test_secret_in_the_form_where_basic_is_refused(self):
        self.fault({"match": {"path_regex": "token"}, "action": "status", "status": 401,
                    "body": {"error": "invalid_client"}})
        self.assertEqual(self.good(**self.patch("OAUTH"))["status"], 200)
        self.assertEqual(self.tokens()[-1]["form"]["client_id"], "client:1")

    def test_a_token_service_that_answers_keeps_no_circuit_closed(self):
        """Where each request fetches a token of its own: what is away is the target."""
        token = json.dumps({"access_token": "t", "token_type": "Bearer", "expires_in": 0}).encode()
        service = ScriptedHttp(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(token), token))
        self.addCleanup(service.close)
        self.connect("OAUTH", url="http://127.0.0.1:1", auth="oauth2_client_credentials", token_url=service.url,
                     client_id="c", client_secret={"env": "WEB_SECRET"}, retry={"circuit_failures": 3})
        answers = self.run_steps(*[self.patch("OAUTH")] * 5)
        self.assertEqual(["cannot connect" in one["message"] for one in answers], [True] * 3 + [False] * 2, answers)
        self.assertEqual(["'OAUTH': not tried" in one["message"] for one in answers], [False] * 3 + [True] * 2)

    def test_a_token_service_that_is_away_is_left_alone_by_itself(self):
        self.connect("OAUTH", auth="oauth2_client_credentials", token_url="http://127.0.0.1:1/t",
                     client_id="c", client_secret={"env": "WEB_SECRET"}, retry={"circuit_failures": 3})
        answers = self.run_steps(*[self.patch("OAUTH")] * 5)
        self.assertIn("'OAUTH (token service)': cannot connect", answers[2]["message"])
        self.assertIn("'OAUTH (token service)': not tried", answers[3]["message"])

    def test_refused_clients_and_strange_answers(self):
        self.environment["OTHER"] = "wrong-secret"
        self.connections["OAUTH"]["client_secret"] = {"env": "OTHER"}
        self.bad("denied", "invalid_client", "client secret", **self.patch("OAUTH"))
        self.connections["OAUTH"]["client_secret"] = {"env": "WEB_SECRET"}
        for body, kind in (("<html>", "broken"), ("{}", "broken"), ('{"access_token":"a b"}', "broken"),
                           ('{"access_token":"a","token_type":"mac"}', "unsupported")):
            self.fault({"match": {"path_regex": "token"}, "action": "status", "status": 200, "body": body})
            self.bad(kind, **self.patch("OAUTH"))
        for size, kind in ((OAUTH_ANSWER_SIZE_MAX, "broken"), (OAUTH_ANSWER_SIZE_MAX + 1, "limit")):
            self.fault({"match": {"path_regex": "token"}, "action": "status", "status": 200,
                        "body": "{}".ljust(size)})
            self.bad(kind, **self.patch("OAUTH"))
        self.fault({"match": {"path_regex": "token"}, "action": "status", "status": 503})
        self.bad("unavailable", "token_url", **self.patch("OAUTH"))
        self.connections["OAUTH"]["client_secret"] = {"env": "NOT_SET"}
        answer = self.step(**self.patch("OAUTH"))
        self.assertIn("NOT_SET", answer["message"])


class Attachments(RestTest):
    def setUp(self):
        super().setUp()
        self.collector = Collector(self.path("collector"))
        self.addCleanup(self.collector.close)
        self.connections["CHILD"] = {"type": "rest", "url": self.collector.url, "tls": "none", "auth": "none",
                                     "request_timeout_s": 5}

    def send(self, data, name="C1 ä\".csv"):
        return {"do": "http", "connection": "CHILD", "method": "POST", "path": "/child", "body": '{"a":"ü"}',
                "content_type": "application/json", "attachment_name": name,
                "source": {"local": self.path("source", data)}}

    def received(self):
        record = self.collector.records.read()[-1]
        with open(os.path.join(self.collector.root, "body"), "rb") as file:
            body = file.read()
        head = f"Content-Type: {record['headers']['content-type']}\r\n\r\n".encode()
        return record, email.message_from_bytes(head + body, policy=email.policy.HTTP)

    def test_parts(self):
        for data in (b"", b"line\r\n--\r\n", os.urandom(3 * MIB)):
            answer = self.good(**self.send(data))
            self.assertEqual(answer["status"], 202)
            self.assertIn("x-mixed-case: Value\n", answer["headers"])
            record, message = self.received()
            self.assertEqual(message.get_content_type(), "multipart/mixed")
            first, second = message.iter_parts()
            self.assertEqual(json.loads(first.get_payload(decode=True)), {"a": "ü"})
            self.assertEqual(first.get_content_type(), "application/json")
            self.assertEqual(second.get_payload(decode=True), data)
            name = "filename*=UTF-8''C1%20%C3%A4%22.csv"
            self.assertIn(name, raw_header(second, "content-disposition"))
            self.assertNotIn("transfer-encoding", record["headers"])

    def test_a_file_of_unknown_size(self):
        for data in (b"", b"x", os.urandom(3 * MIB)):
            step = self.send(data)
            path = step["source"]["local"]
            for told in ({}, {"size": len(data)}):
                self.good(**{**step, "source": {"stream": path, **told}})
                record, message = self.received()
                _, second = message.iter_parts()
                self.assertEqual(second.get_payload(decode=True), data)
                self.assertEqual(record["headers"].get("transfer-encoding"), None if told else "chunked")
                self.assertEqual(second.get("content-length"), str(len(data)) if told else None)

    def test_a_file_that_is_cut(self):
        step = self.send(os.urandom(3 * MIB))
        for cut_at in (0, 1, 3 * MIB):
            source = {"stream": step["source"]["local"], "cut_at": cut_at}
            self.assertEqual(self.step(**{**step, "source": source})["kind"], "broken")

    def test_names_that_would_break_a_header(self):
        for name in ("a\r\nX: y", "", "n" * 1025):
            self.bad("invalid", "name", **self.send(b"x", name))
        self.assertEqual(self.collector.records.read(), [])

    def test_a_source_that_vanished(self):
        step = self.send(b"x")
        os.unlink(step["source"]["local"])
        self.assertFalse(self.step(**step)["ok"])
        self.assertEqual(self.collector.records.read(), [])


class Tls(RestTest):
    def secure(self, kind):
        authority = Authority(self.path("tls"))
        server = CcsPeer(self.path("secure-" + kind), "--tls", *authority.server(kind))
        self.addCleanup(server.stop)
        self.connections["TLS"] = {"type": "rest", "url": f"https://127.0.0.1:{server.port}", "auth": "none",
                                   "ca": authority.path}
        return authority

    def test_certificates(self):
        step = {"do": "http", "connection": "TLS", "method": "GET", "path": "/"}
        self.secure("good")
        self.assertEqual(self.good(**step)["status"], 401)
        del self.connections["TLS"]["ca"]
        self.bad("denied", "certificate", **step)
        self.connections["TLS"]["tls_verify"] = False
        self.assertEqual(self.good(**step)["status"], 401)
        for kind in ("expired", "wrong_host", "self_signed", "not_yet_valid"):
            self.secure(kind)
            self.bad("denied", "certificate", **step)


if __name__ == "__main__":
    main()

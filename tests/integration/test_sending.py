# SPDX-License-Identifier: MIT
"""Requests whose first write has to wait or fails: what left is in doubt, what did not is asked again."""
import os
import sys
from unittest import mock

from web_common import WebTest, main

from scripted_http import ScriptedHttp

RETRY_NEVER = 0  # enum error_retry
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
FAIL_SEND = None


class KeptOnce(ScriptedHttp):
    """The first connection serves one request, reads another, and is closed; the others serve one."""

    def serve(self, connection):
        if self.count > 0:
            super().serve(connection)
            return
        with connection:
            self.read(connection)
            self.count += 1
            connection.sendall(OK)
            is_another = self.read(connection)  # the others count meanwhile
            self.count += is_another


class NoExpectations(ScriptedHttp):
    """Refuses a request that asks before it sends its body, and takes one that does not; is_deaf: or closes."""

    def __init__(self, is_deaf=False):
        super().__init__()
        self.refused, self.is_deaf = 0, is_deaf

    def serve(self, connection):
        with connection:
            while head := self.read_head(connection):
                if b"expect: 100-continue" in head.lower():
                    self.refused += 1
                    connection.sendall(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
                    continue
                data = b""
                while not data.endswith(b"--\r\n"):
                    data += connection.recv(65536)
                self.count += 1
                self.size = len(data)
                if self.is_deaf:
                    return
                connection.sendall(OK)

    @staticmethod
    def read_head(connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return b""
            head += byte
        return head


class Sending(WebTest):
    def post(self, peer, at, times=1, is_broken=False):
        broken = {"FAIL_SEND_BROKEN": "1"} if is_broken else {}
        self.addCleanup(peer.close)
        self.connections["ODD"] = {"type": "rest", "url": peer.url, "tls": "none", "auth": "none"}
        request = {"do": "http", "connection": "ODD", "method": "POST", "path": "/", "body": '{"number": 4711}',
                   "content_type": "application/json"}
        with mock.patch.dict(os.environ, {"LD_PRELOAD": FAIL_SEND, "FAIL_SEND_AT": str(at), **broken}):
            return self.run_steps(*[request] * times)

    def check_unknown(self, failed):
        self.assertEqual((failed["kind"], failed["retry"]), ("unknown", RETRY_NEVER), failed)
        self.assertIn("whether it took effect is not known", failed["message"])

    def test_a_request_that_left_late_and_has_no_answer(self):
        for answer in (b"", b"SSH-2.0-x\r\n", OK[:-1]):
            with self.subTest(answer):
                peer = ScriptedHttp(answer)
                failed, = self.post(peer, 1)
                self.check_unknown(failed)
                self.assertEqual(peer.count, 1)

    def test_a_request_that_left_late_and_has_an_answer(self):
        peer = ScriptedHttp(OK)
        done, = self.post(peer, 1)
        self.assertEqual((done["status"], peer.count), (200, 1))

    def test_it_is_not_sent_again_where_a_kept_connection_ends(self):
        peer = KeptOnce(OK)
        done, failed = self.post(peer, 2, times=2)
        self.assertEqual(done["status"], 200)
        self.check_unknown(failed)
        self.assertEqual(peer.count, 2)

    def send_large(self, peer):
        self.addCleanup(peer.close)
        self.connections["ODD"] = {"type": "rest", "url": peer.url, "tls": "none", "auth": "none"}
        with open(self.path("large.csv"), "wb") as file:
            file.truncate(3 << 20)
        done, = self.run_steps({
            "do": "http", "connection": "ODD", "method": "POST", "path": "/", "body": '{"number": 4711}',
            "content_type": "application/json", "attachment_name": "large.csv",
            "source": {"local": self.path("large.csv")}})
        self.assertEqual((peer.refused, peer.count), (1, 1), done)
        self.assertGreater(peer.size, 3 << 20)
        return done

    def test_a_refused_expectation_is_no_doubt(self):
        self.assertEqual(self.send_large(NoExpectations())["status"], 200)

    def test_what_left_behind_a_refused_expectation_is(self):
        self.check_unknown(self.send_large(NoExpectations(is_deaf=True)))

    def test_what_never_left_is_not_in_doubt(self):
        peer = ScriptedHttp(OK)
        failed, = self.post(peer, 1, is_broken=True)
        self.assertEqual(failed["kind"], "unavailable", failed)
        self.assertGreater(failed["retry"], RETRY_NEVER)
        self.assertEqual(peer.count, 0)

    def test_what_never_left_on_a_kept_connection_is_sent_on_another(self):
        peer = KeptOnce(OK)
        answers = self.post(peer, 2, times=2, is_broken=True)
        self.assertEqual([one["status"] for one in answers], [200, 200], answers)
        self.assertEqual(peer.count, 2)


if __name__ == "__main__":
    FAIL_SEND = os.path.abspath(sys.argv.pop(2))
    main()

# SPDX-License-Identifier: MIT
"""The proxy that reads along passes FTP, FTPS, SFTP's bytes, HTTPS and SMTP unchanged, hears what is said, and
puts each fault where it was told to."""
import json
import os
import smtplib
import ssl
import time
import unittest
import urllib.request

from peers_common import PeerTest, curl

import certificates
import servers
from common import PeerProcess
from talk_proxy import Fault, TalkProxy

DATA = b"0123456789" * 20000
TIMED_OUT = 28  # of curl


class Ftp(PeerTest):
    def setUp(self):
        super().setUp()
        self.authority = certificates.Authority(self.path("certificates"))
        self.certificate, self.key = self.authority.server()

    def put_before(self, tls):
        options = {"tls": tls, "certificate": self.certificate, "key": self.key} if tls != "none" else {}
        self.server = self.start(servers.Pyftpdlib, self.path(tls), **options)
        proxy = TalkProxy("ftp", self.server.port, self.certificate, self.key)
        self.addCleanup(proxy.close)
        return proxy

    def curl(self, proxy, *options, tls=False):
        secure = ["--ssl-reqd", "--tls-max", "1.2", "--cacert", self.authority.path] if tls else []
        return curl(*secure, *options, "-u", f"{self.server.user}:{self.server.password}",
                    f"ftp://localhost:{proxy.port}/file")[0]

    def send(self, proxy, *options, tls=False):
        return self.curl(proxy, *options, "-T", self.path("sent", DATA), tls=tls)

    def take(self, proxy, *options, tls=False):
        return self.curl(proxy, *options, "-o", self.path("back"), tls=tls)

    def stored(self):
        path = os.path.join(self.server.home, "file")
        return self.read(path) if os.path.exists(path) else None

    def test_passes_and_hears(self):
        for tls in (False, True):
            proxy = self.put_before("explicit" if tls else "none")
            for options in ((), ("--disable-epsv",)):
                with self.subTest(tls=tls, options=options):
                    proxy.begin()
                    self.assertEqual(self.send(proxy, *options, tls=tls), 0)
                    self.assertEqual(self.take(proxy, *options, tls=tls), 0)
                    self.assertEqual(self.read(self.path("back")), DATA)
                    for entry in (["STOR data", 1, len(DATA)], ["RETR data", 1, len(DATA)], ["STOR", 1, 0],
                                  ["PASV" if options else "EPSV", 2, 0]):
                        self.assertIn(entry, proxy.heard)
                    self.assertEqual(["PROT", 1, 0] in proxy.heard, tls)
            self.server.stop()

    def test_a_request_or_its_answer_is_lost(self):
        proxy = self.put_before("explicit")
        for action, arrives in (("cut", False), ("reset", False), ("lose", True), ("break", True)):
            with self.subTest(action=action):
                lost = []
                proxy.on_lost = lambda: lost.append(self.stored())
                proxy.begin([Fault("STOR", 1, action)])
                self.assertNotEqual(self.send(proxy, tls=True), 0)
                self.assertEqual([fault.action for fault in proxy.struck], [action])
                self.assertEqual(lost, [DATA] if arrives else [])
                if arrives:
                    os.unlink(os.path.join(self.server.home, "file"))

    def test_an_answer_is_late_or_never_given(self):
        proxy = self.put_before("none")
        proxy.begin([Fault("STOR", 1, "delay")])
        self.assertEqual(self.send(proxy), 0)
        proxy.begin([Fault("STOR", 1, "stall")])
        self.assertEqual(self.send(proxy, "--max-time", "2"), TIMED_OUT)
        self.assertEqual(self.stored(), DATA)

    def test_a_body_ends_where_it_was_told_to(self):
        proxy = self.put_before("explicit")
        for action in ("cut", "reset"):
            proxy.begin([Fault("STOR data", 1, action, 50000)])
            self.send(proxy, tls=True)
            self.assertEqual(len(proxy.struck), 1)
            self.assertLessEqual(len(self.stored()), 50000)
        self.assertEqual(self.send(proxy, tls=True), 0)
        for action in ("cut", "reset"):
            proxy.begin([Fault("RETR data", 1, action, 50000)])
            self.assertNotEqual(self.take(proxy, tls=True), 0)
            self.assertEqual(len(proxy.struck), 1)

    def test_the_control_connection_ends_while_a_body_goes_on(self):
        proxy = self.put_before("explicit")
        proxy.begin([Fault("STOR data", 1, "lose", 1000)])
        self.assertNotEqual(self.send(proxy, tls=True), 0)
        self.assertEqual([fault.action for fault in proxy.struck], ["lose"])
        self.assertNotIn(["QUIT", 1, 0], proxy.heard)

    def test_each_fault_strikes_once(self):
        proxy = self.put_before("none")
        proxy.begin([Fault("STOR", 1, "lose"), Fault("STOR", 2, "lose")])
        self.assertEqual([self.send(proxy) == 0 for _ in range(3)], [False, False, True])


class Others(PeerTest):
    def setUp(self):
        super().setUp()
        self.authority = certificates.Authority(self.path("certificates"))
        self.certificate, self.key = self.authority.server()
        self.context = ssl.create_default_context(cafile=self.authority.path)

    def proxy(self, kind, port):
        proxy = TalkProxy(kind, port, self.certificate, self.key)
        self.addCleanup(proxy.close)
        return proxy

    def test_sftp(self):
        server = self.start(servers.Sshd, self.path("sshd"))
        proxy = self.proxy("sftp", server.port)
        sent = self.path("sent", DATA)

        def put(name):
            return curl("-k", "-u", f"{server.user}:", "--key", server.client_key, "-T", sent,
                        f"sftp://127.0.0.1:{proxy.port}{server.remote_home}/{name}")[0]

        self.assertEqual(put("whole"), 0)
        (what, number, size), = proxy.heard
        self.assertEqual((what, number), ("bytes", 1))
        self.assertGreater(size, len(DATA))
        proxy.begin([Fault("bytes", 1, "cut", size // 2), Fault("bytes", 2, "lose", size - 1)])
        self.assertNotEqual(put("cut"), 0)
        self.assertLess(os.path.getsize(os.path.join(server.home, "cut")), len(DATA))
        put("lost")
        self.assertEqual(self.read(os.path.join(server.home, "lost")), DATA)
        deadline = time.monotonic() + 10
        while len(proxy.struck) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # its last bytes may be on their way when curl is done
        self.assertEqual([fault.action for fault in proxy.struck], ["cut", "lose"])

    def test_http(self):
        facts = certificates.oci_key(self.path("certificates"))
        server = self.start(PeerProcess, "object_storage.py", "--root", self.path("storage"), "--bucket", "b",
                            "--key", f"{facts['key_id']}={facts['public']}", "--tls", self.certificate, self.key)
        proxy = self.proxy("http", server.port)

        def call(method, name, data=None):
            request = urllib.request.Request(f"https://localhost:{proxy.port}/_objects/b{name and '/' + name}", data,
                                             method=method)
            with urllib.request.urlopen(request, timeout=20, context=self.context) as answer:
                return answer.read()

        call("PUT", "one", DATA)
        self.assertEqual(call("GET", "one"), DATA)
        self.assertEqual(sorted(size for what, _, size in proxy.heard if size == len(DATA)), [len(DATA)] * 2)
        proxy.begin([Fault("PUT /_objects/b/two", 1, "lose"), Fault("PUT /_objects/b/three body", 1, "cut", 100)])
        for name in ("two", "three"):
            self.assertRaises(OSError, call, "PUT", name, DATA)
        self.assertEqual([one["name"] for one in json.loads(call("GET", ""))], ["one", "two"])

    def test_smtp(self):
        server = self.start(servers.SmtpSink, self.path("sink"), tls="explicit", certificate=self.certificate,
                            key=self.key, auth=True, user="mailer", password="secret")
        proxy = self.proxy("smtp", server.port)

        def send():
            with smtplib.SMTP("localhost", proxy.port, timeout=20) as session:
                session.starttls(context=self.context)
                session.login("mailer", "secret")
                session.sendmail("a@b.example", ["c@d.example"], "Subject: x\r\n\r\nQUIT\r\n..\r\n")

        send()
        self.assertIn(["end of mail", 1, 0], proxy.heard)
        self.assertIn(["QUIT", 1, 0], proxy.heard)
        self.assertNotIn(["QUIT", 2, 0], proxy.heard)
        proxy.begin([Fault("end of mail", 1, "lose")])
        self.assertRaises((smtplib.SMTPException, OSError), send)
        with open(server.messages, encoding="utf-8") as lines:
            self.assertEqual(len(list(lines)), 2)


if __name__ == "__main__":
    unittest.main()

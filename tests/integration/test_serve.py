# SPDX-License-Identifier: MIT
"""The server through the real program: acknowledgements reach CCS, everything else is refused.

Usage: test_serve.py SLUICE [unittest arguments]
"""
import base64
import concurrent.futures
import http.client
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import certificates  # noqa: E402
import dacs  # noqa: E402
from common import PeerProcess, read_records  # noqa: E402

SLUICE = None
ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
FLOWS = "/ic/api/integration/v1/flows/"
ADDRESS = FLOWS + f"oracleutilities/{ACK}/1.0/sendCustomerSyncAck"
SYNC_FTP = "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
USER, PASSWORD = "dacs", "dacs-serve-secret"
READER, READER_PASSWORD = "reader", "reader-serve-secret"
CCS_PASSWORD = "ccs-rest-secret"
INPUT_BYTES = 262144  # of the acknowledgement's manifest
FIRST_ANSWER_SECONDS = 2  # generous: the machine may be busy; the measured figure is in docs/serve.md


def credentials(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


DACS = credentials(USER, PASSWORD)


class ServeTest(unittest.TestCase):
    settings = {"stop_s": 20}
    tls = False

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-serve-")
        cls.addClassCleanup(folder.cleanup)
        cls.workspace = os.path.join(folder.name, "workspace")
        cls.authority = certificates.Authority(os.path.join(folder.name, "certificates"))
        cls.certificate, cls.key = cls.authority.server()
        cls.ccs_root = os.path.join(folder.name, "ccs")
        os.mkdir(cls.ccs_root)
        cls.ccs = PeerProcess("ccs.py", "--root", cls.ccs_root, "--user", "integration",
                              "--password", CCS_PASSWORD)
        cls.addClassCleanup(cls.ccs.stop)
        cls.command("init", cls.workspace)
        server = dict(cls.settings)
        if cls.tls:
            server.update(certificate=cls.certificate, key=cls.key)
        cls.write("sluice.json", {"server": server})
        cls.point_at(cls.ccs.port)
        for user, password, role in ((USER, PASSWORD, "invoke"), (READER, READER_PASSWORD, "monitor")):
            cls.command("-w", cls.workspace, "users", "add", user, "--role", role, text=password + "\n")

    @classmethod
    def command(cls, *arguments, text=""):
        done = subprocess.run([SLUICE, *arguments], input=text, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    @classmethod
    def write(cls, name, value):
        with open(os.path.join(cls.workspace, name), "w", encoding="utf-8") as file:
            json.dump(value, file)

    @classmethod
    def point_at(cls, port):
        cls.write("connections.json", {
            "OU REST CCS for CCS-DACS": {
                "type": "rest", "url": f"http://127.0.0.1:{port}/ouaf", "auth": "basic",
                "user": "integration", "password": {"env": "CCS_PASSWORD"}, "retry": {"pause_s": 0.02}},
            "OU REST OIC for CCS-DACS": {"type": "local"}})

    def setUp(self):
        self.start()

    def start(self):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [SLUICE, "-w", self.workspace, "serve", "--listen", "127.0.0.1:0"],
            env={**os.environ, "CCS_PASSWORD": CCS_PASSWORD}, stdout=subprocess.PIPE,
            stderr=self.log, text=True)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        line = self.process.stdout.readline()
        self.assertRegex(line, r"^listening on https?://127\.0\.0\.1:\d+$", self.said())
        self.port = int(line.rpartition(":")[2])

    def said(self):
        self.log.seek(0)
        text = self.log.read()
        for secret in (PASSWORD, READER_PASSWORD, CCS_PASSWORD):
            self.assertNotIn(secret, text)
        return text

    def check_said(self, text):
        """Lines of the log are written a moment after they arise."""
        deadline = time.monotonic() + 20
        while text not in self.said():
            self.assertLess(time.monotonic(), deadline, self.said())
            time.sleep(0.01)

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method="POST", path=ADDRESS, body=None, headers=DACS, connection=None):
        connection = connection or self.connect()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    def ack(self, number, positive=True, **options):
        body = dacs.acknowledgement(f"{number:014d}", positive)
        return self.ask(body=json.dumps(body), **options)

    def received(self):
        return read_records(os.path.join(self.ccs_root, "received.jsonl"))

    def check_fault(self, body, status):
        fault = json.loads(body)
        self.assertEqual(fault["o:errorCode"], str(status), fault)
        self.assertIn("title", fault["o:errorDetails"][0])
        return fault["detail"]


class Answers(ServeTest):
    def test_acknowledgements_reach_ccs(self):
        for number, positive in ((11, True), (12, False)):
            with self.subTest(positive=positive):
                before = len(self.received())
                status, headers, body = self.ack(number, positive)
                self.assertEqual(status, 200, body)
                self.assertIn("sluice-instance", headers)
                (record,) = self.received()[before:]
                self.assertIn(f"{number:014d}", json.dumps(record))
                self.assertIn(json.dumps(not positive), json.dumps(record).lower())

    def test_every_form_of_the_version(self):
        for adapter in ("rest", "oracleutilities"):
            for version in ("1.0", "1.23", "01.23.3000"):
                path = FLOWS + f"{adapter}/{ACK}/{version}/sendCustomerSyncAck"
                status, _, body = self.ack(21, path=path)
                self.assertEqual(status, 200, (path, body))

    def test_what_is_not_there(self):
        for path in (FLOWS + f"rest/{ACK}/2.0/sendCustomerSyncAck", FLOWS + f"rest/{ACK}/1.0/other",
                     FLOWS + f"rest/{SYNC_FTP}/1.0/", FLOWS + "rest/NONE/1.0/x", "/nothing", "/%00"):
            with self.subTest(path=path):
                status, _, body = self.ack(1, path=path)
                self.assertEqual(status, 404, body)
                self.assertIn(f"{ACK}/01.23.3000/sendCustomerSyncAck", self.check_fault(body, 404))

    def test_methods(self):
        status, headers, body = self.ask("PUT", body="{}")
        self.assertEqual((status, headers.get("allow")), (405, "POST"), body)
        status, headers, _ = self.ask("POST", "/health/live", body="")
        self.assertEqual((status, headers.get("allow")), (405, "GET, HEAD"))

    def test_bad_messages(self):
        status, _, body = self.ask(body="{not json")
        self.assertEqual(status, 400, body)
        self.check_fault(body, 400)
        status, _, body = self.ask(body="x", headers={**DACS, "Content-Type": "multipart/mixed"})
        self.assertEqual(status, 415, body)

    def test_the_largest_message_and_one_byte_more(self):
        small = json.dumps(dacs.acknowledgement(f"{31:014d}"))
        status, _, body = self.ask(body=small + " " * (INPUT_BYTES - len(small)))
        self.assertEqual(status, 200, body)
        status, _, body = self.ask(body=small + " " * (INPUT_BYTES + 1 - len(small)))
        self.assertEqual(status, 413, body)
        self.check_fault(body, 413)

    def test_health_is_open(self):
        for name, word in (("live", b"live"), ("ready", b"ready")):
            status, _, body = self.ask("GET", f"/health/{name}", headers={})
            self.assertEqual(status, 200)
            self.assertIn(word, body)

    def test_first_answer_comes_soon(self):
        self.ask("GET", "/health/ready", headers={})
        taken = time.monotonic() - self.begun
        print(f"first answer {taken * 1000:.0f} ms after start")
        self.assertLess(taken, FIRST_ANSWER_SECONDS)


class Callers(ServeTest):
    def test_who_may_call(self):
        for headers, expected in (({}, 401), (credentials(USER, "wrong-password"), 401),
                                  (credentials("nobody", PASSWORD), 401),
                                  ({"Authorization": "Bearer x"}, 401),
                                  (credentials(READER, READER_PASSWORD), 403), (DACS, 200)):
            with self.subTest(headers=headers):
                status, fields, body = self.ack(41, headers=headers)
                self.assertEqual(status, expected, body)
                self.assertEqual("www-authenticate" in fields, expected == 401)
        self.check_said("refused: wrong user or password: user 'nobody' at 127.0.0.1")

    def test_guessing_is_locked_out(self):
        seen = [self.ack(42, headers=credentials("guess", f"guess-{i}"))[0] for i in range(6)]
        self.assertEqual(seen, [401] * 5 + [429])
        self.assertEqual(self.ack(42)[0], 200)  # another account at the same address

    def test_the_file_of_users_is_private(self):
        path = os.path.join(self.workspace, "users.json")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding="utf-8") as file:
            self.assertNotIn(PASSWORD, file.read())


class Connections(ServeTest):
    def test_keep_alive(self):
        connection = self.connect()
        connection.connect()
        first = connection.sock
        for number in range(3):
            status, _, body = self.ack(50 + number, connection=connection)
            self.assertEqual(status, 200, body)
            self.assertIs(connection.sock, first)

    def test_a_hundred_at_once(self):
        before = len(self.received())
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda i: self.ack(1000 + i), range(100)))
        self.assertEqual([status for status, _, _ in answers], [200] * 100)
        instances = {headers["sluice-instance"] for _, headers, _ in answers}
        self.assertEqual(len(instances), 100)
        text = json.dumps(self.received()[before:])
        self.assertEqual([i for i in range(100) if f"{1000 + i:014d}" not in text], [])


class Stops(ServeTest):
    """A CCS that answers when it is told to holds a request while the server is asked to stop."""

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.addCleanup(self.listener.close)
        self.point_at(self.listener.getsockname()[1])
        super().setUp()

    def test_what_runs_is_finished(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.ack, 61)
            peer, _ = self.listener.accept()
            self.addCleanup(peer.close)
            peer.settimeout(30)
            peer.recv(65536)
            self.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                except OSError:
                    break
            else:
                self.fail("the server still accepts")
            self.assertIsNone(self.process.poll())
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
            status, headers, body = answer.result(timeout=30)
        self.assertEqual(status, 200, body)
        self.assertEqual(headers.get("connection", "").lower(), "close")
        self.assertEqual(self.process.wait(timeout=30), 0, self.said())

    def test_an_idle_server_stops_at_once(self):
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(timeout=10), 0, self.said())


class Tls(ServeTest):
    tls = True

    def connect(self, **options):
        context = ssl.create_default_context(cafile=self.authority.path)
        for name, value in options.items():
            setattr(context, name, value)
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=context)
        self.addCleanup(connection.close)
        return connection

    def served(self):
        connection = self.connect()
        connection.connect()
        self.assertIn(connection.sock.version(), ("TLSv1.2", "TLSv1.3"))
        return connection.sock.getpeercert()["serialNumber"]

    def test_acknowledgement_and_new_certificate(self):
        self.assertEqual(self.ack(71)[0], 200)
        before = self.served()
        certificate, key = self.authority.server()
        for source, target in ((certificate, self.certificate), (key, self.key)):
            with open(source, "rb") as file:
                data = file.read()
            with open(target, "wb") as file:
                file.write(data)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while self.served() == before:
            self.assertLess(time.monotonic(), deadline, self.said())
        self.assertEqual(self.ack(72)[0], 200)

    def test_old_versions_are_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.connect(minimum_version=ssl.TLSVersion.TLSv1,
                         maximum_version=ssl.TLSVersion.TLSv1_1).connect()


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

# SPDX-License-Identifier: MIT
"""The real servers start, know a right from a wrong password, and carry files, seen with curl.

A server that this machine or account cannot start is a skipped test that says why.
"""
import email
import os
import subprocess
import time
import unittest

from peers_common import PEERS, PeerTest, curl

import servers
from common import read_records

DATA = bytes(range(256)) * 4096
WRONG_LOGIN, TLS_REFUSED = 67, 60
MESSAGE = b"From: sluice@a.test\r\nTo: b@b.test\r\nSubject: test\r\n\r\nbody\r\n.\r\nafter the dot\r\n"


def setUpModule():
    subprocess.run([os.path.join(PEERS, "install_peers.sh")], check=True, timeout=300)


class ServerTest(PeerTest):
    def launch(self, kind, name="server", **options):
        if os.geteuid() != 0 and kind in (servers.Vsftpd, servers.PureFtpd, servers.Exim):
            self.skipTest(f"{kind.kind} needs root")
        return self.start(kind, self.path(name), **options)

    def wait_for_file(self, folder):
        """The first file that appears in a folder; gives up after 20 s."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if os.path.isdir(folder) and os.listdir(folder):
                return os.path.join(folder, os.listdir(folder)[0])
            time.sleep(0.02)
        return self.fail(f"nothing arrives in {folder}")


class Ftp(ServerTest):
    def exercise(self, kind, tls="none", **options):
        server = self.launch(kind, tls=tls, **options)
        scheme = "ftps" if tls == "implicit" else "ftp"
        url = f"{scheme}://127.0.0.1:{server.port}/"
        # Debian's libcurl loses the end of uploads over TLS 1.3.
        secure = [] if tls == "none" else ["--ssl-reqd", "--cacert", server.ca, "--tls-max", "1.2"]
        login = ["-u", f"{server.user}:{server.password}", *secure]
        source = self.path("source", DATA)
        status, _ = curl(*login, "-T", source, url + "in.tmp", "-Q", "-RNFR in.tmp", "-Q", "-RNTO in.csv")
        self.assertEqual(status, 0)
        self.assertEqual(self.read(os.path.join(server.home, "in.csv")), DATA)
        with open(os.path.join(server.home, "out.csv"), "wb") as file:
            file.write(DATA[::-1])
        status, listing = curl(*login, "-l", url)
        names = set(listing.decode().split()) - {".", ".."}  # Pure-FTPd lists those two as well
        self.assertEqual((status, names), (0, {"in.csv", "out.csv"}))
        self.assertEqual(curl(*login, url + "out.csv"), (0, DATA[::-1]))
        self.assertEqual(curl("-u", f"{server.user}:wrong", *secure, url)[0], WRONG_LOGIN)
        if tls != "none":
            untrusting = ["-u", login[1], "--ssl-reqd", url]
            self.assertEqual(curl(*untrusting)[0], TLS_REFUSED)
        if tls == "explicit":
            self.assertNotEqual(curl("-u", login[1], url)[0], 0, "plain login must be refused")
        self.assertTrue(os.path.exists(server.log) or kind is servers.PureFtpd)
        server.stop()
        self.assertEqual(server.process.returncode, 0)
        self.assertEqual(curl(url)[0], 7)

    def test_vsftpd(self):
        self.exercise(servers.Vsftpd)

    def test_vsftpd_explicit_with_session_reuse(self):
        self.exercise(servers.Vsftpd, "explicit", require_ssl_reuse=True)

    def test_vsftpd_implicit(self):
        self.exercise(servers.Vsftpd, "implicit")

    def test_proftpd(self):
        self.exercise(servers.Proftpd)

    def test_proftpd_explicit(self):
        self.exercise(servers.Proftpd, "explicit")

    def test_proftpd_implicit(self):
        self.exercise(servers.Proftpd, "implicit")

    def test_pure_ftpd(self):
        self.exercise(servers.PureFtpd)

    def test_pure_ftpd_explicit(self):
        self.exercise(servers.PureFtpd, "explicit")

    def test_pyftpdlib(self):
        self.exercise(servers.Pyftpdlib)

    def test_pyftpdlib_explicit(self):
        self.exercise(servers.Pyftpdlib, "explicit")

    def test_pyftpdlib_implicit(self):
        self.exercise(servers.Pyftpdlib, "implicit")

    def test_mlsd(self):
        for kind, offered in ((servers.Vsftpd, False), (servers.Proftpd, True), (servers.Pyftpdlib, True)):
            with self.subTest(kind.kind):
                server = self.launch(kind, kind.kind)
                status, _ = curl("-u", f"{server.user}:{server.password}", "-X", "MLSD",
                                 f"ftp://127.0.0.1:{server.port}/")
                self.assertEqual(status == 0, offered)


class Ssh(ServerTest):
    def test_sftp(self):
        server = self.launch(servers.Sshd)
        url = f"sftp://127.0.0.1:{server.port}/~/"
        key = ["--hostpubsha256", server.host_key_sha256, "--key", server.client_key, "--pubkey",
               server.client_key_public, "-u", server.user + ":"]
        status, _ = curl(*key, "-T", self.path("source", DATA), url + "in.csv")
        if not server.password_login and b"account is locked" in self.read(server.log):
            self.skipTest("the account that runs this test is locked for sshd")
        self.assertEqual(status, 0)
        self.assertEqual(self.read(os.path.join(server.home, "in.csv")), DATA)
        self.assertEqual(curl(*key, url + "in.csv"), (0, DATA))
        key[1] = "A" * 43
        self.assertEqual(curl(*key, url)[0], 60)
        if server.password_login:
            host = ["--hostpubsha256", server.host_key_sha256]
            self.assertEqual(curl(*host, "-u", f"{server.user}:{server.password}", url + "in.csv"), (0, DATA))
            self.assertEqual(curl(*host, "-u", f"{server.user}:wrong", url)[0], WRONG_LOGIN)


class Mail(ServerTest):
    def send(self, server, *more, sender="sluice@a.test", to="b@b.test"):
        scheme = "smtps" if server.tls == "implicit" else "smtp"
        secure = [] if server.tls == "none" else ["--ssl-reqd", "--cacert", server.ca]
        return curl(*secure, "--mail-from", sender, "--mail-rcpt", to, "-T", self.path("mail", MESSAGE),
                    *more, f"{scheme}://127.0.0.1:{server.port}/client.test")[0]

    def test_exim(self):
        for tls in ("none", "explicit", "implicit"):
            with self.subTest(tls):
                server = self.launch(servers.Exim, tls=tls, home=self.path(tls))
                login = ("-u", f"{server.user}:{server.password}")
                self.assertEqual(self.send(server), 55, "without login")
                self.assertEqual(self.send(server, "-u", f"{server.user}:wrong"), WRONG_LOGIN)
                self.assertEqual(self.send(server, *login, to="b@bad.test"), 55)
                self.assertEqual(self.send(server, *login), 0)
                message = self.read(self.wait_for_file(os.path.join(server.maildir, "new")))
                parsed = email.message_from_bytes(message)
                self.assertEqual((parsed["Subject"], parsed["Envelope-To"]), ("test", "b@b.test"))
                self.assertIn(b"body\n.\nafter the dot", message)
                server.stop()

    def sink(self, **options):
        return self.start(servers.SmtpSink, self.path("sink"), **options)

    def test_sink_keeps_messages(self):
        for tls in ("none", "explicit", "implicit"):
            with self.subTest(tls):
                server = self.start(servers.SmtpSink, self.path(tls), tls=tls, auth=tls != "none")
                if tls != "none":
                    self.assertNotEqual(self.send(server), 0, "without login")
                    self.assertEqual(self.send(server, "-u", "mailer:wrong"), WRONG_LOGIN)
                    self.assertEqual(self.send(server, "-u", "mailer:mail-password"), 0)
                else:
                    self.assertEqual(self.send(server), 0)
                record, = read_records(server.messages)
                self.assertEqual((record["from"], record["to"], record["tls"]),
                                 ("sluice@a.test", ["b@b.test"], tls != "none"))
                self.assertEqual(self.read(os.path.join(server.root, record["file"])), MESSAGE)

    def test_sink_faults(self):
        server = self.sink(temporary_first=1, refuse_recipient="x@b.test", defer_recipient="y@b.test")
        self.assertEqual([self.send(server), self.send(server)], [55, 0])
        self.assertEqual([self.send(server, to="x@b.test"), self.send(server, to="y@b.test")], [55, 55])
        replies = [one["reply"][:3] for one in read_records(self.path("sink/refusals.jsonl"))]
        self.assertEqual(replies, ["451", "550", "450"])

    def test_sink_drops(self):
        server = self.sink(drop_after_data=1)
        self.assertNotEqual(self.send(server), 0)
        self.assertEqual(read_records(server.messages), [])
        self.assertEqual(self.send(server), 0)
        server.stop()
        server = self.sink(lose_reply=1)
        self.assertNotEqual(self.send(server), 0)
        self.assertEqual(len(read_records(server.messages)), 2)


class LifeCycle(ServerTest):
    def test_ends_with_its_standard_input(self):
        server = self.launch(servers.Proftpd)
        server.process.stdin.close()
        self.assertEqual(server.process.wait(20), 0)

    @staticmethod
    def lives(pid):
        """A process that has ended and waits to be reaped by whoever is its parent now does not."""
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def test_dies_with_its_parent(self):
        code = ("import sys, os; sys.path.insert(0, sys.argv[1]); import servers\n"
                "s = servers.Proftpd(sys.argv[2]); print(s.port, s.pid, flush=True); os.kill(os.getpid(), 9)")
        done = subprocess.run(["/usr/bin/python3", "-c", code, PEERS, self.path("server")], check=False,
                              stdout=subprocess.PIPE, timeout=60)
        port, pid = map(int, done.stdout.split())
        deadline = time.monotonic() + 60
        while self.lives(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(self.lives(pid))
        self.assertEqual(curl(f"ftp://127.0.0.1:{port}/")[0], 7)

    def test_fixed_port_that_is_taken(self):
        server = self.launch(servers.Pyftpdlib)
        with self.assertRaises(RuntimeError):
            servers.Proftpd(self.path("other"), port=server.port)


if __name__ == "__main__":
    unittest.main()

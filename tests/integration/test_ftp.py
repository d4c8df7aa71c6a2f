# SPDX-License-Identifier: MIT
"""FTP, FTPS and SFTP content servers through the transfer layer, judged by the servers' own files.

  test_ftp.py DRIVER [unittest arguments]     DRIVER: the built transfer_driver
"""
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

from peers_common import PEERS, PeerTest

import servers
from certificates import Authority
from fault_proxy import FaultProxyPeer

DRIVER = None
CONFLICT_NUMBER_MAX = 99  # content_server.h
DATA = bytes(range(256)) * 4096 + b"tail"
LARGE = DATA * 5  # several times the ring between source and sink
GROWING, UNSAFE, TOO_LARGE = 1, 2, 4
FTP_KINDS = (servers.Vsftpd, servers.Proftpd, servers.PureFtpd, servers.Pyftpdlib)


def setUpModule():
    subprocess.run([os.path.join(PEERS, "install_peers.sh")], check=True, timeout=300)


class TransferTest(PeerTest):
    """Servers by name, the driver, and files on the servers' disks."""

    def setUp(self):
        super().setUp()
        self.count = 0

    def launch(self, kind, **options):
        if os.geteuid() != 0 and kind is servers.PureFtpd:
            self.skipTest(f"{kind.kind} needs root")
        self.count += 1
        server = self.start(kind, self.path(f"server{self.count}"), **options)
        os.makedirs(os.path.join(server.home, "in dir"), exist_ok=True)
        if os.geteuid() == 0:
            os.chown(os.path.join(server.home, "in dir"), 65534, 65534)
        return server

    @staticmethod
    def connection(server, **changes):
        made = {"type": "ftp", "host": "127.0.0.1", "port": server.port, "user": server.user,
                "password_env": "TEST_PASSWORD", "stall_timeout_ms": 10000}
        tls = getattr(server, "tls", "none")
        if tls != "none":
            made.update(tls=tls, ca_file=server.ca)
        made.update(changes)
        return made

    def run_driver(self, connections, *steps, call=None, password="ftp-password", timeout=60, **variables):
        document = {"connections": connections, "call": call or {}, "steps": steps}
        done = subprocess.run([DRIVER], input=json.dumps(document).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, check=False,
                              env={**os.environ, "TEST_PASSWORD": password, **variables})
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertNotIn(password.encode(), done.stdout)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(answers), len(steps), done.stderr.decode())
        return answers

    def put(self, server, name, data=b"x", age=100, folder=""):
        path = os.path.join(os.fsencode(server.home), os.fsencode(folder), os.fsencode(name))
        with open(path, "wb") as file:
            file.write(data)
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def names(self, server, folder=""):
        return sorted(one for one in os.listdir(os.path.join(server.home, folder))
                      if os.path.isfile(os.path.join(server.home, folder, one)))

    def content(self, server, name, folder=""):
        return self.read(os.path.join(server.home, folder, name))

    def succeeds(self, answer):
        self.assertTrue(answer["ok"], answer)
        return answer

    def fails(self, answer, kind, *words):
        self.assertFalse(answer["ok"], answer)
        self.assertEqual(answer["kind"], kind, answer)
        for word in words:
            self.assertIn(word, answer["message"])
        return answer

    def stores(self, answer, server, name, data, folder=""):
        self.succeeds(answer)
        self.assertEqual((answer["name"], answer["size"]), (name, len(data)))
        stored = self.content(server, name, folder)
        self.assertEqual(hashlib.md5(stored).digest(), hashlib.md5(data).digest())
        self.assertEqual([one for one in self.names(server, folder) if one.endswith(".part")], [])


def local(path):
    return {"local": path}


class Exercise:
    """The same expectations for every server; a subclass names the kind and its TLS mode."""
    kind, tls, options, changes = None, "none", {}, {}
    folder_is_absolute = True

    def setUp(self):
        super().setUp()
        options = dict(self.options)
        if self.tls != "none":
            options["tls"] = self.tls
        self.server = self.launch(self.kind, **options)
        self.a = self.make(self.server)

    def make(self, server, **changes):
        return self.connection(server, **{**self.changes, **changes})

    def folder(self, name=""):
        """Absolute path of a folder of the home as the server calls it."""
        return os.path.join(self.server.remote_home, name)

    def drive(self, *steps, **options):
        return self.run_driver({"A": self.a}, *[{"connection": "A", **step} for step in steps], **options)

    def test_lists_files_only_and_by_prefix(self):
        self.put(self.server, "C1-a.csv", b"12345", folder="in dir")
        self.put(self.server, "C1-b c.csv.zip", b"", folder="in dir")
        self.put(self.server, "other", b"1", folder="in dir")
        os.mkdir(os.path.join(self.server.home, "in dir", "C1-folder"))
        os.symlink("other", os.path.join(self.server.home, "in dir", "C1-link"))
        by_prefix, everything, relative = self.drive(
            {"do": "list", "folder": self.folder("in dir"), "prefix": "C1-"},
            {"do": "list", "folder": self.folder("in dir")},
            {"do": "list", "folder": "in dir/", "prefix": "other"})
        found = {one["name"]: one["size"] for one in self.succeeds(by_prefix)["files"]}
        found.pop("C1-link", None)  # ProFTPD and pyftpdlib present a link as the file it leads to
        self.assertEqual(found, {"C1-a.csv": 5, "C1-b c.csv.zip": 0})
        self.assertEqual(by_prefix["unparsed"], 0)
        modified = by_prefix["files"][0]["modified"]
        self.assertLess(abs(time.time() - 100 - modified), 100)
        self.assertIn("other", [one["name"] for one in self.succeeds(everything)["files"]])
        self.assertEqual([one["name"] for one in self.succeeds(relative)["files"]], ["other"])

    def test_folder_empty_or_missing(self):
        gone = os.path.join(self.server.home, "gone")
        empty, missing, again = self.drive(
            {"do": "list", "folder": self.folder("in dir")},
            {"do": "list", "folder": self.folder("missing")},
            {"do": "list", "folder": self.folder("in dir")})
        self.assertEqual(self.succeeds(empty)["count"], 0)
        self.fails(missing, "not_found", "'A'", "missing", "directory")
        self.succeeds(again)
        self.assertFalse(os.path.exists(gone))

    def test_stores_in_every_size_and_from_one_server_to_itself(self):
        sizes = {"empty.csv": b"", "one.csv": b"1", "ring.csv": (DATA * 2)[:1 << 20],
                 "ring+1.csv": (DATA * 2)[:(1 << 20) + 1], "large.csv": LARGE}
        steps = [{"do": "store", "folder": self.folder("in dir"), "name": name,
                  "source": local(self.path(name, data))} for name, data in sizes.items()]
        steps += [{"do": "store", "folder": self.folder(), "name": name, "source":
                   {"connection": "A", "folder": self.folder("in dir"), "name": name}} for name in sizes]
        answers = self.drive(*steps)
        for answer, (name, data) in zip(answers, sizes.items()):
            self.stores(answer, self.server, name, data, "in dir")
        for answer, (name, data) in zip(answers[len(sizes):], sizes.items()):
            self.stores(answer, self.server, name, data)
        self.assertGreater(answers[-1]["progress_calls"], 0)
        self.assertEqual(answers[-1]["bytes"], len(LARGE))

    def test_opens_and_renames(self):
        self.put(self.server, "C1.csv", b"1234567", age=1000, folder="in dir")
        folder = self.folder("in dir")
        opened, missing, renamed, gone, folder_gone = self.drive(
            {"do": "open", "folder": folder, "name": "C1.csv"},
            {"do": "open", "folder": folder, "name": "C2.csv"},
            {"do": "rename", "folder": folder, "from": "C1.csv", "to": "SENT-C1.csv"},
            {"do": "rename", "folder": folder, "from": "C1.csv", "to": "SENT-C1.csv"},
            {"do": "open", "folder": self.folder("missing"), "name": "C2.csv"})
        self.assertEqual(self.succeeds(opened)["size"], 7)
        self.assertLess(abs(time.time() - 1000 - opened["modified"]), 60)
        self.fails(missing, "not_found", "C2.csv")
        self.assertEqual(self.succeeds(renamed)["name"], "SENT-C1.csv")
        self.fails(gone, "not_found", "C1.csv")
        self.fails(folder_gone, "not_found")
        self.assertEqual(self.names(self.server, "in dir"), ["SENT-C1.csv"])

    def test_conflicts(self):
        def run(policy, size):
            self.a = self.make(self.server, on_conflict=policy)
            self.put(self.server, "t.csv", b"old", folder="in dir")
            self.put(self.server, "SENT-s.csv", b"old", folder="in dir")
            self.put(self.server, "s.csv", b"source", folder="in dir")
            source = local(self.path("new", DATA[:size]))
            folder = self.folder("in dir")
            return self.drive({"do": "store", "folder": folder, "name": "t.csv", "source": source},
                              {"do": "rename", "folder": folder, "from": "s.csv", "to": "SENT-s.csv"})
        for size in (10, len(DATA)):
            store, rename = run("fail", size)
            self.fails(store, "exists", "t.csv", "on_conflict")
            self.fails(rename, "exists", "SENT-s.csv")
            self.assertEqual(self.content(self.server, "t.csv", "in dir"), b"old")
            self.assertEqual(self.names(self.server, "in dir"), ["SENT-s.csv", "s.csv", "t.csv"])
        store, rename = run("overwrite", 10)
        self.stores(store, self.server, "t.csv", DATA[:10], "in dir")
        self.assertEqual(self.succeeds(rename)["name"], "SENT-s.csv")
        self.assertEqual(self.content(self.server, "SENT-s.csv", "in dir"), b"source")
        self.put(self.server, "t-2.csv", b"old", folder="in dir")
        store, rename = run("number", 10)
        self.stores(store, self.server, "t-3.csv", DATA[:10], "in dir")
        self.assertEqual(self.succeeds(rename)["name"], "SENT-s-2.csv")
        self.assertEqual(self.content(self.server, "t.csv", "in dir"), b"old")
        for taken in range(3, CONFLICT_NUMBER_MAX):
            self.put(self.server, f"t-{taken}.csv", b"old", folder="in dir")
        store, _ = run("number", 10)
        self.stores(store, self.server, f"t-{CONFLICT_NUMBER_MAX}.csv", DATA[:10], "in dir")
        store, _ = run("number", 10)
        self.fails(store, "exists", "t.csv")

    def test_odd_names_pass_unchanged(self):
        names = ["a b.csv", "100%.csv", "a;type=a.csv", "-rf.csv", "q\"'.csv", "a*?[x].csv", "ä.csv",
                 "#1?.csv", "n" * 255]
        answers = self.drive(
            *[{"do": "store", "folder": self.folder("in dir"), "name": name,
               "source": local(self.path("small", b"12"))} for name in names],
            {"do": "list", "folder": self.folder("in dir")})
        for answer, name in zip(answers, names):
            self.stores(answer, self.server, name, b"12", "in dir")
        listed = answers[len(names)]
        self.assertEqual({one["name"] for one in listed["files"]}, set(names))
        self.assertEqual({one["flags"] for one in listed["files"]}, {0})
        for answer in self.drive(*[{"do": "rename", "folder": self.folder("in dir"), "from": name,
                                    "to": "S" + name[:254]} for name in names]):
            self.succeeds(answer)
        self.assertEqual(set(self.names(self.server, "in dir")), {"S" + name[:254] for name in names})

    def test_unsafe_names_go_nowhere(self):
        self.put(self.server, "C1-ok.csv")
        for name, kind in (("../C1-ok.csv", "invalid"), ("a\\b", "invalid"), ("..", "invalid"),
                           ("", "invalid"), ("a\r\nDELE C1-ok.csv", "invalid"),
                           ("a\nDELE C1-ok.csv", "invalid"), ("a\x7f", "invalid"), ("n" * 256, "limit")):
            answers = self.drive(
                {"do": "open", "folder": self.folder(), "name": name},
                {"do": "store", "folder": self.folder(), "name": name, "source": local(self.path("x", b"1"))},
                {"do": "rename", "folder": self.folder(), "from": "C1-ok.csv", "to": name})
            for answer in answers:
                self.fails(answer, kind)
        for folder in ("/a/../..", "..", "a\nDELE C1-ok.csv"):
            for action in ("list", "open"):
                self.fails(self.drive({"do": action, "folder": folder, "name": "C1-ok.csv"})[0], "invalid")
        self.assertEqual(self.names(self.server), ["C1-ok.csv"])

    def test_hostile_names_in_a_listing_are_flagged_or_counted(self):
        self.put(self.server, b"C1-bad\tname.csv")
        self.put(self.server, b"C1-bad\\name.csv")
        self.put(self.server, b"C1-good.csv")
        answer = self.succeeds(self.drive({"do": "list", "folder": self.folder(), "prefix": "C1-"})[0])
        safe = [one["name"] for one in answer["files"] if not one["flags"] & UNSAFE]
        self.assertEqual(safe, ["C1-good.csv"])

    def test_growing_file_is_flagged(self):
        self.a = self.make(self.server, settle_ms=1500)
        self.put(self.server, "C1-still.csv", b"x" * 100)
        path = self.put(self.server, "C1-growing.csv", b"x", age=0)
        stop = threading.Event()

        def grow():
            with open(path, "ab", buffering=0) as file:
                while not stop.wait(0.05):
                    file.write(b"more")
        writer = threading.Thread(target=grow)
        writer.start()
        try:
            answers = self.drive({"do": "list", "folder": self.folder(), "prefix": "C1-"},
                                 {"do": "list", "folder": self.folder(), "prefix": "nothing"})
        finally:
            stop.set()
            writer.join()
        flags = {one["name"]: one["flags"] for one in self.succeeds(answers[0])["files"]}
        self.assertEqual(flags, {"C1-growing.csv": GROWING, "C1-still.csv": 0})
        self.assertLess(answers[1]["us"], 1500000)  # nothing matches: no second look

    def test_source_that_changed_since_it_was_opened(self):
        path = self.put(self.server, "grows.csv", b"x" * 100)
        done = []
        folder = self.folder()
        runner = threading.Thread(target=lambda: done.extend(self.drive(
            {"do": "store", "folder": folder, "name": "t.csv", "sleep_before_s": 2,
             "source": {"connection": "A", "folder": folder, "name": "grows.csv"}})))
        runner.start()
        time.sleep(1)
        with open(path, "ab") as file:
            file.write(b"more")
        runner.join()
        self.fails(done[0], "broken", "grows.csv")
        self.assertEqual(self.names(self.server), ["grows.csv"])

    def test_size_limit_at_n_and_n_plus_1(self):
        self.put(self.server, "a10.csv", b"0123456789")
        self.put(self.server, "a11.csv", b"0123456789a")
        folder = self.folder()
        listed, fits, large = self.drive(
            {"do": "list", "folder": folder, "prefix": "a1"},
            *[{"do": "store", "folder": self.folder("in dir"), "name": name,
               "source": {"connection": "A", "folder": folder, "name": name}}
              for name in ("a10.csv", "a11.csv")], call={"file_size_max": 10})
        self.assertEqual([one["flags"] for one in listed["files"]], [0, TOO_LARGE])
        self.stores(fits, self.server, "a10.csv", b"0123456789", "in dir")
        self.fails(large, "limit", "a11.csv", "file_size_max")
        self.assertEqual(self.names(self.server, "in dir"), ["a10.csv"])

    def test_wrong_password(self):
        answer = self.drive({"do": "list", "folder": self.folder()}, password="wrong-password")[0]
        self.fails(answer, "denied", "connection 'A'", "user and password")

    def test_stop_in_the_middle_leaves_nothing(self):
        source = self.path("large", LARGE)
        step = {"do": "store", "folder": self.folder(), "name": "t.csv", "source": local(source)}
        self.fails(self.drive(step, call={"stop_after_bytes": 1})[0], "cancelled")
        self.assertEqual(self.names(self.server), [])

    def test_deadline_is_over(self):
        step = {"do": "store", "folder": self.folder(), "name": "t.csv", "sleep_before_s": 1,
                "source": local(self.path("small", b"1"))}
        self.fails(self.drive(step, call={"deadline_ms": 500})[0], "timeout")
        self.assertEqual(self.names(self.server), [])

    def test_folder_that_may_not_be_written(self):
        folder = os.path.join(self.server.home, "locked")
        os.mkdir(folder, 0o555)
        if os.geteuid() != 0:
            self.skipTest("the server runs as the account that owns the folder")
        answers = self.drive({"do": "store", "folder": self.folder("locked"), "name": "t.csv",
                              "source": local(self.path("small", b"1"))})
        self.fails(answers[0], "denied", "'A'", "writable")
        self.put(self.server, "locked/s.csv")
        answer = self.drive({"do": "rename", "folder": self.folder("locked"), "from": "s.csv",
                             "to": "SENT-s.csv"})[0]
        self.assertFalse(answer["ok"])
        self.assertIn(answer["kind"], ("refused", "denied"), answer)
        self.assertEqual(self.names(self.server, "locked"), ["s.csv"])


class FtpExercise(Exercise):
    def test_pasv_server_behind_ipv4_and_login_in_one_session(self):
        """Many operations on one pooled handle log in once."""
        for number in range(5):
            self.put(self.server, f"C1-{number}.csv", b"x" * number)
        folder = self.folder()
        b = self.make(self.server)
        answer = self.run_driver({"A": self.a, "B": b}, {
            "do": "move", "connection": "B", "folder": self.folder("in dir"),
            "source": {"connection": "A", "folder": folder, "prefix": "C1-"}})[0]
        self.assertEqual(self.succeeds(answer)["count"], 5)
        self.assertEqual(self.names(self.server), [f"SENT-C1-{number}.csv" for number in range(5)])
        self.assertEqual(self.names(self.server, "in dir"), [f"C1-{number}.csv" for number in range(5)])

    def test_latin1_names(self):
        if self.kind is servers.Pyftpdlib:
            self.skipTest("pyftpdlib shows such a name as '?' and cannot open it")
        self.put(self.server, b"C1-\xe4.csv", b"12")
        answers = self.drive({"do": "list", "folder": self.folder(), "prefix": "C1-"},
                             {"do": "open", "folder": self.folder(), "name_hex": b"C1-\xe4.csv".hex()})
        self.assertEqual([one["name_hex"] for one in self.succeeds(answers[0])["files"]],
                         [b"C1-\xe4.csv".hex()])
        self.assertEqual(self.succeeds(answers[1])["size"], 2)


class TlsExercise(FtpExercise):
    tls = "explicit"

    def test_certificate_of_another_authority_is_refused(self):
        other = Authority(self.path("other"), "Another authority")
        self.a["ca_file"] = other.path
        self.fails(self.drive({"do": "list", "folder": self.folder()})[0], "denied", "certificate", "\"ca\"")
        self.a["tls_verify"] = False
        self.succeeds(self.drive({"do": "list", "folder": self.folder()})[0])

    def test_ca_file_that_is_missing(self):
        self.a["ca_file"] = self.path("missing.pem")
        self.fails(self.drive({"do": "list", "folder": self.folder()})[0], "invalid", "file in \"ca\"")

    def test_plain_connection_to_a_server_that_demands_tls(self):
        if self.tls != "explicit":
            self.skipTest("the port speaks nothing but TLS")
        self.a.update(tls="none")
        self.fails(self.drive({"do": "list", "folder": self.folder()})[0], "denied", "'A'", "TLS")

    def test_many_uploads_arrive_whole(self):
        source = self.path("m", (DATA * 2)[:1 << 20])
        steps = [{"do": "store", "folder": self.folder("in dir"), "name": f"f{number}.csv",
                  "source": local(source)} for number in range(20)]
        for number, answer in enumerate(self.drive(*steps)):
            self.stores(answer, self.server, f"f{number}.csv", (DATA * 2)[:1 << 20], "in dir")


class VsftpdPlain(FtpExercise, TransferTest):
    kind = servers.Vsftpd


class ProftpdPlain(FtpExercise, TransferTest):
    kind = servers.Proftpd


class PureFtpdPlain(FtpExercise, TransferTest):
    kind = servers.PureFtpd


class PyftpdlibPlain(FtpExercise, TransferTest):
    kind = servers.Pyftpdlib


class VsftpdTls(TlsExercise, TransferTest):
    kind, options = servers.Vsftpd, {"require_ssl_reuse": True}


class ProftpdTls(TlsExercise, TransferTest):
    kind, options = servers.Proftpd, {"require_ssl_reuse": True}


class PureFtpdTls(TlsExercise, TransferTest):
    kind = servers.PureFtpd


class PyftpdlibTls(TlsExercise, TransferTest):
    kind = servers.Pyftpdlib


class VsftpdImplicitTls(TlsExercise, TransferTest):
    kind, tls, options = servers.Vsftpd, "implicit", {"require_ssl_reuse": True}


class Sftp(Exercise, TransferTest):
    kind = servers.Sshd

    def make(self, server, **changes):
        made = super().make(server, type="sftp", known_hosts=server.known_hosts, **changes)
        if not server.password_login:
            made.update(private_key=server.client_key)
        return made

    def only_key(self, path, **changes):
        self.a.pop("password_env")
        self.a.update(private_key=path, **changes)
        return self.drive({"do": "list", "folder": self.folder()}, TEST_PHRASE="correct horse",
                          TEST_WRONG="wrong horse")[0]

    def test_wrong_password(self):
        if not self.server.password_login:
            self.skipTest("the server checks passwords only when started by root")
        super().test_wrong_password()

    def test_private_key(self):
        self.succeeds(self.only_key(self.server.client_key))

    def test_private_key_with_pass_phrase(self):
        self.succeeds(self.only_key(self.server.client_key_locked, passphrase_env="TEST_PHRASE"))

    def test_private_key_with_wrong_pass_phrase(self):
        answer = self.only_key(self.server.client_key_locked, passphrase_env="TEST_WRONG")
        self.fails(answer, "denied", "'A'")
        self.assertNotIn("wrong horse", answer["message"])

    def test_private_key_that_is_missing(self):
        self.fails(self.only_key(self.path("no_key")), "invalid", "private_key")

    def test_host_key_must_be_known(self):
        for content, word in ((b"", "not in the file"), (self.other_key(), "differs")):
            with self.subTest(word):
                self.a["known_hosts"] = self.path("known", content)
                self.fails(self.drive({"do": "list", "folder": self.folder()})[0], "denied", "host key", word)
        self.a["known_hosts"] = self.path("missing")
        self.fails(self.drive({"do": "list", "folder": self.folder()})[0], "invalid", "known_hosts")
        del self.a["known_hosts"]
        self.fails(self.drive({"do": "list", "folder": self.folder()})[0], "invalid", "known_hosts")
        self.assertNotIn(b"session opened", self.read(self.server.log))

    def other_key(self):
        host, kind, _ = self.read(self.server.known_hosts).split()[:3]
        other = self.path("other_key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
        return b" ".join([host, kind, self.read(other + ".pub").split()[1]]) + b"\n"

    def test_from_ftp_and_back(self):
        ftp = self.launch(servers.Vsftpd)
        self.put(ftp, "C1-a.csv", LARGE)
        there, back = self.run_driver(
            {"A": self.a, "F": self.connection(ftp)},
            {"do": "store", "connection": "A", "folder": self.folder(), "name": "C1-a.csv",
             "source": {"connection": "F", "folder": "/", "name": "C1-a.csv"}},
            {"do": "store", "connection": "F", "folder": "/", "name": "C1-b.csv",
             "source": {"connection": "A", "folder": self.folder(), "name": "C1-a.csv"}})
        self.stores(there, self.server, "C1-a.csv", LARGE)
        self.stores(back, ftp, "C1-b.csv", LARGE)


class Faults(TransferTest):
    """Servers and networks that fail in the middle."""

    def test_nobody_listens(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            connection = {"type": "ftp", "host": "127.0.0.1", "port": port, "user": "u"}
            answer = self.run_driver({"A": connection}, {"do": "list", "connection": "A", "folder": "/"})[0]
        self.fails(answer, "unavailable", "cannot connect", "'A'")

    def test_unknown_host(self):
        connection = {"type": "ftp", "host": "nowhere.invalid", "port": 21, "user": "u"}
        answer = self.run_driver({"A": connection}, {"do": "list", "connection": "A", "folder": "/"})[0]
        self.fails(answer, "unavailable", "host name")

    def test_server_that_never_greets(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(5)
            connection = {"type": "ftp", "host": "127.0.0.1", "port": silent.getsockname()[1], "user": "u",
                          "connect_timeout_ms": 1000, "stall_timeout_ms": 1000}
            answer = self.run_driver({"A": connection}, {"do": "list", "connection": "A", "folder": "/"})[0]
        self.assertIn(self.fails(answer, answer["kind"])["kind"], ("unavailable", "timeout"))
        self.assertLess(answer["us"], 5000000)

    def test_tls_demanded_of_a_plain_server(self):
        server = self.launch(servers.Vsftpd)
        answer = self.run_driver({"A": self.connection(server, tls="explicit")},
                                 {"do": "list", "connection": "A", "folder": "/"})[0]
        self.fails(answer, "refused", "TLS")
        self.assertNotIn('"USER', self.read(server.log).decode(errors="replace"))

    def test_every_lost_answer_of_a_move_leaves_the_file_once(self):
        """The answer to the k-th command is lost, for every k: each file is whole or absent."""
        for kind in FTP_KINDS:
            if os.geteuid() != 0 and kind is servers.PureFtpd:
                continue
            with self.subTest(kind.kind):
                server = self.launch(kind)
                for line in range(1, 24):
                    self.lose_answer(server, line)

    def lose_answer(self, server, line):
        proxy = FaultProxyPeer(self.path(f"proxy{self.count}"), server.port,
                               {"action": "drop_answer", "line": line, "connections": [1]})
        try:
            connection = self.connection(server, port=proxy.port, stall_timeout_ms=3000)
            name = f"k{line}.csv"
            source = self.path("lost", DATA)
            answer = self.run_driver({"A": connection}, {
                "do": "store", "connection": "A", "folder": "/", "name": name, "source": local(source)})[0]
        finally:
            proxy.stop()
        stored = name in self.names(server)
        if stored:
            self.assertEqual(self.content(server, name), DATA)
        self.assertEqual(stored, answer["ok"], (line, answer))
        left = [one for one in self.names(server) if one.endswith(".part")]
        self.assertEqual(left, [], (line, answer))

    def test_full_disk(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
            self.skipTest("needs a small file system of its own")
        for kind in FTP_KINDS:
            with self.subTest(kind.kind):
                self.count += 1
                root = self.path(f"full{self.count}")
                home = os.path.join(root, "home")
                os.makedirs(home)
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", home], check=True)
                try:
                    server = kind(root)
                    try:
                        answer = self.run_driver({"A": self.connection(server)}, {
                            "do": "store", "connection": "A", "folder": "/", "name": "t.csv",
                            "source": local(self.path("large", LARGE))})[0]
                        self.assertIn(answer.get("kind"), ("limit", "broken"), answer)
                        self.assertIn("disk", answer["message"])
                        self.assertEqual(self.names(server), [])
                    finally:
                        server.stop()
                finally:
                    subprocess.run(["umount", "-l", home], check=True)


if __name__ == "__main__":
    DRIVER = os.path.realpath(sys.argv.pop(1))
    unittest.main()

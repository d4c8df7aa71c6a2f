# SPDX-License-Identifier: MIT
"""Instances whose process ended: who goes on with them and with which module, what is shown meanwhile,
giving them up; and replay. Usage: test_resume.py SLUICE [unittest arguments]
"""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import FLOW_FTP, SOURCE_FOLDER, TARGET_FOLDER, Landscape  # noqa: E402

SLUICE = None
RUN = ("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
TARGET = "OU FTP DACS for CCS-DACS"
BIG = b"x" * 50_000_000


class ResumeTest(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-resume-")
        cls.addClassCleanup(folder.cleanup)
        cls.land = Landscape(folder.name, SLUICE, settings=cls.settings)
        cls.addClassCleanup(cls.land.stop)
        cls.folder = folder.name

    def setUp(self):
        for server, folder in ((self.land.ccs_ftp, SOURCE_FOLDER), (self.land.dacs_ftp, TARGET_FOLDER)):
            for name in os.listdir(server.home + folder):
                os.unlink(os.path.join(server.home + folder, name))
        self.addCleanup(self.finish)

    def finish(self):
        """Leaves nothing unfinished to the next test."""
        self.land.write_connections(self.land.default_connections(0))
        for row in self.rows():
            if row["state"] == "RECOVERING":
                self.land.sluice("discard", row["id"])

    def rows(self):
        listed = self.land.sluice("instances", "--limit", "1000", "--json", check=True).stdout
        return json.loads(listed)["instances"]

    def shown(self, instance):
        return json.loads(self.land.sluice("show", instance, "--json", check=True).stdout)

    def interrupt(self, how=signal.SIGKILL):
        """A run that is ended while the second of two files is on its way; gives its instance."""
        self.land.put_ccs_ftp("C1-A.csv", b"small")
        self.land.put_ccs_ftp("C1-B.csv", BIG)
        connections = self.land.default_connections(0)
        process = subprocess.Popen(self.land.command(*RUN), env=self.land.environment(), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        target = self.land.dacs_ftp.home + TARGET_FOLDER
        while not ("C1-A.csv" in os.listdir(target) and any(name.endswith(".part") for name in os.listdir(target))):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(how)
        process.communicate(timeout=60)
        return self.rows()[0]["id"]

    def start_server(self):
        server = subprocess.Popen(self.land.command("serve", "--listen", "127.0.0.1:0"),
                                  env=self.land.environment(), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)

    def check_all_across(self):
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": b"small", "C1-B.csv": BIG})
        self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-C1-A.csv", "SENT-C1-B.csv"})

    def point_target_nowhere(self):
        connections = self.land.default_connections(0)
        connections[TARGET]["port"] = 1
        self.land.write_connections(connections)


class Goes(ResumeTest):
    def test_the_next_run_goes_on_first(self):
        instance = self.interrupt()
        self.assertEqual(self.shown(instance)["state"], "RECOVERING")
        done = self.land.sluice(*RUN)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("goes on with flow", done.stderr)
        self.check_all_across()
        row = self.shown(instance)
        self.assertEqual((row["state"], row["files"]["transferred"]), ("COMPLETED", 2))

    def test_an_interrupted_run_goes_on_too(self):
        instance = self.interrupt(signal.SIGINT)
        self.assertEqual(self.shown(instance)["state"], "RECOVERING")
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        self.check_all_across()
        self.assertEqual(self.shown(instance)["state"], "COMPLETED")

    def test_a_server_goes_on_by_itself(self):
        instance = self.interrupt()
        self.start_server()
        deadline = time.monotonic() + 60
        while self.shown(instance)["state"] != "COMPLETED" and time.monotonic() < deadline:
            time.sleep(0.1)
        self.check_all_across()

    def test_the_module_that_began_goes_on(self):
        functions = os.path.join(self.folder, "functions")
        shutil.copytree(os.path.join(HERE, "..", "..", "wasm-out"), functions,
                        ignore=shutil.ignore_patterns("README.md"), dirs_exist_ok=True)
        instance = self.interrupt()
        digest = self.shown(instance)["module_digest"]
        other = os.path.join(functions, "customer_sync_ftp_transfer.wasm")
        with open(other, "ab") as file:
            file.write(bytes([0, 5, 4]) + b"more")  # a custom section: another digest, the same code
        environment = {**self.land.environment(), "SLUICE_FUNCTIONS": functions}
        done = subprocess.run(self.land.command(*RUN), env=environment, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.check_all_across()
        newest = self.rows()[0]
        self.assertNotEqual(newest["module_digest"], digest)
        self.assertEqual(self.shown(instance)["state"], "COMPLETED")


class TwoFlows(ResumeTest):
    """A clone beside its original, over the same folder."""

    settings = {"filters": {"unsigned": "allow"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.land.sluice("clone", FLOW_FTP, "UTIL-OWN", check=True)

    def own(self, prefix="C1-"):
        return self.land.sluice("run", "UTIL-OWN", "--param", "extractedFileNamePrefix=" + prefix)

    def test_what_one_was_interrupted_at_the_other_leaves_alone(self):
        instance = self.interrupt()
        for prefix in ("C1-", "C1-B", "C"):
            done = self.own(prefix)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(f"instance {instance} of flow '{FLOW_FTP}' is at work", done.stdout + done.stderr)
        self.assertEqual(self.own("P-").returncode, 0)
        self.assertEqual(set(self.land.ccs_ftp_files()) & {"C1-B.csv"}, {"C1-B.csv"})
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        self.check_all_across()
        self.assertEqual(self.shown(instance)["state"], "COMPLETED")
        done = self.own()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def stop_outside_the_store(self, process):
        """Not while it writes there, which would keep everybody else from it."""
        for _ in range(1000):
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            with contextlib.closing(sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db"),
                                                    timeout=0, isolation_level=None)) as store:
                try:
                    store.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError:
                    process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
        self.fail("it writes all the time")

    def test_at_the_same_time(self):
        self.land.put_ccs_ftp("C1-A.csv", b"small")
        self.land.put_ccs_ftp("C1-B.csv", BIG)
        with subprocess.Popen(self.land.command(*RUN), env=self.land.environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while "C1-A.csv" not in os.listdir(self.land.dacs_ftp.home + TARGET_FOLDER):
                self.assertIsNone(process.poll())
                time.sleep(0.001)
            self.stop_outside_the_store(process)
            try:
                done = self.own()
            finally:
                process.send_signal(signal.SIGCONT)
            self.assertIn("is at work", done.stdout + done.stderr)
            self.assertEqual(process.wait(60), 0)
        self.check_all_across()


class Waits(ResumeTest):
    def test_an_unreachable_peer_keeps_it_waiting(self):
        instance = self.interrupt()
        self.point_target_nowhere()
        done = self.land.sluice(*RUN)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("is unfinished and cannot go on now", done.stderr)
        self.assertEqual(self.rows()[0]["id"], instance, "no new run begins beside it")
        listed = self.land.sluice("errors", check=True).stdout
        self.assertIn(instance, listed)
        self.assertIn("goes on with it where it was", listed)
        self.land.write_connections(self.land.default_connections(0))
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        self.check_all_across()
        self.assertNotIn(instance, self.land.sluice("errors", check=True).stdout)

    def test_it_can_be_given_up(self):
        instance = self.interrupt()
        self.land.sluice("discard", instance, check=True)
        row = self.shown(instance)
        self.assertEqual((row["state"], row["fault"]["code"]), ("ABORTED", "given_up"))
        self.assertNotEqual(self.land.sluice("discard", instance).returncode, 0)

    def test_a_damaged_journal_makes_it_wait_for_somebody(self):
        instance = self.interrupt()
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            db.execute("UPDATE journal SET result = X'00' WHERE number = 3 AND instance ="
                       " (SELECT number FROM instance WHERE id = ?)", (instance,))
        done = self.land.sluice(*RUN)
        self.assertNotEqual(done.returncode, 0, "nothing is sent twice")
        self.assertIn("record 3 of the journal is damaged", done.stdout + done.stderr)
        row = self.shown(instance)
        self.assertEqual((row["state"], row["fault"]["code"]), ("RECOVERING", "suspended"))
        self.assertIn("damaged", row["fault"]["detail"])
        self.land.sluice("discard", instance, check=True)
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        across = self.land.dacs_ftp_files()  # a temporary file of the one that was given up may be left
        self.assertEqual({name: data for name, data in across.items() if not name.endswith(".part")},
                         {"C1-A.csv": b"small", "C1-B.csv": BIG})

    def test_a_lost_module_ends_it_with_the_reason(self):
        instance = self.interrupt()
        digest = self.shown(instance)["module_digest"]
        os.unlink(os.path.join(self.land.workspace, "state", "modules", digest + ".wasm"))
        self.land.sluice(*RUN)
        row = self.shown(instance)
        self.assertEqual((row["state"], row["fault"]["code"]), ("ABORTED", "interrupted"))
        self.assertIn(digest, row["fault"]["detail"])

    def test_many_are_all_looked_at(self):
        """More than are read at once (STORE_UNFINISHED_MAX); what began them is lost."""
        self.land.sluice("instances", check=True)
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            db.executemany("INSERT INTO instance (id, flow, module_digest, state, owner, process, started_ms,"
                           " durable) VALUES (?, ?, 'lost', 'IN_PROGRESS', 3, 1, 1, 1)",
                           [(f"many-{number}", FLOW_FTP) for number in range(300)])
        self.start_server()
        deadline = time.monotonic() + 60
        while (many := {row["state"] for row in self.rows() if row["id"].startswith("many-")}) != {"ABORTED"}:
            self.assertLess(time.monotonic(), deadline, many)
            time.sleep(0.1)


class Kept(ResumeTest):
    """Modules in the state folder, which only what needs them keeps there."""

    def keep(self, digest, days):
        path = os.path.join(self.land.workspace, "state", "modules", digest + ".wasm")
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(b"of a version that nobody runs any more")
        at = time.time() - days * 86400
        os.utime(path, (at, at))
        return path

    def purge(self, *arguments):
        return json.loads(self.land.sluice("purge", "--json", *arguments, check=True).stdout)["modules"]

    def test_what_an_instance_needs_stays(self):
        instance = self.interrupt()
        needed = self.keep(self.shown(instance)["module_digest"], 900)
        old, young = self.keep("0" * 64, 2), self.keep("1" * 64, 0.9)
        self.assertEqual(self.purge(), 1)
        self.assertEqual([os.path.exists(path) for path in (needed, old, young)], [True, False, True])
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        self.check_all_across()
        self.assertLess(time.time() - os.stat(needed).st_mtime, 600, "the run that came then uses it")

    def test_when_all_are_gone_it_goes_and_comes_again(self):
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        path = self.keep(self.rows()[0]["module_digest"], 2)
        self.assertEqual(self.purge(), 0)
        self.purge("--older-than", "0")
        self.assertEqual((self.rows(), os.path.exists(path)), ([], False))
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        self.assertTrue(os.path.exists(path))

    def test_a_server_looks_when_it_starts(self):
        self.land.sluice(*RUN)
        old = self.keep("2" * 64, 2)
        self.start_server()
        deadline = time.monotonic() + 60
        while os.path.exists(old):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class Replay(ResumeTest):
    def replay(self, *arguments):
        done = self.land.sluice("replay", *arguments, "--json")
        return done.returncode, json.loads(done.stdout)

    def test_a_finished_instance_asks_for_the_same(self):
        self.land.put_ccs_ftp("C1-A.csv", b"one")
        self.land.put_ccs_ftp("C1-B.csv", b"two")
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        instance = self.rows()[0]["id"]
        before = self.shown(instance)
        mails = len(self.land.mails())
        self.land.write_connections({})
        status, report = self.replay(instance)
        self.assertEqual((status, report["same"], report["state"]), (0, True, "COMPLETED"), report)
        self.assertGreater(report["calls"], 10)
        self.assertEqual(report["answered"], report["calls"])
        self.land.write_connections(self.land.default_connections(0))
        self.assertEqual(self.shown(instance), before, "nothing is recorded")
        self.assertEqual(len(self.land.mails()), mails, "nobody is told")

    def test_a_child_can_be_replayed_too(self):
        self.land.put_ccs_ftp("C1-A.csv", b"one")
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        everything = json.loads(self.land.sluice("instances", "--all", "--json", check=True).stdout)
        child = next(row["id"] for row in everything["instances"] if row["parent"])
        status, report = self.replay(child)
        self.assertEqual(status, 0, report)

    def test_another_module_shows_the_first_difference(self):
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        instance = self.rows()[0]["id"]
        modules = os.path.join(HERE, "..", "..", "wasm-out")
        done = self.land.sluice("replay", instance, "--with",
                                os.path.join(modules, "customer_sync_os_transfer.wasm"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("is flow 'OUTL-BA-CCS_DACS_CUST_SYNC_OS'", done.stderr)
        status, report = self.replay(instance, "--with", self.changed_module(modules))
        self.assertEqual((status, report["same"]), (1, False))
        self.assertRegex(report["difference"], r"^call \d+: then ftp\.list\('OU FTP CCS for CCS-DACS', .*\), "
                                               r"now ftp\.list\('OU FTP CCX for CCS-DACS', ")

    def changed_module(self, modules):
        """The flow's own, but it asks another connection."""
        return self.changed(b"OU FTP CCS for CCS-DACS", b"OU FTP CCX for CCS-DACS", modules=modules)

    def changed(self, old, new, name="customer_sync_ftp_transfer",
                modules=os.path.join(HERE, "..", "..", "wasm-out")):
        with open(os.path.join(modules, name + ".wasm"), "rb") as file:
            module = file.read()
        self.assertIn(old, module)
        path = os.path.join(self.folder, "changed.wasm")
        with open(path, "wb") as file:
            file.write(module.replace(old, new))
        return path

    def child(self, instance):
        everything = json.loads(self.land.sluice("instances", "--all", "--json", check=True).stdout)
        return next(row["id"] for row in everything["instances"] if row["parent"] == instance)

    def test_another_answer_is_a_difference_where_it_was_kept(self):
        """The child tells its caller how it went; that has the tracing level of its flow."""
        for level, status in (("debug", 1), ("production", 0)):
            with self.subTest(level):
                self.land.sluice("activate", "--tracing", level, "OUTL-BA-OUAL_DACS_FTP_TRANSFER", check=True)
                self.land.put_ccs_ftp(f"C1-{level}.csv", b"one")
                self.assertEqual(self.land.sluice(*RUN).returncode, 0)
                child = self.child(self.rows()[0]["id"])
                self.assertEqual(self.replay(child)[0], 0)
                done, report = self.replay(child, "--with", self.changed(
                    b"transferred\0", b"TRANSFERRED\0", "common_ftp_transfer"))
                self.assertEqual((done, report["same"], report["answer_unknown"]),
                                 (status, status == 0, level != "debug"), report)
                self.assertIn("TRANSFERRED" if status else "", report["difference"] or "")

    def test_another_fault_is_a_difference(self):
        self.land.put_ccs_ftp("C1-A.csv", b"one")
        self.land.put_dacs_ftp("C1-A.csv", b"somebody else's")
        self.assertEqual(self.land.sluice(*RUN).returncode, 1)
        instance = self.rows()[0]["id"]
        status, report = self.replay(instance)
        self.assertEqual((status, report["state"]), (0, "FAILED"), report)
        for column in ("fault_code", "fault_title", "fault_detail"):
            with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
                then, = db.execute(f"SELECT {column} FROM instance WHERE id = ?", (instance,)).fetchone()
                change = f"UPDATE instance SET {column} = ? WHERE id = ?"
                db.execute(change, ("something else", instance))
            status, report = self.replay(instance)
            self.assertEqual(status, 1, report)
            self.assertRegex(report["difference"], "^it failed with .*; then with .*something else")
            with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
                db.execute(change, (then, instance))

    def test_another_report_of_a_file_is_a_difference(self):
        """The module cannot report something else and ask for the same: the mail has it too."""
        for name in ("C1-A.csv", "C1-B.csv"):
            self.land.put_ccs_ftp(name, b"one")
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        instance = self.rows()[0]["id"]
        place = "name = 'C1-B.csv' AND instance = (SELECT number FROM instance WHERE id = ?)"
        for change, text in (
                ("UPDATE file SET detail = 'late'", "file 'C1-B.csv': then transferred 'late', now transferred ''"),
                ("UPDATE file SET detail = '', state = 'found'", "file 'C1-B.csv': then found '', now transferred ''"),
                ("DELETE FROM file", "file 'C1-B.csv' is reported now (transferred), and was not then")):
            with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
                db.execute(f"{change} WHERE {place}", (instance,))
            status, report = self.replay(instance)
            self.assertEqual((status, report["difference"]), (1, text))

    def test_an_unfinished_one_is_the_same_so_far(self):
        instance = self.interrupt()
        status, report = self.replay(instance)
        self.assertEqual((status, report["finished"]), (0, False), report)
        self.assertEqual(self.shown(instance)["state"], "RECOVERING")

    def test_a_damaged_record_is_neither_same_nor_different(self):
        """In the middle, and the last one, behind which the journal of an unfinished one ends."""
        unfinished = self.interrupt()
        self.check_damage(unfinished, 3, "record 3 of the journal is damaged")
        self.check_damage(unfinished, "(SELECT max(number) FROM journal WHERE instance = j.instance)",
                          "of the journal is damaged")
        self.assertEqual(self.replay(unfinished)[0], 0)
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        self.check_damage(unfinished, 3, "record 3 of the journal is damaged")

    def check_damage(self, instance, number, text):
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            key, plan, result = db.execute(
                "SELECT j.number, plan, result FROM journal j JOIN instance i ON i.number = j.instance WHERE i.id = ?"
                f" AND j.number = {number}", (instance,)).fetchone()
            change = ("UPDATE journal SET plan = ?, result = ? WHERE number = ? AND instance ="
                      " (SELECT number FROM instance WHERE id = ?)")
            db.execute(change, (plan and b"x" + plan, result and b"x" + result, key, instance))
        done = self.land.sluice("replay", instance)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(text, done.stderr)
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            db.execute(change, (plan, result, key, instance))

    def test_what_has_no_journal_is_said(self):
        done = self.land.sluice("replay", "AAAAAAAAAAAAAAAAAAAAAA")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no instance", done.stderr)


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

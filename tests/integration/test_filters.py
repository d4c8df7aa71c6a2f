# SPDX-License-Identifier: MIT
"""Customisations at every extension point, in every language, over real servers: what they change, and that
one that goes wrong fails its step by name and publishes nothing.

Usage: test_filters.py SLUICE GUESTS [unittest arguments]
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from filter_common import (FLOW_ACK, FLOW_ERRORS, FLOW_FTP, FLOW_FTP_CHILD, FLOW_OS,
                           FLOW_OS_CHILD, HERE, SOURCE_FOLDER, TARGET_FOLDER, CONFIG, FilterTest, main)
from serve_common import FLOWS, Server, add_user  # noqa: E402

LINE = b"12345678901234\t2026-01-01\tF1IC\t5\tPerson\tANNA\t+1-415-555-0142\t\t\ta@example.org\n"
MASKED = LINE.replace(b"+1-415-555-0142", b"+*-***-***-****")
ID = "12345678901234"
MIB = 1 << 20


class Points(FilterTest):
    def test_a_transfer_over_ftp(self):
        self.install(FLOW_FTP, "select.wasm", "select")
        self.install(FLOW_FTP, "content.wasm", "records")
        self.install(FLOW_FTP, "name.wasm", "name")
        self.install(FLOW_FTP, "notification.wasm", "notice")
        self.land.put_ccs_ftp("C1-A.csv", b"# a comment\n" + LINE * 5)
        self.land.put_ccs_ftp("C1-HOLD.csv", LINE)
        self.transfer()
        self.assertEqual(self.land.dacs_ftp_files(), {"W-C1-A.csv": MASKED * 5})
        self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-C1-A.csv", "C1-HOLD.csv"})
        self.assertEqual([mail["subject"] for mail in self.mails()], ["Customised notice"])
        self.assertTrue(any("held back" in line and "C1-HOLD" in line for line in self.lines(FLOW_FTP)))
        self.assertIn("1 lines dropped", self.lines(FLOW_FTP_CHILD))

    def test_a_transfer_to_object_storage(self):
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", "os")
        self.install(FLOW_FTP, "content.wasm", "records")
        self.install(FLOW_OS_CHILD, "name.wasm", "name")
        files = {"C1-OS1.csv": LINE * 3, "C1-OS2.csv": b"#nothing is left of it\n", "C1-OS3.csv": b"",
                 "C1-OS4.csv": LINE * 300000}
        for name, data in files.items():
            self.land.put_ccs_ftp(name, data)
        self.transfer()
        there = self.land.objects(self.land.dacs_storage)
        for name, data in files.items():
            self.assertEqual(there.get("W-" + name), b"" if data[:1] == b"#" else data.replace(LINE, MASKED), name)

    def test_from_object_storage(self):
        self.install(FLOW_OS, "content.wasm", "records")
        self.land.put_object(self.land.ccs_storage, "C1-FROM.csv", LINE * 7)
        self.transfer(FLOW_OS)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-FROM.csv": MASKED * 7})

    def test_another_name_at_each_run_is_not_another_file(self):
        """What arrived and cannot be marked is not sent again under another name, as by a filter with a clock."""
        self.install(FLOW_FTP, "name.wasm", "name")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.land.put_ccs_ftp("SENT-C1-A.csv", b"the name is taken")
        self.transfer(expect=3)
        os.unlink(os.path.join(self.land.workspace, "customizations", FLOW_FTP, "name.wasm"))
        for _ in range(2):
            told = self.transfer(expect=1)
            self.assertIn("it got another name at the target then, 'W-C1-A.csv'", told)
            self.assertEqual(self.land.dacs_ftp_files(), {"W-C1-A.csv": LINE})
        os.unlink(os.path.join(self.land.ccs_ftp.home + SOURCE_FOLDER, "SENT-C1-A.csv"))
        self.install(FLOW_FTP, "name.wasm", "name")
        os.unlink(os.path.join(self.land.dacs_ftp.home + TARGET_FOLDER, "W-C1-A.csv"))
        self.transfer()
        self.assertEqual(self.land.dacs_ftp_files(), {})
        self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-C1-A.csv"})

    def test_several_run_in_the_order_of_their_labels(self):
        self.install(FLOW_FTP, "name.20-second.wasm", "name")
        self.install(FLOW_FTP, "name.wasm", "name")
        self.install(FLOW_FTP, "content.b.wasm", "chatters")
        self.install(FLOW_FTP, "content.a.wasm", "records")
        self.install(FLOW_FTP_CHILD, "content.wasm", "chatters")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()
        self.assertEqual(self.land.dacs_ftp_files(), {"W-W-C1-A.csv": MASKED})
        runs = [one["subject"] for one in self.instance(FLOW_FTP)["activity"] if one["import"] == "filter"]
        self.assertEqual(runs, ["name.wasm", "name.20-second.wasm"])

    def test_an_acknowledgement(self):
        for name in ("request", "message"):
            if not os.path.exists(self.guest(name)):
                self.skipTest(f"no compiler for {self.guest(name)}")
        self.install(FLOW_ACK, "request.wasm", "request")
        self.install(FLOW_ACK, "message.wasm", "message")
        self.acknowledge({"externalReferenceId": "UTIL-" + ID, "hasError": False})
        body = json.loads(self.received()[-1]["body"])
        self.assertEqual(body["syncRequestId"], ID)
        self.assertEqual(body["externalIds"]["entityIdList"], [{"externalPk1": "AssemblyScript"}])
        self.assertEqual([line for line in self.lines(FLOW_ACK) if "taken away" in line], ["5 bytes taken away"])

    def test_a_file_that_lies_under_another_name_does_nothing(self):
        self.install(FLOW_FTP, "contents.wasm", "says_no")
        self.install(FLOW_FTP, "content.wasm.bak", "says_no")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.assertIn("belongs to no extension point", self.transfer())
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": LINE})


class Wrong(FilterTest):
    def check_named(self, told, point, flow, words, name=None):
        self.assertIn(f"filter '{name or point + '.wasm'}' at extension point '{point}' of flow '{flow}'", told)
        self.assertIn(words, told)

    def test_a_file_whose_filter_goes_wrong_is_not_published(self):
        self.settings(file_size_max=MIB, filters={"memory_mib": 4, "content_cpu_s": 1})
        for wrong, words in (("says_no", "exited with status 3: content.wasm at content of"),
                             ("half", "exited with status 1"), ("traps", "ended by unreachable"),
                             ("hogs", "ended by unreachable"), ("spins", "ended by cpu_deadline")):
            for target in ("ftp", "os"):
                with self.subTest(wrong=wrong, target=target):
                    self.setUpFiles(target)
                    self.install(FLOW_FTP, "content.wasm", wrong)
                    told = self.transfer(expect=1)
                    self.check_named(told, "content", FLOW_FTP, words)
                    self.check_nothing_moved(target)

    def setUpFiles(self, target):
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", target)
        self.land.put_ccs_ftp("C1-A.csv", LINE * 1000)

    def check_nothing_moved(self, target):
        self.assertEqual(set(self.land.ccs_ftp_files()), {"C1-A.csv"})
        self.assertEqual(self.land.dacs_ftp_files(), {}, "not even a temporary file is left")
        self.assertNotIn("C1-A.csv", self.land.objects(self.land.dacs_storage))
        fault = self.instance(FLOW_FTP)["fault"]
        self.assertEqual(fault["code"], "filter_failed")

    def test_a_file_that_grows_without_end_meets_the_file_limit(self):
        self.settings(file_size_max=MIB)
        self.setUpFiles("ftp")
        self.install(FLOW_FTP, "content.wasm", "floods")
        self.assertIn("file_size_max", self.transfer(expect=1))
        self.assertEqual(self.land.dacs_ftp_files(), {})

    def test_a_filter_that_reads_nothing_publishes_what_it_gave(self):
        self.setUpFiles("ftp")
        self.install(FLOW_FTP, "content.wasm", "leaves")
        self.transfer()
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": b""})

    def test_a_message_whose_filter_goes_wrong_goes_nowhere(self):
        self.settings(filters={"memory_mib": 4, "cpu_ms": 200, "output_size_max": 100000})
        for point in ("request", "message"):
            for wrong, words in (("says_no", "exited with status 3"), ("traps", "ended by unreachable"),
                                 ("spins", "ended by cpu_deadline"), ("babbles", "gave what is no JSON"),
                                 ("floods", "gave more than 100000 bytes"), ("hogs", "ended by unreachable"),
                                 ("leaves", "gave what is no JSON")):
                with self.subTest(point=point, wrong=wrong):
                    shutil.rmtree(os.path.join(self.land.workspace, "customizations"), ignore_errors=True)
                    self.install(FLOW_ACK, point + ".wasm", wrong)
                    told = self.acknowledge({"externalReferenceId": ID, "hasError": False}, expect=1)
                    self.check_named(told, point, FLOW_ACK, words)
                    self.assertEqual(self.received(), [])
                    self.assertEqual(self.instance(FLOW_ACK)["fault"]["code"], "filter_failed")
        self.assertIn("at extension point 'message'", self.mails()[-1]["text"].replace("\n ", ""))

    def test_names_and_selections_that_cannot_be_used(self):
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        for point, wrong, words in (("name", "babbles", "none for a file"),
                                    ("name", "leaves", "gave a name of 0 bytes"),
                                    ("select", "babbles", "gave what is no JSON"),
                                    ("select", "says_no", "exited with status 3")):
            with self.subTest(point=point, wrong=wrong):
                shutil.rmtree(os.path.join(self.land.workspace, "customizations"), ignore_errors=True)
                self.install(FLOW_FTP, point + ".wasm", wrong)
                self.check_named(self.transfer(expect=1), point, FLOW_FTP, words)
        self.assertEqual(self.land.dacs_ftp_files(), {})
        self.assertEqual(set(self.land.ccs_ftp_files()), {"C1-A.csv"})

    def test_a_notice_that_cannot_be_customised_is_said_to_be_missing(self):
        self.install(FLOW_FTP, "notification.wasm", "says_no")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": LINE})
        self.assertEqual(self.mails(), [])
        self.assertTrue(any("mail not sent" in line and "notification.wasm" in line
                            for line in self.lines(FLOW_FTP)))

    def test_what_it_writes_for_people_is_kept_up_to_a_limit(self):
        self.settings(filters={"log_lines": 10})
        self.install(FLOW_FTP, "content.wasm", "chatters")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()
        lines = self.lines(FLOW_FTP_CHILD)
        self.assertEqual(lines[:10], [f"line {i}" for i in range(10)])
        self.assertIn("log limit reached", lines[10])
        self.assertEqual(len(lines), 11)

    def test_a_module_that_may_not_be_there_is_refused_by_name(self):
        with open(os.path.join(HERE, "..", "..", "wasm-out", "customer_sync_ack.wasm"), "rb") as file:
            flow = file.read()
        for why, module, words in (("imports of a flow", flow, "sluice_"),
                                   ("cut", flow[:1000], "cannot be used"),
                                   ("no module", b"#!/bin/sh\n", "cannot be used")):
            with self.subTest(why=why):
                self.install(FLOW_ACK, "message.wasm", module)
                told = self.acknowledge({"externalReferenceId": ID, "hasError": False}, expect=1)
                self.check_named(told, "message", FLOW_ACK, words)
        self.assertEqual(self.received(), [])


class Durable(FilterTest):
    def test_an_instance_goes_on_with_the_filter_it_began_with(self):
        big = LINE * 1500000
        self.install(FLOW_FTP, "content.wasm", "records")
        self.install(FLOW_FTP, "name.wasm", "name")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.land.put_ccs_ftp("C1-B.csv", big)
        process = subprocess.Popen(self.land.command("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-"),
                                   env=self.land.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        target = self.land.dacs_ftp.home + TARGET_FOLDER
        while not ("W-C1-A.csv" in os.listdir(target)
                   and any(name.endswith(".part") for name in os.listdir(target))):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        needed = self.kept()
        self.purge_all_kept()
        self.assertEqual(self.kept(), needed, "an unfinished instance needs them")
        self.install(FLOW_FTP, "content.wasm", "says_no")
        os.unlink(os.path.join(self.land.workspace, "customizations", FLOW_FTP, "name.wasm"))
        self.assertIn("goes on with flow", self.transfer())
        self.assertEqual(sorted(self.land.dacs_ftp_files()), ["W-C1-A.csv", "W-C1-B.csv"])
        self.assertTrue(self.land.dacs_ftp_files()["W-C1-B.csv"] == MASKED * 1500000)
        self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-C1-A.csv", "SENT-C1-B.csv"})
        self.land.put_ccs_ftp("C1-C.csv", LINE)
        self.assertIn("exited with status 3", self.transfer(expect=1))

    def kept(self):
        folder = os.path.join(self.land.workspace, "state", "modules")
        return {os.path.join(folder, name) for name in os.listdir(folder) if ".so" not in name}

    def purge_all_kept(self):
        for path in self.kept():
            os.utime(path, (1, 1))
        self.land.sluice("purge", check=True)

    def test_a_server_keeps_anew_what_was_deleted(self):
        self.install(FLOW_ACK, "message.wasm", "says_no")
        with open(self.guest("says_no"), "rb") as file:
            name = hashlib.sha256(file.read()).hexdigest() + ".wasm"
        add_user(self.sluice, self.land.workspace)
        server = Server(self.sluice, self.land.workspace, self.land.environment())
        self.addCleanup(server.stop)
        path = os.path.join(self.land.workspace, "state", "modules", name)
        for _ in range(2):
            status, _, body = server.ask(path=FLOWS + f"rest/{FLOW_ACK}/1.0/sendCustomerSyncAck",
                                         body=json.dumps({"externalReferenceId": "UTIL-" + ID, "hasError": False}),
                                         headers={"Content-Type": "application/json"})
            self.assertIn("exited with status 3", body.decode(), status)
            os.unlink(path)

    def test_a_replay_runs_no_filter(self):
        self.install(FLOW_FTP, "select.wasm", "select")
        self.install(FLOW_FTP, "name.wasm", "name")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()
        instance = self.instance(FLOW_FTP)["id"]
        shutil.rmtree(os.path.join(self.land.workspace, "customizations"))
        done = self.land.sluice("replay", instance)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_large_file_takes_constant_memory(self):
        self.install(FLOW_FTP, "content.wasm", "records")
        self.land.put_ccs_ftp("C1-SMALL.csv", LINE)
        self.transfer()  # compiles the filter
        self.land.put_ccs_ftp("C1-BIG.csv", b"")
        with open(self.land.ccs_ftp.home + SOURCE_FOLDER + "/C1-BIG.csv", "ab") as file:
            for _ in range(256):
                file.write(LINE * (MIB // len(LINE)))
        process = subprocess.Popen(self.land.command("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-"),
                                   env=self.land.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        sizes = [os.path.getsize(server.home + path) for server, path in (
            (self.land.ccs_ftp, SOURCE_FOLDER + "/SENT-C1-BIG.csv"), (self.land.dacs_ftp, TARGET_FOLDER + "/C1-BIG.csv"))]
        self.assertEqual(sizes[0], sizes[1])
        self.assertGreater(sizes[0], 200 * MIB)
        self.assertLess(used.ru_maxrss, 100 * 1024)


if __name__ == "__main__":
    main()

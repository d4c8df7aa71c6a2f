# SPDX-License-Identifier: MIT
"""The six flows through the real program over real servers: every route, every way to go wrong.

Usage: test_flows.py SLUICE [unittest arguments]
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
import extracts  # noqa: E402
from landscape import (CONFIG, FLOW_ACK, FLOW_FTP, FLOW_OS, SECRETS,  # noqa: E402
                       SOURCE_FOLDER, TARGET_FOLDER, Landscape)

SLUICE = None
FTP_SOURCE, FTP_TARGET = "OU FTP CCS for CCS-DACS", "OU FTP DACS for CCS-DACS"
MAIL = "OU SMTP for CCS-DACS"
BUSINESS = ["billing@utility.example", "field@utility.example"]
PROPERTIES = {"dacs.file.target.transfer.pref": "ftp",
              "ccs.ftp.custsync.input.directory": SOURCE_FOLDER,
              "dacs.ftp.custsync.output.directory": TARGET_FOLDER,
              "ccs.prefixtag.file.uploaded": "SENT-"}


def rows(number, kind="contact"):
    return b"".join(extracts.content(kind, True, records=number, seed=number))


class FlowTest(unittest.TestCase):
    """One landscape for the class; each test begins with empty servers and default settings."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-flows-")
        cls.land = Landscape(cls.folder.name, SLUICE)
        cls.defaults = json.dumps(cls.land.connections)

    @classmethod
    def tearDownClass(cls):
        cls.land.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.land.empty_ftp()
        self.land.write_connections(json.loads(self.defaults))
        self.settings({})
        self.mails_before = len(self.land.mails())
        self.received_before = len(self.land.ccs_received())

    def settings(self, values):
        path = os.path.join(self.land.workspace, "sluice.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(values, file)

    def lookup(self, name, value, lookup=CONFIG):
        before = PROPERTIES.get(name)
        self.land.set_lookup(lookup, name, value)
        if before is not None:
            self.addCleanup(self.land.set_lookup, lookup, name, before)

    def change(self, connection, **values):
        self.land.connections[connection].update(values)
        self.land.write_connections(self.land.connections)

    def run_flow(self, flow, prefix="C1-", expect=0, **options):
        done = self.land.sluice("run", flow, "--param", f"extractedFileNamePrefix={prefix}", **options)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        for secret in SECRETS.values():
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def mails(self):
        return self.land.mails()[self.mails_before:]

    def received(self):
        return self.land.ccs_received()[self.received_before:]


class Routes(FlowTest):
    def carry(self, flow, target, put, source, arrived):
        self.lookup("dacs.file.target.transfer.pref", target)
        prefix = f"R{flow[-2:]}{target}"
        files = {f"{prefix}_{i:04}_00.csv{'.zip' if i % 2 else ''}": rows(50 + i) for i in range(4)}
        for name, data in files.items():
            put(name, data)
        self.run_flow(flow, prefix)
        after, there = source(), arrived()
        for name, data in files.items():
            self.assertEqual(there.get(name), data, name)
            self.assertIn("SENT-" + name, after)
            self.assertEqual(after["SENT-" + name], data)
            self.assertNotIn(name, after)
        self.assertEqual([name for name in there if "part" in name or name.startswith(".")], [])
        self.check_complete_mail(files)
        self.run_flow(flow, prefix)
        self.assertEqual(set(arrived()), set(there), "a second run moved something again")

    def check_complete_mail(self, files):
        mails = self.mails()
        self.assertEqual(len(mails), 1, [mail["subject"] for mail in mails])
        self.assertEqual(sorted(mails[0]["to"]), BUSINESS)
        self.assertEqual(mails[0]["from"], "sluice@utility.example")
        self.assertTrue(mails[0]["tls"])
        for name in files:
            self.assertIn(name, mails[0]["text"])

    def put_ccs_object(self, name, data):
        self.land.put_object(self.land.ccs_storage, name, data)

    def ccs_objects(self):
        return self.land.objects(self.land.ccs_storage)

    def dacs_objects(self):
        return self.land.objects(self.land.dacs_storage)

    def test_ftp_to_ftp(self):
        self.carry(FLOW_FTP, "ftp", self.land.put_ccs_ftp, self.land.ccs_ftp_files,
                   self.land.dacs_ftp_files)

    def test_ftp_to_object_storage(self):
        self.carry(FLOW_FTP, "os", self.land.put_ccs_ftp, self.land.ccs_ftp_files, self.dacs_objects)

    def test_object_storage_to_ftp(self):
        self.carry(FLOW_OS, "ftp", self.put_ccs_object, self.ccs_objects, self.land.dacs_ftp_files)

    def test_object_storage_to_object_storage(self):
        self.carry(FLOW_OS, "os", self.put_ccs_object, self.ccs_objects, self.dacs_objects)


class Rules(FlowTest):
    def test_no_file_is_a_mail_and_success(self):
        self.run_flow(FLOW_FTP, "C1-NOTHING")
        mails = self.mails()
        self.assertEqual(len(mails), 1)
        self.assertIn("no file", mails[0]["subject"].lower())
        self.assertEqual(sorted(mails[0]["to"]), BUSINESS)

    def test_a_wrong_folder_is_an_error_and_not_no_file(self):
        self.lookup("ccs.ftp.custsync.input.directory", "/no/such/folder")
        self.run_flow(FLOW_FTP, expect=1)
        subjects = [mail["subject"] for mail in self.mails()]
        self.assertEqual(len(subjects), 1, subjects)
        self.assertEqual(self.mails()[0]["to"], ["operations@utility.example"])
        self.assertIn("/no/such/folder", self.mails()[0]["text"])

    def test_files_already_sent_are_never_picked_up(self):
        self.land.put_ccs_ftp("SENT-C1-DCTEX_0001_00.csv", rows(3))
        self.run_flow(FLOW_FTP, "S")
        self.assertEqual(self.land.dacs_ftp_files(), {})
        self.assertEqual(list(self.land.ccs_ftp_files()), ["SENT-C1-DCTEX_0001_00.csv"])

    def test_an_empty_file_is_carried(self):
        self.land.put_ccs_ftp("C1-DCTEX_0001_00.csv", b"")
        self.run_flow(FLOW_FTP)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-DCTEX_0001_00.csv": b""})

    def test_the_size_limit_holds_at_n_and_n_plus_1(self):
        self.settings({"file_size_max": "1000"})
        self.land.put_ccs_ftp("C1-A.csv", b"x" * 1000)
        self.land.put_ccs_ftp("C1-B.csv", b"x" * 1001)
        self.land.put_ccs_ftp("C1-C.csv", b"x" * 10)
        self.run_flow(FLOW_FTP, expect=3)
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-A.csv"})
        self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-C1-A.csv", "C1-B.csv", "C1-C.csv"})
        texts = {mail["subject"]: mail["text"] for mail in self.mails()}
        self.assertEqual(len(texts), 2, list(texts))
        self.assertTrue(all("C1-B.csv" in text for text in texts.values()), texts)
        self.settings({"file_size_max": "1001"})
        self.run_flow(FLOW_FTP)  # takes the rest
        self.assertEqual({name: len(data) for name, data in self.land.dacs_ftp_files().items()},
                         {"C1-A.csv": 1000, "C1-B.csv": 1001, "C1-C.csv": 10})

    def test_a_taken_name_is_never_overwritten(self):
        self.land.put_ccs_ftp("C1-A.csv", rows(5))
        self.land.put_dacs_ftp("C1-A.csv", b"theirs")
        self.run_flow(FLOW_FTP, expect=1)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": b"theirs"})
        self.assertEqual(list(self.land.ccs_ftp_files()), ["C1-A.csv"])

    def test_a_taken_name_is_numbered_where_configured(self):
        self.change(FTP_TARGET, on_conflict="number")
        self.land.put_ccs_ftp("C1-A.csv", rows(5))
        self.land.put_dacs_ftp("C1-A.csv", b"theirs")
        self.run_flow(FLOW_FTP)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": b"theirs", "C1-A-2.csv": rows(5)})

    def test_a_taken_name_is_overwritten_only_where_configured(self):
        self.change(FTP_TARGET, on_conflict="overwrite")
        self.land.put_ccs_ftp("C1-A.csv", rows(5))
        self.land.put_dacs_ftp("C1-A.csv", b"theirs")
        self.run_flow(FLOW_FTP)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": rows(5)})

    def test_a_taken_mark_is_reported_and_nothing_is_sent_twice(self):
        self.land.put_ccs_ftp("C1-A.csv", rows(5))
        self.land.put_ccs_ftp("SENT-C1-A.csv", b"older")
        output = self.run_flow(FLOW_FTP, expect=3)
        self.assertIn("complete at the target", output)
        self.assertEqual(self.land.ccs_ftp_files(), {"C1-A.csv": rows(5), "SENT-C1-A.csv": b"older"})
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": rows(5)})
        os.unlink(os.path.join(self.land.dacs_ftp.home + TARGET_FOLDER, "C1-A.csv"))  # DACS has taken it
        self.run_flow(FLOW_FTP, expect=3)
        os.unlink(os.path.join(self.land.ccs_ftp.home + SOURCE_FOLDER, "SENT-C1-A.csv"))
        self.run_flow(FLOW_FTP)
        self.assertEqual(self.land.ccs_ftp_files(), {"SENT-C1-A.csv": rows(5)})
        self.assertEqual(self.land.dacs_ftp_files(), {})

    def test_a_growing_file_waits_for_the_next_run(self):
        self.change(FTP_SOURCE, settle_ms=700)
        self.land.put_ccs_ftp("C1-DONE.csv", rows(5))
        self.land.put_ccs_ftp("C1-GROWS.csv", b"a")
        path = os.path.join(self.land.ccs_ftp.home + SOURCE_FOLDER, "C1-GROWS.csv")
        stop = threading.Event()

        def write():
            while not stop.is_set():
                with open(path, "ab") as file:
                    file.write(b"more\n")
                stop.wait(0.02)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.run_flow(FLOW_FTP)
        finally:
            stop.set()
            writer.join()
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-DONE.csv"})
        self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-C1-DONE.csv", "C1-GROWS.csv"})
        self.run_flow(FLOW_FTP)
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-DONE.csv", "C1-GROWS.csv"})

    def test_unsafe_names_are_reported_and_the_others_go(self):
        self.land.put_ccs_ftp("C1-bad\rDELE x.csv", b"bad")
        self.land.put_ccs_ftp("C1-back\\slash.csv", b"bad")
        self.land.put_ccs_ftp("C1-good name, 100%;#?.csv", rows(2))
        self.run_flow(FLOW_FTP, expect=3)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-good name, 100%;#?.csv": rows(2)})
        self.assertIn("C1-bad\rDELE x.csv", self.land.ccs_ftp_files())
        self.assertIn("C1-back\\slash.csv", self.land.ccs_ftp_files())

    def test_source_and_target_may_not_be_one_folder(self):
        same = dict(self.land.connections[FTP_SOURCE], host="127.0.0.1")
        self.land.connections[FTP_TARGET] = dict(same, on_conflict="overwrite", tls_verify=False)
        self.land.write_connections(self.land.connections)
        self.lookup("dacs.ftp.custsync.output.directory", SOURCE_FOLDER + "//")
        self.land.put_ccs_ftp("C1-A.csv", rows(2))
        output = self.run_flow(FLOW_FTP, expect=1)
        self.assertIn("same folder", output)
        self.assertEqual(self.land.ccs_ftp_files(), {"C1-A.csv": rows(2)})

    def test_one_run_at_a_time(self):
        self.change(FTP_SOURCE, settle_ms=1500)
        self.land.put_ccs_ftp("C1-A.csv", rows(2))
        first = subprocess.Popen(self.land.command("run", FLOW_FTP, "--param",
                                                   "extractedFileNamePrefix=C1-"),
                                 env=self.land.environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        lock = os.path.join(self.land.workspace, "state", "locks", FLOW_FTP + ".lock")
        deadline = time.monotonic() + 10
        while not (os.path.exists(lock) and str(first.pid) in open(lock, encoding="ascii").read()):
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(first.poll())
        second = self.land.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
        output, _ = first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0, output)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("another run", second.stderr)
        self.assertIn(str(first.pid), second.stderr)
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-A.csv"})

    def test_a_missing_property_is_named_with_its_lookup(self):
        path = os.path.join(self.land.workspace, "lookups", CONFIG + ".csv")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.addCleanup(lambda: open(path, "w", encoding="utf-8").write(text))
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(line for line in text.split("\n")
                                 if "ccs.ftp.custsync.input.directory" not in line))
        output = self.run_flow(FLOW_FTP, expect=1)
        self.assertIn("ccs.ftp.custsync.input.directory", output)
        self.assertIn(CONFIG, output)

    def test_a_missing_parameter_is_a_usage_error(self):
        done = self.land.sluice("run", FLOW_FTP)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("extractedFileNamePrefix", done.stderr)


class Failures(FlowTest):
    def test_a_wrong_password_is_one_sentence_without_the_secret(self):
        with open(os.path.join(self.folder.name, "wrong"), "w", encoding="utf-8") as file:
            file.write("not-the-password")
        os.chmod(file.name, 0o600)
        self.change(FTP_TARGET, password={"file": file.name})
        self.land.put_ccs_ftp("C1-A.csv", rows(2))
        output = self.run_flow(FLOW_FTP, expect=1)
        self.assertIn(FTP_TARGET, output)
        self.assertIn("530", output)
        self.assertNotIn("not-the-password", output)
        self.assertEqual(list(self.land.ccs_ftp_files()), ["C1-A.csv"])

    def test_an_unknown_authority_is_refused(self):
        del self.land.connections[FTP_SOURCE]["ca"]
        self.land.write_connections(self.land.connections)
        output = self.run_flow(FLOW_FTP, expect=1)
        self.assertIn("certificate", output)
        self.assertIn(FTP_SOURCE, output)

    def test_a_dead_target_leaves_the_source_alone(self):
        self.change(FTP_TARGET, port=1)
        self.land.put_ccs_ftp("C1-A.csv", rows(2))
        self.land.put_ccs_ftp("C1-B.csv", rows(2))
        self.run_flow(FLOW_FTP, expect=1)
        self.assertEqual(set(self.land.ccs_ftp_files()), {"C1-A.csv", "C1-B.csv"})
        self.assertEqual(sorted(len(mail["to"]) for mail in self.mails()), [1, 2])

    def test_a_dead_mail_server_does_not_hold_up_files(self):
        self.change(MAIL, port=1)
        self.land.put_ccs_ftp("C1-A.csv", rows(2))
        self.run_flow(FLOW_FTP)
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-A.csv"})

    def test_mails_can_be_turned_off(self):
        flag = "notification.email.process.complete.flag"
        self.land.set_lookup(CONFIG, flag, "false")
        self.addCleanup(self.land.set_lookup, CONFIG, flag, "true")
        self.land.put_ccs_ftp("C1-A.csv", rows(2))
        self.run_flow(FLOW_FTP)
        self.assertEqual(self.mails(), [])


class Acknowledgement(FlowTest):
    def acknowledge(self, body, expect):
        path = os.path.join(self.folder.name, "ack.json")
        with open(path, "wb") as file:
            file.write(body if isinstance(body, bytes) else json.dumps(body).encode())
        done = self.land.sluice("--json", "run", FLOW_ACK, "--body", path)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_every_shape_reaches_ccs(self):
        for number, (wrapper, id_name, polarity, errors) in enumerate((
                ("root", "externalReferenceId", "hasError", "exceptionInfo"),
                ("sendDetails", "syncRequestId", "boStatus", "errorMessage"),
                ("sendDetails", "externalReferenceId", "isInError", "messageList"))):
            for positive in (True, False):
                request = f"4821337712{number}0{int(positive)}55"[:14]
                with self.subTest(wrapper=wrapper, polarity=polarity, positive=positive):
                    before = len(self.land.ccs_received())
                    self.acknowledge(dacs.acknowledgement(request, positive, wrapper, id_name, polarity,
                                                          errors), 0)
                    new = self.land.ccs_received()[before:]
                    self.assertEqual(len(new), 1)
                    self.assertEqual(new[0]["status"], 200)
                    body = new[0]["body"]
                    body = json.loads(body) if isinstance(body, str) else body
                    self.assertEqual(body["syncRequestId"], request)
                    self.assertIs(body["hasError"], not positive)
                    if not positive:
                        one = body["exceptionInfo"][0]
                        self.assertEqual((one["messageCategory"], one["messageNumber"]), (11114, 11001))

    def test_a_root_property_is_a_setting_of_the_connection(self):
        self.change("OU REST CCS for CCS-DACS", wrapper="F1-UpdateSyncRequest")
        self.acknowledge(dacs.acknowledgement("48213377120455", True), 0)
        body = self.received()[0]["body"]
        body = json.loads(body) if isinstance(body, str) else body
        self.assertEqual(list(body), ["F1-UpdateSyncRequest"])
        self.assertEqual(body["F1-UpdateSyncRequest"]["syncRequestId"], "48213377120455")

    def refused(self, body, status):
        answer = self.acknowledge(body, 1)
        self.assertEqual(answer["response"]["status"], status)
        fault = answer["response"]["body"]
        fault = json.loads(fault) if isinstance(fault, str) else fault
        self.assertEqual(fault["o:errorCode"], str(status))
        self.assertTrue(fault["title"] and fault["detail"] and fault["o:errorDetails"])
        self.assertEqual(self.received(), [])

    def test_what_is_not_json_gets_400(self):
        self.refused(b"{not json", 400)

    def test_a_message_without_request_id_gets_400(self):
        self.refused({"hasError": False}, 400)

    def test_an_id_that_is_no_path_component_gets_400(self):
        self.refused({"externalReferenceId": "../../admin", "hasError": False}, 400)

    def test_a_message_over_the_limit_gets_413(self):
        self.refused(b'{"externalReferenceId":"48213377120455","x":"' + b"y" * (2 << 20) + b'"}', 413)

    def test_a_failing_ccs_is_a_fault_and_a_mail(self):
        self.land.connections["OU REST CCS for CCS-DACS"]["url"] = "https://localhost:1/ouaf"
        self.land.write_connections(self.land.connections)
        answer = self.acknowledge(dacs.acknowledgement("48213377120455", True), 1)
        self.assertGreaterEqual(answer["response"]["status"], 500)
        self.assertEqual(len(self.mails()), 1)
        self.assertEqual(self.mails()[0]["to"], ["operations@utility.example"])


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

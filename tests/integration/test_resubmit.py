# SPDX-License-Identifier: MIT
"""Failed instances done again through the real program over stand-ins, and the schedules' commands.

Usage: test_resubmit.py SLUICE [unittest arguments]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from landscape import FLOW_ACK, FLOW_FTP, Landscape  # noqa: E402

SLUICE = None
CCS = "OU REST CCS for CCS-DACS"
DOWN = "https://localhost:1/ouaf"


class ResubmitTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-resubmit-")
        cls.land = Landscape(cls.folder.name, SLUICE)
        cls.up = cls.land.connections[CCS]["url"]

    @classmethod
    def tearDownClass(cls):
        cls.land.stop()
        cls.folder.cleanup()

    def point_ccs(self, url):
        self.land.connections[CCS]["url"] = url
        self.land.write_connections(self.land.connections)

    def command(self, *arguments, expect=0):
        done = self.land.sluice("--json", *arguments)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def fail_acknowledgement(self, request):
        self.point_ccs(DOWN)
        path = os.path.join(self.folder.name, "ack.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dacs.acknowledgement(request, True), file)
        return self.command("run", FLOW_ACK, "--body", path, expect=1)["instance"]

    def got(self, request):
        bodies = [one["body"] if isinstance(one["body"], str) else json.dumps(one["body"])
                  for one in self.land.ccs_received()]
        return sum(request in body for body in bodies)

    def errors(self):
        return [one["id"] for one in self.command("errors")["errors"]]

    def test_an_acknowledgement_reaches_ccs_once(self):
        old = self.fail_acknowledgement("48213377120401")
        self.assertIn(old, self.errors())
        failed = self.command("resubmit", old, expect=1)["resubmissions"][0]
        self.assertEqual(failed["state"], "FAILED")
        self.point_ccs(self.up)
        self.assertEqual(self.got("48213377120401"), 0)
        new = self.command("resubmit", old)["resubmissions"][0]
        self.assertEqual((new["state"], new["response_status"]), ("COMPLETED", 200))
        self.assertEqual(self.got("48213377120401"), 1)
        again = self.command("resubmit", old, expect=1)["resubmissions"][0]
        self.assertIn(new["instance"], again["error"])
        self.assertEqual(self.got("48213377120401"), 1)
        self.assertNotIn(old, self.errors())
        shown = self.command("show", old)
        self.assertEqual((shown["resubmitted_as"], shown["resubmissions"]), (new["instance"], 2))
        shown = self.command("show", new["instance"])
        self.assertEqual((shown["resubmission_of"], shown["trigger"]), (old, "resubmit"))
        self.assertIn("does again", self.land.sluice("show", new["instance"]).stdout)

    def test_all_of_a_flow(self):
        for number in range(3):
            self.fail_acknowledgement(f"4821337712051{number}")
        self.point_ccs(self.up)
        self.command("resubmit", "--all-of", FLOW_ACK)
        for number in range(3):
            self.assertEqual(self.got(f"4821337712051{number}"), 1)
        self.assertEqual(self.command("resubmit", "--all-of", FLOW_ACK), {"resubmissions": []})

    def test_discard_is_final(self):
        old = self.fail_acknowledgement("48213377120402")
        self.command("discard", old)
        self.point_ccs(self.up)
        self.assertIn("discarded", self.command("resubmit", old, expect=1)["resubmissions"][0]["error"])
        self.command("discard", old, expect=1)
        self.assertEqual(self.got("48213377120402"), 0)

    def test_another_version_is_named(self):
        old = self.fail_acknowledgement("48213377120405")
        self.point_ccs(self.up)
        (refused,) = self.command("resubmit", "--flow-version", "9.9", old, expect=1)["resubmissions"]
        self.assertIn(f"flow '{FLOW_ACK}' has no version '9.9'; there is 01.23.3000", refused["error"])
        self.command("resubmit", "--flow-version", "1.23", old)
        self.assertEqual(self.got("48213377120405"), 1)

    def test_the_eleventh_is_refused(self):
        old = self.fail_acknowledgement("48213377120403")
        for _ in range(10):
            self.command("resubmit", old, expect=1)
        self.point_ccs(self.up)
        self.assertIn("10 times", self.command("resubmit", old, expect=2)["resubmissions"][0]["error"])
        self.assertEqual(self.got("48213377120403"), 0)
        self.command("discard", old)

    def test_of_several_at_once_one_wins(self):
        old = self.fail_acknowledgement("48213377120404")
        self.point_ccs(self.up)
        runs = [subprocess.Popen(self.land.command("--json", "resubmit", old), text=True,
                                 env=self.land.environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) for _ in range(4)]
        for run in runs:
            run.communicate(timeout=60)
        self.assertEqual(sorted(run.returncode for run in runs), [0, 1, 1, 1])
        self.assertEqual(self.got("48213377120404"), 1)

    def test_a_transfer_takes_what_is_not_yet_across(self):
        self.land.put_ccs_ftp("C1-A.csv", b"a\n")
        self.land.put_ccs_ftp("C1-B.csv", b"b\n")
        self.land.put_dacs_ftp("C1-B.csv", b"taken\n")
        old = self.command("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-",
                           expect=3)["instance"]
        os.unlink(os.path.join(self.land.dacs_ftp.home, "spl/DACSEnv/CustomerSync/C1-B.csv"))
        new = self.command("resubmit", old)["resubmissions"][0]
        files = self.command("show", new["instance"])["file_list"]
        self.assertEqual([one["name"] for one in files], ["C1-B.csv"])
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": b"a\n", "C1-B.csv": b"b\n"})

    def test_refusals_and_usage(self):
        self.assertEqual(self.land.sluice("resubmit").returncode, 2)
        self.assertEqual(self.land.sluice("resubmit", "nobody1").returncode, 2)
        self.assertEqual(self.land.sluice("resubmit", "x", "--all-of", FLOW_ACK).returncode, 2)
        self.assertEqual(self.land.sluice("errors", "--flow", "OUTL-NONE").returncode, 2)

    def test_zz_purge_takes_what_is_old(self):
        counted = self.command("purge", "--older-than", "0", "--dry-run")["instances"]
        self.assertEqual(self.command("purge")["instances"], 0)
        self.assertEqual(self.command("purge", "--older-than", "0")["instances"], counted)
        self.assertEqual(self.command("instances", "--all")["instances"], [])

    def test_schedules_are_shown_and_checked(self):
        path = os.path.join(self.land.workspace, "schedules.json")
        with open(path, encoding="utf-8") as file:
            self.addCleanup(self.write, path, file.read())
        self.write(path, json.dumps({FLOW_FTP: {"recurrence": "FREQ=DAILY;BYHOUR=2;",
                                                "time_zone": "America/New_York",
                                                "end": "2200-01-01T00:00"}}))
        due = self.command("schedules", "--next", "2")["schedules"][0]["next"]
        self.assertEqual([one["local"][10:19] for one in due], ["T02:00:00", "T02:00:00"])
        for wrong, complaint in (({"recurrence": "FREQ=DAILY;BYHOUR=24"}, "BYHOUR=24: expected 0 to 23"),
                                 ({"recurrence": "FREQ=DAILY", "time_zone": "Mars/Base"}, "Mars/Base")):
            self.write(path, json.dumps({FLOW_FTP: wrong}, indent=1))
            texts = [one["text"] for one in self.command("check", expect=2)["findings"]
                     if one["level"] == "error"]
            self.assertTrue(any(complaint in text and "schedules.json:" in text for text in texts), texts)
            self.command("schedules", expect=2)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

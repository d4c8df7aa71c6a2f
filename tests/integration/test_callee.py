# SPDX-License-Identifier: MIT
"""Flows that a durable flow calls and that cannot begin for want of something local, by the real program: the
caller waits with them, and no call's result is kept that every replay would repeat.

Usage: test_callee.py SLUICE FAIL_LOCAL [unittest arguments]
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import FLOW_FTP, SOURCE_FOLDER, Landscape  # noqa: E402

SLUICE = FAIL_LOCAL = None
RUN = ("--json", "run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
NAME, BODY = "C1-A.csv", b"small"
PIECES_MAX = 200


class Callee(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-callee-")
        self.addCleanup(folder.cleanup)
        self.land = Landscape(folder.name, SLUICE)
        self.addCleanup(self.land.stop)

    def instances(self):
        listed = self.land.sluice("instances", "--all", "--limit", "1000", "--json", check=True).stdout
        return json.loads(listed)["instances"]

    def across(self):
        return {name: body for name, body in self.land.dacs_ftp_files().items() if not name.endswith(".part")}


class Disk(Callee):
    """The callee's module is not kept yet, and there is no room for it."""

    def setUp(self):
        super().setUp()
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)  # the caller's is
        self.full = os.path.join(self.land.root, "full")

    def waits(self):
        """Runs while the disk is full; gives the instance, which is unfinished and has told nobody."""
        mails = len(self.land.mails())
        with open(self.full, "w", encoding="ascii"):
            pass
        environment = {**self.land.environment(), "LD_PRELOAD": FAIL_LOCAL, "FAIL_ROOM": self.full}
        done = subprocess.run(self.land.command(*RUN), env=environment, capture_output=True, text=True,
                              check=False, timeout=120)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        row = self.instances()[0]
        self.assertEqual((row["flow"], row["state"]), (FLOW_FTP, "RECOVERING"))
        self.assertIn("No space left", self.shown(row["id"])["fault"]["detail"])
        self.assertEqual(len(self.land.mails()), mails)
        return row["id"]

    def shown(self, instance):
        return json.loads(self.land.sluice("--json", "show", instance, check=True).stdout)

    def test_a_transfer_waits_with_its_caller(self):
        self.land.put_ccs_ftp(NAME, BODY)
        instance = self.waits()
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)
        shown = self.shown(instance)
        self.assertEqual((shown["state"], shown["files"]["transferred"]), ("COMPLETED", 1))
        self.assertEqual(self.across(), {NAME: BODY})

    def test_the_mail_of_a_failure_is_not_lost(self):
        before = len(self.land.mails())
        folder = self.land.ccs_ftp.home + SOURCE_FOLDER
        os.rename(folder, folder + ".away")
        instance = self.waits()
        self.land.sluice(*RUN)  # goes on with it; the folder is missing to the next one, too
        os.rename(folder + ".away", folder)
        self.assertEqual(self.shown(instance)["state"], "FAILED")
        told = {mail["message_id"] for mail in self.land.mails()[before:]}
        callee, = (row["id"] for row in self.instances() if row["parent"] == instance)
        self.assertEqual(len([one for one in told if callee in one]), 1, told)


class Memory(Callee):
    def run_without(self, number):
        """Without the number-th large piece of memory; False: it needed fewer."""
        told = os.path.join(self.land.root, "failed")
        environment = {**self.land.environment(), "LD_PRELOAD": FAIL_LOCAL, "FAIL_CALLOC": str(number),
                       "FAIL_CALLOC_TOLD": told}
        subprocess.run(self.land.command(*RUN), env=environment, capture_output=True, check=False, timeout=120)
        if not os.path.exists(told):
            return False
        os.unlink(told)
        return True

    def test_nothing_stays_open_whatever_piece_of_memory_is_missing(self):
        self.assertEqual(self.land.sluice(*RUN).returncode, 0)  # all that is made once is there
        for number in range(1, PIECES_MAX):
            self.land.put_ccs_ftp(NAME, BODY)
            was_short = self.run_without(number)
            with self.subTest(number=number):
                done = self.land.sluice(*RUN)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertFalse({row["state"] for row in self.instances()} & {"IN_PROGRESS", "RECOVERING"})
                self.assertEqual(self.across(), {NAME: BODY})
                self.assertEqual(set(self.land.ccs_ftp_files()), {"SENT-" + NAME})
            self.land.empty_ftp()
            if not was_short:
                break
        self.assertFalse(was_short)
        self.assertGreater(number, 10)


if __name__ == "__main__":
    SLUICE, FAIL_LOCAL = (os.path.realpath(one) for one in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])

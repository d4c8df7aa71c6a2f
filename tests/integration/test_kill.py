# SPDX-License-Identifier: MIT
"""The program killed at moments drawn from a seed: nothing is lost, nothing twice, nothing cut is seen,
and the next run goes on where the killed one was: afterwards every file is across and marked.

Usage: test_kill.py SLUICE
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import FLOW_FTP, SOURCE_FOLDER, TARGET_FOLDER, Landscape  # noqa: E402

SLUICE = None
KILLS = 16
FILES = {f"C1-F{i}.csv": bytes([65 + i]) * (700000 + i) for i in range(5)}


class Kill(unittest.TestCase):
    def fill(self, land):
        for server, folder in ((land.ccs_ftp, SOURCE_FOLDER), (land.dacs_ftp, TARGET_FOLDER)):
            for name in os.listdir(server.home + folder):
                os.unlink(os.path.join(server.home + folder, name))
        for name, data in FILES.items():
            land.put_ccs_ftp(name, data)

    def check(self, land, moment):
        source, target = land.ccs_ftp_files(), land.dacs_ftp_files()
        for name, data in FILES.items():
            with self.subTest(file=name, moment=moment):
                self.assertEqual((name in source) + ("SENT-" + name in source), 1, sorted(source))
                if "SENT-" + name in source:
                    self.assertEqual(target.get(name) == data, True, "marked, but not whole at the target")
                self.assertIn(target.get(name), (None, data), "cut under its final name")

    def run_killed(self, land, moment):
        process = subprocess.Popen(land.command("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-"),
                                   env=land.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def test_killed_at_any_moment(self):
        draw = random.Random(20)
        with tempfile.TemporaryDirectory(prefix="sluice-kill-") as folder, Landscape(folder, SLUICE) as land:
            self.fill(land)
            started = time.monotonic()
            land.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-", check=True)
            whole_s = time.monotonic() - started
            for _ in range(KILLS):
                self.fill(land)
                moment = draw.uniform(0.01, whole_s * 2)
                self.run_killed(land, moment)
                self.check(land, moment)
                again = land.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
                self.check(land, moment)
                self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
                self.assertEqual(set(land.dacs_ftp_files()), set(FILES), "nothing else is left")
                self.assertEqual(set(land.ccs_ftp_files()), {"SENT-" + name for name in FILES})
            listed = land.sluice("instances", "--all", check=True).stdout
            self.assertNotRegex(listed, "IN_PROGRESS|RECOVERING")


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

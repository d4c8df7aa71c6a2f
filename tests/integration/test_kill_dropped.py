# SPDX-License-Identifier: MIT
"""The program killed while it cleans up after a refusal: what was removed must not be taken for what was
renamed, or a source would be marked whose file never arrived.

Usage: test_kill_dropped.py SLUICE
"""
import os
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import FLOW_FTP, Landscape  # noqa: E402
from test_ftp_script import HANG_UP, ScriptedServer  # noqa: E402

SLUICE = None
TARGET = "OU FTP DACS for CCS-DACS"
NAME, DATA = "C1-A.csv", b"a" * 100000


class KillDropped(unittest.TestCase):
    def test_a_rename_that_was_refused(self):
        with tempfile.TemporaryDirectory(prefix="sluice-dropped-") as folder, Landscape(folder, SLUICE) as land:
            server = ScriptedServer(RNTO="553 not that name")
            self.addCleanup(server.close)
            land.connections[TARGET] = {"type": "ftp", "host": "127.0.0.1", "port": server.port, "tls": "none",
                                        "user": "u", "password": {"env": "DACS_FTP_PASSWORD"}, "settle_ms": 0}
            land.write_connections(land.connections)
            land.put_ccs_ftp(NAME, DATA)
            process = subprocess.Popen(land.command("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-"),
                                       env=land.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.addCleanup(process.stdout.close)

            def remove_and_kill(session, name):
                session.server.files.pop(name)
                process.send_signal(signal.SIGKILL)
                return HANG_UP

            server.replies["DELE"] = remove_and_kill
            output, _ = process.communicate(timeout=60)
            self.assertEqual(process.returncode, -signal.SIGKILL, output)
            self.assertEqual(server.files, {})
            del server.replies["DELE"], server.replies["RNTO"]
            done = land.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(server.files, {NAME: DATA}, done.stdout)
            self.assertEqual(list(land.ccs_ftp_files()), ["SENT-" + NAME])


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

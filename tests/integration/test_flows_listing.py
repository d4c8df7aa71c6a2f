# SPDX-License-Identifier: MIT
"""Sources whose listings are not what one hopes for, through the whole flow and the real program.

Usage: test_flows_listing.py SLUICE [unittest arguments]
"""
import json
import os
import sys
import unittest

import test_flows
from test_flows import FLOW_FTP, FTP_SOURCE, FlowTest
from test_ftp_script import ANSWERED, LINE, ScriptedServer

MLSD = "211-have\r\n MLSD\r\n211 end"


class Listing(FlowTest):
    def source(self, files, folder="/in", **replies):
        server = ScriptedServer(files, **replies)
        self.addCleanup(server.close)
        self.change(FTP_SOURCE, host="127.0.0.1", port=server.port, tls="none", settle_ms=0)
        self.lookup("ccs.ftp.custsync.input.directory", folder)
        return server

    def run_to(self, expect):
        done = self.land.sluice("--json", "run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        told = json.loads(done.stdout)
        return {one["name"]: one for one in told["files"]["list"]}, told["fault"], done.stderr

    def arrived(self, *names):
        self.assertEqual(sorted(self.land.dacs_ftp_files()), sorted(names))

    def test_sizes_that_are_not_listed(self):
        lines = "".join(f"type=file;modify=20251124000000; C1-{one}.csv\r\n" for one in "abc")
        server = self.source({"C1-a.csv": b"123", "C1-b.csv": b"", "C1-c.csv": b"x" * 2000}, FEAT=MLSD,
                             MLSD=lambda session, _: session.send(lines.encode()) or ANSWERED)
        self.settings({"file_size_max": "1000"})
        files, fault, _ = self.run_to(3)
        self.assertEqual([(one["state"], one["size"]) for one in files.values()],
                         [("transferred", 3), ("transferred", 0), ("not_transferred", 2000)])
        self.assertEqual(fault["code"], "file_too_large")
        self.arrived("C1-a.csv", "C1-b.csv")
        self.assertEqual(sorted(server.files), ["C1-c.csv", "SENT-C1-a.csv", "SENT-C1-b.csv"])

    def test_nothing_of_it_is_understood(self):
        server = self.source({})
        server.listing = "+i8388621.48594,m825718503,r,s280,\tC1-a.csv\r\n"
        _, fault, _ = self.run_to(1)
        self.assertEqual(fault["code"], "unsupported")
        self.assertIn("+i8388621.48594", fault["detail"])
        self.assertNotIn("no file found", json.dumps(self.mails()))

    def test_some_of_it_is_not_understood(self):
        server = self.source({"C1-a.csv": b"123"})
        server.listing = LINE % (3, "C1-a.csv") + "C1-B.CSV;1  1/4  24-NOV-2026 02:30\r\nmore\r\n"
        files, _, log = self.run_to(0)
        self.assertEqual(files["C1-a.csv"]["state"], "transferred")
        self.assertIn("2 entries cannot be understood, the first is 'C1-B.CSV;1  1/4", log)
        self.assertIn("2 entries of the listing", json.dumps(self.mails()))

    def test_a_file_that_goes_before_it_is_read(self):
        def take(session, name):
            if name == "C1-a.csv":
                session.server.files.pop(name, None)
        server = self.source({"C1-a.csv": b"123", "C1-b.csv": b"456"}, RETR=take)
        files, _, _ = self.run_to(3)
        self.assertEqual([one["state"] for one in files.values()], ["not_transferred", "transferred"])
        self.assertIn("gone", files["C1-a.csv"]["detail"])
        self.arrived("C1-b.csv")
        self.assertEqual(list(server.files), ["SENT-C1-b.csv"])

    def test_a_folder_below_the_home(self):
        server = self.source({"C1-a.csv": b"123"}, folder="in",
                             CWD=lambda session, folder: None if folder in ("/home/in", "in") else "550 no")
        server.idle_close = True
        self.run_to(0)
        self.arrived("C1-a.csv")
        self.assertEqual(list(server.files), ["SENT-C1-a.csv"])


if __name__ == "__main__":
    test_flows.SLUICE = os.path.realpath(sys.argv.pop(1))
    unittest.main()

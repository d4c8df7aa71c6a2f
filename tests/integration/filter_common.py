# SPDX-License-Identifier: MIT
"""What the tests of customisations share: a landscape whose workspace gets and loses customisations."""
import json
import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import CONFIG, FLOW_ACK, FLOW_FTP, FLOW_OS, SOURCE_FOLDER, TARGET_FOLDER, Landscape  # noqa: E402

FLOW_FTP_CHILD = "OUTL-BA-OUAL_DACS_FTP_TRANSFER"
FLOW_OS_CHILD = "OUTL-BA-CCS_DACS_OS_TRANSFER"
FLOW_ERRORS = "OUTL-BA-CCS_DACS_ERR_HNDLR"


class FilterTest(unittest.TestCase):
    """Each test begins without customisations, with empty FTP servers and the default settings."""
    sluice = guests = None  # paths, set by main

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-filters-")
        cls.addClassCleanup(folder.cleanup)
        cls.land = Landscape(folder.name, cls.sluice)
        cls.addClassCleanup(cls.land.stop)
        cls.folder = folder.name
        # The build has compiled the guests; what a test makes itself is compiled here.
        shutil.copytree(cls.guests + "_compiled", os.path.join(cls.land.workspace, "state", "compiled"))

    def setUp(self):
        for server, folder in ((self.land.ccs_ftp, SOURCE_FOLDER), (self.land.dacs_ftp, TARGET_FOLDER)):
            for name in os.listdir(server.home + folder):
                os.unlink(os.path.join(server.home + folder, name))
        shutil.rmtree(os.path.join(self.land.workspace, "customizations"), ignore_errors=True)
        self.settings()
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", "ftp")
        self.mails_before = len(self.land.mails())
        self.received_before = len(self.land.ccs_received())

    def settings(self, filters=None, **values):
        values["filters"] = {"unsigned": "allow", **(filters or {})}
        with open(os.path.join(self.land.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump(values, file)

    def guest(self, name):
        return os.path.join(self.guests, f"filter_{name}.wasm")

    def install(self, flow, name, guest):
        """guest: the name of a test guest, or the bytes of the file."""
        folder = os.path.join(self.land.workspace, "customizations", flow)
        os.makedirs(folder, exist_ok=True)
        if isinstance(guest, str):
            with open(self.guest(guest), "rb") as file:
                guest = file.read()
        with open(os.path.join(folder, name + ".new"), "wb") as file:
            file.write(guest)
        os.replace(os.path.join(folder, name + ".new"), os.path.join(folder, name))

    def transfer(self, flow=FLOW_FTP, expect=0):
        done = self.land.sluice("run", flow, "--param", "extractedFileNamePrefix=C1-")
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def acknowledge(self, message, expect=0):
        path = os.path.join(self.folder, "message.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(message if isinstance(message, str) else json.dumps(message))
        done = self.land.sluice("run", FLOW_ACK, "--body", path)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def mails(self):
        return self.land.mails()[self.mails_before:]

    def received(self):
        return self.land.ccs_received()[self.received_before:]

    def instance(self, flow):
        """The newest instance of flow, with its activities."""
        listed = self.land.sluice("instances", "--flow", flow, "--all", "--json", check=True).stdout
        newest = json.loads(listed)["instances"][0]["id"]
        return json.loads(self.land.sluice("show", newest, "--json", check=True).stdout)

    def lines(self, flow):
        return [one["detail"] for one in self.instance(flow)["activity"] if one["import"] == "log"]


def main():
    FilterTest.sluice, FilterTest.guests = (os.path.realpath(path) for path in sys.argv[1:3])
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[3:])

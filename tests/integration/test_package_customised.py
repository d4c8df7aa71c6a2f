# SPDX-License-Identifier: MIT
"""sluice package of flows with customisations: programs, mappings and a flow of the workspace's own travel
along, signed and compiled, and do the same where there is no compiler and nothing can be written.

Usage: test_package_customised.py SLUICE GUEST_FOLDER [unittest arguments]
"""
import json
import os
import shutil
import subprocess
import sys
import unittest

from serverless_common import ServerlessTest, rows
from test_package import ENTRY, PARAMETERS, FnAgent, PackageTest, ack
from landscape import CONFIG, FLOW_ACK, FLOW_FTP

OWN = "UTIL-ACK"
MAPPING = {"mapping": 1, "rules": [
    {"rule": "lookup", "lookup": CONFIG, "property": "ccs.prefixtag.file.uploaded",
     "to": "/externalIds/entityIdList/0/externalPk1"}]}
GUESTS = None


class Customised(PackageTest):
    settings = {"callers": "platform"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys_folder = os.path.join(cls.folder, "signing")
        os.makedirs(cls.keys_folder)
        cls.call("sign", "--new-key", "utility")
        trusted = os.path.join(cls.land.workspace, "trusted_keys")
        os.makedirs(trusted, exist_ok=True)
        shutil.copy(os.path.join(cls.keys_folder, "utility.pem"), trusted)
        cls.sign(json.loads(cls.call("--json", "clone", FLOW_ACK, OWN))["module"])

    @classmethod
    def call(cls, *words):
        done = subprocess.run(cls.land.command(*words), cwd=cls.keys_folder, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout

    @classmethod
    def sign(cls, path):
        cls.call("sign", "--key", "utility.key", path)

    def setUp(self):
        super().setUp()
        self.addCleanup(shutil.rmtree, os.path.join(self.land.workspace, "customizations"), True)

    def install(self, flow, name, data, signed=True):
        folder = os.path.join(self.land.workspace, "customizations", flow)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        if signed:
            self.sign(path)

    def guest(self, name):
        with open(os.path.join(GUESTS, f"filter_{name}.wasm"), "rb") as file:
            return file.read()

    def install_all(self):
        self.install(FLOW_FTP, "name.wasm", self.guest("name"))
        self.install(FLOW_FTP, "name.20-again.wasm", self.guest("name"))
        for flow in (FLOW_ACK, OWN):
            self.install(flow, "mapping.json", json.dumps(MAPPING).encode())

    def check_runs(self, call):
        """call(flow, more of the call) of a package in which all of it is."""
        for number, flow in enumerate((FLOW_ACK, OWN)):
            before = len(self.land.ccs_received())
            call(flow, {"message": json.loads(ack(60 + number))})
            (received,) = self.land.ccs_received()[before:]
            ids = json.loads(received["body"])["externalIds"]["entityIdList"]
            self.assertEqual(ids[0]["externalPk1"], "SENT-")
        self.land.put_ccs_ftp("C1-ONE.csv", rows(2))
        call(FLOW_FTP, {"parameters": PARAMETERS})
        self.assertEqual(list(self.land.dacs_ftp_files()), ["W-W-C1-ONE.csv"])

    def test_they_run_where_nothing_can_be_compiled(self):
        self.need_root()
        self.install_all()
        output = self.package("fn", FLOW_ACK, FLOW_FTP, OWN)
        root, sockets = output + "/rootfs", os.path.join(self.out, "iofs")
        os.mkdir(sockets)
        os.chmod(sockets, 0o777)
        self.check_files(root + "/opt/sluice/")
        preexec, variables = self.jail(root, (sockets, "/tmp/iofs"))
        with FnAgent([*ENTRY, "fn"], sockets, variables, preexec, self.log, "/tmp/iofs") as agent:
            def call(flow, more):
                kind, _, body, _ = agent.call(json.dumps({"flow": flow, **more}).encode(), "application/json")
                self.assertEqual(kind, "ok", body)
            self.check_runs(call)

    def check_files(self, root):
        self.assertEqual(sorted(os.listdir(root + "workspace/customizations/" + FLOW_ACK)),
                         ["mapping.json", "mapping.json.sig"])
        self.assertEqual(sorted(os.listdir(root + "workspace/customizations/" + FLOW_FTP)),
                         ["name.20-again.wasm", "name.wasm"])
        self.assertEqual(os.listdir(root + "workspace/flows"), ["util_ack.wasm"])
        self.assertEqual(os.listdir(root + "workspace/trusted_keys"), ["utility.pem"])
        self.assertIn("mapping.wasm", os.listdir(root + "functions"))

    def test_what_cannot_run_is_not_packaged(self):
        self.install(FLOW_ACK, "message.wasm", self.guest("message"), signed=False)
        self.package("fn", FLOW_ACK, name="x", expect=2)
        self.assertIn(f"customisation 'message.wasm' of flow '{FLOW_ACK}' cannot be used: it is not signed",
                      self.printed)
        self.package("fn", FLOW_FTP, name="y")  # it is not in that one


if __name__ == "__main__":
    ServerlessTest.program, GUESTS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])

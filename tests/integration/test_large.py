# SPDX-License-Identifier: MIT
"""One file above 4 GiB through each of the four routes: whole at the target, and the program's memory is
that of a small file. Takes minutes and 20 GiB of disk, so the build has it only with
-DSLUICE_LONG_TESTS=ON. Usage: test_large.py SLUICE [unittest arguments]
"""
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import (BUCKET, CONFIG, FLOW_FTP, FLOW_OS, SOURCE_FOLDER, TARGET_FOLDER,  # noqa: E402
                       Landscape)

SLUICE = None
SIZE = (4 << 30) + 12_345
BLOCK = 4 << 20
GROWTH_KIB = 16 << 10


def write_sparse(path, size):
    """Zeros but for random bytes at the beginning, around 4 GiB, and at the end."""
    with open(path, "wb") as file:
        file.truncate(size)
        for at in (0, min(4 << 30, size) - 4096, size - 4096):
            file.seek(max(at, 0))
            file.write(os.urandom(min(4096, size)))


class Large(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-large-")
        cls.addClassCleanup(folder.cleanup)
        cls.land = Landscape(folder.name, SLUICE, settings={"file_size_max": 0})
        cls.addClassCleanup(cls.land.stop)
        cls.original = os.path.join(folder.name, "original")
        cls.source_folder = cls.land.ccs_ftp.home + SOURCE_FOLDER
        cls.target_folder = cls.land.dacs_ftp.home + TARGET_FOLDER

    def tearDown(self):
        self.land.empty_ftp()
        for storage in (self.land.ccs_storage, self.land.dacs_storage):
            for one in json.loads(self.land._admin(storage, f"/_objects/{BUCKET}")):
                self.land.delete_object(storage, one["name"])

    def ask(self, storage, method, name, **options):
        connection = http.client.HTTPSConnection("localhost", storage.port, timeout=300,
                                                 context=ssl.create_default_context(cafile=self.land.ca))
        self.addCleanup(connection.close)
        connection.request(method, f"/_objects/{BUCKET}/{urllib.parse.quote(name, safe='')}", **options)
        answer = connection.getresponse()
        self.assertLess(answer.status, 300)
        return answer

    def put(self, is_ftp, name, size):
        write_sparse(self.original, size)
        if is_ftp:
            path = os.path.join(self.source_folder, name)
            subprocess.run(["cp", "--sparse=always", self.original, path], check=True)
            owner = os.stat(self.land.ccs_ftp.home)
            os.chown(path, owner.st_uid, owner.st_gid)
        else:
            with open(self.original, "rb") as file:
                self.ask(self.land.ccs_storage, "PUT", name, body=file,
                         headers={"Content-Length": str(size)}).read()

    def check_same(self, is_ftp, name):
        with open(self.original, "rb") as expected:
            got = open(os.path.join(self.target_folder, name), "rb") if is_ftp \
                else self.ask(self.land.dacs_storage, "GET", name)
            with got:
                while block := expected.read(BLOCK):
                    self.assertTrue(got.read(len(block)) == block, f"differs before byte {expected.tell()}")
                self.assertEqual(got.read(1), b"")

    def run_flow(self, flow, prefix):
        """Gives the largest resident size, in KiB."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                self.land.command("run", flow, "--param", f"extractedFileNamePrefix={prefix}"),
                env=self.land.environment(), stdout=said, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            self.assertEqual(process.returncode, 0, said.read().decode())
        return usage.ru_maxrss

    def carry(self, flow, target):
        is_from_ftp, is_to_ftp = flow == FLOW_FTP, target == "ftp"
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", target)
        resident = []
        for prefix, size in (("C1-SMALL", 64 << 20), ("C1-LARGE", SIZE)):
            self.put(is_from_ftp, prefix + ".csv", size)
            resident.append(self.run_flow(flow, prefix))
            self.check_same(is_to_ftp, prefix + ".csv")
        print(f"{flow[-3:]} to {target}: {resident[0]} KiB resident for 64 MiB, {resident[1]} KiB for {SIZE} bytes")
        self.assertLess(resident[1] - resident[0], GROWTH_KIB)

    def test_ftp_to_ftp(self):
        self.carry(FLOW_FTP, "ftp")

    def test_ftp_to_object_storage(self):
        self.carry(FLOW_FTP, "os")

    def test_object_storage_to_ftp(self):
        self.carry(FLOW_OS, "ftp")

    def test_object_storage_to_object_storage(self):
        self.carry(FLOW_OS, "os")


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

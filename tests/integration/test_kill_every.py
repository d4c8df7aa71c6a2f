# SPDX-License-Identifier: MIT
"""The program killed before and after its effects, on all four routes, with a reader that takes files from
the target as soon as they show: each file is delivered exactly once and whole, its source is marked, the
notice is sent under one Message-ID, and no instance stays open.

Usage: test_kill_every.py SLUICE PRELOAD ROUTE[+FILTER.wasm] [unittest arguments]
SLUICE_KILLS: how many moments are drawn from the seed SLUICE_SEED (default 8 from seed 1); "all": each.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import CONFIG, FLOW_FTP, FLOW_OS, SOURCE_FOLDER, TARGET_FOLDER, Landscape  # noqa: E402

SLUICE = PRELOAD = ROUTE = None
FILES = {"C1-A.csv": b"a" * 70000, "C1-B.csv.zip": b"b" * 1200000, "C1-C.csv": b""}
SIGKILLED = -9


class KillEvery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-kill-every-")
        cls.addClassCleanup(folder.cleanup)
        cls.land = Landscape(folder.name, SLUICE)
        cls.addClassCleanup(cls.land.stop)
        cls.count_file = os.path.join(folder.name, "count")
        route, _, guest = ROUTE.partition("+")
        cls.source, cls.target = route.split("-")
        cls.flow = FLOW_FTP if cls.source == "ftp" else FLOW_OS
        cls.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", cls.target)
        if guest:
            cls.customise(guest)

    @classmethod
    def customise(cls, guest):
        """Every file passes a filter, which leaves these files as they are."""
        folder = os.path.join(cls.land.workspace, "customizations", cls.flow)
        os.makedirs(folder)
        shutil.copy(guest, os.path.join(folder, "content.wasm"))
        with open(os.path.join(cls.land.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump({"filters": {"unsigned": "allow"}}, file)

    # ---- source and target, whichever they are ----------------------------------------------------

    def source_files(self):
        return self.land.ccs_ftp_files() if self.source == "ftp" else self.land.objects(self.land.ccs_storage)

    def target_files(self):
        return self.land.dacs_ftp_files() if self.target == "ftp" else self.land.objects(self.land.dacs_storage)

    def fill(self):
        for name in self.source_files():
            self.remove(self.source, self.land.ccs_ftp, SOURCE_FOLDER, self.land.ccs_storage, name)
        for name, data in FILES.items():
            if self.source == "ftp":
                self.land.put_ccs_ftp(name, data)
            else:
                self.land.put_object(self.land.ccs_storage, name, data)
        self.taken = []

    def remove(self, kind, server, folder, storage, name):
        if kind == "ftp":
            os.unlink(os.path.join(server.home + folder, name))
        else:
            self.land.delete_object(storage, name)

    def take(self):
        """What a reader does: takes each file that shows under its own name; temporary ones are not its."""
        left = []
        for name, data in self.target_files().items():
            if name.endswith(".part"):
                left.append(name)
                continue
            self.taken.append((name, data))
            self.remove(self.target, self.land.dacs_ftp, TARGET_FOLDER, self.land.dacs_storage, name)
        return left

    # ---- runs -------------------------------------------------------------------------------------

    def run_once(self, at=0, when="before"):
        command = self.land.command("run", self.flow, "--param", "extractedFileNamePrefix=C1-")
        environment = {**self.land.environment(), "LD_PRELOAD": PRELOAD, "KILL_AT": str(at), "KILL_WHEN": when,
                       "KILL_COUNT": self.count_file}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def instances(self):
        listed = self.land.sluice("instances", "--all", "--limit", "1000", "--json", check=True).stdout
        return json.loads(listed)["instances"]

    def check_outcome(self, said):
        left = self.take()
        self.assertEqual(sorted(self.taken), sorted(FILES.items()), said)
        self.assertEqual(set(self.source_files()), {"SENT-" + name for name in FILES}, said)
        self.assertEqual(left, [], said)
        open_ones = [row["id"] for row in self.instances() if row["state"] == "IN_PROGRESS"]
        self.assertEqual(open_ones, [], said)

    def test_every_effect(self):
        self.fill()
        done = self.run_once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.check_outcome(done.stdout + done.stderr)
        with open(self.count_file, encoding="ascii") as file:
            count = int(file.read())
        moments = [(at, when) for at in range(1, count + 1) for when in ("before", "after")]
        wanted = os.environ.get("SLUICE_KILLS", "8")
        if wanted != "all":
            draw = random.Random(f"{os.environ.get('SLUICE_SEED', '1')} {ROUTE}")
            moments = sorted(draw.sample(moments, min(int(wanted), len(moments))))
        killed = 0
        for at, when in moments:
            with self.subTest(at=at, of=count, when=when):
                self.fill()
                mails = len(self.land.mails())
                killed += self.run_once(at, when).returncode == SIGKILLED
                self.take()
                again = self.run_once()
                said = f"killed {when} effect {at}: {again.stdout}{again.stderr}"
                self.assertEqual(again.returncode, 0, said)
                self.check_outcome(said)
                notices = {mail["message_id"] for mail in self.land.mails()[mails:]
                           if "no file" not in mail["subject"].lower()}
                self.assertEqual(len(notices), 1, said)
        print(f"{ROUTE}: {count} effects, killed {killed} times", file=sys.stderr)
        self.assertGreaterEqual(killed, len(moments) // 2)


if __name__ == "__main__":
    SLUICE, PRELOAD, ROUTE = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), sys.argv[3]
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])

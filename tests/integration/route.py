# SPDX-License-Identifier: MIT
"""A route between two servers of the landscape, with files to carry and a reader that takes what arrives;
what the tests that kill and cut have in common."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import CONFIG, FLOW_FTP, FLOW_OS, SOURCE_FOLDER, TARGET_FOLDER, Landscape  # noqa: E402

FILES = {"C1-A.csv": b"a" * 70000, "C1-B.csv.zip": b"b" * 1200000, "C1-C.csv": b""}
SIGKILLED = -9
ENDED = ("COMPLETED", "FAILED", "ABORTED")


class Route:
    """source and target: "os", or a server with folders: a kind of servers.py, "ftp" for the landscape's own.
    preload: the library kill_at, for run_once."""

    def __init__(self, folder, sluice, preload, source, target):
        kinds = {side: kind for side, kind in (("ccs_ftp", source), ("dacs_ftp", target))
                 if kind not in ("ftp", "os")}
        self.land = Landscape(folder, sluice, **kinds)
        self.preload = preload
        self.count_file = os.path.join(folder, "count")
        self.from_os, self.to_os = source == "os", target == "os"
        self.flow = FLOW_OS if self.from_os else FLOW_FTP
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", "os" if self.to_os else "ftp")
        self.taken = []

    # ---- source and target, whichever they are ----------------------------------------------------

    def source_files(self):
        return self.land.objects(self.land.ccs_storage) if self.from_os else self.land.ccs_ftp_files()

    def target_files(self):
        return self.land.objects(self.land.dacs_storage) if self.to_os else self.land.dacs_ftp_files()

    def fill(self):
        for name in self.source_files():
            self._remove(self.from_os, self.land.ccs_ftp, SOURCE_FOLDER, self.land.ccs_storage, name)
        for name, data in FILES.items():
            if self.from_os:
                self.land.put_object(self.land.ccs_storage, name, data)
            else:
                self.land.put_ccs_ftp(name, data)
        self.taken = []

    def _remove(self, is_object, server, folder, storage, name):
        if is_object:
            self.land.delete_object(storage, name)
        else:
            os.unlink(os.path.join(server.home + folder, name))

    def take(self):
        """What a reader does: takes each file that shows under its own name; gives the temporary ones,
        which are not its."""
        left = []
        for name, data in self.target_files().items():
            if name.endswith(".part"):
                left.append(name)
                continue
            self.taken.append((name, data))
            self._remove(self.to_os, self.land.dacs_ftp, TARGET_FOLDER, self.land.dacs_storage, name)
        return left

    # ---- runs -------------------------------------------------------------------------------------

    def run_once(self, at=0, when="before", kill_after_s=None):
        command = self.land.command("run", self.flow, "--param", "extractedFileNamePrefix=C1-")
        environment = {**self.land.environment(), "LD_PRELOAD": self.preload, "KILL_AT": str(at),
                       "KILL_WHEN": when, "KILL_COUNT": self.count_file}
        try:
            return subprocess.run(command, env=environment, capture_output=True, text=True,
                                  timeout=kill_after_s or 120, check=False)
        except subprocess.TimeoutExpired as late:
            if not kill_after_s:
                raise
            said = [(one or b"").decode() for one in (late.stdout, late.stderr)]
            return subprocess.CompletedProcess(command, SIGKILLED, *said)

    def effects(self):
        """How many the newest run had that ended by itself."""
        with open(self.count_file, encoding="ascii") as file:
            return int(file.read())

    def instances(self):
        listed = self.land.sluice("instances", "--all", "--limit", "1000", "--json", check=True).stdout
        return json.loads(listed)["instances"]

    def check_outcome(self, test, said):
        """Each file taken once and whole, marked at its source; nothing left over, nothing open."""
        left = self.take()
        test.assertEqual(sorted(self.taken), sorted(FILES.items()), said)
        test.assertEqual(set(self.source_files()), {"SENT-" + name for name in FILES}, said)
        test.assertEqual(left, [], said)
        # One without parts may be unknown to the program: the answer that named it was lost.
        uploads = self.land.open_uploads(self.land.dacs_storage) if self.to_os else []
        test.assertEqual([one for one in uploads if one["parts"]], [], said)
        open_ones = [row["id"] for row in self.instances() if row["state"] not in ENDED]
        test.assertEqual(open_ones, [], said)

    def notices(self, before):
        """Message-IDs of the notices among the mails behind the first `before`."""
        return {mail["message_id"] for mail in self.land.mails()[before:]
                if "no file" not in mail["subject"].lower()}

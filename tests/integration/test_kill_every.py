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
import sys
import tempfile
import unittest

from route import SIGKILLED, Route  # noqa: E402

SLUICE = PRELOAD = ROUTE = None


class KillEvery(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-kill-every-")
        cls.addClassCleanup(folder.cleanup)
        route, _, guest = ROUTE.partition("+")
        cls.route = Route(folder.name, SLUICE, PRELOAD, *route.split("-"))
        cls.addClassCleanup(cls.route.land.stop)
        if guest:
            cls.customise(guest)

    @classmethod
    def customise(cls, guest):
        """Every file passes a filter, which leaves these files as they are."""
        workspace = cls.route.land.workspace
        folder = os.path.join(workspace, "customizations", cls.route.flow)
        os.makedirs(folder)
        shutil.copy(guest, os.path.join(folder, "content.wasm"))
        with open(os.path.join(workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump({"filters": {"unsigned": "allow"}}, file)

    def test_every_effect(self):
        route = self.route
        for _ in range(2):  # a first run compiles the filter as well, which the next ones do not
            route.fill()
            done = route.run_once()
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            route.check_outcome(self, done.stdout + done.stderr)
            route.take()
        count = route.effects()
        moments = [(at, when) for at in range(1, count + 1) for when in ("before", "after")]
        wanted = os.environ.get("SLUICE_KILLS", "8")
        if wanted != "all":
            draw = random.Random(f"{os.environ.get('SLUICE_SEED', '1')} {os.path.basename(ROUTE)}")
            moments = sorted(draw.sample(moments, min(int(wanted), len(moments))))
        killed = 0
        for at, when in moments:
            with self.subTest(at=at, of=count, when=when):
                route.fill()
                mails = len(route.land.mails())
                killed += route.run_once(at, when).returncode == SIGKILLED
                route.take()
                again = route.run_once()
                said = f"killed {when} effect {at}: {again.stdout}{again.stderr}"
                self.assertEqual(again.returncode, 0, said)
                route.check_outcome(self, said)
                self.assertEqual(len(route.notices(mails)), 1, said)
        print(f"{ROUTE}: {count} effects, killed {killed} times", file=sys.stderr)
        self.assertGreaterEqual(killed, len(moments) // 2)


if __name__ == "__main__":
    SLUICE, PRELOAD, ROUTE = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), sys.argv[3]
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])

# SPDX-License-Identifier: MIT
"""The server under load for a while: acknowledgements as fast as they are answered, from many
connections, while transfers run and the store is read. Each is answered once, recorded once,
and CCS gets it once; memory and descriptors stay as they are. What is beyond the limits is refused with
Retry-After, reaches nobody and is not recorded as done.

Usage: test_soak.py SLUICE LOAD BACKEND [--seconds N] [--connections N] [unittest arguments]
LOAD and BACKEND are relay_load and relay_backend of tests/bench.
"""
import argparse
import collections
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import FLOW_FTP, Landscape  # noqa: E402
from program import ACK_PATH, Program  # noqa: E402

GIVEN = None
USER, PASSWORD = "dacs", "dacs-soak-secret"
WARM_UP_SECONDS, OVERLOAD_SECONDS = 3, 4
RATE = 300  # of one account in the overload; far below what is sent
GROWTH_MIB = 16
FILES_A_RUN = 3


class Background:
    """Calls step(number) again and again on a thread until it is stopped; then tells what went wrong."""

    def __init__(self, step):
        self.step, self.count, self.failure = step, 0, None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping.is_set():
                self.step(self.count)
                self.count += 1
        except Exception as problem:  # told by stop
            self.failure = problem

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.failure:
            raise self.failure


class Soak(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-soak-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.land = Landscape(os.path.join(self.folder, "land"), GIVEN.sluice)
        self.addCleanup(self.land.stop)
        self.received_file = os.path.join(self.folder, "received")
        self.backend = Program(GIVEN.backend, self.received_file)
        self.addCleanup(self.backend.stop)
        connections = self.land.default_connections(0)
        connections["OU REST CCS for CCS-DACS"] = {
            "type": "rest", "url": f"http://127.0.0.1:{self.backend.port}/ouaf", "auth": "basic",
            "user": "integration", "password": {"env": "CCS_PASSWORD"}}
        self.land.write_connections(connections)
        self.land.sluice("users", "add", USER, "--role", "invoke", check=True, input=PASSWORD + "\n")
        self.next = 1

    # ---- what is compared -------------------------------------------------------------------------

    def serve(self, settings):
        path = os.path.join(self.land.workspace, "sluice.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(settings)
        log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        server = Program(GIVEN.sluice, "-w", self.land.workspace, "serve", "--listen", "127.0.0.1:0",
                         environment=self.land.environment(), errors=log)
        self.addCleanup(server.stop)
        return server

    def load(self, server, seconds):
        """Statuses by sync request, in the order of answering."""
        path = os.path.join(self.folder, f"answers-{self.next}")
        done = subprocess.run(
            [GIVEN.load, f"http://127.0.0.1:{server.port}{ACK_PATH}", f"{USER}:{PASSWORD}",
             str(GIVEN.connections), str(seconds), str(self.next), path],
            capture_output=True, text=True, check=True, timeout=seconds + 120)
        self.counts = [int(one) for one in done.stdout.split()]
        with open(path, encoding="ascii") as file:
            answers = dict(line.split() for line in file)
        self.assertEqual(len(answers), self.counts[0], "each was answered once")
        self.next += len(answers)
        return answers

    def received(self):
        self.assertEqual(self.backend.stop(how=None), 0)
        with open(self.received_file, encoding="ascii") as file:
            return collections.Counter(line.strip() for line in file)

    def recorded(self):
        """How often each sync request is recorded, by state."""
        path = os.path.join(self.land.workspace, "state", "sluice.db")
        by_state = collections.defaultdict(collections.Counter)
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            for state, value in db.execute(
                    "SELECT i.state, t.value FROM instance i LEFT JOIN track t ON t.instance = i.number"
                    " AND t.name = 'sync_request_id' WHERE i.trigger = 'rest'"):
                by_state[state][value] += 1
        return by_state

    def check_once(self, expected, what, counts):
        self.assertEqual(set(expected) - set(counts), set(), f"{what}: missing")
        self.assertEqual(set(counts) - set(expected), set(), f"{what}: nobody was told of them")
        self.assertEqual([one for one, count in counts.items() if count != 1], [], f"{what}: not once")

    # ---- what goes on beside ----------------------------------------------------------------------

    def transfer(self, number):
        names = [f"C1-SOAK-{number}-{i}.csv" for i in range(FILES_A_RUN)]
        for name in names:
            self.land.put_ccs_ftp(name, name.encode() * 1000)
        done = self.land.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-SOAK-")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.sent += names

    def look(self, _):
        for command in (("instances", "--limit", "200"), ("errors",), ("purge", "--dry-run")):
            done = self.land.sluice(*command)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def descriptors(self):
        """How many the server has once the connections of the last load are closed."""
        seen = []
        while len(seen) < 10 or len(set(seen[-10:])) > 1:
            seen.append(self.server.descriptors())
            self.assertLess(len(seen), 300, seen[-10:])
            time.sleep(0.1)
        return seen[-1]

    def watch(self, _):
        self.resident.append(self.server.resident_mib())
        time.sleep(0.2)

    # ---- the tests --------------------------------------------------------------------------------

    def test_at_full_rate(self):
        self.server = self.serve('{"retention_days": 1}')
        self.sent, self.resident = [], []
        answers = self.load(self.server, WARM_UP_SECONDS)
        before = self.descriptors()
        beside = [Background(self.transfer), Background(self.look), Background(self.watch)]
        try:
            answers.update(self.load(self.server, GIVEN.seconds))
        finally:
            for one in beside:
                one.stop()
        after, third = self.descriptors(), len(self.resident) // 3
        print(f"{self.counts[0]} acknowledgements in {GIVEN.seconds} s, {beside[0].count} transfers, "
              f"{beside[1].count} looks; resident {self.resident[0]:.0f} to {max(self.resident):.0f} "
              f"MiB; descriptors {before} to {after}")
        self.assertGreater(beside[0].count, 0)
        self.assertLessEqual(after, before + 8)
        self.assertLess(max(self.resident[2 * third:]), max(self.resident[:third + 1]) + GROWTH_MIB)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual({status for status in answers.values()}, {"200"})
        self.check_once(answers, "CCS", self.received())
        states = self.recorded()
        self.assertEqual(set(states), {"COMPLETED"})
        self.check_once(answers, "store", states["COMPLETED"])
        target = self.land.dacs_ftp_files()
        self.assertEqual({name: target.get(name) for name in self.sent},
                         {name: name.encode() * 1000 for name in self.sent})

    def test_beyond_the_limits(self):
        self.server = self.serve('{"server": {"account_rate": %d, "workers": 2}}' % RATE)
        answers = self.load(self.server, OVERLOAD_SECONDS)
        requests, accepted, refused, others = self.counts
        print(f"{requests} acknowledgements: {accepted} accepted, {refused} refused with Retry-After")
        self.assertEqual(others, 0, collections.Counter(answers.values()))
        self.assertGreater(accepted, RATE)
        self.assertGreater(refused, 0)
        self.assertEqual(self.server.stop(), 0)
        done = [one for one, status in answers.items() if status == "200"]
        self.check_once(done, "CCS", self.received())
        self.check_once(done, "store", self.recorded()["COMPLETED"])


def main():
    global GIVEN
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("sluice", "load", "backend"):
        parser.add_argument(name, type=os.path.realpath)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=32)
    GIVEN, rest = parser.parse_known_args()
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()

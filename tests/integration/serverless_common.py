# SPDX-License-Identifier: MIT
"""What the tests of the serverless modes share: one landscape for a script, a log to look into, and the
measuring of cold starts."""
import contextlib
import json
import os
import sqlite3
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import extracts  # noqa: E402
from landscape import SECRETS, Landscape  # noqa: E402

COLD_START_MS_MAX = 50
COLD_START_YARDS_MAX = 3  # starts of Python, on machines where those take more
COLD_START_ATTEMPTS = 40  # the machine may be busy: the quickest of them tells what it costs


# What comes with calls, in the words of W3C.
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def rows(number, kind="contact"):
    return b"".join(extracts.content(kind, True, records=number, seed=number))


class ServerlessTest(unittest.TestCase):
    """settings: of sluice.json. program: set by the script that runs the tests."""
    program = None
    settings = {}
    shared = None  # the folder and landscape of all classes

    @classmethod
    def setUpClass(cls):
        if ServerlessTest.shared is None:
            folder = tempfile.TemporaryDirectory(prefix="sluice-functions-")
            ServerlessTest.shared = folder, Landscape(folder.name, cls.program)
            unittest.addModuleCleanup(folder.cleanup)
            unittest.addModuleCleanup(cls.shared[1].stop)
        cls.folder, cls.land = cls.shared[0].name, cls.shared[1]
        cls.configure(cls.settings)
        users = os.path.join(cls.land.workspace, "users.json")
        if os.path.exists(users):
            os.unlink(users)

    @classmethod
    def configure(cls, settings):
        with open(os.path.join(cls.land.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)

    def setUp(self):
        self.log = tempfile.TemporaryFile()
        self.addCleanup(self.log.close)

    def said(self):
        """What the program wrote, without a secret in it."""
        with open(f"/proc/self/fd/{self.log.fileno()}", "rb") as file:
            text = file.read().decode()
        for secret in SECRETS.values():
            self.assertNotIn(secret, text)
        return text

    def lines(self):
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def ends(self):
        """The lines that tell the ends of executions, but for those that flows called."""
        return [line for line in self.lines()
                if line["message"] == "execution ended" and "parent" not in line]

    def stored(self, instance):
        """What stands on the disk of an instance, without asking the program; and that nobody holds
        the database."""
        path = os.path.join(self.land.workspace, "state", "sluice.db")
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            row = database.execute("SELECT state, finished_ms FROM instance WHERE id = ?",
                                   (instance,)).fetchone()
            database.execute("ROLLBACK")
        return row

    def cold_start(self, name, start):
        """start() gives the seconds from the process's start to its first answer, and its processor
        time up to then. Where others keep the machine busy, the latter is held against the limit; where
        it is a slow machine, against what a start of Python takes on it in the same moments."""
        walls, works, yards = [], [], []

        def is_held():
            limit = max(COLD_START_MS_MAX, COLD_START_YARDS_MAX * min(yards))
            is_busy = os.getloadavg()[0] > os.cpu_count()
            return min(works if is_busy else walls) <= limit

        while len(walls) < COLD_START_ATTEMPTS and (len(walls) < 5 or not is_held()):
            wall, work = start()
            walls.append(wall * 1000)
            works.append(work * 1000)
            yards.append(python_start_seconds() * 1000)
        print(f"cold start, {name}: first answer {min(walls):.1f} ms after the process's start, "
              f"{min(works):.1f} ms of processor time; Python starts in {min(yards):.1f} ms of it",
              flush=True)
        self.assertTrue(is_held(), (walls, works, yards))


def python_start_seconds():
    """The processor time of an interpreter that does nothing: libraries loaded, files read."""
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-I", "-c", "pass"])
    _, status, used = os.wait4(pid, 0)
    if status:
        raise AssertionError(f"Python ended with {status}")
    return used.ru_utime + used.ru_stime


def processor_seconds(pid):
    """What all threads of a process have used so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):  # one that ends meanwhile
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e9

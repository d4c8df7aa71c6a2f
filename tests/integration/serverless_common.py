# SPDX-License-Identifier: MIT
"""What the tests of the serverless modes share: one landscape for a class, a log to look into, and the
measuring of cold starts."""
import json
import os
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import extracts  # noqa: E402
from landscape import SECRETS, Landscape  # noqa: E402

COLD_START_MS_MAX = 50
COLD_START_ATTEMPTS = 40  # the machine may be busy: the quickest of them tells what it costs


def rows(number, kind="contact"):
    return b"".join(extracts.content(kind, True, records=number, seed=number))


class ServerlessTest(unittest.TestCase):
    """settings: of sluice.json. program: set by the script that runs the tests."""
    program = None
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-fn-")
        cls.addClassCleanup(folder.cleanup)
        cls.land = Landscape(folder.name, cls.program)
        cls.addClassCleanup(cls.land.stop)
        cls.folder = folder.name
        cls.configure(cls.settings)

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

    def cold_start(self, name, start):
        """start() gives the seconds from the process's start to its first answer."""
        quickest = 1e9
        for _ in range(COLD_START_ATTEMPTS):
            quickest = min(quickest, start() * 1000)
            if quickest <= COLD_START_MS_MAX:
                break
            time.sleep(0.05)
        print(f"cold start, {name}: first answer {quickest:.1f} ms after the process's start")
        self.assertLessEqual(quickest, COLD_START_MS_MAX)

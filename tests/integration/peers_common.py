# SPDX-License-Identifier: MIT
"""What the tests of the peers share: the import path, a scratch folder, curl."""
import os
import subprocess
import sys
import tempfile
import unittest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(REPOSITORY, "tests", "peers")
sys.path.insert(0, PEERS)


class PeerTest(unittest.TestCase):
    """A test case with a scratch folder of its own and peers that are stopped at its end."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="peers-")
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def path(self, name, content=None):
        path = os.path.join(self.root, name)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def start(self, peer_class, *arguments, **options):
        peer = peer_class(*arguments, **options)
        self.addCleanup(peer.stop)
        return peer

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()


def curl(*arguments, seconds=20):
    """(exit status, standard output) of curl; progress off, errors on standard error."""
    command = ["curl", "-sS", "--max-time", str(seconds), *[str(one) for one in arguments]]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=seconds + 10)
    return done.returncode, done.stdout

# SPDX-License-Identifier: MIT
"""What the tests over web_driver share: connections.json, running steps, talking to stand-ins."""
import http.client
import json
import os
import subprocess
import sys
import unittest
import urllib.parse

from peers_common import PeerTest

DRIVER = None
SECRET = "s3cret-never-shown"


def main(module_name="__main__"):
    """test_x.py DRIVER [unittest arguments]"""
    global DRIVER
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} WEB_DRIVER [test...]")
    sys.modules["web_common"].DRIVER = os.path.abspath(sys.argv.pop(1))
    unittest.main(module=module_name, verbosity=2)


def admin(peer, method, path, value=None):
    """A request to the unsigned, unrecorded side of an HTTP peer; the answer as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=30)
    try:
        connection.request(method, path, None if value is None else json.dumps(value))
        answer = connection.getresponse()
        return json.loads(answer.read() or b"null")
    finally:
        connection.close()


def object_bytes(peer, bucket, name):
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=60)
    try:
        connection.request("GET", f"/_objects/{bucket}/{urllib.parse.quote(name, safe='')}")
        answer = connection.getresponse()
        data = answer.read()
        return data if answer.status == 200 else None
    finally:
        connection.close()


class WebTest(PeerTest):
    """connections: name -> settings, as in connections.json."""

    def setUp(self):
        super().setUp()
        self.connections = {}
        self.environment = {"WEB_SECRET": SECRET}

    def write_connections(self):
        with open(self.path("connections.json"), "w", encoding="utf-8") as file:
            json.dump(self.connections, file)

    def start_driver(self, steps):
        self.write_connections()
        process = subprocess.Popen([sys.modules["web_common"].DRIVER, self.root], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, **self.environment})
        process.stdin.write(json.dumps(steps).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def finish_driver(self, process):
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, err.decode())
        for secret in self.environment.values():
            self.assertNotIn(secret.encode(), out + err)
        return [json.loads(line) for line in out.splitlines()]

    def run_steps(self, *steps):
        return self.finish_driver(self.start_driver(steps))

    def step(self, **step):
        return self.run_steps(step)[0]

    def good(self, **step):
        answer = self.step(**step)
        self.assertTrue(answer["ok"], answer.get("message"))
        return answer

    def bad(self, kind, *words, **step):
        """The step fails with that kind; every word is in its sentence, the connection's name too."""
        answer = self.step(**step)
        self.assertFalse(answer["ok"], answer)
        self.assertEqual(answer["kind"], kind, answer["message"])
        for word in (step["connection"], *words):
            self.assertIn(word, answer["message"])
        return answer

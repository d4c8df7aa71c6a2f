# SPDX-License-Identifier: MIT
"""A tenant that burns processors, memory, descriptors and disk, and the acknowledgements of its neighbour.
Both are under one supervisor. The neighbour is asked at a steady pace while the other is idle and while it
burns, in turns, so that whatever else the machine does is in both; what is compared are the medians of the
rounds. Bounds, also in docs/tenants.md: half of the answers take at most 4 times as long, 99 of 100 at most
10 times, or FLOOR_MS where that is more.

Usage: test_tenants.py SLUICE SLUICE_TRANSLATE MODULE BACKEND FLOWS [--rounds N] [unittest arguments]
MODULE: misbehave of tests/guests; FLOWS: the folder of the acknowledgement's module.
"""
import argparse
import http.client
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from program import ACK_PATH, Program, basic  # noqa: E402
from serve_common import add_user, wait_until  # noqa: E402
from supervise_common import IS_ROOT, Place, Supervisor, process_facts  # noqa: E402

GIVEN = None
USER, PASSWORD = "dacs", "dacs-tenants-secret"
RATIO_HALF, RATIO_MOST = 4, 10
FLOOR_MS = {"half": 50, "most": 250}
SETTLE_SECONDS, ROUND_REQUESTS, PACE_SECONDS = 1.5, 150, 0.02
MEMORY_MIB, DESCRIPTORS = 512, 1024
MISBEHAVE_PATH = "/ic/api/integration/v1/flows/rest/MISBEHAVE/1.0/misbehave"
BURNERS = {"L": 12, "H": 12, "F": 8}  # connections that ask for: loops, memory, lines for the store


class Burning:
    """Clients of the tenant that burns, until they are stopped. Failures are its own affair."""

    def __init__(self, port):
        self.port, self.stopping, self.sockets = port, threading.Event(), set()
        self.counts = dict.fromkeys([*BURNERS, "held", "failed"], 0)
        self.threads = [threading.Thread(target=self._ask, args=(what,))
                        for what, count in BURNERS.items() for _ in range(count)]
        self.threads.append(threading.Thread(target=self._hold))
        for thread in self.threads:
            thread.start()

    def _connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.connect()
        self.sockets.add(connection.sock)
        return connection

    def _ask(self, what):
        body = (what + "x" * 3000).encode()
        while not self.stopping.is_set():
            try:
                connection = self._connect()
                connection.request("POST", MISBEHAVE_PATH, body, {
                    "Authorization": basic(USER, PASSWORD), "Content-Type": "text/plain"})
                connection.getresponse().read()
                self.counts[what] += 1
                self.sockets.discard(connection.sock)
                connection.close()
            except (OSError, http.client.HTTPException):
                self.counts["failed"] += 1
                self.stopping.wait(0.05)

    def _hold(self):
        """More connections than it may have descriptors."""
        while not self.stopping.is_set() and self.counts["held"] < DESCRIPTORS + 200:
            try:
                self._connect()
                self.counts["held"] += 1
            except OSError:
                self.stopping.wait(0.05)

    def stop(self):
        self.stopping.set()
        while any(thread.is_alive() for thread in self.threads):
            for one in list(self.sockets):  # ends whoever waits for an answer
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            time.sleep(0.05)
        for one in self.sockets:
            one.close()


class Neighbours(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="sluice-flow-")
        self.addCleanup(made.cleanup)
        received = os.path.join(made.name, "received")
        self.backend = Program(GIVEN.backend, received)
        self.addCleanup(self.backend.stop)
        flow = os.path.join(made.name, "misbehave.wasm")
        subprocess.run([GIVEN.translate, GIVEN.module, "--embed", self.manifest(made.name), "--output",
                        flow], check=True)
        self.place = Place(GIVEN.sluice, GIVEN.translate,
                           [flow, os.path.join(GIVEN.flows, "customer_sync_ack.wasm")])
        self.addCleanup(self.place.clean)
        self.place.write("supervise.json", {"tenants": {"burner": {
            "memory": f"{MEMORY_MIB}MiB", "descriptors": DESCRIPTORS, "file_size": "64MiB"}}})
        settings = {"tracing": "debug", "store_size_max": "32MiB", "memory_mib_max": 256,
                    "server": {"listen": "127.0.0.1:0", "stop_s": 1, "workers": 32, "account_rate": 0,
                               "address_rate": 0}}
        for name, more in (("burner", settings),
                           ("quiet", {"server": {"listen": "127.0.0.1:0", "stop_s": 5}})):
            self.place.add(name, more, elsewhere=True)
            self.prepare("." + name)
        self.ids = itertools.count(1)

    def manifest(self, folder):
        path = os.path.join(folder, "flow.json")
        with open(os.path.join(HERE, "..", "guests", "misbehave.json"), encoding="utf-8") as file:
            document = json.load(file)
        document["limits"] = {"memory_mib": 256, "cpu_ms": 1000, "wall_s": 20, "import_calls": 1000000,
                              "log_lines": 20000, "input_bytes": 4096}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        return path

    def prepare(self, name):
        self.place.write(f"{name}/connections.json", {"OU REST CCS for CCS-DACS": {
            "type": "rest", "url": f"http://127.0.0.1:{self.backend.port}/ouaf", "auth": "basic",
            "user": "integration", "password": {"file": "password"}}})
        self.place.write(f"{name}/password", "ccs-rest-secret")
        add_user(GIVEN.sluice, self.place.path(name), USER, PASSWORD)
        if IS_ROOT:
            owner = os.stat(self.place.path(name))
            os.chown(self.place.path(name, "users.json"), owner.st_uid, owner.st_gid)
            if os.path.isdir(self.place.path(name, "state")):
                subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}",
                                self.place.path(name, "state")], check=True)
        os.rename(self.place.path(name), self.place.path(name[1:]))

    def acknowledge(self, connection):
        number = next(self.ids)
        body = json.dumps({"externalReferenceId": f"{number:014d}", "hasError": False, "entityIdList": [
            {"entity": "CONTACT", "externalPk1": "98765432101234"}]})
        begin = time.monotonic()
        connection.request("POST", ACK_PATH, body, {"Authorization": basic(USER, PASSWORD),
                                                    "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        self.assertEqual(answer.status, 200, text)
        return (time.monotonic() - begin) * 1000

    def measure(self):
        """Half and 99 of 100 of a round, in milliseconds. At a pace of its own, so that a slow answer does
        not make fewer of them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.quiet_port, timeout=60)
        taken = []
        for _ in range(ROUND_REQUESTS):
            taken.append(self.acknowledge(connection))
            time.sleep(max(0.0, PACE_SECONDS - taken[-1] / 1000))
        connection.close()
        taken.sort()
        return taken[len(taken) // 2], taken[len(taken) * 99 // 100]

    def port_of(self, name):
        return int(self.supervisor.wait_for(name, "running")["url"].rpartition(":")[2])

    def burner_cpu_ms(self):
        return self.supervisor.tenant("burner").get("cpu_ms", 0)

    def check_limits(self):
        """Whatever is asked of it, the burner has no more than it may have."""
        tenant = self.supervisor.tenant("burner")
        try:
            facts = process_facts(tenant["pid"])
            descriptors = len(os.listdir(f"/proc/{tenant['pid']}/fd"))
        except FileNotFoundError:  # it is being started again
            return "away"
        self.assertLessEqual(descriptors, DESCRIPTORS)
        self.assertLessEqual(int(facts["VmData"].split()[0]) // 1024, MEMORY_MIB)
        return f"{descriptors} descriptors, {facts['VmData']} of data, {facts['VmRSS']} resident"

    def burn_and_measure(self):
        burning = Burning(self.port_of("burner"))
        try:
            wait_until(lambda: burning.counts["held"] >= DESCRIPTORS // 2, "it burns")
            time.sleep(SETTLE_SECONDS)
            before = self.burner_cpu_ms()
            measured = self.measure()
            self.burned_ms.append(self.burner_cpu_ms() - before)
            print(f"burner: {burning.counts}, {self.burned_ms[-1]:.0f} ms of CPU; {self.check_limits()}")
        finally:
            burning.stop()
        return measured

    def test_the_acknowledgements_of_a_neighbour(self):
        self.supervisor = Supervisor(self.place)
        self.addCleanup(self.supervisor.errors.close)
        self.addCleanup(self.supervisor.stop)
        self.quiet_port = self.port_of("quiet")
        self.port_of("burner")
        self.measure()  # warm
        self.burned_ms, rounds = [], []
        for _ in range(GIVEN.rounds):
            rounds.append((self.measure(), self.burn_and_measure()))
        isolation = self.supervisor.status()[1]["isolation"]
        for index, name, ratio in ((0, "half", RATIO_HALF), (1, "most", RATIO_MOST)):
            idle = statistics.median(one[0][index] for one in rounds)
            busy = statistics.median(one[1][index] for one in rounds)
            print(f"{name}: idle {idle:.1f} ms, burning {busy:.1f} ms, {busy / idle:.1f} times "
                  f"(cpu by {isolation['cpu']})")
            if isolation["cpu"] != "nice":
                self.assertLessEqual(busy, max(ratio * idle, FLOOR_MS[name]), rounds)
        self.assertEqual(self.supervisor.tenant("quiet")["restarts"], 0)
        self.assertGreater(max(self.burned_ms), ROUND_REQUESTS * PACE_SECONDS * 1000 / 10, "it burned")


def main():
    global GIVEN
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("sluice", "translate", "module", "backend", "flows"):
        parser.add_argument(name, type=os.path.realpath)
    parser.add_argument("--rounds", type=int, default=3)
    GIVEN, rest = parser.parse_known_args()
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""The acknowledgement relay: `sluice serve` with tracking on against a Node.js http relay.

Both take the same requests from wrk on the same cores, check the caller's credentials, read the
acknowledgement, put it into CCS's form and send it over kept connections to the same backend. Sluice
records every execution besides: input, activity, tracking value, answer. Alternating runs; medians, and
ratios run by run (machines are noisy, ratios less so). "cpu us" is what the relay's own process spent on
a request, user and system. Afterwards every answered request must be one completed instance.
"""
import argparse
import base64
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
PATH = f"/ic/api/integration/v1/flows/oracleutilities/{ACK}/1.0/sendCustomerSyncAck"
USER, PASSWORD = "dacs", "dacs-bench-secret"
TICKS = os.sysconf("SC_CLK_TCK")
WARM_UP_SECONDS = 2


class Child:
    """A program that prints its port (as the last thing of a line) when it is ready."""

    def __init__(self, *command, environment=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        found = re.search(r"(\d+)$", line.strip())
        if not found:
            self.stop()
            raise RuntimeError(f"{command[0]} did not start")
        self.port = int(found.group(1))

    def cpu_seconds(self):
        """Of the process and, where it has children (a cluster), of these."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            pids = [pid] + file.read().split()
        return sum(self._ticks(one) for one in pids) / TICKS

    @staticmethod
    def _ticks(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        status = self.process.wait(60)
        self.process.stdout.close()
        return status


def make_workspace(sluice, folder, backend_port):
    def run(*arguments, text=""):
        subprocess.run([sluice, *arguments], input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL)
    run("init", folder)
    connections = {
        "OU REST CCS for CCS-DACS": {
            "type": "rest", "url": f"http://127.0.0.1:{backend_port}/ouaf", "auth": "basic",
            "user": "integration", "password": {"env": "CCS_PASSWORD"}},
        "OU REST OIC for CCS-DACS": {"type": "local"}}
    with open(os.path.join(folder, "connections.json"), "w", encoding="utf-8") as file:
        json.dump(connections, file)
    run("-w", folder, "users", "add", USER, "--role", "invoke", text=PASSWORD + "\n")


def load(relay, connections, seconds):
    """One run of wrk: requests per second, CPU microseconds a request, latencies in microseconds."""
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    before = relay.cpu_seconds()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
         "-s", os.path.join(HERE, "acknowledgements.lua"), f"http://127.0.0.1:{relay.port}", "--",
         PATH, "Basic " + credentials],
        capture_output=True, text=True, check=True)
    cpu = relay.cpu_seconds() - before
    found = re.search(r"^RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+) ([\d.]+)$", done.stdout, re.M)
    requests, duration, errors = (int(found.group(i)) for i in (1, 2, 3))
    if errors or not requests:
        raise RuntimeError(f"{errors} errors, {requests} answers:\n{done.stdout}")
    return {"requests": requests, "rate": requests / duration * 1e6, "cpu": cpu / requests * 1e6,
            "p50": float(found.group(4)), "p99": float(found.group(5))}


def count_recorded(store_file):
    with sqlite3.connect(f"file:{store_file}?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT state, count(*) FROM instance GROUP BY state"))


def measure(relays, connections, seconds, runs):
    figures = {name: [] for name in relays}
    for _ in range(runs):
        for name, relay in relays.items():
            figures[name].append(load(relay, connections, seconds))
    return figures


def report(connections, figures):
    print(f"\n{connections} connections, {len(figures['sluice'])} alternating runs; medians")
    print(f"{'':16}{'req/s':>9}{'cpu us':>8}{'p50 ms':>8}{'p99 ms':>8}   sluice req/s / this")
    for name, rows in figures.items():
        rate, cpu, p50, p99 = (statistics.median(row[key] for row in rows)
                               for key in ("rate", "cpu", "p50", "p99"))
        ratios = [a["rate"] / b["rate"] for a, b in zip(figures["sluice"], rows)]
        print(f"{name:16}{rate:9.0f}{cpu:8.1f}{p50 / 1000:8.2f}{p99 / 1000:8.2f}   "
              f"{statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


def bench(given, folder):
    backend = Child(given.backend)
    workspace = os.path.join(folder, "workspace")
    make_workspace(given.sluice, workspace, backend.port)
    node = ["node", os.path.join(HERE, "relay.mjs"), str(backend.port), USER, PASSWORD]
    relays = {"sluice": Child(given.sluice, "-w", workspace, "serve", "--listen", "127.0.0.1:0",
                              environment={"CCS_PASSWORD": "ccs-rest-secret"}),
              "node": Child(*node, "1")}
    if given.cluster > 1:
        relays[f"node cluster {given.cluster}"] = Child(*node, str(given.cluster))
    answered, results = 0, {}
    for relay in relays.values():
        first = load(relay, 8, WARM_UP_SECONDS)
        answered += first["requests"] if relay is relays["sluice"] else 0
    resident = [relays["sluice"].resident_mib()]
    for connections in given.connections:
        figures = measure(relays, connections, given.seconds, given.runs)
        answered += sum(row["requests"] for row in figures["sluice"])
        resident.append(relays["sluice"].resident_mib())
        report(connections, figures)
        results[connections] = figures
    statuses = {name: relay.stop() for name, relay in relays.items()}
    backend.stop()
    states = count_recorded(os.path.join(workspace, "state", "sluice.db"))
    print(f"\nsluice: {answered} answered, recorded {states}; resident MiB "
          + ", ".join(f"{one:.0f}" for one in resident))
    # wrk ends with requests under way: they are recorded, but it did not count their answers.
    cut_off = states.get("COMPLETED", 0) - answered
    if statuses["sluice"] != 0 or set(states) != {"COMPLETED"} or cut_off < 0:
        raise RuntimeError("not every answer is one completed instance")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--backend", required=True, help="the program relay_backend")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of one run (default 5)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32, 256])
    parser.add_argument("--cluster", type=int, default=0, metavar="N",
                        help="also against a Node.js cluster of N processes")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    given = parser.parse_args()
    given.sluice, given.backend = os.path.realpath(given.sluice), os.path.realpath(given.backend)
    with tempfile.TemporaryDirectory(prefix="sluice-relay-") as folder:
        results = bench(given, folder)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(results, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())

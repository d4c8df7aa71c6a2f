# SPDX-License-Identifier: MIT
"""A program as a child process that prints a line ending in its port when it is ready: `sluice serve`,
the relays and the backend of the benchmark; and what /proc says about it."""
import base64
import os
import re
import signal
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")
ACK_PATH = ("/ic/api/integration/v1/flows/oracleutilities/OUTL-BA-DACS_CCS_CUST_SYNC_ACK/1.0"
            "/sendCustomerSyncAck")


def basic(user, password):
    """The value of the header Authorization."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Program:
    """Every argument is text. errors: a file for standard error; else it is the caller's."""

    def __init__(self, *command, environment=None, errors=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=errors, text=True,
                                        env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        found = re.search(r"(\d+)$", line.strip())
        if not found:
            self.stop()
            raise RuntimeError(f"{command[0]} did not start: {line}")
        self.port = int(found.group(1))

    def cpu_seconds(self):
        """Of the process and, where it has children, of these."""
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

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, how=signal.SIGTERM, timeout=60):
        """The exit status. Ends the program by the end of its input and, unless how is None, a signal."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        if how is not None and self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

# SPDX-License-Identifier: MIT
"""One large file from FTP server to FTP server: Sluice against `curl | curl` and rclone.

Alternating runs over the same two vsftpd on loopback; medians, and ratios run by run (machines are
noisy, ratios less so). Resident memory is the largest of the processes of a run, at two file sizes, so
that growth with the file would show. What Sluice does more than a pipe is part of its time: listing,
temporary name, size checks, renames at both ends, its record of the instance.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "peers"))

import extracts  # noqa: E402
from landscape import FLOW_FTP, SOURCE_FOLDER, TARGET_FOLDER, Landscape  # noqa: E402
from servers import Vsftpd  # noqa: E402


class PlainLandscape(Landscape):
    """The same systems with both FTP servers plain vsftpd: what is measured is the relay, not TLS."""

    def _start_peers(self):
        super()._start_peers()
        for name in ("ccs", "dacs"):
            server = Vsftpd(self._folder(f"{name}-plain"), user=name, password=f"{name}-ftp-secret")
            self.peers.append(server)
            setattr(self, f"{name}_ftp", server)
        self._make_server_folder(self.ccs_ftp, SOURCE_FOLDER)
        self._make_server_folder(self.dacs_ftp, TARGET_FOLDER)

    def default_connections(self, settle_ms):
        connections = super().default_connections(settle_ms)
        for name in ("OU FTP CCS for CCS-DACS", "OU FTP DACS for CCS-DACS"):
            connections[name]["tls"] = "none"
            del connections[name]["ca"]
        return connections


def family(pid):
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def high_water_kib(pid):
    """Peak resident memory of the largest process of a family since it was executed."""
    largest = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/status", encoding="ascii") as file:
                lines = [line for line in file if line.startswith("VmHWM")]
            largest = max([largest] + [int(line.split()[1]) for line in lines])
        except OSError:
            continue
    return largest


def timed(command, environment):
    """Wall seconds, CPU seconds of the client side, peak memory in MiB (sampled: ru_maxrss would
    count this program's own memory, which a child has until it executes)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        done = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        peak = 0
        while True:
            try:
                done.wait(0.003)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, high_water_kib(done.pid))
        wall = time.monotonic() - started
        if done.returncode != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")
            raise RuntimeError(f"{command[0]}: exit {done.returncode}\n{text}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, peak / 1024


def url(server, path):
    return f"ftp://{server.user}:{server.password}@127.0.0.1:{server.port}/{path.lstrip('/')}"


def commands(land, name):
    source, target = f"{SOURCE_FOLDER}/{name}", f"{TARGET_FOLDER}/{name}"
    yield "sluice", land.command("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-"), \
        land.environment()
    pipe = f"curl -sS '{url(land.ccs_ftp, source)}' | curl -sS -T - '{url(land.dacs_ftp, target)}'"
    yield "curl | curl", ["sh", "-c", pipe], None
    if shutil.which("rclone"):
        def remote(server):
            hidden = subprocess.run(["rclone", "obscure", server.password], capture_output=True,
                                    text=True, check=True).stdout.strip()
            return f":ftp,host=127.0.0.1,port={server.port},user={server.user},pass='{hidden}':"
        yield "rclone", ["rclone", "--config", "/dev/null", "copyto", remote(land.ccs_ftp) + source,
                         remote(land.dacs_ftp) + target], None


def reset(land, name):
    folder = land.ccs_ftp.home + SOURCE_FOLDER
    marked = os.path.join(folder, "SENT-" + name)
    if os.path.exists(marked):
        os.rename(marked, os.path.join(folder, name))
    target = os.path.join(land.dacs_ftp.home + TARGET_FOLDER, name)
    size = os.path.getsize(target) if os.path.exists(target) else -1
    if size >= 0:
        os.unlink(target)
    return size


def measure(land, size_text, runs):
    made = extracts.generate(land.ccs_ftp.home + SOURCE_FOLDER, "contact", incremental=True,
                             size=extracts.bytes_of(size_text))
    land._make_server_folder(land.ccs_ftp, SOURCE_FOLDER)
    owner = os.stat(land.ccs_ftp.home)
    if os.getuid() == 0:
        os.chown(made["path"], owner.st_uid, owner.st_gid)
    figures = {}
    for number in range(runs + 1):
        for label, command, environment in commands(land, made["name"]):
            figure = timed(command, environment)
            size = reset(land, made["name"])
            if size != made["size"]:
                raise RuntimeError(f"{label}: {size} of {made['size']} bytes arrived")
            if number > 0:  # the first round warms caches
                figures.setdefault(label, []).append(figure)
    os.unlink(made["path"])
    return made["size"], figures


def report(size, figures):
    ours = figures["sluice"]
    print(f"\n{size / 2**20:.0f} MiB, FTP to FTP, {len(ours)} alternating runs; medians")
    print(f"{'':14}{'wall s':>8}{'GB/s':>8}{'cpu s':>8}{'MiB':>7}   sluice wall / this wall")
    for label, rows in figures.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*rows))
        ratios = [a[0] / b[0] for a, b in zip(ours, rows)]
        print(f"{label:14}{wall:8.2f}{size / wall / 1e9:8.2f}{cpu:8.2f}{memory:7.1f}   "
              f"{statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--size", default="1G", help="of the large file (default 1G)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    given = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as root:
        settings = {"file_size_max": "0"}
        with PlainLandscape(root, os.path.realpath(given.sluice), settings=settings) as land:
            for size_text in ("16M", given.size):
                size, figures = measure(land, size_text, given.runs)
                report(size, figures)
                results[size] = figures
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(results, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())

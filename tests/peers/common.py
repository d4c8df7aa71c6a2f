# SPDX-License-Identifier: MIT
"""What every test peer shares: life cycle, the one-line ready message, records, port probing.

Invariant: a peer never outlives the process that started it, and says that it is ready only when
a client can connect.
"""
import argparse
import ctypes
import functools
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PEERS_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(PEERS_DIRECTORY))
READY_TIMEOUT_SECONDS = 30


def die_with_parent(how=signal.SIGKILL):
    """Asks the kernel to signal this process when the thread that started it ends (Linux)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, how, 0, 0, 0)


def become_reaper():
    """Orphaned grandchildren become children of this process, so that it can end them."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants():
    """Ids of all processes below this one."""
    found, pending = [], [os.getpid()]
    while pending:
        pid = pending.pop()
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = [int(one) for one in file.read().split()]
        except OSError:
            continue
        found += children
        pending += children
    return found


def listens(pids, port):
    """Whether one of the processes holds the listening TCP socket of this port (IPv4)."""
    with open("/proc/self/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    wanted = {f"socket:[{row[9]}]" for row in rows
              if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{name}") in wanted:
                    return True
        except OSError:
            continue
    return False


def add_common_options(parser: argparse.ArgumentParser, root_required=True):
    parser.add_argument("--root", required=root_required, metavar="DIR",
                        help="folder for state and records, made if missing")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port to bind (default: any free one)")
    parser.add_argument("--stdin-eof", action="store_true",
                        help="exit when standard input reaches its end")


def print_ready(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


@functools.lru_cache(maxsize=None)
def note_signals():
    """From here on SIGTERM and SIGINT are noted for run_until_told; gives what becomes readable then.
    To be called before anything is started that has to be stopped."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return wake_read


def run_until_told(stop, stdin_eof=False, alive=None):
    """Blocks until SIGTERM, SIGINT, end of stdin (if asked) or alive() turning false; calls stop()."""
    wake_read = note_signals()
    watched = [wake_read] + ([sys.stdin.fileno()] if stdin_eof else [])
    status = 0
    while True:
        readable, _, _ = select.select(watched, [], [], None if alive is None else 0.5)
        if wake_read in readable:
            break
        if readable and not os.read(sys.stdin.fileno(), 4096):
            break
        if alive is not None and not alive():
            print("the server ended by itself", file=sys.stderr)
            status = 1
            break
    stop()
    return status


def end_process(process, seconds):
    """SIGTERM, then SIGKILL; gives the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Records:
    """An append-only file of one JSON object a line; safe from several threads."""

    def __init__(self, path):
        self.path = path
        self._lock = threading.Lock()
        self._file = open(path, "a", encoding="utf-8")

    def add(self, record):
        line = json.dumps(record, ensure_ascii=False) + "\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def read(self):
        return read_records(self.path)

    def close(self):
        with self._lock:
            self._file.close()


def read_records(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def free_port(host="127.0.0.1"):
    """A port that was free a moment ago, for servers that cannot bind port 0 themselves."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, 0))
        return probe.getsockname()[1]


def free_port_range(count, host="127.0.0.1"):
    """First port of `count` adjacent ports that were free a moment ago, below those that the kernel
    hands out by itself (32768 and up): there they would be taken between the look and the use."""
    for _ in range(200):
        first = random.randrange(12000, 32768 - count)
        probes = []
        try:
            for port in range(first, first + count):
                probe = socket.socket()
                probes.append(probe)
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is free
                probe.bind((host, port))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError(f"no {count} adjacent free ports found")


def wait_for_port(host, port, alive, timeout=READY_TIMEOUT_SECONDS):
    """Returns when a descendant of this process accepts connections on host:port.

    Raises if alive() turns false or time runs out. Whose socket it is matters: another process may
    have taken the port since it was chosen.
    """
    deadline = time.monotonic() + timeout
    while not listens(descendants(), port):
        if not alive():
            raise RuntimeError("the server ended before it was ready")
        if time.monotonic() > deadline:
            raise RuntimeError(f"the server does not listen on {host}:{port} after {timeout} s")
        time.sleep(0.01)
    socket.create_connection((host, port), timeout=timeout).close()


class PeerProcess:
    """A peer program as a child process: reads its ready line, stops it, is a context manager.

    Every field of the ready line is an attribute (port, root, ...).
    """

    def __init__(self, program, *arguments, timeout=READY_TIMEOUT_SECONDS):
        path = os.path.join(PEERS_DIRECTORY, program)
        command = ["/usr/bin/python3", path, *[str(one) for one in arguments], "--stdin-eof"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            raise RuntimeError(f"{program} did not become ready (exit {self.process.returncode})")
        self.facts = json.loads(line)

    def __getattr__(self, name):
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe and not pipe.closed:
                pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

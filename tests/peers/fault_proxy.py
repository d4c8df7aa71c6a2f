# SPDX-License-Identifier: MIT
"""A TCP proxy on loopback that does to a connection what networks and dying servers do.

  python3 fault_proxy.py --root DIR --target HOST:PORT [--rule JSON]...

A rule is a JSON object; several may be in force. It acts on connections numbered from 1:
  {"action": "delay", "seconds": S}           wait before each block is passed on
  {"action": "bandwidth", "bytes_per_second": N}
  {"action": "cut", "after": N}               close both sides after N bytes
  {"action": "reset", "after": N}             the same, as a TCP reset
  {"action": "stall", "after": N}             stop passing on, keep the connection open
  {"action": "drop_answer", "line": K}        swallow the answer to the K-th line that the client
                                              sends (the lines are passed on), then close
  {"action": "refuse"}                        accept and close at once
Optional in each: "connections": [n, ...] (default all) or "times": n (the first n connections that
meet the rule), "direction": "to_server" | "to_client" (default both together for cut, reset, stall,
each way for delay and bandwidth).
The control port takes one JSON object a line: {"add": RULE}, {"clear": true}, {"status": true};
each is answered with one line {"rules", "connections", "bytes_to_server", "bytes_to_client"}.
FTP data connections do not pass through this proxy: they go where PASV or EPSV says.
"""
import argparse
import ctypes
import json
import os
import socket
import struct
import sys
import threading
import time

from common import PeerProcess, add_common_options, die_with_parent, print_ready, run_until_told

BLOCK = 64 * 1024
ACTIONS = ("delay", "bandwidth", "cut", "reset", "stall", "drop_answer", "refuse")
DIRECTIONS = ("to_server", "to_client")
KEYS = {"action", "seconds", "bytes_per_second", "after", "line", "connections", "times", "direction"}


def send_reset(sock):
    """Resets a connection at once, even while another thread reads from it: connecting a socket to
    no address dissolves its connection, where a close would wait for that reader."""
    nowhere = struct.pack("H14x", socket.AF_UNSPEC)
    ctypes.CDLL(None).connect(sock.fileno(), nowhere, len(nowhere))


class Rule:
    def __init__(self, fields):
        unknown = set(fields) - KEYS
        if fields.get("action") not in ACTIONS or unknown:
            raise ValueError(f"bad rule: action {fields.get('action')!r}, unknown {sorted(unknown)}")
        if fields.get("direction") not in (None, *DIRECTIONS):
            raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}")
        self.fields = fields
        self.action = fields["action"]
        self.direction = fields.get("direction")
        self.left = fields.get("times")

    def takes(self, number):
        """Whether the rule is in force for a new connection; called once for each, under a lock."""
        if "connections" in self.fields and number not in self.fields["connections"]:
            return False
        if self.left is not None:
            if self.left <= 0:
                return False
            self.left -= 1
        return True


class Pair:
    """One proxied connection. Each direction has its thread."""

    def __init__(self, proxy, client, rules):
        self.proxy = proxy
        self.client = client
        self.rules = rules
        self.server = socket.create_connection(proxy.target, timeout=30)
        self.server.settimeout(None)
        for sock in (self.client, self.server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lock = threading.Lock()
        self.counts = dict.fromkeys(DIRECTIONS, 0)
        self.lines = 0
        self.swallow = False
        self.stalled = threading.Event()

    def run(self):
        other = threading.Thread(target=self.pump, args=(self.server, self.client, "to_client"), daemon=True)
        other.start()
        self.pump(self.client, self.server, "to_server")
        other.join()
        self.client.close()
        self.server.close()

    def named(self, action, direction):
        return [rule.fields for rule in self.rules
                if rule.action == action and rule.direction in (None, direction)]

    def pump(self, source, sink, direction):
        try:
            while block := source.recv(BLOCK):
                if not self.pass_on(sink, block, direction):
                    return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.end(reset=False)

    def pass_on(self, sink, block, direction):
        for fields in self.named("delay", direction):
            time.sleep(fields.get("seconds", 1))
        for fields in self.named("bandwidth", direction):
            time.sleep(len(block) / fields["bytes_per_second"])
        limited, action = self.limit(len(block), direction)
        block = block[:limited]
        if direction == "to_server":
            self.watch_lines(block)
        elif self.swallow:
            self.end(reset=False)
            return False
        sink.sendall(block)
        self.proxy.count(direction, len(block))
        if action == "stall":
            self.stalled.wait()
        elif action:
            self.end(reset=action == "reset")
        return action is None

    def limit(self, size, direction):
        """How many bytes may still pass, and what happens then."""
        with self.lock:
            for action in ("cut", "reset", "stall"):
                for fields in self.named(action, direction):
                    one_way = "direction" in fields
                    passed = self.counts[direction] if one_way else sum(self.counts.values())
                    if passed + size >= fields.get("after", 0):
                        self.counts[direction] += size
                        return max(0, fields.get("after", 0) - passed), action
            self.counts[direction] += size
        return size, None

    def watch_lines(self, block):
        for rule in self.rules:
            if rule.action == "drop_answer":
                before = self.lines
                if before < rule.fields["line"] <= before + block.count(b"\n"):
                    self.swallow = True
        self.lines += block.count(b"\n")

    def end(self, reset):
        self.stalled.set()
        for sock in (self.client, self.server):
            try:
                if reset:
                    send_reset(sock)
                else:
                    sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class FaultProxy:
    def __init__(self, target, rules=(), host="127.0.0.1", port=0):
        self.target = target
        self.rules = [Rule(fields) for fields in rules]
        self.lock = threading.Lock()
        self.connections = 0
        self.bytes = dict.fromkeys(DIRECTIONS, 0)
        self.listener = socket.create_server((host, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.control = socket.create_server((host, 0))
        self.control_port = self.control.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener, self._serve), daemon=True).start()
        threading.Thread(target=self._accept, args=(self.control, self._command), daemon=True).start()

    def close(self):
        self.listener.close()
        self.control.close()

    def count(self, direction, size):
        with self.lock:
            self.bytes[direction] += size

    @staticmethod
    def _accept(listener, serve):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    def _serve(self, client):
        with self.lock:
            self.connections += 1
            rules = [rule for rule in self.rules if rule.takes(self.connections)]
        if any(rule.action == "refuse" for rule in rules):
            client.close()
            return
        try:
            pair = Pair(self, client, rules)
        except OSError:
            client.close()
            return
        pair.run()

    def _command(self, sock):
        with sock, sock.makefile("rw", encoding="utf-8") as lines:
            for line in lines:
                try:
                    answer = self.command(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError) as problem:
                    answer = {"error": str(problem)}
                lines.write(json.dumps(answer) + "\n")
                lines.flush()

    def command(self, given):
        with self.lock:
            if given.get("clear"):
                self.rules = []
            if "add" in given:
                self.rules.append(Rule(given["add"]))
            return {"rules": [rule.fields for rule in self.rules], "connections": self.connections,
                    **{f"bytes_{name}": count for name, count in self.bytes.items()}}


class FaultProxyPeer(PeerProcess):
    """The proxy as a child process; command() talks to its control port."""

    def __init__(self, root, target_port, *rules, target_host="127.0.0.1"):
        arguments = [part for rule in rules for part in ("--rule", json.dumps(rule))]
        super().__init__("fault_proxy.py", "--root", root, "--target", f"{target_host}:{target_port}",
                         *arguments)

    def command(self, **given):
        with socket.create_connection(("127.0.0.1", self.control_port), timeout=10) as sock, \
                sock.makefile("rw", encoding="utf-8") as lines:
            lines.write(json.dumps(given) + "\n")
            lines.flush()
            return json.loads(lines.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_options(parser, root_required=False)
    parser.add_argument("--target", required=True, metavar="HOST:PORT")
    parser.add_argument("--rule", action="append", default=[], type=json.loads, metavar="JSON")
    given = parser.parse_args()
    die_with_parent()
    host, _, port = given.target.rpartition(":")
    proxy = FaultProxy((host, int(port)), given.rule, given.host, given.port)
    if given.root:
        os.makedirs(given.root, exist_ok=True)
    print_ready(port=proxy.port, control_port=proxy.control_port, target=given.target)
    return run_until_told(proxy.close, given.stdin_eof)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""Whatever can be done to the program and to its connections, at every moment of a run, over real servers:
it is killed before or after an effect; a request never arrives, its answer is lost, broken, late or never
given; a body is cut or reset after some bytes; and both at once. A reader takes files from the target as soon
as they show, also while an answer is being lost. Afterwards, each file has been delivered exactly once and
whole, its source is marked, the notice was sent under one Message-ID, no instance is open, nothing is left; and
a run that was not killed has got over it by itself.

Usage: test_cut_every.py SLUICE PRELOAD SOURCE:TARGET... [unittest arguments]
SOURCE, TARGET: vsftpd, proftpd, pure-ftpd, pyftpdlib (explicit TLS), sshd, os (Object Storage stand-in)
SLUICE_KILLS: how many moments of each kind (a fault, a kill, a fault and a kill, two faults) are drawn for
each route from the seed SLUICE_SEED (default 1 from seed 1); "all": each fault and each kill, and each fault
with a kill and with a second fault that are drawn.
SLUICE_MOMENT: only this one, named as a violation names it.
"""
import collections
import os
import random
import re
import sys
import tempfile
import threading
import time
import unittest

from route import SIGKILLED, Route  # finds the peers, too
from talk_proxy import BYTES_ACTIONS, REQUEST_ACTIONS, Fault, TalkProxy

SLUICE = PRELOAD = None
ROUTES = []
NEEDS_ROOT = {"vsftpd", "pure-ftpd", "sshd"}  # sshd: to check passwords
STALL_SECONDS, ANSWER_SECONDS = 2, 6
MAIL_SECONDS = 45  # a server may take ten minutes for its last answer; the program is killed then
CONNECTIONS = {"source": {False: "OU FTP CCS for CCS-DACS", True: "OU REST CCS OS for CCS-DACS"},
               "target": {False: "OU FTP DACS for CCS-DACS", True: "OU REST DACS OS for CCS-DACS"}}
MAIL = "OU SMTP for CCS-DACS"
# Moments that once showed a defect, by route; tried first.
KEPT = {"sshd:os": ["target, POST u/ 1, break"],
        "proftpd:pure-ftpd": ["target, STOR data 1, reset after 70000"],
        "pure-ftpd:pyftpdlib": ["source, AUTH 2, lose", "source, AUTH 2, break + kill after 80"]}
SAID = {"kill": "killed", "cut": "cut", "reset": "reset", "lose": "answers lost", "break": "answers broken",
        "delay": "answers late", "stall": "answers never given"}

# faults: pairs of peer ("source", "target", "mail") and Fault; at, when: of a kill, or None.
Moment = collections.namedtuple("Moment", "faults at when", defaults=((), None, None))


def name_of(moment):
    parts = []
    for peer, fault in moment.faults:
        place = f" after {fault.after}" if fault.after else ""
        parts.append(f"{peer}, {fault.what} {fault.number}, {fault.action}{place}")
    if moment.at:
        parts.append(f"kill {moment.when} {moment.at}")
    return " + ".join(parts)


def moment_of(name):
    """The inverse of name_of."""
    faults, at, when = [], None, None
    for part in name.split(" + "):
        if found := re.fullmatch(r"kill (before|after) (\d+)", part):
            when, at = found[1], int(found[2])
        else:
            found = re.fullmatch(r"(\w+), (.*) (\d+), (\w+)(?: after (\d+))?", part)
            faults.append((found[1], Fault(found[2], int(found[3]), found[4], int(found[5] or 0))))
    return Moment(tuple(faults), at, when)


class Disturbed(Route):
    """A route whose three peers are behind proxies."""

    def __init__(self, folder, source, target):
        super().__init__(folder, SLUICE, PRELOAD, source, target)
        self.taking = threading.Lock()
        land = self.land
        self.proxies = {}
        for side, kind, server, storage in (("source", source, land.ccs_ftp, land.ccs_storage),
                                            ("target", target, land.dacs_ftp, land.dacs_storage)):
            connection = land.connections[CONNECTIONS[side][kind == "os"]]
            protocol = {"os": "http", "sshd": "sftp"}.get(kind, "ftp")
            port = self._put_before(side, protocol, (storage if kind == "os" else server).port)
            if kind == "os":
                connection.update(url=f"https://localhost:{port}", multipart_threshold=400000, part_size=500000,
                                  request_timeout_s=ANSWER_SECONDS)
            else:
                connection["port"] = port
            if kind == "sshd":
                connection["known_hosts"] = self._known_hosts(server, port)
            connection["stall_timeout_s"] = STALL_SECONDS
        port = self._put_before("mail", "smtp", land.mail.port)
        land.connections[MAIL].update(port=port, connect_timeout_s=ANSWER_SECONDS)
        land.write_connections(land.connections)

    def _put_before(self, side, protocol, port):
        on_lost = self.take if side == "target" else lambda: None
        self.proxies[side] = TalkProxy(protocol, port, self.land.certificate, self.land.key, on_lost)
        return self.proxies[side].port

    def _known_hosts(self, server, port):
        with open(server.known_hosts, encoding="ascii") as file:
            key = file.read().split(" ", 1)[1]
        path = os.path.join(self.land.root, f"known_hosts_{port}")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"[127.0.0.1]:{port} {key}")
        return path

    def take(self):
        """Also while the program runs, or when the answer that a dead one waited for is lost."""
        with self.taking:
            return super().take()

    def begin(self, faults=()):
        for name, proxy in self.proxies.items():
            proxy.begin([fault for peer, fault in faults if peer == name])

    def struck(self):
        return [fault for proxy in self.proxies.values() for fault in proxy.struck]

    def stop(self):
        self.land.stop()
        for proxy in self.proxies.values():
            proxy.close()


def is_bytes(what):
    return what == "bytes" or what.endswith((" data", " body"))


class Moments:
    """What can happen to a run like the one that a route has just had: of four kinds, each drawn by itself, so
    that a run with a few effects more or less changes the kills only."""

    def __init__(self, name, route):
        self.name, self.route = name, route
        self.faults = self._faults(self._draw("places"))

    def _draw(self, kind):
        return random.Random(f"{os.environ.get('SLUICE_SEED', '1')} {self.name} {kind}")

    def _faults(self, draw):
        """Every fault at what was said to the peers; a body's place is its first byte, its last one, or
        drawn."""
        found = []
        for peer, proxy in self.route.proxies.items():
            for what, number, size in proxy.heard:
                if not is_bytes(what):
                    found += [(peer, Fault(what, number, action)) for action in REQUEST_ACTIONS
                              if what != "greeting" or action not in ("cut", "reset")]
                elif size:
                    actions = BYTES_ACTIONS if what.endswith(" body") else (*BYTES_ACTIONS, "lose")
                    found += [(peer, Fault(what, number, action, place)) for action in actions
                              for place in sorted({1, draw.randrange(size), size})]
        return found

    def _second_faults(self):
        """At what is only said after a first one: one more of each, and what cleans up."""
        found = []
        also = {"http": ("DELETE u/", "DELETE o/", "GET o", "GET u/"), "ftp": ("DELE", "ABOR")}
        for peer, proxy in self.route.proxies.items():
            whats = {what for what, _, _ in proxy.heard if not is_bytes(what)} | set(also.get(proxy.kind, ()))
            found += [(peer, Fault(what, proxy.counts[what] + 1, action)) for what in sorted(whats)
                      for action in REQUEST_ACTIONS]
        return found

    def choose(self):
        if "SLUICE_MOMENT" in os.environ:
            return [moment_of(os.environ["SLUICE_MOMENT"])]
        kills = [(at, when) for at in range(1, self.route.effects() + 1) for when in ("before", "after")]
        second, draw = self._second_faults(), self._draw("second")
        kinds = {"fault": [Moment((fault,)) for fault in self.faults],
                 "two faults": [Moment((fault, draw.choice(second))) for fault in self.faults],
                 "fault and kill": [Moment((fault,), *draw.choice(kills)) for fault in self.faults],
                 "kill": [Moment((), *kill) for kill in kills]}
        wanted = os.environ.get("SLUICE_KILLS", "1")
        if wanted != "all":
            for kind, moments in kinds.items():
                self._draw(kind).shuffle(moments)
                del moments[int(wanted):]
        kept = [moment_of(name) for name in KEPT.get(self.name, ())]
        return kept + [moment for moments in kinds.values() for moment in moments]


class CutEvery(unittest.TestCase):
    total = collections.Counter()

    def test_every_moment(self):
        for name in ROUTES:
            source, _, target = name.partition(":")
            with self.subTest(route=name), tempfile.TemporaryDirectory(prefix="sluice-cut-") as folder:
                if NEEDS_ROOT & {source, target} and os.geteuid() != 0:
                    print(f"{name}: left out, it needs root", file=sys.stderr)
                    self.skipTest("it needs root")
                self.route = Disturbed(folder, source, target)
                try:
                    self.run_route(name)
                finally:
                    self.route.stop()
        if len(ROUTES) > 1:
            print(f"{self.total['routes']} of {len(ROUTES)} routes: {self.figures(self.total)}", file=sys.stderr)

    @staticmethod
    def figures(counted):
        told = [f"{counted[kind]} {said}" for kind, said in SAID.items()]
        return (f"{counted['effects']} effects and {counted['places']} places for a fault; {counted['moments']} "
                f"moments tried: {', '.join(told)}; {counted['violations']} violations; {counted['seconds']} s")

    def run_route(self, name):
        route, counted, started = self.route, collections.Counter(), time.monotonic()
        route.fill()
        route.begin()
        done = route.run_once()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        route.check_outcome(self, done.stdout + done.stderr)
        counted["effects"] = route.effects()
        moments = Moments(name, route)
        counted["places"] = len(moments.faults)
        for moment in moments.choose():
            with self.subTest(moment=name_of(moment), of=counted["effects"]):
                counted["moments"] += 1
                try:
                    self.check_moment(moment, counted)
                except AssertionError:
                    counted["violations"] += 1
                    print(f"{name}: violated by SLUICE_MOMENT='{name_of(moment)}'", file=sys.stderr, flush=True)
                    route.run_once()  # so that the next moment begins as this one did
                    route.take()
                    raise
        counted["routes"] = 1
        counted["seconds"] = round(time.monotonic() - started)
        print(f"{name}: {self.figures(counted)}", file=sys.stderr, flush=True)
        self.total.update(counted)

    def check_moment(self, moment, counted):
        route = self.route
        route.fill()
        mails = len(route.land.mails())
        route.begin(moment.faults)
        waits = any(peer == "mail" and fault.action == "stall" for peer, fault in moment.faults)
        first = route.run_once(moment.at or 0, moment.when or "before", MAIL_SECONDS if waits else None)
        is_killed = first.returncode == SIGKILLED
        counted["kill"] += is_killed
        counted.update(fault.action for fault in route.struck())
        route.begin()
        route.take()
        said = f"{name_of(moment)}\n{first.returncode}: {first.stdout}{first.stderr}"
        delivered = {name for name, _ in route.taken}
        for name in route.source_files():
            self.assertTrue(not name.startswith("SENT-") or name[5:] in delivered, f"marked too early: {said}")
        again = route.run_once()
        said += f"\nthen {again.returncode}: {again.stdout}{again.stderr}"
        self.assertEqual(again.returncode, 0, said)
        route.land.sluice("outbox", "retry", check=True)
        route.check_outcome(self, said)
        self.assertTrue(is_killed or first.returncode == 0, f"not tried again: {said}")
        self.assertEqual(len(route.notices(mails)), 1, said)


if __name__ == "__main__":
    SLUICE, PRELOAD = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
    ROUTES = [one for one in sys.argv[3:] if ":" in one]
    unittest.main(argv=sys.argv[:1] + [one for one in sys.argv[3:] if ":" not in one])

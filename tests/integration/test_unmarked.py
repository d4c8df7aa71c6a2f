# SPDX-License-Identifier: MIT
"""Files that arrived, but are not marked, by the real program between two scripted FTP servers: what no
time tells apart is not sent again, and what cannot be looked at is not taken for gone.

Usage: test_unmarked.py SLUICE GUESTS [unittest arguments]
"""
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import CONFIG, FLOW_FTP, Landscape  # noqa: E402
from test_ftp_script import ANSWERED, HANG_UP, ScriptedServer  # noqa: E402

SLUICE = GUESTS = None
FAILED, PARTLY = 1, 3  # exit statuses
SOURCE, TARGET = "OU FTP CCS for CCS-DACS", "OU FTP DACS for CCS-DACS"


class UnmarkedTest(unittest.TestCase):
    """What the tests share: a landscape whose FTP servers are scripted, and files of a prefix of their own."""
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-unmarked-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.land = Landscape(os.path.join(cls.folder.name, "land"), SLUICE)
        cls.addClassCleanup(cls.land.stop)
        cls.number = 0

    def setUp(self):
        type(self).number += 1
        self.prefix = f"U{self.number:03}"
        self.name = self.prefix + "-a.csv"
        self.taken = []

    def serve(self, connection, folder, files=None, **replies):
        server = ScriptedServer(files, **replies)
        self.addCleanup(server.close)
        self.land.connections[connection].update(host="127.0.0.1", port=server.port, tls="none",
                                                 settle_ms=0, stall_timeout_s=5)
        self.land.write_connections(self.land.connections)
        key = "ccs.ftp.custsync.input.directory" if connection == SOURCE else "dacs.ftp.custsync.output.directory"
        self.land.set_lookup(CONFIG, key, folder)
        return server

    def source(self, **replies):
        return self.serve(SOURCE, "/in", {self.name: b"123"}, **replies)

    def target(self, **replies):
        return self.serve(TARGET, "/out", **replies)

    def command(self):
        return ("--json", "run", FLOW_FTP, "--param", f"extractedFileNamePrefix={self.prefix}")

    def run_flow(self, target, expect):
        """Runs the flow; the consumer takes what has arrived."""
        done = self.land.sluice(*self.command())
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.taken += target.files.items()
        target.files.clear()
        return json.loads(done.stdout)

    def detail(self, outcome):
        shown = json.loads(self.land.sluice("--json", "show", outcome["instance"], check=True).stdout)
        return json.dumps(shown["fault"])

    def point_to(self, server):
        self.land.connections[SOURCE]["port"] = server.port
        self.land.write_connections(self.land.connections)


class Unmarked(UnmarkedTest):
    # ---- no time ------------------------------------------------------------------------------------

    def refused(self, mdtm="502 what?"):
        """A run whose file arrives and cannot be marked."""
        source, target = self.source(RNTO="550 read only", MDTM=mdtm), self.target()
        first = self.run_flow(target, PARTLY)
        self.assertIn("complete at the target", self.detail(first))
        self.assertEqual(self.taken, [(self.name, b"123")])
        return source, target, first

    def test_a_file_without_a_time_is_not_sent_again(self):
        source, target, first = self.refused()
        for _ in range(2):
            detail = self.detail(self.run_flow(target, FAILED))
            for words in (self.name, "is not sent again", "rename or remove it"):
                self.assertIn(words, detail)
        self.assertEqual(len(self.taken), 1)
        self.assertIn(self.name, source.files)
        sender = re.search(r"instance (\S+) has sent", detail).group(1)
        shown = json.loads(self.land.sluice("--json", "show", sender, check=True).stdout)
        self.assertEqual(shown["parent"], first["instance"])

    def test_another_size_is_another_file(self):
        source, target, _ = self.refused()
        source.files[self.name] = b"4567"
        self.run_flow(target, PARTLY)
        self.assertEqual(self.taken[1:], [(self.name, b"4567")])

    def test_a_file_that_was_removed_makes_room_for_another(self):
        source, target, _ = self.refused()
        del source.files[self.name]
        source.replies["LIST"] = "450 No files found"
        self.run_flow(target, 0)  # no proof that it is gone
        source.files[self.name] = b"123"
        del source.replies["LIST"]
        self.run_flow(target, FAILED)
        self.assertEqual(len(self.taken), 1)
        del source.files[self.name]
        self.run_flow(target, 0)
        source.files[self.name] = b"456"
        del source.replies["RNTO"]
        self.run_flow(target, 0)
        self.assertEqual(self.taken[1:], [(self.name, b"456")])
        self.assertEqual(list(source.files), ["SENT-" + self.name])

    def test_a_name_that_is_shown_longer_than_names_may_be(self):
        """Each of its bytes is shown as four: the file is left, and holds up no other."""
        source, target = self.source(), self.target()
        line = "-rw-r--r-- 1 u g 3 Nov 24  2025 %s\r\n"
        source.listing = line % self.name + line % (self.prefix + "-" + 1100 * "\x01" + ".csv")
        done = self.land.sluice(*self.command())
        self.assertIn(self.name, target.files, done.stdout + done.stderr)
        self.assertIn("SENT-" + self.name, source.files)

    def test_a_time_that_is_told_no_more(self):
        source, target, _ = self.refused(mdtm=None)
        source.replies["MDTM"] = "550 no"
        self.assertIn("is not sent again", self.detail(self.run_flow(target, FAILED)))
        del source.replies["MDTM"], source.replies["RNTO"]
        self.run_flow(target, 0)
        self.assertEqual(len(self.taken), 1)
        self.assertEqual(list(source.files), ["SENT-" + self.name])

    def test_a_folder_is_the_same_however_it_is_spelled(self):
        source, target, _ = self.refused(mdtm=None)
        for lookup, folder in (("ccs.ftp.custsync.input.directory", "/in/"),
                               ("dacs.ftp.custsync.output.directory", "//out")):
            self.land.set_lookup(CONFIG, lookup, folder)
        self.run_flow(target, PARTLY)
        self.assertEqual(len(self.taken), 1)
        self.land.sluice("unmarked", "forget", SOURCE, "/in//", self.name, check=True)
        self.assertEqual(self.remembered(), [])
        del source.replies["RNTO"]
        self.run_flow(target, 0)
        self.assertEqual((len(self.taken), list(source.files)), (2, ["SENT-" + self.name]))

    # ---- another place ------------------------------------------------------------------------------

    def remembered(self):
        listed = json.loads(self.land.sluice("--json", "unmarked", check=True).stdout)["unmarked"]
        return [one for one in listed if one["file"] == self.name]

    def delivered_from(self, spare_files):
        """A file that was delivered and cannot be marked, and the server that takes the place of its own."""
        source, target, _ = self.refused(mdtm=None)
        spare = ScriptedServer(spare_files)
        self.addCleanup(spare.close)
        self.point_to(spare)
        return source, spare, target

    def check_marked_when_back(self, source, target):
        taken = list(self.taken)
        self.assertIn(f":{source.port}", self.remembered()[0]["place"])
        self.point_to(source)
        del source.replies["RNTO"]
        self.run_flow(target, 0)
        self.assertEqual(self.taken, taken)
        self.assertEqual(list(source.files), ["SENT-" + self.name])
        self.assertEqual(self.remembered(), [])

    def test_a_file_of_a_spare_server_is_not_the_one_that_was_delivered(self):
        source, spare, target = self.delivered_from({self.name: b"456"})
        for _ in range(2):
            detail = self.detail(self.run_flow(target, FAILED))
            for words in (self.name, "is not sent again", "another place then", f":{source.port}", "rename or remove it"):
                self.assertIn(words, detail)
        self.assertEqual((len(self.taken), list(spare.files)), (1, [self.name]))
        self.check_marked_when_back(source, target)

    def test_what_a_spare_server_does_not_have_is_not_forgotten(self):
        source, _, target = self.delivered_from({})
        self.run_flow(target, 0)
        self.check_marked_when_back(source, target)

    def test_another_file_of_a_spare_server_is_sent_and_marked_there(self):
        source, spare, target = self.delivered_from({self.name: b"4567"})
        self.run_flow(target, 0)
        self.assertEqual(self.taken[1:], [(self.name, b"4567")])
        self.assertEqual(list(spare.files), ["SENT-" + self.name])
        self.check_marked_when_back(source, target)

    # ---- an earlier release -------------------------------------------------------------------------

    def make_old(self, source):
        """What is remembered becomes as releases wrote it that knew neither place nor run."""
        user = self.land.connections[SOURCE]["user"]
        place = f"ftp://{user}@127.0.0.1:{source.port}\0".encode()
        tail = len(place) + 8 + 23 + 8  # its length, and the instance that began the run
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            rows = [(number, key, value) for number, key, value in db.execute("SELECT number, key, value FROM reminder "
                    "WHERE kind = 'unmarked'") if f"\n{self.name}\n" in key]
            self.assertEqual(len(rows), 1)
            number, key, value = rows[0]
            self.assertTrue(value.endswith(place))
            db.execute("UPDATE reminder SET key = ?, value = ? WHERE number = ?",
                       (key.rpartition("\n")[0], value[:-tail], number))

    def test_what_an_earlier_release_remembers_is_not_sent_again(self):
        source, target, _ = self.refused()
        self.make_old(source)
        self.assertEqual(self.remembered()[0]["place"], None)
        self.assertIn("is not sent again", self.detail(self.run_flow(target, FAILED)))
        self.assertEqual(len(self.taken), 1)
        self.land.sluice("unmarked", "forget", SOURCE, "/in", self.name, check=True)
        self.run_flow(target, PARTLY)
        self.assertEqual(len(self.taken), 2)

    def test_what_an_earlier_release_remembers_is_marked_and_forgotten(self):
        source, target, _ = self.refused(mdtm=None)
        self.make_old(source)
        del source.replies["RNTO"]
        self.run_flow(target, 0)
        self.assertEqual((len(self.taken), list(source.files)), (1, ["SENT-" + self.name]))
        self.assertEqual(self.remembered(), [])

    # ---- what stays at the target -------------------------------------------------------------------

    DAY_MS = 86400000
    LEFTOVER_DAYS_MAX, LEFTOVER_REFUSALS_MAX, LEFTOVER_TIME_S = 30, 16, 30

    def leftovers(self, change=None):
        """Names of what is to be removed; change: what is asked of the database."""
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.land.workspace, "state", "sluice.db"))) as db, db:
            if change:
                change(db)
            return [key.split("\n")[2] for key, in db.execute(
                "SELECT key FROM reminder WHERE kind = 'leftover' ORDER BY key")]

    def drop_box(self):
        """Takes no file, and tells nothing: what an attempt to put one there left is not known. The next run has
        nothing to send."""
        self.land.sluice("instances", check=True)
        self.leftovers(lambda db: db.execute("DELETE FROM reminder WHERE kind = 'leftover'"))
        source = self.source()
        target = self.target(STOR="452 full", DELE="550 no", SIZE="550 no", LIST="550 no", MLSD="550 no")
        self.run_flow(target, FAILED)
        self.assertEqual(len(self.leftovers()), 1)
        source.files.clear()
        target.commands.clear()
        return target

    def add_leftovers(self, count):
        def add(db):
            key, value = db.execute("SELECT key, value FROM reminder WHERE kind = 'leftover'").fetchone()
            place = key.rpartition("\n")[0]
            db.executemany("INSERT INTO reminder (kind, key, value) VALUES ('leftover', ?, ?)",
                           [(f"{place}\nzz-{number:03}.part", value) for number in range(count)])
        self.leftovers(add)

    def asked(self, target):
        return [one.partition(" ")[2] for one in target.commands if one.startswith("DELE")]

    def test_a_refused_removal_keeps_no_other_from_being_tried(self):
        target = self.drop_box()
        self.add_leftovers(self.LEFTOVER_REFUSALS_MAX)
        target.files["zz-000.part"] = b"1"
        target.replies["DELE"] = lambda session, name: "550 no" if name not in target.files else None
        target.replies["SIZE"] = lambda session, name: "550 no" if name not in target.files else None
        names = self.leftovers()
        self.run_flow_of_nothing()
        self.assertEqual(sorted(self.asked(target)), names)
        self.assertEqual(self.leftovers(), [name for name in names if name != "zz-000.part"])
        self.assertEqual(target.files, {})

    def test_refusals_do_not_hold_up_a_run(self):
        target = self.drop_box()
        self.add_leftovers(self.LEFTOVER_REFUSALS_MAX)
        names = self.leftovers()
        self.run_flow_of_nothing()
        self.assertEqual(len(self.asked(target)), self.LEFTOVER_REFUSALS_MAX)
        self.assertEqual(self.leftovers(), names)

    def test_refusals_of_one_connection_are_not_anothers(self):
        self.drop_box()
        self.add_leftovers(self.LEFTOVER_REFUSALS_MAX)
        names = self.leftovers()
        source = self.source()
        source.files.clear()
        source.files["zz-other.part"] = b"1"
        note = struct.pack("<QQ", 0, 1) + b"\0"  # as an earlier release wrote them: no object, no name

        def insert_first(db):
            db.execute("UPDATE reminder SET number = number + 1000")
            db.execute("INSERT INTO reminder (number, kind, key, value) VALUES (1000, 'leftover', ?, ?)",
                       (SOURCE + "\n/in\nzz-other.part", note))
        self.leftovers(insert_first)
        self.run_flow_of_nothing()
        self.assertEqual((source.files, self.leftovers()), ({}, names))

    def test_a_connection_that_is_disabled_for_now_keeps_its_leftovers(self):
        """One that nobody knows any more does not."""
        self.drop_box()
        with open(os.path.join(self.land.workspace, "connections.json"), encoding="utf-8") as file:
            connections = json.load(file)
        note = struct.pack("<QQ", 0, 1) + b"\0"
        for name in ("SPARE", "GONE"):
            self.leftovers(lambda db, name=name: db.execute(
                "INSERT INTO reminder (kind, key, value) VALUES ('leftover', ?, ?)", (f"{name}\n/in\nzz-{name}.part", note)))
        self.land.write_connections({**connections, "SPARE": {**connections[TARGET], "disabled": True}})
        output = self.run_flow_of_nothing()
        self.assertEqual([name for name in self.leftovers() if name.startswith("zz")], ["zz-SPARE.part"])
        self.assertIn("'zz-GONE.part' stays", output)

    def of_two_connections(self):
        """What is to be removed of the one and the other by turns."""
        target, source = self.drop_box(), self.source()
        source.files.clear()
        note = struct.pack("<QQ", 0, 1) + b"\0"

        def insert(db):
            db.execute("DELETE FROM reminder WHERE kind = 'leftover'")
            db.executemany("INSERT INTO reminder (kind, key, value) VALUES ('leftover', ?, ?)",
                           [(f"{place}\nzz-{number}.part", note) for number in range(4)
                            for place in (SOURCE + "\n/in", TARGET + "\n/out")])
        self.leftovers(insert)
        return source, target

    def test_of_two_that_let_nobody_in_each_is_asked_once(self):
        servers = self.of_two_connections()
        names = self.leftovers()
        for server in servers:
            server.replies["PASS"] = "530 no"
            server.commands.clear()
        self.run_flow_of_nothing()  # which then lists at the source
        self.assertEqual([sum(one.startswith("PASS") for one in server.commands) for server in servers], [2, 1])
        self.assertEqual(self.leftovers(), names)

    def test_a_stop_is_heard_while_a_server_says_nothing(self):
        source, target = self.of_two_connections()
        names, asked = self.leftovers(), threading.Event()

        def say_nothing(*_):
            asked.set()
            return ANSWERED
        for connection, server in ((SOURCE, source), (TARGET, target)):
            server.replies["USER"] = say_nothing
            self.land.connections[connection].update(connect_timeout_s=600, stall_timeout_s=600)
        self.land.write_connections(self.land.connections)
        process = subprocess.Popen(self.land.command(*self.command()), env=self.land.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(asked.wait(60))
        process.terminate()
        self.assertNotEqual(process.wait(self.LEFTOVER_TIME_S - 5), 0)
        self.assertEqual(self.leftovers(), names)
        for connection, server in ((SOURCE, source), (TARGET, target)):
            del server.replies["USER"], self.land.connections[connection]["connect_timeout_s"]
        self.land.write_connections(self.land.connections)
        self.run_flow_of_nothing()  # goes on with what was stopped

    def test_a_server_that_lets_nobody_in_is_asked_once(self):
        target = self.drop_box()
        self.add_leftovers(2)
        target.replies["PASS"] = "530 no"
        self.run_flow_of_nothing()
        self.assertEqual(sum(one.startswith("PASS") for one in target.commands), 1)
        self.assertEqual(len(self.leftovers()), 3)

    def test_what_is_refused_for_long_is_forgotten(self):
        target = self.drop_box()
        for age_ms, stays in ((self.LEFTOVER_DAYS_MAX * self.DAY_MS - 600000, True),
                              (self.LEFTOVER_DAYS_MAX * self.DAY_MS + 1, False)):
            then = int(time.time() * 1000 - age_ms).to_bytes(8, "little")

            def age(db):
                number, value = db.execute("SELECT number, value FROM reminder WHERE kind = 'leftover'").fetchone()
                self.assertLess(abs(int.from_bytes(value[-8:], "little") / 1000 - time.time()), 40 * 86400)
                db.execute("UPDATE reminder SET value = ? WHERE number = ?", (value[:-8] + then, number))
            name, = self.leftovers(age) or [None]
            said = self.run_flow_of_nothing()
            self.assertEqual(self.leftovers(), [name] if stays else [])
            self.assertEqual(f"'{name}' stays in '/out' of connection '{TARGET}', and is not tried again" in said,
                             not stays, said)

    def test_what_an_earlier_release_left_is_never_forgotten(self):
        self.drop_box()
        self.leftovers(lambda db: db.execute(
            "UPDATE reminder SET value = substr(value, 1, length(value) - 8) WHERE kind = 'leftover'"))
        self.run_flow_of_nothing()
        self.assertEqual(len(self.leftovers()), 1)

    def run_flow_of_nothing(self):
        done = self.land.sluice(*self.command())
        return done.stdout + done.stderr

    def test_a_refused_rename_that_is_done_before_its_removal_is_answered(self):
        """Neither is answered as it is: the new name tells."""
        def remove(_, name):
            target.files[self.name] = target.files.pop(name)
            del target.replies["DELE"]
            return HANG_UP
        source, target = self.source(), self.target(RNTO="550 no", DELE=remove)
        self.run_flow(target, 0)
        self.assertEqual((self.taken, list(source.files)), ([(self.name, b"123")], ["SENT-" + self.name]))

    # ---- no look ------------------------------------------------------------------------------------

    def test_killed_before_the_rename_and_the_look_is_refused(self):
        state = {"process": None, "lies": 1}

        def rename(session, _):
            if state["process"]:
                os.killpg(state.pop("process"), signal.SIGKILL)
                state["process"] = None
                return HANG_UP
            return None

        def size(session, name):
            if state["process"] is None and name.endswith(".part") and state["lies"]:
                state["lies"] -= 1
                return f"550 {name}: Could not get file size."
            return None
        source, target = self.source(), self.target(RNTO=rename, SIZE=size)
        process = subprocess.Popen(self.land.command(*self.command()), env=self.land.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        state["process"] = process.pid
        self.assertEqual(process.wait(), -signal.SIGKILL)
        self.assertEqual(list(source.files), [self.name])
        self.run_flow(target, 0)
        self.assertEqual(state["lies"], 0)
        self.assertEqual(self.taken, [(self.name, b"123")])
        self.assertEqual(list(source.files), ["SENT-" + self.name])

    # ---- another process ----------------------------------------------------------------------------

    def start_server(self):
        """It has read its store when this returns."""
        server = subprocess.Popen(self.land.command("serve", "--listen", "127.0.0.1:0"), text=True,
                                  env=self.land.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.assertIn("127.0.0.1", server.stdout.readline())

    def killed_at_the_listing(self, source):
        process = subprocess.Popen(self.land.command(*self.command()), env=self.land.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def die(_session, _argument):
            del source.replies["LIST"]
            process.kill()
            return HANG_UP
        source.replies["LIST"] = die
        self.assertEqual(process.wait(), -signal.SIGKILL)

    def test_a_server_that_goes_on_knows_what_others_could_not_mark(self):
        source, target = self.source(RNTO="550 read only"), self.target()
        self.start_server()
        self.run_flow(target, PARTLY)
        self.killed_at_the_listing(source)
        del source.replies["RNTO"]
        deadline = time.monotonic() + 60
        while "SENT-" + self.name not in source.files:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(target.files, {}, "it was sent a second time")
        self.assertEqual(self.taken, [(self.name, b"123")])


class Opened(UnmarkedTest):
    """A file is the one that was opened, wherever its connection points by now."""

    def test_a_file_is_marked_where_it_was_opened_only(self):
        """Killed when the file has arrived; by the time that it is to be marked, a spare server has its name."""
        state = {}

        def rename(session, name):
            if "process" not in state:
                return None
            session.server.files[name] = session.server.files.pop(session.renaming)
            os.killpg(state.pop("process"), signal.SIGKILL)
            return HANG_UP
        source, target = self.source(MDTM="502 what?"), self.target(RNTO=rename)
        process = subprocess.Popen(self.land.command(*self.command()), env=self.land.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        state["process"] = process.pid
        self.assertEqual(process.wait(), -signal.SIGKILL)
        spare = ScriptedServer({self.name: b"456"}, MDTM="502 what?")
        self.addCleanup(spare.close)
        self.point_to(spare)
        self.run_flow(target, FAILED)  # goes on with the first run, and is one of its own
        self.assertEqual((self.taken, list(spare.files)), ([(self.name, b"123")], [self.name]))
        self.point_to(source)
        self.assertIn("tells no time", self.detail(self.run_flow(target, FAILED)))
        self.assertEqual((self.taken, list(source.files)), ([(self.name, b"123")], [self.name]))

    def test_a_file_is_read_where_it_was_opened_only(self):
        """Killed while it is being sent: what a spare server has of that name, size and time is another file."""
        state = {}

        def store(_session, _name):
            if "process" not in state:
                return None
            os.killpg(state.pop("process"), signal.SIGKILL)
            return HANG_UP
        source, target = self.source(), self.target(STOR=store)
        process = subprocess.Popen(self.land.command(*self.command()), env=self.land.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        state["process"] = process.pid
        self.assertEqual(process.wait(), -signal.SIGKILL)
        spare = ScriptedServer({self.name: b"456"})
        self.addCleanup(spare.close)
        self.point_to(spare)
        self.run_flow(target, 0)  # goes on with the first run, which leaves the file alone, and is one of its own
        self.assertEqual((self.taken, list(spare.files)), ([(self.name, b"456")], ["SENT-" + self.name]))
        self.point_to(source)
        self.run_flow(target, 0)
        self.assertEqual(self.taken, [(self.name, b"456"), (self.name, b"123")])
        self.assertEqual(list(source.files), ["SENT-" + self.name])


class OpenedThroughAFilter(Opened):
    """The same where the bytes pass through a customisation."""
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = os.path.join(cls.land.workspace, "customizations", FLOW_FTP)
        shutil.copytree(GUESTS + "_compiled", os.path.join(cls.land.workspace, "state", "compiled"))
        os.makedirs(folder)
        shutil.copy(os.path.join(GUESTS, "filter_copy.wasm"), os.path.join(folder, "content.wasm"))
        with open(os.path.join(cls.land.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump({"filters": {"unsigned": "allow"}}, file)


if __name__ == "__main__":
    SLUICE, GUESTS = (os.path.realpath(sys.argv.pop(1)) for _ in range(2))
    unittest.main()

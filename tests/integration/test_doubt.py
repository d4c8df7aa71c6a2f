# SPDX-License-Identifier: MIT
"""What is in doubt while the workspace changes: the program is killed when the target has renamed a file and
not yet said so, a reader takes the file, and then a connection is disabled, a flow deactivated, a module
replaced on a machine without a compiler. The file arrives once all the same.

Usage: test_doubt.py SLUICE
"""
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import FLOW_FTP, SOURCE_FOLDER, Landscape  # noqa: E402
from route import ENDED  # noqa: E402
from test_ftp_script import HANG_UP, ScriptedServer  # noqa: E402

SLUICE = None
TARGET = "OU FTP DACS for CCS-DACS"
RUN = ("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-")
NAME, DATA = "C1-A.csv", b"a" * 100000
WORDS = b"It is still being written."  # of the flow's module


class Doubt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-doubt-")
        cls.addClassCleanup(folder.cleanup)
        cls.land = Landscape(folder.name, SLUICE)
        cls.addClassCleanup(cls.land.stop)
        cls.functions = os.path.join(folder.name, "functions")

    def setUp(self):
        for name in self.land.ccs_ftp_files():
            os.unlink(self.land.ccs_ftp.home + SOURCE_FOLDER + "/" + name)
        self.server = ScriptedServer()
        self.addCleanup(self.server.close)
        self.connections = self.land.default_connections(0)
        self.connections[TARGET] = {"type": "ftp", "host": "127.0.0.1", "port": self.server.port, "tls": "none",
                                    "user": "u", "password": {"env": "DACS_FTP_PASSWORD"}, "settle_ms": 0}
        self.land.write_connections(self.connections)
        self.environment = self.land.environment()

    def run_flow(self):
        done = subprocess.run(self.land.command(*RUN), env=self.environment, capture_output=True, text=True,
                              timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def serve(self):
        server = subprocess.Popen(self.land.command("serve", "--listen", "127.0.0.1:0"), env=self.environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        server.stdout.readline()
        return server

    def interrupt(self):
        """Gives the instance that was killed; its file is where nobody sees it any more."""
        self.land.put_ccs_ftp(NAME, DATA)
        process = subprocess.Popen(self.land.command(*RUN), env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)

        def take_and_kill(session, name):
            self.assertEqual((name, session.server.files.pop(session.renaming)), (NAME, DATA))
            process.send_signal(signal.SIGKILL)
            process.wait()
            return HANG_UP

        self.server.replies["RNTO"] = take_and_kill
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGKILL, output)
        del self.server.replies["RNTO"]
        self.assertEqual(list(self.land.ccs_ftp_files()), [NAME])
        return next(row["id"] for row in self.rows() if row["state"] not in ENDED and not row["parent"])

    def rows(self):
        listed = self.land.sluice("instances", "--all", "--limit", "1000", "--json", check=True).stdout
        return json.loads(listed)["instances"]

    def shown(self, instance):
        return json.loads(self.land.sluice("show", instance, "--json", check=True).stdout)

    def check_waits(self, instance, words, output):
        row = self.shown(instance)
        self.assertEqual(row["state"], "RECOVERING", output)
        self.assertIn(words, row["fault"]["detail"])
        self.assertEqual(self.server.files, {}, "it was not sent again")

    def check_done(self, instance, output):
        self.assertEqual(self.shown(instance)["state"], "COMPLETED", output)
        self.assertEqual(list(self.land.ccs_ftp_files()), ["SENT-" + NAME], output)
        self.assertEqual(self.server.files, {}, "it was not sent again")
        self.assertEqual([row for row in self.rows() if row["state"] not in ENDED], [])

    def check_goes_on(self, instance):
        status, output = self.run_flow()
        self.assertEqual(status, 0, output)
        self.check_done(instance, output)

    def test_the_connection_is_disabled_meanwhile(self):
        instance = self.interrupt()
        self.land.write_connections({**self.connections, TARGET: {**self.connections[TARGET], "disabled": True}})
        status, output = self.run_flow()
        self.assertEqual(status, 1, output)
        self.check_waits(instance, "disabled", output)
        self.land.write_connections(self.connections)
        self.check_goes_on(instance)

    def test_the_connection_is_taken_away_meanwhile(self):
        instance = self.interrupt()
        self.land.write_connections({name: one for name, one in self.connections.items() if name != TARGET})
        status, output = self.run_flow()
        self.assertEqual(status, 1, output)
        self.check_waits(instance, TARGET, output)
        self.land.write_connections(self.connections)
        self.check_goes_on(instance)

    def point_to(self, **fields):
        self.land.write_connections({**self.connections, TARGET: {**self.connections[TARGET], **fields}})

    def check_waits_for_its_place(self, instance, output):
        for words in ("points to ftp://", f"told only at ftp://u@127.0.0.1:{self.server.port}", "point it back"):
            self.check_waits(instance, words, output)

    def test_the_connection_is_pointed_to_a_spare_server_meanwhile(self):
        """What a server does not have says nothing of a file that another one was to rename."""
        instance = self.interrupt()
        spare = ScriptedServer()
        self.addCleanup(spare.close)
        self.point_to(port=spare.port)
        for _ in range(2):
            status, output = self.run_flow()
            self.assertEqual(status, 1, output)
            self.check_waits_for_its_place(instance, output)
            self.assertIn(f"points to ftp://u@127.0.0.1:{spare.port} now", self.shown(instance)["fault"]["detail"])
            self.assertEqual(list(self.land.ccs_ftp_files()), [NAME], output)
            self.assertEqual((spare.files, spare.commands), ({}, []), "it was not even asked")
        self.point_to(stall_timeout_s=7)  # the same place
        self.check_goes_on(instance)

    def test_the_server_dies_before_it_renames_and_a_spare_one_takes_its_place(self):
        self.land.put_ccs_ftp(NAME, DATA)

        def die(session, name):
            session.server.replies["greeting"] = "421 down"
            return HANG_UP

        self.server.replies["RNTO"] = die
        status, output = self.run_flow()
        self.assertEqual(status, 1, output)
        spare = ScriptedServer()
        self.addCleanup(spare.close)
        self.point_to(port=spare.port)
        status, output = self.run_flow()
        self.assertEqual((status, list(self.land.ccs_ftp_files())), (1, [NAME]), output)
        del self.server.replies["greeting"], self.server.replies["RNTO"]
        self.point_to()
        status, output = self.run_flow()
        self.assertEqual((status, list(self.land.ccs_ftp_files())), (0, ["SENT-" + NAME]), output)
        self.assertEqual((self.server.files, spare.files), ({NAME: DATA}, {}))

    def test_what_was_removed_without_an_answer_was_not_renamed(self):
        """The answer to a rename is lost, it is refused then, and the answer to the removal is lost as well."""
        self.land.put_ccs_ftp(NAME, DATA)

        def remove(session, name):
            session.server.files.pop(name, None)
            del session.server.replies["DELE"]
            return HANG_UP

        answers = [HANG_UP, "553 no", "553 no"]
        self.server.replies.update(RNTO=lambda *_: answers.pop(0) if answers else None, DELE=remove)
        status, output = self.run_flow()
        self.assertEqual((status, list(self.land.ccs_ftp_files())), (0, ["SENT-" + NAME]), output)
        self.assertEqual(self.server.files, {NAME: DATA})

    def test_another_file_of_that_size_is_not_taken_for_ours(self):
        """A name of its own was refused, and the host stops before it tries again."""
        self.land.put_ccs_ftp(NAME, DATA)
        self.point_to(on_conflict="number", retry={"pause_s": 30, "pause_max_s": 30})
        foreign = b"b" * len(DATA)
        self.server.files[NAME] = foreign
        self.server.replies["RNTO"] = "450 in use"
        process = subprocess.Popen(self.land.command(*RUN), env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        deadline = time.monotonic() + 30
        while len(self.server.files) > 1 or "RNTO" not in "".join(self.server.commands):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        process.terminate()
        process.wait(30)
        self.server.replies.clear()
        status, output = self.run_flow()
        self.assertEqual((status, list(self.land.ccs_ftp_files())), (0, ["SENT-" + NAME]), output)
        self.assertEqual(self.server.files, {NAME: foreign, "C1-A-2.csv": DATA})

    def test_what_an_attempt_left_is_removed_at_its_place_only(self):
        self.land.put_ccs_ftp(NAME, DATA)
        self.server.replies.update(RNTO="553 no", DELE="450 busy")
        status, output = self.run_flow()
        self.assertEqual((status, len(self.server.files)), (1, 1), output)
        spare = ScriptedServer()
        self.addCleanup(spare.close)
        self.point_to(port=spare.port)
        status, output = self.run_flow()
        self.assertEqual((status, spare.files), (0, {NAME: DATA}), output)
        self.assertEqual([line for line in spare.commands if line.startswith("DELE")], [])
        del self.server.replies["DELE"]
        self.point_to()
        status, output = self.run_flow()
        self.assertEqual((status, self.server.files), (0, {}), output)

    def test_another_user_is_another_place(self):
        instance = self.interrupt()
        self.point_to(user="another")
        status, output = self.run_flow()
        self.assertEqual(status, 1, output)
        self.check_waits_for_its_place(instance, output)
        self.point_to()
        self.check_goes_on(instance)

    def test_a_step_of_an_earlier_release_does_not_tell_its_place(self):
        """Its journal is read as it was."""
        instance = self.interrupt()
        self.forget_place()
        self.point_to(user="another")
        self.check_goes_on(instance)

    def forget_place(self):
        """Makes of the step in doubt what releases wrote that did not note where it was taken."""
        place = f"ftp://u@127.0.0.1:{self.server.port}\0".encode()
        place = len(place).to_bytes(8, "little") + place
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            rows = db.execute("SELECT j.instance, j.number, i.id, import, request, plan FROM journal j, instance i "
                              "WHERE j.instance = i.number AND j.result IS NULL").fetchall()
            rows = [row for row in rows if row[5] and row[5][:-8].endswith(place)]
            self.assertEqual(len(rows), 1)
            instance, number, name, called, request, plan = rows[0]
            plan = plan[:-8 - len(place)]
            digest = hashlib.sha256(number.to_bytes(8, "little") + bytes(8))
            for part in (name.encode(), called.encode(), request, plan):
                digest.update(len(part).to_bytes(8, "little") + part)
            db.execute("UPDATE journal SET plan = ? WHERE instance = ? AND number = ?",
                       (plan + digest.digest()[:8], instance, number))

    def test_the_flow_that_was_called_is_deactivated_meanwhile(self):
        instance = self.interrupt()
        child = next(row["flow"] for row in self.rows() if row["parent"] == instance)
        self.land.sluice("deactivate", child, check=True)
        self.addCleanup(self.land.sluice, "activate", child, check=True)
        self.check_goes_on(instance)

    def flows(self, **environment):
        return subprocess.run(self.land.command("flows"), env={**self.environment, **environment},
                              capture_output=True, timeout=300, check=False).returncode

    def replace_module(self):
        """As a package of the next version does: what the old module was compiled to goes with it."""
        path = os.path.join(self.functions, "customer_sync_ftp_transfer.wasm")
        with open(path, "rb") as file:
            module = file.read()
        self.assertNotEqual(module, module.replace(WORDS, WORDS.swapcase()))
        with open(path, "wb") as file:
            file.write(module.replace(WORDS, WORDS.swapcase()))
        self.assertEqual(self.flows(), 0)
        kept = os.listdir(os.path.join(self.land.workspace, "state", "modules"))
        gone = []
        for name in (name for name in kept if name.endswith(".so")):
            compiled = os.path.join(self.functions, "compiled", name)
            if os.path.exists(compiled):
                os.rename(compiled, compiled + ".old")
                if self.flows(SLUICE_NODE="/nowhere") == 0:
                    gone.append(name)
                else:
                    os.rename(compiled + ".old", compiled)
        self.assertEqual(len(gone), 1, "the old module's, which no flow needs")

    def use_own_functions(self):
        shutil.rmtree(self.functions, ignore_errors=True)
        shutil.copytree(os.path.join(HERE, "..", "..", "wasm-out"), self.functions,
                        ignore=shutil.ignore_patterns("README.md", "edge"))
        self.environment["SLUICE_FUNCTIONS"] = self.functions

    def test_its_module_is_replaced_where_nothing_compiles(self):
        self.use_own_functions()
        instance = self.interrupt()
        self.replace_module()
        self.environment["SLUICE_NODE"] = "/nowhere"
        self.check_goes_on(instance)

    def test_its_module_cannot_be_opened_now(self):
        self.use_own_functions()
        instance = self.interrupt()
        self.replace_module()
        kept = os.path.join(self.land.workspace, "state", "modules")
        for name in os.listdir(kept):
            if ".so" in name:
                os.unlink(os.path.join(kept, name))
        self.environment["SLUICE_NODE"] = "/nowhere"
        status, output = self.run_flow()
        self.assertEqual(status, 1, output)
        self.check_waits(instance, "/nowhere", output)
        del self.environment["SLUICE_NODE"]
        self.check_goes_on(instance)

    def test_a_server_that_cannot_go_on_with_it_gives_it_back(self):
        instance = self.interrupt()
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            db.execute("UPDATE instance SET filters = 'damaged' WHERE id = ?", (instance,))
        self.serve()
        deadline = time.monotonic() + 60
        while "damaged" not in ((self.shown(instance)["fault"] or {}).get("detail") or ""):
            self.assertLess(time.monotonic(), deadline, self.shown(instance))
            time.sleep(0.05)
        with sqlite3.connect(os.path.join(self.land.workspace, "state", "sluice.db")) as db:
            db.execute("UPDATE instance SET filters = NULL WHERE id = ?", (instance,))
        self.check_goes_on(instance)

    def test_a_server_takes_over_what_another_process_leaves_later(self):
        self.serve()
        instance = self.interrupt()
        deadline = time.monotonic() + 60
        while self.shown(instance)["state"] not in ENDED:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.check_done(instance, "")


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

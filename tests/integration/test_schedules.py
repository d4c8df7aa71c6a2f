# SPDX-License-Identifier: MIT
"""Schedules and activation through the real program: what is due is started by a server, once.

Usage: test_schedules.py SLUICE TRANSLATE NOTHING.wasm FUNCTIONS [unittest arguments]
"""
import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SLUICE = TRANSLATE = GUEST = FUNCTIONS = None
FLOW = "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
SOURCE = "OU FTP CCS for CCS-DACS"
ADDRESS = "/ic/api/integration/v1/flows/rest/ANSWER/1.0/go"
HEADERS = {"Authorization": "Basic " + base64.b64encode(b"caller:caller-secret").decode()}
SECONDS = 60  # for anything to happen; the machine may be busy


def manifest(identifier, version="01.00.0000", **trigger):
    return {"identifier": identifier, "name": identifier, "version": version, "trigger": trigger,
            "grants": [], "lookups": [], "durability": "tracked",
            "limits": {"memory_mib": 2, "cpu_ms": 4000, "wall_s": 60, "import_calls": 100,
                       "log_lines": 5, "input_bytes": 4096}}


class SchedulesTest(unittest.TestCase):
    """TICK ends at once; the transfer flow waits for an FTP server that does not say a word."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-schedules-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.functions = os.path.join(cls.folder, "functions")
        os.mkdir(cls.functions)
        shutil.copy(os.path.join(FUNCTIONS, "customer_sync_ftp_transfer.wasm"), cls.functions)
        cls.embed("tick", manifest("TICK", type="schedule", parameters={
            "prefix": {"description": "nothing", "default": "none"}}))
        cls.embed("answer", manifest("ANSWER", type="rest", path="/go"))

    @classmethod
    def embed(cls, name, one):
        path = os.path.join(cls.folder, "manifest.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(one, file)
        subprocess.run([TRANSLATE, GUEST, "--embed", path, "--output",
                        os.path.join(cls.functions, name + ".wasm")], check=True)

    def setUp(self):
        self.workspace = tempfile.mkdtemp(dir=self.folder)
        os.rmdir(self.workspace)
        subprocess.run([SLUICE, "init", self.workspace], check=True, stdout=subprocess.DEVNULL)
        self.settings()
        self.silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.silent.close)
        self.write("connections.json", {
            SOURCE: {"type": "ftp", "host": "127.0.0.1", "tls": "none",
                     "port": self.silent.getsockname()[1], "user": "ccs",
                     "password": {"env": "CCS_FTP_PASSWORD"}},
            "OU REST OIC for CCS-DACS": {"type": "local"},
            "OU SMTP for CCS-DACS": {"type": "smtp", "host": "127.0.0.1", "port": 1, "tls": "none",
                                     "disabled": True}})
        self.command("lookups", "set", "OUTL-BRT-CCS_DACS_ConfigProps",
                     "ccs.ftp.custsync.input.directory", "/extract")
        self.command("lookups", "set", "OUTL-BRT-CCS_DACS_ConfigProps",
                     "dacs.ftp.custsync.output.directory", "/in")
        self.command("users", "add", "caller", "--role", "invoke", text="caller-secret\n")

    def write(self, name, value):
        with open(os.path.join(self.workspace, name), "w", encoding="utf-8") as file:
            json.dump(value, file)

    def settings(self, **more):
        self.write("sluice.json", {"functions": self.functions,
                                   "cache": os.path.join(self.folder, "cache"), **more})

    def schedules(self, **flows):
        self.write("schedules.json", {
            FLOW if flow == "SLOW" else flow: {"recurrence": rule, **(
                {"parameters": {"extractedFileNamePrefix": "C1-"}} if flow == "SLOW" else {})}
            for flow, rule in flows.items()})

    def command(self, *arguments, expect=0, text=""):
        done = subprocess.run([SLUICE, "-w", self.workspace, "--json", *arguments], text=True,
                              env={**os.environ, "CCS_FTP_PASSWORD": "x"}, input=text, timeout=SECONDS,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def serve(self):
        log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen([SLUICE, "-w", self.workspace, "serve", "--listen", "127.0.0.1:0"],
                                   env={**os.environ, "CCS_FTP_PASSWORD": "x"}, stderr=log,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.log = log
        line = process.stdout.readline()
        self.assertIn("listening", line, self.said(process))
        process.port = int(line.rpartition(":")[2])
        return process

    @staticmethod
    def said(process):
        process.log.seek(0)
        return process.log.read()

    def history(self, flow=None):
        return self.command("schedules", "history", "--limit", "0", *([flow] if flow else []))["history"]

    def wait(self, what, condition):
        deadline = time.monotonic() + SECONDS
        while not (value := condition()):
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)
        return value

    def wait_for(self, outcome, flow=None, count=1):
        return self.wait(f"{count} {outcome}", lambda: len(rows := [
            one for one in self.history(flow) if one["outcome"] == outcome]) >= count and rows)

    def post(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self.addCleanup(connection.close)
        connection.request("POST", ADDRESS, "{}", HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def stop(self, process, expect=0):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=SECONDS), expect, self.said(process))


class Starts(SchedulesTest):
    def test_what_is_due_is_started(self):
        self.write("schedules.json", {"TICK": {"recurrence": "FREQ=SECONDLY",
                                               "parameters": {"prefix": "C1-"}}})
        server = self.serve()
        rows = self.wait_for("completed", count=3)
        self.stop(server)
        shown = self.command("show", rows[0]["instance"])
        self.assertEqual((shown["flow"], shown["trigger"], shown["invoked_by"],
                          json.loads(shown["parameters"])),
                         ("TICK", "schedule", "schedule", {"prefix": "C1-"}))
        listed = self.command("schedules", "TICK")["schedules"][0]
        self.assertEqual((listed["state"], listed["active"], listed["source"]),
                         ("started", True, "schedules.json"))
        self.assertIn(listed["last"]["outcome"], ("completed", "interrupted"))
        self.assertIn("more often than once a minute", listed["warning"])
        due = [one["due"] for one in rows]
        self.assertEqual(len(due), len(set(due)))

    def test_requests_and_scheduled_runs_do_not_wait_for_each_other(self):
        self.settings(server={"workers": 1, "stop_s": 1}, schedule_workers=1)
        self.schedules(SLOW="FREQ=SECONDLY")
        server = self.serve()
        self.wait_for("running")
        for _ in range(5):
            self.assertEqual(self.post(server.port)[0], 200)
        self.stop(server)
        self.assertIn("asking scheduled runs to stop", self.said(server))
        (row,) = [one for one in self.history() if one["instance"]]
        self.assertEqual(row["outcome"], "failed")
        self.assertNotEqual(self.command("show", row["instance"])["state"], "COMPLETED")

    def test_a_run_is_not_overtaken(self):
        self.settings(server={"stop_s": 1})
        self.schedules(SLOW="FREQ=SECONDLY")
        server = self.serve()
        rows = self.wait_for("skipped", count=2)
        self.assertEqual({one["reason"] for one in rows}, {"the run before it was going on"})
        said = self.command("run", FLOW, "--param", "extractedFileNamePrefix=C1-", expect=1)
        self.assertIn(f"going on in process {server.pid}", said["error"]["message"])
        self.stop(server)
        self.assertEqual(len([one for one in self.history() if one["instance"]]), 1)

    def test_a_run_by_hand_is_not_overtaken(self):
        self.schedules(SLOW="FREQ=SECONDLY")
        run = subprocess.Popen([SLUICE, "-w", self.workspace, "run", FLOW],
                               env={**os.environ, "CCS_FTP_PASSWORD": "x"},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        self.silent.settimeout(SECONDS)
        peer, _ = self.silent.accept()  # it has begun, and gets no word
        self.addCleanup(peer.close)
        server = self.serve()
        row = self.wait_for("skipped")[0]
        self.assertIn(f"going on in process {run.pid}", row["reason"])
        self.stop(server)

    def test_two_servers_start_each_due_time_once(self):
        self.schedules(TICK="FREQ=SECONDLY")
        servers = [self.serve(), self.serve()]
        self.wait_for("completed", count=4)
        for server in servers:
            self.stop(server)
        rows = self.history()
        self.assertEqual(len({one["due"] for one in rows}), len(rows))
        instances = self.command("instances", "--flow", "TICK", "--limit", "0")["instances"]
        self.assertEqual({one["id"] for one in instances}, {one["instance"] for one in rows} - {None})
        self.assertEqual(len(instances), len([one for one in rows if one["instance"]]))

    def test_a_killed_server_leaves_no_doubt(self):
        self.schedules(SLOW="FREQ=SECONDLY")
        server = self.serve()
        self.wait("an instance", lambda: any(one["instance"] for one in self.history()))
        server.kill()
        server.wait()
        before = [one for one in self.history() if one["instance"]]
        self.assertEqual([one["outcome"] for one in before], ["interrupted"])
        self.settings(server={"stop_s": 1})
        again = self.serve()
        self.wait("another run", lambda: len([one for one in self.history() if one["instance"]]) == 2)
        self.stop(again)
        self.assertEqual(self.command("show", before[0]["instance"])["state"], "ABORTED")


class Changes(SchedulesTest):
    def test_a_running_server_follows_commands(self):
        self.schedules(TICK="FREQ=SECONDLY")
        server = self.serve()
        self.wait_for("completed")
        self.command("schedules", "stop", "TICK")
        self.command("schedules", "stop", "TICK", expect=1)
        self.wait("the last run", lambda: not [one for one in self.history()
                                               if one["outcome"] == "running"])
        count = len(self.history())
        time.sleep(2.5)
        self.assertEqual(len(self.history()), count)
        listed = self.command("schedules")["schedules"][0]
        self.assertEqual(listed["state"], "stopped")
        self.assertTrue(listed["changed_by"])
        self.command("schedules", "start", "TICK")
        self.wait("a new run", lambda: len(self.history()) > count)
        self.stop(server)

    def test_the_file_is_read_again_on_sighup(self):
        self.schedules()
        server = self.serve()
        with open(os.path.join(self.workspace, "schedules.json"), "w", encoding="utf-8") as file:
            file.write('{"TICK": {"recurrence": "FREQ=SECONDLY;BYHOUR=25"}}')
        server.send_signal(signal.SIGHUP)
        self.wait("a complaint", lambda: "schedules.json:1:" in self.said(server))
        self.schedules(TICK="FREQ=SECONDLY")
        server.send_signal(signal.SIGHUP)
        self.wait_for("completed")
        self.stop(server)

    def test_what_cannot_be_used_keeps_a_server_from_starting(self):
        for schedules, complaint in (({"TICK": {"recurrence": "FREQ=DAILY;BYHOUR=25"}}, "schedules.json:1:"),
                                     ({"TOCK": {"recurrence": "FREQ=DAILY"}}, "TICK"),
                                     ({"ANSWER": {"recurrence": "FREQ=DAILY"}}, "rest"),
                                     ({FLOW: {"recurrence": "FREQ=DAILY"}}, "extractedFileNamePrefix"),
                                     ({"TICK": {"recurrence": "FREQ=DAILY", "missed": "run"}}, "run_once")):
            with self.subTest(schedules=schedules):
                self.write("schedules.json", schedules)
                done = self.command("serve", "--listen", "127.0.0.1:0", expect=2)
                self.assertIn(complaint, done["error"]["message"])

    def test_missed_while_down(self):
        self.write("schedules.json", {"TICK": {"recurrence": "FREQ=SECONDLY;INTERVAL=2"}})
        server = self.serve()
        self.wait_for("completed")
        self.stop(server)
        count = len([one for one in self.history() if one["instance"]])
        time.sleep(5)
        server = self.serve()
        rows = self.wait("the run that makes up", lambda: (
            rows := [one for one in self.history() if one["first_due"] != one["due"]]) and rows)
        self.assertEqual(len(rows), 1)
        self.stop(server)
        self.assertGreater(len([one for one in self.history() if one["instance"]]), count)


class Activation(SchedulesTest):
    def test_a_flow_that_is_not_active_does_not_answer(self):
        server = self.serve()
        self.assertEqual(self.post(server.port)[0], 200)
        self.assertEqual(self.command("deactivate", "ANSWER")["status"], "CONFIGURED")
        status, body = self.post(server.port)
        self.assertEqual(status, 404, body)
        self.assertIn("flow 'ANSWER' is not active", body)
        self.assertIn("not active", self.command("run", "ANSWER", expect=1)["error"]["message"])
        self.assertEqual(self.command("flows", "ANSWER")["flows"][0]["status"], "CONFIGURED")
        self.assertEqual(self.command("activate", "ANSWER")["status"], "ACTIVATED")
        self.assertEqual(self.post(server.port)[0], 200)
        self.stop(server)

    def test_a_connection_that_does_not_work_keeps_a_flow_from_being_activated(self):
        self.silent.close()
        said = self.command("activate", FLOW, expect=1)
        problems = {one["connection"]: one["message"] for one in said["problems"]}
        self.assertEqual(set(problems), {SOURCE, "OU SMTP for CCS-DACS"})
        self.assertIn("disabled", problems["OU SMTP for CCS-DACS"])
        self.assertIn("2 of its connections", said["error"]["message"])

    def test_what_is_scheduled_is_stopped_first(self):
        self.schedules(TICK="FREQ=YEARLY")
        self.assertIn("schedules stop TICK", self.command("deactivate", "TICK", expect=1)["error"]["message"])
        self.command("schedules", "stop", "TICK")
        self.command("deactivate", "TICK")
        self.assertIn("not active", self.command("schedules", "start", "TICK", expect=1)["error"]["message"])

    def test_explicit_activation(self):
        self.settings(activation="explicit", tracing="audit")
        server = self.serve()
        self.assertEqual(self.post(server.port)[0], 404)
        told = self.command("activate", "--tracing", "debug", "ANSWER")
        self.assertEqual((told["status"], told["tracing"]), ("ACTIVATED", "debug"))
        self.assertEqual(self.post(server.port)[0], 200)
        self.assertEqual(self.command("flows", "TICK")["flows"][0]["tracing"], "audit")
        self.stop(server)

    def test_one_version_of_a_line_is_active(self):
        self.embed("newer", manifest("ANSWER", "01.00.0001", type="rest", path="/go"))
        self.addCleanup(os.remove, os.path.join(self.functions, "newer.wasm"))
        self.embed("next", manifest("ANSWER", "01.01.0000", type="rest", path="/go"))
        self.addCleanup(os.remove, os.path.join(self.functions, "next.wasm"))
        server = self.serve()
        self.assertEqual(self.active(), {"01.00.0001", "01.01.0000"})
        self.command("activate", "ANSWER|01.00.0000")
        self.assertEqual(self.active(), {"01.00.0000", "01.01.0000"})
        status, _ = self.post(server.port)
        self.assertEqual(status, 200)
        newest = self.command("instances", "--limit", "1")["instances"][0]
        self.assertEqual(newest["version"], "01.00.0000")
        self.command("deactivate", "ANSWER|01.00.0000")
        self.assertEqual(self.active(), {"01.01.0000"})
        self.stop(server)

    def active(self):
        return {one["version"] for one in self.command("flows")["flows"]
                if one["identifier"] == "ANSWER" and one["status"] == "ACTIVATED"}


if __name__ == "__main__":
    SLUICE, TRANSLATE, GUEST, FUNCTIONS = map(os.path.realpath, sys.argv[1:5])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])

# SPDX-License-Identifier: MIT
"""`sluice supervise` through the real program: a server for each workspace, as its own user where this is
root; what comes, goes, changes, breaks and collides; signals; what is said of it.

Usage: test_supervise.py SLUICE SLUICE_TRANSLATE MODULE MANIFEST [unittest arguments]
MODULE, MANIFEST: a flow of tests/guests.
"""
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from supervise_common import (IS_ROOT, USERS, Place, Supervisor, is_alive, is_ready, process_facts,
                              process_limits, wait_dead)
from serve_common import wait_until

SLUICE = TRANSLATE = MODULE = MANIFEST = None
QUICK = {"restart_min_s": 1, "restart_max_s": 2, "stop_s": 20}


class Supervised(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.TemporaryDirectory(prefix="sluice-flow-")
        cls.addClassCleanup(cls.made.cleanup)
        cls.flow = os.path.join(cls.made.name, "misbehave.wasm")
        subprocess.run([TRANSLATE, MODULE, "--embed", MANIFEST, "--output", cls.flow], check=True)

    def setUp(self):
        self.place = Place(SLUICE, TRANSLATE, [self.flow])
        self.addCleanup(self.place.clean)
        self.place.write("supervise.json", QUICK)

    def start(self, **options):
        supervisor = Supervisor(self.place, **options)
        self.addCleanup(supervisor.errors.close)
        self.addCleanup(supervisor.stop)
        self.assertEqual(supervisor.process.stdout.readline(), "{\n", "it did not begin")
        return supervisor


class Tenants(Supervised):
    def test_each_has_a_process_of_its_own(self):
        ports = {name: self.place.add(name) for name in ("acme", "beta")}
        supervisor = self.start()
        tenants = {name: supervisor.wait_for(name, "running") for name in ports}
        for name, port in ports.items():
            self.assertTrue(is_ready(port))
            self.assertEqual(tenants[name]["url"], f"http://127.0.0.1:{port}")
            self.assertGreater(tenants[name]["resident_bytes"], 1 << 20)
        self.assertNotEqual(tenants["acme"]["pid"], tenants["beta"]["pid"])
        self.assertEqual(supervisor.status()[0], 0)
        self.assertEqual(supervisor.stop(), 0)
        for tenant in tenants.values():
            self.assertFalse(is_alive(tenant["pid"]))
        self.assertEqual([line["message"] for line in supervisor.lines("acme")][-1], "stopped")

    def test_what_holds_for_its_process(self):
        self.place.write("supervise.json", {**QUICK, "limits": {"descriptors": 1500, "memory": "1GiB"},
                                            "tenants": {"acme": {"file_size": "3MiB", "processes": 99}}})
        self.place.add("acme")
        tenant = self.start().wait_for("acme", "running")
        facts, limits = process_facts(tenant["pid"]), process_limits(tenant["pid"])
        self.assertEqual(facts["NoNewPrivs"], "1")
        self.assertEqual(facts["Seccomp"], "2")
        self.assertEqual(limits["Max open files"], 1500)
        self.assertEqual(limits["Max data size"], 1 << 30)
        self.assertEqual(limits["Max file size"], 3 << 20)
        self.assertEqual(limits["Max address space"], 8 << 40)
        self.assertEqual(limits["Max core file size"], 0)
        self.assertEqual(os.getsid(tenant["pid"]), tenant["pid"])
        if IS_ROOT:
            self.assertEqual(limits["Max processes"], 99)
            entry = pwd.getpwnam(USERS[0])
            self.assertEqual(set(facts["Uid"].split()), {str(entry.pw_uid)})
            self.assertEqual(set(facts["Gid"].split()), {str(entry.pw_gid)})
            self.assertEqual(int(facts["CapPrm"], 16), 0)
            self.assertEqual(tenant["user"], USERS[0])
            state = os.stat(self.place.path("acme", "state", "sluice.db"))
            self.assertEqual((state.st_uid, state.st_mode & 0o077), (entry.pw_uid, 0))

    def test_the_filter_can_be_left_out(self):
        self.place.write("supervise.json", {**QUICK, "confine": False})
        self.place.add("acme")
        supervisor = self.start()
        facts = process_facts(supervisor.wait_for("acme", "running")["pid"])
        self.assertEqual((facts["Seccomp"], facts["NoNewPrivs"]), ("0", "1"))
        self.assertEqual(supervisor.status()[1]["isolation"]["system_calls"], "none")

    @unittest.skipUnless(IS_ROOT, "takes a second user")
    def test_started_by_somebody_else_all_are_that_user(self):
        self.place.add("acme")
        self.place.add("beta", user=USERS[2])
        os.chown(self.place.folder, pwd.getpwnam("games").pw_uid, -1)
        os.chown(self.place.path("supervise.json"), pwd.getpwnam("games").pw_uid, -1)
        self.place.own("acme", "games")
        self.place.own("beta", "games")
        supervisor = self.start(user="games")
        for name in ("acme", "beta"):
            pid = supervisor.wait_for(name, "running")["pid"]
            self.assertEqual(process_facts(pid)["Uid"].split()[0], str(pwd.getpwnam("games").pw_uid))
            self.assertEqual(process_facts(pid)["Seccomp"], "2")
        self.assertEqual(supervisor.status()[1]["isolation"]["user"], "shared")
        self.assertTrue([line for line in supervisor.log() if "not started by root" in line["message"]])
        self.assertEqual(supervisor.stop(), 0)

    @unittest.skipUnless(IS_ROOT, "takes root")
    def test_nothing_runs_as_root(self):
        self.place.add("acme", user="root")
        self.place.add("beta", user="root")
        self.place.write("supervise.json", {**QUICK, "tenants": {"beta": {"user": "no-such-user"}}})
        supervisor = self.start()
        supervisor.wait_for("acme", "refused", "it would run as root")
        supervisor.wait_for("beta", "refused", "there is no user 'no-such-user'")
        self.assertEqual(supervisor.status()[0], 3)
        self.place.own("acme", USERS[0])
        supervisor.wait_for("acme", "running")
        self.place.own("beta", USERS[1])
        self.place.write("supervise.json", {**QUICK, "tenants": {"beta": {"user": USERS[1]}}})
        supervisor.process.send_signal(signal.SIGHUP)
        self.assertEqual(supervisor.wait_for("beta", "running")["user"], USERS[1])

    @unittest.skipUnless(IS_ROOT, "takes a second user")
    def test_company_is_told(self):
        for name in ("acme", "beta"):
            self.place.add(name, user=USERS[0])
        supervisor = self.start()
        for name in ("acme", "beta"):
            supervisor.wait_for(name, "running")
        self.assertTrue([line for line in supervisor.log() if "it runs as the user of tenant" in line["message"]])

    def test_its_environment_is_its_own(self):
        self.place.add("acme")
        self.place.add("beta")
        self.place.write("acme.environment", "# secrets\n\nCCS_PASSWORD=of acme\n", mode=0o600)
        self.place.write("beta.environment", "CCS_PASSWORD=of beta\n", mode=0o640)
        supervisor = self.start(environment={"CCS_PASSWORD": "of the supervisor", "TZ": "UTC"})
        pid = supervisor.wait_for("acme", "running")["pid"]
        with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
            variables = file.read().rstrip("\0").split("\0")
        self.assertIn("CCS_PASSWORD=of acme", variables)
        self.assertIn("TZ=UTC", variables)
        self.assertNotIn("CCS_PASSWORD=of the supervisor", variables)
        self.assertEqual({one.partition("=")[0] for one in variables} -
                         {"PATH", "TZ", "LANG", "LC_ALL", "USER", "LOGNAME", "HOME", "CCS_PASSWORD"}, set())
        supervisor.wait_for("beta", "refused", "nobody else may read it")
        os.chmod(self.place.path("beta.environment"), 0o600)
        supervisor.wait_for("beta", "running")
        self.assertNotIn("of acme", json.dumps(supervisor.log()) + json.dumps(supervisor.status()))


class Changes(Supervised):
    def test_they_come_and_go(self):
        supervisor = self.start()
        self.assertEqual(supervisor.status(), (0, {**supervisor.status()[1], "tenants": []}))
        port = self.place.add("acme", elsewhere=True)
        os.rename(self.place.path(".acme"), self.place.path("acme"))
        pid = supervisor.wait_for("acme", "running")["pid"]
        self.assertTrue(is_ready(port))
        os.rename(self.place.path("acme"), self.place.path(".acme"))
        supervisor.wait_gone("acme")
        self.assertFalse(is_alive(pid))
        os.mkdir(self.place.path("acme"))  # not a workspace before it has a sluice.json
        shutil.rmtree(self.place.path("acme"))
        os.rename(self.place.path(".acme"), self.place.path("acme"))
        supervisor.wait_for("acme", "running")
        os.remove(self.place.path("acme", "sluice.json"))
        supervisor.wait_gone("acme")

    def test_another_folder_under_the_same_name_is_another_tenant(self):
        self.place.add("acme")
        supervisor = self.start()
        pid = supervisor.wait_for("acme", "running")["pid"]
        port = self.place.add("next", elsewhere=True)
        os.rename(self.place.path("acme"), self.place.path(".before"))
        os.rename(self.place.path(".next"), self.place.path("acme"))
        wait_dead(pid)
        wait_until(lambda: (supervisor.tenant("acme") or {}).get("url") == f"http://127.0.0.1:{port}",
                   "the new one runs")

    def test_a_wrong_configuration_waits_for_a_change(self):
        port = self.place.add("acme")
        with open(self.place.path("acme", "sluice.json"), encoding="utf-8") as file:
            good = file.read()
        self.place.write("acme/sluice.json", '{"servers": {}}')
        supervisor = self.start()
        tenant = supervisor.wait_for("acme", "wrong", "unknown key \"servers\"")
        self.assertIn("sluice.json:1:2", tenant["reason"])
        self.assertEqual(tenant["restarts"], 0)
        self.assertEqual(supervisor.status()[0], 3)
        self.place.write("acme/connections.json", "{")
        self.place.write("acme/sluice.json", good)
        supervisor.wait_for("acme", "wrong", "connections.json:1")
        self.place.write("acme/connections.json", "{}")
        self.assertEqual(supervisor.wait_for("acme", "running")["restarts"], 0)
        self.assertTrue(is_ready(port))

    def test_two_on_one_address(self):
        port = self.place.add("acme")
        supervisor = self.start()
        supervisor.wait_for("acme", "running")
        self.place.add("beta", {"server": {"listen": f"0.0.0.0:{port}"}})
        tenant = supervisor.wait_for("beta", "conflict", "which tenant 'acme' has")
        self.assertIn(f"0.0.0.0:{port}", tenant["reason"])
        os.rename(self.place.path("acme"), self.place.path(".acme"))
        supervisor.wait_for("beta", "running")
        os.rename(self.place.path(".acme"), self.place.path("acme"))
        supervisor.wait_for("acme", "conflict", "which tenant 'beta' has")
        self.place.write("acme/sluice.json", {"functions": self.place.functions,
                                              "server": {"listen": "127.0.0.1:0"}})
        supervisor.wait_for("acme", "running")

    def test_odd_names_are_told_and_links_not_followed(self):
        self.place.add("odd name")
        self.place.add("linked", elsewhere=True)
        os.symlink(".linked", self.place.path("linked"))
        supervisor = self.start()
        wait_until(lambda: [line for line in supervisor.log() if "'odd name' is not run" in line["message"]],
                   "the odd name is told")
        self.assertEqual(supervisor.status()[1]["tenants"], [])


class Ends(Supervised):
    def test_one_that_dies_is_started_again(self):
        self.place.write("supervise.json", {**QUICK, "stable_s": 3600})
        self.place.add("acme")
        self.place.add("beta")
        supervisor = self.start()
        other = supervisor.wait_for("beta", "running")["pid"]
        for round_number, wait in ((1, 1), (2, 2), (3, 2)):
            pid = supervisor.wait_for("acme", "running")["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: supervisor.tenant("acme")["restarts"] == round_number, "it is noticed")
            told = f"it was ended by signal 9 (Killed); it is started again in {wait} s"
            wait_until(lambda: [line["message"] for line in supervisor.lines("acme")  # the log comes later
                                if line.get("state") == "waiting"][round_number:] == [told], told)
            self.assertFalse(is_alive(pid))
        supervisor.wait_for("acme", "running")
        self.assertEqual(supervisor.tenant("beta")["pid"], other)

    def test_nothing_of_it_is_left(self):
        self.place.add("acme")
        supervisor = self.start()
        pid = supervisor.wait_for("acme", "running")["pid"]
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            helpers = [int(one) for one in file.read().split()]
        self.assertEqual(len(helpers), 1)
        os.kill(pid, signal.SIGSEGV)
        for one in helpers:
            wait_dead(one)

    def test_one_that_does_not_stop_is_killed(self):
        self.place.write("supervise.json", {**QUICK, "stop_s": 1})
        self.place.add("acme")
        supervisor = self.start()
        pid = supervisor.wait_for("acme", "running")["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(supervisor.stop(), 1)
        self.assertFalse(is_alive(pid))
        self.assertIn("it did not stop in time and is killed",
                      [line["message"] for line in supervisor.lines("acme")])

    def test_a_second_signal_does_not_wait(self):
        self.place.write("supervise.json", {**QUICK, "stop_s": 3600})
        self.place.add("acme")
        supervisor = self.start()
        pid = supervisor.wait_for("acme", "running")["pid"]
        os.kill(pid, signal.SIGSTOP)
        supervisor.process.terminate()
        supervisor.wait_for("acme", "stopping")
        self.assertEqual(supervisor.stop(signal.SIGINT), 1)
        self.assertFalse(is_alive(pid))

    def test_they_do_not_outlive_their_supervisor(self):
        self.place.add("acme")
        supervisor = self.start()
        pid = supervisor.wait_for("acme", "running")["pid"]
        supervisor.stop(signal.SIGKILL)
        wait_dead(pid)
        status, document = supervisor.status()
        self.assertEqual(status, 1)
        self.assertIn("no supervisor runs here", document["error"]["message"])
        supervisor = self.start()
        supervisor.wait_for("acme", "running")


class Signals(Supervised):
    def test_hangup_is_passed_on(self):
        self.place.add("acme")
        supervisor = self.start()
        pid = supervisor.wait_for("acme", "running")["pid"]
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: [line for line in supervisor.lines("acme")
                            if line["message"].startswith("read again: users")], "the server reads again")
        self.place.write("supervise.json", '{"limit": 1}')
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: [line for line in supervisor.log() if "the old settings stay: " in line["message"]
                            and "did you mean \"limits\"?" in line["message"]], "the mistake is told")
        self.assertEqual(supervisor.tenant("acme")["pid"], pid)


class Refusals(Supervised):
    def run_once(self, *arguments):
        done = subprocess.run([SLUICE, *arguments], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def test_a_folder_has_one_supervisor(self):
        self.start()
        status, said = self.run_once("supervise", self.place.folder)
        self.assertEqual(status, 1)
        self.assertIn("is supervised already", said)

    def test_what_cannot_be_supervised(self):
        self.assertEqual(self.run_once("supervise", "/nonexistent")[0], 2)
        self.assertEqual(self.run_once("supervise")[0], 2)
        self.place.write("supervise.json", "{")
        status, said = self.run_once("supervise", self.place.folder)
        self.assertEqual(status, 2)
        self.assertIn("supervise.json:1:", said)
        self.place.write("supervise.json", "{}", mode=0o666)
        status, said = self.run_once("supervise", self.place.folder)
        self.assertEqual(status, 2)
        self.assertIn("can be written by others", said)
        os.chmod(self.place.folder, 0o777)
        status, said = self.run_once("supervise", self.place.folder)
        self.assertEqual(status, 2)
        self.assertIn("who could put workspaces there", said)

    def test_status_for_people(self):
        self.place.add("acme")
        self.place.add("beta")
        self.place.write("beta/sluice.json", "[]")
        supervisor = self.start()
        supervisor.wait_for("acme", "running")
        supervisor.wait_for("beta", "wrong")
        done = subprocess.run([SLUICE, "supervise", self.place.folder, "--status"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, r"(?m)^acme +running ")
        self.assertRegex(done.stdout, r"(?m)^beta: sluice\.json")
        self.assertRegex(done.stdout, r"apart by user: \w+, cpu: \w+, memory: ")


if __name__ == "__main__":
    SLUICE, TRANSLATE, MODULE, MANIFEST = map(os.path.abspath, sys.argv[1:5])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])

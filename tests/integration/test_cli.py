# SPDX-License-Identifier: MIT
"""The program from outside: init, check, lookups, flows, errors, exit statuses, signals.

Usage: test_cli.py SLUICE
No peer is needed: connections lead to closed ports of loopback.
"""
import json
import os
import pty
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

SLUICE = None
CONFIG = "OUTL-BRT-CCS_DACS_ConfigProps"
FLOW_FTP = "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
FLOW_ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
SECRETS = {name: "s3cret-" + name for name in
           ("CCS_FTP_PASSWORD", "DACS_FTP_PASSWORD", "CCS_PASSWORD", "SMTP_PASSWORD")}


def closed_port():
    """A port of loopback that nobody listens on: it was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class CliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.workspace = os.path.join(self.folder, "workspace")
        done = self.sluice("init", self.workspace, workspace=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sluice(self, *arguments, workspace=True, environment=None, cwd=None, **options):
        command = [SLUICE, *(["-w", self.workspace] if workspace else []), *arguments]
        env = {**os.environ, **(SECRETS if environment is None else environment)}
        env.pop("SLUICE_WORKSPACE", None)
        done = subprocess.run(command, env=env, cwd=cwd or self.folder, capture_output=True, text=True,
                              timeout=120, check=False, **options)
        for secret in SECRETS.values():
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def path(self, name):
        return os.path.join(self.workspace, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def point_nowhere(self):
        """Connections that are refused at once, so that a run fails quickly and for a known reason."""
        port = closed_port()
        ftp = {"type": "ftp", "host": "127.0.0.1", "port": port, "tls": "none", "user": "u",
               "settle_ms": 0, "retry": {"pause_s": 0.02, "pause_max_s": 0.1}}
        self.write("connections.json", json.dumps({
            "OU FTP CCS for CCS-DACS": {**ftp, "password": {"env": "CCS_FTP_PASSWORD"}},
            "OU FTP DACS for CCS-DACS": {**ftp, "password": {"env": "DACS_FTP_PASSWORD"}},
            "OU REST CCS for CCS-DACS": {"type": "rest", "url": f"http://127.0.0.1:{port}",
                                         "user": "u", "password": {"env": "CCS_PASSWORD"},
                                         "retry": {"pause_s": 0.02}},
            "OU REST for CCS-DACS": {"type": "local"},
            "OU REST OIC for CCS-DACS": {"type": "local"},
            "OU SMTP for CCS-DACS": {"type": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"},
        }))


class Workspace(CliTest):
    def test_a_new_workspace_checks_out_once_secrets_are_there(self):
        done = self.sluice("check", environment={})
        self.assertEqual(done.returncode, 2)
        self.assertIn("-> export CCS_FTP_PASSWORD=...", done.stdout)
        done = self.sluice("check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 errors", done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state")))

    def test_init_never_touches_what_exists(self):
        before = self.read("connections.json")
        done = self.sluice("init", self.workspace, workspace=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("nothing was written", done.stderr)
        self.assertEqual(self.read("connections.json"), before)

    def test_the_workspace_is_found_from_inside(self):
        done = self.sluice("connections", workspace=False, cwd=self.path("lookups"))
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.sluice("connections", workspace=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("sluice init DIR", done.stderr)

    def test_mistakes_in_files_name_file_and_line(self):
        cases = (
            ("connections.json", '{\n  "A": {"type": "ftp",\n    "password": "s"}}',
             'connections.json:3:5: connection \'A\': "password" is a secret in plain text'),
            ("connections.json", '{\n  "A": {"type": "local", "x": 1}}',
             'connections.json:2:26: connection \'A\': unknown key "x"'),
            ("connections.json", '{"A": {"type": "local"},}', "connections.json:1:"),
            ("sluice.json", '{"retention_day": 3}', 'did you mean "retention_days"?'),
            ("schedules.json", '{"F": {}}', '"recurrence" is missing'),
            (f"lookups/{CONFIG}.csv", "PropertyName,Value\na,1\na,1\n",
             f"lookups/{CONFIG}.csv:3: 'a' is given twice"),
        )
        for name, text, expected in cases:
            with self.subTest(file=name, text=text):
                before = self.read(name)
                self.write(name, text)
                done = self.sluice("check")
                self.write(name, before)
                self.assertEqual(done.returncode, 2)
                self.assertIn(expected, done.stderr)

    def test_a_schedule_of_an_unknown_flow_is_an_error(self):
        self.write("schedules.json", json.dumps({FLOW_FTP[:-1]: {"recurrence": "FREQ=DAILY"}}))
        done = self.sluice("--json", "check")
        self.assertEqual(done.returncode, 2)
        findings = json.loads(done.stdout)["findings"]
        errors = [finding for finding in findings if finding["level"] == "error"]
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(f"did you mean '{FLOW_FTP}'", errors[0]["text"])


class Lookups(CliTest):
    def test_set_get_export_import(self):
        self.assertEqual(self.sluice("lookups", "set", CONFIG, "dacs.file.target.transfer.pref",
                                     "os").returncode, 0)
        done = self.sluice("lookups", "get", CONFIG, "DACS.File.Target.Transfer.Pref")
        self.assertEqual((done.returncode, done.stdout), (0, "os\n"))
        exported = os.path.join(self.folder, CONFIG + ".csv")
        self.assertEqual(self.sluice("lookups", "export", CONFIG, exported).returncode, 0)
        with open(exported, encoding="utf-8") as file:
            text = file.read()
        with open(exported, "w", encoding="utf-8") as file:  # as OIC writes it: name line, CRLF
            file.write(CONFIG + "\r\n" + text.replace(",os\n", ",ftp\n").replace("\n", "\r\n"))
        done = self.sluice("lookups", "import", exported)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.sluice("lookups", "get", CONFIG, "dacs.file.target.transfer.pref")
        self.assertEqual(done.stdout, "ftp\n")

    def test_malformed_values_are_refused_before_anything_is_written(self):
        before = self.read(f"lookups/{CONFIG}.csv")
        done = self.sluice("lookups", "set", CONFIG, "dacs.file.target.transfer.pref", "sftp")
        self.assertEqual(done.returncode, 2)
        self.assertIn("must be ftp or os", done.stderr)
        self.assertEqual(self.read(f"lookups/{CONFIG}.csv"), before)


class Runs(CliTest):
    def test_flows_are_listed(self):
        done = self.sluice("--json", "flows")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = {flow["identifier"] for flow in json.loads(done.stdout)["flows"]}
        self.assertEqual(len(names), 6, names)
        self.assertIn(FLOW_FTP, names)

    def test_usage_errors_say_the_nearest_name(self):
        for arguments, expected in (
                (("run", FLOW_FTP[:-1]), f"did you mean '{FLOW_FTP}'?"),
                (("run", FLOW_FTP), "extractedFileNamePrefix"),
                (("run", FLOW_FTP, "-p", "extractedFileNamePrefx=a"), "did you mean "
                 "'extractedFileNamePrefix'?"),
                (("rnu",), "did you mean 'run'?"),
                (("connections", "test", "OU FTP CCS for CCS-DAC"),
                 "did you mean 'OU FTP CCS for CCS-DACS'?"),
                (("show", "nowhere"), "no instance has the id 'nowhere'")):
            with self.subTest(arguments=arguments):
                done = self.sluice(*arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(expected, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_parameters_are_plain_text_once_and_short(self):
        self.point_nowhere()
        name = "extractedFileNamePrefix="
        for values, status, expected in (
                (["A", "B"], 2, "given twice"), (["A\x1b[31m"], 2, "control characters"),
                ([b"A\xff"], 2, "UTF-8"), (["A" * 1024], 1, ""), (["A" * 1025], 2, "1024 bytes")):
            with self.subTest(values=values):
                arguments = []
                for value in values:
                    value = value if isinstance(value, bytes) else value.encode()
                    arguments += ["-p", name.encode() + value]
                done = self.sluice("run", FLOW_FTP, *arguments)
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)
                self.assertIn(expected, done.stderr)

    def test_a_message_or_file_that_no_step_reads_is_refused(self):
        self.write("message", "{}")
        message = self.path("message")
        done = self.sluice("run", FLOW_FTP, "-p", "extractedFileNamePrefix=A", "--body", message)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("takes no message", done.stderr)
        done = self.sluice("run", FLOW_ACK, "--body", message, "--attach", message)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("takes no file", done.stderr)

    def test_a_failed_run_is_kept_and_shown(self):
        self.point_nowhere()
        done = self.sluice("--json", "run", FLOW_FTP, "-p", "extractedFileNamePrefix=C1-")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        outcome = json.loads(done.stdout)
        self.assertEqual(outcome["outcome"], "failed")
        self.assertEqual(outcome["fault"]["code"], "unavailable")
        shown = self.sluice("show", outcome["instance"][:8])
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("Fault\n  code    unavailable", shown.stdout)
        self.assertIn("ftp.list", shown.stdout)
        listed = json.loads(self.sluice("--json", "instances", "--state", "failed").stdout)
        self.assertEqual([row["id"] for row in listed["instances"]], [outcome["instance"]])
        mode = os.stat(self.path("state/sluice.db")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_a_message_from_standard_input(self):
        self.point_nowhere()
        done = self.sluice("--json", "run", FLOW_ACK, "--body", "-", input="{not json")
        self.assertEqual(done.returncode, 1, done.stderr)
        outcome = json.loads(done.stdout)
        self.assertEqual(outcome["response"]["status"], 400)

    def test_connections_are_tested_step_by_step(self):
        self.point_nowhere()
        done = self.sluice("--json", "connections", "test", "OU FTP CCS for CCS-DACS")
        self.assertEqual(done.returncode, 1)
        (test,) = json.loads(done.stdout)["tests"]
        self.assertEqual((test["ok"], test["failed"]), (False, "connect"))
        self.assertIn("OU FTP CCS for CCS-DACS", test["message"])

    def test_a_closed_pipe_does_not_kill(self):
        done = subprocess.run(["sh", "-c", f'"{SLUICE}" help run | head -n 1'], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.stdout, "NAME\n")


class Interrupts(CliTest):
    """A peer that accepts and never says a word holds a run until it is asked to stop."""

    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(60)
        self.addCleanup(self.listener.close)
        self.point_nowhere()
        connections = json.loads(self.read("connections.json"))
        connections["OU FTP CCS for CCS-DACS"]["port"] = self.listener.getsockname()[1]
        self.write("connections.json", json.dumps(connections))

    def start(self, **streams):
        self.process = subprocess.Popen(
            [SLUICE, "-w", self.workspace, "run", FLOW_FTP, "-p", "extractedFileNamePrefix=C1-"],
            env={**os.environ, **SECRETS}, **streams)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        peer, _ = self.listener.accept()
        self.addCleanup(peer.close)

    def newest(self):
        return json.loads(self.sluice("--json", "instances").stdout)["instances"][0]

    def test_one_interrupt_stops_the_run_in_order(self):
        self.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        self.assertEqual(self.process.returncode, 1, out + err)
        self.assertIn("stopping as soon as", err)
        row = self.newest()
        self.assertEqual((row["state"], row["fault"]["code"]), ("RECOVERING", "suspended"))
        self.assertIn("asked to stop", row["fault"]["detail"])

    def test_an_interrupt_ends_the_call_of_a_flow_at_another_host(self):
        self.point_nowhere()
        connections = json.loads(self.read("connections.json"))
        port = self.listener.getsockname()[1]
        connections["OU REST OIC for CCS-DACS"] = {**connections["OU REST CCS for CCS-DACS"],
                                                   "url": f"http://127.0.0.1:{port}"}
        self.write("connections.json", json.dumps(connections))
        self.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20)
        self.assertEqual(self.process.returncode, 1, out + err)

    def test_a_killed_run_waits_for_whoever_goes_on_with_it(self):
        self.start(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(self.newest()["state"], "IN_PROGRESS")
        self.process.kill()
        self.process.wait(timeout=60)
        self.assertEqual(self.newest()["state"], "RECOVERING")

    def test_output_to_a_terminal(self):
        main, side = pty.openpty()
        self.addCleanup(os.close, main)
        self.start(stdout=side, stderr=side)
        os.close(side)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=60), 1)
        seen = os.read(main, 65536).decode()
        self.assertIn("started " + FLOW_FTP, seen)


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

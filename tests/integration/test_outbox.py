# SPDX-License-Identifier: MIT
"""Mails through the outbox, by the real program, a sink with faults and a real mail server: a mail server
that is away holds up nothing, no mail is lost, and none is sent twice but under its own Message-ID.

Usage: test_outbox.py SLUICE [unittest arguments]
"""
import base64
import collections
import concurrent.futures
import email
import email.policy
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from common import read_records  # noqa: E402
from fault_proxy import FaultProxyPeer  # noqa: E402
from landscape import CONFIG, EMAIL, FLOW_ACK, FLOW_FTP, SECRETS, SOURCE_FOLDER, Landscape  # noqa: E402
from servers import Exim, SmtpSink  # noqa: E402

SLUICE = None
MAIL, CCS, FTP_TARGET = "OU SMTP for CCS-DACS", "OU REST CCS for CCS-DACS", "OU FTP DACS for CCS-DACS"
PATIENCE_S = 60


class OutboxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-outbox-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.land = Landscape(os.path.join(cls.folder.name, "land"), SLUICE)
        cls.addClassCleanup(cls.land.stop)
        cls.defaults = json.dumps(cls.land.connections)
        cls.database = os.path.join(cls.land.workspace, "state", "sluice.db")
        cls.number = 0

    def setUp(self):
        type(self).number += 1
        self.prefix = f"M{self.number:03}"
        self.land.write_connections(json.loads(self.defaults))
        self.before = len(self.land.mails())
        if os.path.exists(self.database):
            self.sql("DELETE FROM outbox")

    # ---- the mail server ----------------------------------------------------------------------------

    def change(self, connection, **values):
        self.land.connections[connection].update(values)
        self.land.write_connections(self.land.connections)

    def sink(self, **options):
        """A mail server of the test's own, without TLS and login."""
        root = os.path.join(self.folder.name, f"sink-{len(os.listdir(self.folder.name))}")
        sink = SmtpSink(root, **options)
        self.addCleanup(sink.stop)
        self.point_at(sink.port)
        return sink

    def point_at(self, port):
        self.land.connections[MAIL] = {"type": "smtp", "host": "127.0.0.1", "port": port, "tls": "none",
                                       "connect_timeout_s": 5, "stall_timeout_s": 5, "request_timeout_s": 10}
        self.land.write_connections(self.land.connections)

    @staticmethod
    def received(sink):
        path = os.path.join(sink.root, "messages.jsonl")
        records = read_records(path) if os.path.exists(path) else []
        for record in records:
            with open(os.path.join(sink.root, record["file"]), "rb") as file:
                record["message"] = email.message_from_binary_file(file, policy=email.policy.default)
            record["id"] = str(record["message"]["Message-ID"])
        return records

    # ---- the outbox ---------------------------------------------------------------------------------

    def sql(self, statement, *values):
        with sqlite3.connect(self.database, timeout=30) as database:
            rows = database.execute(statement, values).fetchall()
        database.close()
        return rows

    def let_time_pass(self):
        """As if every pause were over, for whoever is looking."""
        self.sql("UPDATE outbox SET next_ms = 1 WHERE state = 'waiting'")
        os.utime(self.database + ".owners")

    def outbox(self, *options):
        return json.loads(self.land.sluice("--json", "outbox", *options, check=True).stdout)["mails"]

    def retry(self, expect=0, *numbers):
        done = self.land.sluice("--json", "outbox", "retry", *numbers)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def run_flow(self, files=1, expect=0):
        for number in range(files):
            self.land.put_ccs_ftp(f"{self.prefix}-{number}.csv", b"data\n")
        done = self.land.sluice("--json", "run", FLOW_FTP, "--param", f"extractedFileNamePrefix={self.prefix}")
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def check_carried(self, files=1):
        names = [name for name in self.land.dacs_ftp_files() if name.startswith(self.prefix)]
        self.assertEqual(len(names), files)

    # ---- processes ----------------------------------------------------------------------------------

    def fill(self, count):
        """Mails that wait, as a run that was long ago left them."""
        for number in range(count):
            self.sql("INSERT INTO outbox (instance, message_id, connection, sender, recipients, subject, body, size,"
                     " state, written_ms, next_ms) VALUES ('i', ?, ?, 'f@x.test', 'a@x.test', ?, 'text', 4,"
                     " 'waiting', ?, 1)", f"m{number}@x.test", MAIL, f"S{number}", int(time.time() * 1000))

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def serve(self):
        process = subprocess.Popen(self.land.command("serve", "--listen", "127.0.0.1:0"),
                                   env=self.land.environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.url = process.stdout.readline().split()[-1]
        return process


class Delivery(OutboxTest):
    def test_a_server_that_is_down_for_the_whole_run_and_back_later(self):
        self.change(MAIL, port=1)
        outcome = self.run_flow()
        self.check_carried()
        mail, = outcome["mails"]
        self.assertEqual((mail["state"], mail["attempts"]), ("waiting", 1))
        self.assertIn("cannot connect", mail["error"])
        self.assertNotIn("notices", json.loads(outcome["response"]["body"]) if outcome["response"] else {})
        shown = self.land.sluice("show", outcome["instance"], check=True).stdout
        self.assertRegex(shown, r"\nMails\nMAIL +STATE[^\n]*\n\d+ +waiting +1 ")
        errors = json.loads(self.land.sluice("--json", "errors", check=True).stdout)
        self.assertEqual(errors["undelivered_mails"], {"waiting": 1, "given_up": 0})
        self.assertEqual(self.land.mails()[self.before:], [])
        self.land.write_connections(json.loads(self.defaults))
        self.assertEqual(self.retry()["sent"], 1)
        received, = self.land.mails()[self.before:]
        self.assertEqual(received["message_id"], f"<{mail['message_id']}>")
        self.assertEqual(self.retry(), {"sent": 0, "waiting": 0, "given_up": 0, "error": None})
        self.assertEqual(len(self.land.mails()[self.before:]), 1)
        self.assertEqual(self.outbox(), [])

    def test_what_waits_is_said(self):
        self.change(MAIL, port=1)
        self.land.put_ccs_ftp(f"{self.prefix}.csv", b"data\n")
        done = self.land.sluice("run", FLOW_FTP, "--param", f"extractedFileNamePrefix={self.prefix}", check=True)
        self.assertRegex(done.stdout, r"\n  mails     1 waiting \(sluice outbox\): connection '[^']*': cannot connect")

    def test_the_next_run_takes_it_along(self):
        self.change(MAIL, port=1)
        first = self.run_flow()["mails"][0]
        self.land.write_connections(json.loads(self.defaults))
        self.let_time_pass()
        self.prefix += "B"
        second = self.run_flow()["mails"][0]
        ids = [mail["message_id"] for mail in self.land.mails()[self.before:]]
        self.assertEqual(ids, [f"<{one['message_id']}>" for one in (first, second)])

    def test_a_run_waits_for_a_silent_server_for_a_while_only(self):
        sink = self.sink()
        proxy = FaultProxyPeer(os.path.join(self.folder.name, "silent"), sink.port,
                               {"action": "stall", "after": 0})
        self.addCleanup(proxy.stop)
        self.point_at(proxy.port)
        self.change(MAIL, stall_timeout_s=300, request_timeout_s=300)
        started = time.monotonic()
        mail, = self.run_flow()["mails"]
        self.check_carried()
        self.assertEqual(mail["state"], "waiting")
        self.assertLess(time.monotonic() - started, 50)

    def test_greylisting(self):
        sink = self.sink(temporary_first=2)
        mail, = self.run_flow()["mails"]
        self.assertEqual(mail["state"], "waiting")
        self.assertIn("451", mail["error"])
        self.assertEqual(self.retry(1)["waiting"], 1)
        row, = self.outbox()
        self.assertEqual(row["attempts"], 2)
        self.retry()
        self.assertEqual(len(self.received(sink)), 1)

    def test_recipients_count_one_by_one(self):
        self.land.set_lookup(EMAIL, "to.process.notification", "a@x.test, later@x.test, no@x.test")
        self.addCleanup(self.land.set_lookup, EMAIL, "to.process.notification",
                        "billing@utility.example, field@utility.example")
        first = self.sink(defer_recipient=["later@x.test"], refuse_recipient=["no@x.test"])
        mail, = self.run_flow()["mails"]
        self.assertEqual((mail["state"], mail["left_to"]), ("waiting", "later@x.test"))
        self.assertIn("450", mail["error"])
        self.assertIn("no@x.test: 550", mail["refused"])
        second = self.sink()
        self.retry()
        self.assertEqual([one["to"] for one in self.received(first)], [["a@x.test"]])
        self.assertEqual([one["to"] for one in self.received(second)], [["later@x.test"]])
        one, = self.received(first)
        other, = self.received(second)
        self.assertEqual((one["id"], one["message"]["Date"], one["message"]["To"]),
                         (other["id"], other["message"]["Date"], other["message"]["To"]))
        row, = self.outbox("--all")
        self.assertEqual((row["state"], row["error"]), ("sent", None))
        self.assertIn("no@x.test: 550", row["refused"])

    def test_a_mail_that_is_refused_for_good_is_given_up_and_can_be_taken_up(self):
        self.sink(refuse_data=True)
        outcome = self.run_flow()
        mail, = outcome["mails"]
        self.assertEqual(mail["state"], "given_up")
        self.assertIn("554", mail["error"])
        errors = self.land.sluice("errors", check=True).stdout
        self.assertIn("mails not delivered: 0 waiting, 1 given up", errors)
        good = self.sink()
        self.retry()
        self.assertEqual(self.received(good), [], "what was given up is not tried by itself")
        self.retry(0, str(mail["number"]))
        self.assertEqual(len(self.received(good)), 1)

    def test_a_lost_confirmation_means_the_same_mail_again(self):
        sink = self.sink(lose_reply=1)
        mail, = self.run_flow()["mails"]
        self.assertEqual(mail["state"], "waiting")
        self.assertIn("confirmation was lost", mail["error"])
        self.retry()
        first, second = self.received(sink)
        self.assertEqual(first["id"], second["id"])
        self.assertEqual(first["message"]["Date"], second["message"]["Date"])

    def test_a_password_that_is_wrong_is_tried_hourly(self):
        path = os.path.join(self.folder.name, "wrong")
        with open(path, "w", encoding="utf-8") as file:
            file.write("not-the-password")
        os.chmod(path, 0o600)
        self.change(MAIL, password={"file": path})
        mail, = self.run_flow()["mails"]
        self.assertIn("535", mail["error"])
        (next_ms, written_ms), = self.sql("SELECT next_ms, written_ms FROM outbox")
        self.assertGreaterEqual(next_ms - written_ms, 3600000)

    def test_a_malformed_address_is_the_flows_to_know(self):
        self.land.set_lookup(EMAIL, "to.process.notification", "a@x.test")
        self.addCleanup(self.land.set_lookup, EMAIL, "to.process.notification",
                        "billing@utility.example, field@utility.example")
        path = os.path.join(self.land.workspace, "lookups", EMAIL + ".csv")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("a@x.test", "nobody"))
        outcome = self.run_flow()
        self.check_carried()
        self.assertEqual(outcome["mails"], [])
        logged = [row["detail"] for row in json.loads(
            self.land.sluice("--json", "show", outcome["instance"], check=True).stdout)["activity"]]
        self.assertTrue(any("mail not sent" in (line or "") for line in logged), logged)

    def test_a_real_server(self):
        if os.geteuid() != 0:
            self.skipTest("Exim needs root")
        server = Exim(os.path.join(self.folder.name, "exim"), tls="explicit", user="mailer",
                      password=SECRETS["SMTP_PASSWORD"])
        self.addCleanup(server.stop)
        self.land.set_lookup(EMAIL, "to.process.notification", "a@good.test, no@bad.test")
        self.addCleanup(self.land.set_lookup, EMAIL, "to.process.notification",
                        "billing@utility.example, field@utility.example")
        self.change(MAIL, host="127.0.0.1", port=server.port, user="mailer", ca=server.ca)
        mail, = self.run_flow()["mails"]
        self.assertEqual(mail["state"], "sent", mail)
        self.assertIn("no@bad.test: 550", mail["refused"])
        folder = os.path.join(server.home, "Maildir", "new")
        self.wait_for(lambda: os.path.isdir(folder) and os.listdir(folder))
        name, = os.listdir(folder)
        with open(os.path.join(folder, name), "rb") as file:
            message = email.message_from_binary_file(file, policy=email.policy.default)
        self.assertEqual(message["Message-ID"], f"<{mail['message_id']}>")


class Processes(OutboxTest):
    def start_retry(self):
        return subprocess.Popen(self.land.command("outbox", "retry"), env=self.land.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_two_processes_send_each_mail_once(self):
        self.run_flow()
        sink = self.sink()
        self.fill(60)
        processes = [self.start_retry() for _ in range(3)]
        for process in processes:
            output, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, output)
        counts = collections.Counter(one["id"] for one in self.received(sink))
        self.assertEqual(len(counts), 60)
        self.assertEqual(set(counts.values()), {1})

    def test_a_process_that_is_killed_while_it_sends(self):
        self.run_flow()
        sink = self.sink()
        proxy = FaultProxyPeer(os.path.join(self.folder.name, f"killed-{self.number}"), sink.port,
                               {"action": "stall", "after": 200, "times": 1})
        self.addCleanup(proxy.stop)
        self.point_at(proxy.port)
        self.change(MAIL, stall_timeout_s=300, request_timeout_s=300)
        self.fill(1)
        process = self.start_retry()
        self.wait_for(lambda: self.sql("SELECT 1 FROM outbox WHERE owner <> 0")
                      and proxy.command(status=True)["connections"] > 0)
        self.assertEqual(self.retry()["sent"], 0, "it is claimed")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertEqual(self.retry()["sent"], 1)
        self.assertEqual([one["id"] for one in self.received(sink)], ["<m0@x.test>"])

    def test_a_process_that_is_killed_before_it_records(self):
        self.run_flow()
        sink = self.sink(reply_after=3)
        self.fill(1)
        process = self.start_retry()
        self.wait_for(lambda: len(self.received(sink)) == 1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertEqual(self.retry()["sent"], 1)
        self.assertEqual([one["id"] for one in self.received(sink)], ["<m0@x.test>"] * 2)

    def test_a_stop_does_not_wait_for_a_slow_mail_server(self):
        self.run_flow()
        sink = self.sink(reply_after=60)
        self.fill(1)
        process = self.serve()
        self.wait_for(lambda: len(self.received(sink)) == 1)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertLess(time.monotonic() - begun, 30)
        mail, = self.outbox()
        self.assertEqual((mail["state"], mail["left_to"]), ("waiting", None))
        self.assertIn("confirmation was lost", mail["error"])

    def test_a_server_hears_of_what_others_leave(self):
        self.run_flow()
        self.serve()
        self.change(MAIL, port=1)
        self.prefix += "B"
        self.run_flow()  # either of the two processes may be the first to claim the mail
        self.let_time_pass()
        self.wait_for(lambda: not self.outbox())
        ids = [mail["message_id"] for mail in self.land.mails()[self.before:]]
        self.assertEqual((len(ids), len(set(ids))), (2, 2))

    def test_purge_keeps_what_waits(self):
        self.run_flow()
        self.fill(1)
        self.assertEqual(len(self.outbox("--all")), 2)
        self.land.sluice("purge", "--older-than", "0", check=True)
        row, = self.outbox("--all")
        self.assertEqual(row["state"], "waiting")


class Storms(OutboxTest):
    def test_thousands_of_failing_files_are_one_mail(self):
        count = 2000
        for number in range(count):
            self.land.put_ccs_ftp(f"{self.prefix}-{number}\\bad.csv", b"")
        self.addCleanup(self.empty_source)
        done = self.land.sluice("run", FLOW_FTP, "--param", f"extractedFileNamePrefix={self.prefix}")
        self.assertEqual(done.returncode, 1, done.stdout[-2000:] + done.stderr[-2000:])
        mail, = self.land.mails()[self.before:]
        self.assertIn("0 of 2,000 files transferred", mail["subject"])
        self.assertRegex(mail["text"], r"\.\.\. and \d+ more: see the instance")

    def empty_source(self):
        folder = self.land.ccs_ftp.home + SOURCE_FOLDER
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))

    def post(self, number):
        host = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=60)
        token = base64.b64encode(b"dacs:dacs-password").decode()
        connection.request("POST", f"/ic/api/integration/v1/flows/rest/{FLOW_ACK}/1.0/sendCustomerSyncAck",
                           json.dumps(dacs.acknowledgement(f"{number:014}", True)),
                           {"Authorization": f"Basic {token}"})
        status = connection.getresponse().status
        connection.close()
        return status

    def test_failing_acknowledgements_end_in_a_summary(self):
        count = 1500
        self.change(CCS, url="https://localhost:1/ouaf")
        subprocess.run(self.land.command("users", "add", "dacs", "--role", "invoke"), input="dacs-password\n",
                       text=True, check=True, capture_output=True)
        self.serve()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = collections.Counter(pool.map(self.post, range(1, count + 1)))
        self.assertEqual(statuses, {503: count})
        self.wait_for(lambda: len(self.land.mails()[self.before:]) >= 20)
        one_by_one = self.land.mails()[self.before:]
        subject = one_by_one[0]["subject"]
        self.assertEqual({mail["subject"] for mail in one_by_one}, {subject})
        self.assertEqual(len(one_by_one), 20)
        summary, = self.outbox()
        self.assertEqual(summary["held_back"], count - 20)
        self.let_time_pass()
        self.wait_for(lambda: len(self.land.mails()[self.before:]) == 21)
        told = self.land.mails()[self.before:][-1]
        self.assertEqual(told["subject"], f"{subject} ({count - 20} more)")
        self.assertEqual(told["text"].count("Z  "), 100)
        self.assertIn(f"... and {count - 120} more", told["text"])


if __name__ == "__main__":
    SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

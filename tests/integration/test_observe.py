# SPDX-License-Identifier: MIT
"""Logs, metrics and trace headers of the server, through the real program.

Usage: test_observe.py SLUICE [unittest arguments]
"""
import fcntl
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

import test_serve
from observe_common import (ACK, ERROR_HANDLER, HERE, SAMPLED, SPAN, TRACE, UNSAMPLED, ObserveTest, wait_for)

F_SETPIPE_SZ = 1031


class Logs(ObserveTest):
    def test_an_execution_is_a_line(self):
        instance, _ = self.traced(SAMPLED)
        line = self.ended(instance)
        self.assertEqual({key: line[key] for key in ("level", "trace", "flow", "trigger", "invoked_by",
                                                     "state", "exit_status", "response_status")},
                         {"level": "info", "trace": TRACE, "flow": ACK, "trigger": "rest",
                          "invoked_by": "dacs", "state": "COMPLETED", "exit_status": 0,
                          "response_status": 200})
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertGreater(line["duration_us"], 0)
        self.assertGreater(line["bytes"], 0)

    def test_a_refusal_is_a_line(self):
        self.ack(1, headers={})
        (line,) = wait_for("line", lambda: [one for one in self.lines() if "refused" in one["message"]])
        self.assertEqual(line["level"], "warning")
        self.assertNotIn("instance", line)

    def test_called_flows_share_the_trace(self):
        self.point_at(1)  # nobody listens: CCS is away
        self.process.kill()
        self.process.wait()
        self.start()
        self.addCleanup(self.point_at, self.ccs.port)
        status, fields, _ = self.ack(9, headers={**test_serve.DACS, "traceparent": UNSAMPLED})
        self.assertGreaterEqual(status, 500)
        parent = self.ended(fields["sluice-instance"])
        self.assertEqual((parent["level"], parent["state"]), ("warning", "FAILED"))
        self.assertIn("fault", parent)
        (child,) = wait_for("line", lambda: [one for one in self.lines()
                                             if one.get("parent") == parent["instance"]])
        self.assertEqual((child["flow"], child["trace"], child["trigger"]),
                         (ERROR_HANDLER, TRACE, "call"))
        rows = self.sluice("instances", "--trace", TRACE, "--all", "--since", "1h")["instances"]
        mine = {row["id"]: row for row in rows if parent["instance"] in (row["id"], row["parent"])}
        self.assertEqual(set(mine), {parent["instance"], child["instance"]})
        self.assertEqual(mine[parent["instance"]]["parent_span"], SPAN)
        self.assertEqual(mine[child["instance"]]["parent_span"], mine[parent["instance"]]["span"])

    def start_over_pipe(self):
        """A server whose log goes into a pipe of 4 KiB that nobody reads; gives it and the reader's end."""
        self.process.kill()
        self.process.wait()
        reader, writer = os.pipe()
        fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
        process = subprocess.Popen(
            [test_serve.SLUICE, "-w", self.workspace, "serve", "--listen", "127.0.0.1:0"],
            env={**os.environ, "CCS_PASSWORD": test_serve.CCS_PASSWORD}, stdout=subprocess.PIPE,
            stderr=writer, text=True)
        os.close(writer)
        for clean_up in (process.stdout.close, process.wait, process.kill):
            self.addCleanup(clean_up)
        self.port = int(process.stdout.readline().rpartition(":")[2])
        return process, os.fdopen(reader, encoding="utf-8")

    def test_a_reader_that_does_not_read_holds_nobody(self):
        process, reader = self.start_over_pipe()
        connection = self.connect()
        for number in range(100):  # of more than 300 bytes of log each
            self.assertEqual(self.ack(number, connection=connection)[0], 200)
        said = []
        thread = threading.Thread(target=lambda: said.extend(reader))
        thread.start()  # the reader wakes up
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 0)
        thread.join(60)
        reader.close()
        lines = [json.loads(line) for line in said]
        self.assertEqual(sum(one["message"] == "execution ended" for one in lines), 100)

    def test_a_stop_does_not_wait_for_the_reader_for_ever(self):
        process, reader = self.start_over_pipe()
        with reader:
            for number in range(30):
                self.ack(number)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=30), 0)


class LogFile(ObserveTest):
    telemetry = {"log": {"file": "state/sluice.log", "format": "text", "level": "warning"}}

    def content(self, name="sluice.log"):
        try:
            with open(os.path.join(self.workspace, "state", name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def test_a_file_is_opened_again_on_sighup(self):
        path = os.path.join(self.workspace, "state", "sluice.log")
        self.ack(1, headers=test_serve.credentials("eve", "wrong-password"))
        wait_for("line", lambda: "refused" in self.content())
        self.assertRegex(self.content(), r"(?m)^\d{4}-\S+Z warning refused: .*'eve'")
        self.ack(2)
        os.rename(path, path + ".1")
        self.process.send_signal(signal.SIGHUP)
        wait_for("new file", lambda: os.path.exists(path))
        self.ack(3, headers=test_serve.credentials("adam", "wrong-password"))
        wait_for("line", lambda: "refused" in self.content())
        self.assertEqual(self.content("sluice.log.1").count("refused"), 1)
        self.assertNotIn("execution ended", self.content() + self.content("sluice.log.1"))

    def test_options_beat_settings(self):
        done = subprocess.run([test_serve.SLUICE, "-w", self.workspace, "--log-level", "inof", "flows"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected debug, info, warning or error; did you mean 'info'?", done.stderr)
        body = os.path.join(self.workspace, "state", "body.json")
        with open(body, "w", encoding="utf-8") as file:
            file.write("{}")
        done = subprocess.run(
            [test_serve.SLUICE, "-w", self.workspace, "--json", "--log-level=info", "--log-format=json",
             "run", ACK, "--body", body], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "CCS_PASSWORD": test_serve.CCS_PASSWORD, "TRACEPARENT": UNSAMPLED})
        outcome = json.loads(done.stdout)
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        (line,) = [one for one in lines if one.get("instance") == outcome["instance"]
                   and one["message"] == "execution ended"]
        self.assertEqual((line["trace"], outcome["trace"]), (TRACE, TRACE))


class TraceHeaders(ObserveTest):
    """Without a collector: ids are passed on all the same."""

    def check(self, headers, trace, flags):
        match = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", headers["traceparent"])
        self.assertTrue(match, headers)
        if trace:
            self.assertEqual(match[1], trace)
        self.assertNotEqual(match[2], SPAN)
        self.assertEqual(match[3], flags)
        return match

    def shown(self, instance):
        """Recorded in groups: another process sees it soon after the answer."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.sluice("show", instance)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def test_a_trace_is_carried_on(self):
        for given, flags in ((SAMPLED, "01"), (UNSAMPLED, "00"), (f"cc-{TRACE}-{SPAN}-ff-more", "01")):
            with self.subTest(given=given):
                instance, headers = self.traced(given, "foo=1,bar=2")
                match = self.check(headers, TRACE, flags)
                self.assertEqual(headers["tracestate"], "foo=1,bar=2")
                row = self.shown(instance)
                self.assertEqual((row["trace"], row["span"], row["parent_span"]), (TRACE, match[2], SPAN))

    def test_what_is_not_valid_begins_a_new_trace(self):
        seen = set()
        for given in (None, "", "00", f"00-{TRACE}-{SPAN}-01-more", f"ff-{TRACE}-{SPAN}-01",
                      f"00-{TRACE.upper()}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01"):
            with self.subTest(given=given):
                instance, headers = self.traced(given, "foo=1")
                match = self.check(headers, None, "00")
                self.assertNotIn(match[1], {TRACE, "0" * 32} | seen)
                self.assertNotIn("tracestate", headers)
                self.assertIsNone(self.shown(instance)["parent_span"])
                seen.add(match[1])

    def send(self, *fields):
        """An acknowledgement with header fields that may come twice."""
        body = json.dumps(test_serve.dacs.acknowledgement(f"{5:014d}")).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.putrequest("POST", test_serve.ADDRESS)
        for name, value in (*test_serve.DACS.items(), ("Content-Length", str(len(body))), *fields):
            connection.putheader(name, value)
        before = len(self.received())
        connection.endheaders(body)
        self.assertEqual(connection.getresponse().status, 200)
        (record,) = self.received()[before:]
        return record["headers"]

    def test_fields_that_come_twice(self):
        headers = self.send(("traceparent", SAMPLED), ("tracestate", "foo=1"), ("Tracestate", "bar=2"))
        self.check(headers, TRACE, "01")
        self.assertEqual(headers["tracestate"], "foo=1,bar=2")
        headers = self.send(("traceparent", SAMPLED), ("traceparent", UNSAMPLED))
        self.assertNotIn(TRACE, headers["traceparent"])

    def test_a_tracestate_that_breaks_the_rules_is_left_out_alone(self):
        for state in ("foo=1,foo=2", "foo", ",".join(f"k{i}=1" for i in range(33))):
            with self.subTest(state=state):
                _, headers = self.traced(SAMPLED, state)
                self.check(headers, TRACE, "01")
                self.assertNotIn("tracestate", headers)

    def test_other_hosts_are_told(self):
        """A flow that another host runs gets the trace with its request."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)
        self.addCleanup(listener.close)
        self.write("connections.json", {
            "OU REST CCS for CCS-DACS": {"type": "rest", "url": "http://127.0.0.1:1/ouaf", "auth": "none"},
            "OU REST OIC for CCS-DACS": {
                "type": "rest", "url": f"http://127.0.0.1:{listener.getsockname()[1]}", "auth": "none"}})
        self.addCleanup(self.point_at, self.ccs.port)
        self.process.kill()
        self.process.wait()
        self.start()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            self.ack(3, headers={**test_serve.DACS, "traceparent": UNSAMPLED})))
        thread.start()
        peer, _ = listener.accept()
        with peer:
            head = peer.recv(65536).decode("latin-1")
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        thread.join(60)
        self.assertIn(f"/flows/rest/{ERROR_HANDLER}/", head)
        self.assertRegex(head, rf"(?im)^traceparent: 00-{TRACE}-[0-9a-f]{{16}}-00\r$")
        self.assertGreaterEqual(answers[0][0], 500)


class Metrics(ObserveTest):
    telemetry = {"metrics": {"listen": "127.0.0.1:0"}}

    def start(self):
        super().start()
        line = self.process.stdout.readline()
        self.assertRegex(line, r"^metrics on http://127\.0\.0\.1:\d+$")
        self.metrics_port = int(line.rpartition(":")[2])

    def test_who_may_read(self):
        for headers, expected in (({}, 401), (test_serve.DACS, 403), (None, 200)):
            with self.subTest(headers=headers):
                self.assertEqual(self.scrape(headers=headers)[0], expected)
        self.assertEqual(self.scrape(headers={}, port=self.metrics_port)[0], 200)
        self.assertEqual(self.scrape(headers={}, port=self.metrics_port, path="/health/live")[0], 404)
        status, headers, _ = self.ask("POST", "/metrics", "", test_serve.credentials(
            test_serve.READER, test_serve.READER_PASSWORD))
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))

    def test_both_forms_parse(self):
        self.traced()
        status, kind, text = self.scrape()
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        old = {family.name: family for family in parse_text(text)}
        status, kind, text = self.scrape(
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
        self.assertEqual((status, kind),
                         (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
        new = {family.name: family for family in parse_openmetrics(text)}
        self.assertEqual({name for name in old if name != "sluice_build_info"} | {"sluice_build"},
                         set(new))
        for name, family in new.items():
            self.assertTrue(family.documentation, name)
            self.assertRegex(name, r"^(sluice|process)_[a-z_]+$")
        self.assertEqual(new["sluice_execution_duration_seconds"].unit, "seconds")
        self.assertEqual(new["process_cpu_seconds"].type, "counter")

    def test_what_happens_is_counted(self):
        names = {"executions": ("sluice_executions_total", {"flow": ACK, "state": "COMPLETED"}),
                 "seconds": ("sluice_execution_duration_seconds_count", {"flow": ACK}),
                 "calls": ("sluice_import_calls_total", {"import": "http.request", "result": "ok"}),
                 "requests": ("sluice_http_requests_total", {"code": "200"}),
                 "refused": ("sluice_http_refused_total", {"reason": "unauthenticated"}),
                 "commits": ("sluice_store_commit_duration_seconds_count", {})}
        before = {key: self.metric(name, **labels) for key, (name, labels) in names.items()}
        self.assertEqual(before["executions"], 0)  # exists before the first one
        for number in range(3):
            self.traced(number=number)
        self.ack(1, headers={})
        after = {key: self.metric(name, **labels) for key, (name, labels) in names.items()}
        self.assertEqual(after["executions"], 3)
        self.assertEqual(after["seconds"], 3)
        self.assertEqual(after["calls"], 3)
        self.assertGreaterEqual(after["requests"] - before["requests"], 3)
        self.assertEqual(after["refused"] - before["refused"], 1)
        deadline = time.monotonic() + 30  # the group that they are in
        while self.metric(names["commits"][0]) == before["commits"] and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertGreater(self.metric(names["commits"][0]), before["commits"])
        self.assertGreater(self.metric("sluice_import_bytes_total", **{"import": "http.request"}), 0)
        self.assertEqual(self.metric("sluice_workers"), 16)
        self.assertEqual(self.metric("sluice_executions_running"), 0)
        self.assertGreaterEqual(self.metric("sluice_transfer_handles_idle"), 1)
        self.assertEqual(self.metric("sluice_transfer_handles_busy"), 0)
        self.assertGreaterEqual(self.metric("sluice_sandbox_slots"), 1)
        self.assertEqual(self.metric("sluice_sandbox_slots_busy"), 0)
        self.assertGreaterEqual(self.metric("sluice_http_connections"), 1)
        self.assertGreater(self.metric("process_resident_memory_bytes"), 1 << 20)
        self.assertEqual(self.metric("sluice_workers_busy"), 1)  # which reads the metrics

    def test_names_from_outside_make_no_series(self):
        self.traced()
        before = self.scrape()[2].count("\n")
        for number in range(50):
            self.ask("GET", f"/nothing/{number}")
            self.ask("POST", test_serve.FLOWS + f"rest/FLOW{number}/1.0/x", "{}")
        self.assertLess(self.scrape()[2].count("\n"), before + 5)


class Busy(ObserveTest):
    settings = {"request_s": 30, "stop_s": 20, "workers": 1}
    telemetry = {"metrics": {"listen": "127.0.0.1:0"}}

    def test_the_listener_answers_while_no_worker_can(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)
        self.addCleanup(listener.close)
        self.point_at(listener.getsockname()[1])
        self.addCleanup(self.point_at, self.ccs.port)
        self.process.kill()
        self.process.wait()
        self.start()
        port = int(self.process.stdout.readline().rpartition(":")[2])
        threads = [threading.Thread(target=self.ack, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        held = [listener.accept()[0]]
        wait_for("second request", lambda: "\nsluice_queue_depth 1\n" in self.scrape(
            headers={}, port=port)[2])
        status, _, text = self.scrape(headers={}, port=port)
        self.assertEqual(status, 200)
        for line in ("sluice_workers 1", "sluice_workers_busy 1", "sluice_executions_running 1",
                     "sluice_transfer_handles_busy 1", "sluice_sandbox_slots_busy 1",
                     "sluice_http_requests_in_flight 2"):
            self.assertIn(f"\n{line}\n", text)
        for _ in threads:
            held[-1].recv(65536)
            held[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
            if len(held) < len(threads):
                held.append(listener.accept()[0])
        for thread in threads:
            thread.join(60)
        for peer in held:
            peer.close()


class Documents(unittest.TestCase):
    def test_every_metric_is_described(self):
        repository = os.path.join(HERE, "..", "..")
        with open(os.path.join(repository, "host", "base", "metrics.h"), encoding="utf-8") as file:
            names = set(re.findall(r'"(sluice_[a-z_]+)"', file.read()))
        with open(os.path.join(repository, "docs", "observability.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertGreater(len(names), 20)
        self.assertEqual([name for name in sorted(names) if name not in text], [])


class NoListener(ObserveTest):
    def test_nothing_is_open_by_default(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.stdout.read(), "")  # no further address is told
        self.assertEqual(self.process.wait(timeout=30), 0)


if __name__ == "__main__":
    test_serve.SLUICE = os.path.realpath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

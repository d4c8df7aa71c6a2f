# SPDX-License-Identifier: MIT
"""Traces to a collector, through the real program: what spans say, and what happens when the collector
is slow, refuses, or is away.

Usage: test_traces.py SLUICE NODE [unittest arguments]
"""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

import test_serve
from observe_common import (ACK, ERROR_HANDLER, HERE, SAMPLED, SPAN, TRACE, UNSAMPLED, CollectorTest,
                            wait_for)
from common import PeerProcess, free_port

NODE = None


class Spans(CollectorTest):
    def named(self, trace, name):
        return [span for span in self.spans(trace) if span["name"] == name]

    def one(self, trace, name):
        (span,) = wait_for(f"span {name}", lambda: self.named(trace, name))
        return span

    def test_an_acknowledgement_is_two_levels_of_spans(self):
        trace = "11112222333344445555666677778888"
        instance, headers = self.traced(f"00-{trace}-{SPAN}-01", "foo=1", number=81)
        outer = self.one(trace, ACK)
        inner = self.one(trace, "http.request")
        self.assertEqual((outer["parentSpanId"], outer["kind"], outer["traceState"]), (SPAN, 2, "foo=1"))
        self.assertNotIn("status", outer)
        self.assertEqual({key: outer["attributes"][key] for key in (
            "sluice.instance", "sluice.flow", "sluice.flow.version", "sluice.trigger", "sluice.state",
            "faas.trigger", "faas.invocation_id")},
            {"sluice.instance": instance, "sluice.flow": ACK, "sluice.flow.version": "01.23.3000",
             "sluice.trigger": "rest", "sluice.state": "COMPLETED", "faas.trigger": "http",
             "faas.invocation_id": instance})
        self.assertEqual((inner["parentSpanId"], inner["kind"]), (outer["spanId"], 3))
        attributes = inner["attributes"]
        self.assertEqual({key: attributes[key] for key in (
            "sluice.connection", "sluice.result", "http.request.method", "http.response.status_code",
            "server.address", "server.port")},
            {"sluice.connection": "OU REST CCS for CCS-DACS", "sluice.result": "ok",
             "http.request.method": "PATCH", "http.response.status_code": "200",
             "server.address": "127.0.0.1", "server.port": str(self.ccs.port)})
        self.assertIn(f"{81:014d}", attributes["sluice.subject"])
        # The peer was told of the very call, so that its own spans hang below that.
        self.assertEqual(headers["traceparent"], f"00-{trace}-{inner['spanId']}-01")
        self.assertLessEqual(int(outer["startTimeUnixNano"]), int(inner["startTimeUnixNano"]) + 1000)
        self.assertLess(abs(int(outer["endTimeUnixNano"]) / 1e9 - time.time()), 600)
        self.assertEqual((outer["resource"]["service.name"], outer["resource"]["process.pid"]),
                         ("sluice", str(self.process.pid)))

    def test_a_new_trace_is_sampled_and_an_unsampled_one_is_not(self):
        instance, headers = self.traced()
        trace = headers["traceparent"].split("-")[1]
        self.assertTrue(headers["traceparent"].endswith("-01"))
        outer = self.one(trace, ACK)
        self.assertEqual(outer["attributes"]["sluice.instance"], instance)
        self.assertNotIn("parentSpanId", outer)
        before = self.metric("sluice_trace_spans_total", result="exported")
        _, headers = self.traced(UNSAMPLED)
        self.assertTrue(headers["traceparent"].endswith("-00"))
        self.traced()
        wait_for("later spans", lambda: self.metric("sluice_trace_spans_total",
                                                    result="exported") > before)
        self.assertEqual(self.spans(TRACE), [])

    def test_a_failure_and_the_flow_that_it_calls(self):
        trace = "99992222333344445555666677778888"
        self.point_at(1)
        self.addCleanup(self.point_at, self.ccs.port)
        self.process.kill()
        self.process.wait()
        self.start()
        self.ack(9, headers={**test_serve.DACS, "traceparent": f"00-{trace}-{SPAN}-01"})
        outer = self.one(trace, ACK)
        self.assertEqual(outer["status"]["code"], 2)
        self.assertTrue(outer["status"]["message"])
        self.assertEqual(outer["attributes"]["sluice.state"], "FAILED")
        request = self.one(trace, "http.request")
        self.assertEqual((request["status"]["code"], request["attributes"]["error.type"]),
                         (2, "unavailable"))
        call = self.one(trace, "flow.call")
        child = self.one(trace, ERROR_HANDLER)
        self.assertEqual((call["parentSpanId"], call["kind"]), (outer["spanId"], 1))
        self.assertEqual((child["parentSpanId"], child["kind"]), (call["spanId"], 1))

    def test_opentelemetrys_own_definitions_read_every_body(self):
        for number in range(20):
            self.traced(number=number)
        count = wait_for("spans", lambda: len(self.spans()) >= 40 and len(self.spans()))
        done = subprocess.run([NODE, os.path.join(HERE, "..", "peers", "sdk", "otlp_decode.mjs"),
                               os.path.join(self.collector_root, "requests.jsonl")],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreaterEqual(int(done.stdout), count)

    def test_what_a_stop_finds_is_sent(self):
        instance, _ = self.traced()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=30), 0)
        self.assertIn(instance, [span["attributes"].get("sluice.instance") for span in self.spans()])

    def test_a_command_sends_its_spans(self):
        trace = "aaaa2222333344445555666677778888"
        body = os.path.join(self.workspace, "state", "body.json")
        with open(body, "w", encoding="utf-8") as file:
            json.dump(test_serve.dacs.acknowledgement(f"{4:014d}"), file)
        subprocess.run([test_serve.SLUICE, "-w", self.workspace, "run", ACK, "--body", body],
                       env={**os.environ, "CCS_PASSWORD": test_serve.CCS_PASSWORD,
                            "TRACEPARENT": f"00-{trace}-{SPAN}-01"}, timeout=60, check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(len(self.named(trace, ACK)), 1)


class Trouble(CollectorTest):
    def result(self, name):
        return self.metric("sluice_trace_spans_total", result=name)

    def test_throttled_spans_come_later_and_once(self):
        self.fault(action="status", status=503, times=2, headers={"Retry-After": "1"})
        begun = time.monotonic()
        instance, _ = self.traced()
        wait_for("spans", lambda: self.result("exported") > 0)
        self.assertGreater(time.monotonic() - begun, 2)  # two times what Retry-After said
        mine = [span for span in self.spans() if span["attributes"].get("sluice.instance") == instance]
        self.assertEqual(len({span["spanId"] for span in mine}), len(mine))
        self.check_said("traces cannot be sent, trying again: HTTP status 503")
        self.check_said("the trace collector takes spans again")

    def test_a_refusal_is_final(self):
        for status in (400, 500):
            self.fault(action="status", status=status)
            before = self.result("failed")
            self.traced()
            wait_for("refusal", lambda old=before: self.result("failed") > old)
        self.assertEqual(self.result("exported"), 0)
        self.check_said("spans were not taken by the trace collector: HTTP status 400")
        self.traced()
        wait_for("next batch", lambda: self.result("exported") > 0)

    def test_spans_that_are_rejected_are_counted(self):
        self.fault(action="status", status=200,
                   body={"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too \n old"}})
        self.traced()
        wait_for("rejection", lambda: self.result("rejected") > 0)
        self.assertEqual(self.result("rejected"), 2)
        self.check_said("the trace collector rejected 2 spans: too   old")

    def test_a_lost_answer_is_asked_for_again(self):
        self.fault(action="drop_reply")
        self.traced()
        wait_for("spans", lambda: self.result("exported") > 0)
        self.assertEqual(self.result("failed"), 0)


class Away(CollectorTest):
    """Nobody listens, or somebody who never answers."""

    def setUp(self):
        self.away_port = free_port()
        type(self).telemetry = {"traces": {"endpoint": f"http://127.0.0.1:{self.away_port}",
                                           "queue_max": 10}}
        super().setUp()

    def test_nobody_waits_and_the_queue_has_an_end(self):
        for number in range(20):
            self.traced(number=number)
        self.assertGreater(self.metric("sluice_trace_spans_total", result="dropped"), 0)
        self.assertEqual(self.metric("sluice_trace_spans_total", result="exported"), 0)
        # A collector that comes up gets what was kept.
        root = os.path.join(os.path.dirname(self.workspace), "late")
        with PeerProcess("collector.py", "--root", root, "--port", self.away_port):
            wait_for("spans", lambda: self.metric("sluice_trace_spans_total", result="exported") > 0)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=30), 0)

    def test_a_stop_does_not_wait_for_ever(self):
        silent = test_serve.socket.create_server(("127.0.0.1", self.away_port))
        self.addCleanup(silent.close)
        self.traced()
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=60), 0)
        self.assertLess(time.monotonic() - begun, 20)


class Secured(CollectorTest):
    """A collector that wants a key, over TLS."""
    key = "collector-key-secret"

    def setUp(self):
        certificate, key = self.authority.server()
        self.collector_root = os.path.join(os.path.dirname(self.workspace), "secured")
        peer = PeerProcess("collector.py", "--root", self.collector_root, "--header",
                           f"X-Api-Key={self.key}", "--tls", certificate, key)
        self.addCleanup(peer.stop)
        type(self).telemetry = {"traces": {
            "endpoint": f"https://localhost:{peer.port}/v1/traces", "ca": self.authority.path,
            "header": "X-Api-Key", "secret": {"env": "COLLECTOR_KEY"}, "service": "north"}}
        os.environ["COLLECTOR_KEY"] = self.key
        self.addCleanup(os.environ.pop, "COLLECTOR_KEY")
        super().setUp()

    def test_the_key_is_sent_and_nowhere_else(self):
        self.traced()
        spans = wait_for("spans", self.spans)
        self.assertEqual(spans[0]["resource"]["service.name"], "north")
        self.assertNotIn(self.key, self.said() + self.scrape()[2])


class Sampling(CollectorTest):
    def setUp(self):
        self.telemetry = {"traces": {"endpoint": self.collector.url, "sample_one_in": 0}}
        super().setUp()

    def test_only_what_the_caller_asks_for(self):
        _, headers = self.traced()
        self.assertTrue(headers["traceparent"].endswith("-00"))
        self.traced(SAMPLED)
        spans = wait_for("spans", self.spans)
        self.assertEqual({span["traceId"] for span in spans}, {TRACE})


if __name__ == "__main__":
    test_serve.SLUICE = os.path.realpath(sys.argv[1])
    NODE = sys.argv[2]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])

# SPDX-License-Identifier: MIT
"""What the tests of logs, metrics and traces share: a server in front of the CCS stand-in, and a collector."""
import http.client
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import test_serve  # noqa: E402
from collector import spans_of  # noqa: E402
from common import PeerProcess, read_records  # noqa: E402

ACK = test_serve.ACK
ERROR_HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
PATIENCE_SECONDS = 60


def wait_for(what, condition):
    """The first true value of condition()."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {PATIENCE_SECONDS} s")
        time.sleep(0.05)


class ObserveTest(test_serve.ServeTest):
    """Settings beside "server" are those of `telemetry`, which may change before start()."""
    telemetry = {}

    def setUp(self):
        self.write("sluice.json", {"server": self.settings, **self.telemetry})
        super().setUp()

    def lines(self):
        """The log so far; every line is JSON."""
        return [json.loads(line) for line in self.said().splitlines()]

    def ended(self, instance):
        return wait_for("line of the execution", lambda: [
            line for line in self.lines()
            if line["message"] == "execution ended" and line["instance"] == instance])[0]

    def traced(self, traceparent=None, tracestate=None, number=77):
        """An acknowledgement; gives the instance and the headers that CCS got."""
        headers = dict(test_serve.DACS)
        if traceparent is not None:
            headers["traceparent"] = traceparent
        if tracestate is not None:
            headers["tracestate"] = tracestate
        before = len(self.received())
        status, fields, body = self.ack(number, headers=headers)
        self.assertEqual(status, 200, body)
        (record,) = self.received()[before:]
        return fields["sluice-instance"], record["headers"]

    def sluice(self, *arguments):
        done = subprocess.run([test_serve.SLUICE, "-w", self.workspace, "--json", *arguments],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def scrape(self, accept=None, headers=None, path="/metrics", port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        self.addCleanup(connection.close)
        given = dict(test_serve.credentials(test_serve.READER, test_serve.READER_PASSWORD)
                     if headers is None else headers)
        if accept:
            given["Accept"] = accept
        connection.request("GET", path, headers=given)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()

    def metric(self, name, **labels):
        """The value of one sample; 0 if there is none."""
        wanted = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else "")
        status, _, text = self.scrape()
        self.assertEqual(status, 200, text)
        for line in text.splitlines():
            if line.rpartition(" ")[0] == wanted:
                return float(line.rpartition(" ")[2])
        return 0.0


class CollectorTest(ObserveTest):
    """With a collector that may be replaced before start()."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector_root = os.path.join(os.path.dirname(cls.workspace), "collector")
        cls.collector = PeerProcess("collector.py", "--root", cls.collector_root)
        cls.addClassCleanup(cls.collector.stop)
        cls.telemetry = {"traces": {"endpoint": cls.collector.url}}

    def requests(self):
        return read_records(os.path.join(self.collector_root, "requests.jsonl"))

    def spans(self, trace=None):
        """What the collector took, by name of span."""
        for record in self.requests():
            self.assertNotIn("error", record)
        found = [span for record in self.requests() if "body" in record
                 for span in spans_of(record["body"])]
        return [span for span in found if trace is None or span["traceId"] == trace]

    def administer(self, method, path, value=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.collector.port, timeout=30)
        connection.request(method, path, json.dumps(value) if value is not None else None)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200, answer.read())
        connection.close()

    def fault(self, **fields):
        self.administer("POST", "/_faults", {"match": {"path_regex": "/v1/traces"}, **fields})
        self.addCleanup(self.administer, "DELETE", "/_faults")

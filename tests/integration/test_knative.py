# SPDX-License-Identifier: MIT
"""sluice serve as a Knative service: port, probes, drain, events in and out.

The platform's side is written from knative/specs (runtime contract, eventing data plane); events are
sent and received by the CloudEvents project's own SDK, and by hand where the SDK would not.
Usage: test_knative.py SLUICE [unittest arguments]
"""
import base64
import http.client
import http.server
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from serverless_common import HERE, SPAN, TRACE, ServerlessTest, processor_seconds, rows

import dacs
from common import free_port
from landscape import FLOW_ACK, FLOW_FTP, FLOW_OS, TARGET_FOLDER

SDK = os.path.join(HERE, "..", "peers", "sdk", "cloud_events.mjs")
ERROR_HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
ADDRESS = f"/ic/api/integration/v1/flows/oracleutilities/{FLOW_ACK}/1.0/sendCustomerSyncAck"
PARAMETERS = {"extractedFileNamePrefix": "C1-"}
PASSWORD = "a-password-of-it"
FIELDS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", "ce-type": "test",
          "Content-Type": "application/json"}


def basic(name):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()}


def ack(number):
    return json.dumps(dacs.acknowledgement(f"{number:014d}")).encode()


class Sink:
    """Takes events; statuses: what it answers, one after the other, then 200."""

    def __init__(self, statuses=(), hold=None):
        self.events, self.statuses, self.hold = [], list(statuses), hold
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.events.append(({k.lower(): v for k, v in self.headers.items()}, body))
                if sink.hold:
                    sink.hold.wait(30)
                self.send_response(sink.statuses.pop(0) if sink.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/sink"

    def wait_for(self, count):
        deadline = time.monotonic() + 30
        while len(self.events) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.events)} events instead of {count}")
            time.sleep(0.01)
        return self.events

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class KnativeTest(ServerlessTest):
    settings = {"callers": "platform", "server": {"stop_s": 20}}
    environment = {}

    def setUp(self):
        super().setUp()
        self.land.empty_ftp()
        self.process, self.port, self.begun = self.start(**self.environment)

    def start(self, *arguments, **environment):
        port = environment.pop("PORT", None) or str(free_port())
        begun = time.monotonic()
        process = subprocess.Popen(
            self.land.command("serve", *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log, text=True, env={**self.land.environment(), "PORT": port,
                                             "K_SERVICE": "sluice", **environment})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.assertRegex(line, r"^listening on http://.*:\d+$", self.said())
        return process, int(line.rpartition(":")[2]), begun

    def ask(self, method, path, body=None, headers=None, host="127.0.0.1"):
        connection = http.client.HTTPConnection(host, self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def event(self, flow, body, **fields):
        return self.ask("POST", f"/events/{flow}", body, {**FIELDS, **fields})


class Contract(KnativeTest):
    def test_the_port_on_all_addresses(self):
        for host in ("127.0.0.1", "::1"):
            with self.subTest(host=host):
                try:
                    socket.create_connection((host, self.port), timeout=5).close()
                except OSError:
                    if host == "127.0.0.1" or socket.has_ipv6:
                        raise
        text = self.said()
        self.assertNotIn("travel in clear", text)  # TLS is the platform's

    def test_precedence(self):
        self.configure({"server": {"listen": f"127.0.0.1:{free_port()}"}})
        self.addCleanup(self.configure, self.settings)
        _, port, _ = self.start(PORT=str(free_port()))
        self.assertNotEqual(port, self.port)
        chosen = free_port()
        _, port, _ = self.start("--listen", f"127.0.0.1:{chosen}")
        self.assertEqual(port, chosen)

    def test_ports_that_are_none(self):
        for port in ("0", "65536", "http", "80 ", "-1"):
            done = subprocess.run(self.land.command("serve"), capture_output=True, text=True,
                                  env={**self.land.environment(), "PORT": port}, timeout=30,
                                  check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"PORT is '{port}'; expected a number from 1 to 65535", done.stderr)

    def test_probes(self):
        for _ in range(100):  # as queue-proxy probes while a container starts
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        for path, word in (("/health/live", b"live"), ("/health/ready", b"ready")):
            for agent in ("kube-probe/1.30", "Knative-Ingress-Probe"):
                status, _, body = self.ask("GET", path, headers={
                    "User-Agent": agent, "K-Network-Probe": "queue", "Host": "sluice.example"})
                self.assertEqual((status, word in body), (200, True))

    def test_drain(self):
        """SIGTERM: nothing new, what runs is finished and answered, exit 0."""
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        before, ccs = self.land.connections, "OU REST CCS for CCS-DACS"
        self.addCleanup(self.land.write_connections, before)
        self.land.write_connections({**before, ccs: {
            **{k: v for k, v in before[ccs].items() if k != "ca"},
            "url": f"http://127.0.0.1:{silent.getsockname()[1]}/ouaf"}})
        process, self.port, _ = self.start()
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.event(FLOW_ACK, ack(1))))
        caller.start()
        silent.settimeout(30)
        peer, _ = silent.accept()
        peer.settimeout(30)
        peer.recv(65536)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                time.sleep(0.01)
            except OSError:
                break
        self.assertIsNone(process.poll())
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        caller.join(30)
        peer.close()
        self.assertEqual(answers[0][0], 204, answers)
        self.assertEqual(process.wait(30), 0, self.said())

    def test_cold_start(self):
        def start(ask):
            process, self.port, begun = self.start()
            ask()
            taken = time.monotonic() - begun, processor_seconds(process.pid)
            process.terminate()
            process.wait(30)
            return taken
        self.cold_start("serve, readiness probe", lambda: start(
            lambda: self.assertEqual(self.ask("GET", "/health/ready")[0], 200)))
        self.cold_start("serve, one acknowledgement relayed", lambda: start(
            lambda: self.assertEqual(self.event(FLOW_ACK, ack(2))[0], 204)))


class EventsIn(KnativeTest):
    def test_every_flow(self):
        self.land.put_ccs_ftp("C1-ONE.csv", rows(2))
        self.land.put_object(self.land.ccs_storage, "C1-TWO.csv", rows(2))
        for flow, data in ((FLOW_ACK, ack(11)), ("customer_sync_ack", ack(12)),
                           (FLOW_FTP, json.dumps(PARAMETERS).encode()),
                           (FLOW_OS, json.dumps({"parameters": PARAMETERS}).encode()),
                           (ERROR_HANDLER, b'{"reason": "R"}')):
            with self.subTest(flow=flow):
                status, fields, body = self.event(flow, data)
                self.assertEqual((status, body), (204, b""), body)
                self.assertRegex(fields["sluice-instance"], r"^[\w-]{22}$")
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-ONE.csv", "C1-TWO.csv"})

    def test_what_deliverers_make_of_failures(self):
        for flow, body, fields, expected in (
                ("NONE", b"", {}, 404), (FLOW_ACK, b"{", {}, 400), (FLOW_ACK, b"{}", {}, 400),
                (FLOW_FTP, b'{"x": "y"}', {}, 400),
                (FLOW_FTP, b'{"flow": "%s"}' % FLOW_OS.encode(), {}, 400),
                (FLOW_ACK, ack(1), {"ce-specversion": "0.3"}, 400),
                (FLOW_ACK, b"[]", {"Content-Type": "application/cloudevents-batch+json"}, 415),
                ("OUTL-BA-CCS_DACS_OS_TRANSFER", b"{}", {}, 400)):
            with self.subTest(flow=flow, body=body):
                status, _, answer = self.event(flow, body, **fields)
                self.assertEqual(status, expected, answer)
                self.assertEqual(json.loads(answer)["o:errorCode"], str(expected))
        status, fields, _ = self.ask("GET", f"/events/{FLOW_ACK}")
        self.assertEqual((status, fields["allow"]), (405, "POST"))
        self.assertEqual(self.ask("POST", f"/events/{FLOW_ACK}", ack(1))[0], 415)  # no event

    def test_what_is_worth_another_attempt(self):
        self.land.put_ccs_ftp("C1-B.csv", rows(1))
        self.land.put_dacs_ftp("C1-B.csv", b"another")
        self.assertEqual(self.event(FLOW_FTP, json.dumps(PARAMETERS).encode())[0], 500)

    def test_sizes(self):
        limit = 262144  # of the acknowledgement, for the event's data
        self.assertEqual(self.event(FLOW_ACK, ack(21) + b" " * (limit - len(ack(21))))[0], 204)
        self.assertEqual(self.event(FLOW_ACK, ack(22) + b" " * (limit + 1 - len(ack(22))))[0], 413)
        self.assertEqual(self.event(FLOW_ACK, b" " * (2 * limit))[0], 413)


class EventsFromTheSdk(KnativeTest):
    def send(self, mode, flow, event, authorization=None):
        path = os.path.join(self.folder, "event.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(event, file)
        done = subprocess.run(
            ["node", SDK, "send", f"http://127.0.0.1:{self.port}/events/{flow}", mode, path,
             *([authorization] if authorization else [])],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_binary_and_structured(self):
        # In binary mode the SDK leaves characters outside ASCII as they are, which HTTP refuses.
        for number, mode, name in ((31, "binary", "event 31"), (32, "structured", "\u20ac 100 %")):
            before = len(self.land.ccs_received())
            answer = self.send(mode, FLOW_ACK, {
                "id": name, "source": "/dacs/%C3%BC", "type": "sync.ack",
                "subject": 'quo"ted', "time": "2026-11-24T02:37:00.5+01:00", "myextension": "x y",
                "data": dacs.acknowledgement(f"{number:014d}")})
            self.assertEqual(answer["status"], 204, answer)
            (record,) = self.land.ccs_received()[before:]
            self.assertIn(f"{number:014d}", json.dumps(record))

    def test_base64_data(self):
        answer = self.send("structured", FLOW_ACK, {
            "id": "1", "source": "/dacs", "type": "sync.ack", "datacontenttype": "application/json",
            "data_base64": base64.b64encode(ack(41)).decode()})
        self.assertEqual(answer["status"], 204, answer)


class EventCallers(KnativeTest):
    settings = {}

    def test_users_are_asked_for(self):
        for name, role in (("broker", "invoke"), ("reader", "monitor")):
            subprocess.run(self.land.command("users", "add", name, "--role", role), check=True,
                           input=PASSWORD + "\n", text=True, capture_output=True)
        self.process.terminate()
        self.process.wait(30)
        _, self.port, _ = self.start()
        for headers, expected in (({}, 401), (basic("nobody"), 401), (basic("reader"), 403),
                                  (basic("broker"), 204)):
            status, fields, _ = self.event(FLOW_ACK, ack(51), **headers)
            self.assertEqual(status, expected)
            self.assertEqual("www-authenticate" in fields, expected == 401)
        subprocess.run(self.land.command("users", "add", "late", "--role", "invoke"), check=True,
                       input=PASSWORD + "\n", text=True, capture_output=True)
        deadline = time.monotonic() + 30  # a file that changed counts without a signal
        while "read again: users" not in self.said():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(self.event(FLOW_ACK, ack(52), **basic("late"))[0], 204)


class Schedules(KnativeTest):
    flow = FLOW_FTP

    def setUp(self):
        path = os.path.join(self.land.workspace, "schedules.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({FLOW_FTP: {"recurrence": "FREQ=SECONDLY", "parameters": PARAMETERS}}, file)
        self.addCleanup(os.unlink, path)
        super().setUp()

    def ended_by_schedule(self):
        return [line for line in self.ends() if line["trigger"] == "schedule"]


class StartedByTheServer(Schedules):
    def test_it_starts_what_is_due(self):
        deadline = time.monotonic() + 30
        while not self.ended_by_schedule():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class StartedByThePlatform(Schedules):
    settings = {"callers": "platform", "schedules": "platform", "server": {"stop_s": 20}}

    def test_it_starts_nothing_by_itself(self):
        self.land.put_ccs_ftp("C1-BY-EVENT.csv", rows(1))
        time.sleep(2.5)  # two due times
        self.assertEqual(self.event(FLOW_FTP, b"")[0], 204)  # with the parameters of the schedule
        self.assertIn("C1-BY-EVENT.csv", self.land.dacs_ftp_files())
        self.assertEqual(self.ended_by_schedule(), [])
        self.process.send_signal(signal.SIGHUP)  # finds no scheduler to tell
        self.assertEqual(self.event(FLOW_FTP, b"")[0], 204)


class EventsOut(KnativeTest):
    def setUp(self):
        self.sink = Sink()
        self.addCleanup(self.sink.stop)
        self.environment = {"K_SINK": self.sink.url, "K_CE_OVERRIDES": json.dumps(
            {"extensions": {"tenant": "utility one"}})}
        super().setUp()

    def check(self, event, state, **attributes):
        fields, body = event
        data = json.loads(body)
        self.assertEqual(fields["ce-specversion"], "1.0")
        self.assertEqual(fields["ce-type"], f"sluice.instance.{state}")
        self.assertEqual(fields["ce-id"], data["instance"])
        self.assertEqual(fields["ce-source"], "/sluice")
        self.assertEqual(fields["content-type"], "application/json")
        self.assertRegex(fields["ce-time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(fields["ce-tenant"], "utility%20one")
        for name, value in attributes.items():
            self.assertEqual(fields[f"ce-{name}"], value)
        return data

    def test_one_event_for_each_run(self):
        _, answer, _ = self.event(FLOW_ACK, ack(61))
        data = self.check(self.sink.wait_for(1)[0], "completed", subject=FLOW_ACK)
        self.assertEqual(data["instance"], answer["sluice-instance"])
        self.assertEqual((data["state"], data["fault"]), ("COMPLETED", None))
        self.event(FLOW_ACK, b"{}")
        data = self.check(self.sink.wait_for(2)[1], "failed")
        self.assertEqual(data["fault"]["code"], "invalid_message")
        self.land.put_ccs_ftp("C1-ONE.csv", rows(1))
        self.event(FLOW_FTP, json.dumps(PARAMETERS).encode())
        data = self.check(self.sink.wait_for(3)[2], "completed", subject=FLOW_FTP)
        self.assertEqual(data["files"]["transferred"], 1)
        time.sleep(0.2)
        self.assertEqual(len(self.sink.events), 3)  # none for what a run called

    def test_a_trace_goes_in_and_out(self):
        for fields in ({"traceparent": f"00-{TRACE}-{SPAN}-00"},
                       {"ce-traceparent": f"00-{TRACE}-{SPAN}-00", "ce-tracestate": "a=1"}):
            count = len(self.sink.events)
            self.event(FLOW_ACK, ack(63), **fields)
            out, _ = self.sink.wait_for(count + 1)[count]
            self.assertRegex(out["ce-traceparent"], f"^00-{TRACE}-[0-9a-f]{{16}}-00$")
            self.assertNotIn(SPAN, out["ce-traceparent"])
            self.assertEqual(out.get("ce-tracestate"), "a=1" if len(fields) > 1 else None)
        self.event(FLOW_ACK, ack(64))
        self.assertRegex(self.sink.wait_for(3)[2][0]["ce-traceparent"], "^00-[0-9a-f]{32}-[0-9a-f]{16}-00$")

    def test_what_goes_on_after_a_crash_tells_its_end(self):
        self.land.put_ccs_ftp("C1-LARGE.csv", b"x" * 100_000_000)
        wire = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(wire.close)
        body = json.dumps(PARAMETERS).encode()
        wire.sendall(f"POST /events/{FLOW_FTP} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
                     + "".join(f"{name}: {value}\r\n" for name, value in FIELDS.items()).encode()
                     + b"\r\n" + body)
        target = self.land.dacs_ftp.home + TARGET_FOLDER
        deadline = time.monotonic() + 60
        while not any(name.endswith(".part") for name in os.listdir(target)):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)
        self.process.kill()
        self.process.wait()
        self.start(**self.environment)
        data = self.check(self.sink.wait_for(1)[0], "completed", subject=FLOW_FTP)
        self.assertEqual(data["files"]["transferred"], 1)
        self.assertIn("C1-LARGE.csv", self.land.dacs_ftp_files())

    def test_a_run_by_hand_tells_it_too(self):
        done = subprocess.run(self.land.command("run", ERROR_HANDLER, "--body", "-"), text=True,
                              input='{"reason": "R"}', capture_output=True, check=False,
                              env={**self.land.environment(), **self.environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check(self.sink.wait_for(1)[0], "completed", subject=ERROR_HANDLER)

    def test_attempts(self):
        self.sink.statuses = [503, 500, 200]
        self.event(FLOW_ACK, ack(71))
        events = self.sink.wait_for(3)
        self.assertEqual(len({fields["ce-id"] for fields, _ in events}), 1)
        self.sink.statuses = [400]
        self.event(FLOW_ACK, ack(72))
        self.sink.wait_for(4)
        time.sleep(0.5)
        self.assertEqual(len(self.sink.events), 4)  # a refusal is final
        self.assertIn("did not reach its sink", self.said())

    def test_a_sink_that_hangs_holds_up_nobody(self):
        self.sink.hold = threading.Event()
        begun = time.monotonic()
        for number in range(20):
            self.assertEqual(self.event(FLOW_ACK, ack(100 + number))[0], 204)
        self.assertLess(time.monotonic() - begun, 20)
        self.sink.hold.set()
        self.sink.wait_for(20)

    def test_what_is_on_its_way_is_sent_before_the_end(self):
        self.sink.hold = threading.Event()
        self.event(FLOW_ACK, ack(201))
        self.sink.wait_for(1)
        self.event(FLOW_ACK, ack(202))
        self.process.terminate()
        time.sleep(0.2)
        self.sink.hold.set()
        self.assertEqual(self.process.wait(30), 0)
        self.assertEqual(len(self.sink.events), 2)

    def test_the_sdk_understands_them(self):
        node = subprocess.Popen(["node", SDK, "receive"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(node.stdout.close)
        self.addCleanup(node.wait)
        self.addCleanup(node.stdin.close)
        port = json.loads(node.stdout.readline())["port"]
        self.configure({"callers": "platform", "base_url": "https://integration.example",
                        "event_sink": f"http://127.0.0.1:{port}/"})
        self.addCleanup(self.configure, self.settings)
        _, self.port, _ = self.start(K_SINK="", K_CE_OVERRIDES="")
        self.event(FLOW_ACK, ack(211))
        self.assertTrue(select.select([node.stdout], [], [], 30)[0])
        line = json.loads(node.stdout.readline())
        event = line["event"]
        self.assertEqual(event["source"], "https://integration.example")
        self.assertEqual(event["type"], "sluice.instance.completed")
        self.assertEqual(event["data"]["flow"], FLOW_ACK)

    def test_sinks_that_are_none(self):
        for environment, text in (({"K_SINK": "ftp://x/"}, "K_SINK: the event sink's address must"),
                                  ({"K_CE_OVERRIDES": "["}, "K_SINK: K_CE_OVERRIDES"),
                                  ({"K_CE_OVERRIDES": '{"extensions": {"Bad": "x"}}'}, "small letters"),
                                  ({"K_CE_OVERRIDES": '{"extensions": {"id": "x"}}'}, "no extension")):
            done = subprocess.run(self.land.command("serve"), capture_output=True, text=True,
                                  env={**self.land.environment(), **self.environment, **environment},
                                  timeout=30, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    ServerlessTest.program = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

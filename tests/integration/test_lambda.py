# SPDX-License-Identifier: MIT
"""sluice lambda against a stand-in for the Runtime API: requests, invocations, schedules, failures.

Usage: test_lambda.py SLUICE [unittest arguments]
"""
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

from multipart_common import Target, part
from multipart_common import body as body_of
from serverless_common import SPAN, TRACE, ServerlessTest, processor_seconds, rows

import dacs
from lambda_runtime import LambdaRuntime, request_event
from landscape import FLOW_ACK, FLOW_FTP, FLOW_OS

ERROR_HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
COMMON = ("OUTL-BA-OUAL_DACS_FTP_TRANSFER", "OUTL-BA-CCS_DACS_OS_TRANSFER")
ADDRESS = f"/ic/api/integration/v1/flows/oracleutilities/{FLOW_ACK}/1.0/sendCustomerSyncAck"
PARAMETERS = {"extractedFileNamePrefix": "C1-"}
PASSWORD = "a-password-of-it"
LAMBDA_EVENT_SIZE_MAX = 8 << 20  # lambda_api.h


def ack(number, positive=True):
    return json.dumps(dacs.acknowledgement(f"{number:014d}", positive)).encode()


def scheduled(detail):
    """docs.aws.amazon.com, EventBridge: the event of a schedule."""
    return {"version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "source": "aws.scheduler",
            "detail-type": "Scheduled Event", "account": "123456789012",
            "time": "2026-11-24T02:37:00Z", "region": "eu-central-1",
            "resources": ["arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"],
            "detail": detail}


class LambdaTest(ServerlessTest):
    settings = {"store": "memory"}
    flows = ()

    def setUp(self):
        super().setUp()
        self.land.empty_ftp()
        self.runtime = self.start(*self.flows)

    def start(self, *flows):
        runtime = LambdaRuntime(self.land.command("lambda", *flows), self.land.environment(), self.log)
        self.addCleanup(runtime.stop)
        return runtime

    def users_add(self, name, role):
        done = subprocess.run(self.land.command("users", "add", name, "--role", role),
                              input=PASSWORD + "\n", capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    @staticmethod
    def basic(name):
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:{PASSWORD}".encode()).decode(),
                "Content-Type": "application/json"}


class Requests(LambdaTest):
    def setUp(self):
        super().setUp()
        self.users_add("dacs", "invoke")

    def test_acknowledgements(self):
        for number, as_base64, stage in ((11, None, "$default"), (12, True, "$default"),
                                         (13, None, "prod")):
            with self.subTest(number=number):
                before = len(self.land.ccs_received())
                status, fields, body = self.runtime.request(
                    path=ADDRESS + "?x=1", body=ack(number), headers=self.basic("dacs"),
                    as_base64=as_base64, stage=stage)
                self.assertEqual((status, fields["content-type"]), (200, "application/json"), body)
                self.assertEqual(json.loads(body),
                                 {"syncRequestId": f"{number:014d}", "status": "OK"})
                self.assertRegex(fields["sluice-instance"], r"^[\w-]{22}$")
                (record,) = self.land.ccs_received()[before:]
                self.assertIn(f"{number:014d}", json.dumps(record))
        self.assertNotIn("cookie-of-a-caller", self.said())

    def test_who_may_call(self):
        self.users_add("reader", "monitor")
        for headers, expected in (({}, 401), (self.basic("nobody"), 401), (self.basic("reader"), 403),
                                  (self.basic("dacs"), 200)):
            status, fields, body = self.runtime.request(path=ADDRESS, body=ack(21), headers=headers)
            self.assertEqual(status, expected, body)
            self.assertEqual("www-authenticate" in fields, expected == 401)
        for authorizer in ({"iam": {"userArn": "arn:aws:iam::1:user/dacs"}},
                           {"jwt": {"claims": {"sub": "dacs"}, "scopes": None}}):
            status, _, body = self.runtime.request(path=ADDRESS, body=ack(22), authorizer=authorizer)
            self.assertEqual(status, 200, body)

    def test_what_a_caller_gets_wrong(self):
        user = self.basic("dacs")
        cases = (({"method": "GET", "path": ADDRESS}, 405), ({"path": ADDRESS, "body": b"{"}, 400),
                 ({"path": "/other"}, 404), ({"path": ADDRESS + "x"}, 404),
                 ({"path": ADDRESS, "headers": {**user, "Content-Type": "multipart/mixed"}}, 415))
        for options, expected in cases:
            with self.subTest(options=options):
                status, fields, body = self.runtime.request(**{"headers": user, **options})
                self.assertEqual(status, expected, body)
                self.assertEqual(json.loads(body)["o:errorCode"], str(expected))
                self.assertEqual(fields.get("allow"), "POST" if expected == 405 else None)

    def test_events_that_are_not_usable(self):
        event = request_event("POST", ADDRESS, ack(31), self.basic("dacs"))
        old = {**event, "version": "1.0"}
        status, _, body = self.runtime.answer_of(self.runtime.invoke(old))
        self.assertEqual(status, 400)
        self.assertIn("version 2.0", json.loads(body)["detail"])
        broken = {**event, "body": "@@", "isBase64Encoded": True}
        self.assertEqual(self.runtime.answer_of(self.runtime.invoke(broken))[0], 400)
        outcome = self.runtime.invoke(b"{not json")
        self.assertEqual((outcome.kind, outcome.body["errorType"]), ("error", "Sluice.invalid"))
        self.assertEqual(self.runtime.request(path=ADDRESS, body=ack(32),
                                              headers=self.basic("dacs"))[0], 200)

    def test_a_cloud_event_over_http(self):
        status, _, body = self.runtime.request(path=ADDRESS, body=ack(41), headers={
            **self.basic("dacs"), "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/d",
            "ce-type": "ack"})
        self.assertEqual(status, 200, body)

    def test_the_event_of_the_largest_size(self):
        for more, kind in ((0, "Sluice.not_found"), (1, "Sluice.limit")):  # it names no flow
            outcome = self.runtime.invoke(b"{}".ljust(LAMBDA_EVENT_SIZE_MAX + more))
            self.assertEqual((outcome.kind, outcome.body["errorType"]), ("error", kind))
        self.assertEqual(self.runtime.request(path=ADDRESS, body=ack(51),
                                              headers=self.basic("dacs"))[0], 200)


class Recorded(LambdaTest):
    """With a store on a volume."""
    settings = {"callers": "platform"}
    flows = (FLOW_ACK,)

    def test_what_was_answered_is_on_the_disk(self):
        for number in range(20):
            status, fields, body = self.runtime.request(body=ack(300 + number))
            self.assertEqual(status, 200, body)
            self.runtime.freeze()
            state, finished_ms = self.stored(fields["sluice-instance"])
            self.assertEqual(state, "COMPLETED")
            self.assertGreater(finished_ms, 0)


class Streamed(LambdaTest):
    settings = {"store": "memory", "lambda_answers": "streamed", "callers": "platform"}
    flows = (FLOW_ACK,)

    def test_answers_are_streamed(self):
        status, fields, body = self.runtime.request(body=ack(61))
        self.assertEqual((status, json.loads(body)["status"]), (200, "OK"))
        self.assertEqual(fields["content-type"], "application/json")
        self.assertEqual(self.runtime.request(method="GET")[0], 405)
        outcome = self.runtime.invoke(json.loads(ack(62)))  # no request: as ever
        self.assertEqual((outcome.kind, outcome.streamed), ("answer", False))


class Invocations(LambdaTest):
    def answer(self, event, **options):
        outcome = self.runtime.invoke(event, **options)
        self.assertEqual(outcome.kind, "answer", outcome.body)
        return json.loads(outcome.body)

    def failure(self, event, **options):
        outcome = self.runtime.invoke(event, **options)
        self.assertEqual(outcome.kind, "error", outcome.body)
        self.assertEqual(outcome.fields["content-type"], "application/vnd.aws.lambda.error+json")
        return outcome.body

    def test_transfers_by_schedule(self):
        data = rows(4)
        self.land.put_ccs_ftp("C1-CONTACT-1.csv", data)
        answer = self.answer(scheduled({"flow": FLOW_FTP, "parameters": PARAMETERS}))
        self.assertEqual((answer["state"], answer["files"]["transferred"]), ("COMPLETED", 1))
        self.assertEqual(self.land.dacs_ftp_files()["C1-CONTACT-1.csv"], data)
        self.land.put_object(self.land.ccs_storage, "C1-CONTACT-2.csv", data)
        answer = self.answer({"flow": FLOW_OS, "parameters": PARAMETERS})  # a constant input
        self.assertEqual(answer["files"]["transferred"], 1)
        self.assertEqual(self.land.dacs_ftp_files()["C1-CONTACT-2.csv"], data)

    def test_one_flow_by_schedule(self):
        runtime = self.start(FLOW_FTP)
        with open(os.path.join(self.land.workspace, "schedules.json"), "w", encoding="utf-8") as file:
            json.dump({FLOW_FTP: {"recurrence": "FREQ=DAILY", "parameters": PARAMETERS}}, file)
        self.addCleanup(os.unlink, file.name)
        runtime.stop()
        runtime = self.start(FLOW_FTP)
        self.land.put_ccs_ftp("C1-NIGHT.csv", rows(1))
        outcome = runtime.invoke(scheduled({}))
        self.assertEqual(json.loads(outcome.body)["files"]["transferred"], 1)

    def test_a_failed_transfer_is_an_error(self):
        self.land.put_ccs_ftp("C1-B.csv", rows(1))
        self.land.put_dacs_ftp("C1-B.csv", b"another")
        error = self.failure({"flow": FLOW_FTP, "parameters": PARAMETERS})
        self.assertEqual(error["errorType"], "Flow.exists")
        self.assertIn("C1-B.csv", error["errorMessage"])

    def test_acknowledgement_and_error_handler(self):
        answer = self.answer({"flow": FLOW_ACK, "message": dacs.acknowledgement(f"{71:014d}")})
        self.assertEqual(answer["status"], "OK")
        before = len(self.land.mails())
        self.assertTrue(self.answer({"flow": ERROR_HANDLER, "message": {"reason": "R"}})["sent"])
        self.assertEqual(len(self.land.mails()), before + 1)
        error = self.failure({"flow": FLOW_ACK, "message": {}})
        self.assertEqual(error["errorType"], "Flow.invalid_message")

    def test_the_common_transfers_take_a_file(self):
        data = rows(6) + b"\xff\0"  # so that the gateway sends it in base64
        for flow in COMMON:
            self.assertRegex(self.failure({"flow": flow, "message": {"fileName": "x"}})["errorType"],
                             r"^Flow\.")
            target = Target(self.land, flow)
            parts = body_of(target.json_part("by-request.csv"), part(data, "text/csv"))
            status, _, body = self.runtime.request(
                path=target.path, body=parts, authorizer={"iam": {"userArn": "arn:aws:iam::1:user/dacs"}},
                headers={"Content-Type": "multipart/mixed; boundary=XyZ"})
            self.assertEqual(status, 200, body)
            self.assertEqual(target.content("by-request.csv"), data)

    def test_cloud_events_as_they_are(self):
        answer = self.answer({"specversion": "1.0", "id": "1", "source": "/d", "type": "t",
                              "data": {"flow": FLOW_ACK, "message": dacs.acknowledgement(f"{81:014d}")}})
        self.assertEqual(answer["status"], "OK")

    def test_mistakes(self):
        for event, text in (({}, "names no flow"), ({"flow": "NONE"}, "no flow 'NONE'"),
                            ({"flow": FLOW_FTP, "parameters": {"x": "y"}}, "has no parameter 'x'")):
            self.assertIn(text, self.failure(event)["errorMessage"])

    def test_a_deadline_stops_the_flow_in_time(self):
        before, ccs = self.land.connections, "OU REST CCS for CCS-DACS"
        self.addCleanup(self.land.write_connections, before)
        self.land.write_connections({**before, ccs: {
            **before[ccs], "url": f"https://localhost:{self.silent_port()}/ouaf"}})
        runtime = self.start(FLOW_ACK)
        begun = time.monotonic()
        outcome = runtime.invoke(json.loads(ack(91)), seconds=3)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual((outcome.kind, outcome.body["errorType"]), ("error", "Sluice.timeout"))

    def silent_port(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        return silent.getsockname()[1]


class Platform(LambdaTest):
    settings = {"store": "memory", "callers": "platform"}
    flows = (FLOW_ACK,)

    def test_one_id_through_everything(self):
        for headers, trace in (({}, "5759e988bd862e3fe1be46a994272793"),  # what the service says
                               ({"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1"}, TRACE)):
            status, fields, _ = self.runtime.request(body=ack(95), headers=headers)
            self.assertEqual(status, 200)
            lines = [line for line in self.lines() if line.get("instance") == fields["sluice-instance"]]
            self.assertEqual({line["trace"] for line in lines}, {trace})
            self.assertRegex(lines[0]["message"], "started by call [0-9a-f-]{36}$")
            self.assertEqual((lines[-1]["message"], lines[-1]["trigger"]), ("execution ended", "lambda"))
        self.runtime.invoke(json.loads(ack(96)))
        self.assertEqual(self.ends()[-1]["trace"], "5759e988bd862e3fe1be46a994272793")

    def test_frozen_between_invocations(self):
        for number in range(4):
            self.assertEqual(self.runtime.request(body=ack(100 + number))[0], 200)
            self.runtime.freeze()
            time.sleep(0.2)
        self.assertEqual(len(self.runtime.connections), 1)  # kept, as the service advises

    def test_an_answer_that_is_too_large_is_an_error(self):
        self.runtime.answer_max = 40
        outcome = self.runtime.invoke(request_event("POST", "/", ack(105), {}))
        self.assertEqual((outcome.kind, outcome.body["errorType"]), ("error", "Sluice.limit"))
        self.assertIn("larger than the 6291556 bytes", outcome.body["errorMessage"])

    def test_it_stops_while_it_waits(self):
        self.assertEqual(self.runtime.request(body=ack(111))[0], 200)
        self.assertTrue(self.runtime.waiting.wait(10))
        self.runtime.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.runtime.process.wait(10), 0, self.said())

    def test_it_ends_with_the_service(self):
        self.assertTrue(self.runtime.waiting.wait(10))
        self.runtime.events.put(None)  # the connection is cut
        self.assertEqual(self.runtime.process.wait(30), 1)
        self.assertIn("the Runtime API", self.said())

    def test_init_errors(self):
        for flows, text in ((("NONE",), "no flow 'NONE'"), (("customer_sync_akc",), "did you mean")):
            runtime = self.start(*flows)
            outcome = runtime.outcome()
            self.assertEqual((outcome.kind, outcome.body["errorType"]),
                             ("init error", "Sluice.not_found"))
            self.assertIn(text, outcome.body["errorMessage"])
            self.assertEqual(runtime.process.wait(10), 2)

    def test_the_environment(self):
        for address, text in ((None, "AWS_LAMBDA_RUNTIME_API is not set"),
                              ("http://x/", "must be HOST:PORT")):
            environment = {**self.land.environment(), "AWS_LAMBDA_RUNTIME_API": address or ""}
            done = subprocess.run(self.land.command("lambda"), env=environment, capture_output=True,
                                  text=True, timeout=30, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)

    def test_cold_start(self):
        def start():
            with self.start(FLOW_ACK) as runtime:
                self.assertEqual(runtime.request(body=ack(121))[0], 200)
                return time.monotonic() - runtime.begun, processor_seconds(runtime.process.pid)
        self.cold_start("lambda, one acknowledgement relayed", start)


if __name__ == "__main__":
    ServerlessTest.program = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

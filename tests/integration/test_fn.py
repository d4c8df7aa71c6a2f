# SPDX-License-Identifier: MIT
"""sluice fn against a stand-in for Fn's agent: each flow, each form of a call, each way to fail.

Usage: test_fn.py SLUICE [unittest arguments]
"""
import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from multipart_common import Target, part
from multipart_common import body as body_of
from serverless_common import SPAN, TRACE, ServerlessTest, processor_seconds, rows

import dacs
from fn_agent import FRAME_NAME, OPEN_FILES_MAX, PROCESSES_MAX, ContractError, FnAgent
from landscape import FLOW_ACK, FLOW_FTP, FLOW_OS, SECRETS, TARGET_FOLDER

ERROR_HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
COMMON = ("OUTL-BA-OUAL_DACS_FTP_TRANSFER", "OUTL-BA-CCS_DACS_OS_TRANSFER")
JSON, MULTIPART = "application/json", "multipart/mixed; boundary=XyZ"
PARAMETERS = {"extractedFileNamePrefix": "C1-"}
FUNCTION_BODY_SIZE_MAX, HTTP_PLATFORM_HEADER_SIZE_MAX = 6 << 20, 2 << 20  # function.h, http_server.h


def ack(number, positive=True):
    return json.dumps(dacs.acknowledgement(f"{number:014d}", positive)).encode()


class FnTest(ServerlessTest):
    settings = {"callers": "platform", "store": "memory"}
    flows = (FLOW_ACK,)

    def setUp(self):
        super().setUp()
        self.agent = self.start(*self.flows)

    def start(self, *flows, **environment):
        sockets = tempfile.TemporaryDirectory(prefix="iofs-")
        self.addCleanup(sockets.cleanup)
        agent = FnAgent(self.land.command("fn", *flows), sockets.name,
                        {**self.land.environment(), **environment}, log=self.log)
        self.addCleanup(agent.stop)
        return agent

    def fault(self, faults):
        request = urllib.request.Request(f"https://localhost:{self.land.ccs.port}/_faults",
                                         json.dumps(faults).encode(), method="POST")
        context = ssl.create_default_context(cafile=self.land.ca)
        urllib.request.urlopen(request, context=context, timeout=30).close()


class Acknowledgement(FnTest):
    def test_direct_invocations(self):
        for number, positive, chunked in ((11, True, False), (12, False, False), (13, True, True)):
            with self.subTest(number=number):
                before = len(self.land.ccs_received())
                kind, headers, body, _ = self.agent.call(ack(number, positive), JSON, chunked=chunked)
                self.assertEqual(kind, "ok", body)
                self.assertEqual(json.loads(body), {"syncRequestId": f"{number:014d}", "status": "OK"})
                self.assertEqual(headers["content-type"], JSON)
                self.assertRegex(headers["fn-fdk-version"], r"^sluice/\d")
                (record,) = self.land.ccs_received()[before:]
                self.assertIn(f"{number:014d}", json.dumps(record))

    def test_requests_through_a_trigger(self):
        address = f"/ic/api/integration/v1/flows/oracleutilities/{FLOW_ACK}/1.0/sendCustomerSyncAck"
        for url in ("http://gateway.example/t/app/ack?x=1", "https://gateway.example" + address,
                    "http://gateway.example"):
            with self.subTest(url=url):
                status, headers, body = self.agent.request(url=url, body=ack(21), headers={
                    "Content-Type": JSON})
                self.assertEqual((status, headers["content-type"]), (200, JSON), body)
                self.assertEqual(json.loads(body)["status"], "OK")
                self.assertIn("sluice-instance", headers)

    def test_what_a_caller_gets_wrong(self):
        cases = (({"method": "GET"}, 405), ({"body": b"{not json"}, 400), ({"body": b" " * 1000000}, 413),
                 ({"headers": {"Content-Type": "multipart/mixed; boundary=x"}}, 415),
                 ({"url": f"http://h/ic/api/integration/v1/flows/rest/{FLOW_FTP}/1.0/x"}, 404))
        for options, expected in cases:
            with self.subTest(options=options):
                status, headers, body = self.agent.request(**options)
                self.assertEqual(status, expected, body)
                self.assertEqual(json.loads(body)["o:errorCode"], str(expected))
                self.assertEqual(headers.get("allow"), "POST" if expected == 405 else None)

    def test_headers_up_to_what_the_agent_may_send(self):
        head = b"GET /call HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
        for more, said in ((0, "^HTTP/1.1 404 "), (1, "(?s)^HTTP/1.1 502 .*header is larger than 2 MiB")):
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(30)
                wire.connect(self.agent.path)
                wire.sendall(head.replace(b"X: ", b"X: " + b"y" * (HTTP_PLATFORM_HEADER_SIZE_MAX - len(head) + more)))
                self.assertRegex(wire.recv(65536).decode(), said)

    def test_cloud_events(self):
        event = {"specversion": "1.0", "id": "1", "source": "/dacs", "type": "ack"}
        for number, extra in ((31, {"data": dacs.acknowledgement(f"{31:014d}")}),
                              (32, {"data_base64": base64.b64encode(ack(32)).decode()})):
            kind, _, body, _ = self.agent.call(json.dumps({**event, **extra}).encode(),
                                               "application/cloudevents+json; charset=utf-8")
            self.assertEqual((kind, json.loads(body)["syncRequestId"]), ("ok", f"{number:014d}"))
        kind, _, body, _ = self.agent.call(ack(33), JSON, {
            "ce-specversion": "1.0", "ce-id": "3", "ce-source": "/d", "ce-type": "ack"})
        self.assertEqual(kind, "ok", body)
        kind, _, body, _ = self.agent.call(b"[]", "application/cloudevents-batch+json")
        self.assertEqual(kind, "failed")
        self.assertIn("send single events", json.loads(body)["detail"])

    def test_a_failed_flow_keeps_its_container(self):
        self.fault({"match": {"method": "PATCH"}, "times": 1, "action": "status", "status": 500})
        kind, _, body, _ = self.agent.call(ack(41), JSON)
        self.assertEqual(kind, "failed")
        self.assertIn("500", json.loads(body)["detail"])
        self.assertEqual(self.agent.call(ack(41), JSON)[0], "ok")
        line = self.ends()[0]
        self.assertEqual((line["level"], line["state"], line["trigger"]), ("warning", "FAILED", "fn"))
        self.assertRegex(line["instance"], r"^[\w-]{22}$")

    def test_a_deadline_stops_the_flow_in_time(self):
        self.fault({"match": {"method": "PATCH"}, "times": 1, "action": "delay", "seconds": 20})
        begun = time.monotonic()
        kind, _, body, _ = self.agent.call(ack(51), JSON, seconds=3)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual(kind, "late", body)
        self.assertEqual(self.agent.call(ack(52), JSON)[0], "ok")

    def test_a_deadline_that_has_passed(self):
        self.assertEqual(self.agent.call(ack(53), JSON, seconds=-5)[0], "late")
        self.assertEqual(self.agent.call(ack(54), JSON)[0], "ok")

    def test_a_secret_file_counts_at_its_next_use(self):
        before, ccs = self.land.connections, "OU REST CCS for CCS-DACS"
        self.addCleanup(self.land.write_connections, before)
        secrets = os.path.join(self.folder, "mounted")
        for version, password in (("1", "wrong-password"), ("2", SECRETS["CCS_PASSWORD"])):
            os.makedirs(os.path.join(secrets, version), exist_ok=True)
            with open(os.path.join(secrets, version, "ccs"), "w", encoding="ascii") as file:
                file.write(password)
        os.symlink("1", secrets + "/current")  # as Kubernetes mounts secrets: a link is renamed
        self.land.write_connections({**before, ccs: {**before[ccs], "password": {
            "credential": "ccs"}}})
        agent = self.start(FLOW_ACK, CREDENTIALS_DIRECTORY=secrets + "/current")
        kind, _, body, _ = agent.call(ack(55), JSON)
        self.assertEqual((kind, json.loads(body)["o:errorDetails"][0]["o:errorCode"]),
                         ("failed", "ccs_401"), body)
        os.symlink("2", secrets + "/next")
        os.rename(secrets + "/next", secrets + "/current")
        kind, _, body, _ = agent.call(ack(55), JSON)
        self.assertEqual(kind, "ok", body)

    def test_one_id_through_everything(self):
        longer = {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1"}
        for headers in ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, longer,
                        {**longer, "x-b3-traceid": SPAN, "traceparent": f"00-{TRACE}-{SPAN}-01"}):
            kind, fields, _, call_id = self.agent.call(ack(56), JSON, headers)
            self.assertEqual(kind, "ok")
            lines = [line for line in self.lines() if line.get("instance") == fields["sluice-instance"]]
            self.assertEqual({line["trace"] for line in lines}, {TRACE})
            self.assertIn(f"by call {call_id}", lines[0]["message"])
            self.assertEqual(lines[-1]["message"], "execution ended")
        status, fields, _ = self.agent.request(body=ack(57), headers={
            "traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1"})
        self.assertEqual((status, self.ends()[-1]["trace"]), (200, TRACE))
        self.assertEqual(self.ends()[-1]["instance"], fields["sluice-instance"])
        self.agent.call(ack(58), JSON, {"traceparent": "nonsense"})
        self.assertNotEqual(self.ends()[-1]["trace"], TRACE)

    def test_log_frames(self):
        _, _, _, call_id = self.agent.call(ack(61), JSON)
        text = self.said()
        self.assertEqual(text.count(f"\n{FRAME_NAME}={call_id}\n"), 2)  # both streams

    def test_the_largest_message_and_one_byte_more(self):
        limit = 262144  # input_bytes of the manifest
        self.assertEqual(self.agent.call(ack(71) + b" " * (limit - len(ack(71))), JSON)[0], "ok")
        kind, _, body, _ = self.agent.call(ack(72) + b" " * (limit + 1 - len(ack(72))), JSON)
        self.assertEqual(kind, "failed")
        self.assertIn(f"takes at most {limit}", json.loads(body)["detail"])
        kind, _, body, _ = self.agent.call(b" " * (4 * limit), JSON)
        self.assertEqual(kind, "failed")
        self.assertEqual(self.agent.call(ack(73), JSON)[0], "ok")


    def test_all_fields_that_the_agent_takes_of_a_caller(self):
        status, _, body = self.agent.request(body=ack(74), headers={
            f"X-{number}": "x" * 60000 for number in range(17)})  # 1 MiB
        self.assertEqual(status, 200, body)


class Platform(FnTest):
    def test_frozen_between_calls(self):
        for number in range(5):
            self.assertEqual(self.agent.call(ack(80 + number), JSON)[0], "ok")
            self.agent.freeze()
            if number % 2:
                self.agent.drop_idle()
            time.sleep(0.2)

    def test_nothing_works_between_calls(self):
        for number in range(3):
            self.assertEqual(self.agent.call(ack(90 + number), JSON)[0], "ok")
        time.sleep(0.5)  # the call's own threads come to rest
        before = self.agent.switches()
        time.sleep(2)
        self.assertEqual(self.agent.switches(), before)

    def test_few_threads_and_descriptors(self):
        for number in range(50):
            self.assertEqual(self.agent.call(ack(100 + number), JSON)[0], "ok")
            if number % 10 == 0:
                self.agent.drop_idle()
        tasks, descriptors = self.agent.usage()
        print(f"fn: {tasks} threads, {descriptors} descriptors after 50 calls")
        self.assertLess(tasks, PROCESSES_MAX // 4)
        self.assertLess(descriptors, OPEN_FILES_MAX // 4)

    def test_the_agents_other_requests_are_told_apart(self):
        with self.assertRaisesRegex(ContractError, "status 404"):
            self.agent.connection.request("POST", "/other", b"", {"Host": "localhost"})
            status = self.agent.connection.getresponse().status
            raise ContractError(f"status {status}")

    def test_the_socket_is_taken_over_and_removed(self):
        path, folder = self.agent.path, self.agent.folder
        self.agent.process.kill()
        self.agent.process.wait()
        self.assertTrue(os.path.islink(path))  # left by the killed one
        os.unlink(path)
        again = FnAgent(self.land.command("fn", FLOW_ACK), folder, self.land.environment(),
                        log=self.log)
        self.addCleanup(again.stop)
        self.assertEqual(again.call(ack(161), JSON)[0], "ok")
        self.assertEqual(again.stop(), 0)
        self.assertEqual(os.listdir(folder), [])

    def test_a_call_that_runs_is_asked_to_stop(self):
        self.fault({"match": {"method": "PATCH"}, "times": 1, "action": "delay", "seconds": 20})
        self.agent.connection.request("POST", "/call", ack(171), {"Host": "localhost"})
        deadline = time.monotonic() + 20
        while "started" not in self.said():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        begun = time.monotonic()
        self.agent.process.terminate()
        self.assertEqual(self.agent.connection.getresponse().status, 502)
        self.assertEqual(self.agent.process.wait(10), 0, self.said())
        self.assertLess(time.monotonic() - begun, 10)

    def test_cold_start(self):
        def start():
            with self.start(FLOW_ACK) as agent:
                self.assertEqual(agent.call(ack(181), JSON)[0], "ok")
                return time.monotonic() - agent.begun, processor_seconds(agent.process.pid)
        self.cold_start("fn, one acknowledgement relayed", start)


class Environment(ServerlessTest):
    settings = {"store": "memory"}

    def refuse(self, *flows, text, **environment):
        done = subprocess.run(self.land.command("fn", *flows), capture_output=True, text=True,
                              timeout=30, check=False,
                              env={**self.land.environment(), **environment})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(text, done.stderr)

    def test_what_the_agent_must_set(self):
        good = {"FN_FORMAT": "http-stream", "FN_LISTENER": f"unix:{self.folder}/lsnr.sock"}
        self.refuse(text="FN_FORMAT is not set")
        self.refuse(text="FN_FORMAT is 'json'; expected http-stream", **{**good, "FN_FORMAT": "json"})
        self.refuse(text="FN_LISTENER is not set", FN_FORMAT="http-stream")
        self.refuse(text="FN_LISTENER is no unix: address", **{**good, "FN_LISTENER": "/tmp/x"})
        self.refuse(text="at most 102 bytes", **{**good, "FN_LISTENER": "unix:/" + "x" * 102})
        self.refuse(text="cannot listen on '/nonexistent/phonyl.sock'",
                    **{**good, "FN_LISTENER": "unix:/nonexistent/l.sock"})
        self.refuse("customer_sync_akc", text="did you mean 'customer_sync_ack'?", **good)
        self.assertFalse(os.path.lexists(f"{self.folder}/lsnr.sock"))


class Callers(FnTest):
    settings = {"store": "memory"}

    def users_add(self, name, role):
        done = subprocess.run(self.land.command("users", "add", name, "--role", role),
                              input="a-password-of-it\n", capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def ask(self, name):
        token = base64.b64encode(f"{name}:a-password-of-it".encode()).decode()
        return self.agent.request(body=ack(201), headers={"Authorization": "Basic " + token})

    def test_callers_over_http_are_users(self):
        status, headers, _ = self.agent.request(body=ack(201))
        self.assertEqual(status, 401)
        self.assertEqual(headers["www-authenticate"], 'Basic realm="sluice", charset="UTF-8"')
        self.assertEqual(self.ask("late")[0], 401)
        self.users_add("late", "invoke")  # counts without a restart
        self.assertEqual(self.ask("late")[0], 200)
        self.users_add("reader", "monitor")
        self.assertEqual(self.ask("reader")[0], 403)
        self.assertEqual(self.agent.call(ack(202), JSON)[0], "ok")  # the platform's own call


class AllFlows(FnTest):
    flows = ()

    def setUp(self):
        super().setUp()
        self.land.empty_ftp()

    def ask(self, flow, **members):
        kind, _, body, _ = self.agent.call(json.dumps({"flow": flow, **members}).encode(), JSON)
        return kind, json.loads(body)

    def test_transfers(self):
        data = rows(5)
        self.land.put_ccs_ftp("C1-CONTACT-1.csv", data)
        kind, answer = self.ask(FLOW_FTP, parameters=PARAMETERS)
        self.assertEqual((kind, answer["state"]), ("ok", "COMPLETED"), answer)
        self.assertEqual(answer["files"]["transferred"], 1)
        self.assertEqual(self.land.dacs_ftp_files()["C1-CONTACT-1.csv"], data)
        self.assertIn("SENT-C1-CONTACT-1.csv", self.land.ccs_ftp_files())
        self.land.put_object(self.land.ccs_storage, "C1-CONTACT-2.csv", data)
        kind, answer = self.ask(FLOW_OS, parameters=PARAMETERS)
        self.assertEqual((kind, answer["files"]["transferred"]), ("ok", 1), answer)
        self.assertEqual(self.land.dacs_ftp_files()["C1-CONTACT-2.csv"], data)
        self.assertTrue(any("file 'C1-CONTACT-1.csv' transferred" in one["message"]
                            for one in self.lines()))
        tasks, descriptors = self.agent.usage()
        print(f"fn: {tasks} threads, {descriptors} descriptors after two transfers")
        self.assertLess(tasks, PROCESSES_MAX // 4)
        self.assertLess(descriptors, OPEN_FILES_MAX // 4)

    def test_a_transfer_that_fails_in_part(self):
        for name in ("C1-A.csv", "C1-B.csv"):
            self.land.put_ccs_ftp(name, rows(2))
        self.land.put_dacs_ftp("C1-B.csv", b"another")
        kind, answer = self.ask(FLOW_FTP, parameters=PARAMETERS)
        self.assertEqual((kind, answer["exit_status"]), ("failed", 3), answer)
        self.assertEqual(answer["files"]["not_transferred"], 1)

    def test_the_error_handler(self):
        before = len(self.land.mails())
        kind, answer = self.ask(ERROR_HANDLER, message={
            "integrationName": "A flow", "reason": "A reason", "detail": "A detail"})
        self.assertEqual((kind, answer["sent"]), ("ok", True))
        self.assertEqual(len(self.land.mails()), before + 1)

    def test_a_mail_that_cannot_be_sent_holds_up_nobody(self):
        connections, mail = self.land.connections, "OU SMTP for CCS-DACS"
        self.addCleanup(self.land.write_connections, connections)
        self.land.write_connections({**connections, mail: {**connections[mail], "port": 1}})
        kind, _, body, _ = self.start(ERROR_HANDLER).call(b'{"reason": "R"}', JSON)
        self.assertEqual(kind, "ok", body)
        self.assertTrue(any(one["message"].startswith("mails that were not sent: 1 for now")
                            for one in self.lines()), self.said())

    def test_the_common_transfers_take_a_file(self):
        data = rows(6)
        for flow in COMMON:
            kind, answer = self.ask(flow, message={"fileName": "x.csv"})
            self.assertEqual((kind, answer["o:errorCode"]), ("failed", "400"), answer)
            target = Target(self.land, flow)
            parts = body_of(target.json_part("by-request.csv"), part(data, "text/csv"))
            status, _, body = self.agent.request(url=f"https://g.example{target.path}", body=parts,
                                                 headers={"Content-Type": MULTIPART})
            self.assertEqual(status, 200, body)
            self.assertEqual(target.content("by-request.csv"), data)
            agent = self.start(flow)
            parts = body_of(target.json_part("by-call.csv"), part(data, "text/csv"))
            kind, _, body, _ = agent.call(parts, MULTIPART)
            self.assertEqual(kind, "ok", body)
            self.assertEqual(target.content("by-call.csv"), data)
            kind, _, body, _ = agent.call(parts[:-10], MULTIPART)
            self.assertEqual(kind, "failed")

    def test_files_up_to_what_platforms_let_in(self):
        target = Target(self.land, COMMON[0])
        empty = body_of(target.json_part("large.csv"), part(b"", "text/csv"))
        for more, expected in ((0, 200), (1, 413)):
            parts = body_of(target.json_part("large.csv"),
                            part(b"x" * (FUNCTION_BODY_SIZE_MAX - len(empty) + more), "text/csv"))
            status, _, body = self.agent.request(url=f"https://g.example{target.path}", body=parts,
                                                 headers={"Content-Type": MULTIPART})
            self.assertEqual(status, expected, body)
            self.land.empty_ftp()

    def test_parameters_from_the_schedule(self):
        with open(os.path.join(self.land.workspace, "schedules.json"), "w", encoding="utf-8") as file:
            json.dump({FLOW_FTP: {"recurrence": "FREQ=DAILY", "parameters": PARAMETERS}}, file)
        self.land.put_ccs_ftp("C1-LATER.csv", rows(1))
        agent = self.start(FLOW_FTP)
        kind, _, body, _ = agent.call()  # as a scheduler calls: with nothing
        self.assertEqual((kind, json.loads(body)["files"]["transferred"]), ("ok", 1), body)

    def test_events_that_are_not_usable(self):
        for data, text in ((b"{}", "names no flow"), (b'{"flow": "NONE"}', "no flow 'NONE'"),
                           (b'{"flow": 1}', '"flow" must be'),
                           (b'{"flow": "%s", "parameters": {"x": 1}}' % FLOW_FTP.encode(),
                            "must be text in quotes"),
                           (b'{"flow": "%s", "parameters": {"prefix": "x"}}' % FLOW_FTP.encode(),
                            "has no parameter 'prefix'"),
                           (b'{"flow": "%s", "parameters": ["x"]}' % FLOW_FTP.encode(),
                            "takes parameters: a JSON object"),
                           (b'{"flow": "x", "message": 1, "parameters": {}}', "exclude each other")):
            with self.subTest(data=data):
                kind, _, body, _ = self.agent.call(data, JSON)
                self.assertEqual(kind, "failed")
                self.assertIn(text, json.loads(body)["detail"])

    def test_one_that_is_not_offered(self):
        agent = self.start(FLOW_ACK, ERROR_HANDLER)
        kind, _, body, _ = agent.call(json.dumps({"flow": FLOW_FTP}).encode(), JSON)
        self.assertEqual(kind, "failed")
        self.assertIn(f"offered here: {ERROR_HANDLER}, {FLOW_ACK}", json.loads(body)["detail"])

    def test_idle_sessions_that_a_server_closed_while_frozen(self):
        """A login that was kept for the next call is gone when the container thaws."""
        for name in ("C1-ONE.csv", "C1-TWO.csv"):
            self.land.put_ccs_ftp(name, rows(1))
            kind, answer = self.ask(FLOW_FTP, parameters=PARAMETERS)
            self.assertEqual((kind, answer["files"]["transferred"]), ("ok", 1), answer)
            self.agent.freeze()
            self.drop_sessions()

    def drop_sessions(self):
        """Cuts the established TCP connections of the frozen process, as servers do with idle ones."""
        def established(*options):
            ports = {self.land.ccs_ftp.port, self.land.dacs_ftp.port, self.land.mail.port}
            chosen = " or ".join(f"dport = :{port}" for port in ports).split()
            return subprocess.run(["ss", "-Htn", *options, "state", "established", "(", *chosen, ")"],
                                  capture_output=True, text=True, check=True).stdout
        self.assertTrue(established(), "no session was kept")
        established("-K")
        if established():
            self.skipTest("needs root, and a kernel that can cut connections")


class Recorded(FnTest):
    """With a store on a volume: what was answered is there, and what was cut off goes on."""
    settings = {"callers": "platform"}
    flows = ()

    def setUp(self):
        super().setUp()
        self.land.empty_ftp()

    def test_what_was_answered_is_on_the_disk(self):
        for number in range(20):
            message = {"flow": FLOW_ACK, "message": dacs.acknowledgement(f"{300 + number:014d}")}
            kind, fields, _, _ = self.agent.call(json.dumps(message).encode(), JSON)
            self.agent.freeze()
            state, finished_ms = self.stored(fields["sluice-instance"])
            self.assertEqual((kind, state), ("ok", "COMPLETED"))
            self.assertGreater(finished_ms, 0)

    def test_a_transfer_that_was_cut_off_goes_on(self):
        large = b"x" * 100_000_000
        self.land.put_ccs_ftp("C1-A.csv", rows(1))
        self.land.put_ccs_ftp("C1-B.csv", large)
        message = json.dumps({"flow": FLOW_FTP, "parameters": PARAMETERS}).encode()
        self.agent.connection.request("POST", "/call", message, {"Host": "localhost"})
        target = self.land.dacs_ftp.home + TARGET_FOLDER
        deadline = time.monotonic() + 60
        while not any(name.endswith(".part") for name in os.listdir(target)):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)
        self.agent.process.kill()
        self.agent.process.wait()
        kind, _, body, _ = self.start().call(message, JSON, seconds=120)
        self.assertEqual((kind, json.loads(body)["files"]["transferred"]), ("ok", 0), body)
        self.assertEqual(self.land.dacs_ftp_files(), {"C1-A.csv": rows(1), "C1-B.csv": large})
        resumed, new = self.ends()
        self.assertEqual((resumed["state"], resumed["files_transferred"]), ("COMPLETED", 2))
        self.assertEqual((new["state"], new.get("files_found")), ("COMPLETED", None))
        self.assertEqual(self.stored(resumed["instance"])[0], "COMPLETED")

    def test_an_error_handler_that_was_cut_off_goes_on(self):
        before = len(self.land.mails())
        connections = self.land.connections
        self.addCleanup(self.land.write_connections, connections)
        mail = "OU SMTP for CCS-DACS"
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        self.land.write_connections({**connections, mail: {
            **connections[mail], "port": silent.getsockname()[1]}})
        agent = self.start(ERROR_HANDLER)
        agent.connection.request("POST", "/call", b'{"reason": "R1"}', {"Host": "localhost"})
        silent.accept()[0].close()
        agent.process.kill()
        agent.process.wait()
        self.land.write_connections(connections)
        kind, _, body, _ = self.start(ERROR_HANDLER).call(b'{"reason": "R2"}', JSON)
        self.assertEqual(kind, "ok", body)
        self.assertEqual(len(self.land.mails()), before + 2)


if __name__ == "__main__":
    ServerlessTest.program = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

# SPDX-License-Identifier: MIT
"""AWS Lambda's Runtime API as a function sees it, written from its description (docs.aws.amazon.com:
"Using the Lambda runtime API", "Building a custom runtime", "Response streaming for custom runtimes",
"Payload format version 2.0").

Starts a function, hands it one event at a time, freezes it while it waits for the next (SIGSTOP), holds
its answers against the contract, and turns them into what a caller of a function URL would get.
"""
import base64
import collections
import http.server
import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid

from common import end_process

VERSION = "/2018-06-01/runtime/"
ANSWER_MAX = 6 * 1024 * 1024 + 100
STREAM_TYPE = "application/vnd.awslambda.http-integration-response"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:sluice"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

# kind: "answer", "error", "init error"; fields in lower case
Outcome = collections.namedtuple("Outcome", "kind fields body streamed")


class ContractError(AssertionError):
    """The function did what the service does not allow; the text says what."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.runtime.connections.add(self.client_address)
        if self.path != VERSION + "invocation/next":
            return self.reply(404, b"{}")
        event = self.server.runtime.wait_for_event()
        if event is None:
            self.close_connection = True
            return None
        fields, body = event
        return self.reply(200, body, fields)

    def do_POST(self):
        self.server.runtime.connections.add(self.client_address)
        body = self.read_body()
        status, answer = self.server.runtime.take(self.path, self.headers, body)
        return self.reply(status, json.dumps(answer).encode())

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return data

    def reply(self, status, body, fields=None):
        self.send_response(status)
        for name, value in (fields or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class LambdaRuntime:
    """command: what stands in bootstrap; environment: further variables."""

    def __init__(self, command, environment=None, log=None, preexec=None):
        self.events, self.outcomes = queue.Queue(), queue.Queue()
        self.waiting = threading.Event()
        self.connections, self.in_flight, self.problems = set(), None, []
        self.frozen, self.answer_max = False, ANSWER_MAX
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.runtime = self
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=preexec,
            env={**(environment or {}), "_HANDLER": "bootstrap", "AWS_LAMBDA_FUNCTION_NAME": "sluice",
                 "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_REGION": "eu-central-1"})

    # ---- the service's side -----------------------------------------------------------------------

    def wait_for_event(self):
        if self.in_flight:
            self.problems.append("asked for an event before the last one was answered")
        self.waiting.set()
        event = self.events.get()
        self.waiting.clear()
        if event is None:
            return None
        request_id, body, seconds = event
        self.in_flight = request_id
        return {"Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": ARN, "Lambda-Runtime-Trace-Id": TRACE}, body

    def take(self, path, fields, body):
        fields = {name.lower(): value for name, value in fields.items()}
        if path == VERSION + "init/error":
            self.outcomes.put(Outcome("init error", fields, self.check_error(fields, body), False))
            return 202, {"status": "OK"}
        parts = path.removeprefix(VERSION).split("/")
        if len(parts) != 3 or parts[0] != "invocation" or parts[2] not in ("response", "error"):
            self.problems.append(f"posted to {path}")
            return 404, {"errorType": "NotFound", "errorMessage": path}
        if parts[1] != self.in_flight:
            self.problems.append(f"answered {parts[1]}, which is not under way")
            return 400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}
        streamed = fields.get("lambda-runtime-function-response-mode") == "streaming"
        if parts[2] == "response" and not streamed and len(body) > self.answer_max:
            return 413, {"errorType": "RequestEntityTooLarge", "errorMessage": "too large"}
        if parts[2] == "error":
            body = self.check_error(fields, body)
        self.in_flight = None
        self.outcomes.put(Outcome("answer" if parts[2] == "response" else "error", fields, body,
                                  streamed))
        return 202, {"status": "OK"}

    def check_error(self, fields, body):
        error = json.loads(body)
        if set(error) != {"errorMessage", "errorType", "stackTrace"}:
            self.problems.append(f"an error has the members {sorted(error)}")
        if fields.get("lambda-runtime-function-error-type") != error["errorType"]:
            self.problems.append("the error's type differs between header and body")
        return error

    # ---- the caller's side ------------------------------------------------------------------------

    def outcome(self, timeout=60):
        outcome = self.outcomes.get(timeout=timeout)
        if self.problems:
            raise ContractError("; ".join(self.problems))
        return outcome

    def invoke(self, event, seconds=30, timeout=60):
        """event: a value, or bytes as they are. Gives the Outcome."""
        self.thaw()
        self.events.put((str(uuid.uuid4()),
                         event if isinstance(event, bytes) else json.dumps(event).encode(), seconds))
        return self.outcome(timeout)

    def request(self, method="POST", path="/", body=b"", headers=None, **options):
        """A request to a function URL, as its caller sees it: (status, fields, body)."""
        event = request_event(method, path, body, headers, **{
            name: options.pop(name) for name in ("authorizer", "stage", "as_base64") if name in options})
        return self.answer_of(self.invoke(event, **options))

    @staticmethod
    def answer_of(outcome):
        if outcome.kind != "answer":
            return 502, {}, json.dumps(outcome.body).encode()
        if outcome.streamed:
            if outcome.fields.get("content-type") != STREAM_TYPE:
                raise ContractError(f"a streamed answer of type {outcome.fields.get('content-type')}")
            if outcome.fields.get("transfer-encoding") != "chunked":
                raise ContractError("a streamed answer that is not chunked")
            prelude, _, body = outcome.body.partition(b"\0" * 8)
            answer = json.loads(prelude)
        else:
            answer = json.loads(outcome.body)
            if "statusCode" not in answer:
                return 200, {"content-type": "application/json"}, outcome.body
            body = answer.get("body", "").encode()
            if answer.get("isBase64Encoded"):
                body = base64.b64decode(body, validate=True)
        return (answer["statusCode"],
                {name.lower(): value for name, value in answer.get("headers", {}).items()}, body)

    # ---- the process ------------------------------------------------------------------------------

    def freeze(self):
        """As between two invocations: only once it waits for the next one."""
        if not self.waiting.wait(30):
            raise ContractError("does not ask for the next event")
        os.kill(self.process.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            os.kill(self.process.pid, signal.SIGCONT)
        self.frozen = False

    def stop(self, seconds=10):
        self.thaw()
        end_process(self.process, seconds)
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def request_event(method, path, body, headers, authorizer=None, stage="$default", as_base64=None):
    """What the gateway makes of a request. Bodies that are not text arrive in base64."""
    raw_path, _, query = path.partition("?")
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = "", True
    if as_base64 is not None:
        encoded = as_base64
    if encoded:
        text = base64.b64encode(body).decode()
    event = {
        "version": "2.0", "routeKey": "$default",
        "rawPath": raw_path if stage == "$default" else f"/{stage}{raw_path}", "rawQueryString": query,
        "cookies": ["session=cookie-of-a-caller"],
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {
            "accountId": "anonymous", "apiId": "abcdefghij", "domainName": "abcdefghij.example",
            "domainPrefix": "abcdefghij", "requestId": str(uuid.uuid4()), "routeKey": "$default",
            "stage": stage, "time": "24/Nov/2026:02:37:00 +0000", "timeEpoch": 1795487820000,
            "http": {"method": method, "path": raw_path, "protocol": "HTTP/1.1",
                     "sourceIp": "192.0.2.7", "userAgent": "test"}},
        "body": text, "isBase64Encoded": encoded}
    if authorizer:
        event["requestContext"]["authorizer"] = authorizer
    return event

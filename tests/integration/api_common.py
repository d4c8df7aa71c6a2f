# SPDX-License-Identifier: MIT
"""A server for tests of the developer API, and a client that holds every answer against the OpenAPI
document that the server itself gives out: its status must be described, its body must fit the schema.
"""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import jsonschema

HERE = os.path.dirname(os.path.realpath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import dacs  # noqa: E402
from common import PeerProcess, read_records  # noqa: E402

BASE = "/ic/api/integration/v1"
ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
SYNC_FTP = "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
SYNC_OS = "OUTL-BA-CCS_DACS_CUST_SYNC_OS"
ERROR_HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
VERSION = "01.23.3000"
CONFIG = "OUTL-BRT-CCS_DACS_ConfigProps"
EMAIL = "OUTL-BRT-CCS_DACS_Email_ID"
CCS = "OU REST CCS for CCS-DACS"
USERS = {"admin": ("admin-api-secret", "administer"), "eyes": ("monitor-api-secret", "monitor"),
         "dacs": ("invoke-api-secret", "invoke")}
CCS_PASSWORD = "ccs-rest-secret"
FTP_PASSWORD = "ccs-ftp-secret"
MISBEHAVE = {
    "identifier": "MISBEHAVE", "name": "Misbehave", "version": "01.00.0000",
    "trigger": {"type": "rest", "path": "/misbehave"}, "lookups": [], "durability": "tracked",
    "grants": [{"capability": "flow", "connection": "OU REST OIC for CCS-DACS",
                "operations": ["MISBEHAVE"]}],
    "limits": {"memory_mib": 2, "cpu_ms": 120000, "wall_s": 120, "import_calls": 100000,
               "log_lines": 5, "input_bytes": 4096}}
PATIENCE_SECONDS = 120


class Program:
    """Paths that the test script was given."""
    sluice = translate = nothing = misbehave = None


def credentials(user):
    word = f"{user}:{USERS[user][0]}"
    return {"Authorization": "Basic " + base64.b64encode(word.encode()).decode()}


def flow_id(code, version=VERSION):
    return f"{code}%7C{version}"


def quote(text):
    return urllib.parse.quote(text, safe="")


def form(name, data, field="file"):
    """Headers and body of multipart/form-data with one file, and the field `type` that scripts send."""
    boundary = "----test-boundary-7d93"
    body = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n"
            f"application/octet-stream\r\n--{boundary}\r\nContent-Disposition: form-data; "
            f"name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            ).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def embed(module, manifest, output):
    """Writes module with that manifest (a dictionary) to output."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(manifest, file)
        file.flush()
        subprocess.run([Program.translate, module, "--embed", file.name, "--output", output],
                       check=True, timeout=120)


def manifest(identifier, version="01.00.0000", **members):
    return {"identifier": identifier, "name": identifier, "version": version,
            "trigger": {"type": "rest", "path": "/go"}, "grants": [], "lookups": [],
            "durability": "tracked",
            "limits": {"memory_mib": 2, "cpu_ms": 400, "wall_s": 20, "import_calls": 100,
                       "log_lines": 5, "input_bytes": 4096}, **members}


class Document:
    """The OpenAPI document as a judge of answers."""

    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver.from_schema(document)
        self.paths = [(re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part)
                                          for part in re.split(r"(\{[^}]+\})", path)) + "/?$"),
                       path.count("{"), operations)
                      for path, operations in document["paths"].items()]
        self.called = set()

    def operation(self, method, path):
        found = [(count, operations) for pattern, count, operations in self.paths
                 if pattern.match(path)]
        if not found:
            return None
        operations = min(found, key=lambda one: one[0])[1]
        return operations.get("get" if method == "HEAD" else method.lower())

    def check(self, method, path, status, content_type, body):
        operation = self.operation(method, path.split("?")[0])
        if operation is None:
            assert status in (401, 404, 405), (method, path, status)
            return
        self.called.add(operation["operationId"])
        responses = operation["responses"]
        assert str(status) in responses, f"{operation['operationId']}: {status} is not described: {body}"
        content = responses[str(status)].get("content")
        if method == "HEAD" or content is None:
            assert not body, f"{operation['operationId']}: {status} has a body: {body}"
            return
        assert content_type in content, f"{operation['operationId']}: {content_type} not in {content}"
        if content_type == "application/json":
            jsonschema.Draft4Validator(content[content_type]["schema"],
                                       resolver=self.resolver).validate(json.loads(body))


class ApiTest(unittest.TestCase):
    """One server for all tests of a class; its functions folder is the workspace's own."""
    extra_flows = ()  # (module, manifest, file name)
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-api-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.workspace = os.path.join(cls.folder, "workspace")
        cls.ccs_root = os.path.join(cls.folder, "ccs")
        os.mkdir(cls.ccs_root)
        cls.ccs = PeerProcess("ccs.py", "--root", cls.ccs_root, "--user", "integration",
                              "--password", CCS_PASSWORD, *cls.ccs_arguments())
        cls.addClassCleanup(cls.ccs.stop)
        cls.prepare()
        cls.start()

    @classmethod
    def ccs_arguments(cls):
        return ()

    @classmethod
    def prepare(cls):
        cls.sluice("init", cls.workspace, alone=True)
        functions = os.path.join(cls.workspace, "functions")
        shutil.copytree(os.path.join(REPOSITORY, "wasm-out"), functions)
        for module, manifest, name in cls.extra_flows:
            embed(module(), manifest, os.path.join(functions, name))
        cls.write("sluice.json", {"functions": "functions", **cls.settings})
        cls.connections = cls.default_connections()
        cls.write("connections.json", cls.connections)
        for user, (password, role) in USERS.items():
            cls.sluice("users", "add", user, "--role", role, text=password + "\n")

    @classmethod
    def default_connections(cls):
        ftp = {"type": "ftp", "host": "localhost", "port": 1, "tls": "none", "user": "ccs",
               "password": {"env": "CCS_FTP_PASSWORD"}, "connect_timeout_s": 5, "settle_ms": 0}
        return {
            CCS: {"type": "rest", "url": f"http://127.0.0.1:{cls.ccs.port}/ouaf", "auth": "basic",
                  "user": "integration", "password": {"env": "CCS_PASSWORD"}, "retry": {"attempts": 1}},
            "OU FTP CCS for CCS-DACS": ftp,
            "OU REST OIC for CCS-DACS": {"type": "local"},
            "OU SMTP for CCS-DACS": {"type": "smtp", "host": "localhost", "port": 1, "tls": "none",
                                     "disabled": True}}

    @classmethod
    def write(cls, name, value):
        with open(os.path.join(cls.workspace, name), "w", encoding="utf-8") as file:
            json.dump(value, file, indent=4)

    @classmethod
    def environment(cls):
        return {**os.environ, "CCS_PASSWORD": CCS_PASSWORD, "CCS_FTP_PASSWORD": FTP_PASSWORD}

    @classmethod
    def sluice(cls, *arguments, text="", alone=False, expect=0):
        command = [Program.sluice] + ([] if alone else ["-w", cls.workspace])
        done = subprocess.run([*command, *arguments], input=text, capture_output=True, text=True,
                              env=cls.environment(), timeout=120, check=False)
        if done.returncode != expect:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    @classmethod
    def start(cls):
        cls.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        cls.addClassCleanup(cls.log.close)
        cls.process = subprocess.Popen(
            [Program.sluice, "-w", cls.workspace, "serve", "--listen", "127.0.0.1:0"],
            env=cls.environment(), stdout=subprocess.PIPE, stderr=cls.log, text=True)
        cls.addClassCleanup(cls.end)
        line = cls.process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(cls.said())
        cls.port = int(line.rpartition(":")[2])
        _, _, body = cls.exchange("GET", BASE + "/openapi.json", user="dacs")
        cls.document = Document(json.loads(body))

    @classmethod
    def end(cls):
        if cls.process.poll() is None:
            cls.process.send_signal(signal.SIGTERM)
            cls.process.wait(timeout=60)
        cls.process.stdout.close()
        said = cls.said()
        assert "its table does not say" not in said, said
        assert cls.process.returncode == 0, (cls.process.returncode, said)

    @classmethod
    def said(cls):
        cls.log.seek(0)
        text = cls.log.read()
        for secret in [word for word, _ in USERS.values()] + [CCS_PASSWORD, FTP_PASSWORD]:
            assert secret not in text, text
        return text

    # ---- the client ------------------------------------------------------------------------------

    @classmethod
    def exchange(cls, method, path, body=None, headers=None, user="admin"):
        connection = http.client.HTTPConnection("127.0.0.1", cls.port, timeout=120)
        try:
            connection.request(method, path, body, {**(credentials(user) if user else {}),
                                                    **(headers or {})})
            answer = connection.getresponse()
            fields = {key.lower(): value for key, value in answer.getheaders()}
            return answer.status, fields, answer.read()
        finally:
            connection.close()

    def ask(self, method, path, body=None, headers=None, user="admin", expect=200):
        """The decoded answer (JSON, else bytes); its form is checked against the document."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        status, self.fields, data = self.exchange(method, BASE + path, body, headers, user)
        self.assertEqual(status, expect, (method, path, data))
        content_type = self.fields.get("content-type", "").split(";")[0]
        self.document.check(method, BASE + path, status, content_type, data)
        for secret in [word for word, _ in USERS.values()] + [CCS_PASSWORD, FTP_PASSWORD]:
            self.assertNotIn(secret.encode(), data)
        if not data or content_type != "application/json":
            return data
        return json.loads(data)

    def patch(self, path, body, **options):
        """As OIC's clients do it."""
        return self.ask("POST", path, body, {"X-HTTP-Method-Override": "PATCH"}, **options)

    def upload(self, method, path, name, data, **options):
        headers, body = form(name, data)
        return self.ask(method, path, body, headers, **options)

    def detail(self, *arguments, **options):
        """The sentence of a fault."""
        return self.ask(*arguments, **options)["detail"]

    def send_ack(self, number, expect=200):
        status, fields, data = self.exchange(
            "POST", f"{BASE}/flows/rest/{ACK}/1.0/sendCustomerSyncAck",
            json.dumps(dacs.acknowledgement(f"{number:014d}", True)), user="dacs")
        self.assertEqual(status, expect, data)
        return fields.get("sluice-instance")

    def received(self, number):
        return sum(f"{number:014d}" in json.dumps(one)
                   for one in read_records(os.path.join(self.ccs_root, "received.jsonl")))

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            value = condition()
            if value:
                return value
            self.assertLess(time.monotonic(), deadline, f"{what}\n{self.said()}")
            time.sleep(0.05)

    def reload(self):
        """Files of the workspace again, and waits until the server has read them."""
        before = self.said().count("schedules.json")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.said().count("schedules.json") > before, "no reload")

    def point_ccs(self, url):
        """Another address for CCS, as somebody who edits connections.json."""
        self.connections[CCS]["url"] = url
        self.write("connections.json", self.connections)
        self.reload()

    def fail_acks(self, *numbers):
        """Failed acknowledgements; CCS is where it was afterwards."""
        good = self.connections[CCS]["url"]
        self.point_ccs("http://127.0.0.1:1/ouaf")
        try:
            return [self.send_ack(number, expect=503) for number in numbers]
        finally:
            self.point_ccs(good)


def q(text):
    return "q=" + quote("{" + text + "}")


class MonitoringTest(ApiTest):
    def items(self, path, **options):
        return self.ask("GET", path, **options)["items"]

    def ids(self, query):
        return [one["id"] for one in self.items(f"/monitoring/instances?{query}")]

    def errors(self):
        return [one["id"] for one in self.items("/monitoring/errors?" + q("timewindow:'1d'"))]


def main(argv):
    """argv: script, SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm, then unittest's."""
    (Program.sluice, Program.translate, Program.nothing,
     Program.misbehave) = map(os.path.abspath, argv[1:5])
    unittest.main(module="__main__", argv=argv[:1] + argv[5:])

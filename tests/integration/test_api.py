# SPDX-License-Identifier: MIT
"""The developer API through the real program: integrations, schedules, connections.

Usage: test_api.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import json
import os
import stat
import sys

import api_common
from api_common import ACK, BASE, CCS, SYNC_FTP, SYNC_OS, VERSION, ApiTest, flow_id, form, quote

FTP = "OU FTP CCS for CCS-DACS"
API_JSON_SIZE_MAX, API_LIMIT_MAX, API_OFFSET_MAX = 256 << 10, 1000, 100000  # api_call.h
PEM = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"


class Router(ApiTest):
    def test_who_may_call(self):
        for user, expect in (("eyes", 200), ("admin", 200), ("dacs", 403)):
            self.ask("GET", "/lookups", user=user, expect=expect)
        for user in ("eyes", "dacs"):
            self.assertIn("administer", self.detail("POST", f"/connections/{quote(CCS)}/test",
                                                    user=user, expect=403))
        status, fields, _ = self.exchange("GET", BASE + "/lookups", user=None)
        self.assertEqual(status, 401)
        self.assertIn("www-authenticate", fields)

    def test_what_is_not_there(self):
        for path in ("/nothing", "/lookups/x/y/z", "/", "/integrations/%00", "/integrations/%zz",
                     "/integrations//schedule", "/lookups%2Farchive/x/y"):
            status, _, body = self.exchange("GET", BASE + path)
            self.assertEqual(status, 404, (path, body))
            self.assertIn("detail", json.loads(body))

    def test_methods(self):
        for method, path, allow in (("DELETE", "/lookups", "GET, HEAD"),
                                    ("GET", "/lookups/archive", "POST, PUT"),
                                    ("PUT", f"/connections/{quote(CCS)}", "GET, HEAD, PATCH, POST, DELETE"),
                                    ("GET", "/monitoring/errors/resubmit", "POST")):
            status, fields, body = self.exchange(method, BASE + path)
            self.assertEqual(status, 405, (path, body))
            self.assertEqual(sorted(fields["allow"].split(", ")), sorted(allow.split(", ")))
        self.assertEqual(self.ask("HEAD", "/lookups"), b"")
        self.assertIn("only PATCH", self.detail(
            "POST", f"/integrations/{flow_id(ACK)}", {}, {"X-HTTP-Method-Override": "PUT"}, expect=400))

    def test_what_clients_of_oic_send(self):
        """A bar as it is, a slash at the end, Gen 3's argument, PATCH in three ways."""
        for path in (f"/integrations/{ACK}|{VERSION}", f"/integrations/{flow_id(ACK)}/",
                     f"/integrations/{flow_id(ACK)}?integrationInstance=x&unknown=y",
                     f"/integrations/{flow_id(ACK, '01.23')}"):
            self.assertEqual(self.ask("GET", path)["code"], ACK)
        for method, headers in (("PATCH", {}), ("POST", {"X-HTTP-Method-Override": "PATCH"}),
                                ("POST", {})):
            answer = self.ask(method, f"/integrations/{flow_id(ACK)}",
                              {"tracingEnabledFlag": False}, headers)
            self.assertEqual(answer["tracingLevel"], "production")

    def test_arguments_are_checked(self):
        for argument, complaint in (("limit=0", "limit"), (f"limit={API_LIMIT_MAX + 1}", "1 to 1000"),
                                    (f"offset={API_OFFSET_MAX + 1}", "100000"), ("limit=x", "limit"),
                                    ("q=%7Bname:'%FF'%7D", "'q'"), ("q=" + "x" * 2048, "2047 bytes"),
                                    ("q=%7Bfoo:1%7D", "'foo' is not known"), ("q=%7B", "a key")):
            self.assertIn(complaint, self.detail("GET", f"/integrations?{argument}", expect=400))
        for limit in (1, API_LIMIT_MAX):
            self.assertEqual(self.ask("GET", f"/lookups?limit={limit}")["limit"], limit)
        self.assertEqual(self.ask("GET", f"/lookups?offset={API_OFFSET_MAX}")["items"], [])

    def test_bodies_are_checked(self):
        path = f"/integrations/{flow_id(ACK)}"
        json_type = {"Content-Type": "application/json"}
        for body, headers, expect, complaint in (
                ("", json_type, 400, "is expected"), ("{", json_type, 400, "body:1:"),
                ("[]", json_type, 400, "object"), ('{"status": 1}', json_type, 400, '"status" must be text'),
                ('{"stat": "x"}', json_type, 400, 'did you mean "status"'),
                ('{"status": "ACTIVE"}', json_type, 400, "ACTIVATED"), ("{}", json_type, 400, "nothing"),
                ('{"status": "x"}', {"Content-Type": "text/plain"}, 415, "application/json"),
                ("{}".ljust(API_JSON_SIZE_MAX), json_type, 400, "nothing"),
                ("{}".ljust(API_JSON_SIZE_MAX + 1), json_type, 413, "262144")):
            with self.subTest(body=body[:40]):
                self.assertIn(complaint, self.detail("PATCH", path, body, headers, expect=expect))

    def test_pages_of_other_sites_change_nothing(self):
        path = f"/integrations/{flow_id(ACK)}"
        self.assertIn("another site", self.detail(
            "PATCH", path, {"tracingEnabledFlag": False}, {"Origin": "https://evil.example"}, expect=403))
        self.ask("PATCH", path, {"tracingEnabledFlag": False},
                 {"Origin": f"http://127.0.0.1:{self.port}"})

    def test_changes_are_recorded(self):
        self.ask("DELETE", "/lookups/NOBODY", expect=404)
        self.sluice("lookups", "list")
        records = self.wait_for(lambda: self.ask(
            "GET", "/monitoring/auditRecords?q=" + quote("{action:'deleteLookup'}"), user="eyes")["items"],
            "no record")
        self.assertEqual((records[0]["actor"], records[0]["itemName"], records[0]["outcome"]),
                         ("admin", "/lookups/NOBODY", "refused"))


class Integrations(ApiTest):
    def state(self, code=ACK):
        return self.ask("GET", f"/integrations/{flow_id(code)}/activationStatus")["status"]

    def test_the_list(self):
        page = self.ask("GET", "/integrations?limit=2")
        self.assertEqual((page["totalResults"], page["hasMore"], len(page["items"])), (6, True, 2))
        rest = self.ask("GET", "/integrations?limit=100&offset=4")
        self.assertEqual((rest["hasMore"], len(rest["items"])), (False, 2))
        (one,) = self.ask("GET", "/integrations?q=" + quote(f"{{code:'{ACK}', status:'ACTIVATED'}}"))["items"]
        self.assertEqual((one["id"], one["style"]), (f"{ACK}|{VERSION}", "FREEFORM"))
        self.assertIn("did you mean", self.detail("GET", f"/integrations/{flow_id(ACK + 'X')}", expect=404))

    def test_the_list_is_filtered_and_ordered(self):
        everything = self.ask("GET", "/integrations")["items"]
        names = [one["name"] for one in everything]
        some = [name for name in names if "transfer" in name.lower()]
        for filter_text, wanted in (("{name: /transfer/}", some), (f"{{name:'{names[0]}'}}", names[:1]),
                                    (f"{{name:'{names[0][:-1]}'}}", []), ("{}", names),
                                    ("{name : /Transfer/, status : 'ACTIVATED'}", some),
                                    ("{status:'INPROGRESS'}", [])):
            items = self.ask("GET", "/integrations?q=" + quote(filter_text))["items"]
            self.assertEqual(sorted(one["name"] for one in items), sorted(wanted), filter_text)
        items = self.ask("GET", "/integrations?q={name:/Transfer/}")["items"]  # braces as they are
        self.assertEqual([one["name"] for one in items], some)
        self.assertIn("ACTIVATED, CONFIGURED", self.detail(
            "GET", "/integrations?q=" + quote("{status:'ACTIVE'}"), expect=400))
        self.assertEqual([one["name"] for one in self.ask("GET", "/integrations?orderBy=name")["items"]],
                         sorted(names))
        path = f"/integrations/{flow_id(SYNC_OS)}"
        self.patch(path, {"status": "CONFIGURED"})
        self.assertEqual(self.ask("GET", "/integrations?orderBy=time&limit=1")["items"][0]["code"], SYNC_OS)
        self.assertIn("name, time", self.detail("GET", "/integrations?orderBy=code", expect=400))

    def test_activation(self):
        path = f"/integrations/{flow_id(ACK)}"
        self.assertEqual(self.state(), "ACTIVATED")
        self.assertEqual(self.patch(path, {"status": "CONFIGURED"})["status"], "CONFIGURED")
        self.assertIn("not active", self.detail(
            "PATCH", path, {"status": "CONFIGURED"}, expect=412))
        self.send_ack(900, expect=404)
        answer = self.patch(path + "?enableAsyncActivationMode=true",
                            {"status": "ACTIVATED", "tracingEnabledFlag": True,
                             "payloadTracingEnabledFlag": True})
        self.assertEqual((answer["status"], answer["tracingLevel"], answer["lastUpdatedBy"]),
                         ("ACTIVATED", "debug", "admin"))
        self.send_ack(901)
        self.patch(path, {"status": "ACTIVATED"}, expect=412)
        self.assertEqual(self.patch(path, {"tracingEnabledFlag": True})["tracingLevel"], "audit")

    def test_what_keeps_a_flow_from_being_activated_is_told(self):
        path = f"/integrations/{flow_id(SYNC_FTP)}"
        self.patch(path, {"status": "CONFIGURED"})
        detail = self.patch(path, {"status": "ACTIVATED"}, expect=412)["detail"]
        self.assertIn("'OU FTP CCS for CCS-DACS': ", detail)
        self.assertIn("'OU SMTP for CCS-DACS': ", detail)
        self.assertIn("is disabled", detail)
        self.assertEqual(self.state(SYNC_FTP), "CONFIGURED")


class Schedules(ApiTest):
    path = f"/integrations/{flow_id(SYNC_FTP)}/schedule"
    definition = {"name": "nightly", "icalExpression": "FREQ=DAILY;BYHOUR=2;", "scheduleTZ": "Asia/Calcutta",
                  "startDate": "1/20/2030|13:12:00", "endDate": "1/30/2031|13:12:00",
                  "parameters": [{"name": "extractedFileNamePrefix", "value": "C1-"}]}

    def test_a_schedule_is_defined_started_and_stopped(self):
        self.ask("GET", self.path, expect=404)
        self.ask("POST", self.path + "/stop", expect=412)
        self.ask("PUT", self.path, self.definition, expect=404)
        self.assertIn("no parameter 'prefix'", self.detail("POST", self.path, {
            **self.definition, "parameters": [{"name": "prefix", "value": "x"}]}, expect=400))
        defined = self.ask("POST", self.path, self.definition)
        self.assertEqual((defined["state"], defined["startDate"], defined["icalExpression"]),
                         ("STOPPED", "01/20/2030|13:12:00", "FREQ=DAILY;BYHOUR=2;"))
        self.assertTrue(defined["nextRun"].startswith("2030-01-20T20:42:00"), defined["nextRun"])
        self.ask("POST", self.path, self.definition, expect=409)
        self.assertEqual(self.ask("POST", self.path + "/start")["state"], "STARTED")
        self.ask("POST", self.path + "/start", expect=412)
        self.assertIn("schedule", self.patch(f"/integrations/{flow_id(SYNC_FTP)}",
                                             {"status": "CONFIGURED"}, expect=412)["detail"])
        self.assertEqual(self.ask("POST", self.path + "/pause")["state"], "PAUSED")
        self.assertEqual(self.ask("POST", self.path + "/resume?async=true", expect=202)["state"], "STARTED")
        self.assertEqual(self.ask("POST", self.path + "/stop", {"action": "NOW"})["state"], "STOPPED")
        changed = self.ask("PUT", self.path, {
            "frequency": {"frequencyType": "MINUTELY", "interval": 65},
            "parameters": self.definition["parameters"]})
        self.assertEqual((changed["icalExpression"], changed["scheduleTZ"], changed["state"]),
                         ("FREQ=MINUTELY;INTERVAL=65", "UTC", "STOPPED"))

    def test_the_simple_form(self):
        path = f"/integrations/{flow_id(SYNC_OS)}/schedule"
        start = {"startDate": "2030-01-20T06:30", "parameters": self.definition["parameters"]}
        self.ask("POST", path, {**start, "frequency": {"frequencyType": "ONCE"}})
        for frequency, rule in (
                ({"frequencyType": "ONCE"}, "FREQ=DAILY;COUNT=1"),
                ({"frequencyType": "WEEKLY", "daysOfWeek": ["MONDAY", "friday"]}, "FREQ=WEEKLY;BYDAY=MO,FR"),
                ({"frequencyType": "MONTHLY", "datesOfMonth": ["1", "-1"]}, "FREQ=MONTHLY;BYMONTHDAY=1,-1"),
                ({"frequencyType": "YEARLY", "monthsOfYear": ["MARCH"], "interval": 2},
                 "FREQ=YEARLY;INTERVAL=2;BYMONTH=3")):
            answer = self.ask("PUT", path, {**start, "frequency": frequency})
            self.assertEqual(answer["icalExpression"], rule)
        for body, complaint in (({}, "icalExpression or frequency"),
                                ({"frequency": {"frequencyType": "ONCE"}}, "startDate"),
                                ({"frequency": {"frequencyType": "OFTEN"}}, "one of"),
                                ({"frequency": {"frequencyType": "WEEKLY", "daysOfWeek": ["MO"]}}, "'MO'"),
                                ({"icalExpression": "FREQ=DAILY;BYHOUR=24"}, "BYHOUR=24"),
                                ({"icalExpression": "FREQ=DAILY", "scheduleTZ": "Mars/Base"}, "Mars/Base"),
                                ({"icalExpression": "FREQ=DAILY", "startDate": "soon"}, "'soon'")):
            self.assertIn(complaint, self.detail("PUT", path, body, expect=400))
        self.assertIn("schedule", self.detail("POST", f"/integrations/{flow_id(ACK)}/schedule",
                                              {"icalExpression": "FREQ=DAILY"}, expect=501))

    def test_run_now(self):
        jobs = self.path + "/jobs"
        self.assertIn("'wrong'", self.detail("POST", jobs, {
            "action": "NOW", "parameters": [{"name": "wrong", "value": "x"}]}, expect=400))
        self.ask("POST", jobs, {"action": "NOW", "runAsSchedule": False, "parameters": [
            {"name": "extractedFileNamePrefix", "value": "C1-RUN-NOW"}]}, expect=204)
        query = "/monitoring/instances?q=" + quote(f"{{code:'{SYNC_FTP}', status:'FAILED'}}")
        (one,) = self.wait_for(lambda: self.ask("GET", query)["items"], "no run")
        whole = self.ask("GET", f"/monitoring/instances/{one['id']}")
        self.assertEqual((whole["trigger"], whole["parameters"], whole["invokedBy"]),
                         ("manual", {"extractedFileNamePrefix": "C1-RUN-NOW"}, "admin"))
        self.assertIn("schedule", self.detail("POST", f"/integrations/{flow_id(ACK)}/schedule/jobs",
                                              expect=501))


class Connections(ApiTest):
    def test_no_secret_is_given_out(self):
        page = self.ask("GET", "/connections", user="eyes")
        self.assertEqual(page["totalResults"], 4)
        text = json.dumps(page)
        self.assertNotIn("CCS_FTP_PASSWORD", text)
        (secret,) = [one for one in self.ask("GET", "/connections/OU_FTP_CCS_FOR_CCS_DACS")
                     ["securityProperties"] if one["propertyName"] == "password"]
        self.assertEqual((secret["configured"], secret["source"]), (True, "environment"))
        self.assertNotIn("propertyValue", secret)
        self.ask("GET", f"/connections/{quote(CCS)}/attachments/privateKey", expect=501)

    def test_the_list_is_filtered_and_ordered(self):
        names = [one["name"] for one in self.ask("GET", "/connections")["items"]]
        for argument, wanted in (
                ("q=" + quote("{name:/rest/}"), sorted(name for name in names if "REST" in name)),
                ("q=" + quote("{status:  'DRAFT'}"), ["OU SMTP for CCS-DACS"]),
                ("q=" + quote("{status:'CONFIGURED', name:'" + CCS + "'}"), [CCS]),
                ("orderBy=name", sorted(names)), ("orderBy=time", names), ("orderBy=name&limit=1&offset=1",
                                                                           sorted(names)[1:2])):
            items = self.ask("GET", "/connections?" + argument)["items"]
            self.assertEqual([one["name"] for one in items], wanted, argument)
        types = [one["adapterType"]["name"] for one in
                 self.ask("GET", "/connections?orderBy=type")["items"]]
        self.assertEqual(types, sorted(types))
        self.assertIn("'role' is not known", self.detail(
            "GET", "/connections?q=" + quote("{role:'SOURCE'}"), expect=400))

    def test_tests_tell_what_is_wrong(self):
        self.assertEqual(self.ask("POST", f"/connections/{quote(CCS)}/test")["status"], "CONFIGURED")
        self.ask("POST", f"/connections/{quote(CCS)}/testWithAttachments")
        self.ask("POST", "/connections/OU_REST_OIC_FOR_CCS_DACS/test")
        self.assertIn("at connect", self.detail("POST", f"/connections/{quote(FTP)}/test", expect=500))
        self.assertIn("disabled", self.detail("POST", "/connections/OU_SMTP_FOR_CCS_DACS/test", expect=409))
        self.assertIn("did you mean", self.detail("POST", f"/connections/{quote(CCS + 'x')}/test", expect=404))
        self.change(CCS, securityProperties=[("password", "wrong-password")])
        self.assertIn("at login", self.detail("POST", f"/connections/{quote(CCS)}/test", expect=412))
        self.change(CCS, securityProperties=[("password", api_common.CCS_PASSWORD)])
        self.ask("POST", f"/connections/{quote(CCS)}/test")

    def change(self, name, expect=200, **groups):
        body = {key: [{"propertyName": one, "propertyValue": value} for one, value in properties]
                for key, properties in groups.items()}
        return self.patch(f"/connections/{quote(name)}", body, expect=expect)

    def text(self):
        with open(os.path.join(self.workspace, "connections.json"), encoding="utf-8") as file:
            return file.read()

    def secrets(self):
        folder = os.path.join(self.workspace, "secrets")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def test_a_connection_is_changed_in_place(self):
        with open(os.path.join(self.workspace, "connections.json"), "a", encoding="utf-8") as file:
            file.write("// kept\n")
        self.reload()
        answer = self.change(FTP, connectionProperties=[("ftpServerHostAddress", "localhost"), ("port", "2121")],
                             securityProperties=[("username", "other"), ("password", "first-secret-x")])
        values = {one["propertyName"]: one.get("propertyValue") for one in
                  answer["connectionProperties"] + answer["securityProperties"]}
        self.assertEqual(values, {"host": "localhost", "port": "2121", "username": "other", "password": None})
        self.assertTrue(self.text().endswith("// kept\n"))
        self.assertNotIn("first-secret-x", self.text())
        (name,) = [one for one in self.secrets() if one.startswith("OU_FTP_CCS_FOR_CCS_DACS.password.")]
        path = os.path.join(self.workspace, "secrets", name)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "first-secret-x")
        for number in range(3):  # the one in force and the one before are kept
            self.change(FTP, securityProperties=[("password", f"next-secret-{number}")])
        self.assertEqual(len([one for one in self.secrets() if ".password." in one and "FTP" in one]), 2)
        self.sluice("connections", "list")

    def test_a_secret_stays_with_its_place(self):
        before = self.text()
        for group, name, value in (("connectionProperties", "host", "evil.example"),
                                   ("connectionProperties", "port", "2122")):
            self.assertIn("to another place", self.change(
                "OU FTP CCS for CCS-DACS", expect=412, **{group: [(name, value)]})["detail"])
        self.assertIn("to another place", self.change(
            CCS, expect=412, connectionProperties=[("connectionUrl", "http://127.0.0.1:2/ouaf")])["detail"])
        self.assertEqual(self.text(), before)
        self.change(CCS, connectionProperties=[("connectionUrl", self.connections[CCS]["url"] + "/x")])
        self.change(CCS, connectionProperties=[("connectionUrl", self.connections[CCS]["url"])])

    def test_what_cannot_be_set(self):
        before, files = self.text(), self.secrets()
        for name, groups, expect, complaint in (
                (FTP, {"connectionProperties": [("tls", "implicit")]}, 400, "connections.json"),
                (FTP, {"securityProperties": [("password", "one-secret"), ("port", "x")]}, 400, "no port"),
                (FTP, {"securityProperties": [("username", "a"), ("user", "b")]}, 400, "given twice"),
                (FTP, {"securityProperties": [("username", "a\nb")]}, 400, "control"),
                (FTP, {"securityProperties": [("username", "")]}, 400, "1 to"),
                (CCS, {"connectionProperties": [("connectionUrl", "ftp://x")],
                       "securityProperties": [("password", "secret-two")]}, 400, "connections.json:")):
            with self.subTest(groups=groups):
                self.assertIn(complaint, self.change(name, expect=expect, **groups)["detail"])
        self.assertIn("BASIC_AUTH", self.patch(f"/connections/{quote(CCS)}", {
            "securityPolicy": "OAUTH_CLIENT_CREDENTIALS"}, expect=412)["detail"])
        self.assertEqual((self.text(), self.secrets()), (before, files))

    def test_what_get_gave_can_be_sent_back(self):
        one = self.ask("GET", f"/connections/{quote(CCS)}")
        body = {key: one[key] for key in ("id", "name", "status", "securityPolicy", "connectionProperties",
                                          "securityProperties")}
        self.assertEqual(self.patch(f"/connections/{quote(CCS)}", body), one)

    def test_a_connection_is_put_to_use(self):
        self.assertEqual(self.patch("/connections/OU_SMTP_FOR_CCS_DACS", {"disabled": False})["status"],
                         "CONFIGURED")
        self.assertEqual(self.patch("/connections/OU_SMTP_FOR_CCS_DACS", {"disabled": True})["status"],
                         "DRAFT")

    def test_attachments(self):
        path = f"/connections/{quote(CCS)}/attachments/"
        self.assertIn("PEM", self.upload("POST", path + "ca", "x.pem", b"hello", expect=400)["detail"])
        self.upload("POST", path + "privateKey", "x.pem", PEM, expect=404)
        self.upload("POST", path + "ca", "ca.pem", b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n")
        self.assertEqual(len([one for one in self.secrets() if ".ca." in one]), 1)
        self.assertIn("secrets/OU_REST_CCS_FOR_CCS_DACS.ca.", self.text())
        self.assertIn("field 'file'", self.detail("POST", path + "ca", "{}", {
            "Content-Type": "application/json"}, expect=415))
        headers, body = form("x", PEM, field="other")
        self.assertIn("no field 'file'", self.detail("POST", path + "ca", body, headers, expect=400))
        self.write("connections.json", self.connections)
        self.reload()


if __name__ == "__main__":
    api_common.main(sys.argv)

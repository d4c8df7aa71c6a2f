# SPDX-License-Identifier: MIT
"""What the developer API takes in and gives out as files, through the real program: lookups, modules.

Usage: test_api_files.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import json
import os
import sys

import api_common
from api_common import (ACK, BASE, CONFIG, EMAIL, SYNC_FTP, ApiTest, Program, embed, flow_id, form, manifest,
                        quote)


class Lookups(ApiTest):
    csv = b"PropertyName,Value\nlimit,3\n\"a,b\",\"say \"\"hi\"\"\"\n"

    def test_export_is_what_the_command_writes(self):
        for name in (CONFIG, EMAIL):
            self.assertEqual(self.ask("GET", f"/lookups/{name}/archive"),
                             self.sluice("lookups", "export", name).encode())
        self.assertIn("filename*=UTF-8''" + EMAIL, self.fields["content-disposition"])

    def test_a_lookup_comes_changes_and_goes(self):
        self.ask("GET", "/lookups/MINE", expect=404)
        self.upload("PUT", "/lookups/archive", "MINE.csv", self.csv, expect=404)
        self.upload("POST", "/lookups/archive", "MINE.csv", self.csv, expect=204)
        self.assertEqual(self.fields["location"], BASE + "/lookups/MINE")
        self.upload("POST", "/lookups/archive", "MINE.csv", self.csv, expect=409)
        mine = self.ask("GET", "/lookups/MINE")
        self.assertEqual((mine["columns"], mine["rows"][1]["rowData"], mine["usage"]),
                         (["PropertyName", "Value"], ["a,b", 'say "hi"'], 0))
        self.assertEqual(self.ask("GET", "/lookups/MINE/archive"), self.csv)
        self.upload("PUT", "/lookups/archive", "C:\\\\x\\\\MINE.csv", b"A,B\nk,v\n")
        self.assertEqual(self.ask("GET", "/lookups/MINE")["rows"], [{"rowData": ["k", "v"]}])
        self.assertIn("k,v", self.sluice("lookups", "export", "MINE"))
        self.assertEqual([one["name"] for one in self.ask("GET", "/lookups")["items"]],
                         ["MINE", CONFIG, EMAIL])
        self.ask("DELETE", "/lookups/MINE")
        self.ask("GET", "/lookups/MINE", expect=404)

    def test_the_list_is_filtered(self):
        for filter_text, wanted in (("{name:/ccs_dacs/}", [CONFIG, EMAIL]), (f"{{name:'{EMAIL}'}}", [EMAIL]),
                                    ("{name:'OUTL'}", []), ("{status:'CONFIGURED'}", [CONFIG, EMAIL]),
                                    ("{status:'LOCKED'}", [])):
            page = self.ask("GET", "/lookups?orderBy=name&q=" + quote(filter_text))
            self.assertEqual(([one["name"] for one in page["items"]], page["totalResults"]),
                             (wanted, len(wanted)), filter_text)

    def test_what_is_refused(self):
        for name, data, complaint in (
                ("MINE", self.csv, "NAME.csv"), ("MINE.csv", b"A\n", "MINE.csv:1: expected a header"),
                ("MINE.csv", b"A,B\nx\n", "MINE.csv:2:"), (".csv", self.csv, "NAME.csv"),
                ("x" * 300 + ".csv", self.csv, "name is longer"), ("..csv", self.csv, "lookup's name"),
                (CONFIG + ".csv", b"PropertyName,Value\ndacs.file.target.transfer.pref,pigeon\n",
                 "must be ftp or os"), ("MINE.csv", b"A,B\n" + b"x" * (1 << 20), "larger than"),
                ("MINE.csv", b"A,B\n" + b"".join(b"k%d,v\n" % i for i in range(4097)), "4096 rows")):
            with self.subTest(name=name):
                expect = 413 if complaint in ("larger than", "4096 rows") else 400
                answer = self.upload("POST", "/lookups/archive", name, data, expect=expect)
                self.assertIn(complaint, answer["detail"])
        headers, body = form("MINE.csv", self.csv)
        self.ask("POST", "/lookups/archive", body[:-20], headers, expect=400)
        self.ask("POST", "/lookups/archive", body, {"Content-Type": "multipart/form-data"}, expect=400)
        self.ask("POST", "/lookups/archive", body + b"x" * (1 << 20) + b"x" * 16384, headers, expect=413)
        usage = self.ask("GET", f"/lookups/{EMAIL}/usage")["integrationUsage"]
        self.assertIn(SYNC_FTP, [one["code"] for one in usage])
        self.assertIn("may read", self.detail("DELETE", f"/lookups/{EMAIL}", expect=412))

    def test_the_next_execution_reads_what_was_imported(self):
        exported = self.ask("GET", f"/lookups/{CONFIG}/archive").decode()
        self.assertIn("ccs.error.ack.message.number,11001", exported)
        self.upload("PUT", "/lookups/archive", CONFIG + ".csv",
                    exported.replace("number,11001", "number,4711").encode())
        self.assertIn("4711", self.negative_ack(701))
        self.sluice("lookups", "set", CONFIG, "ccs.error.ack.message.number", "4712")
        self.assertIn("4711", self.negative_ack(702))
        self.reload()
        self.assertIn("4712", self.negative_ack(703))
        self.upload("PUT", "/lookups/archive", CONFIG + ".csv", exported.encode())

    def negative_ack(self, number):
        """What CCS got for it."""
        status, _, body = self.exchange(
            "POST", f"{BASE}/flows/rest/{ACK}/1.0/sendCustomerSyncAck",
            json.dumps(api_common.dacs.acknowledgement(f"{number:014d}", False)), user="dacs")
        self.assertEqual(status, 200, body)
        (record,) = [one for one in api_common.read_records(os.path.join(self.ccs_root, "received.jsonl"))
                     if f"{number:014d}" in json.dumps(one)]
        return json.dumps(record)


class Archives(ApiTest):
    extra_flows = ((lambda: Program.nothing, manifest("MINE"), "mine.wasm"),)

    def module(self, one):
        path = os.path.join(self.folder, "module.wasm")
        embed(Program.nothing, one, path)
        with open(path, "rb") as file:
            return file.read()

    def call(self, version="1.0", expect=200):
        status, fields, body = self.exchange("POST", f"{BASE}/flows/rest/MINE/{version}/go", "{}", user="dacs")
        self.assertEqual(status, expect, body)
        return fields.get("sluice-instance")

    def activate(self, version, **options):
        return self.patch(f"/integrations/{flow_id('MINE', version)}", {"status": "ACTIVATED"}, **options)

    def test_a_module_comes_back_as_it_is(self):
        with open(os.path.join(self.workspace, "functions", "mine.wasm"), "rb") as file:
            self.assertEqual(self.ask("GET", f"/integrations/{flow_id('MINE', '01.00.0000')}/archive"),
                             file.read())

    def test_a_newer_version_and_another_module(self):
        newer = manifest("MINE", "01.00.0001", description="newer")
        self.call()
        self.upload("PUT", "/integrations/archive", "mine.wasm", self.module(newer), expect=404)
        self.upload("POST", "/integrations/archive", "mine.wasm", self.module(newer), expect=204)
        self.assertEqual(self.fields["location"], f"{BASE}/integrations/{flow_id('MINE', '01.00.0001')}")
        self.upload("POST", "/integrations/archive", "mine.wasm", self.module(newer), expect=409)
        states = {one["version"]: one["status"] for one in
                  self.ask("GET", "/integrations?q=" + quote("{code:'MINE'}"))["items"]}
        self.assertEqual(states, {"01.00.0000": "ACTIVATED", "01.00.0001": "CONFIGURED"})
        self.call("01.00.0001", expect=404)
        self.activate("01.00.0001")
        instance = self.call("01.00.0001")
        self.assertEqual(self.ask("GET", f"/monitoring/instances/{instance}")["integrationVersion"],
                         "01.00.0001")
        # the same bytes are taken, others only while it is not active
        self.upload("PUT", "/integrations/archive", "mine.wasm", self.module(newer))
        changed = self.module({**newer, "description": "changed"})
        self.assertIn("deactivate", self.upload("PUT", "/integrations/archive", "m.wasm", changed,
                                                expect=412)["detail"])
        self.patch(f"/integrations/{flow_id('MINE', '01.00.0001')}", {"status": "CONFIGURED"})
        self.upload("PUT", "/integrations/archive", "m.wasm", changed)
        one = self.ask("GET", f"/integrations/{flow_id('MINE', '01.00.0001')}")
        self.assertEqual((one["description"], one["status"]), ("changed", "CONFIGURED"))
        self.activate("01.00.0001")
        self.call("01.00.0001")
        self.assertEqual(json.loads(self.sluice("--json", "flows", "MINE"))["flows"][0]["version"],
                         "01.00.0001")
        self.assertEqual([name for name in os.listdir(os.path.join(self.workspace, "functions"))
                          if name.startswith(".import")], [])

    def test_what_is_refused(self):
        good = self.module(manifest("OTHER"))
        for data, expect, complaint in (
                (b"PK\x03\x04zip", 400, ".wasm file"), (b"hello", 400, "no WebAssembly"),
                (b"\0asm\x01\0\0\0", 400, "refused: the module has no code"), (good[:-30], 400, ""),
                (self.module(manifest("OTHER", aliases=[ACK])), 400, "both called"),
                (self.module(manifest("../OTHER")), 400, "not the name of a flow"),
                (self.module(manifest(ACK, "01.22.0000")), 412, "older versions")):
            with self.subTest(complaint=complaint):
                detail = self.upload("POST", "/integrations/archive", "x.wasm", data,
                                     expect=expect)["detail"]
                self.assertIn(complaint, detail)
                self.assertNotIn(self.folder, detail)
        with open(Program.misbehave, "rb") as file:
            self.upload("POST", "/integrations/archive", "x.wasm", file.read(), expect=400)

    def test_a_new_flow(self):
        self.upload("POST", "/integrations/archive", "x.wasm", self.module(manifest("NEW")), expect=204)
        self.patch(f"/integrations/{flow_id('NEW', '01.00.0000')}", {"status": "ACTIVATED"})
        status, _, body = self.exchange("POST", f"{BASE}/flows/rest/NEW/1.0/go", "{}", user="dacs")
        self.assertEqual(status, 200, body)


class ForeignFolder(ApiTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.write("sluice.json", {})

    def test_modules_of_the_installation_are_not_touched(self):
        path = os.path.join(self.folder, "module.wasm")
        embed(Program.nothing, manifest("MINE"), path)
        with open(path, "rb") as file:
            answer = self.upload("POST", "/integrations/archive", "m.wasm", file.read(), expect=412)
        self.assertIn('"functions" in sluice.json', answer["detail"])


if __name__ == "__main__":
    api_common.main(sys.argv)

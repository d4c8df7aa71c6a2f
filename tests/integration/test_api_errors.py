# SPDX-License-Identifier: MIT
"""The developer API's errors through the real program: lists, resubmission, discarding.

Usage: test_api_errors.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import sys

import api_common
from api_common import (ACK, BASE, CCS, MISBEHAVE, VERSION, MonitoringTest, Program, embed, flow_id, q)

SELECTION_IDS_MAX = 1000  # api_selection.h


class Errors(MonitoringTest):
    def test_lists_and_groups(self):
        first, second = self.fail_acks(201, 202)
        page = self.ask("GET", "/monitoring/errors")
        self.assertRegex(page["dataFetchTime"], r"^\d{4}-.*\+0000$")
        mine = {one["id"]: one for one in page["items"] if one["id"] in (first, second)}
        self.assertEqual({one["connectionName"] for one in mine.values()}, {CCS})
        self.assertEqual({one["retryCount"] for one in mine.values()}, {0})
        (group,) = [one for one in self.ask("GET", "/monitoring/errors?groupBy=connection")["groups"]
                    if one.get("connectionName") == CCS]
        self.assertGreaterEqual(group["errorCount"], 2)
        self.assertTrue(self.ask("GET", "/monitoring/errors?groupBy=messages")["groups"][0]["errorCode"])
        flows = self.ask("GET", "/monitoring/errors?groupBy=integration&" + q(f"code:'{ACK}'"))["groups"]
        self.assertEqual([one["integrationId"] for one in flows], [ACK])
        self.assertEqual(self.ask("GET", f"/monitoring/errors/{first}")["id"], first)
        self.ask("GET", "/monitoring/errors/" + "x" * 22, expect=404)
        self.assertIn(first, [one["id"] for one in
                              self.items("/monitoring/errors?" + q("recoverable:'true'"))])
        self.assertNotIn(first, [one["id"] for one in
                                 self.items("/monitoring/errors?" + q("recoverable:'false'"))])

    def finished(self, job):
        def look():
            one = self.ask("GET", f"/monitoring/errors/recoveryJobs/{job}")
            return one if one["status"] in ("COMPLETED", "ABORTED") else None
        return self.wait_for(look, "the job goes on")

    def test_one_is_resubmitted(self):
        (bad,) = self.fail_acks(210)
        self.assertEqual(self.received(210), 0)
        answer = self.ask("POST", f"/monitoring/errors/{bad}/resubmit?return=sync",
                          {"recoveryTraceLevel": "Audit"})
        self.assertEqual((answer["acceptedIds"], answer["resubmitRequested"],
                          answer["resubmittedInstancesCount"], answer["resubmittedFailedInstances"]),
                         ([bad], True, 1, []))
        job = self.finished(answer["recoveryJobId"])
        self.assertEqual((job["totalInstances"], job["completedInstances"], job["requestedBy"]), (1, 1, "admin"))
        self.assertEqual(self.received(210), 1)
        whole = self.ask("GET", f"/monitoring/instances/{bad}")
        again = self.ask("GET", f"/monitoring/instances/{whole['resubmittedAs']}")
        self.assertEqual((again["resubmissionOf"], again["trigger"], again["invokedBy"]),
                         (bad, "resubmit", "admin"))
        self.assertEqual((whole["instanceReportingLevel"], again["instanceReportingLevel"]),
                         ("Production", "Audit"))
        self.ask("GET", f"/monitoring/errors/{bad}", expect=404)
        self.assertIn("has been done", self.detail("POST", f"/monitoring/errors/{bad}/resubmit", expect=412))
        self.assertIn("did not fail", self.detail(
            "POST", f"/monitoring/errors/{again['id']}/resubmit", expect=412))
        self.ask("POST", "/monitoring/errors/" + "x" * 22 + "/resubmit", expect=404)
        self.assertEqual(self.received(210), 1)

    def test_without_return_the_answer_is_empty(self):
        (bad,) = self.fail_acks(211)
        self.assertEqual(self.ask("POST", f"/monitoring/errors/{bad}/resubmit", expect=202), b"")
        self.wait_for(lambda: self.received(211) == 1, "not resubmitted")
        self.assertEqual(self.items("/monitoring/errors/recoveryJobs")[0]["totalInstances"], 1)
        self.ask("GET", "/monitoring/errors/recoveryJobs/none", expect=404)

    def test_many_by_id(self):
        bad = self.fail_acks(220, 221, 222)
        good = self.send_ack(223)
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync",
                          {"ids": [bad[0], "unknown-instance-id-00", good, bad[1]]})
        self.assertEqual((answer["acceptedIds"], answer["invalidIds"], answer["nonRecoverableIds"]),
                         ([bad[0], bad[1]], ["unknown-instance-id-00"], [good]))
        self.assertIn("no instance has the id", answer["message"])
        self.finished(answer["recoveryJobId"])
        self.assertEqual([self.received(number) for number in (220, 221, 222)], [1, 1, 0])
        self.assertEqual(self.ask("POST", "/monitoring/errors/resubmit", {"ids": [good]}, expect=412)["title"],
                         "Precondition failed")
        self.ask("POST", "/monitoring/errors/resubmit", {"ids": ["unknown-instance-id-00"]}, expect=404)
        self.assertEqual(self.ask("POST", "/monitoring/errors/resubmit", {"ids": []}, expect=202), b"")
        for body, complaint in (({}, "ids, flowCode or connectionCode"), ({"ids": ["x" * 23]}, "not an instance"),
                                ({"ids": [1]}, "list of texts"), ({"ids": ["x"] * (SELECTION_IDS_MAX + 1)}, "at most 1000"),
                                ({"flowCode": ACK, "timewindow": "2h"}, "timewindow"),
                                ({"flowCode": ACK, "startDate": "x"}, "startDate"), ({"id": []}, 'did you mean "ids"')):
            self.assertIn(complaint, self.detail("POST", "/monitoring/errors/resubmit", body, expect=400))
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync", {"ids": ["x"] * SELECTION_IDS_MAX})
        self.assertFalse(answer["resubmitRequested"])
        self.ask("POST", "/monitoring/errors/resubmit", {"flowCode": "NOBODY"}, expect=404)

    def test_many_by_what_they_share(self):
        bad = self.fail_acks(230, 231)
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync",
                          {"connectionCode": "OU_REST_CCS_FOR_CCS_DACS", "startDate": "2020-01-01 00:00:00"})
        self.assertLessEqual(set(bad), set(answer["acceptedIds"]))
        self.finished(answer["recoveryJobId"])
        self.assertEqual([self.received(number) for number in (230, 231)], [1, 1])
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync",
                          {"flowCode": ACK, "flowVersion": VERSION, "timewindow": "1h"})
        self.assertNotIn(bad[0], answer["acceptedIds"])

    def test_the_eleventh_is_refused(self):
        (bad,) = self.fail_acks(240)
        good = self.connections[CCS]["url"]
        self.point_ccs("http://127.0.0.1:1/ouaf")
        for _ in range(10):
            answer = self.ask("POST", f"/monitoring/errors/{bad}/resubmit?return=sync")
            self.assertEqual(self.finished(answer["recoveryJobId"])["failedInstances"], 1)
        self.point_ccs(good)
        self.assertIn("10 times", self.detail("POST", f"/monitoring/errors/{bad}/resubmit", expect=412))
        one = self.ask("GET", f"/monitoring/errors/{bad}")
        self.assertEqual((one["retryCount"], one["recoverable"]), (10, False))
        self.ask("POST", f"/monitoring/errors/{bad}/discard")
        self.assertEqual(self.received(240), 0)

    def test_discarding_is_final(self):
        bad = self.fail_acks(250, 251, 252)
        self.ask("POST", f"/monitoring/errors/{bad[0]}/discard")
        answer = self.ask("POST", "/monitoring/errors/discard", {"ids": [bad[0], bad[1], "nobody"]})
        self.assertEqual((answer["acceptedIds"], answer["invalidIds"], answer["nonRecoverableIds"]),
                         ([bad[1]], ["nobody"], [bad[0]]))
        self.assertIn("discarded", self.detail("POST", f"/monitoring/errors/{bad[1]}/resubmit", expect=412))
        self.assertEqual([one for one in bad if one in self.errors()], [bad[2]])
        self.assertIn("discardedDate", self.ask("GET", f"/monitoring/instances/{bad[0]}"))
        self.ask("POST", f"/monitoring/errors/{bad[0]}/discard", expect=412)
        self.ask("POST", "/monitoring/errors/" + "x" * 22 + "/discard", expect=404)
        self.ask("POST", "/monitoring/errors/discard", {"ids": ["x"] * 1001}, expect=400)


class Versions(MonitoringTest):
    """A flow of two lines, both active: what failed is done again by the version that it was of."""
    extra_flows = (
        (lambda: Program.misbehave, MISBEHAVE, "one.wasm"),
        (lambda: Program.misbehave, {**MISBEHAVE, "version": "02.00.0000"}, "two.wasm"))

    def fail(self):
        status, fields, _ = self.exchange(
            "POST", f"{BASE}/flows/rest/MISBEHAVE/1.0/misbehave", "U", user="dacs")
        self.assertGreaterEqual(status, 500)
        return fields["sluice-instance"]

    def patch_is_activated(self):
        """02.00.0001 takes the place of 02.00.0000."""
        path = f"{self.folder}/patch.wasm"
        embed(Program.misbehave, {**MISBEHAVE, "version": "02.00.0001"}, path)
        with open(path, "rb") as file:
            self.upload("POST", "/integrations/archive", "patch.wasm", file.read(), expect=204)
        self.patch(f"/integrations/{flow_id('MISBEHAVE', '02.00.0001')}", {"status": "ACTIVATED"})

    def again(self, bad, **body):
        """The version of its newest resubmission."""
        answer = self.ask("POST", f"/monitoring/errors/{bad}/resubmit?return=sync", body)
        job = answer["recoveryJobId"]
        self.wait_for(lambda: self.ask("GET", f"/monitoring/errors/recoveryJobs/{job}")["status"]
                      == "COMPLETED", "the job goes on")
        newest = self.ask("GET", f"/monitoring/instances/{bad}")["resubmittedAs"]
        return self.ask("GET", f"/monitoring/instances/{newest}")["integrationVersion"]

    def test_the_version_that_failed_does_it_again(self):
        bad = self.fail()
        self.assertEqual(self.again(bad), "01.00.0000")
        self.assertEqual(self.again(bad, recoveryVersion="2.0"), "02.00.0000")
        self.patch(f"/integrations/{flow_id('MISBEHAVE', '01.00.0000')}", {"status": "CONFIGURED"})
        detail = self.detail("POST", f"/monitoring/errors/{bad}/resubmit", expect=412)
        self.assertIn("by its version 01.00.0000: version 01.00.0000 of flow 'MISBEHAVE' is not active: "
                      "sluice activate 'MISBEHAVE|01.00.0000'; name the version", detail)
        shared = {"flowCode": "MISBEHAVE", "flowVersion": "01.00.0000"}
        self.assertEqual(self.detail("POST", "/monitoring/errors/resubmit", shared, expect=412), detail)
        answer = self.ask("POST", "/monitoring/errors/resubmit?return=sync", {"ids": [bad]})
        self.assertEqual((answer["nonRecoverableIds"], answer["message"]), ([bad], detail))
        self.patch_is_activated()
        self.assertEqual(self.again(bad, recoveryVersion="02.00.0001"), "02.00.0001")
        self.assertIn("has no version '3.0'; there is 01.00.0000, 02.00.0000, 02.00.0001", self.detail(
            "POST", f"/monitoring/errors/{bad}/resubmit", {"recoveryVersion": "3.0"}, expect=412))
        self.assertIn("two or three numbers", self.detail(
            "POST", f"/monitoring/errors/{bad}/resubmit", {"recoveryVersion": "new"}, expect=400))
        self.assertIn("two or three numbers", self.detail(
            "POST", "/monitoring/errors/resubmit", {**shared, "recoveryVersion": ""}, expect=400))


if __name__ == "__main__":
    api_common.main(sys.argv)

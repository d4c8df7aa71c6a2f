# SPDX-License-Identifier: MIT
"""What goes on while the developer API is asked, and how it is stopped, through the real program.

Usage: test_api_stopping.py SLUICE TRANSLATE NOTHING.wasm MISBEHAVE.wasm [unittest arguments]
"""
import concurrent.futures
import json
import socket
import sys
import time

import api_common
from api_common import ACK, BASE, CCS, MISBEHAVE, SYNC_FTP, MonitoringTest, Program, flow_id, q


class Slow(MonitoringTest):
    """A CCS that answers when it is told to, and a flow that never ends."""
    extra_flows = ((lambda: Program.misbehave, MISBEHAVE, "misbehave.wasm"),)
    settings = {"server": {"workers": 2, "stop_s": 1}}

    def misbehave(self, pool, what):
        return pool.submit(self.exchange, "POST", f"{BASE}/flows/rest/MISBEHAVE/1.0/misbehave", what,
                           None, "dacs")

    def start_spinning(self, pool):
        answer = self.misbehave(pool, "L")
        return answer, self.wait_for(lambda: self.ids(q("code:'MISBEHAVE', status:'IN_PROGRESS'")),
                                     "it does not run")[0]

    def test_what_runs_is_stopped(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer, instance = self.start_spinning(pool)
            self.ask("POST", f"/monitoring/instances/{instance}/abort", user="eyes", expect=403)
            self.ask("POST", f"/monitoring/instances/{instance}/abort")
            self.assertGreaterEqual(answer.result(timeout=60)[0], 500)
        whole = self.ask("GET", f"/monitoring/instances/{instance}")
        self.assertEqual((whole["status"], whole["errorCode"]), ("ABORTED", "cancelled"))
        self.assertIn("it is ABORTED", self.detail("POST", f"/monitoring/instances/{instance}/abort", expect=409))
        self.ask("POST", "/monitoring/instances/" + "x" * 22 + "/abort", expect=404)

    def test_a_child_is_stopped_with_its_caller(self):
        running = "/monitoring/instances?" + q("code:'MISBEHAVE', status:'IN_PROGRESS'")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = self.misbehave(pool, "CL")  # it calls itself with L
            pair = self.wait_for(lambda: (lambda items: items if len(items) == 2 else None)(
                self.items(running)), "no child")
            (parent,) = [one["id"] for one in pair if "parentInstanceId" not in one]
            self.assertEqual([one["parentInstanceId"] for one in pair if one["id"] != parent], [parent])
            self.ask("POST", f"/monitoring/instances/{parent}/abort")
            self.assertGreaterEqual(answer.result(timeout=60)[0], 500)
        for one in pair:
            self.assertEqual(self.ask("GET", f"/monitoring/instances/{one['id']}")["status"], "ABORTED")

    def test_runs_of_one_flow_do_not_overlap(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.connections["OU FTP CCS for CCS-DACS"]["port"] = listener.getsockname()[1]
        self.connections["OU FTP CCS for CCS-DACS"]["connect_timeout_s"] = 60
        self.point_ccs(self.connections[CCS]["url"])
        path = f"/integrations/{flow_id(SYNC_FTP)}/schedule/jobs"
        job = {"action": "NOW", "parameters": [{"name": "extractedFileNamePrefix", "value": "C1-TWICE"}]}
        self.ask("POST", path, job, expect=204)
        (running,) = self.wait_for(lambda: self.ids(q(f"code:'{SYNC_FTP}', status:'IN_PROGRESS'")), "no run")
        self.ask("POST", path, job, expect=409)
        self.ask("POST", f"/monitoring/instances/{running}/abort")
        self.wait_for(lambda: self.ids(q(f"id:'{running}', status:'ABORTED'")), "it goes on")

    def test_resubmissions_leave_the_threads_free(self):
        """More jobs than threads of either kind, all of which wait for CCS: reads are answered at once."""
        bad = self.fail_acks(*range(300, 306))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        good = self.connections[CCS]["url"]
        self.point_ccs(f"http://127.0.0.1:{listener.getsockname()[1]}/ouaf")
        jobs = [self.ask("POST", f"/monitoring/errors/{one}/resubmit?return=sync")["recoveryJobId"]
                for one in bad]
        for _ in range(5):
            self.ask("GET", "/lookups")
        self.wait_for(lambda: [one["status"] for one in self.items("/monitoring/errors/recoveryJobs")
                               if one["id"] in jobs].count("WAITING") == 4, "two at a time")
        running = self.wait_for(lambda: (lambda ids: ids if len(ids) == 2 else None)(
            self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'"))), "two at a time")
        # a second resubmission of one that is being done again is refused
        first = self.ask("GET", f"/monitoring/instances/{running[0]}")["resubmissionOf"]
        self.assertIn("being resubmitted", self.detail(
            "POST", f"/monitoring/errors/{first}/resubmit", expect=412))
        self.point_ccs(good)
        for instance in running:
            self.ask("POST", f"/monitoring/instances/{instance}/abort")
        self.wait_for(lambda: all(one["status"] == "COMPLETED" for one in
                                  self.items("/monitoring/errors/recoveryJobs")), "jobs go on")
        self.assertEqual(sum(self.received(number) for number in range(300, 306)), 4)

    def test_the_queue_of_jobs_is_bounded(self):
        bad = self.fail_acks(*range(400, 420))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        good = self.connections[CCS]["url"]
        self.point_ccs(f"http://127.0.0.1:{listener.getsockname()[1]}/ouaf")
        statuses = []
        for one in bad:
            statuses.append(self.exchange("POST", f"{BASE}/monitoring/errors/{one}/resubmit")[0])
            if len(statuses) == 2:
                self.wait_for(lambda: len(self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'"))) == 2, "none runs")
        self.assertEqual(statuses, [202] * 18 + [429] * 2)
        self.assertIn("16 recovery jobs wait", self.detail(
            "POST", f"/monitoring/errors/{bad[19]}/resubmit", expect=429))
        self.assertIn("retry-after", self.fields)
        self.point_ccs(good)
        for instance in self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'")):
            self.ask("POST", f"/monitoring/instances/{instance}/abort")
        self.wait_for(lambda: all(one["status"] == "COMPLETED" for one in
                                  self.items("/monitoring/errors/recoveryJobs")), "jobs go on")


class Stopping(MonitoringTest):
    settings = {"server": {"stop_s": 1}}

    def test_a_stop_leaves_what_has_not_begun(self):
        bad = self.fail_acks(*range(500, 505))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.point_ccs(f"http://127.0.0.1:{listener.getsockname()[1]}/ouaf")
        self.ask("POST", "/monitoring/errors/resubmit", {"ids": bad}, expect=202)
        self.wait_for(lambda: self.ids(q(f"code:'{ACK}', status:'IN_PROGRESS'")), "none runs")
        begun = time.monotonic()
        self.process.terminate()
        self.assertEqual(self.process.wait(timeout=60), 0, self.said())
        self.assertLess(time.monotonic() - begun, 30)
        self.assertIn("4 of 5 instances were not begun", self.said())
        listed = json.loads(self.sluice("--json", "errors"))["errors"]
        self.assertEqual({one["id"] for one in listed} & set(bad), set(bad))


if __name__ == "__main__":
    api_common.main(sys.argv)

# SPDX-License-Identifier: MIT
"""Files that come with a request: what bodies are taken and refused, and a host that calls another.

Usage: test_multipart.py SLUICE [unittest arguments]
"""
import json
import os
import subprocess

from multipart_common import CHILD_FTP, FILE_SIZE_MAX, MIB, MultipartTest, body, main, part
from serve_common import FLOWS, PASSWORD, USER, authorization

from landscape import BUCKET, CONFIG, FLOW_FTP, SOURCE_FOLDER, TARGET_FOLDER


class Bodies(MultipartTest):
    def test_files_arrive(self):
        for target in self.targets:
            for size in (0, 1, 70000, 3 * MIB):
                for kind, chunked in (("mixed", False), ("form-data", True), ("mixed", True)):
                    with self.subTest(flow=target.flow, size=size, kind=kind, chunked=chunked):
                        name, data = self.name(), os.urandom(size)
                        mixed = kind == "mixed"
                        status, fields, answer = self.post(target, body(
                            target.json_part(name, disposition=None if mixed else 'form-data; name="message"'),
                            part(data, "application/octet-stream", 'attachment; filename="a b.csv"' if mixed
                                 else 'form-data; name="file"; filename="a.csv"')), kind, chunked=chunked)
                        self.assertEqual(status, 200, answer)
                        told = json.loads(answer)
                        self.assertEqual((told["status"], told["name"]), ("transferred", name))
                        self.assertEqual(told["receipt"]["size"], size)
                        self.assertEqual(target.files()[name], data)
                        shown = json.loads(self.land.sluice(
                            "--json", "show", fields["sluice-instance"], check=True).stdout)
                        self.assertEqual(shown["state"], "COMPLETED")

    def test_forms_of_the_parts(self):
        target, data = self.targets[0], b"line\r\n--Xy-Z\r\n--Xy\r\n"
        for message, file in (
                (dict(content_type="application/json; charset=utf-8"), dict(content_type="text/csv")),
                (dict(content_type="application/vnd.x+json"), dict()),
                (dict(disposition='form-data; name="message"'),
                 dict(disposition='form-data; name="f"; filename="x"')),
                (dict(content_type="text/plain"), dict(content_type="application/json")),
                (dict(content_type="APPLICATION/JSON", disposition='form-data; name=m; filename="m.json"'),
                 dict(content_type="application/octet-stream", Content_Length=str(len(data)),
                      Content_Transfer_Encoding="binary"))):
            with self.subTest(message=message, file=file):
                name = self.name()
                answer = self.post(target, body(part(target.message(name), **message), part(data, **file),
                                                end="\r\n--XyZ--"))
                self.assertEqual(answer[0], 200, answer[2])
                self.assertEqual(target.files()[name], data)

    def test_curl(self):
        path = os.path.join(self.folder, "curl.csv")
        with open(path, "wb") as file:
            file.write(os.urandom(2 * MIB))  # large enough for curl to wait for 100 Continue
        for target in self.targets:
            name = self.name()
            done = subprocess.run(
                ["curl", "-sS", "-K", "-", "-F", f"message={target.message(name).decode()};type=application/json",
                 "-F", f"file=@{path}", f"http://127.0.0.1:{self.server.port}{target.path}"],
                input=f"user = {USER}:{PASSWORD}\n", capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual(json.loads(done.stdout)["status"], "transferred")
            with open(path, "rb") as file:
                self.assertEqual(target.content(name), file.read())

    def test_a_boundary_in_quotes_with_text_around_the_parts(self):
        target, name = self.targets[0], self.name()
        data = b"before\r\n" + body(target.json_part(name), part(b"x", "text/csv"), boundary="a b:c",
                                    end="\r\n--a b:c--\r\nbehind")
        self.assertEqual(self.post(target, data, boundary='"a b:c"')[0], 200)
        self.assertEqual(target.files()[name], b"x")

    def test_a_small_file_before_the_message(self):
        for target in self.targets:
            for size in (0, 1, MIB):
                name, data = self.name(), os.urandom(size)
                answer = self.post(target, body(part(data, "application/octet-stream"),
                                                target.json_part(name)))
                self.assertEqual(answer[0], 200, answer[2])
                self.assertEqual(target.files()[name], data)

    def test_the_same_object_again(self):
        target, name, data = self.targets[1], self.name(), os.urandom(100000)
        for _ in range(2):
            self.assertEqual(self.post(target, body(target.json_part(name), part(data, "text/csv")))[0], 200)
        self.refused(409, "taken", self.post(target, body(target.json_part(name), part(data + b"1", "text/csv"))))

    def test_a_name_that_is_taken(self):
        target, name = self.targets[0], self.name()
        self.land.put_dacs_ftp(name, b"old")
        data = body(target.json_part(name), part(os.urandom(3 * MIB), "text/csv"))
        self.refused(409, "exists", self.post(target, data))
        self.refused(409, "exists", self.post(target, data, chunked=True))
        self.assertEqual(target.files()[name], b"old")


class Refusals(MultipartTest):
    def test_bodies_that_cannot_be_used(self):
        for target in self.targets:
            before = target.files()
            message, file = target.json_part("never.csv"), part(os.urandom(50000), "application/octet-stream")
            large = part(os.urandom(2 * MIB), "application/octet-stream")
            for why, data, words in (
                    ("no JSON", body(file), "no part of the body is JSON"),
                    ("no part", body(end="--XyZ--"), "no part of the body is JSON"),
                    ("no file", body(message), "came without a file"),
                    ("two files", body(message, file, file), "behind the file comes another part"),
                    ("two large files", body(message, large, large), "behind the file comes another part"),
                    ("two files first", body(file, file, message), "more than one file"),
                    ("JSON last", body(large, message), "must stand before a file of more than 1048576"),
                    ("JSON too deep", body(part(b"[" * 65 + b"]" * 65, "application/json"), file),
                     "nested deeper than 64"),
                    ("JSON broken", body(part(b"{", "application/json"), file), "is not JSON"),
                    ("other boundary", body(message, file, boundary="other"), "too much text outside"),
                    ("no last boundary", body(message, file, end=""), "before its last boundary"),
                    ("cut boundary", body(message, file, end="\r\n--Xy"), "before its last boundary"),
                    ("bad boundary line", body(message, file, end="\r\n--XyZ-x"), "not followed by a new line"),
                    ("bare LF", body(message, file).replace(b"\r\n", b"\n", 2), "not followed by a new line"),
                    ("field without colon", body(message, b"Content-Type\r\n\r\nx"), "name: value"),
                    ("fields at the limit and one more", body(
                        message, part(b"x", "a", X="y" * (8192 - len("Content-Type: a\r\nX: \r\n\r\n") + 1))),
                     "over 8192 bytes"),
                    ("too much behind", body(message, file, end="\r\n--XyZ--" + "x" * 4097), "too much text"),
                    ("wrong size", body(message, part(b"12", Content_Length="3")), "shorter"),
                    ("wrong size, too", body(message, part(b"12", Content_Length="1")), "larger"),
                    ("size of a held file", body(part(b"12", "a/b", Content_Length="1"), message), "another size"),
                    ("no size", body(message, part(b"12", Content_Length="2x")), "not a number"),
                    ("base64", body(message, part(b"MTI=", Content_Transfer_Encoding="base64")), "base64")):
                for chunked in (False, True):
                    with self.subTest(flow=target.flow, why=why, chunked=chunked):
                        status = 502 if "wrong size" in why else 400
                        self.refused(status, words, self.post(target, data, chunked=chunked))
            self.assertEqual(target.files(), before)
        self.assertEqual(self.server.ask("GET", "/health/ready")[0], 200)

    def test_fields_at_the_limit(self):
        target, name = self.targets[0], self.name()
        fill = "y" * (8192 - len("Content-Type: a\r\nX: \r\n\r\n"))
        self.assertEqual(self.post(target, body(target.json_part(name), part(b"x", "a", X=fill)))[0], 200)

    def test_boundaries_of_the_content_type(self):
        for boundary in ("", '""', "a:b", '"' + "x" * 71 + '"', '"a\\"b"'):
            self.refused(400, "boundary", self.post(self.targets[0], b"x", boundary=boundary))

    def test_messages_at_the_limit(self):
        target, limit = self.targets[0], 65536
        for size, status in ((limit, 200), (limit + 1, 413)):
            name = self.name()
            message = target.message(name)
            message += b" " * (size - len(message))
            answer = self.post(target, body(part(message, "application/json"), part(b"x", "text/csv")))
            self.assertEqual(answer[0], status, answer[2])

    def test_files_at_the_limit(self):
        for target in self.targets:
            for extra in (0, 1, 200000):
                for chunked in (False, True):
                    name, data = self.name(), bytes(FILE_SIZE_MAX + extra)
                    answer = self.post(target, body(target.json_part(name), part(data, "text/csv")),
                                       chunked=chunked)
                    if extra:
                        self.refused(413, "file_size_max", answer)
                        self.assertNotIn(name, target.files())
                    else:
                        self.assertEqual(answer[0], 200, answer[2])
                        self.assertEqual(target.files()[name], data)
            self.assertEqual([name for name in target.files() if name.endswith(".part")], [])

    def test_who_may_not_call_need_not_send(self):
        target = self.targets[0]
        with self.server.connect() as wire:
            wire.send(f"POST {target.path} HTTP/1.1\r\nHost: x\r\n"
                      f"Authorization: {authorization(password='wrong-password')}\r\n"
                      "Content-Type: multipart/mixed; boundary=XyZ\r\nExpect: 100-continue\r\n"
                      f"Content-Length: {5 * MIB}\r\n\r\n")
            self.assertEqual(wire.answer()[0], 401)
            self.assertTrue(wire.is_over())
        with self.server.connect() as wire:
            wire.send(f"POST {target.path} HTTP/1.1\r\nHost: x\r\n"
                      f"Authorization: {authorization(password='wrong-password')}\r\n"
                      "Content-Type: multipart/mixed; boundary=XyZ\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(10):
                self.chunk(wire, bytes(MIB))
            self.assertEqual(wire.answer()[0], 401)
        with self.server.connect() as wire:  # who sends all the same gets the answer, too
            wire.send(f"POST {target.path} HTTP/1.1\r\nHost: x\r\n"
                      "Content-Type: multipart/mixed; boundary=XyZ\r\n"
                      f"Content-Length: {100 * MIB}\r\n\r\n")
            block = bytes(MIB)
            for _ in range(100):
                wire.send(block)
            self.assertEqual(wire.answer()[0], 401)

    def test_flows_that_take_no_file(self):
        status, _, answer = self.server.ask(
            "POST", FLOWS + "rest/OUTL-BA-CCS_DACS_ERR_HNDLR/1.0/receiveMessage", body(part(b"{}", "application/json")),
            {"Content-Type": "multipart/mixed; boundary=XyZ"})
        self.assertEqual(status, 415, answer)
        status, _, answer = self.server.ask("POST", self.targets[0].path, self.targets[0].message("x"),
                                            {"Content-Type": "application/json"})
        self.refused(400, "came without a file", (status, None, answer))
        status, _, answer = self.server.ask("POST", self.targets[0].path, b"x", {
            "Content-Type": "application/json", "Content-Encoding": "gzip"})
        self.assertEqual(status, 415, answer)


class TwoHosts(MultipartTest):
    """Host A runs the transfer flows; their children run at host B, which alone knows the targets."""
    settings = {"file_size_max": "1GiB"}

    def setUp(self):
        super().setUp()
        os.environ["B_PASSWORD"] = PASSWORD
        self.addCleanup(os.environ.pop, "B_PASSWORD")
        self.a = os.path.join(self.folder, f"a-{self.id()}")
        self.land.sluice("init", self.a, workspace=False, check=True)
        with open(os.path.join(self.a, "connections.json"), "w", encoding="utf-8") as file:
            json.dump({**self.land.connections,
                       **{name: {**self.land.connections[name], "disabled": True}
                          for name in ("OU FTP DACS for CCS-DACS", "OU REST DACS OS for CCS-DACS")},
                       "OU REST OIC for CCS-DACS": {
                           "type": "rest", "url": f"http://127.0.0.1:{self.server.port}", "tls": "none",
                           "auth": "basic", "user": USER, "password": {"env": "B_PASSWORD"}}}, file)
        self.properties(**{"ccs.ftp.custsync.input.directory": SOURCE_FOLDER,
                           "dacs.ftp.custsync.output.directory": TARGET_FOLDER,
                           "dacs.os.custsync.namespace": "dacsnamespace",
                           "dacs.os.custsync.bucketname": BUCKET})
        for name, value in (("from", "a@b.example"), ("to", "a@b.example"), ("to.process.notification", "a@b.example")):
            self.sluice("lookups", "set", "OUTL-BRT-CCS_DACS_Email_ID", name, value)

    def properties(self, **values):
        for name, value in values.items():
            self.sluice("lookups", "set", CONFIG, name, value)

    def sluice(self, *arguments, expect=0):
        done = self.land.sluice("-w", self.a, *arguments, workspace=False)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout

    def test_transfers_through_another_host(self):
        for target, preference in zip(self.targets, ("ftp", "os")):
            prefix = f"C1-{preference}"
            files = {f"{prefix}-{size}.csv": os.urandom(size) for size in (0, 1, 1000, 3 * MIB)}
            for name, data in files.items():
                self.land.put_ccs_ftp(name, data)
            self.properties(**{"dacs.file.target.transfer.pref": preference})
            outcome = json.loads(self.sluice("--json", "run", FLOW_FTP, "--param", f"extractedFileNamePrefix={prefix}"))
            self.assertEqual(outcome["files"]["transferred"], len(files), outcome)
            stored = target.files()
            for name, data in files.items():
                self.assertEqual(stored[name], data)
                self.assertIn("SENT-" + name, self.land.ccs_ftp_files())

    def test_what_another_host_refuses(self):
        self.land.put_ccs_ftp("C1-taken.csv", b"new")
        self.land.put_dacs_ftp("C1-taken.csv", b"old")
        self.properties(**{"dacs.file.target.transfer.pref": "ftp"})
        self.sluice("run", FLOW_FTP, "--param", "extractedFileNamePrefix=C1-taken", expect=1)
        self.assertEqual(self.targets[0].files()["C1-taken.csv"], b"old")
        self.assertIn("C1-taken.csv", self.land.ccs_ftp_files())

    def test_a_file_with_a_run_by_hand(self):
        path = os.path.join(self.folder, "attached")
        with open(path, "wb") as file:
            file.write(os.urandom(2 * MIB))
        for target in self.targets:
            message = os.path.join(self.folder, "message.json")
            name = f"{target.flow}.csv"
            with open(message, "wb") as file:
                file.write(target.message(name))
            self.land.sluice("run", target.flow, "--body", message, "--attach", path, check=True)
            with open(path, "rb") as file:
                self.assertEqual(target.files()[name], file.read())


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Files that arrive while they are stored, of known and unknown size: FTP, SFTP, Object Storage.

  test_stream.py TRANSFER_DRIVER WEB_DRIVER [unittest arguments]
"""
import os
import sys
import unittest

import test_ftp
import test_object_storage
import web_common
from test_object_storage import BUCKET, FOLDER, MIB, md5
from web_common import object_bytes

import servers

DATA = test_ftp.LARGE


def source(path, size=None, cut_at=None):
    told = {"size": size, "cut_at": cut_at}
    return {"stream": path, **{key: value for key, value in told.items() if value is not None}}


class FileServer:
    """The same expectations for every server that has folders; a subclass names the kind."""
    kind, changes = None, {}

    def setUp(self):
        super().setUp()
        self.server = self.launch(self.kind)

    def drive(self, *steps, **changes):
        connection = self.connection(self.server, **{**self.changes, **changes})
        folder = os.path.join(self.server.remote_home, "in dir")
        return self.run_driver({"A": connection}, *[
            {"do": "store", "connection": "A", "folder": folder, **step} for step in steps],
            call=self.call)

    call = {}

    def test_whole_streams_arrive(self):
        sizes = {"empty.csv": b"", "one.csv": b"1", "large.csv": DATA}
        for told in (False, True):
            steps = [{"name": f"{told}{name}",
                      "source": source(self.path(name, data), len(data) if told else None)}
                     for name, data in sizes.items()]
            for answer, (name, data) in zip(self.drive(*steps), sizes.items()):
                self.stores(answer, self.server, f"{told}{name}", data, "in dir")

    def test_what_is_not_whole_is_not_published(self):
        path = self.path("data", DATA)
        for one in (source(path, cut_at=0), source(path, cut_at=len(DATA) - 1),
                    source(path, cut_at=len(DATA)), source(path, size=len(DATA) - 1),
                    source(path, size=len(DATA) + 1), source(path, len(DATA), 1 << 20)):
            with self.subTest(source=one):
                self.fails(self.drive({"name": "t.csv", "source": one})[0], "broken")
                self.assertEqual(self.names(self.server, "in dir"), [])

    def test_the_limit_on_sizes(self):
        self.call = {"file_size_max": 1 << 20}
        for name, extra in (("n.csv", 0), ("n1.csv", 1)):
            data = DATA[:(1 << 20) + extra]
            answer, = self.drive({"name": name, "source": source(self.path(name, data))})
            if extra:
                self.fails(answer, "limit", "file_size_max", "1.0 MiB")
            else:
                self.stores(answer, self.server, name, data, "in dir")
        self.assertEqual(self.names(self.server, "in dir"), ["n.csv"])

    def test_a_name_that_is_taken(self):
        self.put(self.server, "t.csv", b"old", folder="in dir")
        step = {"name": "t.csv", "source": source(self.path("data", DATA))}
        self.fails(self.drive(step)[0], "exists", "t.csv")
        self.assertEqual(self.names(self.server, "in dir"), ["t.csv"])
        self.stores(self.drive(step, on_conflict="number")[0], self.server, "t-2.csv", DATA, "in dir")
        self.stores(self.drive(step, on_conflict="overwrite")[0], self.server, "t.csv", DATA, "in dir")


class Vsftpd(FileServer, test_ftp.TransferTest):
    kind = servers.Vsftpd


class Proftpd(FileServer, test_ftp.TransferTest):
    kind = servers.Proftpd


class PureFtpd(FileServer, test_ftp.TransferTest):
    kind = servers.PureFtpd


class Pyftpdlib(FileServer, test_ftp.TransferTest):
    kind = servers.Pyftpdlib


class Sshd(FileServer, test_ftp.TransferTest):
    kind = servers.Sshd

    def connection(self, server, **changes):
        made = super().connection(server, type="sftp", known_hosts=server.known_hosts, **changes)
        if not server.password_login:
            made.update(private_key=server.client_key)
        return made


class Storage(test_object_storage.StorageTest):
    """Bodies of at most 1 MiB are held: part_size below the default makes it so."""

    def setUp(self):
        super().setUp()
        self.connect("OS", part_size="1MiB")

    def streaming(self, name, data, size=None, cut_at=None, **more):
        return {"do": "store", "connection": "OS", "folder": FOLDER, "name": name,
                "source": source(self.path(f"stream-{name}", data), size, cut_at), **more}

    def test_whole_streams_arrive(self):
        for size, parts in ((0, 0), (1, 0), (MIB - 1, 0), (MIB, 1), (MIB + 1, 2), (3 * MIB, 3)):
            data = DATA[:size]
            for told in (None, size):
                with self.subTest(size=size, told=told):
                    name = f"{size}-{told}.csv"
                    answer = self.good(**self.streaming(name, data, told))
                    self.assertEqual(answer["size"], size)
                    self.assertEqual(object_bytes(self.peer, BUCKET, name), data)
                    if parts and told is None:
                        self.assertTrue(answer["digest"].endswith(f"-{parts}"), answer["digest"])
                    else:
                        self.assertEqual(answer["digest"], md5(data))

    def test_what_is_not_whole_is_not_published(self):
        data = DATA[:3 * MIB + 5]
        for one in ({"cut_at": 0}, {"cut_at": 100}, {"cut_at": MIB}, {"cut_at": len(data)},
                    {"size": len(data) - 1}, {"size": len(data) + 1},
                    {"size": len(data), "cut_at": len(data) - 1}):
            with self.subTest(one):
                self.assertEqual(self.step(**self.streaming("t.csv", data, **one))["kind"], "broken")
                self.assertEqual(self.objects(), {})
        self.assertGreater(len(self.requests("create_upload")), 0)
        self.assertEqual(len(self.requests("abort_upload")), len(self.requests("create_upload")))

    def test_the_same_file_again_and_another_one(self):
        for size in (100, 2 * MIB + 1):
            name, data = f"{size}.csv", DATA[:size]
            self.good(**self.streaming(name, data))
            before = self.objects()[name]["etag"]
            self.good(**self.streaming(name, data))
            self.good(**self.streaming(name, data, size))
            self.assertEqual(self.objects()[name]["etag"], before)
            for other in (data[:-1], data[:-1] + b"\xff", data + b"1"):
                self.bad("exists", "is taken", **self.streaming(name, other))
            self.assertEqual(object_bytes(self.peer, BUCKET, name), data)

    def test_a_stream_after_a_file_and_a_file_after_a_stream(self):
        data = DATA[:2 * MIB + 1]
        self.connect("WHOLE", part_size="64MiB")
        self.seed("a.csv", data)
        self.good(**self.streaming("a.csv", data))
        self.good(**{**self.streaming("b.csv", data), "connection": "WHOLE"})
        self.seed("b.csv", data)
        self.assertEqual(set(self.objects()), {"a.csv", "b.csv"})

    def test_the_policies_for_names_that_are_taken(self):
        data = DATA[:MIB + 1]
        self.seed("t.csv", b"old")
        self.connect("OS", part_size="1MiB", on_conflict="number")
        self.assertEqual(self.good(**self.streaming("t.csv", data))["name"], "t-2.csv")
        self.assertEqual(self.good(**self.streaming("t.csv", data))["name"], "t-3.csv")
        self.connect("OS", part_size="1MiB", on_conflict="overwrite")
        self.good(**self.streaming("t.csv", data))
        self.assertEqual(object_bytes(self.peer, BUCKET, "t.csv"), data)

    def test_a_name_taken_meanwhile(self):
        for match in ({"method": "PUT"}, {"method": "POST", "query_regex": "uploadId="}):
            size = 100 if match["method"] == "PUT" else MIB + 1
            self.fault({"match": match, "action": "status", "status": 412,
                        "body": {"code": "IfNoneMatchFailed", "message": "x"}})
            self.bad("exists", **self.streaming(f"{size}.csv", DATA[:size]))
        self.assertEqual(self.objects(), {})


if __name__ == "__main__":
    test_ftp.DRIVER = os.path.realpath(sys.argv.pop(1))
    web_common.DRIVER = os.path.realpath(sys.argv.pop(1))
    unittest.main(verbosity=2)

# SPDX-License-Identifier: MIT
"""Uploads over SFTP of which one message to the server is lost with its connection, or arrives only later.

libcurl tells a command that was refused from one that nobody answered by words of the server that may be older:
so every message is lost once, and what is told must agree with what the server holds.

  test_sftp_lost.py DRIVER [unittest arguments]
"""
import os
import socket
import sys
import threading
import time
import unittest

import test_ftp
from test_ftp import TransferTest, local, setUpModule  # noqa: F401

import servers

MESSAGES = 12  # the last ones of an upload: from its bytes on to the rename
DATA = b"0123456789"


class Holding:
    """Holds the nth message to the server on the first connection back, and ends that one on our side. late: it
    arrives before the message of that number on the second one; else never."""

    def __init__(self, port, nth=0, late=0):
        self.target, self.nth, self.late = port, nth, late
        self.count = self.second_count = self.connections = 0
        self.held = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, server, self.connections), daemon=True).start()

    def serve(self, client, server, connection):
        down = threading.Thread(target=self.down, args=(server, client), daemon=True)
        down.start()
        with client, server:
            self.up(client, server, connection)
            down.join(30)

    def up(self, client, server, connection):
        try:
            while block := client.recv(65536):
                if connection == 1:
                    self.count += 1
                    if self.count == self.nth:
                        self.hold(client, server, block)
                        return
                elif connection == 2:
                    self.second_count += 1
                    self.let_go()
                server.sendall(block)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def hold(self, client, server, block):
        self.held = server, block
        client.shutdown(socket.SHUT_RDWR)
        if not self.late:
            server.shutdown(socket.SHUT_RDWR)

    def let_go(self):
        if self.held and self.second_count == self.late:
            self.held[0].sendall(self.held[1])
            time.sleep(0.2)

    @staticmethod
    def down(server, client):
        try:
            while block := server.recv(65536):
                client.sendall(block)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Lost(TransferTest):
    def setUp(self):
        super().setUp()
        self.server = self.launch(servers.Sshd)
        with open(self.server.known_hosts, encoding="ascii") as file:
            self.key = file.read().split(" ", 1)[1]

    def store(self, name, on_conflict="fail", **how):
        proxy = Holding(self.server.port, **how)
        self.addCleanup(proxy.close)
        connection = self.connection(self.server, type="sftp", port=proxy.port, on_conflict=on_conflict,
                                     known_hosts=self.path("hosts", f"[127.0.0.1]:{proxy.port} {self.key}".encode()))
        if not self.server.password_login:
            connection.update(private_key=self.server.client_key)
        folder = os.path.join(self.server.remote_home, "in dir")
        answer = self.run_driver({"A": connection}, {
            "do": "store", "connection": "A", "folder": folder, "name": name,
            "source": local(self.path("source", DATA))})[0]
        return proxy, answer, self.names(self.server, "in dir")

    def check(self, name, answer, there):
        if answer["ok"]:
            self.assertIn(name, there, answer)
        elif answer["kind"] != "unknown":
            self.assertNotIn(name, there, answer)

    def test_one_message_never_arrives(self):
        proxy, answer, _ = self.store("whole.csv")
        self.assertTrue(answer["ok"], answer)
        stored = 0
        for nth in range(proxy.count, proxy.count - MESSAGES, -1):
            with self.subTest(nth):
                name = f"{nth}.csv"
                _, answer, there = self.store(name, nth=nth)
                self.check(name, answer, there)
                self.assertNotEqual(answer.get("kind"), "refused", answer)
                stored += answer["ok"]
        self.assertGreater(stored, 0)

    def last_that_matters(self, on_conflict):
        """Behind it only the end of the connection is said."""
        proxy, answer, _ = self.store("whole.csv", on_conflict)
        self.assertTrue(answer["ok"], answer)
        for nth in range(proxy.count, 0, -1):
            again, _, _ = self.store(f"{nth}.csv", on_conflict, nth=nth)
            if again.connections > 1:
                return nth, again.second_count
        raise AssertionError("no message matters")

    def test_one_message_never_arrives_where_a_file_is_overwritten(self):
        """That is worth another attempt: nothing of it was refused. Behind a removal that may arrive yet, not at
        once. Which message carries that differs by a few, as TCP makes one of two: until it was met."""
        cut_off = 0
        self.put(self.server, "whole.csv", b"old", folder="in dir")
        proxy, answer, _ = self.store("whole.csv", "overwrite")
        self.assertTrue(answer["ok"], answer)
        last = range(proxy.count, proxy.count - MESSAGES, -1)
        for number, nth in enumerate([*last, *list(last[3:10]) * 10]):
            if number >= MESSAGES and cut_off:
                break
            with self.subTest(number):
                name = f"{number}.csv"
                self.put(self.server, name, b"old", folder="in dir")
                _, answer, _ = self.store(name, "overwrite", nth=nth)
                self.assertNotIn(answer.get("kind"), ("refused", "denied"), answer)
                if answer["ok"]:
                    self.assertEqual(self.content(self.server, name, "in dir"), DATA)
                elif "to be overwritten" in answer["message"]:
                    cut_off += 1
                    self.assertEqual(answer["retry_after_ms"], 60000)
        self.assertGreater(cut_off, 0)

    def arrive_late(self, on_conflict, before=12):
        nth, messages = self.last_that_matters(on_conflict)
        late = 0
        for number in range(messages - before, messages + 1):
            with self.subTest(number):
                name = f"late{number}.csv"
                again, answer, there = self.store(name, on_conflict, nth=nth, late=number)
                self.check(name, answer, there)
                late += again.second_count >= number
        self.assertGreater(late, 0)

    def test_the_rename_arrives_later(self):
        self.arrive_late("fail")

    def test_the_rename_arrives_later_and_may_overwrite(self):
        """What is removed to be overwritten by the second attempt may be what the first one published."""
        self.arrive_late("overwrite", 16)


if __name__ == "__main__":
    test_ftp.DRIVER = os.path.abspath(sys.argv.pop(1))
    unittest.main()

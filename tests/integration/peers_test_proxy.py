# SPDX-License-Identifier: MIT
"""The fault proxy does what each rule says and counts what passed."""
import socket
import socketserver
import threading
import time
import unittest

from peers_common import PeerTest

from fault_proxy import FaultProxyPeer


class Echo(socketserver.ThreadingTCPServer):
    """Answers every line with itself."""
    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                for line in self.rfile:
                    self.wfile.write(line)
            except OSError:
                pass


class Proxy(PeerTest):
    def setUp(self):
        super().setUp()
        self.echo = Echo(("127.0.0.1", 0), Echo.Handler)
        threading.Thread(target=self.echo.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.addCleanup(self.echo.server_close)
        self.addCleanup(self.echo.shutdown)

    def proxy(self, *rules):
        return self.start(FaultProxyPeer, self.path("proxy"), self.echo.server_address[1], *rules)

    def connect(self, proxy):
        sock = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
        self.addCleanup(sock.close)
        return sock

    def receive(self, sock):
        data = b""
        while block := sock.recv(65536):
            data += block
        return data

    def talk(self, proxy, data=b"hello\n"):
        sock = self.connect(proxy)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return self.receive(sock)

    def test_passes_everything_and_counts(self):
        proxy = self.proxy()
        data = b"0123456789abcde\n" * 65536
        self.assertEqual(self.talk(proxy, data), data)
        status = proxy.command(status=True)
        self.assertEqual((status["connections"], status["bytes_to_server"], status["bytes_to_client"]),
                         (1, len(data), len(data)))

    def test_cut(self):
        proxy = self.proxy({"action": "cut", "after": 5, "direction": "to_client"})
        self.assertEqual(self.talk(proxy, b"1234\n5678\n"), b"1234\n")
        proxy = self.proxy({"action": "cut", "after": 5, "direction": "to_server"})
        self.assertIn(self.talk(proxy, b"1234\n5678\n"), (b"", b"1234\n"))  # an echo may be late
        self.assertEqual(proxy.command(status=True)["bytes_to_server"], 5)

    def test_cut_only_the_second_connection(self):
        proxy = self.proxy({"action": "cut", "after": 0, "connections": [2]})
        self.assertEqual([self.talk(proxy) for _ in range(3)], [b"hello\n", b"", b"hello\n"])

    def test_reset(self):
        proxy = self.proxy({"action": "reset", "after": 5, "direction": "to_client", "times": 1})
        sock = self.connect(proxy)
        sock.sendall(b"1234\n5678\n")
        with self.assertRaises(ConnectionResetError):
            self.receive(sock)
        self.assertEqual(self.talk(proxy), b"hello\n")

    def test_drop_answer(self):
        proxy = self.proxy({"action": "drop_answer", "line": 2})
        sock = self.connect(proxy)
        sock.sendall(b"one\n")
        self.assertEqual(sock.recv(100), b"one\n")
        sock.sendall(b"two\n")
        self.assertEqual(self.receive(sock), b"")

    def test_delay_and_bandwidth(self):
        for rule in ({"action": "delay", "seconds": 0.3},
                     {"action": "bandwidth", "bytes_per_second": 20, "direction": "to_client"}):
            proxy = self.proxy(rule)
            started = time.monotonic()
            self.assertEqual(self.talk(proxy), b"hello\n")
            self.assertGreaterEqual(time.monotonic() - started, 0.29)

    def test_stall_and_refuse(self):
        proxy = self.proxy({"action": "stall", "after": 0, "connections": [1]},
                           {"action": "refuse", "connections": [2]})
        sock = self.connect(proxy)
        sock.sendall(b"hello\n")
        sock.settimeout(0.3)
        self.assertRaises(socket.timeout, sock.recv, 1)
        other = self.connect(proxy)
        self.assertEqual(self.receive(other), b"")

    def test_control_port(self):
        proxy = self.proxy()
        self.assertIn("error", proxy.command(add={"action": "explode"}))
        proxy.command(add={"action": "cut", "after": 0})
        self.assertEqual(self.talk(proxy), b"")
        self.assertEqual(proxy.command(clear=True)["rules"], [])
        self.assertEqual(self.talk(proxy), b"hello\n")


if __name__ == "__main__":
    unittest.main()

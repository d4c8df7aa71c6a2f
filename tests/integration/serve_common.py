# SPDX-License-Identifier: MIT
"""What tests of `sluice serve` share: the server as a process, and HTTP spoken byte by byte."""
import base64
import http.client
import os
import re
import socket
import ssl
import subprocess
import tempfile
import time

FLOWS = "/ic/api/integration/v1/flows/"
USER, PASSWORD = "caller", "caller-serve-secret"
DEADLINE_SECONDS = 30  # for what must happen; generous, because the machine may be busy


def authorization(user=USER, password=PASSWORD):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def add_user(sluice, workspace, user=USER, password=PASSWORD, role="invoke"):
    subprocess.run([sluice, "-w", workspace, "users", "add", user, "--role", role],
                   input=password + "\n", text=True, check=True, capture_output=True, timeout=60)


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to be: {what}")
        time.sleep(0.02)
    return value


class Server:
    """`sluice serve` on a port of its own; log() is what it wrote. before: run in the child; ca: the
    authority, if it is to speak TLS."""

    def __init__(self, sluice, workspace, environment=None, before=None, ca=None):
        self.tls = ca and ssl.create_default_context(cafile=ca)
        self.file = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sluice, "-w", workspace, "serve", "--listen", "127.0.0.1:0"],
            env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=self.file,
            text=True, preexec_fn=before)
        line = self.process.stdout.readline()
        if not re.fullmatch(rf"listening on http{'s' if ca else ''}://127\.0\.0\.1:\d+\n", line):
            log = self.log()
            self.stop()
            raise AssertionError(f"{line!r} {log}")
        self.port = int(line.rpartition(":")[2])

    def log(self):
        self.file.seek(0)
        return self.file.read()

    def status(self, name):
        """A number of /proc/<pid>/status, as VmRSS (KiB) or FDSize."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.MULTILINE)[1])

    def connect(self, timeout=DEADLINE_SECONDS):
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=timeout))

    def ask(self, method="POST", path="/", body=None, headers=None, timeout=60):
        """One request with the client of the standard library; status, fields, body."""
        connection = (
            http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.tls) if self.tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout))
        try:
            connection.request(method, path, body, {"Authorization": authorization(), **(headers or {})})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def stop(self, expect=None):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        log = self.log() if expect is not None else ""
        self.file.close()
        if expect is not None and self.process.returncode != expect:
            raise AssertionError(f"exit {self.process.returncode}: {log}")


class Wire:
    """A connection whose bytes are the test's own."""

    def __init__(self, sock):
        self.socket = sock
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(part.encode("latin-1") if isinstance(part, str) else part
                                     for part in parts))

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            got = self.socket.recv(65536)
        except ConnectionError:
            got = b""
        self.buffer += got
        return got

    def answer(self):
        """Status, fields and body of the next answer; None if the connection ended instead."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        size = int(fields.get("content-length", 0)) if status >= 200 else 0
        while len(self.buffer) < size and self._more():
            pass
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return status, fields, body

    def is_over(self):
        """Whether the server ends the connection; waits for it."""
        while True:
            got = self._more()
            if not got:
                return True

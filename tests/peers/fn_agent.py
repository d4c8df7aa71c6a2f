# SPDX-License-Identifier: MIT
"""Fn's agent as a function's container sees it, written from its contract (fnproject/docs:
fn/develop/fn-format.md; fn: api/agent/agent.go, api/server/runner_httptrigger.go).

Starts a function, waits for its socket by inotify and connects at once, calls it one request at a
time, judges its answers, freezes it between calls (SIGSTOP stands for the cgroup freezer).
"""
import ctypes
import datetime
import http.client
import os
import resource
import select
import signal
import socket
import stat
import struct
import subprocess
import time

from common import end_process

START_SECONDS = 5  # FN_HOT_START_TIMEOUT
OPEN_FILES_MAX, PROCESSES_MAX = 350, 50  # api/agent/config.go: FN_MAX_OPEN_FILES, FN_MAX_PIDS
SOCKET_NAME = "lsnr.sock"
SOCKET_PATH_MAX = 107
IN_CREATE = 0x100
FRAME_NAME, FRAME_HEADER = "fn_call", "Fn-Call-Id"

libc = ctypes.CDLL(None, use_errno=True)


class ContractError(AssertionError):
    """The function did what costs a container on the platform; the text says what."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class FnAgent:
    """command: of the function; folder: for the socket, made; environment: further variables; inside:
    where the function finds the folder, if its file system is another one."""

    def __init__(self, command, folder, environment=None, preexec=None, log=None, inside=None):
        self.folder, self.log = folder, log
        self.path = os.path.join(folder, SOCKET_NAME)
        if len(self.path) > SOCKET_PATH_MAX:
            raise ValueError(f"longer than {SOCKET_PATH_MAX} bytes: {self.path}")
        os.makedirs(folder, exist_ok=True)
        self.calls, self.frozen, self.connection = 0, False, None
        watch = self._watch()
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            command, env={**(environment or {}), "FN_FORMAT": "http-stream",
                          "FN_LISTENER": f"unix:{inside or folder}/{SOCKET_NAME}",
                          "FN_LOGFRAME_NAME": FRAME_NAME,
                          "FN_LOGFRAME_HDR": FRAME_HEADER, "FN_APP_NAME": "app", "FN_FN_ID": "01",
                          "FN_MEMORY": "128", "FN_TMPSIZE": "64"},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=True,
            preexec_fn=lambda: self._confine(preexec))
        try:
            self._await_socket(watch)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(watch)

    @staticmethod
    def _confine(preexec):
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES_MAX, OPEN_FILES_MAX))
        if preexec:
            preexec()

    # ---- start: agent.go inotifyAwait, checkSocketDestination -------------------------------------

    def _watch(self):
        watch = libc.inotify_init()
        if watch < 0 or libc.inotify_add_watch(watch, self.folder.encode(), IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify")
        return watch

    def _await_socket(self, watch):
        deadline = self.begun + START_SECONDS
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([watch], [], [], min(left, 0.1))[0]:
                if left <= 0:
                    raise ContractError(f"no {SOCKET_NAME} within {START_SECONDS} s")
                if self.process.poll() is not None:
                    raise ContractError(f"ended with {self.process.returncode} before it listened")
                continue
            if SOCKET_NAME in self._created(os.read(watch, 4096)):
                break
        self._check_destination()
        self._connect()  # at once: a socket that is not ready yet is the function's fault

    @staticmethod
    def _created(events):
        names, at = set(), 0
        while at < len(events):
            _, _, _, length = struct.unpack_from("iIII", events, at)
            names.add(events[at + 16:at + 16 + length].rstrip(b"\0").decode())
            at += 16 + length
        return names

    def _check_destination(self):
        if os.path.islink(self.path) and os.path.dirname(os.readlink(self.path)) not in ("", "."):
            raise ContractError(f"the link leads to another folder: {os.readlink(self.path)}")
        status = os.stat(self.path)
        if not stat.S_ISSOCK(status.st_mode):
            raise ContractError("no socket at the end of the link")
        if stat.S_IMODE(status.st_mode) & 0o666 != 0o666:
            raise ContractError(f"the agent is another user and may not use it: {status.st_mode:o}")

    def _connect(self):
        self.connection = _UnixConnection(self.path)
        self.connection.connect()

    # ---- calls ------------------------------------------------------------------------------------

    def call(self, body=b"", content_type=None, headers=None, seconds=30, chunked=False):
        """A direct invocation. Gives (kind, headers, body, call id): kind "ok", "failed", "late"."""
        if self.frozen:
            self.thaw()
        self.calls += 1
        call_id = f"01CALL{self.calls:020d}"
        deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        fields = {"Host": "localhost", FRAME_HEADER: call_id,
                  "Fn-Deadline": deadline.strftime("%Y-%m-%dT%H:%M:%SZ"), **(headers or {})}
        if content_type:
            fields["Content-Type"] = content_type
        if self.connection is None:  # an idle one was dropped
            self._connect()
        self.connection.request("POST", "/call", iter([body]) if chunked else body, fields,
                                encode_chunked=chunked)
        answer = self.connection.getresponse()
        data = answer.read()
        kinds = {200: "ok", 502: "failed", 504: "late"}
        if answer.status not in kinds:
            raise ContractError(f"status {answer.status} kills the container: {data[:300]!r}")
        return kinds[answer.status], {k.lower(): v for k, v in answer.getheaders()}, data, call_id

    def request(self, method="POST", url="http://gateway.example/t/app/flow", body=b"", headers=None,
                **options):
        """A caller's HTTP request through a trigger. Gives (status, headers, body) as the caller gets
        them: only what is under the prefix, and the content type."""
        fields = {"Fn-Intent": "httprequest", "Fn-Http-Method": method, "Fn-Http-Request-Url": url}
        content_type = None
        for name, value in (headers or {}).items():
            if name.lower() == "content-type":
                content_type = value
            fields[f"Fn-Http-H-{name}"] = value
        kind, got, data, _ = self.call(body, content_type, fields, **options)
        service_status = {"ok": 200, "failed": 502, "late": 504}[kind]
        passed = {k[len("fn-http-h-"):]: v for k, v in got.items() if k.startswith("fn-http-h-")}
        if "content-type" in got:
            passed["content-type"] = got["content-type"]
        status = service_status if service_status >= 400 else int(got.get("fn-http-status", 200))
        return status, passed, data

    def drop_idle(self):
        """The agent's client closes what was idle for about a second."""
        self.connection.close()
        self.connection = None

    # ---- freezing ---------------------------------------------------------------------------------

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)
        self.frozen = False

    def switches(self):
        """How often all threads gave up or lost the processor so far."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/status", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        return total

    def usage(self):
        """(processes and threads, open descriptors)"""
        folder = f"/proc/{self.process.pid}"
        return len(os.listdir(folder + "/task")), len(os.listdir(folder + "/fd"))

    # ---- end --------------------------------------------------------------------------------------

    def stop(self, seconds=10):
        if self.connection:
            self.connection.close()
        if self.frozen:
            self.thaw()
        return end_process(self.process, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

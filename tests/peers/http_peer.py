# SPDX-License-Identifier: MIT
"""A small strict HTTP/1.1 server for the peers, with fault injection and a request record.

Strict on purpose: what a real service would refuse (folded headers, two lengths, odd targets) is
refused here too. One thread per connection; bodies are streamed, never held whole.

Administration, outside the recorded and authenticated paths:
  POST   /_faults    a fault or a list of faults (see Fault); GET lists them, DELETE clears them
  GET    /_requests  the record so far, as a JSON list
"""
import base64
import json
import os
import re
import socket
import ssl
import struct
import threading
import time
import traceback
import uuid

from common import Records

HEAD_LIMIT = 64 * 1024
BLOCK = 1024 * 1024
JSON_LIMIT = 4 * 1024 * 1024
DRAIN_LIMIT = 1024 * 1024
IDLE_SECONDS = 120
RECORDED_BODY_LIMIT = 1024 * 1024
TOKEN = re.compile(r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")
TARGET = re.compile(r"^/[!-~]*$")
REASONS = {200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 304: "Not Modified",
           400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
           409: "Conflict", 411: "Length Required", 412: "Precondition Failed",
           413: "Content Too Large", 415: "Unsupported Media Type",
           416: "Range Not Satisfiable", 429: "Too Many Requests", 500: "Internal Server Error",
           501: "Not Implemented", 503: "Service Unavailable"}


class BadRequest(Exception):
    """The request cannot be parsed; the connection is closed after a 400."""


class Disconnected(Exception):
    """The client went away, or a fault closed the connection."""


class Answer(Exception):
    """An answer, raised or returned. body: bytes, or (length, iterable of byte blocks)."""

    def __init__(self, status, body=b"", headers=()):
        super().__init__(status)
        self.status = status
        self.headers = list(headers)
        self.body = body

    @classmethod
    def json(cls, status, value, headers=()):
        text = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, text, [("Content-Type", "application/json"), *headers])


class Request:
    def __init__(self, method, target, version, headers):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.version = version
        self.headers = headers
        self.length = self._length()
        self.remaining = self.length or 0
        self.is_chunked = self.has("transfer-encoding")  # and not read yet
        self.received = 0
        self.note = {}
        self._connection = None

    def _length(self):
        values = self.all("content-length")
        if len(values) > 1 or (values and self.has("transfer-encoding")):
            raise BadRequest("more than one body length")
        if values and not re.fullmatch(r"[0-9]{1,18}", values[0]):
            raise BadRequest("malformed Content-Length")
        return int(values[0]) if values else None

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    def has(self, name):
        return any(key == name for key, _ in self.headers)

    def blocks(self):
        """The body in blocks; sends 100 Continue first if the client waits for it."""
        return self._connection.read_body(self)

    def body(self, limit=JSON_LIMIT):
        if self.remaining > limit:
            raise Answer.json(413, {"code": "RequestEntityTooLarge", "message": "body too large"})
        return b"".join(self.blocks())


class Fault:
    """{"match": {"method", "path_regex", "query_regex"}, "skip": n, "times": n, "action": ...}

    action  status     answer `status`, `headers`, `body` (string or JSON) without doing the work
            reset      TCP reset; after `after_bytes` of the request body if that is given
            drop_reply do the work, then close without an answer
            untrue     do the work, then answer as for `status`
            short_body answer fully announced, but close after `bytes` of the body
            corrupt    flip one bit of the first body byte of the answer
            delay      wait `seconds`, then go on as usual
    times 0 means for ever. path_regex is searched in the raw path, query_regex in the raw query.
    """
    ACTIONS = ("status", "reset", "drop_reply", "untrue", "short_body", "corrupt", "delay")

    def __init__(self, fields):
        match = fields.get("match", {})
        if fields.get("action") not in self.ACTIONS:
            raise ValueError(f"action must be one of {', '.join(self.ACTIONS)}")
        self.fields = fields
        self.action = fields["action"]
        self.method = match.get("method")
        self.path = re.compile(match.get("path_regex", ""))
        self.query = re.compile(match.get("query_regex", ""))
        self.skip = int(fields.get("skip", 0))
        self.times = int(fields.get("times", 1))
        self.done = 0

    def takes(self, request):
        if self.method not in (None, request.method) or (self.times and self.done >= self.times):
            return False
        if not self.path.search(request.path) or not self.query.search(request.query):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.done += 1
        return True


class Connection:
    """One client connection; reads requests and writes answers until it closes."""

    def __init__(self, peer, sock):
        self.peer = peer
        self.sock = sock
        self.reader = sock.makefile("rb", BLOCK)
        self.pending_continue = False

    def read_head(self):
        lines, size = [], 0
        while True:
            line = self.reader.readline(HEAD_LIMIT + 1)
            size += len(line)
            if not line:
                raise Disconnected()
            if size > HEAD_LIMIT:
                raise BadRequest("head too large")
            if not line.endswith(b"\r\n"):
                raise BadRequest("line does not end in CR LF")
            if line == b"\r\n":
                if lines:
                    break
                continue
            lines.append(line[:-2].decode("latin-1"))
        return self._parse_head(lines)

    @staticmethod
    def _parse_head(lines):
        parts = lines[0].split(" ")
        if len(parts) != 3 or not TOKEN.match(parts[0]) or not TARGET.match(parts[1]) \
                or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest(f"malformed request line {lines[0][:200]!r}")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not TOKEN.match(name):
                raise BadRequest(f"malformed header line {line[:100]!r}")
            value = value.strip(" \t")
            if any(ord(char) < 32 and char != "\t" or ord(char) == 127 for char in value):
                raise BadRequest(f"control byte in header {name}")
            headers.append((name.lower(), value))
        if sum(1 for name, _ in headers if name == "host") != 1:
            raise BadRequest("exactly one Host header is required")
        return Request(parts[0], parts[1], parts[2], headers)

    def read_body(self, request):
        if self.pending_continue:
            self.pending_continue = False
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.is_chunked:
            yield from self.read_chunks(request)
        buffer = bytearray(min(BLOCK, max(1, request.remaining)))
        view = memoryview(buffer)
        while request.remaining:
            got = self.reader.readinto1(view[:min(len(buffer), request.remaining)])
            if not got:
                raise Disconnected()
            request.remaining -= got
            request.received += got
            yield view[:got]

    def read_chunks(self, request):
        while size := self.read_chunk_size():
            block = self.reader.read(size)
            if len(block) < size or self.reader.read(2) != b"\r\n":
                raise Disconnected()
            request.received += size
            yield block
        self.reader.readline(80)
        request.is_chunked = False

    def read_chunk_size(self):
        line = self.reader.readline(80)
        if not line.endswith(b"\r\n"):
            raise Disconnected()
        return int(line, 16)

    def write(self, request, answer, short=None, corrupt=False):
        body = answer.body
        length, blocks = body if isinstance(body, tuple) else (len(body), [body])
        close = request is None or request.version == "HTTP/1.0" \
            or (request.get("connection") or "").lower() == "close" \
            or request.remaining > DRAIN_LIMIT or (request.remaining and self.pending_continue)
        head = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        if answer.status != 204 and not any(n.lower() == "content-length" for n, _ in answer.headers):
            head.append(f"Content-Length: {length}")
        head.append(f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}")
        if close:
            head.append("Connection: close")
        pending = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
        if answer.status in (204, 304) or (request and request.method == "HEAD"):
            blocks = []
        left = length if short is None else short
        for block in blocks:
            if corrupt and len(block):
                block, corrupt = bytes([block[0] ^ 1]) + bytes(block[1:]), False
            if left < len(block):
                block = block[:left]
            left -= len(block)
            if pending and len(block) <= BLOCK:
                block, pending = pending + block, b""
            elif pending:
                self.sock.sendall(pending)
                pending = b""
            self.sock.sendall(block)
            if short is not None and left <= 0:
                raise Disconnected()
        if pending:
            self.sock.sendall(pending)
        if close:
            self._linger(request)
            raise Disconnected()
        for _ in self.read_body(request):
            pass

    def _linger(self, request):
        """Lets the client read the answer before unread body bytes turn the close into a reset."""
        if request is None or not request.remaining:
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(2)
            while self.sock.recv(BLOCK):
                pass
        except (OSError, ssl.SSLError):
            pass

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Disconnected()

    def serve(self):
        try:
            while True:
                try:
                    request = self.read_head()
                except BadRequest as problem:
                    self.peer.record_bad(str(problem))
                    self.write(None, self.peer.bad_request(str(problem)))
                request._connection = self
                self.pending_continue = bool(request.remaining) \
                    and (request.get("expect") or "").lower() == "100-continue"
                self.peer.serve_request(self, request)
        except (Disconnected, OSError, ssl.SSLError):
            pass
        finally:
            self.reader.close()
            self.sock.close()


class HttpPeer:
    """Base of the HTTP peers. A subclass gives handle(request) -> Answer (or raises one)."""
    record_name = "requests.jsonl"

    def __init__(self, root, host="127.0.0.1", port=0, tls=None):
        os.makedirs(root, exist_ok=True)
        self.root = os.path.abspath(root)
        self.records = Records(os.path.join(self.root, self.record_name))
        self.faults = []
        self.faults_lock = threading.Lock()
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self.tls.load_cert_chain(*tls)
        self.listener = socket.create_server((host, port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def handle(self, request):
        raise NotImplementedError

    def bad_request(self, message):
        return Answer.json(400, {"code": "CannotParseRequest", "message": message})

    def record(self, request, answer, outcome):
        """One line for the record; subclasses add what they know."""
        headers = {name: request.get(name) for name, _ in request.headers}
        if "authorization" in headers:
            headers["authorization"] = hide_credentials(headers["authorization"])
        return {"time": time.time(), "method": request.method, "path": request.target,
                "headers": headers, "size": request.received,
                "status": answer.status if answer else None, "outcome": outcome, **request.note}

    def record_bad(self, message):
        self.records.add({"time": time.time(), "method": None, "path": None, "headers": {},
                          "size": 0, "status": 400, "outcome": "unparsable", "error": message})

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        try:
            sock.settimeout(IDLE_SECONDS)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError):
            sock.close()
            return
        Connection(self, sock).serve()

    def serve_request(self, connection, request):
        if request.path.startswith("/_"):
            connection.write(request, self._administer(request))
            return
        with self.faults_lock:
            fault = next((one for one in self.faults if one.takes(request)), None)
        action = fault.action if fault else None
        answer, outcome = None, action or "answered"
        try:
            if action == "delay":
                time.sleep(float(fault.fields.get("seconds", 1)))
            elif action == "reset":
                self._reset(connection, request, fault)
            answer = self._fault_answer(fault) if action == "status" else self._answer(request)
            if action == "untrue":
                answer = self._fault_answer(fault)
            if action == "drop_reply":
                raise Disconnected()
        except Disconnected:
            outcome = action or "disconnected"
            raise
        finally:
            self.records.add(self.record(request, answer, outcome))
        connection.write(request, answer, corrupt=action == "corrupt",
                         short=int(fault.fields.get("bytes", 0)) if action == "short_body" else None)

    def _answer(self, request):
        try:
            return self.handle(request)
        except Answer as answer:
            return answer
        except (Disconnected, OSError):
            raise
        except Exception as problem:  # a defect of the peer must be visible, not a hang-up
            traceback.print_exc()
            return Answer.json(500, {"code": "InternalServerError", "message": repr(problem)})

    @staticmethod
    def _reset(connection, request, fault):
        wanted = int(fault.fields.get("after_bytes", 0))
        if wanted:
            for _ in request.blocks():
                if request.received >= wanted:
                    break
        connection.reset()

    @staticmethod
    def _fault_answer(fault):
        fields = fault.fields
        body = fields.get("body", {"code": "ServiceUnavailable", "message": "injected fault"})
        headers = list(fields.get("headers", {}).items())
        if isinstance(body, str):
            return Answer(int(fields["status"]), body.encode(), headers)
        return Answer.json(int(fields["status"]), body, headers)

    def _administer(self, request):
        try:
            return self.administer(request)
        except Answer as answer:
            return answer
        except (ValueError, KeyError, TypeError, AttributeError, re.error) as problem:
            return Answer.json(400, {"error": str(problem)})

    def administer(self, request):
        if request.path == "/_requests" and request.method == "GET":
            return Answer.json(200, self.records.read())
        if request.path != "/_faults":
            return Answer.json(404, {"error": "no such administration path"})
        with self.faults_lock:
            if request.method == "POST":
                given = json.loads(request.body())
                faults = [Fault(one) for one in (given if isinstance(given, list) else [given])]
                self.faults += faults
            elif request.method == "DELETE":
                self.faults = []
            return Answer.json(200, [{**one.fields, "done": one.done} for one in self.faults])


def hide_credentials(value):
    """Authorization as it may be recorded: the scheme and the public parts of a signature."""
    if value.startswith("Signature "):
        return re.sub(r'signature="[^"]*"', 'signature="..."', value)
    return value.split(" ", 1)[0] + " ..."


def basic_credentials(request):
    """(user, password) of Basic authentication, or None."""
    scheme, _, encoded = (request.get("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def new_id():
    return str(uuid.uuid4())

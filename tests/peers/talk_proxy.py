# SPDX-License-Identifier: MIT
"""A proxy on loopback that understands what passes, so that a fault can be put at one word of it: before
the second STOR, instead of the reply to RNTO, within the body of a part. FTP and SMTP in clear or after
AUTH TLS and STARTTLS, FTP's data connections, HTTP over TLS; of SFTP, which nobody can read, the bytes.

TLS ends in the proxy and begins anew behind it; the client must trust the certificate that it is given.

  proxy = TalkProxy("ftp", port, certificate, key)
  proxy.begin()                                   a new run, undisturbed; afterwards proxy.heard has
                                                  (what, number, size): the number-th what of the run
  proxy.begin([Fault(what, number, action, after)])   with faults, each of which strikes once

Actions at a request: "cut", "reset": instead of passing it on; "lose": it is passed on and its final answer
swallowed, then both sides are closed; "break": the answer is reset in its middle; "delay": the answer waits;
"stall": the answer never comes, the connection stays. At bytes ("STOR data", "PUT u/ body", ...): "cut" and
"reset" after so many bytes of them; "lose": of FTP's data, the control connection ends and they go on; of SFTP,
silence from that byte on, then an end.
"""
import collections
import re
import socket
import threading
import time

from wire import Wire, client_context, readable, server_context

Fault = collections.namedtuple("Fault", "what number action after", defaults=(0,))

REQUEST_ACTIONS = ("cut", "reset", "lose", "break", "delay", "stall")
BYTES_ACTIONS = ("cut", "reset")
DELAY_SECONDS = 0.2
SILENCE_SECONDS = 0.3  # of an SFTP server whose answers are swallowed: it has done what it was asked
ANSWER = re.compile(rb"(?:\d\d\d-.*\n(?:(?!\d\d\d ).*\n)*)?(\d\d\d) .*\n")  # of one line or of several
PROTOCOLS = {}


class Struck(Exception):
    """The fault has closed the connection."""


def protocol(name):
    def note(kind):
        PROTOCOLS[name] = kind
        return kind
    return note


class Run:
    """What is said in a run, and the faults that are meant for it. A connection belongs to the run in which it began,
    whatever it still says in the next one."""

    def __init__(self, faults):
        self.lock = threading.Lock()
        self.faults, self.struck = list(faults), []
        self.counts, self.heard = collections.Counter(), []

    def hear(self, what):
        """A new what: its number."""
        with self.lock:
            self.counts[what] += 1
            self.heard.append([what, self.counts[what], 0])
            return self.counts[what]

    def hear_bytes(self, what, number, size):
        with self.lock:
            for entry in self.heard:
                if entry[:2] == [what, number]:
                    entry[2] += size

    def strikes(self, what, number, *actions):
        """The fault, if there is one of these actions that is meant for this; it strikes once."""
        with self.lock:
            for fault in self.faults:
                if fault[:2] == (what, number) and fault.action in actions:
                    self.faults.remove(fault)
                    self.struck.append(fault)
                    return fault
            return None

    def room(self, what, number, passed):
        """How many bytes may still pass behind those passed, and what happens then."""
        with self.lock:
            for fault in self.faults:
                if fault[:2] == (what, number):
                    return max(0, fault.after - passed), fault.action
            return None, None


class TalkProxy:
    """on_lost is called when an answer has been swallowed, before the client can know."""

    def __init__(self, kind, target_port, certificate=None, key=None, on_lost=lambda: None):
        self.kind, self.target_port, self.on_lost = kind, target_port, on_lost
        self.to_client = server_context(certificate, key) if certificate else None
        self.to_server = client_context()
        self.begin()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, faults=()):
        self.current = Run(faults)

    @property
    def counts(self):
        return self.current.counts

    @property
    def heard(self):
        return self.current.heard

    @property
    def struck(self):
        return self.current.struck

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client, self.target_port, self._passage), daemon=True).start()

    def _passage(self, client, server):
        return PROTOCOLS[self.kind](self, client, server)


def serve(client, port, passage):
    """One connection from its beginning to its end. passage(client, server) makes what is run."""
    client = Wire(client)
    try:
        server = Wire(socket.create_connection(("127.0.0.1", port), timeout=60))
    except OSError:
        client.close()
        return
    try:
        passage(client, server).run()
    except (OSError, Struck):
        pass
    client.close()
    server.close()


class Passage:
    """Both ends of one connection."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.current = proxy.current

    def end(self, reset=False):
        for wire in (self.client, self.server):
            wire.close(reset)
        raise Struck

    def before(self, what, number):
        """Where a request is not passed on."""
        if fault := self.current.strikes(what, number, "cut", "reset"):
            self.end(fault.action == "reset")

    def answer(self, what, number, whole):
        """The final answer to a request: passed on, or not."""
        fault = self.current.strikes(what, number, "lose", "break", "delay", "stall")
        action = fault and fault.action
        if action in ("lose", "break", "stall"):
            self.proxy.on_lost()
        if action == "lose":
            self.end()
        if action == "break":
            self.client.write(whole[:len(whole) // 2])
            self.end(reset=True)
        if action == "stall":
            self.wait_for_client()
        if action == "delay":
            time.sleep(DELAY_SECONDS)
        self.client.write(whole)

    def wait_for_client(self):
        while not self.client.ended:
            readable(self.client)
            self.client.read()
        self.end()

    def pass_bytes(self, sink, block, what, number, passed):
        """Of a body: up to the place where the fault is."""
        room, action = self.current.room(what, number, passed)
        if room is not None and room <= len(block) and self.current.strikes(what, number, action):
            if room:
                sink.write(block[:room])
            self.end(action == "reset")
        self.current.hear_bytes(what, number, len(block))
        sink.write(block)


class Dialogue(Passage):
    """Lines that are answered by lines with a code: FTP and SMTP."""
    SECURE = {}  # verb: code with which TLS begins

    def run(self):
        self.pending = collections.deque([("greeting", self.current.hear("greeting"), b"")])
        self.from_client = self.from_server = b""
        while not (self.client.ended or self.server.ended):
            for wire in readable(self.client, self.server):
                self.take(wire, wire.read())
        self.client.finish()
        self.server.finish()

    def take(self, wire, data):
        if wire is self.client:
            self.from_client += data
            while b"\n" in self.from_client:
                line, _, self.from_client = self.from_client.partition(b"\n")
                self.command(line + b"\n")
        else:
            self.from_server += data
            while match := ANSWER.match(self.from_server):
                self.from_server = self.from_server[match.end():]
                self.take_answer(match.group(0), int(match.group(1)))

    def command(self, line):
        verb = line.split()[0].decode("latin-1").upper() if line.strip() else ""
        self.ask(verb, line)

    def ask(self, verb, line):
        number = self.current.hear(verb)
        self.before(verb, number)
        self.pending.append((verb, number, line))
        self.server.write(line)

    def take_answer(self, whole, code):
        if code < 200 or not self.pending:
            self.client.write(whole)
            return
        verb, number, line = self.pending.popleft()
        self.answer(verb, number, self.edit(verb, line, whole, code))
        if self.SECURE.get(verb) == code:
            self.client.secure(self.proxy.to_client, True)
            self.server.secure(self.proxy.to_server, False)
            self.take(self.client, self.client.left())

    def edit(self, verb, line, whole, code):
        return whole


@protocol("ftp")
class Ftp(Dialogue):
    SECURE = {"AUTH": 234}
    TRANSFERS = ("STOR", "RETR", "MLSD", "LIST", "NLST", "APPE")
    private = False
    transfer = (None, 0)

    def ask(self, verb, line):
        if verb in self.TRANSFERS:  # known before its bytes flow
            self.transfer = (verb + " data", self.current.hear(verb + " data"))
        super().ask(verb, line)

    def hang_up(self):
        """By another thread: this one finds both ends ended."""
        for wire in (self.client, self.server):
            wire.hang_up()

    def edit(self, verb, line, whole, code):
        if verb == "PROT" and code == 200:
            self.private = line.split()[1:2] == [b"P"]
        if code == 229:
            port = int(re.search(rb"\|\|\|(\d+)\|", whole).group(1))
            return whole.replace(b"|||%d|" % port, b"|||%d|" % self.listen(port))
        if code == 227:
            fields = re.search(rb"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", whole)
            port = self.listen(int(fields.group(5)) * 256 + int(fields.group(6)))
            return whole.replace(fields.group(0), b"127,0,0,1,%d,%d" % (port // 256, port % 256))
        return whole

    def listen(self, port):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)
        threading.Thread(target=self.serve_data, args=(listener, port), daemon=True).start()
        return listener.getsockname()[1]

    def serve_data(self, listener, port):
        with listener:
            try:
                client, _ = listener.accept()
            except OSError:
                return
        serve(client, port, lambda client, server: Data(self.proxy, client, server, self))


class Data(Passage):
    """One data connection of an FTP session."""

    def __init__(self, proxy, client, server, control):
        super().__init__(proxy, client, server)
        self.control = control

    def run(self):
        if self.control.private:
            self.client.secure(self.proxy.to_client, True)
            self.server.secure(self.proxy.to_server, False, self.control.server.tls.session)
        passed = 0
        ready = [self.client, self.server]
        while True:
            for wire in ready:
                sink = self.server if wire is self.client else self.client
                block = wire.left() if not passed and wire.tls else b""
                block += wire.read() if wire in readable(wire, timeout=0) else b""
                if block:
                    self.pass_bytes(sink, block, *self.control.transfer, passed)
                    passed += len(block)
                if wire.ended:
                    return self.end_well(sink)
            ready = readable(self.client, self.server)

    def pass_bytes(self, sink, block, what, number, passed):
        room, action = self.current.room(what, number, passed)
        if action == "lose" and room <= len(block) and self.current.strikes(what, number, action):
            self.control.hang_up()
        super().pass_bytes(sink, block, what, number, passed)

    def end_well(self, sink):
        """One side has written all: the other one is told, and closes when it has read it."""
        sink.finish()
        while not sink.ended and readable(sink, timeout=60):
            sink.read()


@protocol("smtp")
class Smtp(Dialogue):
    SECURE = {"STARTTLS": 220}
    within_mail = False

    def command(self, line):
        if self.within_mail:
            if line not in (b".\r\n", b".\n"):
                self.server.write(line)
                return
            self.within_mail = False
            self.ask("end of mail", line)
            return
        verb = line.split()[0].decode("latin-1").upper() if line.strip() else ""
        self.ask(verb if re.fullmatch("[A-Z]{4,8}", verb) else "login", line)

    def edit(self, verb, line, whole, code):
        self.within_mail = verb == "DATA" and code == 354
        return whole


@protocol("http")
class Http(Passage):
    """HTTP/1.1 over TLS with lengths, one request after another."""

    def run(self):
        self.client.secure(self.proxy.to_client, True)
        self.server.secure(self.proxy.to_server, False)
        self.unread = {self.client: self.client.left(), self.server: b""}
        while head := self.head(self.client):
            what = self.name(head)
            number = self.current.hear(what)
            self.before(what, number)
            self.server.write(head)
            answer = b""
            if re.search(rb"\r\nexpect: *100-continue", head, re.I):
                answer = self.head(self.server)
                if answer.startswith(b"HTTP/1.1 100"):
                    self.client.write(answer)
                    answer = b""
            if not answer:
                self.body(self.client, self.server, head, what + " body")
                answer = self.head(self.server)
            if not answer:
                self.end()
            has_none = head.startswith(b"HEAD ") or re.match(rb"HTTP/1.1 (204|304)", answer)
            self.answer(what, number, answer)
            if not has_none:
                self.body(self.server, self.client, answer, what + " answer body")
        self.server.finish()

    @staticmethod
    def name(head):
        """Method and kind of path: "PUT /u/", "POST /u/ commit", "GET /o", "POST renameObject"."""
        method, target = head.split()[:2]
        path = target.partition(b"?")[0].decode()
        parts = path.split("/")
        kind = "/".join(parts[5:6]) if len(parts) > 5 else path
        deep = "/" if len(parts) > 6 else ""
        return f"{method.decode()} {parts[6] if kind == 'actions' else kind + deep}"

    def more(self, wire):
        if wire.ended:
            return False
        readable(wire)
        self.unread[wire] += wire.read()
        return True

    def head(self, wire):
        while b"\r\n\r\n" not in self.unread[wire]:
            if not self.more(wire):
                return b""
        head, _, self.unread[wire] = self.unread[wire].partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def body(self, source, sink, head, what):
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        left = int(length.group(1)) if length else 0
        if not left:
            return
        number = self.current.hear(what)
        passed = 0
        while left > passed:
            block = self.unread[source][:left - passed]
            self.unread[source] = self.unread[source][len(block):]
            if block:
                self.pass_bytes(sink, block, what, number, passed)
                passed += len(block)
            elif not self.more(source):
                self.end()


@protocol("sftp")
class Bytes(Passage):
    """What nobody can read: the bytes that the client sends, from the first of a run on."""

    def run(self):
        self.number = self.current.hear("bytes")
        passed, muted = 0, False
        while not (self.client.ended or self.server.ended):
            ready = readable(self.client, self.server, timeout=SILENCE_SECONDS if muted else None)
            if muted and not ready:
                self.proxy.on_lost()
                self.end()
            for wire in ready:
                block = wire.read()
                if wire is self.server:
                    if not muted:
                        self.client.write(block)
                    continue
                room, action = self.current.room("bytes", self.number, passed)
                if action == "lose" and room <= len(block):
                    muted = muted or bool(self.current.strikes("bytes", self.number, "lose"))
                    self.server.write(block)
                elif block:
                    self.pass_bytes(self.server, block, "bytes", self.number, passed)
                passed += len(block)
        self.client.finish()
        self.server.finish()

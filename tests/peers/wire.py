# SPDX-License-Identifier: MIT
"""One end of a connection through a proxy that reads along: in clear at first, through TLS from any moment on.

Not thread-safe: one thread reads and writes both ends. TLS passes through memory, so that the socket itself
can be waited for, reset, or closed without the goodbye that a real cut lacks, too.
"""
import select
import socket
import ssl
import struct

BLOCK = 64 * 1024


def server_context(certificate, key):
    """For the client's end. One context for all connections of a proxy: data connections resume its sessions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def client_context():
    """For the server's end: on loopback, to a server that the test started. TLS 1.2 has the session at once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class Wire:
    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self.tls = None
        self.ended = False  # the peer has nothing more to say

    def secure(self, context, server_side, session=None):
        self.encrypted, self.to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.encrypted, self.to_send, server_side=server_side, session=session)
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()

    def _flush(self):
        if self.to_send.pending:
            self.socket.sendall(self.to_send.read())

    def _receive(self):
        block = self.socket.recv(BLOCK)
        if not block:
            raise ConnectionError("ended within a TLS handshake")
        self.encrypted.write(block)

    def read(self):
        """What has come since, b"" if that is nothing yet or the end. Waits for the socket only."""
        block = self.socket.recv(BLOCK)
        if not self.tls:
            self.ended = not block
            return block
        self.encrypted.write(block) if block else self.encrypted.write_eof()
        return self._decrypted()

    def _decrypted(self):
        data = b""
        try:
            while part := self.tls.read(BLOCK):
                data += part
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        self._flush()
        return data

    def left(self):
        """What came with the end of a handshake and was not read yet."""
        return self._decrypted() if self.tls else b""

    def write(self, data):
        if self.tls:
            self.tls.write(data)
            self._flush()
        else:
            self.socket.sendall(data)

    def finish(self):
        """Nothing more is written; the other end may still write."""
        try:
            if self.tls:
                try:
                    self.tls.unwrap()
                except ssl.SSLError:
                    pass
                self._flush()
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def hang_up(self):
        """As far as another thread may: what is read or written from now on has ended."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self, reset=False):
        """As a cut: without TLS's goodbye; reset: without TCP's, too."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def readable(*wires, timeout=None):
    """Those of the wires that have something to read; none after timeout seconds."""
    found, _, _ = select.select([wire.socket for wire in wires], [], [], timeout)
    return [wire for wire in wires if wire.socket in found]

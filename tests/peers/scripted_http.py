# SPDX-License-Identifier: MIT
"""A server that answers every request with bytes as they are, be they HTTP or not, and counts the requests."""
import re
import socket
import threading


class ScriptedHttp:
    """pieces: what is sent, one behind the other; of a function, what it returns when it is its turn."""

    def __init__(self, *pieces, port=0):
        self.pieces = pieces
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            if not self.read(connection):
                return
            self.count += 1
            try:
                for piece in self.pieces:
                    connection.sendall(piece() if callable(piece) else piece)
            except OSError:
                pass  # the client has seen enough

    @staticmethod
    def read(connection):
        """One request, whole."""
        data, size = b"", None
        while size is None or len(data) < size:
            block = connection.recv(65536)
            if not block:
                return False
            data += block
            head, end, _ = data.partition(b"\r\n\r\n")
            if end and size is None:
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
                size = len(head) + len(end) + (int(length[1]) if length else 0)
        return True

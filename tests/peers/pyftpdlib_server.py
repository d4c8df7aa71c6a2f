# SPDX-License-Identifier: MIT
"""pyftpdlib as one program; started by servers.py, which documents the arguments."""
import logging
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

from common import die_with_parent

NOBODY = 65534


class PatientData(TLS_DTPHandler):
    """The library (1.5.7) closes a data connection whose TLS handshake begins before the transfer
    command is sent, as curl's does: it takes the handshake's first bytes for a hang-up."""

    def readable(self):
        return self._ssl_accepting or super().readable()


class ExplicitHandler(TLS_FTPHandler):
    dtp_handler = PatientData


class ImplicitHandler(ExplicitHandler):
    """TLS from the first byte of the control connection."""

    def handle(self):
        self.secure_connection(self.ssl_context)
        super().handle()


def main():
    host, port, passive, home, user, tls, certificate, key, log, mlsd = sys.argv[1:]
    logging.basicConfig(filename=log, level=logging.DEBUG)
    authorizer = DummyAuthorizer()
    authorizer.add_user(user, os.environ["SLUICE_PEER_PASSWORD"], home, perm="elradfmwMT")
    handler = {"none": FTPHandler, "implicit": ImplicitHandler}.get(tls, ExplicitHandler)
    handler.authorizer = authorizer
    first, last = passive.split("-")
    handler.passive_ports = range(int(first), int(last) + 1)
    handler.auth_failed_timeout = 0
    handler.use_sendfile = tls == "none"
    handler.use_gmt_times = True
    if mlsd == "no-mlsd":
        handler.proto_cmds = {name: facts for name, facts in handler.proto_cmds.items()
                              if name not in ("MLSD", "MLST")}
    if tls != "none":
        handler.certfile, handler.keyfile = certificate, key
        handler.tls_control_required = handler.tls_data_required = tls != "optional"
        handler.ssl_context = handler.get_ssl_context()
        # Clients resume the control session on the data connection; without an id that is refused.
        handler.ssl_context.set_session_id(b"pyftpdlib")
    server = FTPServer((host, int(port)), handler)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        die_with_parent()  # the kernel forgets the request when the identity changes
    os.umask(0o022)
    server.serve_forever()


if __name__ == "__main__":
    main()

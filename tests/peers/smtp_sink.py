# SPDX-License-Identifier: MIT
"""A mail sink for tests: keeps every message as NNNN.eml with its envelope in messages.jsonl.

Options for TLS (none, optional, explicit, implicit), AUTH and faults. The envelope record says
whether TLS was on and who logged in, and lists each refused command in refusals.jsonl.
"""
import argparse
import asyncio
import itertools
import logging
import os
import ssl
import sys
import time
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from common import PeerProcess, Records, add_common_options, die_with_parent, print_ready, run_until_told

warnings.filterwarnings("ignore", module="aiosmtpd")
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class Sink:
    """The aiosmtpd handler: faults first, then the record."""

    def __init__(self, root, faults):
        self.root = root
        self.faults = faults
        self.messages = Records(os.path.join(root, "messages.jsonl"))
        self.refusals = Records(os.path.join(root, "refusals.jsonl"))
        self.number = itertools.count(1 + sum(name.endswith(".eml") for name in os.listdir(root)))
        self.left = {"temporary": faults.temporary_first, "drop": faults.drop_after_data,
                     "lost": faults.lose_reply, "close": 1}

    def _take(self, name):
        if self.left[name] > 0:
            self.left[name] -= 1
            return True
        return False

    def _refuse(self, stage, reply, argument=None):
        self.refusals.add({"time": time.time(), "stage": stage, "argument": argument, "reply": reply})
        return reply

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self._take("temporary"):
            return self._refuse("MAIL", "451 4.3.0 try again later", address)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == self.faults.close_at and self._take("close"):
            self._refuse("RCPT", "connection closed", address)
            server.transport.close()
            return ""
        if address in self.faults.refuse_recipient:
            return self._refuse("RCPT", "550 5.1.1 no such mailbox", address)
        if address in self.faults.defer_recipient:
            return self._refuse("RCPT", "450 4.2.1 greylisted", address)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        if self._take("drop"):
            self._refuse("DATA", "connection dropped, message not kept")
            server.transport.abort()
            return "421 4.3.0 going away"
        if self.faults.refuse_data:
            return self._refuse("DATA", "554 5.7.1 content refused")
        number = next(self.number)
        name = f"{number:04d}.eml"
        with open(os.path.join(self.root, name + ".new"), "wb") as file:
            file.write(envelope.original_content or envelope.content)
        os.rename(os.path.join(self.root, name + ".new"), os.path.join(self.root, name))
        self.messages.add({
            "time": time.time(), "file": name, "from": envelope.mail_from, "to": envelope.rcpt_tos,
            "options": envelope.mail_options, "size": len(envelope.content), "helo": session.host_name,
            "tls": session.ssl is not None or self.faults.tls == "implicit",
            "login": session.auth_data.login.decode() if session.authenticated else None})
        await asyncio.sleep(self.faults.reply_after)
        if self._take("lost"):
            self._refuse("DATA", "message kept, answer not sent")
            server.transport.abort()
        return f"250 2.0.0 queued as {number}"


def make_controller(given, sink):
    context = None
    if given.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(given.certificate, given.key)

    def authenticate(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and data.login == given.user.encode() \
            and data.password == given.password.encode()
        return AuthResult(success=good, handled=good, auth_data=data if good else None)

    return Controller(
        sink, hostname=given.host, port=given.port, ready_timeout=10,
        ssl_context=context if given.tls == "implicit" else None,
        tls_context=context if given.tls in ("optional", "explicit") else None,
        require_starttls=given.tls == "explicit", auth_required=given.auth,
        auth_require_tls=given.tls in ("optional", "explicit"), authenticator=authenticate,
        data_size_limit=given.size_limit, ident="test sink", enable_SMTPUTF8=True)


class PortZeroController(Controller):
    """The base class connects to the port it was given; with port 0 that must be the chosen one."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def sink_options(parser):
    parser.add_argument("--tls", choices=("none", "optional", "explicit", "implicit"), default="none")
    parser.add_argument("--certificate", "--cert")
    parser.add_argument("--key")
    parser.add_argument("--auth", action="store_true", help="require AUTH before MAIL")
    parser.add_argument("--user", default="mailer")
    parser.add_argument("--password", default="mail-password")
    parser.add_argument("--size-limit", type=int, default=32 * 1024 * 1024, metavar="BYTES")
    parser.add_argument("--temporary-first", type=int, default=0, metavar="N",
                        help="answer the first N MAIL commands with 451")
    parser.add_argument("--refuse-recipient", action="append", default=[], metavar="ADDRESS", help="550")
    parser.add_argument("--defer-recipient", action="append", default=[], metavar="ADDRESS", help="450")
    parser.add_argument("--close-at", metavar="ADDRESS", help="close instead of an answer to RCPT, once")
    parser.add_argument("--refuse-data", action="store_true", help="answer 554 after the message")
    parser.add_argument("--drop-after-data", type=int, default=0, metavar="N",
                        help="drop the connection after DATA N times, message not kept")
    parser.add_argument("--reply-after", type=float, default=0, metavar="SECONDS",
                        help="keep the message, then wait before the answer")
    parser.add_argument("--lose-reply", type=int, default=0, metavar="N",
                        help="keep the message but drop the connection before the answer N times")


class SmtpSinkPeer(PeerProcess):
    """The sink as a child process, for tests in Python."""

    def __init__(self, root, *arguments):
        super().__init__("smtp_sink.py", "--root", root, *arguments)


def run(given):
    os.makedirs(given.root, exist_ok=True)
    root = os.path.abspath(given.root)
    facts = {}
    if given.tls != "none" and not given.certificate:
        from certificates import Authority
        authority = Authority(os.path.join(root, "certificates"))
        given.certificate, given.key = authority.server()
        facts["ca"] = authority.path
    sink = Sink(root, given)
    controller = make_controller(given, sink)
    controller.__class__ = PortZeroController
    controller.start()
    print_ready(kind="smtp_sink", port=controller.port, root=root, user=given.user, tls=given.tls,
                messages=sink.messages.path, **facts)
    return run_until_told(controller.stop, given.stdin_eof)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_options(parser)
    sink_options(parser)
    given = parser.parse_args()
    die_with_parent()
    return run(given)


if __name__ == "__main__":
    sys.exit(main())

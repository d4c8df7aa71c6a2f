# SPDX-License-Identifier: MIT
"""Real FTP, SFTP and mail servers on loopback, for tests and the demo.

  python3 servers.py KIND --root DIR [options]     prints one JSON line when a client can connect

KIND: vsftpd, proftpd, pure-ftpd, pyftpdlib, sshd, exim, smtp_sink. The line has kind, host,
port, user, password, home (folder on this machine), remote_home (how the server calls it), log,
tls and, where made here, ca. As root the sessions run as the account nobody, to whom the home is
given; else as the caller (vsftpd, pure-ftpd and exim then refuse to start, exit 3, with the reason).
In Python: with Vsftpd(root, tls="explicit") as server: ... server.port, server.home.
"""
import argparse
import os
import signal
import subprocess
import sys

import smtp_sink
from common import PeerProcess, add_common_options, become_reaper, descendants, die_with_parent, \
    note_signals, print_ready, run_until_told, wait_for_port
from confinement import Unavailable
from ftp_servers import TLS_MODES, Plan, prepare_proftpd, prepare_pure_ftpd, prepare_pyftpdlib, \
    prepare_vsftpd
from mail_servers import prepare_exim
from ssh_server import prepare_sshd

KINDS = {"vsftpd": prepare_vsftpd, "proftpd": prepare_proftpd, "pure-ftpd": prepare_pure_ftpd,
         "pyftpdlib": prepare_pyftpdlib, "sshd": prepare_sshd, "exim": prepare_exim}
STARTS = 3
HIDING = ("/run", "/mnt", "/var/run", "/var/lib", "/var/spool")
UNAVAILABLE = 3


class Server(PeerProcess):
    """One server as a child process. Options: user, password, home, port, tls, cert, key,
    require_ssl_reuse, no_chroot, no_mlsd; for the sink those of smtp_sink.py."""
    kind = None

    def __init__(self, root, **options):
        arguments = []
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if one is not None and one is not False:
                    arguments += [flag] if one is True else [flag, one]
        super().__init__("servers.py", self.kind, "--root", root, *arguments)


class Vsftpd(Server):
    kind = "vsftpd"


class Proftpd(Server):
    kind = "proftpd"


class PureFtpd(Server):
    kind = "pure-ftpd"


class Pyftpdlib(Server):
    kind = "pyftpdlib"


class Sshd(Server):
    kind = "sshd"


class Exim(Server):
    kind = "exim"


class SmtpSink(Server):
    kind = "smtp_sink"


FTP_SERVERS = (Vsftpd, Proftpd, PureFtpd, Pyftpdlib)


class Daemon:
    """The server's process and whatever it leaves behind: this process is their reaper."""

    def __init__(self, started):
        self.log = open(started.log, "ab")
        self.process = subprocess.Popen(started.command, env={**os.environ, **started.environment},
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        preexec_fn=die_with_parent)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            pass
        for _ in range(20):
            children = descendants()
            if not children:
                break
            for child in children:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            try:
                while os.waitpid(-1, 0)[0]:
                    pass
            except ChildProcessError:
                pass
        self.log.close()


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind in KINDS:
        one = kinds.add_parser(kind)
        add_common_options(one)
        one.add_argument("--home", metavar="DIR", help="folder that clients see (default ROOT/home)")
        one.add_argument("--user", default="ccs")
        one.add_argument("--password", default="ftp-password")
        if kind != "sshd":
            one.add_argument("--tls", choices=TLS_MODES, default="none")
            one.add_argument("--certificate", "--cert", help="PEM; default: made, with its CA")
            one.add_argument("--key")
        if kind in ("vsftpd", "proftpd"):
            one.add_argument("--require-ssl-reuse", action="store_true")
        if kind in ("vsftpd", "proftpd", "pure-ftpd"):
            one.add_argument("--no-chroot", action="store_true")
        if kind == "pyftpdlib":
            one.add_argument("--no-mlsd", action="store_true")
    sink = kinds.add_parser("smtp_sink")
    add_common_options(sink)
    smtp_sink.sink_options(sink)
    return parser.parse_args()


def make_plan(given):
    root = os.path.realpath(given.root)
    if root.startswith(tuple(path + "/" for path in HIDING)):
        raise Unavailable(f"--root may not lie in one of {', '.join(HIDING)}")
    home = os.path.realpath(given.home or os.path.join(root, "home"))
    os.makedirs(root, exist_ok=True)
    os.makedirs(home, exist_ok=True)
    plan = Plan(root, home, given.user, given.password, given.host, 0, getattr(given, "tls", "none"),
                getattr(given, "certificate", None), getattr(given, "key", None),
                getattr(given, "require_ssl_reuse", False), not getattr(given, "no_chroot", False),
                not getattr(given, "no_mlsd", False))
    facts = {}
    if plan.tls != "none" and not plan.certificate:
        from certificates import Authority
        authority = Authority(os.path.join(root, "certificates"))
        plan.certificate, plan.key = authority.server()
        facts["ca"] = authority.path
    for name in ("certificate", "key"):
        if getattr(plan, name):
            setattr(plan, name, os.path.realpath(getattr(plan, name)))
    return plan, facts


def launch(given, plan):
    """Starts the server; a port taken in the meantime is a reason to try another."""
    start = KINDS[given.kind](plan, given.port)
    for attempt in range(1, STARTS + 1):
        started = start()
        daemon = Daemon(started)
        try:
            wait_for_port(plan.host, plan.port, daemon.alive)
            return started, daemon
        except RuntimeError as problem:
            daemon.stop()
            if attempt == STARTS or given.port:
                with open(started.log, encoding="utf-8", errors="replace") as log:
                    tail = log.read()[-2000:]
                raise Unavailable(f"{given.kind}: {problem}\n{tail}") from None
    raise AssertionError("not reached")


def main():
    given = options()
    # Not SIGKILL: some servers change identity, and the kernel then forgets that they should die.
    die_with_parent(signal.SIGTERM)
    if given.kind == "smtp_sink":
        return smtp_sink.run(given)
    become_reaper()
    note_signals()
    os.umask(0o022)
    try:
        plan, facts = make_plan(given)
        started, daemon = launch(given, plan)
    except Unavailable as reason:
        print(f"{given.kind}: {reason}", file=sys.stderr)
        return UNAVAILABLE
    print_ready(kind=given.kind, host=plan.host, port=plan.port, user=plan.user, password=plan.password,
                home=plan.home, remote_home=started.remote_home, log=started.log, root=plan.root,
                tls=plan.tls, pid=daemon.process.pid, **facts, **started.facts)
    return run_until_told(daemon.stop, given.stdin_eof, daemon.alive)


if __name__ == "__main__":
    sys.exit(main())

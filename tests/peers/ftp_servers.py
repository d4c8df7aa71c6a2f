# SPDX-License-Identifier: MIT
"""Configuration and start of the real FTP servers: vsftpd, ProFTPD, Pure-FTPd, pyftpdlib.

Each start_* takes a Plan (paths, ports, account, TLS wishes) and returns a Started: the command to
run, its environment, and facts for the ready line. All sessions end in the same home, chrooted
unless asked otherwise, so that "/" is the home on every server.
"""
import dataclasses
import glob
import os
import subprocess

from common import PEERS_DIRECTORY, free_port, free_port_range
from confinement import HOME, Confinement, Unavailable

PASSIVE_PORTS = 200
TLS_MODES = ("none", "optional", "explicit", "implicit")


@dataclasses.dataclass
class Plan:
    """tls: none; optional (AUTH TLS is offered); explicit (required); implicit."""
    root: str
    home: str
    user: str
    password: str
    host: str
    port: int
    tls: str = "none"
    certificate: str = None
    key: str = None
    session_reuse: bool = False
    chroot: bool = True
    mlsd: bool = True

    def path(self, name):
        return os.path.join(self.root, name)

    def choose_ports(self, fixed):
        self.port = fixed or free_port(self.host)
        self.passive = free_port_range(PASSIVE_PORTS, self.host)
        self.passive_last = self.passive + PASSIVE_PORTS - 1

    def confine(self, need_root=False):
        return Confinement(self.path("private"), self.home, self.user, self.password, need_root)


@dataclasses.dataclass
class Started:
    command: list
    log: str
    environment: dict = dataclasses.field(default_factory=dict)
    remote_home: str = "/"
    facts: dict = dataclasses.field(default_factory=dict)


def unpacked(package, path):
    """Path of a file of an unpacked package (see install_peers.sh)."""
    cache = os.environ.get("SLUICE_CACHE") or os.path.join(PEERS_DIRECTORY, "..", "..", ".cache")
    full = os.path.realpath(os.path.join(cache, "peers", package, path))
    if not os.path.exists(full):
        raise Unavailable(f"{full} is missing: run tests/peers/install_peers.sh")
    return full


def library_path(package):
    """Environment in which the programs of an unpacked package find the libraries unpacked with it."""
    root = unpacked(package, ".complete").rpartition("/")[0]
    folders = {os.path.dirname(path) for path in glob.iglob(root + "/**/*.so.*", recursive=True)}
    return {"LD_LIBRARY_PATH": ":".join(sorted(folders))} if folders else {}


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def yes(value):
    return "YES" if value else "NO"


def prepare_vsftpd(plan, ports):
    """Private accounts with pam_unix: a real password that can be wrong. Root only: run by anyone
    else, vsftpd serves anonymous sessions and nothing more."""
    place = plan.confine(need_root=True)
    place.install_pam("vsftpd")
    place.install_accounts()

    def start():
        plan.choose_ports(ports)
        log = plan.path("vsftpd.log")
        lines = ["listen=YES", f"listen_address={plan.host}", f"listen_port={plan.port}", "background=NO",
                 "anonymous_enable=NO", "local_enable=YES", "write_enable=YES", "local_umask=022",
                 "pam_service_name=vsftpd", "check_shell=NO", "delay_failed_login=0",
                 "nopriv_user=nobody", "secure_chroot_dir=/mnt/empty",
                 f"chroot_local_user={yes(plan.chroot)}", "allow_writeable_chroot=YES",
                 f"pasv_min_port={plan.passive}", f"pasv_max_port={plan.passive_last}",
                 "seccomp_sandbox=NO", "isolate=NO", "isolate_network=NO", "use_localtime=NO",
                 "xferlog_enable=YES", "xferlog_std_format=NO", "log_ftp_protocol=YES",
                 f"vsftpd_log_file={log}"]
        if plan.tls != "none":
            forced = yes(plan.tls != "optional")
            lines += ["ssl_enable=YES", f"rsa_cert_file={plan.certificate}",
                      f"rsa_private_key_file={plan.key}", f"implicit_ssl={yes(plan.tls == 'implicit')}",
                      f"force_local_logins_ssl={forced}", f"force_local_data_ssl={forced}",
                      f"require_ssl_reuse={yes(plan.session_reuse)}", "ssl_ciphers=HIGH",
                      "ssl_sslv2=NO", "ssl_sslv3=NO", "ssl_tlsv1=YES"]
        command = [unpacked("vsftpd", "usr/sbin/vsftpd"), write(plan.path("vsftpd.conf"), lines)]
        return Started(command, log, library_path("vsftpd"), "/" if plan.chroot else HOME)
    return start


def prepare_proftpd(plan, ports):
    """AuthUserFile account. Not root: user namespace."""
    place = plan.confine()
    place.install_accounts()
    place.tmpfs("/run")
    os.makedirs("/run/proftpd")
    accounts = place.write("proftpd.passwd", f"{plan.user}:{place.hash}:{place.uid}:{place.gid}::{HOME}:/bin/sh\n")
    groups = place.write("proftpd.group", f"files:x:{place.gid}:\n")

    def start():
        plan.choose_ports(ports)
        log = plan.path("proftpd.log")
        owner = ("nobody", "nogroup") if place.is_root else ("root", "root")
        lines = [f"ModulePath {unpacked('proftpd', 'usr/lib/proftpd')}", "ServerName test", "ServerType standalone",
                 f"DefaultAddress {plan.host}", f"Port {plan.port}", "UseIPv6 off", "UseReverseDNS off",
                 f"User {owner[0]}", f"Group {owner[1]}", f"PidFile {plan.path('proftpd.pid')}",
                 f"ScoreboardFile {plan.path('proftpd.scoreboard')}", "WtmpLog off", "TransferLog none",
                 f"SystemLog {log}", 'LogFormat everything "%t %a %r %s %b"',
                 f"ExtendedLog {plan.path('proftpd-commands.log')} ALL everything",
                 "<IfModule mod_delay.c>", "DelayEngine off", "</IfModule>",
                 "<IfModule mod_ctrls.c>", "ControlsEngine off", "</IfModule>",
                 "AuthOrder mod_auth_file.c", f"AuthUserFile {accounts}", f"AuthGroupFile {groups}",
                 "RequireValidShell off", "UseFtpUsers off", "RootLogin on", "Umask 022", "AllowOverwrite on",
                 "AllowStoreRestart on", "MaxInstances 100", "MaxLoginAttempts 5",
                 f"PassivePorts {plan.passive} {plan.passive_last}"]
        if plan.chroot:
            lines.append("DefaultRoot ~")
        if plan.tls != "none":
            choices = ([] if plan.session_reuse else ["NoSessionReuseRequired"]) \
                + (["UseImplicitSSL"] if plan.tls == "implicit" else [])
            lines += ["LoadModule mod_tls.c", "TLSEngine on", f"TLSRSACertificateFile {plan.certificate}",
                      f"TLSRSACertificateKeyFile {plan.key}", "TLSProtocol TLSv1.2 TLSv1.3",
                      "TLSVerifyClient off", f"TLSRequired {'off' if plan.tls == 'optional' else 'on'}",
                      f"TLSLog {plan.path('proftpd-tls.log')}"]
            if choices:
                lines.append("TLSOptions " + " ".join(choices))
        command = [unpacked("proftpd", "usr/sbin/proftpd"), "-n", "-c",
                   write(plan.path("proftpd.conf"), lines)]
        return Started(command, log, library_path("proftpd"), "/" if plan.chroot else HOME)
    return start


def prepare_pure_ftpd(plan, ports):
    """A PureDB virtual user. Root only: it sets groups and refuses to serve uid 0."""
    if plan.tls == "implicit":
        raise Unavailable("Pure-FTPd has no implicit TLS")
    place = plan.confine(need_root=True)
    place.install_accounts()
    place.tmpfs("/run")
    # pure-pw would hash the password so that each login costs seconds: write the entry ourselves.
    database = plan.path("pureftpd.pdb")
    home = HOME + ("/./" if plan.chroot else "")
    accounts = place.write("pureftpd.passwd", f"{plan.user}:{place.hash}:{place.uid}:{place.gid}::{home}"
                           "::::::::::::\n")
    subprocess.run([unpacked("pure-ftpd", "usr/bin/pure-pw"), "mkdb", database, "-f", accounts], check=True,
                   env={**os.environ, **library_path("pure-ftpd")}, stdout=subprocess.DEVNULL)

    def start():
        plan.choose_ports(ports)
        log = plan.path("pure-ftpd.log")
        command = [unpacked("pure-ftpd", "usr/sbin/pure-ftpd"), "-S", f"{plan.host},{plan.port}",
                   "-l", "puredb:" + database, "-p", f"{plan.passive}:{plan.passive_last}", "-E", "-H",
                   "-u", "1", "-c", "200", "-C", "200", "-U", "133:022", "-f", "none",
                   "-O", "clf:" + log, "-g", plan.path("pure-ftpd.pid")]
        if plan.chroot:
            command.append("-A")
        if plan.tls != "none":
            command += ["-Y", "1" if plan.tls == "optional" else "3",
                        "-2", f"{plan.certificate},{plan.key}"]
        return Started(command, log, library_path("pure-ftpd"), "/" if plan.chroot else HOME)
    return start


def prepare_pyftpdlib(plan, ports):
    """Runs pyftpdlib_server.py; as root it changes to nobody. The library keeps clients in the home."""
    place = plan.confine() if os.geteuid() == 0 else None
    home = HOME if place else plan.home

    def start():
        plan.choose_ports(ports)
        log = plan.path("pyftpdlib.log")
        command = ["/usr/bin/python3", os.path.join(PEERS_DIRECTORY, "pyftpdlib_server.py"),
                   plan.host, str(plan.port), f"{plan.passive}-{plan.passive_last}", home,
                   plan.user, plan.tls, plan.certificate or "", plan.key or "", log,
                   "mlsd" if plan.mlsd else "no-mlsd"]
        return Started(command, log, {"SLUICE_PEER_PASSWORD": plan.password})
    return start

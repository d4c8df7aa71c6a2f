# SPDX-License-Identifier: MIT
"""Configuration and start of OpenSSH as an SFTP-only server.

As root: an account of its own with password and public key, inside a private view of the accounts.
Not as root: the account that starts it, public key only (checking passwords needs root).
"""
import os
import pwd
import shutil
import subprocess

from confinement import HOME
from ftp_servers import Started, free_port, library_path, unpacked, write


def make_key(path, kind="ed25519", pass_phrase=""):
    if not os.path.exists(path):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", pass_phrase, "-C", "test", "-f", path], check=True)
    return path


def _sshd():
    """The unpacked server: installing the package would start a service on the machine."""
    return unpacked("sshd", "usr/sbin/sshd")


def fingerprints(public_key):
    """SHA256 (base64, no padding) of a host key, as libcurl and ssh print it."""
    line = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", public_key], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    return line.split()[1].partition(":")[2]


def prepare_sshd(plan, ports):
    program = os.path.realpath(_sshd())
    as_root = os.geteuid() == 0
    host_key = make_key(plan.path("host_key"))
    client_key = make_key(plan.path("client_key"))
    locked_key = make_key(plan.path("client_key_locked"), pass_phrase="correct horse")
    with open(plan.path("authorized_keys"), "w", encoding="ascii") as keys:
        for key in (client_key, locked_key):
            with open(key + ".pub", encoding="ascii") as line:
                keys.write(line.read())
    authorized = plan.path("authorized_keys")
    if as_root:
        place = plan.confine()
        authorized = place.write("authorized_keys", open(authorized, encoding="ascii").read(), 0o644)
        shutil.copyfile(authorized, "/mnt/authorized_keys")
        os.chmod("/mnt/authorized_keys", 0o644)
        authorized = "/mnt/authorized_keys"
        place.install_accounts()
        place.tmpfs("/run")
        os.makedirs("/run/sshd", mode=0o755)
    else:
        plan.user = pwd.getpwuid(os.geteuid()).pw_name

    def start():
        plan.port = ports or free_port(plan.host)
        log = plan.path("sshd.log")
        home = HOME if as_root else plan.home
        lines = [f"ListenAddress {plan.host}:{plan.port}", f"HostKey {host_key}", "PidFile none", "UsePAM no",
                 "UseDNS no", "StrictModes no", f"AuthorizedKeysFile {authorized}", "PubkeyAuthentication yes",
                 f"PasswordAuthentication {'yes' if as_root else 'no'}", "KbdInteractiveAuthentication no",
                 "MaxStartups 200", "MaxAuthTries 10", "LogLevel VERBOSE", "PrintMotd no",
                 "AllowTcpForwarding no", "X11Forwarding no", "Subsystem sftp internal-sftp -l INFO",
                 f"ForceCommand internal-sftp -l INFO -d {home}", f"AllowUsers {plan.user}"]
        command = [program, "-D", "-E", log, "-f", write(plan.path("sshd_config"), lines)]
        with open(host_key + ".pub", encoding="ascii") as line:
            public = " ".join(line.read().split()[:2])
        known = write(plan.path("known_hosts"), [f"[{plan.host}]:{plan.port} {public}"])
        return Started(command, log, library_path("sshd"), remote_home=home, facts={
            "password_login": as_root, "client_key": client_key, "client_key_public": client_key + ".pub",
            "client_key_locked": locked_key, "known_hosts": known,
            "host_key_sha256": fingerprints(host_key + ".pub")})
    return start

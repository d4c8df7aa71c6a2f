# SPDX-License-Identifier: MIT
"""A private view of the file system for a real server: own accounts, own PAM, own /run.

The calling process moves into a mount namespace of its own (as root; else inside a user namespace,
where it is root over its own identity only), so nothing of the machine is changed and everything
is gone when the process ends. Call before any thread is started.
"""
import crypt
import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
NOBODY = 65534
HOME = "/mnt/home"

libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine or account cannot start this kind of server; the text says why."""


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise Unavailable(f"{what}: {os.strerror(number)}")


def _mount(source, target, kind, flags, data=None):
    _check(libc.mount(source and source.encode(), target.encode(), kind and kind.encode(), flags,
                      data and data.encode()), f"cannot mount on {target}")


class Confinement:
    """Private mounts plus one account `user` whose home is `home`, seen as /mnt/home inside."""

    def __init__(self, directory, home, user, password, need_root=False):
        self.is_root = os.geteuid() == 0
        if need_root and not self.is_root:
            raise Unavailable("this server can only be started by root")
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.uid = self.gid = NOBODY if self.is_root else 0
        self._enter()
        if self.is_root:
            os.chown(home, self.uid, self.gid)
        self.tmpfs("/mnt")
        for folder in (HOME, "/mnt/empty"):
            os.mkdir(folder, 0o755)
        self.bind(home, HOME)
        self._accounts(user, password)

    def _enter(self):
        uid, gid = os.geteuid(), os.getegid()
        flags = CLONE_NEWNS if self.is_root else CLONE_NEWNS | CLONE_NEWUSER
        _check(libc.unshare(flags), "no mount namespace of our own (unshare)")
        if not self.is_root:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                    file.write(text)
        _mount(None, "/", None, MS_REC | MS_PRIVATE)

    def tmpfs(self, target):
        _mount("tmpfs", target, "tmpfs", 0, "mode=0755,size=256m")

    def bind(self, source, target):
        _mount(source, target, None, MS_BIND)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def _accounts(self, user, password):
        self.hash = crypt.crypt(password, crypt.mksalt(crypt.METHOD_SHA512, rounds=1000))
        self.passwd = [f"root:x:0:0::/mnt/empty:/bin/sh", f"nobody:x:{NOBODY}:{NOBODY}::/mnt/empty:/bin/false",
                       f"sshd:x:65533:{NOBODY}::/mnt/empty:/bin/false",
                       f"{user}:x:{self.uid}:{self.gid}::{HOME}:/bin/sh"]
        self.group = ["root:x:0:", f"nogroup:x:{NOBODY}:"]
        self.shadow = ["root:*:19000:0:99999:7:::", "nobody:*:19000:0:99999:7:::",
                       "sshd:*:19000:0:99999:7:::", f"{user}:{self.hash}:19000:0:99999:7:::"]

    def add_service_account(self, name, number):
        self.passwd.append(f"{name}:x:{number}:{number}::/mnt/empty:/bin/false")
        self.shadow.append(f"{name}:*:19000:0:99999:7:::")
        self.group.append(f"{name}:x:{number}:")

    def install_accounts(self):
        """Puts the private account files (and PAM services) in the place of the machine's."""
        # Names are looked up from the end that matters: the test user comes before nobody.
        order = self.passwd[3:] + self.passwd[:3]
        for name, lines, mode in (("passwd", order, 0o644), ("group", self.group, 0o644),
                                  ("shadow", self.shadow, 0o600)):
            self.bind(self.write("etc/" + name, "\n".join(lines) + "\n", mode), "/etc/" + name)
        self.bind(self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
                             0o644), "/etc/nsswitch.conf")

    def install_pam(self, service):
        rules = "auth required pam_unix.so nodelay\naccount required pam_permit.so\n" \
                "session required pam_permit.so\n"
        self.write(f"etc/pam.d/{service}", rules, 0o644)
        self.bind(os.path.join(self.directory, "etc/pam.d"), "/etc/pam.d")

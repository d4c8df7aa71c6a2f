# SPDX-License-Identifier: MIT
"""What a container's process sees, without a container engine: its own root that cannot be written, a
fresh /tmp, /proc, the files that engines put in (/etc/hosts, /etc/resolv.conf), another user, no
capabilities, nothing of the machine's file system. Needs root.
"""
import ctypes
import os

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS = 38
USER = 1000
ENGINE_FILES = ("etc/hosts", "etc/resolv.conf")

libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source, target, kind, flags, data=None):
    _check(libc.mount(source and source.encode(), target.encode(), kind and kind.encode(), flags,
                      data and data.encode()), f"cannot mount on {target}")


def prepare(root):
    """What engines create in a container's root before it starts."""
    for folder in ("proc", "etc", "tmp"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    for name in ENGINE_FILES:
        with open(os.path.join(root, name), "ab"):
            pass


def enter(root, binds=(), writable=False, user=USER):
    """For preexec_fn: moves the calling process inside. binds: (source, target inside)."""
    _check(libc.unshare(CLONE_NEWNS), "unshare")
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount(root, root, None, MS_BIND)
    _mount("proc", root + "/proc", "proc", MS_NOSUID)
    _mount("tmpfs", root + "/tmp", "tmpfs", MS_NOSUID, "mode=1777,size=64m")
    for name in ENGINE_FILES:
        if os.path.exists("/" + name):
            _mount("/" + name, os.path.join(root, name), None, MS_BIND)
    for source, target in binds:
        place = root + target
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        elif not os.path.exists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb"):
                pass
        _mount(source, place, None, MS_BIND)
    if not writable:
        _mount(None, root, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")

# SPDX-License-Identifier: MIT
"""What tests of `sluice supervise` share: a folder of workspaces that other users can read, flows that are
compiled for all of them, and the supervisor as a process."""
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import urllib.request

from serve_common import DEADLINE_SECONDS, wait_until

IS_ROOT = os.geteuid() == 0
USERS = ("games", "news", "uucp", "backup")  # of Debian's base-passwd; for tenants, where root runs this
PEOPLE = 600  # seconds for what compiles


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Place:
    """A folder below which tenants lie. flows: paths of modules; each is compiled once, for all users."""

    def __init__(self, sluice, translate, flows):
        self.sluice = sluice
        self.holder = tempfile.TemporaryDirectory(prefix="sluice-supervise-")
        self.root = self.holder.name
        os.chmod(self.root, 0o755)
        self.functions = os.path.join(self.root, "functions")
        self.folder = os.path.join(self.root, "tenants")
        compiled = os.path.join(self.functions, "compiled")
        os.makedirs(compiled)
        os.mkdir(self.folder)
        for flow in flows:
            shutil.copy(flow, self.functions)
            prepared = os.path.join(os.path.dirname(flow), "compiled")
            if os.path.isdir(prepared):  # by the build
                shutil.copytree(prepared, compiled, dirs_exist_ok=True)
            subprocess.run([translate, flow, "--cache", compiled], check=True, capture_output=True,
                           timeout=PEOPLE)
        for name in os.listdir(compiled):
            os.chmod(os.path.join(compiled, name), 0o644)
        os.chmod(compiled, 0o755)
        self.next_user = 0

    def clean(self):
        self.holder.cleanup()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, document, mode=0o644):
        """A file below the folder, replaced at one stroke as editors do; the owner of its folder's."""
        path = self.path(name)
        text = document if isinstance(document, str) else json.dumps(document)
        with open(path + ".new~", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new~", mode)
        if IS_ROOT and os.path.dirname(name):
            owner = os.stat(os.path.dirname(path))
            os.chown(path + ".new~", owner.st_uid, owner.st_gid)
        os.rename(path + ".new~", path)

    def own(self, name, user):
        entry = pwd.getpwnam(user)
        path = self.path(name)
        for at in [path] + [os.path.join(base, one) for base, folders, files in os.walk(path)
                            for one in folders + files]:
            os.chown(at, entry.pw_uid, entry.pw_gid)

    def add(self, name, settings=None, user=None, elsewhere=False):
        """A workspace with a port of its own, owned by the next of USERS. Gives the port."""
        port = free_port()
        made = os.path.join(self.root, "made-" + name)
        subprocess.run([self.sluice, "init", made], check=True, capture_output=True, timeout=60)
        document = {"functions": self.functions, "server": {"listen": f"127.0.0.1:{port}", "stop_s": 5},
                    **(settings or {})}
        with open(os.path.join(made, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
        os.rename(made, self.path("." + name))
        if IS_ROOT:
            self.own("." + name, user or USERS[self.next_user % len(USERS)])
            self.next_user += 1
        if not elsewhere:
            os.rename(self.path("." + name), self.path(name))
        return port


class Supervisor:
    """`sluice supervise`; log() is what it wrote, by line. user: as whom it runs, where this is root."""

    def __init__(self, place, environment=None, user=None, options=()):
        self.place = place
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        self.process = subprocess.Popen(
            [place.sluice, *options, "--json", "supervise", place.folder], stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env={**os.environ, **(environment or {})}, cwd="/", **who)
        self.user = user

    def log(self):
        file = self.errors.fileno()  # whose place in it is the writer's as well
        text = os.pread(file, os.fstat(file).st_size, 0).decode("utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def lines(self, tenant):
        return [line for line in self.log() if line.get("tenant") == tenant]

    def status(self):
        """Of --status --json: exit status and document."""
        who = {"user": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run([self.place.sluice, "--json", "supervise", self.place.folder, "--status"],
                              capture_output=True, text=True, timeout=60, cwd="/", check=False, **who)
        return done.returncode, json.loads(done.stdout)

    def tenant(self, name):
        found = [one for one in self.status()[1].get("tenants", []) if one["name"] == name]
        return found[0] if found else None

    def wait_for(self, name, state, reason=""):
        def is_so():
            tenant = self.tenant(name)
            return tenant and tenant["state"] == state and reason in (tenant["reason"] or "") and tenant
        try:
            return wait_until(is_so, f"{name} is {state}")
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {self.status()} {self.log()}") from None

    def wait_gone(self, name):
        wait_until(lambda: self.tenant(name) is None, f"{name} is gone")

    def stop(self, how=None):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how) if how else self.process.terminate()
        try:
            return self.process.wait(timeout=2 * DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()


def is_ready(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=DEADLINE_SECONDS) as got:
        return got.status == 200


def process_facts(pid):
    """The lines of /proc/<pid>/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def process_limits(pid):
    """Soft limits by name, as numbers."""
    limits = {}
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        for line in list(file)[1:]:
            value = line[26:].split()[0]
            limits[line[:26].strip()] = int(value) if value.isdigit() else None
    return limits


def is_alive(pid):
    try:
        return process_facts(pid)["State"][0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_dead(pid):
    wait_until(lambda: not is_alive(pid), f"process {pid} ends")

# SPDX-License-Identifier: MIT
"""sluice package: what is in a package and what is not, the same bytes for the same input, and each
target run as its platform runs it: in a root of its own that cannot be written, as another user, without
a compiler or a system.

Usage: test_package.py SLUICE [Contents | Descriptors | Running | Image]
"""
import hashlib
import http.client
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import zipfile

import yaml

from serverless_common import HERE, ServerlessTest, processor_seconds, rows

import container
import dacs
from common import free_port
from fn_agent import FnAgent
from lambda_runtime import LambdaRuntime
from landscape import FLOW_ACK, FLOW_FTP, FLOW_OS, SECRETS

FUN = os.path.join(HERE, "..", "peers", "sdk", "lambda_fun.mjs")
ERROR_HANDLER = "OUTL-BA-CCS_DACS_ERR_HNDLR"
DIFFERENT = ("fn", "lambda", "kubernetes", "oci-image")  # in how they are written
PARAMETERS = {"extractedFileNamePrefix": "C1-"}
SCHEDULES = {FLOW_FTP: {"recurrence": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30&FREQ=DAILY;BYHOUR=14",
                        "time_zone": "Europe/Berlin", "parameters": PARAMETERS}}
FIELDS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/test", "ce-type": "test",
          "Content-Type": "application/json"}
ENTRY = ["/opt/sluice/lib/ld-linux-x86-64.so.2", "--library-path", "/opt/sluice/lib",
         "/opt/sluice/bin/sluice", "-w", "/opt/sluice/workspace"]


def ack(number):
    return json.dumps(dacs.acknowledgement(f"{number:014d}")).encode()


def tree_of(folder):
    """Every path with its mode and content."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(at, name)
            content = b""
            if name in files:
                with open(path, "rb") as file:
                    content = file.read()
            found[os.path.relpath(path, folder)] = (stat.S_IMODE(os.lstat(path).st_mode),
                                                    hashlib.sha256(content).hexdigest())
    return found


class PackageTest(ServerlessTest):
    """The workspace holds what may travel: certificates inside, secrets in variables, files and
    credentials of every kind."""
    settings = {"callers": "platform"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kept = {}  # what packaged() made, and what was printed then
        workspace = cls.land.workspace
        shutil.copy(cls.land.ca, os.path.join(workspace, "certificates", "peers.pem"))
        connections = {name: {**one, **({"ca": "peers"} if "ca" in one else {})}
                       for name, one in cls.land.default_connections(0).items()}
        cls.keys = {}
        for side, key in (("CCS", cls.land.ccs_key), ("DACS", cls.land.dacs_key)):
            with open(key["pkcs8"], encoding="ascii") as file:
                cls.keys[side] = file.read()
        connections["OU REST CCS OS for CCS-DACS"]["private_key"] = {"env": "CCS_OS_KEY"}
        connections["OU REST DACS OS for CCS-DACS"]["private_key"] = "certificates/dacs.pem"
        connections["OU FTP DACS for CCS-DACS"]["password"] = {"credential": "dacs-ftp"}
        connections["OU SMTP for CCS-DACS"]["password"] = {"file": "secrets/smtp"}
        cls.land.write_connections(connections)
        os.makedirs(os.path.join(workspace, "secrets"), exist_ok=True)
        for name, value in (("secrets/smtp", SECRETS["SMTP_PASSWORD"]),
                            ("certificates/dacs.pem", cls.keys["DACS"]),
                            ("users.json", '{"dacs": {"password_hash": "$y$j9T$hash-of-a-user"}}'),
                            ("certificates/left-over.pem", cls.keys["CCS"])):
            with open(os.path.join(workspace, name), "w", encoding="ascii") as file:
                file.write(value)
        cls.write_schedules()

    @classmethod
    def write_schedules(cls):
        with open(os.path.join(cls.land.workspace, "schedules.json"), "w", encoding="utf-8") as file:
            json.dump(SCHEDULES, file)

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="sluice-package-")
        self.addCleanup(folder.cleanup)
        self.out = os.path.realpath(folder.name)
        os.chmod(self.out, 0o755)
        self.land.empty_ftp()

    def package(self, target, *arguments, name=None, expect=0, **options):
        output = os.path.join(self.out, name or target)
        done = subprocess.run(self.land.command("package", target, *arguments, "-o", output),
                              capture_output=True, text=True, check=False, **options)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.printed = done.stdout + done.stderr
        return output

    def packaged(self, target, *arguments):
        """A package that several tests look at and none changes; made once."""
        key = "-".join((target, *arguments))
        if key not in self.kept:
            os.makedirs(os.path.join(self.folder, "packages"), exist_ok=True)
            output = self.package(target, *arguments, name=os.path.join(self.folder, "packages", key))
            self.kept[key] = output, self.printed
        output, self.printed = self.kept[key]
        return output

    def variables(self):
        return {"CCS_FTP_PASSWORD": SECRETS["CCS_FTP_PASSWORD"],
                "CCS_PASSWORD": SECRETS["CCS_PASSWORD"], "CCS_OS_KEY": self.keys["CCS"]}

    def secret_values(self):
        return [*SECRETS.values(), self.keys["CCS"].split("\n")[1], self.keys["DACS"].split("\n")[1],
                "hash-of-a-user"]

    def need_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root for a root of its own")

    def credentials(self):
        folder = os.path.join(self.out, "credentials")
        os.mkdir(folder)
        with open(os.path.join(folder, "dacs-ftp"), "w", encoding="ascii") as file:
            file.write(SECRETS["DACS_FTP_PASSWORD"])
        return folder

    def jail(self, root, *more):
        """preexec_fn and environment for a process in that root, with the secrets that are named."""
        workspace = "/opt/sluice/workspace/"
        binds = [(self.credentials(), "/run/credentials"), *more]
        for name in ("secrets/smtp", "certificates/dacs.pem"):
            os.chmod(os.path.join(self.land.workspace, name), 0o644)
            binds.append((os.path.join(self.land.workspace, name), workspace + name))
        container.prepare(root)
        return (lambda: container.enter(root, binds),
                {**self.variables(), "CREDENTIALS_DIRECTORY": "/run/credentials"})


class Contents(PackageTest):
    def files(self, target, output):
        """Path in the package to content."""
        if target == "lambda":
            with zipfile.ZipFile(os.path.join(output, "function.zip")) as archive:
                self.assertIsNone(archive.testzip())
                return {one.filename: archive.read(one) for one in archive.infolist()
                        if not one.is_dir()}
        if target == "oci-image":
            return self.image_files(output)
        found = {}
        for at, _, files in os.walk(output):
            for name in files:
                with open(os.path.join(at, name), "rb") as file:
                    found[os.path.relpath(os.path.join(at, name), output)] = file.read()
        return found

    @staticmethod
    def image_files(output):
        found = {}
        for name in os.listdir(os.path.join(output, "blobs", "sha256")):
            path = os.path.join(output, "blobs", "sha256", name)
            if tarfile.is_tarfile(path):
                with tarfile.open(path) as layer:
                    for one in layer:
                        if one.isfile():
                            found[one.name] = layer.extractfile(one).read()
            else:
                with open(path, "rb") as file:
                    found[name] = file.read()
        return found

    def test_no_secret_is_in_any_package(self):
        for target in DIFFERENT:
            output = self.packaged(target)
            whole = b"".join(self.files(target, output).values())
            for value in self.secret_values():
                self.assertNotIn(value.encode(), whole, target)
                self.assertNotIn(value, self.printed)
            for name in ("CCS_FTP_PASSWORD", "CCS_OS_KEY", "dacs-ftp", "secrets/smtp", "dacs.pem"):
                self.assertIn(name, self.printed)
            self.assertEqual("users.json" in self.printed, target in ("kubernetes", "oci-image"))
            self.assertIn(b"BEGIN CERTIFICATE", whole)

    def test_what_each_part_weighs(self):
        self.package("fn", FLOW_ACK)
        for part in ("program", "shared libraries", "modules", "compiled modules", "workspace",
                     "trust anchors, time zones", "descriptors", "together"):
            self.assertRegex(self.printed, rf"(?m)^  {part} +\d[\d.]* \w+")
        done = subprocess.run(self.land.command("--json", "package", "fn", "-o", self.out + "/json"),
                              capture_output=True, text=True, check=True)
        parts = {one["part"]: one for one in json.loads(done.stdout)["parts"]}
        self.assertEqual(parts["modules"]["files"], 6)
        program = os.path.join(self.out, "json/rootfs/opt/sluice/bin/sluice")
        self.assertEqual(parts["program"]["bytes"], os.path.getsize(program))
        self.assertLess(os.path.getsize(program), os.path.getsize(self.program))

    def test_files_from_outside_are_named(self):
        before = self.land.connections
        self.addCleanup(self.land.write_connections, before)
        self.land.write_connections({**before, "OU REST CCS for CCS-DACS": {
            **before["OU REST CCS for CCS-DACS"], "ca": self.land.ca}})
        self.package("fn", FLOW_ACK)
        self.assertRegex(self.printed, rf"file +{self.land.ca}  \(connection 'OU REST CCS for CCS-DACS': "
                                       r"ca\)")

    def test_flows_bring_those_that_they_call(self):
        output = self.package("fn", FLOW_ACK)
        with open(output + "/rootfs/opt/sluice/contents.json", encoding="utf-8") as file:
            flows = {one["identifier"]: one["offered"] for one in json.load(file)["flows"]}
        self.assertEqual(flows, {FLOW_ACK: True, ERROR_HANDLER: False})
        self.assertNotIn("CCS_FTP_PASSWORD", self.printed)  # that flow does not need it

    def test_the_same_input_makes_the_same_bytes(self):
        for target in DIFFERENT:
            first = self.packaged(target)
            time.sleep(max(0.0, os.stat(first).st_mtime + 1.1 - time.time()))  # another second
            second = self.package(target, cwd=self.out,
                                  env={**os.environ, "TZ": "Asia/Tokyo", "LANG": "C"},
                                  preexec_fn=lambda: os.umask(0o077))
            self.assertEqual(tree_of(first), tree_of(second), target)

    def test_settings_keep_what_people_chose(self):
        path = os.path.join(self.land.workspace, "sluice.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('// ours\n{"callers": "platform", "state": "/mnt/volume", "cache": "x", '
                       '"ca": "peers", "retention_days": 7}')
        self.addCleanup(self.configure, self.settings)
        shutil.copytree(os.path.join(HERE, "..", "..", "wasm-out", "compiled"),
                        os.path.join(self.land.workspace, "x"))  # the flows are compiled already
        output = self.package("knative")
        with open(output + "/rootfs/opt/sluice/workspace/sluice.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file), {
                "callers": "platform", "retention_days": 7, "state": "/mnt/volume", "ca": "peers",
                "functions": "../functions", "schedules": "platform"})

    def test_mistakes(self):
        self.package("knativ", expect=2)
        self.assertIn("unknown target 'knativ'; did you mean 'knative'?", self.printed)
        self.package("fn", "NONE", expect=2)
        self.assertIn("no flow 'NONE'", self.printed)
        output = self.package("fn", FLOW_ACK)
        before = tree_of(output)
        self.package("fn", FLOW_ACK, expect=2)
        self.assertIn("exists already", self.printed)
        self.assertEqual(tree_of(output), before)
        self.package("fn", "--command", "serve", name="x", expect=2)
        self.assertIn("'--command' is for oci-image", self.printed)
        self.package("oci-image", "--command", "run", name="x", expect=2)
        self.assertIn("expected serve, fn or lambda", self.printed)
        self.package("fn", name="missing/folder", expect=2)
        self.assertEqual([name for name in os.listdir(self.out) if "." in name], [])

    def test_a_schedule_that_no_cron_job_holds(self):
        path = os.path.join(self.land.workspace, "schedules.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({FLOW_FTP: {"recurrence": "FREQ=MONTHLY;BYDAY=-1FR"}}, file)
        self.addCleanup(self.write_schedules)
        self.package("kubernetes", expect=2)
        self.assertIn("cannot be a CronJob: 'FREQ=MONTHLY;BYDAY=-1FR': cron cannot say the first or last "
                      "weekday of a month", self.printed)
        self.package("kubernetes", FLOW_ACK)  # none of its own


class Descriptors(PackageTest):
    def load(self, path):
        with open(path, encoding="utf-8") as file:
            return list(yaml.safe_load_all(file))

    def test_func_yaml(self):
        output = self.package("fn", FLOW_ACK)
        (function,) = self.load(output + "/func.yaml")
        self.assertEqual(function["schema_version"], 20180708)
        self.assertEqual((function["name"], function["runtime"]), ("customer-sync-ack", "docker"))
        self.assertLessEqual(function["timeout"], 300)
        with open(output + "/Dockerfile", encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[:2], ["FROM scratch", "COPY rootfs/ /"])
        self.assertIn(f'CMD ["fn", "{FLOW_ACK}"]', lines)

    def check_container(self, one, mounts):
        self.assertEqual(one["image"], "registry.test/sluice:7")
        security = one["securityContext"]
        self.assertTrue(security["readOnlyRootFilesystem"] and security["runAsNonRoot"])
        self.assertEqual(security["capabilities"]["drop"], ["ALL"])
        environment = {item["name"]: item for item in one["env"]}
        reference = environment["CCS_FTP_PASSWORD"]["valueFrom"]["secretKeyRef"]
        self.assertEqual(reference, {"name": "sluice-secrets", "key": "CCS_FTP_PASSWORD"})
        self.assertEqual(environment["CREDENTIALS_DIRECTORY"]["value"], "/run/secrets/sluice")
        self.assertEqual({item["mountPath"]: item.get("subPath") for item in one["volumeMounts"]}, {
            "/tmp": None, "/run/secrets/sluice": None, **mounts,
            "/opt/sluice/workspace/certificates/dacs.pem": "certificates.dacs.pem",
            "/opt/sluice/workspace/secrets/smtp": "secrets.smtp",
            "/opt/sluice/workspace/users.json": "users.json"})

    def test_knative(self):
        output = self.package("knative", "--image", "registry.test/sluice:7")
        (service,) = self.load(output + "/service.yaml")
        self.assertEqual((service["apiVersion"], service["kind"]), ("serving.knative.dev/v1", "Service"))
        spec = service["spec"]["template"]["spec"]
        self.assertEqual(service["spec"]["template"]["metadata"]["annotations"],
                         {"autoscaling.knative.dev/max-scale": "1"})  # it offers transfers
        (one,) = spec["containers"]
        self.assertEqual(one["ports"], [{"containerPort": 8080}])
        self.assertEqual(one["readinessProbe"]["httpGet"]["path"], "/health/ready")
        self.check_container(one, {})
        volumes = {volume["name"] for volume in spec["volumes"]}
        self.assertEqual({mount["name"] for mount in one["volumeMounts"]}, volumes)

    def test_kubernetes(self):
        output = self.package("kubernetes", "--image", "registry.test/sluice:7")
        documents = self.load(output + "/kubernetes.yaml")
        self.assertEqual([one["kind"] for one in documents],
                         ["PersistentVolumeClaim", "Deployment", "Service", "CronJob", "CronJob"])
        claim, deployment, service, *jobs = documents
        spec = deployment["spec"]
        labels = spec["template"]["metadata"]["labels"]
        self.assertEqual(spec["selector"]["matchLabels"], labels)
        self.assertEqual(service["spec"]["selector"], labels)
        self.assertEqual((spec["replicas"], spec["strategy"]["type"]), (1, "Recreate"))
        pod = spec["template"]["spec"]
        self.check_container(pod["containers"][0], {"/var/lib/sluice": None})
        volume = next(one for one in pod["volumes"] if one["name"] == "state")
        self.assertEqual(volume["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"])
        self.assertEqual([job["spec"]["schedule"] for job in jobs], ["30 2 * * *", "0 14 * * *"])
        for job in jobs:
            self.assertRegex(job["metadata"]["name"], r"^[a-z0-9-]{1,52}$")
            self.assertEqual(job["spec"]["timeZone"], "Europe/Berlin")
            self.assertEqual(job["spec"]["concurrencyPolicy"], "Forbid")
            pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            self.assertEqual(pod["restartPolicy"], "Never")
            self.assertEqual(pod["containers"][0]["args"], ["run", FLOW_FTP])
            self.check_container(pod["containers"][0], {"/var/lib/sluice": None})
        self.assertEqual(len({job["metadata"]["name"] for job in jobs}), 2)


class Running(PackageTest):
    def start(self, root, *words, **environment):
        preexec, variables = self.jail(root)
        process = subprocess.Popen([*ENTRY, *words], preexec_fn=preexec, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=self.log, text=True,
                                   env={**variables, **environment})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def event(self, port, flow, body):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", f"/events/{flow}", body, FIELDS)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def test_fn(self):
        self.need_root()
        output = self.package("fn")
        sockets = os.path.join(self.out, "iofs")
        os.mkdir(sockets)
        os.chmod(sockets, 0o777)
        root = output + "/rootfs"
        preexec, variables = self.jail(root, (sockets, "/tmp/iofs"))
        with FnAgent([*ENTRY, "fn"], sockets, variables, preexec, self.log, "/tmp/iofs") as agent:
            kind, _, body, _ = agent.call(json.dumps({"flow": FLOW_ACK, "message": json.loads(
                ack(1))}).encode(), "application/json")
            self.assertEqual(kind, "ok", body)
            self.land.put_ccs_ftp("C1-ONE.csv", rows(2))
            kind, _, body, _ = agent.call(json.dumps({"flow": FLOW_FTP}).encode(), "application/json")
            self.assertEqual((kind, json.loads(body)["files"]["transferred"]), ("ok", 1), body)
            self.land.put_object(self.land.ccs_storage, "C1-TWO.csv", rows(2))
            kind, _, body, _ = agent.call(json.dumps({"flow": FLOW_OS, "parameters": PARAMETERS})
                                          .encode(), "application/json")
            self.assertEqual((kind, json.loads(body)["files"]["transferred"]), ("ok", 1), body)

    def test_fn_cold_start(self):
        self.need_root()
        root = self.package("fn", FLOW_ACK) + "/rootfs"
        sockets = os.path.join(self.out, "iofs")
        os.mkdir(sockets)
        os.chmod(sockets, 0o777)
        preexec, variables = self.jail(root, (sockets, "/tmp/iofs"))

        def start():
            with FnAgent([*ENTRY, "fn", FLOW_ACK], sockets, variables, preexec, self.log,
                         "/tmp/iofs") as agent:
                self.assertEqual(agent.call(ack(2), "application/json")[0], "ok")
                return time.monotonic() - agent.begun, processor_seconds(agent.process.pid)
        self.cold_start("packaged function of Fn", start)

    def unpack(self):
        output = self.packaged("lambda", FLOW_ACK)
        task = os.path.join(self.out, "task")
        subprocess.run(["unzip", "-q", output + "/function.zip", "-d", task], check=True)
        return output, task

    def test_lambda(self):
        _, task = self.unpack()
        command, preexec = [task + "/bootstrap"], None
        if os.geteuid() == 0:  # files of one user, run by another one, as the service does it
            for at, folders, files in os.walk(task):
                for name in ["."] + folders + files:
                    os.chown(os.path.join(at, name), 993, 990)

            def preexec():
                os.setgroups([])
                os.setgid(990)
                os.setuid(991)
        variables = {**self.variables(), "PATH": "/usr/bin:/bin"}
        with LambdaRuntime(command, variables, self.log, preexec) as runtime:
            status, _, body = runtime.request(body=ack(11))
            self.assertEqual((status, json.loads(body)["status"]), (200, "OK"))
            runtime.freeze()
            self.assertEqual(runtime.request(body=ack(12))[0], 200)

        def start():
            with LambdaRuntime(command, variables, self.log, preexec) as runtime:
                self.assertEqual(runtime.request(body=ack(13))[0], 200)
                return time.monotonic() - runtime.begun, processor_seconds(runtime.process.pid)
        self.cold_start("packaged function of AWS Lambda", start)

    def test_lambda_in_an_environment_of_another_make(self):
        output, _ = self.unpack()
        files = []
        for name, value in (("variables.json", {**self.variables(), "PATH": "/usr/bin:/bin"}),
                            ("1.json", json.loads(ack(21))), ("2.json", {}), ("3.json", json.loads(ack(22)))):
            files.append(os.path.join(self.out, name))
            with open(files[-1], "w", encoding="utf-8") as file:
                json.dump(value, file)
        done = subprocess.run(["node", FUN, output + "/function.zip", *files], capture_output=True,
                              text=True, timeout=120, check=False,
                              env={**os.environ, "XDG_CACHE_HOME": self.out + "/cache"})
        self.assertEqual(done.returncode, 0, done.stderr)
        first, second, third = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(json.loads(first["Payload"])["status"], "OK")
        self.assertEqual(json.loads(second["Payload"])["errorType"], "Flow.invalid_message")
        self.assertTrue(second["FunctionError"])
        self.assertEqual(json.loads(third["Payload"])["status"], "OK")

    def test_lambda_container(self):
        self.need_root()
        root = self.package("lambda-container", FLOW_ACK) + "/rootfs"
        preexec, variables = self.jail(root)
        with LambdaRuntime([*ENTRY, "lambda", FLOW_ACK], variables, self.log, preexec) as runtime:
            self.assertEqual(runtime.request(body=ack(31))[0], 200)

    def test_knative(self):
        self.need_root()
        root, port = self.package("knative") + "/rootfs", free_port()
        process = self.start(root, "serve", PORT=str(port))
        self.assertIn("listening on", process.stdout.readline(), self.said())
        self.assertEqual(self.event(port, FLOW_ACK, ack(41))[0], 204)
        self.land.put_ccs_ftp("C1-ONE.csv", rows(2))
        status, body = self.event(port, FLOW_FTP, b"")
        self.assertEqual(status, 204, body)
        self.assertIn("C1-ONE.csv", self.land.dacs_ftp_files())
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_kubernetes_jobs_share_the_store(self):
        self.need_root()
        root = self.package("kubernetes") + "/rootfs"
        volume = os.path.join(self.out, "volume")
        os.mkdir(volume)
        os.chown(volume, container.USER, container.USER)
        preexec, variables = self.jail(root, (volume, "/var/lib/sluice"))
        self.land.put_ccs_ftp("C1-ONE.csv", rows(2))
        done = subprocess.run([*ENTRY, "run", FLOW_FTP], preexec_fn=preexec, env=variables,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = subprocess.run([*ENTRY, "--json", "instances", "--flow", FLOW_FTP], preexec_fn=preexec,
                              env=variables, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn('"COMPLETED"', done.stdout, done.stderr)
        done = subprocess.run([*ENTRY, "schedules"], preexec_fn=preexec, env=variables,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertRegex(done.stdout, r"T02:30:00\+0[12]:00", done.stderr)  # the zone travels along
        done = subprocess.run([*ENTRY, "check"], preexec_fn=preexec, env=variables,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"store: /var/lib/sluice/sluice\.db")


class Image(PackageTest):
    def inspect(self, *arguments):
        done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_tools_of_others_accept_it(self):
        output = self.packaged("oci-image", FLOW_ACK)
        facts = json.loads(self.inspect("inspect", f"oci:{output}:latest"))
        self.assertEqual((facts["Os"], len(facts["Layers"])), ("linux", 3))
        self.assertEqual(facts["Labels"]["org.opencontainers.image.title"], "customer-sync-ack")
        config = json.loads(self.inspect("inspect", "--config", f"oci:{output}:latest"))["config"]
        self.assertEqual(config["Entrypoint"], ENTRY)
        self.assertEqual((config["Cmd"], config["User"]), (["serve"], "1000:1000"))
        self.inspect("copy", f"oci:{output}:latest", f"dir:{self.out}/copied")  # reads every blob
        layers = json.loads(self.inspect("inspect", "--raw", f"dir:{self.out}/copied"))["layers"]
        for layer in layers:
            with open(f"{self.out}/copied/{layer['digest'].partition(':')[2]}", "rb") as file:
                data = file.read()
            self.assertEqual("sha256:" + hashlib.sha256(data).hexdigest(), layer["digest"])
            self.assertEqual(len(data), layer["size"])

    def test_it_runs_as_unpacked(self):
        self.need_root()
        output = self.packaged("oci-image", FLOW_ACK)
        bundle = os.path.join(self.out, "bundle")
        done = subprocess.run(["umoci", "unpack", "--image", f"{output}:latest", bundle],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(bundle + "/config.json", encoding="utf-8") as file:
            process = json.load(file)["process"]
        self.assertEqual(process["args"], [*ENTRY, "serve"])
        self.assertEqual((process["user"]["uid"], process["cwd"]), (1000, "/opt/sluice"))
        root, port = bundle + "/rootfs", free_port()
        self.assertEqual(stat.S_IMODE(os.stat(root + "/tmp").st_mode), 0o1777)
        container.prepare(root)
        volume = os.path.join(self.out, "volume")
        os.mkdir(volume)
        os.chmod(volume, 0o777)
        environment = dict(one.split("=", 1) for one in process["env"])
        self.assertEqual(environment["PORT"], "8080")
        environment.update(self.variables(), PORT=str(port))
        started = subprocess.Popen(
            process["args"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
            text=True, env=environment, preexec_fn=lambda: container.enter(
                root, [(volume, "/var/lib/sluice")], user=54321))  # any user
        self.addCleanup(started.stdout.close)
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        self.assertIn("listening on", started.stdout.readline(), self.said())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("POST", f"/events/{FLOW_ACK}", ack(51), FIELDS)
        self.assertEqual(connection.getresponse().status, 204)
        self.assertIn("sluice.db", os.listdir(volume))

    def test_other_commands(self):
        output = self.package("oci-image", FLOW_ACK, "--command", "fn")
        config = json.loads(self.inspect("inspect", "--config", f"oci:{output}:latest"))["config"]
        self.assertEqual(config["Cmd"], ["fn", FLOW_ACK])
        self.assertNotIn("ExposedPorts", config)


if __name__ == "__main__":
    ServerlessTest.program = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])

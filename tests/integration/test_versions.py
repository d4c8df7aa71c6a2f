# SPDX-License-Identifier: MIT
"""Several versions of a flow in one workspace: which one a name and an address mean.

Usage: test_versions.py SLUICE TRANSLATE NOTHING.wasm
"""
import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

FLOW_PARAMETER_SIZE_MAX, REGISTRY_FLOWS_MAX = 1024, 256  # flow.h, registry.h
SLUICE = TRANSLATE = GUEST = None
FLOWS = "/ic/api/integration/v1/flows/rest/"
HEADERS = {"Authorization": "Basic " + base64.b64encode(b"caller:caller-secret").decode()}


def manifest(identifier, version, path="/go", aliases=(), parameters=(), durability="tracked"):
    return {"identifier": identifier, "aliases": list(aliases), "name": identifier,
            "version": version, "trigger": {"type": "rest", "path": path, "parameters": {name: {} for name in parameters}},
            "grants": [],
            "lookups": [], "durability": durability,
            "limits": {"memory_mib": 2, "cpu_ms": 400, "wall_s": 20, "import_calls": 100,
                       "log_lines": 5, "input_bytes": 4096}}


class VersionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sluice-versions-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.workspace = os.path.join(cls.folder, "workspace")
        cls.sluice("init", cls.workspace, alone=True)
        cls.use(os.path.join(cls.folder, "functions"))
        for name, one in (("first", manifest("F", "01.00.0007")),
                          ("patched", manifest("F", "01.23.3001")),
                          ("second", manifest("F", "01.23.3000", aliases=["F-OLD"])),
                          ("newest", manifest("F", "02.10.0000", path="/other")),
                          ("another", manifest("G", "01.00.0000", parameters=["p"])),
                          ("durable", manifest("H", "01.00.0000", durability="durable"))):
            cls.embed(cls.functions, name, one)

    @classmethod
    def use(cls, functions):
        os.makedirs(functions, exist_ok=True)
        cls.functions = functions
        with open(os.path.join(cls.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump({"functions": functions, "cache": os.path.join(cls.folder, "cache")}, file)

    @classmethod
    def embed(cls, functions, name, one):
        path = os.path.join(cls.folder, "manifest.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(one, file)
        subprocess.run([TRANSLATE, GUEST, "--embed", path, "--output",
                        os.path.join(functions, name + ".wasm")], check=True)

    @classmethod
    def sluice(cls, *arguments, expect=0, alone=False, text=""):
        command = [SLUICE] if alone else [SLUICE, "-w", cls.workspace, "--json"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, input=text,
                              timeout=60, check=False)
        if done.returncode != expect:
            raise AssertionError(f"{arguments}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stderr


class Names(VersionsTest):
    def test_what_a_name_means(self):
        for name, version in (("F", "02.10.0000"), ("F-OLD", "02.10.0000"), ("second", "01.23.3000"),
                              ("F|01.23.3000", "01.23.3000"), ("F|1.23", "01.23.3001"),
                              ("F-OLD|1.0", "01.00.0007"), ("newest|2.10", "02.10.0000")):
            (flow,) = json.loads(self.sluice("flows", name))["flows"]
            self.assertEqual((flow["identifier"], flow["version"]), ("F", version), name)

    def test_the_list_is_ordered(self):
        flows = json.loads(self.sluice("flows"))["flows"]
        self.assertEqual([(flow["identifier"], flow["version"]) for flow in flows],
                         [("F", "01.00.0007"), ("F", "01.23.3000"), ("F", "01.23.3001"),
                          ("F", "02.10.0000"), ("G", "01.00.0000"), ("H", "01.00.0000")])

    def test_what_is_not_there_is_told_with_what_is(self):
        self.assertIn("flow 'F' has no version '1.24'; there is 01.00.0007, 01.23.3000, 01.23.3001, "
                      "02.10.0000", self.sluice("flows", "F|1.24", expect=2))
        self.assertIn("no version 'x'", self.sluice("flows", "F|x", expect=2))
        self.assertIn("no version ''", self.sluice("flows", "F|", expect=2))
        self.assertIn("no flow 'FF'; did you mean 'F'?", self.sluice("flows", "FF|1.0", expect=2))

    def test_a_run_is_recorded_with_its_version(self):
        for name, version in (("F|1.23", "01.23.3001"), ("F", "02.10.0000")):
            instance = json.loads(self.sluice("run", name))["instance"]
            self.assertEqual(json.loads(self.sluice("show", instance))["version"], version)


    def test_the_size_of_a_parameter(self):
        self.sluice("run", "G", "--param", "p=" + "x" * FLOW_PARAMETER_SIZE_MAX)
        self.assertIn("parameter 'p' is longer than 1024 bytes",
                      self.sluice("run", "G", "--param", "p=" + "x" * (FLOW_PARAMETER_SIZE_MAX + 1), expect=2))


class Clashes(VersionsTest):
    def refused(self, *flows):
        with tempfile.TemporaryDirectory(dir=self.folder) as functions:
            before = self.functions
            for name, one in flows:
                self.embed(functions, name, one)
            self.use(functions)
            try:
                return self.sluice("flows", expect=2)
            finally:
                self.use(before)

    def test_the_number_of_modules(self):
        """Those that are not too many are looked at, and are none."""
        for count, words in ((REGISTRY_FLOWS_MAX, "00.wasm': refused: this is not a WebAssembly module"),
                             (REGISTRY_FLOWS_MAX + 1, "more than 256 flows")):
            with tempfile.TemporaryDirectory(dir=self.folder) as functions:
                for number in range(count):
                    with open(os.path.join(functions, f"{number:02}.wasm"), "wb") as file:
                        file.write(b"nothing")
                before = self.functions
                self.use(functions)
                try:
                    self.assertIn(words, self.sluice("flows", expect=2))
                finally:
                    self.use(before)

    def test_one_version_twice(self):
        said = self.refused(("a", manifest("F", "01.23.3000")), ("b", manifest("F", "1.23.3000")))
        self.assertIn("'a.wasm' and 'b.wasm' are both version 1.23.3000 of flow 'F'", said)

    def test_a_name_that_means_two_flows(self):
        for other in (("b", manifest("G", "01.00.0000", aliases=["F"])),
                      ("F", manifest("G", "01.00.0000"))):
            with self.subTest(other=other):
                said = self.refused(("a", manifest("F", "01.00.0000")), other)
                self.assertIn("are different flows and both called 'F'", said)


class Addresses(VersionsTest):
    def setUp(self):
        self.sluice("users", "add", "caller", "--role", "invoke", text="caller-secret\n")
        self.process = subprocess.Popen(
            [SLUICE, "-w", self.workspace, "serve", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.terminate)
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def post(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("POST", FLOWS + path, "{}", HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Sluice-Instance"), answer.read().decode()

    def shown(self, instance):
        """What another process sees of it, soon after the answer: it is recorded in groups."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return json.loads(self.sluice("show", instance))
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def test_which_version_answers(self):
        for path, version in (("F/1.23/go", "01.23.3001"), ("F/01.23.3001/go", "01.23.3001"),
                              ("F/1.0/go", "01.00.0007"), ("F-OLD/1.23/go", "01.23.3001"),
                              ("F/2.10/other", "02.10.0000"), ("G/1.0/go", "01.00.0000")):
            with self.subTest(path=path):
                status, instance, body = self.post(path)
                self.assertEqual(status, 200, body)
                shown = self.shown(instance)
                self.assertEqual((shown["flow"], shown["version"]), (path[0], version))

    def test_a_module_that_was_replaced_is_not_kept_as_what_it_was(self):
        """An instance that is to go on later needs the bytes that it began with."""
        path = os.path.join(self.functions, "durable.wasm")
        with open(path, "rb") as file:
            original = file.read()
        self.addCleanup(self.embed, self.functions, "durable", manifest("H", "01.00.0000", durability="durable"))
        self.embed(self.functions, "durable", manifest("H", "01.00.0000", aliases=["H2"], durability="durable"))
        status, _, body = self.post("H/1.0/go")
        self.assertGreaterEqual(status, 500, body)
        self.assertIn("was replaced since this process read it", body)
        with open(path, "wb") as file:
            file.write(original)
        status, instance, body = self.post("H/1.0/go")
        self.assertEqual(status, 200, body)
        with open(os.path.join(self.workspace, "state", "modules",
                               self.shown(instance)["module_digest"] + ".wasm"), "rb") as file:
            self.assertEqual(file.read(), original)

    def test_what_no_version_answers(self):
        for path in ("F/2.10/go", "F/1.24/go", "F/3.0/go", "second/1.0/go", "F%7C1.23/1.23/go",
                     "F/01.23.3000/go"):  # of one line, the newest is active
            with self.subTest(path=path):
                status, _, body = self.post(path)
                self.assertEqual(status, 404, body)
                detail = json.loads(body)["detail"]
                for version in ("01.00.0007/go", "01.23.3001/go", "02.10.0000/other"):
                    self.assertIn(f"{FLOWS}F/{version}", detail)
                self.assertNotIn(f"{FLOWS}F/01.23.3000/", detail)


if __name__ == "__main__":
    SLUICE, TRANSLATE, GUEST = map(os.path.realpath, sys.argv[1:4])
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])

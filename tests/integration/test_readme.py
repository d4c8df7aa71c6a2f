# SPDX-License-Identifier: MIT
"""Every command that README.md and docs/ show is run, or is named here with the test that runs it;
the flow that README.md shows is compiled, and its manifest read by the program.

Usage: test_readme.py SLUICE SLUICE_TRANSLATE MODULE GUEST_CC CJSON_FOLDER
MODULE: any module without a manifest.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import Landscape  # noqa: E402

SLUICE = TRANSLATE = MODULE = GUEST_CC = CJSON = None
RUN_ELSEWHERE = {
    "build/host/cli/sluice -w my-utility clone OUTL-BA-CCS_DACS_CUST_SYNC_FTP UTIL-CUST_SYNC_NIGHTLY":
        "the test 'customize.clones': it must be signed before the next command",
    "scripts/demo": "the test 'demo'",
    "scripts/test": "whatever runs this test",
    "cmake -B build && cmake --build build && ctest --test-dir build":
        "the test 'sanitizers' configures, builds and tests a fresh folder",
    "scripts/prove": "by hand: the test 'prove' runs the first two minutes of it",
    "scripts/prove --minutes 2 --fuzz 0": "the test 'prove'",
    "scripts/prove --servers 10": "by hand: the tests 'cut.*' try the first moments of six routes",
    "scripts/prove --seed 4711": "whoever looks at one seed; all of them run so",
    "scripts/exhaust": "by hand: the test 'exhaustion' runs some of it",
    "scripts/exhaust --smoke": "the test 'exhaustion'",
    "scripts/bench": "by hand: a measurement is no test",
    "build/host/cli/sluice -w my-utility replay ID": "the test 'resume'",
    "build/host/cli/sluice supervise /srv/sluice": "the test 'supervise'",
    "build/host/cli/sluice supervise /srv/sluice --status": "the test 'supervise'",
    "build/host/cli/sluice -w my-utility replay ID --with build/new_version.wasm": "the test 'resume'",
}
PROGRAM = "build/host/cli/sluice"
OTHERS = ("skopeo",)  # that a document shows, over what a line before it has made


def commands(path):
    """The lines of the fenced sh blocks of a document, comments removed."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        for line in block.splitlines():
            line = re.sub(r"\s+#.*", "", line).strip()
            if line:
                yield line


def example(language):
    """The one fenced block of README.md in that language."""
    with open(os.path.join(REPOSITORY, "README.md"), encoding="utf-8") as file:
        found = re.findall(rf"```{language}\n(.*?)```", file.read(), re.S)
    assert len(found) == 1, f"{len(found)} blocks of {language}"
    return textwrap.dedent(found[0])


def documents():
    yield os.path.join(REPOSITORY, "README.md")
    for name in sorted(os.listdir(os.path.join(REPOSITORY, "docs"))):
        if name.endswith(".md"):
            yield os.path.join(REPOSITORY, "docs", name)


class Documents(unittest.TestCase):
    def test_every_command_is_run(self):
        with tempfile.TemporaryDirectory(prefix="sluice-readme-") as folder:
            with Landscape(folder, SLUICE) as land:
                for path in documents():
                    for line in commands(path):
                        with self.subTest(document=os.path.basename(path), command=line):
                            self.run_line(land, folder, line)

    def run_line(self, land, folder, line):
        if line in RUN_ELSEWHERE or line.startswith("curl "):  # the test 'api_deploy' runs the latter
            return
        words = shlex.split(line)
        if words[0] in OTHERS:
            self.done(*words, cwd=folder)
            return
        self.assertEqual(words[0], PROGRAM, f"no test runs this command: {line}")
        words[0] = SLUICE
        if "init" in words:  # a new workspace, then the one whose connections lead somewhere
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return
        if "-w" in words:
            words[words.index("-w") + 1] = land.workspace
        done = subprocess.run(words, cwd=folder, env=land.environment(), capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def write(self, folder, name, data):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(data)
        return path

    def done(self, *words, cwd=None):
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_flow_that_is_shown_compiles(self):
        with tempfile.TemporaryDirectory(prefix="sluice-readme-") as folder:
            source = self.write(folder, "my_flow.c", example("c"))
            self.done(GUEST_CC, "--target=wasm32-wasi", "-std=c11", "-Wall", "-Wextra", "-Werror",
                      "-fsyntax-only", "-I", os.path.join(REPOSITORY, "shared", "include"),
                      "-isystem", CJSON, source)

    def test_the_manifest_that_is_shown_is_read(self):
        with tempfile.TemporaryDirectory(prefix="sluice-readme-") as folder:
            manifest = self.write(folder, "flow.json", example("json"))
            self.done(TRANSLATE, MODULE, "--embed", manifest, "--output",
                      os.path.join(folder, "my_flow.wasm"))
            self.done(SLUICE, "init", os.path.join(folder, "w"))
            shown = self.done(SLUICE, "-w", os.path.join(folder, "w"), "--functions", folder,
                              "flows", "MY-FLOW")
            self.assertIn("name (default world): who is greeted", shown)

    def test_every_path_that_is_named_exists(self):
        for path in documents():
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for named in re.findall(r"`((?:functions|shared|host|tests|cmake|scripts|docs)/[\w./-]*)`",
                                    text):
                with self.subTest(document=os.path.basename(path), path=named):
                    if "my_flow" not in named:
                        self.assertTrue(os.path.exists(os.path.join(REPOSITORY, named)), named)


if __name__ == "__main__":
    SLUICE, TRANSLATE, MODULE, GUEST_CC, CJSON = map(os.path.abspath, sys.argv[1:6])
    unittest.main(argv=sys.argv[:1] + sys.argv[6:])

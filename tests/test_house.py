# SPDX-License-Identifier: MIT
"""Rules of the house that a compiler does not check: layers include downwards only, guests include no
host, every source says its licence, no file grows past reading. Usage: test_house.py [REPOSITORY]
"""
import os
import re
import subprocess
import sys
import unittest

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
LAYERS = ["base", "engine", "workspace", "store", "transfer", "capability", "flow", "server", "supervisor",
          "cli"]
BELOW = {layer: set(LAYERS[:index + 1]) for index, layer in enumerate(LAYERS)}
BELOW["workspace"] -= {"engine"}
BELOW["store"] -= {"engine", "workspace"}
BELOW["transfer"] -= {"engine", "store"}
BELOW["supervisor"] = {"base", "workspace", "supervisor"}  # it starts the program, and is not part of it
TOP_LEVEL = {"CMakeLists.txt", "functions", "shared", "host", "tests", "wasm-out", "README.md", "cmake",
             "scripts", "docs", "deploy", "package.json", "package-lock.json", "LICENSE"}
LINES_MAX = 600


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY,
                            capture_output=True, text=True, check=True).stdout.split("\n")
    return [name for name in listed if name and os.path.exists(os.path.join(REPOSITORY, name))]


def text_of(name):
    with open(os.path.join(REPOSITORY, name), encoding="utf-8", errors="replace") as file:
        return file.read()


class House(unittest.TestCase):
    def test_layers_include_downwards_only(self):
        wrong = []
        for name in files():
            match = re.fullmatch(r"host/(\w+)/.*\.[ch]", name)
            for included in re.findall(r'#include "(\w+)/', text_of(name)) if match else []:
                if included in LAYERS and included not in BELOW[match[1]]:
                    wrong.append(f"{name} includes {included}/")
        self.assertEqual(wrong, [])

    def test_guests_know_nothing_of_the_host(self):
        wrong = [name for name in files() if re.match(r"(shared|functions)/.*\.[ch]$", name)
                 and re.search(r'#include "(%s)/' % "|".join(LAYERS), text_of(name))]
        self.assertEqual(wrong, [])

    def test_sources_say_their_licence(self):
        wrong = [name for name in files() if re.search(r"\.(c|h|py|mjs)$", name)
                 and "SPDX-License-Identifier: MIT" not in text_of(name)[:200]]
        self.assertEqual(wrong, [])

    def test_top_level_is_the_agreed_one(self):
        top = {name.split("/")[0] for name in files()}
        self.assertEqual({name for name in top if not name.startswith(".")} - TOP_LEVEL, set())

    def test_each_fault_is_shown_somewhere(self):
        """docs/faults.md: 79 faults in order, each with kinds of the simulation or tests that exist."""
        text = text_of("docs/faults.md")
        kinds = re.findall(r'X\(\w+, "([^"]+)"\)', text_of("tests/simulation/mishap.h"))
        rows = re.findall(r"^\| (\d+) \| .* \| ([^|]+) \|$", text, re.M)
        self.assertEqual([int(number) for number, _ in rows], list(range(1, 80)))
        for number, shown in rows:
            named = re.findall(r"`([^`]+)`", shown)
            self.assertTrue(named, f"fault {number}")
            for name in named:
                exists = name in kinds or os.path.exists(os.path.join(REPOSITORY, name))
                self.assertTrue(exists, f"fault {number}: '{name}'")
        self.assertEqual([kind for kind in kinds if f"`{kind}`" not in text], [])

    def test_each_fuzz_target_is_built_and_told_of(self):
        sources = {name[len("tests/fuzz/"):-2] for name in files() if re.match(r"tests/fuzz/\w+\.c$", name)}
        built = re.findall(r"^add_fuzz_target\((\w+)", text_of("tests/fuzz/CMakeLists.txt"), re.M)
        told = re.findall(r"^\| `(\w+)` \|", text_of("docs/faults.md"), re.M)
        kept = {"fuzz_" + name.split("/")[3] for name in files() if name.startswith("tests/fuzz/corpus/")}
        self.assertEqual(sorted(built), sorted(sources))
        self.assertEqual(sorted("fuzz_" + name for name in told), sorted(sources))
        self.assertEqual(kept - sources, set())

    def test_no_file_is_too_long_to_read(self):
        wrong = {name: lines for name in files() if re.search(r"\.(c|h|py|mjs|sh)$", name)
                 if (lines := text_of(name).count("\n")) > LINES_MAX}
        self.assertEqual(wrong, {})


if __name__ == "__main__":
    unittest.main()

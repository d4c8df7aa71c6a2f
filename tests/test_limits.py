# SPDX-License-Identifier: MIT
"""docs/limits.md is true: no limit of a header or of a configuration is missing there, each has the value that
the code has, and each names tests that name it. Usage: test_limits.py
"""
import re
import unittest

from test_house import files, text_of

PAGE = "docs/limits.md"
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
# The tables of the configuration: where each array of fields is found, as file and prefix of its keys.
ARRAYS = {
    ("host/workspace/workspace.c", "settings"): "sluice.json: ",
    ("host/workspace/workspace.c", "filter_fields"): "sluice.json: filters.",
    ("host/workspace/workspace.c", "server_fields"): "sluice.json: server.",
    ("host/workspace/telemetry.c", "trace_fields"): "sluice.json: traces.",
    ("host/workspace/connections.c", "fields"): "connections.json: ",
    ("host/workspace/connections.c", "retry_fields"): "connections.json: retry.",
    ("host/workspace/supervision.c", "fields"): "supervise.json: ",
    ("host/workspace/supervision.c", "limit_fields"): "supervise.json: limits.",
    ("host/server/issuer.c", "fields"): "oauth.json: ",
}
WHERE = r"(?: \(([\w./]+)\))?"  # the file that defines it, where the name alone does not tell


def definitions():
    """{name: {file: expression}} of everything that is defined in capitals."""
    found = {}
    for name in files():
        if re.fullmatch(r"(host|shared|functions)/.*\.[ch]", name):
            for constant, text in re.findall(r"^#define ([A-Z][A-Z0-9_]*) +(.+?)(?: */\*.*)?$", text_of(name),
                                             re.M):
                found.setdefault(constant, {})[name] = text
    return found


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.defined, cls.files = definitions(), set(files())
        cls.rows = re.findall(r"^\| (.+) \|$", text_of(PAGE), re.M)
        cls.rows = [[cell.strip() for cell in row.split(" | ")] for row in cls.rows]

    def value(self, text, file):
        """Of a C expression in file; names of others are looked up."""
        text = re.sub(r"U?INT64_C|\(u?int64_t\)", "", text)
        text = re.sub(r"\b(0x[0-9A-F]+|\d+)[uUlL]+\b", r"\1", text).replace("/", "//")
        for name in set(re.findall(r"\b[A-Z]\w+\b", text)):
            places = self.defined[name]
            place = file if file in places else next(iter(places))
            text = re.sub(rf"\b{name}\b", str(self.value(places[place], place)), text)
        self.assertRegex(text, r"^[\d\s()<>*+/x-]+$")
        return eval(text)  # pylint: disable=eval-used  # digits and operators only

    def number(self, cell):
        match = re.fullmatch(r"([\d,]+) ?(KiB|MiB|GiB|TiB)?", cell)
        self.assertTrue(match, f"'{cell}' is no number")
        return int(match[1].replace(",", "")) * UNITS[match[2] or ""]

    def check_tests(self, name, cell):
        tests = re.findall(r"`(tests/[^`]+)`", cell)
        self.assertTrue(tests, f"{name}: no test")
        for test in tests:
            self.assertTrue(test in self.files, f"{name}: there is no {test}")
            self.assertTrue(re.search(rf"\b{name}\b", text_of(test)), f"{test} does not name {name}")

    def constants(self, columns):
        """The rows of a table with so many columns that begins with a constant: (name, file, cells)."""
        for row in self.rows:
            match = re.fullmatch(rf"`([A-Z][A-Z0-9_]*)`{WHERE}", row[0])
            if match and len(row) == columns:
                yield match[1], match[2], row

    def test_each_constant_of_a_header_is_there(self):
        told = {(name, file) for columns in (2, 5) for name, file, _ in self.constants(columns)}
        missing = [f"{name} ({file})" for name, places in self.defined.items() for file in places
                   if re.search(r"_MAX(_|$)", name) and file.endswith(".h") and not file.startswith("shared/src")
                   and (name, file) not in told and (name, None) not in told]
        self.assertEqual(missing, [])

    def test_constants_have_the_value_of_the_code(self):
        for name, file, row in self.constants(5):
            with self.subTest(name):
                places = self.defined.get(name, {})
                self.assertTrue(places, "is not defined")
                if file is None:
                    self.assertEqual(len(places), 1, f"say which: {sorted(places)}")
                    file = next(iter(places))
                self.assertIn(file, places)
                self.assertEqual(self.number(row[1]), self.value(places[file], file))

    def test_constants_are_shown_by_tests_that_name_them(self):
        for name, _, row in self.constants(5):
            with self.subTest(name):
                self.check_tests(name, row[4])

    def test_what_is_no_limit_exists(self):
        for name, file, row in self.constants(2):
            with self.subTest(name):
                self.assertIn(name, self.defined)
                self.assertTrue(file is None or file in self.defined[name])
                self.assertTrue(row[1])

    def fields(self):
        """{"sluice.json: server.workers": (from, to)} of the tables of the code."""
        found = {}
        for file in sorted(self.files):
            if not re.fullmatch(r"host/(workspace|server)/\w+\.c", file):
                continue
            for array, body in re.findall(r"const struct config_field (\w+)\[\] = \{(.*?)^\};", text_of(file),
                                          re.M | re.S):
                for field in re.findall(r"\{\.key = .*?\}", body, re.S):
                    if re.search(r"CONFIG_(NUMBER|SECONDS|SIZE)", field):
                        ends = [re.search(rf"\.{end} = ([^,}}]+)", field) for end in ("min", "max")]
                        key = re.search(r'\.key = "(\w+)"', field)[1]
                        found[ARRAYS[file, array] + key] = tuple(
                            self.value(end[1], file) if end else 0 for end in ends)
        return found

    def test_settings_have_the_range_of_the_code(self):
        told = {}
        for row in self.rows:
            match = re.fullmatch(r"`(\w+\.json: [\w.]+)`", row[0])
            if match:
                told[match[1]] = (self.number(row[1]), self.number(row[2]))
        self.assertEqual(told, self.fields())

    def test_settings_are_shown_by_tests_that_name_them(self):
        for row in self.rows:
            match = re.fullmatch(r"`\w+\.json: (?:\w+\.)?(\w+)`", row[0])
            if match:
                with self.subTest(row[0]):
                    self.check_tests(match[1], row[4])


if __name__ == "__main__":
    unittest.main()

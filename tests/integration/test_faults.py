# SPDX-License-Identifier: MIT
"""Flows that misbehave, as an operator meets them: exit status, fault by name, what stays unharmed.

Usage: test_faults.py SLUICE TRANSLATE MISBEHAVE.wasm MANIFEST
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

from landscape import Landscape  # noqa: E402

SLUICE = TRANSLATE = GUEST = MANIFEST = None


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-faults-")
        functions = os.path.join(cls.folder.name, "functions")
        os.mkdir(functions)
        subprocess.run([TRANSLATE, GUEST, "--embed", MANIFEST, "--output",
                        os.path.join(functions, "misbehave.wasm")], check=True)
        cls.land = Landscape(os.path.join(cls.folder.name, "land"), SLUICE,
                             settings={"functions": functions})
        cls.land.put_ccs_ftp("C1-HELD.csv", b"held\n")

    @classmethod
    def tearDownClass(cls):
        cls.land.stop()
        cls.folder.cleanup()

    def run_flow(self, message, expect):
        path = os.path.join(self.folder.name, "message")
        with open(path, "w", encoding="ascii") as file:
            file.write(message)
        done = self.land.sluice("--json", "run", "MISBEHAVE", "--body", path)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        outcome = json.loads(done.stdout)
        shown = json.loads(self.land.sluice("--json", "show", outcome["instance"], check=True).stdout)
        return outcome, shown

    def check_fault(self, message, *names):
        outcome, shown = self.run_flow(message, 1)
        self.assertIn(shown["fault"]["code"], names)
        self.assertEqual(shown["state"], "FAILED")
        self.assertEqual(outcome["response"]["status"], 500)
        well, _ = self.run_flow("well", 0)
        self.assertEqual(well["response"]["body"], "well")

    def test_endless_loop(self):
        self.check_fault("L", "cpu_deadline")

    def test_endless_recursion(self):
        self.check_fault("R", "stack_exhausted")

    def test_endless_recursion_on_the_shadow_stack(self):
        self.check_fault("S", "stack_exhausted")

    def test_loads_and_stores_out_of_bounds(self):
        self.check_fault("O", "memory_out_of_bounds")
        self.check_fault("W", "memory_out_of_bounds")

    def test_table_call_out_of_bounds(self):
        self.check_fault("T", "table_out_of_bounds", "indirect_call_mismatch")

    def test_unreachable_and_division(self):
        self.check_fault("U", "unreachable")
        self.check_fault("D", "divide_by_zero")

    def test_an_address_outside_the_memory(self):
        self.check_fault("B", "bad_address")

    def test_an_import_flood(self):
        self.check_fault("I", "import_limit")

    def test_growth_ends_at_the_cap(self):
        outcome, _ = self.run_flow("G", 0)
        grown = int(outcome["response"]["body"])
        self.assertTrue(0 < grown < 32, grown)  # 2 MiB are 32 pages, some of them used from the start

    def test_exit_in_the_middle(self):
        _, shown = self.run_flow("X", 1)
        self.assertEqual(shown["state"], "FAILED")
        self.assertIn("7", shown["fault"]["detail"])

    def test_a_log_flood_is_cut_and_said(self):
        _, shown = self.run_flow("F", 0)
        lines = [row for row in shown["activity"] if row["import"] == "log"]
        self.assertEqual(len(lines), 6, lines[:8])
        self.assertIn("limit", lines[-1]["detail"])

    def test_one_huge_write_does_not_outlive_the_deadline(self):
        outcome, _ = self.run_flow("V", 0)
        self.assertEqual(outcome["response"]["body"], "65536")

    def test_a_line_cut_inside_a_character_stays_readable(self):
        _, shown = self.run_flow("E", 0)
        line = [row for row in shown["activity"] if row["import"] == "log"][0]["detail"]
        self.assertEqual(line, "x" + "\u00e9" * 2047)

    def test_a_missing_grant_is_named(self):
        outcome, shown = self.run_flow("N", 0)
        self.assertEqual(outcome["response"]["body"], "-2")
        denied = [row for row in shown["activity"] if row["result"] == "denied"]
        self.assertEqual(len(denied), 1)
        self.assertIn('no grant for "list" of capability "ftp"', denied[0]["detail"])

    def test_a_child_traps_while_its_parent_holds_a_file(self):
        for child in ("L", "R", "O", "U"):
            with self.subTest(child=child):
                outcome, shown = self.run_flow("C" + child, 0)
                self.assertEqual(outcome["response"]["body"], "500")
                self.assertEqual(shown["state"], "COMPLETED")

    def test_a_child_that_answers_200_and_fails_has_failed(self):
        outcome, _ = self.run_flow("CX", 0)
        self.assertEqual(outcome["response"]["body"], "500")

    def test_the_message_of_a_child_ends_at_its_limit_and_not_before(self):
        for size, expected in ((4096, "200"), (4097, "413")):
            outcome, _ = self.run_flow(f"M{size}", 0)
            self.assertEqual(outcome["response"]["body"], expected)

    def test_children_end_at_the_depth_limit(self):
        outcome, _ = self.run_flow("C" * 40, 0)
        self.assertEqual(outcome["response"]["body"], "200")


class Refused(unittest.TestCase):
    """What the verifier refuses never becomes native code: the flow is named with the reason."""

    def test_a_flipped_module_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="sluice-refused-") as folder:
            functions = os.path.join(folder, "functions")
            os.mkdir(functions)
            with open(GUEST, "rb") as file:
                module = bytearray(file.read())
            module[4] ^= 0xFF
            with open(os.path.join(functions, "bad.wasm"), "wb") as file:
                file.write(module)
            workspace = os.path.join(folder, "workspace")
            subprocess.run([SLUICE, "init", workspace], check=True, capture_output=True)
            with open(os.path.join(workspace, "sluice.json"), "w", encoding="utf-8") as file:
                json.dump({"functions": functions}, file)
            done = subprocess.run([SLUICE, "-w", workspace, "flows"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("bad.wasm", done.stderr)
            self.assertFalse(os.path.exists(os.path.join(functions, "compiled"))
                             and os.listdir(os.path.join(functions, "compiled")))

    def test_an_alias_may_not_take_the_name_of_another_flow(self):
        with open(MANIFEST, encoding="utf-8") as file:
            manifest = json.load(file)
        with tempfile.TemporaryDirectory(prefix="sluice-names-") as folder:
            functions = os.path.join(folder, "functions")
            os.mkdir(functions)
            for name, identifier, aliases in (("one", "ONE", []), ("two", "A-FLOW", ["ONE"])):
                manifest.update(identifier=identifier, aliases=aliases)
                described = os.path.join(folder, name + ".json")
                with open(described, "w", encoding="utf-8") as file:
                    json.dump(manifest, file)
                subprocess.run([TRANSLATE, GUEST, "--embed", described, "--output",
                                os.path.join(functions, name + ".wasm")], check=True)
            workspace = os.path.join(folder, "workspace")
            subprocess.run([SLUICE, "init", workspace], check=True, capture_output=True)
            with open(os.path.join(workspace, "sluice.json"), "w", encoding="utf-8") as file:
                json.dump({"functions": functions}, file)
            done = subprocess.run([SLUICE, "-w", workspace, "flows"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn("are different flows and both called 'ONE'", done.stderr)


if __name__ == "__main__":
    SLUICE, TRANSLATE, GUEST, MANIFEST = (os.path.realpath(one) for one in sys.argv[1:5])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])

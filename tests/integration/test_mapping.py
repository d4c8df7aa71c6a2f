# SPDX-License-Identifier: MIT
"""The filter that applies mappings, as a WebAssembly module: every example of docs/mapping.md, and what it
does with input that it cannot use. Usage: test_mapping.py NODE MAPPING.wasm
"""
import json
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
DOCUMENT = os.path.join(HERE, "..", "..", "docs", "mapping.md")
NODE = MODULE = None
INPUT_SIZE_MAX = 4 << 20


def run(given):
    """What the module makes of bytes: exit status, standard output, standard error."""
    done = subprocess.run([NODE, os.path.join(HERE, "..", "wasi.mjs"), MODULE], input=given,
                          capture_output=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode()


def apply(mapping, message, lookups=None):
    given = {"mapping": mapping, "message": message}
    if lookups is not None:
        given["lookups"] = lookups
    return run(json.dumps(given).encode())


def examples():
    """Each is a dictionary of the blocks under "Mapping:", "Message:", ... of the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        blocks = re.findall(r"^(Mapping|Message|Lookups|Result|Error):\n\n```\w+\n(.*?)```", file.read(),
                            re.S | re.M)
    found = []
    for name, text in blocks:
        if name == "Mapping":
            found.append({})
        found[-1][name] = text if name == "Error" else json.loads(text)
    return found


class Document(unittest.TestCase):
    def test_every_example_gives_what_it_says(self):
        self.assertGreater(len(examples()), 12)
        for example in examples():
            with self.subTest(mapping=example["Mapping"]):
                status, out, errors = apply(example["Mapping"], example["Message"], example.get("Lookups"))
                if "Error" in example:
                    self.assertEqual((status, out, errors), (1, b"", example["Error"]))
                else:
                    self.assertEqual((status, errors), (0, ""))
                    self.assertEqual(json.loads(out), example["Result"])
                    self.assertEqual(list(json.loads(out)), list(example["Result"]), "order of members")

    def test_every_rule_has_an_example(self):
        text = json.dumps(examples())
        for rule in ["copy", "constant", "default", "concatenate", "date", "lookup", "condition", "remove",
                     "rename", "repeat", "fail"]:
            self.assertIn(f'"rule": "{rule}"', text)


class Module(unittest.TestCase):
    def check_refused(self, given, why):
        status, out, errors = run(given)
        self.assertEqual((status, out), (1, b""))
        self.assertIn(why, errors)

    def test_input_that_cannot_be_used(self):
        rows = [
            (b"", "input: is empty"),
            (b"{", "input: is not JSON"),
            (b"[]", "input: must be {"),
            (b'{"mapping":{}}', "input: must be {"),
            (b'{"mapping":{},"message":{},"lookup":{}}', "input: must be {"),
            (b'{"mapping":{},"message":{},"lookups":[]}', "input: must be {"),
            (b'{"mapping":{},"message":1,"message":2}', "input: must be {"),
            (b'{"mapping":5,"message":{}}', "mapping: must be an object"),
            (b'{"mapping":{"mapping":1,"rules":[]},"message":{"a":1234567890123456}}',
             "message: the number 1234567890123456 has more digits than 15"),
        ]
        for given, why in rows:
            with self.subTest(given=given):
                self.check_refused(given, why)

    def test_all_errors_of_a_mapping_are_told(self):
        status, out, errors = apply({"mapping": 1, "rules": [{"rule": "cop"}, {"rule": "remove", "form": "/a"}]},
                                    {})
        self.assertEqual((status, out), (1, b""))
        self.assertEqual(errors.splitlines(),
                         ['rule 1: "cop" is not a rule; did you mean "copy"?',
                          'rule 2 (remove): "form" is not a key of the rule remove; did you mean "note"?'])

    def test_input_size_at_the_limit_and_beyond(self):
        before, behind = b'{"mapping":{"mapping":1,"start":"empty","rules":[]},"message":"', b'"}'
        room = INPUT_SIZE_MAX - len(before) - len(behind)
        self.assertEqual(run(before + b"x" * room + behind), (0, b"{}\n", ""))
        self.check_refused(before + b"x" * (room + 1) + behind, "input: is longer than 4194304 bytes")

    def test_depth_of_a_message_at_the_limit_and_beyond(self):
        mapping = b'{"mapping":{"mapping":1,"rules":[]},"message":'
        self.assertEqual(run(mapping + b"[" * 32 + b"]" * 32 + b"}"), (0, b"[" * 32 + b"]" * 32 + b"\n", ""))
        self.check_refused(mapping + b"[" * 33 + b"]" * 33 + b"}", "nested deeper")

    def test_numbers_keep_their_value(self):
        message = {"a": 123456789012345, "b": -0.1, "c": 1e300, "d": 0.123456789012345}
        status, out, errors = apply({"mapping": 1, "rules": []}, message)
        self.assertEqual((status, json.loads(out), errors), (0, message, ""))

    def test_properties_are_compared_as_the_host_does(self):
        mapping = {"mapping": 1, "start": "empty", "rules": [
            {"rule": "lookup", "lookup": "L", "property": "to.ProcessNotification", "to": "/a"}]}
        status, out, _ = apply(mapping, {}, {"L": {"TO_PROCESS_NOTIFICATION": "x"}})
        self.assertEqual((status, out), (0, b'{"a":"x"}\n'))

    def test_what_is_left_out_is_noted(self):
        mapping = {"mapping": 1, "start": "empty", "rules": [
            {"rule": "repeat", "from": "/l", "to": "/l", "items_max": 1,
             "rules": [{"rule": "copy", "from": "", "to": ""}]}]}
        status, out, errors = apply(mapping, {"l": [1, 2]})
        self.assertEqual((status, out), (0, b'{"l":[1]}\n'))
        self.assertEqual(errors, "rule 1 (repeat): only 1 elements are taken, the others are left out\n")


class Acknowledgement(unittest.TestCase):
    """The base mapping is a mapping like any other."""

    def test_the_file_gives_what_the_flow_sends(self):
        with open(os.path.join(HERE, "..", "..", "functions", "customer_sync_ack", "mapping.json"),
                  encoding="utf-8") as file:
            mapping = json.load(file)
        message = {"syncRequestId": "48213377120455", "boStatus": "Rejected", "pkValue1": 98765432101234,
                   "messageList": [{"messageText": "no"}]}
        status, out, errors = apply(mapping, message, {"OUTL-BRT-CCS_DACS_ConfigProps": {
            "ccs.error.ack.messagenumber": "42"}})
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(json.loads(out), {
            "syncRequestId": "48213377120455", "hasError": True,
            "exceptionInfo": [{"sequence": 1, "messageCategory": 11114, "messageNumber": 42, "messageParameters": [
                {"parameterSequence": 1, "messageParameterValue": "no"}]}],
            "externalIds": {"entityIdList": [{"externalPk1": "98765432101234"}]}})


if __name__ == "__main__":
    NODE, MODULE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])

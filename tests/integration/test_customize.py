# SPDX-License-Identifier: MIT
"""sluice customize, clone, sign and verify: from a template to a signed customisation in place, its versions,
an own flow, and what is refused and by which name.

Usage: test_customize.py SLUICE GUESTS WAT2WASM... [unittest arguments]
"""
import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

from filter_common import FLOW_ACK, FLOW_FTP, FLOW_FTP_CHILD, HERE, FilterTest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from program import Program

ID = "12345678901234"
LINE = b"12345678901234\t2026-01-01\tF1IC\t5\tPerson\tANNA\t+1-415-555-0142\t\t\ta@example.org\n"
WAT2WASM = []
CUSTOMISE_VERSIONS_MAX = 10000  # customise.h
SECTION = b"sluice.signature"


def openssl_key(path, public, curve=None):
    key = ec.generate_private_key(curve or ec.SECP256R1())
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                     serialization.NoEncryption()))
    os.chmod(path, 0o600)
    with open(public, "wb") as file:
        file.write(key.public_key().public_bytes(serialization.Encoding.PEM,
                                                 serialization.PublicFormat.SubjectPublicKeyInfo))
    return key


class CustomizeTest(FilterTest):
    def setUp(self):
        super().setUp()
        shutil.rmtree(os.path.join(self.land.workspace, "trusted_keys"), ignore_errors=True)
        shutil.rmtree(os.path.join(self.land.workspace, "flows"), ignore_errors=True)
        self.work = os.path.join(self.folder, "work")
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def call(self, *arguments, expect=0):
        done = self.land.sluice(*arguments, cwd=self.work)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def json(self, *arguments, expect=0):
        done = self.land.sluice("--json", *arguments, cwd=self.work)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def path(self, name, data=None):
        path = os.path.join(self.work, name)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
            os.chmod(path, 0o600)
        return path

    def copy_guest(self, name, to):
        return shutil.copy(self.guest(name), self.path(to))

    def trust(self, public):
        folder = os.path.join(self.land.workspace, "trusted_keys")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(public, folder)

    def in_place(self, flow, name):
        with open(os.path.join(self.land.workspace, "customizations", flow, name), "rb") as file:
            return file.read()


class Commands(CustomizeTest):
    def test_a_template_in_each_language_builds_and_runs(self):
        message = self.path("message.json", b'{"a":1}')
        for language, tool in (("c", "clang"), ("rust", "/usr/bin/rustc"), ("assemblyscript", "node")):
            with self.subTest(language=language):
                if not shutil.which(tool):
                    self.skipTest(f"no {tool}")
                self.call("customize", "new", FLOW_ACK, "message", language, "--lang", language)
                make = ["make", "-s", "-C", self.path(language)]
                if language == "rust":
                    make.append("RUSTC=" + tool)
                if language == "assemblyscript":  # the compiler that the repository has anyway
                    os.symlink(os.path.join(HERE, "..", "..", "node_modules"), self.path("assemblyscript/node_modules"))
                subprocess.run(make, check=True, timeout=300)
                module = self.path(language + "/message.wasm")
                self.assertIn("nothing is changed",
                              self.call("customize", "test", FLOW_ACK, "message", module, "--message", message))
        self.assertIn("no template in 'cobol'",
                      self.call("customize", "new", FLOW_ACK, "message", "--lang", "cobol", expect=2))
        self.assertIn("did you mean 'message'", self.call("customize", "new", FLOW_ACK, "mesage", expect=2))
        self.assertIn("there already", self.call("customize", "new", FLOW_ACK, "message", "c", expect=1))

    def test_a_trial_shows_the_difference(self):
        message = self.path("message.json", b'{"syncRequestId":"1","hasError":false}')
        if not os.path.exists(self.guest("message")):
            self.skipTest("no AssemblyScript")
        module = self.copy_guest("message", "message.wasm")
        told = self.call("customize", "test", FLOW_ACK, "message", module, "--message", message)
        self.assertIn('+   "externalIds":  {', told)
        self.assertIn('"syncRequestId":', told)
        self.assertIn("log  message of 38 characters", told)
        told = self.json("customize", "test", FLOW_ACK, "message", module, "--message", message)
        self.assertEqual(json.loads(told["output"])["syncRequestId"], "1")
        self.assertEqual((told["changed"], told["log"]), (True, ["message of 38 characters"]))
        module = self.copy_guest("says_no", "message.wasm")
        self.assertIn("exited with status 3", self.call("customize", "test", FLOW_ACK, "message", module,
                                                        "--message", message, expect=1))
        self.assertIn("nothing is in place", self.call("customize", "test", FLOW_ACK, "message",
                                                       "--message", message, expect=2))

    def test_a_trial_on_a_recorded_message(self):
        self.call("activate", FLOW_ACK, "--tracing", "debug")
        self.addCleanup(self.call, "activate", FLOW_ACK, "--tracing", "production")
        self.acknowledge({"externalReferenceId": ID, "hasError": False})
        instance = self.instance(FLOW_ACK)["id"]
        module = self.copy_guest("chatters", "message.wasm")
        told = self.json("customize", "test", FLOW_ACK, "message", module, "--instance", instance)
        self.assertEqual(json.loads(told["output"]), {"syncRequestId": ID, "hasError": False})
        told = self.json("customize", "test", FLOW_ACK, "request", module, "--instance", instance)
        self.assertEqual(json.loads(told["output"])["externalReferenceId"], ID)

    def test_the_number_of_versions(self):
        module = self.copy_guest("name", "one.wasm")
        self.call("customize", "add", FLOW_FTP, "name", module)
        (kept,) = [folder for folder, _, names in os.walk(self.land.workspace) if names == ["1"]]
        for number in range(2, CUSTOMISE_VERSIONS_MAX):
            with open(os.path.join(kept, str(number)), "wb"):
                pass
        self.addCleanup(shutil.rmtree, kept)
        other = self.copy_guest("babbles", "other.wasm")
        self.assertIn(f"version {CUSTOMISE_VERSIONS_MAX}", self.call("customize", "add", FLOW_FTP, "name", other))
        self.assertIn("more than 10000 versions", self.call("customize", "add", FLOW_FTP, "name", module, expect=2))

    def test_versions_are_kept_and_rolled_back(self):
        first, second = self.copy_guest("name", "first.wasm"), self.copy_guest("babbles", "second.wasm")
        self.assertIn("version 1", self.call("customize", "add", FLOW_FTP, "name", first))
        self.assertIn("version 2", self.call("customize", "add", FLOW_FTP, "name", second))
        self.assertEqual(self.json("customize", "list", FLOW_FTP)["customisations"][0]["version"], 2)
        self.assertIn("version 1", self.call("customize", "rollback", FLOW_FTP, "name"))
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()
        self.assertEqual(set(self.land.dacs_ftp_files()), {"W-C1-A.csv"})
        self.assertIn("no earlier one", self.call("customize", "rollback", FLOW_FTP, "name", expect=2))
        self.call("customize", "remove", FLOW_FTP, "name")
        self.assertIn("no customisations", self.call("customize", "list"))
        self.assertIn("version 2", self.call("customize", "rollback", FLOW_FTP, "name"))
        self.assertIn("version 1", self.call("customize", "rollback", FLOW_FTP, "name.wasm", "--to", "1"))
        self.install(FLOW_FTP, "name.wasm", "says_no")  # by hand
        self.assertIn("by hand", self.call("customize", "list", FLOW_FTP))
        self.call("customize", "rollback", FLOW_FTP, "name", "--to", "2")
        self.assertEqual(self.json("customize", "list", FLOW_FTP)["customisations"][0]["versions"], 3)

    def test_what_cannot_run_is_not_put_in_place(self):
        flow = os.path.join(HERE, "..", "..", "wasm-out", "customer_sync_ack.wasm")
        self.assertIn("sluice_", self.call("customize", "add", FLOW_ACK, "message", flow, expect=2))
        self.assertIn("no extension point", self.call("customize", "add", FLOW_ACK, "content", flow, expect=2))
        self.assertIn("did you mean", self.call("customize", "ad", FLOW_ACK, "message", flow, expect=2))
        self.assertIn("mapping:1:", self.call("customize", "add", FLOW_ACK, "request",
                                              self.path("mapping.json", b"{"), expect=2))
        self.assertIn("is no label", self.call("customize", "add", FLOW_ACK, "message", flow, "--label", "a.b",
                                               expect=2))
        self.assertIn("no customisations", self.call("customize", "list"))

    def test_check_and_verify_tell_what_is_wrong(self):
        self.install(FLOW_FTP, "name.wasm", "name")
        self.install(FLOW_FTP, "nmae.wasm", "name")
        self.install(FLOW_ACK, "message.wasm", b"\0asm\1\0\0\0\1")
        self.call("customize", "verify", FLOW_FTP_CHILD)
        told = self.json("customize", "verify", expect=1)["customisations"]
        self.assertEqual({one["file"]: one["problem"] is None for one in told},
                         {"name.wasm": True, "nmae.wasm": False, "message.wasm": False})
        told = self.call("check", expect=2)
        self.assertIn('"unsigned": "allow"', told)
        self.assertIn(f"customisation '{FLOW_FTP}/nmae.wasm'", told)
        self.assertIn("it is not signed", told)
        with open(self.path("log"), "w", encoding="utf-8") as file:
            Program(*self.land.command("serve", "--listen", "127.0.0.1:0"), errors=file).stop(signal.SIGTERM)
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertIn("need no signature here", file.read())


class Mappings(CustomizeTest):
    """The two cases of the configuration guide's chapter 7, and mappings that go wrong."""

    MESSAGE = {"sendDetails": {"externalReferenceId": ID, "hasError": True, "remarks": "Meter 12 is locked",
                               "messageList": [{"messageText": "Contact is locked"}]}}
    REQUEST = {"mapping": 1, "rules": [{"rule": "repeat", "in": "/sendDetails/messageList", "rules": [
        {"rule": "copy", "from": "message:/sendDetails/remarks", "length_max": 254, "to": "/comments"}]}]}
    AFTER = {"mapping": 1, "rules": [{"rule": "lookup", "lookup": "OUTL-BRT-CCS_DACS_ConfigProps",
                                      "property": "ccs.prefixtag.file.uploaded",
                                      "to": "/externalIds/entityIdList/0/externalPk1"}]}

    def add(self, point, document):
        path = self.path(point + ".json", json.dumps(document).encode())
        self.call("sign", "--key", "utility.key", path)
        return self.call("customize", "add", FLOW_ACK, point, path)

    def test_both_cases(self):
        self.settings(filters={"unsigned": "refuse"})
        self.call("sign", "--new-key", "utility")
        self.trust(self.path("utility.pem"))
        self.assertIn("request.json", self.add("request", self.REQUEST))
        self.assertIn("mapping.json", self.add("message", self.AFTER))
        self.acknowledge(self.MESSAGE)
        body = json.loads(self.received()[-1]["body"])
        self.assertEqual(body["exceptionInfo"][0]["comments"], "Meter 12 is locked")
        self.assertEqual(body["externalIds"]["entityIdList"], [{"externalPk1": "SENT-"}])
        self.assertEqual(self.json("customize", "list", FLOW_ACK)["customisations"][0]["signer"], "utility")

    def test_a_mapping_that_goes_wrong_names_rule_and_path(self):
        self.install(FLOW_ACK, "mapping.json", json.dumps({"mapping": 1, "rules": [
            {"rule": "copy", "from": "/nowhere", "to": "/x", "required": True}]}).encode())
        told = self.acknowledge(self.MESSAGE, expect=1)
        self.assertIn("filter 'mapping.json' at extension point 'message'", told)
        self.assertIn("/nowhere", told)
        self.install(FLOW_ACK, "mapping.json", b'{"mapping": 1, "rules": [{"rule": "cpy"}]}')
        self.assertIn("rule 1", self.acknowledge(self.MESSAGE, expect=1))
        self.assertEqual(self.received(), [])


class Clones(CustomizeTest):
    def test_an_own_flow_runs_beside_its_base(self):
        told = self.json("clone", FLOW_ACK, "UTIL-ACK")
        with open(told["manifest"], encoding="utf-8") as file:
            manifest = json.load(file)
        self.assertEqual((manifest["identifier"], manifest["aliases"]), ("UTIL-ACK", []))
        self.assertIn("UTIL-ACK", self.call("flows"))
        message = self.path("message.json", json.dumps({"externalReferenceId": ID, "hasError": False}).encode())
        self.call("run", "UTIL-ACK", "--body", message)
        self.assertEqual(len(self.received()), 1)
        self.install("UTIL-ACK", "message.wasm", "says_no")
        self.assertIn("of flow 'UTIL-ACK' exited", self.call("run", "UTIL-ACK", "--body", message, expect=1))
        self.call("run", FLOW_ACK, "--body", message)
        self.assertIn("called 'UTIL-ACK' already", self.call("clone", FLOW_ACK, "UTIL-ACK", expect=1))
        manifest["grants"] = []
        own = self.path("own.json", json.dumps(manifest).encode())
        self.call("clone", "--force", "--manifest", own, FLOW_ACK, "UTIL-ACK")
        shutil.rmtree(os.path.join(self.land.workspace, "customizations"))
        self.assertIn("grant", self.call("run", "UTIL-ACK", "--body", message, expect=1))
        self.assertIn("not 'OTHER'", self.call("clone", "--manifest", own, FLOW_ACK, "OTHER", expect=2))
        self.assertIn('"../x" is not the name', self.call("clone", FLOW_ACK, "../x", expect=2))

    def test_an_own_flow_must_be_signed(self):
        told = self.json("clone", FLOW_ACK, "UTIL-ACK")
        self.settings(filters={"unsigned": "refuse"})
        self.assertIn("it is not signed", self.call("flows", expect=2))
        self.call("sign", "--new-key", "utility")
        self.trust(self.path("utility.pem"))
        self.call("sign", "--key", "utility.key", told["module"])
        self.assertIn("UTIL-ACK", self.call("flows"))


class Signatures(CustomizeTest):
    def setUp(self):
        super().setUp()
        self.settings(filters={"unsigned": "refuse"})
        self.call("sign", "--new-key", "utility")

    def test_unsigned_ones_are_refused_by_default(self):
        self.settings(filters={})
        with open(os.path.join(self.land.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            file.write("{}")
        self.install(FLOW_ACK, "message.wasm", "name")
        self.assertIn("it is not signed", self.acknowledge({"externalReferenceId": ID, "hasError": False}, expect=1))
        self.assertEqual(self.received(), [])

    def test_a_signed_one_runs_and_is_not_what_it_was_when_changed(self):
        module = self.copy_guest("name", "name.wasm")
        self.call("sign", "--key", "utility.key", module)
        self.assertIn("not trusted here", self.call("verify", module, expect=1))
        self.trust(self.path("utility.pem"))
        self.assertIn("signed by utility", self.call("verify", module))
        self.call("customize", "add", FLOW_FTP, "name", module)
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()
        self.assertEqual(set(self.land.dacs_ftp_files()), {"W-C1-A.csv"})
        changed = bytearray(self.in_place(FLOW_FTP, "name.wasm"))
        changed[changed.index(b"W-")] = ord("V")
        self.install(FLOW_FTP, "name.wasm", bytes(changed))
        self.land.put_ccs_ftp("C1-B.csv", LINE)
        self.assertIn("changed after it was signed", self.transfer(expect=1))
        self.assertEqual(set(self.land.dacs_ftp_files()), {"W-C1-A.csv"})

    def test_content_filters_are_refused_before_a_byte_moves(self):
        self.settings(filters={"unsigned": "allow"})
        self.install(FLOW_FTP, "content.wasm", "records")
        self.land.put_ccs_ftp("C1-A.csv", LINE)
        self.transfer()  # opened and kept
        self.settings(filters={"unsigned": "refuse"})
        self.land.put_ccs_ftp("C1-B.csv", LINE)
        self.assertIn("it is not signed", self.transfer(expect=1))
        self.assertEqual(set(self.land.dacs_ftp_files()), {"C1-A.csv"})

    def test_the_signature_is_the_standard_one(self):
        """Checked with another implementation, both ways."""
        module = self.copy_guest("name", "name.wasm")
        with open(module, "rb") as file:
            before = file.read()
        self.call("sign", "--key", "utility.key", module)
        with open(module, "rb") as file:
            signed = file.read()
        self.assertEqual(signed[:len(before)], before)
        with open(self.path("utility.pem"), "rb") as file:
            public = serialization.load_pem_public_key(file.read())
        with open(self.path("utility.key"), "rb") as file:
            self.assertEqual(serialization.load_pem_private_key(file.read(), None).public_key().public_numbers(),
                             public.public_numbers())
        algorithm, key, text = signed[signed.rindex(SECTION) + len(SECTION):].decode().split()
        raw = base64.b64decode(text)
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.assertEqual((algorithm, key, len(raw)), ("ES256", hashlib.sha256(spki).hexdigest(), 64))
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public.verify(der, before, ec.ECDSA(hashes.SHA256()))
        with self.assertRaises(InvalidSignature):
            public.verify(der, before + b"x", ec.ECDSA(hashes.SHA256()))

    def test_keys_of_other_tools_do(self):
        key = openssl_key(self.path("other.key"), self.path("other.pem"))
        self.trust(self.path("other.pem"))
        module = self.copy_guest("name", "name.wasm")
        self.call("sign", "--key", "other.key", module)
        self.call("sign", "--key", "other.key", module)  # replaces the first
        with open(module, "rb") as file:
            self.assertEqual(file.read().count(SECTION), 1)
        self.assertIn("signed by other", self.call("verify", module))
        data = b'{"rules": []}'
        mapping = self.path("plain.json", data)
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        spki = key.public_key().public_bytes(serialization.Encoding.DER,
                                             serialization.PublicFormat.SubjectPublicKeyInfo)
        raw = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
        self.path("plain.json.sig", f"ES256 {hashlib.sha256(spki).hexdigest()} {raw}\n".encode())
        self.assertIn("signed by other", self.call("verify", mapping))
        self.path("plain.json", data + b" ")
        self.assertIn("changed after it was signed", self.call("verify", mapping, expect=1))

    def test_what_is_no_key_and_no_signature(self):
        module = self.copy_guest("name", "name.wasm")
        openssl_key(self.path("curve.key"), self.path("curve.pem"), ec.SECP384R1())
        self.assertIn("no private key of P-256", self.call("sign", "--key", "curve.key", module, expect=2))
        self.assertIn("no private key", self.call("sign", "--key", self.path("no.key", b"x"), module, expect=2))
        os.chmod(self.path("utility.key"), 0o644)
        self.assertIn("chmod 600", self.call("sign", "--key", "utility.key", module, expect=2))
        self.assertIn("there already", self.call("sign", "--new-key", "utility", expect=1))
        self.assertIn("either --new-key", self.call("sign", module, expect=2))
        self.trust(self.path("curve.pem"))
        self.path("name.wasm.sig", b"ES256 x y\n")
        self.assertIn("no public key of P-256", self.call("verify", module, expect=1))
        os.unlink(os.path.join(self.land.workspace, "trusted_keys", "curve.pem"))
        self.assertIn("none of ours", self.call("verify", module, expect=1))


class Refused(CustomizeTest):
    """Modules that must be refused, by name and before anything is translated."""

    def setUp(self):
        super().setUp()
        self.before = self.left_behind()

    def left_behind(self):
        folders = [os.path.join(self.land.workspace, "state", name) for name in ("compiled", "modules")]
        return {name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)}

    def assemble(self, text, *flags):
        source = self.path("module.wat", text.encode())
        subprocess.run([*WAT2WASM, source, *flags, "-o", self.path("module.wasm")], check=True)
        return self.path("module.wasm")

    def check_refused(self, why, module, words):
        with self.subTest(why=why):
            told = self.call("customize", "add", FLOW_ACK, "message", module, expect=2)
            self.assertIn(words, told)
            self.assertEqual(self.left_behind(), self.before, "something was translated or kept")

    def test_by_name(self):
        start = '(func (export "_start"))'
        memory = '(memory (export "memory") 1)'
        wasi = "wasi_snapshot_preview1"
        imports = [(f'(import "{wasi}" "{name}" (func (param i32 i32 i32 i32) (result i32)))', name)
                   for name in ("fd_pread", "poll_oneoff", "sock_send")]
        imports += [('(import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) '
                     '(result i32)))', "path_open"),
                    ('(import "sluice_http" "request" (func (param i32) (result i32)))', "sluice_http"),
                    ('(import "sluice_flow" "lookup" (func (param i32) (result i32)))', "sluice_flow"),
                    ('(import "env" "system" (func (param i32) (result i32)))', "system"),
                    (f'(import "{wasi}" "fd_read" (func (param i64) (result i32)))', "fd_read")]
        for text, name in imports:
            self.check_refused(f"import {name}", self.assemble(f"(module {text} {memory} {start})"), name)
        for why, text, words, flags in (
                ("a name that closes a comment", f'(module {memory} {start} (func (export "x*/ int bad; /*")))', "name",
                 ()),
                ("an import whose name closes a comment",
                 f'(module (import "*/" "/*" (func)) {memory} {start})', "name", ()),
                ("a start function", f"(module {memory} (func $f) (start $f) {start})", "start", ()),
                ("shared memory", f'(module (memory (export "memory") 1 1 shared) {start})', "shared",
                 ("--enable-threads",)),
                ("a table of 4 GiB", f"(module {memory} (table 1073741824 funcref) {start})", "table", ()),
                ("a function of 200 KB", f"(module {memory} (func (export \"_start\") {'nop ' * 200000}))", "function",
                 ())):
            self.check_refused(why, self.assemble(text, *flags), words)

    def test_cut_and_flipped_modules_never_crash_it(self):
        with open(self.guest("name"), "rb") as file:
            module = file.read()
        self.check_refused("nothing", self.path("module.wasm", b""), "module.wasm")
        for size in range(1, len(module), 23):
            self.check_refused(f"cut at {size}", self.path("module.wasm", module[:size]), "module.wasm")
        message, refused, tried = self.path("message.json", b'"a.csv"'), 0, 0
        for at in range(0, len(module), 3):
            with self.subTest(flipped=at):
                flipped = bytearray(module)
                flipped[at] ^= 1 << at % 8
                path = self.path("module.wasm", bytes(flipped))
                done = self.land.sluice("customize", "add", FLOW_ACK, "message", path, cwd=self.work)
                self.assertIn(done.returncode, (0, 2), done.stdout + done.stderr)
                refused += done.returncode == 2
                if done.returncode == 0 and tried < 8:  # it may do anything, within its sandbox
                    tried += 1
                    done = self.land.sluice("customize", "test", FLOW_ACK, "message", path, "--message", message,
                                            cwd=self.work)
                    self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.assertGreater(refused, 0)
        self.assertGreater(tried, 0)


def main():
    FilterTest.sluice, FilterTest.guests = (os.path.realpath(path) for path in sys.argv[1:3])
    WAT2WASM.extend(sys.argv[3:5])
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])


if __name__ == "__main__":
    main()

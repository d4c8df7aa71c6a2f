# SPDX-License-Identifier: MIT
"""The demo proper: eight scenes over the landscape of tests/peers, each checked, and a closing table."""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "peers"))

import dacs  # noqa: E402
import extracts  # noqa: E402
from landscape import CONFIG, FLOW_ACK, FLOW_FTP, FLOW_OS, Landscape  # noqa: E402

POSITIVE_ID, NEGATIVE_ID = "48213377120455", "48213377120456"


class Failed(Exception):
    """Something is not as it must be; the text says what."""


def check(condition, what):
    if not condition:
        raise Failed(what)


class Scene:
    """One run of a flow: what is put in place, what is run, what must be true after it."""

    def __init__(self, title, flow, prefix, source, target, kind, zipped=False, count=2,
                 expect_exit=0):
        self.title, self.flow, self.prefix = title, flow, prefix
        self.source, self.target, self.kind, self.zipped = source, target, kind, zipped
        self.count, self.expect_exit = count, expect_exit
        self.moved, self.left = [], []


class Demo:
    def __init__(self, land, scratch):
        self.land, self.scratch = land, scratch
        self.rows, self.instances = [], []

    # ---- the two kinds of content server -----------------------------------------------------------

    def put(self, source, name, data):
        if source == "ftp":
            self.land.put_ccs_ftp(name, data)
        else:
            self.land.put_object(self.land.ccs_storage, name, data)

    def source_files(self, source):
        return self.land.ccs_ftp_files() if source == "ftp" else self.land.objects(self.land.ccs_storage)

    def target_files(self, target):
        return self.land.dacs_ftp_files() if target == "ftp" else self.land.objects(self.land.dacs_storage)

    # ---- running -----------------------------------------------------------------------------------

    def run(self, *arguments):
        """Runs sluice with its output on this terminal; returns exit status and instance id."""
        before = self.newest()
        done = subprocess.run(self.land.command("run", *arguments), env=self.land.environment(),
                              stderr=None if sys.stderr.isatty() else sys.stdout.fileno(),
                              timeout=300, check=False)
        instance = self.newest()
        check(instance and instance != before, "the run left no instance in the store")
        self.instances.append(instance)
        return done.returncode, instance

    def newest(self):
        listed = json.loads(self.land.sluice("--json", "instances", "--limit", "1", check=True).stdout)
        rows = listed["instances"]
        return rows[0]["id"] if rows else None

    def extract(self, scene, number):
        made = extracts.generate(self.scratch, scene.kind, incremental=True, batch_number=number,
                                 records=400 + 150 * number, seed=number, zipped=scene.zipped)
        with open(made["path"], "rb") as file:
            return made["name"], file.read()

    # ---- scenes ------------------------------------------------------------------------------------

    def transfer(self, scene, first_number):
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", scene.target)
        files = dict(self.extract(scene, first_number + i) for i in range(scene.count))
        for name, data in files.items():
            self.put(scene.source, name, data)
        status, _ = self.run(scene.flow, "--param", f"extractedFileNamePrefix={scene.prefix}")
        check(status == scene.expect_exit, f"exit status {status}, expected {scene.expect_exit}")
        source, target = self.source_files(scene.source), self.target_files(scene.target)
        for name, data in files.items():
            check(target.get(name) == data, f"{name} is not whole at the target")
            check("SENT-" + name in source and name not in source, f"{name} is not marked at the source")
            self.note(name, scene, "moved", data)
        check(not [name for name in target if "part" in name], "a temporary file was left at the target")

    def note(self, name, scene, outcome, data):
        digest = hashlib.sha256(data).hexdigest()[:12]
        self.rows.append((f"{scene.source} -> {scene.target}", name, len(data), digest, outcome))

    def no_file(self):
        mails = len(self.land.mails())
        status, _ = self.run(FLOW_FTP, "--param", "extractedFileNamePrefix=C1-NOTHING")
        check(status == 0, f"exit status {status}, expected 0")
        new = self.land.mails()[mails:]
        check(len(new) == 1 and "no file" in new[0]["subject"].lower(), "no 'no file found' mail came")

    def one_fails(self, scene, first_number):
        """Three files; the second one's name is taken at the target by somebody else's file."""
        self.land.set_lookup(CONFIG, "dacs.file.target.transfer.pref", "ftp")
        files = dict(self.extract(scene, first_number + i) for i in range(3))
        names = sorted(files)
        for name in names:
            self.put("ftp", name, files[name])
        self.land.put_dacs_ftp(names[1], b"not ours\n")
        mails = len(self.land.mails())
        status, _ = self.run(FLOW_FTP, "--param", f"extractedFileNamePrefix={scene.prefix}")
        check(status == 3, f"exit status {status}, expected 3 (partly done)")
        source, target = self.land.ccs_ftp_files(), self.land.dacs_ftp_files()
        check(target[names[0]] == files[names[0]], "the first file is not at the target")
        check("SENT-" + names[0] in source, "the first file is not marked")
        check(target[names[1]] == b"not ours\n", "somebody else's file was overwritten")
        check(names[1] in source and names[2] in source, "a file that did not move was marked")
        check(names[2] not in target, "a file was started after the first error")
        subjects = [mail["subject"] for mail in self.land.mails()[mails:]]
        check(len(subjects) == 2, f"expected an error mail and a summary, got {subjects}")
        self.note(names[0], scene, "moved", files[names[0]])
        self.note(names[1], scene, "refused: name taken", files[names[1]])
        self.note(names[2], scene, "waits: run stopped", files[names[2]])

    def acknowledge(self, request_id, positive):
        body = dacs.acknowledgement(request_id, positive)
        path = os.path.join(self.scratch, f"ack-{request_id}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(body, file)
        received = len(self.land.ccs_received())
        status, _ = self.run(FLOW_ACK, "--body", path)
        check(status == 0, f"exit status {status}, expected 0")
        new = self.land.ccs_received()[received:]
        check(len(new) == 1, f"CCS received {len(new)} requests, expected 1")
        text = json.dumps(new[0])
        check(request_id in text, "CCS did not get the request id")
        check(('"hasError": false' in text) == positive, "CCS got the wrong polarity")

    # ---- closing -----------------------------------------------------------------------------------

    def report(self):
        line = "-" * 80
        print(f"\n{line}\nWhat moved where{'':23}bytes  sha256        outcome\n{line}")
        for route, name, size, digest, outcome in self.rows:
            print(f"{route:10} {name:24} {size:9}  {digest}  {outcome}")
        print(f"\nWhat the sources hold now (SENT- marks what has been carried)\n{line}")
        for label, names in (("FTP", self.land.ccs_ftp_files()),
                             ("Object Storage", self.land.objects(self.land.ccs_storage))):
            for name in sorted(names):
                print(f"{label:15} {name}")
        print(f"\nMails\n{line}")
        for mail in self.land.mails():
            print(f"{mail['subject']}\n    to {', '.join(mail['to'])}")
        print(f"\nWhat CCS received\n{line}")
        for request in self.land.ccs_received():
            print(f"{request['method']} {request['path']}: answered {request['status']}")
            print(textwrap.fill(str(request["body"]), 80, initial_indent="    ",
                                subsequent_indent="    ", break_on_hyphens=False))


def scenes(demo):
    route = "customer data from {} to {}"
    fixed = [
        (route.format("FTP", "FTP"), Scene("", FLOW_FTP, "C1-DCTEX", "ftp", "ftp", "contact"), 1),
        (route.format("FTP", "Object Storage"),
         Scene("", FLOW_FTP, "C1-DSPEX", "ftp", "os", "service_point", zipped=True), 3),
        (route.format("Object Storage", "FTP"),
         Scene("", FLOW_OS, "C1-DMSEX", "os", "ftp", "metered_service"), 5),
        (route.format("Object Storage", "Object Storage"),
         Scene("", FLOW_OS, "C1-DCTEX", "os", "os", "contact", zipped=True), 7),
    ]
    for title, scene, number in fixed:
        yield title, lambda scene=scene, number=number: demo.transfer(scene, number)
    yield "DACS acknowledges (positive)", lambda: demo.acknowledge(POSITIVE_ID, True)
    yield "DACS acknowledges (negative)", lambda: demo.acknowledge(NEGATIVE_ID, False)
    yield "a run that finds no file", demo.no_file
    failing = Scene("", FLOW_FTP, "C1-DMSEX", "ftp", "ftp", "metered_service")
    yield "a run in which one file fails", lambda: demo.one_fails(failing, 20)


def perform(given):
    started = time.monotonic()
    shutil.rmtree(given.root, ignore_errors=True)
    scratch = os.path.join(given.root, "extracts")
    os.makedirs(scratch)
    print("Starting the systems around Sluice on loopback:")
    with Landscape(given.root, given.sluice, started=lambda text: print(f"  {text}")) as land:
        demo = Demo(land, scratch)
        for number, (title, act) in enumerate(scenes(demo), 1):
            print(f"\n== {number} of 8: {title}")
            sys.stdout.flush()
            act()
            print("   checked: it is so")
        demo.report()
        print("\nWhere to look next")
        print("  README.md             how to point a workspace at real servers")
        print(f"  {os.path.relpath(given.sluice)} --help")
        if given.keep:
            print(f"  {os.path.relpath(given.root)}            extracts/, ccs-ftp/, dacs-ftp/, mail/: what the servers had and got")
            print(f"  {os.path.relpath(land.workspace)}  the workspace of this demo; for instance:")
            print(f"  {os.path.relpath(given.sluice)} -w {os.path.relpath(land.workspace)} instances")
            print(f"  {os.path.relpath(given.sluice)} -w {os.path.relpath(land.workspace)} show {demo.instances[-1]}")
        else:
            print("  scripts/demo --keep   the same again; workspace, files and mails stay for a look")
    print(f"\nAll 8 scenes did what they should, in {time.monotonic() - started:.1f} s.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluice", required=True, help="the program")
    parser.add_argument("--root", required=True, help="folder for everything; emptied first")
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    given = parser.parse_args()
    given.sluice, given.root = os.path.realpath(given.sluice), os.path.realpath(given.root)
    try:
        perform(given)
    except Failed as reason:
        print(f"\nNot as it must be: {reason}", file=sys.stderr)
        print(f"Everything was left in {os.path.relpath(given.root)}.", file=sys.stderr)
        return 1
    if not given.keep:
        shutil.rmtree(given.root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

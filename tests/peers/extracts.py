# SPDX-License-Identifier: MIT
"""Generator of CCS extract files: contacts, metered service points, metered services.

Tab-separated lines with the published columns, no header row, file names
{batchCode}_{batchNumber}_{rerunNumber}.csv or .csv.zip. The same arguments always give the same
bytes. The tails of the service point and metered service tables are not public: what follows the
known columns is plausible, nothing more.
"""
import argparse
import hashlib
import json
import os
import random
import sys
import time
import zipfile

KINDS = {"contact": ("C1-DCTIL", "C1-DCTEX"), "service_point": ("C1-DSPIL", "C1-DSPEX"),
         "metered_service": ("C1-DMSIL", "C1-DMSEX")}
BLOCK_RECORDS = 20000
WRITE_BYTES = 4 * 1024 * 1024
FIRST = ("ANNA", "JOSÉ", "MEI", "OLUWASEUN", "PETRA", "RAHUL", "SIOBHAN", "TOMÁŠ", "YUKI", "ZOE")
LAST = ("LINDQVIST", "GARCÍA", "CHEN", "ADEYEMI", "NOVAK", "SHARMA", "O'BRIEN", "DVOŘÁK", "TANAKA",
        "MÜLLER")
BUSINESSES = ("HARBOR COLD STORAGE LLC", "BAY AREA DENTAL GROUP", "SMITH & SONS, INC.",
              "GRÜNER BÄR BREWING", "CITY OF SAUSALITO")
STREETS = ("HARBOR ST", "MISSION BLVD", "3RD AVE APT 4", "EL CAMINO REAL", "ÉLYSÉE CT")
CITIES = (("SAN FRANCISCO", "94105"), ("OAKLAND", "94607"), ("SAN JOSE", "95112"), ("MARIN", "94965"))


def batch_code(kind, incremental):
    return KINDS[kind][1 if incremental else 0]


def file_name(kind, incremental, batch_number, rerun_number=0, zipped=False):
    name = f"{batch_code(kind, incremental)}_{batch_number:04d}_{rerun_number:02d}.csv"
    return name + ".zip" if zipped else name


class Records:
    """An endless sequence of the lines of one kind of file, from a seed."""

    def __init__(self, kind, incremental, seed=0):
        self.make = getattr(self, "_" + kind)
        self.random = random.Random(f"{kind}/{incremental}/{seed}")
        self.incremental = incremental
        self.next_request = self.random.randrange(10 ** 13, 9 * 10 ** 13)
        self.next_id = self.random.randrange(10 ** 9, 5 * 10 ** 9)

    def line(self):
        self.next_request += self.random.randrange(1, 50)
        self.next_id += self.random.randrange(1, 1000)
        moment = time.gmtime(1705000000 + self.next_request % 30000000)
        head = [str(self.next_request), time.strftime("%Y-%m-%dT%H:%M:%S-08:00", moment), "F1IC"] \
            if self.incremental else ["", "", "F1IL"]
        return ("\t".join(head + [str(self.next_id)] + self.make()) + "\n").encode()

    def _phone(self):
        return f"+1-415-555-{self.random.randrange(10000):04d}"

    def _flag(self, chance):
        return "true" if self.random.random() < chance else "false"

    def _contact(self):
        choose = self.random.choice
        if self.random.random() < 0.1:
            return ["Business", choose(BUSINESSES), "", "", self._phone(),
                    f"office{self.next_id % 1000}@example.com", "false", "", "false"]
        first, last = choose(FIRST), choose(LAST)
        support = self._flag(0.03)
        mail = f"customer.{self.next_id}@example.org" if self.random.random() < 0.8 else ""
        return ["Person", f"{first} {last}", self._phone(), self._phone(), "", mail, support,
                "home dialysis" if support == "true" else "", self._flag(0.01)]

    def _service_point(self):
        choose, number = self.random.choice, self.random.randrange
        city, postal = choose(CITIES)
        return [choose(("ELEC-RES", "ELEC-COM", "GAS-RES")), choose(("D1CN", "D1CN", "D1CN", "D1DC")), "CA",
                str(number(10 ** 9, 10 ** 10)), "US-PACIFIC", "USA", postal,
                f"{number(1, 9999)} {choose(STREETS)}", "", "", "", city, "", "CA",
                f"{37 + number(10 ** 6) / 10 ** 6:.6f}", f"{-122 - number(10 ** 6) / 10 ** 6:.6f}",
                choose(("", "KEY")), choose(("Y", "N")), choose(("", "RING BELL")),
                choose(("", "DOG")), choose(("", "LEFT SIDE"))]

    def _metered_service(self):
        choose, number = self.random.choice, self.random.randrange
        year = number(2015, 2024)
        ended = f"{year + 1}-03-31T00:00:00-07:00" if self.random.random() < 0.1 else ""
        return [choose(("E-RES", "E-COM", "G-RES")), str(number(10 ** 9, 10 ** 10)),
                str(number(10 ** 9, 10 ** 10)), f"{year}-{number(1, 13):02d}-01T00:00:00-07:00", ended,
                "CA", "60" if ended else "20", choose(("ERES-1", "ERES-TOU", "ECOM-1")),
                str(number(10 ** 9, 10 ** 10))]


def content(kind, incremental, records=None, size=None, seed=0):
    """Yields blocks of whole lines: exactly `records` lines, or the most that fit in `size` bytes.

    By size, one block of lines is repeated, so that large files cost little to make; by records,
    every line is different.
    """
    source = Records(kind, incremental, seed)
    if size is None:
        while records > 0:
            count = min(records, BLOCK_RECORDS)
            yield b"".join(source.line() for _ in range(count))
            records -= count
        return
    lines, length = [], 0
    while length < size and len(lines) < BLOCK_RECORDS:
        lines.append(source.line())
        length += len(lines[-1])
    block = b"".join(lines)
    large = block * max(1, WRITE_BYTES // len(block)) if block else b""
    for unit in (large, block):
        while unit and size >= len(unit):
            yield unit
            size -= len(unit)
    tail = block[:size]
    yield tail[:tail.rfind(b"\n") + 1]


def generate(directory, kind="contact", incremental=True, batch_number=1, rerun_number=0,
             records=None, size=None, zipped=False, stored=False, seed=0):
    """Writes one file; returns its facts. `size` counts the data, also inside a zip file."""
    if (records is None) == (size is None):
        raise ValueError("give either records or size")
    os.makedirs(directory, exist_ok=True)
    name = file_name(kind, incremental, batch_number, rerun_number, zipped)
    path = os.path.join(directory, name)
    blocks = content(kind, incremental, records, size, f"{seed}/{batch_number}/{rerun_number}")
    if zipped:
        _write_zip(path, name[:-len(".zip")], blocks, stored)
    else:
        with open(path, "wb", buffering=0) as file:
            for block in blocks:
                file.write(block)
    return {"name": name, "path": path, "size": os.path.getsize(path)}


def _write_zip(path, entry, blocks, stored):
    facts = zipfile.ZipInfo(entry, (2024, 1, 15, 10, 22, 30))
    facts.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    facts.external_attr = 0o644 << 16
    with zipfile.ZipFile(path, "w", compresslevel=1) as archive:
        archive.compresslevel = facts._compresslevel = 1
        with archive.open(facts, "w", force_zip64=True) as inside:
            for block in blocks:
                inside.write(block)


def digest(path, algorithm="sha256"):
    total = hashlib.new(algorithm)
    with open(path, "rb", buffering=0) as file:
        while block := file.read(WRITE_BYTES):
            total.update(block)
    return total.hexdigest()


def bytes_of(text):
    units = {"K": 1024, "M": 1024 ** 2, "G": 1024 ** 3}
    return int(float(text[:-1]) * units[text[-1].upper()]) if text[-1:].upper() in units else int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--kind", choices=sorted(KINDS), default="contact")
    parser.add_argument("--initial", action="store_true", help="initial load instead of incremental")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--records", type=int)
    amount.add_argument("--size", type=bytes_of, help="bytes, or with K, M, G")
    parser.add_argument("--zip", action="store_true")
    parser.add_argument("--stored", action="store_true", help="no compression inside the zip file")
    parser.add_argument("--batch-number", type=int, default=1, help="of the first file")
    parser.add_argument("--rerun-number", type=int, default=0)
    parser.add_argument("--count", type=int, default=1, help="number of files")
    parser.add_argument("--seed", default="0")
    given = parser.parse_args()
    records = 1000 if given.records is None and given.size is None else given.records
    for number in range(given.batch_number, given.batch_number + given.count):
        facts = generate(given.directory, given.kind, not given.initial, number, given.rerun_number,
                         records, given.size, given.zip, given.stored, given.seed)
        print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())

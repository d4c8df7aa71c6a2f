# SPDX-License-Identifier: MIT
"""Compares two recordings of the Object Storage stand-in: Oracle's client and ours.

  python3 compare_requests.py REFERENCE.jsonl OURS.jsonl [--by-operation]

Request by request: operation, method, encoding of the path, query keys, signed headers, shape of a
JSON body, and the headers that carry meaning. With --by-operation every one of our requests is
compared with all reference requests of the same operation, so that the two runs need not make the
same calls in the same order. Prints the differences as JSON lines; exits 1 if there is any.
Values that differ by nature (names, ids, ETags, dates, User-Agent) are not compared.
"""
import argparse
import json
import re
import sys

from common import read_records

MEANINGFUL = ("if-match", "if-none-match", "range", "content-md5", "content-type", "content-length",
              "x-content-sha256", "transfer-encoding", "expect")
# Allowed differences: either way of saying it is documented as accepted by the service.
SAME_HEADER = {"x-date": "date"}
BODY_HEADERS = {"content-length", "content-type", "x-content-sha256"}
# The reference client sends a content type even where there is no body; that says nothing.
ONLY_WITH_BODY = {"content-type"}
OPTIONAL = {"content-md5", "expect", "if-none-match", "if-match"}


def encoding(path):
    """How a path is encoded: names become N, escapes and separators stay visible."""
    raw = path.partition("?")[0]
    parts = raw.split("/")
    kept = {1: "n", 3: "b"}
    shape = []
    for index, part in enumerate(parts):
        if index in kept or index in (5, 6) and part in ("actions", "renameObject", "o", "u"):
            shape.append(part)
        else:
            shape.append("N" if part else "")
    return "/".join(shape)


def unescaped(path):
    """Characters that stand for themselves in the path's names, apart from unreserved ones."""
    return "".join(sorted(set(re.sub(r"%[0-9A-F]{2}|[A-Za-z0-9\-._~/]", "", path.partition("?")[0]))))


def lower_case_escapes(path):
    return bool(re.search(r"%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f])", path))


def shape_of(value):
    if isinstance(value, dict):
        return {key: shape_of(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return type(value).__name__


def facts(record):
    """The comparable view of one record."""
    path, _, query = record["path"].partition("?")
    headers = record["headers"]
    signed = {SAME_HEADER.get(name, name) for name in record.get("signed") or ()}
    present = {name for name in MEANINGFUL if name in headers
               and (record["size"] or name not in ONLY_WITH_BODY)}
    return {"operation": record.get("operation"), "method": record["method"], "path": encoding(path),
            "unescaped": unescaped(path), "lower_case_escapes": lower_case_escapes(record["path"]),
            "query": sorted(pair.partition("=")[0] for pair in query.split("&") if pair),
            "signed": sorted(signed), "headers": sorted(present), "body": shape_of(record.get("body")),
            "status": record["status"]}


def differences(reference, ours):
    """What of `ours` differs from `reference`, as {name: [reference, ours]}."""
    found = {}
    for name in ("operation", "method", "path", "lower_case_escapes", "query", "body", "status"):
        if reference[name] != ours[name]:
            found[name] = [reference[name], ours[name]]
    if set(ours["unescaped"]) - set(reference["unescaped"]):
        found["unescaped"] = [reference["unescaped"], ours["unescaped"]]
    one, two = set(reference["signed"]), set(ours["signed"])
    # An object's body may be signed or not; anything else signed must agree.
    extra = BODY_HEADERS if reference["operation"] in ("put_object", "upload_part") else set()
    if one - two or two - one - extra:
        found["signed"] = [reference["signed"], ours["signed"]]
    if (set(reference["headers"]) ^ set(ours["headers"])) - OPTIONAL - extra:
        found["headers"] = [reference["headers"], ours["headers"]]
    return found


def service_requests(path):
    return [facts(record) for record in read_records(path) if record.get("operation")]


def compare(reference, ours):
    """Differences of two recordings of the same operations, pair by pair."""
    result = [{"request": index, "operation": one["operation"], "differences": found}
              for index, (one, two) in enumerate(zip(reference, ours)) if (found := differences(one, two))]
    if len(reference) != len(ours):
        result.append({"request": min(len(reference), len(ours)), "differences":
                       {"count": [len(reference), len(ours)]}})
    return result


def compare_by_operation(reference, ours):
    """For each of our requests the closest reference request of that operation must agree.

    The status and which optional query keys were used are not compared: the calls need not be alike.
    """
    result = []
    for index, one in enumerate(ours):
        candidates = [other for other in reference if other["operation"] == one["operation"]]
        legal = {key for other in candidates for key in other["query"]}
        best = None
        for other in candidates:
            found = differences(other, one)
            found.pop("status", None)
            if set(one["query"]) <= legal:
                found.pop("query", None)
            if best is None or len(found) < len(best):
                best = found
        if best is None:
            result.append({"request": index, "operation": one["operation"], "differences":
                           {"operation": "the reference never does this"}})
        elif best:
            result.append({"request": index, "operation": one["operation"], "differences": best})
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("ours")
    parser.add_argument("--by-operation", action="store_true")
    given = parser.parse_args()
    function = compare_by_operation if given.by_operation else compare
    result = function(service_requests(given.reference), service_requests(given.ours))
    for one in result:
        print(json.dumps(one))
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())

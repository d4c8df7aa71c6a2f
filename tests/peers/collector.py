# SPDX-License-Identifier: MIT
"""Stand-in for an OpenTelemetry collector: OTLP/HTTP with JSON bodies at POST /v1/traces.

Strict: every member of a body must be one of opentelemetry/proto/trace/v1 in the JSON mapping that OTLP
prescribes (identifiers in hexadecimal, 64-bit numbers as text, enumerations as numbers); anything else
is answered 400 and recorded. --header NAME=VALUE demands a header field; --tls serves HTTPS.
Faults as in http_peer.py. Each accepted request is a line of requests.jsonl, its body under "body".
"""
import argparse
import json
import re
import sys

from common import add_common_options, die_with_parent, print_ready, run_until_told
from http_peer import Answer, HttpPeer
from shapes import Invalid, array, boolean, unique_members

PATH = "/v1/traces"
BODY_LIMIT = 4 * 1024 * 1024


def hexadecimal(size):
    def check(value, where):
        if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{size}}}", value) or \
                set(value) == {"0"}:
            raise Invalid(f"{where} must be {size} hexadecimal digits, not all 0: {value!r}")
    return check


def text(value, where):
    if not isinstance(value, str):
        raise Invalid(f"{where} must be text")


def unsigned(value, where):
    if not isinstance(value, str) or not re.fullmatch("0|[1-9][0-9]{0,19}", value) or int(value) >= 2**64:
        raise Invalid(f"{where} must be a 64-bit number as text: {value!r}")


def signed(value, where):
    if not isinstance(value, str) or not re.fullmatch("0|-?[1-9][0-9]{0,18}", value):
        raise Invalid(f"{where} must be a 64-bit number as text: {value!r}")


def double(value, where):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid(f"{where} must be a number")


def enumeration(largest):
    def check(value, where):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
            raise Invalid(f"{where} must be a number from 0 to {largest}: {value!r}")
    return check


def small(value, where):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise Invalid(f"{where} must be a 32-bit number")


def message(members, required=(), one_of=False):
    def check(value, where):
        if not isinstance(value, dict):
            raise Invalid(f"{where} must be an object")
        for key in required:
            if key not in value:
                raise Invalid(f"{where} lacks {key}")
        for key, inner in value.items():
            if key not in members:
                raise Invalid(f"{where} has the unknown member {key}")
            members[key](inner, f"{where}.{key}")
        if one_of and len(value) != 1:
            raise Invalid(f"{where} must have exactly one member")
    return check


any_value = message({"stringValue": text, "intValue": signed, "boolValue": boolean,
                     "doubleValue": double}, one_of=True)
key_value = message({"key": text, "value": any_value}, required=("key", "value"))


def attributes(value, where):
    array(key_value)(value, where)
    keys = [one["key"] for one in value]
    if len(set(keys)) != len(keys) or "" in keys:
        raise Invalid(f"{where} has an empty key or one twice")


def span(value, where):
    message({"traceId": hexadecimal(32), "spanId": hexadecimal(16), "parentSpanId": hexadecimal(16),
             "traceState": text, "flags": small, "name": text, "kind": enumeration(5),
             "startTimeUnixNano": unsigned, "endTimeUnixNano": unsigned, "attributes": attributes,
             "droppedAttributesCount": small,
             "status": message({"code": enumeration(2), "message": text})},
            required=("traceId", "spanId", "name", "kind", "startTimeUnixNano",
                      "endTimeUnixNano"))(value, where)
    if int(value["startTimeUnixNano"]) > int(value["endTimeUnixNano"]) or not value["name"]:
        raise Invalid(f"{where} ends before it begins, or has no name")


check_export = message({"resourceSpans": array(message({
    "resource": message({"attributes": attributes, "droppedAttributesCount": small}),
    "schemaUrl": text,
    "scopeSpans": array(message({
        "scope": message({"name": text, "version": text, "attributes": attributes}),
        "schemaUrl": text, "spans": array(span)}))}))}, required=("resourceSpans",))


def parse_export(body):
    """The checked request; raises Invalid."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=unique_members)
    except ValueError as problem:
        raise Invalid(f"the body is not JSON: {problem}") from None
    check_export(value, "ExportTraceServiceRequest")
    return value


def spans_of(export):
    """All spans of a request, each with its attributes as a dictionary and its resource's."""
    found = []
    for resource in export["resourceSpans"]:
        about = values_of(resource.get("resource", {}).get("attributes", []))
        for scope in resource["scopeSpans"]:
            found += [{**one, "attributes": values_of(one.get("attributes", [])), "resource": about}
                      for one in scope["spans"]]
    return found


def values_of(listed):
    return {one["key"]: next(iter(one["value"].values())) for one in listed}


class Collector(HttpPeer):
    def __init__(self, root, header=None, **options):
        self.header = header
        super().__init__(root, **options)

    def handle(self, request):
        if request.path != PATH:
            raise Answer.json(404, {"message": f"only {PATH} is here"})
        if request.method != "POST":
            raise Answer.json(405, {"message": "POST only"}, [("Allow", "POST")])
        if self.header and request.get(self.header[0].lower()) != self.header[1]:
            raise Answer.json(401, {"message": "the key is missing or wrong"})
        if (request.get("content-type") or "").split(";")[0].strip() != "application/json":
            raise Answer.json(415, {"message": "application/json only"})
        body = request.body(BODY_LIMIT)
        try:
            request.note["body"] = parse_export(body)
        except Invalid as problem:
            request.note["error"] = str(problem)
            raise Answer.json(400, {"message": str(problem)}) from None
        return Answer.json(200, {"partialSuccess": {}})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_options(parser)
    parser.add_argument("--header", metavar="NAME=VALUE")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    given = parser.parse_args()
    die_with_parent()
    header = given.header.split("=", 1) if given.header else None
    peer = Collector(given.root, header, host=given.host, port=given.port, tls=given.tls)
    print_ready(port=peer.port, url=peer.url + PATH, root=peer.root, received=peer.records.path)
    return run_until_told(peer.close, given.stdin_eof)


if __name__ == "__main__":
    sys.exit(main())

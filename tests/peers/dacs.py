# SPDX-License-Identifier: MIT
"""DACS as the sender of acknowledgements, for tests and the demo.

The real payload (X1-SYNREQACK) is not public: the shapes here are the plausible ones that a
receiver has to tolerate. Sends as the message sender does: POST of JSON, Basic authentication,
300 s timeout, no redirects.
"""
import argparse
import base64
import http.client
import json
import ssl
import sys
import urllib.parse

TIMEOUT_SECONDS = 300
WRAPPERS = ("root", "sendDetails")
ID_NAMES = ("externalReferenceId", "sourceSyncRequestId", "syncRequestId")
POLARITIES = ("hasError", "isInError", "ackStatus", "boStatus", "none")
ERROR_SHAPES = ("exceptionInfo", "messageList", "errorMessage", "none")
KEY_SHAPES = ("entityIdList", "externalIds", "externalPk1", "pkValue1", "none")
DEFAULT_ERROR = "Contact could not be created: the postal code 9410 is not valid for USA."


def acknowledgement(identifier, positive=True, wrapper="root", id_name="externalReferenceId",
                    polarity="hasError", errors="exceptionInfo", keys="entityIdList",
                    entity="CONTACT", key="98765432101234", message=DEFAULT_ERROR,
                    category=None, number=None, positive_status=None, negative_status=None):
    """One acknowledgement as a dictionary. A positive one has keys, a negative one errors."""
    for value, legal in ((wrapper, WRAPPERS), (id_name, ID_NAMES), (polarity, POLARITIES),
                         (errors, ERROR_SHAPES), (keys, KEY_SHAPES)):
        if value not in legal:
            raise ValueError(f"{value!r} is not one of {', '.join(legal)}")
    body = {id_name: identifier}
    body.update(_polarity(polarity, positive, positive_status, negative_status))
    body.update(_keys(keys, entity, key) if positive else _errors(errors, message, category, number))
    return {"sendDetails": body} if wrapper == "sendDetails" else body


def _polarity(polarity, positive, positive_status, negative_status):
    if polarity == "none":
        return {}
    if polarity in ("hasError", "isInError"):
        return {polarity: not positive}
    defaults = {"ackStatus": ("SUCCESS", "ERROR"), "boStatus": ("LOADED", "ERROR")}[polarity]
    return {polarity: (positive_status or defaults[0]) if positive
            else (negative_status or defaults[1])}


def _keys(keys, entity, key):
    ids = [{"entity": entity, "externalPk1": key}]
    return {"entityIdList": {"entityIdList": ids}, "externalIds": {"externalIds": {"entityIdList": ids}},
            "externalPk1": {"externalPk1": key}, "pkValue1": {"pkValue1": key}, "none": {}}[keys]


def _errors(errors, message, category, number):
    if errors == "none":
        return {}
    if errors == "errorMessage":
        return {"errorMessage": message}
    if errors == "messageList":
        one = {"messageText": message}
    else:
        one = {"sequence": 1,
               "messageParameters": [{"parameterSequence": 1, "messageParameterValue": message}]}
    if category is not None:
        one["messageCategory"] = category
    if number is not None:
        one["messageNumber"] = number
    return {errors: [one]}


def send(url, body, user=None, password=None, ca=None, timeout=TIMEOUT_SECONDS,
         content_type="application/json"):
    """POSTs body (a value, or bytes as they are); returns (status, header dict, body bytes)."""
    parts = urllib.parse.urlsplit(url)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    if user is not None:
        token = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        headers["Authorization"] = "Basic " + token
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout,
                                                 context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connection.request("POST", target, data, headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def body_options(parser):
    parser.add_argument("--id", required=True, help="the sync request that is acknowledged")
    sign = parser.add_mutually_exclusive_group()
    sign.add_argument("--positive", action="store_true", help="the default")
    sign.add_argument("--negative", action="store_true")
    parser.add_argument("--wrapper", choices=WRAPPERS, default="root")
    parser.add_argument("--id-name", choices=ID_NAMES, default=ID_NAMES[0])
    parser.add_argument("--polarity", choices=POLARITIES, default="hasError")
    parser.add_argument("--errors", choices=ERROR_SHAPES, default="exceptionInfo")
    parser.add_argument("--keys", choices=KEY_SHAPES, default="entityIdList")
    parser.add_argument("--entity", default="CONTACT")
    parser.add_argument("--key", default="98765432101234", help="the identifier DACS gave")
    parser.add_argument("--message", default=DEFAULT_ERROR)
    parser.add_argument("--category", type=int)
    parser.add_argument("--number", type=int)


def body_of(given):
    return acknowledgement(given.id, not given.negative, given.wrapper, given.id_name,
                           given.polarity, given.errors, given.keys, given.entity, given.key,
                           given.message, given.category, given.number)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    body_options(commands.add_parser("body", help="print an acknowledgement"))
    sender = commands.add_parser("send", help="post an acknowledgement; exits 1 unless answered 2xx")
    sender.add_argument("url")
    body_options(sender)
    sender.add_argument("--user")
    sender.add_argument("--password")
    sender.add_argument("--ca", help="PEM file of the authority to trust")
    sender.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS)
    given = parser.parse_args()
    if given.command == "body":
        print(json.dumps(body_of(given)))
        return 0
    status, _, answer = send(given.url, body_of(given), given.user, given.password, given.ca,
                             given.timeout)
    print(json.dumps({"status": status, "body": answer.decode("utf-8", "replace")}))
    return 0 if 200 <= status < 300 else 1


if __name__ == "__main__":
    sys.exit(main())

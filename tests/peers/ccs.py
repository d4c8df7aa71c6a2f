# SPDX-License-Identifier: MIT
"""CCS stand-in for tests: the sync request REST service with Basic and OAuth 2.0 security.

Validates every body against the published table (types and lengths) and answers 400 for what a
strict service would refuse, unknown members included. Records each request in received.jsonl.
Faults as in http_peer.py. Without --id, every identifier of 14 digits is known.
"""
import argparse
import hmac
import json
import re
import secrets
import sys
import time
import urllib.parse

from common import PeerProcess, add_common_options, die_with_parent, print_ready, run_until_told
from http_peer import Answer, HttpPeer, basic_credentials
from shapes import Invalid, array, boolean, unique_members

WRAPPER = "F1-UpdateSyncRequest"
PATH = "/rest/apis/common/sync/syncRequest/"
BODY_LIMIT = 1024 * 1024


def text(limit):
    def check(value, where):
        if not isinstance(value, str) or len(value) > limit:
            raise Invalid(f"{where} must be a string of at most {limit} characters")
    return check


def number(bound):
    def check(value, where):
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > bound:
            raise Invalid(f"{where} must be a number from -{bound} to {bound}")
    return check


def record(members):
    def check(value, where):
        if not isinstance(value, dict):
            raise Invalid(f"{where} must be an object")
        for key, inner in value.items():
            if key not in members:
                raise Invalid(f"{where} has the unknown member {key}")
            members[key](inner, f"{where}.{key}")
    return check


check_update = record({
    "syncRequestId": text(14),
    "hasError": boolean,
    "exceptionInfo": array(record({
        "sequence": number(999), "messageCategory": number(99999), "messageNumber": number(99999),
        "comments": text(254),
        "messageParameters": array(record({
            "parameterSequence": number(999), "messageParameterValue": text(2000)}))})),
    "externalIds": record({
        "entityIdList": array(record({
            "entity": text(60), **{f"externalPk{n}": text(60) for n in range(1, 6)}}))})})


def reject_constant(name):
    raise ValueError(f"{name} is not JSON")


def parse_update(body):
    """The checked F1-UpdateSyncRequest of a body and whether it was wrapped; raises Invalid."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=unique_members,
                           parse_constant=reject_constant)
    except ValueError as problem:
        raise Invalid(f"the body is not JSON: {problem}") from None
    wrapped = isinstance(value, dict) and list(value) == [WRAPPER]
    update = value[WRAPPER] if wrapped else value
    check_update(update, WRAPPER)
    return update, wrapped


def state_after(update):
    """What the sync request becomes: exception messages decide, else the default next state."""
    return "EXCEPTION" if update.get("exceptionInfo") or update.get("hasError") else "DEFAULT_NEXT"


class Ccs(HttpPeer):
    record_name = "received.jsonl"

    def __init__(self, root, user, password, client_id, client_secret, prefix="/ouaf",
                 token_lifetime=300, ids=None, **options):
        self.login = (user, password)
        self.client = (client_id, client_secret)
        self.prefix = prefix.rstrip("/")
        self.token_lifetime = token_lifetime
        self.ids = set(ids) if ids else None
        self.tokens = {}
        super().__init__(root, **options)

    def bad_request(self, message):
        return Answer.json(400, {"code": "400", "message": message})

    def handle(self, request):
        try:
            if request.path == "/oauth/token":
                return self._token(request)
            return self._sync_request(request)
        except Answer as refused:
            if refused.status >= 400:
                request.note["error"] = refused.body.decode()
            raise

    @staticmethod
    def _refuse(status, message, headers=()):
        return Answer.json(status, {"code": str(status), "message": message}, headers)

    # -- security -----------------------------------------------------------------------------

    @staticmethod
    def _same(given, expected):
        return all([hmac.compare_digest(one.encode(), two.encode())
                    for one, two in zip(given, expected)])

    def _token(self, request):
        if request.method != "POST":
            raise self._refuse(405, "POST only", [("Allow", "POST")])
        kind = (request.get("content-type") or "").split(";")[0].strip().lower()
        body = request.body(BODY_LIMIT)
        if kind != "application/x-www-form-urlencoded":
            raise Answer.json(400, {"error": "invalid_request"})
        form = dict(urllib.parse.parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        request.note["form"] = {key: "..." if key == "client_secret" else value
                                for key, value in form.items()}
        client = basic_credentials(request)
        if client:
            client = tuple(urllib.parse.unquote_plus(part) for part in client)
        else:
            client = (form.get("client_id", ""), form.get("client_secret", ""))
        if not self._same(client, self.client):
            raise Answer.json(401, {"error": "invalid_client"},
                              [("WWW-Authenticate", 'Basic realm="token"')])
        if form.get("grant_type") != "client_credentials":
            raise Answer.json(400, {"error": "unsupported_grant_type"})
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.monotonic() + self.token_lifetime
        return Answer.json(200, {"access_token": token, "token_type": "Bearer",
                                 "expires_in": self.token_lifetime}, [("Cache-Control", "no-store")])

    def _authenticate(self, request):
        scheme, _, value = (request.get("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            if self.tokens.get(value, 0) > time.monotonic():
                request.note["security"] = "bearer"
                return
            raise self._refuse(401, "invalid or expired token",
                               [("WWW-Authenticate", 'Bearer error="invalid_token"')])
        given = basic_credentials(request)
        if not given or not self._same(given, self.login):
            raise self._refuse(401, "authentication is required",
                               [("WWW-Authenticate", 'Basic realm="ouaf"')])
        request.note["security"] = "basic"

    # -- the service --------------------------------------------------------------------------

    def _sync_request(self, request):
        self._authenticate(request)
        start = self.prefix + PATH
        if not request.path.startswith(start):
            raise self._refuse(404, f"no service at {request.path}")
        identifier = urllib.parse.unquote(request.path[len(start):])
        request.note["id"] = identifier
        if request.method not in ("PATCH", "POST"):
            raise self._refuse(405, "PATCH only", [("Allow", "PATCH, POST")])
        if request.has("transfer-encoding") or request.length is None:
            raise self._refuse(411, "Content-Length is required")
        kind = (request.get("content-type") or "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise self._refuse(415, "the media type must be application/json")
        body = request.body(BODY_LIMIT)
        request.note["body"] = body.decode("utf-8", "replace")
        return self._update(request, identifier, body)

    def _update(self, request, identifier, body):
        try:
            update, wrapped = parse_update(body)
        except Invalid as problem:
            raise self._refuse(400, str(problem)) from None
        request.note.update(update=update, wrapped=wrapped)
        if not re.fullmatch(r"[0-9]{14}", identifier) or self.ids is not None and identifier not in self.ids:
            raise self._refuse(404, f"the sync request {identifier} does not exist")
        if update.get("syncRequestId", identifier) != identifier:
            raise self._refuse(400, "syncRequestId differs from the one in the path")
        request.note["state"] = state_after(update)
        return Answer.json(200, {WRAPPER: update} if wrapped else update)


class CcsPeer(PeerProcess):
    """The stand-in as a child process, for tests in Python."""

    def __init__(self, root, *arguments):
        super().__init__("ccs.py", "--root", root, *arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_options(parser)
    parser.add_argument("--user", default="ccsuser")
    parser.add_argument("--password", default="ccs-password")
    parser.add_argument("--client-id", default="ccsclient")
    parser.add_argument("--client-secret", default="ccs-client-secret")
    parser.add_argument("--prefix", default="/ouaf", help="context before /rest (default /ouaf)")
    parser.add_argument("--token-lifetime", type=float, default=300, metavar="SECONDS")
    parser.add_argument("--id", action="append", help="a known sync request (repeatable)")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    given = parser.parse_args()
    die_with_parent()
    peer = Ccs(given.root, given.user, given.password, given.client_id, given.client_secret,
               given.prefix, given.token_lifetime, given.id, host=given.host, port=given.port,
               tls=given.tls)
    print_ready(port=peer.port, url=peer.url + peer.prefix, token_url=peer.url + "/oauth/token",
                root=peer.root, user=given.user, received=peer.records.path)
    return run_until_told(peer.close, given.stdin_eof)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""OCI Object Storage stand-in for tests: the native REST API with real request signatures.

Independent of the product's code, so that both cannot be wrong in the same way. Bodies stream to
disk. See http_peer.py for faults and records; further administration paths, unsigned:
  GET    /_objects/{bucket}         the objects with size, md5, etag
  GET    /_objects/{bucket}/{name}  the bytes of one object (name percent-encoded)
  PUT    /_objects/{bucket}/{name}  puts one object
  DELETE /_objects/{bucket}/{name}  removes one object
  GET    /_uploads/{bucket}         the uploads that are open, with how many parts they have
  POST   /_clock {"skew": seconds}  moves this server's clock
"""
import argparse
import calendar
import json
import os
import re
import sys
import time
import urllib.parse

import oci_signature
from common import PeerProcess, add_common_options, die_with_parent, print_ready, run_until_told
from http_peer import Answer, HttpPeer, new_id
from object_store import Bucket, Condition, Missing, wipe_unfinished

LIST_LIMIT = 1000
PART_LIMIT = 10000
OBJECT_NAME_LIMIT = 1024
PUT_LIMIT = 50 * 1024 ** 3
FIELDS = {"name": None, "size": "size", "etag": "etag", "md5": "md5", "timecreated": "timeCreated",
          "timemodified": "timeModified", "storagetier": "storageTier",
          "archivalstate": "archivalState"}
STORED_HEADERS = ("content-type", "content-encoding", "content-language", "content-disposition",
                  "cache-control")


def refuse(status, code, message):
    return Answer.json(status, {"code": code, "message": message})


class ObjectStorage(HttpPeer):
    """keys: {keyId: public key}; None switches authentication off."""

    def __init__(self, root, keys, namespace="testnamespace", buckets=(), minimum_part=0, **options):
        self.keys = keys
        self.namespace = namespace
        self.minimum_part = minimum_part
        self.skew = 0
        wipe_unfinished(root)
        stored = os.path.join(root, "buckets")
        names = set(buckets) | set(os.listdir(stored) if os.path.isdir(stored) else [])
        self.buckets = {name: Bucket(root, name) for name in sorted(names)}
        super().__init__(root, **options)

    # -- frame --------------------------------------------------------------------------------

    def handle(self, request):
        request_id = new_id().replace("-", "").upper()
        try:
            answer = self._route(request)
        except Answer as refused:
            answer = refused
        except Condition as failed:
            header = "if-none-match" if failed.args[0] == "IfNoneMatchFailed" else "if-match"
            answer = refuse(412, failed.args[0], f"The {header} condition of the request failed.")
        answer.headers.append(("opc-request-id", request_id))
        if request.has("opc-client-request-id"):
            answer.headers.append(("opc-client-request-id", request.get("opc-client-request-id")))
        if answer.status >= 400:
            request.note["error"] = answer.body.decode()
        return answer

    def _route(self, request):
        streams = request.method == "PUT" and re.match(r"^/n/[^/]+/b/[^/]+/[ou]/", request.path)
        self._authenticate(request, "optional" if streams else "required")
        parts = request.path.split("/")[1:]
        decoded = [self._decode(part) for part in parts]
        query = self._query(request)
        body = None
        if not streams and request.remaining:
            body = request.body()
            self._check_digest(request, oci_signature.content_digest(body))
            if request.method == "POST":
                self._keep_body(request, body)
        elif not streams:
            self._check_digest(request, oci_signature.content_digest(b""))
        operation = self._operation(request.method, parts)
        if not operation:
            known = parts[0] == "n"
            raise refuse(405 if known else 404, "MethodNotAllowed" if known else "NotFound",
                         f"{request.method} {request.path} is not an operation of this service")
        request.note["operation"] = operation
        if operation == "get_namespace":
            return Answer.json(200, self.namespace)
        if decoded[1] != self.namespace:
            raise refuse(404, "NamespaceNotFound", f"The namespace '{decoded[1]}' does not exist.")
        if operation == "list_buckets":
            return self._list_buckets()
        bucket = self.buckets.get(decoded[3])
        if not bucket:
            raise refuse(404, "BucketNotFound",
                         f"Either the bucket named '{decoded[3]}' does not exist in the namespace "
                         f"'{self.namespace}' or you are not authorized to access it")
        # An encoded or a plain slash both belong to the object's name.
        name = self._decode("/".join(parts[5:])) if len(parts) > 5 else None
        if name is not None and operation != "rename_object":
            self._check_name(name)
        return getattr(self, "_" + operation)(request, bucket, name, query, body)

    @staticmethod
    def _operation(method, parts):
        shape = [part for part in parts]
        if shape[0] != "n" or "" in shape[:5]:
            return None
        if len(shape) == 1:
            return {"GET": "get_namespace"}.get(method)
        if len(shape) == 3 and shape[2] == "b":
            return {"GET": "list_buckets"}.get(method)
        if len(shape) == 4 and shape[2] == "b":
            return {"GET": "get_bucket", "HEAD": "get_bucket"}.get(method)
        if len(shape) < 5 or shape[2] != "b":
            return None
        if shape[4] == "actions":
            return "rename_object" if (method, shape[5:]) == ("POST", ["renameObject"]) else None
        if shape[4] == "o":
            if len(shape) == 5:
                return {"GET": "list_objects"}.get(method)
            return {"GET": "get_object", "HEAD": "get_object", "PUT": "put_object",
                    "DELETE": "delete_object"}.get(method)
        if shape[4] == "u":
            if len(shape) == 5:
                return {"GET": "list_uploads", "POST": "create_upload"}.get(method)
            return {"GET": "list_parts", "PUT": "upload_part", "POST": "commit_upload",
                    "DELETE": "abort_upload"}.get(method)
        return None

    @staticmethod
    def _decode(text):
        if re.search(r"%(?![0-9A-Fa-f]{2})", text):
            raise refuse(400, "InvalidParameter", "malformed percent-encoding")
        try:
            return urllib.parse.unquote(text, errors="strict")
        except UnicodeDecodeError:
            raise refuse(400, "InvalidParameter", "the path is not UTF-8") from None

    def _query(self, request):
        query = {}
        for pair in request.query.split("&") if request.query else []:
            key, _, value = pair.partition("=")
            # A plus sign stands for a blank in a query; %2B for itself.
            key, value = (self._decode(text.replace("+", " ")) for text in (key, value))
            if key in query:
                raise refuse(400, "InvalidParameter", f"parameter {key} is given twice")
            query[key] = value
        return query

    @staticmethod
    def _check_name(name):
        size = len(name.encode())
        if not 1 <= size <= OBJECT_NAME_LIMIT or any(char in name for char in "\r\n\0"):
            raise refuse(400, "InvalidObjectName", f"'{name[:80]}' is not a valid object name")

    @staticmethod
    def _keep_body(request, body):
        try:
            request.note["body"] = json.loads(body)
        except ValueError:
            request.note["body_text"] = body[:1000].decode("latin-1")

    # -- authentication -----------------------------------------------------------------------

    def _authenticate(self, request, body_headers):
        if self.keys is None:
            request.note["signed"] = None
            return
        headers = {name: request.get(name) for name, _ in request.headers}
        try:
            facts = oci_signature.verify(request.method, request.target, headers, self.keys,
                                         time.time() + self.skew, body_headers)
        except oci_signature.Refused as reason:
            raise self._not_authenticated(request, str(reason)) from None
        request.note.update(facts)

    @staticmethod
    def _not_authenticated(request, reason):
        request.note["refused"] = reason
        return refuse(401, "NotAuthenticated", "The required information to complete authentication "
                      "was not provided or was incorrect.")

    def _check_digest(self, request, actual):
        sent = request.get("x-content-sha256")
        signed = request.note.get("signed") or ()
        if "x-content-sha256" in signed and sent != actual:
            raise self._not_authenticated(request, f"x-content-sha256 is {sent}, body is {actual}")

    # -- buckets and listings -----------------------------------------------------------------

    def _list_buckets(self):
        return Answer.json(200, [{"namespace": self.namespace, "name": name}
                                 for name in self.buckets])

    def _get_bucket(self, request, bucket, _name, _query, _body):
        facts = {"namespace": self.namespace, "name": bucket.name, "storageTier": "Standard",
                 "publicAccessType": "NoPublicAccess", "versioning": "Disabled"}
        return Answer.json(200, facts, [("etag", new_id())])

    def _list_objects(self, request, bucket, _name, query, _body):
        for key in query:
            if key not in ("prefix", "start", "startAfter", "end", "limit", "delimiter", "fields"):
                raise refuse(400, "InvalidParameter", f"unknown parameter {key}")
        limit = query.get("limit", str(LIST_LIMIT))
        if not re.fullmatch(r"[0-9]{1,9}", limit) or not 1 <= int(limit) <= LIST_LIMIT:
            raise refuse(400, "InvalidParameter", f"limit must be 1 to {LIST_LIMIT}")
        if query.get("delimiter", "/") not in ("/", ""):
            raise refuse(400, "InvalidParameter", "the only delimiter is '/'")
        fields = [field.strip().lower() for field in query.get("fields", "name").split(",")]
        for field in fields:
            if field not in FIELDS:
                raise refuse(400, "InvalidParameter", f"unknown field {field}")
        return self._listing(bucket, query, int(limit), fields)

    @staticmethod
    def _listing(bucket, query, limit, fields):
        prefix, start, after = query.get("prefix", ""), query.get("start"), query.get("startAfter")
        inclusive = after is None or (start is not None and start > after)
        names = bucket.range(start if inclusive else after, inclusive, query.get("end"), prefix)
        objects, prefixes, following = [], [], None
        for name in names:
            cut = name.find("/", len(prefix)) if query.get("delimiter") else -1
            folder = name[:cut + 1] if cut >= 0 else None
            if folder and prefixes and prefixes[-1] == folder:
                continue
            if len(objects) + len(prefixes) == limit:
                following = name
                break
            if folder:
                prefixes.append(folder)
                continue
            entry = bucket.objects.get(name)
            if entry:
                entry = {"storageTier": "Standard", **entry}
                objects.append({"name": name, **{FIELDS[one]: entry[FIELDS[one]] for one in fields
                                                 if FIELDS[one] and entry.get(FIELDS[one]) is not None}})
        answer = {"objects": objects, "prefixes": prefixes}
        if following is not None:
            answer["nextStartWith"] = following
        return Answer.json(200, answer)

    # -- objects ------------------------------------------------------------------------------

    def _find(self, bucket, name):
        try:
            return bucket.get(name)
        except Missing:
            raise refuse(404, "ObjectNotFound", f"The object '{name}' does not exist in bucket "
                         f"'{bucket.name}' with namespace '{self.namespace}'") from None

    def _get_object(self, request, bucket, name, _query, _body):
        with bucket.lock:
            entry = self._find(bucket, name)
            self._check_read(request, entry)
            status, first, length, extra = self._range(request, entry["size"])
            blocks = bucket.read(entry, first, length) if request.method == "GET" else ()
        headers = self._object_headers(entry) + extra
        return Answer(status, (length, blocks), headers)

    @staticmethod
    def _check_read(request, entry):
        match, none_match = request.get("if-match"), request.get("if-none-match")
        if match is not None and match not in ("*", entry["etag"]):
            raise Condition("IfMatchFailed")
        if none_match is not None and none_match in ("*", entry["etag"]):
            raise Answer(304, b"", [("etag", entry["etag"])])

    @staticmethod
    def _range(request, size):
        value = request.get("range") if request.method == "GET" else None
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", value or "")
        if value is None or not match or match.group(0) == "bytes=-":
            if value is not None:
                raise refuse(400, "InvalidRange", f"malformed or multiple range {value}")
            return 200, 0, size, []
        if match.group(1):
            first = int(match.group(1))
            last = min(int(match.group(2)) if match.group(2) else size - 1, size - 1)
        else:
            first, last = max(0, size - int(match.group(2))), size - 1
        if first > last or first >= size:
            raise Answer.json(416, {"code": "InvalidRange", "message": f"no byte of {value}"},
                              [("Content-Range", f"bytes */{size}")])
        return 206, first, last - first + 1, [("content-range", f"bytes {first}-{last}/{size}")]

    @staticmethod
    def _object_headers(entry):
        changed = time.strptime(entry["timeModified"][:19], "%Y-%m-%dT%H:%M:%S")
        headers = [("etag", entry["etag"]), ("accept-ranges", "bytes"),
                   ("last-modified", oci_signature.format_date(calendar.timegm(changed))),
                   ("storage-tier", "Standard"), ("version-id", entry["etag"])]
        if entry["md5"]:
            headers.append(("content-md5", entry["md5"]))
        else:
            headers.append(("opc-multipart-md5", entry["multipart_md5"]))
        stored = entry.get("headers", {})
        headers += [(name, stored[name]) for name in stored if name != "content-type"]
        headers.append(("Content-Type", stored.get("content-type", "application/octet-stream")))
        return headers

    def _receive(self, request, bucket):
        """Streams a body to disk and checks length and every digest that came with it."""
        if request.length is None:
            raise refuse(411, "MissingContentLength", "Content-Length is required")
        if request.length > PUT_LIMIT:
            raise refuse(413, "RequestEntityTooLarge", "a single body holds at most 50 GiB")
        algorithm = (request.get("opc-checksum-algorithm") or "").lower()
        if algorithm not in ("", "sha256", "sha384"):
            raise refuse(501, "MethodNotImplemented", f"checksum {algorithm} is not offered here")
        signs_body = "x-content-sha256" in (request.note.get("signed") or ())
        wanted = {"md5"} | ({algorithm} if algorithm else set()) | ({"sha256"} if signs_body else set())
        received = bucket.receive(request.blocks(), wanted)
        try:
            self._check_received(request, received, algorithm, signs_body)
        except BaseException:
            received.delete()
            raise
        return received

    def _check_received(self, request, received, algorithm, signs_body):
        md5 = request.get("content-md5")
        if md5 is not None and md5 != received.digest("md5"):
            raise refuse(400, "UnmatchedContentMD5", "The computed MD5 of the request body "
                         f"({received.digest('md5')}) does not match the Content-MD5 header ({md5})")
        if signs_body:
            self._check_digest(request, received.digest("sha256"))
        checksum = request.get(f"opc-content-{algorithm}") if algorithm else None
        if checksum is not None and checksum != received.digest(algorithm):
            raise refuse(400, "UnmatchedContentChecksum", f"opc-content-{algorithm} does not match")

    @staticmethod
    def _conditions(request):
        none_match = request.get("if-none-match")
        if none_match not in (None, "*"):
            raise refuse(400, "InvalidParameter", "if-none-match of a write can only be '*'")
        return request.get("if-match"), none_match

    def _put_object(self, request, bucket, name, _query, _body):
        conditions = self._conditions(request)
        bucket.check(name, *conditions)
        kept = {key: request.get(key) for key, _ in request.headers
                if key in STORED_HEADERS or key.startswith("opc-meta-")}
        received = self._receive(request, bucket)
        try:
            entry = bucket.put(name, received, {"headers": kept}, *conditions)
        except Condition:
            received.delete()
            raise
        return Answer(200, b"", [("etag", entry["etag"]), ("opc-content-md5", entry["md5"]),
                                 ("version-id", entry["etag"]),
                                 ("last-modified", oci_signature.format_date(time.time()))])

    def _delete_object(self, request, bucket, name, _query, _body):
        try:
            bucket.delete(name, request.get("if-match"))
        except Missing:
            self._find(bucket, name)
        return Answer(204, b"", [("last-modified", oci_signature.format_date(time.time()))])

    def _rename_object(self, request, bucket, _name, _query, body):
        known = {"sourceName", "newName", "srcObjIfMatchETag", "newObjIfMatchETag",
                 "newObjIfNoneMatchETag"}
        details = self._json(body, known, required=("sourceName", "newName"))
        self._check_name(details["newName"])
        if details.get("newObjIfNoneMatchETag") not in (None, "*"):
            raise refuse(400, "InvalidParameter", "newObjIfNoneMatchETag can only be '*'")
        if details["sourceName"] == details["newName"]:
            raise refuse(400, "InvalidParameter", "the new name is the old name")
        try:
            entry = bucket.rename(details["sourceName"], details["newName"],
                                  details.get("srcObjIfMatchETag"), details.get("newObjIfMatchETag"),
                                  details.get("newObjIfNoneMatchETag"))
        except Missing:
            return self._find(bucket, details["sourceName"])
        return Answer(200, b"", [("etag", entry["etag"]), ("version-id", entry["etag"]),
                                 ("last-modified", oci_signature.format_date(time.time()))])

    @staticmethod
    def _json(body, known, required=()):
        try:
            value = json.loads(body or b"")
        except ValueError:
            raise refuse(400, "CannotParseRequest", "the body is not JSON") from None
        if not isinstance(value, dict):
            raise refuse(400, "CannotParseRequest", "the body is not a JSON object")
        for key in value:
            if key not in known:
                raise refuse(400, "InvalidParameter", f"unknown member {key}")
        for key in required:
            if not isinstance(value.get(key), str) or not value[key]:
                raise refuse(400, "MissingParameter", f"{key} is required")
        return value

    # -- multipart ----------------------------------------------------------------------------

    def _upload_of(self, bucket, name, query):
        if not query.get("uploadId"):
            raise refuse(400, "MissingParameter", "uploadId is required")
        try:
            return bucket.upload(name, query["uploadId"])
        except Missing:
            raise refuse(404, "NoSuchUpload", "The specified upload does not exist.") from None

    def _upload_facts(self, bucket, upload):
        return {"namespace": self.namespace, "bucket": bucket.name, "object": upload["object"],
                "uploadId": upload["uploadId"], "timeCreated": upload["timeCreated"],
                "storageTier": "Standard"}

    def _create_upload(self, request, bucket, _name, _query, body):
        known = {"object", "contentType", "contentEncoding", "contentLanguage", "contentDisposition",
                 "cacheControl", "storageTier", "metadata"}
        details = self._json(body, known, required=("object",))
        self._check_name(details["object"])
        kept = {re.sub("([A-Z])", r"-\1", key).lower(): value for key, value in details.items()
                if key.startswith("content") or key == "cacheControl"}
        metadata = details.get("metadata") or {}
        kept.update({key.lower() if key.lower().startswith("opc-meta-") else "opc-meta-" + key.lower():
                     value for key, value in metadata.items()})
        upload = bucket.start_upload(details["object"], {"headers": kept},
                                     self._conditions(request)[1])
        encoded = urllib.parse.quote(details["object"], safe="")
        place = f"/n/{self.namespace}/b/{bucket.name}/u/{encoded}?uploadId={upload['uploadId']}"
        return Answer.json(200, self._upload_facts(bucket, upload), [("location", place)])

    def _upload_part(self, request, bucket, name, query, _body):
        self._upload_of(bucket, name, query)
        number = query.get("uploadPartNum", "")
        if not re.fullmatch(r"[0-9]{1,5}", number) or not 1 <= int(number) <= PART_LIMIT:
            raise refuse(400, "InvalidParameter", f"uploadPartNum must be 1 to {PART_LIMIT}")
        received = self._receive(request, bucket)
        try:
            part = bucket.put_part(name, query["uploadId"], int(number), received)
        except Missing:
            received.delete()
            self._upload_of(bucket, name, query)
        return Answer(200, b"", [("etag", part["etag"]), ("opc-content-md5", part["md5"])])

    def _commit_upload(self, request, bucket, name, query, body):
        details = self._json(body, {"partsToCommit", "partsToExclude"})
        with bucket.lock:
            upload = self._upload_of(bucket, name, query)
            numbers = self._parts_to_commit(upload["parts"], details)
            entry = bucket.commit(name, query["uploadId"], numbers, *self._conditions(request))
        return Answer(200, b"", [("etag", entry["etag"]), ("version-id", entry["etag"]),
                                 ("opc-multipart-md5", entry["multipart_md5"]),
                                 ("last-modified", oci_signature.format_date(time.time()))])

    def _parts_to_commit(self, parts, details):
        listed, excluded = details.get("partsToCommit"), details.get("partsToExclude") or []
        if not isinstance(listed, list) or not listed:
            raise refuse(400, "MissingParameter", "partsToCommit is required")
        numbers = []
        for one in listed:
            number = one.get("partNum") if isinstance(one, dict) else None
            part = parts.get(number) if isinstance(number, int) else None
            if not part or part["etag"] != one.get("etag") or number in numbers:
                raise refuse(400, "InvalidUploadPart", f"part {number} is unknown, repeated or changed")
            numbers.append(number)
        if set(parts) != set(numbers) | set(excluded) or set(numbers) & set(excluded):
            raise refuse(400, "InvalidUploadPart", "every part is either committed or excluded")
        numbers.sort()
        if any(parts[number]["size"] < self.minimum_part for number in numbers[:-1]):
            raise refuse(400, "InvalidUploadPart", f"a part is below {self.minimum_part} bytes")
        return numbers

    def _abort_upload(self, request, bucket, name, query, _body):
        with bucket.lock:
            self._upload_of(bucket, name, query)
            bucket.abort(name, query["uploadId"])
        return Answer(204, b"")

    def _list_uploads(self, request, bucket, _name, query, _body):
        with bucket.lock:
            uploads = [self._upload_facts(bucket, one) for one in bucket.uploads.values()]
        return self._page(uploads, query)

    def _list_parts(self, request, bucket, name, query, _body):
        with bucket.lock:
            upload = self._upload_of(bucket, name, query)
            parts = [{"partNumber": number, "etag": part["etag"], "md5": part["md5"],
                      "size": part["size"]} for number, part in sorted(upload["parts"].items())]
        return self._page(parts, query)

    @staticmethod
    def _page(items, query):
        limit, page = query.get("limit", "1000"), query.get("page", "0")
        if not limit.isdigit() or not page.isdigit() or not 1 <= int(limit) <= LIST_LIMIT:
            raise refuse(400, "InvalidParameter", "limit or page is out of range")
        first, last = int(page), int(page) + int(limit)
        following = [("opc-next-page", str(last))] if last < len(items) else []
        return Answer.json(200, items[first:last], following)

    # -- administration -----------------------------------------------------------------------

    def administer(self, request):
        parts = request.path.split("/")[1:]
        if parts[0] == "_clock" and request.method == "POST":
            self.skew = float(json.loads(request.body())["skew"])
            return Answer.json(200, {"skew": self.skew})
        if parts[0] not in ("_objects", "_uploads") or len(parts) < 2:
            return super().administer(request)
        bucket = self.buckets.get(self._decode(parts[1]))
        if not bucket:
            return refuse(404, "BucketNotFound", "no such bucket")
        if parts[0] == "_uploads":
            with bucket.lock:
                return Answer.json(200, [{"name": one["object"], "parts": len(one["parts"])}
                                         for one in bucket.uploads.values()])
        if len(parts) == 2:
            keys = ("name", "size", "md5", "etag", "timeModified")
            with bucket.lock:
                return Answer.json(200, [{key: bucket.objects[name].get(key) for key in keys}
                                         for name in bucket.names])
        name = self._decode("/".join(parts[2:]))
        if request.method == "PUT":
            entry = bucket.put(name, bucket.receive(request.blocks(), {"md5"}), {})
            return Answer.json(200, {"etag": entry["etag"], "md5": entry["md5"]})
        if request.method == "DELETE":
            bucket.delete(name)
            return Answer.json(200, {})
        entry = self._find(bucket, name)
        return Answer(200, (entry["size"], bucket.read(entry, 0, entry["size"])))


class ObjectStoragePeer(PeerProcess):
    """The stand-in as a child process, for tests in Python."""

    def __init__(self, root, *arguments):
        super().__init__("object_storage.py", "--root", root, *arguments)


def load(peer, text):
    """BUCKET=PATH: a file, or every file of a folder, becomes an object under its base name."""
    name, _, path = text.partition("=")
    files = [os.path.join(path, one) for one in sorted(os.listdir(path))] if os.path.isdir(path) \
        else [path]
    for file in files:
        with open(file, "rb") as data:
            bucket = peer.buckets[name]
            blocks = iter(lambda: data.read(1024 * 1024), b"")
            bucket.put(os.path.basename(file), bucket.receive(blocks, {"md5"}), {})


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_options(parser)
    parser.add_argument("--namespace", default="testnamespace")
    parser.add_argument("--bucket", action="append", default=[], help="make this bucket (repeatable)")
    parser.add_argument("--load", action="append", default=[], metavar="BUCKET=PATH",
                        help="put a file, or every file of a folder, into a bucket at the start")
    parser.add_argument("--key", action="append", default=[], metavar="KEYID=PEM",
                        help="register the public key of tenancy/user/fingerprint (repeatable)")
    parser.add_argument("--no-authentication", action="store_true")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--minimum-part-size", type=int, default=0, metavar="BYTES",
                        help="refuse to commit smaller parts, except the last one")
    return parser.parse_args()


def main():
    arguments = options()
    die_with_parent()
    keys = None if arguments.no_authentication else {}
    for text in arguments.key:
        key_id, _, path = text.partition("=")
        keys[key_id] = oci_signature.load_public_key(path)
    peer = ObjectStorage(arguments.root, keys, arguments.namespace, arguments.bucket,
                         arguments.minimum_part_size, host=arguments.host, port=arguments.port,
                         tls=arguments.tls)
    for text in arguments.load:
        load(peer, text)
    print_ready(port=peer.port, url=peer.url, root=peer.root, namespace=peer.namespace,
                buckets=list(peer.buckets), requests=peer.records.path)
    return run_until_told(peer.close, arguments.stdin_eof)


if __name__ == "__main__":
    sys.exit(main())

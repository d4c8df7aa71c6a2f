# SPDX-License-Identifier: MIT
"""Buckets, objects and multipart uploads on disk for the Object Storage peer.

An object is a list of segment files plus one JSON file of facts that is replaced atomically, so a
commit of many parts moves no bytes. Every change of names happens under one lock: racing
conditional writes have exactly one winner.
"""
import base64
import bisect
import hashlib
import json
import os
import shutil
import threading
import time

from http_peer import BLOCK, new_id


class Condition(Exception):
    """A conditional header did not hold: args[0] is IfMatchFailed or IfNoneMatchFailed."""


class Missing(Exception):
    """No such object or upload."""


def now_text():
    moment = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"


class Received:
    """One body written to a file, with its digests; delete() unless it was adopted."""

    def __init__(self, path, blocks, algorithms=("md5",)):
        self.path = path
        self.size = 0
        self.hashes = {name: hashlib.new(name) for name in algorithms}
        try:
            with open(path, "wb", buffering=0) as file:
                for block in blocks:
                    file.write(block)
                    self.size += len(block)
                    for one in self.hashes.values():
                        one.update(block)
        except BaseException:
            os.unlink(path)
            raise

    def digest(self, name):
        return base64.b64encode(self.hashes[name].digest()).decode()

    def delete(self):
        os.unlink(self.path)


class Bucket:
    def __init__(self, root, name):
        self.name = name
        self.directory = os.path.join(root, "buckets", name)
        self.lock = threading.RLock()
        self.objects = {}
        self.names = []
        self.uploads = {}
        for folder in ("data", "facts", "incoming"):
            os.makedirs(os.path.join(self.directory, folder), exist_ok=True)
        facts = os.path.join(self.directory, "facts")
        for file in sorted(os.listdir(facts)):
            if file.endswith(".json"):
                with open(os.path.join(facts, file), encoding="utf-8") as text:
                    self._index(json.load(text))

    # -- bodies -------------------------------------------------------------------------------

    def receive(self, blocks, algorithms):
        return Received(os.path.join(self.directory, "incoming", new_id()), blocks, algorithms)

    def read(self, entry, first, length):
        """Yields `length` bytes of an object from offset `first`. Open files survive a deletion."""
        files = [(open(os.path.join(self.directory, "data", file), "rb", buffering=0), size)
                 for file, size in entry["segments"]]
        return self._read(files, first, length)

    @staticmethod
    def _read(files, first, length):
        try:
            for file, size in files:
                if first >= size:
                    first -= size
                    continue
                file.seek(first)
                left = min(size - first, length)
                first = 0
                length -= left
                while left:
                    block = file.read(min(BLOCK, left))
                    if not block:
                        raise OSError("a segment is shorter than recorded")
                    left -= len(block)
                    yield block
                if not length:
                    return
        finally:
            for file, _ in files:
                file.close()

    # -- names --------------------------------------------------------------------------------

    def get(self, name):
        with self.lock:
            if name not in self.objects:
                raise Missing(name)
            return self.objects[name]

    def check(self, name, if_match=None, if_none_match=None):
        """Raises Condition unless a write to `name` is allowed now."""
        with self.lock:
            entry = self.objects.get(name)
            if if_none_match == "*" and entry:
                raise Condition("IfNoneMatchFailed")
            if if_match is not None and (not entry or if_match not in ("*", entry["etag"])):
                raise Condition("IfMatchFailed")

    def put(self, name, received, facts, if_match=None, if_none_match=None):
        """Adopts a received body as the object `name`; returns its entry."""
        with self.lock:
            self.check(name, if_match, if_none_match)
            file = new_id()
            os.rename(received.path, os.path.join(self.directory, "data", file))
            moment = now_text()
            entry = {"name": name, "etag": new_id(), "size": received.size,
                     "md5": received.digest("md5"), "segments": [[file, received.size]],
                     "timeCreated": moment, "timeModified": moment, **facts}
            self._replace(name, entry)
            return entry

    def delete(self, name, if_match=None):
        with self.lock:
            entry = self.get(name)
            if if_match is not None and if_match not in ("*", entry["etag"]):
                raise Condition("IfMatchFailed")
            self._forget(entry, with_data=True)

    def rename(self, source, target, source_if_match, target_if_match, target_if_none_match):
        with self.lock:
            entry = self.get(source)
            if source_if_match is not None and source_if_match not in ("*", entry["etag"]):
                raise Condition("IfMatchFailed")
            self.check(target, target_if_match, target_if_none_match)
            moved = {**entry, "name": target, "etag": new_id(), "timeModified": now_text()}
            self._replace(target, moved)
            self._forget(entry, with_data=False)
            return moved

    def range(self, first, inclusive, end, prefix):
        """A list of names in order, from `first`, with `prefix`, below `end` (None: no bound)."""
        with self.lock:
            low = max(first or "", prefix or "")
            find = bisect.bisect_left if inclusive or low != (first or "") else bisect.bisect_right
            position = find(self.names, low)
            chosen = []
            for name in self.names[position:]:
                if prefix and not name.startswith(prefix) or end and name >= end:
                    break
                chosen.append(name)
            return chosen

    def _facts_path(self, etag):
        return os.path.join(self.directory, "facts", etag + ".json")

    def _index(self, entry):
        if entry["name"] not in self.objects:
            bisect.insort(self.names, entry["name"])
        self.objects[entry["name"]] = entry

    def _replace(self, name, entry):
        old = self.objects.get(name)
        path = self._facts_path(entry["etag"])
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(entry, file, ensure_ascii=False)
        os.rename(path + ".new", path)
        self._index(entry)
        if old:
            self._delete_files(old, with_data=True)

    def _forget(self, entry, with_data):
        del self.objects[entry["name"]]
        self.names.pop(bisect.bisect_left(self.names, entry["name"]))
        self._delete_files(entry, with_data)

    def _delete_files(self, entry, with_data):
        os.unlink(self._facts_path(entry["etag"]))
        if with_data:
            for file, _ in entry["segments"]:
                os.unlink(os.path.join(self.directory, "data", file))

    # -- multipart ----------------------------------------------------------------------------

    def start_upload(self, name, facts, if_none_match):
        with self.lock:
            self.check(name, None, if_none_match)
            upload = {"uploadId": new_id(), "object": name, "timeCreated": now_text(),
                      "facts": facts, "if_none_match": if_none_match, "parts": {}}
            self.uploads[upload["uploadId"]] = upload
            return upload

    def upload(self, name, upload_id):
        with self.lock:
            upload = self.uploads.get(upload_id)
            if not upload or upload["object"] != name:
                raise Missing(upload_id)
            return upload

    def put_part(self, name, upload_id, number, received):
        with self.lock:
            upload = self.upload(name, upload_id)
            old = upload["parts"].get(number)
            part = {"file": new_id(), "etag": new_id(), "size": received.size,
                    "md5": received.digest("md5")}
            os.rename(received.path, os.path.join(self.directory, "data", part["file"]))
            upload["parts"][number] = part
            if old:
                os.unlink(os.path.join(self.directory, "data", old["file"]))
            return part

    def commit(self, name, upload_id, numbers, if_match, if_none_match):
        with self.lock:
            upload = self.upload(name, upload_id)
            self.check(name, if_match, if_none_match or upload["if_none_match"])
            parts = [upload["parts"][number] for number in numbers]
            digest = hashlib.md5(b"".join(base64.b64decode(part["md5"]) for part in parts)).digest()
            moment = now_text()
            entry = {"name": name, "etag": new_id(), "size": sum(part["size"] for part in parts),
                     "md5": None, "segments": [[part["file"], part["size"]] for part in parts],
                     "multipart_md5": f"{base64.b64encode(digest).decode()}-{len(parts)}",
                     "timeCreated": moment, "timeModified": moment, **upload["facts"]}
            self._replace(name, entry)
            for number, part in upload["parts"].items():
                if number not in numbers:
                    os.unlink(os.path.join(self.directory, "data", part["file"]))
            del self.uploads[upload_id]
            return entry

    def abort(self, name, upload_id):
        with self.lock:
            upload = self.upload(name, upload_id)
            for part in upload["parts"].values():
                os.unlink(os.path.join(self.directory, "data", part["file"]))
            del self.uploads[upload_id]


def wipe_unfinished(root):
    """Deletes what a killed process left half received."""
    buckets = os.path.join(root, "buckets")
    for name in os.listdir(buckets) if os.path.isdir(buckets) else []:
        shutil.rmtree(os.path.join(buckets, name, "incoming"), ignore_errors=True)

# SPDX-License-Identifier: MIT
"""Objects of journaled calls: sent under a temporary name, renamed into place, and what became of a rename."""
import time

from test_object_storage import BUCKET, FOLDER, MIB, StorageTest, md5
from web_common import admin, main, object_bytes


class Staged(StorageTest):
    """What a journal keeps goes to a temporary object first."""
    RENAME = {"method": "POST", "path_regex": "renameObject"}

    def setUp(self):
        super().setUp()
        self.connect("OS", multipart_threshold="1MiB", part_size="1MiB")

    def storing(self, name, data, **more):
        return super().storing(name, data, journaled=True, **more)

    def test_it_is_renamed_into_place(self):
        for name, data in (("empty.csv", b""), ("small.csv", b"1"), ("large.csv", b"x" * (2 * MIB))):
            answer = self.good(**self.storing(name, data))
            self.assertEqual((answer["name"], answer["etag"]), (name, self.objects()[name]["etag"]))
            self.assertEqual(object_bytes(self.peer, BUCKET, name), data)
        self.assertEqual(set(self.objects()), {"empty.csv", "small.csv", "large.csv"})
        self.assertEqual(len(self.requests("rename_object")), 3)

    def test_a_rename_that_was_refused_leaves_nothing(self):
        for status, code, kind in ((403, "NotAllowed", "denied"), (412, "IfNoneMatchFailed", "exists"),
                                   (409, "IncorrectState", "unavailable"), (429, "TooManyRequests", "unavailable")):
            self.fault({"match": self.RENAME, "action": "status", "status": status,
                        "body": {"code": code, "message": "x"}})
            self.assertEqual(self.bad_store(kind)["left"], "")
            self.assertEqual(self.objects(), {})

    def test_a_rename_that_was_done_but_refused(self):
        """As where a gateway asks twice, and tells how the second one met the first one's success."""
        for status, code in ((412, "IfNoneMatchFailed"), (404, "ObjectNotFound"), (409, "ConcurrentObjectUpdate")):
            self.fault({"match": self.RENAME, "action": "untrue", "status": status,
                        "body": {"code": code, "message": "x"}})
            answer = self.good(**self.storing(f"{status}.csv", b"content"))
            self.assertEqual(answer["etag"], self.objects()[f"{status}.csv"]["etag"])
        self.assertEqual(set(self.objects()), {"412.csv", "404.csv", "409.csv"})

    def test_a_store_that_was_done_but_refused(self):
        """The temporary name is ours alone: what has it is what was sent."""
        put, commit = {"method": "PUT", "path_regex": "/o/"}, {"method": "POST", "path_regex": "/u/"}
        for match, status, code in ((put, 412, "IfNoneMatchFailed"), (put, 409, "ConcurrentObjectUpdate"),
                                    (commit, 412, "IfNoneMatchFailed"), (commit, 409, "ConcurrentObjectUpdate"),
                                    (commit, 404, "NoSuchUpload")):
            with self.subTest(method=match["method"], status=status):
                self.fault({"match": match, "action": "untrue", "status": status,
                            "body": {"code": code, "message": "x"}})
                data = b"1" if match is put else b"x" * (2 * MIB)
                self.assertEqual(self.good(**self.storing("x.csv", data))["left"], "")
                self.assertEqual(object_bytes(self.peer, BUCKET, "x.csv"), data)
                self.assertEqual(set(self.objects()), {"x.csv"})
                admin(self.peer, "DELETE", f"/_objects/{BUCKET}/x.csv")

    def test_a_temporary_name_is_never_said_to_be_taken(self):
        """That is no conflict of the file's own name."""
        for on_conflict in ("fail", "number"):
            self.connect("OS", on_conflict=on_conflict)
            self.fault({"match": {"method": "PUT", "path_regex": "/o/"}, "action": "status", "status": 412,
                        "body": {"code": "IfNoneMatchFailed", "message": "x"}})
            self.bad_store("broken", "as if its temporary name")
            self.assertEqual(self.objects(), {})

    def test_a_404_of_the_bucket_is_no_rename(self):
        gone = {"action": "status", "status": 404, "body": {"code": "BucketNotFound", "message": "x"}}
        self.fault({"match": self.RENAME, **gone}, {"match": {"method": "HEAD", "path_regex": "part"}, **gone},
                   {"match": {"method": "GET", "query_regex": "prefix=sluice"}, **gone})
        self.assertTrue(self.bad_store("unknown")["announced"]["publishing"])
        self.assertEqual(len(self.objects()), 1)

    def test_a_page_that_proves_nothing_is_no_rename(self):
        """It is empty and not the last one, or names what has no size."""
        doubt = self.lose_rename()
        for page in ({"objects": [], "nextStartWith": doubt["temporary"]}, {"objects": [{"name": doubt["temporary"]}]}):
            self.fault({"match": {"method": "HEAD", "path_regex": "part"}, "action": "status", "status": 404},
                       {"match": {"method": "GET", "query_regex": "prefix=sluice"}, "action": "status", "status": 200,
                        "body": page})
            self.bad_store("unknown", "tells nothing of", doubt=doubt)
        self.assertEqual(set(self.objects()), {doubt["temporary"]})

    def lose_rename(self, **how):
        """The answer to a rename is one that does not tell what it did, or does, or will do."""
        self.fault({"match": self.RENAME, "action": "status", "status": 504, **how})
        answer = self.bad_store("unknown", "504")
        self.assertEqual((answer["left"], answer["announced"]["publishing"]), ("", True))
        self.assertEqual(set(self.objects()) - {"taken0"}, {answer["announced"]["temporary"]})
        return answer["announced"]

    def test_a_lost_rename_is_asked_for_again(self):
        doubt = self.lose_rename()
        self.assertEqual(self.good(**self.storing("x.csv", b"content"), doubt=doubt)["digest"], md5(b"content"))
        self.assertEqual(object_bytes(self.peer, BUCKET, "x.csv"), b"content")
        self.assertEqual((len(self.objects()), len(self.requests("put_object"))), (1, 1))

    def test_a_lost_rename_that_is_done_after_the_look(self):
        """A reader has taken it by then."""
        doubt = self.lose_rename()
        renaming = {"do": "rename", "connection": "OS", "folder": FOLDER, "from": doubt["temporary"], "to": "taken"}
        self.good(**renaming)
        self.good(**self.storing("x.csv", b"content"), doubt=doubt)
        self.assertEqual(set(self.objects()), {"taken"})
        self.assertEqual(len(self.requests("put_object")), 1)

    def test_a_lost_rename_stays_in_doubt_while_nobody_answers(self):
        doubt = self.lose_rename()
        refused = {"action": "status", "status": 503, "body": {"code": "ServiceUnavailable", "message": "x"}}
        for faults in ([{"match": self.RENAME, **refused}],
                       [{"match": self.RENAME, "action": "drop_reply", "times": 0},
                        {"match": {"method": "HEAD", "path_regex": "part"}, **refused, "skip": 1}]):
            self.fault(*faults)
            answer = self.bad_store("unknown", doubt=doubt)
            self.assertTrue(answer["announced"]["publishing"] or not answer["announced"]["temporary"])
            self.assertEqual(answer["left"], "")
            admin(self.peer, "DELETE", "/_faults")
            if faults[0]["action"] == "drop_reply":
                self.assertEqual(set(self.objects()), {"x.csv"})
                self.good(do="rename", connection="OS", folder=FOLDER, **{"from": "x.csv", "to": doubt["temporary"]})
        self.assertEqual(set(self.objects()), {doubt["temporary"]})
        self.assertEqual(len(self.requests("put_object")), 1)

    def test_a_refused_one_whose_removal_was_lost(self):
        """Removed or not, that is no rename: it is sent anew."""
        for number, removal in enumerate(({"action": "untrue", "status": 504}, {"action": "status", "status": 504})):
            doubt = self.lose_rename()
            self.fault({"match": self.RENAME, "action": "status", "status": 403,
                        "body": {"code": "NotAllowed", "message": "x"}},
                       {"match": {"method": "DELETE"}, "body": {"code": "x", "message": "x"}, **removal})
            answer = self.bad_store("unknown", "NotAllowed", doubt=doubt)
            self.assertEqual((answer["left"], answer["announced"]["publishing"]), ("", False))
            self.good(**self.storing("x.csv", b"content"), doubt=answer["announced"])
            self.assertEqual(set(self.objects()) - {"taken0"}, {"x.csv"})
            self.good(do="rename", connection="OS", folder=FOLDER, **{"from": "x.csv", "to": f"taken{number}"})

    def test_a_refused_one_that_was_renamed_before_it_was_removed(self):
        """A gateway's other request did it: in the call, and in the look at a removal that left no answer."""
        self.fault({"match": self.RENAME, "action": "status", "status": 409,
                    "body": {"code": "ConcurrentObjectUpdate", "message": "x"}},
                   {"match": {"method": "DELETE"}, "action": "delay", "seconds": 4})
        storing = self.start_driver([self.storing("late.csv", b"content")])
        deadline = time.monotonic() + 3
        while not any(one["method"] == "HEAD" and "part" in one["path"] for one in self.requests()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        temporary = next(iter(self.objects()))
        self.good(do="rename", connection="OS", folder=FOLDER, **{"from": temporary, "to": "late.csv"})
        answer = self.finish_driver(storing)[0]
        self.assertTrue(answer["ok"], answer)
        self.assertEqual(answer["etag"], self.objects()["late.csv"]["etag"])
        doubt = {"temporary": temporary, "name": "late.csv", "size": 7, "version": md5(b"content"),
                 "publishing": False, "is_object": True}
        self.assertEqual(self.good(**self.storing("late.csv", b"content"), doubt=doubt)["digest"], md5(b"content"))
        self.assertEqual(len(self.requests("put_object")), 1)

    def test_where_neither_renaming_nor_removing_is_allowed(self):
        doubt = self.lose_rename()
        refused = {"action": "status", "status": 403, "body": {"code": "NotAllowed", "message": "x"}}
        self.fault({"match": self.RENAME, **refused}, {"match": {"method": "DELETE"}, **refused})
        answer = self.bad_store("denied", "NotAllowed", doubt=doubt)
        self.assertEqual((answer["left"], answer["settled"]), (doubt["temporary"], True))

    def test_a_rename_that_may_come_yet_is_not_sent_anew(self):
        """A gateway's first request for it is at work, so that neither a second one nor a removal is taken. At the
        next look that is so, too."""
        busy = {"action": "status", "status": 409, "body": {"code": "ConcurrentObjectUpdate", "message": "x"}}
        self.fault({"match": self.RENAME, **busy}, {"match": {"method": "DELETE"}, **busy, "times": 2})
        doubt = {**self.bad_store("unknown", "ConcurrentObjectUpdate")["announced"], "is_object": True}
        self.assertEqual((doubt["publishing"], doubt["version"]), (False, md5(b"content")))
        self.assertEqual(self.bad_store("unknown", "cannot be removed", doubt=doubt)["left"], "")
        self.good(do="rename", connection="OS", folder=FOLDER, **{"from": doubt["temporary"], "to": "x.csv"})
        self.good(**self.storing("x.csv", b"content"), doubt=doubt)
        self.assertEqual((set(self.objects()), len(self.requests("put_object"))), ({"x.csv"}, 1))

    def refused_with(self, *faults):
        """Of a rename that may be at work; the temporary object stays where it is."""
        self.fault({"match": self.RENAME, "action": "status", "status": 409,
                    "body": {"code": "ConcurrentObjectUpdate", "message": "x"}}, *faults)
        return self.bad_store("unknown")

    def test_a_removal_that_is_refused_ends_no_rename(self):
        for status, body in ((404, {"code": "BucketNotFound", "message": "x"}), (404, {"message": "no route"}),
                             (404, {"code": "NotAuthorizedOrNotFound", "message": "x"}),
                             (403, {"code": "NotAllowed", "message": "x"})):
            with self.subTest(status=status, body=body):
                answer = self.refused_with({"match": {"method": "DELETE"}, "action": "status", "status": status,
                                            "body": body})
                self.assertEqual((answer["left"], answer["announced"]["publishing"]), ("", False))
                doubt, puts = {**answer["announced"], "is_object": True}, len(self.requests("put_object"))
                self.good(do="rename", connection="OS", folder=FOLDER, **{"from": doubt["temporary"], "to": "x.csv"})
                self.good(**self.storing("x.csv", b"content"), doubt=doubt)
                self.assertEqual(len(self.requests("put_object")), puts)
                admin(self.peer, "DELETE", f"/_objects/{BUCKET}/x.csv")

    def test_who_may_neither_rename_nor_remove_hears_of_it(self):
        """Once: it is not sent again and again because its removal is refused as well."""
        for status, code, kind in ((404, "BucketNotFound", "not_found"), (404, "NotAuthorizedOrNotFound", "not_found"),
                                   (409, "RetentionRuleViolation", "refused")):
            for has_doubt in (False, True):
                with self.subTest(code=code, has_doubt=has_doubt):
                    how = {"doubt": self.lose_rename()} if has_doubt else {}
                    refused = {"action": "status", "status": status, "body": {"code": code, "message": "x"}}
                    self.fault({"match": self.RENAME, **refused}, {"match": {"method": "DELETE"}, **refused})
                    answer = self.bad_store(kind, code, **how)
                    self.assertEqual({answer["left"]}, set(self.objects()))
                    admin(self.peer, "DELETE", f"/_objects/{BUCKET}/{answer['left']}")

    def test_a_look_that_fails_ends_no_rename(self):
        """The temporary object is gone, and whether its bytes are under the name cannot be seen."""
        answer = self.refused_with(
            {"match": {"method": "DELETE"}, "action": "status", "status": 404,
             "body": {"code": "ObjectNotFound", "message": "x"}},
            {"match": {"method": "HEAD", "path_regex": "x.csv"}, "skip": 1, "action": "status", "status": 503})
        doubt = {**answer["announced"], "is_object": True}
        self.good(do="rename", connection="OS", folder=FOLDER, **{"from": doubt["temporary"], "to": "x.csv"})
        self.fault({"match": {"method": "HEAD", "path_regex": "x.csv"}, "action": "status", "status": 503})
        self.bad_store("unknown", doubt=doubt)
        self.good(**self.storing("x.csv", b"content"), doubt=doubt)
        self.assertEqual((set(self.objects()), len(self.requests("put_object"))), ({"x.csv"}, 1))

    def test_removing_is_bounded_by_its_call(self):
        self.fault({"match": {"method": "DELETE"}, "action": "delay", "seconds": 20})
        begun = time.monotonic()
        self.bad("unavailable", "could not be removed", do="discard", connection="OS", folder=FOLDER,
                 is_object=True, deadline_ms=1000, doubt={"temporary": "sluice-x.part", "name": "x.csv"})
        self.assertLess(time.monotonic() - begun, 4)

    def test_what_may_not_be_removed_is_told_from_what_cannot_be_now(self):
        """Uploads in parts as well: the one is forgotten in the end, the other one is not."""
        for status, code, kind in ((403, "NotAllowed", "refused"), (503, "ServiceUnavailable", "unavailable"),
                                   (404, "BucketNotFound", "refused"), (409, "RetentionRuleViolation", "refused"),
                                   (409, "ConcurrentObjectUpdate", "unavailable"), (405, "x", "refused"),
                                   (401, "NotAuthenticated", "unavailable")):
            for is_object in (True, False):
                self.fault({"match": {"method": "DELETE"}, "action": "status", "status": status,
                            "body": {"code": code, "message": "x"}})
                self.bad(kind, "could not be removed", do="discard", connection="OS", folder=FOLDER,
                         is_object=is_object, doubt={"temporary": "sluice-x.part", "name": "x.csv"})

    def test_a_lost_rename_whose_name_was_taken(self):
        doubt = self.lose_rename()
        self.seed("x.csv", b"foreign")
        self.bad_store("exists", doubt=doubt)
        self.assertEqual(object_bytes(self.peer, BUCKET, "x.csv"), b"foreign")
        self.assertEqual(set(self.objects()), {"x.csv"})

    def test_a_stop_does_not_end_a_rename(self):
        """It is being done while the call is over: what it did would not be known."""
        for ending in ("stop_after_ms", "deadline_ms"):
            self.fault({"match": self.RENAME, "action": "delay", "seconds": 4})
            self.good(**self.storing(ending, b"content"), **{ending: 3000})
            self.assertIn(ending, self.objects())

    def test_what_may_be_stored_yet_is_noted(self):
        sending = {"method": "PUT", "path_regex": "/o/"}
        self.fault({"match": sending, "action": "delay", "seconds": 4})
        left = [self.bad_store("cancelled", stop_after_ms=3000)["left"]]
        self.fault({"match": sending, "action": "status", "status": 504})
        left.append(self.bad_store("unavailable")["left"])
        for name in left:
            self.assertRegex(name, "^sluice-.*part$")
        deadline = time.monotonic() + 30
        while not self.objects() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(set(self.objects()), {left[0]})

    def test_what_is_stored_and_cannot_be_looked_at_is_noted(self):
        self.fault({"match": {"method": "PUT", "path_regex": "/o/"}, "action": "untrue", "status": 200, "body": {}},
                   {"match": {"method": "HEAD", "path_regex": "part"}, "action": "status", "status": 503})
        self.assertEqual({self.bad_store("unavailable")["left"]}, set(self.objects()))

    def test_one_that_arrived_damaged_is_removed(self):
        """Its answer is lost as well, so that a look tells."""
        self.fault({"match": {"method": "PUT", "path_regex": "/o/"}, "action": "drop_reply"},
                   {"match": {"method": "HEAD", "path_regex": "part"}, "action": "status", "status": 200,
                    "headers": {"content-length": "7", "etag": "e", "opc-content-md5": md5(b"other")}})
        self.bad_store("broken", "removed again")
        self.assertEqual(self.objects(), {})


class Marked(StorageTest):
    """A rename at the source."""
    MARK = {"do": "rename", "connection": "OS", "folder": FOLDER, "from": "a.csv", "to": "SENT-a.csv",
            "journaled": True}
    RENAME = {"method": "POST", "path_regex": "renameObject"}

    def refusal(self, status, code, action="status"):
        return {"action": action, "status": status, "body": {"code": code, "message": "x"}}

    def setUp(self):
        super().setUp()
        self.seed("a.csv", b"1")

    def lose(self):
        self.fault({"match": self.RENAME, **self.refusal(503, "ServiceUnavailable")})
        return self.bad("unknown", "503", **self.MARK)["announced"]

    def test_a_lost_one_is_asked_for_again(self):
        doubt = self.lose()
        self.assertEqual(self.good(**self.MARK, doubt=doubt)["name"], "SENT-a.csv")
        self.assertEqual(set(self.objects()), {"SENT-a.csv"})

    def test_a_lost_one_stays_lost_where_nobody_hears_of_it(self):
        """Who is not let in, told to wait or sent elsewhere: the first one may be done yet."""
        doubt = self.lose()
        for status, code in ((401, "NotAuthenticated"), (429, "TooManyRequests"), (307, "Moved")):
            with self.subTest(status=status):
                self.fault({"match": self.RENAME, **self.refusal(status, code)})
                self.bad("unknown", str(status), **self.MARK, doubt=doubt)
        self.assertEqual(self.good(**self.MARK, doubt=doubt)["name"], "SENT-a.csv")

    def test_a_lost_one_that_is_done_after_the_look(self):
        doubt = self.lose()
        self.fault({"match": self.RENAME, **self.refusal(404, "ObjectNotFound", "untrue")},
                   {"match": {"method": "HEAD", "path_regex": "/a.csv"}, "skip": 1,
                    **self.refusal(404, "ObjectNotFound")})
        self.assertEqual(self.good(**self.MARK, doubt=doubt)["name"], "SENT-a.csv")
        self.assertEqual(set(self.objects()), {"SENT-a.csv"})

    def test_a_lost_one_that_is_done_before_the_next_file_comes(self):
        """Which has the name at once."""
        doubt = self.lose()
        self.fault({"match": self.RENAME, **self.refusal(404, "ObjectNotFound", "untrue")},
                   {"match": {"method": "HEAD", "path_regex": "/a.csv"}, "skip": 1, "action": "status", "status": 200,
                    "headers": {"content-length": "1", "etag": "the next file's"}})
        self.assertEqual(self.good(**self.MARK, doubt=doubt)["name"], "SENT-a.csv")

    def test_done_but_refused(self):
        """Not believed before both names have been seen."""
        self.fault({"match": self.RENAME, **self.refusal(404, "ObjectNotFound", "untrue")},
                   {"match": {"method": "HEAD", "path_regex": "SENT"}, **self.refusal(503, "ServiceUnavailable")})
        doubt = self.bad("unknown", "404", **self.MARK)["announced"]
        self.assertEqual(self.good(**self.MARK, doubt=doubt)["name"], "SENT-a.csv")

    def test_refused_and_not_done(self):
        self.fault({"match": self.RENAME, **self.refusal(412, "IfNoneMatchFailed")})
        self.bad("exists", "taken", **self.MARK)
        self.objects()["a.csv"]

    def test_taken_away_meanwhile(self):
        self.fault({"match": self.RENAME, **self.refusal(404, "ObjectNotFound")},
                   {"match": {"method": "HEAD", "path_regex": "/a.csv"}, "skip": 1,
                    **self.refusal(404, "ObjectNotFound")},
                   {"match": {"method": "GET", "query_regex": "prefix=a.csv"}, "action": "status", "status": 200,
                    "body": {"objects": []}})
        self.bad("not_found", "404", **self.MARK)


if __name__ == "__main__":
    main()

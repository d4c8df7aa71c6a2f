# SPDX-License-Identifier: MIT
"""What became of a file, where an FTP server answers late, wrongly or not at all.

  test_ftp_doubt.py DRIVER [unittest arguments]
"""
import os
import sys
import unittest

import test_ftp_script as script
from test_ftp_script import ANSWERED, HANG_UP, LINE, ScriptTest

TEMPORARY = "sluice-I-1-2.part"
DATA = b"0123456789"
BUSY = "550 The process cannot access the file because it is being used by another process."
VAGUE = "550 Could not get file size."


def renames(files, old, new):
    files[new] = files.pop(old)


def is_taken_at_once(files, old, _):
    files.pop(old)


class Doubt(ScriptTest):
    """A file of ten bytes was to become t.csv, or s.csv to be marked, when the call before ended."""

    def doubt(self, temporary=TEMPORARY, name="t.csv"):
        return {"instance": "I", "doubt": {"publishing": True, "temporary": temporary, "name": name,
                                           "size": len(DATA)}}

    def store_again(self, server):
        return self.drive(server, self.store_step(), call=self.doubt())

    def mark_again(self, server):
        return self.drive(server, {"do": "rename", "from": "s.csv", "to": "SENT-s.csv"},
                          call=self.doubt("s.csv", "SENT-s.csv"))

    def sent(self, server):
        return sum(one.startswith("STOR") for one in server.commands)

    def test_a_name_that_is_listed_is_not_gone(self):
        for words in (BUSY, VAGUE):
            server = self.serve({TEMPORARY: DATA}, SIZE=words)
            self.fails(self.store_again(server), "unknown", "t.csv", "cannot be told")
            self.only(server, TEMPORARY)
            server = self.serve({"s.csv": DATA}, SIZE=words)
            self.fails(self.mark_again(server), "unknown", "s.csv")
            self.only(server, "s.csv")

    def test_a_name_that_is_not_listed_is_gone(self):
        server = self.serve({}, SIZE=VAGUE)
        self.assertEqual(self.succeeds(self.store_again(server))["name"], "t.csv")
        self.assertEqual(self.sent(server), 0)
        self.assertEqual(self.succeeds(self.mark_again(server))["name"], "SENT-s.csv")

    def test_no_listing_is_no_proof(self):
        cut = (LINE % (1, "other.csv")).encode()
        refusals = ("550 no", "450 No files found", "425 no data connection", HANG_UP,
                    lambda session, _: session.send(cut, "426 broken") or ANSWERED,
                    lambda session, _: session.send(b"what is this?\r\n") or ANSWERED)
        for refusal in refusals:
            server = self.serve({TEMPORARY: DATA}, SIZE=VAGUE, LIST=refusal)
            self.fails(self.store_again(server), "unknown", "t.csv")
            self.only(server, TEMPORARY)

    def test_a_whole_one_is_published(self):
        server = self.serve({TEMPORARY: DATA})
        self.succeeds(self.store_again(server))
        self.only(server, "t.csv")
        self.assertEqual(self.sent(server), 0)
        self.assertNotIn("LIST", server.commands[:6])

    def test_the_earlier_rename_is_done_only_now(self):
        def late(session, _):
            renames(session.server.files, TEMPORARY, "t.csv")
        for verb in ("CWD", "RNFR"):
            server = self.serve({TEMPORARY: DATA})
            looks = []

            def after_the_look(session, name, looks=looks):
                looks.append(name)
                if len(looks) == (3 if verb == "CWD" else 1):
                    late(session, name)
            server.replies["SIZE" if verb == "CWD" else "RNFR"] = after_the_look
            self.succeeds(self.store_again(server))
            self.only(server, "t.csv")
            self.assertEqual(self.sent(server), 0)

    def test_the_earlier_mark_is_done_only_now(self):
        for at in (1, 2, 3, 4):
            server = self.serve({"s.csv": DATA})
            looks = []

            def size(session, name, looks=looks, at=at):
                looks.append(name)
                if len(looks) == at + 1:
                    renames(session.server.files, "s.csv", "SENT-s.csv")
            server.replies["SIZE"] = size
            self.succeeds(self.mark_again(server))
            self.only(server, "SENT-s.csv")


    def test_two_equal_names_may_be_a_copy(self):
        """Of a server that renames by copying, and was cut off before it removed the old name. A reader may take
        the copy then: what was once seen is remembered."""
        def check(server, doubt, *names):
            answer = self.drive(server, self.store_step(), call=doubt)
            self.fails(answer, "unknown", f"'{TEMPORARY}' and 't.csv' were there at once")
            self.only(server, *names)

        def copy(session, name):
            session.server.files[name] = session.server.files[session.renaming]
            return HANG_UP
        server = self.serve({TEMPORARY: DATA}, RNTO=copy)
        check(server, self.doubt(), TEMPORARY, "t.csv")
        doubt = self.doubt()
        check(server, doubt, TEMPORARY, "t.csv")
        doubt["doubt"]["version"] = "copied?"
        del server.files["t.csv"]
        check(server, doubt, TEMPORARY)
        server.files.clear()
        self.succeeds(self.drive(server, self.store_step(), call=doubt))
        self.assertEqual((self.sent(server), server.files), (0, {}))

    def test_a_copy_that_is_not_whole_yet(self):
        for how in ({}, {"on_conflict": "number"}):
            server = self.serve({TEMPORARY: DATA, "t.csv": DATA[:4]})
            answer = self.drive(server, self.store_step(), call=self.doubt(), **how)
            self.fails(answer, "unknown", "were there at once")
            self.only(server, TEMPORARY, "t.csv")

    def test_a_removal_that_was_cut_off_keeps_the_doubt(self):
        """The rename had been asked for before: what became of it is not forgotten."""
        doubt = self.doubt()
        doubt["doubt"].update(publishing=False, version="asked")
        server = self.serve({TEMPORARY: DATA}, DELE=BUSY)
        self.fails(self.drive(server, self.store_step(), call=doubt), "unknown", "nor whether it is removed")
        self.only(server, TEMPORARY)
        server = self.serve({TEMPORARY: DATA, "t.csv": DATA})
        self.fails(self.drive(server, self.store_step(), call=doubt), "unknown", "are there at once")
        server = self.serve({"t.csv": DATA})
        self.succeeds(self.drive(server, self.store_step(), call=doubt))
        self.assertEqual(self.sent(server), 0)
        for files in ({}, {TEMPORARY: DATA}):
            server = self.serve(files)
            self.succeeds(self.drive(server, self.store_step(), call=doubt))
            self.assertEqual(self.sent(server), 1)
            self.only(server, "t.csv")

    def test_an_earlier_removal_that_comes_late_is_no_rename(self):
        """It is done between the look and the second one, or makes that one wait."""
        def late(session, name):
            session.server.files.pop(name, None)
            return "550 no such file"
        doubt = self.doubt()
        doubt["doubt"].update(publishing=False, version="asked")
        server = self.serve({TEMPORARY: DATA}, DELE=late)
        self.succeeds(self.drive(server, self.store_step(), call=doubt))
        self.assertEqual((self.sent(server), server.files), (1, {"t.csv": DATA}))

    def test_the_earlier_rename_is_done_before_the_removal(self):
        """The new name was another's at the look."""
        server = self.serve({TEMPORARY: DATA, "t.csv": DATA + b"!"},
                            DELE=lambda session, _: renames(session.server.files, TEMPORARY, "t.csv"))
        self.assertEqual(self.succeeds(self.store_again(server))["name"], "t.csv")
        self.assertEqual((self.sent(server), server.files), (0, {"t.csv": DATA}))

    def test_two_names_are_no_copy_where_they_differ_or_are_overwritten(self):
        server = self.serve({TEMPORARY: DATA, "t.csv": DATA + b"!"})
        self.fails(self.store_again(server), "exists", "t.csv")
        self.only(server, "t.csv")
        server = self.serve({TEMPORARY: DATA, "t.csv": DATA})
        self.succeeds(self.drive(server, self.store_step(), call=self.doubt(), on_conflict="overwrite"))
        self.only(server, "t.csv")

    def test_an_earlier_rename_that_is_at_work_yet(self):
        """Where neither a second one nor a removal is let through, it may come yet; what was removed cannot."""
        server = self.serve({TEMPORARY: DATA}, RNTO=BUSY, DELE=BUSY)
        self.fails(self.store_again(server), "unknown", TEMPORARY, "nor whether it is removed")
        self.only(server, TEMPORARY)
        self.assertEqual(self.sent(server), 0)
        del server.replies["DELE"]
        self.fails(self.store_again(server), "refused", "being used by another process")
        self.only(server)


class Refused(ScriptTest):
    def once(self, effect, says):
        """The first RNTO has that effect and that answer."""
        asked = []

        def rename(session, name):
            asked.append(name)
            if len(asked) > 1:
                return None
            effect(session.server.files, session.renaming, name)
            return says
        return rename

    def test_done_all_the_same(self):
        for says in ("451 Rename/move failure", "550 no", "553 no", "450 busy"):
            server = self.serve(RNTO=self.once(renames, says))
            self.succeeds(self.drive(server, self.store_step()))
            self.only(server, "t.csv")
            server = self.serve(RNTO=self.once(is_taken_at_once, says))
            self.succeeds(self.drive(server, self.store_step()))
            self.only(server)
            server = self.serve({"s.csv": DATA}, RNTO=self.once(renames, says))
            self.succeeds(self.drive(server, {"do": "rename", "from": "s.csv", "to": "SENT-s.csv"}))
            self.only(server, "SENT-s.csv")

    def test_done_after_the_look(self):
        """It is still there when that is looked at, and gone when it is to be removed."""
        for effect in (renames, is_taken_at_once):
            late = []

            def remove(session, name, late=late, effect=effect):
                effect(session.server.files, *late.pop())
            server = self.serve(RNTO=self.once(lambda files, *names: late.append(names), "451 timed out"), DELE=remove)
            answer = self.succeeds(self.drive(server, self.store_step()))
            self.assertEqual((answer["name"], answer["size"]), ("t.csv", len(DATA)))
            self.only(server, *["t.csv"][:effect is renames])

    def test_gone_without_a_rename(self):
        """Somebody has removed it before the server was asked to rename it."""
        server = self.serve(RNFR=lambda session, name: server.files.pop(name) and None)
        self.assertFalse(self.drive(server, self.store_step())["ok"])

    def test_not_done_and_the_look_is_refused(self):
        server = self.serve(RNTO="550 no")
        server.replies["SIZE"] = lambda session, name: VAGUE if session.renaming or server.logins > 1 else None
        self.fails(self.drive(server, self.store_step()), "unknown", "t.csv", "both names")
        self.assertEqual([name.endswith(".part") for name in server.files], [True])

    def test_lost_and_the_look_is_refused(self):
        server = self.serve(RNTO=HANG_UP)
        server.replies["SIZE"] = lambda session, name: VAGUE if server.logins > 1 else None
        self.fails(self.drive(server, self.store_step()), "unknown", "t.csv", "both names")
        self.assertEqual([name.endswith(".part") for name in server.files], [True])

    def test_lost_and_done_after_the_look(self):
        for effect in (renames, is_taken_at_once):
            for verb in ("RNFR", "RNTO"):
                late = []

                def act(session, name, late=late, verb=verb, effect=effect):
                    if late and verb == "RNFR":
                        effect(session.server.files, *late.pop())

                def rename(session, name, late=late, verb=verb, effect=effect):
                    if verb == "RNTO" and late:
                        effect(session.server.files, *late.pop())
                        return "550 no such file"
                    late.append((session.renaming, name))
                    return HANG_UP
                server = self.serve(RNTO=rename, RNFR=act)
                self.succeeds(self.drive(server, self.store_step()))
                self.only(server, *["t.csv"][:effect is renames])

    def test_lost_and_refused_stays_in_doubt(self):
        replies = iter([HANG_UP, "553 no"])
        server = self.serve(RNTO=lambda session, name: next(replies))
        self.fails(self.drive(server, self.store_step()), "unknown", "t.csv", "553")
        self.assertEqual(len(server.files), 1)


class Lost(ScriptTest):
    """The control connection is lost while or after the bytes are sent."""

    def lose(self, size):
        def store(session, name):
            received = session.receive()
            session.server.files.setdefault(name, received[:size])
            return HANG_UP
        return store

    def test_what_arrived_whole_is_not_sent_again(self):
        for data in (DATA, b"", b"x" * 3000000):
            server = self.serve(STOR=self.lose(len(data)))
            self.assertEqual(self.succeeds(self.drive(server, self.store_step(data)))["size"], len(data))
            self.assertEqual(server.files, {"t.csv": data})
            self.assertEqual(server.logins, 2)

    def test_what_arrived_short_is_not_published(self):
        server = self.serve(STOR=self.lose(9))
        self.assertFalse(self.drive(server, self.store_step())["ok"])
        self.only(server)

    def test_the_other_name_is_looked_at_again(self):
        def store(session, name):
            session.server.files["t.csv"] = b"foreign"
            return self.lose(len(DATA))(session, name)
        server = self.serve(STOR=store)
        self.fails(self.drive(server, self.store_step()), "exists")
        self.assertEqual(server.files, {"t.csv": b"foreign"})

    def test_no_look_no_publication(self):
        server = self.serve(STOR=self.lose(len(DATA)))
        server.replies["USER"] = lambda session, _: "421 later" if server.logins else None
        self.assertFalse(self.drive(server, self.store_step())["ok"])
        self.assertEqual([name.endswith(".part") for name in server.files], [True])


class Looking(ScriptTest):
    def test_a_name_that_is_held_is_not_free(self):
        server = self.serve({"t.csv": b"old"})
        server.replies["SIZE"] = lambda session, name: BUSY if name == "t.csv" else None
        self.fails(self.drive(server, self.store_step()), "unavailable", "t.csv", "550", "later")
        self.assertEqual(server.files, {"t.csv": b"old"})
        server.replies["SIZE"] = lambda session, name: "550 Permission denied" if name == "t.csv" else None
        self.fails(self.drive(server, self.store_step()), "denied", "t.csv", "550", "permissions")
        self.assertEqual(server.files, {"t.csv": b"old"})

    def test_words_of_the_name_are_not_the_servers(self):
        for says in ("550 /in/denied-locked.csv: No such file", "550 denied-locked.csv: cannot tell"):
            server = self.serve()
            server.replies["SIZE"] = lambda session, name, says=says: None if name in server.files else says
            self.succeeds(self.drive(server, self.store_step(name="denied-locked.csv")))

    def test_a_short_name_is_not_looked_for_within_words(self):
        server = self.serve({"de": b"old"})
        server.replies["SIZE"] = lambda session, name: "550 Access is denied" if name == "de" else None
        self.fails(self.drive(server, self.store_step(name="de")), "denied", "550", "permissions")
        self.assertEqual(server.files, {"de": b"old"})

    def test_no_more_is_asked_where_nothing_is_in_doubt(self):
        server = self.serve()
        self.succeeds(self.drive(server, self.store_step()))
        verbs = [one.split()[0] for one in server.commands]
        self.assertEqual(verbs[verbs.index("CWD"):], ["CWD", "EPSV", "TYPE", "STOR", "SIZE", "SIZE", "RNFR",
                                                       "RNTO"] + verbs[verbs.index("RNTO") + 1:])
        self.assertNotIn("LIST", verbs)

    def test_a_file_that_cannot_be_removed_is_not_gone(self):
        server = self.serve(STOR=lambda session, name: session.server.files.update(
            {name: session.receive()[:3]}) or "451 no", DELE="550 no", SIZE=VAGUE)
        self.fails(self.drive(server, self.store_step()), "limit")
        self.assertIn("LIST", server.commands)


if __name__ == "__main__":
    script.DRIVER = os.path.realpath(sys.argv.pop(1))
    unittest.main()

# SPDX-License-Identifier: MIT
"""Folders and their listings: the transfer layer against the scripted FTP server of test_ftp_script.py.

  test_ftp_script_folders.py DRIVER [unittest arguments]
"""
import os
import posixpath
import sys
import unittest

import test_ftp_script
from test_ftp_script import ANSWERED, HANG_UP, LINE, ScriptTest


class Listing(ScriptTest):
    FILES = {"a.csv": b"1", "b.csv": b"12"}

    def test_no_feat_no_mlsd(self):
        server = self.serve(self.FILES)
        answer = self.succeeds(self.drive(server, {"do": "list"}))
        self.assertEqual([one["name"] for one in answer["files"]], ["a.csv", "b.csv"])
        self.assertNotIn("MLSD", server.commands)

    def test_mlsd_that_is_announced_but_missing(self):
        server = self.serve(self.FILES, FEAT="211-have\r\n MLST type*;\r\n211 end", MLSD="500 what?")
        first, second = self.drive(server, {"do": "list"}, {"do": "list"})
        self.assertEqual(self.succeeds(first)["count"], 2)
        self.assertEqual(self.succeeds(second)["count"], 2)
        self.assertEqual(server.commands.count("MLSD"), 1)

    def test_folder_is_entered_before_every_listing(self):
        server = self.serve(self.FILES)
        self.drive(server, {"do": "list"}, {"do": "list"})
        looks = [one for one in server.commands if one in ("CWD /in", "LIST")]
        self.assertEqual(looks[-2:], ["CWD /in", "LIST"])
        gone = self.serve({}, CWD="550 no such folder")
        self.fails(self.drive(gone, {"do": "list"}), "not_found", "/in")

    def test_450_means_no_files(self):
        self.assertEqual(self.succeeds(self.drive(self.serve({}, LIST="450 no files"), {"do": "list"}))["count"], 0)

    def test_cut_listings(self):
        server = self.serve(self.FILES)
        server.listing = LINE % (1, "a.csv") + "-rw-r--r-- 1 u"
        self.fails(self.drive(server, {"do": "list"}), "broken", "cut")
        for last in ("426 broken", "451 read error"):
            server = self.serve(self.FILES, LIST=lambda session, _, last=last: session.send(
                (LINE % (1, "a.csv")).encode(), last) or ANSWERED)
            self.fails(self.drive(server, {"do": "list"}), "broken", "cut")

    def test_unparsed_lines_are_counted(self):
        server = self.serve()
        server.listing = "nonsense\r\n" + LINE % (3, "a.csv") + "more nonsense\r\n"
        answer = self.succeeds(self.drive(server, {"do": "list"}))
        self.assertEqual((answer["count"], answer["unparsed"]), (1, 2))

    def test_a_listing_nobody_can_read_is_no_empty_folder(self):
        forms = {"EPLF": "+i8388621.48594,m825718503,r,s280,\tC1-a.csv\r\n",
                 "VMS": "Directory DISK$USER:[IN]\r\n\r\nC1-A.CSV;1  1/4  24-NOV-2026 02:30\r\n",
                 "OS/400": "QSYS   36864 11/24/26 02:30:00 *STMF  C1-a.csv\r\n"}
        for form, text in forms.items():
            server = self.serve()
            server.listing = "total 3\r\n\r\n" + text
            first = text.split("\r\n")[0].replace("\t", "?")
            self.fails(self.drive(server, {"do": "list"}), "unsupported", "'/in'", first, "MLSD", "DOS")
        server = self.serve(FEAT="211-have\r\n MLSD\r\n211 end", MLSD=lambda session, _: session.send(
            b"size=1;modify=20251124000000; a.csv\r\n") or ANSWERED)
        self.fails(self.drive(server, {"do": "list"}), "unsupported", "size=1;modify=20251124000000; a.csv")

    def test_a_listing_without_files_is_an_empty_folder(self):
        for text in ("", "total 0\r\n", "total 8\r\ndrwxr-xr-x 2 u g 4096 Nov 24 02:30 .\r\n"
                     "drwxr-xr-x 2 u g 4096 Nov 24 02:30 ..\r\nlrwxrwxrwx 1 u g 5 Nov 24 02:30 l -> a\r\n",
                     "11-24-26  02:30AM       <DIR>          folder\r\n"):
            server = self.serve()
            server.listing = text
            self.assertEqual(self.succeeds(self.drive(server, {"do": "list"}))["count"], 0)

    def test_mlsd_without_a_size(self):
        """It is listed with its size unknown; what it has is seen, and limited, when it is opened."""
        mlsd = b"type=file;modify=20251124000000; a.csv\r\ntype=file;size=0; b.csv\r\n"
        server = self.serve({"a.csv": b"123"}, FEAT="211-have\r\n MLSD\r\n211 end",
                            MLSD=lambda session, _: session.send(mlsd) or ANSWERED)
        steps = ({"do": "list"}, {"do": "open", "name": "a.csv"}, self.copy_step("a.csv"))
        listed, opened, stored = self.drive(server, *steps)
        self.assertEqual([(one["size"], one["flags"]) for one in listed["files"]], [(0, 8), (0, 0)])
        self.assertEqual((opened["size"], opened["flags"]), (3, 0))
        self.succeeds(stored)
        listed, opened, stored = self.drive(server, *steps, call={"file_size_max": 2})
        self.assertEqual([one["flags"] for one in listed["files"]], [8, 0])
        self.assertEqual(opened["flags"], 4)
        self.fails(stored, "limit", "file_size_max")

    def test_names_that_would_leave_the_folder(self):
        server = self.serve()
        names = ("../a.csv", "/etc/passwd", "a\\b", "..", "a\x01b")
        server.listing = "".join(LINE % (1, name) for name in names)
        answer = self.succeeds(self.drive(server, {"do": "list"}))
        self.assertEqual({one["flags"] for one in answer["files"]}, {2})

    def test_entry_limit(self):
        server = self.serve()
        server.listing = "".join(LINE % (1, f"a{number}") for number in range(100001))
        self.assertEqual(self.succeeds(self.drive(server, {"do": "list"}))["count"], 100001)
        server.listing = LINE % (1, "z") + LINE % (1, "b") + server.listing
        answer = self.succeeds(self.drive(server, {"do": "list"}))
        self.assertEqual(answer["count"], 100001)  # the last one tells that there are more
        self.assertEqual([one["name"] for one in answer["files"][-2:]], ["a99998", "a99999"])

    def test_silent_server_is_left(self):
        server = self.serve(LIST=lambda session, _: session.say("150 go") or ANSWERED)
        answer = self.drive(server, {"do": "list"})
        self.fails(answer, "timeout")
        self.assertLess(answer["us"], 8000000)


class RelativeFolder(ScriptTest):
    """A folder below the home of the login, on a server with a working directory: whatever a command names
    is meant in "in". One inside it, "in/in", would be found by entering it once too often."""

    HOME = "/home"

    def serve_tree(self, home='"/home" is it'):
        self.elsewhere, standing = [], {}
        known = {"/", "/home", "/home/in", "/home/in/in"}

        def enter(session, folder):
            place = posixpath.normpath(posixpath.join(standing.get(session, self.HOME), folder))
            if place not in known:
                return "550 no such folder"
            standing[session] = place
            return "250 there"

        def in_place(verb):
            def answer(session, _):
                if standing.get(session) != "/home/in":
                    self.elsewhere.append((verb, standing.get(session)))
            return answer
        verbs = ("LIST", "SIZE", "MDTM", "RETR", "STOR", "RNFR", "RNTO", "DELE")
        return self.serve({"s.csv": b"0123456789"}, CWD=enter, PWD="257 " + home,
                          **{verb: in_place(verb) for verb in verbs})

    def works(self, server, *steps):
        for answer in self.drive(server, *[{"folder": "in", **step} for step in steps]):
            self.succeeds(answer)
        self.assertEqual(self.elsewhere, [])

    def everything(self, between=()):
        source = {"connection": "A", "folder": "in", "name": "s.csv"}
        steps = ({"do": "list"}, {"do": "open", "name": "s.csv"},
                 {"do": "store", "name": "t.csv", "source": source},
                 {"do": "rename", "from": "t.csv", "to": "u.csv"}, {"do": "list"})
        return [one for step in steps for one in (step, *between)]

    def test_kept_connection(self):
        for home in ('"/home" is it', '"home"', "is none of yours"):
            server = self.serve_tree(home)
            self.works(server, *self.everything())
            self.only(server, "s.csv", "u.csv")

    def test_connection_that_was_closed_while_idle(self):
        server = self.serve_tree()
        server.idle_close = True
        self.works(server, *self.everything(between=[{"do": "sleep", "ms": 300}]))
        self.assertGreater(server.logins, 4)

    def test_connection_that_dies_at_its_next_use(self):
        listing = {"do": "list", "folder": "in"}
        for nth in range(2, 7):
            server = self.serve_tree()
            usual, seen = server.replies["CWD"], []

            def enter(session, folder, nth=nth, usual=usual, seen=seen):
                seen.append(folder)
                return HANG_UP if len(seen) == nth else usual(session, folder)
            server.replies["CWD"] = enter
            answers = self.drive(server, *[listing] * 6)
            self.assertEqual(self.elsewhere, [], nth)
            # In the middle of a request the loss is told; nothing else is.
            self.assertLessEqual({one.get("kind") for one in answers}, {None, "unavailable"}, nth)
            self.assertGreaterEqual([one["ok"] for one in answers].count(True), 5, nth)

    def test_a_folder_that_was_removed_is_seen(self):
        for home in ('"/home" is it', "is none of yours"):
            server = self.serve_tree(home)
            usual, entered = server.replies["CWD"], []

            def enter(session, folder, usual=usual, entered=entered):
                entered.append(folder)
                return "550 no such folder" if folder.endswith("in") and len(entered) > 3 else usual(session, folder)
            server.replies["CWD"] = enter
            answers = self.drive(server, *[{"do": "list", "folder": "in"}] * 4)
            self.succeeds(answers[0])
            self.fails(answers[-1], "not_found", "in")


if __name__ == "__main__":
    test_ftp_script.DRIVER = os.path.realpath(sys.argv.pop(1))
    unittest.main()

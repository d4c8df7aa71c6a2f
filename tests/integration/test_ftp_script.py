# SPDX-License-Identifier: MIT
"""The transfer layer against a scripted FTP server that says and does what real ones do on bad days.

  test_ftp_script.py DRIVER [unittest arguments]
"""
import json
import os
import socket
import subprocess
import sys
import threading
import unittest

from peers_common import PeerTest

DRIVER = None
HANG_UP, ANSWERED = "hang up", "answered"  # instead of a reply: close; the function has said all
LINE = "-rw-r--r-- 1 u g %d Nov 24  2025 %s\r\n"


class ScriptedServer:
    """Files in a dict, replies that a test may replace: replies[verb] is a line or a function of
    (session, argument) that gives one, or None to go on as usual."""

    def __init__(self, files=None, **replies):
        self.files = dict(files or {})
        self.replies = replies
        self.commands = []
        self.logins = 0
        self.listing = None
        self.sessions = []
        self.idle_close = False  # a connection on which nothing is said for a moment is closed
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                control, _ = self.listener.accept()
            except OSError:
                return
            self.sessions.append(Session(self, control))
            threading.Thread(target=self.sessions[-1].run, daemon=True).start()

    def close(self):
        socket.socket.shutdown(self.listener, socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        for session in self.sessions:
            if session.passive:
                session.passive.close()


class Session:
    def __init__(self, server, control):
        self.server = server
        self.control = control
        self.passive = None
        self.renaming = None
        self.binary = False

    def say(self, line):
        self.control.sendall(line.encode("latin-1") + b"\r\n")

    def run(self):
        with self.control, self.control.makefile("rb") as lines:
            try:
                if self.server.idle_close:
                    self.control.settimeout(0.1)
                self.say(self.server.replies.get("greeting", "220 ready"))
                for line in lines:
                    text = line.decode("latin-1").rstrip("\r\n")
                    verb, _, argument = text.partition(" ")
                    self.server.commands.append(text)
                    if not self.answer(verb.upper(), argument):
                        return
            except OSError:
                pass

    def answer(self, verb, argument):
        replaced = self.server.replies.get(verb)
        if callable(replaced):
            replaced = replaced(self, argument)
        if replaced == HANG_UP:
            return False
        if replaced == ANSWERED:
            return True
        if replaced is not None:
            self.say(replaced)
        else:
            getattr(self, "do_" + verb.lower(), self.do_unknown)(argument)
        return True

    def do_unknown(self, _):
        self.say("502 what?")

    def do_user(self, _):
        self.say("331 password")

    def do_pass(self, _):
        self.server.logins += 1
        self.say("230 in")

    def do_pwd(self, _):
        self.say('257 "/home" is it')

    def do_cwd(self, _):
        self.say("250 there")

    def do_type(self, argument):
        self.binary = argument == "I"
        self.say("200 type")

    def do_size(self, name):
        if not self.binary:
            self.say("550 SIZE not allowed in ASCII")
        elif name in self.server.files:
            self.say(f"213 {len(self.server.files[name])}")
        else:
            self.say("550 no such file")

    def do_mdtm(self, name):
        self.say("213 20251124000000" if name in self.server.files else "550 no such file")

    def listen(self):
        if self.passive:
            self.passive.close()
        self.passive = socket.create_server(("127.0.0.1", 0))
        return self.passive.getsockname()[1]

    def do_epsv(self, _):
        self.say(f"229 go (|||{self.listen()}|)")

    def do_pasv(self, _):
        port = self.listen()
        self.say(f"227 go (10,9,8,7,{port // 256},{port % 256})")  # an address of another network

    def data(self):
        connection, _ = self.passive.accept()
        self.passive.close()
        return connection

    def send(self, payload, last="226 done"):
        self.say("150 go")
        with self.data() as connection:
            connection.sendall(payload)
        self.say(last)

    def do_list(self, _):
        listing = self.server.listing
        if listing is None:
            listing = "".join(LINE % (len(data), name) for name, data in self.server.files.items())
        self.send(listing.encode("latin-1"))

    def do_retr(self, name):
        if name in self.server.files:
            self.send(self.server.files[name])
        else:
            self.say("550 no such file")

    def receive(self):
        self.say("150 go")
        with self.data() as connection, connection.makefile("rb") as stream:
            return stream.read()

    def do_stor(self, name):
        self.server.files[name] = self.receive()
        self.say("226 done")

    def do_dele(self, name):
        self.say("250 gone" if self.server.files.pop(name, None) is not None else "550 no such file")

    def do_rnfr(self, name):
        self.renaming = name
        self.say("350 to what?" if name in self.server.files else "550 no such file")

    def do_rnto(self, name):
        self.server.files[name] = self.server.files.pop(self.renaming)
        self.say("250 renamed")

    def do_quit(self, _):
        self.say("221 bye")


class ScriptTest(PeerTest):
    def serve(self, files=None, **replies):
        server = ScriptedServer(files, **replies)
        self.addCleanup(server.close)
        return server

    def drive(self, server, *steps, call=None, **changes):
        connection = {"type": "ftp", "host": "127.0.0.1", "port": server.port, "user": "u",
                      "password_env": "TEST_PASSWORD", "stall_timeout_ms": 2000, **changes}
        document = {"connections": {"A": connection}, "call": call or {},
                    "steps": [{"connection": "A", "folder": "/in", **step} for step in steps]}
        done = subprocess.run([DRIVER], input=json.dumps(document).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False,
                              env={**os.environ, "TEST_PASSWORD": "secret-word"})
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertNotIn(b"secret-word", done.stdout)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        return answers[0] if len(steps) == 1 else answers

    def store_step(self, data=b"0123456789", name="t.csv"):
        return {"do": "store", "name": name, "source": {"local": self.path("source", data)}}

    def copy_step(self, name="s.csv", to="t.csv"):
        return {"do": "store", "name": to, "source": {"connection": "A", "folder": "/in", "name": name}}

    def fails(self, answer, kind, *words):
        self.assertFalse(answer["ok"], answer)
        self.assertEqual(answer["kind"], kind, answer)
        for word in ("connection 'A'", *words):
            self.assertIn(word, answer["message"])

    def succeeds(self, answer):
        self.assertTrue(answer["ok"], answer)
        return answer

    def only(self, server, *names):
        self.assertEqual(sorted(server.files), sorted(names))


class Login(ScriptTest):
    def refused(self, **replies):
        server = self.serve(**replies)
        answer = self.drive(server, {"do": "list"})
        self.assertEqual(server.logins, 0)
        return answer, server

    def test_busy_at_the_greeting(self):
        self.fails(self.refused(greeting="421 too many connections")[0], "unavailable", "421", "later")

    def test_busy_at_the_login(self):
        self.fails(self.refused(USER="421 later")[0], "unavailable", "421")

    def test_too_many_users(self):
        for text in ("Sorry, too many users", "Too many connections from your host, try again later",
                     "Sorry, the maximum number of clients (10) are already connected", "Please try later"):
            self.fails(self.refused(PASS="530 " + text)[0], "unavailable", "530")

    def test_a_refusal_is_no_lack_of_room(self):
        for text in ("Login incorrect, please try again", "Maximum login attempts exceeded",
                     "Account locked after too many failed attempts", "Invalid user, try again later",
                     "Not logged in, try again", "Access denied: too many attempts"):
            answer, server = self.refused(PASS="530 " + text)
            self.fails(answer, "denied", "login refused (530", "user and password")
            self.assertEqual(sum(one.startswith("PASS") for one in server.commands), 1)

    def test_wrong_password_is_tried_once(self):
        answer, server = self.refused(PASS="530 Login incorrect")
        self.fails(answer, "denied", "login refused (530", "user and password")
        self.assertEqual(sum(one.startswith("PASS") for one in server.commands), 1)

    def test_account_is_asked_for(self):
        self.fails(self.refused(PASS="332 account?")[0], "unsupported", "ACCT")

    def test_tls_is_demanded(self):
        self.fails(self.refused(USER="530 Non-anonymous sessions must use encryption.")[0], "denied", "tls")

    def test_hang_up(self):
        self.fails(self.refused(USER=HANG_UP)[0], "unavailable")

    def test_endless_reply_line(self):
        server = self.serve(greeting="220-" + "x" * 5000000)
        self.assertFalse(self.drive(server, {"do": "list"})["ok"])


    def test_endless_reply_of_many_lines(self):
        def chatter(session, _):
            while True:
                session.control.sendall(b"211-more\r\n" * 1000)
        for replies in ({"FEAT": chatter}, {"USER": chatter}):
            answer = self.drive(self.serve(**replies), {"do": "list"})
            self.assertFalse(answer["ok"])
            self.assertLess(answer["us"], 20000000)


class Passive(ScriptTest):
    def test_pasv_with_a_foreign_address(self):
        server = self.serve({"s.csv": b"0123456789"}, EPSV="500 what?")
        self.succeeds(self.drive(server, self.copy_step()))
        self.assertEqual(server.files["t.csv"], b"0123456789")
        # Refused once on each of the two connections, then remembered.
        self.assertLessEqual(server.commands.count("EPSV"), 2)

    def test_no_passive_at_all(self):
        server = self.serve({}, EPSV="500 what?", PASV="425 cannot")
        self.fails(self.drive(server, self.store_step()), "unavailable", "data connection")


class Reading(ScriptTest):
    DATA = b"0123456789"

    def copies(self, kind, *words, **replies):
        server = self.serve({"s.csv": self.DATA}, **replies)
        self.fails(self.drive(server, self.copy_step()), kind, "s.csv", *words)
        self.only(server, "s.csv")

    def test_short_body_with_226(self):
        self.copies("broken", RETR=lambda session, name: session.send(self.DATA[:5]) or ANSWERED)

    def test_long_body(self):
        self.copies("broken", RETR=lambda session, name: session.send(self.DATA * 2) or ANSWERED)

    def test_body_that_is_broken_off(self):
        self.copies("broken", RETR=lambda session, name: session.send(self.DATA[:5], "426 broken") or ANSWERED)

    def test_file_that_vanished(self):
        self.copies("not_found", RETR="550 No such file")

    def test_file_that_may_not_be_read(self):
        self.copies("denied", RETR="550 Permission denied")

    def test_time_that_changed(self):
        times = iter(["213 20251124000000", "213 20251124000001"])
        self.copies("broken", "changed", MDTM=lambda session, name: next(times))

    def test_server_without_size(self):
        server = self.serve({"s.csv": self.DATA}, SIZE="502 what?")
        self.fails(self.drive(server, self.copy_step()), "unsupported", "SIZE")

    def test_server_without_mdtm(self):
        server = self.serve({"s.csv": self.DATA}, MDTM="502 what?")
        self.succeeds(self.drive(server, self.copy_step()))
        self.only(server, "s.csv", "t.csv")


class Storing(ScriptTest):
    def stores(self, kind, *words, left=(), data=b"0123456789", **replies):
        server = self.serve(**replies)
        self.fails(self.drive(server, self.store_step(data)), kind, "t.csv", *words)
        self.only(server, *left)
        return server

    def keep_less(self, session, name):
        session.server.files[name] = session.receive()[:-1]
        return "226 done"

    def test_226_after_a_short_body(self):
        self.stores("broken", "9 of 10", STOR=self.keep_less)

    def test_disk_full(self):
        def full(code):
            def store(session, name):
                session.server.files[name] = session.receive()[:3]
                return f"{code} No space left on device"
            return store
        for code in (451, 452, 552, 426):
            self.stores("limit", "disk", STOR=full(code))

    def test_not_allowed(self):
        for reply in ("553 Could not create file.", "550 Permission denied"):
            server = self.stores("denied", "writable", STOR=reply)
            self.assertEqual([one for one in server.commands if one.startswith("DELE")], [])

    def test_refused_although_the_file_was_made(self):
        """As vsftpd does where the data connection comes from another address."""
        for reply in ("425 Security: Bad IP connecting.", "426 no", "450 no", "421 no", "522 SSL connection failed"):
            server = self.serve(STOR=lambda session, name, reply=reply: server.files.update({name: b""}) or reply)
            self.assertFalse(self.drive(server, self.store_step())["ok"])
            self.only(server)

    def test_server_that_says_nothing_to_stor(self):
        server = self.serve(STOR=ANSWERED)
        answer = self.drive(server, self.store_step())
        self.fails(answer, "timeout")
        self.assertLess(answer["us"], 15000000)

    def test_rename_is_refused(self):
        for reply in ("550 no", "553 no", "451 Rename/move failure"):
            self.stores("refused", RNTO=reply)

    def test_names_of_attempts_are_fresh_and_fit_no_pattern(self):
        server = self.serve()
        self.drive(server, self.store_step(), self.store_step(name="u.csv"), call={"instance": "I-1"})
        names = [one[5:] for one in server.commands if one.startswith("STOR")]
        self.assertEqual(len(set(names)), 2)
        for name in names:
            self.assertRegex(name, r"^sluice-I-1-[0-9a-f]+-[0-9a-f]+\.part$")
        self.assertEqual(server.logins, 1)

    def test_existing_name_is_found_before_many_bytes_move(self):
        server = self.serve({"t.csv": b"old"})
        self.fails(self.drive(server, self.store_step(b"x" * (1 << 20))), "exists")
        self.assertEqual([one for one in server.commands if one.startswith("STOR")], [])

    def test_name_that_appears_during_the_upload(self):
        def store(session, name):
            session.server.files[name] = session.receive()
            session.server.files["t.csv"] = b"foreign"
            return "226 done"
        server = self.stores("exists", STOR=store, left=["t.csv"])
        self.assertEqual(server.files["t.csv"], b"foreign")

    def lose(self, effect, says=None):
        """RNTO has that effect on the files, and its answer never comes (once), or is another one."""
        state = {"lost": False}

        def rename(session, name):
            if state["lost"]:
                return None
            state["lost"] = True
            effect(session.server.files, session.renaming, name)
            if says:
                session.say(says)
            return HANG_UP
        return rename

    def test_lost_answer_of_a_rename_that_happened(self):
        server = self.serve(RNTO=self.lose(lambda files, old, new: files.update({new: files.pop(old)})))
        self.succeeds(self.drive(server, self.store_step()))
        self.only(server, "t.csv")

    def test_a_server_that_goes_away_at_the_rename_tells_nothing(self):
        for effect in (lambda files, old, new: files.update({new: files.pop(old)}), lambda files, old, new: None):
            server = self.serve(RNTO=self.lose(effect, says="421 shutting down"))
            self.succeeds(self.drive(server, self.store_step()))
            self.only(server, "t.csv")

    def test_lost_answer_of_a_rename_that_did_not_happen(self):
        server = self.serve(RNTO=self.lose(lambda files, old, new: None))
        self.succeeds(self.drive(server, self.store_step()))
        self.only(server, "t.csv")

    def test_lost_answer_and_the_consumer_was_quick(self):
        server = self.serve(RNTO=self.lose(lambda files, old, new: files.pop(old)))
        self.succeeds(self.drive(server, self.store_step()))
        self.only(server)

    def test_lost_answer_and_a_foreign_file(self):
        foreign = b"larger than ours"  # one that is not may be a copy of it: test_ftp_doubt.py
        server = self.serve(RNTO=self.lose(lambda files, old, new: files.update({new: foreign})))
        self.fails(self.drive(server, self.store_step()), "exists")
        self.assertEqual(server.files, {"t.csv": foreign})

    def test_lost_answer_and_no_look_is_unknown(self):
        greetings = {"count": 0}

        def user(session, _):
            greetings["count"] += 1
            return "421 later" if greetings["count"] > 1 else None
        server = self.serve(USER=user, RNTO=self.lose(
            lambda files, old, new: files.update({new: files.pop(old)})))
        self.fails(self.drive(server, self.store_step()), "unknown", "t.csv", "both names")
        self.only(server, "t.csv")

    def test_kept_connection_that_died_is_replaced(self):
        """The server hangs up instead of answering the first command of a kept connection: nothing
        can have happened, so a new connection asks again."""
        server = self.serve({"a.csv": b"1"})
        calls = {"count": 0}

        def size(session, _):
            calls["count"] += 1
            return HANG_UP if calls["count"] == 2 else None
        server.replies["SIZE"] = size
        for answer in self.drive(server, *[{"do": "open", "name": "a.csv"}] * 3):
            self.succeeds(answer)
        self.assertEqual(server.logins, 2)

    def test_new_login_is_told_type_i_before_sizes_count(self):
        """The kept connection dies; on the new one SIZE is refused in TYPE A, as ProFTPD does."""
        server = self.serve({"a.csv": b"1", "SENT-a.csv": b"old"})
        seen = []

        def size(session, name):
            seen.append(name)
            return HANG_UP if len(seen) == 2 else None
        server.replies["SIZE"] = size
        _, renamed = self.drive(server, {"do": "open", "name": "a.csv"},
                                {"do": "rename", "from": "a.csv", "to": "SENT-a.csv"})
        self.fails(renamed, "exists")
        self.assertEqual(server.files["SENT-a.csv"], b"old")


if __name__ == "__main__":
    DRIVER = os.path.realpath(sys.argv.pop(1))
    unittest.main()

# SPDX-License-Identifier: MIT
"""Mail through the transfer layer: a real mail server, and a sink for what real servers do not do."""
import email
import email.policy
import os
import socket
import threading
import time

from web_common import SECRET, WebTest, main

import servers
from certificates import Authority
from common import read_records

BODY = "Grüße\n.\n.. dots\nFrom here\n" + "long " * 40 + "\ntrailing \n"


class MailTest(WebTest):
    def sink(self, *, name="sink", tls="none", **options):
        sink = self.start(servers.SmtpSink, self.path(name), tls=tls, user="mailer", password=SECRET, **options)
        self.connect("MAIL", sink, tls=tls)
        return sink

    def connect(self, name, server, tls="none", login=False, **more):
        self.connections[name] = {"type": "smtp", "host": "127.0.0.1", "port": server.port, "tls": tls,
                                  "request_timeout_s": 10, "stall_timeout_s": 5, "connect_timeout_s": 5, **more}
        if login:
            self.connections[name].update(user=server.user, password={"env": "WEB_SECRET"})
        if tls != "none" and "ca" not in more:
            self.connections[name]["ca"] = server.ca

    def mail(self, to="a@good.test", connection="MAIL", **more):
        return {"do": "mail", "connection": connection, "message_id": "1.2@sluice.test", "from": "Sluice <s@x.test>",
                "to": to, "subject": "Prozess läuft", "body": BODY, "instance": "i-1", **more}

    def messages(self, sink):
        records = read_records(sink.messages)
        for record in records:
            with open(os.path.join(sink.root, record["file"]), "rb") as file:
                record["raw"] = file.read()
            record["message"] = email.message_from_bytes(record["raw"], policy=email.policy.default)
        return records


class SlowServer:
    """Answers what SLOW names late, and QUIT not at all."""
    SLOW = (b"RCPT", b"DATA", b".")

    def __init__(self, test, seconds):
        self.seconds, self.said, self.messages = seconds, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        thread = threading.Thread(target=self.run)
        thread.start()
        test.addCleanup(self.listener.close)
        test.addCleanup(thread.join)
        test.addCleanup(self.listener.shutdown, socket.SHUT_RDWR)
        test.addCleanup(self.over.set)

    def run(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                with connection, connection.makefile("rb") as lines:
                    self.talk(connection, lines)
        except OSError:
            pass

    def talk(self, connection, lines):
        is_data, slow = False, list(self.SLOW)
        connection.sendall(b"220 slow.test\r\n")
        for line in lines:
            word = line.split()[0] if line.split() else b""
            if is_data and line != b".\r\n":
                continue
            self.said.append(word)
            if word == b"QUIT":
                self.over.wait()
                return
            if word in slow:
                slow.remove(word)  # the second recipient is answered at once
                self.over.wait(self.seconds)
            self.messages += is_data
            is_data = word == b"DATA"
            try:
                connection.sendall(b"354 go\r\n" if is_data else b"250 ok\r\n")
            except OSError:
                return


class Sink(MailTest):
    def test_the_message_arrives_as_it_was_meant(self):
        sink = self.sink()
        to = 'a@good.test, "Doe, Jane" <jane@good.test>, Jürgen <j@good.test>'
        self.assertEqual(self.good(**self.mail(to))["refused"], "")
        record, = self.messages(sink)
        message = record["message"]
        self.assertEqual((record["from"], record["to"]),
                         ("s@x.test", ["a@good.test", "jane@good.test", "j@good.test"]))
        self.assertEqual(message["subject"], "Prozess läuft")
        self.assertEqual([one.display_name for one in message["to"].addresses], ["", "Doe, Jane", "Jürgen"])
        self.assertEqual(message["message-id"], "<1.2@sluice.test>")
        self.assertEqual(message["auto-submitted"], "auto-generated")
        self.assertEqual(message["x-sluice-instance"], "i-1")
        self.assertEqual(message.get_content().replace("\r\n", "\n"), BODY)
        self.assertLess(abs(message["date"].datetime.timestamp() - time.time()), 60)
        for line in record["raw"].split(b"\r\n"):
            self.assertLessEqual(len(line), 76)
        self.assertNotIn(b"\n", record["raw"].replace(b"\r\n", b""))

    def test_one_bad_recipient_does_not_stop_the_rest(self):
        sink = self.sink(refuse_recipient=["no@bad.test"], defer_recipient=["later@bad.test"])
        answer = self.good(**self.mail("no@bad.test, a@good.test, later@bad.test"))
        self.assertEqual(self.messages(sink)[0]["to"], ["a@good.test"])
        self.assertRegex(answer["refused"], r"^no@bad\.test: 550 [^\n]*\n$")
        self.assertRegex(answer["delayed"], r"^later@bad\.test: 450 [^\n]*\n$")
        self.assertEqual(answer["deferred"], "later@bad.test")
        record = self.messages(sink)[0]
        self.good(**self.mail("no@bad.test, a@good.test, later@bad.test", envelope_to="b@good.test"))
        again = self.messages(sink)[1]
        self.assertEqual(again["to"], ["b@good.test"])
        self.assertEqual(again["message"]["to"], record["message"]["to"])
        self.assertEqual(self.bad("refused", "550", **self.mail("no@bad.test"))["code"], 550)
        answer = self.bad("refused", "550", **self.mail("later@bad.test, no@bad.test"))
        self.assertEqual(answer["deferred"], "later@bad.test")
        self.assertEqual(self.bad("unavailable", "450", **self.mail("later@bad.test"))["code"], 450)

    def test_a_connection_that_is_lost_between_recipients_decides_nothing(self):
        for refusal in ("refuse_recipient", "defer_recipient"):
            sink = self.sink(name=refusal, close_at="b@x.test", **{refusal: ["a@x.test"]})
            answer = self.bad("unavailable", "", **self.mail("a@x.test, b@x.test, c@x.test"))
            self.assertEqual([answer[key] for key in ("refused", "delayed", "deferred")], [""] * 3, answer)
            self.good(**self.mail("a@x.test, b@x.test, c@x.test"))
            self.assertEqual([one["to"] for one in self.messages(sink)], [["b@x.test", "c@x.test"]])

    def test_what_failed_later_is_not_blamed_on_a_recipient(self):
        sink = self.sink(refuse_recipient=["no@x.test"], drop_after_data=1)
        answer = self.bad("unknown", "confirmation", **self.mail("no@x.test, a@x.test"))
        self.assertEqual((answer["code"], answer["refused"]), (0, ""))
        self.good(**self.mail("no@x.test, a@x.test"))
        self.assertEqual([one["to"] for one in self.messages(sink)], [["a@x.test"]])

    def test_refusals(self):
        self.sink(temporary_first=1)
        self.bad("unavailable", "451", **self.mail())
        self.good(**self.mail())
        self.sink(name="data", refuse_data=True)
        self.bad("refused", "554", **self.mail())

    def test_connections_lost_behind_the_final_dot(self):
        sink = self.sink(lose_reply=1)
        self.bad("unknown", "confirmation", **self.mail())
        self.good(**self.mail())
        self.assertEqual([one["message"]["message-id"] for one in self.messages(sink)], ["<1.2@sluice.test>"] * 2)

    def test_a_slow_server_gets_the_mail_once(self):
        """Replies later than the connection's times, which are for others; QUIT is answered never."""
        server = SlowServer(self, seconds=3)
        self.connect("MAIL", server, request_timeout_s=2, stall_timeout_s=1)
        begun = time.monotonic()
        self.good(**self.mail("a@x.test, b@x.test"))
        self.assertGreater(time.monotonic() - begun, 3 * len(SlowServer.SLOW))
        self.assertLess(time.monotonic() - begun, 3 * len(SlowServer.SLOW) + 60)
        self.assertEqual(server.messages, 1)
        self.assertEqual(server.said[-1], b"QUIT")

    def test_a_deadline_does_not_end_the_wait_for_the_last_answer_and_a_stop_does(self):
        server = SlowServer(self, seconds=4)
        self.connect("MAIL", server)
        self.bad("timeout", "deadline", **self.mail(), deadline_ms=2000)
        self.assertEqual(server.messages, 0)
        sink = self.sink(name="late", reply_after=4)
        self.good(**self.mail(), deadline_ms=2000)
        self.assertEqual(len(self.messages(sink)), 1)
        sink = self.sink(name="stop", reply_after=30)
        begun = time.monotonic()
        self.bad("unknown", "confirmation", **self.mail(), stop_after_ms=2000)
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_server_that_takes_no_connection_is_noticed_soon(self):
        """Its queue is full: what comes is not answered."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            waiting = [socket.socket() for _ in range(8)]
            for one in waiting:
                self.addCleanup(one.close)
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            self.connections["MAIL"] = {"type": "smtp", "host": "127.0.0.1", "port": port, "tls": "none",
                                        "connect_timeout_s": 1}
            begun = time.monotonic()
            self.bad("unavailable", "no connection within 1000 ms", **self.mail())
            self.assertLess(time.monotonic() - begun, 20)

    def test_a_server_that_says_nothing_is_noticed_soon(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.connections["MAIL"] = {"type": "smtp", "host": "127.0.0.1", "port": listener.getsockname()[1],
                                        "tls": "none", "connect_timeout_s": 1}
            begun = time.monotonic()
            self.bad("timeout", "raise connect_timeout_s", **self.mail())
            self.assertLess(time.monotonic() - begun, 20)

    def test_nothing_malformed_is_sent(self):
        sink = self.sink()
        for change in ({"to": "nobody"}, {"to": "a@b\r\nRCPT TO:<x@y>"}, {"subject": "a\r\nBcc: x@y"},
                       {"from": "x"}, {"from": "a@b, c@d"}, {"message_id": "none"}, {"instance": "a\nb"}, {"to": ""}):
            self.bad("invalid", **self.mail(**change))
        self.assertEqual(self.messages(sink), [])

    def test_login_and_tls(self):
        for tls in ("explicit", "implicit"):
            sink = self.sink(name=tls, tls=tls, auth=True)
            self.connect("MAIL", sink, tls=tls, login=True)
            self.good(**self.mail())
            record = self.messages(sink)[-1]
            self.assertEqual((record["tls"], record["login"]), (True, "mailer"))
            self.environment["OTHER"] = "wrong-password"
            self.connections["MAIL"]["password"] = {"env": "OTHER"}
            self.bad("denied", "535", **self.mail())

    def test_tls_is_never_given_up(self):
        sink = self.sink()
        self.connect("MAIL", sink, tls="explicit", ca=Authority(self.path("ca")).path)
        self.bad("refused", "TLS", **self.mail())
        self.assertEqual(self.messages(sink), [])


class RealServer(MailTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("Exim needs root")

    def maildir(self, server, count):
        folder = os.path.join(server.home, "Maildir", "new")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = os.listdir(folder) if os.path.isdir(folder) else []
            if len(found) >= count:
                return [os.path.join(folder, one) for one in found]
            time.sleep(0.02)
        return self.fail(f"{count} mails do not arrive in {folder}")

    def test_exim(self):
        for tls in ("none", "explicit", "implicit"):
            server = self.start(servers.Exim, self.path("exim-" + tls), tls=tls, user="mailer", password=SECRET)
            self.connect("MAIL", server, tls=tls, login=True)
            answer = self.good(**self.mail("a@good.test, no@bad.test"))
            self.assertIn("no@bad.test: 550", answer["refused"])
            path, = self.maildir(server, 1)
            with open(path, "rb") as file:
                message = email.message_from_binary_file(file, policy=email.policy.default)
            self.assertEqual(message.get_content().replace("\r\n", "\n"), BODY)
            self.assertEqual(message["subject"], "Prozess läuft")
            self.environment["OTHER"] = "wrong-password"
            self.connections["MAIL"]["password"] = {"env": "OTHER"}
            self.bad("denied", "535", **self.mail())


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""`connections test`, step by step: each step fails by itself, says which and what to do."""
import os
import socket
import subprocess

from peers_common import PEERS
from web_common import SECRET, WebTest, admin, main

import servers
from ccs import CcsPeer
from certificates import Authority, oci_key
from object_storage import ObjectStoragePeer

TLS_WORDS = {"expired": "has expired: renew", "not_yet_valid": "not valid yet: check the clock",
             "wrong_host": "for another host name: correct", "self_signed": "self-signed: name"}


def setUpModule():
    subprocess.run([os.path.join(PEERS, "install_peers.sh")], check=True, timeout=300)


class ConnectionTest(WebTest):
    def setUp(self):
        super().setUp()
        self.environment["OTHER"] = "wrong-password"

    def passes(self, folder=None):
        step = {"do": "test", "connection": "C", **({"folder": folder} if folder else {})}
        answer = self.good(**step)
        self.assertEqual((answer["reached"], answer["failed"]), ("permission", ""))
        return answer

    def fails(self, step, kind, *words, folder=None):
        answer = self.bad(kind, *words, do="test", connection="C", **({"folder": folder} if folder else {}))
        self.assertEqual(answer["failed"], step, answer["message"])
        return answer

    def change(self, **settings):
        before = dict(self.connections["C"])
        self.connections["C"].update(settings)
        return before

    def check_address(self, **settings):
        """Name resolution and connect fail by themselves. settings: how an address is written."""
        before = dict(self.connections["C"])
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            for host, port, step, words in (("no-such-host.invalid", 25, "name resolution", "resolve"),
                                            ("127.0.0.1", closed.getsockname()[1], "connect", "cannot connect")):
                made = {key: value.format(host=host, port=port) for key, value in settings.items()}
                if "port" in made:
                    made["port"] = int(made["port"])
                self.connections["C"] = {**before, **made}
                self.fails(step, "unavailable", words)
        self.connections["C"] = dict(before)


class Storage(ConnectionTest):
    BUCKET = "testnamespace/bucket"

    def setUp(self):
        super().setUp()
        self.key = oci_key(self.path("keys"))

    def connect(self, *options, **more):
        peer = self.start(ObjectStoragePeer, self.path(f"storage{len(os.listdir(self.root))}"), "--bucket", "bucket",
                          "--key", f"{self.key['key_id']}={self.key['public']}", *options)
        self.connections["C"] = {"type": "object_storage", "url": peer.url, "tenancy": self.key["tenancy"],
                                 "user": self.key["user"], "fingerprint": self.key["fingerprint"],
                                 "private_key": self.key["pkcs8"], **more}
        return peer

    def test_steps(self):
        peer = self.connect(tls="none")
        self.passes()
        self.passes(self.BUCKET)
        self.fails("permission", "not_found", "permission", folder="testnamespace/absent")
        self.check_address(url="http://{host}:{port}")
        other = oci_key(self.path("other"))
        before = self.change(private_key=other["pkcs8"])
        self.fails("configuration", "invalid", other["fingerprint"])
        self.change(fingerprint=other["fingerprint"])
        self.fails("login", "denied", "API keys")
        self.connections["C"] = dict(before)
        self.change(private_key=self.path("absent.pem"))
        self.fails("configuration", "invalid", "absent.pem")
        self.connections["C"] = dict(before)
        admin(peer, "POST", "/_faults", {"action": "status", "status": 503})
        self.fails("login", "unavailable", "come back later")

    def test_clock_skew(self):
        # The stand-in's Date header stays right while its clock is moved: a fault brings one that is off.
        peer = self.connect(tls="none")
        admin(peer, "POST", "/_clock", {"skew": 3600})
        self.fails("login", "denied", "API keys")
        admin(peer, "POST", "/_faults", {"action": "status", "status": 401, "body": "",
                                         "headers": {"Date": "Sun, 05 Jan 2014 21:31:40 GMT"}})
        self.fails("login", "denied", "clock skew", "NTP")

    def test_tls(self):
        authority = Authority(self.path("tls"))
        self.connect("--tls", *authority.server("good"), ca=authority.path)
        self.passes(self.BUCKET)
        del self.connections["C"]["ca"]
        self.fails("TLS", "denied", "issuer is not known", "\"ca\"")
        for kind, words in TLS_WORDS.items():
            self.connect("--tls", *authority.server(kind), ca=authority.path)
            self.fails("TLS", "denied", words)
        peer = self.connect(tls="none")
        self.connections["C"]["url"] = peer.url.replace("http:", "https:")
        del self.connections["C"]["tls"]
        self.fails("TLS", "refused", "TLS")


class Rest(ConnectionTest):
    def connect(self, *options, **more):
        peer = self.start(CcsPeer, self.path(f"ccs{len(os.listdir(self.root))}"), "--user", "integration",
                          "--password", SECRET, "--client-id", "client", "--client-secret", SECRET, *options)
        scheme = "https" if "--tls" in options else "http"
        self.base = f"{scheme}://127.0.0.1:{peer.port}"
        self.connections["C"] = {"type": "rest", "url": self.base + "/ouaf", "auth": "basic", "user": "integration",
                                 "password": {"env": "WEB_SECRET"}, **more}
        return peer

    def test_steps(self):
        peer = self.connect(tls="none")
        self.passes()
        self.check_address(url="http://{host}:{port}/ouaf")
        before = self.change(password={"env": "OTHER"})
        self.fails("login", "denied", "user and password")
        self.change(password={"env": "NOT_SET"})
        self.fails("configuration", "invalid", "NOT_SET")
        self.connections["C"] = dict(before)
        admin(peer, "POST", "/_faults", {"action": "status", "status": 403})
        self.fails("permission", "denied", "403")

    def test_oauth(self):
        peer = self.connect(tls="none")
        self.connections["C"] = {"type": "rest", "url": self.base + "/ouaf", "tls": "none", "client_id": "client",
                                 "auth": "oauth2_client_credentials", "token_url": self.base + "/oauth/token",
                                 "client_secret": {"env": "WEB_SECRET"}}
        self.passes()
        self.change(client_secret={"env": "OTHER"})
        self.fails("login", "denied", "invalid_client")

    def test_tls(self):
        authority = Authority(self.path("tls"))
        for kind, words in TLS_WORDS.items():
            self.connect("--tls", *authority.server(kind), ca=authority.path)
            self.fails("TLS", "denied", words)
        self.connect("--tls", *authority.server("good"), ca=authority.path)
        self.passes()


class Mail(ConnectionTest):
    def connect(self, tls="none", **options):
        sink = self.start(servers.SmtpSink, self.path(f"sink{len(os.listdir(self.root))}"), tls=tls, auth=True,
                          user="mailer", password=SECRET, **options)
        self.connections["C"] = {"type": "smtp", "host": "127.0.0.1", "port": sink.port, "tls": tls,
                                 "user": "mailer", "password": {"env": "WEB_SECRET"}}
        if tls != "none":
            self.connections["C"]["ca"] = getattr(sink, "facts").get("ca") or options["ca"]
        return sink

    def test_steps(self):
        self.connect()
        self.assertIn("test sink", self.passes()["banner"])
        self.check_address(host="{host}", port="{port}")
        self.change(password={"env": "OTHER"})
        self.fails("login", "denied", "user and password")

    def test_tls(self):
        for tls in ("explicit", "implicit"):
            self.connect(tls)
            self.passes()
            del self.connections["C"]["ca"]
            self.fails("TLS", "denied", "issuer is not known")
            authority = Authority(self.path("tls-" + tls))
            for kind, words in TLS_WORDS.items():
                certificate, key = authority.server(kind)
                sink = self.start(servers.SmtpSink, self.path(f"{tls}-{kind}"), tls=tls, certificate=certificate,
                                  key=key, user="mailer", password=SECRET)
                self.change(port=sink.port, ca=authority.path)
                self.fails("TLS", "denied", words)
        self.connect()
        self.change(tls="explicit", ca=authority.path)
        self.fails("TLS", "refused", "TLS")


class Ftp(ConnectionTest):
    def connect(self, tls="none", **options):
        server = self.start(servers.Pyftpdlib, self.path(f"ftp{len(os.listdir(self.root))}"), tls=tls, user="ccs",
                            password=SECRET, **options)
        self.connections["C"] = {"type": "ftp", "host": "127.0.0.1", "port": server.port, "tls": tls, "user": "ccs",
                                 "password": {"env": "WEB_SECRET"}, "settle_ms": 0}
        if tls != "none" and "ca" in server.facts:
            self.connections["C"]["ca"] = server.ca
        return server

    def test_steps(self):
        self.connect()
        self.assertNotEqual(self.passes("")["banner"], "")
        self.fails("permission", "not_found", "absent", folder="absent")
        self.check_address(host="{host}", port="{port}")
        self.change(password={"env": "OTHER"})
        self.fails("login", "denied", "user and password")

    def test_tls(self):
        self.connect("explicit")
        self.passes()
        del self.connections["C"]["ca"]
        self.fails("TLS", "denied", "issuer is not known")
        authority = Authority(self.path("tls"))
        for kind, words in TLS_WORDS.items():
            certificate, key = authority.server(kind)
            self.connect("explicit", certificate=certificate, key=key)
            self.change(ca=authority.path)
            self.fails("TLS", "denied", words)
        self.connect()
        self.change(tls="explicit", ca=authority.path)
        self.fails("TLS", "refused", "TLS")


class Sftp(ConnectionTest):
    def test_steps(self):
        server = self.start(servers.Sshd, self.path("sshd"), password=SECRET)
        known = getattr(server, "facts").get("known_hosts")
        if not known:
            self.skipTest("this sshd peer tells no known_hosts")
        self.connections["C"] = {"type": "sftp", "host": "127.0.0.1", "port": server.port, "user": server.user,
                                 "known_hosts": known, "settle_ms": 0}
        if server.facts.get("client_key"):
            self.connections["C"]["private_key"] = server.client_key
        else:
            self.connections["C"]["password"] = {"env": "WEB_SECRET"}
        self.passes(server.remote_home)
        self.check_address(host="{host}", port="{port}")
        self.change(known_hosts=self.path("empty", b""))
        self.fails("TLS", "denied", "host key")


class Local(ConnectionTest):
    def test_local(self):
        self.connections["C"] = {"type": "local"}
        self.passes()


if __name__ == "__main__":
    main()

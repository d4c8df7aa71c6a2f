# SPDX-License-Identifier: MIT
"""All the systems of the integration on loopback, and a workspace that points at them.

Two FTP servers (CCS: vsftpd, or pyftpdlib where not root; DACS: ProFTPD; or what is asked for), a mail
server with STARTTLS and AUTH, two Object Storage stand-ins, the CCS stand-in: all over TLS with a throw-away
authority.
Used by the demo and by the tests of the flows; as a context manager it stops what it started.
"""
import glob
import email
import email.policy
import json
import os
import ssl
import subprocess
import urllib.parse
import urllib.request

import certificates
from common import PeerProcess, read_records
from servers import FTP_SERVERS, SmtpSink, Sshd

FLOW_FTP = "OUTL-BA-CCS_DACS_CUST_SYNC_FTP"
FLOW_OS = "OUTL-BA-CCS_DACS_CUST_SYNC_OS"
FLOW_ACK = "OUTL-BA-DACS_CCS_CUST_SYNC_ACK"
CONFIG = "OUTL-BRT-CCS_DACS_ConfigProps"
EMAIL = "OUTL-BRT-CCS_DACS_Email_ID"
SOURCE_FOLDER = "/sploutput/CCSEnv/CustomerSync"
TARGET_FOLDER = "/spl/DACSEnv/CustomerSync"
BUCKET = "CCSDACS_CustomerSync"
RECIPIENTS = {"from": "sluice@utility.example", "to": "operations@utility.example",
              "to.process.notification": "billing@utility.example, field@utility.example"}
RETRY = {"pause_s": 0.02, "pause_max_s": 0.1}  # nobody has to wait for a test
SECRETS = {"CCS_FTP_PASSWORD": "ccs-ftp-secret", "DACS_FTP_PASSWORD": "dacs-ftp-secret",
           "CCS_PASSWORD": "ccs-rest-secret", "SMTP_PASSWORD": "smtp-secret"}


class Landscape:
    """root: an empty folder for everything; sluice: path of the program; settings: sluice.json;
    ccs_ftp, dacs_ftp: kinds of servers.py, of FTP or "sshd" (vsftpd and pure-ftpd need root)."""

    def __init__(self, root, sluice, settle_ms=0, settings=None, started=lambda peer: None, ccs_ftp=None,
                 dacs_ftp="proftpd"):
        self.root, self.sluice_program = root, sluice
        # vsftpd can only be started by root
        self.kinds = {"ccs": ccs_ftp or ("vsftpd" if os.geteuid() == 0 else "pyftpdlib"), "dacs": dacs_ftp}
        self.workspace = os.path.join(root, "workspace")
        self.peers = []
        self._started = started
        try:
            self._start_peers()
            self._write_workspace(settle_ms, settings or {})
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for peer in reversed(self.peers):
            peer.stop()
        self.peers = []

    # ---- peers ----------------------------------------------------------------------------------

    def _add(self, name, peer):
        self.peers.append(peer)
        self._started(f"{name}: port {peer.port}")
        return peer

    def _start_peers(self):
        authority = certificates.Authority(os.path.join(self.root, "certificates"))
        self.ca = authority.path
        cert, key = self.certificate, self.key = authority.server()
        tls = {"tls": "explicit", "certificate": cert, "key": key}
        self.ccs_ftp = self._file_server("ccs", tls)
        self.dacs_ftp = self._file_server("dacs", tls)
        self.mail = self._add("mail server", SmtpSink(
            self._folder("mail"), auth=True, user="sluice", password=SECRETS["SMTP_PASSWORD"], **tls))
        self.ccs_storage = self._storage("ccs", cert, key)
        self.dacs_storage = self._storage("dacs", cert, key)
        self.ccs = self._add("CCS", PeerProcess(
            "ccs.py", "--root", self._folder("ccs"), "--user", "integration",
            "--password", SECRETS["CCS_PASSWORD"], "--tls", cert, key))
        for server, folder in ((self.ccs_ftp, SOURCE_FOLDER), (self.dacs_ftp, TARGET_FOLDER)):
            self._make_server_folder(server, folder)

    def _file_server(self, side, tls):
        kind = self.kinds[side]
        options = {"user": side, "password": SECRETS[f"{side.upper()}_FTP_PASSWORD"]}
        if kind != "sshd":
            options.update(tls)
        if kind == "vsftpd":
            options["require_ssl_reuse"] = True
        server, = [one for one in (*FTP_SERVERS, Sshd) if one.kind == kind]
        protocol = "SFTP" if kind == "sshd" else "FTP"
        return self._add(f"{side.upper()} content server, {protocol} ({kind})",
                         server(self._folder(f"{side}-ftp"), **options))

    def _storage(self, side, cert, key):
        name = f"{side}-storage"
        facts = certificates.oci_key(os.path.join(self.root, "certificates"), name=name)
        setattr(self, f"{side}_key", facts)
        storage = PeerProcess(
            "object_storage.py", "--root", self._folder(name), "--namespace", f"{side}namespace",
            "--bucket", BUCKET, "--key", f"{facts['key_id']}={facts['public']}", "--tls", cert, key)
        return self._add(f"{side.upper()} Object Storage stand-in", storage)

    def _folder(self, name):
        path = os.path.join(self.root, name)
        os.makedirs(path, exist_ok=True)
        return path

    @staticmethod
    def _make_server_folder(server, folder):
        """Makes folder inside the server's home, owned by whom the home belongs to."""
        owner = os.stat(server.home)
        path = server.home
        for part in folder.strip("/").split("/"):
            path = os.path.join(path, part)
            os.makedirs(path, exist_ok=True)
            if os.getuid() == 0:
                os.chown(path, owner.st_uid, owner.st_gid)

    # ---- workspace --------------------------------------------------------------------------------

    def _write_workspace(self, settle_ms, settings):
        self.sluice("init", self.workspace, workspace=False, check=True)
        with open(os.path.join(self.workspace, "sluice.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        self.write_connections(self.default_connections(settle_ms))
        for name, value in RECIPIENTS.items():
            self.set_lookup(EMAIL, name, value)
        for name, server, folder in (("ccs.ftp.custsync.input.directory", self.ccs_ftp, SOURCE_FOLDER),
                                     ("dacs.ftp.custsync.output.directory", self.dacs_ftp, TARGET_FOLDER)):
            if server.remote_home != "/":
                self.set_lookup(CONFIG, name, server.remote_home + folder)
        self.set_lookup(CONFIG, "ccs.os.custsync.namespace", "ccsnamespace")
        self.set_lookup(CONFIG, "dacs.os.custsync.namespace", "dacsnamespace")

    def write_connections(self, connections):
        self.connections = connections
        with open(os.path.join(self.workspace, "connections.json"), "w", encoding="utf-8") as file:
            json.dump(connections, file, indent=4)

    def default_connections(self, settle_ms):
        def ftp(server, secret):
            if server.kind == "sshd":
                return {"type": "sftp", "host": "127.0.0.1", "port": server.port, "user": server.user,
                        "known_hosts": server.known_hosts, "password": {"env": secret},
                        "settle_ms": settle_ms, "retry": RETRY}
            return {"type": "ftp", "host": "localhost", "port": server.port, "tls": "explicit",
                    "ca": self.ca, "user": server.user, "password": {"env": secret},
                    "settle_ms": settle_ms, "retry": RETRY}

        def storage(server, facts):
            return {"type": "object_storage", "url": f"https://localhost:{server.port}", "ca": self.ca,
                    "tenancy": facts["tenancy"], "user": facts["user"],
                    "fingerprint": facts["fingerprint"], "private_key": facts["pkcs8"], "retry": RETRY}

        return {
            "OU FTP CCS for CCS-DACS": ftp(self.ccs_ftp, "CCS_FTP_PASSWORD"),
            "OU FTP DACS for CCS-DACS": ftp(self.dacs_ftp, "DACS_FTP_PASSWORD"),
            "OU REST CCS OS for CCS-DACS": storage(self.ccs_storage, self.ccs_key),
            "OU REST DACS OS for CCS-DACS": storage(self.dacs_storage, self.dacs_key),
            "OU REST CCS for CCS-DACS": {
                "type": "rest", "url": f"https://localhost:{self.ccs.port}/ouaf", "ca": self.ca,
                "auth": "basic", "user": "integration", "password": {"env": "CCS_PASSWORD"}, "retry": RETRY},
            "OU REST for CCS-DACS": {"type": "local"},
            "OU REST OIC for CCS-DACS": {"type": "local"},
            "OU SMTP for CCS-DACS": {
                "type": "smtp", "host": "localhost", "port": self.mail.port, "tls": "explicit",
                "ca": self.ca, "user": "sluice", "password": {"env": "SMTP_PASSWORD"}},
        }

    def set_lookup(self, lookup, name, value):
        self.sluice("lookups", "set", lookup, name, value, check=True)

    # ---- the program ------------------------------------------------------------------------------

    def command(self, *arguments, workspace=True):
        return [self.sluice_program, *(["-w", self.workspace] if workspace else []), *arguments]

    def environment(self):
        return {**os.environ, **SECRETS}

    def sluice(self, *arguments, workspace=True, check=False, timeout=120, **options):
        done = subprocess.run(self.command(*arguments, workspace=workspace), env=self.environment(),
                              capture_output=True, text=True, timeout=timeout, check=False, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"sluice {' '.join(arguments)}: exit {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return done

    # ---- looking at what the peers hold -----------------------------------------------------------

    def put_ccs_ftp(self, name, data):
        path = os.path.join(self.ccs_ftp.home + SOURCE_FOLDER, name)
        self._put(self.ccs_ftp, path, data)

    def put_dacs_ftp(self, name, data):
        self._put(self.dacs_ftp, os.path.join(self.dacs_ftp.home + TARGET_FOLDER, name), data)

    @staticmethod
    def _put(server, path, data):
        with open(path, "wb") as file:
            file.write(data)
        owner = os.stat(server.home)
        if os.getuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)

    def empty_ftp(self):
        for server, folder in ((self.ccs_ftp, SOURCE_FOLDER), (self.dacs_ftp, TARGET_FOLDER)):
            for name in os.listdir(server.home + folder):
                os.unlink(os.path.join(server.home + folder, name))

    @staticmethod
    def _files(folder):
        found = {}
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*"))
                           + glob.glob(os.path.join(glob.escape(folder), ".*"))):
            with open(path, "rb") as file:
                found[os.path.basename(path)] = file.read()
        return found

    def ccs_ftp_files(self):
        return self._files(self.ccs_ftp.home + SOURCE_FOLDER)

    def dacs_ftp_files(self):
        return self._files(self.dacs_ftp.home + TARGET_FOLDER)

    def _admin(self, storage, path, method="GET", data=None):
        request = urllib.request.Request(f"https://localhost:{storage.port}{path}", data, method=method)
        context = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.read()

    def put_object(self, storage, name, data):
        self._admin(storage, f"/_objects/{BUCKET}/{urllib.parse.quote(name, safe='')}", "PUT", data)

    def delete_object(self, storage, name):
        self._admin(storage, f"/_objects/{BUCKET}/{urllib.parse.quote(name, safe='')}", "DELETE")

    def objects(self, storage):
        listing = json.loads(self._admin(storage, f"/_objects/{BUCKET}"))
        return {one["name"]: self.object(storage, one["name"]) for one in listing}

    def open_uploads(self, storage):
        return json.loads(self._admin(storage, f"/_uploads/{BUCKET}"))

    def object(self, storage, name):
        return self._admin(storage, f"/_objects/{BUCKET}/{urllib.parse.quote(name, safe='')}")

    def mails(self):
        """Each mail's envelope record with "subject" and "text" added."""
        folder = os.path.join(self.root, "mail")
        path = os.path.join(folder, "messages.jsonl")
        records = read_records(path) if os.path.exists(path) else []
        for record in records:
            with open(os.path.join(folder, record["file"]), "rb") as file:
                message = email.message_from_binary_file(file, policy=email.policy.default)
            record["subject"] = str(message["Subject"])
            record["text"] = message.get_content()
            record["message_id"] = str(message["Message-ID"])
        return records

    def ccs_received(self):
        path = os.path.join(self.root, "ccs", "received.jsonl")
        return read_records(path) if os.path.exists(path) else []

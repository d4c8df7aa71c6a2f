# SPDX-License-Identifier: MIT
"""Throw-away certificates and keys for tests: a CA, server certificates good and bad, OCI keys.

Nothing made here is fit for anything but tests on loopback: keys are small-lived and lie in the
open in the folder that the caller names.
"""
import argparse
import collections
import contextlib
import datetime
import ipaddress
import json
import os
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from oci_signature import fingerprint

TENANCY = "ocid1.tenancy.oc1..aaaaaaaatesttenancy"
USER = "ocid1.user.oc1..aaaaaaaatestuser"
KINDS = ("good", "expired", "not_yet_valid", "wrong_host", "self_signed")


KEPT_KEYS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", ".cache", "keys")
_given = collections.Counter()  # keys of so many bits that this process has got


def _kept_key(path):
    try:
        with open(path, "rb") as file:
            return serialization.load_pem_private_key(file.read(), None)
    except (FileNotFoundError, PermissionError):
        return None


def _keep_key(path, key):
    """Whole or not at all, and the first of several that come at once."""
    with contextlib.suppress(OSError):
        os.makedirs(KEPT_KEYS, mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=KEPT_KEYS) as file:  # only for its owner to read
            file.write(pem_of_key(key))
            file.flush()
            os.link(file.name, path)


def new_key(bits=2048):
    """An RSA key that nobody else in this process has. Other processes have the same ones: making one
    takes a second where others work, too, so they are kept for the next run."""
    path = os.path.join(KEPT_KEYS, f"{bits}-{_given[bits]}.pem")
    _given[bits] += 1
    key = _kept_key(path)
    if key is None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        _keep_key(path, key)
    return key


def pem_of_key(key, kind="pkcs8", pass_phrase=None):
    """kind: pkcs1 ("BEGIN RSA PRIVATE KEY") or pkcs8 ("BEGIN PRIVATE KEY")."""
    form = {"pkcs1": serialization.PrivateFormat.TraditionalOpenSSL,
            "pkcs8": serialization.PrivateFormat.PKCS8}[kind]
    lock = serialization.BestAvailableEncryption(pass_phrase.encode()) if pass_phrase \
        else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


def write(path, data, mode=0o644):
    """Writes with its mode set from the start, so that a private key is never readable."""
    if os.path.exists(path):
        os.unlink(path)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    return path


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sluice tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject, issuer, public_key, first, last):
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(public_key).serial_number(x509.random_serial_number())
            .not_valid_before(first).not_valid_after(last)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))


class Authority:
    """A certificate authority with its key in memory; certificate is written as ca.pem."""

    def __init__(self, directory, name="Sluice test authority"):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())  # no other authority has it
        now = datetime.datetime.utcnow()
        self.subject = _name(name)
        builder = _builder(self.subject, self.subject, self.key.public_key(),
                           now - datetime.timedelta(days=1), now + datetime.timedelta(days=30))
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True) \
            .add_extension(usage, critical=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.path = write(os.path.join(directory, "ca.pem"),
                          self.certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, kind="good", hosts=("localhost", "127.0.0.1", "::1")):
        """Writes <kind>.pem and <kind>.key; returns both paths. kind is one of KINDS."""
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        key, now, day = new_key(), datetime.datetime.utcnow(), datetime.timedelta(days=1)
        first, last = {"expired": (now - 3 * day, now - day),
                       "not_yet_valid": (now + day, now + 3 * day)}.get(kind, (now - day, now + 29 * day))
        hosts = ("elsewhere.invalid",) if kind == "wrong_host" else hosts
        subject = _name(hosts[0])
        own = kind == "self_signed"
        builder = _builder(subject, subject if own else self.subject, key.public_key(), first, last)
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(h) for h in hosts]), False) \
            .add_extension(x509.BasicConstraints(False, None), critical=True) \
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        signer = key if own else self.key
        certificate = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        ).sign(signer, hashes.SHA256())
        path = write(os.path.join(self.directory, kind + ".pem"),
                     certificate.public_bytes(serialization.Encoding.PEM))
        return path, write(os.path.join(self.directory, kind + ".key"),
                           pem_of_key(key), 0o600)


def _alternative(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def oci_key(directory, name="oci", bits=2048, pass_phrase="correct horse", tenancy=TENANCY, user=USER):
    """One RSA key in every form that users bring. Returns the facts, paths included."""
    os.makedirs(directory, exist_ok=True)
    key = new_key(bits)
    facts = {"tenancy": tenancy, "user": user, "fingerprint": fingerprint(key.public_key()),
             "pass_phrase": pass_phrase}
    facts["key_id"] = "/".join((tenancy, user, facts["fingerprint"]))
    for kind in ("pkcs1", "pkcs8"):
        for label, phrase in (("", None), ("_locked", pass_phrase)):
            facts[kind + label] = write(os.path.join(directory, f"{name}_{kind}{label}.pem"),
                                        pem_of_key(key, kind, phrase), 0o600)
    facts["public"] = write(os.path.join(directory, name + "_public.pem"), key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return facts


def everything(directory):
    """A CA, one server certificate of each kind, an OCI key. Returns {name: path or facts}."""
    authority = Authority(directory)
    facts = {"ca": authority.path, "oci": oci_key(directory)}
    for kind in KINDS:
        facts[kind] = dict(zip(("certificate", "key"), authority.server(kind)))
    return facts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("all", "CA, all server certificates, OCI key"),
                       ("oci", "only an OCI key pair"), ("server", "CA and one server certificate")):
        command = commands.add_parser(name, help=text)
        command.add_argument("directory")
        if name == "server":
            command.add_argument("--kind", choices=KINDS, default="good")
            command.add_argument("--name", action="append", help="host or address (repeatable)")
    command = commands.add_parser("fingerprint", help="the OCI fingerprint of a key")
    command.add_argument("pem")
    arguments = parser.parse_args()
    if arguments.command == "all":
        facts = everything(arguments.directory)
    elif arguments.command == "oci":
        facts = oci_key(arguments.directory)
    elif arguments.command == "server":
        authority = Authority(arguments.directory)
        hosts = arguments.name or ("localhost", "127.0.0.1", "::1")
        facts = dict(zip(("certificate", "key"), authority.server(arguments.kind, hosts)))
        facts["ca"] = authority.path
    else:
        from oci_signature import load_public_key
        print(fingerprint(load_public_key(arguments.pem)))
        return 0
    print(json.dumps(facts, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

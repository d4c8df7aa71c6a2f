# SPDX-License-Identifier: MIT
"""Configuration and start of OpenSMTPD, a real mail server, delivering into a maildir.

Needs root: it separates privileges into accounts of its own (private ones here). TLS modes: none,
optional (STARTTLS offered), explicit (STARTTLS required), implicit. AUTH is required.
"""
import os

from confinement import HOME, NOBODY
from ftp_servers import Started, free_port, unpacked, write


def prepare_opensmtpd(plan, ports):
    program = unpacked("opensmtpd", "usr/sbin/smtpd")
    libexec = unpacked("opensmtpd", "usr/libexec")
    place = plan.confine(need_root=True)
    place.add_service_account("_smtpd", 65531)
    place.add_service_account("_smtpq", 65532)
    place.install_accounts()
    for folder in ("/run", "/var/spool", "/var/lib"):
        place.tmpfs(folder)
    os.makedirs("/var/lib/opensmtpd/empty", mode=0o755)
    place.bind(libexec, "/usr/libexec")
    place.bind(place.write("etc/mailname", "mail.test\n", 0o644), "/etc/hostname")
    maildir = os.path.join(plan.home, "Maildir")
    credentials = place.write("smtp.credentials", f"{plan.user} {place.hash}\n", 0o644)
    boxes = place.write("smtp.boxes", f"@ {plan.user}\n", 0o644)

    def start():
        plan.port = ports or free_port(plan.host)
        tls = {"none": "", "optional": "tls pki test", "explicit": "tls-require pki test",
               "implicit": "smtps pki test"}[plan.tls]
        # Without TLS this server offers no AUTH at all.
        login = "auth <credentials>" if plan.tls != "none" else ""
        lines = [f'table credentials file:{credentials}', f'table boxes file:{boxes}']
        if plan.tls != "none":
            lines += [f'pki test cert "{plan.certificate}"', f'pki test key "{plan.key}"']
        lines += [f"listen on {plan.host} port {plan.port} {tls} {login} hostname mail.test",
                  f'action deliver maildir "{HOME}/Maildir" virtual <boxes>',
                  "match from any for any action deliver",
                  "match auth from any for any action deliver"]
        command = [program, "-d", "-f", write(plan.path("smtpd.conf"), lines)]
        os.chmod(plan.path("smtpd.conf"), 0o600)
        return Started(command, plan.path("smtpd.log"), remote_home=HOME,
                       facts={"maildir": maildir, "auth": bool(login), "uid": NOBODY})
    return start

"""The report site's key, and its certificate: the hospital's, or one of an authority of the box.

Root's, in a folder of its own; ``site.pem`` (key, certificate, authorities) is handed to the web
server by systemd. Each file is written whole and renamed, and made only where it is missing, does
not fit the site's names, or ends soon. The authority may sign for this box alone (RFC 5280,
4.2.1.10), so whoever trusts it trusts it with nothing else.
"""

from __future__ import annotations

import grp
import json
import os
import secrets
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

CONFIG = Path("/etc/gateway/reports.json")
CHAIN = Path("/etc/gateway/reports/certificate.pem")
SECRETS = Path("/etc/gateway/secrets.json")
KEYS = Path("/srv/gateway/reports/keys")
GROUP = "reports-own"
ROOT_DAYS, DAYS, RENEWED_BEFORE = 3650, 397, 60
DAY = 86400
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


def main() -> None:
    """Make what is missing."""
    place(KEYS / "django", secrets.token_urlsafe(48) + "\n", 0o440, once=True)
    os.chown(KEYS / "django", 0, grp.getgrnam(GROUP).gr_gid)
    told = json.loads(CONFIG.read_text("utf-8"))
    hosts = [each.strip("[]") for each in told["hosts"]]
    if CHAIN.exists():
        hospitals(SECRETS, CHAIN)
        return
    made = own_root(told["site"], hosts) | own_certificate(hosts)
    shown = openssl("x509", "-in", str(KEYS / "root.crt"), "-noout", "-fingerprint", "-sha256")
    print(f"the authority's fingerprint is {shown.strip()}", *sorted(made), sep="; ")


def hospitals(kept: Path, chain: Path) -> None:
    """The hospital's certificate with its key, if they belong together."""
    key = json.loads(kept.read_text("utf-8")).get("reports_key", "") if kept.exists() else ""
    if not key:
        sys.exit("there is no key for the certificate: `gateway secrets certificate SITE` keeps it")
    belongs = openssl("x509", "-in", str(chain), "-noout", "-pubkey")
    if openssl("pkey", "-pubout", given=key) != belongs:
        sys.exit("the key is another certificate's: `gateway secrets certificate SITE` keeps one")
    (KEYS / "site.hosts").unlink(missing_ok=True)  # what is there is no longer the box's own
    place(KEYS / "site.pem", key.strip() + "\n" + chain.read_text("ascii"), 0o600)


def own_root(site: str, hosts: list[str]) -> set[str]:
    """The authority: a new one only where the names are others, since people have to trust it."""
    file = KEYS / "root.pem"
    if fits(KEYS / "root.hosts", file, hosts, 0):
        return set()
    permitted = ",".join(f"permitted;{constraint(each)}" for each in hosts)
    made = openssl(
        *("req", "-x509", *NEW_KEY, "-keyout", "-", "-subj", f"/O={site}/CN={site} report site"),
        *("-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-addext", "extendedKeyUsage=serverAuth"),
        *("-addext", f"nameConstraints=critical,{permitted}", *days(ROOT_DAYS)),
    )
    place(KEYS / "root.pem", made, 0o600)
    place(KEYS / "root.crt", openssl("x509", given=made), 0o600)
    place(KEYS / "root.hosts", json.dumps(hosts), 0o600)
    (KEYS / "site.hosts").unlink(missing_ok=True)
    return {"it is new: whoever trusted another one has to trust this one"}


def own_certificate(hosts: list[str]) -> set[str]:
    """The site's, signed by the authority."""
    file, root = KEYS / "site.pem", str(KEYS / "root.pem")
    if fits(KEYS / "site.hosts", file, hosts, RENEWED_BEFORE):
        return set()
    names = ",".join(named(each) for each in hosts)
    made = openssl(
        *("req", "-x509", *NEW_KEY, "-keyout", "-", "-subj", f"/CN={hosts[0]}"),
        *("-CA", root, "-CAkey", root, "-addext", f"subjectAltName={names}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "keyUsage=critical,digitalSignature"),
        *("-addext", "extendedKeyUsage=serverAuth", *days(DAYS)),
    )
    place(file, made + (KEYS / "root.crt").read_text("ascii"), 0o600)
    place(KEYS / "site.hosts", json.dumps(hosts), 0o600)
    return {"the certificate is new"}


def fits(names: Path, file: Path, hosts: list[str], spare_days: int) -> bool:
    """Whether it is for these names, and does not end within so many days."""
    if not (
        names.exists() and file.exists() and sorted(json.loads(names.read_text())) == sorted(hosts)
    ):
        return False
    ends = ("openssl", "x509", "-in", str(file), "-noout", "-checkend", str(spare_days * DAY))
    return subprocess.run(ends, check=False, stdout=subprocess.DEVNULL).returncode == 0


def days(count: int) -> tuple[str, ...]:
    """From yesterday, for a PC whose clock is behind."""
    begins = datetime.now(UTC) - timedelta(days=1)
    ends = begins + timedelta(days=count)
    return ("-not_before", f"{begins:%Y%m%d%H%M%SZ}", "-not_after", f"{ends:%Y%m%d%H%M%SZ}")


def named(host: str) -> str:
    """A name or an address as a certificate has it."""
    return f"IP:{host}" if is_address(host) else f"DNS:{host}"


def constraint(host: str) -> str:
    """The same where an authority is confined to it: an address has a mask."""
    if not is_address(host):
        return f"DNS:{host}"
    every = "255.255.255.255" if ip_address(host).version == 4 else ":".join(["ffff"] * 8)
    return f"IP:{host}/{every}"


def is_address(host: str) -> bool:
    """Whether it is no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def openssl(*words: str, given: str = "") -> str:
    """What it prints. A key goes through pipes only."""
    done = subprocess.run(
        ["openssl", *words],  # noqa: S607
        input=given,
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"openssl {words[0]}: {done.stderr.strip()}")
    return done.stdout


def place(file: Path, text: str, mode: int, *, once: bool = False) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    if once and file.exists():
        return
    number, fresh = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    with os.fdopen(number, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fchmod(number, mode)
        os.fsync(number)
    Path(fresh).replace(file)


if __name__ == "__main__":
    main()

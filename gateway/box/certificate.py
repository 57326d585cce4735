"""The report site's certificate: how long it holds, and by what its authority is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .process import must

SITE = Path("/srv/gateway/reports/keys/site.pem")
ROOT = Path("/srv/gateway/reports/keys/root.crt")
HOSPITALS = Path("/etc/gateway/reports/certificate.pem")
"""There only where the certificate is not the box's own."""


def told() -> dict[str, Any]:
    """The day it ends, and the fingerprint that people compare before they trust the authority."""
    ends = _openssl(SITE, "-enddate", "-dateopt", "iso_8601")
    own = "" if HOSPITALS.exists() else _openssl(ROOT, "-fingerprint", "-sha256")
    return {"name": "certificate", "until": ends[:10], "fingerprint": own}


def _openssl(file: Path, *words: str) -> str:
    """What stands behind the ``=``."""
    said = must(["openssl", "x509", "-in", str(file), "-noout", *words]).out
    return said.strip().partition("=")[2]

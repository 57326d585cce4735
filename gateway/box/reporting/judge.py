"""Judges a staged report site before anything is switched: ``judge.py site|web ROOT``.

What it names beside itself (its key, its certificate, its folders) may not be there yet: it gets
stand-ins, in a folder that goes again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

STAND_IN = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def site(root: Path, aside: Path) -> int:
    """Django's own checks of a site that is deployed, with the staged code and configuration."""
    told = json.loads((root / "etc/gateway/reports.json").read_text("utf-8"))
    (aside / "key").write_text("a stand-in, of more than fifty characters, for the key 0123456789")
    config = aside / "reports.json"
    config.write_text(json.dumps({**told, "secret_key_file": str(aside / "key")}))
    check = ("check", "--deploy", "--fail-level", "WARNING")
    words = ["/usr/bin/python3", "-IB", str(root / "usr/bin/reports"), *check]
    return ran(words, {"GATEWAY_REPORTS": str(config)})


def web(root: Path, aside: Path) -> int:
    """Apache reads its whole configuration."""
    made = [*STAND_IN, "-noenc", "-subj", "/CN=stand-in", "-keyout", "-", "-out", "-"]
    pem = subprocess.run(made, check=True, capture_output=True).stdout
    for name in ("site.pem", "root.crt"):
        (aside / name).write_bytes(pem)
    words = ["/usr/sbin/apache2", "-t", "-f", str(root / "etc/gateway/reports/apache.conf")]
    return ran(words, {"CREDENTIALS_DIRECTORY": str(aside), "RUNTIME_DIRECTORY": str(aside)})


def ran(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Its code; what it says is heard only if it refuses."""
    done = subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print((done.stderr or done.stdout).strip(), file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        judge = {"site": site, "web": web}[sys.argv[1]]
        sys.exit(judge(Path(sys.argv[2]), Path(folder)))

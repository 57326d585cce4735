"""The box's login at the hospital's web proxy: in a file that only root, and apt for it, can read.

Who it logs in as is in the tree, the password among the secrets; apt_auth.conf(5) wants both in
one file, which is therefore made here and is in no tree.
"""

from __future__ import annotations

import argparse
import json
import sys

from .files import Paths, make_folder, write

WANTED = "/etc/gateway/web-proxy.json"
LOGIN = "/etc/apt/auth.conf.d/90gateway.conf"


def login(paths: Paths) -> bool:
    """Make apt's file what the tree and the secrets say, or take it away; whether it changed."""
    target, content = paths.on_box(LOGIN), _content(paths)
    if not content:
        there = target.exists()
        target.unlink(missing_ok=True)
        return there
    known = target.exists() and target.read_bytes() == content
    if known and target.stat().st_mode & 0o7777 == 0o600:
        return False
    make_folder(target.parent)
    write(target, content, mode=0o600)
    return True


def _content(paths: Paths) -> bytes:
    """Nothing where no login is wanted, or none can be made: apt then says that it needs one."""
    wanted = paths.on_box(WANTED)
    if not wanted.exists():
        return b""
    secrets = json.loads(paths.secrets.read_text("utf-8")) if paths.secrets.exists() else {}
    password = secrets.get("web_proxy", "")
    if not password:
        print(f"{paths.secrets} has no password for the web proxy", file=sys.stderr)
        return b""
    told = json.loads(wanted.read_text("utf-8"))
    # With the scheme: without one, an entry is for https only (apt_auth.conf(5)).
    return f"machine {told['machine']} login {told['user']} password {password}\n".encode()


def main(argv: list[str]) -> int:
    """``gateway-box web-proxy``: make apt's login what it should be."""
    argparse.ArgumentParser("gateway-box web-proxy", description=main.__doc__).parse_args(argv)
    login(Paths())
    return 0

"""What the tests of the audit share: a rendered ruleset, in a scratch namespace and read back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway import features
from gateway.audit.answer import Proof
from gateway.audit.parse import load_text
from gateway.audit.prove import prove
from gateway.features import firewall
from gateway.load import load
from gateway.policy import Flow
from gateway.site import Site

ROOT = Path(__file__).parent.parent.parent


def can_have_namespaces() -> bool:
    """Whether there is nft, and a namespace to be had: as root, or as a user where that is on."""
    if not (shutil.which("nft") and shutil.which("unshare")):
        return False
    tried = ["unshare", "--map-root-user", "--net", "nft", "list", "ruleset"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


needs_nft = pytest.mark.skipif(not can_have_namespaces(), reason="needs nft and a namespace")


def described(path: Path) -> tuple[Site, tuple[Flow, ...]]:
    """A site and its flows, each with its line."""
    loaded = load(path)
    return loaded.site, features.policy(loaded.site, loaded.source.line)


def rendered(site: Site, flows: tuple[Flow, ...]) -> str:
    return firewall.ruleset(site, flows).decode()


def proof(site: Site, flows: tuple[Flow, ...], text: str) -> Proof:
    return prove(load_text(text), site, flows)

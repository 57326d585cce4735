"""Somebody at a real browser, at a place of the lab."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import Lab, reporting, wire
from lab.world import MARK

ROOT = Path(__file__).parents[2]
SHOTS = os.environ.get("REPORT_SHOTS", "")
"""A folder for pictures of the pages."""
POLICY = "/etc/chromium/policies/managed/authority.json"
FETCHED = """
return fetch(arguments[0]).then(async (answer) => {
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return [answer.status, btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""))];
});
"""


class Seat:
    """A Chromium in a place's own network namespace, and what is done at it."""

    def __init__(self, process: subprocess.Popen[str], origin: str) -> None:
        self._process, self.origin = process, origin

    def do(self, verb: str, *words: object) -> Any:
        """One verb of browser_driver.py."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([verb, *words]) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline() or '{"wrong": "the browser is gone"}')
        assert "wrong" not in told, told["wrong"]
        return told["said"]

    def reaches(self, path: str = "/", seconds: float = 20) -> str:
        """Go to a page of the site; what kept it from coming, or nothing."""
        return str(self.do("open", self.origin + path, seconds))

    def go(self, path: str) -> None:
        """Go to a page that comes."""
        assert (wrong := self.reaches(path)) == "", wrong

    def fill(self, **fields: str) -> None:
        """Write into the fields of those names."""
        for name, text in fields.items():
            self.do("write", f"main [name={name}]", text)

    def sees(self, css: str, wanted: str = "") -> str:
        """An element's text, once that is in it."""
        return str(self.do("text", css, wanted))

    def fetch(self, path: str) -> bytes:
        """A file as the page would get it."""
        status, body = self.do("ask", FETCHED, path)
        assert status == 200, (path, status)
        return base64.b64decode(body)

    def shot(self, name: str, css: str = "body") -> None:
        """A picture of the page from an element on, if somebody wants pictures."""
        if SHOTS:
            (Path(SHOTS) / f"{name}.png").write_bytes(base64.b64decode(self.do("shot", css)))


def _words(lab: Lab, who: str, folder: Path, trusted: str) -> list[str]:
    """The host's command that starts one. Its trust comes by policy, as on a hospital's PCs."""
    root = reporting.tree(print)
    der = ssl.PEM_cert_to_DER_cert(trusted) if trusted else b""
    told = {"CACertificates": [base64.b64encode(der).decode()] if der else []}
    policy = folder / "policy.json"
    policy.write_text(json.dumps(told))
    extra = ["--share-net", "--setenv", MARK, lab.world.mark]
    extra += ["--tmpfs", "/etc/chromium", "--ro-bind", str(policy), POLICY]
    driver = ["python3", str(Path(__file__).with_name("browser_driver.py"))]
    namespace = lab.plan.place(who).namespace
    return [*wire.inside(namespace), *reporting.command(root, driver, folder, ROOT, extra)]


@contextmanager
def seat(lab: Lab, who: str, address: str, folder: Path, trusted: str) -> Iterator[Seat]:
    """A seat at a place: ``address`` is the box's there, ``trusted`` an authority, or nothing."""
    folder.mkdir()
    words = _words(lab, who, folder, trusted)
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    ) as process:
        try:
            yield Seat(process, f"https://{address}")
        finally:
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

"""A browser's part in the checks: requests over HTTPS from somebody's own place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from lab import Lab

# Standard input: the authority's certificate. Prints what came, or what kept it from coming.
CLIENT = """
import http.client, json, socket, ssl, sys
told = json.loads(sys.stdin.read())
context = ssl.create_default_context(cadata=told["trusted"] or None)
if told["version"]:
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, told["version"])
    context.set_ciphers("ALL:@SECLEVEL=0")
try:
    wire = http.client.HTTPSConnection(told["address"], 443, timeout=told["wait"], context=context)
    wire.putrequest(told["method"], told["path"], skip_host=True)
    for name, value in {"Host": told["address"], **told["headers"]}.items():
        wire.putheader(name, value)
    wire.endheaders()
    answer = wire.getresponse()
    said = {"status": answer.status, "headers": [[k.lower(), v] for k, v in answer.getheaders()]}
    said["body"] = answer.read(200000).decode("utf-8", "replace")
except TimeoutError:
    said = {"error": "silent"}
except (OSError, http.client.HTTPException) as error:
    said = {"error": f"{type(error).__name__}: {error}"}
print(json.dumps(said))
"""
SOON = 3
"""Seconds within which somebody who is let in has a connection; who is not never has one."""


@dataclass(frozen=True)
class Answer:
    """What came; ``error`` is empty if anything did."""

    error: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Browser:
    """Somebody who trusts one authority and no other."""

    lab: Lab
    who: str
    address: str
    trusted: str

    def get(
        self,
        path: str = "/",
        *,
        headers: dict[str, str] | None = None,
        version: str = "",
        method: str = "GET",
        wait: float = 20,
    ) -> Answer:
        """Ask for a page. ``version``: of TLS, as ``ssl.TLSVersion`` calls it, and no other."""
        told = {"address": self.address, "trusted": self.trusted, "path": path, "wait": wait}
        told |= {"headers": headers or {}, "version": version, "method": method}
        words = ["python3", "-c", CLIENT]
        done = self.lab.exec(self.who, words, stdin=json.dumps(told), timeout=40)
        if not done.stdout:
            return Answer(error=done.stderr or "it said nothing")
        said = json.loads(done.stdout.splitlines()[-1])
        return Answer(**{**said, "headers": dict(said.get("headers", ()))})

"""A browser's part in the checks: requests over HTTPS from somebody's own place."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gateway.problems import Failed
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
    body = told["body"].encode()
    length = {"Content-Length": str(len(body))} if told["method"] == "POST" else {}
    for name, value in {"Host": told["address"], **length, **told["headers"]}.items():
        wire.putheader(name, value)
    wire.endheaders(body or None)
    answer = wire.getresponse()
    said = {"status": answer.status, "headers": [[k.lower(), v] for k, v in answer.getheaders()]}
    said["body"] = answer.read(200000).decode("utf-8", "replace")
except TimeoutError:
    said = {"error": "silent"}
except (OSError, http.client.HTTPException) as error:
    said = {"error": f"{type(error).__name__}: {error}"}
print(json.dumps(said))
"""
REDIRECT = 302
SOON = 3
"""Seconds within which somebody who is let in has a connection; who is not never has one."""


@dataclass(frozen=True)
class Answer:
    """What came; ``error`` is empty if anything did."""

    error: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    """Those that it sets; one that it takes away is empty."""


@dataclass(frozen=True)
class Browser:
    """Somebody who trusts one authority and no other."""

    lab: Lab
    who: str
    address: str
    trusted: str

    def get(  # noqa: PLR0913 - each is an ordinary part of a request
        self,
        path: str = "/",
        *,
        headers: dict[str, str] | None = None,
        version: str = "",
        method: str = "GET",
        body: str = "",
        wait: float = 20,
    ) -> Answer:
        """Ask for a page. ``version``: of TLS, as ``ssl.TLSVersion`` calls it, and no other."""
        told = {"address": self.address, "trusted": self.trusted, "path": path, "wait": wait}
        told |= {"headers": headers or {}, "version": version, "method": method, "body": body}
        words = ["python3", "-c", CLIENT]
        done = self.lab.exec(self.who, words, stdin=json.dumps(told), timeout=40)
        if not done.stdout:
            return Answer(error=done.stderr or "it said nothing")
        said = json.loads(done.stdout.splitlines()[-1])
        lines = said.pop("headers", [])
        set_ = [value.partition(";")[0] for name, value in lines if name == "set-cookie"]
        cookies = {name: value for name, _, value in (each.partition("=") for each in set_)}
        return Answer(**said, headers=dict(lines), cookies=cookies)


@dataclass(frozen=True)
class Visitor:
    """Somebody at a browser who may log in: keeps cookies, and sends a page's own forms."""

    browser: Browser
    cookies: dict[str, str] = field(default_factory=dict)

    def look(self, path: str) -> Answer:
        """See a page."""
        return self._ask(path, "GET", "", {})

    def send(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        if "csrftoken" not in self.cookies:
            self.look("/login")
        told = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **fields}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask(path, "POST", urlencode(told), kind)

    def tell(self, path: str, told: object) -> Answer:
        """Send JSON, as a page's script does."""
        kind = {"Content-Type": "application/json"}
        token = {"X-CSRFToken": self.cookies.get("csrftoken", "")}
        return self._ask(path, "POST", json.dumps(told), {**kind, **token})

    def log_in(self, name: str, password: str) -> bool:
        """Whether he is in."""
        return self.send("/login", name=name, password=password).status == REDIRECT

    def _ask(self, path: str, method: str, body: str, more: dict[str, str]) -> Answer:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value)
        referer = {"Referer": f"https://{self.browser.address}/"}
        headers = {**referer, **({"Cookie": jar} if jar else {}), **more}
        got = self.browser.get(path, headers=headers, method=method, body=body)
        self.cookies.update(got.cookies)
        return got


def administrator(browser: Browser, name: str) -> Visitor:
    """Made on the box, as the first one is; a password of this run's own. A name for each check."""
    password = secrets.token_urlsafe(24)
    browser.lab.exec("box", ["reports", "admin", name], stdin=f"{password}\n", check=True)
    chief = Visitor(browser)
    if not chief.log_in(name, password):
        raise Failed(f"{name}, made just now, cannot log in to the report site")
    return chief

"""Where Debian's packages come from: what this machine's own apt says, read when it is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gateway.problems import Failed
from gateway.run import run

SUITE = "trixie"
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, order=True)
class Host:
    """A server and its port."""

    name: str
    port: int

    @property
    def is_address(self) -> bool:
        """Whether it is written as an address, so that no hosts file can redirect it."""
        try:
            ip_address(self.name)
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Mirror:
    """A Debian mirror, with its security suite if the machine has one."""

    main: str
    security: str | None
    updates: bool
    proxy: str | None
    """The proxy that apt here uses, or None."""
    settings: tuple[str, ...]
    """apt's settings of how to fetch, as lines of apt.conf. May hold a password."""

    @property
    def sites(self) -> tuple[str, ...]:
        """The base addresses, each once."""
        return tuple(dict.fromkeys(each for each in (self.main, self.security) if each))

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """Base address and suite of all that a Debian 13 has."""
        found = [(self.main, SUITE)]
        if self.updates:
            found.append((self.main, f"{SUITE}-updates"))
        if self.security:
            found.append((self.security, f"{SUITE}-security"))
        return tuple(found)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The servers that are really connected to: the proxy, or else the mirrors."""
        ways = (self.proxy,) if self.proxy else self.sites
        return tuple(dict.fromkeys(host_of(each) for each in ways))


def host_of(url: str) -> Host:
    """The server of a URL."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Failed(f"the lab can fetch packages by http and https only, apt here uses {url}")
    return Host(parts.hostname, parts.port or PORTS[parts.scheme])


def as_http(url: str) -> str:
    """The address under which the box asks for it: the lab's cache does TLS in its place."""
    return re.sub(r"^https:", "http:", url)


def read() -> Mirror:
    """The mirror of this machine's apt. Raises Failed when it has none."""
    listed = run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"]).stdout
    lines = sorted({tuple(line.split()) for line in listed.splitlines()}, reverse=True)
    found = [(_resolved(site), suite) for site, suite, part in lines if part == "main"]
    security = [site for site, suite in found if suite.endswith("-security")]
    plain = [site for site, suite in found if not re.search("-(security|backports)", suite)]
    if not plain:
        raise Failed(
            "apt here has no Debian mirror (component `main`): see /etc/apt/sources.list.d"
        )
    settings = _settings()
    proxy = re.search(r'^Acquire::https?::Proxy "(http[^"]+)"', "\n".join(settings), re.M)
    return Mirror(
        main=_main(list(dict.fromkeys(plain)), found),
        security=security[0] if security else None,
        updates=any(suite.endswith("-updates") for _, suite in found),
        proxy=proxy.group(1) if proxy else None,
        settings=settings,
    )


def _main(sites: list[str], found: list[tuple[str, str]]) -> str:
    """The Debian mirror among several: the one that carries ``-updates``, else the first."""
    with_updates = [site for site, suite in found if suite.endswith("-updates") and site in sites]
    return (with_updates or sites)[0]


def _resolved(site: str) -> str:
    """``mirror+file:LIST`` (Debian's cloud images) as the first address of the list."""
    if not site.startswith("mirror+file:"):
        return site.rstrip("/")
    listed = Path(site.removeprefix("mirror+file:")).read_text().split()
    return next((each.rstrip("/") for each in listed if each.startswith("http")), site)


def _settings() -> tuple[str, ...]:
    """How apt here fetches: proxies, certificates, timeouts."""
    wanted = re.compile(r"^Acquire::https?::\S+ \".+\";$")
    return tuple(
        line for line in run(["apt-config", "dump"]).stdout.splitlines() if wanted.match(line)
    )


def probe(mirror: Mirror, scratch: Path) -> None:
    """Raise Failed unless the mirror answers and has Debian 13. apt's own helper asks."""
    url = f"{mirror.main}/dists/{SUITE}/InRelease"
    helper = "/usr/lib/apt/apt-helper"
    asked = run(
        [helper, "-o", "Acquire::Retries=0", "download-file", url, scratch / "InRelease"],
        check=False,
        timeout=60,
    )
    if asked.returncode:
        words = (asked.stderr or asked.stdout).strip().splitlines()
        raise Failed(
            f"apt's mirror does not give us Debian 13: {url}\n"
            + "\n".join(words[-3:])
            + "\nIs the network up, and is the mirror (see /etc/apt) the right one?"
        )

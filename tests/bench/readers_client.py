"""What a reader's browser asks of the report site, and of Orthanc's web viewer, for one study.

Both over the same small client: one connection that is kept, one request after the other. What the
browser then does with the answers (unpack, draw) is not counted, nor what it keeps of its own
(scripts, styles).
"""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

OURS = "site"


@dataclass(frozen=True)
class Where:
    """The two servers, and who is logged in."""

    url: str
    cookie: str
    orthanc: str


@dataclass(frozen=True)
class Opened:
    """Milliseconds, from the click on a study."""

    first: float
    whole: float


@dataclass
class Seen:
    """What one reader has met."""

    lists: list[float] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    bytes: int = 0
    asked: int = 0
    busy: float = 0.0
    """The client's own seconds of processor time."""
    errors: list[str] = field(default_factory=list)


class Wire:
    """HTTP/1.1 in as few steps as it takes: the client is on the same two cores."""

    def __init__(self, url: str, head: str, seen: Seen) -> None:
        self.at, self.seen = url.removeprefix("http://"), seen
        self.head = f"Host: {self.at}\r\nAccept-Encoding: gzip\r\n{head}"
        self._open()

    def _open(self) -> None:
        name, port = self.at.split(":")
        self.wire = socket.create_connection((name, int(port)), timeout=60)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.wire.makefile("rb")

    def get(self, path: str) -> bytes:
        """A body. Raises AssertionError for anything but success, OSError for a lost connection."""
        asked = f"GET {path} HTTP/1.1\r\n{self.head}\r\n".encode()
        self.wire.sendall(asked)
        line = self.file.readline()
        if not line:  # it was idle for too long; a browser asks once more, too
            self._open()
            self.wire.sendall(asked)
            line = self.file.readline()
        length, closes = 0, False
        while (told := self.file.readline().lower()) not in (b"\r\n", b""):
            if told.startswith(b"content-length:"):
                length = int(told.split(b":")[1])
            closes = closes or told.startswith(b"connection: close")
        body = self.file.read(length)
        if closes:
            self._open()
        self.seen.bytes += len(body)
        self.seen.asked += 1
        if line.split()[1:2] != [b"200"] or len(body) != length or not length:
            raise AssertionError(f"{path}: {line!r} {body[:200]!r}")
        return body

    def json(self, path: str) -> Any:
        """The same, as JSON means it."""
        return json.loads(self.get(path))


def _ms(since: float) -> float:
    return (time.perf_counter() - since) * 1000


class Site:
    """The report site: reports/static/viewer/load.js."""

    def __init__(self, where: Where, seen: Seen) -> None:
        self.wire = Wire(where.url, f"Cookie: sessionid={where.cookie}\r\n", seen)

    def list(self) -> None:
        """The reading list."""
        self.wire.get("/studies/")

    def open(self, study: dict[str, str]) -> Opened:
        """Its page; of each image what it is, its first frame, then all others."""
        begun, first = time.perf_counter(), 0.0
        self.wire.get(f"/studies/{study['study']}/")
        for image in self.wire.json(f"/studies/{study['study']}/images")["images"]:
            self.wire.get(image["meta"])
            self.wire.get(f"{image['pixels']}?first=0&count=1")
            first = first or _ms(begun)
            if image["frames"] > 1:
                self.wire.get(f"{image['pixels']}?first=1")
        return Opened(first, _ms(begun))


class Viewer:
    """Orthanc Explorer (explorer.js: #find-studies, #study), then the web viewer (viewer.js)."""

    def __init__(self, where: Where, seen: Seen, quality: str) -> None:
        self.wire, self.quality = Wire(where.orthanc, "", seen), quality

    def list(self) -> None:
        """Studies as its Explorer lists them."""
        self.wire.get("/studies?expand&since=0&limit=101&full")

    def open(self, study: dict[str, str]) -> Opened:
        """The study's page; of each series its frames, each by itself."""
        begun, first = time.perf_counter(), 0.0
        self.wire.get("/system")
        told = self.wire.json(f"/studies/{study['archive']}?full")
        self.wire.get(f"/patients/{told['ParentPatient']}?full")
        self.wire.get(f"/studies/{study['archive']}/series?full")
        for series in told["Series"]:
            frames = self.wire.json(f"/web-viewer/series/{series}")["Slices"]
            for frame in frames:
                self.wire.get(f"/web-viewer/instances/{self.quality}-{frame}")
                first = first or _ms(begun)
            self.wire.get(f"/web-viewer/is-stable-series/{series}")
        return Opened(first, _ms(begun))


def read(where: Where, what: str, studies: Sequence[dict[str, str]]) -> Seen:
    """One reader: before each study the list."""
    seen, before = Seen(), _busy()
    reader = Site(where, seen) if what == OURS else Viewer(where, seen, what)
    for study in studies:
        try:
            begun = time.perf_counter()
            reader.list()
            seen.lists.append(_ms(begun))
            seen.opened.append(reader.open(study))
        except (AssertionError, OSError, ValueError) as error:
            seen.errors.append(repr(error)[:300])
            reader = Site(where, seen) if what == OURS else Viewer(where, seen, what)
    seen.busy = _busy() - before
    return seen


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

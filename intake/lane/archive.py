"""Storing into Orthanc over its REST interface, and reading back what it has."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from intake.lane.settings import Archive
from intake.refused import Refused

SECONDS = 60.0
PIECE = 1 << 20


class Unreachable(Exception):  # noqa: N818 - an outcome: the file waits
    """The archive does not answer, or has no room; nothing is wrong with the file."""


class Client:
    """One archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def _way(self) -> tuple[str, dict[str, str]]:
        """Its address and how to log in, read each time: a start of the archive may change them."""
        archive = self._archive
        url, user, password = archive.url, archive.user, ""
        if archive.credentials:
            told = json.loads(Path(archive.credentials).read_text("utf-8"))
            url, user, password = str(told["url"]), str(told["user"]), str(told["password"])
        elif user:
            password = Path(archive.password_file).read_text("utf-8").strip()
        if not user:
            return url.rstrip("/"), {}
        raw = base64.b64encode(f"{user}:{password}".encode()).decode()
        return url.rstrip("/"), {"Authorization": f"Basic {raw}"}

    def store(self, path: Path) -> None:
        """Store an object and compare what the archive has then with it, byte for byte."""
        data = path.read_bytes()
        answer = json.loads(self._ask("/instances", data).read())
        with self._ask(f"/instances/{answer['ID']}/file") as stream:
            digest = hashlib.sha256()
            while piece := stream.read(PIECE):
                digest.update(piece)
        if digest.digest() != hashlib.sha256(data).digest():
            raise Refused(
                f"the archive has another object under this one's UID ({answer['Status']})",
                0,
                "an administrator has to look at both",
            )

    def has(self, uid: str) -> bool:
        """Whether the archive has an object."""
        return bool(json.loads(self._ask("/tools/lookup", uid.encode()).read()))

    def _ask(self, path: str, data: bytes | None = None) -> Any:
        try:
            url, headers = self._way()
            request = urllib.request.Request(url + path, data, headers)  # noqa: S310
            return urllib.request.urlopen(request, timeout=SECONDS)  # noqa: S310 - from settings
        except urllib.error.HTTPError as fault:
            if fault.code in {400, 404, 409, 415}:
                raise Refused(f"the archive does not take the object: {fault.reason}") from None
            raise Unreachable(f"the archive answers {fault.code} {fault.reason}") from None
        except (OSError, ValueError, KeyError) as fault:
            raise Unreachable(f"the archive does not answer: {fault}") from None

"""The archive over loopback, by the user that may only read, or by the one that adds."""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

SECONDS = 30.0


class DownError(Exception):
    """The archive does not answer, or not as it should; ``str`` of it is for people."""


class MissingError(Exception):
    """It has no such thing (any more)."""


class Archive:
    """One connection, kept open; not for several threads at once."""

    def __init__(self, credentials: str) -> None:
        self._file = Path(credentials)
        self._wire: http.client.HTTPConnection | None = None
        self._head: dict[str, str] = {}

    def get(self, path: str) -> bytes:
        """What is at a path. Raises DownError, MissingError."""
        return self._ask("GET", path, None)

    def json(self, path: str) -> Any:
        """The same, as JSON means it."""
        return json.loads(self.get(path))

    def post(self, path: str, body: bytes | dict[str, Any]) -> Any:
        """Give it something: an object's bytes, or a question as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return json.loads(self._ask("POST", path, sent))

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        for attempt in (1, 2):  # a connection that was kept may have been closed meanwhile
            try:
                wire = self._open()
                wire.request(method, path, body, self._head)
                answer = wire.getresponse()
                said = answer.read()
                break
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.close()
                if attempt == 2:
                    raise DownError(f"the archive does not answer: {error}") from None
        if answer.status == http.client.NOT_FOUND:
            raise MissingError(path)
        if answer.status != http.client.OK:
            raise DownError(f"the archive answers {answer.status} to {path}")
        return said

    def _open(self) -> http.client.HTTPConnection:
        if self._wire is None:
            # Read each time: the password is a new one after each boot.
            told = json.loads(self._file.read_text("utf-8"))
            where = urlsplit(told["url"])
            login = base64.b64encode(f"{told['user']}:{told['password']}".encode()).decode()
            self._head = {"Authorization": f"Basic {login}"}
            self._wire = http.client.HTTPConnection(
                where.hostname or "", where.port, timeout=SECONDS
            )
        return self._wire

    def close(self) -> None:
        """Hang up; the next question opens it again."""
        if self._wire:
            self._wire.close()
            self._wire = None


def reader() -> Archive:
    """By the user that may look and change nothing."""
    return Archive(settings.CONFIG.archive)


def adder() -> Archive:
    """By the user that may add objects."""
    return Archive(settings.CONFIG.archive_store)

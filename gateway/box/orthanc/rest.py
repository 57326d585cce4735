"""Orthanc's REST interface from outside, over loopback, for orders that may take long.

From inside it is shorter, but Orthanc's Python plugin holds Python's lock during such a call
(5.0): while a peer did not answer, no object was acknowledged to anybody.
"""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from typing import Any

from forward import Failed  # type: ignore[import-not-found]  # beside this file

HOURS = 3600.0  # a batch of large objects over a slow line; Orthanc's own limits are far shorter


class Rest:
    """POST, by one user."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._port = port
        login = b64encode(f"{user}:{password}".encode()).decode()
        self._head = {"Authorization": f"Basic {login}"}

    def __call__(self, path: str, body: Any) -> Any:
        """The answer, as JSON means it. Raises forward.Failed."""
        wire = http.client.HTTPConnection("127.0.0.1", self._port, timeout=HOURS)
        try:
            wire.request("POST", path, json.dumps(body), self._head)
            answer = wire.getresponse()
            said = json.loads(answer.read() or "null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failed(f"{path}: {error}") from None
        finally:
            wire.close()
        if answer.status != http.client.OK:
            why = said.get("Details") or said.get("Message") if isinstance(said, dict) else said
            raise Failed(f"{path}: {why or answer.status}")
        return said

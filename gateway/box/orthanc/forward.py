"""Copies of everything that is stored, to one peer, each at least once, whatever happens.

Orthanc's own list of changes is the queue: it is in the index, hence on the disk before a sender
is told anything. All that is kept beside it is how far the peer has got, and what it refused.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

BATCH = 50
RETRY_SECONDS = 5.0
REFUSED_AGAIN_SECONDS = 3600.0
POLL_SECONDS = 60.0


class Failed(Exception):  # noqa: N818 - as everywhere in this house
    """A request that Orthanc, or the peer behind it, did not fulfil."""


class Api(Protocol):
    """Orthanc's REST interface: GET, or POST with a body. Raises Failed."""

    def __call__(self, path: str, body: Any = None) -> Any:
        """The answer, as JSON means it."""


@dataclass
class State:
    """How far a peer has got: ``seq`` of the last change, and the objects it would not take."""

    seq: int = 0
    refused: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> State:
        """What was written last; from the beginning when there is nothing."""
        try:
            known = json.loads(file.read_text("utf-8"))
            return cls(int(known["seq"]), [str(each) for each in known["refused"]])
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError):
            return cls()  # sent twice is no harm, not at all would be

    def write(self, file: Path) -> None:
        """Whole or not at all; a cut before it makes an object travel twice (fsync(2))."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump({"seq": self.seq, "refused": self.refused}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)


class Courier:
    """Sends one peer its copies. ``wake`` and ``end`` may be called from any thread."""

    def __init__(self, peer: str, file: Path, api: Api, log: Callable[[str], Any]) -> None:
        self.peer = peer
        self.state = State.read(file)
        self._file = file
        self._api = api
        self._log = log
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._own_title = ""
        self._refused_at = -REFUSED_AGAIN_SECONDS

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    def end(self) -> None:
        """Stop after what is under way."""
        self._ended.set()
        self._woken.set()

    def run(self) -> None:
        """Until ``end``: send, then wait for more; after a failure, try again soon and for ever."""
        failing = ""
        while not self._ended.is_set():
            self._woken.clear()
            try:
                self._again()
                while not self._ended.is_set() and self.step():
                    pass
                if failing:
                    self._log(f"{self.peer} has all its copies again")
                failing = ""
                self._woken.wait(POLL_SECONDS)
            except Exception as error:  # this thread must outlive whatever happens
                if str(error) != failing:  # not a line every few seconds while a peer is off
                    self._log(f"copies wait for {self.peer}: {error}")
                failing = str(error)
                self._ended.wait(RETRY_SECONDS)

    def step(self) -> bool:
        """Send what the next changes are about; False when there are none."""
        found = self._api(f"/changes?since={self.state.seq}&limit={BATCH}")
        if not found["Changes"]:
            return False
        fresh = [each["ID"] for each in found["Changes"] if each["ChangeType"] == "NewInstance"]
        self._deliver([each for each in dict.fromkeys(fresh) if self._wanted(each)])
        self.state.seq = int(found["Last"])
        self.state.write(self._file)
        return True

    def _deliver(self, objects: list[str]) -> None:
        """All on one association; if that fails, one by one, so that one is not all."""
        if not objects or self._sent(objects):
            return
        self._echo()  # raises: then it is the peer that fails, and no object of these
        for each in objects:
            if self._ended.is_set():
                raise Failed("ended")
            if self._sent([each]) or not self._exists(each):
                continue
            self._echo()
            self._log(f"{self.peer} refuses {each}; it is offered again every hour")
            self.state.refused.append(each)

    def _echo(self) -> None:
        self._api(f"/modalities/{self.peer}/echo", {})

    def _again(self) -> None:
        """Offer what was refused once more, now and then."""
        if not self.state.refused or time.monotonic() - self._refused_at < REFUSED_AGAIN_SECONDS:
            return
        self._refused_at = time.monotonic()
        refused = [each for each in self.state.refused if self._exists(each)]
        self.state.refused = [each for each in refused if not self._sent([each])]
        self.state.write(self._file)

    def _sent(self, objects: list[str]) -> bool:
        order = {"Resources": objects, "Synchronous": True, "Permissive": False}
        try:
            self._api(f"/modalities/{self.peer}/store", order)
        except Failed:
            return False
        return True

    def _exists(self, identifier: str) -> bool:
        try:
            self._api(f"/instances/{identifier}")
        except Failed:
            return False
        return True

    def _wanted(self, identifier: str) -> bool:
        """Not what has been deleted since, and not what the peer itself has sent."""
        try:
            about = self._api(f"/instances/{identifier}/metadata?expand")
        except Failed:
            return False
        return str(about.get("RemoteAET", "")).strip() != self._title()

    def _title(self) -> str:
        if not self._own_title:
            known = self._api("/modalities?expand")
            self._own_title = str(known[self.peer]["AET"]).strip()
        return self._own_title

"""Devices whose files have to wait: said once in the journal, and by mail when it lasts."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from intake.lane.mail import tell

log = logging.getLogger("intake.lane")
ADVICE = """\
Nothing is lost: its files wait in their folder `incoming` and are taken when this is over.
What to look at: does the archive run and answer, is the disk full, was a folder changed?"""


@dataclass
class _Standing:
    since: float
    why: str
    told: bool = False


class Still:
    """Who stands still, and since when."""

    def __init__(self, mail: str, patience: float) -> None:
        """Mail goes out after ``patience`` seconds: an archive that starts anew is no news."""
        self._mail, self._patience = mail, patience
        self._standing: dict[str, _Standing] = {}

    def stands(self, device: str, why: str, now: float) -> None:
        """Once more nothing could be taken."""
        one = self._standing.get(device)
        if one is None or one.why != why:
            log.error("%s stands still: %s", device, why)
            one = _Standing(one.since if one else now, why, one.told if one else False)
            self._standing[device] = one
        if not one.told and now - one.since >= self._patience:
            tell(self._mail, f"{device}: its images are not taken in", f"{why}\n\n{ADVICE}\n")
            one.told = True

    def goes(self, device: str) -> None:
        """Something was taken."""
        one = self._standing.pop(device, None)
        if one:
            log.info("%s goes on", device)
            if one.told:
                tell(self._mail, f"{device}: its images are taken in again", f"It was: {one.why}\n")

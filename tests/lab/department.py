"""A department in the lab, and what its administrator does with it from the controller."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import lab
from gateway.apply import Summary, apply
from gateway.load import load
from gateway.run import run
from gateway.trial import Trial

PROGRAM = "/usr/sbin/gateway-box"


class Department:
    """The lab's box, and its description in a file."""

    def __init__(self, folder: Path, made: lab.Lab) -> None:
        self.folder = folder
        self.site = folder / "site.yml"
        self.lab = made

    def trial(self, text: str = "") -> Trial:
        """With another description, if one is given."""
        if text:
            self.site.write_text(text)
        return Trial(load(self.site), self.lab)

    def apply(self, text: str = "", **order: Any) -> Summary:
        """As an operator does."""
        trial = self.trial(text)
        return apply(trial.loaded, replace(trial.order, **order))

    def on_box(self, *command: str, check: bool = True) -> str:
        """What a command on the box prints, past ssh and firewall."""
        return self.lab.exec("box", list(command), check=check, timeout=120).stdout

    def by_hand(self, command: str) -> str:
        """By ssh, as somebody does who works on the box by hand."""
        return run(["ssh", *self.lab.ssh_options(), "box", command], check=False).stdout

    def told(self, *words: str) -> dict[str, Any]:
        """What gateway-box answers."""
        return dict(json.loads(self.on_box(PROGRAM, *words, check=False).splitlines()[-1]))


@contextmanager
def booted(folder: Path, text: str, name: str) -> Iterator[lab.Lab]:
    """A lab of a description, up until the end of the block; its box is bare."""
    (folder / "site.yml").write_text(text)
    name = f"{name}{os.getpid()}"
    try:
        yield lab.up(folder / "site.yml", name)
    finally:
        lab.down(name)

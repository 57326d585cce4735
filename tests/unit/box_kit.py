"""A box in a folder: the controller's own code makes its archives, gateway-box its changes."""

from __future__ import annotations

import grp
import json
import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.archive import pack
from gateway.box.__main__ import main
from gateway.box.activate import activate
from gateway.box.files import Paths
from gateway.box.store import Store
from gateway.box.switch import Outcome
from gateway.render import RenderedFile
from gateway.tree import Tree, write

ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(os.getgid()).gr_name


def file(path: str, text: str = "text\n", **more: Any) -> RenderedFile:
    """A file of whoever runs the tests."""
    return RenderedFile(path, text.encode(), "test", owner=ME, group=MY_GROUP, **more)


class BoxInAFolder:
    """A root folder, its store, and what the controller would send it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.scratch = folder / "controller"
        self.log = folder / "log"
        self.store = Store(Paths(self.root))

    def archive(self, files: Iterable[RenderedFile], **more: Any) -> Path:
        """What the controller would send; ``more`` are other fields of the tree."""
        self.scratch.mkdir(exist_ok=True)
        none: dict[str, Any] = {"packages": (), "units": (), "masked": ()}
        tree = Tree("test", "box", tuple(files), **{**none, **more})
        target = self.scratch / "box.zip"
        pack(write(tree, self.scratch), target)
        return target

    def stage(self, *files: RenderedFile) -> int:
        """Stage a tree; its generation."""
        return self.store.stage(self.archive(files))[0].number

    def apply(self, *files: RenderedFile, only_first: bool = False) -> Outcome:
        """Stage a tree and switch to it."""
        return activate(self.store, self.stage(*files), only_first=only_first)

    def run(self, *words: str) -> int:
        """gateway-box itself."""
        return main(list(words), self.store.paths)

    def noting(self, word: str, code: int = 0) -> tuple[str, ...]:
        """A reload command that leaves a line in the log."""
        return ("sh", "-c", f"echo {word} >> {self.log}; exit {code}")

    def noted(self) -> list[str]:
        """What was reloaded since the last look."""
        lines = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def put(self, path: str, text: str, mode: int = 0o644) -> Path:
        """A file that was there before us."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target

    def everything(self) -> dict[str, tuple[int, str]]:
        """Every file and link below the root but gateway-box's own memory: mode and content."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = "/" + str(path.relative_to(self.root))
            if name.startswith(("/var/lib/gateway", "/run", "/var/lib")) or name == "/var":
                continue
            if path.is_symlink():
                found[name] = (0, f"-> {path.readlink()}")
            else:
                text = path.read_text() if path.is_file() else "folder"
                found[name] = (path.stat().st_mode & 0o7777, text)
        return found

    def state(self) -> dict[str, Any]:
        """state.json."""
        return dict(json.loads((self.store.paths.memory / "state.json").read_text()))

"""Write a rendered box to a folder, whole or not at all, with its manifest.

``OUT/HOST/manifest.json`` and ``OUT/HOST/files/etc/…``: the same input gives the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.problems import Failed
from gateway.render import RenderedFile

MANIFEST_FORMAT = 1


@dataclass(frozen=True)
class Tree:
    """What goes into a folder: the files, and what the box must know beside them."""

    site: str
    host: str
    files: Sequence[RenderedFile]
    packages: Sequence[str]
    units: Sequence[str]
    masked: Sequence[str]
    folders: Sequence[str] = ()
    data: Sequence[tuple[str, str]] = ()
    probes: Sequence[Mapping[str, object]] = ()

    def manifest(self) -> dict[str, Any]:
        """Everything that defines the generation; files in the order they are taken into use."""
        return {
            "format": MANIFEST_FORMAT,
            "version": __version__,
            "site": self.site,
            "host": self.host,
            "files": [_entry(file) for file in self.files],
            "packages": list(self.packages),
            "units": list(self.units),
            "masked": list(self.masked),
            "folders": list(self.folders),
            "data": [{"path": path, "what": what} for path, what in self.data],
            "probes": list(self.probes),
        }


def _entry(file: RenderedFile) -> dict[str, Any]:
    from hashlib import sha256  # as above

    return {
        "path": file.path,
        "mode": f"{file.mode:04o}",
        "owner": file.owner,
        "group": file.group,
        "sha256": sha256(file.content).hexdigest(),
        "feature": file.feature,
        "check": list(file.check),
        "reload": list(file.reload),
        "first": file.first,
    }


def write(tree: Tree, out: Path) -> Path:
    """Write the tree to ``out/HOST``, replacing the one that is there, and return that folder.

    The new folder is complete before the old one is moved away, so that nobody meets half a
    tree. Raises Failed if the place cannot be written or is not a tree of ours.
    """
    target = out / tree.host
    if target.exists() and not (target / "manifest.json").is_file():
        raise Failed(f"{target} is there already and is no rendered tree: choose another --out")
    import tempfile  # with OpenSSL's library; `gateway check` describes a tree and writes none

    try:
        out.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{tree.host}.", dir=out))
    except OSError as error:
        raise Failed(f"cannot write to {out}: {error.strerror}") from None
    try:
        _fill(tree, fresh)
        _swap(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _fill(tree: Tree, folder: Path) -> None:
    for file in tree.files:
        path = folder / "files" / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Created with its mode: a secret is at no moment readable by others.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content)
        path.chmod(file.mode)
    text = json.dumps(tree.manifest(), indent=1, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, "utf-8")
    folder.chmod(0o755)


def _swap(fresh: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)

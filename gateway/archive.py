"""A rendered tree as one file, which also is a program.

A zip file and not a tar: Python runs one directly, so ``python3 GATEWAY.zip stage GATEWAY.zip``
works on a bare box, by the very program that the archive brings. The same tree gives the same
bytes.
"""

from __future__ import annotations

import os
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import IO

from gateway.problems import Failed

# The library is where features/box.py puts it; zip files are importable at a folder inside.
_MAIN = b"""import sys

sys.path.insert(0, sys.path[0] + "/files/usr/lib/gateway")

from box.__main__ import main

sys.exit(main())
"""
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file can express
_REGULAR = 0o100600 << 16


def pack(folder: Path, archive: Path) -> str:
    """Pack a rendered tree (a folder of tree.py's); returns its manifest's SHA-256.

    Raises Failed if there is no whole tree, or the archive cannot be written.
    """
    try:
        manifest = (folder / "manifest.json").read_bytes()
        members = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted((folder / "files").rglob("*"))
            if path.is_file()
        }
        fresh = archive.with_name(f".{archive.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as stream:
            _write(stream, {"__main__.py": _MAIN, "manifest.json": manifest, **members})
        fresh.rename(archive)
    except OSError as error:
        raise Failed(f"cannot pack {folder}: {error}") from None
    return sha256(manifest).hexdigest()


def _write(stream: IO[bytes], members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _OLDEST)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _REGULAR
            archive.writestr(info, content)

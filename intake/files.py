"""Opening what a device dropped: nothing outside its folder, nothing but plain files, no pipes.

A dropped header names its data file. That name is a stranger's, so it must be a bare name, and
it is opened relative to the folder without following links (openat(2), O_NOFOLLOW).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt

from intake.bounds import native
from intake.fields import Original
from intake.refused import Refused
from intake.study import Pixels

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """A plain file; a link, pipe, device or folder is Refused, and none of them is waited for."""
    try:
        number = os.open(path, _FLAGS)
    except OSError as fault:
        raise Refused(_why(path.name, fault)) from None
    if not stat.S_ISREG(os.fstat(number).st_mode):  # before fdopen, which refuses a folder itself
        os.close(number)
        raise Refused(f"{shown(path.name)} is not a plain file")
    with os.fdopen(number, "rb") as file:
        yield file


def _why(name: str, fault: OSError) -> str:
    if fault.errno == errno.ELOOP:
        return f"{shown(name)} is a symbolic link; only plain files are read"
    if fault.errno == errno.ENOENT:
        return f"there is no file {shown(name)}"
    return f"{shown(name)} cannot be read: {fault.strerror}"


def shown(name: str) -> str:
    """A stranger's name, safe to print."""
    short = name if len(name) <= 80 else name[:77] + "..."
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in short)


def beside(folder: Path, name: str, line: int = 0) -> Path:
    """The file of that name in ``folder``: exactly, or else the only one but for its case."""
    if name in {"", ".", ".."} or any(char in name for char in "/\\\0") or name[1:2] == ":":
        raise Refused(
            f"the data file is named {shown(name)!r}: only a file beside the header is read",
            line,
            "put the data file into the same folder and its bare name into the header",
        )
    if len(name) > 255:
        raise Refused("the name of the data file is longer than 255 characters", line)
    try:
        if (folder / name).exists() or (folder / name).is_symlink():
            return folder / name
        wanted = _folded(name)
        alike = sorted(each.name for each in folder.iterdir() if _folded(each.name) == wanted)
    except OSError as fault:
        raise Refused(_why(name, fault), line) from None
    if len(alike) > 1:
        raise Refused(f"{shown(name)} could be any of: {', '.join(alike)}", line)
    if not alike:
        raise Refused(f"there is no data file {shown(name)} beside the header", line)
    return folder / alike[0]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def size_of(file: BufferedReader) -> int:
    """Bytes in the file."""
    return os.fstat(file.fileno()).st_size


def original(path: Path) -> Original:
    """Name, size and SHA-256, read in pieces."""
    with opened(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Original(path.name, size_of(file), digest)


@dataclass(frozen=True)
class Layout:
    """Where images lie in a file, and as what."""

    rows: int
    columns: int
    frames: int
    dtype: np.dtype[np.generic]
    offset: int
    line: int = 0
    """Of the header, for a message."""

    @property
    def size(self) -> int:
        """Bytes that the images take."""
        return self.rows * self.columns * self.frames * self.dtype.itemsize


def check_fits(layout: Layout, there: int) -> None:
    """Refused when the file ends within the images; nothing is allocated before."""
    if layout.offset > there:
        raise Refused(f"the images begin at byte {layout.offset}, the file ends at {there}")
    if layout.offset + layout.size > there:
        each = layout.rows * layout.columns * layout.dtype.itemsize
        whole = (there - layout.offset) // each
        raise Refused(
            f"the file is cut short: {layout.frames} images of {each} bytes are stated, "
            f"{there - layout.offset} bytes are there ({whole} whole images)",
            layout.line,
        )


def pixels(file: BufferedReader, layout: Layout) -> Pixels:
    """The images in this machine's byte order; allocated once."""
    check_fits(layout, size_of(file))
    file.seek(layout.offset)
    count = layout.rows * layout.columns * layout.frames
    found: npt.NDArray[np.generic] = np.fromfile(file, dtype=layout.dtype, count=count)
    if found.size != count:
        raise Refused("the file became shorter while it was read")
    if not found.dtype.isnative:
        found = found.byteswap(inplace=True).view(found.dtype.newbyteorder("="))
    return native(found.reshape(layout.frames, layout.rows, layout.columns))


def save(path: Path, chunks: Iterable[bytes | memoryview], mode: int = 0o640) -> None:
    """Write the file whole or not at all, and on the disk when this returns."""
    number, temporary = tempfile.mkstemp(prefix=".intake-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

"""An acquisition as Interfile 3.3 that old cameras read: a header and a file of pixels.

Lines end with CR LF and have at most 255 characters, numbers are big-endian unless the dialect
says otherwise, the last character is Ctrl-Z (m-intf(4)). The pixels keep their type and order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intake import files
from intake.fields import Field
from intake.interfile.dialects import STANDARD, Dialect
from intake.interfile.header import Header
from intake.options import CHARSETS, DEFAULT, Options
from intake.refused import Refused
from intake.study import Acquisition


@dataclass(frozen=True, eq=False)
class Written:
    """A header and its pixels, ready to be saved."""

    header: bytes
    acquisition: Acquisition
    order: tuple[int, ...]
    dialect: Dialect
    fields: tuple[Field, ...]

    def chunks(self) -> Iterator[bytes]:
        """The pixels, one frame's memory at a time."""
        pixels = self.acquisition.pixels
        dtype = pixels.dtype.newbyteorder("<" if self.dialect.little_endian else ">")
        for index in self.order:
            yield pixels[index].astype(dtype).tobytes()


def write(
    acquisition: Acquisition,
    data_name: str,
    dialect: Dialect = STANDARD,
    options: Options = DEFAULT,
) -> Written:
    """The header for a data file of that name, and the pixels in the header's order."""
    places = acquisition.places
    order = tuple(sorted(range(len(places)), key=lambda each: places[each]))
    writer = Header(acquisition, dialect, order)
    text = "\r\n".join(writer.all(data_name)) + "\r\n\x1a"
    return Written(_encoded(text, options), acquisition, order, dialect, acquisition.fields)


def _encoded(text: str, options: Options) -> bytes:
    charset = CHARSETS[options.charset] if options.charset else "ascii"
    try:
        return text.encode(charset)
    except UnicodeEncodeError as fault:
        char = fault.object[fault.start]
        raise Refused(
            f"{char!r} has no place in the receiving device's character set "
            f"({options.charset or 'ASCII'})",
            0,
            "name its character set in the device's profile (--charset latin1, big5, …)",
        ) from None


def save(made: Written, header: Path, data: Path) -> None:
    """Both files whole or not at all; the header last, for whoever waits for it."""
    files.save(data, made.chunks())
    files.save(header, [made.header])

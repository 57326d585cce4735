"""What the operator's device profile says about a file that the file itself does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

CHARSETS = {
    # name in a profile -> Python's codec. Those with bytes below 0x40 as second bytes of a
    # character cannot hold the bytes of a line end, so lines are split before decoding.
    "ascii": "ascii",
    "latin1": "latin-1",
    "latin2": "iso8859-2",
    "cp437": "cp437",
    "cp850": "cp850",
    "cp1252": "cp1252",
    "macroman": "mac_roman",
    "utf8": "utf-8",
    "big5": "big5",
    "gb18030": "gb18030",
    "shift-jis": "shift_jis",
    "euc-jp": "euc_jp",
    "euc-kr": "euc_kr",
}


@dataclass(frozen=True)
class Options:
    """Approved by a person once, for a device; empty where the file must speak for itself."""

    charset: str = ""
    """A key of CHARSETS. Empty: bytes above 127 in a value that is used refuse the file."""
    dialect: str = ""
    """Of Interfile; empty: recognised by the file's own words."""
    assume: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Keys that a device never writes, with the value that holds for it (``start angle: 0``)."""
    decimal_comma: bool = False


DEFAULT = Options()

"""How the values of a description are written: names, addresses, titles, days, text.

Every block of the description is a `Part`; the blocks themselves are in ``site``, ``imaging`` and
``reporting``.
"""

from __future__ import annotations

import re
from datetime import date
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# 15 characters: the shortest of the limits it has to fit in (NetBIOS name, interface name,
# DNS label, account name). A dash inside, never at an end (RFC 1123, 2.1).
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$")]
NicName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,14}$")]
Mac = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
# Printable ASCII without backslash (DICOM PS3.5, 6.2, value representation AE); its length
# of 16 is checked with a message of its own in checks/devices.py.
AETitle = Annotated[str, StringConstraints(pattern=r"^[!-\[\]-~]([ -\[\]-~]*[!-\[\]-~])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Domain = Annotated[
    str,
    # 200: a device's name before it stays below 253 characters (RFC 1035, 2.3.4).
    StringConstraints(
        max_length=200, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
    ),
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[^\s]*)?$")]
SshKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-\S+) [A-Za-z0-9+/=]+( .*)?$"
    ),
]
Email = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$")]
# No colon (RFC 7617, 2) and, as apt_auth.conf(5) has it, no blank.
ProxyUser = Annotated[str, StringConstraints(pattern=r"^[!-9;-~]{1,64}$")]
ServiceName = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z0-9-]*|(tcp|udp)/\d{1,5}(-\d{1,5})?)$")
]
# For people, so it reaches terminals and pages: no escape sequence, nothing that turns the order
# of what follows (Unicode UAX 9). Line breaks and tabs are as YAML has them.
Prose = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"),
]
# DOS takes 127 bytes of command line, and `{in}` becomes up to 15 of them. A bracket at the
# beginning would open another section of dosbox.conf.
DosLine = Annotated[str, StringConstraints(pattern=r"^[!-Z\\-~][ -~]{0,109}$")]
DosEnding = Annotated[str, StringConstraints(pattern=r"^\.[A-Za-z0-9_-]{1,8}$")]
Who = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:/-]*$")]


def _as_text(value: object) -> object:
    if isinstance(value, int):  # pydantic would take 5 for 0.0.0.5
        raise ValueError(f"is the number {value}, not an address: such as 10.1.1.11")
    return value


def _as_day(value: object) -> object:
    # One spelling: pydantic would also take 5 for a day of 1970, and a time of day.
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(
                "is no day of the calendar: write year-month-day, such as 2027-03-31"
            ) from None
    raise ValueError("is no day: write year-month-day, such as 2027-03-31")


Address4 = Annotated[IPv4Address, BeforeValidator(_as_text)]
Address6 = Annotated[IPv6Address, BeforeValidator(_as_text)]
Interface4 = Annotated[IPv4Interface, BeforeValidator(_as_text)]
Interface6 = Annotated[IPv6Interface, BeforeValidator(_as_text)]
Day = Annotated[date, BeforeValidator(_as_day)]

OUTSIDE = "outside"
BOX = "box"
RESERVED = frozenset({OUTSIDE, BOX, "any", "all", "none"})
"""Words that name a side in messages and questions, so no device or network may have them."""


class Part(BaseModel):
    """A block of the description: unknown keys are refused, nothing changes afterwards."""

    # Built at the first use, once for the whole and not for every part: a third of the start.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

"""Device profiles: what an ICON, a Varicam or a UNIX camera can speak, as data.

One YAML file a profile under ``gateway/devices``; its name is the file's.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

DEVICES = Path(__file__).parent / "devices"
# libyaml's safe loader where it is there: `gateway check` reads all profiles at every start.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

SmbDialect = Literal["CORE", "LANMAN1", "LANMAN2", "NT1", "SMB2", "SMB3"]
"""From oldest to newest, named as Samba's `server min protocol` does."""


class Part(BaseModel):
    """A block of a profile."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Smb(Part):
    """Files over SMB."""

    speaks: Literal["smb"]
    dialects: Annotated[tuple[SmbDialect, ...], Field(min_length=1)]

    def __str__(self) -> str:
        return f"SMB ({', '.join(self.dialects)})"


class Afp(Part):
    """Files over AFP, on TCP or on AppleTalk (DDP)."""

    speaks: Literal["afp"]
    over: tuple[Literal["tcp", "appletalk"], ...]

    def __str__(self) -> str:
        return f"AFP ({', '.join(self.over)})"


class Nfs(Part):
    """Files over NFS."""

    speaks: Literal["nfs"]
    versions: tuple[Literal[2, 3, 4], ...]

    def __str__(self) -> str:
        return f"NFS ({', '.join(map(str, self.versions))})"


Protocol = Annotated[Smb | Afp | Nfs, Field(discriminator="speaks")]


class Limits(Part):
    """What the device's own software can hold."""

    password: Annotated[int, Field(ge=4, le=127)] = 20
    """Longest password, in characters."""
    password_case: Literal["mixed", "upper"] = "mixed"  # noqa: S105 - not a password
    """`upper`: it folds passwords to capitals before it hashes them (LANMAN)."""
    share_name: Annotated[int, Field(ge=8, le=80)] = 80
    """Longest share name."""


Dialect = Literal[
    "standard", "simind", "gate", "stir", "genie", "hermes", "mipav", "mediman", "cti"
]
Charset = Literal[
    "ascii",
    "latin1",
    "latin2",
    "cp437",
    "cp850",
    "cp1252",
    "macroman",
    "utf8",
    "big5",
    "gb18030",
    "shift-jis",
    "euc-jp",
    "euc-kr",
]


class Images(Part):
    """What the image files are like that it writes and reads; the names are those of `intake`."""

    dialect: Dialect = "standard"
    """Of Interfile."""
    charset: Charset = "ascii"
    """Of names in them; with `ascii` a file with other letters is set aside."""


Mount = Literal[
    "dos",
    "mac-os-7",
    "mac-os-9",
    "macos",
    "os2",
    "windows-9x",
    "windows-nt",
    "windows-xp",
    "windows",
    "linux",
    "unix",
]
"""How a person reaches a folder there: the instructions under ``cards/`` that a sheet prints."""


class Profile(Part):
    """What a kind of device is and can do."""

    title: str
    """What people call it."""
    system: str
    """Its operating system."""
    protocols: tuple[Protocol, ...] = ()
    """How it can reach files on a server, the best first."""
    dhcp: bool = True
    """Whether it can ask for its address."""
    limits: Limits = Limits()
    images: Images = Images()
    """What its image files are like."""
    mount: Mount | None = None
    """Whose instructions its sheet prints; general ones without it."""
    replaces: str | None = None
    """In a site's own profile: the built-in one of the same name that it stands in for."""
    sources: tuple[str, ...] = ()
    """Where each claim comes from."""

    @property
    def speaks(self) -> str:
        """How it can reach files, in words."""
        return ", ".join(str(each) for each in self.protocols) or "no shared folders"

    @property
    def smb(self) -> Smb | None:
        """Its SMB, if it has one."""
        return next((each for each in self.protocols if isinstance(each, Smb)), None)


@cache
def profiles() -> dict[str, Profile]:
    """Every profile by name. Read once; pydantic's ValidationError if a file of ours is wrong."""
    found = {}
    for entry in sorted(DEVICES.glob("*.yml")):
        tree = yaml.load(entry.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
        found[entry.stem] = Profile.model_validate(tree)
    return found

"""The blocks of a description that say where images go: the archive, and cameras' image files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.profiles import Charset, Dialect
from gateway.written import AETitle, DosEnding, DosLine, Email, Name, Part, Port, Prose


class Archive(Part):
    """The DICOM archive on the box. A network stands for its devices that have an `ae_title`."""

    ae_title: AETitle
    """What the devices call it."""
    port: Port = 104
    """The port it listens on."""
    writers: tuple[Name, ...] = ()
    """Devices, networks or peers that may store images; they may read too."""
    readers: tuple[Name, ...] = ()
    """Devices, networks or peers that may query and retrieve."""
    forward: tuple[Name, ...] = ()
    """Peers that get a copy of everything that is stored."""


def _as_words(value: object) -> object:
    # `start angle: 180` is what a person writes; an Interfile value is text.
    if isinstance(value, dict):
        numbers = (int, float)
        return {
            key: f"{each:g}" if isinstance(each, numbers) and not isinstance(each, bool) else each
            for key, each in value.items()
        }
    return value


class DosTranslator(Part):
    """A vendor's DOS program that makes readable files of a device's own, run by DOSBox."""

    program: Name
    """The folder `/srv/translators/NAME` on the box, into which an administrator copies it."""
    commands: Annotated[tuple[DosLine, ...], Field(min_length=1)]
    """Lines of DOS, run on C:, a copy of that folder: `{in}` is the device's file, and what lies
    on E: in the end is taken in."""
    parts: tuple[DosEnding, ...] = ()
    """Endings of files that belong together: `.HDR`, `.IMG`. Without it each file is a job."""
    seconds: Annotated[int, Field(ge=1, le=3600)] = 300
    """How long a job may take."""


class ImageFiles(Part):
    """A device whose image files go into the archive, and may come back from it."""

    share: Name
    """The share that holds its folder, called as the device: `incoming`, `outgoing`, `done` and
    `quarantine` are in it. A device without a network is served by whoever carries its disks."""
    ae_title: AETitle | None = None
    """What is sent or moved to this title comes back as Interfile in `outgoing`."""
    dialect: Dialect | None = None
    """Of its Interfile, where the device's profile does not say it right."""
    charset: Charset | None = None
    """Of names in its files, where the device's profile does not say it right."""
    assume: Annotated[dict[Prose, Prose], BeforeValidator(_as_words)] = Field({})
    """Interfile keys that it never writes, and what holds for them: `start angle: 180`."""
    decimals: Literal["point", "comma"] = "point"
    """`comma`: it writes numbers as 4,5."""
    raw: Name | None = None
    """What explains files without a format: `raw/NAME.yml` beside the description
    (docs/intake-raw.md), approved by a person."""
    dos: DosTranslator | None = None
    """What makes readable files of its own, where only the vendor's DOS program can."""


class Intake(Part):
    """Image files of cameras: into the archive as DICOM, and back as Interfile."""

    devices: Annotated[dict[Name, ImageFiles], Field(min_length=1)]
    """The devices, by name."""
    senders: tuple[Name, ...] = ()
    """Devices, networks or peers that may send to the titles above; the archive always may, for
    whoever moves images there."""
    port: Port = 11112
    """The port that they send to."""
    mail: Email | None = None
    """Who is told of files that were set aside; without it, `administration.mail`."""

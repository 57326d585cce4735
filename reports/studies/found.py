"""A study as the archive has it now: what is asked of it, and nothing is written."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from reports.archive import Archive, DownError, MissingError
from reports.studies.attributes import NOT_IMAGES, number, positive, text
from reports.studies.models import Image

Tags = dict[str, Any]
# Not in Orthanc's index (its DefaultMainDicomTags): it reads them out of the file, once.
ASKED = "requested-tags=ImageType;Rows;Columns;NumberOfFrames"


@dataclass(frozen=True)
class Picture:
    """An image that is not in the list yet."""

    archive_id: str
    tags: Tags


@dataclass(frozen=True)
class Part:
    """A series, its instances' names in the archive, and those that are new here."""

    archive_id: str
    tags: Tags
    instances: tuple[str, ...]
    new: tuple[Picture, ...]

    @property
    def modality(self) -> str:
        """``NM``, …"""
        return text(self.tags, "Modality", 16)


@dataclass(frozen=True)
class Found:
    """A study with its series of images; reports are left out."""

    archive_id: str
    tags: Tags
    parts: tuple[Part, ...]
    device: str

    @property
    def uid(self) -> str:
        """Study Instance UID, without what is no UID."""
        return re.sub(r"[^0-9.]", "", text(self.tags, "StudyInstanceUID", 64))

    @property
    def images(self) -> int:
        """How many objects there are, reports not counted."""
        return sum(len(each.instances) for each in self.parts)

    @property
    def revision(self) -> str:
        """Another one whenever an image came or went."""
        names = sorted(name for each in self.parts for name in each.instances)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()


def study(wire: Archive, told: dict[str, Any]) -> Found:
    """From Orthanc's own answer about a study. Raises DownError, MissingError."""
    series = [wire.json(f"/series/{name}") for name in told["Series"]]
    kept = [one for one in series if one["MainDicomTags"].get("Modality") not in NOT_IMAGES]
    parts = tuple(_part(wire, one) for one in kept)
    return Found(
        told["ID"],
        {**told["PatientMainDicomTags"], **told["MainDicomTags"]},
        tuple(sorted(parts, key=lambda part: (number(part.tags, "SeriesNumber"), part.archive_id))),
        _device(wire, parts),
    )


def _part(wire: Archive, told: dict[str, Any]) -> Part:
    names = tuple(told["Instances"])
    known = Image.objects.filter(series__archive_id=told["ID"]).values_list("archive_id", flat=True)
    new = tuple(_picture(wire, name) for name in sorted({*names} - {*known}))
    return Part(told["ID"], told["MainDicomTags"], names, new)


def _picture(wire: Archive, name: str) -> Picture:
    try:
        told = wire.json(f"/instances/{name}?{ASKED}")
    except DownError:
        # Its file may be damaged; one such must not keep all others out of the list.
        told = wire.json(f"/instances/{name}")
    return Picture(name, {**told["MainDicomTags"], **told.get("RequestedTags", {})})


def _device(wire: Archive, parts: tuple[Part, ...]) -> str:
    """The description's name for who sent it, or the station's own."""
    for part in parts:
        if not part.instances:
            continue
        try:
            title = wire.get(f"/instances/{part.instances[0]}/metadata/RemoteAET").decode("ascii")
        except (MissingError, UnicodeDecodeError):
            title = ""  # it came by REST
        station = text(part.tags, "StationName", 64)
        known = settings.CONFIG.devices
        if name := known.get(title.strip()) or known.get(station) or station or title.strip():
            return name[:64]
    return ""


def kind(tags: Tags) -> str:
    """Image Type, value 3 (PS3.3, C.8.4.9.1.1 for NM)."""
    values = text(tags, "ImageType", 200).split("\\")
    return values[2].strip()[:32] if len(values) > 2 else ""


def frames(tags: Tags) -> int:
    """At least one: what has no number of frames is one."""
    return max(1, positive(tags, "NumberOfFrames", 1))

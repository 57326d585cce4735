"""What belongs to the document of a version: with an addendum, what it adds to."""

from __future__ import annotations

from typing import Any

from reports.archive import Archive
from reports.documents import picture
from reports.studies.models import Image
from reports.writing.models import Stage, Version


def parts(version: Version) -> list[Version]:
    """The final report and its addenda up to this one, or a preliminary report alone."""
    if version.stage != Stage.ADDENDUM:
        return [version]
    every = version.report.versions.select_related("signed_by", "report__study")
    return list(every.exclude(stage=Stage.PRELIMINARY).filter(number__lte=version.number))


def look(told: dict[str, Any]) -> picture.Look:
    """How a key image is looked at."""
    return picture.Look(told["frame"], told["low"], told["high"], told["palette"])


def images(versions: list[Version]) -> dict[str, Image]:
    """The key images of them, by SOP Instance UID; one that is gone is not in it."""
    uids = {told["image"] for version in versions for told in version.content["key_images"]}
    return {image.uid: image for image in Image.objects.filter(uid__in=uids)}


def pictures(archive: Archive, versions: list[Version]) -> dict[tuple[str, picture.Look], bytes]:
    """Their PNGs. Raises DownError, MissingError."""
    known = images(versions)
    found: dict[tuple[str, picture.Look], bytes] = {}
    for version in versions:
        for told in version.content["key_images"]:
            if image := known.get(told["image"]):
                chosen = look(told)
                drawn = picture.shown(picture.fetch(archive, image), chosen)
                found[image.uid, chosen] = picture.png(drawn)
    return found

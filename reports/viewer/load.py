"""An image, or a stack of them, from the archive, parsed once."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pydicom
from django.conf import settings
from django.utils.translation import gettext as _
from pydicom.dataset import Dataset

from reports.archive import Archive, DownError, MissingError
from reports.studies.models import Image
from reports.viewer import describe, pile, pixels, said
from reports.viewer.stacks import Stack
from reports.viewer.store import Kept, Store
from reports.viewer.unfit import UnfitError

PLAIN = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"


def store() -> Store:
    """That of this site."""
    return Store(Path(settings.CONFIG.cache) / "frames")


def image(archive: Archive, wanted: Image | Stack) -> Kept:
    """Its frames, kept or fetched. Raises DownError, MissingError, UnfitError."""
    place = store()
    if found := place.find(wanted.uid):
        return found
    with place.making(wanted.uid):
        if found := place.find(wanted.uid):
            return found
        if isinstance(wanted, Stack):
            about, frames = pile.made(wanted, lambda name: _fetch(archive, name))
        else:
            data = _fetch(archive, wanted.archive_id)
            frames = pixels.decode(data)
            about = describe.about(data, frames)
        return place.keep(wanted.uid, about, frames.tobytes())


def _fetch(archive: Archive, name: str) -> Dataset:
    at = f"/instances/{name}"
    # Asked first, so that nothing too large is ever in memory, however it is packed.
    size = int(archive.get(f"{at}/attachments/dicom/size"))
    if size > pixels.MOST_BYTES:
        raise UnfitError(_("This image is too large to be shown here (more than 128 MB)."))
    syntax = archive.get(f"{at}/metadata/TransferSyntax").decode("ascii", "replace").strip()
    if syntax == DEFLATED:
        raise UnfitError(_packed(syntax))
    data = _parse(archive.get(f"{at}/file"))
    if pixels.native(syntax):
        return data
    pixels.shape(data)  # what it says that it unpacks to
    try:
        return _parse(archive.get(f"{at}/file?transcode={PLAIN}"))
    except (MissingError, DownError):
        raise UnfitError(_packed(syntax)) from None


def _packed(syntax: str) -> str:
    return _(
        "This image is compressed in a way that cannot be unpacked here (%(syntax)s)."
        " It can be looked at on the workstation that made it."
    ) % {"syntax": pydicom.uid.UID(syntax).name}


def _parse(told: bytes) -> Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values that are not quite as they should be
            return pydicom.dcmread(io.BytesIO(told))
    except (pydicom.errors.InvalidDicomError, *said.ODD) as error:
        raise UnfitError(_("This object is damaged: it cannot be read as DICOM.")) from error

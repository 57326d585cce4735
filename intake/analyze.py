"""ANALYZE 7.5: a header of 348 bytes beside its images (m-anlz(4), Mayo's dbh.h).

The format holds volumes: columns, rows, slices, times. It says nothing of the kind of study, so a
volume is a reconstruction (RECON TOMO), and several times are refused. It states no magic; its
byte order is that in which the first number is 348. The order of rows and the patient's sides are
disputed among its programs, so no orientation is claimed and the pixels stay as they lie.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from intake import files, text
from intake.bounds import check, check_size
from intake.fields import Derived, Fate, Original
from intake.options import CHARSETS, DEFAULT, Options
from intake.parts import Header, table
from intake.refused import Refused
from intake.study import Acquisition, Kind, Patient, Pixels, Place, Reading, Slices, Visit

SIZE = 348
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8"}
_OTHERS = {0: "unknown", 1: "one bit a pixel", 32: "complex numbers", 128: "colours"}


PARTS = table(
    *(("data_type", 4, "10s"), ("db_name", 14, "18s"), ("extents", 32, "i")),
    *(("session_error", 36, "h"), ("regular", 38, "1s"), ("hkey_un0", 39, "1s")),
    *(("dim", 40, "8h"), ("vox_units", 56, "4s"), ("cal_units", 60, "8s")),
    *(("unused1", 68, "h"), ("datatype", 70, "h"), ("bitpix", 72, "h"), ("dim_un0", 74, "h")),
    *(("pixdim", 76, "8f"), ("vox_offset", 108, "f"), ("funused1", 112, "f")),
    *(("funused2", 116, "f"), ("funused3", 120, "f"), ("cal_max", 124, "f")),
    *(("cal_min", 128, "f"), ("compressed", 132, "f"), ("verified", 136, "f")),
    *(("glmax", 140, "i"), ("glmin", 144, "i"), ("descrip", 148, "80s")),
    *(("aux_file", 228, "24s"), ("orient", 252, "b"), ("originator", 253, "10s")),
    *(("generated", 263, "10s"), ("scannum", 273, "10s"), ("patient_id", 283, "10s")),
    *(("exp_date", 293, "10s"), ("exp_time", 303, "10s"), ("hist_un0", 313, "3s")),
    *(("views", 316, "i"), ("vols_added", 320, "i"), ("start_field", 324, "i")),
    *(("field_skip", 328, "i"), ("omax", 332, "i"), ("omin", 336, "i")),
    *(("smax", 340, "i"), ("smin", 344, "i")),
)


def looks_like(start: bytes) -> bool:
    """Whether a file that begins so is an ANALYZE header, or one of NIfTI, which is refused."""
    if len(start) < SIZE:
        return False
    order = _order(start)
    if not order:
        return False
    dimensions = int(struct.unpack_from(f"{order}h", start, 40)[0])
    return 1 <= dimensions <= 7


def _order(data: bytes) -> str:
    for order in ("<", ">"):
        if struct.unpack_from(f"{order}i", data)[0] == SIZE:
            return order
    return ""


def read(path: Path, options: Options = DEFAULT) -> Reading:
    """The volume; Refused when it is no ANALYZE, or its parts contradict each other."""
    with files.opened(path) as file:
        data = file.read(SIZE)
        longer = files.size_of(file) - SIZE
    if not looks_like(data):
        raise Refused("this is no ANALYZE header (348 bytes that begin with 348)")
    if data[344:348] in {b"n+1\0", b"ni1\0"}:
        raise Refused("this is NIfTI, not ANALYZE: it is not read here")
    header = Header(data, PARTS, _order(data), CHARSETS.get(options.charset, "ascii"))
    if longer:
        header.notes.append(f"{longer} bytes behind the header")
    images, originals = _images(path, header)
    acquisition = _acquisition(header, images)
    fields = tuple(header.fields.values())
    acquisition = check(acquisition)
    return Reading("ANALYZE 7.5", (acquisition,), originals, fields, tuple(header.notes))


def _images(path: Path, header: Header) -> tuple[Pixels, tuple[Original, ...]]:
    dim, kind = header.values["dim"], header.values["datatype"]
    if kind not in TYPES:
        raise Refused(f"its pixels are of type {kind} ({_OTHERS.get(kind, 'none of ANALYZE')})")
    used = [*dim[1 : dim[0] + 1], *[1] * (7 - dim[0])]
    columns, rows, slices, times = used[:4]
    if any(each not in {0, 1} for each in used[3:]):
        raise Refused(f"{times} times: the file does not say what a time is, so nobody guesses")
    dtype = np.dtype(header.order + TYPES[kind])
    bits = header.values["bitpix"]
    if bits not in {0, dtype.itemsize * 8}:
        raise Refused(f"bitpix is {bits}, but pixels of type {kind} have {dtype.itemsize * 8} bits")
    slices = max(slices, 1)
    check_size(rows, columns, slices, dtype.itemsize)
    offset = header.values["vox_offset"]
    if not (math.isfinite(offset) and offset == int(offset) and 0 <= offset < 2**31):
        raise Refused(f"vox_offset is {offset:g}: no place for the images to begin")
    for name in ("dim", "datatype", "bitpix", "vox_offset"):
        header.used(name, "pixels")
    for name in ("extents", "regular"):
        header.said(name, "of the file, not of the image")
    place = files.beside(path.parent, f"{path.stem}.img")
    with files.opened(place) as file:
        layout = files.Layout(rows, columns, slices, dtype, int(offset))
        images = files.pixels(file, layout)
        behind = files.size_of(file) - int(offset) - layout.size
    if behind:
        header.notes.append(f"{behind} bytes behind the last image")
    return images, (files.original(path), files.original(place))


def _acquisition(header: Header, images: Pixels) -> Acquisition:
    how = "ANALYZE holds volumes of slices and names no kind of study"
    header.derived.append(Derived("kind", Kind.RECON_TOMO.value, how))
    spacing, thickness = _spacing(header)
    _largest(header, images)
    if header.values["funused1"] not in {0.0, 1.0}:
        header.notes.append("funused1 (SPM's scale) is kept, not applied: no standard defines it")
    header.notes.append(
        "the order of rows and the patient's sides are those of the file: ANALYZE leaves them open"
    )
    day = text.date(header.text("exp_date", "visit.date"))
    hour = text.time(header.text("exp_time", "visit.time"))
    for name, clear in (("exp_date", day), ("exp_time", hour)):
        if clear is None:
            header.said(name, "not clear", Fate.KEPT)
    return Acquisition(
        Kind.RECON_TOMO,
        images,
        tuple(Place(slice=number) for number in range(1, len(images) + 1)),
        patient=Patient(id=header.text("patient_id", "patient.id")),
        visit=Visit(series=header.text("descrip", "visit.series"), date=day, time=hour),
        slices=Slices(len(images), thickness=thickness, spacing=thickness),
        spacing=spacing,
        fields=tuple(header.fields.values()),
        derived=tuple(header.derived),
    )


def _spacing(header: Header) -> tuple[tuple[float, float] | None, float | None]:
    """Rows, columns and slices in mm; none where it is zero, negative or in another unit."""
    unit = header.values["vox_units"].rstrip(b"\0 ").lower()
    sizes = header.values["pixdim"][1:4]
    if unit not in {b"", b"mm"} or not all(math.isfinite(each) and each > 0 for each in sizes):
        return None, None
    if not unit:
        header.derived.append(Derived("spacing", "mm", "ANALYZE's unit unless vox_units says more"))
    header.used("pixdim", "spacing", "slices.thickness")
    header.used("vox_units", "spacing")
    # A float of 32 bits: its shortest text is what was meant.
    columns, rows, slices = (float(str(np.float32(each))) for each in sizes)
    return (rows, columns), slices


def _largest(header: Header, images: Pixels) -> None:
    """The stated largest and smallest count, where they are stated."""
    low, high = header.values["glmin"], header.values["glmax"]
    if images.dtype.kind == "f" or not (low or high):
        return
    found = int(images.min()), int(images.max())
    if (low, high) == found:
        header.said("glmax", "it is the largest pixel")
        header.said("glmin", "it is the smallest pixel")
    else:
        header.notes.append(f"glmin and glmax say {low} to {high}, the pixels are {found}")

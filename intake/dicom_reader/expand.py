"""JPEG, JPEG-LS and JPEG 2000 without loss, decoded by GDCM's gdcmconv in the sandbox."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from intake import sandbox
from intake.dicom_reader import pixels
from intake.dicom_reader.opening import LOSSLESS, RLE, open_elements
from intake.dicom_reader.pixels import Form
from intake.dicom_reader.source import Account, Source
from intake.files import opened
from intake.refused import Refused
from intake.study import Pixels


def expand(path: Path, shape: Form) -> Pixels:
    """The images of a compressed file; its other elements are read from the file itself."""
    with tempfile.TemporaryDirectory(prefix="intake-") as name:
        folder = Path(name)
        shutil.copyfile(path, folder / "in.dcm", follow_symlinks=False)
        size = shape.frames * shape.rows * shape.columns * shape.allocated // 8
        limits = sandbox.Limits(memory=2**29 + 6 * size, written=2 * size + 2**26)
        done = sandbox.run(["gdcmconv", "--raw", "in.dcm", "out.dcm"], folder, limits)
        if done.code or not (folder / "out.dcm").is_file():
            said = (done.errors or done.said).decode("utf-8", "replace").strip().splitlines()
            raise Refused(f"gdcmconv cannot decode the pixels: {said[-1] if said else 'no reason'}")
        with opened(folder / "out.dcm") as file:
            made = open_elements(file)
            if made.syntax in {*LOSSLESS, RLE}:
                raise Refused("gdcmconv left the pixels compressed")
            form = pixels.form(Source(made.items, Account(["latin-1"])), acr=False)
            if form != shape:
                raise Refused("gdcmconv decoded to another form than the file states")
            return pixels.read(file, made, form, [])

"""The radionuclides of nuclear medicine, with the ways they are written and SNOMED's codes.

Codes: DICOM PS3.16, context group 18 (isotopes in radiopharmaceuticals); F-18 is group 4020's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Nuclide:
    """A radionuclide: ``Tc-99m`` is coded as ^99m^Technetium."""

    name: str
    code: str
    meaning: str


NUCLIDES = (
    Nuclide("Tc-99m", "72454006", "^99m^Technetium"),
    Nuclide("I-123", "21572004", "^123^Iodine"),
    Nuclide("I-125", "68630002", "^125^Iodine"),
    Nuclide("I-131", "1368003", "^131^Iodine"),
    Nuclide("Tl-201", "60057003", "^201^Thallium"),
    Nuclide("In-111", "56609000", "^111^Indium"),
    Nuclide("Ga-67", "2008008", "^67^Gallium"),
    Nuclide("Xe-133", "80751004", "^133^Xenon"),
    Nuclide("Xe-127", "27081007", "^127^Xenon"),
    Nuclide("Kr-81m", "61716009", "^81m^Krypton"),
    Nuclide("In-113m", "48895003", "^113m^Indium"),
    Nuclide("Cr-51", "52745005", "^51^Chromium"),
    Nuclide("Sm-153", "419804008", "^153^Samarium"),
    Nuclide("Lu-177", "447553000", "^177^Lutetium"),
    Nuclide("F-18", "77004003", "^18^Fluorine"),
)
_NAMES = {"technetium": "tc", "iodine": "i", "thallium": "tl", "indium": "in", "gallium": "ga"}
_NAMES |= {"xenon": "xe", "krypton": "kr", "chromium": "cr", "samarium": "sm", "lutetium": "lu"}
_FORMS = (
    re.compile(r"(?P<element>[a-z]+?)[\s\-_]*(?P<mass>\d{1,3}m?)"),
    re.compile(r"\^?(?P<mass>\d{1,3}m?)\^?[\s\-_]*(?P<element>[a-z]+)"),
)


def find(text: str) -> Nuclide | None:
    """The nuclide that a text names, and nothing else: ``Tc99m``, ``99mTc``, ``I-131``."""
    bare = text.strip().lower()
    for form in _FORMS:
        match = form.fullmatch(bare)
        if not match:
            continue
        element = _NAMES.get(match["element"], match["element"])
        wanted = f"{element}-{match['mass']}"
        for each in NUCLIDES:
            if each.name.lower() == wanted:
                return each
    return None

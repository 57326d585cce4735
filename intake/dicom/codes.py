"""Coded concepts (PS3.16, SNOMED CT as DICOM uses it)."""

from __future__ import annotations

from intake import nuclides
from intake.dicom.encode import Item


def code(value: str, meaning: str, scheme: str = "SCT") -> Item:
    """One item of a code sequence."""
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


RECUMBENT = code("102538003", "recumbent")  # CID 19
POSTURES = {"supine": code("40199007", "supine"), "prone": code("1240000", "prone")}  # CID 20
HEAD_FIRST = code("102540008", "headfirst")  # CID 21
FEET_FIRST = code("102541007", "feet-first")
VIEWS = {  # CID 26, Nuclear Medicine Projections
    "anterior": code("399321004", "Anterior projection"),
    "posterior": code("399001007", "Posterior projection"),
    "left anterior oblique": code("399074003", "Left anterior oblique"),
    "right anterior oblique": code("399108003", "Right anterior oblique"),
    "left posterior oblique": code("399136008", "Left posterior oblique"),
    "right posterior oblique": code("399075002", "Right posterior oblique"),
    "left lateral": code("399118008", "Left lateral projection"),
    "right lateral": code("399297009", "Right lateral projection"),
    "transverse": code("62824007", "Transverse"),
    "coronal": code("81654009", "Coronal"),
    "sagittal": code("30730003", "Sagittal"),
    "short axis": code("103340004", "Short axis"),
}
NO_UNITS = code("1", "no units", "UCUM")
COUNTS = code("{counts}", "Counts", "UCUM")


def nuclide(name: str) -> Item | None:
    """CID 18's code of a radionuclide."""
    found = nuclides.find(name)
    return code(found.code, found.meaning) if found else None

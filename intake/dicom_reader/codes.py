"""Words and codes of DICOM NM objects, those of older editions too.

Codes: PS3.16 context groups 18 (isotopes), 20, 21 (orientation), 26 (views), each in SNOMED CT and
in SNOMED RT, as editions before 2017 have them. A test compares them with pydicom's dictionary.
"""

from __future__ import annotations

from intake.nuclides import NUCLIDES
from intake.study import Kind

KINDS = {kind.value: kind for kind in Kind}
KINDS |= {"WHOLEBODY": Kind.WHOLE_BODY, "WHOLE_BODY": Kind.WHOLE_BODY}

RECUMBENT = {"102538003": "recumbent", "F-10450": "recumbent"}
POSTURES = {
    "40199007": "supine",
    "F-10340": "supine",
    "1240000": "prone",
    "F-10310": "prone",
    "102535000": "right",
    "F-10317": "right",
    "102536004": "left",
    "F-10319": "left",
}
ENTRIES = {"102540008": True, "F-10470": True, "102541007": False, "F-10480": False}
"""Whether the head comes first."""
POSITIONS = {
    "HFS": (True, "supine"),
    "HFP": (True, "prone"),
    "HFDR": (True, "right"),
    "HFDL": (True, "left"),
    "FFS": (False, "supine"),
    "FFP": (False, "prone"),
    "FFDR": (False, "right"),
    "FFDL": (False, "left"),
}
"""Patient Position (0018,5100), which NM objects of some makers have instead of codes."""
VIEWS = {
    "399321004": "anterior",
    "G-5215": "anterior",
    "399001007": "posterior",
    "G-5216": "posterior",
    "399118008": "left lateral",
    "G-5223": "left lateral",
    "399297009": "right lateral",
    "G-5222": "right lateral",
    "399074003": "left anterior oblique",
    "G-5207": "left anterior oblique",
    "399108003": "right anterior oblique",
    "G-5206": "right anterior oblique",
    "399136008": "left posterior oblique",
    "G-5209": "left posterior oblique",
    "399075002": "right posterior oblique",
    "G-5208": "right posterior oblique",
}
CUTS = {
    "62824007": "transverse",
    "G-A117": "transverse",
    "81654009": "coronal",
    "G-A138": "coronal",
    "30730003": "sagittal",
    "G-A145": "sagittal",
    "103340004": "short axis",
    "G-A186": "short axis",
}
"""Views of group 26 that are orientations of slices."""
NUCLIDE_CODES = {each.code: each.name for each in NUCLIDES} | {
    "C-163A8": "Tc-99m",
    "C-114A4": "I-123",
    "C-114A6": "I-125",
    "C-114B1": "I-131",
    "C-138A9": "Tl-201",
    "C-145A4": "In-111",
    "C-131A2": "Ga-67",
    "C-172A8": "Xe-133",
    "C-172A5": "Xe-127",
    "C-173A5": "Kr-81m",
    "C-145A5": "In-113m",
    "C-129A2": "Cr-51",
    "C-B1134": "Sm-153",
    "C-101ED": "Lu-177",
    "C-111A1": "F-18",
}

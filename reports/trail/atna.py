"""Entries as audit messages (DICOM PS3.15, A.5; IHE ATNA)."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from reports.trail.models import Event

Code = tuple[str, str]
AUTHENTICATION, ALERT = ("110114", "User Authentication"), ("110113", "Security Alert")
EXPORT, LOG_USED = ("110106", "Export"), ("110101", "Audit Log Used")
ATTRIBUTES = ("110137", "User Security Attributes Changed")
# Action → event ID (PS3.16, CID 400) and EventActionCode (PS3.15, A.5.2.5.4).
IDS: dict[str, tuple[Code, str]] = {
    "login": (AUTHENTICATION, "E"),
    "logout": (AUTHENTICATION, "E"),
    "login-failed": (AUTHENTICATION, "E"),
    "view": (("110103", "DICOM Instances Accessed"), "R"),
    "search": (("110112", "Query"), "E"),
    "export": (EXPORT, "R"),
    "print": (EXPORT, "R"),
    "pdf": (EXPORT, "R"),
    "send": (("110104", "DICOM Instances Transferred"), "C"),
    "trail-read": (LOG_USED, "R"),
    "trail-export": (LOG_USED, "R"),
    "sign": (("110110", "Patient Record"), "C"),
    "draft": (("110110", "Patient Record"), "U"),
}
OTHER = (ALERT, "E")
# Action → event type (PS3.16, CID 401).
TYPES: dict[str, Code] = {
    "login": ("110122", "Login"),
    "logout": ("110123", "Logout"),
    "login-failed": ("110122", "Login"),
    "break-glass": ("110127", "Emergency Override Started"),
    "admit": ("110136", "Security Roles Changed"),
    "role": ("110136", "Security Roles Changed"),
    "register": ATTRIBUTES,
    "refuse": ATTRIBUTES,
    "shut": ATTRIBUTES,
    "locked": ATTRIBUTES,
    "password": ATTRIBUTES,
    "second-factor": ATTRIBUTES,
    "no-second-factor": ATTRIBUTES,
}
_OURS = "99GATEWAY"
"""Our own words for actions, as private codes are named (PS3.16, 8.2)."""
_FAILED = "4"  # "minor failure": the action could not be completed (A.5.2.5.6)
# What XML 1.0 (2.2) has no way to say; somebody may have given it as his name.
_UNSAYABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def message(event: Event, source: str) -> bytes:
    """One AuditMessage, its parts in the order of the schema (PS3.15, A.5.1)."""
    root = Element("AuditMessage")
    name, action = IDS.get(event.action, OTHER)
    about = SubElement(
        root,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=event.at.isoformat(),
        EventOutcomeIndicator="0" if event.outcome == "success" else _FAILED,
    )
    _code(about, "EventID", name)
    if event.action in TYPES:
        _code(about, "EventTypeCode", TYPES[event.action])
    _code(about, "EventTypeCode", (event.action, event.action), _OURS)
    SubElement(
        root,
        "ActiveParticipant",
        UserID=event.person or "unknown",
        UserIsRequestor="true",
        NetworkAccessPointID=event.address,
        NetworkAccessPointTypeCode="2",  # an IP address
    )
    SubElement(root, "AuditSourceIdentification", AuditSourceID=source)
    if event.patient_id:
        _object(root, event.patient_id, ("1", "1"), ("2", "Patient Number"), "RFC-3881")
    if event.study:
        _object(root, event.study, ("2", "3"), ("110180", "Study Instance UID"))
    if event.detail:
        entry = _object(root, event.digest, ("2", "13"), ("entry", "Trail entry"), _OURS)
        for key, value in event.detail.items():
            told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            base64 = b64encode(told.encode()).decode()  # what the schema wants of a value
            SubElement(entry, "ParticipantObjectDetail", type=key, value=base64)
    return _UNSAYABLE.sub("\ufffd", tostring(root, "unicode")).encode()


def document(events: Iterable[Event], source: str) -> Iterator[bytes]:
    """All of them in one file, each as soon as it is there."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<AuditMessages>\n'
    for event in events:
        yield message(event, source) + b"\n"
    yield b"</AuditMessages>\n"


def _code(parent: Element, tag: str, code: Code, system: str = "DCM") -> None:
    about = {"csd-code": code[0], "codeSystemName": system, "originalText": code[1]}
    SubElement(parent, tag, about)


def _object(
    root: Element, name: str, kind: tuple[str, str], code: Code, system: str = "DCM"
) -> Element:
    made = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=name,
        ParticipantObjectTypeCode=kind[0],
        ParticipantObjectTypeCodeRole=kind[1],
    )
    _code(made, "ParticipantObjectIDTypeCode", code, system)
    SubElement(made, "ParticipantObjectName").text = name
    return made

"""Entries as audit messages (DICOM PS3.15, A.5; IHE ATNA)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from reports.trail.models import Event

# Action → event ID and code (PS3.16, CID 400), and EventActionCode (PS3.15, A.5.2.5.4).
IDS = {
    "login": ("110114", "User Authentication", "E"),
    "logout": ("110114", "User Authentication", "E"),
    "login-failed": ("110114", "User Authentication", "E"),
    "view": ("110103", "DICOM Instances Accessed", "R"),
    "search": ("110112", "Query", "E"),
    "export": ("110106", "Export", "R"),
    "print": ("110106", "Export", "R"),
    "pdf": ("110106", "Export", "R"),
    "send": ("110104", "DICOM Instances Transferred", "C"),
    "break-glass": ("110127", "Emergency Override Started", "E"),
    "trail-read": ("110101", "Audit Log Used", "R"),
    "trail-export": ("110101", "Audit Log Used", "R"),
    "sign": ("110110", "Patient Record", "C"),
    "draft": ("110110", "Patient Record", "U"),
}
OTHER = ("110113", "Security Alert", "E")
TYPES = {
    "login": ("110122", "Login"),
    "logout": ("110123", "Logout"),
    "login-failed": ("110122", "Login"),
}
_FAILED = "4"  # "minor failure": the action could not be completed (A.5.2.5.6)


def message(event: Event, source: str) -> bytes:
    """One AuditMessage."""
    root = Element("AuditMessage")
    code, name, action = IDS.get(event.action, OTHER)
    about = SubElement(
        root,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=event.at.isoformat(),
        EventOutcomeIndicator="0" if event.outcome == "success" else _FAILED,
    )
    _code(about, "EventID", code, name)
    if event.action in TYPES:
        _code(about, "EventTypeCode", *TYPES[event.action])
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
        _object(root, event.patient_id, "1", "1", ("2", "RFC-3881", "Patient Number"))
    if event.study:
        _object(root, event.study, "2", "3", ("110180", "DCM", "Study Instance UID"))
    if event.detail or event.action not in IDS:
        told = _object(root, event.digest, "2", "13", ("12", "RFC-3881", "URI"))
        SubElement(told, "ParticipantObjectDetail", type=event.action, value=str(event.detail))
    return bytes(tostring(root, "utf-8"))


def document(events: Iterable[Event], source: str) -> Iterator[bytes]:
    """All of them in one file, each as soon as it is there."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<AuditMessages>\n'
    for event in events:
        yield message(event, source) + b"\n"
    yield b"</AuditMessages>\n"


def _code(parent: Element, tag: str, code: str, name: str) -> None:
    about = {"csd-code": code, "codeSystemName": "DCM", "originalText": name}
    SubElement(parent, tag, about)


def _object(root: Element, name: str, kind: str, role: str, code: tuple[str, str, str]) -> Element:
    made = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=name,
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    told = {"csd-code": code[0], "codeSystemName": code[1], "originalText": code[2]}
    SubElement(made, "ParticipantObjectIDTypeCode", told)
    return made

"""A version as DICOM Basic Text SR (PS3.3, A.35.1), after the template TID 2000 of PS3.16."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import BasicTextSRStorage

from reports.documents.dicom import TITLE, Around, begin, code, person, uid, written
from reports.documents.parts import parts
from reports.writing.models import Version

Concept = tuple[str, str, str]
# PS3.16, CID 7001 (headings of a report) and CID 7002 (what stands under them).
HEADINGS: dict[str, tuple[Concept, Concept]] = {
    "history": (("121060", "DCM", "History"), ("121060", "DCM", "History")),
    "procedure": (
        ("121064", "DCM", "Current Procedure Descriptions"),
        ("121065", "DCM", "Procedure Description"),
    ),
    "previous": (("121068", "DCM", "Previous Findings"), ("121069", "DCM", "Previous Finding")),
    "findings": (("121070", "DCM", "Findings"), ("121071", "DCM", "Finding")),
    "impression": (("121072", "DCM", "Impressions"), ("121073", "DCM", "Impression")),
    "recommendation": (
        ("121074", "DCM", "Recommendations"),
        ("121075", "DCM", "Recommendation"),
    ),
    "addendum": (("121078", "DCM", "Addendum"), ("121071", "DCM", "Finding")),
}
LANGUAGE = ("121049", "DCM", "Language of Content Item and Descendants")
LANGUAGES = {
    "en": ("en", "RFC5646", "English"),
    "zh-hant": ("zh-TW", "RFC5646", "Chinese (Taiwan)"),
}
KEY_IMAGES = ("121180", "DCM", "Key Images")
ILLUSTRATES = ("121080", "DCM", "Best illustration of finding")
DESCRIBED = ("113012", "DCM", "Key Object Description")
OBSERVER_TYPE = ("121005", "DCM", "Observer Type")
PERSON = ("121006", "DCM", "Person")
OBSERVER = ("121008", "DCM", "Person Observer Name")


def _item(how: str, kind: str, concept: Concept) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = how, kind
    item.ConceptNameCodeSequence = [code(*concept)]
    return item


def _text(how: str, concept: Concept, text: str) -> Dataset:
    item = _item(how, "TEXT", concept)
    item.TextValue = text.replace("\n", "\r\n")
    return item


def _coded(how: str, concept: Concept, value: Concept) -> Dataset:
    item = _item(how, "CODE", concept)
    item.ConceptCodeSequence = [code(*value)]
    return item


def _container(concept: Concept, held: list[Dataset]) -> Dataset:
    item = _item("CONTAINS", "CONTAINER", concept)
    item.ContinuityOfContent = "SEPARATE"
    item.ContentSequence = held
    return item


def _image(shown: dict[str, Any], told: Around) -> Dataset:
    named = told.referenced[shown["image"]]
    one = Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = named.kind, named.uid
    if named.frames > 1:
        one.ReferencedFrameNumber = shown["frame"] + 1
    item = _item("CONTAINS", "IMAGE", ILLUSTRATES)
    item.ReferencedSOPSequence = [one]
    return item


def _content(version: Version, told: Around) -> list[Dataset]:
    """A container a heading, in the order in which they were written."""
    language = version.content["language"]
    held: list[Dataset] = []
    for section in version.content["sections"]:
        heading, finding = HEADINGS[section["heading"]]
        title = section["title"][language]
        held.append(
            _container(heading, [_text("CONTAINS", finding, f"{title}:\n{section['text']}")])
        )
    shown = [each for each in version.content["key_images"] if each["image"] in told.referenced]
    images: list[Dataset] = []
    for each in shown:
        window = f"window {each['low']:g}-{each['high']:g}, {each['palette']}"
        said = f"{each['note']}\n{window}".strip()
        images += [_image(each, told), _text("CONTAINS", DESCRIBED, said)]
    return [*held, _container(KEY_IMAGES, images)] if images else held


def _verified(version: Version) -> Dataset:
    item = Dataset()
    item.VerifyingObserverName = person(version.signed_name)
    item.VerifyingObserverIdentificationCodeSequence = Sequence()
    item.VerifyingOrganization = settings.CONFIG.site[:64]
    signed = timezone.localtime(version.signed_at)
    item.VerificationDateTime = signed.strftime("%Y%m%d%H%M%S%z")
    return item


def _named(study: str, series: dict[str, list[tuple[str, str]]]) -> Dataset:
    """Objects as evidence and predecessors are named: study, series, object (PS3.3, 10.x)."""
    top = Dataset()
    top.StudyInstanceUID = study
    top.ReferencedSeriesSequence = Sequence()
    for uid_, held in series.items():
        item = Dataset()
        item.SeriesInstanceUID = uid_
        item.ReferencedSOPSequence = Sequence()
        for kind, instance in held:
            one = Dataset()
            one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = kind, instance
            item.ReferencedSOPSequence.append(one)
        top.ReferencedSeriesSequence.append(item)
    return top


def _references(made: FileDataset, version: Version, told: Around) -> None:
    series: dict[str, list[tuple[str, str]]] = {}
    for each in told.referenced.values():
        series.setdefault(each.series, []).append((each.kind, each.uid))
    if series:
        evidence = _named(version.report.study.uid, series)
        made.CurrentRequestedProcedureEvidenceSequence = [evidence]
    if before := parts(version)[:-1]:
        last = before[-1]
        held = {uid("sr series", last): [(str(BasicTextSRStorage), uid("sr", last))]}
        made.PredecessorDocumentsSequence = [_named(version.report.study.uid, held)]


def make(version: Version, told: Around) -> bytes:
    """The object's file; an addendum's holds the report that it adds to as well."""
    made = begin(version, told, "sr", BasicTextSRStorage)
    made.Modality = "SR"
    made.ReferencedPerformedProcedureStepSequence = Sequence()
    made.PerformedProcedureCodeSequence = Sequence()
    made.CompletionFlag, made.VerificationFlag, made.PreliminaryFlag = (
        "COMPLETE",
        "VERIFIED",
        "FINAL",
    )
    made.VerifyingObserverSequence = [_verified(version)]
    _references(made, version, told)
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = [code(*TITLE)]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2000"
    made.ContentTemplateSequence = [template]
    observer = _item("HAS OBS CONTEXT", "PNAME", OBSERVER)
    observer.PersonName = person(version.signed_name)
    made.ContentSequence = [
        _coded("HAS CONCEPT MOD", LANGUAGE, LANGUAGES[version.content["language"]]),
        _coded("HAS OBS CONTEXT", OBSERVER_TYPE, PERSON),
        observer,
    ]
    for part in parts(version):
        made.ContentSequence.extend(_content(part, told))
    return written(made)

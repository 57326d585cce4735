"""A version's PDF as a DICOM object: Encapsulated PDF Storage (PS3.3, A.45.1)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from reports.documents.dicom import TITLE, Around, begin, code, written
from reports.writing.models import Version


def make(version: Version, told: Around, pdf: bytes) -> bytes:
    """The object's file."""
    made = begin(version, told, "pdf", EncapsulatedPDFStorage)
    made.Modality, made.ConversionType = "DOC", "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"  # the patient's name stands on it
    title = version.content["examination"]
    made.DocumentTitle = f"{title['en']} {title['zh-hant']}"
    made.ConceptNameCodeSequence = [code(*TITLE)]
    made.VerificationFlag = "VERIFIED"
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(pdf)
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    if told.referenced:
        made.SourceInstanceSequence = [
            _source(each.kind, each.uid) for each in told.referenced.values()
        ]
    return written(made)


def _source(kind: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = kind, uid
    return item

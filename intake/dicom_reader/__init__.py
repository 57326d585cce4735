"""DICOM and ACR-NEMA files to the model: strictly, within bounds, each element accounted for."""

"""DICOM NM images (PS3.3 A.5): writing them exactly."""

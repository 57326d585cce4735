"""Camera files to DICOM NM, Interfile and pictures; runs on the box, loses and invents nothing."""

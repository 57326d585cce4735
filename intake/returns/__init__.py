"""The way back: what is sent to a device's AE title lands as Interfile in its ``outgoing``.

``receive`` speaks DICOM and writes to a spool and nowhere else; the lane makes Interfile of it.
"""

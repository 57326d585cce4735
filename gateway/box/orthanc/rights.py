"""What each user of the archive's REST interface may: programs on the box, each by its role.

Orthanc itself lets whoever knows a password do everything, deleting included.
"""

from __future__ import annotations

READ, STORE, ADMIN = "read", "store", "admin"
# Questions that carry their terms in a body; they change nothing (Orthanc's REST reference).
ASKS = ("/tools/find", "/tools/lookup", "/tools/count-resources")
# Orthanc's own way to add objects, and DICOMweb's (STOW-RS, DICOM PS3.18, 10.5).
ADDS = ("/instances", "/dicom-web/studies")


def allowed(user: str, method: str, path: str) -> bool:
    """Whether a user may do this. ``admin`` may all, ``store`` add and read, ``read`` only read."""
    path = path.rstrip("/")
    if user == ADMIN:
        return True
    if user not in (READ, STORE):
        return False
    if method == "GET":
        return True
    added = path in ADDS or path.startswith("/dicom-web/studies/")
    return method == "POST" and (path in ASKS or (user == STORE and added))

"""What the archive does beyond Orthanc: it loses nothing, commits from the disk, sends copies.

Loaded by Orthanc's Python plugin; the only module that knows it. Debian's python3 and `orthanc`.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from base64 import b64decode
from pathlib import Path
from typing import Any

import orthanc  # type: ignore[import-not-found]  # made by the plugin
from forward import Courier, Failed  # type: ignore[import-not-found]  # beside this file
from rest import Rest  # type: ignore[import-not-found]  # the same
from rights import allowed  # type: ignore[import-not-found]  # the same

SETTINGS: dict[str, Any] = json.loads(orthanc.GetConfiguration())["Gateway"]
WAL: str = SETTINGS["Wal"]
COURIERS: list[Courier] = []
Reason = orthanc.StorageCommitmentFailureReason


def on_stored(_instance: Any, _uid: str) -> None:
    """Bring the index to the disk before the sender hears that its object is stored.

    Orthanc opens SQLite with synchronous=NORMAL, which leaves the last transactions of the log
    to the kernel (sqlite.org/wal.html): a power cut would lose objects that were acknowledged.
    """
    try:
        log = os.open(WAL, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(log)
        finally:
            os.close(log)
    except OSError as error:
        # Orthanc would acknowledge all the same, so the sender must hear nothing at all; what
        # a disk holds after a failed sync is known only after a new start (fsync(2)).
        orthanc.LogError(f"the index cannot be synced, ending at once: {error}")
        os.abort()
    for courier in COURIERS:
        courier.wake()


def commitment(*_asked: Any) -> None:
    """One request for storage commitment; its objects are looked at one by one below."""


def is_committed(_sop_class: str, uid: str, _request: None) -> Any:
    """Whether an object is in the index and its file, read from the disk, has the right MD5.

    Not by Orthanc's own verify-md5, which may read its cache. Nothing may be raised from here:
    Orthanc's Python plugin would leave the answer to chance.
    """
    try:
        found = [each["ID"] for each in lookup(uid) if each["Type"] == "Instance"]
        if not found:
            return Reason.NO_SUCH_OBJECT_INSTANCE
        if all(is_whole(each) for each in found):
            return Reason.SUCCESS
    except Exception as error:  # see above
        orthanc.LogError(f"{uid} cannot be committed: {error}")
    return Reason.PROCESSING_FAILURE


def lookup(uid: str) -> Any:
    """Everything in the index that has this UID."""
    return json.loads(orthanc.RestApiPost("/tools/lookup", uid))


def is_whole(instance: str) -> bool:
    """Whether the file on the disk is the one that was stored."""
    about = api(f"/instances/{instance}/attachments/dicom/info")
    name = about["Uuid"]
    file = Path(SETTINGS["Objects"]) / name[0:2] / name[2:4] / name
    kept = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    if kept != about["UncompressedMD5"]:
        orthanc.LogError(f"{file} is not what was stored")
    return bool(kept == about["UncompressedMD5"])


def on_change(kind: Any, _level: Any, _identifier: str) -> None:
    """Begin to send when Orthanc can; tell systemd, and end with Orthanc."""
    if kind == orthanc.ChangeType.ORTHANC_STARTED:
        for peer in SETTINGS["ForwardTo"]:
            state = Path(SETTINGS["ForwardState"]) / f"{peer}.json"
            courier = Courier(peer, state, api, orthanc.LogWarning)
            COURIERS.append(courier)
            threading.Thread(target=courier.run, name=f"forward {peer}", daemon=True).start()
        tell_systemd("READY=1")
    elif kind == orthanc.ChangeType.ORTHANC_STOPPED:
        for courier in COURIERS:
            courier.end()


def api(path: str, body: Any = None) -> Any:
    """Orthanc's REST interface: questions from inside, orders from outside (rest.py)."""
    if body is not None:
        order = Rest(SETTINGS["RestPort"], "admin", os.environ["GATEWAY_ARCHIVE_ADMIN"])
        return order(path, body)
    try:
        return json.loads(orthanc.RestApiGet(path))
    except orthanc.OrthancException as error:
        raise Failed(str(error)) from None


def may(uri: str, **request: Any) -> bool:
    """Whether a program on the box may do this by REST; a fault here refuses.

    Orthanc has compared the password by now, but tells nobody the name (RFC 7617: before a colon).
    """
    try:
        kind, _, word = request["headers"]["authorization"].partition(" ")
        user, _, _ = b64decode(word).decode().partition(":")
        return kind == "Basic" and bool(allowed(user, METHODS[request["method"]], uri))
    except Exception as error:  # whatever it is, nothing may pass by it
        orthanc.LogError(f"{uri} is refused: {error}")
        return False


def tell_systemd(state: str) -> None:
    """sd_notify(3)."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.sendto(state.encode(), where.replace("@", "\0", 1) if where[0] == "@" else where)


METHODS = {getattr(orthanc.HttpMethod, name): name for name in ("GET", "POST", "PUT", "DELETE")}
orthanc.RegisterIncomingHttpRequestFilter(may)
orthanc.RegisterOnStoredInstanceCallback(on_stored)
orthanc.RegisterStorageCommitmentScpCallback(commitment, is_committed)
orthanc.RegisterOnChangeCallback(on_change)

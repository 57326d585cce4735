"""What runs inside Orthanc, with a stand-in for the module that Orthanc gives it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from base64 import b64encode
from collections.abc import Callable
from enum import Enum
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gateway.features import archive

FOLDER = Path(archive.__file__).parent.parent / "box" / "orthanc"


class Reason(Enum):
    SUCCESS = 0
    PROCESSING_FAILURE = 1
    NO_SUCH_OBJECT_INSTANCE = 2


class Method(Enum):
    GET = 1
    POST = 2
    PUT = 3
    DELETE = 4


class Refused(Exception):  # noqa: N818 - Orthanc's own is OrthancException
    pass


def post(_path: str, uid: str) -> str:
    known = {"1.2.3": "whole", "1.2.4": "broken", "1.2.5": "absent"}
    return json.dumps([{"ID": known[uid], "Type": "Instance"}] if uid in known else [])


def get(path: str) -> str:
    stored = hashlib.md5(b"stored", usedforsecurity=False).hexdigest()
    return json.dumps({"Uuid": f"aabb{path.split('/')[2]}", "UncompressedMD5": stored})


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    kept = tmp_path / "aa" / "bb"
    kept.mkdir(parents=True)
    (kept / "aabbwhole").write_bytes(b"stored")
    (kept / "aabbbroken").write_bytes(b"st\0\0ed")
    wal = str(tmp_path / "index-wal")
    settings = {"Gateway": {"Wal": wal, "Objects": str(tmp_path), "ForwardTo": []}}
    registered: dict[str, Callable[..., Any]] = {}
    given = SimpleNamespace(
        GetConfiguration=lambda: json.dumps(settings),
        StorageCommitmentFailureReason=Reason,
        OrthancException=Refused,
        ChangeType=SimpleNamespace(ORTHANC_STARTED=1, ORTHANC_STOPPED=2),
        RestApiGet=get,
        RestApiPost=post,
        LogError=print,
        HttpMethod=Method,
        RegisterIncomingHttpRequestFilter=lambda call: registered.update(rest=call),
        RegisterOnStoredInstanceCallback=lambda call: registered.update(stored=call),
        RegisterStorageCommitmentScpCallback=lambda _, call: registered.update(commit=call),
        RegisterOnChangeCallback=lambda call: registered.update(change=call),
    )
    monkeypatch.setitem(sys.modules, "orthanc", given)
    monkeypatch.syspath_prepend(FOLDER)
    spec = importlib.util.spec_from_file_location("archive_plugin", FOLDER / "plugin.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(registered) == {"stored", "commit", "change", "rest"}
    return module


def test_the_log_is_synced_before_the_answer(
    plugin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "index-wal"
    log.write_bytes(b"frames")
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda handle: synced.append(os.fstat(handle).st_ino))
    plugin.on_stored(None, "1.2.3")
    assert synced == [log.stat().st_ino]


def test_what_cannot_be_synced_is_never_acknowledged(
    plugin: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(Exception):  # noqa: N818 - stands for the process's end
        pass

    def end() -> None:
        raise Ended

    monkeypatch.setattr(os, "abort", end)
    with pytest.raises(Ended):
        plugin.on_stored(None, "1.2.3")  # there is no log


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        ("1.2.3", Reason.SUCCESS),
        ("1.2.4", Reason.PROCESSING_FAILURE),
        ("1.2.5", Reason.PROCESSING_FAILURE),
        ("1.2.6", Reason.NO_SUCH_OBJECT_INSTANCE),
    ],
)
def test_only_what_is_whole_on_the_disk_is_committed(
    plugin: ModuleType, uid: str, said: Reason
) -> None:
    assert plugin.is_committed("1.2.840.10008.5.1.4.1.1.20", uid, None) is said


@pytest.mark.parametrize(
    ("user", "method", "path", "may"),
    [
        ("read", Method.GET, "/studies", True),
        ("read", Method.GET, "/dicom-web/studies", True),
        ("read", Method.POST, "/tools/find", True),
        ("read", Method.POST, "/instances", False),
        ("read", Method.DELETE, "/studies/x", False),
        ("store", Method.GET, "/studies", True),
        ("store", Method.POST, "/instances/", True),
        ("store", Method.POST, "/dicom-web/studies/1.2.3", True),
        ("store", Method.POST, "/tools/shutdown", False),
        ("store", Method.POST, "/modalities/pacs/store", False),
        ("store", Method.PUT, "/modalities/mine", False),
        ("store", Method.DELETE, "/studies/x", False),
        ("admin", Method.DELETE, "/studies/x", True),
        ("", Method.GET, "/studies", False),
        ("gateway", Method.GET, "/studies", False),
    ],
)
def test_what_a_user_of_rest_may(
    plugin: ModuleType, user: str, method: Method, path: str, may: bool
) -> None:
    given = {"authorization": f"Basic {b64encode(f'{user}:secret'.encode()).decode()}"}
    assert plugin.may(path, headers=given, method=method) is may


def test_a_fault_of_the_filter_refuses(plugin: ModuleType) -> None:
    assert plugin.may("/studies", headers={}, method=Method.GET) is False
    assert plugin.may("/studies", headers={"authorization": "Basic !"}, method=Method.GET) is False
    given = {"authorization": f"Basic {b64encode(b'admin:secret').decode()}"}
    assert plugin.may("/studies", headers=given, method="OPTIONS") is False
    assert plugin.may("/studies", headers=given, method=Method.GET) is True, "the control"


class Server(BaseHTTPRequestHandler):
    """As much of Orthanc as an order needs: it knows one password and one peer."""

    def do_POST(self) -> None:
        login = b64encode(b"admin:secret").decode()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["Authorization"] == f"Basic {login}"
        fine = known and self.path == "/modalities/pacs/store"
        said = body if fine else b'{"Message": "no such peer"}'
        self.send_response(200 if fine else 404 if known else 401)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_args: object) -> None:
        """Not on standard error."""


def test_orders_go_by_http(plugin: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setitem(plugin.SETTINGS, "RestPort", server.server_port)
        monkeypatch.setenv("GATEWAY_ARCHIVE_ADMIN", "secret")
        assert plugin.api("/modalities/pacs/store", {"Resources": []}) == {"Resources": []}
        with pytest.raises(plugin.Failed, match="no such peer"):
            plugin.api("/modalities/none/store", {})
        monkeypatch.setenv("GATEWAY_ARCHIVE_ADMIN", "wrong")
        with pytest.raises(plugin.Failed):
            plugin.api("/modalities/pacs/store", {})
        server.shutdown()
    with pytest.raises(plugin.Failed):
        plugin.api("/modalities/pacs/store", {})

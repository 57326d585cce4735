"""A lane with a store that answers as Orthanc does, and files to drop into it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from intake.lane.lane import Lane
from intake.lane.settings import Archive, Settings
from intake.options import Options
from tests.intake import kit

BASE = Path(__file__).parent / "base"


class Store(ThreadingHTTPServer):
    """As much of Orthanc's interface as the lane uses. The real one: test_lane_killed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.down = False
        self.spoiled = False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: Store

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.down:
            self.send_error(503)
        elif self.path == "/tools/lookup":
            self.answer(json.dumps([uid for uid in self.server.objects if uid == data.decode()]))
        else:
            uid = data[data.index(b"2.25.") :].split(b"\0")[0].split(b"\2")[0].decode()
            known = uid in self.server.objects
            self.server.objects.setdefault(uid, data)
            status = "AlreadyStored" if known else "Success"
            self.answer(json.dumps({"ID": uid, "Status": status}))

    def do_GET(self) -> None:
        data = self.server.objects[self.path.split("/")[2]]
        self.answer(data[:-1] + b"?" if self.server.spoiled else data)

    def answer(self, body: str | bytes) -> None:
        raw = body.encode() if isinstance(body, str) else body
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.shutdown()


@pytest.fixture
def settings(tmp_path: Path, store: Store) -> Settings:
    return Settings(
        tmp_path / "root",
        tmp_path / "state",
        Archive(f"http://127.0.0.1:{store.server_address[1]}"),
        {"icon": Options(), "varicam": Options(charset="big5")},
        quiet=0.0,
        patience=0.0,
        reserve=0,
    )


@pytest.fixture
def lane(settings: Settings) -> Iterator[Lane]:
    made = Lane(settings)
    yield made
    made.worker.stop()


def drop(
    settings: Settings, name: str = "a", device: str = "icon", base: str = "static", **changes: str
) -> Path:
    incoming = settings.root / device / "incoming"
    text = (BASE / f"{base}.h33").read_text().replace("scan.i33", f"{name}.i33")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (incoming / f"{name}.i33").write_bytes(kit.counts(24, 6, 8).astype(">u2").tobytes())
    (incoming / f"{name}.h33").write_text(text)
    return incoming / f"{name}.h33"


def names(settings: Settings, folder: str, device: str = "icon") -> list[str]:
    return sorted(path.name for path in (settings.root / device / folder).iterdir())

"""A whole site of a test's own: PostgreSQL, Orthanc, gunicorn and a study list, on loopback."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import viewer_objects as make
from kit import Cluster, configure
from pydicom.dataset import FileDataset

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PLUGINS = "/usr/share/orthanc/plugins"
SHEETS = ROOT / "tests/sites/60-reports/expected/files/usr/share/gateway/sheets"


def free_port() -> int:
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


class Orthanc:
    """Debian's own, with nothing but its REST interface, or with plugins of Debian's."""

    def __init__(self, folder: Path, plugins: Sequence[str] = ()) -> None:
        self.folder, self.port, self.plugins = folder, free_port(), plugins
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        db = str(self.folder / "orthanc")
        told = {
            "StorageDirectory": db,
            "IndexDirectory": db,
            "HttpPort": self.port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [f"{PLUGINS}/{each}" for each in self.plugins],
        }
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(told))
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(["Orthanc", str(path)], stdout=quiet, stderr=quiet)
        wait(f"{self.url}/system")
        self.credentials = self.folder / "archive.json"
        self.credentials.write_text(
            json.dumps({"url": self.url, "user": "read", "password": "not asked"})
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def send(self, body: bytes) -> dict[str, Any]:
        asked = urllib.request.Request(f"{self.url}/instances", data=body, method="POST")  # noqa: S310 - loopback
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))


def wait(url: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - loopback
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing answers at {url}")


def enter(archive: Orthanc, objects: Sequence[FileDataset], **about: Any) -> Any:
    """Send a study to the archive and write it into the study list, as ``follow`` will."""
    from reports.studies.models import Image, Series, Study

    first = objects[0]
    answers = [archive.send(make.file(each)) for each in objects]
    named = {"patient_id": first.PatientID, "patient_name": str(first.PatientName)}
    study = Study.objects.create(
        uid=first.StudyInstanceUID, archive_id=answers[0]["ParentStudy"], **{**named, **about}
    )
    for number, (each, answer) in enumerate(zip(objects, answers, strict=True), 1):
        series, _new = Series.objects.get_or_create(
            uid=each.SeriesInstanceUID,
            defaults={
                "study": study,
                "archive_id": answer["ParentSeries"],
                "number": number,
                "description": each.get("SeriesDescription", ""),
                "modality": each.Modality,
            },
        )
        Image.objects.create(
            series=series,
            uid=each.SOPInstanceUID,
            archive_id=answer["ID"],
            number=int(each.get("InstanceNumber", 0)),
            frames=int(each.get("NumberOfFrames", 1)),
            rows=each.Rows,
            columns=each.Columns,
            kind=each.ImageType[2] if len(each.get("ImageType", [])) > 2 else "",
        )
    return study


def reader(orthanc: Orthanc, settings: Any, cache: Path) -> Any:
    """Django's client of somebody who is logged in, for views that ask that archive."""
    from django.test import Client

    from reports.people.models import Person

    settings.CONFIG = dataclasses.replace(
        settings.CONFIG, archive=str(orthanc.credentials), cache=str(cache)
    )
    settings.LOGIN_URL = "/login"  # by its address: the room with its name is another
    made = Client()
    made.force_login(Person.objects.create_user("lin"))
    return made


@contextlib.contextmanager
def archive(folder: Path, plugins: Sequence[str] = ()) -> Iterator[Orthanc]:
    made = Orthanc(folder, plugins)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def site(
    folder: Path, filling: str, workers: int = 2, plugins: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """All of it, running. ``filling`` names a function ``f(archive)`` as ``module:function``.

    It runs in a process of its own, whose Django has this site's configuration, and what it
    returns is given back, with ``url`` and the ``cookie`` of somebody who is logged in.
    """
    cluster = Cluster(folder)
    cluster.start()
    with contextlib.ExitStack() as stack:
        stack.callback(cluster.stop)
        orthanc = stack.enter_context(archive(folder, plugins))
        before = {key: os.environ.get(key) for key in ("GATEWAY_REPORTS", "DJANGO_SETTINGS_MODULE")}
        sheets = {"sheets": {"camera": "Elscint Varicam"}, "sheets_folder": str(SHEETS)}
        path = configure(folder, archive=str(orthanc.credentials), **sheets)
        os.environ.update({key: value for key, value in before.items() if value is not None})
        own = {
            **os.environ,
            "GATEWAY_REPORTS": str(path),
            "PYTHONPATH": f"{ROOT}:{HERE}:{os.environ.get('PYTHONPATH', '')}",
        }
        own["DJANGO_SETTINGS_MODULE"] = "reports.settings"
        words = [sys.executable, str(HERE / "viewer_site.py"), filling, orthanc.url]
        done = subprocess.run(words, env=own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        told = dict(json.loads(done.stdout.splitlines()[-1]))
        port = free_port()
        words = [
            "gunicorn",
            "-b",
            f"127.0.0.1:{port}",
            "-w",
            str(workers),
            "viewer_wsgi:application",
        ]
        log = (folder / "gunicorn.log").open("w")
        running = subprocess.Popen(
            [*words, "--threads", "4"], env=own, stdout=log, stderr=log, cwd=ROOT
        )
        stack.callback(log.close)
        stack.callback(running.wait, 20)
        stack.callback(running.terminate)
        url = f"http://127.0.0.1:{port}"
        wait(f"{url}/static/viewer/palettes.json")
        yield {**told, "url": url, "orthanc": orthanc.url, "folder": str(folder)}


def fill(filling: str, url: str) -> dict[str, Any]:
    """In the site's own process: tables, somebody who is logged in, and the studies."""
    import importlib

    import django

    django.setup()
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("prepare", verbosity=0)
    from reports.people.models import Person, Role

    person = Person.objects.create_user("lin", role=Role.REPORTER)
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = person.get_session_auth_hash()
    session.save()
    module, function = filling.split(":")
    orthanc = Orthanc(Path("/nonexistent"))
    orthanc.url = url
    told = getattr(importlib.import_module(module), function)(orthanc)
    return {"cookie": session.session_key, **told}


if __name__ == "__main__":
    print(json.dumps(fill(sys.argv[1], sys.argv[2])))

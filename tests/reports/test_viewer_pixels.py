"""The frames over HTTP, from a real Orthanc."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import viewer_objects as make
import viewer_site
from django.test import Client
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless, generate_uid
from viewer_kit import client, orthanc

from reports.people.models import Person
from reports.studies.models import Image, Study
from reports.trail.models import Event
from reports.viewer.store import Kept, Store

__all__ = ["client", "orthanc"]


def entered(orthanc: viewer_site.Orthanc, *objects: Any, **about: Any) -> Study:
    made: Study = viewer_site.enter(orthanc, objects, **about)
    return made


def test_all_frames_and_some_of_them(client: Client, orthanc: viewer_site.Orthanc) -> None:
    made = make.dynamic(generate_uid())
    entered(orthanc, made)
    at = f"/images/{made.SOPInstanceUID}/pixels"
    answer = client.get(at)
    assert answer.content == make.counts(6).astype("<u2").tobytes()
    part = client.get(at, {"first": "2", "count": "3"})
    assert part.content == make.counts(6)[2:5].astype("<u2").tobytes()
    assert client.get(at, {"first": "5"}).content == make.counts(6)[5:].astype("<u2").tobytes()


def test_what_is_told_of_an_image(client: Client, orthanc: viewer_site.Orthanc) -> None:
    made = make.gated(generate_uid())
    entered(orthanc, made)
    told = client.get(f"/images/{made.SOPInstanceUID}/meta").json()
    assert (told["kind"], told["rows"], told["columns"], told["type"]) == (
        "GATED",
        16,
        16,
        "uint16",
    )
    assert [frame["slot"] for frame in told["frames"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "query",
    [
        "first=6",
        "first=0&count=7",
        "first=-1",
        "count=0",
        "first=x",
        "first=0&count=99999999999999999999",
        "first=٣",
    ],
)
def test_frames_that_there_are_not(
    client: Client, orthanc: viewer_site.Orthanc, query: str
) -> None:
    made = make.dynamic(generate_uid())
    entered(orthanc, made)
    answer = client.get(f"/images/{made.SOPInstanceUID}/pixels?{query}")
    assert answer.status_code == 422
    assert "frames" in answer.json()["error"]


def test_a_second_look_asks_the_archive_for_nothing(
    client: Client, orthanc: viewer_site.Orthanc, settings: Any, tmp_path: Path
) -> None:
    made = make.dynamic(generate_uid())
    entered(orthanc, made)
    at = f"/images/{made.SOPInstanceUID}/pixels"
    first = client.get(at)
    nowhere = tmp_path / "nowhere.json"
    nowhere.write_text(json.dumps({"url": "http://127.0.0.1:1", "user": "", "password": ""}))
    settings.CONFIG = dataclasses.replace(settings.CONFIG, archive=str(nowhere))
    assert client.get(at).content == first.content
    # Another one is not kept, and the archive is down: said so.
    other = make.static(generate_uid())
    entered(orthanc, other)
    answer = client.get(f"/images/{other.SOPInstanceUID}/meta")
    assert answer.status_code == 503
    assert "archive does not answer" in answer.json()["error"]


@pytest.mark.parametrize(("times", "status"), [(0, 200), (2, 200), (9, 503)])
def test_what_is_cleared_away_just_then_is_fetched_anew(
    client: Client,
    orthanc: viewer_site.Orthanc,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
    status: int,
) -> None:
    """Another request made room between finding the frames and reading them."""
    made = make.dynamic(generate_uid())
    entered(orthanc, made)
    left, plain = iter(range(times)), Kept.part

    def cleared(kept: Kept, start: int, length: int) -> bytes:
        if kept.path and next(left, None) is not None:
            kept.path.unlink()
        return plain(kept, start, length)

    monkeypatch.setattr(Kept, "part", cleared)
    answer = client.get(f"/images/{made.SOPInstanceUID}/pixels")
    assert answer.status_code == status
    if status == 200:
        assert answer.content == make.counts(6).astype("<u2").tobytes()


def test_the_browser_keeps_it_but_asks_each_time(
    client: Client, orthanc: viewer_site.Orthanc
) -> None:
    made = make.dynamic(generate_uid())
    entered(orthanc, made)
    at = f"/images/{made.SOPInstanceUID}/pixels"
    first = client.get(at)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get(at, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(at, headers={"If-None-Match": '"other"'}).status_code == 200
    client.logout()
    gone = client.get(at, headers={"If-None-Match": first.headers["ETag"]})
    assert gone.status_code == 302  # to the login: the browser's copy is of no use any more


def test_only_what_is_large_is_packed(client: Client, orthanc: viewer_site.Orthanc) -> None:
    large = make.nm("DYNAMIC", make.counts(20, 64, 64), generate_uid(), {"step": [*range(1, 21)]})
    entered(orthanc, large)
    at = f"/images/{large.SOPInstanceUID}/pixels"
    takes = {"Accept-Encoding": "gzip"}
    packed = client.get(at, headers=takes)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == client.get(at).content
    assert "Content-Encoding" not in client.get(f"{at}?first=0&count=1", headers=takes).headers


def test_one_line_in_the_trail_for_a_study_not_one_a_frame(
    client: Client, orthanc: viewer_site.Orthanc
) -> None:
    made, other = make.dynamic(generate_uid()), make.static(generate_uid())
    study = entered(orthanc, made)
    entered(orthanc, other)
    for number in range(3):
        client.get(f"/images/{made.SOPInstanceUID}/pixels?first={number}&count=1")
    client.get(f"/images/{made.SOPInstanceUID}/meta")
    client.get(f"/studies/{study.uid}/images")
    seen = Event.objects.filter(action="view", study=study.uid)
    assert (seen.count(), seen[0].person) == (1, "lin")
    client.get(f"/images/{other.SOPInstanceUID}/meta")
    assert Event.objects.filter(action="view").count() == 2
    again = Client()
    again.force_login(Person.objects.get(username="lin"))
    again.get(f"/images/{made.SOPInstanceUID}/meta")
    assert seen.count() == 2


def test_a_studys_images_and_what_they_compare_with(
    client: Client, orthanc: viewer_site.Orthanc
) -> None:
    objects = [each(uid) for uid in [generate_uid()] for each in make.ALL]
    study = entered(orthanc, *objects)
    before = entered(orthanc, make.static(generate_uid()))
    entered(orthanc, make.static(generate_uid()), patient_id="P-78")
    entered(orthanc, make.static(generate_uid()), gone=True)
    told = client.get(f"/studies/{study.uid}/images").json()
    assert [each["uid"] for each in told["images"]] == [each.SOPInstanceUID for each in objects]
    assert [each["uid"] for each in told["others"]] == [before.uid]
    assert client.get("/studies/1.2.3.4/images").status_code == 404


def test_nobody_sees_anything_without_a_login(orthanc: viewer_site.Orthanc, client: Client) -> None:
    made = make.static(generate_uid())
    study = entered(orthanc, made)
    stranger = Client()
    for at in (
        f"/images/{made.SOPInstanceUID}/pixels",
        f"/images/{made.SOPInstanceUID}/meta",
        f"/studies/{study.uid}/images",
        f"/studies/{study.uid}/viewer",
    ):
        assert stranger.get(at).status_code == 302
        assert client.get(at).status_code == 200
        assert client.post(at).status_code == 405
    assert client.get("/images/1.2.3/pixels").status_code == 404
    assert client.get("/images/..%2f..%2fetc%2fpasswd/pixels").status_code == 404


@pytest.mark.django_db
def test_a_refused_study_gives_no_pixels(
    client: Client, orthanc: viewer_site.Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.exceptions import PermissionDenied

    from reports.viewer import views

    def refuse(_request: Any, _uid: str) -> Study:
        raise PermissionDenied

    made = make.static(generate_uid())
    entered(orthanc, made)
    at = f"/images/{made.SOPInstanceUID}/pixels"
    etag = client.get(at).headers["ETag"]
    monkeypatch.setattr(views, "open_study", refuse)
    assert client.get(at, headers={"If-None-Match": etag}).status_code == 403


def test_compressed_ones_are_unpacked_by_the_archive(
    client: Client, orthanc: viewer_site.Orthanc
) -> None:
    made = make.dynamic(generate_uid())
    made.compress(RLELossless)
    entered(orthanc, made)
    answer = client.get(f"/images/{made.SOPInstanceUID}/pixels")
    assert answer.content == make.counts(6).astype("<u2").tobytes()


def test_what_it_cannot_unpack_is_said(client: Client, orthanc: viewer_site.Orthanc) -> None:
    made = make.dynamic(generate_uid())
    made.PixelData = encapsulate([b"no codestream"] * 6)
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEG2000Lossless
    entered(orthanc, made)
    answer = client.get(f"/images/{made.SOPInstanceUID}/pixels")
    assert answer.status_code == 422
    assert "JPEG 2000" in answer.json()["error"]


def test_hostile_objects_are_a_sentence(client: Client, orthanc: viewer_site.Orthanc) -> None:
    for values in ({"NumberOfFrames": 9000, "Rows": 8192, "Columns": 8192}, {"Rows": 4000}):
        made = make.dynamic(generate_uid())
        for keyword, value in values.items():
            setattr(made, keyword, value)
        entered(orthanc, made)
        for what in ("pixels", "meta"):
            answer = client.get(f"/images/{made.SOPInstanceUID}/{what}")
            assert answer.status_code == 422
            assert "This image" in answer.json()["error"]


def test_an_object_that_the_archive_has_no_more(
    client: Client, orthanc: viewer_site.Orthanc
) -> None:
    made = make.static(generate_uid())
    entered(orthanc, made)
    Image.objects.filter(uid=made.SOPInstanceUID).update(archive_id="gone")
    answer = client.get(f"/images/{made.SOPInstanceUID}/meta")
    assert answer.status_code == 404
    assert "no more" in answer.json()["error"]


def test_what_is_kept_is_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    store = Store(tmp_path / "frames", budget=10_000)
    for number in range(5):
        kept = store.keep(f"1.2.{number}", {"frames": [{}]}, bytes(3000))
        assert kept.path
        os.utime(kept.path.with_suffix(".json"), (number, number))
    assert store.find("1.2.0") is None
    assert store.find("1.2.4") is not None
    held = sum(each.stat().st_size for each in (tmp_path / "frames").iterdir())
    assert held <= 10_000
    too_large = store.keep("1.2.9", {"frames": [{}]}, bytes(20_000))
    assert (too_large.path, too_large.part(0, 3)) == (None, bytes(3))
    assert store.find("1.2.4") is not None


def test_packed_frames_are_packed_once_and_go_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "frames", budget=10_000)
    kept = store.keep("1.2.1", {"frames": [{}, {}, {}]}, bytes(1000) + bytes([1]) * 2000)
    spans = {"one": (0, 1000), "rest": (1000, 2000), "": (1000, 1000)}
    for start, length in spans.values():
        packed = store.packed("1.2.1", kept, start, length)
        assert gzip.decompress(packed) == kept.part(start, length)
    monkeypatch.setattr("reports.viewer.store.gzip.compress", lambda *_a, **_b: b"anew")
    assert [store.packed("1.2.1", kept, *span) == b"anew" for span in spans.values()] == [
        *(False, False),
        True,  # what no viewer asks for is not kept
    ]
    for each in (tmp_path / "frames").iterdir():
        os.utime(each, (1, 1))
    store.keep("1.2.2", {"frames": [{}]}, bytes(9000))
    assert {each.suffix for each in (tmp_path / "frames").glob("*.*")} == {".json", ".raw"}
    assert store.find("1.2.2") is not None


def test_what_is_half_written_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.keep("../../etc/passwd", {"frames": [{}]}, bytes(100))
    assert kept.path
    assert kept.path.parent == tmp_path
    assert store.find("../../etc/passwd") is not None
    kept.path.write_bytes(bytes(99))
    assert store.find("../../etc/passwd") is None
    kept.path.write_bytes(bytes(100))
    kept.path.with_suffix(".json").write_text('{"size": 1')
    assert store.find("../../etc/passwd") is None


def test_a_disk_that_takes_nothing_serves_all_the_same(
    client: Client, orthanc: viewer_site.Orthanc, settings: Any
) -> None:
    settings.CONFIG = dataclasses.replace(settings.CONFIG, cache="/proc/nowhere")
    made = make.static(generate_uid())
    entered(orthanc, made)
    answer = client.get(f"/images/{made.SOPInstanceUID}/pixels")
    assert np.array_equal(np.frombuffer(answer.content, "<u2"), make.counts(4).ravel())

"""Series of many single-frame objects as one image, from a real Orthanc."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import viewer_objects as make
import viewer_site
from django.core.exceptions import PermissionDenied
from django.test import Client
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid
from viewer_kit import client, orthanc

from reports.studies.models import Image, Study
from reports.trail.models import Event
from reports.viewer import stacks, views

__all__ = ["client", "orthanc"]
SLOPES = [1.5, 0.25, 3.0, 0.125, 2.0]


def pet(**values: Any) -> list[FileDataset]:
    return make.slices(generate_uid(), make.counts(5), SLOPES, **values)


def listed(client: Client, study: Study) -> list[dict[str, Any]]:
    return list(client.get(f"/studies/{study.uid}/images").json()["images"])


def only(client: Client, study: Study) -> dict[str, Any]:
    (found,) = listed(client, study)
    return found


def mapped(slopes: list[float]) -> Any:
    """What the stored values stand for."""
    return make.counts(5).astype(float) * np.array(slopes)[:, None, None]


def floats(answer: Any) -> Any:
    return np.frombuffer(answer.content, "<f4").reshape(-1, 16, 16)


def test_slices_are_one_image_in_the_list(client: Client, orthanc: viewer_site.Orthanc) -> None:
    told = only(client, viewer_site.enter(orthanc, pet()))
    assert (told["kind"], told["frames"], told["series"]) == ("PT", 5, "Slices")
    alone = only(client, viewer_site.enter(orthanc, pet()[:1]))
    assert (alone["frames"], "-" in alone["uid"]) == (1, False)


@pytest.mark.parametrize(
    "values",
    [
        {"Modality": "NM", "ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"]},
        {"Modality": "OT"},
        {"InstanceNumber": 1},  # an order that nobody knows
    ],
)
def test_what_is_no_stack_stays_alone(
    client: Client, orthanc: viewer_site.Orthanc, values: dict[str, Any]
) -> None:
    objects = pet(**values)
    told = listed(client, viewer_site.enter(orthanc, objects))
    assert [each["uid"] for each in told] == [each.SOPInstanceUID for each in objects]


def test_what_is_not_alike_is_another_stack(client: Client, orthanc: viewer_site.Orthanc) -> None:
    objects = pet(ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    objects[0].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    for each in objects[3:]:
        each.Rows, each.Columns = 8, 32
    told = listed(client, viewer_site.enter(orthanc, objects))
    assert [each["frames"] for each in told] == [1, 2, 2]
    assert told[0]["uid"] == objects[0].SOPInstanceUID


def test_what_is_too_much_for_one_is_cut(
    client: Client, orthanc: viewer_site.Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "MOST_BYTES", 2 * 16 * 16 * stacks.DEEPEST)
    objects = pet()
    told = listed(client, viewer_site.enter(orthanc, objects))
    assert [each["frames"] for each in told] == [2, 2, 1]
    about = client.get(told[1]["meta"]).json()
    assert [each["number"] for each in about["frames"]] == [3, 4]


def test_slopes_of_their_own_are_mapped(client: Client, orthanc: viewer_site.Orthanc) -> None:
    objects = pet()
    told = only(client, viewer_site.enter(orthanc, objects))
    found = floats(client.get(told["pixels"]))
    assert np.array_equal(found, mapped(SLOPES).astype("<f4"))
    assert not np.array_equal(found, make.counts(5).astype("<f4"))
    part = client.get(told["pixels"], {"first": "1", "count": "2"})
    assert np.array_equal(floats(part), found[1:3])
    about = client.get(told["meta"]).json()
    assert (about["type"], about["mapping"], about["units"]) == ("float32", None, "BQML")
    assert (about["kind"], about["missing"], about["alone"]) == ("PT", [], False)
    assert about["most"] == float(found.max())
    assert [each["slope"] for each in about["frames"]] == SLOPES
    assert [each["uid"] for each in about["frames"]] == [each.SOPInstanceUID for each in objects]
    assert [each["position"] for each in about["frames"]] == [4, 8, 12, 16, 20]
    assert {each["duration"] for each in about["frames"]} == {600}


def test_one_slope_for_all_leaves_stored_numbers(
    client: Client, orthanc: viewer_site.Orthanc
) -> None:
    objects = make.slices(generate_uid(), make.counts(5), [0.5] * 5, "CT", RescaleIntercept=-1024)
    told = only(client, viewer_site.enter(orthanc, objects))
    found = client.get(told["pixels"]).content
    assert found == make.counts(5).astype("<u2").tobytes()
    each = [client.get(f"/images/{one.SOPInstanceUID}/pixels").content for one in objects]
    assert found == b"".join(
        np.frombuffer(one, "u1" if len(one) == 256 else "<u2").astype("<u2").tobytes()
        for one in each
    )
    about = client.get(told["meta"]).json()
    assert about["type"] == "uint16"
    assert (about["mapping"]["slope"], about["mapping"]["intercept"]) == (0.5, -1024)


def test_the_order_is_that_of_their_numbers(client: Client, orthanc: viewer_site.Orthanc) -> None:
    objects = pet()
    told = only(client, viewer_site.enter(orthanc, [objects[n] for n in (3, 0, 4, 2, 1)]))
    assert np.array_equal(floats(client.get(told["pixels"])), mapped(SLOPES).astype("<f4"))
    # By their numbers, not by how they arrived or where they lie.
    for number, each in enumerate(back := pet(), 1):
        each.InstanceNumber = 6 - number
    told = only(client, viewer_site.enter(orthanc, back))
    assert np.array_equal(floats(client.get(told["pixels"])), mapped(SLOPES)[::-1].astype("<f4"))


def test_a_damaged_one_is_left_out_and_named(client: Client, orthanc: viewer_site.Orthanc) -> None:
    objects = pet()
    objects[1].PixelData = objects[1].PixelData[:100]
    objects[3].PixelSpacing = [2.0, 2.0]
    told = only(client, viewer_site.enter(orthanc, objects))
    about = client.get(told["meta"]).json()
    assert [each["number"] for each in about["left"]] == [2, 4]
    assert "ends too early" in about["left"][0]["why"]
    assert "not like the others" in about["left"][1]["why"]
    assert [each["number"] for each in about["frames"]] == [1, 3, 5]
    wanted = mapped(SLOPES)[[0, 2, 4]].astype("<f4")
    assert np.array_equal(floats(client.get(told["pixels"])), wanted)
    whole = only(client, viewer_site.enter(orthanc, pet()))
    assert client.get(whole["meta"]).json()["left"] == []


def test_a_series_of_nothing_but_damaged_ones(client: Client, orthanc: viewer_site.Orthanc) -> None:
    told = only(client, viewer_site.enter(orthanc, pet(PixelData=b"\0" * 100)))
    answer = client.get(told["meta"])
    assert (answer.status_code, "ends too early" in answer.json()["error"]) == (422, True)


@pytest.mark.parametrize(
    ("values", "why"),
    [({"RescaleSlope": -1.0}, "counts backwards"), ({"Rows": 15}, "not like the others")],
)
def test_an_odd_one_is_said(
    client: Client, orthanc: viewer_site.Orthanc, values: dict[str, Any], why: str
) -> None:
    objects = pet()
    for keyword, value in values.items():
        setattr(objects[2], keyword, value)
    study = viewer_site.enter(orthanc, objects)
    Image.objects.update(rows=16)  # the database knows it otherwise
    told = client.get(only(client, study)["meta"]).json()
    assert [each["number"] for each in told["left"]] == [3]
    assert why in told["left"][0]["why"]


def test_a_slice_at_several_times_is_a_cine(client: Client, orthanc: viewer_site.Orthanc) -> None:
    objects = make.slices(
        generate_uid(), make.counts(6), [1.0, 2.0] * 3, AcquisitionDate="20260301"
    )
    for number, each in enumerate(objects):
        each.ImagePositionPatient = [0, 0, 4.0 * (number % 2)]
        each.AcquisitionTime = f"0915{10 * (number // 2):02}.5"
    told = client.get(only(client, viewer_site.enter(orthanc, objects))["meta"]).json()
    assert [each["loop"] for each in told["frames"]] == [0, 1] * 3
    assert [each["slice"] for each in told["frames"]] == [1, 2] * 3
    assert [each["start"] for each in told["frames"]] == [0, 0, 10, 10, 20, 20]
    assert told["same"] == ["slice"]
    # Beds one after the other are no film: a curve in time would say nothing.
    for number, each in enumerate(objects):
        each.ImagePositionPatient = [0, 0, 4.0 * number]
        each.SOPInstanceUID = each.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        each.StudyInstanceUID = each.SeriesInstanceUID = f"{each.SeriesInstanceUID[:50]}.1"
    told = client.get(only(client, viewer_site.enter(orthanc, objects))["meta"]).json()
    assert {each["loop"] for each in told["frames"]} == {0}
    assert not [each for each in told["frames"] if "start" in each]


def test_a_series_that_grows_is_another_stack(client: Client, orthanc: viewer_site.Orthanc) -> None:
    objects = pet()
    study = viewer_site.enter(orthanc, objects)
    last = Image.objects.get(uid=objects[4].SOPInstanceUID)
    Image.objects.filter(pk=last.pk).delete()
    before = only(client, study)
    first = client.get(before["pixels"])
    assert len(floats(first)) == 4
    last.save(force_insert=True)
    after = only(client, study)
    assert after["uid"] != before["uid"]
    assert np.array_equal(floats(client.get(after["pixels"])), mapped(SLOPES).astype("<f4"))
    gone = client.get(before["pixels"], headers={"If-None-Match": first.headers["ETag"]})
    assert gone.status_code == 404
    assert "Load the page again" in gone.json()["error"]


def test_a_stack_is_opened_and_told_once_as_an_image_is(
    client: Client, orthanc: viewer_site.Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = viewer_site.enter(orthanc, pet())
    told = only(client, study)
    for _again in range(2):
        answer = client.get(told["pixels"])
        client.get(told["meta"])
    assert Event.objects.filter(action="view", study=study.uid).count() == 1
    etag = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(told["pixels"], headers=etag).status_code == 304
    assert Client().get(told["pixels"], headers=etag).status_code == 302
    assert client.get(f"/images/{generate_uid()}-0/meta").status_code == 404

    def refuse(_request: Any, _uid: str) -> Study:
        raise PermissionDenied

    monkeypatch.setattr(views, "open_study", refuse)
    for what in ("pixels", "meta"):
        assert client.get(told[what], headers=etag).status_code == 403
        other = told[what].replace(told["uid"], f"{told['uid'].split('-')[0]}-0")
        assert client.get(other).status_code == 403  # not even that there is none


def test_a_stack_is_fetched_once(
    client: Client, orthanc: viewer_site.Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = only(client, viewer_site.enter(orthanc, pet()))
    first = client.get(told["pixels"]).content
    monkeypatch.setattr("reports.viewer.load._fetch", lambda *_asked: 1 / 0)
    assert client.get(told["pixels"]).content == first
    fresh = only(client, viewer_site.enter(orthanc, pet()))
    with pytest.raises(ZeroDivisionError):
        client.get(fresh["pixels"])

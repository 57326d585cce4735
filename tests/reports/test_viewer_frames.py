"""What is told of each frame, of all kinds of NM image, and of objects that lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import viewer_objects as make
from pydicom.dataset import FileDataset

from reports.viewer import describe, palettes, pixels
from reports.viewer.unfit import UnfitError

TC = "Tc99m 126\N{EN DASH}154 keV"
ANT = {"window": TC, "window_number": 1, "detector": 1, "view": "Anterior projection"}
FRAMES: dict[str, list[tuple[int, dict[str, Any]]]] = {
    "static": [
        (1, {"window": "Scatter", "window_number": 2, "detector": 1, "duration": 300.0}),
        (3, {"window": "Scatter", "detector": 2, "view": "Posterior projection"}),
    ],
    "whole_body": [(0, {**ANT, "duration": 900.0}), (1, {"view_code": "399001007"})],
    "dynamic": [  # three frames of 2 s with a second between, four seconds, three of 10 s
        (0, {**ANT, "phase": 1, "step": 1, "start": 0.0, "duration": 2.0}),
        (2, {"phase": 1, "start": 6.0, "duration": 2.0}),
        (3, {"phase": 2, "start": 12.0, "duration": 10.0}),
        (5, {"phase": 2, "start": 32.0, "duration": 10.0, "loop": 0}),
    ],
    "gated": [
        (0, {"slot": 1, "start": 0.0, "duration": 0.1}),
        (3, {"start": 0.35, "duration": 0.15}),
    ],
    "tomo": [
        (0, {"angle": 350.0}),
        (2, {"angle": 2.0, "start": 40.0, "duration": 20.0, "loop": 0}),
    ],
    "gated_tomo": [
        (3, {"slot": 4, "angle": 350.0, "loop": 0}),
        (4, {"slot": 1, "angle": 356.0, "loop": 1}),
    ],
    "recon": [(3, {"slice": 4, "position": 14.4})],
    "recon_gated": [(5, {"slice": 2, "slot": 2, "position": -4.8, "start": 0.1, "loop": 1})],
}
KINDS = {
    "static": "STATIC",
    "whole_body": "WHOLE BODY",
    "dynamic": "DYNAMIC",
    "gated": "GATED",
    "tomo": "TOMO",
    "gated_tomo": "GATED TOMO",
    "recon": "RECON TOMO",
    "recon_gated": "RECON GATED TOMO",
}


def about(made: FileDataset) -> dict[str, Any]:
    return describe.about(made, pixels.decode(made))


@pytest.mark.parametrize("name", FRAMES)
def test_each_frame_says_what_it_is(name: str) -> None:
    told = about(getattr(make, name)("1.2.3"))
    assert told["kind"] == KINDS[name]
    assert told["missing"] == []
    for number, wanted in FRAMES[name]:
        frame = told["frames"][number]
        assert {key: frame.get(key) for key in wanted} == wanted


def test_time_slices_that_go_on_counting_in_the_next_phase_mean_the_same() -> None:
    made = make.dynamic("1.2.3")
    before = [frame["start"] for frame in about(made)["frames"]]
    made.TimeSliceVector = [1, 2, 3, 4, 5, 6]
    assert [frame["start"] for frame in about(made)["frames"]] == before
    made.TimeSliceVector = [1, 2, 3, 3, 2, 1]  # it is not the order of the frames that counts
    assert about(made)["frames"][3]["start"] == 32.0


def test_a_turn_the_other_way() -> None:
    made = make.tomo("1.2.3")
    made.RotationInformationSequence[0].RotationDirection = "CW"
    assert about(made)["frames"][2]["angle"] == 338.0
    made.DetectorInformationSequence[0].StartAngle = 90.0
    assert about(made)["frames"][2]["angle"] == 78.0


@pytest.mark.parametrize(
    ("name", "rate"), [("gated", 8.0), ("recon_gated", 8.0), ("dynamic", 8.0), ("tomo", 8.0)]
)
def test_a_cine_has_a_speed(name: str, rate: float) -> None:
    assert about(getattr(make, name)("1.2.3"))["rate"] == rate


def test_a_gated_cine_beats_as_the_heart_did() -> None:
    made = make.gated("1.2.3")
    made.GatedInformationSequence[0].DataInformationSequence[0] = make.item(FrameTime=50.0)
    assert about(made)["rate"] == 20.0
    made.GatedInformationSequence[0].DataInformationSequence[0] = make.item(NominalInterval=1000)
    assert about(made)["rate"] == 4.0
    del made.GatedInformationSequence
    made.HeartRate = 120
    assert about(made)["rate"] == 8.0


def test_one_window_for_a_series_and_each_static_frame_its_own() -> None:
    told = about(make.dynamic("1.2.3"))
    assert (told["alone"], told["low"], told["high"]) == (False, 0, 606)
    static = about(make.static("1.2.3"))
    assert static["alone"] is True
    assert [frame["high"] for frame in static["frames"]] == [106, 206, 306, 406]


def test_negative_values_stay_and_the_window_begins_at_none() -> None:
    told = about(make.recon("1.2.3"))
    assert (told["type"], told["least"], told["low"]) == ("int16", -5, 0)
    assert told["mapping"] == {
        "slope": 0.5,
        "intercept": 0.0,
        "units": "counts",
        "source": "rescale",
    }


def test_real_world_values_come_before_a_rescale() -> None:
    made = make.recon("1.2.3")
    units = make.code(("{counts}", "UCUM", "Counts"))
    mapped = make.item(
        RealWorldValueSlope=2.0, RealWorldValueIntercept=1.0, MeasurementUnitsCodeSequence=units
    )
    made.RealWorldValueMappingSequence = [mapped]
    assert about(made)["mapping"]["source"] == "real-world"
    del made.RealWorldValueMappingSequence, made.RescaleSlope
    assert about(made)["mapping"] is None


def test_the_narrowest_numbers_that_hold_the_counts() -> None:
    few = make.counts(2)
    assert pixels.decode(make.nm("STATIC", few, "1.2", {})).dtype == np.uint8
    assert pixels.decode(make.nm("STATIC", few + 1000, "1.2", {})).dtype == np.uint16
    wide = few.astype(np.uint32)
    assert np.array_equal(pixels.decode(make.nm("STATIC", wide, "1.2", {})), few)
    wide[0, 0, 0] = 1 << 20
    with pytest.raises(UnfitError, match="16 bits"):
        pixels.decode(make.nm("STATIC", wide, "1.2", {}))


def test_bits_that_are_not_stored_are_not_counts() -> None:
    made = make.nm("STATIC", make.counts(2) | 0xF000, "1.2", {}, BitsStored=12, HighBit=11)
    assert np.array_equal(pixels.decode(made), make.counts(2))


def test_vectors_that_are_absent_are_named_and_nothing_is_made_up() -> None:
    made = make.dynamic("1.2.3")
    del made.TimeSliceVector
    made.PhaseVector = [1, 2]
    told = about(made)
    assert told["missing"] == ["PhaseVector", "TimeSliceVector"]
    assert "start" not in told["frames"][4]
    assert told["frames"][4]["duration"] == 2.0


def test_a_kind_that_nobody_knows_is_shown_by_its_modality() -> None:
    told = about(make.plain(make.counts(3), "1.2", ImageType=["DERIVED"]))
    assert (told["kind"], told["alone"], len(told["frames"])) == ("NM", False, 3)


def test_colours() -> None:
    rgb = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    made = make.plain(
        rgb, "1.2", SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0
    )
    assert np.array_equal(pixels.decode(made), rgb)
    assert about(made)["type"] == "rgb"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"Rows": 65_535, "Columns": 65_535}, "65535 x 65535"),
        ({"Rows": 0}, "0 pixels"),
        ({"NumberOfFrames": "99999999"}, "99999999 frames"),
        ({"NumberOfFrames": "9999", "Rows": 4096, "Columns": 4096}, "too large"),
        ({"NumberOfFrames": "-4"}, "-4 frames"),
        ({"Rows": 64}, "ends too early"),
        ({"PixelData": b""}, "ends too early"),
        ({"BitsAllocated": 1}, "1 bits"),
        ({"BitsAllocated": 64}, "64 bits"),
        ({"BitsStored": 12, "HighBit": 15}, "cannot be read"),
        ({"SamplesPerPixel": 4}, "4 x 16"),
        ({"PhotometricInterpretation": "CMYK"}, "CMYK"),
    ],
)
def test_objects_that_lie_are_refused_in_a_sentence(values: dict[str, Any], says: str) -> None:
    made = make.dynamic("1.2.3")
    for keyword, value in values.items():
        setattr(made, keyword, value)
    with pytest.raises(UnfitError, match=says):
        pixels.decode(made)


def test_nonsense_in_every_sequence_harms_nobody() -> None:
    for each in make.ALL:
        made = each("1.2.3")
        found = pixels.decode(made)
        for element in list(made):
            if element.VR == "SQ":
                made[element.tag].value = [make.item(PatientID="?")]
        made.TimeSlotVector = made.SliceVector = made.PhaseVector = [65_535] * len(found)
        made.PixelSpacing = [0.0, 1e30]
        told = describe.about(made, found)
        assert len(told["frames"]) == len(found)
        assert told["spacing"] is None


def test_the_palettes_are_those_of_dicom() -> None:
    kept = palettes.PLACE.read_text("ascii")
    made = palettes.made()
    assert all(f'"{name}": "{colours}"' in kept for name, colours in made.items())
    assert {len(colours) for colours in made.values()} == {256 * 6}
    assert made["hot-iron"][:12] == "000000020000"  # PS3.6, B.1.1: red 0, 2, 4, …
    assert made["hot-iron"][-6:] == "ffffff"
    assert made["grey"][6 * 7 : 6 * 8] == "070707"
    assert made["inverse"][:6] == "ffffff"

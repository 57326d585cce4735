"""PNG and GIF: every frame, every level, and what was chosen to show them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from pydicom.pixel_data_handlers.util import apply_color_lut

from intake.look import PALETTES, Look
from intake.pictures import gif, palette, window, write
from intake.refused import Refused
from intake.study import Acquisition, Kind
from tests.intake import dicom_kit, kit


def animated(acquisition: Acquisition, look: Look | None = None) -> bytes:
    return b"".join(write.animated(write.show(acquisition, look or Look())))


def frames_of(data: bytes) -> list[np.ndarray]:
    with Image.open(BytesIO(data)) as picture:
        return [np.asarray(each.convert("RGB")) for each in ImageSequence.Iterator(picture)]


def flow(*tops: int) -> Acquisition:
    """A dynamic study whose frames have one value each."""
    made = kit.make(Kind.DYNAMIC)
    pixels = np.zeros_like(made.pixels)
    for frame, top in zip(pixels, tops, strict=False):
        frame[:] = top
    return replace(made, pixels=pixels)


@pytest.mark.parametrize("name", PALETTES)
def test_a_gif_has_each_frame_exactly(name: str) -> None:
    acquisition = kit.make(Kind.GATED_TOMO)
    shown = write.show(acquisition, Look(palette=name, zoom=3))
    data = b"".join(write.animated(shown))
    found = frames_of(data)
    assert gif.count(data) == len(found) == len(acquisition.pixels)
    for number, frame in enumerate(found):
        assert np.array_equal(frame, shown.colours[shown.frame(number)])


def test_equal_and_empty_frames_stay() -> None:
    """Pillow's own animation is the negative control: it merges them."""
    acquisition = flow(0, 0, 9, 9, 9)
    data = animated(acquisition)
    assert gif.count(data) == len(acquisition.pixels) == 10
    pictures = [Image.fromarray(frame) for frame in frames_of(data)]
    merged = BytesIO()
    pictures[0].save(merged, "GIF", save_all=True, append_images=pictures[1:], duration=100)
    assert gif.count(merged.getvalue()) < 10


@pytest.mark.parametrize("asked", [100.0, 62.5, 33.4, 7.0, 1234.0])
def test_delays_sum_up(asked: float) -> None:
    waits = gif.delays(64, asked)
    assert min(waits) >= gif.LEAST
    assert abs(sum(waits) - 64 * max(asked / 10, gif.LEAST)) <= 0.5


def test_a_gated_study_beats_as_the_heart_did() -> None:
    made = kit.make(Kind.GATED)
    assert write.show(made).milliseconds == 50.0
    assert write.show(made, Look(milliseconds=80)).milliseconds == 80
    with Image.open(BytesIO(animated(made))) as picture:
        assert picture.info["duration"] == 50
        assert picture.info["loop"] == 0
        assert b"window 0 to 251 counts" in picture.info["comment"]


def test_one_window_a_series_and_one_an_image() -> None:
    pixels = np.zeros((4, 2, 2), dtype=np.uint16)
    pixels[0], pixels[1, 0, 0] = 10, 1000
    series, _ = window.windows(pixels, Kind.DYNAMIC, None)
    assert {(each.low, each.high) for each in series} == {(0, 1000)}
    alone, _ = window.windows(pixels, Kind.STATIC, None)
    assert [each.high for each in alone] == [10, 1000, 0, 0]


def test_levels() -> None:
    frame = np.array([[0, 50, 99, 100, 200, 65535]], dtype=np.uint16)
    assert window.Window(0, 100).levels(frame).tolist() == [[0, 128, 253, 255, 255, 255]]
    assert window.Window(100, 200).levels(frame).tolist() == [[0, 0, 0, 0, 255, 255]]
    assert window.Window(5, 5).levels(frame).tolist() == [[0] * 6]
    wide = np.array([[-(2**31), 0, 2**31 - 1]], dtype=np.int32)
    assert window.Window(-(2**31), 2**31).levels(wide).tolist() == [[0, 128, 255]]


def test_negative_counts_set_the_floor() -> None:
    pixels = np.array([[[-20, 0, 80]]], dtype=np.int16)
    (found,), how = window.windows(pixels, Kind.RECON_TOMO, None)
    assert (found.low, found.high) == (-20, 80)
    assert "series" in how


@pytest.mark.parametrize(("text", "low", "high"), [("0:500", 0, 500), ("10%:80%", 20, 160)])
def test_a_window_that_was_asked_for(text: str, low: float, high: float) -> None:
    assert window.parse(text).of(200) == window.Window(low, high)


@pytest.mark.parametrize("text", ["", "5", "9:3", "a:b", "90%:10%", "0:500:9", "nan:3"])
def test_a_window_that_is_none(text: str) -> None:
    with pytest.raises(Refused):
        window.parse(text)


PALETTE_UIDS = {  # PS3.6 annex B
    "hot-iron": "1.2.840.10008.1.5.1",
    "pet": "1.2.840.10008.1.5.2",
    "hot-metal-blue": "1.2.840.10008.1.5.3",
    "pet-20-step": "1.2.840.10008.1.5.4",
}


@pytest.mark.parametrize("name", list(palette.FILES))
def test_palettes_are_dicoms(name: str) -> None:
    pytest.importorskip("pkg_resources")  # pydicom's own way to these files needs it; ours not
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    wanted = apply_color_lut(levels, palette=PALETTE_UIDS[name])
    assert np.array_equal(palette.colours(name)[levels], wanted)
    assert np.array_equal(palette.colours(name, invert=True), palette.colours(name)[::-1])


def test_png_says_what_was_chosen_and_nobodys_name(tmp_path: Path) -> None:
    acquisition = kit.make(Kind.STATIC)
    shown = write.show(acquisition, Look(palette="hot-iron"))
    data = write.png(shown, 2)
    with Image.open(BytesIO(data)) as picture:
        picture.load()
        told = picture.text  # type: ignore[attr-defined]
        assert "frame 3 (window 2)" in told["Description"]
        assert "HOT_IRON" in told["Description"]
        assert told["Window"] == f"0 to {acquisition.pixels[2].max()}"
        assert np.array_equal(np.asarray(picture.convert("RGB")), shown.colours[shown.frame(2)])
    assert b"LIN" not in data


def test_small_matrices_are_enlarged_by_whole_factors() -> None:
    shown = write.show(kit.make(Kind.TOMO))
    assert shown.zoom == 32
    frame = shown.frame(0)
    assert frame.shape == (192, 256)
    assert (frame.reshape(6, 32, 8, 32) == frame[::32, ::32][:, None, :, None]).all()


def test_too_large_is_refused() -> None:
    with pytest.raises(Refused, match="enlarged 9999 times"):
        write.show(kit.make(Kind.TOMO), Look(zoom=9999))


def test_names() -> None:
    assert write.names(Path("a/b.png"), 1) == [Path("a/b.png")]
    assert write.names(Path("a/b.png"), 2) == [Path("a/b-001.png"), Path("a/b-002.png")]


def test_folders_of_pictures(tmp_path: Path) -> None:
    from intake.convert import Wanted, convert

    source = dicom_kit.write(tmp_path, dicom_kit.gated())
    out = tmp_path / "out"
    out.mkdir()
    found = convert(source, out, Wanted(to="gif", look=Look(palette="pet")))
    assert found.refused is None
    assert gif.count((out / "image.gif").read_bytes()) == 4
    assert all("a picture shows" in each.why for each in found.made[0].lost)
    found = convert(source, out, Wanted(to="png"))
    assert [made.path.name for made in found.made] == [f"image-00{n}.png" for n in range(1, 5)]
    (out / "image-002.png").write_bytes(b"somebody's")
    found = convert(source, out, Wanted(to="png"))
    assert found.refused is not None
    assert "holds something else" in found.refused.reason
    found = convert(source, out, Wanted(to="gif", look=Look(window="a:b")))
    assert found.refused is not None

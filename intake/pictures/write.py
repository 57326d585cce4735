"""The frames of an acquisition as PNG files or as one GIF, and what was chosen to show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from intake.look import USUAL, Look
from intake.pictures import gif, palette, window
from intake.refused import Refused
from intake.study import Acquisition, Kind, Place

WANTED_SIDE = 256
"""Small matrices are enlarged to about this, by whole factors, so that no pixel is invented."""
MAX_PIXELS = 2**26
STEPS = {Kind.DYNAMIC: 150.0, Kind.TOMO: 100.0, Kind.GATED_TOMO: 100.0}
"""Milliseconds a frame is shown where the study itself has no pace to show it at."""


@dataclass(frozen=True)
class Shown:
    """A picture's frames as levels, ready to be written."""

    acquisition: Acquisition
    order: tuple[int, ...]
    windows: tuple[window.Window, ...]
    zoom: int
    colours: palette.Colours
    said: str
    """What was chosen, for whoever looks at it."""
    milliseconds: float

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return self.acquisition.rows * self.zoom, self.acquisition.columns * self.zoom

    def frame(self, number: int) -> window.Levels:
        """The levels of one frame, enlarged."""
        found = self.windows[number].levels(self.acquisition.pixels[self.order[number]])
        return np.repeat(np.repeat(found, self.zoom, axis=0), self.zoom, axis=1)


def show(acquisition: Acquisition, look: Look = USUAL) -> Shown:
    """What the pictures will look like; Refused when the window cannot be."""
    order = sorted(range(len(acquisition.places)), key=lambda each: acquisition.places[each])
    ask = window.parse(look.window) if look.window else None
    found, how = window.windows(acquisition.pixels, acquisition.kind, ask)
    chosen = tuple(found[each] for each in order)
    side = max(acquisition.rows, acquisition.columns)
    zoom = look.zoom or max(1, WANTED_SIDE // side)
    if acquisition.rows * acquisition.columns * zoom**2 > MAX_PIXELS:
        raise Refused(f"enlarged {zoom} times, a picture would have more than {MAX_PIXELS} pixels")
    one = len(set(chosen)) == 1
    said = f"window {chosen[0] if one else 'of its own for each image'} counts ({how}); "
    said += f"palette {palette.DICOM.get(look.palette, look.palette)}"
    said += ", inverted" if look.invert else ""
    said += f"; enlarged {zoom} times; {len(order)} frames"
    colours = palette.colours(look.palette, look.invert)
    pace = look.milliseconds or _pace(acquisition)
    return Shown(acquisition, tuple(order), chosen, zoom, colours, said, pace)


def _pace(acquisition: Acquisition) -> float:
    """Milliseconds a frame: a gated study beats as the heart did."""
    if acquisition.kind in {Kind.GATED, Kind.RECON_GATED_TOMO} and acquisition.gating:
        times = [each.frame_time for each in acquisition.gating.gates if each.frame_time]
        if times:
            return times[0]
    return STEPS.get(acquisition.kind, 500.0)


def animated(shown: Shown) -> Iterator[bytes]:
    """All frames as one GIF."""
    count = len(shown.order)
    frames = (shown.frame(number) for number in range(count))
    said = f"{shown.said}; {shown.milliseconds:g} ms a frame"
    waits = gif.delays(count, shown.milliseconds)
    return gif.chunks(frames, shown.size, shown.colours, waits, said)


def png(shown: Shown, number: int) -> bytes:
    """One frame as PNG, with what was chosen in its text; no name and no number of the patient."""
    rows, columns = shown.size
    picture = Image.frombytes("P", (columns, rows), shown.frame(number).tobytes())
    picture.putpalette(shown.colours.tobytes())
    text = PngInfo()
    place = shown.acquisition.places[shown.order[number]]
    text.add_text("Description", f"frame {number + 1}{_where(place)}; {shown.said}")
    text.add_text("Window", str(shown.windows[number]))
    buffer = BytesIO()
    picture.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def _where(place: Place) -> str:
    told = [f"{name} {value}" for name, value in place._asdict().items() if value > 1]
    return f" ({', '.join(told)})" if told else ""


def names(path: Path, count: int) -> list[Path]:
    """A name for each frame: the very path for one, numbered for more."""
    if count == 1:
        return [path]
    digits = max(3, len(str(count)))
    numbers = range(1, count + 1)
    return [path.with_name(f"{path.stem}-{n:0{digits}}{path.suffix}") for n in numbers]

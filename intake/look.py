"""How pictures are to look: asked for without loading what draws them."""

from __future__ import annotations

from dataclasses import dataclass

PALETTES = ("grey", "hot-iron", "pet", "hot-metal-blue", "pet-20-step")


@dataclass(frozen=True)
class Look:
    """Empty and 0: as is usual for the kind of study."""

    palette: str = "grey"
    invert: bool = False
    window: str = ""
    """``LOW:HIGH`` in counts, or in percent of the largest (``10%:80%``)."""
    zoom: int = 0
    milliseconds: float = 0.0
    """Of a frame in an animation."""


USUAL = Look()

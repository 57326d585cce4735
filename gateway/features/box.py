"""The box's own program: it travels in the tree that it places, and goes back with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile, fill
from gateway.site import Site

PROGRAM = "/usr/sbin/gateway-box"
BOOT_UNIT = "gateway-boot.service"
LIBRARY = "/usr/lib/gateway/box"
SOURCE = Path(__file__).parent.parent / "box"


def files(_site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The launcher and the modules, first of all: `gateway-box status` works from then on."""
    # It answers from where it is staged: launcher and modules fit together and are whole.
    check = ("python3", "-IB", "{file}", "--help")
    launcher = fill(f"{PROGRAM[1:]}.j2")
    yield RenderedFile(PROGRAM, launcher, "box", mode=0o755, check=check, first=True)
    for module in sorted(SOURCE.glob("*.py")):
        path = f"{LIBRARY}/{module.name}"
        yield RenderedFile(path, module.read_bytes(), "box", first=True)
    path = f"etc/systemd/system/{BOOT_UNIT}"
    yield RenderedFile(f"/{path}", fill(f"{path}.j2"), "box", first=True)


FEATURE = Feature(
    "box",
    files=files,
    units=lambda _site: (BOOT_UNIT,),
    folders=lambda _site: ("/usr/lib/gateway", "/etc/gateway"),
)

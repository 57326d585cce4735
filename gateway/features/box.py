"""The box's own program: it travels in the tree that it places, and goes back with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile, fill
from gateway.site import Site

PROGRAM = "/usr/sbin/gateway-box"
LIBRARY = "/usr/lib/gateway/box"
SOURCE = Path(__file__).parent.parent / "box"


def files(_site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The launcher and the modules, first of all: `gateway-box status` works from then on."""
    launcher = fill(f"{PROGRAM[1:]}.j2")
    # Compiling is the check; -B and -c leave no bytecode beside the staged file.
    compiles = ("python3", "-IBc", "import sys; compile(open(sys.argv[1]).read(), *sys.argv[1:])")
    check = (*compiles, "{file}", "exec")
    yield RenderedFile(PROGRAM, launcher, "box", mode=0o755, check=check, first=True)
    for module in sorted(SOURCE.glob("*.py")):
        path = f"{LIBRARY}/{module.name}"
        yield RenderedFile(path, module.read_bytes(), "box", check=check, first=True)


FEATURE = Feature("box", files=files)

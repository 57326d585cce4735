"""The box audits itself after each switch and once a day, and tells the administrator.

What it takes is in the tree: the part of ``gateway/audit`` that needs nothing but Python, and the
description as that part reads it. Neither knows how the firewall's rules are rendered.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.audit.carried import carried
from gateway.features import drift
from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile, fill
from gateway.site import Site

SERVICE, TIMER = "gateway-audit.service", "gateway-audit.timer"
DESCRIPTION = "/usr/lib/gateway/audit.json"
PROGRAM = "/usr/lib/gateway/audit"
SOURCE = Path(__file__).parent.parent
BELOW = ("__init__", "flow", "ground", "problems", "run")
"""What the audit stands on."""
STAYS = frozenset({"ask", "examine", "redundant", "whole"})
"""What of the audit answers questions and writes reports, and needs a whole ``Site``."""


def modules() -> Iterator[Path]:
    """The modules that travel, as paths below ``gateway``."""
    yield from (Path(f"{name}.py") for name in BELOW)
    for each in sorted((SOURCE / "audit").glob("*.py")):
        if each.stem not in STAYS:
            yield each.relative_to(SOURCE)


def files(site: Site, policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The description, the program, the unit that runs it and its timer."""
    yield RenderedFile(DESCRIPTION, carried(site, policy), "proof")
    yield RenderedFile(f"{PROGRAM}/__main__.py", fill(f"{PROGRAM[1:]}/__main__.py.j2"), "proof")
    for module in modules():
        path = f"{PROGRAM}/gateway/{module.as_posix()}"
        yield RenderedFile(path, (SOURCE / module).read_bytes(), "proof")
    for unit in (SERVICE, TIMER):
        content = fill(f"{drift.UNITS}/{unit}.j2", writes=drift.writes(site))
        restart = ("systemctl", "try-restart", TIMER) if unit == TIMER else ()
        yield RenderedFile(f"/{drift.UNITS}/{unit}", content, "proof", reload=restart)


FEATURE = Feature(
    "proof",
    files=files,
    units=lambda _site: (TIMER,),
    folders=lambda _site: (PROGRAM, f"{PROGRAM}/gateway", f"{PROGRAM}/gateway/audit"),
)

"""Once a day the box looks for what is not as its generation says, and tells the administrator."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features import mail
from gateway.features.shape import Feature
from gateway.policy import Flow
from gateway.render import RenderedFile, fill
from gateway.site import Site

UNITS = "etc/systemd/system"
SERVICE, TIMER = "gateway-drift.service", "gateway-drift.timer"


def writes(site: Site) -> bool:
    """Whether there is somebody to write to."""
    return mail.sends(site) and site.administration.mail is not None


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """A timer, and what it starts; without mail it is the journal that tells."""
    for unit in (SERVICE, TIMER):
        content = fill(f"{UNITS}/{unit}.j2", writes=writes(site))
        restart = ("systemctl", "try-restart", TIMER) if unit == TIMER else ()
        yield RenderedFile(f"/{UNITS}/{unit}", content, "drift", reload=restart)


FEATURE = Feature("drift", files=files, units=lambda _site: (TIMER,))

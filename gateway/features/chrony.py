"""Time: from the hospital's servers to the devices."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.policy import SERVICES, Flow, Reason, box_end, network_end, outside_host
from gateway.render import RenderedFile, fill
from gateway.site import Site

UNIT = "chrony.service"


def flows(site: Site) -> Iterator[Flow]:
    """NTP from each inside network to the box, and from the box to the hospital's servers."""
    ntp = SERVICES["ntp"]
    for name in site.inside:
        reason = Reason(("networks", name))
        yield Flow(network_end(site, name), box_end(site, name), ntp, reason, "chrony")
    box = box_end(site, site.outside_name)
    for index, server in enumerate(site.hospital.time):
        reason = Reason(("hospital", "time", index))
        yield Flow(box, outside_host(site, str(server)), ntp, reason, "chrony")


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """chronyd's configuration."""
    yield RenderedFile(
        "/etc/chrony/chrony.conf",
        fill(
            "etc/chrony/chrony.conf.j2",
            servers=site.hospital.time,
            clients=[network.network for network in site.inside.values()],
        ),
        "chrony",
        check=("chronyd", "-p", "-f", "{file}"),
        reload=("systemctl", "try-restart", UNIT),
    )


FEATURE = Feature(
    "chrony",
    flows=flows,
    files=files,
    packages=lambda _site: ("chrony",),
    units=lambda _site: (UNIT,),
)

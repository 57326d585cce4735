"""Where the box gets Debian's packages, and by which way."""

from __future__ import annotations

import json
from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.policy import SERVICES, Flow, PortRange, Reason, Service, box_end, outside_end
from gateway.policy import outside_host as host
from gateway.render import RenderedFile, fill
from gateway.site import Site

PROXY_CONF = "/etc/apt/apt.conf.d/90gateway"
PROXY_LOGIN = "/etc/gateway/web-proxy.json"


def flows(site: Site) -> Iterator[Flow]:
    """The box to the web proxy, or to the web itself where there is none."""
    box = box_end(site, site.outside_name)
    if way := site.updates_proxy:
        service = Service("web-proxy", (PortRange("tcp", way.port, way.port),))
        destination = host(site, str(way.address))
        yield Flow(box, destination, service, Reason(("hospital", "web_proxy")), "updates")
    else:
        reason = Reason(("updates", "proxy"))
        yield Flow(box, outside_end(site), SERVICES["web"], reason, "updates")


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """apt's proxy, and its sources where the site names a mirror."""
    way = site.updates_proxy
    yield RenderedFile(
        PROXY_CONF,
        fill(
            "etc/apt/apt.conf.d/90gateway.j2",
            proxy=f"http://{way.address}:{way.port}" if way else "",
        ),
        "updates",
        check=("apt-config", "-c", "{file}", "dump"),
        first=True,
    )
    if way and way.user:
        # The password joins it on the box (box/webproxy.py): a tree can be read by everyone.
        told = {"machine": f"http://{way.address}:{way.port}", "user": way.user}
        content = (json.dumps(told, indent=1) + "\n").encode()
        command = ("/usr/sbin/gateway-box", "web-proxy")
        yield RenderedFile(PROXY_LOGIN, content, "updates", reload=command, first=True)
    if site.updates.mirror:
        yield RenderedFile(
            "/etc/apt/sources.list.d/debian.sources",
            fill(
                "etc/apt/sources.list.d/debian.sources.j2", mirror=site.updates.mirror.rstrip("/")
            ),
            "updates",
            first=True,
        )
        # The installer's own list would go on being asked beside ours.
        yield RenderedFile(
            "/etc/apt/sources.list", b"# See sources.list.d.\n", "updates", first=True
        )


FEATURE = Feature(
    "updates",
    flows=flows,
    files=files,
    folders=lambda _site: tuple(
        f"/etc/apt/{name}.d" for name in ("apt.conf", "sources.list", "preferences", "trusted.gpg")
    ),
)

"""How the kernel forwards: never before the firewall stands, never by what the wire tells it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.render import RenderedFile, fill
from gateway.site import Site

SYSCTL = "etc/sysctl.d/90-gateway.conf"
MODULES = "etc/modules-load.d/gateway.conf"


def ipv6(site: Site) -> Iterator[str]:
    """IPv6 settings: off everywhere but on loopback and where a network has an ``address6``."""
    wanted = any(network.address6 for network in site.networks.values())
    yield f"-net.ipv6.conf.all.forwarding = {int(wanted)}"
    # A card that appears later, and the cards the site does not name.
    yield "-net.ipv6.conf.default.disable_ipv6 = 1"
    yield "-net.ipv6.conf.*.disable_ipv6 = 1"
    yield "-net.ipv6.conf.lo.disable_ipv6 = 0"
    # `all` is written through to every card, also to those above; so it is left out of the glob.
    yield "-net.ipv6.conf.all.disable_ipv6"
    for network in site.networks.values():
        # With slashes, because a VLAN's name has a dot (sysctl.d(5)).
        off = int(network.address6 is None)
        yield f"-net/ipv6/conf/{network.nic.interface}/disable_ipv6 = {off}"


def files(site: Site, _policy: object) -> Iterator[RenderedFile]:
    """sysctl.d, and the module whose settings are among them."""
    # No reload: the firewall has loaded the module by then; this is for the next boot, where
    # sysctl.d is read before the firewall and would not find its keys.
    yield RenderedFile(f"/{MODULES}", fill(f"{MODULES}.j2"), "kernel")
    yield RenderedFile(
        f"/{SYSCTL}",
        fill(f"{SYSCTL}.j2", ipv6=list(ipv6(site))),
        "kernel",
        # Our file alone: somebody else's setting that fails is not ours to stumble over.
        reload=("/usr/lib/systemd/systemd-sysctl", f"/{SYSCTL}"),
    )


FEATURE = Feature(
    "kernel", files=files, folders=lambda _site: ("/etc/sysctl.d", "/etc/modules-load.d")
)

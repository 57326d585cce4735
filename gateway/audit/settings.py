"""Settings of the kernel (sysctl) that change what the rules mean."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.audit.finding import Finding
from gateway.audit.snapshot import Settings, Snapshot
from gateway.ground import Ground


def findings(seen: Snapshot, site: Ground) -> Iterator[Finding]:
    """What is set otherwise than the site needs it."""
    yield from _forwarding(seen.sysctls, site)
    yield from _ipv6(seen.sysctls, site)
    for network in site.networks.values():
        yield from _card(seen.sysctls, network.nic.interface)
    loose = seen.sysctls.get("netfilter/nf_conntrack_tcp_loose", "")
    if loose not in ("", "0"):
        said = (
            "a packet in the middle of an unknown conversation counts as its beginning"
            " (the rules see that only where they look at the flags)"
        )
        yield Finding("note", "tcp_loose", said, f"nf_conntrack_tcp_loose = {loose}")
    if any(seen.sysctls.get(key) == "1" for key in _BRIDGED) and _has_bridge(seen):
        said = "what is bridged passes the rules too, by the bridge's name"
        yield Finding("undecided", "bridge", said, "bridge-nf-call-iptables = 1")


_BRIDGED = ("bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables")


def _has_bridge(seen: Snapshot) -> bool:
    return any(link.kind == "bridge" for link in seen.links)


def _forwarding(settings: Settings, site: Ground) -> Iterator[Finding]:
    if settings.get("ipv4/ip_forward") != "1":
        said = "the box forwards nothing: what is permitted between networks does not work"
        yield Finding("differs", "forwarding", said, _fact(settings, "ipv4/ip_forward"))
    wanted = any(network.address6 for network in site.networks.values())
    on = settings.get("ipv6/conf/all/forwarding", "0") == "1"
    if wanted and not on:
        said = "the box forwards no IPv6: what is permitted between networks does not work"
        yield Finding("differs", "forwarding", said, _fact(settings, "ipv6/conf/all/forwarding"))
    elif on and not wanted:
        said = "the box is ready to forward IPv6, which the description has nowhere"
        yield Finding("note", "forwarding", said, _fact(settings, "ipv6/conf/all/forwarding"))


def _ipv6(settings: Settings, site: Ground) -> Iterator[Finding]:
    for name, network in site.networks.items():
        key = f"ipv6/conf/{network.nic.interface}/disable_ipv6"
        if network.address6 and settings.get(key) == "1":
            said = f"IPv6 is switched off on {name}, which has an address6"
            yield Finding("differs", "IPv6", said, _fact(settings, key))
        elif not network.address6 and settings.get(key) == "0":
            said = f"IPv6 is switched on for {name}; only the rules deny it there"
            yield Finding("note", "IPv6", said, _fact(settings, key))


def _card(settings: Settings, card: str) -> Iterator[Finding]:
    strict = max(settings.get(f"ipv4/conf/{each}/rp_filter", "0") for each in ("all", card))
    if strict != "1":
        how = {"0": "off", "2": "loose"}.get(strict, strict)
        said = f"the kernel's own check of senders is {how} on {card}; only the rules check them"
        yield Finding("note", "rp_filter", said, f"rp_filter = {strict}")
    both = [settings.get(f"ipv4/conf/{each}/accept_source_route", "0") for each in ("all", card)]
    if both == ["1", "1"]:
        said = f"a sender on {card} may choose the way of its packets"
        yield Finding("undecided", "source routing", said, "accept_source_route = 1")
    if "1" in [settings.get(f"ipv4/conf/{each}/route_localnet", "0") for each in ("all", card)]:
        said = f"127.0.0.0/8 is taken for an ordinary network on {card}"
        yield Finding("undecided", "route_localnet", said, "route_localnet = 1")
    if "1" in [settings.get(f"ipv4/conf/{each}/proxy_arp", "0") for each in ("all", card)]:
        said = f"the box answers on {card} for machines of other networks"
        yield Finding("note", "proxy ARP", said, "proxy_arp = 1")
    redirects = [settings.get(f"ipv4/conf/{each}/accept_redirects", "0") for each in ("all", card)]
    if "1" in redirects:
        said = f"a machine on {card} may tell the box another way for its packets"
        yield Finding("note", "redirects", said, "accept_redirects = 1")


def _fact(settings: Settings, key: str) -> str:
    return f"{key} = {settings.get(key, 'not there')}"

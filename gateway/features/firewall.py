"""The packet filter: what the policy names may begin, whatever else is denied.

It is computed from the policy and the networks alone. Denied is also what the box itself begins
without a flow. A flow from outside to a device names the device's own address: there is no
destination NAT here, so it works only where the hospital routes to our networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from gateway.features import nft
from gateway.features.shape import Feature
from gateway.policy import End, Flow, IPNetwork, PortRange
from gateway.render import RenderedFile, fill
from gateway.site import Network, Site

Reasons = dict[nft.Permit, list[str]]

DHCP_SERVER = PortRange("udp", 67, 67)
UNSPECIFIED = ip_network("0.0.0.0/32")
EVERYBODY = IPv4Network("255.255.255.255/32")
NEVER_A_SOURCE = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
"""RFC 6890: this network, loopback, link local, multicast, reserved and limited broadcast.

Private addresses (RFC 1918) are not among them: most hospitals use them.
"""
NEVER_A_SOURCE6 = ("::1/128", "::ffff:0:0/96", "ff00::/8")
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }"


def permits(site: Site, flow: Flow) -> Iterator[nft.Permit]:
    """What a flow lets begin, broadcasts included."""
    pairs = [(a, b) for a in flow.source.addresses for b in _reached(site, flow)]
    if flow.destination.is_box and flow.service.broadcast and DHCP_SERVER in flow.service.ports:
        # A machine that has no address yet asks from 0.0.0.0 (RFC 2131, 4.1).
        pairs.append((UNSPECIFIED, EVERYBODY))
    for source, destination in pairs:
        if source.version == destination.version:
            for ports in flow.service.ports:
                yield nft.Permit(source, destination, ports)
            if flow.service.ping:
                yield nft.Permit(source, destination, None)


def _reached(site: Site, flow: Flow) -> tuple[IPNetwork, ...]:
    wire = flow.source.network if flow.destination.is_box else flow.destination.network
    forwarded = not (flow.source.is_box or flow.destination.is_box)
    if wire is None or forwarded or not flow.service.broadcast:
        return flow.destination.addresses
    return (*flow.destination.addresses, *_broadcasts(site.networks[wire]))


def _broadcasts(network: Network) -> tuple[IPv4Network, ...]:
    if network.network.prefixlen > 30:  # a network of two addresses has none (RFC 3021)
        return (EVERYBODY,)
    return (IPv4Network(network.network.broadcast_address), EVERYBODY)


def chain_name(source: End, destination: End) -> str | None:
    """The chain that a flow between two ends belongs to; None if the box never sees it."""
    if source.network == destination.network:
        return None
    if destination.is_box:
        return f"in_{source.network}"
    return (
        f"out_{destination.network}"
        if source.is_box
        else f"fwd_{source.network}_{destination.network}"
    )


def _by_chain(site: Site, flows: tuple[Flow, ...]) -> dict[str, Reasons]:
    chains: dict[str, Reasons] = {}
    for flow in flows:
        name = chain_name(flow.source, flow.destination)
        if name:
            reasons = chains.setdefault(name, {})
            for permit in permits(site, flow):
                reasons.setdefault(permit, []).append(str(flow.reason))
    return chains


def _source_chain(site: Site, name: str, asked: Reasons) -> nft.Chain:
    """Drops what cannot come from that side: explicit addresses, which the audit can prove."""
    network = site.networks[name]
    rules = [_own_broadcasts(network)]
    rules += [
        f"ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67"
        f' accept comment "{nft.comment(reasons)}"'
        for permit, reasons in asked.items()
        if permit.source == UNSPECIFIED
    ]
    rules += _inside_sources(network) if network.inside else _outside_sources(site)
    if network.address6 is None:
        rules.insert(0, _no_ipv6(name))
    return nft.Chain(f"from_{name}", tuple(rules))


def _no_ipv6(name: str) -> str:
    return (
        f'meta nfproto ipv6 counter drop comment "IPv6 is denied: networks.{name} has no address6"'
    )


def _own_broadcasts(network: Network) -> str:
    # The kernel hands a copy of what it broadcasts back to itself (ip_mc_output), by the card
    # it went out on: neither spoofed nor of use.
    where = ", ".join(str(each.network_address) for each in _broadcasts(network))
    return (
        f"ip saddr {network.address.ip} ip daddr {{ {where} }} counter drop"
        ' comment "the box hears its own broadcast"'
    )


def _inside_sources(network: Network) -> Iterator[str]:
    net = network.network
    no_host = [net.network_address, net.broadcast_address] if net.prefixlen < 31 else []
    not_theirs = ", ".join(str(each) for each in sorted({network.address.ip, *no_host}))
    yield f"ip saddr {{ {not_theirs} }} goto spoofed"
    yield f"ip saddr {net} accept"
    if network.address6:
        yield f"ip6 saddr {network.address6.ip} goto spoofed"
        yield f"ip6 saddr {{ {network.address6.network}, fe80::/10 }} accept"
        yield _duplicate_detection()
    yield "goto spoofed"


def _outside_sources(site: Site) -> Iterator[str]:
    ours = [ip_network(site.outside.address.ip), *map(ip_network, NEVER_A_SOURCE)]
    ours += [network.network for network in site.inside.values()]
    ours += [net for net in _broadcasts(site.outside) if net != EVERYBODY]
    yield f"ip saddr {{ {_listed(ours)} }} goto spoofed"
    if site.outside.address6:
        ours6 = [ip_network(site.outside.address6.ip), *map(ip_network, NEVER_A_SOURCE6)]
        ours6 += [each.address6.network for each in site.inside.values() if each.address6]
        yield f"ip6 saddr {{ {_listed(ours6)} }} goto spoofed"
        yield _duplicate_detection()
        yield "ip6 saddr :: goto spoofed"
    yield "accept"


def _listed(networks: list[IPNetwork]) -> str:
    # Collapsed, because nft refuses an anonymous set whose prefixes overlap.
    old = [each for each in networks if isinstance(each, IPv4Network)]
    new = [each for each in networks if isinstance(each, IPv6Network)]
    return ", ".join(map(str, (*collapse_addresses(old), *collapse_addresses(new))))


def _duplicate_detection() -> str:
    # RFC 4862, 5.4.2: a machine asks whether its new address is free before it has one.
    return "ip6 saddr :: ip6 hoplimit 255 icmpv6 type nd-neighbor-solicit accept"


def _neighbours(name: str, network: Network, *, leaving: bool) -> tuple[str, ...]:
    """IPv6 finds its neighbours by ICMPv6, which only the same wire can send (RFC 4861, 7.1)."""
    if network.address6 is None:
        return (_no_ipv6(name),) if leaving else ()
    why = f'accept comment "networks.{name}.address6"'
    rules = (f"ip6 hoplimit 255 {NEIGHBOURS} {why}",)
    # Switches that snoop forward solicitations only to ports that joined the group (RFC 4541).
    joins = f"ip6 hoplimit 1 icmpv6 type mld2-listener-report {why}"
    return (*rules, joins) if leaving else rules


def _chains(site: Site, asked: dict[str, Reasons]) -> Iterator[nft.Chain]:
    for name, network in site.networks.items():
        yield _source_chain(site, name, asked.get(f"in_{name}", {}))
        for prefix in ("in", "out"):
            chain = f"{prefix}_{name}"
            nearby = _neighbours(name, network, leaving=prefix == "out")
            yield nft.chain(chain, asked.get(chain, {}), nearby)
    for chain, reasons in sorted(asked.items()):
        if chain.startswith("fwd_"):
            yield nft.chain(chain, reasons)


def _pairs(site: Site, asked: dict[str, Reasons]) -> Iterator[str]:
    for a, source in site.networks.items():
        for b, destination in site.networks.items():
            if (chain := f"fwd_{a}_{b}") in asked:
                cards = source.nic.interface, destination.nic.interface
                yield 'iifname "{}" oifname "{}" jump {}'.format(*cards, chain)


def _noise(site: Site) -> str:
    broadcasts = {each for network in site.networks.values() for each in _broadcasts(network)}
    return _listed([*broadcasts, ip_network("224.0.0.0/4")])


def _helped(site: Site, flows: tuple[Flow, ...]) -> Iterator[str]:
    """Which conversations with the box the kernel reads, to know the second one they announce."""
    for flow in flows:
        if flow.service.helper and flow.destination.is_box:
            for permit in permits(site, flow):
                where = f'{permit.match()} ct helper set "{flow.service.helper}-helper"'
                yield f'{where} comment "{nft.comment([str(flow.reason)])}"'


def ruleset(site: Site, flows: tuple[Flow, ...]) -> bytes:
    """The whole of /etc/nftables.conf."""
    asked = _by_chain(site, flows)
    chains = tuple(_chains(site, asked))
    cards = [(network.nic.interface, name) for name, network in site.networks.items()]
    return fill(
        "etc/nftables.conf.j2",
        sets=[each for chain in chains for each in chain.sets],
        chains=chains,
        cards=cards,
        pairs=tuple(_pairs(site, asked)),
        noise=_noise(site),
        helped=list(_helped(site, flows)),
        outside=site.outside.nic.interface,
        masqueraded=[(name, network.network) for name, network in site.inside.items()],
        directions=("in", "forward", "out"),
    )


def files(site: Site, flows: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """The ruleset, and what keeps its unit from leaving the box open."""
    yield RenderedFile(
        "/etc/nftables.conf",
        ruleset(site, flows),
        "firewall",
        check=("nft", "-c", "-f", "{file}"),
        reload=("nft", "-f", "/etc/nftables.conf"),
        first=True,
    )
    for unit in ("nftables", "systemd-networkd"):
        path = f"etc/systemd/system/{unit}.service.d/gateway-firewall.conf"
        yield RenderedFile(f"/{path}", fill(f"{path}.j2"), "firewall")


FEATURE = Feature(
    "firewall",
    files=files,
    packages=lambda _site: ("nftables",),
    units=lambda _site: ("nftables.service",),
)

"""The networks: one namespace a place, one bridge a network in a namespace of their own."""

from __future__ import annotations

import shlex

from gateway.problems import Failed
from gateway.run import run
from gateway.written import BOX
from lab.plan import Place, Plan

NETNS = "/run/netns"


def make(plan: Plan) -> None:
    """Make every namespace, bridge, wire, address and route of the plan."""
    names = [plan.switch, *(place.namespace for place in plan.places.values())]
    run(["ip", "-batch", "-"], stdin="".join(f"netns add {name}\n" for name in names))
    for name in names:
        _sysctls(plan, name)
    _switch(plan)
    for place in plan.places.values():
        if place.who != BOX:  # the box configures its own cards, when it boots
            _addresses(place)


def inside(namespace: str) -> list[str]:
    """The words that run a command in a namespace, with the host's files."""
    return ["nsenter", f"--net={NETNS}/{namespace}"]


def _sysctls(plan: Plan, name: str) -> None:
    """No IPv6 unless the site has it; never by router advertisement."""
    six = any(network.address6 for network in plan.site.networks.values())
    values = {
        "ipv6/conf/all/disable_ipv6": "0" if six else "1",
        "ipv6/conf/default/disable_ipv6": "0" if six else "1",
        "ipv6/conf/default/accept_ra": "0",
        # Daemons without privileges answer on ports below 1024, and everyone may ping.
        "ipv4/ip_unprivileged_port_start": "0",
        "ipv4/ping_group_range": "0 2147483647",
    }
    if name == plan.namespace("_hospital"):
        # A router: it says "unreachable" for what lies beyond, instead of nothing.
        values["ipv4/ip_forward"] = "1"
    lines = [
        f"test ! -e /proc/sys/net/{key} || echo {shlex.quote(value)} > /proc/sys/net/{key}"
        for key, value in values.items()
        # The box sets its own, but IPv6 starts off there too, as the site says.
        if name != plan.namespace("_box") or key.startswith("ipv6")
    ]
    run([*inside(name), "sh", "-ec", "\n".join(lines)])


def _switch(plan: Plan) -> None:
    # The kernel of a build machine may have no 8021q: a VLAN's network is a wire of its own
    # whose end in the box is called NIC.VLAN, as the box's own VLAN interface would be.
    bridges = {name: f"b{number}" for number, name in enumerate(plan.site.networks)}
    lines = [
        f"link add {bridge} type bridge stp_state 0 forward_delay 0" for bridge in bridges.values()
    ]
    lines += [f"link set {bridge} up" for bridge in bridges.values()]
    port = 0
    for place in plan.places.values():
        for nic in place.nics:
            lines.append(
                f"link add p{port} type veth"
                f" peer name {nic.name} address {nic.mac} netns {place.namespace}"
            )
            master = f" master {bridges[nic.bridge]}" if nic.bridge else ""
            lines.append(f"link set p{port}{master} up")
            port += 1
    try:
        _batch(plan.switch, lines)
    except Failed as failed:
        if "not supported" in str(failed) or "Unknown device type" in str(failed):
            raise Failed(
                "this kernel has no virtual cards or bridges (veth, bridge): the lab needs both\n"
                f"{failed}"
            ) from None
        raise


def _addresses(place: Place) -> None:
    lines = ["link set lo up", *(f"address add {each} dev lo" for each in place.loopback)]
    for nic in place.nics:
        # nodad: an IPv6 address is usable at once, nobody else can have it here.
        lines += [
            f"address add {each} dev {nic.name}{' nodad' if ':' in each else ''}"
            for each in nic.addresses
        ]
        lines.append(f"link set {nic.name} up")
    lines += [f"route add {route}" for route in place.routes]
    _batch(place.namespace, lines)


def _batch(namespace: str, lines: list[str]) -> None:
    run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(lines) + "\n")

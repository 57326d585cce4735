"""What a lab of a site consists of: places, their wires and addresses. Pure, no I/O.

A *place* is a network namespace. Everything is found again by the lab's name alone, so the
names of the namespaces carry it: ``gw.LAB.WHO``. A dot is in no name of a site, therefore
``gw.a.`` is the prefix of lab ``a`` only, and ``_box`` cannot be a device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gateway.problems import Failed
from gateway.site import Site
from gateway.written import BOX
from lab.addresses import (
    OUTSIDER,
    Address,
    allocate,
    beyond,
    guest,
    is_on,
    named_outside,
    services,
    with_prefix,
)

HOSPITAL = "hospital"
CARD = "eth0"


@dataclass(frozen=True)
class Nic:
    """One end of a wire; the other is a port of the switch.

    ``bridge`` is the network it is plugged into; None: a card that only carries VLANs.
    """

    name: str
    bridge: str | None
    mac: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """A namespace: its cards, routes (words for ``ip route add``) and name servers."""

    who: str
    namespace: str
    network: str | None
    nics: tuple[Nic, ...]
    routes: tuple[str, ...] = ()
    loopback: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses without prefix lengths."""
        every = (*self.loopback, *(address for nic in self.nics for address in nic.addresses))
        return tuple(address.split("/")[0] for address in every)


@dataclass(frozen=True)
class Plan:
    """The whole lab of a site."""

    name: str
    site: Site

    @property
    def prefix(self) -> str:
        """What all namespaces of this lab begin with, and no other's."""
        return f"gw.{self.name}."

    def namespace(self, who: str) -> str:
        """The namespace of a place."""
        return self.prefix + who

    @property
    def switch(self) -> str:
        """The namespace of all bridges: never the host's own."""
        return self.namespace("_switch")

    @cached_property
    def web_address(self) -> Address:
        """A web server beyond the hospital's router."""
        return beyond(self.site, 80)

    @property
    def mirror_address(self) -> Address:
        """Debian's mirror beyond the router, for a site whose box asks it without a proxy."""
        return beyond(self.site, 81)

    @cached_property
    def given(self) -> dict[str, Address]:
        """Addresses of those to whom the description gives none."""
        return allocate(self.site)

    @cached_property
    def places(self) -> dict[str, Place]:
        """Every place by who is there: devices, `box`, `hospital`, `outsider`, and so on."""
        made = [self._box(), self._hospital(), self._outsider()]
        made += [self._device(name) for name, each in self.site.devices.items() if each.network]
        made += [place for network in self.site.inside if (place := self._guest(network))]
        made += self._hospital_hosts()
        names = [place.who for place in made]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Failed(f"the lab itself calls something `{twice[0]}`: rename the device")
        return {place.who: place for place in made}

    def place(self, who: str) -> Place:
        """The place that a name, or one of its addresses, means."""
        for place in self.places.values():
            if who == place.who or (place.who != BOX and who in place.addresses):
                return place
        known = ", ".join(self.places)
        raise Failed(f"there is no `{who}` in lab {self.name}: there are {known}")

    @cached_property
    def administrator(self) -> Place:
        """Where ssh to the box starts: the first place that ``administration.from`` names."""
        for who in self.site.administration.allowed_from:
            devices = self.site.members(who)
            for name in (*devices, guest(who), who):
                if name in self.places and name != BOX:
                    return self.places[name]
        raise Failed("no place in the lab is one that `administration.from` names")

    def box_address(self, network: str) -> str:
        """The box's own address on a network."""
        return str(self.site.networks[network].address.ip)

    def _mac(self, who: str, nic: str) -> str:
        # Locally administered (bit 1 of the first byte, IEEE 802), the same on every run.
        digest = hashlib.sha256(f"{who}/{nic}".encode()).hexdigest()
        return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))

    def _box(self) -> Place:
        nics = [
            Nic(
                network.nic.interface,
                name,
                network.nic.mac or self._mac(BOX, network.nic.name),
                tuple(str(each) for each in (network.address, network.address6) if each),
            )
            for name, network in self.site.networks.items()
        ]
        have = {nic.name for nic in nics}
        trunks = {each.nic.name: each.nic for each in self.site.networks.values() if each.nic.vlan}
        nics += [
            Nic(name, None, nic.mac or self._mac(BOX, name))
            for name, nic in trunks.items()
            if name not in have
        ]
        return Place(
            BOX,
            self.namespace("_box"),
            None,
            tuple(nics),
            resolvers=tuple(str(each) for each in self.site.hospital.dns),
        )

    def _device(self, name: str) -> Place:
        device = self.site.devices[name]
        # Without a fixed address it asks by DHCP; until it does, it needs one as well.
        own = [each for each in (device.address or self.given.get(name), device.address6) if each]
        return self._host(name, device.network or "", own, device.mac)

    def _guest(self, network: str) -> Place | None:
        """A machine that nobody described, plugged into one of our networks."""
        free = self.given.get(guest(network))
        return self._host(guest(network), network, [free]) if free else None

    def _host(self, who: str, network: str, own: list[Address], mac: str | None = None) -> Place:
        side = self.site.networks[network]
        routes = [f"default via {side.address.ip}"]
        if side.address6:
            routes.append(f"default via {side.address6.ip}")
        return Place(
            who,
            self.namespace(who),
            network,
            (Nic(CARD, network, mac or self._mac(who, CARD), with_prefix(own, side)),),
            tuple(routes),
            resolvers=(str(side.address.ip),),
        )

    def _hospital(self) -> Place:
        side = self.site.outside
        wanted = [address for each in services(self.site).values() for address in each]
        if side.router6:
            wanted.append(side.router6)
        near = list(dict.fromkeys(each for each in wanted if is_on(each, side)))
        far = dict.fromkeys(each for each in wanted if each not in near)
        far.update(dict.fromkeys((self.web_address, self.mirror_address)))
        return Place(
            HOSPITAL,
            self.namespace("_hospital"),
            self.site.outside_name,
            (Nic(CARD, self.site.outside_name, self._mac(HOSPITAL, ""), with_prefix(near, side)),),
            # Nothing leads out. Said at once, so that a client need not wait for a timeout.
            ("unreachable default metric 4000",),
            tuple(f"{each}/{each.max_prefixlen}" for each in far),
            tuple(str(each) for each in self.site.hospital.dns),
        )

    def _outsider(self) -> Place:
        free = self.given.get(OUTSIDER)
        if not free:
            raise Failed(f"no address is free on `{self.site.outside_name}` for the lab's outsider")
        return self._hospital_host(OUTSIDER, free)

    def _hospital_host(self, who: str, address: Address) -> Place:
        side = self.site.outside
        # It tries to reach our networks through the box, as an attacker would.
        routes = [f"{each.network} via {side.address.ip}" for each in self.site.inside.values()]
        if side.router:
            routes.append(f"default via {side.router}")
        return Place(
            who,
            self.namespace("_" + who.replace("/", "_")),
            self.site.outside_name,
            (Nic(CARD, self.site.outside_name, self._mac(who, ""), with_prefix([address], side)),),
            tuple(routes),
            resolvers=tuple(str(each) for each in self.site.hospital.dns),
        )

    def _hospital_hosts(self) -> Iterator[Place]:
        """One place for each hospital address or prefix that the description names."""
        used = {address for each in services(self.site).values() for address in each}
        for who in named_outside(self.site):
            address = self.given.get(who)
            if address and address not in used and is_on(address, self.site.outside):
                yield self._hospital_host(who, address)

"""What a check needs to know: the site, its policy, the passwords, and the ways in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from gateway import features
from gateway.load import Loaded
from gateway.policy import Flow
from gateway.profiles import Profile
from gateway.site import Site
from lab import Lab


@dataclass(frozen=True)
class Context:
    """One run of the checks.

    ``lab`` is None on a real box, where nothing can be run on the devices. ``host`` and
    ``ssh_config`` are how testinfra reaches the box.
    """

    loaded: Loaded
    passwords: Mapping[str, str]
    host: str
    ssh_config: str | None
    lab: Lab | None = None

    @property
    def site(self) -> Site:
        """What is described."""
        return self.loaded.site

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """What must be open, and no more."""
        return features.policy(self.site, self.loaded.source.line)

    def permits(self, source: str, destination: str, protocol: str, port: int) -> bool:
        """Whether some flow covers one packet from an address to an address.

        The box's own addresses are the box, and never part of a network or of ``outside``.
        """
        sender, receiver = ip_address(source), ip_address(destination)
        own = {network.address.ip for network in self.site.networks.values()}
        return any(
            ports.protocol == protocol and ports.low <= port <= ports.high
            for flow in self.flows
            if flow.destination.is_box == (receiver in own)
            and any(sender in each for each in flow.source.addresses)
            and any(receiver in each for each in flow.destination.addresses)
            for ports in flow.service.ports
        )

    def profile(self, device: str) -> Profile:
        """What a device can speak."""
        return self.site.profiles[self.site.devices[device].profile]

    def box_address(self, device: str) -> str:
        """The box's address on a device's network."""
        network = self.site.devices[device].network
        assert network  # the checks are asked only of devices with a network  # noqa: S101
        return str(self.site.networks[network].address.ip)


def web_address(lab: Lab) -> str:
    """The web server beyond the hospital's router."""
    return str(lab.plan.web_address)


def outsider_address(lab: Lab) -> str:
    """A machine on the hospital's network that nobody described."""
    return lab.plan.place("outsider").addresses[0]

"""What a check needs to know: the site, its policy, the passwords, and the ways in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab import Lab

from gateway import features
from gateway.load import Loaded
from gateway.policy import Flow
from gateway.profiles import Profile, profiles
from gateway.site import Site


@dataclass(frozen=True)
class Context:
    """One run of the checks.

    ``lab`` is None on a real box, where nothing can be run on the devices; ``ssh`` is then how
    testinfra reaches the box (``ssh://root@host``) and its extra arguments.
    """

    loaded: Loaded
    passwords: Mapping[str, str]
    host: str
    ssh_args: str
    lab: Lab | None = None

    @property
    def site(self) -> Site:
        """What is described."""
        return self.loaded.site

    def flows(self) -> tuple[Flow, ...]:
        """What must be open, and no more."""
        return features.policy(self.site, self.loaded.source.line)

    def profile(self, device: str) -> Profile:
        """What a device can speak."""
        return profiles()[self.site.devices[device].profile]

    def box_address(self, device: str) -> str:
        """The box's address on a device's network."""
        network = self.site.devices[device].network
        assert network  # the checks are asked only of devices with a network  # noqa: S101
        return str(self.site.networks[network].address.ip)

"""A box with two cards, for rulesets that no site has."""

from __future__ import annotations

from ipaddress import ip_interface

from gateway.empirical import wires

SIDES = {"ca0": ("10.1.1.", "fd00:1::"), "cb0": ("10.1.2.", "fd00:2::")}
"""The box's cards, and the beginning of the addresses there; the box is .1 on both."""


class Wires(wires.Wires):
    def __init__(self) -> None:
        both = {
            card: (ip_interface(f"{v4}1/24"), ip_interface(f"{v6}1/64"))
            for card, (v4, v6) in SIDES.items()
        }
        super().__init__(both, "cb0", "gwlw")

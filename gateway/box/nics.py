"""Network cards that a .link file names: renamed at once instead of at the next boot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .process import Failed, must

SYSTEM = Path("/sys/class/net")


def asked(link_files: Iterable[str]) -> dict[str, str]:
    """The name for each MAC address that these systemd.link(5) texts ask for."""
    names: dict[str, str] = {}
    for text in link_files:
        mac = re.search(r"^(?:Permanent)?MACAddress=\s*(\S+)\s*$", text, re.MULTILINE)
        name = re.search(r"^Name=\s*(\S+)\s*$", text, re.MULTILINE)
        if mac and name:
            names[mac[1].lower()] = name[1]
    return names


def present(system: Path) -> dict[str, str]:
    """The cards of the box: names by MAC addresses; VLANs, which share a card's, left out."""
    return {
        (card / "address").read_text().strip(): card.name
        for card in sorted(system.iterdir())
        if (card / "address").exists() and not any(card.glob("lower_*"))
    }


def rename(wanted: dict[str, str], system: Path = SYSTEM) -> dict[str, str]:
    """Give the cards with these MAC addresses their names; returns old name → new name."""
    have = present(system)
    moves = {have[mac]: name for mac, name in wanted.items() if mac in have and have[mac] != name}
    for name in moves.values():
        if (system / name).exists() and name not in moves:
            raise Failed(f"a card cannot be named {name}: another card has that name")
    move(moves)
    return moves


def move(moves: dict[str, str]) -> None:
    """Rename cards, up or down.

    Linux renames a card that is up since 6.2; its addresses and routes stay. Two cards may
    have to swap: all pass by a name that nobody has.
    """
    for index, old in enumerate(moves):
        must(["ip", "link", "set", "dev", old, "name", f"gwswap{index}"])
    for index, new in enumerate(moves.values()):
        must(["ip", "link", "set", "dev", f"gwswap{index}", "name", new])

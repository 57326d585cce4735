"""Values as nft's JSON writes them, as intervals of whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Literal

from gateway.audit import fields
from gateway.audit.rules import Element, Values, Verdict

Json = Any
"""What json.loads gives."""

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "icmpv6": 58, "sctp": 132}
MOST_INTERVALS = 1 << 12
"""A mask that would take more of them is left unknown."""


class NotUnderstood(Exception):  # noqa: N818 - it reads as what happened
    """A piece of nft's JSON that this program has no meaning for."""


def number(raw: Json, bits: int) -> int:
    """One value."""
    match raw:
        case bool() | float() | None:
            raise NotUnderstood(f"the value {raw}")
        case int():
            value = raw
        case str() if raw in PROTOCOLS:
            value = PROTOCOLS[raw]
        case str() if bits in (32, 128):
            try:
                value = int(ip_address(raw))
            except ValueError:
                raise NotUnderstood(f"the value {raw!r}") from None
        case {"|": list(parts)} | list(parts):
            value = 0
            for part in parts:
                value |= number(part, bits)
        case _:
            raise NotUnderstood(f"the value {raw!r}")
    if not 0 <= value < 1 << bits:
        raise NotUnderstood(f"the value {raw!r} in {bits} bits")
    return value


def values(raw: Json, bits: int, *, name: bool) -> Values:
    """A value, range, prefix or anonymous set of them; ``name``: of names."""
    match raw:
        case {"elem": {"val": inner}}:
            return values(inner, bits, name=name)
        case {"set": list(members)}:
            return fields.flat([pair for each in members for pair in values(each, bits, name=name)])
        case {"range": [low, high]} if not name:
            ends = (number(low, bits), number(high, bits))
            if ends[0] > ends[1]:
                raise NotUnderstood(f"the range {raw}")
            return (ends,)
        case {"prefix": {"addr": address, "len": int(length)}} if not name:
            free = bits - length
            start = number(address, bits) >> free << free
            return ((start, start + (1 << free) - 1),)
        case str() if name and raw:
            return fields.names(raw)
        case _ if not name:
            value = number(raw, bits)
            return ((value, value),)
    raise NotUnderstood(f"the value {raw!r}")


def masked(mask: int, wanted: Values, bits: int) -> Values:
    """The values which, with the mask laid over them, are among the wanted."""
    free = ~mask & (1 << bits) - 1
    low_zeros = (mask & -mask).bit_length() - 1 if mask else bits
    holes = [1 << at for at in range(low_zeros, bits) if free >> at & 1]
    singles = [value for low, high in wanted for value in range(low, min(high, low + 4096) + 1)]
    if len(singles) << len(holes) > MOST_INTERVALS or any(h - lo > 4096 for lo, h in wanted):
        raise NotUnderstood(f"the mask {mask:#x}")
    result = []
    for value in singles:
        if value & free:
            continue
        for start in _with(value, holes):
            result.append((start, start | (1 << low_zeros) - 1))  # noqa: PERF401 - two loops
    return fields.flat(result)


def _with(value: int, holes: list[int]) -> Iterator[int]:
    starts = [value]
    for bit in holes:
        starts += [each | bit for each in starts]
    return iter(starts)


_VERDICTS: tuple[Literal["accept", "drop", "continue", "return"], ...] = (
    "accept",
    "drop",
    "continue",
    "return",
)


def verdict(raw: Json) -> Verdict | None:
    """A verdict, or None if it is something else."""
    match raw:
        case {"jump": {"target": str(chain)}}:
            return Verdict("jump", chain)
        case {"goto": {"target": str(chain)}}:
            return Verdict("goto", chain)
    plain = [word for word in _VERDICTS if raw == {word: None}]
    return Verdict(plain[0]) if plain else None


def elements(members: Json, keys: list[tuple[int, bool]], data: int = 0) -> Iterator[Element]:
    """The elements of a set or map, anonymous or named.

    ``keys``: bits of each key and whether it is a name; ``data``: how many numbers a map gives.
    """
    if not isinstance(members, list):
        raise NotUnderstood(f"the elements {members!r}")
    for member in members:
        is_pair = isinstance(member, list) and len(member) == 2
        left, right = member if is_pair else (member, None)
        comment = ""
        if isinstance(left, dict) and set(left) == {"elem"}:
            extra = set(left["elem"]) - {"val", "comment", "counter"}
            if extra or "val" not in left["elem"]:
                raise NotUnderstood(f"{', '.join(sorted(extra))} in an element")
            comment, left = left["elem"].get("comment", ""), left["elem"]["val"]
        parts = () if left == "*" else _parts(left, keys)
        if right is None:
            yield Element(parts, comment)
        elif (found := verdict(right)) is not None:
            yield Element(parts, comment, verdict=found)
        else:
            yield Element(parts, comment, value=_data(right, data))


def _parts(raw: Json, keys: list[tuple[int, bool]]) -> tuple[Values, ...]:
    each = raw["concat"] if isinstance(raw, dict) and set(raw) == {"concat"} else [raw]
    if len(each) != len(keys):
        raise NotUnderstood(f"{len(each)} values for {len(keys)} keys")
    pairs = zip(each, keys, strict=True)
    return tuple(values(part, bits, name=name) for part, (bits, name) in pairs)


def _data(raw: Json, count: int) -> tuple[Values, ...]:
    """An address, or an address and a port."""
    each = raw["concat"] if isinstance(raw, dict) and set(raw) == {"concat"} else [raw]
    if not 1 <= len(each) <= max(count, 2):
        raise NotUnderstood(f"the value {raw!r}")
    found = []
    for part in each:
        bits = 128 if isinstance(part, str) and ":" in part else 32
        value = values(part, bits, name=False)
        if value[0][0] != value[0][1]:
            raise NotUnderstood(f"the range {raw!r} in a map")
        found.append(value)
    return tuple(found)

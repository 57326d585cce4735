"""The networks as a picture: what is outside, the box between, and the devices of each side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from xml.sax.saxutils import escape

from gateway.policy import Flow
from gateway.site import Site
from gateway.written import BOX, OUTSIDE

WIDTH = 1000
MARGIN, GAP, LINE, HEAD = 14, 18, 17, 44
LETTER = 7.4
"""Width of a letter of the small text; what does not fit is cut, with an ellipsis."""
COLUMNS = 3
STYLE = """text{font:12px "Noto Sans","DejaVu Sans","Noto Sans CJK TC",sans-serif;fill:#16212b}
.h{font-weight:bold;font-size:14px}.s{fill:#51606d}
.m{font-family:"DejaVu Sans Mono",monospace;font-size:11px}
.p{fill:#f4f7f9;stroke:#8899a6}.o{fill:#fbf3e6;stroke:#b08a4a}.b{fill:#22384d;stroke:#22384d}
.b ~ text.w{fill:#fff}.l{stroke:#22384d;stroke-width:3}.f{fill:#7a3b00}"""


@dataclass(frozen=True)
class Panel:
    """One side of the box: its title, what is on it, and what may begin there."""

    title: str
    under: str
    card: str
    rows: tuple[tuple[str, str, str], ...]
    opens: tuple[str, ...]
    outside: bool = False

    @property
    def height(self) -> int:
        """How high it is drawn."""
        return HEAD + LINE * (len(self.rows) + len(self.opens)) + (10 if self.opens else 0) + 10


def svg(site: Site, flows: Iterable[Flow]) -> str:
    """The whole picture; it asks nobody else for anything."""
    listed = tuple(flows)
    outside = _outside(site, listed)
    across = min(len(site.inside), COLUMNS)
    letters = int((WIDTH / max(across, 1) - 3 * MARGIN) / LETTER)
    inside = [_inside(site, name, listed, letters) for name in site.inside]
    rows = [inside[at : at + COLUMNS] for at in range(0, len(inside), COLUMNS)]
    bar_y = MARGIN + outside.height + 34
    parts = list(_panel(outside, MARGIN, MARGIN, WIDTH - 2 * MARGIN))
    parts += _line(WIDTH // 2, MARGIN + outside.height, bar_y, outside.card)
    parts += _bar(site, bar_y)
    top = bar_y + 58 + 34
    for number, row in enumerate(rows):
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) // len(row)
        for column, panel in enumerate(row):
            left = MARGIN + column * (width + GAP)
            if number == 0:
                parts += _line(left + width // 2, bar_y + 58, top, panel.card)
            parts += _panel(panel, left, top, width)
        top += max(panel.height for panel in row) + 34
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top - 20}"'
        f' width="{WIDTH}" height="{top - 20}" role="img">'
        f"<title>{escape(site.comment or site.name)}</title><style>{STYLE}</style>"
    )
    return "\n".join([head, *parts, "</svg>\n"])


def _outside(site: Site, flows: Sequence[Flow]) -> Panel:
    known: dict[str, str] = {}
    for name, peer in site.peers.items():
        known[str(peer.address)] = f"DICOM node {name} ({peer.ae_title})"
    for flow in flows:
        for end in (flow.source, flow.destination):
            named = (OUTSIDE, site.outside_name, *site.peers)
            if end.network == site.outside_name and end.name not in named:
                known.setdefault(end.name, f"{flow.service.name}: {flow.reason}")
    if site.outside.router:
        known.setdefault(str(site.outside.router), "router")
    rows = tuple((address, "", what) for address, what in known.items())
    under = f"{site.outside.network} and everything beyond"
    opens = tuple(_opens(flows, site.outside_name, int(WIDTH / LETTER) - 8))
    return Panel(site.outside_name, under, site.outside.nic.interface, rows, opens, outside=True)


def _inside(site: Site, name: str, flows: Sequence[Flow], letters: int) -> Panel:
    network = site.networks[name]
    rows = tuple(
        (device, str(each.address or ""), each.profile)
        for device, each in site.devices_on(name).items()
    )
    nets = [str(each.network) for each in (network.address, network.address6) if each]
    opens = tuple(_opens(flows, name, letters))
    under = f"{', '.join(nets)} on {network.nic.interface}"
    return Panel(name, under, network.nic.interface, rows, opens)


def _opens(flows: Iterable[Flow], network: str, letters: int) -> Iterator[str]:
    """``may open to cameras: dicom, ping``: what begins on a network, by where it goes."""
    found: dict[str, dict[str, None]] = {}
    for flow in flows:
        if flow.source.network == network:
            goal = BOX if flow.destination.is_box else str(flow.destination.network)
            found.setdefault(goal, {})[flow.service.name] = None
    for goal, services in found.items():
        yield from wrap(
            f"may open to {goal}: {', '.join(services)}", letters, subsequent_indent="  "
        )


def _cut(text: str, width: float) -> str:
    most = max(int(width / LETTER), 4)
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{mark}>{escape(text)}</text>'


def _panel(panel: Panel, x: int, y: int, width: int) -> Iterator[str]:
    kind = "o" if panel.outside else "p"
    yield (f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{panel.height}" rx="6"/>')
    yield _text(x + 12, y + 20, panel.title, "h")
    yield _text(x + 12, y + 36, _cut(panel.under, width - 24), "s")
    at = y + HEAD + LINE - 4
    first, second = (0.3, 0.3) if panel.outside else (0.37, 0.66)
    for name, address, what in panel.rows:
        yield _text(x + 12, at, _cut(name, width * first))
        if address:
            yield _text(x + 12 + width * first, at, address, "m")
        yield _text(x + 12 + width * second, at, _cut(what, width * (1 - second) - 24), "s")
        at += LINE
    at += 10 if panel.opens else 0
    for line in panel.opens:
        yield _text(x + 12, at, _cut(line, width - 24), "f")
        at += LINE


def _line(x: float, top: float, bottom: float, card: str) -> Iterator[str]:
    yield f'<line class="l" x1="{x:g}" y1="{top:g}" x2="{x:g}" y2="{bottom:g}"/>'
    yield _text(x + 8, (top + bottom) / 2 + 4, card, "m")


def _bar(site: Site, y: int) -> Iterator[str]:
    yield f'<rect class="b" x="{MARGIN}" y="{y}" width="{WIDTH - 2 * MARGIN}" height="58" rx="6"/>'
    own = ", ".join(f"{each.address.ip} on {name}" for name, each in site.networks.items())
    yield _text(MARGIN + 12, y + 24, f"{site.box.name}: the box", "h w")
    yield _text(MARGIN + 12, y + 44, _cut(own, WIDTH - 2 * MARGIN - 24), "w")

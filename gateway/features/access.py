"""What the description allows in so many words (``access:``)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.policy import Flow, Reason, end, service
from gateway.site import Site


def flows(site: Site) -> Iterator[Flow]:
    """A flow for each service of each entry; unknown names are checks.py's to report."""
    for index, entry in enumerate(site.access):
        source, destination = end(site, entry.source), end(site, entry.to)
        for position, name in enumerate(entry.services):
            opened = service(name)
            if source and destination and opened:
                path = ("access", index, "services", position)
                yield Flow(
                    source,
                    destination,
                    opened,
                    Reason(path),
                    "access",
                    note=entry.reason,
                    owner=entry.owner,
                    expires=entry.expires,
                )


FEATURE = Feature("access", flows=flows)

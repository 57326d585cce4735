"""Whether the trail is whole: every digest anew, each over the one before.

The text that is hashed is the one of `trail_digest` (migration 0002): a JSON array as PostgreSQL
writes jsonb.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

# By itself and not by the function in the database, which its owner can replace; and each name with
# its schema, since he can also say where names are looked for (ALTER DATABASE … SET search_path).
ANEW = """
select id, previous, digest, pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
    pg_catalog.jsonb_build_array(previous, pg_catalog.to_char(
        pg_catalog.timezone('UTC', at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    action, outcome, person, address, patient_id, study, detail)::pg_catalog.text, 'UTF8')), 'hex')
from public.trail_event where id operator(pg_catalog.>) %s order by id limit 5000
"""


@dataclass(frozen=True)
class Found:
    """What a check saw."""

    entries: int
    last: str
    """The digest of the last entry: noted elsewhere, it shows a tail that was cut off."""
    broken: str
    """The first entry that does not fit, and why; empty when all do."""


def check(noted: str = "") -> Found:
    """From the first entry to the last, in bounded memory.

    ``noted`` is the digest of an entry that was the last one once: whoever cuts the end off and
    goes on from there leaves a chain that fits, but without that entry.
    """
    entries, last, seen = 0, "", not noted
    for number, previous, digest, anew in _entries():
        if previous != last:
            return Found(entries, last, f"entry {number} does not follow the one before it")
        if digest != anew:
            return Found(entries, last, f"entry {number} was altered")
        entries, last, seen = entries + 1, digest, seen or digest == noted
    if not seen:
        return Found(entries, last, f"the entry that was noted is not there: {noted}")
    return Found(entries, last, "")


def _entries() -> Iterator[tuple[int, str, str, str]]:
    after = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(ANEW, [after])
            rows = cursor.fetchall()
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

"""The ledger: what came in, what became of it, and what is still to be done about it.

SQLite with a write-ahead log and a sync at every commit: a row that is written survives a power
cut. A decision (``stored``, ``refused``) is written before the files are moved; ``open_decisions``
are carried out at the next start.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from intake.fields import Original
from intake.files import shown
from intake.refused import Refused

STORED, DONE, REFUSED, QUARANTINED, RELEASED = (
    "stored",
    "done",
    "refused",
    "quarantined",
    "released",
)
_TABLE = """
CREATE TABLE IF NOT EXISTS intake (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    digest TEXT NOT NULL,
    names TEXT NOT NULL,
    originals TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    objects TEXT NOT NULL DEFAULT '[]',
    came TEXT NOT NULL,
    settled TEXT NOT NULL,
    UNIQUE (device, digest)
)
"""


@dataclass(frozen=True)
class Row:
    """One group of files of a device."""

    device: str
    digest: str
    names: tuple[str, ...]
    state: str
    reason: str
    objects: tuple[str, ...]
    """SOP Instance UIDs."""
    came: str
    settled: str


class Ledger:
    """Opened by the lane for writing, by anyone for reading."""

    def __init__(self, path: Path, *, reads: bool = False) -> None:
        self._db = _readable(path) if reads else _writable(path)

    @staticmethod
    def place(state: Path) -> Path:
        """Where a lane's ledger lies."""
        return state / "ledger.sqlite"

    @classmethod
    def of(cls, state: Path) -> Ledger:
        """The one of a lane that has run, to write; Refused where there is none."""
        return cls(_there(state))

    @classmethod
    def to_read(cls, state: Path) -> Ledger:
        """The same for somebody who may not write there; Refused where there is none."""
        return cls(_there(state), reads=True)

    def decide(
        self,
        device: str,
        originals: tuple[Original, ...],
        state: str,
        reason: str = "",
        objects: tuple[str, ...] = (),
    ) -> Row:
        """Write what is to become of the files; the same files again are the same row."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        digest = "+".join(each.sha256 for each in originals)
        names = tuple(each.name for each in originals)
        values = (device, digest, json.dumps(names), json.dumps([vars(o) for o in originals]))
        self._db.execute(
            "INSERT INTO intake (device, digest, names, originals, state, reason, objects, came,"
            " settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, digest) DO UPDATE"
            " SET names = excluded.names, state = excluded.state, reason = excluded.reason,"
            " objects = excluded.objects, settled = excluded.settled",
            (*values, state, reason, json.dumps(objects), now, now),
        )
        return Row(device, digest, names, state, reason, objects, now, now)

    def carried_out(self, row: Row, state: str) -> None:
        """The files have been moved."""
        self._db.execute(
            "UPDATE intake SET state = ? WHERE device = ? AND digest = ?",
            (state, row.device, row.digest),
        )

    def open_decisions(self) -> list[Row]:
        """Decisions whose files may still be where they came in."""
        return list(self.rows("state IN (?, ?)", (STORED, REFUSED)))

    def rows(self, where: str = "1", values: tuple[str, ...] = ()) -> Iterator[Row]:
        """Rows, the oldest first. ``where`` is ours, never a stranger's."""
        columns = "device, digest, names, state, reason, objects, came, settled"
        query = f"SELECT {columns} FROM intake WHERE {where} ORDER BY id"  # noqa: S608 - ours
        found = self._db.execute(query, values)
        for device, digest, names, state, reason, objects, came, settled in found:
            yield Row(
                device,
                digest,
                tuple(json.loads(names)),
                state,
                reason,
                tuple(json.loads(objects)),
                came,
                settled,
            )

    def search(
        self,
        text: str = "",
        device: str = "",
        state: str = "",
        since: dt.date | None = None,
        until: dt.date | None = None,
    ) -> list[Row]:
        """Rows by device, state and days; ``text`` is in a file's name, hash, UID or reason."""
        wheres, values = ["1"], []
        for where, value in (
            ("device = ?", device),
            ("state = ?", state),
            ("settled >= ?", _midnight(since) if since else ""),
            ("settled < ?", _midnight(until + dt.timedelta(days=1)) if until else ""),
        ):
            if value:
                wheres.append(where)
                values.append(value)
        if text:
            # Names are JSON there, and other letters escaped.
            searched = ("names", "digest", "objects", "reason")
            wheres.append("(" + " OR ".join(f"instr(lower({each}), ?)" for each in searched) + ")")
            values += [json.dumps(text).strip('"').lower(), *[text.lower()] * 3]
        return list(self.rows(" AND ".join(wheres), tuple(values)))

    def last_stored(self) -> dict[str, str]:
        """When each device's last file was in the archive; no device that never stored one."""
        asked = "SELECT device, MAX(settled) FROM intake WHERE state IN (?, ?) GROUP BY device"
        return dict(self._db.execute(asked, (STORED, DONE)))

    def arrivals(self, device: str) -> list[dt.datetime]:
        """When something came from a device: for the first time, and the last."""
        found = self._db.execute("SELECT came, settled FROM intake WHERE device = ?", (device,))
        return [dt.datetime.fromisoformat(each) for row in found for each in row]


def _writable(path: Path) -> sqlite3.Connection:
    book = sqlite3.connect(path, timeout=30, isolation_level=None)
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("PRAGMA synchronous=FULL")
    book.execute(_TABLE)
    return book


def _readable(path: Path) -> sqlite3.Connection:
    try:
        return _looked_into(path, "mode=ro")
    except sqlite3.OperationalError:
        # Without a lane there is no log, and who may not write makes none: then the file is all
        # that there is (sqlite.org/wal.html, "Read-Only Databases").
        return _looked_into(path, "mode=ro&immutable=1")


def _looked_into(path: Path, how: str) -> sqlite3.Connection:
    book = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=30)
    try:
        book.execute("SELECT 1 FROM intake LIMIT 1")
    except sqlite3.OperationalError:
        book.close()
        raise
    return book


def _there(state: Path) -> Path:
    path = Ledger.place(state)
    if not path.exists():
        raise Refused(f"there is no ledger {path}", 0, "the lane has not run yet")
    return path


def _midnight(day: dt.date) -> str:
    """The beginning of a day here, as the ledger writes times."""
    here = dt.datetime.combine(day, dt.time()).astimezone()
    return here.astimezone(dt.UTC).isoformat(timespec="milliseconds")


def write_csv(rows: Iterable[Row], stream: TextIO) -> None:
    """For a spreadsheet: a line an object."""
    writer = csv.writer(stream)
    writer.writerow(["device", "files", "sha256", "state", "reason", "object", "came", "settled"])
    for row in rows:
        for uid in row.objects or ("",):
            names = " ".join(shown(name) for name in row.names)
            line = [row.device, names, row.digest, row.state, row.reason, uid, row.came]
            # A cell that begins so is a formula to a spreadsheet.
            cells = ["'" + cell if cell[:1] in "=+-@" and cell else cell for cell in line]
            writer.writerow([*cells, row.settled])

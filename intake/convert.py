"""A file, or a folder of them, into another format; what cannot be is said, nothing is skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from intake import files, formats
from intake.dicom import write as dicom
from intake.fields import Fate, Field
from intake.interfile import dialects
from intake.interfile import write as interfile
from intake.look import Look
from intake.options import DEFAULT, Options
from intake.refused import Refused
from intake.study import Reading

Reader = Callable[[Path, Options], Reading]


@dataclass(frozen=True)
class Made:
    """A file that was written, and what became of each field of the source in it."""

    path: Path
    uid: str
    fields: tuple[Field, ...]

    @property
    def lost(self) -> tuple[Field, ...]:
        """Fields that the file does not hold; the original does."""
        return tuple(each for each in self.fields if each.fate is Fate.LOST)


@dataclass(frozen=True)
class Result:
    """What became of one file: ``made``, or why not."""

    source: Path
    reading: Reading | None = None
    made: tuple[Made, ...] = ()
    refused: Refused | None = None
    part_of: str = ""
    """The header whose data file this is."""


@dataclass(frozen=True)
class Wanted:
    """What to make of files, and what is known of the device that wrote them."""

    to: str = "dicom"
    options: Options = DEFAULT
    dialect: str = ""
    """Of Interfile that is written."""
    reader: Reader = formats.read
    look: Look = field(default_factory=Look)
    """Of pictures."""


def convert(source: Path, out: Path, wanted: Wanted = Wanted(), stem: str = "") -> Result:
    """One file. Objects are named after it, or ``stem``; several get a number."""
    try:
        reading = wanted.reader(source, wanted.options)
        names = _names(source, out, len(reading.acquisitions), wanted.to, stem)
        made = tuple(WRITERS[wanted.to](reading, names, wanted))
    except Refused as refused:
        return Result(source, refused=refused)
    return Result(source, reading, made)


def _names(source: Path, out: Path, count: int, to: str, stem: str) -> list[Path]:
    """The files to write: ``out`` itself when it is no folder and one is enough."""
    suffix = SUFFIXES[to]
    if not out.is_dir():
        if count > 1:
            raise Refused(
                f"{source.name} makes {count} files; {out} is no folder", 0, "name a folder"
            )
        return [out]
    stem = stem or source.name.removesuffix(source.suffix) or source.name
    if count == 1:
        return [out / f"{stem}{suffix}"]
    return [out / f"{stem}-{number}{suffix}" for number in range(1, count + 1)]


def _to_dicom(reading: Reading, names: list[Path], wanted: Wanted) -> Iterator[Made]:
    del wanted
    objects = dicom.objects(reading)
    for made, path in zip(objects, names, strict=True):
        _check_free(path, made.chunks())
    for made, path in zip(objects, names, strict=True):
        dicom.save(made, path)
        yield Made(path, made.uid, made.fields)


def _check_free(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """A file that is there stays, unless it is the very same."""
    if not path.exists():
        return
    with files.opened(path) as there:
        if not all(there.read(len(chunk)) == chunk for chunk in chunks) or there.read(1):
            raise Refused(f"{path} exists already and holds something else", 0, "remove it first")


def _to_interfile(reading: Reading, names: list[Path], wanted: Wanted) -> Iterator[Made]:
    how = dialects.named(wanted.dialect or "standard")
    ready = []
    for acquisition, path in zip(reading.acquisitions, names, strict=True):
        data = path.with_suffix(".i33")
        if how.upper_case_file:
            data = data.with_name(data.name.upper())
        ready.append((interfile.write(acquisition, data.name, how, wanted.options), path, data))
    for written, path, data in ready:
        _check_free(path, [written.header])
        _check_free(data, written.chunks())
    for written, path, data in ready:
        interfile.save(written, path, data)
        yield Made(path, "", written.fields)


def _to_gif(reading: Reading, names: list[Path], wanted: Wanted) -> Iterator[Made]:
    from intake.pictures import convert as pictures  # Pillow, which nothing else needs

    yield from _drawn(pictures.gif(reading, names, wanted.look))


def _to_png(reading: Reading, names: list[Path], wanted: Wanted) -> Iterator[Made]:
    from intake.pictures import convert as pictures

    yield from _drawn(pictures.png(reading, names, wanted.look))


def _drawn(pictures: Iterable[tuple[Path, list[bytes], tuple[Field, ...]]]) -> Iterator[Made]:
    for path, chunks, fields in pictures:
        _check_free(path, chunks)
        files.save(path, chunks)
        yield Made(path, "", fields)


Writer = Callable[[Reading, list[Path], Wanted], Iterator[Made]]
WRITERS: dict[str, Writer] = {
    "dicom": _to_dicom,
    "interfile": _to_interfile,
    "gif": _to_gif,
    "png": _to_png,
}
SUFFIXES = {"dicom": ".dcm", "interfile": ".h33", "gif": ".gif", "png": ".png"}


def folder(source: Path, out: Path, wanted: Wanted = Wanted()) -> Iterator[Result]:
    """Every file below ``source``, in order, into the same folders below ``out``.

    What is made keeps the whole name (``A.H33.dcm``), so that no two files meet in one.

    Data files that a header names are parts of it. A file of no known format is refused, too:
    after this, each file has been told about once.
    """
    parts: dict[Path, str] = {}
    unknown: list[Path] = []
    for path in _files(source):
        try:
            known = formats.recognise(path)
        except Refused as refused:
            yield Result(path, refused=refused)
            continue
        if known is None:
            unknown.append(path)
            continue
        target = out / path.parent.relative_to(source)
        target.mkdir(parents=True, exist_ok=True)
        result = convert(path, target, wanted, path.name)
        parts |= {path.parent / name: path.name for name in _parts(path, result)}
        yield result
    for path in unknown:
        if path in parts:
            yield Result(path, part_of=parts[path])
        else:
            yield convert(path, out, wanted, path.name)


def _parts(path: Path, result: Result) -> list[str]:
    """The files that belong to this one; of a refused header what it names."""
    if result.reading:
        return [each.name for each in result.reading.originals]
    return [name] if (name := formats.names_data(path)) else []


def count(source: Path) -> int:
    """How many files ``folder`` will tell about."""
    return sum(1 for _ in _files(source))


def _files(source: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            yield Path(where) / name

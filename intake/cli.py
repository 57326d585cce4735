"""``intake inspect | convert | explain``: what a technician types."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from intake import convert, floppies, formats, show
from intake.convert import Wanted
from intake.dicom import write as dicom
from intake.interfile import dialects
from intake.lane import verbs as lane
from intake.look import PALETTES, Look
from intake.options import CHARSETS, Options
from intake.refused import Refused

OK, REFUSED, USAGE = 0, 1, 2
BAR = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: all is well, 1: something was refused, 2: it was typed wrongly."""
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
    except Refused as refused:
        _say_refused(parsed, refused)
        return REFUSED
    except BrokenPipeError:
        return OK
    except OSError as fault:  # no such folder, no right to it, no room
        place = f"{fault.filename}: " if fault.filename else ""
        _say_refused(parsed, Refused(f"{place}{fault.strerror or fault}"))
        return REFUSED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="intake", description="Camera files to DICOM, Interfile and pictures, losing nothing."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, what in (
        ("inspect", _inspect, "what a file holds"),
        ("explain", _explain, "field by field, where each value goes"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("file", type=Path)
        _common(command, run)
    command = commands.add_parser("convert", help="a file or a whole folder into another format")
    command.add_argument("source", type=Path)
    command.add_argument("out", type=Path, help="a file, or a folder")
    command.add_argument("--to", choices=sorted(convert.WRITERS), default="dicom")
    command.add_argument(
        "--write-dialect",
        default="",
        choices=[each.name for each in dialects.DIALECTS],
        help="of the Interfile that is written",
    )
    _look(command)
    _common(command, _convert)
    command = commands.add_parser("check", help="whether a DICOM object is right")
    command.add_argument("file", type=Path)
    command.set_defaults(run=_check)
    command.add_argument("--json", action="store_true", help="for programs")
    floppies.add(commands)
    lane.add(commands)
    return parser


def _look(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("pictures")
    group.add_argument("--palette", choices=PALETTES, default="grey")
    group.add_argument("--invert", action="store_true", help="most counts darkest")
    group.add_argument("--window", default="", metavar="LOW:HIGH", help="0:500, or 10%%:80%%")
    group.add_argument("--zoom", type=int, choices=range(1, 65), default=0, metavar="TIMES")
    group.add_argument("--milliseconds", type=float, default=0.0, help="a frame of a GIF")


def _common(command: argparse.ArgumentParser, run: object) -> None:
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="for programs")
    command.add_argument("--charset", choices=sorted(CHARSETS), default="")
    names = [each.name for each in dialects.DIALECTS]
    command.add_argument("--dialect", default="", choices=names, help="of the Interfile read")
    command.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key that this device never writes, and what holds for it",
    )
    command.add_argument(
        "--raw", type=Path, metavar="PROFILE", help="how the files lie, as a person approved it"
    )
    command.add_argument("--decimal-comma", action="store_true", help="numbers like 4,5")


def _options(parsed: argparse.Namespace) -> Options:
    assumed: dict[str, str] = {}
    for each in parsed.assume:
        key, delimiter, value = each.partition("=")
        if not delimiter:
            raise Refused(f"--assume {each!r}: KEY=VALUE is needed")
        assumed[key.strip()] = value.strip()
    return Options(parsed.charset, parsed.dialect, assumed, parsed.decimal_comma)


def _reader(parsed: argparse.Namespace) -> convert.Reader:
    """By the file's own format, or by the raw profile that was named."""
    return formats.raw(parsed.raw) if parsed.raw else formats.read


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _say_refused(parsed: argparse.Namespace, refused: Refused) -> None:
    file = getattr(parsed, "file", None) or parsed.source
    if parsed.json:
        print(show.as_json({"source": file, "refused": refused}))
    else:
        print(refused.show(file.name), file=sys.stderr)


def _inspect(parsed: argparse.Namespace) -> int:
    reading = _reader(parsed)(parsed.file, _options(parsed))
    _print([show.as_json(reading)] if parsed.json else show.inspect(reading))
    return OK


def _explain(parsed: argparse.Namespace) -> int:
    """The account of a conversion to DICOM, without writing it."""
    reading = _reader(parsed)(parsed.file, _options(parsed))
    positron = any(each.positron for each in reading.acquisitions)  # of which no object is made
    made = tuple(
        convert.Made(parsed.file, each.uid, each.fields)
        for each in (() if positron else dicom.objects(reading))
    )
    if parsed.json:
        derived = [each.derived for each in reading.acquisitions]
        print(show.as_json({"fields": [each.fields for each in made], "derived": derived}))
    else:
        _print(show.explain(reading.fields, reading.acquisitions[0].derived, made))
    return OK


def _check(parsed: argparse.Namespace) -> int:
    """1 when there are errors; without dciodvfy its judgement is missing, and that is told."""
    from intake.check.check import check

    report = check(parsed.file)
    if parsed.json:
        print(show.as_json(report.as_dict()))
    else:
        _print(each.show() for each in report.findings)
        judge = "dciodvfy and intake" if report.judged else "intake alone (no dciodvfy here)"
        print(f"{report.file}: {report.errors} errors, by {judge}")
    return REFUSED if report.errors else OK


def _convert(parsed: argparse.Namespace) -> int:
    look = Look(parsed.palette, parsed.invert, parsed.window, parsed.zoom, parsed.milliseconds)
    wanted = Wanted(parsed.to, _options(parsed), parsed.write_dialect, _reader(parsed), look)
    if parsed.source.is_dir():
        return _convert_folder(parsed, wanted)
    result = convert.convert(parsed.source, parsed.out, wanted)
    _say(parsed, result)
    return REFUSED if result.refused else OK


def _say(parsed: argparse.Namespace, result: convert.Result) -> None:
    if parsed.json:
        print(show.as_json(result), flush=True)
    else:
        where = sys.stderr if result.refused else sys.stdout
        print("\n".join(show.result(result)), file=where, flush=True)


def _convert_folder(parsed: argparse.Namespace, wanted: Wanted) -> int:
    parsed.out.mkdir(parents=True, exist_ok=True)
    if parsed.out.resolve().is_relative_to(parsed.source.resolve()):
        raise Refused(f"{parsed.out} is in the folder that is read", 0, "name another folder")
    total, done, refused = convert.count(parsed.source), 0, 0
    bar = sys.stderr.isatty() and not parsed.json
    for result in convert.folder(parsed.source, parsed.out, wanted):
        done += 1
        refused += bool(result.refused)
        if bar:
            print("\r\x1b[K", end="", file=sys.stderr)
        if not result.part_of or parsed.json:
            _say(parsed, result)
        if bar:
            _bar(done, total, refused)
    if bar:
        print(file=sys.stderr)
    if not parsed.json:
        print(f"{done} files, {refused} refused")
    return REFUSED if refused else OK


def _bar(done: int, total: int, refused: int) -> None:
    filled = BAR * done // max(1, total)
    bar = "#" * filled + "." * (BAR - filled)
    print(f"[{bar}] {done}/{total}, {refused} refused", end="", file=sys.stderr, flush=True)

"""One job of a DOS translator: files in, files out, in DOSBox without a screen, for so long and no
longer.

DOSBox (dosbox(1)) runs in the sandbox like any other program on a stranger's files: no network,
one folder, bounded memory and time. Drive C: is a copy of the translator's folder, fresh for each
job; D: holds the device's files under names of eight and three characters; what the translator
leaves on E: is the result.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from intake import files, sandbox
from intake.refused import Refused

_PLAIN = re.compile(r"[A-Z0-9_-]{1,8}(\.[A-Z0-9_-]{1,3})?")
_ENVIRONMENT = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy", "HOME": "/tmp"}  # noqa: S108 - the sandbox's own
_SCREEN = "SCREEN.TXT"
_FAILED = "FAILED.TXT"
_ENDED = "ENDED.TXT"
MEMORY = 2**30
WRITTEN = 2**28


@dataclass(frozen=True)
class Translator:
    """What an operator says of a vendor's program."""

    program: Path
    """The folder that holds it; nothing in there is ever changed."""
    commands: tuple[str, ...]
    """Lines of DOS, run on C:. ``{in}`` is the first file, as ``D:\\SCAN.IMG``."""
    parts: tuple[str, ...] = ()
    """Endings of files that belong together (``.HDR``, ``.IMG``); none: each file is a job."""
    seconds: int = 300
    """That a job may take."""


def translate(translator: Translator, sources: Sequence[Path], work: Path) -> Path:
    """The folder of what came out; Refused with what the translator wrote on its screen.

    ``work`` is an empty folder on a disk with room.
    """
    names = [dos_name(path.name, number) for number, path in enumerate(sources, 1)]
    if len({*names}) != len(names):
        raise Refused(f"two of {', '.join(names)} would have one name under DOS")
    _copy_program(translator.program, work / "c")
    drives = {letter: work / letter for letter in "de"}
    for drive in drives.values():
        drive.mkdir()
    for source, name in zip(sources, names, strict=True):
        with files.opened(source) as old, (drives["d"] / name).open("wb") as new:
            shutil.copyfileobj(old, new)
    (work / "dosbox.conf").write_text(_configuration(translator, names[0]), "ascii")
    words = ["dosbox", "-conf", "/work/dosbox.conf", "-noconsole"]
    limits = sandbox.Limits(translator.seconds, MEMORY, WRITTEN)
    try:
        sandbox.run(words, work, limits, _ENVIRONMENT)
    except Refused as refused:
        raise Refused(f"the DOS translator: {refused.reason}{_screen(work)}") from None
    if not (work / "c" / _ENDED).exists():
        raise Refused(f"DOSBox ended before the DOS translator did{_screen(work)}")
    failed = work / "c" / _FAILED
    if failed.exists() and failed.stat().st_size:  # DOS makes it, empty, when all is well
        raise Refused(f"the DOS translator reports an error{_screen(work)}")
    if not any(each.is_file() and not each.is_symlink() for each in drives["e"].iterdir()):
        raise Refused(f"the DOS translator made no file{_screen(work)}")
    return drives["e"]


def _copy_program(program: Path, target: Path) -> None:
    try:
        shutil.copytree(program, target)
    except (OSError, shutil.Error) as fault:
        raise Refused(f"the DOS translator in {program} cannot be copied: {fault}") from None
    if not any(target.iterdir()):
        raise Refused(
            f"there is no DOS translator in {program}", mend="copy it there, then `intake retry`"
        )


def dos_name(name: str, number: int) -> str:
    """A name that DOS takes: the file's own where it is one."""
    upper = name.upper()
    if _PLAIN.fullmatch(upper):
        return upper
    ending = re.sub(r"[^A-Z0-9]", "", PurePath(upper).suffix)[:3]
    return f"FILE{number:04}.{ending or 'DAT'}"


def _configuration(translator: Translator, first: str) -> str:
    """dosbox.conf: an old PC without sound, and the lines it runs when it starts."""
    lines = ["[mixer]", "nosound=true", "[midi]", "mididevice=none"]
    # The interpreting core: a hardened unit makes no code at run time (MemoryDenyWriteExecute=).
    lines += ["[cpu]", "core=normal", "cycles=max", "[autoexec]", "@echo off"]
    lines += [f"mount {letter} /work/{letter}" for letter in "cde"]
    lines.append("c:")
    for command in translator.commands:
        line = command.replace("{in}", f"D:\\{first}")
        lines.append(line if ">" in line else f"{line} >> C:\\{_SCREEN}")
        lines.append(f"if errorlevel 1 echo 1 > C:\\{_FAILED}")
    return "\n".join([*lines, f"echo 1 > C:\\{_ENDED}", "exit", ""])


def _screen(work: Path) -> str:
    """The last that it said; not what it draws on the screen past DOS."""
    place = work / "c" / _SCREEN
    if not place.is_file() or place.is_symlink():
        return ""
    with place.open("rb") as file:
        file.seek(max(0, place.stat().st_size - 400))
        said = file.read().decode("cp437").replace("\r", "")
    shown = "".join(char if char.isprintable() or char == "\n" else "?" for char in said).strip()
    return f"; it says: {shown}" if shown else ""

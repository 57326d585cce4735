"""A folder's hashes, signed with a key of ssh (ssh-keygen(1), -Y sign), so that it can be checked.

``sha256sum -c`` and ``ssh-keygen -Y verify`` do the same without this program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
NAMESPACE = "gateway-audit"
"""What the signature is for: one made for mail or git is not taken for one of these."""


@dataclass(frozen=True)
class Checked:
    """What became of a folder since it was written. ``signer`` is empty if that was not asked."""

    wrong: tuple[str, ...]
    signed: bool
    signer: str = ""


def write_sums(folder: Path) -> Path:
    """List the SHA-256 of every file, in the form of sha256sum(1)."""
    lines = [f"{_hash(folder / name)}  {name}\n" for name in sorted(_names(folder))]
    target = folder / SUMS
    target.write_text("".join(lines), "utf-8")
    return target


def sign(folder: Path, key: Path) -> Path:
    """Sign the sums. ``key``: a private key, or a public one whose private half an agent has."""
    target = folder / SIGNATURE
    target.unlink(missing_ok=True)
    run(["ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE, folder / SUMS])
    if not target.exists():
        raise Failed(f"ssh-keygen made no {target}")
    return target


def public_half(key: Path) -> str:
    """The public half of a signing key, as one line."""
    if key.suffix == ".pub":
        return key.read_text("utf-8").strip()
    beside = key.with_name(f"{key.name}.pub")
    if beside.exists():
        return beside.read_text("utf-8").strip()
    return run(["ssh-keygen", "-y", "-f", key]).stdout.strip()


def check(folder: Path, signers: Path | None = None) -> Checked:
    """Compare every file with the sums; with ``signers`` (ssh-keygen(1), ALLOWED SIGNERS), who
    signed them. Raises Failed if there are no sums."""
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except OSError as error:
        raise Failed(f"{folder} is no evidence pack: {SUMS}: {error.strerror}") from None
    sums = dict(_line(line) for line in lines)
    signed = (folder / SIGNATURE).exists()
    wrong = tuple(_differences(folder, sums))
    return Checked(wrong, signed, _signer(folder, signers) if signers else "")


def _line(line: str) -> tuple[str, str]:
    value, _, name = line.partition("  ")
    if len(value) != 64 or not name or "/" in name or name.startswith("."):
        raise Failed(f"{SUMS} has a line that is none: {line[:80]!r}")
    return name, value


def _names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if each.name not in (SUMS, SIGNATURE)}


def _hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _differences(folder: Path, sums: dict[str, str]) -> Iterator[str]:
    there = _names(folder)
    for name, value in sorted(sums.items()):
        if name not in there:
            yield f"{name}: missing"
        elif _hash(folder / name) != value:
            yield f"{name}: changed"
    for name in sorted(there - sums.keys()):
        yield f"{name}: was not there"


def _signer(folder: Path, signers: Path) -> str:
    """Who of the allowed ones signed the sums. Raises Failed if nobody did."""
    signature, sums = folder / SIGNATURE, (folder / SUMS).read_text("utf-8")
    if not signature.exists():
        raise Failed(f"{folder} is not signed")
    who = run(
        ["ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", signers], check=False
    ).stdout.splitlines()
    if not who:
        raise Failed(f"{signature} is by nobody whom {signers} allows")
    how: tuple[str | Path, ...] = ("-f", signers, "-I", who[0], "-n", NAMESPACE, "-s", signature)
    done = run(["ssh-keygen", "-Y", "verify", *how], stdin=sums, check=False)
    if done.returncode:
        raise Failed(f"{signature} does not fit {SUMS}: one of them was changed")
    return who[0]

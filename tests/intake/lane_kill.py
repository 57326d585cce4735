"""The lane killed at random moments under load, with a real Orthanc; runs in the Debian 13 tree.

    python3 tests/intake/lane_kill.py FOLDER KILLS [SEED]

Two devices drop files while `intake serve` is started and killed (SIGKILL) again and again. In
the end each good file is in the archive exactly once, none is missing, each poison file lies in
quarantine with its reason, and nothing is left in `incoming`.
"""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PORT = 8042
DEVICES = ("icon", "varicam")
BASES = ("static", "dynamic", "gated", "tomo", "recon")


def ask(path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=10) as answer:
        return json.load(answer)


def orthanc(folder: Path) -> subprocess.Popen[bytes]:
    """A real one, on this namespace's loopback."""
    configuration = {
        "StorageDirectory": str(folder / "archive"),
        "IndexDirectory": str(folder / "archive"),
        "HttpPort": PORT,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    log = (folder / "orthanc.log").open("wb")
    process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    for _ in range(300):
        try:
            ask("/system")
            return process
        except OSError:
            time.sleep(0.1)
    raise SystemExit((folder / "orthanc.log").read_text())


def files(number: int, rng: random.Random) -> dict[str, bytes]:
    """One study, or poison: each differs in its pixels and its patient."""
    text = (HERE / "base" / f"{BASES[number % len(BASES)]}.h33").read_text()
    text = text.replace("A123456789", f"P{number:05}").replace("scan.i33", f"S{number:04}.I33")
    data = rng.randbytes(1152)
    if number % 7 == 3:
        text = text.replace("!matrix size [1] := 8", "!matrix size [1] := 0")
    return {f"S{number:04}.I33": data, f"S{number:04}.H33": text.encode()}


def feed(root: Path, count: int, rng: random.Random, pace: float) -> None:
    """As cameras do: the parts in any order, in pieces, over a while."""
    for number in range(count):
        incoming = root / DEVICES[number % 2] / "incoming"
        for name, data in sorted(files(number, rng).items(), reverse=bool(number % 3)):
            with (incoming / name).open("wb") as stream:
                half = len(data) // 2
                stream.write(data[:half])
                stream.flush()
                time.sleep(rng.random() * pace / 4)
                stream.write(data[half:])
        time.sleep(rng.random() * pace)


def serve(config: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "intake", "serve", "--config", str(config)]
    log = config.with_suffix(".log").open("ab")
    return subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)


def main() -> None:
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)  # noqa: S311
    root, config = folder / "root", folder / "intake.json"
    for device in DEVICES:
        (root / device / "incoming").mkdir(parents=True)
    settings = {"root": str(root), "state": str(folder / "state"), "quiet": 0.3, "pause": 0.05}
    settings |= {"patience": 20.0, "reserve": 1 << 20, "devices": {name: {} for name in DEVICES}}
    settings |= {"archive": {"url": f"http://127.0.0.1:{PORT}"}}
    config.write_text(json.dumps(settings))
    archive = orthanc(folder)
    count = max(30, kills * 2)
    made = random.Random(5)  # noqa: S311
    feeder = threading.Thread(target=feed, args=(root, count, made, 2.0), daemon=True)
    feeder.start()
    moments = []
    for _ in range(kills):
        lane = serve(config)
        # A fifth while it starts, a third anywhere, the others while it is at work.
        word = rng.choices(["", "the lane works", " stored as "], [2, 3, 5])[0]
        if word:
            _wait_for(word, config)
        time.sleep(rng.uniform(0.0, 2.0 if word != " stored as " else 0.3))
        lane.send_signal(signal.SIGKILL)
        lane.wait()
        moments.append(len(ask("/instances")))
    feeder.join()
    finish(root, config)
    check(root, count, kills, moments)
    archive.terminate()
    archive.wait()


def _wait_for(word: str, config: Path) -> None:
    """Until the lane that was started says so; not for ever, there may be nothing to do."""
    log = config.with_suffix(".log")
    before = log.stat().st_size
    for _ in range(300):
        if word.encode() in log.read_bytes()[before:]:
            return
        time.sleep(0.02)


def finish(root: Path, config: Path) -> None:
    """Let it run in peace until nothing is left."""
    lane = serve(config)
    for _ in range(600):
        if not any((root / device / "incoming").iterdir() for device in DEVICES) and not _left(
            root
        ):
            break
        time.sleep(0.2)
    time.sleep(1)
    lane.send_signal(signal.SIGTERM)
    assert lane.wait(30) == 0


def _left(root: Path) -> list[str]:
    return [name for device in DEVICES for name in _names(root / device / "incoming")]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def check(root: Path, count: int, kills: int, moments: list[int]) -> None:
    good = {number for number in range(count) if number % 7 != 3}
    stored = [
        ask(f"/instances/{instance}/simplified-tags")["PatientID"] for instance in ask("/instances")
    ]
    assert _left(root) == [], _left(root)
    wanted = sorted(f"P{number:05}" for number in good)
    assert sorted(stored) == wanted, (len(stored), len(wanted))
    for number in range(count):
        base = root / DEVICES[number % 2]
        place = base / ("done" if number in good else "quarantine")
        for name in (f"S{number:04}.H33", f"S{number:04}.I33"):
            assert (place / name).is_file(), place / name
        if number not in good:
            text = (place / f"S{number:04}.H33.txt").read_text()
            assert "0 columns" in text, text
    during = sum(1 for one, other in itertools.pairwise(moments) if one != other)
    print(f"{kills} kills, {count} files, {len(stored)} objects, {during} kills after new objects")


if __name__ == "__main__":
    main()

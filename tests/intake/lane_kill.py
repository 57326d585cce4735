"""The lane killed at random moments under load, with a real Orthanc; runs in the Debian 13 tree.

    python3 tests/intake/lane_kill.py FOLDER KILLS [SEED]

Several lanes work for one archive, each with two devices that drop files, while each lane's
`intake serve` is started and killed (SIGKILL) again and again. In the end each good file is in the
archive exactly once, none is missing, each poison file lies in quarantine with its reason, and
nothing is left in `incoming`.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PORT = 8042
LANES = 5
PACE = 1.0
POISON = 3
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


def files(lane: int, number: int, rng: random.Random) -> dict[str, bytes]:
    """One study, or poison: each differs in its pixels and its patient."""
    text = (HERE / "base" / f"{BASES[number % len(BASES)]}.h33").read_text()
    text = text.replace("A123456789", patient(lane, number)).replace(
        "scan.i33", f"S{number:04}.I33"
    )
    data = rng.randbytes(1152)
    if number % 7 == POISON:
        text = text.replace("!matrix size [1] := 8", "!matrix size [1] := 0")
    return {f"S{number:04}.I33": data, f"S{number:04}.H33": text.encode()}


def patient(lane: int, number: int) -> str:
    return f"L{lane}P{number:05}"


def feed(site: Site, count: int, pace: float) -> None:
    """As cameras do: the parts in any order, in pieces, over a while."""
    rng = random.Random(5 + site.number)  # noqa: S311 - repeatable
    for number in range(count):
        incoming = site.root / DEVICES[number % 2] / "incoming"
        made = files(site.number, number, rng)
        for name, data in sorted(made.items(), reverse=bool(number % 3)):
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


class Site:
    """One lane, its devices and what is done to it."""

    def __init__(self, folder: Path, number: int, kills: int, seed: int) -> None:
        self.number, self.kills = number, kills
        self.count = max(8, kills * 2)
        self.root, self.config = folder / f"root{number}", folder / f"intake{number}.json"
        self._rng = random.Random(seed * 100 + number)  # noqa: S311 - repeatable
        for device in DEVICES:
            (self.root / device / "incoming").mkdir(parents=True)
        told: dict[str, Any] = {"root": str(self.root), "state": str(folder / f"state{number}")}
        told |= {"quiet": 0.3, "pause": 0.05, "patience": 20.0, "reserve": 1 << 20}
        told |= {"devices": {name: {} for name in DEVICES}}
        told |= {"archive": {"url": f"http://127.0.0.1:{PORT}"}}
        self.config.write_text(json.dumps(told))
        self.at_work = 0

    def torment(self) -> None:
        """Kill it so many times while files come, then let it finish."""
        feeder = threading.Thread(target=feed, args=(self, self.count, PACE), daemon=True)
        feeder.start()
        for _ in range(self.kills):
            lane = serve(self.config)
            # A fifth while it starts, a third anywhere, the others while it is at work.
            word = self._rng.choices(["", "the lane works", " stored as "], [2, 3, 5])[0]
            seen = bool(word) and _wait_for(word, self.config)
            time.sleep(self._rng.uniform(0.0, 1.0 if word != " stored as " else 0.3))
            lane.send_signal(signal.SIGKILL)
            lane.wait()
            self.at_work += seen and word == " stored as "
        feeder.join()
        finish(self.root, self.config)


def main() -> None:
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    folder.mkdir(parents=True, exist_ok=True)
    archive = orthanc(folder)
    shares = [kills // LANES + (number < kills % LANES) for number in range(LANES)]
    sites = [Site(folder, number, share, seed) for number, share in enumerate(shares)]
    began = time.monotonic()
    with ThreadPoolExecutor(LANES) as pool:
        for done in [pool.submit(site.torment) for site in sites]:
            done.result()
    stored = check(sites)
    at_work, count = sum(site.at_work for site in sites), sum(site.count for site in sites)
    print(
        f"{kills} kills of {LANES} lanes, {at_work} of them just behind an object, {count} files, "
        f"{stored} objects, {time.monotonic() - began:.0f} s"
    )
    archive.terminate()
    archive.wait()


def _wait_for(word: str, config: Path) -> bool:
    """Until the lane that was started says so; not for ever, there may be nothing to do."""
    log = config.with_suffix(".log")
    before = log.stat().st_size
    for _ in range(300):
        if word.encode() in log.read_bytes()[before:]:
            return True
        time.sleep(0.02)
    return False


def finish(root: Path, config: Path) -> None:
    """Let it run in peace until nothing is left."""
    lane = serve(config)
    _wait_for("the lane works", config)  # nothing may be left: a signal before it listens kills it
    for _ in range(1200):
        if not _left(root):
            break
        time.sleep(0.1)
    lane.send_signal(signal.SIGTERM)
    assert (code := lane.wait(30)) == 0, code


def _left(root: Path) -> list[str]:
    return [name for device in DEVICES for name in _names(root / device / "incoming")]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def check(sites: list[Site]) -> int:
    """Each good file once in the archive, each file where it belongs; the number of objects."""
    stored = [each["MainDicomTags"]["PatientID"] for each in ask("/patients?expand")]
    objects = ask("/statistics")["CountInstances"]
    wanted = []
    for site in sites:
        assert _left(site.root) == [], _left(site.root)
        for number in range(site.count):
            good = number % 7 != POISON
            wanted += [patient(site.number, number)] if good else []
            place = site.root / DEVICES[number % 2] / ("done" if good else "quarantine")
            for name in (f"S{number:04}.H33", f"S{number:04}.I33"):
                assert (place / name).is_file(), place / name
            if not good:
                text = (place / f"S{number:04}.H33.txt").read_text()
                assert "0 columns" in text, text
    assert sorted(stored) == sorted(wanted), (len(stored), len(wanted))
    assert objects == len(wanted), (objects, len(wanted))
    return int(objects)


if __name__ == "__main__":
    main()

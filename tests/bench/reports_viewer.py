"""How long somebody waits for an image (Debian 13's tree, loopback, two cores):

- the first image and a 60-frame cine of a 128 x 128 dynamic, from the click in a real Chromium to
  the pixels on its canvas, cold (the site has never seen it) and warm;
- what the server alone takes of that, against what Orthanc takes to draw the same frames
  (``/preview`` and ``/rendered``, each of which stretches every frame by itself);
- the first image of a PET series: a stack of 63 objects, each with a scale of its own;
- packed against plain: what packing costs, and what it saves on a wire of 100 Mbit/s and 1 Gbit/s;
- twenty readers at once.

``python tests/bench/reports_viewer.py``. Goals: first image 150 ms warm, 400 ms cold; cine 1 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FRAMES, SIDE, ROUNDS, READERS = 60, 128, 9, 20
SLICES = 63
WARM, COLD, CINE = 150.0, 400.0, 1000.0
INSIDE = "inside"


def renogram(study: str) -> Any:
    """Two kidneys and a bladder as a camera counts them."""
    import numpy as np
    import viewer_objects as make

    yy, xx = np.mgrid[0:SIDE, 0:SIDE]

    def organ(x: int, y: int, size: int, counts: float) -> Any:
        return counts * np.exp(-(((xx - x) / size) ** 2 + ((yy - y) / size / 1.5) ** 2))

    frames = []
    for minute in np.arange(FRAMES) / 6:
        kidney = 300 * minute * np.exp(1 - minute / 2)
        mean = 2 + organ(44, 54, 9, kidney) + organ(84, 56, 9, kidney * 0.8)
        frames.append(np.random.default_rng(7).poisson(mean + organ(64, 100, 9, 80 * minute)))
    phase = make.item(ActualFrameDuration=10_000, NumberOfFramesInPhase=FRAMES)
    steps = {"step": [*range(1, FRAMES + 1)]}
    pixels = np.array(frames, np.uint16)
    return make.nm("DYNAMIC", pixels, study, steps, PhaseInformationSequence=[phase])


def studies(orthanc: Any) -> dict[str, Any]:
    """As many as there are rounds, so that each can be cold once."""
    import viewer_site
    from pydicom.uid import generate_uid

    made = []
    for _round in range(3 * ROUNDS):
        each = renogram(generate_uid())
        study = viewer_site.enter(orthanc, [each])
        image = study.series.get().images.get()
        made.append({"study": study.uid, "image": image.uid, "archive": image.archive_id})
    return {"studies": made, "stacks": [volume(orthanc) for _round in range(2 * ROUNDS)]}


def volume(orthanc: Any) -> dict[str, Any]:
    """A PET series of one bed."""
    import numpy as np
    import viewer_objects as make
    import viewer_site
    from pydicom.uid import generate_uid

    from reports.studies.models import Image
    from reports.viewer import stacks

    pixels = np.random.default_rng(7).poisson(400, (SLICES, SIDE, SIDE)).astype(np.int16)
    slopes = [0.5 + number / SLICES for number in range(SLICES)]
    study = viewer_site.enter(orthanc, make.slices(generate_uid(), pixels, slopes))
    (stack,) = stacks.grouped(Image.objects.filter(series__study=study).select_related("series"))
    return {"study": study.uid, "image": stack.uid}


def took(act: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


class Client:
    """One reader's kept connection."""

    def __init__(self, url: str, cookie: str = "") -> None:
        import http.client

        self.wire = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        self.head = {"Cookie": f"sessionid={cookie}"} if cookie else {}

    def get(self, path: str, **head: str) -> bytes:
        """A body; anything but success is a failure of the bench."""
        self.wire.request("GET", path, headers={**self.head, **head})
        answer = self.wire.getresponse()
        body = answer.read()
        if answer.status not in (200, 304):
            raise AssertionError(f"{path}: {answer.status} {body[:200]!r}")
        return body


def first(client: Client, image: str) -> float:
    """What the viewer asks for before it shows something."""

    def act() -> None:
        client.get(f"/images/{image}/meta", **{"Accept-Encoding": "gzip"})
        client.get(f"/images/{image}/pixels?first=0&count=1")

    return took(act)


def drawn(client: Client, archive: str, how: str) -> float:
    """All frames, drawn by Orthanc."""
    one = f"/instances/{archive}/frames"
    return took(lambda: [client.get(f"{one}/{number}/{how}") for number in range(FRAMES)])


def servers(site: dict[str, Any]) -> None:
    """The server's side of it."""
    ours, theirs = Client(site["url"], site["cookie"]), Client(site["orthanc"])
    some = site["studies"][:ROUNDS]
    print("first image, server alone (ms): site cold, warm; Orthanc /preview, /rendered")
    ours.get(f"/studies/{some[0]['study']}/images")
    figures = [median(first(ours, each["image"]) for each in some) for _cold_then_warm in "cw"]
    for how in ("preview", "rendered"):
        path = "/instances/{archive}/frames/0/" + how
        figures.append(
            median(took(lambda p=path, e=each: theirs.get(p.format(**e))) for each in some)
        )
    print("  " + ", ".join(f"{each:.1f}" for each in figures))
    slices = site["stacks"][:ROUNDS]
    cold, warm = (median(first(ours, each["image"]) for each in slices) for _time in "cw")
    print(f"first image of {SLICES} slices, server alone (ms): cold {cold:.1f}, warm {warm:.1f}")
    print(f"{FRAMES} frames (ms): site plain, packed, unchanged (304); Orthanc /preview, /rendered")
    packs = {"Accept-Encoding": "gzip"}
    at = [f"/images/{each['image']}/pixels?first=1" for each in some]
    plain = median(took(lambda p=each: ours.get(p)) for each in at)
    packed = median(took(lambda p=each: ours.get(p, **packs)) for each in at)
    same = [{"If-None-Match": f'"1-{each["image"]}-1--1"'} for each in some]
    kept = median(took(lambda p=p, h=h: ours.get(p, **h)) for p, h in zip(at, same, strict=True))
    theirs = Client(site["orthanc"])  # Orthanc closed the other, idle meanwhile
    slow = [
        median(drawn(theirs, each["archive"], how) for each in some[:3])
        for how in ("preview", "rendered")
    ]
    print("  " + ", ".join(f"{each:.1f}" for each in (plain, packed, kept, *slow)))
    large, small = len(ours.get(at[0])), len(ours.get(at[0], **packs))
    print(f"  bytes plain {large}, packed {small} ({large / small:.1f} times)")
    for name, rate in (("100 Mbit/s", 100e6), ("1 Gbit/s", 1e9)):
        saved = (large - small) * 8 / rate * 1000
        print(f"  packing costs {packed - plain:.1f} ms and saves {saved:.1f} ms at {name}")


def crowd(site: dict[str, Any]) -> None:
    """Twenty at once, each with a connection, each all frames of every study."""
    images = [each["image"] for each in site["studies"][:ROUNDS]]
    first(Client(site["url"], site["cookie"]), images[0])

    def read(_number: int) -> list[float]:
        client = Client(site["url"], site["cookie"])
        firsts = []
        for image in images:
            firsts.append(first(client, image))
            client.get(f"/images/{image}/pixels?first=1", **{"Accept-Encoding": "gzip"})
        return firsts

    begun = time.perf_counter()
    with ThreadPoolExecutor(READERS) as pool:
        waits = sorted(each for found in pool.map(read, range(READERS)) for each in found)
    seconds = time.perf_counter() - begun
    print(
        f"{READERS} readers at once: {len(waits)} studies of {FRAMES} frames in {seconds:.1f} s,"
        f" first image median {median(waits):.0f} ms, 95% {waits[len(waits) * 95 // 100]:.0f} ms"
    )


MARKS = """
const done = arguments[0];
const look = () => {
  const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
  if (!at("viewer-all-frames")) return setTimeout(look, 5);
  const stage = document.querySelector(".caption");
  const begun = performance.now();
  const watch = new MutationObserver(() => {
    watch.disconnect();
    done([at("viewer-first-image"), at("viewer-all-frames"), performance.now() - begun]);
  });
  watch.observe(stage, { childList: true });
  document.querySelector(".rate").value = 30;
  document.querySelector(".rate").dispatchEvent(new Event("change"));
  document.querySelector(".play").click();
};
look();
"""


def waited(browser: Any, url: str, studies: list[dict[str, Any]]) -> list[float]:
    """Medians of MARKS' three figures."""
    rows = []
    for each in studies:
        browser.get(f"{url}/studies/{each['study']}/viewer")
        rows.append(browser.execute_async_script(MARKS))
    return [median(column) for column in zip(*rows, strict=True)]


def browsers(site: dict[str, Any], folder: Path) -> bool:
    """From the click to the canvas, each study once cold and once warm."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService
    from test_viewer_browser import FLAGS

    options = ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={folder / 'chromium'}"):
        options.add_argument(flag)
    browser = Chrome(options=options, service=ChromeService("/usr/bin/chromedriver"))
    try:
        browser.get(f"{site['url']}/static/viewer/palettes.json")
        browser.add_cookie({"name": "sessionid", "value": site["cookie"], "path": "/"})
        good = True
        fresh = site["stacks"][ROUNDS:]
        for name in ("cold", "warm"):
            shown, every, _moves = waited(browser, site["url"], fresh)
            print(f"Chromium, {name}: first of {SLICES} slices {shown:.0f} ms, all {every:.0f} ms")
        fresh = site["studies"][ROUNDS : 2 * ROUNDS]
        for name, goal in (("cold", COLD), ("warm", WARM)):
            shown, every, moves = waited(browser, site["url"], fresh)
            print(
                f"Chromium, {name} (ms from the click): first image {shown:.0f} (goal {goal:.0f}),"
                f" all {FRAMES} frames {every:.0f},"
                f" cine moves {every + moves:.0f} (goal {CINE:.0f})"
            )
            good = good and shown <= goal and every + moves <= CINE
        return good
    finally:
        browser.quit()


def inside(folder: Path) -> int:
    """In the tree."""
    import viewer_site

    place = folder / "site"
    place.mkdir()
    with viewer_site.site(place, "reports_viewer:studies") as site:
        servers(site)
        crowd(site)
        good = browsers(site, folder)
    print("goals reached" if good else "a goal is missed")
    return 0 if good else 1


def main() -> int:
    """Run it in the tree, or be run there."""
    if sys.argv[1:2] == [INSIDE]:
        sys.path[:0] = [str(ROOT), str(HERE.parent / "reports"), str(HERE)]
        return inside(Path(sys.argv[2]))
    from gateway.run import follow
    from lab import reporting

    with TemporaryDirectory(prefix="viewer-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        words = [
            "env",
            f"PYTHONPATH={HERE}",
            "python3",
            str(Path(__file__).resolve()),
            INSIDE,
            name,
        ]
        code, errors = follow(reporting.command(reporting.tree(print), words, folder, ROOT), print)
    print(errors, end="", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

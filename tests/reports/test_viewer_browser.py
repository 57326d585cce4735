"""The viewer in a real Chromium: what is on the canvas, and what keys and pointers do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import viewer_objects as make
import viewer_site
from kit import CHROMIUM
from pydicom.uid import generate_uid
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from reports.viewer import palettes

FLAGS = (*CHROMIUM, "--force-device-scale-factor=1")
SLOPES = [1.5, 0.25, 3.0, 0.125, 1.0]
LOOKED = """
  const canvas = document.querySelectorAll(".pane")[arguments[0]].querySelector(".frame");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return [canvas.width, canvas.height, Array.from(data)];
"""
LISTEN = """
  window.heard = [];
  document.addEventListener("key-image", (event) => window.heard.push(event.detail));
"""


def studies(orthanc: viewer_site.Orthanc) -> dict[str, Any]:
    """What the site of these tests has (in the site's own process)."""
    study, before = generate_uid(), generate_uid()
    objects = [each(study) for each in make.ALL]
    viewer_site.enter(orthanc, objects, description="All kinds")
    viewer_site.enter(orthanc, [make.dynamic(before, make.counts(6) * 2)], description="Before")
    broken = make.dynamic(generate_uid())
    broken.Rows = 4000
    viewer_site.enter(orthanc, [broken], patient_id="P-9")
    slices, cut = generate_uid(), generate_uid()
    pet = make.slices(slices, make.counts(5), SLOPES)
    ct = make.slices(slices, make.counts(3), [0.5] * 3, "CT", RescaleIntercept=-1024)
    viewer_site.enter(orthanc, [*pet, *ct], patient_id="P-10")
    torn = make.slices(cut, make.counts(3), SLOPES[:3])
    torn[1].PixelData = torn[1].PixelData[:10]
    viewer_site.enter(orthanc, torn, patient_id="P-11")
    return {
        "slices": slices,
        "cut": cut,
        "members": [each.SOPInstanceUID for each in [*pet, *ct]],
        "study": study,
        "before": before,
        "broken": broken.StudyInstanceUID,
        "images": [each.SOPInstanceUID for each in objects],
    }


class Looking:
    """A browser with the viewer open."""

    def __init__(self, browser: Chrome, site: dict[str, Any]) -> None:
        self.browser, self.site = browser, site

    def open(self, study: str = "study", query: str = "", image: int = 0) -> None:
        self.browser.get(f"{self.site['url']}/studies/{self.site[study]}/viewer{query}")
        self.wait("all")
        if image:
            Select(self.find(".images")).select_by_value(str(image))
            self.browser.execute_script("return 0")
            self.wait("all")
        self.browser.execute_script(LISTEN)

    def wait(self, state: str, pane: int = 0) -> None:
        self.until(
            lambda: (
                (panes := self.browser.find_elements(By.CSS_SELECTOR, ".pane"))[pane:]
                and panes[pane].get_attribute("data-state") == state
            )
        )

    def until(self, holds: Any) -> None:
        WebDriverWait(self.browser, 10, 0.02).until(lambda _browser: holds())

    def find(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def keys(self, *pressed: str) -> None:
        self.browser.execute_script(
            "document.querySelector('.stage:not([hidden]), .cell[aria-current]').focus()"
        )
        ActionChains(self.browser).send_keys(*pressed).perform()

    def with_held(self, held: str, *pressed: str) -> None:
        self.find(".stage").click()
        chain = ActionChains(self.browser).key_down(held)
        chain.send_keys(*pressed).key_up(held).perform()

    def canvas(self, pane: int = 0) -> Any:
        self.browser.execute_async_script("requestAnimationFrame(() => arguments[0]())")
        width, height, data = self.browser.execute_script(LOOKED, pane)
        return np.array(data, np.uint8).reshape(height, width, 4)

    def window(self, low: int, high: int) -> None:
        for selector, value in ((".high", high), (".low", low)):
            self.browser.execute_script(
                "arguments[0].value = arguments[1];arguments[0].dispatchEvent(new Event('change'))",
                self.find(selector),
                str(value),
            )

    def drag(self, start: tuple[float, float], *to: tuple[float, float], button: int = 0) -> None:
        """From and to places of the image's pixels."""
        canvas = self.find(".frame")
        size = canvas.size
        columns, rows = (int(canvas.get_attribute(each)) for each in ("width", "height"))

        def at(point: tuple[float, float]) -> tuple[int, int]:
            x = point[0] / columns * size["width"] - size["width"] / 2
            y = point[1] / rows * size["height"] - size["height"] / 2
            return round(x), round(y)

        chain = ActionChains(self.browser, duration=20)
        pointer = chain.w3c_actions.pointer_action
        pointer.move_to(canvas, *at(start)).pointer_down(button=button)
        for each in to:
            pointer.move_to(canvas, *at(each))
        pointer.pointer_up(button=button)
        chain.perform()


def painted(counts: Any, low: float, high: float, palette: str) -> Any:
    """The same picture, by Python."""
    colours = np.frombuffer(bytes.fromhex(palettes.made()[palette]), np.uint8).reshape(256, 3)
    level = np.clip((counts.astype(float) - low) / (high - low), 0, 1)
    return colours[(level * 255).astype(int)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with viewer_site.site(
        tmp_path_factory.mktemp("site"), "test_viewer_browser:studies"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def browser(site: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})  # type: ignore[no-untyped-call]
    made = Chrome(options=options, service=ChromeService("/usr/bin/chromedriver"))
    made.set_window_size(1280, 1000)
    made.get(f"{site['url']}/static/viewer/palettes.json")
    made.add_cookie({"name": "sessionid", "value": site["cookie"], "path": "/"})  # type: ignore[no-untyped-call]
    made.add_cookie({"name": "django_language", "value": "en", "path": "/"})  # type: ignore[no-untyped-call]
    yield made
    made.quit()


@pytest.fixture
def looking(browser: Chrome, site: dict[str, Any]) -> Iterator[Looking]:
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    yield Looking(browser, site)
    said = browser.get_log("browser")  # type: ignore[no-untyped-call]
    wrong = [each["message"] for each in said if each["level"] == "SEVERE"]
    # Chromium asks for an icon; an image that cannot be shown is an answer that it notes.
    assert not [each for each in wrong if "favicon" not in each and " 422 " not in each]


def test_every_kind_comes_and_says_what_it_is(looking: Looking) -> None:
    to = "\N{EN DASH}"
    says = [
        f"Frame 1 of 4 · 300 s · Tc99m 126{to}154 keV · detector 1, anterior",
        "900 s",
        f"0{to}2 s",
        f"0{to}100 ms · Tc99m 126{to}154 keV · detector 1, anterior · time slot 1",
        "350°",
        "350° · time slot 1",
        "slice 1 (0 mm)",
        "time slot 1 · slice 1 (0 mm)",
    ]
    looking.open()
    for number, text in enumerate(says):
        assert text in looking.text(".caption")
        if number < len(says) - 1:
            looking.keys(Keys.PAGE_DOWN)
            looking.until(
                lambda n=number: looking.find(".images").get_attribute("value") == str(n + 1)
            )
            looking.wait("all")


@pytest.mark.parametrize(
    "palette", ["grey", "inverse", "hot-iron", "pet", "hot-metal-blue", "pet-20-step"]
)
def test_the_canvas_has_exactly_the_colours_of_its_counts(looking: Looking, palette: str) -> None:
    looking.open(image=2)
    Select(looking.find(".palette")).select_by_value(palette)
    looking.window(3, 450)
    looking.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert "Frame 4 of 6" in looking.text(".caption")
    shown = looking.canvas()
    assert np.array_equal(shown[..., :3], painted(make.counts(6)[3], 3, 450, palette))
    assert not np.array_equal(shown[..., :3], painted(make.counts(6)[3], 3, 700, palette))
    assert (shown[..., 3] == 255).all()


def test_a_window_holds_for_the_series_and_a_static_frame_has_its_own(looking: Looking) -> None:
    looking.open(image=2)
    looking.window(10, 300)
    looking.keys(Keys.END)
    assert looking.find(".high").get_attribute("value") == "300"
    looking.keys("w")
    looking.canvas()
    assert looking.find(".high").get_attribute("value") == "606"
    looking.open()
    looking.window(10, 50)
    looking.keys(Keys.ARROW_RIGHT)
    assert looking.find(".high").get_attribute("value") == "206"
    looking.keys(Keys.ARROW_LEFT)
    assert looking.find(".high").get_attribute("value") == "50"


def test_both_levels_by_keys_and_by_the_pointer(looking: Looking) -> None:
    looking.open(image=2)
    levels = lambda: [int(looking.find(each).get_attribute("value")) for each in (".low", ".high")]  # noqa: E731
    looking.keys(",", ",", "]")
    looking.canvas()
    assert levels() == [12, 582]
    looking.drag((8, 8), (8, 4), button=2)
    looking.canvas()
    assert levels()[0] == 12
    assert levels()[1] < 582
    Select(looking.find(".tool")).select_by_value("window")
    looking.drag((8, 8), (10, 8))
    looking.canvas()
    assert levels()[0] > 12


def test_a_cine_goes_on_and_stands_still(looking: Looking) -> None:
    looking.open(image=2)
    assert "Frame 1 of 6" in looking.text(".caption")
    time.sleep(0.4)
    assert "Frame 1 of 6" in looking.text(".caption")  # nothing moves by itself
    looking.keys(" ")
    seen = set()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        seen.add(looking.text(".caption"))
    assert len(seen) == 6
    looking.keys(" ")
    still = looking.text(".caption")
    time.sleep(0.4)
    assert looking.text(".caption") == still
    assert looking.find(".play").get_attribute("aria-pressed") == "false"


def test_who_wants_less_motion_gets_a_slow_cine(looking: Looking) -> None:
    def prefers(value: str) -> None:
        features = [{"name": "prefers-reduced-motion", "value": value}]
        looking.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})  # type: ignore[no-untyped-call]

    prefers("reduce")
    looking.open(image=2)
    assert looking.find(".rate").get_attribute("value") == "2"
    prefers("no-preference")
    looking.open(image=2)
    assert looking.find(".rate").get_attribute("value") == "8"


def test_the_grid_has_all_frames_in_one_window(looking: Looking) -> None:
    looking.open(image=2)
    looking.keys("g")
    looking.until(lambda: len(looking.browser.find_elements(By.CSS_SELECTOR, ".cell")) == 6)
    looking.canvas()
    peaks = looking.browser.execute_script(
        "return [...document.querySelectorAll('.cell canvas')].map("
        "(c) => c.getContext('2d').getImageData(9, 7, 1, 1).data[0])"
    )
    assert peaks == [int(painted(make.counts(6)[n], 0, 606, "grey")[7, 9, 0]) for n in range(6)]
    assert peaks[0] < peaks[-1] == 255  # each by itself would be 255
    ActionChains(looking.browser).send_keys(Keys.ARROW_RIGHT).perform()
    assert looking.find(".cell[aria-current]").get_attribute("data-frame") == "1"
    assert "Frame 2 of 6" in looking.text(".caption")


def test_a_key_image_is_told_with_its_window(looking: Looking) -> None:
    looking.open(image=2)
    Select(looking.find(".palette")).select_by_value("pet")
    looking.window(5, 500)
    looking.find(".note").send_keys("left kidney")
    assert looking.browser.execute_script("return window.heard") == []
    looking.keys(Keys.ARROW_RIGHT, "k")
    wanted = {
        "image": looking.site["images"][2],
        "frame": 1,
        "low": 5,
        "high": 500,
        "palette": "pet",
        "note": "left kidney",
    }
    assert looking.browser.execute_script("return window.heard") == [wanted]
    assert "left kidney" in looking.text(".picked")
    looking.keys(Keys.END, "w", "p")
    looking.find(".picked button").click()
    looking.until(lambda: "Frame 2 of 6" in looking.text(".caption"))
    looking.canvas()
    assert looking.find(".high").get_attribute("value") == "500"


def curve(looking: Looking) -> list[list[str]]:
    looking.browser.execute_script("document.querySelector('.curve details').open = true")
    rows = looking.browser.find_elements(By.CSS_SELECTOR, ".curve tbody tr")
    return [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in rows]


@pytest.mark.parametrize("tool", ["rectangle", "ellipse"])
def test_a_curve_has_the_sums_of_its_region(looking: Looking, tool: str) -> None:
    looking.open(image=2)
    Select(looking.find(".tool")).select_by_value(tool)
    looking.drag((4.0, 3.0), (8.0, 6.0), (11.0, 9.0))
    y, x = np.mgrid[0:16, 0:16] + 0.5
    inside = (x > 4) & (x < 11) & (y > 3) & (y < 9)
    if tool == "ellipse":
        inside = ((x - 7.5) / 3.5) ** 2 + ((y - 6) / 3) ** 2 <= 1
    sums = [str(int(frame[inside].sum())) for frame in make.counts(6).astype(int)]
    assert [row[3].replace(",", "") for row in curve(looking)] == sums
    assert [row[1] for row in curve(looking)] == ["0", "3", "6", "12", "22", "32"]
    assert "counts per second" in looking.find(".plot").get_attribute("aria-label")
    looking.with_held(Keys.ALT, *[Keys.ARROW_RIGHT] * 4)
    assert [row[3].replace(",", "") for row in curve(looking)] != sums


def test_a_region_by_hand(looking: Looking) -> None:
    looking.open(image=2)
    Select(looking.find(".tool")).select_by_value("polygon")
    looking.drag((3.0, 2.0), (13.0, 2.0), (13.0, 12.0))
    y, x = np.mgrid[0:16, 0:16] + 0.5
    inside = (x - 3 > y - 2) & (x < 13) & (y > 2)  # a triangle
    sums = [int(frame[inside].sum()) for frame in make.counts(6).astype(int)]
    drawn = [int(row[3].replace(",", "")) for row in curve(looking)]
    edge = [
        int(frame[(x - 3 >= y - 2) & (x < 13) & (y > 2)].sum())
        for frame in make.counts(6).astype(int)
    ]
    # Centres on the very edge fall to either side, as the pointer's pixel on the screen did.
    assert all(low <= each <= high for low, each, high in zip(sums, drawn, edge, strict=True))
    assert drawn[0] < int(make.counts(6)[0].sum())


def test_a_curve_as_csv_is_no_formula(looking: Looking) -> None:
    looking.open()
    made = looking.browser.execute_async_script(
        "const done = arguments[0]; import('/static/viewer/curve.js').then((m) => done("
        "m.csv({heads: ['=1+1', 'a,\"b\"'], body: [[1, -2.5]]})))"
    )
    assert made == '\'=1+1,"a,""b"""\r\n1,-2.5\r\n'


def test_a_region_by_keys_alone(looking: Looking) -> None:
    looking.open(image=2)
    looking.keys("r")
    assert len(curve(looking)) == 6
    before = curve(looking)
    looking.with_held(Keys.ALT, Keys.ARROW_UP)
    assert curve(looking) != before
    looking.keys(Keys.DELETE)
    assert not looking.find(".curve").is_displayed()


def test_the_counts_under_a_pointer_and_under_the_cross(looking: Looking) -> None:
    looking.open(image=2)
    looking.drag((6.5, 4.5), (7.5, 5.5))
    looking.keys("0")
    ActionChains(looking.browser).move_to_element(looking.find(".frame")).move_by_offset(
        2, 2
    ).perform()
    assert looking.text(".under") == "column 9, row 9: 1"
    looking.with_held(Keys.SHIFT, Keys.ARROW_LEFT, Keys.ARROW_UP)
    assert looking.text(".under") == "column 9, row 8: 105"
    looking.keys(Keys.ARROW_RIGHT)
    assert looking.text(".under") == "column 9, row 8: 205"


def test_another_study_beside_it(looking: Looking) -> None:
    looking.open(query=f"?with={looking.site['before']}", image=2)
    looking.wait("all", 1)
    assert (
        looking.browser.find_elements(By.CSS_SELECTOR, ".high")[1].get_attribute("value") == "1212"
    )
    looking.find(".together input").click()
    looking.canvas(1)
    assert (
        looking.browser.find_elements(By.CSS_SELECTOR, ".high")[1].get_attribute("value") == "606"
    )
    looking.window(0, 800)
    for pane, counts in enumerate((make.counts(6), make.counts(6) * 2)):
        assert np.array_equal(looking.canvas(pane)[..., :3], painted(counts[0], 0, 800, "grey"))
    looking.open(query=f"?with={looking.site['broken']}")  # another patient's
    assert "no such study of this patient" in looking.text(".viewer-status")
    assert len(looking.browser.find_elements(By.CSS_SELECTOR, ".pane")) == 1


def test_an_image_that_cannot_be_shown_says_why(looking: Looking) -> None:
    looking.browser.get(f"{looking.site['url']}/studies/{looking.site['broken']}/viewer")
    looking.wait("failed")
    assert "ends too early" in looking.text(".status")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("new Response('<p>', {status: 403})", "has ended"),
        ("new Response('<p>', {status: 500})", "did not come"),
        ("Promise.reject(new TypeError())", "connection was lost"),
    ],
)
def test_what_went_wrong_is_said(looking: Looking, answer: str, says: str) -> None:
    looking.open(image=2)
    looking.browser.execute_script(f"window.fetch = async () => {answer}")
    looking.keys(Keys.PAGE_DOWN)
    looking.wait("failed")
    assert says in looking.text(".status")


def test_the_help_names_the_keys(looking: Looking) -> None:
    looking.open()
    looking.keys("?")
    assert "take the frame as a key image" in looking.text("dialog[open]")
    ActionChains(looking.browser).send_keys(Keys.ESCAPE).perform()
    assert not looking.browser.find_elements(By.CSS_SELECTOR, "dialog[open]")


def test_fingers_enlarge_and_move(looking: Looking) -> None:
    looking.open(image=2)
    stage = looking.find(".stage").rect
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + 100

    def touch(kind: str, *apart: float) -> None:
        points = [{"x": x + each, "y": y, "id": number} for number, each in enumerate(apart)]
        looking.browser.execute_cdp_cmd(  # type: ignore[no-untyped-call]
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
        )

    touch("touchStart", -20.0, 20.0)
    for apart in (30.0, 40.0, 60.0):
        touch("touchMove", -apart, apart)
    touch("touchEnd")
    assert "scale(3)" in looking.find(".moved").get_attribute("style")


def test_every_field_and_button_has_a_name(looking: Looking) -> None:
    looking.open(image=2)
    looking.keys("r")
    unnamed = looking.browser.execute_script(
        "return [...document.querySelectorAll('.viewer button, .viewer input, .viewer select')]"
        ".filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim()))"
        ".map((e) => e.className)"
    )
    assert unnamed == []
    words = looking.browser.execute_script(
        "return document.getElementById('viewer-words').textContent"
    )
    assert len(json.loads(words)) > 40


def heard(looking: Looking) -> list[dict[str, Any]]:
    return list(looking.browser.execute_script("return window.heard"))


def high(looking: Looking) -> float:
    looking.canvas()
    return float(looking.find(".high").get_attribute("value"))


def test_slices_of_different_scales_have_one_window(looking: Looking) -> None:
    stored = make.counts(5)
    mapped = stored * np.array(SLOPES)[:, None, None]
    most = float(mapped.max())
    looking.open("slices")
    assert looking.text(".images option").endswith("Slices · PT · \N{MULTIPLICATION SIGN} 5")
    assert "has its own scale" in looking.text(".notes")
    assert "BQML" in looking.text(".notes")
    for number in range(5):
        shown = looking.canvas()[..., :3]
        assert np.array_equal(shown, painted(mapped[number], 0, most, "grey"))
        assert not np.array_equal(shown, painted(stored[number], 0, stored.max(), "grey"))
        slice_at = f"slice {number + 1} ({4 * (number + 1)} mm)"
        assert f"Frame {number + 1} of 5 · 600 s" in looking.text(".caption")
        assert f"image {number + 1} · {slice_at}" in looking.text(".caption")
        looking.keys(Keys.ARROW_RIGHT)
    looking.keys(",")
    assert high(looking) == pytest.approx(most - most / 50)
    assert np.array_equal(looking.canvas()[..., :3], painted(mapped[0], 0, most * 0.98, "grey"))


def test_the_levels_of_slices_are_no_whole_numbers(looking: Looking) -> None:
    looking.open("slices")
    before = high(looking)
    looking.drag((8, 8), (8, 5), button=2)
    assert 0 < high(looking) < before
    assert high(looking) % 1 != 0
    looking.window(0.2, 0.7)
    told = [
        looking.find(each).get_attribute("aria-valuetext") for each in (".bar-low", ".bar-high")
    ]
    assert told == ["0.2 BQML", "0.7 BQML"]
    looking.window(20, 70)
    looking.keys("]")
    assert (high(looking), looking.find(".low").get_attribute("value")) == (70, "38.36")
    looking.with_held(Keys.SHIFT, Keys.ARROW_LEFT)
    assert looking.text(".under") == "column 9, row 9: 1.5 BQML"
    looking.keys("r")
    looking.canvas()
    assert "sum (BQML)" in looking.find(".plot").get_attribute("aria-label")


def test_slices_run_and_lie_side_by_side(looking: Looking) -> None:
    looking.open("slices")
    looking.keys(" ")
    seen = set()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        seen.add(looking.text(".caption"))
    assert len(seen) == 5
    looking.keys(" ", "g")
    cells = looking.browser.find_elements(By.CSS_SELECTOR, ".cell")
    assert [cell.text for cell in cells] == [f"{n} · slice {n} ({4 * n} mm)" for n in range(1, 6)]


def test_a_slice_as_a_key_image_is_its_own_object(looking: Looking) -> None:
    looking.open("slices")
    looking.window(5, 500)
    looking.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "k")
    (told,) = heard(looking)
    assert (told["image"], told["frame"]) == (looking.site["members"][2], 0)
    assert (told["low"], told["high"]) == (pytest.approx(5 / 3), pytest.approx(500 / 3))
    # As the report draws it, from what that object has stored.
    drawn = painted(make.counts(5)[2], told["low"], told["high"], "grey")
    assert np.abs(drawn.astype(int) - looking.canvas()[..., :3]).max() <= 1
    assert np.abs(painted(make.counts(5)[2], 5, 500, "grey").astype(int) - drawn).max() > 1
    assert "5\N{EN DASH}500" in looking.text(".picked")
    looking.keys(Keys.END, "w", Keys.PAGE_DOWN)
    looking.until(lambda: "Frame 1 of 3" in looking.text(".caption"))
    looking.wait("all")
    looking.find(".picked button").click()
    looking.until(lambda: "Frame 3 of 5" in looking.text(".caption"))
    assert high(looking) == 500


def test_slices_of_one_scale_are_shown_as_stored(looking: Looking) -> None:
    looking.open("slices", image=1)
    assert "as stored and mapped" in looking.text(".notes")
    assert "its own scale" not in looking.text(".notes")
    assert np.array_equal(looking.canvas()[..., :3], painted(make.counts(3)[0], 0, 306, "grey"))
    looking.window(5, 200)
    looking.keys(Keys.END, "k")
    (told,) = heard(looking)
    wanted = (looking.site["members"][7], 0, 5, 200)
    assert tuple(told[each] for each in ("image", "frame", "low", "high")) == wanted


def test_a_slice_that_cannot_be_shown_is_named(looking: Looking) -> None:
    looking.open("cut")
    assert "Image 2 of the series is not shown: This image ends too early" in looking.text(".notes")
    looking.keys(Keys.END)
    assert "Frame 2 of 2 · 600 s · image 3" in looking.text(".caption")
    looking.open("slices")
    assert "is not shown" not in looking.text(".notes")

"""The front page: today's studies, who sent them, and what the box says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as told
from django.urls import reverse
from django.utils import timezone
from studies_kit import a_study, login, person

from reports.studies.models import Follow, Study

pytestmark = pytest.mark.django_db


def front(role: str = "reader") -> str:
    answer = login(person(role, role=role)).get(reverse("front"))
    assert answer.status_code == 200
    return answer.content.decode()


def box(settings: Any, folder: Path, text: str) -> None:
    (folder / "status.json").write_text(text)
    settings.CONFIG = replace(told.CONFIG, status=str(folder / "status.json"))


def test_todays_studies_and_devices_are_counted_and_no_others() -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    a_study(1, when=midnight, device="icon")
    a_study(2, when=midnight + timedelta(hours=1), device="icon", status="final")
    a_study(3, when=midnight - timedelta(minutes=1), device="sophy")
    a_study(4, when=midnight, device="starcam", gone=True)
    Study.objects.filter(device="icon").update(seen_at=midnight - timedelta(days=1))
    a_study(5, when=midnight - timedelta(days=900), device="varicam")  # of an import, met now
    answer = login(person()).get(reverse("front"))
    counts = {value: many for value, _label, many in answer.context["counts"]}
    assert counts == {"unread": 1, "draft": 0, "preliminary": 0, "final": 1, "addendum": 0}
    assert [(each["device"], each["many"]) for each in answer.context["devices"]] == [("icon", 2)]


def test_the_archive_is_told_to_be_well_only_when_it_is() -> None:
    assert "has not been looked at yet" in front("reader")
    Follow.objects.create(pk=1, last=7)
    assert "the list is up to date" in front("reporter")
    Follow.objects.update(error="refused")
    assert "the list is up to date" not in front("administrator")


def test_the_box_says_how_it_is(settings: Any, tmp_path: Path) -> None:
    state = {
        "at": "2026-11-28T12:00:00+08:00",
        "disk": {"free": 250, "size": 1000},
        "fax": {"waiting": 2, "failed": 1},
        "copies_waiting": 3,
        "problems": ["The <b>clock</b> is wrong."],
    }
    box(settings, tmp_path, json.dumps(state))
    text = front()
    for word in ("75 % used", "2 waiting", "1 failed", "3 waiting"):
        assert word in text
    assert "more than" not in text
    assert "The &lt;b&gt;clock" in text
    box(settings, tmp_path, json.dumps({**state, "copies_more": True}))
    assert "more than 3 waiting" in front("reporter")


def test_what_the_cameras_folders_hold(settings: Any, tmp_path: Path) -> None:
    """A silent camera and a file in quarantine are marked, a camera that is well is not."""
    icon = {"name": "icon", "last": "2026-11-27T23:30:00.000+00:00", "waiting": 4, "outgoing": 0}
    icon |= {"quarantined": 0, "silent": False}
    state = {"at": "2026-11-28T12:00:00+08:00", "files": [icon]}
    box(settings, tmp_path, json.dumps(state))
    text = front()
    for word in ('id="front-files"', "icon", "2026-11-28 07:30", '<td class="number">4</td>'):
        assert word in text
    assert "silent" not in text
    assert "says why" not in text
    sophy = {**icon, "name": "sophy", "last": "", "quarantined": 2, "silent": True}
    box(settings, tmp_path, json.dumps({**state, "files": [icon, sophy]}))
    text = front("reporter")
    for word in ("never", "silent", "<b>2</b>", "says why"):
        assert word in text
    box(settings, tmp_path, json.dumps({**state, "files": []}))
    assert "front-files" not in front("administrator")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"at": 3}', '{"at": "2026-11-28", "disk": {"free": "x", "size": 1}}']
)
def test_a_state_that_cannot_be_read_is_said_and_nothing_breaks(
    settings: Any, tmp_path: Path, text: str
) -> None:
    box(settings, tmp_path, text)
    assert "state of the box cannot be read" in front()


def test_a_box_that_says_nothing_has_no_place_on_the_page() -> None:
    assert "front-box" not in front()


@pytest.mark.parametrize(("role", "seen"), [("reader", False), ("administrator", True)])
def test_who_restricts_finds_the_way(role: str, seen: bool) -> None:
    assert (reverse("restricted") in front(role)) is seen

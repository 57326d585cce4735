"""Invented people and studies, as many as are wanted."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.test import Client

from reports.people.models import Person
from reports.studies import names
from reports.studies.models import Status, Study

ZONE = ZoneInfo("Asia/Taipei")
FAMILIES = [
    "Lin 林",
    "Chen 陳",
    "Huang 黃",
    "Chang 張",
    "Li 李",
    "Wang 王",
    "Wu 吳",
    "Liu 劉",
    "Tsai 蔡",
    "Müller 米",
]
GIVEN = [
    "Mei-Hua 美華",
    "Wei-Lin 偉林",
    "Chih-Ming 志明",
    "Shu-Fen 淑芬",
    "Yi-Jun 怡君",
    "Jia-Hao 家豪",
]
EXAMINATIONS = (
    "Bone scan, whole body",
    "Thyroid scan",
    "Renography (MAG3)",
    "Myocardial perfusion, stress",
    "Lung perfusion",
    "Brain perfusion SPECT",
)
DEVICES = ("varicam", "starcam", "icon", "sophy")


def person(name: str = "lin", role: str = "reporter") -> Person:
    made: Person = Person.objects.create_user(name, password=None, role=role, name=name.title())
    return made


def login(who: Person) -> Client:
    client = Client()
    client.force_login(who)
    return client


def a_study(number: int = 1, **more: object) -> Study:
    told: dict[str, object] = {
        "uid": f"1.2.826.0.1.3680043.10.999.{number}",
        "archive_id": f"study-{number}",
        "patient_id": f"P{number:07}",
        "patient_name": "Lin^Mei-Hua",
        "patient_name_han": "林^美華",
        "birth_date": date(1960, 2, 3),
        "sex": "F",
        "when": datetime(2026, 11, 27, 10, 15, tzinfo=ZONE),
        "description": "Bone scan, whole body",
        "device": "varicam",
        "modalities": "NM",
        "images": 2,
        "revision": "one",
        **more,
    }
    return Study.objects.create(**told)


def fill(many: int, now: datetime, each_day: int = 25) -> None:
    """``many`` studies of the last days, the same each time."""
    dice = random.Random(7)  # noqa: S311 - no secret
    made = []
    for at in range(many):
        family, given = dice.choice(FAMILIES).split(), dice.choice(GIVEN).split()
        latin, han = f"{family[0]}^{given[0]}", f"{family[1]}^{given[1]}"
        old = at < 2 * each_day
        made.append(
            Study(
                uid=f"1.2.826.0.1.3680043.10.998.{at}",
                archive_id=f"invented-{at}",
                patient_id=f"P{dice.randrange(max(many * 2 // 3, 1)):07}",
                patient_name=latin,
                patient_name_han=han,
                search=names.searched(latin, han),
                birth_date=date(1930, 1, 1) + timedelta(dice.randrange(30000)),
                sex=dice.choice("MF"),
                when=now - timedelta(minutes=at * 24 * 60 // each_day),
                accession=f"A{at:08}",
                description=dice.choice(EXAMINATIONS),
                device=dice.choice(DEVICES),
                modalities="NM",
                images=dice.choice((1, 2, 2, 4, 8)),
                revision="one",
                status=dice.choice(Status.values) if old else Status.FINAL,
            )
        )
    Study.objects.bulk_create(made, batch_size=500)

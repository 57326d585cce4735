"""A plan: by meaning where there is one, without secrets, and without a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from box_kit import ME, MY_GROUP, BoxInAFolder, file

from gateway import features, plan
from gateway.box import orphans
from gateway.box import plan as box_plan
from gateway.box.claims import Claims
from gateway.box.manifest import Data, Manifest
from gateway.box.policy import Policy, parse
from gateway.features import policy_file
from gateway.load import load
from gateway.render import RenderedFile

SITE = Path(__file__).parent.parent.parent / "inventory" / "smallest" / "site.yml"
OWNER = f"{ME}:{MY_GROUP}"


@pytest.fixture
def box(tmp_path: Path) -> BoxInAFolder:
    made = BoxInAFolder(tmp_path)
    made.put("/etc/was", "the distribution's\n")
    made.apply(
        file("/etc/same"),
        file("/etc/text", "one\ntwo\n"),
        file("/etc/mode"),
        file("/etc/key", "old secret\n", mode=0o600),
        file("/etc/gone"),
        file("/etc/was", "ours\n"),
    )
    return made


WANTED = (
    file("/etc/same"),
    file("/etc/text", "one\n2\n", reload=("true", "x.service")),
    file("/etc/mode", mode=0o640),
    file("/etc/key", "new secret\n", mode=0o600),
    file("/etc/fresh", "a line\n"),
    file("/etc/fresh-key", "another secret\n", mode=0o600),
)


def planned(box: BoxInAFolder, *files: RenderedFile, **more: Any) -> dict[str, Any]:
    return box_plan.plan(box.store, box.archive(files, **more))


def test_every_file_that_would_change_and_how(box: BoxInAFolder) -> None:
    told = planned(box, *WANTED)
    assert told["changed"]
    found = {each["path"]: each for each in told["files"]}
    assert {path: each["what"] for path, each in found.items()} == {
        "/etc/text": "content",
        "/etc/mode": "standing",
        "/etc/key": "content",
        "/etc/fresh": "new",
        "/etc/fresh-key": "new",
        "/etc/gone": "removed",
        "/etc/was": "given back",
    }
    assert found["/etc/text"]["diff"].splitlines()[2:] == ["@@ -1,2 +1,2 @@", " one", "-two", "+2"]
    mode = found["/etc/mode"]
    assert (mode["before"], mode["after"]) == (f"0644 {OWNER}", f"0640 {OWNER}")
    assert told["units"]["reload"] == ["true x.service"]


def test_what_not_everybody_may_read_is_not_shown(box: BoxInAFolder) -> None:
    told = planned(box, *WANTED)
    shown = "\n".join(map(str, plan.show(told, whole=True)))
    assert "secret" not in str(told)
    assert "/etc/key changes (not for all to read: its text is not shown)" in shown
    # Control: the same, readable by all, is shown.
    told = planned(box, file("/etc/fresh-key", "another secret\n"))
    assert "+another secret" in "\n".join(map(str, plan.show(told, whole=True)))


def test_it_changes_nothing(box: BoxInAFolder) -> None:
    def look() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in box.root.rglob("*") if p.is_file()}

    before = look()
    planned(box, *WANTED)
    assert look() == before
    box.apply(*WANTED)
    assert look() != before, "an apply does"


def test_a_bare_box_is_told_from_one_that_is_right(box: BoxInAFolder, tmp_path: Path) -> None:
    box.apply(*WANTED)
    told = planned(box, *WANTED)
    assert not told["changed"]
    assert told["files"] == []
    assert "  nothing" in [str(line) for line in plan.show(told)]
    (tmp_path / "bare").mkdir()
    bare = planned(BoxInAFolder(tmp_path / "bare"), *WANTED)
    assert bare["bare"]
    assert not bare["flows"]["known"]
    assert {each["what"] for each in bare["files"]} == {"new"}


def policy_of(text: str, folder: Path) -> Policy:
    path = folder / "site.yml"
    path.write_text(text)
    loaded = load(path)
    flows = features.policy(loaded.site, loaded.source.line)
    return parse(policy_file.text(loaded.site, flows))


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{each['source']} {each['destination']} {each['service']}" for each in rows]


def test_flows_are_compared_by_what_they_let_begin(tmp_path: Path) -> None:
    text = SITE.read_text()
    before = policy_of(text, tmp_path)
    # Other lines and another order are no change of meaning.
    same = box_plan.flows(before, policy_of("# a line more\n\n" + text, tmp_path))
    assert (same["opens"], same["closes"]) == ([], [])
    access = "access:\n  - {from: inside, to: outside, services: [web]}\n"
    wide = policy_of(text + access, tmp_path)
    told = box_plan.flows(before, wide)
    assert names(told["opens"]) == ["inside outside web"]
    assert told["opens"][0]["reason"] == "access[0].services[0]:18"
    assert told["closes"] == []
    assert names(box_plan.flows(wide, before)["closes"]) == ["inside outside web"]
    # A flow that another one covers opens nothing, and its end closes nothing.
    more = "  - {from: reading-pc, to: 192.0.2.30, services: [tcp/443]}\n"
    both = policy_of(text + access + more, tmp_path)
    assert box_plan.flows(wide, both)["opens"] == []
    assert box_plan.flows(both, wide)["closes"] == []
    only = policy_of(text + "access:\n" + more, tmp_path)
    assert names(box_plan.flows(both, only)["closes"]) == ["inside outside web"]


def test_a_plan_is_shown_with_what_counts_first(box: BoxInAFolder, tmp_path: Path) -> None:
    told = planned(box, *WANTED)
    text = SITE.read_text()
    access = "access:\n  - {from: inside, to: outside, services: [web]}\n"
    policies = policy_of(text, tmp_path), policy_of(text + access, tmp_path)
    told["flows"] = box_plan.flows(*policies)
    told["packages"] = {"install": ["samba"], "unneeded": ["chrony"]}
    told["kept"] = ["the files of share images stay in /srv/gateway/shares/images"]
    shown = [str(line) for line in plan.show(told)]
    titles = [line for line in shown if line and not line.startswith((" ", "+", "-", "@"))]
    wanted = ["Flows", "Packages", "Services, in this order", "Data", "Files", "Text"]
    assert titles == ["the box has generation 1; an apply would change:", *wanted]
    assert any("+ opens  inside → outside  web (tcp/80, tcp/443)" in line for line in shown)
    assert "  ~ runs true x.service" in shown
    assert "  + samba is installed, with what it needs" in shown
    assert "  ~ /etc/text changes (+1 -1)" in shown
    assert plan.counts(told) == "1 flow opens, 1 package comes, 1 step for services, 7 files change"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("systemctl try-restart x.service", "x.service restarts"),
        ("/usr/bin/systemctl try-restart x.service y.service", "x.service, y.service restart"),
        ("systemctl try-reload-or-restart x.service", "x.service reloads"),
        ("nft -f /etc/nftables.conf", "the firewall takes its new rules at once"),
        ("hostname -F /etc/hostname", "runs hostname -F /etc/hostname"),
    ],
)
def test_a_command_is_told_as_what_becomes_of_a_service(command: str, said: str) -> None:
    units = {"stop": [], "mask": [], "reload": [command], "start": []}
    assert f"  ~ {said}" in map(str, plan._units(units))


def test_data_that_nothing_serves_any_more_is_told(box: BoxInAFolder) -> None:
    images = Data("/srv/images", "the files of share images")
    never = Data("/srv/never", "what was never made")
    before = Manifest("1", data=(images, never))
    box.put("/srv/images/a.ima", "x")
    paths = box.store.paths
    assert orphans.kept(paths, before, Manifest("2")) == [
        "the files of share images stay in /srv/images"
    ]
    assert orphans.kept(paths, before, Manifest("2", data=(images,))) == []


def test_a_packages_own_unit_stays_masked_when_its_feature_goes(
    box: BoxInAFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.box import services

    asked: list[list[str]] = []
    monkeypatch.setattr(services, "unmask", lambda names: asked.append(list(names)))
    box.put("/usr/lib/systemd/system/smbd.service", "[Service]\n")
    claims = Claims(box.store.paths)
    claims._masked = {"smbd.service": False, "ran.service": True, "gone.service": False}
    assert claims.unmask_unwanted((), ()) == {"ran.service": True, "gone.service": False}
    assert asked == [["gone.service", "ran.service"]]
    # Unless it is one that is to run now.
    assert claims.unmask_unwanted((), ("smbd.service",)) == {"smbd.service": False}

"""The archive: who may do what, its copies, and where its packages come from."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.box import testing_source
from gateway.features import archive, network, orthanc
from gateway.site import Site

PLUGIN = Path(archive.__file__).parent.parent / "box" / "orthanc"
ARCHIVE = {
    "ae_title": "NMARCHIVE",
    "writers": ["icon"],
    "readers": ["office"],
    "forward": ["pacs"],
}


def site(**described: Any) -> Site:
    return Site.model_validate(
        {
            "name": "small",
            "networks": {
                "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
                "cameras": {"nic": "cam0", "address": "10.1.1.1/24"},
                "office": {
                    "nic": "office0",
                    "address": "10.1.2.1/24",
                    "address6": "fd00:2::1/64",
                },
            },
            "administration": {"from": ["office"]},
            "devices": {
                "icon": {
                    "profile": "siemens-icon",
                    "network": "cameras",
                    "address": "10.1.1.11",
                    "ae_title": "ICON",
                },
                "pc": {
                    "profile": "windows-11",
                    "network": "office",
                    "address": "10.1.2.11",
                    "address6": "fd00:2::11",
                    "ae_title": "READING",
                    "dicom_port": 11112,
                },
                "typist": {"profile": "windows-11", "network": "office", "address": "10.1.2.12"},
            },
            "peers": {"pacs": {"address": "192.0.2.60", "ae_title": "PACS"}},
            "archive": ARCHIVE,
            **described,
        }
    )


def text(described: Site, path: str) -> str:
    return next(each.content.decode() for each in archive.files(described, ()) if each.path == path)


def test_nothing_without_an_archive() -> None:
    empty = site(archive=None)
    assert not list(archive.files(empty, ()))
    assert not list(archive.flows(empty))
    assert not archive.packages(empty)
    assert not list(archive.FEATURE.units(empty))
    assert not list(archive.FEATURE.masked(empty))


def test_flows_both_ways_and_no_more() -> None:
    found = {
        (str(each.source.addresses[0]), str(each.destination.addresses[0]), str(each.service))
        for each in archive.flows(site())
    }
    assert found == {
        ("10.1.1.11/32", "10.1.1.1/32", "tcp/104"),
        ("10.1.1.1/32", "10.1.1.11/32", "tcp/104"),
        ("10.1.2.11/32", "10.1.2.1/32", "tcp/104"),
        ("10.1.2.1/32", "10.1.2.11/32", "tcp/11112"),
        ("192.0.2.10/32", "192.0.2.60/32", "tcp/104"),
    }


def test_every_flow_is_ipv4_and_says_which_line_asked() -> None:
    for flow in archive.flows(site()):
        assert [each.version for each in flow.source.addresses] == [4]
        assert [each.version for each in flow.destination.addresses] == [4]
        assert flow.reason.path[0] == "archive"


def test_rights() -> None:
    read = orthanc.configuration(site(), site().archive)["DicomModalities"]  # type: ignore[arg-type]
    assert list(read) == ["icon", "pc", "pacs"]
    rights = {
        name: {key for key in each if key.startswith("Allow") and each[key]}
        for name, each in read.items()
    }
    reads = {"AllowEcho", "AllowFind", "AllowGet", "AllowMove"}
    assert rights["icon"] == reads | {"AllowStore", "AllowStorageCommitment"}
    assert rights["pc"] == reads
    assert rights["pacs"] == set(), "it gets copies, and was given nothing else"


def test_a_peer_may_be_given_rights() -> None:
    described = site(archive={**ARCHIVE, "readers": ["pacs"]})
    assert {each.name: each.role for each in orthanc.partners(described)}["pacs"] == "reader"
    ways = [flow for flow in archive.flows(described) if flow.destination.name == "pacs"]
    assert {flow.note for flow in ways} == {"retrieved images", "a copy of everything"}
    assert [each.name for each in orthanc.copied(described)] == ["pacs"]


def test_a_writer_is_named_before_its_network() -> None:
    described = site(archive={**ARCHIVE, "writers": ["pc"], "readers": ["office", "cameras"]})
    assert {each.name: each.role for each in orthanc.partners(described)} == {
        "pc": "writer",
        "icon": "reader",
        "pacs": "copies",
    }


def test_closed_by_default() -> None:
    read = json.loads(text(site(), archive.CONFIG))
    assert read["HttpBindAddresses"] == ["127.0.0.1"]
    assert read["AuthenticationEnabled"] is True
    assert read["DicomCheckCalledAet"] is True
    assert read["DicomCheckModalityHost"] is True
    assert read["MaximumStorageMode"] == "Reject"
    assert not [key for key in read if key.startswith("DicomAlwaysAllow") and read[key]]


def test_only_a_low_port_needs_a_capability() -> None:
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in text(site(), archive.UNIT_FILE)
    high = text(site(archive={**ARCHIVE, "port": 11112}), archive.UNIT_FILE)
    assert "CapabilityBoundingSet=\n" in high
    assert "Ambient" not in high


def test_partners_are_acknowledged_at_once() -> None:
    files = {each.path: each.content.decode() for each in network.files(site(), None)}
    route = "Destination=10.1.1.11/32\nScope=link\nQuickAck=yes"
    assert route in files["/etc/systemd/network/05-gateway-cam0.network"]
    assert "QuickAck" not in files["/etc/systemd/network/05-gateway-hosp0.network"]
    without = {each.path: each.content for each in network.files(site(archive=None), None)}
    assert not [path for path, content in without.items() if b"QuickAck" in content]


PINNED = ["orthanc", "libdcmtk20", "libboost-thread1.92.0", "libicu78", "libxml2-16"]
STABLE = ["libc6", "openssl", "libssl3t64", "orthanc-python", "libxml2", "dcmtk", "samba"]


def test_the_pin_is_narrow() -> None:
    blocks = text(site(), archive.PIN).split("\n\n")[1:]
    rules = [block.splitlines()[0].removeprefix("Package: ").split() for block in blocks]
    for name in PINNED:
        assert any(fnmatch.fnmatchcase(name, each) for rule in rules[:2] for each in rule), name
    for name in STABLE:
        assert not any(fnmatch.fnmatchcase(name, each) for rule in rules[:2] for each in rule), name
    assert rules[2] == ["*"]
    assert blocks[2].strip().endswith("Pin-Priority: -1")


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("http://m.example/debian trixie main\n", "http://m.example/debian"),
        ("http://m.example/debian stable main\n", "http://m.example/debian"),
        (
            "http://m.example/security trixie-security main\nmirror+file:/etc/m trixie main\n",
            "mirror+file:/etc/m",
        ),
        ("http://m.example/debian bookworm main\n", ""),
        ("http://m.example/debian trixie contrib\n", ""),
        ("", ""),
    ],
)
def test_testing_comes_from_the_boxs_own_mirror(listed: str, found: str) -> None:
    assert testing_source.mirror(listed) == found


def test_without_the_pin_there_is_no_source(tmp_path: Path) -> None:
    target = tmp_path / "testing.sources"
    target.write_text(testing_source.source("http://m.example/debian"))
    assert testing_source.main(tmp_path / "no-pin", target) == 0
    assert not target.exists()
    assert testing_source.main(tmp_path / "no-pin", target) == 0


@pytest.fixture(scope="module")
def forward() -> ModuleType:
    spec = importlib.util.spec_from_file_location("forward", PLUGIN / "forward.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["forward"] = module
    spec.loader.exec_module(module)
    return module


class Orthanc:
    """Its REST interface, with a peer that can be off or refuse an object."""

    def __init__(self, failed: type[Exception], objects: list[str]) -> None:
        self.failed = failed
        self.objects = dict.fromkeys(objects, "ICON")
        self.order = list(objects)
        self.off = False
        self.refuses: set[str] = set()
        self.got: list[str] = []

    def __call__(self, path: str, body: Any = None) -> Any:
        if path.startswith("/changes"):
            since = int(path.partition("since=")[2].partition("&")[0])
            some = self.order[since : since + 2]
            changes = [{"ID": each, "ChangeType": "NewInstance"} for each in some]
            return {"Changes": changes, "Last": since + len(some)}
        if path == "/modalities?expand":
            return {"pacs": {"AET": "PACS"}}
        if path.endswith("/metadata?expand"):
            return {"RemoteAET": self._known(path.split("/")[2])}
        if path.startswith("/instances/"):
            return self._known(path.split("/")[2])
        if self.off or self.refuses.intersection((body or {}).get("Resources", [])):
            raise self.failed(path)
        self.got += (body or {}).get("Resources", [])
        return {}

    def _known(self, identifier: str) -> str:
        if identifier not in self.objects:
            raise self.failed(identifier)
        return self.objects[identifier]


Couriers = Callable[[Orthanc], Any]


@pytest.fixture
def courier(forward: ModuleType, tmp_path: Path) -> Couriers:
    return lambda api: forward.Courier("pacs", tmp_path / "f" / "pacs.json", api, lambda _: None)


def test_everything_is_sent_once_and_remembered(forward: ModuleType, courier: Couriers) -> None:
    api = Orthanc(forward.Failed, ["a", "b", "c"])
    first = courier(api)
    assert [first.step(), first.step(), first.step()] == [True, True, False]
    assert api.got == ["a", "b", "c"]
    assert not courier(api).step(), "and not again after a restart"


def test_a_peer_that_is_off_loses_nothing(forward: ModuleType, courier: Couriers) -> None:
    api = Orthanc(forward.Failed, ["a", "b"])
    api.off = True
    sender = courier(api)
    with pytest.raises(forward.Failed):
        sender.step()
    assert (sender.state.seq, sender.state.refused) == (0, [])
    api.off = False
    assert sender.step()
    assert api.got == ["a", "b"]


def test_an_object_that_is_refused_does_not_hold_up_the_rest(
    forward: ModuleType, courier: Couriers
) -> None:
    api = Orthanc(forward.Failed, ["a", "bad", "c"])
    api.refuses = {"bad"}
    sender = courier(api)
    while sender.step():
        pass
    assert api.got == ["a", "c"]
    assert courier(api).state.refused == ["bad"]
    api.refuses = set()
    again = courier(api)
    again._again()
    assert api.got == ["a", "c", "bad"]
    assert courier(api).state.refused == []


def test_what_the_peer_sent_or_is_gone_is_not_sent(forward: ModuleType, courier: Couriers) -> None:
    api = Orthanc(forward.Failed, ["its-own", "gone", "ours"])
    api.objects["its-own"] = "PACS"
    del api.objects["gone"]
    sender = courier(api)
    while sender.step():
        pass
    assert api.got == ["ours"]


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"seq": "x", "refused": []}'])
def test_a_damaged_memory_sends_again(
    forward: ModuleType, courier: Couriers, tmp_path: Path, broken: str
) -> None:
    file = tmp_path / "f" / "pacs.json"
    file.parent.mkdir()
    file.write_text(broken)
    api = Orthanc(forward.Failed, ["a"])
    assert courier(api).step()
    assert api.got == ["a"]

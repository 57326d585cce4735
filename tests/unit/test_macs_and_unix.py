"""AFP and NFS: served to those who need them, confined to them, and not there for nobody."""

from __future__ import annotations

import re
from typing import Any

from gateway.features import netatalk, nfs
from gateway.policy import Flow
from gateway.render import RenderedFile
from gateway.site import Site

DEVICES = {
    "icon": ("siemens-icon", "cameras", "10.1.1.11"),
    "mac7": ("mac-os-7", "cameras", "10.1.1.17"),
    "picker": ("unix-camera", "cameras", "10.1.1.14"),
    "adac": ("sgi-irix", "cameras", "10.1.1.16"),
    "pc": ("windows-11", "office", "10.1.2.11"),
    "mac9": ("mac-os-9", "office", "10.1.2.23"),
}


def site(described: dict[str, Any], zone: str | None = None) -> Site:
    devices = {
        name: {"profile": profile, "network": network, "address": address}
        for name, (profile, network, address) in DEVICES.items()
    }
    networks = {
        "hospital": {"side": "outside", "nic": "hosp0", "address": "192.0.2.10/24"},
        "cameras": {"nic": "cam0", "address": "10.1.1.1/24", "zone": zone},
        "office": {"nic": "office0", "address": "10.1.2.1/24"},
    }
    tree = {"name": "small", "networks": networks, "administration": {"from": ["office"]}}
    return Site.model_validate({**tree, "devices": devices, "shares": described})


def opened(flows: list[Flow]) -> set[tuple[str, str]]:
    return {(flow.source.name, str(ports)) for flow in flows for ports in flow.service.ports}


def content(files: list[RenderedFile], path: str) -> str:
    return next(file.content.decode() for file in files if file.path == path)


def test_nothing_where_nobody_needs_it() -> None:
    without = site({"letters": {"writers": ["pc"]}})
    for feature in (netatalk.FEATURE, nfs.FEATURE):
        assert not list(feature.files(without, ()))
        assert not list(feature.flows(without))
        assert not [*feature.packages(without), *feature.units(without), *feature.masked(without)]


def test_afp_is_open_for_macs_alone() -> None:
    described = site({"images": {"writers": ["icon", "picker", "pc"], "readers": ["mac9"]}})
    flows = list(netatalk.flows(described))
    assert opened(flows) == {("icon", "tcp/548"), ("mac9", "tcp/548")}
    assert flows[0].reason.path == ("shares", "images", "writers", 0)


def test_a_way_to_log_in_only_where_somebody_needs_it() -> None:
    def methods(*writers: str) -> str:
        files = list(netatalk.files(site({"images": {"writers": list(writers)}}), ()))
        found = re.search("uam list = (.*)", content(files, netatalk.CONFIG))
        assert found
        return found[1]

    assert methods("mac9") == "uams_dhx.so uams_dhx2.so"
    assert methods("icon") == "uams_randnum.so"
    assert methods("icon", "mac9") == "uams_dhx.so uams_dhx2.so uams_randnum.so"


def test_rights_of_macs() -> None:
    described = site(
        {
            "images": {"writers": ["icon"], "readers": ["mac9"]},
            "letters": {"writers": ["pc"]},
        }
    )
    text = content(list(netatalk.files(described, ())), netatalk.CONFIG)
    assert "afp listen = 10.1.1.1 10.1.2.1\n" in text
    assert "rwlist = icon\n" in text
    assert "rolist = mac9\n" in text
    assert "hosts allow = 10.1.1.11 10.1.2.23\n" in text
    assert "[letters]" not in text


def test_nfs_is_open_for_unix_alone() -> None:
    described = site({"images": {"writers": ["picker", "icon"], "readers": ["pc"]}})
    ports = {"tcp/111", "tcp/2049", "tcp/20048"}
    assert opened(list(nfs.flows(described))) == {("picker", port) for port in ports}
    assert nfs.units(described)[-2:] == ("nfs-shares.service", nfs.RIGHTS)


def test_exports_name_each_client_with_its_own_rights() -> None:
    described = site({"images": {"writers": ["picker"], "readers": ["adac", "pc"]}})
    text = content(list(nfs.files(described, ())), nfs.CONFIG)
    clients = [block.split("}\n")[0] for block in text.split("CLIENT {")[1:]]
    assert len(clients) == 2
    writer, reader = clients
    for block, address, access, numbers in (
        (writer, "10.1.1.14", "RW", ("{uid:picker}", "{gid:share-images-rw}")),
        (reader, "10.1.1.16", "RO", ("{uid:adac}", "{gid:share-images-ro}")),
    ):
        assert f"Clients = {address};" in block
        assert f"Access_Type = {access};" in block
        assert "Squash = All_Squash;" in block
        assert all(number in block for number in numbers)
    assert text.count("Access_Type = None;") == 2  # by default, and of the export
    assert "Enable_UDP = false;" in text
    assert "Graceless = true;" in text
